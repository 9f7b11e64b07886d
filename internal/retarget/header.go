package retarget

import (
	"net/http"
	"net/textproto"
	"strings"

	"github.com/steadyhttp/steadyhttp/internal/credential"
)

// header is that of the request for t.
func (t *Target) header(req *http.Request, same bool) http.Header {
	var stays func(name string) bool
	switch {
	case !same:
		stays = passes
	case t.setsCredential():
		stays = isNobodys
	default:
		stays = func(string) bool { return true }
	}
	changed := t.ChangesBody(req)
	c := copier{room: make([]string, 0, len(req.Header)+len(t.Header))}
	h := make(http.Header, len(req.Header)+len(t.Header))
	for name, values := range req.Header {
		if stays(name) && !(changed && isDigest(name)) {
			h[name] = c.copy(values)
		}
	}
	for name, values := range t.Header {
		remove(h, name)
		name = textproto.CanonicalMIMEHeaderKey(name)
		switch {
		case len(values) > 0:
			h[name] = c.copy(values)
		case name == "User-Agent":
			h[name] = nil // net/http has one of its own for requests without it
		}
	}
	return h
}

// A copier copies values that somebody may append to, most of them into one piece of
// memory.
type copier struct{ room []string }

func (c *copier) copy(values []string) []string {
	from := len(c.room)
	c.room = append(c.room, values...)
	return c.room[from:len(c.room):len(c.room)]
}

// remove removes a header, however the caller spelt it.
func remove(h http.Header, name string) {
	for key := range h {
		if len(key) == len(name) && strings.EqualFold(key, name) {
			delete(h, key)
		}
	}
}

// passes reports whether a header goes along to another origin. These say what the body
// is and what answer is wanted, to anybody who speaks the same language, and no more.
func passes(name string) bool {
	switch {
	case hasPrefixFold(name, "Accept"), hasPrefixFold(name, "Content-"):
		return !credential.InHeader(name)
	}
	for _, known := range [...]string{"User-Agent", "Anthropic-Version", "Anthropic-Beta", "Openai-Beta", "Traceparent", "Tracestate"} {
		if strings.EqualFold(name, known) {
			return true
		}
	}
	return false
}

// isNobodys reports whether a header says nothing about who asks, or on whose account.
// It is asked where the server stays, and so an idempotency key does too.
func isNobodys(name string) bool {
	for _, account := range [...]string{"Openai-Organization", "Openai-Project", "X-Goog-User-Project"} {
		if strings.EqualFold(name, account) {
			return false
		}
	}
	return !credential.InHeader(name) && !isSignature(name)
}

// isSignature knows what is signed beside a signature: AWS's hash of the body.
func isSignature(name string) bool { return hasSuffixFold(name, "content-sha256") }

// isDigest reports whether a header is a hash of the body. When the body changes it is
// wrong.
func isDigest(name string) bool {
	if strings.EqualFold(name, "Content-Length") {
		return true
	}
	for _, part := range [...]string{"digest", "md5", "sha1", "sha256", "sha512", "checksum", "crc32", "goog-hash"} {
		if containsFold(name, part) {
			return true
		}
	}
	return false
}

func hasPrefixFold(s, begin string) bool {
	return len(s) >= len(begin) && strings.EqualFold(s[:len(begin)], begin)
}

func hasSuffixFold(s, end string) bool {
	return len(s) >= len(end) && strings.EqualFold(s[len(s)-len(end):], end)
}

// containsFold: part is in small letters.
func containsFold(s, part string) bool {
	for i := 0; i+len(part) <= len(s); i++ {
		if s[i]|0x20 == part[0] && strings.EqualFold(s[i:i+len(part)], part) {
			return true
		}
	}
	return false
}
