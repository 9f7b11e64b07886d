package steadyhttptest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"sync"
	"time"
)

const (
	// lifetime is the deadline of a call that is not about deadlines: longer than the default patience of the retriers in
	// use (backoff's is 15 minutes), and free, since it is the bubble's time.
	lifetime = time.Hour

	// hangAfter is when a call is taken for lost: its deadline has passed long ago.
	hangAfter = 2 * lifetime
)

// scene is one situation: a request, what the base does with it, and what its caller does meanwhile.
type scene struct {
	name     string
	method   string // "" is GET
	upload   uploadKind
	answers  []answer
	fails    error         // the error with which the base fails, if it always fails with the same
	cancel   time.Duration // when the caller cancels; 0 is never, negative is beforehand
	deadline time.Duration // 0 is lifetime
}

// Two errors of types that no wrapper knows, compared by identity.
var (
	errOdd   = &oddError{"stub base: something odd"}
	errReset = &oddError{"stub base: connection reset"}
)

type oddError struct{ text string }

func (e *oddError) Error() string { return e.text }

// scenes are the situations in which the rules about requests and answers are tried, all of them in each. A wrapper that
// repeats requests and one that does not take different ways through most of them.
func scenes() []scene {
	busy, well := status(503), status(200)
	return []scene{
		{name: "200", answers: []answer{well}},
		{name: "a permanent 400", answers: []answer{status(400)}},
		{name: "302", answers: []answer{statusWith(302, http.Header{"Location": {"https://api.example.com/elsewhere"}})}},
		{name: "503, 503, 200", answers: []answer{busy, busy, well}},
		{name: "503 for ever", answers: []answer{busy}},
		{name: "500 for ever", answers: []answer{status(500)}},
		{name: "429 with Retry-After, 200", answers: []answer{statusWith(429, retryAfter(1)), well}},
		{name: "an error for ever", answers: []answer{fails(errOdd)}, fails: errOdd},
		{name: "an error, 503, 200", answers: []answer{fails(errReset), busy, well}},

		{name: "200", method: "PUT", upload: withGetBody, answers: []answer{well}},
		{name: "400", method: "POST", upload: withGetBody, answers: []answer{status(400)}},
		{name: "503, 503, 200", method: "PUT", upload: withGetBody, answers: []answer{busy, busy, well}},
		{name: "503 for ever", method: "PUT", upload: withGetBody, answers: []answer{busy}},
		{name: "429, 429, 200", method: "POST", upload: withGetBody, answers: []answer{status(429), status(429), well}},
		{name: "429 with Retry-After, 200", method: "POST", upload: withGetBody,
			answers: []answer{statusWith(429, retryAfter(1)), well}},
		{name: "an error for ever", method: "PUT", upload: withGetBody, answers: []answer{fails(errOdd)}, fails: errOdd},
		{name: "an error with the upload unread, for ever", method: "POST", upload: withGetBody,
			answers: []answer{failsAtOnce(errOdd)}, fails: errOdd},
		{name: "an error in the middle of the upload, 200", method: "PUT", upload: withGetBody,
			answers: []answer{failsMidway(errReset), well}},
		{name: "503 before the upload was read, 200", method: "PUT", upload: withGetBody,
			answers: []answer{early(503, 0), well}},
		{name: "503 before the upload was read, closed a little later, 200", method: "PUT", upload: withGetBody,
			answers: []answer{early(503, 50*time.Millisecond), well}},
		{name: "413 before the upload was read", method: "POST", upload: withGetBody, answers: []answer{early(413, 0)}},

		{name: "200", method: "PUT", upload: withoutCopy, answers: []answer{well}},
		{name: "503, 503, 200", method: "PUT", upload: withoutCopy, answers: []answer{busy, busy, well}},
		{name: "429, 429, 200", method: "POST", upload: withoutCopy, answers: []answer{status(429), status(429), well}},
		{name: "an error in the middle of the upload, 200", method: "PUT", upload: withoutCopy,
			answers: []answer{failsMidway(errReset), well}},
		{name: "an error with the upload unread, 200", method: "PUT", upload: withoutCopy,
			answers: []answer{failsAtOnce(errReset), well}},
		{name: "503 before the upload was read, 200", method: "PUT", upload: withoutCopy,
			answers: []answer{early(503, 0), well}},
		{name: "503, 200", method: "PUT", upload: largeNoCopy, answers: []answer{busy, well}},

		{name: "503 for ever", method: "PUT", upload: brokenCopy, answers: []answer{busy}},
		{name: "an error for ever", method: "PUT", upload: brokenCopy, answers: []answer{fails(errOdd)}},

		{name: "cancelled beforehand", method: "PUT", upload: withGetBody, answers: []answer{well}, cancel: -1},
		{name: "cancelled beforehand", method: "POST", upload: withoutCopy, answers: []answer{well}, cancel: -1},
		{name: "cancelled while the base is busy", method: "PUT", upload: withGetBody, answers: []answer{hangs},
			cancel: time.Second},
		{name: "cancelled after a 503 with Retry-After", method: "PUT", upload: withGetBody,
			answers: []answer{statusWith(503, retryAfter(20))}, cancel: time.Second},
		{name: "the deadline passes while the base is busy", method: "PUT", upload: withoutCopy, answers: []answer{hangs},
			deadline: time.Second},
		{name: "the deadline passes after a 429 with Retry-After", method: "POST", upload: withGetBody,
			answers: []answer{statusWith(429, retryAfter(30))}, deadline: 400 * time.Millisecond},
	}
}

