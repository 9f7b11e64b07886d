package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A codeChecker compiles Go blocks, as far as types go.
type codeChecker struct {
	modules []*module
	sources string // all Go files of the repository, without indents
}

func newCodeChecker(tracked []string, race bool) (*codeChecker, error) {
	c := new(codeChecker)
	var sources strings.Builder
	for _, name := range tracked {
		switch {
		case path.Base(name) == "go.mod" && !strings.Contains(name, "testdata/"):
			m, err := newModule(path.Dir(name), race)
			if err != nil {
				return nil, err
			}
			c.modules = append(c.modules, m)
		case strings.HasSuffix(name, ".go"):
			text, err := os.ReadFile(name)
			if errors.Is(err, os.ErrNotExist) {
				continue // removed, and not yet committed
			}
			if err != nil {
				return nil, err
			}
			sources.WriteString(unindented(string(text)))
		}
	}
	c.sources = sources.String()
	// The module with all the SDKs answers last: what the others have is compiled sooner.
	slices.SortFunc(c.modules, func(a, b *module) int {
		return cmp.Or(cmp.Compare(a.requirements, b.requirements), cmp.Compare(a.dir, b.dir))
	})
	return c, nil
}

func (c *codeChecker) check(p *page) (complaints []string) {
	for _, b := range p.blocks {
		if err := c.complete(p.name, b); err != nil {
			complaints = append(complaints, fmt.Sprintf("%s:%d: the Go block cannot be copied as it is: %v", p.name, b.line, err))
			continue
		}
		if text := strings.TrimSpace(unindented(b.text)); strings.Contains(text, "\n") && strings.Contains(c.sources, text) {
			continue
		}
		if err := c.compile(p.name, b); err != nil {
			complaints = append(complaints, fmt.Sprintf("%s:%d: the Go block does not compile: %v", p.name, b.line, err))
		}
	}
	return complaints
}

// complete says what a reader who copies a block would have to add to it: its other
// half, the closing of a body, or the end of a context.
func (c *codeChecker) complete(pageName string, b block) error {
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, pageName, newSource(pageName, b).String(), parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	if call := leak(f); call != nil {
		return fmt.Errorf("%s: after a failure nobody closes the body: put if err == nil { defer resp.Body.Close() } before the call of Check", fset.Position(call.Pos()))
	}
	if name := uncalled(f); name != nil {
		return fmt.Errorf("%s: nobody ends the context: add defer %s()", fset.Position(name.Pos()), name.Name)
	}
	return nil
}

// uncalled returns the first function that ends a context and is not used; nil if there
// is none. Such a variable does not compile, though other variables of an excerpt may be
// used outside of it.
func uncalled(f *ast.File) *ast.Ident {
	var made []*ast.Ident
	uses := map[string]int{}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.Ident:
			uses[n.Name]++
		case *ast.AssignStmt:
			if len(n.Lhs) != 2 || len(n.Rhs) != 1 {
				break
			}
			name, isName := n.Lhs[1].(*ast.Ident)
			call, isCall := n.Rhs[0].(*ast.CallExpr)
			if isName && isCall && strings.HasPrefix(nameOf(call.Fun), "context.With") {
				made = append(made, name)
			}
		}
		return true
	})
	for _, name := range made {
		if name.Name != "_" && uses[name.Name] < 2 {
			return name
		}
	}
	return nil
}

// leak returns the first call of Check or CheckContext that is given a response whose
// body is not seen to yet; nil if there is none. Such a call returns an error for a
// response with status 404, and who leaves at once leaves the body open. Responses of
// other functions, and those that a block takes for granted, are theirs to close.
func leak(f *ast.File) (found *ast.CallExpr) {
	for _, d := range f.Decls {
		open := map[string]bool{} // by the name of the response, in the order of the text
		ast.Inspect(d, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.AssignStmt:
				if len(n.Lhs) == 2 && len(n.Rhs) == 1 {
					open[nameOf(n.Lhs[0])] = true
				}
			case *ast.CallExpr:
				switch called := nameOf(n.Fun); {
				case strings.HasSuffix(called, ".Body.Close"):
					open[strings.TrimSuffix(called, ".Body.Close")] = false
				case called == "steadyhttp.Check" && len(n.Args) == 2 && open[nameOf(n.Args[0])],
					called == "steadyhttp.CheckContext" && len(n.Args) == 3 && open[nameOf(n.Args[1])]:
					if found == nil {
						found = n
					}
				}
			}
			return true
		})
	}
	return found
}

// nameOf is a name, with those before it: resp.Body.Close. It is "" for anything else.
func nameOf(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		if of := nameOf(e.X); of != "" {
			return of + "." + e.Sel.Name
		}
	}
	return ""
}

var indents = regexp.MustCompile(`(?m)^[\t ]+`)

// unindented is a text without indents: an excerpt has fewer of them.
func unindented(text string) string { return indents.ReplaceAllString(text, "") }

// A source is a file of the package that a block is compiled as.
type source struct {
	header  string            // its package clause, if text has none
	imports map[string]string // path by name, beside those that text has itself
	text    string
}

const header = "package p\n"

func (s *source) String() string {
	var b strings.Builder
	b.WriteString(s.header)
	for name, importPath := range s.imports {
		fmt.Fprintf(&b, "import %s %q\n", name, importPath)
	}
	b.WriteString(s.text)
	return b.String()
}

