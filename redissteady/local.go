package redissteady

import (
	"context"
	"errors"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/steadyhttp/steadyhttp/internal/limiter"
	"github.com/steadyhttp/steadyhttp/limit"
	"golang.org/x/sync/semaphore"
	"golang.org/x/time/rate"
)

const (
	// After so many failures in a row, or a refusal that states no time, nobody
	// under the key sends for a second.
	localFailures = limiter.MinFailures
	localHold     = time.Second
)

// A local holds a process's share of the limits while Redis is away. It is
// plainer than what Redis keeps: tokens that were not used are not given back,
// and a rate that nobody states is not looked for beyond what was known.
type local struct {
	share func(host string) float64
	over  context.Context // ends when Redis is back

	mu   sync.Mutex // guards what follows
	keys map[string]*localKey
}

// A localKey is the share of one scope.
type localKey struct {
	share    float64
	rates    []*localRate
	place    *semaphore.Weighted // nil if places are not limited
	hold     time.Time           // until when nobody may send
	limited  bool                // a limit wants that
	failures int                 // in a row
}

// A localRate is the share of one limit.
type localRate struct {
	bucket
	*rate.Limiter
}

// A localPermit is what a request has of these.
type localPermit struct{ place *semaphore.Weighted }

func (p *localPermit) end() {
	if p.place != nil {
		p.place.Release(1)
	}
}

// newLocal begins with what Redis said last.
func newLocal(over context.Context, share func(host string) float64, prefix string, known map[string]*scope) *local {
	c := &local{over: over, share: share, keys: map[string]*localKey{}}
	for of, s := range known {
		k := c.key(of, hostName(prefix, s.key.Host))
		for _, b := range s.buckets {
			k.add(b)
		}
		if s.rate > 0 {
			k.add(bucket{1, s.rate, 1, 0, s.rate, 1, 1})
		}
		if s.most > 0 {
			k.place = semaphore.NewWeighted(int64(places(s.most, k.share)))
		}
		if s.gate == limit.GateAsked {
			k.hold, k.limited = s.at.Add(s.left), true
		}
	}
	return c
}

// key returns the key of that name, a new one if there is none. It requires c.mu
// held, or c to be new.
func (c *local) key(of, host string) *localKey {
	k := c.keys[of]
	if k == nil {
		k = &localKey{share: c.share(host)}
		c.keys[of] = k
	}
	return k
}

// places is the share of most, and one at least.
func places(most int, share float64) int { return max(int(float64(most)*share), 1) }

// add adds the share of b, from an empty bucket: what the others still have of
// it is not known.
func (k *localKey) add(b bucket) {
	perSecond := b.rate()
	if perSecond <= 0 && b.window() > 0 {
		perSecond = b.limit() / b.window()
	}
	if perSecond <= 0 {
		return
	}
	size := max(int(b.size()*k.share), 1)
	r := &localRate{b, rate.NewLimiter(rate.Limit(perSecond*k.share), size)}
	r.AllowN(time.Now(), size)
	k.rates = append(k.rates, r)
}

// concern returns the keys that there are of those that t is under, its user's
// limits among them.
func (c *local) concern(t *ticket) (all []*localKey, place *semaphore.Weighted) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, of := range t.keys[:len(t.scopes)] {
		k := c.keys[of]
		if i+1 == t.limitsKey {
			if k == nil {
				k = c.key(of, t.keys[0])
				for _, s := range t.limits {
					k.add(bucket{float64(s.Unit), s.Limit, s.Window, 0, s.Limit / s.Window, s.Size, 0})
				}
			}
			if most := t.ask.Limits.MaxConcurrent; most > 0 && k.place == nil {
				k.place = semaphore.NewWeighted(int64(places(most, k.share)))
			}
			place = k.place
		}
		if k != nil {
			all = append(all, k)
		}
	}
	return all, place
}

// errAgain says that the caller has given up, or that Redis is back: see which.
var errAgain = errors.New("redissteady: ask again")

// obtain waits until t may go by this process's own limits.
func (c *local) obtain(ctx context.Context, l *Limiter, t *ticket) error {
	began := time.Now()
	keys, place := c.concern(t)
	if place != nil && !place.TryAcquire(1) {
		if t.full {
			return t.tooMany()
		}
		l.waits(t, "the limit of concurrent requests")
		if t.ask.MaxWait < 0 {
			return t.tooLong()
		}
		l.queue(t)
		either, cancel := context.WithCancel(ctx)
		if t.ask.MaxWait > 0 {
			either, cancel = context.WithTimeout(ctx, t.boundLeft())
		}
		stop := context.AfterFunc(c.over, cancel)
		err := place.Acquire(either, 1)
		stop()
		cancel()
		if err != nil {
			t.waited += time.Since(began)
			return errAgain
		}
	}
	err := c.pass(ctx, l, t, keys)
	if err != nil && place != nil {
		place.Release(1)
	}
	if err == nil {
		t.local = &localPermit{place}
	}
	if d := time.Since(began); d > time.Millisecond {
		t.waited += d
	}
	return err
}

