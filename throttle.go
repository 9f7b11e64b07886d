package steadyhttp

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"net/http"
	"time"

	"github.com/steadyhttp/steadyhttp/internal/dialect"
	"github.com/steadyhttp/steadyhttp/internal/limiter"
	"github.com/steadyhttp/steadyhttp/internal/redact"
	"github.com/steadyhttp/steadyhttp/limit"
)

const defaultMaxQueue = 10_000 // goroutines that wait take some 80 MB

// A Throttler keeps requests under three kinds of limits: those set here, those
// that servers state in their responses, and those that servers do not state
// but enforce. It reads from each response how much of a limit is left and when
// the rest comes back. Where a server states nothing, a single refusal holds
// nobody back. When several requests in a row are refused, the Throttler finds
// the rate or the window that the server allows.
//
// The zero value sets no limits and obeys those of the servers. If you know the
// limits of an API, set RequestsPerMinute, TokensPerMinute or MaxConcurrent. Clients
// that use the same Throttler share its limits. A Throttler is safe for concurrent
// use. It must not be copied after first use, and its fields must not be
// changed once it is in use.
//
// When a response asks for a pause, the requests that share its limit wait, not
// only the one that was refused. Which requests those are depends on the API:
// those with the same credential and model at OpenAI, with the same credential
// and method at Slack, with the same credential, method and path at an unknown
// host, where parts of the path that look like ids do not count. The pause ends early
// if a request that was sent after the refused one succeeds; one
// request goes after a second to find out. Where the API documents that it
// punishes clients that go on, the pause is kept in full.
//
// Requests also wait during an outage: after at least five failures in a row and no
// other answer among them. A failure is a connection that cannot be made or is lost,
// or status 502, 503, 52x or 529. An outage concerns the requests with the same
// credential, model, method and path. It concerns the whole host if no connection to
// it can be made, or if three paths fail. Then one request at a time is sent as a
// probe, 0.1 s to 1 s apart, until one is answered.
//
// After a pause or an outage, the requests that waited are sent at slightly more than
// the rate before, then faster.
//
// Requests wait by priority (see [WithPriority]), and those of one priority first
// come, first served. Each priority gets at least a twentieth of what passes. There is
// no fairness between tenants. If a request's turn cannot come before its context's
// deadline, it is refused at once: its body is closed, nothing is sent, and the error
// is an *Error that wraps ErrThrottled and says what held the request back.
//
// docs/limits.md has the evidence and the numbers, and how to find out why calls
// wait.
type Throttler struct {
	// Base sends the requests. nil is http.DefaultTransport.
	Base http.RoundTripper

	// RequestsPerSecond, RequestsPerMinute and RequestsPerDay limit how many
	// requests are sent in any span of that length. While requests wait, those of
	// a second or a minute are sent evenly spaced; those of a day are sent as they
	// come. All limits set here apply to each host and credential separately.
	// 0 is no limit.
	RequestsPerSecond float64
	RequestsPerMinute float64
	RequestsPerDay    float64

	// TokensPerMinute limits the tokens of a minute, input and output together.
	// InputTokensPerMinute and OutputTokensPerMinute are for providers that
	// count them separately. Before it is sent, a request reserves one token for
	// every four bytes of its text, and the tokens that it allows the model to
	// generate (max_tokens and the like). When the response says how many were
	// used, the difference is given back or charged; after a failure all are given
	// back. Requests that wait are spread over the minute by their tokens,
	// whatever Burst is. A request that needs more tokens than a minute has is
	// refused at once with the class TooLarge. 0 is no limit.
	TokensPerMinute       float64
	InputTokensPerMinute  float64
	OutputTokensPerMinute float64

	// MaxConcurrent limits how many requests are under way at once. A request is
	// under way from when it is sent until its response body is read to the end
	// or closed, or its context ends. 0 and negative are no limit.
	MaxConcurrent int

	// Burst is how many requests may be sent at once after a quiet time, under
	// RequestsPerSecond and RequestsPerMinute. 0 is one second's worth, and at
	// least 1.
	Burst int

	// ByModel applies the limits set here to each model separately. The default
	// is false: all models share them.
	ByModel bool

	// Key returns a name for the group of requests that share limits and pauses
	// with a request. It replaces what is otherwise used: host, credential, model
	// and what else the API tells requests apart by. It may be called several
	// times for a request and must not keep it. nil uses those.
	Key func(*http.Request) string

	// Cost returns what a request takes from the limits. It may read the body
	// only through GetBody. nil is the estimate described at TokensPerMinute.
	Cost func(*http.Request) limit.Cost

	// Priority returns the priority of a request whose context has none (see
	// WithPriority), for example for an SDK that takes no context. It may be called
	// several times for a request and must not keep it. nil is Normal for all.
	Priority func(*http.Request) limit.Priority

	// MaxSharedPause is the longest pause asked for by a server that holds back all
	// requests that share the limit. A longer pause concerns only the call whose
	// response asked for it. 0 is one minute, negative is no limit.
	MaxSharedPause time.Duration

	// MaxQueue is how many requests of each priority may wait for the same limit,
	// pause or outage. Further ones are refused at once with ErrThrottled. 0 is 10,000,
	// 1 lets one wait, negative is no limit. No value refuses all: for that give the
	// request a deadline, since one whose turn cannot come before it is refused at once.
	MaxQueue int

	// OutageWait is how long a request waits while its route or host fails. After that
	// a first attempt is sent all the same. A retry is not: the call returns the
	// response that it has. 0 is 30 s, or 10 s for a request without a
	// deadline, and 2 s for requests that come when the outage has lasted for a
	// minute. Negative is off: requests are sent during an outage. Half of the time
	// until the deadline is left to read the response, or half a second if that is
	// less, or a tenth if that is more, one second at most. If OutageWait is set in the
	// Retrier or in a RetryPolicy as well, the shortest that is set counts.
	OutageWait time.Duration

	// Limiter keeps the limits and decides when a request may be sent. nil is a
	// limiter in memory that only this Throttler uses. The module redissteady has one
	// that many processes share.
	Limiter limit.Limiter

	// Salt is the secret key with which credentials are hashed (HMAC-SHA256, cut
	// to 64 bits), so that a Limiter never sees a credential. Processes that
	// share a Limiter need the same Salt. "" is a random one that differs in each
	// process.
	Salt string

	// Disabled lets every request pass as if there were no Throttler. The limits that
	// are set here do not hold either. The default is false.
	Disabled bool

	// Inference says what is done about everything that is learned from responses:
	// limits that are not set here, pauses and outages. limit.Act, the zero value,
	// holds requests back. limit.Observe holds nothing back; Snapshot, and the log if
	// Logger.Attempts is set, show what would have waited. limit.Off learns nothing.
	// The limits that are set here hold with all three.
	Inference limit.Inference

	settings settings
	own      limiter.Memory
}

