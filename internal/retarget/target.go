// Package retarget turns a request into the one for another server, credential or
// model. It sends nothing and keeps nothing: all of it may be called from many
// goroutines.
//
// What leaves for another origin is by a list of what is harmless, since nobody can list
// what is secret: a company's own headers have any name.
package retarget

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/steadyhttp/steadyhttp/internal/credential"
	"github.com/steadyhttp/steadyhttp/internal/dialect"
)

// A Target is what changes of a request.
type Target struct {
	URL    *url.URL    // the base as an SDK would be given it; nil is the request's own
	Header http.Header // set on the request; a name without values removes that header
	Model  string      // "" leaves the model
	Set    []Member    // members of the JSON body, sorted by name: see Members
}

// A Member is one of the outermost object of a JSON body. A nil Value removes it.
type Member struct {
	Name  string
	Value []byte
}

// Members encodes set. A nil value removes the member; json.RawMessage("null") sets
// it to null.
func Members(set map[string]any) ([]Member, error) {
	all := make([]Member, 0, len(set))
	for name, value := range set {
		if name == "" || !utf8.ValidString(name) {
			return nil, fmt.Errorf("a name in Set is %q: it must be a text and not empty", name)
		}
		m := Member{Name: name}
		if value != nil {
			var err error
			if m.Value, err = encode(value); err != nil {
				return nil, fmt.Errorf("the value of Set[%q] can't be written as JSON: %w", name, err)
			}
		}
		all = append(all, m)
	}
	slices.SortFunc(all, func(a, b Member) int { return strings.Compare(a.Name, b.Name) })
	return all, nil
}

// encode is json.Marshal that leaves < and & as they are: what a model answers may depend
// on it.
func encode(value any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(value)
	return bytes.TrimRight(b.Bytes(), "\n"), err
}

// Validate returns an error that says what to set instead. It never quotes the value of a header.
func (t *Target) Validate() error {
	if err := t.validURL(); err != nil {
		return err
	}
	for name, values := range t.Header {
		if err := validHeader(name, values); err != nil {
			return err
		}
	}
	if _, twice := t.member("model"); twice && t.Model != "" {
		return errors.New(`both Model and Set["model"] are set: Model alone will do`)
	}
	return nil
}

func (t *Target) validURL() error {
	u := t.URL
	if u == nil {
		return nil
	}
	const example = "a base such as https://openrouter.ai/api/v1"
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return fmt.Errorf("the URL must begin with https:// or http://: set %s", example)
	case u.Opaque != "" || u.Hostname() == "":
		return fmt.Errorf("the URL has no host: set %s", example)
	case u.User != nil:
		return errors.New("the URL holds a user or a password: set Header's Authorization instead")
	case u.RawQuery != "" || u.ForceQuery:
		return errors.New("the URL has a query: leave it out, and add what the server wants in Prepare")
	case u.Fragment != "":
		return errors.New("the URL has a fragment, which no server sees: leave it out")
	}
	for _, resource := range [...]string{"/chat/completions", "/responses", "/embeddings", "/messages", "/completions"} {
		if strings.HasSuffix(strings.TrimRight(u.Path, "/"), resource) {
			return fmt.Errorf("the URL ends in %s, which each request brings along: leave it out, as in %s", resource, example)
		}
	}
	return nil
}

func validHeader(name string, values []string) error {
	if !isToken(name) {
		return fmt.Errorf("the Header's %q is no name of a header", name)
	}
	switch textproto.CanonicalMIMEHeaderKey(name) {
	case "Host":
		return errors.New("the Header can't set Host, which is that of URL: leave it out, and set URL to the host that is meant")
	case "Content-Length", "Transfer-Encoding", "Trailer", "Connection", "Keep-Alive", "Proxy-Connection", "Proxy-Authenticate", "Proxy-Authorization", "Te", "Upgrade":
		return fmt.Errorf("the Header can't set %s, which belongs to the connection: leave it out", name)
	case "Content-Encoding":
		return fmt.Errorf("the Header can't set %s, since the body is sent as it is: leave it out", name)
	case "Idempotency-Key", "X-Idempotency-Key":
		if len(values) > 0 {
			return fmt.Errorf("the Header can't set %s: all requests would have the same one", name)
		}
	}
	if len(values) > 0 && credential.InHeader(name) && noKey(values) {
		return fmt.Errorf("the Header's %s holds no key: is the variable set that it comes from?", name)
	}
	for _, v := range values {
		for i := range len(v) {
			if c := v[i]; c < ' ' && c != '\t' || c == 0x7f {
				return fmt.Errorf("the value of Header[%q] has a control character, perhaps the line break at the end of a file: trim it", name)
			}
		}
	}
	return nil
}

// noKey reports whether a header's values have nothing but the name of a scheme.
func noKey(values []string) bool {
	for _, v := range values {
		switch strings.ToLower(strings.TrimSpace(v)) {
		case "", "bearer", "basic", "token", "key", "apikey":
		default:
			return false
		}
	}
	return true
}

