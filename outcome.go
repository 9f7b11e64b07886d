package steadyhttp

import (
	"errors"
	"math"
	"math/rand/v2"
	"net/http"
	"slices"
	"time"

	"github.com/steadyhttp/steadyhttp/internal/monotime"
)

// serverErrorWait is how long a call waits before it repeats the first 500 where it is.
const serverErrorWait = 250 * time.Millisecond

// another reports whether the call goes on after a failure without the Retrier:
// elsewhere at once, or where it is after a wait.
func (r *retry) another(resp *http.Response, err error) (wait time.Duration, ok bool) {
	a := &r.current
	w, e := r.walk, r.verdict
	from := w.places[w.at].name()
	r.call.setTarget(from)
	if !r.cutShort(e) && !e.doubtful && r.learn(e) {
		r.call.logOut(a.req, e, from, spentTime)
	}
	if e.Status == http.StatusNotFound && !e.namesModel() && a.to() != nil && a.to().useless.CompareAndSwap(false, true) {
		r.call.logOut(a.req, e, from, 0) // its URL is wrong, which nobody sees otherwise
	}
	w.failed(failure{place: w.at, walk: r.made, resp: resp, err: err, verdict: e, held: r.call.heldAfter(resp)})
	if e.mayBeDone() && !r.repeatableAway() {
		w.bound = &w.places[w.at]
	}
	if ended(r.req) != nil || !r.replayable() || !r.mayGoOn(e) || r.overdue() || r.triedAll(resp) {
		return 0, false
	}
	if wait, ok = r.whereItIs(); ok {
		w.within = r.via.maxWait()
	} else if wait = 0; !r.choose(r.isNext, r.via.maxWait()) && !r.choose(r.mayTakeOver, math.MaxInt64) {
		return 0, false // none is up: to queue for one that is would be no failure
	}
	r.lastErr = err
	r.keep(resp)
	r.call.logLeft(a.req, e, from, w.places[w.at].name(), wait)
	if ok {
		w.failures = w.failures[:len(w.failures)-1] // this place gets one more chance
	}
	return wait, true
}

// failed keeps f, in place of an earlier failure at the same place. Where the request was
// not sent, what the place answered before tells the caller more.
func (w *walk) failed(f failure) {
	for _, g := range w.failures {
		if g.place == f.place && !g.lost() && errors.Is(f.err, ErrThrottled) {
			g.walk = f.walk
			f = g
			break
		}
	}
	w.failures = append(slices.DeleteFunc(w.failures, func(g failure) bool { return g.place == f.place }), f)
}

// keep holds the response of a failure, unless it is too large.
func (r *retry) keep(resp *http.Response) {
	if r.hold(resp); r.held == resp {
		return
	}
	for i := range r.walk.failures {
		if f := &r.walk.failures[i]; f.resp == resp {
			f.resp = nil
		}
	}
}

// insist looks for a way on where the Retrier, going by the outcome of a walk, has none.
// A target that is not set up well, or fails for good, does not end what the call would
// have waited for without it: a failure in the same walk that passes with time takes the
// place of the outcome, and d that of the decision; else the call goes to a place that
// is out, if there is one, and elsewhere is true.
func (r *retry) insist(d Decision, resp *http.Response, err error) (_ Decision, elsewhere bool, _ *http.Response, _ error) {
	if r.verdict.Class.passes() || !r.mayGoOn(r.verdict) || !r.replayable() || ended(r.req) != nil || r.overdue() {
		return d, false, resp, err
	}
	for i := range r.walk.failures {
		if f := &r.walk.failures[i]; f.walk == r.made && f.verdict.Class.passes() && !f.lost() && r.verdict.Class.Retryable() {
			resp, err = r.turnTo(f, resp)
			return r.decide(resp), false, resp, err
		}
	}
	i := r.soonest(func(i int) bool { return r.isNext(i) && r.mayComeBack(i) })
	if i < 0 || r.triedAll(resp) {
		return d, false, resp, err
	}
	r.keep(resp)
	r.call.logLeft(r.current.req, r.verdict, r.walk.places[r.walk.at].name(), r.walk.places[i].name(), 0)
	r.walk.goTo(i, 0)
	return Decision{}, true, resp, err
}

// mayComeBack reports whether the i-th place is not out for a reason that only a person
// can remove.
func (p *plan) mayComeBack(i int) bool {
	_, _, why := p.via.down.Until(p.walk.places[i].at)
	e, ok := why.(*Error)
	return !ok || e.Class.Retryable()
}

// mayGoOn reports whether another try does no harm, and answers what was asked.
func (r *retry) mayGoOn(e *Error) bool {
	if e.Status != 0 && asksHealth(r.req) {
		return false
	}
	return e.Fate != FateApplied && !r.inDoubt(e) && (!e.mayBeDone() || r.repeatable())
}

// mayBeDone reports whether the request may have been carried out. By RFC 9110, 15.5.2,
// a 401 says that it was not.
func (e *Error) mayBeDone() bool {
	return e.Fate == FateApplied || e.Fate == FateUnknown && e.Status != http.StatusUnauthorized
}

