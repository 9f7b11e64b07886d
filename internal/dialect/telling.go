package dialect

import (
	"strings"

	"github.com/steadyhttp/steadyhttp/internal/redact"
)

// What texts say under names that nobody knows.

// sentence is the first text of several words, under whatever name but that of a
// secret: an error without a message under a name that is known has one under another.
func (t *tree) sentence() string {
	for at := int32(1); at <= t.n; at++ {
		if !t.is(at, '"') || t.nodes[at].key == 0 && t.n > maxFewNodes {
			continue
		}
		s := strings.TrimSpace(t.text(at))
		if strings.IndexByte(s, ' ') > 0 && len(s) <= maxSaid && startsAsWord(s) && !redact.SecretField(t.name(at)) {
			return s
		}
	}
	return ""
}

// innerTelling is the first text of several words that is called as messages are, at
// whatever depth: {"chart": {"error": {"description": …}}}.
func (t *tree) innerTelling() string {
	for at := int32(1); at <= min(t.n, maxInner); at++ {
		if !t.is(at, '"') || !tellings[t.nodes[at].key] {
			continue
		}
		if s := strings.TrimSpace(t.text(at)); strings.IndexByte(s, ' ') > 0 && len(s) <= maxSaid && startsAsWord(s) {
			return s
		}
	}
	return ""
}

// name is the name of the member whose value is the string at at, as it is written; ""
// if that is no member's.
func (t *tree) name(at int32) string {
	const space = " \t\r\n"
	before := strings.TrimRight(strings.TrimSuffix(t.src[:t.nodes[at].from], `"`), space)
	before, ok := strings.CutSuffix(before, ":")
	if !ok {
		return ""
	}
	before, ok = strings.CutSuffix(strings.TrimRight(before, space), `"`)
	if !ok {
		return ""
	}
	return before[strings.LastIndexByte(before, '"')+1:]
}

// maxFewNodes is how many values a body has at most whose arrays are searched too.
const maxFewNodes = 32

// startsAsWord reports whether a text begins with a word and not with a date.
func startsAsWord(s string) bool {
	c := s[0] | 0x20
	return 'a' <= c && c <= 'z' || s[0] >= 0x80
}

// onlyName is the name of the only member of a body, if that holds a message and a
// number: OpenStack says {"overLimit": {"code": 413, "message": …}}.
func (t *tree) onlyName() string {
	only := t.nodes[1].down
	if !t.is(only, '{') || t.nodes[only].next != 0 || envelope[t.nodes[only].key] || wrappers[t.nodes[only].key] {
		return ""
	}
	if !t.is(t.child(only, step{key: fold("code")}), '0') || !t.is(t.child(only, step{key: fold("message")}), '"') {
		return ""
	}
	if name := t.name(only); madeLikeCode(name) {
		return name
	}
	return ""
}

// innerCode is the first text that is made like a code and called so, at whatever
// depth: {"tppMessages": [{"code": "CONSENT_EXPIRED"}]}.
func (t *tree) innerCode() string {
	for at := int32(1); at <= min(t.n, maxInner); at++ {
		s := t.raw(at)
		if !t.is(at, '"') || len(s) < minInner || len(s) > maxKey || !startsAsWord(s) || strings.IndexByte(s, ' ') >= 0 {
			continue
		}
		name := t.name(at)
		switch keyOfName := fold(name[strings.LastIndexByte(name, ':')+1:]); keyOfName {
		case keyCode, keyErrCode, keyErrorName:
			if madeLikeCode(s) {
				return s
			}
		case keyErrorCode:
			return s
		}
	}
	return ""
}

// maxInner is how many values are searched for a code, and minInner how long it is: a
// currency and a country have codes too.
const maxInner, minInner = 64, 6

var keyCode, keyErrorCode, keyErrCode, keyErrorName = fold("code"), fold("errorcode"), fold("errcode"), fold("errorname")

