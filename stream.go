package steadyhttp

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
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
// output or an error, at most for as long as hold says. It returns the verdict if the
// attempt failed: nobody has had a byte of it yet. Else f goes on from there.
func (f *follower) firstOutput(hold func() time.Duration) *Error {
	f.opening, f.split.Open, f.hold = true, f.opens, hold
	body := lookAt(contextOf(f.about), f.about, peek.Look{Max: maxOpening, Watch: f})
	f.opening, f.split.Open = false, nil
	err := body.Err()
	switch {
	case f.decided():
	case err == io.EOF:
		f.end()
		f.failed = f.found
	case f.erred && (err != nil || f.leaves):
		f.failed = f.judge(&f.latest)
	case err != nil:
		f.failed = brokenOff(&f.resp, err)
	case f.leaves && f.longest() > 0:
		f.failed = silent(&f.resp, f.longest())
	}
	if f.failed == nil || f.longest() <= 0 {
		return nil // if no attempt can follow, a failure is as good as a late one
	}
	f.failed.Body = body.Bytes()
	return f.failed
}

// A follower reads an answer beside its real reader: the events of a stream, or a
// document.
type follower struct {
	about    *http.Response // the answer
	resp     http.Response  // a copy: a wrapper further out may set fields while another goroutine reads
	rules    []Rule
	hold     func() time.Duration // how long the first output is waited for; nil once that was asked
	held     time.Duration        // what it said
	since    time.Time            // when the waiting for it began
	leaves   bool                 // a stream without output by then has failed
	like     likeness             // of the request
	document bool                 // else a stream
	opening  bool                 // nobody has had anything of it
	seen     int                  // bytes of the start that were looked at in opening
	any      bool                 // there was a byte
	done     bool                 // the end was seen
	failed   *Error               // the verdict on what came before any output
	found    *Error               // the first failure, there or later
	unsure   bool                 // it goes by the lack of an end alone
	erred    bool                 // the stream may survive its latest error, and has not yet
	latest   errorEvent           // that

	// Of a stream.
	split  events.Splitter
	stream dialect.Stream
	name   string // of the latest event
	output bool   // there was some
	began  bool   // there was an event
	plain  bool   // it began with what is no event: a text, of which nothing is judged
	cut    bool   // the latest event was longer than what is judged

	start []byte            // of a document
	long  dialect.LongUsage // of what is too long to be kept
	isOne bool              // long was fed

	call   *call // gets the tokens used and the verdict; nil as long as nobody asks for them
	turn   int   // of the call
	tokens dialect.Usage
}

func follow(resp *http.Response, rules []Rule) *follower {
	f := &follower{about: resp, resp: *resp, rules: rules}
	form, like := formOf(resp.Request, resp)
	f.document, f.like = like == other, like
	f.split = events.Splitter{Form: form, Max: maxOpening, Long: f.feedLong}
	if resp.Request != nil && resp.Request.URL != nil {
		f.stream.Host = hostname(resp.Request.URL)
	}
	return f
}

// decided reports whether it is known what the stream begins with.
func (f *follower) decided() bool { return f.failed != nil || f.output || f.stream.Ended() }

// Enough implements peek.Watcher.
func (f *follower) Enough(start []byte) bool {
	f.feed(start[f.seen:])
	f.seen = len(start)
	return f.decided()
}

// Within implements peek.Watcher. A stream that may survive its error ends soon after
// it, or has not failed. Servers end their streams with that event; and who falls back on
// another model takes as long as that thinks.
func (f *follower) Within() time.Duration {
	if f.since.IsZero() {
		f.since = time.Now()
	}
	if !f.erred || f.leaves {
		return f.longest()
	}
	return min(f.longest(), f.latest.arrived.Sub(f.since)+successTime)
}

// longest is how long the first output is waited for.
func (f *follower) longest() time.Duration {
	if f.hold != nil {
		f.held, f.hold = f.hold(), nil
	}
	return f.held
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
			f.found = judgeDocument(&f.resp, f.rules, f.start, true, &used)
			f.used(used)
		}
		return
	}
	half := false
	f.split.Flush(func(e events.Event) {
		if f.plain || e.Cut || e.Junk || json.Valid(e.Data) || dialect.IsDone(e.Data) {
			f.event(e)
			return
		}
		// It broke off, or is of a dialect that nobody knows.
		half = bytes.HasPrefix(bytes.TrimSpace(e.Data), []byte("{"))
		f.output = f.output || !half
	})
	switch {
	case f.found != nil, f.cut:
	case f.erred:
		f.found = f.judge(&f.latest)
	case half && f.stream.Empty():
		f.found = unfinished(&f.resp, "the stream ended in the middle of its first event")
	case f.stream.Truncated():
		f.found = unfinished(&f.resp, "the stream ended before its last event")
		f.unsure = !half
	case f.stream.Empty() && !f.output:
		f.found = noAnswer(&f.resp)
	}
}

