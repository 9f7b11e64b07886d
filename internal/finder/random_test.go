package finder

import (
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

var (
	randomSeed  = flag.Uint64("seed", 1, "of TestRandomLimits")
	randomCases = flag.Int("cases", 14, "how many TestRandomLimits makes")
)

// randomCase makes a limit and a load that nothing was tuned to.
func randomCase(r *rand.Rand) (string, setting) {
	between := func(a, b float64) float64 { return a * math.Pow(b/a, r.Float64()) }
	s := setting{callers: int(between(8, 160)), takes: between(.01, 2), start: 600 + 60*r.Float64(), spread: .4 * r.Float64()}
	rate := between(3, min(300, max(3.1, .8*float64(s.callers)/s.takes)))
	name := ""
	switch r.IntN(4) {
	case 0:
		size := max(1, math.Round(rate*between(.1, 3)))
		name = fmt.Sprintf("%.1f a second, a bucket of %.0f", rate, size)
		s.length, s.limit = 120, bucketOf(rate, size)
	case 1:
		length := []float64{1, 2, 5, 10, 30, 60}[r.IntN(6)]
		n := int(math.Ceil(rate * length))
		name = fmt.Sprintf("%d in %.0f s by the clock", n, length)
		s.length, s.limit = 60+9*length, clockOf(n, length)
	case 2:
		length := []float64{1, 2, 4, 7, 10, 30, 60, 90}[r.IntN(8)]
		n := int(math.Ceil(rate * length))
		name = fmt.Sprintf("%d in any %.0f s", n, length)
		s.length, s.limit = 60+9*length, slidingOf(n, length)
	case 3:
		n := 2 + r.IntN(max(1, s.callers*2/3))
		name = fmt.Sprintf("%d at once", n)
		s.length, s.limit = 120, concurrencyOf(n)
	}
	return fmt.Sprintf("%s, %d callers by %.2f s", name, s.callers, s.takes), s
}

// Limits at random: each is reached to four tenths at least, and most to the bars.
func TestRandomLimits(t *testing.T) {
	rnd := rand.New(rand.NewPCG(*randomSeed, 77))
	held, mean := 0, 0.0
	for range *randomCases {
		name, s := randomCase(rnd)
		got, best, bare := simulate(s, by(), 1), simulate(s, ideal, 1), simulate(s, without, 1)
		good := float64(got.served) / float64(best.served)
		note := "misses"
		if good >= .94 && got.refusedShare() <= .05 {
			held++
			note = "holds"
		}
		mean += good / float64(*randomCases)
		t.Logf("%-6s %-45s %.2f of the ideal, %4.1f%% refused, %d lost; without %.2f, %4.1f%%, %d lost", note, name,
			good, 100*got.refusedShare(), got.lost, float64(bare.served)/float64(best.served), 100*bare.refusedShare(), bare.lost)
		if good < .4 {
			t.Errorf("%s: %.2f of the ideal", name, good)
		}
		if got.lost > 5 && got.lost > bare.lost {
			t.Errorf("%s: %d calls are lost, without %d", name, got.lost, bare.lost)
		}
	}
	t.Logf("%d of %d hold 0.94 and 5%%; the mean is %.2f of the ideal", held, *randomCases, mean)
	if mean < .85 || held < *randomCases/3 {
		t.Errorf("%d of %d hold, and the mean is %.2f of the ideal", held, *randomCases, mean)
	}
}
