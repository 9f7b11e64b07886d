package steadyhttptest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// atOnce is how long something may take that needs no waiting. In the bubble's time computing takes none, so this only leaves
// room for a wrapper that waits a moment for reasons of its own.
const atOnce = 100 * time.Millisecond

// streamRules are about bytes that are on their way while the call still runs.
var streamRules = []rule{{
	name: "stream-unbuffered",
	explanation: "RoundTrip returns when the head of a good answer is there, and each byte of its body goes up as it " +
		"comes: watches, logs, long polls and event streams live on it. A wrapper that reads ahead holds the " +
		"first event until the second comes.",
	run: streamUnbuffered,
}, {
	name: "stream-inference",
	explanation: "A wrapper may look at the first event of a model's answer before it lets go of it. After that each " +
		"byte goes up as it comes, also half an event.",
	run: streamInference,
}, {
	name: "stream-duplex",
	explanation: "A base may answer before it has read the request body and go on reading it, as HTTP/2 servers do. " +
		"The body then belongs to the base: a wrapper that closes it when RoundTrip returns, or reads it to " +
		"keep a copy, cuts the conversation.",
	run: streamDuplex,
}, {
	name: "stream-early-answer",
	explanation: "A server may refuse an upload before it was sent. The answer must come up although nobody reads the " +
		"body any more, and whoever writes to it must learn that it was closed.",
	run: streamEarlyAnswer,
}, {
	name: "stream-upgrade",
	explanation: "The body of a 101 is the connection: net/http promises that it is an io.Writer too, and " +
		"httputil.ReverseProxy looks for a CloseWrite. Whatever else it can do, only the very value that the " +
		"base gave can do all of it.",
	run: streamUpgrade,
}, {
	name: "stream-close",
	explanation: "Close must end a Read that waits in another goroutine: that is how a consumer leaves a stream. A " +
		"mutex that both take keeps him in it.",
	run: streamClose,
}, {
	name: "stream-cancel",
	explanation: "When the context ends while the body is read, the reader learns of it at once and can tell the " +
		"reason with errors.Is.",
	run: streamCancel,
}}

// streamRead reads exactly len(want) bytes and complains if they do not come at once, or are others.
func (p *probe) streamRead(r io.Reader, want string) bool {
	got := make([]byte, len(want))
	var n int
	var err error
	what := fmt.Sprintf("reading %q, which the base has written,", want)
	if !p.within(atOnce, what, func() { n, err = io.ReadFull(r, got) }) {
		return false
	}
	if string(got[:n]) != want {
		p.errorf("read %q (%v), want %q", got[:n], err, want)
		return false
	}
	return true
}

// pieces plays an answer whose pieces are written one after the other, each only when the caller has read the one before.
// The first is written when the caller asks for it or, if ahead is set, before RoundTrip returned.
func (p *probe) pieces(req *http.Request, contentType string, ahead bool, pieces []string) {
	next := make(chan struct{}, len(pieces)) // holds a token for each piece that may be written
	if ahead {
		next <- struct{}{}
	}
	base := newBase(func(a *attempt) (*http.Response, error) {
		a.receive()
		resp := a.stream(200, pump(a.req.Context(), func(w *io.PipeWriter, gone <-chan struct{}) {
			for _, piece := range pieces {
				select {
				case <-next:
				case <-gone:
					return
				}
				if _, err := io.WriteString(w, piece); err != nil {
					return
				}
			}
		}))
		resp.Header.Set("Content-Type", contentType)
		return resp, nil
	})
	r := p.call(p.wrapped(base), req)
	if r.resp == nil || r.resp.Body == nil {
		if !r.lost {
			p.errorf("RoundTrip returned %v, want a response with a body", r.err)
		}
		return
	}
	if r.took > atOnce {
		p.errorf("RoundTrip returned after %v, when the answer's head had long been there", r.took)
	}
	whole := true
	for i, piece := range pieces {
		if i > 0 || !ahead {
			next <- struct{}{}
		}
		if whole = p.streamRead(r.resp.Body, piece); !whole {
			break
		}
		time.Sleep(time.Second) // as streams do
	}
	if whole {
		if rest, err := p.consume(r.resp); err != nil || len(rest) > 0 {
			p.errorf("at its end the stream gave %q and %v, want io.EOF", rest, err)
		}
		return
	}
	p.within(hangAfter, "closing the answer", func() { r.resp.Body.Close() })
}

