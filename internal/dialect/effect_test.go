package dialect_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/steadyhttp/steadyhttp/internal/dialect"
)

func TestEffectOfBodies(t *testing.T) {
	long := strings.Repeat("a long text with a \\\"quote\\\" in it, ", 50_000)
	for _, row := range []struct {
		name, body      string
		acts, converses bool
	}{
		{"a chat", `{"model":"m","messages":[{"role":"user","content":"hi"}]}`, false, true},
		{"a chat of 1.5 MiB", `{"messages":[{"content":"` + long + `","role":"user"}],"model":"m"}`, false, true},
		{"one whose side effect comes last", `{"messages":[{"content":"` + long + `","role":"user"}],"model":"m","background":true}`, true, false},
		{"one with parameters of models", `{"model":"m","messages":[{"role":"user","content":"hi"}],"max_tokens":5,"stream":true,"systemInstruction":{"x":1}}`, false, true},
		{"one with another member", `{"model":"m","messages":[{"role":"user","content":"hi"}],"rating":5}`, false, false},
		{"one with another member that is empty", `{"model":"m","messages":[{"role":"user","content":"hi"}],"conversation_id":null}`, false, false},
		{"one between a customer and an agent", `{"model":"m","messages":[{"role":"customer","content":"hi"}]}`, false, false},
		{"Gemini's", `{"contents":[{"role":"user","parts":[{"text":"hi"}]}],"model":"m"}`, false, true},
		{"a list of inputs", ` { "model" : "m" , "input" : [ { "role" : "user" , "content" : "x" } , {"type":"function_call_output","output":"1"} ] } `, false, true},
		{"an input of text", `{"model":"m","input":"x"}`, false, false},
		{"a list of texts", `{"model":"m","input":["x","y"]}`, false, false},
		{"texts among messages", `{"model":"m","messages":["x",{"role":"user"}]}`, false, false},
		{"a conversation without a model", `{"messages":[{"role":"user","content":"hi"}]}`, false, false},
		{"text messages to people", `{"messages":[{"to":"+49","text":"hi"}],"model":"m"}`, false, false},
		{"a conversation for somebody", `{"model":"m","to":"bob","messages":[{"role":"user","content":"hi"}]}`, false, false},
		{"a conversation for several", `{"recipients":["bob"],"model":"m","messages":[{"role":"user","content":"hi"}]}`, false, false},
		{"a conversation for nobody yet", `{"model":"m","to":null,"channel":"","messages":[{"role":"user","content":"hi"}]}`, false, false},
		{"a role deeper down", `{"model":"m","messages":[{"to":{"role":"user"}}]}`, false, false},
		{"no messages", `{"model":"m","messages":[]}`, false, false},

		{"in the background", `{"model":"m","input":"x","background":true}`, true, false},
		{"not in the background", `{"model":"m","input":"x","background": false ,"conversation":null}`, false, false},
		{"in a conversation by id", `{"conversation":"conv_1","model":"m"}`, true, false},
		{"in a conversation by object", `{"conversation":{"id":"conv_1"}}`, true, false},
		{"stored, which is kept by itself", `{"model":"m","input":"x","store":true}`, false, false},
		{"MCP servers", `{"model":"m","mcp_servers":[{"type":"url"}]}`, true, false},
		{"no MCP servers", `{"model":"m","mcp_servers":[ ]}`, false, false},
		{"an MCP tool", `{"tools":[{"type":"function","name":"f"},{"server_label":"x","type":"mcp"}]}`, true, false},
		{"a toolset", `{"tools":[{"type":"mcp_toolset"}]}`, true, false},
		{"a connector", `{"tools":[{"connector_id":"connector_gmail"}]}`, true, false},
		{"Gemini's MCP servers", `{"tools":[{"mcpServers":[{"name":"x"}]}]}`, true, false},
		{"a function of the caller's called mcp", `{"tools":[{"type":"function","function":{"name":"mcp","parameters":{"type":"mcp"}}}]}`, false, false},
		{"a search", `{"tools":[{"type":"web_search"}]}`, false, false},
		{"a browser that the server drives", `{"tools":[{"type":"browser_automation_preview"}]}`, true, false},
		{"Groq's", `{"compound_custom":{"tools":{"enabled_tools":["web_search","browser_automation"]}}}`, true, false},
		{"Groq's search", `{"compound_custom":{"tools":{"enabled_tools":["browser_search"]}}}`, false, false},
		{"a sandbox with a name", `{"tools":[{"type":"code_interpreter","container":"cntr_1"}]}`, true, false},
		{"a new sandbox", `{"tools":[{"type":"code_interpreter","container":{"type":"auto"}}]}`, false, false},
		{"a shell in a sandbox with a name", `{"tools":[{"type":"shell","environment":{"type":"container_reference","container_id":"cntr_1"}}]}`, true, false},
		{"Anthropic's sandbox", `{"container":"container_1"}`, true, false},
		{"a webhook", `{"prompt":"x","webhook":"https://me.example"}`, true, false},
		{"no webhook", `{"prompt":"x","webhook":""}`, false, false},
		{"a callback", `{"callbackUrl":"https://me.example"}`, true, false},
		{"Zhipu's or others' hook", `{"notify_hook":"https://me.example"}`, true, false},
		{"words in a text", `{"model":"m","messages":[{"role":"user","content":"\"background\": true, \"webhook\": 1"}]}`, false, true},
		{"a member of a message", `{"model":"m","messages":[{"role":"user","background":true}]}`, false, true},
		{"a body that breaks off", `{"model":"m","messages":[{"role":"user","content":"and then`, false, true},
		{"with a byte order mark", "\xef\xbb\xbf" + `{"background":true}`, true, false},
		{"deep", `{"a":` + strings.Repeat(`[{"b":`, 10_000) + `1` + strings.Repeat(`}]`, 10_000) + `,"background":true}`, true, false},
		{"nothing", "", false, false},
		{"no JSON", "model=m&background=true", false, false},
		{"a list", `[{"background":true}]`, false, false},
		{"what follows the object", `{"model":"m"}{"background":true}`, false, false},
		{"what is no JSON but begins so", `{]}}]"`, false, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			for _, size := range []int{1, 7, 1 << 20} {
				var e dialect.Effect
				for rest := row.body; rest != ""; {
					n := min(size, len(rest))
					e.Write([]byte(rest[:n]))
					rest = rest[n:]
				}
				if e.Acts() != row.acts || e.Converses() != row.converses {
					t.Errorf("in pieces of %d: got acts %t, converses %t; want %t, %t", size, e.Acts(), e.Converses(), row.acts, row.converses)
				}
			}
		})
	}
}

