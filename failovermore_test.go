package steadyhttp_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"

	"github.com/steadyhttp/steadyhttp"
)

// MaxElapsed that is set holds for other places as well.
func TestFailoverWithinMaxElapsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		silent := func(asked) reply { return reply{after: time.Hour} }
		f := &fleet{rules: map[string]func(asked) reply{primary: silent, fallback: silent, "api.groq.com": silent, "api.mistral.ai": silent}}
		o := elsewhere()
		for _, u := range []string{"https://api.groq.com/openai/v1", "https://api.mistral.ai/v1"} {
			o.Targets = append(o.Targets, steadyhttp.Target{URL: u, Header: http.Header{"Authorization": {"Bearer x"}}})
		}
		rt := &steadyhttp.Transport{Base: f, Failover: o, Retrier: &steadyhttp.Retrier{AttemptTimeout: 5 * time.Second, MaxElapsed: 7 * time.Second}}
		if d := ask(t, rt, nil); d.took > 11*time.Second {
			t.Errorf("ended after %v, though no attempt was to begin after 7 s: %v", d.took, d.err)
		}
	})
}

// A bad key is said once at error level, also if it was refused for another reason before.
func TestBadKeyIsSaidOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fleet{rules: map[string]func(asked) reply{fallback: works, primary: func(a asked) reply {
			if a.n < 2 {
				return limited("4")(a)
			}
			return always(401, "", openAIError("invalid_request_error", "invalid_api_key", "Incorrect API key provided"))(a)
		}}}
		logger, logs := observed()
		rt := &steadyhttp.Transport{Base: f, Failover: elsewhere(), Logger: logger}
		askEachSecond(t, rt, 300)
		if said := logs.FilterLevelExact(zap.ErrorLevel).Len(); said != 1 || f.at(primary) > 4 {
			t.Errorf("said %d times at error level; %d requests to the primary", said, f.at(primary))
		}
	})
}

// A key that works again after five minutes is used again.
func TestKeyComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		f := &fleet{rules: map[string]func(asked) reply{fallback: works, primary: func(a asked) reply {
			if a.at.Sub(start) < time.Minute {
				return always(429, "", openAIError("insufficient_quota", "insufficient_quota", "You exceeded your current quota"))(a)
			}
			return works(a)
		}}}
		rt := &steadyhttp.Transport{Base: f, Failover: elsewhere()}
		for time.Since(start) < 310*time.Second {
			d := ask(t, rt, nil)
			if since := time.Since(start); !d.answered() || since > 302*time.Second && d.call.Target != "" {
				t.Fatalf("after %v: answered %v by %q", since, d.answered(), d.call.Target)
			}
			time.Sleep(time.Second)
		}
	})
}

// Conversations whose names begin alike are different ones.
func TestLongNamesOfConversations(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fleet{rules: map[string]func(asked) reply{fallback: works, primary: func(a asked) reply {
			if strings.HasSuffix(a.header.Get("X-Session-Id"), "a") {
				return always(503, "", "")(a)
			}
			return works(a)
		}}}
		rt := &steadyhttp.Transport{Base: f, Failover: elsewhere()}
		long := strings.Repeat("tenant/", 60)
		for _, id := range []string{"a", "b"} {
			d := ask(t, rt, func(r *http.Request) { r.Header.Set("X-Session-Id", long+id) })
			if !d.answered() || (d.call.Target != "") != (id == "a") {
				t.Errorf("conversation %s went to %q", id, d.call.Target)
			}
		}
	})
}

// A stream without output is left if the target can take it, and is handed up on the
// second attempt if that could not.
func TestSilentStreamAndBadTarget(t *testing.T) {
	for name, target := range map[string]func(asked) reply{"503": always(503, "", ""), "400": always(400, "", ""), "500": always(500, "", ""), "429": limited("60"), "policy": always(400, "", openAIError("invalid_request_error", "content_policy_violation", "rejected"))} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				base := roundTripperFunc(func(req *http.Request) (*http.Response, error) {
					io.Copy(io.Discard, req.Body)
					req.Body.Close()
					if req.URL.Host == fallback {
						return replying(func(*http.Request) reply { return target(asked{}) }).RoundTrip(req)
					}
					r, w := io.Pipe()
					go func() {
						select {
						case <-time.After(6 * time.Second):
							io.WriteString(w, sse)
							w.Close()
						case <-req.Context().Done():
							w.CloseWithError(req.Context().Err())
						}
					}()
					return &http.Response{StatusCode: 200, Header: headers("Content-Type: text/event-stream"), Body: r, ContentLength: -1, Request: req}, nil
				})
				rt := &steadyhttp.Transport{Base: base, Failover: elsewhere(), Retrier: &steadyhttp.Retrier{FirstOutput: 2 * time.Second}}
				for i := range 6 {
					if d := ask(t, rt, nil); !d.answered() && name != "policy" || d.took > 20*time.Second {
						t.Errorf("call %d: answered %v after %v: %v, %v", i, d.answered(), d.took, d.err, d.call.Error)
					}
				}
			})
		})
	}
}

