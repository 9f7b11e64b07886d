package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/steadyhttp/steadyhttp/internal/redact"
)

const logsUsage = `Reviews a log written by steadyhttp's Logger: how many calls succeeded, what failed, how
long was waited and why, what was slow, and which request ids to quote to support.

  steadyhttp logs app.log app.log.1.gz      files, compressed or not
  steadyhttp logs -f app.log                a log that grows, until Ctrl-C
  kubectl logs -f deploy/app | steadyhttp logs
  steadyhttp logs -since 14:30 -until 15:00 app.log

The input is zap's JSON lines with one entry per call, which a Transport's Logger writes,
and any Logger outside a Retrier. Times may be epochs or RFC 3339; durations may be
seconds, nanoseconds or text. Other lines are counted and skipped. What zap's sampler
dropped is not counted. A log of any length takes the same memory: beyond a thousand
kinds of failures, further kinds are counted together.

While the input lasts, a summary of what has been read is shown on stderr: redrawn in
place on a terminal, else one line each time. The review goes to stdout when the input
ends, or when the command is interrupted (Ctrl-C, or SIGTERM). A file that cannot be
read is reported, and the review is of the others.

A time is one of

  2026-01-31T14:30:00Z    RFC 3339
  "2026-01-31 14:30:00"   local time; the seconds may be left out
  14:30                   the most recent time that it was 14:30, local time
  90m                     90 minutes before now, not before the end of the log

Exit code: 0, also if interrupted; 1 if there was nothing to review; 2 if an argument is
wrong or one of the files cannot be read.

`

// logsSettings are what logs was asked for.
type logsSettings struct {
	since, until time.Time // zero is no bound
	json         bool
	follow       bool
	every        time.Duration // 0 is the default
	files        []string      // "-" is stdin
}

// logs is the command that reviews logs. It ends early, with what it has, when ctx does.
func logs(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	s, err := parseLogs(args, stdout)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return exitOK
	case err != nil:
		return fail(stderr, "%s; see steadyhttp logs -h", err)
	}
	if len(s.files) == 0 {
		if isTerminal(stdin) {
			return fail(stderr, "there is nothing to review: give a log file or pipe one in; see steadyhttp logs -h")
		}
		s.files = []string{"-"}
	}
	v := newReview(s.since, s.until)
	interrupted, unread := v.readAll(ctx, s, stdin, stderr)
	if why := v.nothing(); why != "" {
		switch {
		case len(unread) == 0:
			fail(stderr, "%s", why)
			return exitNothing
		case v.lines.all() > 0:
			fail(stderr, "%s", why)
		}
		return exitUsage
	}
	r := v.report()
	r.Interrupted = interrupted && !s.follow // to follow a log has no other end
	r.Unread = unread
	if s.json {
		err = r.writeJSON(stdout)
	} else {
		_, err = io.WriteString(stdout, r.text())
	}
	switch {
	case err != nil:
		return exitNothing
	case len(unread) > 0:
		return exitUsage
	}
	return exitOK
}

// readAll reads all files, and meanwhile shows how far it is. It tells whether ctx ended
// before they did, and what could not be read.
func (v *review) readAll(ctx context.Context, s logsSettings, stdin io.Reader, stderr io.Writer) (interrupted bool, unread []string) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	running := runningSummary{w: stderr, terminal: drawsOver(stderr)}
	every := s.every
	switch {
	case every > 0:
	case running.terminal:
		every = everyOnTerminal
	default:
		every = everyElsewhere
	}
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	failures := v.readFiles(ctx, s, stdin)
	for {
		select {
		case err, more := <-failures:
			running.clear()
			if !more {
				return false, unread
			}
			fail(stderr, "%s", err)
			unread = append(unread, err.Error())
		case <-ticker.C:
			running.show(v)
		case <-ctx.Done():
			running.clear()
			return true, unread
		}
	}
}

