package wait

import (
	"math"
	"net/http"
	"strings"
	"time"
)

// A Limit is what an answer says about one limit.
type Limit struct {
	Unit      Unit
	Name      string        // of the policy, resource or bucket, if it has one
	Window    time.Duration // 0 unknown
	Limit     int64         // -1 unknown
	Remaining int64         // -1 unknown
	Reset     time.Duration // from the answer until it is whole, or has room, again; -1 unknown
	Refills   bool          // it comes back evenly until then, and not all at once
	Source    string        // the header family, for the log
}

// Bounds on what is read of one answer. Who sends more fields or limits than
// these means harm: the most that we know is Anthropic's 18 fields.
const (
	maxFields = 48
	maxLimits = 24
	maxName   = 128
)

// Limits reads every rate-limit header of an answer that arrived at now. It
// allocates nothing where there is none. Names are canonical, as net/http makes
// them; an epoch is measured against the answer's own Date if it has one.
func (r *Reader) Limits(known Defaults, h http.Header, now time.Time) []Limit {
	var found list
	found.read(r, known, h, clock{at: now})
	return found.limits()
}

// A list is the limits of an answer while they are put together.
type list struct {
	all [maxLimits]partial
	n   int
}

func (d *list) limits() []Limit {
	if d.n == 0 {
		return nil
	}
	all := make([]Limit, d.n)
	for i := range all {
		all[i] = d.all[i].Limit
	}
	return all
}

// A partial is a Limit with what is needed to put it together.
type partial struct {
	Limit

	// These tell limits apart. They come from the headers' names, so a Name or
	// Window that a value adds later splits nothing.
	headers *Headers
	unit    Unit
	window  time.Duration
	name    string

	used    int64
	rank    role   // of the reset that was taken
	resetIn string // the header that it came from
	refill  bool   // the reset was a duration like 1m30s, as buckets that refill send it
}

// A field is a header that states a part of a limit.
type field struct {
	name, value string
	headers     *Headers
	word        word
	limitName   string
}

// read requires d to be zero.
func (d *list) read(r *Reader, known Defaults, h http.Header, c clock) {
	var fields [maxFields]field
	n := 0
	for name, values := range h {
		if len(values) == 0 || len(name) > maxName || !r.rateLimit(name) {
			continue
		}
		hs := r.headersOf(name)
		if hs == nil {
			continue
		}
		if n == maxFields {
			return
		}
		// A map has no order, but the outcome must not depend on chance.
		i := n
		for ; i > 0 && fields[i-1].name > name; i-- {
			fields[i] = fields[i-1]
		}
		fields[i] = field{name: name, value: values[0], headers: hs}
		fields[i].word, fields[i].limitName = hs.read(name[len(hs.Prefix):])
		n++
	}
	if n == 0 {
		return
	}
	if !c.own {
		c = clockOf(h, c.at)
	}
	structured := false
	for _, f := range fields[:n] {
		if f.headers.Structured && (f.name == f.headers.Prefix || strings.HasSuffix(f.name, "-Policy")) {
			structured = true
			continue
		}
		if len(f.value) <= maxField {
			d.add(f, c)
		}
	}
	if structured {
		d.readLists(h, fields[:n])
	}
	d.finish(known)
}

// add reads one plain header into its limit.
func (d *list) add(f field, c clock) {
	w := f.word
	if w.role == none || w.role == useless {
		return
	}
	l := d.get(f.headers, w.unit, w.window, f.limitName)
	if l == nil {
		return
	}
	if w.scale == 0 {
		w.scale = time.Second
	}
	switch v := strings.TrimSpace(f.value); w.role {
	case limit:
		l.Limit.Limit = count(v)
		l.setWindow(windowOf(v, l.Limit.Limit))
	case remaining:
		l.Remaining = count(v)
		l.setWindow(windowOf(v, l.Remaining))
	case used:
		l.used = count(v)
	case resetAt, reset, resetDelta:
		if t, ok := resetAfter(v, w.scale, c); ok && w.role > l.rank {
			l.Reset, l.rank, l.resetIn = t, w.role, f.name
			l.refill = v[len(v)-1] == 's'
		}
	case window:
		if n, ok := decimal(v); ok && n*float64(w.scale) <= float64(Longest) {
			l.setWindow(scale(n, w.scale))
		}
	case name:
		if l.Name == "" && len(v) <= maxName {
			l.Name = v
		}
	case global:
		if l.Name == "" && strings.EqualFold(v, "true") {
			l.Name = "global"
		}
	case status:
		// https://docs.claude.com: allowed, allowed_warning or rejected.
		if v == "rejected" {
			l.Remaining = 0
		}
	case pair:
		if a, b, ok := strings.Cut(v, "/"); ok {
			l.used, l.Limit.Limit = count(a), count(b)
		}
	case reason:
		if len(v) > maxName || v == "" {
			return
		}
		l.Name, l.Remaining = v, 0
		switch {
		case strings.HasSuffix(v, "concurrency"):
			l.Unit = Concurrency
		case strings.HasSuffix(v, "rate"):
			l.Unit = Requests
		}
	}
}

