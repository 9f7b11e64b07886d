package steadyhttp

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/steadyhttp/steadyhttp/internal/redact"
)

// A Logger writes one structured entry a call, when its answer's headers are
// there or it has failed for good. The level tells the outcome: debug for a
// success, info for one that took several attempts, warn for what the caller
// did or was refused, error for what failed on either side.
//
// No body and no header goes into an entry, and of the URL neither user
// information nor query. What the server or an error said is cleaned first:
// one line, bounded, without anything that looks like a credential.
//
// Its zero value is silent. It is safe for concurrent use and its fields must
// not change once it is in use.
type Logger struct {
	// Base makes the requests. nil is http.DefaultTransport.
	Base http.RoundTripper

	// Zap takes the entries. nil is silent.
	Zap *zap.Logger

	settings settings
}

// The fields of an entry. Names in dots are OpenTelemetry's conventions for
// HTTP clients.
const (
	fieldMethod     = "http.request.method"
	fieldURL        = "url.full"
	fieldStatus     = "http.response.status_code"
	fieldClass      = "error.type" // the class
	fieldResent     = "http.request.resend_count"
	fieldDuration   = "duration" // from the call's begin to the headers of its answer, waits included
	fieldWaited     = "waited"   // the part of it that was spent waiting
	fieldThrottled  = "throttled"
	fieldAttempts   = "attempts"
	fieldTried      = "tried"         // the classes of the attempts that were followed by another
	fieldStopped    = "retry_stopped" // why there was no further attempt
	fieldProvider   = "provider"
	fieldCode       = "code"
	fieldMessage    = "message"
	fieldHint       = "hint"
	fieldRequestID  = "request_id"
	fieldRetryAfter = "retry_after" // what the server asked for
	fieldRetryFrom  = "retry_after_source"
)

// RoundTrip implements http.RoundTripper.
func (t *Logger) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := t.settings.check(t); err != nil {
		return refuse(req, err)
	}
	return t.roundTrip(req, t.base())
}

func (t *Logger) roundTrip(req *http.Request, base http.RoundTripper) (*http.Response, error) {
	// zap.NewNop and the like enable not even errors.
	if t.Zap == nil || !t.Zap.Core().Enabled(zapcore.ErrorLevel) {
		return send(base, req)
	}
	start := time.Now()
	with, c := openCall(req)
	defer c.leave()
	resp, err := send(base, with)
	if resp != nil {
		c.attach(resp, with)
	}
	c.mu.Lock()
	call := c.copied()
	c.mu.Unlock()
	call.Error = outcome(req, resp, err)
	if ce := t.Zap.Check(verdictLevel(call)); ce != nil {
		ce.Write(fields(req, resp, call, time.Since(start))...)
	}
	return resp, err
}

// CloseIdleConnections closes the idle connections of Base, if it can.
func (t *Logger) CloseIdleConnections() { closeIdle(t.base()) }

func (t *Logger) base() http.RoundTripper    { return orDefault(t.Base) }
func (t *Logger) ownBase() http.RoundTripper { return t.Base }
func (t *Logger) validate() error            { return nil }

// outcome is the verdict on what this Logger saw: that of a wrapper further
// in, else what the status or the error alone tells. The body is not ours to
// read.
func outcome(req *http.Request, resp *http.Response, err error) *Error {
	switch {
	case err != nil:
		return errorFor(req, err)
	case resp == nil:
		return nil
	}
	if e := verdictOf(resp); e != nil || !failed(resp) {
		return e
	}
	return glance(resp, nil)
}

// verdictLevel sorts a call by who has to act on it.
func verdictLevel(call Call) (zapcore.Level, string) {
	if call.Error == nil {
		if call.Attempts > 1 {
			return zapcore.InfoLevel, "call recovered"
		}
		return zapcore.DebugLevel, "call succeeded"
	}
	switch call.Error.Class {
	case Canceled:
		return zapcore.WarnLevel, "call canceled"
	case InvalidRequest, ContextLength, ContentPolicy, Authentication, Permission, Quota, NotFound, Conflict, TooLarge, RateLimit:
		return zapcore.WarnLevel, "call refused"
	}
	return zapcore.ErrorLevel, "call failed"
}

func fields(req *http.Request, resp *http.Response, call Call, took time.Duration) []zap.Field {
	f := make([]zap.Field, 0, 16)
	f = append(f,
		zap.String(fieldMethod, methodOf(req)),
		zap.String(fieldURL, safeURL(req.URL)),
	)
	if resp != nil {
		f = append(f, zap.Int(fieldStatus, resp.StatusCode))
	}
	f = append(f, zap.Duration(fieldDuration, took))
	if call.Attempts > 1 {
		f = append(f, zap.Int(fieldAttempts, call.Attempts), zap.Int(fieldResent, call.Attempts-1), zap.Stringers(fieldTried, call.Tried))
	}
	if call.Waited > 0 {
		f = append(f, zap.Duration(fieldWaited, call.Waited))
	}
	if call.Throttled > 0 {
		f = append(f, zap.Duration(fieldThrottled, call.Throttled))
	}
	e := call.Error
	if e == nil {
		return f
	}
	f = append(f, zap.Stringer(fieldClass, e.Class))
	for _, s := range []struct{ name, value string }{
		{fieldProvider, e.Provider},
		{fieldCode, e.Code},
		{fieldMessage, e.Message},
		{fieldRequestID, e.RequestID},
	} {
		if s.value != "" {
			f = append(f, zap.String(s.name, s.value))
		}
	}
	if e.RetryAfterSource != "" {
		f = append(f, zap.Duration(fieldRetryAfter, e.RetryAfter), zap.String(fieldRetryFrom, e.RetryAfterSource))
	}
	if call.Stopped != "" {
		f = append(f, zap.String(fieldStopped, call.Stopped))
	}
	return append(f, zap.String(fieldHint, e.Hint))
}

func methodOf(req *http.Request) string {
	if req.Method == "" {
		return http.MethodGet
	}
	return redact.Line(req.Method, maxToken)
}

// safeURL returns scheme, host and path. Whatever looks like a key goes, in
// the path too: some APIs take it there.
func safeURL(u *url.URL) string {
	if u == nil {
		return ""
	}
	var b strings.Builder
	if u.Scheme != "" {
		b.WriteString(u.Scheme + "://")
	}
	b.WriteString(u.Host)
	b.WriteString(u.EscapedPath())
	return redact.Line(b.String(), maxMessage)
}
