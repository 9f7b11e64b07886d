package steadyhttp

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"net/http"
	"time"

	"github.com/cenkalti/backoff/v4"

	"github.com/steadyhttp/steadyhttp/internal/givenup"
	"github.com/steadyhttp/steadyhttp/internal/monotime"
	"github.com/steadyhttp/steadyhttp/internal/rolling"
)

const (
	defaultMaxAttempts     = 4
	defaultMaxWait         = time.Minute
	defaultMaxElapsed      = 2 * time.Minute
	defaultMaxBufferedBody = 1 << 20

	defaultMaxRatio     = 0.1 // of a Budget
	defaultMaxPerSecond = 3

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
// A body is sent again from Request.GetBody if there is one. Else what the
// first attempt reads of it is kept, up to MaxBufferedBody, while it is sent; nothing
// is read ahead. The request itself is not modified.
//
// One owner of retries is enough. A Retrier does not repeat what a Retrier
// further in gave up on; it makes one attempt at what a client further out says
// it is repeating itself (X-Stainless-Retry-Count, Amz-Sdk-Request); and to a
// client that says it would (the OpenAI and Anthropic SDKs do), it answers a
// failure with the header X-Should-Retry: false, on a copy of the headers. A
// client that says nothing but hands in, within half a minute, the request that
// the Retrier gave up on before (the same URL by its address, method and
// length), repeats it by itself, as go-retryablehttp does: that gets one attempt
// each time, until one succeeds.
//
// Its zero value works. It is safe for concurrent use; it must not be copied
// after first use and its fields must not change once it is in use.
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

	// MaxBufferedBody is how many bytes of a body that has no GetBody are kept so that
	// it can be sent again. A larger body is sent once, and if its length says
	// so beforehand nothing is kept. 0 is 1 MiB, negative is no limit.
	MaxBufferedBody int64

	// BackOff makes the policy for one call; it is called at the first retry.
	// What the policy gives is the wait where the server names none, and up to
	// a second of it is added where the server does. backoff.Stop ends the
	// attempts. nil is exponential with full jitter, means of 250 ms doubling to
	// 15 s, starting at a second if the provider is overloaded.
	BackOff func() backoff.BackOff

	// Budget bounds the retries to each host. nil is a Budget of this Retrier's
	// own with its defaults; set one to share or size it.
	Budget *Budget

	// AttemptTimeout bounds each attempt until its answer is handed up: until its
	// headers are there, and what a Classifier further in reads of its body. It
	// never cuts what the caller reads. An attempt that takes longer fails with
	// Timeout. 0 is off.
	AttemptTimeout time.Duration

	// StallTimeout ends an event stream (text/event-stream) on which no data
	// came for that long while somebody was reading: the reader gets an *Error
	// of class Timeout. Comments, which servers send to keep the connection
	// open, are no data. 0 is off.
	StallTimeout time.Duration

	// Idempotent says of a request that doing it twice does no harm, beyond
	// those of which that is known. nil adds none.
	Idempotent func(*http.Request) bool

	// IdempotencyKey returns a key for a call, the same for all its attempts,
	// which is sent in the header Idempotency-Key. It is asked for each request
	// of a method that is not idempotent and has no such header; "" sends none.
	// Set it only where the server honours the key, since the request is then
	// repeated whatever became of the first. nil is off.
	IdempotencyKey func(*http.Request) string

	// Prepare is called before each further attempt, with its number from 2 on
	// and a request that it may change, to sign again or to set a fresh token.
	// An error ends the attempts, with the answer in hand if there is one. nil
	// does nothing.
	Prepare func(req *http.Request, attempt int) error

	// Decide has the last word on each failed attempt. It returns whether there
	// is another and after which wait; d holds what would be done without it.
	// It cannot bring about what is impossible: more than MaxAttempts, a body
	// that cannot be had again, a wait past the deadline. nil changes nothing.
	Decide func(req *http.Request, d Decision) (again bool, wait time.Duration)

	settings  settings
	ownBudget Budget
	givenUp   givenup.Memory
}

// A Decision is what a Retrier is about to do after an attempt that failed.
type Decision struct {
	Attempt int           // how many attempts were made
	Error   *Error        // the verdict on the last one, its fate included
	Again   bool          // whether there will be another
	Wait    time.Duration // before it
	Why     string        // why there will be none; "" if Again
}

// RoundTrip implements http.RoundTripper.
func (t *Retrier) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := t.settings.check(t); err != nil {
		return refuse(req, err)
	}
	return t.roundTrip(req, t.base())
}

func (t *Retrier) roundTrip(req *http.Request, next http.RoundTripper) (*http.Response, error) {
	t.budget().count(hostOf(req))
	c := joinCall(req)
	if c != nil {
		defer c.leave()
	}
	var p plan
	p.make(t, req, next, c)
	if p.role == owner {
		defer c.release()
	}
	a, err := p.first()
	if err != nil { // the context has ended, and closed the body
		return nil, err
	}
	resp, err := a.send(next)
	if err == nil && succeeded(resp) {
		p.lastAttempt()
		t.givenUp.Forget(req, p.began)
		return resp, nil
	}
	return p.retry(a, c, resp, err)
}

