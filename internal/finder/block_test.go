package finder

import (
	"fmt"
	"math"
	"testing"
)

// near reports whether two figures are the same but for rounding.
func near(a, b float64) bool { return math.Abs(a-b) <= 1e-9*max(1, math.Abs(b)) }

// shutBy returns a Finder to which nothing is let in since closed, where these were let in.
func shutBy(load float64, b block, let ...[]float64) *Finder {
	f := New(begin, load)
	f.mode, f.block, f.since, f.let = shut, b, b.stopped, historyOf(let...)
	return f
}

// between is the rate of a bucket of which n requests tell, between what was let in while it
// was used up and on average.
func between(usedUp, mean float64, n int) float64 {
	w := float64(n) / float64(n+2)
	return math.Pow(usedUp, w) * math.Pow(mean, 1-w)
}

// At which rate one goes on after the first block. The first block's mean has in it the
// second before there was a Finder, which is what load tells.
func TestTheRateAfterTheFirstBlock(t *testing.T) {
	for _, row := range []struct {
		name            string
		load            float64
		closed, stopped float64
		let             []float64
		at              float64
		want            float64
	}{
		{"three let in during 0.1 s are 30 a second", 0, 1, 1.1, []float64{1.025, 1.05, 1.1}, 1.125, 30},
		{"what was sent together with the first refused one is no part of what came after it", 0, 1, 1.1, []float64{1, 1, 1.025, 1.05, 1.1}, 1.125, 30},
		{"two are too few: with the one that ended it, three in 0.125 s", 0, 1, 1.1, []float64{1.025, 1.05}, 1.125, 24},
		{"two, and what was sent together with the first refused one", 0, 1, 1.1, []float64{1, 1, 1.025, 1.05}, 1.125, 24},
		{"50 ms are enough: three are 60 a second", 0, .05, .1, []float64{.0625, .08, .1}, .125, 60},
		{"49 ms are not: with the one that ended it, four in 75 ms", 0, .05, .099, []float64{.0625, .08, .099}, .125, 4 / .075},
		{"a block of 0.15 s is no window's: between 1 in 0.15 s and the mean of 100", 130, .15, .15, nil, .3, between(1/.15, 100, 1)},
		{"a little longer it is, and goes on at ten times the mean", 131, .15, .15, nil, .31, 1000},
		{"three in a second, 0.3 of the mean of 10: no window's", 37, 1, 2, []float64{1.25, 1.5, 2}, 3, between(3, 10, 3)},
		{"a little less than 0.3 of the mean is a window's", 38, 1, 2, []float64{1.25, 1.5, 2}, 3, 102.5},
		{"20 in the second before, 10 in the first and none in the next are 10 a second", 20, 1, 1, evenly(10, 0, .1), 2, 100},
	} {
		f := shutBy(row.load, block{from: open, closed: row.closed, stopped: row.stopped, lastFail: row.closed}, row.let)
		if f.opened(row.at, row.at); f.mode != paced || !near(f.rate, row.want) {
			t.Errorf("%s: mode %d, %v a second, want mode %d, %v", row.name, f.mode, f.rate, paced, row.want)
		}
	}
}

// Where a rate was tried before, the first block of a window says as much: the mean is 10, and
// ten times that is tried.
func TestAWindowsFirstBlockAfterARate(t *testing.T) {
	f := shutBy(20, block{from: paced, closed: 1, stopped: 1, lastFail: 1}, evenly(10, 0, .1))
	f.rate = 5
	if f.opened(2, 2); !near(f.rate, 100) {
		t.Errorf("%v a second, want 100", f.rate)
	}
}

// What was sent before there was a Finder and is refused afterwards was not let in during the
// second before: 30 that were sent, of which 10 are refused, are 20. With the 10 of the first
// second they are 30 in 4 s; ten times that is what the window is used up with.
func TestRefusalsOfBefore(t *testing.T) {
	for load, want := range map[float64]float64{30: 75, 10: 25, 5: 25} {
		f := New(begin, load)
		for range 10 {
			f.Outcome(begin, begin-20*ms, false)
		}
		f.mode, f.block, f.let = shut, block{from: open, closed: 1, stopped: 1, lastFail: 1}, historyOf(evenly(10, 0, .1))
		if f.opened(3, 3); !near(f.rate, want) {
			t.Errorf("%v sent before, 10 of them refused: %v a second, want %v", load, f.rate, want)
		}
	}
}

// When the next probe goes: a block's length later, 0.4 of that from 0.6 s on, and no later
// than 5 ms after a usual window that began with the first that it let in (here at 0) ends.
func TestWhenTheNextProbeGoes(t *testing.T) {
	for _, row := range []struct {
		name       string
		closed, at float64
		length     float64 // of the window that is known
		want       float64
	}{
		{"20 ms at the least", .125, .13, 0, .15},
		{"as long as the block has lasted", .125, .25, 0, .375},
		{"0.6 s is still short", .6, 1.2, 0, 1.8},
		{"0.4 of what is longer", .5, 1.2, 0, 1.48},
		{"a window of a second ends sooner", .5, .9, 0, 1.005},
		{"a window that ends in 20 ms", .1, .98, 0, 1.005},
		{"one that ends in 10 ms is as good as over", .1, .99, 0, .99 + .4*.89},
		{"a window of 1.5 s that is known", .5, 1.4, 1.5, 1.505},
		{"half a minute at the most", 900.5, 1000, 0, 1030},
	} {
		f := shutBy(0, block{from: paced, closed: row.closed, stopped: row.closed})
		f.length = row.length
		f.probed(row.at, row.at, false)
		if got := f.seconds(f.Next(instant(row.at))); math.Abs(got-row.want) > 2e-9 {
			t.Errorf("%s: refused at %v, the next goes at %v, want %v", row.name, row.at, got, row.want)
		}
	}
}

// What a Finder says of a block: how many probes were refused since, not how many requests.
func TestWhyItIsShut(t *testing.T) {
	f := New(begin, 100)
	at := blocked(f)
	for probes := range 3 {
		if want := fmt.Sprintf("the server lets nothing in; %d probes were refused (%d of %d requests were refused)", probes, 6+probes, 6+probes); f.Why() != want {
			t.Errorf("after %d probes: %q, want %q", probes, f.Why(), want)
		}
		at = max(at, f.Next(at))
		f.Sent(at, false)
		f.Outcome(at+ms/2, at, false)
	}
}
