package bench

import (
	"cmp"
	"context"
	"math"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/steadyhttp/steadyhttp"
)

// withoutThrottler is our chain without what holds back: it judges and repeats.
var withoutThrottler = Contender{
	Name: "without its Throttler", Kind: Variant,
	How: "`&steadyhttp.Retrier{Base: &steadyhttp.Classifier{}}`.",
	Wrap: func(base http.RoundTripper) Doer {
		return (&steadyhttp.Retrier{Base: &steadyhttp.Classifier{Base: base}}).RoundTrip
	},
}

// The goals of every situation: answered as much as without a Throttler, and
// hardly later.
const (
	leastAnswered = 0.99
	lateFactor    = 2
	lateBy        = 100 * time.Millisecond
)

// neverWorse has a row for each situation in which holding requests back could do
// harm, and the contenders in its cells.
var neverWorse = []scenario{{
	table: Table{
		Title: "Never worse",
		About: "Situations in which it could do harm that requests are held back. The last four columns have three figures each: bare net/http, " +
			"our chain without its Throttler (a Retrier over a Classifier), and the zero `Transport`. " +
			"Answered, p50 and p99 are of the calls to what works, or can be answered in the end; an answer takes 50 ms unless the row says otherwise, and p50 is by when " +
			"half of all those calls had theirs, *never* if fewer ever had. Requests a call are of all. " +
			"Allowed are twice the p50 without a Throttler, and 100 ms.",
		Columns: []Column{
			{Name: "answered, over without a Throttler", Unit: Ratio, Better: Higher, Goal: goal(leastAnswered)},
			{Name: "p50, over what is allowed", Unit: Ratio, Better: Lower, Goal: goal(1)},
			{Name: "answered", Unit: Share}, {Unit: Share, Joined: true}, {Unit: Share, Joined: true},
			{Name: "p50", Unit: Span}, {Unit: Span, Joined: true}, {Unit: Span, Joined: true},
			{Name: "p99", Unit: Span}, {Unit: Span, Joined: true}, {Unit: Span, Joined: true},
			{Name: "requests a call", Unit: Ratio}, {Unit: Ratio, Joined: true}, {Unit: Ratio, Joined: true},
		},
	},
	contenders: rowsOf(situations),
	ask: func(t *testing.T, c Contender, s sizes) []float64 {
		i := slices.IndexFunc(situations, func(s situation) bool { return s.name == c.Name })
		bare, without, ours := situations[i].ask(t, s)
		answered, p50 := 1.0, 0.0
		if without.answered > 0 {
			answered = ours.answered / without.answered
		}
		if !math.IsInf(without.p50, 1) {
			p50 = ours.p50 / (lateFactor*without.p50 + float64(lateBy))
		}
		return []float64{
			answered, p50,
			bare.answered, without.answered, ours.answered,
			bare.p50, without.p50, ours.p50,
			bare.p99, without.p99, ours.p99,
			bare.requests, without.requests, ours.requests,
		}
	},
}}

// A situation is a server and those who call it.
type situation struct {
	name   string
	server func() behaviour // a new one
	loads  []load

	// set is how our Throttler is configured; nil is its zero value.
	set func() *steadyhttp.Throttler
}

// A behaviour says what becomes of a request that arrives at a time after the
// beginning.
type behaviour func(at time.Duration, req *http.Request, body []byte) reply

// A load is calls that are alike.
type load struct {
	method, url, body, key string // "" is GET, itemsURL, none, and everybody's
	patience               time.Duration

	// perSecond calls begin from the one time on until the other, or at once if it
	// is 0. random spreads them as independent callers do.
	perSecond float64
	from, to  time.Duration
	random    bool
	n         int // calls, where perSecond is 0
	workers   int // who make those, each one at a time; 0 is one for each call

	process int // whose calls they are: each process has a chain of its own

	aside    bool // it is not what works
	unclosed bool // bodies are neither read nor closed
}

// A result is the figures of one contender in one situation.
type result struct{ answered, p50, p99, requests float64 }

// way is the time of half an answer.
const way = 25 * time.Millisecond

// ask has all three contenders meet the situation.
func (s situation) ask(t *testing.T, size sizes) (alone, without, ours result) {
	held := steady
	if s.set != nil {
		held = told("", s.set)
	}
	return s.meet(t, bare, size), s.meet(t, withoutThrottler, size), s.meet(t, held, size)
}

func (s situation) meet(t *testing.T, c Contender, size sizes) result {
	start, behave := time.Now(), s.server()
	w := &wire{way: way, serve: func(req *http.Request, body []byte) reply {
		return behave(time.Since(start), req, body)
	}}
	processes := map[int]Doer{}
	var mu sync.Mutex
	var times []time.Duration // of calls to what works that were answered
	var all, works int
	var wg sync.WaitGroup
	for i, l := range s.loads {
		l.n, l.to = min(l.n, size.crowd), min(l.to, size.longest)
		if processes[l.process] == nil {
			processes[l.process] = c.Wrap(w)
		}
		do := processes[l.process]
		wg.Go(func() {
			l.run(t.Context(), uint64(i), func(ctx context.Context) {
				got := l.call(ctx, do)
				mu.Lock()
				defer mu.Unlock()
				all++
				if l.aside {
					return
				}
				works++
				if got.good() {
					times = append(times, got.took)
				}
			})
		})
	}
	wg.Wait()
	slices.Sort(times)
	by := func(share float64) float64 {
		if i := int(share * float64(works)); i < len(times) {
			return float64(times[i])
		}
		return math.Inf(1)
	}
	return result{float64(len(times)) / float64(works), by(0.5), by(0.99), float64(w.requests()) / float64(all)}
}

// run makes the calls of l, and waits for all.
func (l load) run(ctx context.Context, seed uint64, call func(context.Context)) {
	var wg sync.WaitGroup
	defer wg.Wait()
	time.Sleep(l.from)
	if l.perSecond == 0 {
		next := make(chan int, l.n)
		for i := range l.n {
			next <- i
		}
		close(next)
		for range cmp.Or(l.workers, l.n) {
			wg.Go(func() {
				for range next {
					call(ctx)
				}
			})
		}
		return
	}
	random := rand.New(rand.NewPCG(seed, 11))
	gap := time.Duration(float64(time.Second) / l.perSecond)
	for at := l.from; at < l.to; at += gap {
		wg.Go(func() { call(ctx) })
		if l.random {
			gap = time.Duration(random.ExpFloat64() / l.perSecond * float64(time.Second))
		}
		time.Sleep(gap)
	}
}

// call makes one call of l.
func (l load) call(ctx context.Context, do Doer) call {
	url, method, key := cmp.Or(l.url, itemsURL), cmp.Or(l.method, http.MethodGet), cmp.Or(l.key, "test-key")
	if !l.unclosed {
		return sendAs(ctx, do, key, method, url, l.body, l.patience)
	}
	ctx, cancel := context.WithTimeout(ctx, l.patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, url, nil)
	if err != nil {
		panic(err) // the situation's own mistake
	}
	start := time.Now()
	resp, err := do(req)
	if err != nil {
		return call{took: time.Since(start)}
	}
	return call{status: resp.StatusCode, took: time.Since(start)}
}

// rowsOf makes a row of each situation.
func rowsOf(situations []situation) []Contender {
	var list []Contender
	for _, s := range situations {
		list = append(list, Contender{Name: s.name, Kind: Variant, Held: true})
	}
	return list
}
