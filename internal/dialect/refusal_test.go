package dialect

import (
	"net/http"
	"testing"
)

// A failure that says that the same request will fail again is not repeated.
func TestWhatIsNotRepeated(t *testing.T) {
	for _, row := range []struct {
		name, body string
		status     int
		retryAfter string
		want       Repeat
	}{
		{"what has to be set up", `{"error":"API key not configured"}`, 500, "", Never},
		{"the same, unavailable", `{"error":"API key not configured"}`, 503, "", Never},
		{"the same, by a code with another status", `{"error":{"code":"server_error","message":"API key not configured"}}`, 400, "", ByClass},
		{"the same, with a timeout", `{"error":"API key not configured"}`, 504, "", ByClass},
		{"what a gateway was told", `{"error":"upstream said 400 Bad Request"}`, 502, "", Never},
		{"the same, of the server itself", `{"error":"upstream said 422 Unprocessable Entity"}`, 500, "", Never},
		{"the same, with another status", `{"error":{"code":"server_error","message":"upstream said 400 Bad Request"}}`, 400, "", ByClass},
		{"the same, with a timeout of the gateway", `{"error":"upstream said 400 Bad Request"}`, 504, "", ByClass},
		{"a key that is missing behind", `{"error":"upstream said 401 Unauthorized"}`, 502, "", Never},
		{"the same, which another key may pass", `{"error":"upstream said 401 Unauthorized"}`, 503, "", ByClass},
		{"a number that is no status", `{"error":"lost 404 rows"}`, 500, "", ByClass},
		{"a number within another", `{"error":"returned 4040 bytes, code 14041"}`, 500, "", ByClass},
		{"a failure without more", `{"error":"oops"}`, 500, "", ByClass},
		{"a ban", `{"error":"You have been temporarily banned"}`, 429, "", Never},
		{"a ban with its end in the words", `{"error":"You have been temporarily banned. Try again in 30 seconds"}`, 429, "", ByClass},
		{"a ban with its end in the header", `{"error":"You have been temporarily banned"}`, 429, "30", ByClass},
		{"a limit", `{"error":"Too many requests"}`, 429, "", ByClass},
		{"a ban with its end in a member", `{"error":"You have been temporarily banned","retry_after":30}`, 429, "", ByClass},
		{"logins", `{"message":"Too many login attempts"}`, 429, "", Never},
		{"logins that failed", `{"message":"Too many failed login attempts. Please try again later."}`, 429, "", Never},
		{"logins, and when the next may be", `{"message":"Too many login attempts. Try again in 30 seconds"}`, 429, "", ByClass},
		{"the same in the header", `{"message":"Too many sign-in attempts"}`, 429, "30", ByClass},
		{"the same in a member", `{"message":"Too many failed attempts","retryAfter":92}`, 429, "", ByClass},
		{"codes", `{"error":"Too many incorrect codes"}`, 429, "", Never},
		{"one-time passwords", `{"error":"Maximum number of OTP attempts exceeded"}`, 429, "", Never},
		{"verifications", `{"error":"verification attempts exceeded"}`, 429, "", Never},
		{"a code that says so", `{"error":"too_many_attempts"}`, 429, "", Never},
		{"an account with its logins", `{"error":"x","error_description":"Your account has been blocked after multiple consecutive login attempts."}`, 429, "", Never},
		{"Laravel's words for any limit", `{"message":"Too Many Attempts."}`, 429, "", ByClass},
		{"a gateway's own attempts", `{"error":{"message":"Rate limited after multiple failed attempts"}}`, 429, "", ByClass},
		{"messages with codes", `{"message":"Verification recently sent, try again later"}`, 429, "", ByClass},
	} {
		h := http.Header{}
		if row.retryAfter != "" {
			h.Set("Retry-After", row.retryAfter)
		}
		v := Judge(Answer{Method: "GET", Host: "api.example.com", Path: "/x", Status: row.status, Header: h, Body: []byte(row.body)})
		if v.Repeat != row.want {
			t.Errorf("%s: %d %s: got %d, want %d (%s)", row.name, row.status, row.body, v.Repeat, row.want, v.Class)
		}
	}
}

// Of a limit that holds for all that the credential does, Discord tells by a header.
func TestScopeOfAGlobalLimit(t *testing.T) {
	h := http.Header{"X-Ratelimit-Bucket": {"abc"}}
	a := Answer{Method: "GET", Host: "discord.com", Path: "/api/v10/users/@me", Status: 429, Header: h}
	if v := Judge(a); v.ScopeName != "abc" || v.Scope&Bucket == 0 {
		t.Errorf("a limit of a bucket: got %v of %q", v.Scope, v.ScopeName)
	}
	h.Set("X-RateLimit-Global", "true")
	if v := Judge(a); v.Scope != Host|Credential || v.ScopeName != "" {
		t.Errorf("a global limit: got %v of %q", v.Scope, v.ScopeName)
	}
}

