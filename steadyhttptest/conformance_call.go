package steadyhttptest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// callRules are about a RoundTripper as a whole.
var callRules = []rule{{
	name: "call-concurrent",
	explanation: "A RoundTripper must be safe for concurrent use by multiple goroutines, and each call gets its own " +
		"answer. Run with -race to catch all of it.",
	run: callConcurrent,
}, {
	name: "call-panic",
	explanation: "A panic of the base reaches the caller, who may be a server's handler that was told to abort, and " +
		"leaves no lock held and no slot taken: the next call works.",
	run: callPanic,
}, {
	name: "call-idle-connections",
	explanation: "http.Client.CloseIdleConnections asks its Transport for a method of that name and does nothing if " +
		"there is none, so a wrapper needs one that passes the call on to a base that has it.",
	run: callIdleConnections,
}}

// callers is enough for the race detector to see two of them meet, and few enough to be quick with it.
const callers = 50

// callHeader tells the calls of callConcurrent apart.
const callHeader = "X-Call"

func callConcurrent(p *probe) {
	var mu sync.Mutex
	attempts := map[string][]*attempt{} // guarded by mu
	base := newBase(func(a *attempt) (*http.Response, error) {
		a.receive()
		id := a.header.Get(callHeader)
		mu.Lock()
		attempts[id] = append(attempts[id], a)
		n := len(attempts[id])
		mu.Unlock()

		time.Sleep(time.Duration(len(id)) * time.Millisecond) // some overlap
		number, _ := strconv.Atoi(id)
		code := 200
		switch first := n == 1; {
		case number%7 == 1:
			code = 404
		case number%7 == 2 && first:
			code = 503
		case number%7 == 3 && first:
			code = 429
		case number%7 == 4:
			return nil, errOdd
		case number%7 == 5:
			return nil, a.block()
		}
		resp := a.reply(code, fmt.Appendf(nil, "%s:%d:%s", id, a.n, a.sent))
		resp.Header.Set(callHeader, id)
		return resp, nil
	})
	rt := p.wrapped(base)

	var all sync.WaitGroup
	for i := range callers {
		all.Go(func() {
			id := strconv.Itoa(i)
			p := p.in("call %s of %d", id, callers)
			ctx, cancel := p.context(scene{})
			if i%7 == 5 {
				time.AfterFunc(time.Duration(i)*time.Millisecond, cancel)
			}
			req := newRequest(ctx, []string{http.MethodGet, http.MethodPut, http.MethodPost}[i%3])
			req.Header.Set(callHeader, id)
			var sent []byte
			if req.Method != http.MethodGet {
				sent = attach(req, []uploadKind{withGetBody, withoutCopy}[i%2]).data
			}
			r := p.call(rt, req)
			content, err := p.consume(r.resp)
			mu.Lock()
			mine := attempts[id]
			mu.Unlock()
			switch {
			case r.lost:
			case r.resp != nil && (r.resp.Header.Get(callHeader) != id || err != nil):
				p.errorf("got the answer to call %q (%v)", r.resp.Header.Get(callHeader), err)
			case r.resp != nil:
				want := fmt.Appendf(nil, "%s:%s:%s", id, r.resp.Header.Get(attemptHeader), sent)
				if d := difference(content, want); d != "" {
					p.errorf("the answer has %s", d)
				}
			case r.err == nil:
				p.oneOf(r)
			case i%7 == 4 && !errors.Is(r.err, errOdd) && len(mine) > 0:
				p.errorf("got the error %v, want %v", r.err, errOdd)
			case i%7 == 5 && !errors.Is(r.err, context.Canceled):
				p.errorf("got the error %v, want context.Canceled", r.err)
			case len(mine) > 0 && i%7 != 4 && i%7 != 5:
				// A wrapper that never let the call through, such as a circuit breaker, may say so with an error.
				p.errorf("got the error %v, but the base had answered", r.err)
			}
		})
	}
	all.Wait()
	p.settle()
	p.allClosed(base)
}

// panics is how often the base panics: more often than most wrappers would have slots for calls at once.
const panics = 100

func callPanic(p *probe) {
	for _, kind := range []uploadKind{noUpload, withGetBody} {
		p := p.in("PUT with %s to a base that panicked", kind)
		times := 0
		base := newBase(func(a *attempt) (*http.Response, error) {
			a.receive()
			if times++; times <= panics {
				panic(http.ErrAbortHandler)
			}
			return a.reply(200, errorContent(a.n, 100)), nil
		})
		rt := p.wrapped(base)
		request := func() *http.Request {
			req := newRequest(p.lasting(), http.MethodPut)
			attach(req, kind)
			return req
		}
		for range panics {
			var v any
			var err error
			if !p.within(hangAfter, "a call to a base that panics", func() { v, err = panicOf(rt, request()) }) {
				return
			}
			if v == nil {
				p.errorf("RoundTrip returned with the error %v, want the base's panic", err)
				return
			}
			if v != http.ErrAbortHandler {
				p.errorf("the caller got a panic with %v, want the base's own value", v)
				return
			}
		}
		r := p.call(rt, request())
		switch {
		case r.lost:
		case r.resp == nil:
			p.errorf("the call after the panics got the error %v", r.err)
		case r.took > lifetime/2:
			p.errorf("the call after the panics took %v", r.took)
		}
		p.consume(r.resp)
	}
}

// panicOf returns the value with which RoundTrip panics, or the error with which it returned instead.
func panicOf(rt http.RoundTripper, req *http.Request) (v any, err error) {
	defer func() { v = recover() }()
	resp, err := rt.RoundTrip(req)
	if resp != nil && resp.Body != nil {
		resp.Body.Close()
	}
	return nil, err
}

func callIdleConnections(p *probe) {
	stub := newBase(status(200))
	base := &idlingBase{stub}
	rt := p.wrapped(base)
	p.idle(rt, "with a base that has the method")
	if n := stub.idleCalls(); n == 0 {
		p.errorf("CloseIdleConnections did not reach the base, whatever %T did", rt)
	}
	p.idle(p.wrapped(newBase(status(200))), "with a base that has not the method")
}

// idle does what http.Client does.
func (p *probe) idle(rt http.RoundTripper, what string) {
	p = p.in("%s", what)
	client := &http.Client{Transport: rt}
	p.within(atOnce, "CloseIdleConnections", client.CloseIdleConnections)
}
