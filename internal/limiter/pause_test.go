package limiter

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyhttp/steadyhttp/limit"
)

// stateOf returns what Snapshot says of k.
func stateOf(m *Memory, k limit.Key) limit.KeyState {
	for _, s := range m.Snapshot() {
		if s.Key == k {
			return s
		}
	}
	return limit.KeyState{}
}

// asks has the response to a request of k, which took so long, ask for a pause.
func asks(t *testing.T, m *Memory, k limit.Key, took time.Duration, o limit.Observation) {
	t.Helper()
	p := now(t, m, limit.Ask{Key: k, Inference: limit.Observe})
	time.Sleep(took)
	o.Key = k
	m.Observe(p, o)
	m.Settle(p, limit.Outcome{})
}

// TestTryInAPause tries in which pauses one request goes before they are over.
func TestTryInAPause(t *testing.T) {
	for _, row := range []struct {
		pause  time.Duration
		strict bool
		want   time.Duration // 0 is none
	}{
		{1500 * time.Millisecond, false, 0},
		{2 * time.Second, false, 0},
		{2*time.Second + 1, false, time.Second},
		{time.Minute, false, time.Second},
		{time.Minute, true, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			var m Memory
			meet(t, &m)
			k := routed("GET /a")
			asks(t, &m, k, time.Millisecond, limit.Observation{Signal: limit.SignalRefused, Hold: row.pause, Strict: row.strict})
			if got := stateOf(&m, k).NextProbe; got != row.want {
				t.Errorf("a pause of %v: one goes after %v, want after %v", row.pause, got, row.want)
			}
		})
	}
}

// TestWhoTriesGivesUp has the request that goes within a pause end without an answer:
// another one goes soon.
func TestWhoTriesGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m Memory
		meet(t, &m)
		k := routed("GET /a")
		asks(t, &m, k, time.Millisecond, limit.Observation{Signal: limit.SignalRefused, Hold: time.Minute})
		time.Sleep(TryAfter)
		p := now(t, &m, limit.Ask{Key: k})
		if s := stateOf(&m, k); !p.Probe || !s.Probing || s.NextProbe != 0 {
			t.Errorf("got %+v, and %+v; want a probe", p, s)
		}
		m.Settle(p, limit.Outcome{})
		if s := stateOf(&m, k); s.Probing || s.NextProbe != MinProbe {
			t.Errorf("got %+v, want another probe after %v", s, MinProbe)
		}
	})
}

// TestContradiction has requests that were sent after a refused one be answered well.
func TestContradiction(t *testing.T) {
	const ms = time.Millisecond
	for _, row := range []struct {
		name   string
		took   time.Duration   // the refusal
		sent   []time.Duration // so much later than the refused one
		after  time.Duration   // their answers, after the refusal
		open   bool
		reopen bool // at a pace
	}{
		{"one that was sent an eighth later", 800 * ms, []time.Duration{100 * ms}, 0, true, false},
		{"one that was sent sooner", 800 * ms, []time.Duration{99 * ms}, 0, false, false},
		{"two that were sent a sixteenth later", 800 * ms, []time.Duration{50 * ms, 50 * ms}, 0, true, false},
		{"two that were sent sooner", 800 * ms, []time.Duration{49 * ms, 50 * ms}, 0, false, false},
		{"two milliseconds at the least", 8 * ms, []time.Duration{2 * ms}, 0, true, false},
		{"less than that", 8 * ms, []time.Duration{1 * ms}, 0, false, false},
		{"within a second hardly anybody waits", 8 * ms, []time.Duration{2 * ms}, 999 * ms, true, false},
		{"later they leave at a pace", 8 * ms, []time.Duration{2 * ms}, 1000 * ms, true, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var m Memory
				meet(t, &m)
				k := routed("GET /a")
				began := time.Now()
				refused := now(t, &m, limit.Ask{Key: k})
				var others []limit.Permit
				for _, after := range row.sent {
					time.Sleep(time.Until(began.Add(after)))
					others = append(others, now(t, &m, limit.Ask{Key: k}))
				}
				time.Sleep(time.Until(began.Add(row.took)))
				m.Observe(refused, limit.Observation{Key: k, Signal: limit.SignalRefused, Hold: time.Minute})
				time.Sleep(row.after)
				for _, p := range others {
					m.Settle(p, good)
				}
				s := stateOf(&m, k)
				if got := s.Gate == ""; got != row.open {
					t.Errorf("the pause is over: %t, want %t", got, row.open)
				}
				if s.Reopening != row.reopen {
					t.Errorf("those who waited leave at a pace: %t, want %t", s.Reopening, row.reopen)
				}
			})
		})
	}
}

