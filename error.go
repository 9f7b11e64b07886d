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

// ErrThrottled is the error of a request that a Throttler did not send: its turn
// could not come in time, the queue was full, or it needs more tokens than a
// minute has. The error that is returned is an *Error that wraps ErrThrottled,
// so test for it with errors.Is. It is the same as limit.ErrThrottled.
var ErrThrottled = limit.ErrThrottled

// An Error says what went wrong with one call. It describes a failed response
// as well as an error that came instead of a response. Check returns it, and
// Call.Error holds it.
//
// Its text fields are cleaned: each is one line of limited length, without
// anything that looks like a credential. An Error must not be modified.
type Error struct {
	Class    Class
	Fate     Fate   // whether the server may have carried the request out
	Status   int    // the HTTP status; 0 if there was no response
	Provider string // the API's provider, such as "openai"; "" if it is not known

	Code      string // the provider's own name for the error, such as "insufficient_quota"
	Param     string // the parameter at fault, if the provider names it
	Message   string // what the server said: its message, otherwise its JSON or the start of its text
	Hint      string // what a developer should look at first
	RequestID string // the id to quote to the provider's support

	// RetryAfter is how long the server asked to wait, counted from its
	// response. RetryAfterSource is the header or body field that said so; ""
	// means that the server did not ask for a wait.
	RetryAfter       time.Duration
	RetryAfterSource string

	// NotBefore is when that wait is over. It is zero if the server did not ask
	// for a wait.
	NotBefore time.Time

	// RateLimit is what the server stated about its limits; nil if nothing.
	RateLimit []limit.Allowance

	// Window is the window of the limit that was exceeded, such as a minute, from
	// a second to a month of 30 days; 0 if the response does not name it. A
	// Retrier waits for a limit of an hour or more only if the server says how
	// long.
	Window time.Duration

	// Scope says which requests share the limit or the failure. ScopeName is the
	// name of the resource, bucket or method, if the scope has one.
	Scope     limit.Scope
	ScopeName string

	// MayBeDone reports that an earlier attempt of the same call was not answered
	// and may have done what this response refuses: it is a 400, 405, 409, 410, 412,
	// 416 or 422 to a write, or a 404 to a DELETE, after an attempt of unknown Fate.
	MayBeDone bool

	// Body is the start of the response's body as it came, at most 64 KiB. It is
	// not cleaned.
	Body []byte

	// Err is the error that came instead of a response, or the one that an SDK made
	// of it; nil if there was a response and no error.
	Err error

	repeat  dialect.Repeat // what the answer says about sending the request again
	refused bool           // the provider documents that nothing was done
	partial bool           // the answer says that a part was done
	own     bool           // the limit concerns this call alone

	// doubtful is of an error that was found in a success and may as well be what was
	// asked for. It is told to the caller and nothing follows from it: the call is not
	// repeated, and no other is held back or sent elsewhere. See plan.inDoubt.
	doubtful bool
}

// Error returns one line for a log: the class, the status, what the server
// said, its code, the wait that it asked for and the request id. The line is
// cleaned like the text fields.
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
		b.WriteString(": " + strings.TrimPrefix(e.Message, "steadyhttp: "))
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
	if e.MayBeDone {
		more = append(more, "an earlier attempt may have done it")
	}
	if len(more) > 0 {
		b.WriteString(" (" + strings.Join(more, ", ") + ")")
	}
	return b.String()
}

// UserMessage returns a sentence or two for an end user: what happened and what
// the user can do. The text has no internals, and nothing that the server sent
// except the wait that it asked for.
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

// Timeout reports whether the call failed because time ran out. It is the method
// of net.Error, which url.Error calls.
func (e *Error) Timeout() bool {
	return e.Class == Timeout || pastDeadline(e.Err)
}

// pastDeadline reports whether err says that the context's deadline is past. A nil
// pointer in an interface, whose methods panic, does not.
func pastDeadline(err error) (is bool) {
	defer func() { _ = recover() }()
	return errors.Is(err, context.DeadlineExceeded)
}

// withoutBody is e for those who keep it for long.
func (e *Error) withoutBody() *Error {
	light := *e
	light.Body = nil
	return &light
}

// Unwrap returns e.Err.
func (e *Error) Unwrap() error { return e.Err }

