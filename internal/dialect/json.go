package dialect

import (
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

const (
	// maxNodes is how many values of a body are remembered. The largest real
	// error bodies we know have under a hundred; what comes after is skipped.
	maxNodes = 256

	// maxDepth is how deep a value may lie and still be remembered. Nobody
	// buries a message deeper than six; what is deeper is skipped by counting
	// brackets, so that depth costs neither stack nor memory.
	maxDepth = 8

	// maxItems is how many elements of an array are remembered: the first
	// error names the trouble, and an embedding has thousands of numbers.
	maxItems = 4
)

// node is one value of a JSON text.
type node struct {
	key        uint64 // folded hash of the member's name; 0 in an array
	from, to   int32  // the value in the text; of a string without its quotes
	next, down int32  // next sibling and first child, 0 if there is none
	kind       byte   // '{' '[' '"', '0' for a number, 't', 'f', 'n' for null
}

// tree is what is remembered of a JSON text. The root is node 1. It is read
// leniently: a body may have been cut, and its error is worth reading still.
type tree struct {
	src   string
	nodes [maxNodes]node
	n     int32
	whole bool   // the text is one closed value and nothing after it
	keys  uint64 // a bit for each key in it, by the key's highest six
}

// mayHave reports whether some object in the tree may have that member.
func (t *tree) mayHave(key uint64) bool { return t.keys&keyBit(key) != 0 }

// keyBit is the bit that stands for a key.
func keyBit(key uint64) uint64 { return 1 << (key >> 58) }

// level is an object or an array that is being read.
type level struct {
	at, last int32 // its node, and that of its latest child
	items    int
	object   bool
}

// parse reads src, in one pass and without recursion.
func (t *tree) parse(src string) {
	t.src, t.n, t.whole, t.keys = src, 0, false, 0
	t.nodes[0], t.nodes[1] = node{}, node{} // an empty text has no root
	var stack [maxDepth]level
	depth := 0
	i := space(src, 0)
	for i < len(src) {
		var in *level // what the next value is in
		var key uint64
		if depth > 0 {
			in = &stack[depth-1]
			if i = space(src, i); i < len(src) && src[i] == ',' {
				i = space(src, i+1)
			}
			if i >= len(src) {
				return
			}
			if src[i] == '}' || src[i] == ']' {
				if (src[i] == '}') != in.object {
					return
				}
				i++
				t.nodes[in.at].to = int32(i)
				if depth--; depth == 0 {
					break
				}
				continue
			}
			if in.object {
				if key, i = member(src, i); i < 0 {
					return
				}
				t.keys |= keyBit(key)
			}
			if in.items++; !in.object && in.items > maxItems {
				if i = containerEnd(src, i); i < 0 {
					return
				}
				continue
			}
		}
		at := t.add(key, in)
		nd := &t.nodes[at]
		nd.from = int32(i)
		switch c := src[i]; {
		case c != '{' && c != '[':
			if i = nd.scalar(src, i); i < 0 {
				return
			}
		case at == 0 || depth == maxDepth:
			nd.kind, nd.to = c, int32(len(src))
			if i = skip(src, i); i < 0 {
				return
			}
			nd.to = int32(i)
		default:
			nd.kind, nd.to = c, int32(len(src)) // unless it ends
			stack[depth] = level{at: at, object: c == '{'}
			depth++
			i++
			continue
		}
		if depth == 0 {
			break
		}
	}
	t.whole = depth == 0 && t.n > 0 && space(src, i) == len(src)
}

// add remembers a value that is in in, nil for the root, and returns the index of its
// node: 0, which takes what is not remembered, if there are too many.
func (t *tree) add(key uint64, in *level) int32 {
	if t.n == maxNodes-1 {
		return 0
	}
	t.n++
	t.nodes[t.n] = node{key: key}
	switch {
	case in == nil:
		return t.n
	case in.last == 0:
		t.nodes[in.at].down = t.n
	default:
		t.nodes[in.last].next = t.n
	}
	in.last = t.n
	return t.n
}

// scalar reads the string, the number or the word at src[i], and returns the index
// after it, -1 if that is none.
func (nd *node) scalar(src string, i int) int {
	c := src[i]
	if c == '"' {
		nd.from++
		end := stringEnd(src, i)
		if end < 0 {
			nd.kind, nd.to = 'n', nd.from // cut in the middle: half a word is none
			return -1
		}
		nd.kind, nd.to = '"', int32(end-1)
		return end
	}
	end := i
	for end < len(src) && !delimits(src[end]) {
		end++
	}
	if end == i {
		return -1
	}
	nd.to = int32(end)
	switch {
	case c == 't' || c == 'f' || c == 'n':
		nd.kind = c
	case c == '-' || '0' <= c && c <= '9':
		nd.kind = '0'
	default:
		return -1
	}
	return end
}

// member returns the folded name of the member that begins at src[i], and the index of
// its value, -1 if there is none.
func member(src string, i int) (key uint64, value int) {
	if src[i] != '"' {
		return 0, -1
	}
	if key, i = name(src, i); i < 0 {
		return 0, -1
	}
	if i = space(src, i); i >= len(src) || src[i] != ':' {
		return 0, -1
	}
	if i = space(src, i+1); i >= len(src) {
		return 0, -1
	}
	return key, i
}

func space(s string, i int) int {
	for i < len(s) && (s[i] == ' ' || s[i] == '\n' || s[i] == '\r' || s[i] == '\t') {
		i++
	}
	return i
}

// delimits reports whether c ends a number or a word.
func delimits(c byte) bool {
	switch c {
	case ',', ']', '}', ':', '"', '[', '{':
		return true
	}
	return c <= ' '
}

// name returns the folded name of the member that begins at s[i], and the index
// after it, -1 if it does not end.
func name(s string, i int) (key uint64, end int) {
	key = foldOffset
	for i++; i < len(s); i++ {
		c := s[i]
		if c == '"' {
			return key, i + 1
		}
		key = foldByte(key, c)
		if c == '\\' && i+1 < len(s) {
			i++
			key = foldByte(key, s[i])
		}
	}
	return 0, -1
}

// stringEnd returns the index after the string that begins at s[i], -1 if it
// does not end.
func stringEnd(s string, i int) int {
	i++
	// Names and most values are short, and looked through faster byte by byte.
	for near := min(i+32, len(s)); i < near; i++ {
		switch s[i] {
		case '"':
			return i + 1
		case '\\':
			i++
		}
	}
	for quote := -1; i < len(s); {
		if quote < i { // the one before was escaped
			n := strings.IndexByte(s[i:], '"')
			if n < 0 {
				return -1
			}
			quote = i + n
		}
		escape := strings.IndexByte(s[i:quote], '\\')
		if escape < 0 {
			return quote + 1
		}
		i += escape + 2
	}
	return -1
}

// skip returns the index after the object or array at s[i], -1 if it does not
// end.
func skip(s string, i int) int {
	end := containerEnd(s, i+1)
	if end < 0 {
		return -1
	}
	return end + 1
}

// containerEnd returns the index of the bracket that ends the object or array in
// which s[i] is, -1 if there is none.
func containerEnd(s string, i int) int {
	depth := 1
	for i < len(s) {
		switch s[i] {
		case '"':
			end := stringEnd(s, i)
			if end < 0 {
				return -1
			}
			i = end
			continue
		case '{', '[':
			depth++
		case '}', ']':
			depth--
			if depth == 0 {
				return i
			}
		}
		i++
	}
	return -1
}

// fold hashes a member's name without regard to case, '_' and '-', since
// request_id, requestId and RequestID are one name in different clothes. A
// clash of hashes would only misname a field.
func fold(s string) uint64 {
	h := uint64(foldOffset)
	for i := 0; i < len(s); i++ {
		h = foldByte(h, s[i])
	}
	return h
}

const foldOffset, foldPrime = 14695981039346656037, 1099511628211 // FNV-1a

func foldByte(h uint64, c byte) uint64 {
	if c == '_' || c == '-' {
		return h
	}
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	return (h ^ uint64(c)) * foldPrime
}

// raw is a value as it stands in the text.
func (t *tree) raw(at int32) string {
	n := &t.nodes[at]
	if at == 0 || n.to < n.from {
		return ""
	}
	return t.src[n.from:n.to]
}

// is reports whether the value is of that kind.
func (t *tree) is(at int32, kind byte) bool { return at != 0 && t.nodes[at].kind == kind }

// empty reports whether there is no value, or null, false, "", {} or [].
func (t *tree) empty(at int32) bool {
	if at == 0 {
		return true
	}
	switch n := &t.nodes[at]; n.kind {
	case '{', '[':
		return n.down == 0 && strings.Trim(t.raw(at), "[]{} \t\r\n") == ""
	case '"':
		return n.from == n.to
	case 'n', 'f':
		return true
	}
	return false
}

// members counts an object's members, as far as they are remembered.
func (t *tree) members(at int32) int {
	n := 0
	for c := t.nodes[at].down; c != 0; c = t.nodes[c].next {
		n++
	}
	return n
}

// text is a string's value, "" of anything else. What is not escaped costs no
// allocation: it is a part of the text.
func (t *tree) text(at int32) string {
	if !t.is(at, '"') {
		return ""
	}
	raw := t.raw(at)
	if strings.IndexByte(raw, '\\') < 0 {
		return raw
	}
	return unescape(raw)
}

func (t *tree) textAt(p path) string { return t.text(t.at(p)) }

// first is the first non-empty string among ps.
func (t *tree) first(ps []path) string {
	for _, p := range ps {
		if s := t.text(t.at(p)); s != "" {
			return s
		}
	}
	return ""
}

// number is a number's value, also of one that is written as a string.
func (t *tree) number(at int32) (float64, bool) {
	if !t.is(at, '0') && !t.is(at, '"') {
		return 0, false
	}
	raw := t.raw(at)
	if len(raw) == 0 || len(raw) > 32 {
		return 0, false
	}
	f, err := strconv.ParseFloat(raw, 64)
	return f, err == nil
}

// unescape undoes JSON's escapes. What is malformed stays, or is U+FFFD.
func unescape(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c != '\\' || i+1 == len(s) {
			b.WriteByte(c)
			continue
		}
		i++
		switch s[i] {
		case 'n':
			b.WriteByte('\n')
		case 't':
			b.WriteByte('\t')
		case 'r':
			b.WriteByte('\r')
		case 'b':
			b.WriteByte('\b')
		case 'f':
			b.WriteByte('\f')
		case 'u':
			r, ok := hex4(s, i+1)
			if !ok {
				b.WriteRune(utf8.RuneError)
				break
			}
			i += 4
			if utf16.IsSurrogate(r) {
				low, ok := rune(0), false
				if i+2 < len(s) && s[i+1] == '\\' && s[i+2] == 'u' {
					low, ok = hex4(s, i+3)
				}
				if pair := utf16.DecodeRune(r, low); ok && pair != utf8.RuneError {
					r = pair
					i += 6
				} else {
					r = utf8.RuneError
				}
			}
			b.WriteRune(r)
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

func hex4(s string, i int) (rune, bool) {
	if i+4 > len(s) {
		return 0, false
	}
	n, err := strconv.ParseUint(s[i:i+4], 16, 32)
	return rune(n), err == nil
}
