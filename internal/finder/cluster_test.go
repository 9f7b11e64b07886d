package finder

import "testing"

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
