package steadyhttptest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"
)

// attemptHeader is on each of the base's answers: which attempt it answers. The harness needs it to find out which of several
// answers the wrapper chose to return.
const attemptHeader = "X-Attempt"

// errRequestCanceled is what the base says when Request.Cancel was closed, as net/http's Transport does in other words.
var errRequestCanceled = errors.New("stub base: request canceled by Request.Cancel")

// stubBase is the RoundTripper at the bottom: in memory, scripted, and with a memory for what it was sent. It keeps the
// RoundTripper contract; an answer that breaks it says so.
type stubBase struct {
	answers []answer // the nth attempt gets the nth, the last one stands for all that follow
	before  func()   // called at the start of each attempt; may be nil

	// mu guards all below.
	mu       sync.Mutex
	attempts []*attempt
	idled    int // calls of CloseIdleConnections, see idlingBase
}

// answer plays one attempt. It owns the request body from there on.
type answer func(a *attempt) (*http.Response, error)

func newBase(answers ...answer) *stubBase { return &stubBase{answers: answers} }

func (b *stubBase) RoundTrip(req *http.Request) (*http.Response, error) {
	b.mu.Lock()
	a := &attempt{n: len(b.attempts) + 1, req: req, upload: req.Body, header: req.Header.Clone()}
	b.attempts = append(b.attempts, a)
	play := b.answers[min(a.n, len(b.answers))-1]
	b.mu.Unlock()

	if b.before != nil {
		b.before()
	}
	// Like net/http's Transport: what is over before it begins is not begun.
	if err := a.ended(); err != nil {
		a.closeUpload()
		return nil, err
	}
	return play(a)
}

// seen returns the attempts so far.
func (b *stubBase) seen() []*attempt {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.attempts)
}

// idlingBase is a base with connections to close, as a Transport has and most stubs have not.
type idlingBase struct{ *stubBase }

func (b *idlingBase) CloseIdleConnections() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.idled++
}

func (b *stubBase) idleCalls() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.idled
}

// attempt is one RoundTrip that reached the base. Its fields are written during that RoundTrip only, and read after the whole
// call is over.
type attempt struct {
	n      int // 1 for the first
	req    *http.Request
	upload io.ReadCloser // req.Body, as it arrived: a wrapper that writes there is found out by comparing, not by a data race
	header http.Header   // as it arrived

	read    bool   // the upload was read to its end, or to an error
	sent    []byte // what was read of it
	sendErr error

	blocked bool      // it waited for the end of the request,
	left    time.Time // until then

	content []byte         // the body of the answer
	handed  *http.Response // the answer as it was handed out, with a header of its own; nil if there was none
	body    *watchedBody   // nil if the answer has no body
}

// receive reads the upload whole and closes it, as a server that wants the request before it answers makes a Transport do.
func (a *attempt) receive() {
	if a.upload == nil {
		a.read = true
		return
	}
	a.sent, a.sendErr = io.ReadAll(a.upload)
	a.read = true
	a.closeUpload()
}

func (a *attempt) closeUpload() {
	if a.upload != nil {
		_ = a.upload.Close() // a Transport has nobody to tell either
	}
}

// cancelChannel is the deprecated way to cancel, which http.Client itself still uses for its Timeout.
func (a *attempt) cancelChannel() <-chan struct{} {
	return a.req.Cancel //lint:ignore SA1019 the rule is about wrappers that drop it
}

// ended returns why the request is over, or nil while it is not.
func (a *attempt) ended() error {
	select {
	case <-a.cancelChannel():
		return errRequestCanceled
	default:
		return a.req.Context().Err()
	}
}

// block waits for the end of the request and returns its reason.
func (a *attempt) block() error {
	a.blocked = true
	defer func() { a.left = time.Now() }()
	select {
	case <-a.cancelChannel():
		return errRequestCanceled
	case <-a.req.Context().Done():
		return a.req.Context().Err()
	}
}

// reply makes an answer with the given body.
func (a *attempt) reply(code int, content []byte) *http.Response {
	a.content = content
	resp := a.stream(code, bytes.NewReader(content))
	resp.ContentLength = int64(len(content))
	a.handed.ContentLength = resp.ContentLength
	return resp
}

// stream makes an answer of unknown length out of r.
func (a *attempt) stream(code int, r io.Reader) *http.Response {
	resp := &http.Response{
		Status: strconv.Itoa(code) + " " + http.StatusText(code), StatusCode: code,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header:        http.Header{"Content-Type": {"application/json"}, attemptHeader: {strconv.Itoa(a.n)}},
		ContentLength: -1,
		Request:       a.req,
	}
	a.hand(resp, r)
	return resp
}

