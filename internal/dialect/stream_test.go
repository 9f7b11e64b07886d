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
		{"the tokens of a piece, at a host that nobody knows", `{"choices":[{"delta":{}}],"usage":{"total_tokens":7}}`, false, false, false},
		{"an empty count of them", `{"choices":[{"delta":{}}],"usage":null}`, false, false, true},
		{"a stop reason", `{"choices":[{"delta":{},"stop_reason":"eos"}]}`, true, true, false},
		{"no stop reason", `{"choices":[{"delta":{"content":"a"},"stop_reason":null}]}`, false, false, true},
		{"the whole call of a tool", `{"choices":[{"delta":{"tool_calls":[{"function":{"name":"f","arguments":"{\"a\":1}"}}]}}]}`, false, true, false},
		{"a call of a tool in the second choice", `{"choices":[{"delta":{}},{"delta":{"tool_calls":[{"function":{"name":"f","arguments":"{}"}}]}}]}`, false, true, false},
		{"the opening of a call", `{"choices":[{"delta":{"tool_calls":[{"function":{"name":"f","arguments":""}}]}}]}`, false, false, true},
		{"a piece of a call", `{"choices":[{"delta":{"tool_calls":[{"function":{"arguments":"{\"a\":{}"}}]}}]}`, false, false, true},
		{"no choices, and no tokens", `{"choices":[]}`, false, false, true},
		{"a piece of Gemini's", `{"candidates":[{"content":{"parts":[{"text":"a"}]}}]}`, false, false, true},
		{"Gemini's call of a function", `{"candidates":[{"content":{"parts":[{"text":"a"},{"functionCall":{"name":"f"}}]}}]}`, false, true, false},
		{"Gemini's end", `{"candidates":[{"finishReason":"STOP"}]}`, true, true, false},
		{"Gemini's tokens of a piece, at a host that nobody knows", `{"candidates":[{"content":{"parts":[{"text":"a"}]}}],"usageMetadata":{"totalTokenCount":7}}`, false, false, false},
		{"Gemini's tokens", `{"usageMetadata":{"totalTokenCount":7}}`, false, true, false},
		{"a piece of DashScope's", `{"output":{"finish_reason":"null","text":"a"}}`, false, false, true},
		{"DashScope's end", `{"output":{"finish_reason":"stop","text":"a"}}`, true, true, false},
		{"a piece of Ollama's", `{"done":false,"response":"a"}`, false, false, true},
		{"an answer without such a flag", `{"response":"a"}`, false, false, false},
		{"a piece of anybody who has such a flag", `{"done":false}`, false, false, false},
		{"Ollama's end", `{"done":true}`, true, true, false},
		{"Ollama's reason alone", `{"message":{"content":""},"done_reason":"stop"}`, true, true, false},
		{"a piece of text-generation-inference", `{"token":{"text":"a"},"generated_text":null}`, false, false, true},
		{"the end of text-generation-inference", `{"token":{"text":"a"},"generated_text":"a"}`, true, true, false},
		{"Anthropic's reason to stop", `{"type":"message_delta","delta":{"stop_reason":"end_turn"}}`, true, true, false},
		{"Bedrock's metrics", `{"amazon-bedrock-invocationMetrics":{"inputTokenCount":7}}`, true, true, false},
		{"what nobody knows", `{"tick":1}`, false, false, false},

		{"OpenAI's end", `[DONE]`, false, true, false},
		{"with a blank before it", ` [DONE]`, false, true, false},
		{"with two blanks before and behind it", `  [DONE]  `, false, true, false},
		{"with three bytes behind it", "[DONE]\r\n ", false, true, false},
		{"with more behind it", "[DONE] and then", false, false, false},
		{"in small letters", `[done]`, false, true, false},
		{"in quotes", `"[DONE]"`, false, true, false},
		{"the word alone", `DONE`, false, true, false},
		{"the word of a text", `Done`, false, false, false},
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

// Events that are an end by their name or type, whatever is in them.
func TestNamesOfEnds(t *testing.T) {
	for _, name := range []string{"done", "end", "close", "finish", "message_stop"} {
		for how, s := range map[string]*Stream{"by its name": {}, "by its type": {}} {
			if s.Event("", []byte(`{"choices":[{"delta":{"content":"a"}}]}`)); how == "by its name" {
				s.Event(name, nil)
			} else {
				s.Event("", []byte(`{"type":"`+name+`"}`))
			}
			if s.Truncated() || !s.Ended() {
				t.Errorf("%s, %s: got ended %t, want an end", name, how, s.Ended())
			}
		}
	}
}

// Some providers tell the tokens with each piece, and end with a reason to stop.
func TestTokensOfAPieceAtAProvider(t *testing.T) {
	for host, data := range map[string]string{
		"api.x.ai":                          `{"choices":[{"delta":{"content":"a"}}],"usage":{"total_tokens":7}}`,
		"generativelanguage.googleapis.com": `{"candidates":[{"content":{"parts":[{"text":"a"}]}}],"usageMetadata":{"totalTokenCount":7}}`,
	} {
		s := Stream{Host: host}
		if s.Event("", []byte(data)); !s.Truncated() {
			t.Errorf("%s: %s: is taken for an end", host, data)
		}
	}
}

// An error ends the stream of a provider. Of an API that nobody knows, it may be followed
// by more.
func TestErrorsThatAStreamMaySurvive(t *testing.T) {
	for host, survives := range map[string]bool{"api.openai.com": false, "llm.house.example": true, "": true} {
		s := Stream{Host: host}
		step := s.Event("", []byte(`{"error":{"message":"x"}}`))
		if !step.Failed || step.Beside != survives || s.Ended() == survives {
			t.Errorf("%q: got failed %t, beside %t, ended %t; want it to survive: %t", host, step.Failed, step.Beside, s.Ended(), survives)
		}
	}
	for _, row := range []struct {
		what, name, data string
		more             bool
	}{
		{"a text", "", `{"text":"a"}`, true},
		{"an end", "end", ``, true},
		{"Anthropic's end", "", `{"type":"message_stop"}`, true},
		{"an event of nobody's", "", `{"type":"RUN_FINISHED"}`, true},
		{"a ping", "ping", `{}`, false},
		{"the tokens alone", "", `{"choices":[],"usage":{"total_tokens":7}}`, false},
		{"OpenAI's end", "", `[DONE]`, false},
		{"the word alone", "", `DONE`, false},
	} {
		var s Stream
		if step := s.Event(row.name, []byte(row.data)); step.More != row.more {
			t.Errorf("%s: got more %t, want %t", row.what, step.More, row.more)
		}
	}
}
