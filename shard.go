package steadyhttp

import (
	"sync"
	"sync/atomic"
	"time"
)

// maxKeys bounds what is remembered in all shards, so that neither a crawler's
// many hosts nor ids in paths fill the memory: less than 50 MiB when they are all
// in use. The key that was used least recently goes first.
const maxKeys = 100_000

// A shard holds the lanes of some hosts. All that a request needs is in one, so
// that its permits are taken at one go.
type shard struct {
	mu    sync.Mutex // guards what follows, and all lanes in it
	lanes map[Key]*lane
	masks [allScopes]int32 // how many lanes there are of each scope

	newest, oldest *lane

	// Of a host and of a user's limits, which the next call is likely to need
	// again. The first is read without the lock.
	recentHost   atomic.Pointer[lane]
	recentLimits *lane

	first, last *waiter // the line, in the order of arrival
	timer       *time.Timer
	due         instant // when it fires
	pass        uint64  // numbers the walks along the line
}

// spins is how often a lock is tried before its goroutine parks. What is done
// under it takes a tenth of a microsecond and parking ten times that, but
// sync.Mutex does not spin where other goroutines are ready to run, and under
// one key there are always some.
const spins = 2000

func (s *shard) lock() {
	for range spins {
		if s.mu.TryLock() {
			return
		}
	}
	s.mu.Lock()
}

// host returns the lane of a host. It requires s.mu held.
func (m *memory) host(s *shard, name string) *lane {
	l := s.recentHost.Load()
	if l == nil || l.key.Host != name {
		l = m.lane(s, Key{Host: name})
		s.recentHost.Store(l)
	}
	return l
}

// lane returns the lane of k, a new one if there is none. It requires s.mu held.
func (m *memory) lane(s *shard, k Key) *lane {
	if l := s.lanes[k]; l != nil {
		return l
	}
	if s.lanes == nil {
		s.lanes = make(map[Key]*lane)
	}
	if m.keys.Load() >= maxKeys {
		m.forget(s)
	}
	l := newLane(k)
	s.lanes[k] = l
	s.masks[k.scope()]++
	m.keys.Add(1)
	s.use(l)
	if k.scope() != 0 {
		m.host(s, k.Host).parts++
	}
	return l
}

// use makes l the one that was used last.
func (s *shard) use(l *lane) {
	if s.newest == l || s.newest != nil && s.newest.older == l {
		return // a host and its limits are used by turns
	}
	s.unlist(l)
	l.older = s.newest
	if s.newest != nil {
		s.newest.newer = l
	} else {
		s.oldest = l
	}
	s.newest = l
}

func (s *shard) unlist(l *lane) {
	if l.newer != nil {
		l.newer.older = l.older
	} else if s.newest == l {
		s.newest = l.older
	}
	if l.older != nil {
		l.older.newer = l.newer
	} else if s.oldest == l {
		s.oldest = l.newer
	}
	l.newer, l.older = nil, nil
}

// maxLook is how many lanes that are in use are passed over for one that is not.
const maxLook = 8

// forget drops a lane that has been without use for long: the first that had
// none, or if all that are looked at have served somebody just now, the first.
func (m *memory) forget(s *shard) {
	t := now()
	var busy *lane
	for l, n := s.oldest, 0; l != nil && n < maxLook; n++ {
		next := l.newer
		switch {
		case l.users > 0 || l.parts > 0:
			s.use(l) // so that those behind it are looked at the next time
		case !l.meter.busy(t):
			m.drop(s, l)
			return
		case busy == nil:
			busy = l
		}
		l = next
	}
	if busy != nil {
		m.drop(s, busy)
	}
}

func (m *memory) drop(s *shard, l *lane) {
	s.unlist(l)
	s.recentLimits = nil
	s.recentHost.Store(nil)
	m.recent.CompareAndSwap(l, nil)
	l.free.Store(false)
	delete(s.lanes, l.key)
	s.masks[l.key.scope()]--
	if host := s.lanes[Key{Host: l.key.Host}]; host != nil && l.key.scope() != 0 {
		host.parts--
	}
	m.keys.Add(-1)
}
