package bench

import (
	"net/http"
	"sync"
	"testing"
	"time"
)

// The outage: seconds before, of and after it.
const (
	outageFrom   = 5
	outageFor    = 5
	outageAfter  = 5
	callPatience = 30 * time.Second
)

var outages = []scenario{{
	table: Table{
		Title: "An outage",
		About: "200 calls a second for 15 s, each with 30 s of patience, to a server that answers 503 from the 5th to the 10th second. " +
			"Requests a call and the share answered are of the calls that began in those 5 s; the load is what the server then sees " +
			"in the first second after the outage and in the busiest one, over 200. " +
			"The Retrier alone has goals of its own: 1.2 requests a call, and a load of 1.3.",
		Columns: []Column{
			{Name: "answered", Unit: Share, Better: Higher, Goal: goal(0.99), Short: true},
			{Name: "requests a call in the outage", Unit: Ratio, Better: Lower, Goal: goal(1.1), Short: true},
			{Name: "load of the first second after", Unit: Ratio, Better: Lower, Goal: goal(1.3)},
			{Name: "load of the busiest second after", Unit: Ratio, Better: Lower, Short: true},
			{Name: "calls answered in all", Unit: Share, Better: Higher},
		},
	},
	contenders: everybody(retrierAlone),
	check: func(t *testing.T, table *Table) {
		for _, r := range table.Rows {
			if r.Contender.Name == retrierAlone.Name && (r.Figures[1] > 1.2 || r.Figures[2] > 1.3) {
				t.Errorf("%s: got %.3f requests a call and a load of %.3f, want at most 1.2 and 1.3", r.Contender.Name, r.Figures[1], r.Figures[2])
			}
		}
	},
	ask: func(t *testing.T, c Contender, s sizes) []float64 {
		start := time.Now()
		second := func() int { return int(time.Since(start) / time.Second) }
		requests := map[int]int{} // by the second
		w := &wire{way: serviceTime / 2, serve: func(*http.Request, []byte) reply {
			requests[second()]++
			if now := second(); now >= outageFrom && now < outageFrom+outageFor {
				return reply{status: http.StatusServiceUnavailable}
			}
			return reply{body: chatJSON}
		}}
		do := c.Wrap(w)
		var mu sync.Mutex
		calls, good := map[int]int{}, map[int]int{} // by the second of their beginning
		var wg sync.WaitGroup
		for range s.perSecond * (outageFrom + outageFor + outageAfter) {
			wg.Go(func() {
				began := second()
				ok := send(t.Context(), do, "GET", itemsURL, "", callPatience).good()
				mu.Lock()
				defer mu.Unlock()
				calls[began]++
				if ok {
					good[began]++
				}
			})
			time.Sleep(time.Second / time.Duration(s.perSecond))
		}
		wg.Wait()
		const back = outageFrom + outageFor
		busiest := 0
		for second, n := range requests {
			if second >= back {
				busiest = max(busiest, n)
			}
		}
		began := sum(calls, outageFrom, back)
		return []float64{
			float64(sum(good, outageFrom, back)) / float64(began),
			float64(sum(requests, outageFrom, back)) / float64(began),
			float64(requests[back]) / float64(s.perSecond),
			float64(busiest) / float64(s.perSecond),
			float64(sum(good, 0, 60)) / float64(sum(calls, 0, 60)),
		}
	},
}}

// sum adds up what fell into the seconds from from until to.
func sum(bySecond map[int]int, from, to int) (n int) {
	for second := from; second < to; second++ {
		n += bySecond[second]
	}
	return n
}
