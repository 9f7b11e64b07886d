// Package limit has the types between a steadyhttp.Throttler and its [Limiter].
// You need it to write a Limiter, to estimate what requests cost, or to read
// what a Limiter knows.
//
// Before a Throttler sends a request, it asks its Limiter for a [Permit]. After
// the response has arrived, it reports to the Limiter what the response said
// about limits ([Observation]), and at the end what became of the request
// ([Outcome]). A gate is what holds back the requests of a [Key] while a server
// wants a pause or while what they need fails.
//
// The Limiter that a Throttler makes for itself keeps its state in memory. The
// module redissteady has one that keeps it in Redis, for several processes.
// steadyhttptest.TestLimiter tests what every Limiter promises.
package limit

import (
	"context"
	"errors"
	"time"
)

// ErrThrottled is the error of a request that was not sent because its turn
// could not come in time. Test for it with errors.Is. It is the same as
// steadyhttp.ErrThrottled.
var ErrThrottled = errors.New("steadyhttp: throttled")

// A Limiter decides when requests may be sent. It keeps the limits and gates of each
// [Key]. A request is held back by every Key that matches it, and never behind a
// request of another Key. The methods are called by many goroutines at once. They take
// and return plain values, so that a call need not allocate.
//
// After several observations of SignalFailing in a row, and no SignalGood among them, a
// Key fails. The requests that match it then wait at a gate, and one at a time is sent
// as a probe. A success opens the gate, and the requests that waited follow one after
// the other. A host fails as a whole if the Key that fails names only the host, or if
// several of its routes fail.
//
// A Limiter that keeps goroutines ends them in a method Close, with or without
// an error result. steadyhttptest.TestLimiter checks all of this.
type Limiter interface {
	// Acquire waits until a may be sent, first come, first served under each
	// Key, and returns the permit for it, with the Key and the Cost of a. It
	// fails with
	//
	//   - a *Refusal, at once, if the turn cannot come before ctx's deadline, or
	//     too many wait already;
	//   - a *Refusal if a is a Repeat and what it needs fails for longer than a can
	//     wait, or if a pause of a limit lasts for longer than that;
	//   - a *Refusal, at once, if the turn cannot come within a.MaxWait, or if that
	//     passes while it waits;
	//   - a *Refusal that Is context.DeadlineExceeded if ctx's deadline passes
	//     while it waits;
	//   - context.Cause(ctx) if ctx is canceled while it waits.
	//
	// A call that failed has taken nothing. Its Permit has no ID and tells how
	// long it Waited.
	Acquire(ctx context.Context, a Ask) (Permit, error)

	// Peek returns how long a would wait if it asked now, behind the requests that wait
	// already. 0 means that it would go at once: if nothing happens in between, Acquire
	// gives a permit to the same Ask with MaxWait -1. Any other value is an estimate,
	// since it depends on what becomes of other requests. How long a place of
	// Limits.MaxConcurrent will stay taken is estimated from the latest requests. Peek
	// takes nothing and changes nothing. A Limiter that is asked over a network may
	// need a round trip, and returns 0 if there is no answer.
	Peek(ctx context.Context, a Ask) time.Duration

	// Settle ends p. It frees the request's place among the concurrent requests,
	// and charges or gives back tokens. It does not block. It must be called for
	// every permit. A second call for the same permit does nothing.
	Settle(p Permit, o Outcome)

	// Observe records what the response to p's request said. It does not block. A
	// limit that the response states replaces what was known of it; figures that make
	// no sense are ignored. Observe reports whether further requests of o.Key are now
	// held back for what this response said: a limit that refused, a pause, a gate. It
	// returns false if that is not known yet. If p was settled, it records nothing and
	// returns false.
	Observe(p Permit, o Observation) (held bool)

	// Snapshot returns what is known now, in no particular order. The caller may
	// modify the slice.
	Snapshot() []KeyState
}

// A Key names a group of requests that share a limit, a pause or a gate.
//
// In the Key of a request, every field that is known and may matter is set. In
// the Key of a limit, a field that is zero matches every request:
// Key{Host: "api.example.com"} matches all requests to that host.
type Key struct {
	Host       string // with its port, or what Throttler.Key returned
	Route      string // method and path, with what looks like an id folded: "GET /users/{id}"
	Bucket     string // the group of methods, paths or resources that share a limit by the API's documentation
	Credential uint64 // a hash of the credential, see Throttler.Salt; 1 is a request without one
	Model      string // the name of a language model
}

