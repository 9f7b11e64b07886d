package limit

import (
	"fmt"
	"time"

	"github.com/steadyhttp/steadyhttp/internal/redact"
)

// A KeyState is what a Limiter knows about one Key, for logs, metrics and status
// pages. A request counts for every Key that matches it: for its host, for its
// host and credential, and so on. The caller may keep and modify a KeyState.
type KeyState struct {
	Key    Key
	Limits []LimitState // the limits known now, those that the user set first

	// Waiting is how many of the requests that match the Key wait, for whatever
	// reason. Batch and Urgent are how many of those have that Priority.
	Waiting int
	Batch   int
	Urgent  int

	// A request waits in the queue of the Key that holds it back the longest. Oldest
	// is how long the first request in this Key's queue has waited, and Why is what it
	// waits for. For a whole host they are those of the request to it that has waited
	// the longest. They are zero if no request waits there.
	Oldest time.Duration
	Why    string

	// Queued is how many of Waiting stand in this Key's own queue: it is what holds
	// them back. It is 0 with a Limiter that does not know.
	Queued int

	Concurrent int // how many requests are under way; not counted for a host that holds nothing back

	// WouldHold counts the requests that were sent under Observe and that this Key
	// would have held back under Act. Under Act there would be fewer, since a call that
	// waits sends no further requests.
	WouldHold int64

	// Evidence says in words what was inferred, and from how many responses; "" if
	// nothing was.
	Evidence string

	// PerSecond is the adaptive rate limit, in requests per second. There is one
	// if refusals point to a limit that the server does not state, and for a time
	// after a gate has opened. 0 is none.
	PerSecond float64

	// Reopening is that PerSecond is the pace at which those leave who waited at a
	// gate that has opened; no limit was found.
	Reopening bool

	Gate      string        // why the gate is closed: GateAsked, GateFailing, or "" if it is open
	GateLeft  time.Duration // until the next request may be sent
	GateError error         // what closed the gate; nil if that is not known

	// NextProbe is the time until one request goes before GateLeft is over, to find
	// out whether a pause is still wanted; 0 if none does. Probing is that a probe is
	// under way: GateLeft is then how long its answer is waited for at the least.
	NextProbe time.Duration
	Probing   bool
}

// Why a gate is closed.
const (
	GateAsked   = "asked"   // a server asked for a pause
	GateFailing = "failing" // what the Key names does not work
)

// A LimitState is one limit of a Key.
type LimitState struct {
	Unit    string        // "requests", "tokens", "input_tokens", "output_tokens" or "concurrency"
	Limit   float64       // what is allowed in the Window; for concurrency, at once
	Window  time.Duration // 0 if it is not known, and for concurrency
	Left    float64       // what is left now; negative if more was taken than there was
	Learned bool          // stated by responses; false if set by the user
}

// A TargetState is what a steadyhttp.Failover knows about one place that failed: an
// origin, a credential, a model or a route at one. The caller may keep and modify a
// TargetState.
type TargetState struct {
	Name  string        // the target at which the latest call failed; "" for the request as it is
	Key   Key           // the host; with credential, model or route if only those failed
	Down  bool          // calls pass it over; false while too few calls have failed there
	Since time.Duration // since the first of its latest failures
	Left  time.Duration // until calls go there again; 0 if they do once a call that tries it succeeds
	Err   error         // of the latest call that failed there
}

// Tokens are what a call of a language model used, as its answer says. They are 0
// where it does not say.
type Tokens struct {
	InputTokens, OutputTokens int64
	CachedTokens              int64 // of InputTokens, those that came from the provider's cache
	ReasoningTokens           int64 // of OutputTokens, those that were spent on reasoning
}

// maxLabel bounds a Key's label: a host, a model and a path of usual length.
const maxLabel = 256

// anonymous is the Credential of requests without one.
const anonymous = 1

// Label returns a name of k for people: the host, four digits that stand for the
// credential, the model, the route and the bucket, as far as they are set. Requests
// without a credential have no digits. It holds no secret and has at most 256
// bytes.
func (k Key) Label() string {
	label := k.Host
	if k.Credential > anonymous {
		label += fmt.Sprintf(" key %04x", uint16(k.Credential))
	}
	for _, part := range []string{k.Model, k.Route, k.Bucket} {
		if part != "" {
			label += " " + part
		}
	}
	return redact.Line(label, maxLabel)
}

// An Allowance is one rate limit as a response states it.
type Allowance struct {
	Unit      string        // "requests", "tokens", "input_tokens", "output_tokens" or "concurrency"; "" if it is not stated
	Name      string        // of the policy, resource or bucket; "" if it has none
	Window    time.Duration // the time in which Limit is allowed; 0 if it is not stated
	Limit     int64         // -1 if it is not stated
	Remaining int64         // -1 if it is not stated
	Reset     time.Duration // from the response until all, or some, of Limit is available again; -1 if it is not stated
}
