// Command api prints the exported surface of the packages in the folders that
// it is given, one line for each name, sorted. ci/lint.sh compares it with
// api.txt, so that nothing is exported, renamed or taken away by accident.
package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/build"
	"go/doc"
	"go/parser"
	"go/printer"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

func main() {
	for _, dir := range os.Args[1:] {
		lines, err := surface(dir)
		if err != nil {
			fmt.Fprintln(os.Stderr, "api:", err)
			os.Exit(1)
		}
		fmt.Println(strings.Join(lines, "\n"))
	}
}

// surface lists what the package in dir exports.
func surface(dir string) ([]string, error) {
	bp, err := build.ImportDir(dir, 0)
	if err != nil {
		return nil, err
	}
	fset := token.NewFileSet()
	var files []*ast.File
	for _, name := range bp.GoFiles {
		f, err := parser.ParseFile(fset, filepath.Join(dir, name), nil, parser.ParseComments)
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	p, err := doc.NewFromFiles(fset, files, bp.Name)
	if err != nil {
		return nil, err
	}
	l := lister{fset: fset, pkg: p.Name}
	l.values(p.Consts)
	l.values(p.Vars)
	l.funcs(p.Funcs)
	for _, t := range p.Types {
		l.typ(t)
		l.values(t.Consts)
		l.values(t.Vars)
		l.funcs(t.Funcs)
		l.funcs(t.Methods)
	}
	slices.Sort(l.lines)
	return l.lines, nil
}

type lister struct {
	fset  *token.FileSet
	pkg   string
	lines []string
}

func (l *lister) add(format string, args ...any) {
	l.lines = append(l.lines, l.pkg+": "+fmt.Sprintf(format, args...))
}

func (l *lister) values(groups []*doc.Value) {
	for _, g := range groups {
		for _, name := range g.Names {
			if token.IsExported(name) {
				l.add("%s %s", g.Decl.Tok, name)
			}
		}
	}
}

func (l *lister) funcs(funcs []*doc.Func) {
	for _, f := range funcs {
		f.Decl.Body, f.Decl.Doc = nil, nil
		l.add("%s", l.source(f.Decl))
	}
}

// typ lists a type, and each exported field or method of it by itself.
func (l *lister) typ(t *doc.Type) {
	spec := t.Decl.Specs[0].(*ast.TypeSpec)
	switch s := spec.Type.(type) {
	case *ast.StructType:
		l.add("type %s struct", t.Name)
		l.members(t.Name, s.Fields)
	case *ast.InterfaceType:
		l.add("type %s interface", t.Name)
		l.members(t.Name, s.Methods)
	default:
		l.add("type %s %s", t.Name, l.source(spec.Type))
	}
}

func (l *lister) members(of string, list *ast.FieldList) {
	for _, f := range list.List {
		for _, name := range f.Names {
			if name.IsExported() {
				l.add("type %s, %s %s", of, name.Name, l.source(f.Type))
			}
		}
		if len(f.Names) == 0 {
			l.add("type %s, embedded %s", of, l.source(f.Type))
		}
	}
}

// source prints a node on one line.
func (l *lister) source(node any) string {
	var b bytes.Buffer
	printer.Fprint(&b, l.fset, node)
	return strings.Join(strings.Fields(b.String()), " ")
}
