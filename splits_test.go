package steadyhttp_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/steadyhttp/steadyhttp"
)

// A told stream is one whose outcome is known.
type toldStream struct {
	name, url, contentType string
	text                   string
	sent                   int              // how many requests it takes
	class                  steadyhttp.Class // of the error that the reader gets, None for io.EOF
}

const (
	ollamaURL  = "http://localhost:11434/api/chat"
	bedrockURL = "https://bedrock-runtime.us-east-1.amazonaws.com/model/m/converse-stream"
	ndjson     = "application/x-ndjson"
	awsStream  = "application/vnd.amazon.eventstream"
)

// frame is one message of AWS's binary stream, without checksums.
func frame(kind, name, payload string) string {
	header := func(name, value string) string {
		return string([]byte{byte(len(name))}) + name + "\x07" + string(binary.BigEndian.AppendUint16(nil, uint16(len(value)))) + value
	}
	names := map[string]string{"event": ":event-type", "exception": ":exception-type"}
	h := header(":message-type", kind) + header(names[kind], name) + header(":content-type", "application/json")
	b := binary.BigEndian.AppendUint32(nil, uint32(16+len(h)+len(payload)))
	b = binary.BigEndian.AppendUint32(b, uint32(len(h)))
	return string(b) + "csum" + h + payload + "csum"
}

var (
	converseStart = frame("event", "messageStart", `{"role":"assistant"}`)
	converseText  = frame("event", "contentBlockDelta", `{"contentBlockIndex":0,"delta":{"text":"Hi"}}`)
	converseEnd   = frame("event", "contentBlockStop", `{"contentBlockIndex":0}`) + frame("event", "messageStop", `{"stopReason":"end_turn"}`) +
		frame("event", "metadata", `{"usage":{"inputTokens":12,"outputTokens":5,"totalTokens":17},"metrics":{"latencyMs":9}}`)
	converseBusy = frame("exception", "throttlingException", `{"message":"Too many requests, please wait before trying again."}`)

	ollamaStart = `{"model":"m","created_at":"t","message":{"role":"assistant","content":""},"done":false}` + "\n"
	ollamaText  = `{"model":"m","created_at":"t","message":{"role":"assistant","content":"Hi"},"done":false}` + "\n"
	ollamaEnd   = `{"model":"m","created_at":"t","message":{"role":"assistant","content":""},"done":true,"done_reason":"stop","prompt_eval_count":9,"eval_count":4}` + "\n"
	ollamaError = `{"error":"server busy, please try again. maximum pending requests exceeded"}` + "\n"

	arrayText = `{"candidates":[{"content":{"parts":[{"text":"Hi"}],"role":"model"}}]}`
	arrayEnd  = `{"candidates":[{"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":7,"candidatesTokenCount":2,"thoughtsTokenCount":3}}`
	arrayBusy = `{"error":{"code":503,"message":"The model is overloaded.","status":"UNAVAILABLE"}}`
)

