package dialect

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/steadyhttp/steadyhttp/internal/wait"
)

// repeat is what the answer says about sending the request again. host is the
// family at the request's host, nil if nobody knows it.
func (r *reader) repeat(c Class, host *family, know []*family, a Answer) Repeat {
	for _, name := range tables().retryHeaders {
		switch first(a.Header, name) {
		case "false":
			return Never
		case "true":
			// It says that a repeat helps, and is no proof that nothing was done: it is written
			// for clients that send an idempotency key, or do not mind.
			switch c {
			case Quota, Authentication, Permission:
				continue
			}
			if host.means(name, a.Host) {
				return Always
			}
			return Reads
		}
	}
	for _, f := range know {
		for _, code := range r.codes[:r.nCodes] {
			if rep, ok := f.repeat[code]; ok {
				return rep
			}
		}
	}
	switch {
	case c == RateLimit && (r.banned() || r.countsGuesses()) && !r.saysUntil(), r.needsSetup(c), r.lasts(c), r.quotesRefusal(c), r.forbidsRepeat():
		return Never
	case r.passes(c):
		return Passing
	}
	return ByClass
}

// needsSetup reports whether a server says of its own failure that somebody has to set
// something up. The evidence is what it says, the scope this answer; the next call is
// sent as ever, and shows whether it has been done.
func (r *reader) needsSetup(c Class) bool {
	return (c == ServerError || c == Unavailable) && r.status/100 == 5 && tables().setup.heard(r.text(), r.status) != ""
}

// quotesRefusal reports whether the failure of a gateway quotes what it was told behind:
// that the request, or its key, is wrong. A 503 that quotes a refused key may pass: the
// next try may get another key.
func (r *reader) quotesRefusal(c Class) bool {
	if c != ServerError && c != Unavailable || r.status/100 != 5 {
		return false
	}
	text := r.text()
	return (r.quotes(text) || says(text, "type:card_error")) && !saysAny(text, ofNextTry)
}

// quotes reports whether text has a status of a refusal in it.
func (r *reader) quotes(text string) bool {
	for i := 0; i+3 <= len(text); i++ {
		if text[i] == '4' && r.isRefusal(text[i:i+3]) && quoted(text, i) {
			return true
		}
	}
	return false
}

// isRefusal reports whether a status behind a gateway says that no repeat helps.
func (r *reader) isRefusal(status string) bool {
	switch status {
	case "400", "413", "415", "422":
		return true
	case "401", "402", "403", "404", "405", "410", "451":
		return r.status == http.StatusInternalServerError || r.status == http.StatusBadGateway
	}
	return false
}

// quoted reports whether the three digits at text[i] are an HTTP status: its text comes
// after it, or words for a status before it. A number of things is none.
func quoted(text string, i int) bool {
	if !starts(text, i) || i+3 < len(text) && wordByte(text[i+3]) {
		return false
	}
	before, after := text[max(0, i-maxQuote):i], text[i+3:min(len(text), i+3+maxQuote)]
	n, _ := strconv.Atoi(text[i : i+3])
	name := strings.ToLower(strings.ReplaceAll(http.StatusText(n), "-", " "))
	if rest := strings.TrimLeft(after, " :({["); strings.HasPrefix(rest, name) || strings.HasPrefix(rest, "client error") || strings.HasPrefix(rest, "payload too large") {
		return true
	}
	said := strings.TrimRight(before, " :=([{'")
	if len(said) == len(before) {
		return false
	}
	if endsWithAny(said, ofStatus...) {
		thing, _, _ := strings.Cut(strings.TrimPrefix(after, " "), " ")
		return !slices.Contains(countedThings, strings.TrimRight(thing, ".,;:"))
	}
	return endsWithAny(said, ofAnswers...) && (after == "" || strings.IndexByte(".,;:)]}'", after[0]) >= 0 || strings.HasPrefix(after, " from") || strings.HasPrefix(after, " for"))
}

// maxQuote is how far the words for a status are looked for.
const maxQuote = 40

// ofNextTry is said by a gateway that goes on by itself, and by Apache of its own page.
var ofNextTry = []string{
	"taking the next", "trying the next", "next account", "next key", "next provider", "switching to", "falling back", "retrying", "try again",
	"please retry", "to use an errordocument", "code = unavailable",
}

