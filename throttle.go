package steadyhttp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

// bytesPerToken estimates the tokens of a request from its body, before any
// answer could tell: English prose has about four bytes to a token.
const bytesPerToken = 4

// A Throttler sends requests no faster than allowed: by the limits set here,
// and by what servers say. After an answer that asks to wait, everybody who
// would send the same kind of request with the same credential waits, not only
// the one who was told.
//
// A request waits for its turn, first come first served, until its context
// ends. If its turn cannot come before the context's deadline, it is refused at
// once with an *Error that wraps ErrThrottled; its body is closed and nothing
// was sent.
//
// Its zero value has no limits of its own and only obeys the servers. Limits
// apply to each host and credential apart. One Throttler may serve several
// clients, which then share its limits. It is safe for concurrent use; it must
// not be copied after first use and its fields must not change once it is in
// use.
type Throttler struct {
	// Base makes the requests. nil is http.DefaultTransport.
	Base http.RoundTripper

	// RequestsPerMinute is how many requests are sent in a minute, spread evenly
	// after a burst of one second's worth. 0 is no limit.
	RequestsPerMinute float64

	// TokensPerMinute is how many tokens the requests of a minute may hold. A
	// request counts a token for every four bytes of its body, which is an
	// estimate; a body of unknown length counts as one token. A request
	// larger than a minute's tokens is refused at once, classed TooLarge. 0 is
	// no limit.
	TokensPerMinute float64

	// MaxConcurrent is how many requests are under way at once. One is under
	// way from when it is sent until its response body is closed or read to its
	// end. 0 and negative are no limit.
	MaxConcurrent int

	// MaxWait is the longest wait, asked for by a server, that everybody joins.
	// A longer one concerns only the call that was told. 0 is one minute,
	// negative is no limit.
	MaxWait time.Duration

	settings settings

	shutGates atomic.Int64 // how many gates there are: read without the lock on the way past

	mu    sync.Mutex // guards what follows
	lanes map[limitKey]*lane
	gates map[gateKey]*gate
}

// RoundTrip implements http.RoundTripper.
func (t *Throttler) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := t.settings.check(t); err != nil {
		return refuse(req, err)
	}
	return t.roundTrip(req, t.base())
}

func (t *Throttler) roundTrip(req *http.Request, base http.RoundTripper) (*http.Response, error) {
	if !t.limited() && t.shutGates.Load() == 0 {
		resp, err := send(base, req)
		t.learn(req, resp)
		return resp, err
	}
	w := waiter{t: t, req: req}
	over := whileWaiting(req)
	release, err := w.admit()
	over()
	if w.waited > 0 {
		var c *call
		req, c = openCall(req)
		defer c.leave()
		c.addThrottled(w.waited)
		c.logThrottled(req, w.waited)
	}
	if err != nil {
		return refuse(req, err)
	}
	done := true
	defer func() {
		if done && release != nil {
			release()
		}
	}()
	resp, err := send(base, req) // which may panic: then done stays true
	t.learn(req, resp)
	if done = !upUntilClosed(resp); !done && release != nil {
		resp.Body = &permitBody{resp.Body, release}
	}
	return resp, err
}

// CloseIdleConnections closes the idle connections of Base, if it can.
func (t *Throttler) CloseIdleConnections() { closeIdle(t.base()) }

func (t *Throttler) base() http.RoundTripper    { return orDefault(t.Base) }
func (t *Throttler) ownBase() http.RoundTripper { return t.Base }

func (t *Throttler) validate() error {
	for _, f := range []struct {
		name  string
		value float64
	}{{"RequestsPerMinute", t.RequestsPerMinute}, {"TokensPerMinute", t.TokensPerMinute}} {
		if f.value < 0 || math.IsNaN(f.value) || math.IsInf(f.value, 0) {
			return fmt.Errorf("steadyhttp: Throttler.%s is %v; set a positive number, or 0 for no limit", f.name, f.value)
		}
	}
	return nil
}

func (t *Throttler) limited() bool {
	return t.RequestsPerMinute > 0 || t.TokensPerMinute > 0 || t.MaxConcurrent > 0
}

// A lane holds the limits of one host and credential.
type lane struct {
	requests *rate.Limiter // nil is no limit
	tokens   *rate.Limiter
	slots    chan struct{} // one element a request under way; senders are served in order
}

func (t *Throttler) lane(k limitKey) *lane {
	t.mu.Lock()
	defer t.mu.Unlock()
	l := t.lanes[k]
	if l != nil {
		return l
	}
	l = new(lane)
	if t.RequestsPerMinute > 0 {
		perSecond := t.RequestsPerMinute / 60
		l.requests = rate.NewLimiter(rate.Limit(perSecond), max(1, int(math.Ceil(perSecond))))
	}
	if t.TokensPerMinute > 0 {
		l.tokens = rate.NewLimiter(rate.Limit(t.TokensPerMinute/60), max(1, int(t.TokensPerMinute)))
	}
	if t.MaxConcurrent > 0 {
		l.slots = make(chan struct{}, t.MaxConcurrent)
	}
	if t.lanes == nil {
		t.lanes = make(map[limitKey]*lane)
	}
	if len(t.lanes) >= maxKeys {
		t.forgetIdle()
	}
	t.lanes[k] = l
	return l
}

