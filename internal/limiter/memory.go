package limiter

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/steadyhttp/steadyhttp/internal/inmem"
	"github.com/steadyhttp/steadyhttp/internal/monotime"
	"github.com/steadyhttp/steadyhttp/limit"
)

// A Memory is the Limiter of one process. Its zero value is ready to use; it
// must not be copied after first use.
type Memory struct {
	// Spent says that what the user's limits let go at once has gone: who takes over
	// from a shared Limiter does not know what others have sent of late.
	Spent bool

	hosts  sync.Map     // *host, by name
	n      atomic.Int64 // how many there are
	keys   atomic.Int64 // how many Keys they have in all, beside themselves
	rounds atomic.Uint32
}

// Acquire implements limit.Limiter.
func (m *Memory) Acquire(ctx context.Context, a limit.Ask) (limit.Permit, error) {
	return m.AcquireFor(ctx, &a, nil, inmem.Body{})
}

// AcquireFor is Acquire for req, whose Cancel channel ends the wait too, and whose
// body has the content body, if that is known. req may be nil.
func (m *Memory) AcquireFor(ctx context.Context, a *limit.Ask, req *http.Request, body inmem.Body) (limit.Permit, error) {
	a.Cost.Requests = max(a.Cost.Requests, 1)
	h, t := m.lockHost(a.Key.Host), monotime.Now()
	w := h.arrives(a)
	if a.Key.Model == "" && (t < h.watched || !h.answered) { // else it does not matter, and costs some microseconds
		w.ask.of = subjectOf(req, body)
	}
	w.ask.brief = !h.answered && endsWithin(ctx, MinGoodSign)
	if a.MaxWait != 0 {
		looks := w // which leaves its traces in it
		if err := looks.mustWait(ctx, t); err != nil {
			h.mu.Unlock()
			return limit.Permit{}, err
		}
	}
	h.arrived++
	by, at, sure := w.blocker(t)
	if !a.Repeat && (a.MaxWait == 0 || by == nil) { // one that may go elsewhere counts once it goes
		w.permit.arrive(t)
	}
	if by != nil && a.Inference == limit.Observe {
		by, at, sure = w.observed(t, by)
	}
	if by == nil {
		w.goes(t)
		p := h.grant(&w.permit, a)
		p.Spared = w.spared
		h.publish()
		h.mu.Unlock()
		return p, nil
	}
	w.arrivesAt(ctx, t)
	if sure && at >= w.deadline && w.deadline < monotime.Never && by.gate != nil {
		w.ask.hurried = true // it is the one that goes to see whether that holds for it, if it may
		if by, at, sure = w.blocker(t); by == nil {
			w.gated = true
			w.goes(t)
			p := h.grant(&w.permit, a)
			h.publish()
			h.mu.Unlock()
			return p, nil
		}
	}
	var err error
	switch {
	case a.MaxQueue > 0 && int(by.waiting[w.class]) >= a.MaxQueue:
		err = tooMany(a.MaxQueue)
	case sure && at >= w.deadline && w.deadline < monotime.Never && !by.gateIsShort():
		err = h.lateError(&w, at.Sub(t))
	}
	if err != nil {
		w.permit.leave()
		h.mu.Unlock()
		return limit.Permit{}, err
	}
	return h.queue(ctx, w, by, t, at, a, req)
}

// queue has w wait for by, which holds it back until about at. h is locked, and
// unlocked on return.
func (h *host) queue(ctx context.Context, w waiter, by *keyState, t, at monotime.Instant, a *limit.Ask, req *http.Request) (limit.Permit, error) {
	waiting := &w // only those who wait are on the heap
	waiting.done = make(chan struct{})
	waiting.waits = true
	waiting.count(0, 1)
	var begins limit.Wait
	if a.Waiting != nil {
		begins = waiting.begins(by, t, at)
	}
	by.queueUp(waiting, t, at)
	h.publish()
	h.mu.Unlock()
	if a.Waiting != nil {
		h.tell(waiting, begins)
	}
	var tooLong <-chan time.Time
	if a.MaxWait > 0 {
		bound := time.NewTimer(a.MaxWait)
		defer bound.Stop()
		tooLong = bound.C
	}
	var canceled <-chan struct{}
	if req != nil {
		//lint:ignore SA1019 deprecated for callers, who may still set it
		canceled = req.Cancel
	}
	return h.wait(ctx, waiting, canceled, tooLong)
}

