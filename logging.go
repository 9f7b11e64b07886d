package steadyhttp

import (
	"log/slog"
	"net/http"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/steadyhttp/steadyhttp/internal/logsink"
	"github.com/steadyhttp/steadyhttp/limit"
)

// A Logger writes one structured entry per call. The entry says what failed,
// who has to act, what was retried, how long the call took and which request id
// to quote. It is written when the response's headers have arrived or the call
// has failed. For an event stream, and for every body if Bodies is set, it is
// written when the body has been read to its end or closed.
//
// The level is debug for a success, info for a success after several attempts,
// warn for a failure that the caller has to deal with (an invalid request, a
// limit, an empty account, a cancellation), and error for every other failure.
//
// What may hold a secret is not logged unless Headers, Query or Bodies allow
// it. User information in a URL is never logged. Text that comes from the
// server, from an error or from what was allowed is cleaned: it is one line of
// limited length, without anything that looks like a credential and without the
// credentials that the request was sent with.
//
// The zero value logs nothing. A Logger is safe for concurrent use, and its
// fields must not be changed once it is in use.
type Logger struct {
	// Base sends the requests. nil is http.DefaultTransport.
	Base http.RoundTripper

	// Zap or Slog receives the entries: set one of them. Their fields are the same,
	// with the same flat names. A slog.Handler also gets the request's context, in
	// which it may find a trace. With neither, nothing is logged.
	Zap  *zap.Logger
	Slog *slog.Logger

	// Level chooses the level of a call's entry; for Slog it is the level of the
	// same name. nil is DefaultLevel.
	Level func(Call) zapcore.Level

	// Attempts adds an entry at debug level for each attempt that is followed
	// by another and for each wait, if there is an inner Retrier. The default
	// is false.
	Attempts bool

	// Fields returns more fields for the entry of a call. What it returns is
	// not cleaned. Slog gets them as attributes; zap.Any takes what slog.Any does.
	// The response is nil if there was none, and Fields must not read its body. nil
	// adds none.
	Fields func(*http.Request, *http.Response) []zap.Field

	// Headers are the names of request and response headers whose values are
	// logged, cleaned. nil is none.
	Headers []string

	// Query are the names of query parameters whose values are logged, cleaned.
	// Of other parameters neither name nor value is logged. nil is none.
	Query []string

	// Bodies is how many bytes of the request body and of the response body are
	// logged, cleaned. They are copied as they pass and never delayed. 0 is
	// none; the most is 64 KiB.
	Bodies int

	settings settings
}

// DefaultLevel returns the level of a call's entry if Logger.Level is nil:
// debug for a success, info for a success after several attempts, warn for a
// failure that the caller has to deal with, and error for every other failure.
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
	if t.silent(req) {
		return send(next, req)
	}
	start := time.Now()
	with, c := openCall(req)
	defer c.leave()
	c.logTo(t)
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
	e.write(resp, c.outcome(req, resp, err))
	return resp, err
}

// silent reports whether nothing is ever logged: zap.NewNop, slog.DiscardHandler and
// the like enable not even errors.
func (t *Logger) silent(req *http.Request) bool {
	return !t.sink().Enabled(req.Context(), zapcore.ErrorLevel)
}

func (t *Logger) sink() logsink.Sink { return logsink.Sink{Zap: t.Zap, Slog: t.Slog} }

// level returns the level of a call's entry.
func (t *Logger) level(call Call) zapcore.Level {
	if t.Level != nil {
		return t.Level(call)
	}
	return DefaultLevel(call)
}

// CloseIdleConnections closes the idle connections of Base, if Base has a method
// for that.
func (t *Logger) CloseIdleConnections() { closeIdle(t.base()) }

// WrappedRoundTripper returns Base, http.DefaultTransport if it is nil. Libraries
// that look for the http.Transport below its wrappers, as Kubernetes' do, find it so.
func (t *Logger) WrappedRoundTripper() http.RoundTripper { return t.base() }

func (t *Logger) base() http.RoundTripper    { return orDefault(t.Base) }
func (t *Logger) ownBase() http.RoundTripper { return t.Base }
func (t *Logger) validate() error            { return t.sink().Validate("steadyhttp", "Logger") }

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

// logTo makes the wrappers further in tell t of what a person has to act on, and of each
// attempt and wait if it asks for them.
func (c *call) logTo(t *Logger) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.logger == nil {
		c.logger = t
	}
	if t.Attempts && c.attempts == nil {
		c.attempts = t
	}
}

// check begins an entry about what a person has to act on. It reports false if the entry
// is not to be written.
func (c *call) check(req *http.Request, level zapcore.Level, text string) (logsink.Entry, bool) {
	c.mu.Lock()
	t := c.logger
	c.mu.Unlock()
	if t == nil {
		return logsink.Entry{}, false
	}
	return t.sink().Check(req.Context(), level, text)
}

