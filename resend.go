package steadyhttp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/steadyhttp/steadyhttp/internal/dialect"
	"github.com/steadyhttp/steadyhttp/internal/inmem"
	"github.com/steadyhttp/steadyhttp/internal/replay"
)

// kept is in the context of a request without GetBody whose body can be had again,
// for who wants to look at it: strangers on the way may wrap the body.
type kept struct {
	source *replay.Source // keeps what is sent of it
	body   inmem.Body     // its content, where source is nil
	req    *http.Request
}

type keptKey struct{}

// keptOf returns what has been read of req's body by now, if it is kept: max bytes
// at the most.
func keptOf(req *http.Request, max int) ([]byte, bool) {
	k, ok := req.Context().Value(keptKey{}).(kept)
	if !ok || k.req.Method != req.Method || k.req.ContentLength != req.ContentLength || hostOf(k.req) != hostOf(req) {
		return nil, false // none, or another request's that a stranger makes with the same context
	}
	if k.source == nil {
		return k.body.Start(max), true
	}
	content := k.source.Kept()
	return content[:min(len(content), max)], true
}

// setBody gives req, which is a copy of ours, a body of its own.
func (p *plan) setBody(ctx context.Context, req *http.Request) (err error) {
	if p.lender != nil {
		if err := p.lender.recall(ctx); err != nil {
			return err
		}
	}
	switch {
	case p.source != nil:
		// net/http sends it again by itself where it knows that to be safe. Anybody else
		// who finds a GetBody expects a copy, and there is but one body.
		if straightToNetHTTP(p.next) {
			req.GetBody = p.source.Body
		}
		req.Body, err = p.source.Body()
	case !hasBody(req):
	case req.GetBody != nil:
		req.Body, err = req.GetBody()
	default:
		req.Body = io.NopCloser(p.body.Reader())
	}
	return err
}

// straightToNetHTTP reports whether only wrappers of ours are above net/http's Transport.
func straightToNetHTTP(next http.RoundTripper) bool {
	for range maxLinks {
		switch rt := next.(type) {
		case *http.Transport:
			return true
		case *link, *Throttler, *Classifier, *Logger:
			next = rt.(interface{ WrappedRoundTripper() http.RoundTripper }).WrappedRoundTripper()
		default:
			return false
		}
	}
	return false
}

// changeable reports whether all of the body can be had, so that a target can change
// it. A producer that still writes it is not waited for, unless nothing was sent.
func (p *plan) changeable() bool {
	switch {
	case !hasBody(p.req), p.req.ContentLength > maxChanged:
		return false
	case p.source != nil:
		return p.sends == 0 || p.source.Ended() && p.source.Replayable()
	}
	return p.inMemory || p.req.GetBody != nil && (p.sends == 0 || !uploading(p.req))
}

// maxChanged bounds the bodies that are changed: the largest that a provider takes.
const maxChanged = 32 << 20

// whole returns all of the request's body.
func (p *plan) whole(ctx context.Context) ([]byte, error) {
	if p.walk.content != nil {
		return p.walk.content, nil
	}
	var body io.ReadCloser
	var err error
	switch {
	case p.source != nil:
		body, err = p.source.Body()
	case p.inMemory:
		body = io.NopCloser(p.body.Reader())
	default:
		if p.lender != nil {
			err = p.lender.recall(ctx)
		}
		if err == nil {
			body, err = p.req.GetBody()
		}
	}
	if err != nil {
		return nil, err
	}
	defer body.Close()
	content, err := io.ReadAll(io.LimitReader(body, maxChanged+1))
	if err == nil && len(content) > maxChanged {
		err = fmt.Errorf("the body is larger than %d MiB", maxChanged>>20)
	}
	if err != nil {
		return nil, err
	}
	p.walk.content = content
	return content, nil
}

// setChanged gives req, which is for a target and ours, the body that the target wants.
func (p *plan) setChanged(ctx context.Context, req *http.Request, t *target) error {
	content, err := p.whole(ctx)
	if err != nil {
		return err
	}
	if content, err = t.change.Body(p.req, content); err != nil {
		return err
	}
	req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil }
	req.Body, _ = req.GetBody()
	req.ContentLength, req.TransferEncoding = int64(len(content)), nil
	return nil
}

// A lender gives each attempt its body from GetBody, and takes it back before the
// next. GetBody may rewind the one reader that there is, and net/http may still read
// that for an attempt that was answered early: the next one would lack those bytes.
type lender struct {
	mu   sync.Mutex // GetBody is called by net/http too
	lent *lentBody  // the latest
}

func (l *lender) lend(body io.ReadCloser) io.ReadCloser {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lent = &lentBody{ReadCloser: body, reading: make(chan struct{}, 1)}
	return l.lent
}

// recallTime is how long a Read that is under way is waited for. Bodies that can be
// had again are files and the like, whose reads do not take long.
const recallTime = time.Second

var errStillRead = errors.New("steadyhttp: an earlier attempt is still reading the request body")

// recall closes the latest body and waits until nobody reads it any more.
func (l *lender) recall(ctx context.Context) error {
	l.mu.Lock()
	b := l.lent
	l.mu.Unlock()
	if b == nil {
		return nil
	}
	b.recalled.Store(true)
	b.Close()
	timer := time.NewTimer(recallTime)
	defer timer.Stop()
	select {
	case b.reading <- struct{}{}:
		return nil
	case <-timer.C:
		return errStillRead
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

type lentBody struct {
	io.ReadCloser
	reading  chan struct{} // holds one while a Read is under way
	recalled atomic.Bool
	close    sync.Once
	err      error // of Close
}

func (b *lentBody) Read(p []byte) (int, error) {
	select {
	case b.reading <- struct{}{}:
	default:
		return 0, http.ErrBodyReadAfterClose // recalled: a body has one reader
	}
	defer func() { <-b.reading }()
	if b.recalled.Load() {
		return 0, http.ErrBodyReadAfterClose
	}
	return b.ReadCloser.Read(p)
}

func (b *lentBody) Close() error {
	b.close.Do(func() { b.err = b.ReadCloser.Close() })
	return b.err
}

// eachBody has f wrap the body of req, which is a copy of ours, also where net/http
// sends it again by itself.
func eachBody(req *http.Request, f func(io.ReadCloser) io.ReadCloser) {
	req.Body = f(req.Body)
	getBody := req.GetBody
	req.GetBody = func() (io.ReadCloser, error) {
		body, err := getBody()
		if err != nil {
			return nil, err
		}
		return f(body), nil
	}
}

// A shown is what has passed by of a body, each time that it was sent: that is what
// the server has seen of it.
type shown struct {
	mu  sync.Mutex // a body may be read while its effect is asked for
	all []*dialect.Effect
}

// look has s look at what is read of body.
func (s *shown) look(body io.ReadCloser) io.ReadCloser {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := new(dialect.Effect)
	s.all = append(s.all, e)
	return &shownBody{body, s, e}
}

// effect is the first that shows that the request acts, else that of which the most
// can be known, the latest.
func (s *shown) effect() (*dialect.Effect, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := *s.all[len(s.all)-1]
	for _, earlier := range s.all {
		if earlier.Acts() {
			e = *earlier
		}
	}
	return &e, true
}

type shownBody struct {
	io.ReadCloser
	shown *shown
	seen  *dialect.Effect
}

func (b *shownBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.shown.mu.Lock()
	defer b.shown.mu.Unlock()
	b.seen.Write(p[:n])
	return n, err
}
