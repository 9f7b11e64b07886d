package finder

import (
	"math"
	"strings"
	"testing"
	"time"
)

// At a rate, five refusals in a row are a cluster. What was refused before a pause of more than
// a second, in which five could have gone, tells nothing of what is refused after it.
func TestRefusalsBeforeAPause(t *testing.T) {
	for _, row := range []struct {
		name        string
		rate, pause float64
		want        mode
	}{
		{"a second", 10, 1, shut},
		{"longer", 10, 1.25, paced},
		{"at one a second, as long as five take", 1, 5, shut},
		{"at one a second, longer than that", 1, 5.25, paced},
		{"at one a second, no longer than a few take", 1, 1.25, shut},
	} {
		f := New(begin, 0)
		f.mode, f.rate = paced, row.rate
		for _, at := range []float64{1, 1.25, 1.5, 1.75, 1.75 + row.pause} {
			f.Sent(instant(at), false)
			f.Outcome(instant(at), instant(at), false)
		}
		if f.mode != row.want {
			t.Errorf("%s: mode %d, want %d", row.name, f.mode, row.want)
		}
	}
}

// At which rate and in which steps one goes on after a block in which n requests tell the rate.
func TestHowARateBegins(t *testing.T) {
	for _, row := range []struct {
		name         string
		from         mode
		usedUp, mean float64
		n            int
		rate, step   float64
		known        bool
	}{
		{"one tells little: steps of a quarter", paced, 20, 20, 1, 20, .25, false},
		{"seven: a seventh", paced, 20, 20, 7, 20, 1. / 7, false},
		{"from eight on it is the rate: an eighth", paced, 20, 20, 8, 20, .125, true},
		{"a hundred: a fiftieth is the least", paced, 20, 20, 100, 20, .02, true},
		{"three fifths of the way from the mean, of three", paced, 10, 20, 3, between(10, 20, 3), 1. / 3, false},
		{"what is used up first is no less than usual", open, 20, 10, 8, 20, .125, true},
		{"of a rate of 100 two fifths are kept", paced, 20, 20, 8, 40, .125, true},
		{"of a window of 100 in 2 s, too", window, 5, 5, 8, 20, .125, true},
		{"where nobody was held back, nothing", open, 5, 5, 8, 5, .125, true},
	} {
		f := New(begin, 0)
		f.rate, f.block.from, f.windowLimit = 20, row.from, windowLimit{n: 100, length: 2}
		if row.rate == 40 || row.from == open {
			f.rate = 100
		}
		want := min(mostStep, row.step)
		f.begin(row.usedUp, row.mean, row.n)
		if !near(f.rate, row.rate) || !near(f.step, want) || (f.good > 0) != row.known {
			t.Errorf("%s: %v a second, step %v, known %v; want %v, %v, %t", row.name, f.rate, f.step, f.good, row.rate, want, row.known)
		}
	}
}

// paceOf returns a Finder that goes at a rate, where good is the rate that was let in when the
// limit was last used up.
func paceOf(rate, good, step float64) *Finder {
	f := New(begin, 0)
	f.mode, f.rate, f.good, f.step = paced, rate, good, step
	return f
}

// judged judges an epoch of half a second that ends at t, in which somebody was held back.
func judged(f *Finder, t float64, sent, refused int) {
	f.epoch = epoch{from: t - .5, last: t - .01, end: t, sent: sent, refused: refused, full: true, held: true}
	f.judge(t)
}

// What is more than chance: above 4% more by one standard deviation, which are two of 25. With
// three of them, at 50 a second, it goes to 0.93 of the 44 that were let in.
func TestWhenARateIsTooHigh(t *testing.T) {
	for _, row := range []struct {
		sent, refused int
		chance        float64
		want          bool
	}{
		{25, 0, 0, false}, {25, 2, 0, false}, {25, 3, 0, true}, {25, 3, .02, true}, {25, 3, .03, false}, {10, 1, 0, false}, {10, 2, 0, true},
	} {
		f := paceOf(50, 0, .1)
		f.chance = row.chance
		judged(f, 10, row.sent, row.refused)
		want := 50 * 1.2 // the step doubles
		if row.want {
			want = .93 * max(25, float64(row.sent-row.refused)/.5)
		}
		if tried := strings.Contains(f.Why(), "on trial"); tried != row.want || !near(f.rate, want) {
			t.Errorf("%d of %d refused, %v by chance: on trial %t, %v a second, want %t, %v", row.refused, row.sent, row.chance, tried, f.rate, row.want, want)
		}
	}
}

