package steadyhttp_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyhttp/steadyhttp"
	"github.com/steadyhttp/steadyhttp/limit"
)

// checkWait checks what e says about coming back; source "" is nothing. The
// answer arrived now.
func checkWait(t *testing.T, e *steadyhttp.Error, after time.Duration, source string) {
	t.Helper()
	if e.RetryAfter != after || e.RetryAfterSource != source {
		t.Errorf("wait: got %v by %q, want %v by %q", e.RetryAfter, e.RetryAfterSource, after, source)
	}
	var want time.Time
	if source != "" {
		want = time.Now().Add(after)
	}
	if !e.NotBefore.Equal(want) {
		t.Errorf("NotBefore: got %v, want %v", e.NotBefore, want)
	}
}

func TestProviderShapes(t *testing.T) {
	type fields struct{ class, provider, code, param, message, requestID string }
	for _, row := range []struct {
		name   string
		url    string
		reply  reply
		want   fields
		after  time.Duration
		source string
	}{
		{
			name: "OpenAI: a parameter at fault",
			url:  "https://api.openai.com/v1/chat/completions",
			reply: reply{status: 400, header: "X-Request-Id: req_oai_1",
				body: `{"error":{"message":"Invalid type for 'messages'.","type":"invalid_request_error","param":"messages","code":"invalid_type"}}`},
			want: fields{"invalid_request", "openai", "invalid_type", "messages", "Invalid type for 'messages'.", "req_oai_1"},
		},
		{
			name:  "OpenAI: no code of its own, so its type",
			url:   "https://api.openai.com/v1/chat/completions",
			reply: reply{status: 400, body: `{"error":{"message":"Odd.","type":"invalid_request_error","param":null,"code":null}}`},
			want:  fields{"invalid_request", "openai", "invalid_request_error", "", "Odd.", ""},
		},
		{
			name:  "OpenAI, with a port",
			url:   "https://api.openai.com:443/v1/chat/completions",
			reply: reply{status: 400, body: `{"error":{"message":"Odd.","type":"invalid_request_error","param":null,"code":null}}`},
			want:  fields{"invalid_request", "openai", "invalid_request_error", "", "Odd.", ""},
		},
		{
			name:  "OpenAI: the prompt is too long",
			url:   "https://api.openai.com/v1/chat/completions",
			reply: reply{status: 400, body: `{"error":{"message":"Too many tokens.","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}}`},
			want:  fields{"context_length", "openai", "context_length_exceeded", "messages", "Too many tokens.", ""},
		},
		{
			name:  "Azure: a number for a code is none",
			url:   "https://mine.openai.azure.com/openai/deployments/gpt/chat/completions",
			reply: reply{status: 429, header: "Apim-Request-Id: az-1", body: `{"error":{"code":"429","message":"Slow down."}}`},
			want:  fields{"rate_limit", "azure", "", "", "Slow down.", "az-1"},
		},
		{
			name:  "Anthropic: the id is in the body",
			url:   "https://api.anthropic.com/v1/messages",
			reply: reply{status: 529, body: `{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"},"request_id":"req_ant_1"}`},
			want:  fields{"overloaded", "anthropic", "overloaded_error", "", "Overloaded", "req_ant_1"},
		},
		{
			name: "Anthropic: the header's id comes first",
			url:  "https://api.anthropic.com/v1/messages",
			reply: reply{status: 401, header: "Request-Id: req_header",
				body: `{"type":"error","error":{"type":"authentication_error","message":"invalid x-api-key"},"request_id":"req_body"}`},
			want: fields{"authentication", "anthropic", "authentication_error", "", "invalid x-api-key", "req_header"},
		},
		{
			name: "Google: how long to wait is in the body",
			url:  "https://generativelanguage.googleapis.com/v1beta/models/m:generateContent",
			reply: reply{status: 429, body: `{"error":{"code":429,"message":"Out of requests.","status":"RESOURCE_EXHAUSTED","details":[
				{"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[{"quotaId":"PerMinute"}]},
				{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"33.5s"}]}}`},
			want:  fields{"rate_limit", "google", "RESOURCE_EXHAUSTED", "", "Out of requests.", ""},
			after: 33500 * time.Millisecond, source: "google.rpc.RetryInfo",
		},
		{
			name: "Google: the header is more precise than the body",
			url:  "https://generativelanguage.googleapis.com/v1beta/models/m:generateContent",
			reply: reply{status: 503, header: "Retry-After: 7",
				body: `{"error":{"message":"Off.","status":"UNAVAILABLE","details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"33s"}]}}`},
			want:  fields{"unavailable", "google", "UNAVAILABLE", "", "Off.", ""},
			after: 7 * time.Second, source: "retry-after",
		},
		{
			name:  "Google: a negative wait is none",
			url:   "https://generativelanguage.googleapis.com/v1beta/models/m:generateContent",
			reply: reply{status: 503, body: `{"error":{"message":"Off.","status":"UNAVAILABLE","details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"-5s"}]}}`},
			want:  fields{"unavailable", "google", "UNAVAILABLE", "", "Off.", ""},
		},
		{
			name:  "an aggregator in OpenAI's shape",
			url:   "https://api.n1n.ai/v1/chat/completions",
			reply: reply{status: 403, body: `{"error":{"message":"Balance is used up.","type":"some_gateway","param":"","code":"insufficient_quota"}}`},
			want:  fields{"quota", "n1n", "insufficient_quota", "", "Balance is used up.", ""},
		},
		{
			name:  "GitHub: a flat message",
			url:   "https://api.github.com/repos/a/b",
			reply: reply{status: 404, header: "X-GitHub-Request-Id: AB12:3", body: `{"message":"Not Found","documentation_url":"https://docs.github.com/rest"}`},
			want:  fields{"not_found", "github", "", "", "Not Found", "AB12:3"},
		},
		{
			name:  "Ollama: the error is a string",
			url:   "http://localhost:11434/api/chat",
			reply: reply{status: 404, body: `{"error":"model 'llama9' not found"}`},
			want:  fields{"not_found", "", "", "", "model 'llama9' not found", ""},
		},
		{
			name:  "Stripe",
			url:   "https://api.stripe.com/v1/charges",
			reply: reply{status: 400, header: "Request-Id: req_str_1", body: `{"error":{"message":"Missing required param: amount.","param":"amount","type":"invalid_request_error"}}`},
			want:  fields{"invalid_request", "stripe", "invalid_request_error", "amount", "Missing required param: amount.", "req_str_1"},
		},
	} {
		for _, j := range judges {
			t.Run(row.name+"/"+j.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					_, e := j.judge(t, request(t, "POST", row.url, "{}"), row.reply)
					got := fields{e.Class.String(), e.Provider, e.Code, e.Param, e.Message, e.RequestID}
					if got != row.want {
						t.Errorf("got  %+q\nwant %+q", got, row.want)
					}
					checkWait(t, e, row.after, row.source)
				})
			})
		}
	}
}

