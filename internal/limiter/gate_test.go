package limiter

import (
	"context"
	"errors"
	"math"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyhttp/steadyhttp/limit"
)

// gateOf returns what Snapshot says of the gate of k.
func gateOf(m *Memory, k limit.Key) string {
	for _, s := range m.Snapshot() {
		if s.Key == k {
			return s.Gate
		}
	}
	return ""
}

func TestRowLength(t *testing.T) {
	for _, row := range []struct{ perSecond, enough int }{{1, 5}, {10, 5}, {100, 25}, {400, 50}} {
		synctest.Test(t, func(t *testing.T) {
			var m Memory
			k := routed("GET /a")
			for range 3 * row.perSecond { // the load before
				m.Settle(now(t, &m, limit.Ask{Key: k, Inference: limit.Off}), good)
				time.Sleep(time.Second / time.Duration(row.perSecond))
			}
			n := 0
			for ; gateOf(&m, k) == "" && n < 100; n++ {
				failed(&m, now(t, &m, limit.Ask{Key: k}), k, 0)
				time.Sleep(time.Second / time.Duration(row.perSecond))
			}
			if n < row.enough-row.enough/5 || n > row.enough+row.enough/5+1 {
				t.Errorf("%d a second: got a gate after %d failures, want about %d", row.perSecond, n, row.enough)
			}
			now(t, &m, limit.Ask{Key: routed("GET /b")})
		})
	}
}

func TestSuccessEndsRow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m Memory
		k := routed("GET /a")
		meet(t, &m)
		for range 20 {
			fail(t, &m, k, MinFailures-1)
			m.Settle(now(t, &m, limit.Ask{Key: k}), good)
		}
		if g := gateOf(&m, k); g != "" {
			t.Errorf("got the gate %q of a route that works one time in five, want none", g)
		}
	})
}

// TestThreeRoutes tries that a host fails once three of its routes do, that a
// route without a failure is not held back then, and that it does not stand
// behind those that are.
func TestThreeRoutes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m Memory
		meet(t, &m)
		fail(t, &m, routed("GET /a"), 10)
		fail(t, &m, routed("GET /b"), 10)
		if g := gateOf(&m, testHost); g != "" {
			t.Fatalf("got the host's gate %q after two routes failed, want none", g)
		}
		fail(t, &m, routed("GET /c"), 10)
		if g := gateOf(&m, testHost); g != limit.GateFailing {
			t.Fatalf("got the host's gate %q after three routes failed, want %q", g, limit.GateFailing)
		}
		ctx, cancel := context.WithCancel(t.Context())
		for range 5 {
			go m.Acquire(ctx, limit.Ask{Key: routed("GET /a")})
		}
		synctest.Wait()
		m.Settle(now(t, &m, limit.Ask{Key: routed("GET /healthy")}), limit.Outcome{})
		cancel()
	})
}

// TestWaitedEnoughKeepsLimits tries that the end of OutageWait, which comes for
// all who came together at the same moment, is no way round the user's limits.
func TestWaitedEnoughKeepsLimits(t *testing.T) {
	for _, limits := range []limit.Limits{{MaxConcurrent: 3}, {RequestsPerSecond: 10, Burst: 3}} {
		for _, gated := range []limit.Key{testHost, routed("GET /a")} {
			for _, limited := range []limit.Key{testHost, {Host: testHost.Host, Credential: 7}, routed("GET /a")} {
				synctest.Test(t, func(t *testing.T) {
					var m Memory
					meet(t, &m)
					a := limit.Ask{Key: routed("GET /a"), LimitsKey: limited, Limits: limits, OutageWait: time.Minute, Repeatable: true}
					fail(t, &m, gated, MaxFailures)
					time.Sleep(MinProbe)
					probe := now(t, &m, a)
					a.OutageWait = 500 * time.Millisecond
					const n = 12
					ended := make(chan limit.Permit, n)
					for range n {
						go func() {
							p, err := m.Acquire(t.Context(), a)
							if err != nil {
								t.Error(err)
							}
							ended <- p
						}()
					}
					time.Sleep(a.OutageWait + time.Millisecond)
					synctest.Wait()
					if got := len(ended); got == 0 || got > 3 {
						t.Errorf("%+v of %+v at the gate of %+v: %d went at the end of OutageWait, want 1 to 3", limits, limited, gated, got)
					}
					m.Settle(probe, limit.Outcome{})
					for range n { // each makes room for another
						select {
						case p := <-ended:
							if !p.Gated {
								t.Errorf("got %+v, want one that was gated", p)
							}
							failed(&m, p, gated, 0)
						case <-time.After(time.Minute):
							t.Fatalf("%+v of %+v at the gate of %+v: calls wait for ever: %+v", limits, limited, gated, m.Snapshot())
						}
					}
					clean(t, &m)
				})
			}
		}
	}
}

