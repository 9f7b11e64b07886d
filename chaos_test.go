package steadyhttp_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptrace"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyhttp/steadyhttp"
	"github.com/steadyhttp/steadyhttp/steadyhttptest"
)

// The long run is
//
//	go test -race -v -run TestChaos . -chaos.calls 10000 -chaos.seeds 3
var (
	chaosCalls = flag.Int("chaos.calls", 2000, "how many calls TestChaos makes with each seed")
	chaosSeeds = flag.Int("chaos.seeds", 1, "with how many seeds TestChaos runs")
)

const (
	chaosWorkers = 64
	givesUp      = 97 // each caller of so many
)

// The kinds of calls that take turns: by what a second time would do.
const (
	reads = iota // a GET
	sets         // a PUT, which may be done twice
	keyed        // a POST with an idempotency key, which the server does once
	plain        // a POST without: that it is done once is up to the client
	kinds
)

// Calls through faults on both sides, from 64 workers. Each ends in one of the ways that it may, no order is lost or
// carried out twice, and nothing stays behind. The network is in memory and time is synctest's, so that the Transport
// can keep all its defaults, waits and deadlines too.
func TestChaos(t *testing.T) {
	quietLog(t)
	for seed := range uint64(*chaosSeeds) {
		t.Run(fmt.Sprint("seed ", seed+1), func(t *testing.T) {
			before, goroutines := heap(), runtime.NumGoroutine()
			synctest.Test(t, func(t *testing.T) { newChaos(seed+1, *chaosCalls).run(t) })
			if left := settled(goroutines); left > 0 {
				t.Errorf("%d goroutines left behind", left)
			}
			// Some of what net/http and the runtime allocate once stays.
			if grown := heap() - before; grown > 2<<20 {
				t.Errorf("the heap grew by %d KiB", grown>>10)
			}
		})
	}
}

func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // what the first finalized and what pools held
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// chaos is one run.
type chaos struct {
	calls  int
	faults *steadyhttptest.Faults
	server *chaosServer
	wrote  atomic.Int64 // requests whose headers were written, net/http's own repeats with them

	mu   sync.Mutex // guards what follows
	ends map[string]int
	sent int // attempts, as the callers' records say
}

func newChaos(seed uint64, calls int) *chaos {
	c := &chaos{calls: calls, server: newChaosServer(seed, calls), ends: make(map[string]int)}
	c.faults = &steadyhttptest.Faults{
		Base: roundTripperFunc(func(req *http.Request) (*http.Response, error) {
			return c.server.client.RoundTrip(req.WithContext(httptrace.WithClientTrace(req.Context(), &httptrace.ClientTrace{
				WroteHeaders: func() { c.wrote.Add(1) },
			})))
		}),
		Seed:       seed,
		RefuseRate: 0.01, ResetRate: 0.01, SilenceRate: 0.002, CutRate: 0.01, StallRate: 0.002,
		ReplyRate: 0.02, Replies: []steadyhttptest.Reply{
			{Status: 502}, {Status: 503, Header: http.Header{"Retry-After": {"1"}}}, {Status: 429, Header: http.Header{"Retry-After-Ms": {"20"}}}, {Drop: true},
		},
		SlowRate: 0.1, Delay: 50 * time.Millisecond,
	}
	return c
}

func (c *chaos) run(t *testing.T) {
	start := time.Now()
	client := &http.Client{Transport: &steadyhttp.Transport{
		Base:    c.faults,
		Retrier: &steadyhttp.Retrier{AttemptTimeout: 2 * time.Second},
	}}
	var next atomic.Int64
	var workers sync.WaitGroup
	for range chaosWorkers {
		workers.Go(func() {
			for id := int(next.Add(1)) - 1; id < c.calls; id = int(next.Add(1)) - 1 {
				c.call(t, client, id)
			}
		})
	}
	workers.Wait()
	took := time.Since(start)
	client.CloseIdleConnections()
	c.server.close()

	requests, faults := c.faults.Count()
	received, effects := c.server.received, 0
	for _, n := range c.server.effects {
		effects += n
	}
	t.Logf("%d calls in %s of a bubble: %d attempts, %d reached the faults and %d met one, %d were written, %d received, %d effects",
		c.calls, took.Round(time.Second), c.sent, requests, faults, c.wrote.Load(), received, effects)
	total := 0
	for end, n := range c.ends {
		t.Logf("%6d %s", n, end)
		total += n
	}
	if total != c.calls {
		t.Errorf("%d calls ended, want %d", total, c.calls)
	}
	// Of the attempts some end in the Throttler's line. Those that get further are received, unless their caller gave up
	// the moment that they were written.
	lost := int(c.wrote.Load()) - received
	if c.sent < requests || requests < c.calls*9/10 || lost < 0 || lost > c.calls/givesUp {
		t.Errorf("counts that do not agree: %d attempts and %d seen below, %d written and %d received", c.sent, requests, c.wrote.Load(), received)
	}
	if faults == 0 || c.sent <= c.calls {
		t.Errorf("%d faults, and %d attempts of %d calls: nothing was tried", faults, c.sent, c.calls)
	}
	if good := c.ends["200"]; good < c.calls*9/10 {
		t.Errorf("%d of %d calls succeeded, want nine in ten", good, c.calls)
	}
}

