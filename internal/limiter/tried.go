package limiter

import (
	"hash/maphash"
	"net/http"
	"slices"

	"github.com/steadyhttp/steadyhttp/internal/inmem"
)

// A subject tells requests apart that are under the same Keys. A Key folds what looks
// like an id, and leaves out the query, the headers and the body. So what fails may be
// one shard, and what is refused one customer. The zero value is not known.
type subject struct {
	address uint64 // a hash of path and query
	content uint64 // a hash of headers and the start of the body
}

var subjectSeed = maphash.MakeSeed()

// maxSubject is how much of a body is looked at.
const maxSubject = 1 << 10

// subjectOf returns what req, whose body has the content body, is about.
func subjectOf(req *http.Request, body inmem.Body) (s subject) {
	if req == nil || req.URL == nil {
		return subject{}
	}
	var h maphash.Hash
	h.SetSeed(subjectSeed)
	h.WriteString(req.URL.Path)
	h.WriteByte('?')
	h.WriteString(req.URL.RawQuery)
	s.address = h.Sum64() | 1
	h.Reset()
	body.Hash(&h, maxSubject)
	s.content = h.Sum64()
	for name, values := range req.Header {
		h.Reset()
		h.WriteString(name)
		for _, v := range values {
			h.WriteByte(':')
			h.WriteString(v)
		}
		s.content += h.Sum64() // a map has no order
	}
	return s
}

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
	good     uint64    // the address of the latest success; 0 if there was none
}

// failed adds a subject.
func (s *tried) failed(of subject) {
	if of.address == 0 {
		return
	}
	s.forget(of)
	if len(s.subjects) == maxTried {
		s.subjects = slices.Delete(s.subjects, 0, 1)
	}
	s.subjects = append(s.subjects, of)
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
