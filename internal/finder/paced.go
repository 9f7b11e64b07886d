package finder

import "math"

// A pace is the search for the rate.
type pace struct {
	epoch epoch

	good             float64 // let in per second when the limit was last seen used up
	cutAt, cutBefore float64 // when that was, and before
	step             float64 // of growth
	holdTime, holdTo float64 // no growth until then

	// After a cut: is it a limit, or chance?
	draining              bool
	back                  mode    // where to go if it is chance
	before                float64 // the rate
	share                 float64 // refused, at that rate
	chance                float64 // the share that is refused at any rate
	ratio                 float64 // log likelihood of "as before" to "chance only"
	epochs, levels        int
	sentSlow, refusedSlow int
	lastTook              float64
}

// An epoch is some requests sent in a row at one rate.
type epoch struct {
	from, last, end float64
	sent, refused   int
	held            bool // the rate held somebody back
	full            bool
}

// count takes in a request for the epoch.
func (f *Finder) count(t float64) {
	if idle := t - f.lastSent; f.mode != open && idle > 1 && idle > 5/f.rate {
		f.epoch, f.cutAt, f.sum, f.firstBad = epoch{}, 0, 0, 0
	}
	if f.mode == shut || f.mode == window || f.epoch.full {
		return
	}
	least := int(min(200, max(25, f.rate/2)))
	if f.draining {
		least = min(least, 50)
	}
	if f.mode == open {
		least = 300
	} else if f.step > .1 {
		least = 10
	}
	e := &f.epoch
	if d := t - e.from; d > 2 && f.mode != open {
		least = min(least, max(5, int(25-5*d)))
	}
	if e.sent > 0 && (e.sent >= least || e.refused >= 4 && f.mode == paced) {
		e.full, e.end = true, t
		return
	}
	if e.sent == 0 {
		e.from = t
	}
	e.sent++
	e.last = t
}

// start begins to pace after a block, between what a full limit let in and the
// mean: the more was let in meanwhile, the more the former is worth.
func (f *Finder) start(t, full, mean float64, k int) {
	w, was := float64(k)/float64(k+2), f.rate
	if f.from == window {
		was = float64(f.n) / f.length
	}
	f.mode = paced
	f.rate = max(.5, math.Pow(full, w)*math.Pow(mean, 1-w))
	f.rate = max(f.rate, .4*was)
	f.step, f.holdTime, f.holdTo = max(.02, min(.25, 1/float64(k))), .5, 0
	if k >= sure {
		f.good = f.rate
	}
}

func over(refused int, sent, share float64) bool {
	return refused >= 2 && float64(refused) > sent*share+math.Sqrt(sent*share)
}

// judge: what an epoch tells, once all of it is known.
func (f *Finder) judge(t float64) {
	e := f.epoch
	f.epoch = epoch{}
	n := float64(e.sent)
	share := float64(e.refused) / n
	dur := max(e.end-e.from, 1e-3)
	delivered := float64(e.sent-e.refused) / dur
	f.trace("%.3f judged rate %.1f step %.2f draining %v: %d sent %d refused, delivered %.1f, chance %.3f held %v", t, f.rate, f.step, f.draining, e.sent, e.refused, delivered, f.chance, e.held)
	switch {
	case f.mode == open:
		if p := max(.06, f.chance+.05); float64(e.refused) > n*p+2*math.Sqrt(n*p) {
			f.mode, f.next, f.holdTime = paced, t, .5
			f.cut(t, n/dur, delivered, share)
			f.back = open
		}
	case f.draining:
		f.drain(t, e, delivered)
	case over(e.refused, n, f.chance+.03):
		// Between two moments at which the limit is used up, what is let in is what comes in.
		// Of one epoch's share no more is believed than is sure.
		was, g := f.good, delivered
		if share < .15 {
			g = n / dur * (1 - max(share/2, share-math.Sqrt(share*(1-share)/n)))
		}
		if d := e.end - f.cutAt; f.cutAt > 0 && d > 1 && d < 60 && f.let.between(f.cutAt, e.end) > 50 {
			g = max(g, float64(f.let.between(f.cutAt, e.end))/d)
		}
		if f.holdTime *= 2; math.Abs(g-was) > .1*was {
			f.holdTime = .5
		}
		f.holdTime = min(f.holdTime, 4)
		g = max(g, f.rate/2)
		f.cut(t, f.rate, g, share)
		f.cutAt = e.end
	case !e.held:
		f.cutAt = 0
	case t >= f.holdTo:
		f.step = min(.25, max(.01, 2*f.step))
		growth := f.step * max(1, min(4, 2*dur))
		if f.rate > .85*f.good && f.rate < 1.2*f.good {
			f.step = min(f.step, near)
			growth = f.step
		}
		f.rate *= 1 + growth
	}
}

func (f *Finder) drain(t float64, e epoch, delivered float64) {
	q, p := max(.01, f.chance), max((f.share+f.chance)/2, f.chance+.04)
	f.ratio += float64(e.refused)*math.Log(p/q) + float64(e.sent-e.refused)*math.Log((1-p)/(1-q))
	f.sentSlow += e.sent
	f.refusedSlow += e.refused
	f.epochs++
	if math.Abs(f.ratio) < 2 && f.epochs < 3 && t-f.cutAt < 2.5 {
		return
	}
	if f.ratio >= 2 && f.levels < 2 { // slower still
		f.levels++
		f.good = delivered
		f.rate = .93 * delivered
		f.ratio, f.epochs, f.sentSlow, f.refusedSlow = 0, 0, 0, 0
		return
	}
	f.draining = false
	seen := float64(f.refusedSlow) / float64(f.sentSlow)
	if f.ratio >= 2 {
		f.chance = min(.15, seen)
		f.rate, f.step, f.holdTo = 1.25*f.before, .05, 0
		if f.back == open {
			f.mode, f.next = open, t
		}
		return
	}
	f.back = paced
	f.chance += min(1, float64(f.sentSlow)/200) * (seen - f.chance)
	f.rate = .985 * f.good / (1 - f.chance)
	f.step = 0
}

// cut goes slower than what is let in, to see whether that helps.
func (f *Finder) cut(t, rate, good, share float64) {
	f.before, f.good, f.share = rate, good, share
	f.rate, f.draining = .93*good, true
	f.ratio, f.epochs, f.sentSlow, f.refusedSlow, f.levels, f.step = 0, 0, 0, 0, 0, 0
	f.holdTo = t + f.holdTime
}

var near = .03
var sure = 8
