package otelsteady

import (
	"context"
	"net/http"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/steadyhttp/steadyhttp"
	"github.com/steadyhttp/steadyhttp/limit"
)

// A call is what Calls and the Attempts further in share, in the context.
type call struct {
	t      *Calls
	ctx    context.Context // with the span
	span   trace.Span
	start  time.Time
	common []attribute.KeyValue // of the span and of the metrics

	mu      sync.Mutex // guards what follows
	running bool       // RoundTrip has not returned yet
	earlier int        // requests sent for earlier hops of a redirect
	sent    int        // requests sent for this one

	// What the record said of earlier hops, and of what was told already.
	before, told steadyhttp.Call

	pending []*attempt // ended with an answer on which there is no verdict yet
	how     *ending    // nil until the call has ended
}

// An ending is how a call ended.
type ending struct {
	status  int               // 0 without an answer
	failure string            // the error.type; "" for a success
	err     *steadyhttp.Error // the verdict, nil for a success
	record  steadyhttp.Call   // what was on record then
}

// begin starts the span and puts the call into the context of the request that
// it returns, and a record of steadyhttp's if there is none.
func (t *Calls) begin(req *http.Request) (*call, *http.Request) {
	c := &call{t: t, start: time.Now(), common: target(req), running: true}
	ctx := req.Context()
	outer := callFrom(ctx)
	record, used := steadyhttp.FromContext(ctx)
	switch {
	case record.Attempts == 0, used && outer != nil && !outer.isRunning():
		// There is none, or that of a call that is over, from whose answer's
		// context this request was made.
		ctx = steadyhttp.WithCall(ctx)
	case req.Response != nil:
		c.before, c.told = record, record // the caller's own spans the redirect
	}
	if from := req.Response; from != nil && from.Request != nil {
		c.earlier = callFrom(from.Request.Context()).sentInAll()
	}
	ctx, c.span = t.tracer.Start(ctx, "steadyhttp "+nameOf(c.common),
		trace.WithAttributes(startOf(req, c.common, nil)...))
	c.ctx = context.WithValue(ctx, callKey{}, c)
	return c, req.WithContext(c.ctx)
}

func (c *call) isRunning() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.running
}

// returned notes that the call's RoundTrip has.
func (c *call) returned() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.running = false
}

// sentInAll counts the requests sent for this hop and for those before. c may
// be nil.
func (c *call) sentInAll() int {
	if c == nil {
		return 0
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.earlier + c.sent
}

// sending notes that a begins, and returns how many requests the call has sent
// before. By now record tells what became of those, and of the wait for a.
func (c *call) sending(a *attempt, record steadyhttp.Call) int {
	c.mu.Lock()
	c.tellWaits(record)
	a.tried = len(record.RetriedClasses)
	ended := c.pending
	for _, p := range ended {
		if p.tried < len(record.RetriedClasses) { // else a stranger's on the side: as its status tells
			p.failure = record.RetriedClasses[p.tried].String()
		}
	}
	c.pending = nil
	n := c.earlier + c.sent
	c.sent++
	c.mu.Unlock()
	finishAll(ended)
	return n
}

// judgesLater takes over an attempt that ended with an answer, unless all that
// will be known of it is known.
func (c *call) judgesLater(a *attempt) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.how != nil {
		c.judge(a)
		return false
	}
	c.pending = append(c.pending, a)
	return true
}

// judge gives an attempt, after which none began, the verdict on the call if it
// is its answer that the call ended with. It requires c.mu held and the call to
// have ended.
func (c *call) judge(a *attempt) {
	if a.status == c.how.status {
		a.failure = c.how.failure
	}
}

func finishAll(attempts []*attempt) {
	for _, a := range attempts {
		a.finish()
	}
}

// tellWaits makes an event and a measurement of each wait that is new in
// record. It requires c.mu held.
func (c *call) tellWaits(record steadyhttp.Call) {
	if record.Waited == c.told.Waited {
		return
	}
	throttled := record.Throttled - c.told.Throttled
	asked := record.ServerWait - c.told.ServerWait
	backoff := record.Waited - c.told.Waited - throttled - asked
	c.told = record

	began := time.Now().Add(-throttled) // the Throttler's comes last
	c.tellWait(began, throttled, keyWaitReason.String(reasonThrottled))
	c.tellWait(began.Add(-asked), asked, keyWaitReason.String(reasonAsked), keyWaitAskedBy.String(record.ServerWaitSource))
	c.tellWait(began.Add(-backoff), backoff, keyWaitReason.String(reasonBackoff))
}

