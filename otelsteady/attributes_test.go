package otelsteady_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/semconv/v1.43.0/httpconv"

	"github.com/steadyhttp/steadyhttp"
	"github.com/steadyhttp/steadyhttp/otelsteady"
)

func TestWhatASpanTellsOfItsRequest(t *testing.T) {
	for _, c := range []struct {
		name, method, url                  string
		wantName, wantMethod, wantOriginal string
		wantURL, wantAddress, wantPort     string
	}{
		{"plain", "GET", "http://api.example.com/v1/items", "GET", "GET", "", "http://api.example.com/v1/items", "api.example.com", "80"},
		{"no method", "", "https://API.example.com:8443/", "GET", "GET", "", "https://API.example.com:8443/", "api.example.com", "8443"},
		{"a method that nobody knows", "BREW", "https://api.example.com/pot", "HTTP", "_OTHER", "BREW", "https://api.example.com/pot", "api.example.com", "443"},
		{"methods are told by case", "get", "https://api.example.com/", "HTTP", "_OTHER", "get", "https://api.example.com/", "api.example.com", "443"},
		{"QUERY", "QUERY", "https://api.example.com/", "QUERY", "QUERY", "", "https://api.example.com/", "api.example.com", "443"},
		{"IPv6", "GET", "http://[::1]:9090/x", "GET", "GET", "", "http://[::1]:9090/x", "::1", "9090"},
		{"user information", "GET", "https://user:hunter2@api.example.com/", "GET", "GET", "", "https://REDACTED:REDACTED@api.example.com/", "api.example.com", "443"},
		{"a user alone, as Stripe takes its key", "GET", "https://hunter2@api.example.com/", "GET", "GET", "", "https://REDACTED:REDACTED@api.example.com/", "api.example.com", "443"},
		{"signatures and others", "GET", "https://s3.example.com/b?X-Amz-Signature=1234&sig=5678&color=blue&page=2&api_key=hunter2", "GET", "GET", "",
			"https://s3.example.com/b?X-Amz-Signature=REDACTED&sig=REDACTED&color=REDACTED&page=2&api_key=REDACTED", "s3.example.com", "443"},
		{"a query without names", "GET", "https://api.example.com/?hunter2&page", "GET", "GET", "", "https://api.example.com/?REDACTED&page", "api.example.com", "443"},
		{"a key in the path", "GET", "https://api.telegram.org/bot123456789:AAFdummyDummy1234567890abcdefghij/getMe", "GET", "GET", "",
			"https://api.telegram.org/bot123456789:[redacted]/getMe", "api.telegram.org", "443"},
		{"no scheme", "GET", "//example.com/x", "GET", "GET", "", "//example.com/x", "example.com", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig()
			u, err := url.Parse(c.url)
			if err != nil {
				t.Fatal(err)
			}
			rt := r.attempts(playing(reply{status: 200}))
			rt.Query = []string{"page", "sig", "api_key"} // of which the last two are secrets all the same
			do(t, rt, &http.Request{Method: c.method, URL: u})
			_, attempts := r.wantCounts(t, 0, 1)
			if attempts[0].Name != c.wantName {
				t.Errorf("name: got %q, want %q", attempts[0].Name, c.wantName)
			}
			for key, want := range map[string]string{
				"http.request.method": c.wantMethod, "http.request.method_original": c.wantOriginal,
				"url.full": c.wantURL, "server.address": c.wantAddress, "server.port": c.wantPort,
			} {
				wantAttr(t, attempts[0], key, want)
			}
		})
	}
	t.Run("no URL at all", func(t *testing.T) {
		r := newRig()
		do(t, r.calls(r.attempts(playing(reply{status: 200}))), &http.Request{})
		r.wantCounts(t, 1, 1)
	})
}

