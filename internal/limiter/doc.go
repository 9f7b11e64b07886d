// Package limiter keeps limits, pauses, gates and queues in the memory of one
// process. It is the limit.Limiter that a steadyhttp.Throttler makes for itself.
//
// Read memory.go first: a request enters there, is let go or queued (queue.go),
// and is settled. key.go is what is known of one limit.Key: its buckets
// (bucket.go, stated.go), the rate that its refusals point to (rate.go) and its
// gate (gate.go). open.go is the shortcut for hosts that hold nobody back.
//
// The constants that have a capital are also those of the module redissteady,
// which keeps the same things in Redis.
package limiter
