package steadyhttp_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyhttp/steadyhttp"
	"github.com/steadyhttp/steadyhttp/limit"
)

// A span is a limit of n requests or tokens in any time of that length.
type span struct {
	n      int64
	length time.Duration
	tokens bool
}

// A passage is a request that went out, and how many tokens it reserved.
type passage struct {
	at     time.Duration
	tokens int64
}

// most is the most that s counts in any time of its length. A window is open at its
// end: what goes out a whole length later is in the next.
func (s span) most(all []passage) (most int64) {
	var in int64
	first := 0
	for _, p := range all {
		for ; p.at-all[first].at >= s.length; first++ {
			in -= s.of(all[first])
		}
		in += s.of(p)
		most = max(most, in)
	}
	return most
}

func (s span) of(p passage) int64 {
	if s.tokens {
		return p.tokens
	}
	return 1
}

// arrivals plays a random pattern: crowds, steady flows and pauses, up to some
// windows long.
func arrivals(rnd *rand.Rand, length time.Duration, do func()) {
	for left := 3 * length; left > 0; {
		var gap time.Duration
		n := 1 + rnd.IntN(20)
		switch rnd.IntN(4) {
		case 0: // a crowd at one moment
		case 1: // a flow of about the usual pace
			gap = time.Duration(rnd.Int64N(int64(length)/5 + 1))
		case 2: // a hurry
			gap = time.Duration(rnd.Int64N(int64(length)/100 + 1))
		case 3: // a pause, which may end just before the window does
			n, gap = 1, length-time.Duration(rnd.Int64N(int64(length)/50+1))
		}
		for range n {
			do()
			time.Sleep(gap)
			left -= gap + length/1000
		}
	}
}

// No time of a limit's length ever holds more than the limit, however requests
// arrive, give up or fail.
func TestLimitsThatAreSetAreExact(t *testing.T) {
	t.Parallel()
	patterns, reached := howMany(50, 150, 10_000), 0
	for i := range patterns {
		rnd := rand.New(rand.NewPCG(uint64(i), 17))
		synctest.Test(t, func(t *testing.T) {
			rt := &steadyhttp.Throttler{Burst: rnd.IntN(4) * rnd.IntN(10), MaxQueue: -1}
			var spans []span
			n := 1 + rnd.Int64N(30)
			add := func(set *float64, length time.Duration, tokens bool) {
				*set = float64(n)
				spans = append(spans, span{n, length, tokens})
			}
			switch rnd.IntN(5) {
			case 0:
				add(&rt.RequestsPerSecond, time.Second, false)
			case 1:
				add(&rt.RequestsPerMinute, time.Minute, false)
			case 2:
				add(&rt.RequestsPerDay, 24*time.Hour, false)
			case 3:
				n *= 1000
				add(&rt.TokensPerMinute, time.Minute, true)
			case 4:
				add(&rt.RequestsPerSecond, time.Second, false)
				n *= 20
				add(&rt.RequestsPerMinute, time.Minute, false)
			}
			longest := spans[len(spans)-1]
			start := time.Now()
			var mu sync.Mutex
			var all []passage
			cost := func(req *http.Request) (tokens int64) {
				fmt.Sscan(req.Header.Get("Tokens"), &tokens)
				return tokens
			}
			rt.Cost = func(req *http.Request) limit.Cost { return limit.Cost{Input: cost(req)} }
			status := [...]int{200, 200, 200, 404, 200, 400}
			rt.Base = roundTripperFunc(func(req *http.Request) (*http.Response, error) {
				mu.Lock()
				all = append(all, passage{time.Since(start), cost(req)})
				s := status[len(all)%len(status)]
				mu.Unlock()
				if longest.tokens {
					s = 200 // a failure gives its tokens back
				}
				return &http.Response{StatusCode: s, Header: http.Header{}, Body: http.NoBody, Request: req}, nil
			})
			var wg sync.WaitGroup
			arrivals(rnd, longest.length, func() {
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(rnd.Int64N(3*int64(longest.length))))
				if rnd.IntN(5) == 0 {
					time.AfterFunc(time.Duration(rnd.Int64N(int64(longest.length))), cancel)
				}
				tokens := 1 + rnd.Int64N(max(n/4, 1))
				wg.Go(func() {
					defer cancel()
					req := request(t, "GET", "https://api.example.com/items", "").WithContext(ctx)
					req.Header.Set("Tokens", fmt.Sprint(tokens))
					if resp, err := rt.RoundTrip(req); err == nil {
						resp.Body.Close()
					}
				})
			})
			wg.Wait()
			for _, s := range spans {
				most := s.most(all)
				if most*10 >= s.n*9 {
					reached++
				}
				if most > s.n {
					t.Errorf("pattern %d: %d in a time of %v, the limit is %d (burst %d, tokens %t)", i, most, s.length, s.n, rt.Burst, s.tokens)
				}
			}
			if len(all) == 0 {
				t.Errorf("pattern %d: nothing went out", i)
			}
		})
		if t.Failed() {
			return
		}
	}
	if t.Logf("%d limits were reached in %d patterns", reached, patterns); reached < patterns/2 {
		t.Error("most patterns do not try their limits")
	}
}

// A limit that is set is had in full, if there is enough to do.
func TestLimitsThatAreSetAreReached(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name string
		rt   *steadyhttp.Throttler
		span span
	}{
		{"10 a second", &steadyhttp.Throttler{RequestsPerSecond: 10}, span{10, time.Second, false}},
		{"200 a second, one at once", &steadyhttp.Throttler{RequestsPerSecond: 200, Burst: 1}, span{200, time.Second, false}},
		{"600 a minute", &steadyhttp.Throttler{RequestsPerMinute: 600}, span{600, time.Minute, false}},
		{"600 a minute, sixty at once", &steadyhttp.Throttler{RequestsPerMinute: 600, Burst: 60}, span{600, time.Minute, false}},
		{"100 a day", &steadyhttp.Throttler{RequestsPerDay: 100}, span{100, 24 * time.Hour, false}},
		{"one a second", &steadyhttp.Throttler{RequestsPerMinute: 60}, span{60, time.Minute, false}},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const windows = 4
				start := time.Now()
				var mu sync.Mutex
				var all []passage
				row.rt.Base = roundTripperFunc(func(req *http.Request) (*http.Response, error) {
					mu.Lock()
					defer mu.Unlock()
					all = append(all, passage{at: time.Since(start)})
					return &http.Response{StatusCode: 200, Header: http.Header{}, Body: http.NoBody, Request: req}, nil
				})
				ctx, cancel := context.WithTimeout(t.Context(), windows*row.span.length)
				defer cancel()
				var wg sync.WaitGroup
				for range 20 {
					wg.Go(func() {
						for {
							resp, err := row.rt.RoundTrip(request(t, "GET", "https://api.example.com/items", "").WithContext(ctx))
							if err != nil {
								return
							}
							resp.Body.Close()
						}
					})
				}
				wg.Wait()
				if most := row.span.most(all); most > row.span.n {
					t.Errorf("%d in a time of %v, the limit is %d", most, row.span.length, row.span.n)
				}
				if want := row.span.n * windows * 99 / 100; int64(len(all)) < want {
					t.Errorf("%d in %d windows, want %d at least", len(all), windows, want)
				}
			})
		})
	}
}
