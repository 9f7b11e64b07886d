package steadyhttptest

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// journal keeps what was received. Its zero value is empty.
type journal struct {
	mu       sync.Mutex
	requests []*Request   // mu guards what they point to as well
	replied  atomic.Int64 // numbers the request ids
}

// list returns a copy of all.
func (j *journal) list() []Request {
	j.mu.Lock()
	defer j.mu.Unlock()
	list := make([]Request, len(j.requests))
	for i, rec := range j.requests {
		list[i] = *rec
		list[i].Header = rec.Header.Clone()
		list[i].Body = bytes.Clone(rec.Body)
	}
	return list
}

// begin puts a request on record.
func (j *journal) begin(w http.ResponseWriter, r *http.Request) *exchange {
	x := &exchange{ResponseWriter: w, journal: j, r: r, record: &Request{
		Method: r.Method,
		Host:   r.Host,
		Path:   r.URL.Path,
		Query:  r.URL.RawQuery,
		Header: r.Header.Clone(),
		At:     time.Now(),
	}}
	r.Body = recordedBody{r.Body, x}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.requests = append(j.requests, x.record)
	return x
}

// exchange is one request and its answer. It stands between the reply and what sends it, to put on record what is sent.
type exchange struct {
	http.ResponseWriter
	journal *journal
	r       *http.Request
	record  *Request // journal.mu guards what it points to
	begun   bool     // a status was sent
	read    bool     // the body was read, and r has the recorded one
}

// answer reads the body and gives the reply. It panics with http.ErrAbortHandler if the connection is to be cut.
func (x *exchange) answer(reply Reply) {
	whole := false
	defer func() {
		if !whole { // a Handler panicked, or the body broke off
			x.setStatus(0)
		}
	}()
	if reply.Early && !x.read {
		// Else net/http, speaking HTTP/1.1, would read what it can of the body before it lets the header out.
		_ = http.NewResponseController(x.ResponseWriter).EnableFullDuplex()
		if x.r.ProtoMajor == 1 && x.r.ContentLength != 0 {
			// As real servers do, and because net/http, reading the rest on its own, trips over the next request.
			x.Header().Set("Connection", "close")
		}
	} else {
		x.readBody()
	}
	if !reply.withID(&x.journal.replied).play(x, x.r) {
		x.cut(reply.Drop && reply.Handler == nil)
	}
	if !x.begun { // by a Handler that wrote nothing, or nothing any more
		if x.r.Context().Err() != nil {
			x.cut(false)
		}
		x.WriteHeader(http.StatusOK)
	}
	whole = true
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
	b.x.journal.mu.Lock()
	defer b.x.journal.mu.Unlock()
	rec := b.x.record
	rec.Size += int64(n)
	rec.Body = append(rec.Body, p[:min(n, maxKeptBody-len(rec.Body))]...)
	return n, err
}

func (x *exchange) setStatus(status int) {
	x.journal.mu.Lock()
	defer x.journal.mu.Unlock()
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
