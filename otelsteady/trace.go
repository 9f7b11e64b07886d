package otelsteady

import (
	"context"
	"net/http"

	"github.com/steadyhttp/steadyhttp"
	"github.com/steadyhttp/steadyhttp/limit"
)

// Trace returns what a steadyhttp.Transport between Calls and Attempts is to have as its
// Trace. By it the spans of calls have their waits, as events, and what the call went
// through, and the spans of both have the class that the Classifier found. It knows the
// call by its context, and needs nothing of its own: one will do for any number of
// Transports.
func Trace() *steadyhttp.Trace {
	return &steadyhttp.Trace{
		AttemptDone: func(ctx context.Context, _ limit.Key, resp *http.Response, e *steadyhttp.Error) {
			status := 0
			if resp != nil {
				status = resp.StatusCode
			}
			if c := callFrom(ctx); c != nil {
				c.judged(status, e)
			}
		},
		WaitDone: func(ctx context.Context, w limit.Wait) {
			if c := callFrom(ctx); c != nil {
				c.waited(w)
			}
		},
		CallDone: func(ctx context.Context, told steadyhttp.Call) {
			if c := callFrom(ctx); c != nil {
				c.done(told)
			}
		},
	}
}
