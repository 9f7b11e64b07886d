// Package dialect knows how APIs word their errors. It turns what a server
// answered into a verdict in plain values; it decides nothing about retries.
//
// All that is known of a provider is data: one literal of type family, which also
// says where its errors, its limits and its request ids are. A handful of functions
// apply the families' tables. The class of an error is what the first of the signals
// says that has an opinion; order.go lists them, with the reason for the place of each.
//
// Everything that is read is hostile: a body is looked at up to 64 KiB, in one
// pass, without recursion, and nothing in it is expanded.
package dialect

import (
	"net/http"
	"sync"
	"time"

	"github.com/steadyhttp/steadyhttp/limit"
)

// A Class is the name of one of steadyhttp's classes.
type Class string

// The classes that an answer can have.
const (
	None           Class = "none"
	InvalidRequest Class = "invalid_request"
	ContextLength  Class = "context_length"
	ContentPolicy  Class = "content_policy"
	Authentication Class = "authentication"
	Permission     Class = "permission"
	Quota          Class = "quota"
	NotFound       Class = "not_found"
	Conflict       Class = "conflict"
	TooLarge       Class = "too_large"
	RateLimit      Class = "rate_limit"
	Overloaded     Class = "overloaded"
	ServerError    Class = "server_error"
	Unavailable    Class = "unavailable"
	Timeout        Class = "timeout"
	Canceled       Class = "canceled"
	Unknown        Class = "unknown"
)

// maxBody is how much of a body is looked at, whatever is handed in.
const maxBody = 64 << 10

// An Answer is what there is to judge.
type Answer struct {
	Method, Host, Path string // of the request; Host without a port
	Status             int
	Header             http.Header
	Body               []byte    // its start
	Now                time.Time // when it arrived, for waits given as a point in time without a Date; zero is none

	// Unexpected is of a success of which nothing says that it may be a failure. Then
	// only what is an error and nothing else is one.
	Unexpected bool
}

// Repeat says what an answer itself says about sending the very same request
// again.
type Repeat uint8

// What an answer can say.
const (
	ByClass Repeat = iota // nothing beyond its class
	Always                // it may be repeated, although its class says no
	Reads                 // a stranger says so: believed of what reads, never of what writes
	Passing               // what stands in its way ends by itself: believed of what may be repeated
	Never                 // it must not be repeated, although its class says yes
)

// A Scope says which requests share a limit or a trouble.
type Scope = limit.Scope

// The members of a Scope, by their short names.
const (
	Host       = limit.ScopeHost
	Credential = limit.ScopeCredential
	Model      = limit.ScopeModel
	Method     = limit.ScopeMethod // the API's method: the HTTP method, or Slack's, which ScopeName then holds
	Path       = limit.ScopePath
	Resource   = limit.ScopeResource // a group of methods that ScopeName names, as GitHub's x-ratelimit-resource does
	Bucket     = limit.ScopeBucket   // what ScopeName names, as Discord's x-ratelimit-bucket does
)

// A Verdict is what an answer means. A field that the answer says nothing
// about is zero.
type Verdict struct {
	Class     Class
	Provider  string
	Code      string // the provider's own: a code if it has letters, else a type, status or reason
	Number    int    // the code as a number, 0 if there is none
	Param     string // the parameter at fault
	Message   string // as sent, not cleaned
	RequestID string

	// RetryIn is how long the body asks to wait, if RetryInSource names the
	// field that says so. Waits in the words of the message are not looked for.
	RetryIn       time.Duration
	RetryInSource string

	// Window is that of the limit which was hit: a second to a month of 30
	// days. A rate limit of a day or more, with no wait stated, will not be
	// lifted while anybody waits; with one it is a rolling window, and the
	// stated wait is good.
	Window time.Duration

	Repeat Repeat

	// Refused is whether the provider at the request's host documents, by the code or
	// the status of this answer, that nothing was done. What the words of a message
	// say is no proof, and nor is a code that somebody else sends.
	Refused bool

	// Doubtful is of an error in a success that may as well be what was asked for, such
	// as the result of a check, work that failed, or what is stored there. It is worth
	// telling, and no reason to act.
	Doubtful bool

	// Partial is whether the answer says that a part of the request was done, whatever
	// its status says.
	Partial bool

	// Own is whether a limit concerns this call alone: another's password was not tried.
	Own bool

	Scope     Scope
	ScopeName string
}

// readers hold the memory that judging needs: 12 KiB each.
var readers = sync.Pool{New: func() any { return new(reader) }}

// Judge reads an answer that is a failure by its status. The body decides
// where it can, since statuses lie: OpenAI says "out of money" with 429.
func Judge(a Answer) Verdict {
	r := readers.Get().(*reader)
	defer r.free()
	r.read(a.Body)
	return r.judge(a)
}

// judge makes a verdict of what was read.
func (r *reader) judge(a Answer) Verdict {
	t := tables()
	host := t.byHost(a.Host)
	shape := t.byShape(r, a.Header)
	know := chain(host, shape)

	r.status, r.know, r.header = a.Status, know, a.Header
	r.collect(a.Header)
	v := Verdict{Message: r.message, Code: r.code(know), Number: r.number, Param: r.param()}
	switch {
	case host != nil:
		v.Provider = host.name
	case shape != nil:
		v.Provider = shape.name
	}
	v.RequestID = r.requestID(a.Header, host)
	v.RetryIn, v.RetryInSource = r.retryIn(a)
	r.stated = v.RetryIn
	v.Class = r.class()
	v.Window = r.window(v.Class, a.Header)
	v.Repeat = r.repeat(v.Class, host, know, a)
	v.Partial = r.doneInPart()
	v.Refused = !v.Partial && r.provesRefusal(v.Class, host, a)
	v.Own = v.Class == RateLimit && r.countsGuesses()
	v.Scope, v.ScopeName = scopeOfFailure(v.Class, know, a)
	return v
}
