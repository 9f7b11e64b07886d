package steadyhttp

import (
	"math"
	"time"
)

const (
	// A rate that nobody stated is found as AWS's adaptive mode finds it: a
	// refusal cuts it to seven tenths of what went well, and from there it grows
	// along a cubic curve, slowly around the rate that failed and faster beyond.
	// AWS's curve has a fixed scale and overshoots small rates at once; this one
	// takes the same time at every rate: three seconds back to the old one, six
	// to 1.3 times it, nine to 3.4 times.
	cutTo    = 0.7
	cubeTime = 3 * time.Second

	// What was never seen to work, because the first requests were refused,
	// starts at five a second and doubles each half second.
	startRate   = 5
	startDouble = 500 * time.Millisecond

	// A host that is back gets a little more than its load before, so that those
	// who waited come on top of what is new, and after a second twice as much
	// each three seconds. "At most 1.3 times the steady load" leaves room for the
	// moment's irregularity. Who waited through five seconds is gone in six, at a
	// peak of 2.8 times the steady load; doubling each second it would be 4.5.
	backRate   = 1.15
	backFlat   = time.Second
	backDouble = 3 * time.Second

	// minRate is the slowest that is found; at one request in two seconds each
	// answer tells more than a curve.
	minRate = 0.5

	// paceTime is how long a pace is kept without a further refusal. By then its
	// curve is far above any load.
	paceTime = 30 * time.Second

	// paceSlack is how far the pace may lag behind and catch up: timers and
	// goroutines are late by some milliseconds, and what they lose is not lost.
	paceSlack = 20 * time.Millisecond
)

// A pace is the rate of requests that is kept to where no limit was stated. It
// grows until a refusal cuts it.
type pace struct {
	base   float64       // requests a second
	from   instant       // when it began to grow
	flat   time.Duration // before it doubles
	double time.Duration // 0: along the cubic curve
	next   instant       // when the next request may go
}

func cubicPace(good float64, from instant) *pace {
	return &pace{base: max(good, minRate), from: from}
}

func startPace(from instant) *pace {
	return &pace{base: startRate, from: from, double: startDouble}
}

func evenPace(perSecond float64, from instant) *pace {
	return &pace{base: perSecond, from: from, flat: paceTime, double: backDouble}
}

func backPace(before float64, from instant) *pace {
	return &pace{base: backRate * max(before, startRate), from: from, flat: backFlat, double: backDouble}
}

// perSecond is the rate at t.
func (p *pace) perSecond(t instant) float64 {
	age := max(t.sub(p.from), 0)
	if p.double > 0 {
		grown := float64(max(age-p.flat, 0)) / float64(p.double)
		return p.base * math.Exp2(min(grown, 64))
	}
	x := float64(age-cubeTime) / float64(cubeTime)
	return max(minRate, p.base*(1+(1-cutTo)*x*x*x))
}

func (p *pace) over(t instant) bool { return t.sub(p.from) > paceTime }

// after is when a request can go that ahead others come before.
func (p *pace) after(t instant, ahead float64) instant {
	at := p.next
	if ahead > 0 {
		at = max(at, t).add(seconds(ahead / p.perSecond(t)))
	}
	return max(at, t)
}

// take counts a request that goes at t.
func (p *pace) take(t instant) {
	p.next = max(p.next, t-instant(paceSlack)).add(seconds(1 / p.perSecond(t)))
}
