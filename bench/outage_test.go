package bench

import (
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"
)

// The outage: seconds before, of and after it.
const (
	outageFrom   = 5
	outageFor    = 5
	outageAfter  = 10
	callPatience = 30 * time.Second

	leastLoadAfter = 0.9 // in the first second after, of ours
)

var outages = []scenario{
	outageSaying("An outage", "", func(t *testing.T, table *Table) {
		for _, r := range table.Rows {
			if r.Contender.Name == retrierAlone.Name && (r.Figures[1] > 1.2 || r.Figures[2] > 1.3) {
				t.Errorf("%s: got %.3f requests a call and a load of %.3f, want at most 1.2 and 1.3", r.Contender.Name, r.Figures[1], r.Figures[2])
			}
		}
	}),
	outageSaying("An outage that asks for a second", "1", nil),
	outageSaying("An outage that asks for five seconds", "5", nil),
}

// outageSaying is an outage whose answers have that Retry-After, if it is not "".
func outageSaying(title, retryAfter string, check func(t *testing.T, table *Table)) scenario {
	down := reply{status: http.StatusServiceUnavailable}
	about := fmt.Sprintf("200 calls a second for %d s, each with 30 s of patience, to a server that answers 503 from the %dth to the %dth second. "+
		"Requests a call and the share answered are of the calls that began in those %d s; the load is what the server sees, over 200 a second, "+
		"in the second that begins with its first success after the outage, and in the busiest second and tenth of a second since it ended. "+
		"Of the former we want 0.9 at least, so that those who waited do not wait on. "+
		"The Retrier alone has goals of its own: 1.2 requests a call, and a load of 1.3.",
		outageFrom+outageFor+outageAfter, outageFrom, outageFrom+outageFor, outageFor)
	if retryAfter != "" {
		down.header = http.Header{"Retry-After": {retryAfter}}
		about = fmt.Sprintf("The same, with `Retry-After: %s`.", retryAfter)
	}
	return scenario{
		table: Table{Title: title, About: about, Columns: []Column{
			{Name: "answered", Unit: Share, Better: Higher, Goal: goal(0.99), Short: true},
			{Name: "requests a call in the outage", Unit: Ratio, Better: Lower, Goal: goal(0.1), Short: true},
			{Name: "load of the first second after", Unit: Ratio, Better: Lower, Goal: goal(1.4)},
			{Name: "load of the busiest second", Unit: Ratio, Better: Lower, Short: true},
			{Name: "load of the busiest tenth of a second", Unit: Ratio, Better: Lower, Goal: goal(3)},
			{Name: "calls answered in all", Unit: Share, Better: Higher},
		}},
		contenders: everybody(retrierAlone),
		check: func(t *testing.T, table *Table) {
			if ours, _ := table.ours(); ours.Figures[2] < leastLoadAfter {
				t.Errorf("got a load of %.3f in the first second after, want at least %.1f", ours.Figures[2], leastLoadAfter)
			}
			if check != nil {
				check(t, table)
			}
		},
		ask: func(t *testing.T, c Contender, s sizes) []float64 { return outageFigures(t, c.Wrap, down) },
	}
}

func outageFigures(t *testing.T, wrap func(http.RoundTripper) Doer, down reply) []float64 {
	const perSecond = 200
	const begins, ends = outageFrom * time.Second, (outageFrom + outageFor) * time.Second
	start := time.Now()
	back := time.Duration(0)  // the first success after it
	var during int            // requests
	var after []time.Duration // requests
	w := &wire{way: serviceTime / 2, serve: func(*http.Request, []byte) reply {
		switch at := time.Since(start); {
		case at < begins:
		case at < ends:
			during++
			return down
		default:
			after = append(after, at)
			if back == 0 {
				back = at
			}
		}
		return reply{body: chatJSON}
	}}
	do := wrap(w)
	var mu sync.Mutex
	var calls, good, callsDuring, goodDuring int
	var wg sync.WaitGroup
	for range perSecond * (outageFrom + outageFor + outageAfter) {
		wg.Go(func() {
			began := time.Since(start)
			ok := send(t.Context(), do, "GET", itemsURL, "", callPatience).good()
			mu.Lock()
			defer mu.Unlock()
			in := began >= begins && began < ends
			calls, callsDuring = calls+1, callsDuring+count(in)
			good, goodDuring = good+count(ok), goodDuring+count(ok && in)
		})
		time.Sleep(time.Second / perSecond)
	}
	wg.Wait()
	first := 0
	for _, at := range after {
		first += count(at < back+time.Second)
	}
	return []float64{
		float64(goodDuring) / float64(callsDuring),
		float64(during) / float64(callsDuring),
		float64(first) / perSecond,
		float64(most(after, time.Second)) / perSecond,
		float64(most(after, time.Second/10)) / (perSecond / 10),
		float64(good) / float64(calls),
	}
}

// count is 1 for true.
func count(is bool) int {
	if is {
		return 1
	}
	return 0
}

// most is how many of those moments there are in any span of that length.
func most(at []time.Duration, span time.Duration) (n int) {
	slices.Sort(at)
	first := 0
	for i := range at {
		for at[i]-at[first] >= span {
			first++
		}
		n = max(n, i-first+1)
	}
	return n
}
