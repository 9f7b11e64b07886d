package otelsteady_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/steadyhttp/steadyhttp"
	"github.com/steadyhttp/steadyhttp/otelsteady"
	"github.com/steadyhttp/steadyhttp/steadyhttptest"
)

func TestPrometheus(t *testing.T) {
	meters, handler, err := metricsForPrometheus()
	if err != nil {
		t.Fatal(err)
	}
	throttler := &steadyhttp.Throttler{RequestsPerMinute: 6000, TokensPerMinute: 200_000}
	registration, err := otelsteady.ObserveThrottler(meters, throttler)
	if err != nil {
		t.Fatal(err)
	}
	defer registration.Unregister()

	server := steadyhttptest.NewServer()
	defer server.Close()
	again := steadyhttptest.OpenAIError(503, "server_error", "", "try again")
	again.Header = http.Header{"Retry-After-Ms": {"1"}}
	server.Script("/v1/chat/completions", again, steadyhttptest.ChatCompletion("hello"), steadyhttptest.OpenAIError(429, "insufficient_quota", "insufficient_quota", "no money"))

	client := &http.Client{Transport: &otelsteady.Calls{MeterProvider: meters, Base: &steadyhttp.Transport{Trace: otelsteady.Trace(),
		Throttler: throttler, Base: &otelsteady.Attempts{MeterProvider: meters, Base: server.Client().Transport}}}}
	for range 2 {
		resp, err := client.Post(server.URL+"/v1/chat/completions", "application/json", strings.NewReader(`{"model":"gpt-5"}`))
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
	scraped := httptest.NewRecorder()
	handler.ServeHTTP(scraped, httptest.NewRequest("GET", "/metrics", nil))
	got := map[string]string{}
	for line := range strings.Lines(scraped.Body.String()) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "} "); ok {
			got[regexp.MustCompile(`server_port="\d+"|127\.0\.0\.1:\d+`).ReplaceAllString(name, "HERE")+"}"] = value
		}
	}
	const post = `http_request_method="POST"`
	const here = `server_address="127.0.0.1",HERE`
	const host = `steadyhttp_throttler_host="HERE"`
	for series, want := range map[string]string{
		`http_client_request_duration_seconds_count{error_type="unavailable",` + post + `,http_response_status_code="503",network_protocol_version="1.1",` + here + `}`: "1",
		`http_client_request_duration_seconds_count{` + post + `,http_response_status_code="200",network_protocol_version="1.1",` + here + `}`:                          "1",
		`http_client_request_duration_seconds_count{error_type="quota",` + post + `,http_response_status_code="429",network_protocol_version="1.1",` + here + `}`:       "1",
		`steadyhttp_call_duration_seconds_count{` + post + `,http_response_status_code="200",` + here + `}`:                                                             "1",
		`steadyhttp_call_attempts_sum{` + post + `,http_response_status_code="200",` + here + `}`:                                                                       "2",
		`steadyhttp_call_attempts_bucket{` + post + `,http_response_status_code="200",` + here + `,le="1"}`:                                                             "0",
		`steadyhttp_call_attempts_sum{error_type="quota",` + post + `,http_response_status_code="429",` + here + `}`:                                                    "1",
		`steadyhttp_wait_duration_seconds_count{` + here + `,steadyhttp_wait_reason="asked"}`:                                                                           "1",
		`steadyhttp_throttler_waiting{` + host + `}`: "0",
		`steadyhttp_throttler_limit_max{steadyhttp_limit_unit="tokens",steadyhttp_limit_window="minute",` + host + `}`: "200000",
		`steadyhttp_throttler_gate_shut{steadyhttp_gate_reason="failing",` + host + `}`:                                "0",
		`steadyhttp_throttler_gate_left_seconds{` + host + `}`:                                                         "0",
	} {
		if got[series] != want {
			t.Errorf("%s: got %q, want %q", series, got[series], want)
		}
	}
	if t.Failed() {
		t.Log(scraped.Body.String())
	}
	if left := got[`steadyhttp_throttler_limit_left{steadyhttp_limit_unit="tokens",steadyhttp_limit_window="minute",`+host+`}`]; left == "" || left == "200000" {
		t.Errorf("tokens left: got %q, want less than the limit", left)
	}
	if strings.Contains(scraped.Body.String(), "completions") {
		t.Error("a path is in the metrics")
	}
}
