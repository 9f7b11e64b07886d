package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/steadyhttp/steadyhttp"
)

// compare sends the same calls through both clients and reports what became of
// them.
func compare(ctx context.Context, s settings, stdout io.Writer) int {
	calls := plan(s.calls, s.seed)
	entries, kept := observer.New(zap.DebugLevel) // keeps the log, to print some of it later
	logger := zap.New(entries)

	plain := &http.Client{}
	steady := &http.Client{Transport: &steadyhttp.Transport{Logger: &steadyhttp.Logger{Zap: logger}}}

	fmt.Fprintf(stdout, "%d questions, %d at a time, for an API on this machine that allows %d requests a second.\n"+
		"A fifth of the calls also meets a 429, 500, 502, 503, 529 or a dropped connection, which pass after\n"+
		"an attempt or two, or has a fault of its own, which does not. Both clients meet the same.\n\n",
		s.calls, s.workers, perSecond)

	var tallies []*tally
	for _, c := range []struct {
		name string
		*http.Client
	}{{"plain http.Client", plain}, {"with steadyhttp", steady}} {
		t := sendAll(ctx, c.Client, calls, s.workers, &progress{w: stdout, terminal: terminal(stdout), name: c.name, calls: len(calls)})
		if ctx.Err() != nil {
			fmt.Fprintln(stdout, "\nInterrupted.")
			return exitFailed
		}
		tallies = append(tallies, t)
	}

	fmt.Fprint(stdout, "\nSome of the log entries that steadyhttp wrote, one a call:\n\n")
	printSome(stdout, kept.All())
	fmt.Fprintln(stdout)
	printTable(stdout, tallies[0], tallies[1])
	return conclude(stdout, tallies[0], tallies[1])
}

// sendAll sends every call once, so many at a time, to a fresh API.
func sendAll(ctx context.Context, client *http.Client, calls []call, workers int, p *progress) *tally {
	api := startAPI(calls)
	defer api.Close()
	defer client.CloseIdleConnections()
	start := time.Now()

	numbers := make(chan int)
	go func() {
		defer close(numbers)
		for n := range calls {
			select {
			case numbers <- n:
			case <-ctx.Done():
				return
			}
		}
	}()
	outcomes := make(chan outcome)
	var working sync.WaitGroup
	for range workers {
		working.Go(func() {
			for n := range numbers {
				outcomes <- outcome{calls[n], calls[n].send(ctx, client, api.URL, n)}
			}
		})
	}
	go func() {
		working.Wait()
		close(outcomes)
	}()

	t := &tally{name: p.name, failed: make(map[string]int)}
	for o := range outcomes {
		t.add(o)
		p.show(t.calls, t.calls-t.answered)
	}
	t.requests, t.took = len(api.Requests()), time.Since(start)
	p.end()
	return t
}

// send asks question n and looks whether the answer is the right one.
func (c call) send(ctx context.Context, client *http.Client, url string, n int) error {
	a, err := ask(ctx, client, url+chatPath, c.key, c.question(n))
	if err == nil && a.text() != strconv.Itoa(n*n) {
		err = fmt.Errorf("wrong answer: %q", a.text())
	}
	return err
}

// An outcome is what became of a call; err is nil if it was answered.
type outcome struct {
	call call
	err  error
}

// A tally sums up what became of one client's calls.
type tally struct {
	name                      string
	calls, answered, requests int
	curable                   int            // of those that failed: patience would have been enough
	failed                    map[string]int // by reason
	took                      time.Duration
}

func (t *tally) add(o outcome) {
	t.calls++
	if o.err == nil {
		t.answered++
		return
	}
	t.failed[reason(o.err)]++
	if o.call.curable() {
		t.curable++
	}
}

// reason names a failure by class, status and code, such as
// "quota 429 insufficient_quota".
func reason(err error) string {
	var e *steadyhttp.Error
	if !errors.As(err, &e) {
		return err.Error()
	}
	words := []string{e.Class.String()}
	if e.Status != 0 {
		words = append(words, strconv.Itoa(e.Status))
	}
	if e.Code != "" {
		words = append(words, e.Code)
	}
	return strings.Join(words, " ")
}

// printSome prints the first entry of each kind, in zap's console form.
func printSome(w io.Writer, entries []observer.LoggedEntry) {
	config := zap.NewDevelopmentEncoderConfig()
	config.EncodeTime = zapcore.TimeEncoderOfLayout("15:04:05.000")
	encoder := zapcore.NewConsoleEncoder(config)
	seen := make(map[string]bool)
	for _, e := range entries {
		fields := e.ContextMap()
		kind := fmt.Sprint(e.Message, fields["error.type"], fields["code"], fields["attempts"])
		if fields["attempts"] == nil && fields["waited_throttled"] != nil {
			kind += " after a wait that another call was told"
		}
		if seen[kind] {
			continue
		}
		seen[kind] = true
		if line, err := encoder.EncodeEntry(e.Entry, e.Context); err == nil {
			w.Write(line.Bytes())
			line.Free()
		}
	}
}

func printTable(w io.Writer, a, b *tally) {
	tw := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	defer tw.Flush()
	row := func(name string, a, b any) {
		fmt.Fprintf(tw, "%s\t%17v\t%17v\n", name, a, b)
	}
	row("", a.name, b.name)
	row("calls", a.calls, b.calls)
	row("answered", a.answered, b.answered)
	row("failed", a.calls-a.answered, b.calls-b.answered)
	why := maps.Clone(a.failed)
	maps.Copy(why, b.failed)
	for _, r := range slices.Sorted(maps.Keys(why)) {
		row("  "+r, a.failed[r], b.failed[r])
	}
	row("requests on the wire", a.requests, b.requests)
	row("time", a.took.Round(100*time.Millisecond), b.took.Round(100*time.Millisecond))
}

// conclude says what the table means, and whether steadyhttp kept its promise.
func conclude(w io.Writer, plain, steady *tally) int {
	fmt.Fprintf(w, "\nThe plain client lost %d calls that a little patience would have saved.\n", plain.curable)
	if steady.curable > 0 {
		fmt.Fprintf(w, "steadyhttp lost %d calls that a retry would have cured: that should not happen.\n", steady.curable)
		return exitFailed
	}
	fmt.Fprintf(w, "The %d that still failed with steadyhttp cannot be cured by retrying: an account without credit needs\n"+
		"somebody who pays, and a request for more tokens than the model gives needs another max_tokens.\n",
		steady.calls-steady.answered)
	return exitOK
}

// A progress shows how far a client is: on a terminal by one line that is
// rewritten, elsewhere by a line for every quarter.
type progress struct {
	w        io.Writer
	terminal bool
	name     string
	calls    int
}

func (p *progress) show(done, failed int) {
	line := fmt.Sprintf("%-18s %d of %d calls, %d failed", p.name+":", done, p.calls, failed)
	switch {
	case p.terminal:
		fmt.Fprintf(p.w, "\r%s\x1b[K", line) // to the line's begin, and clear what a longer one left behind
	case done%max(1, p.calls/4) == 0 || done == p.calls:
		fmt.Fprintln(p.w, line)
	}
}

func (p *progress) end() {
	if p.terminal {
		fmt.Fprintln(p.w)
	}
}

func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
