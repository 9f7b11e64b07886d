package steadyhttptest

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"sync"
	"time"
)

// roundTripper makes a wrapper of a function. It is a struct, so that each use is a base of its own.
type roundTripper struct {
	base http.RoundTripper
	f    func(base http.RoundTripper, req *http.Request) (*http.Response, error)
}

func (t *roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return t.f(t.base, req) }

func (t *roundTripper) CloseIdleConnections() { closeIdle(t.base) }

func closeIdle(rt http.RoundTripper) {
	if c, ok := rt.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

// wrapper makes what TestRoundTripper wants of a function.
func wrapper(f func(base http.RoundTripper, req *http.Request) (*http.Response, error)) wrapFunc {
	return func(base http.RoundTripper) http.RoundTripper { return &roundTripper{base, f} }
}

// onAnswer is a wrapper that does f to each answer.
func onAnswer(f func(req *http.Request, resp *http.Response)) wrapFunc {
	return wrapper(func(base http.RoundTripper, req *http.Request) (*http.Response, error) {
		resp, err := base.RoundTrip(req)
		if err == nil && resp != nil {
			f(req, resp)
		}
		return resp, err
	})
}

// addHeader is a correct wrapper of the simplest kind.
func addHeader(base http.RoundTripper, req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	if req.Header == nil {
		req.Header = http.Header{}
	}
	req.Header.Set("Authorization", "Bearer word")
	return base.RoundTrip(req)
}

// flaws are the ways in which a retrier can be wrong. The zero value has none.
type flaws struct {
	replacesBody  bool // puts the new body on the caller's request
	sharesBody    bool // sends again what is left of the body
	forgetsBody   bool // sends again without the body
	leavesOpen    bool // does not close the answers it does not return
	drainsAll     bool // reads them to their end
	givesUp       bool // returns an error of its own in the end
	sleeps        bool // does not hear of the end of the context
	outlasts      bool // hears of a cancellation, but not of a deadline's
	reusesHeader  bool // counts the attempts in a header map that all of them share
	cancelsEarly  bool // gives each attempt a context that ends when RoundTrip returns
	keepsOriginal bool // does not close the caller's body when it sends a copy
	losesCopies   bool // makes a copy of the body that it does not close
	onlyFirst     bool // passes the caller's context on to the first attempt only
}

// retrier repeats what can be repeated, up to four times, as plainly as it can be done right.
type retrier struct {
	base http.RoundTripper
	flaws
}

func retrying(f flaws) wrapFunc {
	return func(base http.RoundTripper) http.RoundTripper { return &retrier{base, f} }
}

func (t *retrier) CloseIdleConnections() { closeIdle(t.base) }

func (t *retrier) RoundTrip(req *http.Request) (*http.Response, error) {
	try := req
	if t.reusesHeader {
		try = req.Clone(req.Context())
		if try.Header == nil {
			try.Header = http.Header{}
		}
	}
	if t.losesCopies && req.GetBody != nil {
		_, _ = req.GetBody()
	}
	if t.keepsOriginal && req.GetBody != nil {
		copied := *req
		try = &copied
		if body, err := req.GetBody(); err == nil {
			try.Body = body
		}
	}
	for attempt := 1; ; attempt++ {
		if t.reusesHeader {
			try.Header.Set("X-Count", time.Duration(attempt).String())
		}
		if t.cancelsEarly {
			ctx, cancel := context.WithTimeout(req.Context(), 10*time.Second)
			defer cancel()
			try = try.WithContext(ctx)
		}
		resp, err := t.base.RoundTrip(try)
		if attempt == 4 || !t.again(req, resp, err) {
			if t.givesUp && attempt == 4 && resp != nil {
				resp.Body.Close()
				return nil, errOdd
			}
			return resp, err
		}
		next := t.next(req)
		if next == nil {
			return resp, err
		}
		if resp != nil && resp.Body != nil {
			t.discard(resp.Body)
		}
		if !t.wait(req, time.Duration(attempt)*700*time.Millisecond) {
			if next.Body != nil {
				next.Body.Close()
			}
			return nil, req.Context().Err()
		}
		if !t.reusesHeader {
			try = next
		} else {
			try.Body = next.Body
		}
	}
}

// again reports whether an attempt failed in a way that passes, and there is time for another.
func (t *retrier) again(req *http.Request, resp *http.Response, err error) bool {
	if ctx := req.Context(); ctx.Err() != nil {
		return false
	} else if d, ok := ctx.Deadline(); ok && time.Until(d) < 5*time.Second && !t.outlasts {
		return false
	}
	if resp != nil && err == nil {
		return resp.StatusCode == 429 || resp.StatusCode >= 500
	}
	return err != nil && resp == nil
}

// next is the request for another attempt, or nil if there can be none.
func (t *retrier) next(req *http.Request) *http.Request {
	next := *req
	if t.onlyFirst {
		next = *req.WithContext(context.WithoutCancel(req.Context()))
	}
	switch {
	case req.Body == nil || req.Body == http.NoBody || t.sharesBody:
	case t.forgetsBody:
		next.Body, next.ContentLength = nil, 0
	case req.GetBody == nil:
		return nil
	default:
		body, err := req.GetBody()
		if err != nil {
			return nil
		}
		next.Body = body
		if t.replacesBody {
			req.Body = body
		}
	}
	return &next
}

func (t *retrier) discard(body io.ReadCloser) {
	switch {
	case t.leavesOpen:
		return
	case t.drainsAll:
		_, _ = io.Copy(io.Discard, body)
	default:
		_, _ = io.CopyN(io.Discard, body, 4<<10)
	}
	body.Close()
}

func (t *retrier) wait(req *http.Request, d time.Duration) bool {
	if t.sleeps {
		time.Sleep(d)
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	done := req.Context().Done()
	if t.outlasts {
		if _, ok := req.Context().Deadline(); ok {
			done = nil
		}
	}
	select {
	case <-timer.C:
		return true
	case <-done:
		return false
	case <-req.Cancel: //lint:ignore SA1019 to be told of no waits
		return false
	}
}

// otherBody is a body with another Read.
type otherBody struct {
	io.Reader
	io.Closer
}

// lockedBody has a mutex for all it does, as an onlooker may.
type lockedBody struct {
	mu sync.Mutex
	io.ReadCloser
}

func (b *lockedBody) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.ReadCloser.Read(p)
}

func (b *lockedBody) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.ReadCloser.Close()
}

