package credential

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"

	"github.com/steadyhttp/steadyhttp/internal/redact"
)

// Secrets returns what req authenticates with, so that an answer that
// quotes it does not put it into a text of ours, whatever its shape. req may
// be nil.
func Secrets(req *http.Request) []string {
	if req == nil {
		return nil
	}
	all := make([]string, 0, 4)
	for name, values := range req.Header {
		if !redact.MayHoldSecret(name) {
			continue
		}
		for _, v := range values {
			all = appendSecrets(all, v)
		}
	}
	if req.URL == nil {
		return all
	}
	all = redact.PathSecrets(all, req.URL.Host, req.URL.Path)
	if u := req.URL.User; u != nil {
		password, _ := u.Password()
		all = append(all, u.Username(), password) // Stripe takes the key as the user
	}
	for rest := req.URL.RawQuery; rest != ""; {
		var pair string
		pair, rest, _ = strings.Cut(rest, "&")
		name, v, _ := strings.Cut(pair, "=")
		if !redact.MayHoldSecret(name) {
			continue
		}
		if plain, err := url.QueryUnescape(v); err == nil {
			v = plain
		}
		all = append(all, v)
	}
	return all
}

// appendSecrets adds a header's value and its parts: what follows the
// scheme, the values of parameters and cookies, and what Basic encodes.
func appendSecrets(all []string, v string) []string {
	scheme, token, ok := strings.Cut(v, " ")
	if !ok || !known(scheme) {
		all = append(all, v)
	}
	for part := range strings.FieldsFuncSeq(v, func(r rune) bool { return r == ',' || r == ';' }) {
		if _, value, ok := strings.Cut(part, "="); ok {
			all = append(all, strings.Trim(value, ` "`))
		}
	}
	if !ok {
		return all
	}
	all = append(all, token)
	if strings.EqualFold(scheme, "Basic") {
		if plain, err := base64.StdEncoding.DecodeString(token); err == nil {
			user, password, _ := strings.Cut(string(plain), ":")
			all = append(all, string(plain), user, password)
		}
	}
	return all
}

// known reports whether a scheme is followed by the credential alone, so that
// the whole of the header is no secret of its own.
func known(scheme string) bool {
	return strings.EqualFold(scheme, "Bearer") || strings.EqualFold(scheme, "Basic") || strings.EqualFold(scheme, "Token")
}