// RoundTrip implements http.RoundTripper.
func (t *Throttler) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := t.settings.check(t); err != nil {
		return refuse(req, err)
	}
	return t.roundTrip(req, t.base())
}

func (t *Throttler) roundTrip(req *http.Request, next http.RoundTripper) (*http.Response, error) {
	return t.roundTripBy(req, next, nil)
}

// roundTripBy is roundTrip for a request that may go elsewhere, and waits here as v has
// it; nil for one that may not.
func (t *Throttler) roundTripBy(req *http.Request, next http.RoundTripper, v *visit) (*http.Response, error) {
	if t.Disabled {
		v.goes()
		return send(next, req)
	}
	if !t.unlimited() {
		return t.withPermit(req, next, v)
	}
	pass, ok := t.own.Pass(hostOf(req))
	if !ok {
		return t.withPermit(req, next, v)
	}
	v.goes()
	resp, err := send(next, req)
	if worthObserving(pass, resp, err) {
		t.observeLate(pass, req, resp, err)
	}
	return resp, err
}

// peek returns how long req would wait if it came now, 0 if it would not. If it names
// a model, model is taken for that unless it is "". What cannot be sent at all does
// not wait. req's body is read only through GetBody.
func (t *Throttler) peek(req *http.Request, model string) time.Duration {
	if t.Disabled || t.unlimited() && t.own.Clear(hostOf(req)) {
		return 0
	}
	ask, err := t.ask(req)
	if err != nil {
		return 0
	}
	if model != "" && ask.Key.Model != "" {
		ask.Key.Model = model
		if ask.LimitsKey.Model != "" {
			ask.LimitsKey.Model = model
		}
	}
	ask.MaxWait = -1
	wait := t.limiter().Peek(req.Context(), ask)
	if wait > 0 && t.Limiter == nil {
		t.own.Missed(&ask)
	}
	return wait
}

