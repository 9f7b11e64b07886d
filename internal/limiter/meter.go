package limiter

import (
	"sync/atomic"
	"time"

	"github.com/steadyhttp/steadyhttp/internal/monotime"
)

// A meter counts requests by the second, and knows the last two. It needs no
// lock: what is counted while a second begins may be lost.
type meter struct {
	seconds [2]struct{ second, n atomic.Uint32 }
	began   atomic.Int64 // when requests came after none had for a second or more
}

// MinSpan is the shortest time from which a rate is worked out.
const MinSpan = 100 * time.Millisecond

// idleSeconds is how long a rate says something of the present: longer than what
// is held back at a gate.
const idleSeconds = 60

func secondOf(t monotime.Instant) uint32 { return uint32(t / monotime.Instant(time.Second)) }

// count counts one more.
func (m *meter) count(t monotime.Instant) {
	second := secondOf(t)
	s := &m.seconds[second%2]
	if was := s.second.Load(); was != second {
		last := m.last()
		if s.second.CompareAndSwap(was, second) {
			s.n.Store(0)
			if last+1 < second {
				m.began.Store(int64(t))
			}
		}
	}
	s.n.Add(1)
}

// perSecond is the rate of late: of the busier of the last two seconds that were
// counted, or of the time since the first request if that is shorter; 0 if that
// is long ago.
func (m *meter) perSecond(t monotime.Instant) float64 {
	last := m.last()
	if last+idleSeconds < secondOf(t) {
		return 0
	}
	var n uint32
	for i := range m.seconds {
		if s := &m.seconds[i]; s.second.Load()+1 >= last {
			n = max(n, s.n.Load())
		}
	}
	if span := max(t.Sub(monotime.Instant(m.began.Load())), MinSpan); span < time.Second && n > 1 {
		return max(float64(n), float64(n-1)/span.Seconds())
	}
	return float64(n)
}

// last is the second that was counted last; 0 is none.
func (m *meter) last() uint32 {
	return max(m.seconds[0].second.Load(), m.seconds[1].second.Load())
}
