package dialect

import (
	"net/http"
	"strings"
	"testing"
)

// What is taken for the message, the code and the number.
func TestFactsOfABody(t *testing.T) {
	for _, row := range []struct {
		name, body, message, code string
		number                    int
	}{
		{"a flag and words", `{"message":"failed","description":"no seat left"}`, "no seat left", "", 0},
		{"two flags", `{"message":"failed","description":"error"}`, "failed", "", 0},
		{"the greatest number", `{"message":"x","code":999999999}`, "x", "", 999999999},
		{"a greater number", `{"message":"x","code":1000000000}`, "x", "", 0},
		{"the least number", `{"message":"x","code":-999999999}`, "x", "", -999999999},
		{"a lesser number", `{"message":"x","code":-1000000000}`, "x", "", 0},
		{"a broken number", `{"message":"x","code":7.5}`, "x", "", 0},
		{"a field's fault", `{"errors":{"size":["must be small"]}}`, "must be small", "", 0},
		{"the first paragraph", "Not today\r\n\r\nE_CODE", "Not today", "", 0},

		{"elements", `<r><Message>x</Message><Code>E_C</Code></r>`, "x", "E_C", 0},
		{"attributes", `<rsp><err code="105" msg="not now"/></rsp>`, "not now", "", 105},
		{"attributes of other names", `<rsp><error code="E_C" message="not now"/></rsp>`, "not now", "E_C", 0},
		{"elements before attributes", `<r><Message>x</Message><Code>E_C</Code><err code="9" msg="y"/></r>`, "x", "E_C", 0},
		{"a number before attributes", `<r><Message>x</Message><Code>7</Code><err code="E_C" msg="y"/></r>`, "x", "", 7},
		{"a message before attributes", `<r><Message>x</Message><err code="E_C" msg="y"/></r>`, "x", "E_C", 0},
		{"a code before attributes", `<r><Code>E_D</Code><err code="E_C" msg="y"/></r>`, "y", "E_D", 0},
		{"the attributes of the second", `<r><err/><error code="E_C" msg="y"/></r>`, "y", "E_C", 0},
		{"a document of other names", `<r><a>no seat</a><b>left</b></r>`, "no seat left", "", 0},
		{"a document with a code and other names", `<r><Code>E_C</Code><a>no seat left</a></r>`, "", "E_C", 0},

		{"a page's title that tells", `<title>Access denied</title><body><p>x</p>`, "Access denied", "", 0},
		{"a page's line that tells", `<title>Example</title><body><p>Welcome</p><p>Access denied</p></body>`, "Access denied", "", 0},
		{"a page's line with a status", `<title>Example</title><body><p>Welcome</p><p>HTTP 409</p></body>`, "HTTP 409", "", 0},
		{"the longest line of a page", `<title>Example</title><body><p>Access denied` + strings.Repeat(".", maxHeading-len("Access denied")) + `</p></body>`, "Access denied" + strings.Repeat(".", maxHeading-len("Access denied")), "", 0},
		{"a longer line of a page", `<title>Example</title><body><p>Access denied` + strings.Repeat(".", maxHeading+1-len("Access denied")) + `</p></body>`, "Example", "", 0},
		{"the last line that is looked at", `<title>Example</title><body>` + strings.Repeat("<p>x</p>", maxHeadings-1) + `<p>Access denied</p></body>`, "Access denied", "", 0},
		{"one line further", `<title>Example</title><body>` + strings.Repeat("<p>x</p>", maxHeadings) + `<p>Access denied</p></body>`, "Example", "", 0},
		{"a page that is called error", `<title>Error!</title><body><p>no seat left</p></body>`, "no seat left", "", 0},
	} {
		v := Judge(Answer{Method: "GET", Host: "api.example.com", Path: "/x", Status: 400, Header: http.Header{}, Body: []byte(row.body)})
		if v.Message != row.message || v.Code != row.code || v.Number != row.number {
			t.Errorf("%s: %.120s: got %.80q, code %q, number %d; want %.80q, %q, %d", row.name, row.body, v.Message, v.Code, v.Number, row.message, row.code, row.number)
		}
	}
}

