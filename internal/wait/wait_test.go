package wait_test

import (
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/steadyhttp/steadyhttp/internal/wait"
)

// now is a Monday.
var now = time.Date(2024, 3, 4, 12, 0, 0, 0, time.UTC)

const absent = time.Duration(-1)

func TestRetryAfter(t *testing.T) {
	for _, row := range []struct {
		name  string
		value string
		want  time.Duration // absent if nothing can be read
	}{
		{"seconds", "120", 2 * time.Minute},
		{"now", "0", 0},
		{"a fraction", "1.26", 1260 * time.Millisecond},
		{"a fraction without its zero", ".5", 500 * time.Millisecond},
		{"a whole number as a fraction", "2.0", 2 * time.Second},
		{"a bare point at the end", "2.", 2 * time.Second},
		{"leading zeros", "007", 7 * time.Second},
		{"blanks around", " 30\t", 30 * time.Second},
		{"the longest that is believed", "31622400", wait.Longest},
		{"finer than a nanosecond", "0.0000000001", 0},

		{"a second more than the longest", "31622401", absent},
		{"a fraction more than the longest", "31622400.5", absent},
		{"overflow of a duration", "9223372037", absent},
		{"overflow of an integer", "18446744073709551616", absent},
		{"overflow of everything", strings.Repeat("9", 400), absent},
		{"thirty-three zeros", strings.Repeat("0", 33), absent},
		{"negative", "-1", absent},
		{"negative zero", "-0", absent},
		{"with a sign", "+5", absent},
		{"not a number", "NaN", absent},
		{"infinite", "Inf", absent},
		{"hexadecimal", "0x10", absent},
		{"hexadecimal with an exponent", "0x1p4", absent},
		{"underscores", "1_000", absent},
		{"an exponent", "1e3", absent},
		{"two points", "1.2.3", absent},
		{"a point alone", ".", absent},
		{"a comma", "1,5", absent},
		{"two values", "10, 20", absent},
		{"with a unit", "10s", absent},
		{"other digits", "１０", absent},
		{"a NUL", "10\x00", absent},
		{"empty", "", absent},
		{"blank", " \t ", absent},
		{"words", "soon", absent},

		{"a date", "Mon, 04 Mar 2024 12:00:30 GMT", 30 * time.Second},
		{"a date in the form of RFC 850", "Monday, 04-Mar-24 12:01:00 GMT", time.Minute},
		{"a date in the form of asctime", "Mon Mar  4 13:00:00 2024", time.Hour},
		{"a date with blanks around", "  Mon, 04 Mar 2024 12:00:30 GMT ", 30 * time.Second},
		{"this moment", "Mon, 04 Mar 2024 12:00:00 GMT", 0},
		{"a date that has passed", "Mon, 04 Mar 2024 11:59:59 GMT", 0},
		{"a date long ago", "Thu, 01 Jan 1970 00:00:00 GMT", 0},
		{"the first date", "Mon, 01 Jan 0001 00:00:00 GMT", 0},
		{"a date in a year", "Wed, 05 Mar 2025 12:00:00 GMT", wait.Longest},
		{"a date in more than a year", "Wed, 05 Mar 2025 12:00:01 GMT", absent},
		{"the last date", "Fri, 31 Dec 9999 23:59:59 GMT", absent},
		{"a date that is none", "Mon, 32 Mar 2024 12:00:00 GMT", absent},
		{"a date without a zone", "Mon, 04 Mar 2024 12:00:30", absent},
		{"a date of another standard", "2024-03-04T12:00:30Z", absent},
	} {
		t.Run(row.name, func(t *testing.T) {
			got, ok := wait.RetryAfter(row.value, now)
			if !ok {
				got = absent
			}
			if got != row.want {
				t.Errorf("RetryAfter(%q): got %v, want %v", row.value, got, row.want)
			}
		})
	}
}

