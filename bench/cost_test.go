package bench

import (
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/steadyhttp/steadyhttp"
)

// A request is what a measurement of costs sends, again and again. Each call
// gets a request of its own, as the others change the one they are given.
type request struct {
	name    string
	method  string
	url     string
	body    string
	getBody bool
	key     bool // an idempotency key
}

var (
	prompt = `{"model":"gpt-4o","messages":[{"role":"user","content":"` + strings.Repeat("hello ", 330) + `"}]}` // 2 KiB

	get         = request{name: "GET", method: "GET", url: itemsURL}
	keyed       = request{name: "POST with an idempotency key", method: "POST", url: orderURL, body: prompt, getBody: true, key: true}
	order       = request{name: "POST that may not be repeated", method: "POST", url: orderURL, body: prompt, getBody: true}
	chat        = request{name: "chat completion", method: "POST", url: chatURL, body: prompt, getBody: true}
	chatWithout = request{name: "chat completion without GetBody", method: "POST", url: chatURL, body: prompt}
)

// build returns a function that makes such requests to url, cheaply.
func (r request) build(url string) func() *http.Request {
	template, err := http.NewRequest(r.method, url, nil)
	if err != nil {
		panic(err)
	}
	template.Header.Set("Authorization", "Bearer test-key")
	if r.body == "" {
		return func() *http.Request { return template.WithContext(template.Context()) }
	}
	template.Header.Set("Content-Type", "application/json")
	if r.key {
		template.Header.Set("Idempotency-Key", "4f1c")
	}
	template.ContentLength = int64(len(r.body))
	open := func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(r.body)), nil }
	return func() *http.Request {
		req := template.WithContext(template.Context())
		req.Body, _ = open()
		if r.getBody {
			req.GetBody = open
		}
		return req
	}
}

// call makes one call and reads its answer.
func (d Doer) call(req *http.Request) error {
	resp, err := d(req)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	return err
}

// noop is the base that costs next to nothing: it reads the request's body and
// answers with a chat completion.
type noop struct{ header http.Header }

func (n noop) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body != nil {
		_, err := io.Copy(io.Discard, req.Body)
		req.Body.Close()
		if err != nil {
			return nil, err
		}
	}
	return &http.Response{
		Status: "200 OK", StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: n.header, Body: io.NopCloser(strings.NewReader(chatJSON)), ContentLength: int64(len(chatJSON)), Request: req,
	}, nil
}

// costs is the price of success over a base that costs nothing.
var costs = []scenario{
	overNoop(get, goal(250), goal(0), "The answer is one that need not be looked into."),
	overNoop(keyed, goal(250), goal(0), "With a body of 2 KiB that `GetBody` gives again."),
	overNoop(order, nil, nil, "The same without a key: whether a failure may be repeated depends on httptrace, which costs."),
	overNoop(chat, nil, nil, "With a prompt of 2 KiB, `GetBody`, and an answer whose usage and errors we read."),
	overNoop(chatWithout, nil, nil, "The same without `GetBody`: who repeats must keep the body."),
}

func overNoop(r request, ns, allocs *float64, about string) scenario {
	return scenario{
		table: Table{
			Title: "Cost of success: " + r.name,
			About: about + " Over a base that only reads the request and answers with 300 bytes of JSON, and beyond what that costs itself " +
				"(the bare row): time a call in one goroutine; in 64, the time that all took over the number of their calls; and allocations.",
			Columns: []Column{
				{Name: "time", Unit: Nanos, Better: Lower, Goal: ns, Short: true},
				{Name: "time, 64 goroutines", Unit: Nanos, Better: Lower},
				{Name: "allocations", Unit: Count, Better: Lower, Goal: allocs, Short: true},
			},
		},
		contenders: everybody(wrappers...),
		measure: func(t *testing.T, cs []Contender, s sizes) [][]float64 {
			build := r.build(r.url)
			doers := make([]Doer, len(cs))
			figures := make([][]float64, len(cs))
			for i, c := range cs {
				doers[i] = c.Wrap(noop{http.Header{"Content-Type": {"application/json"}}})
			}
			for i, do := range doers {
				floor, one := byTurns(s.noopTurns, alone(t, doers[0], build, s), alone(t, do, build, s))
				floorOfAll, all := byTurns(s.rounds, together(t, doers[0], build, s), together(t, do, build, s))
				allocs := testing.AllocsPerRun(s.allocRuns, func() { timed(t, do, build()) })
				if figures[i] = []float64{one[0], all[0], allocs}; i > 0 {
					figures[i] = []float64{max(0, one[0]-floor[0]), max(0, all[0]-floorOfAll[0]), allocs - figures[0][2]}
				}
			}
			return figures
		},
	}
}

