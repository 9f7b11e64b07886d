package finder

import (
	"fmt"

	"github.com/steadyhttp/steadyhttp/internal/monotime"
)

// Rate is how many requests a second are let out at t; 0 is as many as come.
func (f *Finder) Rate(t monotime.Instant) float64 {
	switch f.mode {
	case paced:
		return f.rate
	case window:
		return float64(f.n) / f.length
	}
	return 0
}

// Engaged reports whether requests are held back by what the refusals point to.
// Who was refused may then come back soon: it is told when to go.
func (f *Finder) Engaged() bool { return f.mode != open }

// Idle reports whether nothing is known that matters any more.
func (f *Finder) Idle(now monotime.Instant) bool {
	t := f.seconds(now)
	return t-f.lastRefused > idleAfter && (f.mode == open || t-f.lastHeld > idleAfter)
}

// Why says for people what the refusals point to, and on what evidence.
func (f *Finder) Why() string {
	what := "no limit found"
	switch f.mode {
	case shut:
		what = fmt.Sprintf("the server refuses everything; %d probes were refused too", f.failed)
	case paced:
		what = fmt.Sprintf("the rate that the server's refusals point to: %.3g a second", f.rate)
	case window:
		what = fmt.Sprintf("the limit that the server's refusals point to: %d in any %.3g s", f.n, f.length)
	}
	if f.chance > 0 {
		what += fmt.Sprintf("; about %.2g%% are refused at any rate", 100*f.chance)
	}
	return fmt.Sprintf("%s (%d of %d requests refused)", what, f.refused, f.sent)
}

func (f *Finder) trace(format string, a ...any) {
	if tracing {
		fmt.Printf("      "+format+"\n", a...)
	}
}

var tracing bool
