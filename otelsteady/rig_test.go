package otelsteady_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cenkalti/backoff/v4"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/steadyhttp/steadyhttp"
	"github.com/steadyhttp/steadyhttp/otelsteady"
)

// A rig keeps all spans and metrics of the wrappers it makes.
type rig struct {
	spans   *tracetest.InMemoryExporter
	reader  *metric.ManualReader
	tracing *trace.TracerProvider
	meters  *metric.MeterProvider
}

func newRig(options ...trace.TracerProviderOption) *rig {
	r := &rig{spans: tracetest.NewInMemoryExporter(), reader: metric.NewManualReader()}
	r.tracing = trace.NewTracerProvider(append(options, trace.WithSyncer(r.spans))...)
	r.meters = metric.NewMeterProvider(metric.WithReader(r.reader))
	return r
}

func (r *rig) calls(base http.RoundTripper) *otelsteady.Calls {
	return &otelsteady.Calls{Base: base, TracerProvider: r.tracing, MeterProvider: r.meters}
}

func (r *rig) attempts(base http.RoundTripper) *otelsteady.Attempts {
	return &otelsteady.Attempts{Base: base, TracerProvider: r.tracing, MeterProvider: r.meters, Propagator: propagation.TraceContext{}}
}

// around is the recommended chain with waits of exactly a second.
func (r *rig) around(base http.RoundTripper) http.RoundTripper {
	return r.calls(&steadyhttp.Transport{Retrier: everySecond(), Base: r.attempts(base), Trace: otelsteady.Trace()})
}

func everySecond() *steadyhttp.Retrier {
	return &steadyhttp.Retrier{BackOff: func() backoff.BackOff { return backoff.NewConstantBackOff(time.Second) }}
}

// ended returns the spans that have ended: those of calls and those of
// attempts, each in the order in which they began.
func (r *rig) ended() (calls, attempts tracetest.SpanStubs) {
	for _, s := range r.spans.GetSpans() {
		to := &attempts
		if strings.HasPrefix(s.Name, "steadyhttp ") {
			to = &calls
		}
		i := len(*to)
		for i > 0 && (*to)[i-1].StartTime.After(s.StartTime) {
			i--
		}
		*to = append((*to)[:i], append(tracetest.SpanStubs{s}, (*to)[i:]...)...)
	}
	return calls, attempts
}

// attr is what a span says under key, "" for nothing.
func attr(s tracetest.SpanStub, key string) string {
	set := attribute.NewSet(s.Attributes...)
	v, ok := set.Value(attribute.Key(key))
	if !ok {
		return ""
	}
	return v.String()
}

func wantAttr(t *testing.T, s tracetest.SpanStub, key, want string) {
	t.Helper()
	if got := attr(s, key); got != want {
		t.Errorf("%s of span %q: got %q, want %q", key, s.Name, got, want)
	}
}

// wantCounts checks how many spans have ended, and ends the test if that is
// wrong.
func (r *rig) wantCounts(t *testing.T, calls, attempts int) (tracetest.SpanStubs, tracetest.SpanStubs) {
	t.Helper()
	c, a := r.ended()
	if len(c) != calls || len(a) != attempts {
		t.Fatalf("ended: got %d spans of calls and %d of attempts, want %d and %d", len(c), len(a), calls, attempts)
	}
	return c, a
}

// collect returns the data points of a metric, by their attributes.
func (r *rig) collect(t *testing.T) map[string]metricdata.Aggregation {
	t.Helper()
	var all metricdata.ResourceMetrics
	if err := r.reader.Collect(context.Background(), &all); err != nil {
		t.Fatal(err)
	}
	found := make(map[string]metricdata.Aggregation)
	for _, s := range all.ScopeMetrics {
		for _, m := range s.Metrics {
			found[m.Name] = m.Data
		}
	}
	return found
}

// A sum is a histogram's point.
type sum struct {
	count uint64
	sum   float64
}

// histogram returns the points of a histogram, keyed by their attributes as
// "k=v,k=v" in the order of the alphabet.
func (r *rig) histogram(t *testing.T, name string) map[string]sum {
	t.Helper()
	points := make(map[string]sum)
	switch data := r.collect(t)[name].(type) {
	case metricdata.Histogram[float64]:
		for _, p := range data.DataPoints {
			points[p.Attributes.Encoded(attribute.DefaultEncoder())] = sum{p.Count, p.Sum}
		}
	case metricdata.Histogram[int64]:
		for _, p := range data.DataPoints {
			points[p.Attributes.Encoded(attribute.DefaultEncoder())] = sum{p.Count, float64(p.Sum)}
		}
	}
	return points
}

