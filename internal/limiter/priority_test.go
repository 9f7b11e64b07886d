package limiter

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyhttp/steadyhttp/internal/monotime"
	"github.com/steadyhttp/steadyhttp/limit"
)

// A shop is a Memory whose limits a person and a batch share.
type shop struct {
	t    *testing.T
	m    Memory
	wg   sync.WaitGroup
	ask  limit.Ask
	took time.Duration // by each request
	end  time.Time

	mu     sync.Mutex // guards what follows
	done   map[limit.Priority]int
	waited map[limit.Priority][]time.Duration
}

func openShop(t *testing.T, limits limit.Limits, took, open time.Duration) *shop {
	s := &shop{t: t, took: took, end: time.Now().Add(open), done: map[limit.Priority]int{}, waited: map[limit.Priority][]time.Duration{}}
	s.ask = limit.Ask{Key: testHost, LimitsKey: limit.Key{Host: testHost.Host, Credential: 7}, Limits: limits}
	meet(t, &s.m)
	return s
}

// call has one of p go, and counts it.
func (s *shop) call(p limit.Priority, cost limit.Cost) {
	a := s.ask
	a.Priority, a.Cost = p, cost
	permit, err := s.m.Acquire(s.t.Context(), a)
	if err != nil {
		s.t.Errorf("%v: got %v, want a permit", p, err)
		return
	}
	s.mu.Lock()
	if time.Now().Before(s.end) {
		s.done[p]++
	}
	s.waited[p] = append(s.waited[p], permit.Waited)
	s.mu.Unlock()
	time.Sleep(s.took)
	s.m.Settle(permit, good)
}

// workers send one request after the other.
func (s *shop) workers(n int, p limit.Priority, cost limit.Cost) {
	for range n {
		s.wg.Go(func() {
			for time.Now().Before(s.end) {
				s.call(p, cost)
			}
		})
	}
}

// every has one of p come at that pace.
func (s *shop) every(d time.Duration, p limit.Priority, cost limit.Cost) {
	s.wg.Go(func() {
		for time.Now().Before(s.end) {
			s.wg.Go(func() { s.call(p, cost) })
			time.Sleep(d)
		}
	})
}

func (s *shop) p99(p limit.Priority) time.Duration {
	slices.Sort(s.waited[p])
	return s.waited[p][len(s.waited[p])*99/100]
}

// A person who shares a limit with a batch hardly notices it, however large it is, and
// the batch gets all that the person leaves.
func TestAPersonNeverWaitsBehindABatch(t *testing.T) {
	const open = 2 * time.Minute
	for _, c := range []struct {
		name   string
		limits limit.Limits
		took   time.Duration
		each   limit.Cost
		most   time.Duration // that the person waits
		rest   float64       // that passes in all in a second
	}{
		{"50 requests a second", limit.Limits{RequestsPerSecond: 50}, 10 * time.Millisecond, limit.Cost{}, 40 * time.Millisecond, 50},
		{"the same by the minute", limit.Limits{RequestsPerMinute: 3000}, 10 * time.Millisecond, limit.Cost{}, 40 * time.Millisecond, 50},
		{"tokens for 50 a second", limit.Limits{TokensPerMinute: 3_000_000}, 10 * time.Millisecond, limit.Cost{Input: 1000}, 40 * time.Millisecond, 50},
		{"eight places of a second", limit.Limits{MaxConcurrent: 8}, time.Second, limit.Cost{}, time.Second, 7},
	} {
		for _, n := range []int{64, 256, 1000} {
			t.Run(fmt.Sprintf("%s beside %d", c.name, n), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := openShop(t, c.limits, c.took, open)
					s.workers(n, limit.Batch, c.each)
					time.Sleep(5 * time.Second)
					s.every(1130*time.Millisecond, limit.Normal, c.each)
					s.wg.Wait()
					if got := s.p99(limit.Normal); got > c.most {
						t.Errorf("got a 99th percentile of %v, want at most %v", got, c.most)
					}
					if left := c.rest*open.Seconds() - float64(s.done[limit.Normal]); float64(s.done[limit.Batch]) < 0.98*left {
						t.Errorf("the batch got %d, want 98%% of the %.0f that were left", s.done[limit.Batch], left)
					}
					t.Log(s.p99(limit.Normal), s.done)
					clean(t, &s.m)
				})
			})
		}
	}
}

