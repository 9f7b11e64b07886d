package steadyhttp_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyhttp/steadyhttp"
	"github.com/steadyhttp/steadyhttp/internal/limiter"
	"github.com/steadyhttp/steadyhttp/limit"
)

// A fleet is a base without a network in which each host, and at it each key, answers
// by its own rule. It keeps what it was asked.
type fleet struct {
	rules map[string]func(asked) reply // by host

	mu    sync.Mutex
	asked []asked
}

type asked struct {
	at     time.Time
	host   string
	key    string
	model  string
	body   string
	header http.Header
	path   string
	n      int // how many came to this host before
}

func (f *fleet) RoundTrip(req *http.Request) (*http.Response, error) {
	a := asked{at: time.Now(), host: req.URL.Host, header: req.Header.Clone(), path: req.URL.Path}
	a.key = strings.TrimPrefix(req.Header.Get("Authorization"), "Bearer ")
	if req.Body != nil {
		body, _ := io.ReadAll(req.Body)
		req.Body.Close()
		a.body = string(body)
	}
	if _, after, ok := strings.Cut(a.body, `"model":"`); ok {
		a.model, _, _ = strings.Cut(after, `"`)
	}
	f.mu.Lock()
	for _, b := range f.asked {
		if b.host == a.host {
			a.n++
		}
	}
	f.asked = append(f.asked, a)
	f.mu.Unlock()
	r := f.rules[a.host](a)
	if r.after > 0 {
		timer := time.NewTimer(r.after)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-req.Context().Done():
			return nil, context.Cause(req.Context())
		}
	}
	if r.err != nil {
		return nil, r.err
	}
	return playing().response(req, r), nil
}

// at returns how often a host was asked.
func (f *fleet) at(host string) (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, a := range f.asked {
		if a.host == host {
			n++
		}
	}
	return n
}

const (
	primary  = "api.openai.com"
	fallback = "openrouter.ai"
	said     = `{"id":"1","object":"chat.completion","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"hello"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}`
)

func works(asked) reply {
	return reply{status: 200, header: "Content-Type: application/json", body: said}
}

func always(status int, header, body string) func(asked) reply {
	return func(asked) reply {
		return reply{status: status, header: "Content-Type: application/json\n" + header, body: body}
	}
}

func fails(err error) func(asked) reply { return func(asked) reply { return reply{err: err} } }

func openAIError(kind, code, message string) string {
	return fmt.Sprintf(`{"error":{"message":%q,"type":%q,"param":null,"code":%q}}`, message, kind, code)
}

// elsewhere is the target that most tests have.
func elsewhere() *steadyhttp.Failover {
	return &steadyhttp.Failover{Targets: []steadyhttp.Target{{URL: "https://openrouter.ai/api/v1", Header: http.Header{"Authorization": {"Bearer key-b"}}, MaxInput: 100_000}}}
}

// A tried is what one call came to.
type tried struct {
	resp *http.Response
	err  error
	body string
	call steadyhttp.Call
	took time.Duration
}

func (d tried) answered() bool {
	return d.err == nil && d.resp.StatusCode == 200 && d.call.Error == nil && strings.Contains(d.body, "hello")
}

// ask sends a chat completion.
func ask(t *testing.T, rt http.RoundTripper, change func(*http.Request)) (d tried) {
	t.Helper()
	ctx, cancel := context.WithTimeout(steadyhttp.WithCall(t.Context()), time.Minute)
	defer cancel()
	req := request(t, "POST", "https://api.openai.com/v1/chat/completions", `{"model":"m","messages":[{"role":"user","content":"hi"}]}`).WithContext(ctx)
	req.Header.Set("Authorization", "Bearer key-a")
	if change != nil {
		change(req)
	}
	start := time.Now()
	d.resp, d.err = rt.RoundTrip(req)
	if d.err == nil {
		var body []byte
		body, d.err = io.ReadAll(d.resp.Body)
		d.resp.Body.Close()
		d.body = string(body)
	}
	d.took = time.Since(start)
	d.call, _ = steadyhttp.FromContext(ctx)
	return d
}

const sse = "data: {\"id\":\"1\",\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hello\"},\"finish_reason\":null}]}\n\n" +
	"data: {\"id\":\"1\",\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n"

