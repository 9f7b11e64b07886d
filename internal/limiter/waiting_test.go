package limiter

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyhttp/steadyhttp/limit"
)

// What a request is told when its wait begins is how long it takes, where that can be
// known, and 0 where it cannot.
func TestWaitingTellsHowLong(t *testing.T) {
	key := limit.Key{Host: "a", Credential: 1, Route: "GET /"}
	for _, tt := range []struct {
		name    string
		before  func(m *Memory)
		limits  limit.Limits
		want    time.Duration
		wantWhy string
	}{
		{"the second of a rate", func(m *Memory) { take(m, key, limit.Limits{RequestsPerMinute: 5}) },
			limit.Limits{RequestsPerMinute: 5}, 12 * time.Second, "the limit of requests per minute"},
		{"the third of a rate, behind the second", func(m *Memory) {
			take(m, key, limit.Limits{RequestsPerMinute: 5})
			go take(m, key, limit.Limits{RequestsPerMinute: 5})
			synctest.Wait()
		}, limit.Limits{RequestsPerMinute: 5}, 24 * time.Second, "the limit of requests per minute"},
		{"a place, of which nobody knows how long it is taken", func(m *Memory) { take(m, key, limit.Limits{MaxConcurrent: 1}) },
			limit.Limits{MaxConcurrent: 1}, UnknownPlace, "the limit of concurrent requests"},
		{"a pause", func(m *Memory) {
			p := take(m, key, limit.Limits{})
			m.Observe(p, limit.Observation{Key: key, Signal: limit.SignalRefused, Hold: 30 * time.Second, Strict: true})
			m.Settle(p, limit.Outcome{})
		}, limit.Limits{}, 30 * time.Second, "the server asked for a pause"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var m Memory
				tt.before(&m)
				ctx, cancel := context.WithCancel(t.Context())
				var told []limit.Wait
				m.Acquire(ctx, limit.Ask{Key: key, LimitsKey: key, Limits: tt.limits, Waiting: func(w limit.Wait) {
					told = append(told, w)
					cancel()
				}})
				if len(told) != 1 || told[0].For.Round(time.Millisecond) != tt.want || told[0].Why != tt.wantWhy {
					t.Errorf("got %+v, want one wait of %s for %s", told, tt.want, tt.wantWhy)
				}
				time.Sleep(time.Hour) // for those that wait before it
			})
		})
	}
}

func take(m *Memory, key limit.Key, limits limit.Limits) limit.Permit {
	p, _ := m.Acquire(context.Background(), limit.Ask{Key: key, LimitsKey: key, Limits: limits})
	return p
}
