package limit

import (
	"fmt"
	"time"

	"github.com/steadyhttp/steadyhttp/internal/redact"
)

// A KeyState is what a Limiter knows about one Key, for logs, metrics and pages.
// A request counts for every Key that it matches: for its host, for its host and
// credential, and so on. The caller may keep and change it.
type KeyState struct {
	Key    Key
	Limits []LimitState // known now, the user's own first

	Waiting    int // requests that wait for this Key
	Concurrent int // requests under way; those to a host that holds nobody back are not counted

	// PerSecond is the rate of requests that is kept to where no limit was
	// stated: because a request was refused, or because the host has just
	// recovered. 0 is none.
	PerSecond float64

	Gate      string        // why requests wait at a gate: "", GateAsked or GateFailing
	GateLeft  time.Duration // until the next request may go out
	GateError error         // what closed the gate; nil if that is not known
}

// Why a gate is closed.
const (
	GateAsked   = "asked"   // a server asked for a pause
	GateFailing = "failing" // the host does not work
)

// A LimitState is one limit of a Key.
type LimitState struct {
	Unit    string        // as in Observation; "concurrency" for requests under way
	Limit   float64       // in the Window, or at once if that is 0
	Window  time.Duration // 0 if it is not known or there is none
	Left    float64       // now; negative if more was taken than there was
	Learned bool          // from responses; if not, set by the user
}

// maxLabel bounds a Key's label: a host, a model and a path of usual length.
const maxLabel = 256

// anonymous is the Credential of requests without one.
const anonymous = 1

// Label names k for people: the host, and what sets it apart, the credential by
// four digits that mean nothing outside this process. It holds no secret and has
// at most 256 bytes.
func (k Key) Label() string {
	label := k.Host
	if k.Credential > anonymous {
		label += fmt.Sprintf(" key %04x", uint16(k.Credential))
	}
	for _, part := range []string{k.Model, k.Bucket} {
		if part != "" {
			label += " " + part
		}
	}
	return redact.Line(label, maxLabel)
}

// An Allowance is one rate limit as a server states it.
type Allowance struct {
	Unit      string        // "requests", "tokens", "input_tokens", "output_tokens", "concurrency"; "" if the server does not say
	Name      string        // of the policy, resource or bucket, if it has one
	Window    time.Duration // in which Limit is allowed; 0 if not said
	Limit     int64         // -1 if not said
	Remaining int64         // -1 if not said
	Reset     time.Duration // from the answer until it is whole, or has room, again; -1 if not said
}
