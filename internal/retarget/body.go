package retarget

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/steadyhttp/steadyhttp/internal/credential"
	"github.com/steadyhttp/steadyhttp/internal/dialect"
)

// ChangesBody reports whether the body has to go through Body: because t changes it, or
// because it is a JSON text that may hold a credential of the caller's and leaves them.
func (t *Target) ChangesBody(req *http.Request) bool {
	return hasJSON(req) && (t.changes() || t.foreign(req))
}

func (t *Target) changes() bool { return t.Model != "" || len(t.Set) > 0 }

func hasBody(req *http.Request) bool { return req.Body != nil && req.Body != http.NoBody }

// hasJSON reports whether req has a JSON body by its header. Many don't say what it is.
func hasJSON(req *http.Request) bool {
	if !hasBody(req) {
		return false
	}
	if coding := get(req.Header, "Content-Encoding"); coding != "" && !strings.EqualFold(coding, "identity") {
		return false
	}
	kind := mediaType(req)
	return kind == "" || strings.EqualFold(kind, "application/json") || strings.EqualFold(kind, "text/json") || hasSuffixFold(kind, "+json") ||
		hasPrefixFold(kind, "application/x-amz-json-")
}

func hasForm(req *http.Request) bool {
	return hasBody(req) && strings.EqualFold(mediaType(req), "application/x-www-form-urlencoded")
}

func mediaType(req *http.Request) string {
	kind, _, _ := strings.Cut(get(req.Header, "Content-Type"), ";")
	return strings.TrimSpace(kind)
}

// get is http.Header.Get that also finds names which were not put there by Set.
func get(h http.Header, name string) string {
	if v := h[name]; len(v) > 0 {
		return v[0]
	}
	for key, v := range h {
		if len(v) > 0 && len(key) == len(name) && strings.EqualFold(key, name) {
			return v[0]
		}
	}
	return ""
}

var (
	errNoJSON   = errors.New("the request's body is no JSON")
	errNoObject = errors.New("the request's body is no JSON object, and has no model or other member to set")
)

// Body returns the body of the request for t: that of req with the model and what Set
// names changed in place, and all else byte for byte, since caches of prompts go by it.
// A member that is new stands at the end. Of a name that occurs twice, both change:
// servers differ in which they believe.
//
// Where the caller's credential must not go along (see foreign), members that hold one
// are removed as well. Gateways such as LiteLLM take an api_key in the body, and it
// would be sent to a provider that it is not for.
func (t *Target) Body(req *http.Request, body []byte) ([]byte, error) {
	if !json.Valid(body) {
		if at := space(body, 0); mediaType(req) == "" && !t.changes() && (at == len(body) || body[at] != '{' && body[at] != '[') {
			return body, nil // a text, of which nobody said that it is JSON
		}
		return nil, errNoJSON
	}
	start := space(body, 0)
	if body[start] != '{' {
		if t.changes() {
			return nil, errNoObject
		}
		return body, nil
	}
	e := editor{t: t, body: body, foreign: t.foreign(req), google: isGoogle(req)}
	size := len(body) + len(t.Model) + len(`,"model":""`)
	for _, m := range t.Set {
		size += len(m.Name) + len(m.Value) + len(`,"":`)
	}
	e.out = make([]byte, 0, size)
	e.members(start + 1)
	e.add(t.modelInBody(req))
	return append(e.out, body[e.copied:]...), nil
}

func isGoogle(req *http.Request) bool { return req.URL != nil && apiPath(req).API == dialect.Gemini }

// modelInBody reports whether a model is added to a body without: where the path has no
// place for it, in an API that is known to want one.
func (t *Target) modelInBody(req *http.Request) bool {
	if t.Model == "" || req.URL == nil {
		return false
	}
	p := apiPath(req)
	if p.API == dialect.NoAPI {
		return false
	}
	if t.URL == nil {
		return p.Model() == ""
	}
	_, inBody := p.At(hostname(t.URL), strings.TrimRight(t.URL.EscapedPath(), "/"), t.Model)
	return inBody
}

// An editor goes over a valid JSON object once.
type editor struct {
	t               *Target
	foreign, google bool

	body   []byte
	copied int // of body: before it all is in out, or left out
	out    []byte

	last     int    // where the last member's value ends, or the brace that begins the object
	kept     bool   // a member is in out, or will be
	hasModel bool   // there was one
	found    uint64 // which of the first 64 of Set there were
	more     map[string]bool
}

// members goes over the members that begin at i.
func (e *editor) members(i int) {
	e.last = i
	for i = space(e.body, i); e.body[i] == '"'; {
		key := i
		i = stringEnd(e.body, i)
		name := e.body[key+1 : i-1]
		i = space(e.body, space(e.body, i)+1) // the colon
		value := i
		i = valueEnd(e.body, i)
		end := i
		if i = space(e.body, i); e.body[i] == ',' {
			i = space(e.body, i+1)
		}
		e.member(name, key, value, end, i)
		e.last = end
	}
}