func streams(body string) func(asked) reply {
	return func(asked) reply {
		return reply{status: 200, header: "Content-Type: text/event-stream", body: body}
	}
}

// The faults of the primary, and what one call comes to with a fallback that works.
func TestFaultsOfThePrimary(t *testing.T) {
	tests := []struct {
		name    string
		primary func(asked) reply
		answers bool
		within  time.Duration
		sent    int // to the primary
	}{
		{"429 that asks for 20 s", always(429, "Retry-After: 20", openAIError("requests", "rate_limit_exceeded", "Rate limit reached")), true, 50 * time.Millisecond, 1},
		{"429 that asks for 1 s, then works", func(a asked) reply {
			if a.n == 0 {
				return always(429, "Retry-After: 1", openAIError("requests", "rate_limit_exceeded", "Rate limit reached"))(a)
			}
			return works(a)
		}, true, 1200 * time.Millisecond, 2},
		{"429 without a time", always(429, "", openAIError("requests", "rate_limit_exceeded", "Rate limit reached")), true, 50 * time.Millisecond, 1},
		{"500", always(500, "", openAIError("server_error", "", "The server had an error")), true, 300 * time.Millisecond, 2},
		{"503", always(503, "", ""), true, 50 * time.Millisecond, 1},
		{"529", always(529, "", ""), true, 50 * time.Millisecond, 1},
		{"refused", fails(syscall.ECONNREFUSED), true, 50 * time.Millisecond, 1},
		{"reset", fails(syscall.ECONNRESET), true, 50 * time.Millisecond, 1},
		{"an error as the first event", streams("data: {\"error\":{\"message\":\"The server had an error\",\"type\":\"server_error\"}}\n\n"), true, 300 * time.Millisecond, 1},
		{"a spent account", always(429, "", openAIError("insufficient_quota", "insufficient_quota", "You exceeded your current quota")), true, 50 * time.Millisecond, 1},
		{"a bad key", always(401, "", openAIError("invalid_request_error", "invalid_api_key", "Incorrect API key provided")), true, 50 * time.Millisecond, 1},
		{"a context that is too long", always(400, "", openAIError("invalid_request_error", "context_length_exceeded", "This model's maximum context length is 8192 tokens")), true, 50 * time.Millisecond, 1},
		{"a refusal by policy", always(400, "", openAIError("invalid_request_error", "content_policy_violation", "Your request was rejected by our safety system")), false, 50 * time.Millisecond, 1},
		{"an invalid request", always(400, "", openAIError("invalid_request_error", "", "you must provide a model parameter")), false, 50 * time.Millisecond, 1},
		{"cut after output", streams(sse[:strings.Index(sse, "\n\n")+2]), false, 50 * time.Millisecond, 1},
	}
	for _, test := range tests {
		for _, single := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/one attempt %v", test.name, single), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					f := &fleet{rules: map[string]func(asked) reply{primary: test.primary, fallback: works}}
					rt := &steadyhttp.Transport{Base: f, Failover: elsewhere()}
					if single {
						rt.Retrier = &steadyhttp.Retrier{MaxAttempts: 1}
					}
					d := ask(t, rt, nil)
					if d.answered() != test.answers || d.took > test.within || f.at(primary) != test.sent {
						t.Errorf("answered %v (%v, %q, %v) after %v, with %d requests to the primary; want %v within %v with %d", d.answered(), d.err, d.body, d.call.Error, d.took, f.at(primary), test.answers, test.within, test.sent)
					}
					elsewhere := f.at(fallback) > 0
					if want := test.answers && !strings.Contains(test.name, "then works"); elsewhere != want {
						t.Errorf("the fallback was asked: %v, want %v", elsewhere, want)
					}
					if elsewhere && d.call.Target != fallback {
						t.Errorf("Call.Target is %q", d.call.Target)
					}
				})
			})
		}
	}
}

func setBody(req *http.Request, body string) {
	req.Body, req.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
	req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(body)), nil }
}

