package integration

import (
	"bytes"
	"flag"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
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
		block := regexp.MustCompile("(?s)```go\nfunc " + name + `\(.*?` + "```\n")
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

// replace puts text in place of what re finds, if it finds anything.
func replace(re *regexp.Regexp, doc, text string) (string, bool) {
	return re.ReplaceAllLiteralString(doc, text), re.MatchString(doc)
}

// measured is the table: what a call costs without us and with us, and which
// rows of TestSDKs an SDK has no call for.
func measured(t *testing.T) string {
	t.Helper()
	versions := required(t)
	var b strings.Builder
	b.WriteString("| SDK | version | 503 for ever: bare | steady | write dropped: bare | steady | streams | uploads |\n")
	b.WriteString("|---|---|---|---|---|---|---|---|\n")
	for _, s := range sdks {
		c := open(t, s, bare(nil)) // only to see what there is
		applied := []any{"–", "–"}
		if c.write != nil {
			applied = []any{dropped(t, s, bare), dropped(t, s, steady)}
		}
		fmt.Fprintf(&b, "| %s | %s | %d | %d | %v | %v | %s | %s |\n", s.name, versions[s.module],
			permanent503(t, s, bare), permanent503(t, s, fourAttempts), applied[0], applied[1], streaming(s, c), yes(c.upload != nil))
	}
	return b.String()
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
