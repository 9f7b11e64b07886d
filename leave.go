package steadyhttp

import (
	"errors"
	"math"
	"net/http"
	"strings"

	"github.com/steadyhttp/steadyhttp/internal/down"
	"github.com/steadyhttp/steadyhttp/limit"
)

// leaves returns in what another place has to differ, in one of these at the least, for
// a call that failed with e to succeed there. 0 is that no place will do.
func (e *Error) leaves() limit.Scope {
	const everywhere = limit.ScopeCredential | limit.ScopeModel | limit.ScopeHost
	if errors.Is(e.Err, errTarget) || errors.Is(e, ErrThrottled) {
		return everywhere
	}
	for _, l := range leaving {
		if l.class != e.Class {
			continue
		}
		switch {
		case e.Status == http.StatusMisdirectedRequest:
			return limit.ScopeHost // whose connections lead astray
		case e.Class == RateLimit:
			if named := e.Scope & everywhere; named != 0 {
				return named
			}
		case e.Class == NotFound && e.Status == 0:
			return limit.ScopeHost // its name does not exist
		case e.Class == NotFound && !e.namesModel():
			return 0
		case e.Class == Unknown && e.Status != 0:
			return 0
		}
		return l.differs
	}
	return 0
}

// leaving is what failures of each class leave. Classes that are not listed leave
// nothing. docs/failover.md has this table.
var leaving = []struct {
	class   Class
	differs limit.Scope
}{
	{RateLimit, limit.ScopeCredential | limit.ScopeModel | limit.ScopeHost}, // if the refusal names no scope
	{Quota, limit.ScopeCredential},
	{Authentication, limit.ScopeCredential},
	{Permission, limit.ScopeCredential},
	{Overloaded, limit.ScopeModel | limit.ScopeHost},
	{ServerError, limit.ScopeModel | limit.ScopeHost},
	{Unavailable, limit.ScopeModel | limit.ScopeHost},
	{Timeout, limit.ScopeModel | limit.ScopeHost},
	{Connection, limit.ScopeHost},
	{TLS, limit.ScopeHost},
	{Unknown, limit.ScopeHost}, // an error of the network that nobody knows
	{NotFound, limit.ScopeModel},
}

// namesModel reports whether e, a 404, is about a model.
func (e *Error) namesModel() bool {
	return e.Param == "model" || strings.Contains(strings.ToLower(e.Code+" "+e.Message), "model") || strings.Contains(strings.ToLower(e.Code), "deployment")
}

// isOfTarget reports whether e, which a target answered, may be due to what the target
// changes: the request as it is has not been refused by that. A refusal by policy is
// none of these, and what an account may not do is looked at by leaves.
func (e *Error) isOfTarget() bool {
	switch e.Class {
	case ContentPolicy, Conflict, Canceled, Quota, Authentication:
		return false
	}
	return !e.Class.Retryable()
}

// mayFollow reports whether the call may succeed at the i-th place after a failure
// elsewhere.
func (p *plan) mayFollow(i int, f failure) bool {
	to, from, e := &p.walk.places[i], &p.walk.places[f.place], f.verdict
	if (e.Class == ContextLength || e.Class == TooLarge && !errors.Is(e, ErrThrottled)) && to.to != nil {
		return to.to.MaxInput > 0 // and at least the estimate: see fitting
	}
	differs := e.leaves()
	if to.to == nil && e.isOfTarget() {
		return true // which has its own answer to the request as it is
	}
	host := to.at.Host != from.at.Host
	switch {
	case errors.Is(e.Err, errTarget):
		return i != f.place
	case differs&limit.ScopeHost != 0 && host:
		return true
	case differs&limit.ScopeCredential != 0 && (host || to.at.Credential != from.at.Credential):
		return true
	}
	return differs&limit.ScopeModel != 0 && to.at.Model != from.at.Model
}

// learn remembers for other calls what e says of the place where it came from. fresh
// says that nobody knew, and that a person has to act.
//
// Evidence: an answer that asks for a pause, or says that an account is empty, a key
// bad, or by a code that something is not permitted, speaks for itself; all else is
// believed after a few in a row. Scope: what e.leaves names. Escape: a success of a call
// that was sent later, and the calls that look.
func (p *plan) learn(e *Error) (fresh bool) {
	at := p.walk.places[p.walk.at].at
	scope, pause := down.Place{Host: at.Host}, min(e.pause(math.MaxInt64), maxPause)
	switch e.Class {
	case Quota, Authentication:
		scope.Credential, pause = at.Credential, spentTime
	case Permission:
		scope = at // this model may be what it does not permit
		if e.Code != "" {
			pause = spentTime
		} // else it may be a firewall before the API that has stopped this very prompt
	case RateLimit:
		if scope = at; e.Scope&(limit.ScopeCredential|limit.ScopeModel|limit.ScopeHost) == 0 {
			break
		}
		if scope.Route = ""; e.Scope&limit.ScopeCredential == 0 {
			scope.Credential = 0
		}
		if e.Scope&limit.ScopeModel == 0 {
			scope.Model = ""
		}
	case Overloaded, ServerError, Unavailable, Timeout:
		scope.Model, scope.Route = at.Model, at.Route
	case NotFound:
		if scope.Model = at.Model; errors.Is(e.Err, errTarget) && e.Status == 0 {
			return false // it may be this one call's
		} else if errors.Is(e.Err, errTarget) {
			scope, pause = at, spentTime
		} else if e.Status == 0 {
			scope.Model = ""
		}
	case Connection, TLS:
	default:
		return false
	}
	switch {
	case errors.Is(e, ErrThrottled):
		return false
	case e.leaves() == 0 && e.Class == NotFound && p.to() != nil:
		scope = at // its URL is wrong
	case e.leaves() == 0:
		return false
	}
	return p.via.down.Failed(scope, p.walk.places[p.walk.at].name(), e.withoutBody(), pause) && pause == spentTime
}
