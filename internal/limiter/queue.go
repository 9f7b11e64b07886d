package limiter

import (
	"context"
	"fmt"
	"time"

	"github.com/steadyhttp/steadyhttp/internal/monotime"
	"github.com/steadyhttp/steadyhttp/limit"
)

// A waiter is a request that waits. It stands in the queue of one Key, that which
// holds it back the longest; once it is let go there it may stand in another's, at
// the place of its arrival. So each arrival, departure and cancellation costs
// O(log n), and a request holds back nobody but those behind it under the Key that
// it waits for.
type waiter struct {
	host    *host
	permit  permit
	ask     ask
	number  uint64 // in the order of arrival
	class   int    // of its priority
	came    monotime.Instant
	looked  monotime.Instant // when the Keys that concern it were looked for
	at      *keyState        // in whose queue it stands; nil is none
	index   int              // its place in its class there
	takes   time.Duration    // of that Key's time
	latest  monotime.Instant // when its class there has to be served for it to be in time, but for class.left; 0 if it has no deadline
	promise int              // its place among those who have one
	why     string           // what it waits for

	deadline  monotime.Instant // of its context; Never if there is none
	outageEnd monotime.Instant // until when it waits for a scope that fails
	pauseEnd  monotime.Instant // until when it waits for a pause of a limit
	alarm     *time.Timer      // rings when it has waited for long enough for what does not work
	rings     monotime.Instant // when that is; 0 if it is not set

	waits  bool   // it is counted among those who wait
	gated  bool   // a gate has held it back, and outageEnd and pauseEnd stand
	first  bool   // it stands before those whom the gate of its queue's Key holds back: it does not wait for that
	spared string // see limit.Permit

	done    chan struct{} // closed once what follows stands
	granted limit.Permit
	err     error
}

// before reports whether w is served before v.
func (w *waiter) before(v *waiter) bool {
	if w.first != v.first {
		return w.first
	}
	return w.number < v.number
}

// A queue is those of one class who wait for one Key, first come, first served.
type queue []*waiter

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return q[i].before(q[j]) }
func (q queue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].index, q[j].index = i, j
}
func (q *queue) Push(w any) {
	w.(*waiter).index = len(*q)
	*q = append(*q, w.(*waiter))
}
func (q *queue) Pop() any {
	last := len(*q) - 1
	w := (*q)[last]
	(*q)[last] = nil
	*q = (*q)[:last]
	return w
}

// wait waits for w's turn, and returns the permit.
func (h *host) wait(ctx context.Context, w *waiter, canceled <-chan struct{}, tooLong <-chan time.Time) (limit.Permit, error) {
	select {
	case <-w.done:
	case <-ctx.Done():
		h.giveUp(w, context.Cause(ctx), ctx.Err() == context.DeadlineExceeded)
	case <-tooLong:
		h.waitedTooLong(w)
	case <-canceled:
		deadline, ok := ctx.Deadline()
		h.giveUp(w, context.Canceled, ok && !time.Now().Before(deadline)) // http.Client's Timeout closes it at that moment
	}
	return w.granted, w.err
}

// begins is the wait of w, which stands in no queue yet and which by holds back until at.
func (w *waiter) begins(by *keyState, t, at monotime.Instant) limit.Wait {
	long := by.holdsFor(w, t, at)
	if at <= t+1 || at == monotime.Never && w.why != whyPlaces { // behind others, or nobody knows
		long = 0
	}
	return limit.Wait{Key: w.ask.Key, For: long, Why: w.why, Priority: w.ask.Priority}
}

// tell says that w waits. If who is told panics, w is given up: nobody would settle its
// permit.
func (h *host) tell(w *waiter, begins limit.Wait) {
	told := false
	defer func() {
		if !told {
			h.giveUp(w, context.Canceled, false)
		}
	}()
	w.ask.Waiting(begins)
	told = true
}

// blocker returns the Key that holds w back the longest, and until when; nil if w
// can go. sure is false where it may be sooner or depends on others.
func (w *waiter) blocker(t monotime.Instant) (by *keyState, at monotime.Instant, sure bool) {
	at = t
	w.enter(t)
	w.ask.routeOK = w.permit.routeOK()
	for i := range w.permit.held {
		k := w.permit.held[i].state
		if k == nil {
			break
		}
		// Who comes anew, or from another queue, is behind those who came before.
		var ahead load
		behind := false
		if k.line != nil && k != w.at {
			ahead, behind = k.ahead(t, w)
		}
		then, isSure, why := k.next(t, &w.ask, &ahead)
		if then <= t && behind {
			then, isSure, why = t+1, false, k.line.oldest().why
		}
		if then > at {
			by, at, sure, w.why = k, then, isSure, why
		}
	}
	return by, at, sure
}

