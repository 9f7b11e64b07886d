// Package callkey is for packages of this module that tell the events of one call from
// those of others.
package callkey

import "context"

// A Key is the key of what the context of a call has for it alone. Its value is a
// pointer.
type Key struct{}

// Of returns what differs from call to call, nil where there is nothing.
func Of(ctx context.Context) any { return ctx.Value(Key{}) }
