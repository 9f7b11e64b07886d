package steadyhttp

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/steadyhttp/steadyhttp/internal/dialect"
)

// decide says whether there is another attempt, and when.
func (r *retry) decide(resp *http.Response) Decision {
	d := r.decision(resp)
	r.inVain = !d.Again && r.made > 1 && r.unwise(resp) == ""
	return d
}

func (r *retry) decision(resp *http.Response) Decision {
	d := Decision{Attempt: r.made, Error: r.verdict}
	d.Why = r.impossible(resp)
	switch {
	case d.Why != "":
		return d
	case r.bodyWasSpent(): // at once: nothing was wrong but the body
	case r.repeated:
		d.Why = "the client retries this request itself"
	case r.again:
		d.Wait, d.Why = r.wait(resp)
	default:
		if d.Why = r.unwise(resp); d.Why == "" {
			d.Wait, d.Why = r.wait(resp)
		}
	}
	d.Again = d.Why == ""
	if r.Decide != nil {
		again, wait := r.Decide(r.req, d)
		if !again && d.Again {
			d.Why = "Retrier.Decide ended the attempts"
		}
		d.Again, d.Wait = again, max(wait, 0)
	}
	if !d.Again {
		return d
	}
	d.Why = r.tooLate(d.Wait, resp)
	if d.Why == "" && !r.affordable(resp) {
		d.Why = "the retry budget for this host is used up"
	}
	d.Again = d.Why == ""
	return d
}

// impossible says why there can be no further attempt, whoever wants one.
func (r *retry) impossible(resp *http.Response) string {
	switch why := ended(r.req); {
	case errors.Is(why, context.DeadlineExceeded):
		return "the deadline passed"
	case why != nil:
		return "the caller gave up"
	case r.made >= r.allowed(resp) && r.made == 1:
		return "only one attempt was allowed"
	case r.made >= r.allowed(resp):
		return fmt.Sprintf("%d attempts were made, as many as allowed", r.made)
	case r.triedAll(resp):
		return fmt.Sprintf("%d requests were made, as many as allowed with all targets", r.tries)
	case !r.replayable():
		return "the request body cannot be sent again: it has no GetBody and is larger than MaxBufferedBody"
	}
	return ""
}

// longWindow is the window from which on a limit is not waited for unless the
// server says how long: nobody waits for an hour on a guess.
const longWindow = time.Hour

// unwise says why a further attempt would be useless or do harm.
func (r *retry) unwise(resp *http.Response) string {
	e := r.verdict
	switch {
	case r.call.gaveUpOn(resp), resp == nil && r.late && r.call.gaveUpWith(e.Err):
		return "an inner Retrier gave up already"
	case errors.Is(e, ErrThrottled):
		return "the Throttler refused to send it"
	case e.repeat == dialect.Never:
		return "the server says not to retry"
	case e.Status == http.StatusMisdirectedRequest:
		return "the connection is not one for this host, and the base may choose it again"
	case resp != nil && asksHealth(r.req):
		return "the request asks for somebody's health, and this is the answer"
	case r.firstStillRuns(resp):
		return ""
	case e.Status == http.StatusGatewayTimeout && onlyIfCached(r.req):
		return "no cache has the response, and the request asks for nothing else"
	case r.walk != nil && !e.Class.Retryable() && e.leaves() != 0 && e.mayBeDone() && !r.repeatableAway():
		return "the server may have carried it out, and doing it again at another target may do harm"
	case !e.Class.Retryable() && !r.saidToBeRetryable():
		return e.Class.String() + " is not retryable"
	case e.Class == RateLimit && e.Window >= longWindow && e.RetryAfterSource == "":
		return fmt.Sprintf("the window of the limit is %s and the server does not say when to retry", inWords(e.Window))
	case e.Fate == FateApplied, e.Fate == FateUnknown && !r.repeatable():
		return "the server may have carried it out, and repeating it may do harm"
	case r.inDoubt(e):
		return "the status is that of a success, and the error in the body may be what was asked for"
	}
	if proof := r.spentProof(); proof != "" {
		return "the request carries " + proof + ", which works once; set Prepare to make another"
	}
	return ""
}

// saidToBeRetryable reports whether the answer itself says that a repeat helps,
// although its class does not. A server that is not known to mean it is believed
// where nothing is written, and one that names what ends by itself where the request
// may be repeated.
func (r *retry) saidToBeRetryable() bool {
	switch r.verdict.repeat {
	case dialect.Always:
		return true
	case dialect.Reads:
		return reads(r.req.Method)
	case dialect.Passing:
		return r.repeatable()
	}
	return false
}

// bodyWasSpent reports whether the first attempt failed because somebody had
// read the request's body before us, as some SDKs' own retries do. GetBody has
// it still, and a server that knows the length can tell that the request was
// cut short. Where nobody watched, because the request may be repeated anyway,
// an error of a kind that nobody knows is given one chance.
func (r *retry) bodyWasSpent() bool {
	if r.sends > 1 || r.verdict.Status != 0 || r.verdict.Err == nil || r.verdict.Class != Unknown || !hasBody(r.req) || r.source != nil {
		return false
	}
	if sent := r.current.sent; sent != nil {
		return sent.short.Load()
	}
	// No body could help a request that cannot be sent at all.
	u := r.req.URL
	return r.repeatable() && u != nil && u.Host != "" && (u.Scheme == "http" || u.Scheme == "https")
}

// wait says how long to wait before another attempt, or why not to.
func (r *retry) wait(resp *http.Response) (d time.Duration, why string) {
	e := r.verdict
	if r.backoff == nil {
		class := e.Class
		if r.again {
			class = Connection
		}
		r.backoff = r.newBackOff(class)
	}
	if d = r.backoff.NextBackOff(); d < 0 {
		return 0, "the BackOff policy returned Stop"
	}
	asked := max(time.Until(e.NotBefore), 0)
	if r.walk != nil {
		asked = min(asked, r.back)
	}
	if e.Class == RateLimit && asked == 0 && r.call.heldAfter(resp) {
		d /= heldShare
	}
	if e.RetryAfterSource == "" {
		if r.ofOutage(resp) {
			d = r.patience().fit(d)
		}
		return d, ""
	}
	r.pauses++
	if asked > r.maxWait() {
		return 0, fmt.Sprintf("the server asked for a wait of %s, longer than MaxWait", e.RetryAfter)
	}
	return asked + min(d, maxSpread), ""
}

// heldShare of its wait is left to a call that a limit refused, where a Throttler
// further in finds out the rate and so decides when it goes.
const heldShare = 5

// affordable takes a retry from the budget. One that a Throttler further in holds
// back until it can succeed is free, and so is one that waits for a second or more
// because the server asked: both add nothing to what the server is ready for, and
// without them patience would be void under load.
func (r *retry) affordable(resp *http.Response) bool {
	if r.verdict.RetryAfterSource != "" && r.verdict.RetryAfter >= time.Second || r.call.heldAfter(resp) {
		return true
	}
	return r.budget().take(hostOf(r.req))
}
