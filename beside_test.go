package steadyhttp_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyhttp/steadyhttp"
)

// These tests compare the recommended chain with the same chain without its
// Throttler: whatever would be answered there is answered, about as soon.

// A town is a base that plays a server. f answers under its lock, given the body
// and the time since the server began.
type town struct {
	f     func(req *http.Request, body string, at time.Duration) reply
	start time.Time

	mu  sync.Mutex // guards what follows
	log []visit
	script
}

type visit struct {
	at     time.Duration
	status int
}

func newTown(f func(req *http.Request, body string, at time.Duration) reply) *town {
	return &town{f: f, start: time.Now()}
}

func (s *town) RoundTrip(req *http.Request) (*http.Response, error) {
	var body []byte
	if req.Body != nil {
		body, _ = io.ReadAll(req.Body)
		req.Body.Close()
	}
	s.mu.Lock()
	at := time.Since(s.start)
	r := s.f(req, string(body), at)
	s.log = append(s.log, visit{at, r.status})
	s.mu.Unlock()
	select {
	case <-time.After(r.after):
	case <-req.Context().Done():
		return nil, req.Context().Err()
	}
	if r.err != nil {
		return nil, r.err
	}
	return s.response(req, r), nil
}

// arrivals are the moments of the requests from a on, before b.
func (s *town) arrivals(a, b time.Duration) (at []time.Duration) {
	for _, v := range s.log {
		if v.at >= a && v.at < b {
			at = append(at, v.at)
		}
	}
	return at
}

// well is the answer of a server that works.
func well() reply { return reply{status: 200, body: `{"ok":true}`, after: 50 * time.Millisecond} }

// A load is calls of one kind at a steady rate.
type load struct {
	method, url, key, body string

	perSecond float64
	length    time.Duration
	patience  time.Duration // 0 is no deadline
}

// A tally is what became of a load.
type tally struct {
	calls, good int
	took        []time.Duration // sorted
}

func (l *tally) within(share float64) time.Duration {
	return l.took[min(len(l.took)-1, int(share*float64(len(l.took))))]
}

func (l *tally) String() string {
	return fmt.Sprintf("%d of %d answered, half within %v, 99%% within %v, all within %v", l.good, l.calls, l.within(.5), l.within(.99), l.within(1))
}

// call makes one call of l.
func (l load) call(t testing.TB, rt http.RoundTripper) (status int, took time.Duration) {
	method := l.method
	if method == "" {
		method = "GET"
	}
	req := request(t, method, l.url, l.body)
	if l.key != "" {
		req.Header.Set("Authorization", "Bearer "+l.key)
	}
	if l.patience > 0 {
		ctx, cancel := context.WithTimeout(req.Context(), l.patience)
		defer cancel()
		req = req.WithContext(ctx)
	}
	start := time.Now()
	resp, err := rt.RoundTrip(req)
	if err != nil {
		return 0, time.Since(start)
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return 0, time.Since(start)
	}
	return resp.StatusCode, time.Since(start)
}

// drive makes the calls of all loads through rt and waits for them.
func drive(t testing.TB, rt http.RoundTripper, loads ...load) []*tally {
	all := make([]*tally, len(loads))
	var mu sync.Mutex
	var wg sync.WaitGroup
	for i, l := range loads {
		all[i] = &tally{}
		wg.Go(func() {
			for range int(l.perSecond * l.length.Seconds()) {
				wg.Go(func() {
					status, took := l.call(t, rt)
					mu.Lock()
					defer mu.Unlock()
					all[i].calls++
					all[i].took = append(all[i].took, took)
					if status == 200 {
						all[i].good++
					}
				})
				time.Sleep(time.Duration(float64(time.Second) / l.perSecond))
			}
		})
	}
	wg.Wait()
	for _, l := range all {
		slices.Sort(l.took)
	}
	return all
}

