package limiter

import (
	"context"
	"math"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyhttp/steadyhttp/limit"
)

// TestClear tries after what a host holds nobody back, so that calls pass it without a
// permit.
func TestClear(t *testing.T) {
	k := routed("GET /a")
	limited := func(l limit.Limits) limit.Ask { return limit.Ask{Key: testHost, LimitsKey: testHost, Limits: l} }
	for _, row := range []struct {
		name string
		play func(t *testing.T, m *Memory)
		want bool
	}{
		{"an answer", func(*testing.T, *Memory) {}, true},
		{"a failure", func(t *testing.T, m *Memory) { fail(t, m, testHost, 1) }, false},
		{"an outage", func(t *testing.T, m *Memory) { fail(t, m, testHost, MaxFailures) }, false},
		{"after an outage", func(t *testing.T, m *Memory) {
			fail(t, m, testHost, MaxFailures)
			time.Sleep(MinProbe)
			m.Settle(now(t, m, limit.Ask{Key: testHost}), good)
		}, false},
		{"a limit that is stated", func(t *testing.T, m *Memory) {
			m.Observe(now(t, m, limit.Ask{Key: testHost}), limit.Observation{Key: testHost, Unit: "requests", Limit: 100, Remaining: 90, Window: time.Minute, Reset: time.Minute})
		}, false},
		{"a refusal", func(t *testing.T, m *Memory) {
			m.Observe(now(t, m, limit.Ask{Key: testHost}), limit.Observation{Key: testHost, Signal: limit.SignalRefused})
		}, false},
		{"a rate of the user's", func(t *testing.T, m *Memory) { now(t, m, limited(limit.Limits{RequestsPerSecond: 5})) }, false},
		{"places of the user's", func(t *testing.T, m *Memory) { now(t, m, limited(limit.Limits{MaxConcurrent: 5})) }, false},
		{"a pause of a route", func(t *testing.T, m *Memory) {
			asks(t, m, k, time.Millisecond, limit.Observation{Signal: limit.SignalRefused, Hold: time.Second})
		}, false},
		{"an answer to a request that infers nothing", func(t *testing.T, m *Memory) {
			m.Settle(now(t, m, limit.Ask{Key: k, Inference: limit.Off}), good)
		}, true},
		{"nothing that a response said", func(t *testing.T, m *Memory) {
			m.Observe(now(t, m, limit.Ask{Key: k}), limit.Observation{Key: k, Signal: limit.SignalGood})
			m.Observe(now(t, m, limit.Ask{Key: k}), limit.Observation{Key: k})
		}, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var m Memory
				meet(t, &m)
				row.play(t, &m)
				if got := m.Clear(testHost.Host); got != row.want {
					t.Errorf("the host holds nobody back: %t, want %t", got, row.want)
				}
				if _, got := m.Pass(testHost.Host); got != row.want {
					t.Errorf("a call may pass: %t, want %t", got, row.want)
				}
			})
		})
	}
}

// TestColdHost has a crowd come to a host that has not answered yet.
func TestColdHost(t *testing.T) {
	for _, row := range []struct {
		name   string
		limits limit.Limits
		before bool // one request came an hour before, and had no answer
		want   []int
	}{
		{"no limit", limit.Limits{}, false, []int{8, 16, 32, 64, 100}},
		{"the first had no answer", limit.Limits{}, true, []int{8, 16, 32, 64, 100}},
		{"places", limit.Limits{MaxConcurrent: 20}, false, []int{8, 16, 20, 20, 20}},
		{"a rate", limit.Limits{RequestsPerMinute: 6000}, false, []int{100, 100}},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var m Memory
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				a := limit.Ask{Key: testHost, LimitsKey: testHost, Limits: row.limits}
				if row.before {
					m.Settle(now(t, &m, a), limit.Outcome{})
					time.Sleep(time.Hour)
				}
				for range 100 {
					go m.Acquire(ctx, a)
				}
				for i, want := range row.want {
					synctest.Wait()
					if got := m.Snapshot()[0].Concurrent; got != want {
						t.Errorf("after %d tenths of a second: got %d under way, want %d", i, got, want)
					}
					time.Sleep(ColdDouble)
				}
			})
		})
	}
}

