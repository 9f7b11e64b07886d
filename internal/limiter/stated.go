package limiter

import (
	"time"

	"github.com/steadyhttp/steadyhttp/internal/monotime"
	"github.com/steadyhttp/steadyhttp/limit"
)

const (
	// ReserveShare of a stated limit, and MinReserve at the least, is left over where
	// there is more than none: requests do not arrive in the rhythm in which they
	// were sent, and two that meet would be one too many. A request that no other
	// could meet, since none is under way, may have that too.
	ReserveShare = 0.03
	MinReserve   = 1

	// RaiseShare of what a response says is left beyond what was reckoned is
	// believed; all of what it says is missing.
	RaiseShare = 0.1

	// StatedTime, or its window if that is longer, is how long a limit is
	// believed that no further response confirms.
	StatedTime = time.Minute

	// DoubtTime is how long a figure is not believed that successes have
	// contradicted. What is refused meanwhile it does not explain: that is the
	// finder's.
	DoubtTime = 10 * time.Minute

	// MaxStated bounds the stated limits of one Key: four units, each by the
	// minute and by the day.
	MaxStated = 8

	// MaxLimit is above every limit there is: what is more is none. The same holds
	// for MaxWindow: a limit is remembered for as long as its window.
	MaxLimit  = 1 << 50
	MaxWindow = 31 * 24 * time.Hour
)

// A stated is a limit that responses state, as a bucket: how much is left of it,
// reckoned from the last figure and from what was sent since.
//
// Evidence: the headers of a response. Scope: the provider's documented one, else
// the route and the credential of that response. Escape: while no refusal has
// confirmed the limit, one request at a time goes out although the figure says
// that nothing is left; if it is answered well, the figure is not believed for
// ten minutes.
type stated struct {
	unit      unit
	limit     float64       // as stated
	window    time.Duration // likewise; 0 if it is not
	perSecond float64       // what it is refilled with; 0 is nothing until reset
	size      float64       // what it holds at the most
	reserve   float64       // what is left over of it where others are under way
	level     float64       // at that instant
	at        monotime.Instant

	reset   monotime.Instant // when it is full again in one step; 0 is not known
	seen    monotime.Instant // when the request went out whose response stated it last
	maxWait time.Duration    // see limit.Observation
	slopes  slopes           // how fast it is refilled

	emptyAt   monotime.Instant // when a response said first that nothing is left; 0 is that something is
	well      int              // requests sent since then that were answered well
	tried     monotime.Instant // when one went out although nothing was left; 0 if none is under way
	doubted   monotime.Instant // until when it is not believed; 0 is that it is
	confirmed monotime.Instant // until when refusals have confirmed it
	refusals  int              // that confirmed it
}

// stale reports whether the limit was not confirmed for too long.
func (s *stated) stale(t monotime.Instant) bool {
	return t.Sub(s.seen) > max(s.window, StatedTime) && t >= s.doubted
}

// believed reports whether requests are held back by it.
func (s *stated) believed(t monotime.Instant) bool { return t >= s.doubted }

// refill brings the level up to t.
func (s *stated) refill(t monotime.Instant) {
	if s.reset != 0 && t >= s.reset {
		s.level, s.emptyAt, s.well = max(s.level, s.size), 0, 0
		if s.window <= 0 {
			s.reset = 0
		} else {
			s.reset += (t-s.reset)/monotime.Instant(s.window)*monotime.Instant(s.window) + monotime.Instant(s.window)
		}
	}
	if s.perSecond > 0 && t > s.at && s.level < s.size {
		s.level = min(s.size, s.level+float64(t-s.at)/float64(time.Second)*s.perSecond)
	}
	s.at = t
}

// next returns when n can be taken, after ahead was. It requires the level to be
// that of t.
func (s *stated) next(t monotime.Instant, n, ahead float64, alone bool) monotime.Instant {
	need := ahead + min(n, s.size)
	if alone {
		need -= s.reserve // nobody is there whom it could meet
	}
	if n == 0 || s.level+RoundOff >= need || !s.believed(t) {
		return t
	}
	at := t // not known when: the server will say
	switch {
	case s.perSecond > 0:
		at = t.Add(seconds((need - s.level) / s.perSecond))
		// The first in the queue waits no longer than a server may ask for.
		if ahead == 0 && at.Sub(t) > s.maxWait {
			return t
		}
	case s.reset > t && s.reset.Sub(t) <= s.maxWait:
		at = s.reset
	}
	if s.mayTry(t, at, ahead) {
		return t
	}
	return at
}

// MinTry is the least wait for which a figure is put to the test: what is over
// sooner costs nobody much.
const MinTry = 500 * time.Millisecond

// mayTry reports whether one request goes out although the figure says that
// nothing is left: nobody has seen yet whether that is true.
func (s *stated) mayTry(t, at monotime.Instant, ahead float64) bool {
	return s.emptyAt != 0 && ahead == 0 && s.tried == 0 && t >= s.confirmed && at.Sub(t) > MinTry
}

// sure reports whether what next says holds: not while the figure is put to the
// test.
func (s *stated) sure(t monotime.Instant) bool { return s.emptyAt == 0 || t < s.confirmed }

