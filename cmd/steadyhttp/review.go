package main

import (
	"slices"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap/zapcore"

	"github.com/steadyhttp/steadyhttp"
)

// What is kept of a log however long it is.
const (
	maxFailureKinds = 1000 // servers times classes times codes: a program meets some dozens
	maxServers      = 1000
	maxSlowest      = 5
	maxQuoted       = 3 // request ids of a class: support wants one, and a second if that has expired
)

// A review adds up what the entries of a log say. It takes the same memory for
// a log of any length. Its methods may be called concurrently.
type review struct {
	since, until time.Time // zero is no bound

	mu sync.Mutex // guards all below: several files may be followed, while somebody watches

	lines       lineCounts
	first, last time.Time
	calls       callCounts
	attempts    int64
	tried       [steadyhttp.Unknown + 1]int64 // by class, the attempts that were followed by another
	recovered   [steadyhttp.Unknown + 1]int64 // by class, the calls that succeeded after it
	servers     map[string]*serverCounts
	elsewhere   serverCounts // of the servers that are too many
	failures    map[failureKind]*failureCounts
	otherKinds  int64 // failures of the kinds that are too many

	waited, serverWait, throttled, backoff waitSum

	durations durationSketch
	slowest   top
	quotable  [steadyhttp.Unknown + 1]top // by class, the calls whose request ids are to be quoted
	timeline  timeline

	inputTokens, outputTokens int64
}

type lineCounts struct {
	Read     int64 `json:"read"`
	Entries  int64 `json:"entries"` // of calls, those outside the time included
	Attempts int64 `json:"attempt_entries"`
	Foreign  int64 `json:"foreign"`
	Broken   int64 `json:"broken"`
	TooLong  int64 `json:"too_long"`
	Outside  int64 `json:"outside"` // before -since or after -until, or without a time if those are given
	Undated  int64 `json:"undated"`
}

// callCounts are a partition of the calls.
type callCounts struct {
	Total     int64 `json:"total"`
	Succeeded int64 `json:"succeeded"` // at once
	Recovered int64 `json:"recovered"` // after more than one attempt
	Refused   int64 `json:"refused"`   // the caller has to act
	Failed    int64 `json:"failed"`    // the server's or the network's failure
	Canceled  int64 `json:"canceled"`
}

type serverCounts struct{ calls, attempts int64 }

type failureKind struct {
	provider, server, code string
	class                  steadyhttp.Class
}

type failureCounts struct {
	n    int64
	last time.Time
}

type waitSum struct {
	seconds float64
	longest time.Duration
}

func (w *waitSum) add(d time.Duration) {
	w.seconds += d.Seconds()
	w.longest = max(w.longest, d)
}

func newReview(since, until time.Time) *review {
	v := &review{
		since: since, until: until,
		servers:  make(map[string]*serverCounts),
		failures: make(map[failureKind]*failureCounts),
		slowest:  top{n: maxSlowest, before: slower},
	}
	for i := range v.quotable {
		v.quotable[i] = top{n: maxQuoted, before: moreRecent}
	}
	return v
}

// line takes in what was read from one line.
func (v *review) line(c logCall, kind logKind) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.lines.Read++
	switch kind {
	case logForeign:
		v.lines.Foreign++
	case logBroken:
		v.lines.Broken++
	case logAttempt:
		v.lines.Attempts++
	case logEntry:
		v.lines.Entries++
		if c.at.IsZero() {
			v.lines.Undated++
		}
		if !v.since.IsZero() && c.at.Before(v.since) || !v.until.IsZero() && (c.at.IsZero() || c.at.After(v.until)) {
			v.lines.Outside++
			return
		}
		v.add(&c)
	}
}

// tooLong takes in a line that was not read for its length.
func (v *review) tooLong() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.lines.TooLong++
}

