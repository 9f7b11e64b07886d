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

// uncount takes back one that was refused, of the second counted last if it can.
func (m *meter) uncount() {
	last := m.last()
	for _, i := range [...]uint32{last % 2, (last + 1) % 2} {
		if n := m[i].n.Load(); n > 0 && m[i].n.CompareAndSwap(n, n-1) {
			return
		}
	}
}

// perSecond is the rate when it last counted, of the busier of two seconds.
func (m *meter) perSecond() float64 {
	last := m.last()
	var n uint32
	for i := range m {
		if m[i].second.Load()+1 >= last {
			n = max(n, m[i].n.Load())
		}
	}
	return float64(n)
}

// last is the second that was counted last; 0 is none.
func (m *meter) last() uint32 { return max(m[0].second.Load(), m[1].second.Load()) }

// busy reports whether a request was counted within a second or two before t.
func (m *meter) busy(t monotime.Instant) bool {
	return m.last()+1 >= uint32(t/monotime.Instant(time.Second))
}

// startFrom takes over what other counted, if m has counted nothing.
func (m *meter) startFrom(other *meter) {
	if m.last() > 0 {
		return
	}
	for i := range m {
		m[i].second.Store(other[i].second.Load())
		m[i].n.Store(other[i].n.Load())
	}
}
