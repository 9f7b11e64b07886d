package wait

import "strconv"

// A member is one member of a structured field: an item with its parameters.
// A dictionary's member has its key as well. Only what rate-limit fields use is
// kept: strings, tokens and whole numbers.
type member struct {
	key    string
	text   string // of a string or token
	number int64  // of a whole number, else -1
	params []param
}

type param struct {
	key    string
	text   string
	number int64 // -1 if it is none
}

// Bounds on a structured field. The longest that we have seen has three members
// in 200 bytes.
const (
	maxField   = 2 << 10
	maxMembers = 16
	maxParams  = 8
)

// param returns the whole number called key, -1 if there is none.
func (m *member) param(key string) int64 {
	for _, p := range m.params {
		if p.key == key {
			return p.number
		}
	}
	return -1
}

func (m *member) said(key string) string {
	for _, p := range m.params {
		if p.key == key {
			return p.text
		}
	}
	return ""
}

// parse reads a List of Items, and leniently a Dictionary of them, which the
// draft of RateLimit was in its seventh version. As RFC 9651, 4.2 has it, a
// field that is wrong anywhere is ignored as a whole. Inner lists, which no
// rate-limit field has, count as wrong.
func parse(field string) ([]member, bool) {
	if len(field) > maxField {
		return nil, false
	}
	p := scanner{s: field}
	p.spaces()
	var all []member
	for p.s != "" {
		if len(all) == maxMembers {
			return nil, false
		}
		m, ok := p.member()
		if !ok {
			return nil, false
		}
		all = append(all, m)
		p.space()
		if p.s == "" {
			break
		}
		if !p.take(',') {
			return nil, false
		}
		p.space()
		if p.s == "" {
			return nil, false // a trailing comma
		}
	}
	return all, true
}

// A scanner is what is left of a field.
type scanner struct{ s string }

func (p *scanner) member() (member, bool) {
	var m member
	var ok bool
	if m.text, m.number, ok = p.item(); !ok {
		return m, false
	}
	if m.text != "" && p.take('=') {
		m.key = m.text
		if m.text, m.number, ok = p.item(); !ok {
			return m, false
		}
	}
	for p.take(';') {
		p.spaces()
		q := param{number: -1}
		if q.key = p.key(); q.key == "" {
			return m, false
		}
		if p.take('=') {
			if q.text, q.number, ok = p.item(); !ok {
				return m, false
			}
		}
		if len(m.params) == maxParams {
			return m, false
		}
		m.params = append(m.params, q)
	}
	return m, true
}

// item reads a bare item (RFC 9651, 4.2.3.1). number is -1 for what is no whole number.
func (p *scanner) item() (text string, number int64, ok bool) {
	if p.s == "" {
		return "", 0, false
	}
	number = -1
	switch c := p.s[0]; {
	case c == '"':
		text, ok = p.quoted()
	case c == '-' || digit(c):
		number, ok = p.number()
	case c == '@':
		p.s = p.s[1:]
		_, ok = p.number()
	case c == '?':
		p.s = p.s[1:]
		ok = p.take('0') || p.take('1')
	case c == ':':
		ok = p.bytes()
	case c == '*' || letter(c):
		text, ok = p.run(tokenByte), true
	}
	return text, number, ok
}

// quoted reads a string. Its only escapes are of the quote and the backslash.
func (p *scanner) quoted() (string, bool) {
	escaped := false
	for i := 1; i < len(p.s); i++ {
		switch c := p.s[i]; {
		case c == '"':
			text := p.s[1:i]
			p.s = p.s[i+1:]
			if escaped {
				text = unescape(text)
			}
			return text, true
		case c == '\\':
			i++
			if i == len(p.s) || p.s[i] != '"' && p.s[i] != '\\' {
				return "", false
			}
			escaped = true
		case c < ' ' || c > '~':
			return "", false
		}
	}
	return "", false
}

func unescape(s string) string {
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' {
			i++
		}
		b = append(b, s[i])
	}
	return string(b)
}

// number reads an integer or a decimal. Of those only a whole number that is
// not negative tells something here; the others come back as -1.
func (p *scanner) number() (int64, bool) {
	negative := p.take('-')
	whole := p.run(digit)
	if whole == "" || len(whole) > 15 {
		return 0, false
	}
	if p.take('.') {
		frac := p.run(digit)
		return -1, len(whole) <= 12 && len(frac) >= 1 && len(frac) <= 3
	}
	n, err := strconv.ParseInt(whole, 10, 64)
	if negative {
		n = -1
	}
	return n, err == nil
}

// bytes skips a byte sequence: a partition key is the server's affair.
func (p *scanner) bytes() bool {
	p.s = p.s[1:]
	p.run(base64Byte)
	return p.take(':')
}

func (p *scanner) key() string {
	if p.s == "" || p.s[0] != '*' && (p.s[0] < 'a' || p.s[0] > 'z') {
		return ""
	}
	return p.run(keyByte)
}

func (p *scanner) run(in func(byte) bool) string {
	i := 0
	for i < len(p.s) && in(p.s[i]) {
		i++
	}
	text := p.s[:i]
	p.s = p.s[i:]
	return text
}

func (p *scanner) take(c byte) bool {
	if p.s == "" || p.s[0] != c {
		return false
	}
	p.s = p.s[1:]
	return true
}

func (p *scanner) spaces() { p.run(func(c byte) bool { return c == ' ' }) }
func (p *scanner) space()  { p.run(func(c byte) bool { return c == ' ' || c == '\t' }) }

func digit(c byte) bool  { return c >= '0' && c <= '9' }
func letter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }

func keyByte(c byte) bool {
	return c >= 'a' && c <= 'z' || digit(c) || c == '_' || c == '-' || c == '.' || c == '*'
}

func base64Byte(c byte) bool { return letter(c) || digit(c) || c == '+' || c == '/' || c == '=' }

func tokenByte(c byte) bool {
	if letter(c) || digit(c) {
		return true
	}
	switch c {
	case '!', '#', '$', '%', '&', '\'', '*', '+', '-', '.', '^', '_', '`', '|', '~', ':', '/':
		return true
	}
	return false
}
