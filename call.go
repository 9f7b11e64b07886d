package steadyhttp

import (
	"context"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/steadyhttp/steadyhttp/internal/dialect"
	"github.com/steadyhttp/steadyhttp/internal/peek"
	"github.com/steadyhttp/steadyhttp/limit"
)

// A Call says what one request went through on its way through the wrappers. It
// is a copy that does not change later.
type Call struct {
	// Attempts is how often the request was sent or refused by a Throttler, at
	// least 1. With WithCall, the requests of redirects count as well.
	Attempts int

	// RetriedClasses are the classes of the attempts that were followed by another, in
	// order, at most the first 16. Targets that a Failover passed over for a failure
	// of an earlier attempt are among them.
	RetriedClasses []Class

	// Waited is the time spent waiting before and between attempts. Throttled is
	// the part of it that was spent in a Throttler. ServerWait is the part that
	// the Retrier waited because a server asked for it, jitter included. The rest
	// was asked for by the backoff policy.
	Waited     time.Duration
	Throttled  time.Duration
	ServerWait time.Duration

	// Priority is that with which the call waited in a Throttler; Normal if it did not
	// wait there.
	Priority limit.Priority

	// ServerWaitSource is the header or body field that asked for the last wait
	// of ServerWait; "" if there was none.
	ServerWaitSource string

	// Tokens are what the call used, as the response says: InputTokens, OutputTokens,
	// CachedTokens and ReasoningTokens. They are 0 if no Classifier examined it, and
	// complete once the body has been read.
	limit.Tokens

	// Target is the name of the Failover's target whose response or error the call
	// ended with. It is "" if that came from where the request was sent first.
	Target string

	// Uncertain counts the attempts, other than the last, that the server may have
	// carried out, and may charge for: they were not answered, or their answer does
	// not show what became of them.
	Uncertain int

	// Stopped says why a failure was not followed by another attempt. It is ""
	// for a success, and if there was no Retrier.
	Stopped string

	// Error is the verdict on the last attempt; nil for a success.
	Error *Error
}

// WithCall returns a context in which the wrappers keep a record of the call
// made with it. FromContext can then read the record whatever the outcome:
// without WithCall there is no record of a call that ended in an error. The
// context is for one call at a time, its redirects included. Another call with
// the same context starts the record afresh.
func WithCall(ctx context.Context) context.Context {
	return context.WithValue(ctx, callKey{}, &call{byCaller: true})
}

