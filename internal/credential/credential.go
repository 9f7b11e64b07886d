// Package credential finds what a request authenticates with: to tell callers
// apart by a hash, and to keep the secret out of texts.
package credential

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"hash/maphash"
	"net/http"
	"net/url"
	"strings"

	"github.com/steadyhttp/steadyhttp/internal/redact"
)

// seed makes the hashes of credentials worthless outside this process.
var seed = maphash.MakeSeed()

// headers are where APIs take their keys, by canonical name.
var headers = []string{"Authorization", "X-Api-Key", "Api-Key", "X-Goog-Api-Key", "Private-Token"}

// Anonymous stands for requests without a credential, among themselves. 0 would
// stand for all.
const Anonymous = 1

// Hash returns a hash of the request's credential, never the credential. With a
// salt (HMAC-SHA256, of which 64 bits stay) all processes that have the same one
// get the same hash; with "" only this process does.
func Hash(req *http.Request, salt string) uint64 {
	for _, name := range headers {
		if v := req.Header[name]; len(v) > 0 && v[0] != "" {
			return hash(v[0], salt)
		}
	}
	if v := queryKey(req.URL); v != "" {
		return hash(v, salt)
	}
	return Anonymous
}

func hash(credential, salt string) uint64 {
	if salt == "" {
		return max(maphash.String(seed, credential), Anonymous+1)
	}
	mac := hmac.New(sha256.New, []byte(salt))
	mac.Write([]byte(credential))
	return max(binary.BigEndian.Uint64(mac.Sum(nil)), Anonymous+1)
}

// queryKey returns the value of the query parameter that holds a key, as sent.
func queryKey(u *url.URL) string {
	if u == nil {
		return ""
	}
	for rest := u.RawQuery; rest != ""; {
		var pair string
		pair, rest, _ = strings.Cut(rest, "&")
		if v, ok := strings.CutPrefix(pair, "key="); ok {
			return v
		}
	}
	return ""
}

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