// everyScene plays each of the scenes and has look judge it.
func everyScene(look func(p *probe, o *outcome)) func(*probe) {
	return func(p *probe) {
		for _, s := range scenes() {
			q := p.in("after %s, %s", s.name, s.request())
			if o := q.play(s); !o.lost {
				look(q, o)
			}
		}
	}
}

func (s scene) request() string {
	method := s.method
	if method == "" {
		method = http.MethodGet
	}
	if s.upload == noUpload {
		return method
	}
	return method + " with " + s.upload.String()
}

// outcome is what came of a scene.
type outcome struct {
	scene
	result
	req    *http.Request
	up     *upload
	base   *stubBase
	answer []byte // the body as the caller got it
	after  error  // how its end was told; nil is io.EOF
	over   bool   // whether the context had ended when RoundTrip returned

	// mu guards changes, which the base notes too.
	mu      sync.Mutex
	changes []string // of the caller's request
}

// result is what RoundTrip returned, if it did.
type result struct {
	resp *http.Response
	err  error
	took time.Duration
	lost bool // it panicked or never returned, which is reported already
}

// from returns the attempt whose answer the caller got, or nil.
func (o *outcome) from() *attempt {
	if o.resp == nil {
		return nil
	}
	for _, a := range o.base.seen() {
		if fmt.Sprint(a.n) == o.resp.Header.Get(attemptHeader) {
			return a
		}
	}
	return nil
}

// newRequest is a request with something in each field that a caller may set.
func newRequest(ctx context.Context, method string) *http.Request {
	req := (&http.Request{
		Method: method,
		URL: &url.URL{Scheme: "https", Host: "api.example.com", Path: "/v1/things", RawQuery: "a=1&a=2",
			User: url.UserPassword("user", "word")},
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"X-Caller": {"one", "two"}, "Accept": {"application/json"}},
		Host:   "tenant.example.com",
	}).WithContext(ctx)
	return req
}

// play runs a scene through a fresh wrapper, as a good caller does: it reads the answer to its end and closes it.
func (p *probe) play(s scene) *outcome {
	ctx, cancel := p.context(s)
	req := newRequest(ctx, s.method)
	o := &outcome{scene: s, req: req, up: attach(req, s.upload), base: newBase(s.answers...)}
	before := stateOf(req)
	told := map[string]bool{} // guarded by o.mu
	changed := func(when string) {
		changes := before.changes(stateOf(req))
		o.mu.Lock()
		defer o.mu.Unlock()
		for _, c := range changes {
			if !told[c] {
				o.changes = append(o.changes, when+" "+c)
			}
			told[c] = true
		}
	}
	o.base.before = func() { changed("while the base ran:") }

	if s.cancel > 0 {
		time.AfterFunc(s.cancel, cancel)
	}
	o.result = p.call(p.wrapped(o.base), req)
	o.over = ctx.Err() != nil
	changed("when RoundTrip had returned:")
	if o.lost {
		return o
	}
	o.answer, o.after = p.consume(o.resp)
	p.settle()
	changed("when the answer was closed:")
	return o
}

