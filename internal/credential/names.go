package credential

import (
	"net/url"
	"strings"

	"github.com/steadyhttp/steadyhttp/internal/redact"
)

// A place is what the value of a header holds.
type place uint8

const (
	nowhere         place = iota // no credential
	inAuthorization              // a scheme and what belongs to it
	inToken                      // the credential and nothing else
	inSignature                  // a signature, perhaps with the id of its key
	inCookies
)

// A certainty is how sure a name makes it that its value is a credential.
type certainty uint8

const (
	not     certainty = iota
	likely            // it may as well be the key of an object, or a one-time token
	certain           // it can mean nothing else
)

const (
	maxName  = 64       // a longer name of a parameter is not one of an API
	maxQuery = 64 << 10 // of a query or the cookies that is looked at; servers refuse far less
	minKey   = 8        // bytes; what is shorter, and only likely to be a key, is none
	minAppID = 16       // bytes; a shorter id of an application may be that of a game
)

// headerPlace finds credentials by what redact takes for a secret: a new API calls its
// header X-Something-Key or X-Something-Token.
func headerPlace(name string) place {
	switch {
	case len(name) > maxName || !mayBeSecret(name):
		return nowhere
	case name == "Authorization":
		return inAuthorization
	case !redact.SecretName(name):
		switch {
		case hasSuffixFold(name, "-auth"), hasSuffixFold(name, "authentication"), hasSuffixFold(name, "x-wsse"):
			return inAuthorization
		case hasSuffixFold(name, "jwt-assertion"), hasSuffixFold(name, "access-key-id"), hasSuffixFold(name, "accesskeyid"):
			return inToken
		case strings.EqualFold(name, "signature-input"): // RFC 9421
			return inSignature
		}
		return nowhere
	case hasSuffixFold(name, "signature"):
		return inSignature
	case strings.EqualFold(name, "cookie"):
		return inCookies
	case hasSuffixFold(name, "cookie"), strings.EqualFold(name, "proxy-authorization"), changes(name):
		return nowhere // the proxy's limits are not the server's
	case hasSuffixFold(name, "authorization"):
		return inAuthorization
	}
	return inToken
}

// mayBeSecret tells by three letters that a name is not of a secret: nearly all
// headers pass here, and all that redact knows of would take 0.1 µs for each.
func mayBeSecret(name string) bool {
	n := len(name) - 3
	if n < 0 {
		return false
	}
	switch [3]byte{name[n] | 0x20, name[n+1] | 0x20, name[n+2] | 0x20} {
	case [3]byte{'k', 'e', 'y'}, [3]byte{'k', 'e', 'n'}, [3]byte{'r', 'e', 't'}, [3]byte{'o', 'r', 'd'}, [3]byte{'s', 'w', 'd'}, [3]byte{'u', 'r', 'e'},
		[3]byte{'i', 'a', 'l'}, [3]byte{'k', 'i', 'e'}, [3]byte{'s', 'i', 'g'}, [3]byte{'p', 'w', 'd'}, [3]byte{'u', 't', 'h'},
		[3]byte{'s', 's', 'e'}, [3]byte{'-', 'i', 'd'}, [3]byte{'y', 'i', 'd'}, [3]byte{'p', 'u', 't'}:
		return true
	case [3]byte{'i', 'o', 'n'}: // Authorization and its like, but not Anthropic-Version
		return n > 0 && name[n-1]|0x20 == 't'
	}
	return false
}

// changing are what names say before their last word, such as key or token, when
// the value belongs to one request, one object, one page of a list or one wait
// for consistency: with these, every request would be a caller of its own. AWS's
// security tokens and their like are renewed, and the id of their key stands beside.
var changing = [...]string{
	"idempotency", "idempotence", "dedup", "deduplication",
	"csrf", "xsrf", "csrfmiddleware", "verification", "nonce", "captcha", "recaptcha", "websocket", "request",
	"encryption", "encryption-customer", "partition", "routing", "cache", "surrogate", "object", "file", "lock", "upload", "copy-source",
	"page", "next", "continuation", "continue", "sync", "cursor", "sort", "order", "group", "start", "end", "resume", "range", "delta", "skip",
	"ms-session", "amz-security", "oss-security", "cos-security", "obs-security", "tos-security",
}

// changes reports whether a name that ends like a credential's is of something
// that changes.
func changes(name string) bool {
	if strings.EqualFold(name, "securitytoken") || strings.EqualFold(name, "sessiontoken") { // of Alibaba; of one search at Google's Places
		return true
	}
	stem := name
	for _, end := range [...]string{"key", "token"} {
		if hasSuffixFold(name, end) {
			stem = strings.TrimRight(name[:len(name)-len(end)], "-_.")
			break
		}
	}
	for _, word := range changing {
		at := len(stem) - len(word)
		if hasSuffixFold(stem, word) && (at == 0 || !letter(stem[at-1]) || stem[at] < 'a') { // a whole word: X-Backend-Token is no end
			return true
		}
	}
	return hasSuffixFold(name, "client-token") || hasSuffixFold(name, "client_token") || hasSuffixFold(name, "clienttoken") // AWS's word for an idempotency key
}

