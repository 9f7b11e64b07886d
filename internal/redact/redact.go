// Package redact makes text from a server, or from an error, fit for one line
// of a log: no secrets, no control characters, no more than a stated length.
package redact

import (
	"strings"
	"unicode/utf8"
)

// Mask stands where a secret stood.
const Mask = "[redacted]"

// Line is the zero Cleaner's Line.
func Line(s string, max int) string { return Cleaner{}.Line(s, max) }

// Line returns s as one line of at most max bytes, without anything that looks
// like a credential. White space is folded; what cannot be printed (control
// characters, terminal escapes, invalid UTF-8, marks that change the direction
// of writing) becomes a space. A cut is marked by an ellipsis.
//
// What looks like a credential is decided by shape, so that a server which
// quotes a key it was sent does not put it into our log: well-known prefixes
// (sk-, AKIA, ghp_ …), JSON web tokens, passwords in URLs, what follows an
// authentication scheme, and the values of names that tell of a secret.
func (c Cleaner) Line(s string, max int) string {
	// A secret may begin before the cut and end after it, so cleaning comes
	// first; but never of more than could matter. What stands at the end of
	// that may be half a secret: it is shown only as far as words are whole.
	limit := 4*max + 1<<10
	if len(s) > limit+maxEcho {
		s = s[:limit+maxEcho]
	}
	s = c.withoutEchoes(s)
	if len(s) > limit {
		s = s[:limit]
		for len(s) > 0 && wordByte(s[len(s)-1]) {
			s = s[:len(s)-1]
		}
		s += "…"
	}
	return cut(secrets(urls(marked(oneLine(s)))), max)
}

// marks announce a secret of any shape: it goes up to the end named, or to the
// end of the text where that is missing.
var marks = []struct{ before, end string }{
	{"PRIVATE KEY-----", "-----END"},
	{"PRIVATE KEY BLOCK-----", "-----END"},
	{"Cookie: ", "\x00"}, // to the end of the line
}

// marked masks what is announced by a mark, wherever one stands.
func marked(s string) string {
	if !strings.ContainsAny(s, "-:") {
		return s
	}
	for _, m := range marks {
		i := strings.Index(s, m.before)
		if i < 0 {
			continue
		}
		var b strings.Builder
		for ; i >= 0; i = strings.Index(s, m.before) {
			i += len(m.before)
			b.WriteString(s[:i])
			s = s[i:]
			if strings.HasPrefix(m.before, "PRIVATE") && endsBlock(b.String()) {
				continue // that was the line at the end
			}
			b.WriteString(Mask)
			end := strings.Index(s, m.end)
			if end < 0 {
				end = len(s)
			}
			s = s[end:]
		}
		b.WriteString(s)
		s = b.String()
	}
	return s
}

// endsBlock reports whether s ends in the line after a key and not in the one
// before it: -----END RSA PRIVATE KEY-----.
func endsBlock(s string) bool {
	s = s[max(0, len(s)-64):]
	return strings.LastIndex(s, "-----END ") > strings.LastIndex(s, "-----BEGIN ")
}

// secrets replaces every word of s that is, or is announced as, a credential.
func secrets(s string) string {
	var b strings.Builder
	last := 0 // s[:last] has been written to b
	mask := func(from, to int) {
		b.WriteString(s[last:from])
		b.WriteString(Mask)
		last = to
	}
	var prev, before string // the word before, and the one before that
	prevEnd, password := 0, -1
	for i := 0; i < len(s); {
		if s[i] == ':' {
			if at := passwordAfter(s, i); at >= 0 {
				password = at
			}
		}
		if i == password {
			i = valueEnd(s, i)
			mask(password, i)
			before, prev, prevEnd, password = "", "", i, -1
			continue
		}
		if !inWord[s[i]] {
			n := 1
			if c := s[i]; c == '%' || c == '\\' || c == '&' {
				_, n = decoded(s, i)
			}
			i += n
			continue
		}
		start := i
		for i < len(s) && inWord[s[i]] {
			i++
		}
		word, glue := s[start:i], s[prevEnd:start]
		if start > 0 && s[start-1] == Mask[0] && strings.HasPrefix(s[start-1:], Mask) {
			// Masked before; perhaps it was a part of what is announced.
			i = start - 1 + len(Mask)
			if announced(before, prev, glue, s, start, i) {
				i = valueEnd(s, i)
				mask(start-1, i)
			}
			before, prev, prevEnd = "", "", i
			continue
		}
		switch at := secretAt(s, start, i); {
		case announced(before, prev, glue, s, start, i):
			i = valueEnd(s, i)
			mask(start, i)
		case at >= 0:
			mask(at, i)
		}
		before, prev, prevEnd = prev, word, i
	}
	if last == 0 {
		return s
	}
	b.WriteString(s[last:])
	return b.String()
}

// wordByte reports whether c can stand inside a credential. The asterisk is
// that of servers which half-hide a key. Beyond ASCII there are only words and
// quotation marks.
func wordByte(c byte) bool {
	return alnum(c) || c == '-' || c == '_' || c == '.' || c == '+' || c == '~' || c == '*'
}