// TestPausesAreNotBelieved asks for another pause after one was contradicted.
func TestPausesAreNotBelieved(t *testing.T) {
	for _, row := range []struct {
		after  time.Duration
		strict bool
		want   string
	}{
		{time.Second, false, ""},
		{ContradictedTime - 1, false, ""},
		{ContradictedTime, false, limit.GateAsked},
		{time.Second, true, limit.GateAsked},
	} {
		synctest.Test(t, func(t *testing.T) {
			var m Memory
			meet(t, &m)
			k := routed("GET /a")
			refused := now(t, &m, limit.Ask{Key: k})
			time.Sleep(10 * time.Millisecond)
			later := now(t, &m, limit.Ask{Key: k})
			m.Observe(refused, limit.Observation{Key: k, Signal: limit.SignalRefused, Hold: time.Second})
			m.Settle(later, good)
			p := now(t, &m, limit.Ask{Key: k})
			time.Sleep(row.after)
			m.Observe(p, limit.Observation{Key: k, Signal: limit.SignalRefused, Hold: time.Hour, Strict: row.strict})
			if got := gateOf(&m, k); got != row.want {
				t.Errorf("after %v: got the gate %q, want %q", row.after, got, row.want)
			}
		})
	}
}

// TestPauseOfAnotherKind has a second response ask for a longer pause: who waits for an
// outage is sent after a while, and who waits for a limit is refused in the end.
func TestPauseOfAnotherKind(t *testing.T) {
	for _, row := range []struct {
		name          string
		first, second limit.Signal
		refused       bool
		after         time.Duration
	}{
		{"a failure, twice", limit.SignalFailing, limit.SignalFailing, false, 20 * time.Second},
		{"a limit, twice", limit.SignalRefused, limit.SignalRefused, true, 40 * time.Second},
		{"a failure, then a limit", limit.SignalFailing, limit.SignalRefused, true, 40 * time.Second},
		{"a limit, then a failure", limit.SignalRefused, limit.SignalFailing, false, 20 * time.Second},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var m Memory
				meet(t, &m)
				k := routed("GET /a")
				p := now(t, &m, limit.Ask{Key: k})
				m.Observe(p, limit.Observation{Key: k, Signal: row.first, Hold: 30 * time.Minute, Strict: true})
				type end struct {
					err  error
					took time.Duration
				}
				ended := make(chan end, 1)
				came := time.Now()
				go func() {
					_, err := m.Acquire(t.Context(), limit.Ask{Key: k, OutageWait: 20 * time.Second, MaxPause: 40 * time.Second})
					ended <- end{err, time.Since(came)}
				}()
				synctest.Wait()
				m.Observe(p, limit.Observation{Key: k, Signal: row.second, Hold: time.Hour, Strict: true})
				got := <-ended
				var r *limit.Refusal
				if refused := errors.As(got.err, &r); refused != row.refused || got.took != row.after {
					t.Errorf("got %v after %v, want a refusal: %t, after %v", got.err, got.took, row.refused, row.after)
				}
			})
		})
	}
}

