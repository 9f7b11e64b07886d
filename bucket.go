package steadyhttp

import (
	"math"
	"time"
)

// An instant is a point in time, in nanoseconds on this process's monotonic
// clock: half the price of a time.Time to read and a third of it to keep. It is
// positive; 0 is none.
type instant int64

const never = instant(math.MaxInt64)

var epoch = time.Now()

// beforeEpoch keeps instants positive on a clock that stands before epoch, as
// that of testing/synctest does with its year 2000.
const beforeEpoch = 1 << 60

func now() instant { return instant(time.Since(epoch)) + beforeEpoch }

// add returns the instant d later, never if that is out of reach. It requires
// d to be no less than 0.
func (t instant) add(d time.Duration) instant {
	if d > time.Duration(never-t) {
		return never
	}
	return t + instant(d)
}

func (t instant) sub(u instant) time.Duration { return time.Duration(t - u) }

// A unit is what a bucket counts.
type unit uint8

const (
	requests unit = iota
	tokens
	inputTokens
	outputTokens
	units // how many there are
)

var unitNames = [units]string{"requests", "tokens", "input_tokens", "output_tokens"}

func unitNamed(name string) (unit, bool) {
	for u, n := range unitNames {
		if n == name {
			return unit(u), true
		}
	}
	return 0, false
}

// A load is a Cost by unit.
type load [units]float64

func (c Cost) load() load {
	return load{requests: float64(c.Requests), tokens: float64(c.Input + c.Output), inputTokens: float64(c.Input), outputTokens: float64(c.Output)}
}

// A bucket holds what is left of one limit. What is taken may leave it in debt:
// a request that is larger than the bucket goes out of a full one.
type bucket struct {
	unit      unit
	perSecond float64       // what it is refilled with; 0 is nothing until reset
	size      float64       // what it holds at the most
	level     float64       // at that instant
	at        instant       // when that was so
	limit     float64       // as it was set or stated
	window    time.Duration // likewise
	learned   *learning     // nil if the user set it
}

// A learning is what a bucket has beside the rest if answers told of it.
type learning struct {
	reset   instant       // when it is full again at one go; 0 is not known
	seen    instant       // when the request went out whose answer told of it last
	maxWait time.Duration // see News
	slopes  slopes        // how fast it is refilled
}

// stale reports whether a learned limit was not confirmed for too long.
func (b *bucket) stale(t instant) bool {
	return b.learned != nil && t.sub(b.learned.seen) > max(b.window, learnedTime)
}

// told returns the bucket of a limit that the user set.
func told(u unit, limit float64, window time.Duration, size float64, t instant) bucket {
	size = max(1, size)
	return bucket{unit: u, perSecond: limit / window.Seconds(), size: size, level: size, at: t, limit: limit, window: window}
}

// refill brings the level up to t.
func (b *bucket) refill(t instant) {
	if l := b.learned; l != nil && l.reset != 0 && t >= l.reset {
		b.level = max(b.level, b.size)
		if b.window <= 0 {
			l.reset = 0
		} else {
			l.reset += (t-l.reset)/instant(b.window)*instant(b.window) + instant(b.window)
		}
	}
	if b.perSecond > 0 && t > b.at && b.level < b.size {
		b.level = min(b.size, b.level+float64(t-b.at)/float64(time.Second)*b.perSecond)
	}
	b.at = t
}

// roundOff is what floating point may cost: a millionth of a request or token.
const roundOff = 1e-6

// next returns when n can be taken, after ahead was. It requires the level to be
// that of t.
func (b *bucket) next(t instant, n, ahead float64) instant {
	need := ahead + min(n, b.size)
	if n == 0 || b.level+roundOff >= need {
		return t
	}
	if b.perSecond > 0 {
		at := t.add(seconds((need - b.level) / b.perSecond))
		// The first in the line of a limit that is learned waits no longer than a
		// server may ask for.
		if b.learned != nil && ahead == 0 && at.sub(t) > b.learned.maxWait {
			return t
		}
		return at
	}
	if l := b.learned; l != nil && l.reset > t && l.reset.sub(t) <= l.maxWait {
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