func TestStatedRateLimits(t *testing.T) {
	for _, row := range []struct {
		name   string
		header string
		want   []limit.Allowance
	}{
		{"none", "", nil},
		{"without a unit", "X-RateLimit-Limit: 60\nX-RateLimit-Remaining: 0", []limit.Allowance{{Limit: 60, Remaining: 0, Reset: -1}}},
		{"only the limit", "X-RateLimit-Limit: 60", []limit.Allowance{{Limit: 60, Remaining: -1, Reset: -1}}},
		{"only what remains", "X-RateLimit-Remaining: 5", []limit.Allowance{{Limit: -1, Remaining: 5, Reset: -1}}},
		{
			"requests and tokens, with resets",
			"X-RateLimit-Limit-Requests: 500\nX-RateLimit-Remaining-Requests: 499\nX-RateLimit-Reset-Requests: 120ms\n" +
				"X-RateLimit-Limit-Tokens: 30000\nX-RateLimit-Remaining-Tokens: 0\nX-RateLimit-Reset-Tokens: 6m0s",
			[]limit.Allowance{
				{Unit: "requests", Window: time.Minute, Limit: 500, Remaining: 499, Reset: 120 * time.Millisecond},
				{Unit: "tokens", Window: time.Minute, Limit: 30000, Remaining: 0, Reset: 6 * time.Minute},
			},
		},
		{"garbage", "X-RateLimit-Limit: many\nX-RateLimit-Remaining: -1", nil},
		{"overflow", "X-RateLimit-Limit: 99999999999999999999", nil},
		{"a reset that is absurd", "X-RateLimit-Limit: 1\nX-RateLimit-Reset: 99999h", []limit.Allowance{{Limit: 1, Remaining: -1, Reset: -1}}},
		{"a reset in the past", "X-RateLimit-Limit: 1\nX-RateLimit-Reset: -5s", []limit.Allowance{{Limit: 1, Remaining: -1, Reset: -1}}},
	} {
		for _, j := range judges {
			t.Run(row.name+"/"+j.name, func(t *testing.T) {
				_, e := j.judge(t, chat(t), reply{status: 429, header: row.header})
				if !slices.Equal(e.RateLimit, row.want) {
					t.Errorf("got %+v, want %+v", e.RateLimit, row.want)
				}
			})
		}
	}
}
