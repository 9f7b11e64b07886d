package events

import (
	"bytes"
	"encoding/json"
	"strings"
)

// An sse cuts a stream as the HTML standard does
// (https://html.spec.whatwg.org/multipage/server-sent-events.html), and as servers
// need it: a field error is an event of that name, JSON that stands in the place
// of a field is an event without one, and a line of JSON ends with the next one where
// no blank line is between them.
type sse struct {
	field kept // the start of the line so far: name, colon and value
	mark  int  // how much of a byte order mark has come; above its length, the stream has begun
	cr    bool // the last byte was a carriage return: a newline belongs to it
	bare  values
	isOne bool // we are in such JSON

	name    []byte
	data    []byte
	hasData bool
	joined  bool // data is of more than one line
	cut     bool
}

// maxField is how much of a line is looked at beside Max: the field's name.
const maxField = 16

// byteOrderMark may begin a stream, and is dropped.
const byteOrderMark = "\ufeff"

func (s *sse) feed(of *Splitter, p []byte, event func(Event)) {
	for len(p) > 0 {
		if s.mark < len(byteOrderMark) {
			if p[0] == byteOrderMark[s.mark] {
				s.mark++
				p = p[1:]
				continue
			}
			s.field.add([]byte(byteOrderMark[:s.mark]), of.Max, 0, nil)
			s.mark = len(byteOrderMark)
		}
		if s.isOne {
			n := s.bare.one(of, p, event)
			s.isOne = s.bare.depth > 0
			p = p[n:]
			continue
		}
		if s.cr && p[0] == '\n' {
			s.cr = false
			p = p[1:]
			continue
		}
		s.cr = false
		if len(s.field.b) == 0 && (p[0] == ' ' || p[0] == '\t') {
			p = p[1:] // no field begins so
			continue
		}
		if len(s.field.b) == 0 && !s.hasData && (p[0] == '{' || p[0] == '[') {
			s.isOne = true
			continue
		}
		i := bytes.IndexAny(p, "\r\n")
		if i < 0 {
			if s.keep(of, p); of.Open != nil && !s.mayBeField() {
				of.Open(Event{Junk: true})
			}
			return
		}
		s.keep(of, p[:i])
		s.cr = p[i] == '\r'
		p = p[i+1:]
		s.line(of, event)
		if of.Open != nil && s.hasData && !s.endsIn(p) {
			of.Open(Event{Name: s.name, Data: s.data, Cut: s.cut})
		}
	}
}

// fields are the names that a line can begin with.
var fields = [...]string{"data", "event", "error", "id", "retry"}

// mayBeField reports whether the line that has begun can become a field or a comment.
// Some servers send plain text.
func (s *sse) mayBeField() bool {
	name, _, whole := bytes.Cut(s.field.b, []byte(":"))
	for _, f := range fields {
		if string(name) == f || !whole && strings.HasPrefix(f, string(name)) {
			return true
		}
	}
	return len(name) == 0
}

// endsIn reports whether the event ends with what comes next.
func (s *sse) endsIn(p []byte) bool {
	if s.cr && len(p) > 0 && p[0] == '\n' {
		p = p[1:]
	}
	return len(p) > 0 && (p[0] == '\n' || p[0] == '\r')
}

func (s *sse) flush(of *Splitter, event func(Event)) {
	s.line(of, event) // the last, or the blank one
	s.line(of, event) // the blank one, if it was not that
	s.bare.flush(event)
}

// keep appends to the line what may still matter of it.
func (s *sse) keep(of *Splitter, p []byte) {
	long := of.Long
	if !isData(s.field.b, p) {
		long = nil
	}
	s.field.add(p, of.Max+maxField, len("data:"), long)
}

// isData reports whether the line that begins with these two is a field of data.
func isData(begin, more []byte) bool {
	const data = "data:"
	n := min(len(begin), len(data))
	return string(begin[:n]) == data[:n] && bytes.HasPrefix(more, []byte(data[n:]))
}

// line ends the line, and with a blank one the event.
func (s *sse) line(of *Splitter, event func(Event)) {
	line, long := s.field.b, s.field.long
	s.field.reset()
	if len(line) == 0 {
		if s.hasData {
			event(Event{Name: s.name, Data: s.data, Cut: s.cut})
		}
		s.reset()
		return
	}
	name, value, _ := bytes.Cut(line, []byte(":"))
	value = bytes.TrimPrefix(value, []byte(" "))
	switch string(name) {
	case "event":
		if len(s.name) > 0 {
			s.endWithout(event)
		}
		s.name = append(s.name[:0], value...)
		return
	case "error": // llama.cpp's
		s.name = append(s.name[:0], name...)
	case "data":
		s.endWithout(event)
	case "", "id", "retry":
		return
	default:
		event(Event{Junk: true})
		return
	}
	if s.hasData {
		s.joined = true
		s.data = append(s.data, '\n')
	}
	s.hasData = true
	room := max(of.Max-len(s.data), 0)
	s.cut = s.cut || long || len(value) > room
	s.data = append(s.data, value[:min(len(value), room)]...)
}

func (s *sse) reset() {
	s.name, s.data, s.hasData, s.joined, s.cut = s.name[:0], s.data[:0], false, false, false
}

// endWithout ends the event without its blank line if it is a line of JSON: some servers
// write none, and JSON that is whole does not go on in the next line. Only the first line
// is looked at, once.
func (s *sse) endWithout(event func(Event)) {
	if s.hasData && !s.joined && !s.cut && bytes.HasPrefix(s.data, []byte("{")) && json.Valid(s.data) {
		event(Event{Name: s.name, Data: s.data})
		s.reset()
	}
}
