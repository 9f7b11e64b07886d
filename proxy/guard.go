package main

import (
	"net"
	"net/http"
	"slices"
	"strings"
)

// A guard refuses what no API client of the proxy sends: requests to be led somewhere
// else, and those of web pages, whose scripts can reach loopback too.
type guard struct {
	hosts    []string // by which callers may address us, in lower case
	anyHost  bool
	browsers *http.CrossOriginProtection
}

// newGuard returns the guard of an address at which the proxy listens.
func newGuard(c *config, address string) guard {
	host, _, _ := net.SplitHostPort(address) // checked
	g := guard{hosts: []string{strings.ToLower(host)}, browsers: http.NewCrossOriginProtection()}
	for _, name := range c.Hosts {
		g.hosts = append(g.hosts, strings.ToLower(name))
	}
	// An address that other machines reach has names that only they know.
	g.anyHost = !isLoopback(host) && len(c.Hosts) == 0
	for _, origin := range c.Origins {
		g.browsers.AddTrustedOrigin(origin) // checked
	}
	return g
}

// A refusal is why the proxy does not hand a request on.
type refusal struct {
	status        int
	code, message string
}

// check returns why r is refused, nil if it is not.
func (g *guard) check(r *http.Request) *refusal {
	switch {
	case r.Method == http.MethodConnect, r.URL.IsAbs(), r.URL.Host != "":
		return &refusal{http.StatusBadRequest, "no_forward_proxy", "this is no forward proxy: send the request to one of its paths"}
	case !strings.HasPrefix(r.URL.Path, "/"), hasDots(r.URL.Path):
		return &refusal{http.StatusBadRequest, "path", "the path must begin with / and have no . or .. in it"}
	case !g.knows(r.Host):
		// A name that a page's owner makes point to loopback (DNS rebinding).
		return &refusal{http.StatusMisdirectedRequest, "host", "this proxy is not known by that host name: see hosts in its config"}
	case g.crossOrigin(r):
		return &refusal{http.StatusForbidden, "cross_origin", "a web page of another origin sent this request: see origins in the proxy's config"}
	}
	return nil
}

func (g *guard) knows(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.ToLower(strings.Trim(host, "[]"))
	return g.anyHost || isLoopback(host) || slices.Contains(g.hosts, host)
}

// crossOrigin reports whether a script of another origin sent r. An upgrade is a GET
// that can do as much as a POST.
func (g *guard) crossOrigin(r *http.Request) bool {
	if r.Header.Get("Upgrade") != "" {
		as := *r
		as.Method = http.MethodPost
		r = &as
	}
	return g.browsers.Check(r) != nil
}

// hasDots reports whether a segment of path is one that leads elsewhere.
func hasDots(path string) bool {
	if !strings.Contains(path, "/.") {
		return false
	}
	for segment := range strings.SplitSeq(path, "/") {
		if segment == "." || segment == ".." {
			return true
		}
	}
	return false
}

// hopHeaders belong to one connection.
var hopHeaders = []string{
	"Connection", "Content-Length", "Host", "Keep-Alive", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade",
}

// isToken reports whether name can be a header's (RFC 9110, 5.6.2).
func isToken(name string) bool {
	return name != "" && !strings.ContainsFunc(name, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, r)
	})
}
