package steadyhttp_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
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
