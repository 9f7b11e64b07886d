// Command batch asks a language model many questions from a file, as fast as its limits
// allow, beside a person who chats through the same client and never waits behind it.
//
//	go run ./examples/batch
//
// needs no network and no key: it starts an API on this machine that allows 50 requests a
// second. Stop it with Ctrl-C, or kill it, and start it again: it goes on where it was.
//
//	STEADYHTTP_API_KEY=... go run ./examples/batch -url https://api.n1n.ai/v1 -in prompts.txt -out answers.jsonl
//
// asks a real API of OpenAI's kind the questions in prompts.txt, one a line.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"sync/atomic"
	"time"

	"github.com/steadyhttp/steadyhttp"
	"github.com/steadyhttp/steadyhttp/steadyhttptest"
)

// Exit codes.
const (
	exitOK         = 0
	exitUnfinished = 1 // some questions have no answer yet: start it again
	exitUsage      = 2 // bad flags, no key, or a file that cannot be used
)

// keyVariable is where the key comes from: a flag would show it to everybody who lists
// the machine's processes.
const keyVariable = "STEADYHTTP_API_KEY"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	context.AfterFunc(ctx, stop) // so that a second Ctrl-C ends the program the hard way
	os.Exit(run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr))
}

type settings struct {
	in, out    string
	jobs       int
	workers    int
	url, model string
	perMinute  float64
	chat       time.Duration
}

func parse(args []string, stderr io.Writer) (settings, error) {
	var s settings
	f := flag.NewFlagSet("batch", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.StringVar(&s.in, "in", "", "`file` with one question a line; without it -jobs questions are made up")
	f.StringVar(&s.out, "out", "answers.jsonl", "`file` for the answers, one JSON object a line; what it holds is not asked again")
	f.IntVar(&s.jobs, "jobs", 500, "`number` of questions that are made up, without -in")
	f.IntVar(&s.workers, "workers", 64, "`number` of questions under way or waiting at the same time")
	f.StringVar(&s.url, "url", "", "`URL` of a real API of OpenAI's kind, such as https://api.n1n.ai/v1; without it one on this machine is asked")
	f.StringVar(&s.model, "model", "gpt-4o-mini", "`name` of the model")
	f.Float64Var(&s.perMinute, "rpm", 0, "`number` of requests a minute that the account allows; 0 leaves it to what the API states")
	f.DurationVar(&s.chat, "chat", time.Second/4, "`time` between the questions of a person who chats meanwhile; 0 is nobody (and so it is with -url)")
	if err := f.Parse(args); err != nil {
		return s, err
	}
	var err error
	switch {
	case f.NArg() > 0:
		err = errors.New("there is something after the flags; see -h") // unquoted: it may be a key
	case s.jobs < 1 || s.workers < 1:
		err = errors.New("-jobs and -workers must be at least 1")
	case s.perMinute < 0 || s.chat < 0:
		err = errors.New("-rpm and -chat must not be negative")
	}
	if err != nil {
		fmt.Fprintln(stderr, "batch:", err)
	}
	return s, err
}

// run is main without the globals, and so what a test can call.
func run(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) int {
	s, err := parse(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return exitOK
	case err != nil:
		return exitUsage // the flag package has said why
	}
	fail := func(err error) int {
		fmt.Fprintln(stderr, "batch:", err)
		return exitUsage
	}
	key := getenv(keyVariable)
	if s.url == "" {
		api := flakyAPI()
		defer api.Close()
		s.url, key = api.URL, "none-is-needed"
	} else {
		s.chat = 0
	}
	if key == "" {
		return fail(errors.New("set " + keyVariable + " to the API's key"))
	}
	questions, err := questionsOf(s)
	if err != nil {
		return fail(err)
	}
	out, err := openAnswers(s.out)
	if err != nil {
		return fail(err)
	}
	defer out.Close()
	b := &batch{
		settings: s, key: key, questions: questions, out: out, stdout: stdout,
		client: &http.Client{Transport: &steadyhttp.Transport{
			Throttler: &steadyhttp.Throttler{RequestsPerMinute: s.perMinute},
		}},
	}
	done, err := b.run(ctx)
	if err != nil {
		return fail(err)
	}
	if !done {
		return exitUnfinished
	}
	return exitOK
}

// flakyAPI allows 50 requests a second, states that, and has troubles like a real one.
func flakyAPI() *steadyhttptest.Server {
	api := steadyhttptest.NewServer()
	api.Limit("*", steadyhttptest.Limit{Requests: 50, Window: time.Second, Burst: 5})
	var n atomic.Int64
	api.Script("/chat/completions", steadyhttptest.Reply{Delay: 50 * time.Millisecond, Handler: func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch n := n.Add(1); {
		case n%29 == 0:
			w.WriteHeader(http.StatusServiceUnavailable)
		case n%41 == 0:
			w.WriteHeader(http.StatusInternalServerError)
			io.WriteString(w, `{"error":{"message":"The server had an error","type":"server_error"}}`)
		default:
			io.WriteString(w, steadyhttptest.ChatCompletion("It depends.").Body)
		}
	}})
	return api
}
