package steadyhttp

import (
	"context"
	"net/http"
	"time"
)

// A Limiter decides when requests may be sent. The default, which every
// Throttler without one makes for itself, keeps all in memory; another may keep
// it where many processes share it.
//
// A Limiter knows limits and gates by Key, and a request concerns every Key that
// it matches. Its methods are called by many goroutines at once, and take and
// give plain values, so that a call costs no allocation.
//
// Two more things are used if they are there: of an error of Acquire's a method
// Reason() string, in words that follow "not sent: ", and of the Limiter a method
// Verdict(Key) *Error, which tells what shut the gate that a request of that Key
// stands at, nil for none.
type Limiter interface {
	// Acquire waits until a may be sent, first come first served under each Key,
	// and returns the permit for it. If that cannot be by ctx's deadline it
	// fails at once with an error that Is ErrThrottled; if ctx ends while it
	// waits, with context.Cause(ctx), or after its deadline with an error that Is
	// context.DeadlineExceeded, and with nothing kept. The Permit of a failure
	// tells how long it Waited.
	Acquire(ctx context.Context, a Ask) (Permit, error)

	// Settle ends p, once: it frees the place among the concurrent requests and
	// charges or gives back tokens. It does not block.
	Settle(p Permit, o Outcome)

	// Observe records what an answer to p's request said. It does not block. The
	// latest word about a limit wins.
	Observe(p Permit, n News)

	// Snapshot lists what is known now, in no order.
	Snapshot() []KeyState
}

// A Key names whom a limit or a gate concerns. Of a request all fields are set
// that are known; of a limit or a gate an empty field matches any request, so
// that a Key is also a scope.
type Key struct {
	Host       string
	Bucket     string // a method, path, resource or bucket, as the API's dialect parts its limits
	Credential uint64 // a hash with Throttler.Salt or a seed of this process's; 1 is that of requests without one
	Model      string
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

// An Ask is a request for a permit.
type Ask struct {
	Key  Key // of the request
	Cost Cost

	Limits Limits // set by the user
	Under  Key    // whom they apply to

	MaxQueue int           // how many may wait for those limits; 0 and negative are any number
	Patience time.Duration // how long to wait at the gate of a failing host, if ctx has no deadline

	// For the limiter in memory: http.Request.Cancel, and where a fuller Key is to
	// be had once the host has stated limits that part requests by more.
	cancel  <-chan struct{}
	keyer   *Throttler
	request *http.Request
}

// A Permit is leave to send one request. It ends with Limiter.Settle.
type Permit struct {
	Key    Key
	Cost   Cost
	ID     uint64        // the Limiter's own
	Waited time.Duration // for it
	Why    string        // what it waited for last; "" if it did not
	Probe  bool          // on its outcome depends when others may follow

	// The limiter in memory's own: when it was given (0 is before all that holds
	// anybody back), as the how many-th of its host's in that second, and from what.
	at    instant
	nth   uint32
	shard *shard
	held  [maxHeld]hold
}

// An Answer says what an outcome tells of the host and of its limits.
type Answer uint8

// The answers.
const (
	AnswerNone    Answer = iota // nothing: the caller gave up, it timed out, or it was told already
	AnswerGood                  // the host works
	AnswerRefused               // a limit refused the request
	AnswerFailing               // the host does not work: no connection, a reset, 502, 503, 52x, 529
)

// An Outcome is what became of a request.
type Outcome struct {
	Answer Answer
	Used   Cost // the tokens that the answer says were used
	Told   bool // whether it says so; else what was reserved stays charged
	Refund bool // the request took no tokens: it failed
}

// News is what an answer says about a Key: a limit, a wait, or only its Answer.
type News struct {
	Key    Key
	Answer Answer

	// A limit. What is not known is -1, a Unit of "" is no limit.
	Unit      string        // "requests", "tokens", "input_tokens" or "output_tokens"
	Limit     int64         // in the Window
	Remaining int64         // once this request was counted
	Window    time.Duration // 0 is not known
	Reset     time.Duration // from the answer until all of the limit is there again
	Refills   bool          // it comes back evenly until then, not all at once

	// Hold is how long nobody under Key may send, a first one then alone.
	Hold time.Duration

	// Verdict is why, for those who cannot wait. It may be nil, and a Limiter
	// may keep only parts of it.
	Verdict *Error

	// MaxWait is the longest time for which a limit that an answer states holds
	// the first in the line back: what is empty for longer refuses for itself.
	MaxWait time.Duration
}

// A KeyState is what a Limiter knows about one Key, for logs, metrics and pages. A
// request counts for every Key that it matches: for its host, and for its host
// and credential, and so on. It is the caller's own.
type KeyState struct {
	Key    Key
	Limits []LimitState // known now, the user's own first

	Waiting    int // requests that wait for this Key
	Concurrent int // requests under way; those to a host that holds nobody back are not counted

	// PerSecond is the rate that is kept to where no limit was stated, because a
	// request was refused or the host is just back. 0 is none.
	PerSecond float64

	Gate      string        // "", "asked" (a server asked for a pause) or "failing" (the host does not work)
	GateLeft  time.Duration // until the next request may go out
	GateError *Error        // the verdict that shut it; nil if there is none
}

// A LimitState is one limit of a Key.
type LimitState struct {
	Unit    string        // as in News; "concurrency" for requests under way
	Limit   float64       // in the Window, or at once if that is 0
	Window  time.Duration // 0 where it is not known or there is none
	Left    float64       // now; negative where it was overdrawn
	Learned bool          // from answers; else set by the user
}

// Label names k for people: the host, and what sets it apart, the credential by
// a short mark that means nothing outside this process. It holds no secret and
// is bounded.
func (k Key) Label() string { return k.label() }
