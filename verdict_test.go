package steadyhttp_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/steadyhttp/steadyhttp"
)

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

func TestHostileBodies(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ name, body string }{
		{"JSON 100,000 deep", strings.Repeat("[", 100_000)},
		{"JSON 30,000 deep and closed", strings.Repeat("[", 30_000) + strings.Repeat("]", 30_000)},
		{"objects 20,000 deep", strings.Repeat(`{"a":`, 10_000) + "1" + strings.Repeat("}", 10_000)},
		{"an error object 10,000 deep inside one", `{"error":{"message":` + strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000) + `,"code":"deep"}}`},
		{"NUL bytes", "\x00\x00\x00"},
		{"NUL in a message", `{"error":{"message":"a\u0000b` + "\x00" + `c","code":"x\u0000y"}}`},
		{"invalid UTF-8", "\xff\xfe\xc3\x28"},
		{"invalid UTF-8 in a message", `{"error":{"message":"` + "\xff\xfe" + `","code":"` + "\xc3" + `"}}`},
		{"half a rune at the bound of a message", `{"error":{"message":"` + strings.Repeat("a", 1023) + `€","code":"x"}}`},
		{"half a pair of surrogates", `{"error":{"message":"\ud83d oh \udc00"}}`},
		{"terminal escapes", `{"error":{"message":"\u001b[31mred\u001b[0m \u202eback\u2028line"}}`},
		{"new lines", "{\"error\":{\"message\":\"one\\r\\ntwo\\n\\tthree\"}}"},
		{"a message of 60 KiB", `{"error":{"message":"` + strings.Repeat("long ", 12_000) + `"}}`},
		{"a code of 60 KiB", `{"error":{"code":"` + strings.Repeat("x", 60_000) + `"}}`},
		{"200,000 members", "{" + strings.Repeat(`"a":1,`, 200_000) + `"b":2}`},
		{"the same member again and again", "{" + strings.Repeat(`"error":{"code":"x"},`, 3_000) + `"b":2}`},
		{"numbers that overflow", `{"error":{"code":1e999999,"message":"x"},"retry_after":1e999999,"status":-1e400}`},
		{"quotes and backslashes", strings.Repeat(`\"`, 30_000)},
		{"markup", "<html><title>" + strings.Repeat("<b>", 20_000) + "503</title></html>"},
		{"an open comment", "<!--" + strings.Repeat("-", 60_000)},
		{"1 MiB of newlines", strings.Repeat("\n", 1<<20)},
	} {
		for _, status := range []int{200, 400, 429, 503, 600} {
			for _, j := range []string{"Check", "a Classifier"} {
				t.Run(fmt.Sprintf("%s/%d/%s", row.name, status, j), func(t *testing.T) {
					body := &stillBody{Reader: strings.NewReader(row.body)}
					base := answering(status, http.Header{"Content-Type": {"application/json"}}, body, int64(len(row.body)))
					resp, err := base.RoundTrip(chat(t))
					if j == "a Classifier" {
						resp, err = (&steadyhttp.Classifier{Base: base}).RoundTrip(chat(t))
					}
					if err != nil {
						t.Fatal(err)
					}
					var e *steadyhttp.Error
					if errors.As(steadyhttp.Check(resp, nil), &e) {
						checkText(t, e)
					} else if status >= 400 {
						t.Error("got no error")
					}
					if got := finish(t, resp); got != row.body || body.closed != 1 {
						t.Errorf("got %d bytes and %d closes, want all %d and 1", len(got), body.closed, len(row.body))
					}
				})
			}
		}
	}
}

func TestHostileHeaders(t *testing.T) {
	long := strings.Repeat("x", 100_000)
	for name, value := range map[string]string{
		"long": long, "control characters": "a\x00b\x1b[31m\r\nc", "invalid UTF-8": "\xff\xfe", "a number that overflows": "1e309",
		"negative": "-1", "NaN": "NaN", "many fields": strings.Repeat("a=1;r=2;t=3,", 5_000), "quotes": strings.Repeat(`"`, 1001),
	} {
		h := http.Header{}
		for _, key := range []string{
			"Retry-After", "Retry-After-Ms", "X-Request-Id", "Request-Id", "Content-Type", "Content-Encoding", "Date", "X-Should-Retry",
			"X-Ratelimit-Limit", "X-Ratelimit-Remaining", "X-Ratelimit-Reset", "X-Ratelimit-Resource", "Ratelimit", "Ratelimit-Policy", "X-Maintenance-Until",
		} {
			h[key] = []string{value, value}
		}
		for _, url := range []string{chatURL, "https://api.github.com/repos", "https://discord.com/api/v10/channels/1/messages", "https://slack.com/api/x"} {
			for _, status := range []int{200, 403, 429, 503} {
				resp, err := (&steadyhttp.Classifier{Base: answering(status, h, io.NopCloser(strings.NewReader("{}")), 2)}).RoundTrip(request(t, "POST", url, ""))
				var e *steadyhttp.Error
				if errors.As(steadyhttp.Check(resp, err), &e) {
					checkText(t, e)
				} else if status >= 400 {
					t.Errorf("%s, %d: got no error", name, status)
				}
				if got := finish(t, resp); got != "{}" {
					t.Errorf("%s, %d: got the body %q", name, status, got)
				}
			}
		}
	}
}

const typicalError = `{
  "error": {
    "message": "Rate limit reached for gpt-4o in organization org-abc123 on tokens per min (TPM): Limit 30000, Used 29500, Requested 1200. Please try again in 1.4s. Visit https://platform.openai.com/account/rate-limits to learn more.",
    "type": "tokens",
    "param": null,
    "code": "rate_limit_exceeded"
  }
}`