// isWords reports whether s is made of words alone, as codes are and ids are not.
func isWords(s string) bool {
	return !strings.ContainsAny(s, "0123456789 ") && strings.ContainsAny(s, "_.-")
}

func isURL(s string) bool { return strings.Contains(s, "://") }

// codeWord is the first text, under whatever name, that is made like a code and that
// the tables know, or that is called an error or an exception.
func (t *tree) codeWord() string {
	for at := int32(1); at <= t.n; at++ {
		if !t.is(at, '"') || traces[t.nodes[at].key] {
			continue
		}
		s := t.raw(at)
		if len(s) < 4 || len(s) > maxKey || !startsAsWord(s) || !madeLikeCode(s) {
			continue
		}
		if strings.HasSuffix(s, "Error") || strings.HasSuffix(s, "Exception") {
			return s
		}
		if lookUp(common.codesByKey, s) != "" || lookUp(tables().limitCodes, s) != "" || lookUp(common.hintsByKey, s) != "" {
			return s
		}
	}
	return ""
}

// traces are members with what a program was doing: the names in them are its own.
var traces = keySet("stack", "stack_trace", "trace", "traceback", "exc", "backtrace")

// madeLikeCode reports whether s is several words in one: with underscores, in
// capitals, or with capitals inside.
func madeLikeCode(s string) bool {
	inside := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '_' || 'A' <= c && c <= 'Z' && i > 0:
			inside = true
		case 'a' <= c|0x20 && c|0x20 <= 'z' || isDigit(c) || c == '-' || c == '.':
		default:
			return false
		}
	}
	return inside
}

// A fragment is a part of codes.
type fragment struct {
	part  string
	class Class
}

