package steadyhttp

import (
	"cmp"
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

	// A failure that comes before a stream's first output comes within two seconds as a
	// rule. What has come by then is the caller's: response.created has the id by
	// which a response is cancelled.
	defaultFirstOutput = 2 * time.Second

	defaultMaxRatio     = 0.1 // of a Budget
	defaultMaxPerSecond = 3

	// The default policy's means. What passes with time takes seconds to pass; a
	// 500 is over at once or not at all. Half of each wait is fixed: with full
	// jitter nothing could be promised of how many requests a call makes in a time.
	meanBackOff        = 250 * time.Millisecond
	meanBackOffPassing = 500 * time.Millisecond
	maxBackOff         = 4 * time.Second

	// maxSpread is the most that is added to the wait that a server asks for, so
	// that clients with the same wait do not come back at the same moment.
	maxSpread = time.Second
)

// A Retrier repeats a request that failed, if it can succeed later and
// repeating it is safe. The [Class] of the failure says whether it can succeed
// later. Repeating is safe if the request was never sent, if the server refused
// it without carrying it out, or if doing it twice does no harm. That is so if the
// method is idempotent and the request is no write under a condition (If-Match,
// If-None-Match, If-Unmodified-Since), whose repeat would meet its own effect, and
// no PUT that is known to add something each time, as to an append blob of Azure's;
// if the request has an idempotency key; and if it is a call to a language model
// whose body shows no side effect: no work in the background or in a stored
// conversation, no tool that the server runs elsewhere (MCP, connectors), no
// webhook. A repeated generation may be billed twice; see InferenceOnce. At a host
// and path that are not known, a call to a language model is one whose body names a model and
// has a list of messages with roles.
//
// A Retrier waits as long as the server asked for, otherwise as long as BackOff
// says. What passes with time, such as a 503, is repeated for as long as
// OutageWait lasts; what may not pass, such as a 500, up to MaxAttempts. If a
// wait would end after the context's deadline, the response in hand is returned
// at once. When the attempts end, the caller gets the last response with its
// whole body, or the last error unchanged.
//
// A body is sent again from Request.GetBody. If there is none, a body that stands in
// memory ([bytes.Reader], [bytes.Buffer], [strings.Reader]) is sent again from there.
// Of any other, what an attempt reads is kept, up to MaxBufferedBody, while it is
// being sent; the body is not read in advance, and an attempt that is over does not
// wait for who writes it. The request itself is not modified.
//
// A 421 is not repeated, because a wrapper cannot choose the connection. A 409 to
// a repeat with an idempotency key, after an attempt that was not answered, means
// that the first is still being carried out: the call waits for it as for an
// outage.
//
// Attempts do not multiply when several layers retry. A Retrier does not repeat
// what an inner Retrier gave up on. A client that numbers its own retries gets one
// attempt for each of them; X-Stainless-Retry-Count, Amz-Sdk-Request, Google
// Cloud's gccl-attempt-count, Retry-Attempt, Grpc-Previous-Rpc-Attempts,
// X-Retry-Count and X-Retry-Attempt are understood. Clients that obey
// X-Should-Retry, as the OpenAI and Anthropic SDKs do, get that header with the
// value false where the Retrier has repeated the request in vain or the failure is
// known to be final, and not where it only declined to repeat it; the header is
// set on a copy of the response's headers. Other clients that retry, such as
// go-retryablehttp, are recognised when they hand in the same request again within
// half a minute after the Retrier gave up on it: the same method and length, and
// either the same URL pointer or an equal URL with the same Done channel of its
// context. They get one attempt each time until one succeeds. A client whose
// contexts are new for each attempt, or never end, is not recognised.
//
// Only the last response reaches the caller. A cookie jar therefore does not see
// the Set-Cookie headers of the responses that were repeated.
//
// The zero value works. A Retrier is safe for concurrent use. It must not be
// copied after first use, and its fields must not be changed once it is in use.
type Retrier struct {
	// Base sends the requests. nil is http.DefaultTransport.
	Base http.RoundTripper

	// MaxAttempts is the maximum number of attempts, the first included. 1 never
	// repeats, negative is no limit. 0 is 4 for what may not pass by itself, such as
	// a 500 or a timeout; what passes with time (the classes Unavailable,
	// Overloaded, Connection and RateLimit) is then repeated for as long as
	// OutageWait lasts. With a BackOff of your own and no OutageWait, 0 is 4 for
	// everything, since nobody knows how closely its attempts follow each other. If
	// MaxAttempts is set, OutageWait does not bound the attempts; MaxElapsed does.
	MaxAttempts int

	// OutageWait is how long after its first failure a call may still begin an
	// attempt, if the reason passes with time. Time that an inner Throttler held
	// the call back because of a pause or a failure counts. Of the two that are set
	// here and in a RetryPolicy the shorter one wins; how long an attempt waits in a
	// Throttler is bounded by that Throttler's OutageWait as well. One pause that
	// the server asks for is waited out even if it is longer. 0 is 30 s, and 10 s for
	// a call without a deadline. A tenth of the time until the call's deadline, one
	// second at most, is left to read the response. Negative is off: what passes is
	// tried as often as what may not.
	OutageWait time.Duration

	// MaxWait is the longest wait that a server may ask for. If it asks for a
	// longer one, its response is returned at once. 0 is one minute, negative is
	// no limit.
	MaxWait time.Duration

	// MaxElapsed is how long after its begin a call may still begin a repeat. Time
	// in the queue of an inner Throttler does not count, unless a pause or a failure
	// held the call there. 0 is two minutes, negative is no limit.
	MaxElapsed time.Duration

	// MaxBufferedBody is how many bytes of a body that has no GetBody and does not
	// stand in memory are kept so that it can be sent again. A larger body is sent once; if its length
	// is known to be larger, nothing is kept. 0 is 1 MiB, negative is no limit.
	MaxBufferedBody int64

	// BackOff returns a new backoff policy for one call. It is called before the
	// call's first retry. The policy gives the wait where the server asks for
	// none; where the server asks for one, the policy's wait is added to it, up
	// to one second. backoff.Stop ends the attempts. nil is exponential backoff:
	// a wait is between half and one and a half times its mean, and the means double
	// up to 4 s, from 0.5 s for what passes with time and from 0.25 s for the rest.
	BackOff func() backoff.BackOff

	// Budget limits the retries to each host. nil is a Budget of this Retrier's
	// own with default settings. Set one to change those, or to share it.
	Budget *Budget

	// AttemptTimeout limits each attempt, from when it begins until its response
	// is returned: until the headers have arrived and an inner Classifier has
	// read what it reads of the body. Time in an inner Throttler does not count,
	// and neither does the wait for a stream's first output, or the caller's reading
	// of the body. An attempt that takes longer fails with the class Timeout, and the
	// body of its request is closed. 0 is off.
	AttemptTimeout time.Duration

	// FirstOutput is how long an inner Classifier waits for the first output of a
	// language model's stream: text, reasoning, a tool call or an image. Until then
	// nothing of the stream is returned, and its failure is repeated like any other.
	// After FirstOutput, what has come by then is returned. Nothing is held back where
	// no further attempt can follow. 0 is 2 s, negative is off: a stream is returned
	// with its headers.
	FirstOutput time.Duration

	// StallTimeout is how long a Read from an event stream (text/event-stream), or from
	// a language model's stream in another form, waits for data. After that the stream ends and Read returns an *Error of
	// class Timeout. Comments, which servers send to keep a connection open, do
	// not count as data. 0 is off.
	StallTimeout time.Duration

	// Idempotent reports whether doing a request twice does no harm. If it is set,
	// it alone decides, for every request, whatever the method, the headers and the
	// body say: after false a request is repeated only if it was never sent or was
	// refused. A RetryPolicy that says something else about one call wins. It is
	// called once for each call, before the first attempt, and must not read the
	// body. nil goes by what is said at Retrier.
	Idempotent func(*http.Request) bool

	// InferenceOnce says that a call to a language model is repeated only if it was
	// never sent or was refused, since a model that generates twice may be paid
	// twice. The default is false: calls whose body shows no side effect are
	// repeated. Idempotent, and Idempotent of a RetryPolicy, win if they are set; so
	// does an idempotency key.
	InferenceOnce bool

	// IdempotencyKey returns a key that is sent in the header Idempotency-Key
	// with all attempts of a call. It is called once for each call whose method
	// is not idempotent and that has no such header; "" sends none. Set it only
	// if the server honours the key, because a request with a key is repeated
	// even if the server may have carried it out. nil is off.
	IdempotencyKey func(*http.Request) string

	// Prepare is called before each attempt after the first, with a request that
	// it may change, for example to sign it again or to set a fresh token, and
	// with the number of the attempt, from 2 on. If it returns an error, the
	// attempts end and the response in hand is returned; the error is returned
	// if there is no response. It is not called for a request that follows a
	// redirect to another origin (scheme, host and port): whatever it sets would go
	// to a stranger. nil does nothing.
	Prepare func(req *http.Request, attempt int) error

	// PrepareFirst has Prepare called before the first attempt too, with the number
	// 1, and once more with the same number for an attempt that a Throttler further
	// in has held back for a second or more: a signature with a date in it, such as
	// SigV4, ages while its request waits for its turn. The default is false: the
	// first attempt is sent as the caller made it.
	PrepareFirst bool

	// Decide decides after each failed attempt whether there is another, and
	// after which wait. d is what the Retrier would do without it. Decide cannot
	// exceed MaxAttempts, MaxElapsed, the Budget or the context's deadline. It
	// is not called if the context has ended, MaxAttempts is reached or the body
	// cannot be sent again. nil changes nothing.
	Decide func(req *http.Request, d Decision) (again bool, wait time.Duration)

	settings  settings
	ownBudget Budget
	givenUp   givenup.Memory
}