func TestHandsOver(t *testing.T) {
	for _, row := range []struct {
		host, path, header string
		want               bool
	}{
		{"api.openai.com", "/v1/chat/completions", "", false},
		{"api.openai.com", "/v1/responses", "", false},
		{"api.openai.com", "/v1/batches", "", true},
		{"api.openai.com", "/v1/files", "", true},
		{"api.openai.com", "/v1/videos", "", true},
		{"api.openai.com", "/v1/fine_tuning/jobs", "", true},
		{"api.openai.com", "/v1/threads/thread_1/runs", "", true},
		{"api.anthropic.com", "/v1/messages/batches", "", true},
		{"api.replicate.com", "/v1/predictions", "", true},
		{"queue.fal.run", "/fal-ai/any-llm", "", true},
		{"gateway.example", "/v1/video/generations", "", true},
		{"gateway.example", "/v1/tasks/submit", "", true},
		{"generativelanguage.googleapis.com", "/v1beta/models/veo:predictLongRunning", "", true},
		{"generativelanguage.googleapis.com", "/v1beta/models/gemini:generateContent", "", false},
		{"dashscope.aliyuncs.com", "/api/v1/services/aigc/text-generation/generation", "X-DashScope-Async: enable", true},
		{"dashscope.aliyuncs.com", "/api/v1/services/aigc/text-generation/generation", "X-DashScope-SSE: enable", false},
		{"api.replicate.com", "/v1/models/m/chat/completions", "Prefer: wait=5, respond-async", true},
		{"api.replicate.com", "/v1/models/m/chat/completions", "Prefer: wait=5", false},
		{"api.example.com", "/filesystem/jobsearch", "", false},
	} {
		h := http.Header{}
		if name, value, ok := strings.Cut(row.header, ": "); ok {
			h.Set(name, value)
		}
		if got := dialect.HandsOver(row.host, row.path, h); got != row.want {
			t.Errorf("%s%s %s: got %t, want %t", row.host, row.path, row.header, got, row.want)
		}
	}
}