// Neither names nor units of the conventions are ours to change: what we record
// is compared with the newest version of their package.
func TestNamesAreTheConventions(t *testing.T) {
	r := newRig()
	do(t, r.around(playing(reply{status: 404})), request(t, t.Context(), "BREW", "https://api.example.com/", ""))
	known := map[attribute.Key]bool{
		semconv.HTTPRequestMethodKey: true, semconv.HTTPRequestMethodOriginalKey: true, semconv.HTTPRequestResendCountKey: true,
		semconv.HTTPResponseStatusCodeKey: true, semconv.ServerAddressKey: true, semconv.ServerPortKey: true, semconv.URLFullKey: true,
		semconv.ErrorTypeKey: true, semconv.NetworkProtocolVersionKey: true,
	}
	calls, attempts := r.wantCounts(t, 1, 1)
	for _, a := range attempts[0].Attributes {
		if !known[a.Key] {
			t.Errorf("the span of an attempt has %s, which the conventions do not", a.Key)
		}
	}
	for _, a := range calls[0].Attributes {
		if !known[a.Key] && !strings.HasPrefix(string(a.Key), "steadyhttp.") && !strings.HasPrefix(string(a.Key), "gen_ai.usage.") {
			t.Errorf("the span of a call has %s, which is neither the conventions' nor named ours", a.Key)
		}
	}
	for _, s := range append(calls, attempts...) {
		if s.InstrumentationScope.SchemaURL != semconv.SchemaURL {
			t.Errorf("schema of span %q: got %q, want %q", s.Name, s.InstrumentationScope.SchemaURL, semconv.SchemaURL)
		}
	}
	var all metricdata.ResourceMetrics
	if err := r.reader.Collect(t.Context(), &all); err != nil {
		t.Fatal(err)
	}
	var conv httpconv.ClientRequestDuration
	found := false
	for _, m := range all.ScopeMetrics[0].Metrics {
		if m.Name != conv.Name() {
			continue
		}
		found = true
		if m.Unit != conv.Unit() || m.Description != conv.Description() {
			t.Errorf("got unit %q and %q, want %q and %q", m.Unit, m.Description, conv.Unit(), conv.Description())
		}
		if n := len(m.Data.(metricdata.Histogram[float64]).DataPoints[0].Bounds); n != 14 {
			t.Errorf("got %d bounds, want the conventions' 14", n)
		}
	}
	if !found {
		t.Errorf("no %s", conv.Name())
	}
}

// A thousand paths, queries, methods and answers make no more series than the
// few that differ in what is bounded.
func TestMetricsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		rt := r.around(playing(reply{status: 404, body: `{"error":{"message":"no","code":"x"}}`}))
		for i := range 1000 {
			do(t, rt, request(t, t.Context(), fmt.Sprintf("M%d", i), fmt.Sprintf("https://api.example.com/users/%d?page=%d", i, i), ""))
		}
		for name, data := range r.collect(t) {
			n := 0
			switch h := data.(type) {
			case metricdata.Histogram[float64]:
				n = len(h.DataPoints)
			case metricdata.Histogram[int64]:
				n = len(h.DataPoints)
			}
			if n != 1 {
				t.Errorf("%s: got %d series, want 1", name, n)
			}
		}
	})
}

