package dialect

import (
	"bytes"
	"strings"
)

// ActsByBody reports whether calls to a model at path are known to have servers act,
// if the body asks for it: whoever has to know beforehand whether a call may act
// can leave others aside.
func ActsByBody(path string) bool {
	switch lastWord(path) {
	case "responses", "messages":
		return true
	}
	return false
}

// An Effect reads the JSON body of a request that is written to it, in pieces of
// any size, and finds what sending the request twice would do. It keeps a few
// bytes, and takes time by the length of the body. Its zero value is ready.
//
// A body that is no JSON object is no evidence. What the members' names say is in
// memberUses.
type Effect struct {
	begun, over bool // the outermost object
	depth       int  // of containers around what comes next
	array       [maxEffectDepth + 1]bool
	name        [maxEffectDepth + 1]uint64 // of the member at each depth, folded

	inString, escaped bool
	naming            bool // the next string is a member's name
	scalar            bool // a number or a word is being read
	token             [maxEffectToken]byte
	n                 int // of token, and how long it is altogether
	hash              uint64

	outer, inner memberUse // the outermost object's member that is read, and that object's own

	acts    bool
	model   bool
	prompt  bool // there is something for a model to go on from
	turns   bool // an element of the conversation has a role
	plain   bool // one of them is no object, or has a role that no model knows
	toward  bool // somebody gets it, or it is kept
	strange bool // there is a member that no call to a model has
	tuned   bool // a member says how a model is to go on, and could say nothing else
	rests   bool // on what is there: see RestsOnState
	whole   bool // the object has ended
}

const (
	// maxEffectDepth: a tool's type is a member of an object in an array in the
	// outermost object, and what belongs to that tool is one level deeper.
	maxEffectDepth = 4

	// maxEffectToken is as much as the longest beginning that is compared.
	maxEffectToken = 18
)

var (
	// Of a tool, what says that the server runs it somewhere else, or where others' work is.
	effectOfTool  = keySet("server_url", "connector_id", "mcp_servers", "server_label")
	effectToolIDs = []string{"mcp", "connector", "openapi", "azure_function", "a2a", "browser_automation"} // what types of such tools begin with

	foldTools     = fold("tools")
	foldType      = fold("type")
	foldRole      = fold("role")
	foldNumber    = fold("number")
	foldContainer = fold("container")
	foldNamed     = fold("container_id")
	foldCustom    = fold("compound_custom") // Groq's, whose tools are a list of names
	foldEnabled   = fold("enabled_tools")
)

// Acts reports whether what was written shows that the server does more than to
// compute an answer.
func (e *Effect) Acts() bool { return e.acts }

// Converses reports whether what was written has the shape of a conversation with a
// model, and nothing else in it: the model's name, a list of objects with roles, and
// parameters of such calls. Any other member may have somebody act, or keep it.
func (e *Effect) Converses() bool { return e.model && e.turns && !e.plain && !e.strange }

// RestsOnState reports whether what was written makes a write depend on what is there
// before it, or adds to that: after it was carried out, its repeat does something else.
func (e *Effect) RestsOnState() bool { return e.rests }

// Write implements io.Writer. It never fails.
func (e *Effect) Write(p []byte) (int, error) {
	for i := 0; i < len(p) && !e.over; i++ {
		if e.inString {
			i += e.text(p[i:])
			continue
		}
		e.step(p[i])
	}
	return len(p), nil
}

