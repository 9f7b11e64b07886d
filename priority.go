package steadyhttp

import (
	"context"
	"net/http"

	"github.com/steadyhttp/steadyhttp/limit"
)

// The priorities with which requests wait in a Throttler, the lowest first. See
// [WithPriority].
const (
	Batch  = limit.Batch  // work that nobody waits for
	Normal = limit.Normal // requests that say nothing else
	Urgent = limit.Urgent // requests that a person waits for
)

// priorityKey is the key of the context's value.
type priorityKey struct{}

// WithPriority returns a context whose requests wait in a Throttler with priority p:
// [Batch], [Normal] or [Urgent]. Of the requests that wait for the same limit, Urgent
// ones go first, then Normal ones, then those of a Batch; each priority gets at least a
// twentieth of what passes. Without WithPriority and Throttler.Priority a request is
// Normal. WithPriority wins over Throttler.Priority.
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
