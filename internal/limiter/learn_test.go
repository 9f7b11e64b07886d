package limiter

import (
	"context"
	"errors"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyhttp/steadyhttp/limit"
)

// TestWhatIsLearned has one response after another state a limit, each to a request that
// takes a second, and looks at what a Snapshot knows then.
func TestWhatIsLearned(t *testing.T) {
	perMinute := func(left int64) limit.Observation {
		return limit.Observation{Unit: "requests", Limit: 600, Remaining: left, Window: time.Minute, Refills: true, Reset: -1}
	}
	until := func(left int64, reset time.Duration) limit.Observation {
		return limit.Observation{Unit: "requests", Limit: 600, Remaining: left, Reset: reset}
	}
	with := func(o limit.Observation, change func(*limit.Observation)) limit.Observation {
		change(&o)
		return o
	}
	for _, row := range []struct {
		name   string
		said   []limit.Observation
		others int // that are sent while the first is under way
		want   []float64
	}{
		{"a rate", []limit.Observation{perMinute(100)}, 20, []float64{100 - 3.03 + 10 - 20}},
		{"no more than it held", []limit.Observation{perMinute(100)}, 0, []float64{101}},
		{"a rate, then less is left", []limit.Observation{perMinute(100), perMinute(50)}, 20, []float64{50 - 3.03 + 10}},
		{"a rate, then more is left: a tenth of it is believed", []limit.Observation{perMinute(100), perMinute(200)}, 20, []float64{95.97 + 0.1*(200-6.03+10-95.97)}},
		{"until a reset", []limit.Observation{until(100, time.Hour)}, 20, []float64{100 - 3.03 - 20}},
		{"until a reset, then more is left", []limit.Observation{until(100, time.Hour), until(200, time.Hour)}, 20, []float64{200 - 18}},
		{"a reset that is now", []limit.Observation{until(100, 0)}, 0, []float64{600}},
		{"nobody knows when it comes back", []limit.Observation{until(100, -1)}, 0, nil},
		{"a window and no reset", []limit.Observation{with(perMinute(100), func(o *limit.Observation) { o.Refills = false })}, 20, []float64{100 - 3.03 + 10 - 20}},
		{"a window that comes back at once", []limit.Observation{with(perMinute(100), func(o *limit.Observation) { o.Refills, o.Reset = false, time.Hour })}, 20, []float64{100 - 3.03 - 20}},
		{"a window that is full again", []limit.Observation{with(perMinute(100), func(o *limit.Observation) { o.Refills, o.Reset = false, 0 })}, 0, []float64{600}},
		{"then without its window", []limit.Observation{perMinute(100), with(perMinute(50), func(o *limit.Observation) { o.Window = 0 })}, 20, []float64{50 - 3.03 + 10}},
		{"first without its window", []limit.Observation{with(perMinute(100), func(o *limit.Observation) { o.Window, o.Reset = 0, time.Hour }), perMinute(50)}, 20, []float64{50 - 3.03 + 10}},
		{"the same figure by the hour", []limit.Observation{until(100, time.Hour), with(until(50, time.Hour), func(o *limit.Observation) { o.Window = 2 * time.Hour }), with(until(40, time.Hour), func(o *limit.Observation) { o.Window = time.Hour })},
			20, []float64{50 - 18 - 1, 40 - 1.23}},
		{"the largest limit", []limit.Observation{with(until(100, time.Hour), func(o *limit.Observation) { o.Limit = MaxLimit })}, 20, []float64{100 - 3.03 - 20}},
		{"a larger one is none", []limit.Observation{with(until(100, time.Hour), func(o *limit.Observation) { o.Limit = MaxLimit + 1 })}, 20, nil},
		{"the longest window", []limit.Observation{with(until(100, time.Hour), func(o *limit.Observation) { o.Window = MaxWindow })}, 20, []float64{100 - 3.03 - 20}},
		{"a longer one is none", []limit.Observation{with(until(100, time.Hour), func(o *limit.Observation) { o.Window = MaxWindow + 1 })}, 20, nil},
		{"nothing is left", []limit.Observation{until(0, time.Hour)}, 0, []float64{0}},
		{"more than the limit is left", []limit.Observation{until(700, time.Hour)}, 0, []float64{600 - 18.03}},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var m Memory
				meet(t, &m)
				k := testHost
				for i, o := range row.said {
					p := now(t, &m, limit.Ask{Key: k})
					if i == 0 {
						for range row.others {
							now(t, &m, limit.Ask{Key: k})
						}
					}
					time.Sleep(time.Second)
					o.Key = k
					m.Observe(p, o)
				}
				s := stateOf(&m, k)
				if len(s.Limits) != len(row.want) {
					t.Fatalf("got the limits %+v, want %v of them", s.Limits, len(row.want))
				}
				for i, want := range row.want {
					if got := s.Limits[i].Left; math.Abs(got-want) > 0.1 {
						t.Errorf("got %v left of the limit %d, want %v", got, i, want)
					}
				}
			})
		})
	}
}

// TestOlderResponseComesLater has the response to an earlier request come last.
func TestOlderResponseComesLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m Memory
		meet(t, &m)
		o := limit.Observation{Key: testHost, Unit: "requests", Limit: 600, Remaining: 100, Reset: time.Hour}
		first := now(t, &m, limit.Ask{Key: testHost})
		time.Sleep(time.Second)
		m.Observe(now(t, &m, limit.Ask{Key: testHost}), o)
		o.Remaining = 500
		m.Observe(first, o)
		if s := stateOf(&m, testHost); s.Limits[0].Left > 100 {
			t.Errorf("got %+v, want what the later response said", s.Limits)
		}
	})
}

