package steadyhttptest

import (
	"cmp"
	"context"
	"errors"
	"io"
	"net/http"
	"reflect"
	"slices"
)

// answerRules are about what RoundTrip returns, but for the body.
var answerRules = []rule{{
	name: "answer-or-error",
	explanation: "RoundTrip returns a response or an error: http.Client logs a complaint and leaks the body when it " +
		"gets both, and makes up an error when it gets neither.",
	run: everyScene(func(p *probe, o *outcome) { p.oneOf(o.result) }),
}, {
	name: "answer-returned",
	explanation: "RoundTrip must return err == nil if it obtained a response, whatever its status. After the last " +
		"attempt the last answer goes up, with the server's reasons in it; \"giving up after 3 attempts\" " +
		"tells the caller nothing.",
	run: everyScene(answerReturned),
}, {
	name: "answer-untouched",
	explanation: "RoundTrip should not interpret the response, follow its redirects, or change it: status, protocol, " +
		"header, lengths and encodings come up as the base gave them, for every status, and resp.Request " +
		"tells what was asked.",
	run: answerUntouched,
}, {
	name: "answer-nil-fields",
	explanation: "A base may leave out the response's Body, Header and Request, as handwritten stubs do, and a broken " +
		"one may return neither response nor error. A wrapper must not panic over it.",
	run: answerNilFields,
}, {
	name: "answer-with-error",
	explanation: "A base that returns a response and an error has broken the contract. http.Client would ignore the " +
		"response, so its body must be closed unless both are passed on, and nothing may panic.",
	run: answerWithError,
}, {
	name: "answer-trailer",
	explanation: "The base fills resp.Trailer when the body is at its end, also with trailers that were not announced. " +
		"A wrapper that returns a copy of the response made before that has lost those.",
	run: answerTrailer,
}}

// oneOf checks that r is a response or an error.
func (p *probe) oneOf(r result) {
	switch {
	case r.lost: // reported already
	case r.resp != nil && r.err != nil:
		p.errorf("RoundTrip returned both a response (%d) and an error (%v)", r.resp.StatusCode, r.err)
	case r.resp == nil && r.err == nil:
		p.errorf("RoundTrip returned neither a response nor an error")
	}
}

func answerReturned(p *probe, o *outcome) {
	attempts := o.base.seen()
	if len(attempts) == 0 {
		return // request-arrives has its own view of that
	}
	last := attempts[len(attempts)-1]
	switch {
	case o.resp != nil && o.from() == nil:
		p.errorf("RoundTrip returned an answer (%d) that the base did not give", o.resp.StatusCode)
	case o.resp != nil || o.err == nil || last.handed == nil:
	case o.over && isContextError(o.err), o.deadline != 0, o.up.copyFailed():
		p.notef("the base answered %d, RoundTrip returned the error %q", last.handed.StatusCode, o.err)
	default:
		p.errorf("the base answered %d, RoundTrip returned the error %q", last.handed.StatusCode, o.err)
	}
}

func isContextError(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

func answerUntouched(p *probe) {
	for _, code := range []int{
		200, 201, 204, 206, 301, 304, 307, 400, 401, 403, 404, 408, 409, 416, 418, 429, 500, 502, 503, 504, 599,
	} {
		for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost} {
			p := p.in("%s answered with %d", method, code)
			base := newBase(func(a *attempt) (*http.Response, error) {
				a.receive()
				return fullAnswer(a, code), nil
			})
			req := newRequest(p.lasting(), method)
			if method == http.MethodPost {
				attach(req, withGetBody)
			}
			o := &outcome{req: req, base: base, result: p.call(p.wrapped(base), req)}
			if o.lost {
				continue
			}
			o.answer, o.after = p.consume(o.resp)
			from := o.from()
			switch {
			case o.err != nil:
				p.errorf("RoundTrip returned the error %q", o.err)
			case from == nil:
				p.errorf("RoundTrip returned something else: %v", o.resp)
			default:
				p.sameAnswer(o, from)
			}
		}
	}
}

// fullAnswer is an answer with something unusual in each field.
func fullAnswer(a *attempt, code int) *http.Response {
	content := errorContent(a.n, 700)
	resp := a.reply(code, content)
	resp.Status = resp.Status + " indeed"
	resp.Proto, resp.ProtoMajor, resp.ProtoMinor = "HTTP/2.0", 2, 0
	resp.Header["Set-Cookie"] = []string{"a=1", "b=2"}
	resp.Header["X-RateLimit-weird"] = []string{"not canonical"}
	resp.Header["Location"] = []string{"https://api.example.com/elsewhere"}
	resp.Close = true
	resp.Uncompressed = code%2 == 0
	switch {
	case a.req.Method == http.MethodHead:
		// The length that a GET would have, and no body.
		a.hand(resp, nil)
		a.content = nil
	case code == 204 || code == 304:
		resp.ContentLength = 0
		a.hand(resp, nil)
		a.content = nil
	case resp.Uncompressed:
		resp.ContentLength = -1
	case code%3 == 0:
		resp.ContentLength = -1
		resp.TransferEncoding = []string{"chunked"}
	}
	a.note(resp)
	return resp
}

