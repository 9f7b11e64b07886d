package limiter

import (
	"math"
	"time"

	"github.com/steadyhttp/steadyhttp/limit"
)

// A unit is what a limit counts.
type unit uint8

const (
	requests unit = iota
	tokens
	inputTokens
	outputTokens
	units // how many there are
)

// UnitNames are what limit.Observation and limit.LimitState call the units.
var UnitNames = [units]string{"requests", "tokens", "input_tokens", "output_tokens"}

var unitWords = [units]string{"requests", "tokens", "input tokens", "output tokens"}

func unitNamed(name string) (unit, bool) {
	for u, n := range UnitNames {
		if n == name {
			return unit(u), true
		}
	}
	return 0, false
}

// A load is a limit.Cost by unit.
type load [units]float64

func loadOf(c limit.Cost) load {
	return load{requests: float64(c.Requests), tokens: float64(c.Input) + float64(c.Output), inputTokens: float64(c.Input), outputTokens: float64(c.Output)}
}

func (n *load) add(m *load) {
	for u := range n {
		n[u] += m[u]
	}
}

func (n *load) subtract(m *load) {
	for u := range n {
		n[u] -= m[u]
	}
}

// perWindow is a window in words, "" for an unusual one.
func perWindow(d time.Duration) string {
	switch d {
	case time.Second:
		return " per second"
	case time.Minute:
		return " per minute"
	case time.Hour:
		return " per hour"
	case 24 * time.Hour:
		return " per day"
	}
	return ""
}

// seconds rounds up, so that what is waited for is there.
func seconds(s float64) time.Duration {
	if s >= math.MaxInt64/float64(time.Second) {
		return math.MaxInt64
	}
	return time.Duration(math.Ceil(s * float64(time.Second)))
}
