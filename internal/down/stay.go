package down

import (
	"sync"
	"time"

	"github.com/steadyhttp/steadyhttp/internal/monotime"
)

const (
	// stayTime is how long after its last answer a conversation stays where it is:
	// providers keep what they cached of a prompt for five minutes since its last use.
	stayTime = 5 * time.Minute

	// maxStays is how many conversations are remembered at the least, twice that at
	// the most. One that is forgotten goes where a new one does.
	maxStays = 10_000
)

// Stays remembers where conversations are. The zero value knows of none. It is safe
// for concurrent use.
type Stays struct {
	mu         sync.Mutex // guards what follows
	stays, old map[string]stay
	begun      monotime.Instant // when stays was
}

type stay struct {
	at   int
	last monotime.Instant
}

// At returns where conversation is, ok is false if that is not known.
func (s *Stays) At(conversation string) (at int, ok bool) {
	now := monotime.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	was, ok := s.stays[conversation]
	if !ok {
		was, ok = s.old[conversation]
	}
	return was.at, ok && now.Sub(was.last) < stayTime
}

// Answered remembers that conversation had an answer there.
func (s *Stays) Answered(conversation string, at int) {
	now := monotime.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.stays) >= maxStays || now.Sub(s.begun) >= stayTime { // as it is for the first one
		s.stays, s.old, s.begun = make(map[string]stay), s.stays, now
	}
	s.stays[conversation] = stay{at, now}
}
