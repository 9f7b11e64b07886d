package credential

import (
	"bytes"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"

	"github.com/steadyhttp/steadyhttp/internal/redact"
)

// Secrets returns what req authenticates with, so that an answer that
// quotes it does not put it into a text of ours, whatever its shape: in its headers,
// its URL and the start of its body, as far as that is known. req may be nil.
func Secrets(req *http.Request, body []byte) []string {
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
	all = bodySecrets(all, body)
	if req.URL == nil {
		return all
	}
	all = redact.PathSecrets(all, req.URL.Host, req.URL.Path)
	if u := req.URL.User; u != nil {
		password, _ := u.Password()
		all = append(all, u.Username(), password) // Stripe takes the key as the user
	}
	return appendPairs(all, req.URL.RawQuery, redact.MayHoldSecret)
}

// minNameless is how long a parameter is at least that has no name and is a secret: what
// is shorter is a flag.
const minNameless = 20

// appendPairs adds the values of a query, or of a form, whose names hold a secret.
func appendPairs(all []string, query string, holds func(name string) bool) []string {
	for rest := query; rest != ""; {
		var pair string
		pair, rest, _ = strings.Cut(rest, "&")
		if strings.Contains(pair, ";") { // between pairs too, for some servers
			all = appendPairs(all, strings.ReplaceAll(pair, ";", "&"), holds)
		}
		name, v, named := strings.Cut(pair, "=")
		switch {
		case !named && len(pair) >= minNameless:
			v = pair
		case !holds(name):
			continue
		}
		if plain, err := url.QueryUnescape(v); err == nil {
			v = plain
		}
		all = append(all, v)
	}
	return all
}

// bodySecrets adds what the fields of a form or of a JSON text hold whose names tell
// of a secret: the password of a login, a client's secret, a token to be renewed.
func bodySecrets(all []string, body []byte) []string {
	body = bytes.TrimLeft(body, " \t\r\n")
	if len(body) == 0 {
		return all
	}
	if body[0] != '{' && body[0] != '[' {
		if bytes.Contains(body, []byte("=")) && !bytes.ContainsAny(body, "<> \r\n") {
			all = appendPairs(all, string(body), redact.SecretField)
		}
		return all
	}
	for body != nil {
		var name, value []byte
		name, body = nextString(body)
		rest := bytes.TrimLeft(body, " \t\r\n")
		if len(rest) == 0 || rest[0] != ':' {
			continue // no name
		}
		if rest = bytes.TrimLeft(rest[1:], " \t\r\n"); len(rest) == 0 || rest[0] != '"' {
			continue
		}
		value, body = nextString(rest)
		if len(name) <= maxName && redact.SecretField(string(name)) {
			all = append(all, string(value))
		}
	}
	return all
}

// nextString returns the next JSON string in b, with its escapes, and what is behind
// it: nil if there is none. One that is cut ends with b.
func nextString(b []byte) (s, rest []byte) {
	i := bytes.IndexByte(b, '"')
	if i < 0 {
		return nil, nil
	}
	b = b[i+1:]
	for from := 0; ; {
		i = bytes.IndexByte(b[from:], '"')
		if i < 0 {
			return b, nil
		}
		i += from
		from = i + 1
		slashes := 0
		for slashes < i && b[i-1-slashes] == '\\' {
			slashes++
		}
		if slashes%2 == 0 {
			return b[:i], b[i+1:]
		}
	}
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
