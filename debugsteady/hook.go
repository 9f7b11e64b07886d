package debugsteady

import (
	"context"
	"net/http"

	"github.com/steadyhttp/steadyhttp"
	"github.com/steadyhttp/steadyhttp/internal/callkey"
	"github.com/steadyhttp/steadyhttp/limit"
)

// attach has r see what t does. The Trace that t had is told as well.
func (r *recorder) attach(t *steadyhttp.Transport) {
	before := t.Trace
	if before == nil {
		before = new(steadyhttp.Trace)
	}
	hosts := hostsOf(t.Throttler)
	t.Trace = &steadyhttp.Trace{
		AttemptStart: func(ctx context.Context, req *http.Request) {
			host, keyless := hosts(req)
			r.attemptStart(callkey.Of(ctx), host, keyless)
			if before.AttemptStart != nil {
				before.AttemptStart(ctx, req)
			}
		},
		AttemptDone: func(ctx context.Context, key limit.Key, resp *http.Response, e *steadyhttp.Error) {
			r.attemptDone(callkey.Of(ctx), key, e)
			if before.AttemptDone != nil {
				before.AttemptDone(ctx, key, resp, e)
			}
		},
		WaitStart: func(ctx context.Context, w limit.Wait) {
			r.waits(w.Key, w.Retry, 1)
			if before.WaitStart != nil {
				before.WaitStart(ctx, w)
			}
		},
		WaitDone: func(ctx context.Context, w limit.Wait) {
			r.waits(w.Key, w.Retry, -1)
			if before.WaitDone != nil {
				before.WaitDone(ctx, w)
			}
		},
		Target: func(ctx context.Context, name string) {
			r.target(callkey.Of(ctx), name)
			if before.Target != nil {
				before.Target(ctx, name)
			}
		},
		CallDone: func(ctx context.Context, c steadyhttp.Call) {
			r.callDone(callkey.Of(ctx), &c)
			if before.CallDone != nil {
				before.CallDone(ctx, c)
			}
		},
	}
}

// hostsOf returns what tells the host of a request as the Keys of throttler have it,
// and whether it gives none.
func hostsOf(throttler *steadyhttp.Throttler) func(req *http.Request) (host string, keyless bool) {
	return func(req *http.Request) (string, bool) {
		switch {
		case throttler != nil && throttler.Disabled:
			return urlHost(req), true
		case throttler != nil && throttler.Key != nil:
			return throttler.Key(req), false
		}
		return urlHost(req), false
	}
}

func urlHost(req *http.Request) string {
	if req.URL == nil {
		return ""
	}
	return req.URL.Host
}