// A silent host is left where the user says how long to wait for it.
func TestSilentPrimary(t *testing.T) {
	for _, test := range []struct {
		name    string
		primary func(asked) reply
		retrier *steadyhttp.Retrier
		within  time.Duration
	}{
		{"no headers, AttemptTimeout", func(asked) reply { return reply{after: time.Hour} }, &steadyhttp.Retrier{AttemptTimeout: 5 * time.Second}, 5100 * time.Millisecond},
		{"no headers of a stream, FirstOutput", func(asked) reply { return reply{after: time.Hour} }, &steadyhttp.Retrier{FirstOutput: 3 * time.Second}, 3100 * time.Millisecond},
		{"no output, FirstOutput", func(asked) reply {
			return reply{status: 200, header: "Content-Type: text/event-stream", body: ": ping\n\n"}
		}, &steadyhttp.Retrier{FirstOutput: 3 * time.Second}, 3100 * time.Millisecond},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &fleet{rules: map[string]func(asked) reply{primary: test.primary, fallback: works}}
				rt := &steadyhttp.Transport{Base: f, Failover: elsewhere(), Retrier: test.retrier}
				d := ask(t, rt, func(req *http.Request) {
					setBody(req, `{"model":"m","messages":[{"role":"user","content":"hi"}],"stream":true}`)
				})
				if !d.answered() || d.took > test.within || d.call.Target != fallback {
					t.Errorf("answered %v (%v, %v) after %v by %q", d.answered(), d.err, d.call.Error, d.took, d.call.Target)
				}
			})
		})
	}
}

// The primary is down for a minute, at ten calls a second, then it is back: from the
// first call on, and after it has worked for a while.
func TestPrimaryDownForAMinute(t *testing.T) {
	t.Parallel()
	for _, healthy := range []time.Duration{0, 20 * time.Second} {
		t.Run(fmt.Sprintf("healthy for %v", healthy), func(t *testing.T) { testPrimaryDown(t, healthy) })
	}
}

func testPrimaryDown(t *testing.T, healthy time.Duration) {
	for name, down := range map[string]func(asked) reply{
		"503": always(503, "", ""), "refused": fails(syscall.ECONNREFUSED), "500": always(500, "", ""), "529": always(529, "", ""),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now().Add(healthy)
				back := start.Add(time.Minute)
				f := &fleet{rules: map[string]func(asked) reply{fallback: func(a asked) reply { r := works(a); r.after = 100 * time.Millisecond; return r },
					primary: func(a asked) reply {
						if !a.at.Before(start) && a.at.Before(back) {
							return down(a)
						}
						r := works(a)
						r.after = 100 * time.Millisecond
						return r
					}}}
				rt := &steadyhttp.Transport{Base: f, Failover: elsewhere()}
				var mu sync.Mutex
				var took []time.Duration
				lost := 0
				var wg sync.WaitGroup
				for time.Since(start) < 70*time.Second {
					wg.Go(func() {
						d := ask(t, rt, nil)
						mu.Lock()
						defer mu.Unlock()
						if !d.answered() {
							lost++
						}
						took = append(took, d.took)
					})
					time.Sleep(100 * time.Millisecond)
				}
				wg.Wait()
				late, early := 0, 0
				for _, a := range f.asked {
					switch since := a.at.Sub(start); {
					case a.host == primary && since > 3*time.Second && since < time.Minute:
						early++
					case a.host == fallback && since > 62*time.Second:
						late++
					}
				}
				if m := median(took); lost > 0 || m > 150*time.Millisecond || early > 57+6 || late > 0 {
					t.Errorf("%d lost, median %v, %d requests to the primary in 57 s once it was known to be down, %d to the fallback 2 s after its return", lost, m, early, late)
				}
			})
		})
	}
}

func median(d []time.Duration) time.Duration {
	s := append([]time.Duration(nil), d...)
	for i := range s {
		for j := i; j > 0 && s[j] < s[j-1]; j-- {
			s[j], s[j-1] = s[j-1], s[j]
		}
	}
	return s[len(s)/2]
}

