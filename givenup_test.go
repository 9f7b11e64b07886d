package steadyhttp_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyhttp/steadyhttp"
)

// A loop further out that hands in one request again and again costs us one
// attempt each time, once we gave up on it.
func TestCallersOwnRepeats(t *testing.T) {
	fresh := func(*http.Request) *http.Request {
		req, _ := http.NewRequest("GET", "https://api.example.com/v1/things", nil)
		return req
	}
	same := func(req *http.Request) *http.Request { return req }
	copied := func(req *http.Request) *http.Request { // what go-retryablehttp does
		shallow := *req
		return &shallow
	}
	otherMethod := func(req *http.Request) *http.Request {
		next := fresh(nil)
		next.URL = req.URL
		next.Method = map[string]string{"GET": "HEAD", "HEAD": "OPTIONS"}[req.Method]
		return next
	}
	otherLength := func(req *http.Request) *http.Request {
		next, _ := http.NewRequest("PUT", "https://api.example.com/v1/things", strings.NewReader(strings.Repeat("x", 1+int(req.ContentLength))))
		next.URL = req.URL
		return next
	}
	down, refused, fine := reply{status: 503}, reply{status: 400}, reply{status: 200}
	four := []reply{down, down, down, down}
	for _, row := range []struct {
		name     string
		next     func(*http.Request) *http.Request
		pause    time.Duration
		replies  []reply
		attempts []int // of three calls
		stopped  string
	}{
		{"the same request at once", same, 0, []reply{down}, []int{4, 1, 1}, "the client retries this request itself"},
		{"a copy of it with the same URL", copied, time.Second, []reply{down}, []int{4, 1, 1}, "the client retries this request itself"},
		{"as late as go-retryablehttp waits", same, 30 * time.Second, []reply{down}, []int{4, 1, 1}, "the client retries this request itself"},
		{"later than that", same, 31 * time.Second, []reply{down}, []int{4, 4, 4}, "4 attempts were made, as many as allowed"},
		{"a new request to the same place", fresh, 0, []reply{down}, []int{4, 4, 4}, "4 attempts were made, as many as allowed"},
		{"one that was not worth a repeat the first time", same, 0, []reply{refused, down}, []int{1, 4, 1}, "the client retries this request itself"},
		{"its repeat succeeds, and so the loop ends", same, 0, append(four[:4:4], fine, down), []int{4, 1, 4}, "4 attempts were made, as many as allowed"},
		{"another method at the same URL", otherMethod, 0, []reply{down}, []int{4, 4, 4}, "4 attempts were made, as many as allowed"},
		{"another body at the same URL", otherLength, 0, []reply{down}, []int{4, 4, 4}, "4 attempts were made, as many as allowed"},
		{"behind a gateway that takes its time to give up", same, time.Second, []reply{{status: 504, after: 40 * time.Second}}, []int{4, 1, 1}, "the client retries this request itself"},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				base := playing(row.replies...)
				retrier := &steadyhttp.Retrier{Base: base, BackOff: noWait, MaxElapsed: -1, Budget: &steadyhttp.Budget{MaxRatio: -1}}
				req := fresh(nil)
				var attempts []int
				var call steadyhttp.Call
				for range 3 {
					before := len(base.sent)
					resp, err := retrier.RoundTrip(req)
					if err != nil {
						t.Fatal(err)
					}
					resp.Body.Close()
					attempts = append(attempts, len(base.sent)-before)
					call, _ = steadyhttp.FromContext(resp.Request.Context())
					time.Sleep(row.pause)
					req = row.next(req)
				}
				if !slices.Equal(attempts, row.attempts) || call.Stopped != row.stopped {
					t.Errorf("got %v attempts, %q; want %v, %q", attempts, call.Stopped, row.attempts, row.stopped)
				}
			})
		})
	}
}