// ofStatus are words for a status, before it. ofAnswers are verbs, after which a number
// of things may come as well.
var (
	ofStatus  = []string{"status", "statuscode", "status code", "http", "http error", "http code", "response code", "http/1.1", "http/2"}
	ofAnswers = []string{"returned", "responded", "responded with", "answered", "answered with", "got", "said", "error", "api error", "failed with"}
)

// countedThings may come after a number that only looks like a status.
var countedThings = []string{"rows", "bytes", "items", "results", "records", "entries", "lines", "times", "files", "requests", "errors", "characters", "chars", "tokens", "ms", "milliseconds", "seconds", "documents", "messages", "events", "points"}

// forbidsRepeat reports whether a server says of its own failure that the request must not
// be sent again, or that the part that matters is done. The evidence is what it says, the
// scope this answer; who knows better repeats by hand.
func (r *reader) forbidsRepeat() bool {
	if r.status/100 != 5 {
		return false
	}
	text := r.text()
	if strings.Contains(text, "but") && tables().halfDone.heard(text, r.status) != "" {
		return true
	}
	if !containsAny(text, "not ", "n't ", "non", "重") { // one of them is in each phrase
		return false
	}
	for _, phrase := range forbidding {
		i := strings.Index(text, phrase)
		if i < 0 || !starts(text, i) {
			continue
		}
		rest := text[i+len(phrase):]
		if end := strings.IndexAny(rest, ".;,!\n"); end >= 0 {
			rest = rest[:end]
		}
		return !saysAny(rest, untilThen)
	}
	return false
}

func containsAny(s string, parts ...string) bool {
	for _, part := range parts {
		if strings.Contains(s, part) {
			return true
		}
	}
	return false
}

// banned reports whether the answer speaks of a ban: who goes on meanwhile is banned for
// longer.
func (r *reader) banned() bool {
	text := r.text()
	for _, part := range [...]string{"ban", "block", "suspend", "restrict", "lock", "disabled", "封禁"} { // of all those phrases
		if strings.Contains(text, part) {
			return tables().bans.heard(text, r.status) != ""
		}
	}
	return false
}

// countsGuesses reports whether the answer says that passwords or one-time codes were tried
// too often: each try may count, and keep the account locked for longer. The evidence is
// what it says; the scope is this call, since others guess for other accounts; and the
// caller, who has the answer at once, may try again.
func (r *reader) countsGuesses() bool {
	for _, code := range r.codes[:r.nCodes] {
		if codesOfGuesses[fold(code)] {
			return true
		}
	}
	text := r.text()
	return containsAny(text, "attempt", "too many", "tries", "guesses") && tables().guesses.heard(text, r.status) != ""
}

// saysUntil reports whether the answer says how long what it speaks of holds.
func (r *reader) saysUntil() bool {
	if r.stated > 0 || first(r.header, "Retry-After") != "" {
		return true
	}
	_, told := wait.Text(r.message)
	return told
}

// provesRefusal reports whether the answer proves, by what the provider at the request's
// host documents, that nothing was done. Evidence is the provider's own code or
// status at its own host: an answer of the same shape from elsewhere may have been
// made after the work was done.
func (r *reader) provesRefusal(c Class, host *family, a Answer) bool {
	if host == nil || host.isTenant(a.Host) {
		return false
	}
	switch {
	case a.Status == http.StatusTooManyRequests, host.saysRefused(a.Status):
		return true
	case a.Status == http.StatusForbidden && c == RateLimit:
		return true // GitHub's secondary limit, which has words and no code
	}
	for f := host; f != nil; f = f.like {
		for _, code := range r.codes[:r.nCodes] {
			switch {
			case f.repeat[code] == Always, slices.Contains(f.refusals, code):
				return true
			case c == RateLimit && (lookUp(f.codesByKey, code) == RateLimit || lookUp(f.hintsByKey, code) == RateLimit):
				return true
			}
		}
		if c == RateLimit && r.number != 0 && f.byNumber(r.number) == RateLimit {
			return true
		}
	}
	return false
}

// means reports whether a family's own service sends that header of the kind of
// X-Should-Retry, so that true means what it says. f may be nil.
func (f *family) means(header, host string) bool {
	return f != nil && !f.isTenant(host) && (f.retryHeader == header || f.shouldRetry && common.retryHeader == header)
}

func (f *family) saysRefused(status int) bool { return slices.Contains(f.refusedStatuses, status) }

// isTenant reports whether a customer's program answers at this host of the family.
func (f *family) isTenant(host string) bool {
	for _, part := range f.tenants {
		if strings.Contains(host, part) {
			return true
		}
	}
	return false
}
