package dialect_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/steadyhttp/steadyhttp/internal/dialect"
)

var benchmarks = []struct {
	name string
	a    dialect.Answer
}{
	{"openai 1 KiB", dialect.Answer{Method: "POST", Host: "api.openai.com", Path: "/v1/chat/completions", Status: 429,
		Header: http.Header{"Content-Type": {"application/json"}, "X-Request-Id": {"req_1"}},
		Body: []byte(`{"error":{"message":"Rate limit reached for gpt-4o in organization org-a on tokens per min (TPM): Limit 30000, Used 29468, Requested 1163. Please try again in 1.262s. Visit the account page to learn more. ` +
			strings.Repeat("You can increase the limit by adding a payment method to the account. ", 11) + `","type":"tokens","param":null,"code":"rate_limit_exceeded"}}`)}},
	{"google 1 KiB", dialect.Answer{Method: "POST", Host: "generativelanguage.googleapis.com", Path: "/v1beta/models/g:generateContent", Status: 429, Header: http.Header{},
		Body: []byte(`{"error":{"code":429,"message":"You exceeded your current quota, please check your plan and billing details.\n` + strings.Repeat(`* Quota exceeded for metric: requests, limit: 20\n`, 8) + `Please retry in 33.4s.","status":"RESOURCE_EXHAUSTED","details":[{"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[{"quotaMetric":"requests","quotaId":"GenerateRequestsPerMinutePerProjectPerModel","quotaDimensions":{"location":"global","model":"g"},"quotaValue":"20"}]},{"@type":"type.googleapis.com/google.rpc.Help","links":[{"description":"Learn more","url":"https://ai.google.dev/limits"}]},{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"33s"}]}}`)}},
	{"unknown host 1 KiB", dialect.Answer{Method: "GET", Host: "api.example.com", Path: "/x", Status: 500, Header: http.Header{},
		Body: []byte(`{"timestamp":"2024-01-01T00:00:00Z","status":500,"message":"` + strings.Repeat("Something that nobody has a rule for went wrong here. ", 18) + `","path":"/x"}`)}},
	{"html", dialect.Answer{Method: "GET", Host: "api.example.com", Path: "/x", Status: 502, Header: http.Header{},
		Body: []byte("<html><head><title>502 Bad Gateway</title></head><body>" + strings.Repeat("<p>nothing</p>", 70) + "</body></html>")}},
	{"s3 xml", dialect.Answer{Method: "GET", Host: "b.s3.amazonaws.com", Path: "/x", Status: 503, Header: http.Header{},
		Body: []byte(`<?xml version="1.0" encoding="UTF-8"?><Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message><RequestId>0A49</RequestId><HostId>h</HostId></Error>`)}},
}

func BenchmarkJudge(b *testing.B) {
	for _, bm := range benchmarks {
		b.Run(bm.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				dialect.Judge(bm.a)
			}
		})
	}
}

func BenchmarkEvent(b *testing.B) {
	delta := []byte(`{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":"Hello"},"finish_reason":null}]}`)
	b.ReportAllocs()
	for b.Loop() {
		dialect.Event("", delta)
	}
}

func BenchmarkInBand(b *testing.B) {
	a := dialect.Answer{Method: "POST", Host: "api.openai.com", Path: "/v1/embeddings", Status: 200, Header: http.Header{},
		Body: []byte(`{"object":"list","data":[{"object":"embedding","index":0,"embedding":[` + strings.Repeat("0.0123456,", 1536) + `0]}]}`)}
	b.ReportAllocs()
	for b.Loop() {
		dialect.InBand(a)
	}
}

func TestJudgeAllocations(t *testing.T) {
	for _, bm := range benchmarks {
		if got := testing.AllocsPerRun(100, func() { dialect.Judge(bm.a) }); got > 15 {
			t.Errorf("%s: got %v allocations, want 15 at most", bm.name, got)
		}
	}
}
