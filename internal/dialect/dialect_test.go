package dialect_test

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/steadyhttp/steadyhttp/internal/corpus"
	"github.com/steadyhttp/steadyhttp/internal/dialect"
)

const day = 24 * time.Hour

func post(host, path string, status int, body string) dialect.Answer {
	return dialect.Answer{Method: "POST", Host: host, Path: path, Status: status, Header: http.Header{}, Body: []byte(body)}
}

func TestRetryIn(t *testing.T) {
	for _, row := range []struct {
		name, host, body string
		want             time.Duration
		source           string
	}{
		{"google, a duration", "sheets.googleapis.com", `{"error":{"code":429,"status":"RESOURCE_EXHAUSTED","message":"m","details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"33.5s"}]}}`, 33500 * time.Millisecond, "google.rpc.RetryInfo"},
		{"google, behind other details", "", `{"error":{"code":429,"message":"m","details":[{"@type":"a"},{"@type":"b"},{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"9s"}]}}`, 9 * time.Second, "google.rpc.RetryInfo"},
		{"google, an object", "", `{"error":{"code":429,"message":"m","details":[{"@type":"x","retryDelay":{"seconds":12}}]}}`, 12 * time.Second, "google.rpc.RetryInfo"},
		{"discord", "discord.com", `{"message":"You are being rate limited.","retry_after":0.65,"global":false}`, 650 * time.Millisecond, "retry_after"},
		{"telegram", "api.telegram.org", `{"ok":false,"error_code":429,"description":"x","parameters":{"retry_after":35}}`, 35 * time.Second, "parameters.retry_after"},
		{"milliseconds", "", `{"error":{"message":"x","retry_after_ms":250}}`, 250 * time.Millisecond, "retry_after_ms"},
		{"codex", "", `{"error":{"message":"x","resets_in_seconds":120}}`, 2 * time.Minute, "resets_in_seconds"},
		{"loading model", "", `{"error":"Model x is currently loading","estimated_time":20.5}`, 20500 * time.Millisecond, "estimated_time"},
		{"kubernetes", "", `{"kind":"Status","apiVersion":"v1","status":"Failure","details":{"retryAfterSeconds":1},"code":429}`, time.Second, "details.retryAfterSeconds"},
		{"number in a string", "", `{"error":{"message":"x","retry_after":"7"}}`, 7 * time.Second, "retry_after"},
		{"openrouter, an epoch in milliseconds", "openrouter.ai", `{"error":{"message":"x","code":429,"metadata":{"headers":{"X-RateLimit-Reset":"1700000060000"}}}}`, time.Minute, "metadata.headers.X-RateLimit-Reset"},
		{"an epoch in seconds", "", `{"error":{"message":"x","resets_at":1700000030}}`, 30 * time.Second, "resets_at"},
		{"an epoch that has passed", "", `{"error":{"message":"x","resets_at":1600000030}}`, 0, "resets_at"},
		{"shopify's bucket", "s.myshopify.com", `{"errors":[{"message":"Throttled"}],"extensions":{"cost":{"requestedQueryCost":600,"throttleStatus":{"currentlyAvailable":100,"restoreRate":50}}}}`, 10 * time.Second, "extensions.cost.throttleStatus"},
		{"negative", "", `{"retry_after":-1}`, 0, ""},
		{"not a number", "", `{"retry_after":"NaN"}`, 0, ""},
		{"infinite", "", `{"retry_after":1e999}`, 0, ""},
		{"a thousand years", "", `{"retry_after":31536000000}`, 0, ""},
		{"a sentence", "", `{"retry_after":"later"}`, 0, ""},
		{"nothing", "", `{"message":"x"}`, 0, ""},
	} {
		a := post(row.host, "/x", 429, row.body)
		a.Now = time.Unix(1700000000, 0)
		v := dialect.Judge(a)
		if v.RetryIn != row.want || v.RetryInSource != row.source {
			t.Errorf("%s: got %v from %q, want %v from %q", row.name, v.RetryIn, v.RetryInSource, row.want, row.source)
		}
	}

	a := post("openrouter.ai", "/x", 429, `{"error":{"message":"x","resets_at":1700000030}}`)
	if v := dialect.Judge(a); v.RetryInSource != "" {
		t.Errorf("a point in time without a clock: got %v, want no wait", v.RetryIn)
	}
	a.Now = time.Unix(1, 0)
	a.Header.Set("Date", time.Unix(1700000010, 0).UTC().Format(http.TimeFormat))
	if v := dialect.Judge(a); v.RetryIn != 20*time.Second {
		t.Errorf("a point in time and the answer's Date: got %v, want 20s", v.RetryIn)
	}
}

