package dialect

import (
	"net/http"
	"strings"
	"time"

	"github.com/steadyhttp/steadyhttp/internal/wait"
)

// A signal is one of the things in an answer that tell the class of an error.
type signal struct {
	name   string
	reason string // why it stands where it does
	find   func(*reader) Class
}

// signals are asked one after the other, and the first that has an opinion decides.
// What tells more stands first: a code that means one thing before words, words before
// a code that means anything, and what the HTTP status says last. docs/classification.md
// shows this list.
var signals = []signal{
	{
		"a limit of zero",
		"\"Limit 0, used 0, requested 13\" comes with the code of a rate limit, but who is allowed nothing waits in vain.",
		(*reader).byNoAllowance,
	},
	{
		"a request that is larger than its limit",
		"The answer names a limit and a request above it. It never fits, though most servers call it a rate limit.",
		(*reader).bySize,
	},
	{
		"a code that leaves no doubt",
		"The server's own word for one thing: the provider's codes, then those that everybody uses. No words of the message overrule it.",
		(*reader).byCode,
	},
	{
		"a number that leaves no doubt",
		"The same, for providers that number their errors.",
		(*reader).byNumber,
	},
	{
		"a field that names the limit",
		"Google says \"check your plan and billing\" of a limit by the minute, and adds a wait of seconds to one of a day. The name of the limit tells them apart.",
		(*reader).byLimit,
	},
	{
		"the provider's phrases",
		"Who knows the provider knows what it means by its words; the same sentence may mean something else elsewhere.",
		(*reader).byOwnPhrase,
	},
	{
		"phrases about the size of the request",
		"Too long for the model, or too large for the server: no wait cures it, and the code beside it is often that of a rate limit.",
		(*reader).bySizePhrase,
	},
	{
		"a lack of money, in plain words",
		"\"Insufficient balance, please recharge\" is said of nothing else, and no offer: whoever sends it with the code of a rate limit has no other code. An answer that states a short wait means a rate after all.",
		(*reader).byLackOfMoney,
	},
	{
		"a code of a rate limit",
		"It means one thing, and words of money beside it are an offer: \"upgrade your plan for a higher rate\". Other words go first.",
		(*reader).byLimitCode,
	},
	{
		"a quota that is back in minutes",
		"Under 429 \"quota\" is a word for a rate as well. Where the answer itself says that a few minutes are enough, and names neither money nor a day, it is one.",
		(*reader).byShortWait,
	},
	{
		"phrases that everybody uses",
		"They are short, and were chosen against their false friends. Complaints come first, offers last. Under a 5xx, words for what a server depends on speak against a refusal.",
		(*reader).byPhrase,
	},
	{
		"words for a wrong request in a failure of the server's own",
		"Many answer 500 to whatever they did not expect. Words for another party, or for a time, speak against it.",
		(*reader).byLasting,
	},
	{
		"a code or number that says little",
		"invalid_request, BadRequest and server_error are sent with everything. They yield to words, and to a status that says more.",
		(*reader).byGeneralCode,
	},
	{
		"a part of a code",
		"Nobody can list all codes, but most are made of the same words.",
		(*reader).byPartOfCode,
	},
	{
		"words for a thing that is not there, or taken, in a success that is none",
		"Any status of an error says more than these words, and so does a code. A success has no other sign.",
		(*reader).byThing,
	},
	{
		"a fault of the sender in a success that is none",
		"SOAP's code for a message that must not be sent again without change. It does not say what is wrong, and so yields to words.",
		(*reader).bySender,
	},
	{
		"a wait with a status that says nothing",
		"A client error that asks to come back later is a limit or a ban that passes: some send 418, 444 or 449 so.",
		(*reader).byWait,
	},
	{
		"the status",
		"All that is left: the provider's own use of it, then the usual one.",
		(*reader).byStatus,
	},
}

// class asks the signals.
func (r *reader) class() Class {
	for i := range signals {
		if c := signals[i].find(r); c != "" {
			return c
		}
	}
	return Unknown
}

func (r *reader) bySize() Class {
	if neverFits(r.text(), r.status) {
		return TooLarge
	}
	return ""
}

func (r *reader) byCode() Class {
	return r.lookUp(func(f *family) map[string]Class { return f.codesByKey })
}

// lookUp asks the families' tables in turn, with each code.
func (r *reader) lookUp(table func(*family) map[string]Class) Class {
	for _, f := range r.know {
		for _, code := range r.codes[:r.nCodes] {
			if c := lookUp(table(f), code); c != "" && !tooMany(c, r.status) {
				return c
			}
		}
	}
	return ""
}

