package main

import (
	"cmp"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/steadyhttp/steadyhttp"
)

// A report is all that explain says. Its JSON names are stable; durations are
// seconds.
type report struct {
	Outcome     string   `json:"outcome"` // one of those below
	Status      int      `json:"status,omitempty"`
	Class       string   `json:"class"`
	Description string   `json:"description"`
	Message     string   `json:"message,omitempty"`
	Provider    string   `json:"provider,omitempty"`
	Code        string   `json:"code,omitempty"`
	Param       string   `json:"param,omitempty"`
	RequestID   string   `json:"request_id,omitempty"`
	Retry       *advice  `json:"retry,omitempty"`
	Fate        string   `json:"fate,omitempty"`
	Scope       []string `json:"scope,omitempty"`
	ScopeName   string   `json:"scope_name,omitempty"`
	RateLimit   []limit  `json:"rate_limit,omitempty"`
	Causes      []string `json:"causes,omitempty"`
	Solutions   []string `json:"solutions,omitempty"`
	Hint        string   `json:"hint,omitempty"`
	UserMessage string   `json:"user_message,omitempty"`
	Call        *call    `json:"call,omitempty"`
	Log         *counts  `json:"log,omitempty"`
	Notes       []string `json:"notes,omitempty"`
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
)

func reportOfAnswer(s settings, a *answer) *report {
	asked := request{s.method, s.host, s.path}
	e, inside := judge(a, asked)
	r := &report{Outcome: success, Status: a.status, Class: steadyhttp.None.String(), Description: steadyhttp.None.Description()}
	if e != nil {
		r = reportOfError(e, asked, a.date())
	}
	switch {
	case inside:
		r.note("The status says success, but the body holds an error.")
	case e == nil && a.status < 200:
		r.note("A status below 200 is not a final response.")
	case e == nil && 300 <= a.status:
		r.note("A redirect or a 304 is not a failure.")
	case e != nil && a.bare:
		r.note("This is judged by the status alone. The headers and the body say more, and may change the class.")
	case e != nil && e.Provider == "" && s.host == "":
		r.note("The provider is not known. Name its host with -host, so that its own codes are understood.")
	}
	return r
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
		r.RateLimit = append(r.RateLimit, l)
	}
	return r
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
		r = reportOfError(errorOf(e), request{e.method, host, path}, e.time)
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
	return r
}

func (r *report) note(s string) { r.Notes = append(r.Notes, s) }

// title is the status with its words.
func (r *report) title() string {
	if r.Status == 0 {
		return "no response"
	}
	return strings.TrimSpace(strconv.Itoa(r.Status) + " " + http.StatusText(r.Status))
}
