package events

// A values cuts JSON values that stand one after another, with whatever white space,
// commas and brackets of an array around them.
type values struct {
	text    kept
	depth   int  // of brackets; 0 between values
	quoted  bool // inside of a string
	escaped bool // the byte before was a backslash in it
	junk    bool // in a line that is no object
}

func (v *values) feed(of *Splitter, p []byte, event func(Event)) {
	for len(p) > 0 {
		if v.depth == 0 && !v.junk {
			switch p[0] {
			case ' ', '\t', '\r', '\n', ',', '[', ']':
				p = p[1:]
				continue
			}
			v.junk = p[0] != '{'
		}
		if v.junk {
			n := 0
			for n < len(p) && p[n] != '\n' {
				n++
			}
			v.text.add(p[:n], of.Max, 0, of.Long)
			if p = p[n:]; len(p) > 0 {
				v.end(event)
			}
			continue
		}
		p = p[v.one(of, p, event):]
	}
}

// one takes the next bytes of an object or array, at most up to its end, and
// returns how many.
func (v *values) one(of *Splitter, p []byte, event func(Event)) int {
	for i, c := range p {
		switch {
		case v.escaped:
			v.escaped = false
		case v.quoted:
			v.escaped = c == '\\'
			v.quoted = c != '"'
		case c == '"':
			v.quoted = true
		case c == '{', c == '[':
			v.depth++
		case c == '}', c == ']':
			if v.depth--; v.depth > 0 {
				continue
			}
			v.text.add(p[:i+1], of.Max, 0, of.Long)
			v.end(event)
			return i + 1
		}
	}
	v.text.add(p, of.Max, 0, of.Long)
	return len(p)
}

func (v *values) end(event func(Event)) {
	if len(v.text.b) > 0 {
		event(Event{Data: v.text.b, Cut: v.text.long})
	}
	v.text.reset()
	v.depth, v.quoted, v.escaped, v.junk = 0, false, false, false
}

func (v *values) flush(event func(Event)) { v.end(event) }
