package main

import (
	"net/http"
	"time"

	"github.com/steadyhttp/steadyhttp"
)

// An advice says whether the same request may be sent again, and when.
type advice struct {
	// Verdict is "no" if the same request would fail again, "yes" if it may
	// succeed soon, "later" if it may after a wait too long for a program to sit
	// out, and "unsafe" if it may, but might be carried out twice.
	Verdict string `json:"verdict"`
	Why     string `json:"why"`

	// AnyMethod says that it may be sent again whatever its method is.
	AnyMethod bool `json:"any_method"`

	After     *seconds   `json:"after,omitempty"` // the wait that the server asked for; 366 days is that much or more
	Source    string     `json:"after_source,omitempty"`
	NotBefore *time.Time `json:"not_before,omitempty"`
	Over      bool       `json:"wait_is_over,omitempty"` // NotBefore has passed
	Window    seconds    `json:"window,omitempty"`       // of the limit that was hit

	method string // "" is not known
	spent  bool   // the allowance of a day or longer is used up
	fate   steadyhttp.Fate
}

// The verdicts.
const (
	no    = "no"
	yes   = "yes"
	later = "later"
	risky = "unsafe"
)

// adviceOn asks a Retrier with its defaults about e. date is when the answer
// was made, zero if that is not known; r's empty fields are not known either.
func adviceOn(e *steadyhttp.Error, r request, date time.Time) *advice {
	a := &advice{Source: e.RetryAfterSource, Window: seconds(e.Window), method: r.method, fate: e.Fate}
	if e.RetryAfterSource != "" {
		after, until := seconds(e.RetryAfter), e.NotBefore
		if !date.IsZero() && date.Before(time.Now()) {
			until = date.Add(e.RetryAfter)
		}
		until = until.Round(time.Second)
		a.After, a.NotBefore, a.Over = &after, &until, until.Before(time.Now())
		if e.RetryAfter >= longest { // which is all that is believed: the server may have named a later time
			a.NotBefore, a.Over = nil, false
		}
	}

	// A HEAD may always be sent twice, so what forbids it lies in the answer. A
	// PATCH may not, unless the server refused it. -1 leaves MaxWait aside.
	harmless := r.as(http.MethodHead)
	own := harmless
	if r.method != "" {
		own.method = r.method
	}
	best := decide(e, harmless, -1)
	patient, usual := decide(e, own, -1), decide(e, own, 0)
	a.AnyMethod = decide(e, r.as(http.MethodPatch), -1).Again
	switch {
	case !best.Again && e.Window >= day && (e.Class == steadyhttp.RateLimit || e.Class == steadyhttp.Quota):
		a.Verdict, a.spent = later, true
		a.Why = "the limit is for " + words(e.Window) + " and used up: wait for the next period, or have the limit raised"
	case !best.Again:
		a.Verdict, a.Why = no, best.Why
	case !patient.Again:
		a.Verdict, a.Why = risky, patient.Why
	case !usual.Again && !a.Over:
		a.Verdict, a.Why = later, usual.Why
		if a.After != nil {
			a.Why = "the server asked for a wait of " + waitWords(time.Duration(*a.After)) + ", longer than a Retrier's MaxWait"
		}
	default:
		a.Verdict, a.Why = yes, a.safety()
	}
	if a.spent || a.Verdict == no {
		a.NotBefore, a.Over = nil, false // a repeat is as pointless after it
	}
	return a
}

func waitWords(d time.Duration) string {
	if d >= longest {
		return "a year or more"
	}
	return words(d)
}

// day is the window from which on nobody sits out a limit.
const day = 24 * time.Hour

// safety says why a repeat does no harm, or when.
func (a *advice) safety() string {
	switch {
	case a.fate == steadyhttp.FateRefused:
		return "the server refused it and did nothing: any method may be sent again, even POST"
	case a.method == "":
		return "the server may have carried it out: a GET, PUT or DELETE may be repeated, a POST only if it has an idempotency key or calls a language model"
	case a.method == "POST":
		return "the server may have carried it out, but repeating this request does no harm"
	}
	return "the server may have carried it out, but " + a.method + " may be repeated"
}
