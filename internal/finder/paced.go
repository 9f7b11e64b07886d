package finder

import "math"

// A pace is the search for the rate that a bucket is filled at, or a server
// bears otherwise. It goes a little faster from epoch to epoch until more is
// refused than chance explains, and then slower than what was let in, to see
// which of two it was: "a limit", if hardly anything is refused any more, or
// "chance", if as much is as before. AIMD asks no such question, and at 1% of
// random refusals it is left with an eighth of the throughput.
type pace struct {
	epoch epoch

	good   float64 // let in per second when the limit was last seen used up
	bears  float64 // let in per second before a limit was suspected; 0 once more is known
	step   float64 // share by which the rate grows next
	holdTo float64 // it does not grow until then
	chance float64 // share refused at any rate
	trial  trial
}

// An epoch is some requests sent in a row at one rate, as PCC's monitor interval
// is.
type epoch struct {
	from, last    float64 // when its first and its last were sent
	end           float64 // when the one after it was sent
	sent, refused int
	besides       int  // sent meanwhile, of which the outcome does not count
	overdue       int  // let in meanwhile, see overdue
	full          bool // all are sent; some may have no verdict yet
	held          bool // the rate held somebody back: there was demand for more
}

// A trial goes slower and asks whether that helps.
type trial struct {
	running       bool
	before        float64 // the rate; of no use where nobody was held back
	share         float64 // refused at that rate
	from          mode
	ratio         float64 // log of how much likelier "as before" is than "chance only"
	epochs        int
	sent, refused int
	slower        int // times that it went slower still
}

const (
	// One in two seconds is the slowest rate. Longer distances are windows.
	minRate, maxRate = .5, 1e6

	// An epoch is half a second of the rate, 25 requests at least, so that one
	// refusal more or less is less than the limit of 0.04 below, and 50 at most,
	// which is enough. While nobody is held back 300 are better than soon. Slow
	// start takes 10, as TCP's first window. After two seconds 5 must do.
	epochTime, epochLeast, epochMost   = .5, 25, 50
	epochOpen, epochStart, epochAtLast = 300, 10, 5
	epochPatience                      = 2.

	// Refusals are more than chance if they are more than 4% above its share by
	// one standard deviation, and two at least. While nobody is held back, 6% and
	// two deviations: a trial there costs everybody a second.
	moreShare, moreShareOpen = .04, .06

	// Growth begins at 1% and doubles up to 25%. From 0.85 to 1.2 of the rate at
	// which the limit was used up last it is 3% at most: at 4%, one in ten of the
	// simulation's rows had more than 5% refused, at 2% a limit that rises is
	// found too late. slowStart is the step from which on little is known.
	firstStep, mostStep, nearStep = .01, .25, .03
	nearFrom, nearTo              = .85, 1.2
	slowStart                     = .1
	holdTime                      = 3 // seconds without growth after a cut

	// A block says little of the rate if few were let in meanwhile. Of what was
	// known before it, two fifths are kept in any case; from 8 on, the rate counts
	// as known and is approached in small steps.
	keepBefore, knownFrom = .4, 8

	// A trial goes at 0.93 of what was let in: so much less drains a bucket's
	// debt within an epoch. What it finds is then kept to at 0.985, since what
	// was let in over a short time has a bucket's rest in it.
	trialAt, keepAt = .93, .985
	// It ends when one answer is e^2, seven times, as likely as the other, or
	// after three epochs (Wald's sequential probability ratio test).
	trialSure, trialEpochs = 2, 3
	// Twice it goes slower still before it believes in chance: what was let in
	// during one epoch may have been a bucket's rest.
	trialSlower = 2
	// Chance is known from 200 requests on; fewer count as a share of that. As
	// before means at least 4% above it.
	trialKnown, trialAbove = 200, .04
	// Back to a rate that was not too high, with some more for what was lost.
	backTo, backStep = 1.25, .05

	// More than that is never held to be chance, nor less than 1% in a trial.
	mostChance, leastChance = .3, .01
)

func (f *Finder) setRate(perSecond float64) { f.rate = min(maxRate, max(minRate, perSecond)) }

// count takes in a request for the epoch; tells says that its outcome counts.
func (f *Finder) count(t float64, tells bool) {
	if idle := t - f.lastSent; f.mode == paced && idle > 1 && idle > 5/f.rate {
		f.epoch, f.sum, f.firstBad = epoch{}, 0, 0 // what was before tells nothing of now
	}
	e := &f.epoch
	n := e.sent
	if f.step > slowStart { // little is known: soon is better
		n += e.besides
	}
	switch {
	case f.mode == shut || f.mode == window || e.full:
		return
	case e.sent == 0 && !tells:
		return
	case e.sent == 0:
		e.from = t
	case n >= f.epochSize(t-e.from):
		e.full, e.end = true, t
		return
	}
	if !tells {
		e.besides++
		return
	}
	e.sent++
	e.last = t
}

