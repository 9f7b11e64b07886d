// Command fields prints the table of a log entry's fields, in Markdown, from
// the constants in entry.go. docs/logging.md holds its output; with -w it is written
// there. ci/lint.sh compares.
package main

import (
	"errors"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strconv"
	"strings"
)

const (
	page  = "docs/logging.md"
	begin = "<!-- fields -->\n"
	end   = "<!-- end of fields -->\n"
)

func main() {
	write := flag.Bool("w", false, "write "+page)
	flag.Parse()
	if err := run(*write); err != nil {
		fmt.Fprintln(os.Stderr, "fields:", err)
		os.Exit(1)
	}
}

func run(write bool) error {
	table, err := table("entry.go")
	if err != nil || !write {
		fmt.Print(table)
		return err
	}
	text, err := os.ReadFile(page)
	if err != nil {
		return err
	}
	before, rest, ok := strings.Cut(string(text), begin)
	_, after, closed := strings.Cut(rest, end)
	if !ok || !closed {
		return errors.New(page + " has no place for the table")
	}
	return os.WriteFile(page, []byte(before+begin+table+end+after), 0o644)
}

// table is made of the constants in the named file.
func table(name string) (string, error) {
	file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	b.WriteString("| field | what it says |\n|---|---|\n")
	for _, decl := range file.Decls {
		block, ok := decl.(*ast.GenDecl)
		if !ok || block.Tok != token.CONST {
			continue
		}
		for _, spec := range block.Specs {
			v := spec.(*ast.ValueSpec)
			name, err := strconv.Unquote(v.Values[0].(*ast.BasicLit).Value)
			if err != nil || !strings.HasPrefix(v.Names[0].Name, "field") {
				continue
			}
			fmt.Fprintf(&b, "| `%s` | %s |\n", name, strings.TrimSpace(v.Comment.Text()))
		}
	}
	return b.String(), nil
}