func TestWindow(t *testing.T) {
	for _, row := range []struct {
		name, body, header string
		want               time.Duration
	}{
		{"per minute", `{"error":{"message":"Rate limit reached on requests per min (RPM): Limit 3. 10000 requests per day for those who pay","type":"requests"}}`, "", time.Minute},
		{"per day", `{"error":{"message":"Rate limit reached on tokens per day (TPD)","type":"tokens"}}`, "", day},
		{"seven days", `{"error":{"message":"7-day rate limit exceeded","type":"rate_limit_error"}}`, "", 7 * day},
		{"month with a slash", `{"message":"limited to 1000 API calls / month"}`, "", 30 * day},
		{"second", `{"errors":"Exceeded 2 calls per second for api client."}`, "", time.Second},
		{"hour", `{"error":"Rate limit reached (reset hourly)"}`, "", time.Hour},
		{"policy", `{"message":"x","policyName":"DAILY"}`, "", day},
		{"header", `{"message":"x"}`, "UserByModelByDay", day},
		{"quotaId", `{"error":{"code":429,"message":"x","details":[{"violations":[{"quotaId":"GenerateRequestsPerDayPerProject"}]}]}}`, "", day},
		{"quotaId in a text", `{"error":{"code":429,"message":"{\"quotaId\": \"GenerateRequestsPerMinute\"}"}}`, "", time.Minute},
		{"Chinese", `{"error":{"message":"每天5次请求"}}`, "", day},
		{"unknown", `{"message":"Too many requests"}`, "", 0},
	} {
		a := post("", "/x", 429, row.body)
		if row.header != "" {
			a.Header.Set("X-Ratelimit-Type", row.header)
		}
		if got := dialect.Judge(a).Window; got != row.want {
			t.Errorf("%s: got %v, want %v", row.name, got, row.want)
		}
	}
	if v := dialect.Judge(post("", "/x", 500, `{"message":"the daily report failed"}`)); v.Window != 0 {
		t.Errorf("a window in a server error: got %v, want 0", v.Window)
	}
}

func TestGoogleLimits(t *testing.T) {
	const plan = "You exceeded your current quota, please check your plan and billing details."
	for _, row := range []struct {
		name, message, quotaID string
		want                   dialect.Class
	}{
		{"a limit by the minute", plan, "GenerateRequestsPerMinutePerProject", dialect.RateLimit},
		{"a limit by the day", plan, "GenerateRequestsPerDayPerProject", dialect.Quota},
		{"no allowance at all", plan + ` Quota exceeded for metric: x, limit: 0, model: g. Please retry in 25s.`, "GenerateRequestsPerMinutePerProject", dialect.Quota},
		{"a wait and no name", plan + ` limit: 20. Please retry in 25s.`, "", dialect.RateLimit},
		{"neither", plan, "", dialect.Quota},
	} {
		body := `{"error":{"code":429,"message":"` + row.message + `","status":"RESOURCE_EXHAUSTED","details":[{"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[{"quotaId":"` + row.quotaID + `"}]},{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"42s"}]}}`
		if v := dialect.Judge(post("generativelanguage.googleapis.com", "/x", 429, body)); v.Class != row.want {
			t.Errorf("%s: got %s, want %s", row.name, v.Class, row.want)
		}
	}
}

func TestRepeat(t *testing.T) {
	for _, row := range []struct {
		name, host   string
		status       int
		body, header string
		want         dialect.Repeat
	}{
		{"stripe, another request has the key", "api.stripe.com", 409, `{"error":{"code":"idempotency_key_in_use","type":"invalid_request_error","message":"x"}}`, "", dialect.Always},
		{"stripe, locked object", "api.stripe.com", 429, `{"error":{"code":"lock_timeout","type":"invalid_request_error","message":"x"}}`, "", dialect.Always},
		{"salesforce, locked row", "x.salesforce.com", 400, `[{"errorCode":"UNABLE_TO_LOCK_ROW","message":"x"}]`, "", dialect.Always},
		{"the server says no", "api.openai.com", 503, ``, "X-Should-Retry: false", dialect.Never},
		{"the server says yes", "api.stripe.com", 409, `{}`, "Stripe-Should-Retry: true", dialect.Always},
		{"the server says yes, but there is no money", "api.openai.com", 429, `{"error":{"code":"insufficient_quota","message":"x"}}`, "X-Should-Retry: true", dialect.ByClass},
		{"nothing said", "api.example.com", 409, `{}`, "", dialect.ByClass},
	} {
		a := post(row.host, "/x", row.status, row.body)
		if name, value, ok := strings.Cut(row.header, ": "); ok {
			a.Header.Set(name, value)
		}
		if got := dialect.Judge(a).Repeat; got != row.want {
			t.Errorf("%s: got %d, want %d", row.name, got, row.want)
		}
	}

	partly := post("es.example.com", "/_bulk", 200, `{"took":1,"errors":true,"items":[{"index":{"status":201}},{"index":{"status":429,"error":{"type":"es_rejected_execution_exception","reason":"full"}}}]}`)
	if v, failed := dialect.InBand(partly); !failed || v.Repeat != dialect.Never || v.Class != dialect.Overloaded {
		t.Errorf("a bulk request that failed in part: got %v %+v, want a failure not to be repeated", failed, v)
	}
	wholly := post("es.example.com", "/_bulk", 200, `{"took":1,"errors":true,"items":[{"index":{"status":429,"error":{"type":"es_rejected_execution_exception","reason":"full"}}}]}`)
	if v, failed := dialect.InBand(wholly); !failed || v.Repeat != dialect.ByClass || v.Message != "full" {
		t.Errorf("a bulk request that failed as a whole: got %v %+v, want a failure like any other", failed, v)
	}
}

