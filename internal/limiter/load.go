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

// windows are those that have a word, and any other.
var windows = [...]struct {
	length time.Duration
	words  string
}{{0, ""}, {time.Second, " per second"}, {time.Minute, " per minute"}, {time.Hour, " per hour"}, {24 * time.Hour, " per day"}}

// A limitWords is how limits are called, by unit and window: who asks when it could
// go makes no string.
type limitWords [units][len(windows)]string

func wordsOf(limits string) (all limitWords) {
	for u := range all {
		for i, w := range windows {
			all[u][i] = limits + unitWords[u] + w.words
		}
	}
	return all
}

// of is how the limit of u in that window is called.
func (l *limitWords) of(u unit, window time.Duration) string {
	for i, w := range windows {
		if w.length == window {
			return l[u][i]
		}
	}
	return l[u][0]
}

// seconds rounds up, so that what is waited for is there.
func seconds(s float64) time.Duration {
	if s >= math.MaxInt64/float64(time.Second) {
		return math.MaxInt64
	}
	return time.Duration(math.Ceil(s * float64(time.Second)))
}
