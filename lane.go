package steadyhttp

import (
	"slices"
	"sync/atomic"
	"time"
)

const (
	// The first requests to a host that has not answered yet go eight at once,
	// and twice as many by each tenth of a second: a crowd of 64 is on its way in
	// three tenths, one of a thousand in seven, and a limit that the first answer
	// states is not overrun by then, if that answer comes soon.
	coldBurst  = 8
	coldDouble = 100 * time.Millisecond

	// reserveShare of a stated limit, and one at the least, is left over where
	// there is more than none: requests do not arrive in the rhythm in which they
	// were sent, and two that meet would be one too many.
	reserveShare = 0.03

	// raiseShare of what an answer says is left beyond what was reckoned is
	// believed; all of what it says is missing.
	raiseShare = 0.1

	// learnedTime, or its window if that is longer, is how long a limit is
	// believed that no further answer confirms.
	learnedTime = time.Minute
)

// A lane is what is known of one Key, which is the scope of all of it. The lock
// of its shard guards it.
type lane struct {
	// Of a host's lane: whether it holds nobody back, and how its requests are
	// counted then (see free.go). That is read with every request, as the key is,
	// and stands apart from what those write.
	free, hurried atomic.Bool

	key     Key
	gate    *gate    // nil is open
	pace    *pace    // nil is any
	buckets []bucket // limits, the user's own first
	sent    load     // all in all
	meter   meter
	passed  atomic.Uint32 // requests while it was hurried

	inUse, max int32 // requests under way; the limit of them, 0 is none
	told       bool  // the user's limits are among the buckets
	users      int32 // permits and waiters that hold on to it
	waiting    int32

	parts int32 // of a host's lane: how many others are of the same host

	failures     int32   // of the host, in a row
	failingSince instant // when the first of them came

	cold    instant // when the first request went out, until one was answered
	known   bool    // one was answered
	teaches uint8   // of a host's lane: the scopes for which it has stated limits, a bit each

	// What the pass number pass of the shard found: those before in the line.
	pass  uint64
	ahead *load // nil if nobody ever waited

	newer, older *lane // in the order of use
}

func newLane(k Key) *lane { return &lane{key: k} }

// set gives a lane the user's limits.
func (l *lane) set(limits *Limits, t instant) {
	burst := func(perSecond float64) float64 {
		if limits.Burst > 0 {
			return float64(limits.Burst)
		}
		return float64(int64(perSecond)) // whole ones: what is left of the second is a reserve
	}
	add := func(u unit, limit float64, window time.Duration, size float64) {
		if limit > 0 {
			l.buckets = append(l.buckets, told(u, limit, window, size, t))
		}
	}
	learned := l.buckets
	l.buckets = nil
	defer func() { l.buckets = slices.Clip(append(l.buckets, learned...)) }() // kept for long, so no larger than it must be
	l.told = true
	add(requests, limits.RequestsPerSecond, time.Second, burst(limits.RequestsPerSecond))
	add(requests, limits.RequestsPerMinute, time.Minute, burst(limits.RequestsPerMinute/60))
	// A day's requests may go when they are needed: the other limits spread them.
	add(requests, limits.RequestsPerDay, 24*time.Hour, limits.RequestsPerDay)
	second := func(perMinute float64) float64 { return (1 - reserveShare) * perMinute / 60 }
	add(tokens, limits.TokensPerMinute, time.Minute, second(limits.TokensPerMinute))
	add(inputTokens, limits.InputTokensPerMinute, time.Minute, second(limits.InputTokensPerMinute))
	add(outputTokens, limits.OutputTokensPerMinute, time.Minute, second(limits.OutputTokensPerMinute))
	l.max = int32(min(max(limits.MaxConcurrent, 0), 1<<30))
}

// refill brings all buckets up to t.
func (l *lane) refill(t instant) {
	stale := false
	for i := range l.buckets {
		b := &l.buckets[i]
		if b.at != t {
			b.refill(t)
		}
		stale = stale || b.stale(t)
	}
	if stale {
		l.buckets = slices.DeleteFunc(l.buckets, func(b bucket) bool { return b.stale(t) })
	}
	if l.pace != nil && l.pace.over(t) {
		l.pace = nil
	}
}

// next returns when a request can pass that takes n, if those that wait before
// it pass first; sure is false where it may be sooner or depends on others. why
// says what holds it back.
func (l *lane) next(t instant, n *load, pass uint64) (at instant, sure bool, why string) {
	var ahead load
	if l.pass == pass && l.ahead != nil {
		ahead = *l.ahead
	}
	at, sure = t, true
	if l.gate != nil || l.pace != nil || l.cold != 0 && !l.known || l.max > 0 {
		at, sure, why = l.nextBeside(t, &ahead)
	}
	for i := range l.buckets {
		b := &l.buckets[i]
		if then := b.next(t, n[b.unit], ahead[b.unit]); then > at {
			at, sure, why = then, true, b.why()
		}
	}
	return at, sure, why
}

