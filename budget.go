package steadyhttp

import (
	"hash/maphash"
	"sync"
	"time"
)

// A Budget bounds how much a Retrier adds to the load of a host that is in
// trouble, however many calls fail: without one, an outage meets a multiple of
// the traffic that brought it about. Each host is counted apart.
//
// The zero value allows one retry to ten requests of the last five seconds, and
// three a second on top of it, so that a lonely call still gets its retries. At
// 200 calls a second that makes 1.12 requests a call in an outage.
//
// One Budget may serve several Retriers. It is safe for concurrent use, must
// not be copied after first use, and its fields must not change once it is in
// use.
type Budget struct {
	// MaxRatio is how many retries may go with each request of the last five
	// seconds. 0 is 0.1, negative is no limit at all.
	MaxRatio float64

	// MaxPerSecond is how many retries a second are allowed beside them. 0 is 3,
	// negative is no limit at all.
	MaxPerSecond float64

	shards [budgetShards]budgetShard
}

const (
	defaultMaxRatio     = 0.1
	defaultMaxPerSecond = 3

	// The window is Finagle's idea of deposits that expire, cut to half its ten
	// seconds: what went well before an outage buys fewer retries in it.
	budgetSlot  = 500 * time.Millisecond
	budgetSlots = 10

	// Hosts are spread so that calls to different ones do not meet at one lock,
	// and bounded for crawlers.
	budgetShards = 16
	maxHosts     = 10_000 / budgetShards
)

type budgetShard struct {
	mu    sync.RWMutex // guards hosts
	hosts map[string]*hostBudget
}

// A hostBudget counts the requests and retries of the last five seconds.
type hostBudget struct {
	mu    sync.Mutex // guards what follows
	slots [budgetSlots]struct{ requests, retries int }
	at    int64 // the number of the current slot since 1970
}

func (b *Budget) unlimited() bool { return b.MaxRatio < 0 || b.MaxPerSecond < 0 }

// count notes a request that is no retry.
func (b *Budget) count(host string) {
	if b.unlimited() {
		return
	}
	if h := b.host(host); h != nil {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.advance()
		h.slots[h.at%budgetSlots].requests++
	}
}

// take reports whether there may be a retry now, and notes it if so.
func (b *Budget) take(host string) bool {
	if b.unlimited() {
		return true
	}
	h := b.host(host)
	if h == nil {
		return true
	}
	ratio, perSecond := b.MaxRatio, b.MaxPerSecond
	if ratio == 0 {
		ratio = defaultMaxRatio
	}
	if perSecond == 0 {
		perSecond = defaultMaxPerSecond
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.advance()
	var requests, retries int
	for _, s := range h.slots {
		requests += s.requests
		retries += s.retries
	}
	window := (budgetSlots * budgetSlot).Seconds()
	if float64(retries+1) > ratio*float64(requests)+perSecond*window {
		return false
	}
	h.slots[h.at%budgetSlots].retries++
	return true
}

// advance empties the slots whose time has come again. It requires h.mu held.
func (h *hostBudget) advance() {
	now := time.Now().UnixNano() / int64(budgetSlot)
	if now < h.at || now-h.at >= budgetSlots { // long ago, or the clock was set back
		clear(h.slots[:])
		h.at = now
	}
	for h.at < now {
		h.at++
		h.slots[h.at%budgetSlots] = struct{ requests, retries int }{}
	}
}

// host returns host's counters, nil if there are too many hosts at once to
// remember another.
func (b *Budget) host(host string) *hostBudget {
	s := &b.shards[maphash.String(seed, host)%budgetShards]
	s.mu.RLock()
	h := s.hosts[host]
	s.mu.RUnlock()
	if h != nil {
		return h
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if h := s.hosts[host]; h != nil {
		return h
	}
	if len(s.hosts) >= maxHosts {
		s.forgetIdle()
	}
	if len(s.hosts) >= maxHosts {
		return nil
	}
	if s.hosts == nil {
		s.hosts = make(map[string]*hostBudget)
	}
	h = &hostBudget{}
	s.hosts[host] = h
	return h
}

// forgetIdle drops the hosts that were not called for a whole window. It
// requires s.mu held.
func (s *budgetShard) forgetIdle() {
	now := time.Now().UnixNano() / int64(budgetSlot)
	for name, h := range s.hosts {
		h.mu.Lock()
		idle := now-h.at >= budgetSlots
		h.mu.Unlock()
		if idle {
			delete(s.hosts, name)
		}
	}
}
