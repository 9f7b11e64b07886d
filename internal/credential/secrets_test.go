package credential

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/steadyhttp/steadyhttp/internal/redact"
)

// What a request was sent with is known by where it stands.
func TestSecretsOfARequest(t *testing.T) {
	const secret = "4fT9xQ2mLk7vBn3RsW8y"
	for _, row := range []struct {
		name, header, url, body string
		user                    string // of the URL
		none                    bool
	}{
		{name: "a header", header: "X-Api-Key: " + secret},
		{name: "a scheme", header: "Authorization: Bearer " + secret},
		{name: "a cookie", header: "Cookie: theme=dark; sid=" + secret},
		{name: "a query", url: "?a=b&jwt=" + secret},
		{name: "a query behind a semicolon", url: "?a=b;jwt=" + secret + ";c=d"},
		{name: "a query with a semicolon in it", url: "?jwt=" + secret + "&a=b;c=d"},
		{name: "a query without a name", url: "?" + secret},
		{name: "the user of a URL", user: secret},
		{name: "a webhook", url: "hooks/" + secret},
		{name: "a form", body: "grant_type=password&username=u&password=" + secret},
		{name: "a form with escapes", body: "client_secret=%34" + secret[1:] + "&a=b"},
		{name: "JSON", body: `{"user":"u","password":"` + secret + `"}`},
		{name: "JSON with blanks", body: " [ { \"apiKey\" :\n \"" + secret + `" } ]`},
		{name: "JSON within", body: `{"a":{"b":"c\"","refresh_token":"` + secret + `"},"x":1}`},
		{name: "JSON behind an escaped backslash", body: `{"a":"\\","password":"` + secret + `"}`},
		{name: "JSON behind two of them", body: `{"a":"b\\\\","password":"` + secret + `"}`},
		{name: "JSON with the longest name", body: `{"` + strings.Repeat("a", maxName-9) + `_password":"` + secret + `"}`},
		{name: "JSON with a longer name", body: `{"` + strings.Repeat("a", maxName-8) + `_password":"` + secret + `"}`, none: true},
		{name: "a form without its first name", body: "=a&password=" + secret},
		{name: "JSON that is cut", body: `{"a":1,"access_token":"` + secret},

		{name: "another field", body: `{"prompt":"` + secret + `"}`, none: true},
		{name: "the key of an object", body: `{"key":"` + secret + `","cache_key":"` + secret + `"}`, none: true},
		{name: "a value that is called so", body: `["password","` + secret + `"]`, none: true},
		{name: "text", body: "password=" + secret + " is what I was told", none: true},
		{name: "a flag", url: "?forced", none: true},
	} {
		req := &http.Request{Header: http.Header{}}
		if name, value, ok := strings.Cut(row.header, ": "); ok {
			req.Header.Set(name, value)
		}
		var err error
		if req.URL, err = url.Parse("https://api.example.com/" + row.url); err != nil {
			t.Fatal(err)
		}
		if row.user != "" {
			req.URL.User = url.User(row.user)
		}
		if got := Secrets(req, []byte(row.body)); slices.Contains(got, secret) == row.none {
			t.Errorf("%s: got %q", row.name, got)
		}
	}
}

// A request that is full of secrets takes no longer than it is long, and nor does
// what answers it.
func TestManySecrets(t *testing.T) {
	var b strings.Builder
	for i := range 20_000 {
		fmt.Fprintf(&b, "key=%06d&token=a-%d-b-%d&", i, i%10, i%7)
	}
	req := &http.Request{Header: http.Header{"Cookie": {b.String()}}, URL: &url.URL{RawQuery: b.String()}}
	began := time.Now()
	c := redact.Without(Secrets(req, []byte(b.String()))...)
	for range 10 {
		c.Line(b.String(), 64<<10)
	}
	if took := time.Since(began); took > 5*time.Second { // a twentieth of that as a rule
		t.Errorf("took %v", took)
	}
}
