package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/steadyhttp/steadyhttp"
	"github.com/steadyhttp/steadyhttp/internal/dialect"
	"github.com/steadyhttp/steadyhttp/internal/redact"
)

// A report is all that explain says. Its JSON names are stable; durations are
// seconds.
type report struct {
	Schema      int           `json:"schema"`          // of this object: schemaNumber
	Outcome     string        `json:"outcome"`         // one of those below
	Input       string        `json:"input,omitempty"` // what the input was taken for
	Request     string        `json:"request,omitempty"`
	Status      int           `json:"status,omitempty"`
	Class       string        `json:"class"`
	Description string        `json:"description"`
	Message     string        `json:"message,omitempty"`
	Provider    string        `json:"provider,omitempty"`
	Code        string        `json:"code,omitempty"`
	Param       string        `json:"param,omitempty"`
	RequestID   string        `json:"request_id,omitempty"`
	Evidence    []string      `json:"evidence,omitempty"`
	Retry       *advice       `json:"retry,omitempty"`
	Fate        string        `json:"fate,omitempty"`
	Scope       []string      `json:"scope,omitempty"`
	ScopeName   string        `json:"scope_name,omitempty"`
	RateLimit   []limit       `json:"rate_limit,omitempty"`
	Causes      []string      `json:"causes,omitempty"`
	Solutions   []string      `json:"solutions,omitempty"`
	Hint        string        `json:"hint,omitempty"`
	UserMessage string        `json:"user_message,omitempty"`
	AssumedHost string        `json:"assumed_host,omitempty"` // taken from what the answer looks like
	Because     string        `json:"because,omitempty"`      // why the class cannot be told
	MayBe       []possibility `json:"may_be,omitempty"`
	Add         []string      `json:"add,omitempty"` // what would tell it
	Call        *call         `json:"call,omitempty"`
	Log         *counts       `json:"log,omitempty"`
	Notes       []string      `json:"notes,omitempty"`

	errorText  bool // the message is from the text of an error, and not the server's alone
	noResponse bool // there was none, so that there is no status either
}

// A limit is a rate limit as the server states it; what it does not say is absent.
type limit struct {
	Unit      string   `json:"unit,omitempty"`
	Name      string   `json:"name,omitempty"`
	Window    seconds  `json:"window,omitempty"`
	Limit     *int64   `json:"limit,omitempty"`
	Remaining *int64   `json:"remaining,omitempty"`
	Reset     *seconds `json:"reset,omitempty"`
}

// A call is what a log entry tells of one.
type call struct {
	Time           *time.Time `json:"time,omitempty"`
	Method         string     `json:"method,omitempty"`
	URL            string     `json:"url,omitempty"`
	Duration       seconds    `json:"duration"`
	Attempts       int        `json:"attempts"`
	RetriedClasses []string   `json:"retried_classes,omitempty"`
	Waited         seconds    `json:"waited,omitempty"`
	Throttled      seconds    `json:"throttled,omitempty"`
	Stopped        string     `json:"retry_stopped,omitempty"`
}

// counts tells how many entries there were beside the one explained.
type counts struct {
	Entries  int `json:"entries"`
	Failures int `json:"failures"`
}

// seconds are a duration that JSON shows as a number of them.
type seconds time.Duration

func (s seconds) MarshalJSON() ([]byte, error) { return json.Marshal(time.Duration(s).Seconds()) }

func (r *report) writeJSON(w io.Writer) error {
	r.Schema = schemaNumber
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(r)
}

// The outcomes.
const (
	failure   = "failure"
	recovered = "recovered"
	success   = "success"
	undecided = "unknown"
)

// schemaNumber changes when a member changes its meaning or goes. Members may come.
const schemaNumber = 1