// call makes one call, and holds what its caller was told against what the server did.
func (c *chaos) call(t *testing.T, client *http.Client, id int) {
	ctx, cancel := context.WithTimeout(steadyhttp.WithCall(t.Context()), 30*time.Second)
	defer cancel()
	if id%givesUp == 0 {
		time.AfterFunc(time.Duration(id%13)*10*time.Millisecond, cancel)
	}
	kind := id % kinds
	method := [...]string{reads: "GET", sets: "PUT", keyed: "POST", plain: "POST"}[kind]
	var body io.Reader
	if kind != reads {
		body = strings.NewReader("an order")
	}
	req, err := http.NewRequestWithContext(ctx, method, fmt.Sprintf("http://shop.test/%d?id=%d", kind, id), body)
	if err != nil {
		t.Error(err)
		return
	}
	if kind == keyed {
		req.Header.Set("Idempotency-Key", strconv.Itoa(id))
	}
	end, fate := c.end(t, client, req)
	record, _ := steadyhttp.FromContext(ctx)
	cancel()

	effects := c.server.effectsOf(id)
	applied := fate == steadyhttp.FateApplied
	switch {
	case applied && effects == 0:
		t.Errorf("call %d: %s, but the server did nothing", id, end)
	case kind == plain && effects > 0 && (fate == steadyhttp.FateNeverSent || fate == steadyhttp.FateRefused):
		t.Errorf("call %d: %s, but the server did it", id, end)
	case (kind == plain || kind == keyed) && effects > 1:
		t.Errorf("call %d: %s, and the server did it %d times", id, end, effects)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ends[end]++
	c.sent += record.Attempts
}

// end makes the request and says how it ended, and what became of it as far as the caller can know.
func (c *chaos) end(t *testing.T, client *http.Client, req *http.Request) (string, steadyhttp.Fate) {
	resp, err := client.Do(req)
	var e *steadyhttp.Error
	if errors.As(steadyhttp.Check(resp, err), &e) {
		if resp != nil {
			io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		} else if record, _ := steadyhttp.FromContext(req.Context()); record.Error != nil {
			e = record.Error
		}
		switch e.Class {
		case steadyhttp.Connection, steadyhttp.Timeout, steadyhttp.Canceled, steadyhttp.ServerError, steadyhttp.Unavailable, steadyhttp.RateLimit:
		default:
			t.Errorf("a class that nobody caused: %v", e)
		}
		return fmt.Sprintf("%v, %v", e.Class, e.Fate), e.Fate
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return "200, then " + asErrorClass(err).String(), steadyhttp.FateApplied
	}
	if want := "done " + req.URL.Query().Get("id"); string(b) != want {
		t.Errorf("got the answer %q, want %q", b, want)
	}
	return "200", steadyhttp.FateApplied
}

// chaosServer carries out orders, and fails now and then before or after.
type chaosServer struct {
	client *http.Transport
	server *http.Server
	conns  chan net.Conn
	ended  chan struct{}

	mu       sync.Mutex // guards what follows
	random   *rand.Rand
	received int
	effects  []int // by the call's number
}

func newChaosServer(seed uint64, calls int) *chaosServer {
	s := &chaosServer{
		conns:   make(chan net.Conn),
		ended:   make(chan struct{}),
		random:  rand.New(rand.NewPCG(seed, 1)),
		effects: make([]int, calls),
	}
	s.server = &http.Server{Handler: s}
	s.client = &http.Transport{MaxIdleConnsPerHost: chaosWorkers, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		select {
		case s.conns <- theirs:
			return ours, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}}
	go s.server.Serve(s)
	return s
}

// Accept, Close and Addr make it a net.Listener.
func (s *chaosServer) Accept() (net.Conn, error) {
	select {
	case c := <-s.conns:
		return c, nil
	case <-s.ended:
		return nil, net.ErrClosed
	}
}

func (s *chaosServer) Close() error   { return nil }
func (s *chaosServer) Addr() net.Addr { return &net.TCPAddr{} }

func (s *chaosServer) close() {
	s.client.CloseIdleConnections()
	close(s.ended)
	s.server.Close()
	synctest.Wait()
}

func (s *chaosServer) effectsOf(id int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.effects[id]
}

// draw is a number from 0 to 1000, and how long to take.
func (s *chaosServer) draw() (int, time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.received++
	return s.random.IntN(1000), time.Duration(s.random.IntN(20)) * time.Millisecond
}

func (s *chaosServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	what, slow := s.draw()
	switch { // before it is done
	case what < 10:
		panic(http.ErrAbortHandler)
	case what < 20:
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	case what < 25:
		w.WriteHeader(http.StatusTooManyRequests)
		return
	case what < 30:
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		return
	}
	time.Sleep(slow)
	id := r.URL.Query().Get("id")
	s.carryOut(id, r.Header.Get("Idempotency-Key") != "")
	switch { // after it was done
	case what < 40:
		panic(http.ErrAbortHandler)
	case what < 45:
		w.WriteHeader(http.StatusInternalServerError)
	case what < 50:
		w.WriteHeader(http.StatusBadGateway)
	case what < 52:
		<-r.Context().Done()
	case what < 60:
		w.Header().Set("Content-Length", "100")
		io.WriteString(w, "done")
	default:
		io.WriteString(w, "done "+id)
	}
}

func (s *chaosServer) carryOut(id string, once bool) {
	n, err := strconv.Atoi(id)
	if err != nil {
		panic(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !once || s.effects[n] == 0 {
		s.effects[n]++
	}
}
