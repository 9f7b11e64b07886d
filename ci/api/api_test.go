package main

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files of testdata anew")

func TestSurface(t *testing.T) {
	for _, row := range []struct{ name, folder string }{
		{"constants show their values, those of iota, long texts and durations too, and variables their types", "constants"},
		{"types show their exported fields, what they embed, and the methods of an interface", "members"},
		{"functions and methods show as they are declared, generic ones too", "functions"},
		{"an internal type with a public alias, and an unexported one that is embedded, show what is in them", "reached"},
	} {
		t.Run(row.name, func(t *testing.T) {
			pkgs, err := list(".", "./testdata/"+row.folder)
			if err != nil {
				t.Fatal(err)
			}
			pkgs[0].label = row.folder
			lines, err := describe(pkgs)
			if err != nil {
				t.Fatal(err)
			}
			got, golden := strings.Join(lines, "\n")+"\n", filepath.Join("testdata", row.folder, "api.golden")
			if *update {
				write(t, golden, got)
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("surface of %s: got\n%s\nwant\n%s", row.folder, got, want)
			}
		})
	}
}

// TestFind has a repository with all kinds of packages, each of which exports
// one function. The rows with a label are in the order of the lines.
func TestFind(t *testing.T) {
	rows := []struct{ name, file, label string }{
		{"the root package, by its name", "shop.go", "shop"},
		{"a package of the root module, by its folder", "limit/limit.go", "limit"},
		{"a package of another module", "redis/redis.go", "redis"},
		{"a package below that", "redis/limit/limit.go", "redis/limit"},
		{"no command", "cmd/shop/main.go", ""},
		{"no internal package", "internal/wait/wait.go", ""},
		{"no internal package of another module", "redis/internal/wire/wire.go", ""},
		{"no package of an example", "examples/fake/fake.go", ""},
		{"no test data", "limit/testdata/data/data.go", ""},
		{"no module in test data", "testdata/other/other.go", ""},
		{"no module in a hidden folder", ".cache/kept/kept.go", ""},
		{"no folder that only has tests", "checks/checks_test.go", ""},
		{"no measurements", "bench/bench.go", ""},
		{"no tests of others' clients", "integration/integration.go", ""},
	}
	root := t.TempDir()
	for _, dir := range []string{"", "redis", "testdata/other", ".cache/kept", "bench", "integration"} {
		write(t, filepath.Join(root, dir, "go.mod"), "module "+strings.Trim("example.com/shop/"+dir, "/")+"\n\ngo 1.25\n")
	}
	for _, row := range rows {
		name := strings.TrimSuffix(filepath.Base(row.file), ".go")
		text := "package " + name + "\n\nfunc Exported() {}\n"
		if name == "main" {
			text += "\nfunc main() {}\n"
		}
		write(t, filepath.Join(root, row.file), text)
	}

	pkgs, err := find(root)
	if err != nil {
		t.Fatal(err)
	}
	lines, err := describe(pkgs)
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, row := range rows {
		if row.label != "" {
			want = append(want, row.label+": func Exported()")
		}
	}
	if !slices.Equal(lines, want) {
		t.Errorf("lines of the repository: got %q, want %q", lines, want)
	}
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
