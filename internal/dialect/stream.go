package dialect

// A Stream follows the events of one inference stream. Its zero value is
// ready. It keeps no event.
//
// That a stream is cut short can only be said of a dialect that ends all its
// streams in a way of its own, so the events decide which dialect it is.
type Stream struct {
	Host string // of the request, if it is known: some providers' codes are numbers

	ends   bool // the dialect promises an end
	ended  bool // it was seen
	maybe  bool // the latest event may be the end: a function call, the tokens used
	output bool // output was seen
	told   bool // an event that may be the end was seen
	over   bool // the event after which there is none was seen
}

// A Step is what one event of a stream means.
type Step struct {
	Failed  bool // the event is an error
	Verdict Verdict

	// Output reports that the event holds output: text, a tool call, reasoning, an
	// image, or something that nobody knows. The opening of a tool call is output,
	// that of a text is none.
	Output bool

	Used Usage // the tokens that the event tells
}

// Truncated reports whether the stream, if it ended now, would be cut short.
func (s *Stream) Truncated() bool { return s.ends && !s.ended && !s.maybe && !s.over }

// Ended reports whether the stream has come to an end: its terminal event, a
// reason to stop, or an error.
func (s *Stream) Ended() bool { return s.ended }

// Finished reports whether the stream has come to an end, or may have: some end with
// a function call, or with the tokens used.
func (s *Stream) Finished() bool { return s.ended || s.maybe || s.over }

// Over reports whether the event was seen after which no other matters, such as
// [DONE].
func (s *Stream) Over() bool { return s.over }

// Empty reports whether nothing of an answer has come: no output, no end but [DONE],
// and no word of what it took.
func (s *Stream) Empty() bool { return !s.output && !s.ended && !s.told }

// Event takes the stream's next event: its name, "" if it has none, and its
// data. Of a long event data may be the start.
func (s *Stream) Event(name string, data []byte) Step {
	if s.over {
		return Step{Used: UsageOf(data)}
	}
	e := read(s.Host, name, data)
	s.ends = s.ends || e.ends
	s.ended = s.ended || e.last || e.failed
	s.over = s.over || e.over
	s.output = s.output || e.output
	if !e.silent {
		s.maybe = e.maybe
		s.told = s.told || e.maybe
	}
	return Step{Failed: e.failed, Verdict: e.verdict, Output: e.output, Used: e.used}
}

// Event judges one event of an inference stream: whether it is an error and
// what it means, and whether it is the last of its stream.
func Event(name string, data []byte) (v Verdict, failed, last bool) {
	e := read("", name, data)
	return e.verdict, e.failed, e.last || e.failed || e.over
}

// An event is what was read in one.
type event struct {
	verdict Verdict
	failed  bool
	output  bool
	silent  bool // it keeps the connection open and says nothing
	ends    bool // its dialect promises an end
	last    bool // it is the end
	maybe   bool // it is the end if nothing follows
	over    bool // nothing follows
	used    Usage
}

// kinds are the events that are known by their name or type.
var kinds = map[string]event{
	"ping": {silent: true}, "keepalive": {silent: true}, "heartbeat": {silent: true},

	// Anthropic
	"message_start": {ends: true}, "content_block_stop": {}, "message_stop": {ends: true, last: true, over: true},
	// OpenAI's responses
	"response.created": {ends: true}, "response.in_progress": {ends: true}, "response.queued": {ends: true},
	"response.completed": {ends: true, last: true, over: true}, "response.incomplete": {ends: true, last: true, over: true},
	"response.cancelled": {ends: true, last: true, over: true}, "response.done": {ends: true, last: true, over: true},
	// Cohere
	"message-start": {ends: true}, "stream-start": {ends: true}, "content-end": {},
	"message-end": {ends: true, last: true, over: true}, "stream-end": {ends: true, last: true, over: true},
	// Bedrock's Converse; metadata follows messageStop.
	"messageStart": {ends: true}, "contentBlockStop": {ends: true}, "messageStop": {ends: true, last: true}, "metadata": {},
	// Mistral's conversations
	"conversation.response.started": {ends: true}, "conversation.response.done": {ends: true, last: true, over: true},
	// Gemini's interactions
	"interaction.start": {ends: true}, "interaction.created": {ends: true}, "interaction.status_update": {ends: true}, "content.stop": {}, "step.stop": {},
	"interaction.complete": {ends: true, last: true, over: true}, "interaction.completed": {ends: true, last: true, over: true},
	// OpenAI's pictures and sounds
	"image_generation.completed": {last: true, output: true}, "image_edit.completed": {last: true, output: true},
	"speech.audio.done": {last: true}, "transcript.text.done": {last: true, output: true},
	"done": {last: true},
}

