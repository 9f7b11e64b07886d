package limiter

import (
	"strings"
	"sync"
	"sync/atomic"

	"github.com/steadyhttp/steadyhttp/internal/monotime"
	"github.com/steadyhttp/steadyhttp/limit"
)

// maxHosts bounds what is remembered, so that a crawler's many hosts do not fill
// the memory: with a route that asked for a pause, a host takes 1.2 kB, and all of
// them less than 64 MiB.
const maxHosts = 40_000

// maxAllKeys bounds the Keys of all hosts together: as many hosts as that with
// several Keys each are known by less. With all of both the memory takes some 70
// MiB.
const maxAllKeys = 60_000

// A host is what is known of one host: as a whole, and of each Key that is part
// of it. All that a request needs is in one, so that it is let go in one step.
type host struct {
	// clear says that the host holds nobody back (see open.go). It is read with
	// every request, without the lock.
	clear atomic.Bool
	meter meter // requests that were let go

	mu       sync.Mutex // guards what follows
	keyState            // of the host as a whole
	keys     keyTable
	forgot   bool // it is no longer among the hosts of its Memory
	memory   *Memory

	permits []*permit // under way; nil is a free place, see permit.go
	unused  []uint32  // the free places
	arrived uint64    // numbers those who wait, in the order of their arrival

	cold     monotime.Instant // when the first request went out, until one was answered
	answered bool             // one was

	watched monotime.Instant // until when it matters what requests are about: some failed of late
}

func (m *Memory) newHost(name string) *host {
	h := &host{memory: m}
	h.keyState.key, h.keyState.host = limit.Key{Host: strings.Clone(name)}, h
	return h
}

// lockHost returns the host of that name with its lock held.
func (m *Memory) lockHost(name string) *host {
	for {
		v, ok := m.hosts.Load(name)
		if !ok {
			if m.n.Load() >= maxHosts || m.keys.Load() >= maxAllKeys {
				m.forgetHosts()
			}
			h := m.newHost(name)
			if v, ok = m.hosts.LoadOrStore(h.key.Host, h); !ok {
				m.n.Add(1)
			}
		}
		h := v.(*host)
		h.mu.Lock()
		if !h.forgot {
			return h
		}
		h.mu.Unlock()
	}
}

// forgetHosts drops a sixteenth of the hosts, so that this is seldom done: those
// of which nothing is in force, and where there are none, others that nobody uses
// now.
func (m *Memory) forgetHosts() {
	t := monotime.Now()
	for _, all := range []bool{false, true} {
		dropped := 0
		m.hosts.Range(func(name, v any) bool {
			h := v.(*host)
			h.mu.Lock()
			defer h.mu.Unlock()
			if h.forgot || !h.unneeded(t, all) {
				return true
			}
			h.forgot = true
			h.clear.Store(false)
			m.hosts.Delete(name)
			m.n.Add(-1)
			m.keys.Add(-int64(h.keys.len()))
			dropped++
			return dropped < maxHosts/16
		})
		if dropped > 0 {
			return
		}
	}
}

// unneeded reports whether h can be forgotten: nobody uses it, and unless all is
// set, nothing of it is in force. It requires h.mu held.
func (h *host) unneeded(t monotime.Instant, all bool) bool {
	if h.users > 0 || h.waits() > 0 {
		return false
	}
	h.sweep(t)
	return all || h.keys.len() == 0 && (h.idle(t) || h.clearNow())
}

// known returns the state of k, nil if there is none. It requires h.mu held.
func (h *host) known(k limit.Key) *keyState {
	if ScopeOf(&k) == 0 {
		return &h.keyState
	}
	k.Host = h.key.Host
	return h.keys.get(&k)
}

// of returns the state of k, a new one if there is none. It requires h.mu held.
func (h *host) of(k limit.Key, t monotime.Instant) *keyState {
	if state := h.known(k); state != nil {
		return state
	}
	k.Host = h.key.Host
	if !h.room(t) {
		return &keyState{key: k, host: h} // it is forgotten at once
	}
	// The strings may be parts of a long URL or body, which would be kept with them.
	k.Route, k.Bucket, k.Model = strings.Clone(k.Route), strings.Clone(k.Bucket), strings.Clone(k.Model)
	state := &keyState{key: k, host: h, used: t}
	h.keys.add(state, t)
	h.memory.keys.Add(1)
	return state
}

// room makes room for one more Key, and reports whether there is.
func (h *host) room(t monotime.Instant) bool {
	n := h.keys.len()
	defer func() { h.memory.keys.Add(int64(h.keys.len() - n)) }()
	return h.keys.room(t) && (h.memory.keys.Load() < maxAllKeys || h.keys.forgetOne())
}

// sweep forgets the Keys of which nothing is in force. It requires h.mu held.
func (h *host) sweep(t monotime.Instant) {
	n := h.keys.len()
	h.keys.sweep(t)
	h.memory.keys.Add(int64(h.keys.len() - n))
	if g := h.gate; g != nil && t.Sub(g.until) > idleTime && h.waits() == 0 {
		h.gate = nil
	}
}

// sweepSeldom is sweep, once in idleTime.
func (h *host) sweepSeldom(t monotime.Instant) {
	if t.Sub(h.keys.swept) >= idleTime {
		h.sweep(t)
	}
}

// clearNow reports whether the host holds nobody back. It requires h.mu held.
func (h *host) clearNow() bool {
	return h.answered && h.keys.len() == 0 && h.keyState.holdsNobody()
}

// publish makes known whether the host holds nobody back. It requires h.mu held,
// by whoever changed it.
func (h *host) publish() {
	if clear := h.clearNow(); h.clear.Load() != clear {
		h.clear.Store(clear)
	}
}
