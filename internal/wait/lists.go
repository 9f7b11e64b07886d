package wait

import (
	"net/http"
	"strings"
	"time"
)

// readLists reads RateLimit and RateLimit-Policy, which name their limits
// (draft-ietf-httpapi-ratelimit-headers, 08 and later), and what the seventh
// draft made of them, a dictionary and a list of bare quotas.
func (d *list) readLists(h http.Header, fields []field) {
	// The draft: what a cache answers says nothing of the present.
	for _, v := range lines(h, "Age") {
		if age, ok := decimal(strings.TrimSpace(v)); ok && age > 0 {
			return
		}
	}
	// In order of names the state comes before the policy, which can add to it.
	for _, f := range fields {
		policy := strings.HasSuffix(f.name, "-Policy")
		if !f.headers.Structured || !policy && f.name != f.headers.Prefix {
			continue
		}
		members, ok := parse(joined(lines(h, f.name)))
		if !ok {
			continue
		}
		for i := range members {
			m := &members[i]
			switch {
			case policy && m.text == "" && m.key == "":
				d.barePolicy(f.headers, m)
			case policy:
				d.policy(f.headers, m)
			case m.key != "":
				d.entry(f, m)
			default:
				d.state(f, m)
			}
		}
	}
}

// joined makes one field of its lines (RFC 9110, 5.3).
func joined(lines []string) string {
	if len(lines) == 1 {
		return lines[0]
	}
	total := 0
	for _, l := range lines {
		if total += len(l); total > maxField {
			return "" // nothing to read
		}
	}
	return strings.Join(lines, ", ")
}

// state reads `"default";r=50;t=30`.
func (d *list) state(f field, m *member) {
	left, t := m.param("r"), m.param("t")
	if m.text == "" || left < 0 {
		return
	}
	l := d.get(f.headers, Other, 0, m.text)
	if l == nil || l.Remaining >= 0 {
		return // no room, or named twice, as one per partition: the first is ours
	}
	l.Name, l.Remaining = m.text, left
	if t >= 0 && t <= int64(Longest/time.Second) {
		l.Reset, l.resetIn = seconds(t), f.name
	}
}

// policy reads `"default";q=100;w=60;qu="requests"`. A quota unit that is not
// said is requests.
func (d *list) policy(hs *Headers, m *member) {
	q := m.param("q")
	if q < 0 {
		return
	}
	l := d.get(hs, Other, 0, m.text)
	if l == nil || l.Limit.Limit >= 0 {
		return
	}
	l.Name, l.Limit.Limit = m.text, q
	l.setWindow(seconds(m.param("w")))
	switch m.said("qu") {
	case "", "requests":
		l.Unit = Requests
	case "concurrent-requests":
		l.Unit = Concurrency
	case "tokens":
		l.Unit = Tokens
	}
}

// barePolicy reads `100;w=60`: the window of the limit that is 100, else a
// limit of its own.
func (d *list) barePolicy(hs *Headers, m *member) {
	w := seconds(m.param("w"))
	if m.number < 0 {
		return
	}
	for i := range d.all[:d.n] {
		l := &d.all[i]
		if l.headers == hs && l.name == "" && l.Limit.Limit == m.number && (l.Window == 0 || l.Window == w) {
			l.setWindow(w)
			return
		}
	}
	if l := d.get(hs, Other, w, ""); l != nil && l.Limit.Limit < 0 {
		l.Limit.Limit = m.number
		l.setWindow(w)
	}
}

// entry reads one of `limit=100, remaining=50, reset=30`.
func (d *list) entry(f field, m *member) {
	if m.number < 0 {
		return
	}
	l := d.get(f.headers, Other, 0, "")
	if l == nil {
		return
	}
	switch m.key {
	case "limit":
		l.Limit.Limit = m.number
	case "remaining":
		l.Remaining = m.number
	case "reset":
		if m.number <= int64(Longest/time.Second) {
			l.Reset, l.resetIn = seconds(m.number), f.name
		}
	}
}
