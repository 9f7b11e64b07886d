package dialect_test

import (
	"strings"
	"testing"

	"github.com/steadyhttp/steadyhttp/internal/dialect"
)

func TestUsageOf(t *testing.T) {
	for _, row := range []struct {
		name, text string
		want       dialect.Usage
	}{
		{"OpenAI", `{"usage":{"prompt_tokens":9,"completion_tokens":5,"prompt_tokens_details":{"cached_tokens":4},"completion_tokens_details":{"reasoning_tokens":3}}}`, dialect.Usage{Input: 9, Output: 5, Cached: 4, Reasoning: 3}},
		{"OpenAI's responses", `{"type":"response.completed","response":{"usage":{"input_tokens":9,"input_tokens_details":{"cached_tokens":4},"output_tokens":5,"output_tokens_details":{"reasoning_tokens":3}}}}`, dialect.Usage{Input: 9, Output: 5, Cached: 4, Reasoning: 3}},
		{"DeepSeek", `{"usage":{"prompt_tokens":9,"completion_tokens":5,"prompt_cache_hit_tokens":4,"prompt_cache_miss_tokens":5}}`, dialect.Usage{Input: 9, Output: 5, Cached: 4}},
		{"Anthropic", `{"type":"message","usage":{"input_tokens":2,"cache_creation_input_tokens":3,"cache_read_input_tokens":4,"output_tokens":5}}`, dialect.Usage{Input: 9, Output: 5, Cached: 4, Free: 4}},
		{"Anthropic's first event", `{"type":"message_start","message":{"usage":{"input_tokens":2,"output_tokens":1}}}`, dialect.Usage{Input: 2, Output: 1}},
		{"Gemini", `{"usageMetadata":{"promptTokenCount":9,"candidatesTokenCount":5,"thoughtsTokenCount":7,"cachedContentTokenCount":4}}`, dialect.Usage{Input: 9, Output: 12, Cached: 4, Reasoning: 7}},
		{"Bedrock", `{"usage":{"inputTokens":2,"outputTokens":5,"cacheReadInputTokens":4,"cacheWriteInputTokens":3}}`, dialect.Usage{Input: 9, Output: 5, Cached: 4, Free: 4}},
		{"whatever runs on Bedrock", `{"outputText":"x","amazon-bedrock-invocationMetrics":{"inputTokenCount":9,"outputTokenCount":5}}`, dialect.Usage{Input: 9, Output: 5}},
		{"Cohere, v1", `{"meta":{"billed_units":{"input_tokens":9,"output_tokens":5}}}`, dialect.Usage{Input: 9, Output: 5}},
		{"Cohere, v2", `{"usage":{"billed_units":{"input_tokens":8,"output_tokens":5},"tokens":{"input_tokens":9,"output_tokens":5}}}`, dialect.Usage{Input: 9, Output: 5}},
		{"Ollama", `{"done":true,"prompt_eval_count":9,"eval_count":5}`, dialect.Usage{Input: 9, Output: 5}},
		{"Groq's streams", `{"choices":[],"x_groq":{"usage":{"prompt_tokens":9,"completion_tokens":5}}}`, dialect.Usage{Input: 9, Output: 5}},
		{"embeddings", `{"data":[],"usage":{"prompt_tokens":9,"total_tokens":9}}`, dialect.Usage{Input: 9}},
		{"none", `{"choices":[]}`, dialect.Usage{}},
		{"null", `{"usage":null}`, dialect.Usage{}},
		{"of a tool's arguments", `{"content":[{"type":"tool_use","input":{"usage":{"input_tokens":9}}}]}`, dialect.Usage{}},
		{"in a text", `{"content":"\"usage\":{\"prompt_tokens\":9}"}`, dialect.Usage{}},
		{"Ollama, with blanks", "{ \"done\" : true , \"prompt_eval_count\" : 10 , \"eval_count\": 15\n}", dialect.Usage{Input: 10, Output: 15}},
		{"the most that there can be", `{"prompt_eval_count":1099511627775,"usage":{"completion_tokens":1099511627775}}`, dialect.Usage{Input: 1<<40 - 1, Output: 1<<40 - 1}},
		{"one more", `{"prompt_eval_count":1099511627776,"usage":{"completion_tokens":1099511627776}}`, dialect.Usage{}},
		{"more than there can be", `{"usage":{"prompt_tokens":1e300,"completion_tokens":-1}}`, dialect.Usage{}},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := dialect.UsageOf([]byte(row.text)); got != row.want {
				t.Errorf("got %+v, want %+v", got, row.want)
			}
			var long dialect.LongUsage
			for _, b := range []byte(row.text) {
				long.Feed([]byte{b})
			}
			if got := long.Usage(); got != row.want {
				t.Errorf("byte by byte: got %+v, want %+v", got, row.want)
			}
		})
	}
}

// What is told behind any length of text is found.
func TestUsageBehindALongText(t *testing.T) {
	var long dialect.LongUsage
	long.Feed([]byte(`{"output":[{"content":"` + strings.Repeat(`a \" \\ } ] `, 1<<16) + `"}],"usage":{"prompt_tokens":9,"completion_tokens":5},"metadata":{"a":"` + strings.Repeat("b", 1<<14) + `"}}`))
	if got, want := long.Usage(), (dialect.Usage{Input: 9, Output: 5}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// What is no object tells nothing, and breaks nothing.
func TestUsageOfNoObject(t *testing.T) {
	var long dialect.LongUsage
	long.Feed([]byte(`: {"usage":{"prompt_tokens":9}}`))
	if got, want := long.Usage(), (dialect.Usage{Input: 9}); got != want {
		t.Errorf("behind a colon: got %+v, want %+v", got, want)
	}
	body := `{"usage":{"prompt_tokens":9}}`
	for pad, want := range map[int]int64{64<<10 - len(body): 9, 64<<10 - len(body) + 1: 0} {
		if got := dialect.UsageOf([]byte(body + strings.Repeat(" ", pad))); got.Input != want {
			t.Errorf("%d bytes: got %d tokens, want %d", len(body)+pad, got.Input, want)
		}
	}
}

func FuzzLongUsage(f *testing.F) {
	f.Add([]byte(`{"a":["\"",{"usage":{"prompt_tokens":1}}],"usage":{"prompt_tokens":9,"completion_tokens":5}}`), uint8(3))
	f.Add([]byte(`{"prompt_eval_count":9,"eval_count":5}`), uint8(1))
	f.Add([]byte(`]]}}{"usage":{`), uint8(2))
	f.Fuzz(func(t *testing.T, text []byte, step uint8) {
		var whole, pieces dialect.LongUsage
		whole.Feed(text)
		for rest := text; len(rest) > 0; {
			n := min(int(step)+1, len(rest))
			pieces.Feed(rest[:n])
			rest = rest[n:]
		}
		u := whole.Usage()
		if got := pieces.Usage(); got != u {
			t.Errorf("in pieces: got %+v, want %+v", got, u)
		}
		if u.Input < 0 || u.Output < 0 || u.Cached > u.Input || u.Reasoning > u.Output {
			t.Errorf("got %+v", u)
		}
	})
}
