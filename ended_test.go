package steadyhttp_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyhttp/steadyhttp"
	"github.com/steadyhttp/steadyhttp/limit"
)

// stalls is a body that gives nothing until its request ends, and then net/http's
// untyped word for that.
type stalls struct{ req *http.Request }

func (b stalls) Read([]byte) (int, error) { return 0, untilEnd(b.req) }
func (b stalls) Close() error             { return nil }

// untilEnd waits for the request's end as http.Transport does: for its context,
// and for the channel that http.Client closes when its Timeout passes.
func untilEnd(req *http.Request) error {
	select {
	case <-req.Context().Done():
		return req.Context().Err()
	//lint:ignore SA1019 deprecated for callers, and what http.Client sets
	case <-req.Cancel:
		return errors.New("net/http: request canceled")
	}
}

// When the Timeout of http.Client passes, two things end at the same moment, and
// nobody knows which is seen first. Everybody is told of a timeout all the same.
func TestTimeoutOfHTTPClient(t *testing.T) {
	silent := roundTripperFunc(func(req *http.Request) (*http.Response, error) { return nil, untilEnd(req) })
	stalling := roundTripperFunc(func(req *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 200, Header: http.Header{}, ContentLength: 100, Body: stalls{req}, Request: req}, nil
	})
	for _, row := range []struct {
		name    string
		base    http.RoundTripper
		limiter limit.Limiter
		callers int
	}{
		{"before the headers", silent, nil, 1},
		{"while an answer is read", stalling, nil, 1},
		{"in the queue of a Throttler", silent, nil, 2},
		{"in the queue of another Limiter", silent, full{}, 1},
	} {
		t.Run(row.name, func(t *testing.T) {
			for range 50 {
				synctest.Test(t, func(t *testing.T) {
					client := &http.Client{Timeout: time.Minute, Transport: &steadyhttp.Transport{
						Base: row.base, Throttler: &steadyhttp.Throttler{MaxConcurrent: 1, Limiter: row.limiter},
					}}
					var wg sync.WaitGroup
					for range row.callers {
						wg.Go(func() {
							ctx := steadyhttp.WithCall(context.Background())
							resp, err := client.Do(request(t, "POST", chatURL, "").WithContext(ctx))
							read := err == nil
							if read {
								_, err = io.ReadAll(resp.Body)
								resp.Body.Close()
							}
							call, _ := steadyhttp.FromContext(ctx)
							for _, err := range []error{steadyhttp.Check(resp, err), call.Error} {
								var e *steadyhttp.Error
								timedOut := errors.As(err, &e) && e != nil && e.Class == steadyhttp.Timeout && (read || call.Stopped == "the deadline passed")
								if !timedOut && !(row.callers > 1 && errors.Is(err, steadyhttp.ErrThrottled)) {
									t.Errorf("got %v, and no further attempt since %q; want a timeout", err, call.Stopped)
								}
							}
						})
					}
					wg.Wait()
				})
			}
		})
	}
}

// full is a Limiter that never has a permit.
type full struct{ limit.Limiter }

func (full) Acquire(ctx context.Context, _ limit.Ask) (limit.Permit, error) {
	<-ctx.Done()
	return limit.Permit{}, context.Cause(ctx)
}

// http.Client says of an error that its Timeout was exceeded only if it has closed
// Request.Cancel before RoundTrip returns. It does that a moment after the deadline.
func TestClientSeesItsTimeout(t *testing.T) {
	untilDeadline := roundTripperFunc(func(req *http.Request) (*http.Response, error) {
		<-req.Context().Done()
		return nil, req.Context().Err()
	})
	for _, row := range []struct {
		name   string
		base   http.RoundTripper
		closed time.Duration // when Cancel is, after the deadline
		most   time.Duration // how much later RoundTrip may return
	}{
		{"in the base", untilDeadline, time.Millisecond, time.Millisecond},
		{"in a wait for a repeat", playing(reply{status: 503}), time.Millisecond, time.Millisecond},
		{"a deadline of the caller's own", untilDeadline, time.Hour, 5 * time.Millisecond},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const deadline = 100 * time.Millisecond
				start := time.Now()
				ctx, cancel := context.WithTimeout(t.Context(), deadline)
				defer cancel()
				canceled := make(chan struct{})
				timer := time.AfterFunc(deadline+row.closed, func() { close(canceled) })
				defer timer.Stop()
				req := request(t, "GET", "https://api.example.com/", "").WithContext(ctx)
				req.Cancel = canceled //lint:ignore SA1019 http.Client itself sets it
				resp, err := (&steadyhttp.Retrier{Base: row.base}).RoundTrip(req)
				if err == nil {
					resp.Body.Close()
				}
				if late := time.Since(start) - deadline; late > row.most || err != nil && late < min(row.closed, row.most) {
					t.Errorf("RoundTrip returned %v, %v after the deadline, want it %v after", err, late, min(row.closed, row.most))
				}
			})
		})
	}
}
