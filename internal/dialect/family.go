package dialect

import (
	"maps"
	"math"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/steadyhttp/steadyhttp/internal/wait"
)

// A family is all that is known of one provider, or of several that speak alike.
// To add a provider, write its literal and put it into the list families: nothing
// else goes by its name.
type family struct {
	name  string
	hosts []string // "api.openai.com"; with a dot or a dash in front, all hosts that end so

	// shapes tell an answer from an unknown host by its members. Of one shape
	// all signs must hold: "error.status" is there, "ok=false" has that value,
	// "error.type=*_api_error" ends so, "Header:X" was sent.
	shapes []string

	like *family // whose codes, phrases, statuses and scope hold where this one says nothing

	// Errors.
	codes    map[string]Class // that leave no doubt
	hints    map[string]Class // that hold unless the message says otherwise
	numbers  []numbers        // numeric codes
	phrases  []words          // in the order in which they win
	statuses map[int]Class    // where the provider uses one in a way of its own
	repeat   map[string]Repeat

	// By which it documents that nothing was done, beside 429 and its codes for rate
	// limits.
	refusals        []string // codes
	refusedStatuses []int
	tenants         []string // parts of those of its hosts where its customers' programs answer

	codeHeaders  []string // headers that carry a code, up to a colon
	retryHeader  string   // header that says "true" or "false" about sending the request again
	shouldRetry  bool     // it sends the common retryHeader, and means it
	windowHeader string   // header that names the window of the limit which was hit
	ids          []string // headers that carry the request's id
	waitsInMs    bool     // its retry_after is in milliseconds

	// Errors inside a success. Paths are those of the requests.
	hidesErrors         []place            // at its hosts
	hidesErrorsAnywhere []string           // last words of paths, of POSTs to any host
	errorHeaders        []string           // headers that only a failure has, at any host
	storesFiles         func(string) bool  // hosts whose other answers are files, whatever their paths are called
	failedInside        func(*reader) bool // its own sign of an error in a JSON object; nil for the general ones alone

	// Requests that compute an answer and change nothing.
	inference         []place                                          // at its hosts
	inferenceAnywhere []string                                         // ends of paths, at any host
	inferenceIf       map[string]func(path string, h http.Header) bool // by a path's last word, at any host: where the path alone is no proof
	inferenceShaped   []string                                         // ends of paths, at any host, if the body has something for a model to go on from

	// Requests that another provider may understand too.
	bases    []base            // of its APIs to models, the one to recommend first; nil: not known, which for who is like openAI is that API
	modelsAt func(string) bool // which of its hosts serve models; nil is all, if it has bases or inference, or is like openAI

	// Rate limits.
	scope        Scope                            // of a limit
	scopeHeader  string                           // that names the resource or bucket
	globalHeader string                           // that says that all of the credential is limited
	bucket       func(method, path string) string // groups requests where scope has Resource or Bucket
	countsInput  bool                             // limits of tokens are of input alone
	punishes     bool                             // those who go on after a refusal are documented to be banned or held back longer
	limits       wait.Defaults                    // what its headers leave open
	limitHeaders []wait.Headers                   // that nobody else sends
	waitHeaders  []wait.WaitHeader                // that nobody else sends

	codesByKey, hintsByKey map[string]Class
	signs                  [][]sign
}

// A place is where at a family's hosts something is known of requests.
type place struct {
	host   string            // one of the family's; "" is all of them
	hostIs func(string) bool // what no name or ending can say of the host; nil is true
	path   string            // its beginning for hidden errors, its end for inference; a beginning too if it ends in a slash
	method string            // "" is any
	header string            // that the request has; "" is any
}

// numbers is a range of numeric codes, both ends included.
type numbers struct {
	from, to int
	class    Class
}

func (f *family) byNumber(n int) Class {
	for _, r := range f.numbers {
		if r.from <= n && n <= r.to {
			return r.class
		}
	}
	return ""
}

type sign struct {
	at     path
	header string
	value  string // "" asks only that there is something
	ending bool   // value is an ending
}

func (s *sign) holds(r *reader, h http.Header) bool {
	if s.header != "" {
		return first(h, s.header) != ""
	}
	at := r.tree.at(s.at)
	if s.value == "" {
		return !r.tree.empty(at)
	}
	if at == 0 {
		return false
	}
	raw := r.tree.raw(at)
	if s.ending {
		return strings.HasSuffix(raw, s.value)
	}
	return raw == s.value
}