// A number of three digits that begins with 4 or 5 is a status.
func TestLinesThatNameAStatus(t *testing.T) {
	tables()
	for line, want := range map[string]bool{
		"400": true, "page 499": true, "500 here": true, "599": true, "399": false, "600": false, "40": false, "1404": false, "4:4:4": false, "a 49 b 5": false,
		"4/04": false, "40:": false, "x404y": true, "390 404": true,
	} {
		var r reader
		if got := r.tells(line); got != want {
			t.Errorf("%q: got %t, want %t", line, got, want)
		}
	}
}

// Words count where they stand in what is said, and not in any other member.
func TestWhereWordsAreHeard(t *testing.T) {
	const words = "Too many requests"
	for _, row := range []struct {
		name, body string
		want       Class
	}{
		{"in the message", `{"message":"Too many requests"}`, RateLimit},
		{"in a second text", `{"message":"x y","details":"Too many requests"}`, RateLimit},
		{"in a third text, behind one that says the same", `{"message":"x y","details":"x y","detail":"Too many requests"}`, RateLimit},
		{"in a fifth text", `{"error":{"message":"m n","metadata":{"raw":"a b"},"details":"c d"},"details":"e f","detail":"Too many requests"}`, RateLimit},
		{"in one more, which is not heard", `{"error":{"message":"m n","metadata":{"raw":"a b"},"details":"c d"},"details":"e f","detail":"g h","title":"Too many requests"}`, InvalidRequest},
		{"in a member of any name", `{"message":"x","a":"Too many requests"}`, InvalidRequest},
		{"in the second paragraph of a text", "x\n\nToo many requests", RateLimit},
		{"in an attribute of a document", `<r note="too many requests"><Code>E_C</Code></r>`, InvalidRequest},
		{"in an attribute of a page", `<html><body title="too many requests"><p>x</p></body></html>`, InvalidRequest},
		{"in capitals, as constants are", `{"message":"TOO_MANY_REQUESTS"}`, RateLimit},
	} {
		if !strings.Contains(strings.ToLower(strings.ReplaceAll(row.body, "_", " ")), strings.ToLower(words)) {
			t.Fatalf("%s: the words are not there", row.name)
		}
		v := Judge(Answer{Method: "GET", Host: "api.example.com", Path: "/x", Status: 400, Header: http.Header{}, Body: []byte(row.body)})
		if v.Class != row.want {
			t.Errorf("%s: %s: got %s, want %s", row.name, row.body, v.Class, row.want)
		}
	}
	if got := spaced("TOO_MANY"); got != "TOO MANY" {
		t.Errorf("a constant: got %q", got)
	}
	if got := spaced("too_many"); got != "too_many" {
		t.Errorf("a name: got %q", got)
	}
}

// Where the body says nothing, the challenge to a bearer does.
func TestWhatAChallengeSays(t *testing.T) {
	const challenge = `Bearer realm="x", error="invalid_token", error_description="The token has expired"`
	for _, row := range []struct {
		name, body    string
		status        int
		message, code string
	}{
		{"no body", ``, 401, "The token has expired", "invalid_token"},
		{"no body, forbidden", ``, 403, "The token has expired", "invalid_token"},
		{"another status", ``, 400, "", ""},
		{"a message", `{"message":"no entry"}`, 401, "no entry", "invalid_token"},
		{"a code", `{"code":"E_CODE"}`, 401, "The token has expired", "E_CODE"},
		{"both", `{"code":"E_CODE","message":"no entry"}`, 401, "no entry", "E_CODE"},
	} {
		v := Judge(Answer{Method: "GET", Host: "api.example.com", Path: "/x", Status: row.status, Header: http.Header{"Www-Authenticate": {challenge}}, Body: []byte(row.body)})
		if v.Message != row.message || v.Code != row.code {
			t.Errorf("%s: got %q, code %q; want %q, %q", row.name, v.Message, v.Code, row.message, row.code)
		}
	}
}
