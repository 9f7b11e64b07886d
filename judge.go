package steadyhttp

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"context"
	"io"
	"maps"
	"net/http"
	"strings"
	"time"

	"github.com/steadyhttp/steadyhttp/internal/dialect"
	"github.com/steadyhttp/steadyhttp/internal/peek"
	"github.com/steadyhttp/steadyhttp/internal/redact"
	"github.com/steadyhttp/steadyhttp/internal/wait"
	"github.com/steadyhttp/steadyhttp/limit"
)

const (
	// maxBody is how much of an error body is looked at. The largest in our
	// corpus of real ones is under 8 KiB; HTML pages of gateways reach 30.
	maxBody = 64 << 10

	// bodyTime is how long a failed answer's body is waited for. It comes with
	// the headers, unless somebody means harm or is dying.
	bodyTime = time.Second

	// maxMessage is how much of a server's message is kept: a paragraph. What
	// is longer is a dump, and Error.Body has it.
	maxMessage = 1 << 10

	// maxDetail is how much is shown of a text in which no message was found.
	maxDetail = 200

	// maxToken bounds codes, parameters and request ids.
	maxToken = 128
)

// A judgement is an answer on its way to an *Error.
type judgement struct {
	resp    *http.Response
	body    []byte // its start, or one event of a stream
	arrived time.Time
	rules   []Rule
	told    bool // only what is said of an error counts as the message, not all of the body
}

// judge looks at an answer that failed by its status. It leaves resp.Body such
// that it reads as before.
func judge(ctx context.Context, resp *http.Response, rules []Rule) *Error {
	arrived := time.Now()
	body := lookAt(ctx, resp, peek.Look{Max: maxBody, Within: bodyTime})
	j := judgement{resp: resp, body: decoded(resp.Header, body.Bytes()), arrived: arrived, rules: rules}
	e := j.error(dialect.Judge(j.answer()), resp.StatusCode)
	e.Body = body.Bytes()
	return e
}

// judgeLater is judge for an answer whose call is over. Its context has ended with
// that, which says nothing of the body: what is there can still be read.
func judgeLater(resp *http.Response) *Error {
	return judge(context.WithoutCancel(contextOf(resp)), resp, nil)
}

// glance judges by status and headers alone.
func glance(resp *http.Response, rules []Rule) *Error {
	j := judgement{resp: resp, arrived: time.Now(), rules: rules}
	return j.error(dialect.Judge(j.answer()), resp.StatusCode)
}

// brokenOff is the verdict on an answer whose body could not be read to its
// end. Its status does not tell what became of the request: those that hide
// errors in a 200 send it before they are done.
func brokenOff(resp *http.Response, err error) *Error {
	e := *errorFor(resp.Request, err)
	of := origin(resp)
	clean := cleanerFor(resp.Request)
	e.Status, e.Provider, e.RequestID = resp.StatusCode, of.Provider, clean.Line(of.RequestID, maxToken)
	if e.Class == Connection {
		e.Hint = "The answer is cut short: do not take it for a whole one."
	}
	return &e
}

// origin is what an answer's host and headers say about whose it is.
func origin(resp *http.Response) dialect.Verdict {
	a := dialect.Answer{Status: resp.StatusCode, Header: resp.Header}
	if req := resp.Request; req != nil && req.URL != nil {
		a.Host = hostname(req.URL)
	}
	return dialect.Judge(a)
}

// contextOf is the context of the request that resp answers.
func contextOf(resp *http.Response) context.Context {
	if resp.Request == nil {
		return context.Background()
	}
	return resp.Request.Context()
}

// lookAt looks at the start of the body and puts it back. It ends with ctx at the latest.
func lookAt(ctx context.Context, resp *http.Response, l peek.Look) *peek.Body {
	if body, ok := resp.Body.(*peek.Body); ok {
		return body
	}
	filled := resp.Trailer // the map into which net/http writes; see apart
	resp.Trailer = maps.Clone(filled)
	body := peek.Start(ctx, bodyOf(resp), l)
	resp.Body = body
	if filled == nil && body.Whole() {
		filled, resp.Trailer = resp.Trailer, nil // they came unannounced
	}
	if filled != nil {
		body.AtEnd = func() {
			if resp.Trailer == nil {
				resp.Trailer = make(http.Header, len(filled))
			}
			for name, values := range filled {
				if len(values) > 0 || resp.Trailer[name] == nil { // an answer that was held was looked at twice, and is filled already
					resp.Trailer[name] = values
				}
			}
		}
	}
	return body
}

