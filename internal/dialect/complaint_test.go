package dialect

import (
	"strings"
	"testing"
)

// complains reports whether a success with that body, and nothing in the header, is a
// complaint.
func complains(body string) bool {
	tables()
	var r reader
	r.read([]byte(body))
	if r.xml != "" {
		return r.xmlComplaint()
	}
	return r.tree.whole && r.complaint()
}

// A success is a failure where something in it says so, and words beside it say which,
// and nothing else is there.
func TestComplaint(t *testing.T) {
	const words = "Too many requests"
	for _, row := range []struct {
		name, body string
		want       bool
	}{
		{"a flag and words", `{"success":false,"message":"Too many requests"}`, true},
		{"words alone", `{"message":"Too many requests"}`, false},
		{"a flag alone", `{"success":false}`, false},
		{"a flag, words and a result", `{"success":false,"message":"Too many requests","price":7}`, false},
		{"a flag and words of which nobody knows what they mean", `{"success":false,"message":"see the manual"}`, false},
		{"a flag that all is well", `{"success":true,"error":"Too many requests"}`, false},

		{"a code of success", `{"code":0,"error":"Too many requests"}`, false},
		{"a status of success", `{"status":200,"error":"Too many requests"}`, false},
		{"a status of zero, and an error", `{"status":0,"error":"Too many requests"}`, true},
		{"a status of one, and an error", `{"status":1,"error":"Too many requests"}`, true},
		{"a status that is false", `{"status":false,"message":"Too many requests"}`, true},
		{"a status that is true", `{"status":true,"error":"Too many requests"}`, false},
		{"a code in letters that everybody uses", `{"code":"rate_limit_exceeded","message":"Too many requests"}`, true},
		{"a code of the words that errors are made of", `{"code":"MyContentPolicyHit","message":"Too many requests"}`, true},
		{"a code in letters of a stage", `{"code":"APPROVED","message":"Too many requests"}`, false},
		{"a code of two words", `{"code":"ORDER_SHIPPED","message":"Too many requests"}`, false},
		{"a check that failed", `{"result":"failed","message":"Too many requests"}`, false},
		{"a result that is an error", `{"result":"error","message":"Too many requests"}`, true},

		{"an error that is a number", `{"error":1029,"message":"Too many requests"}`, true},
		{"an error that is zero", `{"error":0,"message":"Too many requests"}`, false},
		{"an error and its words elsewhere", `{"error":"E17","message":"Too many requests"}`, true},
		{"words before an error that says less", `{"message":"Too many requests","error":"E17"}`, true},
		{"an error before words that say less", `{"error":"Too many requests","message":"see the manual"}`, true},
		{"words before others that say less", `{"status":"error","message":"Too many requests","detail":"E17"}`, true},
		{"two errors, of which the second tells", `{"error":"E17","exception":"Too many requests"}`, true},

		{"an invalid request, by a flag alone", `{"success":false,"message":"Invalid parameter: size"}`, false},
		{"an invalid request, by an error", `{"error":"Invalid parameter: size"}`, true},
		{"findings in a list", `{"errors":["Invalid parameter: size"]}`, false},
		{"an invalid request, by an error's number", `{"error":7,"message":"Invalid parameter: size"}`, true},

		{"an answer that stands in another", `{"response":{"status":"fail","message":"Too many requests"}}`, true},
		{"beside what is empty", `{"data":null,"list":[],"response":{"status":"fail","message":"Too many requests"}}`, true},
		{"in two others", `{"data":{"response":{"status":"fail","message":"Too many requests"}}}`, true},
		{"in three others", `{"root":{"data":{"response":{"status":"fail","message":"Too many requests"}}}}`, false},
		{"in an object of another name", `{"order":{"status":"fail","message":"Too many requests"}}`, false},
		{"beside another object", `{"response":{"status":"fail","message":"Too many requests"},"order":{"id":7}}`, false},

		{"the text of an error's object", `{"success":false,"error":{"text":"Too many requests"}}`, true},
		{"its first text of several words", `{"success":false,"error":{"grund":"Too many requests","more":{"text":"see the manual"}}}`, true},
		{"a text of one word under an unknown name", `{"success":false,"error":{"grund":"Throttled"}}`, false},
		{"an object in an error's object", `{"success":false,"error":{"inner":{"text":"Too many requests"}}}`, true},
		{"three objects deep", `{"success":false,"error":{"a":{"b":{"message":"Too many requests"}}}}`, true},
		{"four objects deep", `{"success":false,"error":{"a":{"b":{"c":{"message":"Too many requests"}}}}}`, false},

		{"words of the most bytes", `{"error":"` + words + strings.Repeat(" ", maxSaid-len(words)) + `"}`, true},
		{"words of one byte more", `{"error":"` + words + strings.Repeat(" ", maxSaid-len(words)+1) + `"}`, false},
	} {
		if got := complains(row.body); got != row.want {
			t.Errorf("%s: %.200s: got %t, want %t", row.name, row.body, got, row.want)
		}
	}
}

