package steadyhttp

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"
)

// A Call is what one request through the wrappers went through. It is a plain
// copy; nothing in it changes later.
type Call struct {
	// Attempts is how often the request was sent, or refused by a Throttler, at
	// least 1. Under WithCall the hops of a redirect count as well.
	Attempts int

	// Tried holds the class of each attempt that was followed by another, in
	// order; of more than 16 the first 16.
	Tried []Class

	// Waited is the time spent waiting between and before attempts, Throttled
	// the part of it that was spent in a Throttler, and Asked the part that a
	// server asked for, jitter included. The rest is the backoff policy's.
	Waited    time.Duration
	Throttled time.Duration
	Asked     time.Duration

	// AskedBy is the header or body field that asked for the last of Asked.
	AskedBy string

	// InputTokens and OutputTokens are what the answer says that the call used.
	// 0 if it does not, or if no Classifier looked into it.
	InputTokens, OutputTokens int64

	// Stopped says why a failure was not followed by a further attempt; "" for
	// a success, and where no Retrier had a say.
	Stopped string

	// Error is the verdict on the last attempt, nil for a success.
	Error *Error
}

// WithCall returns a context in which the wrappers keep a record of the call
// made with it, so that FromContext can read it whatever the outcome: without
// it there is no record of a call that ended in an error. It is for one call,
// its redirects included, and not to be shared by calls at the same time; a further call with the same context starts the
// record afresh.
func WithCall(ctx context.Context) context.Context {
	return context.WithValue(ctx, callKey{}, &call{kept: true})
}

// FromContext returns what the call of ctx went through: a context made by
// WithCall, or that of resp.Request. It reports false if nothing was recorded,
// which without WithCall is also the case for a call that succeeded at once.
func FromContext(ctx context.Context) (Call, bool) {
	c := callFrom(ctx)
	if c == nil {
		return Call{}, false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.copied(), c.used
}

// maxTried bounds what a Retrier without a limit of attempts puts on record.
const maxTried = 16

type callKey struct{}

// call is the record that the wrappers share about one call, in the request's
// context as httptrace keeps its hooks there. It is opened lazily: by the
// Logger, by a Retrier that retries, by a Throttler that waits, by a
// Classifier that sees a failure. Each fact has one writer, named below.
type call struct {
	kept bool // opened by the caller: spans redirects, starts afresh with each call

	mu      sync.Mutex // guards what follows
	used    bool       // a request ran through it
	turn    int        // counts the calls that a kept record has served
	running int        // our RoundTrips under way with it; at 0, a request that carries it is another call

	// Retrier.
	resent        int            // attempts after the first
	tried         []Class        // why there were further ones
	waited, asked time.Duration  // its own waits, and those of them that a server asked for
	askedBy       string         // which header or field did so last
	stopped       string         // why there is no further attempt
	owner         *http.Request  // what the outermost one is sending, while it is
	innerErr      error          // what another one further in, which found owner, gave up with
	gaveUp        *http.Response // the failed answer that it ended with

	throttled     time.Duration  // Throttler: its own waits
	gated         *http.Response // Throttler: the answer after which it holds others back, who fail alike
	gatedError    bool           // Throttler: likewise, for an error
	input, output int64          // Classifier: tokens used
	logger        *zap.Logger    // Logger: where attempts and waits are logged

	// The verdict, and the response that it is about (nil for an error). It
	// counts only for that very response: an earlier attempt's, or that of a
	// stranger's side request with the same context, misleads nobody.
	looked  *http.Response // Classifier: the answer that it looked into
	verdict *Error         // Classifier, or a Retrier that had to classify for itself
	about   *http.Response
}

func callFrom(ctx context.Context) *call {
	c, _ := ctx.Value(callKey{}).(*call)
	return c
}

// joinCall returns the record that req carries and counts the caller among its
// running RoundTrips, or nil if req carries none that is its own. Who gets a record must leave it.
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
	case !c.kept: // left over: this request was made from an earlier one's context
		return nil
	case !c.used:
		c.used = true
	case req.Response != nil: // http.Client follows a redirect
		c.resent++
	default:
		c.forget()
	}
	c.running++
	return c
}

// forget empties a record for another call. It requires c.mu held.
func (c *call) forget() {
	c.turn++
	c.resent, c.tried, c.waited, c.asked, c.askedBy, c.throttled = 0, nil, 0, 0, "", 0
	c.input, c.output, c.logger = 0, 0, nil
	c.stopped, c.innerErr, c.gaveUp = "", nil, nil
	c.verdict, c.about, c.looked = nil, nil, nil
}

// openCall is joinCall for who needs a record in any case: if there is none it
// puts one into a copy of req.
func openCall(req *http.Request) (*http.Request, *call) {
	if c := joinCall(req); c != nil {
		return req, c
	}
	c := &call{used: true, running: 1}
	return c.on(req), c
}

