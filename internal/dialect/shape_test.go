package dialect_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/steadyhttp/steadyhttp/internal/dialect"
)

func TestShapeOf(t *testing.T) {
	for _, row := range []struct {
		name, body string
		infers     bool // at a path by which model calls are sent
		may        bool // at any path
	}{
		{"a chat", `{"model":"m","messages":[{"role":"user","content":"x"}]}`, true, true},
		{"a chat without a model", `{"stream":true,"messages":[{"content":"x","role":"user"}]}`, true, true},
		{"Gemini's contents", `{"contents":[{"parts":[{"text":"x"}]}]}`, true, true},
		{"a list of inputs with roles", `{"model":"m","input":[{"role":"user","content":"x"}]}`, true, true},
		{"a prompt with settings", `{"prompt":"x","n_predict":5}`, true, true},
		{"an input and a model", `{"input":"x","model":"m"}`, true, true},
		{"a text and a model", `{"model":"tts","text":"x"}`, false, true},
		{"a list that is cut", `{"model":"m","messages":[{"role":"user","content":"x`, true, true},
		{"inputs of which each is a message", `{"model":"m","input":[{"type":"message"}]}`, true, true},
		{"a prompt alone", `{"prompt":"x"}`, false, false},
		{"a message to people", `{"to":"+15550100","body":"hi"}`, false, false},
		{"a text to people", `{"text":"hi all"}`, false, false},
		{"a car", `{"model":"XC90","colour":"red"}`, false, false},
		{"messages without roles", `{"messages":[{"to":"a","body":"b"}]}`, false, false},
		{"a GraphQL mutation", `{"query":"mutation M($input: I!) { m(input: $input) { id } }","variables":{"input":{"model":"m"}}}`, false, false},
		{"members of an inner object", `{"data":{"model":"m","messages":[{"role":"user"}]}}`, false, false},
		{"words", `{"note":"\"model\":\"m\",\"prompt\":\"x\""}`, false, false},
		{"an empty prompt", `{"model":"m","prompt":""}`, false, false},
		{"an array", `[{"model":"m","prompt":"x"}]`, false, false},
		{"no JSON", `model=m&prompt=x`, false, false},
		{"nothing", ``, false, false},
	} {
		s := dialect.ShapeOf(row.body)
		if s.Infers(false) != row.infers || s.MayInfer(false) != row.may {
			t.Errorf("%s: got %+v: infers %t, may infer %t; want %t, %t", row.name, s, s.Infers(false), s.MayInfer(false), row.infers, row.may)
		}
	}
}

// A body that was cut is read up to there.
func TestShapeOfACutBody(t *testing.T) {
	const body = `{ "model" : "m" , "n": 7 , "messages" : [ {"role":"user","content":"x\""} ] , "a":{"b":[1]} }`
	for n := range len(body) + 1 {
		if s := dialect.ShapeOf(body[:n]); s.MayInfer(false) != (n >= strings.Index(body, "[ {")+1) {
			t.Errorf("%s: got %+v", body[:n], s)
		}
	}
}

// What a list's first element is tells a conversation from a list of anything.
func TestConversations(t *testing.T) {
	for body, want := range map[string]bool{
		`{"messages":[{"role":"user"}]}`:            true,
		`{"contents":[{"parts":[{"text":"x"}]}]}`:   true,
		`{"messages":[{"type":"message"}]}`:         true,
		`{"input":[{"type":"message"}]}`:            false,
		`{"messages":[{"to":"a"},{"role":"user"}]}`: false,
		`{"orders":[{"role":"user"}]}`:              false,
	} {
		if got := dialect.ShapeOf(body).Conversation; got != want {
			t.Errorf("%s: got %t, want %t", body, got, want)
		}
	}
	for path, want := range map[string]bool{"/ask": true, "/send": false, "/lazysend": true, "/zsend": true, "/AZsend": true, "/to-send": false} {
		if got := dialect.MayConverse("llm.example.com", path); got != want {
			t.Errorf("%s: got %t, want %t", path, got, want)
		}
	}
}

// A path that is too long is none of those that are known.
func TestLongPaths(t *testing.T) {
	h := http.Header{}
	for n, known := range map[int]bool{2048: true, 2049: false} {
		pad := func(end string) string { return "/" + strings.Repeat("x", n-1-len(end)) + end }
		chat := pad("/v1/chat/completions")
		for name, got := range map[string]bool{
			"an inference call":         dialect.Inference(chat, h),
			"one that may hide errors":  dialect.HidesErrors("POST", "llm.example.com", chat, h),
			"one by its shape":          dialect.InferenceShaped(pad("/ai/run/x")),
			"one that hands nothing on": !dialect.HandsOver("llm.example.com", chat, h),
			"one that may converse":     dialect.MayConverse("llm.example.com", pad("/ask")),
			"one that names its model":  dialect.ModelIn(pad("/model/m/invoke")) == "m",
		} {
			if got != known {
				t.Errorf("%s, of %d bytes: got %t, want %t", name, n, got, known)
			}
		}
	}
}

func FuzzShapeOf(f *testing.F) {
	f.Add(`{"model":"m","messages":[{"role":"user","content":"x"}]}`)
	f.Add(`{"prompt":["a",{"b":[]}],"a":1e5,"temperature":null}`)
	f.Fuzz(func(t *testing.T, body string) {
		if s := dialect.ShapeOf(body); s.Infers(false) && !s.MayInfer(false) {
			t.Errorf("got %+v", s)
		}
	})
}
