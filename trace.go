package steadyhttp

import (
	"cmp"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"time"

	"github.com/steadyhttp/steadyhttp/internal/callkey"
	"github.com/steadyhttp/steadyhttp/limit"
)

// A Trace is a set of functions that a Transport calls while a call goes through it,
// as net/http/httptrace calls those of a ClientTrace. Each of them may be nil.
//
// They get the context of the request, with what the caller put into it; FromContext
// reads from it what the call has gone through so far. They are called in the goroutine
// that sends the request or reads its response (CallDone in one of its own if the context
// ends the call), with no lock held: they should be quick, since the call waits for them. They are called by several goroutines at once,
// for different calls and, where something makes two requests of one, for the same.
// They must not change the request or the response, nor read their bodies. A panic in
// one of them is not recovered.
//
// Each hop of a redirect is a call of its own. Where the Base of a Transport leads to
// another, each tells its own Trace; one without a Trace tells the other's of its waits.
type Trace struct {
	// AttemptStart is called when a request goes to Base: after its wait in the
	// Throttler. A request that the Throttler refuses is never sent.
	AttemptStart func(ctx context.Context, req *http.Request)

	// AttemptDone is called when that request has come to a response or an error, and
	// the Classifier has looked at it. key is what the Throttler puts the request under,
	// and zero if that is Disabled. resp is nil after an error, and its Body is the
	// caller's. e is the verdict, nil for a success: what goes wrong with the body
	// later is CallDone's to tell.
	AttemptDone func(ctx context.Context, key limit.Key, resp *http.Response, e *Error)

	// WaitStart is called when a request begins to wait in the Throttler, and when the
	// Retrier begins to wait before another attempt. WaitDone follows once for each
	// WaitStart, when the wait is over, however it ended; its Why is what the request
	// waited for last. With a Throttler.Limiter that does not call Ask.Waiting, both are
	// called when the wait is over.
	WaitStart func(ctx context.Context, w limit.Wait)
	WaitDone  func(ctx context.Context, w limit.Wait)

	// Target is called when a Failover has chosen where the next attempt goes, if that
	// is another place than where the last one went, or than the request as it is for
	// the first: with the target's name, "" for the request as it is.
	Target func(ctx context.Context, name string)

	// CallDone is called once for each call: when it returns an error or a response
	// without a body, else when the response's body has been read to its end or closed.
	// If the caller does neither, it is called when the context ends, or never. c is of
	// this call alone, also where a context of WithCall holds the record of several hops.
	CallDone func(ctx context.Context, c Call)
}

// A tracing is the Trace of a call, in its context.
type tracing struct {
	*Trace
	call *call        // its record
	sent atomic.Int32 // attempts, also those of a Failover's targets
}

// Sent implements callkey.Call.
func (t *tracing) Sent() int { return int(t.sent.Load()) }

// tracingKey is known to debugsteady, which tells calls apart by it.
type tracingKey = callkey.Key

// tracingOf returns what is to be told about req, nil for nothing: of an earlier call,
// from whose context this request was made, it is nothing.
func tracingOf(req *http.Request) *tracing {
	t, _ := req.Context().Value(tracingKey{}).(*tracing)
	if t == nil {
		return nil
	}
	t.call.mu.Lock()
	defer t.call.mu.Unlock()
	if t.call.running == 0 {
		return nil
	}
	return t
}

// A callTracer is the outermost of a Transport's wrappers, if that has a Trace.
type callTracer struct{ *Trace }

func (t callTracer) roundTrip(req *http.Request, next http.RoundTripper) (*http.Response, error) {
	with, c := openCall(req)
	defer c.leave()
	before := c.soFar()
	with = with.WithContext(context.WithValue(with.Context(), tracingKey{}, &tracing{Trace: t.Trace, call: c}))
	resp, err := send(next, with)
	if resp != nil {
		c.attach(resp, with)
	}
	switch {
	case t.CallDone == nil:
	case err == nil && underWay(resp):
		end := c.ending(req, resp)
		watchEnd(with.Context(), resp, func(err error) { t.CallDone(with.Context(), end(err).since(before)) })
	default:
		t.CallDone(with.Context(), c.outcome(req, resp, err).since(before))
	}
	return resp, err
}

// since returns what of c came after before, which was on record when the call began:
// with a context of WithCall, that of earlier hops.
func (c Call) since(before Call) Call {
	c.Attempts -= before.Attempts - 1
	c.RetriedClasses = c.RetriedClasses[min(len(before.RetriedClasses), len(c.RetriedClasses)):]
	c.Waited -= before.Waited
	c.Throttled -= before.Throttled
	if c.ServerWait -= before.ServerWait; c.ServerWait == 0 {
		c.ServerWaitSource = ""
	}
	c.InputTokens -= before.InputTokens
	c.OutputTokens -= before.OutputTokens
	c.CachedTokens -= before.CachedTokens
	c.ReasoningTokens -= before.ReasoningTokens
	c.Uncertain -= before.Uncertain
	return c
}

