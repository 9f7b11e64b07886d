package steadyhttp_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cenkalti/backoff/v4"

	"github.com/steadyhttp/steadyhttp"
)

// A stream that begins with an error and then goes on without a word is repeated
// at once, whoever puts its body into another between Classifier and Retrier.
func TestVerdictIsFoundWhateverWrapperStandsBetween(t *testing.T) {
	type thin struct{ io.ReadCloser }
	for _, row := range []struct {
		name string
		body func(io.ReadCloser) io.ReadCloser
	}{
		{"nobody", func(b io.ReadCloser) io.ReadCloser { return b }},
		{"a wrapper with a body of its own", func(b io.ReadCloser) io.ReadCloser { return thin{b} }},
		{"two of them", func(b io.ReadCloser) io.ReadCloser { return thin{thin{b}} }},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var at []time.Duration
				start := time.Now()
				wire := roundTripperFunc(func(req *http.Request) (*http.Response, error) {
					at = append(at, time.Since(start))
					resp := &http.Response{StatusCode: 200, Request: req, Body: http.NoBody}
					if len(at) == 1 {
						resp.Header = http.Header{"Content-Type": {"text/event-stream"}}
						more, _ := io.Pipe() // which brings nothing until it is closed
						resp.Body = struct {
							io.Reader
							io.Closer
						}{io.MultiReader(strings.NewReader("event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n"), more), more}
					}
					return resp, nil
				})
				classifier := &steadyhttp.Classifier{Base: wire}
				retrier := &steadyhttp.Retrier{
					BackOff: func() backoff.BackOff { return &backoff.ZeroBackOff{} },
					Base: roundTripperFunc(func(req *http.Request) (*http.Response, error) {
						resp, err := classifier.RoundTrip(req)
						if err == nil {
							resp.Body = row.body(resp.Body)
						}
						return resp, err
					}),
				}
				req := request(t, "POST", "https://api.anthropic.com/v1/messages", `{"model":"m","stream":true}`)
				resp, err := retrier.RoundTrip(req)
				if err != nil {
					t.Fatal(err)
				}
				finish(t, resp)
				if len(at) != 2 || at[1] > 0 {
					t.Errorf("got attempts at %v, want a second one at once", at)
				}
			})
		})
	}
}

// A second call with the context of a first one is a call like any other: nothing
// of what was noted of the first counts for it.
func TestContextThatIsUsedAgainStartsAfresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down := true
		wire := roundTripperFunc(func(req *http.Request) (*http.Response, error) {
			if down {
				return nil, io.ErrUnexpectedEOF
			}
			return &http.Response{StatusCode: 200, Request: req, Body: http.NoBody}, nil
		})
		rt := &steadyhttp.Retrier{
			Base:        &steadyhttp.Throttler{Base: wire},
			MaxAttempts: 2,
			Budget:      &steadyhttp.Budget{MaxRatio: 1e-9, MaxPerSecond: 1e-9},
			BackOff:     func() backoff.BackOff { return &backoff.ZeroBackOff{} },
		}
		call := func(ctx context.Context) steadyhttp.Call {
			resp, err := rt.RoundTrip(request(t, "GET", "https://api.example.com/x", "").WithContext(ctx))
			if err == nil {
				finish(t, resp)
			}
			c, _ := steadyhttp.FromContext(ctx)
			return c
		}
		for range 4 {
			call(t.Context())
		}
		again := steadyhttp.WithCall(t.Context())
		if c := call(again); c.Attempts != 2 {
			t.Fatalf("got %+v, want a second attempt that waits for the host and so is free", c)
		}
		down = false
		time.Sleep(time.Minute)
		call(t.Context()) // opens the host
		time.Sleep(time.Minute)
		down = true
		if c := call(again); c.Attempts != 1 || len(c.RetriedClasses) != 0 || c.Waited != 0 {
			t.Errorf("got %+v, want one attempt, as the budget allows no second", c)
		}
	})
}