// enter has w hold on to the Keys that concern it: when it comes, and anew when
// there are others since. Who waits for the first responses is under the limits
// that they state.
func (w *waiter) enter(t monotime.Instant) {
	if w.looked > w.host.keys.made {
		return
	}
	w.looked = t
	before := w.permit.n()
	w.host.enter(&w.ask.Ask, &w.permit, t, w.ask.peeks)
	if w.waits {
		w.count(before, 1)
	}
}

// place lets w go, which stands in no queue, or queues it where it has to wait.
func (h *host) place(w *waiter, t monotime.Instant) {
	by, at, _ := w.blocker(t)
	if by == nil {
		h.letGo(w, t)
		return
	}
	by.queueUp(w, t, at)
}

// queueUp has w wait for k, until at as it seems now. If it is only behind others, who
// have their turn at a moment that is set, so has it then: at gates it may be the one
// that is looked at next in two lines and behind others in both, and would go from one
// to the other and back at each moment.
func (k *keyState) queueUp(w *waiter, t, at monotime.Instant) {
	behind := k.timer != nil && at <= t+1
	k.enqueue(w)
	k.host.alarm(w, t)
	if behind && k.gate == nil || k.head(t) != w {
		return
	}
	if g := k.gate; g != nil && g.mayTry(t, &w.ask, !k.tried.has(&w.ask)) {
		if by, _, _ := w.blocker(t); by == nil { // none of its like was there before
			w.dequeue()
			k.host.letGo(w, t)
			return
		}
	}
	if !behind {
		k.arm(t, at)
	}
}

// run lets those go who can of those who wait for k. It requires the host's lock
// held.
func (k *keyState) run(t monotime.Instant) {
	for k.line != nil {
		w := k.head(t)
		by, at, sure := w.blocker(t)
		switch {
		case by == nil:
			w.dequeue()
			k.host.letGo(w, t)
		case sure && at >= w.deadline && w.deadline < monotime.Never && !by.gateIsShort():
			err := k.host.lateError(w, at.Sub(t))
			w.dequeue()
			k.host.end(w, t, limit.Permit{}, err)
		case by != k:
			w.dequeue()
			by.queueUp(w, t, at)
		default:
			k.host.alarm(w, t)
			k.arm(t, at)
			return
		}
	}
}

// maxLook bounds among how many a probe is looked for: in a heap the first places
// have those who came early.
const maxLook = 64

// head is who goes next: the first, but as a probe of what fails one of the lowest
// class, which nobody waits for. Of that it is one of the first whose request may be
// repeated, or if the latest probe's caller gave up, who has the most time of those
// that came last. Where only one goes to see whether others can, it is one of the first
// of whose like none is known to have failed.
func (k *keyState) head(t monotime.Instant) *waiter {
	g := k.gate
	if g == nil || g.ofLimit || k.line.first() != nil {
		w, due := k.line.next(t)
		if _, shut := k.letsNothingIn(); (g != nil || shut) && !w.first {
			w = k.untried(w)
		}
		w.ask.due = due
		return w
	}
	lowest := 0
	for len(k.line.classes[lowest].queue) == 0 {
		lowest++
	}
	q := k.line.classes[lowest].queue
	best := q[0]
	if g.lost {
		for _, w := range q[max(len(q)-maxLook, 0):] {
			if (w.ask.Repeatable || !best.ask.Repeatable) && w.deadline > best.deadline {
				best = w
			}
		}
		return best
	}
	for _, w := range q[:min(len(q), maxLook)] {
		if w.ask.Repeatable && (!best.ask.Repeatable || w.number < best.number) {
			best = w
		}
	}
	return k.untried(best)
}

// untried returns who goes in place of w, the first of its class: the first of whose
// like none is known to have failed, if there is one, and repeating it does no more
// harm. A crowd of one kind is passed over: those who came last are looked at too.
func (k *keyState) untried(w *waiter) *waiter {
	if !k.tried.has(&w.ask) {
		return w
	}
	best := w
	q := k.line.classOf(w).queue
	early := q[:min(len(q), maxLook)]
	late := q[max(len(q)-maxLook, len(early)):]
	for _, some := range [...]queue{early, late} {
		for _, v := range some {
			if !k.tried.has(&v.ask) && (v.ask.Repeatable || !w.ask.Repeatable) && (best == w || v.before(best)) {
				best = v
			}
		}
	}
	return best
}

// gateIsShort reports whether what holds k back is a gate at which a request waits
// only until its outageEnd.
func (k *keyState) gateIsShort() bool { return k != nil && k.gate != nil && !k.gate.ofLimit }

