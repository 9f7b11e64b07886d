package bench

import (
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"
)

var faults = []scenario{
	{
		table: Table{
			Title: "Five faults in a hundred",
			About: "10,000 reads at 200 a second, of which the server fails 5% at random: half with a 503, half by resetting the connection.",
			Columns: []Column{
				{Name: "answered", Unit: Share, Better: Higher, Goal: goal(0.999), Short: true},
				{Name: "requests a call", Unit: Ratio, Better: Lower},
				{Name: "slowest of a hundred calls", Unit: Span, Better: Lower, Short: true},
			},
		},
		contenders: everybody(retrierAlone),
		ask: func(t *testing.T, c Contender, s sizes) []float64 {
			random := rand.New(rand.NewPCG(7, 5))
			w := &wire{way: serviceTime / 2, serve: func(*http.Request, []byte) reply {
				switch p := random.Float64(); {
				case p < 0.025:
					return reply{status: http.StatusServiceUnavailable}
				case p < 0.05:
					return reply{err: errReset}
				}
				return reply{body: chatJSON}
			}}
			calls := spread(t, c.Wrap(w), s.calls, "GET", itemsURL, "")
			good := 0
			var times []time.Duration
			for _, c := range calls {
				times = append(times, c.took)
				if c.good() {
					good++
				}
			}
			slices.Sort(times)
			return []float64{
				float64(good) / float64(s.calls),
				float64(w.requests()) / float64(s.calls),
				float64(times[len(times)*99/100]),
			}
		},
	},
	{
		table: Table{
			Title: "Orders that must not be placed twice",
			About: "10,000 POSTs at 200 a second, without an idempotency key, to a server that carries out each and resets one connection in twenty " +
				"before it answers. The caller of a call that failed can look what became of it; an order that was placed twice is a bill.",
			Columns: []Column{
				{Name: "placed again", Unit: Count, Better: Lower, Goal: goal(0), Short: true},
				{Name: "calls that ended well", Unit: Share},
			},
		},
		contenders: everybody(retrierAlone),
		ask: func(t *testing.T, c Contender, s sizes) []float64 {
			random := rand.New(rand.NewPCG(7, 20))
			w := &wire{way: serviceTime / 2, serve: func(*http.Request, []byte) reply {
				if random.IntN(20) == 0 {
					return reply{err: errReset}
				}
				return reply{status: http.StatusCreated, body: `{"id":1}`}
			}}
			good := 0
			for _, c := range spread(t, c.Wrap(w), s.calls, "POST", orderURL, `{"amount":100}`) {
				if c.good() {
					good++
				}
			}
			return []float64{float64(w.requests() - s.calls), float64(good) / float64(s.calls)}
		},
	},
}

// spread makes n calls, 200 a second, and waits for all.
func spread(t *testing.T, do Doer, n int, method, url, body string) []call {
	calls := make([]call, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { calls[i] = send(t.Context(), do, method, url, body, callPatience) })
		time.Sleep(time.Second / 200)
	}
	wg.Wait()
	return calls
}