// forgetIdle drops the lanes that are as good as new. It requires t.mu held.
func (t *Throttler) forgetIdle() {
	now := time.Now()
	for k, l := range t.lanes {
		full := func(r *rate.Limiter) bool { return r == nil || r.TokensAt(now) >= float64(r.Burst()) }
		if len(l.slots) == 0 && full(l.requests) && full(l.tokens) {
			delete(t.lanes, k)
		}
	}
}

// A waiter is one request on its way through the limits.
type waiter struct {
	t      *Throttler
	req    *http.Request
	waited time.Duration
}

// admit returns once the request may be sent. release, if not nil, gives back
// its place among the concurrent ones.
func (w *waiter) admit() (release func(), err error) {
	if !w.t.limited() {
		return nil, w.throughGate()
	}
	if _, err := w.atGate(); err != nil { // before it takes a place from somebody
		return nil, err
	}
	l := w.t.lane(limitKeyOf(w.req))
	if l.slots != nil {
		// First a place, then a permit: the other way round, permits would be
		// saved up in front of the places and leave in a burst.
		if err := w.slot(l.slots); err != nil {
			return nil, err
		}
		release = sync.OnceFunc(func() { <-l.slots })
	}
	err = w.permits(l)
	if err == nil {
		err = w.throughGate() // somebody may have been told to wait in the meantime
	}
	if err != nil && release != nil {
		release()
		release = nil
	}
	return release, err
}

// permits takes what the lane's limits want.
func (w *waiter) permits(l *lane) error {
	if l.requests != nil {
		if err := w.permit(l.requests, 1, "the limit of requests a minute"); err != nil {
			return err
		}
	}
	if l.tokens == nil {
		return nil
	}
	n := tokens(w.req)
	if n > l.tokens.Burst() {
		return &Error{
			Class:   TooLarge,
			Fate:    FateNeverSent,
			Message: fmt.Sprintf("not sent: the request holds about %d tokens, more than the %d of a whole minute", n, l.tokens.Burst()),
			Hint:    TooLarge.sheet().hint,
			Err:     ErrThrottled,
		}
	}
	return w.permit(l.tokens, n, "the limit of tokens a minute")
}

func (w *waiter) slot(slots chan struct{}) error {
	select {
	case slots <- struct{}{}:
		return nil
	default:
	}
	start := time.Now()
	defer func() { w.waited += time.Since(start) }()
	ctx := w.req.Context()
	select {
	case slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return throttled(w.req, "MaxConcurrent requests were under way until the deadline")
		}
		return context.Cause(ctx)
	//lint:ignore SA1019 deprecated for callers, who may still set it
	case <-w.req.Cancel:
		return context.Canceled
	}
}

// permit takes n from a bucket, which holds that many when it is full, and waits
// until they are there.
func (w *waiter) permit(from *rate.Limiter, n int, why string) error {
	now := time.Now()
	r := from.ReserveN(now, n)
	err := w.wait(r.DelayFrom(now), why)
	if err != nil {
		r.Cancel()
	}
	return err
}

// wait waits for d, or refuses at once if that would pass the deadline.
func (w *waiter) wait(d time.Duration, why string) error {
	if d <= 0 {
		return nil
	}
	if deadline, ok := w.req.Context().Deadline(); ok && time.Until(deadline) <= d {
		return throttled(w.req, fmt.Sprintf("%s: a wait of %s would pass the deadline", why, d.Round(time.Millisecond)))
	}
	start := time.Now()
	defer func() { w.waited += time.Since(start) }()
	return sleep(w.req, d)
}

// throttled is the refusal of a request whose turn cannot come before its
// deadline.
func throttled(req *http.Request, why string) error {
	return &Error{
		Class:   RateLimit,
		Fate:    FateNeverSent,
		Message: "not sent: " + why,
		Hint:    "Allow the call more time, or send fewer requests at once.",
		Err:     fmt.Errorf("%w: %w", ErrThrottled, context.DeadlineExceeded),
	}
}

// tokens estimates how many tokens a request holds.
func tokens(req *http.Request) int {
	return max(1, int((req.ContentLength+bytesPerToken-1)/bytesPerToken))
}

// upUntilClosed reports whether a request is still under way once its answer's
// headers are there. An upgraded connection is not: it lives for hours, and its
// body must stay the io.Writer that it is.
func upUntilClosed(resp *http.Response) bool {
	return resp != nil && resp.Body != nil && resp.Body != http.NoBody && resp.StatusCode != http.StatusSwitchingProtocols
}

// A permitBody gives its permit back at its end.
type permitBody struct {
	io.ReadCloser
	release func()
}

func (b *permitBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		b.release()
	}
	return n, err
}

func (b *permitBody) Close() error {
	defer b.release()
	return b.ReadCloser.Close()
}
