package steadyhttp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v4"

	"github.com/steadyhttp/steadyhttp/internal/dialect"
	"github.com/steadyhttp/steadyhttp/internal/peek"
)

const (
	defaultMaxAttempts = 4
	defaultMaxWait     = time.Minute
	defaultMaxElapsed  = 2 * time.Minute

	// The default policy's means: full jitter around them, so the first wait is
	// anything from 0 to 500 ms. Overload passes more slowly than a hiccup.
	meanBackOff           = 250 * time.Millisecond
	meanBackOffOverloaded = time.Second
	maxBackOff            = 15 * time.Second

	// maxSpread is the most that is added to a server's figure so that all who
	// were told the same do not come back at the same moment.
	maxSpread = time.Second
)

// A Retrier repeats a request that failed for a reason that passes, once that
// is safe and worth while. It is safe if the answer shows that the server
// refused the request, or if the request was never sent, or if doing it twice
// does no harm: an idempotent method, an idempotency key, or a call to a
// language model that computes and changes nothing.
//
// It waits as long as the server asked for, else as the policy says, and never
// past the context's deadline: then the answer in hand is returned at once.
// When attempts end, the last answer comes back with its whole body, or the
// last error unchanged.
//
// A body is sent again from Request.GetBody; a request whose body has none is
// sent once. The request itself is not modified.
//
// Its zero value works. It is safe for concurrent use and its fields must not
// change once it is in use.
type Retrier struct {
	// Base makes the requests. nil is http.DefaultTransport.
	Base http.RoundTripper

	// MaxAttempts is how often a request is sent at the most. 0 is 4, 1 is never
	// to repeat, negative is no limit.
	MaxAttempts int

	// MaxWait is the longest wait that a server may ask for. If it asks for
	// more, its answer is returned at once. 0 is one minute, negative is no
	// limit.
	MaxWait time.Duration

	// MaxElapsed bounds the sum of a call's waits. 0 is two minutes, negative is
	// no limit.
	MaxElapsed time.Duration

	// BackOff makes the policy for one call; it is called at the first retry.
	// What the policy gives is the wait where the server names none, and up to
	// a second of it is added where the server does. backoff.Stop ends the
	// attempts. nil is exponential with full jitter, means of 250 ms doubling to
	// 15 s, starting at a second if the provider is overloaded.
	BackOff func() backoff.BackOff

	settings settings
}

// RoundTrip implements http.RoundTripper.
func (t *Retrier) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := t.settings.check(t); err != nil {
		return refuse(req, err)
	}
	return t.roundTrip(req, t.base())
}

func (t *Retrier) roundTrip(req *http.Request, base http.RoundTripper) (*http.Response, error) {
	c := joinCall(req)
	defer c.leave()
	first, sent := watch(req)
	resp, err := send(base, first)
	if succeeded(resp, err) {
		return resp, err
	}
	if c == nil {
		// Go on with the record that the first attempt's verdict is in.
		if c = opened(resp); c == nil {
			c = &call{used: true}
		}
		c.enter()
		defer c.leave()
	}
	return (&retry{Retrier: t, req: req, base: base, call: c, attempt: 1}).run(resp, err, sent)
}

// opened returns the record that resp carries, if it is about resp.
func opened(resp *http.Response) *call {
	if resp == nil || verdictOf(resp) == nil {
		return nil
	}
	return callFrom(resp.Request.Context())
}

// succeeded reports whether there is nothing to repeat. A base that gives
// neither an answer nor an error is http.Client's to complain about.
func succeeded(resp *http.Response, err error) bool {
	return err == nil && (resp == nil || !failed(resp) && verdictOf(resp) == nil)
}

// CloseIdleConnections closes the idle connections of Base, if it can.
func (t *Retrier) CloseIdleConnections() { closeIdle(t.base()) }

func (t *Retrier) base() http.RoundTripper    { return orDefault(t.Base) }
func (t *Retrier) ownBase() http.RoundTripper { return t.Base }
func (t *Retrier) validate() error            { return nil }

func (t *Retrier) maxAttempts() int {
	switch {
	case t.MaxAttempts == 0:
		return defaultMaxAttempts
	case t.MaxAttempts < 0:
		return math.MaxInt
	}
	return t.MaxAttempts
}

func (t *Retrier) maxWait() time.Duration    { return orMax(t.MaxWait, defaultMaxWait) }
func (t *Retrier) maxElapsed() time.Duration { return orMax(t.MaxElapsed, defaultMaxElapsed) }