// both drives the loads through the recommended chain, and through one without a
// Throttler.
func both(t *testing.T, server func() *town, loads ...load) (ours, bare []*tally) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { ours = drive(t, &steadyhttp.Transport{Base: server()}, loads...) })
	synctest.Test(t, func(t *testing.T) {
		bare = drive(t, &steadyhttp.Retrier{Base: &steadyhttp.Classifier{Base: server()}}, loads...)
	})
	for i := range loads {
		t.Logf("%-60s %v", loads[i].url, ours[i])
		t.Logf("%-60s %v", "  without a Throttler", bare[i])
	}
	return ours, bare
}

// What works is not held back by what does not: another path, model or tenant of
// the same host.
func TestDeadBesideHealthy(t *testing.T) {
	t.Parallel()
	const (
		example = "https://api.example.com"
		hub     = "https://openrouter.ai/api/v1/chat/completions"
		cluster = "https://10.96.0.1/apis/"
	)
	const s = time.Second
	path := func(part string) func(*http.Request, string) bool {
		return func(req *http.Request, _ string) bool { return strings.Contains(req.URL.Path, part) }
	}
	for _, row := range []struct {
		name string
		dead func(req *http.Request, body string) bool
		says reply
		load load   // of what is dead
		fine []load // beside it
	}{
		{"one path", path("/reports"), reply{status: 503, body: "no healthy upstream"},
			load{url: example + "/reports", perSecond: 20, length: 60 * s, patience: 30 * s},
			[]load{{url: example + "/orders", perSecond: 2, length: 60 * s, patience: 10 * s}, {url: example + "/items/17", perSecond: 5, length: 60 * s}}},
		{"one model of a hub", func(_ *http.Request, body string) bool { return strings.Contains(body, "dead/model") }, reply{status: 502, body: `{"error":{"message":"Provider returned error","code":502}}`},
			load{method: "POST", url: hub, key: "k", body: `{"model":"dead/model","messages":[]}`, perSecond: 20, length: 60 * s, patience: 60 * s},
			[]load{{method: "POST", url: hub, key: "k", body: `{"model":"fine/model","messages":[]}`, perSecond: 2, length: 60 * s, patience: 20 * s}}},
		{"one tenant, by path and key", path("/tenants/a/"), reply{status: 503},
			load{url: example + "/tenants/a/items", key: "a", perSecond: 40, length: 30 * s, patience: 2 * s},
			[]load{{url: example + "/tenants/b/items", key: "b", perSecond: 3, length: 30 * s, patience: 2 * s}}},
		{"one tenant, by key alone", func(req *http.Request, _ string) bool { return req.Header.Get("Authorization") == "Bearer a" }, reply{status: 503, header: "Retry-After: 20"},
			load{url: example + "/items", key: "a", perSecond: 20, length: 30 * s, patience: 5 * s},
			[]load{{url: example + "/items", key: "b", perSecond: 3, length: 30 * s, patience: 2 * s}}},
		{"an aggregated API of a cluster, beside leases", path("metrics.k8s.io"), reply{status: 503, body: `{"kind":"Status","status":"Failure","reason":"ServiceUnavailable","code":503}`},
			load{url: cluster + "metrics.k8s.io/v1beta1/pods", key: "sa", perSecond: 1, length: 120 * s, patience: 32 * s},
			[]load{{method: "PUT", url: cluster + "coordination.k8s.io/v1/namespaces/kube-system/leases/me", key: "sa", body: "{}", perSecond: .5, length: 120 * s, patience: 5 * s}}},
		{"a health check", path("/healthz"), reply{status: 503, body: `{"status":"degraded"}`},
			load{url: example + "/healthz", perSecond: 1, length: 120 * s, patience: 2 * s},
			[]load{{method: "POST", url: example + "/orders", body: "{}", perSecond: .2, length: 120 * s, patience: 10 * s}}},
		{"three dead paths, and one that works", func(req *http.Request, _ string) bool { return req.URL.Path != "/fine" }, reply{status: 503},
			load{url: example + "/dead/one", perSecond: 10, length: 60 * s, patience: 10 * s},
			[]load{{url: example + "/fine", perSecond: 5, length: 60 * s, patience: 10 * s}}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			dead := []load{row.load}
			if row.load.url == example+"/dead/one" {
				for _, p := range []string{"/dead/two", "/dead/three", "/dead/four"} {
					other := row.load
					other.url = example + p
					dead = append(dead, other)
				}
			}
			ours, bare := both(t, func() *town {
				return newTown(func(req *http.Request, body string, _ time.Duration) reply {
					if row.dead(req, body) {
						r := row.says
						r.after = 50 * time.Millisecond
						return r
					}
					return well()
				})
			}, append(dead, row.fine...)...)
			for i := range row.fine {
				got, want := ours[len(dead)+i], bare[len(dead)+i]
				if float64(got.good) < .99*float64(want.good) {
					t.Errorf("%s: %d of %d are answered, %d without a Throttler", row.fine[i].url, got.good, got.calls, want.good)
				}
				if got.within(.99) > want.within(.99)+250*time.Millisecond {
					t.Errorf("%s: 99%% within %v, without a Throttler within %v", row.fine[i].url, got.within(.99), want.within(.99))
				}
			}
		})
	}
}

