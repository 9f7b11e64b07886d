package steadyhttp_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyhttp/steadyhttp"
	"github.com/steadyhttp/steadyhttp/limit"
)

// A diary is what a Trace was told, a line each, with the seconds since it was begun.
type diary struct {
	t     testing.TB
	start time.Time

	mu    sync.Mutex
	lines []string
}

type diaryKey struct{}

// diaryOf returns a diary, what fills it, and a context that has to reach every function.
func diaryOf(t testing.TB) (*diary, *steadyhttp.Trace, context.Context) {
	d := &diary{t: t, start: time.Now()}
	return d, d.trace(), context.WithValue(t.Context(), diaryKey{}, d)
}

func (d *diary) write(ctx context.Context, format string, args ...any) {
	if d.t == nil {
		return // it is only there
	}
	if ctx.Value(diaryKey{}) != d {
		d.t.Errorf("%q was told with another context than the caller's", format)
	}
	if _, ok := steadyhttp.FromContext(ctx); !ok {
		d.t.Errorf("%q was told with a context that has no record", format)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lines = append(d.lines, fmt.Sprintf("%g ", time.Since(d.start).Seconds())+fmt.Sprintf(format, args...))
}

func (d *diary) trace() *steadyhttp.Trace {
	return &steadyhttp.Trace{
		AttemptStart: func(ctx context.Context, req *http.Request) {
			if req.URL == nil { // which a base has to complain about
				return
			}
			d.write(ctx, "attempt at %s%s", req.URL.Host, req.URL.Path)
		},
		AttemptDone: func(ctx context.Context, key limit.Key, resp *http.Response, e *steadyhttp.Error) {
			status := 0
			if resp != nil {
				status = resp.StatusCode
			}
			d.write(ctx, "attempt done: %q %d %s", key.Route, status, cameTo(e))
		},
		WaitStart: func(ctx context.Context, w limit.Wait) {
			d.write(ctx, "%s wait of %s for %s at %s", w.Priority, w.For, w.Why, w.Key.Host)
		},
		WaitDone: func(ctx context.Context, w limit.Wait) { d.write(ctx, "waited %s for %s", w.For, w.Why) },
		Target:   func(ctx context.Context, name string) { d.write(ctx, "target %q", name) },
		CallDone: func(ctx context.Context, c steadyhttp.Call) {
			d.write(ctx, "done: %d attempts, waited %s, %d tokens, %s", c.Attempts, c.Waited, c.OutputTokens, cameTo(c.Error))
		},
	}
}

func cameTo(e *steadyhttp.Error) string {
	if e == nil {
		return "ok"
	}
	return e.Class.String() + " " + e.Fate.String()
}

// get makes a call and reads what it comes to.
func get(t testing.TB, rt http.RoundTripper, ctx context.Context, url string) {
	t.Helper()
	resp, err := (&http.Client{Transport: rt}).Do(request(t, "GET", url, "").WithContext(ctx))
	if err == nil {
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
}

// closeUnread makes a call and closes the body without having read it.
func closeUnread(t testing.TB, rt http.RoundTripper, req *http.Request) {
	t.Helper()
	resp, err := rt.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	resp.Body.Close()
}

const traced = "https://api.example.com/v1/things"

// streamOfClaude is a stream whose pieces come a second apart.
func streamOfClaude() http.RoundTripper {
	return eventStream("", io.EOF, at(0, storyStart), at(time.Second, storyPiece), at(time.Second, storyUsage+storyStop))
}

func TestTraceTellsWhatACallGoesThrough(t *testing.T) {
	for _, tt := range []struct {
		name  string
		base  func() http.RoundTripper
		setup func(*steadyhttp.Transport)
		act   func(t *testing.T, rt http.RoundTripper, ctx context.Context)
		want  string
	}{
		{
			name: "a success",
			base: func() http.RoundTripper { return playing(reply{status: 200, body: "ok", after: time.Second}) },
			want: `
0 attempt at api.example.com/v1/things
1 attempt done: "GET /v1/things" 200 ok
1 done: 1 attempts, waited 0s, 0 tokens, ok`,
		},
		{
			name: "a success without a body",
			base: func() http.RoundTripper { return answering(204, nil, http.NoBody, 0) },
			act: func(t *testing.T, rt http.RoundTripper, ctx context.Context) {
				rt.RoundTrip(request(t, "GET", traced, "").WithContext(ctx)) // with nothing to read
			},
			want: `
0 attempt at api.example.com/v1/things
0 attempt done: "GET /v1/things" 204 ok
0 done: 1 attempts, waited 0s, 0 tokens, ok`,
		},
		{
			name: "a body that is closed late and unread",
			base: func() http.RoundTripper { return playing(reply{status: 200, body: "ok"}) },
			act: func(t *testing.T, rt http.RoundTripper, ctx context.Context) {
				resp, _ := rt.RoundTrip(request(t, "GET", traced, "").WithContext(ctx))
				time.Sleep(3 * time.Second)
				resp.Body.Close()
				resp.Body.Close()
			},
			want: `
0 attempt at api.example.com/v1/things
0 attempt done: "GET /v1/things" 200 ok
3 done: 1 attempts, waited 0s, 0 tokens, ok`,
		},
		{
			name: "a body that nobody closes, until its context ends",
			base: func() http.RoundTripper { return playing(reply{status: 200, body: "ok"}) },
			act: func(t *testing.T, rt http.RoundTripper, ctx context.Context) {
				ctx, cancel := context.WithCancel(ctx)
				rt.RoundTrip(request(t, "GET", traced, "").WithContext(ctx))
				time.Sleep(3 * time.Second)
				cancel()
				synctest.Wait()
			},
			want: `
0 attempt at api.example.com/v1/things
0 attempt done: "GET /v1/things" 200 ok
3 done: 1 attempts, waited 0s, 0 tokens, ok`,
		},
		{
			name: "a 503, then a success",
			base: func() http.RoundTripper { return playing(reply{status: 503}, reply{status: 200}) },
			want: `
0 attempt at api.example.com/v1/things
0 attempt done: "GET /v1/things" 503 unavailable unknown
0 normal wait of 1s for backoff at api.example.com
1 waited 1s for backoff
1 attempt at api.example.com/v1/things
1 attempt done: "GET /v1/things" 200 ok
1 done: 2 attempts, waited 1s, 0 tokens, ok`,
		},
		{
			name: "a 429 with Retry-After",
			base: func() http.RoundTripper {
				return playing(reply{status: 429, header: "Retry-After: 7"}, reply{status: 200})
			},
			want: `
0 attempt at api.example.com/v1/things
0 attempt done: "GET /v1/things" 429 rate_limit refused
0 normal wait of 8s for retry-after at api.example.com
8 waited 8s for retry-after
8 attempt at api.example.com/v1/things
8 attempt done: "GET /v1/things" 200 ok
8 done: 2 attempts, waited 8s, 0 tokens, ok`,
		},
		{
			name:  "the queue of a limit that is set",
			base:  func() http.RoundTripper { return playing(reply{status: 200}) },
			setup: func(rt *steadyhttp.Transport) { rt.Throttler = &steadyhttp.Throttler{RequestsPerMinute: 5} },
			act: func(t *testing.T, rt http.RoundTripper, ctx context.Context) {
				get(t, rt, ctx, traced)
				get(t, rt, steadyhttp.WithPriority(ctx, steadyhttp.Batch), traced)
			},
			want: `
0 attempt at api.example.com/v1/things
0 attempt done: "GET /v1/things" 200 ok
0 done: 1 attempts, waited 0s, 0 tokens, ok
0 batch wait of 12s for the limit of requests per minute at api.example.com
12 waited 12s for the limit of requests per minute
12 attempt at api.example.com/v1/things
12 attempt done: "GET /v1/things" 200 ok
12 done: 1 attempts, waited 12s, 0 tokens, ok`,
		},
		{
			name:  "a wait that a deadline forbids",
			base:  func() http.RoundTripper { return playing(reply{status: 200}) },
			setup: func(rt *steadyhttp.Transport) { rt.Throttler = &steadyhttp.Throttler{RequestsPerMinute: 5} },
			act: func(t *testing.T, rt http.RoundTripper, ctx context.Context) {
				get(t, rt, ctx, traced)
				ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
				defer cancel()
				get(t, rt, ctx, traced)
			},
			want: `
0 attempt at api.example.com/v1/things
0 attempt done: "GET /v1/things" 200 ok
0 done: 1 attempts, waited 0s, 0 tokens, ok
0 done: 1 attempts, waited 0s, 0 tokens, rate_limit never sent`,
		},
		{
			name:  "a caller who gives up in the queue",
			base:  func() http.RoundTripper { return playing(reply{status: 200}) },
			setup: func(rt *steadyhttp.Transport) { rt.Throttler = &steadyhttp.Throttler{RequestsPerMinute: 5} },
			act: func(t *testing.T, rt http.RoundTripper, ctx context.Context) {
				get(t, rt, ctx, traced)
				ctx, cancel := context.WithCancel(ctx)
				time.AfterFunc(5*time.Second, cancel)
				get(t, rt, ctx, traced)
			},
			want: `
0 attempt at api.example.com/v1/things
0 attempt done: "GET /v1/things" 200 ok
0 done: 1 attempts, waited 0s, 0 tokens, ok
0 normal wait of 12s for the limit of requests per minute at api.example.com
5 waited 5s for the limit of requests per minute
5 done: 1 attempts, waited 5s, 0 tokens, canceled unknown`,
		},
		{
			name: "a caller who gives up between two attempts",
			base: func() http.RoundTripper { return playing(reply{status: 429, header: "Retry-After: 7"}) },
			act: func(t *testing.T, rt http.RoundTripper, ctx context.Context) {
				ctx, cancel := context.WithCancel(ctx)
				time.AfterFunc(3*time.Second, cancel)
				get(t, rt, ctx, traced)
			},
			want: `
0 attempt at api.example.com/v1/things
0 attempt done: "GET /v1/things" 429 rate_limit refused
0 normal wait of 8s for retry-after at api.example.com
3 waited 3s for retry-after
3 done: 1 attempts, waited 3s, 0 tokens, canceled unknown`,
		},
		{
			name: "a gate that another call has shut",
			base: func() http.RoundTripper {
				return playing(reply{status: 429, header: "Retry-After: 7"}, reply{status: 200})
			},
			setup: func(rt *steadyhttp.Transport) { rt.Retrier.MaxAttempts = 1 },
			act: func(t *testing.T, rt http.RoundTripper, ctx context.Context) {
				get(t, rt, ctx, traced)
				get(t, rt, ctx, traced)
			},
			want: `
0 attempt at api.example.com/v1/things
0 attempt done: "GET /v1/things" 429 rate_limit refused
0 done: 1 attempts, waited 0s, 0 tokens, rate_limit refused
0 normal wait of 7s for the server asked for a pause at api.example.com
1 waited 1s for the server asked for a pause
1 attempt at api.example.com/v1/things
1 attempt done: "GET /v1/things" 200 ok
1 done: 1 attempts, waited 1s, 0 tokens, ok`,
		},
		{
			name: "a target that answers for the host that is busy",
			base: func() http.RoundTripper { return playing(reply{status: 503}, reply{status: 200}) },
			setup: func(rt *steadyhttp.Transport) {
				rt.Failover = &steadyhttp.Failover{Targets: []steadyhttp.Target{{Name: "west", URL: "https://west.example"}}, Hosts: []string{"api.example.com"}}
			},
			want: `
0 attempt at api.example.com/v1/things
0 attempt done: "GET /v1/things" 503 unavailable unknown
0 target "west"
0 attempt at west.example/v1/things
0 attempt done: "GET /v1/things" 200 ok
0 done: 2 attempts, waited 0s, 0 tokens, ok`,
		},
		{
			name: "a target, and back after a wait",
			base: func() http.RoundTripper {
				return playing(reply{status: 503}, reply{status: 500}, reply{status: 200})
			},
			setup: func(rt *steadyhttp.Transport) {
				rt.Failover = &steadyhttp.Failover{Targets: []steadyhttp.Target{{Name: "west", URL: "https://west.example"}}, Hosts: []string{"api.example.com"}}
			},
			want: `
0 attempt at api.example.com/v1/things
0 attempt done: "GET /v1/things" 503 unavailable unknown
0 target "west"
0 attempt at west.example/v1/things
0 attempt done: "GET /v1/things" 500 server_error unknown
0 normal wait of 1s for backoff at api.example.com
1 waited 1s for backoff
1 target ""
1 attempt at api.example.com/v1/things
1 attempt done: "GET /v1/things" 200 ok
1 done: 3 attempts, waited 1s, 0 tokens, ok`,
		},
		{
			name: "a target at once, since the host has asked for a pause",
			base: func() http.RoundTripper {
				return playing(reply{status: 429, header: "Retry-After: 30"}, reply{status: 200})
			},
			setup: func(rt *steadyhttp.Transport) {
				rt.Failover = &steadyhttp.Failover{Targets: []steadyhttp.Target{{Name: "west", URL: "https://west.example"}}, Hosts: []string{"api.example.com"}}
			},
			act: func(t *testing.T, rt http.RoundTripper, ctx context.Context) {
				get(t, rt, ctx, traced)
				get(t, rt, ctx, traced)
			},
			want: `
0 attempt at api.example.com/v1/things
0 attempt done: "GET /v1/things" 429 rate_limit refused
0 target "west"
0 attempt at west.example/v1/things
0 attempt done: "GET /v1/things" 200 ok
0 done: 2 attempts, waited 0s, 0 tokens, ok
0 target "west"
0 attempt at west.example/v1/things
0 attempt done: "GET /v1/things" 200 ok
0 done: 1 attempts, waited 0s, 0 tokens, ok`,
		},
		{
			name: "a stream, done with its last byte and its tokens",
			base: streamOfClaude,
			act: func(t *testing.T, rt http.RoundTripper, ctx context.Context) {
				resp, err := rt.RoundTrip(request(t, "POST", claudeURL, `{"model":"claude","messages":[],"stream":true}`).WithContext(ctx))
				if err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Second)
				finish(t, resp)
			},
			want: `
0 attempt at api.anthropic.com/v1/messages
1 attempt done: "POST /v1/messages" 200 ok
2 done: 1 attempts, waited 0s, 15 tokens, ok`,
		},
		{
			name: "a stream that is cut off",
			base: func() http.RoundTripper {
				return eventStream("", resetByPeer(), at(0, storyStart), at(0, storyPiece), at(2*time.Second, ""))
			},
			act: func(t *testing.T, rt http.RoundTripper, ctx context.Context) {
				resp, err := rt.RoundTrip(request(t, "POST", claudeURL, `{"model":"claude","messages":[],"stream":true}`).WithContext(ctx))
				if err != nil {
					t.Fatal(err)
				}
				io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
			},
			want: `
0 attempt at api.anthropic.com/v1/messages
0 attempt done: "POST /v1/messages" 200 ok
2 done: 1 attempts, waited 0s, 1 tokens, connection applied`,
		},
		{
			name: "a redirect, whose hops are two calls",
			base: func() http.RoundTripper {
				return playing(reply{status: 503}, reply{status: 302, header: "Location: /elsewhere"}, reply{status: 200})
			},
			want: `
0 attempt at api.example.com/v1/things
0 attempt done: "GET /v1/things" 503 unavailable unknown
0 normal wait of 1s for backoff at api.example.com
1 waited 1s for backoff
1 attempt at api.example.com/v1/things
1 attempt done: "GET /v1/things" 302 ok
1 done: 2 attempts, waited 1s, 0 tokens, ok
1 attempt at api.example.com/elsewhere
1 attempt done: "GET /elsewhere" 200 ok
1 done: 1 attempts, waited 0s, 0 tokens, ok`,
		},
		{
			name: "the same with one record for both hops",
			base: func() http.RoundTripper {
				return playing(reply{status: 503}, reply{status: 302, header: "Location: /elsewhere"}, reply{status: 200})
			},
			act: func(t *testing.T, rt http.RoundTripper, ctx context.Context) {
				get(t, rt, steadyhttp.WithCall(ctx), traced)
			},
			want: `
0 attempt at api.example.com/v1/things
0 attempt done: "GET /v1/things" 503 unavailable unknown
0 normal wait of 1s for backoff at api.example.com
1 waited 1s for backoff
1 attempt at api.example.com/v1/things
1 attempt done: "GET /v1/things" 302 ok
1 done: 2 attempts, waited 1s, 0 tokens, ok
1 attempt at api.example.com/elsewhere
1 attempt done: "GET /elsewhere" 200 ok
1 done: 1 attempts, waited 0s, 0 tokens, ok`,
		},
		{
			name:  "an attempt that takes too long",
			base:  func() http.RoundTripper { return playing(reply{status: 200, after: time.Minute}, reply{status: 200}) },
			setup: func(rt *steadyhttp.Transport) { rt.Retrier.AttemptTimeout = 5 * time.Second },
			want: `
0 attempt at api.example.com/v1/things
5 attempt done: "GET /v1/things" 0 timeout unknown
5 normal wait of 1s for backoff at api.example.com
6 waited 1s for backoff
6 attempt at api.example.com/v1/things
6 attempt done: "GET /v1/things" 200 ok
6 done: 2 attempts, waited 1s, 0 tokens, ok`,
		},
		{
			name:  "without the Throttler",
			base:  func() http.RoundTripper { return playing(reply{status: 200}) },
			setup: func(rt *steadyhttp.Transport) { rt.Throttler = &steadyhttp.Throttler{Disabled: true} },
			want: `
0 attempt at api.example.com/v1/things
0 attempt done: "" 200 ok
0 done: 1 attempts, waited 0s, 0 tokens, ok`,
		},
		{
			name: "a Limiter that does not tell of waits",
			base: func() http.RoundTripper { return playing(reply{status: 200}) },
			setup: func(rt *steadyhttp.Transport) {
				rt.Throttler = &steadyhttp.Throttler{Limiter: slowLimiter{}}
			},
			want: `
2 normal wait of 0s for its own reasons at api.example.com
2 waited 2s for its own reasons
2 attempt at api.example.com/v1/things
2 attempt done: "GET /v1/things" 200 ok
2 done: 1 attempts, waited 2s, 0 tokens, ok`,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d, trace, ctx := diaryOf(t)
				rt := &steadyhttp.Transport{Base: tt.base(), Retrier: &steadyhttp.Retrier{BackOff: every(time.Second)}, Trace: trace}
				if tt.setup != nil {
					tt.setup(rt)
				}
				if tt.act == nil {
					get(t, rt, ctx, traced)
				} else {
					tt.act(t, rt, ctx)
				}
				if got := strings.Join(d.lines, "\n"); got != strings.TrimSpace(tt.want) {
					t.Errorf("got\n%s\nwant%s", got, tt.want)
				}
			})
		})
	}
}

