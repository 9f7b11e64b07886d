package limiter

import (
	"context"
	"math"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyhttp/steadyhttp/internal/monotime"
	"github.com/steadyhttp/steadyhttp/limit"
)

// TestRamp has a host be down for five seconds under a steady load, whose answers
// take 20 ms, and looks at what it gets once it is back.
func TestRamp(t *testing.T) {
	for _, row := range []struct {
		name      string
		perSecond int
		hold      time.Duration
		signal    limit.Signal
	}{
		{"silent", 200, 0, limit.SignalFailing},
		{"silent, a small load", 20, 0, limit.SignalFailing},
		{"asks for a second each time", 200, time.Second, limit.SignalFailing},
		{"asks for five seconds", 200, 5 * time.Second, limit.SignalFailing},
		{"a limit's pause", 200, 5 * time.Second, limit.SignalRefused},
	} {
		synctest.Test(t, func(t *testing.T) {
			var m Memory
			k := routed("GET /a")
			const before, outage, after = 5 * time.Second, 5 * time.Second, 20 * time.Second
			began := time.Now()
			var mu sync.Mutex // guards what follows
			var seconds [40]int
			var tenths [400]int
			first := -1 // the second of which is the first success after the outage
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
			defer cancel()
			answered, inOutage := 0, 0
			n := int((before+outage+after)/time.Second) * row.perSecond
			done := make(chan bool)
			for i := range n {
				go func() {
					defer func() { done <- true }()
					time.Sleep(time.Duration(i) * time.Second / time.Duration(row.perSecond))
					for repeat := false; ; repeat = true {
						p, err := m.Acquire(ctx, limit.Ask{Key: k, Repeat: repeat, Repeatable: true})
						if err != nil {
							return
						}
						at := time.Since(began)
						time.Sleep(20 * time.Millisecond)
						if at >= before && at < before+outage {
							mu.Lock()
							inOutage++
							mu.Unlock()
							m.Observe(p, limit.Observation{Key: k, Signal: row.signal, Hold: row.hold, Err: &testError{"down"}})
							m.Settle(p, limit.Outcome{})
							time.Sleep(500 * time.Millisecond)
							continue
						}
						mu.Lock()
						if at >= before+outage {
							if first < 0 {
								first = int(at / (100 * time.Millisecond))
							}
							tenths[int(at/(100*time.Millisecond))]++
							seconds[(int(at/(100*time.Millisecond))-first)/10]++
						}
						answered++
						mu.Unlock()
						m.Settle(p, good)
						return
					}
				}()
			}
			for range n {
				<-done
			}
			busiest := 0
			for _, n := range tenths {
				busiest = max(busiest, n)
			}
			load := float64(row.perSecond)
			t.Logf("%s: %d of %d answered, %d requests in the outage, back after %.1f s, then by the second %v, at most %d in a tenth", row.name, answered, n, inOutage, float64(first)/10-10, seconds[:8], busiest)
			if share := float64(answered) / float64(n); share < 0.99 {
				t.Errorf("%s: %.3f of the calls were answered, want 0.99", row.name, share)
			}
			if got := float64(seconds[0]) / load; got < 0.9 || got > 1.4 {
				t.Errorf("%s: got %.2f of the load before in the first second, want 0.9 to 1.4", row.name, got)
			}
			if got := 10 * float64(busiest) / load; got > 3 {
				t.Errorf("%s: got %.1f times the load before in the busiest tenth of a second, want 3 at most", row.name, got)
			}
			clean(t, &m)
		})
	}
}

