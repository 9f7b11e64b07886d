package limiter

import (
	"math"
	"time"

	"github.com/steadyhttp/steadyhttp/internal/monotime"
	"github.com/steadyhttp/steadyhttp/limit"
)

// A unit is what a bucket counts.
type unit uint8

const (
	requests unit = iota
	tokens
	inputTokens
	outputTokens
	units // how many there are
)

// UnitNames are how an Observation and a LimitState name what is counted.
var UnitNames = [units]string{"requests", "tokens", "input_tokens", "output_tokens"}

func unitNamed(name string) (unit, bool) {
	for u, n := range UnitNames {
		if n == name {
			return unit(u), true
		}
	}
	return 0, false
}

// A load is a limit.Cost by unit.
type load [units]float64

func loadOf(c limit.Cost) load {
	return load{requests: float64(c.Requests), tokens: float64(c.Input + c.Output), inputTokens: float64(c.Input), outputTokens: float64(c.Output)}
}

func costOf(n load) limit.Cost {
	return limit.Cost{Requests: int64(n[requests]), Input: int64(n[inputTokens]), Output: int64(n[outputTokens])}
}

// A bucket holds what is left of one limit. What is taken may leave it in debt:
// a request that is larger than the bucket goes out of a full one.
type bucket struct {
	unit      unit
	perSecond float64          // what it is refilled with; 0 is nothing until reset
	size      float64          // what it holds at the most
	level     float64          // at that instant
	at        monotime.Instant // when that was so
	limit     float64          // as it was set or stated
	window    time.Duration    // likewise
	stated    *statement       // nil if the user set it
}

// A statement is what a bucket has beside the rest if responses stated its limit.
type statement struct {
	reset   monotime.Instant // when it is full again at one go; 0 is not known
	seen    monotime.Instant // when the request went out whose response stated it last
	maxWait time.Duration    // see limit.Observation
	slopes  slopes           // how fast it is refilled
}

// stale reports whether a stated limit was not confirmed for too long.
func (b *bucket) stale(t monotime.Instant) bool {
	return b.stated != nil && t.Sub(b.stated.seen) > max(b.window, StatedTime)
}

// setBucket returns the bucket of a limit that the user set.
func setBucket(u unit, limit float64, window time.Duration, size float64, t monotime.Instant) bucket {
	size = max(1, size)
	return bucket{unit: u, perSecond: limit / window.Seconds(), size: size, level: size, at: t, limit: limit, window: window}
}

// refill brings the level up to t.
func (b *bucket) refill(t monotime.Instant) {
	if l := b.stated; l != nil && l.reset != 0 && t >= l.reset {
		b.level = max(b.level, b.size)
		if b.window <= 0 {
			l.reset = 0
		} else {
			l.reset += (t-l.reset)/monotime.Instant(b.window)*monotime.Instant(b.window) + monotime.Instant(b.window)
		}
	}
	if b.perSecond > 0 && t > b.at && b.level < b.size {
		b.level = min(b.size, b.level+float64(t-b.at)/float64(time.Second)*b.perSecond)
	}
	b.at = t
}

// RoundOff is what floating point may cost: a millionth of a request or token.
const RoundOff = 1e-6

// next returns when n can be taken, after ahead was. It requires the level to be
// that of t.
func (b *bucket) next(t monotime.Instant, n, ahead float64) monotime.Instant {
	need := ahead + min(n, b.size)
	if n == 0 || b.level+RoundOff >= need {
		return t
	}
	if b.perSecond > 0 {
		at := t.Add(seconds((need - b.level) / b.perSecond))
		// The first in the queue of a stated limit waits no longer than a
		// server may ask for.
		if b.stated != nil && ahead == 0 && at.Sub(t) > b.stated.maxWait {
			return t
		}
		return at
	}
	if l := b.stated; l != nil && l.reset > t && l.reset.Sub(t) <= l.maxWait {
		return l.reset
	}
	return t // not known: the server will say
}

// seconds rounds up, so that what is waited for is there.
func seconds(s float64) time.Duration {
	if s >= math.MaxInt64/float64(time.Second) {
		return math.MaxInt64
	}
	return time.Duration(math.Ceil(s * float64(time.Second)))
}

func (b *bucket) why() string {
	why := "the limit of " + unitWords[b.unit]
	if b.stated != nil {
		why = "the server's limit of " + unitWords[b.unit]
	}
	switch b.window {
	case time.Second:
		why += " per second"
	case time.Minute:
		why += " per minute"
	case 24 * time.Hour:
		why += " per day"
	}
	return why
}

var unitWords = [units]string{"requests", "tokens", "input tokens", "output tokens"}