// slowOutage has k fail, where failures take a second.
func slowOutage(t *testing.T, m *Memory, k limit.Key) {
	t.Helper()
	permits := make([]limit.Permit, MaxFailures)
	for i := range permits {
		permits[i] = now(t, m, limit.Ask{Key: k, Inference: limit.Observe})
	}
	time.Sleep(time.Second)
	for _, p := range permits {
		failed(m, p, k, 0)
	}
}

// TestProbeWithoutAnswer tries for how long the answer of a probe is waited for: ten
// times as long as failures take.
func TestProbeWithoutAnswer(t *testing.T) {
	for _, row := range []struct {
		name   string
		before []time.Duration // probes that failed, after so long
		want   time.Duration
	}{
		{"failures took a second", nil, 10 * time.Second},
		{"then one took less", []time.Duration{200 * time.Millisecond}, 8 * time.Second},
		{"then one took more", []time.Duration{3 * time.Second}, 15 * time.Second},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var m Memory
				meet(t, &m)
				k := routed("GET /a")
				slowOutage(t, &m, k)
				for _, took := range row.before {
					time.Sleep(MaxProbe)
					p := now(t, &m, limit.Ask{Key: k})
					time.Sleep(took)
					failed(&m, p, k, 0)
				}
				time.Sleep(MaxProbe)
				if p := now(t, &m, limit.Ask{Key: k}); !p.Probe {
					t.Fatalf("got %+v, want a probe", p)
				}
				if s := stateOf(&m, k); !s.Probing || s.GateLeft != row.want {
					t.Errorf("got %+v, want that the answer is waited for %v", s, row.want)
				}
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				for range 3 {
					go m.Acquire(ctx, limit.Ask{Key: k, OutageWait: time.Hour})
				}
				time.Sleep(row.want - 1)
				synctest.Wait()
				if s := stateOf(&m, k); s.Queued != 3 {
					t.Errorf("got %d who wait, want all three until then", s.Queued)
				}
				time.Sleep(time.Nanosecond)
				synctest.Wait()
				if s := stateOf(&m, k); s.Gate != "" || s.Queued != 1 {
					t.Errorf("got %+v, want that the gate is open and two have gone", s)
				}
			})
		})
	}
}

// TestEvidenceCountsProbes has two probes fail.
func TestEvidenceCountsProbes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m Memory
		meet(t, &m)
		k := routed("GET /a")
		slowOutage(t, &m, k)
		for range 2 {
			time.Sleep(MaxProbe)
			failed(&m, now(t, &m, limit.Ask{Key: k}), k, 0)
		}
		if got, want := stateOf(&m, k).Evidence, " in a row 2s ago, and 2 probes since"; !strings.HasSuffix(got, want) {
			t.Errorf("got %q, want it to end with %q", got, want)
		}
	})
}

// TestWhoInfersNothingOpensNothing sends a request that infers nothing while a probe of
// its host is under way.
func TestWhoInfersNothingOpensNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m Memory
		meet(t, &m)
		fail(t, &m, testHost, MaxFailures)
		time.Sleep(MinProbe)
		now(t, &m, limit.Ask{Key: testHost})
		time.Sleep(10 * time.Millisecond)
		now(t, &m, limit.Ask{Key: testHost, Inference: limit.Off})
		if got := gateOf(&m, testHost); got != limit.GateFailing {
			t.Errorf("got the gate %q, want %q until the probe has an answer", got, limit.GateFailing)
		}
	})
}

// TestOnePauseIsWaitedOut has a host that fails ask for a pause which is longer than a
// call waits for an outage.
func TestOnePauseIsWaitedOut(t *testing.T) {
	for outageWait, want := range map[time.Duration]time.Duration{0: 20 * time.Second, 5 * time.Second: 5 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			var m Memory
			meet(t, &m)
			k := routed("GET /a")
			asks(t, &m, k, time.Millisecond, limit.Observation{Signal: limit.SignalFailing, Hold: 20 * time.Second, Strict: true})
			p, err := m.Acquire(t.Context(), limit.Ask{Key: k, OutageWait: outageWait})
			if err != nil || p.Waited != want {
				t.Errorf("OutageWait %v: got %v after %v, want a permit after %v", outageWait, err, p.Waited, want)
			}
		})
	}
}

