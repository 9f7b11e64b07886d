package main

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"

	"github.com/steadyhttp/steadyhttp/internal/dialect"
	"github.com/steadyhttp/steadyhttp/internal/redact"
)

// A sighting is what an input shows of one exchange. A field that the input does
// not show is zero.
type sighting struct {
	kind  string // what the input was taken for, in words
	asked request
	*answer
	statusFrom string    // where the status was read, if that was no status line
	err        error     // that came instead of a response, in the form that net/http gives it
	at         time.Time // when it happened
	late       bool      // it was noted down: the input says nothing of now
	byProxy    bool      // a proxy said it, before anything was sent to the host
	notes      []string
}

// The kinds, as people read them.
const (
	aCode            = "a code"
	aStatus          = "a status"
	aResponse        = "an HTTP response"
	aBody            = "the body of a response"
	headersAlone     = "the headers of a response"
	curlOutput       = "the output of curl -v"
	eventStream      = "an event stream"
	harEntry         = "an entry of a HAR"
	logEntryOfOthers = "a log entry"
	logEntryOfOurs   = "a log entry of steadyhttp"
	anErrorText      = "the text of an error"
	aTextWithError   = "a text with an error in it"
	ownError         = "an error of steadyhttp"
)

// look finds out what text is. It returns nil if text shows no exchange at all.
func look(s settings, text string) (*sighting, error) {
	text, note := unzipped(text)
	seen, err := lookAt(s, text)
	if seen != nil && note != "" {
		seen.notes = append(seen.notes, note)
	}
	return seen, err
}

func lookAt(s settings, text string) (*sighting, error) {
	trimmed := strings.TrimSpace(text)
	if curlVerbose.MatchString(text) {
		return readCurl(text), nil
	}
	if head, ok := fromHead(text); ok {
		a, err := readResponse(head)
		if err != nil {
			return nil, err
		}
		return &sighting{kind: aResponse, answer: a}, nil
	}
	if s.status != 0 {
		if codeForm.MatchString(trimmed) && !digits.MatchString(trimmed) {
			return &sighting{kind: aCode, answer: newAnswer(s.status, http.Header{}, codeBody(trimmed))}, nil
		}
		kind := aBody
		if trimmed == "" {
			kind = aStatus
		}
		return &sighting{kind: kind, answer: newAnswer(s.status, http.Header{}, text)}, nil
	}
	switch {
	case trimmed == "":
		return nil, errors.New("the input is empty: want a response, or its headers or body, an error's text, or a log entry")
	case trimmed[0] == '{' || trimmed[0] == '[' || trimmed[0] == '"':
		if seen := readJSON(trimmed); seen != nil {
			return seen, nil
		}
	case trimmed[0] == '<':
		return stated(&sighting{kind: aBody, answer: newAnswer(0, http.Header{}, trimmed)}), nil
	}
	if eventForm.MatchString(text) {
		h := http.Header{"Content-Type": {"text/event-stream"}}
		return &sighting{kind: eventStream, answer: newAnswer(http.StatusOK, h, text), statusFrom: "that of event streams"}, nil
	}
	if seen := readHeaders(text); seen != nil {
		return seen, nil
	}
	if codeForm.MatchString(trimmed) && netError(trimmed) == nil {
		if n, err := strconv.Atoi(trimmed); err == nil && 100 <= n && n <= 599 {
			return &sighting{kind: aStatus, answer: newAnswer(n, http.Header{}, "")}, nil
		}
		return &sighting{kind: aCode, answer: newAnswer(0, http.Header{}, codeBody(trimmed))}, nil
	}
	return readErrorText(text), nil
}

// eventForm is that of the lines of event streams.
var eventForm = regexp.MustCompile(`(?m)\A(?:[ \r\n]*(?:event|id|retry): .*\n)*[ \r\n]*data: ?[{\[]`)

// codeForm is that of a code: one word, as providers write them.
var codeForm = regexp.MustCompile(`^[A-Za-z0-9_.:/#-]{1,100}$`)

