package otelsteady_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/otel"
	exporter "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/steadyhttp/steadyhttp"
	"github.com/steadyhttp/steadyhttp/otelsteady"
	"github.com/steadyhttp/steadyhttp/steadyhttptest"
)

// The wrappers of OpenTelemetry around and inside of a steadyhttp.Transport.
// The provider may be any; here it is one that keeps the spans.
func Example() {
	spans := tracetest.NewInMemoryExporter()
	tracing := trace.NewTracerProvider(trace.WithSyncer(spans))
	defer tracing.Shutdown(context.Background())
	server := failingOnce()
	defer server.Close()

	client := &http.Client{Transport: &otelsteady.Calls{TracerProvider: tracing, Base: &steadyhttp.Transport{Trace: otelsteady.Trace(),
		Base: &otelsteady.Attempts{TracerProvider: tracing, Propagator: propagation.TraceContext{}},
	}}}
	ask(client, server.URL)

	for _, s := range spans.GetSpans() {
		fmt.Println(s.SpanKind, s.Name)
		for _, a := range s.Attributes {
			switch a.Key {
			case "http.response.status_code", "http.request.resend_count", "error.type", "steadyhttp.attempts":
				fmt.Printf("  %s: %s\n", a.Key, a.Value)
			}
		}
		for _, e := range s.Events {
			fmt.Println("  event:", e.Name)
		}
	}
	// Output:
	// client POST
	//   http.response.status_code: 503
	//   error.type: unavailable
	// client POST
	//   http.request.resend_count: 1
	//   http.response.status_code: 200
	// internal steadyhttp POST
	//   http.response.status_code: 200
	//   steadyhttp.attempts: 2
	//   event: steadyhttp.wait
}

// What otelsteady is told, and what is counted beside it.
func ExampleTrace() {
	calls := 0
	count := func(steadyhttp.Call) { calls++ }
	theirs := otelsteady.Trace()
	both := *theirs
	both.CallDone = func(ctx context.Context, c steadyhttp.Call) {
		theirs.CallDone(ctx, c)
		count(c)
	}
	server := failingOnce()
	defer server.Close()

	steady := &steadyhttp.Transport{Base: &otelsteady.Attempts{}, Trace: &both}
	client := &http.Client{Transport: &otelsteady.Calls{Base: steady}}
	ask(client, server.URL)
	fmt.Println(calls, "call")
	// Output: 1 call
}

// With the global providers there is nothing to set.
func ExampleCalls() {
	otel.SetTextMapPropagator(propagation.TraceContext{})

	steady := &steadyhttp.Transport{Base: &otelsteady.Attempts{}, Trace: otelsteady.Trace()}
	client := &http.Client{Transport: &otelsteady.Calls{Base: steady}}
	registration, err := otelsteady.ObserveThrottler(nil, steady)
	if err != nil {
		log.Fatal(err)
	}
	defer registration.Unregister()

	_ = client // give it to your SDK
}

// Attempts alone, without retries: what otelhttp would be used for.
func ExampleAttempts() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Println("traced:", r.Header.Get("Traceparent") != "")
	}))
	defer server.Close()
	tracing := trace.NewTracerProvider()
	defer tracing.Shutdown(context.Background())

	client := &http.Client{Transport: &otelsteady.Attempts{TracerProvider: tracing, Propagator: propagation.TraceContext{}}}
	resp, err := client.Get(server.URL)
	if err != nil {
		log.Fatal(err)
	}
	resp.Body.Close()
	// Output: traced: true
}

// metricsForPrometheus returns a provider of meters, and the handler that shows
// its metrics to Prometheus.
func metricsForPrometheus() (*metric.MeterProvider, http.Handler, error) {
	registry := prometheus.NewRegistry()
	reader, err := exporter.New(exporter.WithRegisterer(registry), exporter.WithoutScopeInfo())
	if err != nil {
		return nil, nil, err
	}
	return metric.NewMeterProvider(metric.WithReader(reader)), promhttp.HandlerFor(registry, promhttp.HandlerOpts{}), nil
}

// The same metrics in Prometheus, by OpenTelemetry's exporter.
func Example_prometheus() {
	meters, handler, err := metricsForPrometheus() // above
	if err != nil {
		log.Fatal(err)
	}
	server := failingOnce()
	defer server.Close()

	throttler := &steadyhttp.Throttler{TokensPerMinute: 200_000, Key: func(*http.Request) string { return "api" }}
	registration, err := otelsteady.ObserveThrottler(meters, throttler)
	if err != nil {
		log.Fatal(err)
	}
	defer registration.Unregister()
	client := &http.Client{Transport: &otelsteady.Calls{MeterProvider: meters, Base: &steadyhttp.Transport{Trace: otelsteady.Trace(),
		Throttler: throttler, Base: &otelsteady.Attempts{MeterProvider: meters}}}}
	ask(client, server.URL)

	scrape := httptest.NewRecorder()
	handler.ServeHTTP(scrape, httptest.NewRequest("GET", "/metrics", nil))
	for line := range strings.Lines(scrape.Body.String()) {
		name, _, _ := strings.Cut(line, "{")
		switch {
		case name == "steadyhttp_throttler_limit_max":
			fmt.Print(line)
		case strings.HasSuffix(name, "_count"):
			labels, count, _ := strings.Cut(line, "} ")
			_, status, _ := strings.Cut(labels, "http_response_status_code=")
			status, _, _ = strings.Cut(status, ",")
			fmt.Print(name, " ", status, " ", count)
		}
	}
	// Output:
	// http_client_request_duration_seconds_count "200" 1
	// http_client_request_duration_seconds_count "503" 1
	// steadyhttp_call_attempts_count "200" 1
	// steadyhttp_call_duration_seconds_count "200" 1
	// steadyhttp_throttler_limit_max{steadyhttp_limit_unit="tokens",steadyhttp_limit_window="minute",steadyhttp_throttler_host="api"} 200000
	// steadyhttp_wait_duration_seconds_count  1
}

// failingOnce answers first with 503, and what to wait, then well.
func failingOnce() *steadyhttptest.Server {
	server := steadyhttptest.NewServer()
	again := steadyhttptest.OpenAIError(503, "server_error", "", "Try again.")
	again.Header = http.Header{"Retry-After-Ms": {"1"}}
	server.Script("/v1/chat/completions", again, steadyhttptest.ChatCompletion("hello"))
	return server
}

func ask(client *http.Client, url string) {
	resp, err := client.Post(url+"/v1/chat/completions", "application/json", strings.NewReader(`{"model":"gpt-5"}`))
	if err != nil {
		log.Fatal(err)
	}
	io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
}