// That nothing was done is proven by what the provider at the request's own host
// documents, and by nothing that others send.
func TestWhatProvesARefusal(t *testing.T) {
	retry := func(value string) http.Header { return http.Header{"X-Should-Retry": {value}} }
	for _, row := range []struct {
		name, host, body string
		status           int
		header           http.Header
		want             bool
	}{
		{"too many requests", "api.openai.com", `{}`, 429, nil, true},
		{"too many requests, of a stranger", "api.example.com", `{}`, 429, nil, false},
		{"too many requests, after a part was done", "api.openai.com", `{"error":{"message":"rate limited"},"accepted":57,"rejected":43}`, 429, nil, false},
		{"a header that asks for a repeat", "api.openai.com", `{}`, 500, retry("true"), false},
		{"a header that asks for none", "api.openai.com", `{}`, 500, retry("false"), false},
		{"nothing", "api.openai.com", `{}`, 500, nil, false},
		{"forbidden by a limit", "api.github.com", `{"message":"You have exceeded a secondary rate limit"}`, 403, nil, true},
		{"forbidden", "api.github.com", `{"message":"Resource not accessible by integration"}`, 403, nil, false},
		{"a number of a limit", "api.weixin.qq.com", `{"errcode":45011,"errmsg":"api minute-quota reach limit"}`, 200, nil, true},
		{"a number of something else", "api.weixin.qq.com", `{"errcode":-1,"errmsg":"system error"}`, 200, nil, false},
		{"a number of a limit, of a stranger", "api.example.com", `{"errcode":45011,"errmsg":"too many requests"}`, 200, nil, false},
		{"words of a limit beside another number", "api.weixin.qq.com", `{"errcode":99999,"errmsg":"too many requests"}`, 200, nil, false},
	} {
		a := Answer{Method: "POST", Host: row.host, Path: "/x", Status: row.status, Header: row.header, Body: []byte(row.body)}
		if a.Header == nil {
			a.Header = http.Header{}
		}
		v := Verdict{}
		if a.Status == http.StatusOK {
			v, _ = InBand(a)
		} else {
			v = Judge(a)
		}
		if v.Refused != row.want {
			t.Errorf("%s: %d %s from %s: got %t, want %t (%s)", row.name, row.status, row.body, row.host, v.Refused, row.want, v.Class)
		}
	}
}

// A refusal may come after a part of the request was done.
func TestPartial(t *testing.T) {
	for _, row := range []struct {
		name, body string
		want       bool
	}{
		{"what was accepted and rejected", `{"message":"Too many requests","accepted":57,"rejected":43}`, true},
		{"the same in a summary", `{"error":"rate limited","summary":{"success_count":"57","failed":43}}`, true},
		{"nothing accepted", `{"message":"Too many requests","accepted":0,"rejected":100}`, false},
		{"the ids of what was created", `{"error":{"code":"rate_limited"},"created":["o-1","o-2"]}`, true},
		{"an empty list of them", `{"error":{"code":"rate_limited"},"created":[]}`, false},
		{"a time of creation", `{"error":"rate limited","created":1764421200}`, false},
		{"statuses", `{"results":[{"id":1,"status":201},{"id":2,"status":429}]}`, true},
		{"statuses in words", `{"data":{"responses":[{"id":"a","state":"Delivered"},{"id":"b","state":"throttled"}]}}`, true},
		{"flags", `[{"success":true,"id":"1"},{"success":false,"error":"limit"}]`, true},
		{"each by its name", `{"items":[{"index":{"_id":"1","status":201}},{"index":{"status":429,"error":{"type":"es_rejected_execution_exception"}}}]}`, true},
		{"all refused", `{"results":[{"id":1,"status":429},{"id":2,"status":429}]}`, false},
		{"a plain refusal", `{"error":{"code":429,"status":"RESOURCE_EXHAUSTED","details":[{"reason":"RATE_LIMIT_EXCEEDED"}]}}`, false},
		{"words", `Too many requests`, false},
		{"nothing", ``, false},
	} {
		if v := Judge(Answer{Method: "POST", Host: "api.example.com", Path: "/bulk", Status: 429, Header: http.Header{}, Body: []byte(row.body)}); v.Partial != row.want {
			t.Errorf("%s: %s: got %t, want %t", row.name, row.body, v.Partial, row.want)
		}
	}
}