// succeeded reports whether what came without an error is nothing to repeat. A
// base that gives no response either is http.Client's to complain about.
func succeeded(resp *http.Response) bool {
	return resp == nil || !failed(resp) && verdictOn(resp) == nil
}

// CloseIdleConnections closes the idle connections of Base, if it can.
func (t *Retrier) CloseIdleConnections() { closeIdle(t.base()) }

func (t *Retrier) base() http.RoundTripper    { return orDefault(t.Base) }
func (t *Retrier) ownBase() http.RoundTripper { return t.Base }

func (t *Retrier) validate() error {
	for _, f := range []struct {
		name  string
		value time.Duration
	}{{"AttemptTimeout", t.AttemptTimeout}, {"StallTimeout", t.StallTimeout}} {
		if f.value < 0 {
			return fmt.Errorf("steadyhttp: Retrier.%s is %s; set a positive duration, or 0 for none", f.name, f.value)
		}
	}
	return nil
}

func (t *Retrier) budget() *Budget {
	if t.Budget != nil {
		return t.Budget
	}
	return &t.ownBudget
}

// orMax reads a Max… duration: 0 is the default, negative is no limit.
func orMax(set, byDefault time.Duration) time.Duration {
	return time.Duration(orMax64(int64(set), int64(byDefault)))
}

func orMax64(set, byDefault int64) int64 {
	switch {
	case set == 0:
		return byDefault
	case set < 0:
		return math.MaxInt64
	}
	return set
}

func (t *Retrier) newBackOff(class Class) backoff.BackOff {
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

// A RetryPolicy changes for one call what its Retrier does. The zero value of
// each field leaves the Retrier's own setting.
type RetryPolicy struct {
	MaxAttempts int           // 1 is never to repeat, negative is no limit
	MaxWait     time.Duration // the longest wait that a server may ask for, negative is no limit
	MaxElapsed  time.Duration // the most that the waits may sum up to, negative is no limit

	// Idempotent says that doing the request twice does no harm, NotIdempotent
	// that it does, whatever the method and the headers say. NotIdempotent wins;
	// the request is then repeated only if it was never sent or was refused.
	Idempotent    bool
	NotIdempotent bool
}

type policyKey struct{}

// WithRetry returns a context whose requests are repeated by p, so that one
// call can be opted out of retries, or into more, without a second client.
func WithRetry(ctx context.Context, p RetryPolicy) context.Context {
	return context.WithValue(ctx, policyKey{}, &p)
}

// noPolicy is that of a call which has none of its own.
var noPolicy RetryPolicy

// policyOf returns what WithRetry says of req's call.
func policyOf(req *http.Request) *RetryPolicy {
	if p, ok := req.Context().Value(policyKey{}).(*RetryPolicy); ok {
		return p
	}
	return &noPolicy
}

// A Budget bounds how much a Retrier adds to the load of a host that is in
// trouble, however many calls fail: without one, an outage meets a multiple of
// the traffic that brought it about. Each host is counted apart.
//
// The zero value allows one retry to ten requests of the last five seconds, and
// three a second on top of it, so that a lonely call still gets its retries. At
// 200 calls a second that makes 1.12 requests a call in an outage.
//
// One Budget may serve several Retriers. It is safe for concurrent use, must
// not be copied after first use, and its fields must not change once it is in
// use.
type Budget struct {
	// MaxRatio is how many retries may go with each request of the last five
	// seconds. 0 is 0.1, negative is no limit at all.
	MaxRatio float64

	// MaxPerSecond is how many retries a second are allowed beside them. 0 is 3,
	// negative is no limit at all.
	MaxPerSecond float64

	counts rolling.Counts
}

func (b *Budget) unlimited() bool { return b.MaxRatio < 0 || b.MaxPerSecond < 0 }

// count notes a request that is no retry.
func (b *Budget) count(host string) {
	if b.unlimited() {
		return
	}
	if h := b.counts.Of(host); h != nil {
		h.Request(monotime.Now())
	}
}

// take reports whether there may be a retry now, and notes it if so.
func (b *Budget) take(host string) bool {
	if b.unlimited() {
		return true
	}
	h := b.counts.Of(host)
	if h == nil {
		return true
	}
	t := monotime.Now()
	h.Retry(t, 1) // first, so that two at once do not both take the last one
	requests, retries := h.Sums(t)
	allowed := cmp.Or(b.MaxRatio, defaultMaxRatio)*float64(requests) + cmp.Or(b.MaxPerSecond, defaultMaxPerSecond)*rolling.Window.Seconds()
	if float64(retries) > allowed {
		h.Retry(t, -1)
		return false
	}
	return true
}