// spend returns the nanoseconds a call, of several goroutines that make so many
// calls each: enough of them to make up for what a new goroutine's stack costs
// until it is as large as the calls need.
func spend(t *testing.T, do Doer, build func() *http.Request, goroutines, each int) float64 {
	start := time.Now()
	if goroutines == 1 {
		for range each {
			if err := do.call(build()); err != nil {
				t.Fatal(err)
			}
		}
		return float64(time.Since(start)) / float64(each)
	}
	var wg sync.WaitGroup
	for range goroutines {
		wg.Go(func() {
			for range each {
				if err := do.call(build()); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	return float64(time.Since(start)) / float64(each*goroutines)
}

// permits is what a Throttler with limits costs a call that need not wait.
var permits = []scenario{{
	table: Table{
		Title: "A permit that is there",
		About: "A Throttler alone with limits of requests, tokens and concurrency that do not bind: its cost beyond the base's, in units of a " +
			"`time.Now` within a locked mutex, and with 64 goroutines under one key, over one.",
		Columns: []Column{
			{Name: "time, in such units", Unit: Ratio, Better: Lower, Goal: goal(5)},
			{Name: "time a call of 64 goroutines, over one", Unit: Ratio, Better: Lower, Goal: goal(2)},
			{Name: "allocations", Unit: Count, Better: Lower, Goal: goal(0)},
		},
	},
	contenders: []Contender{{
		Name: "its Throttler, limits set", Kind: Ours,
		How: "`&steadyhttp.Throttler{RequestsPerSecond: …, TokensPerMinute: …, MaxConcurrent: …}`, too large to bind.",
		Wrap: func(base http.RoundTripper) Doer {
			return (&steadyhttp.Throttler{Base: base, RequestsPerSecond: 1e12, TokensPerMinute: 1e15, MaxConcurrent: 1 << 20}).RoundTrip
		},
	}},
	measure: func(t *testing.T, cs []Contender, s sizes) [][]float64 {
		fixed := &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"application/json"}}, Body: http.NoBody}
		base := Doer(func(*http.Request) (*http.Response, error) { return fixed, nil })
		runtime.GC() // what was measured before is not to be paid for here
		do := cs[0].Wrap(roundTripper(base))
		req := get.build(get.url)()
		build := func() *http.Request { return req }
		var mu sync.Mutex
		var at time.Time
		pair := Doer(func(*http.Request) (*http.Response, error) {
			mu.Lock()
			at = time.Now()
			mu.Unlock()
			return fixed, nil
		})
		floorOfUnit, unit := byTurns(s.noopTurns, alone(t, base, build, s), alone(t, pair, build, s))
		floorOfOne, one := byTurns(s.noopTurns, alone(t, base, build, s), alone(t, do, build, s))
		_, many := byTurns(s.rounds, alone(t, do, build, s), together(t, do, build, s))
		if at.IsZero() {
			t.Error("no time was taken")
		}
		allocs := testing.AllocsPerRun(s.allocRuns, func() { timed(t, do, req) })
		return [][]float64{{(one[0] - floorOfOne[0]) / (unit[0] - floorOfUnit[0]), many[0] / one[0], allocs}}
	},
}}

// loopback is the same price where there is a network, if only to this machine.
var loopback = []scenario{overLoopback(get), overLoopback(chat)}

func overLoopback(r request) scenario {
	return scenario{
		table: Table{
			Title: "Over loopback: " + r.name,
			About: "To a `net/http` server on this machine that answers with 2 KiB in chunks, as nearly all servers of models do, through one " +
				"`http.Transport` that all share: the median time of a call in one goroutine, and the throughput of 64 goroutines, each by turns " +
				"with bare calls and over them.",
			Columns: []Column{
				{Name: "time, over bare", Unit: Ratio, Better: Lower, Goal: goal(1.02), Short: true},
				{Name: "throughput of 64 goroutines, over bare", Unit: Ratio, Better: Higher, Goal: goal(0.98), Short: true},
			},
		},
		contenders: everybody(again, ahead, wrappers[len(wrappers)-1]),
		measure: func(t *testing.T, cs []Contender, s sizes) [][]float64 {
			server := newServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				w.Header().Set("Content-Type", "application/json")
				_, _ = io.WriteString(w, longJSON)
			}))
			build := r.build(server.url + strings.TrimPrefix(r.url, "https://api.example.com"))
			doers := make([]Doer, len(cs))
			for i, c := range cs {
				doers[i] = c.Wrap(server.base)
				spend(t, doers[i], build, s.parallel, 1) // opens the connections
			}
			one := func(i int) measure {
				return func() []float64 { return []float64{timed(t, doers[i], build())} }
			}
			many := func(i int) measure { return together(t, doers[i], build, s) }
			figures := [][]float64{{1, 1}}
			for i := 1; i < len(cs); i++ {
				figures = append(figures, append(
					over(byTurns(s.wireCalls, one(0), one(i))),
					over(byTurns(s.wireRounds, many(i), many(0)))...,
				))
			}
			return figures
		},
	}
}

