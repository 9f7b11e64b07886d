package redact

import "strings"

// SecretName reports whether a parameter or a header of that name holds a
// secret.
func SecretName(name string) bool {
	for _, end := range [...]string{"key", "token", "secret", "password", "passwd", "signature", "authorization", "credential", "cookie"} {
		if i := len(name) - len(end); i >= 0 && strings.EqualFold(name[i:], end) {
			return !strings.EqualFold(name, "idempotency-key")
		}
	}
	for _, whole := range [...]string{"sig", "pwd", "auth", "code_verifier", "client_assertion"} {
		if strings.EqualFold(name, whole) {
			return true
		}
	}
	return false
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
	name = strings.ToLower(name)
	for _, not := range [...]string{"idempoten", "request", "author-", "agent", "websocket"} {
		if strings.Contains(name, not) {
			return false
		}
	}
	for _, part := range [...]string{"auth", "jwt", "pass", "key", "token", "secret", "sign", "credential", "cookie", "session", "bearer", "hmac", "ticket", "assertion", "passcode"} {
		if strings.Contains(name, part) {
			return true
		}
	}
	return name == "sid" || name == "otp" || name == "pin" || name == "pw" || name == "code"
}

// queryName reports whether a parameter of that name, in lower case, holds a
// secret although the word means other things too in prose.
func queryName(name string) bool {
	switch name {
	case "jwt", "pass", "passphrase", "passcode", "pw", "otp", "apitoken", "bearer", "x-auth", "x-jwt", "sessionid", "session_id", "sid":
		return true
	}
	return false
}
