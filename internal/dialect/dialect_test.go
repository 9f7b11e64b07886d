package dialect_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/steadyhttp/steadyhttp/internal/dialect"
)

func TestClassOfStatus(t *testing.T) {
	for class, statuses := range map[dialect.Class][]int{
		dialect.InvalidRequest: {400, 405, 406, 411, 415, 416, 417, 418, 422, 426, 501, 505},
		dialect.Authentication: {401, 407, 511},
		dialect.Quota:          {402},
		dialect.Permission:     {403, 451},
		dialect.NotFound:       {404, 410},
		dialect.Timeout:        {408, 504, 524},
		dialect.Conflict:       {409, 423},
		dialect.TooLarge:       {413},
		dialect.RateLimit:      {429},
		dialect.Overloaded:     {498, 529},
		dialect.ServerError:    {500, 506, 508, 555, 599},
		dialect.Unavailable:    {421, 425, 502, 503, 520, 521, 522, 523, 525, 526, 527, 530},
		dialect.Unknown:        {600, 700, 999},
	} {
		for _, status := range statuses {
			if got := dialect.Judge(dialect.Answer{Status: status}).Class; got != class {
				t.Errorf("%d: got %s, want %s", status, got, class)
			}
		}
	}
}

func TestEveryFailureHasAClass(t *testing.T) {
	for status := 400; status < 1000; status++ {
		got := dialect.Judge(dialect.Answer{Status: status}).Class
		if got == "" || got == dialect.Unknown && status < 600 {
			t.Errorf("%d: got %q, want a class", status, got)
		}
	}
}

func TestClassOfCode(t *testing.T) {
	for _, row := range []struct {
		code   string
		status int
		class  dialect.Class
	}{
		{"insufficient_quota", 429, dialect.Quota},
		{"insufficient_quota", 403, dialect.Quota},
		{"billing_hard_limit_reached", 400, dialect.Quota},
		{"billing_not_active", 429, dialect.Quota},
		{"context_length_exceeded", 400, dialect.ContextLength},
		{"content_policy_violation", 400, dialect.ContentPolicy},
		{"content_filter", 400, dialect.ContentPolicy},
		{"invalid_api_key", 401, dialect.Authentication},
		{"account_deactivated", 401, dialect.Permission},
		{"unsupported_country_region_territory", 403, dialect.Permission},
		{"ip_not_authorized", 401, dialect.Permission},
		{"model_not_found", 404, dialect.NotFound},
		{"rate_limit_exceeded", 429, dialect.RateLimit},
		{"server_error", 500, dialect.ServerError},
		{"forbidden", 403, dialect.Permission},
		{"never_heard_of", 500, dialect.ServerError},
		{"429", 503, dialect.Unavailable},
	} {
		body := []byte(`{"error":{"code":"` + row.code + `"}}`)
		if got := dialect.Judge(dialect.Answer{Status: row.status, Body: body}).Class; got != row.class {
			t.Errorf("%s under %d: got %s, want %s", row.code, row.status, got, row.class)
		}
	}
	for _, row := range []struct {
		typ    string
		status int
		class  dialect.Class
	}{
		{"invalid_request_error", 400, dialect.InvalidRequest},
		{"authentication_error", 401, dialect.Authentication},
		{"billing_error", 402, dialect.Quota},
		{"permission_error", 403, dialect.Permission},
		{"not_found_error", 404, dialect.NotFound},
		{"request_too_large", 413, dialect.TooLarge},
		{"rate_limit_error", 429, dialect.RateLimit},
		{"api_error", 500, dialect.ServerError},
		{"timeout_error", 504, dialect.Timeout},
		{"overloaded_error", 529, dialect.Overloaded},
		{"overloaded_error", 500, dialect.Overloaded},
	} {
		body := []byte(`{"type":"error","error":{"type":"` + row.typ + `","message":"m"}}`)
		if got := dialect.Judge(dialect.Answer{Status: row.status, Body: body}).Class; got != row.class {
			t.Errorf("type %s under %d: got %s, want %s", row.typ, row.status, got, row.class)
		}
	}
	for _, row := range []struct {
		rpc    string
		status int
		class  dialect.Class
	}{
		{"INVALID_ARGUMENT", 400, dialect.InvalidRequest},
		{"OUT_OF_RANGE", 400, dialect.InvalidRequest},
		{"UNAUTHENTICATED", 401, dialect.Authentication},
		{"PERMISSION_DENIED", 403, dialect.Permission},
		{"NOT_FOUND", 404, dialect.NotFound},
		{"ABORTED", 409, dialect.Conflict},
		{"ALREADY_EXISTS", 409, dialect.Conflict},
		{"RESOURCE_EXHAUSTED", 429, dialect.RateLimit},
		{"INTERNAL", 500, dialect.ServerError},
		{"UNAVAILABLE", 503, dialect.Unavailable},
		{"DEADLINE_EXCEEDED", 504, dialect.Timeout},
		{"UNIMPLEMENTED", 501, dialect.InvalidRequest},
	} {
		body := []byte(`{"error":{"code":7,"status":"` + row.rpc + `"}}`)
		v := dialect.Judge(dialect.Answer{Status: row.status, Body: body})
		if v.Class != row.class || v.Code != row.rpc || v.Provider != "google" {
			t.Errorf("status %s under %d: got %s, code %q, provider %q; want %s, itself, google", row.rpc, row.status, v.Class, v.Code, v.Provider, row.class)
		}
	}
}