// timed is the nanoseconds that one call takes.
func timed(t *testing.T, do Doer, req *http.Request) float64 {
	start := time.Now()
	if err := do.call(req); err != nil {
		t.Fatal(err)
	}
	return float64(time.Since(start))
}

// A measure takes times of one thing.
type measure func() []float64

// alone measures what a call costs one goroutine, together what it costs many.
func alone(t *testing.T, do Doer, build func() *http.Request, s sizes) measure {
	return func() []float64 { return []float64{spend(t, do, build, 1, s.noopCalls)} }
}

func together(t *testing.T, do Doer, build func() *http.Request, s sizes) measure {
	return func() []float64 { return []float64{spend(t, do, build, s.parallel, s.eachCalls)} }
}

// byTurns takes times of two things, so often and by turns, so that whatever
// else the machine does happens to both. It returns the medians.
func byTurns(turns int, a, b measure) ([]float64, []float64) {
	var took [2][][]float64 // by column
	for turn := range turns {
		for i := range took {
			which := (i + turn) % 2
			for column, f := range [...]measure{a, b}[which]() {
				if turn == 0 {
					took[which] = append(took[which], nil)
				}
				took[which][column] = append(took[which][column], f)
			}
		}
	}
	return medians(took[0]), medians(took[1])
}

func medians(columns [][]float64) []float64 {
	all := make([]float64, len(columns))
	for i, list := range columns {
		all[i] = median(list)
	}
	return all
}

// over returns the ratios of b's figures to a's.
func over(a, b []float64) []float64 {
	ratios := make([]float64, len(a))
	for i := range a {
		ratios[i] = b[i] / a[i]
	}
	return ratios
}

// BenchmarkLoopback is for profiles: a chat completion over loopback, in chunks.
func BenchmarkLoopback(b *testing.B) {
	server := newServer(b, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, longJSON)
	}))
	for _, c := range []Contender{bare, steady} {
		b.Run(c.Name, func(b *testing.B) {
			do, build := c.Wrap(server.base), chat.build(server.url+"/v1/chat/completions")
			b.ReportAllocs()
			for b.Loop() {
				if err := do.call(build()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