// nextBeside is next for what holds requests back beside the limits by time.
func (l *lane) nextBeside(t instant, ahead *load) (at instant, sure bool, why string) {
	at, sure = t, true
	later := func(then instant, isSure bool, because string) {
		if then > at {
			at, sure, why = then, isSure, because
		}
	}
	if l.gate != nil {
		then, isSure := l.gate.next(t)
		if then <= t && ahead[requests] > 0 {
			then, isSure = t.add(probeTime), false // somebody before it is the probe
		}
		later(then, isSure, l.gate.why())
	}
	if l.cold != 0 && !l.known {
		allowed, then := coldBurst, l.cold
		for ; float64(l.inUse)+ahead[requests] >= float64(allowed); allowed *= 2 {
			then = then.add(coldDouble)
		}
		later(then, false, "the first answer of the host")
	}
	if l.pace != nil {
		later(l.pace.after(t, ahead[requests]), ahead[requests] == 0, "the pace that the server bears")
	}
	if l.max > 0 && float64(l.inUse)+ahead[requests] >= float64(l.max) {
		later(never, false, "the limit of requests under way")
	}
	return at, sure, why
}

// take counts a request that goes now. It returns the how many-th of its second
// it is, and whether it is a probe.
func (l *lane) take(t instant, n *load) (nth uint32, probe bool) {
	for i := range l.buckets {
		b := &l.buckets[i]
		b.level -= n[b.unit]
	}
	for u := range n {
		l.sent[u] += n[u]
	}
	nth = l.meter.count(t, 1)
	l.inUse++
	if l.pace != nil {
		l.pace.take(t)
	}
	if !l.known && (l.cold == 0 || l.inUse == 1) {
		l.cold = t
	}
	if l.gate == nil {
		return nth, false
	}
	if l.gate.probe = t; l.gate.paced {
		l.gate = nil
	}
	return nth, true
}

// untake is take undone.
func (l *lane) untake(n *load) {
	for i := range l.buckets {
		b := &l.buckets[i]
		b.level = min(b.size, b.level+n[b.unit])
	}
	for u := range n {
		l.sent[u] -= n[u]
	}
	l.meter.uncount()
	l.inUse--
	l.users--
}

// settle ends what take began.
func (l *lane) settle(t instant, c Cost, o *Outcome) {
	l.inUse--
	l.users--
	var back load // of the tokens
	switch {
	case o.Refund:
		back = c.load()
	case o.Told:
		back = c.load()
		for u, used := range o.Used.load() {
			back[u] -= used
		}
	default:
		return
	}
	for i := range l.buckets {
		b := &l.buckets[i]
		// What a server counts, it says itself, and it does not give back what it
		// reserved by the same rule.
		if b.unit != requests && b.learned == nil {
			b.refill(t)
			b.level = min(b.size, b.level+back[b.unit])
		}
	}
}

// learn takes over a limit that an answer stated to a request of that cost which
// went out at sent, when l had sent before in all.
func (l *lane) learn(t, sent instant, cost, before load, n *News) {
	u, ok := unitNamed(n.Unit)
	if !ok || n.Limit <= 0 || n.Remaining < 0 || n.Limit > maxLimit {
		return
	}
	limit, remaining := float64(n.Limit), float64(min(n.Remaining, n.Limit))
	b := l.learned(u, n.Window)
	told := b.learned
	if sent < told.seen {
		return // an answer to a later request has told more already
	}
	if sent == 0 {
		sent = t // what came back on the way is not known then, and left out
	}
	if b.limit != limit {
		told.slopes = slopes{}
	}
	var perSecond float64
	window := n.Window
	if window == 0 && b.limit == limit {
		window = b.window // an answer that says that nothing is left does not show it
	}
	if n.Refills && n.Reset >= 0 {
		if perSecond = told.slopes.add(remaining, n.Reset); perSecond == 0 && n.Reset > 0 {
			perSecond = max(cost[u], 1) / n.Reset.Seconds() // it takes no longer to come back than what was taken
		}
	}
	if window > 0 && (n.Refills || n.Reset < 0) {
		perSecond = limit / window.Seconds()
	}
	if perSecond == 0 && n.Reset < 0 {
		return
	}
	// What the server counts is later than sent by the way to it; what went out
	// since then it has not counted yet.
	size := max(b.size, remaining+max(cost[u], 1))
	level := max(remaining-max(1, reserveShare*size), 0) + perSecond*t.sub(sent).Seconds() - (l.sent[u] - before[u])
	if told.seen != 0 && perSecond > 0 && level > b.level {
		// Requests overtake each other on the way, so that this one may have been
		// counted before some that went out earlier. If not, the next will say so.
		b.refill(t)
		level = b.level + raiseShare*max(level-b.level, 0)
	}
	told.seen, told.maxWait, told.reset = sent, n.MaxWait, 0
	*b = bucket{unit: u, perSecond: perSecond, at: t, size: size, limit: limit, window: window, learned: told}
	if perSecond == 0 {
		told.reset = t.add(n.Reset)
		if !n.Refills {
			b.size = limit
		}
	}
	b.size = min(b.size, limit)
	b.level = min(level, b.size)
}

