package credential

import (
	"bytes"
	"encoding/base64"
	"net/url"
	"strings"
)

const (
	// maxParsed bounds a value that is looked into. A longer one is hashed as it
	// is; servers accept 8 KiB or 16 of all headers together.
	maxParsed = 16 << 10

	// maxUser bounds a user's name, and is divisible by three as base64 is.
	maxUser = 384
)

// authorization adds what stays the same of an Authorization header.
func (s *sum) authorization(v string) {
	scheme, rest, ok := strings.Cut(v, " ")
	rest = strings.TrimLeft(rest, " ")
	if !ok {
		scheme, rest = "", v // a bare key: Linear, n8n …
	}
	switch {
	case len(v) > maxParsed:
		s.add(v)
	case strings.EqualFold(scheme, "bearer"):
		s.token(rest)
	case strings.EqualFold(scheme, "basic"):
		s.basic(rest)
	case strings.EqualFold(scheme, "negotiate"), strings.EqualFold(scheme, "ntlm"), strings.EqualFold(scheme, "kerberos"):
		// Each token is made for one request. A process has one principal as a rule.
		s.add(scheme)
	case strings.HasPrefix(v, "type%3"):
		s.cosmos(v)
	case strings.HasPrefix(v, "bce-auth-v"): // Baidu: bce-auth-v1/KEYID/date/…
		id, _, _ := strings.Cut(v[strings.IndexByte(v, '/')+1:], "/")
		s.add(id)
	case isParams(rest):
		s.params(scheme, rest)
	case namesKey(scheme):
		id, _, _ := strings.Cut(rest, ":")
		s.add(id)
	default:
		s.token(rest)
	}
}

// namesKey reports whether what follows a scheme is the id of a key, a colon
// and a signature: Azure's SharedKey, S3's first signature and those who imitate
// it. For any other scheme the part before a colon may be a mere version.
func namesKey(scheme string) bool {
	for _, known := range [...]string{"AWS", "GOOG1", "OSS", "OBS", "QBox", "Qiniu", "UPYUN", "acs", "amx", "APIAuth"} {
		if strings.EqualFold(scheme, known) {
			return true
		}
	}
	return len(scheme) <= maxName && containsAny(scheme, []string{"sharedkey", "hmac"})
}

// basic adds the user: the password may be a signature, as at Duo. Where the user
// is a word that is the same for everybody, the password is the key.
func (s *sum) basic(v string) {
	var plain [maxUser]byte
	text, _ := decode(base64.RawStdEncoding, plain[:], v[:min(len(v), maxUser/3*4)])
	user, _, ok := bytes.Cut(text, []byte(":"))
	if !ok || len(user) == 0 || anybody(user) {
		s.add(v)
		return
	}
	s.addBytes(user)
}

// anybody reports whether a user's name is one that an API wants of all: Mailgun
// (api), Mailchimp (any), GitHub, GitLab and Bitbucket for git, registries of
// containers and packages.
func anybody(user []byte) bool {
	switch string(user) {
	case "api", "apikey", "api_key", "api-key", "key", "token", "user", "username", "any", "anystring", "anything", "x", "git", "bearer",
		"x-access-token", "x-token-auth", "x-oauth-basic", "x-api-key", "oauth", "oauth2", "oauth2accesstoken", "AWS", "_", "_token", "__token__",
		"_json_key", "_json_key_base64", "_dcgcr_token", "$oauthtoken", "<token>", "00000000-0000-0000-0000-000000000000":
		return true
	}
	return false
}

// cosmos adds what stays the same at Azure Cosmos DB, which escapes its
// parameters: type=master&ver=1.0&sig=…. Its master key has no name.
func (s *sum) cosmos(v string) {
	plain, err := url.QueryUnescape(v)
	if err != nil {
		s.add(v)
		return
	}
	for name, value, rest := cutParam(plain); name != ""; name, value, rest = cutParam(rest) {
		switch {
		case name == "type" && value == "master":
			s.add(value)
			return
		case name == "sig":
			s.token(value)
		}
	}
}

