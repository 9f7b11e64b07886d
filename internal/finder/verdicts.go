package finder

import (
	"math"
	"sort"
)

// Verdicts are read in the order of sending, since refusals return sooner than
// answers: in the order of arrival, ten of a hundred that are refused by chance
// look like ten in a row. A request without an outcome counts as let in once a
// refusal would have come. If it is refused later, that is a verdict as well.
type verdicts struct {
	asked []request // by time; those from head on wait for their verdict
	head  int
	ties  float64

	// How long a refusal takes: mean and mean deviation, estimated as Jacobson
	// does for TCP's retransmissions.
	refusalTime, refusalDev float64
	refusalSeen             bool
}

type request struct {
	sent    float64
	outcome outcome
	tells   bool // its verdict counts
	overdue bool // see overdue
}

type outcome uint8

const (
	unknown outcome = iota
	letIn
	refused
	nothing
)

const (
	// maxAsked bounds those that wait. At 5,000 a second they cover the 0.2 s that
	// a slow refusal takes; if there are more, the oldest counts as let in early.
	maxAsked = 1024

	// A refusal takes its mean and four deviations at the most, and 5 ms for
	// timers; what takes longer than 5 s is not waited for.
	lagDeviations, lagTimers, maxLag = 4, .005, 5.

	// Before the first refusal: as over an ocean.
	startTime, startDev = .05, .025
)

func newVerdicts() verdicts { return verdicts{refusalTime: startTime, refusalDev: startDev} }

// lag is how long after its sending a request that has no outcome counts as let
// in.
func (v *verdicts) lag() float64 {
	return min(maxLag, v.refusalTime+lagDeviations*v.refusalDev+lagTimers)
}

// timed takes in how long a refusal took.
func (v *verdicts) timed(took float64) {
	if !v.refusalSeen {
		v.refusalSeen, v.refusalTime, v.refusalDev = true, took, took/2
		return
	}
	v.refusalDev += (math.Abs(took-v.refusalTime) - v.refusalDev) / 4
	v.refusalTime += (took - v.refusalTime) / 8
}

// await lets r wait for its verdict.
func (v *verdicts) await(r request) {
	if len(v.asked) == cap(v.asked) {
		v.asked = v.asked[:copy(v.asked, v.asked[v.head:])]
		v.head = 0
	}
	v.asked = append(v.asked, r)
}

// find returns a request sent at t that has no outcome yet, or nil. Of several
// it takes one from anywhere among them: the first would have the refused ones
// in a row, since they are reported first.
func (v *verdicts) find(t float64) *request {
	waiting := v.asked[v.head:]
	i := sort.Search(len(waiting), func(i int) bool { return waiting[i].sent >= t })
	n := sort.Search(len(waiting)-i, func(n int) bool { return waiting[i+n].sent > t })
	v.ties = math.Mod(v.ties+math.Phi, 1)
	for k := range n {
		if r := &waiting[i+(k+int(v.ties*float64(n)))%n]; r.outcome == unknown {
			return r
		}
	}
	return nil
}

// know takes in an outcome.
func (f *Finder) know(t, sent float64, good bool) {
	if !good {
		f.let.remove(sent)
	}
	r := f.find(sent)
	if good || r != nil && r.tells {
		f.saw(good)
	}
	switch {
	case r == nil && !good:
		f.verdict(t, sent, false)
	case r == nil: // it has counted as let in already
	case good:
		r.outcome = letIn
	default:
		r.outcome = refused
	}
}

// forget takes a request out of the books.
func (f *Finder) forget(sent float64) {
	f.let.remove(sent)
	f.tried.remove(sent)
	if r := f.find(sent); r != nil {
		r.outcome = nothing
	}
	if f.probeSent == sent {
		f.probeSent = 0
	}
}

// settle passes on the verdicts that are due.
func (f *Finder) settle(t float64) {
	for ; f.head < len(f.asked); f.head++ {
		r := f.asked[f.head]
		if r.outcome == unknown && t-r.sent <= f.lag() && len(f.asked)-f.head <= maxAsked {
			break
		}
		switch {
		case r.outcome == nothing:
		case r.overdue:
			f.sawOverdue(r.sent, r.outcome != refused)
		case r.tells:
			f.verdict(t, r.sent, r.outcome != refused)
		}
	}
	if f.epoch.full && (f.head == len(f.asked) || f.asked[f.head].sent > f.epoch.last) {
		f.judge(t)
	}
}

// verdict takes in that a request was let in or refused.
func (f *Finder) verdict(t, sent float64, good bool) {
	f.sent++
	if !good {
		f.refused++
	}
	if f.mode == shut {
		f.probed(t, sent, good)
		return
	}
	f.overdue.sawOther(sent, good)
	switch {
	case sent < f.since:
		return
	case f.mode == window:
		f.windowed(sent, good)
	case good:
		f.catchUp(sent)
	default:
		f.bears = 0
		if sent >= f.epoch.from && sent <= f.epoch.last {
			f.epoch.refused++
		}
	}
	if f.clustered(sent, good) {
		f.close(t)
	}
}
