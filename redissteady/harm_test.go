package redissteady_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/steadyhttp/steadyhttp/limit"
	"github.com/steadyhttp/steadyhttp/redissteady"
)

// admitted returns how many of a crowd are let through at once and in the time
// after it.
func admitted(t *testing.T, l *redissteady.Limiter, ask limit.Ask, within time.Duration) int {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	n := 0
	for {
		p, err := l.Acquire(ctx, ask)
		if err != nil {
			return n
		}
		n++
		l.Settle(p, good)
	}
}

// What happens to Redis beside a crash costs one burst at the most, and nobody
// has to wait for long.
func TestHarmToRedis(t *testing.T) {
	const perSecond, burst = 100, 10
	state := "steadyhttp:{" + host + "}:credential=4d"
	for _, row := range []struct {
		name string
		harm func(t *testing.T, c *redis.Client)
	}{
		{"nothing", func(*testing.T, *redis.Client) {}},
		{"scripts flushed", func(t *testing.T, c *redis.Client) { must(t, c.ScriptFlush(t.Context()).Err()) }},
		{"an evicted key", func(t *testing.T, c *redis.Client) { must(t, c.Del(t.Context(), state).Err()) }},
		{"all flushed", func(t *testing.T, c *redis.Client) { must(t, c.FlushAll(t.Context()).Err()) }},
		{"a key that holds something else", func(t *testing.T, c *redis.Client) {
			must(t, c.Set(t.Context(), state, "not a state", 0).Err())
		}},
		{"all connections cut", func(t *testing.T, c *redis.Client) {
			must(t, c.Do(t.Context(), "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes").Err())
			must(t, c.Do(t.Context(), "CLIENT", "KILL", "TYPE", "pubsub").Err())
		}},
		{"the clock an hour on", func(t *testing.T, c *redis.Client) { jump(t, c, time.Hour) }},
		{"the clock an hour back", func(t *testing.T, c *redis.Client) { jump(t, c, -time.Hour) }},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			server := startRedis(t)
			client := server.client()
			l, logs := observed(t, server)
			ask := asking(limit.Limits{RequestsPerSecond: perSecond, Burst: burst})
			admitted(t, l, ask, 100*time.Millisecond) // the burst is used up
			var wg sync.WaitGroup
			for range 20 { // a line of 200 ms
				wg.Go(func() { l.Settle(acquire(t, l, ask), good) })
			}
			time.Sleep(20 * time.Millisecond)
			row.harm(t, client)
			start := time.Now()
			n := admitted(t, l, ask, 500*time.Millisecond)
			wg.Wait()
			most := int(time.Since(start).Seconds()*perSecond) + burst + 2 // and what the line had coming
			t.Logf("%d let through in %s, at most %d wanted", n, time.Since(start).Round(time.Millisecond), most)
			least := 25
			if raceEnabled {
				least = 15 // eight servers and the race detector are slow on two cores
			}
			if n > most || n < least {
				t.Errorf("got %d let through, want %d to %d", n, least, most)
			}
			if n := logs.Len(); n > 0 {
				t.Errorf("Redis was taken to be away: %v", logs.All())
			}
		})
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// jump does to what is kept what a clock that is set forward by d does: all that
// was, was longer ago by d.
func jump(t *testing.T, c *redis.Client, d time.Duration) {
	t.Helper()
	const script = `
		local function move(v)
			for field, x in pairs(v) do
				if type(x) == 'table' then move(x)
				elseif type(x) == 'number' and x > 1e9 then v[field] = x - ARGV[1] end
			end
		end
		local raw = redis.call('GET', KEYS[1])
		local s = cmsgpack.unpack(raw)
		move(s)
		redis.call('SET', KEYS[1], cmsgpack.pack(s), 'KEEPTTL')
		return 1`
	keys, err := c.Keys(t.Context(), "steadyhttp:*").Result()
	must(t, err)
	for _, k := range keys {
		if !strings.HasSuffix(k, ":alive") {
			must(t, c.Eval(t.Context(), script, []string{k}, fmt.Sprint(d.Seconds())).Err())
		}
	}
}

// A replica takes over that knows of nothing, as the old one had no time to
// tell it: calls go on.
func TestFailover(t *testing.T) {
	t.Parallel()
	primary := startRedis(t, "--repl-diskless-sync-delay", "0")
	replica := startRedis(t)
	to := replica.client()
	_, port, _ := strings.Cut(primary.addr, ":")
	must(t, to.ReplicaOf(t.Context(), "127.0.0.1", port).Err())
	for !strings.Contains(to.Info(t.Context(), "replication").Val(), "master_link_status:up") {
		time.Sleep(10 * time.Millisecond)
	}
	addr := primary.addr
	var mu sync.Mutex
	client := redis.NewClient(&redis.Options{Addr: "one", Dialer: func(ctx context.Context, network, _ string) (net.Conn, error) {
		mu.Lock()
		defer mu.Unlock()
		return new(net.Dialer).DialContext(ctx, network, addr)
	}})
	t.Cleanup(func() { client.Close() })
	l := limiterOn(t, client)
	ask := asking(limit.Limits{RequestsPerSecond: 100, Burst: 10})
	if n := admitted(t, l, ask, 300*time.Millisecond); n < 30 || n > 45 {
		t.Errorf("got %d let through by the primary, want about 40", n)
	}
	must(t, to.ReplicaOf(t.Context(), "NO", "ONE").Err())
	mu.Lock()
	addr = replica.addr
	mu.Unlock()
	primary.kill()
	if n := admitted(t, l, ask, 2*time.Second); n < 150 || n > 215 {
		t.Errorf("got %d let through in the two seconds after the failover, want about 200", n)
	}
	if got := calls(t, to, "evalsha"); got < 50 {
		t.Errorf("the replica took %d calls since, want most of them", got)
	}
}

// All that one call touches is in one slot, whatever the host is called.
func TestOneSlot(t *testing.T) {
	t.Parallel()
	server := startRedis(t, "--cluster-enabled", "yes")
	client := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{server.addr}})
	t.Cleanup(func() { client.Close() })
	single := server.client()
	must(t, single.Do(t.Context(), "CLUSTER", "ADDSLOTSRANGE", 0, 16383).Err())
	for !strings.Contains(single.ClusterInfo(t.Context()).Val(), "cluster_state:ok") {
		time.Sleep(10 * time.Millisecond)
	}
	l := limiterOn(t, client)
	for _, host := range []string{"api.example.com:443", "", "{", "}", "}{a}", "a{b}c", "%7D", strings.Repeat("long", 100)} {
		key := limit.Key{Host: host, Credential: 7, Model: "gpt-4o", Bucket: "POST /{x}"}
		ask := limit.Ask{Key: key, LimitsKey: limit.Key{Host: host, Credential: 7}, Limits: limit.Limits{RequestsPerMinute: 600, TokensPerMinute: 1e6, MaxConcurrent: 2}}
		for range 4 {
			p := acquire(t, l, ask)
			l.Observe(p, limit.Observation{Key: key, Unit: "requests", Limit: 100, Remaining: 50, Window: time.Minute, Reset: -1})
			l.Observe(p, limit.Observation{Key: key, Hold: time.Millisecond})
			l.Settle(p, limit.Outcome{Signal: limit.SignalGood, Refund: true})
		}
	}
	for _, k := range l.Snapshot() {
		if k.Key.Host == "redis" {
			t.Errorf("Redis was taken to be away: %v", errors.Unwrap(k.GateError))
		}
	}
}
