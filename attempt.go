package steadyhttp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"os"
	"sync"
	"time"
)

// An attempt is one request on its way down, and what is needed to judge it.
type attempt struct {
	req     *http.Request
	sent    *evidence               // nil where the decision cannot depend on it
	end     context.CancelCauseFunc // nil without AttemptTimeout
	clock   *attemptClock           // likewise
	around  context.Context         // what end does not end; likewise
	timeout time.Duration
	stall   time.Duration
	by      *visit // nil without a Failover
}

// to is the target that a goes to, nil where the request goes as it is.
func (a *attempt) to() *target {
	if a.by == nil {
		return nil
	}
	return a.by.to
}

// send makes the n-th attempt, from 1 on. c, nil for the first, is put into the
// context of further ones. sent is false if the attempt could not be made, for the
// reason that err says. sending is called once it was made.
func (p *plan) send(n int, c *call, sending func()) (sent bool, resp *http.Response, err error) {
	for a := &p.current; ; {
		if n == 1 && p.sends == 0 && p.to() == nil && p.goesAsItIs() {
			*a = attempt{req: p.req, stall: p.StallTimeout, by: p.visit()}
		} else {
			err = p.attempt(n, c)
		}
		p.sends++
		if err != nil {
			switch e := p.misconfigured(err); {
			case e == nil:
				return false, nil, err
			case p.useless(c, e):
				continue
			default:
				return true, nil, e
			}
		}
		if sending != nil {
			sending()
			sending = nil
		}
		resp, err = a.send(p.next)
		if a.by == nil || !errors.Is(err, ErrThrottled) || !p.passOver(errors.Is(err, errLeft)) {
			return true, resp, err
		}
	}
}

// misconfigured returns the verdict on an attempt that could not be made because of its
// target, nil if that is not why.
func (p *plan) misconfigured(why error) *Error {
	to := p.current.to()
	if to == nil || ended(p.req) != nil {
		return nil
	}
	return to.misconfigured(0, "target "+to.name+" could not be used: "+cleanerFor(p.current.req).Line(innermost(why).Error(), maxDetail))
}

// to is the target of the next attempt, nil if the request goes as it is.
func (p *plan) to() *target {
	if p.walk == nil {
		return nil
	}
	return p.walk.places[p.walk.at].to
}

// goesAsItIs reports whether nothing has to be added to the request for its first attempt.
func (p *plan) goesAsItIs() bool {
	return p.source == nil && !p.fromMemory && !p.usedUp && p.timeout() <= 0 && !p.wantsEvidence() && !p.prepares(1) && !p.lends()
}

// timeout is how long the next attempt may take until its headers are there; 0 is as
// long as it takes. Where a stream without output is left after FirstOutput, so is one
// that does not begin.
func (p *plan) timeout() time.Duration {
	if t := p.AttemptTimeout; p.leavesSilence() && (t <= 0 || p.FirstOutput < t) && asksForStream(p.req) {
		return p.FirstOutput
	}
	return p.AttemptTimeout
}

// attempt makes the request of the n-th attempt, a copy. c may be nil.
func (p *plan) attempt(n int, c *call) error {
	a := &p.current
	*a = attempt{req: p.req, timeout: p.timeout(), stall: p.StallTimeout, by: p.visit()}
	to := a.to()
	if to != nil {
		a.req = to.change.Request(a.req.Context(), a.req)
	}
	if c != nil {
		a.req = c.on(a.req)
	}
	ctx := a.req.Context()
	if p.wantsEvidence() || p.watched {
		a.sent = &evidence{host: a.req.URL}
		ctx = httptrace.WithClientTrace(ctx, a.sent.trace())
	}
	changes := to != nil && to.change.ChangesBody(p.req)
	if (p.source != nil || p.fromMemory) && !changes {
		ctx = context.WithValue(ctx, keptKey{}, kept{p.source, p.body, a.req})
	}
	if a.timeout > 0 {
		a.around = ctx
		ctx, a.end = context.WithCancelCause(ctx)
		a.clock = new(attemptClock)
		ctx = context.WithValue(ctx, clockKey{}, a.clock)
	}
	again := p.sends > 0
	prepare := p.preparing(n)
	if prepare != nil && (p.PrepareFirst || to != nil) {
		ctx = context.WithValue(ctx, preparationKey{}, &preparation{a.req, prepare, n})
	}
	if prepare != nil {
		trailer := a.req.Trailer // the caller fills this very map while the body is read
		a.req = a.req.Clone(ctx)
		a.req.Trailer = trailer
	} else {
		a.req = a.req.WithContext(ctx)
	}
	if (p.usedUp || changes && p.source == nil) && !again {
		closeBody(p.req)
	}
	var err error
	switch {
	case changes:
		err = p.setChanged(ctx, a.req, to)
	case again, p.source != nil, p.usedUp:
		err = p.setBody(ctx, a.req)
	}
	if err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx) // which is why the body is gone
		}
		a.over()
		return err
	}
	if !changes {
		p.watchBody(a, again)
	}
	if prepare != nil {
		if err := prepare(a.req, n); err != nil {
			closeBody(a.req)
			a.over()
			return err
		}
	}
	return nil
}

// watchBody has the body of a, which is the caller's, looked at and taken back as it
// has to be.
func (p *plan) watchBody(a *attempt, again bool) {
	if p.lends() {
		if p.lender == nil {
			p.lender = new(lender)
		}
		eachBody(a.req, p.lender.lend)
	}
	if a.sent != nil && !again && p.source == nil && !p.inMemory { // what stands in memory has its length
		a.sent.watch(a.req)
	}
	if p.showsInPassing() {
		if p.shown == nil {
			p.shown = new(shown)
		}
		eachBody(a.req, p.shown.look)
	}
}