// worthObserving reports whether an outcome has something to tell about a host
// that held nobody back when the request went out.
func worthObserving(p limiter.Pass, resp *http.Response, err error) bool {
	return err != nil || resp == nil || failed(resp) || !p.Open() || verdictOn(resp) != nil || dialect.MentionsLimits(resp.Header)
}

// observeLate observes the outcome of a request that went out with p.
func (t *Throttler) observeLate(p limiter.Pass, req *http.Request, resp *http.Response, err error) {
	r := reading{late: true}
	a := limit.Ask{Key: t.keyOf(req, &r), Cost: limit.Cost{Requests: 1}, Inference: t.Inference}
	a.Key.Host = p.Host() // of when it was sent: the base may have changed req
	body, _ := inMemory(req, true)
	s := settling{t: t, p: t.own.PermitFor(p, a, req, body)}
	defer s.unlessLater()
	s.observe(req, resp, err)
}

// withPermit waits for a permit, then sends req.
func (t *Throttler) withPermit(req *http.Request, next http.RoundTripper, v *visit) (*http.Response, error) {
	ask, err := t.ask(req)
	if err != nil {
		return refuse(req, err)
	}
	if v != nil {
		ask.MaxWait = v.within
	}
	s, c := settling{t: t}, callFrom(req.Context())
	told := c.traceWait(req, &ask)
	over := whileWaiting(req)
	if v == nil {
		s.p, err = t.acquire(req.Context(), req, &ask)
	} else {
		s.p, err = v.acquire(t, req, &ask)
	}
	over()
	if s.p.Waited > 0 {
		req, c = openCall(req)
		defer c.leave()
		c.addThrottled(s.p.Waited, s.p.Gated, ask.Priority)
		c.logThrottled(req, s.p.Waited, s.p.Why, ask.Priority)
	}
	if err != nil {
		told.ends(&ask, &s.p)
		return refuse(req, refusal(err))
	}
	if c != nil && s.p.Spared != "" {
		c.logSpared(req, s.p.Spared)
	}
	defer s.unlessLater()
	told.ends(&ask, &s.p)
	if req, err = preparedAgain(req, s.p.Waited); err != nil {
		s.outcome.Refund = true
		return refuse(req, err)
	}
	s.req = req
	v.goes()
	resp, err := send(next, req) // which may panic: then it is settled all the same
	s.observe(req, resp, err)
	if underWay(resp) && s.needsEnd() {
		s.later(resp)
	}
	return resp, err
}

// ask says what req needs.
func (t *Throttler) ask(req *http.Request) (a limit.Ask, err error) {
	var r reading
	a.Key, a.MaxQueue, a.Inference = t.keyOf(req, &r), t.maxQueue(), t.Inference
	a.Priority = t.priority(req)
	a.Repeatable = harmOf(req).mostlyHarmless()
	if t.limited() {
		a.Limits = t.limits()
		a.LimitsKey.Host, a.LimitsKey.Credential = a.Key.Host, a.Key.Credential
		if t.ByModel {
			a.LimitsKey.Model = cmp.Or(a.Key.Model, "unknown")
		}
	}
	if t.limitsTokens() || t.Cost != nil || worthReading(req) {
		a.Cost = t.cost(req, &r)
	}
	if t.limitsTokens() {
		if err = t.tooLarge(a.Cost); err != nil {
			return a, err
		}
	}
	a.OutageWait, a.MaxPause, a.Repeat = callFrom(req.Context()).patience(t.OutageWait)
	return a, nil
}

// tooLarge refuses what fits no minute. Only the user's own limits count: one
// that a server states is for the server to enforce.
func (t *Throttler) tooLarge(c limit.Cost) error {
	for _, f := range [...]struct {
		limit float64
		n     int64
		of    string
	}{
		{t.TokensPerMinute, c.Input + c.Output, "tokens"},
		{t.InputTokensPerMinute, c.Input, "input tokens"},
		{t.OutputTokensPerMinute, c.Output, "output tokens"},
	} {
		if f.limit > 0 && float64(f.n) > f.limit {
			return &Error{
				Class:   TooLarge,
				Fate:    FateNeverSent,
				Message: fmt.Sprintf("not sent: the request needs about %d %s, more than the limit of %.0f per minute", f.n, f.of, f.limit),
				Hint:    TooLarge.sheet().hint,
				Err:     ErrThrottled,
			}
		}
	}
	return nil
}