// isNext reports whether the call can go to the i-th place in the walk that is under
// way.
func (p *plan) isNext(i int) bool {
	for _, f := range p.walk.failures {
		if f.walk == p.walk.number && (f.place == i || !p.mayFollow(i, f)) {
			return false
		}
	}
	return p.fitting(i)
}

// whereItIs says how long a call waits to try again where it failed, if it does: once
// for a short pause that was asked for, and once for a first 500.
func (r *retry) whereItIs() (time.Duration, bool) {
	w, e := r.walk, r.verdict
	switch {
	case w.probe || e.leaves() == 0, w.places[w.at].to == nil && r.spentProof() != "":
		return 0, false
	case e.Class.passes() && e.RetryAfterSource != "" && e.RetryAfter <= r.via.maxWait() && !w.waited:
		w.waited = true
		wait := max(time.Until(e.NotBefore), 0)
		wait += rand.N(wait/10 + 1)
		return wait, r.inTime(wait)
	case e.Class == ServerError && e.Status == http.StatusInternalServerError && len(w.failures) == 1 && r.made == 1 && !w.waited:
		w.waited = true
		return serverErrorWait, r.inTime(serverErrorWait)
	}
	return 0, false
}

func (r *retry) inTime(wait time.Duration) bool {
	deadline, ok := r.req.Context().Deadline()
	return !ok || time.Until(deadline) > 2*wait // else the target is the better bet
}

// overdue reports whether a MaxElapsed that is set is over. Its default is for repeats
// and not for other places: who waited minutes for an answer has one coming there.
func (r *retry) overdue() bool {
	return (r.MaxElapsed > 0 || r.policy.MaxElapsed > 0) && r.patience().elapsed <= 0
}

// cutShort reports whether e is due to a caller who had too little time, which shows
// nothing of the place.
func (r *retry) cutShort(e *Error) bool {
	return e.Status == 0 && ended(r.req) != nil && monotime.Now().Sub(r.start) < longSilence
}

// longSilence is how long a place has to say nothing before the end of a caller's time
// counts as its failure: models that think answer within that.
const longSilence = 10 * time.Second

// outcome ends a walk: all places have failed or are out. It returns the failure that
// the Retrier decides on, and the caller gets if nothing follows: of those that pass
// the one of the place that will be back first.
func (r *retry) outcome(resp *http.Response, err error) (*http.Response, error) {
	w := r.walk
	last := &w.failures[len(w.failures)-1]
	best := last
	final := resp != nil && !failed(resp) && !r.verdict.Class.Retryable() // its status says that it was done
	if !final && r.mayGoOn(r.verdict) && r.verdict.Class != ContentPolicy && r.verdict.Class != Canceled && ended(r.req) == nil {
		best = nil
		for i := range w.failures {
			if f := &w.failures[i]; f.walk == r.made && (best == nil || f.better(best)) {
				best = f // of equals the first in order
			}
		}
	}
	if r.back = r.backIn(best.verdict); best == last {
		return resp, err
	}
	return r.turnTo(best, resp)
}

// turnTo makes f the failure that the Retrier decides on, in place of the one with resp.
func (r *retry) turnTo(f *failure, resp *http.Response) (*http.Response, error) {
	w := r.walk
	if resp != nil {
		bodyOf(resp).Close()
	}
	r.call.logPassedOver(r.req, r.verdict, w.places[w.at].name())
	w.at, r.back = f.place, r.backIn(f.verdict)
	r.call.handUp(f.verdict, r.verdict)
	r.latest = None
	r.verdict, r.lastErr, r.looked = f.verdict, f.err, nil
	r.held, r.heldVerdict = f.resp, f.verdict
	r.call.find(finding{about: f.resp, verdict: f.verdict})
	if f.held {
		r.call.setHeld(f.resp)
	}
	r.call.setTarget(w.places[w.at].name())
	return f.resp, f.err
}

// lost reports whether the response could not be kept.
func (f *failure) lost() bool { return f.resp == nil && f.err == nil }

// better reports whether f is to be handed up rather than g: what passes before what
// does not, and what passes sooner; of what does not pass what the request as it is
// met, since that is what its caller wrote.
func (f *failure) better(g *failure) bool {
	switch {
	case f.lost() || g.lost():
		return !f.lost()
	case f.verdict.Class.Retryable() != g.verdict.Class.Retryable():
		return f.verdict.Class.Retryable()
	case !f.verdict.Class.Retryable():
		return f.place == 0 && g.place != 0
	}
	return f.verdict.NotBefore.Before(g.verdict.NotBefore)
}

// backIn is how long it takes until a place is back where the call may go: that of e,
// which asks for a wait, or another.
func (r *retry) backIn(e *Error) time.Duration {
	soonest := max(time.Until(e.NotBefore), 0)
	for i := range r.walk.places {
		if !r.isNext(i) {
			continue
		}
		isDown, left, _ := r.via.down.Until(r.walk.places[i].at)
		if wait := max(left, r.plan.wait(i)); wait > 0 || !isDown {
			soonest = min(soonest, wait)
		}
	}
	return soonest
}