// context makes the context for a scene. It is not cancelled after the call, see rule.check, and so has to be a bubble's.
func (p *probe) context(s scene) (context.Context, context.CancelFunc) {
	deadline := s.deadline
	if deadline == 0 {
		deadline = lifetime
	}
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	if s.cancel < 0 {
		cancel()
	}
	return ctx, cancel
}

// lasting is the context of a call that is about neither cancellation nor deadlines.
func (p *probe) lasting() context.Context {
	ctx, _ := p.context(scene{})
	return ctx
}

// call is rt.RoundTrip(req), with panics and endless waits reported.
func (p *probe) call(rt http.RoundTripper, req *http.Request) result {
	returned := make(chan result, 1)
	start := time.Now()
	go func() {
		r := result{lost: true} // stays so if RoundTrip panics or ends the goroutine
		defer func() {
			if v := recover(); v != nil {
				p.panicked("", v)
			}
			r.took = time.Since(start)
			returned <- r
		}()
		resp, err := rt.RoundTrip(req)
		r = result{resp: resp, err: err}
	}()
	select {
	case r := <-returned:
		return r
	case <-time.After(hangAfter):
		p.errorf("RoundTrip has not returned %v after its context's end", hangAfter-lifetime)
		return result{lost: true}
	}
}

// consume reads what is left of resp's body, closes it, and tells how it ended.
func (p *probe) consume(resp *http.Response) ([]byte, error) {
	if resp == nil || resp.Body == nil {
		return nil, nil
	}
	var content []byte
	var err error
	done := p.within(hangAfter, "reading the answer to its end", func() {
		content, err = io.ReadAll(resp.Body)
	})
	if !done {
		return nil, errors.New("never")
	}
	p.within(hangAfter, "closing the answer", func() { resp.Body.Close() })
	return content, err
}

// within runs f and reports, if it takes longer than d in the bubble's time, what could not be done. Then f still runs, and
// what it writes must not be read.
func (p *probe) within(d time.Duration, what string, f func()) bool {
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			if v := recover(); v != nil {
				p.panicked(" when "+what, v)
			}
		}()
		f()
	}()
	select {
	case <-done:
		return true
	case <-time.After(d):
		p.errorf("%s took longer than %v", what, d)
		return false
	}
}

// state is all that there is to see of a request, by field.
type state map[string]fieldState

type fieldState struct {
	identity any // of a pointer, map, channel, func, or of what is in an interface
	value    any // a deep copy
}

// stateOf takes a picture of req. It goes through the fields by reflection, so that those of later Go versions are included.
func stateOf(req *http.Request) state {
	s := state{"context": {identity: req.Context()}}
	v := reflect.ValueOf(req).Elem()
	for i := range v.NumField() {
		if f := v.Type().Field(i); f.IsExported() {
			s[f.Name] = fieldOf(v.Field(i))
		}
	}
	return s
}

func fieldOf(v reflect.Value) fieldState {
	var f fieldState
	switch v.Kind() {
	case reflect.Map, reflect.Pointer, reflect.Chan, reflect.Func:
		f.identity = v.Pointer()
	case reflect.Interface:
		return fieldState{identity: v.Interface()}
	}
	switch x := v.Interface().(type) {
	case http.Header:
		f.value = x.Clone()
	case url.Values:
		f.value = url.Values(http.Header(x).Clone())
	case *url.URL:
		if x != nil {
			f.value = *x // Userinfo cannot be changed
		}
	case []string:
		f.value = slices.Clone(x)
	default:
		if f.identity == nil {
			f.value = x
		}
	}
	return f
}

// changes lists what is different in now.
func (s state) changes(now state) []string {
	var all []string
	for name, was := range s {
		is := now[name]
		switch {
		case !reflect.DeepEqual(was.value, is.value):
			all = append(all, fmt.Sprintf("%s was %v, is %v", name, was.value, is.value))
		case was.identity != is.identity:
			all = append(all, name+" was replaced")
		}
	}
	slices.Sort(all)
	return all
}