// refusal makes an *Error of why the Limiter gave no permit, with the verdict on
// what holds everybody back, if that is known.
func refusal(err error) error {
	if !errors.Is(err, ErrThrottled) {
		return err
	}
	e := &Error{Class: RateLimit, Hint: "Allow the call more time, or send fewer requests at once."}
	reason := "its turn could not come in time"
	var r *limit.Refusal
	if errors.As(err, &r) {
		reason = redact.Line(r.Reason, maxDetail)
		var cause *Error
		if errors.As(r.Err, &cause) {
			of := *cause
			e = &of
			e.Status, e.RequestID, e.Body, e.repeat, e.refused = 0, "", nil, 0, false
			if cause.Message != "" {
				reason += ": " + cause.Message
			}
		}
	}
	e.Fate, e.Message, e.Err = FateNeverSent, "not sent: "+reason, err
	return e
}

// recordFor returns the record that an outer Retrier will look at, nil if there
// is none yet.
func recordFor(req *http.Request, resp *http.Response) *call {
	if c := callFrom(req.Context()); c != nil || resp == nil {
		return c
	}
	_, c := known(resp)
	return c
}

// Snapshot returns what is known now of limits, pauses, failures and waiting
// requests, in no particular order.
func (t *Throttler) Snapshot() []limit.KeyState { return t.limiter().Snapshot() }

// CloseIdleConnections closes the idle connections of Base, if Base has a method
// for that.
func (t *Throttler) CloseIdleConnections() { closeIdle(t.base()) }

// WrappedRoundTripper returns Base, http.DefaultTransport if it is nil. Libraries
// that look for the http.Transport below its wrappers, as Kubernetes' do, find it so.
func (t *Throttler) WrappedRoundTripper() http.RoundTripper { return t.base() }

func (t *Throttler) base() http.RoundTripper    { return orDefault(t.Base) }
func (t *Throttler) ownBase() http.RoundTripper { return t.Base }

func (t *Throttler) limiter() limit.Limiter {
	if t.Limiter != nil {
		return t.Limiter
	}
	return &t.own
}

func (t *Throttler) limits() limit.Limits {
	return limit.Limits{
		RequestsPerSecond: t.RequestsPerSecond, RequestsPerMinute: t.RequestsPerMinute, RequestsPerDay: t.RequestsPerDay,
		TokensPerMinute: t.TokensPerMinute, InputTokensPerMinute: t.InputTokensPerMinute, OutputTokensPerMinute: t.OutputTokensPerMinute,
		MaxConcurrent: t.MaxConcurrent, Burst: t.Burst,
	}
}

// unlimited reports whether all limits are left to the servers.
func (t *Throttler) unlimited() bool { return t.Limiter == nil && t.Key == nil && !t.limited() }

func (t *Throttler) limited() bool {
	return t.RequestsPerSecond > 0 || t.RequestsPerMinute > 0 || t.RequestsPerDay > 0 || t.MaxConcurrent > 0 || t.limitsTokens()
}

func (t *Throttler) limitsTokens() bool {
	return t.TokensPerMinute > 0 || t.InputTokensPerMinute > 0 || t.OutputTokensPerMinute > 0
}

func (t *Throttler) maxQueue() int {
	switch {
	case t.MaxQueue == 0:
		return defaultMaxQueue
	case t.MaxQueue < 0:
		return 0
	}
	return t.MaxQueue
}

func (t *Throttler) validate() error {
	for _, f := range []struct {
		name  string
		value float64
	}{
		{"RequestsPerSecond", t.RequestsPerSecond},
		{"RequestsPerMinute", t.RequestsPerMinute},
		{"RequestsPerDay", t.RequestsPerDay},
		{"TokensPerMinute", t.TokensPerMinute},
		{"InputTokensPerMinute", t.InputTokensPerMinute},
		{"OutputTokensPerMinute", t.OutputTokensPerMinute},
		{"Burst", float64(t.Burst)},
	} {
		if f.value < 0 || math.IsNaN(f.value) || math.IsInf(f.value, 0) {
			return fmt.Errorf("steadyhttp: Throttler.%s is %v; set a positive number, or 0 for no limit", f.name, f.value)
		}
	}
	return nil
}
