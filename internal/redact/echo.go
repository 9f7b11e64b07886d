package redact

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"unicode/utf8"
)

// Servers say back what they were sent: as it was, escaped for a URL, for HTML
// or JSON, in base64 or hexadecimal digits, in another case, cut short. An echo is found in all of
// these because only letters and digits are compared, with escapes undone and in
// lower case, and because any stretch of a secret will do that is long enough to
// be no accident. Both are looked at once, whatever stands in them.

const (
	// maxEcho is how much of one secret is compared. A longer one is recognised
	// by its beginning, and what follows by further stretches of it.
	maxEcho = 4 << 10

	// maxEchoes bounds all secrets of a request together. Up to half of it they are
	// known in all codings, beyond that as they are.
	maxEchoes = 128 << 10

	maxShort = 32 // secrets that are compared as they are
	maxSaid  = 16 // secrets before one that it is compared with: a request says the same in a few places

	coded = 8 // is how many times as much room a secret takes with all its codings

	gram = 6                     // letters that are compared at once
	step = minStretch - gram + 1 // of them, a secret's are kept at every so many places: each stretch that counts has one

	// maxPhrase bounds a secret of several words, which counts as a whole.
	maxPhrase = 64

	// minStretch is how much of a secret counts as a part of it, where it has
	// digits as well as letters; words alone must be longer.
	minStretch, minWords = 10, 16
)

// A Cleaner knows secrets beside those that are known by their shape. The zero
// Cleaner knows none.
type Cleaner struct {
	short []string // compared as they are
	text  []byte   // the others, folded, each behind a 0
	table []int32  // where text's grams are, by their hash, 0 for none; its length is a power of two
}

// Without returns a Cleaner that also masks each of secrets, in whichever coding.
// What is short or a plain word is none: local servers want any key, and are
// given "ollama".
func Without(secrets ...string) Cleaner {
	var c Cleaner
	if len(secrets) == 0 {
		return c
	}
	size := 0
	for _, s := range secrets {
		size += coded * min(len(s), maxEcho)
	}
	text := make([]byte, 0, min(size, maxEchoes))
	for i, s := range secrets {
		if len(s) < 12 && !(len(s) >= 6 && strings.ContainsAny(s, "0123456789")) || said(secrets[max(0, i-maxSaid):i], s) {
			continue
		}
		s = s[:min(len(s), maxEcho)]
		if len(text)+1+len(s) > maxEchoes {
			break
		}
		before := len(text)
		text = append(text, 0)
		text = appendFolded(text, s, len(s) <= maxPhrase)
		if len(text)-before-1 < gram {
			text = text[:before]
			if len(c.short) < maxShort {
				c.short = append(c.short, s)
			}
			continue
		}
		if before+coded*len(s) <= maxEchoes/2 {
			text = appendCoded(text, s)
		}
	}
	c.text = text
	c.index()
	return c
}

// said reports whether a secret is one of those before it.
func said(before []string, s string) bool {
	for _, b := range before {
		if b == s {
			return true
		}
	}
	return false
}

// appendFolded appends the letters and digits of s in lower case, escapes undone,
// with its white space or without.
func appendFolded(text []byte, s string, space bool) []byte {
	for i := 0; i < len(s); {
		c, n := folded(s, i)
		if c != 0 && (c != ' ' || space) {
			text = append(text, c)
		}
		i += n
	}
	return text
}

// appendCoded appends s in base64, as it comes out behind any other text: three
// ways, without the signs that depend on what stands before and after; and in
// hexadecimal digits.
func appendCoded(text []byte, s string) []byte {
	var plainRoom, codedRoom [512]byte // enough for most: no allocation
	plain := append(append(plainRoom[:0], "xx"...), s...)
	for before := range 3 {
		coded := base64.StdEncoding.AppendEncode(codedRoom[:0], plain[2-before:])
		from, to := (before*8+5)/6, (before+len(s))*8/6
		text = append(text, 0)
		text = appendLetters(text, coded[from:to])
	}
	return hex.AppendEncode(append(text, 0), plain[2:])
}

// appendLetters appends the letters and digits of coded in lower case.
func appendLetters(text, coded []byte) []byte {
	n := len(text)
	text = append(text, coded...)
	for _, c := range coded {
		text[n] = letter[c]
		if text[n] != 0 {
			n++
		}
	}
	return text[:n]
}

