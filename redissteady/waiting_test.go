package redissteady_test

import (
	"testing"
	"time"

	"github.com/steadyhttp/steadyhttp/limit"
	"github.com/steadyhttp/steadyhttp/redissteady"
)

// Who waits is told so, whether Redis decides or this process's share of the limits.
func TestWaitingIsTold(t *testing.T) {
	for _, row := range []struct {
		name string
		away bool
	}{{"Redis answers", false}, {"Redis is away", true}} {
		t.Run(row.name, func(t *testing.T) {
			server := startRedis(t)
			l := &redissteady.Limiter{Client: server.client(), Share: 1}
			defer l.Close()
			key := limit.Key{Host: "api.example.com", Credential: 7}
			var told []limit.Wait
			a := limit.Ask{
				Key: key, LimitsKey: key, Limits: limit.Limits{RequestsPerSecond: 2, Burst: 1}, Priority: limit.Urgent,
				Waiting: func(w limit.Wait) { told = append(told, w) },
			}
			if row.away {
				server.kill()
			}
			for range 2 {
				p, err := l.Acquire(t.Context(), a)
				if err != nil {
					t.Fatal(err)
				}
				l.Settle(p, limit.Outcome{Signal: limit.SignalGood})
			}
			if !row.away && len(told) != 1 || row.away && (len(told) == 0 || len(told) > 2) { // of a share nothing is there at first
				t.Fatalf("got %+v, want a word for each wait", told)
			}
			for _, w := range told {
				if w.Key != key || w.Priority != limit.Urgent || w.Why == "" || w.For < 0 || w.For > time.Second {
					t.Errorf("got %+v, want the request's key and priority, a reason and half a second at most", w)
				}
			}
		})
	}
}
