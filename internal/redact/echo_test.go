package redact_test

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"html"
	"math/rand/v2"
	"net/url"
	"strings"
	"testing"

	"github.com/steadyhttp/steadyhttp/internal/redact"
)

// codings are the ways in which servers say back what they were sent.
var codings = []struct {
	name string
	code func(secret string) string
}{
	{"as it is", func(s string) string { return s }},
	{"for a query", url.QueryEscape},
	{"for a path", url.PathEscape},
	{"for a query, twice", func(s string) string { return url.QueryEscape(url.QueryEscape(s)) }},
	{"each byte for a URL", func(s string) string { return each(s, "%%%02x") }},
	{"for HTML", html.EscapeString},
	{"each byte for HTML", func(s string) string { return each(s, "&#%d;") }},
	{"each byte for HTML, in hex", func(s string) string { return each(s, "&#x%X;") }},
	{"each byte for JSON", func(s string) string { return each(s, `\u%04x`) }},
	{"as a JSON string", func(s string) string { return fmt.Sprintf("%q", s) }},
	{"in capitals", strings.ToUpper},
	{"in small letters", strings.ToLower},
	{"in base64", func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }},
	{"in base64 for URLs", func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }},
	{"in base64 with a scheme", func(s string) string { return base64.StdEncoding.EncodeToString([]byte("Bearer " + s)) }},
	{"in base64 as a password", func(s string) string { return base64.StdEncoding.EncodeToString([]byte("us:" + s + ":x")) }},
	{"in base64, for a query", func(s string) string {
		return url.QueryEscape(base64.StdEncoding.EncodeToString([]byte("a" + s + ":")))
	}},
	{"in hexadecimal digits", func(s string) string { return hex.EncodeToString([]byte(s)) }},
	{"in large hexadecimal digits", func(s string) string { return strings.ToUpper(hex.EncodeToString([]byte(s))) }},
	{"each byte for HTML, for JSON", func(s string) string { return each(s, `\u0026#%d;`) }},
	{"each byte for JSON, for JSON", func(s string) string { return each(s, `\\u%04x`) }},
	{"each byte for a URL, for HTML", func(s string) string { return each(s, `&#37;%02X`) }},
	{"its first half", func(s string) string { return s[:len(s)/2+1] + "…" }},
	{"its last half", func(s string) string { return "..." + s[len(s)/2-1:] }},
	{"with fillers in it", func(s string) string { return s[:9] + "\u200b" + s[9:14] + "\ufe0f" + s[14:] }},
}

func each(s, format string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		fmt.Fprintf(&b, format, c)
	}
	return b.String()
}

func TestEchoesAreMaskedInAnyCoding(t *testing.T) {
	n := 300
	if testing.Short() {
		n = 30
	}
	r := rand.New(rand.NewPCG(1, 2))
	const alphabet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789012345678901234567890123456789/+=&-_."
	for range n {
		var b strings.Builder
		for range 22 + r.IntN(80) {
			b.WriteByte(alphabet[r.IntN(len(alphabet))])
		}
		secret := b.String()
		c := redact.Without("short", secret, "another7secret")
		for _, coding := range codings {
			said := coding.code(secret)
			for _, text := range []string{"%s", "the key %s is unknown", `{"a":"%s"}`, "x=%s&y=1", "<%s>"} {
				got := c.Line(fmt.Sprintf(text, said), 2048)
				for i := 0; i+14 <= len(said); i++ { // no fourteen bytes of it
					if strings.Contains(got, said[i:i+14]) {
						t.Fatalf("%s, %s: of %q there is %q left", coding.name, text, secret, got)
					}
				}
			}
		}
	}
}

