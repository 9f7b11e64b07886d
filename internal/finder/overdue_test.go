package finder

import "testing"

// overdueAt sends one whose time is up, and lets it be known what became of it.
func overdueAt(f *Finder, t float64, good bool) {
	at := instant(t)
	f.SentOverdue(at)
	f.Outcome(at+ms, at, good)
	f.Peek(at + ms)
}

// At a rate that was found, those whose time is up go while they are let in. Two that are
// refused are enough; then one goes now and then, and lets others go once it is let in.
func TestWhoIsOverdueGoesWhileThatIsOfUse(t *testing.T) {
	for _, row := range []struct {
		name     string
		outcomes []bool
		want     bool
	}{
		{"none went so far", nil, true},
		{"one was refused", []bool{false}, true},
		{"two were", []bool{false, false}, false},
		{"one after them was not", []bool{false, false, true}, false},
		{"two were not", []bool{false, false, true, true}, true},
	} {
		f := paceOf(10, 10, .05)
		for i, good := range row.outcomes {
			overdueAt(f, 1+float64(i)/10, good)
		}
		if got := f.LetsOverdue(instant(1.5)); got != row.want {
			t.Errorf("%s: lets another go %t, want %t", row.name, got, row.want)
		}
	}
}

// Where those whose time is up are refused, one in twenty requests goes, or one in ten seconds.
func TestHowOftenOneGoesThatIsOverdue(t *testing.T) {
	for _, row := range []struct{ rate, gap float64 }{{10, 2}, {100, .2}, {.5, 10}} {
		f := paceOf(row.rate, row.rate, .05)
		for i := range 3 {
			overdueAt(f, 1+float64(i)/100, false)
		}
		last := 1.02
		if f.LetsOverdue(instant(last+row.gap-.01)) || !f.LetsOverdue(instant(last+row.gap+.01)) {
			t.Errorf("at %v a second one does not go %v s after the last", row.rate, row.gap)
		}
	}
}

// Where a third of those that go at the rate is refused as well, it is not the rate: then those
// whose time is up go although a third of them is refused. What is refused within a second
// after one of them does not tell: it may be for lack of what that one took.
func TestWhoIsOverdueIsComparedWithOthers(t *testing.T) {
	for _, row := range []struct {
		name  string
		after float64 // one of the overdue
		want  bool
	}{
		{"others were refused as often", 2, true},
		{"they were while some went past them", .5, false},
	} {
		f := paceOf(10, 10, .05)
		f.chance = .3
		for i := range 60 {
			at := float64(i) * 3
			overdueAt(f, at, i%3 > 0)
			f.Sent(instant(at+row.after), false)
			f.Outcome(instant(at+row.after)+ms, instant(at+row.after), i%3 > 0)
			f.Peek(instant(at+row.after) + ms)
			f.mode, f.step, f.overdue.inARow = paced, .05, 0 // the rate is as found
		}
		f.overdue.refused = .4
		if got := f.LetsOverdue(instant(178.9)); got != row.want {
			t.Errorf("%s: lets another go %t, want %t", row.name, got, row.want)
		}
	}
}

// Five in a row that are let in contradict the limit: what is known of it is forgotten, and the
// rate looked for anew. They are no part of the search, so that those that are refused do
// not slow it down.
func TestWhoIsOverdueContradictsTheLimit(t *testing.T) {
	for _, start := range []mode{paced, window} {
		for _, good := range []bool{true, false} {
			f := paceOf(10, 10, .05)
			f.mode, f.windowLimit, f.next = start, windowLimit{n: 5, length: 60, proven: true}, 100
			for i := range 5 {
				if f.Guesses() {
					t.Errorf("mode %d: anew after %d", start, i)
				}
				overdueAt(f, 1+float64(i)/10, good)
			}
			if anew := f.mode == paced && f.Guesses() && f.good == 0; anew != good {
				t.Errorf("mode %d, let in %t: looks for a rate anew %t", start, good, anew)
			}
			if f.rate != 10 || f.sum > 0 || !good && f.mode != start {
				t.Errorf("mode %d, let in %t: %s, sum %v", start, good, f.Why(), f.sum)
			}
		}
	}
}

// Of a window in which refusals count, each that is refused costs another its turn.
func TestWhoIsOverdueAtAStrictWindow(t *testing.T) {
	f := paceOf(10, 10, .05)
	f.mode, f.windowLimit = window, windowLimit{n: 10, length: 60, strict: true, proven: true}
	if !f.LetsOverdue(instant(1)) {
		t.Error("the first does not go")
	}
	overdueAt(f, 1, false)
	if f.LetsOverdue(instant(2)) || !f.LetsOverdue(instant(1.01+mostProbe)) {
		t.Error("after one that was refused another goes before half a minute, or not then")
	}
}

// What is let in past a rate is let in: a cut counts it.
func TestARateIsCutToAllThatIsLetIn(t *testing.T) {
	f := paceOf(50, 0, .1)
	f.epoch = epoch{from: 9, last: 9.99, end: 10, sent: 25, refused: 5, overdue: 30, full: true, held: true}
	f.judge(10)
	if want := .93 * 50; !near(f.rate, want) {
		t.Errorf("goes on at %v a second, want %v", f.rate, want)
	}
}