// knowledge is all families, made ready for looking things up.
type knowledge struct {
	common *family // whose tables are filled by then

	exact   map[string]*family
	below   map[string]*family // by the host without its first labels, ".openai.azure.com"
	dashed  []dashed
	shaped  []shaped
	phrases *index // the common ones
	bans    *index // those of bans that pass
	setup   *index // those of what somebody has to set up
	lasting *index // those of failures of a server that no repeat cures

	passing  *index // those of conflicts that end by themselves
	guesses  *index // those of passwords that were tried too often
	halfDone *index // those of work that is done in part
	things   *index // those of what is not there, or taken
	broke    *index // those of a purse that is empty

	limitCodes map[string]Class // that name a rate limit

	codeHeaders, errorHeaders, retryHeaders, windowHeaders []string

	hidesErrors         *lookup[placeAt] // by the tail of the host, as inference
	shortestHost        int              // of a place, in bytes
	hidesErrorsAnywhere map[string]bool
	inference           *lookup[placeAt]
	inferenceAnywhere   *lookup[string]
	inferenceIf         map[string]func(path string, h http.Header) bool
	inferenceShaped     *lookup[string]

	limits map[string]wait.Defaults // by the family's name
	reader *wait.Reader
}

// shaped is a family with one of the shapes that give it away.
type shaped struct {
	family *family
	signs  []sign
	keys   uint64
}

// dashed is a family whose hosts end alike within their first label.
type dashed struct {
	ending string
	family *family
}

// A placeAt is a place with its host.
type placeAt struct {
	host string
	*place
}

var tables = sync.OnceValue(func() *knowledge {
	k := &knowledge{
		exact:               map[string]*family{},
		below:               map[string]*family{},
		phrases:             newIndex(common.phrases),
		bans:                newIndex([]words{{class: RateLimit, say: passingBans}, {class: RateLimit, on: "429", say: passingLocks}}),
		guesses:             newIndex([]words{{class: RateLimit, say: ofGuesses}}),
		setup:               newIndex([]words{{class: ServerError, say: ofSetup}}),
		lasting:             newIndex(lastingPhrases),
		passing:             newIndex([]words{{class: Conflict, say: passingConflicts}}),
		halfDone:            newIndex([]words{{class: ServerError, say: ofHalfDone}}),
		broke:               newIndex([]words{{class: Quota, say: ofNoMoney}}),
		things:              newIndex([]words{{class: NotFound, say: ofNothing}, {class: Conflict, say: ofTaken}}),
		hidesErrorsAnywhere: map[string]bool{},
		inferenceIf:         map[string]func(string, http.Header) bool{},
		limits:              map[string]wait.Defaults{},
	}
	var (
		hides, infers []placeAt
		ends, ifs     []string
		limitHeaders  []wait.Headers
		waitHeaders   []wait.WaitHeader
	)
	for _, f := range families {
		hides = append(hides, placesOf(f, f.hidesErrors)...)
		infers = append(infers, placesOf(f, f.inference)...)
		ends = append(ends, f.inferenceAnywhere...)
		ifs = append(ifs, f.inferenceShaped...)
		limitHeaders = append(limitHeaders, f.limitHeaders...)
		waitHeaders = append(waitHeaders, f.waitHeaders...)
		for _, last := range f.hidesErrorsAnywhere {
			k.hidesErrorsAnywhere[last] = true
		}
		maps.Copy(k.inferenceIf, f.inferenceIf)
		if f.limits != (wait.Defaults{}) {
			k.limits[f.name] = f.limits
		}
		for _, host := range f.hosts {
			switch host[0] {
			case '.':
				k.below[host] = f
			case '-':
				k.dashed = append(k.dashed, dashed{host, f})
			default:
				k.exact[host] = f
			}
		}
		for _, shape := range f.shapes {
			signs := signsOf(shape)
			f.signs = append(f.signs, signs)
			k.shaped = append(k.shaped, shaped{f, signs, keysOf(signs)})
		}
	}
	for _, f := range append([]*family{common}, families...) {
		f.codesByKey = byKey(f.codes)
		f.hintsByKey = byKey(f.hints)
		// What says little everywhere says little of one provider too.
		for key, class := range f.codesByKey {
			if isGeneral(class) && class == common.hintsByKey[key] {
				delete(f.codesByKey, key)
				f.hintsByKey[key] = class
			}
		}
		k.codeHeaders = append(k.codeHeaders, f.codeHeaders...)
		k.errorHeaders = append(k.errorHeaders, f.errorHeaders...)
		k.retryHeaders = appendName(k.retryHeaders, f.retryHeader)
		k.windowHeaders = appendName(k.windowHeaders, f.windowHeader)
	}
	k.common, k.limitCodes = common, byKey(limitCodes)
	k.shortestHost = math.MaxInt
	for _, p := range slices.Concat(hides, infers) {
		k.shortestHost = min(k.shortestHost, len(p.host))
	}
	byTail := func(p placeAt) string { return k.tail(p.host) }
	k.hidesErrors = indexed(byTail, hides)
	k.inference = indexed(byTail, infers)
	k.inferenceAnywhere = indexed(lastWord, ends)
	k.inferenceShaped = indexed(lastWord, ifs)
	k.reader = wait.NewReader(limitHeaders, waitHeaders)
	return k
})

