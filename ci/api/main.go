// Command api prints what the packages export that others can import: one line
// for each name, sorted, a package after the other with the root's first. With
// -w it writes them to api.txt. It is run in the root folder.
//
// ci/lint.sh compares api.txt with it, so that nothing is exported, renamed,
// given another value or taken away by accident. All packages share the one
// file, since a name that moves from one to another is then one diff; a line
// begins with its package, so that grep -c '^steadyhttp: ' counts the root's.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"go/importer"
	"go/token"
	"go/types"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"slices"
	"strings"
)

// unpublished are the folders of modules that measure and test, which nobody
// imports. They are named here, and the packages that count are not, so that a
// new package is listed unless somebody decides otherwise.
var unpublished = []string{"bench", "integration"}

func main() {
	write := flag.Bool("w", false, "write api.txt instead of printing")
	flag.Parse()
	if flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	if err := run(*write); err != nil {
		fmt.Fprintln(os.Stderr, "api:", err)
		os.Exit(1)
	}
}

func run(write bool) error {
	pkgs, err := find(".")
	if err != nil {
		return err
	}
	lines, err := describe(pkgs)
	if err != nil {
		return err
	}
	text := strings.Join(lines, "\n") + "\n"
	if write {
		return os.WriteFile("api.txt", []byte(text), 0o666)
	}
	_, err = io.WriteString(os.Stdout, text)
	return err
}

// A goPackage is what go list says of one.
type goPackage struct {
	ImportPath string
	Name       string
	GoFiles    []string // without those of tests
	Export     string   // the file with what the compiler knows of its exported names

	label string // what its lines begin with
}

// find returns the packages that can be imported, of all modules in root and
// below, sorted by their paths, which puts the root package first.
func find(root string) ([]goPackage, error) {
	dirs, err := modules(os.DirFS(root))
	if err != nil {
		return nil, err
	}
	out, err := goList(root, "-m")
	if err != nil {
		return nil, err
	}
	rootPath := string(bytes.TrimSpace(out))
	var found []goPackage
	for _, dir := range dirs {
		pkgs, err := list(path.Join(root, dir), "./...")
		if err != nil {
			return nil, err
		}
		for _, p := range pkgs {
			if p.public() {
				p.label = label(rootPath, p)
				found = append(found, p)
			}
		}
	}
	slices.SortFunc(found, func(a, b goPackage) int { return strings.Compare(a.ImportPath, b.ImportPath) })
	return found, nil
}

// modules returns the folders with a go.mod.
func modules(fsys fs.FS) ([]string, error) {
	var dirs []string
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && name != "." && passedOver(name):
			return fs.SkipDir
		case !d.IsDir() && d.Name() == "go.mod":
			dirs = append(dirs, path.Dir(name))
		}
		return nil
	})
	return dirs, err
}

// passedOver reports whether no module in the folder counts. ./... passes over
// the same names but for the unpublished.
func passedOver(folder string) bool {
	name := path.Base(folder)
	return slices.Contains(unpublished, folder) || name == "testdata" || name[0] == '.' || name[0] == '_'
}

// list asks the go command for packages, which it compiles where it has not yet.
// The compiler's own export data has the values of constants, and needs neither
// the network nor the sources of what a package imports to be read again.
func list(dir string, patterns ...string) ([]goPackage, error) {
	out, err := goList(dir, append([]string{"-export", "-json=ImportPath,Name,GoFiles,Export", "--"}, patterns...)...)
	if err != nil {
		return nil, err
	}
	var pkgs []goPackage
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p goPackage
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return pkgs, nil
		} else if err != nil {
			return nil, err
		}
		pkgs = append(pkgs, p)
	}
}

func goList(dir string, args ...string) ([]byte, error) {
	cmd := exec.Command("go", append([]string{"list"}, args...)...)
	cmd.Dir, cmd.Stderr = dir, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list %s in %s: %w", strings.Join(args, " "), dir, err)
	}
	return out, nil
}

// public reports whether a program of somebody else can import p, and is meant
// to. A folder of nothing but tests has no files that count.
func (p goPackage) public() bool {
	if p.Name == "main" || len(p.GoFiles) == 0 {
		return false
	}
	for part := range strings.SplitSeq(p.ImportPath, "/") {
		if part == "internal" || part == "examples" || part == "testdata" {
			return false
		}
	}
	return true
}

// label is the package's folder, which unlike its name no other package has,
// and the name for the root.
func label(rootPath string, p goPackage) string {
	if p.ImportPath == rootPath {
		return p.Name
	}
	return strings.TrimPrefix(p.ImportPath, rootPath+"/")
}

// describe returns the lines of all pkgs.
func describe(pkgs []goPackage) ([]string, error) {
	var lines []string
	for _, p := range pkgs {
		tp, err := p.load()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p.ImportPath, err)
		}
		for _, line := range surface(tp) {
			lines = append(lines, p.label+": "+line)
		}
	}
	return lines, nil
}

// load reads what the compiler wrote. Each package gets an importer of its own,
// as two modules may need different versions of a third.
func (p goPackage) load() (*types.Package, error) {
	open := func(string) (io.ReadCloser, error) { return os.Open(p.Export) }
	return importer.ForCompiler(token.NewFileSet(), "gc", open).Import(p.ImportPath)
}
