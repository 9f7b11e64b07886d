// Package finder finds the rate that a server bears where it states no limit,
// from nothing but what it lets in and what it refuses.
//
// A refusal by itself means nothing: busy servers refuse one request in a
// hundred whatever the rate, and who slows down at each of them comes to a halt,
// as TCP Reno does on a lossy line. What is delivered counts, as in BBR, and
// what changes when the rate changes, as in PCC Vivace. So a Finder holds nobody
// back until many requests in a row are refused, and then asks what kind of
// limit did that, by what the limit does next:
//
//   - a bucket lets one in again as soon as it has a token (paced.go);
//   - a window stays shut for long, and then lets many in at once (window.go);
//   - chance does not react when one goes slower (paced.go).
//
// cluster.go finds the many in a row and probes until the limit lets in again.
package finder

import (
	"math"
	"sort"
	"time"

	"github.com/steadyhttp/steadyhttp/internal/monotime"
)

// A mode is what a Finder holds a limit to be.
type mode int

const (
	open   mode = iota // none is known: nobody is held back
	shut               // a cluster was refused: one probe at a time
	paced              // a rate
	window             // a number in any span of a length
)

const (
	// maxUnanswered bounds the requests without a verdict. At 5,000 a second it
	// covers the 0.2 s that a slow refusal takes; beyond, the oldest counts as let
	// in a little early.
	maxUnanswered = 1024

	// slack is how far a rate may lag behind and catch up: timers and goroutines
	// are late by some milliseconds, and what they lose is not lost.
	slack = .02

	// maxLag is the longest that a refusal is waited for. Requests that are
	// refused after that count as let in first, and as refused then.
	maxLag = 5

	// A refusal matters for a minute: that is the longest usual window.
	idleAfter = 60
)

// A Finder is the controller of one scope. Create it at the first refusal that
// no known limit explains. Its caller holds a lock and passes the time in.
//
// Inside, times are seconds since it was made; a float64 keeps them exact to the
// nanosecond for a hundred days.
type Finder struct {
	born  monotime.Instant
	load  float64 // let in per second before it was born
	early int     // let in of what was sent before it was born

	mode mode
	rate float64 // requests a second, of paced and window
	next float64 // when the next may go by rate, as GCRA has it

	// Outcomes are read in the order of sending, since refusals return sooner
	// than answers: in the order of arrival ten of a hundred that are refused by
	// chance look like ten in a row. A request without an outcome counts as let
	// in once a refusal would have come, which is refusalTime and four deviations
	// later (Jacobson's estimate of TCP's retransmission timeout).
	asked                   []request // waiting for their verdict, from head on
	head                    int
	refusalTime, refusalDev float64

	spread                          int
	let                             history // what was let in
	lastSent, lastRefused, lastHeld float64
	sent, refused                   int // verdicts so far, for people

	cluster
	block
	windowLimit
	pace
}

// A request waits for its verdict.
type request struct {
	sent    float64
	outcome outcome
}

type outcome uint8

const (
	unknown outcome = iota
	letIn
	refused
	unsent
)

// New returns a Finder that holds nobody back. load is how many requests a
// second were let in lately.
func New(now monotime.Instant, load float64) *Finder {
	return &Finder{born: now, load: load, refusalTime: .05, refusalDev: .025}
}

func (f *Finder) seconds(t monotime.Instant) float64 { return t.Sub(f.born).Seconds() }

// lag is how long a refusal may take.
func (f *Finder) lag() float64 { return min(maxLag, f.refusalTime+4*f.refusalDev+.005) }

// Next returns when the next request may go. t or earlier is now.
func (f *Finder) Next(now monotime.Instant) monotime.Instant {
	t := f.seconds(now)
	f.settle(t)
	at := f.allowed(t)
	if at <= t {
		return now
	}
	f.lastHeld, f.epoch.held = t, true
	return now.Add(time.Duration(math.Ceil((at - t) * 1e9)))
}

func (f *Finder) allowed(t float64) float64 {
	switch f.mode {
	case shut:
		return f.probeTime(t)
	case paced:
		return f.next
	case window:
		return max(f.next, f.room(t))
	}
	return t
}

