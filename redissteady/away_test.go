package redissteady_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/steadyhttp/steadyhttp"
	"github.com/steadyhttp/steadyhttp/limit"
	"github.com/steadyhttp/steadyhttp/redissteady"
	"github.com/steadyhttp/steadyhttp/steadyhttptest"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

// Redis is killed under four processes of 16 workers, and started again with
// nothing in it one and a half later.
func TestRedisIsKilledAndStartedAgain(t *testing.T) {
	const jobs, before, away = 340, time.Second, 1500 * time.Millisecond
	for _, row := range rows(jobs)[:2] {
		t.Run(row.name, func(t *testing.T) {
			server := startRedis(t)
			row.member.Redis = server.addr
			var refusedBefore, refused, answeredBefore, answered int
			var back time.Duration
			f := fleet{limit: row.limit, service: service, member: row.member, during: func(api *steadyhttptest.Server) {
				time.Sleep(before)
				server.kill()
				answeredBefore, refusedBefore = api.Limited()
				time.Sleep(away)
				server.start()
				started := time.Now()
				client := server.client()
				for alive := int64(0); alive < processes && time.Since(started) < 10*time.Second; time.Sleep(5 * time.Millisecond) {
					keys, _ := client.Keys(context.Background(), "*:alive").Result()
					if len(keys) > 0 {
						alive = client.ZCard(context.Background(), keys[0]).Val()
					}
				}
				back = time.Since(started)
				time.Sleep(2*time.Second - back)
				answered, refused = api.Limited()
			}}
			r := f.run(t)
			gap := refused - refusedBefore
			share := float64(gap) / float64(gap+answered-answeredBefore)
			t.Logf("%s; from the kill to 2 s after the start %d of %d refused, %.2f%%; all processes back after %s",
				r, gap, gap+answered-answeredBefore, 100*share, back.Round(time.Millisecond))
			if r.failed > 0 || r.answered != jobs {
				t.Errorf("got %d answered and %d failed, such as %s; want all answered", r.answered, r.failed, r.err)
			}
			if share >= 0.10 { // a busy machine has had 5.5%
				t.Errorf("got %.2f%% refused in the gap, want under 10%%", 100*share)
			}
			if back >= 2*time.Second {
				t.Errorf("all processes were back %s after the start, want 2 s at most", back)
			}
		})
	}
}

// observed returns a Limiter whose log can be read.
func observed(t *testing.T, server *redisServer) (*redissteady.Limiter, *observer.ObservedLogs) {
	core, logs := observer.New(zap.InfoLevel)
	l := limiterOn(t, server.client())
	l.Zap = zap.New(core)
	return l, logs
}

// When Redis is gone, it is said once in the log and in the Snapshot, and the
// limits are this process's share.
func TestRedisIsGone(t *testing.T) {
	t.Parallel()
	server := startRedis(t)
	l, logs := observed(t, server)
	l.Share = 0.25
	ask := asking(limit.Limits{RequestsPerSecond: 80, MaxConcurrent: 8})
	l.Settle(acquire(t, l, ask), good)
	server.kill()
	start := time.Now()
	for range 20 {
		l.Settle(acquire(t, l, ask), good)
	}
	if took := time.Since(start); took < 900*time.Millisecond || took > 1300*time.Millisecond {
		t.Errorf("20 requests at a quarter of 80 a second took %s, want about a second", took)
	}
	if n := logs.FilterLevelExact(zap.WarnLevel).Len(); n != 1 {
		t.Errorf("the log has %d warnings, want one: %v", n, logs.All())
	}
	var gone, limited bool
	for _, k := range l.Snapshot() {
		gone = gone || k.Key.Host == "redis" && k.Gate == "failing" && errors.Unwrap(k.GateError) != nil
		for _, limit := range k.Limits {
			limited = limited || limit.Unit == "requests" && limit.Limit == 20
		}
	}
	if !gone || !limited {
		t.Errorf("the snapshot does not tell that Redis is away, or not of the share: %+v", l.Snapshot())
	}

	// Back, there is no burst: the bucket begins empty.
	start = time.Now()
	server.start()
	time.Sleep(500 * time.Millisecond)
	if n := logs.FilterLevelExact(zap.InfoLevel).FilterMessageSnippet("back").Len(); n != 1 {
		t.Fatalf("the log does not tell once that Redis is back: %v", logs.All())
	}
	for range 80 {
		l.Settle(acquire(t, l, ask), good)
	}
	if took := time.Since(start); took < 990*time.Millisecond {
		t.Errorf("80 requests at 80 a second were over %s after the start, want a second at least", took)
	}
}

