package steadyhttptest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// Reply is one answer of a [Server]'s script, or of a [Script]. The zero value is an empty 200. A Reply is a plain value:
// it may be changed, copied and scripted any number of times, and [Server.Script] keeps a copy of its own.
type Reply struct {
	// Status is the status code; 0 is 200.
	Status int

	// Header is sent as it is, and wins over the headers of a [Limit]. Without a Content-Type in it, a stream is
	// text/event-stream, a Body that is a JSON object is application/json, and net/http guesses the rest.
	Header http.Header

	// Body is the whole body. A Content-Length in Header that exceeds it makes a body that ends too early.
	Body string

	// Delay passes, once the request was read, before the header is sent. It ends early, and the connection with it, when
	// the client goes away or the server is closed. (Over HTTP/1.1 the server does not see a client go while a request's
	// body is left unread, as Early does.)
	Delay time.Duration

	// Events, if there are any, make the answer a stream in place of Body. Header and events are flushed one by one.
	Events []Event

	// Drop resets the connection, over HTTP/2 the stream, once what else the Reply holds was sent: without any answer
	// if Status, Body and Events are all empty, else within the body, which the client cannot mistake for a whole one.
	// Where Header has a Content-Length that the Body would fulfil, it is left out. Beware that net/http's Transport
	// repeats a GET by itself if the connection was used before and is dropped without an answer.
	Drop bool

	// Early answers without reading the request's body first. [Request.Body] then stays empty, unless a limit on tokens
	// had to read it, or a Handler does. Over HTTP/1.1 an answer to a request with a body then ends the connection.
	Early bool

	// Handler, if it is set, answers in place of all the above but Delay and Early. The body it reads is the recorded
	// one; after Early, it is the one on the wire. It should return when the request's context ends, as it does when the
	// client goes away or the server is closed.
	Handler http.HandlerFunc

	// idHeader names the header that carries a request id of its own for each time the Reply is given. In Body, idMark
	// stands for that id.
	idHeader string
}

// Event is one event of a stream. The zero value is an event with empty data.
type Event struct {
	Name    string        // the event's type; empty is none
	Data    string        // each of its lines becomes a data line
	Delay   time.Duration // passes before the event is sent; ends early as that of a Reply does
	Comment string        // sent before the event, or alone if Name and Data are empty, as a keep-alive
}

// newlines makes every line ending of the event-stream format the same.
var newlines = strings.NewReplacer("\r\n", "\n", "\r", "\n")

// wire returns the event as it is sent.
func (e Event) wire() string {
	var b strings.Builder
	if e.Comment != "" {
		for line := range strings.SplitSeq(newlines.Replace(e.Comment), "\n") {
			b.WriteString(": " + line + "\n")
		}
		if e.Name == "" && e.Data == "" {
			return b.String() + "\n"
		}
	}
	if e.Name != "" {
		b.WriteString("event: " + e.Name + "\n")
	}
	for line := range strings.SplitSeq(newlines.Replace(e.Data), "\n") {
		b.WriteString("data: " + line + "\n")
	}
	return b.String() + "\n"
}

// validate returns what HTTP cannot send.
func (p Reply) validate() error {
	if p.Status != 0 && (p.Status < 100 || p.Status > 999) {
		return fmt.Errorf("has status %d", p.Status)
	}
	return nil
}

// canonical returns a copy of h that has the usual form of each name.
func canonical(h http.Header) http.Header {
	copied := make(http.Header, len(h))
	for k, vv := range h {
		copied[http.CanonicalHeaderKey(k)] = slices.Clone(vv)
	}
	return copied
}

// withID returns the reply with a request id, the script's own or else a new one, where its provider sends one.
func (p Reply) withID(replied *atomic.Int64) Reply {
	if p.idHeader == "" {
		return p
	}
	id := p.Header.Get(p.idHeader)
	if id == "" {
		id = fmt.Sprintf("req_%012d", replied.Add(1))
		p.Header = p.Header.Clone()
		p.Header.Set(p.idHeader, id)
	}
	p.Body = strings.ReplaceAll(p.Body, idMark, id)
	return p
}

// play sends the reply. It reports false if the connection is to be cut: by Drop, or because client or server went away.
func (p Reply) play(w http.ResponseWriter, r *http.Request) bool {
	if !pause(r.Context(), p.Delay) {
		return false
	}
	if p.Handler != nil {
		p.Handler(w, r)
		return true
	}
	if p.Drop && p.Status == 0 && p.Body == "" && len(p.Events) == 0 {
		return false
	}
	status := p.Status
	if status == 0 {
		status = http.StatusOK
	}
	hasBody := r.Method != http.MethodHead && status >= 200 &&
		status != http.StatusNoContent && status != http.StatusNotModified
	p.setHeader(w.Header(), hasBody)
	w.WriteHeader(status)
	if hasBody && len(p.Events) > 0 {
		return p.stream(w, r) && !p.Drop
	}
	if hasBody && p.Body != "" {
		// A Content-Length shorter than the body is the script's own wish.
		if _, err := io.WriteString(w, p.Body); err != nil && !errors.Is(err, http.ErrContentLength) {
			return false
		}
	}
	if p.Drop {
		http.NewResponseController(w).Flush()
	}
	return !p.Drop
}

