package dialect

// A Stream follows the events of one inference stream. Its zero value is
// ready. It keeps no event.
//
// That a stream is cut short can only be said of a dialect that ends all its
// streams with an event of their own, so the first events decide which it is.
type Stream struct {
	Host string // of the request, if it is known: some providers' codes are numbers

	ends  bool // the dialect promises a terminal event
	ended bool // it was seen
}

// Truncated reports whether the stream, if it ended now, would be cut short.
func (s *Stream) Truncated() bool { return s.ends && !s.ended }

// Ended reports whether the terminal event, or an error, was seen.
func (s *Stream) Ended() bool { return s.ended }

// Event takes the stream's next event: its name, "" if it has none, and its
// data. It reports whether the event is an error, and then what it means.
func (s *Stream) Event(name string, data []byte) (Verdict, bool) {
	v, failed, last, ends := event(s.Host, name, data)
	s.ends = s.ends || ends
	s.ended = s.ended || last || failed
	return v, failed
}

// Event judges one event of an inference stream: whether it is an error and
// what it means, and whether it is the last of its stream.
func Event(name string, data []byte) (v Verdict, failed, last bool) {
	v, failed, last, _ = event("", name, data)
	return v, failed, last
}

var (
	pDelta     = pathOf("delta")
	pEventType = pathOf("eventtype")
	pEvFinish  = pathOf("output.choices.0.finishreason")
	pDone      = pathOf("done")
	pIsEnd     = pathOf("isend")
	pGenerated = pathOf("generatedtext")
)

func event(host, name string, data []byte) (v Verdict, failed, last, ends bool) {
	switch name {
	case "ping", "keepalive", "heartbeat":
		return
	case "done", "message_stop", "message-end", "stream-end", "response.completed", "response.incomplete":
		last, ends = true, name != "done"
	}
	if isDone(data) {
		return v, false, true, true
	}
	if len(data) > maxBody {
		return // deltas and errors are short
	}
	r := readers.Get().(*reader)
	defer r.free()
	r.read(data)
	t := &r.tree
	if !t.is(1, '{') {
		if name == "error" && len(data) > 0 {
			v, failed = r.inBand(Answer{Host: host})
			return v, failed, true, ends
		}
		return
	}
	kind := t.textAt(topType)
	if kind == "" {
		kind = t.textAt(pEventType) // Cohere
	}
	if r.failedEvent(name, kind) {
		v, failed = r.inBand(Answer{Host: host})
		return v, failed, true, ends
	}
	switch kind {
	case "message_start", "response.created", "response.in_progress", "response.queued", "message-start", "stream-start":
		ends = true
	case "message_stop", "response.completed", "response.incomplete", "response.failed", "response.cancelled", "message-end", "stream-end", "response.done":
		last, ends = true, true
	}
	if !t.whole && (t.at(pChoices) != 0 || t.at(pCandidates) != 0) {
		last = true // its end, where the reason to finish stands, was not kept
	}
	if t.is(t.at(pChoices), '[') {
		// OpenAI's shape. A finish reason is as good as [DONE], which some leave out.
		ends = true
		for c := t.nodes[t.at(pChoices)].down; c != 0; c = t.nodes[c].next {
			if !t.empty(t.child(c, stepFinish)) {
				last = true
			}
		}
	}
	if t.at(pCandidates) != 0 {
		ends = true
		last = last || !t.empty(t.at(pCandFinish))
	}
	switch {
	case t.textAt(pEvFinish) != "" && t.textAt(pEvFinish) != "null", t.is(t.at(pDone), 't'), t.is(t.at(pIsEnd), 't'), t.is(t.at(pGenerated), '"'):
		last = true
	}
	return v, false, last, ends
}

var stepFinish = step{key: fold("finish_reason")}

// failedEvent reports whether an event is an error.
func (r *reader) failedEvent(name, kind string) bool {
	t := &r.tree
	switch {
	case name == "error", kind == "error", kind == "response.failed", name == "response.failed":
		return true
	case t.at(pDelta) != 0:
		return false // a piece of an answer, whatever it talks about
	case t.textAt(pObject) == "error":
		return true // vLLM
	}
	if at := t.at(errorPath); !t.empty(at) {
		if r.errorObject(at) || t.is(at, '"') && t.members(1) <= 3 {
			return true
		}
	}
	if r.errorObject(t.at(pChoiceError)) {
		return true
	}
	if n, ok := t.number(t.at(pBaseResp)); ok && n != 0 {
		return true
	}
	if n, ok := t.number(t.at(pErrorCode)); ok && n != 0 && t.textAt(pErrorMsg) != "" {
		return true
	}
	if t.textAt(pBlockReason) != "" && t.empty(t.at(pCandidates)) {
		r.addCode(t.textAt(pBlockReason))
		return true
	}
	return false
}

// isDone is OpenAI's end of a stream.
func isDone(data []byte) bool {
	const done = "[DONE]"
	i := 0
	for i < len(data) && data[i] == ' ' {
		i++
	}
	return len(data) >= i+len(done) && string(data[i:i+len(done)]) == done && len(data)-i < len(done)+4
}