// TestLastOfALimit tries who gets what a server says is left.
func TestLastOfALimit(t *testing.T) {
	for _, row := range []struct {
		name      string
		unit      string
		left      int64
		underWay  bool // another request is
		cost      limit.Cost
		priority  limit.Priority
		after     time.Duration // one of a higher priority went
		goes      bool
		goesLater time.Duration // if it does not
	}{
		{"the last, and nobody is there to meet", "requests", 1, false, limit.Cost{}, limit.Normal, 0, true, 0},
		{"the last, and somebody is", "requests", 1, true, limit.Cost{}, limit.Normal, 0, false, time.Hour},
		{"the last but one", "requests", 2, true, limit.Cost{}, limit.Normal, 0, true, 0},
		{"a batch leaves one", "requests", 2, true, limit.Cost{}, limit.Batch, 0, false, time.Minute},
		{"a batch has one that it may take", "requests", 3, true, limit.Cost{}, limit.Batch, 0, true, 0},
		{"a batch leaves it for a minute", "requests", 2, true, limit.Cost{}, limit.Batch, time.Minute - 1, false, 1},
		{"and for no longer", "requests", 2, true, limit.Cost{}, limit.Batch, time.Minute, true, 0},
		{"a batch that takes half", "tokens", 100, true, limit.Cost{Input: 50}, limit.Batch, 0, false, time.Minute},
		{"a batch that takes more than half", "tokens", 100, true, limit.Cost{Input: 51}, limit.Batch, 0, true, 0},
		{"a batch that takes nothing", "tokens", 0, true, limit.Cost{}, limit.Batch, 0, true, 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var m Memory
				meet(t, &m)
				other := now(t, &m, limit.Ask{Key: testHost})
				p := now(t, &m, limit.Ask{Key: testHost})
				m.Observe(p, limit.Observation{Key: testHost, Unit: row.unit, Limit: 100, Remaining: row.left, Window: time.Hour, Reset: time.Hour, MaxWait: time.Hour})
				m.Settle(p, good)
				if !row.underWay {
					m.Settle(other, good)
				}
				time.Sleep(row.after)
				wait := m.Peek(t.Context(), limit.Ask{Key: testHost, Cost: row.cost, Priority: row.priority})
				if got := wait == 0; got != row.goes || !row.goes && wait != row.goesLater {
					t.Errorf("it waits for %v, want that it goes: %t, or after %v", wait, row.goes, row.goesLater)
				}
			})
		})
	}
}

// TestPlacesAreTaken tries for how long a place is reckoned to be taken: as long as the
// latest requests were under way.
func TestPlacesAreTaken(t *testing.T) {
	for _, row := range []struct {
		took  []time.Duration
		ahead int // that wait
		want  time.Duration
	}{
		{nil, 0, UnknownPlace / 2},
		{[]time.Duration{3 * time.Second}, 0, 1500 * time.Millisecond},
		{[]time.Duration{3 * time.Second, 11 * time.Second}, 0, 2 * time.Second},
		{[]time.Duration{11 * time.Second, 3 * time.Second}, 0, 5 * time.Second},
		{[]time.Duration{3 * time.Second}, 3, 6 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			var m Memory
			meet(t, &m)
			a := limit.Ask{Key: testHost, LimitsKey: testHost, Limits: limit.Limits{MaxConcurrent: 2}}
			for _, d := range row.took {
				p := now(t, &m, a)
				time.Sleep(d)
				m.Settle(p, good)
			}
			now(t, &m, a)
			now(t, &m, a)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			for range row.ahead {
				go m.Acquire(ctx, a)
			}
			synctest.Wait()
			if got := m.Peek(t.Context(), a); got != row.want {
				t.Errorf("after %v: a place is free after %v, want after %v", row.took, got, row.want)
			}
		})
	}
}

