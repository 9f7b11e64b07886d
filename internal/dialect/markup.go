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
	if strings.HasPrefix(head, "<?xml") && !strings.Contains(head, "<html") && !strings.Contains(head, "doctype html") {
		return false // whose header or body is no page's
	}
	return strings.HasPrefix(head, "<!doctype html") || strings.HasPrefix(head, "<html") ||
		strings.HasPrefix(head, "<!--") || strings.Contains(head, "<head>") || strings.Contains(head, "<title") ||
		strings.Contains(head, "<body") || strings.Contains(head, "<h1")
}

func isXML(s string) bool { return len(s) > 1 && s[0] == '<' && !isHTML(s) }

// element returns the text of the first element of that name in whatever namespace,
// its markup dropped and its five (in HTML: its named) characters decoded. Nothing
// declared in a document is ever expanded.
func element(s, name string) string {
	rest := afterName(s, name)
	i := strings.IndexByte(rest, '>')
	if i < 0 || i > 0 && rest[i-1] == '/' {
		return ""
	}
	rest = rest[i+1:]
	return plain(rest[:closing(rest, name)])
}

// afterName returns what follows the name of the first element that is called so.
func afterName(s, name string) string {
	s = s[:min(len(s), maxMarkup)]
	for {
		i := strings.IndexByte(s, '<')
		if i < 0 {
			return ""
		}
		s = s[i+1:]
		if rest, ok := cutName(s, name); ok && rest != "" && strings.IndexByte("> \t\n\r/", rest[0]) >= 0 {
			return rest
		}
	}
}

// cutName cuts a name off, with the prefix of a namespace before it.
func cutName(s, name string) (rest string, ok bool) {
	for i := 0; i < min(len(s), maxPrefix); i++ {
		if s[i] == ':' {
			s = s[i+1:]
			break
		}
		if !wordByte(s[i]|0x20) && s[i] != '-' && s[i] != '.' { // SOAP-ENV:
			break
		}
	}
	if len(s) < len(name) || !strings.EqualFold(s[:len(name)], name) {
		return "", false
	}
	return s[len(name):], true
}

// maxPrefix bounds the prefix of a namespace. Generators number them: ns12.
const maxPrefix = 16

// openingTag returns the attributes of the first element of that name.
func openingTag(s, name string) string {
	tag, _, _ := strings.Cut(afterName(s, name), ">")
	return tag
}

// attributeOf returns an attribute of an element.
func attributeOf(tag, name string) string {
	for from := 0; ; {
		i := strings.Index(tag[from:], name)
		if i < 0 {
			return ""
		}
		i += from
		from = i + len(name)
		rest := strings.TrimLeft(tag[from:], " ")
		if i == 0 || tag[i-1] > ' ' || !strings.HasPrefix(rest, "=") {
			continue
		}
		rest = strings.TrimLeft(rest[1:], " ")
		if rest == "" || rest[0] != '"' && rest[0] != '\'' {
			return ""
		}
		value, _, ok := strings.Cut(rest[1:], rest[:1])
		if !ok {
			return ""
		}
		return html.UnescapeString(value)
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
		if _, ok := cutName(s[i+2:], name); ok {
			return i
		}
		from = i + 2
	}
}

// bodyText returns the text of a page's body, each block on a line of its own and
// without scripts, styles, footers and navigation.
func bodyText(page string) string {
	page = page[:min(len(page), maxMarkup)]
	if i := strings.Index(page, "<body"); i >= 0 {
		page = page[i:]
	} else if i := strings.Index(page, "</head>"); i >= 0 {
		page = page[i:]
	}
	b := make([]byte, 0, min(len(page), maxSaid))
	for page != "" && len(b) < maxSaid {
		text, rest, found := strings.Cut(page, "<")
		if text != "" && len(b) > 0 && bothWord(b[len(b)-1], text[0]) {
			b = append(b, ' ')
		}
		b = appendText(b, text)
		if !found {
			break
		}
		ends := 0
		for ends < len(rest) && (wordByte(rest[ends]|0x20) || ends == 0 && rest[0] == '/') {
			ends++
		}
		switch name := rest[:ends]; {
		case besideText(name):
			if i := closing(rest, name); i < len(rest) {
				rest = rest[i+2:]
			} else {
				rest = ""
			}
		case !inline(strings.TrimPrefix(name, "/")) && len(b) > 0 && b[len(b)-1] != '\n':
			b = append(b, '\n')
		}
		_, page, _ = strings.Cut(rest, ">")
	}
	return html.UnescapeString(string(b))
}

// bothWord reports whether a tag between two characters parted words. Whoever reads on
// must not take them for one: a key is known by how it begins.
func bothWord(a, b byte) bool { return wordByte(a|0x20) && wordByte(b|0x20) }

// besideText reports whether an element of that name stands beside what a page says.
func besideText(name string) bool {
	switch strings.ToLower(name) {
	case "script", "style", "footer", "nav", "noscript":
		return true
	}
	return false
}

// inline reports whether elements of that name stand within a line.
func inline(name string) bool {
	switch name {
	case "b", "i", "em", "strong", "span", "a", "code", "u", "font", "small":
		return true
	}
	return false
}

// appendText appends s with runs of white space as one space.
func appendText(b []byte, s string) []byte {
	for i := 0; i < len(s) && len(b) < maxSaid; i++ {
		if s[i] > ' ' {
			b = append(b, s[i])
		} else if len(b) > 0 && b[len(b)-1] > ' ' {
			b = append(b, ' ')
		}
	}
	return b
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
		b.Grow(len(s) + 8)
		for last := byte(' '); s != ""; {
			before, rest, found := strings.Cut(s, "<")
			if before != "" {
				if bothWord(last, before[0]) {
					b.WriteByte(' ')
				}
				last = before[len(before)-1]
			}
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

// openingElement is the name of the first element behind a tag that has just begun.
func openingElement(rest string) string {
	_, rest, _ = strings.Cut(rest, ">")
	return rootElement(rest)
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
