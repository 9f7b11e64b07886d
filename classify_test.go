package steadyhttp_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/steadyhttp/steadyhttp"
)

// plainAnswer is an answer that no wrapper of ours saw, as fakes make it:
// without a Request.
func plainAnswer(status int, header, body string) *http.Response {
	return playing().response(nil, reply{status: status, header: header, body: body})
}

// judges are the two ways to a verdict on an answer: Check after a plain
// client, and a Classifier below.
var judges = []struct {
	name  string
	judge func(t *testing.T, req *http.Request, r reply) (*http.Response, *steadyhttp.Error)
}{
	{"Check of a plain answer", func(t *testing.T, req *http.Request, r reply) (*http.Response, *steadyhttp.Error) {
		resp := playing().response(req, r)
		return resp, asError(t, resp, nil)
	}},
	{"a Classifier", func(t *testing.T, req *http.Request, r reply) (*http.Response, *steadyhttp.Error) {
		resp, err := (&steadyhttp.Classifier{Base: playing(r)}).RoundTrip(req)
		if err != nil {
			t.Fatalf("RoundTrip: got error %v, want an answer", err)
		}
		call, _ := steadyhttp.FromContext(resp.Request.Context())
		if e := asError(t, resp, nil); call.Error != e {
			t.Errorf("FromContext: got the verdict %v, want that of Check, %v", call.Error, e)
		}
		return resp, call.Error
	}},
}

