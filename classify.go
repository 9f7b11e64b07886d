package steadyhttp

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/steadyhttp/steadyhttp/internal/dialect"
	"github.com/steadyhttp/steadyhttp/internal/peek"
	"github.com/steadyhttp/steadyhttp/internal/redact"
)

// successTime is how long the body of a success is waited for, from its headers or
// from its first byte that is no white space: nobody notices a quarter of a second
// beside a model.
const successTime = 250 * time.Millisecond

// maxShort is how long the JSON or XML is that is looked into where nothing is known
// of the API. An error without anything else is shorter.
const maxShort = 2 << 10

// A Classifier finds out what each failed response is: its [Class], the
// provider's code and message, the request id, and the wait that the server
// asked for. The outer wrappers use this verdict. The caller gets it from
// [Check] or [FromContext].
//
// The zero value works, and there is little to set: Rules, for an API with error codes
// of its own. A Classifier is safe for concurrent use, and its fields must not be
// changed once it is in use.
//
// Of a failed response it reads at most 64 KiB of the body, for at most one second.
// The caller can still read the whole body, unchanged.
//
// # Successful responses
//
// They pass untouched, with three exceptions:
//
// Some APIs put errors into a response with status 200: those of language models,
// Slack, GraphQL and a few others. Up to 64 KiB of their bodies are read before the
// response is returned, for at most 250 ms. White space, which some servers send to
// keep the connection open, is waited through for up to 2 s. If there is an error in
// it, or if the body breaks off, the response is a failure. An error that comes later
// is recorded when the body has been read.
//
// Of other APIs up to 2 KiB of JSON or XML are read, if a header speaks of an error or
// asks to come back later, or if the API is unknown and the request is no GET. The
// response is a failure only if its body is an error and nothing else, whose message
// is not from the request's own body (a [bytes.Reader] or [strings.Reader]). Even then
// it may be what was asked for: the result of a check, or a report on work that failed.
// So the failure is reported, and nothing follows from it: the request is not repeated,
// and no other is held back. This does not hold if a header has a name that only errors
// have, for the errors of JSON-RPC and SOAP, for what a Rule matches, and for a write
// which only Retrier.Idempotent or a RetryPolicy allows to be repeated. It does hold for
// a GraphQL response in which each field of data is null.
//
// Streams of language models (event streams, NDJSON, Gemini's JSON array, Bedrock's
// binary stream) are returned with their first output, or after 64 KiB or 2 s (see
// Retrier.FirstOutput), or at once if the request will not be sent again. A stream
// that fails before its first output is a failure like any other. After that nothing
// is delayed. If an error follows later, or the stream is cut before its final event,
// Read returns an *Error instead of io.EOF; where the API is not known, it is only
// recorded. Away from known providers a stream may go on after an error, which is then
// none of its own. A stream that the caller asked to have compressed is not examined.
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

	// Disabled lets every response pass as if there were no Classifier. A Retrier then
	// judges the failed ones for itself, and nobody looks into the others. The default
	// is false.
	Disabled bool

	// SecretPaths names secrets that your APIs take in the path of a URL, beside
	// those of the webhooks and APIs that are known. Each is a host, which stands
	// for its subdomains too, and the beginning of a path, part by part: "*" is any
	// part, "!" is a secret, "!!" is a secret to the end of the path. An example is
	// "hooks.example.com/notify/*/!". They are masked in errors, logs, spans, labels
	// and keys of the whole process, from the first request of a wrapper around
	// this Classifier on. nil adds none.
	SecretPaths []string

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
	if t.Disabled {
		return send(next, req)
	}
	c := joinCall(req)
	if c != nil {
		defer c.leave()
	}
	resp, err := send(next, req)
	switch {
	case err != nil && c != nil:
		c.find(finding{verdict: errorFor(req, err)})
	case err == nil && resp != nil:
		resp = t.classify(req, resp, c)
	}
	return resp, err
}

// A look is what a Classifier wants to see of a success.
type look uint8

const (
	nothing  look = iota
	stream        // of a language model
	document      // an error may hide in it
)

func (t *Classifier) looksAt(req *http.Request, resp *http.Response) look {
	if t.HeadersOnly {
		return nothing
	}
	if _, like := formOf(req, resp); like != other {
		return stream
	}
	if (resp.ContentLength != 0 || resp.Request == nil) && t.mayHideError(req, resp) {
		return document
	}
	return nothing
}

