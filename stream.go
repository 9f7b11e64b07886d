package steadyhttp

import (
	"cmp"
	"encoding/json"
	"io"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/steadyhttp/steadyhttp/internal/dialect"
	"github.com/steadyhttp/steadyhttp/internal/peek"
	"github.com/steadyhttp/steadyhttp/internal/sse"
)

// maxEvent is how much of an event is judged. Errors are short; of a longer
// event its name and start tell whether it is the last.
const maxEvent = 16 << 10

// firstEvents looks at what a stream begins with, and returns the verdict if
// that holds an error.
func firstEvents(resp *http.Response, rules []Rule) *Error {
	body := lookAt(resp, peek.Look{Max: maxFirstEvent, Within: successTime, Until: sse.Complete})
	f := follow(resp, rules, nil)
	f.feed(body.Bytes())
	if body.Whole() {
		f.flush()
	}
	if f.found != nil {
		// Nobody has had a byte of it yet, so it is as good as a failed answer.
		f.found.Body = body.Bytes()
	}
	return f.found
}

// A follower reads the events of a stream as they pass.
type follower struct {
	about  *http.Response // the answer whose stream it is
	resp   *http.Response // a copy: a wrapper further out may set fields while another goroutine reads
	rules  []Rule
	split  sse.Splitter
	stream dialect.Stream
	found  *Error // the first error event
	cut    bool   // the latest event was longer than what is judged

	call *call // gets the tokens used and the verdict; may be nil
	turn int   // of the call
}

func follow(resp *http.Response, rules []Rule, c *call) follower {
	copied := *resp
	f := follower{about: resp, resp: &copied, rules: rules, split: sse.Splitter{Max: maxEvent}, call: c}
	if c != nil {
		f.turn = c.currentTurn()
	}
	if resp.Request != nil && resp.Request.URL != nil {
		f.stream.Host = hostname(resp.Request.URL)
	}
	return f
}

func (f *follower) feed(p []byte) {
	if f.found == nil {
		f.split.Feed(p, f.event)
	}
}

func (f *follower) flush() {
	if f.found == nil {
		f.split.Flush(func(e sse.Event) {
			if e.Cut || json.Valid(e.Data) || string(e.Data) == "[DONE]" { // else it broke off
				f.event(e)
			}
		})
	}
}

func (f *follower) event(e sse.Event) {
	f.cut = e.Cut
	if f.call != nil {
		if input, output := dialect.Usage(e.Data); input+output > 0 {
			f.call.inTurn(f.turn, func() { f.call.usage.add(input, output) })
		}
	}
	v, failed := f.stream.Event(string(e.Name), e.Data)
	if !failed || f.found != nil {
		return
	}
	j := judgement{f.resp, append([]byte(nil), e.Data...), time.Now(), f.rules}
	of := origin(f.resp)
	v.Provider, v.RequestID = cmp.Or(v.Provider, of.Provider), cmp.Or(v.RequestID, of.RequestID)
	f.found = j.error(v, 0)
}

// A streamBody is an inference stream whose errors do not go unnoticed. Bytes
// go up as they come; only the end may change, from io.EOF to an *Error.
type streamBody struct {
	io.ReadCloser
	follower
	closed atomic.Bool // by the reader, who wants no more
}

// watchStream returns the body of resp to be read in its place. c gets the
// verdict on what the stream turns out to be.
func watchStream(resp *http.Response, c *call, rules []Rule) io.ReadCloser {
	return &streamBody{ReadCloser: resp.Body, follower: follow(resp, rules, c)}
}

func (b *streamBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	before := b.found
	b.feed(p[:n])
	switch {
	case err == io.EOF:
		b.flush()
		if b.found == nil && b.stream.Truncated() && !b.cut {
			b.found = b.truncated()
		}
	case err != nil && b.found == nil && !b.closed.Load():
		b.found = brokenOff(b.resp, err) // which goes up as it is
	}
	if b.found != nil && before == nil {
		applied := *b.found
		applied.Fate = FateApplied // a part of the answer is with the reader
		b.found = &applied
		b.call.inTurn(b.turn, func() { b.call.finding = finding{about: b.about, verdict: b.found, looked: true} })
	}
	if err == io.EOF && b.found != nil {
		err = b.found
	}
	return n, err
}

func (b *streamBody) Close() error {
	b.closed.Store(true)
	return b.ReadCloser.Close()
}

// truncated is the verdict on a stream that ended as if it were whole.
func (b *streamBody) truncated() *Error {
	e := brokenOff(b.resp, io.ErrUnexpectedEOF)
	e.Message = "the stream ended before its last event"
	return e
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
	case t.mayHideError(req, resp) && resp.ContentLength >= 0: // 0 is a fake that does not say
		length := int(resp.ContentLength)
		if length == 0 {
			length = maxBody
		}
		e := lookInside(resp, lookAt(resp, peek.Look{Max: length, Within: successTime}), nil, nil)
		if e == nil || e.Err != nil {
			return nil // a body that cannot be read may have been closed by now
		}
		return e
	}
	return nil
}
