package finder

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
)

var (
	long  = flag.Bool("long", false, "run all rows of the simulation, three times each")
	show  = flag.Bool("show", false, "print what the Finder finds, whenever it changes")
	first = flag.Bool("first", false, "make the Finder at the first request instead of the first refusal")
)

// by is who decides in the simulation.
func by() strategy {
	if *first {
		return foundNow
	}
	return found
}

func times() int {
	if *long {
		return 3
	}
	return 1
}

func limitOf(f func() limit) func(*rand.Rand) limit {
	return func(*rand.Rand) limit { return f() }
}

func bucketOf(rate, size float64) func(*rand.Rand) limit {
	return limitOf(func() limit { return &bucket{rate: rate, size: size} })
}

func clockOf(n int, length float64) func(*rand.Rand) limit {
	return limitOf(func() limit { return &clockWindow{n: n, length: length} })
}

func slidingOf(n int, length float64) func(*rand.Rand) limit {
	return limitOf(func() limit { return &sliding{n: n, length: length} })
}

// fallsTo is a window that lets in n after the first minute.
func fallsTo(n int, window func(*rand.Rand) limit) func(*rand.Rand) limit {
	return func(r *rand.Rand) limit { return &changingWindow{*window(r).(*sliding), 660, n} }
}

func strictOf(n int, length float64) func(*rand.Rand) limit {
	return limitOf(func() limit { return &sliding{n: n, length: length, strict: true} })
}

func concurrencyOf(n int) func(*rand.Rand) limit {
	return limitOf(func() limit { return &concurrency{n: n} })
}

// A row is a limit that is not stated, and what must be reached of it.
type row struct {
	name    string
	s       setting
	good    float64 // of the ideal, at least
	refused float64 // at most
	long    bool
}