// unzipped undoes gzip around the whole input: curl writes bodies to files as they
// came.
func unzipped(text string) (plain, note string) {
	if text, ok := fromUTF16(text); ok {
		return text, "The input was UTF-16."
	}
	if !strings.HasPrefix(text, "\x1f\x8b") {
		return text, ""
	}
	z, err := gzip.NewReader(strings.NewReader(text))
	if err != nil {
		return text, ""
	}
	data, err := io.ReadAll(io.LimitReader(z, maxInput))
	if err != nil && len(data) == 0 {
		return text, ""
	}
	return string(data), "The input was compressed with gzip."
}

// fromUTF16 reads what PowerShell writes to files.
func fromUTF16(text string) (string, bool) {
	order := binary.ByteOrder(binary.LittleEndian)
	switch {
	case strings.HasPrefix(text, "\xff\xfe"):
	case strings.HasPrefix(text, "\xfe\xff"):
		order = binary.BigEndian
	default:
		return "", false
	}
	units := make([]uint16, 0, len(text)/2)
	for b := []byte(text[2:]); len(b) >= 2; b = b[2:] {
		units = append(units, order.Uint16(b))
	}
	return string(utf16.Decode(units)), true
}

// headBegins is where a response begins in what was copied together with something
// else, such as curl's progress.
var headBegins = regexp.MustCompile(`(?m)^[ \t]*HTTP/[0-9](?:\.[0-9])? [1-5][0-9]{2}(?: |\r?$)`)

// fromHead returns text from its first status line on.
func fromHead(text string) (string, bool) {
	if begin := strings.TrimLeft(text, "\r\n"); startsHead(text) && begin[0] == 'H' {
		return text, true
	}
	at := headBegins.FindStringIndex(text)
	if at == nil || strings.ContainsAny(text[:at[0]], "{<") {
		return text, startsHead(text)
	}
	head := text[at[0]:]
	if !strings.HasPrefix(head, " ") && !strings.HasPrefix(head, "\t") {
		return head, true
	}
	var b strings.Builder // wget indents the head, and nothing else
	for line := range strings.Lines(head) {
		if line[0] != ' ' && line[0] != '\t' {
			break
		}
		b.WriteString(strings.TrimLeft(line, " \t"))
	}
	return b.String(), true
}

// pseudo are how browsers and HTTP/2 debuggers write the status among the headers.
var pseudo = regexp.MustCompile(`(?i)^(?::status:?|status(?: code)?:) +([1-5][0-9]{2})(?: [A-Za-z ]*)?$`)

// readHeaders reads headers without a status line, and a body behind them; nil if
// text is nothing of the kind.
func readHeaders(text string) *sighting {
	a := &answer{header: http.Header{}}
	rest := strings.TrimLeft(text, "\r\n")
	telling := false
	for n := 0; rest != ""; n++ {
		line, after, _ := strings.Cut(rest, "\n")
		line = strings.TrimRight(line, "\r ")
		if line == "" {
			a.body = after
			break
		}
		if m := pseudo.FindStringSubmatch(line); m != nil && a.status == 0 {
			a.status, _ = strconv.Atoi(m[1])
			telling = true
		} else if name, value, ok := headerLine(line); ok && n < maxHead {
			a.header[name] = append(a.header[name], value)
			telling = telling || knownHeader(name)
		} else {
			return nil
		}
		rest = after
	}
	if !telling {
		return nil
	}
	seen := &sighting{kind: headersAlone, answer: newAnswer(a.status, a.header, a.body)}
	if a.status != 0 {
		seen.statusFrom = "the line status"
	}
	return stated(seen)
}

// knownHeader tells headers from other lines with a colon.
func knownHeader(name string) bool {
	switch name {
	case "Date", "Server", "Via", "Age", "Etag", "Vary", "Allow", "Location", "Connection":
		return true
	}
	return strings.Contains(name, "-")
}

// statusMembers are where JSON bodies repeat the status, by the members' names.
var statusMembers = [][]string{
	{"error", "code"}, {"error", "status"}, {"error", "statusCode"}, {"error", "status_code"}, {"error", "http_status"},
	{"status"}, {"statusCode"}, {"status_code"}, {"httpStatus"}, {"http_status"}, {"code"},
}

