package steadyhttp_test

import (
	"context"
	"net/http"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyhttp/steadyhttp"
)

// A host is down for five seconds under 200 calls a second that have 30 seconds
// of patience. A Throttler has them wait at its gate.
func TestOutageCostsAProbeATime(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: 9,000 calls that wait at a gate take a second and more")
	}
	t.Parallel()
	const perSecond, before, down, after = 200, 5, 5, 5
	for _, row := range []struct{ name, method, url string }{
		{"reads", "GET", "https://api.example.com/items"},
		{"chat completions", "POST", chatURL},
		{"writes, whose fate is unknown", "POST", "https://api.example.com/orders"},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := newOutage(before*time.Second, down*time.Second)
				o.bear(t, &steadyhttp.Transport{Base: o}, row.method, row.url, perSecond*(before+down+after), perSecond, 30*time.Second)
				took := time.Since(o.start)
				var calls, requests, good int
				for s := before; s < before+down; s++ {
					calls, requests, good = calls+o.calls[s], requests+o.requests[s], good+o.good[s]
				}
				back := before + down
				perCall := float64(requests) / float64(calls)
				answered := float64(good) / float64(calls)
				load := float64(max(o.requests[back], o.requests[back+1])) / perSecond
				t.Logf("during the outage: %.3f requests a call (%d for %d calls), %.1f%% of them answered; the busier second after it: %.2f of the steady load; all over after %s",
					perCall, requests, calls, 100*answered, load, took)
				for s := back; s < back+15; s++ {
					if o.requests[s] > 0 {
						t.Logf("second %d: %d requests", s, o.requests[s])
					}
				}
				if perCall > 1.1 {
					t.Errorf("got %.3f requests a call during the outage, want at most 1.1", perCall)
				}
				if answered < 0.99 && row.url != "https://api.example.com/orders" {
					t.Errorf("got %.1f%% of the calls of the outage answered, want 99%%", 100*answered)
				}
				if load := float64(o.requests[back]) / perSecond; load > 1.3 {
					t.Errorf("got %.2f of the steady load in the first second after it, want at most 1.3", load)
				}
			})
		})
	}
}

// A server refuses everything for good and never says for how long. No call takes
// longer than OutageWait, however many share the wait.
func TestNothingIsLetIn(t *testing.T) {
	for _, row := range []struct {
		name     string
		says     reply
		patience time.Duration
		most     time.Duration
	}{
		{"429, no deadline", reply{status: 429}, 0, 10 * time.Second},
		{"429, a deadline", reply{status: 429}, 5 * time.Minute, 30 * time.Second},
		{"503, no deadline", reply{status: 503}, 0, 10 * time.Second},
		{"503, a deadline", reply{status: 503}, 5 * time.Minute, 30 * time.Second},
	} {
		for _, callers := range []int{1, 10, 100} {
			synctest.Test(t, func(t *testing.T) {
				server := newTown(func(*http.Request, string, time.Duration) reply { return row.says })
				rt := &steadyhttp.Transport{Base: server}
				var wg sync.WaitGroup
				for range callers {
					wg.Go(func() {
						status, took := load{url: "https://api.example.com/items", key: "k", patience: row.patience}.call(t, rt)
						if status != row.says.status || took > row.most+time.Second {
							t.Errorf("%s: one of %d calls got %d after %v, want the answer after %v at most", row.name, callers, status, took, row.most)
						}
					})
					time.Sleep(10 * time.Millisecond)
				}
				wg.Wait()
				if n := len(server.log); n > 2*callers+25 {
					t.Errorf("%s: %d requests for %d calls", row.name, n, callers)
				}
			})
		}
	}
}

