package dialect

import "strings"

// A Shape is what the JSON of a request shows of what it asks for.
type Shape struct {
	Model        bool // it names a model
	Prompt       bool // it has something for a model to go on from
	Text         bool // it has a text, which may be for anybody
	Tuned        bool // it says how a model is to answer
	Conversation bool // it has a list of messages with roles
}

// Infers reports whether the request can hardly be anything but one to a language
// model, if its path is one by which such requests are sent. named says that the path
// names a model.
func (s Shape) Infers(named bool) bool {
	return s.Conversation || s.Prompt && (s.Model || s.Tuned || named)
}

// MayInfer reports whether the request may be one to a language model, whatever its
// path is.
func (s Shape) MayInfer(named bool) bool {
	return s.Infers(named) || s.Text && (s.Model || named)
}

var (
	keysConversation = keySet("messages", "contents", "input", "inputs")
	keysPrompt       = keySet("prompt", "input", "inputs", "contents", "messages", "instances", "inputText", "input_prefix", "text_input")
	keysModel        = keySet("model", "model_id")
	keysText         = keySet("text", "texts", "content", "query", "documents")
	keysTuned        = keySet("n_predict", "max_tokens", "max_length", "max_context_length", "max_new_tokens", "max_output_tokens", "max_completion_tokens",
		"temperature", "top_p", "top_k", "stream", "parameters", "generationConfig", "inferenceConfig", "textGenerationConfig")
	pFirstRole  = pathOf("0.role")
	pFirstParts = pathOf("0.parts")
	pFirstType  = pathOf("0.type")
)

// maxFirst is how much of a list is read to tell whether it is a conversation.
const maxFirst = 4 << 10

// ShapeOf reads a JSON body, or its start.
func ShapeOf(body string) (s Shape) {
	w := walker{s: body}
	w.i = space(w.s, w.i)
	if w.i >= len(w.s) || w.s[w.i] != '{' {
		return s
	}
	for w.i++; ; {
		if w.i = space(w.s, w.i); w.i < len(w.s) && w.s[w.i] == ',' {
			w.i = space(w.s, w.i+1)
		}
		if w.i >= len(w.s) || w.s[w.i] != '"' {
			return s
		}
		name, ok := w.text()
		if w.i = space(w.s, w.i); !ok || w.i >= len(w.s) || w.s[w.i] != ':' {
			return s
		}
		w.i = space(w.s, w.i+1)
		if from := w.i; from < len(w.s) {
			if w.s[from] == '"' {
				_, ok = w.text()
			} else {
				ok = w.value()
			}
			s.member(fold(name), w.s[from:min(w.i, len(w.s))])
		}
		if !ok {
			return s
		}
	}
}

func (s *Shape) member(key uint64, value string) {
	if value == "" {
		return
	}
	text, list := value[0] == '"' && len(value) > len(`""`), value[0] == '['
	if keysModel[key] && text {
		s.Model = true
	}
	s.Prompt = s.Prompt || keysPrompt[key] && (text || list)
	s.Text = s.Text || keysText[key] && (text || list)
	s.Tuned = s.Tuned || keysTuned[key]
	if !list || !keysConversation[key] {
		return
	}
	r := readers.Get().(*reader)
	defer r.free()
	t := &r.tree
	t.parse(value[:min(len(value), maxFirst)])
	s.Conversation = s.Conversation || t.textAt(pFirstRole) != "" || t.is(t.at(pFirstParts), '[') || key != fold("input") && t.textAt(pFirstType) == "message"
}

// InferenceShaped reports whether a POST to path is an inference call if its body
// Infers: others use such paths too.
func InferenceShaped(path string) bool {
	if len(path) > maxPath || strings.Contains(path, "/functions/") { // Lambda's have invocations too
		return false
	}
	for _, end := range tables().inferenceShaped.at(lastWord(path)) {
		if strings.HasSuffix(path, end) {
			return true
		}
	}
	return strings.Contains(path, "/ai/run/") // Cloudflare's, with the model behind it
}

// NamesModel reports whether a path names a model, or what one is served by.
func NamesModel(path string) bool {
	for _, part := range [...]string{"/models/", "/model/", "/deployments/", "/engines/", "endpoints/", "/ai/run/"} {
		if strings.Contains(path, part) {
			return true
		}
	}
	return false
}

// KeepsState reports whether a POST to path computes an answer and keeps something
// as well, such as a conversation: its answer is worth looking into, and it must not
// be sent twice.
func KeepsState(path string) bool {
	for _, part := range [...]string{"/v1/conversations", "/v1beta/interactions", "/v1/interactions", "/v1alpha/interactions"} {
		if strings.Contains(path, part) {
			return true
		}
	}
	return false
}

// hints are parts of words in the paths of inference calls. They are no proof: they
// only spare other calls a look at their bodies. Of the paths that are known some
// have none of them.
var hints = [...]string{
	"chat", "complet", "generat", "infer", "invoc", "invoke", "message", "respon", "embed", "rerank", "predict", "prompt", "llm", "model", "gpt", "ask",
	"answer", "convers", "speech", "transcri", "text", "interact", "classif", "moderat", "translat", "summar",
}

// MayInfer reports whether a path looks like that of an inference call, or may be one.
func MayInfer(path string) bool {
	if len(path) > maxPath {
		return false
	}
	// The last two words: before them stand hosts, versions and teams.
	tail := path[strings.LastIndexByte(path[:max(strings.LastIndexByte(path, '/'), 0)], '/')+1:]
	for _, h := range hints {
		if strings.Contains(tail, h) {
			return true
		}
	}
	return false
}
