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

// A Retrier repeats a request that failed, if it can succeed later and repeating it
// is safe. The zero value works. The settings that are changed most often are
// OutageWait, MaxAttempts and Idempotent.
//
// # What is repeated
//
// The [Class] of a failure says whether the same request can succeed later. The
// [Fate] says whether repeating it is safe. It is safe if the request was never sent,
// if the server refused it without carrying it out, or if doing it twice does no
// harm. The last is so for
//
//   - HEAD, OPTIONS and TRACE, and a GET whose path shows no action, as /send does;
//   - PUT and DELETE, but for a PUT that is known to add something, and for a write under
//     a condition: in a header (If-Match), in the query, or in JSON that is in memory
//     (Kubernetes' resourceVersion);
//   - a request with an idempotency key;
//   - a call to a language model whose body shows no side effect: no work in the
//     background or in a stored conversation, no tool that the server runs elsewhere
//     (MCP, connectors), no webhook. Such an answer may be billed twice; see
//     InferenceOnce. At an unknown host and path, a call to a language model is one
//     whose body names a model, has a list of messages with roles, and no members
//     but parameters of such calls.
//
// A 421 is not repeated, because a wrapper cannot choose the connection; nor is most of
// what only looks like an error in a successful response, see [Classifier]. After a 409
// to a retry with an idempotency key, whose first attempt was not answered, the first
// one is still running: the call waits for it as for an outage.
//
// # How long
//
// A Retrier waits as long as the server asks, otherwise as long as BackOff says.
// Failures that pass with time, such as a 503, are retried until OutageWait is over;
// failures that may be permanent, such as a 500, up to MaxAttempts times. If a wait
// would end after the context's deadline, the response in hand is returned at once.
// http.Client.Timeout is such a deadline too. An attempt itself has no limit of time
// but that and AttemptTimeout. When the attempts end, the caller gets the last response
// with its whole body, or the last error unchanged.
//
// # Bodies
//
// A body is sent again from Request.GetBody. If there is none, a body that is in
// memory ([bytes.Reader], [bytes.Buffer], [strings.Reader]) is sent again from there.
// Of any other body, what an attempt reads is kept, up to MaxBufferedBody. Bodies are
// not read in advance, and no attempt waits for a slow writer of the body of an
// earlier one. The request itself is not modified.
//
// # Clients and wrappers that retry as well
//
// Attempts do not multiply. A Retrier does not repeat what an inner Retrier gave up
// on. A client that numbers its own retries gets one attempt for each of them;
// X-Stainless-Retry-Count, Amz-Sdk-Request, Google Cloud's gccl-attempt-count,
// Retry-Attempt, Grpc-Previous-Rpc-Attempts, X-Retry-Count and X-Retry-Attempt are
// understood. The OpenAI and Anthropic SDKs obey X-Should-Retry: they get it with the
// value false, on a copy of the response's headers, if the Retrier has repeated the
// request in vain or knows the failure to be final.
//
// Other clients, such as go-retryablehttp, are recognised when they send the same
// request again within half a minute after the Retrier gave up on it. It has the same
// method and length, and either the same URL pointer, or an equal URL and a context
// with the same Done channel. They get one attempt each time until one succeeds. A
// client whose contexts are new for each attempt, or never end, is not recognised.
//
// Only the last response reaches the caller, and its cookie jar.
//
// A Retrier is safe for concurrent use. It must not be copied after first use, and
// its fields must not be changed once it is in use.
type Retrier struct {
	// Base sends the requests. nil is http.DefaultTransport.
	Base http.RoundTripper

	// MaxAttempts is the maximum number of attempts, the first included. 1 never
	// repeats, negative is no limit. 0 is 4 for failures that may be permanent, such
	// as a 500 or a timeout; failures that pass with time (the classes Unavailable,
	// Overloaded, Connection and RateLimit) are then retried until OutageWait is over.
	// If MaxAttempts is set, it bounds both, together with MaxElapsed, and OutageWait
	// does not: so 6 is less patient than the default in an outage. With a BackOff of
	// your own and no OutageWait, 0 is 4 for both.
	MaxAttempts int

	// OutageWait is how long after its first failure a call may still begin an
	// attempt, if the failure is one that passes with time. This includes the time for
	// which an inner Throttler holds the call back during a pause or an outage. 0 is
	// 30 s, or 10 s for a call without a deadline. Negative is off: such failures are
	// then retried as often as all others, up to MaxAttempts. If OutageWait is set in a
	// RetryPolicy or in the Throttler as well, the shortest that is set counts. To wait
	// for longer than MaxElapsed, set that too.
	//
	// One pause that the server asks for is waited out even if it is longer. A tenth
	// of the time until the call's deadline, one second at most, is left to read the
	// response.
	OutageWait time.Duration

	// MaxWait is the longest wait that a server may ask for. If it asks for a
	// longer one, its response is returned at once. 0 is one minute, negative is
	// no limit.
	MaxWait time.Duration

	// MaxElapsed is how long after its start a call may still begin a retry. Time in
	// the queue of an inner Throttler does not count, unless a pause or an outage held
	// the call there. It is also how long a call waits for the pauses of a limit before
	// its first attempt; then it fails with ErrThrottled. 0 is two minutes, negative is
	// no limit.
	MaxElapsed time.Duration

	// MaxBufferedBody is how many bytes of a request body are kept so that it can be
	// sent again, if the body has no GetBody and is not in memory. A larger body is
	// sent once; if its length is known to be larger, nothing is kept. 0 is 1 MiB,
	// negative is no limit.
	MaxBufferedBody int64

	// BackOff returns a new backoff policy for one call, before its first retry. The
	// policy decides how long to wait if the server does not ask for a wait. If it
	// does, up to one second of the policy's wait is added. backoff.Stop ends the
	// attempts. nil is exponential backoff with jitter: each wait is between half and
	// one and a half times its mean. The mean doubles up to 4 s, from 0.5 s for
	// failures that pass with time and from 0.25 s for all others.
	BackOff func() backoff.BackOff

	// Budget limits the retries to each host. nil is a Budget of this Retrier's
	// own with default settings. Set one to change those, or to share it.
	Budget *Budget

	// AttemptTimeout limits each attempt until its response is returned: the headers
	// have arrived, and an inner Classifier has read its part of the body. Not counted
	// are time in an inner Throttler, the wait for a stream's first output, and the
	// caller's reading of the body. An attempt that takes longer fails with the class
	// Timeout, and the body of its request is closed. 0 is off.
	AttemptTimeout time.Duration

	// FirstOutput is how long an inner Classifier waits for the first output of a
	// language model's stream: text, reasoning, a tool call or an image. Until then the
	// stream is not returned, and if it fails, the request is repeated like any other.
	// When FirstOutput is over, the stream is returned with what has come. Nothing is
	// held back if no further attempt can follow. 0 is 2 s, negative is off: a stream
	// is returned with its headers.
	FirstOutput time.Duration

	// StallTimeout is how long a Read waits for data from an event stream
	// (text/event-stream), or from a language model's stream in another form. After
	// that the stream ends, and Read returns an *Error of class Timeout. Comments,
	// which servers send to keep a connection open, do not count as data. 0 is off.
	StallTimeout time.Duration

	// Idempotent reports whether doing a request twice does no harm. If it is set, it
	// decides for every request, in place of the rules that are described at Retrier.
	// A request for which it returns false is repeated only if it was never sent or was
	// refused. A RetryPolicy for one call wins over it. It is called once for each
	// call, before the first attempt, and must not read the body. nil goes by the
	// rules.
	Idempotent func(*http.Request) bool

	// InferenceOnce prevents that a call to a language model is billed twice: it is
	// repeated only if it was never sent or was refused. The default is false: calls
	// whose body shows no side effect are repeated. It does not hold for a call with an
	// idempotency key, nor for one that Idempotent, here or in a RetryPolicy, allows to
	// be repeated. An SDK that retries by itself is not bound by it: turn that off.
	InferenceOnce bool

	// IdempotencyKey returns a key that is sent in the header Idempotency-Key
	// with all attempts of a call. It is called once for each call whose method
	// is not idempotent and that has no such header; "" sends none. Set it only
	// if the server honours the key, because a request with a key is repeated
	// even if the server may have carried it out. nil is off.
	IdempotencyKey func(*http.Request) string

	// Prepare is called before each attempt after the first, with a request that it may
	// change, for example to sign it again or to set a fresh token, and with the number
	// of the attempt, from 2 on. If it returns an error, the attempts end. The call then
	// returns what its last attempt came to, or Prepare's error if there is nothing else.
	// Prepare is not called after a redirect to another origin (scheme, host and port),
	// where what it sets would go to a stranger. nil does nothing, and a request with
	// what works once, such as a DPoP proof or an OAuth 1 nonce, is then sent once.
	Prepare func(req *http.Request, attempt int) error

	// PrepareFirst calls Prepare before the first attempt too, with the number 1. If an
	// inner Throttler has held an attempt back for a second or more, Prepare is called
	// once more with the same number, since a signature with a date in it, such as
	// SigV4, ages meanwhile. The default is false: the first attempt is sent as the
	// caller made it.
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
		if opened := p.sayFirstOutput(c); opened != nil {
			c = opened
			defer c.leave()
		}
	}
	sent, resp, err := p.send(1, c, nil)
	if !sent { // the context has ended, and closed the body
		return nil, err
	}
	if err == nil && succeeded(resp) {
		p.lastAttempt()
		t.givenUp.Forget(req, p.began)
		p.answered(c, resp)
		return resp, nil
	}
	return p.retry(c, resp, err)
}

// sayFirstOutput tells a Classifier further in how long to wait for the first output of a
// stream. It returns the record that it opened for that, nil if there was one, or if it
// had nothing to say.
func (p *plan) sayFirstOutput(c *call) (opened *call) {
	hold := p.firstOutput(p.switchedOff)
	if hold == 0 {
		return nil
	}
	if c == nil {
		p.req, opened = openCall(p.req)
		c = opened
	}
	c.setFirstOutput(hold, p.role == owner, p.leavesSilence())
	return opened
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
