package steadyhttp

import (
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/steadyhttp/steadyhttp/internal/credential"
	"github.com/steadyhttp/steadyhttp/internal/dialect"
	"github.com/steadyhttp/steadyhttp/limit"
)

// The dimensions of a host's limits are what its responses have shown: by what
// the limits tell requests apart, and whether some of them count tokens.
type dimensions struct {
	by     limit.Scope
	tokens bool
}

// keyOf returns the Key of a request: all that is known of it and may matter at a
// host with limits of those dimensions.
func (t *Throttler) keyOf(req *http.Request, d dimensions, r *reading) limit.Key {
	if t.Key != nil {
		return limit.Key{Host: t.Key(req)}
	}
	k := limit.Key{Host: hostOf(req)}
	if d.by != 0 || t.limited() || t.Limiter != nil {
		k.Credential = credential.Hash(req, t.Salt) // else nothing depends on it
	}
	// Another process may have shown a shared Limiter what this one has not seen.
	if d.by&limit.ScopeModel != 0 || t.ByModel || t.Limiter != nil {
		k.Model = r.model(req)
	}
	if d.by&parts != 0 || t.Limiter != nil {
		k.Bucket = bucketOf(req)
	}
	return k
}

// parts are the members of a Scope that a Key's Bucket stands for.
const parts = limit.ScopeMethod | limit.ScopePath | limit.ScopeResource | limit.ScopeBucket

// keyIn returns the Key of what req has in common with all in scope. Where it
// is a model that nobody could find out, what is alike is the method and path.
func (t *Throttler) keyIn(req *http.Request, of *limit.Permit, scope limit.Scope) (limit.Key, dimensions) {
	d := dimensions{by: scope}
	k := t.keyOf(req, d, new(reading))
	k.Host = of.Key.Host // the base may have changed req
	if t.Key != nil {
		return k, dimensions{}
	}
	if scope&limit.ScopeModel == 0 && !t.ByModel {
		k.Model = ""
	}
	if scope&parts == 0 {
		k.Bucket = ""
	}
	if scope&limit.ScopeModel != 0 && k.Model == "" && scope&parts == 0 {
		d.by |= limit.ScopeMethod | limit.ScopePath
		k.Bucket = bucketOf(req)
	}
	if scope&limit.ScopeCredential == 0 {
		k.Credential = 0
	}
	return k, d
}

// bucketOf names the group of requests that req is of, always by the same
// rule for the same API.
func bucketOf(req *http.Request) string {
	if req.URL == nil {
		return req.Method
	}
	host := hostname(req.URL)
	_, s := dialect.ScopeOf(req.Method, host, req.URL.Path, req.Header)
	if s&parts == 0 {
		s = dialect.Method | dialect.Path
	}
	return dialect.BucketOf(s, methodOf(req), host, req.URL.Path)
}

// A dimensionsByHost remembers the dimensions of hosts' limits. Most hosts have
// shown none, and cost nothing.
type dimensionsByHost struct {
	n  atomic.Int32 // how many there are: read without the lock on the way past
	mu sync.RWMutex // guards m
	m  map[string]dimensions
}

// maxDimensions bounds the hosts of which that is remembered.
const maxDimensions = 10_000

func (s *dimensionsByHost) of(host string) dimensions {
	if s.n.Load() == 0 {
		return dimensions{}
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.m[host]
}

func (s *dimensionsByHost) add(host string, d dimensions) {
	old := s.of(host)
	if old.by&d.by == d.by && (old.tokens || !d.tokens) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.m == nil {
		s.m = make(map[string]dimensions)
	}
	old = s.m[host]
	if len(s.m) >= maxDimensions && old == (dimensions{}) {
		clear(s.m) // a crawler's; what matters is soon shown again
	}
	s.m[host] = dimensions{by: old.by | d.by, tokens: old.tokens || d.tokens}
	s.n.Store(int32(len(s.m)))
}
