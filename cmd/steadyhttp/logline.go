package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/steadyhttp/steadyhttp"
	"github.com/steadyhttp/steadyhttp/internal/redact"
)

// maxLogLine is the longest line that is read, and so what is held in memory.
// With both bodies at the Logger's most of 64 KiB each, and every byte of them
// escaped, an entry stays below it.
const maxLogLine = 1 << 20

// A logCall is what an entry says of one call. Its texts are bounded, but not
// cleaned: that is done for the few that are shown.
type logCall struct {
	at                            time.Time // zero if the entry does not say
	method, url, server           string
	status                        int // 0 if there was no answer
	class                         steadyhttp.Class
	provider, code, requestID     string
	attempts                      int64
	tried                         []steadyhttp.Class // of the attempts that were followed by another
	waited, serverWait, throttled time.Duration
	duration                      time.Duration
	inputTokens, outputTokens     int64
}

// logKind says what a line is.
type logKind uint8

const (
	logForeign logKind = iota // somebody else's
	logBroken                 // an entry cut short, or a mixture of two
	logAttempt                // of a single attempt, or of a wait
	logEntry                  // of a call
)

// logFields are those of an entry that a review needs. What can be written in
// several ways is read by hand.
type logFields struct {
	Method         string   `json:"http.request.method"`
	URL            string   `json:"url.full"`
	Server         string   `json:"server.address"`
	Status         int      `json:"http.response.status_code"`
	Class          string   `json:"error.type"`
	Provider       string   `json:"provider"`
	Code           string   `json:"code"`
	RequestID      string   `json:"request_id"`
	Attempts       int64    `json:"attempts"`
	RetriedClasses []string `json:"retried_classes"`
	InputTokens    int64    `json:"gen_ai.usage.input_tokens"`
	OutputTokens   int64    `json:"gen_ai.usage.output_tokens"`

	Waited     json.RawMessage `json:"waited"`
	ServerWait json.RawMessage `json:"waited_server"`
	Throttled  json.RawMessage `json:"waited_throttled"`
	Duration   json.RawMessage `json:"duration"`

	// The names that zap's setups and what ships logs give to the time.
	TS         json.RawMessage `json:"ts"`
	Time       json.RawMessage `json:"time"`
	Timestamp  json.RawMessage `json:"timestamp"`
	AtTime     json.RawMessage `json:"@timestamp"`
	SingleTime json.RawMessage `json:"T"`
}

// A logReader reads the lines of one log.
type logReader struct {
	// nanos tells whole numbers of nanoseconds from whole seconds, which zap
	// writes without a point. The last entry that left no doubt decides; one of
	// slog's leaves none.
	nanos bool
}

// read feeds the review from r, compressed or not.
func (v *review) read(r io.Reader) error {
	in := bufio.NewReaderSize(r, maxLogLine)
	if magic, _ := in.Peek(2); string(magic) == "\x1f\x8b" {
		z, err := gzip.NewReader(in)
		if err != nil {
			return err
		}
		in = bufio.NewReaderSize(z, maxLogLine)
	}
	var lines logReader
	for {
		line, err := in.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			for errors.Is(err, bufio.ErrBufferFull) {
				_, err = in.ReadSlice('\n')
			}
			v.tooLong()
			line = nil
		}
		if line = bytes.TrimSpace(line); len(line) > 0 {
			v.line(lines.line(line))
		}
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
	}
}

var (
	methodField  = []byte(`"http.request.method"`)
	attemptField = [][]byte{[]byte(`"attempt":`), []byte(` attempt=`)}
	attemptTexts = [][]byte{[]byte(`"attempt failed"`), []byte(`"waiting"`), []byte(`msg=waiting`)}
)

// isAttempt reports whether a line is about a single attempt or wait.
func isAttempt(line []byte) bool {
	has := func(text []byte) bool { return bytes.Contains(line, text) }
	return slices.ContainsFunc(attemptField, has) && slices.ContainsFunc(attemptTexts, has)
}

