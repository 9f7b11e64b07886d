package steadyhttp_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyhttp/steadyhttp"
)

// A host refuses everything for a while with a 429 that says nothing else, twice, and then
// works as before. No fewer calls are answered than over the bare base. Half a minute after
// hardly any waits: only once is asked whether it was a window of the length between them.
func TestSilenceThatEnds(t *testing.T) {
	t.Parallel()
	for _, perSecond := range []int{1, 2, 5, 20} {
		for _, deadline := range []time.Duration{time.Second, 2 * time.Second, 10 * time.Second, time.Hour} {
			for _, silence := range []time.Duration{3 * time.Second, 12 * time.Second, 40 * time.Second} {
				t.Run(fmt.Sprintf("%d a second, deadline %v, silent for %v", perSecond, deadline, silence), func(t *testing.T) {
					var answered [2]int
					for i := range answered {
						synctest.Test(t, func(t *testing.T) { answered[i] = throughSilence(t, i > 0, perSecond, deadline, silence) })
					}
					if answered[1] < answered[0] {
						t.Errorf("%d calls were answered, over the bare base %d", answered[1], answered[0])
					}
				})
			}
		}
	}
}

// throughSilence makes calls at an even pace and returns how many were answered.
func throughSilence(t *testing.T, steady bool, perSecond int, deadline, silence time.Duration) int {
	const lasts = 3 * time.Minute
	began := time.Now()
	during := func(at, from time.Duration) bool { return at > from && at < from+silence }
	base := replying(func(*http.Request) reply {
		time.Sleep(50 * time.Millisecond)
		if at := time.Since(began); during(at, 10*time.Second) || during(at, 80*time.Second) {
			return reply{status: 429}
		}
		return reply{status: 200}
	})
	client := &http.Client{Transport: base}
	if steady {
		client.Transport = &steadyhttp.Transport{Base: base}
	}
	var answered atomic.Int32
	var calls sync.WaitGroup
	for ; time.Since(began) < lasts; time.Sleep(time.Second / time.Duration(perSecond)) {
		calls.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), deadline)
			defer cancel()
			at := time.Now()
			resp, err := client.Do(request(t, "GET", "https://quiet.example/", "").WithContext(ctx))
			if err != nil {
				return
			}
			resp.Body.Close()
			if resp.StatusCode == 200 {
				answered.Add(1)
			}
			if since := at.Sub(began); since > 150*time.Second && time.Since(at) > 5*time.Second {
				t.Errorf("after %v a call took %v", since, time.Since(at))
			}
		})
	}
	calls.Wait()
	return int(answered.Load())
}

// Some requests are refused by chance, with a bare 429, however few there are. That is no
// limit, and what its search holds back is not lost to a deadline.
func TestRefusedByChance(t *testing.T) {
	t.Parallel()
	for _, share := range []float64{.1, .2} {
		for _, perSecond := range []int{5, 20} {
			for _, deadline := range []time.Duration{time.Second, 3 * time.Second, 30 * time.Second} {
				t.Run(fmt.Sprintf("%v of %d a second, deadline %v", share, perSecond, deadline), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						base := replying(func(*http.Request) reply {
							time.Sleep(50 * time.Millisecond)
							if rand.Float64() < share {
								return reply{status: 429}
							}
							return reply{status: 200}
						})
						client := &http.Client{Transport: &steadyhttp.Transport{Base: base}}
						all, answered := evenly(t, client, perSecond, deadline)
						if bare := float64(all) * (1 - share); float64(answered) < .6*bare {
							t.Errorf("of %d calls %d were answered; over the bare base it were %.0f", all, answered, bare)
						}
					})
				})
			}
		}
	}
}

// evenly makes calls for two minutes and returns how many there were and how many were
// answered.
func evenly(t *testing.T, client *http.Client, perSecond int, deadline time.Duration) (all, answered int32) {
	var n atomic.Int32
	var calls sync.WaitGroup
	for began := time.Now(); time.Since(began) < 2*time.Minute; time.Sleep(time.Second / time.Duration(perSecond)) {
		all++
		calls.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), deadline)
			defer cancel()
			resp, err := client.Do(request(t, "GET", "https://quiet.example/", "").WithContext(ctx))
			if err != nil {
				return
			}
			resp.Body.Close()
			if resp.StatusCode == 200 {
				n.Add(1)
			}
		})
	}
	calls.Wait()
	return all, n.Load()
}