// A slowLimiter lets everybody go after two seconds, and calls no Ask.Waiting.
type slowLimiter struct{}

func (slowLimiter) Acquire(_ context.Context, a limit.Ask) (limit.Permit, error) {
	time.Sleep(2 * time.Second)
	return limit.Permit{Key: a.Key, ID: 1, Waited: 2 * time.Second, Why: "its own reasons"}, nil
}
func (slowLimiter) Peek(context.Context, limit.Ask) time.Duration       { return 0 }
func (slowLimiter) Settle(limit.Permit, limit.Outcome)                  {}
func (slowLimiter) Observe(limit.Permit, limit.Observation) (held bool) { return false }
func (slowLimiter) Snapshot() []limit.KeyState                          { return nil }

// Where one Transport is the Base of another, each tells its own Trace of its attempts
// and calls, and what waits below a Transport without a Trace is told to the outer one.
func TestTraceOfNestedTransports(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		outer, told, ctx := diaryOf(t)
		inner := &diary{t: t, start: time.Now()}
		below := &steadyhttp.Transport{
			Base:      playing(reply{status: 200}),
			Throttler: &steadyhttp.Throttler{RequestsPerMinute: 60},
			Trace: &steadyhttp.Trace{CallDone: func(ctx context.Context, c steadyhttp.Call) {
				inner.lines = append(inner.lines, fmt.Sprint(c.Attempts, c.Waited))
			}},
		}
		rt := &steadyhttp.Transport{Base: below, Trace: told}
		get(t, rt, ctx, traced)
		get(t, rt, ctx, traced)
		if want := []string{"1 0s", "1 1s"}; !slices.Equal(inner.lines, want) {
			t.Errorf("the inner Trace: got %q, want %q", inner.lines, want)
		}
		want := `
0 attempt at api.example.com/v1/things
0 attempt done: "GET /v1/things" 200 ok
0 done: 1 attempts, waited 0s, 0 tokens, ok
0 attempt at api.example.com/v1/things
1 attempt done: "GET /v1/things" 200 ok
1 done: 1 attempts, waited 1s, 0 tokens, ok`
		if got := strings.Join(outer.lines, "\n"); got != strings.TrimSpace(want) {
			t.Errorf("the outer Trace: got\n%s\nwant%s", got, want)
		}

		outer.lines = nil
		rt = &steadyhttp.Transport{Base: &steadyhttp.Transport{Base: below.Base, Throttler: below.Throttler}, Trace: told}
		get(t, rt, ctx, traced)
		if n := countPrefix(outer.lines, "1 normal wait of 1s"); n != 1 {
			t.Errorf("a wait below a Transport without a Trace was told %d times, want once: %q", n, outer.lines)
		}
	})
}

