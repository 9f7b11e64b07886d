package down

import (
	"container/list"
	"slices"
	"time"

	"github.com/steadyhttp/steadyhttp/internal/monotime"
)

// A watch is a call that is queued at one place and could go to others.
type watch struct {
	at     Place
	others []Place
	again  []Place
	bears  func(left time.Duration, why error) bool
	leave  func()
	over   bool
	timer  *time.Timer // rings when a pause of the others ends; nil for none
}

// Watch calls leave once if at is down while one of others is not, be it now or later,
// or once one of again comes back, where the call has failed of late; until stop is
// called. That one of again is up proves nothing to the call: it may fail there once more.
// That it was down, and another call has been answered there since, does. bears reports whether the call waits all the same, with left and
// why as Until returns them. Neither function may wait or use m. Calls are told in the
// order in which they came.
func (m *Memory) Watch(at Place, others, again []Place, bears func(left time.Duration, why error) bool, leave func()) (stop func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.queued.PushBack(&watch{at: at, others: others, again: again, bears: bears, leave: leave})
	m.look(e, monotime.Now())
	return func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.end(e)
	}
}

// end ends a watch, if it has not ended. It requires m.mu held.
func (m *Memory) end(e *list.Element) {
	w := e.Value.(*watch)
	m.queued.Remove(e) // which does nothing the second time
	w.over = true
	if w.timer != nil {
		w.timer.Stop()
	}
}

// look ends the wait of a call that has a better place. It requires m.mu held.
func (m *Memory) look(e *list.Element, now monotime.Instant) {
	w := e.Value.(*watch)
	if isDown, left, why := m.until(w.at, now); !isDown || w.bears(left, why) {
		return
	}
	var next time.Duration // until a pause of the others ends
	for _, p := range w.others {
		isDown, left, _ := m.until(p, now)
		if !isDown {
			m.end(e)
			w.leave()
			return
		}
		if left > 0 && (next == 0 || left < next) {
			next = left
		}
	}
	if next > 0 {
		if w.timer != nil {
			w.timer.Stop()
		}
		w.timer = time.AfterFunc(next, func() {
			m.mu.Lock()
			defer m.mu.Unlock()
			if !w.over {
				m.look(e, monotime.Now())
			}
		})
	}
}

// waiting returns all that are queued. It requires m.mu held.
func (m *Memory) waiting() []*list.Element {
	all := make([]*list.Element, 0, m.queued.Len())
	for e := m.queued.Front(); e != nil; e = e.Next() {
		all = append(all, e)
	}
	return all
}

// wentDown looks after those that are queued in scope. It requires m.mu held.
func (m *Memory) wentDown(scope Place, now monotime.Instant) {
	for _, e := range m.waiting() {
		if scopes := e.Value.(*watch).at.scopes(); slices.Contains(scopes[:], scope) {
			m.look(e, now)
		}
	}
}

// cameBack looks after all that are queued, since those scopes are up again. It requires
// m.mu held.
func (m *Memory) cameBack(back []Place, now monotime.Instant) {
	for _, e := range m.waiting() {
		w := e.Value.(*watch)
		if m.look(e, now); w.over {
			continue
		}
		if isDown, left, why := m.until(w.at, now); !isDown || w.bears(left, why) {
			continue
		}
		if slices.ContainsFunc(w.again, func(p Place) bool { return m.isBack(p, back, now) }) {
			m.end(e)
			w.leave()
		}
	}
}

// isBack reports whether p is up, and one of those scopes is its. It requires m.mu held.
func (m *Memory) isBack(p Place, back []Place, now monotime.Instant) bool {
	scopes := p.scopes()
	if isDown, _, _ := m.until(p, now); isDown {
		return false
	}
	return slices.ContainsFunc(back, func(scope Place) bool { return slices.Contains(scopes[:], scope) })
}
