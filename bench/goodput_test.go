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
	workers      = 64
	limitRate    = 50     // requests a second
	tokenRate    = 10_000 // tokens a second
	serviceTime  = 20 * time.Millisecond
	jobsPatience = 10 * time.Minute // nobody gives up a job before
)

var goodput = []scenario{
	limited("A rate limit that the server states", false, goal(1.05), goal(0.01), everybody(
		told("`RequestsPerSecond: 50`", func() *steadyhttp.Throttler { return &steadyhttp.Throttler{RequestsPerSecond: limitRate} }),
		retrierAlone)),
	limited("A rate limit that the server keeps to itself", true, goal(1.2), goal(0.10), everybody(
		told("`RequestsPerSecond: 50`", func() *steadyhttp.Throttler { return &steadyhttp.Throttler{RequestsPerSecond: limitRate} }),
		retrierAlone)),
}

func limited(title string, silent bool, makespan, refused *float64, contenders []Contender) scenario {
	about := "64 workers do 1,000 chat completions against a server that lets 50 a second through (a full bucket of 50 at the start) " +
		"and answers 429 beyond that, with `x-ratelimit` headers, `Retry-After` and `retry-after-ms`."
	if silent {
		about = "The same, but the server sends a bare 429: no header says what the limit is, nor when to come back."
	}
	about += " The ideal is (jobs − 50) / 50 s and one answer's time. A job is lost if its call ends without a 200."
	return scenario{
		table: Table{Title: title, About: about, Columns: []Column{
			{Name: "jobs lost", Unit: Share, Better: Lower, Goal: goal(0), Short: true},
			{Name: "time, over the ideal", Unit: Ratio, Better: Lower, Goal: makespan, Short: true},
			{Name: "answers that are 429", Unit: Share, Better: Lower, Goal: refused, Short: true},
			{Name: "requests a job", Unit: Ratio, Better: Lower},
		}},
		contenders: contenders,
		ask: func(t *testing.T, c Contender, s sizes) []float64 {
			return jobsUnder(t, c.Wrap, &limit{unit: "requests", perSecond: limitRate, silent: silent}, serviceTime, s.jobs)
		},
	}
}

// jobsUnder has the workers do jobs under a limit of requests, and returns the
// figures of the tables above.
func jobsUnder(t *testing.T, wrap func(http.RoundTripper) Doer, l *limit, service time.Duration, jobs int) []float64 {
	w := &wire{serve: l.serve, way: service / 2}
	took, good := work(t, wrap(w), jobs, func(int) string { return chatBody })
	ideal := time.Duration(jobs-l.burst)*time.Second/time.Duration(l.perSecond) + service
	return []float64{
		float64(jobs-good) / float64(jobs),
		float64(took) / float64(ideal),
		float64(l.refused) / float64(w.requests()),
		float64(w.requests()) / float64(jobs),
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
			{Name: "time, over the ideal", Unit: Ratio, Better: Lower, Goal: goal(1.05)},
			{Name: "answers that are 429", Unit: Share, Better: Lower},
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
		return jobsUnder(t, c.Wrap, l, service, s.jobs)
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

var tokenGoodput = []scenario{{
	table: Table{
		Title: "A limit of tokens that the server states",
		About: "64 workers do 1,000 chat completions of 10 to 2,000 tokens against a server that lets 10,000 tokens a second through. " +
			"Utilisation is what the jobs that were done took of what the server allowed while they ran.",
		Columns: []Column{
			{Name: "jobs lost", Unit: Share, Better: Lower, Goal: goal(0)},
			{Name: "utilisation", Unit: Share, Better: Higher, Goal: goal(0.95), Short: true},
			{Name: "answers that are 429", Unit: Share, Better: Lower},
			{Name: "requests a job", Unit: Ratio, Better: Lower},
		},
	},
	contenders: everybody(told("`TokensPerMinute: 600_000`", func() *steadyhttp.Throttler {
		return &steadyhttp.Throttler{TokensPerMinute: 60 * tokenRate}
	})),
	ask: func(t *testing.T, c Contender, s sizes) []float64 {
		n := s.jobs
		size := func(i int) int { return 10 + (i*7919)%1991 } // 10 to 2,000, in no order
		body := func(i int) string {
			const form = `{"model":"gpt-4o","max_tokens":%d}`
			input := (len(fmt.Sprintf(form, size(i))) + 3) / 4
			return fmt.Sprintf(form, max(1, size(i)-input))
		}
		l := &limit{unit: "tokens", perSecond: tokenRate}
		w := &wire{serve: l.serve, way: serviceTime / 2}
		took, good := work(t, c.Wrap(w), n, body)
		return []float64{
			float64(n-good) / float64(n),
			float64(l.spent) / (tokenRate * (took.Seconds() + 1)), // the bucket was full at the start
			float64(l.refused) / float64(w.requests()),
			float64(w.requests()) / float64(n),
		}
	},
}}

// work has the workers do n jobs, and says how long it took and how many got
// their answer.
func work(t *testing.T, do Doer, n int, body func(i int) string) (took time.Duration, good int) {
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
	for i := range n {
		next <- i
	}
	close(next)
	wg.Wait()
	return time.Since(start), good
}
