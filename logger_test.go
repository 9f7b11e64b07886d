package steadyhttp_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap/zapcore"

	"github.com/steadyhttp/steadyhttp"
)

func TestLevels(t *testing.T) {
	asked := func(steadyhttp.Call) zapcore.Level { return zapcore.InfoLevel }
	for _, row := range []struct {
		name  string
		reply reply
		level func(steadyhttp.Call) zapcore.Level
		want  zapcore.Level
	}{
		{"no money", reply{status: 402}, nil, zapcore.WarnLevel},
		{"no such model", reply{status: 404}, nil, zapcore.WarnLevel},
		{"a conflict", reply{status: 409}, nil, zapcore.WarnLevel},
		{"a bad gateway", reply{status: 502}, nil, zapcore.ErrorLevel},
		{"overloaded", reply{status: 529}, nil, zapcore.ErrorLevel},
		{"a redirect", reply{status: 302}, nil, zapcore.DebugLevel},
		{"not modified", reply{status: 304}, nil, zapcore.DebugLevel},
		{"an error that nobody knows", reply{err: errors.New("odd")}, nil, zapcore.ErrorLevel},
		{"a success at a level of one's own", reply{status: 200}, asked, zapcore.InfoLevel},
		{"a failure at a level of one's own", reply{status: 502}, asked, zapcore.InfoLevel},
	} {
		t.Run(row.name, func(t *testing.T) {
			logger, logs := observed()
			logger.Base, logger.Level = playing(row.reply), row.level
			resp, _ := logger.RoundTrip(chat(t))
			finish(t, resp)
			only(t, logs)
			if got := logs.All()[0].Level; got != row.want {
				t.Errorf("got %s, want %s", got, row.want)
			}
		})
	}
}

// The level's own function sees what the call went through.
func TestLevelSeesTheCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		logger, logs := observed()
		var got steadyhttp.Call
		logger.Level = func(c steadyhttp.Call) zapcore.Level { got = c; return zapcore.WarnLevel }
		rt := &steadyhttp.Transport{Base: playing(reply{status: 503}, reply{status: 200}), Logger: logger, Retrier: &steadyhttp.Retrier{BackOff: every(time.Second)}}
		resp, _ := rt.RoundTrip(chat(t))
		finish(t, resp)
		if got.Attempts != 2 || got.Waited != time.Second || !slices.Equal(got.RetriedClasses, []steadyhttp.Class{steadyhttp.Unavailable}) {
			t.Errorf("got %+v, want two attempts, a second's wait and that it was unavailable", got)
		}
		if only(t, logs); logs.All()[0].Level != zapcore.WarnLevel {
			t.Errorf("got %s, want warn", logs.All()[0].Level)
		}
	})
}

// A field that has nothing to say is absent.
func TestFieldsThatHaveNothingToSay(t *testing.T) {
	logger, logs := observed()
	rt := &steadyhttp.Transport{Logger: logger, Base: roundTripperFunc(func(req *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 200, ContentLength: 1000, Body: http.NoBody, Request: req}, nil
	})}
	ctx := steadyhttp.WithCall(t.Context())
	var before *http.Response
	for _, method := range []string{"GET", "HEAD"} { // as in a redirect: two requests, and none failed
		req, err := http.NewRequestWithContext(ctx, method, "https://api.example/a", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Response = before
		resp, _ := rt.RoundTrip(req)
		finish(t, resp)
		before = resp
	}
	got, again := logs.All()[0].ContextMap(), logs.All()[1].ContextMap()
	if got["http.response.body.size"] != int64(1000) || got["attempts"] != nil {
		t.Errorf("the GET: got %v, want its size and no attempts", got)
	}
	if again["attempts"] != int64(2) {
		t.Errorf("the HEAD: got %v, want that it was the second", again)
	}
	for _, name := range []string{"retried_classes", "http.response.body.size"} {
		if v, ok := again[name]; ok {
			t.Errorf("the HEAD: got %s %v, want none: nothing was repeated, and it has no body", name, v)
		}
	}
}