// probing has requests that are better probes fail until the end.
func probing(t *testing.T, m *Memory, a limit.Ask, of limit.Key, hold time.Duration) (end func()) {
	ctx, cancel := context.WithCancel(t.Context())
	a.Repeatable = true
	for range 2 {
		go func() {
			for p, err := m.Acquire(ctx, a); err == nil; p, err = m.Acquire(ctx, a) {
				time.Sleep(10 * time.Millisecond)
				failed(m, p, of, hold)
			}
		}()
	}
	synctest.Wait()
	return cancel
}

// TestGateShutsOverQueue tries that a gate which is shut while requests wait for
// something else holds none of them for longer than it may.
func TestGateShutsOverQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m Memory
		meet(t, &m)
		a := limit.Ask{Key: routed("GET /a"), LimitsKey: routed("GET /a"), Limits: limit.Limits{MaxConcurrent: 1}, OutageWait: time.Hour}
		first := now(t, &m, a)
		defer probing(t, &m, a, testHost, 0)()
		synctest.Wait()
		a.OutageWait, a.Repeat = 2*time.Second, true
		began, ended := time.Now(), make(chan error, 1)
		go func() {
			_, err := m.Acquire(t.Context(), a)
			ended <- err
		}()
		time.Sleep(time.Second)
		fail(t, &m, testHost, 10)
		failed(&m, first, testHost, 0)
		for time.Since(began) < 10*time.Second {
			select {
			case err := <-ended:
				var r *limit.Refusal
				if took := time.Since(began); !errors.As(err, &r) || r.Err == nil || took > 4*time.Second {
					t.Errorf("got %v after %v, want a refusal with its reason two seconds after the gate was shut", err, took)
				}
				return
			case <-time.After(100 * time.Millisecond):
			}
		}
		t.Errorf("the second in the queue still waits %v after it came", time.Since(began))
	})
}

// TestProbeRefusedElsewhere has the probe of a route refused by a limit of
// something else: that says nothing of the route, and another probe goes.
func TestProbeRefusedElsewhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, signal := range []limit.Signal{limit.SignalRefused, limit.SignalFailing} {
			var m Memory
			meet(t, &m)
			k := routed("GET /a")
			fail(t, &m, k, MaxFailures)
			time.Sleep(MinProbe)
			probe := now(t, &m, limit.Ask{Key: k})
			if !probe.Probe {
				t.Fatalf("got %+v, want a probe", probe)
			}
			m.Observe(probe, limit.Observation{Key: limit.Key{Host: k.Host, Bucket: "b"}, Signal: signal})
			m.Settle(probe, limit.Outcome{})
			time.Sleep(MaxProbe + MinGoodSign)
			if p := now(t, &m, limit.Ask{Key: k}); !p.Probe {
				t.Errorf("signal %d: got %+v, want another probe: the first says nothing of the route", signal, p)
			}
		}
	})
}

// TestLongOutage tries that calls wait two seconds at most once a scope has failed
// for a minute, also where the server asks for a pause each time.
func TestLongOutage(t *testing.T) {
	for _, hold := range []time.Duration{0, time.Second} {
		synctest.Test(t, func(t *testing.T) {
			var m Memory
			meet(t, &m)
			k := routed("GET /a")
			fail(t, &m, k, MaxFailures)
			defer probing(t, &m, limit.Ask{Key: k, OutageWait: time.Hour}, k, hold)()
			for _, row := range []struct{ after, want time.Duration }{{10 * time.Second, OutageWaitNoDeadline}, {LongOutage, ShortOutageWait}} {
				time.Sleep(row.after)
				p, err := m.Acquire(t.Context(), limit.Ask{Key: k, Repeat: true})
				if err == nil || p.Waited < row.want || p.Waited > row.want+time.Second {
					t.Errorf("hold %v: got %v after %v, want a refusal after %v", hold, err, p.Waited, row.want)
				}
			}
		})
	}
}

