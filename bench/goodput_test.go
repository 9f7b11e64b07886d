package bench

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/steadyhttp/steadyhttp"
)

const (
	jobs         = 1000
	workers      = 64
	limitRate    = 50     // requests a second
	tokenRate    = 10_000 // tokens a second
	serviceTime  = 20 * time.Millisecond
	jobsPatience = 10 * time.Minute // nobody gives up a job before
)

// What is kept of a stated limit, and of one that is not stated, in a run of
// twenty seconds that begins without any knowledge of it.
const (
	statedShare, statedRefused = 0.99, 0.01
	silentShare, silentRefused = 0.95, 0.05

	// Where the first answers come at once, all 64 workers may be under way before
	// anybody has read one.
	crowdRefused = 0.10
)

var goodput = []scenario{
	limited("A rate limit that the server states", false, goal(1/statedShare), goal(statedRefused)),
	limited("A rate limit that the server keeps to itself", true, goal(1/silentShare), goal(silentRefused)),
}

func limited(title string, silent bool, makespan, refused *float64) scenario {
	about := "64 workers do 1,000 chat completions against a server that lets 50 a second through (a full bucket of 50 at the start) " +
		"and answers 429 beyond that, with `x-ratelimit` headers, `Retry-After` and `retry-after-ms`."
	if silent {
		about = "The same, but the server sends a bare 429: no header says what the limit is, nor when to come back."
	}
	about += " The ideal is (jobs − 50) / 50 s and one answer's time. A job is lost if its call ends without a 200. " +
		"A limit that is set is never exceeded in any second, so that the server's full bucket is of no use to it: its own ideal is jobs / 50 s, " +
		"of which it is to take 1% more at most, with no job lost and no 429."
	var open []string
	if silent {
		open = []string{steady.Name} // too many 429 in the seconds in which the limit is being found
	}
	set := told("`RequestsPerSecond: 50`", func() *steadyhttp.Throttler { return &steadyhttp.Throttler{RequestsPerSecond: limitRate} })
	set.Held = false
	return scenario{
		table: Table{Title: title, About: about, Columns: []Column{
			{Name: "jobs lost", Unit: Share, Better: Lower, Goal: goal(0), Short: true},
			{Name: "time, over the ideal", Unit: Ratio, Better: Lower, Goal: makespan, Short: true},
			{Name: "answers that are 429", Unit: Share, Better: Lower, Goal: refused, Short: true},
			{Name: "requests a job", Unit: Ratio, Better: Lower},
		}, Open: open},
		contenders: everybody(set, retrierAlone),
		check: func(t *testing.T, table *Table) {
			const most = 1.01 * jobs / (jobs - limitRate)
			for _, r := range table.Rows {
				if f := r.Figures; r.Contender.Name == set.Name && (f[0] > 0 || f[1] > most || f[2] > 0) {
					t.Errorf("%s: %.3f of the jobs lost, %.3f of the ideal time, %.3f of the answers are 429, want none, at most %.3f, and none", set.Name, f[0], f[1], f[2], most)
				}
			}
		},
		ask: func(t *testing.T, c Contender, s sizes) []float64 {
			return jobsUnder(t, c.Wrap, &limit{unit: "requests", perSecond: limitRate, silent: silent}, serviceTime)
		},
	}
}

// jobsUnder has the workers do jobs under a limit of requests, and returns the
// figures of the tables above.
func jobsUnder(t *testing.T, wrap func(http.RoundTripper) Doer, l *limit, service time.Duration) []float64 {
	w := &wire{serve: l.serve, way: service / 2}
	took, good := work(t, wrap(w), func(int) string { return chatBody })
	ideal := time.Duration(jobs-l.burst)*time.Second/time.Duration(l.perSecond) + service
	return []float64{
		float64(jobs-good) / jobs,
		float64(took) / float64(ideal),
		float64(l.refused) / float64(w.requests()),
		float64(w.requests()) / jobs,
	}
}