func TestAllowedHeadersAndQuery(t *testing.T) {
	for _, row := range []struct {
		name          string
		headers       []string
		query         []string
		url           string
		header, value string // of the request
		answer        string // header lines of the answer
		fields        map[string]any
	}{
		{"nothing is allowed", nil, nil, "https://u:p4ssw0rd@api.example/a?b=c&d=e", "X-A", "1", "X-B: 2", map[string]any{
			"url.full": "https://api.example/a", "header.x-a": nil, "header.x-b": nil,
		}},
		{"one parameter of two", nil, []string{"b"}, "https://api.example/a?b=c&d=e", "", "", "", map[string]any{"url.full": "https://api.example/a?b=c"}},
		{"a parameter that is sent twice", nil, []string{"b"}, "https://api.example/a?b=c&b=d", "", "", "", map[string]any{"url.full": "https://api.example/a?b=c&b=d"}},
		{"a parameter that is not sent", nil, []string{"x"}, "https://api.example/a?b=c", "", "", "", map[string]any{"url.full": "https://api.example/a"}},
		{"a parameter that holds a key", nil, []string{"key"}, "https://api.example/a?key=odd-shaped-key-12", "", "", "", map[string]any{"url.full": "https://api.example/a?key=[redacted]"}},
		{"a header of the request", []string{"x-a"}, nil, "https://api.example/", "X-A", "one", "", map[string]any{"header.x-a": "one"}},
		{"a header of the answer", []string{"X-B"}, nil, "https://api.example/", "", "", "X-B: two\nX-B: three", map[string]any{"header.x-b": "two, three"}},
		{"a header of both is the answer's", []string{"X-A"}, nil, "https://api.example/", "X-A", "one", "X-A: two", map[string]any{"header.x-a": "two"}},
		{"a header that nobody sent", []string{"X-C"}, nil, "https://api.example/", "", "", "", map[string]any{"header.x-c": nil}},
		{"the credential's header", []string{"Authorization"}, nil, "https://api.example/", "Authorization", "Bearer correct-horse-battery", "", map[string]any{"header.authorization": "[redacted]"}},
		{"a secret that only its header's name announces", []string{"X-Auth-Token"}, nil, "https://api.example/", "X-Auth-Token", "4f9e2a7b1c8d3e6f5a0b2c4d", "", map[string]any{"header.x-auth-token": "[redacted]"}},
		{"a session's cookie", []string{"Cookie"}, nil, "https://api.example/", "Cookie", "session=4f9e2a7b1c8d3e6f5a0b2c4d", "", map[string]any{"header.cookie": "[redacted]"}},
		{"a signature that begins with an escape", nil, []string{"sig"}, "https://api.example/?sig=%2BtWIPcUuYmc1bgrE3KZMyq02WSV2lXBcD6c0dpe5", "", "", "", map[string]any{"url.full": "https://api.example/?sig=[redacted]"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			logger, logs := observed()
			logger.Base, logger.Headers, logger.Query = playing(reply{status: 200, header: row.answer}), row.headers, row.query
			req := request(t, "GET", row.url, "")
			if row.header != "" {
				req.Header.Set(row.header, row.value)
			}
			resp, _ := logger.RoundTrip(req)
			finish(t, resp)
			entry := only(t, logs)
			for name, want := range row.fields {
				if got := entry[name]; got != want {
					t.Errorf("%s: got %v, want %v", name, got, want)
				}
			}
		})
	}
}

// A credential of any shape, in whichever way the request carries it, is masked
// when an answer or an error quotes it.
func TestOwnCredentialsAreMaskedWhenQuoted(t *testing.T) {
	const odd = "correct-horse-battery-7"
	with := func(name, value string) func(*http.Request) {
		return func(req *http.Request) { req.Header.Set(name, value) }
	}
	query := func(q string) func(*http.Request) { return func(req *http.Request) { req.URL.RawQuery = q } }
	message := reply{status: 401, body: `{"error":{"message":"who is ` + odd + `?"}}`}
	for _, row := range []struct {
		name  string
		set   func(*http.Request)
		reply reply
	}{
		{"bearer", with("Authorization", "Bearer "+odd), message},
		{"no scheme", with("Authorization", odd), message},
		{"X-Api-Key", with("X-Api-Key", odd), message},
		{"Azure's Api-Key", with("Api-Key", odd), message},
		{"Google's X-Goog-Api-Key", with("X-Goog-Api-Key", odd), message},
		{"GitLab's Private-Token", with("Private-Token", odd), message},
		{"key in the query", query("key=" + odd), message},
		{"a code", with("X-Api-Key", odd), reply{status: 401, body: `{"error":{"code":"` + odd + `"}}`}},
		{"a request id", with("X-Api-Key", odd), reply{status: 500, header: "X-Request-Id: " + odd}},
		{"the end of a maintenance", with("X-Api-Key", odd), reply{status: 503, header: "X-Maintenance-Until: " + odd}},
		{"an error's text", with("X-Api-Key", odd), reply{err: errors.New("proxy: no access for " + odd)}},
		{"basic: the password", func(req *http.Request) { req.SetBasicAuth("me", odd) }, message},
		{"basic: a key in place of the user", func(req *http.Request) { req.SetBasicAuth(odd, "") }, message},
		{"a scheme with parameters", with("Authorization", `Token token="`+odd+`"`), message},
		{"X-Auth-Token", with("X-Auth-Token", odd), message},
		{"Azure's Ocp-Apim-Subscription-Key", with("Ocp-Apim-Subscription-Key", odd), message},
		{"Vault's X-Vault-Token", with("X-Vault-Token", odd), message},
		{"Proxy-Authorization", with("Proxy-Authorization", "Bearer "+odd), message},
		{"a cookie", with("Cookie", "session="+odd), message},
		{"api_key in the query", query("api_key=" + odd), message},
		{"access_token in the query", query("access_token=" + odd), message},
	} {
		t.Run(row.name, func(t *testing.T) {
			logger, logs := observed()
			rt := &steadyhttp.Transport{Base: playing(row.reply), Logger: logger, Retrier: &steadyhttp.Retrier{MaxAttempts: 1}}
			req := chat(t)
			row.set(req)
			resp, _ := rt.RoundTrip(req)
			finish(t, resp)
			if got := fmt.Sprint(only(t, logs)); strings.Contains(got, odd) {
				t.Errorf("got %s, want it without %q", got, odd)
			}
		})
	}
}

