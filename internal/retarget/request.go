package retarget

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/steadyhttp/steadyhttp/internal/credential"
	"github.com/steadyhttp/steadyhttp/internal/dialect"
)

// Request returns the request for t, which Fits and Check had nothing against: a copy of
// req with ctx, with a URL and a Header of its own. Body, GetBody and ContentLength are
// those of req.
func (t *Target) Request(ctx context.Context, req *http.Request) *http.Request {
	r := req.WithContext(ctx)
	same := t.SameOrigin(req)
	r.URL = t.url(req, same)
	r.Header = t.header(req, same)
	if !same {
		r.Host = t.URL.Host
		r.Trailer = nil
		r.Response = nil // the redirect that led here
	}
	return r
}

// url is where the request for t goes.
func (t *Target) url(req *http.Request, same bool) *url.URL {
	u := *req.URL
	p := apiPath(req)
	path := p.WithModel(t.Model)
	if t.URL != nil {
		u = url.URL{Scheme: t.URL.Scheme, Host: t.URL.Host, RawQuery: req.URL.RawQuery, ForceQuery: req.URL.ForceQuery}
		if p.API != dialect.NoAPI {
			path, _ = p.At(hostname(t.URL), strings.TrimRight(t.URL.EscapedPath(), "/"), t.Model)
		}
		if same {
			u.Host, u.User = req.URL.Host, req.URL.User
		}
	}
	if t.foreign(req) {
		u.User = nil
		u.RawQuery = query(u.RawQuery, p.API, same)
	}
	if p.Deployed() && !dialect.NeedsVersion(hostname(&u), path) { // which newer ones refuse
		u.RawQuery = credential.FilterQuery(u.RawQuery, func(name, _ string, _ bool) bool { return name != "api-version" })
	}
	u.Fragment, u.RawFragment = "", "" // which no server sees
	if plain, err := url.PathUnescape(path); err == nil {
		u.Path, u.RawPath = plain, path // RawPath counts only where it says more than Path
	}
	if u.RawPath == (&url.URL{Path: u.Path}).EscapedPath() {
		u.RawPath = ""
	}
	return &u
}

// query is what of a query may leave the caller: of a request to a model only what is
// known to be harmless. Of an API that nobody here knows all but credentials, since
// without its parameters it would be another request.
func query(raw string, api dialect.API, same bool) string {
	switch {
	case raw == "":
		return ""
	case same || api == dialect.NoAPI:
		return credential.WithoutCredentials(raw)
	}
	return credential.FilterQuery(raw, func(name, _ string, _ bool) bool { return dialect.PassingParam(name) })
}
