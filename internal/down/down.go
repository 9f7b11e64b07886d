// Package down remembers which places do not serve calls now: hosts that fail,
// models that are overloaded, credentials whose account is empty.
package down

import (
	"container/list"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/steadyhttp/steadyhttp/internal/monotime"
)

const (
	// inARow is how many failures without a success between them show that a place
	// is down. One is evidence about its own call alone, and moving everybody
	// costs them what the place has cached of their prompts.
	inARow = 3

	// probeEvery is how often, on average, somebody goes to a place that is down to
	// see whether it is back.
	probeEvery = time.Second

	// lapse is how long a row of failures is believed if nobody goes there. Those
	// that must not be sent twice are never sent to find out, and there may be no others.
	lapse = time.Minute

	// maxPlaces bounds the memory: hosts, their models and credentials. A fleet has
	// some tens; what the caller's requests name has no bound.
	maxPlaces = 10_000
)

// A Place is where calls go: a host, with a credential, to a model, by a route. As the
// scope of a failure its zero fields match everything.
type Place struct {
	Host       string
	Credential uint64
	Model      string
	Route      string
}

// scopes are those that p is in, as far as failures speak for them.
func (p Place) scopes() [6]Place {
	anywhere, anybody := p, p
	anywhere.Route, anybody.Credential = "", 0
	return [6]Place{{Host: p.Host}, {Host: p.Host, Credential: p.Credential}, {Host: p.Host, Model: p.Model}, anywhere, anybody, p}
}

// A Memory remembers scopes that are down. The zero value knows of none. It is safe
// for concurrent use.
type Memory struct {
	known atomic.Int32 // how many scopes it remembers

	mu     sync.Mutex // guards what follows
	scopes map[Place]*state
	swept  monotime.Instant // when it last forgot what no longer matters
	queued list.List        // *watch, in the order in which they came
}

// A state is what is known of one scope.
type state struct {
	since  monotime.Instant // its first failure
	last   monotime.Instant // its latest
	failed int              // how often in a row
	sent   int              // calls that went there since the first
	until  monotime.Instant // it is down until then, whatever happens; 0 if nobody said so
	probe  monotime.Instant // the next one may go then
	name   string           // of where the latest failed, as people know it
	why    error
}

func (s *state) inPause(now monotime.Instant) bool { return now < s.until }

func (s *state) isDown(now monotime.Instant) bool {
	return s.inPause(now) || s.failed >= inARow && 2*s.failed >= s.sent && now.Sub(s.last) < lapse
}

// Quiet reports whether nothing is down, without a lock.
func (m *Memory) Quiet() bool { return m.known.Load() == 0 }

