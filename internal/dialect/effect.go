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
// What stands in members nobody here knows is no evidence, and neither is a body
// that is no JSON object.
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

	acts   bool
	model  bool
	turns  bool // an element of the conversation has a role
	plain  bool // one of them is no object
	toward bool // there is somebody whom it is for
}

const (
	// maxEffectDepth: a tool's type is a member of an object in an array in the
	// outermost object, and what belongs to that tool is one level deeper.
	maxEffectDepth = 4

	// maxEffectToken is more than the longest beginning that is compared.
	maxEffectToken = 16
)

var (
	// Work that goes on after the answer, that is kept with others' in one place, or
	// that servers of others do.
	effectMembers = keySet("background", "conversation", "mcp_servers", "connectors",
		"webhook", "webhook_url", "callback_url", "callback", "notify_hook", "notify_url")
	// Of a tool, what says that the server runs it somewhere else.
	effectOfTool  = keySet("server_url", "connector_id", "mcp_servers", "server_label")
	effectToolIDs = []string{"mcp", "connector", "openapi", "azure_function", "a2a"} // what types of such tools begin with

	conversationMembers = keySet("messages", "contents", "input")

	// Whom or what a message goes to. No API of a model asks for them.
	addressMembers = keySet("to", "cc", "bcc", "recipient", "recipients", "recipient_id", "channel", "channel_id", "room", "room_id", "chat_id", "thread_id",
		"phone", "phone_number", "email", "ticket_id", "order_id", "customer_id")
	foldTools = fold("tools")
	foldType  = fold("type")
	foldRole  = fold("role")
)

// Acts reports whether what was written shows that the server does more than to
// compute an answer.
func (e *Effect) Acts() bool { return e.acts }

// Converses reports whether what was written has the shape of a conversation with a
// model: its name, and a list of objects with roles. What names a recipient as well
// is a message to that one.
func (e *Effect) Converses() bool { return e.model && e.turns && !e.plain && !e.toward }

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
	e.inside()
}

// element is told what an element or a member's value begins with.
func (e *Effect) element(c byte) {
	if e.depth == 2 && e.array[2] && conversationMembers[e.name[1]] && c != '{' {
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
		e.acts = e.acts || effectMembers[e.name[1]]
		e.toward = e.toward || addressMembers[e.name[1]]
	case 4:
		e.acts = e.acts || e.ofTool() && effectOfTool[e.name[3]]
	}
}

// ofTool reports whether what is read is a member of an element of tools.
func (e *Effect) ofTool() bool { return e.name[1] == foldTools && e.array[2] && !e.array[3] }

// value ends a string, a number or a word.
func (e *Effect) value(text bool) {
	token := string(e.token[:min(e.n, maxEffectToken)])
	switch e.depth {
	case 1:
		if saysAnything(text, token) {
			e.acts = e.acts || effectMembers[e.name[1]]
			e.toward = e.toward || addressMembers[e.name[1]]
		}
		e.model = e.model || e.name[1] == keyModel && text && token != ""
	case 3:
		switch name := e.name[3]; {
		case e.array[3] || !e.array[2]:
		case e.name[1] == foldTools:
			e.acts = e.acts || effectOfTool[name] && saysAnything(text, token) || name == foldType && text && actsByType(token)
		case conversationMembers[e.name[1]] && name == foldRole:
			e.turns = e.turns || text && token != ""
		}
	}
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
