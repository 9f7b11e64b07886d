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
		if !redact.SecretName(name) {
			continue
		}
		for _, v := range values {
			all = appendSecrets(all, v)
		}
	}
	if req.URL == nil {
		return all
	}
	if u := req.URL.User; u != nil {
		password, _ := u.Password()
		all = append(all, u.Username(), password) // Stripe takes the key as the user
	}
	for rest := req.URL.RawQuery; rest != ""; {
		var pair string
		pair, rest, _ = strings.Cut(rest, "&")
		name, v, _ := strings.Cut(pair, "=")
		if !redact.SecretName(name) {
			continue
		}
		all = append(all, v)
		if plain, err := url.QueryUnescape(v); err == nil && plain != v {
			all = append(all, plain)
		}
	}
	return all
}

// appendSecrets adds a header's value and its parts: what follows the
// scheme, the values of parameters and cookies, and what Basic encodes.
func appendSecrets(all []string, v string) []string {
	all = append(all, v)
	for part := range strings.FieldsFuncSeq(v, func(r rune) bool { return r == ',' || r == ';' }) {
		if _, value, ok := strings.Cut(part, "="); ok {
			all = append(all, strings.Trim(value, ` "`))
		}
	}
	scheme, token, ok := strings.Cut(v, " ")
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
