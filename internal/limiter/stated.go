package limiter

import (
	"time"

	"github.com/steadyhttp/steadyhttp/internal/monotime"
	"github.com/steadyhttp/steadyhttp/limit"
)

const (
	// ReserveShare of a stated limit, and MinReserve at the least, is left over
	// where there is more than none: requests do not arrive in the rhythm in which
	// they were sent, and two that meet would be one too many.
	ReserveShare = 0.03
	MinReserve   = 1

	// RaiseShare of what an answer says is left beyond what was reckoned is
	// believed; all of what it says is missing.
	RaiseShare = 0.1

	// StatedTime, or its window if that is longer, is how long a limit is
	// believed that no further answer confirms.
	StatedTime = time.Minute
)

// learn takes over a limit that an answer stated to a request of that cost which
// went out at sent, when k had sent before in all.
func (k *keyState) learn(t, sent monotime.Instant, cost, before load, o *limit.Observation) {
	u, ok := unitNamed(o.Unit)
	if !ok || o.Limit <= 0 || o.Remaining < 0 || o.Limit > MaxLimit {
		return
	}
	limit, remaining := float64(o.Limit), float64(min(o.Remaining, o.Limit))
	b := k.statedBucket(u, o.Window)
	said := b.stated
	if sent < said.seen {
		return // an answer to a later request has said more already
	}
	if sent == 0 {
		sent = t // what came back on the way is not known then, and left out
	}
	if b.limit != limit {
		said.slopes = slopes{}
	}
	var perSecond float64
	window := o.Window
	if window == 0 && b.limit == limit {
		window = b.window // an answer that says that nothing is left does not show it
	}
	if o.Refills && o.Reset >= 0 {
		if perSecond = said.slopes.add(remaining, o.Reset); perSecond == 0 && o.Reset > 0 {
			perSecond = max(cost[u], 1) / o.Reset.Seconds() // it takes no longer to come back than what was taken
		}
	}
	if window > 0 && (o.Refills || o.Reset < 0) {
		perSecond = limit / window.Seconds()
	}
	if perSecond == 0 && o.Reset < 0 {
		return
	}
	// What the server counts is later than sent by the way to it; what went out
	// since then it has not counted yet.
	size := max(b.size, remaining+max(cost[u], 1))
	level := max(remaining-max(MinReserve, ReserveShare*size), 0) + perSecond*t.Sub(sent).Seconds() - (k.sent[u] - before[u])
	if said.seen != 0 && perSecond > 0 && level > b.level {
		// Requests overtake each other on the way, so that this one may have been
		// counted before some that went out earlier. If not, the next will say so.
		b.refill(t)
		level = b.level + RaiseShare*max(level-b.level, 0)
	}
	said.seen, said.maxWait, said.reset = sent, o.MaxWait, 0
	*b = bucket{unit: u, perSecond: perSecond, at: t, size: size, limit: limit, window: window, stated: said}
	if perSecond == 0 {
		said.reset = t.Add(o.Reset)
		if !o.Refills {
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

// MinSlope is the least difference between two resets that is good for a rate:
// they are given in milliseconds, so it is right to a tenth. SlopeShare of the
// rate is kept to, for what is not exact in it.
const (
	MinSlope   = 10 * time.Millisecond
	SlopeShare = 0.99
)

// add takes another answer and returns the rate, 0 as long as it is not known.
// What remains is said in whole ones: of several answers with the same figure
// the longest reset belongs to the one that had no fraction more.
func (s *slopes) add(remaining float64, reset time.Duration) (perSecond float64) {
	if !s.known || remaining > s.high.remaining || remaining == s.high.remaining && reset > s.high.reset {
		s.high.remaining, s.high.reset = remaining, reset
	}
	if !s.known || remaining < s.low.remaining || remaining == s.low.remaining && reset > s.low.reset {
		s.low.remaining, s.low.reset = remaining, reset
	}
	s.known = true
	if s.low.reset-s.high.reset < MinSlope {
		return 0
	}
	return SlopeShare * (s.high.remaining - s.low.remaining) / (s.low.reset - s.high.reset).Seconds()
}

// MaxLimit is above every limit there is: what is more is none.
const MaxLimit = 1 << 50

// MaxStated bounds the stated limits of one Key: four units, each by
// the minute and by the day.
const MaxStated = 8

// statedBucket returns the bucket for a stated limit, a new one if there is none.
func (k *keyState) statedBucket(u unit, window time.Duration) *bucket {
	n := 0
	for i := range k.buckets {
		b := &k.buckets[i]
		if b.stated == nil {
			continue
		}
		if n++; n == MaxStated || b.unit == u && (b.window == window || b.window == 0 || window == 0) {
			return b
		}
	}
	k.buckets = append(k.buckets, bucket{unit: u, stated: new(statement)})
	return &k.buckets[len(k.buckets)-1]
}

// statesRate reports whether the server states how fast requests or tokens may come.
func (k *keyState) statesRate() bool {
	for i := range k.buckets {
		if b := &k.buckets[i]; b.stated != nil && b.perSecond > 0 {
			return true
		}
	}
	return false
}

// explains reports whether a stated limit has not enough left for a request of
// that cost.
func (k *keyState) explains(cost load) bool {
	for i := range k.buckets {
		if b := &k.buckets[i]; b.stated != nil && b.perSecond > 0 && b.level < max(cost[b.unit], 1) {
			return true
		}
	}
	return false
}
