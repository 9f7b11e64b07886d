package steadyhttp

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash/maphash"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/steadyhttp/steadyhttp/internal/dialect"
	"github.com/steadyhttp/steadyhttp/internal/redact"
)

// A parting is by what the limits at a host part requests, as far as it has
// shown.
type parting struct {
	by     Scope
	tokens bool // it has limits of tokens
}

// keyOf returns the Key of a request: all that is known of it and may matter.
func (t *Throttler) keyOf(req *http.Request, p parting, r *reading) Key {
	if t.Key != nil {
		return Key{Host: t.Key(req)}
	}
	k := Key{Host: hostOf(req)}
	if p.by != 0 || t.limited() || t.Limiter != nil {
		k.Credential = t.credential(req) // else nothing depends on it
	}
	// Another process may have shown a shared Limiter what this one has not seen.
	if p.by&ScopeModel != 0 || t.ByModel || t.Limiter != nil {
		k.Model = r.model(req)
	}
	if p.by&parts != 0 || t.Limiter != nil {
		k.Bucket = bucketOf(req)
	}
	return k
}

// parts are the members of a Scope that a Key's Bucket stands for.
const parts = ScopeMethod | ScopePath | ScopeResource | ScopeBucket

// keyIn returns the Key of what req has in common with all in scope. Where it
// is a model that nobody could find out, what is alike is the method and path.
func (t *Throttler) keyIn(req *http.Request, of *Permit, scope Scope) (Key, parting) {
	p := parting{by: scope}
	k := t.keyOf(req, p, new(reading))
	k.Host = of.Key.Host // the base may have changed req
	if t.Key != nil {
		return k, parting{}
	}
	if scope&ScopeModel == 0 && !t.ByModel {
		k.Model = ""
	}
	if scope&parts == 0 {
		k.Bucket = ""
	}
	if scope&ScopeModel != 0 && k.Model == "" && scope&parts == 0 {
		p.by |= ScopeMethod | ScopePath
		k.Bucket = bucketOf(req)
	}
	if scope&ScopeCredential == 0 {
		k.Credential = 0
	}
	return k, p
}

// bucketOf names the group of requests that req is of, always by the same
// rule for the same API.
func bucketOf(req *http.Request) string {
	if req.URL == nil {
		return req.Method
	}
	host := hostname(req.URL)
	_, s := dialect.ScopeOf(req.Method, host, req.URL.Path, req.Header)
	if Scope(s)&parts == 0 {
		s = dialect.Method | dialect.Path
	}
	return dialect.BucketOf(s, methodOf(req), host, req.URL.Path)
}

// label is k.Label.
func (k Key) label() string {
	label := k.Host
	if k.Credential > anonymous {
		label += fmt.Sprintf(" key %04x", uint16(k.Credential))
	}
	for _, part := range []string{k.Model, k.Bucket} {
		if part != "" {
			label += " " + part
		}
	}
	return redact.Line(label, maxLabel)
}

// maxLabel bounds a Key's label: a host, a model and a path of usual length.
const maxLabel = 256

// partings remembers by what hosts part their limits. Most hosts show none, and
// cost nothing.
type partings struct {
	n  atomic.Int32 // how many there are: read without the lock on the way past
	mu sync.RWMutex // guards m
	m  map[string]parting
}

// maxPartings bounds the hosts of which that is remembered.
const maxPartings = 10_000