// arrives returns what a is while it waits, if it has to.
func (h *host) arrives(a *limit.Ask) waiter {
	w := waiter{host: h, number: h.arrived, class: ClassOf(a.Priority), ask: ask{Ask: *a, cost: loadOf(a.Cost), spent: a.OutageWait < 0}}
	w.permit.cost = w.ask.cost
	return w
}

// arrivesAt notes when w came and until when its caller waits.
func (w *waiter) arrivesAt(ctx context.Context, t monotime.Instant) {
	w.came, w.deadline = t, monotime.Never
	if deadline, ok := ctx.Deadline(); ok {
		w.deadline = t.Add(max(time.Until(deadline), 0))
	}
}

// endsWithin reports whether the deadline of ctx is no further away.
func endsWithin(ctx context.Context, d time.Duration) bool {
	deadline, ok := ctx.Deadline()
	return ok && time.Until(deadline) <= d
}

// observed counts that w would have been held back by what is inferred, and returns
// what holds it back beside that.
func (w *waiter) observed(t monotime.Instant, by *keyState) (*keyState, monotime.Instant, bool) {
	w.ask.Inference = limit.Off
	w.spared = w.why
	told, at, sure := w.blocker(t)
	by.wouldHold++
	return told, at, sure
}

// Settle implements limit.Limiter.
func (m *Memory) Settle(granted limit.Permit, o limit.Outcome) {
	h, p := m.permit(&granted)
	if p == nil {
		return
	}
	defer h.mu.Unlock()
	t := monotime.Now()
	if !p.heard || o.Signal != limit.SignalNone {
		h.signal(t, p, &granted.Key, o.Signal)
	}
	newer := h.keys.made >= p.at
	held := p.held
	for i := range held {
		if k := held[i].state; k != nil {
			k.settle(t, p, &o)
		}
	}
	h.free(granted.ID)
	h.sweepSeldom(t)
	for i := range held {
		if k := held[i].state; k != nil {
			k.run(t)
		}
	}
	if newer {
		h.keys.matching(&granted.Key, func(k *keyState) { k.run(t) })
	}
	h.publish()
}

// Observe implements limit.Limiter.
func (m *Memory) Observe(granted limit.Permit, o limit.Observation) (held bool) {
	h, p := m.permit(&granted)
	if p == nil {
		return false
	}
	defer h.mu.Unlock()
	if o.Key.Host != h.key.Host {
		return false // it is no business of this host's
	}
	t := monotime.Now()
	if o.Signal > limit.SignalGood {
		h.watched = t.Add(ContradictedTime)
	}
	k := &h.keyState
	if o.Unit != "" || o.Hold > 0 || o.Signal > limit.SignalGood {
		k = h.of(o.Key, t)
		k.used = t
	}
	if o.Unit != "" {
		k.learn(t, p.at, p.cost, k.sentBefore(p), &o)
	}
	switch o.Signal {
	case limit.SignalGood:
		h.signal(t, p, &granted.Key, o.Signal)
	case limit.SignalRefused:
		p.heard, h.answered = true, true
		k.tried.failed(t, p.of)
		k.strangerFailed(t, p)
		k.refused(t, p, k.mayPause(t, &o))
		k.asked(t, p.at, &o)
		h.answeredBut(t, p, k)
	case limit.SignalFailing:
		p.heard, h.answered = true, true
		k.tried.failed(t, p.of)
		k.strangerFailed(t, p)
		if k.failed(t, p.at, p.probes(k), k, &o); !k.isHost() {
			h.failed(t, p.at, p.probe[0], k, &o)
		}
		k.asked(t, p.at, &o)
		for i := range p.held {
			if s := p.held[i].state; s != nil {
				s.outcome(t, p, limit.SignalNone)
				s.probeLost(t, p, i)
			}
		}
	default:
		k.asked(t, p.at, &o)
	}
	k.run(t)
	for i := range p.held {
		if s := p.held[i].state; s != nil && s != k {
			s.run(t)
		}
	}
	if o.Signal == limit.SignalGood && h.keys.made >= p.at {
		h.keys.matching(&granted.Key, func(k *keyState) { k.run(t) })
	}
	h.publish()
	return o.Signal == limit.SignalRefused && k.explains() || h.holds(&o.Key)
}

