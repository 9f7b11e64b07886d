package steadyhttp

import (
	"io"
	"net/http"
	"time"

	"github.com/steadyhttp/steadyhttp/internal/dialect"
	"github.com/steadyhttp/steadyhttp/internal/peek"
	"github.com/steadyhttp/steadyhttp/internal/sse"
)

// maxEvent is how much of an event is judged. Errors are short; of a longer
// event its name and start tell whether it is the last.
const maxEvent = 16 << 10

// isInferenceStream reports whether resp is the event stream of a call to a
// language model. Others are nobody's to interpret.
func isInferenceStream(req *http.Request, resp *http.Response) bool {
	return resp.StatusCode == http.StatusOK && req.Method == http.MethodPost && req.URL != nil && isEventStream(resp) &&
		dialect.InferenceAt(req.URL.Hostname(), req.URL.Path, req.Header)
}

// firstEvents looks at what a stream begins with, and returns the verdict if
// that holds an error.
func firstEvents(resp *http.Response, rules []Rule) *Error {
	body := lookAt(resp, peek.Look{Max: maxFirstEvent, Within: successTime, Until: sse.Complete})
	f := follower{resp: resp, rules: rules, split: sse.Splitter{Max: maxEvent}}
	f.feed(body.Bytes())
	if f.found != nil {
		// Nobody has had a byte of it yet, so it is as good as a failed answer.
		f.found.Body = body.Bytes()
	}
	return f.found
}

// A follower reads the events of a stream as they pass.
type follower struct {
	resp   *http.Response
	rules  []Rule
	split  sse.Splitter
	stream dialect.Stream
	found  *Error // the first error event
	call   *call  // gets the tokens used; may be nil
}

func (f *follower) feed(p []byte) {
	if f.found == nil {
		f.split.Feed(p, f.event)
	}
}

func (f *follower) event(e sse.Event) {
	if f.call != nil {
		if input, output := dialect.Usage(e.Data); input+output > 0 {
			f.call.setUsage(input, output)
		}
	}
	v, failed := f.stream.Event(string(e.Name), e.Data)
	if !failed || f.found != nil {
		return
	}
	j := judgement{f.resp, append([]byte(nil), e.Data...), time.Now(), f.rules}
	if v.Provider == "" || v.RequestID == "" {
		// The stream's own headers and host say whose it is.
		of := dialect.Judge(dialect.Answer{Status: f.resp.StatusCode, Header: f.resp.Header, Host: j.answer().Host})
		v.Provider, v.RequestID = or(v.Provider, of.Provider), or(v.RequestID, of.RequestID)
	}
	f.found = j.error(v, 0)
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// A streamBody is an inference stream whose errors do not go unnoticed. Bytes
// go up as they come; only the end may change, from io.EOF to an *Error.
type streamBody struct {
	io.ReadCloser
	follower
}

// watchStream returns the body of resp to be read in its place. c gets the
// verdict on what the stream turns out to be.
func watchStream(resp *http.Response, c *call, rules []Rule) io.ReadCloser {
	return &streamBody{resp.Body, follower{resp: resp, rules: rules, split: sse.Splitter{Max: maxEvent}, call: c}}
}

func (b *streamBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	before := b.found
	b.feed(p[:n])
	if err == io.EOF && b.found == nil && b.stream.Truncated() {
		b.found = &Error{
			Class:   Connection,
			Status:  b.resp.StatusCode,
			Message: "the stream ended before its last event",
			Hint:    "The answer is cut short: do not take it for a whole one.",
			Err:     io.ErrUnexpectedEOF,
		}
	}
	if b.found != nil && before == nil {
		b.found.Fate = FateApplied // a part of the answer is with the reader
		b.call.setVerdict(b.resp, b.found)
	}
	if err == io.EOF && b.found != nil {
		err = b.found
	}
	return n, err
}

// checkSuccess is Check for an answer that no wrapper saw and whose status is
// no failure.
func checkSuccess(resp *http.Response) *Error {
	req := resp.Request
	var t Classifier
	switch {
	case req == nil:
		return nil
	case isInferenceStream(req, resp):
		return firstEvents(resp, nil)
	case t.mayHideError(req, resp):
		return lookInside(resp, maxBody, nil, nil)
	}
	return nil
}
