package limiter

import (
	"math"
	"time"

	"github.com/steadyhttp/steadyhttp/internal/monotime"
)

const (
	// A rate that nobody stated is found with CUBIC (RFC 9438), as in AWS's
	// adaptive mode: a refusal cuts it to cubicBeta of what went well, and from
	// there it grows along a cubic curve, slowly around the rate that failed and
	// faster beyond. AWS's curve has a fixed scale and overshoots small rates at
	// once. This one takes the same time at every rate: cubicK, three seconds,
	// back to the old rate, six to 1.3 times it, nine to 3.4 times.
	cubicBeta = 0.7
	cubicK    = 3 * time.Second

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

	// rateTime is how long a rate is kept without a further refusal. By then its
	// curve is far above any load.
	rateTime = 30 * time.Second

	// rateSlack is how far the rate may lag behind and catch up: timers and
	// goroutines are late by some milliseconds, and what they lose is not lost.
	rateSlack = 20 * time.Millisecond
)

// A rate is the rate of requests that is kept to where no limit was stated. It
// grows until a refusal cuts it.
type rate struct {
	base   float64          // requests a second
	from   monotime.Instant // when it began to grow
	flat   time.Duration    // before it doubles
	double time.Duration    // 0: along the cubic curve
	next   monotime.Instant // when the next request may go
}

func growingRate(good float64, from monotime.Instant) *rate {
	return &rate{base: max(good, minRate), from: from}
}

func startingRate(from monotime.Instant) *rate {
	return &rate{base: startRate, from: from, double: startDouble}
}

func statedRate(perSecond float64, from monotime.Instant) *rate {
	return &rate{base: perSecond, from: from, flat: rateTime, double: backDouble}
}

func recoveringRate(before float64, from monotime.Instant) *rate {
	return &rate{base: backRate * max(before, startRate), from: from, flat: backFlat, double: backDouble}
}

// perSecond is the rate at t.
func (p *rate) perSecond(t monotime.Instant) float64 {
	age := max(t.Sub(p.from), 0)
	if p.double > 0 {
		grown := float64(max(age-p.flat, 0)) / float64(p.double)
		return p.base * math.Exp2(min(grown, 64))
	}
	x := float64(age-cubicK) / float64(cubicK)
	return max(minRate, p.base*(1+(1-cubicBeta)*x*x*x))
}

func (p *rate) over(t monotime.Instant) bool { return t.Sub(p.from) > rateTime }

// after is when a request can go that ahead others come before.
func (p *rate) after(t monotime.Instant, ahead float64) monotime.Instant {
	at := p.next
	if ahead > 0 {
		at = max(at, t).Add(seconds(ahead / p.perSecond(t)))
	}
	return max(at, t)
}

// take counts a request that goes at t.
func (p *rate) take(t monotime.Instant) {
	p.next = max(p.next, t-monotime.Instant(rateSlack)).Add(seconds(1 / p.perSecond(t)))
}

// refused looks for the rate that the server accepts, after it refused a request
// that was sent at sent, and no limit that it states explains why: it states
// none, or keeps to a finer one, as who allows 600 a minute and means ten a
// second.
func (k *keyState) refused(t, sent monotime.Instant, cost load) {
	k.meter.uncount()
	if k.explains(cost) || k.rate != nil && sent < k.rate.from {
		return // known, or the answer to what went out before the last cut
	}
	from := t
	if k.gate != nil {
		from = max(from, k.gate.until)
	}
	next := monotime.Instant(0)
	if k.rate != nil {
		next = k.rate.next
	}
	good := k.meter.perSecond()
	if k.rate != nil && k.rate.double > 0 && k.rate.flat == 0 {
		good = max(good, k.rate.perSecond(t)/2) // it doubled in the time that the meter counts
	}
	switch stated := k.average(); {
	case stated > 0:
		k.rate = statedRate(stated, from)
	case good >= startRate, good >= 1 && k.rate != nil: // a few at the start may be unanswered yet
		k.rate = growingRate(good, from)
	case k.rate == nil:
		k.rate = startingRate(from)
	default:
		k.rate = growingRate(k.rate.perSecond(t)/2, from)
	}
	k.rate.next = next
	if k.gate != nil {
		k.gate.probe = 0 // if it was a probe, it showed nothing
	}
}

// average is the rate of a stated limit of requests, 0 if none is known.
func (k *keyState) average() float64 {
	for i := range k.buckets {
		b := &k.buckets[i]
		switch {
		case b.stated == nil || b.unit != requests:
		case b.perSecond > 0:
			return max(minRate, b.perSecond)
		case b.window > 0:
			return max(minRate, b.limit/b.window.Seconds())
		}
	}
	return 0
}