func TestResolve(t *testing.T) {
	for _, row := range []struct {
		name   string
		header string
		inBody wait.Figure
		want   wait.Figure
	}{
		{"nothing", "", wait.Figure{}, wait.Figure{}},
		{"milliseconds", "Retry-After-Ms: 1262", wait.Figure{}, wait.Figure{After: 1262 * time.Millisecond, Source: "retry-after-ms"}},
		{"a fraction of a millisecond", "Retry-After-Ms: 0.5", wait.Figure{}, wait.Figure{After: 500 * time.Microsecond, Source: "retry-after-ms"}},
		{"Azure's milliseconds", "X-Ms-Retry-After-Ms: 40", wait.Figure{}, wait.Figure{After: 40 * time.Millisecond, Source: "x-ms-retry-after-ms"}},
		{"milliseconds before seconds", "Retry-After: 2\nRetry-After-Ms: 1262", wait.Figure{}, wait.Figure{After: 1262 * time.Millisecond, Source: "retry-after-ms"}},
		{"milliseconds that nobody can read", "Retry-After: 2\nRetry-After-Ms: -5", wait.Figure{}, wait.Figure{After: 2 * time.Second, Source: "retry-after"}},
		{"a header before the body", "Retry-After: 2", wait.Figure{After: time.Minute, Source: "body"}, wait.Figure{After: 2 * time.Second, Source: "retry-after"}},
		{"a header that nobody can read", "Retry-After: soon", wait.Figure{After: time.Minute, Source: "body"}, wait.Figure{After: time.Minute, Source: "body"}},
		{"the body", "", wait.Figure{After: time.Minute, Source: "body"}, wait.Figure{After: time.Minute, Source: "body"}},
		{"the body says now", "", wait.Figure{Source: "body"}, wait.Figure{Source: "body"}},
		{"a negative figure in the body", "", wait.Figure{After: -1, Source: "body"}, wait.Figure{}},
		{"an absurd figure in the body", "", wait.Figure{After: math.MaxInt64, Source: "body"}, wait.Figure{}},
		{"a figure without a source", "", wait.Figure{After: time.Minute}, wait.Figure{}},
		{"the body before a maintenance window", "X-Maintenance-Until: Mon, 04 Mar 2024 13:00:00 GMT",
			wait.Figure{After: time.Minute, Source: "body"}, wait.Figure{After: time.Minute, Source: "body"}},
		{"a maintenance window", "X-Maintenance-Until: Mon, 04 Mar 2024 13:00:00 GMT", wait.Figure{}, wait.Figure{After: time.Hour, Source: "x-maintenance-until"}},
		{"a maintenance window in RFC 3339", "X-Maintenance-Until: 2024-03-04T15:00:00.5+02:00", wait.Figure{},
			wait.Figure{After: time.Hour + 500*time.Millisecond, Source: "x-maintenance-until"}},
		{"a maintenance window that is over", "X-Maintenance-Until: 2024-03-04T11:00:00Z", wait.Figure{}, wait.Figure{Source: "x-maintenance-until"}},
		{"a maintenance window without an end in sight", "X-Maintenance-Until: 9999-01-01T00:00:00Z", wait.Figure{}, wait.Figure{}},
		{"a maintenance window in words", "X-Maintenance-Until: tonight", wait.Figure{}, wait.Figure{}},
		{"a date on a server whose clock is ahead", "Date: Tue, 05 Mar 2024 00:00:00 GMT\nRetry-After: Tue, 05 Mar 2024 00:00:10 GMT",
			wait.Figure{}, wait.Figure{After: 10 * time.Second, Source: "retry-after"}},
		{"a date on a server whose clock is behind", "Date: Sun, 03 Mar 2024 00:00:00 GMT\nRetry-After: Sun, 03 Mar 2024 00:00:10 GMT",
			wait.Figure{}, wait.Figure{After: 10 * time.Second, Source: "retry-after"}},
		{"a Date that nobody can read", "Date: today\nRetry-After: Mon, 04 Mar 2024 12:00:10 GMT", wait.Figure{}, wait.Figure{After: 10 * time.Second, Source: "retry-after"}},
		{"the Date does not change seconds", "Date: Tue, 05 Mar 2024 00:00:00 GMT\nRetry-After: 3", wait.Figure{}, wait.Figure{After: 3 * time.Second, Source: "retry-after"}},
		{"a Date at the beginning of time", "Date: Mon, 01 Jan 0001 00:00:00 GMT\nRetry-After: Mon, 04 Mar 2024 12:00:10 GMT", wait.Figure{}, wait.Figure{}},
	} {
		t.Run(row.name, func(t *testing.T) {
			h := http.Header{}
			for line := range strings.Lines(row.header) {
				name, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
				h.Set(name, value)
			}
			if got := wait.Resolve(h, row.inBody, now); got != row.want {
				t.Errorf("got %v by %q, want %v by %q", got.After, got.Source, row.want.After, row.want.Source)
			}
		})
	}
	if got := wait.Resolve(nil, wait.Figure{}, now); got != (wait.Figure{}) {
		t.Errorf("without any header: got %v, want nothing", got)
	}
}

func FuzzRetryAfter(f *testing.F) {
	for _, v := range []string{"120", "1.5", "-1", "1e309", "0x1p-2", "31622400", "9223372036.9", "Mon, 04 Mar 2024 12:00:30 GMT", "Monday, 04-Mar-24 12:01:00 GMT"} {
		f.Add(v, int64(1709553600))
	}
	f.Fuzz(func(t *testing.T, v string, unix int64) {
		got, ok := wait.RetryAfter(v, time.Unix(unix, 0))
		checkFigure(t, got, ok)
	})
}

func FuzzResolve(f *testing.F) {
	f.Add("1262", "2", "2024-03-04T12:00:30Z", "Mon, 04 Mar 2024 12:00:00 GMT", int64(5), int64(1709553600))
	f.Add("", "Fri, 31 Dec 9999 23:59:59 GMT", "0001-01-01T00:00:00Z", "Mon, 01 Jan 0001 00:00:00 GMT", int64(math.MinInt64), int64(math.MinInt64))
	f.Fuzz(func(t *testing.T, ms, seconds, until, date string, inBody, unix int64) {
		h := http.Header{"Retry-After-Ms": {ms}, "Retry-After": {seconds}, "X-Maintenance-Until": {until}, "Date": {date}}
		got := wait.Resolve(h, wait.Figure{After: time.Duration(inBody), Source: "body"}, time.Unix(unix, 0))
		checkFigure(t, got.After, got.Source != "")
	})
}

func checkFigure(t *testing.T, d time.Duration, ok bool) {
	t.Helper()
	if ok && (d < 0 || d > wait.Longest) {
		t.Errorf("got %v, want a figure between now and %v", d, wait.Longest)
	}
}