// No secret of a request, nor one that a server or an error quotes, is in any
// span or metric.
func TestNoSecretIsTold(t *testing.T) {
	const canary = "c4n4ryc4n4ryc4n4ry77"
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		throttler := &steadyhttp.Throttler{RequestsPerSecond: 100, Key: func(req *http.Request) string { return "key=" + canary }}
		registration, err := otelsteady.ObserveThrottler(r.meters, throttler)
		if err != nil {
			t.Fatal(err)
		}
		defer registration.Unregister()
		echo := map[string]string{"X-Request-Id": canary, "Content-Type": "application/json"}
		body := `{"error":{"message":"Incorrect API key provided: ` + canary + `","code":"` + canary + `","type":"` + canary + `"}}`
		base := playing(
			reply{status: 503, header: echo, body: body}, reply{status: 401, header: echo, body: body},
			reply{err: &url.Error{Op: "Get", URL: "https://x/?key=" + canary, Err: fmt.Errorf("proxy said: Bearer %s", canary)}},
		)
		rt := r.calls(&steadyhttp.Transport{Trace: otelsteady.Trace(), Retrier: everySecond(), Throttler: throttler, Base: r.attempts(base)})
		for range 3 {
			req := request(t, t.Context(), "GET", "https://"+canary+":"+canary+"@api.example.com/x?key="+canary+"&"+canary+"&state="+canary, "")
			req.Header.Set("Authorization", "Bearer "+canary)
			req.Header.Set("X-Api-Key", canary)
			req.Header.Set("Cookie", "session="+canary)
			do(t, rt, req)
		}
		// Without a wrapper that knows the request's credentials, an error's text is not told.
		req := request(t, t.Context(), "GET", "https://api.example.com/", "")
		req.Header.Set("X-Api-Key", canary)
		do(t, r.calls(r.attempts(playing(reply{err: fmt.Errorf("bad %s", canary)}))), req)
		told := fmt.Sprintf("%+v", r.spans.GetSpans())
		var all metricdata.ResourceMetrics
		if err := r.reader.Collect(t.Context(), &all); err != nil {
			t.Fatal(err)
		}
		told += fmt.Sprintf("%+v", all)
		for _, s := range r.spans.GetSpans() {
			told += fmt.Sprint(s.Attributes, s.Events, s.Status)
		}
		for data := range strings.SplitSeq(told, "{") {
			if strings.Contains(data, canary) {
				t.Errorf("told: %q", data)
			}
		}
		if !strings.Contains(told, "api.example.com") {
			t.Error("nothing was told at all")
		}
	})
}

// Spans that are not sampled cost no attributes at their end; metrics are
// recorded all the same, and the server hears that it need not sample either.
func TestCallsThatAreNotSampled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(trace.WithSampler(trace.NeverSample()))
		base := playing(reply{status: 503}, reply{status: 200})
		do(t, r.around(base), chat(t, t.Context()))
		r.wantCounts(t, 0, 0)
		r.wantHistogram(t, "steadyhttp.call.attempts", map[string]sum{chatTarget + ",http.response.status_code=200," + chatHost: {1, 2}})
		for i, req := range base.requests() {
			if v := req.Header.Get("Traceparent"); !strings.HasSuffix(v, "-00") {
				t.Errorf("attempt %d: got traceparent %q, want one with no flag", i+1, v)
			}
		}
	})
}

// A header that the caller set himself is replaced on our copy alone.
func TestTheCallersHeadersStay(t *testing.T) {
	r := newRig()
	base := playing(reply{status: 200})
	req := chat(t, context.Background())
	req.Header["Traceparent"] = []string{"mine"}
	do(t, r.attempts(base), req)
	if got := req.Header["Traceparent"]; len(got) != 1 || got[0] != "mine" {
		t.Errorf("the caller's: got %q", got)
	}
	if got := base.requests()[0].Header.Values("Traceparent"); len(got) != 1 || got[0] == "mine" {
		t.Errorf("what was sent: got %q", got)
	}
}

func TestAttemptsOfManyCallsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		rt := r.around(roundTripper(func(req *http.Request) (*http.Response, error) {
			time.Sleep(time.Millisecond)
			status := 200
			if req.Header.Get("X-Fine") == "" {
				status = 404
			}
			return &http.Response{StatusCode: status, Header: http.Header{}, Request: req, Body: http.NoBody}, nil
		}))
		for i := range 50 {
			go func() {
				req := request(t, t.Context(), "GET", "https://api.example.com/", "")
				if i%2 == 0 {
					req.Header.Set("X-Fine", "1")
				}
				do(t, rt, req)
			}()
		}
		time.Sleep(time.Second)
		calls, attempts := r.wantCounts(t, 50, 50)
		classes := map[string]int{}
		for _, s := range append(calls, attempts...) {
			classes[attr(s, "error.type")]++
		}
		if classes[""] != 50 || classes["not_found"] != 50 {
			t.Errorf("got %v, want 50 of each", classes)
		}
	})
}
