package finder

import (
	"math"
	"testing"
)

// verdictsOf feeds a new Finder with one verdict a second, 'x' being a refusal, and returns
// after how many there is a cluster, 0 if there is none.
func verdictsOf(m mode, chance float64, all string) (f *Finder, at int) {
	f = New(begin, 100)
	f.mode, f.chance = m, chance
	for i, c := range all {
		if f.clustered(float64(i+1), c != 'x') {
			return f, i + 1
		}
	}
	return f, 0
}

// How many refusals are a cluster: five in a row where a limit is known, six where none
// is, more where some come by chance, and a few more where good ones stand between.
func TestWhatIsACluster(t *testing.T) {
	for _, row := range []struct {
		name   string
		mode   mode
		chance float64
		all    string
		want   int
	}{
		{"none where no limit is known", open, 0, "xxxxx", 0},
		{"six in a row", open, 0, "xxxxxxx", 6},
		{"five in a row, with a limit", paced, 0, "xxxxxxx", 5},
		{"as many after good ones", open, 0, "........xxxxxxx", 14},
		{"one good among them", open, 0, "xxx.xxxxx", 8},
		{"every third", open, 0, "x..x..x..x..x..x..x..x..x..x..x..x..x..", 0},
		{"every second", open, 0, "x.x.x.x.x.x.x.x.x.x.x.x.x.x.x.x.x.x.x.", 19},
		{"every second, with a limit", paced, 0, "x.x.x.x.x.x.x.x.x.x.x.x.x.x.x.x.x.x.x.", 15},
		{"every second, and a third is chance", open, .33, "x.x.x.x.x.x.x.x.x.x.x.x.x.x.x.x.x.x.x.", 0},
		{"in a row, and a third is chance", open, .33, "xxxxxxxxxxxxxxxx", 13},
	} {
		if _, got := verdictsOf(row.mode, row.chance, row.all); got != row.want {
			t.Errorf("%s: a cluster after %d, want %d", row.name, got, row.want)
		}
	}
}

// A cluster begins with the first refusal that good verdicts have not outweighed.
func TestWhenAClusterBegan(t *testing.T) {
	for _, row := range []struct {
		all  string
		want float64
	}{
		{"..xx", 3}, {"..xx.x", 3}, {"x...xx", 5}, {"x....", 0}, {"", 0},
	} {
		if f, _ := verdictsOf(open, 0, row.all); f.firstBad != row.want {
			t.Errorf("%s: began with %v, want %v", row.all, f.firstBad, row.want)
		}
	}
}

func TestQuestionsToAHistory(t *testing.T) {
	var h history
	for _, at := range []float64{1, 2, 2, 3, 7} {
		h.add(at)
	}
	for _, row := range []struct {
		from, to float64
		want     int
	}{
		{0, 1, 0}, {0, 1.5, 1}, {1, 2, 1}, {2, 3, 2}, {2, 3.5, 3}, {3, 7, 1}, {7, 8, 1}, {8, 9, 0}, {0, math.Inf(1), 5},
	} {
		if got := h.between(row.from, row.to); got != row.want {
			t.Errorf("from %v to %v: %d, want %d", row.from, row.to, got, row.want)
		}
	}
	for n, want := range map[int]float64{1: 1, 2: 2, 3: 2, 4: 3, 5: 7, 6: 7} {
		if got := h.nth(n); got != want {
			t.Errorf("the %d-th was let in at %v, want %v", n, got, want)
		}
	}
	for _, row := range []struct {
		length, end float64
		want        int
	}{
		{.5, 10, 2}, {1, 10, 2}, {1.5, 10, 3}, {2, 10, 3}, {2.5, 10, 4}, {6, 10, 4}, {6.5, 10, 5}, {6.5, 7, 4}, {6.5, 2, 1}, {1, 1, 0},
	} {
		if got := h.most(row.length, row.end); got != row.want {
			t.Errorf("most in %v before %v: %d, want %d", row.length, row.end, got, row.want)
		}
	}
	if h.remove(2); h.between(2, 3) != 1 || h.all() != 4 {
		t.Errorf("after one of two is taken back: %d of %d", h.between(2, 3), h.all())
	}
}

// A history that is thinned counts all, and those of the last hour nearly when they were.
func TestAHistoryIsThinned(t *testing.T) {
	var h history
	n := 0
	for at := 0.0; at < 3*keepFor; at += .5 {
		h.add(at)
		n++
	}
	if len(h.moments) > maxHistory || h.all() != n {
		t.Errorf("%d moments of %d, want all counted in %d", len(h.moments), h.all(), maxHistory)
	}
	end := h.moments[len(h.moments)-1].at
	if h.moments[0].at < end-1.5*keepFor || h.moments[0].at > end-keepFor/2 {
		t.Errorf("the oldest moment is %v s ago, want about %v", end-h.moments[0].at, keepFor)
	}
	for _, ago := range []float64{1, 10, 100, 1000, 3000} {
		want := 2*ago + 1
		if got := float64(h.between(end-ago, end+1)); got < want-1 || got > want*(1+2*thinTo)+1 {
			t.Errorf("in the last %v s: %v, want %v", ago, got, want)
		}
	}
	if before := h.all(); true {
		h.remove(0) // long forgotten
		if h.all() != before-1 || h.between(end-1000, end+1) < 2000 {
			t.Errorf("after one that is forgotten was taken back: %d in all", h.all())
		}
	}
}
