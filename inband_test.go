package steadyhttp_test

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/steadyhttp/steadyhttp"
	"github.com/steadyhttp/steadyhttp/steadyhttptest"
)

// checkText checks what holds of every verdict, whatever the server sent.
func checkText(t testing.TB, e *steadyhttp.Error) {
	t.Helper()
	if e.Class == steadyhttp.None || e.Class > steadyhttp.Unknown {
		t.Errorf("class: got %d, want one of a failure", e.Class)
	}
	texts := []struct {
		name, value string
		max         int
	}{
		{"Error", e.Error(), 2 << 10}, {"UserMessage", e.UserMessage(), 1 << 10},
		{"Message", e.Message, 1 << 10}, {"Hint", e.Hint, 2 << 10},
		{"Provider", e.Provider, 128}, {"Code", e.Code, 128}, {"Param", e.Param, 128}, {"RequestID", e.RequestID, 128},
		{"ScopeName", e.ScopeName, 128}, {"RetryAfterSource", e.RetryAfterSource, 128},
	}
	for _, a := range e.RateLimit {
		texts = append(texts, struct {
			name, value string
			max         int
		}{"RateLimit", a.Name + a.Unit, 256})
	}
	for _, s := range texts {
		if len(s.value) > s.max {
			t.Errorf("%s: got %d bytes, want at most %d", s.name, len(s.value), s.max)
		}
		if !utf8.ValidString(s.value) || strings.ContainsFunc(s.value, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("%s: got %q, want one line of printable text", s.name, s.value)
		}
	}
	if len(e.Body) > 64<<10 {
		t.Errorf("Body: got %d bytes, want at most 64 KiB", len(e.Body))
	}
	if e.RetryAfter < 0 || e.Window < 0 || e.RetryAfterSource == "" && (e.RetryAfter != 0 || !e.NotBefore.IsZero()) {
		t.Errorf("got a wait of %v by %q, not before %v, window %v", e.RetryAfter, e.RetryAfterSource, e.NotBefore, e.Window)
	}
}

const (
	completion    = `{"id":"c","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":%s},"finish_reason":"stop"}],"usage":{"total_tokens":9}}`
	errorInside   = `{"error":{"message":"The server had an error","type":"server_error","param":null,"code":null}}`
	textOfAnError = `"{\"error\":{\"message\":\"Rate limit reached\",\"code\":\"rate_limit_exceeded\"}}"`
)

