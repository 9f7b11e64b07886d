package main

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

func TestParsePage(t *testing.T) {
	const text = "# A `Title`, and *more*!\n## Twice\n## Twice\n" +
		"[a](b.md#c) and ![image](d.png \"title\") but not `[code](x.md)`\n" +
		"[ref]: e.md\n<a id=\"own\" href=\"f.md\">\n" +
		"## [A link](g.md) in it\n" +
		"```go\nx := \"[y](z.md)\"\n```\n```text\n# no heading\n```\n" +
		"<!-- go: var s string -->\n<!-- go: var n int -->\n```go\ns, n\n```\n"
	p := parsePage("docs/a.md", text)
	for _, anchor := range []string{"a-title-and-more", "twice", "twice-1", "own", "a-link-in-it"} {
		if !p.anchors[anchor] {
			t.Errorf("got anchors %v, want %s among them", p.anchors, anchor)
		}
	}
	if p.anchors["no-heading"] {
		t.Error("got an anchor of what stands in a block")
	}
	var links []string
	for _, l := range p.links {
		links = append(links, l.target)
	}
	if want := []string{"b.md#c", "d.png", "e.md", "f.md", "g.md"}; !slices.Equal(links, want) {
		t.Errorf("got links %q, want %q", links, want)
	}
	if len(p.blocks) != 2 || p.blocks[0].text != "x := \"[y](z.md)\"\n" || p.blocks[0].line != 8 ||
		p.blocks[0].granted != "" || p.blocks[1].granted != "var s string\nvar n int\n" {
		t.Errorf("got blocks %q, want the two of Go", p.blocks)
	}
}

func TestLinks(t *testing.T) {
	fsys := fstest.MapFS{
		"README.md":    {Data: []byte("# Top\n")},
		"docs/a.md":    {Data: []byte("# Here\n")},
		"docs/b.md":    {Data: []byte("## Over there\n")},
		"cmd/main.go":  {Data: []byte("package main\n\nfunc main() {}\n")},
		"secret/x.txt": {Data: []byte("not tracked")},
	}
	c := newLinkChecker(fsys, []string{"README.md", "docs/a.md", "docs/b.md", "cmd/main.go"})
	for _, row := range []struct{ target, want string }{
		{"b.md", ""},
		{"b.md#over-there", ""},
		{"#here", ""},
		{"../README.md", ""},
		{"../cmd", ""},
		{"../cmd/main.go#L3", ""},
		{"https://example.com/never#asked", ""},
		{"mailto:a@example.com", ""},
		{"c.md", "there is no docs/c.md"},
		{"b.md#nowhere", "no heading #nowhere"},
		{"#nowhere", "no heading #nowhere"},
		{"../cmd#readme", "no file"},
		{"../cmd/main.go#main", "only pages have anchors"},
		{"../cmd/main.go#L9", "no line 9"},
		{"../secret/x.txt", "there is no secret/x.txt"},
		{"../../elsewhere.md", "there is no ../elsewhere.md"},
		{"/docs/b.md", "not relative"},
		{"https:///path", "names no host"},
	} {
		got := c.broken(parsePage("docs/a.md", "# Here\n"), row.target)
		if (got == "") != (row.want == "") || !strings.Contains(got, row.want) {
			t.Errorf("%s: got %q, want %q", row.target, got, row.want)
		}
	}
}