// keyParams are the parameters of a scheme that name a key or a user, in lower case: of
// AWS's fourth signature and its like (Credential), Digest and Kong (username),
// OAuth 1, HTTP signatures (keyId), Hawk (id), Akamai (client_token), Tencent
// (q-ak), Azure's shared access signatures (skn, sr) …
var keyParams = [...]string{
	"credential", "username", "user", "oauth_token", "oauth_consumer_key", "keyid", "key_id", "key-id", "kid", "id", "client_token", "access_token",
	"token", "q-ak", "ak", "accesskeyid", "access_key_id", "accesskey", "access_key", "access-key", "apikey", "api_key", "api-key", "key",
	"appid", "app_id", "appkey", "app_key", "clientid", "client_id", "client-id", "account", "principal", "publickey", "public_key", "skn", "sr",
}

// passingParams are parts of the names of parameters that are of one request.
var passingParams = [...]string{"sig", "mac", "hash", "digest", "nonce", "time", "stamp", "date", "created", "expire", "response", "opaque", "uri", "count", "version"}

// params adds the parameters that name a key, all others but those of one request
// where none does, and the scheme where nothing is left.
func (s *sum) params(scheme, list string) {
	before := s.n
	s.keyIDs(list)
	if s.n > before {
		return
	}
	for name, value, rest := cutParam(list); name != ""; name, value, rest = cutParam(rest) {
		if len(name) > 2 && len(name) <= maxName && !containsAny(name, passingParams[:]) { // ts, nc, t, se
			s.token(value)
		}
	}
	if s.n == before {
		s.add(scheme)
	}
}

// keyIDs adds the parameters that name a key.
func (s *sum) keyIDs(list string) {
	if len(list) > maxParsed {
		return
	}
	for name, value, rest := cutParam(list); name != ""; name, value, rest = cutParam(rest) {
		for _, known := range keyParams {
			if len(name) == len(known) && strings.EqualFold(name, known) {
				s.token(withoutScope(value))
				break
			}
		}
	}
}

// isParams reports whether s begins with a parameter. A base64 text that ends in
// equal signs does not.
func isParams(s string) bool {
	i := strings.IndexAny(s, "=,;& ")
	return i > 0 && s[i] == '=' && i+1 < len(s) && s[i+1] != '='
}

// cutParam returns the first name=value of s, quotes taken off, and what follows; ""
// where there is none. Commas, semicolons, ampersands and spaces part them.
func cutParam(s string) (name, value, rest string) {
	for {
		i := strings.IndexAny(s, "=,;& ")
		if i < 0 {
			return "", "", ""
		}
		name, rest = s[:i], s[i+1:]
		if s[i] == '=' && i > 0 {
			break
		}
		s = rest
	}
	name = strings.TrimSuffix(name, "*") // RFC 8187, as of Digest's username*
	if quoted, ok := strings.CutPrefix(rest, `"`); ok {
		value, rest, _ = strings.Cut(quoted, `"`)
		return name, value, rest
	}
	if i := strings.IndexAny(rest, ",;& "); i >= 0 {
		return name, rest[:i], rest[i:]
	}
	return name, rest, ""
}

// withoutScope cuts off what follows the id of a key in a Credential: the date,
// region and service. An id may hold slashes itself. In a query they are
// escaped.
func withoutScope(v string) string {
	for i := 0; i < len(v); i++ {
		at := i
		switch {
		case v[i] == '/':
			at++
		case v[i] == '%' && len(v) > i+2 && v[i+1] == '2' && v[i+2]|0x20 == 'f':
			at += 3
		default:
			continue
		}
		digits := 0
		for at < len(v) && ('0' <= v[at] && v[at] <= '9' || v[at] == '-' && digits >= 4) {
			if v[at] != '-' {
				digits++
			}
			at++
		}
		if digits == 8 && at < len(v) && (v[at] == '/' || v[at] == '%') {
			return v[:i]
		}
	}
	return v
}
