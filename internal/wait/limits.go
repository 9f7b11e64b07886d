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
func Limits(provider string, h http.Header, now time.Time) []Limit {
	var d dims
	d.read(provider, h, clock{at: now})
	if d.n == 0 {
		return nil
	}
	all := make([]Limit, d.n)
	for i := range all {
		all[i] = d.all[i].Limit
	}
	return all
}

// Mentions reports whether there may be a limit to read in h.
func Mentions(h http.Header) bool {
	for name := range h {
		if telling(name) {
			return true
		}
	}
	return false
}

// telling reports whether a header may be of a family: every one has "limit" in
// its names, but for one.
func telling(name string) bool {
	return strings.Contains(name, "imit") || strings.HasPrefix(name, "Anthropic-P")
}

// dims are the limits of an answer in the making.
type dims struct {
	all [maxLimits]dim
	n   int
}

// A dim is a Limit with what is needed to put it together.
type dim struct {
	Limit

	// These tell limits apart. They come from the headers' names, so a Name or
	// Window that a value adds later splits nothing.
	family *family
	unit   Unit
	window time.Duration
	scope  string

	used    int64
	rank    role   // of the reset that was taken
	resetIn string // the header that it came from
	refill  bool   // the reset was a duration like 1m30s, as buckets that refill send it
}

// A field is a header of some family.
type field struct {
	name, value string
	meaning
}

// read requires d to be zero.
func (d *dims) read(provider string, h http.Header, c clock) {
	var fields [maxFields]field
	n := 0
	for name, values := range h {
		if len(values) == 0 || !telling(name) {
			continue
		}
		m, ok := familiar[name]
		if !ok {
			if m.family = familyOf(name); m.family == nil || len(name) > maxName {
				continue
			}
		}
		if n == maxFields {
			return
		}
		if !ok {
			m.word, m.scope = m.family.read(name[len(m.family.prefix):])
		}
		// A map has no order, but the outcome must not depend on chance.
		i := n
		for ; i > 0 && fields[i-1].name > name; i-- {
			fields[i] = fields[i-1]
		}
		fields[i] = field{name, values[0], m}
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
		if f.family.lists && (f.name == f.family.prefix || strings.HasSuffix(f.name, "-Policy")) {
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
	d.finish(houses[provider])
}

// add reads one plain header into its limit.
func (d *dims) add(f field, c clock) {
	w := f.word
	if w.role == none || w.role == noise {
		return
	}
	l := d.get(f.family, w.unit, w.window, f.scope)
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
func (d *dims) get(f *family, unit Unit, window time.Duration, scope string) *dim {
	for i := range d.all[:d.n] {
		l := &d.all[i]
		if l.family == f && l.unit == unit && l.window == window && l.scope == scope {
			return l
		}
	}
	if d.n == maxLimits || len(scope) > maxName {
		return nil
	}
	l := &d.all[d.n]
	d.n++
	*l = dim{family: f, unit: unit, window: window, scope: scope, used: -1}
	l.Limit = Limit{Unit: unit, Window: window, Limit: -1, Remaining: -1, Reset: -1, Source: f.source}
	if scope != "" {
		l.Name = strings.ToLower(scope)
	}
	return l
}

// finish fills in what follows from the rest and drops limits of which nothing
// is known.
func (d *dims) finish(h house) {
	d.lend()
	n := 0
	for i := range d.all[:d.n] {
		l := &d.all[i]
		if l.Remaining < 0 && l.used >= 0 && l.Limit.Limit >= 0 {
			l.Remaining = max(l.Limit.Limit-l.used, 0)
		}
		if l.Remaining < 0 && l.Limit.Limit < 0 && l.Reset < 0 {
			continue
		}
		l.Refills = l.refill || l.family.refills
		l.setWindow(l.refillWindow())
		switch l.Unit {
		case Other:
			// A limit with a name may be of anything; the house's word is about the bare one.
			if l.scope == "" {
				l.Unit = h.unit
			}
		case Requests:
			l.setWindow(h.requests)
		case Tokens:
			l.setWindow(h.tokens)
		}
		if l.Unit != Other {
			l.setWindow(l.family.window)
		}
		if n < i {
			d.all[n] = *l
		}
		n++
	}
	d.n = n
}

// lend gives a family's bare reset and window to its limits that have none of
// their own, if it says nothing else: BigCommerce's X-Rate-Limit-Requests-Left
// goes with X-Rate-Limit-Time-Reset-Ms.
func (d *dims) lend() {
	for i := range d.all[:d.n] {
		bare := &d.all[i]
		if bare.unit != bare.family.unit || bare.window != 0 || bare.scope != bare.family.scope || bare.Limit.Limit >= 0 || bare.Remaining >= 0 || bare.used >= 0 {
			continue
		}
		lent := false
		for j := range d.all[:d.n] {
			l := &d.all[j]
			if l == bare || l.family != bare.family {
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

func (l *dim) setWindow(w time.Duration) {
	if l.Window == 0 {
		l.Window = w
	}
}

// refillWindow works out the window of a bucket that refills evenly, as
// OpenAI's and Groq's do: what was used of it comes back in reset, so all of it
// comes back in the window. It believes only the windows that limits have.
func (l *dim) refillWindow() time.Duration {
	gone := l.Limit.Limit - l.Remaining
	// With nothing remaining it would be the reset itself, of whatever kind of window.
	if !l.refill || l.Remaining <= 0 || gone <= 0 || l.Reset <= 0 || l.Unit == Other {
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