// One answer that asks for a pause is evidence about requests like its own.
func TestOneAnswerHoldsOnlyItsLike(t *testing.T) {
	const example = "https://api.example.com"
	const loading = "https://api-inference.huggingface.co/models/"
	for _, row := range []struct {
		name        string
		told, other load
		says        reply
		waits       bool
	}{
		{"503 with Retry-After: the same path", load{url: example + "/reports"}, load{url: example + "/reports"}, reply{status: 503, header: "Retry-After: 15"}, true},
		{"503 with Retry-After: another path", load{url: example + "/reports"}, load{url: example + "/orders"}, reply{status: 503, header: "Retry-After: 55"}, false},
		{"503 with Retry-After: another method", load{url: example + "/items"}, load{method: "PUT", url: example + "/items"}, reply{status: 503, header: "Retry-After: 55"}, false},
		{"502 with Retry-After: another credential", load{url: example + "/orders", key: "a"}, load{url: example + "/orders", key: "b"}, reply{status: 502, header: "Retry-After: 30"}, false},
		{"529 with Retry-After: another model", load{method: "POST", url: chatURL, key: "k", body: `{"model":"a","messages":[]}`}, load{method: "POST", url: chatURL, key: "k", body: `{"model":"b","messages":[]}`}, reply{status: 529, header: "Retry-After: 30"}, false},
		{"a model that loads: another one", load{method: "POST", url: loading + "a/large", body: "{}"}, load{method: "POST", url: loading + "b/small", body: "{}"}, reply{status: 503, body: `{"error":"Model a/large is currently loading","estimated_time":55.0}`}, false},
		{"a pause in words: another path", load{url: example + "/reports"}, load{url: example + "/orders"}, reply{status: 503, body: `{"error":{"message":"try again in 55 seconds"}}`}, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				says := false
				rt := &steadyhttp.Transport{Retrier: &steadyhttp.Retrier{MaxAttempts: 1}, Base: newTown(func(*http.Request, string, time.Duration) reply {
					if says {
						says = false
						return row.says
					}
					return reply{status: 200, body: "{}"}
				})}
				row.other.patience = 20 * time.Second
				row.other.call(t, rt) // the host is known
				says = true
				row.told.call(t, rt)
				status, took := row.other.call(t, rt)
				if status != 200 || (took > 0) != row.waits {
					t.Errorf("the other call got %d after %v, want 200, and a wait: %t", status, took, row.waits)
				}
			})
		})
	}
}

