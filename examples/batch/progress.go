package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// A progress shows how far the batch is: a bar that moves on a terminal, else a line
// now and then, as a log wants it.
type progress struct {
	w        io.Writer
	terminal bool
	total    int
	start    time.Time
}

func newProgress(w io.Writer, total int) *progress {
	return &progress{w: w, terminal: isTerminal(w), total: total, start: time.Now()}
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// show shows the progress until ended is closed.
func (p *progress) show(ended <-chan struct{}, done func() int) {
	every := 10 * time.Second
	if p.terminal {
		every = time.Second / 10
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			p.print(done(), time.Since(p.start))
		case <-ended:
			p.print(done(), time.Since(p.start))
			if p.terminal {
				fmt.Fprintln(p.w)
			}
			return
		}
	}
}

const barWidth = 30

func (p *progress) print(done int, after time.Duration) {
	text := fmt.Sprintf("%d of %d", done, p.total)
	if s := after.Seconds(); s > 0 && done > 0 {
		rate := float64(done) / s
		text += fmt.Sprintf(", %.1f a second, %s left", rate, time.Duration(float64(p.total-done)/rate*float64(time.Second)).Round(time.Second))
	}
	if !p.terminal {
		fmt.Fprintln(p.w, text)
		return
	}
	filled := barWidth
	if p.total > 0 {
		filled = barWidth * done / p.total
	}
	fmt.Fprintf(p.w, "\r\x1b[K[%s%s] %s", strings.Repeat("#", filled), strings.Repeat(".", barWidth-filled), text)
}
