package finder

import "math"

// A cluster is a CUSUM over verdicts (Page 1954): the log of how much likelier
// they are if half of what is sent is refused than if baseShare is, never below
// 0. Refusals that are spread out do not add up.
type cluster struct {
	sum      float64
	firstBad float64 // when the first was sent that is refused; 0 is none
	since    float64 // what was sent before does not count
}

const (
	// Busy servers refuse up to an eighth of what comes in, and what was found to
	// be chance may be a little more.
	baseShare, baseAbove = .12, .05
	halfAbove            = .38 // so that half stands against an eighth

	// Five refusals in a row are a cluster where a limit is known, six where none
	// is. Where 5% are refused by chance, six come in a row once in 60 million
	// requests.
	enough, enoughOpen = 7.0, 8.5
)

// clustered takes in a verdict, and reports whether there is a cluster now.
func (f *Finder) clustered(sent float64, good bool) bool {
	base := max(baseShare, f.chance+baseAbove)
	half := base + halfAbove
	if good {
		if f.sum = max(0, f.sum+math.Log((1-half)/(1-base))); f.sum == 0 {
			f.firstBad = 0
		}
		return false
	}
	if f.firstBad == 0 {
		f.firstBad = sent
	}
	f.sum += math.Log(half / base)
	if f.mode == open {
		return f.sum >= enoughOpen
	}
	return f.sum >= enough
}

// A block is a time in which nothing is let in.
type block struct {
	from      mode    // before
	closed    float64 // when the first of the cluster was sent
	stopped   float64 // when the last was sent before the block was known
	lastFail  float64 // when the last probe was sent that was refused
	probes    int     // refused
	probeAt   float64 // when the next may go
	probeSent float64 // one is on its way; 0 is none

	opening     float64 // when the block before ended, by its last probe; 0: there was none
	openingFail float64 // and when its last probe was sent that was refused
}

const (
	// A probe goes when the block has lasted twice as long as at the one before
	// it, from 20 ms on; after 0.6 s, 1.4 times as long. So what is lost to being
	// late is a share of the block, and at most half a minute.
	firstProbe, laterProbe, laterFrom, mostProbe = .02, .4, .6, 30.

	tiny = 1e-9 // between "before" and "not after"
)

// close begins a block: there is a cluster.
func (f *Finder) close(t float64) {
	f.block = block{from: f.mode, closed: f.firstBad, stopped: f.lastSent, lastFail: f.firstBad, probeAt: t, opening: f.opening, openingFail: f.openingFail}
	if f.bears = 0; f.mode == open {
		f.bears = float64(f.let.between(f.closed-1, f.closed))
		if f.closed < 1 {
			f.bears += f.load + 1 // what was refused is taken off load, though it may not count the first
		}
	}
	f.mode, f.since = shut, t
}

func (f *Finder) probeTime() float64 {
	if f.probeSent != 0 {
		return f.probeSent + f.lag()
	}
	return f.probeAt
}

// probed takes in the verdict on a probe, or on what was sent without leave.
func (f *Finder) probed(t, sent float64, good bool) {
	if sent < f.since {
		return
	}
	if good {
		f.opened(t, sent)
		return
	}
	f.lastFail, f.probeSent = sent, 0
	f.probes++
	long := t - f.closed
	f.probeAt = t + max(firstProbe, long)
	if long > laterFrom {
		f.probeAt = t + min(laterProbe*long, mostProbe)
	}
	// A window that began with the first request that it let in ends a usual
	// length later.
	for _, length := range append(usual[:], f.length) {
		if at := f.opening + length; at > t+.01 {
			f.probeAt = min(f.probeAt, at+.005)
		}
	}
}

// opened ends a block: what was sent at at was let in.
func (f *Finder) opened(t, at float64) {
	long := at - f.closed
	// What is let in per second on average: over a second at least and a minute
	// at most, and for the first block with the second before there was a Finder.
	from := min(max(f.opening, at-idleAfter), at-1)
	if f.opening == 0 {
		from = -1
	}
	mean := (float64(f.let.between(from, at)) + f.load*max(0, -from)) / (at - from)
	// And while more was sent than that: this is what fills a bucket. Three in 50
	// ms are the least to tell it from, else how long the first one took does.
	k, span := f.let.between(f.closed+tiny, f.stopped+tiny), f.stopped-f.closed
	if k < 3 || span < .05 {
		k, span = f.let.between(f.closed+tiny, at)+1, max(long, .001)
	}
	usedUp := float64(k) / span
	// A window stays shut for long beside the mean distance of what it lets in. A
	// block in which less than 0.3 of the mean is let in lasts more than three times
	// that, which by chance is as rare as one in twenty.
	// No block that is shorter than 0.15 s is one: buckets of 7 a second do that.
	isWindow := long > .15 && usedUp < .3*mean
	switch {
	case f.block.from == window && f.refit(at), isWindow && f.opening > 0 && f.fit(at):
		f.mode, f.clean, f.more = window, 0, 1
		f.setRate(max(float64(f.n)/(windowSpread*f.length), mean))
	case isWindow && f.opening == 0:
		// It began before there was a Finder, so its size is not known: the next
		// one is used up fast enough to see where it ends.
		fast := mean / windowSpread
		f.begin(fast, fast, 1)
	default:
		f.begin(usedUp, mean, k)
	}
	f.epoch, f.trial.running = epoch{}, false
	f.overdue.refused, f.overdue.inARow = 0, 0
	f.next, f.opening, f.openingFail, f.since = t, at, f.lastFail, at
	f.probeSent, f.sum, f.firstBad = 0, 0, 0
}
