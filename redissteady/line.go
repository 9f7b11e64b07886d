package redissteady

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/steadyhttp/steadyhttp/limit"
)

// Requests of a class that lets others pass are promised only what is near, and ask
// again for the rest. Those of this process that wait for the same stand in a line, of
// which only the first ask Redis: a thousand need no more questions than one.

// askAtOnce is how many of a line ask at once, as long as none of them was told that
// its turn is not near.
const askAtOnce = 8

// lineOf names the line that t stands in.
func (t *ticket) lineOf() string {
	if t.line == "" {
		t.line = strings.Join(t.keys[:len(t.scopes)], " ") + " " + t.ask.Priority.String()
	}
	return t.line
}

// stands puts t into its line, if there is one or it is of a batch, which makes one,
// and reports whether it rests there while others ask.
func (l *Limiter) stands(t *ticket) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !t.standing {
		if t.ask.Priority > limit.Batch && (len(l.lines) == 0 || len(l.lines[t.lineOf()]) == 0) {
			return false
		}
		l.join(t)
	}
	if t.resting = !l.asks(t); t.resting {
		t.again = false
	}
	return t.resting
}

// asks reports whether t is one of its line that ask. It requires l.mu held.
func (l *Limiter) asks(t *ticket) bool {
	if t.presses {
		return true
	}
	line := l.lines[t.line]
	for _, other := range line[:min(len(line), askAtOnce)] {
		if other == t {
			return true
		}
		if other.near {
			t.why = other.why
			return false
		}
	}
	return false
}

// join puts t into its line, in the order of arrival. It requires l.mu held.
func (l *Limiter) join(t *ticket) {
	if t.standing {
		return
	}
	t.standing = true
	line := l.lines[t.lineOf()]
	at := len(line)
	for at > 0 && line[at-1].number > t.number {
		at--
	}
	l.lines[t.line] = slices.Insert(line, at, t)
}

// step has t leave its line: others may ask then. It requires l.mu held.
func (l *Limiter) step(t *ticket) {
	if !t.standing {
		return
	}
	t.standing, t.near = false, false
	line := l.lines[t.line]
	at := slices.Index(line, t)
	line = slices.Delete(line, at, at+1)
	l.lines[t.line] = line
	if len(line) == 0 {
		delete(l.lines, t.line)
	}
	for _, other := range line[:min(len(line), askAtOnce)] {
		if other.resting && l.asks(other) {
			other.resting = false
			other.poke()
		}
	}
}

// behind is how long those take that stand before t, as far as is known: each process
// has as many of them.
func (l *Limiter) behind(t *ticket) (most time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var cost load
	for _, other := range l.lines[t.line] {
		if other == t {
			break
		}
		for u, n := range other.cost {
			cost[u] += n
		}
	}
	processes := 1
	if host := l.known[t.keys[0]]; host != nil {
		processes = max(host.processes, 1)
	}
	for _, of := range t.keys[:len(t.scopes)] {
		s := l.known[of]
		if s == nil {
			continue
		}
		for _, b := range s.buckets {
			if b.rate() > 0 {
				most = max(most, seconds(cost[b.unit()]/b.rate()*float64(processes)))
			}
		}
	}
	return most
}

// waitInLine waits until t may ask, or has to look what has become of it. It refuses t if
// its turn cannot be in time. Who has a deadline asks before it is too late to: what it is
// promised then nobody takes.
func (l *Limiter) waitInLine(ctx context.Context, t *ticket) error {
	deadline, ok := ctx.Deadline()
	if comes := !t.rested; comes && t.full {
		return t.tooMany()
	} else if comes && (ok || t.ask.MaxWait != 0) {
		takes := l.behind(t)
		switch {
		case t.ask.MaxWait < 0 || takes > t.boundLeft():
			return t.tooLong()
		case ok && takes > time.Until(deadline):
			return tooLate(t.why, takes)
		}
		t.press = time.Now().Add((time.Until(deadline) - takes) / 2)
	}
	t.rested = true
	rest := forever
	if ok {
		rest = max(time.Until(t.press), 0)
	}
	if l.wait(ctx, t, rest) {
		l.mu.Lock()
		t.presses = true
		l.mu.Unlock()
	}
	return nil
}

// A queuedKey is one class of those who wait for the user's limits.
type queuedKey struct {
	limits   string
	priority limit.Priority
}