// explains reports whether what is known of k may be why a limit refused a request, and so
// holds the next one: a pause, a stated limit, a rate that refusals point to. A refusal
// among many good answers is one request's own.
func (k *keyState) explains() bool {
	return k.gate != nil || k.finder == nil || k.finder.Engaged() || k.finder.Suspects()
}

// Seed takes in what was known elsewhere, as if a response to a request that goes now
// had said so: the limit or the pause of o.
func (m *Memory) Seed(o limit.Observation) {
	h, t := m.lockHost(o.Key.Host), monotime.Now()
	defer h.mu.Unlock()
	k := h.of(o.Key, t)
	k.used = t
	if o.Unit != "" {
		k.learn(t, t, load{}, k.sent, &o)
	}
	k.asked(t, t, &o)
	k.run(t)
	h.publish()
}

// holds reports whether a gate holds the requests of k back.
func (h *host) holds(k *limit.Key) bool {
	held := h.gate != nil
	h.keys.matching(k, func(state *keyState) { held = held || state.gate != nil })
	return held
}

// answeredBut takes in that p was refused by a limit of k: its host works all the
// same.
func (h *host) answeredBut(t monotime.Instant, p *permit, k *keyState) {
	h.works(t, p.at, p.probe[0])
	for i := range p.held {
		s := p.held[i].state
		if s == nil {
			break
		}
		if p.probe[i] && s == k && s.gate != nil {
			if s.gate.early {
				s.confirmed(t)
			}
			s.gate.failed(t, t.Sub(p.at), 0, s.gate.err)
		}
		if s != k {
			s.outcome(t, p, limit.SignalNone)
			s.probeLost(t, p, i)
		}
	}
}

// probes reports whether p is a probe of k.
func (p *permit) probes(k *keyState) bool {
	for i := range p.held {
		if p.held[i].state == k {
			return p.probe[i]
		}
	}
	return false
}

// sentBefore returns what k had sent when p went. A Key that was not there then
// has sent at most what its host was sent since.
func (k *keyState) sentBefore(p *permit) load {
	for i := range p.held {
		if p.held[i].state == k {
			return p.held[i].before
		}
	}
	before, host := k.sent, &k.host.keyState
	if s := &p.held[0]; s.state == host {
		since := host.sent
		since.subtract(&s.before)
		before.subtract(&since)
	}
	return before
}

// signal tells the Keys of p, which is for key, what became of it. It requires
// h.mu held.
func (h *host) signal(t monotime.Instant, p *permit, key *limit.Key, sig limit.Signal) {
	p.heard = true
	if sig != limit.SignalNone {
		h.answered = true
	}
	for i := range p.held {
		k := p.held[i].state
		if k == nil {
			break
		}
		k.outcome(t, p, sig)
		if sig == limit.SignalGood {
			k.tried.worked(p.of)
			if strange := p.strange[i]; strange != noStranger {
				k.strangers[strange].worked()
				if k.gate != nil && k.gate.failing {
					continue // it says nothing of those that it is unlike
				}
			}
			k.works(t, p.at, p.probe[i])
		} else {
			k.probeLost(t, p, i)
		}
	}
	// A success also contradicts what was inferred since p went of Keys that were
	// not there then.
	if sig == limit.SignalGood && h.keys.made >= p.at {
		h.keys.matching(key, func(k *keyState) { k.works(t, p.at, false) })
	}
}

// maxHeads bounds among how many queues of a host the oldest request of a Key is
// looked for that has none in its own.
const maxHeads = 64

// Snapshot implements limit.Limiter.
func (m *Memory) Snapshot() []limit.KeyState {
	var all []limit.KeyState
	m.hosts.Range(func(_, v any) bool {
		h := v.(*host)
		h.mu.Lock()
		defer h.mu.Unlock()
		t := monotime.Now()
		states := []*keyState{&h.keyState}
		for k := range h.keys.all {
			states = append(states, k)
		}
		var heads []*waiter
		for _, k := range states {
			if w := k.line.oldest(); w != nil && len(heads) < maxHeads {
				heads = append(heads, w)
			}
		}
		for _, k := range states {
			all = append(all, k.snapshot(t, heads))
		}
		return true
	})
	return all
}
