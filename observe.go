package steadyhttp

import (
	"cmp"
	"net/http"
	"time"

	"github.com/steadyhttp/steadyhttp/internal/credential"
	"github.com/steadyhttp/steadyhttp/internal/dialect"
	"github.com/steadyhttp/steadyhttp/internal/neterr"
	"github.com/steadyhttp/steadyhttp/internal/redact"
	"github.com/steadyhttp/steadyhttp/internal/wait"
	"github.com/steadyhttp/steadyhttp/limit"
)

// observe tells the Limiter what the outcome of p's request says about limits and
// about whether its host works. It returns what is left to say when the permit is
// settled, and whether others are now held back for the reason that req failed.
func (t *Throttler) observe(req *http.Request, p *limit.Permit, resp *http.Response, err error) (left limit.Signal, held bool) {
	switch {
	case t.Inference == limit.Off:
		return limit.SignalNone, false
	case resp == nil:
		return t.observeError(req, p, err)
	}
	e := verdictOn(resp)
	switch {
	case e == nil && failed(resp):
		e = glance(resp, nil)
	case e != nil && e.doubtful:
		e = nil // as far as others are concerned
	}
	if e != nil && e.own {
		return limit.SignalGood, false // others may go on, whatever the limit's headers say
	}
	t.observeLimits(req, p, resp, e)
	switch {
	case e == nil:
		return limit.SignalGood, false
	case asksHealth(req) && !(e.Class == RateLimit && e.RetryAfterSource != ""):
		return limit.SignalNone, false // it may be another's health, or be told by a gateway: it is no sign of either
	case e.Class == RateLimit:
		return t.observeRefusal(p, e)
	case hostFails(e):
		return t.observeFailure(p, routeKey(p.Key), e)
	case e.Class == Overloaded && e.pause(t.maxSharedPause()) > 0:
		return limit.SignalNone, t.limiter().Observe(*p, limit.Observation{Key: routeKey(p.Key), Hold: e.pause(t.maxSharedPause()), Err: e.withoutBody()})
	case e.Class == Overloaded, e.Class == Timeout:
		return limit.SignalNone, false
	}
	return limit.SignalGood, false // not what was wanted, but somebody is there
}

// observeError tells a host that cannot be reached from a caller who gave up. A
// connection that cannot be made speaks for the whole host; one that was lost may
// be the work of the request, and speaks for its route.
func (t *Throttler) observeError(req *http.Request, p *limit.Permit, err error) (limit.Signal, bool) {
	if err == nil || ended(req) != nil {
		return limit.SignalNone, false
	}
	e := errorFor(req, err)
	switch {
	case e.Class != Connection:
	case neterr.Unreachable(err):
		return t.observeFailure(p, limit.Key{Host: p.Key.Host}, e)
	default:
		return t.observeFailure(p, routeKey(p.Key), e)
	}
	return limit.SignalNone, false
}

// observeFailure observes that what k names does not work.
func (t *Throttler) observeFailure(p *limit.Permit, k limit.Key, e *Error) (limit.Signal, bool) {
	if t.OutageWait < 0 {
		return limit.SignalNone, false
	}
	o := limit.Observation{Key: k, Signal: limit.SignalFailing, Hold: e.pause(t.maxSharedPause()), Err: e.withoutBody()}
	return limit.SignalNone, t.limiter().Observe(*p, o)
}

// observeRefusal has everybody wait whom the limit concerns that refused p's
// request. A wait for longer than MaxSharedPause, or by the day, concerns only who
// was told.
func (t *Throttler) observeRefusal(p *limit.Permit, e *Error) (limit.Signal, bool) {
	pause := e.pause(t.maxSharedPause())
	if pause == 0 && (e.RetryAfterSource != "" && e.RetryAfter > 0 || e.Window >= longWindow) {
		return limit.SignalGood, false // somebody is there
	}
	scope := e.Scope
	if scope == 0 {
		scope = unknownScope
	}
	return limit.SignalNone, t.limiter().Observe(*p, limit.Observation{
		Key: keyIn(p.Key, scope), Signal: limit.SignalRefused, Hold: pause, Strict: dialect.Punishes(e.Provider), Err: e.withoutBody(),
	})
}

// unknownScope is whom a limit concerns of which nothing is documented.
const unknownScope = limit.ScopeCredential | limit.ScopeMethod | limit.ScopePath

