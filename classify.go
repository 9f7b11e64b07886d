package steadyhttp

import (
	"io"
	"net/http"
	"time"

	"github.com/steadyhttp/steadyhttp/internal/dialect"
	"github.com/steadyhttp/steadyhttp/internal/peek"
)

const (
	// successTime is how long the first event of a stream is waited for, and the
	// body of another success where it is not read to its end: nobody notices a
	// quarter of a second beside a model.
	successTime = 250 * time.Millisecond

	// maxFirstEvent is how much of a stream is looked at before it is handed
	// up. The largest first event that we know, OpenAI's response.created with
	// a long list of tools, passes it, and is no error.
	maxFirstEvent = 4 << 10
)

// A Classifier finds out what each failed response is: its [Class], the
// provider's code and message, the request id, and the wait that the server
// asked for. The outer wrappers use this verdict. The caller gets it from
// [Check] or [FromContext].
//
// The zero value works. A Classifier is safe for concurrent use, and its fields
// must not be changed once it is in use.
//
// Of a failed response it reads at most 64 KiB of the body, for at most one
// second. The body's reader still gets every byte, unchanged.
//
// Successful responses pass untouched, with two exceptions. The first are APIs
// that put errors into a response with status 200: calls to language models,
// Slack, GraphQL and a few others. If the length of such a body is known and at
// most 64 KiB, the body is read before the response is returned. That takes as
// long as the server takes, until the request's context ends; if the request's
// body has no GetBody and may still be on its way, at most 250 ms. A body that
// breaks off makes the response a failure.
//
// The second are event streams of language models. Such a response is returned
// with its first event, or after 4 KiB or 250 ms. If the first event is an
// error, the response is a failure like any other. After that nothing is
// delayed. If an error event follows later, or the stream ends before its final
// event, the reader's last Read returns an *Error instead of io.EOF. A
// compressed stream is not examined.
type Classifier struct {
	// Base sends the requests. nil is http.DefaultTransport.
	Base http.RoundTripper

	// Rules are tried before the built-in tables. The first that matches wins.
	// nil adds none.
	Rules []Rule

	// HeadersOnly judges responses by their status and headers and reads no
	// bodies; successful responses are not examined at all. The default is
	// false. Check reads bodies all the same.
	HeadersOnly bool

	settings settings
}

// RoundTrip implements http.RoundTripper. If the response is a failure, the
// context of its Request carries the verdict.
func (t *Classifier) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := t.settings.check(t); err != nil {
		return refuse(req, err)
	}
	return t.roundTrip(req, t.base())
}

func (t *Classifier) roundTrip(req *http.Request, next http.RoundTripper) (*http.Response, error) {
	c := joinCall(req)
	if c != nil {
		defer c.leave()
	}
	resp, err := send(next, req)
	switch {
	case err != nil && c != nil:
		c.find(finding{verdict: errorFor(req, err)})
	case err == nil && resp != nil:
		t.classify(req, resp, c)
	}
	return resp, err
}

// A look is what a Classifier wants to see of a success.
type look uint8

const (
	nothing     look = iota
	firstEvent       // of the stream of a language model
	wholeAnswer      // an error may hide in it
)

func (t *Classifier) looksAt(req *http.Request, resp *http.Response) look {
	switch {
	case t.HeadersOnly:
		return nothing
	case isInferenceStream(req, resp):
		return firstEvent
	case (resp.ContentLength > 0 || resp.Request == nil) && t.mayHideError(req, resp):
		return wholeAnswer
	}
	return nothing
}

// classify records the verdict on resp, if there is one, where the wrappers
// further out and the caller look. c may be nil.
func (t *Classifier) classify(req *http.Request, resp *http.Response, c *call) {
	at := t.looksAt(req, resp)
	if resp.Request == nil && (failed(resp) || at != nothing) {
		resp.Request = req // a fake left it nil; we need to know whose answer it is
	}
	f, inner := known(resp)
	switch {
	case f.verdict != nil && c == nil:
		return // that of a wrapper further in stands, where it is
	case f.verdict == nil && f.looked && len(t.Rules) == 0:
		return // nor is there more to find
	case f.verdict == nil:
		f = finding{about: resp, verdict: t.examine(req, resp, at, c)}
		f.body, _ = resp.Body.(*peek.Body)
	}
	f.looked = f.looked || !t.HeadersOnly
	stream := at == firstEvent && f.verdict == nil
	if c == nil {
		if f.verdict == nil && !stream {
			return // like most
		}
		if c = inner; c == nil {
			c = &call{used: true}
		}
	}
	if f.verdict != nil || stream {
		c.attach(resp, req)
	}
	c.find(f)
	if stream {
		resp.Body = watchStream(resp, c, t.Rules)
	}
}

