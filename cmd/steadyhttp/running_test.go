package main

import (
	"strings"
	"testing"
	"time"

	"github.com/steadyhttp/steadyhttp"
)

// On a terminal a summary takes the place of the one before.
func TestRunningSummary(t *testing.T) {
	v := newReview(time.Time{}, time.Time{})
	read := func(class steadyhttp.Class) {
		v.line(logCall{method: "GET", url: "u", server: "api.example.com", class: class, attempts: 1}, logEntry)
	}
	var screen strings.Builder
	s := runningSummary{w: &screen, terminal: true}
	since := func() string {
		text := screen.String()
		screen.Reset()
		return text
	}

	s.show(v)
	if got := since(); got != "" {
		t.Errorf("nothing read: got %q, want nothing", got)
	}
	read(steadyhttp.Timeout)
	s.show(v)
	if got := since(); strings.Count(got, "\n") != 2 || !strings.Contains(got, "1 call: 1 failed") || !strings.Contains(got, "1  timeout  api.example.com") {
		t.Errorf("one failure: got %q, want a line, and one with the failure", got)
	}
	s.show(v)
	if got := since(); got != "" {
		t.Errorf("no news: got %q, want nothing", got)
	}
	read(steadyhttp.None)
	s.show(v)
	if got := since(); !strings.HasPrefix(got, "\x1b[2A\r\x1b[J") || !strings.Contains(got, "2 calls: 1 succeeded, 1 failed") {
		t.Errorf("news: got %q, want the two rows drawn over", got)
	}
	s.clear()
	if got := since(); got != "\x1b[2A\r\x1b[J" {
		t.Errorf("at the end: got %q, want the rows gone", got)
	}
}