func TestScope(t *testing.T) {
	const key = dialect.Host | dialect.Credential
	for _, row := range []struct {
		name, host, path string
		status           int
		header           string
		want             dialect.Scope
		scope            string
	}{
		{"openai", "api.openai.com", "/v1/responses", 429, "", key | dialect.Model, ""},
		{"anthropic", "api.anthropic.com", "/v1/messages", 429, "", key | dialect.Model, ""},
		{"groq, by way of openai", "api.groq.com", "/openai/v1/chat/completions", 429, "", key | dialect.Model, ""},
		{"slack", "slack.com", "/api/chat.postMessage", 429, "", key | dialect.Method, "chat.postMessage"},
		{"github", "api.github.com", "/search/code", 429, "X-Ratelimit-Resource: code_search", key | dialect.Resource, "code_search"},
		{"github without a resource", "api.github.com", "/search/code", 429, "", key, ""},
		{"discord", "discord.com", "/api/v10/channels/1/messages", 429, "X-Ratelimit-Bucket: b1", key | dialect.Bucket, "b1"},
		{"discord, global", "discord.com", "/api/v10/channels/1/messages", 429, "X-Ratelimit-Global: true", key, ""},
		{"unknown host", "api.example.com", "/v1/x", 429, "", key | dialect.Method | dialect.Path, ""},
		{"overload", "api.openai.com", "/v1/responses", 529, "", dialect.Host | dialect.Model, ""},
		{"unavailable", "api.openai.com", "/v1/responses", 502, "", dialect.Host, ""},
		{"money", "api.openai.com", "/v1/responses", 402, "", key, ""},
		{"the caller's mistake", "api.openai.com", "/v1/responses", 400, "", 0, ""},
	} {
		a := post(row.host, row.path, row.status, "")
		if name, value, ok := strings.Cut(row.header, ": "); ok {
			a.Header.Set(name, value)
		}
		v := dialect.Judge(a)
		if v.Scope != row.want || v.ScopeName != row.scope {
			t.Errorf("%s: got %b %q, want %b %q", row.name, v.Scope, v.ScopeName, row.want, row.scope)
		}
	}
}

func TestProvider(t *testing.T) {
	for _, row := range []struct{ name, host, body, want string }{
		{"by host", "api.openai.com", ``, "openai"},
		{"by host, below a suffix", "a.b.openai.azure.com", ``, "azure"},
		{"not by a host that only ends alike", "evilapi.openai.com.example.com", ``, ""},
		{"anthropic by shape", "gw.example.com", `{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}`, "anthropic"},
		{"google by shape", "gw.example.com", `{"error":{"code":503,"message":"x","status":"UNAVAILABLE"}}`, "google"},
		{"new-api by shape", "gw.example.com", `{"error":{"message":"x","type":"foo_api_error"}}`, "new-api"},
		{"host before shape", "api.n1n.ai", `{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}`, "n1n"},
		{"openai by shape", "gw.example.com", `{"error":{"message":"x","type":"server_error","param":null,"code":null}}`, "openai"},
		{"kubernetes by shape", "10.0.0.1", `{"kind":"Status","apiVersion":"v1","status":"Failure","message":"x","code":500}`, "kubernetes"},
		{"nobody", "gw.example.com", `{"type":"https://example.com/probs/x","title":"x"}`, ""},
	} {
		if got := dialect.Judge(post(row.host, "/x", 500, row.body)).Provider; got != row.want {
			t.Errorf("%s: got %q, want %q", row.name, got, row.want)
		}
	}
}

func TestFalseFriends(t *testing.T) {
	for _, row := range []struct {
		name    string
		status  int
		message string
		want    dialect.Class
	}{
		{"a rate limit that offers credits", 429, "Rate limit reached on requests per min. Add a payment method to increase it, visit the billing page.", dialect.RateLimit},
		{"a rate limit that offers an upgrade", 429, "Too many requests. Upgrade your plan for higher limits.", dialect.RateLimit},
		{"a quota by the minute", 429, "Quota exceeded for quota metric 'Reads' and limit 'Reads per minute'.", dialect.RateLimit},
		{"a credit card", 400, "The credit card number is invalid.", dialect.InvalidRequest},
		{"max_tokens", 400, "Unsupported parameter: 'max_tokens'.", dialect.InvalidRequest},
		{"a signature that is no credential", 400, "messages.1.content.0: Invalid `signature` in `thinking` block", dialect.InvalidRequest},
		{"extra inputs", 400, "cache_control: Extra inputs are not permitted", dialect.InvalidRequest},
		{"a model without access, not found", 404, "The model `x` does not exist or you do not have access to it.", dialect.NotFound},
		{"a model without access, forbidden", 403, "The project does not have access to model `x`.", dialect.Permission},
		{"a rate limit rule that is wrong", 422, "rate limit must be at least 1", dialect.InvalidRequest},
		{"advice to shorten the prompt", 429, "This would exceed the limit of 20,000 input tokens per minute. Please reduce the prompt length.", dialect.RateLimit},
		{"money in a bad status", 401, "Insufficient balance.", dialect.Quota},
		{"overload in a bad status", 429, "The engine is currently overloaded.", dialect.Overloaded},
	} {
		body := `{"error":{"message":"` + row.message + `"}}`
		if v := dialect.Judge(post("api.example.com", "/x", row.status, body)); v.Class != row.want {
			t.Errorf("%s: got %s, want %s", row.name, v.Class, row.want)
		}
	}
}

