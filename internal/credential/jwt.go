package credential

import (
	"bytes"
	"encoding/base64"
	"strings"
)

// maxClaims bounds the claims that are looked at, in bytes. Those of Kubernetes
// and Keycloak take one or two KiB. It is what a call takes from its stack.
const maxClaims = 4 << 10

// token adds a credential that is one value. Of a JSON web token that is what
// stays the same when it is renewed.
func (s *sum) token(v string) {
	if !strings.HasPrefix(v, jsonStart) || !s.jwt(v) {
		s.add(v)
	}
}

// jsonStart is `{"` in base64, with which a JSON web token begins.
const jsonStart = "eyJ"

// renewed are the claims that differ from one token to the next of the same
// holder. All others count: whoever differs in one of them may be somebody else,
// whatever an issuer uses sub for. Dates and random values; what tokens for one
// request are bound to (DPoP, Coinbase, Fireblocks); Microsoft's; Kubernetes',
// where sub says the same.
var renewed = [...]string{
	`"exp"`, `"iat"`, `"nbf"`, `"auth_time"`, `"updated_at"`, `"timestamp"`, `"rat"`, `"nonce"`,
	`"uri"`, `"uris"`, `"htm"`, `"htu"`, `"ath"`, `"bodyHash"`, `"at_hash"`, `"c_hash"`,
	`"uti"`, `"aio"`, `"rh"`, `"xms_ftd"`, `"kubernetes.io"`,
}

// jwt adds the claims of a JSON web token, without those that change, and
// reports whether it is one. Its signature is not checked: whoever makes one up
// is grouped with whom it names, and gains nothing but waiting with them.
func (s *sum) jwt(v string) bool {
	header, rest, ok := strings.Cut(v, ".")
	claims, _, ok2 := strings.Cut(rest, ".")
	if !ok || !ok2 || base64.RawURLEncoding.DecodedLen(len(claims)) > maxClaims {
		return false
	}
	var buf [maxClaims]byte
	text, ok := decode(base64.RawURLEncoding, buf[:], claims)
	if !ok || len(text) == 0 || text[0] != '{' {
		return false // perhaps one that is encrypted
	}
	before := s.n
	var issuer, holder bool
	var number []byte
	for name, member, rest := cutMember(object(text)); name != nil; name, member, rest = cutMember(rest) {
		switch string(name) {
		case `"jti"`:
			number = member
			continue
		case `"iss"`:
			issuer = true
		case `"sub"`, `"user_id"`:
			holder = true
		}
		if !isOneOf(name, renewed[:]) {
			s.addBytes(member)
		}
	}
	if s.n == before {
		return false
	}
	// Without a holder the token's number may be all that tells them apart, and
	// without an issuer the key that it is signed with (App Store Connect).
	if !holder {
		s.addBytes(number)
	}
	if !holder || !issuer {
		s.keyOf(header)
	}
	return true
}

// keyOf adds the id of the key that a token is signed with, if its header has one.
func (s *sum) keyOf(header string) {
	var buf [512]byte
	if base64.RawURLEncoding.DecodedLen(len(header)) > len(buf) {
		return
	}
	text, _ := decode(base64.RawURLEncoding, buf[:], header)
	for name, member, rest := cutMember(object(text)); name != nil; name, member, rest = cutMember(rest) {
		if string(name) == `"kid"` {
			s.addBytes(member)
		}
	}
}

// decode decodes base64, with or without its equal signs, into dst, which has room
// for all of it. The encoding's own method would want s as bytes, and copy it.
func decode(encoding *base64.Encoding, dst []byte, s string) (text []byte, ok bool) {
	var chunk [1 << 10]byte // which holds whole groups of four
	n := 0
	for s = strings.TrimRight(s, "="); s != ""; {
		k := copy(chunk[:], s)
		m, err := encoding.Decode(dst[n:], chunk[:k])
		if err != nil {
			return nil, false
		}
		s, n = s[k:], n+m
	}
	return dst[:n], true
}

func isOneOf(name []byte, names []string) bool {
	for _, s := range names {
		if string(name) == s {
			return true
		}
	}
	return false
}

// object returns what follows the brace that begins a JSON object.
func object(text []byte) []byte { return bytes.TrimLeft(text, " \t\r\n{") }

// cutMember returns the first member of what remains of a JSON object, as it is
// written, with its name, in quotes; nil where there is none.
func cutMember(text []byte) (name, member, rest []byte) {
	if len(text) == 0 || text[0] != '"' {
		return nil, nil, nil
	}
	name = text[:valueEnd(text)]
	rest = bytes.TrimLeft(text[len(name):], " \t\r\n")
	if len(rest) == 0 || rest[0] != ':' {
		return nil, nil, nil
	}
	rest = bytes.TrimLeft(rest[1:], " \t\r\n")
	rest = rest[valueEnd(rest):]
	return name, text[:len(text)-len(rest)], bytes.TrimLeft(rest, " \t\r\n,")
}

// valueEnd is where the string that begins text ends, or the value, at the comma or
// brace after it.
func valueEnd(text []byte) int {
	depth := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			if i = stringEnd(text, i); depth == 0 {
				return i
			}
			i--
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return i
			}
			if depth--; depth == 0 {
				return i + 1
			}
		case ',', ':':
			if depth == 0 {
				return i
			}
		}
	}
	return len(text)
}

// stringEnd is where the string that begins at i ends: after the first quote that
// no odd row of backslashes escapes.
func stringEnd(text []byte, i int) int {
	for at := i + 1; ; {
		n := bytes.IndexByte(text[at:], '"')
		if n < 0 {
			return len(text)
		}
		slashes := 0
		for k := at + n - 1; k > i && text[k] == '\\'; k-- {
			slashes++
		}
		if at += n + 1; slashes%2 == 0 {
			return at
		}
	}
}
