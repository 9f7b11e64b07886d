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

// TestRefill tries how much is left of a stated limit, of which all was taken at first.
func TestRefill(t *testing.T) {
	const s = time.Second
	in := func(d time.Duration) monotime.Instant { return start.Add(d) }
	for _, row := range []struct {
		name  string
		limit stated
		at    []time.Duration // looked at, and all taken
		want  []float64
	}{
		{"a rate", stated{size: 10, perSecond: 2}, []time.Duration{0, s, 4 * s, time.Hour}, []float64{0, 2, 6, 10}},
		{"a reset", stated{size: 10, reset: in(10 * s)}, []time.Duration{10*s - 1, 10 * s, 70 * s}, []float64{0, 10, 0}},
		{"a reset each minute", stated{size: 10, window: time.Minute, reset: in(10 * s)},
			[]time.Duration{10 * s, 70*s - 1, 70 * s, 220 * s, 250*s - 1, 250 * s}, []float64{10, 0, 10, 10, 0, 10}},
	} {
		b := row.limit
		b.at = start
		for i, d := range row.at {
			if b.refill(in(d)); math.Abs(b.level-row.want[i]) > 1e-6 {
				t.Errorf("%s, at %v: got %v, want %v", row.name, d, b.level, row.want[i])
			}
			b.level = 0
		}
	}
}

// TestStatedGoesStale tries for how long a limit is believed that nobody confirms.
func TestStatedGoesStale(t *testing.T) {
	for _, row := range []struct {
		window, after, doubted time.Duration
		want                   bool
	}{
		{0, time.Minute, 0, false},
		{0, time.Minute + 1, 0, true},
		{time.Hour, time.Hour, 0, false},
		{time.Hour, time.Hour + 1, 0, true},
		{0, 2 * time.Minute, 2*time.Minute + 1, false}, // that it is doubted is remembered
		{0, 2 * time.Minute, 2 * time.Minute, true},
	} {
		b := stated{window: row.window, seen: start, doubted: start.Add(row.doubted)}
		if got := b.stale(start.Add(row.after)); got != row.want {
			t.Errorf("%+v: stale is %t", row, got)
		}
	}
}

// TestStatedWait tries how long a request waits for a stated limit.
func TestStatedWait(t *testing.T) {
	const s = time.Second
	rate := stated{size: 10, level: 1, perSecond: 2, maxWait: 4 * s}
	reset := stated{size: 10, level: 1, reset: start.Add(5 * s), maxWait: 5 * s}
	reserve := stated{size: 10, level: 1, reserve: 2, perSecond: 2, maxWait: 4 * s}
	with := func(b stated, change func(*stated)) stated {
		change(&b)
		return b
	}
	for _, row := range []struct {
		name     string
		limit    stated
		n, ahead float64
		alone    bool
		want     time.Duration
	}{
		{"one is left", rate, 1, 0, false, 0},
		{"two are asked for", rate, 2, 0, false, s / 2},
		{"none is asked for", rate, 0, 5, false, 0},
		{"behind others", rate, 1, 4, false, 2 * s},
		{"more than it holds", rate, 99, 0, false, 0}, // 4.5 s are longer than the first may wait
		{"as long as the first may wait", rate, 9, 0, false, 4 * s},
		{"longer, behind another", rate, 9, 1, false, 9 * s / 2},
		{"a reset", reset, 2, 0, false, 5 * s},
		{"a reset that is too far", with(reset, func(b *stated) { b.maxWait-- }), 2, 0, false, 0},
		{"a reset that is over", with(reset, func(b *stated) { b.reset = start }), 2, 0, false, 0},
		{"nobody is there to meet", reserve, 3, 0, true, 0},
		{"somebody is", reserve, 3, 0, false, s},
		{"it is not believed", with(rate, func(b *stated) { b.doubted = start.Add(1) }), 2, 0, false, 0},
		{"it is believed again", with(rate, func(b *stated) { b.doubted = start }), 2, 0, false, s / 2},
		{"nothing is left, and one tries it", with(reset, func(b *stated) { b.emptyAt = start }), 2, 0, false, 0},
		{"another has tried it", with(reset, func(b *stated) { b.emptyAt, b.tried = start, start }), 2, 0, false, 5 * s},
		{"behind others nobody tries it", with(reset, func(b *stated) { b.emptyAt = start }), 2, 1, false, 5 * s},
		{"a refusal has confirmed it", with(reset, func(b *stated) { b.emptyAt, b.confirmed = start, start.Add(1) }), 2, 0, false, 5 * s},
		{"but for long no more", with(reset, func(b *stated) { b.emptyAt, b.confirmed = start, start }), 2, 0, false, 0},
		{"a short wait is not worth it", with(reset, func(b *stated) { b.emptyAt, b.reset = start, start.Add(MinTry) }), 2, 0, false, MinTry},
		{"a longer one is", with(reset, func(b *stated) { b.emptyAt, b.reset = start, start.Add(MinTry+1) }), 2, 0, false, 0},
	} {
		b := row.limit
		if got := b.next(start, row.n, row.ahead, row.alone).Sub(start); got != row.want {
			t.Errorf("%s: got %v, want %v", row.name, got, row.want)
		}
	}
}

