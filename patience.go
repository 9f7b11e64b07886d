package steadyhttp

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"net/http"
	"time"

	"github.com/steadyhttp/steadyhttp/internal/limiter"
	"github.com/steadyhttp/steadyhttp/internal/monotime"
)

// passes reports whether trouble of that class passes with time.
func (c Class) passes() bool {
	switch c {
	case RateLimit, Overloaded, Unavailable, Connection:
		return true
	}
	return false
}

// allowed is how many attempts the call may make, as far as their number decides.
func (r *retry) allowed(resp *http.Response) int {
	if !r.bounded && r.passes(resp) && r.outageWait() > 0 {
		return math.MaxInt // OutageWait bounds them
	}
	return r.maxAttempts
}

// triedAll reports whether a call that failed at all places, by what may not pass, has
// made as many requests as are allowed, and one for each target beside. It would else be
// repeated MaxAttempts times at each.
func (r *retry) triedAll(resp *http.Response) bool {
	allowed := r.allowed(resp)
	if r.walk == nil || allowed == math.MaxInt || r.tries < allowed+len(r.walk.places)-1 {
		return false
	}
	failed := 0
	for _, f := range r.walk.failures {
		if f.verdict.Class.passes() && !r.bounded {
			return false
		}
		failed++
	}
	for i := range r.walk.places {
		if !r.fitting(i) {
			failed++
		}
	}
	return failed >= len(r.walk.places)
}

// passes reports whether the trouble passes with time.
func (r *retry) passes(resp *http.Response) bool {
	return r.verdict.Class.passes() || r.firstStillRuns(resp)
}

func (p *plan) maxWait() time.Duration {
	return orMax(cmp.Or(p.policy.MaxWait, p.MaxWait), defaultMaxWait)
}

func (p *plan) maxElapsed() time.Duration {
	return orMax(cmp.Or(p.policy.MaxElapsed, p.MaxElapsed), defaultMaxElapsed)
}

// outageWait is OutageWait: of those that are set the shortest, else the default;
// negative if it is off.
func (p *plan) outageWait() time.Duration {
	if set := p.outageWaitSet(); set != 0 {
		return set
	}
	if _, ok := p.req.Context().Deadline(); ok {
		return limiter.OutageWait
	}
	return limiter.OutageWaitNoDeadline
}

// outageWaitSet is the shortest OutageWait that is set, here, in the call's policy
// or in a Throttler right below; 0 if none is.
func (p *plan) outageWaitSet() (set time.Duration) {
	for _, d := range [...]time.Duration{p.policy.OutageWait, p.Retrier.OutageWait, outageWaitBelow(p.next)} {
		if d != 0 && (set == 0 || d < set) {
			set = d
		}
	}
	return set
}

// outageWaitBelow is the OutageWait of next, if that is a Throttler.
func outageWaitBelow(next http.RoundTripper) time.Duration {
	var below any = next
	if l, ok := next.(*link); ok {
		below = l.wrapper
	}
	if t, ok := below.(*Throttler); ok && !t.Disabled {
		return t.OutageWait
	}
	return 0
}

// setsPatience reports whether anything is set that bounds how long the first
// attempt of a call may wait in a Throttler.
func (t *Retrier) setsPatience(req *http.Request) bool {
	policy := policyOf(req)
	return t.OutageWait != 0 || policy.OutageWait != 0 || t.MaxElapsed != 0 || policy.MaxElapsed != 0
}

// patience is that of a call before its first attempt.
func (p *plan) patience() patience {
	left := patience{outage: max(p.outageWaitSet(), 0), elapsed: p.maxElapsed(), off: p.outageWait() < 0}
	if left.outage == 0 && left.elapsed < p.outageWait() {
		left.outage = left.elapsed
	}
	return left
}

// A patience is how much longer a call may begin an attempt.
type patience struct {
	outage  time.Duration // while what passes has not passed
	elapsed time.Duration // at all
	off     bool          // outages are not waited for
	cut     bool          // the deadline ends outage sooner than OutageWait
}

// patience works out what is left of the call's patience.
func (r *retry) patience() (p patience) {
	p.off = r.outageWait() < 0
	gated, queued := r.call.heldSoFar()
	since := r.failedAt
	if !gated.IsZero() && gated.Before(since) {
		since = gated
	}
	p.outage = r.outageWait() - time.Since(since) + queued - r.queuedBefore
	if deadline, ok := r.req.Context().Deadline(); ok {
		left := time.Until(deadline)
		whole := left + monotime.Now().Sub(r.start)
		left -= min(whole/limiter.SpareShare, limiter.MaxSpare)
		p.cut = left < p.outage
		p.outage = min(p.outage, left)
	}
	if p.elapsed = r.maxElapsed(); p.elapsed < math.MaxInt64 {
		p.elapsed -= monotime.Now().Sub(r.start) - queued
	}
	return p
}

