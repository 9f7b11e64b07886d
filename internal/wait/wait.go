// Package wait turns what a server says about coming back into one figure, and
// what it says about its limits into plain values.
//
// The Retrier and the Throttler both ask it, so that they never disagree.
// Everything it reads was written by a stranger: what is negative, overflowing
// or unreadable is as if absent, and each loop has a bound with a name.
package wait

import (
	"net/http"
	"strings"
	"time"
)

// Longest is the longest figure that is believed. A server that names more
// than a year has made a mistake or means harm; either way its figure is as if
// absent, but for a number that says when to come back, which is cut down to this.
// So nothing can overflow a time.Duration.
const Longest = 366 * 24 * time.Hour

// maxLines is how many lines of one header are read. Proxies double a header;
// nobody sends it nine times.
const maxLines = 8

// A Figure is how long a server asked to be left alone, counted from the
// moment its answer arrived.
type Figure struct {
	After  time.Duration
	Source string        // the header or body field that said so, "message" for its words; "" if nobody did
	Window time.Duration // of the limit that it is about; 0 if nobody said
}

// An Ask is an answer, as far as a wait can be read from it.
type Ask struct {
	Known   Defaults    // of the provider; zero for an unknown host
	Status  int         // 0 if the caller knows already that a limit refused the request
	Header  http.Header // canonical names
	Body    Figure      // what the body's fields say; zero if nothing
	Message string      // the provider's words
	Now     time.Time   // when the answer arrived
}

// A WaitHeader is a header that states a wait outright.
type WaitHeader struct {
	Name string        // canonical
	Unit time.Duration // of a bare number
}

// generalWaits are the headers of this kind that many servers send. Those of one
// provider are handed to NewReader.
var generalWaits = []WaitHeader{
	// Azure and OpenAI; the SDKs of both read it first.
	{"Retry-After-Ms", time.Millisecond},
	{"X-Retry-After-Ms", time.Millisecond},
	// RFC 9110, 10.2.3.
	{"Retry-After", time.Second},
	// The same in front of gateways that strip or predate the standard one.
	{"X-Retry-After", time.Second},
	{"X-Ratelimit-Retry-After", time.Second},
	{"X-Rate-Limit-Retry-After", time.Second},
	{"X-Ratelimit-Retry", time.Second},
	{"X-Rate-Limit-Retry", time.Second},
	{"X-Retry-After-Seconds", time.Second},
	{"X-Ratelimit-Reset-After", time.Second}, // Discord's, and of who took it over
	{"Retry-After-Seconds", time.Second},
	{"X-Backoff-Seconds", time.Second},
	// Bucket4j's convention in the Java world.
	{"X-Rate-Limit-Retry-After-Seconds", time.Second},
}

// Read returns how long an answer asks to wait, and the limits that it states. The
// wait is the first figure that is present and sane: a header that names a wait,
// milliseconds before Retry-After; the body's field; the provider's words; the reset
// of the limit that is used up; the end of a maintenance window. A later one is not
// better: OpenAI's reset is when the bucket is full again, which may be a minute after
// there is room.
func (r *Reader) Read(a Ask) (Figure, []Limit) {
	a.Message = lower(a.Message[:min(len(a.Message), maxText)])
	c := clockOf(a.Header, a.Now)
	var d list
	d.read(r, a.Known, a.Header, c)
	f := r.resolve(a, c, &d)
	if f.Source != "" && f.Window == 0 {
		f.Window = windowIn(a.Message)
	}
	return f, d.limits()
}

func (r *Reader) resolve(a Ask, c clock, d *list) Figure {
	for i := range r.waits {
		w := &r.waits[i]
		for _, v := range lines(a.Header, w.Name) {
			if d, ok := asked(v, w.Unit, c); ok {
				return Figure{After: d, Source: strings.ToLower(w.Name)}
			}
		}
	}
	if a.Body.Source != "" && a.Body.After >= 0 && a.Body.After <= Longest {
		return a.Body
	}
	if d, ok := words(a.Message, c); ok {
		return Figure{After: d, Source: "message"}
	}
	if refusal(a.Status) {
		if f := d.exhausted(); f.Source != "" {
			return f
		}
	}
	for _, v := range lines(a.Header, "X-Maintenance-Until") {
		if at, ok := date(v); ok {
			if d := at.Sub(c.at); d <= Longest {
				return Figure{After: max(d, 0), Source: "x-maintenance-until"}
			}
		}
	}
	return Figure{}
}

// refusal reports whether an answer with this status may have been caused by a
// limit. A 404 that happened to use up the last call was not, and neither was a
// success. Linear and Meta say it with 400, GitHub with 403.
func refusal(status int) bool {
	switch status {
	case 0, 400, 402, 403, 420, 425, 429, 498:
		return true
	}
	return status >= 500
}

// exhausted returns the reset of the limit that has nothing remaining. Of
// several the longest decides, since all of them must let the request pass.
func (d *list) exhausted() Figure {
	var found Figure
	var name string
	for i := range d.all[:d.n] {
		l := &d.all[i]
		if l.Remaining == 0 && l.Reset >= found.After && l.Reset >= 0 {
			found = Figure{After: l.Reset, Window: l.Window}
			name = l.resetIn
		}
	}
	found.Source = strings.ToLower(name)
	return found
}

// lines returns the lines of a header that are worth reading.
func lines(h http.Header, name string) []string {
	v := h[name]
	return v[:min(len(v), maxLines)]
}
