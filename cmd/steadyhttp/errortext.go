package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strconv"
	"strings"
	"syscall"

	"github.com/steadyhttp/steadyhttp/internal/redact"
)

// statusForms are how error texts and the lines of others' logs say the status, the
// surest first. A number alone is none.
var statusForms = []*regexp.Regexp{
	regexp.MustCompile(`HTTP/[0-9](?:\.[0-9])?"? ([1-5][0-9]{2})\b`),
	regexp.MustCompile(`(?i)\b(?:http[ _.]?)?(?:response[ _.])?status(?:[ _]?code)?["']?\s*[:=]?\s*["']?([1-5][0-9]{2})\b`),
	regexp.MustCompile(`(?i)\b(?:error code|response code|http response code|http(?: error)?|api error|returned error|unexpected response|http_status)\s*[:=]?\s*([1-5][0-9]{2})\b`),
	regexp.MustCompile(`\b[Ee](?:rror|RROR)(?:: \(|[: ]+)([1-5][0-9]{2})(?:[,:.)]|$)`),
	regexp.MustCompile(`\bCode: ([1-5][0-9]{2})\b`),                   // Vault's
	regexp.MustCompile(`\b([1-5][0-9]{2}) (?:Client|Server) Error\b`), // of Python's requests
	regexp.MustCompile(`https?://[^\s"]+"?: ([1-5][0-9]{2})\b`),       // of generated SDKs and of GitHub's
}

// reasonForm is a status with its own words behind it.
var reasonForm = regexp.MustCompile(`\b([1-5][0-9]{2}) ([A-Z][A-Za-z' -]+)`)

func statusOf(line string) int {
	for _, form := range statusForms {
		if m := form.FindStringSubmatch(line); m != nil {
			n, _ := strconv.Atoi(m[1])
			return n
		}
	}
	for _, m := range reasonForm.FindAllStringSubmatch(line, -1) {
		n, _ := strconv.Atoi(m[1])
		if said := http.StatusText(n); said != "" && strings.HasPrefix(strings.ToLower(m[2]), strings.ToLower(said)) {
			return n
		}
	}
	return 0
}

var (
	requestForm = regexp.MustCompile(`(?i)\b(get|post|put|patch|delete|head|options)\b:?\s+"?(https?://[^\s"'\\]+)`)
	logForm     = regexp.MustCompile(`"(GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS) (/[^\s"]*) HTTP/`)
	urlForm     = regexp.MustCompile(`https?://[^\s"'\\<>)]+`)
	idForm      = regexp.MustCompile(`(?i)\b(?:request[- _]?id|requestid)\b["']?[:=]\s*["']?([A-Za-z0-9_.:-]{6,128})`)
)

// requestOf finds the request that a text is about. A URL alone tells its host only
// where it is said to be the request's: others link to documentation.
func requestOf(text string) request {
	if m := requestForm.FindStringSubmatch(text); m != nil {
		return requestTo(strings.ToUpper(m[1]), m[2])
	}
	if m := logForm.FindStringSubmatch(text); m != nil {
		return requestTo(m[1], m[2])
	}
	if i := strings.Index(text, "for url: "); i >= 0 {
		return requestTo("", urlForm.FindString(text[i:]))
	}
	if m := regexp.MustCompile(`(?i)\burl["']?[=:]\s*["']?(https?://[^\s"']+)`).FindStringSubmatch(text); m != nil {
		return requestTo("", m[1])
	}
	return request{}
}

func requestTo(method, raw string) request {
	u, err := url.Parse(strings.TrimRight(raw, ".,:;"))
	if err != nil {
		return request{method: method}
	}
	return request{method: method, host: u.Host, path: u.Path, query: u.RawQuery}
}

// readErrorText reads the text of an error, such as those of net/http and of SDKs,
// or a text with such a line in it, such as a stack trace.
func readErrorText(text string) *sighting {
	seen := &sighting{kind: "the text of an error", answer: newAnswer(0, http.Header{}, "")}
	lines := strings.SplitAfter(text, "\n")
	first := seen.find(lines)
	if first > 0 || strings.Contains(text, "goroutine ") {
		seen.kind = "a text with an error in it"
	}
	rest := strings.Join(lines[first:], "")
	line := strings.TrimSpace(lines[first])
	seen.asked = requestOf(rest)
	if seen.asked.host == "" {
		seen.asked = requestOf(text)
	}
	if seen.err != nil {
		return seen
	}
	if code := proxySaid(line); code != 0 && seen.status == 0 {
		seen.status, seen.statusFrom, seen.byProxy = code, "the proxy's answer to CONNECT", true
		seen.notes = append(seen.notes, "The words are those of a status, and nothing else is said: with https, that is what a proxy answered to CONNECT. The request did not reach the server.")
	}
	body, message := bodyIn(rest, line)
	if message != "" {
		if message = saidIn(line); isJSON(message) {
			body, message = message, ""
		}
	}
	seen.answer = newAnswer(seen.status, http.Header{}, body)
	if m := idForm.FindStringSubmatch(line); m != nil {
		seen.header.Set("X-Request-Id", m[1])
	}
	seen.readOwn(line)
	if seen.body == "" && message != "" {
		seen.body = saying(line, message)
	}
	seen.bare = seen.body == ""
	return stated(seen)
}

