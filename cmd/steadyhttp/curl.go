package main

import (
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

var (
	curlVerbose = regexp.MustCompile(`(?m)^(?:< HTTP/[0-9]|> [A-Z]+ \S+ HTTP/[0-9]|\* (?:Host |Connected to |Trying |  Trying |Could not resolve|connect to |Failed to connect))`)
	curlRequest = regexp.MustCompile(`^> ([A-Z]+) (\S+) HTTP/`)
	curlFailed  = regexp.MustCompile(`(?m)^(?:curl: .*|\* (?:Could not resolve|connect to .* failed|Failed to connect|Operation timed out|SSL certificate|Empty reply|Recv failure|OpenSSL ).*)`)
)

// readCurl reads what curl -v prints, of several exchanges the last. The lines of
// the response begin with <, those of the request with >, and what curl tells with *
// or, of TLS, with braces; the rest is the body.
func readCurl(text string) *sighting {
	seen := &sighting{kind: curlOutput}
	var head, body strings.Builder
	responding := false
	for line := range strings.Lines(text) {
		bare := strings.TrimRight(line, "\r\n")
		switch {
		case strings.HasPrefix(line, "> "):
			if m := curlRequest.FindStringSubmatch(bare); m != nil {
				seen.asked = request{method: m[1], sent: http.Header{}}
				if u, err := url.Parse(m[2]); err == nil {
					seen.asked.path, seen.asked.host = u.Path, u.Host
				}
				head.Reset()
				body.Reset()
				responding = false
			} else if name, value, ok := headerLine(strings.TrimPrefix(bare, "> ")); ok && seen.asked.sent != nil {
				if name == "Host" {
					seen.asked.host = value
				} else {
					seen.asked.sent.Add(name, value)
				}
			}
		case strings.HasPrefix(line, "< "):
			if strings.HasPrefix(line, "< HTTP/") {
				head.Reset()
				body.Reset()
			}
			responding = true
			head.WriteString(strings.TrimPrefix(bare, "< ") + "\n")
		case bare == "<", bare == ">":
		case strings.HasPrefix(line, "* "), strings.HasPrefix(line, "{ ["), strings.HasPrefix(line, "} ["), strings.HasPrefix(line, "curl: "):
		case responding:
			body.WriteString(line)
		}
	}
	if a, err := readResponse(head.String() + "\n" + body.String()); err == nil {
		seen.answer = a
		return seen
	}
	if said := curlFailed.FindAllString(text, -1); said != nil {
		seen.err = netError(said[len(said)-1])
	}
	return seen
}

// curlCodes are curl's exit codes by what lies behind them, in net/http's words.
var curlCodes = map[int]string{
	5: "proxyconnect tcp: no such host", 6: "no such host", 7: "connection refused", 18: "unexpected EOF", 28: "context deadline exceeded",
	35: "tls: handshake failure", 51: "x509: certificate", 52: "EOF", 55: "connection reset by peer", 56: "connection reset by peer",
	60: "x509: certificate", 92: "stream error: stream ID", 16: "stream error: stream ID",
}

var curlCode = regexp.MustCompile(`curl: \((\d+)\)`)

// curlSays is what curl's exit code in text stands for, "" if there is none.
func curlSays(text string) string {
	m := curlCode.FindStringSubmatch(text)
	if m == nil {
		return ""
	}
	n, _ := strconv.Atoi(m[1])
	return curlCodes[n]
}
