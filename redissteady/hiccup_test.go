package redissteady_test

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/steadyhttp/steadyhttp/limit"
	"github.com/steadyhttp/steadyhttp/redissteady"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

// callAll has callers of each Limiter call all the time until stop, each call for
// 10 ms. It returns the count of calls.
func callAll(t *testing.T, callers int, limits limit.Limits, limiters ...*redissteady.Limiter) (calls *atomic.Int64, stop func()) {
	calls = new(atomic.Int64)
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for _, l := range limiters {
		for range callers {
			wg.Go(func() {
				for ctx.Err() == nil {
					p, err := l.Acquire(ctx, asking(limits))
					if err != nil {
						continue
					}
					time.Sleep(10 * time.Millisecond)
					calls.Add(1)
					l.Settle(p, good)
				}
			})
		}
	}
	return calls, func() {
		cancel()
		wg.Wait()
	}
}

// While Redis stands still, calls are asked for of which nobody waits for the
// answer. They keep no place and no turn once it goes on.
func TestNoPlaceIsNobodys(t *testing.T) {
	server := startRedis(t)
	client := server.client()
	limits := limit.Limits{MaxConcurrent: 6}
	calls, stop := callAll(t, 16, limits, limiterOn(t, server.client()), limiterOn(t, server.client()))
	defer stop()
	time.Sleep(time.Second)
	must(t, server.cmd.Process.Signal(syscall.SIGSTOP))
	time.Sleep(time.Second)
	must(t, server.cmd.Process.Signal(syscall.SIGCONT))
	time.Sleep(2 * time.Second)
	now := float64(client.Time(t.Context()).Val().UnixNano()) / 1e9
	leases, err := client.ZRangeWithScores(t.Context(), "steadyhttp:{"+host+"}:credential=4d:leases", 0, -1).Result()
	must(t, err)
	for _, l := range leases {
		if held := now + 10 - l.Score; held > 1 {
			t.Errorf("%v has held a place for %.1f s, each call takes 10 ms", l.Member, held)
		}
	}
	before := calls.Load()
	time.Sleep(time.Second)
	if n := calls.Load() - before; n < 50 { // of 600; none with ghosts in the line
		t.Errorf("got %d calls in a second, two after Redis was back", n)
	}
}

// A Redis that answers and refuses is told of once, tried less and less often, and
// told of again when it takes what is written.
func TestRedisRefuses(t *testing.T) {
	t.Parallel()
	server := startRedis(t)
	client := server.client()
	must(t, client.ConfigSet(t.Context(), "maxmemory", "1").Err())
	core, logs := observer.New(zap.InfoLevel)
	l := limiterOn(t, server.client())
	l.Zap = zap.New(core)
	n, stop := callAll(t, 2, limit.Limits{RequestsPerSecond: 50, Burst: 1}, l)
	defer stop()
	time.Sleep(4 * time.Second)
	if all := logs.All(); len(all) != 1 || !strings.Contains(all[0].Message, "refuses") {
		t.Errorf("got the log %v, want one line that Redis refuses", all)
	}
	if tries := calls(t, client, "evalsha"); tries > 12 {
		t.Errorf("it was tried %d times in 4 s, want a few", tries)
	}
	if n.Load() < 100 {
		t.Errorf("got %d calls in 4 s at 50 a second", n.Load())
	}
	must(t, client.ConfigSet(t.Context(), "maxmemory", "0").Err())
	time.Sleep(2 * time.Second)
	if all := logs.All(); len(all) != 2 || !strings.Contains(all[1].Message, "back") {
		t.Errorf("got the log %v, want one more line that Redis is back", all)
	}
	must(t, client.ConfigSet(t.Context(), "maxmemory", "1").Err()) // as one that is full now and not full then
	time.Sleep(time.Second)
	if all := logs.All(); len(all) != 2 {
		t.Errorf("got the log %v, want no more lines within a minute", all)
	}
}