// A limit that states nothing lets nothing in for a minute. What it bears afterwards has
// to be found, and the calls beyond go elsewhere meanwhile.
func TestSilentLimitComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		f := &fleet{rules: map[string]func(asked) reply{fallback: works, primary: func(a asked) reply {
			if a.at.Sub(start) < time.Minute {
				return always(429, "", openAIError("requests", "rate_limit_exceeded", "Rate limit reached"))(a)
			}
			return works(a)
		}}}
		rt := &steadyhttp.Transport{Base: f, Failover: elsewhere()}
		there := 0
		for time.Since(start) < 110*time.Second {
			d := ask(t, rt, nil)
			if !d.answered() {
				t.Errorf("lost: %v, %v", d.err, d.call.Error)
			}
			if d.call.Target == "" && time.Since(start) > 100*time.Second {
				there++
			}
			time.Sleep(100 * time.Millisecond)
		}
		if there < 95 {
			t.Errorf("%d of the 100 calls forty seconds after its return went to the primary", there)
		}
	})
}

// One key is told to wait: the other has every call at once.
func TestOneKeyIsToldToWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fleet{rules: map[string]func(asked) reply{primary: func(a asked) reply {
			if a.key == "key-a" {
				return always(429, "Retry-After: 20", openAIError("requests", "rate_limit_exceeded", "Rate limit reached"))(a)
			}
			return works(a)
		}}}
		rt := &steadyhttp.Transport{Base: f, Failover: &steadyhttp.Failover{Targets: []steadyhttp.Target{{Name: "key b", Header: http.Header{"Authorization": {"Bearer key-b"}}}}}}
		var wg sync.WaitGroup
		for range 200 {
			wg.Go(func() {
				if d := ask(t, rt, nil); !d.answered() || d.took > 50*time.Millisecond || d.call.Target != "key b" {
					t.Errorf("answered %v after %v by %q: %v", d.answered(), d.took, d.call.Target, d.call.Error)
				}
			})
			time.Sleep(50 * time.Millisecond)
		}
		wg.Wait()
		first := 0
		for _, a := range f.asked {
			if a.key == "key-a" {
				first++
			}
		}
		if first > 2 {
			t.Errorf("%d requests with the key that was told to wait", first)
		}
	})
}

// A request that must not be done twice goes on only where it was not done.
func TestFailoverHoldsFate(t *testing.T) {
	for _, test := range []struct {
		name    string
		primary func(asked) reply
		goes    bool
	}{
		{"429", always(429, "", ""), true},
		{"401", always(401, "", ""), true},
		{"500", always(500, "", ""), false},
		{"reset", fails(syscall.ECONNRESET), false},
		{"503 with Retry-After", always(503, "Retry-After: 1", ""), false},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &fleet{rules: map[string]func(asked) reply{"orders.example": test.primary, "orders.eu.example": works}}
				rt := &steadyhttp.Transport{Base: f, Failover: &steadyhttp.Failover{Hosts: []string{"orders.example"}, Targets: []steadyhttp.Target{{URL: "https://orders.eu.example"}}}}
				ask(t, rt, func(req *http.Request) { req.URL.Host, req.URL.Path = "orders.example", "/orders" })
				if goes := f.at("orders.eu.example") > 0; goes != test.goes {
					t.Errorf("the order was sent elsewhere: %v, want %v", goes, test.goes)
				}
			})
		})
	}
}

// Conversations of ten turns each while the primary comes and goes.
func TestConversationsStay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up := func(at time.Time) bool { return at.UnixMilli()/7_000%3 != 0 }
		f := &fleet{rules: map[string]func(asked) reply{fallback: works, primary: func(a asked) reply {
			if up(a.at) {
				return works(a)
			}
			return always(503, "", "")(a)
		}}}
		rt := &steadyhttp.Transport{Base: f, Failover: elsewhere()}
		var mu sync.Mutex
		moved, turns := 0, 0
		var wg sync.WaitGroup
		for i := range 100 {
			wg.Go(func() {
				time.Sleep(time.Duration(i) * 333 * time.Millisecond)
				at := ""
				for turn := range 10 {
					forced := at == "" && !up(time.Now())
					d := ask(t, rt, func(req *http.Request) { req.Header.Set("X-Session-Id", fmt.Sprint(i)) })
					mu.Lock()
					if turn > 0 && !forced {
						turns++
						if d.call.Target != at {
							moved++
						}
					}
					mu.Unlock()
					at = d.call.Target
					time.Sleep(2900 * time.Millisecond)
				}
			})
		}
		wg.Wait()
		if moved*100 > turns {
			t.Errorf("%d of %d turns moved that were not forced to", moved, turns)
		}
	})
}