// Those who waited through an outage leave at a pace, whatever its answers asked
// for: from the first second on about as many as before.
func TestPaceAfterAnOutage(t *testing.T) {
	t.Parallel()
	const perSecond = 200
	const begin, down = 20 * time.Second, 5 * time.Second
	for _, row := range []struct {
		name   string
		says   reply
		routes int64
	}{
		{"no word of when", reply{status: 503, body: "busy"}, 1},
		{"Retry-After: 1", reply{status: 503, header: "Retry-After: 1"}, 1},
		{"Retry-After: 5", reply{status: 503, header: "Retry-After: 5"}, 1},
		{"no connection", reply{err: errReset}, 1},
		{"two routes", reply{status: 503}, 2},
		{"forty routes", reply{status: 503}, 40},
		{"forty routes, each of which asks for a second", reply{status: 503, header: "Retry-After: 1"}, 40},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				server := newTown(func(_ *http.Request, _ string, at time.Duration) reply {
					if at >= begin && at < begin+down {
						r := row.says
						r.after = 50 * time.Millisecond
						return r
					}
					return well()
				})
				rt := &steadyhttp.Transport{Base: server}
				var n atomic.Int64
				got := drive(t, roundTripperFunc(func(req *http.Request) (*http.Response, error) {
					req.URL.Path += string(rune('a' + n.Add(1)%row.routes))
					return rt.RoundTrip(req)
				}), load{url: "https://api.example.com/items/", perSecond: perSecond, length: 45 * time.Second, patience: 30 * time.Second})[0]
				back := begin + down
				for _, v := range server.log {
					if v.status == 200 && v.at >= back {
						back = v.at + 50*time.Millisecond // its answer is there
						break
					}
				}
				cost := float64(len(server.arrivals(begin, begin+down))) / (perSecond * down.Seconds())
				first := float64(len(server.arrivals(back, back+time.Second))) / perSecond
				busiest := 0
				for at := back; at < back+15*time.Second; at += 20 * time.Millisecond {
					busiest = max(busiest, len(server.arrivals(at, at+100*time.Millisecond)))
				}
				peak := float64(busiest) / (perSecond / 10)
				t.Logf("%v; back after %v; %.2f requests a call during the outage; of the load before: first second %.2f, busiest tenth of a second %.2f",
					got, back-begin, cost, first, peak)
				if float64(got.good) < .99*float64(got.calls) {
					t.Errorf("%d of %d calls are answered, want 99%%", got.good, got.calls)
				}
				if cost > .1 {
					t.Errorf("%.2f requests a call during the outage, want at most 0.1", cost)
				}
				if first < .9 || first > 1.4 {
					t.Errorf("the first second has %.2f of the load before, want 0.9 to 1.4", first)
				}
				if peak > 3 {
					t.Errorf("the busiest tenth of a second has %.1f times the load before, want at most 3", peak)
				}
			})
		})
	}
}

