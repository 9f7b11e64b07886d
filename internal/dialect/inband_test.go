package dialect

import (
	"cmp"
	"net/http"
	"strings"
	"testing"
)

// What the signs of a failure inside a success are, one by one, and what each of them
// must not be taken for.
func TestSignsOfFailure(t *testing.T) {
	tables()
	signs := map[string]func(*reader) bool{
		"error":       (*reader).errorMember,
		"not ok":      (*reader).saysNotOK,
		"graphql":     (*reader).graphQLErrors,
		"bare status": (*reader).bareStatus,
		"refused":     (*reader).refused,
		"output":      (*reader).hasOutput,
		"code":        func(r *reader) bool { return r.providerCode("") },
		"dashscope":   func(r *reader) bool { return r.providerCode("dashscope.aliyuncs.com") },
		"bulk":        func(r *reader) bool { return r.bulk() && r.partial() },
		"data":        func(r *reader) bool { return r.tree.tellsOnly(r.tree.at(pData), maxTextDepth) },
	}
	for _, row := range []struct {
		sign, name, body string
		want             bool
	}{
		{"output", "a chat's answer", `{"choices":[{"message":{"content":"hi"}}]}`, true},
		{"output", "a chat's call of a tool", `{"choices":[{"message":{"content":null,"tool_calls":[{"id":"a"}]}}]}`, true},
		{"output", "Gemini's answer", `{"candidates":[{"content":{"parts":[{"text":"hi"}]}}]}`, true},
		{"output", "an error beside Gemini's answer", `{"candidates":[{"content":{"parts":[{"text":"hi"}]}}],"error":{"code":500}}`, false},
		{"output", "Anthropic's answer", `{"content":[{"type":"text","text":"hi"}],"stop_reason":"end_turn"}`, true},
		{"output", "a content of anybody", `{"content":[{"text":"hi"}]}`, false},

		{"error", "an object", `{"error":{"message":"x"}}`, true},
		{"error", "an object of other things", `{"error":{"rate":0.5}}`, false},
		{"error", "beside data", `{"error":{"message":"x"},"data":[1]}`, true},
		{"error", "an empty list of OpenAI's", `{"object":"list","data":[],"error":{"message":"x"}}`, true},
		{"error", "a list of OpenAI's", `{"object":"list","data":[1],"error":{"message":"x"}}`, false},
		{"error", "a response that failed", `{"object":"response","status":"failed","error":{"message":"x"}}`, true},
		{"error", "a response that is under way", `{"object":"response","status":"in_progress","error":{"message":"x"}}`, false},
		{"error", "a job", `{"object":"fine_tuning.job","error":{"message":"x"}}`, false},
		{"error", "a list with a text", `{"error":["EGeneral:Internal error"]}`, true},
		{"error", "a list with an object", `{"error":[{"message":"x"}]}`, true},
		{"error", "an empty list", `{"error":[],"result":{}}`, false},
		{"error", "a list beside a result", `{"error":["x"],"result":{"a":1}}`, false},
		{"error", "a number and words", `{"error":6,"message":"Artist not found"}`, true},
		{"error", "a number of zero", `{"error":0,"message":"Artist not found"}`, false},
		{"error", "a number without words", `{"error":6}`, false},
		{"error", "a text and two members", `{"error":"x","a":1,"b":2}`, true},
		{"error", "a text and three members", `{"error":"x","a":1,"b":2,"c":3}`, false},
		{"error", "a text and data", `{"error":"x","data":[1]}`, false},
		{"error", "a text, and all is well", `{"error":"x","ok":true}`, false},
		{"error", "a text, and a success", `{"error":"x","success":true}`, false},

		{"not ok", "Slack", `{"ok":false,"error":"not_authed"}`, true},
		{"not ok", "Telegram", `{"ok":false,"description":"Bad Request: chat not found"}`, true},
		{"not ok", "nothing beside it", `{"ok":false}`, false},
		{"not ok", "no success, and words", `{"success":false,"message":"x"}`, true},
		{"not ok", "no success, and words by another name", `{"success":false,"msg":"x"}`, true},
		{"not ok", "no success, and words by a third name", `{"success":false,"errorMessage":"x"}`, true},
		{"not ok", "no success, and nothing beside it", `{"success":false}`, false},
		{"not ok", "a check that was not asked rightly", `{"success":false,"error-codes":["invalid-input-secret"]}`, true},
		{"not ok", "a check that says no", `{"success":false,"error-codes":["somebody-else"]}`, false},

		{"graphql", "errors alone", `{"errors":[{"message":"x"}]}`, true},
		{"graphql", "errors and no data", `{"errors":[{"message":"x"}],"data":null}`, true},
		{"graphql", "errors and hollow data", `{"errors":[{"message":"x"}],"data":{"user":null}}`, true},
		{"graphql", "errors and some data", `{"errors":[{"message":"x"}],"data":{"user":1}}`, false},
		{"graphql", "errors and empty data", `{"errors":[{"message":"x"}],"data":{}}`, false},
		{"graphql", "errors and three members", `{"errors":[{"message":"x"}],"a":1,"b":2,"c":3}`, true},
		{"graphql", "errors and four members", `{"errors":[{"message":"x"}],"a":1,"b":2,"c":3,"d":4}`, false},
		{"graphql", "errors without a message", `{"errors":[{"code":1}]}`, false},
		{"graphql", "an error in words", `{"errors":["x"]}`, true},
		{"graphql", "an error in words and data", `{"errors":["x"],"data":1}`, false},
		{"graphql", "an error in words and something else", `{"errors":["x"],"price":7}`, false},
		{"graphql", "an error in words, its message and something else", `{"errors":["x"],"errorMessage":"y","price":7}`, true},

		{"code", "MiniMax", `{"base_resp":{"status_code":1002,"status_msg":"x"}}`, true},
		{"code", "MiniMax, when all is well", `{"base_resp":{"status_code":0,"status_msg":"success"}}`, false},
		{"code", "Baidu", `{"error_code":18,"error_msg":"Open api qps request limit reached"}`, true},
		{"code", "Baidu without words", `{"error_code":18}`, false},
		{"code", "Baidu, when all is well", `{"error_code":0,"error_msg":"success"}`, false},
		{"code", "WeChat", `{"errcode":40001,"errmsg":"invalid credential"}`, true},
		{"code", "WeChat without words", `{"errcode":40001}`, false},
		{"code", "WeChat, when all is well", `{"errcode":0,"errmsg":"ok"}`, false},
		{"code", "Tencent", `{"Response":{"Error":{"Code":"x","Message":"y"},"RequestId":"z"}}`, true},
		{"code", "Tencent's shape beside something else", `{"Response":{"Error":{"Code":"x","Message":"y"}},"a":1}`, false},
		{"code", "Reddit", `{"json":{"errors":[["RATELIMIT","x","y"]]}}`, true},
		{"code", "Reddit, when all is well", `{"json":{"errors":[]}}`, false},

		{"dashscope", "a failure", `{"code":"Arrearage","message":"x","request_id":"y"}`, true},
		{"dashscope", "no code", `{"message":"x","request_id":"y"}`, false},
		{"dashscope", "no words", `{"code":"Arrearage","request_id":"y"}`, false},
		{"dashscope", "no id", `{"code":"Arrearage","message":"x"}`, false},
		{"dashscope", "an answer", `{"output":{"text":"x"},"request_id":"y"}`, false},

		{"bare status", "400", `{"code":400,"message":"x"}`, true},
		{"bare status", "399", `{"code":399,"message":"x"}`, false},
		{"bare status", "599", `{"code":599,"message":"x"}`, true},
		{"bare status", "600", `{"code":600,"message":"x"}`, false},
		{"bare status", "by another name", `{"statusCode":500,"msg":"x"}`, true},
		{"bare status", "words by a third name", `{"code":500,"errorMessage":"x"}`, true},
		{"bare status", "words in the data", `{"code":500,"data":{"message":"Too many requests"}}`, true},
		{"bare status", "no words", `{"code":500}`, false},
		{"bare status", "no number", `{"message":"x"}`, false},
		{"bare status", "four members", `{"code":500,"message":"x","a":1,"b":2}`, true},
		{"bare status", "five members", `{"code":500,"message":"x","a":1,"b":2,"c":3}`, false},
		{"bare status", "a result", `{"code":500,"message":"x","result":[1]}`, false},
		{"bare status", "choices", `{"code":500,"message":"x","choices":[1]}`, false},
		{"bare status", "data", `{"code":500,"message":"x","data":[1]}`, false},

		{"data", "none", `{"data":null}`, true},
		{"data", "a text", `{"data":"x"}`, true},
		{"data", "a list", `{"data":[1]}`, false},
		{"data", "words", `{"data":{"message":"x","name":"y","code":1}}`, true},
		{"data", "something else", `{"data":{"message":"x","price":7}}`, false},
		{"data", "words in three objects", `{"data":{"a":{"b":{"message":"x"}}}}`, true},
		{"data", "words in four objects", `{"data":{"a":{"b":{"c":{"message":"x"}}}}}`, false},

		{"refused", "a prompt that was blocked", `{"promptFeedback":{"blockReason":"SAFETY"}}`, true},
		{"refused", "candidates in spite of that", `{"promptFeedback":{"blockReason":"SAFETY"},"candidates":[{"index":0}]}`, false},
		{"refused", "an answer that was held back", `{"candidates":[{"finishReason":"SAFETY"}]}`, true},
		{"refused", "an answer that was cut", `{"candidates":[{"finishReason":"SAFETY","content":{"parts":[{"text":"a"}]}}]}`, false},
		{"refused", "an answer of nothing", `{"candidates":[{"finishReason":"STOP"}]}`, false},
		{"refused", "a chat that was filtered", `{"choices":[{"finish_reason":"content_filter","message":{"content":""}}]}`, true},
		{"refused", "a chat that was cut", `{"choices":[{"finish_reason":"content_filter","message":{"content":"a"}}]}`, false},
		{"refused", "a completion that was cut", `{"choices":[{"finish_reason":"content_filter","text":"a"}]}`, false},
		{"refused", "Anthropic's model", `{"stop_reason":"refusal","content":[]}`, true},
		{"refused", "Anthropic's model, after some words", `{"stop_reason":"refusal","content":[{"text":"a"}]}`, false},
		{"refused", "an end as usual", `{"stop_reason":"end_turn","content":[]}`, false},

		{"bulk", "all failed", `{"took":1,"errors":true,"items":[` + bulkItems(3) + `]}`, false},
		{"bulk", "all that can be seen failed", `{"took":1,"errors":true,"items":[` + bulkItems(maxItems) + `]}`, true},
		{"bulk", "the second was carried out", `{"took":1,"errors":true,"items":[` + bulkItems(1) + `,{"index":{"status":201}}]}`, true},
		{"bulk", "without a time", `{"errors":true,"items":[` + bulkItems(maxItems) + `]}`, false},
	} {
		var r reader
		r.read([]byte(row.body))
		if got := signs[row.sign](&r); got != row.want {
			t.Errorf("%s, %s: %s: got %t, want %t", row.sign, row.name, row.body, got, row.want)
		}
	}
}