func TestStatusAlone(t *testing.T) {
	for status, want := range map[int]dialect.Class{
		400: dialect.InvalidRequest, 401: dialect.Authentication, 402: dialect.Quota, 403: dialect.Permission, 404: dialect.NotFound, 408: dialect.Timeout, 409: dialect.Conflict, 410: dialect.NotFound, 413: dialect.TooLarge,
		418: dialect.InvalidRequest, 421: dialect.Unavailable, 422: dialect.InvalidRequest, 425: dialect.Unavailable, 429: dialect.RateLimit, 451: dialect.Permission, 498: dialect.Overloaded, 499: dialect.Canceled, 500: dialect.ServerError,
		501: dialect.InvalidRequest, 502: dialect.Unavailable, 503: dialect.Unavailable, 504: dialect.Timeout, 505: dialect.InvalidRequest, 520: dialect.Unavailable, 524: dialect.Timeout, 529: dialect.Overloaded, 599: dialect.Timeout, 566: dialect.ServerError, 999: dialect.Permission, 700: dialect.Unknown,
	} {
		if got := dialect.Judge(post("api.example.com", "/x", status, "")).Class; got != want {
			t.Errorf("%d: got %s, want %s", status, got, want)
		}
	}
}

func TestInBandStrict(t *testing.T) {
	for _, row := range []struct {
		name, host, body string
		want             bool
	}{
		{"an error object", "", `{"error":{"message":"x","type":"server_error"}}`, true},
		{"an error of null", "", `{"error":null,"choices":[]}`, false},
		{"an empty error", "", `{"error":{},"id":"1"}`, false},
		{"an error beside an answer", "", `{"object":"chat.completion","choices":[{"message":{"content":"hi"}}],"error":{"message":"x"}}`, false},
		{"an error instead of an answer", "", `{"object":"chat.completion","choices":[],"error":{"message":"x","code":502}}`, true},
		{"an error of the choice", "", `{"choices":[{"error":{"message":"x","code":502},"message":{"content":""},"finish_reason":"error"}]}`, true},
		{"a batch that failed", "", `{"object":"batch","error":{"message":"x"}}`, false},
		{"a response that failed", "", `{"object":"response","status":"failed","error":{"code":"server_error","message":"x"}}`, true},
		{"a response that did not", "", `{"object":"response","status":"completed","error":{"code":"server_error","message":"x"}}`, false},
		{"a bare error", "", `{"error":"boom"}`, true},
		{"a bare error among data", "", `{"error":"none so far","data":[1],"id":"1"}`, false},
		{"text about an error", "", `{"text":"{\"error\":{\"message\":\"x\"}}"}`, false},
		{"a cut body", "", `{"error":{"message":"x"}`, false},
		{"something behind it", "", `{"error":{"message":"x"}} trailing`, false},
		{"an array of errors", "", `[{"error":{"code":429,"message":"x","status":"RESOURCE_EXHAUSTED"}}]`, true},
		{"an array", "", `[{"id":1}]`, false},
		{"slack", "slack.com", `{"ok":false,"error":"channel_not_found"}`, true},
		{"slack, fine", "slack.com", `{"ok":true,"error":""}`, false},
		{"not a success", "", `{"success":false,"message":"x"}`, true},
		{"not a success, unexplained", "", `{"success":false}`, false},
		{"graphql", "", `{"errors":[{"message":"x"}],"data":null}`, true},
		{"graphql, all null", "", `{"errors":[{"message":"x"}],"data":{"a":null}}`, true},
		{"graphql, in part", "", `{"errors":[{"message":"x"}],"data":{"a":1}}`, false},
		{"graphql, fine", "", `{"errors":[],"data":{"a":1}}`, false},
		{"minimax", "", `{"base_resp":{"status_code":1002,"status_msg":"x"}}`, true},
		{"minimax, in spite of an answer", "", `{"choices":[{"message":{"content":"hi"}}],"base_resp":{"status_code":1027,"status_msg":"output new_sensitive"}}`, true},
		{"a remark beside an answer", "", `{"choices":[{"message":{"content":"hi"}}],"success":false,"message":"quota exceeded"}`, false},
		{"minimax, fine", "", `{"choices":[{}],"base_resp":{"status_code":0,"status_msg":""}}`, false},
		{"baidu", "", `{"error_code":18,"error_msg":"x"}`, true},
		{"tencent", "", `{"Response":{"Error":{"Code":"AuthFailure","Message":"x"},"RequestId":"1"}}`, true},
		{"wechat, fine", "", `{"errcode":0,"errmsg":"ok"}`, false},
		{"wechat", "", `{"errcode":40001,"errmsg":"invalid credential"}`, true},
		{"a status and a message", "", `{"code":500,"message":"x"}`, true},
		{"a status with data", "", `{"code":500,"message":"x","data":{"a":1}}`, false},
		{"a code of one's own", "", `{"code":200,"message":"ok"}`, false},
		{"gemini, blocked", "", `{"promptFeedback":{"blockReason":"SAFETY"}}`, true},
		{"gemini, cut by a filter", "", `{"candidates":[{"finishReason":"SAFETY","content":{"parts":[{"text":"Once"}]}}]}`, false},
		{"s3", "", `<?xml version="1.0"?><Error><Code>SlowDown</Code></Error>`, true},
		{"s3, deleted in part", "", `<DeleteResult><Error><Code>AccessDenied</Code></Error></DeleteResult>`, false},
		{"a page", "", `<html><title>Error</title></html>`, false},
		{"text", "", `error`, false},
		{"nothing", "", ``, false},
		{"too long to be an error", "", `{"error":{"message":"` + strings.Repeat("x", 70<<10) + `"}}`, false},
	} {
		v, failed := dialect.InBand(post(row.host, "/x", 200, row.body))
		if failed != row.want {
			t.Errorf("%s: got %v (%s), want %v", row.name, failed, v.Class, row.want)
		}
		if !failed && v != (dialect.Verdict{}) {
			t.Errorf("%s: got a verdict without a failure: %+v", row.name, v)
		}
	}
}