// find returns the number of the first line that tells of a failure, and takes its
// status or error. If none does, it is the first with any status, or the first.
func (seen *sighting) find(lines []string) (first int) {
	for i, line := range lines {
		if len(line) > maxLine {
			continue
		}
		n := statusOf(line)
		switch {
		case ownForm.MatchString(line):
			seen.status, seen.statusFrom = 0, ""
			return i
		case n >= 400:
			seen.status, seen.statusFrom = n, "the text"
			return i
		case n != 0 && seen.status == 0:
			first, seen.status, seen.statusFrom = i, n, "the text"
		case n == 0:
			if err := netError(line); err != nil {
				seen.status, seen.statusFrom, seen.err = 0, "", err
				return i
			}
		}
	}
	return first
}

// maxLine is the longest line of a text in which an error is looked for.
const maxLine = 64 << 10

var (
	logfmtPair = regexp.MustCompile(`(?:^|\s)([A-Za-z_.]+)=("(?:[^"\\]|\\.)*"|\S+)`)
	nothing    = regexp.MustCompile(`(?i)https?://\S+|\b(?:error|status|code|api|openai|anthropic|http|https|request|failed|with|client|server|axioserror|curl|the|requested|url|returned|for|get|post|put|delete|patch|exceptions?|requests|httperror)\b`)
)

// saidIn is what a line of a log or the text of an error says beside the status: ""
// if that is nothing.
func saidIn(line string) string {
	if logForm.MatchString(line) {
		return "" // an access log has no words of the server
	}
	if pairs := logfmtPair.FindAllStringSubmatch(line, -1); len(pairs) >= 3 {
		line = ""
		for _, p := range pairs {
			switch p[1] {
			case "err", "error", "body", "response":
				line = p[2]
				if plain, err := strconv.Unquote(p[2]); err == nil {
					line = plain
				}
			}
		}
	}
	left := line
	if n := statusOf(line); n != 0 {
		left = strings.ReplaceAll(strings.ReplaceAll(left, strconv.Itoa(n), ""), http.StatusText(n), "")
	}
	if letters := regexp.MustCompile(`[^\pL]+`).ReplaceAllString(nothing.ReplaceAllString(left, ""), ""); len(letters) < 4 {
		return ""
	}
	return line
}

// proxySaid is the status whose words are all that an error of http.Client says: 0
// if it says anything else.
func proxySaid(line string) int {
	i := strings.LastIndex(line, `": `)
	if i < 0 || !strings.Contains(line, "https://") {
		return 0
	}
	for n := 400; n < 600; n++ {
		if words := http.StatusText(n); words != "" && strings.EqualFold(line[i+3:], words) {
			return n
		}
	}
	return 0
}

// bodyIn returns the JSON that stands in text, or else line's words.
func bodyIn(text, line string) (body, message string) {
	for i, tried := 0, 0; i < len(text) && tried < maxMembers; i++ {
		if text[i] != '{' && (text[i] != '[' || !strings.HasPrefix(strings.TrimSpace(text[i+1:]), "{")) {
			continue
		}
		tried++
		var raw json.RawMessage
		if json.NewDecoder(strings.NewReader(text[i:])).Decode(&raw) == nil && len(raw) > 2 {
			return string(raw), ""
		}
		if fixed, ok := fromPython(text[i:]); ok {
			return fixed, ""
		}
	}
	if i := strings.Index(text, "<html"); i >= 0 {
		return text[i:], ""
	}
	return "", line
}

// fromPython turns the dictionary that Python's SDKs print into JSON.
func fromPython(text string) (string, bool) {
	if !strings.HasPrefix(text, "{'") {
		return "", false
	}
	var b strings.Builder
	for i := 0; i < len(text) && i < 64<<10; i++ {
		switch c := text[i]; {
		case c == '\'' || c == '"':
			end := i + 1
			var s strings.Builder
			for ; end < len(text) && text[end] != c; end++ {
				if text[end] == '\\' && end+1 < len(text) {
					end++
				}
				s.WriteByte(text[end])
			}
			quoted, _ := json.Marshal(s.String())
			b.Write(quoted)
			i = end
		case strings.HasPrefix(text[i:], "None"):
			b.WriteString("null")
			i += 3
		case strings.HasPrefix(text[i:], "True"):
			b.WriteString("true")
			i += 3
		case strings.HasPrefix(text[i:], "False"):
			b.WriteString("false")
			i += 4
		default:
			b.WriteByte(c)
		}
	}
	var raw json.RawMessage
	if json.NewDecoder(strings.NewReader(b.String())).Decode(&raw) != nil {
		return "", false
	}
	return string(raw), true
}