// on returns req with c in its context: req itself if it is there already,
// else a shallow copy.
func (c *call) on(req *http.Request) *http.Request {
	if callFrom(req.Context()) == c {
		return req
	}
	return req.WithContext(context.WithValue(req.Context(), callKey{}, c))
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

// attach makes resp.Request carry c, so that the caller finds it there. req
// stands in for a Request that a fake left nil.
func (c *call) attach(resp *http.Response, req *http.Request) {
	if resp.Request == nil {
		resp.Request = req
	}
	resp.Request = c.on(resp.Request)
}

func (c *call) setVerdict(resp *http.Response, e *Error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.about, c.verdict = resp, e
}

// leftOn returns the record that resp carries, nil if there is none.
func leftOn(resp *http.Response) *call {
	if resp.Request == nil {
		return nil
	}
	return callFrom(resp.Request.Context())
}

// verdictOf returns the verdict on resp that a wrapper further in left, nil if
// there is none.
func verdictOf(resp *http.Response) *Error {
	if c := leftOn(resp); c != nil {
		return c.verdictOn(resp)
	}
	return nil
}

func (c *call) verdictOn(resp *http.Response) *Error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.about != resp {
		return nil
	}
	return c.verdict
}

// A role is what a Retrier is to the call whose record it found.
type role uint8

const (
	alone  role = iota // there is no record, or it is of a call that this request only serves
	owner              // the outermost: it repeats
	nested             // one further out repeats this very request
)

// claim makes the Retrier that sends req the owner of the call's retries,
// unless one further out is. Strangers between the two may have copied the
// request and changed its path, and may send others with the same context, such
// as one for a token; method and host tell the two apart. c may be nil.
func (c *call) claim(req *http.Request) role {
	if c == nil {
		return alone
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.owner == nil:
		c.owner = req
		return owner
	case c.owner.Method == req.Method && hostOf(c.owner) == hostOf(req):
		return nested
	}
	return alone
}

// release takes back what claim gave to an owner.
func (c *call) release() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.owner = nil
}

// innerGaveUp notes what a Retrier further in than the owner ends with.
func (c *call) innerGaveUp(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.innerErr = err
}

// gaveUpWith reports whether err is what a Retrier further in gave up with.
func (c *call) gaveUpWith(err error) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.innerErr != nil && errors.Is(err, c.innerErr)
}

// addResend counts another attempt, after one that failed with class.
func (c *call) addResend(class Class) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.resent++
	c.gated, c.gatedError = nil, false
	if len(c.tried) < maxTried {
		c.tried = append(c.tried, class)
	}
}

// stop notes why a Retrier makes no further attempt, and the answer that it
// gave up on, nil for an error.
func (c *call) stop(why string, gaveUp *http.Response) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if gaveUp == nil || gaveUp != c.gaveUp { // else one further in has said it better
		c.stopped, c.gaveUp = why, gaveUp
	}
}

// gaveUpOn reports whether a Retrier further in ended with this very answer.
func (c *call) gaveUpOn(resp *http.Response) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return resp != nil && c.gaveUp == resp
}

// recordOf returns the record that a wrapper further in has left on resp, nil
// if there is none.
func recordOf(resp *http.Response) *call {
	c := leftOn(resp)
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.about != resp {
		return nil
	}
	return c
}

// seen reports whether a Classifier has looked into resp, whatever it found.
func seen(resp *http.Response) bool {
	c := leftOn(resp)
	if c == nil {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.looked == resp
}

// setLooked notes that a Classifier has looked into resp, and so knows it for
// a success if there is no verdict on it.
func (c *call) setLooked(resp *http.Response) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.looked = resp
}

func (c *call) addWait(d time.Duration, askedBy string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waited += d
	if askedBy != "" {
		c.asked += d
		c.askedBy = askedBy
	}
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

// addUsage requires c.mu held.
func (c *call) addUsage(input, output int64) {
	c.input, c.output = max(c.input, input), max(c.output, output) // Anthropic says it in two events
}

// setGated notes that the next attempt will wait at the Throttler's door until
// it can succeed. resp is nil for an error; c may be nil.
func (c *call) setGated(resp *http.Response) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.gated, c.gatedError = resp, resp == nil
}

// gatedBy reports whether setGated was called about this very outcome.
func (c *call) gatedBy(resp *http.Response) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if resp == nil {
		return c.gatedError
	}
	return c.gated == resp
}

func (c *call) addThrottled(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.throttled += d
}

// copied returns what the record says by now. It requires c.mu held.
func (c *call) copied() Call {
	return Call{
		Attempts:  1 + c.resent,
		Tried:     slices.Clone(c.tried),
		Waited:    c.waited + c.throttled,
		Throttled: c.throttled,
		Asked:     c.asked,
		AskedBy:   c.askedBy,

		InputTokens:  c.input,
		OutputTokens: c.output,

		Stopped: c.stopped,
		Error:   c.verdict,
	}
}