func (s *partings) of(host string) parting {
	if s.n.Load() == 0 {
		return parting{}
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.m[host]
}

func (s *partings) add(host string, p parting) {
	old := s.of(host)
	if old.by&p.by == p.by && (old.tokens || !p.tokens) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.m == nil {
		s.m = make(map[string]parting)
	}
	old = s.m[host]
	if len(s.m) >= maxPartings && old == (parting{}) {
		clear(s.m) // a crawler's; what matters is soon shown again
	}
	s.m[host] = parting{by: old.by | p.by, tokens: old.tokens || p.tokens}
	s.n.Store(int32(len(s.m)))
}

func (t *Throttler) parting(req *http.Request) parting { return t.partings.of(hostOf(req)) }

// seed makes the hashes of credentials worthless outside this process.
var seed = maphash.MakeSeed()

// credentialHeaders are where APIs take their keys, by canonical name.
var credentialHeaders = []string{"Authorization", "X-Api-Key", "Api-Key", "X-Goog-Api-Key", "Private-Token"}

// anonymous stands for requests without a credential, among themselves. 0 would
// stand for all.
const anonymous = 1

// credential returns a hash of the request's credential: never the credential.
func (t *Throttler) credential(req *http.Request) uint64 {
	for _, name := range credentialHeaders {
		if v := req.Header[name]; len(v) > 0 && v[0] != "" {
			return t.hash(v[0])
		}
	}
	if v := queryKey(req.URL); v != "" {
		return t.hash(v)
	}
	return anonymous
}

func (t *Throttler) hash(credential string) uint64 {
	if t.Salt == "" {
		return max(maphash.String(seed, credential), anonymous+1)
	}
	mac := hmac.New(sha256.New, []byte(t.Salt))
	mac.Write([]byte(credential))
	return max(binary.BigEndian.Uint64(mac.Sum(nil)), anonymous+1)
}

// queryKey returns the value of the query parameter that holds a key, as sent.
func queryKey(u *url.URL) string {
	if u == nil {
		return ""
	}
	for rest := u.RawQuery; rest != ""; {
		var pair string
		pair, rest, _ = strings.Cut(rest, "&")
		if v, ok := strings.CutPrefix(pair, "key="); ok {
			return v
		}
	}
	return ""
}

// credentials returns what req authenticates with, so that an answer that
// quotes it does not put it into a text of ours, whatever its shape. req may
// be nil.
func credentials(req *http.Request) []string {
	if req == nil {
		return nil
	}
	all := make([]string, 0, 4)
	for name, values := range req.Header {
		if !redact.SecretName(name) {
			continue
		}
		for _, v := range values {
			all = appendCredentials(all, v)
		}
	}
	if req.URL == nil {
		return all
	}
	if u := req.URL.User; u != nil {
		password, _ := u.Password()
		all = append(all, u.Username(), password) // Stripe takes the key as the user
	}
	for rest := req.URL.RawQuery; rest != ""; {
		var pair string
		pair, rest, _ = strings.Cut(rest, "&")
		name, v, _ := strings.Cut(pair, "=")
		if !redact.SecretName(name) {
			continue
		}
		all = append(all, v)
		if plain, err := url.QueryUnescape(v); err == nil && plain != v {
			all = append(all, plain)
		}
	}
	return all
}

// appendCredentials adds a header's value and its parts: what follows the
// scheme, the values of parameters and cookies, and what Basic encodes.
func appendCredentials(all []string, v string) []string {
	all = append(all, v)
	for part := range strings.FieldsFuncSeq(v, func(r rune) bool { return r == ',' || r == ';' }) {
		if _, value, ok := strings.Cut(part, "="); ok {
			all = append(all, strings.Trim(value, ` "`))
		}
	}
	scheme, token, ok := strings.Cut(v, " ")
	if !ok {
		return all
	}
	all = append(all, token)
	if strings.EqualFold(scheme, "Basic") {
		if plain, err := base64.StdEncoding.DecodeString(token); err == nil {
			user, password, _ := strings.Cut(string(plain), ":")
			all = append(all, string(plain), user, password)
		}
	}
	return all
}

// hostOf is what a Budget and a Throttler go by: the host, with its port.
func hostOf(req *http.Request) string {
	if req.URL == nil {
		return ""
	}
	return req.URL.Host
}

// hostname is u.Hostname() for hosts as url.Parse lets them be. That looks at
// each byte several times.
func hostname(u *url.URL) string {
	host := u.Host
	if host == "" || host[0] == '[' {
		return u.Hostname()
	}
	if host[len(host)-1] > ':' {
		return host // a port ends in a digit, and few names do
	}
	if port := strings.IndexByte(host, ':'); port >= 0 {
		return host[:port]
	}
	return host
}