// What a client that handles errors status by status tells its developer, and
// we with it: one row a behaviour.
func TestStatusByStatus(t *testing.T) {
	const noMessage = `{"error":{"type":"odd"},"trace":7}`
	long := strings.Repeat("0123456789", 30)
	for _, row := range []struct {
		name      string
		reply     reply
		class     steadyhttp.Class
		code      string
		message   string   // "" is not looked at
		requestID string   //
		hint      []string // words that the hint holds
		after     time.Duration
		source    string
	}{
		{
			name:    "400 about the model",
			reply:   reply{status: 400, body: `{"error":{"message":"unknown model gpt-5o"}}`},
			class:   steadyhttp.NotFound,
			message: "unknown model gpt-5o",
			hint:    []string{"model name is correct"},
		},
		{
			name:  "400 about max_tokens",
			reply: reply{status: 400, body: `{"error":{"message":"max_tokens is too large: 99999"}}`},
			class: steadyhttp.InvalidRequest,
			hint:  []string{"max_tokens", "exceeds the limit"},
		},
		{
			name:  "400 about messages",
			reply: reply{status: 400, body: `{"error":{"message":"messages must not be empty"}}`},
			class: steadyhttp.InvalidRequest,
			hint:  []string{"Message format", "role and content"},
		},
		{
			name:  "400 about max_tokens of a model: the more precise word wins",
			reply: reply{status: 400, body: `{"error":{"message":"this model takes at most 4096 max_tokens"}}`},
			class: steadyhttp.InvalidRequest,
			hint:  []string{"max_tokens", "exceeds the limit"},
		},
		{
			name:  "400 whose parameter says more than its message",
			reply: reply{status: 400, body: `{"error":{"message":"the model refused it","param":"messages[0].role"}}`},
			class: steadyhttp.InvalidRequest,
			hint:  []string{"Message format", "role and content"},
		},
		{
			name:    "400 about none of these",
			reply:   reply{status: 400, body: `{"error":{"message":"temperature must be between 0 and 2"}}`},
			class:   steadyhttp.InvalidRequest,
			message: "temperature must be between 0 and 2",
			hint:    []string{"API documentation", "JSON format", "required parameters", "types", "ranges"},
		},
		{
			name:    "400 without JSON",
			reply:   reply{status: 400, body: "<html>\n<h1>Bad Request</h1>"},
			class:   steadyhttp.InvalidRequest,
			message: "Bad Request",
			hint:    []string{"API documentation"},
		},
		{
			name:    "400 with broken JSON",
			reply:   reply{status: 400, body: `{"error":{"message":"cut sho`},
			class:   steadyhttp.InvalidRequest,
			message: `{"error":{"message":"cut sho`,
		},
		{
			name:    "400 without a message",
			reply:   reply{status: 400, body: noMessage},
			class:   steadyhttp.InvalidRequest,
			code:    "odd",
			message: noMessage,
		},
		{
			name:  "400 without a body",
			reply: reply{status: 400},
			class: steadyhttp.InvalidRequest,
			hint:  []string{"API documentation"},
		},
		{
			name:  "401",
			reply: reply{status: 401, body: `{"error":{"message":"bad key"}}`},
			class: steadyhttp.Authentication,
			hint:  []string{"API key's value", "activated", "Authorization header is correct"},
		},
		{
			name:  "403 insufficient_quota",
			reply: reply{status: 403, body: `{"error":{"message":"no money left","code":"insufficient_quota"}}`},
			class: steadyhttp.Quota,
			code:  "insufficient_quota",
			hint:  []string{"Top up the balance"},
		},
		{
			name:    "403",
			reply:   reply{status: 403, body: `{"error":{"message":"not yours","code":"forbidden"}}`},
			class:   steadyhttp.Permission,
			code:    "forbidden",
			message: "not yours",
			hint:    []string{"permissions", "API key"},
		},
		{
			name:  "404",
			reply: reply{status: 404, body: `{"error":{"message":"nothing here"}}`},
			class: steadyhttp.NotFound,
			hint:  []string{"endpoint URL", "model name", "API version"},
		},
		{
			name:   "429 with Retry-After in seconds",
			reply:  reply{status: 429, header: "Retry-After: 20"},
			class:  steadyhttp.RateLimit,
			hint:   []string{"Wait 20 seconds"},
			after:  20 * time.Second,
			source: "retry-after",
		},
		{
			name:   "429 with Retry-After as a date, on a server whose clock is a day ahead",
			reply:  reply{status: 429, header: "Date: Sun, 02 Jan 2000 00:00:00 GMT\nRetry-After: Sun, 02 Jan 2000 00:02:00 GMT"},
			class:  steadyhttp.RateLimit,
			hint:   []string{"Wait 2 minutes"},
			after:  2 * time.Minute,
			source: "retry-after",
		},
		{
			name:  "429 with its limits",
			reply: reply{status: 429, header: "X-RateLimit-Limit: 60\nX-RateLimit-Remaining: 3"},
			class: steadyhttp.RateLimit,
			hint:  []string{"Limit 60, remaining 3"},
		},
		{
			name:  "429 without any word on how long",
			reply: reply{status: 429},
			class: steadyhttp.RateLimit,
			hint:  []string{"Slow down"},
		},
		{
			name:   "429 insufficient_quota, which no wait cures",
			reply:  reply{status: 429, header: "Retry-After: 20", body: `{"error":{"code":"insufficient_quota"}}`},
			class:  steadyhttp.Quota,
			code:   "insufficient_quota",
			hint:   []string{"Top up the balance", "no retry"},
			after:  20 * time.Second,
			source: "retry-after",
		},
		{
			name:      "500 with an error id",
			reply:     reply{status: 500, header: "X-Request-ID: req-7f3"},
			class:     steadyhttp.ServerError,
			requestID: "req-7f3",
			hint:      []string{"Retry later", "technical support", "error ID req-7f3"},
		},
		{
			name:  "500 without one",
			reply: reply{status: 500},
			class: steadyhttp.ServerError,
			hint:  []string{"Retry later", "technical support"},
		},
		{
			name:  "503",
			reply: reply{status: 503},
			class: steadyhttp.Unavailable,
			hint:  []string{"maintenance", "few minutes"},
		},
		{
			name:   "503 until a time",
			reply:  reply{status: 503, header: "X-Maintenance-Until: Sat, 01 Jan 2000 00:30:00 GMT"},
			class:  steadyhttp.Unavailable,
			hint:   []string{"Estimated recovery time: Sat, 01 Jan 2000 00:30:00 GMT"},
			after:  30 * time.Minute,
			source: "x-maintenance-until",
		},
		{
			name:   "503 until a time in the newer form",
			reply:  reply{status: 503, header: "X-Maintenance-Until: 2000-01-01T01:00:00+00:30"},
			class:  steadyhttp.Unavailable,
			hint:   []string{"Estimated recovery time: 2000-01-01T01:00:00+00:30"},
			after:  30 * time.Minute,
			source: "x-maintenance-until",
		},
		{
			name:  "503 until some words",
			reply: reply{status: 503, header: "X-Maintenance-Until: Sunday evening"},
			class: steadyhttp.Unavailable,
			hint:  []string{"Estimated recovery time: Sunday evening"},
		},
		{
			name:    "418 with JSON",
			reply:   reply{status: 418, body: `{"teapot": true, "size": 3}`},
			class:   steadyhttp.InvalidRequest,
			message: `{"teapot": true, "size": 3}`,
		},
		{
			name:    "418 with long text",
			reply:   reply{status: 418, body: long},
			class:   steadyhttp.InvalidRequest,
			message: long[:197] + "…",
		},
		{
			name:    "600 with JSON",
			reply:   reply{status: 600, body: `{"odd": 600}`},
			class:   steadyhttp.Unknown,
			message: `{"odd": 600}`,
			hint:    []string{"Read the message"},
		},
		{
			name:    "600 with long text",
			reply:   reply{status: 600, body: long},
			class:   steadyhttp.Unknown,
			message: long[:197] + "…",
		},
	} {
		for _, j := range judges {
			t.Run(row.name+"/"+j.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					_, e := j.judge(t, chat(t), row.reply)
					if e.Class != row.class || e.Status != row.reply.status {
						t.Errorf("got class %v of status %d, want %v of %d", e.Class, e.Status, row.class, row.reply.status)
					}
					if e.Code != row.code || e.RequestID != row.requestID {
						t.Errorf("got code %q and request id %q, want %q and %q", e.Code, e.RequestID, row.code, row.requestID)
					}
					if row.message != "" && e.Message != row.message {
						t.Errorf("message: got %q, want %q", e.Message, row.message)
					}
					for _, words := range row.hint {
						if !strings.Contains(e.Hint, words) {
							t.Errorf("hint: got %q, want it to say %q", e.Hint, words)
						}
					}
					if e.Hint == "" {
						t.Error("hint: got none, want one")
					}
					checkWait(t, e, row.after, row.source)
				})
			})
		}
	}
}

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
		want   []steadyhttp.Allowance
	}{
		{"none", "", nil},
		{"without a unit", "X-RateLimit-Limit: 60\nX-RateLimit-Remaining: 0", []steadyhttp.Allowance{{Limit: 60, Remaining: 0, Reset: -1}}},
		{"only the limit", "X-RateLimit-Limit: 60", []steadyhttp.Allowance{{Limit: 60, Remaining: -1, Reset: -1}}},
		{"only what remains", "X-RateLimit-Remaining: 5", []steadyhttp.Allowance{{Limit: -1, Remaining: 5, Reset: -1}}},
		{
			"requests and tokens, with resets",
			"X-RateLimit-Limit-Requests: 500\nX-RateLimit-Remaining-Requests: 499\nX-RateLimit-Reset-Requests: 120ms\n" +
				"X-RateLimit-Limit-Tokens: 30000\nX-RateLimit-Remaining-Tokens: 0\nX-RateLimit-Reset-Tokens: 6m0s",
			[]steadyhttp.Allowance{
				{Unit: "requests", Window: time.Minute, Limit: 500, Remaining: 499, Reset: 120 * time.Millisecond},
				{Unit: "tokens", Window: time.Minute, Limit: 30000, Remaining: 0, Reset: 6 * time.Minute},
			},
		},
		{"garbage", "X-RateLimit-Limit: many\nX-RateLimit-Remaining: -1", nil},
		{"overflow", "X-RateLimit-Limit: 99999999999999999999", nil},
		{"a reset that is absurd", "X-RateLimit-Limit: 1\nX-RateLimit-Reset: 99999h", []steadyhttp.Allowance{{Limit: 1, Remaining: -1, Reset: -1}}},
		{"a reset in the past", "X-RateLimit-Limit: 1\nX-RateLimit-Reset: -5s", []steadyhttp.Allowance{{Limit: 1, Remaining: -1, Reset: -1}}},
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

func TestWhatIsNoFailure(t *testing.T) {
	for _, status := range []int{101, 200, 204, 206, 301, 304, 307, 399} {
		t.Run(http.StatusText(status), func(t *testing.T) {
			plain := plainAnswer(status, "", "untouched")
			body := plain.Body
			if err := steadyhttp.Check(plain, nil); err != nil {
				t.Errorf("Check of %d: got %v, want nil", status, err)
			}
			if plain.Body != body {
				t.Errorf("Check of %d replaced the body", status)
			}
			resp, err := (&steadyhttp.Classifier{Base: roundTripperFunc(func(req *http.Request) (*http.Response, error) { return plain, nil })}).RoundTrip(request(t, "GET", "https://api.example/v1/things", ""))
			if resp != plain || resp.Body != body || resp.Request != nil || err != nil {
				t.Errorf("a Classifier changed an answer of %d: %+v, %v", status, resp, err)
			}
			if err := steadyhttp.Check(resp, nil); err != nil {
				t.Errorf("Check of %d after a Classifier: got %v, want nil", status, err)
			}
		})
	}
}

func TestUpgradedConnectionStaysWritable(t *testing.T) {
	conn := struct {
		io.Reader
		io.WriteCloser
	}{strings.NewReader(""), nil}
	rt := &steadyhttp.Classifier{Base: roundTripperFunc(func(req *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: http.StatusSwitchingProtocols, Body: conn, Request: req}, nil
	})}
	resp, err := rt.RoundTrip(chat(t))
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := resp.Body.(io.Writer); !ok {
		t.Errorf("body of a 101: got %T, want an io.Writer", resp.Body)
	}
}

