package redissteady

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/steadyhttp/steadyhttp/internal/limiter"
	"github.com/steadyhttp/steadyhttp/limit"
)

// A local holds a process's share of the limits while Redis is away: in memory, where
// they mean the same.
//
// Evidence for what it begins with: what Redis said last, and how many processes were
// seen at the host. Scope: each Key as Redis had it, for this process alone. Escape: what
// responses say from then on, as in memory, and Redis itself once it is back.
type local struct {
	memory limiter.Memory
	share  func(host string) float64
	over   context.Context // ends when Redis is back
	day    map[limit.Key]float64
}

// A localPermit is what a request has of these.
type localPermit struct {
	of *local
	limit.Permit
}

// newLocal begins with what Redis said last.
func newLocal(over context.Context, share func(host string) float64, prefix string, known map[string]*scope) *local {
	c := &local{over: over, share: share, day: map[limit.Key]float64{}}
	c.memory.Spent = true // what the others still have of a limit is not known
	now := time.Now()
	for _, s := range known {
		part := share(hostName(prefix, s.key.Host))
		for _, b := range s.buckets {
			switch {
			case b.learned():
				c.memory.Seed(stated(s.key, units[b.unit()], b.limit()*part, seconds(b.window()), b.rate()*part))
			case b.window() >= oneDay.Seconds():
				c.day[s.key] = b.level(now.Sub(s.at)) * part
			}
		}
		if s.rate > 0 {
			c.memory.Seed(stated(s.key, "requests", 0, 0, s.rate*part))
		}
		if left := s.left - now.Sub(s.at); s.gate == limit.GateAsked && left > 0 {
			c.memory.Seed(limit.Observation{Key: s.key, Signal: limit.SignalRefused, Hold: left})
		}
	}
	return c
}

const oneDay = 24 * time.Hour

// stated is a limit of which nothing is left, as a response would state it. One below
// a single request is one in a longer time.
func stated(k limit.Key, unit string, most float64, window time.Duration, perSecond float64) limit.Observation {
	if window <= 0 {
		most, window = perSecond, time.Second
	}
	if 0 < most && most < 1 {
		most, window = 1, seconds(window.Seconds()/most)
	}
	return limit.Observation{Key: k, Unit: unit, Limit: int64(most), Window: window, Reset: window, Refills: true, MaxWait: limiter.MaxPause}
}

// limits is this process's share of what is set for k.
func (c *local) limits(set limit.Limits, k limit.Key, share float64) limit.Limits {
	day := set.RequestsPerDay * share
	if left, ok := c.day[k]; ok && day > 0 {
		day = max(left, 1) // so many are left of it for the time being
	}
	set.RequestsPerSecond *= share
	set.RequestsPerMinute *= share
	set.RequestsPerDay = day
	set.TokensPerMinute *= share
	set.InputTokensPerMinute *= share
	set.OutputTokensPerMinute *= share
	if set.Burst > 0 {
		set.Burst = max(int(float64(set.Burst)*share), 1)
	}
	if set.MaxConcurrent > 0 {
		set.MaxConcurrent = places(set.MaxConcurrent, share)
	}
	return set
}

// places is the share of most, and one at least.
func places(most int, share float64) int { return max(int(float64(most)*share), 1) }

// errAgain says that Redis is back: the request is to ask there.
var errAgain = errors.New("redissteady: ask again")

// asks is what t asks of this process's own limits.
func (c *local) asks(t *ticket) limit.Ask {
	a := t.ask
	a.Limits = c.limits(a.Limits, a.LimitsKey, c.share(t.keys[0]))
	if a.MaxWait > 0 {
		a.MaxWait = max(t.boundLeft(), 1)
	}
	if a.Waiting != nil {
		a.Waiting = t.tells
	}
	return a
}

// obtain waits until t may go by this process's own limits.
func (c *local) obtain(ctx context.Context, l *Limiter, t *ticket) error {
	l.queue(t)
	either, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(c.over, func() { cancel(errAgain) })()
	p, err := c.memory.Acquire(either, c.asks(t))
	t.waited += p.Waited
	t.gated, t.spared = t.gated || p.Gated, cmp.Or(t.spared, p.Spared)
	l.waits(t, cmp.Or(p.Why, t.why))
	if err != nil && context.Cause(either) == errAgain {
		return errAgain
	}
	if err == nil {
		t.local = &localPermit{c, p}
	}
	return err
}

// waits takes down what t waits for.
func (l *Limiter) waits(t *ticket, why string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t.why = why
}

// observe takes in an observation of t, in shares. Of a request that Redis let go it is
// what a response said, and to whom it was said does not matter any more.
func (c *local) observe(t *ticket, o limit.Observation) (held bool) {
	if share := c.share(t.keys[0]); o.Unit != "" && o.Limit > 0 {
		o.Limit, o.Remaining = max(int64(float64(o.Limit)*share), 1), int64(float64(o.Remaining)*share)
	}
	if t.local != nil && t.local.of == c {
		return c.memory.Observe(t.local.Permit, o)
	}
	c.memory.Seed(o)
	return o.Signal == limit.SignalRefused
}
