package redissteady

import (
	"fmt"
	"strings"
	"time"

	"github.com/steadyhttp/steadyhttp/internal/limiter"
	"github.com/steadyhttp/steadyhttp/limit"
)

// maxScopes bounds what a process remembers of scopes, some 500 bytes each.
const maxScopes = 10_000

// A scope is what Redis last said to this process of one.
type scope struct {
	key       limit.Key
	at        time.Time
	buckets   []bucket
	rate      float64
	gate      string
	left      time.Duration
	evidence  string
	wouldHold int64
	most      int           // concurrent requests
	took      time.Duration // how long they are under way, smoothed
	well      bool
	processes int
}

// note takes down what an answer says of scopes. It requires l.mu held.
func (l *Limiter) note(t *ticket, a answer) {
	now := time.Now()
	gone := map[string]bool{}
	for _, of := range t.keys[:len(t.scopes)] {
		gone[of] = t.ask.Inference != limit.Off
	}
	for i, s := range a.Scopes {
		if s.Key < 1 || s.Key > len(t.scopes) {
			continue
		}
		of := t.keys[s.Key-1]
		gone[of] = false
		k := l.scope(of, t.scopes[s.Key-1])
		k.at, k.buckets, k.rate, k.gate, k.left = now, s.Buckets, s.Rate, s.Gate, seconds(s.Left)
		k.evidence, k.well = s.evidence(), s.Well
		if s.Key == a.Would && t.spared == "" { // else it was counted before
			k.wouldHold++
		}
		if s.Key == t.limitsKey {
			k.most = t.ask.Limits.MaxConcurrent
		}
		if i == 0 {
			k.well, k.processes = k.well && a.Known, a.Processes
		}
		if s.Gate == "" && now.Sub(l.causes[of].at) > l.timeout() { // else it may be on its way still
			delete(l.causes, of)
		}
	}
	for of, is := range gone {
		if k := l.known[of]; is && k != nil && now.Sub(k.at) > l.timeout() {
			delete(l.known, of)
		}
	}
}

// scope returns what is known of the scope of that name. It requires l.mu held.
func (l *Limiter) scope(of string, k limit.Key) *scope {
	s := l.known[of]
	if s == nil {
		if len(l.known) >= maxScopes {
			clear(l.known) // what matters is soon said again
		}
		s = &scope{key: k}
		l.known[of] = s
	}
	return s
}

// evidence is what was inferred, and from what, for people.
func (s *scopeState) evidence() string {
	var all []string
	ago := seconds(s.Age).Round(time.Millisecond)
	switch s.Gate {
	case limit.GateAsked:
		all = append(all, fmt.Sprintf("a response asked for a pause %s ago", ago))
	case limit.GateFailing:
		all = append(all, fmt.Sprintf("%d failures in a row %s ago", s.Row, ago))
	case "":
		if s.Rate > 0 {
			all = append(all, "requests were refused, or a gate opened, of late")
		}
	}
	if s.Doubted {
		all = append(all, "a stated limit is not believed: requests were answered well although nothing was left of it")
	}
	return strings.Join(all, "; ")
}

// allWell reports whether all goes well with all scopes of t that there are, so
// that one more success changes nothing. It requires l.mu held.
func (l *Limiter) allWell(t *ticket) bool {
	for i, of := range t.keys[:len(t.scopes)] {
		if s := l.known[of]; s == nil && i == 0 || s != nil && !s.well {
			return false
		}
	}
	return true
}

// A cause is what a response said that shut a gate, or may have.
type cause struct {
	err error
	at  time.Time
}

// remember keeps what may have shut a gate. It requires l.mu held.
func (l *Limiter) remember(of string, err error) {
	if len(l.causes) >= maxScopes {
		clear(l.causes)
	}
	l.causes[of] = cause{err, time.Now()}
}

// gateError returns what shut the gate that a request of k stands at, as far as
// this process has seen it, nil for none. It requires l.mu held.
func (l *Limiter) gateError(k limit.Key) error {
	has := limiter.ScopeOf(&k)
	for scope := limiter.Scope(0); scope < limiter.AllScopes; scope++ {
		if scope&^has != 0 {
			continue
		}
		of := name(l.prefix(), limiter.Within(k, scope))
		if s := l.known[of]; s != nil && s.gate != "" && l.causes[of].err != nil {
			return l.causes[of].err
		}
	}
	return nil
}

// Snapshot implements limit.Limiter. The limits are those of all processes,
// as Redis said to this one last; requests under way and waiting are this
// process's. While Redis is away the limits are this process's share, and one
// more entry with the host "redis" has a failing gate, whose GateError says why.
func (l *Limiter) Snapshot() []limit.KeyState {
	if l.run() != nil {
		return nil
	}
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	users := l.users()
	var all []limit.KeyState
	alone := map[limit.Key]bool{}
	if l.away != nil {
		all = append(l.away.limits.memory.Snapshot(), l.away.state(now))
		for i := range all {
			alone[all[i].Key] = true
		}
	}
	for of, s := range l.known {
		if !alone[s.key] {
			all = append(all, l.state(of, s, users[of], now))
		}
	}
	return all
}

// users are the requests of this process at a scope.
type users struct {
	underWay, waiting int
	batch, urgent     int     // of those that wait
	oldest            *ticket // of them, nil if none waits
}

// users returns those of each scope, by its name in Redis. l.mu is held.
func (l *Limiter) users() map[string]users {
	all := map[string]users{}
	for _, t := range l.waiting {
		for _, of := range t.keys[:len(t.scopes)] {
			u := all[of]
			u.waiting++
			switch {
			case t.ask.Priority <= limit.Batch:
				u.batch++
			case t.ask.Priority >= limit.Urgent:
				u.urgent++
			}
			if u.oldest == nil || t.number < u.oldest.number {
				u.oldest = t
			}
			all[of] = u
		}
	}
	for _, t := range l.permits {
		for _, of := range t.keys[:len(t.scopes)] {
			u := all[of]
			u.underWay++
			all[of] = u
		}
	}
	return all
}

// state is that of the scope with the name of in Redis, as Redis said to this process
// last. l.mu is held.
func (l *Limiter) state(of string, s *scope, u users, now time.Time) limit.KeyState {
	k := limit.KeyState{
		Key: s.key, Waiting: u.waiting, Batch: u.batch, Urgent: u.urgent, Concurrent: u.underWay,
		WouldHold: s.wouldHold, Evidence: s.evidence,
	}
	if u.oldest != nil {
		k.Oldest, k.Why = now.Sub(u.oldest.came), u.oldest.why
	}
	share, most := 1.0, s.most
	if l.away != nil {
		share = l.away.share(hostName(l.prefix(), s.key.Host))
		most = places(s.most, share)
	} else if k.Gate, k.GateLeft = s.gate, max(s.left-now.Sub(s.at), 0); k.Gate != "" {
		k.GateError = l.causes[of].err
	}
	k.PerSecond = s.rate * share
	for _, b := range s.buckets {
		k.Limits = append(k.Limits, limit.LimitState{
			Unit: units[b.unit()], Limit: b.limit() * share, Window: seconds(b.window()),
			Left: b.level(now.Sub(s.at)) * share, Learned: b.learned(),
		})
	}
	if s.most > 0 {
		k.Limits = append(k.Limits, limit.LimitState{Unit: "concurrency", Limit: float64(most), Left: float64(most - u.underWay)})
	}
	return k
}
