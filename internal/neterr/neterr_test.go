package neterr

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"syscall"
	"testing"
)

func TestKindOfTypedErrors(t *testing.T) {
	for _, row := range []struct {
		name string
		err  error
		want Kind
	}{
		{"the server raises an alert", &net.OpError{Op: "remote error", Err: errors.New("tls: handshake failure")}, TLS},
		{"we raise an alert", &net.OpError{Op: "local error", Err: errors.New("tls: unexpected message")}, TLS},
		{"a read that breaks", &net.OpError{Op: "read", Err: syscall.ECONNRESET}, Connection},
		{"a host name that does not exist", &net.DNSError{IsNotFound: true}, NoSuchHost},
		{"a name server that fails", &net.DNSError{IsTemporary: true}, Connection},
		{"a name server that does not answer", &net.DNSError{IsTimeout: true}, Timeout},
		{"a timeout below others", fmt.Errorf("a: %w", errors.Join(io.EOF, os.ErrDeadlineExceeded)), Timeout},
		{"the caller gives up", fmt.Errorf("a: %w", context.Canceled), Canceled},
		{"nothing", nil, Other},
	} {
		if got := KindOf(row.err); got != row.want {
			t.Errorf("%s: got kind %d, want %d", row.name, got, row.want)
		}
	}
}

func TestUnreachable(t *testing.T) {
	for _, row := range []struct {
		name        string
		err         error
		host, proxy bool
	}{
		{"a dial that fails", &net.OpError{Op: "dial", Err: errors.New("odd")}, true, false},
		{"a dial to the proxy that fails", &net.OpError{Op: "proxyconnect", Err: errors.New("odd")}, true, true},
		{"a read that breaks", &net.OpError{Op: "read", Err: syscall.ECONNRESET}, false, false},
		{"a name that is not found", &url.Error{Op: "Get", Err: &net.DNSError{IsNotFound: true}}, true, false},
		{"refused, said by a dialer of one's own", fmt.Errorf("my dialer: %w", syscall.ECONNREFUSED), true, false},
		{"the connection is lost", io.ErrUnexpectedEOF, false, false},
		{"nothing", nil, false, false},
	} {
		if host, proxy := Unreachable(row.err), ProxyUnreachable(row.err); host != row.host || proxy != row.proxy {
			t.Errorf("%s: got unreachable %t, the proxy %t, want %t, %t", row.name, host, proxy, row.host, row.proxy)
		}
	}
}
