package steadyhttptest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"testing/iotest"
	"time"
)

// bodyRules are about the body of the answer that comes back, and those of the answers that do not.
var bodyRules = []rule{{
	name: "answer-body-whole",
	explanation: "The body of the returned answer is there to its last byte, also if it is a failure's, large, or " +
		"comes byte by byte. A wrapper that looks into it must put back what it took.",
	run: bodyWhole,
}, {
	name: "answer-body-open",
	explanation: "The body of the returned answer is the caller's: it may be read long after RoundTrip returned, and " +
		"ends when the caller closes it. A context made for the attempt must not be cancelled when RoundTrip " +
		"returns, since bodies die with it.",
	run: bodyOpen,
}, {
	name: "answer-bodies-closed",
	explanation: "Each response body holds a connection until it is closed. Those of answers that are not passed on " +
		"are the wrapper's to close, and the caller's Close must reach the one that is.",
	run: everyScene(func(p *probe, o *outcome) { p.allClosed(o.base) }),
}, {
	name: "answer-body-error",
	explanation: "An error in the middle of the body reaches the reader as it is, after the bytes before it: a broken " +
		"download must neither look like a whole one nor lose its reason.",
	run: bodyError,
}, {
	name: "answer-body-close",
	explanation: "Callers close twice, close unread bodies, and read closed ones by mistake. That is no reason to " +
		"panic.",
	run: bodyClose,
}, {
	name: "answer-body-endless",
	explanation: "A server may send more than anybody wants. Whoever empties the body of a failed answer, to read the " +
		"reason or to save the connection, needs a limit.",
	run: bodyEndless,
}, {
	name: "answer-body-decoded",
	explanation: "Many read an answer with json.Decoder, which stops at the end of its value, and close it. net/http keeps " +
		"the connection for another request since its body gives io.EOF with the last bytes of a known length. " +
		"A wrapper that keeps that for a Read of its own has callers and wrappers above it take the answer for cut.",
	run: bodyDecoded,
}, {
	name: "answer-body-stalled",
	explanation: "A server may send the head of a failed answer and then nothing. Whoever waits for its body must give " +
		"up when the request's context does.",
	run: bodyStalled,
}}

// bodyDecoded decodes answers whose end comes with their last bytes, and closes them.
func bodyDecoded(p *probe) {
	for _, code := range []int{200, 404, 500} {
		for _, known := range []bool{true, false} {
			p := p.in("%d with JSON, of known length: %t", code, known)
			base := newBase(func(a *attempt) (*http.Response, error) {
				content := errorContent(a.n, 120)
				resp := a.stream(code, iotest.DataErrReader(bytes.NewReader(content)))
				if known {
					resp.ContentLength = int64(len(content))
				}
				return resp, nil
			})
			r := p.call(p.wrapped(base), newRequest(p.lasting(), http.MethodGet))
			if r.resp == nil || r.resp.Body == nil {
				if !r.lost {
					p.errorf("RoundTrip returned %v, want the answer", r.err)
				}
				continue
			}
			body := watch("the answer", r.resp.Body)
			var value any
			if err := json.NewDecoder(body).Decode(&value); err != nil {
				p.errorf("decoding the answer: %v", err)
			}
			if !body.atEnd() {
				p.errorf("a decoder had all of the answer and was not told of its end")
			}
			body.Close()
		}
	}
}

// allClosed checks that no response body of base is open any more.
func (p *probe) allClosed(base *stubBase) {
	for _, a := range base.seen() {
		if a.body != nil && !a.body.closed() {
			p.errorf("%s was not closed", a.body.name)
		}
	}
}

