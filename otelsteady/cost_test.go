package otelsteady_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/steadyhttp/steadyhttp"
	"github.com/steadyhttp/steadyhttp/otelsteady"
)

// BenchmarkCall is what a call that succeeds at once costs through a
// steadyhttp.Transport with Calls and Attempts, over loopback, and with a base
// that answers from memory; in units of the same call through the Transport
// alone. Spans that are sampled go to an exporter that drops them.
func BenchmarkCall(b *testing.B) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"ok":true}`)
	}))
	defer server.Close()
	memory := roundTripper(func(req *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 200, ProtoMajor: 2, Header: http.Header{}, Request: req, Body: io.NopCloser(strings.NewReader("{}"))}, nil
	})
	for _, where := range []struct {
		name, url string
		base      http.RoundTripper
	}{
		{"loopback", server.URL, server.Client().Transport},
		{"memory", "https://api.example.com/v1/items", memory},
	} {
		sampled, unsampled := providers(trace.AlwaysSample()), providers(trace.NeverSample())
		for _, how := range []struct {
			name string
			rt   http.RoundTripper
		}{
			{"bare", &steadyhttp.Transport{Base: where.base}},
			{"no SDK", &otelsteady.Calls{Base: &steadyhttp.Transport{Base: &otelsteady.Attempts{Base: where.base}}}},
			{"unsampled", unsampled(where.base)},
			{"sampled", sampled(where.base)},
		} {
			b.Run(where.name+"/"+how.name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					req, err := http.NewRequest("GET", where.url, nil)
					if err != nil {
						b.Fatal(err)
					}
					if _, _, err := do(b, how.rt, req); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func providers(sampler trace.Sampler) func(base http.RoundTripper) http.RoundTripper {
	tracing := trace.NewTracerProvider(trace.WithSampler(sampler), trace.WithSyncer(tracetest.NewNoopExporter()))
	meters := metric.NewMeterProvider(metric.WithReader(metric.NewManualReader()))
	return func(base http.RoundTripper) http.RoundTripper {
		return &otelsteady.Calls{TracerProvider: tracing, MeterProvider: meters, Base: &steadyhttp.Transport{
			Base: &otelsteady.Attempts{TracerProvider: tracing, MeterProvider: meters, Propagator: propagation.TraceContext{}, Base: base},
		}}
	}
}