func (r *rig) wantHistogram(t *testing.T, name string, want map[string]sum) {
	t.Helper()
	got := r.histogram(t, name)
	for k, w := range want {
		if g := got[k]; g != w {
			t.Errorf("%s{%s}: got %+v, want %+v", name, k, g, w)
		}
	}
	for k := range got {
		if _, ok := want[k]; !ok {
			t.Errorf("%s: {%s} was not expected", name, k)
		}
	}
}

// gauges returns the points of a gauge, keyed as a histogram's.
func (r *rig) gauges(t *testing.T, name string) map[string]float64 {
	t.Helper()
	points := make(map[string]float64)
	switch data := r.collect(t)[name].(type) {
	case metricdata.Gauge[int64]:
		for _, p := range data.DataPoints {
			points[p.Attributes.Encoded(attribute.DefaultEncoder())] = float64(p.Value)
		}
	case metricdata.Gauge[float64]:
		for _, p := range data.DataPoints {
			points[p.Attributes.Encoded(attribute.DefaultEncoder())] = p.Value
		}
	}
	return points
}

// A reply is one thing that a scripted base does.
type reply struct {
	status int
	header map[string]string
	body   string
	err    error         // in place of an answer
	cut    error         // at the body's end, in place of io.EOF
	after  time.Duration // until the headers
	during time.Duration // until the body's end
	panics bool
}

// script is a base without a network: it plays replies in order, the last for
// ever, and keeps the requests that it was sent.
type script struct {
	replies []reply

	mu   sync.Mutex // guards sent
	sent []*http.Request
}

func playing(replies ...reply) *script { return &script{replies: replies} }

func (s *script) requests() []*http.Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sent
}

func (s *script) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body != nil {
		io.Copy(io.Discard, req.Body)
		req.Body.Close()
	}
	s.mu.Lock()
	r := s.replies[min(len(s.sent), len(s.replies)-1)]
	s.sent = append(s.sent, req)
	s.mu.Unlock()
	if err := pause(req.Context(), r.after); err != nil {
		return nil, err
	}
	if r.panics {
		panic("the base")
	}
	if r.err != nil {
		return nil, r.err
	}
	resp := &http.Response{
		StatusCode: r.status, Proto: "HTTP/2.0", ProtoMajor: 2, Header: http.Header{}, Request: req,
		ContentLength: int64(len(r.body)),
		Body:          &scriptedBody{Reader: strings.NewReader(r.body), ctx: req.Context(), reply: r},
	}
	for name, value := range r.header {
		resp.Header.Set(name, value)
	}
	if resp.Header.Get("Content-Type") == "text/event-stream" {
		resp.ContentLength = -1
	}
	return resp, nil
}

type scriptedBody struct {
	*strings.Reader
	ctx   context.Context
	reply reply
}

func (b *scriptedBody) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if err != io.EOF {
		return n, err
	}
	if err := pause(b.ctx, b.reply.during); err != nil {
		return n, err
	}
	if b.reply.cut != nil {
		return n, b.reply.cut
	}
	return n, io.EOF
}

func (b *scriptedBody) Close() error { return nil }

func pause(ctx context.Context, d time.Duration) error {
	if d == 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx) // as net/http
	}
}

var errBroken = errors.New("something broke")

const (
	chatURL    = "https://api.openai.com/v1/chat/completions"
	chatTarget = "http.request.method=POST"
	chatHost   = "server.address=api.openai.com,server.port=443"
)

func request(t testing.TB, ctx context.Context, method, url, body string) *http.Request {
	t.Helper()
	var r io.Reader
	if body != "" {
		r = strings.NewReader(body)
	}
	req, err := http.NewRequestWithContext(ctx, method, url, r)
	if err != nil {
		t.Fatal(err)
	}
	return req
}

func chat(t testing.TB, ctx context.Context) *http.Request {
	t.Helper()
	return request(t, ctx, "POST", chatURL, `{"model":"m"}`)
}

// do makes the request, reads the answer to its end and closes it.
func do(t testing.TB, rt http.RoundTripper, req *http.Request) (status int, body string, err error) {
	t.Helper()
	resp, err := rt.RoundTrip(req)
	if err != nil {
		return 0, "", err
	}
	all, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	return resp.StatusCode, string(all), err
}
