package steadyhttp

import (
	"bytes"
	"cmp"
	"encoding/json"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/steadyhttp/steadyhttp/internal/dialect"
	"github.com/steadyhttp/steadyhttp/internal/events"
	"github.com/steadyhttp/steadyhttp/internal/peek"
)

// maxOpening is how much of a stream is looked through before its first output.
// It is also how much of an event is judged, and of a JSON answer.
const maxOpening = maxBody

// firstOutput looks at what a stream begins with until it knows whether there is
// output or an error, at most for so long. It returns the verdict if the attempt
// failed: nobody has had a byte of it yet.
func firstOutput(resp *http.Response, rules []Rule, within time.Duration) *Error {
	f := follow(resp, rules, nil)
	f.opening, f.split.Open = true, f.opens
	body := lookAt(resp, peek.Look{Max: maxOpening, Within: within, Watch: f})
	switch err := body.Err(); {
	case f.decided():
	case err == io.EOF:
		f.end()
	case err != nil:
		f.found = brokenOff(f.resp, err)
	}
	if f.found != nil {
		f.found.Body = body.Bytes()
	}
	return f.found
}

// A follower reads an answer beside its real reader: the events of a stream, or a
// document.
type follower struct {
	about    *http.Response // the answer
	resp     *http.Response // a copy: a wrapper further out may set fields while another goroutine reads
	rules    []Rule
	document bool // else a stream
	opening  bool // nothing is looked at from the first output on
	seen     int  // of the start that Enough was shown
	any      bool // there was a byte
	done     bool // the end was seen
	found    *Error

	// Of a stream.
	split  events.Splitter
	stream dialect.Stream
	output bool // there was some
	cut    bool // the latest event was longer than what is judged

	start []byte            // of a document
	long  dialect.LongUsage // of what is too long to be kept
	isOne bool              // long was fed

	call *call // gets the tokens used and the verdict; may be nil
	turn int   // of the call
}

func follow(resp *http.Response, rules []Rule, c *call) *follower {
	copied := *resp
	f := &follower{about: resp, resp: &copied, rules: rules, call: c}
	form, isStream := formOf(resp.Request, resp)
	f.document = !isStream
	f.split = events.Splitter{Form: form, Max: maxOpening, Long: f.feedLong}
	if c != nil {
		f.turn = c.currentTurn()
	}
	if resp.Request != nil && resp.Request.URL != nil {
		f.stream.Host = hostname(resp.Request.URL)
	}
	return f
}

// decided reports whether it is known what the stream begins with.
func (f *follower) decided() bool { return f.found != nil || f.output || f.stream.Ended() }

// Enough implements peek.Watcher.
func (f *follower) Enough(start []byte) bool {
	f.feed(start[f.seen:])
	f.seen = len(start)
	return f.decided()
}

// feed takes the next bytes.
func (f *follower) feed(p []byte) {
	f.any = f.any || len(p) > 0
	switch {
	case f.done:
	case !f.document:
		f.split.Feed(p, f.event)
	case len(f.start)+len(p) <= maxOpening && !f.isOne:
		f.start = append(f.start, p...)
	default:
		if !f.isOne {
			f.feedLong(f.start)
			f.start = nil
		}
		f.feedLong(p)
		f.used(f.long.Usage())
	}
}

func (f *follower) feedLong(p []byte) {
	f.isOne = true
	f.long.Feed(p)
}

// end is called when the answer is over.
func (f *follower) end() {
	if f.done {
		return
	}
	f.done = true
	if f.document {
		if !f.isOne {
			var used dialect.Usage
			f.found = judgeDocument(f.resp, f.rules, f.start, true, &used)
			f.used(used)
		}
		return
	}
	half := false
	f.split.Flush(func(e events.Event) {
		if e.Cut || e.Junk || json.Valid(e.Data) || string(e.Data) == "[DONE]" {
			f.event(e)
			return
		}
		// It broke off, or is of a dialect that nobody knows.
		half = bytes.HasPrefix(bytes.TrimSpace(e.Data), []byte("{"))
		f.output = f.output || !half
	})
	switch {
	case f.found != nil, f.opening && f.decided(), f.cut:
	case half && f.stream.Empty():
		f.found = unfinished(f.resp, "the stream ended in the middle of its first event")
	case f.stream.Truncated():
		f.found = unfinished(f.resp, "the stream ended before its last event")
	case f.stream.Empty() && !f.output:
		f.found = noAnswer(f.resp)
	}
}

func (f *follower) event(e events.Event) {
	if f.opening && f.decided() {
		return
	}
	if e.Junk {
		f.output = true // nobody knows what it is
		return
	}
	f.cut = e.Cut
	step := f.stream.Event(string(e.Name), e.Data)
	if e.Cut && f.isOne {
		f.used(f.long.Usage())
		f.long, f.isOne = dialect.LongUsage{}, false
	} else {
		f.used(step.Used)
	}
	f.output = f.output || step.Output
	switch {
	case f.found != nil:
	case step.Failed:
		j := judgement{resp: f.resp, body: append([]byte(nil), e.Data...), arrived: time.Now(), rules: f.rules}
		f.found = f.verdict(j, step.Verdict)
	case f.stream.Over() && f.stream.Empty():
		f.found = noAnswer(f.resp)
	}
}