func TestErrorInsideASuccess(t *testing.T) {
	for _, row := range []struct {
		name, method, url, body string
		class                   steadyhttp.Class // None for a success
	}{
		{"OpenAI's error object", "POST", chatURL, errorInside, steadyhttp.ServerError},
		{"with white space around", "POST", chatURL, "\n " + errorInside + "\r\n\t ", steadyhttp.ServerError},
		{"OpenRouter's, with its status", "POST", "https://openrouter.ai/api/v1/chat/completions", `{"error":{"message":"Upstream is busy","code":429},"user_id":"u"}`, steadyhttp.RateLimit},
		{"OpenRouter's, in the choice", "POST", "https://openrouter.ai/api/v1/chat/completions", `{"id":"g","object":"chat.completion","choices":[{"error":{"code":502,"message":"Provider off"},"message":{"role":"assistant","content":""},"finish_reason":"error"}]}`, steadyhttp.Unavailable},
		{"Anthropic's", "POST", messagesURL, `{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}`, steadyhttp.Overloaded},
		{"Gemini's", "POST", "https://generativelanguage.googleapis.com/v1beta/models/m:generateContent", `{"error":{"code":503,"message":"Off","status":"UNAVAILABLE"}}`, steadyhttp.Unavailable},
		{"Gemini's in an array", "POST", "https://generativelanguage.googleapis.com/v1beta/models/m:streamGenerateContent", `[{"error":{"code":429,"message":"Slow","status":"RESOURCE_EXHAUSTED"}}]`, steadyhttp.RateLimit},
		{"Slack's", "POST", "https://slack.com/api/chat.postMessage", `{"ok":false,"error":"ratelimited"}`, steadyhttp.RateLimit},
		{"Slack's to a GET", "GET", "https://slack.com/api/users.list", `{"ok":false,"error":"invalid_auth"}`, steadyhttp.Authentication},
		{"GraphQL without data", "POST", "https://api.example/graphql", `{"data":null,"errors":[{"message":"no such field"}]}`, steadyhttp.Unknown},
		{"a string and nothing else", "POST", "http://localhost:11434/api/generate", `{"error":"model is busy, try later"}`, steadyhttp.Overloaded},

		{"a completion", "POST", chatURL, fmt.Sprintf(completion, `"hello"`), steadyhttp.None},
		{"a completion that is the text of an error", "POST", chatURL, fmt.Sprintf(completion, textOfAnError), steadyhttp.None},
		{"a completion with an empty error", "POST", chatURL, `{"error":null,` + fmt.Sprintf(completion, `"a"`)[1:], steadyhttp.None},
		{"a completion with an error beside its text", "POST", chatURL, `{"error":{"message":"a part failed","code":"x"},` + fmt.Sprintf(completion, `"a"`)[1:], steadyhttp.None},
		{"a tool call about an error", "POST", chatURL, `{"object":"chat.completion","choices":[{"message":{"content":null,"tool_calls":[{"function":{"name":"report_error","arguments":"{\"error\":{\"message\":\"x\"}}"}}]},"finish_reason":"tool_calls"}]}`, steadyhttp.None},
		{"a list of answers, one with an error", "POST", chatURL, `{"object":"list","data":[{"error":{"message":"no","code":"x"}}]}`, steadyhttp.None},
		{"a job that failed", "POST", "https://api.openai.com/v1/responses", `{"object":"fine_tuning.job","status":"failed","error":{"message":"bad file","code":"invalid"}}`, steadyhttp.None},
		{"a response that is whole", "POST", "https://api.openai.com/v1/responses", `{"object":"response","status":"completed","error":null,"output":[{"type":"message","content":[{"text":"error"}]}]}`, steadyhttp.None},
		{"GraphQL with some data", "POST", "https://api.example/graphql", `{"data":{"a":1,"b":null},"errors":[{"message":"no b"}]}`, steadyhttp.None},
		{"an error and something after it", "POST", chatURL, errorInside + "{}", steadyhttp.None},
		{"an error cut short", "POST", chatURL, errorInside[:len(errorInside)-1], steadyhttp.None},
		{"text", "POST", chatURL, "error: off", steadyhttp.None},
		{"a string", "POST", chatURL, `"error"`, steadyhttp.None},
		{"embeddings", "POST", "https://api.openai.com/v1/embeddings", `{"object":"list","data":[{"embedding":[0.1,0.2]}],"model":"m"}`, steadyhttp.None},
		{"an empty object", "POST", chatURL, `{}`, steadyhttp.None},
		{"an error that says nothing", "POST", chatURL, `{"error":{}}`, steadyhttp.None},
		{"an error that is true", "POST", chatURL, `{"error":true}`, steadyhttp.None},
		{"Slack's success with the word in it", "POST", "https://slack.com/api/chat.postMessage", `{"ok":true,"error":"ratelimited","message":{"text":"error"}}`, steadyhttp.None},
		{"an API where nobody hides errors", "POST", "https://api.example/v1/orders", errorInside, steadyhttp.None},
		{"a GET of what is posted elsewhere", "GET", chatURL, errorInside, steadyhttp.None},
	} {
		for _, how := range []string{"a Classifier", "Check"} {
			t.Run(row.name+"/"+how, func(t *testing.T) {
				req := post(t, row.url)
				req.Method = row.method
				resp, err := playing(reply{status: 200, body: row.body}).RoundTrip(req)
				if how == "a Classifier" {
					resp, err = (&steadyhttp.Classifier{Base: playing(reply{status: 200, body: row.body})}).RoundTrip(req)
				}
				if err != nil {
					t.Fatal(err)
				}
				checked := steadyhttp.Check(resp, nil)
				var e *steadyhttp.Error
				switch {
				case row.class == steadyhttp.None:
					if checked != nil {
						t.Errorf("got %v, want no error", checked)
					}
				case !errors.As(checked, &e) || e.Class != row.class || e.Status != 200 || e.Message == "" && e.Code == "":
					t.Errorf("got %v, want %v", checked, row.class)
				default:
					checkText(t, e)
					if string(e.Body) != row.body {
						t.Errorf("Error.Body: got %q, want %q", e.Body, row.body)
					}
					if how == "a Classifier" && callOf(t, resp.Request.Context()).Error != e {
						t.Error("FromContext says something else than Check")
					}
				}
				if got := finish(t, resp); got != row.body {
					t.Errorf("got %q, want the body as it was", got)
				}
			})
		}
	}
}

