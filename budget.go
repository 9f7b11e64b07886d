package steadyhttp

import (
	"cmp"
	"hash/maphash"
	"maps"
	"sync"
	"sync/atomic"
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

	recent atomic.Pointer[hostBudget] // one that is busy
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
	recent atomic.Pointer[hostBudget] // which the next call is likely to need again

	mu    sync.RWMutex // guards hosts
	hosts map[string]*hostBudget
}

// A hostBudget counts the requests and retries of the last five seconds. To
// count a request takes no lock: one that is counted while its slot is emptied
// may be lost, and no decision hangs on one.
type hostBudget struct {
	host  string
	slots [budgetSlots]slot
	total atomic.Uint32 // requests ever
}

// countBy is how many requests are put into a slot at one go, when the last of
// them is sent: to read the clock is the dearest part of counting. Those since
// then are taken for new.
const countBy = 16

// A slot is half a second.
type slot struct {
	number            atomic.Int64 // since this process began; what it holds of an earlier one is void
	requests, retries atomic.Int32
}

func slotNumber(t instant) int64 { return int64(t) / int64(budgetSlot) }

// slot returns the one of that number, emptied if it was that of an earlier one.
func (h *hostBudget) slot(number int64) *slot {
	s := &h.slots[number%budgetSlots]
	if was := s.number.Load(); was < number && s.number.CompareAndSwap(was, number) {
		s.requests.Store(0)
		s.retries.Store(0)
	}
	return s
}

func (b *Budget) unlimited() bool { return b.MaxRatio < 0 || b.MaxPerSecond < 0 }

// count notes a request that is no retry.
func (b *Budget) count(host string) {
	if b.unlimited() {
		return
	}
	if h := b.host(host); h != nil && h.total.Add(1)%countBy == 0 {
		h.slot(slotNumber(now())).requests.Add(countBy)
		if b.recent.Load() != h { // others read it with every request
			b.recent.Store(h)
		}
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
	current := slotNumber(now())
	s := h.slot(current)
	s.retries.Add(1) // first, so that two at once do not both take the last one
	requests, retries := int32(h.total.Load()%countBy), int32(0)
	for i := range h.slots {
		if s := &h.slots[i]; s.number.Load() > current-budgetSlots {
			requests += s.requests.Load()
			retries += s.retries.Load()
		}
	}
	window := (budgetSlots * budgetSlot).Seconds()
	if float64(retries) > cmp.Or(b.MaxRatio, defaultMaxRatio)*float64(requests)+cmp.Or(b.MaxPerSecond, defaultMaxPerSecond)*window {
		s.retries.Add(-1)
		return false
	}
	return true
}

// host returns host's counters, nil if there are too many hosts at once to
// remember another.
func (b *Budget) host(host string) *hostBudget {
	if h := b.recent.Load(); h != nil && h.host == host {
		return h
	}
	return b.lookup(host)
}

func (b *Budget) lookup(host string) *hostBudget {
	s := &b.shards[maphash.String(seed, host)%budgetShards]
	if h := s.recent.Load(); h != nil && h.host == host {
		return h
	}
	s.mu.RLock()
	h := s.hosts[host]
	s.mu.RUnlock()
	if h == nil {
		h = b.add(s, host)
	}
	s.recent.Store(h)
	return h
}

// add returns a new host's counters, nil if there are too many.
func (b *Budget) add(s *budgetShard, host string) *hostBudget {
	s.mu.Lock()
	defer s.mu.Unlock()
	if h := s.hosts[host]; h != nil {
		return h
	}
	if len(s.hosts) >= maxHosts {
		b.recent.Store(nil)
		s.forgetIdle()
	}
	if len(s.hosts) >= maxHosts {
		return nil
	}
	if s.hosts == nil {
		s.hosts = make(map[string]*hostBudget)
	}
	h := &hostBudget{host: host}
	s.hosts[host] = h
	return h
}

// forgetIdle drops the hosts that were not called for a whole window. It
// requires s.mu held.
func (s *budgetShard) forgetIdle() {
	s.recent.Store(nil)
	current := slotNumber(now())
	maps.DeleteFunc(s.hosts, func(_ string, h *hostBudget) bool {
		for i := range h.slots {
			if h.slots[i].number.Load() > current-budgetSlots {
				return false
			}
		}
		return true
	})
}
