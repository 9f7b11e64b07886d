// Package neterr tells what kind of failure an error of net/http is. It goes by
// types, by a type's name where net/http does not export it, and by its exact text
// where it has no type.
package neterr

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"syscall"
)

// A Kind is what lies behind an error. The zero Kind is Other.
type Kind uint8

// The kinds.
const (
	Other      Kind = iota
	Canceled        // the caller gave up
	Timeout         // time ran out, on whatever side
	NoSuchHost      // the host name does not exist
	TLS             // a certificate or a handshake that will not heal
	Connection      // refused, reset, closed, DNS
)

// KindOf returns the Kind of err.
func KindOf(err error) Kind {
	var dns *net.DNSError
	switch {
	case errors.Is(err, context.Canceled):
		return Canceled
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return Timeout
	case errors.As(err, &dns) && dns.IsNotFound:
		return NoSuchHost
	case timedOut(err):
		return Timeout
	case isTLS(err):
		return TLS
	case isConnection(err):
		return Connection
	}
	return Other
}

// Unreachable reports whether no connection could be made, to the host or to the
// proxy before it. It says nothing of other errors.
func Unreachable(err error) bool {
	var (
		op  *net.OpError
		dns *net.DNSError
	)
	if errors.As(err, &op) && (op.Op == "dial" || op.Op == "proxyconnect") || errors.As(err, &dns) {
		return true
	}
	for _, e := range []error{syscall.ECONNREFUSED, syscall.EHOSTUNREACH, syscall.ENETUNREACH} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// timedOut reports whether any error of the tree says so. errors.As would stop
// at the first that has a Timeout method, and url.Error and net.OpError ask
// only the error right below them.
func timedOut(err error) bool {
	return anyIn(err, func(err error) bool {
		t, ok := err.(interface{ Timeout() bool })
		return ok && t.Timeout()
	})
}

// anyIn reports whether that is so of an error in err's tree.
func anyIn(err error, is func(error) bool) bool {
	if err == nil {
		return false
	}
	if is(err) {
		return true
	}
	switch e := err.(type) {
	case interface{ Unwrap() error }:
		return anyIn(e.Unwrap(), is)
	case interface{ Unwrap() []error }:
		return slices.ContainsFunc(e.Unwrap(), func(err error) bool { return anyIn(err, is) })
	}
	return false
}

// streamError is what net/http's own, unexported error for an HTTP/2 stream
// that was reset lets errors.As see (net/http/h2_error.go).
type streamError struct {
	StreamID uint32
	Code     uint32
	Cause    error
}

func (streamError) Error() string { return "stream error" }

func isTLS(err error) bool {
	if errors.Is(err, http.ErrSchemeMismatch) { // http.Client's word for HTTPS to a server without TLS
		return true
	}
	// Alerts are an unexported type inside an OpError that names who raised them.
	var op *net.OpError
	if errors.As(err, &op) && (op.Op == "remote error" || op.Op == "local error") {
		return true
	}
	var (
		verify    *tls.CertificateVerificationError
		record    tls.RecordHeaderError
		alert     tls.AlertError
		authority x509.UnknownAuthorityError
		host      x509.HostnameError
		invalid   x509.CertificateInvalidError
	)
	return errors.As(err, &verify) || errors.As(err, &record) || errors.As(err, &alert) ||
		errors.As(err, &authority) || errors.As(err, &host) || errors.As(err, &invalid)
}

func isConnection(err error) bool {
	var (
		op     *net.OpError
		dns    *net.DNSError
		stream streamError
	)
	if errors.As(err, &op) || errors.As(err, &dns) || errors.As(err, &stream) || untypedConnection(err) {
		return true
	}
	for _, e := range []error{
		io.EOF, io.ErrUnexpectedEOF, io.ErrClosedPipe, net.ErrClosed,
		syscall.ECONNREFUSED, syscall.ECONNRESET, syscall.ECONNABORTED, syscall.EPIPE,
		syscall.EHOSTUNREACH, syscall.ENETUNREACH,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
