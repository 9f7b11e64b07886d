package steadyhttp

import (
	"cmp"
	"net/http"
	"time"

	"github.com/steadyhttp/steadyhttp/internal/dialect"
	"github.com/steadyhttp/steadyhttp/internal/wait"
)

// learn hands on what the outcome of p's request says about limits and about
// the host. It returns what is left to say when the permit is settled, and
// whether others are now held back for the reason that req failed.
func (t *Throttler) learn(req *http.Request, p *Permit, resp *http.Response, err error) (left Answer, gated bool) {
	if resp == nil {
		return t.learnError(req, p, err)
	}
	e := verdictOf(resp)
	if e == nil && failed(resp) {
		e = glance(resp, nil)
	}
	t.learnLimits(req, p, resp, e)
	switch {
	case e == nil:
		return AnswerGood, false
	case e.Class == RateLimit:
		return t.learnRefusal(req, p, e)
	case hostFails(e):
		return t.learnFailure(req, p, e)
	case e.Class == Overloaded:
		t.hold(req, p, e)
		return AnswerNone, false
	case e.Class == Timeout:
		return AnswerNone, false
	}
	return AnswerGood, false // not what was wanted, but somebody is there
}

// learnError tells a host that cannot be reached from a caller who gave up.
func (t *Throttler) learnError(req *http.Request, p *Permit, err error) (Answer, bool) {
	if err == nil || ended(req) != nil {
		return AnswerNone, false
	}
	if e := errorFor(req, err); e.Class == Connection {
		return t.learnFailure(req, p, e)
	}
	return AnswerNone, false
}

func (t *Throttler) learnFailure(req *http.Request, p *Permit, e *Error) (Answer, bool) {
	if t.Gate < 0 {
		return AnswerNone, false
	}
	n := News{Key: Key{Host: p.Key.Host}, Answer: AnswerFailing, Verdict: e}
	if e.RetryAfterSource != "" && e.RetryAfter <= t.maxWait() {
		n.Hold = e.RetryAfter
	}
	t.limiter().Observe(*p, n)
	return AnswerNone, t.inForce(n.Key) != nil
}

// learnRefusal has everybody wait whom the limit concerns that refused req. A
// wait for longer than MaxWait, or by the day, concerns only who was told.
func (t *Throttler) learnRefusal(req *http.Request, p *Permit, e *Error) (Answer, bool) {
	held := t.hold(req, p, e)
	if !held && (e.RetryAfterSource != "" && e.RetryAfter > 0 || e.Window >= longWindow) {
		return AnswerRefused, false
	}
	k, parting := t.keyIn(req, p, e.Scope)
	t.partings.add(k.Host, parting)
	t.limiter().Observe(*p, News{Key: k, Answer: AnswerRefused, Verdict: e})
	return AnswerNone, true
}

// hold makes everybody wait who is concerned, if e asks for it.
func (t *Throttler) hold(req *http.Request, p *Permit, e *Error) bool {
	if e.RetryAfterSource == "" || e.RetryAfter > t.maxWait() || !e.NotBefore.After(time.Now()) {
		return false
	}
	k, parting := t.keyIn(req, p, e.Scope)
	t.partings.add(k.Host, parting)
	t.limiter().Observe(*p, News{Key: k, Hold: time.Until(e.NotBefore), Verdict: e})
	return true
}

// learnLimits takes the limits from the headers of any answer. e is the verdict
// on it, nil for a success.
func (t *Throttler) learnLimits(req *http.Request, p *Permit, resp *http.Response, e *Error) {
	if e == nil && !searched(p.nth) && t.Key == nil && t.partings.of(p.Key.Host) == (parting{}) {
		return // the host has stated no limit so far
	}
	if !dialect.MentionsLimits(resp.Header) || req.URL == nil {
		return
	}
	provider, home := dialect.ScopeOf(req.Method, hostname(req.URL), req.URL.Path, req.Header)
	scope := Scope(home)
	if e != nil {
		provider = cmp.Or(e.Provider, provider)
		if e.Class == RateLimit && e.Scope != 0 {
			scope = e.Scope
		}
	}
	var k Key
	for _, l := range dialect.Limits(provider, resp.Header, time.Now()) {
		n := News{
			Unit: string(l.Unit), Limit: l.Limit, Remaining: l.Remaining, Window: l.Window, Reset: l.Reset, Refills: l.Refills,
			MaxWait: t.maxWait(),
		}
		if e != nil && l.Remaining == 0 {
			n.Window = cmp.Or(n.Window, e.Window) // of the limit that was hit, and so of this one
		}
		if l.Unit == wait.Concurrency || l.Name != "" && l.Unit == wait.Other {
			continue
		}
		if l.Unit == wait.Other {
			// What is counted is not known, but that nothing is left of it.
			if e != nil || l.Remaining != 0 || l.Reset <= 0 || l.Reset > t.maxWait() {
				continue
			}
			n = News{Hold: l.Reset}
		}
		if k.Host == "" {
			var parting parting
			k, parting = t.keyIn(req, p, scope)
			parting.tokens = l.Unit != wait.Requests && l.Unit != wait.Other
			t.partings.add(k.Host, parting)
		} else if l.Unit != wait.Requests {
			t.partings.add(k.Host, parting{tokens: true})
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

func (t *Throttler) maxWait() time.Duration { return orMax(t.MaxWait, defaultMaxWait) }
