package limiter

import (
	"time"

	"github.com/steadyhttp/steadyhttp/internal/monotime"
	"github.com/steadyhttp/steadyhttp/limit"
)

const (
	// A call waits for an outage for so long if nobody says otherwise: with a
	// deadline it says itself how patient it is, without one a person may wait.
	OutageWait           = 30 * time.Second
	OutageWaitNoDeadline = 10 * time.Second

	// MaxPause is how long a call waits for pauses that limits ask for.
	MaxPause = 2 * time.Minute

	// Of a call's time until its deadline a tenth, a second at the most, is left to
	// send the request after all, and to read the response.
	SpareShare = 10
	MaxSpare   = time.Second
)

// patience works out until when w waits at gates. It begins with the first that
// holds it back, g: what it has waited in a queue before has nothing to do with an
// outage.
func (w *waiter) patience(t monotime.Instant, g *gate) {
	patience := OutageWaitNoDeadline
	if w.deadline < monotime.Never {
		patience = OutageWait
	}
	if g.failing && t.Sub(g.shut) > LongOutage {
		patience = min(patience, ShortOutageWait)
	}
	if w.ask.OutageWait > 0 {
		patience = w.ask.OutageWait
	}
	w.outageEnd = t.Add(patience)
	if !g.failing && !g.ofLimit && w.ask.OutageWait == 0 {
		w.outageEnd = max(w.outageEnd, g.until.Add(MinGoodSign)) // one pause is waited out
	}
	w.pauseEnd = t.Add(MaxPause)
	if w.ask.MaxPause > 0 {
		w.pauseEnd = t.Add(w.ask.MaxPause)
	}
	if w.deadline < monotime.Never {
		spare := min(w.deadline.Sub(w.came)/SpareShare, MaxSpare)
		w.outageEnd = min(w.outageEnd, w.deadline-monotime.Instant(spare))
	}
}

// passes reports whether the request does not wait for g: nothing is known against
// its own route, or it has waited for long enough.
func (a *ask) passes(g *gate) bool {
	return a.routeOK && g.routes || a.spent && !g.ofLimit
}

// spares reports whether those who wait at k's gate, or are leaving it, are not
// before a request that does not wait there.
func (k *keyState) spares(a *ask) bool {
	if k.gate != nil {
		return a.passes(k.gate)
	}
	return k.ramp != nil && k.ramp.spares(a)
}

// alarm sees to it that w, if a gate holds it back, does not wait there for longer
// than it may.
func (h *host) alarm(w *waiter, t monotime.Instant) {
	if w.at == nil || w.at.gate == nil || w.ask.passes(w.at.gate) {
		return
	}
	if !w.gated {
		w.gated = true
		w.patience(t, w.at.gate)
	}
	if w.alarm != nil {
		w.alarm.Stop()
	}
	w.alarm = time.AfterFunc(max(w.gateEnd().Sub(t), 0), func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		defer h.publish()
		h.waitedEnough(w, monotime.Now())
	})
}

// alarmAll is alarm for all who wait for k, whose gate was shut just now.
func (k *keyState) alarmAll(t monotime.Instant) {
	for _, w := range k.queue {
		k.host.alarm(w, t)
	}
}

// gateEnd is until when w waits at the gate that holds it back.
func (w *waiter) gateEnd() monotime.Instant {
	if w.at.gate.ofLimit {
		return w.pauseEnd
	}
	return w.outageEnd
}

// waitedEnough ends w's wait at a gate. A request that was never sent goes out
// once, as it would without a gate, as soon as the user's limits allow it; of
// another the response in hand is good enough.
func (h *host) waitedEnough(w *waiter, t monotime.Instant) {
	k := w.at
	switch {
	case k == nil || k.gate == nil || w.ask.passes(k.gate):
		return // it has gone, or waits for something else by now
	case t < w.gateEnd():
		h.alarm(w, t) // the gate has another reason by now
		return
	}
	w.dequeue()
	if w.ask.Repeat || k.gate.ofLimit {
		h.end(w, t, limit.Permit{}, w.gateRefusal(k.gate))
	} else {
		w.ask.spent = true
		h.place(w, t)
	}
	k.run(t)
}

// gateRefusal is the refusal of a request that has waited at g for long enough.
func (w *waiter) gateRefusal(g *gate) error {
	reason := w.why + ": not back within OutageWait"
	if g.ofLimit {
		reason = w.why + ": it lasts longer than the request may wait for limits"
	}
	return &limit.Refusal{Reason: reason, Err: w.permit.gateError()}
}
