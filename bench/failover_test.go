package bench

import (
	"fmt"
	"math"
	"net"
	"net/http"
	"os"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/steadyhttp/steadyhttp"
)

// The time before the primary is down, of that, and after it.
const (
	healthyFor = 10 * time.Second
	downFor    = time.Minute
	backFor    = time.Minute
	callsEach  = time.Second / 10

	knownAfter = 3 * time.Second // everybody can know by then that it is down
	backAfter  = 2 * time.Second // everybody can know by then that it is back
)

// sdkAlone has no fallback.
var sdkAlone = rivals[slices.IndexFunc(rivals, func(c Contender) bool { return c.Name == "openai-go" })]

var fallbackRivals = []Contender{
	failsafeTo("failsafe-go, fallback", "`failsafehttp.NewRoundTripper(base, fallback, retryPolicy)`, the order of its documentation: when the retries above are used up, "+
		"a `fallback.NewBuilderWithFunc` sends the request to the fallback with that one's key. It handles 429, 5xx and errors, since by default only errors count.",
		goToFallback, fallbackLast),
	failsafeTo("failsafe-go, fallback and breaker", "The same with the circuit breaker above, `NewRoundTripper(base, fallback, retryPolicy, circuitBreaker)`; the retries end with "+
		"`AbortOnErrors(circuitbreaker.ErrOpen)`, so that the fallback is asked at once while it is open.",
		goToFallback, fallbackWhenOpen),
	failsafeTo("failsafe-go, retries around", "The other way round, `NewRoundTripper(base, retryPolicy, fallback)`: the fallback is asked at once, and both are repeated.",
		goToFallback, fallbackFirst),
	restyTo("resty v3, in turns", "`SetLoadBalancer(NewRoundRobin(primary, fallback))`, `SetRetryCount(3)` for 429, 5xx and errors, POST too; "+
		"its waits of 0.1 to 2 s. An attempt goes to the next host. Each host gets its key from a RoundTripper below, since a balancer knows addresses only.",
		inTurns),
	restyTo("resty v3, by weight", "The same with `NewWeightedRoundRobin`, as near to a primary and a fallback as it comes: weights 99 and 1, and 10 s until a host "+
		"is tried again (its default, 2 min, would come back later).",
		byWeight),
}

var failovers = []scenario{
	primaryDown("A primary that is down for a minute", "answers 503", reply{status: http.StatusServiceUnavailable}),
	primaryDown("A primary that refuses connections for a minute", "refuses connections", reply{err: errRefused}),
	twoKeys,
}

// errRefused is what net/http has for a port that nobody listens to.
var errRefused = &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}

func primaryDown(title, what string, down reply) scenario {
	return scenario{
		table: Table{
			Title: title,
			About: fmt.Sprintf("10 chat completions a second for %v, each with 30 s of patience, to a server that %s from the 10th to the 70th second, beside another that works. "+
				"Added is what a call that began in that minute takes beyond the 20 ms of an answer. The primary is known to be down 3 s after the first failure; "+
				"back is when of ten answers in a row nine are the primary's again; the share of the fallback is that of the answers from 2 s after the primary's return on.",
				healthyFor+downFor+backFor, what),
			Columns: []Column{
				{Name: "answered", Unit: Share, Better: Higher, Goal: goal(1), Short: true},
				{Name: "lost", Unit: Count, Better: Lower, Joined: true},
				{Name: "half of the calls: added", Unit: Span, Better: Lower, Goal: goal(float64(50 * time.Millisecond)), Short: true},
				{Name: "slowest of a hundred: added", Unit: Span, Better: Lower},
				{Name: "requests a second to the primary that is known to be down", Unit: Ratio, Better: Lower, Goal: goal(1.1), Short: true},
				{Name: "back after", Unit: Span, Better: Lower, Goal: goal(float64(backAfter)), Short: true},
				{Name: "at the fallback after that", Unit: Share, Better: Lower, Goal: goal(0)},
			},
		},
		contenders: slices.Concat([]Contender{bare,
			steadyTo(steady.Name, Ours, "The Transport with `Failover: &Failover{Targets: []Target{{URL, Header}}}` that names the fallback and its key.", toFallback, nil),
		}, fallbackRivals, []Contender{sdkAlone}),
		ask: func(t *testing.T, c Contender, s sizes) []float64 { return primaryDownFigures(t, c.Wrap, down) },
	}
}

