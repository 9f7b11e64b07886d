package steadyhttp

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v4"

	"github.com/steadyhttp/steadyhttp/internal/peek"
)

// A retry is one call whose first attempt failed.
type retry struct {
	plan
	call *call

	repeated bool // by a loop further out, which says so or handed it in before

	late         bool // the record was opened after the first attempt, and so unseen by it
	made         int  // how many attempts
	tries        int  // how many requests: an attempt may go to several places
	pauses       int  // that servers asked for
	backoff      backoff.BackOff
	failedAt     time.Time     // when the first attempt had failed
	queuedBefore time.Duration // how long the call was queued for limits until then
	lastErr      error         // of the last attempt, nil for a response
	verdict      *Error        // on the last attempt, or on that of a walk which decides
	latest       Class         // of the last attempt; None if that is on record
	again        bool          // the last attempt's error may have been a proxy's refusal: the next will show
	unknown      bool          // an attempt before the last may have been carried out
	inVain       bool          // we repeated until a bound was reached, and could have gone on but for it
	looked       *peek.Body    // what was looked at for it, nil for nothing
	back         time.Duration // until there is a place to go to, if the call may go to several

	// The last answer, off the wire but still readable, and the verdict on it;
	// nil if there was none or it was too large to keep.
	held        *http.Response
	heldVerdict *Error
}

// run decides about the first attempt's outcome, then makes further ones until
// one succeeds or must be the last.
func (r *retry) run(resp *http.Response, err error) (*http.Response, error) {
	defer r.lastAttempt()
	r.repeated = repeatedFurtherOut(r.req) || r.givenUp.Has(r.req, r.began)
	r.failedAt = time.Now()
	_, r.queuedBefore = r.call.heldSoFar()
	r.warnOfNoTarget()
	for {
		var n next
		if n, resp, err = r.after(resp, err); n.over {
			return resp, err
		}
		r.call.setPatience(r.patience(), r.held != nil || r.lastErr != nil)
		if err := r.sleep(n.wait); err != nil {
			return r.endWaiting(err)
		}
		if !n.elsewhere {
			r.made++
			if r.walk != nil {
				r.beginAgain()
			}
		}
		var sent bool
		if sent, resp, err = r.send(r.made, r.call, r.sending); !sent {
			return r.endUnsent(err)
		}
		if err == nil && succeeded(resp) {
			return r.success(resp), nil
		}
	}
}

// warnOfNoTarget says once that a Failover has no target for such requests, where one
// was wanted.
func (r *retry) warnOfNoTarget() {
	if via := r.via; !r.walks() && via != nil && via.hasNoneFor(r.req) && via.strange.CompareAndSwap(false, true) {
		r.call.logNoTarget(r.req)
	}
}

// next is what follows an attempt that failed.
type next struct {
	over      bool          // nothing: the call ends
	wait      time.Duration // before the next attempt
	elsewhere bool          // it goes to another place, and is a part of the same attempt
}

// after judges an attempt that failed and decides what follows. If that is nothing,
// the call ends with the response and the error that it returns.
func (r *retry) after(resp *http.Response, err error) (next, *http.Response, error) {
	if err == nil && verdictOn(resp) == nil {
		resp = apart(resp)
	}
	r.unknown = r.unknown || r.verdict != nil && r.verdict.mayBeDone()
	r.verdict = r.judge(resp, err)
	r.latest = r.verdict.Class
	r.tries++
	if r.walk != nil {
		if wait, elsewhere := r.another(resp, err); elsewhere {
			return next{wait: wait, elsewhere: true}, resp, err
		}
		resp, err = r.outcome(resp, err)
	}
	if (err != nil || r.verdict.Err != nil) && r.held != nil && r.outOfTime(r.verdict) {
		if resp != nil {
			resp.Body.Close() // it broke off
		}
		return over(r.endHeld("no further response came in time"))
	}
	if err != nil && r.lastErr != nil && errors.Is(err, ErrThrottled) {
		return over(r.endError(r.lastErr, "no further attempt could be sent in time"))
	}
	r.lastErr = err
	d, elsewhere := r.decide(resp), false
	if !d.Again && r.walk != nil {
		d, elsewhere, resp, err = r.insist(d, resp, err)
	}
	switch {
	case elsewhere:
	case !d.Again:
		return over(r.end(resp, err, d.Why))
	default:
		r.hold(resp)
		r.call.logAttempt(r.req, r.number(), r.verdict, d.Wait)
	}
	return next{wait: d.Wait, elsewhere: elsewhere}, resp, err
}