// Each class that waits gets a twentieth, by what its requests take.
func TestNoClassStarves(t *testing.T) {
	const open = 2 * time.Minute
	for _, c := range []struct {
		name   string
		limits limit.Limits
		took   time.Duration
		flood  limit.Cost // of an interactive request
		batch  limit.Cost
		share  float64 // of the batch, in requests
	}{
		{"a rate", limit.Limits{RequestsPerSecond: 50}, 10 * time.Millisecond, limit.Cost{}, limit.Cost{}, 0.05},
		{"places", limit.Limits{MaxConcurrent: 8}, 160 * time.Millisecond, limit.Cost{}, limit.Cost{}, 0.05},
		{"tokens", limit.Limits{TokensPerMinute: 3_000_000}, 10 * time.Millisecond, limit.Cost{Input: 1000}, limit.Cost{Input: 1000}, 0.05},
		{"tokens, of which a batch takes much", limit.Limits{TokensPerMinute: 3_000_000}, 10 * time.Millisecond, limit.Cost{Input: 1000}, limit.Cost{Input: 10_000}, 0.0052},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := openShop(t, c.limits, c.took, open)
				s.workers(64, limit.Batch, c.batch)
				time.Sleep(time.Second)
				s.every(10*time.Millisecond, limit.Normal, c.flood) // twice what passes
				time.Sleep(2 * time.Second)
				s.mu.Lock()
				clear(s.done)
				s.mu.Unlock()
				s.wg.Wait()
				got := float64(s.done[limit.Batch]) / float64(s.done[limit.Batch]+s.done[limit.Normal])
				if got < 0.8*c.share || got > 1.2*c.share {
					t.Errorf("the batch got %.2f%% of what passed, want %.2f%%", 100*got, 100*c.share)
				}
				clean(t, &s.m)
			})
		})
	}
}

// TestDeadlinesAmongPriorities has a batch wait whose requests have a deadline: who
// cannot make it behind what waits above is told at once, and who was let in is not
// overtaken so often that it is late.
func TestDeadlinesAmongPriorities(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openShop(t, limit.Limits{RequestsPerSecond: 10, Burst: 1}, time.Millisecond, time.Hour)
		s.call(limit.Normal, limit.Cost{})
		start := time.Now()
		acquire := func(p limit.Priority, within time.Duration) (err error) {
			ctx, cancel := context.WithTimeout(t.Context(), within)
			defer cancel()
			a := s.ask
			a.Priority = p
			permit, err := s.m.Acquire(ctx, a)
			s.m.Settle(permit, good)
			return err
		}
		for range 20 { // they take two seconds
			s.wg.Go(func() { acquire(limit.Normal, time.Hour) })
		}
		synctest.Wait()
		if err := acquire(limit.Batch, time.Second); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) > 0 {
			t.Errorf("got %v after %v, want that a batch of a second is told at once", err, time.Since(start))
		}
		for i := range 10 { // they take another second
			s.wg.Go(func() {
				time.Sleep(time.Duration(i))
				if err := acquire(limit.Batch, 3500*time.Millisecond); err != nil {
					t.Errorf("batch request %d: got %v after %v, want that its time is kept", i, err, time.Since(start))
				}
			})
		}
		time.Sleep(time.Millisecond)
		var overtook int
		var mu sync.Mutex
		for range 30 { // they would take six
			s.wg.Go(func() {
				if acquire(limit.Normal, time.Hour) == nil && time.Since(start) < 2300*time.Millisecond {
					mu.Lock()
					overtook++
					mu.Unlock()
				}
			})
		}
		s.wg.Wait()
		if overtook == 0 {
			t.Error("nobody went before the batch while there was time for that")
		}
		clean(t, &s.m)
	})
}

// TestMaxQueueOfEachPriority fills the queue of a batch: a person still finds room.
func TestMaxQueueOfEachPriority(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openShop(t, limit.Limits{MaxConcurrent: 1}, 0, time.Hour)
		s.ask.MaxQueue = 3
		first := now(t, &s.m, s.ask)
		ctx, cancel := context.WithCancel(t.Context())
		for _, p := range []limit.Priority{limit.Batch, limit.Normal, limit.Urgent} {
			a := s.ask
			a.Priority = p
			for range 3 {
				go s.m.Acquire(ctx, a)
			}
			synctest.Wait()
			if _, err := s.m.Acquire(t.Context(), a); !errors.Is(err, limit.ErrThrottled) {
				t.Errorf("%v: got %v, want that a fourth finds no room", p, err)
			}
		}
		for _, k := range s.m.Snapshot() {
			if k.Waiting != 9 || k.Batch != 3 || k.Urgent != 3 {
				t.Errorf("%+v: got %d that wait, %d of a batch, %d urgent; want 9, 3, 3", k.Key, k.Waiting, k.Batch, k.Urgent)
			}
		}
		cancel()
		synctest.Wait()
		s.m.Settle(first, good)
		clean(t, &s.m)
	})
}

