package main

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"time"
)

// How often the running summary is shown, unless -every says otherwise: on a
// terminal as people read, elsewhere so that the lines remain few.
const (
	everyOnTerminal = time.Second
	everyElsewhere  = 10 * time.Second
)

// A runningSummary shows what has been read so far, while more is to come. On a
// terminal it stays in its place; elsewhere each is one more line.
type runningSummary struct {
	w        io.Writer
	terminal bool
	rows     int // on the terminal now
	read     int64
}

// show shows the summary, unless no line was read since the last.
func (s *runningSummary) show(v *review) {
	r := v.report()
	if read := r.Lines.all(); read == s.read {
		return
	} else {
		s.read = read
	}
	line := time.Now().Local().Format(clockOfDay) + "  " + r.running()
	if !s.terminal {
		fmt.Fprintln(s.w, line)
		return
	}
	rows := append([]string{line}, r.topFailures()...)
	// A long line is cut at the edge. It must not take a second one: the rows are
	// counted, to be drawn over.
	const cutLines, breakLines, clearLine = "\x1b[?7l", "\x1b[?7h", "\x1b[K"
	s.clear()
	io.WriteString(s.w, cutLines+strings.Join(rows, clearLine+"\n")+clearLine+"\n"+breakLines)
	s.rows = len(rows)
}

// clear takes the summary off the terminal.
func (s *runningSummary) clear() {
	if s.rows > 0 {
		fmt.Fprintf(s.w, "\x1b[%dA\r\x1b[J", s.rows)
		s.rows = 0
	}
}

// running is the review in one line.
func (r *reviewReport) running() string {
	line := callsCount(r.Calls.Total)
	var parts []string
	for _, o := range r.Calls.outcomes() {
		if o.n > 0 {
			parts = append(parts, grouped(o.n)+" "+o.name)
		}
	}
	if len(parts) > 0 {
		line += ": " + strings.Join(parts, ", ")
	}
	if sum := r.Waits.Total.Sum; sum > 0 {
		line += "; waited " + took(sum) + " " + summed
	}
	return line
}

// maxRunningRows is how many kinds of failures a running summary has room for.
const maxRunningRows = 5

func (r *reviewReport) topFailures() []string {
	s := reviewSheet{clock: clockOfDay}
	rows := [][]string{}
	for _, f := range r.Failures[:min(len(r.Failures), maxRunningRows)] {
		rows = append(rows, []string{grouped(f.Count), f.Class, short(f.Server), short(f.Code), "last " + s.time(f.Last)})
	}
	s.table(tableIndent, "rllll", rows)
	var all []string
	for row := range strings.Lines(s.String()) {
		all = append(all, strings.TrimSuffix(row, "\n"))
	}
	return all
}

// drawsOver reports whether w is a terminal that understands where to draw.
func drawsOver(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok || runtime.GOOS == "windows" || os.Getenv("TERM") == "dumb" {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