func over(resp *http.Response, err error) (next, *http.Response, error) {
	return next{over: true}, resp, err
}

// success ends the call with a response that is none to repeat; a base may have given
// none at all.
func (r *retry) success(resp *http.Response) *http.Response {
	if resp != nil {
		if f, _ := known(resp); f.about == nil {
			r.call.find(finding{about: resp})
		}
		r.call.attach(resp, r.current.req)
	}
	r.answered(r.call, resp)
	return resp
}

// number is that of the last attempt, from 1 on: a walk has several.
func (r *retry) number() int {
	if r.walk != nil {
		return r.call.attempt()
	}
	return r.made
}

// sending notes that another attempt is on its way.
func (r *retry) sending() {
	r.call.addResend(r.verdict, r.latest)
	r.call.setFirstOutput(r.firstOutput(r.bounded && r.made >= r.maxAttempts), r.role != nested, r.leavesSilence())
}

// outOfTime reports whether err says only that there was no time for another
// attempt. The last real answer then tells the caller more than our silence.
// The clock is asked and not the context, since http.Client's Timeout closes
// Request.Cancel at the same moment, and either may come first.
func (r *retry) outOfTime(err error) bool {
	deadline, ok := r.req.Context().Deadline()
	return errors.Is(err, ErrThrottled) || ok && !time.Now().Before(deadline)
}

// endError ends the call with an error that came between two attempts.
func (r *retry) endError(err error, why string) (*http.Response, error) {
	r.call.find(finding{verdict: errorFor(r.req, err)})
	return r.end(nil, err, why)
}

// endWaiting ends a call that was given up while it waited for its next attempt.
func (r *retry) endWaiting(err error) (*http.Response, error) {
	if r.held != nil && r.outOfTime(err) {
		return r.endHeld("the deadline passed during the wait")
	}
	return r.endError(err, "the caller gave up")
}

// endUnsent ends a call whose next attempt could not be made.
func (r *retry) endUnsent(err error) (*http.Response, error) {
	why := "the request could not be prepared again: " + cleanerFor(r.req).Line(innermost(err).Error(), maxDetail)
	switch {
	case r.held != nil:
		return r.endHeld(why)
	case r.lastErr != nil:
		return r.end(nil, r.lastErr, why) // which is why another attempt was wanted
	}
	return r.endError(err, why)
}

func (r *retry) endHeld(why string) (*http.Response, error) {
	r.call.find(finding{about: r.held, verdict: r.heldVerdict})
	return r.end(r.held, nil, why)
}

// end ends the call with what is in hand.
func (r *retry) end(resp *http.Response, err error, why string) (*http.Response, error) {
	if r.role == nested {
		r.call.innerGaveUp(err)
		return resp, err
	}
	r.call.stop(why, resp)
	if r.made > 1 || r.repeated {
		r.givenUp.Add(r.req, r.start)
	}
	if resp == nil {
		return nil, err
	}
	r.call.attach(resp, r.req)
	// Who sends this header would repeat the call once more, and obeys the other.
	// What we only declined may well succeed when the client repeats it.
	if _, ok := r.req.Header["X-Stainless-Retry-Count"]; ok && !r.switchedOff && failed(resp) && (r.inVain || r.verdict.hopeless()) {
		resp.Header = resp.Header.Clone()
		if resp.Header == nil {
			resp.Header = make(http.Header)
		}
		resp.Header.Set("X-Should-Retry", "false")
	}
	return resp, err
}

