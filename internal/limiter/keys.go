package limiter

import (
	"slices"
	"time"

	"github.com/steadyhttp/steadyhttp/internal/monotime"
	"github.com/steadyhttp/steadyhttp/limit"
)

const (
	// maxKeys bounds what is remembered of one host: ids in paths that are not
	// recognised as such, or as many credentials.
	maxKeys = 10_000

	// sweepAt is from how many Keys of a host on idle ones are looked for, and each
	// time that there are twice as many as were left.
	sweepAt = 64

	// fewKeys are not worth a map: most hosts have one Key or two, and a crawler has
	// many hosts. The least map with one of them takes more than a keyState.
	fewKeys = 8

	// forgetOf Keys, as the map gives them, the one that was idle for the longest is
	// forgotten where there are too many.
	forgetOf = 8
)

// A keyTable has the Keys of one host, but the host as a whole. The zero value has
// none.
type keyTable struct {
	few    []*keyState // up to fewKeys
	many   map[limit.Key]*keyState
	scopes *[AllScopes]int32 // how many there are of each scope; nil is none
	made   monotime.Instant  // when the newest came to be
	swept  monotime.Instant  // when idle ones were last looked for
	next   int               // at how many they are again
}

func (kt *keyTable) len() int { return len(kt.few) + len(kt.many) }

// get returns the state of k, nil if there is none.
func (kt *keyTable) get(k *limit.Key) *keyState {
	if kt.many != nil {
		return kt.many[*k]
	}
	for _, state := range kt.few {
		if state.key == *k {
			return state
		}
	}
	return nil
}

func (kt *keyTable) add(state *keyState, t monotime.Instant) {
	if kt.made = t; kt.scopes == nil {
		kt.scopes = new([AllScopes]int32)
	}
	kt.scopes[ScopeOf(&state.key)]++
	if kt.many == nil && len(kt.few) < fewKeys {
		kt.few = append(kt.few, state)
		return
	}
	if kt.many == nil {
		kt.many = make(map[limit.Key]*keyState)
		for _, s := range kt.few {
			kt.many[s.key] = s
		}
		kt.few = nil
	}
	kt.many[state.key] = state
}

// all is to be ranged over.
func (kt *keyTable) all(yield func(*keyState) bool) {
	for _, state := range kt.few {
		if !yield(state) {
			return
		}
	}
	for _, state := range kt.many {
		if !yield(state) {
			return
		}
	}
}

// matching calls f for each that requests of k match.
func (kt *keyTable) matching(k *limit.Key, f func(*keyState)) {
	if kt.scopes == nil {
		return
	}
	has := ScopeOf(k)
	for scope := uint8(1); scope < AllScopes; scope++ {
		if scope&^has == 0 && kt.scopes[scope] > 0 {
			part := Within(*k, scope)
			if state := kt.get(&part); state != nil {
				f(state)
			}
		}
	}
}

// sweep drops those of which nothing is in force.
func (kt *keyTable) sweep(t monotime.Instant) {
	kt.swept = t
	var left []*keyState
	n := kt.len()
	for state := range kt.all {
		if !state.idle(t) {
			left = append(left, state)
		}
	}
	if len(left) == n {
		return
	}
	*kt = keyTable{made: kt.made, swept: kt.swept, next: kt.next}
	for _, state := range left {
		kt.add(state, kt.made)
	}
}

// room makes room for one more, and reports whether there is. Idle ones are looked
// for if there are many.
func (kt *keyTable) room(t monotime.Instant) bool {
	if n := kt.len(); n >= max(kt.next, sweepAt) && (n < maxKeys || t.Sub(kt.swept) >= time.Second) {
		kt.sweep(t)
		kt.next = min(2*kt.len(), maxKeys)
	}
	return kt.len() < maxKeys || kt.forgetOne()
}

// forgetOne drops one that was not used for longer than most, though something of
// it may be in force, and reports whether there was one: who comes now is more
// likely to come again.
func (kt *keyTable) forgetOne() bool {
	var oldest *keyState
	seen := 0
	for k := range kt.all {
		if k.users == 0 && k.waits() == 0 && (oldest == nil || k.used < oldest.used) {
			oldest = k
		}
		if seen++; seen == forgetOf {
			break
		}
	}
	if oldest == nil {
		return false
	}
	kt.scopes[ScopeOf(&oldest.key)]--
	delete(kt.many, oldest.key)
	kt.few = slices.DeleteFunc(kt.few, func(k *keyState) bool { return k == oldest })
	return true
}
