package redissteady_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/steadyhttp/steadyhttp/limit"
	"github.com/steadyhttp/steadyhttp/redissteady"
)

// A fleetShop is four processes whose limits a person and a batch share.
type fleetShop struct {
	t    *testing.T
	all  []*redissteady.Limiter
	ask  limit.Ask
	took time.Duration // by each request
	most float64       // requests that are answered in a second; the others are refused, 0 answers all
	wg   sync.WaitGroup
	end  time.Time

	mu     sync.Mutex // guards what follows
	done   map[limit.Priority]int
	waited map[limit.Priority][]time.Duration
	level  float64 // what may be answered at that time
	at     time.Time
}

// refuses reports whether the server refuses a request that comes now, and counts it.
func (s *fleetShop) refuses() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	s.level, s.at = min(s.level+s.most*now.Sub(s.at).Seconds(), s.most/10), now
	if s.most == 0 || s.level >= 1 {
		s.level--
		return false
	}
	return true
}

func openFleetShop(t *testing.T, limits limit.Limits, took time.Duration) *fleetShop {
	server := startRedis(t)
	s := &fleetShop{t: t, ask: asking(limits), took: took, done: map[limit.Priority]int{}, waited: map[limit.Priority][]time.Duration{}}
	for range processes {
		s.all = append(s.all, limiterOn(t, server.client()))
	}
	return s
}

// call has one of p go over the n-th process.
func (s *fleetShop) call(n int, p limit.Priority, cost limit.Cost) {
	a := s.ask
	a.Priority, a.Cost = p, cost
	ctx, cancel := context.WithCancel(s.t.Context())
	defer time.AfterFunc(time.Until(s.end)+time.Second, cancel).Stop()
	l := s.all[n%len(s.all)]
	began := time.Now()
	permit, err := l.Acquire(ctx, a)
	if err != nil {
		if !errors.Is(err, context.Canceled) {
			s.t.Errorf("%v: got %v, want a permit", p, err)
		}
		return
	}
	if s.refuses() {
		l.Observe(permit, limit.Observation{Key: a.Key, Signal: limit.SignalRefused})
		l.Settle(permit, limit.Outcome{Signal: limit.SignalRefused, Refund: true})
		return
	}
	s.mu.Lock()
	if time.Now().Before(s.end) {
		s.done[p]++
		s.waited[p] = append(s.waited[p], time.Since(began))
	}
	s.mu.Unlock()
	time.Sleep(s.took)
	l.Settle(permit, good)
}

// workers send one request after the other.
func (s *fleetShop) workers(n int, p limit.Priority, cost limit.Cost) {
	for i := range n {
		s.wg.Go(func() {
			for time.Now().Before(s.end) {
				s.call(i, p, cost)
			}
		})
	}
}

// every has one of p come at that pace.
func (s *fleetShop) every(d time.Duration, p limit.Priority, cost limit.Cost) {
	s.wg.Go(func() {
		for i := 0; time.Now().Before(s.end); i++ {
			s.wg.Go(func() { s.call(i, p, cost) })
			time.Sleep(d)
		}
	})
}

// steady requires that Redis was never away.
func (s *fleetShop) steady() {
	s.t.Helper()
	for i, l := range s.all {
		for _, k := range l.Snapshot() {
			if k.Key.Host == "redis" {
				s.t.Errorf("process %d: %v: %v", i, k.GateError, errors.Unwrap(k.GateError))
			}
		}
	}
}

// A person who shares a limit with a batch hardly notices it, in whatever process
// either is, and the batch gets what the person leaves.
func TestAPersonNeverWaitsBehindABatch(t *testing.T) {
	const open = 8 * time.Second
	for _, c := range []struct {
		name   string
		limits limit.Limits
		took   time.Duration
		each   limit.Cost
		n      int
		most   time.Duration // that the person waits
		rest   float64       // that passes in all in a second
	}{
		{"50 requests a second beside 64", limit.Limits{RequestsPerSecond: 50, Burst: 1}, 10 * time.Millisecond, limit.Cost{}, 64, 150 * time.Millisecond, 50},
		{"50 requests a second beside 1000", limit.Limits{RequestsPerSecond: 50, Burst: 1}, 10 * time.Millisecond, limit.Cost{}, 1000, 150 * time.Millisecond, 50},
		{"tokens for 50 a second beside 256", limit.Limits{TokensPerMinute: 3_000_000}, 10 * time.Millisecond, limit.Cost{Input: 1000}, 256, 150 * time.Millisecond, 50},
		{"eight places beside 256", limit.Limits{MaxConcurrent: 8}, 100 * time.Millisecond, limit.Cost{}, 256, 100 * time.Millisecond, 70},
	} {
		t.Run(c.name, func(t *testing.T) {
			for n := 1; ; n++ { // where the machine stands still for a moment, times say nothing
				s := openFleetShop(t, c.limits, c.took)
				s.end = time.Now().Add(open)
				s.workers(c.n, limit.Batch, c.each)
				time.Sleep(time.Second)
				s.mu.Lock()
				clear(s.done)
				s.mu.Unlock()
				s.every(130*time.Millisecond, limit.Normal, c.each)
				s.wg.Wait()
				s.steady()
				p99 := percentile(s.waited[limit.Normal], 99)
				left := c.rest*(open-time.Second).Seconds() - float64(s.done[limit.Normal])
				t.Logf("the person: %d, 99%% within %v; the batch: %d, of %.0f", s.done[limit.Normal], p99, s.done[limit.Batch], left)
				if p99 <= c.most && float64(s.done[limit.Batch]) >= 0.95*left {
					break
				}
				if n == 3 {
					t.Errorf("got a 99th percentile of %v and %d for the batch, want at most %v and nearly all of the %.0f that were left", p99, s.done[limit.Batch], c.most, left)
					break
				}
			}
		})
	}
}