// A Decision is what a Retrier is about to do after a failed attempt.
type Decision struct {
	Attempt int           // how many attempts were made, at least 1
	Error   *Error        // the verdict on the last attempt
	Again   bool          // whether there will be another
	Wait    time.Duration // before the next attempt, if Again
	Why     string        // why there will be no other; "" if Again
}

// RoundTrip implements http.RoundTripper.
func (t *Retrier) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := t.settings.check(t); err != nil {
		return refuse(req, err)
	}
	return t.roundTrip(req, t.base())
}

func (t *Retrier) roundTrip(req *http.Request, next http.RoundTripper) (*http.Response, error) {
	via, below := failoverBelow(next)
	if via != nil && !via.holdsFor(req) {
		via = nil
	}
	return t.roundTripVia(req, via, below)
}

// roundTripVia is roundTrip with a Failover, nil for none, by which req may go
// elsewhere.
func (t *Retrier) roundTripVia(req *http.Request, via *Failover, next http.RoundTripper) (*http.Response, error) {
	if via != nil {
		if err := via.check(req); err != nil {
			return refuse(req, err)
		}
	}
	start := t.budget().count(hostOf(req))
	c := joinCall(req)
	if c == nil && t.setsPatience(req) {
		req, c = openCall(req) // in which a Throttler further in finds it
	}
	if c != nil {
		defer c.leave()
	}
	var p plan
	p.make(t, req, via, next, c)
	p.start = start
	if p.role == owner {
		c.setPatience(p.patience(), false)
		defer c.release()
	}
	if p.via != nil {
		p.begin()
	}
	if req.Method == http.MethodPost {
		if hold := p.firstOutput(p.switchedOff); hold != 0 {
			if c == nil {
				p.req, c = openCall(p.req) // in which a Classifier further in finds it
				defer c.leave()
			}
			c.setFirstOutput(hold, p.role == owner, p.leavesSilence())
		}
	}
	a, sent, resp, err := p.send(1, c, nil)
	if !sent { // the context has ended, and closed the body
		return nil, err
	}
	if err == nil && succeeded(resp) {
		p.lastAttempt()
		t.givenUp.Forget(req, p.began)
		p.answered(a, c, resp)
		return resp, nil
	}
	return p.retry(a, c, resp, err)
}