// A loop that makes a new request each time is known by its context, as long as it
// does one thing after the other.
func TestCallersOwnRepeatsByContext(t *testing.T) {
	call := func(ctx context.Context, rt http.RoundTripper) {
		req, _ := http.NewRequestWithContext(ctx, "GET", "https://api.example.com/v1/things", nil)
		resp, err := rt.RoundTrip(req)
		if err != nil {
			t.Error(err)
			return
		}
		resp.Body.Close()
	}
	own := func(t *testing.T) context.Context {
		ctx, cancel := context.WithCancel(t.Context())
		t.Cleanup(cancel)
		return ctx
	}
	down := reply{status: 500, after: time.Second}
	for _, row := range []struct {
		name     string
		calls    func(t *testing.T, rt http.RoundTripper)
		requests int
	}{
		{"one context for all attempts", func(t *testing.T, rt http.RoundTripper) {
			ctx := own(t)
			for range 3 {
				call(ctx, rt)
			}
		}, 4 + 1 + 1},
		{"values added to it", func(t *testing.T, rt http.RoundTripper) {
			ctx := own(t)
			for i := range 3 {
				call(context.WithValue(ctx, &down, i), rt)
			}
		}, 4 + 1 + 1},
		{"a context for each", func(t *testing.T, rt http.RoundTripper) {
			for range 3 {
				call(own(t), rt)
			}
		}, 4 + 4 + 4},
		{"one that never ends", func(t *testing.T, rt http.RoundTripper) {
			for range 3 {
				call(context.Background(), rt)
			}
		}, 4 + 4 + 4},
		{"one for calls at once, and for one after them", func(t *testing.T, rt http.RoundTripper) {
			ctx := own(t)
			var wg sync.WaitGroup
			wg.Go(func() { call(ctx, rt) })
			wg.Go(func() { call(ctx, rt) })
			wg.Wait()
			call(ctx, rt)
		}, 4 + 4 + 4},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				base := playing(down)
				row.calls(t, &steadyhttp.Retrier{Base: base, BackOff: noWait, Budget: &steadyhttp.Budget{MaxRatio: -1}})
				if got := base.count(); got != row.requests {
					t.Errorf("got %d requests, want %d", got, row.requests)
				}
			})
		})
	}
}

// What is remembered of requests is bounded, and forgetting one costs no more
// than the attempts of a fresh call.
func TestCallersOwnRepeatsAreForgotten(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: so many calls take seconds, and fewer do not reach the bound")
	}
	t.Parallel()
	base := playing(reply{status: 503})
	retrier := &steadyhttp.Retrier{Base: base, BackOff: noWait, Budget: &steadyhttp.Budget{MaxRatio: -1}}
	call := func(req *http.Request) (attempts int) {
		before := len(base.sent)
		resp, err := retrier.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return len(base.sent) - before
	}
	first, _ := http.NewRequest("GET", "https://api.example.com/", nil)
	call(first)
	for range 13_000 {
		req, _ := http.NewRequest("GET", "https://api.example.com/", nil)
		if n := call(req); n != 4 {
			t.Fatalf("got %d attempts at a new request, want 4", n)
		}
	}
	if n := call(first); n != 4 {
		t.Errorf("got %d attempts at one that was forgotten, want 4", n)
	}
}

// Calls at the same time that share a URL are no repeats of each other.
func TestCallsAtOnceAreNoRepeats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := 0
		base := replying(func(req *http.Request) reply {
			if req.Header.Get("Id") == "gives up" {
				return reply{status: 503}
			}
			if slow++; slow == 1 {
				return reply{status: 504, after: 20 * time.Second}
			}
			return reply{status: 200}
		})
		retrier := &steadyhttp.Retrier{Base: base, BackOff: noWait}
		template := request(t, "GET", "https://api.example.com/", "")
		call := func(id string) int {
			req := template.WithContext(t.Context())
			req.Header = http.Header{"Id": {id}}
			resp, err := retrier.RoundTrip(req)
			if err != nil {
				t.Error(err)
				return 0
			}
			finish(t, resp)
			return resp.StatusCode
		}
		var wg sync.WaitGroup
		wg.Go(func() {
			if status := call("takes its time"); status != 200 {
				t.Errorf("got %d, want that it is repeated", status)
			}
		})
		time.Sleep(time.Second)
		wg.Go(func() { call("gives up") })
		wg.Wait()
	})
}