// judge returns the verdict on an attempt: a Classifier's further in, if it is
// about this very response, else our own.
func (r *retry) judge(resp *http.Response, err error) *Error {
	r.again = false
	if err != nil {
		a, req := &r.current, r.req
		if a.to() != nil {
			req = a.req.WithContext(r.req.Context()) // whose secrets the text may hold
		}
		e := *errorFor(req, err)
		a.sent.judge(&e, req, r.next, err)
		if a.sent == nil && r.harm == byMethod && !reads(r.asked.method) && neverDialed(r.next, err) {
			e.Fate = FateNeverSent
		}
		if e.Class == Unknown && a.sent == nil && mayBeRefusedConnect(req, r.next, err) {
			r.watched, r.again = true, !r.watched // once more, and this time it is watched
		}
		r.call.find(finding{verdict: &e})
		return &e
	}
	f, _ := known(resp)
	if f.verdict == nil {
		f = finding{about: resp, verdict: judge(contextOf(resp), resp, nil)}
		f.body, _ = resp.Body.(*peek.Body)
	}
	if r.metItself(f.verdict) {
		said := *f.verdict
		said.MayBeDone = true
		said.Hint = "An earlier attempt of this call was not answered and may have done what this one was refused: look before you repeat it. " + said.Hint
		f.verdict = &said
	}
	r.call.find(f)
	r.looked = f.body
	return f.verdict
}

// metItself reports whether e may be due to an earlier attempt of the same call:
// one whose fate is unknown, and that would leave just this behind.
func (r *retry) metItself(e *Error) bool {
	if !r.unknown || e.Err != nil {
		return false
	}
	switch r.req.Method {
	case "", http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		return false
	}
	switch e.Status {
	case http.StatusNotFound:
		return r.req.Method == http.MethodDelete
	case http.StatusConflict, http.StatusPreconditionFailed:
		return true
	case http.StatusBadRequest, http.StatusMethodNotAllowed, http.StatusGone, http.StatusRequestedRangeNotSatisfiable, http.StatusUnprocessableEntity:
		// What exists already, a merge that was made, a part that was taken, a version
		// that has moved on: APIs say so with each of them. A model's answer leaves nothing.
		h := harmWithoutKey(r.req)
		return h != modelCall && h != unlisted
	}
	return false
}

// firstStillRuns reports whether e says that an earlier attempt with the same
// idempotency key is being carried out. That passes. The answer that an API keeps
// under the key, and says so of it, is no such thing.
func (r *retry) firstStillRuns(resp *http.Response) bool {
	return r.verdict.Status == http.StatusConflict && r.verdict.MayBeDone && r.sendsKey() &&
		resp != nil && !strings.EqualFold(resp.Header.Get("Idempotent-Replayed"), "true")
}

func (r *retry) sleep(d time.Duration) error {
	if d <= 0 && r.walk != nil {
		return nil // elsewhere at once
	}
	over := sleeping(r.req, d, r.verdict)
	start := time.Now()
	err := sleep(r.req, d)
	waited := time.Since(start)
	r.call.addWait(waited, r.verdict.RetryAfterSource)
	over(waited)
	return err
}

// hold takes a failed response off the wire, so that its connection can serve
// the next attempt, and keeps it readable. If that would take more than 64 KiB
// or a second, response and connection are given up.
func (r *retry) hold(resp *http.Response) {
	if resp == nil {
		return
	}
	look := peek.Look{Max: maxBody, Within: bodyTime}
	if r.looked != nil && !r.looked.Whole() {
		// More was waited for already. It is read through resp.Body all the same,
		// since somebody else's wrapper may have changed what comes out of it.
		look.Max = len(r.looked.Bytes())
	}
	body, ok := resp.Body.(*peek.Body)
	if !ok {
		body = lookAt(r.req.Context(), resp, look)
	}
	err := body.Err() // before Close, which is the end of a Read that is under way
	resp.Body.Close()
	if !failed(resp) && err != nil && err != io.EOF {
		return // it broke off, which is no answer
	}
	r.held, r.heldVerdict = nil, nil
	// Of a stream that began with an error, what follows it tells nothing more.
	if err == io.EOF || !failed(resp) {
		resp.Body = &heldBody{rest: body.Bytes(), atEnd: body.AtEnd}
		r.held, r.heldVerdict = resp, r.verdict
	}
}

// A heldBody is a response body that was read before. As net/http's it gives io.EOF
// with the last bytes.
type heldBody struct {
	rest  []byte
	atEnd func() // nil for nothing
}

func (b *heldBody) Read(p []byte) (int, error) {
	n := copy(p, b.rest)
	if b.rest = b.rest[n:]; len(b.rest) > 0 {
		return n, nil
	}
	if b.atEnd != nil {
		b.atEnd()
		b.atEnd = nil
	}
	return n, io.EOF
}

func (b *heldBody) Close() error { return nil }