func (c *call) tellWait(began time.Time, d time.Duration, reason attribute.KeyValue, more ...attribute.KeyValue) {
	if d <= 0 {
		return
	}
	if c.span.IsRecording() {
		attrs := append(more, reason, keyWaitDuration.Float64(d.Seconds()))
		c.span.AddEvent(eventWait, trace.WithTimestamp(began), trace.WithAttributes(attrs...))
	}
	if c.t.wait.Enabled(c.ctx) {
		where := c.common[1:] // whatever the method
		c.t.wait.Record(c.ctx, d.Seconds(), metric.WithAttributes(append(where[:len(where):len(where)], reason)...))
	}
}

// endingOf is how a call ends with resp or err, as far as is known when it
// returns.
func (c *call) endingOf(resp *http.Response, err error) ending {
	var with *http.Request
	if resp != nil {
		with = resp.Request
	}
	e := ending{record: recordOf(c.ctx, with)}
	switch {
	case err != nil:
		e.err = verdictOnError(c.ctx, err, e.record)
	case resp == nil:
		e.failure = steadyhttp.Unknown.String() // http.Client makes an error of it
		return e
	default:
		e.status, e.err = resp.StatusCode, verdictOn(resp, e.record)
	}
	e.failure = classOf(e.err)
	return e
}

// endingAfter is how a call ends when the body of its answer has, with err or
// without. then is what its headers told, record what is on record now.
func (c *call) endingAfter(then ending, record steadyhttp.Call, err error) ending {
	e := then
	if record.Attempts != then.record.Attempts || record.Waited != then.record.Waited {
		record = then.record // the caller's own, which serves another call by now
	}
	e.record = record
	switch late := record.Error; {
	case err != nil && then.err == nil:
		e.err = verdictOnError(c.ctx, err, record)
	case late != nil && late.Status == then.status:
		e.err = late // a stream may end with an error
	}
	e.failure = classOf(e.err)
	return e
}

// finish ends the span and records what the call took, once.
func (c *call) finish(e ending) {
	c.mu.Lock()
	if c.how != nil {
		c.mu.Unlock()
		return
	}
	c.how, c.running = &e, false
	c.tellWaits(e.record)
	pending := c.pending
	c.pending = nil
	for _, a := range pending {
		c.judge(a)
	}
	attempts := max(e.record.Attempts-c.before.Attempts, 1)
	c.mu.Unlock()
	finishAll(pending)

	took := time.Since(c.start)
	if c.span.IsRecording() {
		c.describe(e, attempts)
	}
	c.span.End()
	if !c.t.duration.Enabled(c.ctx) && !c.t.attempts.Enabled(c.ctx) {
		return
	}
	set := metric.WithAttributeSet(attribute.NewSet(e.attributes(c.common)...))
	c.t.duration.Record(c.ctx, took.Seconds(), set)
	c.t.attempts.Record(c.ctx, int64(attempts), set)
}

// attributes adds to common how the call ended.
func (e *ending) attributes(common []attribute.KeyValue) []attribute.KeyValue {
	attrs := common[:len(common):len(common)]
	if e.status != 0 {
		attrs = append(attrs, semconv.HTTPResponseStatusCode(e.status))
	}
	if e.failure != "" {
		attrs = append(attrs, semconv.ErrorTypeKey.String(e.failure))
	}
	return attrs
}

// describe puts what is known of the call's end on its span.
func (c *call) describe(e ending, attempts int) {
	attrs := append(e.attributes(nil), keyAttempts.Int(attempts))
	if waited := e.record.Waited - c.before.Waited; waited > 0 {
		attrs = append(attrs, keyWaited.Float64(waited.Seconds()))
	}
	if p := e.record.Priority; p != limit.Normal {
		attrs = append(attrs, keyPriority.String(p.String()))
	}
	for _, f := range []struct {
		key attribute.Key
		n   int64
	}{
		{keyInputTokens, e.record.InputTokens},
		{keyOutputTokens, e.record.OutputTokens},
		{keyCachedTokens, e.record.CachedTokens},
		{keyReasoning, e.record.ReasoningTokens},
	} {
		if f.n > 0 {
			attrs = append(attrs, f.key.Int64(f.n))
		}
	}
	if e.failure != "" {
		message := ""
		if e.err != nil && e.err == e.record.Error {
			message = e.err.Message // cleaned of the credentials that were sent
		}
		c.span.SetStatus(codes.Error, message)
	}
	if e.record.Target != "" {
		attrs = append(attrs, keyTarget.String(e.record.Target))
	}
	if e.record.Uncertain > 0 {
		attrs = append(attrs, keyUncertain.Int(e.record.Uncertain))
	}
	if e.err != nil {
		for _, f := range []struct {
			key   attribute.Key
			value string
		}{
			{keyStopped, e.record.Stopped},
			{keyProvider, e.err.Provider},
			{keyCode, e.err.Code},
			{keyRequestID, e.err.RequestID},
			{keyFate, e.err.Fate.String()},
			{keyHint, e.err.Hint},
		} {
			if f.value != "" {
				attrs = append(attrs, f.key.String(f.value))
			}
		}
	}
	c.span.SetAttributes(attrs...)
}
