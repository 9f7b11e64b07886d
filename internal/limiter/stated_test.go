package limiter

import (
	"fmt"
	"math"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyhttp/steadyhttp/internal/monotime"
	"github.com/steadyhttp/steadyhttp/limit"
)

// states has the response to a request of k, which takes 10 ms, state a limit, and
// the request end so.
func states(t *testing.T, m *Memory, k limit.Key, o limit.Observation, end limit.Outcome) {
	t.Helper()
	p := now(t, m, limit.Ask{Key: k})
	time.Sleep(10 * time.Millisecond)
	o.Key = k
	m.Observe(p, o)
	m.Settle(p, end)
}

// spent is a limit of which nothing is left for so long.
func spent(reset time.Duration) limit.Observation {
	return limit.Observation{Unit: "requests", Limit: 100, Window: time.Minute, Reset: reset, MaxWait: time.Hour}
}

// TestStuckFigure has a server answer well for ever while it says that nothing is
// left: what it lets through is all that there is.
func TestStuckFigure(t *testing.T) {
	for _, perSecond := range []int{1, 20, 500} {
		synctest.Test(t, func(t *testing.T) {
			var m Memory
			k := routed("GET /a")
			meet(t, &m)
			states(t, &m, k, spent(time.Minute), good)
			for range 10 * perSecond {
				states(t, &m, k, spent(time.Minute), good)
				time.Sleep(time.Second / time.Duration(perSecond))
			}
		})
	}
}

// TestConfirmedFigure has a server refuse while nothing is left: from then on it is
// left alone until the reset, also in the windows after it.
func TestConfirmedFigure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m Memory
		k := routed("GET /a")
		meet(t, &m)
		states(t, &m, k, spent(30*time.Second), good)
		refused := spent(30 * time.Second)
		refused.Signal = limit.SignalRefused
		states(t, &m, k, refused, limit.Outcome{}) // the one that tries it
		for range 3 {
			p, err := m.Acquire(t.Context(), limit.Ask{Key: k})
			if err != nil || p.Waited < 29*time.Second {
				t.Errorf("got %v after %v, want a permit at the reset, after 30 s", err, p.Waited)
			}
			time.Sleep(10 * time.Millisecond)
			o := spent(30 * time.Second)
			o.Key = k
			m.Observe(p, o)
			m.Settle(p, good)
		}
	})
}

// TestDoubtedFigureExplainsNothing has a server that says for ever that nothing is
// left refuse one request in five: two refusals in a row must not bring back the
// belief in a figure that answers have contradicted.
func TestDoubtedFigureExplainsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m Memory
		k := routed("GET /a")
		meet(t, &m)
		began := time.Now()
		for i := range 600 {
			o, end := spent(time.Minute), good
			if i%10 == 8 || i%10 == 9 {
				o.Signal, end = limit.SignalRefused, limit.Outcome{}
			}
			p, err := m.Acquire(t.Context(), limit.Ask{Key: k})
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(10 * time.Millisecond)
			o.Key = k
			m.Observe(p, o)
			m.Settle(p, end)
			time.Sleep(40 * time.Millisecond)
		}
		if took := time.Since(began); took > 33*time.Second {
			t.Errorf("600 requests at 20 a second took %v, want 30 s", took)
		}
	})
}

// TestAlmostOne has a crowd meet a bucket of one a second that says what is left in
// whole ones. That a request is answered well although 0 was left contradicts
// nothing: almost one was.
func TestAlmostOne(t *testing.T) {
	for _, spare := range []float64{0.1, 0.5, 0.9, 0.985} {
		synctest.Test(t, func(t *testing.T) {
			var m Memory
			k := routed("GET /a")
			meet(t, &m)
			var mu sync.Mutex // guards what follows
			level, at, refused := 1+spare, time.Now(), 0
			call := func() {
				p, err := m.Acquire(t.Context(), limit.Ask{Key: k})
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				level, at = min(60, level+time.Since(at).Seconds()), time.Now()
				o := limit.Observation{Key: k, Unit: "requests", Limit: 60, Window: time.Minute, Refills: true, MaxWait: time.Hour}
				end := good
				if level < 1 {
					refused++
					o.Signal, end = limit.SignalRefused, limit.Outcome{}
				} else {
					level--
				}
				o.Remaining, o.Reset = int64(level), time.Duration((60-level)*float64(time.Second))
				mu.Unlock()
				time.Sleep(20 * time.Millisecond)
				m.Observe(p, o)
				m.Settle(p, end)
			}
			call() // which is answered that nothing is left
			time.Sleep(time.Millisecond)
			var wg sync.WaitGroup
			for range 50 {
				wg.Go(call)
			}
			wg.Wait()
			if refused > 2 {
				t.Errorf("with %.3f left, %d of 50 were refused, want only those that try whether nothing is left", spare, refused)
			}
		})
	}
}

// TestSeveralUnderOneName has two limits of requests, by the minute and by the day.
func TestSeveralUnderOneName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m Memory
		k := routed("GET /a")
		meet(t, &m)
		p := now(t, &m, limit.Ask{Key: k})
		day := limit.Observation{Key: k, Unit: "requests", Limit: 10_000, Remaining: 9000, Window: 24 * time.Hour, Reset: time.Hour, MaxWait: time.Minute}
		minute := limit.Observation{Key: k, Unit: "requests", Limit: 60, Remaining: 50, Window: time.Minute, Reset: time.Minute, MaxWait: time.Minute}
		m.Observe(p, day)
		m.Observe(p, minute)
		m.Settle(p, good)
		for _, s := range m.Snapshot() {
			if s.Key == k && len(s.Limits) != 2 {
				t.Errorf("got %+v, want two limits", s.Limits)
			}
		}
	})
}

// TestHostileFigures states whatever can be, and requires that calls go all the
// same, and that what was said is forgotten.
func TestHostileFigures(t *testing.T) {
	figures := []int64{math.MinInt64, -1, 0, 1, 1 << 49, 1 << 62, math.MaxInt64}
	times := []time.Duration{math.MinInt64, -1, 0, 1, time.Hour, math.MaxInt64 / 2, math.MaxInt64}
	for _, most := range figures {
		for _, left := range figures {
			synctest.Test(t, func(t *testing.T) {
				for _, window := range times {
					for _, reset := range times {
						for _, refills := range []bool{false, true} {
							var m Memory
							meet(t, &m)
							k := routed("GET /a")
							o := limit.Observation{Key: k, Unit: "requests", Limit: most, Remaining: left, Window: window, Reset: reset, Refills: refills, MaxWait: time.Second}
							what := fmt.Sprintf("%+v", o)
							for i, signal := range []limit.Signal{limit.SignalNone, limit.SignalRefused, limit.SignalNone} {
								p, err := m.Acquire(t.Context(), limit.Ask{Key: k})
								if err != nil || p.Waited > 2*time.Second {
									t.Fatalf("%s: request %d: got %v after %v, want a permit within a second", what, i, err, p.Waited)
								}
								o.Signal = signal
								m.Observe(p, o)
								m.Settle(p, limit.Outcome{UsageKnown: true, Used: limit.Cost{Input: most, Output: left}})
							}
							h := m.lockHost(k.Host)
							h.mu.Unlock()
							if later := monotime.Now().Add(100 * 24 * time.Hour); !h.keys.get(&k).idle(later) {
								t.Fatalf("%s: it is remembered for longer than 100 days", what)
							}
						}
					}
				}
			})
		}
	}
}
