// Package dialect knows how APIs word their errors. It turns what a server
// answered into a verdict in plain values; it decides nothing about retries.
//
// All that is known of a provider is data: one literal of type family, which also
// says where its errors, its limits and its request ids are. A handful of functions
// apply the families' tables. The class of an error is what the first of these says
// that has an opinion:
//
//  0. a request that is larger than the limit it is told of
//  1. the codes of the provider, then those everybody uses, that leave no doubt
//  2. the provider's numeric codes
//  3. the provider's phrases in the message, then everybody's
//  4. the codes that are true unless the message says otherwise
//  5. parts of codes that nobody listed, such as "throttl"
//  6. the HTTP status
//
// The provider's are the tables of the request's host, then of the family that
// the answer's shape gives away: gateways speak in other people's words.
//
// Everything that is read is hostile: a body is looked at up to 64 KiB, in one
// pass, without recursion, and nothing in it is expanded.
package dialect

import (
	"net/http"
	"strings"
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
}

// Repeat says what an answer itself says about sending the very same request
// again.
type Repeat uint8

// What an answer can say.
const (
	ByClass Repeat = iota // nothing beyond its class
	Always                // it may be repeated, although its class says no
	Reads                 // a stranger says so: believed of what reads, never of what writes
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
	v.Class = r.class(a.Status, know)
	v.Window = r.window(v.Class, a.Header)
	v.Repeat = r.repeat(v.Class, host, know, a)
	v.Refused = r.provesRefusal(v.Class, host, a)
	v.Scope, v.ScopeName = scopeOfFailure(v.Class, know, a)
	return v
}

// class finds the class in the order that the package comment gives.
func (r *reader) class(status int, know []*family) Class {
	text := r.text()
	if r.neverFits(text, status) {
		return TooLarge
	}
	for _, f := range know {
		for _, code := range r.codes[:r.nCodes] {
			if c := lookUp(f.codesByKey, code); c != "" {
				return c
			}
		}
	}
	if r.number != 0 {
		for _, f := range know {
			if c := f.byNumber(r.number); c != "" {
				return c
			}
		}
	}
	if w := r.limitWindow(); w > 0 {
		// The field that names the limit beats all words: Google says "check
		// your plan and billing" of a limit by the minute, and adds a RetryInfo
		// of seconds to a limit of a day.
		if w >= day || says(text, "limit: 0") {
			return Quota
		}
		return RateLimit
	}
	for _, f := range know {
		if f == common {
			break
		}
		if c := heard(f.phrases, text, status); c != "" {
			return c
		}
	}
	if c := tables().phrases.heard(text, status); c != "" {
		return c
	}
	for _, f := range know {
		for _, code := range r.codes[:r.nCodes] {
			if c := lookUp(f.hintsByKey, code); c != "" && believable(c, status) {
				return c
			}
		}
	}
	for _, code := range r.codes[:r.nCodes] {
		if c := byFragment(code, status); c != "" && believable(c, status) {
			return c
		}
	}
	for _, f := range know {
		if c, ok := f.statuses[status]; ok {
			return c
		}
	}
	return byHundred(status)
}

// believable reports whether a code's class goes with the status. "Too many"
// is never said by mistake, while a code beside it may be a leftover: Microsoft
// Graph says accessDenied with 429. And a code that says no more than "your
// mistake" or "ours" yields to a status that says more.
func believable(c Class, status int) bool {
	switch c {
	case InvalidRequest, ServerError:
		_, telling := commonStatuses[status]
		return !telling
	case NotFound:
		// With 401 it is the user or the key that was not found.
		return status != http.StatusTooManyRequests && status != http.StatusUnauthorized
	case Authentication, Permission, Conflict:
		return status != http.StatusTooManyRequests
	}
	return true
}

// neverFits reports whether the answer names a limit and a request that is
// above it all by itself. Waiting will not make it fit.
func (r *reader) neverFits(text string, status int) bool {
	if status != 0 && status != 413 && status != 429 && status != 503 {
		return false
	}
	for _, pair := range [...]struct{ limit, ask string }{
		{"limit ", "requested "}, // OpenAI, Groq: tokens per minute
		{"limit: ", "requested: "},
		{"max_coordinating_and_primary_bytes=", "coordinating_operation_bytes="}, // Elasticsearch
	} {
		limit, ok := numberAfter(text, pair.limit)
		ask, also := numberAfter(text, pair.ask)
		if ok && also && limit > 0 && ask > limit {
			return true
		}
	}
	return false
}

// numberAfter reads the digits after the first place where a word is mark and
// digits follow.
func numberAfter(text, mark string) (int64, bool) {
	for from := 0; ; {
		i := strings.Index(text[from:], mark)
		if i < 0 {
			return 0, false
		}
		i += from
		from = i + len(mark)
		if !starts(text, i) {
			continue
		}
		var n int64
		digits := 0
		for _, c := range []byte(text[from:min(len(text), from+20)]) {
			if c == ',' && digits > 0 {
				continue
			}
			if c < '0' || c > '9' || digits == 15 {
				break
			}
			n = n*10 + int64(c-'0')
			digits++
		}
		if digits > 0 {
			return n, true
		}
	}
}
