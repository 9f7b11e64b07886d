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

// A call is what Calls, the Attempts further in and the Trace of a Transport in between
// share, in the context.
type call struct {
	t      *Calls
	ctx    context.Context // with the span
	span   trace.Span
	start  time.Time
	common []attribute.KeyValue // of the span and of the metrics

	mu      sync.Mutex       // guards what follows
	running bool             // RoundTrip has not returned yet
	earlier int              // requests sent for earlier hops of a redirect
	sent    int              // requests sent for this one
	latest  *attempt         // of these; nil for none
	told    *steadyhttp.Call // by CallDone; nil if it was not called
	how     ending
	over    bool
}

// An ending is how a call ended.
type ending struct {
	status  int               // 0 without an answer
	failure string            // the error.type; "" for a success
	err     *steadyhttp.Error // the verdict, nil for a success
}

// begin starts the span and puts the call into the context of the request that
// it returns.
func (t *Calls) begin(req *http.Request) (*call, *http.Request) {
	c := &call{t: t, start: time.Now(), common: target(req), running: true}
	if from := req.Response; from != nil && from.Request != nil {
		c.earlier = callFrom(from.Request.Context()).sentInAll()
	}
	ctx, span := t.tracer.Start(req.Context(), "steadyhttp "+nameOf(c.common),
		trace.WithAttributes(startOf(req, c.common, nil)...))
	c.span, c.ctx = span, context.WithValue(ctx, callKey{}, c)
	return c, req.WithContext(c.ctx)
}

func (c *call) isRunning() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.running
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
// before. All that will be known of the one before is known.
func (c *call) sending(a *attempt) int {
	c.mu.Lock()
	before := c.latest
	c.latest = a
	n := c.earlier + c.sent
	c.sent++
	c.mu.Unlock()
	before.finishIfOver()
	return n
}

// keeps reports whether more may become known of a, which is over.
func (c *call) keeps(a *attempt) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over {
		c.judge(a, c.how.status, c.how.failure)
	}
	return !c.over && c.latest == a
}

// judged notes the verdict on the latest attempt.
func (c *call) judged(status int, e *steadyhttp.Error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.judge(c.latest, status, classOf(e))
}

// judge gives a, which may be nil, the verdict on an answer if it has that status: it
// may be a stranger's on the side. It requires c.mu held.
func (c *call) judge(a *attempt, status int, failure string) {
	if a != nil {
		a.judge(status, failure)
	}
}

// waited makes an event and a measurement of a wait that is over.
func (c *call) waited(w limit.Wait) {
	reason, more := keyWaitReason.String(reasonThrottled), keyWaitWhy.String(w.Why)
	switch {
	case w.Retry && w.Why == whyBackoff:
		reason, more = keyWaitReason.String(reasonBackoff), attribute.KeyValue{}
	case w.Retry:
		reason, more = keyWaitReason.String(reasonAsked), keyWaitAskedBy.String(w.Why)
	}
	if c.span.IsRecording() {
		attrs := []attribute.KeyValue{reason, keyWaitDuration.Float64(w.For.Seconds())}
		if more.Valid() {
			attrs = append(attrs, more)
		}
		c.span.AddEvent(eventWait, trace.WithTimestamp(time.Now().Add(-w.For)), trace.WithAttributes(attrs...))
	}
	if c.t.wait.Enabled(c.ctx) {
		where := c.common[1:] // whatever the method
		c.t.wait.Record(c.ctx, w.For.Seconds(), metric.WithAttributes(append(where[:len(where):len(where)], reason)...))
	}
}

// done notes what a Transport says of a call's end. The latest is this call's: what a
// stranger sends on the side, with the same context, ends before. Where the context ends
// the call, nobody may ever close its body.
func (c *call) done(told steadyhttp.Call) {
	c.mu.Lock()
	c.told = &told
	running := c.running
	c.mu.Unlock()
	if !running && c.ctx.Err() != nil {
		c.finish()
	}
}

// returned notes what RoundTrip gives to the caller, as far as status, headers and err
// tell.
func (c *call) returned(resp *http.Response, err error) {
	var how ending
	switch {
	case err != nil:
		how.err = verdictOnError(c.ctx, err)
	case resp == nil:
		how.failure = steadyhttp.Unknown.String() // http.Client makes an error of it
	default:
		how.status, how.err = resp.StatusCode, verdictOn(resp)
	}
	if how.err != nil {
		how.failure = classOf(how.err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.how, c.running = how, false
}

// bodyOver ends the call with its answer's body, which ended with err or without.
func (c *call) bodyOver(err error) {
	if err != nil {
		c.mu.Lock()
		if c.how.err == nil {
			c.how.err = verdictOnError(c.ctx, err)
			c.how.failure = classOf(c.how.err)
		}
		c.mu.Unlock()
	}
	c.finish()
}

// panicked ends the call that its base has panicked about.
func (c *call) panicked() {
	c.mu.Lock()
	c.how, c.running, c.told = ending{failure: typePanic}, false, nil
	c.mu.Unlock()
	c.finish()
}

// finish ends the span and records what the call took, once.
func (c *call) finish() {
	c.mu.Lock()
	if c.over {
		c.mu.Unlock()
		return
	}
	c.over = true
	if c.told != nil && (c.how.status != 0 || c.how.err != nil) {
		c.how.err, c.how.failure = c.told.Error, classOf(c.told.Error)
	}
	record, how := steadyhttp.Call{Attempts: max(c.sent, 1)}, c.how
	if c.told != nil {
		record = *c.told
	}
	latest := c.latest
	c.judge(latest, how.status, how.failure)
	c.mu.Unlock()
	latest.finishIfOver()

	took := time.Since(c.start)
	if c.span.IsRecording() {
		c.describe(how, record)
	}
	c.span.End()
	if !c.t.duration.Enabled(c.ctx) && !c.t.attempts.Enabled(c.ctx) {
		return
	}
	set := metric.WithAttributeSet(attribute.NewSet(how.attributes(c.common)...))
	c.t.duration.Record(c.ctx, took.Seconds(), set)
	c.t.attempts.Record(c.ctx, int64(record.Attempts), set)
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
func (c *call) describe(e ending, record steadyhttp.Call) {
	attrs := append(e.attributes(nil), keyAttempts.Int(record.Attempts))
	if record.Waited > 0 {
		attrs = append(attrs, keyWaited.Float64(record.Waited.Seconds()))
	}
	if p := record.Priority; p != limit.Normal {
		attrs = append(attrs, keyPriority.String(p.String()))
	}
	for _, f := range []struct {
		key attribute.Key
		n   int64
	}{
		{keyInputTokens, record.InputTokens},
		{keyOutputTokens, record.OutputTokens},
		{keyCachedTokens, record.CachedTokens},
		{keyReasoning, record.ReasoningTokens},
	} {
		if f.n > 0 {
			attrs = append(attrs, f.key.Int64(f.n))
		}
	}
	if e.failure != "" {
		message := ""
		if e.err != nil && e.err == record.Error {
			message = e.err.Message // cleaned of the credentials that were sent
		}
		c.span.SetStatus(codes.Error, message)
	}
	if record.Target != "" {
		attrs = append(attrs, keyTarget.String(record.Target))
	}
	if record.Uncertain > 0 {
		attrs = append(attrs, keyUncertain.Int(record.Uncertain))
	}
	if e.err != nil {
		for _, f := range []struct {
			key   attribute.Key
			value string
		}{
			{keyStopped, record.Stopped},
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
