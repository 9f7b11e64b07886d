package retarget

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/steadyhttp/steadyhttp/internal/credential"
)

const chat = "https://api.openai.com/v1/chat/completions"

func TestBody(t *testing.T) {
	set := func(pairs ...string) []Member {
		m := map[string]any{}
		for i := 0; i < len(pairs); i += 2 {
			if m[pairs[i]] = json.RawMessage(pairs[i+1]); pairs[i+1] == "" {
				m[pairs[i]] = nil
			}
		}
		all, err := Members(m)
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	const gemini = "https://generativelanguage.googleapis.com/v1beta/models/g:embedContent"
	for _, row := range []struct {
		name, request, target, model string
		set                          []Member
		body, want                   string
	}{
		{"the model", chat, "", "b", nil, `{"model":"a","n":1}`, `{"model":"b","n":1}`},
		{"white space, order and numbers stay", chat, "", "b", nil, "{\r\n \"z\" : 1.0e+02 ,\n\t\"model\" : \"a\" , \"a\":[ 1,2 ]\n} \n", "{\r\n \"z\" : 1.0e+02 ,\n\t\"model\" : \"b\" , \"a\":[ 1,2 ]\n} \n"},
		{"escapes stay", chat, "", "b", nil, `{"model":"a","t":"\u00e4\/\"<&"}`, `{"model":"b","t":"\u00e4\/\"<&"}`},
		{"a model further in", chat, "", "b", nil, `{"model":"a","x":{"model":"a"},"y":[{"model":"a"}]}`, `{"model":"b","x":{"model":"a"},"y":[{"model":"a"}]}`},
		{"a text that looks like a member", chat, "", "b", nil, `{"t":"\",\"model\":\"a\"","model":"a"}`, `{"t":"\",\"model\":\"a\"","model":"b"}`},
		{"a name that is escaped", chat, "", "b", nil, `{"mod\u0065l":"a"}`, `{"mod\u0065l":"b"}`},
		{"twice", chat, "", "b", nil, `{"model":"a","n":1,"model":"c"}`, `{"model":"b","n":1,"model":"b"}`},
		{"a model with marks", chat, "", `a"b<ä`, nil, `{"model":"a"}`, `{"model":"a\"b<ä"}`},
		{"no model, and the API wants one", chat, "", "b", nil, `{"n":1}`, `{"n":1,"model":"b"}`},
		{"no member at all", chat, "", "b", nil, `{ }`, `{"model":"b" }`},
		{"an unknown API", "https://api.example.com/orders", "", "b", nil, `{"n":1}`, `{"n":1}`},
		{"an unknown API that has a model", "https://api.example.com/orders", "", "b", nil, `{"model":"a"}`, `{"model":"b"}`},
		{"the path has the model", gemini, "", "b", nil, `{"n":1}`, `{"n":1}`},
		{"so has the body, as Google writes it", gemini, "", "b", nil, `{"model":"models/a"}`, `{"model":"models/b"}`},
		{"Azure's path has it", "https://r.openai.azure.com/openai/deployments/a/chat/completions", "", "b", nil, `{"n":1}`, `{"n":1}`},
		{"from Azure to OpenAI", "https://r.openai.azure.com/openai/deployments/a/chat/completions", "https://api.openai.com/v1", "b", nil, `{"n":1}`, `{"n":1,"model":"b"}`},
		{"a member is set", chat, "", "", set("n", "2"), `{"n": 1, "m": 3}`, `{"n": 2, "m": 3}`},
		{"two are new", chat, "", "", set("y", "1", "x", `{"a": 1}`), "{\n  \"n\": 1\n}", "{\n  \"n\": 1,\"x\":{\"a\":1},\"y\":1\n}"},
		{"null is a value", chat, "", "", set("n", "null"), `{"n":1}`, `{"n":null}`},
		{"the first is removed", chat, "", "", set("a", ""), `{ "a" : 1 , "b" : 2 }`, `{ "b" : 2 }`},
		{"one in the middle", chat, "", "", set("b", ""), `{"a":1, "b":2, "c":3}`, `{"a":1, "c":3}`},
		{"the last", chat, "", "", set("c", ""), `{"a":1, "b":2, "c":3 }`, `{"a":1, "b":2 }`},
		{"the only one", chat, "", "", set("a", ""), `{ "a":1 }`, `{  }`},
		{"the first two", chat, "", "", set("a", "", "b", ""), `{"a":1, "b":2, "c":3}`, `{"c":3}`},
		{"all, and one is new", chat, "", "", set("a", "", "b", "", "x", "1"), `{"a":1,"b":2}`, `{"x":1}`},
		{"twice removed", chat, "", "", set("a", ""), `{"a":1,"b":2,"a":3}`, `{"b":2}`},
		{"what is not there is removed", chat, "", "", set("x", ""), `{"a":1}`, `{"a":1}`},
		{"a key in the body goes nowhere else", chat, "https://gw.example.com/v1", "", nil, `{"api_key":"k","n":1,"apiKey":"k","api\u005fkey":"k"}`, `{"n":1}`},
		{"a session's token", chat, "https://gw.example.com/v1", "", nil, `{"n":1,"aws_session_token":"k","aws_access_key_id":"k","aws_secret_access_key":"k","access_token":"k"}`, `{"n":1}`},
		{"but to its own server", chat, "https://api.openai.com/v1", "", nil, `{"api_key":"k"}`, `{"api_key":"k"}`},
		{"what only sounds like a key", chat, "https://gw.example.com/v1", "", nil, `{"prompt_cache_key":"c","max_tokens":1,"eos_token":"e","safety_identifier":"u"}`, `{"prompt_cache_key":"c","max_tokens":1,"eos_token":"e","safety_identifier":"u"}`},
		{"one that the target sets", chat, "https://gw.example.com/v1", "", set("api_key", `"mine"`), `{"api_key":"k"}`, `{"api_key":"mine"}`},
		{"a name that begins with an escape", chat, "", "b", nil, `{"\u006dodel":"a"}`, `{"\u006dodel":"b"}`},
		{"a key of the longest name", chat, "https://gw.example.com/v1", "", nil, `{"` + strings.Repeat("a", 56) + `_api_key":"k","n":1}`, `{"n":1}`},
		{"a text that nobody calls JSON", "https://api.example.com/rpc", "https://eu.example.com", "", nil, "hello", "hello"},
		{"white space alone", "https://api.example.com/rpc", "https://eu.example.com", "", nil, " \n", " \n"},
		{"a list to another server", "https://api.example.com/rpc", "https://eu.example.com", "", nil, `[{"a":1}]`, `[{"a":1}]`},
	} {
		t.Run(row.name, func(t *testing.T) {
			target := &Target{URL: parse(t, row.target), Model: row.model, Set: row.set}
			got, err := target.Body(request(t, "POST", row.request, row.body), []byte(row.body))
			if err != nil || string(got) != row.want {
				t.Errorf("got  %s, %v\nwant %s", got, err, row.want)
			}
		})
	}
	for _, body := range []string{"", " ", "x", "[1]", `"a"`, "1", `{"a":1`, `{"a":1}{}`, `{"a":NaN}`, `{'a':1}`} {
		if got, err := (&Target{Model: "b"}).Body(request(t, "POST", chat, "x"), []byte(body)); err == nil {
			t.Errorf("%q: got %q, want an error", body, got)
		}
	}
	if got, err := (&Target{URL: parse(t, "https://gw.example.com/v1")}).Body(request(t, "POST", chat, "x"), []byte(`{"api_key":"k","a":NaN}`)); err == nil {
		t.Errorf("what cannot be looked through left as %q", got)
	}
}

// What may be JSON, and cannot be looked through, goes nowhere.
func TestBodiesThatAreNoJSON(t *testing.T) {
	target := &Target{URL: parse(t, "https://eu.example.com")}
	for body, kind := range map[string]string{"[1": "", " {x": "", "hello": "application/json", " ": "application/json"} {
		req := request(t, "POST", "https://api.example.com/rpc", "x")
		if kind != "" {
			req.Header.Set("Content-Type", kind)
		}
		if got, err := target.Body(req, []byte(body)); err == nil {
			t.Errorf("%q of type %q: left as %q", body, kind, got)
		}
	}
}

// A target that removes a credential sends no other: what the caller's body holds may go
// along to its own server.
func TestARemovedCredentialIsNone(t *testing.T) {
	const body = `{"api_key":"k"}`
	target := &Target{Header: http.Header{"X-Api-Key": {}}}
	if got, err := target.Body(request(t, "POST", chat, body), []byte(body)); err != nil || string(got) != body {
		t.Errorf("got %s, %v", got, err)
	}
}

func TestManyMembersAreSet(t *testing.T) {
	all, want := map[string]any{}, map[string]any{}
	body := "{"
	for i := range 70 {
		name := fmt.Sprintf("m%02d", i)
		all[name], want[name] = i, float64(i)
		body += fmt.Sprintf(`"%s":0,`, name)
	}
	set, err := Members(all)
	if err != nil {
		t.Fatal(err)
	}
	for _, body := range []string{"{}", body + `"x":1}`} {
		text, err := (&Target{Set: set}).Body(request(t, "POST", chat, body), []byte(body))
		if err != nil {
			t.Fatal(err)
		}
		var got map[string]any
		if err := json.Unmarshal(text, &got); err != nil || strings.Count(string(text), `"m64"`) != 1 || strings.Count(string(text), `"m69"`) != 1 {
			t.Fatalf("got %s, %v", text, err)
		}
		delete(got, "x")
		if !maps.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	}
}

func TestChangesBody(t *testing.T) {
	for _, row := range []struct {
		name   string
		header http.Header
		want   bool
	}{
		{"nobody says what it is", http.Header{}, true},
		{"JSON", http.Header{"Content-Type": {"application/json; charset=utf-8"}}, true},
		{"a kind of JSON", http.Header{"Content-Type": {"application/problem+json"}}, true},
		{"JSON, in small letters", http.Header{"content-type": {"application/json"}}, true},
		{"text, in small letters", http.Header{"content-type": {"text/plain"}}, false},
		{"no value, in small letters", http.Header{"content-type": {}}, true},
		{"an image", http.Header{"Content-Type": {"image/png"}}, false},
		{"compressed", http.Header{"Content-Encoding": {"gzip"}}, false},
		{"not compressed", http.Header{"Content-Encoding": {"identity"}}, true},
	} {
		req := request(t, "POST", chat, "{}")
		req.Header = row.header
		if got := (&Target{Model: "b"}).ChangesBody(req); got != row.want {
			t.Errorf("%s: got %v, want %v", row.name, got, row.want)
		}
	}
}

func TestMembers(t *testing.T) {
	got, err := Members(map[string]any{"z": "<&", "a": nil, "m": map[string]any{"b": 1, "a": 2.5}})
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, m := range got {
		b.WriteString(m.Name + "=" + string(m.Value) + ";")
	}
	if want := `a=;m={"a":2.5,"b":1};z="<&";`; b.String() != want {
		t.Errorf("got %s, want %s", b.String(), want)
	}
	for name, set := range map[string]map[string]any{`Set["f"]`: {"f": func() {}}, "not empty": {"": 1}, "must be a text": {"\xff": 1}} {
		if _, err := Members(set); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("got %v, want an error with %s", err, name)
		}
	}
}