// letter is each ASCII letter in lower case, each digit, and 0 for all else.
var letter = func() (letter [256]byte) {
	for c := range letter {
		if alnum(byte(c)) {
			letter[c] = lower(byte(c))
		}
	}
	return letter
}()

// folded returns what s says at i, as far as it is compared: a letter or a
// digit in lower case, ' ' for white space, and 0 for all else; and how many
// bytes that takes.
func folded(s string, i int) (c byte, n int) {
	if c = letter[s[i]]; c != 0 {
		return c, 1
	}
	v, n := decoded(s, i)
	return comparable(v), n
}

// comparable is a character as it is compared.
func comparable(v int) byte {
	switch {
	case v < utf8.RuneSelf && alnum(byte(v)):
		return lower(byte(v))
	case v == ' ' || v == '\n' || v == '\t' || v == '\r':
		return ' '
	}
	return 0
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c | 0x20
	}
	return c
}

// gramMask leaves of a number the letters of one gram.
const gramMask = 1<<(8*gram) - 1

// index builds the table.
func (c *Cleaner) index() {
	if len(c.text) == 0 {
		return
	}
	size := 64
	for size < len(c.text)/step*2 {
		size *= 2
	}
	c.table = make([]int32, size)
	// The beginning of each secret, and every so many places from there.
	for at := 0; at < len(c.text); {
		end := at + c.length(at)
		for ; at+gram <= end; at += step {
			c.put(gramAt(c.text, at), at)
		}
		at = end + 1
	}
}

// gramAt packs the letters of a gram into a number.
func gramAt(text []byte, at int) uint64 {
	t := text[at : at+gram]
	return uint64(t[0])<<40 | uint64(t[1])<<32 | uint64(t[2])<<24 | uint64(t[3])<<16 | uint64(t[4])<<8 | uint64(t[5])
}

func slot(g uint64, size int) int { return int(g * 0x9e3779b97f4a7c15 >> 32 & uint64(size-1)) }

// put keeps one place of a gram: the beginning of the shortest secret that begins
// so, else the first. A secret may be a part of another: a user beside a user and
// password.
func (c *Cleaner) put(g uint64, at int) {
	for i := slot(g, len(c.table)); ; i = (i + 1) & (len(c.table) - 1) {
		switch {
		case c.table[i] == 0:
			c.table[i] = int32(at)
			return
		case c.is(c.table[i], g):
			if old := int(c.table[i]); c.text[at-1] == 0 && (c.text[old-1] != 0 || c.length(at) < c.length(old)) {
				c.table[i] = int32(at)
			}
			return
		}
	}
}

// is reports whether the gram at a place of text is g.
func (c *Cleaner) is(at int32, g uint64) bool {
	return c.text[at] == byte(g>>(8*(gram-1))) && gramAt(c.text, int(at)) == g
}

// length is how much of a secret there is from at on.
func (c *Cleaner) length(at int) int {
	if n := bytes.IndexByte(c.text[at:], 0); n >= 0 {
		return n
	}
	return len(c.text) - at
}

func (c *Cleaner) find(g uint64) int {
	for i := slot(g, len(c.table)); c.table[i] != 0; i = (i + 1) & (len(c.table) - 1) {
		if c.is(c.table[i], g) {
			return int(c.table[i])
		}
	}
	return -1
}

// mayEcho reports whether any gram of a secret is in s. Mostly none is, and then
// that costs no memory.
func (c *Cleaner) mayEcho(s string) bool {
	var g uint64
	table := c.table
	for i, seen := 0, 0; i < len(s); {
		l, n := letter[s[i]], 1
		if l == 0 {
			l, n = folded(s, i)
		}
		i += n
		if l == 0 {
			continue
		}
		g = (g<<8 | uint64(l)) & gramMask
		if seen++; seen >= gram && table[slot(g, len(table))] != 0 && c.find(g) >= 0 {
			return true
		}
	}
	return false
}

