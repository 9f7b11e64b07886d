// Package limit is for those who write a limiter of requests, estimate what
// requests cost, or read what a limiter knows.
//
// A steadyhttp.Throttler asks its [Limiter] before it sends a request and tells
// it afterwards what the response said. The limiter that a Throttler makes for
// itself keeps everything in memory. The module redissteady has one that keeps
// it in Redis, for many processes. The test of what every Limiter promises is
// steadyhttptest.TestLimiter.
package limit

import (
	"context"
	"errors"
	"time"
)

// ErrThrottled is what an error Is when a request was not sent because its turn
// could not come in time. steadyhttp.ErrThrottled is the same error.
var ErrThrottled = errors.New("steadyhttp: throttled")

// A Limiter decides when requests may be sent.
//
// It keeps limits, pauses and gates by [Key]. A request is held back by every
// Key that matches it. Its methods are called by many goroutines at once; they
// take and return plain values, so that a call need not allocate.
type Limiter interface {
	// Acquire waits until a may be sent, first come, first served under each
	// Key, and returns the permit for it. It fails with
	//
	//   - an error that Is ErrThrottled, at once, if the turn cannot come before
	//     ctx's deadline, or too many wait already. A *Refusal says why;
	//   - context.Cause(ctx) if ctx is canceled while it waits;
	//   - an error that Is ErrThrottled and Is context.DeadlineExceeded if ctx's
	//     deadline passes while it waits.
	//
	// A call that failed has taken nothing. Its Permit tells how long it Waited.
	Acquire(ctx context.Context, a Ask) (Permit, error)

	// Settle ends p. It frees its place among the concurrent requests, and
	// charges or gives back tokens. It does not block. It is called once for
	// each permit; further calls do nothing.
	Settle(p Permit, o Outcome)

	// Observe records what the response to p's request said. It does not block.
	// What it says of a limit replaces what was known. It reports whether
	// requests of o.Key have to wait now because of a pause or a gate; false
	// where that is not known.
	Observe(p Permit, o Observation) (held bool)

	// Snapshot lists what is known now, in no order. The slice is the caller's.
	Snapshot() []KeyState
}

// A Key names the requests that share something: a limit, a pause, a gate. Of a
// request all fields are set that are known. Of a limit an empty field matches
// every request, so that Key{Host: "api.example.com"} is all that goes to that
// host.
type Key struct {
	Host string

	// Bucket is the group of an API's methods, paths or resources that share a
	// limit: the name of one, such as "core" at GitHub, or the method and path
	// with {id} for each part that looks like an id or a token, such as
	// "GET /users/{id}/orders". It has at most 128 bytes.
	Bucket string

	Credential uint64 // a hash of the credential, with Throttler.Salt or a seed of this process; 1 is "no credential"
	Model      string // of a language model
}

// A Cost is what a request takes from the limits. The zero value is one request
// without tokens.
type Cost struct {
	Requests      int64 // 0 is 1
	Input, Output int64 // tokens
}

// Limits are what a user allows. The zero value limits nothing.
type Limits struct {
	RequestsPerSecond     float64
	RequestsPerMinute     float64
	RequestsPerDay        float64
	TokensPerMinute       float64 // input and output together
	InputTokensPerMinute  float64
	OutputTokensPerMinute float64
	MaxConcurrent         int // 0 and negative are no limit
	Burst                 int // how many requests may go at once; 0 is one second's worth
}

// Any reports whether l limits anything.
func (l *Limits) Any() bool {
	return l.MaxConcurrent > 0 || l.RequestsPerSecond > 0 || l.RequestsPerMinute > 0 || l.RequestsPerDay > 0 || l.Tokens()
}

// Tokens reports whether l limits tokens.
func (l *Limits) Tokens() bool {
	return l.TokensPerMinute > 0 || l.InputTokensPerMinute > 0 || l.OutputTokensPerMinute > 0
}

// An Ask is a request that wants to be sent.
type Ask struct {
	Key  Key // of the request
	Cost Cost

	Limits    Limits // set by the user
	LimitsKey Key    // the requests that share Limits

	MaxQueue   int           // how many requests may wait for Limits; 0 and negative are any number
	OutageWait time.Duration // how long to wait while the host fails, if ctx has no deadline; 0 is 10 s
}

// DefaultOutageWait is what an Ask without an OutageWait waits for a host that
// fails: most restarts are over by then, and a person waits no longer.
const DefaultOutageWait = 10 * time.Second

// A Permit is leave to send one request. It ends with Limiter.Settle. The zero
// Permit is one that no Limiter gave: to settle it does nothing.
type Permit struct {
	Key    Key
	Cost   Cost
	ID     uint64        // which permit of its Limiter it is
	Waited time.Duration // for it
	Why    string        // what it waited for last; "" if it did not wait
	Probe  bool          // the Limiter lets others follow or wait by its outcome
}

// A Signal is what an outcome says about the host and its limits. The zero
// Signal is SignalNone.
type Signal uint8

// The signals.
const (
	SignalNone    Signal = iota // nothing: the caller gave up, the attempt timed out, or it was observed before
	SignalGood                  // the host works
	SignalRefused               // a limit refused the request
	SignalFailing               // the host does not work: no connection, a reset, 502, 503, 52x, 529
)

// An Outcome is what became of a request.
type Outcome struct {
	Signal     Signal
	Used       Cost // the tokens that the response says were used
	UsageKnown bool // whether it says so; if not, what was reserved stays charged
	Refund     bool // the request failed and took no tokens
}

// An Observation is what a response says about a Key: a limit, a pause, or only
// a Signal.
type Observation struct {
	Key    Key
	Signal Signal

	// A limit. What is not known is -1. A Unit of "" is no limit.
	Unit      string        // "requests", "tokens", "input_tokens" or "output_tokens"
	Limit     int64         // in the Window
	Remaining int64         // after this request
	Window    time.Duration // 0 is not known
	Reset     time.Duration // from the response until the whole limit is there again
	Refills   bool          // it comes back evenly until then, and not all at once

	// Hold is how long nobody under Key may send. After it one request goes
	// first, and the others follow once it was answered.
	Hold time.Duration

	// Err is why, for those who cannot wait. It may be nil. A Limiter may keep it
	// for a day, so it must not hold a response or its body.
	Err error

	// MaxWait is the longest time for which a limit that a response states may
	// hold back the first in its queue. A limit that takes longer to come back
	// is left to the server to refuse.
	MaxWait time.Duration
}

// A Refusal is why Acquire gave no permit. It Is ErrThrottled.
type Refusal struct {
	Reason string // in words that can follow "not sent: "
	Late   bool   // the turn would have come after the deadline: it Is context.DeadlineExceeded too
	Err    error  // Observation.Err of what holds the request back; nil if nothing does or it is not known
}

func (r *Refusal) Error() string { return ErrThrottled.Error() + ": " + r.Reason }

// Is reports whether target is what r says.
func (r *Refusal) Is(target error) bool {
	return target == ErrThrottled || r.Late && target == context.DeadlineExceeded
}