// newSource makes a file of a block: of a whole file, of declarations or of statements.
// Errors have the page's own lines.
func newSource(pageName string, b block) *source {
	text := fmt.Sprintf("//line %s:%d\n%s", path.Base(pageName), b.line+1, b.text) // relative to the file's own folder
	switch {
	case parses(text):
		return &source{text: text}
	case parses(header + text):
		return &source{header: header, imports: map[string]string{}, text: text}
	}
	return &source{header: header, imports: map[string]string{}, text: "func _() (_ error) {\n" + text + "\nreturn nil\n}\n"}
}

func parses(text string) bool {
	_, err := parser.ParseFile(token.NewFileSet(), "", text, parser.SkipObjectResolution)
	return err == nil
}

var undefined = regexp.MustCompile(`^undefined: (\w+)$`)

// compile adds what a block takes for granted, until nothing is undefined that could be.
func (c *codeChecker) compile(pageName string, b block) error {
	const otherFile = "granted.go"
	code := newSource(pageName, b)
	other := &source{header: header, imports: map[string]string{}, text: b.granted}
	all := map[string]*source{pageName: code}
	if code.header != "" {
		all[otherFile] = other
	}
	for {
		fset := token.NewFileSet()
		var files []*ast.File
		var paths []string
		for name, s := range all {
			f, err := parser.ParseFile(fset, name, s.String(), parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			files = append(files, f)
			for _, i := range f.Imports {
				importPath, _ := strconv.Unquote(i.Path.Value)
				paths = append(paths, importPath)
			}
		}
		m := c.moduleWith(paths)
		if m == nil {
			return fmt.Errorf("no module of the repository has all of %s", strings.Join(paths, ", "))
		}
		wrong := m.typeCheck(fset, files)
		if len(wrong) == 0 {
			return nil
		}
		added := false
		for _, e := range wrong {
			in := code
			if fset.Position(e.Pos).Filename == otherFile {
				in = other
			}
			name := undefined.FindStringSubmatch(e.Msg)
			if name == nil || in.header == "" { // a program declares all that it uses
				continue
			}
			if grant(name[1], in, other) {
				added = true
			}
		}
		if !added {
			return fmt.Errorf("%s: %s", fset.Position(wrong[0].Pos), wrong[0].Msg)
		}
	}
}

// grant makes a name known, which is undefined in one of the two sources: as a package
// there, or as a variable. It reports whether anything is new.
func grant(name string, in, other *source) bool {
	if typ := granted[name]; typ != "" {
		declaration := fmt.Sprintf("var %s %s\n", name, typ)
		if strings.Contains(other.text, declaration) {
			return false
		}
		other.text += declaration
		return true
	}
	if imports[name] == "" || in.imports[name] != "" {
		return false
	}
	in.imports[name] = imports[name]
	return true
}

// A module has the packages that it requires, at the versions that it requires.
type module struct {
	dir          string
	race         bool              // ask for what go test -race compiles, which is there then
	requirements int               // lines of go.mod
	exports      map[string]string // by import path, the file with what the compiler knows of the package
	lacks        map[string]bool   // by import path
}

func newModule(dir string, race bool) (*module, error) {
	text, err := os.ReadFile(path.Join(dir, "go.mod"))
	return &module{
		dir: dir, race: race, requirements: bytes.Count(text, []byte("\n")),
		exports: map[string]string{}, lacks: map[string]bool{},
	}, err
}

// moduleWith returns a module that has all the packages, nil if there is none.
func (c *codeChecker) moduleWith(paths []string) *module {
	for _, m := range c.modules {
		if m.has(paths) {
			return m
		}
	}
	return nil
}

// has asks the go command, which compiles what is not compiled.
func (m *module) has(paths []string) bool {
	var news []string
	for _, p := range paths {
		switch {
		case m.lacks[p]:
			return false
		case m.exports[p] == "" && p != "unsafe":
			news = append(news, p)
		}
	}
	if len(news) == 0 {
		return true
	}
	args := []string{"list", "-e", "-export", "-f", "{{.ImportPath}} {{.Export}}"}
	if m.race {
		args = append(args, "-race")
	}
	cmd := exec.Command("go", slices.Concat(args, []string{"--"}, news)...)
	cmd.Dir = m.dir
	out, _ := cmd.Output() // -e: what there is not has no export data
	for line := range strings.Lines(string(out)) {
		importPath, file, _ := strings.Cut(strings.TrimSpace(line), " ")
		if file != "" {
			m.exports[importPath] = file
		}
	}
	all := true
	for _, p := range news {
		if m.exports[p] == "" {
			m.lacks[p] = true
			all = false
		}
	}
	return all
}

// typeCheck returns what is wrong with a package. What an excerpt may leave out is not:
// the use of a variable, of an import or of a value.
func (m *module) typeCheck(fset *token.FileSet, files []*ast.File) (wrong []types.Error) {
	config := types.Config{
		Importer: importer.ForCompiler(fset, "gc", func(importPath string) (io.ReadCloser, error) {
			if !m.has([]string{importPath}) {
				return nil, fmt.Errorf("the module in %s has no package %s", m.dir, importPath)
			}
			return os.Open(m.exports[importPath])
		}),
		Error: func(err error) {
			var e types.Error
			if errors.As(err, &e) && !e.Soft && !strings.HasSuffix(e.Msg, "is not used") {
				wrong = append(wrong, e)
			}
		},
	}
	config.Check("p", fset, files, nil) // Error is told all
	return wrong
}