func (r *reader) byNumber() Class {
	if c := r.numbered(); !isGeneral(c) && !tooMany(c, r.status) {
		return c
	}
	return ""
}

// numbered is the class of the provider's number for the error.
func (r *reader) numbered() Class {
	if r.number == 0 {
		return ""
	}
	if r.tree.at(pJSONRPC) != 0 {
		switch r.number { // https://www.jsonrpc.org/specification#error_object
		case -32700, -32600, -32601, -32602:
			return InvalidRequest
		case -32603:
			return ServerError
		case -32005: // https://eips.ethereum.org/EIPS/eip-1474#error-codes
			if c := r.phrase(); c == "" || c == Quota {
				return RateLimit
			}
		}
	}
	for _, f := range r.know {
		if c := f.byNumber(r.number); c != "" {
			return c
		}
	}
	return ""
}

// tooMany reports whether a conflict is one of too many requests: a server that
// says 429 refuses the rate, whatever state it names beside it.
func tooMany(c Class, status int) bool {
	return c == Conflict && status == http.StatusTooManyRequests
}

// isGeneral reports whether a code of that class says no more than "your mistake"
// or "ours".
func isGeneral(c Class) bool { return c == InvalidRequest || c == ServerError }

func (r *reader) byLimit() Class {
	w := r.limitWindow()
	switch {
	case w == 0:
		return ""
	case w >= day:
		return Quota
	}
	return RateLimit
}

func (r *reader) byOwnPhrase() Class {
	for _, f := range r.know {
		if f == common {
			break
		}
		if c := heard(f.phrases, r.text(), r.status); c != "" {
			return c
		}
	}
	return ""
}

func (r *reader) bySizePhrase() Class {
	if c := r.phrase(); c == ContextLength || c == TooLarge {
		return c
	}
	return ""
}

func (r *reader) byLackOfMoney() Class {
	if r.phrase() != Quota || r.status == 0 || tables().broke.heard(r.text(), r.status) == "" {
		return ""
	}
	if said, ok := wait.Text(r.message); r.stated > 0 || ok && said <= maxShortWait {
		return ""
	}
	return Quota
}

func (r *reader) byLimitCode() Class {
	if p := r.phrase(); p != "" && p != Quota {
		return "" // they agree, or tell more
	}
	for _, code := range r.codes[:r.nCodes] {
		if lookUp(tables().limitCodes, code) == RateLimit {
			return RateLimit
		}
	}
	return ""
}

// byShortWait goes by what the words or the body state. A Retry-After is sent with
// every 429 by many, whatever was used up.
func (r *reader) byShortWait() Class {
	if r.status != http.StatusTooManyRequests || r.phrase() != Quota && r.byPartOfCode() != Quota {
		return ""
	}
	for _, code := range r.codes[:r.nCodes] {
		if lookUp(tables().common.codesByKey, code) == Quota {
			return ""
		}
	}
	stated := r.stated
	if stated == 0 {
		stated, _ = wait.Text(r.message)
	}
	if stated == 0 || stated > maxShortWait {
		return ""
	}
	text := r.text()
	if _, w := firstWindow(text); w >= day {
		return ""
	}
	if saysAny(text, ofMoney) {
		return ""
	}
	return RateLimit
}

// maxShortWait is how long a wait may be that somebody sits out.
const maxShortWait = 10 * time.Minute

// ofMoney are words for what no wait brings back.
var ofMoney = []string{"balance", "billing", "payment", "pay ", "paid", "credit", "purchase", "top up", "recharge", "充值", "余额"}

// phrase is the class of what everybody says.
func (r *reader) phrase() Class {
	if !r.listened {
		r.said, r.listened = tables().phrases.heard(r.text(), r.status), true
	}
	return r.said
}

// byPhrase leaves to the status a refusal for which a server's own trouble is the reason:
// "Authentication failed: database is down", "prepared statement already exists".
func (r *reader) byPhrase() Class {
	c := r.phrase()
	if r.status/100 != 5 {
		return c
	}
	switch c {
	case Authentication, Permission, ContentPolicy, Quota, InvalidRequest, NotFound, Conflict:
		if saysAny(r.text(), ofDown) {
			return ""
		}
	}
	return c
}

// ofDown is said of what a server depends on, and of what it counts for itself.
var ofDown = []string{
	"is down", "are down", "did not respond", "did not answer", "didn't respond", "timed out", "connection refused", "connection reset", "unreachable",
	"not reachable", "unhealthy", "filter unavailable", "keeper", "memory quota", "retry budget", "token bucket", "prepared statement",
	"handler already registered", "in memory; loading", "recovering", "rebalancing", "failover",
}

