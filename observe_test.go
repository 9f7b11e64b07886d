package steadyhttp_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyhttp/steadyhttp"
	"github.com/steadyhttp/steadyhttp/limit"
)

// whatever is an answer of a server that may say anything about its limits.
func whatever(kind, a, b byte) reply {
	r := reply{status: 200, after: time.Duration(a) * 10 * time.Millisecond}
	if kind&1 != 0 {
		r.header += fmt.Sprintf("X-Ratelimit-Limit-Requests: %d\nX-Ratelimit-Remaining-Requests: %d\nX-Ratelimit-Reset-Requests: %dms\n", a, b, int(b)*100)
	}
	if kind&2 != 0 {
		r.header += fmt.Sprintf("Ratelimit: \"r\";r=%d;t=%d\nRatelimit-Policy: \"r\";q=%d;w=%d\n", b, a, a, b)
	}
	if kind&4 != 0 {
		r.header += fmt.Sprintf("X-Ratelimit-Limit-Tokens: %d\nX-Ratelimit-Remaining-Tokens: %d\nX-Ratelimit-Reset-Tokens: %ds\n", int(a)*100, int(b)*100, a)
	}
	if kind&8 != 0 {
		r.header += fmt.Sprintf("Retry-After: %d\n", int(a)*int(b)/16)
	}
	switch kind >> 4 {
	case 0, 1, 2:
		r.status = 429
	case 3, 4, 5:
		r.status = 503
	case 6:
		r.err = errReset
	case 7:
		r.status = 529
	}
	return r
}

// Whatever servers say, in whatever order, each call ends by its deadline or
// with its turn, and nothing is left waiting or under way.
func FuzzThrottler(f *testing.F) {
	f.Add([]byte("\x08\x20\x20\x80\x01\x05\x11\x05\x00\x83\x02\x00\x87\x7f\x01"))
	f.Add([]byte("\x38\x05\x01\x30\x01\x01\x30\x01\x01\x30\x01\x01\x30\x01\x01\x30\x01\x01\x80\x01\x01\x80\x00\x00"))
	f.Add([]byte("\x0f\xff\xff\x0f\x00\x00\x81\x01\x00\x82\x01\x00\x84\x01\x00\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, ops []byte) {
		ops = ops[:min(len(ops), 600)]
		synctest.Test(t, func(t *testing.T) {
			var mu sync.Mutex
			next := func() (op [3]byte, ok bool) {
				mu.Lock()
				defer mu.Unlock()
				if len(ops) < 3 {
					return op, false
				}
				op, ops = [3]byte(ops), ops[3:]
				return op, true
			}
			rt := &steadyhttp.Throttler{MaxConcurrent: 3, Base: roundTripperFunc(func(req *http.Request) (*http.Response, error) {
				op := req.Context().Value(opKey{}).([3]byte)
				return playing(whatever(op[0], op[1], op[2])).RoundTrip(req)
			})}
			var wg sync.WaitGroup
			for range 4 {
				wg.Go(func() {
					for op, ok := next(); ok; op, ok = next() {
						ctx, cancel := context.WithTimeout(context.WithValue(t.Context(), opKey{}, op), 90*time.Second)
						start := time.Now()
						resp, err := rt.RoundTrip(request(t, "POST", chatURL, fmt.Sprintf(`{"model":"m%d"}`, op[1]%2)).WithContext(ctx))
						cancel()
						if d := time.Since(start); d > 90*time.Second {
							t.Errorf("a call took %v", d)
						}
						if err == nil {
							resp.Body.Close()
						} else if !errors.Is(err, steadyhttp.ErrThrottled) && !errors.Is(err, errReset) && !errors.Is(err, context.DeadlineExceeded) {
							t.Error(err)
						}
					}
				})
			}
			wg.Wait()
			for _, k := range rt.Snapshot() {
				if k.Waiting != 0 || k.Concurrent != 0 {
					t.Errorf("%s: %d wait and %d are under way at the end", k.Key.Label(), k.Waiting, k.Concurrent)
				}
			}
		})
	})
}

type opKey struct{}

