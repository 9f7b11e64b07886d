package redact

import "strings"

// SecretName reports whether a parameter or a header of that name holds a
// secret.
func SecretName(name string) bool {
	if len(name) < 3 {
		return false
	}
	for _, end := range nameEnds[name[len(name)-1]|0x20] {
		if hasSuffixFold(name, end) {
			return !strings.EqualFold(name, "idempotency-key")
		}
	}
	switch name[0] | 0x20 {
	case 's', 'p', 'a', 'c':
		for _, whole := range [...]string{"sig", "pwd", "auth", "code_verifier", "client_assertion"} {
			if len(name) == len(whole) && strings.EqualFold(name, whole) {
				return true
			}
		}
	}
	return false
}

// nameEnds are how the names of secrets end, by their last letter.
var nameEnds = [256][]string{
	'y': {"key"}, 'n': {"token", "authorization"}, 't': {"secret"}, 'd': {"password", "passwd"}, 'e': {"signature", "cookie"}, 'l': {"credential"},
}

// MayHoldSecret is SecretName with a wider reach: it also knows names that hold
// a secret as a rule, such as X-Auth, X-Jwt or pass. It serves to recognise
// again what a request was sent with, and not to tell whose request it is.
func MayHoldSecret(name string) bool {
	if SecretName(name) {
		return true
	}
	if len(name) > 64 {
		return false
	}
	switch len(name) {
	case len("pw"), len("sid"), len("code"):
		for _, whole := range [...]string{"sid", "otp", "pin", "pw", "code"} {
			if strings.EqualFold(name, whole) {
				return true
			}
		}
	}
	return hasPart(name, &secretParts) && !hasPart(name, &otherParts)
}

// Parts of names that hold a secret, and of names that don't though they have such a
// part, by their first letters.
var (
	secretParts = [256][]string{
		'a': {"auth", "assertion"}, 'b': {"bearer"}, 'c': {"credential", "cookie"}, 'h': {"hmac"}, 'j': {"jwt"}, 'k': {"key"}, 'p': {"pass"},
		's': {"secret", "sign", "session"}, 't': {"token", "ticket"},
	}
	otherParts = [256][]string{'i': {"idempoten"}, 'r': {"request"}, 'a': {"author-", "agent"}, 'w': {"websocket"}}
)

func hasPart(name string, parts *[256][]string) bool {
	for i := range len(name) {
		for _, part := range parts[name[i]|0x20] {
			if len(name)-i >= len(part) && strings.EqualFold(name[i:i+len(part)], part) {
				return true
			}
		}
	}
	return false
}

// queryName reports whether a parameter of that name, in lower case, holds a
// secret although the word means other things too in prose.
func queryName(name string) bool {
	switch name {
	case "jwt", "pass", "passphrase", "passcode", "pw", "otp", "apitoken", "bearer", "x-auth", "x-jwt", "sessionid", "session_id", "sid":
		return true
	}
	return strings.HasSuffix(name, "sessionid") || strings.HasSuffix(name, "sessid") // JSESSIONID, PHPSESSID
}

// SecretField reports whether a field of that name in a body holds a secret. Bodies
// have many fields that are called a key or a code and are none.
func SecretField(name string) bool {
	if hasSuffixFold(name, "key") {
		return hasPart(name, &keyParts)
	}
	return SecretName(name) || queryName(strings.ToLower(name[:min(len(name), maxLook)])) || hasSuffixFold(name, "assertion")
}

// keyParts are what the names of keys that are secret say beside that.
var keyParts = [256][]string{
	'a': {"api", "access", "auth", "account", "app"}, 'c': {"client", "consumer"}, 'l': {"licen"}, 'm': {"master"}, 'p': {"private"},
	's': {"secret", "service", "shared", "sign", "subscription"},
}
