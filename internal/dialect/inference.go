package dialect

import (
	"net/http"
	"strings"
)

// Inference reports whether a POST to path is known to compute an answer and
// to change nothing, so that doing it twice costs money at worst. It goes by
// the path's end, since gateways and proxies put it behind any host and
// prefix; an end that may as well send somebody a message is not in the list.
func Inference(path string, h http.Header) bool {
	if len(path) > maxPath {
		return false
	}
	t := tables()
	for _, end := range t.inferenceAnywhere.at(lastWord(path)) {
		if strings.HasSuffix(path, end) {
			return true
		}
	}
	known := t.inferenceIf[path[strings.LastIndexByte(path, '/')+1:]]
	return known != nil && known(path, h)
}

// InferenceAt is Inference for a host that is known: it knows the paths too
// that mean nothing elsewhere.
func InferenceAt(host, path string, h http.Header) bool {
	if Inference(path, h) {
		return true
	}
	t := tables()
	for _, p := range t.inference.at(t.tail(host)) {
		if p.covers(http.MethodPost, host, h) && (strings.HasSuffix(path, p.path) || strings.HasSuffix(p.path, "/") && strings.HasPrefix(path, p.path)) {
			return true
		}
	}
	return false
}

// maxPath bounds what is compared. No API's path is near it.
const maxPath = 2 << 10

// A lookup is a list sorted by what is compared first, since most successes
// match none of it and should not pay for its length, nor for a look into a map.
type lookup[V any] struct {
	byKey map[string][]V
	begin [16]uint64 // a bit for what each key begins with
}

// indexed makes a lookup of list. No key may be shorter than two bytes.
func indexed[V any](key func(V) string, list []V) *lookup[V] {
	x := &lookup[V]{byKey: make(map[string][]V, len(list))}
	for _, v := range list {
		k := key(v)
		x.byKey[k] = append(x.byKey[k], v)
		x.begin[k[0]%16] |= 1 << (k[1] % 64)
	}
	return x
}

// at returns those with that key.
func (x *lookup[V]) at(key string) []V {
	if len(key) < 2 || x.begin[key[0]%16]>>(key[1]%64)&1 == 0 {
		return nil
	}
	return x.byKey[key]
}

// lastWord is what follows a path's last slash, or a colon after it.
func lastWord(path string) string {
	last := path[strings.LastIndexByte(path, '/')+1:]
	return last[strings.LastIndexByte(last, ':')+1:]
}

// tail is the end of a host's name, by which places are looked up: as long as the
// shortest host of a place.
func (k *knowledge) tail(host string) string { return host[max(0, len(host)-k.shortestHost):] }

// covers reports whether p is about such requests, by all but their path.
func (p placeAt) covers(method, host string, h http.Header) bool {
	return matchHost(host, p.host) && (p.hostIs == nil || p.hostIs(host)) && (p.method == "" || p.method == method) &&
		(p.header == "" || first(h, p.header) != "")
}

func matchHost(host, known string) bool {
	return host == known || (known[0] == '.' || known[0] == '-') && strings.HasSuffix(host, known)
}

// HidesErrors reports whether a success of this request may be a failure: an
// error in the JSON or XML of a 200. h is the request's header. It is true of
// inference calls and of the dialects that are known for it; looking at other
// successes would cost and find nothing.
func HidesErrors(method, host, path string, h http.Header) bool {
	if len(path) > maxPath {
		return false
	}
	if method == http.MethodHead || method == http.MethodOptions || method == http.MethodDelete || method == http.MethodTrace || method == http.MethodConnect {
		return false
	}
	if hostHidesErrors(method, host, path, h) {
		return true
	}
	if answersOK(path) {
		return true
	}
	if method == http.MethodGet && !strings.HasSuffix(strings.TrimSuffix(path, "/"), "graphql") {
		return false // like most of all requests
	}
	return pathHidesErrors(method, host, path, h) && !storesFiles(host)
}

// ShowsError reports whether the header of a success says that there is an error in
// it, or that one should come back later. Every success is asked, so that few names are
// tried: those with which somebody is known to answer 200.
func ShowsError(h http.Header) bool { return namesError(h) || first(h, "Retry-After") != "" }

// namesError reports whether a header has a name that only errors have. Retry-After is
// none: in a success it says when to ask for the next state of some work.
func namesError(h http.Header) bool {
	for _, name := range tables().errorHeaders {
		if first(h, name) != "" {
			return true
		}
	}
	return false
}

// Known reports whether somebody has written down how the API at host words its
// errors, and so also whether it hides any.
func Known(host string) bool { return tables().byHost(host) != nil }

// hostHidesErrors reports whether that is known of the host.
func hostHidesErrors(method, host, path string, h http.Header) bool {
	t := tables()
	for _, p := range t.hidesErrors.at(t.tail(host)) {
		if strings.HasPrefix(path, p.path) && p.covers(method, host, h) {
			return true
		}
	}
	return false
}

// storesFiles reports whether the paths at host name files, and so tell nothing.
func storesFiles(host string) bool {
	f := tables().byHost(host)
	return f != nil && f.storesFiles != nil && f.storesFiles(host)
}

// answersOK reports whether the path is one of a protocol that answers 200 whatever
// happened, wherever somebody serves it: OCS 1 of ownCloud and Nextcloud, and Subsonic's.
// https://docs.nextcloud.com/server/latest/developer_manual/client_apis/OCS
// https://www.subsonic.org/pages/api.jsp
func answersOK(path string) bool {
	return strings.Contains(path, "/ocs/v1.php/") || strings.HasSuffix(path, ".view") && strings.Contains(path, "/rest/")
}

// pathHidesErrors reports whether that is known of the path, at whatever host.
func pathHidesErrors(method, host, path string, h http.Header) bool {
	last := strings.TrimSuffix(path, "/")
	last = last[strings.LastIndexByte(last, '/')+1:]
	switch last {
	case "graphql":
		return true
	case "graphql.json", "gql":
		return method == http.MethodPost
	}
	return method == http.MethodPost && (tables().hidesErrorsAnywhere[last] || InferenceAt(host, path, h))
}
