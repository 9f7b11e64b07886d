package otelsteady

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/semconv/v1.43.0/httpconv"
	"go.opentelemetry.io/otel/trace"

	"github.com/steadyhttp/steadyhttp"
)

// Attempts makes a client span of each request that passes, as the semantic
// conventions for HTTP describe it, records http.client.request.duration, and
// tells the server whose child it is (in traceparent, or as the propagator
// does). It belongs beneath what repeats requests, next to the wire: as the
// Base of a steadyhttp.Transport.
//
// A span ends when the answer's body has ended or was closed, and so does the
// duration; that of an upgraded connection ends with the headers. Its
// error.type is the class of the failure. Beneath Calls, and a Transport with Trace, that
// is what the Classifier found in the body; the span is then exported a little later,
// when that is known, with the time at which it ended. Otherwise it is what status and
// headers tell.
//
// Its zero value uses the global providers and propagator. It is safe for
// concurrent use; it must not be copied after first use and its fields must not
// change once it is in use.
type Attempts struct {
	// Base makes the requests. nil is http.DefaultTransport.
	Base http.RoundTripper

	// TracerProvider makes the tracer, MeterProvider the meter, and Propagator
	// writes the headers, on a copy of the request. nil are the global ones; the
	// global propagator writes none until one is set.
	TracerProvider trace.TracerProvider
	MeterProvider  metric.MeterProvider
	Propagator     propagation.TextMapPropagator

	// Query are the names of query parameters whose values url.full shows, as far
	// as they do not look like a secret. nil is none; others show REDACTED.
	Query []string

	once     sync.Once
	err      error
	tracer   trace.Tracer
	duration httpconv.ClientRequestDuration
}

// RoundTrip implements http.RoundTripper.
func (t *Attempts) RoundTrip(req *http.Request) (*http.Response, error) {
	t.once.Do(t.open)
	if t.err != nil {
		return refuse(req, t.err)
	}
	a, with := t.begin(req)
	returned := false
	defer func() {
		if !returned { // the base panicked
			a.mu.Lock()
			defer a.mu.Unlock()
			a.end, a.failure = time.Now(), typePanic
			a.finish()
		}
	}()
	resp, err := send(t.base(), with)
	returned = true
	if resp != nil {
		a.answered(resp)
	}
	if resp != nil && endsLater(resp) {
		resp.Body = &watchedBody{ReadCloser: resp.Body, over: a.over}
		return resp, err
	}
	if resp == nil && err == nil {
		a.judge(0, steadyhttp.Unknown.String()) // http.Client makes an error of it
	}
	a.over(err)
	return resp, err
}

// CloseIdleConnections closes the idle connections of Base, if it can.
func (t *Attempts) CloseIdleConnections() { closeIdle(t.base()) }

func (t *Attempts) base() http.RoundTripper { return orDefault(t.Base) }

func (t *Attempts) open() {
	if t.err = acyclic(t); t.err != nil {
		return
	}
	learnSecrets(t.Base)
	var err error
	t.tracer = tracerOf(t.TracerProvider)
	if t.duration, err = httpconv.NewClientRequestDuration(meterOf(t.MeterProvider)); err != nil {
		otel.Handle(err) // and nothing is recorded
	}
}

func (t *Attempts) propagator() propagation.TextMapPropagator {
	if t.Propagator == nil {
		return otel.GetTextMapPropagator()
	}
	return t.Propagator
}

func tracerOf(p trace.TracerProvider) trace.Tracer {
	if p == nil {
		p = otel.GetTracerProvider()
	}
	return p.Tracer(scope, trace.WithSchemaURL(semconv.SchemaURL))
}

func meterOf(p metric.MeterProvider) metric.Meter {
	if p == nil {
		p = otel.GetMeterProvider()
	}
	return p.Meter(scope, metric.WithSchemaURL(semconv.SchemaURL))
}