var (
	pDelta     = pathOf("delta")
	pEventType = pathOf("eventtype")
	pEvFinish  = pathOf("output.choices.0.finishreason")
	pOutFinish = pathOf("output.finishreason")
	pDone      = pathOf("done")
	pStop      = pathOf("stop")
	pIsEnd     = pathOf("isend")
	pGenerated = pathOf("generatedtext")
	pDeltaStop = pathOf("delta.stopreason")
	pGroqError = pathOf("xgroq.error")
	pUsage     = pathOf("usage")
	pUsageMeta = pathOf("usagemetadata")
	pMetrics   = pathOf("amazonbedrockinvocationmetrics")
)

// read reads one event.
func read(host, name string, data []byte) (e event) {
	if isDone(data) {
		return event{ends: true, over: true}
	}
	known, byName := kinds[name]
	if known.silent {
		return known
	}
	data = data[:min(len(data), maxBody)]
	r := readers.Get().(*reader)
	defer r.free()
	r.skim(data)
	t := &r.tree
	isObject := t.is(1, '{')
	if !isObject && (name != "error" || len(data) == 0) {
		known.output = known.output || !byName && len(data) > 0
		return known
	}
	kind := t.textAt(topType)
	if kind == "" {
		kind = t.textAt(pEventType) // Cohere, Gemini
	}
	used := r.usage()
	if !isObject || r.failedEvent(name, kind) {
		if r.keep(data); isObject {
			r.failedEvent(name, kind) // which notes what it finds
		}
		e.verdict, e.failed = r.inBand(Answer{Host: host})
		e.used = used
		return e
	}
	if k, ok := kinds[kind]; ok {
		known, byName = k, true
	}
	e = known
	e.used = used
	e.output = e.output || !byName && r.holdsOutput(name, kind)
	r.ending(&e)
	return e
}

// ending looks for the signs by which dialects end a stream.
func (r *reader) ending(e *event) {
	t := &r.tree
	if choices := t.at(pChoices); choices != 0 {
		// OpenAI's shape. A finish reason is as good as [DONE], which some leave out,
		// and so is the chunk that tells the tokens and nothing else.
		e.ends = true
		e.last = e.last || !t.whole // its end, where the reason stands, was not kept
		for c := t.nodes[choices].down; c != 0; c = t.nodes[c].next {
			e.last = e.last || !t.empty(t.child(c, stepFinish))
		}
		e.maybe = t.empty(choices) && !t.empty(t.at(pUsage))
	}
	if t.at(pCandidates) != 0 {
		e.ends = true
		e.last = e.last || !t.whole || !t.empty(t.at(pCandFinish))
		e.maybe = r.callsFunction()
	} else if !t.empty(t.at(pUsageMeta)) {
		e.maybe = true
	}
	for _, p := range [...]path{pEvFinish, pOutFinish} { // DashScope says "null"
		if why := t.textAt(p); why != "" {
			e.ends, e.last = true, e.last || why != "null"
		}
	}
	for _, p := range [...]path{pDone, pStop, pIsEnd} { // Ollama, llama.cpp, Baidu
		if at := t.at(p); t.is(at, 't') || t.is(at, 'f') {
			e.ends, e.last = true, e.last || t.is(at, 't')
		}
	}
	if at := t.at(pGenerated); at != 0 { // text-generation-inference
		e.ends, e.last = true, e.last || t.is(at, '"')
	}
	if t.textAt(pDeltaStop) != "" || t.at(pMetrics) != 0 { // Anthropic; whatever runs on Bedrock
		e.ends, e.last = true, true
	}
}

var (
	stepFinish   = step{key: fold("finish_reason")}
	stepDelta    = step{key: fold("delta")}
	stepMessage  = step{key: fold("message")}
	stepText     = step{key: fold("text")}
	stepContent  = step{key: fold("content")}
	stepParts    = step{key: fold("parts")}
	stepFunction = step{key: fold("functionCall")}
)

// callsFunction reports whether a part of Gemini's answer calls a function.
// Some servers give no reason to finish then.
func (r *reader) callsFunction() bool {
	t := &r.tree
	for part := t.nodes[t.at(pCandContent)].down; part != 0; part = t.nodes[part].next {
		if t.child(part, stepFunction) != 0 {
			return true
		}
	}
	return false
}

