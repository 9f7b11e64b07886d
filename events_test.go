package steadyhttp_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"iter"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/steadyhttp/steadyhttp"
)

const (
	messagesURL  = "https://api.anthropic.com/v1/messages"
	responsesURL = "https://api.openai.com/v1/responses"
	geminiURL    = "https://generativelanguage.googleapis.com/v1beta/models/gemini-2.0-flash:streamGenerateContent?alt=sse"
)

// Whole streams, one event an element.
var (
	chatEvents = []string{
		`data: {"id":"c1","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}` + "\n\n",
		`data: {"id":"c1","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"an error: 500"},"finish_reason":null}]}` + "\n\n",
		`data: {"id":"c1","object":"chat.completion.chunk","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}` + "\n\n",
		"data: [DONE]\n\n",
	}
	messageEvents = []string{
		"event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"content\":[],\"stop_reason\":null}}\n\n",
		"event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n",
		"event: ping\ndata: {\"type\":\"ping\"}\n\n",
		"event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"event: error\"}}\n\n",
		"event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n",
		"event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":3}}\n\n",
		"event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
	}
	geminiEvents = []string{
		`data: {"candidates":[{"content":{"parts":[{"text":"one"}],"role":"model"}}],"usageMetadata":{"promptTokenCount":3}}` + "\r\n\r\n",
		`data: {"candidates":[{"content":{"parts":[{"text":"two"}],"role":"model"},"finishReason":"STOP"}]}` + "\r\n\r\n",
	}
	responseEvents = []string{
		"event: response.created\ndata: {\"type\":\"response.created\",\"response\":{\"id\":\"resp_1\",\"status\":\"in_progress\",\"error\":null}}\n\n",
		"event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"delta\":\"one\"}\n\n",
		"event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{\"id\":\"resp_1\",\"status\":\"completed\",\"error\":null}}\n\n",
	}
)

// Error events of the providers.
const (
	messageError    = "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n"
	chatError       = `data: {"error":{"message":"The server had an error","type":"server_error","param":null,"code":null}}` + "\n\n"
	openRouterError = `data: {"id":"gen-1","object":"chat.completion.chunk","error":{"code":502,"message":"Provider disconnected"},"choices":[{"index":0,"delta":{"content":""},"finish_reason":"error"}]}` + "\n\n"
	geminiError     = `data: {"error":{"code":429,"message":"Out of requests.","status":"RESOURCE_EXHAUSTED"}}` + "\r\n\r\n"
	responseError   = "event: error\ndata: {\"type\":\"error\",\"code\":\"rate_limit_exceeded\",\"message\":\"Slow down\",\"param\":null}\n\n"
	responseFailed  = "event: response.failed\ndata: {\"type\":\"response.failed\",\"response\":{\"id\":\"resp_1\",\"status\":\"failed\",\"error\":{\"code\":\"server_error\",\"message\":\"Off\"}}}\n\n"
)

// A part is what a server sends at once, so long after the part before it was
// taken.
type part struct {
	after time.Duration
	text  string
}

func at(after time.Duration, text string) part { return part{after, text} }

// A pipeBody is a body of which a Read brings one part, or what is left of it.
type pipeBody struct {
	*io.PipeReader
	gone chan struct{} // closed by the first Close

	mu     sync.Mutex // guards closed
	closed int
}

func (b *pipeBody) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed++; b.closed == 1 {
		close(b.gone)
	}
	return b.PipeReader.Close()
}

// sending returns a body of parts that ends with end. With nil it stays open
// until it is closed. It is for bubbles.
func sending(end error, parts ...part) *pipeBody {
	r, w := io.Pipe()
	b := &pipeBody{PipeReader: r, gone: make(chan struct{})}
	go func() {
		for _, p := range parts {
			select {
			case <-time.After(p.after):
			case <-b.gone:
				return
			}
			if p.text == "" {
				continue
			}
			if _, err := io.WriteString(w, p.text); err != nil {
				return
			}
		}
		if end != nil {
			w.CloseWithError(end)
		}
	}()
	return b
}

