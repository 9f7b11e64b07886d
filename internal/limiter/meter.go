package limiter

import (
	"sync/atomic"
	"time"

	"github.com/steadyhttp/steadyhttp/internal/monotime"
)

// A meter counts requests by the second, and knows the last two. It needs no
// lock: what is counted while a second begins may be lost.
type meter [2]struct{ second, n atomic.Uint32 }

// count counts one more.
func (m *meter) count(t monotime.Instant) {
	second := uint32(t / monotime.Instant(time.Second))
	s := &m[second%2]
	if was := s.second.Load(); was != second && s.second.CompareAndSwap(was, second) {
		s.n.Store(0)
	}
	s.n.Add(1)
}

// perSecond is the rate of late: of the busier of the last two seconds that were
// counted, 0 if they are long ago.
func (m *meter) perSecond(t monotime.Instant) float64 {
	last := m.last()
	if last+idleSeconds < uint32(t/monotime.Instant(time.Second)) {
		return 0
	}
	var n uint32
	for i := range m {
		if m[i].second.Load()+1 >= last {
			n = max(n, m[i].n.Load())
		}
	}
	return float64(n)
}

// idleSeconds is how long a rate says something of the present: longer than what
// is held back at a gate.
const idleSeconds = 60

// last is the second that was counted last; 0 is none.
func (m *meter) last() uint32 { return max(m[0].second.Load(), m[1].second.Load()) }