// pause is how long e asks everybody to wait; 0 if it does not, or for longer than
// most.
func (e *Error) pause(most time.Duration) time.Duration {
	if e.RetryAfterSource == "" || e.RetryAfter > most {
		return 0
	}
	return max(time.Until(e.NotBefore), 0)
}

// observeLimits takes the limits from the headers of any response. e is the
// verdict on it, nil for a success. A response from a cache says nothing of the
// present.
func (t *Throttler) observeLimits(req *http.Request, p *limit.Permit, resp *http.Response, e *Error) {
	if !dialect.MentionsLimits(resp.Header) || req.URL == nil || fromCache(resp) {
		return
	}
	provider, scope := dialect.ScopeOf(req.Method, hostname(req.URL), req.URL.Path, req.Header)
	if e != nil {
		provider = cmp.Or(e.Provider, provider)
		if e.Class == RateLimit && e.Scope != 0 {
			scope = e.Scope
		}
	}
	if scope == 0 {
		scope = unknownScope
	}
	for _, l := range dialect.Limits(provider, resp.Header, time.Now()) {
		o := limit.Observation{
			Key: keyIn(p.Key, scope), Unit: string(l.Unit), Limit: l.Limit, Remaining: l.Remaining, Window: l.Window, Reset: l.Reset, Refills: l.Refills,
			MaxWait: t.maxSharedPause(),
		}
		if e != nil && l.Remaining == 0 {
			o.Window = cmp.Or(o.Window, e.Window) // of the limit that was hit, and so of this one
		}
		switch {
		case l.Unit == wait.Concurrency, l.Name != "" && l.Unit == wait.Other:
			continue
		case l.Unit == wait.Other && (l.Remaining != 0 || e != nil):
			continue // what is counted is not known, but that something is left of it, or that it refused
		case l.Unit == wait.Other:
			o.Unit = string(wait.Requests) // each of which will be refused
		}
		t.limiter().Observe(*p, o)
	}
}

// fromCache reports whether a cache gave the response (RFC 9111, 5.1).
func fromCache(resp *http.Response) bool {
	age := first(resp.Header, "Age")
	return age != "" && age != "0"
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

// keyOf returns the Key of a request: all that is known of it.
func (t *Throttler) keyOf(req *http.Request, r *reading) limit.Key {
	if t.Key != nil {
		return limit.Key{Host: t.Key(req)}
	}
	return limit.Key{
		Host:       hostOf(req),
		Route:      routeOf(req),
		Bucket:     bucketOf(req),
		Credential: credential.Hash(req, t.Salt),
		Model:      r.model(req),
	}
}

// keyIn returns the Key of all requests that have what is in scope in common with
// those of k. Where that is a model that nobody could find out, it is the route.
func keyIn(k limit.Key, scope limit.Scope) limit.Key {
	const route = limit.ScopeMethod | limit.ScopePath
	in := limit.Key{Host: k.Host}
	if scope&limit.ScopeCredential != 0 {
		in.Credential = k.Credential
	}
	if scope&limit.ScopeModel != 0 {
		in.Model = k.Model
	}
	switch {
	case scope&route == route, scope&limit.ScopeModel != 0 && k.Model == "":
		in.Route = k.Route
	case scope&parts != 0:
		in.Bucket = k.Bucket
	}
	return in
}

// routeKey returns the Key of the requests that fail where one of k does: those of
// its route, model and credential.
func routeKey(k limit.Key) limit.Key {
	k.Bucket = ""
	return k
}

// parts are the members of a Scope that a Key's Bucket stands for.
const parts = limit.ScopeMethod | limit.ScopePath | limit.ScopeResource | limit.ScopeBucket

// bucketOf names the group of requests that req shares a limit with by the API's
// documentation, "" where there is none but the route.
func bucketOf(req *http.Request) string {
	if req.URL == nil {
		return ""
	}
	host := hostname(req.URL)
	path := redact.Path(req.URL.Host, req.URL.Path)
	_, s := dialect.ScopeOf(req.Method, host, req.URL.Path, req.Header)
	if s &= parts; s == 0 || s == limit.ScopeMethod|limit.ScopePath {
		return ""
	}
	return dialect.BucketOf(s, methodOf(req), host, path)
}

// routeOf names the route of a request.
func routeOf(req *http.Request) string {
	if req.URL == nil {
		return methodOf(req)
	}
	return dialect.Route(methodOf(req), redact.Path(req.URL.Host, req.URL.Path))
}
