package steadyhttp_test

import (
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyhttp/steadyhttp"
)

// Refusals and failures that do not depend on the rate leave the rate alone, also
// where each of them asks for a pause, and at the very beginning.
func TestRefusalsByChance(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name  string
		share float64
		says  reply
		first reply // of the very first request
	}{
		{"1% of 429", .01, reply{status: 429}, well()},
		{"5% of 429", .05, reply{status: 429}, well()},
		{"1% of 429 with Retry-After: 1", .01, reply{status: 429, header: "Retry-After: 1"}, well()},
		{"5% of 429 with Retry-After: 0", .05, reply{status: 429, header: "Retry-After: 0"}, well()},
		{"5% of 503", .05, reply{status: 503}, well()},
		{"5% of 503 with Retry-After: 1", .05, reply{status: 503, header: "Retry-After: 1"}, well()},
		{"1% of 429 with Retry-After: 1, and the first request is one", .01, reply{status: 429, header: "Retry-After: 1"}, reply{status: 429, header: "Retry-After: 1"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			const workers, length = 10, 20 * time.Second
			work := func(t *testing.T, wrap func(http.RoundTripper) http.RoundTripper) (good int) {
				rnd, n := rand.New(rand.NewPCG(3, 5)), 0
				server := newTown(func(*http.Request, string, time.Duration) reply {
					r := well()
					switch n++; {
					case n == 1:
						r = row.first
					case rnd.Float64() < row.share:
						r = row.says
					}
					r.after = time.Duration((40 + 20*rnd.Float64()) * float64(time.Millisecond)) // so that they do not come in step
					return r
				})
				rt := wrap(server)
				var mu sync.Mutex
				var wg sync.WaitGroup
				for range workers {
					wg.Go(func() {
						for time.Since(server.start) < length {
							status, _ := load{url: "https://api.example.com/items", key: "k", patience: 10 * time.Second}.call(t, rt)
							mu.Lock()
							if status == 200 {
								good++
							}
							mu.Unlock()
						}
					})
				}
				wg.Wait()
				return good
			}
			var ours, bare int
			synctest.Test(t, func(t *testing.T) {
				ours = work(t, func(b http.RoundTripper) http.RoundTripper { return &steadyhttp.Transport{Base: b} })
			})
			synctest.Test(t, func(t *testing.T) {
				bare = work(t, func(b http.RoundTripper) http.RoundTripper {
					return &steadyhttp.Retrier{Base: &steadyhttp.Classifier{Base: b}}
				})
			})
			t.Logf("%d calls are answered, %d without a Throttler: %.2f", ours, bare, float64(ours)/float64(bare))
			if float64(ours) < .85*float64(bare) { // backoff is random, and one pause is a twentieth of a worker's time
				t.Errorf("%d calls are answered, %d without a Throttler", ours, bare)
			}
		})
	}
}
