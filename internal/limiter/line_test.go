package limiter

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyhttp/steadyhttp/limit"
)

// TestTakes tries how much of a Key's time a request takes: of the limit that is the
// tightest for it.
func TestTakes(t *testing.T) {
	for _, row := range []struct {
		name   string
		told   limit.Limits
		stated []stated
		cost   limit.Cost
		want   time.Duration
	}{
		{"no limit", limit.Limits{}, nil, limit.Cost{Requests: 1, Input: 5}, 0},
		{"the user's", limit.Limits{RequestsPerSecond: 4}, nil, limit.Cost{Requests: 1}, time.Second / 4},
		{"the tightest of several", limit.Limits{RequestsPerSecond: 4, InputTokensPerMinute: 60}, nil, limit.Cost{Requests: 1, Input: 2}, 2 * time.Second},
		{"a stated rate", limit.Limits{}, []stated{{unit: requests, limit: 60, perSecond: 2}}, limit.Cost{Requests: 6}, 3 * time.Second},
		{"a stated window", limit.Limits{}, []stated{{unit: inputTokens, limit: 120, window: time.Minute}}, limit.Cost{Requests: 1, Input: 40}, 20 * time.Second},
		{"nobody knows how fast it comes back", limit.Limits{}, []stated{{unit: requests, limit: 60}}, limit.Cost{Requests: 6}, 0},
		{"the tightest of both", limit.Limits{RequestsPerSecond: 4}, []stated{{unit: requests, limit: 60, perSecond: 2}, {unit: requests, limit: 600, perSecond: 9}}, limit.Cost{Requests: 1}, time.Second / 2},
	} {
		k := keyState{told: toldBy(&row.told), stated: row.stated}
		cost := loadOf(row.cost)
		if got := k.takes(&cost); got != row.want {
			t.Errorf("%s: got %v, want %v", row.name, got, row.want)
		}
	}
}

// TestTurnBeforeADeadline has more urgent requests come after some with deadlines, where
// one goes a second: each has its turn late, but in time, with one to spare where it can.
func TestTurnBeforeADeadline(t *testing.T) {
	const s, ms = time.Second, time.Millisecond
	type caller struct {
		priority limit.Priority
		deadline time.Duration // 0 is none
		want     time.Duration
	}
	for _, row := range []struct {
		name    string
		callers []caller // in the order in which they come
	}{
		{"one", []caller{{limit.Batch, 5500 * ms, 4 * s}}},
		{"one after the other", []caller{{limit.Batch, 5500 * ms, 4 * s}, {limit.Batch, 10500 * ms, 9 * s}}},
		{"two near each other", []caller{{limit.Batch, 5500 * ms, 3 * s}, {limit.Batch, 5500 * ms, 4 * s}}},
		{"of two classes the one that would be late first", []caller{{limit.Batch, 5900 * ms, 5 * s}, {limit.Normal, 5500 * ms, 4 * s}}},
		{"the other way", []caller{{limit.Batch, 5500 * ms, 4 * s}, {limit.Normal, 5900 * ms, 5 * s}}},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var m Memory
				meet(t, &m)
				a := limit.Ask{Key: testHost, LimitsKey: testHost, Limits: limit.Limits{RequestsPerSecond: 1}}
				now(t, &m, a)
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				for i, c := range row.callers {
					a.Priority = c.priority
					mine, stop := context.WithTimeout(ctx, c.deadline)
					defer stop()
					go func() {
						p, err := m.Acquire(mine, a)
						if err != nil || p.Waited.Round(100*ms) != c.want {
							t.Errorf("caller %d, with a deadline after %v: got %v after %v, want a permit after %v", i, c.deadline, err, p.Waited, c.want)
						}
					}()
					synctest.Wait()
				}
				a.Priority = limit.Urgent
				for range 30 {
					go m.Acquire(ctx, a)
				}
				time.Sleep(12 * s)
			})
		})
	}
}
