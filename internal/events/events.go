// Package events reads a stream of events beside its real reader: fed with the
// bytes as they pass, it reports each event. How the bytes are cut changes nothing.
package events

// An Event is one event of a stream. Name and Data are valid until the next
// call of Feed.
type Event struct {
	Name []byte // of the event, empty if it has none
	Data []byte // at most the first Max bytes
	Cut  bool   // there was more of it
	Junk bool   // it is no event, and no comment either: Data is empty
}

// A Form is how events are written one after another.
type Form uint8

// The forms.
const (
	SSE    Form = iota // text/event-stream
	Values             // JSON values, one after another or in one array: NDJSON, Gemini's array
	Frames             // application/vnd.amazon.eventstream
)

// A Splitter finds the events in a stream that comes in pieces. Of a longer event
// it keeps the first Max bytes of data: enough to tell what it is, since JSON says so
// early. The zero Splitter keeps nothing.
type Splitter struct {
	Form Form
	Max  int

	// Long, if it is set, gets the data of an event that is longer than Max, from its
	// beginning on.
	Long func(p []byte)

	// Open, if it is set, gets an event of an SSE with each of its lines, unless the
	// blank line that ends it is there already: some servers send that with the next
	// event. It gets junk as soon as it is known to be that.
	Open func(Event)

	sse    sse
	values values
	frames frames
}

// Feed takes the next bytes of the stream and calls event for each event that
// they complete.
func (s *Splitter) Feed(p []byte, event func(Event)) {
	switch s.Form {
	case SSE:
		s.sse.feed(s, p, event)
	case Values:
		s.values.feed(s, p, event)
	case Frames:
		s.frames.feed(s, p, event)
	}
}

// Flush ends the stream. What it ends with counts as an event even without the
// blank line that the standard wants: some servers leave it out.
func (s *Splitter) Flush(event func(Event)) {
	switch s.Form {
	case SSE:
		s.sse.flush(s, event)
	case Values:
		s.values.flush(event)
	}
}

// A kept is the start of something, as far as it is kept.
type kept struct {
	b    []byte
	long bool // it was longer than what is kept
}

func (k *kept) reset() { k.b, k.long = k.b[:0], false }

// add appends p as far as there is room, and gives it to long from where there is
// none, with what was kept before it. skip is how much of that is no data.
func (k *kept) add(p []byte, room, skip int, long func([]byte)) {
	n := min(len(p), max(room-len(k.b), 0))
	k.b = append(k.b, p[:n]...)
	if n == len(p) && !k.long {
		return
	}
	if long != nil {
		if !k.long {
			long(k.b[min(skip, len(k.b)):])
		}
		long(p[n:])
	}
	k.long = true
}