func rows() (all []row) {
	add := func(name string, s setting) *row {
		all = append(all, row{name: name, s: s, good: .95, refused: .05})
		return &all[len(all)-1]
	}
	add("50 a second, a bucket of 50", setting{callers: 64, length: 120, takes: .02, start: 600, limit: bucketOf(50, 50)})
	add("50 a second, a bucket of 10", setting{callers: 64, length: 120, takes: .02, start: 600, limit: bucketOf(50, 10)})
	add("600 a minute by the clock", setting{callers: 32, length: 600, takes: .02, start: 600, limit: clockOf(600, 60)})
	add("600 a minute by the clock, begun at :37", setting{callers: 32, length: 600, takes: .02, start: 637.37, limit: clockOf(600, 60)})
	add("20 in any second", setting{callers: 32, length: 120, takes: .02, start: 600, limit: slidingOf(20, 1)})
	add("10 in any second", setting{callers: 64, length: 240, takes: .02, start: 600, limit: slidingOf(10, 1)})
	// One in a hundred more is given for limits that fall: see refit.
	add("30 in any second, strict", setting{callers: 32, length: 120, takes: .02, start: 600, limit: strictOf(30, 1)}).good = .94
	add("50 in any second, strict", setting{callers: 64, length: 120, takes: .02, start: 600, limit: strictOf(50, 1)})
	// Begun at 7, a window of 10 is found by one in a hundred more.
	add("10 in any second, strict", setting{callers: 32, length: 240, takes: .02, start: 600, limit: strictOf(10, 1)}).good = .94
	add("300 a minute by the clock, 16 callers", setting{callers: 16, length: 900, takes: .02, start: 600, limit: clockOf(300, 60)})
	add("300 a minute by the clock, begun at :37", setting{callers: 64, length: 600, takes: .2, start: 637, limit: clockOf(300, 60)})
	add("100 in any 5 s", setting{callers: 40, length: 180, takes: .02, start: 600, limit: slidingOf(100, 5)})
	add("300 in any 10 s", setting{callers: 64, length: 180, takes: .2, start: 600.37, limit: slidingOf(300, 10)})
	add("300 in any minute", setting{callers: 64, length: 600, takes: .2, start: 617.37, limit: slidingOf(300, 60)})
	add("40 a second by the clock", setting{callers: 48, length: 120, takes: .02, start: 600, limit: clockOf(40, 1)})
	add("20 a second, a bucket of 5", setting{callers: 32, length: 180, takes: .02, start: 600, limit: bucketOf(20, 5)})
	add("100 a second, a bucket of 20", setting{callers: 128, length: 90, takes: .02, start: 600, limit: bucketOf(100, 20)})
	add("15 a second, a bucket of 15", setting{callers: 64, length: 180, takes: .02, start: 600, limit: bucketOf(15, 15)})
	add("a bucket, answers take 1 s", setting{callers: 200, length: 120, takes: 1, start: 600.37, limit: bucketOf(50, 10)})
	add("a bucket, and 2% by chance", setting{callers: 64, length: 120, takes: .2, start: 600.37, limit: func(r *rand.Rand) limit { return &chance{.02, r, &bucket{rate: 50, size: 10}} }})
	add("a bucket, and 10% fail otherwise", setting{callers: 64, length: 120, takes: .2, failing: .1, start: 600.37, limit: bucketOf(50, 10)})
	add("50 a second, then 20", setting{callers: 64, length: 120, takes: .02, start: 600, limit: limitOf(func() limit { return &bucket{rate: 50, size: 10, changesAt: 660, newRate: 20} })})
	// A limit falls, as when another process comes that shares it.
	for _, to := range []int{30, 20, 10} {
		for _, takes := range []float64{.02, .2} {
			add(fmt.Sprintf("40 in any second, then %d, by %g s", to, takes), setting{callers: 64, length: 240, takes: takes, start: 600, limit: fallsTo(to, slidingOf(40, 1))})
		}
	}
	add("200 in any 10 s, then 100", setting{callers: 64, length: 360, takes: .05, start: 600, limit: fallsTo(100, slidingOf(200, 10))})
	// To find five times the rate takes some ten seconds.
	add("20 a second, then 100", setting{callers: 64, length: 120, takes: .02, start: 600, limit: limitOf(func() limit { return &bucket{rate: 20, size: 10, changesAt: 660, newRate: 100} })}).good = .8

	for _, callers := range []int{16, 64, 200} {
		for _, takes := range []float64{.02, .2, 1} {
			if takes*50 > float64(callers) {
				continue // they cannot use it up
			}
			for name, l := range map[string]func(*rand.Rand) limit{
				"a bucket of 10 at 50 a second":  bucketOf(50, 10),
				"a bucket of 50 at 50 a second":  bucketOf(50, 50),
				"a bucket of 100 at 50 a second": bucketOf(50, 100),
				"50 a second by the clock":       clockOf(50, 1),
				"50 in any second":               slidingOf(50, 1),
				"300 in any 10 s":                slidingOf(300, 10),
				"8 at once":                      concurrencyOf(8),
			} {
				r := add(fmt.Sprintf("%s, %d callers by %g s", name, callers, takes), setting{callers: callers, length: 120, takes: takes, start: 600.37, limit: l})
				r.long, r.good = true, .94
				switch {
				case name == "8 at once": // not looked for, but reached to a large part
					r.good, r.refused = .8, .25
				case callers == 200: // those who are refused at the start are already 2 to 6%
					r.refused = .09
				}
			}
		}
	}
	return all
}

func TestLimits(t *testing.T) {
	for _, r := range rows() {
		if r.long && !*long {
			continue
		}
		t.Run(r.name, func(t *testing.T) {
			for seed := range times() {
				got, best := simulate(r.s, by(), uint64(seed+1)), simulate(r.s, ideal, uint64(seed+1))
				good, refused := float64(got.served)/float64(best.served), got.refusedShare()
				t.Logf("%.3f of the ideal, %.1f%% refused, %d lost: %s", good, 100*refused, got.lost, got.f.Why())
				if good < r.good {
					t.Errorf("%.3f of the ideal is let in, want %.2f", good, r.good)
				}
				if refused > r.refused {
					t.Errorf("%.1f%% are refused, want at most %.1f%%", 100*refused, 100*r.refused)
				}
				if got.lost > 0 && r.good >= .95 {
					t.Errorf("%d calls are lost", got.lost)
				}
			}
		})
	}
}

