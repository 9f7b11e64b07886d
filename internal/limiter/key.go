package limiter

import (
	"slices"
	"sync/atomic"
	"time"

	"github.com/steadyhttp/steadyhttp/internal/monotime"
	"github.com/steadyhttp/steadyhttp/limit"
)

const (
	// The first requests to a host that has not answered yet go eight at once,
	// and twice as many by each tenth of a second: a crowd of 64 is on its way in
	// three tenths, one of a thousand in seven, and a limit that the first answer
	// states is not overrun by then, if that answer comes soon.
	ColdBurst  = 8
	ColdDouble = 100 * time.Millisecond
)

// A keyState is what is known of one limit.Key. The lock of its shard guards it.
type keyState struct {
	// open says of a host's state that it holds nobody back (see open.go). It is
	// read with every request, without the lock.
	open atomic.Bool

	key     limit.Key
	gate    *gate    // nil is open
	rate    *rate    // nil is any
	buckets []bucket // limits, the user's own first
	sent    load     // all in all
	meter   meter

	inUse, max int32 // requests under way; the limit of them, 0 is none
	limited    bool  // the user's limits are among the buckets
	users      int32 // permits and waiters that hold on to it
	waiting    int32

	narrower int32 // of a host's state: how many narrower keys of the same host there are

	failures     int32            // of the host, in a row
	failingSince monotime.Instant // when the first of them came

	cold         monotime.Instant // when the first request went out, until one was answered
	answered     bool             // one was
	statedScopes uint8            // of a host's state: the scopes for which responses stated limits, a bit each

	// What the walk of that number along the queue found: those before.
	pass  uint64
	ahead *load // nil if nobody ever waited

	newer, older *keyState // in the order of use
}

// set gives a key the user's limits.
func (k *keyState) set(limits *limit.Limits, t monotime.Instant) {
	burst := func(perSecond float64) float64 {
		if limits.Burst > 0 {
			return float64(limits.Burst)
		}
		return float64(int64(perSecond)) // whole ones: what is left of the second is a reserve
	}
	add := func(u unit, limit float64, window time.Duration, size float64) {
		if limit > 0 {
			k.buckets = append(k.buckets, setBucket(u, limit, window, size, t))
		}
	}
	stated := k.buckets
	k.buckets = nil
	defer func() { k.buckets = slices.Clip(append(k.buckets, stated...)) }() // kept for long, so no larger than it must be
	k.limited = true
	add(requests, limits.RequestsPerSecond, time.Second, burst(limits.RequestsPerSecond))
	add(requests, limits.RequestsPerMinute, time.Minute, burst(limits.RequestsPerMinute/60))
	// A day's requests may go when they are needed: the other limits spread them.
	add(requests, limits.RequestsPerDay, 24*time.Hour, limits.RequestsPerDay)
	second := func(perMinute float64) float64 { return (1 - ReserveShare) * perMinute / 60 }
	add(tokens, limits.TokensPerMinute, time.Minute, second(limits.TokensPerMinute))
	add(inputTokens, limits.InputTokensPerMinute, time.Minute, second(limits.InputTokensPerMinute))
	add(outputTokens, limits.OutputTokensPerMinute, time.Minute, second(limits.OutputTokensPerMinute))
	k.max = int32(min(max(limits.MaxConcurrent, 0), 1<<30))
}

// refill brings all buckets up to t.
func (k *keyState) refill(t monotime.Instant) {
	stale := false
	for i := range k.buckets {
		b := &k.buckets[i]
		if b.at != t {
			b.refill(t)
		}
		stale = stale || b.stale(t)
	}
	if stale {
		k.buckets = slices.DeleteFunc(k.buckets, func(b bucket) bool { return b.stale(t) })
	}
	if k.rate != nil && k.rate.over(t) {
		k.rate = nil
	}
}

// next returns when a request can pass that takes n, if those that wait before
// it pass first; sure is false where it may be sooner or depends on others. why
// says what holds it back.
func (k *keyState) next(t monotime.Instant, n *load, pass uint64) (at monotime.Instant, sure bool, why string) {
	var ahead load
	if k.pass == pass && k.ahead != nil {
		ahead = *k.ahead
	}
	at, sure = t, true
	if k.gate != nil || k.rate != nil || k.cold != 0 && !k.answered || k.max > 0 {
		at, sure, why = k.nextBeside(t, &ahead)
	}
	for i := range k.buckets {
		b := &k.buckets[i]
		if then := b.next(t, n[b.unit], ahead[b.unit]); then > at {
			at, sure, why = then, true, b.why()
		}
	}
	return at, sure, why
}

// nextBeside is next for what holds requests back beside the limits by time.
func (k *keyState) nextBeside(t monotime.Instant, ahead *load) (at monotime.Instant, sure bool, why string) {
	at, sure = t, true
	later := func(then monotime.Instant, isSure bool, because string) {
		if then > at {
			at, sure, why = then, isSure, because
		}
	}
	if k.gate != nil {
		then, isSure := k.gate.next(t)
		if then <= t && ahead[requests] > 0 {
			then, isSure = t.Add(ProbeTime), false // somebody before it is the probe
		}
		later(then, isSure, k.gate.why())
	}
	if k.cold != 0 && !k.answered {
		allowed, then := ColdBurst, k.cold
		for ; float64(k.inUse)+ahead[requests] >= float64(allowed); allowed *= 2 {
			then = then.Add(ColdDouble)
		}
		later(then, false, "the host has not answered yet")
	}
	if k.rate != nil {
		later(k.rate.after(t, ahead[requests]), ahead[requests] == 0, "the adaptive rate limit")
	}
	if k.max > 0 && float64(k.inUse)+ahead[requests] >= float64(k.max) {
		later(monotime.Never, false, "the limit of concurrent requests")
	}
	return at, sure, why
}

// take counts a request that goes now, and reports whether it is a probe.
func (k *keyState) take(t monotime.Instant, n *load) (probe bool) {
	for i := range k.buckets {
		b := &k.buckets[i]
		b.level -= n[b.unit]
	}
	for u := range n {
		k.sent[u] += n[u]
	}
	k.meter.count(t)
	k.inUse++
	if k.rate != nil {
		k.rate.take(t)
	}
	if !k.answered && (k.cold == 0 || k.inUse == 1) {
		k.cold = t
	}
	if k.gate == nil {
		return false
	}
	if k.gate.probe = t; k.gate.paced {
		k.gate = nil
	}
	return true
}

// untake is take undone.
func (k *keyState) untake(n *load) {
	for i := range k.buckets {
		b := &k.buckets[i]
		b.level = min(b.size, b.level+n[b.unit])
	}
	for u := range n {
		k.sent[u] -= n[u]
	}
	k.meter.uncount()
	k.inUse--
	k.users--
}

// settle ends what take began.
func (k *keyState) settle(t monotime.Instant, cost *load, o *limit.Outcome) {
	k.inUse--
	k.users--
	var back load // of the tokens
	switch {
	case o.Refund:
		back = *cost
	case o.UsageKnown:
		back = *cost
		for u, used := range loadOf(o.Used) {
			back[u] -= used
		}
	default:
		return
	}
	for i := range k.buckets {
		b := &k.buckets[i]
		// What a server counts, it says itself, and it does not give back what it
		// reserved by the same rule.
		if b.unit != requests && b.stated == nil {
			b.refill(t)
			b.level = min(b.size, b.level+back[b.unit])
		}
	}
}