// fragments are parts of codes that mean the same wherever they turn up, in
// the order in which they win.
var fragments = []fragment{
	{"contextlength", ContextLength}, {"contextwindow", ContextLength}, {"tokenlimitexceed", ContextLength},
	{"contentpolicy", ContentPolicy}, {"contentfilter", ContentPolicy}, {"moderation", ContentPolicy},
	{"sensitive", ContentPolicy}, {"safety", ContentPolicy}, {"policyviolation", ContentPolicy},
	{"ratelimit", RateLimit}, {"throttl", RateLimit}, {"toomanyrequest", RateLimit}, {"requestlimitexceed", RateLimit},
	{"slowdown", RateLimit}, {"toomanywrite", RateLimit}, {"toomanycalls", RateLimit}, {"toomanyconnect", RateLimit}, {"frequencylimit", RateLimit},
	{"qpslimit", RateLimit}, {"calllimit", RateLimit}, {"limitcontrol", RateLimit}, {"overqps", RateLimit}, {"qpsexceed", RateLimit}, {"dailyquery", Quota}, {"dailylimit", Quota}, {"concurrencylimit", RateLimit},
	{"insufficientquota", Quota}, {"insufficientbalance", Quota}, {"insufficientcredit", Quota}, {"insufficientfund", Quota},
	{"outofcredit", Quota}, {"nocredit", Quota}, {"creditlimit", Quota}, {"billing", Quota}, {"paymentrequired", Quota}, {"paymentdue", Quota}, {"paymentoverdue", Quota}, {"paymentneeded", Quota},
	{"spendlimit", Quota}, {"spendinglimit", Quota}, {"spendcap", Quota}, {"spendingcap", Quota}, {"allowanceexceed", Quota}, {"allowanceused", Quota}, {"allowanceexhaust", Quota}, {"capreached", Quota}, {"capexceed", Quota}, {"monthlylimit", Quota}, {"planlimit", Quota}, {"budget", Quota}, {"arrear", Quota}, {"overdue", Quota},
	{"seatlimit", Quota}, {"storagefull", Quota}, {"usageexhausted", Quota}, {"usagelimit", Quota}, {"usagecap", Quota}, {"creditinsuffic", Quota}, {"balanceinsuffic", Quota}, {"quotainsuffic", Quota}, {"quotareached", Quota}, {"quotalimit", Quota}, {"quotaexceed", Quota}, {"exceededquota", Quota}, {"quotaexhausted", Quota},
	{"overload", Overloaded}, {"overcapacity", Overloaded}, {"capacityexceed", Overloaded}, {"insufficientcapacity", Overloaded},
	{"serverbusy", Overloaded},
	{"toolarge", TooLarge},
	{"unauthorized", Authentication}, {"unauthenticated", Authentication}, {"notauthenticated", Authentication},
	{"invalidtoken", Authentication}, {"invalidaccesstoken", Authentication}, {"expiredaccesstoken", Authentication},
	{"accesstokenexpired", Authentication}, {"badcredential", Authentication}, {"expiredtoken", Authentication}, {"tokenexpired", Authentication},
	{"invalidapikey", Authentication}, {"invalidkey", Authentication}, {"invalidcredential", Authentication},
	{"authentication", Authentication}, {"invalidauth", Authentication}, {"missingtoken", Authentication},
	{"accessdenied", Permission}, {"forbidden", Permission}, {"permission", Permission}, {"notallowed", Permission},
	{"notauthorized", Permission}, {"insufficientscope", Permission}, {"suspended", Permission}, {"missingscope", Permission},
	{"notfound", NotFound}, {"nosuch", NotFound}, {"doesnotexist", NotFound}, {"notexist", NotFound}, {"unknownmodel", NotFound},
	{"timeout", Timeout}, {"timedout", Timeout}, {"deadline", Timeout},
	{"notrunning", Conflict}, {"invalidstate", Conflict}, {"nameunavailable", Conflict}, {"nametaken", Conflict}, {"namenotavailable", Conflict},
	{"unavailable", Unavailable}, {"maintenance", Unavailable}, {"notready", Unavailable},
	{"conflict", Conflict}, {"alreadyexists", Conflict}, {"duplicate", Conflict},
	{"instancestate", Conflict}, {"nonexistent", NotFound}, {"instancecapacity", Overloaded}, {"poolexhausted", Overloaded}, {"maxconnections", Overloaded}, {"internalserver", ServerError}, {"internalerror", ServerError},
	{"noauth", Permission}, {"limitexceed", RateLimit}, {"limitreached", RateLimit}, {"overlimit", RateLimit},
	{"loginrequired", Authentication}, {"invalidlogin", Authentication}, {"invalidsession", Authentication}, {"nopermission", Permission}, {"invalidpayload", InvalidRequest}, {"invalidobject", InvalidRequest}, {"validation", InvalidRequest}, {"badrequest", InvalidRequest}, {"unsupported", InvalidRequest}, {"invalidparam", InvalidRequest}, {"invalidargument", InvalidRequest},
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
	if status/100 > 2 {
		return "" // which says as much
	}
	for _, f := range fragmentsInside {
		if strings.Contains(key, f.part) {
			return f.class
		}
	}
	if strings.HasPrefix(strings.ToLower(code), "no_") {
		return InvalidRequest // no_text, no_file_data
	}
	if strings.HasPrefix(key, "error") {
		return ServerError // error_creating_channel
	}
	return ""
}

// fragmentsInside are parts of codes that are looked for in a success which is none: a
// status of an error says as much, and what a program calls invalid under a 500 may be its
// own.
var fragmentsInside = []fragment{
	{"toolong", TooLarge}, {"taken", Conflict}, {"alreadyin", Conflict}, {"deleted", NotFound}, {"deactivated", Permission}, {"disabled", Permission},
	{"restricted", Permission}, {"invalid", InvalidRequest}, {"missing", InvalidRequest}, {"malformed", InvalidRequest}, {"notsupported", InvalidRequest},
	{"cannot", InvalidRequest}, {"required", InvalidRequest}, {"toomany", InvalidRequest}, {"archived", InvalidRequest},
}
