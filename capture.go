package steadyhttp

import (
	"bytes"
	"io"
	"net/http"
	"sync"
	"time"
)

// A capture keeps the start of what passes. It is safe for concurrent use: a
// request's body is read in a goroutine of net/http's.
type capture struct {
	max int

	mu  sync.Mutex // guards buf
	buf []byte
	cut bool // there was more
}

// add takes in what was read. begin says that it is the first of a body: what was
// kept of another one goes.
func (c *capture) add(p []byte, begin bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if begin {
		c.buf, c.cut = nil, false
	}
	room := max(c.max-len(c.buf), 0)
	c.cut = c.cut || len(p) > room
	c.buf = append(c.buf, p[:min(len(p), room)]...)
}

func (c *capture) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.cut {
		return string(c.buf)
	}
	// Half a secret is none that could be recognised: the last word goes.
	whole := bytes.LastIndexAny(c.buf, " \t\r\n\",;&")
	return string(c.buf[:whole+1]) + "…"
}

// bodies is Logger.Bodies within its bound.
func (t *Logger) bodies() int { return min(t.Bodies, maxBody) }

// captureBody returns req with a body whose start is kept as it is sent. Of
// several attempts that is the last one's: each begins anew with its first Read.
func captureBody(req *http.Request, to *capture) *http.Request {
	copied := *req
	copied.Body = &capturedBody{ReadCloser: req.Body, to: to}
	if req.GetBody != nil {
		copied.GetBody = func() (io.ReadCloser, error) {
			body, err := req.GetBody()
			if err != nil {
				return nil, err
			}
			return &capturedBody{ReadCloser: body, to: to}, nil
		}
	}
	return &copied
}

type capturedBody struct {
	io.ReadCloser
	to    *capture
	begun bool
}

func (b *capturedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.to.add(p[:n], !b.begun)
	b.begun = true
	return n, err
}

// A loggedBody is a response body at whose end the entry is written. Bytes go
// up as they come. Close may come while a Read is under way, as from a client
// that gives up.
type loggedBody struct {
	io.ReadCloser
	start *capture // nil unless bodies are asked for

	mu    sync.Mutex // guards what follows
	n     int64      // bytes read
	first time.Time  // when the first of them came
	ended string     // how; "" until then
	end   func(error)
}

// later makes e be written at the end of resp's body.
func (t *Logger) later(resp *http.Response, e entry) {
	b := &loggedBody{ReadCloser: resp.Body}
	if t.Bodies > 0 {
		b.start = &capture{max: t.bodies()}
	}
	e.body = b
	headers, end := *resp, e.call.ending(e.req, resp)
	b.end = func(err error) {
		e.write(&headers, end(err))
	}
	resp.Body = b
}

func (b *loggedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.mu.Lock()
	if n > 0 && b.n == 0 {
		b.first = time.Now()
	}
	b.n += int64(n)
	b.mu.Unlock()
	if b.start != nil {
		b.start.add(p[:n], false)
	}
	switch err {
	case nil:
	case io.EOF:
		b.finish("complete", nil)
	default:
		b.finish("error", err)
	}
	return n, err
}

func (b *loggedBody) Close() error {
	// First, since it may end a Read that would say otherwise.
	b.finish("closed early", nil)
	return b.ReadCloser.Close()
}

// finish has the entry written, once.
func (b *loggedBody) finish(how string, err error) {
	b.mu.Lock()
	before := b.ended
	if before == "" {
		b.ended = how
	}
	b.mu.Unlock()
	if before == "" {
		b.end(err)
	}
}