// Sent remembers that a call goes to p. Where most are still under way, a few that
// failed at once are no row.
func (m *Memory) Sent(p Place) {
	if m.Quiet() {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, scope := range p.scopes() {
		if s := m.scopes[scope]; s != nil {
			s.sent++
		}
	}
}

// Failed remembers that a call failed in scope, at what people call name, for a reason. If pause is not 0, the
// scope is down for as long; else after a few failures in a row. fresh says that the
// scope was not remembered before.
func (m *Memory) Failed(scope Place, name string, why error, pause time.Duration) (fresh bool) {
	now := monotime.Now()
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.scopes[scope]
	wasDown := s != nil && s.isDown(now)
	if s == nil {
		m.makeRoom(now)
		s, fresh = &state{since: now}, true
		m.scopes[scope] = s
		m.known.Store(int32(len(m.scopes)))
	}
	if pause == 0 && now.Sub(s.last) >= lapse {
		s.failed, s.sent = 0, 0
	}
	s.failed++
	s.last, s.name, s.why = now, name, why
	longer := false
	if pause > 0 {
		longer = now.Add(pause).Sub(s.until) > time.Second
		s.until = max(s.until, now.Add(pause))
	}
	if s.probe <= now {
		s.probe = next(now)
	}
	if (!wasDown || longer) && s.isDown(now) {
		m.wentDown(scope, now)
	}
	return fresh
}

// makeRoom makes sure that one more scope can be remembered. Which one goes for it is a
// matter of chance: a flood of bad keys then mostly forgets its own. It requires m.mu held.
func (m *Memory) makeRoom(now monotime.Instant) {
	if m.scopes == nil {
		m.scopes = make(map[Place]*state)
	}
	m.sweep(now)
	for p := range m.scopes {
		if len(m.scopes) < maxPlaces {
			break
		}
		delete(m.scopes, p)
	}
}

// sweep forgets what no longer matters, once a second at the most. It requires m.mu
// held.
func (m *Memory) sweep(now monotime.Instant) {
	if now.Sub(m.swept) < time.Second {
		return
	}
	m.swept = now
	for p, s := range m.scopes {
		if !s.inPause(now) && now.Sub(s.last) >= lapse {
			delete(m.scopes, p)
		}
	}
	m.known.Store(int32(len(m.scopes)))
}

// next is when the next probe may go. Many processes do not go at the same moment.
func next(now monotime.Instant) monotime.Instant {
	return now.Add(probeEvery/2 + rand.N(probeEvery))
}

// Worked remembers that a call that was sent to p at that instant succeeded. It ends
// the rows of failures that p is in: a place that fails now and then is not down, however
// long the rest takes. What is down already was sent away after some that still come in;
// that is back only if the call was sent afterwards.
func (m *Memory) Worked(p Place, sent monotime.Instant) {
	if m.Quiet() {
		return
	}
	now := monotime.Now()
	m.mu.Lock()
	defer m.mu.Unlock()
	var back []Place
	for _, scope := range p.scopes() {
		if s := m.scopes[scope]; s != nil && (s.since <= sent || !s.isDown(now)) {
			delete(m.scopes, scope)
			if s.isDown(now) {
				back = append(back, scope)
			}
		}
	}
	m.known.Store(int32(len(m.scopes)))
	if len(back) > 0 {
		m.cameBack(back, now)
	}
}

// Until reports whether p is down. left is for how long, 0 if nobody knows; why is
// the reason of the latest failure.
func (m *Memory) Until(p Place) (is bool, left time.Duration, why error) {
	if m.Quiet() {
		return false, 0, nil
	}
	now := monotime.Now()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sweep(now)
	return m.until(p, now)
}

// until is Until at that instant. It requires m.mu held.
func (m *Memory) until(p Place, now monotime.Instant) (is bool, left time.Duration, why error) {
	for _, scope := range p.scopes() {
		s := m.scopes[scope]
		if s == nil || !s.isDown(now) {
			continue
		}
		is, why = true, s.why
		if s.inPause(now) {
			left = max(left, s.until.Sub(now))
		}
	}
	return is, left, why
}

// Probe reports whether a call may go to p, which is down, to see whether it is
// back. If so, the next one may in a second or so.
func (m *Memory) Probe(p Place) bool {
	now := monotime.Now()
	m.mu.Lock()
	defer m.mu.Unlock()
	var due []*state
	for _, scope := range p.scopes() {
		switch s := m.scopes[scope]; {
		case s == nil || !s.isDown(now):
		case s.inPause(now), now < s.probe:
			return false
		default:
			due = append(due, s)
		}
	}
	for _, s := range due {
		s.probe = next(now)
	}
	return true
}

// A Report is what is known of one scope.
type Report struct {
	Scope Place
	Name  string        // of where the latest call failed
	Down  bool          // else it failed, but not often enough
	Since time.Duration // how long ago it first failed
	Left  time.Duration // for how long it is down; 0 if nobody knows
	Why   error         // of the latest failure
}

// Snapshot returns what is known of all scopes, in no particular order.
func (m *Memory) Snapshot() []Report {
	now := monotime.Now()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sweep(now)
	all := make([]Report, 0, len(m.scopes))
	for p, s := range m.scopes {
		all = append(all, Report{p, s.name, s.isDown(now), now.Sub(s.since), max(s.until.Sub(now), 0), s.why})
	}
	return all
}