// A slopes works out how fast a bucket is refilled of which only is said how
// much is in it and when it will be full: from two answers, since how much it
// holds when it is full need not be the limit.
type slopes struct {
	known     bool
	high, low struct {
		remaining float64
		reset     time.Duration
	}
}

// minSlope is the least difference between two resets that is good for a rate:
// they are given in milliseconds, so it is right to a tenth. slopeShare of the
// rate is kept to, for what is not exact in it.
const (
	minSlope   = 10 * time.Millisecond
	slopeShare = 0.99
)

// add takes another answer and returns the rate, 0 as long as it is not known.
// What remains is told in whole ones: of several answers with the same figure
// the longest reset belongs to the one that had no fraction more.
func (s *slopes) add(remaining float64, reset time.Duration) (perSecond float64) {
	if !s.known || remaining > s.high.remaining || remaining == s.high.remaining && reset > s.high.reset {
		s.high.remaining, s.high.reset = remaining, reset
	}
	if !s.known || remaining < s.low.remaining || remaining == s.low.remaining && reset > s.low.reset {
		s.low.remaining, s.low.reset = remaining, reset
	}
	s.known = true
	if s.low.reset-s.high.reset < minSlope {
		return 0
	}
	return slopeShare * (s.high.remaining - s.low.remaining) / (s.low.reset - s.high.reset).Seconds()
}

// maxLimit is above every limit there is: what is more is none.
const maxLimit = 1 << 50

// maxLearned bounds the limits of one Key that are learned: four units, each by
// the minute and by the day.
const maxLearned = 8

// learned returns the bucket for a learned limit, a new one if there is none.
func (l *lane) learned(u unit, window time.Duration) *bucket {
	n := 0
	for i := range l.buckets {
		b := &l.buckets[i]
		if b.learned == nil {
			continue
		}
		if n++; n == maxLearned || b.unit == u && (b.window == window || b.window == 0 || window == 0) {
			return b
		}
	}
	l.buckets = append(l.buckets, bucket{unit: u, learned: new(learning)})
	return &l.buckets[len(l.buckets)-1]
}

// states reports whether the server states how fast requests or tokens may come.
func (l *lane) states() bool {
	for i := range l.buckets {
		if b := &l.buckets[i]; b.learned != nil && b.perSecond > 0 {
			return true
		}
	}
	return false
}

// explains reports whether a stated limit has not enough left for a request of
// that cost.
func (l *lane) explains(cost load) bool {
	for i := range l.buckets {
		if b := &l.buckets[i]; b.learned != nil && b.perSecond > 0 && b.level < max(cost[b.unit], 1) {
			return true
		}
	}
	return false
}

// refused looks for the rate that the server bears, after it refused a request
// that was sent at sent, and no limit that it states explains why: it states
// none, or keeps to a finer one, as who allows 600 a minute and means ten a
// second.
func (l *lane) refused(t, sent instant, cost load) {
	l.meter.uncount()
	if l.explains(cost) || l.pace != nil && sent < l.pace.from {
		return // known, or the answer to what went out before the last cut
	}
	from := t
	if l.gate != nil {
		from = max(from, l.gate.until)
	}
	next := instant(0)
	if l.pace != nil {
		next = l.pace.next
	}
	good := l.meter.perSecond()
	if l.pace != nil && l.pace.double > 0 && l.pace.flat == 0 {
		good = max(good, l.pace.perSecond(t)/2) // it doubled in the time that the meter counts
	}
	switch stated := l.average(); {
	case stated > 0:
		l.pace = evenPace(stated, from)
	case good >= startRate, good >= 1 && l.pace != nil: // a few at the start may be unanswered yet
		l.pace = cubicPace(good, from)
	case l.pace == nil:
		l.pace = startPace(from)
	default:
		l.pace = cubicPace(l.pace.perSecond(t)/2, from)
	}
	l.pace.next = next
	if l.gate != nil {
		l.gate.probe = 0 // if it was one, it brought no news
	}
}

// average is the rate of a stated limit of requests, 0 if none is known.
func (l *lane) average() float64 {
	for i := range l.buckets {
		b := &l.buckets[i]
		switch {
		case b.learned == nil || b.unit != requests:
		case b.perSecond > 0:
			return max(minRate, b.perSecond)
		case b.window > 0:
			return max(minRate, b.limit/b.window.Seconds())
		}
	}
	return 0
}

func (b *bucket) why() string {
	why := "the limit of " + unitWords[b.unit]
	switch b.window {
	case time.Second:
		why += " a second"
	case time.Minute:
		why += " a minute"
	case 24 * time.Hour:
		why += " a day"
	}
	if b.learned != nil {
		why += " that the server states"
	}
	return why
}

var unitWords = [units]string{"requests", "tokens", "input tokens", "output tokens"}

// any reports whether anything is limited.
func (s *Limits) any() bool {
	return s.MaxConcurrent > 0 || s.RequestsPerSecond > 0 || s.RequestsPerMinute > 0 || s.RequestsPerDay > 0 ||
		s.TokensPerMinute > 0 || s.InputTokensPerMinute > 0 || s.OutputTokensPerMinute > 0
}
