package dialect

import "testing"

// What a single event means. A text that nobody knows is taken for output; what opens
// an answer, names it or goes on with the connection is none.
func TestEventsOfAStream(t *testing.T) {
	for _, row := range []struct {
		what, name, data string
		failed, output   bool
	}{
		{"a text of a chat", "", `{"choices":[{"delta":{"content":"a"}}]}`, false, true},
		{"the role of a chat", "", `{"choices":[{"delta":{"role":"assistant"}}]}`, false, false},
		{"the second of two choices", "", `{"choices":[{"delta":{}},{"delta":{"content":"a"}}]}`, false, true},
		{"a message of a chat", "", `{"choices":[{"message":{"content":"a"}}]}`, false, true},
		{"a text of a completion", "", `{"choices":[{"text":"a"}]}`, false, true},
		{"a text of Gemini's", "", `{"candidates":[{"content":{"parts":[{"text":"a"}]}}]}`, false, true},
		{"the second of Gemini's parts", "", `{"candidates":[{"content":{"parts":[{"thoughtSignature":"x"},{"text":"a"}]}}]}`, false, true},
		{"nothing of Gemini's", "", `{"candidates":[{"content":{"parts":[]}}]}`, false, false},
		{"a text of Ollama's", "", `{"done":false,"response":"a"}`, false, true},
		{"a message of Ollama's", "", `{"done":false,"message":{"content":"a"}}`, false, true},
		{"the end of Ollama's", "", `{"done":true,"response":""}`, false, false},
		{"the opening of a text", "", `{"type":"content_block_start","content_block":{"type":"text","text":""}}`, false, false},
		{"the opening of a text that says something", "", `{"type":"content_block_start","content_block":{"type":"text","text":"a"}}`, false, true},
		{"the opening of a call", "", `{"type":"content_block_start","content_block":{"type":"tool_use","name":"f"}}`, false, true},
		{"an opening of nothing", "", `{"type":"content_block_start"}`, false, false},
		{"the opening of a message", "", `{"type":"response.output_item.added","item":{"type":"message"}}`, false, false},
		{"the opening of a call of a response", "", `{"type":"response.output_item.added","item":{"type":"function_call"}}`, false, true},
		{"Bedrock's opening of a call", "contentBlockStart", `{"start":{"toolUse":{"name":"f"}}}`, false, true},
		{"Bedrock's opening of a text", "contentBlockStart", `{"contentBlockIndex":0}`, false, false},
		{"a ping", "ping", `{"a":1}`, false, false},
		{"an id and a model", "", `{"id":"x","model":"y"}`, false, false},
		{"an id and what nobody knows", "", `{"id":"x","tick":1}`, false, true},
		{"an empty object", "", `{}`, false, false},
		{"a text that nobody knows", "", `tick`, false, true},
		{"a text of an event that is known", "message_stop", `tick`, false, false},
		{"nothing", "", ``, false, false},

		{"an error", "", `{"error":{"message":"x"}}`, true, false},
		{"an error in words, and two members", "", `{"error":"x","id":1,"model":2}`, true, false},
		{"an error of a tool, after which an agent goes on", "", `{"type":"tool_result","error":"x"}`, true, true},
		{"an event that is called error, with more in it", "error", `{"error":{"message":"x"},"tick":1}`, true, false},
		{"an error in words, and three members", "", `{"error":"x","a":1,"b":2,"c":3}`, false, true},
		{"a piece that talks of an error", "", `{"delta":{"text":"x"},"error":{"message":"x"}}`, false, true},
		{"an event that is called error", "error", `x`, true, false},
		{"an event that is called error, and empty", "error", ``, false, false},
		{"Baidu's error", "", `{"error_code":18,"error_msg":"x"}`, true, false},
		{"Baidu's, when all is well", "", `{"error_code":0,"error_msg":"success"}`, false, true},
		{"Baidu's without words", "", `{"error_code":18}`, false, true},
		{"MiniMax's error", "", `{"base_resp":{"status_code":1002}}`, true, false},
		{"MiniMax's, when all is well", "", `{"base_resp":{"status_code":0}}`, false, true},
		{"Groq's error", "", `{"x_groq":{"error":"x"},"choices":[]}`, true, false},
		{"a prompt that was blocked", "", `{"promptFeedback":{"blockReason":"SAFETY"}}`, true, false},
		{"a choice that ended in an error", "", `{"choices":[{"finish_reason":"error"}]}`, true, false},
		{"the second choice ended so", "", `{"choices":[{"delta":{}},{"finish_reason":"error"}]}`, true, false},
	} {
		var s Stream
		step := s.Event(row.name, []byte(row.data))
		if step.Failed != row.failed || step.Output != row.output {
			t.Errorf("%s: %q %s: got failed %t, output %t; want %t, %t", row.what, row.name, row.data, step.Failed, step.Output, row.failed, row.output)
		}
	}
}

