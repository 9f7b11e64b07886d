package steadyhttp

import (
	"context"
	"net/http"

	"github.com/steadyhttp/steadyhttp/limit"
)

// The priorities in which requests wait in a Throttler; see limit.Priority.
const (
	Batch  = limit.Batch  // what nobody waits for
	Normal = limit.Normal // all that says nothing
	Urgent = limit.Urgent // what a person waits for
)

// priorityKey is the key of the context's value.
type priorityKey struct{}

// WithPriority returns a context whose requests wait in a Throttler with p: Urgent goes
// before Normal, and Normal before Batch. It wins over Throttler.Priority.
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

// priorityOf is what the context of req says, limit.Normal if it says nothing.
func priorityOf(req *http.Request) limit.Priority {
	p, _ := req.Context().Value(priorityKey{}).(limit.Priority)
	return p
}
