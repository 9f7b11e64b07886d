package dialect

import (
	"html"
	"strings"
)

// maxMarkup is how much of a page is searched for its title or its elements.
// Cloudflare's pages have the title in the first KiB; an XML error is smaller
// than this as a whole.
const maxMarkup = 16 << 10

// isHTML and isXML tell pages from documents by how they begin: content types
// lie.
func isHTML(s string) bool {
	if len(s) == 0 || s[0] != '<' {
		return false
	}
	head := strings.ToLower(s[:min(len(s), 1<<10)])
	return strings.HasPrefix(head, "<!doctype html") || strings.HasPrefix(head, "<html") ||
		strings.HasPrefix(head, "<!--") || strings.Contains(head, "<head") || strings.Contains(head, "<title") ||
		strings.Contains(head, "<body") || strings.Contains(head, "<h1")
}

func isXML(s string) bool { return len(s) > 1 && s[0] == '<' && !isHTML(s) }

// element returns the text of the first element of that name, its markup
// dropped and its five (in HTML: its named) characters decoded. Nothing
// declared in a document is ever expanded.
func element(s, name string) string {
	s = s[:min(len(s), maxMarkup)]
	for {
		i := strings.IndexByte(s, '<')
		if i < 0 {
			return ""
		}
		s = s[i+1:]
		if len(s) <= len(name) || !strings.EqualFold(s[:len(name)], name) {
			continue
		}
		switch s[len(name)] {
		case '>', ' ', '\t', '\n', '\r':
		default:
			continue
		}
		i = strings.IndexByte(s, '>')
		if i < 0 || s[i-1] == '/' {
			return ""
		}
		s = s[i+1:]
		end := closing(s, name)
		return plain(s[:end])
	}
}

// closing returns where the element that s is inside of ends.
func closing(s, name string) int {
	for from := 0; ; {
		i := strings.Index(s[from:], "</")
		if i < 0 {
			return len(s)
		}
		i += from
		if rest := s[i+2:]; len(rest) >= len(name) && strings.EqualFold(rest[:len(name)], name) {
			return i
		}
		from = i + 2
	}
}

// plain drops tags and decodes characters.
func plain(s string) string {
	s = strings.TrimSpace(s)
	if cdata, ok := strings.CutPrefix(s, "<![CDATA["); ok {
		cdata, _, _ = strings.Cut(cdata, "]]>")
		return strings.TrimSpace(cdata)
	}
	if strings.IndexByte(s, '<') >= 0 {
		var b strings.Builder
		for s != "" {
			before, rest, found := strings.Cut(s, "<")
			b.WriteString(before)
			if !found {
				break
			}
			_, s, _ = strings.Cut(rest, ">")
		}
		s = b.String()
	}
	if strings.IndexByte(s, '&') >= 0 {
		s = html.UnescapeString(s)
	}
	return strings.TrimSpace(s)
}

// headline is a page's title, or its first heading. Cloudflare puts the host
// in front of the title, which says nothing.
func headline(page string) string {
	for _, name := range []string{"title", "h1", "h2", "p", "body"} {
		s := element(page, name)
		if s == "" {
			continue
		}
		if host, rest, ok := strings.Cut(s, " | "); ok && strings.Contains(host, ".") && !strings.Contains(host, " ") {
			s = rest
		}
		line, _, _ := strings.Cut(s, "\n")
		return strings.TrimSpace(line)
	}
	return ""
}

// rootElement is the name of a document's first element.
func rootElement(s string) string {
	for range 8 { // a declaration, a doctype, a few comments
		i := strings.IndexByte(s, '<')
		if i < 0 {
			return ""
		}
		s = s[i+1:]
		if s == "" {
			return ""
		}
		if s[0] == '?' || s[0] == '!' {
			continue
		}
		end := strings.IndexAny(s, "> \t\r\n/")
		if end < 0 {
			return ""
		}
		_, local, ok := strings.Cut(s[:end], ":")
		if !ok {
			local = s[:end]
		}
		return local
	}
	return ""
}
