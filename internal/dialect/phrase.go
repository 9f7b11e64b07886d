package dialect

import (
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
)

// words are phrases that mean one class. They are written as simple leaves
// them: lower case, '-' as a space, no quotes. A phrase begins where a word
// begins; a '*' in it stands for a short gap.
type words struct {
	class Class
	on    string // statuses at which they count: "400 403 5xx !404"; "" is all
	say   []string
}

// applies reports whether a list of statuses covers status. Status 0 is that
// of an error inside a 200, and is covered by every list without exceptions.
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
// typographic apostrophe as the plain one.
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
		}
		gap = false
		b = append(b, c)
	}
	return b
}

// says reports whether text has phrase.
func says(text, phrase string) bool {
	head, rest, gap := strings.Cut(phrase, "*")
	for from := 0; ; {
		i := strings.Index(text[from:], head)
		if i < 0 {
			return false
		}
		i += from
		if starts(text, i) && (!gap || follows(text[i+len(head):], rest)) {
			return true
		}
		from = i + 1
	}
}

// follows reports whether the rest of a phrase comes after its gap.
func follows(text, rest string) bool {
	part, more, gap := strings.Cut(rest, "*")
	i := strings.Index(text[:min(len(text), maxGap+len(part))], part)
	return i >= 0 && (!gap || follows(text[i+len(part):], more))
}

// starts reports whether a word starts at text[i]. Chinese has no spaces, so
// that anything beyond ASCII starts one.
func starts(text string, i int) bool {
	return i == 0 || text[i] >= utf8.RuneSelf || !wordByte(text[i-1])
}

func wordByte(c byte) bool {
	return 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '_'
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
// only stand where one with its first two bytes does.
type index struct {
	list   []words
	bucket [1 << 10][]entry // by the first two bytes
}

// entry is one phrase, taken apart.
type entry struct {
	head, rest string // before and after its first gap
	gap        bool
	group      int // which of the list it is from
}

func newIndex(list []words) *index {
	x := &index{list: list}
	for g, w := range list {
		for _, phrase := range w.say {
			e := entry{group: g}
			e.head, e.rest, e.gap = strings.Cut(phrase, "*")
			b := &x.bucket[bucketOf(phrase[0], phrase[1])]
			*b = append(*b, e)
		}
	}
	return x
}

func bucketOf(a, b byte) int { return (int(a)*31 + int(b)) & (1<<10 - 1) }

// heard is as the function of that name.
func (x *index) heard(text string, status int) Class {
	best := len(x.list)
	for i := 0; i+1 < len(text); i++ {
		if !starts(text, i) {
			continue
		}
		bucket := x.bucket[bucketOf(text[i], text[i+1])]
		for n := range bucket {
			e := &bucket[n]
			if e.group < best && strings.HasPrefix(text[i:], e.head) && (!e.gap || follows(text[i+len(e.head):], e.rest)) && applies(x.list[e.group].on, status) {
				best = e.group
			}
		}
	}
	if best < len(x.list) {
		return x.list[best].class
	}
	return ""
}