func (f *follower) event(e events.Event) {
	if e.Junk {
		f.output = true // nobody knows what it is
		f.plain = f.plain || !f.began
	}
	if f.began = true; e.Junk || f.plain {
		return
	}
	f.cut = e.Cut
	first := f.opening && !f.decided()
	step := f.stream.Event(f.nameOf(e), e.Data)
	if e.Cut && f.isOne {
		f.used(f.long.Usage())
		f.long, f.isOne = dialect.LongUsage{}, false
	} else {
		f.used(step.Used)
	}
	f.output = f.output || step.Output
	switch {
	case f.found != nil:
		return
	case step.Failed:
		f.latest = errorEvent{append(f.latest.data[:0], e.Data...), step.Verdict, time.Now()}
		if f.erred = step.Beside; !f.erred {
			f.found = f.judge(&f.latest)
		}
	case f.erred && (step.Output || step.More && f.output):
		f.erred = false // the stream went on
	case f.erred && (f.stream.Over() || f.stream.Ended() && !f.output):
		f.found = f.judge(&f.latest)
	case f.stream.Over() && f.stream.Empty():
		f.found = noAnswer(&f.resp)
	}
	if first {
		f.failed = f.found
	}
}

// opens takes an event that has not ended yet, if it is whole all the same: output is
// not held back for the sake of a blank line.
func (f *follower) opens(e events.Event) {
	if f.decided() || e.Cut || bytes.HasPrefix(e.Data, []byte("{")) && !json.Valid(e.Data) {
		return
	}
	if e.Junk {
		f.output = true
		return
	}
	s := f.stream
	if step := s.Event(f.nameOf(e), e.Data); step.Output && !step.Failed {
		f.output = true
	}
}

// nameOf returns the name of e. Most are that of the event before.
func (f *follower) nameOf(e events.Event) string {
	if string(e.Name) != f.name {
		f.name = string(e.Name)
	}
	return f.name
}

// An errorEvent is an event that is an error. It is judged when the stream turns out to
// have failed with it: of a table there may be a million.
type errorEvent struct {
	data    []byte
	verdict dialect.Verdict
	arrived time.Time
}

func (f *follower) judge(e *errorEvent) *Error {
	of, v := origin(&f.resp), e.verdict
	v.Provider, v.RequestID = cmp.Or(v.Provider, of.Provider), cmp.Or(v.RequestID, of.RequestID)
	j := judgement{resp: &f.resp, body: bytes.Clone(e.data), arrived: e.arrived, rules: f.rules}
	return j.error(v, 0)
}

// used puts the tokens on record, once there is one.
func (f *follower) used(u dialect.Usage) {
	if u == (dialect.Usage{}) {
		return
	}
	if f.tokens.Add(u); f.call != nil {
		f.call.inTurn(f.turn, func() { f.call.usage.Add(f.tokens) })
	}
}

// unfinished is the verdict on an answer that ended as if it were whole.
func unfinished(resp *http.Response, message string) *Error {
	e := brokenOff(resp, io.ErrUnexpectedEOF)
	e.Message = message
	return e
}

// silent is the verdict on a stream that has no output in time.
func silent(resp *http.Response, within time.Duration) *Error {
	e := unfinished(resp, fmt.Sprintf("no output within %s", within))
	e.Class, e.Hint, e.Err = Timeout, Timeout.sheet().hint, os.ErrDeadlineExceeded
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
	read   int         // bytes

	mu sync.Mutex // Close may come while a Read is under way
	*follower
}

// watch makes the reader of the answer's body read it through f. c gets the verdict on
// what the answer turns out to be, and the tokens that it used.
func (f *follower) watch(c *call) {
	f.call, f.turn = c, c.currentTurn()
	f.used(f.tokens)
	f.about.Body = &watchedAnswer{ReadCloser: f.about.Body, follower: f}
}

func (b *watchedAnswer) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.mu.Lock()
	defer b.mu.Unlock()
	before := b.found
	if b.read == 0 {
		before = nil // what was found in opening is on record from the first byte on
	}
	seen := min(n, max(b.seen-b.read, 0))
	b.read += n
	b.feed(p[seen:n])
	switch {
	case err == io.EOF:
		b.end()
	case err != nil && b.found == nil && !b.closed.Load() && !b.done:
		b.done = true
		b.found = brokenOff(&b.resp, err) // which goes up as it is
	}
	if b.found != before {
		b.record()
	}
	if err == io.EOF && b.tells() {
		err = b.found
	}
	return n, err
}

// tells reports whether the reader of a stream is told of its failure in place of io.EOF.
// Of an API that nobody knows, an error may be a row of a table, or the word of an agent on
// its work. There it takes a conversation and an answer in a dialect that is known; and
// that such an answer lacks its end is no more than a sign. The record has it in any case.
func (f *follower) tells() bool {
	switch {
	case f.found == nil, f.document:
		return false
	case f.like == surely, f.like == likely && dialect.Known(f.stream.Host):
		return true
	}
	return f.like == likely && f.stream.Promises() && !f.unsure
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
	if _, like := formOf(req, resp); like != other {
		e = follow(resp, nil).firstOutput(func() time.Duration { return successTime })
	} else if resp.ContentLength <= maxBody && (t.mayHideError(req, resp) || mayShowError(req, resp)) { // 0 is a fake that does not say
		e = lookInside(resp, nil, nil)
	}
	if e == nil || e.Err != nil && (e.Class != ServerError || len(e.Body) == 0) {
		return nil // a body that cannot be read may have been read or closed by now
	}
	return e
}
