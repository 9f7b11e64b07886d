package redissteady_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/steadyhttp/steadyhttp"
	"github.com/steadyhttp/steadyhttp/limit"
	"github.com/steadyhttp/steadyhttp/redissteady"
)

// Models, buckets and hosts are what users and servers make them: whatever is
// in them, a pause reaches those whom it concerns.
func TestPauseUnderAnyName(t *testing.T) {
	t.Parallel()
	client := startRedis(t).client()
	for _, k := range []limit.Key{
		{Host: host, Bucket: "GET /path"},
		{Host: "tenant 1"},
		{Host: host, Model: "gpt 5: 100% {best}"},
	} {
		t.Run(k.Label(), func(t *testing.T) {
			t.Parallel()
			l := limiterOn(t, client)
			ask := limit.Ask{Key: k, LimitsKey: k, Limits: limit.Limits{RequestsPerSecond: 10, Burst: 1}}
			p := acquire(t, l, ask)
			waiting := make(chan time.Time)
			go func() {
				_, _ = l.Acquire(context.Background(), ask)
				waiting <- time.Now()
			}()
			time.Sleep(30 * time.Millisecond) // it is promised a turn in 70 ms
			began := time.Now()
			l.Observe(p, limit.Observation{Key: k, Hold: 600 * time.Millisecond})
			if waited := (<-waiting).Sub(began); waited < 500*time.Millisecond {
				t.Errorf("it went after %v of a pause of 600ms", waited)
			}
		})
	}
}

// A model that is named like what is kept of another's places is another model.
func TestModelNamedLikeAPart(t *testing.T) {
	t.Parallel()
	l := &redissteady.Limiter{Client: startRedis(t).client(), Strict: true}
	t.Cleanup(func() { l.Close() })
	for _, model := range []string{"x", "x:leases", "x:line", "x"} {
		k := limit.Key{Host: host, Model: model}
		_, err := l.Acquire(t.Context(), limit.Ask{Key: k, LimitsKey: k, Limits: limit.Limits{MaxConcurrent: 5, RequestsPerSecond: 100}})
		if err != nil {
			t.Errorf("model %s: %v", model, err)
		}
	}
}

// Who waits for a failing host with a deadline longer than its patience does
// not ask Redis again and again.
func TestPatienceAsksNobody(t *testing.T) {
	t.Parallel()
	client := startRedis(t).client()
	l := limiterOn(t, client)
	k := limit.Key{Host: host}
	ask := limit.Ask{Key: k, LimitsKey: k, OutageWait: 100 * time.Millisecond, Repeat: true}
	p := acquire(t, l, ask)
	for range 20 {
		l.Observe(p, limit.Observation{Key: k, Signal: limit.SignalFailing, Hold: 5 * time.Second})
	}
	time.Sleep(100 * time.Millisecond)
	before := calls(t, client, "evalsha")
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if _, err := l.Acquire(ctx, ask); !errors.Is(err, steadyhttp.ErrThrottled) {
		t.Errorf("got %v, want that it is refused", err)
	}
	if n := calls(t, client, "evalsha") - before; n > 20 {
		t.Errorf("got %d script calls in a second, want a few", n)
	}
}
