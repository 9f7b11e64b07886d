package redissteady_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/steadyhttp/steadyhttp"
	"github.com/steadyhttp/steadyhttp/limit"
	"github.com/steadyhttp/steadyhttp/redissteady"
)

const host = "api.example.com"

// limiterOn returns a Limiter as one process has it.
func limiterOn(t testing.TB, client redis.UniversalClient) *redissteady.Limiter {
	l := &redissteady.Limiter{Client: client}
	t.Cleanup(func() { l.Close() })
	return l
}

// asking is what a request of a user with those limits asks.
func asking(limits limit.Limits) limit.Ask {
	k := limit.Key{Host: host, Credential: 77}
	return limit.Ask{Key: k, LimitsKey: k, Limits: limits}
}

func acquire(t testing.TB, l *redissteady.Limiter, a limit.Ask) limit.Permit {
	t.Helper()
	p, err := l.Acquire(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

var good = limit.Outcome{Signal: limit.SignalGood}

// Two processes take turns, whoever comes first, at the rate of one limit.
func TestProcessesShareARate(t *testing.T) {
	t.Parallel()
	server := startRedis(t)
	a, b := limiterOn(t, server.client()), limiterOn(t, server.client())
	ask := asking(limit.Limits{RequestsPerSecond: 20, Burst: 2})
	start := time.Now()
	var mu sync.Mutex
	var order []int
	var wg sync.WaitGroup
	for i := range 12 {
		l := a
		if i%2 == 1 {
			l = b
		}
		wg.Go(func() {
			p := acquire(t, l, ask)
			mu.Lock()
			order = append(order, i)
			mu.Unlock()
			l.Settle(p, good)
		})
		time.Sleep(10 * time.Millisecond)
	}
	wg.Wait()
	if took, want := time.Since(start), 500*time.Millisecond; took < want-20*time.Millisecond || took > want+300*time.Millisecond {
		t.Errorf("took %s, want about %s", took, want)
	}
	for i := 3; i < len(order); i++ { // the first go at once, one behind the other
		if order[i] != i {
			t.Fatalf("went in the order %v, want that in which they came", order)
		}
	}
}

func TestAnAdmissionIsOneCall(t *testing.T) {
	server := startRedis(t)
	client := server.client()
	l := limiterOn(t, client)
	ask := asking(limit.Limits{RequestsPerSecond: 1e6, Burst: 1e6})
	const n = 2000
	l.Settle(acquire(t, l, ask), good) // loads the script
	before := calls(t, client, "evalsha")
	// Beside each admission, what a script costs that does nothing: the machine is
	// as busy for the one as for the other.
	nothing := redis.NewScript("return cjson.encode(cjson.decode(ARGV[1]))")
	const question = `{"process":"a1b2c3d4e5f6","id":"1","cost":[1,0,0,0],"scopes":[[2,2]],"limits":[{"unit":1,"limit":1e6,"window":1}]}`
	keys := []string{"steadyhttp:{" + host + "}"}
	must(t, nothing.Load(t.Context(), client).Err())
	times, bare := make([]time.Duration, n), make([]time.Duration, n)
	for i := range times {
		start := time.Now()
		p := acquire(t, l, ask)
		times[i] = time.Since(start)
		l.Settle(p, good)
		start = time.Now()
		must(t, nothing.EvalSha(t.Context(), client, keys, question).Err())
		bare[i] = time.Since(start)
	}
	if got := calls(t, client, "evalsha") - before; got != 2*n {
		t.Errorf("%d admissions took %d script calls, want one each", n, got-n)
	}
	// The further out, the more of it is the machine's and not ours.
	for _, row := range []struct{ percentile, most float64 }{{50, 5}, {90, 8}, {99, 20}} {
		got, least := percentile(times, row.percentile), percentile(bare, row.percentile)
		t.Logf("admission over loopback, one script call each: p%.0f %s, of a script that does nothing %s", row.percentile, got, least)
		if ratio := float64(got) / float64(least); ratio > row.most {
			t.Errorf("p%.0f is %.1f times that of a script that does nothing, want at most %.0f times", row.percentile, ratio, row.most)
		}
	}
	info := l.Snapshot()
	if len(info) != 2 {
		t.Errorf("got %d keys in the snapshot, want the host's and the user's: %+v", len(info), info)
	}
	keys, err := client.Keys(t.Context(), "*").Result()
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range keys {
		size, err := client.MemoryUsage(t.Context(), k).Result()
		if err != nil {
			t.Fatal(err)
		}
		ttl := client.TTL(t.Context(), k).Val()
		t.Logf("%s: %d bytes, expires in %s", k, size, ttl)
		if size >= 1024 {
			t.Errorf("%s takes %d bytes, want less than 1 KiB", k, size)
		}
		if ttl <= 0 {
			t.Errorf("%s does not expire", k)
		}
	}
}

// Who gives up gives back what was promised.
func TestGivingUpGivesBack(t *testing.T) {
	t.Parallel()
	server := startRedis(t)
	l := limiterOn(t, server.client())
	ask := asking(limit.Limits{RequestsPerMinute: 60, MaxConcurrent: 100})
	acquire(t, l, ask)
	ctx, cancel := context.WithCancel(t.Context())
	gaveUp := make(chan error)
	for range 20 {
		go func() {
			_, err := l.Acquire(ctx, ask)
			gaveUp <- err
		}()
	}
	time.Sleep(50 * time.Millisecond)
	cancel()
	for range 20 {
		if err := <-gaveUp; !errors.Is(err, context.Canceled) || errors.Is(err, steadyhttp.ErrThrottled) {
			t.Errorf("got error %v, want that of the context", err)
		}
	}
	time.Sleep(50 * time.Millisecond)
	start := time.Now()
	acquire(t, l, ask)
	if took := time.Since(start); took > 1100*time.Millisecond {
		t.Errorf("waited %s behind those who gave up, want at most a second", took)
	}
}

// What cannot be in time is refused at once, and takes nothing.
func TestDeadlines(t *testing.T) {
	t.Parallel()
	server := startRedis(t)
	l := limiterOn(t, server.client())
	ask := asking(limit.Limits{RequestsPerMinute: 60})
	acquire(t, l, ask)
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	for range 5 {
		start := time.Now()
		_, err := l.Acquire(ctx, ask)
		if !errors.Is(err, steadyhttp.ErrThrottled) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got error %v, want one that is ErrThrottled and DeadlineExceeded", err)
		}
		if took := time.Since(start); took > 100*time.Millisecond {
			t.Errorf("took %s to refuse, want at once", took)
		}
	}
	start := time.Now()
	if p := acquire(t, l, ask); time.Since(start) > 1050*time.Millisecond || p.Waited == 0 || p.Why != "the limit of requests per minute" {
		t.Errorf("got %+v after %s, want a permit after a second at most", p, time.Since(start))
	}
}

func TestMaxQueue(t *testing.T) {
	t.Parallel()
	server := startRedis(t)
	l := limiterOn(t, server.client())
	for _, limits := range []limit.Limits{{RequestsPerMinute: 60}, {MaxConcurrent: 1}} {
		ask := asking(limits)
		ask.LimitsKey.Model, ask.MaxQueue = "m", 3
		acquire(t, l, ask)
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() { l.Acquire(ctx, ask) })
		}
		time.Sleep(50 * time.Millisecond)
		_, err := l.Acquire(ctx, ask)
		if want := "steadyhttp: no permit: the queue is full: 3 requests are waiting"; err == nil || !errors.Is(err, steadyhttp.ErrThrottled) {
			t.Errorf("got error %v, want %q", err, want)
		}
		cancel()
		wg.Wait()
	}
}
