package limiter

import (
	"fmt"
	"time"

	"github.com/steadyhttp/steadyhttp/internal/monotime"
	"github.com/steadyhttp/steadyhttp/limit"
)

const (
	// A scope is taken for failing after as many failures in a row as a quarter of
	// a second of its load, five at the least and fifty at the most: with two
	// hundred calls a second five may fail in the moment in which one of its
	// servers restarts. Older failures than ten seconds are no part of the row.
	// Envoy's outlier detection has the five in a row too; that they grow with the
	// load is ours.
	MinFailures = 5
	MaxFailures = 50
	RowSpan     = 250 * time.Millisecond
	RowTime     = 10 * time.Second

	// MinRoutes is how many routes of a host must fail in one row, with no success
	// on any route in it, for the host as a whole to be taken for failing.
	MinRoutes = 3

	// The first probe goes to a failing scope after a tenth of a second, the next
	// after twice as long, up to a second.
	MinProbe = 100 * time.Millisecond
	MaxProbe = time.Second

	// A probe that has no answer after ten times as long as failures took, a
	// second at the least, is a good sign: a host that fails does so fast.
	GoodSignTimes = 10
	MinGoodSign   = time.Second

	// TryAfter is when one request goes within a pause that a server asked for, if
	// that is more than twice as long. Where nothing was under way when the pause
	// began, nothing else could contradict it: one refusal in twenty that names a
	// minute would stop everybody for that minute, each time. If it is refused, another
	// goes after twice as long each time, but only one of whose like none was: the
	// pause may be one customer's.
	TryAfter = time.Second

	// MinSure is for how long a short pause is believed to concern all at the least,
	// once a request that went within one was refused.
	MinSure = 2 * time.Second

	// MinPending is how long a request must be without an answer, and GoodSignTimes as
	// long as failures take, to speak against a row of failures that it was sent in.
	MinPending = 100 * time.Millisecond

	// ContradictedTime is how long pauses of a scope hold nobody but the call that
	// was told, after a success has contradicted one: there the limit is a rate, or
	// chance, and five refusals in a hundred that each stopped everybody for a
	// twentieth of a second would cost half of the throughput.
	ContradictedTime = time.Minute

	// Requests overtake each other on the way, by a few milliseconds. A success
	// contradicts a pause by itself if it was sent later than the refused request by
	// this share of the time that the refusal took, MinLater at the least; of those
	// that were sent sooner it takes several.
	LaterShare = 8
	MinLater   = 2 * time.Millisecond

	// LongOutage is how long a scope must have failed without a success for calls
	// that come anew to wait ShortOutageWait at the most.
	LongOutage      = time.Minute
	ShortOutageWait = 2 * time.Second
)

// A row is failures of one scope without a success among them.
type row struct {
	n      int
	began  monotime.Instant
	latest monotime.Instant
	load   float64 // requests a second when it began, as far as its host knows

	// Of a host's row: the routes that failed in it, up to MinRoutes.
	routes [MinRoutes]*keyState
}

// add counts a failure. k is the scope that it was observed of, which counts for
// the host's row.
func (r *row) add(t monotime.Instant, load float64, k *keyState) {
	if r.n == 0 || t.Sub(r.latest) > RowTime {
		*r = row{began: t, load: load}
	}
	r.n++
	r.latest = t
	for i := range r.routes {
		if r.routes[i] == nil {
			r.routes[i] = k
			return
		}
		if r.routes[i].key.Route == k.key.Route {
			return
		}
	}
}

// perSecond is the load of the scope: the pace of the row itself, since all that
// was sent in it failed, but no more than its host had before.
func (r *row) perSecond(t monotime.Instant) float64 {
	span := max(t.Sub(r.began), 10*time.Millisecond).Seconds()
	return min(float64(r.n)/span, max(r.load, 1))
}

// long reports whether the row is long enough to take the scope for failing.
func (r *row) long(t monotime.Instant) bool {
	enough := r.perSecond(t) * RowSpan.Seconds()
	return float64(r.n) >= min(max(MinFailures, enough), MaxFailures)
}

