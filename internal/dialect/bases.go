package dialect

import (
	"slices"
	"strings"
)

// A base is where at a family's hosts an API begins: what its SDK is given, without
// the host.
type base struct {
	api  API
	path string // "*" is any part
}

// Mismatch says why the request would not be understood at a server whose SDK would be
// given that host and base, in words that follow the URL, and what base to set
// instead, if one is known. why is "" if nothing is known against it.
func (r *APIPath) Mismatch(host, path string) (why, instead string, known bool) {
	if r.API == NoAPI {
		return "", "", false
	}
	bases := basesAt(host)
	var own []base
	for _, b := range bases {
		if b.api == r.API || b.api == Gemini && r.API == VertexRaw && isVertex(host) || b.api == Cohere && r.API == Rerank {
			own = append(own, b)
		}
	}
	ours := matchesAny(own, path)
	version := path[versionBefore(path, len(path)):]
	switch {
	case len(bases) > 0 && len(own) == 0:
		return "does not understand requests of the " + string(r.API) + " API", "", false
	case !ours && matchesAny(bases, path):
		return "is the base of another API there", own[0].path, true
	case r.API == Cohere && version != "" && version != r.path[r.at:r.core]:
		return "is the base of another version of the API", strings.TrimSuffix(path, version), true
	case path == "" && len(bases) > 0 && !ours && !r.keepsAzure(host, path) && !r.isVertex():
		return "lacks a path", own[0].path, true
	}
	return "", "", false // a base that nobody here knows is believed
}

// isVertex reports whether the path names a publisher, as only Vertex AI's do.
func (r *APIPath) isVertex() bool { return strings.Contains(r.path, "/publishers/") }

func matchesAny(bases []base, path string) bool {
	return slices.ContainsFunc(bases, func(b base) bool { return b.matches(path) })
}

func (b base) matches(path string) bool {
	want := b.path
	for {
		w, moreWanted, wants := strings.Cut(want, "/")
		p, more, has := strings.Cut(path, "/")
		if w != p && (w != "*" || p == "") {
			return false
		}
		if !wants || !has {
			return wants == has
		}
		want, path = moreWanted, more
	}
}

// basesAt lists the bases at host, nil if they are not known.
func basesAt(host string) []base {
	f := tables().byHost(host)
	if f == nil || f.modelsAt != nil && !f.modelsAt(host) {
		return nil
	}
	return f.bases
}

// begins and except tell a family's hosts apart.
func begins(any ...string) func(host string) bool {
	return func(host string) bool {
		return slices.ContainsFunc(any, func(s string) bool { return strings.HasPrefix(host, s) })
	}
}

func except(ending string) func(host string) bool {
	return func(host string) bool { return !strings.HasSuffix(host, ending) }
}

// speaks reports whether the server at host is known for that API.
func speaks(host string, api API) bool {
	bases := basesAt(host)
	for _, b := range bases {
		if b.api == api {
			return true
		}
	}
	return bases == nil && api == OpenAI && tables().byHost(host).isLike(openAI) && ServesModels(host)
}

func (f *family) isLike(other *family) bool {
	for ; f != nil; f = f.like {
		if f == other {
			return true
		}
	}
	return false
}

// ServesModels reports whether models are what the server at host is there for.
func ServesModels(host string) bool {
	f := tables().byHost(host)
	switch {
	case f == nil:
		return false
	case f.modelsAt != nil:
		return f.modelsAt(host)
	}
	return len(f.bases) > 0 || len(f.inference) > 0 || f.isLike(openAI)
}