// take counts what goes at t.
func (s *stated) take(t monotime.Instant, n float64) {
	if n > 0 && s.emptyAt != 0 && s.tried == 0 && s.level < n && s.believed(t) {
		s.tried = t
	}
	s.level -= n
}

// answeredWell takes in that a request which went out at sent was answered well.
func (s *stated) answeredWell(t, sent monotime.Instant) {
	if s.tried != 0 && sent >= s.tried {
		s.tried = 0
	}
	if s.emptyAt == 0 || sent <= s.emptyAt {
		return
	}
	back := 0.0 // the most that can have been there for them
	if s.perSecond > 0 {
		back = 1 + s.perSecond*sent.Sub(s.emptyAt).Seconds() // what is left is told in whole ones: 0 may be almost one
	}
	if s.well++; float64(s.well) > back {
		s.doubted, s.emptyAt, s.well = t.Add(DoubtTime), 0, 0
	}
}

// refused takes in that a limit refused a request that went out at sent. It
// reports whether this one explains why: it has not enough left.
func (s *stated) refused(t, sent monotime.Instant, n float64) bool {
	if sent >= s.tried {
		s.tried = 0
	}
	if !s.believed(t) || s.perSecond == 0 && s.reset == 0 || s.level >= max(n, 1) && s.emptyAt == 0 {
		return false
	}
	s.refusals++
	s.confirmed = t.Add(max(s.window, StatedTime) << min(s.refusals, 10))
	return true
}

// lost takes in that nothing is known of a request that went out at sent.
func (s *stated) lost(sent monotime.Instant) {
	if s.tried == sent {
		s.tried = 0
	}
}

var statedWords = wordsOf("the server's limit of ")

func (s *stated) why() string { return statedWords.of(s.unit, s.window) }

// learn takes over a limit that a response stated to a request of that cost which
// went out at sent, when k had sent before in all.
func (k *keyState) learn(t, sent monotime.Instant, cost, before load, o *limit.Observation) {
	u, ok := unitNamed(o.Unit)
	if !ok || o.Limit <= 0 || o.Remaining < 0 || o.Limit > MaxLimit || o.Window < 0 || o.Window > MaxWindow {
		return
	}
	limit, remaining := float64(o.Limit), float64(min(o.Remaining, o.Limit))
	s := k.statedLimit(u, o.Window, limit)
	if sent < s.seen {
		return // a response to a later request has told more already
	}
	if sent == 0 {
		sent = t // what came back on the way is not known then, and left out
	}
	var perSecond float64
	window := o.Window
	if window == 0 {
		window = s.window // a response that says that nothing is left does not show it
	}
	if o.Refills && o.Reset >= 0 {
		if perSecond = s.slopes.add(remaining, o.Reset); perSecond == 0 && o.Reset > 0 {
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
	size := max(s.size, remaining+max(cost[u], 1))
	reserve := min(max(MinReserve, ReserveShare*size), remaining)
	level := remaining - reserve + perSecond*t.Sub(sent).Seconds() - (k.sent[u] - before[u])
	if s.seen != 0 && perSecond > 0 && level > s.level {
		// Requests overtake each other on the way, so that this one may have been
		// counted before some that went out earlier. If not, the next will say so.
		s.refill(t)
		level = s.level + RaiseShare*max(level-s.level, 0)
	}
	s.unit, s.perSecond, s.at, s.limit, s.window = u, perSecond, t, limit, window
	s.seen, s.maxWait, s.reset, s.reserve = sent, o.MaxWait, 0, reserve
	if s.size = size; perSecond == 0 {
		s.reset = t.Add(o.Reset)
		if !o.Refills {
			s.size = limit
		}
	}
	s.size = min(s.size, limit)
	s.level = min(level, s.size)
	switch {
	case remaining > 0:
		s.emptyAt, s.well = 0, 0
	case s.emptyAt == 0:
		s.emptyAt = t
	}
}

// statedLimit returns the state of a stated limit, a new one if there is none.
// Several limits under one name, told apart by their figures, are several.
func (k *keyState) statedLimit(u unit, window time.Duration, limit float64) *stated {
	for i := range k.stated {
		s := &k.stated[i]
		if s.unit == u && s.limit == limit && (s.window == window || s.window == 0 || window == 0) {
			return s
		}
	}
	if len(k.stated) >= MaxStated {
		oldest := 0
		for i := range k.stated {
			if k.stated[i].seen < k.stated[oldest].seen {
				oldest = i
			}
		}
		k.stated[oldest] = stated{unit: u}
		return &k.stated[oldest]
	}
	k.stated = append(k.stated, stated{unit: u})
	return &k.stated[len(k.stated)-1]
}

// A slopes works out how fast a limit is refilled of which only is said how much
// is left and when it will be full: from two responses, since how much it holds
// when it is full need not be the limit.
type slopes struct {
	known     bool
	high, low struct {
		remaining float64
		reset     time.Duration
	}
}

const (
	// MinSlope is the least difference between two resets that is good for a
	// rate: they are given in milliseconds, so it is right to a tenth.
	MinSlope = 10 * time.Millisecond

	// SlopeShare of the rate is kept to, for what is not exact in it.
	SlopeShare = 0.99
)

// add takes another response and returns the rate, 0 as long as it is not known.
// What remains is told in whole ones: of several responses with the same figure
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