// A call without a deadline ends as it would without a Failover.
func TestFailoverNoDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fleet{rules: map[string]func(asked) reply{primary: always(503, "", ""), fallback: always(503, "", "")}}
		rt := &steadyhttp.Transport{Base: f, Failover: elsewhere()}
		start := time.Now()
		req := request(t, "POST", chatURL, `{"model":"m","messages":[{"role":"user","content":"hi"}]}`).WithContext(context.Background())
		resp, err := rt.RoundTrip(req)
		if took := time.Since(start); err != nil || resp.StatusCode != 503 || took > 15*time.Second {
			t.Errorf("%v %v after %v", resp, err, took)
		}
		finish(t, resp)
	})
}

// A conversation waits for its own place for up to MaxWait.
func TestStayingWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fleet{rules: map[string]func(asked) reply{fallback: works, primary: works}}
		rt := &steadyhttp.Transport{Base: f, Failover: elsewhere(), Throttler: &steadyhttp.Throttler{RequestsPerSecond: 2, Burst: 1}}
		var wg sync.WaitGroup
		moved := 0
		var mu sync.Mutex
		ask(t, rt, func(r *http.Request) { r.Header.Set("X-Session-Id", "c") })
		for range 3 {
			wg.Go(func() {
				d := ask(t, rt, func(r *http.Request) { r.Header.Set("X-Session-Id", "c") })
				mu.Lock()
				defer mu.Unlock()
				if d.call.Target != "" {
					moved++
				}
				if d.took > 2100*time.Millisecond {
					t.Errorf("waited %v", d.took)
				}
			})
		}
		wg.Wait()
		if moved > 0 {
			t.Errorf("%d moved", moved)
		}
	})
}

// A firewall before an API refuses one prompt with a page. The others are answered as
// before, and no call but that one leaves.
func TestFirewallStopsOnePrompt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fleet{rules: map[string]func(asked) reply{fallback: works, primary: func(a asked) reply {
			if a.n%10 == 3 {
				return always(403, "Content-Type: text/html", "<html><title>403 Forbidden</title><h1>Request blocked</h1></html>")(a)
			}
			return works(a)
		}}}
		logger, logs := observed()
		rt := &steadyhttp.Transport{Base: f, Failover: elsewhere(), Logger: logger}
		askEachSecond(t, rt, 100)
		if f.at(primary) != 100 || f.at(fallback) != 10 {
			t.Errorf("%d requests to the primary and %d to the fallback, want 100 and the 10 that it blocked", f.at(primary), f.at(fallback))
		}
		for _, e := range logs.FilterLevelExact(zap.ErrorLevel).All() {
			t.Errorf("at error level: %s", e.Message)
		}
	})
}

// A pause that it asks for is kept all the same.
func TestFirewallThatAsksForAPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fleet{rules: map[string]func(asked) reply{fallback: works, primary: func(a asked) reply {
			if a.n == 0 {
				return always(403, "Retry-After: 20", "")(a)
			}
			return works(a)
		}}}
		rt := &steadyhttp.Transport{Base: f, Failover: elsewhere()}
		askEachSecond(t, rt, 10)
		if f.at(primary) != 1 {
			t.Errorf("%d requests to the primary, want none in its pause", f.at(primary))
		}
	})
}

// askEachSecond asks n times, and reports what was not answered.
func askEachSecond(t *testing.T, rt http.RoundTripper, n int) {
	t.Helper()
	for range n {
		if d := ask(t, rt, nil); !d.answered() {
			t.Errorf("lost: %v", d.call.Error)
		}
		time.Sleep(time.Second)
	}
}