// A Cost is what a request takes from the limits. The zero value is one request
// without tokens. A request that takes more than may be sent at once is not refused:
// it is sent once the limit has filled up, and those behind it wait longer.
type Cost struct {
	Requests      int64 // 0 is 1
	Input, Output int64 // tokens: of the prompt, and of what the model may generate
}

// Limits are the limits that a user sets. They mean what the fields of the same
// names mean in steadyhttp.Throttler. A field that is 0 is no limit.
type Limits struct {
	RequestsPerSecond     float64
	RequestsPerMinute     float64
	RequestsPerDay        float64
	TokensPerMinute       float64 // input and output together
	InputTokensPerMinute  float64
	OutputTokensPerMinute float64
	MaxConcurrent         int // 0 and negative are no limit
	Burst                 int // how many requests may go at once; 0 is one second's worth, and 1 at the least; a day's may all go
}

// Any reports whether l sets any limit.
func (l *Limits) Any() bool {
	return l.MaxConcurrent > 0 || l.RequestsPerSecond > 0 || l.RequestsPerMinute > 0 || l.RequestsPerDay > 0 || l.Tokens()
}

// Tokens reports whether l sets a limit of tokens.
func (l *Limits) Tokens() bool {
	return l.TokensPerMinute > 0 || l.InputTokensPerMinute > 0 || l.OutputTokensPerMinute > 0
}

// An Ask describes a request that asks for a permit. Key must be set; everything else
// has a useful zero value.
type Ask struct {
	Key  Key  // of the request
	Cost Cost // what the request takes from the limits

	Limits    Limits // set by the user
	LimitsKey Key    // the group of requests that share Limits

	// MaxQueue is how many requests of each Priority may wait under one Key. 0 and
	// negative are no limit.
	MaxQueue int

	Priority Priority // which goes first of the requests that wait

	// MaxWait is how long the request may wait at all, for whatever reason. After that
	// it is refused, or at once if its turn cannot come in time. Such a refusal is no
	// evidence of anything. 0 is no limit; negative means not to wait.
	MaxWait time.Duration

	// OutageWait is how long the request may wait at gates of what fails, counted from
	// when one first holds it back. After that it is sent as soon as its Limits allow
	// it, as it would be without a Limiter; a Repeat is refused. 0 is 30 s, or 10 s if
	// the context has no deadline, and 2 s where the failure has lasted for a minute.
	// Negative means not to wait there at all.
	OutageWait time.Duration

	// MaxPause is how long the request may wait for pauses that limits ask for, counted
	// from when a gate first holds it back. After that it is refused. 0 is two
	// minutes. If it is set, it bounds OutageWait too.
	MaxPause time.Duration

	Repeat     bool      // the request was sent before, and its response is in hand
	Repeatable bool      // sending the request twice does no harm, which makes it the better probe
	Inference  Inference // what the Limiter may do by what it infers

	// Waiting, unless it is nil, is called once by Acquire if the request has to wait:
	// when it begins to, in Acquire's own goroutine and with no lock held. A request
	// that is refused at once does not wait. A Limiter that does not call it is one of
	// which nobody learns that a request waits before it has.
	Waiting func(Wait)
}

// A Wait is one wait of a request: in a Limiter, or between two attempts.
type Wait struct {
	Key      Key           // of the request; between two attempts only its Host
	For      time.Duration // how long it will take, as it seems when it begins, 0 if that is not known; how long it took, once it is over
	Why      string        // such as "the limit of tokens per minute"; between two attempts "backoff", or the header or field that asks for it
	Retry    bool          // it is between two attempts
	Priority Priority
}

// A Priority says which of the requests that wait under a Key goes first: that with
// the highest Priority, and of one Priority that which came first. Each Priority that
// waits gets at least a twentieth of what passes. The zero value is Normal.
//
// For a minute after a request of a higher Priority, a Batch leaves some room for the
// next: the last of several places of MaxConcurrent, and as much as one more of its
// requests takes of a limit that a server states.
//
// A request that cannot make its deadline behind those of a higher Priority is refused
// when it comes. One that was let in is not made late by them.
//
// While what a Key names fails, probes are taken from the lowest Priority that waits.
// There is no fairness between tenants within one Priority.
type Priority int8

