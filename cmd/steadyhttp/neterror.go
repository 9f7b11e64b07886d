package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"strings"
	"syscall"

	"github.com/steadyhttp/steadyhttp/internal/redact"
)

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