func TestErrorBodyStaysWhole(t *testing.T) {
	const kept = 64 << 10
	for _, size := range []int{0, 1, 511, 512, 2 << 10, kept - 1, kept, kept + 1, 1 << 20} {
		body := strings.Repeat("0123456789abcdef", size/16+1)[:size]
		for _, j := range judges {
			t.Run(fmt.Sprintf("%d bytes/%s", size, j.name), func(t *testing.T) {
				resp, e := j.judge(t, chat(t), reply{status: 500, body: body})
				if again := asError(t, resp, nil); again.Message != e.Message || !bytes.Equal(again.Body, e.Body) {
					t.Error("a second Check says something else")
				}
				if got := finish(t, resp); got != body {
					t.Errorf("read %d bytes, want all %d as they were", len(got), len(body))
				}
				if len(e.Body) != min(size, kept) || !strings.HasPrefix(body, string(e.Body)) {
					t.Errorf("Error.Body: got %d bytes, want the first %d", len(e.Body), min(size, kept))
				}
			})
		}
	}
}

func TestCloseReachesTheOriginalBody(t *testing.T) {
	base := playing(reply{status: 500, body: "off"})
	resp, err := (&steadyhttp.Classifier{Base: base}).RoundTrip(chat(t))
	if err != nil {
		t.Fatal(err)
	}
	asError(t, resp, nil)
	if got := base.leftOpen(); got != 1 {
		t.Errorf("before Close: got %d bodies open, want 1: closing is the caller's", got)
	}
	resp.Body.Close()
	if got := base.leftOpen(); got != 0 {
		t.Errorf("after Close: got %d bodies open, want 0", got)
	}
}