// opens takes an event that has not ended yet, if it is whole all the same: output is
// not held back for the sake of a blank line.
func (f *follower) opens(e events.Event) {
	if f.decided() || e.Cut || !bytes.HasPrefix(e.Data, []byte("{")) || !json.Valid(e.Data) {
		return
	}
	s := f.stream
	if step := s.Event(string(e.Name), e.Data); step.Output && !step.Failed {
		f.output = true
	}
}

func (f *follower) verdict(j judgement, v dialect.Verdict) *Error {
	of := origin(f.resp)
	v.Provider, v.RequestID = cmp.Or(v.Provider, of.Provider), cmp.Or(v.RequestID, of.RequestID)
	return j.error(v, 0)
}

// used puts the tokens on record.
func (f *follower) used(u dialect.Usage) {
	if f.call != nil && u != (dialect.Usage{}) {
		f.call.inTurn(f.turn, func() { f.call.usage.Add(u) })
	}
}

// unfinished is the verdict on an answer that ended as if it were whole.
func unfinished(resp *http.Response, message string) *Error {
	e := brokenOff(resp, io.ErrUnexpectedEOF)
	e.Message = message
	return e
}

// noAnswer is the verdict on an answer that holds none. That it will be there at
// another try is likely enough for a few of them, and no more: some servers say
// nothing where others tell an error.
func noAnswer(resp *http.Response) *Error {
	e := unfinished(resp, "the answer is empty")
	e.Class, e.Hint = ServerError, ServerError.sheet().hint
	return e
}

// A watchedAnswer is an answer whose failure does not go unnoticed. Bytes go up as they
// come; only the end of a stream may change, from io.EOF to an *Error.
type watchedAnswer struct {
	io.ReadCloser
	closed atomic.Bool // by the reader, who wants no more

	mu sync.Mutex // Close may come while a Read is under way
	*follower
}

// watchAnswer returns the body of resp to be read in its place. c gets the verdict
// on what the answer turns out to be, and the tokens that it used.
func watchAnswer(resp *http.Response, c *call, rules []Rule) io.ReadCloser {
	return &watchedAnswer{ReadCloser: resp.Body, follower: follow(resp, rules, c)}
}

func (b *watchedAnswer) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.mu.Lock()
	defer b.mu.Unlock()
	before := b.found
	b.feed(p[:n])
	switch {
	case err == io.EOF:
		b.end()
	case err != nil && b.found == nil && !b.closed.Load() && !b.done:
		b.done = true
		b.found = brokenOff(b.resp, err) // which goes up as it is
	}
	if b.found != before {
		b.record()
	}
	if err == io.EOF && b.found != nil && !b.document {
		err = b.found
	}
	return n, err
}

func (b *watchedAnswer) Close() error {
	b.closed.Store(true)
	err := b.ReadCloser.Close()
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.document && !b.done { // who decodes JSON stops at its end
		if b.end(); b.found != nil {
			b.record()
		}
	}
	return err
}

// record puts the verdict on record.
func (b *watchedAnswer) record() {
	if b.any && !b.document {
		applied := *b.found
		applied.Fate = FateApplied // a part of the answer is with the reader
		b.found = &applied
	}
	b.call.inTurn(b.turn, func() { b.call.finding = finding{about: b.about, verdict: b.found, looked: true} })
}

// mayShowError is for Check, which is asked about this very answer: it looks into the
// short JSON and XML of any API that nobody knows.
func mayShowError(req *http.Request, resp *http.Response) bool {
	return resp.StatusCode/100 == 2 && resp.StatusCode != http.StatusNoContent && resp.StatusCode != http.StatusPartialContent &&
		req.Method != http.MethodHead && req.URL != nil && resp.ContentLength <= maxShort && isData(resp) && !dialect.Known(hostname(req.URL))
}

// checkSuccess is Check for an answer that no wrapper saw and whose status is
// no failure.
func checkSuccess(resp *http.Response) *Error {
	req := resp.Request
	if req == nil {
		return nil
	}
	var t Classifier
	var e *Error
	if _, ok := formOf(req, resp); ok {
		e = firstOutput(resp, nil, successTime)
	} else if resp.ContentLength <= maxBody && (t.mayHideError(req, resp) || mayShowError(req, resp)) { // 0 is a fake that does not say
		e = lookInside(resp, nil, nil)
	}
	if e == nil || e.Err != nil && (e.Class != ServerError || len(e.Body) == 0) {
		return nil // a body that cannot be read may have been read or closed by now
	}
	return e
}
