package limiter

import (
	"flag"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/steadyhttp/steadyhttp/internal/monotime"
	"github.com/steadyhttp/steadyhttp/limit"
)

var long = flag.Bool("long", false, "try 10,000 random patterns in place of some hundreds")

func patterns() int {
	if *long {
		return 10_000
	}
	return 400
}

// start is some instant.
const start = monotime.Instant(1 << 60)

// A went is what went out at an instant.
type went struct {
	at     monotime.Instant
	amount float64
}

// pass lets n go at t or as soon afterwards as w allows; timers are late by up to
// that.
func (w *told) pass(t monotime.Instant, n float64, late func() time.Duration) went {
	for {
		at := w.next(t, n, 0)
		if at > t {
			w.evenly(at, n)
		}
		if at <= t {
			w.take(t, n)
			return went{t, n}
		}
		t = at.Add(late())
	}
}

// most is the most that went out in any span of that length.
func most(all []went, length time.Duration) (sum float64) {
	var now float64
	first := 0
	for _, g := range all {
		for ; g.at.Sub(all[first].at) >= length; first++ {
			now -= all[first].amount
		}
		now += g.amount
		sum = max(sum, now)
	}
	return sum
}

// TestToldIsExact tries the promise that no span of a limit's length ever holds
// more than the limit, whatever comes when, however late timers are, and whatever
// is given back.
func TestToldIsExact(t *testing.T) {
	for seed := range uint64(patterns()) {
		r := rand.New(rand.NewPCG(seed, 17))
		length := []time.Duration{time.Second, time.Minute, 24 * time.Hour}[r.IntN(3)]
		limit := float64(1 + r.IntN([]int{3, 20, 200, 2000}[r.IntN(4)]))
		w := told{unit: tokens, max: limit, length: length, burst: 1 + float64(r.IntN(int(limit)))}
		largest := 1 + r.IntN(int(limit))
		late := func() time.Duration { return time.Duration(r.Int64N(3) * r.Int64N(int64(30*time.Millisecond))) }
		var all []went
		now := start
		gap := int64(length) / int64(1+r.IntN(2*int(limit)))
		for range 300 {
			if r.IntN(10) == 0 { // a crowd follows a quiet time
				now = now.Add(time.Duration(r.Int64N(int64(2 * length))))
			} else if r.IntN(2) == 0 {
				now = now.Add(time.Duration(r.Int64N(gap + 1)))
			}
			g := w.pass(now, float64(1+r.IntN(largest)), late)
			now = g.at
			if r.IntN(4) == 0 {
				used := float64(r.IntN(int(g.amount) + 1))
				w.correct(g.at, g.amount, used)
				g.amount = used
			}
			all = append(all, g)
		}
		if sum := most(all, length); sum > limit+1e-3 {
			t.Fatalf("seed %d: %v of at most %v went within %v", seed, sum, limit, length)
		}
	}
}

// TestToldIsUsed tries the promise that 0.99 of a limit is reached while requests
// queue.
func TestToldIsUsed(t *testing.T) {
	for _, row := range []struct {
		limits  limit.Limits
		largest int
	}{
		{limit.Limits{RequestsPerSecond: 10}, 1},
		{limit.Limits{RequestsPerSecond: 10, Burst: 1}, 1},
		{limit.Limits{RequestsPerSecond: 1000}, 1},
		{limit.Limits{RequestsPerSecond: 0.5}, 1},
		{limit.Limits{RequestsPerMinute: 0.5}, 1},
		{limit.Limits{RequestsPerMinute: 500}, 1},
		{limit.Limits{RequestsPerDay: 100_000}, 1},
		{limit.Limits{TokensPerMinute: 200_000}, 2000},
		{limit.Limits{InputTokensPerMinute: 10_000_000}, 100_000},
		{limit.Limits{OutputTokensPerMinute: 100}, 1000}, // most take more than a window has
	} {
		r := rand.New(rand.NewPCG(1, 17))
		w := toldBy(&row.limits)[0]
		late := func() time.Duration { return time.Duration(r.IntN(int(2 * time.Millisecond))) }
		var sum float64
		const windows = 60
		for now := start; now.Sub(start) < windows*w.length; {
			g := w.pass(now, float64(1+r.IntN(row.largest)), late)
			now = g.at
			sum += g.amount
		}
		if least, most := 0.99*windows*w.max, windows*w.max+w.burst+float64(row.largest); sum < least || sum > most {
			t.Errorf("%+v: got %.0f in %d windows while requests queued, want %.0f to %.0f", row.limits, sum, windows, least, most)
		}
	}
}

// TestToldForgetsHugeFigures has a response state a usage that cannot be.
func TestToldForgetsHugeFigures(t *testing.T) {
	w := toldBy(&limit.Limits{TokensPerMinute: 6000})[0]
	onTime := func() time.Duration { return 0 }
	w.pass(start, 50, onTime)
	for _, used := range []float64{9e18, 1e300} {
		w.correct(start, 50, used)
	}
	if g := w.pass(start.Add(time.Second), 50, onTime); g.at.Sub(start) > 3*time.Minute {
		t.Errorf("the next goes %v after a request that used 9e18 tokens, want within some windows", g.at.Sub(start))
	}
}
