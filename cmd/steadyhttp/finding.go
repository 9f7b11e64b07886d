package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/steadyhttp/steadyhttp"
	"github.com/steadyhttp/steadyhttp/internal/dialect"
	"github.com/steadyhttp/steadyhttp/internal/redact"
)

// A finding is what an exchange comes to.
type finding struct {
	e     *steadyhttp.Error // nil for a success, and if the class cannot be told
	asked request           // with the host that the answer names, if nobody knew one

	inside bool // the error is in the body of a success
	unseen bool // in one that a Classifier does not look into

	because string        // why the class cannot be told; "" if it can
	maybe   []possibility // what it may be
	others  []int         // statuses with which it would be another one than e's

	assumed, sign string // the host that the answer names, and how
}

// judged judges what the input shows.
func (seen *sighting) judged() (f finding) {
	f.asked = seen.asked
	if f.asked.host == "" && seen.err == nil && !seen.byProxy {
		f.assumed, f.sign = dialect.LikelyHost(dialect.Answer{Status: seen.status, Header: seen.header, Body: []byte(seen.body)})
		f.asked.host = f.assumed
	}
	switch {
	case seen.err != nil:
		f.e = errorSaying(seen.err)
	case seen.class != "":
		f.e = seen.own(f.asked)
	case seen.byProxy:
		f.asked.host = ""
		made := *judgeAs(seen.answer, f.asked)
		made.Fate, made.Scope = steadyhttp.FateNeverSent, 0
		f.e = &made
	case seen.status != 0:
		f.e, f.inside, f.unseen = judge(seen.answer, f.asked)
	default:
		f.e, f.because, f.maybe, f.others = survey(seen.answer, f.asked)
		if f.e != nil && seen.kind == aCode && f.e.Class == steadyhttp.RateLimit && general(f.e.Code) {
			f.e, f.because = nil, "this code is used for limits of every kind: the message or its details say which"
			f.maybe = []possibility{{Class: steadyhttp.RateLimit.String()}, {Class: steadyhttp.Quota.String()}}
		}
	}
	if f.e != nil && seen.waitInText && f.e.RetryAfterSource != "" {
		made := *f.e
		made.RetryAfterSource = "the text"
		f.e = &made
	}
	return f
}

// reportOf explains what an input shows of one exchange.
func reportOf(seen *sighting) *report {
	f := seen.judged()
	var r *report
	switch {
	case f.because != "":
		r = undecidedReport(seen, f)
	case f.e == nil:
		r = &report{Outcome: success, Status: seen.status, Class: steadyhttp.None.String(), Description: steadyhttp.None.Description()}
	default:
		at := seen.date()
		if at.IsZero() {
			at = seen.at
		}
		r = reportOfError(f.e, f.asked, at)
		r.Evidence = evidence(seen, f.asked, f.e, f.inside)
		if at.IsZero() && (seen.late || seen.waitInText) {
			r.Retry.NotBefore, r.Retry.Over = nil, false // nobody knows when the wait began
		}
		r.AssumedHost = f.assumed
	}
	r.Input, r.Request = seen.kind, seen.asked.where()
	r.noResponse = seen.err != nil
	r.errorText = seen.err != nil || seen.kind == anErrorText || seen.kind == aTextWithError
	if seen.byProxy && seen.status == http.StatusProxyAuthRequired {
		r.Causes = []string{"the proxy wants a user and a password, or these are wrong"}
		r.Solutions = []string{"set them in the URL of the proxy, before its host", "ask who runs the proxy"}
		r.Hint = "It is the proxy that wants credentials, not the server."
	}
	r.Notes = append(seen.notes, f.notes(seen)...)
	return r
}

