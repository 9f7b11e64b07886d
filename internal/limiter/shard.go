package limiter

import (
	"hash/maphash"
	"sync"
	"time"

	"github.com/steadyhttp/steadyhttp/internal/monotime"
	"github.com/steadyhttp/steadyhttp/limit"
)

// shards spread hosts, so that calls to different ones seldom meet at one lock.
const shards = 1 << shardBits

// maxKeys bounds what is remembered in all shards, so that neither a crawler's
// many hosts nor ids in paths fill the memory: less than 60 MiB when they are all
// in use. The key that was used least recently goes first.
const maxKeys = 100_000

// A shard holds the keys of some hosts. All that a request needs is in one, so
// that it is let go in one step.
type shard struct {
	mu     sync.Mutex // guards what follows, and all keys in it
	states map[limit.Key]*keyState
	scopes [allScopes]int32 // how many keys there are of each scope

	permits []permit // under way; see permit.go
	unused  []uint32 // places in it

	newest, oldest *keyState // in the order of use

	first, last *waiter // the queue, in the order of arrival
	timer       *time.Timer
	due         monotime.Instant // when it fires
	pass        uint64           // numbers the walks along the queue
}

var seed = maphash.MakeSeed()

func (m *Memory) shard(host string) *shard { return &m.shards[shardNumber(host)] }

func shardNumber(host string) uint64 { return maphash.String(seed, host) % shards }

// The bits of a scope tell which fields of a Key are set beside its Host. They
// index shard.scopes.
const (
	byBucket = 1 << iota
	byCredential
	byModel
	allScopes
)

func scopeOf(k *limit.Key) (scope uint8) {
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

// host returns the state of a host. It requires s.mu held.
func (m *Memory) host(s *shard, name string) *keyState { return m.key(s, limit.Key{Host: name}) }

// key returns the state of k, a new one if there is none. It requires s.mu held.
func (m *Memory) key(s *shard, k limit.Key) *keyState {
	if state := s.states[k]; state != nil {
		return state
	}
	if s.states == nil {
		s.states = make(map[limit.Key]*keyState)
	}
	if m.keys.Load() >= maxKeys {
		m.forget(s)
	}
	state := &keyState{key: k}
	s.states[k] = state
	scope := scopeOf(&k)
	s.scopes[scope]++
	m.keys.Add(1)
	s.use(state)
	if scope == 0 {
		m.hosts.Store(k.Host, state)
	} else {
		m.host(s, k.Host).narrower++
	}
	return state
}

// use makes k the one that was used last.
func (s *shard) use(k *keyState) {
	if s.newest == k || s.newest != nil && s.newest.older == k {
		return // a host and its limits are used by turns
	}
	s.unlist(k)
	k.older = s.newest
	if s.newest != nil {
		s.newest.newer = k
	} else {
		s.oldest = k
	}
	s.newest = k
}

func (s *shard) unlist(k *keyState) {
	if k.newer != nil {
		k.newer.older = k.older
	} else if s.newest == k {
		s.newest = k.older
	}
	if k.older != nil {
		k.older.newer = k.newer
	} else if s.oldest == k {
		s.oldest = k.newer
	}
	k.newer, k.older = nil, nil
}

// maxLook is how many keys that are in use are passed over for one that is not.
const maxLook = 8

// forget drops a key that has been without use for long: the first that had
// none, or if all that are looked at have served somebody just now, the first.
func (m *Memory) forget(s *shard) {
	t := monotime.Now()
	var busy *keyState
	for k, n := s.oldest, 0; k != nil && n < maxLook; n++ {
		next := k.newer
		switch {
		case k.users > 0 || k.narrower > 0:
			s.use(k) // so that those behind it are looked at the next time
		case !k.meter.busy(t):
			m.drop(s, k)
			return
		case busy == nil:
			busy = k
		}
		k = next
	}
	if busy != nil {
		m.drop(s, busy)
	}
}

func (m *Memory) drop(s *shard, k *keyState) {
	s.unlist(k)
	k.open.Store(false)
	delete(s.states, k.key)
	scope := scopeOf(&k.key)
	s.scopes[scope]--
	m.keys.Add(-1)
	if scope == 0 {
		m.hosts.Delete(k.key.Host)
	} else if host := s.states[limit.Key{Host: k.key.Host}]; host != nil {
		host.narrower--
	}
}
