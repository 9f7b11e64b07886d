package otelsteady_test

import (
	"context"
	"net/http"
	"testing"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/steadyhttp/steadyhttp"
	"github.com/steadyhttp/steadyhttp/otelsteady"
	"github.com/steadyhttp/steadyhttp/steadyhttptest"
)

func TestConformance(t *testing.T) {
	tracing := trace.NewTracerProvider(trace.WithSyncer(tracetest.NewNoopExporter()))
	metering := metric.NewMeterProvider(metric.WithReader(metric.NewManualReader()))
	t.Cleanup(func() {
		for _, shutdown := range []func(context.Context) error{tracing.Shutdown, metering.Shutdown} {
			if err := shutdown(context.Background()); err != nil {
				t.Error(err)
			}
		}
	})
	calls := func(base http.RoundTripper) http.RoundTripper {
		return &otelsteady.Calls{Base: base, TracerProvider: tracing, MeterProvider: metering}
	}
	attempts := func(base http.RoundTripper) http.RoundTripper {
		return &otelsteady.Attempts{Base: base, TracerProvider: tracing, MeterProvider: metering, Propagator: propagation.TraceContext{}}
	}
	for _, c := range []struct {
		name string
		wrap func(http.RoundTripper) http.RoundTripper
	}{
		{"Calls", calls},
		{"Attempts", attempts},
		{"Calls with the global providers", func(b http.RoundTripper) http.RoundTripper { return &otelsteady.Calls{Base: b} }},
		{"Attempts with the global providers", func(b http.RoundTripper) http.RoundTripper { return &otelsteady.Attempts{Base: b} }},
		{"around a Transport", func(b http.RoundTripper) http.RoundTripper {
			return calls(&steadyhttp.Transport{Trace: otelsteady.Trace(), Base: attempts(b)})
		}},
		{"inside a Transport, both", func(b http.RoundTripper) http.RoundTripper {
			return &steadyhttp.Transport{Base: calls(attempts(b))}
		}},
		{"between a Retrier and a Classifier", func(b http.RoundTripper) http.RoundTripper {
			return calls(&steadyhttp.Retrier{Base: attempts(&steadyhttp.Classifier{Base: b})})
		}},
		{"the wrong way round", func(b http.RoundTripper) http.RoundTripper {
			return attempts(&steadyhttp.Transport{Base: calls(b)})
		}},
	} {
		t.Run(c.name, func(t *testing.T) { steadyhttptest.TestRoundTripper(t, c.wrap) })
	}
}