// succeeded reports whether what came without an error is nothing to repeat. A
// base that gives no response either is http.Client's to complain about.
func succeeded(resp *http.Response) bool {
	return resp == nil || !failed(resp) && verdictOn(resp) == nil
}

// CloseIdleConnections closes the idle connections of Base, if Base has a method
// for that.
func (t *Retrier) CloseIdleConnections() { closeIdle(t.base()) }

// WrappedRoundTripper returns Base, http.DefaultTransport if it is nil. Libraries
// that look for the http.Transport below its wrappers, as Kubernetes' do, find it so.
func (t *Retrier) WrappedRoundTripper() http.RoundTripper { return t.base() }

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
	if class.passes() {
		mean = meanBackOffPassing
	}
	return backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(mean),
		backoff.WithMaxInterval(maxBackOff),
		backoff.WithMultiplier(2),
		backoff.WithRandomizationFactor(0.5), // half fixed, half random
		backoff.WithMaxElapsedTime(0),        // MaxElapsed counts; the policy's clock would begin with the first retry
	)
}

// A Budget limits how many retries a Retrier sends to each host, however many
// calls fail. Without one, an outage multiplies the load of the host that has
// it.
//
// The zero value allows one retry for ten requests of the last five seconds,
// and three retries per second in addition, so that a client with few calls
// still gets its retries. At 200 calls per second that makes 1.12 requests per
// call in an outage. A retry that waited for a second or more because the server
// asked for it takes nothing from the budget, and neither does one that an inner
// Throttler holds back until it can succeed: they do not multiply the load.
//
// One Budget may serve several Retriers. It is safe for concurrent use. It must
// not be copied after first use, and its fields must not be changed once it is
// in use.
type Budget struct {
	// MaxRatio is how many retries are allowed for each request of the last
	// five seconds. 0 is 0.1, negative is no limit on retries at all.
	MaxRatio float64

	// MaxPerSecond is how many retries per second are allowed in addition. 0 is
	// 3, negative is no limit on retries at all.
	MaxPerSecond float64

	counts rolling.Counts
}

func (b *Budget) unlimited() bool { return b.MaxRatio < 0 || b.MaxPerSecond < 0 }

// count notes a request that is no retry, and returns when that was.
func (b *Budget) count(host string) monotime.Instant {
	t := monotime.Now()
	if b.unlimited() {
		return t
	}
	if h := b.counts.Of(host); h != nil {
		h.Request(t)
	}
	return t
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
