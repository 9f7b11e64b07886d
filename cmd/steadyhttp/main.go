// Command steadyhttp explains failed responses of HTTP APIs and reviews logs.
//
//	steadyhttp explain 429
//	steadyhttp explain -status 429 -host api.openai.com body.json
//	curl -i https://api.openai.com/v1/models | steadyhttp explain
//	steadyhttp explain insufficient_quota
//	steadyhttp explain 'Post "https://api.openai.com/v1/responses": EOF'
//	tail -n 100 app.log | steadyhttp explain
//	steadyhttp logs app.log app.log.1.gz
//	steadyhttp logs -f app.log
//
// explain says what kind of failure it is and what that goes by, whether and when the
// request may be sent again, whose limit it is, what usually lies behind it and
// what helps. Where the class cannot be told, it says why and what to add. It knows
// what package steadyhttp knows, and needs no network. docs/explain.md lists the
// members of what explain -json prints.
//
// logs reviews the entries of steadyhttp's Logger: what succeeded, what failed, what
// was waited for and what was slow. It follows a log that grows, too.
//
// steadyhttp help lists the commands and the exit codes, and steadyhttp help NAME says
// more about one of them.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// Exit codes. The help lists them.
const (
	exitOK        = 0
	exitNothing   = 1 // nothing to report, or the output could not be written
	exitUsage     = 2 // bad arguments, or an input that cannot be read
	exitUndecided = 3 // what the input shows does not tell the class
)

const exitCodes = `Exit codes:

  0  done
  1  there was nothing to report, or the output could not be written
  2  an argument is wrong or an input cannot be read; stderr says which
  3  explain cannot tell the class from what the input shows
`

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
	{"logs", "review a log: what failed, what was waited for, what was slow", interruptible(logs)},
	{"version", "the version of steadyhttp and of the Go that built it", version},
}

// run is main without the globals, and so what a test can call.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		usage(stderr)
		return exitUsage
	}
	name, args := args[0], args[1:]
	switch name {
	case "-h", "-help", "--help":
		return usage(stdout)
	case "-version", "--version":
		name = "version"
	case "help":
		if len(args) == 0 || args[0] == "help" || isHelp(args[0]) {
			return usage(stdout)
		}
		if len(args) > 1 {
			return fail(stderr, "help wants the name of one command; see steadyhttp help")
		}
		name, args = args[0], []string{"-h"}
	}
	for _, c := range commands {
		if c.name == name {
			return c.run(args, stdin, stdout, stderr)
		}
	}
	return fail(stderr, "there is no command %s; see steadyhttp help", quoted(name))
}

func isHelp(arg string) bool { return arg == "-h" || arg == "-help" || arg == "--help" }

func usage(w io.Writer) int {
	text := "Explains failed responses of HTTP APIs, and reviews the logs of steadyhttp.\n\nUsage: steadyhttp command [arguments]\n\n"
	for _, c := range commands {
		text += fmt.Sprintf("  %-9s %s\n", c.name, c.what)
	}
	text += "  help      this text, or with the name of a command more about that\n\n"
	return written(io.WriteString(w, text+exitCodes))
}

// interruptible turns an interrupt into the end of the command's context, so that it
// can print what it has. A second interrupt ends the program at once.
func interruptible(run func(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int) func([]string, io.Reader, io.Writer, io.Writer) int {
	return func(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		context.AfterFunc(ctx, stop)
		return run(ctx, args, stdin, stdout, stderr)
	}
}

// fail tells on one line why nothing could be done.
func fail(stderr io.Writer, format string, args ...any) int {
	fmt.Fprintf(stderr, "steadyhttp: "+format+"\n", args...)
	return exitUsage
}

// written turns what a Write returned into an exit code.
func written(_ int, err error) int {
	if err != nil {
		return exitNothing
	}
	return exitOK
}
