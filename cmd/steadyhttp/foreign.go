package main

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
)

// readJSON reads a JSON value that is no entry of this library's Logger: a HAR or a
// part of one, a log entry of somebody else, or the body of a response. It returns
// nil for several values in a row, none of which failed.
func readJSON(text string) *sighting {
	var v any
	if json.Unmarshal([]byte(text), &v) != nil {
		return readJSONLines(text)
	}
	if s, ok := v.(string); ok { // a value that was quoted once more
		return readErrorText(s)
	}
	if m, ok := v.(map[string]any); ok {
		if seen := readHAR(m); seen != nil {
			return seen
		}
		if seen := readLogLine(m); seen != nil {
			return seen
		}
	}
	return stated(&sighting{kind: aBody, answer: newAnswer(0, http.Header{}, text)})
}

// readJSONLines reads the last line of a log that tells of a failure.
func readJSONLines(text string) *sighting {
	var last *sighting
	n := 0
	for line := range strings.Lines(text) {
		var m map[string]any
		if i := strings.IndexByte(line, '{'); i < 0 || json.Unmarshal([]byte(line[i:]), &m) != nil {
			continue
		}
		n++
		if seen := readLogLine(m); seen != nil && seen.fails() {
			last = seen
		}
	}
	if last != nil && n > 1 {
		last.notes = append(last.notes, "Of several log entries, this is the last that tells of a failure.")
	}
	return last
}

func (seen *sighting) fails() bool { return seen.err != nil || seen.status >= 400 || seen.body != "" }

// readHAR reads an entry of a HAR, or the last one that failed of a whole one.
func readHAR(m map[string]any) *sighting {
	if entries, ok := at(m, "log", "entries").([]any); ok {
		var found *sighting
		for _, e := range entries {
			entry, _ := e.(map[string]any)
			if seen := readHAR(entry); seen != nil && (found == nil || seen.status >= 400 || seen.err != nil) {
				found = seen
			}
		}
		if found != nil && len(entries) > 1 {
			found.notes = append(found.notes, "Of several entries, this is the last one that failed, or the first.")
		}
		return found
	}
	asked, _ := m["request"].(map[string]any)
	resp, _ := m["response"].(map[string]any)
	url, _ := asked["url"].(string)
	status, numeric := resp["status"].(float64)
	if url == "" || !numeric || resp["headers"] == nil {
		return nil
	}
	method, _ := asked["method"].(string)
	seen := &sighting{kind: harEntry, asked: requestTo(strings.ToUpper(method), url), late: true}
	seen.at = fields(m).when("startedDateTime")
	seen.asked.sent = pairs(asked["headers"])
	if status == 0 {
		said, _ := m["_error"].(string)
		if said == "" {
			said, _ = resp["_error"].(string)
		}
		seen.err = browserError(said)
		if seen.err == nil {
			seen.notes = append(seen.notes, "Its status is 0: the browser got no response, or was not allowed to show it.")
		}
		seen.answer = newAnswer(0, http.Header{}, "")
		return seen
	}
	body, _ := at(resp, "content", "text").(string)
	if at(resp, "content", "encoding") == "base64" {
		if plain, err := base64.StdEncoding.DecodeString(body); err == nil {
			body = string(plain)
		}
	}
	body, _ = unzipped(body)
	seen.answer = newAnswer(int(status), pairs(resp["headers"]), body)
	return seen
}

// browserError understands Chrome's names for errors.
func browserError(said string) error {
	for name, words := range map[string]string{
		"CONNECTION_REFUSED": "connection refused", "CONNECTION_RESET": "connection reset by peer", "NAME_NOT_RESOLVED": "no such host",
		"TIMED_OUT": "i/o timeout", "CERT_": "x509: ", "SSL_": "tls: ", "ABORTED": "context canceled", "EMPTY_RESPONSE": "unexpected EOF", "CONNECTION_CLOSED": "unexpected EOF",
	} {
		if strings.Contains(said, name) {
			return &worded{netError(words), said}
		}
	}
	return nil
}

// pairs reads headers as a list of names and values, or as an object.
func pairs(v any) http.Header {
	h := http.Header{}
	add := func(name string, value any) {
		if line, ok := value.(string); ok {
			if name, line, ok := headerLine(name + ": " + line); ok {
				h.Add(name, line)
			}
		}
	}
	switch v := v.(type) {
	case []any:
		for _, p := range v {
			m, _ := p.(map[string]any)
			name, _ := m["name"].(string)
			add(name, m["value"])
		}
	case map[string]any:
		for name, value := range v {
			if list, ok := value.([]any); ok {
				for _, one := range list {
					add(name, one)
				}
				continue
			}
			add(name, value)
		}
	}
	return h
}

