package dialect

import (
	"math/bits"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	// maxSaid is how much of a text is searched for phrases. Servers come to
	// the point within a few lines; what is longer is a dump.
	maxSaid = 4 << 10

	// maxGap is how many bytes may stand where a phrase has a '*': a model's
	// name, a few words.
	maxGap = 80

	// maxNameGap is the same where it has a '~': the name of a company or of a
	// product, of three words at most.
	maxNameGap   = 40
	maxNameWords = 3
)

// words are phrases that mean one class. They are written as simple leaves
// them: lower case, '-' as a space, no quotes. A phrase begins where a word
// begins; a '*' in it stands for a short gap, a '~' for a name or nothing.
type words struct {
	class Class
	on    string // statuses at which they count: "400 403 5xx !404"; "" is all
	say   []string
}

// applies reports whether a list of statuses covers status. Status 0 is that
// of an error inside a 200, and is covered by every list without "!200".
func applies(on string, status int) bool {
	if on == "" {
		return true
	}
	covered, positive := false, false
	for on != "" {
		var item string
		item, on, _ = strings.Cut(on, " ")
		not := item[0] == '!'
		if not {
			item = item[1:]
		} else {
			positive = true
		}
		if not && status == 0 && item == "200" {
			return false
		}
		match := len(item) == 3 && status/100 == int(item[0]-'0') &&
			(item[1:] == "xx" || status%100 == int(item[1]-'0')*10+int(item[2]-'0'))
		if match && not {
			return false
		}
		covered = covered || match
	}
	return covered || !positive || status == 0
}

// simple appends s to b in the form that phrases are written in: ASCII in
// lower case, runs of white space and '-' as one space, quotes dropped and the
// typographic apostrophe as the plain one, and nothing of a link but its scheme. Single
// quotes stay: what stands in them is a name.
func simple(b []byte, s string) []byte {
	s = s[:min(len(s), maxSaid)]
	gap := true
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case 'A' <= c && c <= 'Z':
			c += 'a' - 'A'
		case c <= ' ' || c == '-':
			if !gap {
				b = append(b, ' ')
				gap = true
			}
			continue
		case c == '`' || c == '"':
			continue
		case c == 0xE2 && strings.HasPrefix(s[i:], "’"):
			b = append(b, '\'')
			i += 2
			continue
		case c == '/' && strings.HasSuffix(s[:i], ":/"):
			i += linkLen(s[i+1:])
			continue
		}
		gap = false
		b = append(b, c)
	}
	return b
}

// linkLen returns how long the rest of a link is that s begins with. Links name pages of
// the documentation: "#max-tokens-and-context-window-size" is no word on what is wrong.
func linkLen(s string) int {
	if end := strings.IndexAny(s, " \t\n\r\"'<>`|{}"); end >= 0 {
		return end
	}
	return len(s)
}

// says reports whether text has phrase.
func says(text, phrase string) bool {
	head, rest, gap := cutGap(phrase)
	for from := 0; ; {
		i := strings.Index(text[from:], head)
		if i < 0 {
			return false
		}
		i += from
		if starts(text, i) && follows(text[i+len(head):], rest, gap) {
			return true
		}
		from = i + 1
	}
}

// saysAny reports whether text has one of a few phrases. Long lists have an index.
func saysAny(text string, phrases []string) bool {
	return slices.ContainsFunc(phrases, func(phrase string) bool { return says(text, phrase) })
}

// cutGap cuts a phrase at its first gap. gap is '*', '~', or 0 if there is none.
func cutGap(phrase string) (head, rest string, gap byte) {
	if i := strings.IndexAny(phrase, "*~"); i >= 0 {
		return phrase[:i], phrase[i+1:], phrase[i]
	}
	return phrase, "", 0
}

// follows reports whether the rest of a phrase comes after its gap.
func follows(text, rest string, gap byte) bool {
	for gap != 0 {
		var part string
		after := gap
		part, rest, gap = cutGap(rest)
		i := gapTo(text, part, after)
		if i < 0 {
			return false
		}
		text = text[i+len(part):]
	}
	return true
}

// gapTo returns how long the gap before part is, -1 if it does not come after one.
func gapTo(text, part string, gap byte) int {
	within := maxGap
	if gap == '~' {
		if text == "" || wordByte(text[0]) {
			return -1 // in the middle of a word
		}
		within = maxNameGap
	}
	i := strings.Index(text[:min(len(text), within+len(part))], part)
	if i > 0 && gap == '~' && !mayBeName(text[:i]) {
		return -1
	}
	return i
}

// mayBeName reports whether a gap may be a name: a few words of one clause, and none
// of those that make a thing of what follows.
func mayBeName(gap string) bool {
	name := strings.TrimSpace(gap)
	if len(name) > 2 && name[0] == '\'' && strings.IndexByte(name[1:], '\'') == len(name)-2 {
		return true // 'maria'
	}
	if strings.Count(gap, " ") > maxNameWords || strings.ContainsAny(gap, ",;!?|'") {
		return false
	}
	if strings.ContainsAny(name, ".:") { // inside a name, as in a.html; elsewhere they end a clause
		return !strings.Contains(name, " ") && strings.IndexByte(".:", name[len(name)-1]) < 0
	}
	for word := range strings.FieldsSeq(gap) {
		switch word {
		case "field", "parameter", "param", "value", "values", "number", "format", "json", "body", "url", "name", "type", "must", "should", "not", "id", "date", "length", "size", "generation", "creation":
			return false
		}
	}
	return true
}

