package limiter

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyhttp/steadyhttp/limit"
)

// TestLastMoment tries when a request goes that has waited for what fails until its
// deadline is near: a tenth of its time, a second at the most, is left for the answer.
func TestLastMoment(t *testing.T) {
	for deadline, want := range map[time.Duration]time.Duration{
		300 * time.Millisecond: 150 * time.Millisecond, time.Second: 500 * time.Millisecond, 5 * time.Second: 4500 * time.Millisecond, 10 * time.Second: 9 * time.Second, time.Minute: 59 * time.Second,
	} {
		synctest.Test(t, func(t *testing.T) {
			var m Memory
			meet(t, &m)
			k := routed("GET /a")
			fail(t, &m, k, MaxFailures)
			defer probing(t, &m, limit.Ask{Key: k, OutageWait: time.Hour}, k, time.Minute)()
			time.Sleep(time.Second)
			ctx, cancel := context.WithTimeout(t.Context(), deadline)
			defer cancel()
			p, err := m.Acquire(ctx, limit.Ask{Key: k, OutageWait: time.Hour})
			if err != nil || p.Waited != want {
				t.Errorf("a deadline after %v: got %v after %v, want a permit after %v", deadline, err, p.Waited, want)
			}
		})
	}
}

// TestHowLongAnOutageIsWaitedFor tries when a request goes that says nothing of it.
func TestHowLongAnOutageIsWaitedFor(t *testing.T) {
	for _, row := range []struct {
		deadline, lasted, outageWait, maxPause time.Duration
		want                                   time.Duration
	}{
		{0, 2 * time.Second, 0, 0, OutageWaitNoDeadline},
		{time.Hour, 2 * time.Second, 0, 0, OutageWait},
		{0, LongOutage, 0, 0, OutageWaitNoDeadline},
		{0, 2 * LongOutage, 0, 0, ShortOutageWait},
		{time.Hour, 2 * LongOutage, 0, 0, ShortOutageWait},
		{0, 2 * LongOutage, 7 * time.Second, 0, 7 * time.Second},
		{0, 2 * time.Second, 0, 3 * time.Second, 3 * time.Second},
		{0, 2 * time.Second, 7 * time.Second, time.Hour, 7 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			var m Memory
			meet(t, &m)
			k := routed("GET /a")
			fail(t, &m, k, MaxFailures)
			defer probing(t, &m, limit.Ask{Key: k, OutageWait: time.Hour}, k, 0)()
			time.Sleep(row.lasted)
			ctx, cancel := t.Context(), func() {}
			if row.deadline > 0 {
				ctx, cancel = context.WithTimeout(ctx, row.deadline)
			}
			defer cancel()
			p, err := m.Acquire(ctx, limit.Ask{Key: k, OutageWait: row.outageWait, MaxPause: row.maxPause})
			if err != nil || p.Waited != row.want || !p.Gated {
				t.Errorf("%+v: got %v after %v, want a permit after %v", row, err, p.Waited, row.want)
			}
		})
	}
}

// TestRefusalsOfMaxWait tries what a refusal says of a request that waits no longer.
func TestRefusalsOfMaxWait(t *testing.T) {
	for maxWait, want := range map[time.Duration]string{
		-1:                     "the limit of requests per second: the request does not wait",
		500 * time.Millisecond: "the limit of requests per second: the request waits for 500ms at the most",
	} {
		synctest.Test(t, func(t *testing.T) {
			var m Memory
			meet(t, &m)
			a := limit.Ask{Key: testHost, LimitsKey: testHost, Limits: limit.Limits{RequestsPerSecond: 1}}
			now(t, &m, a)
			a.MaxWait = maxWait
			_, err := m.Acquire(t.Context(), a)
			var r *limit.Refusal
			if !errors.As(err, &r) || r.Reason != want {
				t.Errorf("MaxWait %v: got %v, want %q", maxWait, err, want)
			}
		})
	}
}

// TestPeekAtAPause counts those who wait for the end of a pause already: they leave at a
// pace that follows the load before.
func TestPeekAtAPause(t *testing.T) {
	for _, row := range []struct {
		perSecond int // before
		waiting   int
		want      time.Duration // after the pause
	}{
		{1, 0, 0},
		{1, 10, 2 * time.Second},
		{100, 230, 2 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			var m Memory
			meet(t, &m)
			for range 3 * row.perSecond {
				m.Settle(now(t, &m, limit.Ask{Key: testHost}), good)
				time.Sleep(time.Second / time.Duration(row.perSecond))
			}
			asks(t, &m, testHost, 0, limit.Observation{Signal: limit.SignalRefused, Hold: 10 * time.Second, Strict: true})
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			for range row.waiting {
				go m.Acquire(ctx, limit.Ask{Key: testHost})
			}
			synctest.Wait()
			got := m.Peek(t.Context(), limit.Ask{Key: testHost}) - 10*time.Second
			if (got - row.want).Abs() > row.want/10 {
				t.Errorf("behind %d, at %d a second: got %v after the pause, want %v", row.waiting, row.perSecond, got, row.want)
			}
		})
	}
}

