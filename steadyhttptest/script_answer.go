package steadyhttptest

import (
	"context"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"strconv"
	"sync"
	"time"
)

// maxHeld is how much net/http holds back of an answer's body, to see whether that was all.
const maxHeld = 2048

// answerWriter makes a response of what a server writes, as net/http does on both sides of a connection.
type answerWriter struct {
	req    *http.Request // the client's
	stop   context.CancelFunc
	header http.Header // the handler's
	status int         // 0 until it is written
	sent   http.Header // what header was then
	left   int64       // of a stated Content-Length; -1 without
	held   []byte      // the beginning of the body, as long as the header is not out

	came chan struct{} // closed when there is what follows
	resp *http.Response
	err  error
	body *answerBody // nil for an answer without one
}

func (w *answerWriter) Header() http.Header { return w.header }

func (w *answerWriter) WriteHeader(status int) {
	switch {
	case w.status != 0:
	case status >= 100 && status < 200 && status != http.StatusSwitchingProtocols:
		if trace := httptrace.ContextClientTrace(w.req.Context()); trace != nil && trace.Got1xxResponse != nil {
			_ = trace.Got1xxResponse(status, textproto.MIMEHeader(w.header.Clone())) // its error is for a Transport to heed
		}
	default:
		w.status, w.sent, w.left = status, w.header.Clone(), -1
		if n, err := strconv.ParseInt(w.sent.Get("Content-Length"), 10, 64); err == nil && n >= 0 {
			w.left = n
		}
	}
}

// hasBody reports whether an answer of that status may have one.
func (w *answerWriter) hasBody() bool {
	return w.status >= 200 && w.status != http.StatusNoContent && w.status != http.StatusNotModified
}

func (w *answerWriter) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	switch {
	case !w.hasBody():
		return 0, http.ErrBodyNotAllowed
	case w.req.Method == http.MethodHead:
		return len(p), nil
	case w.left >= 0 && int64(len(p)) > w.left:
		return 0, http.ErrContentLength
	case w.left >= 0:
		w.left -= int64(len(p))
	}
	if w.resp != nil {
		return w.body.write(p)
	}
	if w.held = append(w.held, p...); len(w.held) > maxHeld {
		w.Flush()
	}
	return len(p), nil
}

// Flush lets the header out, once, and what was held back.
func (w *answerWriter) Flush() {
	if w.resp != nil {
		return
	}
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	if w.sent.Get("Date") == "" {
		w.sent.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	}
	if w.sent.Get("Content-Type") == "" && len(w.held) > 0 {
		w.sent.Set("Content-Type", http.DetectContentType(w.held))
	}
	text := http.StatusText(w.status)
	if text == "" {
		text = "status code " + strconv.Itoa(w.status)
	}
	w.resp = &http.Response{
		Status:     strconv.Itoa(w.status) + " " + text,
		StatusCode: w.status,
		Proto:      "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header:        w.sent,
		Body:          http.NoBody,
		ContentLength: -1,
		Close:         w.sent.Get("Connection") == "close",
		Request:       w.req,
	}
	if n, err := strconv.ParseInt(w.sent.Get("Content-Length"), 10, 64); err == nil && n >= 0 {
		w.resp.ContentLength = n
	}
	switch {
	case w.req.Method == http.MethodHead || w.resp.ContentLength == 0:
	case !w.hasBody():
		w.resp.ContentLength = 0
	default:
		w.body = &answerBody{req: w.req, stop: w.stop, data: w.held, more: make(chan struct{}, 1), closed: make(chan struct{})}
		w.resp.Body = w.body
	}
	close(w.came)
}

// finish ends the answer as a server does whose handler has returned.
func (w *answerWriter) finish() {
	if w.err != nil {
		return
	}
	if w.resp == nil && w.hasBody() && w.req.Method != http.MethodHead && w.sent.Get("Content-Length") == "" {
		w.sent.Set("Content-Length", strconv.Itoa(len(w.held))) // that was all
	}
	w.Flush()
	switch {
	case w.body == nil:
		w.stop()
	case w.left > 0:
		w.body.end(io.ErrUnexpectedEOF)
	default:
		w.body.end(io.EOF)
	}
}

// fail ends the answer, or the call where none has begun, with err.
func (w *answerWriter) fail(err error) {
	switch {
	case w.resp == nil && w.err == nil:
		w.err = err
		close(w.came)
	case w.body != nil:
		w.body.end(err)
	}
}

// answerBody is a response's body. It takes whatever is written, as the buffers of a network do, and so a server never
// waits for its reader.
type answerBody struct {
	req  *http.Request
	stop context.CancelFunc
	more chan struct{} // has one if something has changed

	closing sync.Once
	closed  chan struct{}

	mu   sync.Mutex // guards what follows
	data []byte     // not read yet
	err  error      // what comes after it; nil while there may be more
	over bool       // err was returned
}

func (b *answerBody) write(p []byte) (int, error) {
	select {
	case <-b.closed:
		return 0, http.ErrHandlerTimeout
	default:
	}
	b.mu.Lock()
	b.data = append(b.data, p...)
	b.mu.Unlock()
	b.wake()
	return len(p), nil
}

// end says what comes after all that was written.
func (b *answerBody) end(err error) {
	b.mu.Lock()
	b.err = err
	b.mu.Unlock()
	b.wake()
	b.stop() // nobody serves any more
}

func (b *answerBody) wake() {
	select {
	case b.more <- struct{}{}:
	default:
	}
}

func (b *answerBody) Read(p []byte) (int, error) {
	for {
		if n, err, ok := b.take(p); ok {
			return n, err
		}
		select {
		case <-b.more:
		case <-b.closed:
		case <-b.req.Context().Done():
			return 0, gaveUp(b.req)
		//lint:ignore SA1019 deprecated for callers, who may still set it
		case <-b.req.Cancel:
			return 0, gaveUp(b.req)
		}
	}
}

// take reads what is there. It reports false if there is nothing yet.
func (b *answerBody) take(p []byte) (n int, err error, ok bool) {
	select {
	case <-b.closed:
		return 0, http.ErrBodyReadAfterClose, true
	default:
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.over && b.req.Context().Err() != nil {
		return 0, gaveUp(b.req), true // a Transport may still give what has come, and may not
	}
	n = copy(p, b.data)
	b.data = b.data[n:]
	if len(b.data) == 0 && b.err != nil {
		b.over = true
		return n, b.err, true // the last bytes come with it, as net/http's do where it knows the end
	}
	return n, nil, n > 0 || len(p) == 0
}

func (b *answerBody) Close() error {
	b.closing.Do(func() { close(b.closed) })
	b.stop()
	return nil
}
