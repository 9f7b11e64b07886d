package steadyhttp_test

import (
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyhttp/steadyhttp"
)

// Those who waited through an outage leave at a pace, whatever its answers asked
// for: from the first second on about as many as before.
func TestPaceAfterAnOutage(t *testing.T) {
	t.Parallel()
	const perSecond = 100
	const begin, down = 5 * time.Second, 5 * time.Second
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
				}), load{url: "https://api.example.com/items/", perSecond: perSecond, length: 25 * time.Second, patience: 30 * time.Second})[0]
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
				if cost > .12 {
					t.Errorf("%.2f requests a call during the outage, want at most 0.12", cost)
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

// How fast those leave who waited is a matter of seconds: a load that was low or not
// yet known when a gate was shut is no limit for long.
func TestPaceAfterAPauseIsNoLimit(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name string
		bad  func(n int, at time.Duration) bool
		says reply
	}{
		{"the first request is told to wait", func(n int, _ time.Duration) bool { return n == 1 }, reply{status: 429, header: "Retry-After: 2"}},
		{"the host is down at first", func(_ int, at time.Duration) bool { return at < 2*time.Second }, reply{status: 503}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				n := 0
				server := newTown(func(_ *http.Request, _ string, at time.Duration) reply {
					if n++; row.bad(n, at) {
						return row.says
					}
					return well()
				})
				rt := &steadyhttp.Transport{Base: server}
				const workers, length = 16, 40 * time.Second
				var wg sync.WaitGroup
				for range workers {
					wg.Go(func() {
						for time.Since(server.start) < length {
							load{url: "https://api.example.com/items", key: "k"}.call(t, rt)
						}
					})
				}
				wg.Wait()
				var perSecond []int
				for at := time.Duration(0); at < length; at += 5 * time.Second {
					perSecond = append(perSecond, len(server.arrivals(at, at+5*time.Second))/5)
				}
				t.Logf("requests a second, each 5 s: %v", perSecond)
				if got, want := len(server.arrivals(length-10*time.Second, length))/10, workers*20; got < want*95/100 {
					t.Errorf("in the last 10 s there are %d requests a second, want %d as without a Throttler", got, want)
				}
			})
		})
	}
}
