package steadyhttp

import (
	"context"
	"fmt"
	"hash/maphash"
	"sync/atomic"
	"time"
)

// shards spread hosts, so that calls to different ones seldom meet at one lock.
const shards = 64

// maxHeld is how many scopes a request can be under at once: its host, the
// user's limits, and those that the host states; one is to spare.
const maxHeld = 4

// A memory is the Limiter of one process.
type memory struct {
	keys   atomic.Int64         // in all shards
	recent atomic.Pointer[lane] // of a host that is busy and holds nobody back
	shards [shards]shard
}

// A hold is what a permit has of one lane.
type hold struct {
	lane   *lane
	before load // what the lane had sent in all
}

// The bits of a scope, as they index shard.masks.
const (
	byBucket = 1 << iota
	byCredential
	byModel
	allScopes
)

// scope tells which fields of k are set.
func (k *Key) scope() (mask uint8) {
	if k.Bucket != "" {
		mask |= byBucket
	}
	if k.Credential != 0 {
		mask |= byCredential
	}
	if k.Model != "" {
		mask |= byModel
	}
	return mask
}

// under returns what is left of k in that scope.
func (k Key) under(mask uint8) Key {
	if mask&byBucket == 0 {
		k.Bucket = ""
	}
	if mask&byCredential == 0 {
		k.Credential = 0
	}
	if mask&byModel == 0 {
		k.Model = ""
	}
	return k
}

func (m *memory) shard(host string) *shard {
	return &m.shards[maphash.String(seed, host)%shards]
}

// Acquire implements Limiter.
func (m *memory) Acquire(ctx context.Context, a Ask) (p Permit, err error) {
	err = m.acquire(ctx, &a, &p)
	return p, err
}

// acquire is Acquire without copies.
func (m *memory) acquire(ctx context.Context, a *Ask, p *Permit) error {
	a.Cost.Requests = max(a.Cost.Requests, 1)
	n := a.Cost.load()
	s := m.shard(a.Key.Host)
	t := now()
	p.Key, p.Cost, p.shard = a.Key, a.Cost, s
	s.lock()
	limited := m.enter(s, a, p, t)
	if !p.awaited() && p.passes(t, &n) {
		p.take(t, &n)
		p.held[0].lane.publish()
		s.mu.Unlock()
		return nil
	}
	if limited != nil && a.MaxQueue > 0 && int(limited.waiting) >= a.MaxQueue {
		p.leave()
		s.mu.Unlock()
		*p = Permit{}
		return &noPermit{why: fmt.Sprintf("%d requests wait already", a.MaxQueue)}
	}
	w := &waiter{permit: *p, load: n, teaches: p.held[0].lane.teaches, deadline: never, patience: never, came: t, done: make(chan struct{})}
	if deadline, ok := ctx.Deadline(); ok {
		w.deadline = t.add(max(time.Until(deadline), 0))
	} else if a.Patience > 0 {
		w.patience = t.add(a.Patience)
	}
	s.line(w)
	m.dispatch(s, t)
	s.mu.Unlock()
	return m.wait(ctx, s, w, a, p)
}

// enter finds the lanes that concern a, makes those that there have to be, and
// has p hold on to them. It returns the lane of the user's limits, nil if there
// are none. It requires s.mu held.
func (m *memory) enter(s *shard, a *Ask, p *Permit, t instant) (limited *lane) {
	host := m.host(s, a.Key.Host)
	p.hold(s, host)
	under := uint8(allScopes)
	if a.Limits.any() {
		if limited = s.recentLimits; limited == nil || limited.key != a.Under {
			limited = m.lane(s, a.Under)
			s.recentLimits = limited
		}
		under = a.Under.scope()
		if !limited.told {
			limited.set(&a.Limits, t)
			host.known = host.known || len(limited.buckets) > 0 // nobody has to feel the way
		}
		p.hold(s, limited)
	}
	has := a.Key.scope()
	for mask := uint8(1); mask < allScopes; mask++ {
		taught := host.teaches&(1<<mask) != 0
		if mask&^has != 0 || !taught && s.masks[mask] == 0 {
			continue
		}
		if mask == under && a.Under.Credential == a.Key.Credential && (mask&byModel == 0 || a.Under.Model == a.Key.Model) {
			continue // it is held already
		}
		k := a.Key.under(mask)
		if taught {
			p.hold(s, m.lane(s, k))
		} else if l := s.lanes[k]; l != nil {
			p.hold(s, l)
		}
	}
	return limited
}

// hold adds l to what p holds on to, once.
func (p *Permit) hold(s *shard, l *lane) {
	for i := range p.held {
		h := &p.held[i]
		if h.lane == l {
			return
		}
		if h.lane == nil {
			h.lane = l
			l.users++
			s.use(l)
			return
		}
	}
}

// awaited reports whether somebody waits for one of p's lanes.
func (p *Permit) awaited() bool {
	for i := range p.held {
		if l := p.held[i].lane; l != nil && l.waiting > 0 {
			return true
		}
	}
	return false
}

// leave lets go of all lanes, without having gone.
func (p *Permit) leave() {
	for i := range p.held {
		if l := p.held[i].lane; l != nil {
			l.users--
		}
	}
}

// passes reports whether p can go now, with nobody before it.
func (p *Permit) passes(t instant, n *load) bool {
	for i := range p.held {
		l := p.held[i].lane
		if l == nil {
			break
		}
		l.refill(t)
		if at, _, _ := l.next(t, n, 0); at > t {
			return false
		}
	}
	return true
}