// failedEvent reports whether an event is an error.
func (r *reader) failedEvent(name, kind string) bool {
	t := &r.tree
	switch kind {
	case "error", "response.failed", "response.error", "conversation.response.error", "interaction.failed":
		return true
	}
	switch name {
	case "error", "response.failed", "conversation.response.error":
		return true
	}
	switch {
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
	if r.errorObject(t.at(pChoiceError)) || r.failedFinish() {
		return true
	}
	if !t.empty(t.at(pGroqError)) {
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
	return t.whole && r.bareStatus()
}

// failedFinish reports whether a choice ended for a reason that is a failure, and
// takes the reason for the code.
func (r *reader) failedFinish() bool {
	t := &r.tree
	for c := t.nodes[t.at(pChoices)].down; c != 0; c = t.nodes[c].next {
		switch why := t.text(t.child(c, stepFinish)); why {
		case "error", "insufficient_system_resource": // OpenRouter, DeepSeek
			r.addCode(why)
			r.badFinish = true
			return true
		}
	}
	return false
}

// holdsOutput reports whether an event that is no error, and whose kind alone
// does not tell, holds output. What nobody knows is taken for output.
func (r *reader) holdsOutput(name, kind string) bool {
	t := &r.tree
	switch kind {
	case "content_block_start": // Anthropic
		return r.opensMore("content_block", "text", "thinking")
	case "message_delta":
		return false
	case "response.output_item.added":
		return r.opensMore("item", "message", "reasoning")
	case "response.content_part.added", "response.reasoning_summary_part.added":
		return r.opensMore("part", "output_text", "summary_text", "reasoning_text", "refusal")
	case "content-start": // Cohere
		return !t.empty(t.at(pOpensText))
	case "content.start", "step.start": // Gemini's interactions
		return r.opensMore("content", "text", "thought", "") || r.opensMore("step", "model_output", "thought", "")
	}
	if name == "contentBlockStart" { // Bedrock
		return !t.empty(t.at(pStart))
	}
	known := false
	if choices := t.at(pChoices); choices != 0 {
		known = true
		for c := t.nodes[choices].down; c != 0; c = t.nodes[c].next {
			if r.says(t.child(c, stepDelta)) || r.says(t.child(c, stepMessage)) || !t.empty(t.child(c, stepText)) {
				return true
			}
		}
	}
	if candidates := t.at(pCandidates); candidates != 0 {
		known = true
		for c := t.nodes[candidates].down; c != 0; c = t.nodes[c].next {
			parts := t.child(t.child(c, stepContent), stepParts)
			for part := t.nodes[parts].down; part != 0; part = t.nodes[part].next {
				if r.says(part) {
					return true
				}
			}
		}
	}
	for _, p := range [...]path{pDone, pStop} { // Ollama, llama.cpp
		if at := t.at(p); t.is(at, 't') || t.is(at, 'f') {
			known = true
			for _, p := range outputPaths {
				if !t.empty(t.at(p)) {
					return true
				}
			}
			if r.says(t.at(pMessage)) {
				return true
			}
		}
	}
	if known {
		return !t.whole // what was not kept may be anything
	}
	if t.members(1) == 0 {
		return !t.whole
	}
	for m := t.nodes[1].down; m != 0; m = t.nodes[m].next {
		if !aside[t.nodes[m].key] {
			return true
		}
	}
	return !t.whole
}

var (
	pOpensText = pathOf("delta.message.content.text")
	pStart     = pathOf("start")

	outputPaths = paths("response", "thinking", "content", "tokens", "toolcalls", "image")

	// aside are the members of an event that are no output, if there are no others.
	aside = keySet("id", "object", "created", "createdat", "model", "modelversion", "responseid", "usage", "usagemetadata", "promptfeedback",
		"systemfingerprint", "servicetier", "provider", "messagestart", "contentblockstop", "metadata", "type", "sequencenumber", "xgroq")

	// quiet are the members of a delta, a message or a part that are no output.
	quiet = keySet("role", "name", "thoughtsignature", "providerspecificfields")
)

func keySet(names ...string) map[uint64]bool {
	set := make(map[uint64]bool, len(names))
	for _, name := range names {
		set[fold(name)] = true
	}
	return set
}

// says reports whether a delta, a message or a part says anything.
func (r *reader) says(at int32) bool {
	t := &r.tree
	if !t.is(at, '{') {
		return false
	}
	for m := t.nodes[at].down; m != 0; m = t.nodes[m].next {
		switch t.nodes[m].kind {
		case '"', '[', '{':
			if !t.empty(m) && !quiet[t.nodes[m].key] {
				return true
			}
		}
	}
	return false
}

// opensMore reports whether the object that an event opens holds output already,
// or is of another kind than those that will: the opening of a tool call is output.
func (r *reader) opensMore(name string, kinds ...string) bool {
	t := &r.tree
	at := t.child(1, step{key: fold(name)})
	if at == 0 {
		return false
	}
	kind, silent := t.text(t.child(at, step{key: fold("type")})), false
	for _, k := range kinds {
		silent = silent || k == kind
	}
	if !silent {
		return true
	}
	for _, name := range [...]string{"text", "thinking", "content", "summary", "refusal"} {
		if !t.empty(t.child(at, step{key: fold(name)})) {
			return true
		}
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