// TestRoutesOfAHostThatFails tries which routes go at once while their host's gate is
// shut since others fail, and while those leave who waited.
func TestRoutesOfAHostThatFails(t *testing.T) {
	for _, row := range []struct {
		name           string
		before         func(t *testing.T, m *Memory, k limit.Key)
		shut, reopened bool // it goes at once
	}{
		{"nothing is known of it", func(*testing.T, *Memory, limit.Key) {}, true, true},
		{"a limit of it is stated", func(t *testing.T, m *Memory, k limit.Key) {
			states(t, m, k, limit.Observation{Unit: "requests", Limit: 1000, Remaining: 900, Reset: time.Hour}, good)
		}, true, true},
		{"it has failed", func(t *testing.T, m *Memory, k limit.Key) { fail(t, m, k, 1) }, false, false},
		{"it has failed, and was answered since", func(t *testing.T, m *Memory, k limit.Key) {
			fail(t, m, k, 1)
			m.Settle(now(t, m, limit.Ask{Key: k}), good)
		}, true, false},
		{"it was answered long since", func(t *testing.T, m *Memory, k limit.Key) {
			fail(t, m, k, 1)
			m.Settle(now(t, m, limit.Ask{Key: k}), good)
			time.Sleep(RowTime + time.Second)
		}, true, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var m Memory
				meet(t, &m)
				d := routed("GET /d")
				row.before(t, &m, d)
				for _, route := range []string{"GET /a", "GET /b", "GET /c"} {
					fail(t, &m, routed(route), 20)
				}
				if gateOf(&m, testHost) != limit.GateFailing {
					t.Fatal("the host's gate is open")
				}
				goes := func() bool {
					p, err := m.Acquire(t.Context(), limit.Ask{Key: d, MaxWait: time.Millisecond})
					if err == nil {
						m.Settle(p, limit.Outcome{})
					}
					return err == nil && p.Waited == 0
				}
				if got := goes(); got != row.shut {
					t.Errorf("while the gate is shut: goes at once: %t, want %t", got, row.shut)
				}
				time.Sleep(MaxProbe)
				m.Settle(now(t, &m, limit.Ask{Key: routed("GET /a")}), good)
				if s := stateOf(&m, testHost); !s.Reopening {
					t.Fatalf("got %+v, want that the host's gate has opened", s)
				}
				now(t, &m, limit.Ask{Key: routed("GET /a")}) // the first of those that leave
				if got := goes(); got != row.reopened {
					t.Errorf("once it has opened: goes at once: %t, want %t", got, row.reopened)
				}
			})
		})
	}
}

// TestWhoIsTheProbe tries which of those who wait goes to see whether a host is back.
func TestWhoIsTheProbe(t *testing.T) {
	const s = time.Second
	type caller struct {
		repeatable bool
		deadline   time.Duration
	}
	for _, row := range []struct {
		name    string
		callers []caller // in the order in which they came
		lost    bool     // the probe before had no outcome
		want    int
	}{
		{"the first", []caller{{true, 0}, {true, 0}, {true, 0}}, false, 0},
		{"the first that may be repeated", []caller{{false, 0}, {true, 0}, {true, 0}}, false, 1},
		{"none may be", []caller{{false, 0}, {false, 0}}, false, 0},
		{"after one was lost, who has most time", []caller{{true, 20 * s}, {true, 40 * s}, {true, 30 * s}}, true, 1},
		{"of those that may be repeated", []caller{{true, 20 * s}, {false, 40 * s}, {true, 30 * s}}, true, 2},
		{"of all, if none may be", []caller{{false, 20 * s}, {false, 40 * s}, {false, 30 * s}}, true, 1},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var m Memory
				meet(t, &m)
				k := routed("GET /a")
				fail(t, &m, k, MaxFailures)
				if row.lost {
					time.Sleep(MinProbe)
					m.Settle(now(t, &m, limit.Ask{Key: k}), limit.Outcome{})
				}
				went := make(chan int, len(row.callers))
				for i, c := range row.callers {
					ctx, cancel := context.WithCancel(t.Context())
					if c.deadline > 0 {
						ctx, cancel = context.WithTimeout(ctx, c.deadline)
					}
					defer cancel()
					go func() {
						if p, err := m.Acquire(ctx, limit.Ask{Key: k, OutageWait: time.Hour, Repeatable: c.repeatable}); err == nil && p.Probe {
							went <- i
						}
					}()
					synctest.Wait()
				}
				time.Sleep(MinProbe)
				synctest.Wait()
				if got := <-went; got != row.want {
					t.Errorf("caller %d goes, want %d", got, row.want)
				}
			})
		})
	}
}

