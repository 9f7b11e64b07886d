package steadyhttp

import (
	"cmp"

	"github.com/steadyhttp/steadyhttp/internal/monotime"
	"github.com/steadyhttp/steadyhttp/internal/rolling"
)

// A Budget bounds how much a Retrier adds to the load of a host that is in
// trouble, however many calls fail: without one, an outage meets a multiple of
// the traffic that brought it about. Each host is counted apart.
//
// The zero value allows one retry to ten requests of the last five seconds, and
// three a second on top of it, so that a lonely call still gets its retries. At
// 200 calls a second that makes 1.12 requests a call in an outage.
//
// One Budget may serve several Retriers. It is safe for concurrent use, must
// not be copied after first use, and its fields must not change once it is in
// use.
type Budget struct {
	// MaxRatio is how many retries may go with each request of the last five
	// seconds. 0 is 0.1, negative is no limit at all.
	MaxRatio float64

	// MaxPerSecond is how many retries a second are allowed beside them. 0 is 3,
	// negative is no limit at all.
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
