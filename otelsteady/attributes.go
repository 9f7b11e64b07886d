package otelsteady

import (
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"

	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/steadyhttp/steadyhttp"
	"github.com/steadyhttp/steadyhttp/internal/redact"
)

const (
	maxHost = 253  // bytes: as long as a name in the DNS can be
	maxText = 1024 // bytes of a path, a query's value or a method, as in a Logger's entry
)

// redacted stands where something was left out, as the conventions want it.
const redacted = "REDACTED"

// target is what the attributes of a span and of its metrics have in common:
// method, server.address and server.port. None of them holds a path.
func target(req *http.Request) []attribute.KeyValue {
	attrs := make([]attribute.KeyValue, 0, 8) // those of a span's start, or of a metric
	attrs = append(attrs, methodOf(req))
	if req.URL == nil {
		return attrs
	}
	if host := req.URL.Hostname(); host != "" {
		attrs = append(attrs, semconv.ServerAddress(redact.Line(strings.ToLower(host), maxHost)))
	}
	if port := portOf(req.URL); port > 0 {
		attrs = append(attrs, semconv.ServerPort(port))
	}
	return attrs
}

func portOf(u *url.URL) int {
	if port := u.Port(); port != "" {
		n, _ := strconv.ParseUint(port, 10, 16) // 0 if nobody could connect to it either
		return int(n)
	}
	switch u.Scheme {
	case "https":
		return 443
	case "http":
		return 80
	}
	return 0
}

// startOf adds to common what a span tells of req from its start on.
func startOf(req *http.Request, common []attribute.KeyValue, shown []string) []attribute.KeyValue {
	attrs := make([]attribute.KeyValue, len(common), 8) // common is used again
	copy(attrs, common)
	attrs = append(attrs, semconv.URLFull(safeURL(req.URL, shown)))
	if common[0] == semconv.HTTPRequestMethodOther {
		attrs = append(attrs, semconv.HTTPRequestMethodOriginal(redact.Line(req.Method, maxText)))
	}
	return attrs
}

// nameOf is the name that the conventions give to a span about req, which must
// not depend on the path.
func nameOf(common []attribute.KeyValue) string {
	if common[0] == semconv.HTTPRequestMethodOther {
		return "HTTP"
	}
	return common[0].Value.AsString()
}

// knownMethods are those of RFC 9110, of RFC 5789 (PATCH) and QUERY, unless the
// environment variable that the conventions name replaces them all.
var knownMethods = sync.OnceValue(func() []string {
	if list := os.Getenv("OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS"); list != "" {
		return strings.Split(strings.ReplaceAll(list, " ", ""), ",")
	}
	return []string{
		http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodPatch,
		http.MethodHead, http.MethodOptions, http.MethodTrace, http.MethodConnect, "QUERY",
	}
})

func methodOf(req *http.Request) attribute.KeyValue {
	switch {
	case req.Method == "":
		return semconv.HTTPRequestMethodGet // as net/http has it
	case slices.Contains(knownMethods(), req.Method):
		return semconv.HTTPRequestMethodKey.String(req.Method)
	}
	return semconv.HTTPRequestMethodOther
}

// safeURL is u as url.full may show it: user information and the values of the
// query are replaced, but those of the names in shown, and what looks like a
// key in the path is masked. The conventions ask for that only where a name is
// known to hold a secret; but one that nobody knows would be found in a trace
// first.
func safeURL(u *url.URL, shown []string) string {
	if u == nil {
		return ""
	}
	path := redact.Line(redact.Path(u.Host, u.EscapedPath()), maxText)
	var b strings.Builder
	b.Grow(len(u.Scheme) + len("://") + len(u.Host) + len(path)) // mostly there is no more
	if u.Scheme != "" {
		b.WriteString(u.Scheme)
		b.WriteByte(':')
	}
	if u.Scheme != "" || u.Host != "" {
		b.WriteString("//")
	}
	if u.User != nil {
		b.WriteString(redacted + ":" + redacted + "@")
	}
	b.WriteString(u.Host)
	b.WriteString(path)
	if u.RawQuery != "" {
		b.WriteString("?" + safeQuery(u.RawQuery, shown))
	}
	return b.String()
}

// safeQuery keeps the names and their order.
func safeQuery(raw string, shown []string) string {
	var b strings.Builder
	for pair := range strings.SplitSeq(raw, "&") {
		if b.Len() > maxText {
			b.WriteString("&…")
			break
		}
		if b.Len() > 0 {
			b.WriteByte('&')
		}
		escaped, value, named := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(escaped)
		show := err == nil && slices.Contains(shown, name) && !secret(name)
		switch {
		case !named && !show:
			b.WriteString(redacted) // it may be a value as well as a name
		case !named:
			b.WriteString(redact.Line(escaped, maxText))
		case !show:
			b.WriteString(redact.Line(escaped, maxText) + "=" + redacted)
		default:
			b.WriteString(redact.Line(escaped, maxText) + "=" + redact.Line(value, maxText))
		}
	}
	return b.String()
}

// secret reports whether the value of a query parameter is never shown: those
// that the conventions list, and those whose name says it.
func secret(name string) bool {
	switch name {
	case "X-Amz-Signature", "X-Amz-Credential", "X-Amz-Security-Token", "sig", "X-Goog-Signature", // version 1.43.0
		"AWSAccessKeyId", "Signature": // versions before
		return true
	}
	return redact.SecretName(name)
}

// learnSecrets makes known which secrets the Classifiers below rt name, before the
// first span shows a path.
func learnSecrets(rt http.RoundTripper) {
	for range 100 { // more than anybody stacks
		switch t := rt.(type) {
		case *steadyhttp.Transport:
			if t.Classifier != nil {
				redact.Learn(t.Classifier.SecretPaths)
			}
			rt = t.Base
		case *steadyhttp.Classifier:
			redact.Learn(t.SecretPaths)
			rt = t.Base
		case *steadyhttp.Logger:
			rt = t.Base
		case *steadyhttp.Retrier:
			rt = t.Base
		case *steadyhttp.Throttler:
			rt = t.Base
		case *Attempts:
			rt = t.Base
		default:
			return
		}
	}
}
