// Package finder finds the limit of a server that states none, from nothing but
// which requests it lets in and which it refuses.
//
// A refusal by itself means nothing. Busy servers refuse one request in a
// hundred whatever the rate, and whoever slows down at each refusal comes to a
// halt, as TCP Reno does on a lossy line. What counts is what is delivered, as
// in BBR, and what changes when the rate changes, as in PCC Vivace. So a Finder
// holds nobody back until several requests in a row are refused. What the limit
// does next tells its kind:
//
//   - A bucket lets in again as soon as it has a token: paced.go looks for the
//     rate at which it is filled.
//   - A window stays shut for long and then lets in many: window.go does the same.
//   - Chance does not react when one goes slower: paced.go lets it be.
//
// cluster.go notices that several in a row are refused, and probes until the
// limit lets in again. A limit of how many requests are under way at once is not
// looked for; it is taken for a rate, and mostly reached to four fifths.
package finder

import (
	"fmt"
	"math"
	"time"

	"github.com/steadyhttp/steadyhttp/internal/monotime"
)

// A mode is what a Finder takes the limit for.
type mode int

const (
	open   mode = iota // none: nobody is held back
	shut               // nothing is let in: one probe at a time
	paced              // a rate
	window             // a number in any span of a length
)

const (
	// slack is how far the rate may lag behind and catch up: timers and
	// goroutines are late by some milliseconds, and what they lose is not lost.
	slack = .02

	// idleAfter is how long a refusal matters: the longest usual window.
	idleAfter = 60

	// So many in a row go again only where hardly anything else is sent.
	manyAgain = 4

	// A limit is suspected once half of the latest outcomes are refusals, each
	// weighed by an eighth: six in a row.
	suspectOf, suspectAt = 8, .5
)

// A Finder finds the limit of one scope. It is made at the first refusal that no
// known limit explains. Its caller holds a lock. Each call costs O(log n) on
// average and, once its memory is used (40 KB, at high rates 70), no allocation.
//
// Inside, times are seconds since it was made; a float64 keeps them exact to the
// nanosecond for a hundred days.
type Finder struct {
	born monotime.Instant
	load float64 // let in during the second before

	mode mode
	rate float64 // requests a second, of paced and window
	next float64 // when the next may go by that rate (GCRA's theoretical arrival time)

	lastSent, lastRefused, lastHeld float64
	sent, refused                   int     // verdicts, for people
	again                           int     // sent in a row that were refused before
	ofFirst                         float64 // share of first attempts that were refused, as their outcomes came in

	let   history // what was let in, or has not been refused so far
	tried history // and what was refused
	verdicts
	cluster
	block
	windowLimit
	pace
	overdue overdue
}

// New returns a Finder that holds nobody back. load is how many requests a
// second were sent lately and are not known to be refused. The refusal that is
// the reason to make it is reported next.
func New(now monotime.Instant, load float64) *Finder {
	return &Finder{born: now, load: load, verdicts: newVerdicts()}
}

func (f *Finder) seconds(t monotime.Instant) float64 { return t.Sub(f.born).Seconds() }

// Next returns when the next request, which has come, may go. t or earlier is now.
func (f *Finder) Next(t monotime.Instant) monotime.Instant {
	at := f.Peek(t)
	if at > t {
		f.lastHeld, f.epoch.held = f.seconds(t), true
	}
	return at
}

// Peek is Next where nobody has come.
func (f *Finder) Peek(t monotime.Instant) monotime.Instant {
	s := f.seconds(t)
	f.settle(s)
	at := s
	switch f.mode {
	case shut:
		at = f.probeTime()
	case paced:
		at = f.next
	case window:
		at = max(f.next, min(f.room(s), f.lastSent+f.doubt()))
	}
	return t.Add(time.Duration(math.Ceil(max(0, at-s) * 1e9)))
}