// checkAttempt begins an entry about an attempt or a wait. It reports false if the entry
// is not to be written.
func (c *call) checkAttempt(req *http.Request, text string) (logsink.Entry, bool) {
	c.mu.Lock()
	t := c.attempts
	c.mu.Unlock()
	if t == nil {
		return logsink.Entry{}, false
	}
	return t.sink().Check(req.Context(), zapcore.DebugLevel, text)
}

// logAttempt writes an entry about an attempt at req that will be followed by
// another after wait.
func (c *call) logAttempt(req *http.Request, n int, e *Error, wait time.Duration) {
	if entry, ok := c.checkAttempt(req, "attempt failed"); ok {
		entry.Write(errorFields(attemptFields(req, n), e)...)
	}
	if entry, ok := c.checkAttempt(req, "waiting"); ok {
		reason := "backoff"
		if e.RetryAfterSource != "" {
			reason = "asked by the server: " + e.RetryAfterSource
		}
		entry.Write(append(attemptFields(req, n+1), zap.Duration(fieldWait, wait), zap.String(fieldReason, reason))...)
	}
}

// logLeft writes an entry about an attempt at req that failed and will be followed by
// another at a target, "" for the request as it is: the same one after wait, or another
// at once.
func (c *call) logLeft(req *http.Request, e *Error, from, to string, wait time.Duration) {
	if entry, ok := c.checkAttempt(req, "attempt failed"); ok {
		fields := attemptFields(req, c.attempt())
		if from != "" {
			fields = append(fields, zap.String(fieldTarget, from))
		}
		fields = append(fields, zap.String(fieldNextTarget, to))
		if wait > 0 {
			fields = append(fields, zap.Duration(fieldWait, wait))
		}
		entry.Write(errorFields(fields, e)...)
	}
}

// logPassedOver writes an entry about the latest attempt, which failed too: the call
// ends, or goes on, with what an earlier one met.
func (c *call) logPassedOver(req *http.Request, e *Error, target string) {
	if entry, ok := c.checkAttempt(req, "attempt failed"); ok {
		fields := attemptFields(req, c.attempt())
		if target != "" {
			fields = append(fields, zap.String(fieldTarget, target))
		}
		entry.Write(errorFields(fields, e)...)
	}
}

// logOut writes an entry about a target, "" for the request as it is, that all calls
// pass over for a time, since a person has to act.
func (c *call) logOut(req *http.Request, e *Error, target string, left time.Duration) {
	if entry, ok := c.check(req, zapcore.ErrorLevel, "target left"); ok {
		fields := append(attemptFields(req, c.attempt()), zap.Duration(fieldLeftFor, left))
		if target != "" {
			fields = append(fields, zap.String(fieldTarget, target))
		}
		entry.Write(errorFields(fields, e)...)
	}
}

// logNoTarget writes an entry about a Failover that does nothing for a host.
func (c *call) logNoTarget(req *http.Request) {
	if entry, ok := c.check(req, zapcore.WarnLevel, "no target is for this host"); ok {
		entry.Write(append(attemptFields(req, c.attempt()), zap.String(fieldHint, "List the host in Failover.Hosts, or set the URL of a target."))...)
	}
}

// logThrottled writes an entry about a wait in a Throttler.
func (c *call) logThrottled(req *http.Request, waited time.Duration, why string, p limit.Priority) {
	if entry, ok := c.checkAttempt(req, "waiting"); ok {
		f := append(attemptFields(req, c.attempt()), zap.Duration(fieldWait, waited), zap.String(fieldReason, "throttled: "+why))
		if p != limit.Normal {
			f = append(f, zap.Stringer(fieldPriority, p))
		}
		entry.Write(f...)
	}
}

// logSpared writes an entry about an attempt that a Throttler would have held back
// if it did not only observe.
func (c *call) logSpared(req *http.Request, why string) {
	if entry, ok := c.checkAttempt(req, "would have waited"); ok {
		entry.Write(append(attemptFields(req, c.attempt()), zap.String(fieldReason, "throttled: "+why))...)
	}
}

// attempt numbers the attempt that is under way.
func (c *call) attempt() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return 1 + c.retries.resent
}

// attemptFields tell whose attempt it is.
func attemptFields(req *http.Request, n int) []zap.Field {
	clean := cleanerFor(req)
	return []zap.Field{
		zap.String(fieldMethod, methodOf(req)),
		zap.String(fieldURL, safeURL(req.URL, clean, nil)),
		zap.Int(fieldAttempt, n),
	}
}
