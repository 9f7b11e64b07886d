package steadyhttp

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"sync/atomic"
	"time"
)

// A stallBody is a stream that ends with an error once no data came for
// too long. Its clock runs only while somebody reads: a slow reader is no slow
// server. Bytes go up as they come.
type stallBody struct {
	io.ReadCloser
	timeout time.Duration
	timer   *time.Timer // closes the body; running during a Read
	stalled atomic.Bool

	left  time.Duration // of the timeout, since the last data
	lines bool          // it is a text/event-stream, in which not every byte is data
	state lineState

	resp *http.Response
	call *call // gets the verdict of a stall; may be nil
	turn int   // of the call
}

// lineState says where in a line of an event stream we are.
type lineState uint8

const (
	lineStart   lineState = iota
	lineComment           // after a colon at its start
	lineData
)

func newStallBody(resp *http.Response, timeout time.Duration) *stallBody {
	body := resp.Body
	b := &stallBody{ReadCloser: body, timeout: timeout, left: timeout, lines: isEventStream(resp), resp: resp}
	if resp.Request != nil {
		if b.call = callFrom(resp.Request.Context()); b.call != nil {
			b.turn = b.call.currentTurn()
		}
	}
	b.timer = time.AfterFunc(timeout, func() {
		b.stalled.Store(true)
		body.Close() // ends the Read under way
	})
	b.timer.Stop()
	return b
}

func (b *stallBody) Read(p []byte) (int, error) {
	start := time.Now()
	b.timer.Reset(b.left)
	n, err := b.ReadCloser.Read(p)
	b.timer.Stop()
	if b.stalled.Load() {
		return n, b.verdict()
	}
	if b.data(p[:n]) {
		b.left = b.timeout
	} else {
		b.left = max(b.left-time.Since(start), 1)
	}
	return n, err
}

func (b *stallBody) verdict() *Error {
	e := &Error{
		Class:   Timeout,
		Fate:    FateApplied, // a part of the answer is with the reader
		Status:  b.resp.StatusCode,
		Message: fmt.Sprintf("the stream stalled: no data for %s", b.timeout),
		Hint:    Timeout.sheet().hint,
		Err:     os.ErrDeadlineExceeded,
	}
	if b.call != nil {
		b.call.inTurn(b.turn, func() { b.call.finding = finding{about: b.resp, verdict: e} })
	}
	return e
}

// data reports whether p holds a byte of a line that is neither blank nor a
// comment, which is how servers keep a connection open that they say nothing on.
func (b *stallBody) data(p []byte) (found bool) {
	if !b.lines {
		return len(p) > 0
	}
	for _, c := range p {
		switch {
		case c == '\n' || c == '\r':
			b.state = lineStart
		case b.state == lineStart && c == ':':
			b.state = lineComment
		case b.state == lineStart:
			b.state = lineData
			found = true
		case b.state == lineData:
			found = true
		}
	}
	return found
}
