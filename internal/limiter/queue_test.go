package limiter

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyhttp/steadyhttp/limit"
)

const manyWaiters = 10_000

func TestManyLeaveInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m Memory
		meet(t, &m)
		var mu sync.Mutex
		var order []int
		a := limit.Ask{Key: testHost, LimitsKey: testHost, Limits: limit.Limits{RequestsPerSecond: 200, Burst: 1}}
		began := time.Now()
		var wg sync.WaitGroup
		for i := range manyWaiters {
			wg.Go(func() {
				time.Sleep(time.Duration(i) * time.Nanosecond) // they come one after the other
				p, err := m.Acquire(t.Context(), a)
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				order = append(order, i)
				mu.Unlock()
				m.Settle(p, good)
			})
		}
		wg.Wait()
		for i, n := range order {
			if i != n {
				t.Fatalf("request %d went as number %d", n, i)
			}
		}
		if took := time.Since(began); took > manyWaiters*time.Second/200*101/100 {
			t.Errorf("%d requests at 200 a second took %v", manyWaiters, took)
		}
		clean(t, &m)
	})
}

// TestManyGiveUp has all who wait give up in the order in which they came, which
// is the worst for a queue that looks at its first each time, and in no order. It
// works in real time, since that is what it measures.
func TestManyGiveUp(t *testing.T) {
	for _, row := range []struct {
		name   string
		limits limit.Limits
		gate   bool
	}{
		{"rate", limit.Limits{RequestsPerDay: 1}, false},
		{"place", limit.Limits{MaxConcurrent: 1}, false},
		{"gate", limit.Limits{}, true},
	} {
		for _, inOrder := range []bool{true, false} {
			var m Memory
			meet(t, &m)
			a := limit.Ask{Key: routed("GET /a"), LimitsKey: testHost, Limits: row.limits, OutageWait: time.Hour}
			first := now(t, &m, a)
			if row.gate {
				fail(t, &m, testHost, 10)
				m.Observe(first, limit.Observation{Key: testHost, Signal: limit.SignalFailing, Hold: time.Hour})
			}
			cancels, gone := make([]context.CancelFunc, manyWaiters), make(chan bool, manyWaiters)
			for i := range manyWaiters {
				var ctx context.Context
				ctx, cancels[i] = context.WithCancel(t.Context())
				go func() {
					if _, err := m.Acquire(ctx, a); err == nil {
						t.Error("got a permit, want none")
					}
					gone <- true
				}()
				for inOrder && waiting(&m) <= i {
					time.Sleep(time.Microsecond)
				}
			}
			for waiting(&m) < manyWaiters {
				time.Sleep(time.Millisecond)
			}
			began := time.Now()
			for _, cancel := range cancels {
				if cancel(); inOrder {
					<-gone
				}
			}
			for !inOrder && len(gone) < manyWaiters {
				time.Sleep(time.Millisecond)
			}
			took := time.Since(began)
			if t.Logf("%s, in order %v: %v", row.name, inOrder, took); took > 5*time.Second { // with the race detector, on a busy machine
				t.Errorf("%s, in order %v: %d gave up within %v, want some tens of milliseconds", row.name, inOrder, manyWaiters, took)
			}
			m.Settle(first, limit.Outcome{})
			clean(t, &m)
		}
	}
}

// waiting is how many requests to testHost wait.
func waiting(m *Memory) int {
	h := m.lockHost(testHost.Host)
	defer h.mu.Unlock()
	return h.waits()
}

// TestQueuesDoNotBlockEachOther has a request wait under two Keys, whose limits
// become free in turn, beside others that wait under one of them only.
func TestQueuesDoNotBlockEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m Memory
		meet(t, &m)
		slow, fast := routed("GET /slow"), routed("GET /fast")
		stated := func(k limit.Key, perSecond int64) {
			p := now(t, &m, limit.Ask{Key: k})
			m.Observe(p, limit.Observation{Key: k, Unit: "requests", Limit: perSecond, Window: time.Second, Reset: time.Second, Refills: true, MaxWait: time.Minute})
			m.Settle(p, good)
		}
		stated(slow, 1)
		stated(fast, 100)
		ask := func(k limit.Key) limit.Ask {
			return limit.Ask{Key: k, LimitsKey: limit.Key{Host: k.Host, Credential: 7}, Limits: limit.Limits{MaxConcurrent: 2}}
		}
		var wg sync.WaitGroup
		call := func(k limit.Key, most time.Duration) {
			wg.Go(func() {
				p, err := m.Acquire(t.Context(), ask(k))
				if err != nil || p.Waited > most {
					t.Errorf("%s: got %v after %v, want it within %v", k.Route, err, p.Waited, most)
				}
				time.Sleep(time.Millisecond)
				m.Settle(p, good)
			})
		}
		for range 5 {
			call(slow, 7*time.Second)
		}
		synctest.Wait()
		for range 50 {
			call(fast, time.Second)
		}
		wg.Wait()
		clean(t, &m)
	})
}