func TestMayConverse(t *testing.T) {
	for _, row := range []struct {
		host, path string
		want       bool
	}{
		{"llm.internal", "/proxy/ask", true},
		{"llm.internal", "/v1/assist", true},
		{"llm.internal", "/postprocess", true},

		{"chat.internal", "/send-message", false},
		{"chat.internal", "/api/send", false},
		{"chat.internal", "/sendMessage", false},
		{"bot.internal", "/reply", false},
		{"bot.internal", "/bot/sendReply", false},
		{"hook.eu1.make.com", "/abc", false},
		{"agents.internal", "/agent/step", false},
		{"kafka.internal", "/topics/x", false},
		{"phones.internal", "/v2/create-phone-call", false},
		{"chat.internal", "/chats", false},
		{"chat.internal", "/rooms/7/messages", false},
		{"desk.internal", "/tickets/7/comments", false},
		{"mail.internal", "/v2/email/draft", false},
		{"hooks.internal", "/webhook/9f", false},
		{"flows.internal", "/flows/7/run", false},
		{"notes.internal", "/threads", false},
		{"api.openai.com", "/v1/something", false},
	} {
		if got := dialect.MayConverse(row.host, row.path); got != row.want {
			t.Errorf("%s%s: got %t, want %t", row.host, row.path, got, row.want)
		}
	}
}

// Bodies that make the most work for their length take time by their length.
func TestEffectTakesLinearTime(t *testing.T) {
	for name, unit := range map[string]string{
		"escapes":  `\"`,
		"brackets": `[`,
		"names":    `","`,
		"objects":  `{"a":`,
	} {
		measure := func(n int) time.Duration {
			body := []byte(`{"a":"` + strings.Repeat(unit, n))
			best := time.Hour
			for range 5 {
				var e dialect.Effect
				start := time.Now()
				e.Write(body)
				best = min(best, time.Since(start))
			}
			return best
		}
		small, large := measure(1<<14), measure(1<<18)
		if large > 16*8*max(small, 50*time.Microsecond) {
			t.Errorf("%s: %v for %d, %v for sixteen times as many", name, small, 1<<14, large)
		}
	}
}

func FuzzEffect(f *testing.F) {
	f.Add([]byte(`{"model":"m","tools":[{"type":"mcp"}],"messages":[{"role":"user"}]}`), 3)
	f.Add([]byte(`{"a":[[{}]],"background":true`), 1)
	f.Fuzz(func(t *testing.T, body []byte, size int) {
		var whole, pieces dialect.Effect
		whole.Write(body)
		for rest := body; len(rest) > 0; {
			n := min(max(size, 1), len(rest))
			pieces.Write(rest[:n])
			rest = rest[n:]
		}
		const path = "/generate"
		if whole.Acts() != pieces.Acts() || whole.Converses() != pieces.Converses() || whole.RestsOnState() != pieces.RestsOnState() ||
			whole.Computes("", path) != pieces.Computes("", path) {
			t.Error("the verdict depends on how the body is cut")
		}
	})
}