// A stillBody tells whether anybody has read it.
type stillBody struct {
	io.Reader
	reads  int
	closed int
}

func (b *stillBody) Read(p []byte) (int, error) { b.reads++; return b.Reader.Read(p) }
func (b *stillBody) Close() error               { b.closed++; return nil }

// answering is a base that answers with body and a stated length.
func answering(status int, header http.Header, body io.ReadCloser, length int64) http.RoundTripper {
	return roundTripperFunc(func(req *http.Request) (*http.Response, error) {
		if req.Body != nil {
			req.Body.Close()
		}
		return &http.Response{StatusCode: status, Header: header, Body: body, ContentLength: length, Request: req}, nil
	})
}

// padded is an error object of n bytes.
func padded(n int) string {
	return errorInside[:len(errorInside)-1] + strings.Repeat(" ", n-len(errorInside)) + "}"
}

func TestBoundsOfLookingIntoASuccess(t *testing.T) {
	const kept = 64 << 10
	for _, row := range []struct {
		name, method, url string
		status            int
		length            int64
		body              string
		looked, found     bool
	}{
		{"a known length", "POST", chatURL, 200, int64(len(errorInside)), errorInside, true, true},
		{"created", "POST", chatURL, 201, int64(len(errorInside)), errorInside, true, true},
		{"one byte", "POST", chatURL, 200, 1, "x", true, false},
		{"no bytes", "POST", chatURL, 200, 0, "", false, false},
		{"64 KiB", "POST", chatURL, 200, kept, padded(kept), true, true},
		{"a byte more", "POST", chatURL, 200, kept + 1, padded(kept + 1), false, false},
		{"unknown length", "POST", chatURL, 200, -1, errorInside, false, false},
		{"a part", "POST", chatURL, 206, int64(len(errorInside)), errorInside, false, false},
		{"a redirect", "POST", chatURL, 302, int64(len(errorInside)), errorInside, false, false},
		{"a GET", "GET", chatURL, 200, int64(len(errorInside)), errorInside, false, false},
		{"another API", "POST", "https://api.example/v1/orders", 200, int64(len(errorInside)), errorInside, false, false},
		{"a GET of a Kubernetes watch", "GET", "https://k8s.example/api/v1/pods?watch=1", 200, -1, errorInside, false, false},
		{"more bytes than stated", "POST", chatURL, 200, int64(len(errorInside)), errorInside + " ", true, true},
		{"fewer bytes than stated", "POST", chatURL, 200, int64(len(errorInside)) + 9, errorInside, true, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			body := &stillBody{Reader: strings.NewReader(row.body)}
			req := request(t, row.method, row.url, "")
			resp, err := (&steadyhttp.Classifier{Base: answering(row.status, http.Header{}, body, row.length)}).RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			if looked := body.reads > 0; looked != row.looked || !looked && resp.Body != body {
				t.Errorf("got %d reads and a body that is a %T, want it looked at: %t", body.reads, resp.Body, row.looked)
			}
			_, recorded := steadyhttp.FromContext(resp.Request.Context())
			if recorded != row.found {
				t.Errorf("got a verdict: %t, want %t", recorded, row.found)
			}
			if got := finish(t, resp); got != row.body || body.closed != 1 {
				t.Errorf("got %d bytes and %d closes, want all %d and 1", len(got), body.closed, len(row.body))
			}
		})
	}
}

