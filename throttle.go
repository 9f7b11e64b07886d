package steadyhttp

import (
	"cmp"
	"context"
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

// A Throttler sends requests no faster than allowed: by the limits set here,
// and by those that servers state or show. It learns from each answer how much
// of a limit is left and when it comes back, and, where a server says nothing,
// from its refusals what rate it bears. After an answer that asks to wait,
// everybody whom that concerns waits, not only the one who was told: those with
// the same credential and model at OpenAI, the same credential and method at
// Slack, the same credential, method and path at a host that nobody knows. One goes first
// then, and the others follow at the pace of the limit.
//
// While a host fails (no connection, a reset, 502, 503, 52x, 529, at least five
// times in a row), calls to it wait as well, and one probe at a time goes out,
// 100 ms to a second apart. After the first success all go on, at first a little
// faster than before.
//
// A request waits for its turn, first come first served, until its context
// ends. If its turn cannot come before the context's deadline, it is refused at
// once with an *Error that wraps ErrThrottled and carries the verdict that holds
// everybody back; its body is closed and nothing was sent.
//
// Its zero value has no limits of its own and obeys the servers. Limits apply
// to each host and credential apart. One Throttler may serve several clients,
// which then share its limits. It is safe for concurrent use; it must not be
// copied after first use and its fields must not change once it is in use.
type Throttler struct {
	// Base makes the requests. nil is http.DefaultTransport.
	Base http.RoundTripper

	// RequestsPerSecond, RequestsPerMinute and RequestsPerDay are how many
	// requests are sent in that time: spread evenly after a burst, those of a
	// day when they are wanted. 0 is no limit.
	RequestsPerSecond float64
	RequestsPerMinute float64
	RequestsPerDay    float64

	// TokensPerMinute is how many tokens the requests of a minute may take, input
	// and output together; InputTokensPerMinute and OutputTokensPerMinute are for
	// providers that count them apart. A request reserves a token for every
	// four bytes of its text, and what it allows to be generated (max_tokens and
	// its like). Once its answer tells what was used, the difference is given
	// back or charged. A request that reserves more than a minute's tokens is
	// refused at once, classed TooLarge. 0 is no limit.
	TokensPerMinute       float64
	InputTokensPerMinute  float64
	OutputTokensPerMinute float64

	// MaxConcurrent is how many requests are under way at once. One is under
	// way from when it is sent until its response body is closed or read to its
	// end. 0 and negative are no limit.
	MaxConcurrent int

	// Burst is how many requests may go at once after a pause, of those set by
	// the second and by the minute. 0 is one second's worth, and 1 at the least.
	Burst int

	// ByModel makes the limits set here apply to each model apart.
	ByModel bool

	// Key returns whom a request shares limits and gates with, in place of host,
	// credential, model and whatever else the API parts its limits by. It is
	// called several times for a request and must not keep it. nil is as said.
	Key func(*http.Request) string

	// Cost returns what a request takes from the limits, in place of the
	// estimate. It must not read the body but by GetBody. nil is the estimate.
	Cost func(*http.Request) limit.Cost

	// MaxSharedPause is the longest wait, asked for by a server, that everybody joins.
	// A longer one concerns only the call that was told. 0 is one minute,
	// negative is no limit.
	MaxSharedPause time.Duration

	// MaxQueue is how many requests may wait for the limits set here, for each
	// host and credential. One more is refused with ErrThrottled. 0 is 10,000,
	// negative is no limit.
	MaxQueue int

	// OutageWait is how long a call whose context has no deadline waits while its host
	// fails. 0 is ten seconds. Negative switches it off: all calls go out.
	OutageWait time.Duration

	// Limiter keeps the limits. nil is one of this Throttler's own, in memory.
	Limiter limit.Limiter

	// Salt is a secret that credentials are hashed with (HMAC-SHA256, of which
	// 64 bits stay), so that processes that share a Limiter name them alike and
	// it never learns them. "" is a seed of this process's own.
	Salt string

	settings   settings
	dimensions dimensionsByHost
	own        limiter.Memory
}

// RoundTrip implements http.RoundTripper.
func (t *Throttler) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := t.settings.check(t); err != nil {
		return refuse(req, err)
	}
	return t.roundTrip(req, t.base())
}

