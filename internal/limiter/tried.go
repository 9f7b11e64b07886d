package limiter

import (
	"hash/maphash"
	"net/http"
	"slices"
)

// A subject tells requests apart that are under the same Keys: it is a hash of the
// request's path and query. 0 is not known. A Key folds what looks like an id, and
// leaves the query out, so that what fails may be one shard, and what is refused one
// customer.
type subject uint64

var subjectSeed = maphash.MakeSeed()

func subjectOf(req *http.Request) subject {
	if req == nil || req.URL == nil {
		return 0
	}
	var h maphash.Hash
	h.SetSeed(subjectSeed)
	h.WriteString(req.URL.Path)
	h.WriteByte('?')
	h.WriteString(req.URL.RawQuery)
	return subject(h.Sum64() | 1)
}

// maxTried bounds how many subjects are remembered. Where more fail, it is not some of
// them that do.
const maxTried = 16

// tried are the subjects of which requests failed or were refused of late, the latest
// last. Of those who wait for a Key that lets in one at a time, one of another subject
// tells more. Evidence: its own outcome. Scope: who goes first; nobody waits for it who
// would not wait anyway. Escape: a success of the subject.
type tried []subject

func (s *tried) add(of subject) {
	if of == 0 {
		return
	}
	s.remove(of)
	if len(*s) == maxTried {
		*s = slices.Delete(*s, 0, 1)
	}
	*s = append(*s, of)
}

func (s *tried) remove(of subject) {
	if i := slices.Index(*s, of); i >= 0 {
		*s = slices.Delete(*s, i, i+1)
	}
}

// has reports whether a may be of a subject that failed.
func (s tried) has(a *ask) bool { return a.of == 0 || slices.Contains(s, a.of) }
