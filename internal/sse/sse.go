// Package sse reads an event stream beside its real reader: fed with the bytes
// as they pass, it reports each event.
package sse

import "bytes"

// An Event is one event of a stream. Name and Data are valid until the next
// call of Feed.
type Event struct {
	Name []byte // of the event field, empty if there is none
	Data []byte // of the data fields, joined by newlines; at most the start of it
	Cut  bool   // there was more of it
}

// A Splitter finds the events in a stream that comes in pieces, as the HTML
// standard cuts it (https://html.spec.whatwg.org/multipage/server-sent-events.html).
// Of a longer event it keeps the first Max bytes of data: enough to tell what
// it is, since JSON says so early. The zero Splitter keeps nothing.
type Splitter struct {
	Max int

	field   []byte // the start of the line so far: name, colon and value
	cr      bool   // the last byte was a carriage return: a newline belongs to it
	name    []byte
	data    []byte
	hasData bool
	cut     bool
	begun   bool // a line of the stream has come
}

// maxLine is how much of a line is looked at beside Max: the field's name.
const maxLine = 16

// Feed takes the next bytes of the stream and calls event for each event that
// they complete.
func (s *Splitter) Feed(p []byte, event func(Event)) {
	for len(p) > 0 {
		if s.cr && p[0] == '\n' {
			p = p[1:]
			s.cr = false
			continue
		}
		s.cr = false
		i := bytes.IndexAny(p, "\r\n")
		if i < 0 {
			s.keep(p)
			return
		}
		s.keep(p[:i])
		s.cr = p[i] == '\r'
		p = p[i+1:]
		s.line(event)
	}
}

// Flush ends the stream. What it ends with counts as an event even without the
// blank line that the standard wants: some servers leave it out.
func (s *Splitter) Flush(event func(Event)) {
	if len(s.field) > 0 {
		s.line(event)
	}
	s.line(event)
}

// keep appends to the line what may still matter of it.
func (s *Splitter) keep(p []byte) {
	room := max(s.Max+maxLine-len(s.field), 0)
	s.cut = s.cut || len(p) > room
	s.field = append(s.field, p[:min(len(p), room)]...)
}

// line ends the line, and with a blank one the event.
func (s *Splitter) line(event func(Event)) {
	line := s.field
	s.field = s.field[:0]
	if !s.begun {
		s.begun = true
		line = bytes.TrimPrefix(line, []byte("\ufeff")) // the standard drops a byte order mark
	}
	if len(line) == 0 {
		if s.hasData {
			event(Event{s.name, s.data, s.cut})
		}
		s.name, s.data, s.hasData, s.cut = s.name[:0], s.data[:0], false, false
		return
	}
	name, value, _ := bytes.Cut(line, []byte(":"))
	value = bytes.TrimPrefix(value, []byte(" "))
	switch string(name) {
	case "event":
		s.name = append(s.name[:0], value...)
	case "data":
		if s.hasData {
			s.data = append(s.data, '\n')
		}
		s.hasData = true
		room := max(s.Max-len(s.data), 0)
		s.cut = s.cut || len(value) > room
		s.data = append(s.data, value[:min(len(value), room)]...)
	}
}

// Complete reports whether start, the beginning of a stream, holds at least
// one whole event.
func Complete(start []byte) bool {
	s := Splitter{Max: 1}
	found := false
	s.Feed(start, func(Event) { found = true })
	return found
}
