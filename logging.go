package steadyhttp

import (
	"net/http"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/steadyhttp/steadyhttp/internal/credential"
	"github.com/steadyhttp/steadyhttp/internal/redact"
)

// A Logger writes one structured entry a call, from which can be told what
// failed, whose fault it is, what was tried, how long it took and which request
// id to quote. It is written when the answer's headers are there or the call
// has failed for good; for an event stream, and where Bodies are asked for,
// when the body has ended or was closed.
//
// The level tells the outcome: debug for a success, info for one that took
// several attempts, warn for what the caller did or was refused, error for
// what failed for good on either side.
//
// What may hold a secret is left out unless it is allowed by name: headers,
// query values and bodies. Of the URL there is never user information. What
// the server or an error said, and what was allowed, is cleaned: one line,
// bounded, without what looks like a credential and without the credentials
// that the request was sent with.
//
// Its zero value is silent. It is safe for concurrent use and its fields must
// not change once it is in use.
type Logger struct {
	// Base makes the requests. nil is http.DefaultTransport.
	Base http.RoundTripper

	// Zap takes the entries. nil is silent.
	Zap *zap.Logger

	// Level chooses the level of a call's entry. nil is DefaultLevel.
	Level func(Call) zapcore.Level

	// Attempts adds an entry at debug level for each attempt that is followed by
	// another, and for each wait, if there is a Retrier further in.
	Attempts bool

	// Fields returns more fields for the entry of a call. The response is nil
	// if there was none, and its body is not to be read. nil adds none. What it
	// returns is not cleaned.
	Fields func(*http.Request, *http.Response) []zap.Field

	// Headers are the names of request and response headers whose values are
	// logged, cleaned. nil is none.
	Headers []string

	// Query are the names of query parameters whose values are logged, cleaned.
	// nil is none; of other parameters nothing appears.
	Query []string

	// Bodies is how many bytes of the request's and of the response's body are
	// logged, cleaned. They are copied as they pass and never held back. 0 is
	// none; the most is 64 KiB.
	Bodies int

	settings settings
}

// DefaultLevel is the level of a call's entry where Logger.Level does not say
// otherwise: debug for a success, info for one that took several attempts, warn
// for what the caller did or was refused, error for what failed for good on
// either side.
func DefaultLevel(c Call) zapcore.Level {
	switch {
	case c.Error != nil && c.Error.Class.blame() == byThem:
		return zapcore.ErrorLevel
	case c.Error != nil:
		return zapcore.WarnLevel
	case len(c.RetriedClasses) > 0: // and not for the hops of a redirect
		return zapcore.InfoLevel
	}
	return zapcore.DebugLevel
}

// blame sorts classes by who has to act.
type blame uint8

const (
	byNobody blame = iota
	byCaller       // changes the request, waits, pays
	byThem         // the provider, the network, or our own operations
)

func (c Class) blame() blame {
	switch c {
	case None:
		return byNobody
	case Canceled, InvalidRequest, ContextLength, ContentPolicy, Authentication, Permission, Quota, NotFound, Conflict, TooLarge, RateLimit:
		return byCaller
	}
	return byThem
}

// RoundTrip implements http.RoundTripper.
func (t *Logger) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := t.settings.check(t); err != nil {
		return refuse(req, err)
	}
	return t.roundTrip(req, t.base())
}

func (t *Logger) roundTrip(req *http.Request, next http.RoundTripper) (*http.Response, error) {
	if t.silent() {
		return send(next, req)
	}
	start := time.Now()
	with, c := openCall(req)
	defer c.leave()
	if t.Attempts {
		c.logTo(t.Zap)
	}
	e := entry{Logger: t, req: req, call: c, start: start}
	if t.Bodies > 0 && hasBody(req) {
		e.sent = &capture{max: t.bodies()}
		with = captureBody(with, e.sent)
	}
	resp, err := send(next, with)
	e.headers = time.Since(start)
	if resp != nil {
		c.attach(resp, with)
	}
	if err == nil && resp != nil && t.waitsForBody(resp) {
		t.later(resp, e)
		return resp, nil
	}
	call := c.outcome(req, resp, err)
	if ce := t.check(call); ce != nil {
		ce.Write(e.fields(resp, call)...)
	}
	return resp, err
}

// silent reports whether nothing is ever logged: zap.NewNop and the like enable
// not even errors.
func (t *Logger) silent() bool { return t.Zap == nil || !t.Zap.Core().Enabled(zapcore.ErrorLevel) }

// check returns the entry to write, nil if its level is off: then nothing of
// it is built.
func (t *Logger) check(call Call) *zapcore.CheckedEntry {
	level := DefaultLevel
	if t.Level != nil {
		level = t.Level
	}
	return t.Zap.Check(level(call), call.message())
}

// CloseIdleConnections closes the idle connections of Base, if it can.
func (t *Logger) CloseIdleConnections() { closeIdle(t.base()) }

func (t *Logger) base() http.RoundTripper    { return orDefault(t.Base) }
func (t *Logger) ownBase() http.RoundTripper { return t.Base }
func (t *Logger) validate() error            { return nil }

// message is the entry's text: constant, so that entries can be grouped by it.
func (c Call) message() string {
	switch {
	case c.Error == nil && len(c.RetriedClasses) > 0:
		return "call recovered"
	case c.Error == nil:
		return "call succeeded"
	case c.Error.Class == Canceled:
		return "call canceled"
	case c.Error.Class.blame() == byCaller:
		return "call refused"
	}
	return "call failed"
}

// logTo makes the wrappers further in tell of each attempt and wait.
func (c *call) logTo(logger *zap.Logger) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.attempts == nil {
		c.attempts = logger
	}
}

// attemptsLogger returns the logger for attempts and waits, nil for none.
func (c *call) attemptsLogger() *zap.Logger {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.attempts
}

// logAttempt writes an entry about an attempt at req that will be followed by
// another after wait.
func (c *call) logAttempt(req *http.Request, n int, e *Error, wait time.Duration) {
	logger := c.attemptsLogger()
	if logger == nil {
		return
	}
	if ce := logger.Check(zapcore.DebugLevel, "attempt failed"); ce != nil {
		ce.Write(errorFields(attemptFields(req, n), e)...)
	}
	if ce := logger.Check(zapcore.DebugLevel, "waiting"); ce != nil {
		reason := "backoff"
		if e.RetryAfterSource != "" {
			reason = "asked by the server: " + e.RetryAfterSource
		}
		ce.Write(append(attemptFields(req, n+1), zap.Duration(fieldWait, wait), zap.String(fieldReason, reason))...)
	}
}

// logThrottled writes an entry about a wait in a Throttler.
func (c *call) logThrottled(req *http.Request, waited time.Duration, why string) {
	logger := c.attemptsLogger()
	if logger == nil {
		return
	}
	if ce := logger.Check(zapcore.DebugLevel, "waiting"); ce != nil {
		c.mu.Lock()
		n := 1 + c.retries.resent
		c.mu.Unlock()
		ce.Write(append(attemptFields(req, n), zap.Duration(fieldWait, waited), zap.String(fieldReason, "throttled: "+why))...)
	}
}

// attemptFields tell whose attempt it is.
func attemptFields(req *http.Request, n int) []zap.Field {
	clean := redact.Without(credential.Secrets(req)...)
	return []zap.Field{
		zap.String(fieldMethod, methodOf(req)),
		zap.String(fieldURL, safeURL(req.URL, clean, nil)),
		zap.Int(fieldAttempt, n),
	}
}