func primaryDownFigures(t *testing.T, wrap func(http.RoundTripper) Doer, down reply) []float64 {
	const begins, ends = healthyFor, healthyFor + downFor
	start := time.Now()
	known := 0 // requests to the primary in vain
	var afterwards []bool
	back := math.Inf(1)
	w := &wire{way: serviceTime / 2, serve: func(req *http.Request, _ []byte) reply {
		at := time.Since(start)
		first := req.URL.Host != fallbackHost
		if key := req.Header.Get("Authorization"); (key == bearer.Get("Authorization")) == first {
			t.Errorf("the key of one host is sent to the other, %s", req.URL.Host)
		}
		if first && at >= begins && at < ends {
			if at >= begins+knownAfter {
				known++
			}
			return down
		}
		if at >= ends {
			afterwards = append(afterwards, first)
			if n := len(afterwards); math.IsInf(back, 1) && n >= 10 && countTrue(afterwards[n-10:]) >= 9 {
				back = max(0, float64(at-ends-9*callsEach))
			}
		}
		return reply{body: chatJSON}
	}}
	do := wrap(w)
	var mu sync.Mutex
	var calls, good int
	var added []time.Duration
	var wg sync.WaitGroup
	for time.Since(start) < healthyFor+downFor+backFor {
		wg.Go(func() {
			began := time.Since(start)
			c := send(t.Context(), do, "POST", chatURL, chatBody, callPatience)
			mu.Lock()
			defer mu.Unlock()
			calls, good = calls+1, good+count(c.good())
			if began >= begins && began < ends {
				added = append(added, c.took-serviceTime)
			}
		})
		time.Sleep(callsEach)
	}
	wg.Wait()
	w.end()
	slices.Sort(added)
	late := afterwards[min(len(afterwards), int(backAfter/callsEach)):]
	return []float64{
		float64(good) / float64(calls),
		float64(calls - good),
		float64(added[len(added)/2]),
		float64(added[len(added)*99/100]),
		float64(known) / (downFor - knownAfter).Seconds(),
		back,
		float64(len(late)-countTrue(late)) / float64(len(late)),
	}
}

func countTrue(list []bool) (n int) {
	for _, is := range list {
		n += count(is)
	}
	return n
}

// The bucket of each of two keys: a tenth of a second's worth, so that the ideal is
// what comes in by time.
const keyBurst = limitRate / 10

var twoKeys = scenario{
	table: Table{
		Title: "Two keys of 50 a second",
		About: "64 workers do 1,000 chat completions with two keys, of which the server lets each have 50 a second (a bucket of 5), and tells them in `x-ratelimit` headers, " +
			"`Retry-After` and `retry-after-ms`. The ideal is 10 s. Bare and the SDK have one key, and for them the ideal is the same.",
		Columns: []Column{
			{Name: "jobs lost", Unit: Share, Better: Lower, Goal: goal(0), Short: true},
			{Name: "time, over the ideal", Unit: Ratio, Better: Lower, Goal: goal(1.05), Short: true},
			{Name: "answers that are 429", Unit: Share, Better: Lower, Goal: goal(0.01), Short: true},
			{Name: "requests a job", Unit: Ratio, Better: Lower},
		},
	},
	contenders: []Contender{
		bare,
		steadyTo(steady.Name, Ours, "The Transport with `Failover: &Failover{Hosts, Targets: []Target{{Header}}}` that names the host and the other key.", toOtherKey, nil),
		steadyTo("steadyhttp, limit set", Variant, "The same with `RequestsPerSecond: 50, Burst: 5`, which holds for each key.", toOtherKey,
			func() *steadyhttp.Throttler {
				return &steadyhttp.Throttler{RequestsPerSecond: limitRate, Burst: keyBurst}
			}),
		failsafeTo("failsafe-go, fallback", "As in the tables before; the fallback has the other key.", takeOtherKey, fallbackLast),
		failsafeTo("failsafe-go, fallback and breaker", "As in the tables before, with the other key.", takeOtherKey, fallbackWhenOpen),
		failsafeTo("failsafe-go, retries around", "As in the tables before, with the other key.", takeOtherKey, fallbackFirst),
		restyKeys("resty v3, keys in turns", "Its balancer has addresses and no keys: a request middleware gives each attempt the next key; the retries as above."),
		sdkAlone,
	},
	ask: func(t *testing.T, c Contender, s sizes) []float64 {
		limits := map[string]*limit{}
		for _, key := range []string{"test-key", fallbackKey} {
			limits["Bearer "+key] = &limit{unit: "requests", perSecond: limitRate, burst: keyBurst}
		}
		w := &wire{way: serviceTime / 2, serve: func(req *http.Request, body []byte) reply {
			return limits[req.Header.Get("Authorization")].serve(req, body)
		}}
		took, good := work(t, c.Wrap(w), func(int) string { return chatBody })
		refused := 0
		for _, l := range limits {
			refused += l.refused
		}
		return []float64{
			float64(jobs-good) / jobs,
			took.Seconds() / (jobs / (2 * limitRate)),
			float64(refused) / float64(w.requests()),
			float64(w.requests()) / jobs,
		}
	},
}