func TestCheckKeepsToTheBoundsToo(t *testing.T) {
	for _, row := range []struct {
		name   string
		status int
		length int64
		body   string
	}{
		{"unknown length", 200, -1, errorInside},
		{"a part", 206, int64(len(errorInside)), errorInside},
		{"over 64 KiB", 200, 64<<10 + 1, padded(64<<10 + 1)},
	} {
		t.Run(row.name, func(t *testing.T) {
			body := &stillBody{Reader: strings.NewReader(row.body)}
			resp, _ := answering(row.status, http.Header{}, body, row.length).RoundTrip(chat(t))
			if err := steadyhttp.Check(resp, nil); err != nil || body.reads > 0 || resp.Body != body {
				t.Errorf("got %v after %d reads, and a body that is a %T; want it left alone", err, body.reads, resp.Body)
			}
		})
	}
}

func TestTimeOfLookingIntoASuccess(t *testing.T) {
	const ms = time.Millisecond
	half := len(errorInside) / 2
	for _, row := range []struct {
		name  string
		parts []part
		end   error
		took  time.Duration
		found bool
	}{
		{"at once", whole(errorInside), io.EOF, 0, true},
		{"in two parts", []part{at(100*ms, errorInside[:half]), at(100*ms, errorInside[half:])}, io.EOF, 200 * ms, true},
		{"a second late", []part{at(100*ms, errorInside[:half]), at(time.Second, errorInside[half:])}, io.EOF, 1100 * ms, true},
		{"silence until the deadline", []part{at(time.Second, "")}, context.DeadlineExceeded, time.Second, true},
		{"a connection that breaks", []part{at(70*ms, errorInside[:half])}, io.ErrUnexpectedEOF, 70 * ms, true},
		{"no end after the whole of it", whole(errorInside), nil, 0, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				body := sending(row.end, row.parts...)
				start := time.Now()
				resp, err := (&steadyhttp.Classifier{Base: answering(200, http.Header{}, body, int64(len(errorInside)))}).RoundTrip(chat(t))
				if err != nil {
					t.Fatal(err)
				}
				if took := time.Since(start); took != row.took {
					t.Errorf("took %v, want %v", took, row.took)
				}
				if _, found := steadyhttp.FromContext(resp.Request.Context()); found != row.found {
					t.Errorf("got a verdict: %t, want %t", found, row.found)
				}
				want := ""
				for _, p := range row.parts {
					want += p.text
				}
				got := make([]byte, len(want))
				if _, err := io.ReadFull(resp.Body, got); string(got) != want || err != nil {
					t.Errorf("got %q and %v, want the body as it was", got, err)
				}
				if row.end != nil {
					if _, err := resp.Body.Read(make([]byte, 1)); err != row.end {
						t.Errorf("at the end: got %v, want %v", err, row.end)
					}
				}
				resp.Body.Close()
			})
		})
	}
}

func TestErrorInsideASuccessIsRetried(t *testing.T) {
	for _, row := range []struct {
		name, body string
		attempts   int
	}{
		{"a server error", errorInside, 2},
		{"no money", `{"error":{"message":"You exceeded your current quota","type":"insufficient_quota","code":"insufficient_quota"}}`, 1},
	} {
		t.Run(row.name, func(t *testing.T) {
			srv := steadyhttptest.NewServer()
			defer srv.Close()
			good := steadyhttptest.ChatCompletion("hello")
			srv.Script("*", steadyhttptest.Reply{Body: row.body}, good)
			client := steady(srv)
			client.Transport.(*steadyhttp.Transport).Retrier = &steadyhttp.Retrier{BackOff: noWait}
			resp, err := client.Do(post(t, srv.URL+"/v1/chat/completions"))
			if err != nil {
				t.Fatal(err)
			}
			want := good.Body
			if row.attempts == 1 {
				want = row.body
			}
			failed := steadyhttp.Check(resp, nil) != nil
			if got := finish(t, resp); got != want || failed != (row.attempts == 1) {
				t.Errorf("got %q, failed %t; want %q", got, failed, want)
			}
			if got := len(srv.Requests()); got != row.attempts {
				t.Errorf("got %d requests, want %d", got, row.attempts)
			}
			if srv.Connections() != 1 {
				t.Errorf("got %d connections, want 1", srv.Connections())
			}
		})
	}
}

