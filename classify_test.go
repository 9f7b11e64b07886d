package steadyhttp_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyhttp/steadyhttp"
)

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
