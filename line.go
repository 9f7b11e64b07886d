package steadyhttp

import (
	"context"
	"fmt"
	"time"
)

// A waiter is a request in the line.
type waiter struct {
	permit     Permit
	load       load
	teaches    uint8   // of the host's lane, when the waiter came
	deadline   instant // of its context; never if there is none
	patience   instant // until when it waits at a failing host's gate
	came       instant
	done       chan struct{} // closed once permit, err or again stands
	err        error
	again      bool // the host has stated limits of another scope: ask anew
	prev, next *waiter
}

// wait sees w through to its end, and leaves the permit in p.
func (m *memory) wait(ctx context.Context, s *shard, w *waiter, a *Ask, p *Permit) error {
	select {
	case <-w.done:
	case <-ctx.Done():
		m.giveUp(s, w, context.Cause(ctx), ctx.Err() == context.DeadlineExceeded)
	case <-a.cancel:
		why := whyCanceled(ctx)
		m.giveUp(s, w, why, why == context.DeadlineExceeded)
	}
	*p = w.permit
	if !w.again {
		return w.err
	}
	*p = Permit{Waited: w.permit.Waited}
	var anew Ask
	if err := a.keyer.ask(a.request, &anew); err != nil {
		return err
	}
	err := m.acquire(ctx, &anew, p)
	p.Waited += w.permit.Waited
	return err
}

// lateError is the refusal of a request whose permit would come too late.
func lateError(why string, wait time.Duration) error {
	if wait <= 0 {
		return &noPermit{why + " until the deadline", true}
	}
	return &noPermit{fmt.Sprintf("%s: a wait of %s would pass the deadline", why, wait.Round(time.Millisecond)), true}
}

// line puts w at the end. It requires s.mu held.
func (s *shard) line(w *waiter) {
	w.prev = s.last
	if s.last != nil {
		s.last.next = w
	} else {
		s.first = w
	}
	s.last = w
	for i := range w.permit.held {
		if l := w.permit.held[i].lane; l != nil {
			l.waiting++
		}
	}
}

// unline takes w out of it. It requires s.mu held.
func (s *shard) unline(w *waiter) {
	if w.prev != nil {
		w.prev.next = w.next
	} else {
		s.first = w.next
	}
	if w.next != nil {
		w.next.prev = w.prev
	} else {
		s.last = w.prev
	}
	for i := range w.permit.held {
		if l := w.permit.held[i].lane; l != nil {
			l.waiting--
		}
	}
}

// giveUp ends w's wait with why, or since it would be too late. If the wait has
// ended meanwhile, a permit that it got is given back.
func (m *memory) giveUp(s *shard, w *waiter, why error, late bool) {
	s.lock()
	defer s.mu.Unlock()
	t := now()
	select {
	case <-w.done:
		switch {
		case w.err != nil:
			return
		case w.again:
			w.again = false // it holds on to nothing
		default:
			s.hear(t, &w.permit, AnswerNone, nil, 0)
			w.permit.untake()
		}
	default:
		s.unline(w)
		w.permit.leave()
	}
	if late {
		why = lateError(w.permit.Why, 0)
	}
	w.end(t, why)
	m.dispatch(s, t)
}

// end says how the wait ended.
func (w *waiter) end(t instant, err error) {
	w.permit.Waited = t.sub(w.came)
	if w.err = err; err != nil {
		w.permit = Permit{Waited: w.permit.Waited, Why: w.permit.Why}
	}
}

// dispatch walks along the line and lets everybody go who can, and refuses who
// cannot wait long enough. Who is held back by a lane holds back all behind it
// in the same lane, and nobody else. It requires s.mu held.
func (m *memory) dispatch(s *shard, t instant) {
	s.pass++
	due := never
	for w := s.first; w != nil; {
		following := w.next
		at, sure := w.ready(t, s.pass)
		switch {
		case w.teaches != w.permit.held[0].lane.teaches:
			w.again = true
			w.permit.leave()
			s.ended(w, t, nil)
		case at <= t:
			w.permit.take(t, &w.load)
			s.ended(w, t, nil)
		case sure && at >= w.deadline && w.deadline < never:
			w.permit.leave()
			s.ended(w, t, lateError(w.permit.Why, at.sub(t)))
		case w.impatient(t):
			w.permit.leave()
			s.ended(w, t, &noPermit{why: w.permit.Why + " for too long"})
		default:
			due = min(due, at, w.patienceEnd())
		}
		w = following
	}
	m.arm(s, t, due)
}

// ended takes w out of the line and lets it know. It requires s.mu held.
func (s *shard) ended(w *waiter, t instant, err error) {
	s.unline(w)
	w.end(t, err)
	close(w.done)
}

// failing is whether w stands at the gate of a host that fails.
func (w *waiter) failing() bool {
	host := w.permit.held[0].lane
	return host.gate != nil && host.gate.failing
}

func (w *waiter) impatient(t instant) bool { return w.patience <= t && w.failing() }

func (w *waiter) patienceEnd() instant {
	if w.failing() {
		return w.patience
	}
	return never
}

// ready returns when w can go, as far as can be seen from here. Lanes that hold
// it back take note of it for those behind.
func (w *waiter) ready(t instant, pass uint64) (at instant, sure bool) {
	at, sure = t, true
	for i := range w.permit.held {
		l := w.permit.held[i].lane
		if l == nil {
			break
		}
		l.refill(t)
		then, isSure, why := l.next(t, &w.load, pass)
		if then <= t {
			continue
		}
		if then > at {
			at, sure, w.permit.Why = then, isSure, why
		}
		if l.pass != pass {
			if l.pass = pass; l.ahead == nil {
				l.ahead = new(load)
			}
			*l.ahead = load{}
		}
		for u, n := range w.load {
			l.ahead[u] += n
		}
	}
	return at, sure
}

// arm makes the next walk begin when the line can move by itself. It requires
// s.mu held.
func (m *memory) arm(s *shard, t, due instant) {
	if s.timer != nil {
		if s.due == due {
			return
		}
		s.timer.Stop()
		s.timer = nil
	}
	if due == never {
		return
	}
	s.due = due
	s.timer = time.AfterFunc(due.sub(t), func() {
		s.lock()
		defer s.mu.Unlock()
		if s.due == due {
			s.timer = nil
		}
		m.dispatch(s, now())
	})
}
