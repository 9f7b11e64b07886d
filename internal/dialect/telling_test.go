package dialect

import "testing"

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
