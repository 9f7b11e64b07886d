package dialect

import "strings"

const (
	// maxRoute bounds a route in bytes. Routes are keys of maps and stand in logs.
	maxRoute = 128

	// maxParts bounds the parts of a path that a route has. Few APIs have more than
	// twelve.
	maxParts = 16

	// maxMethod bounds a method; the longest registered one has 17 bytes.
	maxMethod = 24

	// maxVerb bounds what may follow an id and stays: {id}:streamGenerateContent.
	maxVerb = 24

	// idMark stands where an id stood.
	idMark = "{id}"
)

// Route names what a request is for, so that requests that differ in an id alone
// have one route: "GET /users/{id}/orders". It is the method and the path, without
// the query, with {id} for each part of the path that looks like an id, a date, an
// address or a random token. So a key that is part of a path is not in it.
//
// Names stay, and so do versions and models, although they have digits: what is true
// of one tenant or model says nothing about another. Where ids look like names
// each has a route of its own.
//
// A route has at most 128 bytes and 16 parts. That of a longer path ends in a hash.
func Route(method, path string) string { return routeOf(method, path, false) }

// routeOf is Route, with no method if it is "", and at Discord with its rule for ids.
func routeOf(method, path string, discord bool) string {
	r := route{discord: discord} // a func in place of the bool would make it escape
	if method != "" {
		r.add(method[:min(len(method), maxMethod)])
		r.add(" ")
	}
	if path == "" {
		path = "/"
	}
	for p := (position{}); ; p.n++ {
		part, rest, more := strings.Cut(path, "/")
		if p.n > maxParts { // the first is empty, before the slash
			r.cut()
		}
		r.part(&p, part)
		if !more {
			return r.String()
		}
		r.add("/")
		path = rest
		p.last, p.before = part, p.last
	}
}

// A position is where in a path a part stands.
type position struct {
	n            int    // parts before it; the one before the first slash is empty
	last, before string // the part before it, and the one before that
	ids          int    // long numbers before it, at Discord
}

func (p *position) first() bool { return p.n == 0 || p.n == 1 && p.last == "" }

// A route is put together in place, and allocated when it is complete.
type route struct {
	buf  [maxRoute]byte
	n    int
	hash uint32 // of all that was added, if that is too long
	long bool   // it is
	room int    // how much of buf leaves room for the hash

	discord bool
}

const hashLen = len("~01234567")

func (r *route) add(s string) {
	if len(s) > maxRoute-r.n {
		r.cut()
	}
	if r.long {
		r.hash = fnv1a(r.hash, s)
		return
	}
	r.n += copy(r.buf[r.n:], s)
	if r.n <= maxRoute-hashLen {
		r.room = r.n
	}
}

// cut ends what is kept: from here on there is only a hash.
func (r *route) cut() {
	if !r.long {
		r.long = true
		r.hash = fnv1a(fnvOffset, r.buf[:r.n])
	}
}

// FNV-1a: the same in all processes, which may share routes.
const (
	fnvOffset = 2166136261
	fnvPrime  = 16777619
)

func fnv1a[T string | []byte](hash uint32, s T) uint32 {
	for i := 0; i < len(s); i++ {
		hash = (hash ^ uint32(s[i])) * fnvPrime
	}
	return hash
}

// part adds a part of the path, or the mark in its place.
func (r *route) part(p *position, part string) {
	if !r.discord && isWord(part) {
		r.add(part)
		return
	}
	name, key, ok := strings.Cut(part, "(") // OData: Products(4711), users('alice')
	if ok && len(key) > 1 && key[len(key)-1] == ')' && !r.isID(p, name) {
		r.add(name)
		r.add("(" + idMark + ")")
		return
	}
	stem, end := cutVerb(part)
	switch {
	case isAddress(part):
		r.add(idMark)
	case r.isID(p, stem):
		r.add(idMark)
		r.add(end)
	default:
		r.add(part)
	}
}

func (r *route) isID(p *position, part string) bool {
	if r.discord {
		return isDiscordID(p, part)
	}
	return isID(p, part)
}

func (r *route) String() string {
	if !r.long {
		return string(r.buf[:r.n])
	}
	const digits = "0123456789abcdef"
	b := append(r.buf[:r.room], '~')
	for shift := 28; shift >= 0; shift -= 4 {
		b = append(b, digits[r.hash>>shift&0xf])
	}
	return string(b)
}

// isWord reports whether part is short and in small letters, as most are, and so no id.
func isWord(part string) bool {
	for i := 0; i < len(part); i++ {
		if c := part[i]; !('a' <= c && c <= 'z' || c == '-' || c == '_') {
			return false
		}
	}
	return len(part) < minLong
}

// cutVerb cuts off what follows an id in one part: a verb, as in Google's APIs
// (4711:cancel), or the kind of a file (4711.json).
func cutVerb(part string) (stem, end string) {
	i := max(strings.LastIndexByte(part, ':'), strings.LastIndexByte(part, '.'))
	if i <= 0 {
		return part, ""
	}
	end = part[i+1:]
	most := maxVerb
	if part[i] == '.' {
		most = len("jsonl")
	}
	if len(end) < 2 || len(end) > most {
		return part, ""
	}
	for j := 0; j < len(end); j++ {
		if !isLetter(end[j]) {
			return part, ""
		}
	}
	return part[:i], part[i:]
}