func bodyWhole(p *probe) {
	for _, code := range []int{200, 400, 429, 500, 503} {
		for _, shape := range []struct {
			name  string
			size  int
			reads func(r io.Reader) io.Reader
		}{
			{"no bytes", 0, nil},
			{"one byte", 1, nil},
			{"64 KiB and a byte", 64<<10 + 1, nil},
			{"1 MiB", 1 << 20, nil},
			{"5 KiB byte by byte", 5 << 10, iotest.OneByteReader},
			{"5 KiB, the end told with the last bytes", 5 << 10, iotest.DataErrReader},
		} {
			for _, length := range []string{"known", "unknown"} {
				p := p.in("%d with %s of %s length", code, shape.name, length)
				base := newBase(func(a *attempt) (*http.Response, error) {
					a.receive()
					content := errorContent(a.n, shape.size)
					if shape.size < 2 {
						content = content[:shape.size]
					}
					var r io.Reader = bytes.NewReader(content)
					if shape.reads != nil {
						r = shape.reads(r)
					}
					resp := a.stream(code, r)
					a.content = content
					if length == "known" {
						resp.ContentLength = int64(len(content))
						a.note(resp)
					}
					return resp, nil
				})
				p.wholeAnswer(base, newRequest(p.lasting(), http.MethodGet))
			}
		}
	}

	// And what was played in the scenes.
	everyScene(func(p *probe, o *outcome) {
		from := o.from()
		if from == nil {
			return // an error, or answer-returned complains
		}
		if d := difference(o.answer, from.content); d != "" || o.after != nil {
			// A base's body ends with the request's context, so after its end the caller cannot ask for more.
			if !o.over {
				p.errorf("the body of %d has %s (%v)", o.resp.StatusCode, d, o.after)
			}
		}
	})(p)
}

// wholeAnswer makes a call and compares what the caller reads with what base gave.
func (p *probe) wholeAnswer(base *stubBase, req *http.Request) {
	o := &outcome{req: req, base: base, result: p.call(p.wrapped(base), req)}
	if o.lost {
		return
	}
	if o.err != nil {
		p.errorf("RoundTrip returned the error %v", o.err)
		return
	}
	o.answer, o.after = p.consume(o.resp)
	from := o.from()
	if from == nil {
		p.errorf("the answer is none of the base's: %d", o.resp.StatusCode)
		return
	}
	if d := difference(o.answer, from.content); d != "" || o.after != nil {
		p.errorf("the body has %s (%v)", d, o.after)
	}
}

func bodyOpen(p *probe) {
	for _, play := range []struct {
		name    string
		answers []answer
	}{
		{"200", []answer{status(200)}},
		{"404", []answer{status(404)}},
		{"503, 503, 200", []answer{status(503), status(503), status(200)}},
		{"503 for ever", []answer{status(503)}},
	} {
		p := p.in("after %s", play.name)
		base := newBase(play.answers...)
		o := &outcome{base: base, result: p.call(p.wrapped(base), newRequest(p.lasting(), http.MethodGet))}
		if o.resp == nil {
			continue // answer-returned complains
		}
		p.settle() // a second passes, in which nothing may happen to the body
		o.answer, o.after = p.consume(o.resp)
		if from := o.from(); from != nil && (o.after != nil || difference(o.answer, from.content) != "") {
			p.errorf("a second after RoundTrip returned %d, reading gave %d of %d bytes (%v)", o.resp.StatusCode,
				len(o.answer), len(from.content), o.after)
		}
	}
}

func bodyError(p *probe) {
	for _, code := range []int{200, 404, 429, 500, 503} {
		for _, size := range []int{0, 10, 100_000} {
			for _, broken := range []error{errOdd, io.ErrUnexpectedEOF} {
				p := p.in("%d with a body that ends in %q after %d bytes", code, broken, size)
				base := newBase(func(a *attempt) (*http.Response, error) {
					a.receive()
					content := errorContent(a.n, max(size, 60))[:size]
					resp := a.stream(code, io.MultiReader(bytes.NewReader(content), iotest.ErrReader(broken)))
					a.content = content
					return resp, nil
				})
				o := &outcome{base: base, result: p.call(p.wrapped(base), newRequest(p.lasting(), http.MethodGet))}
				if o.lost {
					continue
				}
				o.answer, o.after = p.consume(o.resp)
				if o.err != nil {
					p.errorf("RoundTrip returned the error %v, and the answer is lost", o.err)
					continue
				}
				if !errors.Is(o.after, broken) {
					p.errorf("the reader got %v", o.after)
				}
				if from := o.from(); from != nil && difference(o.answer, from.content) != "" {
					p.errorf("before the error the body has %s", difference(o.answer, from.content))
				}
			}
		}
	}
}

