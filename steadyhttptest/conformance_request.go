package steadyhttptest

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"reflect"
	"slices"
	"sync/atomic"
	"time"
)

// requestRules are about what the wrapper does to the request, on its way down and afterwards.
var requestRules = []rule{{
	name: "request-unmodified",
	explanation: "RoundTrip must not modify the request, but for consuming and closing its body: its owner may be " +
		"reading it, may send it again, and http.Client follows redirects with it. Work on a copy; a shallow " +
		"one shares the header map, which must then be cloned before it is written, and a new Body belongs on " +
		"the copy.",
	run: everyScene(func(p *probe, o *outcome) {
		for _, c := range o.changes {
			p.errorf("%s", c)
		}
	}),
}, {
	name: "request-shared",
	explanation: "The caller may read the request, its header included, while RoundTrip runs, and so may a base in " +
		"goroutines of its own until the answer's body is closed: nobody may write to a header map that " +
		"somebody else can still see. Run with -race to catch all of it.",
	run: requestShared,
}, {
	name: "request-body-closed",
	explanation: "RoundTrip must always close the request body, on errors too, also when it fails before it calls the " +
		"base: a file or a pipe hangs on it. Each body that GetBody made must be closed likewise, and a " +
		"closed body must not be read.",
	run: everyScene(func(p *probe, o *outcome) {
		for _, b := range o.up.opened() {
			if !b.closed() {
				p.errorf("%s was not closed", b.name)
			}
			if n := b.lateReads(); n > 0 {
				p.errorf("%s was read %d times after it was closed", b.name, n)
			}
		}
	}),
}, {
	name: "request-body-whole",
	explanation: "Each attempt sends the caller's bytes, all of them. A request sent again with what the first attempt " +
		"left of its body is a different request, and the server cannot know; take a fresh body from GetBody, " +
		"or keep a copy, or do not repeat it.",
	run: everyScene(requestBodyWhole),
}, {
	name: "request-arrives",
	explanation: "Each attempt carries what the caller asked for: method, URL, Host, all values of his headers, the " +
		"request body's length.",
	run: everyScene(requestArrives),
}, {
	name: "request-context",
	explanation: "The base must see the caller's context, or one derived from it: its values, its deadline, and its " +
		"httptrace hooks, which other tracing may be composed with but must not replace. req.Cancel, " +
		"deprecated as it is, must come along.",
	run: requestContext,
}, {
	name: "request-nil-fields",
	explanation: "nil is a legal Body, so is http.NoBody. nil for URL or Header is the caller's mistake, for which the " +
		"base has an error; a wrapper must not panic in its place.",
	run: requestNilFields,
}, {
	name: "request-trailer",
	explanation: "The caller may fill the values of Request.Trailer until his body is at its end, so the base needs " +
		"the very map and not a copy of it.",
	run: requestTrailer,
}}

func requestBodyWhole(p *probe, o *outcome) {
	for _, a := range o.base.seen() {
		switch {
		case !a.read:
			continue // the scene wants it unread
		case a.sendErr != nil:
			p.errorf("attempt %d could not read the body: %v", a.n, a.sendErr)
		case difference(a.sent, o.up.data) != "":
			p.errorf("attempt %d sent %s", a.n, difference(a.sent, o.up.data))
		}
		// 0 with a body means unknown, as -1 does.
		if n := a.req.ContentLength; n > 0 && n != int64(len(o.up.data)) {
			p.errorf("attempt %d has ContentLength %d for a body of %d bytes", a.n, n, len(o.up.data))
		}
	}
}

func requestArrives(p *probe, o *outcome) {
	if len(o.base.seen()) == 0 && o.cancel >= 0 {
		p.errorf("the base was never called; RoundTrip returned %v", o.err)
	}
	for _, a := range o.base.seen() {
		if got, want := cmp.Or(a.req.Method, http.MethodGet), cmp.Or(o.req.Method, http.MethodGet); got != want {
			p.errorf("attempt %d has method %q, want %q", a.n, got, want)
		}
		if a.req.URL == nil || a.req.URL.String() != o.req.URL.String() {
			p.errorf("attempt %d went to %v, want %v", a.n, a.req.URL, o.req.URL)
		}
		if a.req.Host != o.req.Host {
			p.errorf("attempt %d has Host %q, want %q", a.n, a.req.Host, o.req.Host)
		}
		for name, want := range o.req.Header {
			if got := a.header[name]; !slices.Equal(got, want) {
				p.errorf("attempt %d has %s %q, want %q", a.n, name, got, want)
			}
		}
	}
}

// requestShared lets the caller and the base read their header maps for as long as they may.
func requestShared(p *probe) {
	for _, s := range scenes() {
		if s.cancel != 0 || s.deadline != 0 {
			continue
		}
		p := p.in("after %s, %s", s.name, s.request())
		req := newRequest(p.lasting(), s.method)
		attach(req, s.upload)
		over := make(chan struct{})
		go readHeader(p, "the caller's header", req.Header, over)

		answers := make([]answer, len(s.answers))
		for i, play := range s.answers {
			answers[i] = func(a *attempt) (*http.Response, error) {
				resp, err := play(a)
				if err == nil {
					what := fmt.Sprintf("the header that the base holds for attempt %d", a.n)
					go readHeader(p, what, a.req.Header, a.body.gone)
				}
				return resp, err
			}
		}
		r := p.call(p.wrapped(newBase(answers...)), req)
		p.consume(r.resp)
		p.settle()
		close(over)
	}
}

