package steadyhttp

import (
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/steadyhttp/steadyhttp/internal/dialect"
)

// A harm is what sending a request twice would do, if the first one was carried
// out.
type harm uint8

const (
	harmful   harm = iota // it would be done twice, or nobody knows
	harmless              // nothing
	byMethod              // nothing, unless its URL or its body shows that it does more than its method says
	modelCall             // nothing but its price, unless its body has the server act
	unlisted              // a path that nobody knows: likewise, if its body is a conversation with a model
)

// harmOf goes by what costs nothing.
func harmOf(req *http.Request) harm {
	h := harmByMethod(req)
	switch {
	case h == harmless, h == byMethod:
		return h
	case hasKey(req):
		return harmless
	case req.Method == http.MethodPost:
		return harmOfPost(req)
	}
	return h
}

// harmWithoutKey is harmOf where no idempotency key counts.
func harmWithoutKey(req *http.Request) harm {
	if req.Method == http.MethodPost {
		return harmOfPost(req)
	}
	return harmByMethod(req)
}

// harmByMethod is what the method says (RFC 9110, 9.2), and for a write its header and its
// query.
func harmByMethod(req *http.Request) harm {
	switch {
	case !idempotentMethod(req.Method):
		return harmful
	case req.Method == http.MethodGet, req.Method == "":
		return byMethod
	case reads(req.Method):
		return harmless
	case conditional(req):
		return harmful
	}
	return byMethod
}

func harmOfPost(req *http.Request) harm {
	switch {
	case req.URL == nil, dialect.HandsOver(hostname(req.URL), req.URL.Path, req.Header):
		return harmful
	case isInference(req):
		return modelCall
	case saysJSON(req) && dialect.MayConverse(hostname(req.URL), req.URL.Path):
		return unlisted
	}
	return harmful
}

// mostlyHarmless reports whether hardly any request of that kind does harm twice, even
// before more of it is looked at.
func (h harm) mostlyHarmless() bool { return h == harmless || h == byMethod || h == modelCall }

// asksMore reports whether more of the request has to be looked at.
func (h harm) asksMore() bool { return h != harmful && h != harmless }

// An asked is what a request asked for when it was handed in: a base may change that.
type asked struct {
	method, host, path, query string
	header                    http.Header
}

func askedBy(req *http.Request) (a asked) {
	if req.URL != nil {
		a = asked{req.Method, hostname(req.URL), req.URL.Path, req.URL.RawQuery, req.Header}
	}
	return a
}

// ofBody is what h, of a request that asked for a, comes to with what its body shows. Only what the
// server can have seen counts, since it acts on nothing else: of a body that goes by
// once, what has gone by. A body that can't be looked at does not speak against the
// method.
func (h harm) ofBody(a *asked, e *dialect.Effect, seen bool) harm {
	switch h {
	case byMethod:
		if dialect.ActsAnyway(a.method, a.host, a.path, a.query, a.header) || seen && !reads(a.method) && e.RestsOnState() {
			return harmful
		}
	case modelCall:
		if !seen || e.Acts() || !e.Computes(a.host, a.path) {
			return harmful
		}
	case unlisted:
		if !seen || e.Acts() || !e.Converses() {
			return harmful
		}
	default:
		return h
	}
	return harmless
}

// mayRepeat reports whether doing req twice does no harm, as far as what its body
// begins with shows. It is asked only where there is a stream to be held back.
func mayRepeat(req *http.Request) bool {
	var e dialect.Effect
	h := harmOf(req)
	if h.asksMore() {
		start, seen := startOfBody(req, true)
		io.WriteString(&e, start)
		a := askedBy(req)
		h = h.ofBody(&a, &e, seen || !hasBody(req))
	}
	return h == harmless
}

// idempotencyHeaders make a request repeatable, as they do for net/http, where
// an empty list of values is a promise as well.
var idempotencyHeaders = []string{"Idempotency-Key", "X-Idempotency-Key"}

func hasKey(req *http.Request) bool {
	for _, name := range idempotencyHeaders {
		if _, ok := req.Header[name]; ok {
			return true
		}
	}
	return false
}

// idempotentMethod goes by RFC 9110, 9.2.2.
func idempotentMethod(method string) bool {
	return reads(method) || method == http.MethodPut || method == http.MethodDelete
}

// reads reports whether requests with that method change nothing (RFC 9110, 9.2.1).
func reads(method string) bool {
	switch method {
	case "", http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		return true
	}
	return false
}

// isCondition reports whether a header of that name makes a write depend on what is
// there before. After it was carried out that no longer holds: its repeat would tell its
// own writer that somebody else wrote.
func isCondition(name string) bool {
	switch name {
	case "If", // WebDAV's
		"Content-Range", "X-Amz-Write-Offset-Bytes", // a part, which goes where the one before it ended
		"X-Contentful-Version", "X-Ms-Lease-Action":
		return true
	}
	return strings.HasPrefix(name, "If-") || strings.Contains(name, "-If-") || strings.HasSuffix(name, "Upload-Offset")
}

// conditional reports whether req, a write, is one under a condition.
func conditional(req *http.Request) bool {
	for name := range req.Header {
		if isCondition(name) {
			return true
		}
	}
	if req.URL == nil || req.URL.RawQuery == "" {
		return false
	}
	for field := range strings.SplitSeq(req.URL.RawQuery, "&") {
		name, value, _ := strings.Cut(field, "=")
		if strings.HasSuffix(name, "enerationMatch") || slices.Contains(conditionsInQuery, name) || field == "op_type=create" ||
			name == "version" && value != "" && strings.Trim(value, "0123456789") == "" { // of the resource, as a number; else of the API
			return true
		}
	}
	return false
}

// conditionsInQuery are names of query parameters that are conditions, beside those of
// Google Cloud Storage, which end alike.
var conditionsInQuery = []string{
	"if_seq_no",  // Elasticsearch, beside op_type=create and version
	"rev", "sha", // CouchDB, GitHub
	"revision", "etag", "ifMatch", "expectedVersion", "expected_version", "lockVersion",
	"popreceipt",                          // Azure's queues
	"cas",                                 // Consul, which answers a repeat with 200 and "false", and Nomad
	"prevExist", "prevIndex", "prevValue", // etcd's version 2
	"currentDocument.exists", "currentDocument.updateTime", // Firestore
}
