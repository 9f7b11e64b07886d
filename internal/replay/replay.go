// Package replay lets several attempts at a request, one after another, send
// one body that can be read only once.
package replay

import (
	"errors"
	"io"
	"net/http"
	"sync"
)

// ErrTooLarge is what Body returns once more was read than is kept.
var ErrTooLarge = errors.New("steadyhttp: the body is larger than what is kept to be sent again")

// errReplaced ends the reads of an attempt that another one has followed.
var errReplaced = errors.New("steadyhttp: another attempt has taken over the request body")

// A Source is one body and what has been read of it. Attempts read through
// it: each from the beginning, out of what was kept, and on from the original
// where that ends. There is at most one Read of the original under way, made
// on behalf of whichever attempt asked for more. If that attempt is over before
// its Read is, the bytes are kept for the next.
//
// It is safe for concurrent use, as net/http needs it: the write of a failed
// attempt may go on for a while, in a goroutine of its own.
type Source struct {
	orig io.ReadCloser
	max  int

	mu      sync.Mutex    // guards what follows
	kept    []byte        // the original's first bytes, but for those dropped
	dropped int           // how many were forgotten, since nobody will read them again
	over    bool          // more than max were read: kept is gone
	err     error         // the original's, once it gave one
	reading bool          // a Read is under way
	changed chan struct{} // closed when it ends, or an attempt does; nil if nobody waits for that
	current *attempt      // the latest
	last    bool          // no other will follow
	closed  bool          // the original is
	after   func()        // what to do then
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
	s.mu.Unlock()
	if done {
		s.Close()
	}
}

// drop forgets what was kept once nobody will read it. It requires s.mu held.
func (s *Source) drop() {
	if s.last && (s.current == nil || s.current.closed || s.current.off >= s.dropped+len(s.kept)) {
		s.dropped += len(s.kept)
		s.kept = nil
	}
}

// AfterClose has f called once the original is closed, which may be now.
func (s *Source) AfterClose(f func()) {
	s.mu.Lock()
	closed := s.closed
	s.after = f
	s.mu.Unlock()
	if closed {
		f()
	}
}

// Close closes the original, whatever is under way. Only the first call does.
func (s *Source) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	after := s.after
	s.mu.Unlock()
	if after != nil {
		defer after()
	}
	return s.orig.Close() // may wait for a Read, so not under the lock
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
	for {
		s.mu.Lock()
		switch {
		case a.closed:
			s.mu.Unlock()
			return 0, http.ErrBodyReadAfterClose
		case s.current != a:
			s.mu.Unlock()
			return 0, errReplaced
		case a.off < s.dropped+len(s.kept):
			n := copy(p, s.kept[a.off-s.dropped:])
			a.off += n
			s.drop()
			s.mu.Unlock()
			return n, nil
		case s.err != nil:
			defer s.mu.Unlock()
			return 0, s.err
		case !s.reading:
			s.reading = true
			s.mu.Unlock()
			return a.fetch(p)
		}
		// An earlier attempt's Read is under way: what it brings will be kept.
		if s.changed == nil {
			s.changed = make(chan struct{})
		}
		changed := s.changed
		s.mu.Unlock()
		<-changed
	}
}

// wake lets those go on who wait for a change. It requires s.mu held.
func (s *Source) wake() {
	if s.changed != nil {
		close(s.changed)
		s.changed = nil
	}
}

// fetch reads from the original on behalf of a.
func (a *attempt) fetch(p []byte) (int, error) {
	s := a.source
	n, err := s.orig.Read(p)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reading = false
	s.wake()
	s.err = err
	abandoned := s.current != a
	switch {
	case s.over:
	case s.last && !abandoned:
		s.dropped += n // nothing is kept by now: a has read it all
	case len(s.kept)+n > s.max && !abandoned:
		s.kept, s.over = nil, true
	default:
		// For an abandoned attempt even past max, by one Read: its successor has
		// no other way to these bytes.
		s.kept = append(s.kept, p[:n]...)
	}
	if !abandoned {
		a.off += n
	}
	return n, err
}

// Close ends the attempt. It never waits for a Read under way.
func (a *attempt) Close() error {
	s := a.source
	s.mu.Lock()
	a.closed = true
	s.wake()
	done := s.last && s.current == a
	s.mu.Unlock()
	if done {
		return s.Close()
	}
	return nil
}