func streamUnbuffered(p *probe) {
	for _, s := range []struct {
		contentType string
		pieces      []string
	}{
		{"text/plain", []string{"a", "bc", "\n", "d"}},
		{"application/json", []string{`{"type":"ADDED"}` + "\n", `{"ty`, `pe":"MODIFIED"}` + "\n"}},
		{"application/octet-stream", []string{"\x00", "\x01\x02", string(pattern(5000, 1)), "\x03"}},
		{"text/event-stream", []string{": hello\n\n", "data: one\n\n", "data: t", "wo\n", "\n", "id: 3\n\n"}},
	} {
		p.in("a 200 with %s", s.contentType).pieces(newRequest(p.lasting(), http.MethodGet), s.contentType, false, s.pieces)
	}
}

func streamInference(p *probe) {
	p = p.in("a model's event stream")
	req := newRequest(p.lasting(), http.MethodPost)
	req.URL.Path = "/v1/chat/completions"
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "text/event-stream")
	attach(req, withGetBody)
	const event = `data: {"id":"1","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"Hi"}}]}` + "\n\n"
	p.pieces(req, "text/event-stream", true, []string{event, event, event[:20], event[20:], "data: [DONE]\n\n"})
}

func streamDuplex(p *probe) {
	for _, method := range []string{http.MethodPost, http.MethodPut} {
		p := p.in("%s", method)
		base := newBase(func(a *attempt) (*http.Response, error) {
			resp := a.stream(200, pump(a.req.Context(), func(w *io.PipeWriter, _ <-chan struct{}) {
				_, _ = io.Copy(w, a.upload) // ends when either side is gone
				a.closeUpload()
			}))
			resp.Header.Set("Content-Type", "text/plain")
			return resp, nil
		})
		req := newRequest(p.lasting(), method)
		w, body := streamed(req)
		r := p.call(p.wrapped(base), req)
		if r.resp == nil || r.resp.Body == nil {
			if !r.lost {
				p.errorf("RoundTrip returned %v, want a response with a body", r.err)
			}
			w.Close()
			continue
		}
		for _, word := range []string{"one", "two", "three"} {
			const what = "writing to the request body after the answer has begun"
			var err error
			if !p.within(atOnce, what, func() { _, err = io.WriteString(w, word) }) {
				break
			}
			if err != nil {
				p.errorf("%s: %v", what, err)
				break
			}
			if !p.streamRead(r.resp.Body, word) {
				break
			}
		}
		w.Close()
		if rest, err := p.consume(r.resp); err != nil || len(rest) > 0 {
			p.errorf("after the request body's end the answer gave %q and %v, want io.EOF", rest, err)
		}
		p.settle()
		if !body.closed() {
			p.errorf("%s was not closed", body.name)
		}
	}
}

func streamEarlyAnswer(p *probe) {
	for _, code := range []int{200, 413, 429, 503} {
		for _, closeAfter := range []time.Duration{0, 50 * time.Millisecond} {
			p := p.in("%d before the upload, closed %v later", code, closeAfter)
			base := newBase(early(code, closeAfter))
			req := newRequest(p.lasting(), http.MethodPut)
			w, body := streamed(req)
			wrote := make(chan error, 1)
			go func() {
				_, err := w.Write(pattern(uploadSize, 3))
				wrote <- err
			}()
			p.wholeAnswer(base, req)
			p.settle()
			if !body.closed() {
				p.errorf("%s was not closed", body.name)
			}
			select {
			case err := <-wrote:
				if err == nil {
					p.errorf("somebody read the upload, though the base did not")
				}
			default:
				p.errorf("whoever writes the upload still waits")
				body.Close()
			}
		}
	}
}

// connection is the body of a 101.
type connection struct {
	*watchedBody
	io.Writer
}