func (v *review) add(c *logCall) {
	failed := v.outcome(c)
	v.attempts += c.attempts
	for _, class := range c.tried {
		v.tried[class]++
	}
	v.server(c)
	v.waits(c)
	v.durations.add(c.duration)
	v.slowest.add(c)
	v.inputTokens += c.inputTokens
	v.outputTokens += c.outputTokens
	if failed {
		v.failure(c)
	}
	if c.class != steadyhttp.None && c.requestID != "" {
		v.quotable[c.class].add(c)
	}
	if c.at.IsZero() {
		return
	}
	if v.first.IsZero() || c.at.Before(v.first) {
		v.first = c.at
	}
	if c.at.After(v.last) {
		v.last = c.at
	}
	v.timeline.add(c.at, failed)
}

// outcome counts what became of the call and reports whether that is a failure.
// Whose it is goes by the class, as in DefaultLevel: of an entry's message and
// level a program's setup decides.
func (v *review) outcome(c *logCall) (failed bool) {
	v.calls.Total++
	switch {
	case c.class == steadyhttp.Canceled:
		v.calls.Canceled++
		return false
	case c.class == steadyhttp.None && c.attempts > 1:
		v.calls.Recovered++
		for i, class := range c.tried {
			if !slices.Contains(c.tried[:i], class) {
				v.recovered[class]++
			}
		}
		return false
	case c.class == steadyhttp.None:
		v.calls.Succeeded++
		return false
	case steadyhttp.DefaultLevel(steadyhttp.Call{Error: &steadyhttp.Error{Class: c.class}}) == zapcore.ErrorLevel:
		v.calls.Failed++
	default:
		v.calls.Refused++
	}
	return true
}

func (v *review) server(c *logCall) {
	s := v.servers[c.server]
	switch {
	case s != nil:
	case len(v.servers) < maxServers:
		s = new(serverCounts)
		v.servers[c.server] = s
	default:
		s = &v.elsewhere
	}
	s.calls++
	s.attempts += c.attempts
}

func (v *review) failure(c *logCall) {
	kind := failureKind{c.provider, c.server, c.code, c.class}
	f := v.failures[kind]
	if f == nil {
		if len(v.failures) == maxFailureKinds {
			v.otherKinds++
			return
		}
		f = new(failureCounts)
		v.failures[kind] = f
	}
	f.n++
	if c.at.After(f.last) {
		f.last = c.at
	}
}

func (v *review) waits(c *logCall) {
	v.waited.add(c.waited)
	v.serverWait.add(c.serverWait)
	v.throttled.add(c.throttled)
	v.backoff.add(max(c.waited-c.serverWait-c.throttled, 0))
}

// nothing says why there is nothing to report, "" if there is something.
func (v *review) nothing() string {
	v.mu.Lock()
	defer v.mu.Unlock()
	l := v.lines
	switch {
	case v.calls.Total > 0:
		return ""
	case l.all() == 0:
		return "the input is empty"
	case l.Entries > 0:
		return "no call was logged between -since and -until; outside of that period " + callsCount(l.Entries)
	}
	return "the log has no entries of steadyhttp's Logger: " + l.rest()
}

// all is how many lines there were.
func (l *lineCounts) all() int64 { return l.Read + l.TooLong }

// rest tells of the lines that are not calls.
func (l *lineCounts) rest() string {
	var parts []string
	for _, p := range []struct {
		n    int64
		what string
	}{
		{l.Foreign, "of other programs"}, {l.Attempts, "about single attempts and waits"},
		{l.Broken, "broken"}, {l.TooLong, "longer than 1 MiB"},
	} {
		if p.n > 0 {
			parts = append(parts, grouped(p.n)+" "+p.what)
		}
	}
	unit := "lines"
	if l.Foreign+l.Attempts+l.Broken+l.TooLong == 1 {
		unit = "line"
	}
	if len(parts) == 0 {
		return ""
	}
	parts[0] = strings.Replace(parts[0], " ", " "+unit+" ", 1)
	return strings.Join(parts, ", ")
}
