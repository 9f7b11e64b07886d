package bench

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"time"
)

// The calls that scenarios make. The host is one that no provider's dialect
// knows, the first path one that OpenAI's API and those after it have.
const (
	chatURL  = "https://api.example.com/v1/chat/completions"
	itemsURL = "https://api.example.com/v1/items"
	orderURL = "https://api.example.com/v1/orders"
	chatBody = `{"model":"gpt-4o","messages":[{"role":"user","content":"hello"}]}`
	chatJSON = `{"id":"chatcmpl-1","object":"chat.completion","model":"gpt-4o","choices":[{"index":0,` +
		`"message":{"role":"assistant","content":"a word or two"},"finish_reason":"stop"}],` +
		`"usage":{"prompt_tokens":17,"completion_tokens":4,"total_tokens":21}}`
)

// longJSON is an answer of 2 KiB, which a server sends in chunks.
var longJSON = strings.Replace(chatJSON, "a word or two", strings.Repeat("a word or two ", 150), 1)

// errReset is what net/http reports when the server resets the connection.
var errReset = syscall.ECONNRESET

// A reply is what a wire answers.
type reply struct {
	status int // 0 is 200
	header http.Header
	body   string
	takes  time.Duration // until the server answers, beside the way
	err    error         // in place of an answer
}

// A wire is a base without a network, for bubbles of virtual time. It treats
// requests as http.Transport does: it consumes and closes their bodies, and ends
// with their context.
type wire struct {
	serve func(req *http.Request, body []byte) reply // is called by one at a time
	way   time.Duration                              // there, and again back

	mu   sync.Mutex
	sent int // requests that serve has seen; mu guards it

	ends []func() // see atEnd
}

// atEnd has a contender stopped whose goroutines would outlive a scenario's bubble.
func (w *wire) atEnd(stop func()) { w.ends = append(w.ends, stop) }

// end stops who asked for it.
func (w *wire) end() {
	for _, stop := range w.ends {
		stop()
	}
}

func (w *wire) RoundTrip(req *http.Request) (*http.Response, error) {
	var body []byte
	if req.Body != nil {
		var err error
		body, err = io.ReadAll(req.Body)
		req.Body.Close()
		if err != nil {
			return nil, err
		}
	}
	if err := pause(req.Context(), w.way); err != nil {
		return nil, err
	}
	w.mu.Lock()
	w.sent++
	r := w.serve(req, body)
	w.mu.Unlock()
	if err := pause(req.Context(), r.takes+w.way); err != nil {
		return nil, err
	}
	if r.err != nil {
		return nil, r.err
	}
	return r.response(req), nil
}

func (r reply) response(req *http.Request) *http.Response {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	header := http.Header{"Content-Type": {"application/json"}}
	for name, values := range r.header {
		header[name] = values
	}
	return &http.Response{
		Status: http.StatusText(r.status), StatusCode: r.status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: header, Body: io.NopCloser(strings.NewReader(r.body)), ContentLength: int64(len(r.body)),
		Request: req,
	}
}

// requests says how many have arrived so far.
func (w *wire) requests() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.sent
}

// pause waits for d, or for ctx.
func pause(ctx context.Context, d time.Duration) error {
	if err := ctx.Err(); err != nil || d <= 0 {
		return err
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// A call is what became of one call.
type call struct {
	status int // 0 if it ended with an error
	took   time.Duration
}

func (c call) good() bool { return c.status/100 == 2 }

// send makes a call that may take as long as patience, 0 for ever.
func send(ctx context.Context, do Doer, method, url, body string, patience time.Duration) call {
	return sendAs(ctx, do, "test-key", method, url, body, patience)
}

// sendAs is send with a credential. It ends the call's context in any case:
// failsafe-go has goroutines that end with nothing else, and a bubble waits for
// all of its goroutines.
func sendAs(ctx context.Context, do Doer, key, method, url, body string, patience time.Duration) call {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if patience > 0 {
		var stop func()
		ctx, stop = context.WithTimeout(ctx, patience)
		defer stop()
	}
	var reader io.Reader
	if body != "" {
		reader = bytes.NewReader([]byte(body))
	}
	req, err := http.NewRequestWithContext(ctx, method, url, reader)
	if err != nil {
		panic(err) // the scenario's own mistake
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("Authorization", "Bearer "+key)
	start := time.Now()
	resp, err := do(req)
	if err != nil {
		return call{took: time.Since(start)}
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return call{took: time.Since(start)}
	}
	return call{status: resp.StatusCode, took: time.Since(start)}
}