// Whatever the JSON, the result is JSON, what was named is as it should be, and every
// other member is there byte for byte.
func FuzzBody(f *testing.F) {
	for _, s := range []string{
		`{}`, `{"model":"a"}`, `{"x":1,"model":"a","api_key":"k","n":[{"model":"\\"}],"x":2}`, ` { "mod\u0065l" : null , "api_key":"","gone":1 } `,
		`{"gone":1,"gone":2}`, `{"a":"\ud800","new":"\"}"}`, `[1]`, `{"":{},"gone":1}`,
	} {
		f.Add(s)
	}
	target := &Target{URL: parse(f, "https://gw.example.com/v1"), Model: "b", Set: []Member{{"gone", nil}, {"new", []byte(`{"a": 1}`)}}}
	req := request(f, "POST", chat, "x")
	f.Fuzz(func(t *testing.T, body string) {
		before := []byte(body)
		got, err := target.Body(req, before)
		if string(before) != body {
			t.Fatal("the caller's body was written to")
		}
		was := members(body)
		if (err == nil) != (was != nil) {
			t.Fatalf("got %v for %q", err, body)
		}
		if err != nil {
			return
		}
		if !json.Valid(got) {
			t.Fatalf("%q became %q, which is no JSON", body, got)
		}
		is := members(string(got))
		if m := is["model"]; len(m) == 0 || m[0] != `"b"` || len(is["gone"]) > 0 || len(is["api_key"]) > 0 || len(is["new"]) == 0 || is["new"][0] != `{"a": 1}` {
			t.Fatalf("%q became %q", body, got)
		}
		for _, named := range []string{"model", "gone", "new"} {
			delete(was, named)
			delete(is, named)
		}
		maps.DeleteFunc(was, func(name string, _ []string) bool { return credential.InMember(name) })
		for name, values := range was {
			if strings.Join(values, "\x00") != strings.Join(is[name], "\x00") {
				t.Fatalf("%q: %q became %q", name, values, is[name])
			}
		}
	})
}