var toldStreams = []toldStream{
	{"OpenAI, good", chatURL, "", join(chatEvents...), 1, steadyhttp.None},
	{"OpenAI, an error after the role", chatURL, "", chatEvents[0] + chatError, 2, steadyhttp.None},
	{"OpenAI, an error after text", chatURL, "", join(chatEvents[:2]...) + chatError, 1, steadyhttp.ServerError},
	{"OpenAI, cut", chatURL, "", join(chatEvents[:2]...), 1, steadyhttp.Connection},
	{"OpenAI, [DONE] alone", chatURL, "", chatEvents[3], 2, steadyhttp.None},
	{"a bare JSON error", chatURL, "", "{\n \"error\": {\"message\": \"Loading model\", \"type\": \"unavailable_error\", \"code\": 503}\n}\n", 2, steadyhttp.None},
	{"a field error", chatURL, "", "error: {\"code\":503,\"message\":\"Loading model\",\"type\":\"unavailable_error\"}\n\n" + chatEvents[3], 2, steadyhttp.None},
	{"Anthropic, overloaded after a ping", messagesURL, "", messageEvents[0] + messageEvents[1] + messageEvents[2] + messageError, 2, steadyhttp.None},
	{"Anthropic, overloaded after text", messagesURL, "", join(messageEvents[:4]...) + messageError, 1, steadyhttp.Overloaded},
	{"responses, failed after created", responsesURL, "", responseEvents[0] + responseFailed, 2, steadyhttp.None},
	{"Gemini's array, good", geminiURL, "application/json", "[" + arrayText + "\n,\r\n" + arrayEnd + "\n]", 1, steadyhttp.None},
	{"Gemini's array, an error first", geminiURL, "application/json; charset=UTF-8", "[" + arrayBusy + "\n]", 2, steadyhttp.None},
	{"Gemini's array, an error after text", geminiURL, "application/json", "[" + arrayText + ",\n" + arrayBusy + "]", 1, steadyhttp.Overloaded},
	{"Gemini's array, cut", geminiURL, "application/json", "[" + arrayText, 1, steadyhttp.Connection},
	{"Ollama, good", ollamaURL, ndjson, ollamaStart + ollamaText + ollamaEnd, 1, steadyhttp.None},
	{"Ollama, busy", ollamaURL, ndjson, ollamaStart + ollamaError, 2, steadyhttp.None},
	{"Ollama, busy after text", ollamaURL, ndjson, ollamaText + ollamaError, 1, steadyhttp.Overloaded},
	{"Ollama, cut", ollamaURL, ndjson, ollamaStart + ollamaText, 1, steadyhttp.Connection},
	{"Bedrock, good", bedrockURL, awsStream, converseStart + converseText + converseEnd, 1, steadyhttp.None},
	{"Bedrock, throttled", bedrockURL, awsStream, converseStart + converseBusy, 2, steadyhttp.None},
	{"Bedrock, throttled after text", bedrockURL, awsStream, converseText + converseBusy, 1, steadyhttp.RateLimit},
	{"Bedrock, cut", bedrockURL, awsStream, converseStart + converseText, 1, steadyhttp.Connection},
}

// However the bytes of a stream are cut, the verdict, the number of requests and
// the bytes that the reader gets are the same.
func TestSplitsOfAStreamChangeNothing(t *testing.T) {
	for _, s := range toldStreams {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			step := max(1, len(s.text)/howMany(20, 100, len(s.text)))
			for i := 1; i < len(s.text); i += step {
				s.check(t, fmt.Sprintf("cut at %d", i), i, len(s.text))
			}
			s.check(t, "byte by byte", 1)
			s.check(t, "in one piece", len(s.text))
			dice := rand.New(rand.NewPCG(1, 2))
			for range howMany(3, 20, 200) {
				cuts := make([]int, 50)
				for i := range cuts {
					cuts[i] = 1 + dice.IntN(1+dice.IntN(150))
				}
				s.check(t, fmt.Sprint("cut by ", cuts), cuts...)
			}
		})
	}
}

// good is what the second request gets.
func (s toldStream) good() string {
	if s.contentType == awsStream {
		return converseStart + converseText + converseEnd
	}
	return "data: good\n\n" // of a dialect that nobody knows
}