// TestSnapshotOfAGate tries that a Snapshot tells in whose queue requests stand, when a
// probe goes, that one is under way, and that the pace afterwards is no limit that was
// found.
func TestSnapshotOfAGate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m Memory
		meet(t, &m)
		k := routed("GET /a")
		state := func() (of limit.KeyState) {
			for _, s := range m.Snapshot() {
				if s.Key == k {
					of = s
				} else if s.Queued > 0 {
					t.Errorf("%s: %d stand in its queue, want them in that of their route alone", s.Key.Label(), s.Queued)
				}
			}
			return of
		}
		p := now(t, &m, limit.Ask{Key: k})
		m.Observe(p, limit.Observation{Key: k, Signal: limit.SignalRefused, Hold: 10 * time.Second})
		m.Settle(p, limit.Outcome{})
		if s := state(); s.Gate != limit.GateAsked || s.NextProbe != TryAfter || s.Probing || s.Queued != 0 {
			t.Errorf("paused: got %+v, want the next probe after %v", s, TryAfter)
		}
		settled := make(chan struct{})
		for range 2 {
			go func() {
				p, err := m.Acquire(t.Context(), limit.Ask{Key: k})
				if err != nil {
					t.Error(err)
				}
				time.Sleep(100 * time.Millisecond)
				m.Settle(p, good)
				settled <- struct{}{}
			}()
		}
		synctest.Wait()
		if s := state(); s.Queued != 2 || s.Waiting != 2 {
			t.Errorf("two wait: got %+v", s)
		}
		time.Sleep(TryAfter + 50*time.Millisecond)
		if s := state(); !s.Probing || s.NextProbe != 0 || s.Queued != 1 {
			t.Errorf("one tries it: got %+v", s)
		}
		<-settled
		<-settled
		if s := state(); s.Gate != "" || s.Probing || !s.Reopening || s.PerSecond == 0 || s.Queued != 0 {
			t.Errorf("it is open: got %+v, want the pace after it", s)
		}
	})
}

// TestHostileGates has a server ask for pauses that cannot be.
func TestHostileGates(t *testing.T) {
	for _, hold := range []time.Duration{math.MinInt64, -1, 1, math.MaxInt64} {
		for _, signal := range []limit.Signal{limit.SignalNone, limit.SignalRefused, limit.SignalFailing} {
			for _, repeat := range []bool{false, true} {
				synctest.Test(t, func(t *testing.T) {
					var m Memory
					meet(t, &m)
					k := routed("GET /a")
					p := now(t, &m, limit.Ask{Key: k})
					m.Observe(p, limit.Observation{Key: k, Signal: signal, Hold: hold})
					m.Settle(p, limit.Outcome{})
					for _, most := range []time.Duration{0, time.Second, math.MaxInt64} {
						ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
						p, err := m.Acquire(ctx, limit.Ask{Key: k, Repeat: repeat, OutageWait: most, MaxPause: most})
						cancel()
						if want := hold == math.MaxInt64; want != (err != nil || p.Waited > time.Millisecond) {
							t.Errorf("a pause of %d: got %v after %v", hold, err, p.Waited)
						}
						m.Settle(p, limit.Outcome{})
						time.Sleep(400 * time.Millisecond) // before one tries whether the pause holds for others
					}
					clean(t, &m)
				})
			}
		}
	}
}

