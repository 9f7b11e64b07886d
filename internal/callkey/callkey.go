// Package callkey is for packages of this module that tell the events of one call from
// those of others.
package callkey

import "context"

// A Key is the key of what the context of a call has for it alone: a Call.
type Key struct{}

// A Call is one call of a Transport that has a Trace. It can be compared.
type Call interface {
	Sent() int // how many attempts have gone out
}

// Of returns the Call whose context ctx is; nil if there is none.
func Of(ctx context.Context) Call {
	c, _ := ctx.Value(Key{}).(Call)
	return c
}
