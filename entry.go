package steadyhttp

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/steadyhttp/steadyhttp/internal/dialect"
	"github.com/steadyhttp/steadyhttp/internal/redact"
	"github.com/steadyhttp/steadyhttp/limit"
)

// The fields of an entry. A name with a dot is OpenTelemetry's for HTTP clients
// or for calls to language models. The table of docs/logging.md is made of this block.
const (
	fieldMethod       = "http.request.method"                  // the method; GET if the request names none
	fieldURL          = "url.full"                             // the URL, without user information and with those query parameters that Query allows
	fieldServer       = "server.address"                       // the host, without its port
	fieldStatus       = "http.response.status_code"            // the status; absent if there was no response
	fieldClass        = "error.type"                           // the class of the failure; absent for a success
	fieldProvider     = "provider"                             // the API's provider, if it is known
	fieldCode         = "code"                                 // the provider's own code for the error
	fieldMessage      = "message"                              // what the server said, or the text of the error
	fieldHint         = "hint"                                 // what a developer should look at first
	fieldRequestID    = "request_id"                           // the id to quote to the provider's support
	fieldFate         = "fate"                                 // whether the server may have carried the request out; absent for a success
	fieldAttempts     = "attempts"                             // how many attempts the call had; absent if it had one
	fieldResent       = "http.request.resend_count"            // attempts after the first; absent if there were none
	fieldRetried      = "retried_classes"                      // the classes of the attempts that were followed by another
	fieldTarget       = "target"                               // the target that the call went to last; absent if it went as it is, or without a Failover
	fieldUncertain    = "uncertain_attempts"                   // attempts beside the last that the server may have carried out; absent if there were none
	fieldStopped      = "retry_stopped"                        // why there was no further attempt; absent for a success
	fieldRetryAfter   = "retry_after"                          // how long the server asked to wait
	fieldRetryFrom    = "retry_after_source"                   // the header or body field that asked for it
	fieldWaited       = "waited"                               // the sum of all waits of the call
	fieldServerWait   = "waited_server"                        // the part of waited for which a server asked
	fieldServerFrom   = "waited_server_source"                 // the header or body field that asked for the last such wait
	fieldThrottled    = "waited_throttled"                     // the part of waited that was spent in a Throttler
	fieldPriority     = "priority"                             // in which class it waited in a Throttler, batch or urgent; absent for normal, and if it did not wait
	fieldHeaders      = "time_to_headers"                      // from the beginning of the call to its headers, waits included; only if the entry waits for the end of a body
	fieldFirst        = "time_to_first_byte"                   // from the beginning of the call to the first byte of the body; likewise
	fieldDuration     = "duration"                             // from the beginning of the call to its end: the end of the body if the entry waits for it, otherwise the headers
	fieldBytes        = "http.response.body.size"              // how many bytes of the body were read if the entry waits for its end, otherwise its Content-Length
	fieldEnded        = "stream_ended"                         // how the body ended, if the entry waits for it: complete, closed early or error
	fieldInputTokens  = "gen_ai.usage.input_tokens"            // the tokens of the prompt, if the response states them
	fieldOutputTokens = "gen_ai.usage.output_tokens"           // the tokens that were generated, if the response states them
	fieldCachedTokens = "gen_ai.usage.cache_read.input_tokens" // the part of the prompt's tokens that came from a cache, if the response states it
	fieldReasoning    = "gen_ai.usage.reasoning.output_tokens" // the part of the generated tokens that was spent on reasoning, if the response states it
	fieldRequestBody  = "request_body"                         // the start of the request body, if Bodies is set
	fieldResponseBody = "response_body"                        // the start of the response body, if Bodies is set
	fieldHeader       = "header."                              // with a name behind it: a header that Headers allows, of the response, otherwise of the request

	// Of the entries that Logger.Attempts adds.
	fieldAttempt = "attempt" // the number of the attempt, in an entry that Attempts adds
	fieldWait    = "wait"    // how long the wait before the attempt is, likewise
	fieldReason  = "reason"  // why there is a wait, likewise

	// Of the entries about a Failover's targets.
	fieldNextTarget = "next_target" // where the next attempt goes, in an entry that Attempts adds; empty for the request as it is
	fieldLeftFor    = "left_for"    // for how long all calls pass the target over
)

// An entry is one call's, in the making.
type entry struct {
	*Logger
	req     *http.Request
	call    *call
	start   time.Time
	headers time.Duration // from start

	sent *capture    // of the request's body, nil if not asked for
	body *loggedBody // nil unless the entry waits for the body's end
}

