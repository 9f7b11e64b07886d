package steadyhttp

import (
	"net/http"
	"strings"

	"github.com/steadyhttp/steadyhttp/internal/neterr"
)

// spentProof returns what the request carries that works once, if it has been sent; "" for
// nothing, and where Prepare makes another. A repeat would learn that it was used, in
// place of what was wrong, and a program that reads a 401 logs its user out.
//
// The evidence is a header or parameter that is made for this and nothing else; the scope
// is this call. The escapes are Prepare, a signer further in, and Decide.
func (r *retry) spentProof() string {
	if r.verdict.Fate == FateNeverSent || neterr.Unreachable(r.verdict.Err) || r.prepares(2) {
		return ""
	}
	return worksOnce(r.req)
}

// worksOnce returns what req carries that a server accepts only once, "" for nothing.
func worksOnce(req *http.Request) string {
	h := req.Header
	scheme, params, _ := strings.Cut(first(h, "Authorization"), " ")
	switch scheme = strings.ToLower(scheme); {
	case len(h["Dpop"]) > 0:
		return "a DPoP proof" // RFC 9449, 11.1
	case scheme == "digest":
		if names(params, func(name string) bool { return name == "nc" }) {
			return "a count of Digest" // RFC 7616, 3.4: without one the server cannot tell a repeat
		}
	case scheme == "negotiate", scheme == "ntlm":
		return "a ticket of " + scheme // servers remember those that they have seen (RFC 4120, 3.2.3), or take them on one connection
	case names(params, isNonce):
		return "a nonce" // OAuth 1, Hawk and their like
	case names(first(h, "Signature-Input"), isNonce), names(first(h, "X-Wsse"), isNonce):
		return "a nonce" // RFC 9421 and WSSE
	case req.URL != nil && names(req.URL.RawQuery, isNonce):
		return "a nonce"
	case strings.HasPrefix(first(h, "Content-Type"), "application/jose+json"):
		return "a nonce" // in the body: ACME, RFC 8555, 6.5
	case strings.HasPrefix(first(h, "Content-Type"), "application/x-www-form-urlencoded"):
		if form, _ := startOfBody(req, true); names(form, isNonce) {
			return "a nonce" // as exchanges want it
		}
	}
	for name := range h {
		switch {
		case isNonce(name):
			return "a nonce"
		case strings.HasSuffix(name, "-Otp"), strings.HasSuffix(name, "-Totp"), name == "Otp":
			return "a one-time password"
		}
	}
	return ""
}

// names reports whether one of the names of "name=value, …" is such a one, whatever stands
// between the pairs.
func names(params string, such func(string) bool) bool {
	for pair := range strings.FieldsFuncSeq(params, func(c rune) bool { return strings.ContainsRune(", ;&", c) }) {
		if name, _, ok := strings.Cut(pair, "="); ok && such(name) {
			return true
		}
	}
	return false
}

// isNonce reports whether something is called a number that is used once. WordPress calls
// so what holds for a day.
func isNonce(name string) bool {
	name = strings.ToLower(name)
	return strings.HasSuffix(name, "nonce") && !strings.HasSuffix(name, "wpnonce") && !strings.HasSuffix(name, "wp-nonce")
}
