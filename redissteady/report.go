package redissteady

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/steadyhttp/steadyhttp/internal/limiter"
	"github.com/steadyhttp/steadyhttp/limit"
)

const (
	// maxReports bounds what waits to be reported to Redis; there is more only when
	// Redis is about to be away. A place that is not freed for that reason frees
	// itself in leaseTime.
	maxReports = 10_000

	// maxBatch bounds one script call, which nobody else's can pass: less than
	// two milliseconds.
	maxBatch = 100
)

// A queue is what is to be reported to Redis, in order.
type queue struct {
	mu   sync.Mutex // guards what follows
	all  []entry
	busy bool // some are on their way

	more chan struct{} // has one if there may be some
}

type entry struct {
	keys []string // KEYS of event
	event
}

// Settle implements limit.Limiter.
func (l *Limiter) Settle(p limit.Permit, o limit.Outcome) {
	l.mu.Lock()
	t := l.permits[p.ID]
	delete(l.permits, p.ID)
	gone := l.away
	well, heard := t != nil && l.allWell(t), t != nil && t.heard && o.Signal == limit.SignalNone
	if t != nil && t.leases() > 0 {
		l.tookPlace(t)
	}
	l.mu.Unlock()
	switch {
	case t == nil:
		return
	case t.local != nil:
		t.local.of.memory.Settle(t.local.Permit, o)
	}
	if gone != nil {
		return
	}
	ev := t.event()
	ev.Op, ev.Signal, ev.Probes = "settle", o.Signal, t.probes
	if heard {
		ev.Probes = nil
	}
	if !well {
		ev.Others = t.others()
	}
	if t.local != nil {
		ev.Op = ""
	} else {
		ev.Tokens = t.unused(o)
	}
	news := ev.Tokens != nil || len(ev.Probes) > 0 || !heard && !changesNothing(o.Signal, well)
	if ev.Leases == 0 && (ev.Op == "" || !news) {
		return
	}
	l.report(t.keys, ev)
}

// others returns the scopes of t that there were not when it went, as far as is
// known.
func (t *ticket) others() (all [][2]int) {
	for i, k := range t.scopes {
		if !slices.Contains(t.touched, i+1) {
			all = append(all, [2]int{i + 1, int(limiter.ScopeOf(&k))})
		}
	}
	return all
}

// changesNothing reports whether s changes nothing of what is known of a host. well
// is whether all goes well there.
func changesNothing(s limit.Signal, well bool) bool {
	return well && (s == limit.SignalNone || s == limit.SignalGood)
}

// unused returns the tokens to give back, nil if there are none.
func (t *ticket) unused(o limit.Outcome) *load {
	limits := t.ask.Limits
	if limits.TokensPerMinute <= 0 && limits.InputTokensPerMinute <= 0 && limits.OutputTokensPerMinute <= 0 {
		return nil
	}
	back := t.cost
	switch {
	case o.Refund:
	case o.UsageKnown:
		back = back.minus(loadOf(o.Used))
	default:
		return nil
	}
	return &back
}

// Observe implements limit.Limiter.
func (l *Limiter) Observe(p limit.Permit, o limit.Observation) (held bool) {
	of := name(l.prefix(), o.Key)
	l.mu.Lock()
	t := l.permits[p.ID]
	gone := l.away
	if t == nil {
		l.mu.Unlock()
		return false
	}
	well := l.allWell(t)
	if o.Err != nil && (o.Hold > 0 || o.Signal != limit.SignalNone) {
		l.remember(of, o.Err)
		if o.Signal == limit.SignalFailing { // it may be the last of a row of the host's
			l.remember(t.keys[0], o.Err)
		}
	}
	t.heard = t.heard || o.Signal != limit.SignalNone
	if stated := o.Unit != "" && o.Remaining == 0; stated || o.Hold > 0 || o.Signal > limit.SignalGood {
		s := l.scope(of, o.Key) // from now on a success may contradict it
		s.well, s.at = false, time.Now()
	}
	held = o.Signal == limit.SignalRefused || l.gateError(o.Key) != nil
	l.mu.Unlock()
	if gone != nil {
		return gone.limits.observe(t, o) || held
	}
	stated := o.Unit != ""
	if stated && t.local != nil {
		return held // by Redis's clock and count it did not go
	}
	if !stated && o.Hold <= 0 && (o.Signal == limit.SignalNone || len(t.probes) == 0 && changesNothing(o.Signal, well)) {
		return held
	}
	keys, ev := t.keys, t.event()
	ev.Op, ev.Signal, ev.Probes, ev.Leases = "observe", o.Signal, t.probes, 0
	ev.Hold, ev.Strict, ev.Route = max(o.Hold, 0).Seconds(), o.Strict, bounded(o.Key.Route)
	if t.local != nil {
		ev.At, ev.Probes = 0, nil // it went by no clock of Redis's
	}
	if stated {
		ev.Stated = statedLimitOf(o)
	}
	if stated || o.Hold > 0 || o.Signal > limit.SignalGood {
		keys, ev.Key = keyIn(keys, of)
		ev.Mask = limiter.ScopeOf(&o.Key)
		for i, k := range t.touched {
			if k == ev.Key && i < len(t.sent) {
				ev.Before = &t.sent[i]
			}
		}
		if len(t.sent) > 0 {
			ev.HostBefore = &t.sent[0]
		}
	}
	l.report(keys, ev)
	return held
}

