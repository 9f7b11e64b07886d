package main

import (
	"bytes"
	"compress/gzip"
	"strings"
	"testing"
)

func TestReadResponse(t *testing.T) {
	for _, row := range []struct {
		name   string
		text   string
		status int
		header string // the value of X-A
		body   string
	}{
		{"CRLF", "HTTP/1.1 429 Too Many Requests\r\nX-A: 1\r\n\r\nbody\r\n", 429, "1", "body\r\n"},
		{"LF", "HTTP/1.1 429 Too Many Requests\nX-A: 1\n\nbody", 429, "1", "body"},
		{"HTTP/2 without words", "HTTP/2 429 \r\nx-a: 1\r\n\r\nbody", 429, "1", "body"},
		{"HTTP/2 without the blank", "HTTP/2 429\nx-a: 1\n\nbody", 429, "1", "body"},
		{"a status line alone", "HTTP/3 503", 503, "", ""},
		{"no body and no blank line", "HTTP/1.1 503 Busy\r\nX-A: 1", 503, "1", ""},
		{"blank lines in front", "\r\n\nHTTP/1.1 503 Busy\r\n\r\n", 503, "", ""},
		{"100 Continue", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 429 No\r\nX-A: 1\r\n\r\nbody", 429, "1", "body"},
		{"a tunnel, a redirect", "HTTP/1.1 200 Connection established\r\nX-A: 0\r\n\r\nHTTP/2 302 \r\nlocation: /b\r\n\r\nHTTP/2 500 \r\n\r\nbody", 500, "", "body"},
		{"an earlier body of known length", "HTTP/1.1 302 Found\r\nContent-Length: 4\r\n\r\nmove\r\nHTTP/1.1 404 No\r\n\r\nbody", 404, "", "body"},
		{"a body that quotes a status line", "HTTP/1.1 502 Bad\r\n\r\nupstream said:\nHTTP/1.1 200 OK\n\n", 502, "", "upstream said:\nHTTP/1.1 200 OK\n\n"},
		{"a value on two lines", "HTTP/1.1 429 No\r\nX-A: 1\r\n  2\r\n\r\n", 429, "1 2", ""},
		{"a blank line that was lost", "HTTP/1.1 429 No\nX-A: 1\n{\"a\":1}", 429, "1", `{"a":1}`},
		{"zeros in front of a length", "HTTP/1.1 429 No\nContent-Length: 99999999999999999999\n\nbody", 429, "", "body"},
	} {
		t.Run(row.name, func(t *testing.T) {
			a, err := readResponse(row.text)
			if err != nil {
				t.Fatalf("got error %v, want an answer", err)
			}
			if a.status != row.status || a.header.Get("X-A") != row.header || a.body != row.body {
				t.Errorf("got %d, X-A %q, body %q, want %d, %q, %q", a.status, a.header.Get("X-A"), a.body, row.status, row.header, row.body)
			}
		})
	}
}

// What the answer's form must not hide.
func TestAnswers(t *testing.T) {
	const quota = `{"error":{"code":"insufficient_quota","message":"No money."}}`
	const sse = "Content-Type: text/event-stream\n\n"
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	z.Write([]byte(quota))
	z.Close()
	for _, row := range []struct {
		name  string
		stdin string
		args  []string
		want  []string // in the output
	}{
		{"chunks that curl has undone", "HTTP/1.1 429 No\r\nTransfer-Encoding: chunked\r\n\r\n" + quota, nil, []string{"quota (429", "No money."}},
		{"a compression that curl has undone", "HTTP/1.1 429 No\r\nContent-Encoding: br\r\n\r\n" + quota, nil, []string{"quota (429", "No money."}},
		{"a compression that it has not", "HTTP/1.1 429 No\r\nContent-Encoding: gzip\r\n\r\n" + zipped.String(), nil, []string{"quota (429", "No money."}},
		{"a header beside the input", "HTTP/1.1 429 No\r\n\r\n{}", []string{"-header", "Retry-After: 20"}, []string{"20 seconds after the response (retry-after): not before 2000-01-01 00:00:20 UTC"}},
		{"flags behind the status", "", []string{"429", "-header", "Retry-After: 20"}, []string{"20 seconds after the response"}},
		{"a wait longer than usual", "", []string{"429", "-header", "Retry-After: 3600"}, []string{"yes, but not soon, 1 hour after"}},
		{"a limit for a day", `{"error":{"message":"Rate limit reached on requests per day (RPD)"}}`, []string{"429", "-"}, []string{"not within minutes", "the limit is for 1 day"}},
		{"a call of a language model", "", []string{"502", "-method", "post", "-path", "/v1/chat/completions"}, []string{"yes, with growing waits", "repeating this request does no harm"}},
		{"a POST that may act", "", []string{"502", "-method", "POST", "-path", "/v1/charges"}, []string{"not automatically"}},
		{"a PUT", "", []string{"502", "-method", "PUT"}, []string{"PUT may be repeated"}},
		{"success", "HTTP/2 200\n\n{\"ok\":true}", nil, []string{"Success          200 OK"}},
		{"success by its number", "", []string{"204"}, []string{"Success          204 No Content"}},
		{"not modified", "", []string{"304"}, []string{"Success", "is not a failure"}},
		{"not the end", "", []string{"100"}, []string{"not a final response"}},
		{"an error further on in a stream", "HTTP/2 200\n" + sse + "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\ndata: {\"error\":{\"message\":\"Overloaded\",\"type\":\"overloaded_error\"}}\n\n", nil, []string{"overloaded (200", "holds an error"}},
		{"somebody's stream", "HTTP/2 200\n" + sse + "data: tick\n\n", nil, []string{"Success"}},
		{"escapes", "HTTP/1.1 400 \x1b[31m\nX-Request-Id: \x1b]0;a\x07\n\n{\"error\":{\"message\":\"a\\u001b[2Jb\\u202ec\"}}", nil, []string{"a [2Jb c"}},
		{"a key in the message", "HTTP/1.1 401 No\n\n{\"error\":{\"message\":\"Incorrect API key provided: sk-proj-abcDEF123456789012345\"}}", nil, []string{"provided: [redacted]"}},
		{"Chinese", "HTTP/1.1 429 No\n\n{\"error\":{\"message\":\"" + strings.Repeat("请求过于频繁", 12) + "\"}}", nil, []string{"\n                 "}},
	} {
		t.Run(row.name, func(t *testing.T) {
			code, stdout, stderr := start(t, row.stdin, append([]string{"explain"}, row.args...)...)
			if code != exitOK || stderr != "" {
				t.Fatalf("got code %d and %q, want 0 and nothing", code, stderr)
			}
			for _, want := range row.want {
				if folded := strings.Join(strings.Fields(stdout), " "); !strings.Contains(stdout, want) && !strings.Contains(folded, want) {
					t.Errorf("got\n%s\nwant %q in it", stdout, want)
				}
			}
			clean(t, stdout)
			for line := range strings.Lines(stdout) {
				if n := columns(strings.TrimSuffix(line, "\n")); n > width {
					t.Errorf("got a line of %d columns, want at most %d: %q", n, width, line)
				}
			}
		})
	}
}

func FuzzReadResponse(f *testing.F) {
	for _, name := range []string{"openai_quota.http", "github_403.http", "slack_200.http", "nginx_502.http"} {
		f.Add(file(f, name))
	}
	f.Add("HTTP/1.1 302 Found\r\nContent-Length: 4\r\n\r\nmove\r\nHTTP/2 429\nA: b\n c\n{}")
	f.Fuzz(func(t *testing.T, text string) {
		explainFuzzed(t, "HTTP/1.1 "+text)
		explainFuzzed(t, text)
	})
}

// explainFuzzed explains text, which must end well and print nothing harmful.
func explainFuzzed(t *testing.T, text string) {
	for _, args := range [][]string{{"explain"}, {"explain", "-json"}} {
		var stdout, stderr bytes.Buffer
		code := run(args, strings.NewReader(text), &stdout, &stderr)
		clean(t, stdout.String())
		clean(t, stderr.String())
		if said := stderr.Len() > 0; said != (code == exitUsage) || said == (stdout.Len() > 0) {
			t.Errorf("%q: got code %d, %q and %q, want an explanation or a reason", text, code, &stdout, &stderr)
		}
	}
}
