package limiter

import (
	"slices"

	"github.com/steadyhttp/steadyhttp/internal/monotime"
)

// maxTried bounds how many subjects are remembered. Where more fail, it is not some of
// them that do.
const maxTried = 16

// trusted is how often requests of one shape must have worked, and none failed, to go past
// a rate that refusals of others point to. Where each request has words of its own, none
// does that often.
const trusted = 8

// tried are the subjects of which requests failed or were refused, until none did for a
// minute. Of those who wait for a Key that lets in one at a time, one of another subject
// tells more, and so goes first; or it does not wait at all, see strangers. A success of a
// subject ends what is held against it.
//
// Where the latest success was at an address at which none failed, the address alone
// tells subjects apart. Elsewhere the content does too: customers whom a header or the
// body names share an address.
type tried struct {
	subjects []subject        // the latest last
	shapes   []uint64         // of subjects; the latest last
	latest   monotime.Instant // failure
	well     []wellDone       // the shapes that work; the latest last
	good     uint64           // the address of the latest success; 0 if there was none
}

// failed adds a subject.
func (s *tried) failed(t monotime.Instant, of subject) {
	if of.address == 0 {
		return
	}
	if t.Sub(s.latest) > ContradictedTime {
		*s = tried{good: s.good, well: s.well}
	}
	s.latest = t
	s.forget(of)
	s.well = slices.DeleteFunc(s.well, func(w wellDone) bool { return w.shape == of.shape })
	s.subjects = append(dropOldest(s.subjects), of)
	s.shapes = append(dropOldest(s.shapes), of.shape)
}

func dropOldest[T any](all []T) []T {
	if len(all) == maxTried {
		return slices.Delete(all, 0, 1)
	}
	return all
}

// worked takes in a success of a subject.
func (s *tried) worked(of subject) {
	s.forget(of)
	if s.good = of.address; of.address == 0 {
		return
	}
	i := slices.IndexFunc(s.well, func(w wellDone) bool { return w.shape == of.shape })
	if i < 0 {
		s.well = append(dropOldest(s.well), wellDone{of.shape, 1})
		return
	}
	s.well[i].times++
}

// A wellDone is a shape of which nothing failed since it worked so many times.
type wellDone struct {
	shape uint64
	times int
}

// trusts reports whether requests of that shape worked many times while others failed.
func (s *tried) trusts(shape uint64) bool {
	return slices.ContainsFunc(s.well, func(w wellDone) bool { return w.shape == shape && w.times >= trusted })
}

// forget removes what is like a subject.
func (s *tried) forget(of subject) {
	byAddress := s.byAddress()
	s.subjects = slices.DeleteFunc(s.subjects, func(o subject) bool { return o.like(of, byAddress) })
	s.shapes = slices.DeleteFunc(s.shapes, func(shape uint64) bool { return shape == of.shape })
}

// byAddress reports whether the address tells who fails.
func (s *tried) byAddress() bool {
	return s.good != 0 && !slices.ContainsFunc(s.subjects, func(o subject) bool { return o.address == s.good })
}

func (s subject) like(o subject, byAddress bool) bool {
	return s.address == o.address && (byAddress || s.content == o.content)
}

// has reports whether a may be of a subject that failed.
func (s *tried) has(a *ask) bool {
	if a.of.address == 0 {
		return true
	}
	byAddress := s.byAddress()
	return slices.ContainsFunc(s.subjects, func(o subject) bool { return o.like(a.of, byAddress) })
}