// Sent says that a request goes out, whether Next allowed it or not.
func (f *Finder) Sent(now monotime.Instant) {
	t := f.seconds(now)
	r := request{sent: t}
	switch f.mode {
	case shut:
		f.probeSent = t
	case paced, window:
		f.next = max(f.next, t-slack) + 1/f.rate
	}
	f.count(t)
	f.lastSent = t
	f.let.add(t)
	if len(f.asked) == cap(f.asked) && f.head > 0 {
		f.asked = f.asked[:copy(f.asked, f.asked[f.head:])]
		f.head = 0
	}
	f.asked = append(f.asked, r)
}

// Outcome says what became of the request that was sent at sent: it was let in,
// whatever its answer was otherwise, or refused by a limit.
func (f *Finder) Outcome(now, sent monotime.Instant, good bool) {
	t, at := f.seconds(now), f.seconds(sent)
	if !good {
		f.lastRefused = t
		f.timed(t - at)
	}
	if at < 0 {
		// It was sent before there was a Finder. What was sent with it is not in
		// the books, and a refusal alone tells nothing.
		if !good {
			f.load = max(0, f.load-1)
		}
		return
	}
	if !good {
		f.let.remove(at)
	}
	switch r := f.find(at); {
	case r != nil && good:
		r.outcome = letIn
	case r != nil:
		r.outcome = refused
	case !good: // it was taken for let in
		f.verdict(t, request{sent: at, outcome: refused})
	}
	f.settle(t)
}

// Unsent says that the request that was sent at sent tells nothing of a limit:
// it was canceled, or failed otherwise.
func (f *Finder) Unsent(sent monotime.Instant) {
	at := f.seconds(sent)
	if at < 0 {
		return
	}
	f.let.remove(at)
	if r := f.find(at); r != nil {
		r.outcome = unsent
	}
	if f.probeSent == at {
		f.probeSent = 0
	}
}

// find returns a request sent at that time that has no outcome yet, or nil. Of
// several it takes one from anywhere among them: those that are refused are told
// first and would else look like a cluster.
func (f *Finder) find(sent float64) *request {
	open := f.asked[f.head:]
	i := sort.Search(len(open), func(i int) bool { return open[i].sent >= sent })
	n := sort.Search(len(open)-i, func(n int) bool { return open[i+n].sent > sent })
	f.spread++
	_, spread := math.Modf(float64(f.spread) * math.Phi)
	for k := range n {
		if r := &open[i+(k+int(spread*float64(n)))%n]; r.outcome == unknown {
			return r
		}
	}
	return nil
}

// timed takes in how long a refusal took.
func (f *Finder) timed(took float64) {
	if f.lastTook == 0 {
		f.refusalTime, f.refusalDev = took, took/2
	}
	f.lastTook = took
	f.refusalDev += .25 * (math.Abs(took-f.refusalTime) - f.refusalDev)
	f.refusalTime += .125 * (took - f.refusalTime)
}

// settle passes on the verdicts that are due.
func (f *Finder) settle(t float64) {
	for ; f.head < len(f.asked); f.head++ {
		r := f.asked[f.head]
		if r.outcome == unknown && t-r.sent <= f.lag() && len(f.asked)-f.head <= maxUnanswered {
			break
		}
		f.verdict(t, r)
	}
	if f.epoch.full && (f.head == len(f.asked) || f.asked[f.head].sent > f.epoch.last) {
		f.judge(t)
	}
}

// verdict takes in that a request was let in or refused.
func (f *Finder) verdict(t float64, r request) {
	if r.outcome == unsent {
		return
	}
	good := r.outcome != refused
	f.sent++
	if !good {
		f.refused++
	}
	switch {
	case f.mode == shut:
		f.probed(t, r.sent, good)
	case r.sent < f.since:
	default:
		if !good && r.sent >= f.epoch.from && r.sent <= f.epoch.last {
			f.epoch.refused++
		}
		if f.mode == window {
			f.windowed(r.sent, good)
		}
		if f.clustered(r.sent, good) {
			f.close(t)
		}
	}
}