var titleStatus = regexp.MustCompile(`(?i)<title>\s*(?:error\s+|http\s+(?:status\s+|error\s+)?)?([45][0-9]{2})\b`)

// stated takes the status from the body, if that is the only one that repeats it.
func stated(seen *sighting) *sighting {
	if seen.status != 0 || strings.TrimSpace(seen.body) == "" {
		return seen
	}
	if m := titleStatus.FindStringSubmatch(seen.body); m != nil {
		seen.status, _ = strconv.Atoi(m[1])
		seen.statusFrom = "the title of the page"
		return seen
	}
	var body any
	if json.Unmarshal([]byte(seen.body), &body) != nil {
		return seen
	}
	if list, ok := body.([]any); ok && len(list) > 0 {
		body = list[0]
	}
	for _, path := range statusMembers {
		if n := statusIn(at(body, path...)); n != 0 {
			seen.status, seen.statusFrom = n, "the body's "+strings.Join(path, ".")
			return seen
		}
	}
	return seen
}

// at returns what stands in a JSON value under those names, one within the other.
func at(v any, names ...string) any {
	for _, name := range names {
		m, _ := v.(map[string]any)
		v = m[name]
	}
	return v
}

// statusIn is v if that is the status of a failure, as a number or in digits.
func statusIn(v any) int {
	n := 0
	switch v := v.(type) {
	case float64:
		n = int(v)
	case string:
		word, _, _ := strings.Cut(v, " ")
		n, _ = strconv.Atoi(word)
	}
	if n < 400 || n > 599 {
		return 0
	}
	return n
}

// with adds what the command line says.
func (seen *sighting) with(s settings) (*sighting, error) {
	if seen.answer == nil {
		seen.answer = newAnswer(0, http.Header{}, "")
	}
	if s.status != 0 && s.status != seen.status {
		if seen.status != 0 && seen.statusFrom == "" {
			return nil, fmt.Errorf("the response has a status of its own, %d: leave -status out", seen.status)
		}
		seen.status, seen.statusFrom = s.status, ""
	}
	for name, values := range s.header {
		seen.header[name] = values
	}
	if len(s.header) > 0 {
		seen.bare = false
	}
	for _, given := range []struct {
		flag string
		to   *string
	}{{s.host, &seen.asked.host}, {s.method, &seen.asked.method}, {s.path, &seen.asked.path}} {
		if given.flag != "" {
			*given.to = given.flag
		}
	}
	return seen, nil
}

// where names the request without its secrets.
func (r request) where() string {
	method, host := "", ""
	if methodForm.MatchString(r.method) {
		method = r.method + " "
	}
	if hostForm.MatchString(r.host) {
		host = r.host
	}
	path := redact.Path(r.host, r.path)
	if len(path) > 200 {
		path = redact.Line(path, 200)
	}
	return strings.TrimSpace(method + host + path)
}

// errorMembers are those that bodies of errors have. One that has others too may be
// that of a success, whose data has a word for a title.
var errorMembers = map[string]bool{
	"message": true, "msg": true, "detail": true, "details": true, "documentation_url": true, "status": true, "code": true, "error": true, "errors": true,
	"title": true, "type": true, "request_id": true, "requestid": true, "timestamp": true, "path": true, "instance": true, "reason": true, "statuscode": true,
	"error_description": true, "error_code": true, "errorcode": true, "error_message": true, "errormessage": true, "trace_id": true, "traceid": true,
}

// mayBeSuccess reports whether the body may be that of a success: it is JSON, and
// neither says that it is an error nor has the members of one and no others.
func (a *answer) mayBeSuccess() bool {
	var m map[string]any
	if json.Unmarshal([]byte(a.body), &m) != nil {
		return false
	}
	if _, failed := dialect.InBand(dialect.Answer{Header: a.header, Body: []byte(a.body)}); failed {
		return false
	}
	for name := range m {
		if !errorMembers[strings.ToLower(name)] {
			return true
		}
	}
	return false
}

func isJSON(text string) bool { return json.Valid(bytes.TrimSpace([]byte(text))) }
