package bench

import (
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/steadyhttp/steadyhttp"
)

type noop struct{ resp *http.Response }

func (n noop) RoundTrip(*http.Request) (*http.Response, error) { return n.resp, nil }

// BenchmarkPermit is what a Throttler with limits of requests, tokens and
// concurrency costs a call that does not have to wait, in units of a time.Now
// and a mutex pair; then with 64 goroutines under the same key, in units of one.
func BenchmarkPermit(b *testing.B) {
	base := noop{&http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"application/json"}}, Body: http.NoBody}}
	req, err := http.NewRequest(http.MethodGet, "https://api.example.com/v1/items", nil)
	if err != nil {
		b.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer abcdefghijklmnopqrstuvwxyz0123456789")
	const rounds, calls = 15, 200_000
	per := func(n int, f func()) time.Duration { // the best of several rounds, interleaved with the others by the caller
		start := time.Now()
		var wg sync.WaitGroup
		for range n {
			wg.Go(func() {
				for range calls / n {
					f()
				}
			})
		}
		wg.Wait()
		return time.Since(start) / time.Duration(calls)
	}
	for range b.N {
		rt := &steadyhttp.Throttler{Base: base, RequestsPerSecond: 1e12, TokensPerMinute: 1e15, MaxConcurrent: 1 << 20}
		call := func() {
			if _, err := rt.RoundTrip(req); err != nil {
				b.Error(err)
			}
		}
		var mu sync.Mutex
		var at time.Time
		pair := func() {
			mu.Lock()
			at = time.Now()
			mu.Unlock()
		}
		_ = at
		unit, one, many := time.Hour, time.Hour, time.Hour
		for range rounds {
			unit, one, many = min(unit, per(1, pair)), min(one, per(1, call)), min(many, per(64, call))
		}
		b.ReportMetric(float64(one)/float64(unit), "×pair")
		b.ReportMetric(float64(many)/float64(one), "64/1")
		b.ReportMetric(float64(one), "ns/call")
		b.ReportMetric(testing.AllocsPerRun(1000, call), "allocs")
		b.ReportMetric(0, "ns/op")
	}
}
