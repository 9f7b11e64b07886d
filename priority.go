package steadyhttp

import (
	"context"
	"net/http"

	"github.com/steadyhttp/steadyhttp/limit"
)

// priorityKey is the key of the context's value.
type priorityKey struct{}

// WithPriority returns a context whose requests wait in a Throttler in that class:
// limit.Urgent goes before limit.Normal, and that before limit.Batch. It wins over
// Throttler.Priority.
func WithPriority(ctx context.Context, p limit.Priority) context.Context {
	return context.WithValue(ctx, priorityKey{}, p)
}

// priority is the class in which req waits.
func (t *Throttler) priority(req *http.Request) limit.Priority {
	if p, ok := req.Context().Value(priorityKey{}).(limit.Priority); ok {
		return p
	}
	if t.Priority != nil {
		return t.Priority(req)
	}
	return limit.Normal
}
