package steadyhttp

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/steadyhttp/steadyhttp/internal/credential"
	"github.com/steadyhttp/steadyhttp/internal/dialect"
	"github.com/steadyhttp/steadyhttp/internal/neterr"
	"github.com/steadyhttp/steadyhttp/internal/redact"
	"github.com/steadyhttp/steadyhttp/limit"
)

// ErrThrottled is what a Throttler's refusal is: the request was not sent,
// because its turn could not come in time. The error returned is an *Error
// that wraps it; test for it with errors.Is.
var ErrThrottled = limit.ErrThrottled

// An Error says what went wrong with one call, for an answer that is a failure
// and for an error that had no answer alike. Check returns it, and Call.Error
// holds it. Its text fields are cleaned: one line, bounded, without anything
// that looks like a credential. It must not be changed.
type Error struct {
	Class    Class
	Fate     Fate   // whether the server may have carried the request out
	Status   int    // the HTTP status; 0 if there was no answer
	Provider string // who answered, such as "openai"; "" if that is not known

	Code      string // the provider's own name for the error, such as "insufficient_quota"
	Param     string // the parameter at fault, if the provider names it
	Message   string // what the server said: its message, else its JSON, else the start of its text
	Hint      string // what a developer should look at first
	RequestID string // the id to quote to the provider's support

	// RetryAfter is how long the server asked to wait, counted from its
	// answer, and RetryAfterSource the header or field that said so. If the
	// source is "" the server did not say.
	RetryAfter       time.Duration
	RetryAfterSource string

	// NotBefore is when that wait is over: a repeat before it is pointless.
	// Zero if the server did not say.
	NotBefore time.Time

	// RateLimit is what the server said about its limits, nil if nothing.
	RateLimit []limit.Allowance

	// Window is that of the limit which was hit, as far as the answer names it:
	// from a second to a month of 30 days; 0 if it does not. A limit of an hour
	// or more is not waited for unless the server itself says how long.
	Window time.Duration

	// Scope is what shares the limit or the trouble, and ScopeName the resource,
	// bucket or method where the scope has one.
	Scope     limit.Scope
	ScopeName string

	// Body is the start of the answer's raw body, uncleaned, at most 64 KiB.
	Body []byte

	// Err is the error below, nil for an answer.
	Err error

	repeat dialect.Repeat // what the answer says about sending the request again
}

// Error returns one line for a log: the class, the status, what the server
// said, its code, the wait it asked for and the request id. It holds no
// secret and no raw character from the server.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("steadyhttp: ")
	b.WriteString(e.Class.String())
	if e.Status != 0 {
		fmt.Fprintf(&b, ": %d", e.Status)
		if s := http.StatusText(e.Status); s != "" {
			b.WriteString(" " + s)
		}
	}
	if e.Message != "" {
		b.WriteString(": " + e.Message)
	}
	var more []string
	if e.Code != "" {
		more = append(more, "code "+e.Code)
	}
	if e.RetryAfterSource != "" {
		more = append(more, "retry after "+e.RetryAfter.String())
	}
	if e.RequestID != "" {
		more = append(more, "request "+e.RequestID)
	}
	if len(more) > 0 {
		b.WriteString(" (" + strings.Join(more, ", ") + ")")
	}
	return b.String()
}

// UserMessage returns a sentence or two for an end user: what happened and
// what they can do, without internals and without anything the server sent but
// the wait it asked for.
func (e *Error) UserMessage() string {
	if e.RetryAfterSource != "" && e.Class.Retryable() && e.RetryAfter > 0 {
		return e.Class.sheet().user + " It should work again in about " + inWords(e.RetryAfter) + "."
	}
	return e.Class.sheet().user
}

// inWords rounds a wait up to what a person would say.
func inWords(d time.Duration) string { return string(appendWords(nil, d)) }

func appendWords(b []byte, d time.Duration) []byte {
	n, unit := int64((d+time.Second-1)/time.Second), "second"
	if n > 90 {
		n, unit = (n+59)/60, "minute"
	}
	if unit == "minute" && n > 90 {
		n, unit = (n+59)/60, "hour"
	}
	if unit == "hour" && n > 36 {
		n, unit = (n+23)/24, "day"
	}
	b = append(append(strconv.AppendInt(b, n, 10), ' '), unit...)
	if n != 1 {
		b = append(b, 's')
	}
	return b
}

// Timeout reports whether the call failed because time ran out, as net.Error
// and url.Error ask for it.
func (e *Error) Timeout() bool {
	return e.Class == Timeout || errors.Is(e.Err, context.DeadlineExceeded)
}

// withoutBody is e for those who keep it for long.
func (e *Error) withoutBody() *Error {
	light := *e
	light.Body = nil
	return &light
}

// Unwrap returns the error below, nil for an answer.
func (e *Error) Unwrap() error { return e.Err }

// Check returns nil for a success, else an *Error, for an answer that is a
// failure and for err alike: give it what http.Client.Do returned. An answer
// is a failure if its status is 400 or more, or if a Classifier found an error
// in its body.
//
// A failure that went through a Classifier or a Retrier was judged there;
// others are judged now, which reads at most 64 KiB of the body and waits for
// it at most a second. Of a success that nobody has judged, the body is looked
// at under the conditions that Classifier states. The body stays readable from its beginning and the caller
// still closes it. Unwrap gives err.
func Check(resp *http.Response, err error) error {
	if err != nil {
		return errorOf(err)
	}
	if resp == nil {
		return errorOf(errors.New("steadyhttp: neither a response nor an error"))
	}
	f, _ := known(resp)
	switch {
	case f.verdict != nil:
		return f.verdict
	case failed(resp):
		return judge(resp, nil)
	case f.looked:
		return nil
	}
	if e := checkSuccess(resp); e != nil {
		return e
	}
	return nil
}

// errorOf classifies an error that came in place of an answer. It is a pure
// function of err, and goes by types and never by text.
func errorOf(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		if e == err {
			return e
		}
		wrapped := *e
		wrapped.Err = err
		return &wrapped
	}
	class := classOf(err)
	e = &Error{
		Class:   class,
		Message: redact.Line(innermost(err).Error(), maxMessage),
		Hint:    class.sheet().hint,
		Err:     err,
	}
	if class == NotFound {
		e.Hint = "The host name does not exist: check the URL."
	}
	return e
}

// errorFor is errorOf for who has the request, which may have ended with a cause
// or a text that tells nobody that it did.
func errorFor(req *http.Request, err error) *Error {
	e := errorOf(err)
	if req == nil {
		return e
	}
	known := *e
	if secrets := credential.Secrets(req); len(secrets) > 0 {
		known.Message = redact.Without(secrets...).Line(e.Message, maxMessage)
	}
	if why := ended(req); why != nil && e.Class == Unknown {
		known.Class = classOf(why)
		known.Hint = known.Class.sheet().hint
	}
	return &known
}

// innermost strips the layers that http.Client adds: a url.Error's text holds
// the whole URL, whose query may hold a key. There may be several, since a
// wrapper that fetches a token has a client too.
func innermost(err error) error {
	for {
		var u *url.Error
		if !errors.As(err, &u) || u.Err == nil {
			return err
		}
		err = u.Err
	}
}

// classOf is the Class of an error of net/http.
func classOf(err error) Class {
	switch neterr.KindOf(err) {
	case neterr.Canceled:
		return Canceled
	case neterr.Timeout:
		return Timeout
	case neterr.NoSuchHost:
		return NotFound
	case neterr.TLS:
		return TLS
	case neterr.Connection:
		return Connection
	}
	return Unknown
}