func bodyClose(p *probe) {
	for _, code := range []int{200, 204, 400, 429, 503} {
		for _, use := range []struct {
			name string
			use  func(body io.ReadCloser)
		}{
			{"closing twice", func(body io.ReadCloser) {
				_, _ = io.Copy(io.Discard, body)
				body.Close()
				body.Close()
			}},
			{"closing unread", func(body io.ReadCloser) { body.Close() }},
			{"closing half read", func(body io.ReadCloser) {
				_, _ = io.ReadFull(body, make([]byte, 10))
				body.Close()
			}},
			{"reading after Close", func(body io.ReadCloser) {
				body.Close()
				_, _ = io.Copy(io.Discard, body)
				body.Close()
			}},
			{"reading past the end", func(body io.ReadCloser) {
				_, _ = io.Copy(io.Discard, body)
				_, _ = body.Read(make([]byte, 10))
				_, _ = body.Read(nil)
				body.Close()
			}},
		} {
			p := p.in("%s, of a %d", use.name, code)
			base := newBase(func(a *attempt) (*http.Response, error) {
				resp, err := status(code)(a)
				if code == 204 {
					resp.ContentLength = 0
					a.hand(resp, nil)
				}
				return resp, err
			})
			r := p.call(p.wrapped(base), newRequest(p.lasting(), http.MethodGet))
			if r.resp == nil || r.resp.Body == nil {
				continue
			}
			p.within(hangAfter, use.name, func() { use.use(r.resp.Body) })
			p.settle()
			p.allClosed(base)
		}
	}
}

// plenty is far more than any error page, and more than a wrapper could want of an answer that nobody asked for.
const plenty = 4 << 20

func bodyEndless(p *probe) {
	for _, code := range []int{200, 403, 429, 500, 503} {
		for _, length := range []int64{-1, 1 << 40} {
			p := p.in("%d with a body that does not end and a ContentLength of %d", code, length)
			base := newBase(func(a *attempt) (*http.Response, error) {
				a.receive()
				// It does end: a wrapper that reads on would never come back.
				resp := a.stream(code, io.MultiReader(io.LimitReader(spaces{}, plenty+1), iotest.ErrReader(errOdd)))
				resp.ContentLength = length
				return resp, nil
			})
			r := p.call(p.wrapped(base), newRequest(p.lasting(), http.MethodGet))
			if r.resp != nil && r.resp.Body != nil {
				p.within(hangAfter, "closing the answer", func() { r.resp.Body.Close() })
			}
			p.settle()
			for _, a := range base.seen() {
				if a.body.size() > plenty {
					p.errorf("more than %d MiB of %s were read, and the caller wanted none of it", plenty>>20, a.body.name)
				}
				if !a.body.closed() {
					p.errorf("%s was not closed", a.body.name)
				}
			}
		}
	}
}

// spaces is an endless reader of spaces, which a JSON parser skips.
type spaces struct{}

func (spaces) Read(p []byte) (int, error) { return copy(p, manySpaces), nil }

var manySpaces = bytes.Repeat([]byte{' '}, 32<<10)

func bodyStalled(p *probe) {
	const deadline = time.Minute
	for _, code := range []int{200, 400, 429, 500, 503} {
		p := p.in("%d whose body never comes", code)
		base := newBase(func(a *attempt) (*http.Response, error) {
			a.receive()
			nothing, _ := stall(a.req.Context())
			return a.stream(code, nothing), nil
		})
		ctx, _ := p.context(scene{deadline: deadline})
		r := p.call(p.wrapped(base), newRequest(ctx, http.MethodGet))
		switch {
		case r.lost:
			continue
		case r.took > deadline:
			p.errorf("RoundTrip returned after %v, %v after the deadline", r.took, r.took-deadline)
		case r.took == deadline:
			p.notef("RoundTrip returned only at the deadline (error: %v)", r.err)
		}
		p.consume(r.resp)
		p.settle()
		p.allClosed(base)
	}
}
