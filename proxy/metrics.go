package main

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/otel/attribute"
	exporter "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/steadyhttp/steadyhttp"
	"github.com/steadyhttp/steadyhttp/otelsteady"
)

// metrics measures calls and attempts with otelsteady, and shows the figures to
// Prometheus. The names are in docs/metrics.md.
type metrics struct {
	http.Handler
	meters *metric.MeterProvider
}

func newMetrics() (*metrics, error) {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	reader, err := exporter.New(exporter.WithRegisterer(registry), exporter.WithoutScopeInfo())
	if err != nil {
		return nil, err
	}
	return &metrics{promhttp.HandlerFor(registry, promhttp.HandlerOpts{}), metric.NewMeterProvider(metric.WithReader(reader))}, nil
}

// attempts returns base with its requests measured.
func (m *metrics) attempts(base http.RoundTripper) http.RoundTripper {
	return &otelsteady.Attempts{Base: base, MeterProvider: m.meters, TracerProvider: noop.NewTracerProvider()}
}

// calls returns t with its calls and their waits measured, and shows its limits under
// the upstream's prefix. t is not in use yet.
func (m *metrics) calls(t *steadyhttp.Transport, prefix string) (http.RoundTripper, error) {
	if _, err := otelsteady.ObserveThrottler(m.meters, t, attribute.String("steadyhttp.proxy.upstream", prefix+"/")); err != nil {
		return nil, err
	}
	t.Trace = otelsteady.Trace()
	return &otelsteady.Calls{Base: t, MeterProvider: m.meters, TracerProvider: noop.NewTracerProvider()}, nil
}