// Whether a stream that ends after an event has come to its end.
func TestEndsOfAStream(t *testing.T) {
	for _, row := range []struct {
		what, data                string
		ended, finished, truncate bool
	}{
		{"a piece of a chat", `{"choices":[{"delta":{"content":"a"},"finish_reason":null}]}`, false, false, true},
		{"a reason to stop", `{"choices":[{"delta":{},"finish_reason":"stop"}]}`, true, true, false},
		{"a reason to stop in the second choice", `{"choices":[{"delta":{}},{"finish_reason":"stop"}]}`, true, true, false},
		{"the tokens alone", `{"choices":[],"usage":{"total_tokens":7}}`, false, true, false},
		{"the tokens of a piece", `{"choices":[{"delta":{}}],"usage":{"total_tokens":7}}`, false, false, true},
		{"no choices, and no tokens", `{"choices":[]}`, false, false, true},
		{"a piece of Gemini's", `{"candidates":[{"content":{"parts":[{"text":"a"}]}}]}`, false, false, true},
		{"Gemini's call of a function", `{"candidates":[{"content":{"parts":[{"text":"a"},{"functionCall":{"name":"f"}}]}}]}`, false, true, false},
		{"Gemini's end", `{"candidates":[{"finishReason":"STOP"}]}`, true, true, false},
		{"Gemini's tokens", `{"usageMetadata":{"totalTokenCount":7}}`, false, true, false},
		{"a piece of DashScope's", `{"output":{"finish_reason":"null","text":"a"}}`, false, false, true},
		{"DashScope's end", `{"output":{"finish_reason":"stop","text":"a"}}`, true, true, false},
		{"a piece of Ollama's", `{"done":false,"response":"a"}`, false, false, true},
		{"an answer without such a flag", `{"response":"a"}`, false, false, false},
		{"a piece of anybody who has such a flag", `{"done":false}`, false, false, false},
		{"Ollama's end", `{"done":true}`, true, true, false},
		{"a piece of text-generation-inference", `{"token":{"text":"a"},"generated_text":null}`, false, false, true},
		{"the end of text-generation-inference", `{"token":{"text":"a"},"generated_text":"a"}`, true, true, false},
		{"Anthropic's reason to stop", `{"type":"message_delta","delta":{"stop_reason":"end_turn"}}`, true, true, false},
		{"Bedrock's metrics", `{"amazon-bedrock-invocationMetrics":{"inputTokenCount":7}}`, true, true, false},
		{"what nobody knows", `{"tick":1}`, false, false, false},

		{"OpenAI's end", `[DONE]`, false, true, false},
		{"with a blank before it", ` [DONE]`, false, true, false},
		{"with two blanks before and behind it", `  [DONE]  `, false, true, false},
		{"with three bytes behind it", "[DONE]\r\n ", false, true, false},
		{"with four bytes behind it", "[DONE] \r\n ", false, false, false},
		{"half of it", `[DONE`, false, false, false},
		{"another word", `[DOWN]`, false, false, false},
		{"blanks", `  `, false, false, false},
	} {
		var s Stream
		s.Event("", []byte(row.data))
		if s.Ended() != row.ended || s.Finished() != row.finished || s.Truncated() != row.truncate {
			t.Errorf("%s: %s: got ended %t, finished %t, truncated %t; want %t, %t, %t", row.what, row.data, s.Ended(), s.Finished(), s.Truncated(), row.ended, row.finished, row.truncate)
		}
	}
}
