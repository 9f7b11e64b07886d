package main

import (
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"unicode"
)

// statusForms are how error texts and the lines of others' logs say the status, the
// surest first. A number alone is none.
var statusForms = []*regexp.Regexp{
	regexp.MustCompile(`HTTP/[0-9](?:\.[0-9])?"? ([1-5][0-9]{2})\b`),
	regexp.MustCompile(`(?i)\b(?:http[ _.]?)?(?:response[ _.])?status(?:[ _]?code)?["']?\s*[:=]?\s*["']?([1-5][0-9]{2})\b`),
	regexp.MustCompile(`(?i)\b(?:error code|response code|http response code|http(?: error)?|api error|returned error|unexpected response|http_status)\s*[:=]?\s*([1-5][0-9]{2})\b`),
	regexp.MustCompile(`\b[Ee](?:rror|RROR)(?:: \(|[: ]+)([1-5][0-9]{2})(?:[,:.)]|$)`),
	regexp.MustCompile(`^\s*(404) page not found\s*$`),                // the body of net/http's NotFound
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
	urlField    = regexp.MustCompile(`(?i)\burl["']?[=:]\s*["']?(https?://[^\s"']+)`)
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
	if m := urlField.FindStringSubmatch(text); m != nil {
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
	seen := &sighting{kind: anErrorText, answer: newAnswer(0, http.Header{}, ""), late: true}
	lines := strings.SplitAfter(text, "\n")
	first := seen.find(lines)
	if first > 0 || strings.Contains(text, "goroutine ") {
		seen.kind = aTextWithError
	}
	rest := beginning(strings.Join(lines[first:], ""))
	line := beginning(strings.TrimSpace(lines[first]))
	seen.asked = requestOf(rest)
	if seen.asked.host == "" {
		seen.asked = requestOf(beginning(text))
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
// status or error. If none does, it is the first of an access log, or the first.
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
		case n != 0 && seen.status == 0 && logForm.MatchString(line): // elsewhere it may be the one that was hoped for
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

// maxLine is the longest line of a text in which an error is looked for, and how
// much is read of what follows it.
const maxLine = 64 << 10

func beginning(s string) string { return s[:min(len(s), maxLine)] }

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
	if letters := strings.FieldsFunc(nothing.ReplaceAllString(left, ""), func(r rune) bool { return !unicode.IsLetter(r) }); len(strings.Join(letters, "")) < 4 {
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