// apart returns resp, or a copy of it if it announces trailers. net/http writes them to
// the answer that it gave, and to its map, when its body ends. That may be while we look
// at the body, or behind the caller's back. The caller gets them when he comes to
// the end himself, as without us.
func apart(resp *http.Response) *http.Response {
	if len(resp.Trailer) == 0 {
		return resp
	}
	copied := *resp
	return &copied
}

func (j *judgement) answer() dialect.Answer {
	a := dialect.Answer{Status: j.resp.StatusCode, Header: j.resp.Header, Body: j.body, Now: j.arrived}
	if req := j.resp.Request; req != nil && req.URL != nil {
		a.Method, a.Host, a.Path = req.Method, hostname(req.URL), req.URL.Path
	}
	return a
}

// error makes an *Error of a verdict. status is 0 for an error inside a
// success.
func (j *judgement) error(v dialect.Verdict, status int) *Error {
	h := j.resp.Header
	clean := cleanerFor(j.resp.Request)
	figure, limits := dialect.Wait(v.Provider, wait.Ask{
		Status:  status,
		Header:  h,
		Body:    wait.Figure{After: v.RetryIn, Source: v.RetryInSource},
		Message: v.Message,
		Now:     j.arrived,
	})
	e := &Error{
		Class:            classNamed(string(v.Class)),
		Status:           j.resp.StatusCode,
		Provider:         v.Provider,
		Code:             clean.Line(v.Code, maxToken),
		Param:            clean.Line(v.Param, maxToken),
		Message:          message(clean, v.Message, j.body),
		RequestID:        clean.Line(v.RequestID, maxToken),
		RetryAfter:       figure.After,
		RetryAfterSource: figure.Source,
		RateLimit:        allowances(clean, limits),
		Window:           max(v.Window, figure.Window),
		Scope:            v.Scope,
		ScopeName:        clean.Line(v.ScopeName, maxToken),
		Body:             j.body,
		repeat:           v.Repeat,
		refused:          v.Refused,
		doubtful:         v.Doubtful,
		partial:          v.Partial,
		own:              v.Own,
	}
	if figure.Source != "" {
		e.NotBefore = j.arrived.Add(figure.After)
	}
	if j.told {
		e.Message = clean.Line(v.Message, maxMessage)
	}
	applyRules(j.rules, j.resp, e, v.Number)
	if e.Fate = FateUnknown; refused(e) {
		e.Fate = FateRefused
	}
	if e.Hint == "" {
		e.Hint = hint(e, h, clean)
	}
	return e
}

// message is what the server said: its message, else its JSON, else the start
// of its text.
func message(clean redact.Cleaner, said string, body []byte) string {
	if said == "" {
		said = string(body)
	}
	line := clean.Line(said, maxMessage)
	if len(line) > maxDetail && !isJSON(body) {
		return clean.Line(said, maxDetail)
	}
	return line
}

// isJSON reports whether a body begins and ends as JSON does. What is between has
// been read by then, or is shown as it is.
func isJSON(body []byte) bool {
	body = bytes.TrimSpace(body)
	if len(body) < 2 {
		return false
	}
	switch string([]byte{body[0], body[len(body)-1]}) {
	case "{}", "[]", `""`:
		return true
	}
	return false
}

func allowances(clean redact.Cleaner, limits []wait.Limit) []limit.Allowance {
	if len(limits) == 0 {
		return nil
	}
	all := make([]limit.Allowance, 0, len(limits))
	for _, l := range limits {
		all = append(all, limit.Allowance{
			Unit: string(l.Unit), Name: clean.Line(l.Name, maxToken), Window: l.Window,
			Limit: l.Limit, Remaining: l.Remaining, Reset: l.Reset,
		})
	}
	return all
}

// decoded undoes a compression that the caller asked for himself, so that
// net/http left it to him. The reader's bytes stay as they are. What cannot be
// undone with the standard library, such as br, is judged by its status.
func decoded(h http.Header, body []byte) []byte {
	var r io.Reader
	switch strings.ToLower(first(h, "Content-Encoding")) {
	case "gzip", "x-gzip":
		z, err := gzip.NewReader(bytes.NewReader(body))
		if err != nil {
			return body
		}
		r = z
	case "deflate":
		// The standard means zlib's form (RFC 9110, 8.4.1.2); some send it bare.
		z, err := zlib.NewReader(bytes.NewReader(body))
		if err != nil {
			z = flate.NewReader(bytes.NewReader(body))
		}
		r = z
	case "", "identity":
		return body
	default:
		return nil // nobody could read it
	}
	// Its start is enough, and all there may be of a bomb or of a cut body.
	plain, _ := io.ReadAll(io.LimitReader(r, maxBody))
	return plain
}