// What headers state is believed until answers contradict it. All of these servers
// serve every request.
func TestHeadersThatLie(t *testing.T) {
	t.Parallel()
	always := func(header string) func(int, time.Duration) string {
		return func(int, time.Duration) string { return header }
	}
	const limit = "X-Ratelimit-Limit: %d\nX-Ratelimit-Remaining: %d\nX-Ratelimit-Reset: %d"
	for _, row := range []struct {
		name      string
		perSecond float64
		header    func(n int, at time.Duration) string // of the n-th answer
	}{
		{"a limit of 0", 2, always(fmt.Sprintf(limit, 0, 0, 60))},
		{"a counter that is stuck at 0", 2, always(fmt.Sprintf(limit, 1000, 0, 60))},
		{"an answer from a cache", 2, always("Age: 30\n" + fmt.Sprintf(limit, 100, 0, 55))},
		{"two limits under one name", 5, func(n int, _ time.Duration) string {
			if n%10 == 3 {
				return fmt.Sprintf(limit, 60, 0, 55)
			}
			return fmt.Sprintf(limit, 5000, 4992, 2615)
		}},
		{"nothing left to write, asked by a reader", 2, always("Ratelimit: \"read\";r=90;t=30, \"write\";r=0;t=30\nRatelimit-Policy: \"read\";q=100;w=60, \"write\";q=10;w=60")},
		{"a tenth of what is served", 10, func(n int, at time.Duration) string {
			return fmt.Sprintf(limit, 60, max(59-n%600, 0), 60-int(at.Seconds())%60)
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			ours, bare := both(t, func() *town {
				n := 0
				return newTown(func(_ *http.Request, _ string, at time.Duration) reply {
					r := well()
					r.header = row.header(n, at)
					n++
					return r
				})
			}, load{url: "https://api.example.com/items", key: "k", perSecond: row.perSecond, length: 120 * time.Second, patience: 10 * time.Second})
			got, want := ours[0], bare[0]
			if float64(got.good) < .95*float64(want.good) {
				t.Errorf("%d of %d are answered, %d without a Throttler", got.good, got.calls, want.good)
			}
			if got.within(.5) > want.within(.5)+100*time.Millisecond {
				t.Errorf("half are answered within %v, without a Throttler within %v", got.within(.5), want.within(.5))
			}
		})
	}
}

// One call alone lives through an outage that is shorter than its patience, and
// costs few requests.
func TestLoneCallInAnOutage(t *testing.T) {
	chat := load{method: "POST", url: chatURL, key: "k", body: `{"model":"m","messages":[]}`}
	items := load{url: "https://api.example.com/items"}
	const s = time.Second
	for _, row := range []struct {
		name     string
		load     load
		says     reply
		down     time.Duration
		patience time.Duration
		answered bool
		most     int // requests
	}{
		{"503 for 2 s", chat, reply{status: 503}, 2 * s, 60 * s, true, 5},
		{"503 for 10 s", items, reply{status: 503}, 10 * s, 60 * s, true, 8},
		{"503 for 20 s, where the deadline allows for it", chat, reply{status: 503}, 20 * s, 60 * s, true, 14},
		{"502 for 5 s, no deadline", items, reply{status: 502}, 5 * s, 0, true, 8},
		{"no connection for 5 s, no deadline", items, reply{err: errReset}, 5 * s, 0, true, 8},
		{"503 for 40 s: longer than OutageWait", items, reply{status: 503}, 40 * s, 60 * s, false, 16},
		{"500 for good", items, reply{status: 500}, 24 * time.Hour, 60 * s, false, 4},
	} {
		t.Run(row.name, func(t *testing.T) {
			for range howMany(5, 20, 20) {
				synctest.Test(t, func(t *testing.T) {
					server := newTown(func(_ *http.Request, _ string, at time.Duration) reply {
						if at < row.down {
							return row.says
						}
						return reply{status: 200, body: `{"id":"1","choices":[{"message":{"content":"ok"},"finish_reason":"stop"}]}`}
					})
					row.load.patience = row.patience
					status, took := row.load.call(t, &steadyhttp.Transport{Base: server})
					if (status == 200) != row.answered || status == 0 || len(server.log) > row.most {
						t.Errorf("got %d after %v and %d requests, want an answer (good: %t) after at most %d", status, took, len(server.log), row.answered, row.most)
					}
					if took > row.down+7*s && row.answered || took > 36*s {
						t.Errorf("it took %v", took)
					}
				})
			}
		})
	}
}