// classify records the verdict on resp, if there is one, where the wrappers
// further out and the caller look. c may be nil. It returns resp, or its copy.
func (t *Classifier) classify(req *http.Request, resp *http.Response, c *call) *http.Response {
	at := t.looksAt(req, resp)
	if at == nothing && !failed(resp) && len(t.Rules) == 0 && c == nil {
		return resp // like most
	}
	if resp.Request == nil && (failed(resp) || at != nothing) {
		resp.Request = req // a fake left it nil; we need to know whose answer it is
	}
	f, inner := known(resp)
	var beside *follower // of a stream
	switch {
	case f.verdict != nil && c == nil:
		return resp // that of a wrapper further in stands, where it is
	case f.verdict == nil && f.looked && len(t.Rules) == 0:
		return resp // nor is there more to find
	case f.verdict == nil:
		if at != nothing || failed(resp) {
			resp = apart(resp)
		}
		if at == stream {
			beside = follow(resp, t.Rules)
		}
		f = finding{about: resp, verdict: t.examine(req, resp, beside, at, c)}
		f.body, _ = resp.Body.(*peek.Body)
	}
	f.looked = f.looked || !t.HeadersOnly && (at != nothing || failed(resp)) // else Check may look closer
	// What was looked at to its end has nothing more to tell.
	f.open = f.verdict == nil && (at == stream || at == document && (f.body == nil || !isWhole(resp, f.body)))
	if c == nil {
		if f.verdict == nil && !f.open {
			return resp // like most
		}
		if c = inner; c == nil {
			c = &call{used: true}
		}
	}
	if f.verdict != nil || f.open {
		c.attach(resp, req)
	}
	c.find(f)
	if f.open {
		if beside == nil {
			beside = follow(resp, t.Rules)
		}
		beside.watch(c)
	}
	return resp
}

// examine returns the verdict on an answer, nil for a success. f follows it if it is
// a stream. c may be nil.
func (t *Classifier) examine(req *http.Request, resp *http.Response, f *follower, at look, c *call) *Error {
	switch {
	case failed(resp) && t.HeadersOnly:
		return glance(resp, t.Rules)
	case failed(resp):
		return judge(contextOf(resp), resp, t.Rules)
	case at == stream:
		said, leaves := c.firstOutput()
		f.leaves = leaves
		if said < 0 {
			return nil
		}
		defer whileWaiting(req)()
		return f.firstOutput(func() time.Duration { return holdFor(req, said) })
	case at == document && resp.ContentLength <= maxBody:
		return lookInside(resp, t.Rules, c)
	case len(t.Rules) > 0 && !t.HeadersOnly && byHeader(t.Rules, req, resp):
		j := judgement{resp: resp, arrived: time.Now(), rules: t.Rules, told: true}
		if e := j.error(dialect.Verdict{}, 0); e.Class != None {
			return e
		}
	}
	return nil
}

// uploading reports whether the body of req may still be on its way, as over HTTP/2.
// Whoever sends it may wait for the answer.
func uploading(req *http.Request) bool {
	if k, ok := req.Context().Value(keptKey{}).(kept); ok {
		return k.source != nil && !k.source.Ended()
	}
	return hasBody(req) && req.GetBody == nil
}

