package dialect

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

// collected are the codes that a body with that status has.
func collected(body string) []string {
	tables()
	var r reader
	r.read([]byte(body))
	r.status = 400
	r.collect(http.Header{})
	return append([]string{}, r.codes[:r.nCodes]...)
}

// Which of the words in a body are codes. The same names have other things in other
// APIs.
func TestCodesOfABody(t *testing.T) {
	words := func(s string) []string { return strings.Fields(s) }
	for _, row := range []struct{ name, body, want string }{
		{"an error that is a code", `{"error":"bad_thing","message":"x y"}`, "bad_thing"},
		{"an error that is a status", `{"error":"Forbidden","message":"x y"}`, ""},
		{"an error that is all there is", `{"error":"Forbidden"}`, ""},
		{"an error in capitals that is all there is", `{"error":"EXPIRED"}`, "EXPIRED"},
		{"Slack's error", `{"ok":false,"error":"ratelimited"}`, "ratelimited"},
		{"a text with its category", `{"error":["EGeneral:Internal error"]}`, "EGeneral:Internal error"},

		{"a code that is the message, of one word", `{"code":"late","message":"late"}`, "late"},
		{"a code that is the message, of two words", `{"code":"too late","message":"too late"}`, ""},

		{"a code that is the message, with a blank before it", `{"code":" late","message":" late"}`, ""},

		{"an id that is a code", `{"id":"not_found","message":"x y"}`, "not_found"},
		{"an id with digits", `{"id":"e4f","message":"x y"}`, ""},
		{"an id beside a type", `{"id":"not_found","type":"E_T","message":"x y"}`, "E_T"},
		{"the id of a call", `{"jsonrpc":"2.0","id":"call_me","error":{"code":1,"message":"x y"}}`, ""},

		{"the name of the only member", `{"overLimit":{"code":413,"message":"x y"}}`, "overLimit"},
		{"the name of one of two members", `{"overLimit":{"code":413,"message":"x y"},"a":1}`, ""},
		{"the name of a member without a number", `{"overLimit":{"code":"7","message":"x y"}}`, ""},
		{"the name of a member without a message", `{"overLimit":{"code":413}}`, ""},
		{"a name of one word", `{"limit":{"code":413,"message":"x y"}}`, ""},

		{"a code at any depth", `{"tppMessages":[{"code":"CONSENT_EXPIRED"}]}`, "CONSENT_EXPIRED"},
		{"a code at any depth, beside a number", `{"code":7,"tppMessages":[{"code":"CONSENT_EXPIRED"}]}`, ""},
		{"a code at any depth, beside another", `{"code":"E_X","tppMessages":[{"code":"CONSENT_EXPIRED"}]}`, "E_X"},
		{"a page about all errors, and a code at any depth", `{"type":"https://example.com/probs","tppMessages":[{"code":"CONSENT_EXPIRED"}]}`, "CONSENT_EXPIRED https://example.com/probs"},
		{"a code of six bytes", `{"a":[{"code":"A_BCDE"}]}`, "A_BCDE"},
		{"a code of five bytes", `{"a":[{"code":"A_BCD"}]}`, ""},
		{"a code of the most bytes", `{"a":[{"code":"` + strings.Repeat("A_", maxKey/2) + `"}]}`, strings.Repeat("A_", maxKey/2)},
		{"a code of more", `{"a":[{"code":"` + strings.Repeat("A_", maxKey/2) + `A"}]}`, ""},

		{"the name of an exception, wherever it is", `{"a":{"what":"BrokenThingException"}}`, "BrokenThingException"},
		{"a known code, wherever it is", `{"a":{"what":"rate_limited"}}`, "rate_limited"},
		{"another word", `{"a":{"what":"some_thing"}}`, ""},
		{"the name of an exception beside a code", `{"code":"E_X","what":"BrokenThingException"}`, "E_X"},
		{"the name of an exception in a trace", `{"trace":"BrokenThingException"}`, ""},
		{"the longest name of an exception", `{"a":{"what":"` + strings.Repeat("A", maxKey-len("Error")) + `Error"}}`, strings.Repeat("A", maxKey-len("Error")) + "Error"},
		{"a longer one", `{"a":{"what":"` + strings.Repeat("A", maxKey+1-len("Error")) + `Error"}}`, ""},
	} {
		want := words(row.want)
		if strings.HasPrefix(row.want, "EGeneral") {
			want = []string{row.want}
		}
		if got := collected(row.body); !slices.Equal(got, want) {
			t.Errorf("%s: %.120s: got %q, want %q", row.name, row.body, got, want)
		}
	}
}