// orMax reads a Max… field: 0 is the default, negative is no limit.
func orMax(set, byDefault time.Duration) time.Duration {
	switch {
	case set == 0:
		return byDefault
	case set < 0:
		return math.MaxInt64
	}
	return set
}

func (t *Retrier) policy(class Class) backoff.BackOff {
	if t.BackOff != nil {
		if b := t.BackOff(); b != nil {
			return b
		}
	}
	mean := meanBackOff
	if class == Overloaded {
		mean = meanBackOffOverloaded
	}
	return backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(mean),
		backoff.WithMaxInterval(maxBackOff),
		backoff.WithMultiplier(2),
		backoff.WithRandomizationFactor(1), // from nothing to twice the mean
		backoff.WithMaxElapsedTime(0),      // MaxElapsed counts; the policy's clock would count attempts too
	)
}

// A retry is one call whose first attempt failed.
type retry struct {
	*Retrier
	req  *http.Request // as the caller handed it in
	base http.RoundTripper
	call *call

	attempt int // how many were made
	backoff backoff.BackOff
	waited  time.Duration
	verdict *Error // on the last attempt

	// The last answer, off the wire but still readable, and the verdict on it;
	// nil if there was none or it was too large to keep.
	held        *http.Response
	heldVerdict *Error
}

// run decides about the first attempt's outcome, then makes further ones until
// one succeeds or must be the last.
func (r *retry) run(resp *http.Response, err error, sent *evidence) (*http.Response, error) {
	for {
		if err != nil && r.held != nil && r.outOfTime(err) {
			return r.lastHeld("no further answer came in time")
		}
		r.verdict = r.judge(resp, err)
		wait, why := r.next(sent)
		if why != "" {
			return r.last(resp, err, why)
		}
		r.hold(resp)
		if err = r.sleep(wait); err != nil {
			if r.held != nil && r.outOfTime(err) {
				return r.lastHeld("time ran out")
			}
			return r.lastError(err, "the caller gave up")
		}
		var again *http.Request
		if again, sent, err = r.again(); err != nil {
			if r.held != nil {
				return r.lastHeld("the body could not be had again")
			}
			return r.lastError(err, "the body could not be had again")
		}
		r.attempt++
		r.call.addResend(r.verdict.Class)
		if resp, err = send(r.base, again); succeeded(resp, err) {
			if resp != nil {
				r.call.setVerdict(resp, nil)
				r.call.attach(resp, again)
			}
			return resp, err
		}
	}
}

// outOfTime reports whether err says only that there was no time for another
// attempt. The last real answer then tells the caller more than our silence.
// The clock is asked and not the context, since http.Client's Timeout closes
// Request.Cancel at the same moment, and either may come first.
func (r *retry) outOfTime(err error) bool {
	deadline, ok := r.req.Context().Deadline()
	return errors.Is(err, ErrThrottled) || ok && !time.Now().Before(deadline)
}

// lastError ends the call with an error of its own.
func (r *retry) lastError(err error, why string) (*http.Response, error) {
	r.call.setVerdict(nil, errorOf(err))
	return r.last(nil, err, why)
}

func (r *retry) lastHeld(why string) (*http.Response, error) {
	r.call.setVerdict(r.held, r.heldVerdict)
	return r.last(r.held, nil, why)
}

// last ends the call with what is in hand.
func (r *retry) last(resp *http.Response, err error, why string) (*http.Response, error) {
	r.call.setStopped(why)
	if resp != nil {
		r.call.attach(resp, r.req)
	}
	return resp, err
}

// judge returns the verdict on an attempt: a Classifier's further in, if it is
// about this very answer, else our own.
func (r *retry) judge(resp *http.Response, err error) *Error {
	if err != nil {
		e := errorOf(err)
		r.call.setVerdict(nil, e)
		return e
	}
	e := verdictOf(resp)
	if e == nil {
		e = judge(resp)
	}
	r.call.setVerdict(resp, e)
	return e
}

