package redact

import (
	"strings"
	"unicode/utf8"
)

// maxLayers is how many escapes of different kinds are undone one around another: an
// entity of HTML in JSON that stands in JSON is three.
const maxLayers = 4

// decoded returns the character at s[i] and how many bytes it takes, which are more
// than one if it is escaped: for a URL (%3D, and %253D), for JSON (\n, \u003d), for HTML
// (&quot;, &#61;), or for one in another (\u0026#61;).
func decoded(s string, i int) (c, n int) {
	c, n = int(s[i]), 1
	if c >= utf8.RuneSelf {
		r, n := utf8.DecodeRuneInString(s[i:])
		return int(r), n
	}
	for range maxLayers {
		v, more := 0, 0
		switch c {
		case '%':
			v, more = percent(s[i+n:])
		case '\\':
			v, more = backslash(s[i+n:])
		case '&':
			v, more = entity(s[i+n:])
		}
		if more == 0 {
			break
		}
		c, n = v, n+more
	}
	return c, n
}

// percent returns what stands behind a percent sign, and its length; 0 if that is
// nothing special. So do the next two.
func percent(s string) (c, n int) {
	for strings.HasPrefix(s[n:], "25") { // escaped twice
		n += 2
	}
	if v, ok := hexAt(s, n, 2); ok {
		return v, n + 2
	}
	return '%', n
}

func backslash(s string) (c, n int) {
	if s == "" {
		return 0, 0
	}
	switch s[0] {
	case 'u':
		if v, ok := hexAt(s, 1, 4); ok {
			return v, 5
		}
	case 'n', 'r', 't', 'b', 'f':
		return ' ', 1
	case '"', '/', '\\':
		return int(s[0]), 1
	}
	return 0, 0
}

// entities are those of HTML that servers write.
var entities = [...]struct {
	text string
	c    int
}{{"amp;", '&'}, {"lt;", '<'}, {"gt;", '>'}, {"quot;", '"'}, {"apos;", '\''}, {"nbsp;", 0xa0}}

func entity(s string) (c, n int) {
	if len(s) < 3 {
		return 0, 0
	}
	for _, e := range entities {
		if s[0] == e.text[0] && strings.HasPrefix(s, e.text) {
			return e.c, len(e.text)
		}
	}
	if s[0] != '#' {
		return 0, 0
	}
	hexed := false
	for i := 1; i < len(s) && i < 9; i++ {
		switch l := s[i] | 0x20; {
		case s[i] == ';':
			return c, i + 1
		case l == 'x' && i == 1:
			hexed = true
		case hexed && 'a' <= l && l <= 'f':
			c = c*16 + int(l-'a') + 10
		case '0' <= s[i] && s[i] <= '9' && hexed:
			c = c*16 + int(s[i]-'0')
		case '0' <= s[i] && s[i] <= '9':
			c = c*10 + int(s[i]-'0')
		default:
			return 0, 0
		}
	}
	return 0, 0
}

func hexAt(s string, i, digits int) (v int, ok bool) {
	if i+digits > len(s) {
		return 0, false
	}
	for _, c := range []byte(s[i : i+digits]) {
		switch l := c | 0x20; {
		case '0' <= c && c <= '9':
			v = v*16 + int(c-'0')
		case 'a' <= l && l <= 'f':
			v = v*16 + int(l-'a') + 10
		default:
			return 0, false
		}
	}
	return v, true
}
