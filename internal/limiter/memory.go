package limiter

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/steadyhttp/steadyhttp/internal/monotime"
	"github.com/steadyhttp/steadyhttp/limit"
)

// A Memory is the Limiter of one process. Its zero value is ready to use; it
// must not be copied after first use.
type Memory struct {
	keys   atomic.Int64 // in all shards
	hosts  sync.Map     // the states of hosts, by name: *keyState
	shards [shards]shard
}

// A Request is an Ask with what only a limiter in the same process can use. Both
// fields may be zero.
type Request struct {
	limit.Ask
	HTTP  *http.Request // its Cancel channel ends the wait too
	Asker Asker         // completes the Ask when its host has stated limits that Key does not tell apart
}

// An Asker makes the Ask of a request.
type Asker interface {
	Ask(req *http.Request) (limit.Ask, error)
}

// Acquire implements limit.Limiter.
func (m *Memory) Acquire(ctx context.Context, a limit.Ask) (limit.Permit, error) {
	return m.AcquireFor(ctx, &Request{Ask: a})
}

// AcquireFor is Acquire for a request of this process.
func (m *Memory) AcquireFor(ctx context.Context, r *Request) (limit.Permit, error) {
	r.Cost.Requests = max(r.Cost.Requests, 1)
	p := permit{cost: loadOf(r.Cost)}
	s, t := m.shard(r.Key.Host), monotime.Now()
	s.mu.Lock()
	limited := m.enter(s, &r.Ask, &p, t)
	if !p.awaited() && p.passes(t) {
		p.take(t)
		granted := s.grant(&p, &r.Ask)
		s.mu.Unlock()
		return granted, nil
	}
	if limited != nil && r.MaxQueue > 0 && int(limited.waiting) >= r.MaxQueue {
		p.leave()
		s.mu.Unlock()
		return limit.Permit{}, &limit.Refusal{Reason: fmt.Sprintf("the queue is full: %d requests are waiting", r.MaxQueue)}
	}
	w := &waiter{permit: p, key: r.Key, came: t, deadline: monotime.Never, outageEnd: monotime.Never, done: make(chan struct{})}
	w.statedScopes = p.host().statedScopes
	if deadline, ok := ctx.Deadline(); ok {
		w.deadline = t.Add(max(time.Until(deadline), 0))
	} else {
		w.outageEnd = t.Add(outageWait(&r.Ask))
	}
	s.queue(w)
	m.dispatch(s, t)
	s.mu.Unlock()
	return m.wait(ctx, s, w, r)
}

func outageWait(a *limit.Ask) time.Duration {
	if a.OutageWait > 0 {
		return a.OutageWait
	}
	return limit.DefaultOutageWait
}

// enter finds the keys that concern a, makes those that there have to be, and
// has p hold on to them. It returns the state of the key of the user's limits,
// nil if there are none. It requires s.mu held.
func (m *Memory) enter(s *shard, a *limit.Ask, p *permit, t monotime.Instant) (limited *keyState) {
	host := m.host(s, a.Key.Host)
	p.hold(s, host)
	limitsScope := uint8(allScopes)
	if a.Limits.Any() {
		limited = m.key(s, a.LimitsKey)
		limitsScope = scopeOf(&a.LimitsKey)
		if !limited.limited {
			limited.set(&a.Limits, t)
			host.answered = host.answered || len(limited.buckets) > 0 // nobody has to feel the way
		}
		p.hold(s, limited)
	}
	has := scopeOf(&a.Key)
	for scope := uint8(1); scope < allScopes; scope++ {
		stated := host.statedScopes&(1<<scope) != 0
		if scope&^has != 0 || !stated && s.scopes[scope] == 0 {
			continue
		}
		if scope == limitsScope && a.LimitsKey.Credential == a.Key.Credential && (scope&byModel == 0 || a.LimitsKey.Model == a.Key.Model) {
			continue // it is held already
		}
		k := within(a.Key, scope)
		if stated {
			p.hold(s, m.key(s, k))
		} else if state := s.states[k]; state != nil {
			p.hold(s, state)
		}
	}
	return limited
}

// Settle implements limit.Limiter.
func (m *Memory) Settle(granted limit.Permit, o limit.Outcome) {
	s, p := m.permit(granted.ID)
	if p == nil {
		return
	}
	defer s.mu.Unlock()
	t := monotime.Now()
	s.signal(t, p, o.Signal, nil, 0)
	for i := range p.held {
		if k := p.held[i].state; k != nil {
			k.settle(t, &p.cost, &o)
		}
	}
	awaited := p.awaited()
	p.host().publish()
	s.free(granted.ID)
	if awaited {
		m.dispatch(s, t)
	}
}

