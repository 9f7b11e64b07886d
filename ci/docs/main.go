// Command docs checks the pages that people read: README.md, docs and the others in
// Markdown. It is run in the root folder; with names of files it checks those alone.
//
// Every relative link leads to a file of the repository, and its anchor to a heading
// there. URLs are not fetched. Every Go block compiles against the module that has
// what the block uses:
//
//   - a program or a file as it stands,
//   - declarations, and statements as those of a function that returns an error,
//   - what stands word for word in a Go file of the repository, indented or not, is
//     compiled there.
//
// A block can be copied as it is: it is one of the first two, a context that it makes
// is ended, and a response that it gives to Check is closed after a failure too.
//
// A block need not import or declare what prelude.go names: a reader knows what client
// and ctx are. What only one block takes for granted stands before it, invisibly:
//
//	<!-- go: var targets []steadyhttp.Target -->
package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

func main() {
	race := flag.Bool("race", false, "compile packages as go test -race does: quicker where that has run")
	flag.Parse()
	complaints, err := run(flag.Args(), *race)
	if err != nil {
		fmt.Fprintln(os.Stderr, "docs:", err)
		os.Exit(1)
	}
	for _, c := range complaints {
		fmt.Fprintln(os.Stderr, c)
	}
	if len(complaints) > 0 {
		os.Exit(1)
	}
}

// run checks the files, or all pages if none are named, and returns what is wrong.
func run(files []string, race bool) (complaints []string, err error) {
	tracked, err := gitFiles()
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		for _, name := range tracked {
			if strings.HasSuffix(name, ".md") && !strings.Contains(name, "testdata/") {
				files = append(files, name)
			}
		}
	}
	links := newLinkChecker(os.DirFS("."), tracked)
	code, err := newCodeChecker(tracked, race)
	if err != nil {
		return nil, err
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		p := parsePage(name, string(text))
		complaints = append(complaints, links.check(p)...)
		complaints = append(complaints, code.check(p)...)
	}
	return complaints, nil
}

// gitFiles are the files of the repository, those that are not yet added included.
func gitFiles() ([]string, error) {
	out, err := exec.Command("git", "ls-files", "--cached", "--others", "--exclude-standard").Output()
	if err != nil {
		return nil, fmt.Errorf("git ls-files: %w", err)
	}
	return strings.Fields(string(out)), nil
}
