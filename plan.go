package steadyhttp

import (
	"cmp"
	"context"
	"errors"
	"io"
	"math"
	"net/http"
	"time"

	"github.com/steadyhttp/steadyhttp/internal/dialect"
	"github.com/steadyhttp/steadyhttp/internal/inmem"
	"github.com/steadyhttp/steadyhttp/internal/monotime"
	"github.com/steadyhttp/steadyhttp/internal/replay"
)

// A plan is what is decided about one call before its first attempt. All of it
// depends on the settings and on the request as it was handed in, since a base may
// change the request: what was true of it when it went out is believed.
type plan struct {
	*Retrier
	next        http.RoundTripper
	via         *Failover      // by which the request may go elsewhere; nil for none
	req         *http.Request  // as handed in, but for an idempotency key
	asked       asked          // what it is for
	source      *replay.Source // of its body, if that goes by but once and is small enough to be buffered
	body        inmem.Body     // its content, if it stands in memory
	inMemory    bool           // that is known
	fromMemory  bool           // it is sent again from there, since it had no GetBody
	usedUp      bool           // it was read before, and GetBody has it anew
	shown       *shown         // looks at it in passing; nil where it need not
	lender      *lender        // of it, if GetBody has it anew for each attempt
	policy      *RetryPolicy   // of this very call; not nil
	role        role
	harm        harm // of doing it twice, before its body is looked at
	away        harm // of doing it here and again elsewhere, likewise
	watched     bool // an attempt that nobody watched left a doubt that evidence can settle
	switchedOff bool // by its settings it never repeats
	maxAttempts int
	bounded     bool // by maxAttempts, and not by OutageWait
	start       monotime.Instant
	began       monotime.Instant // see givenup

	current      attempt // the one under way, or the last one
	sends        int     // attempts that were made
	conversation string  // that the request belongs to, if it may go elsewhere
	walk         *walk   // nil as long as it goes as it is
	told         int     // where it went last, as far as its Trace knows
}

// make makes the plan of a call. c is its record, nil if it has none.
func (p *plan) make(t *Retrier, req *http.Request, via *Failover, next http.RoundTripper, c *call) {
	p.Retrier, p.via, p.next, p.req = t, via, next, req
	p.asked = askedBy(req)
	p.policy, p.began = policyOf(req), t.givenUp.Began()
	if t.IdempotencyKey != nil {
		p.req = withKey(req, t.IdempotencyKey)
	}
	p.maxAttempts = cmp.Or(p.policy.MaxAttempts, t.MaxAttempts, defaultMaxAttempts)
	p.bounded = p.policy.MaxAttempts != 0 || t.MaxAttempts != 0 || t.BackOff != nil && p.outageWaitSet() == 0
	if p.maxAttempts < 0 {
		p.maxAttempts = math.MaxInt
	}
	if p.switchedOff = p.maxAttempts == 1; !p.switchedOff {
		p.role = c.claim(req)
	}
	if p.role == nested {
		p.maxAttempts, p.bounded = 1, true
	}
	p.harm = p.harmByRules()
	if p.away = p.harm; via != nil {
		p.away = p.harmAway()
	}
	if hasBody(req) {
		p.planBody(req)
	}
}

// planBody decides how the body of req is sent, and sent again.
func (p *plan) planBody(req *http.Request) {
	p.body, p.inMemory = inMemory(req, false)
	p.usedUp = !p.inMemory && p.resends() && usedUp(req)
	if req.GetBody != nil || !p.resends() || req.Context().Err() != nil {
		return
	}
	p.fromMemory = p.inMemory
	if maxBytes := orMax64(p.MaxBufferedBody, defaultMaxBufferedBody); !p.inMemory && req.ContentLength <= maxBytes {
		p.source = sourceOf(req, maxBytes)
	}
	if !p.replayable() {
		p.via = nil
	}
}

// resends reports whether the request may be sent more than once, here or elsewhere.
func (p *plan) resends() bool { return p.maxAttempts > 1 || p.via != nil }

// sourceOf takes over the body of req. It closes it if the context ends before it is
// known which attempt is the last: from there on that is net/http's business.
func sourceOf(req *http.Request, maxBytes int64) *replay.Source {
	s := replay.New(req.Body, int(min(maxBytes, math.MaxInt)))
	if ctx := req.Context(); ctx.Done() != nil {
		stop := context.AfterFunc(ctx, func() { s.Close() })
		s.Settled(func() { stop() })
	}
	return s
}