// A gate holds back who would send under a Key.
//
// A gate that was asked for stays shut until the moment that a server named.
// Evidence: that response. Scope: the limit's for a 429, else the route, model and
// credential of the request. Escape: a success of a request that was sent after
// the refused one opens it; one request goes after a second for that, and further
// ones of whose like none was refused; and when the time is up, one goes first.
// Where the API documents that it punishes those who go on, only the latter holds.
//
// A gate of a failing scope lets probes through. Evidence: a row of failures.
// Scope: what failed; the host after failed connections, or once three routes
// failed in one row. Escape: the probes; a success opens what it speaks for.
type gate struct {
	failing bool
	routes  bool             // of a host: routes of it failed, while connections to it did not
	strict  bool             // nothing contradicts it before its time is up
	ofLimit bool             // a limit asked for it
	shut    monotime.Instant // when it was
	since   monotime.Instant // a response to a request sent before says nothing of the present
	until   monotime.Instant // nobody passes before
	every   time.Duration    // between probes
	try     monotime.Instant // when one goes although the time is not up; Never if one has gone
	again   monotime.Instant // when another goes of which no like is known to have failed; Never if none does
	gap     time.Duration    // before that
	tries   int              // requests that went although the time was not up, and failed
	early   bool             // the latest that was let through is such a one
	probe   monotime.Instant // when the latest one went out that is under way; 0 is none
	lost    bool             // the latest probe has had no outcome
	took    time.Duration    // how long failures took, smoothed
	load    float64          // requests a second before
	came    float64          // requests that came since
	err     error            // why
	row     int              // failures that shut it
	probes  int              // failed
	against float64          // what speaks against a pause; 1 is enough
}

// next returns when another may pass, and whether that is sure or hangs on an
// outcome: a probe may shut the gate again.
func (g *gate) next(t monotime.Instant) (at monotime.Instant, sure bool) {
	at, sure = max(g.until, t), !g.failing && g.until > t
	switch {
	case g.probe == 0:
	case g.early && !g.strict:
		at, sure = max(g.sign(), t), false
	default:
		at = max(at, g.sign())
	}
	return at, sure
}

// mayTry reports whether the request a goes although the time is not up; untried says
// that of its like none is known to have failed. If it fails and may not be repeated
// that costs its caller an answer, except where a limit refuses it. One whose like
// failed does not go then.
func (g *gate) mayTry(t monotime.Instant, a *ask, untried bool) bool {
	if g.probe != 0 {
		return g.early && !g.strict && t >= g.sign() // where refusals come fast, an answer that takes its time is none
	}
	due := t >= g.tryAt(untried) || untried && a.hurried && g.tries == 0 && min(g.try, g.again) < monotime.Never
	return !g.strict && due && t < g.until && (g.ofLimit || a.Repeatable || untried)
}

// tryAt is when one goes although the time is not up.
func (g *gate) tryAt(untried bool) monotime.Instant {
	if untried {
		return min(g.try, g.again)
	}
	return g.try
}

// nextTry is when the next goes although the time is not up, Never if none does.
func (g *gate) nextTry(t monotime.Instant, untried bool) monotime.Instant {
	at := g.tryAt(untried)
	if g.probe != 0 && g.early {
		at = g.sign()
	}
	if g.strict || g.probe != 0 && !g.early || at <= t || at >= g.until {
		return monotime.Never
	}
	return at
}

// pausedFor begins a pause that a server asked for.
func (g *gate) pausedFor(t monotime.Instant, pause time.Duration) {
	g.until, g.try, g.again, g.gap, g.tries = t.Add(pause), monotime.Never, monotime.Never, TryAfter, 0
	if pause > 2*TryAfter {
		g.try = t.Add(TryAfter)
	}
}

// mayBeAnothers has a request go within the short pause of g if none of its like is
// known to have failed, unless such a one was refused of late.
func (k *keyState) mayBeAnothers(t monotime.Instant, g *gate) {
	if g.try == monotime.Never && !g.failing && t >= k.sureUntil {
		g.again = t.Add(g.until.Sub(t) / 2)
	}
}

