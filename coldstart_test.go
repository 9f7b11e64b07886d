package steadyhttp_test

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyhttp/steadyhttp"
)

// A hundred calls at once to a host that has not answered yet. Those with time wait for
// its first answers, and those without go, as over the bare base.
func TestColdStart(t *testing.T) {
	for _, row := range []struct {
		deadline time.Duration
		atOnce   int32
	}{
		{300 * time.Millisecond, 100}, {time.Second, 100}, {10 * time.Second, 8},
	} {
		synctest.Test(t, func(t *testing.T) {
			var sent, answered atomic.Int32
			base := replying(func(*http.Request) reply {
				sent.Add(1)
				time.Sleep(200 * time.Millisecond)
				return reply{status: 200}
			})
			client := &http.Client{Transport: &steadyhttp.Transport{Base: base}}
			var calls sync.WaitGroup
			for range 100 {
				calls.Go(func() {
					ctx, cancel := context.WithTimeout(t.Context(), row.deadline)
					defer cancel()
					resp, err := client.Do(request(t, "GET", "https://new.example/", "").WithContext(ctx))
					if err == nil {
						resp.Body.Close()
						answered.Add(1)
					}
				})
			}
			synctest.Wait()
			if got := sent.Load(); got != row.atOnce {
				t.Errorf("deadline %v: %d went at once, want %d", row.deadline, got, row.atOnce)
			}
			calls.Wait()
			if got := answered.Load(); got != 100 {
				t.Errorf("deadline %v: %d of 100 were answered", row.deadline, got)
			}
		})
	}
}