// TestWhoHasWaitedTheLongest has requests wait in two queues, or in two classes of one.
func TestWhoHasWaitedTheLongest(t *testing.T) {
	for _, row := range []struct {
		name   string
		routes [2]string // of the first and the second to come
		class  [2]limit.Priority
	}{
		{"two routes", [2]string{"GET /a", "GET /b"}, [2]limit.Priority{}},
		{"the other way", [2]string{"GET /b", "GET /a"}, [2]limit.Priority{}},
		{"a batch came first", [2]string{"GET /a", "GET /a"}, [2]limit.Priority{limit.Batch, limit.Urgent}},
		{"a person came first", [2]string{"GET /a", "GET /a"}, [2]limit.Priority{limit.Urgent, limit.Batch}},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var m Memory
				meet(t, &m)
				ctx, cancel := context.WithCancel(t.Context())
				var wg sync.WaitGroup
				ask := func(route string) limit.Ask {
					return limit.Ask{Key: routed(route), LimitsKey: routed(route), Limits: limit.Limits{MaxConcurrent: 1}}
				}
				now(t, &m, ask("GET /a"))
				now(t, &m, ask("GET /b"))
				for i, route := range row.routes {
					a := ask(route)
					a.Priority = row.class[i]
					wg.Go(func() { m.Acquire(ctx, a) })
					time.Sleep(time.Second)
				}
				if s := stateOf(&m, testHost); s.Oldest != 2*time.Second {
					t.Errorf("the host: got %v, want the two seconds of who came first", s.Oldest)
				}
				if s := stateOf(&m, routed(row.routes[0])); s.Oldest != 2*time.Second || s.Why != whyPlaces {
					t.Errorf("the route: got %v for %q, want two seconds for a place", s.Oldest, s.Why)
				}
				cancel()
				wg.Wait()
			})
		})
	}
}

// TestHealthyRouteGoesFirst has a request of a route without a failure wait for the
// user's limit, where others wait for their host to recover.
func TestHealthyRouteGoesFirst(t *testing.T) {
	for _, p := range []limit.Priority{limit.Batch, limit.Normal, limit.Urgent} {
		synctest.Test(t, func(t *testing.T) {
			var m Memory
			meet(t, &m)
			for _, route := range []string{"GET /a", "GET /b", "GET /c"} {
				fail(t, &m, routed(route), 20)
			}
			a := limit.Ask{Key: routed("GET /a"), LimitsKey: testHost, Limits: limit.Limits{RequestsPerMinute: 60, Burst: 1}, OutageWait: time.Hour, Priority: limit.Normal}
			a.Key.Route = "GET /healthy"
			now(t, &m, a)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			a.Key.Route = "GET /a"
			for range 5 {
				go m.Acquire(ctx, a)
			}
			synctest.Wait()
			a.Key.Route, a.Priority = "GET /healthy", p
			got, err := m.Acquire(ctx, a)
			if err != nil || got.Waited > 1100*time.Millisecond {
				t.Errorf("%v: got %v after %v, want a permit after a second", p, err, got.Waited)
			}
		})
	}
}

func TestSeconds(t *testing.T) {
	for s, want := range map[float64]time.Duration{
		0: 0, 1e-10: 1, 1.5: 1500 * time.Millisecond, 9e9: 9e18, math.MaxInt64 / 1e9: math.MaxInt64, 1e10: math.MaxInt64, 1e300: math.MaxInt64,
	} {
		if got := seconds(s); got != want {
			t.Errorf("%v: got %d, want %d", s, got, want)
		}
	}
}

// TestMeter counts requests, and tries which rate that is.
func TestMeter(t *testing.T) {
	type counted struct {
		after time.Duration
		n     int
	}
	const s, ms = time.Second, time.Millisecond
	for _, row := range []struct {
		name    string
		counted []counted
		at      time.Duration
		rate, n float64
	}{
		{"nothing", nil, 0, 0, 0},
		{"one", []counted{{0, 1}}, 0, 1, 1},
		{"ten at once", []counted{{0, 10}}, 0, 90, 10},
		{"ten in half a second", []counted{{0, 5}, {400 * ms, 5}}, 500 * ms, 18, 10},
		{"ten in a second", []counted{{0, 5}, {900 * ms, 5}}, 1000 * ms, 10, 10},
		{"the second before was busier", []counted{{0, 10}, {1200 * ms, 3}}, 1500 * ms, 10, 10},
		{"the second before was idler", []counted{{0, 3}, {1200 * ms, 10}}, 1500 * ms, 10, 10},
		{"after a pause it begins anew", []counted{{0, 100}, {2200 * ms, 5}}, 2400 * ms, 20, 5},
		{"a minute later", []counted{{0, 10}}, 60 * s, 10, 10},
		{"later than that", []counted{{0, 10}}, 61 * s, 0, 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			var m meter
			for _, c := range row.counted {
				for range c.n {
					m.count(start.Add(c.after - time.Duration(start%1e9) + s))
				}
			}
			at := start.Add(row.at - time.Duration(start%1e9) + s)
			if rate, n := m.perSecond(at), m.inOneSecond(at); math.Abs(rate-row.rate) > 1e-9 || n != row.n {
				t.Errorf("got %v a second and %v in one, want %v and %v", rate, n, row.rate, row.n)
			}
		})
	}
}
