package steadyhttptest

import (
	"context"
	"errors"
	"net/http"
	"time"
)

// errorRules are about errors of the base.
var errorRules = []rule{{
	name: "error-identity",
	explanation: "An error of the base comes up as the very value: callers compare it, and url.Error.Timeout, among " +
		"others, asserts on it without unwrapping. What a wrapper has to add, it can tell by other means.",
	run: everyScene(func(p *probe, o *outcome) {
		if o.fails == nil || o.err == o.fails || o.resp != nil {
			return // not about errors, or right, or no error at all, of which answer-or-error complains
		}
		if errors.Is(o.err, o.fails) {
			p.errorf("the error came up wrapped in a %T: %v", o.err, o.err)
		} else {
			p.errorf("the error came up as %v, want %v", o.err, o.fails)
		}
	}),
}, {
	name: "error-timeout",
	explanation: "http.Client answers Timeout by asserting on the error that RoundTrip returned, without unwrapping " +
		"it. A timeout that comes up wrapped is no timeout to its callers.",
	run: errorTimeout,
}}

// waitRules are about the end of waits. They hold for waits of the wrapper's own as for those of its base.
var waitRules = []rule{{
	name: "wait-cancel",
	explanation: "A cancelled call is over at once, wherever it is: in the base, or in a wait between two attempts. " +
		"Its error is context.Canceled for errors.Is, unless there is something better to return.",
	run: waitCancel,
}, {
	name: "wait-deadline",
	explanation: "No wait outlasts the context's deadline. If there is an answer when the deadline comes, it is better " +
		"than an error, and if the wait would be too long anyway it can be returned at once; if not, the " +
		"error says that it is a timeout.",
	run: waitDeadline,
}, {
	name: "wait-cancel-channel",
	explanation: "Closing Request.Cancel cancels the call. It is deprecated, but http.Client.Timeout still works by it " +
		"over any RoundTripper but net/http's own.",
	run: waitCancelChannel,
}}

// timeoutError is a timeout of a type that no wrapper knows, as a dialer may have one.
type timeoutError struct{}

func (*timeoutError) Error() string   { return "stub base: no answer in time" }
func (*timeoutError) Timeout() bool   { return true }
func (*timeoutError) Temporary() bool { return true }

// isTimeout asks as url.Error.Timeout does.
func isTimeout(err error) bool {
	t, ok := err.(interface{ Timeout() bool })
	return ok && t.Timeout()
}

func errorTimeout(p *probe) {
	for _, kind := range []uploadKind{noUpload, withGetBody, withoutCopy} {
		p := p.in("a base that times out for ever, PUT with %s", kind)
		req := newRequest(p.lasting(), http.MethodPut)
		attach(req, kind)
		r := p.call(p.wrapped(newBase(fails(&timeoutError{}))), req)
		p.consume(r.resp)
		if !r.lost && !isTimeout(r.err) {
			p.errorf("the error is a %T without a true Timeout(): %v", r.err, r.err)
		}
	}
	p = p.in("a base that is busy at the deadline")
	ctx, _ := p.context(scene{deadline: time.Second})
	r := p.call(p.wrapped(newBase(hangs)), newRequest(ctx, http.MethodGet))
	p.consume(r.resp)
	if !r.lost && (!isTimeout(r.err) || !errors.Is(r.err, context.DeadlineExceeded)) {
		p.errorf("the error is a %T that is not context.DeadlineExceeded or lacks a true Timeout(): %v", r.err, r.err)
	}
}

// waits are bases after which a wrapper may want to wait, and one that waits itself.
var waits = []struct {
	name    string
	answers []answer
	err     error
}{
	{"the base is busy", []answer{hangs}, nil},
	{"after 503", []answer{status(503)}, nil},
	{"after 503 with Retry-After: 20", []answer{statusWith(503, retryAfter(20))}, nil},
	{"after 429 with Retry-After: 30", []answer{statusWith(429, retryAfter(30))}, nil},
	{"after an error", []answer{fails(errReset)}, errReset},
	{"after an error, the base is busy", []answer{fails(errReset), hangs}, errReset},
}

