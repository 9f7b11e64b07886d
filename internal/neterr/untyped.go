package neterr

import (
	"net"
	"net/http"
	"net/url"
	"reflect"
	"strings"
)

// net/http does not export the types of these errors, so a type's name tells. Go
// has them in net/http, and golang.org/x/net/http2 as well.
//
// http.nothingWrittenError is not among them: what it wraps may be the request's
// body, which ended before its length. Nor is http.http2ConnectionError: a peer that
// breaks the rules of HTTP/2 does so on the next connection too.
var connectionTypes = map[string]bool{
	"http.http2GoAwayError":             true, // the server closed the connection after it had said so
	"http2.GoAwayError":                 true,
	"http.http2noCachedConnError":       true,
	"http2.noCachedConnError":           true,
	"http.transportReadFromServerError": true, // whatever a net.Conn of the caller's own returned
}

// Others have no type of their own. These are their texts in Go 1.26; a test fails
// where a Go version words them differently.
//
// Left out are those about what a peer said or what the caller set, since no other
// connection changes it (malformed responses, headers that are too large, a
// protocol that nobody negotiated), "net/http: request canceled", since the request's
// context and clock tell whether that was a timeout, and those that no RoundTrip
// returns.
var connectionTexts = map[string]bool{
	"http2: client connection lost":                               true, // no answer to a ping
	"http2: client conn is closed":                                true,
	"http2: client conn not usable":                               true,
	"http2: client conn could not be established":                 true,
	"http2: client connection force closed via ClientConn.Close":  true,
	"http2: Transport received Server's graceful shutdown GOAWAY": true,
	"http: server closed idle connection":                         true,
	"http: CloseIdleConnections called":                           true,
	"http: idle connection timeout":                               true,
	"http: persistConn.readLoop exiting":                          true,
	"http: unexpected EOF reading trailer":                        true,
	"net/http: cannot rewind body after connection loss":          true,
}

// Those of which the beginning tells.
var connectionPrefixes = []string{
	"http2: Transport: cannot retry err [", // the connection went, and there is no GetBody
	goAwayText + "INTERNAL_ERROR",
	goAwayText + "REFUSED_STREAM",
	goAwayText + "CANCEL",
	goAwayText + "ENHANCE_YOUR_CALM",
}

// goAwayText precedes the code by which a server refuses a new connection. Other
// codes than those above, such as HTTP_1_1_REQUIRED, would be said of the next one
// too.
const goAwayText = "http2: Transport received GOAWAY from server ErrCode:"

// untypedConnection reports whether err is one of net/http's own about a
// connection.
func untypedConnection(err error) bool {
	return anyIn(err, func(err error) bool {
		if connectionTypes[reflect.TypeOf(err).String()] {
			return true
		}
		if !plain(err) {
			return false
		}
		text := err.Error()
		if connectionTexts[text] {
			return true
		}
		for _, p := range connectionPrefixes {
			if strings.HasPrefix(text, p) {
				return true
			}
		}
		return false
	})
}

// plain reports whether err is a text and nothing else.
func plain(err error) bool {
	switch reflect.TypeOf(err).String() {
	case "*errors.errorString", "*fmt.wrapError":
		return true
	}
	return false
}

// Plain returns the text of an error that is a text and nothing else, but for what
// http.Client wraps around it.
func Plain(err error) (text string, ok bool) {
	for {
		u, wrapped := err.(*url.Error)
		if !wrapped {
			break
		}
		err = u.Err
	}
	if err == nil || reflect.TypeOf(err).String() != "*errors.errorString" {
		return "", false
	}
	return err.Error(), true
}

// ProxyUnreachable reports whether no connection could be made to the proxy that
// was to be asked.
func ProxyUnreachable(err error) bool {
	return anyIn(err, func(err error) bool {
		op, ok := err.(*net.OpError)
		return ok && op.Op == "proxyconnect"
	})
}

// ProxyWantsCredentials reports whether a proxy that was asked to connect answered
// 407. net/http keeps the words of its status line alone; nobody else words an error
// so.
func ProxyWantsCredentials(err error) bool {
	text := http.StatusText(http.StatusProxyAuthRequired)
	return anyIn(err, func(err error) bool {
		if reflect.TypeOf(err).String() != "*errors.errorString" {
			return false
		}
		said := err.Error()
		return len(said) >= len(text) && strings.EqualFold(said[:len(text)], text)
	})
}

// RefusedConnect reports whether a proxy that was asked to connect may have
// answered with that phrase because of trouble that passes. net/http keeps nothing
// else of such an answer, and the phrase is anybody's choice: those of the statuses
// from 400 to 499 alone say that it will not change its mind. certain says that no
// other error is worded so.
func RefusedConnect(phrase string) (possible, certain bool) {
	for status := 500; status < 505; status++ {
		if strings.EqualFold(phrase, http.StatusText(status)) {
			return true, true
		}
	}
	if strings.EqualFold(phrase, http.StatusText(http.StatusTooManyRequests)) {
		return true, true
	}
	for status := 400; status < 500; status++ {
		text := http.StatusText(status)
		if text != "" && len(phrase) >= len(text) && strings.EqualFold(phrase[:len(text)], text) {
			return false, false
		}
	}
	return true, false
}
