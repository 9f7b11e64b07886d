package otelsteady

import (
	"context"
	"errors"
	"net/http"

	"github.com/steadyhttp/steadyhttp"
)

// recordOf is what the wrappers have on record about a call with ctx, whose
// answer came for with; nil if there was none, or a fake does not say.
func recordOf(ctx context.Context, with *http.Request) steadyhttp.Call {
	if with != nil {
		if c, ok := steadyhttp.FromContext(with.Context()); ok {
			return c
		}
	}
	c, _ := steadyhttp.FromContext(ctx)
	return c
}

// verdictOn is the verdict on resp, nil for a success: the one on record if it
// is about such an answer, else what status and headers tell. The body is not
// ours to read.
func verdictOn(resp *http.Response, record steadyhttp.Call) *steadyhttp.Error {
	if e := record.Error; e != nil && e.Status == resp.StatusCode {
		return e
	}
	if resp.StatusCode < 400 {
		return nil
	}
	bare := *resp
	bare.Body = http.NoBody
	return asError(steadyhttp.Check(&bare, nil))
}

// verdictOnError is the verdict on err, with which a request with ctx failed.
func verdictOnError(ctx context.Context, err error, record steadyhttp.Call) *steadyhttp.Error {
	if e := record.Error; e != nil && e.Err != nil && errors.Is(err, e.Err) {
		return e
	}
	e := asError(steadyhttp.Check(nil, err))
	if ctx.Err() == nil {
		return e
	}
	// A base says that the context ended; why, only the context knows. Retrier's
	// AttemptTimeout ends it so.
	if cause := asError(steadyhttp.Check(nil, context.Cause(ctx))); cause.Class == steadyhttp.Timeout {
		return cause
	}
	if e.Class == steadyhttp.Unknown {
		return asError(steadyhttp.Check(nil, ctx.Err()))
	}
	return e
}

func asError(err error) *steadyhttp.Error {
	var e *steadyhttp.Error
	errors.As(err, &e)
	return e
}

// classOf is the name of e's class, "" for nil: the error.type.
func classOf(e *steadyhttp.Error) string {
	if e == nil {
		return ""
	}
	return e.Class.String()
}