// inWord is wordByte, looked up.
var inWord = func() (in [256]bool) {
	for c := range in {
		in[c] = wordByte(byte(c))
	}
	return in
}()

func alnum(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

// valueEnd is where a value ends whose first word ends at i: base64 goes on
// after a slash, a query's value after a percent sign, a password after most
// signs.
func valueEnd(s string, i int) int {
	for i < len(s) && s[i] < utf8.RuneSelf && (!valueEnds[s[i]] || endsMask(s, i)) {
		i++
	}
	return i
}

// endsMask reports whether a mask ends with s[i]: a part of a longer secret was masked
// before.
func endsMask(s string, i int) bool { return s[i] == ']' && strings.HasSuffix(s[:i+1], Mask) }

// valueEnds are what no value goes across.
var valueEnds = setOf(" \t\"'`\\&,;)]}>|")

// setOf is a set of bytes, looked up at once.
func setOf(list string) (set [256]bool) {
	for _, c := range []byte(list) {
		set[c] = true
	}
	return set
}

// valueAt is the value from start on whose first word ends at end, or as much of
// it as is looked at.
func valueAt(s string, start, end int) string {
	if end-start >= maxLook {
		return s[start : start+maxLook]
	}
	return s[start:valueEnd(s[:min(len(s), start+maxLook)], end)]
}

// prefixes begin keys whatever follows, provided enough follows to be one: the
// formats that their issuers publish so that scanners can find them.
var prefixes = byFirst([]prefix{
	{"sk-", 8}, {"sk_", 8}, {"pk_", 12}, {"rk_", 8}, {"whsec_", 12}, // OpenAI, Anthropic, Stripe …
	{"csk-", 12}, {"ABSK", 20}, {"lsv2_", 12}, {"tvly-", 12}, // Cerebras, Bedrock, LangSmith, Tavily
	{"AIza", 20}, {"ya29.", 12}, {"GOCSPX-", 12}, // Google
	{"AKIA", 16}, {"ASIA", 16}, // AWS
	{"ghp_", 12}, {"gho_", 12}, {"ghu_", 12}, {"ghs_", 12}, {"ghr_", 12}, {"github_pat_", 16}, {"glpat-", 12},
	{"xoxb-", 10}, {"xoxp-", 10}, {"xoxa-", 10}, {"xoxe-", 10}, {"xoxe.", 10}, {"xoxs-", 10}, {"xoxr-", 10}, {"xapp-", 10}, // Slack
	{"hf_", 12}, {"r8_", 12}, {"gsk_", 12}, {"xai-", 12}, {"pplx-", 12}, {"nvapi-", 12}, {"fw_", 12}, {"tgp_", 12},
	{"SG.", 16}, {"shpat_", 12}, {"shpss_", 12}, {"ntn_", 12}, {"secret_", 12}, {"hvs.", 12}, {"key-", 20}, {"dop_v1_", 12},
	{"npm_", 12}, {"pypi-", 12}, {"glsa_", 12},
	{"eyJ", 20}, // a JSON web token: its first part decodes to `{"`
})

// minPrefixed is the least length of a word that counts because of its prefix.
const minPrefixed = 8

type prefix struct {
	text string
	min  int // length of the shortest word that counts
}

// byFirst sorts prefixes by their first byte, since every word is compared.
func byFirst(list []prefix) (sorted [256][]prefix) {
	for _, p := range list {
		sorted[p.text[0]] = append(sorted[p.text[0]], p)
	}
	return sorted
}

// secretAt returns where in the word s[start:end] a key begins, -1 if none
// does. It may begin inside: after a flag's dashes, emphasis or a dot.
func secretAt(s string, start, end int) int {
	for i := start; i+minPrefixed <= end; i++ {
		if i > start && letter[s[i-1]] != 0 || len(prefixes[s[i]]) == 0 {
			continue
		}
		word := s[i:end]
		for _, p := range prefixes[word[0]] {
			if len(word) < p.min || !strings.HasPrefix(word, p.text) {
				continue
			}
			if keyLike(word[len(p.text):]) {
				return i
			}
			if !keyLike(word) {
				return -1 // nor is any part of it: the word is read once
			}
		}
	}
	return -1
}

// maxLook is how much of a value is looked at to tell what it is: more than the
// beginning of any key needs. Without it, a text in which a name announces one
// value after another would be read to its end as often.
const maxLook = 64

// keyLike tells what was drawn at random from plain words: "sk-learn-users" is
// somebody's package and "YOUR_KEY" a placeholder, "sk-proj-4f9Tx2…" is a key.
func keyLike(word string) bool {
	letters, digits, run := false, false, 0
	for i := 0; i < len(word); i++ {
		switch c := word[i]; {
		case c == '*':
			return true
		case !alnum(c):
			letters, digits, run = false, false, 0
			continue
		case '0' <= c && c <= '9':
			digits = true
		default:
			letters = true
		}
		if run++; run >= 20 || run >= 6 && letters && digits {
			return true
		}
	}
	return false
}

// announced reports whether the word s[start:end] is a credential because of
// what stands before it: an authentication scheme, or a name and a sign of
// assignment.
func announced(before, prev, glue, s string, start, end int) bool {
	if glue == " " && !introduces(before, prev) {
		return false // like most words
	}
	var room [maxGlue]byte
	g := string(signs(room[:0], glue))
	switch {
	case g == "":
		return false
	case strings.IndexByte(g, ':') < 0 && strings.IndexByte(g, '=') < 0:
		// Authorization: token 4f9e… – the scheme may be anybody's.
		return introduces(before, prev) && only(g, &quoteSigns) && keyLike(valueAt(s, start, end))
	}
	g = strings.TrimRight(g, "/%+") // with which base64 may begin
	if !only(g, &assignSigns) {
		return false
	}
	name := strings.ToLower(prev[max(0, len(prev)-maxLook):])
	secret := SecretName(name)
	if !secret && !scheme(prev) && !telegramBot(name) && name != "code" && !queryName(name) {
		return false
	}
	value := valueAt(s, start, end)
	switch {
	case scheme(prev), g == ":" && telegramBot(name):
		return keyLike(value)
	case name == "code" && g == "=": // of OAuth, or somebody's error code
		return len(value) >= 20 && keyLike(value)
	case !secret && !(g == "=" && queryName(name)):
		return false
	case keyLike(value):
		return true
	}
	// Prose has colons and equal signs too: "invalid token: expired". Where the
	// name can mean nothing else, and in a query, any value counts.
	query := start > len(glue)+len(prev) && strings.IndexByte("?&;", s[start-len(glue)-len(prev)-1]) >= 0
	certain := strings.Contains(name, "pass") || strings.HasSuffix(name, "secret") || strings.HasSuffix(name, "api_key") || name == "pwd"
	switch {
	case g == ": ":
		return false
	case query || certain:
		return len(value) >= 4
	}
	return g == "=" && len(value) >= 6
}

// introduces reports whether a credential follows two words without a sign of
// assignment: a scheme, or the flag of a program.
func introduces(before, prev string) bool {
	return scheme(prev) || hasSuffixFold(before, "authorization") || strings.HasPrefix(prev, "--") && SecretName(prev)
}

// maxGlue is how many signs may stand between a name and its value.
const maxGlue = 8

// signs appends the signs of glue to b, without escapes; nothing if there are more
// than b has room for. The slashes at the end, with which base64 may begin, are
// not counted.
func signs(b []byte, glue string) []byte {
	if len(glue) > 6*maxGlue {
		return nil
	}
	for i := 0; i < len(glue); {
		c, n := decoded(glue, i)
		i += n
		if len(b) == cap(b) {
			if c != '/' {
				return nil
			}
			continue
		}
		b = append(b, byte(min(c, 0xff)))
	}
	return b
}

// What may stand between a scheme and its credential, and between a name and its value.
var (
	quoteSigns  = setOf(" \"'\\<")
	assignSigns = setOf(" \"'\\:=[<>")
)

func only(s string, set *[256]bool) bool {
	for i := range len(s) {
		if !set[s[i]] {
			return false
		}
	}
	return true
}

func hasSuffixFold(s, end string) bool {
	i := len(s) - len(end)
	return i >= 0 && s[len(s)-1]|0x20 == end[len(end)-1] && strings.EqualFold(s[i:], end)
}

// telegramBot reports whether name is the first half of such a bot's token,
// which its API takes in the path: bot123456:ABC-DEF…
func telegramBot(name string) bool {
	id, ok := strings.CutPrefix(name, "bot")
	return ok && len(id) >= 6 && strings.Trim(id, "0123456789") == ""
}

func scheme(word string) bool {
	return len(word) == 6 && strings.EqualFold(word, "bearer") || len(word) == 5 && strings.EqualFold(word, "basic")
}

// passwordAfter returns where the secret of a URL's user begins, if a URL's
// scheme ends in the colon at s[i]: the password, or the user where there is no
// password and the name looks like a key. It is -1 if there is none. It reads
// to the end of the host at most, and no byte is read for two schemes.
func passwordAfter(s string, i int) int {
	if !strings.HasPrefix(s[i:], "://") {
		return -1
	}
	i += len("://")
	end := valueEndOfUser(s, i)
	if end == len(s) || s[end] != '@' {
		return -1
	}
	if colon := strings.IndexByte(s[i:end], ':'); colon >= 0 {
		if i+colon+1 == end {
			return -1
		}
		return i + colon + 1
	}
	if keyLike(s[i:end]) && end-i >= 16 {
		return i
	}
	return -1
}

func valueEndOfUser(s string, i int) int {
	for i < len(s) && !userEnds[s[i]] {
		i++
	}
	return i
}

var userEnds = setOf("@/ \"'")
