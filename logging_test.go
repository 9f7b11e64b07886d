package steadyhttp_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/steadyhttp/steadyhttp"
)

func TestLoggerWritesOneEntryACall(t *testing.T) {
	for _, row := range []struct {
		name    string
		replies []reply
		level   zapcore.Level
		message string
		fields  map[string]any // nil: must not be there
	}{
		{"success", []reply{{status: 200, after: 2 * time.Second}}, zapcore.DebugLevel, "call succeeded", map[string]any{
			"http.request.method": "POST", "url.full": chatURL, "http.response.status_code": int64(200), "duration": 2 * time.Second,
			"attempts": nil, "http.request.resend_count": nil, "waited": nil, "error.type": nil, "hint": nil,
		}},
		{"recovered", []reply{{status: 429, header: "Retry-After: 3"}, {status: 200}}, zapcore.InfoLevel, "call recovered", map[string]any{
			"attempts": int64(2), "http.request.resend_count": int64(1), "retried_classes": "[rate_limit]", "waited": 3 * time.Second, "duration": 3 * time.Second, "error.type": nil,
		}},
		{"the caller's mistake", []reply{{status: 400, header: "X-Request-Id: req_1", body: `{"error":{"message":"bad max_tokens","code":"invalid_value","param":"max_tokens"}}`}}, zapcore.WarnLevel, "call refused", map[string]any{
			"error.type": "invalid_request", "message": "bad max_tokens", "code": "invalid_value", "request_id": "req_1", "provider": "openai",
			"retry_stopped": "invalid_request is not retryable",
		}},
		{"out of money", []reply{{status: 429, body: `{"error":{"code":"insufficient_quota"}}`}}, zapcore.WarnLevel, "call refused", map[string]any{
			"error.type": "quota", "code": "insufficient_quota",
		}},
		{"a limit for a day", []reply{{status: 429, header: "Retry-After: 86400"}}, zapcore.WarnLevel, "call refused", map[string]any{
			"error.type": "rate_limit", "retry_after": 24 * time.Hour, "retry_after_source": "retry-after",
		}},
		{"the server's failure for good", []reply{{status: 500}}, zapcore.ErrorLevel, "call failed", map[string]any{
			"error.type": "server_error", "attempts": int64(4), "retry_stopped": "4 attempts were made, as many as allowed",
		}},
		{"no connection", []reply{{err: &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("refused")}}}, zapcore.ErrorLevel, "call failed", map[string]any{
			"error.type": "connection", "http.response.status_code": nil, "message": "dial tcp: refused",
		}},
		{"given up by the caller", []reply{{err: context.Canceled}}, zapcore.WarnLevel, "call canceled", map[string]any{
			"error.type": "canceled",
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				core, logs := observer.New(zapcore.DebugLevel)
				rt := &steadyhttp.Transport{
					Base:    playing(row.replies...),
					Logger:  &steadyhttp.Logger{Zap: zap.New(core)},
					Retrier: &steadyhttp.Retrier{BackOff: noWait},
				}
				resp, _ := rt.RoundTrip(chat(t))
				finish(t, resp)
				if n := logs.Len(); n != 1 {
					t.Fatalf("got %d entries, want 1", n)
				}
				entry := logs.All()[0]
				if entry.Level != row.level || entry.Message != row.message {
					t.Errorf("got %s %q, want %s %q", entry.Level, entry.Message, row.level, row.message)
				}
				got := entry.ContextMap()
				for name, want := range row.fields {
					if name == "retried_classes" {
						want, got[name] = fmt.Sprint(want), fmt.Sprint(got[name])
					}
					if got[name] != want {
						t.Errorf("%s: got %v, want %v", name, got[name], want)
					}
				}
			})
		})
	}
}