// member is told of one member: where its name begins, its value begins and ends, and
// the next member begins, or the brace.
func (e *editor) member(raw []byte, key, value, end, next int) {
	name := raw
	if bytes.IndexByte(raw, '\\') >= 0 {
		var plain string
		if json.Unmarshal(e.body[key:key+len(raw)+2], &plain) == nil {
			name = []byte(plain)
		}
	}
	switch to, remove := e.becomes(name, e.body[value:end]); {
	case remove && e.kept:
		e.out = append(e.out, e.body[e.copied:e.last]...)
		e.copied = end
	case remove:
		// With the comma behind it, since there is none before it.
		e.out = append(e.out, e.body[e.copied:max(key, e.copied)]...)
		if e.copied = next; e.body[next] != '"' {
			e.copied = end
		}
	case to != nil:
		e.out = append(append(e.out, e.body[e.copied:value]...), to...)
		e.copied, e.kept = end, true
	default:
		e.kept = true
	}
}

// becomes is what a member's value becomes, nil if it stays.
func (e *editor) becomes(name, value []byte) (to []byte, remove bool) {
	if i, ok := e.t.index(name); ok {
		e.see(i)
		to = e.t.Set[i].Value
		return to, to == nil
	}
	if string(name) == "model" {
		e.hasModel = true
		if e.t.Model == "" {
			return nil, false
		}
		return e.model(value), false
	}
	return nil, e.foreign && len(name) <= maxName && credential.InMember(string(name))
}

// maxName is more than any member's name has.
const maxName = 64

// model is the model's name in JSON. Google's has models/ in front in some bodies, and
// keeps it.
func (e *editor) model(was []byte) []byte {
	name := e.t.Model
	if e.google && bytes.HasPrefix(was, []byte(`"models/`)) && !strings.HasPrefix(name, "models/") {
		name = "models/" + name
	}
	return quoted(name)
}

// quoted is s in JSON.
func quoted(s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c > '~' {
			b, _ := encode(s) // a string always can be
			return b
		}
	}
	return append(append(append(make([]byte, 0, len(s)+len(`""`)), '"'), s...), '"')
}

func (e *editor) see(i int) {
	if i < 64 {
		e.found |= 1 << i
		return
	}
	if e.more == nil {
		e.more = make(map[string]bool)
	}
	e.more[e.t.Set[i].Name] = true
}

func (e *editor) seen(i int) bool {
	if i < 64 {
		return e.found>>i&1 == 1
	}
	return e.more[e.t.Set[i].Name]
}

// add adds what the body does not have.
func (e *editor) add(model bool) {
	e.out = append(e.out, e.body[e.copied:max(e.last, e.copied)]...)
	e.copied = max(e.last, e.copied)
	if model && !e.hasModel {
		e.append("model", quoted(e.t.Model))
	}
	for i, m := range e.t.Set {
		if m.Value != nil && !e.seen(i) {
			e.append(m.Name, m.Value)
		}
	}
}

func (e *editor) append(name string, value []byte) {
	if e.kept {
		e.out = append(e.out, ',')
	}
	e.kept = true
	e.out = append(append(append(e.out, quoted(name)...), ':'), value...)
}

// index finds a member of Set.
func (t *Target) index(name []byte) (int, bool) {
	from, to := 0, len(t.Set)
	for from < to {
		at := (from + to) / 2
		switch m := t.Set[at].Name; {
		case m == string(name):
			return at, true
		case m < string(name):
			from = at + 1
		default:
			to = at
		}
	}
	return 0, false
}

func space(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\r' || b[i] == '\t') {
		i++
	}
	return i
}

// valueEnd returns where the value ends that begins at i.
func valueEnd(b []byte, i int) int {
	switch b[i] {
	case '"':
		return stringEnd(b, i)
	case '{', '[':
		for depth := 0; ; i++ {
			switch b[i] {
			case '"':
				i = stringEnd(b, i) - 1
			case '{', '[':
				depth++
			case '}', ']':
				if depth--; depth == 0 {
					return i + 1
				}
			}
		}
	}
	for ; ; i++ {
		switch b[i] {
		case ',', '}', ']', ' ', '\n', '\r', '\t':
			return i
		}
	}
}

// stringEnd returns where the string ends that begins at i.
func stringEnd(b []byte, i int) int {
	i++
	for quote := 0; ; {
		if quote < i { // the one before was escaped
			quote = i + bytes.IndexByte(b[i:], '"')
		}
		escape := bytes.IndexByte(b[i:quote], '\\')
		if escape < 0 {
			return quote + 1
		}
		i += escape + 2
	}
}