// TestProbeIsRefused has the request that goes once a pause is over be refused by the
// same limit, which names no pause: the next goes a little later.
func TestProbeIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m Memory
		meet(t, &m)
		k := routed("GET /a")
		asks(t, &m, k, time.Millisecond, limit.Observation{Signal: limit.SignalRefused, Hold: time.Second})
		for _, want := range []time.Duration{2 * MinProbe, 4 * MinProbe} {
			time.Sleep(time.Second)
			p := now(t, &m, limit.Ask{Key: k})
			if !p.Probe {
				t.Errorf("got %+v, want a probe", p)
			}
			m.Observe(p, limit.Observation{Key: k, Signal: limit.SignalRefused})
			m.Settle(p, limit.Outcome{})
			if s := stateOf(&m, k); s.GateLeft != want {
				t.Errorf("the next goes after %v, want %v", s.GateLeft, want)
			}
		}
	})
}

// TestContradictionFreesThoseWhoWait has requests wait for a pause that an answer
// contradicts: they go with it.
func TestContradictionFreesThoseWhoWait(t *testing.T) {
	for name, answer := range map[string]func(m *Memory, p limit.Permit, k limit.Key){
		"once it is seen": func(m *Memory, p limit.Permit, k limit.Key) {
			m.Observe(p, limit.Observation{Key: k, Signal: limit.SignalGood})
		},
		"at its end": func(m *Memory, p limit.Permit, _ limit.Key) { m.Settle(p, good) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var m Memory
				meet(t, &m)
				k := routed("GET /a")
				refused := now(t, &m, limit.Ask{Key: k})
				time.Sleep(10 * time.Millisecond)
				later := now(t, &m, limit.Ask{Key: k})
				time.Sleep(10 * time.Millisecond)
				m.Observe(refused, limit.Observation{Key: k, Signal: limit.SignalRefused, Hold: time.Minute})
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				for range 3 {
					go m.Acquire(ctx, limit.Ask{Key: k})
				}
				synctest.Wait()
				if s := stateOf(&m, k); s.Queued != 3 {
					t.Errorf("got %d who wait for the pause, want three", s.Queued)
				}
				answer(&m, later, k)
				if s := stateOf(&m, k); s.Queued != 0 {
					t.Errorf("got %d who wait still, want none", s.Queued)
				}
			})
		})
	}
}

// Refusals come fast, and the answers of a language model do not: the request that goes
// within a pause need not be answered for others to go.
func TestSlowAnswerWithinAPause(t *testing.T) {
	for _, row := range []struct {
		name   string
		took   time.Duration // the refusal
		strict bool
		want   time.Duration // when the second goes
	}{
		{"a fast refusal", 50 * time.Millisecond, false, TryAfter + MinGoodSign},
		{"a slow one", 500 * time.Millisecond, false, TryAfter + 5*time.Second},
		{"where going on is punished", 50 * time.Millisecond, true, time.Minute},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var m Memory
				meet(t, &m)
				k := routed("POST /a")
				asks(t, &m, k, row.took, limit.Observation{Signal: limit.SignalRefused, Hold: time.Minute, Strict: row.strict})
				began := time.Now()
				for range 2 {
					go func() {
						p, err := m.Acquire(t.Context(), limit.Ask{Key: k})
						if err != nil {
							t.Error(err)
						}
						time.Sleep(15 * time.Second)
						m.Settle(p, good)
					}()
				}
				synctest.Wait()
				for stateOf(&m, k).Queued > 0 {
					time.Sleep(50 * time.Millisecond)
				}
				if got := time.Since(began); got < row.want || got > row.want+2*time.Second {
					t.Errorf("the second went after %v, want %v", got, row.want)
				}
				time.Sleep(20 * time.Second)
			})
		})
	}
}