// All are out: the Retrier sees the answer of the one that will be back first.
func TestAllTargetsAreOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limited := func(after string) func(asked) reply {
			return func(a asked) reply {
				if a.n > 0 {
					return works(a)
				}
				return always(429, "Retry-After: "+after, openAIError("requests", "rate_limit_exceeded", "Rate limit reached"))(a)
			}
		}
		f := &fleet{rules: map[string]func(asked) reply{primary: limited("20"), fallback: limited("5")}}
		d := ask(t, &steadyhttp.Transport{Base: f, Failover: elsewhere()}, nil)
		if !d.answered() || d.took < 5*time.Second || d.took > 7*time.Second || d.call.Target != fallback {
			t.Errorf("answered %v after %v by %q: %v", d.answered(), d.took, d.call.Target, d.call.Error)
		}
		f = &fleet{rules: map[string]func(asked) reply{primary: limited("20"), fallback: limited("5")}}
		d = ask(t, &steadyhttp.Transport{Base: f, Failover: elsewhere(), Retrier: &steadyhttp.Retrier{MaxAttempts: 1}}, nil)
		if d.call.Error == nil || d.call.Error.RetryAfter != 5*time.Second || d.resp.Header.Get("Retry-After") != "5" || d.call.Target != fallback || d.call.Attempts != 2 {
			t.Errorf("with one attempt the call ended with %v of %q after %d attempts", d.call.Error, d.call.Target, d.call.Attempts)
		}
	})
}

// Outside of a Retrier, a Failover leaves a place when repeating was in vain; inside, the
// Retrier waits when all places were tried.
func TestFailoverAndRetrierInBothOrders(t *testing.T) {
	for _, test := range []struct {
		name string
		wrap func(base http.RoundTripper) http.RoundTripper
		want []string
	}{
		{"Failover outside", func(base http.RoundTripper) http.RoundTripper {
			f := elsewhere()
			f.Base = &steadyhttp.Retrier{Base: base, MaxAttempts: 3, BackOff: noWait}
			return f
		}, []string{primary, primary, primary, fallback}},
		{"Failover inside", func(base http.RoundTripper) http.RoundTripper {
			f := elsewhere()
			f.Base = base
			return &steadyhttp.Retrier{Base: f, MaxAttempts: 3, BackOff: noWait}
		}, []string{primary, fallback}},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &fleet{rules: map[string]func(asked) reply{primary: always(503, "", ""), fallback: works}}
				if d := ask(t, test.wrap(f), nil); !d.answered() {
					t.Errorf("got %v, %v", d.err, d.call.Error)
				}
				var hosts []string
				for _, a := range f.asked {
					hosts = append(hosts, a.host)
				}
				if !slices.Equal(hosts, test.want) {
					t.Errorf("asked %v, want %v", hosts, test.want)
				}
			})
		})
	}
}

// A Throttler outside of a Failover gives one permit for a call, inside one for each
// place that is tried.
func TestFailoverAndThrottlerInBothOrders(t *testing.T) {
	for outside, want := range map[bool]int{true: 1, false: 2} {
		synctest.Test(t, func(t *testing.T) {
			f := &fleet{rules: map[string]func(asked) reply{primary: always(503, "", ""), fallback: works}}
			permits := &countingLimiter{}
			throttler, failover := &steadyhttp.Throttler{Base: f, Limiter: permits}, elsewhere()
			failover.Base = throttler
			var rt http.RoundTripper = failover
			if outside {
				failover.Base, throttler.Base, rt = f, failover, throttler
			}
			if d := ask(t, rt, nil); !d.answered() || permits.given != want {
				t.Errorf("Throttler outside %v: got %v, %v with %d permits, want %d", outside, d.err, d.call.Error, permits.given, want)
			}
		})
	}
}

// A countingLimiter counts the permits that it gives.
type countingLimiter struct {
	limiter.Memory
	given int
}

func (l *countingLimiter) Acquire(ctx context.Context, a limit.Ask) (limit.Permit, error) {
	l.given++
	return l.Memory.Acquire(ctx, a)
}