// Refusals that do not depend on the rate leave it alone; none at all as well.
func TestChance(t *testing.T) {
	for i, s := range []setting{
		{callers: 50, length: 20, takes: .05, refusal: .05},
		{callers: 200, length: 20, takes: .2},
		{perSec: 100, length: 40, takes: 1},
		{perSec: 100, length: 60, takes: .02},
		{callers: 20, length: 30, takes: .05},
		{callers: 64, length: 30, takes: .02},
		{callers: 64, length: 60, takes: 1},
	} {
		if i >= 3 && !*long {
			break
		}
		for _, share := range []float64{0, .001, .01, .05, .1, .2} {
			s.start = 600.37
			s.limit = func(r *rand.Rand) limit { return &chance{share: share, rnd: r} }
			least := .98
			if share > .05 {
				least = .95 // the test whether it is chance costs a second at the beginning
			}
			t.Run(fmt.Sprintf("%g%% of %d callers or %g a second, by %g s", 100*share, s.callers, s.perSec, s.takes), func(t *testing.T) {
				for seed := range times() {
					got, bare := simulate(s, by(), uint64(seed+1)), simulate(s, without, uint64(seed+1))
					good := float64(got.served) / float64(bare.served)
					p50, p50Bare := quantile(got.waits, .5), quantile(bare.waits, .5)
					t.Logf("%.3f of what is let in without, median %.3f s (%.3f)", good, p50, p50Bare)
					if good < least {
						t.Errorf("%.3f of what is let in without, want %.2f", good, least)
					}
					if p50 > 1.05*p50Bare {
						t.Errorf("the median call takes %.3f s, without %.3f", p50, p50Bare)
					}
				}
			})
		}
	}
}

// Bursts with rests between them take no longer than with nobody who decides.
func TestBursts(t *testing.T) {
	for name, l := range map[string]func(*rand.Rand) limit{
		"no limit":                      func(r *rand.Rand) limit { return &chance{rnd: r} },
		"1% by chance":                  func(r *rand.Rand) limit { return &chance{share: .01, rnd: r} },
		"a bucket of 10 at 50 a second": bucketOf(50, 10),
		"20 in any second":              slidingOf(20, 1),
	} {
		t.Run(name, func(t *testing.T) {
			s := setting{burst: 64, length: 300, takes: .02, start: 600.37, limit: l}
			got, bare := simulate(s, by(), 1), simulate(s, without, 1)
			p50, p50Bare := quantile(got.waits, .5), quantile(bare.waits, .5)
			worst, worstBare := quantile(got.waits, 1), quantile(bare.waits, 1)
			t.Logf("median %.2f s (without %.2f), at most %.2f (%.2f), %.0f%% refused (%.0f%%)", p50, p50Bare, worst, worstBare, 100*got.refusedShare(), 100*bare.refusedShare())
			if p50 > 1.1*p50Bare+.05 || worst > 1.1*worstBare+.05 {
				t.Errorf("calls take %.2f s, at most %.2f; without %.2f, at most %.2f", p50, worst, p50Bare, worstBare)
			}
		})
	}
}

// All callers of a host that has no limit are soon on their way.
func TestNoLimit(t *testing.T) {
	s := setting{callers: 64, length: 5, takes: 1, start: 600, limit: func(r *rand.Rand) limit { return &chance{rnd: r} }}
	got := simulate(s, by(), 1)
	if len(got.servedAt) < 64 {
		t.Fatalf("%d requests, want 64 at least", len(got.servedAt))
	}
	if last := got.servedAt[63] - s.start; last > .31 {
		t.Errorf("the 64th request is on its way after %.2f s, want 0.3", last)
	}
}
