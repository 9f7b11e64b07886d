package otelsteady

import (
	"context"
	"errors"
	"net/http"

	"github.com/steadyhttp/steadyhttp"
)

// verdictOn is the verdict on resp as far as status and headers tell, nil for a success.
// The body is not ours to read.
func verdictOn(resp *http.Response) *steadyhttp.Error {
	if resp.StatusCode < 400 {
		return nil
	}
	bare := *resp
	bare.Body = http.NoBody
	return asError(steadyhttp.Check(&bare, nil))
}

// verdictOnError is the verdict on err, with which a request with ctx failed.
func verdictOnError(ctx context.Context, err error) *steadyhttp.Error {
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