// keyIDNames are of the ids of keys, in the queries of signed URLs (Google, AWS,
// Alibaba, CloudFront, Tencent, a user's delegation at Azure) and elsewhere.
var keyIDNames = [...]string{"googleaccessid", "key-pair-id", "oauth_token", "oauth_consumer_key", "q-ak", "skoid"}

// qualifiers make certain that ..._key or ..._token is a credential.
var qualifiers = [...]string{"api", "auth", "access", "app", "subscription", "client", "consumer", "service", "licen", "secret", "bearer", "user", "plex", "credential"}

// paramCertainty ranks the parameter of a query.
func paramCertainty(name, value string) certainty {
	if len(name) > maxName || value == "" {
		return not
	}
	for _, known := range keyIDNames {
		if strings.EqualFold(name, known) {
			return certain
		}
	}
	switch {
	case hasSuffixFold(name, "accesskeyid"), hasSuffixFold(name, "access_key_id"):
		return certain
	case strings.EqualFold(name, "appid"), strings.EqualFold(name, "app_id"), strings.EqualFold(name, "client_id"):
		if len(value) >= minAppID {
			return likely
		}
		return not
	case strings.EqualFold(name, "si"): // a policy that Azure's signatures refer to
		return likely
	case !redact.SecretName(name), hasSuffixFold(name, "signature"), strings.EqualFold(name, "sig"), changes(name):
		return not
	case containsAny(name, qualifiers[:]):
		return certain
	case len(value) >= minKey, strings.EqualFold(name, "key"), strings.EqualFold(name, "token"):
		return likely
	}
	return not
}

// query adds the parameters of a query that are as certain as that, as sent.
func (s *sum) query(q string, want certainty) {
	for rest := q[:min(len(q), maxQuery)]; rest != ""; {
		var pair string
		pair, rest, _ = strings.Cut(rest, "&")
		if name, v, _ := strings.Cut(pair, "="); paramCertainty(name, v) == want {
			s.token(withoutScope(v))
		}
	}
}

// Cookies are of three kinds. The session tells the user. What analytics, load
// balancers and guards against robots set changes with every visit, or every
// answer: with them every request would be a caller of its own. Of the others
// nobody knows, and they count where there is nothing else.
var (
	sessionCookies = [...]string{"sess", "sid", "auth", "token", "jwt", "login", "logged", "remember", "sso", "identity", "ticket", "aspnet"}
	otherCookies   = [...]string{
		"_ga", "_gid", "_gcl", "__utm", "_fbp", "_fbc", "_hj", "_pk_", "_clck", "_clsk", "_uet", "_ttp", "_pin_", "_dc_gtm", "_mkto", "_sp_", "_scid", "_rdt",
		"_vwo", "_vis_opt", "_dd_s", "ajs_", "mp_", "amp_", "amplitude", "ai_session", "ai_user", "optimizely", "optanon", "intercom-", "hubspot", "__hs",
		"__stripe", "fs_uid", "cookie", "consent",
		"__cf", "_cfuvid", "cf_clearance", "cf_chl", "awsalb", "awselb", "bigip", "arraffinity", "applicationgateway", "ak_bmsc", "bm_", "_abck",
		"incap_", "visid_", "nlbi_", "datadome",
		"lang", "locale", "theme", "timezone", "currency",
	}
)

func cookieCertainty(name string) certainty {
	if len(name) > maxName {
		return not
	}
	for _, prefix := range otherCookies {
		if len(name) >= len(prefix) && name[0]|0x20 == prefix[0]|0x20 && strings.EqualFold(name[:len(prefix)], prefix) {
			return not
		}
	}
	switch {
	case containsAny(name, []string{"csrf", "xsrf"}), changes(name):
		return not
	case containsAny(name, sessionCookies[:]):
		return certain
	}
	return likely
}

// cookies adds those that are as certain as that.
func (s *sum) cookies(lines []string, want certainty) {
	for _, rest := range lines {
		for rest = rest[:min(len(rest), maxQuery)]; rest != ""; {
			var pair string
			pair, rest, _ = strings.Cut(rest, ";")
			if name, v, ok := strings.Cut(strings.TrimLeft(pair, " "), "="); ok && cookieCertainty(name) == want {
				s.token(v)
			}
		}
	}
}

// path adds a key that is part of the path.
func (s *sum) path(u *url.URL) {
	if bot, ok := strings.CutPrefix(u.Path, "/bot"); ok { // Telegram, and who runs its server: /bot123456:ABC…/sendMessage
		if id, _, ok := strings.Cut(bot, ":"); ok && id != "" && len(id) <= maxName && strings.Trim(id, "0123456789") == "" {
			s.add(id)
		}
		return
	}
	var room [4]string
	for _, secret := range redact.PathSecrets(room[:0], u.Host, u.Path) {
		s.add(secret)
	}
}

func letter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

func hasSuffixFold(s, end string) bool {
	i := len(s) - len(end)
	return i >= 0 && strings.EqualFold(s[i:], end)
}

// containsAny reports whether name contains one of parts, which are lower-case.
// name has at most maxName bytes.
func containsAny(name string, parts []string) bool {
	for _, part := range parts {
		for i := 0; i+len(part) <= len(name); i++ {
			if name[i]|0x20 == part[0]|0x20 && strings.EqualFold(name[i:i+len(part)], part) {
				return true
			}
		}
	}
	return false
}