// TestOneTries has one answer in five, or each in a time, ask for a minute, where
// nothing else is under way that could show whether that holds for all.
func TestOneTries(t *testing.T) {
	for _, row := range []struct {
		name       string
		signal     limit.Signal
		repeatable bool
		strict     bool
		asks       func(i int, at time.Duration) bool
		least      float64 // of the calls that are answered within ten seconds
		most       int     // that are sent within the pause that all are asked for
	}{
		{"a limit refuses one in five", limit.SignalRefused, false, false, oneIn(5), 0.75, 0},
		{"one in five fails", limit.SignalFailing, true, false, oneIn(5), 0.75, 0},
		{"a limit asks all", limit.SignalRefused, false, false, inFirst(time.Minute), 0, 2},
		{"all fail", limit.SignalFailing, true, false, inFirst(time.Minute), 0, 2},
		{"all fail, and may not be repeated", limit.SignalFailing, false, false, inFirst(time.Minute), 0, 1},
		{"an API that punishes who goes on", limit.SignalRefused, true, true, inFirst(time.Minute), 0, 1},
	} {
		synctest.Test(t, func(t *testing.T) {
			var m Memory
			k := routed("GET /a")
			meet(t, &m)
			began := time.Now()
			var mu sync.Mutex // guards what follows
			sent, answered, early := 0, 0, 0
			const calls = 600
			var wg sync.WaitGroup
			for range calls {
				wg.Go(func() {
					came := time.Now()
					p, err := m.Acquire(t.Context(), limit.Ask{Key: k, Repeatable: row.repeatable, OutageWait: 2 * time.Minute})
					if err != nil {
						return
					}
					at := time.Since(began)
					mu.Lock()
					if sent++; at < time.Minute {
						early++
					}
					bad := row.asks(sent, at)
					mu.Unlock()
					time.Sleep(2 * time.Millisecond)
					if bad {
						m.Observe(p, limit.Observation{Key: k, Signal: row.signal, Hold: time.Minute, Strict: row.strict})
						m.Settle(p, limit.Outcome{})
						return
					}
					m.Settle(p, good)
					mu.Lock()
					defer mu.Unlock()
					if time.Since(came) < 10*time.Second {
						answered++
					}
				})
				time.Sleep(200 * time.Millisecond)
				synctest.Wait()
			}
			wg.Wait()
			t.Logf("%s: %d of %d answered soon, %d sent in the first minute", row.name, answered, calls, early)
			if share := float64(answered) / calls; share < row.least {
				t.Errorf("%s: %.2f were answered within 10 s, want %.2f", row.name, share, row.least)
			}
			if row.most > 0 && early > row.most {
				t.Errorf("%s: %d were sent in the pause, want at most %d", row.name, early, row.most)
			}
			clean(t, &m)
		})
	}
}

func oneIn(n int) func(int, time.Duration) bool {
	return func(i int, _ time.Duration) bool { return i%n == 1 }
}

func inFirst(d time.Duration) func(int, time.Duration) bool {
	return func(_ int, at time.Duration) bool { return at < d }
}

// TestImpatientCallers has a host be down for five seconds, and answer after half a
// second from then on, under calls that have two seconds each: who has waited the
// longest has no time left to see the answer.
func TestImpatientCallers(t *testing.T) {
	for _, patience := range []time.Duration{700 * time.Millisecond, 2 * time.Second, 10 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			var m Memory
			k := routed("GET /a")
			meet(t, &m)
			const perSecond, down, length = 100, 5 * time.Second, 20 * time.Second
			began := time.Now()
			var wg sync.WaitGroup
			var late, answered atomic.Int32 // of the last ten seconds
			for range int(length.Seconds() * perSecond) {
				wg.Go(func() {
					ctx, cancel := context.WithTimeout(t.Context(), patience)
					defer cancel()
					came := time.Since(began)
					if came > length/2 {
						late.Add(1)
					}
					p, err := m.Acquire(ctx, limit.Ask{Key: k, Repeatable: true})
					if err != nil {
						return
					}
					if time.Since(began) < down {
						time.Sleep(2 * time.Millisecond)
						failed(&m, p, k, 0)
						return
					}
					select {
					case <-ctx.Done():
						m.Settle(p, limit.Outcome{})
					case <-time.After(500 * time.Millisecond):
						m.Settle(p, good)
						if came > length/2 {
							answered.Add(1)
						}
					}
				})
				time.Sleep(time.Second / perSecond)
			}
			wg.Wait()
			if answered.Load() < late.Load()*99/100 {
				t.Errorf("with a patience of %v %d of %d were answered long after the host was back, want all", patience, answered.Load(), late.Load())
			}
			clean(t, &m)
		})
	}
}
