package steadyhttp

import (
	"encoding/base64"
	"hash/maphash"
	"net/http"
	"net/url"
	"strings"

	"github.com/steadyhttp/steadyhttp/internal/redact"
)

// maxKeys bounds the maps by host, credential and path, so that neither a
// crawler's many hosts nor ids in paths fill the memory.
const maxKeys = 10_000

// limitKey is whom a limit applies to.
type limitKey struct {
	host       string
	credential uint64
}

// gateKey is whom a server's wait concerns. What an unknown server limits
// together is not known, so only the same kind of request waits.
type gateKey struct {
	limitKey
	method, path string
}

func limitKeyOf(req *http.Request) limitKey {
	k := limitKey{credential: credential(req)}
	if req.URL != nil {
		k.host = req.URL.Host
	}
	return k
}

func gateKeyOf(req *http.Request) gateKey {
	k := gateKey{limitKey: limitKeyOf(req), method: req.Method}
	if req.URL != nil {
		k.path = req.URL.Path
	}
	return k
}

// seed makes the hashes of credentials worthless outside this process.
var seed = maphash.MakeSeed()

// credentialHeaders are where APIs take their keys, by canonical name.
var credentialHeaders = []string{"Authorization", "X-Api-Key", "Api-Key", "X-Goog-Api-Key", "Private-Token"}

// credential returns a hash of the request's credential: never the credential.
func credential(req *http.Request) uint64 {
	for _, name := range credentialHeaders {
		if v := req.Header[name]; len(v) > 0 && v[0] != "" {
			return maphash.String(seed, v[0])
		}
	}
	if v := queryKey(req.URL); v != "" {
		return maphash.String(seed, v)
	}
	return 0
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

// credentials returns what req authenticates with, so that an answer that
// quotes it does not put it into a text of ours, whatever its shape. req may
// be nil.
func credentials(req *http.Request) []string {
	if req == nil {
		return nil
	}
	all := make([]string, 0, 4)
	for name, values := range req.Header {
		if !redact.SecretName(name) {
			continue
		}
		for _, v := range values {
			all = appendCredentials(all, v)
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

// appendCredentials adds a header's value and its parts: what follows the
// scheme, the values of parameters and cookies, and what Basic encodes.
func appendCredentials(all []string, v string) []string {
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
