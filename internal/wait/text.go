package wait

import (
	"strings"
	"time"
)

// Bounds on what is read of a message: longer ones are pages or dumps, and a
// sentence that needs more words between its verb and its figure is no offer.
const (
	maxText    = 16 << 10
	maxFillers = 5
)

// Text returns the wait that a provider's words ask for: "try again in 1.26s",
// "Please wait 5631 seconds". It takes a figure only from behind a word that
// announces one, so that "a timeout of 60 seconds" is none.
func Text(message string) (time.Duration, bool) {
	return words(lower(message[:min(len(message), maxText)]), clock{})
}

// words is Text of a message in lower case. It also reads points in time if c is set.
func words(s string, c clock) (time.Duration, bool) {
	var weak time.Duration
	found := false
	for i := 0; i < len(s); i++ {
		if i > 0 && wordByte(s[i-1]) || !asciiLetter(s[i]) {
			continue
		}
		for _, a := range index[s[i]-'a'] {
			if !strings.HasPrefix(s[i:], a.word) || len(s) > i+len(a.word) && wordByte(s[i+len(a.word)]) {
				continue
			}
			if a.spoilt(s[:i]) {
				continue
			}
			d, ok := a.figure(s[i+len(a.word):], c)
			if ok && !a.weak {
				return d, true
			}
			if ok && !found {
				weak, found = d, true
			}
		}
	}
	if !found {
		return han(s)
	}
	return weak, found
}

// index has the announcements by first letter.
var index = func() (index [26][]*announcement) {
	for i := range announcements {
		a := &announcements[i]
		index[a.word[0]-'a'] = append(index[a.word[0]-'a'], a)
	}
	return index
}()

// spoilt reports whether what stands before makes the announcement none: one
// of the words that a.not names, or a quote that makes it a parameter's name.
func (a *announcement) spoilt(before string) bool {
	if strings.HasSuffix(before, "'") || strings.HasSuffix(before, "`") {
		return !strings.HasPrefix(a.word, "retry")
	}
	if len(a.not) == 0 {
		return false
	}
	before = strings.TrimRight(before, " '\"`-_")
	i := len(before)
	for i > 0 && wordByte(before[i-1]) {
		i--
	}
	for _, w := range a.not {
		if before[i:] == w {
			return true
		}
	}
	return false
}

// figure reads what follows an announcement.
func (a *announcement) figure(s string, c clock) (time.Duration, bool) {
	unit := a.unit
	var seen link
	for range maxFillers {
		s = separators(s)
		if s == "" {
			return 0, false
		}
		w := firstWord(s)
		if w == "" {
			break
		}
		if n := len(w); links[w] != 0 && links[w]&a.links != 0 {
			seen |= links[w]
			s = s[n:]
		} else if fillers[w] {
			s = s[n:]
			if w == "approx" {
				s = strings.TrimPrefix(strings.TrimPrefix(s, "."), ")")
			}
		} else if u, ok := units[w]; ok && seen|a.links&direct != 0 {
			unit = u // retry_after_ms: 500
			s = s[n:]
		} else {
			break
		}
	}
	s = separators(s)
	if seen&at != 0 {
		if at, ok := moment(s); ok && !c.at.IsZero() {
			return c.until(at)
		}
		return 0, false
	}
	if seen == 0 && a.links&direct == 0 {
		return 0, false
	}
	if seen&after != 0 && !c.at.IsZero() {
		if at, ok := moment(s); ok {
			return c.until(at)
		}
	}
	return amount(s, unit, seen)
}

// separators skips what may stand between words within one sentence.
func separators(s string) string {
	for s != "" {
		switch s[0] {
		case ' ', '\t', '\n', '\r', ':', '=', '"', '\'', '`', '(', '[', '<', ',', '\\', '~', '_', '*':
			s = s[1:]
			continue
		case '-':
			// A hyphen, not the sign of a number.
			if len(s) > 1 && !digit(s[1]) && s[1] != '.' {
				s = s[1:]
				continue
			}
		}
		for _, c := range [...]string{"≈", "：", "–", "—", "\u00a0", "‘", "“"} {
			if strings.HasPrefix(s, c) {
				s = s[len(c):]
				goto next
			}
		}
		return s
	next:
	}
	return s
}

// moment reads the point in time that s begins with.
func moment(s string) (time.Time, bool) {
	s = s[:min(len(s), maxDate)]
	end := strings.IndexAny(s, " \"'`),;\n")
	if end < 0 {
		end = len(s)
	}
	v := strings.ToUpper(strings.TrimRight(s[:end], "."))
	if n, ok := decimal(v); ok {
		return epoch(n)
	}
	if len(v) < 10 || v[4] != '-' {
		return time.Time{}, false
	}
	if at, ok := date(v); ok {
		return at, true
	}
	// 2025-06-01 12:00:00 [UTC]
	if n := len("2006-01-02 15:04:05"); len(s) >= n {
		return date(strings.ToUpper(s[:n]))
	}
	return time.Time{}, false
}

// windowIn returns the window that a message, in lower case, names first.
func windowIn(s string) time.Duration {
	for i := 0; i < len(s); i++ {
		for _, w := range windowsBy[s[i]] {
			if strings.HasPrefix(s[i:], w.text) {
				return w.window
			}
		}
	}
	return 0
}

// windowsBy has the windows by first byte.
var windowsBy = func() (by [256][]namedWindow) {
	for _, w := range windows {
		by[w.text[0]] = append(by[w.text[0]], w)
	}
	return by
}()

// lower makes ASCII letters small and keeps every other byte where it is.
func lower(s string) string {
	i := 0
	for i < len(s) && (s[i] < 'A' || s[i] > 'Z') {
		i++
	}
	if i == len(s) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	b.WriteString(s[:i])
	for ; i < len(s); i++ {
		c := s[i]
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		b.WriteByte(c)
	}
	return b.String()
}

func firstWord(s string) string {
	i := 0
	for i < len(s) && asciiLetter(s[i]) {
		i++
	}
	return s[:i]
}

func asciiLetter(c byte) bool { return c >= 'a' && c <= 'z' }
func wordByte(c byte) bool    { return asciiLetter(c) || digit(c) }
