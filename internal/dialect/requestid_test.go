package dialect

import (
	"net/http"
	"strings"
	"testing"
)

// Where the id of a request is found that no header of a known name carries.
func TestRequestIDOfABody(t *testing.T) {
	digits := func(n int) string { return strings.Repeat("1", n) }
	for _, row := range []struct{ name, body, want string }{
		{"in an inner object", `{"error":{"message":"x","info":{"trace_id":"abc"}}}`, "abc"},
		{"as far as is looked", `{` + members(maxInner-3) + `"info":{"trace_id":"abc"}}`, "abc"},
		{"further", `{` + members(maxInner-2) + `"info":{"trace_id":"abc"}}`, ""},
		{"an empty one before it", `{"a":{"trace_id":""},"b":{"req_id":"abc"}}`, "abc"},

		{"the shortest id beside an error", `{"id":"` + digits(8) + `","error":{"message":"x"}}`, digits(8)},
		{"a shorter one", `{"id":"` + digits(7) + `","error":{"message":"x"}}`, ""},
		{"the longest", `{"id":"` + digits(80) + `","error":{"message":"x"}}`, digits(80)},
		{"a longer one", `{"id":"` + digits(81) + `","error":{"message":"x"}}`, ""},
		{"beside a list of errors", `{"id":"` + digits(8) + `","errors":[{"message":"x"}]}`, digits(8)},
		{"of a thing", `{"id":"` + digits(8) + `","message":"x"}`, ""},
		{"of words", `{"id":"not_found_here","error":{"message":"x"}}`, ""},
		{"of JSON-RPC", `{"jsonrpc":"2.0","id":"` + digits(8) + `","error":{"message":"x"}}`, ""},

		{"an element", `<r><RequestId>abc</RequestId></r>`, "abc"},
		{"an element of another name", `<r><TraceId>abc</TraceId></r>`, "abc"},
		{"an attribute of the root", `<r requestId="abc"><a>x</a></r>`, "abc"},
		{"an attribute of another name", `<r traceId="abc"><a>x</a></r>`, "abc"},

		{"in the message", `{"message":"Please include the request id abcd1234 when you ask"}`, "abcd1234"},
		{"in the message, with a z", `{"message":"Please include the request id zzzz1234 when you ask"}`, "zzzz1234"},
		{"in the message, with an A", `{"message":"Please include the request id AZ-_1234 when you ask"}`, "AZ-_1234"},
		{"in the message, with a sign at the end", `{"message":"request id: abcd1234-."}`, "abcd1234"},
		{"in the message, too short", `{"message":"request id abcd123"}`, ""},
		{"in the message, without a digit", `{"message":"request id abcdefgh"}`, ""},
		{"in the message, behind a sign between", `{"message":"request id abcd{1234"}`, ""},
		{"in the message, as a reference", `{"message":"Sorry (ref: abcd1234)"}`, "abcd1234"},
		{"in the message, as a reference to words", `{"message":"Sorry (ref: abcdefgh), (tid: abcd1234)"}`, "abcd1234"},
		{"in a text", `Sorry, request id abcd1234`, "abcd1234"},
		{"in the message of a document", `<r><Message>request id abcd1234</Message></r>`, "abcd1234"},
		{"on a page", `<html><body><h1>Too many requests. Your request id abcd1234</h1></body></html>`, ""},
	} {
		v := Judge(Answer{Method: "GET", Host: "api.example.com", Path: "/x", Status: 400, Header: http.Header{}, Body: []byte(row.body)})
		if v.RequestID != row.want {
			t.Errorf("%s: %.120s: got %q, want %q", row.name, row.body, v.RequestID, row.want)
		}
	}
}

// Of several headers that are called like ids, the first by name that says anything
// counts: a map has no order.
func TestRequestIDOfAHeaderLikeMany(t *testing.T) {
	for range 20 {
		for _, row := range []struct {
			header http.Header
			want   string
		}{
			{http.Header{"X-B-Request-Id": {"b"}, "X-A-Request-Id": {"a"}, "X-C-Trace-Id": {"c"}}, "a"},
			{http.Header{"X-B-Request-Id": {"b"}, "X-A-Request-Id": {""}}, "b"},
			{http.Header{"X-A-Client-Request-Id": {"a"}}, ""},
			{http.Header{"Y-A-Request-Id": {"a"}}, ""},
			{http.Header{"X-A-Request": {"a"}}, ""},
		} {
			if got := RequestID("api.example.com", row.header); got != row.want {
				t.Fatalf("%v: got %q, want %q", row.header, got, row.want)
			}
		}
	}
}
