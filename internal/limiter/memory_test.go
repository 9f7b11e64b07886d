package limiter

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyhttp/steadyhttp/internal/monotime"
	"github.com/steadyhttp/steadyhttp/limit"
)

// A testError is what a response said.
type testError struct{ text string }

func (e *testError) Error() string { return e.text }

var (
	testHost = limit.Key{Host: "api.example.com"}
	good     = limit.Outcome{Signal: limit.SignalGood}
)

// routed is a Key of a route of testHost.
func routed(route string) limit.Key {
	return limit.Key{Host: testHost.Host, Route: route, Credential: 7}
}

// now acquires a permit that must come at once.
func now(t *testing.T, m *Memory, a limit.Ask) limit.Permit {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	p, err := m.Acquire(ctx, a)
	if err != nil || p.Waited > 0 {
		t.Fatalf("Acquire of %+v: got %v after %v, want a permit at once", a.Key, err, p.Waited)
	}
	return p
}

// meet has the host answer once, well.
func meet(t *testing.T, m *Memory) {
	t.Helper()
	m.Settle(now(t, m, limit.Ask{Key: testHost}), good)
}

// fail has n requests of k that are under way together fail.
func fail(t *testing.T, m *Memory, k limit.Key, n int) {
	t.Helper()
	permits := make([]limit.Permit, n)
	for i := range permits {
		permits[i] = now(t, m, limit.Ask{Key: k, Inference: limit.Observe})
	}
	time.Sleep(time.Millisecond)
	for _, p := range permits {
		failed(m, p, k, 0)
	}
}

func failed(m *Memory, p limit.Permit, of limit.Key, hold time.Duration) {
	m.Observe(p, limit.Observation{Key: of, Signal: limit.SignalFailing, Hold: hold, Err: &testError{"down"}})
	m.Settle(p, limit.Outcome{})
}

// clean requires that nothing is left of what was acquired and settled.
func clean(t *testing.T, m *Memory) {
	t.Helper()
	m.hosts.Range(func(_, v any) bool {
		h := v.(*host)
		h.mu.Lock()
		defer h.mu.Unlock()
		for _, p := range h.permits {
			if p != nil {
				t.Errorf("%s: a permit is left under way", h.key.Host)
			}
		}
		check := func(k *keyState) {
			if k.users != 0 || k.waits() != 0 || k.inUse != 0 || k.line != nil || k.timer != nil {
				t.Errorf("%+v: got %d users, %d waiting, %d under way, the line %+v and the timer %v, want nothing left",
					k.key, k.users, k.waits(), k.inUse, k.line, k.timer)
			}
		}
		check(&h.keyState)
		for k := range h.keys.all {
			check(k)
		}
		return true
	})
}

