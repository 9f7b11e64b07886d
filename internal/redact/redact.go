// Package redact makes text from a server, or from an error, fit for one line
// of a log: no secrets, no control characters, no more than a stated length.
package redact

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Mask stands where a secret stood.
const Mask = "[redacted]"

// A Cleaner knows secrets beside those that are known by their shape. The zero
// Cleaner knows none.
type Cleaner struct{ known []string }

// minKnown is the length from which on a text is taken for a secret: shorter
// ones are words of ordinary sentences too.
const minKnown = 6

// Without returns a Cleaner that also masks each of secrets.
func Without(secrets ...string) Cleaner {
	var c Cleaner
	for _, s := range secrets {
		if len(s) >= minKnown {
			c.known = append(c.known, s)
		}
	}
	return c
}

// Line is the zero Cleaner's Line.
func Line(s string, max int) string { return Cleaner{}.Line(s, max) }

// Line returns s as one line of at most max bytes, without anything that looks
// like a credential. White space is folded; what cannot be printed (control
// characters, terminal escapes, invalid UTF-8, marks that change the direction
// of writing) becomes a space. A cut is marked by an ellipsis.
//
// What looks like a credential is decided by shape, so that a server which
// quotes a key it was sent does not put it into our log: well-known prefixes
// (sk-, AKIA, ghp_ …), JSON web tokens, what follows "Bearer" or "Basic", and
// the values of query parameters with telling names.
func (c Cleaner) Line(s string, max int) string {
	// A secret may begin before the cut and end after it, so cleaning comes
	// first; but never of more than could matter.
	if limit := 4*max + 1<<10; len(s) > limit {
		s = s[:limit]
	}
	for _, secret := range c.known {
		s = strings.ReplaceAll(s, secret, Mask)
	}
	return cut(secrets(oneLine(s)), max)
}

func oneLine(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	space := true // at the start: leading space goes
	for _, r := range s {
		if r == utf8.RuneError || unicode.IsSpace(r) || !unicode.IsPrint(r) {
			if !space {
				b.WriteByte(' ')
			}
			space = true
			continue
		}
		b.WriteRune(r)
		space = false
	}
	return strings.TrimRight(b.String(), " ")
}

func cut(s string, max int) string {
	const ellipsis = "…"
	if len(s) <= max {
		return s
	}
	s = s[:max-len(ellipsis)]
	for len(s) > 0 && !utf8.ValidString(s[len(s)-1:]) && !utf8.RuneStart(s[len(s)-1]) {
		s = s[:len(s)-1]
	}
	if len(s) > 0 && s[len(s)-1] >= utf8.RuneSelf {
		s = s[:len(s)-1] // the first byte of a rune whose rest was cut off
	}
	return s + ellipsis
}

// secrets replaces every word of s that is, or is announced as, a credential.
func secrets(s string) string {
	var b strings.Builder
	last := 0    // s[:last] has been written to b
	prev := ""   // the word before
	glue := ""   // what stands between prev and the word
	prevEnd := 0 // where prev ends
	for i := 0; i < len(s); {
		if !wordByte(s[i]) {
			i++
			continue
		}
		start := i
		for i < len(s) && wordByte(s[i]) {
			i++
		}
		word := s[start:i]
		glue = s[prevEnd:start]
		if secretShape(word) || announced(prev, glue, word) {
			b.WriteString(s[last:start])
			b.WriteString(Mask)
			last = i
		}
		prev, prevEnd = word, i
	}
	if last == 0 {
		return s
	}
	b.WriteString(s[last:])
	return b.String()
}

// wordByte reports whether c can stand inside a credential. The characters of
// base64 and its URL form do, and the asterisk with which servers half-hide a
// key; '=' and '/' do not, or names would stick to their values.
func wordByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
		c == '-' || c == '_' || c == '.' || c == '+' || c == '~' || c == '*' || c >= utf8.RuneSelf
}

// prefixes begin keys whatever follows, provided enough follows to be one: the
// formats that their issuers publish so that scanners can find them.
var prefixes = []struct {
	text string
	min  int // length of the shortest word that counts
}{
	{"sk-", 8}, {"sk_", 8}, {"pk_", 12}, {"rk_", 8}, {"whsec_", 12}, // OpenAI, Anthropic, Stripe …
	{"AIza", 20}, {"ya29.", 12}, {"GOCSPX-", 12}, // Google
	{"AKIA", 16}, {"ASIA", 16}, // AWS
	{"ghp_", 12}, {"gho_", 12}, {"ghu_", 12}, {"ghs_", 12}, {"ghr_", 12}, {"github_pat_", 16}, {"glpat-", 12},
	{"xoxb-", 10}, {"xoxp-", 10}, {"xoxa-", 10}, {"xoxe-", 10}, {"xapp-", 10}, // Slack
	{"hf_", 12}, {"r8_", 12}, {"gsk_", 12}, {"xai-", 12}, {"pplx-", 12}, {"nvapi-", 12}, {"fw_", 12}, {"tgp_", 12},
	{"SG.", 16}, {"shpat_", 12}, {"shpss_", 12}, {"ntn_", 12}, {"secret_", 12}, {"hvs.", 12}, {"key-", 20}, {"dop_v1_", 12},
}

func secretShape(word string) bool {
	for _, p := range prefixes {
		if len(word) >= p.min && strings.HasPrefix(word, p.text) && keyLike(word[len(p.text):]) {
			return true
		}
	}
	// A JSON web token: three parts, the first of which decodes to `{"`.
	return len(word) > 20 && strings.HasPrefix(word, "eyJ") && strings.Count(word, ".") >= 1
}

// keyLike tells a key's tail from plain words with a hyphen: "sk-learn-users"
// is somebody's package, "sk-proj-4f…" is a key.
func keyLike(tail string) bool {
	if len(tail) >= 20 {
		return true
	}
	return strings.ContainsAny(tail, "0123456789*ABCDEFGHIJKLMNOPQRSTUVWXYZ")
}

// announced reports whether word is a credential because of what stands before
// it: an authentication scheme, or a name and a sign of assignment.
func announced(prev, glue, word string) bool {
	if len(word) < 6 {
		return false
	}
	switch glue {
	case " ":
		return (strings.EqualFold(prev, "bearer") || strings.EqualFold(prev, "basic")) && keyLike(word)
	case "=":
		return secretName(prev)
	case ": ", ":", `":"`, `": "`, `\":\"`, `\": \"`:
		return secretName(prev) && keyLike(word) // prose has colons too: "invalid token: expired"
	}
	return false
}

// secretName reports whether a parameter or header of that name is a secret.
func secretName(name string) bool {
	name = strings.ToLower(name)
	for _, n := range []string{"key", "token", "secret", "password", "passwd", "signature", "authorization", "credential"} {
		if strings.HasSuffix(name, n) {
			return true
		}
	}
	return name == "sig" || name == "pwd" || name == "auth" || name == "code_verifier"
}
