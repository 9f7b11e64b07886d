package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/steadyhttp/steadyhttp/internal/redact"
)

const logsUsage = `Reviews a log written by steadyhttp's Logger: how many calls succeeded, what failed, how
long was waited and why, what was slow, and which request ids to quote to support.

  steadyhttp logs app.log app.log.1.gz      files, compressed or not
  kubectl logs deploy/app | steadyhttp logs
  steadyhttp logs -since 14:30 -until 15:00 app.log

The input is zap's JSON lines with one entry per call, which a Transport's Logger writes,
and any Logger outside a Retrier. Times may be epochs or RFC 3339; durations may be
seconds, nanoseconds or text. Other lines are counted and skipped. What zap's sampler
dropped is not counted. A log of any length takes the same memory: beyond a thousand
kinds of failures, further kinds are counted together.

A time is one of

  2026-01-31T14:30:00Z    RFC 3339
  "2026-01-31 14:30:00"   local time; the seconds may be left out
  14:30                   the most recent time that it was 14:30, local time
  90m                     90 minutes before now, not before the end of the log

Exit code: 0, 1 if there was nothing to review, 2 if something could not be read.

`

// logsSettings are what logs was asked for.
type logsSettings struct {
	since, until time.Time // zero is no bound
	json         bool
	files        []string // "-" is stdin
}

// logs is the command that reviews logs.
func logs(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
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
	if err := v.readFiles(s.files, stdin); err != nil {
		return fail(stderr, "%s", err)
	}
	if why := v.nothing(); why != "" {
		fail(stderr, "%s", why)
		return exitFailed
	}
	r := v.report()
	if s.json {
		return written(0, r.writeJSON(stdout))
	}
	return written(io.WriteString(stdout, r.text()))
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

// readFiles reads them all, in order. It opens none of them if one is missing:
// nobody wants to wait for that news.
func (v *review) readFiles(files []string, stdin io.Reader) error {
	for _, name := range files {
		if name == "-" {
			continue
		}
		info, err := os.Stat(name)
		switch {
		case err != nil:
			return unreadable(name, err)
		case info.IsDir():
			return unreadable(name, errors.New("it is a directory"))
		}
	}
	for _, name := range files {
		if name == "-" {
			if err := v.read(stdin); err != nil {
				return unreadable("stdin", err)
			}
			continue
		}
		f, err := os.Open(name)
		if err != nil {
			return unreadable(name, err)
		}
		err = v.read(f)
		f.Close()
		if err != nil {
			return unreadable(name, err)
		}
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