// A rate grows in steps that double, from 1% to 25%; between 0.85 and 1.2 of what the limit let
// in when it was used up last, in steps of 3% at most.
func TestHowARateGrows(t *testing.T) {
	for _, row := range []struct{ rate, good, step, want float64 }{
		{100, 1000, 0, 1.01}, {100, 1000, .05, 1.1}, {100, 1000, .2, 1.25},
		{16, 20, .05, 1.1}, {17, 20, .05, 1.1}, {17.25, 20, .05, 1.03}, {20, 20, .05, 1.03}, {20, 20, .005, 1.01},
		{11.75, 10, .05, 1.03}, {12, 10, .05, 1.1}, {13, 10, .05, 1.1},
	} {
		f := paceOf(row.rate, row.good, row.step)
		judged(f, 10, 25, 0)
		if got := f.rate / row.rate; !near(got, row.want) {
			t.Errorf("%v a second, %v when it was used up, step %v: grows to %v, want %v", row.rate, row.good, row.step, got, row.want)
		}
	}
}

// After a cut at 10 s nothing grows for 3 s, however the trial ended: at 50 a second four of 25
// were refused, so it goes on at 0.985 of the 42 that were let in.
func TestNoGrowthAfterACut(t *testing.T) {
	f := paceOf(50, 0, .1)
	judged(f, 10, 25, 4)
	judged(f, 10.5, 50, 0)
	after := .985 * 42
	if !near(f.rate, after) || strings.Contains(f.Why(), "on trial") {
		t.Fatalf("after the trial: %s, want %v a second", f.Why(), after)
	}
	for _, row := range []struct{ at, want float64 }{{11, after}, {12.99, after}, {13, 1.01 * after}} {
		if judged(f, row.at, 25, 0); !near(f.rate, row.want) {
			t.Errorf("at %v: %v a second, want %v", row.at, f.rate, row.want)
		}
	}
}

// A trial ends when one answer is e^2 as likely as the other: "as before" means the middle of
// what was refused and of chance, and 4% more than chance at least.
func TestWhenATrialEnds(t *testing.T) {
	for _, row := range []struct {
		name          string
		share, chance float64
		refused       []int // of 50 in each epoch
		want          bool  // it has ended
	}{
		// 50·ln(0.86/0.9) = -2.3, with 14% against 10%.
		{"nobody, where a tenth is chance and 12% were refused", .12, .1, []int{0}, true},
		// ln(0.14/0.1) + 49·ln(0.86/0.9) = -1.9.
		{"one of 50", .12, .1, []int{1}, false},
		{"the next epoch tells", .12, .1, []int{1, 1}, true},
		{"no epoch tells, three are enough", .12, .1, []int{6, 6}, false},
		{"three", .12, .1, []int{6, 6, 6}, true},
	} {
		f := paceOf(50, 0, .1)
		f.chance = row.chance
		f.try(10, 50, row.share)
		for i, n := range row.refused {
			judged(f, 10.5+float64(i)/2, 50, n)
		}
		if got := !f.trial.running; got != row.want {
			t.Errorf("%s: ended %t, want %t", row.name, got, row.want)
		}
	}
}