// whole makes one part of each text.
func whole(texts ...string) []part {
	var all []part
	for _, s := range texts {
		all = append(all, part{text: s})
	}
	return all
}

// streaming is a base that answers once, with an event stream.
func streaming(body io.ReadCloser) http.RoundTripper {
	return roundTripperFunc(func(req *http.Request) (*http.Response, error) {
		if req.Body != nil {
			req.Body.Close()
		}
		return &http.Response{
			StatusCode: 200, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: req, ContentLength: -1,
			Header: http.Header{"Content-Type": {"text/event-stream; charset=utf-8"}}, Body: body,
		}, nil
	})
}

// post is an inference call. Those to Anthropic carry the version header.
func post(t testing.TB, url string) *http.Request {
	req := request(t, "POST", url, "{}")
	if strings.Contains(url, "/api/") && strings.Contains(url, "localhost") { // Ollama's, known by what it asks for
		req = request(t, "POST", url, `{"model":"m","messages":[{"role":"user","content":"x"}]}`)
		req.Header.Set("Content-Type", "application/json")
	}
	if strings.HasSuffix(url, "/messages") {
		req.Header.Set("Anthropic-Version", "2023-06-01")
	}
	return req
}

// classified sends req through a Classifier over a stream of body.
func classified(t *testing.T, req *http.Request, body io.ReadCloser) *http.Response {
	t.Helper()
	resp, err := (&steadyhttp.Classifier{Base: streaming(body)}).RoundTrip(req)
	if err != nil {
		t.Fatalf("RoundTrip: got error %v, want an answer", err)
	}
	return resp
}

// callOf is what the record says now.
func callOf(t *testing.T, ctx context.Context) steadyhttp.Call {
	t.Helper()
	call, ok := steadyhttp.FromContext(ctx)
	if !ok {
		t.Error("FromContext: got no record")
	}
	return call
}

// chunkings are the ways in which text may come.
func chunkings(text string) iter.Seq2[string, []part] {
	return func(yield func(string, []part) bool) {
		if !yield("in one piece", whole(text)) || !yield("byte by byte", whole(strings.Split(text, "")...)) {
			return
		}
		for i := 1; i < len(text); i++ {
			if !yield(fmt.Sprintf("cut at %d", i), whole(text[:i], text[i:])) {
				return
			}
		}
	}
}

// readTo reads to the end, whatever it is.
func readTo(body io.Reader, size int) (string, error) {
	var all bytes.Buffer
	buf := make([]byte, size)
	for {
		n, err := body.Read(buf)
		all.Write(buf[:n])
		if err != nil {
			return all.String(), err
		}
	}
}

func join(events ...string) string { return strings.Join(events, "") }

// A choppy reader gives so many bytes at a time, cuts over and over.
type choppy struct {
	rest []byte
	cuts []int
	n    int
}

func (c *choppy) Read(p []byte) (int, error) {
	if len(c.rest) == 0 {
		return 0, io.EOF
	}
	size := 1
	if len(c.cuts) > 0 {
		size = max(1, c.cuts[c.n%len(c.cuts)])
	}
	c.n++
	n := copy(p, c.rest[:min(size, len(c.rest))])
	c.rest = c.rest[n:]
	return n, nil
}

// eventStream answers with a stream that has headers of its own; its parts
// come, and it ends, as sending says.
func eventStream(header string, end error, parts ...part) http.RoundTripper {
	return roundTripperFunc(func(req *http.Request) (*http.Response, error) {
		if req.Body != nil {
			io.Copy(io.Discard, req.Body)
			req.Body.Close()
		}
		resp := playing().response(req, reply{status: 200, header: "Content-Type: text/event-stream\n" + header})
		resp.ContentLength, resp.Body = -1, sending(end, parts...)
		return resp, nil
	})
}

// inTurn plays one base after another, the last for ever.
func inTurn(bases ...http.RoundTripper) http.RoundTripper {
	n := 0
	return roundTripperFunc(func(req *http.Request) (*http.Response, error) {
		n++
		return bases[min(n, len(bases))-1].RoundTrip(req)
	})
}
