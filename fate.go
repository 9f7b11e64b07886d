package steadyhttp

import (
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"
	"unicode/utf8"

	"github.com/steadyhttp/steadyhttp/internal/neterr"
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

	// FateNeverSent: nothing of the request was sent. The proof is what net/http
	// reports through httptrace: in the whole attempt it asked for a connection, to
	// the host or to its proxy, and wrote no header. A Base that does not report to
	// httptrace proves nothing. A failed dial alone proves nothing either, because
	// an inner wrapper may have made several attempts; of a PUT or DELETE right over an
	// http.Transport, which makes one, it is proof.
	FateNeverSent

	// FateRefused: the response proves that the request was not carried out. Status
	// 429, 421 and 425 prove it, unless the body counts or lists parts of the request
	// that were done. So do answers of a provider's own hosts, where the provider
	// documents it: codes for rate limits, GitHub's secondary limits, Anthropic's
	// overloaded_error. A 503 that asks for a wait proves nothing, since caches and
	// proxies send it after a server has done the work. X-Should-Retry: true asks for a
	// repeat, and does not say that nothing was done. A 529 from anybody else, and the
	// words of a message, may decide the Class, but never the Fate.
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

// refused reports whether the answer itself proves that the request was not
// carried out.
func refused(e *Error) bool {
	if e.partial {
		return false
	}
	switch e.Status {
	case http.StatusTooManyRequests, http.StatusMisdirectedRequest, http.StatusTooEarly:
		return true
	}
	return e.refused
}

// evidence is what httptrace saw of one attempt, or of several that a wrapper
// further in made of it.
type evidence struct {
	host *url.URL // of the request

	asked     atomic.Bool            // somebody asked for a connection to that host
	elsewhere atomic.Pointer[string] // the other host to which somebody asked for one: a proxy, or a stranger's
	connected atomic.Bool            // a connection was made, to whomever
	badTLS    atomic.Bool            // a TLS handshake failed
	got       atomic.Bool            // a connection could be used
	wrote     atomic.Bool            // somebody wrote a request's headers
	short     atomic.Bool            // its body ended before its length, or could not be read
}

// trace returns the hooks that collect the evidence.
func (s *evidence) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		GetConn: s.getConn,
		ConnectDone: func(_, _ string, err error) {
			if err == nil {
				s.connected.Store(true)
			}
		},
		TLSHandshakeDone: func(_ tls.ConnectionState, err error) {
			if err != nil {
				s.badTLS.Store(true)
			}
		},
		GotConn:      func(httptrace.GotConnInfo) { s.got.Store(true) },
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

// getConn notes that a connection is wanted. One to another host is to a proxy, or
// a stranger's, for a token: by itself it says nothing about the request.
func (s *evidence) getConn(hostPort string) {
	host, _, err := net.SplitHostPort(hostPort)
	switch {
	case err != nil || s.host == nil:
	case sameHost(host, s.host.Hostname()):
		s.asked.Store(true)
	default:
		s.elsewhere.Store(&host)
	}
}

// sameHost reports whether net/http asks for host where a URL names it so. It has
// names in other scripts in their ASCII form, whose labels begin with xn--; which
// name that is need not be worked out, since labels in ASCII stay as they are.
func sameHost(host, named string) bool {
	if strings.EqualFold(host, named) {
		return true
	}
	labels, names := strings.Split(host, "."), strings.Split(named, ".")
	if len(labels) != len(names) {
		return false
	}
	for i, name := range names {
		inASCII := strings.IndexFunc(name, func(r rune) bool { return r >= utf8.RuneSelf }) < 0
		if inASCII && !strings.EqualFold(labels[i], name) || !inASCII && !strings.HasPrefix(labels[i], "xn--") {
			return false
		}
	}
	return true
}

// never reports whether the request, which failed with err and went to next, was
// provably never sent. A nil evidence proves nothing. Where a connection was asked
// for to another host, it must be the proxy's: as err says, or as the base does.
func (s *evidence) never(req *http.Request, next http.RoundTripper, err error) bool {
	if s == nil || s.wrote.Load() {
		return false
	}
	if s.asked.Load() {
		return true
	}
	host := s.elsewhere.Load()
	if host == nil {
		return false
	}
	if neterr.ProxyUnreachable(err) || s.refusedConnect(req, err) {
		return true
	}
	proxy := proxyOf(next, req)
	return proxy != nil && sameHost(*host, proxy.Hostname())
}

// neverDialed reports whether err proves, without evidence, that a PUT or a DELETE was
// not sent: no connection could be made, and the base is an http.Transport below no
// wrappers but ours that send once. It repeats such a request by itself only as long as
// nothing of it was written.
func neverDialed(next http.RoundTripper, err error) bool {
	if !neterr.Unreachable(err) {
		return false
	}
	for range maxLinks {
		switch rt := next.(type) {
		case *http.Transport:
			return true
		case *link:
			switch rt.wrapper.(type) {
			case *Retrier, *Failover:
				return false
			}
			next = rt.next
		case *Throttler:
			next = rt.base()
		case *Classifier:
			next = rt.base()
		default:
			return false
		}
	}
	return false
}

// judge puts into e, the verdict on err, what s shows of it.
func (s *evidence) judge(e *Error, req *http.Request, next http.RoundTripper, err error) {
	if e.Class == Unknown && s.refusedConnect(req, err) {
		e.Class, e.Hint = Connection, "The proxy did not connect to the host: "+Connection.sheet().hint
	}
	if s.never(req, next, err) {
		e.Fate = FateNeverSent
	}
}

// refusedConnect reports whether a proxy refused to connect to req's host, for a
// reason that may pass. The evidence: a connection was made and never could be
// used, although no handshake failed, nothing was written, and the error is a mere
// text. A nil evidence proves it only where the text is a status's own.
func (s *evidence) refusedConnect(req *http.Request, err error) bool {
	phrase, ok := neterr.Plain(err)
	if !ok || req.URL == nil || req.URL.Scheme != "https" {
		return false
	}
	possible, certain := neterr.RefusedConnect(phrase)
	if s == nil {
		return certain
	}
	return possible && s.connected.Load() && !s.badTLS.Load() && !s.got.Load() && !s.wrote.Load()
}

// mayBeRefusedConnect reports whether the same may be so of an attempt that
// nobody watched.
func mayBeRefusedConnect(req *http.Request, next http.RoundTripper, err error) bool {
	phrase, ok := neterr.Plain(err)
	if !ok || req.URL == nil || req.URL.Scheme != "https" {
		return false
	}
	possible, _ := neterr.RefusedConnect(phrase)
	return possible && proxyOf(next, req) != nil
}

// proxyOf returns the proxy by which an http.Transport further in sends req; nil if
// there is none, and where a stranger does not show what it wraps.
func proxyOf(next http.RoundTripper, req *http.Request) *url.URL {
	for range maxLinks {
		switch rt := next.(type) {
		case *http.Transport:
			if rt.Proxy == nil {
				return nil
			}
			proxy, err := rt.Proxy(req)
			if err != nil {
				return nil
			}
			return proxy
		case interface{ WrappedRoundTripper() http.RoundTripper }:
			next = rt.WrappedRoundTripper()
		default:
			return nil
		}
	}
	return nil
}

// onlyIfCached reports whether req asks for nothing but what a cache has: its 504
// then says that none has it (RFC 9111, 5.2.1.7).
func onlyIfCached(req *http.Request) bool {
	for _, line := range req.Header["Cache-Control"] {
		for directive := range strings.SplitSeq(line, ",") {
			if strings.EqualFold(strings.TrimSpace(directive), "only-if-cached") {
				return true
			}
		}
	}
	return false
}

// origin of a URL as RFC 6454 has it: scheme, host and port.
func sameOrigin(a, b *http.Request) bool {
	return a.URL != nil && b.URL != nil && a.URL.Scheme == b.URL.Scheme && strings.EqualFold(hostOf(a), hostOf(b))
}

// redirectedAway reports whether req follows a redirect that left its origin, at
// whatever hop. Such a request, and what http.Client strips from it, is the
// stranger's whom it leads to, or whose choice it is. A hop that a fake does not
// name could have been anybody's.
func redirectedAway(req *http.Request) bool {
	for hop := req; hop.Response != nil; hop = hop.Response.Request {
		if hop.Response.Request == nil || !sameOrigin(req, hop.Response.Request) {
			return true
		}
	}
	return false
}
