package steadyhttptest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"syscall"
	"testing"
)

// Script is an [http.RoundTripper] that answers from a script, in memory, and remembers what it was sent. It is the [Server]
// for a [testing/synctest] bubble: its delays pass in the bubble's time, so that a test of waits and timeouts takes none.
// Set it where the network would be:
//
//	api := &steadyhttptest.Script{Replies: []steadyhttptest.Reply{{Status: 503}, steadyhttptest.ChatCompletion("hello")}}
//	client := &http.Client{Transport: &steadyhttp.Transport{Base: api}}
//
// It behaves as [http.Transport] does towards a server that plays the replies: it reads the request's body and closes it,
// an answer's body fails when the request's context ends, [Reply.Drop] is a connection that was reset. Nothing is dialed;
// for connections that are refused, put a [Faults] over it. A [Reply.Handler] can neither hijack the connection nor send
// trailers.
//
// The zero value has no replies. A Script needs no closing. It is safe for concurrent use; its fields must not be changed,
// and it must not be copied, once it is in use.
type Script struct {
	// Replies are given in order, one a request. Requests that come at the same time take theirs in any order.
	Replies []Reply

	// For has lists of their own for some requests, in place of Replies. Its keys are a path, "/v1/models", a host,
	// "api.openai.com", or both, "api.openai.com/v1/models". Both win over a path, and a path over a host. nil is none.
	For map[string][]Reply

	// Repeat gives the last reply of a list again and again. Otherwise a request for which no reply is left fails with an
	// error that says so, and nothing of the test's meaning hides behind a reply too many.
	Repeat bool

	// Limit is enforced before the script is played, on all requests together; one that it refuses uses up no reply. The
	// zero value limits nothing.
	Limit Limit

	// T fails with the test's name if a request finds no reply, also where the code under test hides the error. nil is no
	// test to fail.
	T testing.TB

	journal journal

	mu      sync.Mutex     // guards what follows
	played  map[string]int // replies, by the key of their list
	limiter *limiter       // nil before the first request
}

// Requests returns a copy of what was sent so far, in order of arrival, with those that a limit refused and those that are
// still being answered.
func (s *Script) Requests() []Request { return s.journal.list() }

// RoundTrip implements http.RoundTripper.
func (s *Script) RoundTrip(req *http.Request) (*http.Response, error) {
	upload := &uploadBody{ReadCloser: req.Body, want: req.ContentLength}
	if err := unsendable(req); err != nil {
		upload.Close()
		return nil, err
	}
	ctx, stop := context.WithCancel(req.Context())
	w := &answerWriter{req: req, stop: stop, header: make(http.Header), came: make(chan struct{})}
	go s.serve(w, req.Clone(ctx), upload)
	select {
	case <-w.came:
		if w.err != nil {
			stop()
		}
		return w.resp, w.err
	case <-req.Context().Done():
	//lint:ignore SA1019 deprecated for callers, who may still set it
	case <-req.Cancel:
	}
	stop()
	upload.Close()
	return nil, gaveUp(req)
}

// unsendable returns why a Transport would not send req.
func unsendable(req *http.Request) error {
	select {
	case <-req.Context().Done():
		return gaveUp(req)
	//lint:ignore SA1019 deprecated for callers, who may still set it
	case <-req.Cancel:
		return gaveUp(req)
	default:
	}
	switch {
	case req.URL == nil:
		return errors.New("steadyhttptest: the request has no URL")
	case req.URL.Host == "":
		return errors.New("steadyhttptest: the request's URL has no host")
	}
	return nil
}

// serve is the server's side of an exchange. r is the server's own.
func (s *Script) serve(w *answerWriter, r *http.Request, upload *uploadBody) {
	r.Body = upload
	if r.Host == "" {
		r.Host = r.URL.Host
	}
	r.RequestURI = r.URL.RequestURI()
	r.Proto, r.ProtoMajor, r.ProtoMinor = "HTTP/1.1", 1, 1
	x := s.journal.begin(w, r)
	defer func() {
		upload.Close()
		switch p := recover(); {
		case p == nil:
			w.finish()
		case upload.failed() != nil:
			w.fail(upload.failed())
		case p == http.ErrAbortHandler:
			w.fail(connectionError("read", syscall.ECONNRESET))
		default:
			x.setStatus(0)
			w.fail(fmt.Errorf("steadyhttptest: the Handler for %s panicked: %v", r.URL.Path, p))
		}
	}()
	reply, refused := s.limit().refuse(x)
	if !refused {
		var err error
		if reply, err = s.next(r); err != nil {
			x.readBody()
			if s.T != nil {
				s.T.Error(err)
			}
			w.fail(err)
			return
		}
	}
	if reply.Early && reply.Handler == nil {
		upload.Close()
	}
	x.answer(reply)
}

func (s *Script) limit() *limiter {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.limiter == nil {
		s.limiter = newLimiter(s.Limit)
	}
	return s.limiter
}

// next takes the next reply for r.
func (s *Script) next(r *http.Request) (Reply, error) {
	key, list := "", s.Replies
	for _, k := range []string{r.URL.Host + r.URL.Path, r.URL.Path, r.URL.Host} {
		if own, ok := s.For[k]; ok && k != "" {
			key, list = k, own
			break
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.played == nil {
		s.played = map[string]int{}
	}
	s.played[key]++
	n := s.played[key]
	if n > len(list) && s.Repeat {
		n = len(list)
	}
	if n == 0 || n > len(list) {
		return Reply{}, fmt.Errorf("steadyhttptest: %s %s is request %d for a list of %d replies (%s): the Script has no reply left for it; give it one more, or set Repeat",
			r.Method, r.URL.Host+r.URL.Path, s.played[key], len(list), nameOf(key))
	}
	p := list[n-1]
	if err := p.validate(); err != nil {
		return Reply{}, fmt.Errorf("steadyhttptest: reply %d (%s) %w", n, nameOf(key), err)
	}
	p.Header = canonical(p.Header)
	return p, nil
}

func nameOf(key string) string {
	if key == "" {
		return "Script.Replies"
	}
	return fmt.Sprintf("Script.For[%q]", key)
}

// uploadBody is a request's body on its way to the server. It is closed once, when it has been read or is no longer wanted.
type uploadBody struct {
	io.ReadCloser // nil for none
	want          int64

	mu     sync.Mutex // guards what follows
	n      int64
	err    error // why it broke off
	closed bool
	atEOF  bool
}

func (b *uploadBody) Read(p []byte) (int, error) {
	b.mu.Lock()
	over := b.ReadCloser == nil || b.atEOF
	closed := b.closed
	b.mu.Unlock()
	switch {
	case over:
		return 0, io.EOF
	case closed:
		return 0, http.ErrBodyReadAfterClose
	}
	n, err := b.ReadCloser.Read(p)
	b.mu.Lock()
	b.n += int64(n)
	if err == io.EOF && b.want > 0 && b.n != b.want {
		err = fmt.Errorf("steadyhttptest: the request's ContentLength is %d and its body has %d bytes", b.want, b.n)
	}
	switch err {
	case nil:
	case io.EOF:
		b.atEOF = true
	default:
		b.err = err
	}
	b.mu.Unlock()
	if err != nil {
		b.Close()
	}
	return n, err
}

func (b *uploadBody) Close() error {
	b.mu.Lock()
	done := b.closed || b.ReadCloser == nil
	b.closed = true
	b.mu.Unlock()
	if done {
		return nil
	}
	return b.ReadCloser.Close()
}

// failed returns why the body could not be read to its end.
func (b *uploadBody) failed() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.err
}
