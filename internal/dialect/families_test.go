package dialect

import (
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/steadyhttp/steadyhttp/internal/corpus"
	"github.com/steadyhttp/steadyhttp/internal/wait"
)

// Every literal of a family stands in the list. One that does not is never asked.
func TestFamiliesAreListed(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var literals, listed []string
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range file.Decls {
			vars, ok := decl.(*ast.GenDecl)
			if !ok || vars.Tok != token.VAR {
				continue
			}
			for _, spec := range vars.Specs {
				v := spec.(*ast.ValueSpec)
				if len(v.Values) != 1 {
					continue
				}
				switch value := v.Values[0].(type) {
				case *ast.UnaryExpr: // &family{…}
					if lit, ok := value.X.(*ast.CompositeLit); ok && isName(lit.Type, "family") {
						literals = append(literals, v.Names[0].Name)
					}
				case *ast.CompositeLit:
					if v.Names[0].Name != "families" {
						continue
					}
					for _, e := range value.Elts {
						listed = append(listed, e.(*ast.Ident).Name)
					}
				}
			}
		}
	}
	if len(literals) < 50 {
		t.Fatalf("found %d families: the test does not look right", len(literals))
	}
	for _, name := range literals {
		if name != "common" && !slices.Contains(listed, name) {
			t.Errorf("%s is not in the list families", name)
		}
	}
}

func isName(e ast.Expr, name string) bool {
	id, ok := e.(*ast.Ident)
	return ok && id.Name == name
}

// What families say of each other, of hosts and of headers fits together: a name
// that has no partner would never be found.
func TestFamiliesFitTogether(t *testing.T) {
	k := tables()
	names := map[string]*family{}
	hosts := map[string]string{}
	prefixes := []string{"X-Ratelimit", "X-Rate-Limit", "Ratelimit", "Rate-Limit"}
	for _, f := range families {
		if f.name == "" || f.name != strings.ToLower(f.name) {
			t.Errorf("%q: want a name in lower case", f.name)
		}
		if of := names[f.name]; of != nil && of.limits != (wait.Defaults{}) && f.limits != (wait.Defaults{}) {
			t.Errorf("%s: two families of that name have defaults for their limits, which are found by the name", f.name)
		}
		names[f.name] = f
		if f.like != nil && !slices.Contains(families, f.like) {
			t.Errorf("%s is like %s, which is not in the list", f.name, f.like.name)
		}
		if len(f.hosts) == 0 && len(f.shapes) == 0 {
			t.Errorf("%s: neither host nor shape, so it is never found", f.name)
		}
		for _, host := range f.hosts {
			if of, ok := hosts[host]; ok {
				t.Errorf("%s: %s belongs to %s already", f.name, host, of)
			}
			hosts[host] = f.name
			if got := k.byHost(someHost(host)); got != f {
				t.Errorf("%s: a request to %s does not find it", f.name, someHost(host))
			}
		}
		for _, p := range slices.Concat(placesOf(f, f.hidesErrors), placesOf(f, f.inference)) {
			if k.byHost(someHost(p.host)) != f {
				t.Errorf("%s: a place at %s, which is not its host", f.name, p.host)
			}
		}
		if (f.scope&(Resource|Bucket) != 0) != (f.bucket != nil) {
			t.Errorf("%s: a scope with resources or buckets needs a function that tells them apart, and no other does", f.name)
		}
		for _, hs := range f.limitHeaders {
			prefixes = append(prefixes, hs.Prefix)
		}
		for _, name := range slices.Concat(f.ids, f.codeHeaders, []string{f.retryHeader, f.windowHeader, f.scopeHeader, f.globalHeader}) {
			canonical(t, f.name, name)
		}
		for _, w := range f.waitHeaders {
			canonical(t, f.name, w.Name)
		}
		for _, signs := range f.signs {
			for _, s := range signs {
				canonical(t, f.name, s.header)
			}
		}
	}
	for _, name := range k.errorHeaders {
		if !slices.Contains(k.codeHeaders, name) {
			t.Errorf("the header %s shows an error, and nobody reads its code", name)
		}
	}
	for i, prefix := range prefixes {
		canonical(t, "a prefix", prefix)
		for j, other := range prefixes {
			if i != j && (prefix == other || strings.HasPrefix(prefix, other+"-")) {
				t.Errorf("headers that begin with %s are read as those of %s", prefix, other)
			}
		}
	}
	for name := range k.limits {
		if names[name] == nil {
			t.Errorf("%s has defaults for its limits and is no family", name)
		}
	}
}

