package dialect

import (
	"net/http"
	"strings"
	"sync"
)

// A family is what is known of one provider, or of several that speak alike.
type family struct {
	name  string
	hosts []string // "api.openai.com", or with a dot in front all hosts below

	// shapes tell an answer from an unknown host by its members. Of one shape
	// all signs must hold: "error.status" is there, "ok=false" has that value,
	// "error.type=*_api_error" ends so, "Header:X" was sent.
	shapes []string

	like *family // whose tables hold where this one's say nothing

	codes    map[string]Class // that leave no doubt
	hints    map[string]Class // that hold unless the message says otherwise
	numbers  []numbers        // numeric codes
	phrases  []words          // in the order in which they win
	statuses map[int]Class    // where the provider uses one in a way of its own
	repeat   map[string]Repeat

	ids         []string // headers that carry the request's id
	scope       Scope    // of a rate limit
	scopeHeader string   // that names the resource or bucket
	wide        string   // header that says that all of the credential is limited

	codesByKey, hintsByKey map[string]Class
	signs                  [][]sign
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
		return h.Get(s.header) != ""
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
	exact   map[string]*family
	below   map[string]*family // by the host without its first labels, ".openai.azure.com"
	shaped  []*family
	phrases *index // the common ones
}

var tables = sync.OnceValue(func() *knowledge {
	k := &knowledge{
		exact:   map[string]*family{},
		below:   map[string]*family{},
		phrases: newIndex(common.phrases),
	}
	for _, f := range families {
		for _, host := range f.hosts {
			if host[0] == '.' {
				k.below[host] = f
			} else {
				k.exact[host] = f
			}
		}
		for _, shape := range f.shapes {
			f.signs = append(f.signs, signsOf(shape))
		}
		if len(f.signs) > 0 {
			k.shaped = append(k.shaped, f)
		}
	}
	for _, f := range append([]*family{common}, families...) {
		f.codesByKey = byKey(f.codes)
		f.hintsByKey = byKey(f.hints)
	}
	return k
})

func signsOf(shape string) []sign {
	var all []sign
	for one := range strings.FieldsSeq(shape) {
		if name, ok := strings.CutPrefix(one, "Header:"); ok {
			all = append(all, sign{header: name})
			continue
		}
		at, value, _ := strings.Cut(one, "=")
		value, ending := strings.CutPrefix(value, "*")
		all = append(all, sign{at: pathOf(at), value: value, ending: ending})
	}
	return all
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
	if strings.HasSuffix(host, "-"+vertex) { // of a region
		return k.exact[vertex]
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
	for _, f := range k.shaped {
	shapes:
		for _, signs := range f.signs {
			for i := range signs {
				if !signs[i].holds(r, h) {
					continue shapes
				}
			}
			return f
		}
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
	if i < 0 {
		return ""
	}
	return m[string(keyOf(b[:0], code[:i]))]
}

// fragments are parts of codes that mean the same wherever they turn up, in
// the order in which they win.
var fragments = []struct {
	part  string
	class Class
}{
	{"contextlength", ContextLength}, {"contextwindow", ContextLength}, {"tokenlimitexceed", ContextLength},
	{"contentpolicy", ContentPolicy}, {"contentfilter", ContentPolicy}, {"moderation", ContentPolicy},
	{"sensitive", ContentPolicy}, {"safety", ContentPolicy}, {"policyviolation", ContentPolicy},
	{"ratelimit", RateLimit}, {"throttl", RateLimit}, {"toomanyrequest", RateLimit}, {"requestlimitexceed", RateLimit},
	{"slowdown", RateLimit}, {"concurrencylimit", RateLimit},
	{"insufficientquota", Quota}, {"insufficientbalance", Quota}, {"insufficientcredit", Quota}, {"insufficientfund", Quota},
	{"outofcredit", Quota}, {"nocredit", Quota}, {"creditlimit", Quota}, {"billing", Quota}, {"payment", Quota},
	{"spendlimit", Quota}, {"spendinglimit", Quota}, {"budget", Quota}, {"arrear", Quota}, {"overdue", Quota},
	{"usageexhausted", Quota}, {"quotaexceed", Quota}, {"exceededquota", Quota}, {"quotaexhausted", Quota},
	{"overload", Overloaded}, {"overcapacity", Overloaded}, {"capacityexceed", Overloaded}, {"insufficientcapacity", Overloaded},
	{"serverbusy", Overloaded},
	{"toolarge", TooLarge},
	{"unauthorized", Authentication}, {"unauthenticated", Authentication}, {"notauthenticated", Authentication},
	{"invalidtoken", Authentication}, {"expiredtoken", Authentication}, {"tokenexpired", Authentication},
	{"invalidapikey", Authentication}, {"invalidkey", Authentication}, {"invalidcredential", Authentication},
	{"authentication", Authentication}, {"invalidauth", Authentication}, {"missingtoken", Authentication},
	{"accessdenied", Permission}, {"forbidden", Permission}, {"permission", Permission}, {"notallowed", Permission},
	{"notauthorized", Permission}, {"insufficientscope", Permission}, {"suspended", Permission}, {"missingscope", Permission},
	{"notfound", NotFound}, {"nosuch", NotFound}, {"doesnotexist", NotFound}, {"notexist", NotFound}, {"unknownmodel", NotFound},
	{"timeout", Timeout}, {"timedout", Timeout}, {"deadline", Timeout},
	{"unavailable", Unavailable}, {"maintenance", Unavailable}, {"notready", Unavailable},
	{"conflict", Conflict}, {"alreadyexists", Conflict}, {"duplicate", Conflict},
	{"internalserver", ServerError}, {"internalerror", ServerError},
	{"validation", InvalidRequest}, {"badrequest", InvalidRequest}, {"invalidparam", InvalidRequest}, {"invalidargument", InvalidRequest},
}

// byFragment guesses at a code that no table lists.
func byFragment(code string, status int) Class {
	var b [maxKey]byte
	key := string(keyOf(b[:0], code[strings.LastIndexAny(code, "/#")+1:]))
	for _, f := range fragments {
		if strings.Contains(key, f.part) {
			if status == 429 && f.part == "quotaexceed" {
				return RateLimit // with this status a quota is one of requests, not of money
			}
			return f.class
		}
	}
	return ""
}