// The place of a request whose body nobody closes is free once its context ends.
func TestPlacesComeBackWithTheContext(t *testing.T) {
	const places = 3
	for _, row := range []struct {
		name string
		read bool // to the end
		ends func(t *testing.T) context.Context
	}{
		{"the context is canceled", false, func(t *testing.T) context.Context {
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(2*time.Second, cancel)
			return ctx
		}},
		{"its deadline passes", false, func(t *testing.T) context.Context {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			time.AfterFunc(5*time.Second, cancel)
			return ctx
		}},
		{"the body is read to its end", true, func(t *testing.T) context.Context { return t.Context() }},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				rt := &steadyhttp.Throttler{Base: playing(reply{status: 200, body: "held open"}), MaxConcurrent: places}
				for i := range 10 * places {
					if i%places == 0 && !row.read {
						time.Sleep(2 * time.Second)
						synctest.Wait()
					}
					resp, err := rt.RoundTrip(request(t, "GET", "https://api.example.com/items", "").WithContext(row.ends(t)))
					if err != nil {
						t.Fatalf("call %d: %v", i+1, err)
					}
					if row.read {
						io.Copy(io.Discard, resp.Body)
					}
				}
				time.Sleep(2 * time.Second)
				synctest.Wait()
				for _, k := range rt.Snapshot() {
					if k.Concurrent != 0 {
						t.Errorf("%s: %d are under way, want none", k.Key.Label(), k.Concurrent)
					}
				}
			})
		})
	}
}

// Tokens that were reserved and not used are given back, however the answer is
// read: 60 calls that reserve 1,000 each and use 20 fit into 10,000 a minute.
func TestUnusedTokensComeBack(t *testing.T) {
	const usage = `"usage":{"prompt_tokens":10,"completion_tokens":10,"total_tokens":20}}`
	const answer = `{"id":"1","choices":[{"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}],` + usage
	const events = "data: {\"choices\":[{\"delta\":{\"content\":\"hi\"}}]}\n\ndata: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: {\"choices\":[]," + usage + "\n\ndata: [DONE]\n\n"
	all := func(t *testing.T, b io.Reader) { io.Copy(io.Discard, b) }
	decode := func(t *testing.T, b io.Reader) {
		var v any
		if err := json.NewDecoder(b).Decode(&v); err != nil {
			t.Error(err)
		}
	}
	for _, row := range []struct {
		name, kind, body string
		chunked          bool
		read             func(*testing.T, io.Reader)
	}{
		{"read to the end", "application/json", answer, false, all},
		{"json.Decoder, then Close", "application/json", answer + "\n", false, decode},
		{"json.Decoder of an answer without a length, then Close", "application/json", answer + "\n", true, decode},
		{"a stream, read to its end", "text/event-stream", events, true, all},
		{"a stream, read up to [DONE], then Close", "text/event-stream", events, true, func(t *testing.T, b io.Reader) {
			for s := bufio.NewScanner(b); s.Scan() && s.Text() != "data: [DONE]"; {
			}
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				rt := &steadyhttp.Transport{Retrier: &steadyhttp.Retrier{MaxAttempts: 1}, Throttler: &steadyhttp.Throttler{TokensPerMinute: 10_000},
					Base: roundTripperFunc(func(req *http.Request) (*http.Response, error) {
						io.Copy(io.Discard, req.Body)
						req.Body.Close()
						resp := playing().response(req, reply{status: 200, header: "Content-Type: " + row.kind})
						resp.Body, resp.ContentLength = io.NopCloser(&sips{row.body}), int64(len(row.body))
						if row.chunked {
							resp.ContentLength, resp.TransferEncoding = -1, []string{"chunked"}
						}
						return resp, nil
					})}
				for i := range 60 {
					ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
					resp, err := rt.RoundTrip(request(t, "POST", chatURL, `{"model":"m","max_tokens":1000,"messages":[]}`).WithContext(ctx))
					if err != nil {
						t.Fatalf("call %d: %v", i+1, err)
					}
					row.read(t, resp.Body)
					resp.Body.Close()
					cancel()
				}
			})
		})
	}
}

// A sips gives up to 64 bytes a Read, and its end apart from the last of them.
type sips struct{ text string }

func (r *sips) Read(p []byte) (int, error) {
	if r.text == "" {
		return 0, io.EOF
	}
	n := copy(p[:min(len(p), 64)], r.text)
	r.text = r.text[n:]
	return n, nil
}