// servers puts the zero Transport before servers of other kinds: the rows are
// theirs.
var servers = []scenario{{
	table: Table{
		Title: "The same before other servers",
		About: "The zero Transport, and servers that state their limit but take more or less time to answer, or whose bucket holds less.",
		Columns: []Column{
			{Name: "jobs lost", Unit: Share, Better: Lower, Goal: goal(0)},
			{Name: "time, over the ideal", Unit: Ratio, Better: Lower, Goal: goal(1 / statedShare)},
			{Name: "answers that are 429", Unit: Share, Better: Lower, Goal: goal(crowdRefused)},
			{Name: "requests a job", Unit: Ratio, Better: Lower},
		},
	},
	contenders: before("answers at once", "answers after 200 ms", "answers after 1 s", "a bucket of 10"),
	ask: func(t *testing.T, c Contender, s sizes) []float64 {
		l := &limit{unit: "requests", perSecond: limitRate}
		service := serviceTime
		switch c.Name {
		case "answers at once":
			service = 0
		case "answers after 200 ms":
			service = 200 * time.Millisecond
		case "answers after 1 s":
			service = time.Second
		case "a bucket of 10":
			l.burst = 10
		}
		return jobsUnder(t, c.Wrap, l, service)
	},
}}

// before returns the zero Transport under the names of servers.
func before(names ...string) []Contender {
	var list []Contender
	for _, name := range names {
		c := steady
		c.Name, c.Kind, c.Held, c.How = name, Variant, true, ""
		list = append(list, c)
	}
	return list
}

var tokensSet = func() Contender {
	c := told("`TokensPerMinute: 600_000`", func() *steadyhttp.Throttler {
		return &steadyhttp.Throttler{TokensPerMinute: 60 * tokenRate}
	})
	c.Held = false
	return c
}()

var tokenGoodput = []scenario{{
	table: Table{
		Title: "A limit of tokens that the server states",
		About: "64 workers do 1,000 chat completions of 10 to 2,000 tokens against a server that lets 10,000 tokens a second through. " +
			"Utilisation is what the jobs that were done took of what the server allowed while they ran. " +
			"A limit that is set does not use the server's full bucket at the start: of it we want 98%.",
		Columns: []Column{
			{Name: "jobs lost", Unit: Share, Better: Lower, Goal: goal(0)},
			{Name: "utilisation", Unit: Share, Better: Higher, Goal: goal(statedShare), Short: true},
			{Name: "answers that are 429", Unit: Share, Better: Lower, Goal: goal(statedRefused)},
			{Name: "requests a job", Unit: Ratio, Better: Lower},
		},
	},
	contenders: everybody(tokensSet),
	check: func(t *testing.T, table *Table) {
		for _, r := range table.Rows {
			if f := r.Figures; r.Contender.Name == tokensSet.Name && (f[0] > 0 || f[1] < 0.98 || f[2] > 0) {
				t.Errorf("%s: %.3f of the jobs lost, a utilisation of %.3f, %.3f of the answers are 429, want none, at least 0.98, and none", r.Contender.Name, f[0], f[1], f[2])
			}
		}
	},
	ask: func(t *testing.T, c Contender, s sizes) []float64 {
		size := func(i int) int { return 10 + (i*7919)%1991 } // 10 to 2,000, in no order
		body := func(i int) string {
			const form = `{"model":"gpt-4o","max_tokens":%d}`
			input := (len(fmt.Sprintf(form, size(i))) + 3) / 4
			return fmt.Sprintf(form, max(1, size(i)-input))
		}
		l := &limit{unit: "tokens", perSecond: tokenRate}
		w := &wire{serve: l.serve, way: serviceTime / 2}
		took, good := work(t, c.Wrap(w), body)
		return []float64{
			float64(jobs-good) / jobs,
			float64(l.spent) / (tokenRate * (took.Seconds() + 1)), // the bucket was full at the start
			float64(l.refused) / float64(w.requests()),
			float64(w.requests()) / jobs,
		}
	},
}}

// work has the workers do the jobs, and says how long it took and how many got
// their answer.
func work(t *testing.T, do Doer, body func(i int) string) (took time.Duration, good int) {
	next := make(chan int)
	var mu sync.Mutex
	var wg sync.WaitGroup
	start := time.Now()
	for range workers {
		wg.Go(func() {
			for i := range next {
				ok := send(t.Context(), do, "POST", chatURL, body(i), jobsPatience).good()
				mu.Lock()
				if ok {
					good++
				}
				mu.Unlock()
			}
		})
	}
	for i := range jobs {
		next <- i
	}
	close(next)
	wg.Wait()
	return time.Since(start), good
}
