package dialect

import (
	"strings"
	"testing"
)

// A text under a name that nobody knows may be the message. A secret is none, however
// it is written.
func TestSentence(t *testing.T) {
	for body, want := range map[string]string{
		`{"grund":"zu viele Anfragen"}`:                        "zu viele Anfragen",
		`{"grund":" gesperrt "}`:                               "",
		`{"password":"correct horse battery"}`:                 "",
		`{"client_secret" : "correct horse", "a":"try later"}`: "try later",
		`["try again later"]`:                                  "try again later",
		`{"a":["password","try again later"]}`:                 "try again later",
	} {
		var tr tree
		tr.parse(body)
		if got := tr.sentence(); got != want {
			t.Errorf("%s: got %q, want %q", body, got, want)
		}
	}
}

// Texts of several words are looked for under names that nobody knows, and under those
// of messages at whatever depth; each within its bounds.
func TestWhereTextsAreLookedFor(t *testing.T) {
	zeros := func(n int) string { return strings.Repeat("0,", n) }
	text := func(n int) string { return "zu viele" + strings.Repeat("!", n-len("zu viele")) }
	for _, row := range []struct{ name, body, sentence, inner string }{
		{"a text alone", `"try again later"`, "try again later", ""},
		{"the last value", `{"a":1,"grund":"zu viele"}`, "zu viele", ""},
		{"the last value, called as messages are", `{"a":{"detail":"zu viele"}}`, "zu viele", "zu viele"},
		{"one word", `{"a":"b","detail":"late"}`, "", ""},
		{"a text that begins with a date", `{"detail":"2026-11-28 12:00"}`, "", ""},
		{"a text that begins with a sign", `{"detail":"{ }"}`, "", ""},
		{"a text in capitals", `{"detail":"ZU VIELE"}`, "ZU VIELE", "ZU VIELE"},
		{"a text that begins with an a", `{"detail":"all is lost"}`, "all is lost", "all is lost"},
		{"a text in Chinese", `{"detail":"请求 过多"}`, "请求 过多", "请求 过多"},
		{"the longest text", `{"detail":"` + text(maxSaid) + `"}`, text(maxSaid), text(maxSaid)},
		{"a longer text", `{"detail":"` + text(maxSaid+1) + `"}`, "", ""},
		{"in a list, among few values", `{"a":[[` + zeros(4) + `0],[` + zeros(4) + `0],[` + zeros(4) + `0],["zu viele"]],` + members(12) + `"b":1}`, "zu viele", ""},
		{"in a list, among one more", `{"a":[[` + zeros(4) + `0],[` + zeros(4) + `0],[` + zeros(4) + `0],["zu viele"]],` + members(13) + `"b":1}`, "", ""},
		{"as far as messages are looked for", `{` + members(maxInner-2) + `"detail":"zu viele"}`, "zu viele", "zu viele"},
		{"further", `{` + members(maxInner-1) + `"detail":"zu viele"}`, "zu viele", ""},
	} {
		var tr tree
		tr.parse(row.body)
		if got := tr.sentence(); got != row.sentence {
			t.Errorf("%s: %.80s: got the sentence %.40q, want %.40q (%d values)", row.name, row.body, got, row.sentence, tr.n)
		}
		if got := tr.innerTelling(); got != row.inner {
			t.Errorf("%s: %.80s: got the message %.40q, want %.40q", row.name, row.body, got, row.inner)
		}
	}
	for n, want := range map[int]string{maxInner - 2: "CONSENT_EXPIRED", maxInner - 1: ""} {
		var tr tree
		tr.parse(`{` + members(n) + `"code":"CONSENT_EXPIRED"}`)
		if got := tr.innerCode(); got != want {
			t.Errorf("a code behind %d members: got %q, want %q", n, got, want)
		}
	}
}

// members are n members of an object that are numbers.
func members(n int) string { return strings.Repeat(`"n":0,`, n) }

// The name of a value is shown to nobody, but tells a secret.
func TestNameOfAMember(t *testing.T) {
	for body, want := range map[string]string{`{"a":1, "my name" : "b"}`: "my name", `{"name":"b"}`: "name", `["b"]`: "", `"b"`: ""} {
		var tr tree
		tr.parse(body)
		if got := tr.name(tr.n); got != want {
			t.Errorf("%s: got %q, want %q", body, got, want)
		}
	}
}

// With too many requests a quota is one of requests.
func TestByFragment(t *testing.T) {
	for _, row := range []struct {
		code   string
		status int
		want   Class
	}{
		{"MyQuotaExceeded", 429, RateLimit}, {"MyQuotaExceeded", 403, Quota}, {"MyContentPolicyHit", 429, ContentPolicy},
		{"a/b#MyQuotaExceeded", 403, Quota}, {"MyQuotaExceeded#x", 403, ""}, {"something", 403, ""},
	} {
		if got := byFragment(row.code, row.status); got != row.want {
			t.Errorf("%s with %d: got %s, want %s", row.code, row.status, got, row.want)
		}
	}
}