func TestHidesErrors(t *testing.T) {
	anthropic := http.Header{"Anthropic-Version": {"2023-06-01"}}
	for _, row := range []struct {
		name, method, host, path string
		h                        http.Header
		want                     bool
	}{
		{"chat completion", "POST", "api.openai.com", "/v1/chat/completions", nil, true},
		{"reading a stored completion", "GET", "api.openai.com", "/v1/chat/completions", nil, false},
		{"slack", "POST", "slack.com", "/api/chat.postMessage", nil, true},
		{"slack, reading", "GET", "slack.com", "/api/conversations.list", nil, true},
		{"graphql", "POST", "api.example.com", "/graphql", nil, true},
		{"shopify", "POST", "s.myshopify.com", "/admin/api/2025-01/graphql.json", nil, true},
		{"s3, deleting many", "POST", "b.s3.eu-west-1.amazonaws.com", "/", nil, true},
		{"s3, copying", "PUT", "b.s3.amazonaws.com", "/k", http.Header{"X-Amz-Copy-Source": {"/b/k"}}, true},
		{"s3, uploading", "PUT", "b.s3.amazonaws.com", "/k", nil, false},
		{"s3, reading", "GET", "b.s3.amazonaws.com", "/k", nil, false},
		{"s3, reading what is called graphql", "GET", "b.s3.amazonaws.com", "/samples/graphql", nil, false},
		{"graphql, reading", "GET", "api.example.com", "/graphql", nil, true},
		{"messages of anthropic", "POST", "gw.example.com", "/v1/messages", anthropic, true},
		{"messages to people", "POST", "api.example.com", "/v1/messages", nil, false},
		{"a list", "GET", "api.example.com", "/v1/logs", nil, false},
		{"a websocket", "GET", "api.openai.com", "/v1/realtime", nil, false},
		{"head", "HEAD", "slack.com", "/api/x", nil, false},
		{"a host that ends alike", "POST", "notslack.com", "/api/x", nil, false},
	} {
		if got := dialect.HidesErrors(row.method, row.host, row.path, row.h); got != row.want {
			t.Errorf("%s: got %v, want %v", row.name, got, row.want)
		}
	}
}

func TestInference(t *testing.T) {
	for _, row := range []struct {
		path string
		h    http.Header
		want bool
	}{
		{"/v1/chat/completions", nil, true},
		{"/openai/deployments/x/chat/completions", nil, true},
		{"/v1/responses", nil, true},
		{"/v1beta/models/gemini-2.5-pro:streamGenerateContent", nil, true},
		{"/model/anthropic.claude/converse-stream", nil, true},
		{"/v1/messages", http.Header{"Anthropic-Version": {"2023-06-01"}}, true},
		{"/v1/messages", nil, false},
		{"/v1/chat/completions/chatcmpl-1", nil, false}, // changes what is stored with it
		{"/v1/batches", nil, false},
		{"/v1/messages/batches", nil, false},
		{"/v1/fine_tuning/jobs", nil, false},
		{"/v1/threads/t/runs", nil, false},
		{"/v1/files", nil, false},
		{"/v1beta/models/x:batchGenerateContent", nil, false},
		{"/v1/projects/p/locations/l/publishers/google/models/veo:predictLongRunning", nil, false},
		{"/v1/predictions", nil, false},
		{"/agents/x/invoke", nil, false},
		{"/api/chat.postMessage", nil, false},
		{"/v1/chat", nil, false},
		{"/", nil, false},
		{strings.Repeat("/x", 4<<10) + "/chat/completions", nil, false},
	} {
		if got := dialect.Inference(row.path, row.h); got != row.want {
			t.Errorf("%.60s: got %v, want %v", row.path, got, row.want)
		}
	}
	if !dialect.InferenceAt("api.cohere.com", "/v1/chat", nil) || dialect.InferenceAt("chat.example.com", "/v1/chat", nil) {
		t.Error("/v1/chat: want it to be inference at Cohere and nowhere else")
	}
}