// Sent says that a request goes out at t, whether Next allowed it or not. again says
// that its call was refused before.
//
// First attempts are a fair sample of what a limit refuses. Those that go again are
// none: a page that a server refuses for good is refused as often as it is asked for.
// So their refusals count only where few others are sent.
func (f *Finder) Sent(t monotime.Instant, again bool) {
	s := f.seconds(t)
	tells := !again || f.again >= manyAgain || f.mode == shut
	if f.again++; !again {
		f.again = 0
	}
	f.settle(s)
	switch f.mode {
	case shut:
		f.probeSent = s
	case window:
		if f.isProbe(s) {
			f.probeSent = s
		}
		fallthrough
	case paced:
		// What did not wait for its turn does not keep the others from theirs.
		f.next = min(max(f.next, s-slack), s) + 1/f.rate
	}
	f.count(s, tells)
	f.lastSent = s
	f.let.add(s)
	f.tried.add(s)
	f.await(request{sent: s, tells: tells})
}

// Outcome says at t what became of the request that was sent at sent: the server
// let it in, whatever it answered, or a limit refused it.
func (f *Finder) Outcome(t, sent monotime.Instant, letIn bool) {
	s, at := f.seconds(t), f.seconds(sent)
	if !letIn {
		f.lastRefused = s
		f.timed(s - at)
	}
	switch {
	case at < 0 && !letIn:
		// It was sent before there was a Finder, and so were others that were let
		// in, of which nothing is known: it is no evidence.
		f.load = max(0, f.load-1)
		f.saw(false)
	case at >= 0:
		f.know(s, at, letIn)
		f.settle(s)
	}
}

// saw takes in the outcome of a first attempt.
func (f *Finder) saw(letIn bool) {
	f.ofFirst -= f.ofFirst / suspectOf
	if !letIn {
		f.ofFirst += 1. / suspectOf
	}
}

// Suspects reports whether so many were refused of late that a limit may be why,
// although it holds nobody back so far.
func (f *Finder) Suspects() bool { return f.ofFirst > suspectAt }

// Unsent says that the request that was sent at sent tells nothing of a limit:
// it was canceled, or failed otherwise.
func (f *Finder) Unsent(sent monotime.Instant) {
	if at := f.seconds(sent); at >= 0 {
		f.forget(at)
	}
}

// Rate returns how many requests a second are let out. 0 is as many as come.
func (f *Finder) Rate(t monotime.Instant) float64 {
	switch f.mode {
	case paced:
		return f.rate
	case window:
		return float64(f.n) / f.length
	}
	return 0
}

// Engaged reports whether the Finder holds requests back. Whoever is refused
// then may come back soon, since it is told when to go.
func (f *Finder) Engaged() bool { return f.mode != open }

// Shut reports whether the server lets nothing in, and since when.
func (f *Finder) Shut() (since monotime.Instant, ok bool) {
	if f.mode != shut {
		return 0, false
	}
	return f.born.Add(time.Duration(f.closed * 1e9)), true
}

// Guesses reports whether what is let out is a guess: a rate that has begun to grow after a
// block, where so far nothing that was sent at it points to a limit, or a window that never
// refused what was too much for it.
func (f *Finder) Guesses() bool {
	switch f.mode {
	case paced:
		return f.step > slowStart && f.sum == 0
	case window:
		return !f.proven
	}
	return false
}

// Idle reports whether the Finder can be dropped: nothing was refused for a
// minute, and nobody is held back.
func (f *Finder) Idle(t monotime.Instant) bool {
	s := f.seconds(t)
	return s-f.lastRefused > idleAfter && (f.mode == open || s-f.lastHeld > idleAfter)
}

// Why says for people what the refusals point to, and on what evidence.
func (f *Finder) Why() string {
	what := "the server's refusals point to no limit"
	switch f.mode {
	case shut:
		what = fmt.Sprintf("the server lets nothing in; %d probes were refused", f.probes)
	case paced:
		what = fmt.Sprintf("the rate that the server's refusals point to: %.3g a second", f.rate)
		if f.trial.running {
			what += ", on trial"
		}
	case window:
		what = fmt.Sprintf("the limit that the server's refusals point to: %d in any %.3g s", f.n, f.length)
	}
	if f.chance > 0 {
		what += fmt.Sprintf("; %.2g%% are refused at any rate", 100*f.chance)
	}
	return fmt.Sprintf("%s (%d of %d requests were refused)", what, f.refused, f.sent)
}
