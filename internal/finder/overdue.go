package finder

import "github.com/steadyhttp/steadyhttp/internal/monotime"

// The overdue are first attempts whose time is up before their turn. They go past the rate
// or the window, as they would without us, while that is of use.
//
// Evidence: what becomes of them. If the limit is what it seems, most are refused; where
// refusals are chance, or an outage is over, as few as of the others. Scope: once more of
// them are refused, the next keep to their turns. Escape: now and then one goes to ask
// again. They are no part of the search, which asks what is let in at a rate.
type overdue struct {
	latest  float64 // when the latest was sent
	refused float64 // share of them
	others  float64 // share of the others that was refused while none of these went
	inARow  int     // let in since one was refused
}

const (
	// The shares are of the latest, each weighed by so much less than those before it.
	overdueOf, othersOf = 8, 16

	// overdueMore is how much more of them may be refused. Two in a row are too many
	// where no others are. After that one in twenty requests goes to ask again, or one in
	// ten seconds.
	overdueMore              = .2
	overdueEvery, overdueGap = 20, 10.

	// overdueCalm is for how many seconds one of them may be why another is refused.
	overdueCalm = 1.

	// overdueEnough let in, of as many in a row as make a cluster, contradict the limit.
	overdueEnough = 5
)

// found reports whether there is a rate or a window, and more than a guess.
func (f *Finder) found() bool { return (f.mode == paced || f.mode == window) && !f.Guesses() }

// LetsOverdue reports whether a first attempt whose time is up may go at t although Next
// says later.
func (f *Finder) LetsOverdue(t monotime.Instant) bool {
	switch {
	case !f.found():
		return true
	case f.strict && f.mode == window && f.overdue.refused > 0:
		// Each that is refused costs another its turn.
	case f.overdue.refused < f.overdue.others+overdueMore:
		return true
	}
	since := f.seconds(t) - f.overdue.latest
	if f.mode == window {
		return since >= f.doubt()
	}
	return since >= min(overdueGap, overdueEvery/f.rate)
}

// SentOverdue is Sent for one that LetsOverdue let go.
func (f *Finder) SentOverdue(t monotime.Instant) {
	s := f.seconds(t)
	f.settle(s)
	if !f.found() {
		f.Sent(t, false)
		return
	}
	f.overdue.latest, f.lastSent = s, s
	f.let.add(s)
	f.tried.add(s)
	f.await(request{sent: s, overdue: true})
}

// sawOther takes in what became at its turn of what was sent at sent.
func (o *overdue) sawOther(sent float64, good bool) {
	if sent-o.latest <= overdueCalm {
		return
	}
	o.others -= o.others / othersOf
	if !good {
		o.others += 1. / othersOf
	}
}

// sawOverdue takes in what became of one of the overdue.
func (f *Finder) sawOverdue(sent float64, good bool) {
	o := &f.overdue
	o.refused -= o.refused / overdueOf
	if !good {
		o.refused += 1. / overdueOf
		o.inARow = 0
		return
	}
	if f.epoch.sent > 0 && sent >= f.epoch.from {
		f.epoch.overdue++
	}
	if o.inARow++; o.inARow >= overdueEnough && (f.mode == paced || f.mode == window) {
		o.inARow = 0
		f.startAnew(f.lastSent)
	}
}

// startAnew looks for a rate from the one that is, since what was known was wrong. What was
// sent at at is the first that is let in.
func (f *Finder) startAnew(at float64) {
	if f.mode == window {
		f.opening, f.openingFail, f.probeSent = at, at, 0
	}
	f.mode, f.step, f.good, f.holdTo, f.trial.running = paced, mostStep, 0, 0, false
	f.epoch, f.sum, f.firstBad = epoch{}, 0, 0
}
