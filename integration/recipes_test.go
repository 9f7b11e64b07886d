package integration

import (
	"bytes"
	"flag"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/cenkalti/backoff/v4"

	"github.com/steadyhttp/steadyhttp"
	"github.com/steadyhttp/steadyhttp/steadyhttptest"
)

var update = flag.Bool("update", false, "write the table and the code of docs/recipes.md anew")

const recipesFile = "../docs/recipes.md"

// What docs/recipes.md shows is what was run: its table is measured here, and
// its code is that of the constructors which all rows use.
func TestRecipes(t *testing.T) {
	old, err := os.ReadFile(recipesFile)
	if err != nil {
		t.Fatal(err)
	}
	doc := string(old)
	shown := make(map[string]bool)
	for name, code := range constructors(t) {
		block := regexp.MustCompile("(?s)```go\nfunc " + name + `[(\[].*?` + "```\n")
		if doc, shown[name] = replace(block, doc, "```go\n"+code+"\n```\n"); !shown[name] {
			t.Errorf("docs/recipes.md does not show %s", name)
		}
	}
	for _, s := range sdks {
		if !shown[s.recipe] {
			t.Errorf("%s: no constructor %s is shown", s.name, s.recipe)
		}
	}
	table := regexp.MustCompile(`(?s)<!-- measured -->\n.*?<!-- end of measured -->\n`)
	doc, ok := replace(table, doc, "<!-- measured -->\n"+measured(t)+"<!-- end of measured -->\n")
	if !ok {
		t.Error("docs/recipes.md has no place for the table")
	}
	switch {
	case doc == string(old):
	case *update:
		if err := os.WriteFile(recipesFile, []byte(doc), 0o666); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("docs/recipes.md is not what was measured and compiled; look at what go test -run TestRecipes -update . changes. Want\n%s", doc)
	}
}

// The import paths that docs/recipes.md names are those of the files here.
func TestRecipesNameTheirImports(t *testing.T) {
	doc, err := os.ReadFile(recipesFile)
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	imported := make(map[string]bool)
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range parsed.Imports {
			imported[strings.Trim(i.Path.Value, `"`)] = true
		}
	}
	lines := regexp.MustCompile("(?m)^Imports (.*):$").FindAllStringSubmatch(string(doc), -1)
	if len(lines) < 25 {
		t.Errorf("got %d recipes with imports, want 25 at least", len(lines))
	}
	for _, line := range lines {
		for path := range strings.SplitSeq(line[1], " and ") {
			if path = strings.Trim(path, "`"); !imported[path] {
				t.Errorf("docs/recipes.md names %s, which no test imports", path)
			}
		}
	}
}

// replace puts text in place of what re finds, if it finds anything.
func replace(re *regexp.Regexp, doc, text string) (string, bool) {
	return re.ReplaceAllLiteralString(doc, text), re.MatchString(doc)
}

// measured is two tables: what a call costs without us and with us; and who repeats
// it, and which rows of TestSDKs an SDK has no call for.
func measured(t *testing.T) string {
	t.Helper()
	versions := required(t)
	var costs, owners strings.Builder
	costs.WriteString("| SDK | version | 500 for ever: bare | steady | 503 for ever: bare | steady | write dropped: bare | steady |\n")
	costs.WriteString("|---|---|---|---|---|---|---|---|\n")
	owners.WriteString("| SDK | numbers its attempts | its own retries off | streams | uploads |\n")
	owners.WriteString("|---|---|---|---|---|\n")
	for _, s := range sdks {
		c := open(t, s, bare(nil)) // only to see what there is
		applied := []any{"–", "–"}
		if c.write != nil {
			applied = []any{dropped(t, s, bare), dropped(t, s, steady)}
		}
		broken := failing(s, 500)
		broke, was503 := forEver(t, s, bare, broken), forEver(t, s, bare, s.down)
		fmt.Fprintf(&costs, "| %s | %s | %d | %d | %d | %d | %v | %v |\n", s.name, versions[s.module],
			len(broke), len(forEver(t, s, onAverage(s), broken)),
			len(was503), len(forEver(t, s, onAverage(s), s.down)), applied[0], applied[1])
		fmt.Fprintf(&owners, "| %s | %s | %s | %s | %s |\n", s.name, numbered(broke, was503), off(s), streaming(s, c), yes(c.upload != nil))
	}
	return costs.String() + "\n" + owners.String()
}

// onAverage is the zero Transport whose waits are their means, so that what is
// counted is the same each time.
func onAverage(s sdk) func(http.RoundTripper) http.RoundTripper {
	retrier := &steadyhttp.Retrier{OutageWait: 10 * time.Second, BackOff: func() backoff.BackOff {
		return backoff.NewExponentialBackOff(backoff.WithInitialInterval(500*time.Millisecond), backoff.WithMultiplier(2),
			backoff.WithMaxInterval(4*time.Second), backoff.WithRandomizationFactor(0), backoff.WithMaxElapsedTime(0))
	}}
	if s.deadline {
		retrier.OutageWait = 30 * time.Second
	}
	return func(base http.RoundTripper) http.RoundTripper {
		return &steadyhttp.Transport{Base: base, Retrier: retrier}
	}
}

// numbered names the header in which the SDK says which attempt a request is.
func numbered(broke, was503 []steadyhttptest.Request) string {
	requests := broke
	if len(requests) < 2 {
		requests = was503
	}
	if len(requests) < 2 {
		return "–"
	}
	for _, name := range []string{"X-Stainless-Retry-Count", "Amz-Sdk-Request", "X-Goog-Api-Client"} {
		first, second := requests[0].Header.Get(name), requests[1].Header.Get(name)
		if first != second && strings.ContainsAny(second, "12") {
			return "`" + name + "`"
		}
	}
	return "no"
}

func off(s sdk) string {
	if s.off == "" {
		return "–"
	}
	return "`" + s.off + "`"
}

func streaming(s sdk, c calls) string {
	if c.stream != nil && s.stream.blind {
		return "a cut is not seen"
	}
	return yes(c.stream != nil)
}

func yes(is bool) string {
	if is {
		return "yes"
	}
	return "–"
}

// required is the version of each module that go.mod names.
func required(t *testing.T) map[string]string {
	t.Helper()
	mod, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	versions := make(map[string]string)
	for line := range strings.Lines(string(mod)) {
		if f := strings.Fields(line); len(f) >= 2 && strings.HasPrefix(f[1], "v") {
			versions[f[0]] = f[1]
		}
	}
	return versions
}

// constructors are the functions of this package that docs/recipes.md shows:
// those whose names begin with new.
func constructors(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	code := make(map[string]string)
	set := token.NewFileSet()
	for _, file := range files {
		parsed, err := parser.ParseFile(set, file, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range parsed.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Recv != nil || !strings.HasPrefix(f.Name.Name, "new") {
				continue
			}
			src, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			from, to := set.Position(f.Pos()).Offset, set.Position(f.End()).Offset
			text, err := format.Source(bytes.TrimSpace(src[from:to]))
			if err != nil {
				t.Fatal(err)
			}
			code[f.Name.Name] = string(text)
		}
	}
	return code
}