// examine returns the verdict on an answer, nil for a success. c may be nil.
func (t *Classifier) examine(req *http.Request, resp *http.Response, at look, c *call) *Error {
	switch {
	case failed(resp) && t.HeadersOnly:
		return glance(resp, t.Rules)
	case failed(resp):
		return judge(resp, t.Rules)
	case at == firstEvent:
		return firstEvents(resp, t.Rules)
	case at == wholeAnswer && resp.ContentLength > 0:
		return lookInside(resp, bodyInside(req, resp), t.Rules, c)
	}
	return nil
}

// bodyInside reads the body of a success, whose length is known, in the
// caller's goroutine: a success costs none of its own. The caller's context
// ends that. But where an upload is under way and may wait for the answer, as
// over HTTP/2, nobody may wait for the whole of it.
func bodyInside(req *http.Request, resp *http.Response) *peek.Body {
	waits := hasBody(req) && req.GetBody == nil
	if k, ok := req.Context().Value(keptKey{}).(kept); ok {
		waits = !k.source.Ended()
	}
	if waits {
		return lookAt(resp, peek.Look{Max: int(resp.ContentLength), Within: successTime})
	}
	body := peek.Read(bodyOf(resp), int(resp.ContentLength))
	resp.Body = body
	return body
}

// mayHideError reports whether the body of a success is worth looking at. A
// part of one never is, nor one that may be long.
func (t *Classifier) mayHideError(req *http.Request, resp *http.Response) bool {
	if resp.StatusCode < 200 || resp.StatusCode > 299 || resp.StatusCode == http.StatusNoContent || resp.StatusCode == http.StatusPartialContent ||
		resp.ContentLength > maxBody || req.URL == nil {
		return false
	}
	return (dialect.HidesErrors(req.Method, hostname(req.URL), req.URL.Path, req.Header) || len(t.Rules) > 0 && rulesForSuccess(t.Rules, req, resp)) &&
		!isEventStream(resp)
}

// lookInside looks for an error in a success, of whose body that is known. c,
// which may be nil, gets the tokens that the answer says were used.
func lookInside(resp *http.Response, body *peek.Body, rules []Rule, c *call) *Error {
	arrived := time.Now()
	switch err := body.Err(); {
	case err != nil && err != io.EOF:
		return brokenOff(resp, err)
	case err == nil && (resp.ContentLength == 0 || int64(len(body.Bytes())) < resp.ContentLength):
		return nil // there is more
	}
	j := judgement{resp, decoded(resp.Header, body.Bytes()), arrived, rules}
	v, hidden := dialect.InBand(j.answer())
	if c != nil {
		input, output := dialect.Usage(j.body)
		c.inTurn(c.currentTurn(), func() { c.usage.add(input, output) })
	}
	if !hidden && !rulesForSuccess(rules, resp.Request, resp) {
		return nil
	}
	if !hidden {
		v = dialect.Judge(j.answer()) // for the rules to match its code and message
		v.Class = dialect.None
	}
	e := j.error(v, 0)
	if e.Class == None {
		return nil
	}
	e.Body = body.Bytes()
	return e
}

// CloseIdleConnections closes the idle connections of Base, if Base has a method
// for that.
func (t *Classifier) CloseIdleConnections() { closeIdle(t.base()) }

// WrappedRoundTripper returns Base, http.DefaultTransport if it is nil. Libraries
// that look for the http.Transport below its wrappers, as Kubernetes' do, find it so.
func (t *Classifier) WrappedRoundTripper() http.RoundTripper { return t.base() }

func (t *Classifier) base() http.RoundTripper    { return orDefault(t.Base) }
func (t *Classifier) ownBase() http.RoundTripper { return t.Base }

func (t *Classifier) validate() error { return validateRules(t.Rules) }
