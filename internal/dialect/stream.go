package dialect

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
)

// A Stream follows the events of one inference stream. Its zero value is
// ready. It keeps no event.
//
// That a stream is cut short can only be said of a dialect that ends all its
// streams in a way of its own, so the events decide which dialect it is.
type Stream struct {
	Host string // of the request, if it is known: some providers' codes are numbers

	ends    bool // the dialect promises an end
	ended   bool // it was seen
	maybe   bool // the latest event may be the end: a function call, the tokens used
	counted bool // the latest event tells the tokens, beside a piece of the answer
	output  bool // output was seen
	told    bool // an event that may be the end was seen
	over    bool // the event after which there is none was seen
}

// A Step is what one event of a stream means.
type Step struct {
	Failed  bool // the event is an error
	Verdict Verdict

	// Beside reports that the stream may survive the error. It stands beside something
	// else, as that of a tool beside its name, or nobody knows the API, and it may tell
	// of a tool or a model for which there is another. Only if the stream ends with it
	// has the stream failed.
	Beside bool

	// Output reports that the event holds output: text, a tool call, reasoning, an
	// image, or something that nobody knows. The opening of a tool call is output,
	// that of a text is none.
	Output bool

	// More reports that the event goes on with the stream, or ends it: it is no ping, and
	// not [DONE] or the tokens used, which come after an error too.
	More bool

	Used Usage // the tokens that the event tells
}

// Truncated reports whether the stream, if it ended now, would be cut short. A provider
// that is known may tell the tokens with each piece. Others are taken to tell them with
// the last.
func (s *Stream) Truncated() bool {
	return s.ends && !s.ended && !s.maybe && !s.over && (!s.counted || Known(s.Host))
}

// Promises reports whether the stream is of a dialect that ends all its streams in a way
// of its own, and so is of a model.
func (s *Stream) Promises() bool { return s.ends }

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
	e.beside = e.failed && (e.beside || !Known(s.Host))
	s.ends = s.ends || e.ends
	s.ended = s.ended || e.last || e.failed && !e.beside
	s.over = s.over || e.over
	s.output = s.output || e.output
	if !e.silent {
		s.maybe, s.counted = e.maybe, e.counted
		s.told = s.told || e.maybe
	}
	return Step{Failed: e.failed, Verdict: e.verdict, Beside: e.beside, Output: e.output, More: !e.silent && !e.maybe && (e.last || !e.over), Used: e.used}
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
	beside  bool // see Step
	output  bool
	silent  bool // it keeps the connection open and says nothing
	ends    bool // its dialect promises an end
	last    bool // it is the end
	maybe   bool // it is the end if nothing follows
	counted bool // it tells the tokens, and may tell more
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
	// Those of many: agents, LangServe, the AI SDK.
	"done": {last: true}, "end": {last: true}, "close": {last: true}, "finish": {last: true},
}

// failedKinds are the types and names of events that are errors.
var failedKinds = map[string]bool{"error": true, "response.failed": true, "response.error": true, "conversation.response.error": true, "interaction.failed": true}

// besideError are the members that an error's event has beside the error.
var besideError = keySet("error", "errors", "message", "msg", "code", "status", "statuscode", "statustext", "detail", "details", "requestid", "traceid", "choices",
	"candidates", "success", "ok", "timestamp", "time", "event", "param", "path", "title", "errorcode", "errormessage", "errortype", "reason", "retryafter",
	"retryable", "jsonrpc", "done", "stop", "delta", "finishreason", "index", "hint", "instance", "cause", "data", "result", "response", "name", "userid")