// reportOf explains what an input shows of one exchange.
func reportOf(seen *sighting) *report {
	asked := seen.asked
	assumed, sign := "", ""
	if asked.host == "" && seen.err == nil {
		assumed, sign = dialect.LikelyHost(dialect.Answer{Status: seen.status, Header: seen.header, Body: []byte(seen.body)})
		asked.host = assumed
	}
	e, inside, unseen := (*steadyhttp.Error)(nil), false, false
	var r *report
	var others []int
	switch {
	case seen.err != nil:
		e = errorSaying(seen.err)
	case seen.class != "":
		e = seen.own(asked)
	case seen.byProxy:
		asked.host = ""
		made := *judgeAs(seen.answer, asked)
		made.Fate, made.Scope = steadyhttp.FateNeverSent, 0
		e = &made
	case seen.status != 0:
		e, inside, unseen = judge(seen.answer, asked)
	default:
		var because string
		var maybe []possibility
		e, because, maybe, others = survey(seen.answer, asked)
		if e != nil && seen.kind == "a code" && e.Class == steadyhttp.RateLimit && general(e.Code) {
			e, because = nil, "this code is used for limits of every kind: the message or its details say which"
			maybe = []possibility{{Class: steadyhttp.RateLimit.String()}, {Class: steadyhttp.Quota.String()}}
		}
		if e == nil {
			r = undecidedReport(seen, asked, because, maybe)
		}
	}
	switch {
	case r != nil:
	case e == nil:
		r = &report{Outcome: success, Status: seen.status, Class: steadyhttp.None.String(), Description: steadyhttp.None.Description()}
	default:
		if seen.waitInText && e.RetryAfterSource != "" {
			made := *e
			made.RetryAfterSource = "the text"
			e = &made
		}
		r = reportOfError(e, asked, seen.date())
		if seen.waitInText && r.Retry.NotBefore != nil {
			r.Retry.NotBefore, r.Retry.Over = nil, false // nobody knows when the wait began
		}
		r.Evidence = evidence(seen, asked, e, inside)
	}
	r.noResponse = seen.err != nil
	r.errorText = seen.err != nil || strings.HasSuffix(seen.kind, "of an error") || strings.HasSuffix(seen.kind, "an error in it")
	if seen.byProxy && seen.status == http.StatusProxyAuthRequired {
		r.Causes = []string{"the proxy wants a user and a password, or these are wrong"}
		r.Solutions = []string{"set them in the URL of the proxy, before its host", "ask who runs the proxy"}
		r.Hint = "It is the proxy that wants credentials, not the server."
	}
	r.Input, r.Request, r.AssumedHost = seen.kind, seen.asked.where(), assumed
	if assumed != "" && r.Outcome != success {
		r.note(fmt.Sprintf("The host is not known. It is taken for %s, because of %s. If somebody else answered, say so with -host.", assumed, sign))
	}
	for _, note := range seen.notes {
		r.note(note)
	}
	if len(others) > 0 {
		r.note("No status is known. With " + numbers(others) + " the class would be another one.")
	} else if seen.status == 0 && e != nil && seen.err == nil && seen.class == "" {
		r.note("No status is known; with any, the class is this one. Whether the server did nothing depends on it.")
	}
	switch {
	case seen.unreadable:
		r.note("The body is compressed or binary, and nothing of it could be read: get it with curl --compressed. It may change the class.")
	case inside && unseen:
		r.note("The status says success, but the body holds an error. A Classifier does not look into responses of this path: give it a Rule with Host, Status and Code, else it takes this for a success and repeats nothing.")
	case inside:
		r.note("The status says success, but the body holds an error.")
	case e == nil && r.Outcome == success && seen.status < 200:
		r.note("A status below 200 is not a final response.")
	case e == nil && 300 <= seen.status && r.Outcome == success:
		r.note("A redirect or a 304 is not a failure.")
	case e == nil && r.Outcome == success && strings.TrimSpace(seen.body) == "" && seen.status != 204:
		r.note("Some APIs say success by the status and have the error in the body, which is not shown here.")
	case e != nil && seen.bare && seen.err == nil:
		r.note("This is judged by the status alone. The headers and the body say more, and may change the class.")
	case e != nil && e.Provider == "" && asked.host == "" && seen.err == nil && !seen.byProxy:
		r.note("The provider is not known. Name its host with -host, so that its own codes are understood.")
	}
	return r
}

