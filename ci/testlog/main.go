// Command testlog reads the output of go test -json and prints what go test would
// have printed without -json. What was skipped goes to a file, so that a script with
// several runs of go test can end with one count of it:
//
//	go test -json ./... | go run ./ci/testlog -skips skips.txt
//	go run ./ci/testlog -count skips.txt
//	go run ./ci/testlog -count skips.txt -allow 'race detector'
//
// With -allow it fails if a test was skipped for a reason that does not match.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
)

func main() {
	skips := flag.String("skips", "", "append what was skipped to this `file`")
	count := flag.String("count", "", "read no tests: say what this `file` holds")
	allow := flag.String("allow", "", "with -count, the reasons that are all right, a regular `expression`; else all are")
	flag.Parse()
	if err := run(*skips, *count, *allow); err != nil {
		fmt.Fprintln(os.Stderr, "testlog:", err)
		os.Exit(1)
	}
}

func run(skips, count, allow string) error {
	if count != "" {
		allowed, err := regexp.Compile(allow)
		if err != nil {
			return err
		}
		text, err := os.ReadFile(count)
		if err != nil {
			return err
		}
		fmt.Print(summary(string(text)))
		return refused(string(text), allowed)
	}
	skipped, err := copyLog(os.Stdout, os.Stdin)
	if err != nil || skips == "" {
		return err
	}
	f, err := os.OpenFile(skips, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o666)
	if err != nil {
		return err
	}
	_, err = f.WriteString(skipped)
	if closed := f.Close(); err == nil {
		err = closed
	}
	return err
}

// An event is one line of go test -json; go doc test2json has its fields.
type event struct {
	Action, Package, Test, Output string
}

// A test is one test of a package.
type test struct{ pkg, name string }

// copyLog prints the log. It returns a line for each test that was skipped: the test, a
// tab, and the reason.
func copyLog(w io.Writer, r io.Reader) (skipped string, err error) {
	out := bufio.NewWriter(w)
	defer out.Flush()
	said := map[test]*strings.Builder{} // what a test printed, until it is known whether anybody wants to read it
	in := bufio.NewReader(r)
	for {
		line, err := in.ReadString('\n')
		if err != nil && err != io.EOF {
			return skipped, err
		}
		var e event
		if line != "" && json.Unmarshal([]byte(line), &e) != nil {
			e = event{Action: "output", Output: line} // go itself, before it runs a test
		}
		t := test{e.Package, e.Test}
		switch {
		case e.Action == "output" && e.Test != "":
			if said[t] == nil {
				said[t] = new(strings.Builder)
			}
			said[t].WriteString(e.Output)
		case e.Action == "output" && e.Output == "PASS\n", e.Action == "output" && strings.HasPrefix(e.Output, "coverage: "):
			// The line that begins with ok says both.
		case e.Action == "output" || e.Action == "build-output":
			fmt.Fprint(out, e.Output)
		case e.Test == "" && e.Action == "fail":
			unfinished(out, said, e.Package)
		case e.Test == "":
		case e.Action == "skip":
			skipped += e.Package + " " + e.Test + "\t" + reason(said[t]) + "\n"
			delete(said, t)
		case e.Action == "pass":
			delete(said, t)
		case e.Action == "fail":
			if said[t] != nil {
				fmt.Fprint(out, said[t])
			}
			delete(said, t)
		}
		out.Flush() // whoever watches wants to see how far it is
		if err == io.EOF {
			return skipped, nil
		}
	}
}

// unfinished prints what those tests of a package said that never ended: one of them has
// taken the whole process down.
func unfinished(w io.Writer, said map[test]*strings.Builder, pkg string) {
	for _, t := range slices.SortedFunc(maps.Keys(said), func(a, b test) int { return strings.Compare(a.name, b.name) }) {
		if t.pkg == pkg {
			fmt.Fprint(w, said[t])
			delete(said, t)
		}
	}
}

var skipLine = regexp.MustCompile(`^\s+\S+_test\.go:\d+: `)

// reason is what a test said when it skipped itself.
func reason(said *strings.Builder) string {
	if said != nil {
		for line := range strings.Lines(said.String()) {
			if at := skipLine.FindString(line); at != "" {
				return strings.TrimSpace(line[len(at):])
			}
		}
	}
	return "no reason given"
}

// refused is an error if a test was skipped for another reason than those allowed.
func refused(skipped string, allowed *regexp.Regexp) error {
	for line := range strings.Lines(skipped) {
		if name, why, _ := strings.Cut(strings.TrimSpace(line), "\t"); !allowed.MatchString(why) {
			return fmt.Errorf("%s must not be skipped here: %s", name, why)
		}
	}
	return nil
}

// summary says how many tests were skipped, and for what reasons, in one line.
func summary(skipped string) string {
	reasons := map[string]int{}
	n := 0
	for line := range strings.Lines(skipped) {
		_, why, _ := strings.Cut(strings.TrimSpace(line), "\t")
		reasons[why]++
		n++
	}
	if n == 0 {
		return "skipped: nothing\n"
	}
	var parts []string
	for why, n := range reasons {
		parts = append(parts, fmt.Sprintf("%d because %s", n, why))
	}
	slices.Sort(parts)
	tests := "tests"
	if n == 1 {
		tests = "test"
	}
	return fmt.Sprintf("skipped: %d %s: %s\n", n, tests, strings.Join(parts, "; "))
}