var (
	pDelta     = pathOf("delta")
	pEventType = pathOf("eventtype")
	pEvFinish  = pathOf("output.choices.0.finishreason")
	pOutFinish = pathOf("output.finishreason")
	pDone      = pathOf("done")
	pDoneWhy   = pathOf("donereason")
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
	if IsDone(data) {
		return event{ends: true, over: true}
	}
	if len(data) <= maxDone && string(bytes.TrimSpace(data)) == "DONE" {
		return event{maybe: true} // or a word of an answer
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
		e.beside = isObject && name != "error" && r.tellsMore(kind)
		e.output = e.beside
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
			e.last = e.last || !t.empty(t.child(c, stepFinish)) || !t.empty(t.child(c, stepStopped))
			e.maybe = e.maybe || r.callsTool(c)
		}
		e.counted = !t.empty(t.at(pUsage))
		e.maybe = e.maybe || t.empty(choices) && e.counted
	}
	if t.at(pCandidates) != 0 {
		e.ends = true
		e.last = e.last || !t.whole || !t.empty(t.at(pCandFinish))
		e.maybe, e.counted = r.callsFunction(), !t.empty(t.at(pUsageMeta))
	} else if !t.empty(t.at(pUsageMeta)) {
		e.maybe = true
	}
	for _, p := range [...]path{pEvFinish, pOutFinish} { // DashScope says "null"
		if why := t.textAt(p); why != "" {
			e.ends, e.last = true, e.last || why != "null"
		}
	}
	for _, p := range [...]path{pDone, pStop, pIsEnd} { // Ollama, llama.cpp, Baidu
		at := r.flag(p)
		// Others have the flag too, and some of them never say that it is true.
		e.ends = e.ends || at != 0 && slices.ContainsFunc(flaggedPaths, func(p path) bool { return t.at(p) != 0 })
		e.last = e.last || t.is(at, 't')
	}
	if t.textAt(pDoneWhy) != "" { // Ollama, by way of others
		e.ends, e.last = true, true
	}
	if at := t.at(pGenerated); at != 0 { // text-generation-inference
		e.ends, e.last = true, e.last || t.is(at, '"')
	}
	if t.textAt(pDeltaStop) != "" || t.at(pMetrics) != 0 { // Anthropic; whatever runs on Bedrock
		e.ends, e.last = true, true
	}
}

var (
	stepFinish    = step{key: fold("finish_reason")}
	stepStopped   = step{key: fold("stop_reason")}
	stepDelta     = step{key: fold("delta")}
	stepMessage   = step{key: fold("message")}
	stepText      = step{key: fold("text")}
	stepContent   = step{key: fold("content")}
	stepParts     = step{key: fold("parts")}
	stepFunction  = step{key: fold("functionCall")}
	stepTools     = step{key: fold("tool_calls")}
	stepCalled    = step{key: fold("function")}
	stepArguments = step{key: fold("arguments")}
)

// callsTool reports whether a choice of OpenAI's shape calls a tool, all in one event.
// Some servers give no reason to finish then.
func (r *reader) callsTool(choice int32) bool {
	t := &r.tree
	for call := t.nodes[t.child(t.child(choice, stepDelta), stepTools)].down; call != 0; call = t.nodes[call].next {
		with := t.text(t.child(t.child(call, stepCalled), stepArguments))
		if strings.HasPrefix(with, "{") && strings.HasSuffix(with, "}") && json.Valid([]byte(with)) {
			return true
		}
	}
	return false
}

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
	switch {
	case failedKinds[kind], failedKinds[name]:
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

// tellsMore reports whether an event has more than an error: a type that no error has, or
// members that none has. Agents tell so of a tool that failed, and go on. The evidence is
// that type or member, the scope this event. Where it is wrong, the stream ends with the
// event, and is told to have failed all the same; only it is not repeated.
func (r *reader) tellsMore(kind string) bool {
	t := &r.tree
	if t.empty(t.at(errorPath)) || failedKinds[kind] {
		return false
	}
	if kind != "" && !strings.HasSuffix(kind, "error") || strings.HasPrefix(kind, "tool") {
		return true
	}
	for m := t.nodes[1].down; m != 0; m = t.nodes[m].next {
		if key := t.nodes[m].key; !aside[key] && !besideError[key] {
			return true
		}
	}
	return false
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

// maxDone is more than there is in an event that is an end and no more.
const maxDone = 16

// IsDone reports whether an event is OpenAI's end of a stream, [DONE], as it is or as
// some write it who have made it anew.
func IsDone(data []byte) bool {
	return len(data) <= maxDone && strings.EqualFold(string(bytes.Trim(data, " \r\n\"")), "[DONE]")
}
