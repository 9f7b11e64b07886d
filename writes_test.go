package steadyhttp_test

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptrace"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyhttp/steadyhttp"
)

// attemptsAt counts how often a request is sent, two times at most, to a base that
// reads it and answers so each time.
func attemptsAt(t *testing.T, rt *steadyhttp.Retrier, make func(*testing.T) *http.Request, answer reply) (n int) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		base := playing(answer)
		rt.Base, rt.MaxAttempts = base, 2
		resp, err := rt.RoundTrip(make(t))
		if err == nil {
			finish(t, resp)
		}
		n = base.count()
	})
	return n
}

// withLine returns req with a header line.
func withLine(req *http.Request, line string) *http.Request {
	if name, value, ok := strings.Cut(line, ": "); ok {
		req.Header.Set(name, value)
	}
	return req
}

// A call to a model is repeated after an unknown fate unless the server does more
// than to compute, or nobody can tell that it is one.
func TestModelCallsThatAct(t *testing.T) {
	const responses, unknown = "https://api.openai.com/v1/responses", "https://models.example/v7/talk"
	const turns = `"messages":[{"role":"user","content":"x"}]`
	big := strings.Repeat("long ", 300_000)
	for _, row := range []struct {
		name, url, body, header string
		repeated                bool
	}{
		{"a response", responses, `{"model":"m","input":"x"}`, "", true},
		{"of 1.5 MiB", responses, `{"input":"` + big + `","model":"m"}`, "", true},
		{"of 1.5 MiB in the background", responses, `{"input":"` + big + `","model":"m","background":true}`, "", false},
		{"in a conversation", responses, `{"conversation":"conv_1","model":"m"}`, "", false},
		{"with a tool that the server runs", responses, `{"model":"m","tools":[{"type":"mcp"}]}`, "", false},
		{"with servers of tools", "https://api.anthropic.com/v1/messages", `{` + turns + `,"mcp_servers":[{"type":"url"}]}`, "", false},
		{"a chat with a webhook", chatURL, `{"model":"m",` + turns + `,"webhook":"https://me.example"}`, "", false},
		{"a chat that is answered later", chatURL, `{"model":"m",` + turns + `}`, "Prefer: respond-async", false},
		{"a compressed body, into which nobody sees", responses, "\x1f\x8b", "Content-Encoding: gzip", false},
		{"a chat at a path that nobody knows", unknown, `{"model":"m",` + turns + `}`, "Content-Type: application/json", true},
		{"a chat that is kept for later ones", "http://127.0.0.1:8080/v1beta/cachedContents", `{"model":"m",` + turns + `}`, "Content-Type: application/json", false},
		{"a chat at a path that a known provider has for something else", "https://api.moonshot.cn/v1/talk", `{"model":"m",` + turns + `}`, "Content-Type: application/json", false},
		{"a prompt there, which may be anything", unknown, `{"model":"m","prompt":"x"}`, "Content-Type: application/json", false},
		{"a chat there whose body acts", unknown, `{"model":"m",` + turns + `,"background":true}`, "Content-Type: application/json", false},
		{"a chat there that is not said to be JSON", unknown, `{"model":"m",` + turns + `}`, "Content-Type: text/plain", false},
		{"a chat there with a member that no model knows", unknown, `{"model":"m","session_id":"s",` + turns + `}`, "Content-Type: application/json", false},
		{"a chat there with parameters of models", unknown, `{"model":"m","temperature":1,"tools":[{"type":"function"}],` + turns + `}`, "Content-Type: application/json", true},
		{"a chat with a sandbox that has a name", responses, `{"model":"m","tools":[{"type":"code_interpreter","container":"cntr_1"}]}`, "", false},
		{"a chat with a new sandbox", responses, `{"model":"m","tools":[{"type":"code_interpreter","container":{"type":"auto"}}]}`, "", true},
		{"a gateway's chat with a parameter of its own", "https://gateway.example/v1/chat/completions", `{"model":"m","trace_id":"t",` + turns + `}`, "", true},
		{"one that is sent to somebody", "https://gateway.example/v1/chat/completions", `{"model":"m","conversation_id":"c",` + turns + `}`, "", false},
		{"a host's own chat without a version", "https://gateway.example/chat/completions", `{` + turns + `}`, "", true},
		{"a chat that is put into a queue", "https://models.example/queue/talk", `{"model":"m",` + turns + `}`, "Content-Type: application/json", false},
	} {
		t.Run(row.name, func(t *testing.T) {
			for _, kind := range []string{"with GetBody", "a pipe"} {
				call := func(t *testing.T) *http.Request {
					req := withLine(request(t, "POST", row.url, row.body), row.header)
					if kind == "a pipe" {
						req.Body, req.GetBody, req.ContentLength = io.NopCloser(io.MultiReader(strings.NewReader(row.body))), nil, -1
					}
					return req
				}
				want := 1
				if row.repeated {
					want = 2
				}
				const kept = 4 << 20
				if got := attemptsAt(t, &steadyhttp.Retrier{MaxBufferedBody: kept}, call, reply{status: 500}); got != want {
					t.Errorf("%s: got %d attempts after a 500, want %d", kind, got, want)
				}
				if got := attemptsAt(t, &steadyhttp.Retrier{InferenceOnce: true, MaxBufferedBody: kept}, call, reply{status: 500}); got != 1 {
					t.Errorf("%s: got %d attempts with InferenceOnce, want 1", kind, got)
				}
			}
		})
	}
}