// A trial that finds chance goes on with 1.25 of the rate before it, and one that finds a limit
// with 0.985 of what was let in.
func TestWhatATrialFinds(t *testing.T) {
	f := paceOf(100, 0, .1)
	judged(f, 10, 50, 10)
	for i := range 3 {
		judged(f, 11+float64(i), 50, 10)
	}
	if !near(f.rate, 125) || f.chance != .2 || f.mode != paced {
		t.Errorf("a fifth is refused at any rate: %s, want 125 a second", f.Why())
	}
	f = New(begin, 0)
	f.epoch = epoch{from: 9, last: 10, end: 10, sent: 300, refused: 60, full: true}
	f.judge(10)
	if want := trialAt * 240; !near(f.rate, want) || f.mode != paced {
		t.Errorf("60 of 300 are refused in a second where nobody was held back: %v a second, want %v", f.rate, want)
	}
	for i := range 3 {
		judged(f, 11+float64(i), 50, 10)
	}
	if f.mode != open || math.Abs(f.chance-.2) > 1e-9 {
		t.Errorf("a fifth is refused at any rate, as before: %s", f.Why())
	}
}

// Half of what is sent in an epoch goes again, of which the outcomes do not count. What is let in
// is a share of all: at 50 a second a fifth of those that count is refused, so 40 are let in.
func TestWhatGoesAgainIsLetInToo(t *testing.T) {
	f := paceOf(50, 0, .1)
	f.epoch = epoch{from: 9, last: 9.99, end: 10, sent: 25, besides: 25, refused: 5, full: true, held: true}
	f.judge(10)
	if want := .93 * 40; !near(f.rate, want) {
		t.Errorf("goes on at %v a second, want %v", f.rate, want)
	}
}

// While little is known of a rate, it grows after five requests, whoever sent them.
func TestSlowStartCountsWhatGoesAgain(t *testing.T) {
	for _, row := range []struct {
		name  string
		again int // of how many requests one is a first attempt
	}{
		{"first attempts alone", 1},
		{"every second goes again", 2},
		{"two of three go again", 3},
	} {
		f := paceOf(1, 0, mostStep)
		sent := 0
		for t := instant(1); f.rate == 1 && sent < 50; sent++ {
			t = f.Next(t + ms)
			f.Sent(t, sent%row.again > 0)
			f.Outcome(t+ms, t, true)
		}
		if want := 6; sent != want { // the sixth ends the epoch
			t.Errorf("%s: grows after %d requests, want %d", row.name, sent, want)
		}
	}
}

// A server that let in three a second refuses all for ten seconds, and then nothing. The rate
// is as before within two seconds, unless one more is refused; what never was let in is looked
// for step by step.
func TestBackToWhatWasLetIn(t *testing.T) {
	for _, row := range []struct {
		name    string
		load    float64
		refused int // which after the block is; 0 is none
		want    float64
	}{
		{"three a second before", 3, 0, 3},
		{"of which the third is refused after the block", 3, 3, 1},
		{"one a second before", 1, 0, 1},
		{"none before", 0, 0, 1},
	} {
		f := New(begin, row.load)
		f.Outcome(begin, begin-ms, false)
		n, end := 0, instant(20)
		for t := instant(.1); t < end; t += ms {
			if f.Next(t) > t {
				continue
			}
			f.Sent(t, false)
			if t > instant(10) {
				n++
			}
			if n == 1 {
				end = t.Add(2 * time.Second)
			}
			f.Outcome(t+ms, t, n > 0 && n != row.refused)
		}
		if got := f.Rate(end); got != row.want {
			t.Errorf("%s: %v a second two seconds later, want %v", row.name, got, row.want)
		}
	}
}

// A rate is a guess while it grows after a block and nothing is refused, and while what little
// was refused may be chance.
func TestGuesses(t *testing.T) {
	f := paceOf(10, 0, mostStep)
	for i, row := range []struct{ refused, want bool }{
		{false, true}, {true, false}, {false, false}, {false, false}, {false, true}, {true, false}, {true, false},
	} {
		at := instant(1 + float64(i)/10)
		f.Sent(at, false)
		f.Outcome(at+ms, at, !row.refused)
		f.Peek(at + ms)
		if got := f.Guesses(); got != row.want {
			t.Errorf("after request %d: a guess %t, want %t", i, got, row.want)
		}
	}
	for name, f := range map[string]*Finder{"open": New(begin, 0), "found in small steps": paceOf(10, 10, .05), "shut": shutBy(0, block{})} {
		if f.Guesses() {
			t.Errorf("%s: is called a guess", name)
		}
	}
}
