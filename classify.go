package steadyhttp

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/steadyhttp/steadyhttp/internal/dialect"
	"github.com/steadyhttp/steadyhttp/internal/peek"
	"github.com/steadyhttp/steadyhttp/internal/redact"
	"github.com/steadyhttp/steadyhttp/internal/wait"
)

const (
	// maxBody is how much of an error body is looked at. The largest in our
	// corpus of real ones is under 8 KiB; HTML pages of gateways reach 30.
	maxBody = 64 << 10

	// bodyTime is how long a body is waited for. It comes with the headers,
	// unless somebody means harm or is dying.
	bodyTime = time.Second

	// maxMessage is how much of a server's message is kept: a paragraph. What
	// is longer is a dump, and Error.Body has it.
	maxMessage = 1 << 10

	// maxDetail is how much is shown of a body in which no message was found.
	maxDetail = 200

	// maxToken bounds codes, parameters and request ids.
	maxToken = 128
)

// A Classifier names what each failed answer is: its class, the provider's
// code and message, the request id, the wait that was asked for. The wrappers
// further out go by it, and Check and FromContext hand it to the caller.
//
// Its zero value works. It is safe for concurrent use and its fields must not
// change once it is in use. A success passes untouched. Of a failed answer it
// looks at no more than 64 KiB of the body, for no more than a second; the
// body's reader still gets every byte.
type Classifier struct {
	// Base makes the requests. nil is http.DefaultTransport.
	Base http.RoundTripper

	settings settings
}

// RoundTrip implements http.RoundTripper. The context of the response's
// Request then carries the verdict on a failed answer.
func (t *Classifier) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := t.settings.check(t); err != nil {
		return refuse(req, err)
	}
	return t.roundTrip(req, t.base())
}

func (t *Classifier) roundTrip(req *http.Request, base http.RoundTripper) (*http.Response, error) {
	c := joinCall(req)
	defer c.leave()
	resp, err := send(base, req)
	switch {
	case err != nil:
		if c != nil {
			c.setVerdict(nil, errorFor(req, err))
		}
	case resp == nil:
	case failed(resp):
		// A nested Classifier's word stands; what is behind both is the same.
		e := verdictOf(resp)
		if e == nil {
			e = judge(resp)
		}
		if c == nil {
			// Nobody listens yet: leave the verdict where who asks later looks.
			c := &call{used: true}
			c.attach(resp, req)
			c.setVerdict(resp, e)
		} else {
			c.attach(resp, req)
			c.setVerdict(resp, e)
		}
	case c != nil:
		c.setVerdict(resp, nil)
	}
	return resp, err
}

// CloseIdleConnections closes the idle connections of Base, if it can.
func (t *Classifier) CloseIdleConnections() { closeIdle(t.base()) }

func (t *Classifier) base() http.RoundTripper    { return orDefault(t.Base) }
func (t *Classifier) ownBase() http.RoundTripper { return t.Base }
func (t *Classifier) validate() error            { return nil }

// failed reports whether the status alone makes resp a failure. A redirect, a
// 304 and an upgrade are none.
func failed(resp *http.Response) bool { return resp.StatusCode >= 400 }

// judge looks at a failed answer and puts its body back. It leaves resp.Body
// such that it reads as before.
func judge(resp *http.Response) *Error {
	arrived := time.Now()
	body := peek.Start(contextOf(resp), bodyOf(resp), peek.Look{Max: maxBody, Within: bodyTime})
	resp.Body = body
	return judgeBody(resp, body.Bytes(), arrived)
}

func contextOf(resp *http.Response) context.Context {
	if resp.Request == nil {
		return context.Background()
	}
	return resp.Request.Context()
}

// glance judges by status and headers alone.
func glance(resp *http.Response) *Error { return judgeBody(resp, nil, time.Now()) }

func judgeBody(resp *http.Response, body []byte, arrived time.Time) *Error {
	a := dialect.Answer{Status: resp.StatusCode, Header: resp.Header, Body: body}
	if resp.Request != nil && resp.Request.URL != nil {
		a.Host = resp.Request.URL.Hostname()
	}
	v := dialect.Judge(a)
	clean := redact.Without(credentials(resp.Request)...)
	figure := wait.Resolve(resp.Header, wait.Figure{After: v.RetryIn, Source: v.RetryInSource}, arrived)
	e := &Error{
		Class:            classNamed(string(v.Class)),
		Status:           resp.StatusCode,
		Provider:         v.Provider,
		Code:             clean.Line(v.Code, maxToken),
		Param:            clean.Line(v.Param, maxToken),
		Message:          message(clean, v.Message, body),
		RequestID:        clean.Line(v.RequestID, maxToken),
		RetryAfter:       figure.After,
		RetryAfterSource: figure.Source,
		RateLimit:        allowances(resp.Header),
		Body:             body,
	}
	if figure.Source != "" {
		e.NotBefore = arrived.Add(figure.After)
	}
	if refused(e, resp.Header) {
		e.Fate = FateRefused
	}
	e.Hint = hint(e, resp.Header)
	return e
}

// message is what the server said: its message, else its JSON, else the start
// of its text.
func message(clean redact.Cleaner, said string, body []byte) string {
	if said != "" {
		return clean.Line(said, maxMessage)
	}
	return clean.Line(string(body[:min(len(body), 4*maxDetail)]), maxDetail)
}

// allowances reads the rate limit that an answer states. A bare limit can mean
// requests or tokens, so its unit stays unsaid.
func allowances(h http.Header) []Allowance {
	var all []Allowance
	for _, unit := range []struct{ name, suffix string }{{"", ""}, {"requests", "-Requests"}, {"tokens", "-Tokens"}} {
		a := Allowance{
			Unit:      unit.name,
			Limit:     count(h.Get("X-Ratelimit-Limit" + unit.suffix)),
			Remaining: count(h.Get("X-Ratelimit-Remaining" + unit.suffix)),
		}
		if a.Limit < 0 && a.Remaining < 0 {
			continue
		}
		if d, err := time.ParseDuration(h.Get("X-Ratelimit-Reset" + unit.suffix)); err == nil && d > 0 && d <= wait.Longest {
			a.Reset = d
		}
		all = append(all, a)
	}
	return all
}

// count reads a non-negative whole number, -1 if v is none.
func count(v string) int64 {
	n, err := strconv.ParseUint(v, 10, 63)
	if err != nil {
		return -1
	}
	return int64(n)
}
