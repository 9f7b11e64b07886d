package hosts

import (
	"net/url"
	"strings"
	"testing"
)

func TestFind(t *testing.T) {
	var table Table[string]
	for _, name := range []string{
		"api.openai.com", "API.GitHub.com.", "localhost", "localhost:8080", "*.internal", "*.db.internal", "*.db.internal:5432",
		"internal.example:443", "::1", "[2001:DB8:0::1]:9090", "192.0.2.1", "xn--bcher-kva.example", "bücher.example", "*.com",
	} {
		if err := table.Add(name, name); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	for url, want := range map[string]string{
		"https://api.openai.com/v1":            "api.openai.com",
		"https://API.OpenAI.com/v1":            "api.openai.com",
		"https://api.openai.com./v1":           "api.openai.com",
		"https://api.openai.com:443/v1":        "api.openai.com",
		"http://api.openai.com:8443/v1":        "api.openai.com",
		"https://user:secret@api.github.com/":  "API.GitHub.com.",
		"https://eu.api.openai.com/":           "*.com",
		"https://openai.com/":                  "*.com",
		"https://com/":                         "",
		"http://localhost/":                    "localhost",
		"http://localhost:8080/":               "localhost:8080",
		"http://localhost:8081/":               "localhost",
		"http://a.internal/":                   "*.internal",
		"http://a.b.c.internal./":              "*.internal",
		"http://internal/":                     "",
		"http://notinternal/":                  "",
		"http://a.notinternal/":                "",
		"http://a.db.internal/":                "*.db.internal",
		"http://a.db.internal:5432/":           "*.db.internal:5432",
		"http://db.internal/":                  "*.internal",
		"https://internal.example/":            "internal.example:443",
		"http://internal.example/":             "",
		"http://[::1]:80/":                     "::1",
		"http://[0:0:0:0:0:0:0:1]/":            "::1",
		"http://[2001:db8::1]:9090/":           "[2001:DB8:0::1]:9090",
		"http://[2001:db8::1]/":                "",
		"http://192.0.2.1:8080/":               "192.0.2.1",
		"https://xn--bcher-kva.example/":       "xn--bcher-kva.example",
		"https://BÜCHER.example/":              "bücher.example",
		"/relative":                            "",
		"https://example.org/?api.openai.com":  "",
		"https://api.openai.com.example.org/":  "",
		"https://example.org/@api.openai.com/": "",
		"https://api.openai.com@example.org/":  "",
		"unix://a.internal/":                   "*.internal",
		"https://a..internal/":                 "*.internal",
		"https://.internal/":                   "*.internal",
	} {
		if got, ok := table.Find(parseURL(t, url)); got != want || ok != (want != "") {
			t.Errorf("%s: got %q, %t, want %q", url, got, ok, want)
		}
	}
	if _, ok := table.Find(nil); ok {
		t.Error("nil: got a value")
	}
	var empty Table[int]
	if _, ok := empty.Find(parseURL(t, "https://a.example/")); ok {
		t.Error("an empty table has a value")
	}
}

func parseURL(t testing.TB, s string) *url.URL {
	t.Helper()
	u, err := url.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestNamesThatAreNone(t *testing.T) {
	for name, want := range map[string]string{
		"":                        "the Transport itself",
		"*":                       "the Transport itself",
		"*.":                      "it is no host",
		"https://api.openai.com":  `"//api.openai.com" is no port`,
		"api.openai.com/v1":       "without scheme and path",
		"api.*.com":               "it is no host",
		"*openai.com":             "it is no host",
		"*.*.com":                 "it is no host",
		"a b":                     "it is no host",
		"user@host":               "it is no host",
		"host:":                   `"" is no port`,
		"host:http":               `"http" is no port`,
		"host:0":                  "no port",
		"host:70000":              "no port",
		":80":                     "it is no host",
		"[::1":                    "no IPv6 address",
		"[host]":                  "no IPv6 address",
		"[::1]80":                 "no port",
		"::1:zz":                  "no port",
		".":                       "it is no host",
		"api.openai.com:443:8443": "no port",
	} {
		var table Table[int]
		if err := table.Add(name, 1); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want an error with %q", name, err, want)
		}
	}
	for _, pair := range [][2]string{{"a.example", "A.Example."}, {"*.a.example", "*.A.example"}, {"::1", "[0::1]"}, {"a:80", "a:080"}} {
		var table Table[int]
		if err := table.Add(pair[0], 1); err != nil {
			t.Errorf("%s: %v", pair[0], err)
		}
		if err := table.Add(pair[1], 2); err == nil || !strings.Contains(err.Error(), "the same host") {
			t.Errorf("%q: got %v, want an error that it means the same host", pair, err)
		}
	}
}

func TestFindAllocatesNothing(t *testing.T) {
	var table Table[int]
	for _, name := range []string{"api.openai.com", "*.internal"} {
		if err := table.Add(name, 1); err != nil {
			t.Fatal(err)
		}
	}
	for _, s := range []string{"https://api.openai.com/v1", "http://a.b.internal:8080/", "https://example.org/"} {
		u := parseURL(t, s)
		if got := testing.AllocsPerRun(100, func() { table.Find(u) }); got > 0 {
			t.Errorf("%s: got %v allocations, want none", s, got)
		}
	}
}