// notes are what else to know.
func (f *finding) notes(seen *sighting) (all []string) {
	note := func(s string) { all = append(all, s) }
	if f.assumed != "" && (f.e != nil || f.because != "") {
		note(fmt.Sprintf("The host is not known. It is taken for %s, because of %s. If somebody else answered, say so with -host.", f.assumed, f.sign))
	}
	switch {
	case len(f.others) > 0:
		note("No status is known. With " + numbers(f.others) + " the class would be another one.")
	case seen.status == 0 && f.e != nil && seen.err == nil && seen.class == "":
		note("No status is known; with any, the class is this one. Whether the server did nothing depends on it.")
	}
	succeeded := f.e == nil && f.because == ""
	switch {
	case seen.unreadable:
		note("The body is compressed or binary, and nothing of it could be read: get it with curl --compressed. It may change the class.")
	case f.inside && f.unseen:
		note("The status says success, but the body holds an error. A Classifier does not look into responses of this path: give it a Rule with Host, Status and Code, else it takes this for a success and repeats nothing.")
	case f.inside:
		note("The status says success, but the body holds an error.")
	case succeeded && seen.status < 200:
		note("A status below 200 is not a final response.")
	case succeeded && 300 <= seen.status:
		note("A redirect or a 304 is not a failure.")
	case succeeded && strings.TrimSpace(seen.body) == "" && seen.status != http.StatusNoContent:
		note("Some APIs say success by the status and have the error in the body, which is not shown here.")
	case f.e != nil && seen.bare && seen.err == nil:
		note("This is judged by the status alone. The headers and the body say more, and may change the class.")
	case f.e != nil && f.e.Provider == "" && f.asked.host == "" && seen.err == nil && !seen.byProxy:
		note("The provider is not known. Name its host with -host, so that its own codes are understood.")
	}
	return all
}

// undecidedReport says why the class cannot be told, and what would tell it.
func undecidedReport(seen *sighting, f finding) *report {
	r := &report{Outcome: undecided, Class: steadyhttp.Unknown.String(), Description: "cannot tell", Because: f.because, MayBe: f.maybe, Add: toAdd(seen, f.asked), AssumedHost: f.assumed}
	if seen.unreadable {
		r.Because = "the body is compressed or binary and cannot be read, and the input shows no status"
	}
	if strings.TrimSpace(seen.body) == "" && len(seen.header) == 0 && !seen.unreadable {
		r.Because = "the input is no response, body, code or error text that is known here"
	}
	e := judgeAs(seen.as(http.StatusTeapot), f.asked)
	r.Provider, r.Code, r.RequestID = e.Provider, e.Code, e.RequestID
	if seen.kind != aCode && !isJSON(e.Message) {
		r.Message = e.Message
	} else if digits.MatchString(seen.said()) {
		r.Because = "a number that is no HTTP status means something else at each provider"
	}
	r.RateLimit = limitsOf(e)
	if e.RetryAfterSource != "" {
		after := seconds(e.RetryAfter)
		r.Retry = &advice{Verdict: undecided, Why: "the server named a wait; whether a repeat helps depends on the class", After: &after, Source: e.RetryAfterSource}
	}
	return r
}

// said is what there is of a code alone.
func (seen *sighting) said() string {
	var body struct{ Error struct{ Code any } }
	json.Unmarshal([]byte(seen.body), &body)
	if n, ok := body.Error.Code.(float64); ok {
		return strconv.FormatFloat(n, 'f', -1, 64)
	}
	s, _ := body.Error.Code.(string)
	return s
}

// own is what an error of this library says, with the rest from judging an answer
// like the one that it tells of.
func (seen *sighting) own(asked request) *steadyhttp.Error {
	as := seen.status
	if as == 0 {
		as = http.StatusTeapot
	}
	said := judgeAs(seen.as(as), asked)
	en := entry{
		method: asked.method, url: "https://" + asked.host + asked.path, status: seen.status, class: classNamed(seen.class),
		provider: said.Provider, code: said.Code, message: said.Message, hint: said.Hint, requestID: said.RequestID,
		retryAfter: said.RetryAfter, retryFrom: said.RetryAfterSource,
	}
	e := errorOf(&en)
	if e.Class != said.Class {
		e.Hint = ""
	}
	return e
}

// errorSaying is the verdict on an error that came instead of a response.
func errorSaying(err error) *steadyhttp.Error {
	made := *verdict(nil, err)
	made.Message = redact.Line(err.Error(), maxShown)
	return &made
}

func numbers(all []int) string {
	var words []string
	for _, n := range all {
		words = append(words, strconv.Itoa(n))
	}
	if len(words) > 1 {
		return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
	}
	return strings.Join(words, "")
}
