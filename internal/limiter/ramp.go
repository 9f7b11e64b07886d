package limiter

import (
	"math"
	"time"

	"github.com/steadyhttp/steadyhttp/internal/monotime"
)

const (
	// A scope that is back gets a little more than its load before, so that those
	// who waited come on top of what is new, and after a second twice as much each
	// three seconds. "At most 1.4 times the load before" leaves room for the
	// moment's irregularity, and "at least 0.9" for a load that was measured too
	// low. Who waited through five seconds is gone in six. It stays at RampMost
	// times its start, so that no moment sees three times the load, until RampTime;
	// then it doubles on, so that a crowd that never ends is not held back.
	RampStart  = 1.15
	RampFlat   = time.Second
	RampDouble = 3 * time.Second
	RampMost   = 2.2

	// MinRamp is the slowest start: a scope that had one call in ten seconds before
	// is not overrun by five a second.
	MinRamp = 5

	// RampTime is how long a ramp is kept at the least; it goes when nobody waits
	// for it any more.
	RampTime = 10 * time.Second

	// FreshShare of the requests that came in the second before is the least pace
	// from RampFlat on: where many more come now than before the outage, those who
	// come after it do not wait for what the load was then.
	FreshShare = 1.5

	// maxDoublings keeps a ramp from growing beyond all numbers.
	maxDoublings = 40
)

// A ramp is the pace at which those leave who waited at a gate.
type ramp struct {
	routes bool             // the gate was that of a host some of whose routes failed
	failed monotime.Instant // from when on failures count for that
	load   float64          // requests a second before
	from   monotime.Instant // when the gate opened
	turn   monotime.Instant // when the next may go

	second   monotime.Instant // when the second began in which they are counted who come
	came     float64          // in it
	cameOnce float64          // in that before it
}

// newRamp begins a ramp. Where more came while the gate was shut than before, as to
// a host that was down when the program began, that is the load.
func newRamp(g *gate, from monotime.Instant) *ramp {
	load := max(g.load, g.came/max(from.Sub(g.shut), time.Second).Seconds())
	return &ramp{routes: g.routes, failed: g.shut - monotime.Instant(RowTime), load: load, from: from}
}

// spares reports whether a request does not leave at that pace, since nothing is
// known against its own route.
func (r *ramp) spares(a *ask) bool { return r.routes && a.routeOK }

// perSecond is the pace at t.
func (r *ramp) perSecond(t monotime.Instant) float64 {
	age := t.Sub(r.from)
	grown := min(math.Exp2(float64(max(age-RampFlat, 0))/float64(RampDouble)), RampMost)
	if age > RampTime {
		grown *= math.Exp2(min(float64(age-RampTime)/float64(RampDouble), maxDoublings))
	}
	return max(max(RampStart*r.load, MinRamp)*grown, FreshShare*r.fresh(t))
}

// arrive counts a request that comes at t. Those of the first second are not
// counted: many come back then who had heard of the outage.
func (r *ramp) arrive(t monotime.Instant) {
	switch age := t.Sub(r.second); {
	case t.Sub(r.from) < RampFlat:
		return
	case age >= 2*time.Second:
		r.second, r.came, r.cameOnce = t, 0, 0
	case age >= time.Second:
		r.second, r.came, r.cameOnce = r.second.Add(time.Second), 0, r.came
	}
	r.came++
}

// fresh is how many came in a second of late.
func (r *ramp) fresh(t monotime.Instant) float64 {
	if t.Sub(r.second) >= 2*time.Second {
		return 0
	}
	return max(r.came, r.cameOnce)
}

// over reports whether the ramp is of no use any more: all who waited are gone.
func (r *ramp) over(t monotime.Instant) bool {
	return t.Sub(r.from) > RampTime && t.Sub(r.turn) > Lateness
}

// next returns when a request can go after ahead others.
func (r *ramp) next(t monotime.Instant, ahead float64) monotime.Instant {
	return max(r.turn, t).Add(seconds(ahead / r.perSecond(t)))
}

// take counts a request that goes at t.
func (r *ramp) take(t monotime.Instant) {
	r.turn = onTime(r.turn, t).Add(seconds(1 / r.perSecond(t)))
}