// over ends the attempt's own context, if it has one.
func (a *attempt) over() {
	if a.end != nil {
		a.end(nil)
	}
}

// errAttemptTimeout is the cause of an attempt's end by AttemptTimeout.
var errAttemptTimeout = fmt.Errorf("steadyhttp: no answer within AttemptTimeout: %w", os.ErrDeadlineExceeded)

// send makes the attempt.
func (a *attempt) send(base http.RoundTripper) (*http.Response, error) {
	switch {
	case a.end != nil:
		return a.sendTimed(base)
	case a.stall > 0:
		resp, err := a.roundTrip(base)
		return a.watch(resp), err
	}
	return a.roundTrip(base)
}

// roundTrip is base.RoundTrip, where it waits as its place wants it.
func (a *attempt) roundTrip(base http.RoundTripper) (resp *http.Response, err error) {
	if a.by == nil {
		return send(base, a.req)
	}
	if t, below := throttlerBelow(base); t != nil {
		resp, err = t.roundTripBy(a.req, below, a.by)
		resp, err = orError(a.req, resp, err)
	} else {
		a.by.goes()
		resp, err = send(base, a.req)
	}
	if a.by.to == nil {
		return resp, err
	}
	return a.by.to.answer(a.req, a.by.own, resp, err)
}

// sendTimed is send with an AttemptTimeout.
func (a *attempt) sendTimed(base http.RoundTripper) (*http.Response, error) {
	body, end := a.req.Body, a.end
	a.clock.start(a.timeout, func() {
		end(errAttemptTimeout)
		if body != nil {
			body.Close() // over HTTP/1.1 net/http waits for a Read of it, though the context has ended
		}
	})
	resp, err := a.roundTrip(base)
	a.clock.pause()
	if context.Cause(a.req.Context()) == errAttemptTimeout {
		if resp != nil {
			bodyOf(resp).Close() // its headers came a moment too late
		}
		return nil, &Error{
			Class:   Timeout,
			Message: fmt.Sprintf("no answer within %s", a.timeout),
			Hint:    Timeout.sheet().hint,
			Err:     errAttemptTimeout,
		}
	}
	a.outlive(resp)
	return a.watch(resp), err
}

// outlive gives the answer's request a context that does not end with the attempt: the
// caller may make the next request from it, such as one for the next page.
func (a *attempt) outlive(resp *http.Response) {
	if resp == nil || resp.Request == nil {
		return
	}
	ctx := a.around
	if c := callFrom(resp.Request.Context()); c != nil && c != callFrom(ctx) {
		ctx = context.WithValue(ctx, callKey{}, c)
	}
	resp.Request = resp.Request.WithContext(ctx)
}

// watch ties the attempt's context to the end of the answer's body, and
// watches over a stream that may stall.
func (a *attempt) watch(resp *http.Response) *http.Response {
	if resp == nil {
		a.over()
		return nil
	}
	if resp.StatusCode == http.StatusSwitchingProtocols {
		return resp // the body must stay the io.Writer that it is; its context ends with the caller's
	}
	if resp.Body == nil || resp.Body == http.NoBody {
		a.over()
		return resp
	}
	if a.stall > 0 {
		if _, like := formOf(a.req, resp); like != other || isEventStream(resp) {
			resp.Body = newStallBody(resp, a.stall)
		}
	}
	if a.end != nil {
		resp.Body = &attemptBody{resp.Body, a.end}
	}
	return resp
}

// attemptBody ends the attempt's context with the body.
type attemptBody struct {
	io.ReadCloser
	end context.CancelCauseFunc
}

func (b *attemptBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		b.end(nil)
	}
	return n, err
}

func (b *attemptBody) Close() error {
	defer b.end(nil)
	return b.ReadCloser.Close()
}

// An attemptClock counts the time of one attempt. A Throttler further in stops
// it while the request has not been sent yet.
type attemptClock struct {
	mu      sync.Mutex // guards what follows
	timer   *time.Timer
	left    time.Duration
	started time.Time
}

type clockKey struct{}

func (c *attemptClock) start(d time.Duration, end func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.left, c.started = d, time.Now()
	c.timer = time.AfterFunc(d, end)
}

func (c *attemptClock) pause() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.timer.Stop() {
		c.left -= time.Since(c.started)
	}
}

func (c *attemptClock) resume() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.started = time.Now()
	c.timer.Reset(max(c.left, 1))
}

// whileWaiting stops the attempt's clock, if there is one, until the function
// that it returns is called.
func whileWaiting(req *http.Request) (over func()) {
	c, _ := req.Context().Value(clockKey{}).(*attemptClock)
	if c == nil {
		return func() {}
	}
	c.pause()
	return c.resume
}

// agesAfter is how long a Throttler may hold an attempt back before what Prepare set
// has aged: a second is nothing beside the minutes for which signatures hold.
const agesAfter = time.Second

// A preparation is in the context of an attempt whose request Prepare was called
// for, with PrepareFirst: a Throttler further in has it called again where the
// request has waited for its turn since.
type preparation struct {
	req     *http.Request // of the call
	prepare func(*http.Request, int) error
	attempt int
}

type preparationKey struct{}

// preparedAgain returns req or, if it has aged, a copy that was prepared anew.
func preparedAgain(req *http.Request, waited time.Duration) (*http.Request, error) {
	p, _ := req.Context().Value(preparationKey{}).(*preparation)
	// A stranger may make another request with the same context, for a token.
	if p == nil || waited < agesAfter || p.req.Method != req.Method || !sameOrigin(p.req, req) || p.req.URL.Path != req.URL.Path {
		return req, nil
	}
	trailer := req.Trailer // see plan.attempt
	req = req.Clone(req.Context())
	req.Trailer = trailer
	return req, p.prepare(req, p.attempt)
}