// Check returns nil for a success and an *Error for a failure. Give it what
// http.Client.Do returned. A response is a failure if its status is 400 or
// more, or if an error was found in its body.
//
// A response that went through a Classifier or a Retrier has its verdict
// already. Of any other failed response, Check reads at most 64 KiB of the
// body, for at most one second. Check examines a successful response that
// no Classifier has examined under the conditions that Classifier states, and that to a
// GET too if nothing is known of its API. The body can still be read from its
// beginning, and the caller still has to close it.
//
// err may be an SDK's typed error: if it, or an error that it wraps, holds the
// *http.Response or its status, code and message in exported fields, Check judges
// that, as if it had been given the response. The body of such a response can be
// read again too; so do not call Check for one error from several goroutines at
// once. Unwrap returns err.
//
// If both resp and err are nil, Check returns an error, since no call ends so. For the
// error of a Read, which may be nil, use CheckContext.
func Check(resp *http.Response, err error) error {
	if err != nil {
		e := errorOf(err)
		if e.Status == 0 && e.Class != Canceled && !pastDeadline(err) {
			if inside := errorInside(err); inside != nil {
				return inside
			}
		}
		return e
	}
	if resp == nil {
		return errorOf(errors.New("steadyhttp: neither a response nor an error"))
	}
	f, _ := known(resp)
	switch {
	case f.verdict != nil:
		return f.verdict
	case failed(resp):
		return judgeLater(resp)
	case f.looked:
		return nil
	}
	if e := checkSuccess(resp); e != nil {
		return e
	}
	return nil
}

// CheckContext is Check for callers of an SDK, whose errors often keep little of the
// response. ctx is the context that the SDK was called with, made by WithCall; what
// the wrappers recorded there is returned, with all that the response said: class,
// code, request id, wait and limits.
//
//	ctx := steadyhttp.WithCall(ctx)
//	answer, err := client.Chat.Completions.New(ctx, params)
//	if err := steadyhttp.CheckContext(ctx, nil, err); err != nil { … }
//
// For the error of a Read or of io.Copy, CheckContext says why the stream broke off; for
// nil it returns nil if the stream is whole.
//
// The record stands for the last attempt, and only where nothing contradicts it: err
// wins if it says that the caller gave up, or if it holds an *http.Response with
// another status. Where the SDK saw no error and resp is nil, CheckContext returns nil,
// unless a response with the status of a success holds an error that the SDK has
// passed over. If ctx has no record, CheckContext is Check.
//
// Unwrap of the *Error that is returned gives err, so that errors.As still finds the
// SDK's own. CheckContext may be called from several goroutines as Check may.
func CheckContext(ctx context.Context, resp *http.Response, err error) error {
	call, _ := FromContext(ctx)
	recorded := call.Error
	switch {
	case err == nil && resp != nil:
		return Check(resp, nil)
	case err == nil:
		if recorded != nil && recorded.Status >= 200 && recorded.Status < 300 {
			return recorded
		}
		return nil
	case recorded == nil:
		return Check(resp, err)
	}
	if own := Check(resp, err); own.(*Error).Class == Canceled || elsewhere(err, recorded.Status) {
		return own
	}
	found := *recorded
	found.Err = err
	return &found
}

// errorOf classifies an error that came in place of an answer. It is a pure
// function of err, and never goes by words but those that are net/http's own. A nil
// pointer in an interface, whose methods panic, is an error that nobody knows.
func errorOf(err error) (e *Error) {
	defer func() {
		if recover() != nil {
			e = &Error{Class: Unknown, Message: fmt.Sprintf("%T", err), Hint: Unknown.sheet().hint, Err: err}
		}
	}()
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
	switch class {
	case NotFound:
		e.Hint = "The host name does not exist: check the URL."
	case Authentication:
		e.Hint = "The proxy wants a user and a password: set them in the proxy's URL."
	}
	return e
}

// errorFor is errorOf for who has the request, which may have ended with a cause
// or a text that does not show it.
func errorFor(req *http.Request, err error) *Error {
	e := errorOf(err)
	if req == nil {
		return e
	}
	known := *e
	said := e.Message
	if e.Err == err && !errors.As(err, new(*Error)) {
		said = innermost(err).Error() // as it was: what cleaning took out may have stood inside a secret
	}
	known.Message = cleanerFor(req).Line(said, maxMessage)
	if why := ended(req); why != nil && e.Class == Unknown {
		known.Class = classOf(why)
		known.Hint = known.Class.sheet().hint
	}
	return &known
}

// maxSent is how much of a request's body is looked at for secrets.
const maxSent = 8 << 10

// cleanerFor returns what cleans texts that concern req, and knows what req was sent
// with. req may be nil.
func cleanerFor(req *http.Request) redact.Cleaner {
	if req == nil {
		return redact.Cleaner{}
	}
	start, _ := headOfBody(req, true, maxSent)
	return redact.Without(credential.Secrets(req, start)...)
}

// hopeless reports whether it is known that the same request fails again. A
// conflict may be over by then, and so may be what nobody knows.
func (e *Error) hopeless() bool {
	switch e.Class {
	case Conflict, Unknown:
		return false
	}
	return !e.Class.Retryable() && e.repeat == dialect.ByClass || e.repeat == dialect.Never
}

// uncertain reports whether an attempt that failed with e may have been carried out.
// What a server refused for the request's sake was not.
func (e *Error) uncertain() bool {
	switch e.Class {
	case Overloaded, ServerError, Unavailable, Timeout, Connection, Unknown:
		return e.Fate == FateUnknown
	}
	return e.Fate == FateApplied
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
	if neterr.ProxyWantsCredentials(err) {
		return Authentication
	}
	return Unknown
}