// members reads the outermost object with encoding/json, nil if there is none.
func members(body string) map[string][]string {
	if !json.Valid([]byte(body)) {
		return nil
	}
	d := json.NewDecoder(strings.NewReader(body))
	if begin, _ := d.Token(); begin != json.Delim('{') {
		return nil
	}
	all := map[string][]string{}
	for d.More() {
		name, _ := d.Token()
		var value json.RawMessage
		if d.Decode(&value) != nil {
			return nil
		}
		all[name.(string)] = append(all[name.(string)], string(value))
	}
	return all
}

// Twice the text takes twice the time, whatever it is made of.
func TestBodyInLinearTime(t *testing.T) {
	target := &Target{URL: parse(t, "https://gw.example.com/v1"), Model: "b", Set: []Member{{"gone", nil}, {"new", []byte("1")}}}
	req := request(t, "POST", chat, "x")
	for _, row := range []struct{ name, begin, part, end string }{
		{"one long text", `{"t":"`, "x", `"}`},
		{"backslashes", `{"t":"`, `\\`, `"}`},
		{"quotes", `{"t":"`, `\"`, `"}`},
		{"a long name", `{"`, `\u0061`, `":1}`},
		{"members that are removed", `{`, `"gone":1,`, `"x":1}`},
		{"members that change", `{`, `"model":1,`, `"x":1}`},
		{"members with escapes", `{`, `"\u0061":1,`, `"x":1}`},
		{"keys", `{`, `"api_key":1,`, `"x":1}`},
		{"lists", `{"t":[`, `[],`, `1]}`},
		{"white space", `{`, " ", `}`},
	} {
		t.Run(row.name, func(t *testing.T) {
			took := func(n int) time.Duration {
				body := []byte(row.begin + strings.Repeat(row.part, n/len(row.part)) + row.end)
				least := time.Hour
				for range 5 {
					start := time.Now()
					if _, err := target.Body(req, body); err != nil {
						t.Fatal(err)
					}
					least = min(least, time.Since(start))
				}
				return least
			}
			if short, long := took(32<<10), took(512<<10); long > 100*short+time.Millisecond {
				t.Errorf("16 times the text took %v, and before %v", long, short)
			}
		})
	}
}

func TestBodyAllocatesItsResult(t *testing.T) {
	if underRace() {
		t.Skip("the race detector makes more allocations")
	}
	body := []byte(`{"messages":[{"role":"user","content":"` + strings.Repeat("long ", 1000) + `"}],"model":"a","temperature":0.5,"stream":true}`)
	target := &Target{URL: parse(t, "https://gw.example.com/v1"), Model: "b", Set: []Member{{"stream", []byte("false")}}}
	req := request(t, "POST", chat, "x", "Content-Type", "application/json")
	if n := testing.AllocsPerRun(100, func() {
		if b, err := target.Body(req, body); err != nil || bytes.Equal(b, body) {
			t.Fatal(err)
		}
	}); n > 3 {
		t.Errorf("got %v allocations, want the result and the model's name", n)
	}
}

// underRace reports whether the race detector is on.
func underRace() bool {
	info, _ := debug.ReadBuildInfo()
	return info != nil && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}