// firstOutput is how long the first output of a stream is waited for, as far as a
// Retrier said: 0 if it did not. leaves says that the answer has failed then. c may be
// nil.
func (c *call) firstOutput() (d time.Duration, leaves bool) {
	if c == nil {
		return 0, false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.retries.firstOutput, c.retries.leaves
}

// holdFor is how long the first output of a stream that answers req is waited for, if
// a Retrier said so: not at all where no further attempt can follow. It looks at the
// body of req, which takes its time.
func holdFor(req *http.Request, said time.Duration) time.Duration {
	hold := said
	if hold == 0 {
		switch policy := policyOf(req); {
		case policy.NotIdempotent, policy.MaxAttempts == 1, repeatedFurtherOut(req), !policy.Idempotent && !mayRepeat(req):
			return 0
		}
		hold = defaultFirstOutput
	}
	if uploading(req) {
		hold = min(hold, successTime)
	}
	return hold
}

// mayHideError reports whether the body of a success is worth looking at. A
// part of one never is.
func (t *Classifier) mayHideError(req *http.Request, resp *http.Response) bool {
	if resp.StatusCode < 200 || resp.StatusCode > 299 || resp.StatusCode == http.StatusNoContent || resp.StatusCode == http.StatusPartialContent ||
		req.URL == nil {
		return false
	}
	model := req.Method == http.MethodPost && (isInference(req) || dialect.MayInfer(req.URL.Path) && isModelCall(req))
	if resp.ContentLength > maxBody {
		return model && isText(resp) // for the tokens
	}
	return (model || hidesErrors(req) || len(t.Rules) > 0 && rulesForSuccess(t.Rules, req, resp) || showsError(req, resp)) && isText(resp)
}

// hidesErrors reports whether the API is known to answer req with a success that may be
// a failure.
func hidesErrors(req *http.Request) bool {
	return dialect.HidesErrors(req.Method, hostname(req.URL), req.URL.Path, req.Header)
}

// unexpected reports whether nothing is known by which a success of req could be a
// failure.
func unexpected(req *http.Request) bool { return !hidesErrors(req) && !isModelCall(req) }

// showsError reports whether a success of an API that nobody knows is worth a look: its
// header speaks of an error, or it is short and answers a request that is no read. The
// evidence is weak, and so only what is an error and nothing else is one.
func showsError(req *http.Request, resp *http.Response) bool {
	if req.Method == http.MethodHead || resp.ContentLength > maxShort {
		return false
	}
	return (dialect.ShowsError(resp.Header) ||
		req.Method != http.MethodGet && resp.ContentLength > 0 && !dialect.Known(hostname(req.URL))) && isData(resp)
}

// lookInside looks for an error in a success: until it is whole, at most for a
// quarter of a second from its first byte on, however long white space comes before
// that. c, which may be nil, gets the tokens that the answer says were used.
func lookInside(resp *http.Response, rules []Rule, c *call) *Error {
	l := peek.Look{Max: maxBody, Within: successTime, Blank: defaultFirstOutput}
	if resp.ContentLength > 0 {
		l.Max = int(resp.ContentLength)
	}
	body := lookAt(contextOf(resp), resp, l)
	err := body.Err()
	switch {
	case err != nil && err != io.EOF && unexpected(resp.Request) && !rulesForSuccess(rules, resp.Request, resp):
		return nil // for the reader, as without us
	case err != nil && err != io.EOF:
		return brokenOff(resp, err)
	case err == nil && resp.ContentLength > 0 && int64(len(body.Bytes())) < resp.ContentLength:
		return nil // there is more
	}
	if c == nil { // nobody asks for the tokens
		return judgeDocument(resp, rules, body.Bytes(), err == io.EOF, nil)
	}
	var used dialect.Usage
	e := judgeDocument(resp, rules, body.Bytes(), err == io.EOF, &used)
	c.inTurn(c.currentTurn(), func() { c.usage.Add(used) })
	return e
}

// judgeDocument judges an answer that is no stream as far as it has come: the error in
// it, nil if there is none. ended says that it is over. used, which may be nil, gets
// the tokens.
func judgeDocument(resp *http.Response, rules []Rule, body []byte, ended bool, used *dialect.Usage) *Error {
	j := judgement{resp: resp, body: decoded(resp.Header, body), rules: rules}
	a := j.answer()
	v, hidden := dialect.Success(a, used)
	if hidden && unexpected(resp.Request) { // where more has to be there
		a.Unexpected = true
		v, hidden = dialect.Success(a, nil)
		hidden = hidden && !saysBack(resp.Request, v.Message)
	}
	switch {
	case ended && len(bytes.TrimSpace(j.body)) == 0 && mediaType(resp) == "application/json" && resp.StatusCode == http.StatusOK && isModelCall(resp.Request):
		e := noAnswer(resp)
		e.Body = body
		return e
	case !hidden && !rulesForSuccess(rules, resp.Request, resp):
		return nil
	case !hidden:
		// For the rules to match its code and message, but not the words of its data.
		stated := false
		a.Now = time.Now()
		if v, stated = dialect.Stated(a); !stated && !rulesForHeader(rules) {
			return nil
		}
		v.Class, j.told = dialect.None, true
	}
	j.arrived = time.Now()
	e := j.error(v, 0)
	if e.Class == None {
		return nil
	}
	e.Body = body
	return e
}

// saysBack reports whether message is from the body of req: who stores a text, or tries
// one out, gets it back, and nothing has failed. It is looked for as it is and as JSON
// has it. Only a body in a reader that holds it for good is looked at, as the answer
// must be the same now and when Check asks later: of a Buffer nothing is left by then.
func saysBack(req *http.Request, message string) bool {
	if len(message) < minSaidBack || !hasBody(req) {
		return false
	}
	body, _ := inMemory(req, true)
	sent := body.Start(maxRead)
	quoted, _ := json.Marshal(message)
	return bytes.Contains(sent, []byte(message)) || bytes.Contains(sent, quoted[1:len(quoted)-1])
}

// minSaidBack is how long a message is that stands in a request by no accident. A single
// word may.
const minSaidBack = 8

// isWhole reports whether all of resp's body was seen.
func isWhole(resp *http.Response, body *peek.Body) bool {
	return body.Whole() || resp.ContentLength > 0 && int64(len(body.Bytes())) >= resp.ContentLength
}

// CloseIdleConnections closes the idle connections of Base, if Base has a method
// for that.
func (t *Classifier) CloseIdleConnections() { closeIdle(t.base()) }

// WrappedRoundTripper returns Base, http.DefaultTransport if it is nil. Libraries
// that look for the http.Transport below its wrappers, as Kubernetes' do, find it so.
func (t *Classifier) WrappedRoundTripper() http.RoundTripper { return t.base() }

func (t *Classifier) base() http.RoundTripper    { return orDefault(t.Base) }
func (t *Classifier) ownBase() http.RoundTripper { return t.Base }

func (t *Classifier) validate() error {
	for i, p := range t.SecretPaths {
		if err := redact.CheckPattern(p); err != nil {
			return fmt.Errorf("steadyhttp: Classifier.SecretPaths[%d] is %q: %w", i, redact.Line(p, maxDetail), err)
		}
	}
	redact.Learn(t.SecretPaths)
	return validateRules(t.Rules)
}