// The names that others' logs have for what matters here, in lower case, with dots
// for objects within objects.
var (
	levelNames  = []string{"level", "severity", "lvl", "loglevel", "log.level"}
	statusNames = []string{
		"status", "status_code", "statuscode", "http.status", "http.status_code", "http.response.status_code", "response.status", "response.status_code",
		"response.statuscode", "res.statuscode", "res.status", "http_status", "response_code", "httprequest.status", "code", "error.status", "err.status",
		"error.statuscode", "err.statuscode", "err.response.status", "error.response.status",
	}
	urlNames = []string{
		"url", "url.full", "http.url", "request.url", "req.url", "httprequest.requesturl", "request_url", "uri", "endpoint", "target", "config.url", "err.config.url",
		"error.config.url",
	}
	hostNames   = []string{"host", "server.address", "http.host", "req.host", "request.host", "net.peer.name"}
	pathNames   = []string{"path", "url.path", "http.target", "request_uri", "req.path", "request.path", "uri"}
	methodNames = []string{"method", "http.method", "http.request.method", "request.method", "req.method", "httprequest.requestmethod", "request_method", "verb"}
	bodyNames   = []string{
		"body", "response_body", "response.body", "resp_body", "responsebody", "http.response.body", "http.response.body.content", "res.body", "response.data", "err.response.data",
		"error.response.data", "response",
	}
	headerNames = []string{"headers", "response.headers", "response_headers", "res.headers", "http.response.headers", "resp_headers", "error.headers", "err.headers"}
	errorNames  = []string{"error", "err", "exception", "error.message", "err.message", "error_message", "exception.message", "errmsg", "reason", "cause", "stack", "msg", "message", "textpayload"}
)

// readLogLine reads a log entry of somebody else: one that has a level, or a request.
// It returns nil for what may as well be a body.
func readLogLine(m map[string]any) *sighting {
	flat := map[string]any{}
	flatten(flat, "", m, 0)
	asked, complete := requestIn(flat)
	if !complete && pick(flat, levelNames) == nil {
		return nil
	}
	seen := &sighting{kind: logEntryOfOthers, asked: asked, late: true}
	seen.at = fields(m).when("ts", "time", "timestamp", "@timestamp", "T")
	status, body := entryStatus(flat), entryBody(flat)
	seen.answer = newAnswer(status, pairs(pick(flat, headerNames)), body)
	seen.statusFrom = "the entry"
	if status == 0 || body == "" && status >= 400 {
		seen.readWords(flat)
	}
	return seen
}

// requestIn is the request that an entry names. complete says that it names method and
// URL, as hardly anything but a log entry does.
func requestIn(flat map[string]any) (asked request, complete bool) {
	url, _ := pick(flat, urlNames).(string)
	method, _ := pick(flat, methodNames).(string)
	asked = requestTo(strings.ToUpper(method), url)
	if host, _ := pick(flat, hostNames).(string); asked.host == "" {
		asked.host = host
	}
	if path, _ := pick(flat, pathNames).(string); asked.path == "" && strings.HasPrefix(path, "/") {
		asked.path = path
	}
	if !methodForm.MatchString(asked.method) {
		asked.method = ""
	}
	if !hostForm.MatchString(asked.host) {
		asked.host = ""
	}
	return asked, url != "" && method != ""
}

// entryStatus is the status that an entry names, that of a failure first; 0 if it names
// none.
func entryStatus(flat map[string]any) int {
	for _, name := range statusNames {
		if status := statusIn(flat[name]); status != 0 {
			return status
		}
	}
	status := 0
	for _, name := range statusNames {
		if n, ok := flat[name].(float64); ok && status == 0 && 100 <= n && n < 400 && name != "code" {
			status = int(n)
		}
	}
	return status
}

func entryBody(flat map[string]any) string {
	switch v := pick(flat, bodyNames).(type) {
	case string:
		return v
	case map[string]any, []any:
		raw, _ := json.Marshal(v)
		return string(raw)
	}
	return ""
}

// readWords reads what an entry does not have in members of their own from the words of
// its error.
func (seen *sighting) readWords(flat map[string]any) {
	entryHas, hasBody := seen.status, seen.body != ""
	for _, name := range errorNames {
		said, _ := flat[name].(string)
		if said == "" {
			continue
		}
		inner := readErrorText(said)
		if inner.status == 0 && inner.err == nil && inner.body == "" {
			continue
		}
		switch {
		case entryHas != 0:
		case inner.err != nil:
			seen.err = inner.err
		case inner.status != 0:
			seen.status = inner.status
		}
		if !hasBody {
			hasBody, seen.body, seen.bare = inner.body != "", inner.body, false
		}
		seen.class = inner.class
		if seen.asked.host == "" {
			seen.asked = inner.asked
		}
		for name, values := range inner.header {
			if seen.header.Get(name) == "" {
				seen.header[name] = values
			}
		}
		if seen.status != 0 || seen.err != nil {
			return
		}
	}
}

// maxNesting bounds the objects within objects whose members are read.
const maxNesting = 4

func flatten(to map[string]any, under string, m map[string]any, depth int) {
	for name, v := range m {
		name = under + strings.ToLower(name)
		to[name] = v
		if inner, ok := v.(map[string]any); ok && depth < maxNesting {
			flatten(to, name+".", inner, depth+1)
		}
	}
}

// pick returns the first of several members that there is.
func pick(m map[string]any, names []string) any {
	for _, name := range names {
		if v := m[name]; v != nil && v != "" {
			return v
		}
	}
	return nil
}