// Of a list each element must be an error, and the list be short enough to be seen as a
// whole.
func TestComplaintOfAList(t *testing.T) {
	list := func(n int) string { return strings.Repeat(`,{"error":"Too many requests"}`, n)[min(n, 1):] }
	for _, row := range []struct {
		name, body string
		want       bool
	}{
		{"one message that was refused", `{"message-count":"1","messages":[{"status":"1","error-text":"Throttled"}]}`, true},
		{"one of two that was refused", `{"message-count":"2","messages":[{"status":"1","error-text":"Throttled"},{"status":"0","message-id":"7"}]}`, false},
		{"beside something else", `{"sender":"x","messages":[{"status":"1","error-text":"Throttled"}]}`, false},
		{"two lists", `{"messages":[{"error":"Too many requests"}],"results":[{"error":"Too many requests"}]}`, true},
		{"a list of another name", `{"orders":[{"error":"Too many requests"}]}`, false},
		{"an empty list", `[]`, false},
		{"one error", `[` + list(1) + `]`, true},
		{"as many as can be seen", `[` + list(maxItems-1) + `]`, true},
		{"one more", `[` + list(maxItems) + `]`, false},
		{"texts", `["Too many requests"]`, false},
		{"what only a flag calls an error", `[{"success":false,"message":"Too many requests"}]`, false},
		{"an entry of a log, which has a time", `[{"error":"Too many requests","time":"12:00"}]`, false},
		{"an error that is empty", `[{"error":"","message":"Too many requests","status":"error"}]`, false},
	} {
		if got := complains(row.body); got != row.want {
			t.Errorf("%s: %s: got %t, want %t", row.name, row.body, got, row.want)
		}
	}
}

// A success that asks to come back later is a failure by that, unless it is work that
// goes on.
func TestComplaintThatAsksForLater(t *testing.T) {
	for _, row := range []struct {
		name, body string
		want       bool
	}{
		{"words that say why", `{"message":"Too many requests"}`, true},
		{"work that goes on", `{"status":"running","message":"Too many requests"}`, false},
		{"words that nobody knows", `{"message":"see the manual"}`, false},
	} {
		tables()
		var r reader
		r.read([]byte(row.body))
		r.asksLater = true
		if got := r.complaint(); got != row.want {
			t.Errorf("%s: got %t, want %t", row.name, got, row.want)
		}
	}
}

func TestComplaintOfADocument(t *testing.T) {
	sized := func(n int) string {
		const begin, end = `<response><code>429</code><message>Too many requests</message>`, `</response>`
		return begin + strings.Repeat(" ", n-len(begin)-len(end)) + end
	}
	for _, row := range []struct {
		name, body string
		want       bool
	}{
		{"a number and words", `<response><code>429</code><message>Too many requests</message></response>`, true},
		{"behind a declaration and a comment", `<?xml version="1.0"?><!-- x --><response><code>429</code><message>Too many requests</message></response>`, true},
		{"with a prefix and attributes", `<a:response xmlns:a="urn:a"><a:code type="int">429</a:code><a:message>Too many requests</a:message></a:response>`, true},
		{"an element that is empty beside it", `<response><code>429</code><message>Too many requests</message><price/><cost></cost></response>`, true},
		{"a code in letters", `<response><code>rate_limit_exceeded</code><message>Too many requests</message></response>`, true},
		{"a flag", `<response><success>false</success><message>Too many requests</message></response>`, true},
		{"a flag of failure in words", `<response><ack>Failure</ack><message>Too many requests</message></response>`, true},
		{"a flag that all is well", `<response><success>true</success><message>Too many requests</message></response>`, false},
		{"a number of success", `<response><code>200</code><message>Too many requests</message></response>`, false},
		{"a status in words that is none of failure", `<response><status>shipped</status><message>Too many requests</message></response>`, false},
		{"words alone", `<response><message>Too many requests</message></response>`, false},
		{"a number alone", `<response><code>429</code></response>`, false},
		{"words that nobody knows", `<response><code>429</code><message>see the manual</message></response>`, false},
		{"an invalid request", `<response><code>429</code><message>Invalid parameter: size</message></response>`, false},
		{"something of a result", `<response><code>429</code><message>Too many requests</message><price>7</price></response>`, false},
		{"in an entry of a list", `<response><orders><code>429</code><message>Too many requests</message></orders></response>`, false},
		{"attributes", `<geonames><status message="the hourly limit of 1000 credits has been exceeded. Too many requests" value="19"/></geonames>`, true},
		{"attributes of success", `<geonames><status message="Too many requests" value="0"/></geonames>`, false},
		{"attributes without words", `<geonames><status value="19"/></geonames>`, false},
		{"attributes without a number", `<geonames><status message="Too many requests"/></geonames>`, false},
		{"an error's attributes", `<rsp stat="fail"><error code="105" msg="Service currently unavailable"/></rsp>`, true},
		{"attributes of another element", `<rsp><order code="105" msg="Service currently unavailable"/></rsp>`, false},
		{"the longest document", sized(maxXMLComplaint), true},
		{"a longer one", sized(maxXMLComplaint + 1), false},
	} {
		if got := complains(row.body); got != row.want {
			t.Errorf("%s: %.200s: got %t, want %t", row.name, row.body, got, row.want)
		}
	}
}
