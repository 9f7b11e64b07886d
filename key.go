package steadyhttp

import (
	"net/http"

	"github.com/steadyhttp/steadyhttp/internal/credential"
	"github.com/steadyhttp/steadyhttp/internal/dialect"
	"github.com/steadyhttp/steadyhttp/internal/redact"
	"github.com/steadyhttp/steadyhttp/limit"
)

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