// A Limiter of one's own sees each request's key and cost, gets what answers
// say, and has each permit settled once.
func TestLimiterOfOnesOwn(t *testing.T) {
	for _, row := range []struct {
		name     string
		reply    reply
		refuse   error
		observed int // at least
		answer   limit.Signal
		settled  int
	}{
		{"a success", reply{status: 200}, nil, 0, limit.SignalGood, 1},
		{"a success that states a limit", reply{status: 200, header: "X-Ratelimit-Limit-Requests: 10\nX-Ratelimit-Remaining-Requests: 9\nX-Ratelimit-Reset-Requests: 6s"}, nil, 1, limit.SignalGood, 1},
		{"a refusal", reply{status: 429, header: "Retry-After: 5"}, nil, 1, limit.SignalNone, 1},
		{"a failing host", reply{status: 503}, nil, 1, limit.SignalNone, 1},
		{"no permit", reply{status: 200}, steadyhttp.ErrThrottled, 0, limit.SignalNone, 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			l := &ownLimiter{refuse: row.refuse}
			rt := &steadyhttp.Throttler{Base: playing(row.reply), Limiter: l, TokensPerMinute: 1000, Salt: "pepper"}
			req := request(t, "POST", chatURL, `{"model":"m","max_tokens":50}`)
			req.Header.Set("Authorization", "Bearer key")
			resp, err := rt.RoundTrip(req)
			if err == nil {
				finish(t, resp)
			} else if !errors.Is(err, row.refuse) {
				t.Errorf("got %v, want one that is %v", err, row.refuse)
			}
			if a := l.asked; len(a) != 1 || a[0].Key.Host != "api.openai.com" || a[0].Key.Credential < 2 || a[0].Cost.Output != 50 || a[0].Limits.TokensPerMinute != 1000 {
				t.Errorf("got %+v, want one ask with host, credential, cost and limits", a)
			}
			var signal limit.Signal
			for _, o := range l.settled {
				signal = max(signal, o.Signal)
			}
			for _, n := range l.observed {
				if n.Signal == limit.SignalGood {
					signal = n.Signal // known when the headers came
				}
			}
			if len(l.settled) != row.settled || signal != row.answer || len(l.observed) < row.observed {
				t.Errorf("got settled %+v and observed %+v; want %d settled, answer %v and %d observations", l.settled, l.observed, row.settled, row.answer, row.observed)
			}
		})
	}
}

// An ownLimiter lets everything pass, or nothing.
type ownLimiter struct {
	refuse   error
	asked    []limit.Ask
	settled  []limit.Outcome
	observed []limit.Observation
}

func (r *ownLimiter) Acquire(_ context.Context, a limit.Ask) (limit.Permit, error) {
	r.asked = append(r.asked, a)
	return limit.Permit{Key: a.Key, Cost: a.Cost, ID: 7}, r.refuse
}

func (r *ownLimiter) Settle(_ limit.Permit, o limit.Outcome) {
	r.settled = append(r.settled, o)
}
func (r *ownLimiter) Observe(_ limit.Permit, o limit.Observation) bool {
	r.observed = append(r.observed, o)
	return false
}
func (r *ownLimiter) Peek(context.Context, limit.Ask) time.Duration { return 0 }
func (r *ownLimiter) Snapshot() []limit.KeyState                    { return nil }

// A Limiter that many share is asked with all that is known of a request, since
// others may have shown it more than this process has seen. The reason that it
// gives is in the error, and so is the verdict on what holds everybody back.
func TestLimiterOfOnesOwnIsToldAll(t *testing.T) {
	l := &ownLimiter{refuse: &limit.Refusal{Reason: "all places are taken", Err: &steadyhttp.Error{Class: steadyhttp.RateLimit, Message: "slow down"}}}
	rt := &steadyhttp.Throttler{Base: playing(reply{status: 200}), Limiter: l}
	_, err := rt.RoundTrip(request(t, "POST", chatURL, `{"model":"m","max_tokens":50}`))
	var e *steadyhttp.Error
	if !errors.As(err, &e) || !errors.Is(err, steadyhttp.ErrThrottled) || e.Message != "not sent: all places are taken: slow down" {
		t.Errorf("got %v, want the reason and the verdict", err)
	}
	want := limit.Key{Host: "api.openai.com", Model: "m", Route: "POST /v1/chat/completions", Credential: 1}
	if a := l.asked[0]; a.Key != want || a.Cost.Output != 50 || a.Cost.Input == 0 {
		t.Errorf("got %+v at %+v, want %+v and its tokens", a.Key, a.Cost, want)
	}
}

// What it waits for ends with http.Request.Cancel as well.
func TestLimiterOfOnesOwnHearsCancel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rt := &steadyhttp.Throttler{Base: playing(reply{status: 200}), Limiter: waitingLimiter{}}
		req := request(t, "GET", "https://api.example.com/", "")
		cancel := make(chan struct{})
		//lint:ignore SA1019 deprecated for callers, who may still set it
		req.Cancel = cancel
		time.AfterFunc(time.Second, func() { close(cancel) })
		start := time.Now()
		if _, err := rt.RoundTrip(req); !errors.Is(err, context.Canceled) || time.Since(start) != time.Second {
			t.Errorf("got %v after %v, want that it was canceled after a second", err, time.Since(start))
		}
	})
}

type waitingLimiter struct{}

func (waitingLimiter) Acquire(ctx context.Context, _ limit.Ask) (limit.Permit, error) {
	<-ctx.Done()
	return limit.Permit{}, ctx.Err()
}
func (waitingLimiter) Settle(limit.Permit, limit.Outcome)            {}
func (waitingLimiter) Observe(limit.Permit, limit.Observation) bool  { return false }
func (waitingLimiter) Peek(context.Context, limit.Ask) time.Duration { return 0 }
func (waitingLimiter) Snapshot() []limit.KeyState                    { return nil }
