package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/steadyhttp/steadyhttp/steadyhttptest"
)

// testKey has no shape by which anybody would take it for a key.
const testKey = "correct-horse-battery"

// start runs the program and returns what it printed, with the code it ended with.
func start(t *testing.T, ctx context.Context, key string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	getenv := func(name string) string {
		if name == keyVariable {
			return key
		}
		return ""
	}
	var out, errs bytes.Buffer
	code = run(ctx, args, getenv, &out, &errs)
	if strings.Contains(out.String()+errs.String(), testKey) {
		t.Errorf("the key is in the output:\n%s%s", &out, &errs)
	}
	return code, out.String(), errs.String()
}

func TestCompare(t *testing.T) {
	t.Parallel()
	code, stdout, stderr := start(t, t.Context(), "", "-calls", "20", "-seed", "3")
	if code != exitOK || stderr != "" {
		t.Errorf("ended with %d and said %q, want 0 and nothing", code, stderr)
	}
	// So few calls stay below the rate limit, so that all figures but the time
	// are known: two calls cannot be cured, and eight need nine more attempts
	// between them.
	for _, row := range []string{
		`plain http.Client +with steadyhttp`,
		`calls +20 +20`,
		`answered +10 +18`,
		`failed +10 +2`,
		`  connection +1 +0`,
		`  invalid_request 400 +1 +1`,
		`  overloaded 529 +1 +0`,
		`  quota 429 insufficient_quota +1 +1`,
		`  rate_limit 429 rate_limit_exceeded +3 +0`,
		`  server_error 500 +1 +0`,
		`  unavailable 502 +1 +0`,
		`  unavailable 503 +1 +0`,
		`requests on the wire +20 +29`,
		`time .*s .*s`,
		`The plain client lost 8 calls .*`,
		`The 2 that still failed .*`,
		// Progress, without the tricks of a terminal, and the log.
		`plain http.Client: +20 of 20 calls, 10 failed`,
		`with steadyhttp: +20 of 20 calls, 2 failed`,
		`.*INFO\tcall recovered\t.*"attempts": 2.*`,
		`.*WARN\tcall refused\t.*"code": "insufficient_quota".*`,
	} {
		if !regexp.MustCompile(`(?m)^ *` + row + ` *$`).MatchString(stdout) {
			t.Errorf("no line is %q", row)
		}
	}
	if strings.ContainsAny(stdout, "\r\x1b") {
		t.Error("the output rewrites lines, though it is no terminal")
	}
	if t.Failed() {
		t.Log(stdout)
	}
}

// The flaky API for other clients: the same questions meet the same troubles.
func TestServe(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	out, stdout := io.Pipe()
	code := make(chan int, 1)
	go func() {
		code <- run(ctx, []string{"-serve", "-calls", "20", "-seed", "3"}, nil, stdout, io.Discard)
		stdout.Close()
	}()
	lines := bufio.NewScanner(out)
	lines.Scan()
	url := lines.Text()
	rest := make(chan string, 1)
	go func() {
		text, _ := io.ReadAll(out)
		rest <- string(text)
	}()

	resp, err := http.Get(url + questionsPath)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var list []listed
	if err := json.NewDecoder(resp.Body).Decode(&list); err != nil || len(list) != 20 {
		t.Fatalf("got %d questions and %v", len(list), err)
	}
	answered := 0
	for _, q := range list {
		if a, err := ask(ctx, http.DefaultClient, url+chatPath, q.Key, q.Body); err == nil && a.text() == q.Answer {
			answered++
		}
	}
	if answered != 10 {
		t.Errorf("answered %d, want the 10 that a plain client gets", answered)
	}
	cancel()
	if c, text := <-code, <-rest; c != exitOK || !strings.HasSuffix(text, "It had 20 requests.\n") {
		t.Errorf("ended with %d and said %q", c, text)
	}
}

func TestInterrupted(t *testing.T) {
	t.Parallel()
	api := steadyhttptest.NewServer()
	defer api.Close()
	for _, args := range [][]string{nil, {"-url", api.URL}} {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		code, stdout, stderr := start(t, ctx, testKey, args...)
		if code != exitFailed || !strings.HasSuffix(stdout, "Interrupted.\n") || stderr != "" {
			t.Errorf("%q: ended with %d, %q and %q; want 1, Interrupted, and nothing", args, code, stdout, stderr)
		}
	}
}

