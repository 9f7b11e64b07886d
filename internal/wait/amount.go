package wait

import (
	"strings"
	"time"
)

// maxParts is how many parts an amount has at most: days to nanoseconds.
const maxParts = 6

// maxGroups is how many groups of thousands a number has: more are no time.
const maxGroups = 3

// duration reads a value that is an amount with its units and nothing else:
// 6m0s, 1.5s, 200ms, 30 seconds.
func duration(v string) (time.Duration, bool) {
	d, rest, ok := parts(lower(v))
	return d, ok && strings.TrimSpace(rest) == ""
}

// amount reads the amount of time that s begins with. A bare number is of unit,
// or of seconds, if its sentence ends with it: "retry after 3 attempts" is none,
// and neither is "again in 2026".
func amount(s string, unit time.Duration, seen link) (time.Duration, bool) {
	if d, ok := clockFace(s); ok {
		return d, true
	}
	if d, _, ok := parts(s); ok {
		return d, true
	}
	n, rest, ok := number(s)
	if !ok || seen == in && n >= 1990 && n < 2100 {
		return 0, false
	}
	if unit == 0 {
		unit = time.Second
	}
	rest = strings.TrimLeft(rest, "\"'`")
	if rest != "" && strings.IndexByte(".,;)]}!\\\n<", rest[0]) < 0 || strings.HasPrefix(rest, ".") && len(rest) > 1 && digit(rest[1]) {
		return 0, false
	}
	return sane(n, unit)
}

// parts reads a number with a unit, and further ones with ever smaller units:
// 1 hour and 30 minutes, 6m0s.
func parts(s string) (d time.Duration, rest string, ok bool) {
	smallest := time.Duration(0)
	rest = s
	for range maxParts {
		n, after, is := part(rest, smallest == 0)
		if !is || smallest != 0 && after.unit >= smallest {
			break
		}
		more, is := sane(n, after.unit)
		if !is || d+more > Longest {
			return 0, s, false
		}
		d += more
		smallest = after.unit
		s, ok = after.rest, true
		// What joins two parts belongs to the amount only if a part follows.
		rest = strings.TrimLeft(s, " ")
		rest = strings.TrimLeft(strings.TrimPrefix(rest, ","), " ")
		if strings.HasPrefix(rest, "and ") {
			rest = strings.TrimLeft(rest[len("and "):], " ")
		}
	}
	return d, s, ok
}

type tail struct {
	unit time.Duration
	rest string
}

// part reads a number with its unit. Of a range the upper end counts: who comes
// too early is refused again.
func part(s string, first bool) (float64, tail, bool) {
	n, rest, ok := number(s)
	if !ok && first {
		n, rest, ok = numeral(s)
	}
	if !ok {
		return 0, tail{}, false
	}
	if first {
		for _, sep := range [...]string{"-", "–", " - ", " to "} {
			if strings.HasPrefix(rest, sep) {
				if upper, after, ok := number(rest[len(sep):]); ok && upper >= n {
					n, rest = upper, after
					break
				}
			}
		}
	}
	rest = strings.TrimLeft(unquoted(rest), " ")
	if len(rest) > 1 && rest[0] == '-' && asciiLetter(rest[1]) {
		rest = rest[1:]
	}
	w := firstWord(rest)
	if strings.HasPrefix(rest, "µs") || strings.HasPrefix(rest, "μs") {
		w = rest[:len("µs")]
	}
	unit, ok := units[w]
	if !ok {
		for _, h := range hanUnits {
			if strings.HasPrefix(rest, h.text) {
				return n, tail{h.unit, rest[len(h.text):]}, true
			}
		}
		return 0, tail{}, false
	}
	return n, tail{unit, strings.TrimPrefix(rest[len(w):], "(s)")}, true
}

// unquoted cuts off what may close the quotes or brackets around a figure: '900' seconds.
func unquoted(s string) string {
	for {
		before := s
		s = strings.TrimLeft(s, "'\"`)]>*")
		s = strings.TrimPrefix(strings.TrimPrefix(s, "’"), "”")
		if s == before {
			return s
		}
	}
}