// The priorities, the lowest first.
const (
	Batch  Priority = iota - 1 // work that nobody waits for
	Normal                     // requests that say nothing else
	Urgent                     // requests that a person waits for
)

// String returns "batch", "normal" or "urgent".
func (p Priority) String() string {
	switch {
	case p <= Batch:
		return "batch"
	case p >= Urgent:
		return "urgent"
	}
	return "normal"
}

// An Inference says what a Limiter may do about what it infers from responses: the
// limits that they state, pauses, the rate that refusals point to, and failures.
// The Limits that the user set hold in any case. The zero value is Act.
type Inference uint8

// The inferences.
const (
	Act     Inference = iota // hold requests back
	Observe                  // hold nothing back, but show in Snapshot what Act would have held
	Off                      // infer nothing
)

// A Permit is leave to send one request. It ends with Limiter.Settle. The zero
// Permit is one that no Limiter gave: to settle or observe it does nothing.
type Permit struct {
	Key    Key           // of the Ask
	Cost   Cost          // of the Ask
	ID     uint64        // tells the permits of one Limiter apart
	Waited time.Duration // how long the request waited
	Why    string        // what it waited for last, such as "the limit of requests per minute"; "" if it did not wait
	Probe  bool          // the request is a probe: its outcome decides whether others may be sent
	Spared string        // with Observe: what Act would have held the request back for; "" if nothing
	Gated  bool          // it waited at a gate: for a pause, or while what it needs failed
}

// A Signal is what a response or an error says about the host and its limits.
// The zero Signal is SignalNone.
type Signal uint8

// The signals.
const (
	SignalNone    Signal = iota // nothing: the caller gave up, the attempt timed out, or the signal was observed before
	SignalGood                  // what the request needs works: any response that is neither of the following
	SignalRefused               // a limit refused the request
	SignalFailing               // what Key names does not work: no connection, a reset, 502, 503, 52x, 529
)

// An Outcome is what became of a request.
type Outcome struct {
	Signal     Signal
	Used       Cost // the tokens that were used, if UsageKnown
	UsageKnown bool // the response said how many tokens were used; if not, those reserved stay charged
	Refund     bool // the request failed and used no tokens: those reserved are given back
}

// An Observation is what a response says about the requests of a Key: a limit, a
// pause, or only a Signal.
type Observation struct {
	Key    Key
	Signal Signal

	// A limit that the response states, unless Unit is "". Limit, Remaining and
	// Reset are -1 if they are not known.
	Unit      string        // "requests", "tokens", "input_tokens" or "output_tokens"
	Limit     int64         // what is allowed in the Window
	Remaining int64         // what is left after this request
	Window    time.Duration // 0 if it is not known
	Reset     time.Duration // from the response until all of Limit is available again
	Refills   bool          // what was used comes back evenly until then, not all at once

	// Hold is a pause: for how long no request of Key may be sent. After it one
	// request is sent as a probe, and the others follow at a pace once the probe has
	// an answer. The pause ends early with a success of a request that was sent
	// after this one, since then the limit is a rate; not if Strict is set.
	// Of several pauses the one that ends last counts.
	Hold   time.Duration
	Strict bool // the API documents that it punishes clients that go on

	// Err is the reason, for the Refusal of a request that cannot wait. It may be
	// nil. A Limiter may keep it for a day, so it must not hold a response or its
	// body.
	Err error

	// MaxWait is the longest time for which the limit that is stated here may
	// hold back the first request in the queue. If the limit takes longer to come
	// back, the request is sent, and the server decides.
	MaxWait time.Duration
}

// A Refusal is why Acquire gave no permit. It Is ErrThrottled. It does not wrap
// Err: the request was not sent, so that it cannot have failed by that.
type Refusal struct {
	Reason string // completes "not sent: ", as in "the queue is full: 10000 requests are waiting"
	Late   bool   // the turn would come after the deadline; errors.Is reports that it is context.DeadlineExceeded as well
	Err    error  // the Observation.Err of what holds the request back; nil if there is none
}

// Error returns "steadyhttp: throttled: " and the Reason.
func (r *Refusal) Error() string { return ErrThrottled.Error() + ": " + r.Reason }

// Is reports whether target is ErrThrottled or, if r is Late,
// context.DeadlineExceeded.
func (r *Refusal) Is(target error) bool {
	return target == ErrThrottled || r.Late && target == context.DeadlineExceeded
}