// Observe implements limit.Limiter.
func (m *Memory) Observe(granted limit.Permit, o limit.Observation) (held bool) {
	s, p := m.permit(granted.ID)
	if p == nil {
		return false
	}
	defer s.mu.Unlock()
	t := monotime.Now()
	host := m.host(s, o.Key.Host)
	defer host.publish()
	if o.Unit != "" || o.Hold > 0 || o.Signal == limit.SignalRefused {
		k := m.key(s, o.Key)
		k.answered = true
		if o.Unit != "" {
			host.statedScopes |= 1 << scopeOf(&o.Key)
			k.learn(t, p.at, p.cost, k.sentBefore(p, host), &o)
		}
		if o.Hold > 0 {
			k.asked(t, o.Hold, o.Err)
		}
		if o.Signal == limit.SignalRefused && o.Unit == "" {
			k.meter.startFrom(&host.meter) // if it is new, what went well did so under its host
			k.refused(t, p.at, p.cost)
		}
	}
	if o.Signal != limit.SignalNone { // else its outcome is still to come
		s.signal(t, p, o.Signal, o.Err, o.Hold)
	}
	if s.first != nil {
		m.dispatch(s, t)
	}
	return s.gateError(o.Key) != nil
}

// sentBefore returns what k had sent when p went. A key that was not there then
// has sent at most what its host was sent since.
func (k *keyState) sentBefore(p *permit, host *keyState) load {
	for i := range p.held {
		if p.held[i].state == k {
			return p.held[i].before
		}
	}
	before := k.sent
	if h := &p.held[0]; h.state == host {
		for u := range before {
			before[u] -= host.sent[u] - h.before[u]
		}
	}
	return before
}

// signal tells the keys of p what became of it. It requires s.mu held.
func (s *shard) signal(t monotime.Instant, p *permit, sig limit.Signal, err error, asked time.Duration) {
	host := p.host() // it was entered first
	for i := range p.held {
		k := p.held[i].state
		if k == nil {
			break
		}
		if sig != limit.SignalNone {
			k.answered = true
		}
		switch {
		case sig == limit.SignalGood || sig == limit.SignalRefused && k == host:
			k.works(t, p.at, p.probe)
		case k.gate != nil && p.probe && sig == limit.SignalNone && k.gate.probe == p.at:
			k.gate.probeLost(t)
		}
	}
	if sig == limit.SignalFailing {
		host.failed(t, p.at, p.probe, asked, err)
	}
}

// gateError returns what closed the gate that a request of k stands at and that
// opens last; nil if none is closed for a reason that is known. It requires s.mu
// held.
func (s *shard) gateError(k limit.Key) (err error) {
	var until monotime.Instant
	for scope := uint8(0); scope < allScopes; scope++ {
		if state := s.states[within(k, scope)]; state != nil && state.gate != nil && state.gate.err != nil && state.gate.until > until {
			err, until = state.gate.err, state.gate.until
		}
	}
	return err
}

// Snapshot implements limit.Limiter.
func (m *Memory) Snapshot() []limit.KeyState {
	var all []limit.KeyState
	for i := range m.shards {
		s := &m.shards[i]
		s.mu.Lock()
		t := monotime.Now()
		for _, k := range s.states {
			all = append(all, k.snapshot(t))
		}
		s.mu.Unlock()
	}
	return all
}

func (k *keyState) snapshot(t monotime.Instant) limit.KeyState {
	k.refill(t)
	state := limit.KeyState{Key: k.key, Waiting: int(k.waiting), Concurrent: int(k.inUse)}
	for i := range k.buckets {
		b := &k.buckets[i]
		state.Limits = append(state.Limits, limit.LimitState{Unit: UnitNames[b.unit], Limit: b.limit, Window: b.window, Left: b.level, Learned: b.stated != nil})
	}
	if k.max > 0 {
		state.Limits = append(state.Limits, limit.LimitState{Unit: "concurrency", Limit: float64(k.max), Left: float64(k.max - k.inUse)})
	}
	if k.rate != nil {
		state.PerSecond = k.rate.perSecond(t)
	}
	if g := k.gate; g != nil {
		at, _ := g.next(t)
		state.Gate, state.GateLeft, state.GateError = g.name(), at.Sub(t), g.err
	}
	return state
}