// Alone, a Logger goes by status and headers, and reads no body.
func TestLoggerAlone(t *testing.T) {
	core, logs := observer.New(zapcore.DebugLevel)
	base := roundTripperFunc(func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 429, Header: http.Header{"Retry-After": {"7"}}, Body: unreadable{t}}, nil
	})
	if _, err := (&steadyhttp.Logger{Base: base, Zap: zap.New(core)}).RoundTrip(chat(t)); err != nil {
		t.Fatal(err)
	}
	got := logs.All()[0].ContextMap()
	if got["error.type"] != "rate_limit" || got["retry_after"] != 7*time.Second {
		t.Errorf("got %v, want rate_limit after 7 s", got)
	}
}

type unreadable struct{ t *testing.T }

func (u unreadable) Read([]byte) (int, error) { u.t.Error("the body was read"); return 0, io.EOF }
func (u unreadable) Close() error             { return nil }

// canaries are secrets, by where they are put. None may reach an entry.
const (
	canaryKey   = "sk-proj-CANARY0000000000000001"
	canaryValue = "CANARY-value-2"
	canaryOdd   = "CANARY-correct-horse"
)

func TestNoSecretReachesAnEntry(t *testing.T) {
	secretly := func(t *testing.T) *http.Request {
		req := request(t, "POST", "https://user:"+canaryValue+"@api.example/v1/"+canaryKey+"/chat/completions?key="+canaryValue, canaryValue)
		req.Header.Set("Authorization", "Bearer "+canaryKey)
		req.Header.Set("X-Api-Key", canaryOdd)
		req.Header.Set("X-Other", canaryValue)
		return req
	}
	for name, r := range map[string]reply{
		"success":                 {status: 200, header: "Set-Cookie: " + canaryValue, body: canaryValue},
		"quoted by a server":      {status: 401, body: `{"error":{"message":"Incorrect API key provided: ` + canaryKey + `. Was it Bearer ` + canaryKey + `?","code":"` + canaryKey + `"}}`},
		"a key of no known shape": {status: 401, body: `{"error":{"message":"Nobody has the key ` + canaryOdd + `.","param":"` + canaryOdd + `"}}`},
		"plain text":              {status: 500, body: "no route for /x?key=" + canaryValue + " with token=" + canaryValue},
		"in an error":             {err: errors.New(`Get "https://api.example/?api_key=` + canaryValue + `": refused, authorization: ` + canaryKey)},
		"as a request id":         {status: 500, header: "X-Request-Id: " + canaryKey},
		"as a maintenance":        {status: 503, header: "X-Maintenance-Until: " + canaryKey},
		"control characters":      {status: 500, body: "line\nbreak \x1b[31mred\x1b[0m \u202etxt"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var out strings.Builder
				for _, encoder := range []zapcore.Encoder{
					zapcore.NewConsoleEncoder(zap.NewDevelopmentEncoderConfig()),
					zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()),
				} {
					core := zapcore.NewCore(encoder, zapcore.AddSync(&out), zapcore.DebugLevel)
					rt := &steadyhttp.Transport{Base: playing(r), Logger: &steadyhttp.Logger{Zap: zap.New(core)}}
					resp, err := rt.RoundTrip(secretly(t))
					if e := steadyhttp.Check(resp, err); e != nil {
						out.WriteString(e.Error() + "\n")
						out.WriteString(asError(t, resp, err).UserMessage() + "\n")
					}
					finish(t, resp)
				}
				for _, bad := range []string{"CANARY", "\x1b", `\u001b`, "\u202e", `line\n`, "line\nbreak"} {
					if strings.Contains(out.String(), bad) {
						t.Errorf("%q reached the output:\n%s", bad, out.String())
					}
				}
			})
		})
	}
}

func TestLoggerIsSilentWhenItsLevelIsOff(t *testing.T) {
	core, logs := observer.New(zapcore.WarnLevel)
	rt := &steadyhttp.Transport{Base: playing(reply{status: 200}), Logger: &steadyhttp.Logger{Zap: zap.New(core)}}
	resp, err := rt.RoundTrip(chat(t))
	if err != nil {
		t.Fatal(err)
	}
	finish(t, resp)
	if logs.Len() != 0 {
		t.Errorf("got %d entries, want none", logs.Len())
	}
}