func countPrefix(lines []string, prefix string) (n int) {
	for _, line := range lines {
		if strings.HasPrefix(line, prefix) {
			n++
		}
	}
	return n
}

// A request that is made from an earlier answer's context, past any Transport with a
// Trace, is nothing that this Trace knows of.
func TestTraceIsToldNothingOfALaterCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, trace, ctx := diaryOf(t)
		rt := &steadyhttp.Transport{Base: playing(reply{status: 200}), Trace: trace}
		resp, err := rt.RoundTrip(request(t, "GET", traced, "").WithContext(ctx))
		if err != nil {
			t.Fatal(err)
		}
		finish(t, resp)
		before := len(d.lines)
		other := &steadyhttp.Throttler{Base: playing(reply{status: 200}), RequestsPerMinute: 60}
		for range 2 {
			closeUnread(t, other, request(t, "GET", traced, "").WithContext(resp.Request.Context()))
		}
		if len(d.lines) != before || time.Since(d.start) != time.Second {
			t.Errorf("got %q after %s, want nothing about a call that waited for a second", d.lines[before:], time.Since(d.start))
		}
	})
}

// A panic in a function comes up where the caller is, and a place that the request had
// or waited for is free again.
func TestTracePanicLeavesNothingTaken(t *testing.T) {
	boom := errors.New("boom")
	for name, trace := range map[string]*steadyhttp.Trace{
		"AttemptStart": {AttemptStart: func(ctx context.Context, _ *http.Request) { panicFor(ctx, boom) }},
		"AttemptDone": {AttemptDone: func(ctx context.Context, _ limit.Key, _ *http.Response, _ *steadyhttp.Error) {
			panicFor(ctx, boom)
		}},
		"WaitStart": {WaitStart: func(ctx context.Context, _ limit.Wait) { panicFor(ctx, boom) }},
		"WaitDone":  {WaitDone: func(ctx context.Context, _ limit.Wait) { panicFor(ctx, boom) }},
		"CallDone":  {CallDone: func(ctx context.Context, _ steadyhttp.Call) { panicFor(ctx, boom) }},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				rt := &steadyhttp.Transport{Base: playing(reply{status: 200, after: time.Second}), Throttler: &steadyhttp.Throttler{MaxConcurrent: 1}, Trace: trace}
				panicked := make(chan any, 1)
				first := make(chan struct{})
				go func() {
					get(t, rt, t.Context(), traced)
					close(first)
				}()
				synctest.Wait()
				go func() {
					defer func() { panicked <- recover() }()
					get(t, rt, context.WithValue(t.Context(), panicKey{}, true), traced)
				}()
				<-first
				if got := <-panicked; got != boom {
					t.Errorf("got %v, want the panic", got)
				}
				done := make(chan struct{})
				go func() {
					get(t, rt, t.Context(), traced)
					close(done)
				}()
				select {
				case <-done:
				case <-time.After(time.Minute):
					t.Error("the only place is still taken")
				}
			})
		})
	}
}

// The code that docs/metrics.md shows is the code of the examples.
func TestDocOfMetricsShowsTheExamples(t *testing.T) {
	indented := regexp.MustCompile(`(?m)^\t+`)
	examples := indented.ReplaceAllString(read(t, "trace_example_test.go")+read(t, "otelsteady/example_test.go"), "")
	shown := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(read(t, "docs/metrics.md"), -1)
	if len(shown) != 4 {
		t.Errorf("got %d pieces of code, want 4", len(shown))
	}
	for _, code := range shown {
		if !strings.Contains(examples, indented.ReplaceAllString(code[1], "")) {
			t.Errorf("this is in no example:\n%s", code[1])
		}
	}
}

type panicKey struct{}

func panicFor(ctx context.Context, with error) {
	if ctx.Value(panicKey{}) != nil {
		panic(with)
	}
}