// TestGiveUpAtTheTurn cancels a request in the moment in which it gets its permit.
func TestGiveUpAtTheTurn(t *testing.T) {
	var m Memory
	a := limit.Ask{Key: testHost, LimitsKey: testHost, Limits: limit.Limits{MaxConcurrent: 1}}
	for range 2000 {
		first := now(t, &m, a)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan bool)
		go func() {
			if p, err := m.Acquire(ctx, a); err == nil {
				m.Settle(p, good)
			}
			ended <- true
		}()
		go cancel()
		m.Settle(first, good)
		<-ended
	}
	clean(t, &m)
}

// TestSnapshotOfWhoWaitsElsewhere has a request wait for its route: its host and
// the Key of the limits show that as well.
func TestSnapshotOfWhoWaitsElsewhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m Memory
		meet(t, &m)
		k := routed("GET /a")
		limited := limit.Key{Host: k.Host, Credential: 7}
		p := now(t, &m, limit.Ask{Key: k})
		m.Observe(p, limit.Observation{Key: k, Signal: limit.SignalRefused, Hold: time.Minute})
		m.Settle(p, limit.Outcome{})
		go m.Acquire(t.Context(), limit.Ask{Key: k, LimitsKey: limited, Limits: limit.Limits{MaxConcurrent: 5}})
		time.Sleep(TryAfter / 2)
		for _, s := range m.Snapshot() {
			if s.Waiting != 1 || s.Oldest != TryAfter/2 || s.Why == "" {
				t.Errorf("%+v: got %d that wait, for %v, for %q; want one for half a second and why", s.Key, s.Waiting, s.Oldest, s.Why)
			}
		}
	})
}

// TestWaitersLearn has a crowd wait until a host answers for the first time. The
// first response states a limit of a Key that nobody knew when they came.
func TestWaitersLearn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const crowd, left = 100, 10
		var m Memory
		k := limit.Key{Host: testHost.Host, Credential: 1}
		var sent atomic.Int32
		began := time.Now()
		var wg sync.WaitGroup
		for i := range crowd {
			wg.Go(func() {
				time.Sleep(time.Duration(i) * time.Microsecond)
				p, err := m.Acquire(t.Context(), limit.Ask{Key: k})
				if err != nil {
					t.Error(err)
				}
				n := sent.Add(1)
				time.Sleep(50 * time.Millisecond)
				all := sent.Load()
				o := limit.Observation{Key: k, Unit: "requests", Limit: crowd, Window: time.Minute,
					Remaining: max(0, ColdBurst+left-int64(all)), Reset: 10 * time.Second, MaxWait: time.Minute}
				if n > ColdBurst+left && time.Since(began) < 10*time.Second {
					o.Signal = limit.SignalRefused
					m.Observe(p, o)
					m.Settle(p, limit.Outcome{})
					return
				}
				m.Observe(p, o)
				m.Settle(p, good)
			})
		}
		time.Sleep(5 * time.Second)
		if n := sent.Load(); n < ColdBurst+1 || n > ColdBurst+left+1 { // one may try whether nothing is left
			t.Errorf("%d went out before the reset, want the first %d and what the server said was left, %d", n, ColdBurst, left)
		}
		for _, s := range m.Snapshot() {
			if s.Waiting != crowd-int(sent.Load()) {
				t.Errorf("%s: %d wait, want %d", s.Key.Label(), s.Waiting, crowd-sent.Load())
			}
		}
		wg.Wait()
		clean(t, &m)
	})
}

// TestFirstGivesUp has the first of a queue give up, which wanted more than there is: the
// second, which wants less, goes then.
func TestFirstGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m Memory
		meet(t, &m)
		now(t, &m, limit.Ask{Key: testHost}) // somebody to meet
		states(t, &m, testHost, limit.Observation{Unit: "input_tokens", Limit: 100, Remaining: 30, Reset: time.Hour, MaxWait: time.Hour}, good)
		ctx, cancel := context.WithCancel(t.Context())
		a := limit.Ask{Key: testHost, Cost: limit.Cost{Input: 50}}
		go m.Acquire(ctx, a)
		synctest.Wait()
		var took time.Duration
		came := time.Now()
		go func() {
			m.Acquire(t.Context(), limit.Ask{Key: testHost, Cost: limit.Cost{Input: 5}})
			took = time.Since(came)
		}()
		time.Sleep(time.Second)
		synctest.Wait()
		if n := m.Snapshot()[0].Waiting; n != 2 {
			t.Errorf("got %d who wait, want both", n)
		}
		cancel()
		synctest.Wait()
		if n := m.Snapshot()[0].Waiting; n != 0 || took != time.Second {
			t.Errorf("got %d who wait, and that the second went after %v, want that it goes as the first gives up", n, took)
		}
	})
}
