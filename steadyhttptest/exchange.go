package steadyhttptest

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
)

// exchange is one request and its answer. It stands between the reply and net/http, to put on record what is sent.
type exchange struct {
	http.ResponseWriter
	server *Server
	r      *http.Request
	record *Request // server.mu guards what it points to
	begun  bool     // a status was sent
	read   bool     // the body was read, and r has the recorded one
}

// readBody reads the body to its end, however long, and gives r the recorded one to be read again.
func (x *exchange) readBody() {
	if x.read {
		return
	}
	x.read = true
	if _, err := io.Copy(io.Discard, x.r.Body); err != nil {
		panic(http.ErrAbortHandler) // nobody is left who could be answered
	}
	x.r.Body = io.NopCloser(bytes.NewReader(x.record.Body))
}

// recordedBody puts on record what is read of a body.
type recordedBody struct {
	io.ReadCloser
	x *exchange
}

func (b recordedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.x.server.mu.Lock()
	defer b.x.server.mu.Unlock()
	rec := b.x.record
	rec.Size += int64(n)
	rec.Body = append(rec.Body, p[:min(n, maxKeptBody-len(rec.Body))]...)
	return n, err
}

func (x *exchange) setStatus(status int) {
	x.server.mu.Lock()
	defer x.server.mu.Unlock()
	x.record.Status = status
}

// WriteHeader puts the status on record before the client can see it, so that a test which has its answer finds it there.
func (x *exchange) WriteHeader(status int) {
	if !x.begun && (status >= 200 || status == http.StatusSwitchingProtocols) {
		x.begun = true
		x.setStatus(status)
	}
	x.ResponseWriter.WriteHeader(status)
}

func (x *exchange) Write(p []byte) (int, error) {
	if !x.begun {
		x.WriteHeader(http.StatusOK)
	}
	return x.ResponseWriter.Write(p)
}

// Flush and Hijack are for Handlers that assert the old interfaces; Unwrap serves all that came later.
func (x *exchange) Flush() {
	if !x.begun {
		x.WriteHeader(http.StatusOK)
	}
	http.NewResponseController(x.ResponseWriter).Flush()
}

func (x *exchange) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	c, rw, err := http.NewResponseController(x.ResponseWriter).Hijack()
	if err == nil {
		x.begun = true // what is answered from here on is not ours to know
	}
	return c, rw, err
}

func (x *exchange) Unwrap() http.ResponseWriter { return x.ResponseWriter }

// cut ends the exchange without an end to its answer. It does not return.
func (x *exchange) cut(reset bool) {
	x.setStatus(0) // first, for the client may look as soon as it notices
	if c, ok := x.r.Context().Value(connKey{}).(net.Conn); ok && reset && x.r.ProtoMajor == 1 {
		c = wire(c)
		if tcp, ok := c.(*net.TCPConn); ok {
			tcp.SetLinger(0) // a reset, not an orderly end
		}
		c.Close()
	}
	panic(http.ErrAbortHandler)
}