// TestLearnedOfANewKey has a response state a limit of a route that nobody knew when the
// request went: all that its host was sent since then may have been of that route.
func TestLearnedOfANewKey(t *testing.T) {
	for _, others := range []int{0, 20} {
		synctest.Test(t, func(t *testing.T) {
			var m Memory
			meet(t, &m)
			k := routed("GET /a")
			now(t, &m, limit.Ask{Key: k}) // sent before, and counted by the server
			p := now(t, &m, limit.Ask{Key: k})
			for range others {
				now(t, &m, limit.Ask{Key: k})
			}
			m.Observe(p, limit.Observation{Key: k, Unit: "requests", Limit: 600, Remaining: 100, Reset: time.Hour})
			if got, want := stateOf(&m, k).Limits[0].Left, 96.97-float64(others); math.Abs(got-want) > 0.1 {
				t.Errorf("%d sent since: got %v left, want %v", others, got, want)
			}
		})
	}
}

// TestManyStated states more limits of one Key than are remembered.
func TestManyStated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m Memory
		meet(t, &m)
		for i := range int64(10) {
			states(t, &m, testHost, limit.Observation{Unit: "requests", Limit: 100 + i, Remaining: 90, Reset: time.Hour}, good)
		}
		s := stateOf(&m, testHost)
		seen := make(map[float64]bool)
		for _, l := range s.Limits {
			seen[l.Limit] = true
		}
		if len(seen) != MaxStated || seen[100] || seen[101] || !seen[109] {
			t.Errorf("got %+v, want the latest %d", s.Limits, MaxStated)
		}
	})
}

// TestHowFastItComesBack tries how long the next request waits where a response says
// how much is left and when all will be there.
func TestHowFastItComesBack(t *testing.T) {
	const s = time.Second
	for _, row := range []struct {
		name string
		cost limit.Cost // of each
		left []int64
		full []time.Duration
		want time.Duration
	}{
		{"it takes no longer than what was taken", limit.Cost{}, []int64{0}, []time.Duration{10 * s}, 10 * s},
		{"of several tokens", limit.Cost{Input: 50}, []int64{0}, []time.Duration{10 * s}, 10 * s},
		{"two responses tell how fast", limit.Cost{}, []int64{5, 0}, []time.Duration{10 * s, 20 * s}, 2021 * time.Millisecond},
		{"of which the first found it full", limit.Cost{}, []int64{10, 0}, []time.Duration{0, 10 * s}, 1010 * time.Millisecond},
		{"all is there", limit.Cost{}, []int64{1}, []time.Duration{0}, 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var m Memory
				meet(t, &m)
				unit := "requests"
				if row.cost.Input > 0 {
					unit = "input_tokens"
				}
				var all []limit.Permit
				for range row.left {
					all = append(all, now(t, &m, limit.Ask{Key: testHost, Cost: row.cost}))
				}
				for i, p := range all {
					m.Observe(p, limit.Observation{Key: testHost, Unit: unit, Limit: 100, Remaining: row.left[i], Refills: true, Reset: row.full[i], MaxWait: time.Hour})
				}
				now(t, &m, limit.Ask{Key: testHost, Cost: row.cost}) // it tries whether nothing is left
				got := m.Peek(t.Context(), limit.Ask{Key: testHost, Cost: row.cost})
				if want := 2 * row.want; got < want-20*time.Millisecond || got > want+20*time.Millisecond {
					t.Errorf("after one more has gone: it waits for %v, want %v", got, want)
				}
			})
		})
	}
}

// TestDeadlineBeforeAReset has a request whose deadline is before a limit is back: it is
// refused at once, but not while somebody tries whether the figure is right.
func TestDeadlineBeforeAReset(t *testing.T) {
	for _, row := range []struct {
		name  string
		left  int64
		tried string // what became of the one that tries it: "", "under way", "refused"
		after time.Duration
	}{
		{"one is left, and somebody to meet", 1, "", 0},
		{"it is tried", 0, "under way", 5 * time.Second},
		{"it is confirmed", 0, "refused", 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var m Memory
				meet(t, &m)
				o := limit.Observation{Key: testHost, Unit: "requests", Limit: 100, Remaining: row.left, Window: time.Minute, Reset: 30 * time.Second, MaxWait: time.Hour}
				m.Observe(now(t, &m, limit.Ask{Key: testHost}), o)
				if row.tried != "" {
					p := now(t, &m, limit.Ask{Key: testHost})
					if row.tried == "refused" {
						o.Signal = limit.SignalRefused
						m.Observe(p, o)
					}
				}
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
				defer cancel()
				p, err := m.Acquire(ctx, limit.Ask{Key: testHost})
				var r *limit.Refusal
				if !errors.As(err, &r) || !r.Late || p.Waited != row.after {
					t.Errorf("got %v after %v, want that it is late, after %v", err, p.Waited, row.after)
				}
				want := "the server's limit of requests per minute: no turn before the deadline"
				if row.after == 0 {
					want = "the server's limit of requests per minute: a wait of 30s would exceed the deadline"
				}
				if r != nil && r.Reason != want {
					t.Errorf("got the reason %q, want %q", r.Reason, want)
				}
			})
		})
	}
}