// Idempotent alone decides where it is set, InferenceOnce where it is not.
func TestWhoDecidesWhatDoesNoHarm(t *testing.T) {
	yes, no := func(*http.Request) bool { return true }, func(*http.Request) bool { return false }
	const order = "https://shop.example/orders"
	never := steadyhttp.RetryPolicy{NotIdempotent: true}
	always := steadyhttp.RetryPolicy{Idempotent: true}
	for _, row := range []struct {
		name        string
		retrier     *steadyhttp.Retrier
		policy      steadyhttp.RetryPolicy
		method, url string
		first       reply
		repeated    bool
	}{
		{"yes, a POST", &steadyhttp.Retrier{Idempotent: yes}, steadyhttp.RetryPolicy{}, "POST", order, reply{status: 500}, true},
		{"no, a GET", &steadyhttp.Retrier{Idempotent: no}, steadyhttp.RetryPolicy{}, "GET", order, reply{status: 500}, false},
		{"no, a chat", &steadyhttp.Retrier{Idempotent: no}, steadyhttp.RetryPolicy{}, "POST", chatURL, reply{status: 500}, false},
		{"no, with a key", &steadyhttp.Retrier{Idempotent: no, IdempotencyKey: func(*http.Request) string { return "k" }}, steadyhttp.RetryPolicy{}, "POST", order, reply{status: 500}, false},
		{"no, but refused", &steadyhttp.Retrier{Idempotent: no}, steadyhttp.RetryPolicy{}, "POST", order, reply{status: 429}, true},
		{"no, but the call says yes", &steadyhttp.Retrier{Idempotent: no}, always, "POST", order, reply{status: 500}, true},
		{"yes, but the call says no", &steadyhttp.Retrier{Idempotent: yes}, never, "POST", order, reply{status: 500}, false},
		{"models once, a chat", &steadyhttp.Retrier{InferenceOnce: true}, steadyhttp.RetryPolicy{}, "POST", chatURL, reply{status: 500}, false},
		{"models once, a chat whose connection broke", &steadyhttp.Retrier{InferenceOnce: true}, steadyhttp.RetryPolicy{}, "POST", chatURL, reply{err: syscall.ECONNRESET}, false},
		{"models once, but refused", &steadyhttp.Retrier{InferenceOnce: true}, steadyhttp.RetryPolicy{}, "POST", chatURL, reply{status: 429}, true},
		{"models once, a GET", &steadyhttp.Retrier{InferenceOnce: true}, steadyhttp.RetryPolicy{}, "GET", chatURL, reply{status: 500}, true},
		{"models once, but the call says yes", &steadyhttp.Retrier{InferenceOnce: true}, always, "POST", chatURL, reply{status: 500}, true},
		{"models once, but a key", &steadyhttp.Retrier{InferenceOnce: true, IdempotencyKey: func(*http.Request) string { return "k" }}, steadyhttp.RetryPolicy{}, "POST", chatURL, reply{status: 500}, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			call := func(t *testing.T) *http.Request {
				req := request(t, row.method, row.url, "")
				return req.WithContext(steadyhttp.WithRetry(req.Context(), row.policy))
			}
			if got := attemptsAt(t, row.retrier, call, row.first) == 2; got != row.repeated {
				t.Errorf("repeated: got %t, want %t", got, row.repeated)
			}
		})
	}
}

func TestWhatNoCacheHasIsNotAskedForAgain(t *testing.T) {
	for _, row := range []struct {
		header   string
		repeated bool
	}{{"only-if-cached", false}, {"max-stale=60, Only-If-Cached", false}, {"no-cache", true}} {
		call := func(t *testing.T) *http.Request {
			return withLine(request(t, "GET", "https://api.example/x", ""), "Cache-Control: "+row.header)
		}
		if got := attemptsAt(t, &steadyhttp.Retrier{}, call, reply{status: 504}) == 2; got != row.repeated {
			t.Errorf("Cache-Control: %s: repeated after a 504: got %t, want %t", row.header, got, row.repeated)
		}
	}
}