func placesOf(f *family, places []place) []placeAt {
	var all []placeAt
	for i := range places {
		p := &places[i]
		if p.host != "" {
			all = append(all, placeAt{p.host, p})
			continue
		}
		for _, host := range f.hosts {
			all = append(all, placeAt{host, p})
		}
	}
	return all
}

func appendName(names []string, name string) []string {
	if name == "" {
		return names
	}
	return append(names, name)
}

func signsOf(shape string) []sign {
	var all []sign
	for one := range strings.FieldsSeq(shape) {
		if name, ok := strings.CutPrefix(one, "Header:"); ok {
			all = append(all, sign{header: http.CanonicalHeaderKey(name)})
			continue
		}
		at, value, _ := strings.Cut(one, "=")
		value, ending := strings.CutPrefix(value, "*")
		all = append(all, sign{at: pathOf(at), value: value, ending: ending})
	}
	return all
}

// keysOf are the keys that a body must have for all signs to hold.
func keysOf(signs []sign) (keys uint64) {
	for _, s := range signs {
		keys |= s.at.keys
	}
	return keys
}

func byKey(m map[string]Class) map[string]Class {
	keyed := make(map[string]Class, len(m))
	var b [maxKey]byte
	for code, class := range m {
		keyed[string(keyOf(b[:0], code))] = class
	}
	return keyed
}

func (k *knowledge) byHost(host string) *family {
	if f := k.exact[host]; f != nil {
		return f
	}
	for _, d := range k.dashed {
		if strings.HasSuffix(host, d.ending) {
			return d.family
		}
	}
	for range 6 { // labels; the longest suffix that we know has four
		i := strings.IndexByte(host, '.')
		if i < 0 {
			return nil
		}
		if f := k.below[host[i:]]; f != nil {
			return f
		}
		host = host[i+1:]
	}
	return nil
}

func (k *knowledge) byShape(r *reader, h http.Header) *family {
shapes:
	for i := range k.shaped {
		s := &k.shaped[i]
		if r.tree.keys&s.keys != s.keys {
			continue // like most
		}
		for j := range s.signs {
			if !s.signs[j].holds(r, h) {
				continue shapes
			}
		}
		return s.family
	}
	return nil
}

// chain lists whose tables to ask, in order.
func chain(host, shape *family) []*family {
	know := make([]*family, 0, 6)
	for _, f := range [...]*family{host, shape} {
		for ; f != nil; f = f.like {
			seen := false
			for _, g := range know {
				seen = seen || f == g
			}
			if !seen {
				know = append(know, f)
			}
		}
	}
	return append(know, common)
}

// maxKey bounds the keys of codes. The longest documented code is under 60.
const maxKey = 80

// keyOf appends a code's key: its letters and digits in lower case without a
// closing exception, error or fault. RateLimitError, rate_limit_error and
// RATE_LIMIT are one word in three grammars.
func keyOf(b []byte, code string) []byte {
	for i := 0; i < len(code) && len(b) < maxKey; i++ {
		c := code[i]
		switch {
		case 'A' <= c && c <= 'Z':
			c += 'a' - 'A'
		case c == '_' || c == '-' || c == '.' || c == ' ' || c == ':':
			continue
		}
		b = append(b, c)
	}
	for _, end := range [...]string{"exception", "error", "fault"} {
		if n := len(b) - len(end); n >= 3 && string(b[n:]) == end {
			return b[:n]
		}
	}
	return b
}

// lookUp finds a code's class: the whole code, else, of a compound such as
// Throttling.RateQuota or a URI, its first or its last part.
func lookUp(m map[string]Class, code string) Class {
	if len(m) == 0 {
		return ""
	}
	var b [maxKey]byte
	if c, ok := m[string(keyOf(b[:0], code))]; ok {
		return c
	}
	i := strings.LastIndexAny(code, "./#:")
	if i < 0 {
		return ""
	}
	if c, ok := m[string(keyOf(b[:0], code[i+1:]))]; ok {
		return c
	}
	i = strings.IndexAny(code, ".:")
	if i < 0 || code[:i] == "api" { // api.err.Invalid is no api_error
		return ""
	}
	return m[string(keyOf(b[:0], code[:i]))]
}