// readHeader reads h again and again until over is closed, and complains when it finds it changed.
func readHeader(p *probe, what string, h http.Header, over <-chan struct{}) {
	was := h.Clone()
	for {
		if !reflect.DeepEqual(h, was) {
			p.errorf("%s changed from %v to %v while it was being read", what, was, h.Clone())
			return
		}
		select {
		case <-over:
			return
		case <-time.After(10 * time.Millisecond): // not less: some wrappers wait for hours, in the bubble's time
		}
	}
}

type contextKey struct{}

func requestContext(p *probe) {
	for _, play := range []struct {
		name    string
		answers []answer
	}{
		{"200", []answer{status(200)}},
		{"503, 503, 200", []answer{status(503), status(503), status(200)}},
		{"an error for ever", []answer{fails(errOdd)}},
	} {
		p := p.in("after %s", play.name)
		var connected, wrote atomic.Int64 // hooks may be called from any goroutine
		trace := &httptrace.ClientTrace{
			GetConn:      func(string) { connected.Add(1) },
			WroteRequest: func(httptrace.WroteRequestInfo) { wrote.Add(1) },
		}
		ctx := context.WithValue(p.lasting(), contextKey{}, "the caller's")
		ctx = httptrace.WithClientTrace(ctx, trace)
		req := newRequest(ctx, http.MethodGet)
		cancel := make(chan struct{})
		req.Cancel = cancel //lint:ignore SA1019 http.Client itself sets it

		for i, next := range play.answers {
			play.answers[i] = func(a *attempt) (*http.Response, error) {
				if t := httptrace.ContextClientTrace(a.req.Context()); t != nil {
					if t.GetConn != nil {
						t.GetConn("api.example.com:443")
					}
					if t.WroteRequest != nil {
						t.WroteRequest(httptrace.WroteRequestInfo{})
					}
				}
				return next(a)
			}
		}
		base := newBase(play.answers...)
		r := p.call(p.wrapped(base), req)
		if r.lost {
			continue
		}
		p.consume(r.resp)
		p.settle()

		attempts := base.seen()
		for _, a := range attempts {
			got := a.req.Context()
			if got.Value(contextKey{}) != "the caller's" {
				p.errorf("attempt %d's context lacks the caller's values", a.n)
			}
			want, _ := ctx.Deadline()
			if d, ok := got.Deadline(); !ok || d.After(want) {
				p.errorf("attempt %d's context lacks the caller's deadline", a.n)
			}
			if a.cancelChannel() == nil {
				p.errorf("attempt %d's Cancel is nil, the caller's is not", a.n)
			}
		}
		if c, w := connected.Load(), wrote.Load(); c != int64(len(attempts)) || w != c {
			p.errorf("the caller's httptrace hooks heard of %d connections and %d requests in %d attempts",
				c, w, len(attempts))
		}
	}
}

func requestNilFields(p *probe) {
	empty := func() (io.ReadCloser, error) { return http.NoBody, nil }
	for _, shape := range []struct {
		name  string
		shape func(req *http.Request)
	}{
		{"a nil Body", func(req *http.Request) { req.Method = http.MethodPost }},
		{"a nil Body but GetBody", func(req *http.Request) { req.GetBody = empty }},
		{"a nil Body but a ContentLength", func(req *http.Request) { req.Method, req.ContentLength = http.MethodPut, 5 }},
		{"http.NoBody", func(req *http.Request) { req.Method, req.Body = http.MethodPut, http.NoBody }},
		{"http.NoBody and GetBody", func(req *http.Request) {
			req.Method, req.Body, req.GetBody = http.MethodPost, http.NoBody, empty
		}},
		{"a nil URL", func(req *http.Request) { req.URL = nil }},
		{"a nil Header", func(req *http.Request) { req.Header = nil }},
		{"all fields zero", func(req *http.Request) { *req = http.Request{} }},
	} {
		for _, play := range []struct {
			after   string
			answers []answer
		}{
			{"200", []answer{status(200)}},
			{"429, 200", []answer{status(429), status(200)}},
			{"503 for ever", []answer{status(503)}},
			{"an error for ever", []answer{fails(errOdd)}},
		} {
			p := p.in("with %s, after %s", shape.name, play.after)
			req := newRequest(p.lasting(), http.MethodGet)
			shape.shape(req)
			r := p.call(p.wrapped(newBase(play.answers...)), req)
			p.consume(r.resp)
			p.oneOf(r)
		}
	}
}

func requestTrailer(p *probe) {
	req := newRequest(p.lasting(), http.MethodPut)
	w, _ := streamed(req)
	req.Trailer = http.Header{"X-Sum": nil}
	go func() {
		_, _ = io.WriteString(w, "hello") // the base reads it all, or the rules about bodies complain
		req.Trailer.Set("X-Sum", "5")
		w.Close()
	}()
	var got string
	base := newBase(func(a *attempt) (*http.Response, error) {
		a.receive()
		got = a.req.Trailer.Get("X-Sum")
		return a.reply(200, nil), nil
	})
	r := p.call(p.wrapped(base), req)
	p.consume(r.resp)
	if !r.lost && got != "5" {
		p.notef("the base did not see the request's trailer, which the caller set after the header was sent")
	}
}