// Prepare has a fresh token, which is nobody's but its origin's.
func TestPrepareAndRedirects(t *testing.T) {
	for _, row := range []struct {
		name     string
		hops     []string
		prepared bool
	}{
		{"no redirect", []string{"https://api.example/"}, true},
		{"within the origin", []string{"https://api.example/", "https://api.example/next"}, true},
		{"the host in another case", []string{"https://api.example/", "https://API.example/next"}, true},
		{"to another host", []string{"https://api.example/", "https://other.example/next"}, false},
		{"to a host of the same site", []string{"https://api.example/", "https://cdn.api.example/next"}, false},
		{"to another port", []string{"https://api.example/", "https://api.example:8443/next"}, false},
		{"to no encryption", []string{"https://api.example/", "http://api.example/next"}, false},
		{"away and back, to what the stranger chose", []string{"https://api.example/", "https://other.example/", "https://api.example/next"}, false},
		{"and on at the stranger's", []string{"https://api.example/", "https://other.example/", "https://other.example/next"}, false},
	} {
		for _, first := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, from the first attempt on %t", row.name, first), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					at, tries := 0, 0
					var last []string
					base := replying(func(req *http.Request) reply {
						if at++; at < len(row.hops) {
							return reply{status: 302, header: "Location: " + row.hops[at]}
						}
						last = append(last, req.Header.Get("Authorization"))
						if tries++; tries == 1 {
							return reply{status: 503}
						}
						return reply{status: 200}
					})
					client := &http.Client{Transport: &steadyhttp.Transport{Base: base, Retrier: &steadyhttp.Retrier{
						PrepareFirst: first,
						Prepare: func(req *http.Request, n int) error {
							req.Header.Set("Authorization", fmt.Sprint("fresh ", n))
							return nil
						},
					}}}
					resp, err := client.Do(request(t, "GET", row.hops[0], ""))
					if err != nil {
						t.Fatal(err)
					}
					finish(t, resp)
					want := []string{"", ""}
					if row.prepared {
						want[1] = "fresh 2"
					}
					if row.prepared && first {
						want[0] = "fresh 1"
					}
					if !slices.Equal(last, want) {
						t.Errorf("the last origin got %q, want %q", last, want)
					}
				})
			})
		}
	}
}

// A signature has a date in it, and is no good after minutes in a queue.
func TestPrepareFirstAfterTheQueue(t *testing.T) {
	for _, first := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			var signed, sent []time.Duration
			base := replying(func(req *http.Request) reply {
				at, _ := time.ParseDuration(req.Header.Get("Signed-At"))
				signed, sent = append(signed, at), append(sent, time.Since(start))
				return reply{status: 200}
			})
			client := &http.Client{Transport: &steadyhttp.Transport{
				Base:      base,
				Throttler: &steadyhttp.Throttler{RequestsPerMinute: 6, Burst: 1},
				Retrier: &steadyhttp.Retrier{PrepareFirst: first, Prepare: func(req *http.Request, n int) error {
					req.Header.Set("Signed-At", time.Since(start).String())
					return nil
				}},
			}}
			done := make(chan error, 3)
			for range 3 {
				req := request(t, "POST", "https://db.example/", "x")
				req.Header.Set("Signed-At", "0s")
				go func() {
					resp, err := client.Do(req)
					if err == nil {
						resp.Body.Close()
					}
					if req.Header.Get("Signed-At") != "0s" {
						err = errors.Join(err, errors.New("the caller's request was changed"))
					}
					done <- err
				}()
			}
			for range 3 {
				if err := <-done; err != nil {
					t.Error(err)
				}
			}
			if sent[2] < 10*time.Second {
				t.Fatalf("nothing was queued: sent after %v", sent)
			}
			if fresh := slices.Equal(signed, sent); fresh != first {
				t.Errorf("PrepareFirst %t: signed at %v, sent at %v", first, signed, sent)
			}
		})
	}
}

// A mishap is what may happen to a write on its way.
type mishap struct {
	name    string
	applied bool // the server has carried it out
	refused bool // it is provably not carried out, and may be sent again
	reply   reply
}