// text goes on in a string, and returns the index of the last byte that it took.
func (e *Effect) text(p []byte) int {
	for i, c := range p {
		switch {
		case e.escaped:
			e.escaped = false
		case c == '\\':
			e.escaped = true
		case c == '"':
			e.inString = false
			if e.naming {
				e.named()
			} else {
				e.value(true)
			}
			return i
		case e.n >= maxEffectToken && !e.naming:
			// The long texts: nothing in them matters but their end.
			if next := bytes.IndexAny(p[i:], `"\`); next != 0 {
				if next < 0 {
					return len(p) - 1
				}
				return i + next - 1
			}
		}
		e.keep(c)
	}
	return len(p) - 1
}

func (e *Effect) keep(c byte) {
	if e.n < maxEffectToken {
		e.token[e.n] = c
	}
	e.n++
	e.hash = foldByte(e.hash, c)
}

func (e *Effect) begin() { e.n, e.hash = 0, foldOffset }

// step takes a byte outside of strings.
func (e *Effect) step(c byte) {
	if !e.begun {
		switch c {
		case ' ', '\t', '\r', '\n', 0xef, 0xbb, 0xbf: // a byte order mark
			return
		}
		if e.begun = true; c != '{' {
			e.over = true // no JSON object
			return
		}
	}
	switch c {
	case '"':
		if !e.naming {
			e.element(c)
		}
		e.inString = true
		e.begin()
	case '{', '[':
		e.element(c)
		if e.depth++; e.depth <= maxEffectDepth {
			e.array[e.depth], e.name[e.depth] = c == '[', 0
		}
		e.naming = c == '{'
	case '}', ']':
		e.ended()
		e.depth--
		e.over = e.depth <= 0
		e.whole = e.over
		e.naming = false
	case ',':
		e.ended()
		e.naming = e.depth <= maxEffectDepth && !e.array[max(e.depth, 0)]
	case ':', ' ', '\t', '\r', '\n':
		e.ended()
	default:
		if !e.scalar {
			e.scalar = true
			e.element(c)
			e.begin()
		}
		e.keep(c)
	}
}

// ended ends a number or a word.
func (e *Effect) ended() {
	if e.scalar {
		e.scalar = false
		e.value(false)
	}
}

// named ends a member's name.
func (e *Effect) named() {
	e.naming = false
	if e.depth <= maxEffectDepth {
		e.name[e.depth] = e.hash
	}
	switch {
	case e.depth == 1:
		e.outer, e.inner = memberUses[e.hash], 0
		e.strange = e.strange || e.outer&isParameter == 0
	case e.depth == 2 && !e.array[2]:
		e.inner = memberUses[e.hash]
		if e.outer&holdsParameters != 0 {
			e.strange, e.tuned = e.strange || e.inner&isParameter == 0, e.tuned || e.inner&isTuning != 0
		}
		if e.outer&isVersionNumber != 0 && e.hash == foldNumber {
			e.inner |= isState // Confluence's
		}
	}
	e.inside()
}

// element is told what an element or a member's value begins with.
func (e *Effect) element(c byte) {
	if e.depth == 2 && e.array[2] && e.outer&isConversation != 0 && c != '{' {
		e.plain = true
	}
	if e.depth > 0 && e.depth <= maxEffectDepth && e.array[e.depth] {
		e.inside()
	}
}

// inside is told that the container at this depth is not empty.
func (e *Effect) inside() {
	switch e.depth {
	case 2:
		e.said(e.outer)
		e.rests = e.rests || e.outer&isNote != 0 && !e.array[2]
	case 3:
		if !e.array[2] {
			e.rests = e.rests || e.inner&isState != 0 || e.outer&holdsNotes != 0 && e.inner&isNote != 0
		}
	case 4:
		e.acts = e.acts || e.ofTool() && effectOfTool[e.name[3]]
	}
}

// said is told that a member of the outermost object says something.
func (e *Effect) said(m memberUse) {
	e.acts = e.acts || m&hasServerAct != 0
	e.toward = e.toward || m&isToward != 0
	e.prompt = e.prompt || m&isPrompt != 0
	e.tuned = e.tuned || m&isTuning != 0
	e.rests = e.rests || m&isState != 0
}

// ofTool reports whether what is read is a member of an element of tools.
func (e *Effect) ofTool() bool { return e.name[1] == foldTools && e.array[2] && !e.array[3] }

// value ends a string, a number or a word.
func (e *Effect) value(text bool) {
	token := string(e.token[:min(e.n, maxEffectToken)])
	switch e.depth {
	case 1:
		if saysAnything(text, token) {
			e.said(e.outer)
		}
		e.model = e.model || e.outer&isModel != 0 && text && token != ""
		e.acts = e.acts || e.name[1] == foldContainer && text && token != "" // Anthropic's, by its id
		e.rests = e.rests || restsOn(e.outer, text, token)
	case 2:
		if !e.array[2] {
			e.rests = e.rests || restsOn(e.inner, text, token) || e.outer&holdsNotes != 0 && e.inner&isNote != 0 && saysAnything(text, token)
		}
	case 3:
		switch name := e.name[3]; {
		case e.array[3] || !e.array[2]:
		case e.name[1] == foldTools:
			e.acts = e.acts || effectOfTool[name] && saysAnything(text, token) || name == foldType && text && actsByType(token) ||
				name == foldContainer && text && token != "" // one that has a name has been used before
		case e.outer&isConversation != 0 && name == foldRole:
			known := text && roles[fold(token)]
			e.turns, e.plain = e.turns || known, e.plain || !known
		}
	case 4:
		switch {
		case !text || token == "":
		case e.array[4]:
			e.acts = e.acts || e.name[1] == foldCustom && e.name[3] == foldEnabled && actsByType(token)
		case e.ofTool():
			e.acts = e.acts || e.name[4] == foldNamed // of a shell's environment
		}
	}
}

// restsOn reports whether a member with that value names the state that a write is to
// replace: also the one before the first, 0.
func restsOn(m memberUse, text bool, token string) bool {
	switch {
	case m&isState != 0:
		return token != "" && (text || token != "null" && token != "false")
	case m&isVersionNumber != 0:
		return !text && token != "" && '0' <= token[0] && token[0] <= '9' // a text is a format's
	}
	return false
}

// saysAnything reports whether a value says anything at all.
func saysAnything(text bool, token string) bool {
	if text {
		return token != ""
	}
	return token != "null" && token != "false" && token != "0"
}

func actsByType(token string) bool {
	for _, begin := range effectToolIDs {
		if strings.HasPrefix(strings.ToLower(token), begin) {
			return true
		}
	}
	return false
}
