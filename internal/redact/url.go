package redact

import "strings"

// urls masks the secrets in the paths of the URLs that stand in a text, with a
// scheme or without. Each byte is looked at once: a URL that stands in another's
// path begins anew at its scheme.
func urls(s string) string {
	if strings.IndexByte(s, '/') < 0 && !strings.Contains(s, "%2") {
		return s
	}
	var b strings.Builder
	last := 0
	for i := 0; i < len(s); {
		if !inWord[s[i]] {
			i++
			continue
		}
		start := i
		for i < len(s) && inWord[s[i]] {
			i++
		}
		host := s[start:i]
		if n := escapedBefore(s, start); n > 0 && len(host) > n {
			host = host[n:] // %2Fhooks.slack.com: its digits look like part of the word
		}
		path := i
		if i < len(s) && s[i] == ':' { // a port
			for path++; path < len(s) && '0' <= s[path] && s[path] <= '9'; path++ {
			}
		}
		afterScheme := start > 0 && s[start-1] == '/' || len(host) < i-start
		if path >= len(s) || slash(s, path) == 0 || !afterScheme && !strings.Contains(host, ".") {
			continue
		}
		end := path
		for end < len(s) && !pathEnds(s, end) {
			end++
		}
		w := walkOf(host, s[path:end])
		for from, to, ok := w.secret(); ok; from, to, ok = w.secret() {
			b.WriteString(s[last : path+from])
			b.WriteString(Mask)
			last = path + to
		}
		i = end
	}
	if last == 0 {
		return s
	}
	b.WriteString(s[last:])
	return b.String()
}

// escapedBefore is how many bytes of the word at start belong to an escaped
// slash before it.
func escapedBefore(s string, start int) int {
	if start > 0 && s[start-1] == '%' && slash(s, start-1) == 3 {
		return 2
	}
	return 0
}

// pathEnds reports whether the path of a URL in a text ends before s[i]: where a
// value does, at its query, or where another URL begins.
func pathEnds(s string, i int) bool {
	switch c := s[i]; c {
	case '\\':
		return slash(s, i) == 0
	case ':':
		return i+2 < len(s) && slash(s, i+1) > 0
	case '%':
		escaped := strings.ToLower(s[i:min(len(s), i+3)]) // a question mark, or a colon
		return escaped == "%3f" || escaped == "%3a" && i+3 < len(s) && slash(s, i+3) > 0
	default:
		return c >= 0x80 || pathEnd[c] && !endsMask(s, i)
	}
}

var pathEnd = setOf("?# \t\"'`&,;)]}>|")