// watchEnd calls over once, when resp's body has been read to its end, with an error or
// without, or closed. Where ctx ends while nobody reads, nobody may ever do so again.
func watchEnd(ctx context.Context, resp *http.Response, over func(error)) {
	b := &tracedBody{ReadCloser: resp.Body, over: over}
	if ctx.Done() != nil {
		b.stop = context.AfterFunc(ctx, func() { // maybe at once, before b.stop is set
			if b.reading.Load() == 0 && b.ended.CompareAndSwap(false, true) {
				over(nil)
			}
		})
	}
	resp.Body = b
}

type tracedBody struct {
	io.ReadCloser
	over    func(error)
	stop    func() bool // forgets the context; nil if that never ends
	reading atomic.Int32
	ended   atomic.Bool
}

func (b *tracedBody) Read(p []byte) (int, error) {
	b.reading.Add(1)
	n, err := b.ReadCloser.Read(p)
	b.reading.Add(-1)
	if err != nil && b.ended.CompareAndSwap(false, true) {
		b.end(err)
	}
	return n, err
}

func (b *tracedBody) Close() error {
	first := b.ended.CompareAndSwap(false, true) // before it ends a Read
	err := b.ReadCloser.Close()
	if first {
		b.end(nil)
	}
	return err
}

func (b *tracedBody) end(err error) {
	if b.stop != nil {
		b.stop()
	}
	if err == io.EOF {
		err = nil
	}
	b.over(err)
}

// An attemptTracer stands below a Transport's Throttler, if that has a Trace.
type attemptTracer struct {
	*Trace
	throttler *Throttler
}

func (t attemptTracer) roundTrip(req *http.Request, next http.RoundTripper) (*http.Response, error) {
	if of, ok := req.Context().Value(tracingKey{}).(*tracing); ok {
		of.sent.Add(1)
	}
	if t.AttemptStart != nil {
		t.AttemptStart(req.Context(), req)
	}
	if t.AttemptDone == nil {
		return send(next, req)
	}
	var key limit.Key // now, since the base may change req
	if !t.throttler.Disabled {
		key = t.throttler.keyOf(req, new(reading))
	}
	with, seen := watched(req)
	resp, err := send(next, with)
	var e *Error
	switch {
	case err != nil:
		e = attemptError(req, next, err, seen)
	case resp != nil:
		e = verdictOn(resp)
	}
	t.AttemptDone(req.Context(), key, resp, e)
	return resp, err
}

// watched returns req with a context that collects evidence of its fate, where that
// matters to anybody: else req itself, and nil.
func watched(req *http.Request) (*http.Request, *evidence) {
	if harmOf(req).mostlyHarmless() {
		return req, nil
	}
	seen := &evidence{host: req.URL}
	return req.WithContext(httptrace.WithClientTrace(req.Context(), seen.trace())), seen
}

// attemptError is the verdict on an attempt that failed with err.
func attemptError(req *http.Request, next http.RoundTripper, err error, seen *evidence) *Error {
	if errors.Is(context.Cause(req.Context()), errAttemptTimeout) {
		err = errAttemptTimeout // of which a base says only that the context ended
	}
	e := *errorFor(req, err)
	seen.judge(&e, req, next, err)
	return &e
}

// A throttled tells of a request's wait in a Throttler.
type throttled struct {
	*tracing
	req  *http.Request
	told bool
}

// traceWait has a Limiter tell that a waits, which is about req. It returns what tells
// the end of that; nil if nobody is told. c may be nil: with a Trace there is a record.
func (c *call) traceWait(req *http.Request, a *limit.Ask) *throttled {
	if c == nil {
		return nil
	}
	t := tracingOf(req)
	if t == nil || t.WaitStart == nil && t.WaitDone == nil {
		return nil
	}
	told := &throttled{tracing: t, req: req}
	a.Waiting = told.begins
	return told
}

// begins tells that the wait begins.
func (t *throttled) begins(w limit.Wait) {
	t.told = true
	if t.WaitStart != nil {
		t.WaitStart(t.req.Context(), w)
	}
}

// ends tells that it is over, as p says. t may be nil.
func (t *throttled) ends(a *limit.Ask, p *limit.Permit) {
	if t == nil || !t.told && p.Waited == 0 {
		return
	}
	w := limit.Wait{Key: a.Key, Why: p.Why, Priority: a.Priority}
	if !t.told {
		t.begins(w)
	}
	if w.For = p.Waited; t.WaitDone != nil {
		t.WaitDone(t.req.Context(), w)
	}
}

// sleeping tells that req waits for d before its next attempt, because of e, and returns
// what tells that it no longer does.
func sleeping(req *http.Request, d time.Duration, e *Error) (over func(time.Duration)) {
	t := tracingOf(req)
	if t == nil || d <= 0 {
		return func(time.Duration) {}
	}
	w := limit.Wait{Key: limit.Key{Host: hostOf(req)}, For: d, Why: cmp.Or(e.RetryAfterSource, "backoff"), Retry: true, Priority: priorityOf(req)}
	if t.WaitStart != nil {
		t.WaitStart(req.Context(), w)
	}
	return func(waited time.Duration) {
		if w.For = waited; t.WaitDone != nil {
			t.WaitDone(req.Context(), w)
		}
	}
}

// tellTarget tells that the next attempt goes to another place than the last.
func (p *plan) tellTarget() {
	p.told = p.walk.at
	if t := tracingOf(p.req); t != nil && t.Target != nil {
		t.Target(p.req.Context(), p.walk.places[p.told].name())
	}
}
