package steadyhttp

import (
	"cmp"

	"github.com/steadyhttp/steadyhttp/internal/monotime"
	"github.com/steadyhttp/steadyhttp/internal/rolling"
)

// A Budget limits how many retries a Retrier sends to each host, however many
// calls fail. Without one, an outage multiplies the load of the host that has
// it.
//
// The zero value allows one retry for ten requests of the last five seconds,
// and three retries per second in addition, so that a client with few calls
// still gets its retries. At 200 calls per second that makes 1.12 requests per
// call in an outage.
//
// One Budget may serve several Retriers. It is safe for concurrent use. It must
// not be copied after first use, and its fields must not be changed once it is
// in use.
type Budget struct {
	// MaxRatio is how many retries are allowed for each request of the last
	// five seconds. 0 is 0.1, negative is no limit on retries at all.
	MaxRatio float64

	// MaxPerSecond is how many retries per second are allowed in addition. 0 is
	// 3, negative is no limit on retries at all.
	MaxPerSecond float64

	counts rolling.Counts
}

const (
	defaultMaxRatio     = 0.1
	defaultMaxPerSecond = 3
)

func (b *Budget) unlimited() bool { return b.MaxRatio < 0 || b.MaxPerSecond < 0 }

// count notes a request that is no retry.
func (b *Budget) count(host string) {
	if b.unlimited() {
		return
	}
	if h := b.counts.Of(host); h != nil {
		h.Request(monotime.Now())
	}
}

// take reports whether there may be a retry now, and notes it if so.
func (b *Budget) take(host string) bool {
	if b.unlimited() {
		return true
	}
	h := b.counts.Of(host)
	if h == nil {
		return true
	}
	t := monotime.Now()
	h.Retry(t, 1) // first, so that two at once do not both take the last one
	requests, retries := h.Sums(t)
	allowed := cmp.Or(b.MaxRatio, defaultMaxRatio)*float64(requests) + cmp.Or(b.MaxPerSecond, defaultMaxPerSecond)*rolling.Window.Seconds()
	if float64(retries) > allowed {
		h.Retry(t, -1)
		return false
	}
	return true
}