// pass waits for the rates of keys and for what holds them.
func (c *local) pass(ctx context.Context, l *Limiter, t *ticket, keys []*localKey) error {
	now := time.Now()
	var taken []*rate.Reservation
	d := time.Duration(0)
	for _, r := range c.rates(t, keys) {
		for _, part := range r.reserve(now, int(t.cost[r.unit()])) {
			taken = append(taken, part)
			d = max(d, part.DelayFrom(now))
		}
	}
	undo := func() {
		for i := range taken {
			taken[len(taken)-1-i].Cancel()
		}
	}
	for at := now.Add(d); ; {
		var err error
		if at, err = c.held(ctx, t, keys, at); err != nil {
			undo()
			return err
		}
		d := time.Until(at)
		if d <= 0 {
			return nil
		}
		l.waits(t, "this process's share of the limits, as Redis does not answer")
		if t.full {
			undo()
			return t.tooMany()
		}
		if deadline, ok := ctx.Deadline(); ok && deadline.Before(at) {
			undo()
			return tooLate(t.why, d)
		}
		if d > t.boundLeft() {
			undo()
			return t.tooLong()
		}
		l.queue(t)
		timer := time.NewTimer(d)
		select {
		case <-timer.C:
			continue
		case <-t.wake: // it may have been for what Redis said last
		case <-c.over.Done():
		case <-ctx.Done():
		}
		timer.Stop()
		undo()
		return errAgain
	}
}

// rates returns those of keys that t keeps to.
func (c *local) rates(t *ticket, keys []*localKey) (all []*localRate) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, k := range keys {
		for _, r := range k.rates {
			if t.ask.Inference == limit.Act || !r.learned() {
				all = append(all, r)
			}
		}
	}
	return all
}

// held is at, or when what holds keys ends if that is later. A request that has
// waited for that long enough goes, or is refused, as with Redis.
func (c *local) held(ctx context.Context, t *ticket, keys []*localKey, at time.Time) (time.Time, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, k := range keys {
		if !k.hold.After(at) || t.ask.Inference != limit.Act {
			continue
		}
		until := t.patience(ctx, &gateState{Failing: !k.limited, Limited: k.limited})
		switch {
		case time.Now().Before(until):
			if until.After(k.hold) {
				until = k.hold
			}
			if until.After(at) {
				at = until
			}
		case k.limited || t.ask.Repeat:
			return at, &limit.Refusal{Reason: "a pause or an outage lasts for longer than the request may wait"}
		}
	}
	return at, nil
}

// reserve takes n, in several helpings if it is more than a bucket holds.
func (r *localRate) reserve(now time.Time, n int) (all []*rate.Reservation) {
	for n > 0 {
		part := min(n, r.Burst())
		all = append(all, r.ReserveN(now, part))
		n -= part
	}
	return all
}

// waits takes down what t waits for.
func (l *Limiter) waits(t *ticket, why string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t.why = why
}

// works takes in that t's request was answered well.
func (c *local) works(t *ticket) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, of := range t.keys[:len(t.scopes)] {
		if k := c.keys[of]; k != nil {
			k.failures = 0
		}
	}
}

// observe takes from an observation what a plain limit can use.
func (c *local) observe(prefix string, n limit.Observation) {
	c.mu.Lock()
	defer c.mu.Unlock()
	k := c.key(name(prefix, n.Key), hostName(prefix, n.Key.Host))
	hold := n.Hold
	switch n.Signal {
	case limit.SignalGood:
		k.failures = 0
	case limit.SignalFailing:
		if k.failures++; k.failures >= localFailures {
			hold = max(hold, localHold)
		}
	case limit.SignalRefused:
		hold = max(hold, localHold)
	}
	if hold > 0 {
		if until := time.Now().Add(hold); until.After(k.hold) {
			k.hold, k.limited = until, n.Signal != limit.SignalFailing
		}
	}
	k.learn(n)
}

// learn takes over a limit of which nothing was known.
func (k *localKey) learn(n limit.Observation) {
	u := slices.Index(units[:], n.Unit)
	if u < 0 || n.Limit <= 0 || n.Remaining < 0 || n.Remaining > n.Limit {
		return
	}
	for _, r := range k.rates {
		if r.learned() && r.unit() == u {
			return
		}
	}
	window := n.Window.Seconds()
	perSecond := float64(n.Limit) / window
	if window <= 0 {
		perSecond = float64(n.Limit-n.Remaining) / n.Reset.Seconds() // so much comes back until it is full
	}
	if perSecond > 0 && !math.IsInf(perSecond, 0) {
		k.add(bucket{float64(u + 1), float64(n.Limit), window, 0, perSecond, max(1, float64(n.Remaining)), 1})
	}
}