func TestErrorOfTheBodyReachesTheReader(t *testing.T) {
	broken := errors.New("line cut")
	resp := plainAnswer(500, "", "")
	resp.Body = io.NopCloser(io.MultiReader(strings.NewReader("start"), iotest.ErrReader(broken)))
	e := asError(t, resp, nil)
	got, err := io.ReadAll(resp.Body)
	if string(got) != "start" || err != broken {
		t.Errorf("got %q and %v, want %q and %v", got, err, "start", broken)
	}
	if e.Message != "start" {
		t.Errorf("message: got %q, want what had come", e.Message)
	}
}

// A slowBody gives one byte of its text every so often, and then nothing more
// until it is closed.
type slowBody struct {
	text   string
	every  time.Duration
	closed chan struct{}
	once   sync.Once
}

func slow(text string, every time.Duration) *slowBody {
	return &slowBody{text: text, every: every, closed: make(chan struct{})}
}

func (b *slowBody) Read(p []byte) (int, error) {
	wait := time.NewTimer(b.every)
	defer wait.Stop()
	next := wait.C
	if b.text == "" {
		next = nil
	}
	select {
	case <-next:
		p[0] = b.text[0]
		b.text = b.text[1:]
		return 1, nil
	case <-b.closed:
		return 0, errClosed
	}
}

func (b *slowBody) Close() error {
	b.once.Do(func() { close(b.closed) })
	return nil
}

var errClosed = errors.New("closed")

type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