// someHost is a host of that pattern.
func someHost(pattern string) string {
	if pattern[0] == '.' || pattern[0] == '-' {
		return "some" + pattern
	}
	return pattern
}

func canonical(t *testing.T, where, name string) {
	t.Helper()
	if got := http.CanonicalHeaderKey(name); got != name {
		t.Errorf("%s: header %s is never found: want %s", where, name, got)
	}
}

// The general list of request ids has names of families, and names that belong to
// nobody.
func TestRequestIDsBelongToFamilies(t *testing.T) {
	nobodys := []string{"X-Correlation-Id", "X-Vercel-Id", "X-Trace-Id", "X-Requestid", "Requestid"}
	for _, name := range requestIDs {
		canonical(t, "request ids", name)
		ofFamily := slices.ContainsFunc(families, func(f *family) bool { return slices.Contains(f.ids, name) })
		if ofFamily == slices.Contains(nobodys, name) {
			t.Errorf("%s: want it among the ids of a family, or among those of nobody", name)
		}
	}
	for _, name := range slices.Concat(otherIDs, edgeIDs) {
		canonical(t, "request ids", name)
		if slices.Contains(requestIDs, name) {
			t.Errorf("%s stands in two lists", name)
		}
	}
}

// From a host over its family to its limits: headers that do not say what they
// count are read by the provider's documentation.
func TestBareLimitsAreOfRequests(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	for _, row := range []struct {
		name, host string
		header     http.Header
		want       wait.Limit
	}{
		{"Jira", "example.atlassian.net", http.Header{"X-Ratelimit-Limit": {"350"}, "X-Ratelimit-Remaining": {"12"}},
			wait.Limit{Unit: wait.Requests, Limit: 350, Remaining: 12, Reset: -1, Source: "x-ratelimit"}},
		{"Docker Hub", "registry-1.docker.io", http.Header{"Ratelimit-Limit": {"100;w=21600"}, "Ratelimit-Remaining": {"99;w=21600"}},
			wait.Limit{Unit: wait.Requests, Limit: 100, Remaining: 99, Window: 6 * time.Hour, Reset: -1, Source: "ratelimit"}},
		{"Docker Hub's API", "hub.docker.com", http.Header{"X-Ratelimit-Limit": {"600"}, "X-Ratelimit-Remaining": {"599"}, "X-Ratelimit-Reset": {"1700000060"}},
			wait.Limit{Unit: wait.Requests, Limit: 600, Remaining: 599, Reset: time.Minute, Source: "x-ratelimit"}},
		{"nobody", "api.example.com", http.Header{"X-Ratelimit-Limit": {"350"}},
			wait.Limit{Unit: wait.Other, Limit: 350, Remaining: -1, Reset: -1, Source: "x-ratelimit"}},
	} {
		provider, _ := ScopeOf(http.MethodGet, row.host, "/", row.header)
		got := Limits(provider, row.header, now)
		if len(got) != 1 || got[0] != row.want {
			t.Errorf("%s: got %+v, want %+v", row.name, got, row.want)
		}
	}
}

