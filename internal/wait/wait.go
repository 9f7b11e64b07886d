// Package wait turns what a server says about coming back into one figure.
//
// The Retrier and the Throttler both ask it, so that they never disagree.
package wait

import (
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// A Figure is how long a server asked to be left alone, counted from the
// moment its answer arrived.
type Figure struct {
	After  time.Duration
	Source string // the header or body field that said so; "" if nobody did
}

// Longest is the longest figure that is believed. A server that names more
// than a year has made a mistake or means harm; either way its figure is as if
// absent, and so nothing can overflow a time.Duration.
const Longest = 366 * 24 * time.Hour

// Resolve returns the first sane figure, best precision first: the headers in
// milliseconds, Retry-After, the figure in the body (inBody, zero if there is
// none), and last a maintenance window's end. Dates are measured against the
// answer's own Date, so that a clock that is wrong on either side cancels out;
// now stands in where there is none.
func Resolve(h http.Header, inBody Figure, now time.Time) Figure {
	for _, name := range []string{"Retry-After-Ms", "X-Ms-Retry-After-Ms"} {
		if d, ok := number(h.Get(name), time.Millisecond); ok {
			return Figure{d, strings.ToLower(name)}
		}
	}
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		now = date
	}
	if d, ok := RetryAfter(h.Get("Retry-After"), now); ok {
		return Figure{d, "retry-after"}
	}
	if inBody.Source != "" && inBody.After >= 0 && inBody.After <= Longest {
		return inBody
	}
	if d, ok := until(h.Get("X-Maintenance-Until"), now); ok {
		return Figure{d, "x-maintenance-until"}
	}
	return Figure{}
}

// RetryAfter reads a Retry-After value: whole seconds or one of the three
// HTTP-date forms (RFC 9110, 10.2.3), and leniently the fractions that some
// servers send. A date that has passed is now.
func RetryAfter(v string, now time.Time) (time.Duration, bool) {
	if d, ok := number(v, time.Second); ok {
		return d, true
	}
	at, err := http.ParseTime(strings.TrimSpace(v))
	if err != nil {
		return 0, false
	}
	return sane(at.Sub(now))
}

// until reads the end of a maintenance window, whose format no standard fixes:
// an HTTP-date or RFC 3339.
func until(v string, now time.Time) (time.Duration, bool) {
	v = strings.TrimSpace(v)
	at, err := http.ParseTime(v)
	if err != nil {
		at, err = time.Parse(time.RFC3339, v)
	}
	if err != nil {
		return 0, false
	}
	return sane(at.Sub(now))
}

func sane(d time.Duration) (time.Duration, bool) {
	return max(d, 0), d <= Longest
}

// number reads a non-negative decimal number of units. strconv alone would
// take "0x10", "1_000", "inf" and exponents, which no server means.
func number(v string, unit time.Duration) (time.Duration, bool) {
	v = strings.TrimSpace(v)
	if v == "" || len(v) > 32 || strings.Trim(v, "0123456789.") != "" {
		return 0, false
	}
	f, err := strconv.ParseFloat(v, 64)
	if err != nil || f*float64(unit) > float64(Longest) {
		return 0, false
	}
	return time.Duration(math.Round(f * float64(unit))), true
}
