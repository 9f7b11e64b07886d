package steadyhttp_test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyhttp/steadyhttp"
)

// An order is placed once at the most, whatever its places do: some carry it out and
// then fail, others refuse it. An idempotency key is known to one account at one host.
func TestFailoverPlacesAnOrderOnce(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 4))
	moved := 0
	for n := range howMany(100, 700, 10_000) {
		synctest.Test(t, func(t *testing.T) {
			key := r.IntN(2) == 0
			done := map[string]bool{} // by host, account and key, or by number
			answers := []func(asked) reply{
				always(429, "", ""), always(429, "Retry-After: 1", ""), always(401, "", ""), always(500, "", ""), always(503, "", ""), always(503, "Retry-After: 1", ""), always(502, "", ""), always(403, "", ""),
				always(302, "Location: /orders/1", ""), always(303, "Location: /orders/1", ""), always(404, "", ""), always(529, "", ""), always(409, "", ""), always(408, "", ""), fails(syscall.ECONNRESET), fails(io.ErrUnexpectedEOF),
			}
			once := func(a asked) string {
				if k := a.header.Get("Idempotency-Key"); k != "" {
					return a.host + a.key + k
				}
				return fmt.Sprint(a.host, a.n)
			}
			var wire []string
			rule := func(a asked) reply {
				kind := r.IntN(len(answers) + 1)
				if kind == len(answers) {
					done[once(a)] = true
					wire = append(wire, a.host+" "+a.key+" done")
					return works(a)
				}
				if kind > 2 && r.IntN(2) == 0 { // it did the work, and failed then
					done[once(a)] = true
				}
				answer := answers[kind](a)
				wire = append(wire, fmt.Sprint(a.host, " ", a.key, " ", answer.status, answer.err))
				return answer
			}
			f := &fleet{rules: map[string]func(asked) reply{"orders.example": rule, "orders.eu.example": rule, "orders.us.example": rule}}
			rt := &steadyhttp.Transport{Base: f, Failover: &steadyhttp.Failover{Hosts: []string{"orders.example"}, Targets: []steadyhttp.Target{
				{URL: "https://orders.eu.example"}, {Name: "account", Header: http.Header{"Authorization": {"Bearer key-b"}}}, {URL: "https://orders.us.example", Header: http.Header{"Authorization": {"Bearer key-c"}}},
			}}}
			if r.IntN(2) == 0 {
				rt.Retrier = &steadyhttp.Retrier{MaxAttempts: 1 + r.IntN(3)}
			}
			for range 3 {
				clear(done)
				wire = nil
				ask(t, rt, func(req *http.Request) {
					req.URL.Host, req.URL.Path = "orders.example", "/orders"
					if key {
						req.Header.Set("Idempotency-Key", fmt.Sprint("k", n))
					}
				})
				if len(wire) > 1 {
					moved++
				}
				if len(done) > 1 {
					t.Errorf("order %d (key %v) was placed %d times: %v", n, key, len(done), wire)
				}
			}
		})
		if t.Failed() {
			return
		}
	}
	if moved < 100 {
		t.Errorf("only %d orders were sent more than once", moved)
	}
}

// A primary that fails half of its calls loses none, and keeps about half of the rest.
func TestPrimaryHalfDown(t *testing.T) {
	for name, change := range map[string]func(*http.Request){"calls": nil, "conversations": func(r *http.Request) { r.Header.Set("X-Session-Id", fmt.Sprint(rand.IntN(20))) }} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := rand.New(rand.NewPCG(1, 2))
				f := &fleet{rules: map[string]func(asked) reply{fallback: works, primary: func(a asked) reply {
					if r.IntN(2) == 0 {
						return always(503, "", "")(a)
					}
					x := works(a)
					return x
				}}}
				rt := &steadyhttp.Transport{Base: f, Failover: elsewhere()}
				for range 1000 {
					if d := ask(t, rt, change); !d.answered() || d.took > 500*time.Millisecond {
						t.Errorf("answered %v after %v: %v %v", d.answered(), d.took, d.err, d.call.Error)
					}
					time.Sleep(50 * time.Millisecond)
				}
				if n := len(f.asked); n > 1600 {
					t.Errorf("%d requests for 1000 calls", n)
				}
			})
		})
	}
}