// typicalAnswer makes OpenAI's answer of 1 KiB, again and again without a
// network.
func typicalAnswer() http.RoundTripper {
	body := typicalError + strings.Repeat(" ", 1<<10-len(typicalError))
	h := http.Header{
		"Content-Type": {"application/json"}, "X-Request-Id": {"req_0123456789abcdef"}, "Retry-After": {"2"}, "Retry-After-Ms": {"1400"},
		"X-Ratelimit-Limit-Requests": {"500"}, "X-Ratelimit-Remaining-Requests": {"499"}, "X-Ratelimit-Reset-Requests": {"120ms"},
		"X-Ratelimit-Limit-Tokens": {"30000"}, "X-Ratelimit-Remaining-Tokens": {"500"}, "X-Ratelimit-Reset-Tokens": {"59s"},
	}
	return roundTripperFunc(func(req *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 429, Header: h, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)), Request: req}, nil
	})
}

func TestAllocationsOfAVerdict(t *testing.T) {
	rt := &steadyhttp.Classifier{Base: typicalAnswer()}
	req := request(t, "POST", chatURL, "")
	got := testing.AllocsPerRun(100, func() {
		if _, err := rt.RoundTrip(req); err != nil {
			t.Error(err)
		}
	})
	most := 40.0
	if underRace() {
		most = 60 // there, pools forget on purpose
	}
	if got > most {
		t.Errorf("got %v allocations, want at most %v", got, most)
	}
	resp, err := rt.RoundTrip(req)
	if e := asError(t, resp, err); e.Class != steadyhttp.RateLimit || e.RetryAfter != 1400*time.Millisecond || len(e.RateLimit) != 2 {
		t.Errorf("got %+v, want a rate limit with its wait of 1.4s and its two limits", e)
	}
}

// BenchmarkClassify is a verdict on a typical answer, from the base's headers
// to the caller's.
func BenchmarkClassify(b *testing.B) {
	req := request(b, "POST", chatURL, "")
	for _, row := range []struct {
		name string
		rt   *steadyhttp.Classifier
	}{
		{"1KiB", &steadyhttp.Classifier{Base: typicalAnswer()}},
		{"HeadersOnly", &steadyhttp.Classifier{Base: typicalAnswer(), HeadersOnly: true}},
	} {
		b.Run(row.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				row.rt.RoundTrip(req)
			}
		})
	}
}

func FuzzCheck(f *testing.F) {
	f.Add(429, "Retry-After: 20\nX-Request-Id: r", []byte(typicalError), uint8(0))
	f.Add(200, "Content-Type: application/json", []byte(errorInside), uint8(0))
	f.Add(200, "Content-Type: text/event-stream", []byte(chatError), uint8(0))
	f.Add(200, "", []byte(`{"ok":false,"error":"ratelimited"}`), uint8(1))
	f.Add(500, "Content-Encoding: gzip", []byte(gzipped(errorInside)), uint8(0))
	f.Add(500, "Content-Encoding: deflate", []byte(deflated(errorInside)), uint8(2))
	f.Add(503, "Content-Type: text/html", []byte("<html><h1>Off</h1></html>"), uint8(3))
	f.Add(403, "X-Ratelimit-Remaining: 0\nX-Ratelimit-Reset: 1700000000\nX-Ratelimit-Resource: core", []byte(`{"message":"API rate limit exceeded"}`), uint8(4))
	f.Add(200, "", []byte(`{"took":1,"errors":true,"items":[{"index":{"error":{"type":"es_rejected_execution_exception","reason":"full"}}}]}`), uint8(5))
	f.Add(429, "Ratelimit-Policy: \"a\";q=1;w=60\nRatelimit: \"a\";r=0;t=5\nDate: Sat, 01 Jan 2000 00:00:00 GMT", []byte("\x00\xff"), uint8(6))
	urls := []string{
		chatURL, "https://slack.com/api/chat.postMessage", messagesURL, "https://api.example/", "https://api.github.com/repos/a", "https://es.example/_bulk",
		geminiURL, "https://s3.amazonaws.com/b?delete", "https://api.example/graphql", "https://open.feishu.cn/x", "https://dashscope.aliyuncs.com/api/v1/services/aigc/text-generation/generation",
	}
	f.Fuzz(func(t *testing.T, status int, header string, body []byte, which uint8) {
		if len(body) > 256<<10 {
			return
		}
		req := post(t, urls[int(which)%len(urls)])
		for _, how := range []string{"Check", "a Classifier", "its headers alone"} {
			r := reply{status: status, header: header, body: string(body)}
			resp, err := playing(r).RoundTrip(req)
			switch how {
			case "a Classifier":
				resp, err = (&steadyhttp.Classifier{Base: playing(r)}).RoundTrip(req)
			case "its headers alone":
				resp, err = (&steadyhttp.Classifier{Base: playing(r), HeadersOnly: true}).RoundTrip(req)
			}
			if err != nil {
				t.Fatal(err)
			}
			var e *steadyhttp.Error
			if found := errors.As(steadyhttp.Check(resp, nil), &e); found {
				checkText(t, e)
				if e.Status != status {
					t.Errorf("%s: got status %d, want %d", how, e.Status, status)
				}
				if e.Body != nil && !bytes.HasPrefix(body, e.Body) {
					t.Errorf("%s: Error.Body is no start of the body", how)
				}
			} else if status >= 400 {
				t.Errorf("%s: got no error for a %d", how, status)
			}
			got, err := io.ReadAll(resp.Body)
			if !bytes.Equal(got, body) {
				t.Errorf("%s: got the body %q, want %q", how, got, body)
			}
			if err != nil && !errors.As(err, &e) {
				t.Errorf("%s: reading: got %v, want an *Error or nothing", how, err)
			} else if err != nil {
				checkText(t, e)
			}
			resp.Body.Close()
		}
	})
}
