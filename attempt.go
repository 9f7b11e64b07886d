package steadyhttp

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/steadyhttp/steadyhttp/internal/dialect"
	"github.com/steadyhttp/steadyhttp/internal/inmem"
	"github.com/steadyhttp/steadyhttp/internal/replay"
)

// attemptBody ends the attempt's context with the body.
type attemptBody struct {
	io.ReadCloser
	end context.CancelCauseFunc
}

func (b *attemptBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		b.end(nil)
	}
	return n, err
}

func (b *attemptBody) Close() error {
	defer b.end(nil)
	return b.ReadCloser.Close()
}

// An attemptClock counts the time of one attempt. A Throttler further in stops
// it while the request has not been sent yet.
type attemptClock struct {
	mu      sync.Mutex // guards what follows
	timer   *time.Timer
	left    time.Duration
	started time.Time
}

type clockKey struct{}

func (c *attemptClock) start(d time.Duration, end func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.left, c.started = d, time.Now()
	c.timer = time.AfterFunc(d, end)
}

func (c *attemptClock) pause() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.timer.Stop() {
		c.left -= time.Since(c.started)
	}
}

func (c *attemptClock) resume() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.started = time.Now()
	c.timer.Reset(max(c.left, 1))
}

// whileWaiting stops the attempt's clock, if there is one, until the function
// that it returns is called.
func whileWaiting(req *http.Request) (over func()) {
	c, _ := req.Context().Value(clockKey{}).(*attemptClock)
	if c == nil {
		return func() {}
	}
	c.pause()
	return c.resume
}

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

// agesAfter is how long a Throttler may hold an attempt back before what Prepare set
// has aged: a second is nothing beside the minutes for which signatures hold.
const agesAfter = time.Second

// A preparation is in the context of an attempt whose request Prepare was called
// for, with PrepareFirst: a Throttler further in has it called again where the
// request has waited for its turn since.
type preparation struct {
	req     *http.Request // of the call
	prepare func(*http.Request, int) error
	attempt int
}

type preparationKey struct{}

// preparedAgain returns req or, if it has aged, a copy that was prepared anew.
func preparedAgain(req *http.Request, waited time.Duration) (*http.Request, error) {
	p, _ := req.Context().Value(preparationKey{}).(*preparation)
	// A stranger may make another request with the same context, for a token.
	if p == nil || waited < agesAfter || p.req.Method != req.Method || !sameOrigin(p.req, req) || p.req.URL.Path != req.URL.Path {
		return req, nil
	}
	trailer := req.Trailer // see plan.attempt
	req = req.Clone(req.Context())
	req.Trailer = trailer
	return req, p.prepare(req, p.attempt)
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