// What may be a code, and what says nothing.
func TestWhatMayBeACode(t *testing.T) {
	for _, row := range []struct{ name, text, want string }{
		{"letters", "late", "late"},
		{"digits and an a", "1a", "1a"},
		{"digits and a z", "1z", "1z"},
		{"digits and a capital Z", "1Z", "1Z"},
		{"digits", "42", ""},
		{"signs beside the letters", "1`{", ""},
		{"Chinese", "过期", "过期"},
		{"nothing", "", ""},
		{"a word that says nothing", "error", ""},
		{"behind a namespace", "com.amazon#Throttled", "Throttled"},
		{"behind an empty namespace", "#Throttled", "Throttled"},
		{"a page with an anchor", "https://example.com/a#limit", "https://example.com/a#limit"},
		{"a status with its text", "429 Too Many Requests", ""},
		{"a status with another text", "429 Wait A Moment", "429 Wait A Moment"},
		{"a page about a status", "https://httpstatuses.io/404", ""},
		{"a page about a status, with a slash", "https://httpstatuses.io/404/", ""},
		{"a page about no status", "https://httpstatuses.io/999", "https://httpstatuses.io/999"},
		{"a page about a code", "https://example.com/errors/limit", "https://example.com/errors/limit"},
		{"a section of an RFC", "https://tools.ietf.org/html/rfc7231#section-6.5.1", ""},
		{"a section with a name", "https://example.com/a#section-limits", "https://example.com/a#section-limits"},
		{"the longest", strings.Repeat("a", 2*maxKey), strings.Repeat("a", 2*maxKey)},
		{"longer", strings.Repeat("a", 2*maxKey+1), ""},
	} {
		var r reader
		r.addCode(row.text)
		if got := strings.Join(r.codes[:r.nCodes], ", "); got != row.want {
			t.Errorf("%s: %s: got %q, want %q", row.name, row.text, got, row.want)
		}
		r.addCode(row.text)
		if row.want != "" && r.nCodes != 1 {
			t.Errorf("%s: the same twice: got %d codes", row.name, r.nCodes)
		}
	}
	var r reader
	for _, c := range "abcdefghij" {
		r.addCode(string(c))
	}
	if r.nCodes != len(r.codes) {
		t.Errorf("many codes: got %d, want %d", r.nCodes, len(r.codes))
	}
}

func TestCodesOfOneWord(t *testing.T) {
	for _, row := range []struct {
		name, text     string
		word, category bool
	}{
		{"a word", "late", true, false},
		{"two words", "too late", false, false},
		{"a blank and a word", " late", false, false},
		{"Chinese", "过期", false, false},
		{"a byte beyond ASCII", "a\x80", false, false},
		{"a category and a text", "EGeneral:Too many", false, true},
		{"a blank and a category", " EGeneral:Too", false, false},
		{"a category of two words", "E General:Too", false, false},
		{"a word and its explanation", "Error: late", false, false},
		{"a word and nothing", "Error:", true, false},
		{"a page", "https://example.com/x", true, false},
		{"the longest", "a:" + strings.Repeat("a", maxKey-2), true, true},
		{"longer", "a:" + strings.Repeat("a", maxKey-1), false, false},
	} {
		var w, c reader
		if w.addWord(row.text); (w.nCodes > 0) != row.word {
			t.Errorf("%s: %s as a word: got %d codes", row.name, row.text, w.nCodes)
		}
		if c.addCategory(row.text); (c.nCodes > 0) != row.category {
			t.Errorf("%s: %s as a category: got %d codes", row.name, row.text, c.nCodes)
		}
	}
}

// A document's codes may be numbers, of which the first counts.
func TestCodesOfADocument(t *testing.T) {
	for _, row := range []struct {
		texts  []string
		number int
		codes  int
	}{
		{[]string{"42"}, 42, 0},
		{[]string{"42", "43"}, 42, 0},
		{[]string{"0", "43"}, 43, 0},
		{[]string{"-5"}, 0, 0},
		{[]string{"soap:Server"}, 0, 0},
		{[]string{"soap:Throttled"}, 0, 1},
		{[]string{"a sentence"}, 0, 0},
		{[]string{" late"}, 0, 0},
	} {
		var r reader
		for _, s := range row.texts {
			r.addXMLCode(s)
		}
		if r.number != row.number || r.nCodes != row.codes {
			t.Errorf("%q: got number %d and %d codes, want %d and %d", row.texts, r.number, r.nCodes, row.number, row.codes)
		}
	}
}

func TestConstants(t *testing.T) {
	for _, row := range []struct {
		text              string
		shouted, constant bool
	}{
		{"VALIDATION_ERROR", true, true}, {"A_BC", true, true}, {"ABZ", true, false}, {"AZ", false, false}, {"A_B_9", false, false},
		{"_ABC", true, false}, {"ABc", false, false}, {"A BC", false, false}, {"E90ZZ", true, false}, {"", false, false},
	} {
		if s, c := shouted(row.text), isConstant(row.text); s != row.shouted || c != row.constant {
			t.Errorf("%s: got shouted %t, constant %t; want %t, %t", row.text, s, c, row.shouted, row.constant)
		}
	}
	for text, want := range map[string]bool{"Not Found": true, "Bad Request": true, "Network Authentication Required": true, "OK": false, "": false, "Not there": false} {
		if got := isStatusText(text); got != want {
			t.Errorf("%q: got %t for the text of a status, want %t", text, got, want)
		}
	}
	for text, want := range map[string]bool{"429 Too Many Requests": true, "429 too many requests": true, "429 ": false, "429": false, "429xToo": false, "999 ": false, "x29 Too": false, "4x9 Too": false} {
		if got := statusLine(text); got != want {
			t.Errorf("%q: got %t for a status line, want %t", text, got, want)
		}
	}
}

// Where the code is the same in every answer, the type may tell the truth.
func TestTheTellingCode(t *testing.T) {
	for body, want := range map[string]string{
		`{"error":{"code":"invalid_request_error","type":"insufficient_quota","message":"x"}}`: "insufficient_quota",
		`{"error":{"code":"invalid_request_error","type":"requests","message":"x"}}`:           "requests",
		`{"error":{"code":"invalid_request_error","type":"some_thing","message":"x"}}`:         "invalid_request_error",
		`{"error":{"code":"invalid_request_error","message":"x"}}`:                             "invalid_request_error",
		`{"error":{"type":"invalid_request_error","message":"x"}}`:                             "invalid_request_error",
		`{"error":{"code":"some_thing","type":"insufficient_quota","message":"x"}}`:            "some_thing",
	} {
		if v := Judge(Answer{Host: "api.example.com", Status: 400, Header: http.Header{}, Body: []byte(body)}); v.Code != want {
			t.Errorf("%s: got %q, want %q", body, v.Code, want)
		}
	}
}