// TestWhoCameMeanwhile has more come to a host that is down than it had before: those are
// the load with which it begins anew, but for who would not wait for it.
func TestWhoCameMeanwhile(t *testing.T) {
	for maxWait, want := range map[time.Duration]float64{0: RampStart * 1001, 100 * time.Millisecond: RampStart * MaxFailures} {
		synctest.Test(t, func(t *testing.T) {
			var m Memory
			meet(t, &m)
			time.Sleep(10 * time.Second)
			fail(t, &m, testHost, MaxFailures)
			shut := time.Now()
			time.Sleep(MinProbe)
			probe := now(t, &m, limit.Ask{Key: testHost})
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			for range 1000 {
				go m.Acquire(ctx, limit.Ask{Key: testHost, OutageWait: time.Hour, MaxWait: maxWait})
			}
			time.Sleep(time.Until(shut.Add(900 * time.Millisecond)))
			m.Settle(probe, good)
			if got := stateOf(&m, testHost).PerSecond; got < want*0.9 && want > 1000 || got > want*10 {
				t.Errorf("MaxWait %v: got a pace of %v, want %v", maxWait, got, want)
			}
		})
	}
}

// TestWhoWaitedIsNotFresh has a crowd leave a gate: the pace does not grow by those who
// leave, only by who comes.
func TestWhoWaitedIsNotFresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m Memory
		meet(t, &m)
		asks(t, &m, testHost, 0, limit.Observation{Signal: limit.SignalRefused, Hold: 2 * time.Second})
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		for range 60 {
			go func() {
				if p, err := m.Acquire(ctx, limit.Ask{Key: testHost}); err == nil {
					m.Settle(p, good)
				}
			}()
		}
		time.Sleep(2*time.Second + RampFlat + RampDouble/2)
		if got, was := stateOf(&m, testHost).PerSecond, RampStart*60/2; got > was*1.5 {
			t.Errorf("got a pace of %v, want %v at the most", got, was*1.5)
		}
	})
}

// TestForeignPermits settles what no Limiter gave.
func TestForeignPermits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m Memory
		p := now(t, &m, limit.Ask{Key: testHost})
		for _, id := range []uint64{0, 1, 1<<32 | 1, p.ID + 1, p.ID + 1<<32, 1<<64 - 1} {
			other := p
			other.ID = id
			m.Settle(other, good)
			if m.Observe(other, limit.Observation{Key: testHost, Signal: limit.SignalRefused, Hold: time.Hour}) {
				t.Errorf("the ID %d: what it observes holds requests", id)
			}
		}
		if s := stateOf(&m, testHost); s.Concurrent != 1 || s.Gate != "" {
			t.Errorf("got %+v, want one under way and no gate", s)
		}
		m.Settle(p, good)
		clean(t, &m)
	})
}

// A rate that refusals point to is no reason to fail: a request that was never sent goes when
// its deadline is near. One that waits for no outage is not spared the rate for that.
func TestOverdueAtARate(t *testing.T) {
	for _, row := range []struct {
		name       string
		outageWait time.Duration
		again      bool
		want       time.Duration // 0 is refused
	}{
		{"its deadline is near", 0, false, 2 * time.Second},
		{"it waits for no outage", -1, false, 2 * time.Second},
		{"it has an answer, a refusal", 0, true, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			var m Memory
			k := routed("GET /a")
			foundRate(t, &m, k)
			ctx, cancel := context.WithTimeout(t.Context(), 2500*time.Millisecond)
			defer cancel()
			for range 50 { // before it at the rate
				go func() {
					if p, err := m.Acquire(t.Context(), limit.Ask{Key: k}); err == nil {
						m.Settle(p, limit.Outcome{})
					}
				}()
			}
			synctest.Wait()
			p, err := m.Acquire(ctx, limit.Ask{Key: k, OutageWait: row.outageWait, Repeat: row.again})
			if (err == nil) != (row.want > 0) || err == nil && p.Waited != row.want {
				t.Errorf("%s: got %v after %v, want a permit after %v", row.name, err, p.Waited, row.want)
			}
			m.Settle(p, limit.Outcome{Refund: err != nil})
			time.Sleep(time.Hour)
		})
	}
}

// foundRate has a server let in one request of a crowd after all were refused for ten seconds.
func foundRate(t *testing.T, m *Memory, k limit.Key) {
	t.Helper()
	end := time.Now().Add(10 * time.Second)
	for time.Now().Before(end.Add(time.Second)) {
		p, err := m.Acquire(t.Context(), limit.Ask{Key: k})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Millisecond)
		s := limit.SignalGood
		if time.Now().Before(end) {
			s = limit.SignalRefused
		}
		m.Observe(p, limit.Observation{Key: k, Signal: s})
		m.Settle(p, limit.Outcome{})
	}
}
