// Command steadyhttp explains failed responses of HTTP APIs and reviews logs.
//
//	steadyhttp explain 429
//	steadyhttp explain -status 429 -host api.openai.com body.json
//	curl -i https://api.openai.com/v1/models | steadyhttp explain
//	steadyhttp explain insufficient_quota
//	steadyhttp explain 'Post "https://api.openai.com/v1/responses": EOF'
//	tail -n 100 app.log | steadyhttp explain
//
// It says what kind of failure it is and what that goes by, whether and when the
// request may be sent again, whose limit it is, what usually lies behind it and
// what helps. Where the class cannot be told, it says why and what to add. It knows
// what package steadyhttp knows, and needs no network.
//
// The exit status is 0 if the input is explained, 1 if the output cannot be written,
// 2 if an argument or the input cannot be read, and 3 if what the input shows does not
// tell the class. docs/explain.md lists the members of what explain -json prints.
package main

import (
	"fmt"
	"io"
	"os"
)

// Exit codes.
const (
	exitOK     = 0
	exitFailed = 1 // the output could not be written
	exitUsage  = 2 // bad arguments, or an input that cannot be read

	exitUndecided = 3 // what the input shows does not tell the class
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// A command is what the first argument names.
type command struct {
	name, what string
	run        func(args []string, stdin io.Reader, stdout, stderr io.Writer) int
}

var commands = []command{
	{"explain", "what a failed response or a log entry means, and what to do", runExplain},
	{"logs", "review a log: what failed, what was waited for, what was slow", logs},
}

// run is main without the globals, and so what a test can call.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		return usage(stdout)
	}
	switch args[0] {
	case "help", "-h", "-help", "--help":
		return usage(stdout)
	}
	for _, c := range commands {
		if c.name == args[0] {
			return c.run(args[1:], stdin, stdout, stderr)
		}
	}
	return fail(stderr, "there is no command %s; see steadyhttp help", quoted(args[0]))
}

func usage(w io.Writer) int {
	text := "Explains failed responses of HTTP APIs.\n\nUsage: steadyhttp command [arguments]\n\n"
	for _, c := range commands {
		text += fmt.Sprintf("  %-9s %s\n", c.name, c.what)
	}
	return written(io.WriteString(w, text+"\nsteadyhttp command -h says more about a command.\n"))
}

// fail tells on one line why nothing could be done.
func fail(stderr io.Writer, format string, args ...any) int {
	fmt.Fprintf(stderr, "steadyhttp: "+format+"\n", args...)
	return exitUsage
}

// written turns what a Write returned into an exit code.
func written(_ int, err error) int {
	if err != nil {
		return exitFailed
	}
	return exitOK
}