// undecidedReport says why the class cannot be told, and what would tell it.
func undecidedReport(seen *sighting, asked request, because string, maybe []possibility) *report {
	r := &report{Outcome: undecided, Class: steadyhttp.Unknown.String(), Description: "cannot tell", Because: because, MayBe: maybe, Add: toAdd(seen, asked)}
	if seen.unreadable {
		r.Because = "the body is compressed or binary and cannot be read, and the input shows no status"
	}
	if strings.TrimSpace(seen.body) == "" && len(seen.header) == 0 && !seen.unreadable {
		r.Because = "the input is no response, body, code or error text that is known here"
	}
	e := judgeAs(seen.as(http.StatusTeapot), asked)
	r.Provider, r.Code, r.RequestID = e.Provider, e.Code, e.RequestID
	if seen.kind != "a code" && !isJSON(e.Message) {
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

// reportOfError explains e, an answer made at date to r, zero if not known.
func reportOfError(e *steadyhttp.Error, asked request, date time.Time) *report {
	r := &report{
		Outcome:     failure,
		Status:      e.Status,
		Class:       e.Class.String(),
		Description: e.Class.Description(),
		Message:     e.Message,
		Provider:    e.Provider,
		Code:        e.Code,
		Param:       e.Param,
		RequestID:   e.RequestID,
		Retry:       adviceOn(e, asked, date),
		Fate:        strings.ReplaceAll(e.Fate.String(), " ", "_"),
		ScopeName:   e.ScopeName,
		Causes:      e.Class.Causes(),
		Solutions:   e.Class.Solutions(),
		Hint:        e.Hint,
		UserMessage: e.UserMessage(),
	}
	if e.Scope != 0 {
		r.Scope = strings.Split(e.Scope.String(), ", ")
	}
	r.RateLimit = limitsOf(e)
	return r
}

func limitsOf(e *steadyhttp.Error) (all []limit) {
	for _, a := range e.RateLimit {
		l := limit{Unit: a.Unit, Name: a.Name, Window: seconds(a.Window)}
		if a.Limit >= 0 {
			l.Limit = &a.Limit
		}
		if a.Remaining >= 0 {
			l.Remaining = &a.Remaining
		}
		if reset := seconds(a.Reset); a.Reset >= 0 {
			l.Reset = &reset
		}
		all = append(all, l)
	}
	return all
}

// reportOfEntries explains the last entry that failed; if none did, the last
// that recovered, else the last.
func reportOfEntries(all []entry) *report {
	n := counts{Entries: len(all)}
	var failed, again *entry
	for i := range all {
		switch e := &all[i]; {
		case e.failed():
			n.Failures++
			failed = e
		case e.attempts > 1:
			again = e
		}
	}
	chosen := cmp.Or(failed, again, &all[len(all)-1])
	return reportOfEntry(chosen, n)
}

func reportOfEntry(e *entry, n counts) *report {
	var r *report
	switch {
	case e.failed():
		host, path := e.request()
		r = reportOfError(errorOf(e), request{method: e.method, host: host, path: path}, e.time)
		r.errorText, r.noResponse = e.status == 0, e.status == 0
		if e.time.IsZero() {
			r.Retry.NotBefore = nil // nobody knows when the wait began
		}
	case e.attempts > 1:
		r = &report{Outcome: recovered}
	default:
		r = &report{Outcome: success}
	}
	if !e.failed() {
		r.Status, r.Class, r.Description = e.status, steadyhttp.None.String(), steadyhttp.None.Description()
	}
	if r.Outcome == recovered && len(e.tried) > 0 {
		last := e.tried[len(e.tried)-1]
		r.Causes, r.Solutions = last.Causes(), last.Solutions()
	}
	r.Call = &call{
		Method: e.method, URL: e.url, Duration: seconds(e.duration), Attempts: e.attempts,
		Waited: seconds(e.waited), Throttled: seconds(e.throttled), Stopped: e.stopped,
	}
	for _, c := range e.tried {
		r.Call.RetriedClasses = append(r.Call.RetriedClasses, c.String())
	}
	if !e.time.IsZero() {
		r.Call.Time = &e.time
	}
	if n.Entries > 1 {
		r.Log = &n
	}
	r.Input = "a log entry of steadyhttp"
	return r
}

func (r *report) note(s string) { r.Notes = append(r.Notes, s) }

// title is the status with its words.
func (r *report) title() string {
	switch {
	case r.noResponse:
		return "no response"
	case r.Status == 0:
		return "status not known"
	}
	return strings.TrimSpace(strconv.Itoa(r.Status) + " " + http.StatusText(r.Status))
}
