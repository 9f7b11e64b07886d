package steadyhttp_test

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyhttp/steadyhttp"
)

// A bucketOf50 lets in fifty a second, and five at once.
type bucketOf50 struct {
	level float64
	last  time.Time
}

func (b *bucketOf50) take(now time.Time) bool {
	const perSecond, most = 50, 5
	if b.last.IsZero() {
		b.level = most
	} else {
		b.level = min(most, b.level+now.Sub(b.last).Seconds()*perSecond)
	}
	b.last = now
	if b.level < 1 {
		return false
	}
	b.level--
	return true
}

// Two keys of fifty a second each, 1,000 jobs, 64 workers: the ideal is 10 s.
func TestTwoKeys(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name      string
		header    func(*bucketOf50, bool) string
		throttler *steadyhttp.Throttler
		most      time.Duration
		refused   int
	}{
		{"told", func(*bucketOf50, bool) string { return "" }, &steadyhttp.Throttler{RequestsPerSecond: 50, Burst: 5}, 10500 * time.Millisecond, 10},
		{"stated", func(b *bucketOf50, ok bool) string {
			return fmt.Sprintf("X-Ratelimit-Limit-Requests: 50\nX-Ratelimit-Remaining-Requests: %d\nX-Ratelimit-Reset-Requests: %dms", int(b.level), int((5-b.level)*20))
		}, nil, 10500 * time.Millisecond, 10},
		{"refusals with a time", func(b *bucketOf50, ok bool) string {
			if ok {
				return ""
			}
			return "Retry-After-Ms: 20"
		}, nil, 12500 * time.Millisecond, 150}, // a limit that nobody states has to be found
		{"silent", func(*bucketOf50, bool) string { return "" }, nil, 20 * time.Second, 350},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var mu sync.Mutex
				buckets := map[string]*bucketOf50{"key-a": {}, "key-b": {}}
				sent, refused := map[string]int{}, 0
				f := &fleet{rules: map[string]func(asked) reply{primary: func(a asked) reply {
					mu.Lock()
					defer mu.Unlock()
					sent[a.key]++
					b := buckets[a.key]
					ok := b.take(a.at)
					header := "Content-Type: application/json\n" + test.header(b, ok)
					if !ok {
						refused++
						return reply{status: 429, header: header, body: openAIError("requests", "rate_limit_exceeded", "Rate limit reached"), after: 10 * time.Millisecond}
					}
					return reply{status: 200, header: header, body: said, after: 100 * time.Millisecond}
				}}}
				rt := &steadyhttp.Transport{Base: f, Throttler: test.throttler, Failover: &steadyhttp.Failover{Targets: []steadyhttp.Target{{Name: "key b", Header: http.Header{"Authorization": {"Bearer key-b"}}}}}}
				jobs := make(chan int)
				lost := 0
				start := time.Now()
				var wg sync.WaitGroup
				for range 64 {
					wg.Go(func() {
						for range jobs {
							if d := ask(t, rt, nil); !d.answered() {
								mu.Lock()
								lost++
								mu.Unlock()
							}
						}
					})
				}
				for i := range 1000 {
					jobs <- i
				}
				close(jobs)
				wg.Wait()
				if took := time.Since(start); took > test.most || lost > 0 || refused > test.refused {
					t.Errorf("took %v, %d lost, %d refused of %v", took, lost, refused, sent)
				}
			})
		})
	}
}