// chunkedReader gives nothing before it has size bytes.
type chunkedReader struct {
	r    io.Reader
	size int
	have bytes.Buffer
	err  error
}

func (c *chunkedReader) Read(p []byte) (int, error) {
	if c.have.Len() == 0 && c.err == nil {
		_, c.err = io.CopyN(&c.have, c.r, int64(c.size))
	}
	if c.have.Len() > 0 {
		return c.have.Read(p)
	}
	return 0, c.err
}

// cutReader keeps the last n bytes of r.
type cutReader struct {
	r    io.Reader
	n    int
	tail []byte
}

func (c *cutReader) Read(p []byte) (int, error) {
	buf := make([]byte, max(1, len(p)-len(c.tail)))
	n, err := c.r.Read(buf)
	c.tail = append(c.tail, buf[:n]...)
	give := copy(p, c.tail[:max(0, len(c.tail)-c.n)])
	c.tail = c.tail[give:]
	return give, err
}

// slots lets a number of calls through at once.
type slots struct {
	base  http.RoundTripper
	free  chan struct{}
	leaky bool // a call that panics keeps its slot
}

func slotted(n int, leaky bool) wrapFunc {
	return func(base http.RoundTripper) http.RoundTripper {
		return &slots{base, make(chan struct{}, n), leaky}
	}
}

func (t *slots) CloseIdleConnections() { closeIdle(t.base) }

func (t *slots) RoundTrip(req *http.Request) (*http.Response, error) {
	select {
	case t.free <- struct{}{}:
	case <-req.Context().Done():
		if req.Body != nil {
			req.Body.Close()
		}
		return nil, req.Context().Err()
	}
	if t.leaky {
		resp, err := t.base.RoundTrip(req)
		<-t.free
		return resp, err
	}
	defer func() { <-t.free }()
	return t.base.RoundTrip(req)
}

// ticking has a goroutine of its own, as a wrapper may that refills a bucket.
type ticking struct {
	http.RoundTripper
	over chan struct{}
}

func (t *ticking) CloseIdleConnections() { closeIdle(t.RoundTripper) }

func (t *ticking) Close() error {
	close(t.over)
	return nil
}

func (t *ticking) tick() {
	ticker := time.NewTicker(time.Minute)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
		case <-t.over:
			return
		}
	}
}