func bulkItems(n int) string {
	return strings.Repeat(`,{"index":{"status":429,"error":{"type":"x","reason":"full"}}}`, n)[1:]
}

// What an error inside a success is, by the status that it carries; and, where no error
// is expected, what is an ordinary answer all the same.
func TestInBandClasses(t *testing.T) {
	for _, row := range []struct {
		name, body string
		unexpected bool
		want       Class // "" is no failure
	}{
		{"the least status", `{"error":{"code":400,"message":"x"}}`, false, InvalidRequest},
		{"less than a status", `{"error":{"code":399,"message":"x"}}`, false, Unknown},
		{"the greatest status", `{"error":{"code":599,"message":"x"}}`, false, Timeout},
		{"more than a status", `{"error":{"code":600,"message":"x"}}`, false, Unknown},
		{"no whole number", `{"error":{"code":400.5,"message":"x"}}`, false, Unknown},
		{"a choice that ended in an error", `{"choices":[{"finish_reason":"error","message":{"content":""}}]}`, false, ServerError},
		{"an error whose words nobody knows", `{"error":{"message":"x"}}`, false, Unknown},

		{"an ordinary no", `{"success":false,"message":"not today"}`, true, ""},
		{"an ordinary no, with more", `{"success":false,"message":"not today","price":7}`, true, ""},
		{"a finding", `{"success":false,"message":"Invalid parameter: size"}`, true, ""},
		{"a limit", `{"success":false,"message":"Too many requests"}`, true, RateLimit},
		{"a finding where errors are to be expected", `{"success":false,"message":"Invalid parameter: size"}`, false, InvalidRequest},
		{"an error's object", `{"error":{"message":"x"}}`, true, Unknown},
		{"a check that was not asked rightly", `{"success":false,"error-codes":["invalid-input-secret"]}`, true, Authentication},

		{"as long as an error may be", `{"error":{"message":"Too many requests"}}` + strings.Repeat(" ", maxBody-len(`{"error":{"message":"Too many requests"}}`)), false, RateLimit},
		{"longer", `{"error":{"message":"Too many requests"}}` + strings.Repeat(" ", maxBody+1-len(`{"error":{"message":"Too many requests"}}`)), false, ""},
	} {
		v, failed := InBand(Answer{Method: "GET", Host: "api.example.com", Path: "/x", Status: 200, Header: http.Header{}, Body: []byte(row.body), Unexpected: row.unexpected})
		if failed != (row.want != "") || v.Class != row.want {
			t.Errorf("%s: %.100s: got %q, failed %t; want %q", row.name, row.body, v.Class, failed, row.want)
		}
	}
}