func (p Reply) setHeader(h http.Header, hasBody bool) {
	maps.Copy(h, p.Header)
	if len(p.Events) > 0 {
		if h.Get("Content-Type") == "" {
			h.Set("Content-Type", "text/event-stream")
		}
		return
	}
	if h.Get("Content-Type") == "" && strings.HasPrefix(p.Body, "{") && json.Valid([]byte(p.Body)) {
		h.Set("Content-Type", "application/json")
	}
	n, err := strconv.Atoi(h.Get("Content-Length"))
	switch {
	case p.Drop && err == nil && n <= len(p.Body):
		h.Del("Content-Length")
	case !p.Drop && hasBody && h.Get("Content-Length") == "":
		h.Set("Content-Length", strconv.Itoa(len(p.Body)))
	}
}

func (p Reply) stream(w http.ResponseWriter, r *http.Request) bool {
	out := http.NewResponseController(w)
	if out.Flush() != nil {
		return false
	}
	for _, e := range p.Events {
		if !pause(r.Context(), e.Delay) {
			return false
		}
		if _, err := io.WriteString(w, e.wire()); err != nil || out.Flush() != nil {
			return false
		}
	}
	return true
}

// pause waits for d. It reports false if ctx ended first, and so if there is nobody left to answer.
func pause(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// The ready-made replies below have the shape of the providers' own, in words that are ours.

const (
	idMark = "{request-id}" // see Reply.idHeader

	created = 1700000000 // a fixed time, so that a body can be compared as a whole
)

// ChatCompletion is a chat completion of OpenAI's API that says text, with its usage at four bytes a token.
func ChatCompletion(text string) Reply {
	used := tokens(len(text))
	return ready(http.StatusOK, "X-Request-Id", fmt.Sprintf(`{"id":"chatcmpl-steady","object":"chat.completion",`+
		`"created":%d,"model":"gpt-4o-mini","choices":[{"index":0,"message":{"role":"assistant","content":%s,"refusal":null},`+
		`"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":10,"completion_tokens":%d,"total_tokens":%d}}`,
		created, quote(text), used, 10+used))
}

// ChatStream is a streamed chat completion of OpenAI's API: a chunk with the role, a chunk for each of words as it stands
// (so put the spaces in), a chunk with finish_reason stop, and [DONE]. To make it slow, set the Delay of its Events.
func ChatStream(words ...string) Reply {
	p := ready(http.StatusOK, "X-Request-Id", "")
	p.Header.Set("Content-Type", "text/event-stream; charset=utf-8")
	chunk := func(delta, finish string) {
		p.Events = append(p.Events, Event{Data: fmt.Sprintf(`{"id":"chatcmpl-steady","object":"chat.completion.chunk",`+
			`"created":%d,"model":"gpt-4o-mini","choices":[{"index":0,"delta":%s,"logprobs":null,"finish_reason":%s}]}`,
			created, delta, finish)})
	}
	chunk(`{"role":"assistant","content":""}`, "null")
	for _, word := range words {
		chunk(`{"content":`+quote(word)+`}`, "null")
	}
	chunk(`{}`, `"stop"`)
	p.Events = append(p.Events, Event{Data: "[DONE]"})
	return p
}

// OpenAIError is an error of OpenAI's API and of the many that copy it. An empty typ or code is null.
func OpenAIError(status int, typ, code, message string) Reply {
	return ready(status, "X-Request-Id", fmt.Sprintf(`{"error":{"message":%s,"type":%s,"param":null,"code":%s}}`,
		quote(message), quoteOrNull(typ), quoteOrNull(code)))
}

// AnthropicError is an error of Anthropic's API.
func AnthropicError(status int, typ, message string) Reply {
	return ready(status, "Request-Id", fmt.Sprintf(`{"type":"error","error":{"type":%s,"message":%s},"request_id":"%s"}`,
		quote(typ), quote(message), idMark))
}

// GoogleError is an error of Google's APIs, with a RetryInfo if retryDelay is above 0. Google sends no request id.
func GoogleError(status int, grpcStatus, message string, retryDelay time.Duration) Reply {
	details := ""
	if retryDelay > 0 {
		details = fmt.Sprintf(`,"details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"%ss"}]`,
			strconv.FormatFloat(retryDelay.Seconds(), 'f', -1, 64))
	}
	return ready(status, "", fmt.Sprintf(`{"error":{"code":%d,"message":%s,"status":%s%s}}`,
		status, quote(message), quote(grpcStatus), details))
}

// noScript tells the author of a test what the test forgot.
func noScript(path string) Reply {
	return OpenAIError(http.StatusNotFound, "invalid_request_error", "",
		fmt.Sprintf("steadyhttptest: no script for path %s; give it one with Server.Script", path))
}

func ready(status int, idHeader, body string) Reply {
	return Reply{
		Status:   status,
		Header:   http.Header{"Content-Type": {"application/json"}},
		Body:     body,
		idHeader: idHeader,
	}
}

// quote returns s as a JSON string.
func quote(s string) string {
	b, _ := json.Marshal(s) // cannot fail: bytes that are no UTF-8 are replaced
	return string(b)
}

func quoteOrNull(s string) string {
	if s == "" {
		return "null"
	}
	return quote(s)
}
