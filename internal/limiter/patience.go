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

	// Of a short time a tenth is less than an answer takes. A call that was never sent
	// has half of it left, half a second at the most.
	ShortSpare = 500 * time.Millisecond
)

// patience works out until when w waits at gates. It begins with the first that
// holds it back, g: what it has waited in a queue before has nothing to do with an
// outage.
func (w *waiter) patience(t monotime.Instant, g *gate) {
	since := t
	if g.failing {
		since = g.shut
	}
	w.outageEnd = t.Add(w.outageWait(t.Sub(since)))
	if !g.failing && !g.ofLimit && w.ask.OutageWait == 0 {
		w.outageEnd = max(w.outageEnd, g.until.Add(MinGoodSign)) // one pause is waited out
	}
	w.outageEnd = min(w.outageEnd, w.lastMoment())
	w.pauseEnd = t.Add(MaxPause)
	if w.ask.MaxPause > 0 {
		w.pauseEnd = t.Add(w.ask.MaxPause)
		w.outageEnd = min(w.outageEnd, w.pauseEnd)
	}
}

// outageWait is how long w waits for an outage that has lasted for so long.
func (w *waiter) outageWait(lasted time.Duration) time.Duration {
	patience := OutageWaitNoDeadline
	if w.deadline < monotime.Never {
		patience = OutageWait
	}
	if lasted > LongOutage {
		patience = min(patience, ShortOutageWait)
	}
	if w.ask.OutageWait > 0 {
		patience = w.ask.OutageWait
	}
	return patience
}

// Spare is how long before its deadline a call that was not sent so far goes, if it had
// so much time when it came: its caller has to read the answer.
func Spare(of time.Duration) time.Duration {
	return min(max(of/SpareShare, min(of/2, ShortSpare)), MaxSpare)
}

// lastMoment is when w must go to have a response by its deadline.
func (w *waiter) lastMoment() monotime.Instant {
	if w.deadline == monotime.Never {
		return monotime.Never
	}
	return w.deadline - monotime.Instant(Spare(w.deadline.Sub(w.came)))
}

// patientUntil is until when w waits for what holds it back, if that is a gate or
// a server that lets nothing in; else Never: in a queue whose requests are being
// answered well it waits until its deadline.
func (w *waiter) patientUntil(t monotime.Instant) monotime.Instant {
	k := w.at
	if k == nil || w.ask.Inference == limit.Off {
		return monotime.Never
	}
	if g := k.gate; g != nil && !w.ask.passes(g) {
		if !w.gated {
			w.gated = true
			w.patience(t, g)
		}
		if g.ofLimit {
			return w.pauseEnd
		}
		return w.outageEnd
	}
	if since, shut := k.letsNothingIn(); shut && !w.ask.spent {
		from := max(w.came, since)
		return min(from.Add(w.outageWait(from.Sub(since))), w.lastMoment())
	}
	if k.finder != nil && k.finder.Engaged() && !w.ask.overdue && !w.ask.Repeat {
		return w.lastMoment()
	}
	return monotime.Never
}

// letsNothingIn reports whether a limit that nobody states refuses all requests,
// and since when. Who waits for it waits as for an outage.
func (k *keyState) letsNothingIn() (since monotime.Instant, ok bool) {
	if k.finder == nil {
		return 0, false
	}
	return k.finder.Shut()
}

// sparedRate reports whether a does not wait for what k's finder holds back: where nothing
// is let in it has waited for long enough, or its time is up and a rate is not reason enough.
func (k *keyState) sparedRate(t monotime.Instant, a *ask) bool {
	if k.finder == nil || !k.finder.Engaged() {
		return false
	}
	if _, shut := k.finder.Shut(); shut {
		return a.spent
	}
	return a.overdue && k.finder.LetsOverdue(t)
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

// alarm sees to it that w does not wait for longer than it may.
func (h *host) alarm(w *waiter, t monotime.Instant) {
	end := w.patientUntil(t)
	if end == monotime.Never || end == w.rings {
		return
	}
	if w.alarm != nil {
		w.alarm.Stop()
	}
	w.rings = end
	w.alarm = time.AfterFunc(max(end.Sub(t), 0), func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		defer h.publish()
		if w.rings == end {
			w.rings = 0
			h.waitedEnough(w, monotime.Now())
		}
	})
}

// alarmAll is alarm for all who wait for k, of which nothing is let in any more.
func (k *keyState) alarmAll(t monotime.Instant) {
	for w := range k.line.all {
		k.host.alarm(w, t)
	}
}

// waitedEnough ends w's wait for what does not work. A request that was never sent
// goes out once, as it would without us, as soon as the user's limits allow it; of
// another the response in hand is good enough.
func (h *host) waitedEnough(w *waiter, t monotime.Instant) {
	switch end := w.patientUntil(t); {
	case end == monotime.Never:
		return // it has gone, or waits for something else by now
	case t < end:
		h.alarm(w, t) // for another reason
		return
	}
	k := w.at
	w.dequeue()
	w.gated = true
	if ofLimit := k.gate != nil && k.gate.ofLimit; w.ask.Repeat || ofLimit {
		h.end(w, t, limit.Permit{}, w.gateRefusal(ofLimit))
	} else {
		w.ask.spent, w.ask.overdue = true, t >= w.lastMoment()
		h.place(w, t)
	}
	k.run(t)
}

// gateRefusal is the refusal of a request that has waited at a gate for long
// enough.
func (w *waiter) gateRefusal(ofLimit bool) error {
	reason := w.why + ": not back within OutageWait"
	if ofLimit {
		reason = w.why + ": it lasts longer than the request may wait for limits"
	}
	return &limit.Refusal{Reason: reason, Err: w.permit.gateError()}
}
