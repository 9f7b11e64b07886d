package redact

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

func oneLine(s string) string {
	if plain(s) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	space := true // at the start: leading space goes
	for i := 0; i < len(s); {
		from, c := i, s[i]
		shown := ' ' < c && c <= '~'
		i++
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRuneInString(s[from:])
			i = from + n
			if unseen(r) {
				continue
			}
			shown = r != utf8.RuneError && !unicode.IsSpace(r) && unicode.IsPrint(r)
		}
		switch {
		case shown:
			b.WriteString(s[from:i])
		case !space:
			b.WriteByte(' ')
		}
		space = !shown
	}
	return strings.TrimRight(b.String(), " ")
}

// unseen reports whether r counts as printable but shows nothing: variation
// selectors, fillers, the blank of Braille. Between the letters of a secret it
// would hide that they belong together.
func unseen(r rune) bool {
	switch r {
	case 0x2800, 0x1d159, 0x16fe4:
		return true
	}
	return unicode.In(r, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point)
}

// plain reports whether s is printable ASCII with single spaces inside, as most
// texts and all tokens are.
func plain(s string) bool {
	prev := byte(' ')
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c < ' ' || c > '~' || c == ' ' && prev == ' ' {
			return false
		}
		prev = c
	}
	return s == "" || prev != ' '
}

func cut(s string, max int) string {
	const ellipsis = "…"
	if len(s) <= max {
		return s
	}
	if max < len(ellipsis) {
		return ""
	}
	s = s[:max-len(ellipsis)]
	for len(s) > 0 {
		if r, n := utf8.DecodeLastRuneInString(s); r != utf8.RuneError || n > 1 {
			break
		}
		s = s[:len(s)-1]
	}
	return s + ellipsis
}