// confirmed takes in that a request which went within a pause was refused. Where short
// pauses follow each other, it takes longer each time until another goes.
func (k *keyState) confirmed(t monotime.Instant) {
	k.sureFor = min(max(2*k.sureFor, MinSure), ContradictedTime)
	k.sureUntil = t.Add(k.sureFor)
}

// goodSign is how long a probe must be without an answer to be taken for answered
// well.
func (g *gate) goodSign() time.Duration { return max(GoodSignTimes*g.took, MinGoodSign) }

// sign is when the probe has been without an answer for that long.
func (g *gate) sign() monotime.Instant { return g.probe.Add(g.goodSign()) }

// pass lets a request through at t, and reports whether it is a probe. Once a
// probe is without an answer for long, the gate is open.
func (g *gate) pass(t monotime.Instant) (probe, opens bool) {
	if g.probe != 0 && t.Sub(g.probe) >= g.goodSign() {
		return false, true
	}
	g.probe, g.early = t, t < g.until
	if g.early {
		g.try, g.again = monotime.Never, monotime.Never
	}
	return true, false
}

// failed takes in that a probe failed, and for how long the server asks to be left
// alone, if it does.
func (g *gate) failed(t monotime.Instant, took, asked time.Duration, err error) {
	g.every = min(max(2*g.every, MinProbe), MaxProbe)
	g.until = max(g.until, t.Add(max(g.every, asked)))
	g.probe, g.lost, g.err = 0, false, err
	if g.probes++; g.early {
		g.tries++
	}
	if g.early && g.ofLimit {
		g.gap = min(2*g.gap, ContradictedTime)
		g.again = t.Add(g.gap)
	}
	g.took += (took - g.took) / 4
}

// probeLost ends a probe without an outcome, as one whose caller gave up: the next
// may go after the usual time, and is one that has more time.
func (g *gate) probeLost(t, sent monotime.Instant) {
	if g.probe == sent {
		g.probe, g.lost = 0, true
		g.until = max(g.until, t.Add(g.every))
		if g.try == monotime.Never && !g.strict {
			g.try = t.Add(g.every)
		}
	}
}

// probeLost is gate.probeLost for the request p, whose i-th Key k is. One that was
// without an answer for long is a good sign.
func (k *keyState) probeLost(t monotime.Instant, p *permit, i int) {
	g := k.gate
	switch {
	case g == nil || !p.probe[i]:
	case g.failing && g.probe == p.at && t.Sub(p.at) >= max(GoodSignTimes*g.took, MinPending):
		k.openGate(t)
	default:
		g.probeLost(t, p.at)
	}
}

func (g *gate) why(ofHost bool) string {
	switch {
	case !g.failing:
		return "the server asked for a pause"
	case ofHost:
		return "the host is failing"
	}
	return "requests like it are failing"
}

func (g *gate) name() string {
	if g.failing {
		return limit.GateFailing
	}
	return limit.GateAsked
}

// evidence is what shut the gate, for people.
func (g *gate) evidence(t monotime.Instant) string {
	if !g.failing {
		return fmt.Sprintf("a response asked for a pause %s ago", t.Sub(g.shut).Round(time.Millisecond))
	}
	return fmt.Sprintf("%d failures in a row %s ago, and %d probes since", g.row, t.Sub(g.shut).Round(time.Millisecond), g.probes)
}

// asked makes everybody wait under k as a response to a request that went out at
// sent wants it, unless such pauses were contradicted of late.
func (k *keyState) asked(t, sent monotime.Instant, o *limit.Observation) {
	if !k.mayPause(t, o) {
		return
	}
	until := t.Add(o.Hold)
	g := k.gate
	if g == nil {
		g = &gate{shut: t, since: sent, strict: o.Strict, ofLimit: o.Signal != limit.SignalFailing, every: MinProbe, took: t.Sub(sent), load: k.load(t), err: o.Err}
		g.pausedFor(t, o.Hold)
		k.mayBeAnothers(t, g)
		k.shutBy(g)
		k.alarmAll(t)
		return
	}
	g.strict = g.strict || o.Strict
	anew := t >= g.until // as the probe was told
	if anew {
		g.since, g.against = max(g.since, sent), 0
	}
	if until <= g.until {
		return
	}
	if anew {
		g.pausedFor(t, o.Hold)
		k.mayBeAnothers(t, g)
	}
	g.until, g.err, g.probe = until, o.Err, 0
	if ofLimit := !g.failing && o.Signal != limit.SignalFailing; ofLimit != g.ofLimit {
		g.ofLimit = ofLimit
		k.alarmAll(t)
	}
}

