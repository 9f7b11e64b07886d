// Command licenses prints LICENSES.md: the modules that come along with the modules of
// this repository that others import, and their licences. With -w it writes the file.
// It is run in the root folder; ci/lint.sh compares.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

const (
	name = "LICENSES.md"
	own  = "github.com/steadyhttp/steadyhttp"
)

const introduction = `# Licences of what comes along

<!-- go run ./ci/licenses -w writes this file. -->

steadyhttp has the licence in [LICENSE](LICENSE). These are the modules whose packages its own import, tests apart, and so what your
program is linked with. All of these licences ask that their text goes along with a program that you hand on.

| module | version | licence | comes with |
|---|---|---|---|
`

func main() {
	write := flag.Bool("w", false, "write "+name)
	flag.Parse()
	text, err := document()
	switch {
	case err != nil:
	case *write:
		err = os.WriteFile(name, []byte(text), 0o644)
	default:
		_, err = os.Stdout.WriteString(text)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "licenses:", err)
		os.Exit(1)
	}
}

// A dependency is a module at a version.
type dependency struct{ path, version string }

func document() (string, error) {
	out, err := exec.Command("bash", "-c", "source ci/modules.sh && published").Output()
	if err != nil {
		return "", fmt.Errorf("ci/modules.sh: %w", err)
	}
	licenses := map[dependency]string{}
	with := map[dependency][]string{}
	for dir := range strings.FieldsSeq(string(out)) {
		folders, err := dependencies(dir)
		if err != nil {
			return "", err
		}
		label := "steadyhttp"
		if dir != "." {
			label = dir
		}
		for d, folder := range folders {
			with[d] = append(with[d], label)
			if licenses[d] == "" {
				if licenses[d], err = license(folder); err != nil {
					return "", fmt.Errorf("%s: %w", d.path, err)
				}
			}
		}
	}
	var rows []string
	for d, l := range licenses {
		rows = append(rows, fmt.Sprintf("| %s | %s | %s | %s |\n", d.path, d.version, l, strings.Join(with[d], ", ")))
	}
	slices.Sort(rows)
	return introduction + strings.Join(rows, ""), nil
}

// dependencies returns the folders of the modules that the packages in dir import, in
// whatever way.
func dependencies(dir string) (map[dependency]string, error) {
	cmd := exec.Command("go", "list", "-deps", "-f", "{{with .Module}}{{.Path}}\t{{.Version}}\t{{.Dir}}{{end}}", "./...")
	cmd.Dir = dir
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list in %s: %w", dir, err)
	}
	found := map[dependency]string{}
	for line := range strings.Lines(string(out)) {
		f := strings.Split(strings.TrimSpace(line), "\t")
		if len(f) == 3 && f[0] != own && !strings.HasPrefix(f[0], own+"/") {
			found[dependency{f[0], f[1]}] = f[2]
		}
	}
	return found, nil
}

// license names the licence in a folder.
func license(folder string) (string, error) {
	for _, pattern := range []string{"LICENSE*", "LICENCE*", "COPYING*"} {
		files, err := filepath.Glob(filepath.Join(folder, pattern))
		if err != nil {
			return "", err
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				return "", err
			}
			if found := licenseOf(string(text)); found != "" {
				return found, nil
			}
		}
	}
	return "", errors.New("it has no licence that ci/licenses knows: read it, then add what it is known by")
}

// knownBy are words that only one licence has, or that it has beside those of others.
var knownBy = []struct {
	name  string
	words []string
}{
	{"Apache-2.0", []string{"Apache License", "Version 2.0"}},
	{"MPL-2.0", []string{"Mozilla Public License", "2.0"}},
	{"BSD-3-Clause", []string{"Redistribution and use in source and binary forms", "Neither the name"}},
	{"BSD-2-Clause", []string{"Redistribution and use in source and binary forms", "this list of conditions"}},
	{"ISC", []string{"Permission to use, copy, modify, and", "distribute this software for any purpose"}},
	{"MIT", []string{"Permission is hereby granted, free of charge", "The above copyright notice and this permission notice"}},
}

func licenseOf(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	for _, l := range knownBy {
		if !slices.ContainsFunc(l.words, func(words string) bool { return !strings.Contains(text, words) }) {
			return l.name
		}
	}
	return ""
}