func TestSlowErrorBodyHoldsNobodyUp(t *testing.T) {
	for _, row := range []struct {
		name string
		body func() io.ReadCloser
		took time.Duration
		seen string // of the body, in Error.Body
	}{
		{"trickling", func() io.ReadCloser { return slow("trickle", 300*time.Millisecond) }, time.Second, "tri"},
		{"silent", func() io.ReadCloser { return slow("", time.Hour) }, time.Second, ""},
		{"endless", func() io.ReadCloser { return io.NopCloser(endless{}) }, 0, strings.Repeat("x", 64<<10)},
	} {
		for _, j := range []string{"Check", "Classifier"} {
			t.Run(row.name+"/"+j, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					body := row.body()
					defer body.Close()
					resp := &http.Response{StatusCode: 500, Body: body}
					start := time.Now()
					if j == "Classifier" {
						var err error
						resp, err = (&steadyhttp.Classifier{Base: roundTripperFunc(func(*http.Request) (*http.Response, error) { return resp, nil })}).RoundTrip(chat(t))
						if err != nil {
							t.Fatal(err)
						}
					}
					e := asError(t, resp, nil)
					if took := time.Since(start); took != row.took {
						t.Errorf("took %v, want %v", took, row.took)
					}
					if string(e.Body) != row.seen {
						t.Errorf("Error.Body: got %d bytes %.20q, want %d", len(e.Body), e.Body, len(row.seen))
					}
				})
			})
		}
	}
}

func TestTricklingErrorBodyIsReadToItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		body := slow("trickle", 300*time.Millisecond)
		resp := &http.Response{StatusCode: 500, Body: body}
		asError(t, resp, nil)
		got := make([]byte, len("trickle"))
		if _, err := io.ReadFull(resp.Body, got); err != nil || string(got) != "trickle" {
			t.Errorf("got %q and %v, want %q", got, err, "trickle")
		}
		resp.Body.Close()
		if n, err := resp.Body.Read(got); n != 0 || err != errClosed {
			t.Errorf("Read after Close: got %d bytes and %v, want the original's %v", n, err, errClosed)
		}
	})
}

func TestFakesThatLeaveThingsOut(t *testing.T) {
	for _, row := range []struct {
		name string
		resp http.Response
	}{
		{"nothing but a status", http.Response{StatusCode: 429}},
		{"a body alone", http.Response{StatusCode: 500, Body: io.NopCloser(strings.NewReader("off"))}},
		{"headers alone", http.Response{StatusCode: 503, Header: http.Header{"Retry-After": {"1"}}}},
		{"a request without a URL", http.Response{StatusCode: 404, Request: &http.Request{}}},
	} {
		t.Run(row.name, func(t *testing.T) {
			plain := row.resp
			if e := asError(t, &plain, nil); e.Status != row.resp.StatusCode {
				t.Errorf("Check: got status %d, want %d", e.Status, row.resp.StatusCode)
			}
			finish(t, &plain)

			fake := row.resp
			req := chat(t)
			resp, err := (&steadyhttp.Classifier{Base: roundTripperFunc(func(*http.Request) (*http.Response, error) { return &fake, nil })}).RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			if e := asError(t, resp, nil); e.Status != row.resp.StatusCode {
				t.Errorf("Classifier: got status %d, want %d", e.Status, row.resp.StatusCode)
			}
			if resp.Request == nil || row.resp.Request == nil && resp.Request.URL != req.URL {
				t.Errorf("Classifier: got request %v in the answer, want one", resp.Request)
			}
			finish(t, resp)
		})
	}
}

func TestClassifierPassesErrorsUnchanged(t *testing.T) {
	off := errors.New("off")
	ctx := steadyhttp.WithCall(t.Context())
	resp, err := (&steadyhttp.Classifier{Base: playing(reply{err: off})}).RoundTrip(chat(t).WithContext(ctx))
	if resp != nil || err != off {
		t.Errorf("got %v and %v, want no answer and the base's own error", resp, err)
	}
	call, ok := steadyhttp.FromContext(ctx)
	if !ok || call.Error == nil || call.Error.Class != steadyhttp.Unknown || call.Error.Err != off {
		t.Errorf("FromContext: got %+v, want the verdict on the error", call)
	}
}