// Every family whose documentation adds something to its headers shows it to an
// answer of each of its hosts.
func TestDefaultsAreFoundByHost(t *testing.T) {
	h := http.Header{
		"X-Ratelimit-Limit": {"10"}, "X-Ratelimit-Limit-Requests": {"20"}, "X-Ratelimit-Limit-Tokens": {"30"},
	}
	for _, f := range families {
		if f.limits == (wait.Defaults{}) {
			continue
		}
		for _, host := range f.hosts {
			provider, _ := ScopeOf(http.MethodGet, someHost(host), "/", nil)
			for _, l := range Limits(provider, h, time.Time{}) {
				switch l.Limit {
				case 10:
					if l.Unit != f.limits.Unit && f.limits.Unit != wait.Other {
						t.Errorf("%s at %s: got %q, want %q", f.name, host, l.Unit, f.limits.Unit)
					}
				case 20:
					if l.Window != f.limits.RequestWindow {
						t.Errorf("%s at %s: got a window of %v for requests, want %v", f.name, host, l.Window, f.limits.RequestWindow)
					}
				case 30:
					if l.Window != f.limits.TokenWindow {
						t.Errorf("%s at %s: got a window of %v for tokens, want %v", f.name, host, l.Window, f.limits.TokenWindow)
					}
				}
			}
		}
	}
}

func TestRequestID(t *testing.T) {
	for _, row := range []struct {
		name, host string
		header     http.Header
		want       string
	}{
		{"GitHub", "api.github.com", http.Header{"X-Github-Request-Id": {"AB12:3"}}, "AB12:3"},
		{"AWS", "b.s3.amazonaws.com", http.Header{"X-Amz-Request-Id": {"4442587FB7D0A2F9"}, "X-Amz-Id-2": {"x"}}, "4442587FB7D0A2F9"},
		{"DynamoDB", "dynamodb.us-east-1.amazonaws.com", http.Header{"X-Amzn-Requestid": {"B4Q"}}, "B4Q"},
		{"Slack", "slack.com", http.Header{"X-Slack-Req-Id": {"7e3f"}}, "7e3f"},
		{"OpenAI behind Cloudflare", "api.openai.com", http.Header{"Cf-Ray": {"8f1-AMS"}, "X-Request-Id": {"req_1"}}, "req_1"},
		{"Anthropic", "api.anthropic.com", http.Header{"Request-Id": {"req_2"}, "X-Request-Id": {"gw"}}, "req_2"},
		{"Azure behind a gateway of its own", "x.openai.azure.com", http.Header{"Apim-Request-Id": {"a"}, "Request-Id": {"b"}}, "a"},
		{"Atlassian, whose names nobody else has", "x.atlassian.net", http.Header{"Atl-Traceid": {"t1"}}, "t1"},
		{"a name of Atlassian at another host", "api.example.com", http.Header{"Atl-Traceid": {"t1"}}, ""},
		{"an unknown host", "api.example.com", http.Header{"X-Correlation-Id": {"c1"}}, "c1"},
		{"GitHub Enterprise", "git.example.com", http.Header{"X-Github-Request-Id": {"E1"}}, "E1"},
		{"Cloudflare alone", "api.example.com", http.Header{"Cf-Ray": {"8f1-AMS"}}, "8f1-AMS"},
		{"an empty one", "api.example.com", http.Header{"Request-Id": {""}, "X-Request-Id": {"x"}}, "x"},
		{"none", "api.example.com", http.Header{}, ""},
		{"no header at all", "", nil, ""},
	} {
		if got := RequestID(row.host, row.header); got != row.want {
			t.Errorf("%s: got %q, want %q", row.name, got, row.want)
		}
		failure := Answer{Method: "GET", Host: row.host, Path: "/", Status: 500, Header: row.header}
		if got := Judge(failure).RequestID; got != row.want {
			t.Errorf("%s: the verdict on a 500 has %q, want %q", row.name, got, row.want)
		}
	}
}

// A success with the header of a failure has the failure's id, unless only the
// body had it.
func TestRequestIDOfTheCorpus(t *testing.T) {
	found := 0
	for _, r := range corpus.Read(t, "dev.jsonl") {
		_, rest, _ := strings.Cut(r.URL, "://")
		host, _, _ := strings.Cut(rest, "/")
		h := r.Header()
		id := RequestID(host, h)
		if id == "" {
			continue
		}
		found++
		v := Judge(Answer{Host: host, Status: 500, Header: h})
		if v.RequestID != id {
			t.Errorf("%s: got %q for a success and %q for a failure", r.ID, id, v.RequestID)
		}
	}
	if found == 0 {
		t.Error("found no id")
	}
}