// next says how long to wait before another attempt, or why there is none.
func (r *retry) next(sent *evidence) (wait time.Duration, why string) {
	e := r.verdict
	switch {
	case errors.Is(r.req.Context().Err(), context.DeadlineExceeded):
		return 0, "the deadline passed"
	case r.req.Context().Err() != nil:
		return 0, "the caller gave up"
	case errors.Is(e, ErrThrottled):
		return 0, "throttled on this side"
	case !e.Class.Retryable():
		return 0, e.Class.String() + " does not pass by itself"
	case r.attempt >= r.maxAttempts():
		return 0, fmt.Sprintf("%d attempts were made", r.attempt)
	case !sent.never() && !refused(e) && !repeatable(r.req):
		return 0, "the server may have carried it out, and doing it twice may do harm"
	case !replayable(r.req):
		return 0, "the body cannot be sent again: the request has no GetBody"
	}
	if r.backoff == nil {
		r.backoff = r.policy(e.Class)
	}
	if wait = r.backoff.NextBackOff(); wait < 0 {
		return 0, "the backoff policy stopped"
	}
	if e.RetryAfterSource != "" {
		asked := max(time.Until(e.NotBefore), 0)
		if asked > r.maxWait() {
			return 0, fmt.Sprintf("the server asked for %s, longer than MaxWait", e.RetryAfter)
		}
		wait = asked + min(wait, maxSpread)
	}
	if wait > r.maxElapsed()-r.waited {
		return 0, "the waits would exceed MaxElapsed"
	}
	if deadline, ok := r.req.Context().Deadline(); ok && time.Until(deadline) <= wait {
		return 0, fmt.Sprintf("a wait of %s would pass the deadline", wait.Round(time.Millisecond))
	}
	return wait, ""
}

func (r *retry) sleep(d time.Duration) error {
	start := time.Now()
	err := sleep(r.req, d)
	waited := time.Since(start)
	r.waited += waited
	r.call.addWait(waited)
	return err
}

// again returns the request for a further attempt: a shallow copy with the
// record in its context and a body of its own.
func (r *retry) again() (*http.Request, *evidence, error) {
	req, sent := watch(r.call.on(r.req))
	if req.Body == nil || req.Body == http.NoBody {
		return req, sent, nil
	}
	body, err := r.req.GetBody()
	if err != nil {
		return nil, nil, err
	}
	fresh := *req
	fresh.Body = body
	return &fresh, sent, nil
}

// hold takes a failed answer off the wire, so that its connection can serve
// the next attempt, and keeps it readable. If that would take more than 64 KiB
// or a second, answer and connection are given up.
func (r *retry) hold(resp *http.Response) {
	if resp == nil {
		return
	}
	body := peek.Start(bodyOf(resp), maxBody, bodyTime)
	body.Close()
	r.held, r.heldVerdict = nil, nil
	if body.Whole() {
		resp.Body = io.NopCloser(bytes.NewReader(body.Bytes()))
		r.held, r.heldVerdict = resp, r.verdict
	}
}

// replayable reports whether the body can be sent again.
func replayable(req *http.Request) bool {
	return req.Body == nil || req.Body == http.NoBody || req.GetBody != nil
}

// repeatable reports whether doing the request twice does no harm, whatever
// became of the first.
func repeatable(req *http.Request) bool {
	switch req.Method {
	case "", http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace, http.MethodPut, http.MethodDelete:
		return true // RFC 9110, 9.2.2
	}
	// As for net/http, an empty value is the caller's promise too.
	for _, name := range []string{"Idempotency-Key", "X-Idempotency-Key"} {
		if _, ok := req.Header[name]; ok {
			return true
		}
	}
	return req.Method == http.MethodPost && req.URL != nil && dialect.Inference(req.URL.Path, req.Header)
}

// refused reports whether the answer itself shows that the request was not
// carried out.
func refused(e *Error) bool {
	switch e.Status {
	case http.StatusTooManyRequests, http.StatusMisdirectedRequest, http.StatusTooEarly, 529:
		return true
	case http.StatusServiceUnavailable:
		return e.RetryAfterSource != "" || e.Class == RateLimit || e.Class == Overloaded
	}
	return e.Status != 0 && (e.Class == RateLimit || e.Class == Overloaded)
}

// evidence is what httptrace saw of one attempt, or of several that a wrapper
// further in made of it.
type evidence struct {
	asked atomic.Bool // somebody asked for a connection
	wrote atomic.Bool // somebody wrote a request's headers
}

// watch returns req with evidence being taken, where the decision to repeat it
// may depend on that: elsewhere it costs nothing.
func watch(req *http.Request) (*http.Request, *evidence) {
	if repeatable(req) || !replayable(req) {
		return req, nil
	}
	sent := new(evidence)
	return req.WithContext(httptrace.WithClientTrace(req.Context(), &httptrace.ClientTrace{
		GetConn:      func(string) { sent.asked.Store(true) },
		WroteHeaders: func() { sent.wrote.Store(true) },
	})), sent
}

// never reports whether the request was provably never sent: the base reports
// through httptrace, and it reported no headers. A base that reports nothing
// proves nothing.
func (s *evidence) never() bool {
	return s != nil && s.asked.Load() && !s.wrote.Load()
}