// A success that asks to come back later has words to say why. One that has accepted
// work asks for that as well.
func TestInBandThatAsksForLater(t *testing.T) {
	for _, row := range []struct {
		status int
		header http.Header
		want   bool
	}{
		{200, http.Header{"Retry-After": {"7"}}, true},
		{200, http.Header{"X-Error-Code": {"E_CODE"}}, true},
		{200, http.Header{"X-Error-Code": {""}}, false},
		{200, http.Header{"X-Reason": {"x"}}, false},
		{200, http.Header{}, false},
		{202, http.Header{"Retry-After": {"7"}}, false},
	} {
		_, failed := InBand(Answer{Method: "GET", Host: "api.example.com", Path: "/x", Status: row.status, Header: row.header, Body: []byte(`{"message":"Too many requests"}`), Unexpected: true})
		if failed != row.want {
			t.Errorf("status %d and %v: got %t, want %t", row.status, row.header, failed, row.want)
		}
	}
}

// An error in a success leaves no doubt where its API is known for that, a header has the
// name, or its protocol says errors so; and it does where others take it for an answer.
func TestInBandDoubtful(t *testing.T) {
	const busy = `{"error":"the service is overloaded"}`
	rpc := `{"jsonrpc":"2.0","id":1,"error":{"code":-32005,"message":"limit exceeded"}}`
	soap := `<s:Envelope><s:Body><s:Fault><faultcode>s:Server</faultcode><faultstring>Service unavailable</faultstring></s:Fault></s:Body></s:Envelope>`
	for _, row := range []struct {
		name, method, host, header, body string
		expected, want                   bool
	}{
		{"words", "POST", "", "", busy, false, true},
		{"words of an API that is known for it", "POST", "", "", busy, true, false},
		{"a header with the name", "GET", "", "X-Error-Code", busy, false, false},
		{"a header that asks for later", "GET", "", "Retry-After", busy, false, true},
		{"JSON-RPC", "POST", "", "", rpc, false, false},
		{"several of JSON-RPC", "POST", "", "", "[" + rpc + "," + rpc + "]", false, false},
		{"JSON-RPC that nobody called", "PUT", "", "", rpc, false, true},
		{"SOAP", "POST", "", "", soap, false, false},
		{"XML", "POST", "", "", `<error><code>503</code><message>Service Unavailable</message></error>`, false, true},

		{"GraphQL, one field", "GET", "", "", `{"data":{"a":null},"errors":[{"message":"service unavailable","path":["a"]}]}`, true, true},
		{"GraphQL, fields below", "GET", "", "", `{"data":{"a":{"b":null}},"errors":[{"message":"service unavailable"}]}`, true, true},
		{"GraphQL without data", "GET", "", "", `{"errors":[{"message":"service unavailable"}]}`, true, false},
		{"GraphQL, data that is null", "GET", "", "", `{"data":null,"errors":[{"message":"service unavailable"}]}`, true, false},
		{"data without a field", "GET", "", "", `{"success":false,"data":{},"errors":[{"message":"service unavailable"}]}`, true, false},
		{"GraphQL, one field that GitHub's code says was refused", "POST", "api.github.com", "", `{"data":{"viewer":null},"errors":[{"type":"RATE_LIMITED","message":"API rate limit exceeded for user ID 1."}]}`, true, false},
		{"a list of errors beside a flag", "GET", "", "", `{"success":false,"data":{"a":null},"errors":[{"message":"service unavailable"}]}`, true, false},
	} {
		h := http.Header{}
		if row.header != "" {
			h.Set(row.header, "7")
		}
		v, failed := InBand(Answer{Method: row.method, Host: cmp.Or(row.host, "api.example.com"), Path: "/x", Status: 200, Header: h, Body: []byte(row.body), Unexpected: !row.expected})
		if !failed || v.Doubtful != row.want {
			t.Errorf("%s: %s: got failed %t and doubtful %t, want true and %t", row.name, row.body, failed, v.Doubtful, row.want)
		}
	}
}
