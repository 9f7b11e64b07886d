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
	modelCall             // nothing but its price, unless its body has the server act
	unlisted              // a path that nobody knows: likewise, if its body is a conversation with a model
)

// harmOf goes by all but the body, and costs nothing.
func harmOf(req *http.Request) harm {
	if harmlessByMethod(req) || hasKey(req) {
		return harmless
	}
	return harmWithoutKey(req)
}

// harmlessByMethod reports whether the request's method is one that may be repeated, and
// nothing else in it speaks against that.
func harmlessByMethod(req *http.Request) bool {
	return reads(req.Method) || idempotentMethod(req.Method) && !conditional(req) && !adds(req)
}

func harmWithoutKey(req *http.Request) harm {
	switch {
	case harmlessByMethod(req):
		return harmless
	case req.Method != http.MethodPost, req.URL == nil, dialect.HandsOver(hostname(req.URL), req.URL.Path, req.Header):
		return harmful
	case isInference(req):
		return modelCall
	case strings.Contains(first(req.Header, "Content-Type"), "json") && dialect.MayConverse(hostname(req.URL), req.URL.Path):
		return unlisted
	}
	return harmful
}

// ofBody is what h comes to with what the body shows. Only what the server can have
// seen counts, since it acts on nothing else: of a body that goes by once, what has
// gone by.
func (h harm) ofBody(e *dialect.Effect, seen bool) harm {
	switch {
	case h != modelCall && h != unlisted:
		return h
	case !seen, e.Acts(), h == unlisted && !e.Converses():
		return harmful
	}
	return harmless
}

// mayRepeat reports whether doing req twice does no harm, as far as what its body
// begins with shows. It is asked only where there is a stream to be held back.
func mayRepeat(req *http.Request) bool {
	var e dialect.Effect
	h := harmOf(req)
	if h == modelCall || h == unlisted {
		start, seen := startOfBody(req, true)
		io.WriteString(&e, start)
		h = h.ofBody(&e, seen || !hasBody(req))
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

// conditions are the headers that make a write depend on what is there before.
// After it was carried out they no longer hold: its repeat would tell its own
// writer that somebody else wrote.
var conditions = []string{
	"If-Match", "If-None-Match", "If-Unmodified-Since", "X-Goog-If-Generation-Match", "X-Goog-If-Metageneration-Match",
	"X-Amz-Write-Offset-Bytes", // S3 appends there, if that is the object's end
}

// conditional reports whether req, a write, is one under a condition.
func conditional(req *http.Request) bool {
	for _, name := range conditions {
		if _, ok := req.Header[name]; ok {
			return true
		}
	}
	if req.URL == nil || req.URL.RawQuery == "" {
		return false
	}
	for field := range strings.SplitSeq(req.URL.RawQuery, "&") {
		name, _, _ := strings.Cut(field, "=")
		if strings.HasSuffix(name, "enerationMatch") || slices.Contains(conditionsInQuery, name) {
			return true
		}
	}
	return false
}

// conditionsInQuery are names of query parameters that are conditions, beside those of
// Google Cloud Storage, which end alike.
var conditionsInQuery = []string{
	"if_seq_no",                           // Elasticsearch
	"cas",                                 // Consul, which answers a repeat with 200 and "false", and Nomad
	"prevExist", "prevIndex", "prevValue", // etcd's version 2
	"currentDocument.exists", "currentDocument.updateTime", // Firestore
}

// adds reports whether req is a PUT that adds something each time, against RFC
// 9110: Azure Storage appends a block or takes a snapshot so, and the clients of Consul
// and Nomad PUT what others POST.
func adds(req *http.Request) bool {
	if req.Method != http.MethodPut || req.URL == nil {
		return false
	}
	if strings.HasPrefix(req.URL.Path, "/v1/") {
		switch path := req.URL.Path[len("/v1"):]; {
		case path == "/session/create", strings.HasPrefix(path, "/event/fire/"): // Consul
			return true
		case strings.HasPrefix(path, "/job/") && (strings.HasSuffix(path, "/dispatch") || strings.HasSuffix(path, "/periodic/force")): // Nomad
			return true
		}
	}
	if req.URL.RawQuery == "" {
		return false
	}
	for field := range strings.SplitSeq(req.URL.RawQuery, "&") {
		if field == "comp=appendblock" || field == "comp=snapshot" {
			return true
		}
	}
	return false
}
