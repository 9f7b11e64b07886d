// Package givenup remembers the requests that a Retrier gave up on, so that it
// recognises a client that repeats them by itself.
package givenup

import (
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
// by its own: it gets one attempt from then on, until it succeeds. A loop hands
// in the same URL, by its address, each time; another call to the same place has
// its own as a rule.
type Memory struct {
	latest atomic.Int64 // the instant of the last one; 0 if it is too long ago to matter

	mu         sync.Mutex // guards what follows
	marks, old map[mark]monotime.Instant
}

// A mark tells requests apart: those that share a URL differ in the rest.
type mark struct {
	url    weak.Pointer[url.URL]
	method string
	length int64
}

func markOf(req *http.Request) mark { return mark{weak.Make(req.URL), req.Method, req.ContentLength} }

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

// Add remembers that req was given up.
func (g *Memory) Add(req *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.marks == nil || len(g.marks) >= maxGivenUp {
		g.marks, g.old = make(map[mark]monotime.Instant), g.marks
	}
	t := monotime.Now()
	g.marks[markOf(req)] = t
	g.latest.Store(int64(t))
}

// Has reports whether req was given up shortly before a call with it began. One
// that was under way by then is no repeat.
func (g *Memory) Has(req *http.Request, began monotime.Instant) bool {
	if began == 0 {
		return false
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	m := markOf(req)
	at, ok := g.marks[m]
	if !ok {
		at, ok = g.old[m]
	}
	return ok && began >= at && began.Sub(at) <= givenUpTime
}

// Forget takes it that a loop has ended, since a call with req that began then
// succeeded.
func (g *Memory) Forget(req *http.Request, began monotime.Instant) {
	if began == 0 {
		return
	}
	m := markOf(req)
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.marks, m)
	delete(g.old, m)
}
