package steadyhttptest

import (
	"context"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"strconv"
	"sync"
)

// answerWriter makes a response of what a server writes. As net/http's, it lets the header out with the first bytes.
type answerWriter struct {
	req    *http.Request // the client's
	stop   context.CancelFunc
	header http.Header
	status int   // 0 until it is written
	left   int64 // of a stated Content-Length; -1 without

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
		w.status = status
	}
}

func (w *answerWriter) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	if w.header.Get("Content-Type") == "" && w.resp == nil && len(p) > 0 {
		w.header.Set("Content-Type", http.DetectContentType(p))
	}
	w.send()
	switch {
	case w.req.Method == http.MethodHead:
		return len(p), nil
	case w.body == nil:
		return 0, http.ErrBodyNotAllowed
	case w.left >= 0 && int64(len(p)) > w.left:
		return 0, http.ErrContentLength
	case w.left >= 0:
		w.left -= int64(len(p))
	}
	return w.body.write(p)
}

func (w *answerWriter) Flush() {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	w.send()
}

// send hands up the response, once.
func (w *answerWriter) send() {
	if w.resp != nil {
		return
	}
	if w.header.Get("Date") == "" {
		w.header.Set("Date", now())
	}
	w.resp = &http.Response{
		Status:     strconv.Itoa(w.status) + " " + http.StatusText(w.status),
		StatusCode: w.status,
		Proto:      "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header:        w.header.Clone(),
		Body:          http.NoBody,
		ContentLength: -1,
		Close:         w.header.Get("Connection") == "close",
		Request:       w.req,
	}
	if n, err := strconv.ParseInt(w.header.Get("Content-Length"), 10, 64); err == nil && n >= 0 {
		w.resp.ContentLength, w.left = n, n
	}
	switch {
	case w.req.Method == http.MethodHead || w.status == http.StatusNotModified:
	case w.status < 200 || w.status == http.StatusNoContent || w.left == 0:
		w.resp.ContentLength = 0
	default:
		w.body = &answerBody{req: w.req, stop: w.stop, more: make(chan struct{}, 1), closed: make(chan struct{})}
		w.resp.Body = w.body
	}
	close(w.came)
}

// finish ends the answer as a server does whose handler has returned.
func (w *answerWriter) finish() {
	if w.err != nil {
		return
	}
	w.Flush()
	if w.body == nil {
		w.stop()
		return
	}
	if w.left > 0 {
		w.body.end(io.ErrUnexpectedEOF)
		return
	}
	w.body.end(io.EOF)
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