// TestFlappingKeepsItsPace has a host be down for every other second. What it gets
// while it is up does not become less each time.
func TestFlappingKeepsItsPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const callers, half, phases = 200, time.Second, 40
		var m Memory
		k := routed("GET /a")
		began := time.Now()
		var mu sync.Mutex // guards sent
		var sent [phases]int
		call := func() {
			for repeat := false; ; repeat = true {
				p, err := m.Acquire(t.Context(), limit.Ask{Key: k, Repeat: repeat, Repeatable: true})
				if err != nil {
					return
				}
				phase := int(time.Since(began) / half)
				if phase >= phases {
					m.Settle(p, good)
					return
				}
				mu.Lock()
				sent[phase]++
				mu.Unlock()
				if phase%2 == 0 {
					time.Sleep(20 * time.Millisecond)
					m.Settle(p, good)
					return
				}
				time.Sleep(5 * time.Millisecond)
				m.Observe(p, limit.Observation{Key: k, Signal: limit.SignalFailing, Err: &testError{"down"}})
				m.Settle(p, limit.Outcome{})
				time.Sleep(500 * time.Millisecond)
			}
		}
		var all sync.WaitGroup
		for i := range callers {
			all.Go(func() {
				for time.Sleep(time.Duration(i) * time.Second / callers); time.Since(began) < phases*half; time.Sleep(time.Second) {
					call()
				}
			})
		}
		all.Wait()
		if early, late := sent[2]+sent[4], sent[phases-4]+sent[phases-2]; late < early*9/10 {
			t.Errorf("%d requests were sent in the first two times that the host was back, and %d in the last two: %v", early, late, sent)
		}
	})
}

// TestRampWithANewLoad has a host be down for two seconds under a small load, and
// ten times as many come soon after it is back: they do not wait for what the load
// was before.
func TestRampWithANewLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m Memory
		k := routed("GET /a")
		meet(t, &m)
		const outage, before, after = 2 * time.Second, 10, 100 // calls a second
		began := time.Now()
		call := func() (waited time.Duration) {
			p, err := m.Acquire(t.Context(), limit.Ask{Key: k, Repeatable: true, OutageWait: time.Minute})
			if err != nil {
				t.Error(err)
				return 0
			}
			down := time.Since(began) < outage
			time.Sleep(20 * time.Millisecond)
			if down {
				failed(&m, p, k, 0)
				return 0
			}
			m.Settle(p, good)
			return p.Waited
		}
		var wg sync.WaitGroup
		for range 4 * before {
			wg.Go(func() { call() })
			time.Sleep(time.Second / before)
		}
		late := make(chan time.Duration, 10*after)
		for range 10 * after {
			wg.Go(func() { late <- call() })
			time.Sleep(time.Second / after)
		}
		wg.Wait()
		close(late)
		n, longest := 0, time.Duration(0)
		for waited := range late {
			if longest = max(longest, waited); waited > 100*time.Millisecond {
				n++
			}
		}
		t.Logf("%d of %d waited for more than 100 ms, %v at the most", n, 10*after, longest)
		if n > 3*after || longest > 2*time.Second {
			t.Errorf("%d of %d waited for more than 100 ms, %v at the most, want at most %d and 2 s", n, 10*after, longest, 3*after)
		}
		clean(t, &m)
	})
}

// TestPaceOfARamp tries the pace after a gate has opened.
func TestPaceOfARamp(t *testing.T) {
	for _, row := range []struct {
		load float64
		age  time.Duration
		want float64
	}{
		{100, 0, 115},
		{100, time.Second, 115},
		{100, 2500 * time.Millisecond, 115 * math.Sqrt2},
		{100, 4 * time.Second, 230},
		{100, 5 * time.Second, 253}, // 2.2 times the start
		{100, 10 * time.Second, 253},
		{100, 13 * time.Second, 506},
		{100, 16 * time.Second, 1012},
		{0, 0, 5},
		{4, 0, 5},
		{4, 4 * time.Second, 10},
		{100, time.Hour, 253 * 1 << maxDoublings},
	} {
		r := newRamp(&gate{load: row.load, shut: start}, start)
		if got := r.perSecond(start.Add(row.age)); math.Abs(got-row.want) > row.want/1e6 {
			t.Errorf("%v a second before, after %v: got %v, want %v", row.load, row.age, got, row.want)
		}
		if row.age == 0 {
			each := seconds(1 / row.want)
			if got := r.next(start, 1).Sub(start); got != each {
				t.Errorf("behind one other: goes after %v, want %v", got, each)
			}
			r.take(start)
			if got := r.next(start, 0).Sub(start); got != each {
				t.Errorf("after one has gone: goes after %v, want %v", got, each)
			}
		}
	}
}

