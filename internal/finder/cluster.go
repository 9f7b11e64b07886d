package finder

import "math"

// A cluster is a CUSUM over verdicts (Page 1954): a running likelihood ratio of
// "half of them are refused" against the share that is refused anyway, which
// starts again from 0 where it would fall below.
type cluster struct {
	sum      float64
	firstBad float64 // when the first was sent that is refused; 0 is none
	since    float64 // what was sent before does not count
}

const (
	// Up to an eighth is refused without a limit that reacts to the rate.
	baseShare = .12
	baseAbove = .05 // over the share that was found to be chance

	// Five refusals in a row are a cluster where a limit is known, six where
	// none is. At 5% by chance six in a row come once in 60 million requests.
	enough     = 7.0
	enoughOpen = 8.5
)

// clustered takes in a verdict, and reports whether there is a cluster now.
func (f *Finder) clustered(sent float64, good bool) bool {
	c, base := &f.cluster, max(baseShare, f.chance+baseAbove)
	if good {
		if c.sum = max(0, c.sum+math.Log(.5/(1-base))); c.sum == 0 {
			c.firstBad = 0
		}
		return false
	}
	if c.firstBad == 0 {
		c.firstBad = sent
	}
	c.sum += math.Log(.5 / base)
	return f.mode == open && c.sum >= enoughOpen || f.mode != open && c.sum >= enough
}

// A block is a time in which nothing is let in.
type block struct {
	from      mode    // before
	closed    float64 // the first of the cluster was sent
	stopped   float64 // the last before the block was known
	lastFail  float64 // the last probe was sent that failed
	failed    int     // probes that failed
	probeAt   float64 // the next may go
	probeSent float64 // one is on its way; 0 is none
	opening   float64 // when the limit let in again last
	before0   float64 // the last probe that failed before that
}

// close begins a block: the cluster is one.
func (f *Finder) close(t float64) {
	f.block = block{from: f.mode, closed: f.firstBad, stopped: f.lastSent, lastFail: f.firstBad, probeAt: t, opening: f.opening, before0: f.before0}
	f.mode, f.since = shut, t
}

func (f *Finder) probeTime(t float64) float64 {
	if f.probeSent != 0 {
		return f.probeSent + f.lag()
	}
	return f.probeAt
}

// usual are the lengths of windows that people choose, in seconds.
var usual = [...]float64{1, 2, 3, 5, 10, 15, 20, 30, 60}

const (
	firstProbe = .02 // then as late again as the block is long
	laterProbe = .4  // of its length, once it is longer than .6 s
	maxProbe   = 30
)

// probed takes in what became of a probe.
func (f *Finder) probed(t, sent float64, good bool) {
	if sent < f.since {
		return
	}
	if good {
		f.opened(t, sent)
		return
	}
	f.lastFail, f.probeSent = sent, 0
	f.failed++
	d := t - f.closed
	f.probeAt = t + max(firstProbe, d)
	if d > .6 {
		f.probeAt = t + min(laterProbe*d, maxProbe)
	}
	// A window that began with its first request ends a usual length later.
	for _, length := range append(usual[:], f.length) {
		if at := f.opening + length; length > 0 && at > t+.01 {
			f.probeAt = min(f.probeAt, at+.005)
		}
	}
}

// opened ends a block: what was sent at at was let in.
func (f *Finder) opened(t, at float64) {
	long := at - f.closed
	// What was let in on average, over a second at least.
	from := min(f.opening, at-1)
	if f.opening == 0 {
		from = -1
	}
	n := float64(f.let.between(from, at))
	if from < 0 {
		n -= f.load * from
	}
	mean := n / (at - from)
	// What was let in while more was sent than that: all that a bucket gets.
	k, span := f.let.between(f.closed+1e-9, f.stopped+1e-9), f.stopped-f.closed
	if k < 3 || span < .05 {
		k, span = f.let.between(f.closed+1e-9, at)+1, max(long, .001)
	}
	full := float64(k) / span
	// A block that is long beside the mean distance of what is let in.
	isWindow := long > .15 && full < .3*mean && long*mean > minLong
	f.trace("%.3f opened at %.3f: block %.3f after %d probes, mean %.1f full %.1f window %v", t, at, long, f.failed, mean, full, isWindow)
	switch {
	case isWindow && f.opening == 0:
		f.mode, f.rate, f.step = paced, mean/windowSpread, .25
	case f.from == window && f.refit(at), isWindow && f.fit(at):
		f.mode = window
		f.rate = max(float64(f.n)/(windowSpread*f.length), mean)
		f.clean, f.more = 0, 1
		f.trace("N %d T %.3f", f.n, f.length)
	default:
		if f.opening == 0 {
			mean = max(mean, full)
		}
		f.start(t, full, mean, k)
	}
	f.cutAt = f.closed
	f.draining, f.back = false, paced
	f.epoch = epoch{}
	f.next, f.opening, f.before0, f.since = t, at, f.lastFail, at
	f.probeSent, f.sum, f.firstBad = 0, 0, 0
}

var minLong = 3.