// TestAnswersContradict has requests be answered well although nothing was left.
func TestAnswersContradict(t *testing.T) {
	const s = time.Second
	for _, row := range []struct {
		name      string
		perSecond float64
		sent      []time.Duration // after a response said so
		want      bool            // it is not believed any more
	}{
		{"none", 0, nil, false},
		{"one that was sent before", 0, []time.Duration{0}, false},
		{"one that was sent since", 0, []time.Duration{1}, true},
		{"one, where one may have come back", 1, []time.Duration{s / 2}, false},
		{"two, where one and a half may have", 1, []time.Duration{s / 2, s / 2}, true},
		{"as many as may have come back", 2, []time.Duration{s, s, s}, false},
		{"one more", 2, []time.Duration{s, s, s, s}, true},
	} {
		b := stated{size: 10, perSecond: row.perSecond, reset: start.Add(time.Minute), emptyAt: start, tried: start}
		now := start.Add(2 * s)
		for _, d := range row.sent {
			b.answeredWell(now, start.Add(d))
		}
		if got := !b.believed(now); got != row.want || got != !b.believed(now.Add(DoubtTime-1)) || !b.believed(now.Add(DoubtTime)) {
			t.Errorf("%s: it is doubted: %t, want %t, for ten minutes", row.name, got, row.want)
		}
	}
}

// TestStatedExplains tries which refusals a stated limit explains, and for how long
// they confirm it.
func TestStatedExplains(t *testing.T) {
	for _, row := range []struct {
		name      string
		limit     stated
		n         float64
		confirmed time.Duration // 0 is that it explains nothing
	}{
		{"nothing is left", stated{perSecond: 1}, 1, 2 * time.Minute},
		{"nothing is left until a reset", stated{reset: start}, 1, 2 * time.Minute},
		{"less than one", stated{perSecond: 1, level: 0.9}, 0, 2 * time.Minute},
		{"enough", stated{perSecond: 1, level: 1}, 1, 0},
		{"not enough", stated{perSecond: 1, level: 1}, 2, 2 * time.Minute},
		{"enough, but nothing by a response", stated{perSecond: 1, level: 1, emptyAt: start}, 1, 2 * time.Minute},
		{"nobody knows when it comes back", stated{}, 1, 0},
		{"it is not believed", stated{perSecond: 1, doubted: start.Add(1)}, 1, 0},
		{"an hour", stated{perSecond: 1, window: time.Hour}, 1, 2 * time.Hour},
		{"the third time", stated{perSecond: 1, refusals: 2}, 1, 8 * time.Minute},
		{"for the hundredth time", stated{perSecond: 1, refusals: 99}, 1, 1024 * time.Minute},
	} {
		b := row.limit
		got := b.refused(start, start, row.n)
		if got != (row.confirmed > 0) || got && b.confirmed != start.Add(row.confirmed) {
			t.Errorf("%s: it explains the refusal: %t, and is confirmed for %v, want %v", row.name, got, b.confirmed.Sub(start), row.confirmed)
		}
	}
}

// TestSlopes works out how fast a limit is refilled from what responses say.
func TestSlopes(t *testing.T) {
	type said struct {
		remaining float64
		reset     time.Duration
	}
	const s, ms = time.Second, time.Millisecond
	for _, row := range []struct {
		name string
		said []said
		want float64 // by the last of them
	}{
		{"one", []said{{10, 10 * s}}, 0},
		{"the same again", []said{{10, 10 * s}, {10, 10 * s}}, 0},
		{"one less", []said{{10, 10 * s}, {9, 11 * s}}, 0.99},
		{"one more", []said{{9, 11 * s}, {10, 10 * s}}, 0.99},
		{"five less", []said{{10, 10 * s}, {5, 20 * s}}, 0.495},
		{"between the two", []said{{10, 10 * s}, {5, 15 * s}, {7, 12 * s}}, 0.99},
		{"too near", []said{{10, 10 * s}, {9, 10*s + 9*ms}}, 0},
		{"near", []said{{10, 10 * s}, {9, 10*s + 10*ms}}, 99},
		{"of the same figure the longest reset", []said{{10, 10 * s}, {10, 11 * s}, {5, 16 * s}}, 0.99},
		{"of the lowest too", []said{{10, 10 * s}, {5, 14 * s}, {5, 15 * s}}, 0.99},
	} {
		var all slopes
		got := 0.0
		for _, r := range row.said {
			got = all.add(r.remaining, r.reset)
		}
		if math.Abs(got-row.want) > 1e-9 {
			t.Errorf("%s: got %v a second, want %v", row.name, got, row.want)
		}
	}
}

// TestWhoTriesAFigure tries whether another may try if a figure is right that says that
// nothing is left, after a request that went or was refused.
func TestWhoTriesAFigure(t *testing.T) {
	for _, row := range []struct {
		name string
		play func(b *stated)
		want bool
	}{
		{"nobody has", func(*stated) {}, true},
		{"one has gone", func(b *stated) { b.take(start, 1) }, false},
		{"one that takes nothing", func(b *stated) { b.level = -1; b.take(start, 0) }, true},
		{"one for which enough is left", func(b *stated) { b.level = 1; b.take(start, 1) }, true},
		{"one has gone, and nothing is known of it", func(b *stated) { b.take(start, 1); b.lost(start) }, true},
		{"nothing is known of another", func(b *stated) { b.take(start, 1); b.lost(start - 1) }, false},
		{"it was refused, when the figure was not believed", func(b *stated) {
			b.take(start, 1)
			b.doubted = start + 1
			b.refused(start, start, 1)
			b.doubted = 0
		}, true},
		{"one that went before it was refused", func(b *stated) {
			b.take(start, 1)
			b.doubted = start + 1
			b.refused(start, start-1, 1)
			b.doubted = 0
		}, false},
	} {
		b := stated{size: 10, perSecond: 0.1, emptyAt: start, maxWait: time.Hour}
		row.play(&b)
		if got := b.next(start, 5, 0, false) == start; got != row.want {
			t.Errorf("%s: another tries it: %t, want %t", row.name, got, row.want)
		}
	}
}