func (f *Finder) epochSize(age float64) int {
	switch {
	case f.mode == open:
		return epochOpen
	case age > epochPatience:
		return epochAtLast
	case f.step > slowStart:
		return epochStart
	}
	return int(min(epochMost, max(epochLeast, f.rate*epochTime)))
}

// begin begins to pace after a block, between the rate at which the used up limit
// let in, of which n requests tell, and the mean. The fewer they are, the larger
// are the first steps.
func (f *Finder) begin(usedUp, mean float64, n int) {
	was := f.rate
	switch f.block.from {
	case window:
		was = float64(f.n) / f.length
	case open:
		was, mean = 0, max(mean, usedUp)
	}
	w := float64(n) / float64(n+2)
	f.mode = paced
	f.setRate(max(math.Pow(usedUp, w)*math.Pow(mean, 1-w), keepBefore*was))
	f.step, f.holdTo = max(2*firstStep, min(mostStep, 1/float64(n))), 0
	if n > 1 {
		f.bears = 0
	}
	if n >= knownFrom {
		f.good = f.rate
	}
}

// catchUp takes in that what was sent at sent was let in. One that is let in at the end of
// a block says nothing of the rate. Up to what the server bore before the block, and as
// long as it refuses nothing, the rate doubles with each success, as in TCP's slow start.
func (f *Finder) catchUp(sent float64) {
	if f.mode == paced && f.rate < f.bears {
		f.setRate(min(2*f.rate, f.bears))
		f.next = min(f.next, sent+1/f.rate)
	}
}

// judge takes in an epoch of which all is known.
func (f *Finder) judge(t float64) {
	e := f.epoch
	f.epoch = epoch{}
	n, refused := float64(e.sent), float64(e.refused)
	span := max(e.end-e.from, .001)
	good := ((n+float64(e.besides))*(1-refused/n) + float64(e.overdue)) / span
	more := func(share, deviations float64) bool {
		return refused >= 2 && refused > n*share+deviations*math.Sqrt(n*share)
	}
	switch {
	case f.mode == open:
		if more(max(moreShareOpen, f.chance+baseAbove), 2) {
			f.try(t, good, refused/n)
			f.mode, f.next = paced, t
		}
	case f.trial.running:
		f.trialEpoch(e, good)
	case more(f.chance+moreShare, 1):
		// No less than half the rate at once: where others share the limit, whoever
		// has less must not lose all.
		f.try(t, max(good, f.rate/2), refused/n)
	case e.held && t >= f.holdTo:
		f.step = min(mostStep, max(firstStep, 2*f.step))
		growth := f.step * max(1, min(4, 2*span)) // slow rates have long epochs
		if f.rate > nearFrom*f.good && f.rate < nearTo*f.good {
			f.step = min(f.step, nearStep)
			growth = f.step
		}
		f.setRate(f.rate * (1 + growth))
	}
}

// try goes slower than what is let in, to see whether that helps.
func (f *Finder) try(t, good, share float64) {
	f.trial = trial{running: true, before: f.rate, share: share, from: f.mode}
	f.good, f.step, f.holdTo = good, 0, t+holdTime
	f.setRate(trialAt * good)
}

func (f *Finder) trialEpoch(e epoch, good float64) {
	r := &f.trial
	byChance, asBefore := max(leastChance, f.chance), max((r.share+f.chance)/2, f.chance+trialAbove)
	r.ratio += float64(e.refused)*math.Log(asBefore/byChance) + float64(e.sent-e.refused)*math.Log((1-asBefore)/(1-byChance))
	r.sent += e.sent
	r.refused += e.refused
	r.epochs++
	seen := float64(r.refused) / float64(r.sent)
	switch {
	case math.Abs(r.ratio) < trialSure && r.epochs < trialEpochs:
	case r.ratio < trialSure: // it is a limit
		r.running = false
		f.chance = min(mostChance, f.chance+min(1, float64(r.sent)/trialKnown)*(seen-f.chance))
		f.setRate(keepAt * f.good / (1 - f.chance))
	case r.slower < trialSlower:
		*r = trial{running: true, before: r.before, share: r.share, from: r.from, slower: r.slower + 1}
		f.good = good
		f.setRate(trialAt * good)
	default: // it is chance
		r.running = false
		f.chance = min(mostChance, seen)
		f.mode, f.step, f.holdTo = r.from, backStep, 0
		f.setRate(backTo * r.before)
	}
}
