package finder

import (
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

var (
	seedFlag = flag.Uint64("seed", 1, "of TestRandomLimits")
	onlyFlag = flag.String("only", "", "")
	manyFlag = flag.Int("random", 60, "how many cases TestRandomLimits makes")
)

// randomCase makes a limit and a load for it that nothing was tuned to.
func randomCase(r *rand.Rand) (string, setting) {
	between := func(a, b float64) float64 { return a * math.Pow(b/a, r.Float64()) }
	s := setting{callers: int(between(8, 160)), takes: between(.01, 2), start: 600 + 60*r.Float64(), spread: .4 * r.Float64()}
	rate := between(3, max(3.1, .8*float64(s.callers)/s.takes))
	name := ""
	switch r.IntN(4) {
	case 0:
		size := max(1, math.Round(rate*between(.1, 3)))
		name = fmt.Sprintf("bucket %.1f/s of %.0f", rate, size)
		s.length, s.limit = 120, bucketOf(rate, size)
	case 1:
		length := []float64{1, 2, 5, 10, 30, 60}[r.IntN(6)]
		n := int(math.Ceil(rate * length))
		name = fmt.Sprintf("clock %d in %.0f s", n, length)
		s.length, s.limit = 60+9*length, clockOf(n, length)
	case 2:
		length := []float64{1, 2, 4, 7, 10, 30, 60, 90}[r.IntN(8)]
		n := int(math.Ceil(rate * length))
		name = fmt.Sprintf("sliding %d in %.0f s", n, length)
		s.length, s.limit = 60+9*length, slidingOf(n, length)
	case 3:
		n := 2 + r.IntN(max(1, s.callers*2/3))
		name = fmt.Sprintf("concurrency %d", n)
		s.length, s.limit = 120, limitOf(func() limit { return &concurrency{n: n} })
	}
	return fmt.Sprintf("%s, %d by %.2f s", name, s.callers, s.takes), s
}

func TestRandomLimits(t *testing.T) {
	rnd := rand.New(rand.NewPCG(*seedFlag, 77))
	held, worse, n := 0, 0, 0
	for range *manyFlag {
		// debug
		name, s := randomCase(rnd)
		if *onlyFlag != "" && !strings.Contains(name, *onlyFlag) {
			continue
		}
		got, best, bare := simulate(s, found, 1), simulate(s, ideal, 1), simulate(s, without, 1)
		good := float64(got.served) / float64(best.served)
		goodBare := float64(bare.served) / float64(best.served)
		refused := float64(got.refused) / float64(got.served+got.refused)
		refusedBare := float64(bare.refused) / float64(bare.served+bare.refused)
		n++
		note := "MISS"
		if good >= .94 && refused <= .05 {
			held++
			note = "    "
		}
		if good < .98*goodBare {
			worse++
			note += " WORSE"
		}
		t.Logf("%s %-40s %.2f of the ideal, %4.1f%% refused, %d lost; without %.2f, %4.1f%%, %d lost", note, name, good, 100*refused, got.lost, goodBare, 100*refusedBare, bare.lost)
	}
	t.Logf("%d of %d hold, %d are worse than without", held, n, worse)
}
