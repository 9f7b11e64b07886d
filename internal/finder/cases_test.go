package finder

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
)

var long = flag.Bool("long", false, "run all rows of the simulation, and three times each")

var show = flag.Bool("show", false, "print what the Finder finds")

var now = flag.Bool("now", false, "with a Finder from the first request on")

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

// A row is a limit that is not stated, and what must be reached of it.
type row struct {
	name    string
	s       setting
	good    float64 // at least
	refused float64 // at most
	long    bool
}

func rows() []row {
	bars := func(name string, s setting) row { return row{name: name, s: s, good: .95, refused: .05} }
	all := []row{
		bars("50 a second, a bucket of 50", setting{callers: 64, length: 120, takes: .02, start: 600, limit: bucketOf(50, 50)}),
		bars("50 a second, a bucket of 10", setting{callers: 64, length: 120, takes: .02, start: 600, limit: bucketOf(50, 10)}),
		bars("600 a minute by the clock", setting{callers: 32, length: 600, takes: .02, start: 600, limit: clockOf(600, 60)}),
		bars("600 a minute by the clock, from :37", setting{callers: 32, length: 600, takes: .02, start: 637.37, limit: clockOf(600, 60)}),
		bars("20 in any second", setting{callers: 32, length: 120, takes: .02, start: 600, limit: slidingOf(20, 1)}),
		bars("10 in any second", setting{callers: 64, length: 240, takes: .02, start: 600, limit: slidingOf(10, 1)}),
		bars("300 a minute by the clock, 16 callers", setting{callers: 16, length: 900, takes: .02, start: 600, limit: clockOf(300, 60)}),
		bars("300 a minute, from :37", setting{callers: 64, length: 600, takes: .2, start: 637, limit: clockOf(300, 60)}),
		bars("100 in any 5 s", setting{callers: 40, length: 180, takes: .02, start: 600, limit: slidingOf(100, 5)}),
		bars("300 in any 10 s", setting{callers: 64, length: 180, takes: .2, start: 600.37, limit: slidingOf(300, 10)}),
		bars("300 in any minute", setting{callers: 64, length: 600, takes: .2, start: 617.37, limit: slidingOf(300, 60)}),
		bars("40 a second by the clock", setting{callers: 48, length: 120, takes: .02, start: 600, limit: clockOf(40, 1)}),
		bars("20 a second, a bucket of 5", setting{callers: 32, length: 180, takes: .02, start: 600, limit: bucketOf(20, 5)}),
		bars("100 a second, a bucket of 20", setting{callers: 128, length: 90, takes: .02, start: 600, limit: bucketOf(100, 20)}),
		bars("15 a second, a bucket of 15", setting{callers: 64, length: 180, takes: .02, start: 600, limit: bucketOf(15, 15)}),
		bars("50 a second of 10, answers take 1 s", setting{callers: 200, length: 120, takes: 1, start: 600.37, limit: bucketOf(50, 10)}),
		bars("50 a second of 10, and 2% by chance", setting{callers: 64, length: 120, takes: .2, start: 600.37, limit: func(r *rand.Rand) limit { return &chance{.02, r, &bucket{rate: 50, size: 10}} }}),
		bars("50 a second of 10, 10% fail otherwise", setting{callers: 64, length: 120, takes: .2, failing: .1, start: 600.37, limit: bucketOf(50, 10)}),
		bars("50 a second, then 20", setting{callers: 64, length: 120, takes: .02, start: 600, limit: limitOf(func() limit { return &bucket{rate: 50, size: 10, changesAt: 660, newRate: 20} })}),
		bars("20 a second, then 100", setting{callers: 64, length: 120, takes: .02, start: 600, limit: limitOf(func() limit { return &bucket{rate: 20, size: 10, changesAt: 660, newRate: 100} })}),
	}
	all[len(all)-1].good = .8 // it takes some ten seconds to find five times the rate
	for _, callers := range []int{16, 64, 200} {
		for _, takes := range []float64{.02, .2, 1} {
			for _, l := range []struct {
				name string
				f    func(*rand.Rand) limit
			}{
				{"bucket 50/s of 10", bucketOf(50, 10)},
				{"bucket 50/s of 50", bucketOf(50, 50)},
				{"bucket 50/s of 100", bucketOf(50, 100)},
				{"clock 50 a second", clockOf(50, 1)},
				{"sliding 50 in 1 s", slidingOf(50, 1)},
				{"sliding 300 in 10 s", slidingOf(300, 10)},
				{"concurrency 8", limitOf(func() limit { return &concurrency{n: 8} })},
			} {
				if takes*50 > float64(callers) {
					continue
				}
				r := bars(fmt.Sprintf("%s, %d by %g s", l.name, callers, takes), setting{callers: callers, length: 120, takes: takes, start: 600.37, limit: l.f})
				r.long = true
				all = append(all, r)
			}
		}
	}
	return all
}

func (r row) check(t *testing.T, seed uint64) {
	by := found
	if *now {
		by = foundNow
	}
	got, best := simulate(r.s, by, seed), simulate(r.s, ideal, seed)
	good := float64(got.served) / float64(best.served)
	refused := float64(got.refused) / float64(got.served+got.refused)
	ok := "    "
	if good < r.good || refused > r.refused {
		ok = "MISS"
	}
	t.Logf("%s %-42s %.3f of the ideal, %4.1f%% refused, %d lost", ok, r.name, good, 100*refused, got.lost)
	if good < r.good {
		t.Errorf("%.3f of the ideal is let in, want %.2f", good, r.good)
	}
	if refused > r.refused {
		t.Errorf("%.1f%% are refused, want %.1f%%", 100*refused, 100*r.refused)
	}
}

func TestLimits(t *testing.T) {
	for _, r := range rows() {
		if r.long && !*long {
			continue
		}
		t.Run(r.name, func(t *testing.T) {
			n := 1
			if *long {
				n = 3
			}
			for seed := range n {
				r.check(t, uint64(seed+1))
			}
		})
	}
}

func TestChance(t *testing.T) {
	for _, share := range []float64{0, .001, .01, .05, .1} {
		for _, s := range []setting{
			{callers: 50, length: 30, takes: .05, refusal: .05},
			{perSec: 100, length: 60, takes: .02},
			{perSec: 100, length: 60, takes: 1},
			{callers: 20, length: 30, takes: .05},
			{callers: 64, length: 30, takes: .02},
			{callers: 64, length: 60, takes: 1},
			{callers: 200, length: 30, takes: .2},
		} {
			s.start = 600.37
			s.limit = func(r *rand.Rand) limit { return &chance{share: share, rnd: r} }
			least := .98
			if share > .05 {
				least = .95 // the test whether it is chance costs a second at the begin
			}
			t.Run(fmt.Sprintf("%g%%, %d callers or %g/s, %g s", 100*share, s.callers, s.perSec, s.takes), func(t *testing.T) {
				n := 1
				if *long {
					n = 3
				}
				for seed := range n {
					by := found
					if *now {
						by = foundNow
					}
					got, bare := simulate(s, by, uint64(seed+1)), simulate(s, without, uint64(seed+1))
					good := float64(got.served) / float64(bare.served)
					ok := "    "
					if good < least {
						ok = "MISS"
					}
					t.Logf("%s %.3f of what is let in without, p50 %.3f (%.3f), p99 %.3f (%.3f)", ok, good, quantile(got.waits, .5), quantile(bare.waits, .5), quantile(got.waits, .99), quantile(bare.waits, .99))
					if good < least {
						t.Errorf("%.3f", good)
					}
				}
			})
		}
	}
}