func streamUpgrade(p *probe) {
	p = p.in("a 101")
	var conn *connection
	base := newBase(func(a *attempt) (*http.Response, error) {
		a.receive()
		resp := a.stream(http.StatusSwitchingProtocols, nil)
		resp.ContentLength = 0
		resp.Header = http.Header{"Connection": {"Upgrade"}, "Upgrade": {"websocket"}, attemptHeader: {"1"}}
		r, w := io.Pipe()
		a.hand(resp, r)
		conn = &connection{a.body, w}
		resp.Body = conn
		return resp, nil
	})
	req := newRequest(p.lasting(), http.MethodGet)
	req.Header.Set("Connection", "Upgrade")
	req.Header.Set("Upgrade", "websocket")
	r := p.call(p.wrapped(base), req)
	if r.resp == nil {
		if !r.lost {
			p.errorf("RoundTrip returned the error %v", r.err)
		}
		return
	}
	if r.resp.StatusCode != http.StatusSwitchingProtocols {
		p.errorf("the answer has status %d", r.resp.StatusCode)
	}
	if _, ok := r.resp.Body.(io.ReadWriteCloser); !ok {
		p.errorf("the body is a %T, which cannot be written to", r.resp.Body)
	}
	if r.resp.Body != io.ReadCloser(conn) {
		p.errorf("the body is a %T, not the one that the base gave", r.resp.Body)
		p.within(hangAfter, "closing the connection", func() { r.resp.Body.Close() })
		return
	}
	go func() { _, _ = io.WriteString(conn, "ping") }()
	p.streamRead(r.resp.Body, "ping")
	p.settle()
	if conn.closed() {
		p.errorf("the connection was closed while the caller had it")
	}
	conn.Close()
}

func streamClose(p *probe) {
	for _, contentType := range []string{"text/plain", "text/event-stream"} {
		p := p.in("a 200 with %s that waits for more", contentType)
		base := newBase(func(a *attempt) (*http.Response, error) {
			a.receive()
			nothing, _ := stall(a.req.Context())
			resp := a.stream(200, nothing)
			resp.Header.Set("Content-Type", contentType)
			return resp, nil
		})
		r := p.call(p.wrapped(base), newRequest(p.lasting(), http.MethodGet))
		if r.resp == nil || r.resp.Body == nil {
			continue // stream-unbuffered complains
		}
		ended := make(chan error, 1)
		go func() {
			_, err := r.resp.Body.Read(make([]byte, 10))
			ended <- err
		}()
		p.settle()
		p.within(atOnce, "closing the body while it is read", func() { r.resp.Body.Close() })
		select {
		case err := <-ended:
			if err == nil || err == io.EOF {
				p.errorf("the Read that Close ended returned %v, as if the body were whole", err)
			}
		case <-time.After(atOnce):
			p.errorf("Read still waits after Close")
		}
	}
}

func streamCancel(p *probe) {
	for _, code := range []int{200, 404} {
		for _, contentType := range []string{"application/json", "text/event-stream"} {
			p := p.in("cancelled in the body of a %d with %s", code, contentType)
			base := newBase(func(a *attempt) (*http.Response, error) {
				a.receive()
				begun, w := stall(a.req.Context())
				go func() { _, _ = io.WriteString(w, "data: {}\n\n") }()
				resp := a.stream(code, begun)
				resp.Header.Set("Content-Type", contentType)
				return resp, nil
			})
			ctx, cancel := p.context(scene{})
			time.AfterFunc(time.Second, cancel)
			r := p.call(p.wrapped(base), newRequest(ctx, http.MethodGet))
			if r.resp == nil {
				if !r.lost && !errors.Is(r.err, context.Canceled) {
					p.errorf("RoundTrip returned the error %v, which is not context.Canceled", r.err)
				}
				continue
			}
			start := time.Now()
			_, err := p.consume(r.resp)
			if !errors.Is(err, context.Canceled) {
				p.errorf("the reader got %v, which is not context.Canceled", err)
			}
			if d := time.Since(start); d > time.Second+atOnce {
				p.errorf("the reader learned of it after %v", d)
			}
		}
	}
}