func (s toldStream) check(t *testing.T, how string, cuts ...int) {
	synctest.Test(t, func(t *testing.T) {
		sent := 0
		base := roundTripperFunc(func(req *http.Request) (*http.Response, error) {
			text := s.text
			if sent++; sent > 1 {
				text = s.good()
			}
			kind := s.contentType
			if kind == "" {
				kind = "text/event-stream"
			}
			return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {kind}}, ContentLength: -1, Request: req,
				Body: io.NopCloser(&choppy{rest: []byte(text), cuts: cuts})}, nil
		})
		req := post(t, s.url)
		resp, err := (&steadyhttp.Transport{Base: base, Retrier: &steadyhttp.Retrier{BackOff: noWait}}).RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		got, end := readTo(resp.Body, 100)
		resp.Body.Close()
		want := s.text
		if s.sent > 1 {
			want = s.good()
		}
		if got != want || sent != s.sent {
			t.Fatalf("%s: got %q after %d requests, want %q after %d", how, got, sent, want, s.sent)
		}
		if s.class == steadyhttp.None {
			if end != io.EOF || steadyhttp.Check(resp, nil) != nil {
				t.Errorf("%s: got %v and the verdict %v, want a success", how, end, steadyhttp.Check(resp, nil))
			}
			return
		}
		var e *steadyhttp.Error
		if !errors.As(end, &e) || e.Class != s.class || e.Fate != steadyhttp.FateApplied {
			t.Errorf("%s: got %v, want an error of class %v", how, end, s.class)
		}
	})
}

func TestTokensOfStreams(t *testing.T) {
	long := strings.Repeat("instructions, ", 20<<10) // 280 KiB
	for _, row := range []struct {
		name, url, contentType, text     string
		input, output, cached, reasoning int64
	}{
		{"Ollama", ollamaURL, ndjson, ollamaText + ollamaEnd, 9, 4, 0, 0},
		{"Gemini's array", geminiURL, "application/json", "[" + arrayText + "," + arrayEnd + "]", 7, 5, 0, 3},
		{"Bedrock", bedrockURL, awsStream, converseText + converseEnd, 12, 5, 0, 0},
		{"OpenAI", chatURL, "text/event-stream", join(chatEvents[:3]...) + `data: {"choices":[],"usage":{"prompt_tokens":100,"completion_tokens":30,"prompt_tokens_details":{"cached_tokens":64},"completion_tokens_details":{"reasoning_tokens":20}}}` + "\n\n" + chatEvents[3], 100, 30, 64, 20},
		{"Anthropic", messagesURL, "text/event-stream", `data: {"type":"message_start","message":{"usage":{"input_tokens":5,"cache_read_input_tokens":50,"cache_creation_input_tokens":10,"output_tokens":1}}}` + "\n\n" + join(messageEvents[1:]...), 65, 3, 50, 0},
		{"a last event of 280 KiB", responsesURL, "text/event-stream", responseEvents[0] + responseEvents[1] + `data: {"type":"response.completed","response":{"instructions":"\"usage\":{\"input_tokens\":1} ` + long +
			`","usage":{"input_tokens":11,"output_tokens":7,"output_tokens_details":{"reasoning_tokens":5}}}}` + "\n\n", 11, 7, 0, 5},
		{"a JSON answer of 280 KiB", chatURL, "application/json", `{"choices":[{"message":{"content":"` + long + `","usage":{"prompt_tokens":1}},"finish_reason":"stop"}],"usage":{"prompt_tokens":8,"completion_tokens":6}}`, 8, 6, 0, 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			for _, size := range []int{7, 1 << 20} {
				base := roundTripperFunc(func(req *http.Request) (*http.Response, error) {
					return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {row.contentType}}, ContentLength: -1, Request: req,
						Body: io.NopCloser(&choppy{rest: []byte(row.text), cuts: []int{size}})}, nil
				})
				ctx := steadyhttp.WithCall(t.Context())
				resp, err := (&steadyhttp.Transport{Base: base}).RoundTrip(post(t, row.url).WithContext(ctx))
				if err != nil {
					t.Fatal(err)
				}
				if got := finish(t, resp); got != row.text {
					t.Errorf("got %d bytes, want all %d", len(got), len(row.text))
				}
				c := callOf(t, ctx)
				if got, want := [4]int64{c.InputTokens, c.OutputTokens, c.CachedTokens, c.ReasoningTokens}, [4]int64{row.input, row.output, row.cached, row.reasoning}; got != want {
					t.Errorf("in pieces of %d: got %v tokens, want %v", size, got, want)
				}
			}
		})
	}
}
