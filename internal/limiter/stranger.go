package limiter

import (
	"slices"
	"time"

	"github.com/steadyhttp/steadyhttp/internal/monotime"
)

// A stranger is a request of whose like none is known to have failed, while others
// under the same Key did. What is inferred from the others need not concern it: one
// operation of an API behind one URL may be down, one customer may be over his limit.
// So it goes at once, past gates and rates that nobody stated.
//
// Evidence: which subjects failed, at most maxTried. Scope: those are held back, and
// whoever is like them. Escape: a stranger that fails shows that it is no matter of
// subjects; the next goes after two seconds, then four, up to a minute. After a pause
// for which the API documents that it punishes those who go on, none goes.
type strangers struct {
	underWay int              // of them
	good     int              // answered well since one failed: so many more may be under way
	until    monotime.Instant // none goes before
	gap      time.Duration
}

// A likeness is by what a request is a stranger.
type likeness uint8

const (
	known     likeness = iota // it is none
	byShape                   // by its words: calls of one kind have the same
	bySubject                 // by address and content: numbers and ids tell it from others
	likenesses
)

// strange returns by what a is a stranger to what holds k's requests back.
func (k *keyState) strange(t monotime.Instant, a *ask) likeness {
	if a.of.address == 0 || k.isAlike() || !k.infers() || k.gate != nil && k.gate.strict {
		return known
	}
	if n := len(k.tried.shapes); n > 0 && n < maxTried && !slices.Contains(k.tried.shapes, a.of.shape) && k.strangers[byShape].mayGo(t) {
		return byShape
	}
	if n := len(k.tried.subjects); n > 0 && n < maxTried && !k.tried.has(a) && k.strangers[bySubject].mayGo(t) {
		return bySubject
	}
	return known
}

// isAlike reports whether k names whom its requests concern in full: a host that cannot
// be reached, a group of which its API documents that it shares a limit, a model, to
// which two prompts are the same.
func (k *keyState) isAlike() bool {
	return k.isHost() || k.key.Bucket != "" || k.key.Model != ""
}

// infers reports whether k's requests are held back by what was inferred.
func (k *keyState) infers() bool {
	return k.gate != nil || k.ramp != nil || k.finder != nil && k.finder.Engaged()
}

func (s *strangers) mayGo(t monotime.Instant) bool { return t >= s.until && s.underWay <= s.good }

// strangerFailed takes in that p failed, if it was a stranger.
func (k *keyState) strangerFailed(t monotime.Instant, p *permit) {
	strange := p.likeness(k)
	if strange == known {
		return
	}
	k.strangers[strange].failed(t)
	if k.gate != nil {
		k.gate.strangerFailed(t)
	}
}

func (s *strangers) failed(t monotime.Instant) {
	s.good = 0
	s.gap = min(max(2*s.gap, MinSure), ContradictedTime)
	s.until = t.Add(s.gap)
}

// worked takes in that a stranger was answered well.
func (s *strangers) worked() { s.good, s.gap = s.good+1, 0 }

// likeness returns by what p was a stranger to k.
func (p *permit) likeness(k *keyState) likeness {
	for i := range p.held {
		if p.held[i].state == k {
			return p.strange[i]
		}
	}
	return known
}