func TestHeadersOnlyLeavesBodiesAlone(t *testing.T) {
	sse := http.Header{"Content-Type": {"text/event-stream"}}
	rules := []steadyhttp.Rule{{Status: 200, Code: "server_error", Class: steadyhttp.ServerError}}
	for _, row := range []struct {
		name   string
		status int
		header http.Header
		body   string
		class  steadyhttp.Class
	}{
		{"an error inside a success", 200, nil, errorInside, steadyhttp.None},
		{"a stream that begins with an error", 200, sse, chatError, steadyhttp.None},
		{"a stream that is cut short", 200, sse, chatEvents[0], steadyhttp.None},
		{"a failure", 500, nil, errorInside, steadyhttp.ServerError},
		{"money, which only the body names", 429, http.Header{"Retry-After": {"7"}}, `{"error":{"code":"insufficient_quota"}}`, steadyhttp.RateLimit},
		{"a status that nobody knows", 600, nil, errorInside, steadyhttp.Unknown},
	} {
		t.Run(row.name, func(t *testing.T) {
			for _, ctx := range []string{"", "with a record"} {
				body := &stillBody{Reader: strings.NewReader(row.body)}
				base := answering(row.status, row.header, body, int64(len(row.body)))
				req := chat(t)
				if ctx != "" {
					req = req.WithContext(steadyhttp.WithCall(t.Context()))
				}
				resp, err := (&steadyhttp.Classifier{Base: base, HeadersOnly: true, Rules: rules}).RoundTrip(req)
				if err != nil {
					t.Fatal(err)
				}
				if resp.Body != body || body.reads > 0 {
					t.Errorf("%s: got %d reads and a body that is a %T, want it left alone", ctx, body.reads, resp.Body)
				}
				if row.class != steadyhttp.None {
					e := asError(t, resp, nil)
					if e.Class != row.class || e.Body != nil || body.reads > 0 {
						t.Errorf("%s: got %v with a body of %d bytes after %d reads, want %v by the headers alone", ctx, e.Class, len(e.Body), body.reads, row.class)
					}
					checkText(t, e)
				}
				if got := finish(t, resp); got != row.body || body.closed != 1 {
					t.Errorf("%s: got %q and %d closes, want the body as it was and 1", ctx, got, body.closed)
				}
				if call, ok := steadyhttp.FromContext(resp.Request.Context()); row.class == steadyhttp.None && call.Error != nil {
					t.Errorf("%s: got the verdict %v (%t), want none", ctx, call.Error, ok)
				}
			}
		})
	}
}

func gzipped(s string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	io.WriteString(w, s)
	w.Close()
	return b.String()
}

func zlibbed(s string) string {
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	io.WriteString(w, s)
	w.Close()
	return b.String()
}

func deflated(s string) string {
	var b bytes.Buffer
	w, _ := flate.NewWriter(&b, flate.BestCompression)
	io.WriteString(w, s)
	w.Close()
	return b.String()
}

const quotaInside = `{"error":{"message":"You exceeded your current quota","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}`