// parseLogs reads the arguments; flags may stand behind files too.
func parseLogs(args []string, help io.Writer) (logsSettings, error) {
	var s logsSettings
	now := time.Now()
	moment := func(at *time.Time) func(string) error {
		return func(text string) (err error) {
			*at, err = logMoment(text, now)
			return err
		}
	}
	f := flag.NewFlagSet("logs", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.Func("since", "leave out what was logged before this `time`", moment(&s.since))
	f.Func("until", "leave out what was logged after this `time`", moment(&s.until))
	f.BoolVar(&s.follow, "f", false, "follow the files as they grow, beyond rotation, until interrupted")
	f.DurationVar(&s.every, "every", 0, "show the running summary each time this `duration` has passed\n(default 1s on a terminal, else 10s)")
	f.BoolVar(&s.json, "json", false, "print one JSON object; durations are seconds, times RFC 3339")
	f.Usage = func() {} // a mistake gets one line, not a page
	for {
		if err := f.Parse(args); err != nil {
			if errors.Is(err, flag.ErrHelp) {
				io.WriteString(help, logsUsage)
				f.SetOutput(help)
				f.PrintDefaults()
				return s, err
			}
			return s, errors.New(redact.Line(err.Error(), maxShown))
		}
		if f.NArg() == 0 {
			break
		}
		s.files = append(s.files, f.Arg(0))
		args = f.Args()[1:]
	}
	if s.every < 0 {
		return s, errors.New("-every wants a duration above 0, such as 5s")
	}
	if !s.since.IsZero() && !s.until.IsZero() && s.until.Before(s.since) {
		return s, fmt.Errorf("-until is before -since: %s is before %s", s.until.Local().Format(clock), s.since.Local().Format(clock))
	}
	return s, nil
}

// logMoment reads what -since and -until take.
func logMoment(text string, now time.Time) (time.Time, error) {
	if d, err := time.ParseDuration(text); err == nil {
		if d < 0 {
			return time.Time{}, errors.New("want a duration that is not negative")
		}
		return now.Add(-d), nil
	}
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, nil
	}
	for _, layout := range []string{"2006-01-02 15:04:05", "2006-01-02 15:04"} {
		if t, err := time.ParseInLocation(layout, text, time.Local); err == nil {
			return t, nil
		}
	}
	for _, layout := range []string{"15:04:05", "15:04"} {
		t, err := time.Parse(layout, text)
		if err != nil {
			continue
		}
		y, m, d := now.In(time.Local).Date()
		at := time.Date(y, m, d, t.Hour(), t.Minute(), t.Second(), 0, time.Local)
		if at.After(now) {
			at = time.Date(y, m, d-1, t.Hour(), t.Minute(), t.Second(), 0, time.Local)
		}
		return at, nil
	}
	return time.Time{}, errors.New("want a time such as 2026-01-31T14:30:00Z or 14:30, or a duration such as 90m")
}

// readFiles reads all files, in order, or all at once if they are followed. What it
// returns has an error for each file that could not be read, or not to its end, and is
// closed when all are done. It may go on for a while after ctx has ended: a read cannot
// be stopped.
func (v *review) readFiles(ctx context.Context, s logsSettings, stdin io.Reader) <-chan error {
	failures := make(chan error)
	read := func(name string) {
		if err := v.readFile(ctx, name, s.follow, stdin); err != nil {
			select {
			case failures <- err:
			case <-ctx.Done():
			}
		}
	}
	go func() {
		defer close(failures)
		var all sync.WaitGroup
		for _, name := range s.files {
			if s.follow {
				all.Go(func() { read(name) })
			} else if ctx.Err() == nil {
				read(name)
			}
		}
		all.Wait()
	}()
	return failures
}

func (v *review) readFile(ctx context.Context, name string, follow bool, stdin io.Reader) error {
	if name == "-" {
		if err := v.read(stdin); err != nil {
			return unreadable("stdin", err)
		}
		return nil
	}
	info, err := os.Stat(name)
	switch {
	case err != nil:
		return unreadable(name, err)
	case info.IsDir():
		return unreadable(name, errors.New("it is a directory"))
	}
	file, err := os.Open(name)
	if err != nil {
		return unreadable(name, err)
	}
	var in io.ReadCloser = file
	if follow {
		in = &follower{ctx: ctx, name: name, file: file}
	}
	defer in.Close()
	if err := v.read(in); err != nil {
		return unreadable(name, err)
	}
	return nil
}

func unreadable(name string, err error) error {
	var p *os.PathError
	if errors.As(err, &p) {
		err = p.Err
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = errors.New("its compressed data end too early")
	}
	return fmt.Errorf("%s cannot be read: %s", quoted(name), redact.Line(err.Error(), maxShown))
}