func waitCancel(p *probe) {
	for _, kind := range []uploadKind{noUpload, withGetBody, withoutCopy} {
		p := p.in("cancelled beforehand, PUT with %s", kind)
		ctx, _ := p.context(scene{cancel: -1})
		req := newRequest(ctx, http.MethodPut)
		attach(req, kind)
		p.endsWith(p.call(p.wrapped(newBase(status(200))), req), 0, context.Canceled, nil)
	}
	for _, w := range waits {
		for _, kind := range []uploadKind{noUpload, withGetBody} {
			// Short waits and long ones: a wrapper may make one of a few milliseconds, or of half a minute.
			for _, after := range []time.Duration{30 * time.Millisecond, 300 * time.Millisecond, 3 * time.Second} {
				p := p.in("cancelled after %v, %s, PUT with %s", after, w.name, kind)
				ctx, cancel := p.context(scene{})
				time.AfterFunc(after, cancel)
				req := newRequest(ctx, http.MethodPut)
				attach(req, kind)
				p.endsWith(p.call(p.wrapped(newBase(w.answers...)), req), after, context.Canceled, w.err)
			}
		}
	}
}

// endsWith checks that a call that was ended after d returned at once and, if it returned an error, one of those two.
func (p *probe) endsWith(r result, d time.Duration, want, also error) {
	defer p.consume(r.resp)
	if r.lost {
		return
	}
	if r.took > d+atOnce {
		p.errorf("RoundTrip returned %v later, want at once", r.took-d)
	}
	if r.resp == nil && !errors.Is(r.err, want) && (also == nil || !errors.Is(r.err, also)) {
		p.errorf("RoundTrip returned the error %v (a %T), want one that is %v", r.err, r.err, want)
	}
}

func waitDeadline(p *probe) {
	for _, w := range waits {
		for _, deadline := range []time.Duration{400 * time.Millisecond, 4 * time.Second} {
			p := p.in("%v to go, %s", deadline, w.name)
			ctx, _ := p.context(scene{deadline: deadline})
			r := p.call(p.wrapped(newBase(w.answers...)), newRequest(ctx, http.MethodGet))
			p.consume(r.resp)
			if r.lost {
				continue
			}
			if r.took > deadline {
				p.errorf("RoundTrip returned %v after the deadline", r.took-deadline)
			}
			answered := w.err == nil && w.name != waits[0].name
			switch {
			case r.resp != nil || w.err != nil && errors.Is(r.err, w.err):
			case answered:
				p.notef("the base had answered, RoundTrip returned the error %v after %v", r.err, r.took)
			case !errors.Is(r.err, context.DeadlineExceeded):
				p.errorf("RoundTrip returned the error %v (a %T), want one that is %v", r.err, r.err,
					context.DeadlineExceeded)
			}
		}
	}
}

func waitCancelChannel(p *probe) {
	for _, w := range waits {
		const after = 300 * time.Millisecond
		p := p.in("Request.Cancel closed after %v, %s", after, w.name)
		req := newRequest(p.lasting(), http.MethodGet)
		cancel := make(chan struct{})
		req.Cancel = cancel //lint:ignore SA1019 http.Client itself sets it
		start := time.Now()
		time.AfterFunc(after, func() { close(cancel) })
		base := newBase(w.answers...)
		r := p.call(p.wrapped(base), req)
		p.consume(r.resp)
		p.settle()
		if r.lost {
			continue
		}
		// An attempt that begins afterwards hears of it before it is busy.
		for _, a := range base.seen() {
			if a.blocked && a.left.Sub(start) > after+atOnce {
				p.errorf("attempt %d did not hear of it and was busy for %v", a.n, a.left.Sub(start))
			}
		}
		if r.took > after+atOnce {
			p.notef("RoundTrip returned %v later: the wrapper does not look at Request.Cancel", r.took-after)
		}
	}
}