// TestLoadOfARamp has more come while a gate is shut than before.
func TestLoadOfARamp(t *testing.T) {
	for _, row := range []struct {
		load, came float64
		shut       time.Duration
		want       float64 // the pace at first
	}{
		{10, 100, 10 * time.Second, 11.5},
		{10, 200, 10 * time.Second, 23},
		{10, 20, 100 * time.Millisecond, 23}, // a second at the least
	} {
		r := newRamp(&gate{load: row.load, came: row.came, shut: start}, start.Add(row.shut))
		if got := r.perSecond(start.Add(row.shut)); math.Abs(got-row.want) > 1e-9 {
			t.Errorf("%v a second before, %v in %v: got a pace of %v, want %v", row.load, row.came, row.shut, got, row.want)
		}
	}
}

// TestFreshLoad counts who comes after a gate has opened, but in the first second.
func TestFreshLoad(t *testing.T) {
	type counted struct {
		at time.Duration
		n  int
	}
	const s = time.Second
	for _, row := range []struct {
		name string
		come []counted
		at   time.Duration
		want float64
	}{
		{"in the first second", []counted{{s - 1, 50}}, s, 0},
		{"then", []counted{{s, 20}}, s, 20},
		{"a little later", []counted{{s, 20}}, 2*s - 1, 20},
		{"in the second before", []counted{{s, 20}, {2 * s, 5}}, 2 * s, 20},
		{"more in the latest second", []counted{{s, 20}, {2 * s, 25}}, 2 * s, 25},
		{"two seconds before", []counted{{s, 20}, {2 * s, 5}, {3 * s, 6}}, 3 * s, 6},
		{"after a pause", []counted{{s, 20}, {3 * s, 5}}, 3 * s, 5},
		{"nobody for two seconds", []counted{{s, 20}}, 3 * s, 0},
		{"nobody for less", []counted{{s, 20}}, 3*s - 1, 20},
	} {
		r := newRamp(&gate{shut: start}, start)
		for _, c := range row.come {
			for range c.n {
				r.arrive(start.Add(c.at))
			}
		}
		if got := r.fresh(start.Add(row.at)); got != row.want {
			t.Errorf("%s: got %v, want %v", row.name, got, row.want)
		}
		if got, want := r.perSecond(start.Add(row.at)), FreshShare*row.want; got < want {
			t.Errorf("%s: got a pace of %v, want %v at the least", row.name, got, want)
		}
	}
}

// TestRampEnds tries when a ramp is of no use any more.
func TestRampEnds(t *testing.T) {
	for _, row := range []struct {
		age  time.Duration
		turn time.Duration // of the latest, before that
		want bool
	}{
		{RampTime, time.Second, false},
		{RampTime + 1, time.Second, true},
		{RampTime + 1, Lateness, false},
		{RampTime + 1, Lateness + 1, true},
	} {
		now := start.Add(row.age)
		r := ramp{from: start, turn: now - monotime.Instant(row.turn)}
		if got := r.over(now); got != row.want {
			t.Errorf("after %v, and the latest turn %v before: over is %t", row.age, row.turn, got)
		}
	}
}

// TestDeadlineBeforeTheTurn has a request come with a deadline that is before its turn:
// it is refused at once, unless others before it may give up.
func TestDeadlineBeforeTheTurn(t *testing.T) {
	for waiting, want := range map[int]time.Duration{0: 0, 1: 50 * time.Millisecond} {
		synctest.Test(t, func(t *testing.T) {
			var m Memory
			meet(t, &m)
			asks(t, &m, testHost, 0, limit.Observation{Signal: limit.SignalRefused, Hold: 2 * time.Second})
			time.Sleep(2 * time.Second)
			m.Settle(now(t, &m, limit.Ask{Key: testHost}), good)
			now(t, &m, limit.Ask{Key: testHost}) // the next goes after a fifth of a second
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			for range waiting {
				go m.Acquire(ctx, limit.Ask{Key: testHost})
			}
			synctest.Wait()
			soon, stop := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer stop()
			p, err := m.Acquire(soon, limit.Ask{Key: testHost})
			if err == nil || p.Waited != want {
				t.Errorf("behind %d: got %v after %v, want a refusal after %v", waiting, err, p.Waited, want)
			}
		})
	}
}