// hand gives resp its watched body and notes it as handed out. A nil r means an answer without a body, such as a 204.
func (a *attempt) hand(resp *http.Response, r io.Reader) {
	resp.Body, a.body = http.NoBody, nil
	if r != nil {
		a.body = watch(fmt.Sprintf("the body of answer %d (%d)", a.n, resp.StatusCode), r)
		a.body.ctx = a.req.Context()
		resp.Body = a.body
	}
	a.note(resp)
}

// note remembers resp as it is now.
func (a *attempt) note(resp *http.Response) {
	handed := *resp
	handed.Header = resp.Header.Clone()
	handed.TransferEncoding = slices.Clone(resp.TransferEncoding)
	a.handed = &handed
}

// errorContent is a body of size bytes that looks like an API's answer, so that a wrapper that looks into bodies has
// something to look at. It differs from attempt to attempt.
func errorContent(attempt, size int) []byte {
	head := fmt.Sprintf(`{"error":{"type":"stub","message":"answer %d `, attempt)
	const tail = `"}}`
	fill := pattern(max(0, size-len(head)-len(tail)), attempt)
	return slices.Concat([]byte(head), fill, []byte(tail))
}

// status receives the upload, then answers with code and a short body.
func status(code int) answer { return statusWith(code, nil) }

// statusWith is status with further headers.
func statusWith(code int, header http.Header) answer {
	return func(a *attempt) (*http.Response, error) {
		a.receive()
		if err := a.ended(); err != nil {
			return nil, err
		}
		resp := a.reply(code, errorContent(a.n, 120))
		for k, v := range header {
			resp.Header[k] = v
		}
		a.note(resp)
		return resp, nil
	}
}

// retryAfter is the header of an answer that asks for a wait.
func retryAfter(seconds int) http.Header {
	return http.Header{"Retry-After": {strconv.Itoa(seconds)}}
}

// early answers without a look at the upload, and closes it after a while: a Transport may do so in another goroutine.
func early(code int, closeAfter time.Duration) answer {
	return func(a *attempt) (*http.Response, error) {
		if closeAfter == 0 {
			a.closeUpload()
		} else {
			time.AfterFunc(closeAfter, a.closeUpload)
		}
		return a.reply(code, errorContent(a.n, 120)), nil
	}
}

// fails receives the upload, then fails with err.
func fails(err error) answer {
	return func(a *attempt) (*http.Response, error) {
		a.receive()
		return nil, err
	}
}

// failsAtOnce fails with the upload closed and unread, as a refused connection does.
func failsAtOnce(err error) answer {
	return func(a *attempt) (*http.Response, error) {
		a.closeUpload()
		return nil, err
	}
}

// failsMidway fails after the first bytes of the upload, as a connection does that is reset.
func failsMidway(err error) answer {
	return func(a *attempt) (*http.Response, error) {
		if a.upload != nil {
			_, _ = io.CopyN(io.Discard, a.upload, 100) // fewer are as good
		}
		a.closeUpload()
		return nil, err
	}
}

// hangs receives the upload and then gives no answer until the request ends.
func hangs(a *attempt) (*http.Response, error) {
	a.receive()
	return nil, a.block()
}

// pump makes a stream out of what produce writes. Writes return when the bytes were read, or with an error when the reader is
// gone, which produce is also told by the channel; the stream breaks when ctx ends.
func pump(ctx context.Context, produce func(w *io.PipeWriter, gone <-chan struct{})) io.ReadCloser {
	r, w := stall(ctx)
	go func() {
		produce(w, r.gone)
		w.Close()
	}()
	return r
}

// stall makes a stream in which nothing comes unless somebody writes to w, until ctx ends.
func stall(ctx context.Context) (r *stream, w *io.PipeWriter) {
	pr, w := io.Pipe()
	r = &stream{PipeReader: pr, gone: make(chan struct{})}
	r.end = sync.OnceFunc(func() { close(r.gone) })
	r.stop = context.AfterFunc(ctx, func() {
		w.CloseWithError(ctx.Err())
		r.end()
	})
	return r, w
}

// stream is the readable end of a pipe that breaks with a context.
type stream struct {
	*io.PipeReader
	gone chan struct{} // closed when nobody reads any more
	end  func()
	stop func() bool
}

func (s *stream) Close() error {
	s.stop()
	s.end()
	return s.PipeReader.Close()
}
