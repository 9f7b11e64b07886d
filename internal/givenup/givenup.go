// Package givenup remembers the requests that a Retrier gave up on, so that it
// recognises a client that repeats them by itself.
package givenup

import (
	"hash/maphash"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"
	"weak"

	"github.com/steadyhttp/steadyhttp/internal/monotime"
)

const (
	// givenUpTime is how soon a request must come again to be taken for a repeat:
	// go-retryablehttp, the retry loop under most SDKs that have one without
	// saying so, waits 30 s at the most unless it is told otherwise.
	givenUpTime = 30 * time.Second

	// maxGivenUp is how many requests are remembered at the least, twice that at
	// the most: of 200 failing calls a second those of half a minute.
	maxGivenUp = 6000
)

// A Memory remembers the requests that a Retrier gave up on. One that comes
// again soon is repeated by a loop further out, which multiplies our attempts
// by its own: it gets one attempt from then on, until it succeeds.
//
// Two things tell a loop from others who want the same. Either it hands in the
// same URL, by its address: another call has its own as a rule. Or it makes a new
// request each time with its own context: calls to one URL that end with the same
// Done channel belong together. Each that was given up is taken for one repeat, so
// that many calls with a context in common are not all held to be repeats of one
// that failed; and a context that never ends, as context.Background, tells nothing.
type Memory struct {
	latest atomic.Int64 // the instant of the last one; 0 if it is too long ago to matter

	mu         sync.Mutex // guards what follows
	marks, old map[mark]givenUp
	added      int // to marks
}

// A mark tells requests apart.
type mark struct {
	url    weak.Pointer[url.URL] // the URL by its address,
	text   uint64                // or a hash of it, and
	done   <-chan struct{}       // the Done channel of the context
	method string
	length int64
}

// givenUp is when the last request of one mark was, and whether any two of them
// were under way at once.
type givenUp struct {
	at     monotime.Instant
	shared bool
}

var seed = maphash.MakeSeed()

// marksOf returns the marks of req: by the address of its URL, and by its context
// if that can end.
func marksOf(req *http.Request) (marks [2]mark, n int) {
	marks[0] = mark{url: weak.Make(req.URL), method: req.Method, length: req.ContentLength}
	if done := req.Context().Done(); done != nil && req.URL != nil {
		marks[1] = mark{text: maphash.String(seed, req.URL.String()), done: done, method: req.Method, length: req.ContentLength}
		return marks, 2
	}
	return marks, 1
}

// Began returns when a call begins, 0 if that can matter to nobody since none
// was given up of late.
func (g *Memory) Began() monotime.Instant {
	latest := g.latest.Load()
	if latest == 0 {
		return 0
	}
	t := monotime.Now()
	if t.Sub(monotime.Instant(latest)) > givenUpTime {
		g.latest.CompareAndSwap(latest, 0)
		return 0
	}
	return t
}

// Add remembers that req, whose call began at start, was given up.
func (g *Memory) Add(req *http.Request, start monotime.Instant) {
	marks, n := marksOf(req)
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.marks == nil || g.added >= maxGivenUp {
		g.marks, g.old, g.added = make(map[mark]givenUp), g.marks, 0
	}
	g.added++
	t := monotime.Now()
	for _, m := range marks[:n] {
		was, ok := g.of(m)
		recent := ok && t.Sub(was.at) <= givenUpTime
		g.marks[m] = givenUp{t, recent && (was.shared || was.at > start)}
	}
	g.latest.Store(int64(t))
}

// of returns what is remembered of m. It requires g.mu held.
func (g *Memory) of(m mark) (givenUp, bool) {
	was, ok := g.marks[m]
	if !ok {
		was, ok = g.old[m]
	}
	return was, ok
}

// Has reports whether req was given up shortly before a call with it began. One
// that was under way by then is no repeat.
func (g *Memory) Has(req *http.Request, began monotime.Instant) bool {
	if began == 0 {
		return false
	}
	marks, n := marksOf(req)
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, m := range marks[:n] {
		if was, ok := g.of(m); ok && !was.shared && began >= was.at && began.Sub(was.at) <= givenUpTime {
			return true
		}
	}
	return false
}

// Forget takes it that a loop has ended, since a call with req that began then
// succeeded.
func (g *Memory) Forget(req *http.Request, began monotime.Instant) {
	if began == 0 {
		return
	}
	marks, n := marksOf(req)
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, m := range marks[:n] {
		delete(g.marks, m)
		delete(g.old, m)
	}
}