// isToken reports whether s may be the name of a header (RFC 9110, 5.6.2).
func isToken(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !('a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9' || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0) {
			return false
		}
	}
	return s != ""
}

// member finds a member of Set.
func (t *Target) member(name string) (Member, bool) {
	i, ok := slices.BinarySearchFunc(t.Set, name, func(m Member, name string) int { return strings.Compare(m.Name, name) })
	if !ok {
		return Member{}, false
	}
	return t.Set[i], true
}

// Fits reports whether a request for t can be made of req at all, by what stands outside
// its body. What does not fit is left alone: it is no error of anybody's.
func (t *Target) Fits(req *http.Request) bool {
	switch {
	case req.URL == nil, req.URL.Opaque != "", get(req.Header, "Upgrade") != "":
		return false
	case t.changes() && !hasJSON(req):
		return false
	case t.SameOrigin(req):
		return true
	case hasForm(req):
		return false // a login's, for instance: nobody looks for the password in it
	}
	return apiPath(req).API != dialect.NoAPI || t.mirrors(req)
}

// mirrors reports whether the server of t may understand a request of an API that
// nobody here knows. One for models does not, and nor does any for a request that is
// known to be for another service. A model's provider keeps objects (files, batches,
// stored answers), which are where they were made.
func (t *Target) mirrors(req *http.Request) bool {
	host := hostname(req.URL)
	return !dialect.ServesModels(hostname(t.URL)) && !dialect.ServesModels(host) && (isRoot(t.URL.Path) || !dialect.Known(host)) &&
		!credential.InPath(req.URL)
}

// Check returns an error if a request that fits would not be understood, because t's URL
// is the base of another API, or names a path though nobody knows what to put behind it.
func (t *Target) Check(req *http.Request) error {
	if t.URL == nil || req.URL == nil {
		return nil
	}
	p := apiPath(req)
	base := strings.TrimRight(t.URL.EscapedPath(), "/")
	if p.API == dialect.NoAPI {
		if isRoot(t.URL.Path) || t.SameOrigin(req) && strings.HasPrefix(req.URL.Path, base+"/") {
			return nil
		}
		return fmt.Errorf("the URL %s has a path, but what API the request is of is not known: set %s://%s, and the request's own path stays", t.URL, t.URL.Scheme, t.URL.Host)
	}
	why, instead, known := p.Mismatch(hostname(t.URL), base)
	switch {
	case known:
		return fmt.Errorf("the URL %s %s: for requests of the %s API set %s://%s%s", t.URL, why, p.API, t.URL.Scheme, t.URL.Host, instead)
	case why != "":
		return fmt.Errorf("the URL %s %s: set the base of a server that does, since requests are not translated", t.URL, why)
	}
	if path, _ := p.At(hostname(t.URL), base, ""); dialect.NeedsVersion(hostname(t.URL), path) && !strings.Contains(req.URL.RawQuery, "api-version=") {
		return fmt.Errorf("the URL %s is of an older API, for which the request would need an api-version: set %s://%s/openai/v1 and Model", t.URL, t.URL.Scheme, t.URL.Host)
	}
	return nil
}

func isRoot(path string) bool { return path == "" || path == "/" }

// SameOrigin reports whether a request for t goes to where req goes: the same scheme,
// host and port.
func (t *Target) SameOrigin(req *http.Request) bool {
	return t.URL == nil || req.URL != nil && strings.EqualFold(t.URL.Scheme, req.URL.Scheme) &&
		hostname(t.URL) == hostname(req.URL) && port(t.URL) == port(req.URL)
}

func hostname(u *url.URL) string { return strings.TrimSuffix(strings.ToLower(u.Hostname()), ".") }

func port(u *url.URL) string {
	if p := u.Port(); p != "" {
		return p
	}
	if strings.EqualFold(u.Scheme, "http") {
		return "80"
	}
	return "443"
}

func apiPath(req *http.Request) dialect.APIPath {
	return dialect.APIPathOf(hostname(req.URL), req.URL.EscapedPath(), req.Header)
}

// KnowsAPI reports whether it is known what API req is of, and so what of its path
// follows the base.
func KnowsAPI(req *http.Request) bool { return apiPath(req).API != dialect.NoAPI }

// foreign reports whether what the caller authenticates with must not go along: to
// another origin, and beside a credential of t's own. Two of them would be of two
// callers.
func (t *Target) foreign(req *http.Request) bool { return !t.SameOrigin(req) || t.setsCredential() }

func (t *Target) setsCredential() bool {
	for name, values := range t.Header {
		if len(values) > 0 && credential.InHeader(name) {
			return true
		}
	}
	return false
}

// Answer removes from the header of another origin's answer what is not the caller's: it
// would set cookies for a server that did not.
func Answer(h http.Header) {
	remove(h, "Set-Cookie")
	remove(h, "Set-Cookie2")
}
