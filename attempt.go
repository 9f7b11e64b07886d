package steadyhttp

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"os"
	"sync"
	"time"

	"github.com/steadyhttp/steadyhttp/internal/replay"
)

// An attempt is one request on its way down, and what is needed to judge it.
type attempt struct {
	req     *http.Request
	sent    *evidence               // nil where the decision cannot depend on it
	end     context.CancelCauseFunc // nil without AttemptTimeout
	clock   *attemptClock           // likewise
	timeout time.Duration
	stall   time.Duration
}

// first makes the request of the first attempt: as it is, unless something has
// to be added.
func (p *plan) first() (attempt, error) {
	if p.source != nil || p.AttemptTimeout > 0 || p.wantsEvidence() {
		return p.attempt(1, nil)
	}
	return attempt{req: p.req, stall: p.StallTimeout}, nil
}

// attempt makes the request of the n-th attempt, from 1 on, a copy. c, nil for
// the first, is put into the context of further ones.
func (p *plan) attempt(n int, c *call) (attempt, error) {
	a := attempt{req: p.req, timeout: p.AttemptTimeout, stall: p.StallTimeout}
	if c != nil {
		a.req = c.on(a.req)
	}
	ctx := a.req.Context()
	if p.wantsEvidence() {
		a.sent = &evidence{host: a.req.URL}
		ctx = httptrace.WithClientTrace(ctx, a.sent.trace())
	}
	if p.source != nil {
		ctx = context.WithValue(ctx, keptKey{}, kept{p.source, p.req})
	}
	if a.timeout > 0 {
		ctx, a.end = context.WithCancelCause(ctx)
		a.clock = new(attemptClock)
		ctx = context.WithValue(ctx, clockKey{}, a.clock)
	}
	again := n > 1
	if again && p.Prepare != nil {
		trailer := a.req.Trailer // the caller fills this very map while the body is read
		a.req = a.req.Clone(ctx)
		a.req.Trailer = trailer
	} else {
		a.req = a.req.WithContext(ctx)
	}
	if again || p.source != nil {
		if err := p.setBody(a.req); err != nil {
			if ctx.Err() != nil {
				err = context.Cause(ctx) // which is why the body is gone
			}
			return a.over(), err
		}
	}
	if a.sent != nil && !again && p.source == nil {
		a.sent.watch(a.req)
	}
	if again && p.Prepare != nil {
		if err := p.Prepare(a.req, n); err != nil {
			closeBody(a.req)
			return a.over(), err
		}
	}
	return a, nil
}

// setBody gives req, which is a copy of ours, a body of its own.
func (p *plan) setBody(req *http.Request) (err error) {
	switch {
	case p.source != nil:
		// net/http can send it again by itself where it knows that to be safe.
		req.GetBody = p.source.Body
		req.Body, err = p.source.Body()
	case hasBody(req):
		req.Body, err = req.GetBody()
	}
	return err
}

func (a attempt) over() attempt {
	if a.end != nil {
		a.end(nil)
	}
	return a
}

// errAttemptTimeout is the cause of an attempt's end by AttemptTimeout.
var errAttemptTimeout = fmt.Errorf("steadyhttp: no answer within AttemptTimeout: %w", os.ErrDeadlineExceeded)

// send makes the attempt.
func (a attempt) send(base http.RoundTripper) (*http.Response, error) {
	switch {
	case a.end != nil:
		return a.sendTimed(base)
	case a.stall > 0:
		resp, err := send(base, a.req)
		return a.watch(resp), err
	}
	return send(base, a.req)
}

// sendTimed is send with an AttemptTimeout.
func (a attempt) sendTimed(base http.RoundTripper) (*http.Response, error) {
	a.clock.start(a.timeout, func() { a.end(errAttemptTimeout) })
	resp, err := send(base, a.req)
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
	return a.watch(resp), err
}

// watch ties the attempt's context to the end of the answer's body, and
// watches over a stream that may stall.
func (a attempt) watch(resp *http.Response) *http.Response {
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
	if a.stall > 0 && isEventStream(resp) {
		resp.Body = newStallBody(resp, a.stall)
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

// kept is in the context of a request whose body is kept while it is sent, for
// who wants to look at it: strangers on the way may wrap the body, and GetBody
// would end the attempt that reads it.
type kept struct {
	source *replay.Source
	req    *http.Request
}

type keptKey struct{}

// keptOf returns what has been read of req's body by now, if it is kept.
func keptOf(req *http.Request) ([]byte, bool) {
	k, ok := req.Context().Value(keptKey{}).(kept)
	if !ok || k.req.Method != req.Method || k.req.ContentLength != req.ContentLength || hostOf(k.req) != hostOf(req) {
		return nil, false // none, or another request's that a stranger makes with the same context
	}
	return k.source.Kept(), true
}