// withoutEchoes masks every stretch of a known secret in s.
func (c Cleaner) withoutEchoes(s string) string {
	for _, secret := range c.short {
		s = strings.ReplaceAll(s, secret, Mask)
	}
	if len(c.table) == 0 || !c.mayEcho(s) {
		return s
	}
	text := foldText(s)
	var b strings.Builder
	last := 0 // s[:last] is written
	free := 0 // text.letters[:free] is judged
	var g uint64
	for i, l := range text.letters {
		if g = (g<<8 | uint64(l)) & gramMask; i < free+gram-1 {
			continue
		}
		place := c.find(g)
		if place < 0 {
			continue
		}
		from, to, whole := c.common(text.letters, free, i, place)
		if !whole {
			if from, to = word(text.letters, from, to, i); !telling(text.letters[from:to]) {
				continue
			}
		}
		start, end := text.span(from, to, last, whole)
		for to < len(text.letters) && int(text.at[to]) < end {
			to++
		}
		b.WriteString(s[last:start])
		b.WriteString(Mask)
		last, free = end, to
	}
	if last == 0 {
		return s
	}
	b.WriteString(s[last:])
	return b.String()
}

// common returns the longest stretch of letters, not before free, that is a stretch of
// the secrets too, where the gram that ends at letters[i] stands at c.text[place]. It
// is whole if it is all of a secret.
func (c Cleaner) common(letters []byte, free, i, place int) (from, to int, whole bool) {
	from, to = i+1-gram, i+1
	sf, st := place, place+gram
	for from > free && c.text[sf-1] == letters[from-1] {
		from, sf = from-1, sf-1
	}
	for to < len(letters) && st < len(c.text) && c.text[st] == letters[to] {
		to, st = to+1, st+1
	}
	return from, to, c.text[sf-1] == 0 && (st == len(c.text) || c.text[st] == 0)
}

// A foldedText is a text beside what of it is compared: see folded.
type foldedText struct {
	s       string
	letters []byte  // white space is one too
	at      []int32 // where in s each stands
	lead    []int32 // where the escaped signs before it begin, else where it stands
}

func foldText(s string) foldedText {
	f := foldedText{s, make([]byte, 0, len(s)), make([]int32, 0, len(s)), make([]int32, 0, len(s))}
	for i, signs := 0, -1; i < len(s); {
		l, n := folded(s, i)
		switch {
		case l != 0 && signs < 0:
			f.letters, f.at, f.lead = append(f.letters, l), append(f.at, int32(i)), append(f.lead, int32(i))
		case l != 0:
			f.letters, f.at, f.lead, signs = append(f.letters, l), append(f.at, int32(i)), append(f.lead, int32(signs)), -1
		case escapedSign(s, i) == 0:
			signs = -1
		case signs < 0:
			signs = i
		}
		i += n
	}
	return f
}

// span is the part of the text that is masked for the letters from from to to: not
// before last, and with the rest of the word, which may be that of another key that
// only begins or ends alike.
func (f foldedText) span(from, to, last int, whole bool) (start, end int) {
	s := f.s
	start = max(last, int(f.lead[from]))
	_, n := folded(s, int(f.at[to-1]))
	end = int(f.at[to-1]) + n
	for end < len(s) && wordByte(s[end]) && (s[end] != '.' || end+1 < len(s) && alnum(s[end+1])) {
		end++
	}
	for end < len(s) && escapedSign(s, end) > 0 { // or signs of it
		end += escapedSign(s, end)
	}
	for !whole && start > last && wordByte(s[start-1]) {
		start--
	}
	return start, end
}

// escapedSign is the length of the escape sequence at s[i] of a sign that secrets
// have, such as %2D, 0 if there is none.
func escapedSign(s string, i int) int {
	switch s[i] {
	case '%', '\\', '&':
		if c, n := decoded(s, i); n > 2 && c < utf8.RuneSelf && secretSigns[c] {
			return n
		}
	}
	return 0
}

var secretSigns = setOf("-_.+~*=/:!@#$^&,;|")

// word narrows a stretch to the word in it that t[i] belongs to.
func word(t []byte, from, to, i int) (int, int) {
	for j := i; j >= from; j-- {
		if t[j] == ' ' {
			from = j + 1
			break
		}
	}
	for j := i; j < to; j++ {
		if t[j] == ' ' {
			to = j
			break
		}
	}
	return min(from, to), to
}

// telling reports whether a stretch of a secret is long enough to be no accident.
func telling(t []byte) bool {
	letters, digits := false, false
	for _, c := range t {
		digits = digits || '0' <= c && c <= '9'
		letters = letters || 'a' <= c && c <= 'z'
	}
	return len(t) >= minStretch && letters && digits || len(t) >= minWords
}