// fit shortens a wait of the backoff policy's own so that it ends while there is
// patience for another attempt, unless next to nothing is left.
func (p patience) fit(wait time.Duration) time.Duration {
	if wait > p.outage && p.outage > wait/4 {
		return p.outage
	}
	return wait
}

// tooLate says why a wait is too long.
func (r *retry) tooLate(wait time.Duration, resp *http.Response) string {
	left := r.patience()
	if wait > left.elapsed {
		return "MaxElapsed would be over by the next attempt"
	}
	if deadline, ok := r.req.Context().Deadline(); ok && time.Until(deadline) <= wait {
		return fmt.Sprintf("a wait of %s would exceed the deadline", wait.Round(time.Millisecond))
	}
	if r.ofOutage(resp) && wait > left.outage && left.cut {
		return "the deadline would leave no time for the next attempt"
	}
	if r.ofOutage(resp) && wait > left.outage {
		return "OutageWait would be over by the next attempt"
	}
	return ""
}

// ofOutage reports whether OutageWait bounds the next attempt: the reason passes
// with time, and no limit says when. Of a response that is no refusal by a limit,
// one pause is waited out in any case.
func (r *retry) ofOutage(resp *http.Response) bool {
	if r.bounded || !r.passes(resp) || r.outageWait() < 0 {
		return false
	}
	if r.verdict.RetryAfterSource == "" {
		return true
	}
	return r.verdict.Class != RateLimit && r.pauses > 1
}

// setPatience notes until when the next attempt may wait in a Throttler, and
// whether there is an outcome in hand in case that it is not sent.
func (c *call) setPatience(p patience, inHand bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := &c.retries
	r.outageEnd, r.elapsedEnd, r.noGates, r.inHand = time.Time{}, time.Time{}, p.off, inHand
	if p.outage > 0 || inHand {
		r.outageEnd = time.Now().Add(p.outage)
	}
	r.elapsedEnd = time.Now().Add(min(p.elapsed, unbounded))
}

// unbounded is longer than anything lasts, and can be added to any time.
const unbounded = 100 * 365 * 24 * time.Hour

// heldSoFar returns when a gate first held an attempt back, zero if none did, and
// how long the call was queued for limits alone.
func (c *call) heldSoFar() (gatedAt time.Time, queued time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.throttling.gatedAt, c.throttling.queued
}

// patience returns how much longer an attempt may wait in a Throttler for an
// outage, where outageWait is what that Throttler sets, and for pauses; 0 is the
// default, and an outage of -1 is not to wait for one at all. repeat says that an
// earlier attempt's outcome is in hand. c may be nil.
func (c *call) patience(outageWait time.Duration) (outage, pause time.Duration, repeat bool) {
	if c == nil {
		return outageWait, 0, false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.running == 0 {
		return outageWait, 0, false // left over from an earlier call
	}
	if c.retries.noGates || outageWait < 0 {
		return -1, 0, c.retries.inHand
	}
	if end := c.retries.outageEnd; !end.IsZero() {
		outage = max(time.Until(end), 1)
	}
	if since := c.throttling.gatedAt; outageWait > 0 {
		if !since.IsZero() {
			outageWait = max(outageWait-time.Since(since), 1)
		}
		if outage == 0 || outageWait < outage {
			outage = outageWait
		}
	}
	if end := c.retries.elapsedEnd; !end.IsZero() {
		pause = max(time.Until(end), 1)
		if outage > pause {
			outage = pause // MaxElapsed bounds all waits
		}
	}
	return outage, pause, c.retries.inHand
}

// A RetryPolicy changes the settings of a Retrier for one call. A field that is
// zero leaves the Retrier's own setting.
type RetryPolicy struct {
	MaxAttempts int           // as in Retrier: 1 never repeats, negative is no limit
	MaxWait     time.Duration // as in Retrier: negative is no limit
	MaxElapsed  time.Duration // as in Retrier: negative is no limit
	OutageWait  time.Duration // as in Retrier; the shortest that is set counts

	// Idempotent says that doing the request twice does no harm, and
	// NotIdempotent that it may do harm, whatever the method and the headers
	// say. If both are set, NotIdempotent wins. A request that may do harm is
	// repeated only if it was never sent or was refused.
	Idempotent    bool
	NotIdempotent bool
}

type policyKey struct{}

// WithRetry returns a context in which p changes the settings of the Retriers
// that a request passes. It turns retries off for one call, or allows one call
// more of them, without a second client.
func WithRetry(ctx context.Context, p RetryPolicy) context.Context {
	return context.WithValue(ctx, policyKey{}, &p)
}

// noPolicy is that of a call which has none of its own.
var noPolicy RetryPolicy

// policyOf returns what WithRetry says of req's call.
func policyOf(req *http.Request) *RetryPolicy {
	if p, ok := req.Context().Value(policyKey{}).(*RetryPolicy); ok {
		return p
	}
	return &noPolicy
}