// A Redis that hangs costs one call the timeout, and the others nothing.
func TestRedisHangs(t *testing.T) {
	t.Parallel()
	server := startRedis(t)
	l, _ := observed(t, server)
	l.Timeout = 100 * time.Millisecond
	ask := asking(limit.Limits{RequestsPerSecond: 1000})
	l.Settle(acquire(t, l, ask), good)
	if err := server.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	acquire(t, l, ask)
	if took := time.Since(start); took < 100*time.Millisecond || took > 250*time.Millisecond {
		t.Errorf("the first call took %s, want the timeout", took)
	}
	start = time.Now()
	for range 10 {
		acquire(t, l, ask)
	}
	if took := time.Since(start); took > 150*time.Millisecond {
		t.Errorf("ten more took %s, want no wait for Redis", took)
	}
	server.cmd.Process.Signal(syscall.SIGCONT)
}

func TestStrict(t *testing.T) {
	t.Parallel()
	server := startRedis(t)
	l, _ := observed(t, server)
	l.Strict = true
	ask := asking(limit.Limits{RequestsPerSecond: 1000})
	acquire(t, l, ask)
	server.kill()
	_, err := l.Acquire(t.Context(), ask)
	if !errors.Is(err, redissteady.ErrUnavailable) || errors.Is(err, steadyhttp.ErrThrottled) {
		t.Errorf("got error %v, want ErrUnavailable", err)
	}
}

func TestSettings(t *testing.T) {
	t.Parallel()
	for want, l := range map[string]*redissteady.Limiter{
		"Client is nil": {},
		"Share is 2":    {Client: startRedis(t).client(), Share: 2},
	} {
		if _, err := l.Acquire(t.Context(), asking(limit.Limits{})); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got error %v, want one that says %q", err, want)
		}
		l.Close()
	}
}

// Of a day's requests a process keeps, while Redis is away, to its share of those that
// were left.
func TestADayWithoutRedis(t *testing.T) {
	t.Parallel()
	server := startRedis(t)
	l, _ := observed(t, server)
	l.Share = 0.5
	ask := asking(limit.Limits{RequestsPerDay: 20})
	for range 10 {
		l.Settle(acquire(t, l, ask), good)
	}
	server.kill()
	for range 5 {
		l.Settle(acquire(t, l, ask), good)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if _, err := l.Acquire(ctx, ask); !errors.Is(err, limit.ErrThrottled) {
		t.Errorf("got %v for one request more than half of the ten that were left, want ErrThrottled", err)
	}
	if wait := l.Peek(t.Context(), ask); wait < 23*time.Hour {
		t.Errorf("Peek says %v, want about a day", wait)
	}
}

// Either logger is told, and both at once are a mistake that the first call names. It
// takes no Redis: nobody listens.
func TestSlogIsToldThatRedisIsGone(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	l := limiterOn(t, redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", MaxRetries: -1}))
	l.Slog = slog.New(slog.NewTextHandler(&out, nil))
	l.Settle(acquire(t, l, asking(limit.Limits{RequestsPerSecond: 100})), good)
	l.Close()
	if got := out.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, `level=WARN msg="redissteady: Redis does not answer`) || !strings.Contains(got, "share=1 strict=false") {
		t.Errorf("got %q, want one warning with the share", got)
	}

	both := limiterOn(t, l.Client)
	both.Zap, both.Slog = zap.NewNop(), l.Slog
	if _, err := both.Acquire(t.Context(), asking(limit.Limits{})); err == nil || !strings.Contains(err.Error(), "redissteady: Limiter.Zap and Limiter.Slog are both set") {
		t.Errorf("got %v, want an error that names both loggers", err)
	}
}