// waitsForBody reports whether the entry can only be written once the body has
// ended.
func (t *Logger) waitsForBody(resp *http.Response) bool {
	if resp.Body == nil || resp.Body == http.NoBody || resp.StatusCode == http.StatusSwitchingProtocols {
		return false
	}
	f, _ := known(resp)
	return t.Bodies > 0 || isEventStream(resp) || f.open
}

// outcome is what the record says of the call, with the verdict on what this
// Logger saw: that of a wrapper further in, else what the status or the error
// alone tells. The body is not a Logger's to read.
func (c *call) outcome(req *http.Request, resp *http.Response, err error) Call {
	call := c.soFar()
	var verdict *Error
	switch {
	case resp != nil:
		verdict = verdictOn(resp)
	case call.Error != nil && call.Error.Err != nil && errors.Is(err, call.Error.Err):
		verdict = call.Error
	}
	return call.ended(req, resp, err, verdict)
}

// ending returns what tells the call's outcome once the body of resp, which answers req,
// has ended, with an error or without.
func (c *call) ending(req *http.Request, resp *http.Response) func(error) Call {
	// A wrapper further out may look at the body in another goroutine while it
	// sets fields of resp: the end goes by what they were.
	headers, verdict := *resp, verdictOn(resp)
	c.mu.Lock()
	turn, call := c.turn, c.summary()
	c.mu.Unlock()
	return func(err error) Call {
		c.inTurn(turn, func() { // else the record serves another call by now
			call = c.summary()
			if f := c.finding; f.about == resp && f.verdict != nil {
				verdict = f.verdict
			}
		})
		return call.ended(req, &headers, err, verdict)
	}
}

// ended returns the call with the verdict on how it ended: one that was given
// further in, or else what we can tell.
func (call Call) ended(req *http.Request, resp *http.Response, err error, verdict *Error) Call {
	call.Error = verdict
	switch {
	case verdict != nil:
	case err != nil:
		call.Error = errorFor(req, err)
	case resp != nil && failed(resp):
		call.Error = glance(resp, nil)
	}
	return call
}

// write writes the entry, if its level is on: else nothing of it is built.
func (e *entry) write(resp *http.Response, call Call) {
	if w, ok := e.sink().Check(e.req.Context(), e.level(call), call.message()); ok {
		w.Write(e.fields(resp, call)...)
	}
}

func (e *entry) fields(resp *http.Response, call Call) []zap.Field {
	clean := cleanerFor(e.req)
	f := make([]zap.Field, 0, 24)
	f = append(f,
		zap.String(fieldMethod, methodOf(e.req)),
		zap.String(fieldURL, safeURL(e.req.URL, clean, e.Query)),
		zap.String(fieldServer, serverOf(e.req)),
	)
	if resp != nil {
		f = append(f, zap.Int(fieldStatus, resp.StatusCode))
	}
	f = errorFields(f, call.Error)
	if call.Error == nil && resp != nil {
		if id := requestID(resp); id != "" {
			f = append(f, zap.String(fieldRequestID, clean.Line(id, maxToken)))
		}
	}
	if call.Attempts > 1 {
		f = append(f, zap.Int(fieldAttempts, call.Attempts), zap.Int(fieldResent, call.Attempts-1))
	}
	if len(call.RetriedClasses) > 0 {
		f = append(f, zap.Stringers(fieldRetried, call.RetriedClasses))
	}
	if call.Target != "" {
		f = append(f, zap.String(fieldTarget, call.Target))
	}
	if call.Uncertain > 0 {
		f = append(f, zap.Int(fieldUncertain, call.Uncertain))
	}
	if call.Error != nil && call.Stopped != "" {
		f = append(f, zap.String(fieldStopped, call.Stopped))
	}
	f = e.times(f, call)
	f = e.contents(f, resp, call, clean)
	if e.Fields != nil {
		f = append(f, e.Fields(e.req, resp)...)
	}
	return f
}

// errorFields adds what is known of a failure; e may be nil.
func errorFields(f []zap.Field, e *Error) []zap.Field {
	if e == nil {
		return f
	}
	f = append(f, zap.String(fieldClass, e.Class.String()))
	for _, s := range []struct{ name, value string }{
		{fieldProvider, e.Provider},
		{fieldCode, e.Code},
		{fieldMessage, e.Message},
		{fieldRequestID, e.RequestID},
		{fieldFate, e.Fate.String()},
	} {
		if s.value != "" {
			f = append(f, zap.String(s.name, s.value))
		}
	}
	if e.RetryAfterSource != "" {
		f = append(f, zap.Duration(fieldRetryAfter, e.RetryAfter), zap.String(fieldRetryFrom, e.RetryAfterSource))
	}
	return append(f, zap.String(fieldHint, e.Hint))
}

