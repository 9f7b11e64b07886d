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

// netErrors are the words of errors that come instead of a response, in lower case,
// each with an error of that kind. A test compares them with what net/http's own are called.
var netErrors = []struct {
	words string
	err   error
}{
	{"context canceled", context.Canceled},
	{"operation was canceled", context.Canceled},
	{"context deadline exceeded", context.DeadlineExceeded},
	{"client.timeout exceeded", context.DeadlineExceeded},
	{"i/o timeout", os.ErrDeadlineExceeded},
	{"tls handshake timeout", os.ErrDeadlineExceeded},
	{"timeout awaiting response headers", os.ErrDeadlineExceeded},
	{"connection timed out", syscall.ETIMEDOUT},
	{"etimedout", syscall.ETIMEDOUT},
	{"read timed out", os.ErrDeadlineExceeded},
	{"no such host", &net.DNSError{IsNotFound: true}},
	{"could not resolve host", &net.DNSError{IsNotFound: true}},
	{"enotfound", &net.DNSError{IsNotFound: true}},
	{"server misbehaving", &net.DNSError{IsTemporary: true}},
	{"failure in name resolution", &net.DNSError{IsTemporary: true}},
	{"eai_again", &net.DNSError{IsTemporary: true}},
	{"server gave http response to https client", http.ErrSchemeMismatch},
	{"x509: ", x509.UnknownAuthorityError{}},
	{"failed to verify certificate", x509.UnknownAuthorityError{}},
	{"ssl certificate problem", x509.UnknownAuthorityError{}},
	{"certificate_verify_failed", x509.UnknownAuthorityError{}},
	{"tls: ", tls.AlertError(40)},
	{"connection refused", &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}},
	{"econnrefused", &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}},
	{"failed to connect to", &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}},
	{"connection reset by peer", syscall.ECONNRESET},
	{"econnreset", syscall.ECONNRESET},
	{"socket hang up", io.ErrUnexpectedEOF},
	{"broken pipe", syscall.EPIPE},
	{"network is unreachable", syscall.ENETUNREACH},
	{"no route to host", syscall.EHOSTUNREACH},
	{"actively refused it", syscall.ECONNREFUSED}, // Windows
	{"forcibly closed by the remote host", syscall.ECONNRESET},
	{"http2: transport: cannot retry err [", io.ErrUnexpectedEOF},
	{"unexpected eof", io.ErrUnexpectedEOF},
	{"ssl_error_syscall", io.ErrUnexpectedEOF}, // OpenSSL's, where the other side went away
	{"server closed idle connection", errors.New("http: server closed idle connection")},
	{"use of closed network connection", net.ErrClosed},
	{"http2: client connection lost", errors.New("http2: client connection lost")},
	{"server sent goaway and closed the connection", io.ErrUnexpectedEOF},
	{"stream error: stream id", io.ErrUnexpectedEOF},
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
	for _, text := range [...]string{line, curlSays(line)} { // curl has one code for all that goes wrong in a handshake
		if endsInEOF.MatchString(strings.TrimSpace(text)) {
			return &worded{io.EOF, innermostText(line)}
		}
		lower := strings.ToLower(text)
		for _, e := range netErrors {
			if strings.Contains(lower, e.words) {
				return &worded{e.err, innermostText(line)}
			}
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
