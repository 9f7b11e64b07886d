package limiter

import (
	"slices"
	"time"

	"github.com/steadyhttp/steadyhttp/internal/monotime"
)

// A stranger is a request of whose like none is known to have failed, while others
// under the same Key did. What is inferred from the others need not concern it: one
// operation of an API behind one URL may be down, one customer may be over his limit.
// So it goes at once, past a gate, or where a server lets nothing in for a reason that
// nobody stated.
//
// Evidence: which subjects failed, at most maxTried. Scope: those are held back, and
// whoever is like them. Escape: a stranger that fails shows that others are concerned
// too; the next goes after two seconds, then four, up to a minute. After a pause
// for which the API documents that it punishes those who go on, none goes.
type strangers struct {
	underWay int              // of them
	good     int              // answered well since one failed: so many more may be under way
	until    monotime.Instant // none goes before
	gap      time.Duration
}

// A strangeness is by what a request is a stranger.
type strangeness uint8

const (
	noStranger strangeness = iota // it is none
	byShape                       // by its words: calls of one kind have the same
	bySubject                     // by address and content: numbers and ids tell it from others
	strangenesses
)

// strange returns by what a is a stranger to what holds k's requests back. To a rate that
// was found it is one only by a shape that is trusted: each request may have words of its
// own, and all share that rate.
func (k *keyState) strange(t monotime.Instant, a *ask) strangeness {
	if a.of.address == 0 || k.isAlike() || !k.infers() || k.gate != nil && k.gate.strict {
		return noStranger
	}
	_, shut := k.letsNothingIn()
	shut = shut || k.gate != nil
	if n := len(k.tried.shapes); n > 0 && n < maxTried && !slices.Contains(k.tried.shapes, a.of.shape) &&
		k.strangers[byShape].mayGo(t) && (shut || k.tried.trusts(a.of.shape)) {
		return byShape
	}
	if n := len(k.tried.subjects); shut && n > 0 && n < maxTried && !k.tried.has(a) && k.strangers[bySubject].mayGo(t) {
		return bySubject
	}
	return noStranger
}

// isAlike reports whether k names in full whom its limits and failures concern: a host
// that cannot be reached, a credential or a group of which the API documents that it
// shares a limit, a model, to which two prompts are the same.
func (k *keyState) isAlike() bool {
	return k.isHost() || k.key.Bucket != "" || k.key.Model != "" || k.key.Route == ""
}

// infers reports whether a gate or a finder holds k's requests back. To the pace after a
// gate strangers keep as well: else all who waited would leave at once.
func (k *keyState) infers() bool {
	return k.gate != nil || k.finder != nil && k.finder.Engaged()
}

func (s *strangers) mayGo(t monotime.Instant) bool { return t >= s.until && s.underWay <= s.good }

// strangerFailed takes in that p failed, if it was a stranger.
func (k *keyState) strangerFailed(t monotime.Instant, p *permit) {
	strange := p.strangeness(k)
	if strange == noStranger {
		return
	}
	k.strangers[strange].failed(t, p.at)
	if k.gate != nil {
		k.gate.strangerFailed(t)
	}
}

// strangerFailed takes in that a request failed which did not wait here, since none of
// its like was known to have failed: nobody else has to go to find that out.
func (g *gate) strangerFailed(t monotime.Instant) {
	g.try = monotime.Never
	if g.tries++; g.ofLimit {
		g.gap = min(2*g.gap, ContradictedTime)
		g.again = t.Add(g.gap)
	}
}

// failed takes in that one that went at sent failed. Those that were under way when
// another failed say nothing new.
func (s *strangers) failed(t, sent monotime.Instant) {
	if s.good = 0; s.gap > 0 && sent < s.until-monotime.Instant(s.gap) {
		return
	}
	s.gap = min(max(2*s.gap, MinSure), ContradictedTime)
	s.until = t.Add(s.gap)
}

// worked takes in that a stranger was answered well.
func (s *strangers) worked() { s.good, s.gap = s.good+1, 0 }

// strangeness returns by what p was a stranger to k.
func (p *permit) strangeness(k *keyState) strangeness {
	for i := range p.held {
		if p.held[i].state == k {
			return p.strange[i]
		}
	}
	return noStranger
}