// What has no telling shape or name and was never sent by us is a word like any
// other. This is the limit of what cleaning can do, and why bodies, headers and
// queries are logged only where they are allowed by name.
func TestWhatNobodyCanRecognise(t *testing.T) {
	const word = "correct-horse-battery-staple"
	for _, row := range []struct {
		name  string
		url   string
		reply reply
		field string
	}{
		{"in a message", chatURL, reply{status: 500, body: `{"error":{"message":"the secret is ` + word + `"}}`}, "message"},
		{"as a request id", chatURL, reply{status: 500, header: "X-Request-Id: " + word}, "request_id"},
		{"in the path", "https://api.example/hooks/" + word, reply{status: 200}, "url.full"},
	} {
		logger, logs := observed()
		rt := &steadyhttp.Transport{Base: playing(row.reply), Logger: logger, Retrier: &steadyhttp.Retrier{MaxAttempts: 1}}
		resp, _ := rt.RoundTrip(request(t, "GET", row.url, ""))
		finish(t, resp)
		if got := fmt.Sprint(only(t, logs)[row.field]); !strings.Contains(got, word) {
			t.Errorf("%s: got %q; if it is recognised now, say so where its limits are documented", row.name, got)
		}
	}
}

// One in 32 secrets in base64 begins with a slash or a plus sign.
func TestSignaturesThatBeginWithASignAreMasked(t *testing.T) {
	const rest = "jMCVxH1Afrpx9nWk5b8sBUJ40sKq2o12SZFgZ"
	for _, text := range []string{
		"no access to https://files.example/a?sv=2020&sig=%2B" + rest,
		"no access to https://files.example/a?sv=2020&sig=%2F" + rest,
		"client_secret=/" + rest + " is wrong",
		`{\"client_secret\": \"/` + rest + `\"}`,
		`{\"url\":\"https://files.example/a?sv=2020\\u0026sig=` + rest + `\"}`, // as Go writes an ampersand
	} {
		logger, logs := observed()
		rt := &steadyhttp.Transport{Base: playing(reply{status: 403, body: `{"error":{"message":"` + text + `"}}`}), Logger: logger}
		resp, _ := rt.RoundTrip(chat(t))
		finish(t, resp)
		if got := fmt.Sprint(only(t, logs)["message"]); strings.Contains(got, rest) {
			t.Errorf("got %q, want it without the secret", got)
		}
	}
}

// One outside the Retrier writes an entry a call, one inside an entry an
// attempt, and only one of them tells of attempts and waits.
func TestTwoLoggers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		outer, calls := observed()
		inner, attempts := observed()
		outer.Attempts, inner.Attempts = true, true
		inner.Base = inTurn(playing(reply{status: 503}), eventStream("", io.EOF, at(time.Second, ": one")))
		outer.Base = &steadyhttp.Retrier{Base: inner, BackOff: every(time.Second)}
		resp, err := outer.RoundTrip(request(t, "GET", "https://api.example/events", ""))
		if err != nil {
			t.Fatal(err)
		}
		finish(t, resp)
		if got, want := messagesOf(calls), []string{"attempt failed", "waiting", "call recovered"}; !slices.Equal(got, want) {
			t.Errorf("outer: got %q, want %q", got, want)
		}
		if got, want := messagesOf(attempts), []string{"call failed", "call recovered"}; !slices.Equal(got, want) {
			t.Fatalf("inner: got %q, want %q", got, want)
		}
		if got := attempts.All()[1].ContextMap()["attempts"]; got != int64(2) {
			t.Errorf("inner: got %v, want the number of the attempt", got)
		}
	})
}