// An attempt is one request on the wire.
type attempt struct {
	t      *Attempts
	call   *call // that it is of; nil without Calls further out
	ctx    context.Context
	span   trace.Span
	start  time.Time
	common []attribute.KeyValue // of the span and of the metric

	mu       sync.Mutex // guards what follows
	status   int        // 0 without an answer
	protocol string     // its version, "" if not known
	failure  string     // the error.type; "" for a success
	end      time.Time  // zero until it is over
	finished bool
}

// begin starts the span, and returns the request to send: a copy with other
// headers and in another context.
func (t *Attempts) begin(req *http.Request) (*attempt, *http.Request) {
	a := &attempt{t: t, start: time.Now(), common: target(req)}
	if c := callFrom(req.Context()); c != nil && c.isRunning() { // else it is over, and its context was left over
		a.call = c
	}
	attrs := startOf(req, a.common, t.Query)
	if n := a.resent(req.Context()); n > 0 {
		attrs = append(attrs, semconv.HTTPRequestResendCount(n))
	}
	a.ctx, a.span = t.tracer.Start(req.Context(), nameOf(a.common),
		trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(attrs...))
	with := req.WithContext(a.ctx)
	with.Header = req.Header.Clone()
	if with.Header == nil {
		with.Header = make(http.Header)
	}
	t.propagator().Inject(a.ctx, propagation.HeaderCarrier(with.Header))
	return a, with
}

// resent counts the requests that were sent for the same call before.
func (a *attempt) resent(ctx context.Context) int {
	if a.call != nil {
		return a.call.sending(a)
	}
	if record, ok := steadyhttp.FromContext(ctx); ok {
		return record.Attempts - 1
	}
	return 0
}

func (a *attempt) answered(resp *http.Response) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.status = resp.StatusCode
	a.protocol = protocolOf(resp)
	// Now, since the headers are the caller's once they are with him.
	a.failure = classOf(verdictOn(resp))
}

// judge notes the verdict on the answer with that status, or on an error if it is 0, if
// that is what a came to.
func (a *attempt) judge(status int, failure string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.status == status && !a.finished {
		a.failure = failure
	}
}

func protocolOf(resp *http.Response) string {
	switch {
	case resp.ProtoMajor == 0:
		return "" // a fake
	case resp.ProtoMajor >= 2:
		return fmt.Sprint(resp.ProtoMajor)
	}
	return fmt.Sprintf("%d.%d", resp.ProtoMajor, resp.ProtoMinor)
}

// over notes that the attempt has ended, with err or with the end of its body.
func (a *attempt) over(err error) {
	a.mu.Lock()
	a.end = time.Now()
	if err != nil && a.failure == "" {
		a.failure = classOf(verdictOnError(a.ctx, err))
	}
	a.mu.Unlock()
	if a.call == nil || !a.call.keeps(a) {
		a.finishIfOver()
	}
}

// finishIfOver ends the span and records the duration, once. Nothing more will be known
// of a, which may be nil, but its end.
func (a *attempt) finishIfOver() {
	if a == nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.end.IsZero() && !a.finished {
		a.finish()
	}
}

// finish requires a.mu held, and a to be over.
func (a *attempt) finish() {
	a.finished = true
	attrs := a.common
	if a.status != 0 {
		attrs = append(attrs, semconv.HTTPResponseStatusCode(a.status))
	}
	if a.protocol != "" {
		attrs = append(attrs, semconv.NetworkProtocolVersion(a.protocol))
	}
	if a.failure != "" {
		attrs = append(attrs, semconv.ErrorTypeKey.String(a.failure))
	}
	if a.span.IsRecording() {
		a.span.SetAttributes(attrs[len(a.common):]...)
		if a.failure != "" {
			a.span.SetStatus(codes.Error, "") // the reason is in the attributes
		}
	}
	a.span.End(trace.WithTimestamp(a.end))
	if a.t.duration.Enabled(a.ctx) {
		a.t.duration.RecordSet(a.ctx, a.end.Sub(a.start).Seconds(), attribute.NewSet(attrs...))
	}
}