// number reads the decimal number that s begins with. Thousands may be parted
// by commas.
func number(s string) (float64, string, bool) {
	i := 0
	for i < len(s) && digit(s[i]) {
		i++
	}
	text := s[:i]
	for range maxGroups {
		if i == 0 || len(text) > 3 && text == s[:i] || len(s) < i+4 || s[i] != ',' || !digits(s[i+1:i+4]) || len(s) > i+4 && digit(s[i+4]) {
			break
		}
		text += s[i+1 : i+4]
		i += 4
	}
	whole := i
	if i < len(s)-1 && s[i] == '.' && digit(s[i+1]) {
		for i++; i < len(s) && digit(s[i]); i++ {
		}
	}
	if len(text) == whole {
		text = s[:i] // no commas: nothing to put together
	} else {
		text += s[whole:i]
	}
	n, ok := decimal(text)
	return n, s[i:], ok
}

func digits(s string) bool { return strings.Trim(s, "0123456789") == "" }

// numeral reads a number in words, or the article before a unit that is exact
// enough to mean it.
func numeral(s string) (float64, string, bool) {
	w := firstWord(s)
	rest := s[len(w):]
	if n, ok := numerals[w]; ok {
		return n, rest, strings.HasPrefix(rest, " ")
	}
	if w == "a" || w == "an" {
		switch firstWord(strings.TrimPrefix(rest, " ")) {
		case "minute", "hour", "day":
			return 1, rest, true
		}
	}
	return 0, s, false
}

// clockFace reads 00:05:30, and 14.07:13:56, as .NET writes two weeks.
func clockFace(s string) (time.Duration, bool) {
	h, rest, ok := strings.Cut(s, ":")
	if d, hours, is := strings.Cut(h, "."); ok && is && len(d) <= 3 && d != "" && digits(d) && len(hours) == 2 && hours <= "23" {
		days, _ := decimal(d)
		more, ok := clockFace(hours + ":" + rest)
		whole := time.Duration(days) * day
		return whole + more, ok && whole+more <= Longest
	}
	if !ok || len(h) > 3 || h == "" || !digits(h) || len(rest) < 5 || rest[2] != ':' || !digits(rest[:2]) || !digits(rest[3:5]) {
		return 0, false
	}
	if len(rest) > 5 && (wordByte(rest[5]) || rest[5] == ':') || rest[:2] > "59" || rest[3:5] > "59" {
		return 0, false
	}
	var n [3]int
	for i, v := range [...]string{h, rest[:2], rest[3:5]} {
		for j := range len(v) {
			n[i] = n[i]*10 + int(v[j]-'0')
		}
	}
	return time.Duration(n[0]*3600+n[1]*60+n[2]) * time.Second, true
}

// han reads what Chinese and Japanese messages say, where the figure stands
// inside the phrase.
func han(s string) (time.Duration, bool) {
	for i := 0; i < len(s); i++ {
		if !digit(s[i]) || i > 0 && (wordByte(s[i-1]) || s[i-1] == '.' || s[i-1] == '-') {
			continue
		}
		d, rest, ok := parts(s[i:])
		if !ok {
			continue
		}
		before := strings.TrimRight(s[:i], " :：约約")
		if strings.HasSuffix(before, "月") || strings.HasSuffix(before, "年") {
			continue // a date: 8月1日后
		}
		if waits(before) {
			return d, true
		}
		rest = strings.TrimLeft(rest, " ")
		for _, a := range hanAfter {
			then, ok := strings.CutPrefix(rest, a)
			if !ok {
				continue
			}
			then = strings.TrimLeft(then, " ，,")
			for _, t := range hanThen {
				if strings.HasPrefix(then, t) {
					return d, true
				}
			}
		}
	}
	return 0, false
}

// waits reports whether s ends with a request to wait.
func waits(s string) bool {
	for _, b := range hanBefore {
		rest, ok := strings.CutSuffix(s, b)
		if !ok {
			continue
		}
		for _, not := range hanSpoilt {
			if strings.HasSuffix(rest, not) {
				return false
			}
		}
		return true
	}
	return false
}

func sane(n float64, unit time.Duration) (time.Duration, bool) {
	if n*float64(unit) > float64(Longest) {
		return 0, false
	}
	return scale(n, unit), true
}