// FromContext returns what a call went through. ctx is a context made by
// WithCall, or the context of resp.Request. FromContext reports false if
// nothing was recorded. Without WithCall, that can also be so for a call that
// succeeded at the first attempt.
func FromContext(ctx context.Context) (Call, bool) {
	c := callFrom(ctx)
	if c == nil {
		return Call{}, false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.summary(), c.used
}

// soFar is what is on record by now.
func (c *call) soFar() Call {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.summary()
}

type callKey struct{}

// A call is the record that the wrappers share about one call. It is in the
// request's context, as httptrace keeps its hooks there. It is opened only when
// there is something to share: by the Logger, by a Retrier that retries, by a
// Throttler that waits, by a Classifier that sees a failure.
type call struct {
	byCaller bool // opened by WithCall: spans redirects, starts afresh with each call

	mu      sync.Mutex // guards what follows
	used    bool       // a request ran through it
	turn    int        // counts the calls that a record opened by WithCall has served
	running int        // our RoundTrips under way with it; at 0, a request that carries it is another call
	record
}

// A record is what is known of one call. Each part has one writer. To empty it,
// assign an empty one.
type record struct {
	retries    retriesPart  // by the Retrier
	throttling throttlePart // by the Throttler
	finding    finding      // by the Classifier, or by a Retrier that had to classify for itself
	usage      usagePart    // by the Classifier
	logger     *Logger      // by the outermost Logger; nil for none
	attempts   *Logger      // by the outermost one that logs attempts and waits; nil for none
}

type retriesPart struct {
	noGates    bool      // an attempt does not wait for outages
	outageEnd  time.Time // until when an attempt may begin while a scope fails; zero is the default
	elapsedEnd time.Time // until when an attempt may begin at all; zero if no Retrier has said so
	inHand     bool      // there is an outcome to end the call with if no further attempt can be sent

	firstOutput time.Duration // how long the first output of a stream is waited for; 0 is the default, negative not at all
	leaves      bool          // after that the attempt has failed, since another place may answer

	target           string         // where the latest attempt went; "" as it is
	uncertain        int            // attempts that may have been carried out, followed by others
	resent           int            // attempts after the first, hops of redirects included
	classes          []Class        // why there were further attempts
	waited           time.Duration  // between attempts
	serverWait       time.Duration  // the part of it that a server asked for
	serverWaitSource string         // which header or field did so last
	stopped          string         // why there is no further attempt
	owner            *http.Request  // what the outermost Retrier is sending, while it is
	innerErr         error          // what another one further in, which found owner, gave up with
	gaveUp           *http.Response // the failed response that it ended with
}

type throttlePart struct {
	waited    time.Duration
	queued    time.Duration  // the part of it that no gate had a share in
	gatedAt   time.Time      // when a gate first held an attempt back; zero if none did
	held      *http.Response // the response after which a further attempt would wait until it can succeed
	heldError bool           // the same, after an error
	priority  limit.Priority // in which it waited
}

type usagePart struct{ dialect.Usage }

// A finding is what is known of one response, or of an error in its place. It
// holds for that very response: neither an earlier attempt's nor that of another
// request with the same context, such as one for a token, can be taken for it.
type finding struct {
	about   *http.Response // nil for an error
	verdict *Error         // nil for a success
	looked  bool           // a Classifier has looked into the response: without a verdict it is a success
	open    bool           // there may be a verdict when the body has been read
	body    *peek.Body     // as far as the body was looked at; nil if it was not
}

// known returns what a wrapper further in found out about resp, and the record
// that holds it. The finding is zero and the record nil if nobody did.
func known(resp *http.Response) (finding, *call) {
	if resp.Request == nil {
		return finding{}, nil
	}
	c := callFrom(resp.Request.Context())
	if c == nil {
		return finding{}, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.finding.about != resp {
		return finding{}, nil
	}
	return c.finding, c
}

// verdictOn returns the verdict on resp of a wrapper further in, nil if there is
// none.
func verdictOn(resp *http.Response) *Error {
	f, _ := known(resp)
	return f.verdict
}

func callFrom(ctx context.Context) *call {
	c, _ := ctx.Value(callKey{}).(*call)
	return c
}

// joinCall returns the record that req carries and counts the caller among its
// running RoundTrips; nil if req carries none that is its own. Whoever gets a
// record must call its leave.
func joinCall(req *http.Request) *call {
	if c := callFrom(req.Context()); c != nil {
		return c.join(req)
	}
	return nil
}

func (c *call) join(req *http.Request) *call {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.running > 0: // we are inside the RoundTrip that it belongs to
	case !c.byCaller: // left over: this request was made from an earlier one's context
		return nil
	case !c.used:
		c.used = true
	case req.Response != nil: // http.Client follows a redirect
		c.retries.resent++
	default:
		c.turn++
		c.record = record{}
	}
	c.running++
	return c
}

// openCall is joinCall for a wrapper that needs a record in any case: if there is
// none it puts one into a copy of req.
func openCall(req *http.Request) (*http.Request, *call) {
	if c := joinCall(req); c != nil {
		return req, c
	}
	c := &call{used: true, running: 1}
	return c.on(req), c
}

func (c *call) enter() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.running++
}

func (c *call) leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.running--
}

// on returns req with c in its context: req itself if it is there already,
// else a shallow copy.
func (c *call) on(req *http.Request) *http.Request {
	if callFrom(req.Context()) == c {
		return req
	}
	return req.WithContext(context.WithValue(req.Context(), callKey{}, c))
}

// attach makes resp.Request carry c, so that the caller finds it there. req
// stands in for a Request that a fake left nil.
func (c *call) attach(resp *http.Response, req *http.Request) {
	if resp.Request == nil {
		resp.Request = req
	}
	resp.Request = c.on(resp.Request)
}

