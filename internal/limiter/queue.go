package limiter

import (
	"context"
	"fmt"
	"time"

	"github.com/steadyhttp/steadyhttp/internal/monotime"
	"github.com/steadyhttp/steadyhttp/limit"
)

// A waiter is a request in the queue.
type waiter struct {
	permit       permit
	key          limit.Key        // of the request
	statedScopes uint8            // of the host, when the waiter came
	deadline     monotime.Instant // of its context; Never if there is none
	outageEnd    monotime.Instant // until when it waits for a host that fails; Never if only its deadline counts
	came         monotime.Instant
	why          string // what it waits for
	prev, next   *waiter

	done    chan struct{} // closed once what follows stands
	granted limit.Permit
	err     error
	again   bool // the host has stated limits of another scope: ask anew
}

// wait waits for w's turn, and returns the permit.
func (m *Memory) wait(ctx context.Context, s *shard, w *waiter, r *Request) (limit.Permit, error) {
	var canceled <-chan struct{}
	if r.HTTP != nil {
		//lint:ignore SA1019 deprecated for callers, who may still set it
		canceled = r.HTTP.Cancel
	}
	select {
	case <-w.done:
	case <-ctx.Done():
		m.giveUp(s, w, context.Cause(ctx), ctx.Err() == context.DeadlineExceeded)
	case <-canceled:
		deadline, ok := ctx.Deadline()
		m.giveUp(s, w, context.Canceled, ok && !time.Now().Before(deadline)) // http.Client's Timeout closes it at that moment
	}
	if !w.again {
		return w.granted, w.err
	}
	waited := w.granted.Waited
	anew := Request{Ask: r.Ask, HTTP: r.HTTP, Asker: r.Asker}
	if r.Asker != nil {
		var err error
		if anew.Ask, err = r.Asker.Ask(r.HTTP); err != nil {
			return limit.Permit{Waited: waited}, err
		}
	}
	p, err := m.AcquireFor(ctx, &anew)
	p.Waited += waited
	return p, err
}

// lateError is the refusal of a request whose turn would come too late.
func (s *shard) lateError(w *waiter, wait time.Duration) error {
	r := &limit.Refusal{Reason: w.why + ": no turn before the deadline", Late: true, Err: s.gateError(w.key)}
	if wait > 0 {
		r.Reason = fmt.Sprintf("%s: a wait of %s would exceed the deadline", w.why, wait.Round(time.Millisecond))
	}
	return r
}

// queue puts w at the end. It requires s.mu held.
func (s *shard) queue(w *waiter) {
	w.prev = s.last
	if s.last != nil {
		s.last.next = w
	} else {
		s.first = w
	}
	s.last = w
	for i := range w.permit.held {
		if k := w.permit.held[i].state; k != nil {
			k.waiting++
		}
	}
	w.permit.host().publish()
}

// dequeue takes w out of it. It requires s.mu held.
func (s *shard) dequeue(w *waiter) {
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
		if k := w.permit.held[i].state; k != nil {
			k.waiting--
		}
	}
}

// giveUp ends w's wait with why, or because its deadline passed. If the wait has
// ended meanwhile, a permit that it got is given back.
func (m *Memory) giveUp(s *shard, w *waiter, why error, late bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := monotime.Now()
	select {
	case <-w.done:
		switch {
		case w.err != nil:
			return
		case w.again:
			w.again = false // it holds on to nothing
		default:
			s.signal(t, &w.permit, limit.SignalNone, nil, 0)
			w.permit.untake()
			s.free(w.granted.ID)
		}
	default:
		s.dequeue(w)
		w.permit.leave()
	}
	if late {
		why = s.lateError(w, 0)
	}
	w.end(t, limit.Permit{}, why)
	m.dispatch(s, t)
}

// end says how the wait ended.
func (w *waiter) end(t monotime.Instant, granted limit.Permit, err error) {
	w.granted, w.err = granted, err
	w.granted.Waited, w.granted.Why = t.Sub(w.came), w.why
}

// dispatch walks along the queue, lets everybody go who can, and refuses who
// cannot wait long enough. A request that a key holds back holds back all behind
// it under the same key, and no others. It requires s.mu held.
func (m *Memory) dispatch(s *shard, t monotime.Instant) {
	s.pass++
	due := monotime.Never
	for w := s.first; w != nil; {
		following := w.next
		at, sure := w.ready(t, s.pass)
		switch {
		case w.statedScopes != w.permit.host().statedScopes:
			w.again = true
			w.permit.leave()
			s.ended(w, t, limit.Permit{}, nil)
		case at <= t:
			w.permit.take(t)
			a := limit.Ask{Key: w.key, Cost: costOf(w.permit.cost)}
			s.ended(w, t, s.grant(&w.permit, &a), nil)
		case sure && at >= w.deadline && w.deadline < monotime.Never:
			err := s.lateError(w, at.Sub(t))
			w.permit.leave()
			s.ended(w, t, limit.Permit{}, err)
		case w.failing() && w.outageEnd <= t:
			err := &limit.Refusal{Reason: w.why + ": not back within OutageWait", Err: s.gateError(w.key)}
			w.permit.leave()
			s.ended(w, t, limit.Permit{}, err)
		case w.failing():
			due = min(due, at, w.outageEnd)
		default:
			due = min(due, at)
		}
		w = following
	}
	m.arm(s, t, due)
}

// ended takes w out of the queue and wakes it. It requires s.mu held.
func (s *shard) ended(w *waiter, t monotime.Instant, granted limit.Permit, err error) {
	s.dequeue(w)
	w.end(t, granted, err)
	close(w.done)
}

// failing is whether w stands at the gate of a host that fails.
func (w *waiter) failing() bool {
	g := w.permit.host().gate
	return g != nil && g.failing
}

// ready returns when w can go, as far as can be seen from here. Keys that hold it
// back take note of it for those behind.
func (w *waiter) ready(t monotime.Instant, pass uint64) (at monotime.Instant, sure bool) {
	at, sure = t, true
	for i := range w.permit.held {
		k := w.permit.held[i].state
		if k == nil {
			break
		}
		k.refill(t)
		then, isSure, why := k.next(t, &w.permit.cost, pass)
		if then <= t {
			continue
		}
		if then > at {
			at, sure, w.why = then, isSure, why
		}
		if k.pass != pass {
			if k.pass = pass; k.ahead == nil {
				k.ahead = new(load)
			}
			*k.ahead = load{}
		}
		for u, n := range w.permit.cost {
			k.ahead[u] += n
		}
	}
	return at, sure
}

// arm makes the next walk begin when the queue can move by itself. It requires
// s.mu held.
func (m *Memory) arm(s *shard, t, due monotime.Instant) {
	if s.timer != nil {
		if s.due == due {
			return
		}
		s.timer.Stop()
		s.timer = nil
	}
	if due == monotime.Never {
		return
	}
	s.due = due
	s.timer = time.AfterFunc(due.Sub(t), func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.due == due {
			s.timer = nil
		}
		m.dispatch(s, monotime.Now())
	})
}