// arm has k's queue run at that moment.
func (k *keyState) arm(t, at monotime.Instant) {
	if k.gate != nil {
		at = min(at, k.gate.nextTry(t, !k.tried.has(&k.head(t).ask)))
	}
	for i := range k.strangers { // one may be among those who wait
		if s := &k.strangers[i]; s.until > t {
			at = min(at, s.until)
		}
	}
	if k.due != 0 && k.due <= at && k.due > t {
		return // the earlier run will see to it
	}
	if k.disarm(); at == monotime.Never {
		return
	}
	k.due = at
	k.timer = time.AfterFunc(max(at.Sub(t), 0), func() {
		k.host.mu.Lock()
		defer k.host.mu.Unlock()
		if k.due != at {
			return
		}
		k.due, k.timer = 0, nil
		k.run(monotime.Now())
		k.host.publish()
	})
}

func (k *keyState) disarm() {
	if k.timer != nil {
		k.timer.Stop()
	}
	k.timer, k.due = nil, 0
}

// letGo gives w its permit.
func (h *host) letGo(w *waiter, t monotime.Instant) {
	for i := range w.permit.n() {
		if _, shut := w.permit.held[i].state.letsNothingIn(); shut {
			w.gated = true // it goes to see whether that is over
		}
	}
	if !w.ask.Repeat && w.ask.MaxWait != 0 {
		w.permit.arrive(t)
	}
	w.goes(t)
	h.end(w, t, h.grant(&w.permit, &w.ask.Ask), nil)
}

// goes has w go, before those who wait still.
func (w *waiter) goes(t monotime.Instant) {
	w.permit.of = w.ask.of
	w.permit.take(t, &w.ask)
	for i := range w.permit.n() {
		w.permit.held[i].state.passed(w)
	}
}

// end tells w how its wait ended. It requires h.mu held, and w in no queue.
func (h *host) end(w *waiter, t monotime.Instant, granted limit.Permit, err error) {
	w.count(0, -1)
	if err != nil {
		w.permit.leave()
	}
	if w.alarm != nil {
		w.alarm.Stop()
	}
	w.granted, w.err = granted, err
	w.granted.Waited, w.granted.Why, w.granted.Gated, w.granted.Spared = t.Sub(w.came), w.why, w.gated, w.spared
	close(w.done)
}

// giveUp ends w's wait with why, or because its deadline passed. If the wait has
// ended meanwhile, a permit that it got is given back.
func (h *host) giveUp(w *waiter, why error, late bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	defer h.publish()
	t := monotime.Now()
	select {
	case <-w.done:
		if w.err != nil {
			return
		}
		kept := limit.Permit{Waited: w.granted.Waited, Why: w.granted.Why, Gated: w.granted.Gated}
		h.giveBack(&w.granted, t)
		w.granted = kept
		if w.err = why; late {
			w.err = h.lateError(w, 0)
		}
		return
	default:
	}
	if late {
		why = h.lateError(w, 0)
	}
	h.withdraw(w, t, why)
}

// withdraw ends the wait of w, which stands in a queue.
func (h *host) withdraw(w *waiter, t monotime.Instant, why error) {
	k, first := w.at, w.index == 0
	w.dequeue()
	h.end(w, t, limit.Permit{}, why)
	if first {
		k.run(t)
	}
}

// giveBack undoes what a permit took whose request was not sent.
func (h *host) giveBack(granted *limit.Permit, t monotime.Instant) {
	p := h.permits[granted.ID&(1<<32-1)]
	for i := range p.held {
		k := p.held[i].state
		if k == nil {
			break
		}
		k.untake(p)
		k.probeLost(t, p, i)
	}
	held := p.held
	h.free(granted.ID)
	for i := range held {
		if k := held[i].state; k != nil {
			k.run(t)
		}
	}
}

// lateError is the refusal of a request whose turn would come too late.
func (h *host) lateError(w *waiter, wait time.Duration) error {
	r := &limit.Refusal{Reason: w.why + ": no turn before the deadline", Late: true, Err: w.permit.gateError()}
	if wait > 0 {
		r.Reason = fmt.Sprintf("%s: a wait of %s would exceed the deadline", w.why, wait.Round(time.Millisecond))
	}
	return r
}

// gateError returns what closed the gate that p stands at and that opens last; nil
// if none is closed for a reason that is known.
func (p *permit) gateError() (err error) {
	var until monotime.Instant
	for i := range p.held {
		if k := p.held[i].state; k != nil && k.gate != nil && k.gate.err != nil && k.gate.until > until {
			err, until = k.gate.err, k.gate.until
		}
	}
	return err
}