// So it is while Redis is away, with the part of the limits that each process has then.
func TestAPersonNeverWaitsBehindABatchWhileRedisIsAway(t *testing.T) {
	for n := 1; ; n++ { // where the machine stands still for a moment, times say nothing
		server := startRedis(t)
		s := &fleetShop{t: t, ask: asking(limit.Limits{RequestsPerSecond: 100, Burst: 1}), took: 10 * time.Millisecond, done: map[limit.Priority]int{}, waited: map[limit.Priority][]time.Duration{}}
		for range 2 {
			l := limiterOn(t, server.client())
			l.Share = 0.5
			s.all = append(s.all, l)
		}
		s.end = time.Now().Add(6 * time.Second)
		s.workers(128, limit.Batch, limit.Cost{})
		time.Sleep(time.Second)
		server.kill()
		time.Sleep(time.Second)
		s.mu.Lock()
		clear(s.done)
		s.mu.Unlock()
		s.every(130*time.Millisecond, limit.Normal, limit.Cost{})
		s.wg.Wait()
		p99 := percentile(s.waited[limit.Normal], 99)
		left := 4*100 - s.done[limit.Normal]
		t.Logf("the person: %d, 99%% within %v; the batch: %d, of %d", s.done[limit.Normal], p99, s.done[limit.Batch], left)
		if p99 <= 150*time.Millisecond && 100*s.done[limit.Batch] >= 90*left {
			break
		}
		if n == 3 {
			t.Errorf("got a 99th percentile of %v and %d for the batch, want at most 150ms and nearly all of the %d that were left", p99, s.done[limit.Batch], left)
			break
		}
	}
}

// However many others come, a batch gets its twentieth.
func TestNoClassStarves(t *testing.T) {
	for name, c := range map[string]struct {
		limits limit.Limits
		most   float64
	}{
		"a rate":               {limit.Limits{RequestsPerSecond: 100, Burst: 1}, 0},
		"places":               {limit.Limits{MaxConcurrent: 4}, 0},
		"a rate that is found": {limit.Limits{}, 100},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			least, most := 4.0, 6.5
			if c.most > 0 {
				least, most = 3, 8 // few pass in that time, until the rate has grown
			}
			for n := 1; ; n++ { // where the machine stands still for a moment, shares say nothing
				share := batchShare(t, c.limits, c.most)
				if least <= share && share <= most {
					break
				}
				if n == 3 {
					t.Errorf("the batch got %.1f%%, want 5%%", share)
					break
				}
			}
		})
	}
}

// batchShare is how many in a hundred requests are a batch's where twice as many others
// come as pass. most is what the server answers in a second; 0 is all.
func batchShare(t *testing.T, limits limit.Limits, most float64) float64 {
	s := openFleetShop(t, limits, 40*time.Millisecond) // 100 a second over four places
	s.most = most
	s.end = time.Now().Add(8 * time.Second)
	s.workers(16, limit.Batch, limit.Cost{})
	time.Sleep(time.Second)
	s.every(5*time.Millisecond, limit.Normal, limit.Cost{}) // twice what passes
	time.Sleep(time.Second)
	s.mu.Lock()
	clear(s.done)
	s.mu.Unlock()
	s.wg.Wait()
	s.steady()
	share := 100 * float64(s.done[limit.Batch]) / float64(s.done[limit.Batch]+s.done[limit.Normal])
	t.Logf("the batch got %.1f%% of %v", share, s.done)
	return share
}
