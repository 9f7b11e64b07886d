package limiter

import (
	"net/http"

	"github.com/steadyhttp/steadyhttp/internal/inmem"
	"github.com/steadyhttp/steadyhttp/internal/monotime"
	"github.com/steadyhttp/steadyhttp/limit"
)

// Most hosts hold nobody back, most of the time: they work, they have stated no
// limit, and nobody set one. A call to such a host takes neither a permit nor a
// lock. It is counted, and if its response has something to tell, it gets its
// permit then, as of when it was sent. Over a loopback connection this halves
// what a Throttler costs.

// A Pass is leave to send a request to a host that holds nobody back.
type Pass struct {
	host *host
	sent monotime.Instant
}

// Pass counts a request to host and lets it go, if the host holds nobody back.
func (m *Memory) Pass(name string) (p Pass, ok bool) {
	v, known := m.hosts.Load(name)
	if !known {
		return Pass{}, false
	}
	h := v.(*host)
	if !h.clear.Load() {
		return Pass{}, false
	}
	p = Pass{h, monotime.Now()}
	h.meter.count(p.sent)
	return p, true
}

// Clear reports whether nothing holds back a request to the host of that name, limits
// of the user's aside.
func (m *Memory) Clear(name string) bool {
	v, known := m.hosts.Load(name)
	return !known || v.(*host).clear.Load()
}

// Open reports whether the host still holds nobody back.
func (p Pass) Open() bool { return p.host.clear.Load() }

// Host returns the name of the host that the request was let go to.
func (p Pass) Host() string { return p.host.key.Host }

// PermitFor returns the permit of req, which went out with p. Its body had the content
// body, if that is known.
func (m *Memory) PermitFor(p Pass, a limit.Ask, req *http.Request, body inmem.Body) limit.Permit {
	h := m.lockHost(a.Key.Host)
	defer h.mu.Unlock()
	late := permit{cost: loadOf(a.Cost), at: p.sent, of: subjectOf(req, body)}
	h.enter(&a, &late, p.sent, false)
	for i := range late.held {
		if s := &late.held[i]; s.state != nil {
			s.state.inUse++
			s.before = s.state.sent
		}
	}
	return h.grant(&late, &a)
}
