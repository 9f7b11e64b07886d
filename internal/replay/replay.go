// Package replay lets several attempts at a request, one after another, send
// one body that can be read only once.
package replay

import (
	"errors"
	"io"
	"net/http"
	"slices"
	"sync"
)

// ErrTooLarge is what Body returns once more was read than is kept.
var ErrTooLarge = errors.New("steadyhttp: the body is larger than what is kept to be sent again")

// errReplaced ends the reads of an attempt that another one has followed.
var errReplaced = errors.New("steadyhttp: another attempt has taken over the request body")

// maxRead bounds one Read of the original that is made beside an attempt. It is as
// much as net/http asks for at once.
const maxRead = 32 << 10

// A Source is one body and what has been read of it. Attempts read through it:
// each from the beginning, out of what was kept, and on from the original where
// that ends. The original is read only when an attempt asks for more, by one Read
// at a time.
//
// A producer may let a Read wait for as long as it likes. While another attempt can
// follow, the original must not be closed to end that Read. So it is made in a
// goroutine of its own, and an attempt that is closed or replaced stops waiting for
// it at once: net/http returns from a failed attempt only when nobody reads its
// body any more. What such a Read brings in the end is kept for the next attempt.
// Once no other can follow, the attempt reads the original by itself, and closes it.
//
// It is safe for concurrent use, as net/http needs it: the write of a failed
// attempt may go on for a while, in a goroutine of its own.
type Source struct {
	orig io.ReadCloser
	max  int

	mu      sync.Mutex    // guards what follows
	kept    []byte        // the original's first bytes, but for those dropped
	dropped int           // how many were forgotten, since nobody will read them again
	over    bool          // an attempt has read more than max: no other can follow
	err     error         // the original's, once it gave one
	reading bool          // a Read of the original is under way
	changed chan struct{} // closed when one ends, or an attempt does; nil if nobody waits for that
	current *attempt      // the latest
	last    bool          // no other will follow
	closed  bool          // the original is
	settled func()        // what to do once one of these is so; nil if that is done
}

// New returns the Source of orig that keeps at most max bytes.
func New(orig io.ReadCloser, max int) *Source {
	return &Source{orig: orig, max: max}
}

// Kept returns what was read so far, nothing if that was too much to be kept. It
// must not be written to.
func (s *Source) Kept() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.kept[:len(s.kept):len(s.kept)]
}

// Ended reports whether the original was read to its end.
func (s *Source) Ended() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err == io.EOF
}

// Body returns the body for a new attempt and puts an end to the one before.
// The error is ErrTooLarge if too much of the original was read already.
func (s *Source) Body() (io.ReadCloser, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.over || s.dropped > 0:
		return nil, ErrTooLarge
	case s.closed:
		return nil, http.ErrBodyReadAfterClose
	}
	s.current = &attempt{source: s}
	s.wake()
	return s.current, nil
}

// Replayable reports whether another attempt can be made.
func (s *Source) Replayable() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.over && s.dropped == 0 && !s.closed
}

// Last says that no other attempt will follow. The original is closed once the
// current one closes its body, or now if it has.
func (s *Source) Last() {
	s.mu.Lock()
	s.last = true
	done := s.current == nil || s.current.closed
	s.drop()
	settled := s.settle()
	s.mu.Unlock()
	settled()
	if done {
		s.Close()
	}
}

// drop forgets what was kept once nobody will read it. It requires s.mu held.
func (s *Source) drop() {
	if a := s.current; s.final() && (a == nil || a.closed || a.off >= s.end()) {
		s.dropped += len(s.kept)
		s.kept = nil
	}
}

// Settled has f called once the body is the business of the current attempt alone:
// no other will follow, or the original is closed. That may be now.
func (s *Source) Settled(f func()) {
	s.mu.Lock()
	s.settled = f
	if s.last || s.closed {
		f = s.settle()
	} else {
		f = nothing
	}
	s.mu.Unlock()
	f()
}

// settle returns what is to be done now that the body is settled. It requires s.mu
// held.
func (s *Source) settle() func() {
	f := s.settled
	s.settled = nil
	if f == nil {
		return nothing
	}
	return f
}

func nothing() {}

// Close closes the original, whatever is under way. Only the first call does.
func (s *Source) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	s.wake()
	settled := s.settle()
	s.mu.Unlock()
	settled()
	return s.orig.Close() // may wait for a Read, so not under the lock
}

// final reports whether no attempt can follow the current one. It requires s.mu
// held.
func (s *Source) final() bool { return s.last || s.over }

// end is how much of the original was read. It requires s.mu held.
func (s *Source) end() int { return s.dropped + len(s.kept) }

// wake lets those go on who wait for a change. It requires s.mu held.
func (s *Source) wake() {
	if s.changed != nil {
		close(s.changed)
		s.changed = nil
	}
}

// wait unlocks s.mu until something changes. It requires s.mu held.
func (s *Source) wait() {
	if s.changed == nil {
		s.changed = make(chan struct{})
	}
	changed := s.changed
	s.mu.Unlock()
	<-changed
	s.mu.Lock()
}

// fetch reads from the original into p, which is room behind what is kept, for
// whichever attempt is the current one by then.
func (s *Source) fetch(p []byte) {
	n, err := s.orig.Read(p)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reading, s.err = false, err
	s.kept = append(s.kept, p[:n]...) // in place, unless what was kept has been dropped
	s.wake()
}

// attempt is the body as one attempt sees it.
type attempt struct {
	source *Source
	off    int  // how much this attempt has read; guarded by source.mu
	closed bool // guarded by source.mu
}

// Read implements io.Reader.
func (a *attempt) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	s := a.source
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		switch {
		case a.closed || s.closed:
			return 0, http.ErrBodyReadAfterClose
		case s.current != a:
			return 0, errReplaced
		case a.off < s.end():
			return a.take(p)
		case s.err != nil:
			return 0, s.err
		case s.reading:
			s.wait()
		case s.final():
			return a.readThrough(p)
		default:
			s.reading = true
			more := min(len(p), maxRead)
			s.kept = slices.Grow(s.kept, more)
			go s.fetch(s.kept[len(s.kept):][:more])
		}
	}
}

// take reads from what was kept. It requires source.mu held.
func (a *attempt) take(p []byte) (int, error) {
	s := a.source
	n := copy(p, s.kept[a.off-s.dropped:])
	a.off += n
	s.over = s.over || a.off > s.max
	whole := a.off == s.end() && !s.reading
	s.drop()
	if whole {
		return n, s.err
	}
	return n, nil
}

// readThrough reads from the original past what was kept, as the last attempt. It
// requires source.mu held, and unlocks it for the time.
func (a *attempt) readThrough(p []byte) (int, error) {
	s := a.source
	s.reading = true
	s.mu.Unlock()
	n, err := s.orig.Read(p)
	s.mu.Lock()
	s.reading, s.err = false, err
	s.dropped += n
	a.off += n
	s.wake()
	return n, err
}

// Close ends the attempt. It never waits for a Read under way, unless the
// original's Close does.
func (a *attempt) Close() error {
	s := a.source
	s.mu.Lock()
	a.closed = true
	s.wake()
	done := s.final() && s.current == a
	s.drop()
	s.mu.Unlock()
	if done {
		return s.Close()
	}
	return nil
}