// get returns the limit of that description, nil if there is no room for it.
func (d *list) get(hs *Headers, unit Unit, window time.Duration, limitName string) *partial {
	for i := range d.all[:d.n] {
		l := &d.all[i]
		if l.headers == hs && l.unit == unit && l.window == window && l.name == limitName {
			return l
		}
	}
	if d.n == maxLimits || len(limitName) > maxName {
		return nil
	}
	l := &d.all[d.n]
	d.n++
	*l = partial{headers: hs, unit: unit, window: window, name: limitName, used: -1}
	l.Limit = Limit{Unit: unit, Window: window, Limit: -1, Remaining: -1, Reset: -1, Source: hs.source}
	if limitName != "" {
		l.Name = strings.ToLower(limitName)
	}
	return l
}

// finish fills in what follows from the rest and drops limits of which nothing
// is known.
func (d *list) finish(known Defaults) {
	d.shareBare()
	n := 0
	for i := range d.all[:d.n] {
		l := &d.all[i]
		if l.Remaining < 0 && l.used >= 0 && l.Limit.Limit >= 0 {
			l.Remaining = max(l.Limit.Limit-l.used, 0)
		}
		if l.Remaining < 0 && l.Limit.Limit < 0 && l.Reset < 0 {
			continue
		}
		l.Refills = l.refill || l.headers.Refills
		l.setWindow(l.refillWindow())
		switch l.Unit {
		case Other:
			// A limit with a name may count anything: the default is about the bare one.
			if l.name == "" {
				l.Unit = known.Unit
			}
		case Requests:
			l.setWindow(known.RequestWindow)
		case Tokens:
			l.setWindow(known.TokenWindow)
		}
		if l.Unit != Other {
			l.setWindow(l.headers.Window)
		}
		d.all[n] = *l
		n++
	}
	d.n = n
}

// shareBare gives a reset and window that stand alone to the limits of the same
// headers that have none of their own: BigCommerce's X-Rate-Limit-Requests-Left
// goes with X-Rate-Limit-Time-Reset-Ms.
func (d *list) shareBare() {
	for i := range d.all[:d.n] {
		bare := &d.all[i]
		if bare.unit != bare.headers.Unit || bare.window != 0 || bare.name != bare.headers.Name || bare.Limit.Limit >= 0 || bare.Remaining >= 0 || bare.used >= 0 {
			continue
		}
		lent := false
		for j := range d.all[:d.n] {
			l := &d.all[j]
			if l == bare || l.headers != bare.headers {
				continue
			}
			l.setWindow(bare.Window)
			if l.Reset < 0 {
				l.Reset, l.resetIn, lent = bare.Reset, bare.resetIn, true
			}
		}
		if lent {
			bare.Reset = -1
		}
	}
}

func (l *partial) setWindow(w time.Duration) {
	if l.Window == 0 {
		l.Window = w
	}
}

// refillWindow works out the window of a bucket that refills evenly, as
// OpenAI's and Groq's do: what was used of it comes back in reset, so all of it
// comes back in the window. It believes only the windows that limits have.
func (l *partial) refillWindow() time.Duration {
	gone := l.Limit.Limit - l.Remaining
	// With nothing remaining it would be the reset itself, of whatever kind of window.
	if !l.refill || l.Remaining <= 0 || l.Unit == Other {
		return 0
	}
	w := float64(l.Reset) / float64(gone) * float64(l.Limit.Limit)
	for _, usual := range []time.Duration{time.Second, time.Minute, time.Hour, day} {
		if math.Abs(w-float64(usual)) <= 0.02*float64(usual) {
			return usual
		}
	}
	return 0
}