// keyIn returns the number of name in keys, to which it is added if need be.
func keyIn(keys []string, name string) ([]string, int) {
	for i, k := range keys {
		if k == name {
			return keys, i + 1
		}
	}
	return append(keys[:len(keys):len(keys)], name), len(keys) + 1
}

func statedLimitOf(o limit.Observation) *statedLimit {
	s := &statedLimit{
		Unit: o.Unit, Limit: o.Limit, Remaining: o.Remaining,
		Window: o.Window.Seconds(), Reset: o.Reset.Seconds(), Refills: o.Refills,
		Longest: o.MaxWait.Seconds(),
	}
	if o.Reset < 0 {
		s.Reset = -1
	}
	return s
}

// report puts an event into the queue.
func (l *Limiter) report(keys []string, ev event) {
	q := &l.reports
	q.mu.Lock()
	if len(q.all) < maxReports {
		q.all = append(q.all, entry{keys, ev})
	}
	q.mu.Unlock()
	select {
	case q.more <- struct{}{}:
	default:
	}
}

// take takes the next events that concern one host out of the queue.
func (q *queue) take() []entry {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.busy = len(q.all) > 0
	if !q.busy {
		q.all = nil
		return nil
	}
	n := 1
	for n < len(q.all) && n < maxBatch && q.all[n].keys[0] == q.all[0].keys[0] {
		n++
	}
	batch := q.all[:n:n]
	q.all = q.all[n:]
	return batch
}

func (q *queue) empty() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.all) == 0 && !q.busy
}

func (q *queue) clear() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.all = nil
}

// deliver reports to Redis what is in the queue, a batch in one script call.
func (l *Limiter) deliver() {
	for {
		select {
		case <-l.reports.more:
		case <-l.ctx.Done():
			return
		}
		for {
			batch := l.reports.take()
			if len(batch) == 0 {
				break
			}
			if l.absence() != nil {
				continue // what was said before Redis went away is out of date
			}
			l.deliverOne(batch)
		}
	}
}

func (l *Limiter) deliverOne(batch []entry) {
	keys := []string{batch[0].keys[0], aliveName(batch[0].keys[0])}
	q := report{header: l.header(2), Events: make([]event, len(batch))}
	number := func(k string) (i int) {
		keys, i = keyIn(keys, k)
		return i
	}
	numbers := func(e entry, of []int) []int {
		all := make([]int, len(of))
		for i, k := range of {
			all[i] = number(e.keys[k-1])
		}
		return all
	}
	for i, e := range batch {
		ev := e.event
		ev.Touched, ev.Probes = numbers(e, ev.Touched), numbers(e, ev.Probes)
		others := make([][2]int, len(ev.Others))
		for j, o := range ev.Others {
			others[j] = [2]int{number(e.keys[o[0]-1]), o[1]}
		}
		ev.Others = others
		if ev.Key > 0 {
			ev.Key = number(e.keys[ev.Key-1])
		}
		if ev.Leases > 0 {
			of := e.keys[ev.Leases-1 : ev.Leases+2]
			ev.Leases = number(of[0])
			number(of[1]) // the line and the turns are behind it, the first time that they are named
			number(of[2])
		}
		q.Events[i] = ev
	}
	var ok string
	_ = l.call(reportScript, keys, q.header, q, &ok) // what it said is out of date when Redis is back
}

// flush waits until all is reported, for as long as Timeout.
func (l *Limiter) flush() {
	ctx, cancel := context.WithTimeout(l.ctx, l.timeout())
	defer cancel()
	for !l.reports.empty() && l.absence() == nil {
		select {
		case <-time.After(time.Millisecond):
		case <-ctx.Done():
			return
		}
	}
}