// TestStorm has many goroutines do everything at random, and looks for waiters
// that nobody wakes, limits that are crossed and counts that do not return to
// zero.
func TestStorm(t *testing.T) {
	for seed := range uint64(max(1, patterns()/20)) {
		synctest.Test(t, func(t *testing.T) { storm(t, seed) })
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

func storm(t *testing.T, seed uint64) {
	const places, perSecond, goroutines, each = 20, 100, 60, 15
	var m Memory
	var mu sync.Mutex
	var gone []went
	var underWay atomic.Int64
	var wg sync.WaitGroup
	for g := range goroutines {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(seed, uint64(g)))
			for range each {
				time.Sleep(time.Duration(r.IntN(int(50 * time.Millisecond))))
				a := limit.Ask{
					Key:        limit.Key{Host: "h", Route: string(rune('a' + r.IntN(5))), Credential: uint64(1 + r.IntN(2)), Model: []string{"", "m", "n"}[r.IntN(3)]},
					LimitsKey:  limit.Key{Host: "h"},
					Limits:     limit.Limits{MaxConcurrent: places, RequestsPerSecond: perSecond, TokensPerMinute: 600_000},
					Cost:       limit.Cost{Input: r.Int64N(300), Output: r.Int64N(300)},
					OutageWait: time.Duration(r.IntN(int(2 * time.Second))),
					MaxPause:   time.Duration(r.IntN(int(2 * time.Second))),
					Priority:   limit.Priority(r.IntN(3) - 1),
					Repeat:     r.IntN(3) == 0,
					Repeatable: r.IntN(2) == 0,
					Inference:  limit.Inference(max(0, r.IntN(6)-3)),
				}
				ctx, cancel := context.WithCancelCause(t.Context())
				defer cancel(nil)
				switch r.IntN(4) {
				case 0:
					time.AfterFunc(time.Duration(r.IntN(int(300*time.Millisecond))), func() { cancel(errors.New("canceled")) })
				case 1:
					deadline, stop := context.WithTimeout(ctx, time.Duration(r.IntN(int(time.Second))))
					defer stop()
					ctx = deadline
				}
				p, err := m.Acquire(ctx, a)
				if err != nil {
					if p.ID != 0 {
						t.Errorf("got the permit %+v beside the error %v", p, err)
					}
					continue
				}
				if n := underWay.Add(1); n > places {
					t.Errorf("got %d under way, want at most %d", n, places)
				}
				mu.Lock()
				gone = append(gone, went{monotime.Now(), 1})
				mu.Unlock()
				time.Sleep(time.Duration(r.IntN(int(40 * time.Millisecond))))
				underWay.Add(-1)
				o := limit.Observation{Key: Within(a.Key, Scope(r.IntN(int(AllScopes)))), Limit: -1, Remaining: -1, Reset: -1, MaxWait: 2 * time.Second}
				switch r.IntN(8) {
				case 0:
					o.Signal = limit.SignalFailing
				case 1:
					o.Signal, o.Hold = limit.SignalFailing, time.Duration(r.IntN(int(time.Second)))
				case 2:
					o.Signal, o.Hold, o.Strict = limit.SignalRefused, time.Duration(r.IntN(int(time.Second))), r.IntN(2) == 0
				case 3:
					o.Signal = limit.SignalRefused
				case 4:
					o.Unit, o.Limit, o.Remaining, o.Reset, o.Refills = UnitNames[r.IntN(int(units))], 100, r.Int64N(100), time.Duration(r.IntN(int(time.Second))), r.IntN(2) == 0
				}
				if o.Signal != limit.SignalNone || o.Unit != "" {
					m.Observe(p, o)
				}
				var end limit.Outcome
				if o.Signal == limit.SignalNone && r.IntN(8) > 0 {
					end.Signal = limit.SignalGood
				}
				end.UsageKnown, end.Used.Input = r.IntN(2) == 0, r.Int64N(600)
				m.Settle(p, end)
				if r.IntN(10) == 0 {
					m.Settle(p, limit.Outcome{Refund: true})
					m.Snapshot()
				}
			}
		})
	}
	over := make(chan struct{})
	go func() {
		wg.Wait()
		close(over)
	}()
	select {
	case <-over:
	case <-time.After(10 * time.Minute):
		t.Fatalf("calls wait for ever: %+v", m.Snapshot())
	}
	clean(t, &m)
	slices.SortFunc(gone, func(a, b went) int { return cmp.Compare(a.at, b.at) })
	if n := most(gone, time.Second); n > perSecond {
		t.Errorf("got %v requests within a second, want at most %d", n, perSecond)
	}
}

// Who takes over from a shared Limiter begins with what was known there, and as if others
// had sent all that may go at once.
func TestSeed(t *testing.T) {
	k := routed("GET /v1/things")
	for _, c := range []struct {
		name   string
		seed   limit.Observation
		limits limit.Limits
		waits  []time.Duration // by each of several requests that come at once
	}{
		{"a limit of the user's", limit.Observation{}, limit.Limits{RequestsPerSecond: 10, Burst: 10},
			[]time.Duration{100 * time.Millisecond, 200 * time.Millisecond, 300 * time.Millisecond}},
		{"a limit by the minute", limit.Observation{}, limit.Limits{RequestsPerMinute: 600},
			[]time.Duration{100 * time.Millisecond, 200 * time.Millisecond, 300 * time.Millisecond}},
		{"a day's requests", limit.Observation{}, limit.Limits{RequestsPerDay: 2},
			[]time.Duration{0, 0, 24 * time.Hour}},
		{"a stated limit", limit.Observation{Unit: "requests", Limit: 10, Window: time.Second, Reset: time.Second, Refills: true, MaxWait: time.Minute}, limit.Limits{},
			[]time.Duration{100 * time.Millisecond, 200 * time.Millisecond, 300 * time.Millisecond}},
		{"a pause", limit.Observation{Signal: limit.SignalRefused, Hold: time.Second, Strict: true}, limit.Limits{},
			[]time.Duration{time.Second}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := &Memory{Spent: true}
				c.seed.Key = k
				if c.seed.Unit != "" || c.seed.Hold > 0 {
					m.Seed(c.seed)
				}
				var wg sync.WaitGroup
				for _, want := range c.waits {
					wg.Go(func() {
						p, err := m.Acquire(t.Context(), limit.Ask{Key: k, LimitsKey: k, Limits: c.limits})
						if got := p.Waited; err != nil || got < want-10*time.Millisecond || got > want+want/20 {
							t.Errorf("got a permit after %v, %v; want one after %v", got, err, want)
						}
					})
					synctest.Wait()
				}
				wg.Wait()
			})
		})
	}
}