func (e *entry) times(f []zap.Field, call Call) []zap.Field {
	for _, d := range []struct {
		name  string
		value time.Duration
	}{{fieldWaited, call.Waited}, {fieldServerWait, call.ServerWait}, {fieldThrottled, call.Throttled}} {
		if d.value > 0 {
			f = append(f, zap.Duration(d.name, d.value))
		}
	}
	if call.Priority != limit.Normal {
		f = append(f, zap.Stringer(fieldPriority, call.Priority))
	}
	if call.ServerWait > 0 && call.ServerWaitSource != "" {
		f = append(f, zap.String(fieldServerFrom, call.ServerWaitSource))
	}
	if e.body == nil {
		return append(f, zap.Duration(fieldDuration, e.headers))
	}
	f = append(f, zap.Duration(fieldHeaders, e.headers))
	e.body.mu.Lock()
	defer e.body.mu.Unlock()
	if e.body.n > 0 {
		f = append(f, zap.Duration(fieldFirst, e.body.first.Sub(e.start)))
	}
	return append(f, zap.Duration(fieldDuration, time.Since(e.start)))
}

// contents adds sizes, tokens, and what is allowed of headers and bodies.
func (e *entry) contents(f []zap.Field, resp *http.Response, call Call, clean redact.Cleaner) []zap.Field {
	switch {
	case e.body != nil:
		e.body.mu.Lock()
		f = append(f, zap.Int64(fieldBytes, e.body.n), zap.String(fieldEnded, e.body.ended))
		e.body.mu.Unlock()
	case resp != nil && resp.ContentLength >= 0 && e.req.Method != http.MethodHead:
		f = append(f, zap.Int64(fieldBytes, resp.ContentLength))
	}
	if call.InputTokens > 0 {
		f = append(f, zap.Int64(fieldInputTokens, call.InputTokens))
	}
	if call.OutputTokens > 0 {
		f = append(f, zap.Int64(fieldOutputTokens, call.OutputTokens))
	}
	if call.CachedTokens > 0 {
		f = append(f, zap.Int64(fieldCachedTokens, call.CachedTokens))
	}
	if call.ReasoningTokens > 0 {
		f = append(f, zap.Int64(fieldReasoning, call.ReasoningTokens))
	}
	for _, name := range e.Headers {
		v := e.req.Header.Values(name)
		if resp != nil && len(resp.Header.Values(name)) > 0 {
			v = resp.Header.Values(name)
		}
		if len(v) > 0 {
			// With its name, which may tell that the value is a secret.
			named := strings.ToLower(name) + ": "
			value := strings.TrimPrefix(clean.Line(named+strings.Join(v, ", "), maxMessage), named)
			if redact.SecretName(name) && strings.Contains(value, redact.Mask) {
				value = redact.Mask // its scheme too
			}
			f = append(f, zap.String(fieldHeader+strings.ToLower(name), value))
		}
	}
	if e.sent != nil {
		f = append(f, zap.String(fieldRequestBody, clean.Line(e.sent.String(), min(e.bodies()+len("…"), maxBody))))
	}
	if e.body != nil && e.Bodies > 0 {
		f = append(f, zap.String(fieldResponseBody, clean.Line(e.body.start.String(), min(e.bodies()+len("…"), maxBody))))
	}
	return f
}

// requestID is the id of a success, found as a failure's verdict finds it.
func requestID(resp *http.Response) string {
	host := ""
	if req := resp.Request; req != nil && req.URL != nil {
		host = hostname(req.URL)
	}
	return dialect.RequestID(host, resp.Header)
}

func methodOf(req *http.Request) string {
	if req.Method == "" {
		return http.MethodGet
	}
	return redact.Line(req.Method, maxToken)
}

func serverOf(req *http.Request) string {
	if req.URL == nil {
		return ""
	}
	return redact.Line(req.URL.Hostname(), maxToken)
}

// safeURL returns scheme, host, path and the allowed part of the query.
// Whatever looks like a key goes, in the path too: some APIs take it there.
func safeURL(u *url.URL, clean redact.Cleaner, allowed []string) string {
	if u == nil {
		return ""
	}
	path := redact.Path(u.Host, u.EscapedPath())
	var b strings.Builder
	b.Grow(len(u.Scheme) + len("://") + len(u.Host) + len(path))
	if u.Scheme != "" {
		b.WriteString(u.Scheme)
		b.WriteString("://")
	}
	b.WriteString(u.Host)
	b.WriteString(path)
	if len(allowed) > 0 && u.RawQuery != "" {
		query := u.Query()
		for name := range query {
			if !slices.Contains(allowed, name) {
				query.Del(name)
			}
		}
		if len(query) > 0 {
			b.WriteString("?" + query.Encode())
		}
	}
	return clean.Line(b.String(), maxMessage)
}
