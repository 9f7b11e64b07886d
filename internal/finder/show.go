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

func (f *Finder) Why() string { return "" }

func (f *Finder) trace(format string, a ...any) {
	if tracing {
		fmt.Printf("      "+format+"\n", a...)
	}
}

var tracing bool