// withKey returns req, or a clone of it with an idempotency key.
func withKey(req *http.Request, key func(*http.Request) string) *http.Request {
	if idempotentMethod(req.Method) || hasKey(req) {
		return req
	}
	k := key(req)
	if k == "" {
		return req
	}
	clone := req.WithContext(req.Context())
	clone.Header = req.Header.Clone()
	if clone.Header == nil {
		clone.Header = make(http.Header)
	}
	clone.Header.Set(idempotencyHeaders[0], k)
	return clone
}

// replayable reports whether the body can still be had for another attempt.
func (p *plan) replayable() bool {
	if p.source != nil {
		return p.source.Replayable()
	}
	return !hasBody(p.req) || p.req.GetBody != nil || p.fromMemory
}

// harmByRules is what the settings say about doing the request twice, those of the
// call first, else harmOf.
func (p *plan) harmByRules() harm {
	switch {
	case p.policy.NotIdempotent:
		return harmful
	case p.policy.Idempotent:
		return harmless
	case p.Idempotent != nil:
		if p.Idempotent(p.req) {
			return harmless
		}
		return harmful
	}
	return p.unlessOnce(harmOf(p.req))
}

func (p *plan) unlessOnce(h harm) harm {
	if p.InferenceOnce && (h == modelCall || h == unlisted) {
		return harmful
	}
	return h
}

// harmAway is what doing the request here and again elsewhere would do. An idempotency
// key prevents nothing there: it is known only where it was sent, and to that account.
func (p *plan) harmAway() harm {
	if p.harm != harmless || p.policy.Idempotent || p.Idempotent != nil || !hasKey(p.req) {
		return p.harm
	}
	return p.unlessOnce(harmWithoutKey(p.req))
}

// repeatable reports whether doing the request twice does no harm. Bodies are
// looked at here, after an attempt that failed: a success costs nothing, and what a
// body shows may stand at its end.
func (p *plan) repeatable() bool {
	if !p.sendsKey() {
		return p.repeatableAway()
	}
	return p.harm == byMethod || p.doesNone(p.harm) // and a key makes up for what its method does not hold
}

// inDoubt reports whether e is an error in a success that is too doubtful to repeat the
// request for. Evidence: words in a body of which nobody knows that its API says errors
// so. That is enough to name an error; but if it is none, repeating it costs a call that
// has succeeded seconds and requests. Scope: this answer, of which no other call learns.
// Escape: Retrier.Idempotent or a RetryPolicy where they allow what the rules do not, as
// who says that of a POST wants its failures repeated; and a Rule.
func (p *plan) inDoubt(e *Error) bool {
	inherent := harmOf(p.req)
	return e.doubtful && (p.harm != harmless || inherent == harmless || inherent == byMethod)
}

// sendsKey reports whether an idempotency key, if the request has one, goes along to
// where the call is.
func (p *plan) sendsKey() bool {
	if w := p.walk; w != nil {
		return hasKey(w.places[w.at].head)
	}
	return hasKey(p.req)
}

// repeatableAway reports whether doing the request here and again elsewhere does no
// harm.
func (p *plan) repeatableAway() bool { return p.doesNone(p.away) }

// harmlessAhead is repeatableAway before the request is sent. Of a body that cannot be
// seen yet only that of a call to a model is trusted, where hardly any acts.
func (p *plan) harmlessAhead() bool {
	if p.away == modelCall && p.sends == 0 && !p.inMemory && hasBody(p.req) {
		return !dialect.ActsByBody(p.req.URL.Path)
	}
	return p.repeatableAway()
}

func (p *plan) doesNone(h harm) bool {
	if !h.asksMore() {
		return h == harmless
	}
	e, seen := p.effect()
	return h.ofBody(&p.asked, e, seen) == harmless
}

// showBody writes what the server can have seen of the request's body to w. It
// reports false if that cannot be had.
func (p *plan) showBody(w io.Writer) bool {
	switch encoding := first(p.req.Header, "Content-Encoding"); {
	case !hasBody(p.req):
		return true
	case encoding != "" && encoding != "identity":
		return false
	case p.walk != nil && p.walk.content != nil:
		w.Write(p.walk.content)
		return true
	case p.source != nil:
		w.Write(p.source.Kept())
		return true
	case p.inMemory:
		_, err := p.body.WriteTo(w)
		return err == nil
	}
	return false
}

// effect is what the request's body shows of what the request does. seen is false
// if it could not be looked at.
func (p *plan) effect() (e *dialect.Effect, seen bool) {
	if p.shown != nil && (p.walk == nil || p.walk.content == nil) {
		return p.shown.effect()
	}
	e = new(dialect.Effect)
	return e, p.showBody(e)
}