// line reads one line: an object, or something before one, such as what
// Docker's and zap's console forms put there, or pairs as slog's TextHandler writes
// them.
func (r *logReader) line(line []byte) (logCall, logKind) {
	if isSlogText(line) && !isAttempt(line) {
		object, broken := slogObject(line)
		switch {
		case broken:
			return logCall{}, logBroken
		case object != nil:
			line = object
		}
	}
	begin := bytes.IndexByte(line, '{')
	switch {
	case isAttempt(line) && (begin >= 0 || isSlogText(line)):
		return logCall{}, logAttempt
	case begin < 0:
		return logCall{}, logForeign
	case !bytes.Contains(line, methodField):
		if begin == 0 && line[len(line)-1] != '}' {
			return logCall{}, logBroken
		}
		return logCall{}, logForeign
	}
	var f logFields
	var other *json.UnmarshalTypeError // a field of somebody's with the same name: the rest is read all the same
	if err := json.Unmarshal(line[begin:], &f); err != nil && !errors.As(err, &other) {
		return logCall{}, logBroken
	}
	if f.Method == "" || f.URL == "" || len(f.Duration) == 0 {
		return logCall{}, logForeign
	}
	if isSlogJSON(line[begin:]) {
		r.nanos = true
	}
	r.learn(f.Duration, f.Waited, f.ServerWait, f.Throttled)
	c := logCall{
		at:           f.at(line[:begin]),
		method:       bounded(f.Method),
		url:          bounded(f.URL),
		server:       bounded(f.Server),
		class:        classNamed(f.Class),
		provider:     bounded(f.Provider),
		code:         bounded(f.Code),
		requestID:    bounded(f.RequestID),
		attempts:     min(max(f.Attempts, 1), 1e6),
		waited:       r.duration(f.Waited),
		serverWait:   r.duration(f.ServerWait),
		throttled:    r.duration(f.Throttled),
		duration:     r.duration(f.Duration),
		inputTokens:  min(max(f.InputTokens, 0), 1e9),
		outputTokens: min(max(f.OutputTokens, 0), 1e9),
	}
	for _, name := range f.RetriedClasses[:min(len(f.RetriedClasses), maxClasses)] {
		c.tried = append(c.tried, classNamed(name))
	}
	if 100 <= f.Status && f.Status <= 599 {
		c.status = f.Status
	}
	return c, logEntry
}

// bounded is s itself as a rule: the Logger bounds what it writes.
func bounded(s string) string {
	if len(s) <= maxShown {
		return s
	}
	return redact.Line(s, maxShown)
}

// at is the entry's time. before is what stands in front of the object; zap's
// console form begins with the time.
func (f *logFields) at(before []byte) time.Time {
	for _, raw := range []json.RawMessage{f.TS, f.Time, f.Timestamp, f.AtTime, f.SingleTime} {
		if t := logTime(raw); !t.IsZero() {
			return t
		}
	}
	first, _, _ := bytes.Cut(before, []byte{'\t'})
	return believable(parseTime(string(first)))
}

// logTime reads what zap's encoders write: text, or an epoch in seconds,
// milli-, micro- or nanoseconds, which differ in magnitude for centuries.
func logTime(raw []byte) time.Time {
	if len(raw) == 0 {
		return time.Time{}
	}
	if raw[0] == '"' {
		var s string
		if json.Unmarshal(raw, &s) != nil {
			return time.Time{}
		}
		return believable(parseTime(s))
	}
	n, err := strconv.ParseFloat(string(raw), 64)
	switch {
	case err != nil || !(0 < n && n < math.MaxInt64):
		return time.Time{}
	case n < 1e11:
		n *= 1e6
	case n < 1e14:
		n *= 1e3
	case n >= 1e17:
		n /= 1e3
	}
	return believable(time.UnixMicro(int64(math.Round(n)))) // a float has no more figures
}

var (
	earliestLog = time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC)
	latestLog   = time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)
)

// believable returns t, or the zero time if no log is so old or so new: one
// such entry would push the others into a corner of the timeline.
func believable(t time.Time) time.Time {
	if t.Before(earliestLog) || t.After(latestLog) {
		return time.Time{}
	}
	return t
}

// manySeconds, eleven days, are more than a call takes: a whole number above
// it is one of nanoseconds.
const manySeconds = 1e6

// learn looks at how the durations of one entry are written.
func (r *logReader) learn(all ...[]byte) {
	for _, raw := range all {
		switch {
		case len(raw) == 0 || raw[0] == '"':
		case bytes.ContainsAny(raw, ".eE"):
			r.nanos = false
			return
		}
	}
	for _, raw := range all {
		if n, err := strconv.ParseFloat(string(raw), 64); err == nil && n >= manySeconds {
			r.nanos = true
		}
	}
}

// duration reads what zap's encoders write: seconds, nanoseconds, or text. It
// is 0 if it is absent, negative or longer than a year.
func (r *logReader) duration(raw []byte) time.Duration {
	var d time.Duration
	switch {
	case len(raw) == 0:
		return 0
	case raw[0] == '"':
		var s string
		if json.Unmarshal(raw, &s) == nil {
			d, _ = time.ParseDuration(s)
		}
	default:
		n, _ := strconv.ParseFloat(string(raw), 64)
		if !r.nanos {
			n *= float64(time.Second)
		}
		if !(0 < n && n <= float64(longest)) {
			return 0
		}
		d = time.Duration(math.Round(n))
	}
	if d < 0 || d > longest {
		return 0
	}
	return d
}