func TestExplain(t *testing.T) {
	page := "<!doctype html><html><body>Nothing here.</body></html>"
	tests := []struct {
		name  string
		reply steadyhttptest.Reply
		code  int
		want  []string // in the output
	}{
		{
			name:  "success",
			reply: steadyhttptest.ChatCompletion("Hello\x1b[2J to you."),
			want:  []string{"Answer           Hello[2J to you.\n", "10 for the question and 5 for the answer: 15", "Attempts         1 in "},
		},
		{
			name:  "success that quotes the key",
			reply: steadyhttptest.ChatCompletion("You are " + testKey),
			want:  []string{"You are [your key]\n"},
		},
		{
			name:  "401 that quotes the key",
			reply: steadyhttptest.OpenAIError(401, "", "invalid_api_key", "Nobody has the key "+testKey+"."),
			code:  exitFailed,
			want:  []string{"authentication 401 invalid_api_key", "key [redacted].", "regenerate", "req_", "not before something has been changed"},
		},
		{
			name:  "404 with a web page",
			reply: steadyhttptest.Reply{Status: 404, Body: page},
			code:  exitFailed,
			want:  []string{"not_found 404\n", "a web page (HTML), so this URL is probably no API's", "spelling of the request URL"},
		},
		{
			name:  "429 without credit",
			reply: steadyhttptest.OpenAIError(429, "", "insufficient_quota", "The credit is used up."),
			code:  exitFailed,
			want: []string{"quota 429 insufficient_quota", "The credit is used up.", "insufficient balance", "Top up",
				"Tell your users  The service's allowance is used up.", "Attempts         1 in ", "quota is not retryable"},
		},
		{
			name: "429 for an hour",
			reply: steadyhttptest.Reply{Status: 429, Header: http.Header{"Retry-After": {"3600"}},
				Body: `{"error":{"code":"rate_limit_exceeded","message":"Slow down."}}`},
			code: exitFailed,
			want: []string{"rate_limit 429", "Try again        not before 2", "the server asked for 1h0m0s"},
		},
		{
			name:  "200 with a web page",
			reply: steadyhttptest.Reply{Body: page},
			code:  exitFailed,
			want:  []string{"200, but with no chat completion", "web page", "the URL"},
		},
		{
			name:  "200 with an error that quotes the key where it is cut",
			reply: steadyhttptest.Reply{Body: `{"error":"` + strings.Repeat("-", 80) + testKey + `"}`},
			code:  exitFailed,
			want:  []string{"---[redacted]"},
		},
		{
			name:  "200 with other JSON",
			reply: steadyhttptest.Reply{Body: `{"object":"list","data":[]}`},
			code:  exitFailed,
			want:  []string{"200, but with no chat completion", `{"object":"list"`},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			api := steadyhttptest.NewServer()
			defer api.Close()
			api.Script(chatPath, tt.reply)
			for _, path := range []string{"/v1", "/v1/chat/completions"} {
				code, stdout, stderr := start(t, t.Context(), testKey+"\n", "-url", api.URL+path, "-model", "m")
				if code != tt.code || stderr != "" {
					t.Errorf("%s: ended with %d and said %q, want %d and nothing", path, code, stderr, tt.code)
				}
				for _, want := range tt.want {
					if !strings.Contains(stdout, want) {
						t.Errorf("%s: no %q in:\n%s", path, want, stdout)
					}
				}
			}
			for _, got := range api.Requests() {
				if auth := got.Header.Get("Authorization"); auth != "Bearer "+testKey {
					t.Errorf("Authorization is %q", auth)
				}
				if !bytes.Contains(got.Body, []byte(`"model":"m"`)) {
					t.Errorf("the body is %s, without the model", got.Body)
				}
			}
		})
	}
}

func TestExplainNoAnswer(t *testing.T) {
	closed := steadyhttptest.NewServer()
	closed.Close()
	tests := []struct {
		name, key string
		args      []string
		code      int
		want      string
	}{
		{name: "nobody listens", key: testKey, args: []string{"-url", closed.URL, "-timeout", "100ms"}, code: exitFailed, want: "nothing took the connection"},
		{name: "no scheme", key: testKey, args: []string{"-url", "api.n1n.ai/v1"}, code: exitFailed, want: "the URL has no scheme"},
		{name: "no scheme but a port", key: testKey, args: []string{"-url", "localhost:8080/v1"}, code: exitFailed, want: "the URL has no scheme"},
		{name: "another scheme", key: testKey, args: []string{"-url", "ftp://api.n1n.ai/v1"}, code: exitFailed, want: `scheme is "ftp"`},
		{name: "no host", key: testKey, args: []string{"-url", "https:///v1"}, code: exitFailed, want: "the URL has no host"},
		{name: "no URL at all", key: testKey, args: []string{"-url", "https://[" + testKey}, code: exitFailed, want: "the URL cannot be read"},
		{name: "no key", args: []string{"-url", closed.URL}, code: exitUsage, want: keyVariable},
		{name: "two keys", key: testKey + " " + testKey, args: []string{"-url", closed.URL}, code: exitUsage, want: "copy it once more"},
		{name: "no such flag", args: []string{"-uri", closed.URL}, code: exitUsage, want: "-uri"},
		{name: "an argument", args: []string{testKey}, code: exitUsage, want: "after the flags"},
		{name: "no calls", args: []string{"-calls", "0"}, code: exitUsage, want: "at least 1"},
		{name: "help", args: []string{"-h"}, code: exitOK, want: "Without -url"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			code, stdout, stderr := start(t, t.Context(), tt.key, tt.args...)
			if code != tt.code || !strings.Contains(stdout+stderr, tt.want) {
				t.Errorf("ended with %d and said %q, want %d and %q", code, stdout+stderr, tt.code, tt.want)
			}
		})
	}
}