// Where a secret is long enough, and which of several that overlap is meant.
func TestWhichEchoesAreMasked(t *testing.T) {
	const mask = redact.Mask
	for _, row := range []struct {
		name    string
		secrets []string
		say     string
		want    string
	}{
		{"twelve letters", []string{"abcdefghijkl"}, "it is abcdefghijkl here", "it is " + mask + " here"},
		{"eleven letters", []string{"abcdefghijk"}, "it is abcdefghijk here", "it is abcdefghijk here"},
		{"six with a digit", []string{"abcde1"}, "it is abcde1 here", "it is " + mask + " here"},
		{"six with a digit, in capitals", []string{"abcde1"}, "it is ABCDE1 here", "it is " + mask + " here"},
		{"five with a digit", []string{"abcd1"}, "it is abcd1 here", "it is abcd1 here"},
		{"five with a digit, and signs", []string{"a-1-b-2-c"}, "it is a-1-b-2-c here", "it is " + mask + " here"},
		{"the same, behind another", []string{"another7secret", "a-1-b-2-c"}, "it is a-1-b-2-c here", "it is " + mask + " here"},
		{"one that begins another", []string{"user7name-and-more", "user7name"}, "it is user7name here", "it is " + mask + " here"},
		{"one that another begins with", []string{"user7name", "user7name-and-more"}, "it is user7name here", "it is " + mask + " here"},
		{"the longer of both", []string{"user7name", "user7name-and-more"}, "it is user7name-and-more here", "it is " + mask + " here"},
		{"one that stands within another", []string{"abcdeuser7name", "user7name"}, "it is user7name here", "it is " + mask + " here"},
		{"the one around it", []string{"abcdeuser7name", "user7name"}, "it is abcdeuser7name here", "it is " + mask + " here"},
		{"said twice", []string{"user7name", "user7name"}, "user7name user7name", mask + " " + mask},
		{"ten letters and digits of a longer one", []string{"q1w2e3r4t5y6u7i8o9"}, "it is e3r4t5y6u7 here", "it is " + mask + " here"},
		{"ten with a 0", []string{"mnb0cdefghijklp"}, "it is b0cdefghij here", "it is " + mask + " here"},
		{"ten with a 9", []string{"mnb9cdefghijklp"}, "it is b9cdefghij here", "it is " + mask + " here"},
		{"ten with an a", []string{"123a45678901234"}, "it is 23a4567890 here", "it is " + mask + " here"},
		{"ten with a z", []string{"123z45678901234"}, "it is 23z4567890 here", "it is " + mask + " here"},
		{"ten digits of many", []string{"123445678901234"}, "it is 2344567890 here", "it is 2344567890 here"},
		{"a dot behind it", []string{"user7name"}, "it is user7name. Here", "it is " + mask + ". Here"},
		{"what goes on behind a dot", []string{"user7name"}, "it is user7name.x-y here", "it is " + mask + " here"},
		{"a dot at the end", []string{"user7name"}, "it is user7name.", "it is " + mask + "."},
		{"the word around a part", []string{"q1w2e3r4t5y6u7i8o9"}, "it is xx-e3r4t5y6u7 here", "it is " + mask + " here"},
		{"a part within several words", []string{"q1w2e3r4t5 y6u7i8o9p0 a1s2"}, "it is t5 y6u7i8o9p0 a1 here", "it is t5 " + mask + " a1 here"},
		{"nine of them", []string{"q1w2e3r4t5y6u7i8o9"}, "it is e3r4t5y6u here", "it is e3r4t5y6u here"},
		{"sixteen letters of a longer one", []string{"abcdefghijklmnopqrstuvwx"}, "it is cdefghijklmnopqr here", "it is " + mask + " here"},
		{"fifteen of them", []string{"abcdefghijklmnopqrstuvwx"}, "it is cdefghijklmnopq here", "it is cdefghijklmnopq here"},
		{"at the beginning and the end", []string{"user7name"}, "user7name and user7name", mask + " and " + mask},
		{"one word after the other", []string{"user7name", "pass8word"}, "user7name:pass8word", mask + ":" + mask},
		{"several words", []string{"correct horse battery staple"}, "it is correct horse battery staple here", "it is " + mask + " here"},
		{"several words of 64 bytes", []string{strings.Repeat("some ", 12) + "word"}, "it is " + strings.Repeat("some ", 12) + "word here", "it is " + mask + " here"},
		{"a part of several words", []string{"correct horse battery staple"}, "the horse has a battery", "the horse has a battery"},
		{"none", nil, "it is user7name here", "it is user7name here"},
	} {
		if got := redact.Without(row.secrets...).Line(row.say, 200); got != row.want {
			t.Errorf("%s: got %q, want %q", row.name, got, row.want)
		}
	}
}

func TestEchoesLeaveProseAlone(t *testing.T) {
	c := redact.Without("application-name-of-the-service", "Bearer qT7avZr9bLk2cwE5xYb8", "user@example.com", "2024-10-01")
	for _, s := range []string{
		"The application is not allowed to use this service.",
		"The bearer of this application has no name; see the example on example.org.",
		"Your quota of 2025-10-01 is used up.",
	} {
		if got := c.Line(s, 200); got != s {
			t.Errorf("got %q, want %q", got, s)
		}
	}
}

// What announces a secret may be escaped, once or more often.
func TestEscapedSignsAnnounceSecrets(t *testing.T) {
	const drawn = "qW3rT5yU7iO9pA1sD2fG4hJ6"
	for _, s := range []string{
		"https://a.example/login?next=https%3A%2F%2Fb.example%2F%3Faccess_token%3D" + drawn, "https://a.example/?u=api_key%253D" + drawn, `{"said":"{\"password\":\"` + drawn + `\"}"}`,
		`{\u0022client_secret\u0022\u003a\u0022` + drawn + `\u0022}`, "token&quot;:&quot;" + drawn + "&quot;", "a&#61;b, client_secret&#61;" + drawn, `refresh_token\u003d` + drawn,
		"Authorization%3A%20Bearer%20" + drawn, `Authorization:\nBearer ` + drawn, "key%3Dsk-" + drawn, `\nsk-` + drawn, `\u003csk-` + drawn, "%253Dghp_" + drawn,
	} {
		if got := redact.Line(s, 1<<10); leaks(got, drawn) || !strings.Contains(got, redact.Mask) {
			t.Errorf("%s\ngot %s", s, got)
		}
	}
}

// A secret of which a part was masked before is masked to its end.
func TestWhatIsLeftOfASecretIsMasked(t *testing.T) {
	const other = "hJ6gF5dS4aP3oI2uY1tR9eWq"
	c := redact.Without("T0123ABCD/B0123ABCD/qW3rT5yU7iO9pA1sD2fG4hJ6", "qW3rT5yU7iO9")
	for _, s := range []string{
		"https://hooks.slack.com/services/T0123ABCD/B0123ABCD/" + other, "api_key=qW3rT5yU7iO9+/" + other, "https://u:qW3rT5yU7iO9=" + other + "@h.example/",
	} {
		if got := c.Line(s, 1<<10); leaks(got, other) {
			t.Errorf("%s\ngot %s", s, got)
		}
	}
}
