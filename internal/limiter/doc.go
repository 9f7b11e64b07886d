// Package limiter keeps limits, pauses, gates and queues in the memory of one
// process. It is the limit.Limiter that a steadyhttp.Throttler makes for itself.
//
// Read memory.go first: a request enters there, is let go or queued (queue.go;
// patience.go says for how long), and is settled (permit.go). key.go is what is
// known of one limit.Key: the limits that the user set (told.go) and those that
// responses state (stated.go), the limit that refusals point to (package finder),
// its gate (gate.go) and the pace after it (ramp.go). host.go and keys.go have the
// Keys of a host. meter.go measures its load, load.go counts by unit, and open.go is
// the shortcut for hosts that hold nobody back.
//
// The constants that have a capital are also those of the module redissteady,
// which keeps the same things in Redis.
package limiter