// A caller who asks for a compression himself gets it: net/http leaves it on.
func TestEncodedBodies(t *testing.T) {
	for _, row := range []struct {
		name, encoding, body string
		class                steadyhttp.Class // with a 429
		inside               bool             // found in a 200 as well
	}{
		{"none", "", quotaInside, steadyhttp.Quota, true},
		{"identity", "identity", quotaInside, steadyhttp.Quota, true},
		{"gzip", "gzip", gzipped(quotaInside), steadyhttp.Quota, true},
		{"x-gzip", "x-gzip", gzipped(quotaInside), steadyhttp.Quota, true},
		{"deflate as the standard has it", "deflate", zlibbed(quotaInside), steadyhttp.Quota, true},
		{"deflate as some servers have it", "deflate", deflated(quotaInside), steadyhttp.Quota, true},
		{"a capital letter", "GZIP", gzipped(quotaInside), steadyhttp.Quota, true},
		{"br", "br", "\x1b\x7f\x00\x80\xaa", steadyhttp.RateLimit, false},
		{"zstd", "zstd", "\x28\xb5\x2f\xfd\x04", steadyhttp.RateLimit, false},
		{"gzip that is none", "gzip", quotaInside, steadyhttp.Quota, true},
		{"gzip cut short", "gzip", gzipped(quotaInside)[:40], steadyhttp.RateLimit, false},
		{"two of them", "gzip, gzip", gzipped(gzipped(quotaInside)), steadyhttp.RateLimit, false},
	} {
		for _, status := range []int{429, 200} {
			for _, j := range []string{"Check", "a Classifier"} {
				t.Run(fmt.Sprintf("%s/%d/%s", row.name, status, j), func(t *testing.T) {
					r := reply{status: status, header: "Content-Encoding: " + row.encoding, body: row.body}
					req := chat(t)
					resp, err := playing(r).RoundTrip(req)
					if j == "a Classifier" {
						resp, err = (&steadyhttp.Classifier{Base: playing(r)}).RoundTrip(req)
					}
					if err != nil {
						t.Fatal(err)
					}
					checked := steadyhttp.Check(resp, nil)
					var e *steadyhttp.Error
					switch {
					case status == 200 && !row.inside:
						if checked != nil {
							t.Errorf("got %v, want no error", checked)
						}
					case status == 200:
						if !errors.As(checked, &e) || e.Class != row.class {
							t.Errorf("got %v, want %v", checked, row.class)
						}
					default:
						if !errors.As(checked, &e) || e.Class != row.class {
							t.Errorf("got %v, want %v", checked, row.class)
						}
					}
					if e != nil {
						checkText(t, e)
						if string(e.Body) != row.body {
							t.Errorf("Error.Body: got %q, want the bytes as sent", e.Body)
						}
					}
					if got := finish(t, resp); got != row.body {
						t.Errorf("got %q, want the bytes as sent", got)
					}
				})
			}
		}
	}
}

func TestBombsAreNotUnpacked(t *testing.T) {
	zeros := strings.Repeat("0", 8<<20) // 8 KiB when packed
	for _, row := range []struct{ name, encoding, body string }{
		{"gzip", "gzip", gzipped(zeros)},
		{"deflate", "deflate", deflated(zeros)},
	} {
		for _, status := range []int{200, 500} {
			t.Run(fmt.Sprintf("%s/%d", row.name, status), func(t *testing.T) {
				base := playing(reply{status: status, header: "Content-Encoding: " + row.encoding, body: row.body})
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				resp, err := (&steadyhttp.Classifier{Base: base}).RoundTrip(chat(t))
				runtime.ReadMemStats(&after)
				if err != nil {
					t.Fatal(err)
				}
				if used := after.TotalAlloc - before.TotalAlloc; used > 1<<20 {
					t.Errorf("got %d bytes allocated for a body of %d, want at most 1 MiB", used, len(row.body))
				}
				if status == 500 {
					checkText(t, asError(t, resp, nil))
				} else if err := steadyhttp.Check(resp, nil); err != nil {
					t.Errorf("got %v, want no error", err)
				}
				if got := finish(t, resp); got != row.body {
					t.Errorf("got %d bytes, want all %d as sent", len(got), len(row.body))
				}
			})
		}
	}
}

func TestHostileBodies(t *testing.T) {
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

// underRace reports whether the race detector is on.
func underRace() bool {
	info, _ := debug.ReadBuildInfo()
	return info != nil && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
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
