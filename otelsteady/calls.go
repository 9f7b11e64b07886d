package otelsteady

import (
	"context"
	"errors"
	"net/http"
	"sync"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/trace"

	"github.com/steadyhttp/steadyhttp"
)

// Calls makes a span of each call, with an event for each wait in it, and
// records how long calls take, in how many attempts, and how long each wait
// was. It belongs outside of whatever repeats requests, around a
// steadyhttp.Transport that has Trace as its Trace, with Attempts beneath for the spans
// of the attempts. Around anything else, and without that Trace, there are no waits, no
// tokens and no reasons: its error.type is what status and headers tell, and its
// attempts are the requests that passed Attempts. OpenTelemetry's error handler is told
// of a Transport right below that has no Trace.
//
// A span ends when the answer's body has ended or was closed; that of an
// upgraded connection ends with the headers. It is of kind internal, since
// requests are told by the spans below it. The event of a wait appears when the wait is
// over, with the time at which it began.
//
// http.Client makes a call of each hop of a redirect.
//
// Its zero value uses the global providers. It is safe for concurrent use; it
// must not be copied after first use and its fields must not change once it is
// in use.
type Calls struct {
	// Base makes the requests. nil is http.DefaultTransport.
	Base http.RoundTripper

	// TracerProvider makes the tracer, MeterProvider the meter. nil are the
	// global ones.
	TracerProvider trace.TracerProvider
	MeterProvider  metric.MeterProvider

	once     sync.Once
	err      error
	tracer   trace.Tracer
	duration metric.Float64Histogram
	attempts metric.Int64Histogram
	wait     metric.Float64Histogram
}

// RoundTrip implements http.RoundTripper.
func (t *Calls) RoundTrip(req *http.Request) (*http.Response, error) {
	t.once.Do(t.open)
	if t.err != nil {
		return refuse(req, t.err)
	}
	c, with := t.begin(req)
	returned := false
	defer func() {
		if !returned { // the base panicked
			c.panicked()
		}
	}()
	resp, err := send(t.base(), with)
	returned = true
	c.returned(resp, err)
	if resp != nil && endsLater(resp) {
		resp.Body = &watchedBody{ReadCloser: resp.Body, over: c.bodyOver}
		return resp, err
	}
	c.finish()
	return resp, err
}

// CloseIdleConnections closes the idle connections of Base, if it can.
func (t *Calls) CloseIdleConnections() { closeIdle(t.base()) }

func (t *Calls) base() http.RoundTripper { return orDefault(t.Base) }

// The bounds of the histograms. Those of durations are the conventions' for
// HTTP, and go on to where a call ends that waits as long as a Retrier waits by
// default. Of attempts, four are a Retrier's default.
var (
	secondsBounds  = []float64{0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 30, 60, 120, 300}
	attemptsBounds = []float64{1, 2, 3, 4, 6, 10}
)

func (t *Calls) open() {
	if t.err = acyclic(t); t.err != nil {
		return
	}
	learnSecrets(t.Base)
	if steady, ok := t.Base.(*steadyhttp.Transport); ok && steady.Trace == nil {
		otel.Handle(errNoTrace)
	}
	t.tracer = tracerOf(t.TracerProvider)
	meter := meterOf(t.MeterProvider)
	t.duration = seconds(meter, metricCallDuration, "Duration of calls: all attempts, the waits between them, and the body of the answer.")
	t.wait = seconds(meter, metricWaitDuration, "Duration of waits before an attempt.")
	var err error
	if t.attempts, err = meter.Int64Histogram(metricCallAttempts, metric.WithUnit("{attempt}"),
		metric.WithDescription("Attempts that a call took."),
		metric.WithExplicitBucketBoundaries(attemptsBounds...)); err != nil {
		otel.Handle(err)
		t.attempts = noop.Int64Histogram{}
	}
}

var errNoTrace = errors.New("otelsteady: the Transport in Calls has no Trace, so its spans have no waits and no reasons; set Trace: otelsteady.Trace()")

// seconds makes a histogram of durations. If that cannot be, the error goes
// where the user sends OpenTelemetry's, and nothing is recorded.
func seconds(meter metric.Meter, name, description string) metric.Float64Histogram {
	h, err := meter.Float64Histogram(name, metric.WithUnit("s"),
		metric.WithDescription(description), metric.WithExplicitBucketBoundaries(secondsBounds...))
	if err != nil {
		otel.Handle(err)
		return noop.Float64Histogram{}
	}
	return h
}

type callKey struct{}

func callFrom(ctx context.Context) *call {
	c, _ := ctx.Value(callKey{}).(*call)
	return c
}
