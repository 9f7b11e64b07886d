package limiter

import (
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/steadyhttp/steadyhttp/internal/monotime"
	"github.com/steadyhttp/steadyhttp/limit"
)

const (
	// maxHosts bounds what is remembered, so that a crawler's many hosts do not fill
	// the memory.
	maxHosts = 100_000

	// maxKeys bounds what is remembered of one host: ids in paths that are not
	// recognised as such, or as many credentials.
	maxKeys = 10_000

	// sweepAt is from how many Keys of a host on idle ones are looked for, and each
	// time that there are twice as many as were left.
	sweepAt = 64

	// forgetOf Keys, as the map gives them, the one that was idle for the longest is
	// forgotten where there are too many.
	forgetOf = 8
)

// A host is what is known of one host: as a whole, and of each Key that is part
// of it. All that a request needs is in one, so that it is let go in one step.
type host struct {
	// clear says that the host holds nobody back (see open.go). It is read with
	// every request, without the lock.
	clear atomic.Bool
	meter meter // requests that were let go

	mu       sync.Mutex // guards what follows
	keyState            // of the host as a whole
	keys     map[limit.Key]*keyState
	scopes   [allScopes]int32 // how many Keys there are of each scope
	made     monotime.Instant // when the newest of them came to be
	sweepAt  int
	swept    monotime.Instant
	forgot   bool           // it is no longer among the hosts of its Memory
	rounds   *atomic.Uint32 // of its Memory: numbers permits

	permits []*permit // under way; nil is a free place, see permit.go
	unused  []uint32  // the free places
	arrived uint64    // numbers those who wait, in the order of their arrival

	cold     monotime.Instant // when the first request went out, until one was answered
	answered bool             // one was
}

func (m *Memory) newHost(name string) *host {
	h := &host{rounds: &m.rounds}
	h.keyState.key, h.keyState.host = limit.Key{Host: name}, h
	return h
}

// lockHost returns the host of that name with its lock held.
func (m *Memory) lockHost(name string) *host {
	for {
		v, ok := m.hosts.Load(name)
		if !ok {
			if m.n.Load() >= maxHosts {
				m.forgetHosts()
			}
			name = strings.Clone(name) // it may be a part of a long URL
			if v, ok = m.hosts.LoadOrStore(name, m.newHost(name)); !ok {
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

// forgetHosts drops hosts of which nothing is in force: a sixteenth at the least,
// so that this is seldom done.
func (m *Memory) forgetHosts() {
	t, want := monotime.Now(), maxHosts/16
	m.hosts.Range(func(name, v any) bool {
		h := v.(*host)
		h.mu.Lock()
		defer h.mu.Unlock()
		if h.sweep(t); len(h.keys) == 0 && h.users == 0 && h.waiting == 0 && (h.idle(t) || h.clearNow()) {
			h.forgot = true
			h.clear.Store(false)
			m.hosts.Delete(name)
			m.n.Add(-1)
			want--
		}
		return want > 0
	})
}

// The bits of a scope tell which fields of a Key are set beside its Host. They
// index host.scopes.
const (
	byRoute = 1 << iota
	byBucket
	byCredential
	byModel
	allScopes
)

func scopeOf(k *limit.Key) (scope uint8) {
	if k.Route != "" {
		scope |= byRoute
	}
	if k.Bucket != "" {
		scope |= byBucket
	}
	if k.Credential != 0 {
		scope |= byCredential
	}
	if k.Model != "" {
		scope |= byModel
	}
	return scope
}

// within returns what is left of k in that scope.
func within(k limit.Key, scope uint8) limit.Key {
	if scope&byRoute == 0 {
		k.Route = ""
	}
	if scope&byBucket == 0 {
		k.Bucket = ""
	}
	if scope&byCredential == 0 {
		k.Credential = 0
	}
	if scope&byModel == 0 {
		k.Model = ""
	}
	return k
}

// matching calls f for each Key, but the host as a whole, that requests of k
// match. It requires h.mu held.
func (h *host) matching(k *limit.Key, f func(*keyState)) {
	has := scopeOf(k)
	for scope := uint8(1); scope < allScopes; scope++ {
		if scope&^has == 0 && h.scopes[scope] > 0 {
			if state := h.keys[within(*k, scope)]; state != nil {
				f(state)
			}
		}
	}
}

// of returns the state of k, a new one if there is none. It requires h.mu held.
func (h *host) of(k limit.Key, t monotime.Instant) *keyState {
	scope := scopeOf(&k)
	if scope == 0 {
		return &h.keyState
	}
	if state := h.keys[k]; state != nil {
		return state
	}
	if n := len(h.keys); n >= max(h.sweepAt, sweepAt) || n >= maxKeys && t.Sub(h.swept) >= time.Second {
		h.sweep(t)
		h.sweepAt, h.swept = 2*len(h.keys), t
	}
	if len(h.keys) >= maxKeys && !h.forgetOne() {
		return &keyState{key: k, host: h} // it is forgotten at once
	}
	if h.keys == nil {
		h.keys = make(map[limit.Key]*keyState)
	}
	// Its parts may be parts of a long URL or of a body, and are kept for long.
	k = limit.Key{Host: h.key.Host, Route: strings.Clone(k.Route), Bucket: strings.Clone(k.Bucket), Credential: k.Credential, Model: strings.Clone(k.Model)}
	state := &keyState{key: k, host: h, used: t}
	h.keys[k] = state
	h.scopes[scope]++
	h.made = t
	return state
}

// sweep forgets the Keys of which nothing is in force. It requires h.mu held.
func (h *host) sweep(t monotime.Instant) {
	for k, state := range h.keys {
		if state.idle(t) {
			delete(h.keys, k)
			h.scopes[scopeOf(&k)]--
		}
	}
	if g := h.gate; g != nil && t.Sub(g.until) > idleTime && h.waiting == 0 {
		h.gate = nil
	}
}

// forgetOne drops a Key that was not used for longer than most, though something
// of it may be in force, and reports whether there was one: who comes now is more
// likely to come again. It requires h.mu held.
func (h *host) forgetOne() bool {
	var oldest *keyState
	seen := 0
	for _, k := range h.keys {
		if k.users == 0 && k.waiting == 0 && (oldest == nil || k.used < oldest.used) {
			oldest = k
		}
		if seen++; seen == forgetOf {
			break
		}
	}
	if oldest == nil {
		return false
	}
	h.scopes[scopeOf(&oldest.key)]--
	delete(h.keys, oldest.key)
	return true
}

// clearNow reports whether the host holds nobody back. It requires h.mu held.
func (h *host) clearNow() bool {
	return h.answered && len(h.keys) == 0 && h.keyState.holdsNobody()
}

// publish makes known whether the host holds nobody back. It requires h.mu held,
// by whoever changed it.
func (h *host) publish() {
	if clear := h.clearNow(); h.clear.Load() != clear {
		h.clear.Store(clear)
	}
}