// TestProbesAreOfTheLowestPriority has requests of all classes wait for what fails.
func TestProbesAreOfTheLowestPriority(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m Memory
		meet(t, &m)
		fail(t, &m, testHost, 60)
		probes := make(chan string, 20)
		ctx, cancel := context.WithCancel(t.Context())
		come := func(name string, p limit.Priority, repeatable bool) {
			go func() {
				permit, err := m.Acquire(ctx, limit.Ask{Key: testHost, Priority: p, Repeatable: repeatable, OutageWait: time.Hour})
				if err == nil {
					probes <- name
					failed(&m, permit, testHost, 0)
				}
			}()
			synctest.Wait()
		}
		come("a person", limit.Normal, true)
		come("an urgent one", limit.Urgent, true)
		come("a batch's that may not be repeated", limit.Batch, false)
		come("a batch's", limit.Batch, true)
		come("a person", limit.Normal, true)
		for _, want := range []string{"a batch's", "a batch's that may not be repeated", "a person", "a person", "an urgent one"} {
			if got := <-probes; got != want {
				t.Errorf("got %s as a probe, want %s", got, want)
			}
		}
		cancel()
		synctest.Wait()
		clean(t, &m)
	})
}

// TestABatchLeavesThePlaceOnlyForSomebody has a batch take all places where nobody of a
// higher class has come for a minute, and the only place in any case.
func TestABatchLeavesThePlaceOnlyForSomebody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openShop(t, limit.Limits{MaxConcurrent: 3}, 0, time.Hour)
		batch := s.ask
		batch.Priority = limit.Batch
		p := []limit.Permit{now(t, &s.m, batch), now(t, &s.m, batch), now(t, &s.m, batch)}
		for i := range p {
			s.m.Settle(p[i], good)
		}
		s.m.Settle(now(t, &s.m, s.ask), good) // somebody comes
		came := time.Now()
		p[0], p[1] = now(t, &s.m, batch), now(t, &s.m, batch)
		var err error
		if p[2], err = s.m.Acquire(t.Context(), batch); err != nil || time.Since(came) != time.Minute {
			t.Errorf("got %v after %v, want that the last place is left over for a minute", err, time.Since(came))
		}
		for i := range p {
			s.m.Settle(p[i], good)
		}
		one := openShop(t, limit.Limits{MaxConcurrent: 1}, 0, time.Hour)
		one.m.Settle(now(t, &one.m, one.ask), good)
		batch.Limits.MaxConcurrent = 1
		one.m.Settle(now(t, &one.m, batch), good)
		clean(t, &s.m)
	})
}

// TestThreePrioritiesCostNoMore lets ten thousand wait and go, in one class and in
// three: that costs no more than half as much again. It works in real time, since that
// is what it measures.
func TestThreePrioritiesCostNoMore(t *testing.T) {
	round := func(classes int) time.Duration {
		h := new(Memory).newHost(testHost.Host)
		h.memory, h.answered = new(Memory), true
		r := rand.New(rand.NewPCG(1, 2))
		began := time.Now()
		t0 := monotime.Now()
		var all []*waiter
		for range manyWaiters {
			a := limit.Ask{Key: testHost, LimitsKey: testHost, Limits: limit.Limits{RequestsPerSecond: 1e6, Burst: 1}, Priority: limit.Priority(r.IntN(classes) - classes/2)}
			w := h.arrives(&a)
			w.done, w.waits, w.deadline, w.came = make(chan struct{}), true, t0.Add(time.Hour), t0
			h.arrived++
			w.blocker(t0)
			w.count(0, 1)
			h.keyState.enqueue(&w)
			all = append(all, &w)
		}
		for n := range all {
			h.keyState.run(t0.Add(time.Duration(n+1) * time.Microsecond))
		}
		h.keyState.run(t0.Add(time.Second))
		took := time.Since(began)
		for _, w := range all {
			select {
			case <-w.done:
			default:
				t.Fatal("one still waits")
			}
		}
		h.keyState.disarm()
		return took
	}
	// By turns, and by the middle of all: the machine has other things to do, and a round
	// that it left alone is luck for whichever it was.
	var one, three []time.Duration
	middle := func(all []time.Duration) time.Duration { return slices.Sorted(slices.Values(all))[len(all)/2] }
	for i := 0; i < 31 || i < 301 && middle(three) > middle(one)*3/2; i++ {
		one, three = append(one, round(1)), append(three, round(3))
	}
	t.Logf("one class: %v, three: %v", middle(one), middle(three))
	if middle(three) > middle(one)*3/2 {
		t.Errorf("three classes cost %v, want at most one and a half times the %v of one", middle(three), middle(one))
	}
}
