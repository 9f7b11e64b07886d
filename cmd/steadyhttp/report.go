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
	r.Input = logEntryOfOurs
	return r
}

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