// Fields of a type that nobody expects must not cost us the others.
func TestOddBodies(t *testing.T) {
	const deep = 20_000
	for _, row := range []struct {
		name, body                   string
		code, param, message, source string
		wait                         time.Duration
	}{
		{name: "a number for a message", body: `{"error":{"message":5,"code":"c"}}`, message: "5", code: "c"},
		{name: "an object for a message", body: `{"error":{"message":{"a":1},"code":"c","param":"p"}}`, code: "c", param: "p"},
		{name: "nulls", body: `{"error":{"message":null,"code":null,"param":null,"type":"t"}}`, code: "t"},
		{name: "booleans", body: `{"error":{"message":true,"code":false,"type":"t","param":[]}}`, code: "t"},
		{name: "a number for a code", body: `{"error":{"message":"m","code":40013}}`, message: "m"},
		{name: "a number in quotes for a code", body: `{"error":{"message":"m","code":"1301","type":"t"}}`, message: "m", code: "t"},
		{name: "a string for details", body: `{"error":{"message":"m","status":"S","details":"none"}}`, message: "m", code: "S"},
		{name: "a number for the error", body: `{"error":7,"message":"m"}`, message: "m"},
		{name: "null for the error", body: `{"error":null,"message":"m"}`, message: "m"},
		{name: "a list for the error", body: `{"error":[{"message":"x"}],"message":"m"}`, message: "m"},
		{name: "an empty error", body: `{"error":{},"message":"m"}`, message: "m"},
		{name: "a string for the error", body: `{"error":"m"}`, message: "m"},
		{name: "the inner message before the outer", body: `{"message":"outer","error":{"message":"m"}}`, message: "m"},
		{name: "a wait", body: `{"error":{"details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"0.9s"}]}}`,
			wait: 900 * time.Millisecond, source: "google.rpc.RetryInfo"},
		{name: "a wait that nobody can read", body: `{"error":{"details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"soon"}]}}`},
		{name: "a wait that overflows", body: `{"error":{"details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"99999999999999h"}]}}`},
		{name: "blanks around", body: "\r\n\t {\"message\":\"m\"} \n", message: "m"},
		{name: "escapes", body: `{"message":"\u006d\ud800"}`, message: "m\ufffd"},
		{name: "no object", body: `"m"`},
		{name: "a list", body: `[1,2]`},
		{name: "a number", body: `42`},
		{name: "two objects", body: `{"message":"m"}{"message":"n"}`},
		{name: "cut short", body: `{"message":"m"`},
		{name: "text", body: `upstream connect error`},
		{name: "blank", body: "  \n"},
		{name: "deep objects", body: strings.Repeat(`{"error":`, deep) + "1" + strings.Repeat("}", deep)},
		{name: "deep lists", body: `{"error":` + strings.Repeat("[", deep) + strings.Repeat("]", deep) + "}"},
		{name: "deep and never closed", body: strings.Repeat(`{"error":[`, deep)},
	} {
		t.Run(row.name, func(t *testing.T) {
			v := dialect.Judge(dialect.Answer{Status: 500, Body: []byte(row.body)})
			if v.Code != row.code || v.Param != row.param || v.Message != row.message {
				t.Errorf("got code %q, param %q, message %q; want %q, %q, %q", v.Code, v.Param, v.Message, row.code, row.param, row.message)
			}
			if v.RetryIn != row.wait || v.RetryInSource != row.source {
				t.Errorf("got a wait of %v by %q, want %v by %q", v.RetryIn, v.RetryInSource, row.wait, row.source)
			}
			if v.Class != dialect.ServerError {
				t.Errorf("got class %s, want %s", v.Class, dialect.ServerError)
			}
		})
	}
}