var (
	smithyForm = regexp.MustCompile(`(?:^|[\s,:])(?:api error )?([A-Z][A-Za-z0-9]*(?:Exception|Error|Failure|Throttled|Throttling|SlowDown|Denied|Found|Exists|Exceeded|Limit)|Throttling|SlowDown)(?:Error)?: (.*)`)
	genaiForm  = regexp.MustCompile(`Message: (.*?), Status: ([A-Z_]*), Details: (.*)`)
	grpcForm   = regexp.MustCompile(`rpc error: code = (\w+) desc = (.*)`)
	googleForm = regexp.MustCompile(`googleapi: Error [0-9]+: (.*?)(?:, (\w+))?$`)
	kubeForm   = regexp.MustCompile(`Error from server \((\w+)\): (.*)`)
	botoForm   = regexp.MustCompile(`An error occurred \((\w+)\) when calling [^:]*: (.*)`)
	ownForm    = regexp.MustCompile(`steadyhttp: ([a-z_]+): ?(.*)`)
	delayForm  = regexp.MustCompile(`retryDelay:"?([0-9.]+s)`)
	quotaForm  = regexp.MustCompile(`quotaId:"?([A-Za-z0-9_-]+)`)
	resetForm  = regexp.MustCompile(`\[(?:rate reset in|retry after) ([0-9hms.]+)\]`)
)

// saying is a body that says what the text of an SDK's error says.
func saying(line, message string) string {
	said := map[string]any{}
	switch {
	case genaiForm.MatchString(line):
		m := genaiForm.FindStringSubmatch(line)
		said["message"], said["status"] = m[1], m[2]
		var details []any
		if id := quotaForm.FindStringSubmatch(m[3]); id != nil {
			violation := map[string]string{"quotaId": id[1]}
			details = append(details, map[string]any{"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": []any{violation}})
		}
		if delay := delayForm.FindStringSubmatch(m[3]); delay != nil {
			details = append(details, map[string]string{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay[1]})
		}
		if details != nil {
			said["details"] = details
		}
	case grpcForm.MatchString(line):
		m := grpcForm.FindStringSubmatch(line)
		said["status"], said["message"] = m[1], m[2]
	case googleForm.MatchString(line):
		m := googleForm.FindStringSubmatch(line)
		said["message"] = m[1]
		if m[2] != "" {
			said["errors"] = []any{map[string]string{"reason": m[2], "message": m[1]}}
		}
	case botoForm.MatchString(line):
		m := botoForm.FindStringSubmatch(line)
		said["code"], said["message"] = m[1], m[2]
	case kubeForm.MatchString(line):
		m := kubeForm.FindStringSubmatch(line)
		said["code"], said["message"] = m[1], m[2]
	case smithyForm.MatchString(line) && (strings.Contains(line, "operation error") || strings.Contains(line, "api error")):
		m := smithyForm.FindStringSubmatch(line)
		said["code"], said["message"] = m[1], m[2]
	default:
		if m := urlForm.FindStringIndex(message); m != nil && requestForm.MatchString(message) {
			message = strings.TrimLeft(message[m[1]:], `": `)
		}
		if _, after, ok := strings.Cut(message, "message: "); ok { // go-openai
			message = after
		}
		said["message"] = message
	}
	body, _ := json.Marshal(map[string]any{"error": said}) // strings and maps of them can always be written
	return string(body)
}

var (
	ownCode  = regexp.MustCompile(`[(, ]code ([^\s,)]+)`)
	ownAfter = regexp.MustCompile(`[(, ]retry after ([0-9hms.µn]+)`)
	ownID    = regexp.MustCompile(`[(, ]request ([^\s,)]+)\)?$`)
	ownBegin = regexp.MustCompile(`^([1-5][0-9]{2})(?: [A-Z][A-Za-z' -]*)?(?:: )?(.*)`)
)

