package events

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
)

// A frames cuts the binary stream of AWS, in which Bedrock answers
// (https://docs.aws.amazon.com/AmazonS3/latest/API/RESTSelectObjectAppendix.html).
// Checksums are the reader's to check.
type frames struct {
	text   kept
	left   int  // bytes of the frame that are still to come
	broken bool // what came is no frame: nothing more is read
}

const (
	frameBegin = 12 // lengths of frame and headers, and the checksum of both
	frameEnd   = 4  // a checksum
	maxFrame   = 24 << 20
)

func (f *frames) feed(of *Splitter, p []byte, event func(Event)) {
	for len(p) > 0 && !f.broken {
		if f.left == 0 {
			n := min(frameBegin-len(f.text.b), len(p))
			f.text.b = append(f.text.b, p[:n]...)
			if p = p[n:]; len(f.text.b) < frameBegin {
				return
			}
			size, headers := binary.BigEndian.Uint32(f.text.b), binary.BigEndian.Uint32(f.text.b[4:])
			if size < frameBegin+frameEnd || size > maxFrame || headers > size-frameBegin-frameEnd {
				f.broken = true
				event(Event{Junk: true})
				return
			}
			f.left = int(size) - frameBegin
		}
		n := min(f.left, len(p))
		f.text.add(p[:n], of.Max+frameBegin, 0, nil)
		f.left -= n
		if p = p[n:]; f.left == 0 {
			f.end(event)
		}
	}
}

// end reports the frame that has come.
func (f *frames) end(event func(Event)) {
	b := f.text.b
	f.text.reset()
	checksum, headers := int(binary.BigEndian.Uint32(b))-frameEnd, int(binary.BigEndian.Uint32(b[4:]))
	cut := len(b) < checksum
	if b = b[frameBegin:min(len(b), checksum)]; headers > len(b) {
		return
	}
	payload := b[headers:]
	kind, name := names(b[:headers])
	switch {
	case kind == "exception", kind == "error":
		event(Event{Name: []byte("error"), Data: withType(name, payload), Cut: cut})
	case name == "chunk": // in which the model's own event is wrapped
		var chunk struct{ Bytes []byte }
		if cut || json.Unmarshal(payload, &chunk) != nil {
			event(Event{Data: payload, Cut: cut})
			return
		}
		event(Event{Data: chunk.Bytes})
	default:
		event(Event{Name: []byte(name), Data: payload, Cut: cut})
	}
}

// withType puts what the headers say of an exception into its JSON.
func withType(name string, payload []byte) []byte {
	quoted, _ := json.Marshal(name)
	rest, ok := bytes.CutPrefix(bytes.TrimSpace(payload), []byte("{"))
	if !ok {
		rest = []byte("}")
	}
	text := append([]byte(`{"type":`), quoted...)
	if !bytes.HasPrefix(bytes.TrimSpace(rest), []byte("}")) {
		text = append(text, ',')
	}
	return append(text, rest...)
}

// names returns the kind of a message, and the name of its event or exception.
func names(h []byte) (kind, name string) {
	for len(h) > 0 {
		n := int(h[0])
		if len(h) < n+2 {
			return kind, name
		}
		key, typ := string(h[1:n+1]), h[n+1]
		h = h[n+2:]
		value := 0
		switch typ {
		case 0, 1: // true, false
		case 2:
			value = 1
		case 3:
			value = 2
		case 4:
			value = 4
		case 5, 8:
			value = 8
		case 9:
			value = 16
		case 6, 7: // bytes, text
			if len(h) < 2 {
				return kind, name
			}
			value = int(binary.BigEndian.Uint16(h))
			h = h[2:]
		default:
			return kind, name
		}
		if len(h) < value {
			return kind, name
		}
		switch key {
		case ":message-type":
			kind = string(h[:value])
		case ":event-type", ":exception-type", ":error-code":
			name = string(h[:value])
		}
		h = h[value:]
	}
	return kind, name
}
