package limiter

import (
	"slices"
	"strings"
	"time"

	"github.com/steadyhttp/steadyhttp/internal/finder"
	"github.com/steadyhttp/steadyhttp/internal/monotime"
	"github.com/steadyhttp/steadyhttp/limit"
)

const (
	// The first requests to a host that has not answered yet go eight at once,
	// and twice as many by each tenth of a second: a crowd of 64 is on its way in
	// three tenths, one of a thousand in seven, and a limit that the first response
	// states is not overrun by then, if that response comes soon.
	ColdBurst  = 8
	ColdDouble = 100 * time.Millisecond

	// MinBlock is how long a server must have let nothing in for those who wait to
	// count that as an outage: for less it does so while its limit is looked for.
	MinBlock = time.Second

	// idleTime is how long a Key is remembered of which nothing is in force.
	idleTime = 30 * time.Second
)

// A keyState is what is known of one limit.Key. The lock of its host guards it.
type keyState struct {
	key  limit.Key
	host *host

	told      []told        // limits that the user set
	max       int32         // of requests under way; 0 is none
	inUse     int32         // requests under way
	sent      load          // in all
	took      time.Duration // how long requests are under way, smoothed; counted where max is set
	stated    []stated
	finder    *finder.Finder // of a rate that refusals point to; nil is none
	gate      *gate          // nil is open
	ramp      *ramp          // after a gate has opened; nil is none
	row       *row           // of failures; nil is none
	tried     tried          // what failed of late of what it holds back
	strangers [strangenesses]strangers

	failedAt monotime.Instant // the latest failure; 0 is none

	contradicted monotime.Instant // until when pauses of it are not believed
	sureUntil    monotime.Instant // until when short pauses of it are believed to concern all
	sureFor      time.Duration    // how long that was the last time

	line      *line             // who waits for it; nil is nobody
	timer     *time.Timer       // lets them go
	due       monotime.Instant  // when it fires; 0 if it is not set
	waiting   [Priorities]int32 // requests that wait and match the Key, in whatever line
	somebody  monotime.Instant  // when a request of a higher class than limit.Batch went last
	users     int32             // permits and waiters that hold on to it
	used      monotime.Instant  // when one last did
	wouldHold int64             // see limit.KeyState
}

// An ask is what a request brings along to a Key.
type ask struct {
	limit.Ask
	cost    load
	of      subject
	hurried bool // it cannot wait until the time is up
	brief   bool // it has no time for the first answers of a host
	routeOK bool // no failure of the request's own route is known
	spent   bool // it has waited at gates of failing scopes for as long as it may
	overdue bool // its last moment has come, and it was never sent
	due     bool // of a batch: it has its turn before a higher class, and leaves nothing over
	peeks   bool // it only asks when it could go: nothing may change by that

	// When it can go by each limit that the user set, once it is the first to wait for
	// that; 0 if it did not have to.
	turns [maxTold]monotime.Instant
}

// next returns when a request can pass k, if those of ahead pass first; sure is
// false where it may be sooner or depends on others. why says what holds it back.
func (k *keyState) next(t monotime.Instant, a *ask, ahead *load) (at monotime.Instant, sure bool, why string) {
	at, sure = t, true
	later := func(then monotime.Instant, isSure bool, because string) {
		if then > at {
			at, sure, why = then, isSure, because
		}
	}
	for i := range k.told {
		w := &k.told[i]
		then := w.next(t, a.cost[w.unit], ahead[w.unit])
		if then > t && ahead[w.unit] == 0 {
			a.turns[i] = then
		}
		later(then, true, w.why())
	}
	if n := float64(k.inUse) + ahead[requests]; k.max > 0 && n >= float64(k.max) {
		later(monotime.Never, false, whyPlaces)
	} else if k.max > 1 && n+1 >= float64(k.max) {
		later(k.leavesUntil(a), false, whyPlaces)
	}
	if a.Inference != limit.Off {
		k.inferred(t, a, ahead, later)
	}
	return at, sure, why
}

const whyPlaces = "the limit of concurrent requests"

// leavesUntil is until when a leaves something over; 0 if it does not.
func (k *keyState) leavesUntil(a *ask) monotime.Instant {
	if a.Priority > limit.Batch || a.due || k.somebody == 0 {
		return 0
	}
	return k.somebody.Add(LeaveTime)
}

// waits is how many requests wait and match k.
func (k *keyState) waits() (n int) {
	for _, of := range k.waiting {
		n += int(of)
	}
	return n
}

