package finder

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// historyOf is the history of what was sent at those moments.
func historyOf(moments ...[]float64) (h history) {
	for _, all := range moments {
		for _, at := range all {
			h.add(at)
		}
	}
	return h
}

// evenly returns n moments from a on, a step apart.
func evenly(n int, a, step float64) (all []float64) {
	for i := range n {
		all = append(all, a+float64(i)*step)
	}
	return all
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

func TestHistory(t *testing.T) {
	var h history
	r := rand.New(rand.NewPCG(1, 1))
	var all []float64
	for at := 0.0; at < 200; at += r.ExpFloat64() / 100 {
		h.add(at)
		all = append(all, at)
		if n := len(all); r.IntN(20) == 0 && n > 3 {
			h.remove(all[n-3])
			all = append(all[:n-3], all[n-2:]...)
		}
	}
	now := all[len(all)-1]
	for _, ago := range []float64{.01, .1, 1, 5, 10, 60} {
		want, least := 0, 0
		for _, at := range all {
			if at >= now-ago {
				want++
			}
			if at >= now-ago*(1-2*thinTo) {
				least++
			}
		}
		got := h.between(now-ago, now+1)
		if got < want-1 || float64(got) > float64(want)+2*thinTo*ago*100+3 {
			t.Errorf("in the last %g s: %d, want %d", ago, got, want)
		}
	}
}

// What is taken back is missing where it was, and nowhere else: also if it is the first, if
// nothing is known of it any more, or never was.
func TestWhatIsTakenBack(t *testing.T) {
	for _, row := range []struct {
		at                     float64
		all, fromFirst, second int // since ever, since the first moment, and before the second
	}{
		{10, 6, 2, 4}, {11, 6, 2, 5}, {12, 6, 2, 5}, {5, 6, 3, 4}, {13, 7, 3, 5},
	} {
		h := history{dropped: 4, moments: []moment{{10, 5}, {11, 6}, {12, 7}}}
		h.remove(row.at)
		if got := h.between(10, 20); h.all() != row.all || got != row.fromFirst || h.before(11) != row.second {
			t.Errorf("without one at %v: %d, since 10 %d, before 11 %d; want %d, %d, %d", row.at, h.all(), got, h.before(11), row.all, row.fromFirst, row.second)
		}
	}
	var none history
	if none.remove(1); none.all() != 0 {
		t.Errorf("taken back from nothing: %d are left", none.all())
	}
}

// What a history that has to make room keeps: not what is older than an hour and 100 s, and of
// what is close together, as seen from now, every second moment.
func TestWhatAHistoryKeeps(t *testing.T) {
	for _, row := range []struct {
		name string
		let  []float64
		now  float64
		want []float64
	}{
		{"an hour and 100 s old", []float64{100, 2000, 3000}, 3800, []float64{100, 2000, 3000}},
		{"older", []float64{100, 2000, 3000}, 3801, []float64{2000, 3000}},
		{"the two beside it are a 64th of its age apart", []float64{0, .5, 1}, 64.5, []float64{0, 1}},
		{"they are more than that apart", []float64{0, .5, 1}, 64.25, []float64{0, .5, 1}},
	} {
		h := historyOf(row.let)
		h.thin(row.now)
		var got []float64
		for _, m := range h.moments {
			got = append(got, m.at)
		}
		if !slices.Equal(got, row.want) || h.all() != len(row.let) {
			t.Errorf("%s: %v are kept at %v, want %v; %d of %d are counted", row.name, got, row.now, row.want, h.all(), len(row.let))
		}
	}
}
