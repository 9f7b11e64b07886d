package steadyhttp

import (
	"net/url"
	"sync"
	"time"
	"weak"
)

const (
	// givenUpTime is how soon a request must come again to be taken for a repeat:
	// go-retryablehttp, the retry loop under most SDKs that have one without
	// saying so, waits 30 s at the most unless it is told otherwise.
	givenUpTime = 30 * time.Second

	// maxGivenUp bounds what is remembered. A caller who repeats comes back soon,
	// so that it does no harm to start anew.
	maxGivenUp = 1024
)

// A givenUp remembers the requests that a Retrier gave up on. One that comes
// again soon is repeated by a loop further out, which multiplies our attempts
// by its own: it gets one attempt from then on. A loop hands in the same URL, by
// its address, each time; another call to the same place has its own.
type givenUp struct {
	mu   sync.Mutex // guards what follows
	when map[weak.Pointer[url.URL]]time.Time
}

func (g *givenUp) add(u *url.URL) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.when == nil || len(g.when) >= maxGivenUp {
		g.when = make(map[weak.Pointer[url.URL]]time.Time)
	}
	g.when[weak.Make(u)] = time.Now()
}

func (g *givenUp) has(u *url.URL) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	at, ok := g.when[weak.Make(u)]
	return ok && time.Since(at) <= givenUpTime
}
