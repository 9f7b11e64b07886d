package debugsteady

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/steadyhttp/steadyhttp/internal/redact"
)

// line cleans a text that a server, or a stranger's Limiter, may have written: one
// line, no secrets, at most most bytes in the page, where a quotation mark takes five.
func line(text string, most int) string {
	// Line reads what it cuts off as well. A text of a megabyte is cut before that,
	// behind what can be shown.
	text = redact.Line(text[:min(len(text), 16*most)], most)
	size := 0
	for i, r := range text {
		switch r {
		case '&', '<', '>', '"', '\'', '+':
			size += len("&#34;")
		default:
			size += utf8.RuneLen(r)
		}
		if size > most {
			return text[:i] + "…"
		}
	}
	return text
}

// span is a time as people say it, in the two digits that matter: 850 ms, 1.2 s,
// 42 s, 3 min 5 s, 2 h 10 min, 3 d.
func span(d time.Duration) string {
	switch {
	case d < 0:
		return "-" + span(-d)
	case d < time.Millisecond:
		return "0 s"
	case d < time.Second:
		return strconv.Itoa(int(d/time.Millisecond)) + " ms"
	case d < 10*time.Second:
		return strconv.FormatFloat(d.Truncate(100*time.Millisecond).Seconds(), 'f', 1, 64) + " s"
	case d < time.Minute:
		return strconv.Itoa(int(d/time.Second)) + " s"
	case d < time.Hour:
		return two(d, time.Minute, "min", time.Second, "s")
	case d < 48*time.Hour:
		return two(d, time.Hour, "h", time.Minute, "min")
	}
	return group(int64(d/(24*time.Hour))) + " d"
}

func two(d, large time.Duration, name string, small time.Duration, smallName string) string {
	text := strconv.Itoa(int(d/large)) + " " + name
	if rest := int(d % large / small); rest > 0 {
		text += " " + strconv.Itoa(rest) + " " + smallName
	}
	return text
}

// group is n with its thousands apart.
func group(n int64) string {
	if n < 0 {
		return "-" + group(-n) // the least int64 is no count of anything
	}
	text := strconv.FormatInt(n, 10)
	var b strings.Builder
	for i := range len(text) {
		if i > 0 && (len(text)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteByte(text[i])
	}
	return b.String()
}

// amount is a figure that may have a fraction. Servers state such figures, so it
// may be anything.
func amount(x float64) string {
	switch {
	case math.IsNaN(x) || math.Abs(x) > 1e15:
		return "very many"
	case math.Abs(x) >= 100 || x == math.Trunc(x):
		return group(int64(math.Round(x)))
	}
	return strconv.FormatFloat(x, 'g', 3, 64)
}

// count is n of what, which takes an s where there are several.
func count(n int64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return group(n) + " " + what + "s"
}

// window is a limit's window: "in any minute" reads better than "in 1m0s".
func window(d time.Duration) string {
	switch d {
	case 0:
		return ""
	case time.Second:
		return "a second"
	case time.Minute:
		return "a minute"
	case time.Hour:
		return "an hour"
	case 24 * time.Hour:
		return "a day"
	}
	return "in " + span(d)
}

// units are what the units of limits are called.
var units = map[string]string{
	"requests":      "requests",
	"tokens":        "tokens",
	"input_tokens":  "input tokens",
	"output_tokens": "output tokens",
	"concurrency":   "requests at once",
}

// limitWords are a limit in words: "500 requests a minute".
func limitWords(unit string, most float64, of time.Duration) string {
	name, known := units[unit]
	if !known {
		name = line(unit, maxName)
	}
	return strings.TrimRight(fmt.Sprintf("%s %s %s", amount(most), name, window(of)), " ")
}