// showsInPassing reports whether the body can only be looked at while it is sent: it
// is neither in memory nor kept.
func (p *plan) showsInPassing() bool {
	return (p.away == modelCall || p.away == unlisted) && !p.inMemory && p.source == nil && hasBody(p.req) && p.resends() &&
		p.replayable()
}

// lends reports whether further attempts get the body from GetBody, and it is not known
// to be another one each time, as what stands in memory is.
func (p *plan) lends() bool {
	return p.source == nil && !p.inMemory && !p.usedUp && p.resends() && hasBody(p.req) && p.req.GetBody != nil
}

// firstOutput is how long the first output of a stream is waited for: negative where
// it is not, 0 where a Classifier further in knows. last says that no attempt will
// follow this one.
func (p *plan) firstOutput(last bool) time.Duration {
	elsewhere := p.via != nil && (p.walk == nil || p.canFollow())
	switch {
	case p.role == nested:
		return 0
	case last && !elsewhere, p.FirstOutput < 0, !p.replayable():
		return -1
	case p.FirstOutput == 0 && p.Idempotent == nil && !p.InferenceOnce && !(elsewhere && p.onlyOnce(last)):
		return 0
	case !elsewhere && p.onlyOnce(last), !p.repeatable():
		return -1
	}
	return cmp.Or(p.FirstOutput, defaultFirstOutput)
}

// onlyOnce reports whether the call is sent but once to where it is, as far as a
// Classifier further in knows. last says that no attempt will follow this one.
func (p *plan) onlyOnce(last bool) bool {
	return last || p.policy.MaxAttempts == 1 || repeatedFurtherOut(p.req)
}

// wantsEvidence reports whether the decision to repeat the request may depend
// on what httptrace sees. Elsewhere it costs nothing, and so for calls to models
// that hardly ever act.
func (p *plan) wantsEvidence() bool {
	if p.harm == harmless || p.harm == byMethod || p.harm == modelCall && !dialect.ActsByBody(p.req.URL.Path) {
		return false
	}
	return p.resends() && p.replayable()
}

// prepares reports whether Prepare is called for the n-th attempt: not for another
// origin that a redirect led to, which would get a fresh token.
func (p *plan) prepares(n int) bool {
	return p.Prepare != nil && (n > 1 || p.PrepareFirst) && !redirectedAway(p.req)
}

// preparing returns what is called for the n-th attempt before it is sent, nil for
// nothing. The caller's own Prepare sets what is meant for where the caller sends to.
func (p *plan) preparing(n int) func(*http.Request, int) error {
	switch t := p.to(); {
	case t != nil && t.Prepare != nil:
		return func(req *http.Request, _ int) error { return t.Prepare(req) }
	case t == nil && p.prepares(n):
		return p.Prepare
	}
	return nil
}

// lastAttempt says that no further attempt will read the body.
func (p *plan) lastAttempt() {
	if p.source != nil {
		p.source.Last()
	}
}

// retry goes on after a first attempt that failed.
func (p *plan) retry(c *call, resp *http.Response, err error) (*http.Response, error) {
	late := c == nil
	if late {
		// Go on with the record that holds the verdict on the first attempt.
		if resp != nil {
			if f, inner := known(resp); f.verdict != nil {
				c = inner
			}
		}
		if c == nil {
			c = &call{used: true}
		}
		c.enter()
		defer c.leave()
		if c.claim(p.req) == owner {
			defer c.release()
		}
	}
	return (&retry{plan: *p, call: c, late: late, made: 1}).run(resp, err)
}

// A role is what a Retrier is to the call whose record it found.
type role uint8

const (
	alone  role = iota // there is no record, or it is of a call that this request only serves
	owner              // the outermost: it repeats
	nested             // one further out repeats this very request
)

// claim makes the Retrier that sends req the owner of the call's retries,
// unless one further out is. Strangers between the two may have copied the
// request and changed its path, and may send others with the same context, such
// as one for a token; method and host tell the two apart. c may be nil.
func (c *call) claim(req *http.Request) role {
	if c == nil {
		return alone
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch o := c.retries.owner; {
	case o == nil:
		c.retries.owner = req
		return owner
	case o.Method == req.Method && hostOf(o) == hostOf(req):
		return nested
	}
	return alone
}

// release takes back what claim gave to an owner.
func (c *call) release() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.retries.owner = nil
}

// innerGaveUp notes what a Retrier further in than the owner ends with.
func (c *call) innerGaveUp(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.retries.innerErr = err
}

// gaveUpWith reports whether err is what a Retrier further in gave up with.
func (c *call) gaveUpWith(err error) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.retries.innerErr != nil && errors.Is(err, c.retries.innerErr)
}
