package limiter

import (
	"slices"

	"github.com/steadyhttp/steadyhttp/internal/monotime"
)

// maxTried bounds how many subjects are remembered. Where more fail, it is not some of
// them that do.
const maxTried = 16

// tried are the subjects of which requests failed or were refused of late. Of those
// who wait for a Key that lets in one at a time, one of another subject tells more.
// Evidence: its own outcome. Scope: who goes first; nobody waits for it who would not
// wait anyway. Escape: a success of the subject.
//
// Where the latest success was at an address at which none failed, the address alone
// tells subjects apart. Elsewhere the content does too: customers whom a header or the
// body names share an address.
type tried struct {
	subjects []subject // the latest last
	shapes   []uint64  // of subjects; the latest last
	latest   monotime.Instant
	good     uint64 // the address of the latest success; 0 if there was none
}

// failed adds a subject.
func (s *tried) failed(t monotime.Instant, of subject) {
	if of.address == 0 {
		return
	}
	if t.Sub(s.latest) > ContradictedTime {
		*s = tried{good: s.good}
	}
	s.latest = t
	s.forget(of)
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
	s.good = of.address
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