// The user that README names has the rights that all of it needs, and no others.
func TestLeastRights(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("README.md")
	must(t, err)
	user := regexp.MustCompile(`ACL SETUSER steadyhttp on >password (.*)`).FindStringSubmatch(string(text))
	if user == nil {
		t.Fatal("README.md names no user")
	}
	server := startRedis(t)
	args := []any{"ACL", "SETUSER", "steadyhttp", "on", ">password"}
	for _, right := range strings.Fields(user[1]) {
		args = append(args, right)
	}
	admin := server.client()
	must(t, admin.Do(t.Context(), args...).Err())
	client := redis.NewClient(&redis.Options{Addr: server.addr, Username: "steadyhttp", Password: "password"})
	t.Cleanup(func() { client.Close() })
	l, logs := observed(t, server)
	l.Client = client
	ask := asking(limit.Limits{RequestsPerSecond: 1000, TokensPerMinute: 1e6, MaxConcurrent: 1})
	for i := range 5 {
		p := acquire(t, l, ask)
		waiting := make(chan struct{})
		go func() {
			l.Settle(acquire(t, l, ask), good)
			close(waiting)
		}()
		time.Sleep(20 * time.Millisecond)
		k := limit.Key{Host: host, Route: fmt.Sprint("GET /", i)}
		l.Observe(p, limit.Observation{Key: k, Unit: "requests", Limit: 100, Remaining: 50, Window: time.Minute, Reset: -1})
		l.Observe(p, limit.Observation{Key: k, Signal: limit.SignalFailing, Hold: time.Millisecond})
		l.Settle(p, limit.Outcome{Refund: true})
		<-waiting
	}
	must(t, admin.Do(t.Context(), "CLIENT", "PAUSE", "600", "ALL").Err()) // Redis is away and comes back
	l.Settle(acquire(t, l, ask), good)
	time.Sleep(1500 * time.Millisecond)
	l.Settle(acquire(t, l, ask), good)
	if n := logs.FilterMessageSnippet("back").Len(); n != 1 || logs.Len() != 2 {
		t.Errorf("got the log %v, want that Redis was away once, and is back", logs.All())
	}
	for _, command := range [][]any{{"FLUSHALL"}, {"CONFIG", "GET", "*"}, {"GET", "others:key"}, {"KEYS", "*"}} {
		if err := client.Do(t.Context(), command...).Err(); err == nil || !strings.Contains(err.Error(), "NOPERM") {
			t.Errorf("%v: got error %v, want that it is not allowed", command, err)
		}
	}
}

// A route that fails holds back nobody else, until three of a host's do; and once
// they do, whose route has not failed goes at once.
func TestRoutesFail(t *testing.T) {
	t.Parallel()
	server := startRedis(t)
	a, b := limiterOn(t, server.client()), limiterOn(t, server.client())
	on := func(route string) limit.Ask {
		return limit.Ask{Key: limit.Key{Host: host, Credential: 77, Route: route}, OutageWait: time.Minute}
	}
	fail := func(route string, n int) {
		for range n {
			p := acquire(t, a, on(route))
			a.Observe(p, limit.Observation{Key: p.Key, Signal: limit.SignalFailing})
			a.Settle(p, limit.Outcome{})
			time.Sleep(20 * time.Millisecond)
		}
	}
	gate := func(k limit.Key) string {
		for _, s := range b.Snapshot() {
			if s.Key == k {
				return s.Gate
			}
		}
		return ""
	}
	goesAtOnce := func(route string) {
		t.Helper()
		start := time.Now()
		b.Settle(acquire(t, b, on(route)), limit.Outcome{})
		if took := time.Since(start); took > 90*time.Millisecond {
			t.Errorf("%s waited %s", route, took)
		}
	}
	b.Settle(acquire(t, b, on("GET /works")), good)
	time.Sleep(20 * time.Millisecond)
	fail("GET /dead", 5)
	goesAtOnce("GET /works")
	b.Settle(acquire(t, b, on("GET /dead")), limit.Outcome{}) // a probe
	if got := gate(on("GET /dead").Key); got != limit.GateFailing {
		t.Errorf("got the gate %q of the route that fails, want failing", got)
	}
	if got := gate(limit.Key{Host: host}); got != "" {
		t.Errorf("got the gate %q of the host, one route of which fails, want none", got)
	}
	fail("GET /second", 1)
	fail("GET /third", 1)
	goesAtOnce("GET /works")
	if got := gate(limit.Key{Host: host}); got != limit.GateFailing {
		t.Errorf("got the gate %q of the host, three routes of which fail, want failing", got)
	}
}