// One route of the primary fails: calls of the others stay.
func TestOneRouteFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fleet{rules: map[string]func(asked) reply{fallback: works, primary: func(a asked) reply {
			if a.path == "/v1/responses" {
				return always(503, "", "")(a)
			}
			return works(a)
		}}}
		rt := &steadyhttp.Transport{Base: f, Failover: elsewhere()}
		moved := 0
		for i := range 600 {
			d := ask(t, rt, func(req *http.Request) {
				if i%6 > 0 {
					body := `{"model":"m","input":[{"role":"user","content":"hi"}]}`
					req.URL.Path = "/v1/responses"
					req.Body, req.ContentLength, req.GetBody = io.NopCloser(strings.NewReader(body)), int64(len(body)), nil
				}
			})
			if !d.answered() {
				t.Errorf("lost: %v %v", d.err, d.call.Error)
			}
			if i%6 == 0 && d.call.Target != "" {
				moved++
			}
			time.Sleep(50 * time.Millisecond)
		}
		if moved > 0 {
			t.Errorf("%d of 100 calls of a route that works went elsewhere", moved)
		}
		if n := f.at(primary); n > 100+45 {
			t.Errorf("%d requests to the primary, of which 100 to the route that works", n)
		}
	})
}

// Many goroutines and two Transports share a Failover, over real connections of both
// kinds: each call gets its own answer, connections are used again, and nothing stays.
func TestFailoverOverSockets(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: it waits in real time")
	}
	for _, http2 := range []bool{false, true} {
		t.Run(fmt.Sprint("http2 ", http2), func(t *testing.T) {
			var n atomic.Int64
			handler := func(down bool) http.HandlerFunc {
				return func(w http.ResponseWriter, r *http.Request) {
					body, _ := io.ReadAll(r.Body)
					i := n.Add(1)
					w.Header().Set("Content-Type", "application/json")
					if down && i%3 != 0 {
						w.WriteHeader([]int{503, 429, 500, 401, 529}[i%5])
						fmt.Fprint(w, strings.Repeat("x", int(i%7)*1000))
						return
					}
					fmt.Fprintf(w, `{"id":"1","object":"chat.completion","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":%q},"finish_reason":"stop"}]}`, string(body))
				}
			}
			start := func(down bool) *httptest.Server {
				s := httptest.NewUnstartedServer(handler(down))
				s.EnableHTTP2 = http2
				s.StartTLS()
				t.Cleanup(s.Close)
				return s
			}
			first, second := start(true), start(false)
			base := first.Client().Transport.(*http.Transport).Clone()
			base.TLSClientConfig.InsecureSkipVerify = true
			base.MaxIdleConnsPerHost = 16
			base.ForceAttemptHTTP2 = http2
			t.Cleanup(base.CloseIdleConnections)
			f := &steadyhttp.Failover{Targets: []steadyhttp.Target{{URL: second.URL + "/v1", Header: http.Header{"Authorization": {"Bearer b"}}}}, Hosts: []string{strings.TrimPrefix(first.URL, "https://")}}
			transports := []*steadyhttp.Transport{{Base: base, Failover: f}, {Base: base, Failover: f, Retrier: &steadyhttp.Retrier{MaxAttempts: 1, AttemptTimeout: 10 * time.Second}}}
			var wg sync.WaitGroup
			for g := range 16 {
				wg.Go(func() {
					client := &http.Client{Transport: transports[g%2]}
					for i := range 40 {
						content := fmt.Sprintf(`{"model":"m","messages":[{"role":"user","content":"call %d of %d"}]}`, i, g)
						var body io.Reader = strings.NewReader(content)
						if i%3 == 0 {
							body = io.MultiReader(body)
						}
						resp, err := client.Post(first.URL+"/v1/chat/completions", "application/json", body)
						if err != nil {
							t.Error(err)
							continue
						}
						got := finish(t, resp)
						if resp.StatusCode != 200 || !strings.Contains(got, fmt.Sprintf("call %d of %d", i, g)) {
							t.Errorf("call %d of %d: %d %.200q", i, g, resp.StatusCode, got)
						}
					}
				})
			}
			wg.Wait()
		})
	}
}
