package steadyhttp_test

import (
	"context"
	"net/http"
	"slices"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyhttp/steadyhttp"
	"github.com/steadyhttp/steadyhttp/limit"
)

// crowd sends n calls at once and returns how long each took, in order of time. All
// have to be answered.
func crowd(t *testing.T, rt http.RoundTripper, n int, change func(*http.Request)) []time.Duration {
	t.Helper()
	var mu sync.Mutex
	var took []time.Duration
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			d := ask(t, rt, change)
			mu.Lock()
			defer mu.Unlock()
			if !d.answered() {
				t.Errorf("a call was lost after %v: %v, %v (%q)", d.took, d.err, d.call.Error, d.call.Stopped)
			}
			took = append(took, d.took)
		})
	}
	wg.Wait()
	slices.Sort(took)
	return took
}

// A call that is queued where all fails goes on to where it can be answered, as soon as
// that is known. What the target's own limit makes it wait is no matter.
func TestNoCallWaitsAtWhatIsDown(t *testing.T) {
	t.Parallel()
	perSecond := func() *steadyhttp.Throttler { return &steadyhttp.Throttler{RequestsPerSecond: 50} }
	second := steadyhttp.Target{URL: "https://llm.example.net/v1", Header: http.Header{"Authorization": {"Bearer key-c"}}}
	for name, fault := range map[string]func(asked) reply{
		"503":     always(503, "", ""),
		"refused": fails(syscall.ECONNREFUSED),
		"529":     always(529, "", ""),
		"500":     always(500, "", ""),
		"reset":   fails(syscall.ECONNRESET),
		"paused":  limited("20"),
		"bad key": always(401, "", openAIError("invalid_request_error", "invalid_api_key", "Incorrect API key provided")),
		"slow":    func(asked) reply { return reply{status: 503, after: 300 * time.Millisecond} },
		"later": func(a asked) reply {
			if a.n < 100 {
				return works(a)
			}
			return reply{status: 503}
		},
	} {
		for of, test := range map[string]struct {
			throttler func() *steadyhttp.Throttler
			targets   int
			takes     time.Duration // what the target takes for an answer
			most      time.Duration // for 200 calls
		}{
			"a rate":              {perSecond, 1, 0, 5 * time.Second},
			"a rate, two targets": {perSecond, 2, 0, 3 * time.Second},
			"places":              {func() *steadyhttp.Throttler { return &steadyhttp.Throttler{MaxConcurrent: 20} }, 1, 100 * time.Millisecond, 1800 * time.Millisecond},
			"tokens":              {func() *steadyhttp.Throttler { return &steadyhttp.Throttler{TokensPerMinute: 60 * 5000} }, 1, 0, 5 * time.Second},
		} {
			t.Run(name+"/"+of, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					answers := func(a asked) reply { r := works(a); r.after = test.takes; return r }
					f := &fleet{rules: map[string]func(asked) reply{primary: fault, fallback: answers, "llm.example.net": answers}}
					targets := []steadyhttp.Target{elsewhere().Targets[0], second}[:test.targets]
					rt := &steadyhttp.Transport{Base: f, Throttler: test.throttler(), Failover: &steadyhttp.Failover{Targets: targets}}
					took := crowd(t, rt, 200, func(req *http.Request) {
						if of == "tokens" {
							setBody(req, `{"model":"m","max_tokens":90,"messages":[{"role":"user","content":"hi"}]}`)
						}
					})
					if last := took[len(took)-1]; last > test.most {
						t.Errorf("the slowest took %v, the median %v; want %v at most (%d requests to the first, %d to the target)", last, took[100], test.most, f.at(primary), f.at(fallback))
					}
				})
			})
		}
	}
}

// All are out: what is repeated is repeated in sum as often as a call at one place is,
// and once more for each target.
func TestAllOutIsBounded(t *testing.T) {
	for _, test := range []struct{ targets, maxAttempts, most int }{
		{0, 0, 4}, {1, 0, 5}, {2, 0, 6}, {1, 6, 7}, {2, 2, 4}, {1, 1, 3}, {2, 1, 4}, // one more for the first 500, which is repeated where it was
	} {
		synctest.Test(t, func(t *testing.T) {
			out := always(500, "", "")
			f := &fleet{rules: map[string]func(asked) reply{primary: out, fallback: out, "llm.example.net": out}}
			targets := []steadyhttp.Target{elsewhere().Targets[0], {URL: "https://llm.example.net/v1"}}[:test.targets]
			rt := &steadyhttp.Transport{Base: f, Retrier: &steadyhttp.Retrier{MaxAttempts: test.maxAttempts}, Failover: &steadyhttp.Failover{Targets: targets}}
			d := ask(t, rt, nil)
			if n := len(f.asked); n > test.most || d.resp == nil || d.resp.StatusCode != 500 || f.at(primary) == 0 || test.targets > 0 && f.at(fallback) == 0 || test.targets > 1 && f.at("llm.example.net") == 0 {
				t.Errorf("%d targets, MaxAttempts %d: %d requests, want %d at most (%q)", test.targets, test.maxAttempts, n, test.most, d.call.Stopped)
			}
		})
	}
}

