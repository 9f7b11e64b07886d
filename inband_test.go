package steadyhttp_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyhttp/steadyhttp"
	"github.com/steadyhttp/steadyhttp/steadyhttptest"
)

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
		{"a write to an API that nobody knows", "POST", "https://api.example/v1/orders", errorInside, steadyhttp.ServerError},
		{"the same with something beside the error", "POST", "https://api.example/v1/orders", `{"order":7,` + errorInside[1:], steadyhttp.None},
		{"a GET of what is posted elsewhere", "GET", chatURL, errorInside, steadyhttp.None},
	} {
		for _, how := range []string{"a Classifier", "Check"} {
			t.Run(row.name+"/"+how, func(t *testing.T) {
				req := post(t, row.url)
				req.Method = row.method
				json := reply{status: 200, body: row.body, header: "Content-Type: application/json"}
				resp, err := playing(json).RoundTrip(req)
				if how == "a Classifier" {
					resp, err = (&steadyhttp.Classifier{Base: playing(json)}).RoundTrip(req)
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
		{"a byte more, without a length", "POST", chatURL, 200, -1, padded(kept + 1), true, false},
		{"unknown length", "POST", chatURL, 200, -1, errorInside, true, true},
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
			if got := finish(t, resp); got != row.body || body.closed != 1 {
				t.Errorf("got %d bytes and %d closes, want all %d and 1", len(got), body.closed, len(row.body))
			}
			if c, _ := steadyhttp.FromContext(resp.Request.Context()); (c.Error != nil) != row.found {
				t.Errorf("got the verdict %v, want one: %t", c.Error, row.found)
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
		{"a second late", []part{at(100*ms, errorInside[:half]), at(time.Second, errorInside[half:])}, io.EOF, 350 * ms, false},
		{"silence", []part{at(time.Second, errorInside)}, io.EOF, 250 * ms, false},
		{"white space for a second", []part{at(0, " "), at(500*ms, "\n"), at(500*ms, errorInside)}, io.EOF, time.Second, true},
		{"white space for two seconds", []part{at(0, " "), at(2001*ms, errorInside)}, io.EOF, 2 * time.Second, false},
		{"a connection that breaks", []part{at(70*ms, errorInside[:half])}, io.ErrUnexpectedEOF, 70 * ms, true},
		{"no end after the whole of it", whole(errorInside), nil, 0, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				body := sending(row.end, row.parts...)
				start := time.Now()
				length := int64(len(errorInside))
				if strings.HasPrefix(row.name, "white space") {
					length = -1
				}
				resp, err := (&steadyhttp.Classifier{Base: answering(200, http.Header{}, body, length)}).RoundTrip(chat(t))
				if err != nil {
					t.Fatal(err)
				}
				if took := time.Since(start); took != row.took {
					t.Errorf("took %v, want %v", took, row.took)
				}
				found := func() bool { c, _ := steadyhttp.FromContext(resp.Request.Context()); return c.Error != nil }
				if found() != row.found {
					t.Errorf("got a verdict: %t, want %t", found(), row.found)
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
				if resp.Body.Close(); !found() {
					t.Error("got no verdict after the body was read, want one")
				}
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

// Without a Classifier nobody looks into answers, and a Retrier goes by its own eyes.
func TestDisabledClassifier(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		body := &stillBody{Reader: strings.NewReader(errorInside)}
		rt := &steadyhttp.Transport{Base: answering(200, nil, body, int64(len(errorInside))), Classifier: &steadyhttp.Classifier{Disabled: true}}
		req := chat(t)
		resp, err := rt.RoundTrip(req.WithContext(steadyhttp.WithCall(t.Context())))
		if err != nil || resp.Body != body || body.reads > 0 {
			t.Fatalf("got %v, %v and %d reads, want the base's response with its body left alone", resp, err, body.reads)
		}
		if call, _ := steadyhttp.FromContext(resp.Request.Context()); call.Error != nil || call.Attempts > 1 {
			t.Errorf("got %+v, want one attempt without a verdict", call)
		}

		asked := 0
		rt = &steadyhttp.Transport{Classifier: &steadyhttp.Classifier{Disabled: true}, Base: replying(func(*http.Request) reply {
			if asked++; asked == 1 {
				return reply{status: 503}
			}
			return reply{status: 200}
		})}
		resp, err = rt.RoundTrip(chat(t))
		if err != nil || resp.StatusCode != 200 || asked != 2 {
			t.Errorf("got %v, %v after %d requests, want a 200 after 2", resp, err, asked)
		}
	})
}
