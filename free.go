package steadyhttp

import (
	"net/http"

	"github.com/steadyhttp/steadyhttp/internal/dialect"
)

// Most hosts hold nobody back, most of the time: they work, they have shown no
// limit, and nobody set one. A call to such a host takes neither a permit nor a
// lock. It is counted, and if its answer has something to tell, it is given the
// permit then, as of when it was sent.

// publish makes known whether l, which is a host's, holds nobody back. It
// requires the lock of its shard held, by whoever changed it.
func (l *lane) publish() {
	free := l.known && l.gate == nil && l.pace == nil && len(l.buckets) == 0 && l.parts == 0 && l.teaches == 0 && l.waiting == 0 && l.failures == 0
	if l.free.Load() != free {
		l.free.Store(free)
	}
}

// free returns the lane of a host that holds nobody back, nil if it may.
func (m *memory) free(host string) *lane {
	if l := m.recent.Load(); l != nil && l.key.Host == host && l.free.Load() {
		return l
	}
	if l := m.shard(host).recentHost.Load(); l != nil && l.key.Host == host && l.free.Load() {
		return l
	}
	return nil
}

// afterwards returns the permit of a request for a that went out at sent, or at
// 0 if that was not looked at: nothing held anybody back then, so it was before
// whatever does now.
func (m *memory) afterwards(a Ask, sent instant) Permit {
	a.Cost.Requests = max(a.Cost.Requests, 1)
	s := m.shard(a.Key.Host)
	p := Permit{Key: a.Key, Cost: a.Cost, shard: s, at: sent}
	s.lock()
	defer s.mu.Unlock()
	m.enter(s, &a, &p, sent)
	for i := range p.held {
		if h := &p.held[i]; h.lane != nil {
			h.lane.inUse++
			h.before = h.lane.sent
		}
	}
	return p
}

// hurry is how many requests of a second make a host one in a hurry, of which
// the clock is read with one of lookAtEvery: to read it is the dearest part of
// counting. The others are counted with that one, and what is not counted yet
// is a thirtieth at the most.
const hurry = 512

// count counts a request to a host that holds nobody back. It returns the
// present, 0 if it was not looked at, and whether the answer is to be searched.
func (m *memory) count(host *lane) (sent instant, search bool) {
	by := uint32(1)
	if host.hurried.Load() {
		if host.passed.Add(1)%lookAtEvery != 0 {
			return 0, false
		}
		by = lookAtEvery
	}
	sent = now()
	n := host.meter.count(sent, by)
	switch {
	case by > 1 && host.meter.perSecond() < hurry:
		host.hurried.Store(false)
	case by == 1 && n == hurry:
		host.hurried.Store(true)
	}
	if (by > 1 || n%lookAtEvery == 0) && m.recent.Load() != host {
		m.recent.Store(host)
	}
	return sent, by > 1 || searched(n)
}

// Of the answers of a host that has stated no limit so far, the first lookAtFirst of
// a second are searched for one, and then one of lookAtEvery: a host that states limits
// does so again and again, and to go through the headers of each answer would
// cost more than all the rest.
const (
	lookAtFirst = 8
	lookAtEvery = 16
)

// searched reports whether the answer to the n-th request of a second is looked
// through.
func searched(n uint32) bool { return n <= lookAtFirst || n%lookAtEvery == 0 }

// tells reports whether an answer, or the lack of one, is news of a host that
// held nobody back. search is whether to look through its headers.
func tells(host *lane, search bool, req *http.Request, resp *http.Response, err error) bool {
	return err != nil || resp == nil || failed(resp) || !host.free.Load() ||
		(resp.Request != req || callFrom(req.Context()) != nil) && verdictOf(resp) != nil || // else nobody further in can have left one
		search && dialect.MentionsLimits(resp.Header)
}