func TestStream(t *testing.T) {
	for _, row := range []struct {
		name, stream string
		failed       dialect.Class // "" if none did
		truncated    bool
	}{
		{"anthropic, whole", "event: message_start\ndata: {\"type\":\"message_start\"}\n\nevent: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"delta\":{\"text\":\"{\\\"error\\\":1}\"}}\n\nevent: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"}}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n", "", false},
		{"anthropic, cut", "event: message_start\ndata: {\"type\":\"message_start\"}\n\nevent: ping\ndata: {\"type\":\"ping\"}\n\n", "", true},
		{"anthropic, overloaded", "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n", dialect.Overloaded, false},
		{"openai, whole", "data: {\"choices\":[{\"delta\":{\"content\":\"a\"},\"finish_reason\":null}]}\n\ndata: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n", "", false},
		{"openai, without a DONE", "data: {\"choices\":[{\"delta\":{\"content\":\"a\"},\"finish_reason\":null}]}\n\ndata: {\"choices\":[{\"delta\":{},\"finish_reason\":\"length\"}]}\n\n", "", false},
		{"openai, cut", "data: {\"choices\":[{\"delta\":{\"content\":\"a\"},\"finish_reason\":null}]}\n\n", "", true},
		{"openai, azure's first event", "data: {\"choices\":[],\"prompt_filter_results\":[]}\n\n", "", true},
		{"openai, failed later", "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\ndata: {\"error\":{\"message\":\"The server had an error\",\"type\":\"server_error\"}}\n\n", dialect.ServerError, false},
		{"openrouter, the error beside a choice", "data: {\"id\":\"1\",\"choices\":[{\"delta\":{\"content\":\"\"},\"finish_reason\":\"error\"}],\"error\":{\"code\":429,\"message\":\"Provider returned error\"}}\n\n", dialect.RateLimit, false},
		{"openrouter, the error in a choice", "data: {\"id\":\"1\",\"choices\":[{\"error\":{\"code\":502,\"message\":\"Upstream\"},\"finish_reason\":\"error\"}]}\n\n", dialect.Unavailable, false},
		{"responses, whole", "event: response.created\ndata: {\"type\":\"response.created\",\"response\":{\"status\":\"in_progress\",\"error\":null}}\n\nevent: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"delta\":\"error\"}\n\nevent: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{\"status\":\"completed\",\"error\":null}}\n\n", "", false},
		{"responses, incomplete", "data: {\"type\":\"response.created\"}\n\ndata: {\"type\":\"response.incomplete\",\"response\":{\"incomplete_details\":{\"reason\":\"max_output_tokens\"}}}\n\n", "", false},
		{"responses, failed", "data: {\"type\":\"response.created\"}\n\ndata: {\"type\":\"response.failed\",\"response\":{\"status\":\"failed\",\"error\":{\"code\":\"insufficient_quota\",\"message\":\"You exceeded your current quota\"}}}\n\n", dialect.Quota, false},
		{"responses, a flat error", "data: {\"type\":\"error\",\"code\":\"rate_limit_exceeded\",\"message\":\"slow\",\"param\":null}\n\n", dialect.RateLimit, false},
		{"gemini, whole", "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"a\"}]}}]}\n\ndata: {\"candidates\":[{\"finishReason\":\"STOP\"}]}\n\n", "", false},
		{"gemini, cut", "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"a\"}]}}]}\n\n", "", true},
		{"gemini, failed", "data: {\"error\":{\"code\":503,\"message\":\"The model is overloaded.\",\"status\":\"UNAVAILABLE\"}}\n\n", dialect.Overloaded, false},
		{"vllm, failed", "data: {\"object\":\"error\",\"message\":\"boom\",\"type\":\"InternalServerError\",\"code\":500}\n\n", dialect.ServerError, false},
		{"dashscope, failed", "event: error\ndata: {\"code\":\"Throttling.RateQuota\",\"message\":\"slow\",\"request_id\":\"1\"}\n\n", dialect.RateLimit, false},
		{"minimax, failed", "data: {\"base_resp\":{\"status_code\":1002,\"status_msg\":\"rate limit\"}}\n\n", dialect.RateLimit, false},
		{"an error as text", "event: error\ndata: upstream timed out\n\n", dialect.Timeout, false},
		{"unknown events", "data: {\"tick\":1}\n\ndata: {\"tick\":2}\n\n", "", false},
		{"cohere, whole", "data: {\"type\":\"message-start\"}\n\ndata: {\"type\":\"message-end\",\"delta\":{}}\n\n", "", false},
		{"cohere, cut", "data: {\"type\":\"message-start\"}\n\ndata: {\"type\":\"content-delta\",\"delta\":{}}\n\n", "", true},
	} {
		s := dialect.Stream{Host: "api.openai.com"} // elsewhere it may survive an error
		var got dialect.Class
		for _, e := range events([]byte(row.stream)) {
			if step := s.Event(e.name, e.data); step.Failed {
				got = step.Verdict.Class
			}
		}
		if got != row.failed || s.Truncated() != row.truncated {
			t.Errorf("%s: got failure %q, truncated %v, want %q, %v", row.name, got, s.Truncated(), row.failed, row.truncated)
		}
	}
}