// take makes p go.
func (p *Permit) take(t instant, n *load) {
	p.at = t
	for i := range p.held {
		h := &p.held[i]
		if h.lane == nil {
			break
		}
		nth, probe := h.lane.take(t, n)
		if i == 0 {
			p.nth = nth
		}
		p.Probe = p.Probe || probe
		h.before = h.lane.sent // with p itself: what an answer counts
	}
}

// untake is take undone, for a request that was not sent.
func (p *Permit) untake() {
	n := p.Cost.load()
	for i := range p.held {
		if l := p.held[i].lane; l != nil {
			l.untake(&n)
		}
	}
}

// Settle implements Limiter.
func (m *memory) Settle(p Permit, o Outcome) { m.settle(&p, &o) }

// settle is Settle without copies.
func (m *memory) settle(p *Permit, o *Outcome) {
	host, s := p.held[0].lane, p.shard
	if host == nil {
		return
	}
	s.lock()
	t, awaited := p.at, p.awaited()
	if awaited || o.Answer > AnswerGood || o.Told || o.Refund || host.gate != nil {
		t = now() // else nobody asks for it
	}
	s.hear(t, p, o.Answer, nil, 0)
	for i := range p.held {
		if l := p.held[i].lane; l != nil {
			l.settle(t, p.Cost, o)
		}
	}
	if awaited {
		m.dispatch(s, t)
	}
	host.publish()
	s.mu.Unlock()
}

// Observe implements Limiter.
func (m *memory) Observe(p Permit, n News) {
	s := m.shard(n.Key.Host)
	s.lock()
	defer s.mu.Unlock()
	t := now()
	sent := p.at
	host := m.host(s, n.Key.Host)
	defer host.publish()
	if n.Unit != "" || n.Hold > 0 || n.Answer == AnswerRefused {
		l := m.lane(s, n.Key)
		l.known = true
		if n.Unit != "" {
			host.teaches |= 1 << n.Key.scope()
			l.learn(t, sent, p.Cost.load(), l.sentBefore(&p, host), &n)
		}
		if n.Hold > 0 {
			l.asked(t, n.Hold, n.Verdict)
		}
		if n.Answer == AnswerRefused && n.Unit == "" {
			l.meter.startFrom(&host.meter) // if it is new, what went well did so under its host
			l.refused(t, sent, p.Cost.load())
		}
	}
	if n.Answer != AnswerNone { // else its outcome is still to come
		s.hear(t, &p, n.Answer, n.Verdict, n.Hold)
	}
	if s.first != nil {
		m.dispatch(s, t)
	}
}

// sentBefore returns what l had sent when p went. A lane that was not there
// then has sent at most what its host was sent since.
func (l *lane) sentBefore(p *Permit, host *lane) load {
	for i := range p.held {
		if p.held[i].lane == l {
			return p.held[i].before
		}
	}
	before := l.sent
	if h := &p.held[0]; h.lane == host {
		for u := range before {
			before[u] -= host.sent[u] - h.before[u]
		}
	}
	return before
}

// hear lets the lanes of p know what became of it. It requires s.mu held.
func (s *shard) hear(t instant, p *Permit, answer Answer, verdict *Error, asked time.Duration) {
	host := p.held[0].lane // it was entered first
	if host == nil {
		return
	}
	for i := range p.held {
		l := p.held[i].lane
		if l == nil {
			break
		}
		if answer != AnswerNone {
			l.known = true
		}
		switch {
		case answer == AnswerGood || answer == AnswerRefused && l == host:
			l.answered(t, p.at, p.Probe)
		case l.gate != nil && p.Probe && answer == AnswerNone && l.gate.probe == p.at:
			l.gate.toldNothing(t)
		}
	}
	if answer == AnswerFailing {
		host.failed(t, p.at, p.Probe, asked, verdict)
	}
}

// Verdict returns why a request is held back: what shut the gate that is open
// last, nil if none is shut for a reason that is known.
func (m *memory) Verdict(k Key) (e *Error) {
	s := m.shard(k.Host)
	s.lock()
	defer s.mu.Unlock()
	var until instant
	for mask := uint8(0); mask < allScopes; mask++ {
		if l := s.lanes[k.under(mask)]; l != nil && l.gate != nil && l.gate.verdict != nil && l.gate.until > until {
			e, until = l.gate.verdict, l.gate.until
		}
	}
	return e
}

// Snapshot implements Limiter.
func (m *memory) Snapshot() []KeyState {
	var all []KeyState
	for i := range m.shards {
		s := &m.shards[i]
		s.lock()
		t := now()
		for _, l := range s.lanes {
			all = append(all, l.state(t))
		}
		s.mu.Unlock()
	}
	return all
}

func (l *lane) state(t instant) KeyState {
	l.refill(t)
	k := KeyState{Key: l.key, Waiting: int(l.waiting), Concurrent: int(l.inUse)}
	for i := range l.buckets {
		b := &l.buckets[i]
		k.Limits = append(k.Limits, LimitState{Unit: unitNames[b.unit], Limit: b.limit, Window: b.window, Left: b.level, Learned: b.learned != nil})
	}
	if l.max > 0 {
		k.Limits = append(k.Limits, LimitState{Unit: "concurrency", Limit: float64(l.max), Left: float64(l.max - l.inUse)})
	}
	if l.pace != nil {
		k.PerSecond = l.pace.perSecond(t)
	}
	if g := l.gate; g != nil {
		at, _ := g.next(t)
		k.Gate, k.GateLeft, k.GateError = g.name(), at.sub(t), g.verdict
	}
	return k
}