func (t *Throttler) roundTrip(req *http.Request, next http.RoundTripper) (*http.Response, error) {
	if !t.unlimited() {
		return t.withPermit(req, next)
	}
	pass, ok := t.own.Pass(hostOf(req))
	if !ok {
		return t.withPermit(req, next)
	}
	resp, err := send(next, req)
	if worthObserving(pass, resp, err) {
		t.observeLate(pass, req, resp, err)
	}
	return resp, err
}

// worthObserving reports whether an outcome has something to tell about a host
// that held nobody back when the request went out.
func worthObserving(p limiter.Pass, resp *http.Response, err error) bool {
	return err != nil || resp == nil || failed(resp) || !p.Open() || verdictOn(resp) != nil || dialect.MentionsLimits(resp.Header)
}

// observeLate observes the outcome of a request that went out with p.
func (t *Throttler) observeLate(p limiter.Pass, req *http.Request, resp *http.Response, err error) {
	s := settling{t: t, p: t.own.PermitFor(p)}
	defer s.unlessLater()
	s.observe(req, resp, err)
}

// withPermit waits for a permit, then sends req.
func (t *Throttler) withPermit(req *http.Request, next http.RoundTripper) (*http.Response, error) {
	ask, err := t.ask(req)
	if err != nil {
		return refuse(req, err)
	}
	s := settling{t: t}
	over := whileWaiting(req)
	s.p, err = t.acquire(req, ask)
	over()
	if s.p.Waited > 0 {
		var c *call
		req, c = openCall(req)
		defer c.leave()
		c.addThrottled(s.p.Waited)
		c.logThrottled(req, s.p.Waited, s.p.Why)
	}
	if err != nil {
		return refuse(req, refusal(err))
	}
	s.req = req
	defer s.unlessLater()
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
	dims := t.dimensions.of(hostOf(req))
	a.Key, a.MaxQueue, a.OutageWait = t.keyOf(req, dims, &r), t.maxQueue(), max(t.OutageWait, 0)
	if t.limited() {
		a.Limits = t.limits()
		a.LimitsKey.Host, a.LimitsKey.Credential = a.Key.Host, a.Key.Credential
		if t.ByModel {
			a.LimitsKey.Model = cmp.Or(a.Key.Model, "unknown")
		}
	}
	if t.limitsTokens() || dims.tokens || t.Limiter != nil {
		a.Cost = t.cost(req, &r)
	}
	if t.limitsTokens() {
		err = t.tooLarge(a.Cost)
	}
	return a, err
}

// An asker makes Asks for the limiter in memory.
type asker struct{ *Throttler }

func (t asker) Ask(req *http.Request) (limit.Ask, error) { return t.ask(req) }

func (t *Throttler) acquire(req *http.Request, a limit.Ask) (limit.Permit, error) {
	ctx := req.Context()
	if t.Limiter == nil {
		return t.own.AcquireFor(ctx, &limiter.Request{Ask: a, HTTP: req, Asker: asker{t}})
	}
	//lint:ignore SA1019 deprecated for callers, who may still set it
	if req.Cancel != nil {
		var stop context.CancelCauseFunc
		//lint:ignore SA1019 deprecated for callers, who may still set it
		ctx, stop = withCancel(ctx, req.Cancel)
		defer stop(nil)
	}
	return t.Limiter.Acquire(ctx, a)
}

// withCancel is context.WithCancelCause for a context that ends when cancel, of
// its request, is closed as well.
func withCancel(ctx context.Context, cancel <-chan struct{}) (context.Context, context.CancelCauseFunc) {
	ctx, stop := context.WithCancelCause(ctx)
	go func() {
		select {
		case <-cancel:
			stop(whyCanceled(ctx))
		case <-ctx.Done():
		}
	}()
	return ctx, stop
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
				Message: fmt.Sprintf("not sent: the request reserves about %d %s, more than the %.0f of a whole minute", f.n, f.of, f.limit),
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
			e.Status, e.RequestID, e.Body, e.repeat = 0, "", nil, 0
			reason += ": " + cause.Message
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

// Snapshot lists what is known now of limits, waits and gates, in no order.
func (t *Throttler) Snapshot() []limit.KeyState { return t.limiter().Snapshot() }

// CloseIdleConnections closes the idle connections of Base, if it can.
func (t *Throttler) CloseIdleConnections() { closeIdle(t.base()) }

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