// shutBy shuts k. What strangers had done before says nothing of now.
func (k *keyState) shutBy(g *gate) {
	k.gate = g
	for i := range k.strangers {
		k.strangers[i].good = 0
	}
}

// mayPause reports whether a pause that o asks for is believed to concern all of k.
func (k *keyState) mayPause(t monotime.Instant, o *limit.Observation) bool {
	return o.Hold > 0 && (t >= k.contradicted || o.Strict)
}

// failed counts a failure of k by a request that went out at sent. of is the scope
// that the failure was observed of: k itself, or one of a host's that k is.
func (k *keyState) failed(t, sent monotime.Instant, probe bool, of *keyState, o *limit.Observation) {
	k.failedAt = t
	if g := k.gate; g != nil {
		if probe && sent >= g.since {
			g.failed(t, t.Sub(sent), o.Hold, o.Err)
		}
		return // else it was under way already when the gate was shut
	}
	if k.row == nil {
		k.row = new(row)
	}
	k.row.add(t, k.host.meter.perSecond(t), of)
	took, load := t.Sub(sent), k.row.perSecond(t)
	if !k.row.long(t) || of != k && k.row.routes[MinRoutes-1] == nil || k.pending(k.row.began, t-monotime.Instant(max(GoodSignTimes*took, MinPending))) {
		return
	}
	if k.isHost() {
		load = max(load, k.row.load) // gates of its routes may have held the row back
	}
	if k.ramp != nil {
		load = max(load, k.ramp.load) // its pace has held the row back
	}
	g := &gate{
		failing: true, shut: t, since: t, every: MinProbe, took: took,
		load: load, err: o.Err, row: k.row.n, routes: of != k,
	}
	g.pausedFor(t, max(MinProbe, o.Hold))
	k.shutBy(g)
	k.row, k.ramp = nil, nil
	k.alarmAll(t)
}

// pending reports whether a request of k that went out after the one instant and
// before the other has no answer yet. Failures come fast: where half of a host's
// servers are down, nothing but failures comes at first.
func (k *keyState) pending(after, before monotime.Instant) bool {
	if before <= after {
		return false
	}
	for _, p := range k.host.permits {
		if p != nil && !p.heard && p.at > after && p.at < before && p.holds(k) {
			return true
		}
	}
	return false
}

// works takes in that a request of k which went out at sent was answered: that
// ends a row, and opens a gate that was shut before.
func (k *keyState) works(t, sent monotime.Instant, probe bool) {
	k.row = nil
	switch g := k.gate; {
	case g == nil || sent < g.since || sent == g.since && !probe:
	case g.failing, probe && t >= g.until:
		k.openGate(t)
	case !g.strict && g.contradictedBy(sent):
		k.contradicted, k.sureFor = t.Add(ContradictedTime), 0
		if t.Sub(g.shut) < RampFlat {
			k.gate = nil // hardly anybody waits there yet
		} else {
			k.openGate(t)
		}
	}
}

// contradictedBy takes in that a request which went out at sent was answered well,
// and reports whether that is enough to contradict a pause.
func (g *gate) contradictedBy(sent monotime.Instant) bool {
	g.against += float64(sent.Sub(g.since)) / float64(max(g.took/LaterShare, MinLater))
	return g.against >= 1
}

// openGate opens k's gate: those who waited leave at a pace.
func (k *keyState) openGate(t monotime.Instant) {
	k.ramp = newRamp(k.gate, t)
	k.gate = nil
}

// load is the requests a second that k had of late.
func (k *keyState) load(t monotime.Instant) float64 {
	load := k.host.meter.perSecond(t)
	if k.ramp != nil {
		load = max(load, k.ramp.load)
	}
	return load
}
