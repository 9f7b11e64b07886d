package steadyhttp

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"time"

	"github.com/steadyhttp/steadyhttp/internal/redact"
)

const (
	defaultMaxQueue = 10_000 // goroutines that wait take some 80 MB

	// defaultGate is how long a first attempt without a deadline waits for a host
	// that fails: most restarts are over by then, and a person waits no longer.
	defaultGate = 10 * time.Second
)

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
	Cost func(*http.Request) Cost

	// MaxWait is the longest wait, asked for by a server, that everybody joins.
	// A longer one concerns only the call that was told. 0 is one minute,
	// negative is no limit.
	MaxWait time.Duration

	// MaxQueue is how many requests may wait for the limits set here, for each
	// host and credential. One more is refused with ErrThrottled. 0 is 10,000,
	// negative is no limit.
	MaxQueue int

	// Gate is how long a call whose context has no deadline waits while its host
	// fails. 0 is ten seconds. Negative switches it off: all calls go out.
	Gate time.Duration

	// Limiter keeps the limits. nil is one of this Throttler's own, in memory.
	Limiter Limiter

	// Salt is a secret that credentials are hashed with (HMAC-SHA256, of which
	// 64 bits stay), so that processes that share a Limiter name them alike and
	// it never learns them. "" is a seed of this process's own.
	Salt string

	settings settings
	partings partings

	own memory
}

// RoundTrip implements http.RoundTripper.
func (t *Throttler) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := t.settings.check(t); err != nil {
		return refuse(req, err)
	}
	return (&throttling{t, t.base(), t.unlimited()}).RoundTrip(req)
}

// A throttling is a Throttler with what it calls: its Base, or the next of a
// chain.
type throttling struct {
	*Throttler
	next http.RoundTripper
	free bool // nothing is set that could hold a request back
}

func (t *throttling) RoundTrip(req *http.Request) (*http.Response, error) {
	var host *lane
	if t.free {
		host = t.own.free(hostOf(req))
	}
	if host == nil {
		return t.withPermit(req)
	}
	sent, search := t.own.count(host)
	resp, err := t.next.RoundTrip(req)
	if tells(host, search, req, resp, err) {
		resp, err = eitherOr(resp, err)
		t.heard(host, sent, req, resp, err)
	}
	return resp, err
}

// heard takes in what became of a request that went out at sent without a
// permit, at 0 if that was not looked at.
func (t *Throttler) heard(host *lane, sent instant, req *http.Request, resp *http.Response, err error) {
	a := Ask{Key: Key{Host: host.key.Host}} // of when it was sent: the base may have changed req
	s := settling{t: t, p: t.own.afterwards(a, sent)}
	defer s.unlessLater()
	s.hear(req, resp, err)
}

// withPermit waits for a permit, then sends req.
func (t *throttling) withPermit(req *http.Request) (*http.Response, error) {
	var a Ask
	if err := t.ask(req, &a); err != nil {
		return refuse(req, err)
	}
	s := settling{t: t.Throttler}
	over := whileWaiting(req)
	err := t.acquire(req.Context(), &a, &s.p)
	over()
	if s.p.Waited > 0 {
		var c *call
		req, c = openCall(req)
		defer c.leave()
		c.addThrottled(s.p.Waited)
		c.logThrottled(req, s.p.Waited, s.p.Why)
	}
	if err != nil {
		return refuse(req, t.refusal(a.Key, err))
	}
	s.req = req
	defer s.unlessLater()
	resp, err := send(t.next, req) // which may panic: then it is settled all the same
	s.hear(req, resp, err)
	if upUntilClosed(resp) && s.needsEnd(&a) {
		s.later(resp)
	}
	return resp, err
}

// ask says in a, which is empty, what req needs.
func (t *Throttler) ask(req *http.Request, a *Ask) error {
	var r reading
	parting := t.parting(req)
	a.Key, a.MaxQueue, a.Patience, a.keyer, a.request = t.keyOf(req, parting, &r), t.maxQueue(), t.patience(), t, req
	//lint:ignore SA1019 deprecated for callers, who may still set it
	a.cancel = req.Cancel
	if t.limited() {
		a.Limits = t.limits()
		a.Under.Host, a.Under.Credential = a.Key.Host, a.Key.Credential
		if t.ByModel {
			a.Under.Model = cmp.Or(a.Key.Model, "unknown")
		}
	}
	if t.limitsTokens() || parting.tokens || t.Limiter != nil {
		a.Cost = t.cost(req, &r)
	}
	if t.limitsTokens() {
		return t.tooLarge(a.Cost)
	}
	return nil
}

func (t *Throttler) acquire(ctx context.Context, a *Ask, p *Permit) (err error) {
	if t.Limiter == nil {
		return t.own.acquire(ctx, a, p)
	}
	if a.cancel != nil {
		var stop context.CancelCauseFunc
		ctx, stop = withCancel(ctx, a.cancel)
		defer stop(nil)
	}
	*p, err = t.Limiter.Acquire(ctx, *a)
	return err
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
func (t *Throttler) tooLarge(c Cost) error {
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

// refusal makes an *Error of why the Limiter gave no permit, with the verdict
// that is in force, if one is.
func (t *Throttler) refusal(k Key, err error) error {
	if !errors.Is(err, ErrThrottled) {
		return err
	}
	e := &Error{Class: RateLimit, Hint: "Allow the call more time, or send fewer requests at once."}
	if v := t.inForce(k); v != nil {
		of := *v
		e = &of
		e.Status, e.RequestID, e.Body, e.repeat = 0, "", nil, 0
		e.Message = ": " + v.Message
	}
	text := "no permit came in time"
	var reason interface{ Reason() string }
	if errors.As(err, &reason) {
		text = redact.Line(reason.Reason(), maxDetail)
	}
	e.Fate, e.Message, e.Err = FateNeverSent, "not sent: "+text+e.Message, err
	return e
}

// inForce returns the verdict that holds those under k back, nil if none does
// or the Limiter does not tell.
func (t *Throttler) inForce(k Key) *Error {
	if l, ok := t.limiter().(interface{ Verdict(Key) *Error }); ok {
		return l.Verdict(k)
	}
	return nil
}

// recordFor returns the record that an outer Retrier will look at, nil if there
// is none yet.
func recordFor(req *http.Request, resp *http.Response) *call {
	if c := callFrom(req.Context()); c != nil || resp == nil {
		return c
	}
	return leftOn(resp)
}

// Snapshot lists what is known now of limits, waits and gates, in no order.
func (t *Throttler) Snapshot() []KeyState { return t.limiter().Snapshot() }

// CloseIdleConnections closes the idle connections of Base, if it can.
func (t *Throttler) CloseIdleConnections() { closeIdle(t.base()) }

func (t *Throttler) base() http.RoundTripper    { return orDefault(t.Base) }
func (t *Throttler) ownBase() http.RoundTripper { return t.Base }

func (t *Throttler) limiter() Limiter {
	if t.Limiter != nil {
		return t.Limiter
	}
	return &t.own
}

func (t *Throttler) limits() Limits {
	return Limits{
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

func (t *Throttler) patience() time.Duration {
	if t.Gate <= 0 {
		return defaultGate
	}
	return t.Gate
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

// A noPermit is why a Limiter gave no permit.
type noPermit struct {
	why  string
	late bool // it would have come after the deadline
}

// Reason is why in words that follow "not sent: ".
func (r *noPermit) Reason() string { return r.why }

func (r *noPermit) Error() string { return ErrThrottled.Error() + ": " + r.why }

func (r *noPermit) Is(target error) bool {
	return target == ErrThrottled || r.late && target == context.DeadlineExceeded
}
