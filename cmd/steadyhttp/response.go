package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// An answer is what a server sent, as far as we were given it.
type answer struct {
	status int
	header http.Header
	body   string
	bare   bool   // there was nothing but the status
	class  string // what an error of this library says it is; "" for none

	waitInText bool // a wait was read from an error's text
	unreadable bool // the body is compressed, and not in a way that can be undone here
}

func newAnswer(status int, header http.Header, body string) *answer {
	if header == nil {
		header = http.Header{}
	}
	a := &answer{status: status, header: header.Clone(), body: body, bare: len(header) == 0 && strings.TrimSpace(body) == ""}
	// curl has undone the chunks, and with --compressed the compression too,
	// but prints the headers as they came.
	a.header.Del("Transfer-Encoding")
	if plain, note := unzipped(body); note != "" {
		a.body = plain
	}
	switch plain := utf8.ValidString(a.body) && !strings.ContainsAny(a.body, "\x00\ufffd"); {
	case plain:
		a.header.Del("Content-Encoding")
	case strings.EqualFold(a.header.Get("Content-Encoding"), "deflate"): // which the library undoes
	case isBinary(a.body):
		a.body, a.unreadable = "", true
		a.header.Del("Content-Encoding")
	}
	return a
}

// isBinary reports whether more than a twentieth of a text are bytes that no text has,
// or what copying has put in their place.
func isBinary(text string) bool {
	odd := strings.Count(text, "\x00")
	for _, r := range text {
		if r == utf8.RuneError {
			odd++
		}
	}
	return odd > len(text)/20
}

// retryAfter notes a wait that a text tells of.
func (a *answer) retryAfter(text string) {
	if d, err := time.ParseDuration(text); err == nil && d >= 0 {
		a.header.Set("Retry-After-Ms", strconv.FormatInt(d.Milliseconds(), 10))
		a.waitInText = true
	}
}

// response returns the answer to req as net/http would hand it over.
func (a *answer) response(req *http.Request) *http.Response {
	return &http.Response{
		Status:        fmt.Sprintf("%d %s", a.status, http.StatusText(a.status)),
		StatusCode:    a.status,
		Proto:         "HTTP/1.1",
		ProtoMajor:    1,
		ProtoMinor:    1,
		Header:        a.header.Clone(),
		Body:          io.NopCloser(bytes.NewReader([]byte(a.body))),
		ContentLength: int64(len(a.body)),
		Request:       req,
	}
}

// date returns when the answer was made, zero if it does not say.
func (a *answer) date() time.Time {
	t, err := http.ParseTime(a.header.Get("Date"))
	if err != nil {
		return time.Time{}
	}
	return t
}

// maxHead is how many lines of a head are read. Servers send a few dozen, and
// net/http would refuse what is longer than 1 MiB anyway.
const maxHead = 1000

var statusLine = regexp.MustCompile(`^HTTP/[0-9](?:\.[0-9])? ([1-9][0-9]{2})(?: [^\r\n]*)?(?:\r?\n|$)`)

// startsHead reports whether text begins, after blank lines, as an answer does.
func startsHead(text string) bool {
	return strings.HasPrefix(strings.TrimLeft(text, "\r\n \t"), "HTTP/")
}

// readResponse reads what curl -i prints, of several answers in a row the last.
func readResponse(text string) (*answer, error) {
	text = strings.TrimLeft(text, "\r\n \t")
	for {
		status, header, rest, err := readHead(text)
		if err != nil {
			return nil, err
		}
		next, more := nextAnswer(status, header, rest)
		if !more {
			return newAnswer(status, header, rest), nil
		}
		text = next
	}
}

// nextAnswer returns what follows an answer that was not the last: of a 100, a
// tunnel, a redirect or a challenge curl prints the head alone, and after a
// body of a known length another answer may stand.
func nextAnswer(status int, header http.Header, rest string) (string, bool) {
	if statusLine.MatchString(rest) {
		return rest, true
	}
	if n, err := strconv.Atoi(header.Get("Content-Length")); err == nil && 0 < n && n < len(rest) {
		if after := strings.TrimLeft(rest[n:], "\r\n"); statusLine.MatchString(after) {
			return after, true
		}
	}
	return "", false
}

// readHead reads a status line and headers. rest is what follows the blank line.
func readHead(text string) (status int, header http.Header, rest string, err error) {
	m := statusLine.FindStringSubmatch(text)
	if m == nil {
		return 0, nil, "", fmt.Errorf("the first line is no status line: want one such as HTTP/1.1 429 Too Many Requests")
	}
	status, _ = strconv.Atoi(m[1])
	if status > 599 {
		return 0, nil, "", fmt.Errorf("%d is no HTTP status: want one from 100 to 599", status)
	}
	header = http.Header{}
	last := ""
	rest = text[len(m[0]):]
	for n := 2; rest != ""; n++ {
		line, after, _ := strings.Cut(rest, "\n")
		line = strings.TrimSuffix(line, "\r")
		if line == "" {
			return status, header, after, nil
		}
		name, value, ok := headerLine(line)
		switch {
		case n > maxHead:
			return 0, nil, "", fmt.Errorf("the response's head has more than %d lines", maxHead)
		case ok:
			header[name] = append(header[name], value)
			last = name
		case last != "" && (line[0] == ' ' || line[0] == '\t'): // a value that goes on
			values := header[last]
			values[len(values)-1] += " " + strings.TrimSpace(line)
		case strings.ContainsRune("{[<", rune(line[0])):
			return status, header, rest, nil // the blank line was lost in copying
		default:
			return 0, nil, "", fmt.Errorf("line %d of the response's head is no header: want the form Name: value, and a blank line before the body", n)
		}
		rest = after
	}
	return status, header, "", nil
}