// inferred tells later of what is inferred from responses.
func (k *keyState) inferred(t monotime.Instant, a *ask, ahead *load, later func(monotime.Instant, bool, string)) {
	strange := k.strange(t, a)
	if g := k.gate; g != nil && !a.passes(g) && strange == noStranger {
		at, sure := g.next(t)
		if ahead[requests] == 0 && g.mayTry(t, a, !k.tried.has(a)) {
			at = t
		}
		if at <= t && ahead[requests] > 0 {
			at, sure = t.Add(g.goodSign()), false // somebody before it is the probe
		}
		later(at, sure, g.why(k.isHost()))
	}
	if slices.ContainsFunc(k.stated, func(s stated) bool { return s.stale(t) }) {
		k.stated = slices.DeleteFunc(k.stated, func(s stated) bool { return s.stale(t) })
	}
	for i := range k.stated {
		s := &k.stated[i]
		s.refill(t)
		n, alone := a.cost[s.unit], k.inUse == 0 && ahead[requests] == 0
		then := s.next(t, n, ahead[s.unit], alone)
		if until := k.leavesUntil(a); n > 0 && until > t && ahead[s.unit]+2*n <= s.size {
			then = max(then, min(until, s.next(t, n, ahead[s.unit]+n, alone)))
		}
		later(then, s.sure(t), s.why())
	}
	if k.finder != nil && !k.sparedRate(t, a) && strange == noStranger {
		then := k.finder.Peek(t)
		if !a.peeks {
			then = k.finder.Next(t)
		}
		later(then, false, "the adaptive rate limit")
	}
	if k.ramp != nil {
		if k.ramp.over(t) {
			k.ramp = nil
		} else if a.MaxWait >= 0 && !k.ramp.spares(a) { // who never waits is not of the crowd that did
			later(k.ramp.next(t, ahead[requests]), ahead[requests] == 0, "the pace after an outage or a pause")
		}
	}
	if h := k.host; k.isHost() && h.cold != 0 && !h.answered && !a.brief && !(a.peeks && rates(&a.Limits)) {
		allowed, then := ColdBurst, h.cold
		for ; float64(k.inUse)+ahead[requests] >= float64(allowed); allowed *= 2 {
			then = then.Add(ColdDouble)
		}
		later(then, false, "the host has not answered yet")
	}
}

// take counts a request that goes now, and reports whether it is a probe, and by what it
// is a stranger.
func (k *keyState) take(t monotime.Instant, a *ask) (probe bool, strange strangeness) {
	if strange = k.strange(t, a); strange != noStranger {
		k.strangers[strange].underWay++
	}
	for i := range k.told {
		w := &k.told[i]
		if a.turns[i] != 0 {
			w.evenly(a.turns[i], a.cost[w.unit])
		}
		w.take(t, a.cost[w.unit])
	}
	k.sent.add(&a.cost)
	k.inUse++
	if a.Priority > limit.Batch {
		k.somebody = t
	}
	for i := range k.stated {
		s := &k.stated[i]
		s.take(t, a.cost[s.unit])
	}
	switch {
	case k.finder == nil, strange != noStranger:
	case a.overdue && k.finder.Peek(t) > t:
		k.finder.SentOverdue(t)
	default:
		k.finder.Sent(t, a.Repeat)
	}
	if k.ramp != nil && !k.ramp.spares(a) {
		k.ramp.take(t)
	}
	if g := k.gate; g != nil && !a.passes(g) && strange == noStranger && (t >= g.until || g.mayTry(t, a, !k.tried.has(a))) {
		var opens bool
		if probe, opens = g.pass(t); opens {
			k.openGate(t)
		}
	}
	return probe, strange
}

// untake is take undone, for a request that was not sent.
func (k *keyState) untake(p *permit) {
	for i := range k.told {
		w := &k.told[i]
		w.correct(p.at, p.cost[w.unit], 0)
	}
	k.sent.subtract(&p.cost)
	k.inUse--
	k.users--
	for i := range k.stated {
		s := &k.stated[i]
		s.level = min(s.size, s.level+p.cost[s.unit])
		s.lost(p.at)
	}
	if strange := p.strangeness(k); strange != noStranger {
		k.strangers[strange].underWay--
	} else if k.finder != nil {
		k.finder.Unsent(p.at)
	}
}

// settle ends what take began.
func (k *keyState) settle(t monotime.Instant, p *permit, o *limit.Outcome) {
	k.inUse--
	k.users--
	k.used = t
	if strange := p.strangeness(k); strange != noStranger {
		k.strangers[strange].underWay--
	}
	if k.max > 0 {
		if k.took == 0 {
			k.took = t.Sub(p.at)
		}
		k.took += (t.Sub(p.at) - k.took) / 8
	}
	var used load // of the tokens: how many requests a server counts, it says itself
	switch {
	case o.Refund:
	case o.UsageKnown:
		used = loadOf(o.Used)
	default:
		return
	}
	for i := range k.told {
		if w := &k.told[i]; w.unit != requests {
			w.correct(p.at, p.cost[w.unit], used[w.unit])
		}
	}
}

// refused takes in that a limit refused p's request; paused says that it asked for
// a pause. A refusal that a stated limit or a pause explains says nothing new;
// another may be chance, or the sign of a limit that is not stated: that the finder
// finds out.
func (k *keyState) refused(t monotime.Instant, p *permit, paused bool) {
	explained := paused
	for i := range k.stated {
		s := &k.stated[i]
		s.refill(t)
		explained = s.refused(t, p.at, p.cost[s.unit]) || explained
	}
	switch {
	case p.strangeness(k) != noStranger: // it did not go by what the finder knows
	case k.finder == nil && explained:
	case k.finder == nil:
		k.finder = finder.New(t, k.host.meter.inOneSecond(t))
		k.finder.Outcome(t, p.at, false)
	case explained:
		k.finder.Unsent(p.at)
	default:
		k.finder.Outcome(t, p.at, false)
	}
	if since, shut := k.letsNothingIn(); shut && t.Sub(since) > MinBlock {
		k.alarmAll(t)
	}
}