func (r *reader) byGeneralCode() Class {
	for _, f := range r.know {
		for _, code := range r.codes[:r.nCodes] {
			if c := lookUp(f.hintsByKey, code); c != "" && believable(c, r.status) {
				if c == Quota && r.status == http.StatusTooManyRequests && strings.Contains(strings.ToLower(code), "quota") {
					c = RateLimit // with this status a quota is one of requests, not of money
				}
				return c
			}
		}
	}
	return r.numbered()
}

func (r *reader) byPartOfCode() Class {
	for _, code := range r.codes[:r.nCodes] {
		if c := byFragment(code, r.status); c != "" && believable(c, r.status) {
			return c
		}
	}
	if r.nCodes == 0 && madeLikeCode(r.message) {
		return byFragment(r.message, r.status) // its message is a code
	}
	return ""
}

func (r *reader) byThing() Class {
	if r.status/100 > 2 { // an error inside a success has no status
		return ""
	}
	return tables().things.heard(r.text(), r.status)
}

func (r *reader) bySender() Class {
	if r.status/100 > 2 || !r.blamesSender() { // under a 5xx it is asked with what lasts
		return ""
	}
	return InvalidRequest
}

// byWait leaves out the statuses with a meaning of their own: a range that cannot be
// served does not become right by waiting.
func (r *reader) byWait() Class {
	if r.status/100 != 4 || r.status != http.StatusTeapot && http.StatusText(r.status) != "" || first(r.header, "Retry-After") == "" {
		return ""
	}
	if _, telling := commonStatuses[r.status]; telling {
		return ""
	}
	return RateLimit
}

func (r *reader) byStatus() Class {
	for _, f := range r.know {
		if c, ok := f.statuses[r.status]; ok {
			return c
		}
	}
	return byHundred(r.status)
}

// believable reports whether a code's class goes with the status. "Too many"
// is never said by mistake, while a code beside it may be a leftover: Microsoft
// Graph says accessDenied with 429. And a code that says no more than "your
// mistake" or "ours" yields to a status that says more, and "ours" to any 4xx: "ApiError"
// is what many call each of their errors.
func believable(c Class, status int) bool {
	switch c {
	case InvalidRequest, ServerError:
		_, telling := commonStatuses[status]
		return !telling && (c == InvalidRequest || status/100 != 4)
	case NotFound:
		// With 401 it is the user or the key that was not found.
		return status != http.StatusTooManyRequests && status != http.StatusUnauthorized
	case Permission: // OperationNotAllowed: Azure's, for a thing in a state that forbids it
		return status != http.StatusTooManyRequests && status != http.StatusProxyAuthRequired && status != http.StatusConflict
	case Conflict:
		return status != http.StatusTooManyRequests && status != http.StatusServiceUnavailable
	case Authentication, Timeout: // lock_timeout: Stripe's, for many changes of one object
		return status != http.StatusTooManyRequests
	}
	return true
}

// neverFits reports whether the answer names a limit and a request that is
// above it all by itself. Waiting will not make it fit.
func neverFits(text string, status int) bool {
	if status != 0 && status != 413 && status != 429 && status != 503 {
		return false
	}
	for _, pair := range [...]struct{ limit, ask string }{
		{"limit ", "requested "}, // OpenAI, Groq: tokens per minute
		{"limit: ", "requested: "},
		{"max_coordinating_and_primary_bytes=", "coordinating_operation_bytes="}, // Elasticsearch
	} {
		limit, ok := numberAfter(text, pair.limit)
		ask, also := numberAfter(text, pair.ask)
		if ok && also && limit > 0 && ask > limit {
			return true
		}
	}
	return false
}

// numberAfter reads the digits after the first place where a word is mark and
// digits follow.
func numberAfter(text, mark string) (int64, bool) {
	for from := 0; ; {
		i := strings.Index(text[from:], mark)
		if i < 0 {
			return 0, false
		}
		i += from
		from = i + len(mark)
		if !starts(text, i) {
			continue
		}
		for _, about := range [...]string{"~", "≈", "approx. "} {
			if strings.HasPrefix(text[from:], about) {
				from += len(about)
				break
			}
		}
		var n int64
		digits := 0
		for _, c := range []byte(text[from:min(len(text), from+20)]) {
			if c == ',' && digits > 0 {
				continue
			}
			if c < '0' || c > '9' || digits == 15 {
				break
			}
			n = n*10 + int64(c-'0')
			digits++
		}
		if digits > 0 {
			return n, true
		}
	}
}
