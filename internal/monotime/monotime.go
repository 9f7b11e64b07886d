// Package monotime has points in time on this process's monotonic clock. They
// cost half as much to read as a time.Time and a third of it to keep.
package monotime

import (
	"math"
	"time"
)

// An Instant is a point in time, in nanoseconds. It is positive; 0 is none.
type Instant int64

// Never is after every other Instant.
const Never = Instant(math.MaxInt64)

var epoch = time.Now()

// beforeEpoch keeps instants positive on a clock that stands before epoch, as
// that of testing/synctest does with its year 2000.
const beforeEpoch = 1 << 60

// Now returns the present.
func Now() Instant { return Instant(time.Since(epoch)) + beforeEpoch }

// Add returns the instant d later, Never if that is out of reach. d must not be
// negative.
func (t Instant) Add(d time.Duration) Instant {
	if d > time.Duration(Never-t) {
		return Never
	}
	return t + Instant(d)
}

// Sub returns how much later t is than u.
func (t Instant) Sub(u Instant) time.Duration { return time.Duration(t - u) }
