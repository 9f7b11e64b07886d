package limiter

import (
	"github.com/steadyhttp/steadyhttp/internal/monotime"
	"github.com/steadyhttp/steadyhttp/limit"
)

// Most hosts hold nobody back, most of the time: they work, they have stated no
// limit, and nobody set one. A call to such a host takes neither a permit nor a
// lock. It is counted, and if its response has something to tell, it gets its
// permit then, as of when it was sent. Over a loopback connection this halves
// what a Throttler costs (go test -bench BenchmarkOpenHost .).

// publish makes known whether k, which is a host's, holds nobody back. It
// requires the lock of its shard held, by whoever changed it.
func (k *keyState) publish() {
	open := k.answered && k.gate == nil && k.rate == nil && len(k.buckets) == 0 && k.narrower == 0 && k.statedScopes == 0 && k.waiting == 0 && k.failures == 0
	if k.open.Load() != open {
		k.open.Store(open)
	}
}

// A Pass is leave to send a request to a host that holds nobody back.
type Pass struct {
	host *keyState
	sent monotime.Instant
}

// Pass counts a request to host and lets it go, if the host holds nobody back.
func (m *Memory) Pass(host string) (p Pass, ok bool) {
	v, known := m.hosts.Load(host)
	if !known {
		return Pass{}, false
	}
	k := v.(*keyState)
	if !k.open.Load() {
		return Pass{}, false
	}
	p = Pass{k, monotime.Now()}
	k.meter.count(p.sent)
	return p, true
}

// Open reports whether the host still holds nobody back.
func (p Pass) Open() bool { return p.host.open.Load() }

// PermitFor returns the permit of a request that went out with p.
func (m *Memory) PermitFor(p Pass) limit.Permit {
	a := limit.Ask{Key: limit.Key{Host: p.host.key.Host}, Cost: limit.Cost{Requests: 1}}
	s := m.shard(a.Key.Host)
	s.mu.Lock()
	defer s.mu.Unlock()
	late := permit{cost: loadOf(a.Cost), at: p.sent}
	m.enter(s, &a, &late, p.sent)
	for i := range late.held {
		if h := &late.held[i]; h.state != nil {
			h.state.inUse++
			h.before = h.state.sent
		}
	}
	return s.grant(&late, &a)
}
