package steadyhttp

import (
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"

	"github.com/steadyhttp/steadyhttp/internal/dialect"
)

// A Fate says what became of a request on the server, as far as the client can
// know. Together with the Class it decides whether the request may be sent
// again. The zero Fate is FateUnknown. String returns a stable lower-case name.
type Fate uint8

// The fates.
const (
	// FateUnknown: the server may have carried the request out. It is repeated
	// only if doing it twice does no harm.
	FateUnknown Fate = iota

	// FateNeverSent: nothing of the request was sent. The proof is httptrace: in
	// the whole attempt, a connection was asked for and no header was written. A
	// base that does not report to httptrace proves nothing. Nor does a failed
	// dial, because an inner wrapper may have made several attempts.
	FateNeverSent

	// FateRefused: the response says that the request was not carried out. That
	// is so for status 429, 529, 421 and 425, for a 503 that asks for a wait, for
	// the classes RateLimit and Overloaded under any status, and where the server
	// says that the request may be sent again.
	FateRefused

	// FateApplied: the request was carried out, and the caller has received a
	// part of the response. It is never repeated.
	FateApplied
)

// String returns the fate's name, such as "never sent".
func (f Fate) String() string {
	switch f {
	case FateNeverSent:
		return "never sent"
	case FateRefused:
		return "refused"
	case FateApplied:
		return "applied"
	}
	return "unknown"
}

// refused reports whether the answer itself shows that the request was not
// carried out.
func refused(e *Error) bool {
	switch {
	case e.repeat == dialect.Always, e.Class == RateLimit, e.Class == Overloaded:
		return true
	}
	switch e.Status {
	case http.StatusTooManyRequests, http.StatusMisdirectedRequest, http.StatusTooEarly, 529:
		return true
	case http.StatusServiceUnavailable:
		return e.RetryAfterSource != ""
	}
	return false
}

// evidence is what httptrace saw of one attempt, or of several that a wrapper
// further in made of it.
type evidence struct {
	host *url.URL // of the request

	asked atomic.Bool // somebody asked for a connection
	wrote atomic.Bool // somebody wrote a request's headers
	short atomic.Bool // its body ended before its length, or could not be read
}

// trace returns the hooks that collect the evidence.
func (s *evidence) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		GetConn:      s.getConn,
		WroteHeaders: func() { s.wrote.Store(true) },
	}
}

// watch has s see how the body of req, which is a copy of ours, is read. What
// net/http reports of a request that was not written whole does not tell a body
// that broke off from a connection that did.
func (s *evidence) watch(req *http.Request) {
	if hasBody(req) && req.GetBody != nil && req.ContentLength > 0 {
		req.Body = &watchedBody{ReadCloser: req.Body, left: req.ContentLength, evidence: s}
	}
}

type watchedBody struct {
	io.ReadCloser
	left     int64 // of its length; its reader's own
	closed   atomic.Bool
	evidence *evidence
}

func (b *watchedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.left -= int64(n)
	if err != nil && b.left > 0 && !b.closed.Load() {
		b.evidence.short.Store(true)
	}
	return n, err
}

// Close comes early where the connection broke, and what is read then fails
// for that reason.
func (b *watchedBody) Close() error {
	b.closed.Store(true)
	return b.ReadCloser.Close()
}

// getConn notes that a connection is wanted. One to another host is a
// stranger's, for a token or a proxy, and says nothing about the request.
func (s *evidence) getConn(hostPort string) {
	host, _, err := net.SplitHostPort(hostPort)
	if err == nil && s.host != nil && strings.EqualFold(host, s.host.Hostname()) {
		s.asked.Store(true)
	}
}

// never reports whether the request was provably never sent. A nil evidence
// proves nothing.
func (s *evidence) never() bool {
	return s != nil && s.asked.Load() && !s.wrote.Load()
}
