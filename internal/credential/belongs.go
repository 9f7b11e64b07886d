package credential

import (
	"net/url"
	"strings"

	"github.com/steadyhttp/steadyhttp/internal/redact"
)

// What follows tells by a name whether a value belongs to whoever asks: a credential, a
// part of one, or a signature. It reaches further than Hash, for what it is asked is
// what must not go to somebody else, and not whose request it is.

// InHeader reports whether a header of that name may hold a credential.
func InHeader(name string) bool {
	switch {
	case len(name) > maxName:
		return true // nobody here knows what it is
	case containsAny(name, []string{"idempoten"}):
		return false
	}
	return headerPlace(name) != nowhere || redact.MayHoldSecret(name) || isKeyID(name) || hasSuffixFold(name, "cert") || strings.EqualFold(name, "dpop")
}

// isKeyID knows the half of a credential that is no secret: whose it is.
func isKeyID(name string) bool {
	for _, end := range [...]string{"client-id", "client_id", "clientid", "app-id", "app_id", "appid", "key-id", "key_id", "keyid", "googleaccessid", "key-pair-id", "q-ak", "skoid"} {
		if hasSuffixFold(name, end) {
			return true
		}
	}
	return false
}

// InMember reports whether a member of a JSON object, or a field of a form, may hold a
// credential. Requests to models have members that end in token and are none.
func InMember(name string) bool {
	switch {
	case len(name) < len("pw") || len(name) > maxName:
		return false
	case hasSuffixFold(name, "token"):
		return len(name) == len("token") || containsAny(name, qualifiers[:]) || containsAny(name, []string{"session", "security", "refresh", "id_", "jwt", "personal"})
	case hasSuffixFold(name, "access_key_id"), hasSuffixFold(name, "accesskeyid"), hasSuffixFold(name, "credentials"), strings.EqualFold(name, "extra_headers"):
		return true // AWS's; Vertex AI's at LiteLLM, as the headers that it is to send on
	}
	return redact.SecretField(name)
}

// WithoutCredentials returns a query, as sent, without the parameters that hold a
// credential or a signature. Everything else stays as it is, in its order.
func WithoutCredentials(query string) string {
	if query == "" {
		return ""
	}
	signed := isSigned(query)
	return FilterQuery(query, func(name, value string, named bool) bool {
		return named && !inParam(name, signed) || !named && len(name) < minNameless
	})
}

// FilterQuery keeps the parameters that keep approves of. It is given names without
// their escapes; one that is badly escaped is dropped, since servers differ in how they
// read it.
func FilterQuery(query string, keep func(name, value string, named bool) bool) string {
	kept := make([]byte, 0, len(query))
	for rest := query; rest != ""; {
		var pair string
		pair, rest, _ = strings.Cut(rest, "&")
		name, value, named := strings.Cut(pair, "=")
		if strings.Contains(pair, ";") {
			continue // some servers part parameters by it
		}
		if plain, err := url.QueryUnescape(name); err != nil || !keep(plain, value, named) {
			continue
		}
		if len(kept) > 0 {
			kept = append(kept, '&')
		}
		kept = append(kept, pair...)
	}
	return string(kept)
}

// signatureParams begin the names of what belongs to a signed URL, at AWS, Google,
// Alibaba, Tencent, Huawei, Volcengine and others.
var signatureParams = [...]string{"x-amz-", "x-goog-", "x-oss-", "x-cos-", "x-obs-", "x-tos-", "q-", "oauth_", "bce-auth"}

// sasParams are those of Azure's shared access signatures: harmless words anywhere
// else, so that they count beside a signature only.
var sasParams = [...]string{"sv", "ss", "srt", "sp", "st", "se", "spr", "sip", "sr", "si", "skoid", "sktid", "skt", "ske", "sks", "skv", "saoid", "suoid", "scid", "sdd", "ses",
	"expires", "policy", "timestamp", "nonce"}

func inParam(name string, signed bool) bool {
	if len(name) > maxName {
		return true
	}
	for _, begin := range signatureParams {
		if len(name) > len(begin) && strings.EqualFold(name[:len(begin)], begin) {
			return true
		}
	}
	if signed {
		for _, known := range sasParams {
			if strings.EqualFold(name, known) {
				return true
			}
		}
	}
	if changes(name) && isPage(name) {
		return false
	}
	return redact.MayHoldSecret(name) || isKeyID(name)
}

// isPage knows tokens that say which page of a list is wanted. Without it the answer
// would be another page, and nobody would notice.
func isPage(name string) bool {
	return containsAny(name, []string{"page", "next", "continu", "cursor", "sync", "start", "offset", "resume", "delta", "skip"})
}

func isSigned(query string) bool {
	for rest := query; rest != ""; {
		var pair string
		pair, rest, _ = strings.Cut(rest, "&")
		name, _, _ := strings.Cut(pair, "=")
		if plain, err := url.QueryUnescape(name); err == nil {
			name = plain
		}
		if strings.EqualFold(name, "sig") || hasSuffixFold(name, "signature") || strings.EqualFold(name, "sign") || strings.EqualFold(name, "hmac") {
			return true
		}
	}
	return false
}

// InPath reports whether the path of a URL holds a credential.
func InPath(u *url.URL) bool {
	var s sum
	s.path(u)
	return s.n > 0
}