func TestCode(t *testing.T) {
	t.Chdir("../..")
	c, err := newCodeChecker([]string{"go.mod", "transport.go"}, false)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name, text, granted string
		want                string // "" if it compiles
	}{
		{"a program", "package main\n\nimport \"fmt\"\n\nfunc main() { fmt.Println() }\n", "", ""},
		{"a program without its import", "package main\n\nfunc main() { fmt.Println() }\n", "", "page.md:13: undefined: fmt"},
		{"declarations", "func f(s []string) { slices.Sort(s) }\n", "", ""},
		{"declarations with an import", "import \"slices\"\n\nfunc f(s []string) { slices.Sort(s) }\n", "", ""},
		{"statements", "client := &http.Client{Transport: &steadyhttp.Transport{}}\n", "", ""},
		{"what every reader knows", "resp, err := client.Do(req.WithContext(ctx))\nif err == nil {\n\tdefer resp.Body.Close()\n}\nif err := steadyhttp.Check(resp, err); err != nil {\n\treturn err\n}\n", "", ""},
		{"values beside each other", "e.Hint          // what to do\ne.Class.Causes() // why\n", "", ""},
		{"what only this page knows", "client := users.client\n", "var users struct{ client *http.Client }\n", ""},
		{"a name that is nowhere", "x := nowhere\n", "", "undefined: nowhere"},
		{"a field that is gone", "x := steadyhttp.Transport{Retries: 3}\n", "", "page.md:11:"},
		{"another type", "logger := &steadyhttp.Logger{Zap: client}\n", "", "cannot use client"},
		{"no Go", "do this and that\n", "", "page.md:11:"},
		{"a package that no module has", "import \"example.com/nowhere\"\n\nvar x = nowhere.X\n", "", "no module of the repository has all of example.com/nowhere"},
		{"a body that is closed after a success only", "resp, err := client.Do(req)\nif err := steadyhttp.Check(resp, err); err != nil {\n\treturn err\n}\ndefer resp.Body.Close()\n", "", "page.md:12: after a failure nobody closes the body"},
		{"the same with CheckContext", "resp, err := client.Do(req)\nif err := steadyhttp.CheckContext(ctx, resp, err); err != nil {\n\treturn err\n}\nresp.Body.Close()\n", "", "page.md:12: after a failure nobody closes the body"},
		{"the same in a function", "func f() error {\n\tresp, err := http.Get(\"\")\n\treturn steadyhttp.Check(resp, err)\n}\n", "", "page.md:13: after a failure nobody closes the body"},
		{"a body of an earlier response that is closed", "resp, err := client.Do(req)\nresp.Body.Close()\nresp, err = client.Do(req)\nreturn steadyhttp.Check(resp, err)\n", "", "page.md:14: after a failure nobody closes the body"},
		{"a body that a function closes later", "resp, err := client.Do(req)\ndefer func() {\n\tif err == nil {\n\t\tresp.Body.Close()\n\t}\n}()\nreturn steadyhttp.Check(resp, err)\n", "", ""},
		{"a response that somebody else closes", "return steadyhttp.Check(resp, err)\n", "", ""},
		{"an error without a response", "n, err := io.Copy(w, body)\nif err := steadyhttp.CheckContext(ctx, nil, err); err != nil {\n\treturn err\n}\n", "", ""},
		{"a context that nobody ends", "ctx, cancel := context.WithTimeout(ctx, time.Second)\n", "", "page.md:11: nobody ends the context: add defer cancel()"},
		{"a context that is ended", "ctx, cancel := context.WithTimeout(ctx, time.Second)\ndefer cancel()\n", "", ""},
		{"a context that need not be ended", "ctx = steadyhttp.WithCall(ctx)\n", "", ""},
		{"an excerpt of a file", "func (l *link) RoundTrip(req *http.Request) (*http.Response, error) {\n\treturn l.wrapper.roundTrip(req, l.next)\n}\n", "", ""},
		{"an excerpt that cannot stand alone", "case err != nil:\n\terr = fmt.Errorf(\"steadyhttp: Transport.ByHost[%q]: %w\", name, err)\n", "", "page.md:11: expected"},
		{"what is not in the file", "type Transport struct {\n\t// Base makes the requests.", "", "page.md"},
	} {
		p := &page{name: "page.md", blocks: []block{{line: 10, text: row.text, granted: row.granted}}}
		got := strings.Join(c.check(p), "\n")
		if (got == "") != (row.want == "") || !strings.Contains(got, row.want) {
			t.Errorf("%s: got %q, want %q", row.name, got, row.want)
		}
	}
}
