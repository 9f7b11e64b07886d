package steadyhttp

import (
	"cmp"
	"net/http"
	"time"

	"github.com/steadyhttp/steadyhttp/internal/dialect"
	"github.com/steadyhttp/steadyhttp/internal/wait"
	"github.com/steadyhttp/steadyhttp/limit"
)

// observe tells the Limiter what the outcome of p's request says about limits and
// about the host. It returns what is left to say when the permit is settled, and
// whether others are now held back for the reason that req failed.
func (t *Throttler) observe(req *http.Request, p *limit.Permit, resp *http.Response, err error) (left limit.Signal, held bool) {
	if resp == nil {
		return t.observeError(req, p, err)
	}
	e := verdictOn(resp)
	if e == nil && failed(resp) {
		e = glance(resp, nil)
	}
	t.observeLimits(req, p, resp, e)
	switch {
	case e == nil:
		return limit.SignalGood, false
	case e.Class == RateLimit:
		return t.observeRefusal(req, p, e)
	case hostFails(e):
		return t.observeFailure(req, p, e)
	case e.Class == Overloaded:
		t.pause(req, p, e)
		return limit.SignalNone, false
	case e.Class == Timeout:
		return limit.SignalNone, false
	}
	return limit.SignalGood, false // not what was wanted, but somebody is there
}

// observeError is observe for an error: of a host that cannot be reached, or of a
// caller who gave up.
func (t *Throttler) observeError(req *http.Request, p *limit.Permit, err error) (limit.Signal, bool) {
	if err == nil || ended(req) != nil {
		return limit.SignalNone, false
	}
	if e := errorFor(req, err); e.Class == Connection {
		return t.observeFailure(req, p, e)
	}
	return limit.SignalNone, false
}

func (t *Throttler) observeFailure(req *http.Request, p *limit.Permit, e *Error) (limit.Signal, bool) {
	if t.OutageWait < 0 {
		return limit.SignalNone, false
	}
	n := limit.Observation{Key: limit.Key{Host: p.Key.Host}, Signal: limit.SignalFailing, Err: e.withoutBody()}
	if e.RetryAfterSource != "" && e.RetryAfter <= t.maxSharedPause() {
		n.Hold = e.RetryAfter
	}
	return limit.SignalNone, t.limiter().Observe(*p, n)
}

// observeRefusal holds back all requests that share the limit that refused req. A
// wait for longer than MaxSharedPause, or for a limit by the day, concerns req
// alone.
func (t *Throttler) observeRefusal(req *http.Request, p *limit.Permit, e *Error) (limit.Signal, bool) {
	held := t.pause(req, p, e)
	if !held && (e.RetryAfterSource != "" && e.RetryAfter > 0 || e.Window >= longWindow) {
		return limit.SignalRefused, false
	}
	k, dims := t.keyIn(req, p, e.Scope)
	t.dimensions.add(k.Host, dims)
	t.limiter().Observe(*p, limit.Observation{Key: k, Signal: limit.SignalRefused, Err: e.withoutBody()})
	return limit.SignalNone, true
}

// pause holds back all requests in the scope of e, if e asks for a wait.
func (t *Throttler) pause(req *http.Request, p *limit.Permit, e *Error) bool {
	if e.RetryAfterSource == "" || e.RetryAfter > t.maxSharedPause() || !e.NotBefore.After(time.Now()) {
		return false
	}
	k, dims := t.keyIn(req, p, e.Scope)
	t.dimensions.add(k.Host, dims)
	t.limiter().Observe(*p, limit.Observation{Key: k, Hold: time.Until(e.NotBefore), Err: e.withoutBody()})
	return true
}

// observeLimits takes the limits from the headers of any answer. e is the verdict
// on it, nil for a success.
func (t *Throttler) observeLimits(req *http.Request, p *limit.Permit, resp *http.Response, e *Error) {
	if !dialect.MentionsLimits(resp.Header) || req.URL == nil {
		return
	}
	provider, scope := dialect.ScopeOf(req.Method, hostname(req.URL), req.URL.Path, req.Header)
	if e != nil {
		provider = cmp.Or(e.Provider, provider)
		if e.Class == RateLimit && e.Scope != 0 {
			scope = e.Scope
		}
	}
	var k limit.Key
	for _, l := range dialect.Limits(provider, resp.Header, time.Now()) {
		n := limit.Observation{
			Unit: string(l.Unit), Limit: l.Limit, Remaining: l.Remaining, Window: l.Window, Reset: l.Reset, Refills: l.Refills,
			MaxWait: t.maxSharedPause(),
		}
		if e != nil && l.Remaining == 0 {
			n.Window = cmp.Or(n.Window, e.Window) // of the limit that was hit, and so of this one
		}
		if l.Unit == wait.Concurrency || l.Name != "" && l.Unit == wait.Other {
			continue
		}
		if l.Unit == wait.Other {
			// What is counted is not known, but that nothing is left of it.
			if e != nil || l.Remaining != 0 || l.Reset <= 0 || l.Reset > t.maxSharedPause() {
				continue
			}
			n = limit.Observation{Hold: l.Reset}
		}
		if k.Host == "" {
			var dims dimensions
			k, dims = t.keyIn(req, p, scope)
			dims.tokens = l.Unit != wait.Requests && l.Unit != wait.Other
			t.dimensions.add(k.Host, dims)
		} else if l.Unit != wait.Requests {
			t.dimensions.add(k.Host, dimensions{tokens: true})
		}
		n.Key = k
		t.limiter().Observe(*p, n)
	}
}

// hostFails reports whether e is an answer of a host that does not work: a
// gateway's in its place, or its own that it is down. A timeout may be this one
// request's, and a limit is none.
func hostFails(e *Error) bool {
	switch e.Status {
	case http.StatusBadGateway, http.StatusServiceUnavailable, 520, 521, 522, 523, 525, 526, 527, 529, 530:
		return e.Class == Unavailable || e.Class == Overloaded || e.Class == ServerError
	}
	return false
}

func (t *Throttler) maxSharedPause() time.Duration { return orMax(t.MaxSharedPause, defaultMaxWait) }
