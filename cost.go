package steadyhttp

import (
	"io"
	"net/http"

	"github.com/steadyhttp/steadyhttp/internal/dialect"
	"github.com/steadyhttp/steadyhttp/internal/events"
	"github.com/steadyhttp/steadyhttp/internal/inmem"
	"github.com/steadyhttp/steadyhttp/limit"
)

// maxRead is how much of a request's body is looked at for its model and its
// tokens. A prompt of 60,000 tokens fits.
const maxRead = 256 << 10

// A reading is what was found in a request's body, which is read once at the
// most.
type reading struct {
	done  bool
	late  bool // the request has been sent
	found dialect.Call
}

// call reads the body, as far as there is a way to do so without sending it.
func (r *reading) call(req *http.Request) *dialect.Call {
	if r.done {
		return &r.found
	}
	r.done = true
	if start, ok := startOfBody(req, r.late); ok {
		r.found = dialect.Read(start, req.ContentLength)
	} else {
		r.found.Input = dialect.Estimate(req.ContentLength)
	}
	return &r.found
}

// model is the one that the URL names, else the body.
func (r *reading) model(req *http.Request) string {
	if req.URL != nil {
		if model := dialect.ModelIn(req.URL.Path); model != "" {
			return model
		}
	}
	if !r.done && !worthReading(req) {
		return ""
	}
	return r.call(req).Model
}

// startOfBody returns what a request's body begins with, if that can be had
// without reading it: it stands in memory, or a Retrier keeps it while it is sent,
// of which this is what has been sent. sent says that the request is on its way, or
// may be.
func startOfBody(req *http.Request, sent bool) (string, bool) {
	start, ok := headOfBody(req, sent, maxRead)
	return string(start), ok
}

// headOfBody is startOfBody of max bytes at most. They must not be written to.
func headOfBody(req *http.Request, sent bool, max int) ([]byte, bool) {
	if !hasBody(req) {
		return nil, false
	}
	if start, ok := keptOf(req, max); ok {
		return start, true
	}
	body, ok := inMemory(req, sent)
	if !ok {
		return nil, false
	}
	return body.Start(max), true
}

// inMemory returns the content of req's body, if that stands in memory and is sent
// from its beginning.
func inMemory(req *http.Request, sent bool) (b inmem.Body, ok bool) {
	b, ok = inmem.Of(ownBody(req.Body), sent)
	return b, ok && (req.ContentLength <= 0 || b.Len() == req.ContentLength)
}

// usedUp reports whether nothing is left of req's body that stands in memory,
// although its length says otherwise, and GetBody has it anew: some SDKs repeat a
// request so. As it is it would be cut off after its headers.
func usedUp(req *http.Request) bool {
	if req.GetBody == nil || req.ContentLength <= 0 {
		return false
	}
	b, ok := inmem.Of(ownBody(req.Body), false)
	return ok && b.Len() == 0
}

// ownBody returns the body that wrappers of ours were put around.
func ownBody(body io.ReadCloser) io.ReadCloser {
	for {
		switch b := body.(type) {
		case *capturedBody:
			body = b.ReadCloser
		case *watchedBody:
			body = b.ReadCloser
		case *shownBody:
			body = b.ReadCloser
		case *lentBody:
			body = b.ReadCloser
		default:
			return body
		}
	}
}

// worthReading reports whether req's body may name a model and hold tokens.
func worthReading(req *http.Request) bool {
	return req.Method == http.MethodPost && (saysJSON(req) || isInference(req))
}

// cost is what req is reckoned to take: its input by the length of its text, and
// all that it may generate, if it says so.
func (t *Throttler) cost(req *http.Request, r *reading) limit.Cost {
	if t.Cost != nil {
		c := t.Cost(req)
		return limit.Cost{Requests: max(c.Requests, 1), Input: max(c.Input, 0), Output: max(c.Output, 0)}
	}
	call := r.call(req)
	c := limit.Cost{Requests: 1, Input: max(call.Input, 1), Output: call.Output}
	if c.Output > 0 && countsInput(req) {
		c.Output = 0
	}
	return c
}

func countsInput(req *http.Request) bool {
	return req.URL != nil && dialect.CountsInput(hostname(req.URL))
}

// A usage reads on the way how many tokens an answer says were used.
type usage struct {
	streams bool // else the answer is one JSON value
	split   events.Splitter
	stream  dialect.Stream
	long    dialect.LongUsage // of what is not kept: of such a value, or of a long event
	isLong  bool              // long was fed with an event
	found   dialect.Usage
	final   bool // all that was used has been told
}

// usageOf returns what reads resp's usage, nil if there is nothing to read.
func usageOf(resp *http.Response) *usage {
	form, like := formOf(resp.Request, resp)
	streams := like != other
	if failed(resp) || resp.Header.Get("Content-Encoding") != "" || !streams && !isText(resp) && !isEventStream(resp) {
		return nil
	}
	u := &usage{streams: streams || isEventStream(resp)}
	u.split = events.Splitter{Form: form, Max: maxOpening, Long: func(p []byte) { u.isLong = true; u.long.Feed(p) }}
	return u
}

func (u *usage) feed(p []byte) {
	if u.streams {
		u.split.Feed(p, u.event)
		return
	}
	u.long.Feed(p)
	u.found = u.long.Usage()
	u.final = u.found != dialect.Usage{}
}

func (u *usage) event(e events.Event) {
	if e.Junk {
		return
	}
	step := u.stream.Event(string(e.Name), e.Data)
	told := step.Used
	if u.isLong {
		told = u.long.Usage()
		u.long, u.isLong = dialect.LongUsage{}, false
	}
	u.found.Add(told)
	// What is told before the end may be a part: Anthropic's first event tells of one
	// token that was generated, its last of all.
	u.final = u.final || u.stream.Finished() && told.Output > 0
}

// used returns what was used, and whether the answer said so. closed is whether its
// reader left it before io.EOF.
func (u *usage) used(req *http.Request, closed bool) (limit.Cost, bool) {
	switch {
	case u == nil:
		return limit.Cost{}, false
	case u.final:
	case closed:
		return limit.Cost{}, false // more was generated than it had said by then
	case u.streams:
		u.split.Flush(u.event)
	}
	c := limit.Cost{Requests: 1, Input: u.found.Input - u.found.Free, Output: u.found.Output}
	if countsInput(req) {
		c.Output = 0
	}
	return c, u.found.Input+u.found.Output > 0
}
