package limiter

import (
	"context"
	"fmt"
	"time"

	"github.com/steadyhttp/steadyhttp/internal/monotime"
	"github.com/steadyhttp/steadyhttp/limit"
)

// UnknownPlace is for how long a place among MaxConcurrent is reckoned to be taken
// as long as none was given back.
const UnknownPlace = time.Second

// Peek implements limit.Limiter. When a place will be free it reckons from how long
// they were taken of late, and how long a crowd takes that leaves a gate from the
// pace at which it will begin.
func (m *Memory) Peek(ctx context.Context, a limit.Ask) time.Duration {
	v, known := m.hosts.Load(a.Key.Host)
	if !known {
		return 0
	}
	h := v.(*host)
	if h.clear.Load() {
		return 0
	}
	a.Cost.Requests = max(a.Cost.Requests, 1)
	h.mu.Lock()
	defer h.mu.Unlock()
	t := monotime.Now()
	w := h.arrives(&a)
	by, at, _ := w.peek(ctx, t)
	if by == nil {
		return 0
	}
	return by.holdsFor(&w, t, at)
}

// holdsFor is how long k, which holds w back until at, does so in all likelihood. w
// stands in no queue.
func (k *keyState) holdsFor(w *waiter, t, at monotime.Instant) time.Duration {
	switch {
	case w.why == whyPlaces:
		return min(at.Sub(t), k.placeIn(t, w))
	case k.gate != nil && !w.ask.passes(k.gate):
		at = at.Add(k.leavesIn())
	}
	return at.Sub(t)
}

// peek returns when w could go that comes at t, whether that is sure, and what holds
// it back the longest. Nothing is changed by that, but w. It requires h.mu held.
func (w *waiter) peek(ctx context.Context, t monotime.Instant) (by *keyState, at monotime.Instant, sure bool) {
	w.ask.peeks = true
	by, at, sure = w.blocker(t)
	if by != nil && w.ask.Inference == limit.Observe {
		w.ask.Inference = limit.Off
		by, at, sure = w.blocker(t)
	}
	w.permit.leave()
	if by.gateIsShort() && !w.ask.passes(by.gate) && !w.ask.Repeat {
		w.arrivesAt(ctx, t)
		w.patience(t, by.gate)
		at = min(at, max(w.outageEnd, t+1)) // then it goes all the same
	}
	return by, at, sure
}

// mustWait returns the refusal of a request that comes at t, if it would have to wait
// for longer than its MaxWait. It requires the host's lock held.
func (w *waiter) mustWait(ctx context.Context, t monotime.Instant) error {
	by, at, sure := w.peek(ctx, t)
	if by == nil || w.ask.MaxWait > 0 && (!sure || at.Sub(t) <= w.ask.MaxWait) {
		return nil
	}
	return w.tooLong()
}

// tooLong is the refusal of a request that does not wait for longer than MaxWait.
func (w *waiter) tooLong() error {
	reason := fmt.Sprintf("%s: the request waits for %s at the most", w.why, w.ask.MaxWait)
	if w.ask.MaxWait < 0 {
		reason = w.why + ": the request does not wait"
	}
	return &limit.Refusal{Reason: reason, Err: w.permit.gateError()}
}

// waitedTooLong ends the wait of w, unless it has ended.
func (h *host) waitedTooLong(w *waiter) {
	h.mu.Lock()
	defer h.mu.Unlock()
	defer h.publish()
	t := monotime.Now()
	if w.at != nil {
		w.at.run(t) // its turn may be now
	}
	if w.at != nil {
		h.withdraw(w, t, w.tooLong())
	}
}

// placeIn is in how long a place will be free for a request that comes now, as far
// as that can be known.
func (k *keyState) placeIn(t monotime.Instant, w *waiter) time.Duration {
	took := k.took
	if took == 0 {
		took = UnknownPlace
	}
	before, _ := k.ahead(t, w)
	ahead := max(float64(k.inUse-k.max)+before[requests]+1, 1)
	return max(seconds(took.Seconds()*ahead/float64(k.max)), 1)
}

// leavesIn is how long those who wait at k's gate need to leave once it is open.
func (k *keyState) leavesIn() time.Duration {
	return seconds(k.line.cost()[requests] / max(RampStart*k.gate.load, MinRamp))
}

// Missed notes that a would have been sent but for the wait that Peek told, and goes
// elsewhere. A limit that no server states is looked for as if a had waited: there is
// demand for more.
func (m *Memory) Missed(a *limit.Ask) {
	h := m.lockHost(a.Key.Host)
	defer h.mu.Unlock()
	t := monotime.Now()
	h.keys.matching(&a.Key, func(k *keyState) {
		if k.finder != nil {
			k.finder.Next(t)
		}
	})
}