// find records what was found out about a response or, if f.about is nil, about
// an error.
func (c *call) find(f finding) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.finding = f
}

// currentTurn numbers the call among those that used this record one after
// another.
func (c *call) currentTurn() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.turn
}

// inTurn calls write, with c.mu held, unless the record has passed to another
// call: the body of an earlier one may still be read.
func (c *call) inTurn(turn int, write func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.turn == turn {
		write()
	}
}

// maxClasses bounds what a Retrier without a limit of attempts puts on record.
const maxClasses = 16

// addResend counts another attempt, after a failure e. class is that of the last
// attempt, None if it is on record.
func (c *call) addResend(e *Error, class Class) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.retries.resent++
	if e.uncertain() {
		c.retries.uncertain++
	}
	c.throttling.held, c.throttling.heldError = nil, false
	if class != None && len(c.retries.classes) < maxClasses {
		c.retries.classes = append(c.retries.classes, class)
	}
}

// handUp notes that an earlier attempt than the latest is what the call ends with: last
// is the verdict on the latest, and e that on the other.
func (c *call) handUp(e, last *Error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if last.uncertain() {
		c.retries.uncertain++
	}
	if e.uncertain() {
		c.retries.uncertain--
	}
	if len(c.retries.classes) < maxClasses {
		c.retries.classes = append(c.retries.classes, last.Class)
	}
}

// setTarget notes where the latest attempt went, or the one that the call ends with.
func (c *call) setTarget(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.retries.target = name
}

// stop notes why a Retrier makes no further attempt, and the response that it
// gave up on, nil for an error.
func (c *call) stop(why string, gaveUp *http.Response) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if gaveUp == nil || gaveUp != c.retries.gaveUp { // else one further in has said it better
		c.retries.stopped, c.retries.gaveUp = why, gaveUp
	}
}

// gaveUpOn reports whether a Retrier further in ended with this very response.
func (c *call) gaveUpOn(resp *http.Response) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return resp != nil && c.retries.gaveUp == resp
}

func (c *call) addWait(d time.Duration, serverWaitSource string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.retries.waited += d
	if serverWaitSource != "" {
		c.retries.serverWait += d
		c.retries.serverWaitSource = serverWaitSource
	}
}

// setFirstOutput says how long the first output of a stream is to be waited for.
// Where a Retrier further out sends the call, mine is false and that one says it.
func (c *call) setFirstOutput(d time.Duration, mine, leaves bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if mine || c.retries.owner == nil {
		c.retries.firstOutput, c.retries.leaves = d, leaves
	}
}

// setHeld notes that the next attempt will wait in the Throttler until it can
// succeed. resp is nil for an error; c may be nil.
func (c *call) setHeld(resp *http.Response) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.throttling.held, c.throttling.heldError = resp, resp == nil
}

// heldAfter reports whether setHeld was called about this very outcome.
func (c *call) heldAfter(resp *http.Response) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if resp == nil {
		return c.throttling.heldError
	}
	return c.throttling.held == resp
}

func (c *call) addThrottled(d time.Duration, gated bool, p limit.Priority) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.throttling.waited += d
	c.throttling.priority = p
	switch {
	case !gated:
		c.throttling.queued += d
	case c.throttling.gatedAt.IsZero():
		c.throttling.gatedAt = time.Now().Add(-d)
	}
}

// summary is what the record says by now. It requires c.mu held.
func (c *call) summary() Call {
	r := &c.retries
	return Call{
		Attempts:         1 + r.resent,
		RetriedClasses:   slices.Clone(r.classes),
		Waited:           r.waited + c.throttling.waited,
		Throttled:        c.throttling.waited,
		Priority:         c.throttling.priority,
		ServerWait:       r.serverWait,
		ServerWaitSource: r.serverWaitSource,
		Tokens:           limit.Tokens{InputTokens: c.usage.Input, OutputTokens: c.usage.Output, CachedTokens: c.usage.Cached, ReasoningTokens: c.usage.Reasoning},
		Target:           r.target,
		Uncertain:        r.uncertain,
		Stopped:          r.stopped,
		Error:            c.finding.verdict,
	}
}