var mishaps = []mishap{
	{"a cache gives up on a server that was late", true, false, reply{status: 503, header: "Retry-After: 1\nVia: 1.1 cache"}},
	{"a proxy lies about the limit", true, false, reply{status: 503, header: "X-RateLimit-Limit: 9\nX-RateLimit-Remaining: 0\nX-RateLimit-Reset: 1"}},
	{"a proxy has words for it", true, false, reply{status: 502, body: `{"error":{"message":"upstream said 429 Too Many Requests"}}`}},
	{"something behind is overloaded", true, false, reply{status: 500, body: `{"error":{"type":"overloaded_error","message":"saved; the mailer is overloaded"}}`}},
	{"a stranger's 529", true, false, reply{status: 529}},
	{"a header says to try again", true, false, reply{status: 409, header: "X-Should-Retry: true"}},
	{"the limit is met halfway", true, false, reply{status: 429, header: "Content-Type: application/json", body: `{"message":"Too many requests","accepted":57,"rejected":43}`}},
	{"some were done before the limit", true, false, reply{status: 429, header: "Content-Type: application/json", body: `{"results":[{"id":1,"status":201},{"id":2,"status":429}]}`}},
	{"the provider itself asks for a repeat", true, false, reply{status: 500, header: "X-Should-Retry: true\nStripe-Should-Retry: true"}},
	{"the connection is reset after the work", true, false, reply{err: syscall.ECONNRESET}},
	{"the answer is late", true, false, reply{after: time.Minute, status: 200}},
	{"the limit refuses it", false, true, reply{status: 429, header: "Retry-After: 1"}},
	{"the connection is refused", false, true, reply{err: syscall.ECONNREFUSED}},
}

// A writing is a kind of write of which the server cannot tell a repeat.
type writing struct{ name, method, url, header, body string }

var writings = []writing{
	{"an order", "POST", "https://shop.example/orders", "", `{"sku":"x"}`},
	{"a patch", "PATCH", "https://shop.example/stock/7", "", `{"add":1}`},
	{"a conditional write", "PUT", "https://shop.example/doc/7", `If-Match: "v1"`, `{}`},
	{"a message that a model checks", "POST", "https://chat.example/send-message", "Content-Type: application/json", `{"model":"m","messages":[{"role":"user","content":"x"}]}`},
	{"a chat that is kept", "POST", "https://bot.example/chats", "Content-Type: application/json", `{"model":"m","messages":[{"role":"user","content":"x"}]}`},
	{"an answer to somebody", "POST", "https://bot.example/v2/answer", "Content-Type: application/json", `{"model":"m","to":"bob","messages":[{"role":"user","content":"x"}]}`},
	{"a charge of Stripe's without a key", "POST", "https://api.stripe.com/v1/charges", "", `amount=5`},
	{"a job of OpenAI's", "POST", "https://api.openai.com/v1/fine_tuning/jobs", "Content-Type: application/json", `{"model":"m","training_file":"f"}`},
	{"a model call that acts", "POST", "https://gateway.example/v1/responses", "", `{"model":"m","input":"send the mail","tools":[{"type":"mcp"}]}`},
}

// Thousands of writes meet mishaps at random, and none is done twice.
func TestNoWriteIsDoneTwice(t *testing.T) {
	t.Parallel()
	calls := howMany(120, 120, 250)
	bare, ours, sent := 0, 0, 0
	for i, m := range mishaps {
		for j, w := range writings {
			synctest.Test(t, func(t *testing.T) {
				var random *rand.Rand // the same mishaps for bare and for us
				applied := 0
				base := roundTripperFunc(func(req *http.Request) (*http.Response, error) {
					sent++
					r := reply{status: 200}
					meets := random.IntN(3) == 0
					if meets {
						r = m.reply
					}
					io.Copy(io.Discard, req.Body)
					req.Body.Close()
					trace := httptrace.ContextClientTrace(req.Context())
					if trace != nil && trace.GetConn != nil {
						trace.GetConn(req.URL.Host + ":443")
					}
					if trace != nil && trace.WroteHeaders != nil && !errors.Is(r.err, syscall.ECONNREFUSED) {
						trace.WroteHeaders()
					}
					if !meets || m.applied {
						applied++
					}
					return playing().reply(req, r)
				})
				good := func(rt http.RoundTripper) (n int) {
					random = rand.New(rand.NewPCG(uint64(i), uint64(j)))
					for range calls {
						applied = 0
						resp, err := (&http.Client{Transport: rt, Timeout: 20 * time.Second}).Do(withLine(request(t, w.method, w.url, w.body), w.header))
						if err == nil {
							if resp.StatusCode < 400 {
								n++
							}
							resp.Body.Close()
						}
						if applied > 1 {
							t.Errorf("%s, %s: done %d times", w.name, m.name, applied)
						}
					}
					return n
				}
				b := good(base)
				s := good(&steadyhttp.Transport{Base: base, Throttler: &steadyhttp.Throttler{OutageWait: -1}})
				if s < b-calls/10 || m.refused && s < calls*95/100 {
					t.Errorf("%s, %s: %d of %d were answered, bare %d", w.name, m.name, s, calls, b)
				}
				bare, ours = bare+b, ours+s
			})
		}
	}
	all := calls * len(mishaps) * len(writings)
	t.Logf("%d writes: answered well %.1f%%, bare %.1f%%; %d requests", all, 100*float64(ours)/float64(all), 100*float64(bare)/float64(all), sent)
}