// sameAnswer compares what the caller got with what attempt a handed out.
func (p *probe) sameAnswer(o *outcome, a *attempt) {
	got, want := reflect.ValueOf(o.resp).Elem(), reflect.ValueOf(a.handed).Elem()
	for i := range got.NumField() {
		name := got.Type().Field(i).Name
		switch name {
		case "Body", "Request", "Header":
			continue
		}
		if g, w := got.Field(i).Interface(), want.Field(i).Interface(); !reflect.DeepEqual(g, w) {
			p.errorf("%s is %v, want %v", name, g, w)
		}
	}
	for name, values := range a.handed.Header {
		if got := o.resp.Header[name]; !slices.Equal(got, values) {
			p.errorf("header %s is %q, want %q", name, got, values)
		}
	}
	for name, values := range o.resp.Header {
		if _, ok := a.handed.Header[name]; !ok {
			p.errorf("header %s is %q, the base sent none", name, values)
		}
	}
	if r := o.resp.Request; r == nil || r.URL == nil ||
		cmp.Or(r.Method, http.MethodGet) != o.req.Method || r.URL.String() != o.req.URL.String() {
		p.errorf("resp.Request does not tell what was asked: %v", r)
	}
	if o.after != nil {
		p.errorf("reading the body: %v", o.after)
	}
	if d := difference(o.answer, a.content); d != "" {
		p.errorf("the body has %s", d)
	}
	if n := len(o.base.seen()); n > 1 && o.resp.StatusCode < 400 && o.resp.StatusCode != 202 {
		p.errorf("%d attempts were made, though the first was answered with %d", n, o.resp.StatusCode)
	}
}

func answerNilFields(p *probe) {
	bare := func(a *attempt, code int) *http.Response {
		a.receive()
		return &http.Response{StatusCode: code, Header: http.Header{}, Body: http.NoBody, Request: a.req}
	}
	for _, code := range []int{200, 204, 400, 404, 429, 500, 503} {
		for _, shape := range []struct {
			name string
			make answer
		}{
			{"a nil Body", func(a *attempt) (*http.Response, error) {
				resp := bare(a, code)
				resp.Body = nil
				return resp, nil
			}},
			{"a nil Body but a ContentLength", func(a *attempt) (*http.Response, error) {
				resp := bare(a, code)
				resp.Body, resp.ContentLength = nil, 10
				return resp, nil
			}},
			{"a nil Header", func(a *attempt) (*http.Response, error) {
				resp := bare(a, code)
				resp.Header = nil
				return resp, nil
			}},
			{"a nil Request", func(a *attempt) (*http.Response, error) {
				resp := bare(a, code)
				resp.Request = nil
				return resp, nil
			}},
			{"nothing but a status", func(a *attempt) (*http.Response, error) {
				a.receive()
				return &http.Response{StatusCode: code}, nil
			}},
		} {
			p := p.in("%d with %s", code, shape.name)
			req := newRequest(p.lasting(), http.MethodPut)
			attach(req, withGetBody)
			r := p.call(p.wrapped(newBase(shape.make)), req)
			p.consume(r.resp)
			p.oneOf(r)
		}
	}

	p = p.in("a base that returns neither response nor error")
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		r := p.call(p.wrapped(newBase(func(a *attempt) (*http.Response, error) {
			a.receive()
			return nil, nil
		})), newRequest(p.lasting(), method))
		p.consume(r.resp)
	}
}

func answerWithError(p *probe) {
	both := func(code int) answer {
		return func(a *attempt) (*http.Response, error) {
			a.receive()
			return a.reply(code, errorContent(a.n, 120)), errOdd
		}
	}
	for _, play := range []struct {
		name    string
		answers []answer
	}{
		{"200 and an error for ever", []answer{both(200)}},
		{"503 and an error for ever", []answer{both(503)}},
		{"429 and an error, then 200", []answer{both(429), status(200)}},
	} {
		p := p.in("%s", play.name)
		base := newBase(play.answers...)
		r := p.call(p.wrapped(base), newRequest(p.lasting(), http.MethodGet))
		p.consume(r.resp)
		p.settle()
		if !r.lost && r.resp == nil && r.err == nil {
			p.oneOf(r)
		}
		p.allClosed(base)
	}
}

func answerTrailer(p *probe) {
	for _, announced := range []bool{true, false} {
		for _, code := range []int{200, 503} {
			p := p.in("%d with a trailer", code)
			if !announced {
				p = p.in("which was not announced")
			}
			base := newBase(func(a *attempt) (*http.Response, error) {
				a.receive()
				resp := a.stream(code, nil)
				a.content = errorContent(a.n, 900)
				if announced {
					resp.Trailer = http.Header{"X-Sum": nil}
				}
				a.hand(resp, &slowReader{data: a.content})
				a.body.atEOF = func() {
					if resp.Trailer == nil {
						resp.Trailer = http.Header{}
					}
					resp.Trailer["X-Sum"] = []string{"of this", "of that"}
				}
				return resp, nil
			})
			r := p.call(p.wrapped(base), newRequest(p.lasting(), http.MethodGet))
			if r.resp == nil {
				if !r.lost {
					p.errorf("RoundTrip returned the error %v", r.err)
				}
				continue
			}
			_, err := io.ReadAll(r.resp.Body)
			if got := r.resp.Trailer["X-Sum"]; err != nil || !slices.Equal(got, []string{"of this", "of that"}) {
				p.errorf("after the body's end (%v) the trailer is %v", err, r.resp.Trailer)
			}
			p.consume(r.resp)
		}
	}
}
