// Package credential finds what a request authenticates with: to tell callers
// apart by a hash, and to keep the secret out of texts.
package credential

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"hash/maphash"
	"net/http"
)

// seed makes the hashes of credentials worthless outside this process.
var seed = maphash.MakeSeed()

// Anonymous stands for requests without a credential, among themselves. 0 would
// stand for all.
const Anonymous = 1

// Hash returns a hash of the request's credential, never the credential. With a
// salt (HMAC-SHA256, of which 64 bits stay) all processes that have the same one
// get the same hash; with "" only this process does.
//
// Requests of one credential have the same hash although each is signed anew or
// its token was renewed: what is hashed is the id of a key rather than a
// signature, the user rather than an answer to a challenge, the claims of a JSON
// web token rather than its dates. Where a server gives no such name, the whole
// value is hashed: two callers must never share a hash, and two hashes for one
// caller cost less.
//
// A request may carry several, such as the key of an application and the session
// of its user. All of them count. What may be a credential, but is as often
// something else (?key=, or a cookie of any name), counts only where nothing
// better was found.
func Hash(req *http.Request, salt string) uint64 {
	s := sum{salt: salt}
	var cookies []string
	for name, values := range req.Header {
		where := headerPlace(name)
		if where == nowhere {
			continue
		}
		if where == inCookies {
			cookies = values
			continue
		}
		for _, v := range values {
			s.header(where, v)
		}
	}
	query := ""
	if req.URL != nil {
		query = req.URL.RawQuery
	}
	s.query(query, certain)
	s.cookies(cookies, certain)
	if s.n == 0 {
		s.query(query, likely)
		s.cookies(cookies, likely)
	}
	if s.n == 0 && req.URL != nil {
		s.path(req.URL)
	}
	if s.n == 0 {
		return Anonymous
	}
	return max(s.total, Anonymous+1)
}

// A sum adds up the hashes of what a request authenticates with. A sum is the
// same in any order, and that of a map of headers is random. The names of
// headers and parameters are no part of it: a key is the same wherever it stands.
type sum struct {
	salt  string
	total uint64
	n     int // how many were added
}

// add adds a value, unless it is empty.
func (s *sum) add(v string) {
	if v == "" {
		return
	}
	if s.salt == "" {
		s.total += maphash.String(seed, v)
		s.n++
		return
	}
	s.addSalted(v)
}

// addBytes is add for bytes that may be on the caller's stack.
func (s *sum) addBytes(v []byte) {
	if s.salt == "" {
		s.total += maphash.Bytes(seed, v)
		s.n++
		return
	}
	s.addSalted(string(v)) // a copy: an interface's method makes what it is given escape
}

func (s *sum) addSalted(v string) {
	mac := hmac.New(sha256.New, []byte(s.salt))
	mac.Write([]byte(v))
	s.total += binary.BigEndian.Uint64(mac.Sum(nil))
	s.n++
}

// header adds what the value of a header holds.
func (s *sum) header(where place, v string) {
	switch where {
	case inAuthorization:
		s.authorization(v)
	case inSignature:
		s.keyIDs(v)
	default:
		s.token(v)
	}
}
