// Package hosts finds what a user has set for the host of a URL.
package hosts

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// A Table holds values by names of hosts. The zero value is empty. Find may be called by
// several goroutines, as long as none calls Add.
//
// A name is a host, "api.openai.com", or all hosts below one, "*.internal". Either may
// have a port, and then means that port alone: "localhost:8080". An IPv6 address may
// stand in brackets; before a port it must.
type Table[V any] struct {
	values map[pattern]V
}

// A pattern is a name that was taken apart.
type pattern struct {
	host, port string // the port is "" for all
	below      bool   // all hosts below host, in place of host itself
}

// Add sets the value of a name. It returns an error if the name is none, or means the
// same as one before.
func (t *Table[V]) Add(name string, v V) error {
	p, err := parse(name)
	if err != nil {
		return err
	}
	if _, ok := t.values[p]; ok {
		return errors.New("another name means the same host; keep one of them")
	}
	if t.values == nil {
		t.values = map[pattern]V{}
	}
	t.values[p] = v
	return nil
}

// Find returns the value of the name that says most about the host of u: the host itself
// before the hosts below another, a longer such name before a shorter one, and for each a
// name with a port before one without. u may be nil.
func (t *Table[V]) Find(u *url.URL) (v V, ok bool) {
	if len(t.values) == 0 || u == nil {
		return v, false
	}
	host, port := canonical(u.Hostname()), portOf(u)
	if v, ok = t.at(host, port, false); ok {
		return v, true
	}
	for _, rest, more := strings.Cut(host, "."); more; _, rest, more = strings.Cut(rest, ".") {
		if v, ok = t.at(rest, port, true); ok {
			return v, true
		}
	}
	return v, false
}

func (t *Table[V]) at(host, port string, below bool) (v V, ok bool) {
	if v, ok = t.values[pattern{host, port, below}]; !ok {
		v, ok = t.values[pattern{host, "", below}]
	}
	return v, ok
}

func parse(name string) (pattern, error) {
	rest, below := strings.CutPrefix(name, "*.")
	p := pattern{host: rest, below: below}
	if address, bracketed := strings.CutPrefix(rest, "["); bracketed {
		host, after, ok := strings.Cut(address, "]")
		if _, err := netip.ParseAddr(host); !ok || err != nil {
			return p, errors.New("what is in the brackets is no IPv6 address")
		}
		p.host, rest = host, after
	} else if _, err := netip.ParseAddr(rest); err == nil {
		rest = ""
	} else if i := strings.IndexByte(rest, ':'); i >= 0 {
		p.host, rest = rest[:i], rest[i:]
	} else {
		rest = ""
	}
	if rest != "" { // a colon and a port
		port, err := strconv.ParseUint(strings.TrimPrefix(rest, ":"), 10, 16)
		if err != nil || port == 0 || rest[0] != ':' {
			return p, fmt.Errorf("%q is no port; name a host, or a host and a port, as in a URL and without its scheme and path", strings.TrimPrefix(rest, ":"))
		}
		p.port = strconv.FormatUint(port, 10)
	}
	if p.host = canonical(p.host); p.host == "" || strings.ContainsAny(p.host, "/\\?#@*[] \t\r\n") {
		if name == "*" || name == "" {
			return p, errors.New("it is no host; all hosts without settings of their own have those of the Transport itself")
		}
		return p, errors.New("it is no host; name one as in a URL, without scheme and path, or all hosts below one with \"*.\" before it")
	}
	return p, nil
}

// canonical returns the one form of a host that a table has: lower case, without the
// dot at the end that names the root, and an address as short as it can be written.
func canonical(host string) string {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if strings.Contains(host, ":") {
		if a, err := netip.ParseAddr(host); err == nil {
			return a.String()
		}
	}
	return host
}

// portOf returns the port that a request for u is sent to.
func portOf(u *url.URL) string {
	if port := u.Port(); port != "" {
		return port
	}
	switch u.Scheme {
	case "https":
		return "443"
	case "http":
		return "80"
	}
	return ""
}
