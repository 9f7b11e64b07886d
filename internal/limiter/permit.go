package limiter

import (
	"github.com/steadyhttp/steadyhttp/internal/monotime"
	"github.com/steadyhttp/steadyhttp/limit"
)

// maxHeld is how many scopes a request can be under at once: its host, the
// user's limits, and those that the host states; one is to spare.
const maxHeld = 4

// A permit is what a limit.Permit stands for. It lies in a table of its shard, so
// that a caller's copies stay plain values and settling one twice does no harm.
type permit struct {
	at    monotime.Instant // when it was let go
	cost  load
	probe bool
	held  [maxHeld]hold // the host's first
	round uint32        // counts the permits that had this place in the table; of a free one it is even
}

// A hold is what a permit has of one key.
type hold struct {
	state  *keyState
	before load // what the key had sent in all, this request included
}

func (p *permit) host() *keyState { return p.held[0].state }

// hold adds k to what p holds on to, once.
func (p *permit) hold(s *shard, k *keyState) {
	for i := range p.held {
		h := &p.held[i]
		if h.state == k {
			return
		}
		if h.state == nil {
			h.state = k
			k.users++
			s.use(k)
			return
		}
	}
}

// awaited reports whether somebody waits for one of p's keys.
func (p *permit) awaited() bool {
	for i := range p.held {
		if k := p.held[i].state; k != nil && k.waiting > 0 {
			return true
		}
	}
	return false
}

// leave lets go of all keys, without having gone.
func (p *permit) leave() {
	for i := range p.held {
		if k := p.held[i].state; k != nil {
			k.users--
		}
	}
}

// passes reports whether p can go now, with nobody before it.
func (p *permit) passes(t monotime.Instant) bool {
	for i := range p.held {
		k := p.held[i].state
		if k == nil {
			break
		}
		k.refill(t)
		if at, _, _ := k.next(t, &p.cost, 0); at > t {
			return false
		}
	}
	return true
}

// take makes p go.
func (p *permit) take(t monotime.Instant) {
	p.at = t
	for i := range p.held {
		h := &p.held[i]
		if h.state == nil {
			break
		}
		p.probe = h.state.take(t, &p.cost) || p.probe
		h.before = h.state.sent // with p itself: what an answer counts
	}
	p.host().publish()
}

// untake is take undone, for a request that was not sent.
func (p *permit) untake() {
	for i := range p.held {
		if k := p.held[i].state; k != nil {
			k.untake(&p.cost)
		}
	}
}

// An ID has the number of the shard in its lowest bits, then the permit's place
// in the shard's table, then its round. Rounds in use are odd, so that no ID is 0.
const (
	shardBits = 6
	placeBits = 26
)

// grant puts p into the table and returns what its caller gets. It requires s.mu
// held.
func (s *shard) grant(p *permit, a *limit.Ask) limit.Permit {
	place := len(s.permits)
	if n := len(s.unused); n > 0 {
		place, s.unused = int(s.unused[n-1]), s.unused[:n-1]
	} else {
		s.permits = append(s.permits, permit{})
	}
	p.round = s.permits[place].round + 1
	s.permits[place] = *p
	id := uint64(p.round)<<(shardBits+placeBits) | uint64(place)<<shardBits | shardNumber(a.Key.Host)
	return limit.Permit{Key: a.Key, Cost: a.Cost, ID: id, Probe: p.probe}
}

// permit returns the permit of that ID with its shard, whose lock it takes; nil,
// and no lock taken, if it was settled or is none of m's.
func (m *Memory) permit(id uint64) (*shard, *permit) {
	if id == 0 {
		return nil, nil
	}
	s := &m.shards[id%shards]
	s.mu.Lock()
	if place := id >> shardBits & (1<<placeBits - 1); place < uint64(len(s.permits)) {
		if p := &s.permits[place]; p.round%2 == 1 && uint64(p.round) == id>>(shardBits+placeBits) {
			return s, p
		}
	}
	s.mu.Unlock()
	return nil, nil
}

// free gives the place of the permit of that ID to another. It requires s.mu held.
func (s *shard) free(id uint64) {
	place := id >> shardBits & (1<<placeBits - 1)
	s.permits[place] = permit{round: s.permits[place].round + 1}
	s.unused = append(s.unused, uint32(place))
}