// A lone caller has only its own patience: nobody else finds out that the host is
// back.
func TestLoneCallerSurvivesAnOutage(t *testing.T) {
	overloaded := reply{status: 529, body: `{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}`, header: "Content-Type: application/json"}
	const most = 8 // requests
	for _, row := range []struct {
		name     string
		url      string
		says     reply
		down     time.Duration
		deadline time.Duration // 0 is none
	}{
		{"503 for 2 s", "https://api.example.com/items", reply{status: 503}, 2 * time.Second, time.Minute},
		{"503 for 5 s", "https://api.example.com/items", reply{status: 503}, 5 * time.Second, time.Minute},
		{"503 for 10 s", "https://api.example.com/items", reply{status: 503}, 10 * time.Second, time.Minute},
		{"503 for 4 s, without a deadline", "https://api.example.com/items", reply{status: 503}, 4 * time.Second, 0},
		{"connections are refused for 5 s", "https://api.example.com/items", reply{err: syscall.ECONNREFUSED}, 5 * time.Second, time.Minute},
		{"a model is overloaded for 8 s", "https://api.anthropic.com/v1/messages", overloaded, 8 * time.Second, time.Minute},
	} {
		t.Run(row.name, func(t *testing.T) {
			for name, rt := range map[string]func(http.RoundTripper) http.RoundTripper{
				"Transport": func(base http.RoundTripper) http.RoundTripper { return &steadyhttp.Transport{Base: base} },
				"Retrier":   func(base http.RoundTripper) http.RoundTripper { return &steadyhttp.Retrier{Base: base} },
			} {
				var worst time.Duration
				var requests int
				for range 20 {
					synctest.Test(t, func(t *testing.T) {
						server := newTown(func(_ *http.Request, _ string, at time.Duration) reply {
							if at < row.down {
								return row.says
							}
							return reply{status: 200}
						})
						ctx := t.Context()
						if row.deadline > 0 {
							var cancel context.CancelFunc
							ctx, cancel = context.WithTimeout(ctx, row.deadline)
							defer cancel()
						}
						req := request(t, "GET", row.url, "")
						if row.url != "https://api.example.com/items" {
							req = request(t, "POST", row.url, `{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"hello"}]}`)
							req.Header.Set("Anthropic-Version", "2023-06-01")
						}
						resp, err := rt(server).RoundTrip(req.WithContext(ctx))
						if err != nil {
							t.Fatalf("%s: %v", name, err)
						}
						finish(t, resp)
						if resp.StatusCode != 200 {
							t.Errorf("%s: got %d, want the answer of the host that is back", name, resp.StatusCode)
						}
						worst, requests = max(worst, time.Since(server.start)-row.down), max(requests, len(server.log))
					})
				}
				t.Logf("%s: at most %d requests, and %v after the host was back", name, requests, worst)
				if requests > most || worst > 6*time.Second {
					t.Errorf("%s: %d requests, and %v after the host was back, want %d and 6 s at most", name, requests, worst, most)
				}
			}
		})
	}
}

func TestFailureThatDoesNotPassEnds(t *testing.T) {
	for _, row := range []struct {
		status, requests int
		most             time.Duration
	}{{503, 8, 12 * time.Second}, {500, 4, 4 * time.Second}} {
		for range 20 {
			synctest.Test(t, func(t *testing.T) {
				server := newTown(func(*http.Request, string, time.Duration) reply { return reply{status: row.status} })
				resp, err := (&steadyhttp.Transport{Base: server}).RoundTrip(request(t, "GET", "https://api.example.com/items", ""))
				if err != nil {
					t.Fatal(err)
				}
				finish(t, resp)
				if took := time.Since(server.start); resp.StatusCode != row.status || took > row.most || len(server.log) > row.requests {
					t.Errorf("%d for ever: got %d after %v and %d requests, want it after %v and %d at most", row.status, resp.StatusCode, took, len(server.log), row.most, row.requests)
				}
			})
		}
	}
}

// A pause of ten minutes, of which a call that comes in it has not been told: how long
// it waits is what MaxElapsed says.
func TestMaxElapsedBoundsAFirstWait(t *testing.T) {
	for _, row := range []struct {
		name       string
		maxElapsed time.Duration
		waits      time.Duration // until it is refused or sent
		sent       bool
	}{
		{"by default", 0, 2 * time.Minute, false},
		{"less", 20 * time.Second, 20 * time.Second, false},
		{"longer than the pause", time.Hour, 10 * time.Minute, true},
		{"no bound", -1, 10 * time.Minute, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				base := roundTripperFunc(func(req *http.Request) (*http.Response, error) {
					if time.Since(start) < 10*time.Minute {
						return playing().reply(req, reply{status: 429, header: "Retry-After: 600\nX-RateLimit-Remaining: 0"})
					}
					return playing().reply(req, reply{status: 200})
				})
				rt := &steadyhttp.Transport{
					Base:      base,
					Retrier:   &steadyhttp.Retrier{MaxElapsed: row.maxElapsed},
					Throttler: &steadyhttp.Throttler{MaxSharedPause: -1},
				}
				get := func() error {
					resp, err := rt.RoundTrip(request(t, "GET", "https://api.github.com/repos/a/b", ""))
					if err == nil {
						resp.Body.Close()
					}
					return err
				}
				if err := get(); err != nil { // which begins the pause
					t.Fatal(err)
				}
				came := time.Now()
				err := get()
				if sent := err == nil; sent != row.sent {
					t.Errorf("sent %t, want %t: %v", sent, row.sent, err)
				}
				if waited := time.Since(came); waited < row.waits-2*time.Second || waited > row.waits+5*time.Second {
					t.Errorf("waited %v, want %v", waited, row.waits)
				}
			})
		})
	}
}
