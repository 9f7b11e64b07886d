package steadyhttp_test

import (
	"errors"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyhttp/steadyhttp"
)

// Nothing is held back where no further attempt can follow.
func TestStreamThatCannotBeRepeatedIsNotHeld(t *testing.T) {
	const hold = 2 * time.Second
	once := func(r *http.Request) *http.Request {
		return r.WithContext(steadyhttp.WithRetry(r.Context(), steadyhttp.RetryPolicy{MaxAttempts: 1}))
	}
	for _, row := range []struct {
		name    string
		retrier *steadyhttp.Retrier
		request func(*http.Request) *http.Request
		took    time.Duration
	}{
		{"by default", &steadyhttp.Retrier{}, nil, hold},
		{"FirstOutput", &steadyhttp.Retrier{FirstOutput: 5 * time.Second}, nil, 5 * time.Second},
		{"FirstOutput off", &steadyhttp.Retrier{FirstOutput: -1}, nil, 0},
		{"MaxAttempts 1", &steadyhttp.Retrier{MaxAttempts: 1}, nil, 0},
		{"MaxAttempts 1 for the call", &steadyhttp.Retrier{}, once, 0},
		{"a call that may do harm", &steadyhttp.Retrier{FirstOutput: time.Second}, func(r *http.Request) *http.Request {
			return r.WithContext(steadyhttp.WithRetry(r.Context(), steadyhttp.RetryPolicy{NotIdempotent: true}))
		}, 0},
		{"a client that repeats by itself", &steadyhttp.Retrier{}, func(r *http.Request) *http.Request {
			r.Header.Set("X-Stainless-Retry-Count", "1")
			return r
		}, 0},
		{"a body that cannot be had again", &steadyhttp.Retrier{}, func(r *http.Request) *http.Request {
			r.GetBody, r.ContentLength = nil, 2<<20
			return r
		}, 0},
		{"an AttemptTimeout shorter than the hold", &steadyhttp.Retrier{AttemptTimeout: time.Second}, nil, hold},
	} {
		for _, logged := range []bool{false, true} {
			t.Run(row.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					rt := &steadyhttp.Transport{Base: streaming(sending(nil, whole(chatEvents[0])...)), Retrier: row.retrier}
					if logged {
						rt.Logger, _ = observed()
					}
					req := chat(t)
					if row.request != nil {
						req = row.request(req)
					}
					start := time.Now()
					resp, err := rt.RoundTrip(req)
					if err != nil {
						t.Fatal(err)
					}
					if took := time.Since(start); took != row.took {
						t.Errorf("returned after %v, want %v", took, row.took)
					}
					resp.Body.Close()
				})
			})
		}
	}
}

// The last of the attempts is returned with its headers, like the only one.
func TestStreamOfTheLastAttemptIsNotHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		base := roundTripperFunc(func(req *http.Request) (*http.Response, error) {
			if n++; n == 1 {
				return streaming(sending(io.EOF, whole(chatEvents[0], chatError)...)).RoundTrip(req)
			}
			return streaming(sending(io.EOF, at(0, chatEvents[0]), at(time.Second, chatError))).RoundTrip(req)
		})
		rt := &steadyhttp.Transport{Base: base, Retrier: &steadyhttp.Retrier{MaxAttempts: 2, BackOff: noWait}}
		start := time.Now()
		resp, err := rt.RoundTrip(chat(t))
		if err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took != 0 || n != 2 {
			t.Errorf("returned after %v and %d attempts, want none and 2", took, n)
		}
		var e *steadyhttp.Error
		if got, err := readTo(resp.Body, 1<<10); got != chatEvents[0]+chatError || !errors.As(err, &e) {
			t.Errorf("got %q and %v, want the stream and its error", got, err)
		}
		resp.Body.Close()
	})
}

// A stream that breaks or ends before its output is a failed attempt, whatever came
// before that.
func TestStreamThatEndsBeforeItsOutputIsRepeated(t *testing.T) {
	for _, row := range []struct {
		name  string
		parts []part
		end   error
	}{
		{"nothing", nil, io.EOF},
		{"nothing, reset", nil, errReset},
		{"comments", whole(": one\n\n", ": two\n\n"), io.EOF},
		{"comments, reset", whole(": one\n\n"), io.ErrUnexpectedEOF},
		{"[DONE]", whole("data: [DONE]\n\n"), io.EOF},
		{"a role, reset a second later", []part{at(0, chatEvents[0]), at(time.Second, "")}, io.ErrUnexpectedEOF},
		{"half an event", whole(`data: {"id":"c1","obj`), io.EOF},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := 0
				base := roundTripperFunc(func(req *http.Request) (*http.Response, error) {
					if n++; n == 1 {
						return streaming(sending(row.end, row.parts...)).RoundTrip(req)
					}
					return streaming(sending(io.EOF, whole(chatEvents...)...)).RoundTrip(req)
				})
				resp, err := (&steadyhttp.Transport{Base: base}).RoundTrip(chat(t))
				if err != nil {
					t.Fatal(err)
				}
				if got := finish(t, resp); got != join(chatEvents...) || n != 2 {
					t.Errorf("got %q after %d requests, want the second's stream", got, n)
				}
			})
		})
	}
}

// What a stream tells after its end is nothing to anybody.
func TestErrorAfterTheEndOfAStream(t *testing.T) {
	resp := classified(t, chat(t), sending(io.EOF, whole(join(chatEvents...)+chatError)...))
	if got := finish(t, resp); got != join(chatEvents...)+chatError {
		t.Errorf("got %q", got)
	}
	if err := steadyhttp.Check(resp, nil); err != nil {
		t.Errorf("Check: got %v, want nil", err)
	}
}

// An error that comes too late to be repeated is on record and in the log.
func TestLateErrorInAnAnswerIsOnRecord(t *testing.T) {
	for _, length := range []int64{-1, int64(len(errorInside))} {
		synctest.Test(t, func(t *testing.T) {
			logger, logs := observed()
			rt := &steadyhttp.Transport{
				Logger: logger,
				Base:   answering(200, http.Header{"Content-Type": {"application/json"}}, sending(io.EOF, at(time.Second, errorInside)), length),
			}
			ctx := steadyhttp.WithCall(t.Context())
			start := time.Now()
			resp, err := rt.RoundTrip(chat(t).WithContext(ctx))
			if err != nil || time.Since(start) != 250*time.Millisecond {
				t.Fatalf("got %v after %v, want an answer after a quarter of a second", err, time.Since(start))
			}
			if got := finish(t, resp); got != errorInside {
				t.Errorf("got %q", got)
			}
			if e := callOf(t, ctx).Error; e == nil || e.Class != steadyhttp.ServerError || steadyhttp.Check(resp, nil) != error(e) {
				t.Errorf("on record: got %v, want the error", e)
			}
			if got := only(t, logs); got["error.type"] != "server_error" {
				t.Errorf("in the log: got %v, want the error", got)
			}
		})
	}
}