func TestRequestID(t *testing.T) {
	for _, name := range []string{
		"Request-Id", "X-Request-ID", "apim-request-id", "X-Goog-Request-Id", "X-GitHub-Request-Id",
		"x-amzn-RequestId", "x-amz-request-id", "X-Slack-Req-Id", "CF-Ray",
	} {
		h := http.Header{}
		h.Set(name, "id-1")
		if got := dialect.Judge(dialect.Answer{Status: 500, Header: h}).RequestID; got != "id-1" {
			t.Errorf("%s: got %q, want id-1", name, got)
		}
	}
	for _, row := range []struct {
		name   string
		header http.Header
		body   string
		want   string
	}{
		{"none", nil, `{}`, ""},
		{"in the body", nil, `{"request_id":"body"}`, "body"},
		{"a number in the body", nil, `{"request_id":77}`, "77"},
		{"the provider's before its gateway's", http.Header{"X-Request-Id": {"x"}, "Cf-Ray": {"ray"}}, `{}`, "x"},
		{"an empty header", http.Header{"X-Request-Id": {""}}, `{"request_id":"body"}`, "body"},
	} {
		if got := dialect.Judge(dialect.Answer{Status: 500, Header: row.header, Body: []byte(row.body)}).RequestID; got != row.want {
			t.Errorf("%s: got %q, want %q", row.name, got, row.want)
		}
	}
}

func TestProvider(t *testing.T) {
	for host, want := range map[string]string{
		"api.openai.com":                          "openai",
		"api.anthropic.com":                       "anthropic",
		"generativelanguage.googleapis.com":       "google",
		"us-central1-aiplatform.googleapis.com":   "google",
		"api.n1n.ai":                              "n1n",
		"mine.openai.azure.com":                   "azure",
		"api.github.com":                          "github",
		"api.stripe.com":                          "stripe",
		"bedrock-runtime.us-east-1.amazonaws.com": "aws",
		"localhost":                               "",
		"":                                        "",
		"api.openai.com.evil.example":             "",
		"evilapi.openai.com":                      "",
		"evilgoogleapis.com":                      "",
	} {
		if got := dialect.Judge(dialect.Answer{Host: host, Status: 500}).Provider; got != want {
			t.Errorf("%q: got %q, want %q", host, got, want)
		}
	}
}

func TestInference(t *testing.T) {
	versioned := http.Header{"Anthropic-Version": {"2023-06-01"}}
	for _, row := range []struct {
		path   string
		header http.Header
		want   bool
	}{
		{"/v1/chat/completions", nil, true},
		{"/openai/deployments/gpt/chat/completions", nil, true},
		{"/v1/completions", nil, true},
		{"/v1/embeddings", nil, true},
		{"/v1/responses", nil, true},
		{"/v1/messages", versioned, true},
		{"/anthropic/v1/messages", versioned, true},
		{"/v1/messages/count_tokens", nil, true},
		{"/v1beta/models/gemini-2.5-pro:generateContent", nil, true},
		{"/v1beta/models/gemini-2.5-pro:streamGenerateContent", nil, true},
		{"/model/anthropic.claude-v2/converse", nil, true},
		{"/model/anthropic.claude-v2/invoke", nil, true},
		{"/model/anthropic.claude-v2/invoke-with-response-stream", nil, true},
		{"/api/generate", nil, true},
		{"/v2/rerank", nil, true},

		{"/v1/messages", nil, false},
		{"/v1/messages/batches", versioned, false},
		{"/2010-04-01/Accounts/AC1/Messages.json", nil, false},
		{"/v1/chat/completions/chatcmpl-1", nil, false},
		{"/v1/responses/resp_1/cancel", nil, false},
		{"/v1/images/generations", nil, false},
		{"/v1/fine_tuning/jobs", nil, false},
		{"/v1/charges", nil, false},
		{"/", nil, false},
		{"", nil, false},
	} {
		if got := dialect.Inference(row.path, row.header); got != row.want {
			t.Errorf("%q with %v: got %v, want %v", row.path, row.header, got, row.want)
		}
	}
}

func FuzzJudge(f *testing.F) {
	for _, body := range []string{
		`{"error":{"message":"m","type":"t","param":"p","code":"c"}}`,
		`{"type":"error","error":{"type":"overloaded_error","message":"m"},"request_id":"r"}`,
		`{"error":{"code":429,"message":"m","status":"RESOURCE_EXHAUSTED","details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"3.5s"}]}}`,
		`{"error":"m"}`,
		`{"message":7,"error":null}`,
		strings.Repeat(`{"error":`, 50),
	} {
		f.Add([]byte(body), 429, "api.openai.com")
	}
	f.Fuzz(func(t *testing.T, body []byte, status int, host string) {
		was := string(body)
		v := dialect.Judge(dialect.Answer{Host: host, Status: status, Body: body})
		if v.Class == "" {
			t.Error("got no class, want one")
		}
		if v.RetryInSource == "" && v.RetryIn != 0 {
			t.Errorf("got a wait of %v that nobody named", v.RetryIn)
		}
		if string(body) != was {
			t.Error("the body was changed")
		}
	})
}
