package limiter

import (
	"math"
	"time"

	"github.com/steadyhttp/steadyhttp/internal/monotime"
)

const (
	// A rate that nobody stated is found as AWS's adaptive mode finds it: a
	// refusal cuts it to seven tenths of what went well, and from there it grows
	// along a cubic curve, slowly around the rate that failed and faster beyond.
	// AWS's curve has a fixed scale and overshoots small rates at once; this one
	// takes the same time at every rate: three seconds back to the old one, six
	// to 1.3 times it, nine to 3.4 times.
	CutTo    = 0.7
	CubeTime = 3 * time.Second

	// What was never seen to work, because the first requests were refused,
	// starts at five a second and doubles each half second.
	StartRate   = 5
	StartDouble = 500 * time.Millisecond

	// A host that is back gets a little more than its load before, so that those
	// who waited come on top of what is new, and after a second twice as much
	// each three seconds. "At most 1.3 times the steady load" leaves room for the
	// moment's irregularity. Who waited through five seconds is gone in six, at a
	// peak of 2.8 times the steady load; doubling each second it would be 4.5.
	BackRate   = 1.15
	BackFlat   = time.Second
	BackDouble = 3 * time.Second

	// KnownRate is what is enough to go by where a rate is known: less were
	// answered well, but a few at the start may be unanswered yet.
	KnownRate = 1

	// MinRate is the slowest that is found; at one request in two seconds each
	// answer tells more than a curve.
	MinRate = 0.5

	// RateTime is how long a rate is kept without a further refusal. By then its
	// curve is far above any load.
	RateTime = 30 * time.Second

	// RateSlack is how far the rate may lag behind and catch up: timers and
	// goroutines are late by some milliseconds, and what they lose is not lost.
	RateSlack = 20 * time.Millisecond

	// MaxDoublings keeps a rate that doubles from growing beyond all numbers.
	MaxDoublings = 64
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
	return &rate{base: max(good, MinRate), from: from}
}

func startingRate(from monotime.Instant) *rate {
	return &rate{base: StartRate, from: from, double: StartDouble}
}

func statedRate(perSecond float64, from monotime.Instant) *rate {
	return &rate{base: perSecond, from: from, flat: RateTime, double: BackDouble}
}

func recoveringRate(before float64, from monotime.Instant) *rate {
	return &rate{base: BackRate * max(before, StartRate), from: from, flat: BackFlat, double: BackDouble}
}

// perSecond is the rate at t.
func (p *rate) perSecond(t monotime.Instant) float64 {
	age := max(t.Sub(p.from), 0)
	if p.double > 0 {
		grown := float64(max(age-p.flat, 0)) / float64(p.double)
		return p.base * math.Exp2(min(grown, MaxDoublings))
	}
	x := float64(age-CubeTime) / float64(CubeTime)
	return max(MinRate, p.base*(1+(1-CutTo)*x*x*x))
}

func (p *rate) over(t monotime.Instant) bool { return t.Sub(p.from) > RateTime }

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
	p.next = max(p.next, t-monotime.Instant(RateSlack)).Add(seconds(1 / p.perSecond(t)))
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
	case good >= StartRate, good >= KnownRate && k.rate != nil:
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
			return max(MinRate, b.perSecond)
		case b.window > 0:
			return max(MinRate, b.limit/b.window.Seconds())
		}
	}
	return 0
}