func TestClassifiersInARowAgree(t *testing.T) {
	base := playing(reply{status: 429, header: "Retry-After: 5", body: `{"error":{"code":"insufficient_quota"}}`})
	var seen []*steadyhttp.Error
	noting := func(below http.RoundTripper) http.RoundTripper {
		return roundTripperFunc(func(req *http.Request) (*http.Response, error) {
			resp, err := below.RoundTrip(req)
			seen = append(seen, asError(t, resp, err))
			return resp, err
		})
	}
	resp, err := noting(&steadyhttp.Classifier{Base: noting(&steadyhttp.Classifier{Base: base})}).RoundTrip(chat(t))
	if e := asError(t, resp, err); e.Class != steadyhttp.Quota || seen[0] != e || seen[1] != e {
		t.Errorf("got %v and %v, want the inner one's verdict twice", seen, e)
	}
	finish(t, resp)
}

// The verdict of an earlier answer must not stick to a later one that shares
// the context.
func TestVerdictIsAboutItsOwnAnswer(t *testing.T) {
	ctx := steadyhttp.WithCall(context.Background())
	rt := &steadyhttp.Classifier{Base: playing(reply{status: 404}, reply{status: 200}, reply{status: 500})}
	for _, want := range []steadyhttp.Class{steadyhttp.NotFound, steadyhttp.None, steadyhttp.ServerError} {
		resp, err := rt.RoundTrip(chat(t).WithContext(ctx))
		if err != nil {
			t.Fatal(err)
		}
		got := steadyhttp.None
		var e *steadyhttp.Error
		if errors.As(steadyhttp.Check(resp, nil), &e) {
			got = e.Class
		}
		if got != want {
			t.Errorf("answer %d: got %v, want %v", resp.StatusCode, got, want)
		}
	}
}

func TestVerdictShowsNoSecret(t *testing.T) {
	const key = "sk-proj-4fT9xQ2mN7bV1cZ8"
	for _, row := range []struct {
		name  string
		reply reply
	}{
		{"in the message", reply{status: 401, body: `{"error":{"message":"Incorrect API key provided: ` + key + `"}}`}},
		{"in the code and the parameter", reply{status: 400, body: `{"error":{"message":"no","code":"` + key + `","param":"` + key + `"}}`}},
		{"in JSON without a message", reply{status: 401, body: `{"got":"` + key + `"}`}},
		{"in text", reply{status: 401, body: "who is " + key + "?"}},
		{"in the request id", reply{status: 500, header: "X-Request-Id: " + key}},
		{"in the maintenance window", reply{status: 503, header: "X-Maintenance-Until: " + key}},
		{"across the end of what is shown", reply{status: 500, body: strings.Repeat("a ", 95) + key}},
	} {
		for _, j := range judges {
			t.Run(row.name+"/"+j.name, func(t *testing.T) {
				_, e := j.judge(t, chat(t), row.reply)
				for _, s := range []string{e.Error(), e.Message, e.Hint, e.Code, e.Param, e.RequestID, e.UserMessage()} {
					if strings.Contains(s, key[:14]) {
						t.Errorf("got %q, want it without the key", s)
					}
				}
			})
		}
	}
}

// A server may quote the credential that it was sent, in whatever shape.
func TestVerdictShowsNoCredentialOfItsRequest(t *testing.T) {
	const secret = "correct horse/battery+staple"
	for _, row := range []struct {
		name string
		send func(*http.Request)
	}{
		{"bearer", func(req *http.Request) { req.Header.Set("Authorization", "Bearer "+secret) }},
		{"a header without a scheme", func(req *http.Request) { req.Header.Set("Api-Key", secret) }},
		{"a second value", func(req *http.Request) { req.Header["X-Api-Key"] = []string{"", secret} }},
		{"in the query", func(req *http.Request) { req.URL.RawQuery = url.Values{"key": {secret}}.Encode() }},
		{"in the user information", func(req *http.Request) { req.URL.User = url.UserPassword("me", secret) }},
	} {
		for _, j := range judges {
			t.Run(row.name+"/"+j.name, func(t *testing.T) {
				req := chat(t)
				row.send(req)
				_, e := j.judge(t, req, reply{status: 401, header: "X-Request-Id: r " + secret,
					body: `{"error":{"message":"who is ` + secret + `?","code":"` + secret + `","param":"` + secret + `"}}`})
				for _, s := range []string{e.Error(), e.Message, e.Code, e.Param, e.RequestID, e.Hint} {
					if strings.Contains(s, "battery") {
						t.Errorf("got %q, want it without the credential", s)
					}
				}
			})
		}
	}
}