// starts reports whether a word starts at text[i]. Chinese has no spaces, so
// that anything beyond ASCII starts one.
func starts(text string, i int) bool {
	return i == 0 || text[i] >= utf8.RuneSelf || !wordByte(text[i-1])
}

func wordByte(c byte) bool {
	return 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '_'
}

// cross puts each beginning before each end, with room for a name between them:
// "insufficient" and "credits" make "insufficient~ credits".
func cross(begins, ends []string) []string { return between(begins, "~ ", ends) }

// joined is cross without that room.
func joined(begins, ends []string) []string { return between(begins, " ", ends) }

func between(begins []string, gap string, ends []string) []string {
	all := make([]string, 0, len(begins)*len(ends))
	for _, begin := range begins {
		for _, end := range ends {
			all = append(all, begin+gap+end)
		}
	}
	return all
}

// heard returns the class of the first of the phrases, in the order of the
// list, that text has.
func heard(list []words, text string, status int) Class {
	for i := range list {
		if !applies(list[i].on, status) {
			continue
		}
		for _, phrase := range list[i].say {
			if says(text, phrase) {
				return list[i].class
			}
		}
	}
	return ""
}

// index finds the phrases of a long list in one pass over a text: a phrase can
// only stand where one with its first three bytes does.
type index struct {
	list   []words
	bucket [][]entry // by the first three bytes; as many as a power of two
	short  []entry   // of those that begin with two bytes and a gap, which are few
}

// entry is all phrases with the same beginning.
type entry struct {
	head  string // up to the first gap
	start uint32 // its first four bytes, and which of them there are
	mask  uint32
	first int // of the groups of its ends
	ends  []end
}

// end is what follows the beginning of one phrase.
type end struct {
	part  string // after the gap, up to the next
	gap   byte
	rest  string // after the next gap
	next  byte
	group int // which of the list it is from
}

func newIndex(list []words) *index {
	n := 0
	for _, w := range list {
		n += len(w.say)
	}
	x := &index{list: list, bucket: make([][]entry, 1<<bits.Len(uint(n)))}
	for g, w := range list {
		for _, phrase := range w.say {
			head, rest, gap := cutGap(phrase)
			b := &x.short
			if len(head) > 2 {
				b = &x.bucket[x.bucketOf(head)]
			}
			i := slices.IndexFunc(*b, func(e entry) bool { return e.head == head })
			if i < 0 {
				i = len(*b)
				start, mask := fourBytes(head)
				*b = append(*b, entry{head: head, start: start, mask: mask, first: g})
			}
			part, rest, next := cutGap(rest)
			(*b)[i].ends = append((*b)[i].ends, end{part, gap, rest, next, g})
		}
	}
	return x
}

// fourBytes are the first bytes of s, and the bits of those that there are.
func fourBytes(s string) (start, mask uint32) {
	for i := range min(len(s), 4) {
		start |= uint32(s[i]) << (8 * i)
		mask |= 0xff << (8 * i)
	}
	return start, mask
}

// bucketOf goes by the first three bytes of s.
func (x *index) bucketOf(s string) int {
	return (int(s[0])*961 + int(s[1])*31 + int(s[2])) & (len(x.bucket) - 1)
}

// heard is as the function of that name.
func (x *index) heard(text string, status int) Class {
	best := len(x.list)
	for i := 0; i+2 < len(text); i++ {
		if !starts(text, i) {
			continue
		}
		if bucket := x.bucket[x.bucketOf(text[i:])]; len(bucket) > 0 {
			best = x.begin(bucket, text[i:], status, best)
		}
		if len(x.short) > 0 {
			best = x.begin(x.short, text[i:], status, best)
		}
	}
	if best < len(x.list) {
		return x.list[best].class
	}
	return ""
}

// begin returns the first group that one of the entries at the beginning of text is from,
// best if there is none before that.
func (x *index) begin(entries []entry, text string, status, best int) int {
	start, _ := fourBytes(text)
	for i := range entries {
		if e := &entries[i]; start&e.mask == e.start && e.first < best && strings.HasPrefix(text, e.head) {
			best = x.among(e.ends, text[len(e.head):], status, best)
		}
	}
	return best
}

// among returns the first group that one of the ends in text is from, best if there is
// none before that.
func (x *index) among(ends []end, text string, status, best int) int {
	for i := range ends {
		e := &ends[i]
		if e.group >= best {
			break // they are in the order of their groups
		}
		if e.gap != 0 {
			n := gapTo(text, e.part, e.gap)
			if n < 0 || e.next != 0 && !follows(text[n+len(e.part):], e.rest, e.next) {
				continue
			}
		}
		if applies(x.list[e.group].on, status) {
			return e.group
		}
	}
	return best
}