// While all are down nobody goes from one queue to another, and who waited goes to the
// one that comes back.
func TestAllDownThenOneIsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		back := time.Now().Add(4 * time.Second)
		out := always(503, "", "")
		f := &fleet{rules: map[string]func(asked) reply{primary: out, fallback: func(a asked) reply {
			if a.at.Before(back) {
				return out(a)
			}
			return works(a)
		}}}
		rt := &steadyhttp.Transport{Base: f, Retrier: &steadyhttp.Retrier{Budget: &steadyhttp.Budget{MaxRatio: 100}},
			Throttler: &steadyhttp.Throttler{RequestsPerSecond: 50}, Failover: elsewhere()}
		var wg sync.WaitGroup
		for range 200 {
			wg.Go(func() {
				if d := ask(t, rt, nil); d.took > 28*time.Second || !d.answered() {
					t.Errorf("a call came to %v, %v after %v (%q)", d.err, d.call.Error, d.took, d.call.Stopped)
				}
			})
		}
		wg.Wait()
		early, late := 0, 0
		for _, a := range f.asked {
			switch {
			case a.at.Before(back):
				early++
			case a.host == primary && a.at.Sub(back) > 3*time.Second:
				late++
			}
		}
		if early > 150 || late > 16 {
			t.Errorf("%d requests before one was back, %d afterwards to the one that is not", early, late)
		}
	})
}

// A key of one provider is no target for calls to a host that nobody knows. That is said
// once.
func TestNoTargetForAHostIsSaid(t *testing.T) {
	f := &fleet{rules: map[string]func(asked) reply{"llm.corp.example": always(500, "", "")}}
	synctest.Test(t, func(t *testing.T) {
		logger, logs := observed()
		rt := &steadyhttp.Transport{Base: f, Logger: logger, Failover: &steadyhttp.Failover{Targets: []steadyhttp.Target{{Model: "small"}}}}
		for range 3 {
			ask(t, rt, func(req *http.Request) { req.URL.Host = "llm.corp.example" })
		}
		if n := logs.FilterMessage("no target is for this host").Len(); n != 1 {
			t.Errorf("it is said %d times, want once", n)
		}
	})
}

// What ended a call is said in words that name the cause.
func TestWhyACallDidNotGoOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fleet{rules: map[string]func(asked) reply{"orders.example": always(402, "", "")}}
		rt := &steadyhttp.Transport{Base: f, Failover: &steadyhttp.Failover{Hosts: []string{"orders.example"}, Targets: []steadyhttp.Target{{URL: "https://orders.eu.example"}}}}
		d := ask(t, rt, func(req *http.Request) { req.URL.Host, req.URL.Path = "orders.example", "/orders" })
		if want := "the server may have carried it out, and doing it again at another target may do harm"; d.call.Stopped != want {
			t.Errorf("it ended since %q, want %q", d.call.Stopped, want)
		}
	})
}

// While nothing speaks against it, a Limiter is asked once for a call: one that stands
// in Redis costs a journey each time.
func TestFailoverAsksTheLimiterOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fleet{rules: map[string]func(asked) reply{fallback: works, primary: works}}
		l := &countedLimiter{}
		rt := &steadyhttp.Transport{Base: f, Failover: elsewhere(), Throttler: &steadyhttp.Throttler{Limiter: l}}
		for range 3 {
			ask(t, rt, nil)
		}
		if l.acquired != 3 || l.peeked != 0 {
			t.Errorf("acquired %d times, peeked %d times", l.acquired, l.peeked)
		}
	})
}

// A countedLimiter counts how often it is asked.
type countedLimiter struct {
	ownLimiter
	acquired, peeked int
}

func (l *countedLimiter) Acquire(ctx context.Context, a limit.Ask) (limit.Permit, error) {
	l.acquired++
	return l.ownLimiter.Acquire(ctx, a)
}

func (l *countedLimiter) Peek(context.Context, limit.Ask) time.Duration {
	l.peeked++
	return 0
}