// readOwn reads the text of this library's own error, and the waits in GitHub's.
func (seen *sighting) readOwn(line string) {
	if m := resetForm.FindStringSubmatch(line); m != nil {
		seen.retryAfter(m[1])
	}
	m := ownForm.FindStringSubmatch(line)
	if m == nil {
		return
	}
	seen.kind, seen.class = "an error of steadyhttp", m[1]
	rest := m[2]
	if begin := ownBegin.FindStringSubmatch(rest); begin != nil {
		seen.status, _ = strconv.Atoi(begin[1])
		seen.statusFrom, rest = "the text", begin[2]
	}
	said := map[string]string{}
	if i := strings.LastIndex(rest, " ("); i >= 0 && strings.HasSuffix(rest, ")") {
		more := rest[i+1:]
		rest = rest[:i]
		if m := ownCode.FindStringSubmatch(more); m != nil {
			said["code"] = m[1]
		}
		if m := ownAfter.FindStringSubmatch(more); m != nil {
			seen.retryAfter(m[1])
		}
		if m := ownID.FindStringSubmatch(more); m != nil {
			seen.header.Set("X-Request-Id", m[1])
		}
	}
	said["message"] = rest
	body, _ := json.Marshal(map[string]any{"error": said})
	seen.body = string(body)
}

// netErrors are the words of errors that come instead of a response, each with an
// error of that kind. A test compares them with what net/http's own are called.
var netErrors = []struct {
	words string
	err   error
}{
	{"context canceled", context.Canceled},
	{"operation was canceled", context.Canceled},
	{"context deadline exceeded", context.DeadlineExceeded},
	{"Client.Timeout exceeded", context.DeadlineExceeded},
	{"i/o timeout", os.ErrDeadlineExceeded},
	{"TLS handshake timeout", os.ErrDeadlineExceeded},
	{"timeout awaiting response headers", os.ErrDeadlineExceeded},
	{"connection timed out", syscall.ETIMEDOUT},
	{"ETIMEDOUT", syscall.ETIMEDOUT},
	{"read timed out", os.ErrDeadlineExceeded},
	{"no such host", &net.DNSError{IsNotFound: true}},
	{"Could not resolve host", &net.DNSError{IsNotFound: true}},
	{"ENOTFOUND", &net.DNSError{IsNotFound: true}},
	{"server misbehaving", &net.DNSError{IsTemporary: true}},
	{"failure in name resolution", &net.DNSError{IsTemporary: true}},
	{"EAI_AGAIN", &net.DNSError{IsTemporary: true}},
	{"server gave HTTP response to HTTPS client", http.ErrSchemeMismatch},
	{"x509: ", x509.UnknownAuthorityError{}},
	{"failed to verify certificate", x509.UnknownAuthorityError{}},
	{"SSL certificate problem", x509.UnknownAuthorityError{}},
	{"CERTIFICATE_VERIFY_FAILED", x509.UnknownAuthorityError{}},
	{"tls: ", tls.AlertError(40)},
	{"connection refused", &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}},
	{"ECONNREFUSED", &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}},
	{"Failed to connect to", &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}},
	{"connection reset by peer", syscall.ECONNRESET},
	{"ECONNRESET", syscall.ECONNRESET},
	{"socket hang up", io.ErrUnexpectedEOF},
	{"broken pipe", syscall.EPIPE},
	{"network is unreachable", syscall.ENETUNREACH},
	{"no route to host", syscall.EHOSTUNREACH},
	{"unexpected EOF", io.ErrUnexpectedEOF},
	{"server closed idle connection", errors.New("http: server closed idle connection")},
	{"use of closed network connection", net.ErrClosed},
	{"http2: client connection lost", errors.New("http2: client connection lost")},
	{"server sent GOAWAY and closed the connection", io.ErrUnexpectedEOF},
	{"stream error: stream ID", io.ErrUnexpectedEOF},
}

// A worded error is of the kind of another and has a text of its own.
type worded struct {
	error
	text string
}

func (w *worded) Error() string { return w.text }
func (w *worded) Unwrap() error { return w.error }

var endsInEOF = regexp.MustCompile(`": EOF\s*$|^EOF\s*$|: EOF\s*$`)

// netError returns an error of the kind that line tells of, nil if it tells of none.
func netError(line string) error {
	text := line + " " + curlSays(line)
	if endsInEOF.MatchString(strings.TrimSpace(text)) {
		return &worded{io.EOF, innermostText(line)}
	}
	for _, e := range netErrors {
		if strings.Contains(text, e.words) || strings.Contains(strings.ToLower(text), strings.ToLower(e.words)) && !strings.HasSuffix(e.words, " ") {
			return &worded{e.err, innermostText(line)}
		}
	}
	return nil
}

// innermostText is line without the request in front: its URL may hold a key.
func innermostText(line string) string {
	if m := requestForm.FindStringIndex(line); m != nil {
		line = strings.TrimLeft(line[m[1]:], `"': `)
	}
	return redact.Line(line, maxShown)
}
