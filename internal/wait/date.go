package wait

import (
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// maxDate is longer than any date or number that a server means.
const maxDate = 64

// A clock is what dates are measured against.
type clock struct {
	at time.Time

	// own is set if the answer's own Date said so. Then a clock that is wrong
	// on either side cancels out, and a date in the past is truly past.
	own bool
}

func clockOf(h http.Header, now time.Time) clock {
	for _, v := range lines(h, "Date") {
		if at, ok := httpDate(v[:min(len(v), maxDate)]); ok {
			return clock{at, true}
		}
	}
	return clock{at: now}
}

// until returns the time left to a reset. One that is past by the answer's own
// Date is now. One that is past by our clock only tells that the clocks
// disagree, and so nothing.
func (c clock) until(at time.Time) (time.Duration, bool) {
	d := at.Sub(c.at)
	if d < 0 && !c.own {
		return 0, false
	}
	return max(d, 0), d <= Longest
}

// RetryAfter reads a Retry-After value: whole seconds or one of the three
// HTTP-date forms (RFC 9110, 10.2.3), and leniently what some servers send
// instead: fractions, units ("30s"), RFC 3339, an epoch, the value twice. A date
// that has passed is now. A date or number of more than a year is Longest: whatever was
// meant by it, it was not to come back soon.
func RetryAfter(v string, now time.Time) (time.Duration, bool) {
	return asked(v, time.Second, clock{at: now})
}

func asked(v string, unit time.Duration, c clock) (time.Duration, bool) {
	v = strings.TrimSpace(v)
	if v == "" || len(v) > maxDate {
		return 0, false
	}
	// Two equal lines that a proxy made one. A date's comma follows letters.
	if first, _, ok := strings.Cut(v, ","); ok && v[0] <= '9' {
		v = strings.TrimSpace(first)
	}
	if n, ok := decimal(v); ok {
		if n*float64(unit) <= float64(Longest) {
			return scale(n, unit), true
		}
		// More than a year is an epoch, or else asks not to come back. What is no
		// epoch of our time can only be the latter, and one that has passed tells nothing.
		at, ok := epoch(n)
		if !ok {
			return Longest, true
		}
		d := at.Sub(c.at)
		return min(d, Longest), d >= 0
	}
	if d, ok := duration(v); ok {
		return d, true
	}
	at, ok := date(v)
	return min(max(at.Sub(c.at), 0), Longest), ok
}

// resetAfter reads the value of a reset header, whose meaning no standard
// fixed: a delta, an epoch in seconds or milliseconds, a duration, a date. unit
// is that of a bare number.
func resetAfter(v string, unit time.Duration, c clock) (time.Duration, bool) {
	v = strings.TrimSpace(v)
	if v == "" || len(v) > maxDate {
		return 0, false
	}
	// "7;w=60", from the older drafts.
	if bare, _, ok := strings.Cut(v, ";"); ok {
		v = strings.TrimSpace(bare)
	}
	if n, ok := decimal(v); ok {
		// A header that says milliseconds in its name may count eleven days of them.
		if at, ok := epoch(n); ok && (unit == time.Second || n >= 1e12) {
			return c.until(at)
		}
		if n*float64(unit) > float64(Longest) {
			return 0, false
		}
		return scale(n, unit), true
	}
	if d, ok := duration(v); ok {
		return d, true
	}
	if at, ok := date(v); ok {
		return c.until(at)
	}
	return 0, false
}

// epoch tells a point in time from a delta by magnitude: from 2001 on seconds
// have ten digits and milliseconds thirteen, while no delta that is believed
// (Longest) has more than eight, or eleven in milliseconds.
func epoch(n float64) (time.Time, bool) {
	switch {
	case n >= 1e9 && n < 1e11:
		sec, frac := math.Modf(n)
		return time.Unix(int64(sec), int64(frac*1e9)), true
	case n >= 1e12 && n < 1e14:
		return time.UnixMilli(int64(n)), true
	case n >= 1e15 && n < 1e17:
		return time.UnixMicro(int64(n)), true
	}
	return time.Time{}, false
}

// layouts are the dates of rate-limit headers besides HTTP's own.
var layouts = []string{
	time.RFC3339,
	"2006-01-02T15:04Z07:00", // Jira, https://developer.atlassian.com/cloud/jira/platform/rate-limiting
	"2006-01-02T15:04:05",    // taken for UTC
	"2006-01-02T15:04:05Z0700",
	"2006-01-02 15:04:05Z07:00",
	"2006-01-02 15:04:05 MST",
	"2006-01-02 15:04:05 -0700",
	"2006-01-02 15:04:05",
	time.RFC1123Z,
}

// date reads an HTTP-date or one of layouts.
func date(v string) (time.Time, bool) {
	v = strings.TrimSpace(v)
	if len(v) < len("2006-01-02T15:04Z") || len(v) > maxDate {
		return time.Time{}, false
	}
	if !digit(v[0]) {
		if at, ok := httpDate(v); ok {
			return at, true
		}
	}
	for _, layout := range layouts {
		if at, err := time.Parse(layout, v); err == nil {
			return at, true
		}
	}
	return time.Time{}, false
}

// httpDate reads one of the three forms of RFC 9110, 5.6.7. The one that servers send
// is read without the general parser, which takes most of the time of an answer's
// clock.
func httpDate(v string) (time.Time, bool) {
	const form = "Sun, 06 Nov 1994 08:49:37 GMT"
	if len(v) == len(form) && v[3:5] == ", " && v[7] == ' ' && v[11] == ' ' && v[16] == ' ' && v[19] == ':' && v[22] == ':' && v[25:] == " GMT" {
		month := strings.Index("JanFebMarAprMayJunJulAugSepOctNovDec", v[8:11])
		d, day := twoDigits(v[5:7])
		century, first := twoDigits(v[12:14])
		year, second := twoDigits(v[14:16])
		h, hour := twoDigits(v[17:19])
		m, minute := twoDigits(v[20:22])
		s, sec := twoDigits(v[23:25])
		if month >= 0 && month%3 == 0 && day && first && second && hour && minute && sec && 0 < d && d <= 28 && h < 24 && m < 60 && s < 60 {
			return time.Date(century*100+year, time.Month(month/3+1), d, h, m, s, 0, time.UTC), true
		}
	}
	at, err := http.ParseTime(v)
	return at, err == nil
}

func twoDigits(s string) (n int, ok bool) {
	a, b := s[0]-'0', s[1]-'0'
	return int(a)*10 + int(b), a <= 9 && b <= 9
}

// decimal reads a non-negative decimal number. strconv alone would take "0x10",
// "1_000", "inf" and exponents, which no server means.
func decimal(v string) (float64, bool) {
	if v == "" || len(v) > 32 {
		return 0, false
	}
	for i := 0; i < len(v); i++ {
		if (v[i] < '0' || v[i] > '9') && v[i] != '.' {
			return 0, false
		}
	}
	n, err := strconv.ParseFloat(v, 64)
	return n, err == nil
}

// scale requires n*unit to be sane.
func scale(n float64, unit time.Duration) time.Duration {
	return time.Duration(math.Round(n * float64(unit)))
}
