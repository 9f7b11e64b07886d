package otelsteady_test

import (
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/steadyhttp/steadyhttp"
	"github.com/steadyhttp/steadyhttp/limit"
	"github.com/steadyhttp/steadyhttp/otelsteady"
)

// Whatever is told has its line in the README.
func TestTheREADMENamesAll(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	named := func(name string) {
		t.Helper()
		if !strings.Contains(string(text), "`"+name+"`") {
			t.Errorf("README.md does not name `%s`", name)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		throttler := &steadyhttp.Throttler{TokensPerMinute: 60_000, MaxConcurrent: 1, ByModel: true}
		r.observe(t, throttler)
		r.observe(t, &steadyhttp.Throttler{Limiter: states{{Key: limit.Key{Host: "b"}, PerSecond: 3}}}) // the real one finds no rate here
		base := playing(
			reply{status: 503, header: map[string]string{"Retry-After": "1"}}, reply{status: 503},
			reply{status: 429, header: map[string]string{"X-Request-Id": "req_7"}, body: insufficientQuota},
			reply{status: 429, body: `{"error":{"message":"Slow down.","type":"requests"}}`},
			reply{status: 200, after: time.Minute, header: map[string]string{"Content-Type": "text/event-stream"},
				body: "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":11,\"prompt_tokens_details\":{\"cached_tokens\":5},\"completion_tokens_details\":{\"reasoning_tokens\":9}}}\n\ndata: [DONE]\n\n"},
		)
		rt := r.calls(&steadyhttp.Transport{Trace: otelsteady.Trace(), Retrier: everySecond(), Throttler: throttler, Base: r.attempts(base)})
		do(t, rt, chat(t, t.Context()))
		for range 2 {
			go do(t, rt, chat(t, steadyhttp.WithPriority(t.Context(), steadyhttp.Batch)))
		}
		do(t, rt, request(t, t.Context(), "BREW", chatURL, ""))
		elsewhere := playing(reply{status: 503}, reply{status: 200})
		do(t, r.calls(&steadyhttp.Transport{Trace: otelsteady.Trace(),
			Failover: &steadyhttp.Failover{Targets: []steadyhttp.Target{{URL: "https://second.example/v1"}}}, Base: r.attempts(elsewhere),
		}), chat(t, t.Context()))
		time.Sleep(time.Hour)
		calls, attempts := r.ended()
		told := make(map[string]bool)
		for _, s := range append(calls, attempts...) {
			for _, a := range s.Attributes {
				told[string(a.Key)] = true
			}
			for _, e := range s.Events {
				told[e.Name] = true
				for _, a := range e.Attributes {
					told[string(a.Key)] = true
				}
			}
		}
		for name, data := range r.collect(t) {
			told[name] = true
			for _, set := range sets(data) {
				for _, a := range set.ToSlice() {
					told[string(a.Key)] = true
				}
			}
		}
		for name := range told {
			named(name)
		}
		// That the calls above were such that all there is was told.
		for name := range strings.SplitSeq(string(text), "`") {
			known := strings.HasPrefix(name, "steadyhttp.") || strings.HasPrefix(name, "http.") || strings.HasPrefix(name, "gen_ai.")
			if known && name != "steadyhttp.Error" && name != "steadyhttp.Trace" && name != "http.Client" && name != "http.RoundTripper" && !told[name] {
				t.Errorf("README.md names `%s`, which is nowhere", name)
			}
		}
	})
}

// sets returns the attributes of all points.
func sets(data metricdata.Aggregation) (all []attribute.Set) {
	switch d := data.(type) {
	case metricdata.Histogram[float64]:
		for _, p := range d.DataPoints {
			all = append(all, p.Attributes)
		}
	case metricdata.Histogram[int64]:
		for _, p := range d.DataPoints {
			all = append(all, p.Attributes)
		}
	case metricdata.Gauge[float64]:
		for _, p := range d.DataPoints {
			all = append(all, p.Attributes)
		}
	case metricdata.Gauge[int64]:
		for _, p := range d.DataPoints {
			all = append(all, p.Attributes)
		}
	}
	return all
}
