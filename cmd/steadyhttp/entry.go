package main

import (
	"encoding/json"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/steadyhttp/steadyhttp"
	"github.com/steadyhttp/steadyhttp/internal/redact"
)

// An entry is one log entry of steadyhttp's Logger. Its texts are cleaned: a
// log may have passed through many hands.
type entry struct {
	time           time.Time // zero if the entry does not say, or not with a date
	method, url    string
	status         int // 0 if there was no answer
	class          steadyhttp.Class
	provider, code string
	message, hint  string
	requestID      string
	retryAfter     time.Duration
	retryFrom      string
	attempts       int
	tried          []steadyhttp.Class
	waited         time.Duration
	throttled      time.Duration
	duration       time.Duration
	stopped        string
}

func (e *entry) failed() bool { return e.class != steadyhttp.None }

// readEntries returns the entries in text, in order. Lines that are no entry of
// the Logger are passed over: other parts of a program log too.
func readEntries(text string) []entry {
	var m map[string]any
	if json.Unmarshal([]byte(text), &m) == nil { // one entry, on several lines perhaps, as jq prints it
		inSeconds(m, text)
		if e, ok := newEntry(m, ""); ok {
			return []entry{e}
		}
		return nil
	}
	var all []entry
	for line := range strings.Lines(text) {
		if e, ok := readEntry(line); ok {
			all = append(all, e)
		}
	}
	return all
}

// maxMembers bounds how many places of a line are tried as the beginning of the
// object that a console entry ends with. What stands before it, time, level,
// name, caller and message, has no brace as a rule.
const maxMembers = 8

// readEntry reads one entry: a JSON object, or a line of zap's console form,
// which ends in one.
func readEntry(line string) (entry, bool) {
	line = strings.TrimSpace(line)
	if line != "" && isSlogText([]byte(line)) {
		if object, _ := slogObject([]byte(line)); object != nil {
			line = string(object)
		}
	}
	if !strings.HasSuffix(line, "}") || !strings.Contains(line, `"http.request.method"`) {
		return entry{}, false
	}
	at := 0
	for range maxMembers {
		i := strings.IndexByte(line[at:], '{')
		if i < 0 {
			break
		}
		at += i
		var m map[string]any
		if json.Unmarshal([]byte(line[at:]), &m) == nil {
			inSeconds(m, line[at:])
			return newEntry(m, line[:at])
		}
		at++
	}
	return entry{}, false
}

// newEntry takes the fields out of m. before is what a console entry has in
// front of them.
func newEntry(m map[string]any, before string) (entry, bool) {
	f := fields(m)
	if f.text("http.request.method") == "" || f["duration"] == nil && f["http.response.status_code"] == nil && f["error.type"] == nil {
		return entry{}, false
	}
	e := entry{
		time:       f.when("ts", "time", "timestamp", "@timestamp", "T"),
		method:     strings.ToUpper(f.text("http.request.method")),
		url:        f.text("url.full"),
		class:      classNamed(f.text("error.type")),
		provider:   f.text("provider"),
		code:       f.text("code"),
		message:    f.text("message"),
		hint:       f.text("hint"),
		requestID:  f.text("request_id"),
		retryAfter: f.duration("retry_after"),
		retryFrom:  f.text("retry_after_source"),
		attempts:   max(f.number("attempts"), 1),
		waited:     f.duration("waited"),
		throttled:  f.duration("waited_throttled"),
		duration:   f.duration("duration"),
		stopped:    f.text("retry_stopped"),
	}
	if n := f.number("http.response.status_code"); 100 <= n && n <= 599 {
		e.status = n
	}
	if !methodForm.MatchString(e.method) {
		e.method = ""
	}
	if e.time.IsZero() {
		first, _, _ := strings.Cut(before, "\t")
		e.time = parseTime(first)
	}
	if tried, ok := m["retried_classes"].([]any); ok {
		for _, name := range tried[:min(len(tried), maxClasses)] {
			s, _ := name.(string)
			e.tried = append(e.tried, classNamed(s))
		}
	}
	return e, true
}

// maxClasses is as many as the Logger writes.
const maxClasses = 16

// request returns the parts of the URL that tell whose answer it was.
func (e *entry) request() (host, path string) {
	u, err := url.Parse(e.url)
	if err != nil {
		return "", ""
	}
	return u.Host, u.Path
}

// answer returns one like that which the entry tells of.
func (e *entry) answer() *answer {
	said := map[string]string{"message": e.message, "code": e.code}
	body, _ := json.Marshal(map[string]any{"error": said}) // strings can always be written
	header := http.Header{"Content-Type": {"application/json"}}
	if e.retryFrom != "" {
		header.Set("Retry-After-Ms", strconv.FormatInt(e.retryAfter.Milliseconds(), 10))
	}
	return newAnswer(e.status, header, string(body))
}

// classNamed returns the class of that name: None for "", Unknown for a name
// that is none, of a later version perhaps.
func classNamed(name string) steadyhttp.Class {
	if name == "" {
		return steadyhttp.None
	}
	for c := steadyhttp.None; c < steadyhttp.Unknown; c++ {
		if c.String() == name {
			return c
		}
	}
	return steadyhttp.Unknown
}

// fields are an entry's, as encoding/json reads them.
type fields map[string]any

func (f fields) text(name string) string {
	s, _ := f[name].(string)
	return redact.Line(s, maxShown)
}

func (f fields) number(name string) int {
	n, _ := f[name].(float64)
	if !(0 < n && n < 1e9) { // not a number fails this too
		return 0
	}
	return int(n)
}

// longest is the longest duration that is believed, a year: a number above it
// cannot be seconds, so the log was written with zap's NanosDurationEncoder.
const longest = 366 * 24 * time.Hour

// duration reads what zap's encoders write: seconds as a number, which is how
// its production setup does it, nanoseconds, or text such as "1.5s".
func (f fields) duration(name string) time.Duration {
	var d time.Duration
	switch v := f[name].(type) {
	case float64:
		switch {
		case !(0 < v && v < math.MaxInt64):
			return 0
		case v <= longest.Seconds():
			d = time.Duration(v * float64(time.Second))
		default:
			d = time.Duration(v)
		}
	case string:
		d, _ = time.ParseDuration(v)
	}
	if d < 0 || d > longest {
		return 0
	}
	return d
}

func (f fields) when(names ...string) time.Time {
	for _, name := range names {
		switch v := f[name].(type) {
		case float64:
			// zap's encoders write an epoch in seconds, milliseconds or
			// nanoseconds, which for this century differ in magnitude.
			switch {
			case v > 1e17 && v < math.MaxInt64:
				return time.Unix(0, int64(v))
			case v > 1e11 && v < 1e14:
				return time.UnixMilli(int64(v))
			case v > 1e8 && v < 1e11:
				return time.UnixMilli(int64(v * 1000))
			}
		case string:
			if t := parseTime(v); !t.IsZero() {
				return t
			}
		}
	}
	return time.Time{}
}

// parseTime reads a time that has a date and a zone.
func parseTime(s string) time.Time {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999Z0700"} {
		if t, err := time.Parse(layout, strings.TrimSpace(s)); err == nil {
			return t
		}
	}
	return time.Time{}
}
