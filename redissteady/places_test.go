package redissteady_test

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/steadyhttp/steadyhttp/limit"
	"github.com/steadyhttp/steadyhttp/redissteady"
)

// No more are under way at once than may be, in all processes together, and a
// place that is freed goes on at once.
func TestProcessesSharePlaces(t *testing.T) {
	server := startRedis(t)
	limiters := []*redissteady.Limiter{limiterOn(t, server.client()), limiterOn(t, server.client()), limiterOn(t, server.client())}
	const most, jobs, service = 4, 60, 20 * time.Millisecond
	ask := asking(limit.Limits{MaxConcurrent: most})
	var now, peak atomic.Int32
	var wg sync.WaitGroup
	start := time.Now()
	for i := range jobs {
		wg.Go(func() {
			l := limiters[i%len(limiters)]
			p := acquire(t, l, ask)
			n := now.Add(1)
			for old := peak.Load(); n > old && !peak.CompareAndSwap(old, n); old = peak.Load() {
			}
			time.Sleep(service)
			now.Add(-1)
			l.Settle(p, good)
		})
	}
	wg.Wait()
	if got := peak.Load(); got != most {
		t.Errorf("got %d under way at once, want %d", got, most)
	}
	ideal := jobs / most * service
	took := time.Since(start)
	t.Logf("%d jobs of %s, %d at once: %s, %.2f times the ideal", jobs, service, most, took, float64(took)/float64(ideal))
	longest := 2 * ideal
	if raceEnabled {
		longest = 3 * ideal
	}
	if took > longest {
		t.Errorf("took %s, want not much more than %s", took, ideal)
	}
}

// The places of a process that has died are free again in the time of a lease,
// and those that it waited for are not given to it.
func TestPlacesDieWithTheirHolder(t *testing.T) {
	t.Parallel()
	server := startRedis(t)
	dying := server.client()
	dead, alive := limiterOn(t, dying), limiterOn(t, server.client())
	ask := asking(limit.Limits{MaxConcurrent: 2})
	acquire(t, dead, ask)
	acquire(t, dead, ask)
	for range 3 {
		go dead.Acquire(t.Context(), ask)
	}
	time.Sleep(50 * time.Millisecond)
	dying.Close() // from now on it shows no sign of life
	start := time.Now()
	for range 2 {
		acquire(t, alive, ask)
	}
	took := time.Since(start)
	t.Logf("places were free %s after their holder's death", took)
	if took > 15*time.Second {
		t.Errorf("took %s, want a lease's 10 s and little more", took)
	}
}

// A place that is held for longer than a lease stays held.
func TestPlacesAreRenewed(t *testing.T) {
	t.Parallel()
	server := startRedis(t)
	a, b := limiterOn(t, server.client()), limiterOn(t, server.client())
	ask := asking(limit.Limits{MaxConcurrent: 1})
	p := acquire(t, a, ask)
	ctx, cancel := context.WithTimeout(t.Context(), 11*time.Second)
	defer cancel()
	if p, err := b.Acquire(ctx, ask); err == nil {
		t.Errorf("got a place while another had it: %+v", p)
	}
	a.Settle(p, good)
	start := time.Now()
	acquire(t, b, ask)
	if took := time.Since(start); took > 500*time.Millisecond { // a place whose sign of life came last is free after seconds
		t.Errorf("waited %s for a place that is free", took)
	}
}

// A word that was lost is made up for by the sign of life.
func TestLostWords(t *testing.T) {
	t.Parallel()
	server := startRedis(t)
	client := server.client()
	a, b := limiterOn(t, server.client()), limiterOn(t, server.client())
	ask := asking(limit.Limits{MaxConcurrent: 1})
	p := acquire(t, a, ask)
	got := make(chan time.Time)
	go func() {
		acquire(t, b, ask)
		got <- time.Now()
	}()
	time.Sleep(50 * time.Millisecond)
	if err := client.FlushAll(t.Context()).Err(); err != nil { // the line and the lease are gone
		t.Fatal(err)
	}
	if err := client.ScriptFlush(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(2500 * time.Millisecond) // a's lease is there again, unless b was first
	start := time.Now()
	a.Settle(p, good)
	if at := <-got; at.After(start.Add(3 * time.Second)) {
		t.Errorf("waited %s, want as long as between two signs of life at most", at.Sub(start))
	}
}

// A slowSign has signs of life take their time on the way to Redis.
type slowSign struct {
	sent  chan struct{} // has one for each
	delay time.Duration
}

func (h slowSign) DialHook(next redis.DialHook) redis.DialHook { return next }
func (h slowSign) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

func (h slowSign) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		args := cmd.Args()
		if text, ok := args[len(args)-1].([]byte); ok && strings.Contains(string(text), `"held":["`) {
			h.sent <- struct{}{}
			time.Sleep(h.delay)
		}
		return next(ctx, cmd)
	}
}

// A sign of life that is on its way when a request ends, and names its place,
// does not take the place again.
func TestASignOfLifeTakesNoFreedPlace(t *testing.T) {
	t.Parallel()
	client := startRedis(t).client()
	slow := slowSign{make(chan struct{}, 10), 200 * time.Millisecond}
	client.AddHook(slow)
	l := &redissteady.Limiter{Client: client, Timeout: 5 * time.Second}
	t.Cleanup(func() { l.Close() })
	ask := asking(limit.Limits{MaxConcurrent: 1})
	p := acquire(t, l, ask)
	<-slow.sent
	l.Settle(p, good)
	time.Sleep(2 * slow.delay)
	start := time.Now()
	acquire(t, l, ask)
	if took := time.Since(start); took > 100*time.Millisecond {
		t.Errorf("waited %s for a place that is free", took)
	}
}
