package dialect

import "maps"

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
			if r.says(t.child(c, stepDelta)) || r.says(t.child(c, stepMessage)) || !t.empty(t.child(c, stepText)) || r.saysBeside(c, quietChoice) {
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
	if r.flag(pDone) != 0 || r.flag(pStop) != 0 { // Ollama, llama.cpp, and what houses have made like them
		known = true
		message := t.at(pMessage)
		if r.says(message) || t.is(message, '"') && !t.empty(message) || r.saysBeside(1, quietFlagged) {
			return true
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

	// flaggedPaths are those of the answer in the events of Ollama, llama.cpp and Baidu.
	flaggedPaths = paths("response", "content", "message", "result")

	// aside are the members of an event that are no output, if there are no others.
	aside = keySet("id", "object", "created", "createdat", "model", "modelversion", "responseid", "usage", "usagemetadata", "promptfeedback",
		"systemfingerprint", "servicetier", "provider", "messagestart", "contentblockstop", "metadata", "type", "sequencenumber", "xgroq")

	// quietFlagged are those beside done or stop that are no output.
	quietFlagged = unite(aside, keySet("message", "done", "stop", "donereason", "context", "prompt", "generationsettings", "timings", "stoptype", "stoppingword"))

	// quietChoice are those of a choice that are no output by themselves.
	quietChoice = keySet("delta", "message", "text", "finishreason", "nativefinishreason", "stopreason", "matchedstop", "logprobs", "contentfilterresults",
		"contentfilteroffsets", "usage", "error")

	// quiet are the members of a delta, a message or a part that are no output.
	quiet = keySet("role", "name", "thoughtsignature", "providerspecificfields")
)

// flag returns the node of true or false at p, 0 if it is not there.
func (r *reader) flag(p path) int32 {
	if at := r.tree.at(p); r.tree.is(at, 't') || r.tree.is(at, 'f') {
		return at
	}
	return 0
}

func unite(a, b map[uint64]bool) map[uint64]bool {
	maps.Copy(b, a)
	return b
}

func keySet(names ...string) map[uint64]bool {
	set := make(map[uint64]bool, len(names))
	for _, name := range names {
		set[fold(name)] = true
	}
	return set
}

// says reports whether a delta, a message or a part says anything.
func (r *reader) says(at int32) bool { return r.saysBeside(at, quiet) }

// saysBeside is says with other members that are no output.
func (r *reader) saysBeside(at int32, quiet map[uint64]bool) bool {
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
