// Command quickstart shows what one line of steadyhttp changes.
//
//	go run ./examples/quickstart
//
// needs no network and no key. It starts an API that fails as real ones do,
// asks it the same 200 questions through a plain http.Client and through one
// with a steadyhttp.Transport, and prints what became of them.
//
//	STEADYHTTP_API_KEY=... go run ./examples/quickstart -url https://api.n1n.ai/v1
//
// asks a real API, of OpenAI's kind, one question, and explains in words
// whatever comes back.
//
//	go run ./examples/quickstart -serve
//
// only runs the flaky API, for clients in other languages, with or without the proxy
// in proxy/ before it.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"time"

	"github.com/steadyhttp/steadyhttp"
)

// Exit codes.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2 // bad flags, or no key
)

// keyVariable is where the key comes from: a flag would show it to everybody
// who lists the machine's processes.
const keyVariable = "STEADYHTTP_API_KEY"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	context.AfterFunc(ctx, stop) // so that a second Ctrl-C ends the program the hard way
	os.Exit(run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr))
}

// run is main without the globals, and so what a test can call.
func run(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) int {
	s, err := parse(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return exitOK
	case err != nil:
		return exitUsage // the flag package has said why
	case s.serve:
		return serve(ctx, s, stdout)
	case s.url == "":
		return compare(ctx, s, stdout)
	}
	return explain(ctx, s, getenv(keyVariable), stdout, stderr)
}

type settings struct {
	calls, workers int
	seed           uint64
	serve          bool

	url, model, prompt string
	timeout            time.Duration
}

func parse(args []string, stderr io.Writer) (settings, error) {
	var s settings
	f := flag.NewFlagSet("quickstart", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.Usage = func() {
		fmt.Fprintf(stderr, "Without -url: ask a flaky API on this machine many questions, with and without steadyhttp.\n"+
			"With -url: ask a real one a single question, with the key in %s.\n\n", keyVariable)
		f.PrintDefaults()
	}
	f.IntVar(&s.calls, "calls", 200, "`number` of questions for the flaky API")
	f.IntVar(&s.workers, "workers", 16, "`number` of questions asked at the same time")
	f.Uint64Var(&s.seed, "seed", 1, "`number` that shuffles which question meets which trouble")
	f.BoolVar(&s.serve, "serve", false, "only run the flaky API, for other clients")
	f.StringVar(&s.url, "url", "", "`URL` of a real API of OpenAI's kind, such as https://api.n1n.ai/v1")
	f.StringVar(&s.model, "model", "gpt-4o-mini", "`name` of the model, with -url")
	f.StringVar(&s.prompt, "prompt", "Say hello in five words.", "the `question`, with -url")
	f.DurationVar(&s.timeout, "timeout", 30*time.Second, "`time` that the call may take with its retries, with -url")
	if err := f.Parse(args); err != nil {
		return s, err
	}
	var err error
	switch {
	case f.NArg() > 0:
		err = errors.New("there is something after the flags; see -h") // unquoted: it may be a key
	case s.calls < 1 || s.workers < 1:
		err = errors.New("-calls and -workers must be at least 1")
	case s.timeout <= 0:
		err = errors.New("-timeout must be positive")
	}
	if err != nil {
		fmt.Fprintln(stderr, "quickstart:", err)
	}
	return s, err
}

// A question is the request's body, as chat completion APIs take it.
type question struct {
	Model     string    `json:"model"`
	Messages  []message `json:"messages"`
	MaxTokens int       `json:"max_tokens,omitempty"`
}

type message struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}

// An answer is what we use of the answer's body.
type answer struct {
	Choices []struct {
		Message      message `json:"message"`
		FinishReason string  `json:"finish_reason"`
	} `json:"choices"`
	Usage struct {
		Prompt     int `json:"prompt_tokens"`
		Completion int `json:"completion_tokens"`
		Total      int `json:"total_tokens"`
	} `json:"usage"`
}

func (a answer) text() string { return a.Choices[0].Message.Content }

// maxAnswer bounds what is read of an answer; completions stay far below it.
const maxAnswer = 8 << 20

// ask sends one question. It is written as it would be without steadyhttp, but
// for Check, which turns a failed answer and an error alike into a
// *steadyhttp.Error. A success that is no completion is a *strange.
func ask(ctx context.Context, client *http.Client, url, key string, q question) (answer, error) {
	body, err := json.Marshal(q)
	if err != nil {
		return answer{}, err
	}
	// A bytes.Reader gives the request a GetBody: it can be sent again.
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	req.Header.Set("Authorization", "Bearer "+key)
	req.Header.Set("Content-Type", "application/json")

	resp, err := client.Do(req)
	if resp != nil {
		defer resp.Body.Close()
	}
	if err := steadyhttp.Check(resp, err); err != nil {
		return answer{}, err
	}
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return answer{}, steadyhttp.Check(nil, err) // it broke off, or time ran out
	}
	var a answer
	if json.Unmarshal(data, &a) != nil || len(a.Choices) == 0 {
		return answer{}, &strange{resp.StatusCode, data}
	}
	return a, nil
}

// strange is a success that is no chat completion.
type strange struct {
	status int
	body   []byte
}

func (s *strange) Error() string { return fmt.Sprintf("status %d, but no chat completion", s.status) }