// hostile are bodies that servers send which mean harm, or are broken.
func hostile() map[string][]byte {
	const kib = 64 << 10
	fill := func(s string) []byte { return []byte(strings.Repeat(s, kib/len(s))) }
	bomb := `<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY lol "lol">` + strings.Repeat(`<!ENTITY lol1 "&lol;&lol;&lol;&lol;">`, 200) + `]><Error><Code>&lol1;</Code><Message>&lol1;</Message></Error>`
	return map[string][]byte{
		"deep arrays":           bytes.Repeat([]byte("["), 100_000),
		"deep objects":          []byte(strings.Repeat(`{"error":`, 100_000)),
		"deep and closed":       []byte(strings.Repeat(`[`, 30_000) + strings.Repeat(`]`, 30_000)),
		"open string":           append([]byte(`{"error":{"message":"`), fill("a")...),
		"all escapes":           append([]byte(`{"message":"`), fill(`\`)...),
		"all surrogates":        append([]byte(`{"message":"`), append(fill(`\ud800`), `"}`...)...),
		"NUL":                   bytes.Repeat([]byte{0}, kib),
		"invalid UTF-8":         bytes.Repeat([]byte{0xff, 0xfe}, kib/2),
		"invalid UTF-8 in JSON": []byte("{\"error\":{\"message\":\"\xff\xfe\xe2\x80\",\"code\":\"\xff\"}}"),
		"many members":          append(append([]byte(`{`), fill(`"error":{"code":1},`)...), '}'),
		"many commas":           append([]byte(`[`), fill(`,`)...),
		"same word":             append(append([]byte(`{"message":"`), fill("model api key token ")...), `"}`...),
		"gaps":                  append(append([]byte(`{"message":"`), fill("exceed insufficient invalid ")...), `"}`...),
		"numbers":               append(append([]byte(`{"error":{"code":`), fill("9")...), '}', '}'),
		"bomb":                  []byte(bomb),
		"open tags":             fill("<"),
		"tags":                  fill("<Error><Code>"),
		"closings":              append([]byte("<Error><Message>"), fill("</")...),
		"page":                  append([]byte("<html><title>"), fill("&lt;<b>")...),
		"comments":              append([]byte("<!--"), fill("<!-- ")...),
		"quotes":                fill(`"`),
		"event stream":          append([]byte("data: "), fill(`{"a":`)...),
		"request ids":           append(append([]byte(`{"message":"`), fill("request id: ")...), `"}`...),
		"limits":                append(append([]byte(`{"message":"`), fill("limit requested ")...), `"}`...),
	}
}

func TestHostileBodies(t *testing.T) {
	for name, body := range hostile() {
		// A hundredth of this is usual; the race detector costs the rest. A machine that
		// is busy with other things gets three chances.
		const bound = 500 * time.Millisecond
		took := time.Hour
		for try := 0; try < 3 && took > bound; try++ {
			start := time.Now()
			a := post("bucket.s3.amazonaws.com", "/x", 429, "")
			a.Body = body
			v := dialect.Judge(a)
			dialect.InBand(a)
			dialect.Event("error", body)
			took = time.Since(start)
			if v.Class == "" {
				t.Errorf("%s: got no class", name)
			}
		}
		if took > bound {
			t.Errorf("%s: took %v", name, took)
		}
	}
	bomb := post("", "/x", 500, "")
	bomb.Body = hostile()["bomb"]
	if v := dialect.Judge(bomb); len(v.Message) > 20 {
		t.Errorf("an XML bomb: got a message of %d bytes, want nothing expanded", len(v.Message))
	}
}

func TestStrings(t *testing.T) {
	for _, row := range []struct{ name, body, want string }{
		{"escapes", `{"message":"a\n\"b\"\u00e9\ud83d\ude00\/"}`, "a\n\"b\"é😀/"},
		{"half a surrogate", `{"message":"a\ud83dz"}`, "a\ufffdz"},
		{"key in other clothes", `{"ErrorMessage":"x"}`, "x"},
		{"a message of null", `{"message":null,"detail":"x"}`, "x"},
		{"a body cut behind the message", `{"error":{"message":"Too many requests","code":"rate_li`, "Too many requests"},
		{"a body cut in the message", `{"error":{"message":"Too many re`, ""},
		{"a string for a body", `"Not allowed"`, "Not allowed"},
		{"a byte order mark", "\ufeff{\"message\":\"x\"}", "x"},
		{"xml with entities", `<Error><Code>A</Code><Message>a &lt;b&gt; &amp; c</Message></Error>`, "a <b> & c"},
		{"title with a host", `<html><title>api.example.com | 522: Connection timed out</title></html>`, "522: Connection timed out"},
		{"heading", `<html><body><h1>503 Service Unavailable</h1>x</body></html>`, "503 Service Unavailable"},
		{"text", "no healthy\nupstream\n", "no healthy\nupstream"},
		{"paragraphs", "It failed\r\n\r\nSOME_CODE", "It failed"},
		{"an event stream", "event: error\ndata: {\"error\":{\"message\":\"x\"}}\n\n", "x"},
	} {
		if got := dialect.Judge(post("", "/x", 500, row.body)).Message; got != row.want {
			t.Errorf("%s: got %q, want %q", row.name, got, row.want)
		}
	}
}

func TestRequestID(t *testing.T) {
	for _, row := range []struct{ name, host, header, body, want string }{
		{"the provider's header", "api.anthropic.com", "Request-Id: req_1; X-Request-Id: other", ``, "req_1"},
		{"azure's before openai's", "a.openai.azure.com", "X-Request-Id: other; Apim-Request-Id: apim", ``, "apim"},
		{"a header before the body", "", "X-Request-Id: h", `{"request_id":"b"}`, "h"},
		{"the body", "", "", `{"error":{"innerError":{"request-id":"g"}}}`, "g"},
		{"the body before the edge's", "", "Cf-Ray: ray", `{"requestId":"b"}`, "b"},
		{"the edge's, for want of better", "", "Cf-Ray: ray", ``, "ray"},
		{"a word in the message", "", "", `{"message":"boom (request id: 20260101abcd)"}`, "20260101abcd"},
		{"no id in the message", "", "", `{"message":"include the request ID in your mail"}`, ""},
		{"an id that is a UUID", "", "", `{"id":"24e32f6d-b372-4853-85f2-11e65134f032","message":"x"}`, "24e32f6d-b372-4853-85f2-11e65134f032"},
		{"an id that is not", "", "", `{"id":"chatcmpl-1","message":"x"}`, ""},
		{"xml", "", "", `<Error><Code>A</Code><RequestId>x1</RequestId></Error>`, "x1"},
	} {
		a := post(row.host, "/x", 500, row.body)
		for h := range strings.SplitSeq(row.header, "; ") {
			if name, value, ok := strings.Cut(h, ": "); ok {
				a.Header.Set(name, value)
			}
		}
		if got := dialect.Judge(a).RequestID; got != row.want {
			t.Errorf("%s: got %q, want %q", row.name, got, row.want)
		}
	}
}

var classes = []dialect.Class{
	dialect.InvalidRequest, dialect.ContextLength, dialect.ContentPolicy, dialect.Authentication, dialect.Permission, dialect.Quota, dialect.NotFound, dialect.Conflict, dialect.TooLarge,
	dialect.RateLimit, dialect.Overloaded, dialect.ServerError, dialect.Unavailable, dialect.Timeout, dialect.Canceled, dialect.Unknown,
}

func checkVerdict(t *testing.T, v dialect.Verdict) {
	if !slices.Contains(classes, v.Class) {
		t.Fatalf("got class %q", v.Class)
	}
	if v.RetryIn < 0 || v.RetryIn > 366*day || v.RetryInSource == "" && v.RetryIn != 0 {
		t.Fatalf("got a wait of %v from %q", v.RetryIn, v.RetryInSource)
	}
	if v.Window < 0 || v.Window > 30*day {
		t.Fatalf("got a window of %v", v.Window)
	}
	if len(v.Message) > 64<<10*utf8.UTFMax {
		t.Fatalf("got a message of %d bytes", len(v.Message))
	}
}

func seed(f *testing.F) {
	for _, row := range holdout {
		f.Add(row.status, row.url, []byte(row.body))
	}
	for _, r := range corpus.Read(f, "dev.jsonl") {
		a := answer(&r)
		f.Add(a.Status, a.Method+" "+a.Host+a.Path, a.Body)
	}
	for _, body := range hostile() {
		f.Add(429, "POST api.openai.com/v1/x", body[:min(len(body), 512)])
	}
}

func FuzzJudge(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, status int, url string, body []byte) {
		method, rest, _ := strings.Cut(url, " ")
		host, path, _ := strings.Cut(rest, "/")
		a := dialect.Answer{Method: method, Host: host, Path: path, Status: status, Header: http.Header{}, Body: body, Now: time.Unix(1700000000, 0)}
		v := dialect.Judge(a)
		checkVerdict(t, v)
		if again := dialect.Judge(a); again != v {
			t.Fatalf("got %+v, then %+v", v, again)
		}
		dialect.HidesErrors(method, host, path, nil)
	})
}

func FuzzInBand(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, _ int, url string, body []byte) {
		host, path, _ := strings.Cut(url, "/")
		body = bytes.Clone(body) // a fuzzer's is not to be changed
		v, failed := dialect.InBand(dialect.Answer{Method: "POST", Host: host, Path: path, Status: 200, Body: body})
		if failed {
			checkVerdict(t, v)
			checkOutlives(t, v, body)
		} else if v != (dialect.Verdict{}) {
			t.Fatalf("got a verdict without a failure: %+v", v)
		}
	})
}

// checkOutlives fails t if v, which was found in text, changes with it.
func checkOutlives(t *testing.T, v dialect.Verdict, text []byte) {
	t.Helper()
	before := fmt.Sprint(v)
	clear(text)
	if after := fmt.Sprint(v); after != before {
		t.Errorf("got %s after its text was overwritten, want %s", after, before)
	}
}

// A verdict stays as it is when the memory of an event or an answer is used again.
func TestVerdictOutlivesItsText(t *testing.T) {
	const text = `{"type":"error","error":{"type":"overloaded_error","code":"x","message":"Overloaded, try again"},"request_id":"req_1"}`
	data := []byte(text)
	var s dialect.Stream
	step := s.Event("error", data)
	if !step.Failed || step.Verdict.Message == "" {
		t.Fatalf("got %+v, want a failure with its message", step)
	}
	checkOutlives(t, step.Verdict, data)
	a := post("api.anthropic.com", "/v1/messages", 200, text)
	v, failed := dialect.InBand(a)
	if !failed || v.Message == "" {
		t.Fatalf("got %+v, want a failure with its message", v)
	}
	checkOutlives(t, v, a.Body)
}

func FuzzEvent(f *testing.F) {
	f.Add("error", []byte(`{"type":"error","error":{"type":"overloaded_error"}}`))
	f.Add("", []byte(`{"choices":[{"finish_reason":"stop"}]}`))
	f.Add("", []byte(`[DONE]`))
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		data = bytes.Clone(data) // a fuzzer's is not to be changed
		var s dialect.Stream
		if step := s.Event(name, data); step.Failed {
			checkVerdict(t, step.Verdict)
			checkOutlives(t, step.Verdict, data)
			if s.Ended() == step.Beside {
				t.Fatalf("ended %t by an error that it may survive: %t", s.Ended(), step.Beside)
			}
		}
	})
}

// An empty event is judged alike, whatever was read before it with the same
// memory.
func TestEmptyEventAfterAnother(t *testing.T) {
	for _, before := range []string{`[1]`, `{"a":1}`, `"x"`} {
		dialect.Event("", []byte(before))
		if _, failed, _ := dialect.Event("error", nil); failed {
			t.Errorf("after %s: an empty event is a failure", before)
		}
	}
}
