package otelsteady_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/steadyhttp/steadyhttp"
	"github.com/steadyhttp/steadyhttp/otelsteady"
)

// BenchmarkCall is what a call that succeeds at once costs through a
// steadyhttp.Transport with Calls and Attempts, in units of the same call
// through the Transport alone: over loopback, and with a base that answers from
// memory. Spans that are sampled go to an exporter that drops them.
//
//	go test -run xxx -bench . -benchtime 1x .
func BenchmarkCall(b *testing.B) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"ok":true}`)
	}))
	defer server.Close()
	memory := roundTripper(func(req *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 200, ProtoMajor: 2, Header: http.Header{}, Request: req, Body: io.NopCloser(strings.NewReader("{}"))}, nil
	})
	sampled, unsampled := providers(trace.AlwaysSample()), providers(trace.NeverSample())
	for _, where := range []struct {
		name, url string
		base      http.RoundTripper
		calls     int // in a round
	}{
		{"loopback", server.URL, server.Client().Transport, 1000},
		{"memory", "https://api.example.com/v1/items", memory, 10_000},
	} {
		bare := &steadyhttp.Transport{Base: where.base}
		for _, how := range []struct {
			name string
			rt   http.RoundTripper
		}{
			{"no SDK", &otelsteady.Calls{Base: &steadyhttp.Transport{Trace: otelsteady.Trace(), Base: &otelsteady.Attempts{Base: where.base}}}},
			{"unsampled", unsampled(where.base)},
			{"sampled", sampled(where.base)},
		} {
			b.Run(where.name+"/"+how.name, func(b *testing.B) {
				call := func(rt http.RoundTripper) {
					if _, _, err := do(b, rt, request(b, b.Context(), "GET", where.url, "")); err != nil {
						b.Fatal(err)
					}
				}
				per := func(rt http.RoundTripper) time.Duration {
					start := time.Now()
					for range where.calls {
						call(rt)
					}
					return time.Since(start) / time.Duration(where.calls)
				}
				for range b.N {
					unit, cost := time.Hour, time.Hour
					for range 15 { // interleaved, so that both have the machine at its best once
						unit, cost = min(unit, per(bare)), min(cost, per(how.rt))
					}
					allocs := func(rt http.RoundTripper) float64 { return testing.AllocsPerRun(1000, func() { call(rt) }) }
					b.ReportMetric(float64(cost)/float64(unit), "×bare")
					b.ReportMetric(float64(cost-unit), "ns-more")
					b.ReportMetric(allocs(how.rt)/allocs(bare), "×allocs")
					b.ReportMetric(allocs(how.rt)-allocs(bare), "allocs-more")
					b.ReportMetric(0, "ns/op")
				}
			})
		}
	}
}

func providers(sampler trace.Sampler) func(base http.RoundTripper) http.RoundTripper {
	tracing := trace.NewTracerProvider(trace.WithSampler(sampler), trace.WithSyncer(tracetest.NewNoopExporter()))
	meters := metric.NewMeterProvider(metric.WithReader(metric.NewManualReader()))
	return func(base http.RoundTripper) http.RoundTripper {
		return &otelsteady.Calls{TracerProvider: tracing, MeterProvider: meters, Base: &steadyhttp.Transport{Trace: otelsteady.Trace(),
			Base: &otelsteady.Attempts{TracerProvider: tracing, MeterProvider: meters, Propagator: propagation.TraceContext{}, Base: base},
		}}
	}
}