// outcome tells the limits of k what became of p's request.
func (k *keyState) outcome(t monotime.Instant, p *permit, s limit.Signal) {
	if s == limit.SignalGood {
		for i := range k.stated {
			k.stated[i].answeredWell(t, p.at)
		}
	} else {
		for i := range k.stated {
			k.stated[i].lost(p.at)
		}
	}
	strange := p.strangeness(k)
	switch {
	case k.finder == nil:
		return
	case strange != noStranger:
	case s == limit.SignalGood:
		k.finder.Outcome(t, p.at, true)
	default:
		k.finder.Unsent(p.at)
	}
	if k.finder.Idle(t) {
		k.finder = nil
	}
}

func (k *keyState) isHost() bool { return k == &k.host.keyState }

// idle reports whether k can be forgotten: nothing of it is in force.
func (k *keyState) idle(t monotime.Instant) bool {
	switch {
	case k.users > 0, k.waits() > 0, k.wouldHold > 0, t.Sub(k.used) < idleTime:
		return false
	case k.gate != nil && t.Sub(k.gate.until) < idleTime, t < k.contradicted, k.row != nil && t.Sub(k.row.latest) < RowTime:
		return false
	case k.finder != nil && !k.finder.Idle(t):
		return false
	}
	for i := range k.told {
		if k.told[i].expire(t); k.told[i].n > 0 {
			return false
		}
	}
	for i := range k.stated {
		if !k.stated[i].stale(t) {
			return false
		}
	}
	return true
}

// holdsNobody reports whether k holds nobody back and has nothing to count.
func (k *keyState) holdsNobody() bool {
	return k.gate == nil && k.ramp == nil && k.finder == nil && k.row == nil && len(k.told) == 0 && k.max == 0 && len(k.stated) == 0 && k.waits() == 0
}

// oldest returns who has waited the longest of those that match k: the first in its
// queue, or if they all stand in others', of heads, who are first there.
func (k *keyState) oldest(heads []*waiter) (first *waiter) {
	if first = k.line.oldest(); first != nil {
		return first
	}
	for _, w := range heads {
		if (first == nil || w.number < first.number) && k.waits() > 0 && w.permit.holds(k) {
			first = w
		}
	}
	return first
}

// snapshot is what there is to know of k. heads are the first of the host's queues.
func (k *keyState) snapshot(t monotime.Instant, heads []*waiter) limit.KeyState {
	s := limit.KeyState{Key: k.key, Waiting: k.waits(), Concurrent: int(k.inUse), WouldHold: k.wouldHold}
	s.Batch, s.Urgent = int(k.waiting[ClassOf(limit.Batch)]), int(k.waiting[ClassOf(limit.Urgent)])
	if w := k.oldest(heads); w != nil {
		s.Oldest, s.Why = t.Sub(w.came), w.why
	}
	if k.line != nil {
		s.Queued = k.line.n
	}
	for i := range k.told {
		w := &k.told[i]
		s.Limits = append(s.Limits, limit.LimitState{Unit: UnitNames[w.unit], Limit: w.max, Window: w.length, Left: w.left(t)})
	}
	var evidence []string
	for i := range k.stated {
		b := &k.stated[i]
		b.refill(t)
		if b.stale(t) {
			continue
		}
		s.Limits = append(s.Limits, limit.LimitState{Unit: UnitNames[b.unit], Limit: b.limit, Window: b.window, Left: b.level, Learned: true})
		if !b.believed(t) {
			evidence = append(evidence, "a stated limit of "+unitWords[b.unit]+" is not believed: requests were answered well although nothing was left of it")
		}
	}
	if k.max > 0 {
		s.Limits = append(s.Limits, limit.LimitState{Unit: "concurrency", Limit: float64(k.max), Left: float64(k.max - k.inUse)})
	}
	if k.ramp != nil && !k.ramp.over(t) {
		s.PerSecond, s.Reopening = k.ramp.perSecond(t), true
		evidence = append(evidence, "a gate opened "+t.Sub(k.ramp.from).Round(time.Millisecond).String()+" ago")
	}
	if k.finder != nil {
		s.PerSecond, s.Reopening = k.finder.Rate(t), false
		evidence = append(evidence, k.finder.Why())
	}
	if g := k.gate; g != nil {
		at, _ := g.next(t)
		s.Gate, s.GateLeft, s.GateError, s.Probing = g.name(), at.Sub(t), g.err, g.probe != 0
		if try := g.nextTry(t, false); try < monotime.Never && !s.Probing {
			s.NextProbe = try.Sub(t)
		}
		evidence = append(evidence, g.evidence(t))
	}
	s.Evidence = strings.Join(evidence, "; ")
	return s
}
