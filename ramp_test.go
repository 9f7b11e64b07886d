package steadyhttp_test

import (
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyhttp/steadyhttp"
)

// How fast those leave who waited is a matter of seconds: a load that was low or not
// yet known when a gate was shut is no limit for long.
func TestPaceAfterAPauseIsNoLimit(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name string
		bad  func(n int, at time.Duration) bool
		says reply
	}{
		{"the first request is told to wait", func(n int, _ time.Duration) bool { return n == 1 }, reply{status: 429, header: "Retry-After: 2"}},
		{"the host is down at first", func(_ int, at time.Duration) bool { return at < 2*time.Second }, reply{status: 503}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				n := 0
				server := newTown(func(_ *http.Request, _ string, at time.Duration) reply {
					if n++; row.bad(n, at) {
						return row.says
					}
					return well()
				})
				rt := &steadyhttp.Transport{Base: server}
				const workers, length = 32, 60 * time.Second
				var wg sync.WaitGroup
				for range workers {
					wg.Go(func() {
						for time.Since(server.start) < length {
							load{url: "https://api.example.com/items", key: "k"}.call(t, rt)
						}
					})
				}
				wg.Wait()
				var perSecond []int
				for at := time.Duration(0); at < length; at += 5 * time.Second {
					perSecond = append(perSecond, len(server.arrivals(at, at+5*time.Second))/5)
				}
				t.Logf("requests a second, each 5 s: %v", perSecond)
				if got, want := len(server.arrivals(length-20*time.Second, length))/20, workers*20; got < want*95/100 {
					t.Errorf("in the last 20 s there are %d requests a second, want %d as without a Throttler", got, want)
				}
			})
		})
	}
}
