package limiter

import (
	"fmt"
	"sync"

	"github.com/steadyhttp/steadyhttp/internal/monotime"
	"github.com/steadyhttp/steadyhttp/limit"
)

// maxHeld is how many Keys a request can be under at once: its host, the user's
// limits, and the scopes of what was inferred. There are seldom more than three;
// what is beyond is not looked at.
const maxHeld = 8

// A permit is what a limit.Permit stands for. It lies in a table of its host, so
// that a caller's copies stay plain values and settling one twice does no harm.
type permit struct {
	at    monotime.Instant // when it was let go
	cost  load
	probe [maxHeld]bool // of which of held it is a probe
	held  [maxHeld]hold // the host's first
	of    subject       // of its request
	round uint32        // tells it from those that had its place in the table before
	heard bool          // what became of it was observed

	strange [maxHeld]strangeness // by what it is a stranger to which of held
}

// A hold is what a permit has of one Key.
type hold struct {
	state  *keyState
	before load // what the Key had sent in all, this request included
}

// enter finds the Keys that concern a, makes those that there have to be, unless it
// only peeks, and has p hold on to them. It requires h.mu held.
func (h *host) enter(a *limit.Ask, p *permit, t monotime.Instant, peeks bool) {
	p.hold(&h.keyState)
	if a.Limits.Any() && !(peeks && h.known(a.LimitsKey) == nil) {
		k := h.of(a.LimitsKey, t)
		if k.told == nil && k.max == 0 {
			k.told, k.max = toldBy(&a.Limits), int32(min(max(a.Limits.MaxConcurrent, 0), 1<<30))
			h.answered = h.answered || len(k.told) > 0 // nobody has to feel the way
			for i := range k.told {
				if h.memory.Spent {
					k.told[i].spend(t)
				}
			}
		}
		p.hold(k)
	}
	if a.Inference == limit.Off {
		return
	}
	h.keys.matching(&a.Key, p.hold)
}

// hold adds k to what p holds on to, once.
func (p *permit) hold(k *keyState) {
	for i := range p.held {
		h := &p.held[i]
		if h.state == k {
			return
		}
		if h.state == nil {
			h.state = k
			k.users++
			return
		}
	}
}

// holds reports whether p holds on to k.
func (p *permit) holds(k *keyState) bool {
	for i := range p.held {
		if p.held[i].state == k {
			return true
		}
	}
	return false
}

// n is how many Keys p holds on to.
func (p *permit) n() (n int) {
	for n < maxHeld && p.held[n].state != nil {
		n++
	}
	return n
}

// count counts w among those that wait for its Keys, from its from-th on, or with -1
// no longer.
func (w *waiter) count(from int, by int32) {
	for i := from; i < w.permit.n(); i++ {
		w.permit.held[i].state.waiting[w.class] += by
	}
}

// arrive counts p's request, which comes anew, among those that come to what fails
// or recovers.
func (p *permit) arrive(t monotime.Instant) {
	for i := range p.n() {
		k := p.held[i].state
		if k.ramp != nil {
			k.ramp.arrive(t)
		}
		if k.gate != nil {
			k.gate.came++
		}
	}
}

// leave lets go of all Keys, without having gone.
func (p *permit) leave() {
	for i := range p.held {
		if k := p.held[i].state; k != nil {
			k.users--
		}
	}
}

// routeOK reports whether no failure of the request's own route is known, of late
// and in what its host recovers from.
func (p *permit) routeOK() bool {
	var since monotime.Instant
	if r := p.held[0].state.ramp; r != nil {
		since = r.failed
	}
	for i := range p.held {
		if k := p.held[i].state; k != nil && !k.isHost() && (k.gate != nil || k.row != nil || since != 0 && k.failedAt > since) {
			return false
		}
	}
	return true
}

// take makes p go.
func (p *permit) take(t monotime.Instant, a *ask) {
	p.at = t
	for i := range p.held {
		h := &p.held[i]
		if h.state == nil {
			break
		}
		p.probe[i], p.strange[i] = h.state.take(t, a)
		h.before = h.state.sent // with p itself: what a response counts
	}
	h := p.held[0].state.host
	h.meter.count(t)
	if !h.answered && h.inUse == 1 {
		h.cold = t
	}
}

// grant puts p into the table and returns what its caller gets. It requires h.mu
// held.
func (h *host) grant(p *permit, a *limit.Ask) limit.Permit {
	place := len(h.permits)
	if n := len(h.unused); n > 0 {
		place, h.unused = int(h.unused[n-1]), h.unused[:n-1]
	} else {
		h.permits = append(h.permits, nil)
	}
	for p.round = 0; p.round == 0; { // an ID is never 0
		p.round = h.memory.rounds.Add(1)
	}
	kept := permits.Get().(*permit)
	*kept = *p
	h.permits[place] = kept
	probe := false
	for _, is := range p.probe {
		probe = probe || is
	}
	return limit.Permit{Key: a.Key, Cost: a.Cost, ID: uint64(p.round)<<32 | uint64(place), Probe: probe}
}

// permit returns the permit that granted stands for with its host, whose lock it
// takes; nil, and no lock taken, if it was settled or is none of m's.
func (m *Memory) permit(granted *limit.Permit) (*host, *permit) {
	v, ok := m.hosts.Load(granted.Key.Host)
	if !ok || granted.ID == 0 {
		return nil, nil
	}
	h := v.(*host)
	h.mu.Lock()
	if place := granted.ID & (1<<32 - 1); place < uint64(len(h.permits)) {
		if p := h.permits[place]; p != nil && uint64(p.round) == granted.ID>>32 {
			return h, p
		}
	}
	h.mu.Unlock()
	return nil, nil
}

// free gives the place of the permit of that ID to another. It requires h.mu held.
func (h *host) free(id uint64) {
	place := id & (1<<32 - 1)
	permits.Put(h.permits[place])
	h.permits[place] = nil
	h.unused = append(h.unused, uint32(place))
}

// permits that are in no table.
var permits = sync.Pool{New: func() any { return new(permit) }}

func tooMany(n int) error {
	return &limit.Refusal{Reason: fmt.Sprintf("the queue is full: %d requests are waiting", n)}
}
