// Command fields prints the table of a log entry's fields, in Markdown, from
// the constants in entry.go. README.md holds its output; ci/lint.sh compares.
package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strconv"
	"strings"
)

func main() {
	file, err := parser.ParseFile(token.NewFileSet(), "entry.go", nil, parser.ParseComments)
	if err != nil {
		fmt.Fprintln(os.Stderr, "fields:", err)
		os.Exit(1)
	}
	fmt.Println("| field | what it says |\n|---|---|")
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
			fmt.Printf("| `%s` | %s |\n", name, strings.TrimSpace(v.Comment.Text()))
		}
	}
}
