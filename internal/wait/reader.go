package wait

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
	"time"
)

// A Reader reads the waits and the limits that answers state. It knows the
// headers that many servers send, and those of single providers that it was given.
// It is safe for concurrent use.
type Reader struct {
	limits  []Headers
	unusual []string // the prefixes in limits without "imit", which rateLimit looks for
	waits   []WaitHeader
}

// Defaults are what a provider's documentation says about its limits where its
// headers leave it open. Zero values are not known.
type Defaults struct {
	Unit          Unit          // what a limit counts that is called just limit
	RequestWindow time.Duration // of limits of requests
	TokenWindow   time.Duration // of limits of tokens
}

// NewReader returns a Reader that knows the headers of single providers too.
func NewReader(limits []Headers, waits []WaitHeader) *Reader {
	r := &Reader{
		limits: slices.Concat(general, limits),
		waits:  slices.Concat(generalWaits, waits),
	}
	// The more precise first; of the same precision, the general ones first.
	slices.SortStableFunc(r.waits, func(a, b WaitHeader) int { return cmp.Compare(a.Unit, b.Unit) })
	for i := range r.limits {
		p := r.limits[i].Prefix
		r.limits[i].source = strings.ToLower(p)
		if !strings.Contains(p, "imit") {
			r.unusual = append(r.unusual, p)
		}
	}
	return r
}

// Mentions reports whether there may be a limit to read in h. It is quick, for
// answers that state none.
func (r *Reader) Mentions(h http.Header) bool {
	for name := range h {
		if r.rateLimit(name) {
			return true
		}
	}
	return false
}

// rateLimit reports whether a header may state a limit. Nearly all that do have
// "limit" in their names.
func (r *Reader) rateLimit(name string) bool {
	if strings.Contains(name, "imit") {
		return true
	}
	for _, prefix := range r.unusual {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// headersOf returns the headers that name belongs to, nil if there are none.
func (r *Reader) headersOf(name string) *Headers {
	for i := range r.limits {
		if hs := &r.limits[i]; hs.has(name) {
			return hs
		}
	}
	return nil
}

func (hs *Headers) has(name string) bool {
	return strings.HasPrefix(name, hs.Prefix) && (len(name) == len(hs.Prefix) || name[len(hs.Prefix)] == '-')
}

// read takes the rest of a header's name apart. What the vocabulary does not know
// names the limit.
func (hs *Headers) read(rest string) (all word, limitName string) {
	all = word{unit: hs.Unit}
	limitName = hs.Name
	for rest != "" {
		rest = rest[1:] // the dash
		phrase, w, known := longest(rest)
		rest = rest[len(phrase):]
		if !known || w.names {
			if limitName == "" {
				limitName = phrase
			} else {
				limitName += "-" + phrase
			}
			continue
		}
		// A word that tells nothing spoils the header, whatever else is in its name.
		if w.role != none && all.role != useless {
			all.role = w.role
		}
		if w.unit != Other {
			all.unit = w.unit
		}
		if w.window != 0 {
			all.window = w.window
		}
		if w.scale != 0 {
			all.scale = w.scale
		}
	}
	if all.role == none && limitName == hs.Name {
		all.role = roleOf[hs.Value]
	}
	return all, limitName
}

// longest returns the longest phrase of the vocabulary that s begins with, else
// the first word.
func longest(s string) (phrase string, w word, known bool) {
	end := 0
	for range maxPhrase {
		if end == len(s) {
			break
		}
		if end > 0 {
			end++
		}
		if i := strings.IndexByte(s[end:], '-'); i >= 0 {
			end += i
		} else {
			end = len(s)
		}
		if phrase == "" {
			phrase = s[:end]
		}
		if found, ok := vocabulary[s[:end]]; ok {
			phrase, w, known = s[:end], found, true
		}
	}
	return phrase, w, known
}
