package finder

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// A window that began with the first request that it let in, here at opening, and was used up by
// closed. Where there was an earlier burst of ten, no window that slides explains the block: it
// would be of ten, and was far from full.
func TestWindowsThatBeginWithTheirFirstRequest(t *testing.T) {
	burst := evenly(10, 60, .05)
	for _, row := range []struct {
		name                 string
		openingFail, opening float64
		closed, lastFail, at float64
		let                  [][]float64
		want                 bool
		n                    int
		length               float64
	}{
		{"ten in 7 s", 9.5, 10, 14, 16.5, 17, [][]float64{evenly(10, 10, .25)}, false, 0, 0}, // used up in more than half of it
		{"ten in 7 s, used up at once", 9.5, 10, 11, 16.5, 17, [][]float64{evenly(10, 10, .1)}, true, 10, 7},
		{"one that was let in together with the first refused counts", 9.5, 10, 11, 16.5, 17, [][]float64{evenly(10, 10, .1), {11}}, true, 11, 7},
		{"used up in just half of it", 9.5, 10, 14, 17.5, 18, [][]float64{evenly(10, 10, .1)}, true, 10, 8},
		{"used up a little later", 9.5, 10, 14.01, 17.5, 18, [][]float64{evenly(10, 10, .1)}, false, 0, 0},
		{"one is no window: two at least", 9.5, 10, 11, 16.5, 17, [][]float64{{10}}, true, 2, 7},
		{"9.5 s, and it may have begun 0.6 s sooner: it is 10 s", 9.4, 10, 11, 19, 19.5, [][]float64{evenly(10, 10, .1)}, true, 10, 10},
		{"9.5 s, and 0.5 s sooner it was shut for sure", 9.5, 10, 11, 19, 19.5, [][]float64{evenly(10, 10, .1)}, true, 10, 9.5},
		{"9 s is not nearly 10", 5, 10, 11, 18.5, 19, [][]float64{evenly(10, 10, .1)}, true, 10, 9},
		{"it ended between 9.5 s and 13 s: it is 10 s", 9.5, 10, 11, 19.5, 23, [][]float64{evenly(10, 10, .1)}, true, 10, 10},
		{"it was still shut after 10.5 s: it is no window of 10 s", 99.5, 100, 100.25, 110.5, 113, [][]float64{burst, evenly(4, 100, .0625)}, true, 4, 13},
		{"it ended between 9 s and 16 s: it is the longer of two", 99.5, 100, 100.25, 109, 116, [][]float64{burst, evenly(4, 100, .0625)}, true, 4, 15},
		{"a second is the shortest", 99.5, 100, 100.25, 100.9, 101, [][]float64{burst, evenly(4, 100, .0625)}, true, 4, 1},
		{"what is shorter is a bucket's", 99.5, 100, 100.25, 100.9, 100.99, [][]float64{burst, evenly(4, 100, .0625)}, false, 0, 0},
		{"an hour is the longest", 99.5, 100, 101, 3690, 3700, [][]float64{burst, evenly(4, 100, .0625)}, true, 4, 3600},
		{"of what is longer nothing is to gain", 99.5, 100, 101, 3690, 3700.5, [][]float64{burst, evenly(4, 100, .0625)}, false, 0, 0},
	} {
		f := shutBy(0, block{closed: row.closed, lastFail: row.lastFail, opening: row.opening, openingFail: row.openingFail}, row.let...)
		if got := f.fit(row.at); got != row.want || f.n != row.n || f.length != row.length {
			t.Errorf("%s: %t, %d in %v s, want %t, %d in %v s", row.name, got, f.n, f.length, row.want, row.n, row.length)
		}
	}
}

// A window whose length is known stays that if it was about as full as before when the last
// probe was refused at 10, and had room when the one at 10.5 was let in.
func TestWhetherAWindowStillExplainsABlock(t *testing.T) {
	for _, row := range []struct {
		name string
		n    int // that was known, in 5 s
		let  [][]float64
		want int // 0 is another limit
	}{
		{"as many as before", 10, [][]float64{evenly(10, 5.25, .015625)}, 10},
		{"four fifths of that", 10, [][]float64{evenly(8, 5.25, .015625)}, 8},
		{"less than four fifths", 10, [][]float64{evenly(7, 5.25, .015625)}, 0},
		{"three times as many", 10, [][]float64{evenly(30, 5.25, .0078125)}, 30},
		{"it has no room when it lets in", 10, [][]float64{evenly(10, 6, .015625)}, 0},
		{"it has room for one", 10, [][]float64{{5.25}, evenly(9, 6, .015625)}, 10},
		{"the first went 3 ms too late for that, as a probe may be", 10, [][]float64{{5.503}, evenly(9, 6, .015625)}, 10},
		{"5 ms are too late", 10, [][]float64{{5.505}, evenly(9, 6, .015625)}, 0},
		{"what was let in since then takes its place", 10, [][]float64{evenly(10, 5.25, .015625), evenly(10, 10.125, .015625)}, 0},
	} {
		f := shutBy(0, block{closed: 8, lastFail: 10}, row.let...)
		f.windowLimit = windowLimit{n: row.n, length: 5}
		want := row.want
		if want == 0 {
			want = row.n
		}
		if got := f.refit(10.5); got != (row.want > 0) || f.n != want {
			t.Errorf("%s: %t, %d, want %t, %d", row.name, got, f.n, row.want > 0, want)
		}
	}
}

// A strict window counts what it refuses as well, so that there are always some more; it is
// another one if there are more than five fourths of what was known.
func TestWhetherAStrictWindowStillExplainsABlock(t *testing.T) {
	for _, row := range []struct{ known, tried, want int }{
		{8, 6, 0}, {8, 7, 7}, {8, 8, 8}, {8, 10, 10}, {8, 11, 0}, {9, 11, 11}, {9, 12, 0},
	} {
		f := shutBy(0, block{closed: 8, lastFail: 10}, evenly(row.tried, 5.25, .015625))
		f.tried = historyOf(evenly(row.tried, 5.25, .015625))
		f.windowLimit = windowLimit{n: row.known, length: 5, strict: true}
		if got := f.refit(10.5); got != (row.want > 0) || got && f.n != row.want {
			t.Errorf("%d known, %d tried: %t, %d, want %d", row.known, row.tried, got, f.n, row.want)
		}
	}
	// The probes that were refused since then fill it as much as what it let in.
	f := shutBy(0, block{closed: 8, lastFail: 10}, evenly(10, 5.25, .015625))
	f.tried = historyOf(evenly(5, 5.25, .015625), evenly(5, 7, .015625), evenly(6, 8, .25))
	f.windowLimit = windowLimit{n: 10, length: 5, strict: true}
	if f.refit(10.5) {
		t.Errorf("a window that counts refusals and is as full as when it refused lets in: it is of %d", f.n)
	}
}

// A window shrinks by a fifth at the most, and by a fourth of what it has let in since it opened
// last: nobody knows whether what was let in before was let in by the same limit.
func TestHowMuchAWindowShrinks(t *testing.T) {
	for _, row := range []struct {
		known, n, since int
		want            bool
	}{
		{100, 100, 0, true}, {100, 99, 4, true}, {100, 99, 3, false}, {100, 90, 40, true}, {100, 90, 39, false},
		{100, 80, 100, true}, {100, 79, 100, false}, {40, 10, 10, false}, {10, 20, 0, true},
	} {
		f := shutBy(0, block{opening: 20}, evenly(50, 1, .125), evenly(row.since, 20, .03125))
		f.windowLimit = windowLimit{n: row.known, length: 60}
		if got := f.shrinks(row.n, 30); got != row.want {
			t.Errorf("%d were known, and it may be of %d, with %d let in since it opened: %t", row.known, row.n, row.since, got)
		}
	}
}

// What a refusal says of a window: how many it lets in, if that is a tenth less at the most.
func TestARefusalByAWindow(t *testing.T) {
	for _, row := range []struct{ known, let, want int }{
		{100, 100, 100}, {100, 101, 100}, {100, 95, 95}, {100, 91, 91}, {100, 90, 90}, {100, 89, 100}, {100, 10, 100}, {1, 0, 1},
	} {
		f := New(begin, 0)
		f.mode, f.let, f.windowLimit = window, historyOf(evenly(row.let, 6, .015625)), windowLimit{n: row.known, length: 5}
		if f.windowed(10, false); f.n != row.want {
			t.Errorf("one is refused after %d of %d were let in: the window is of %d now, want %d", row.let, row.known, f.n, row.want)
		}
	}
}

// A window that refuses twice, although what it let in leaves room, counts what it refuses as
// well: so many tried, of which a fourth was refused, fill it. Seven could be a few probes.
func TestWhatIsRefusedFillsAWindow(t *testing.T) {
	for _, row := range []struct {
		n, let, refused int
		want            bool
	}{
		{12, 9, 3, true}, {12, 9, 2, false}, {8, 6, 2, true}, {8, 6, 1, false}, {7, 5, 2, false},
	} {
		f := New(begin, 0)
		f.mode, f.windowLimit = window, windowLimit{n: row.n, length: 5}
		let, refused := evenly(row.let, 6, .015625), evenly(row.refused, 7, .015625)
		f.let, f.tried = historyOf(let), historyOf(let, refused)
		if f.windowed(10, false); f.strict {
			t.Errorf("%d of %d let in and %d refused: it is strict after one refusal", row.let, row.n, row.refused)
		}
		if f.windowed(10, false); f.strict != row.want || f.n != row.n {
			t.Errorf("%d of %d let in and %d refused: strict %t, %d, want %t, %d", row.let, row.n, row.refused, f.strict, f.n, row.want, row.n)
		}
	}
}

// What went long ago takes no room in a window, also where nobody knows any more when it went.
// A full window has room when the first of it is a window's length ago, and 2 ms for its way.
func TestRoomInAWindow(t *testing.T) {
	f := New(begin, 0)
	f.mode, f.windowLimit, f.refusalDev = window, windowLimit{n: 10, length: 60}, 0
	f.let = history{dropped: 5, moments: []moment{{100, 6}}}
	if got := f.room(120); got != 120 {
		t.Errorf("with one of ten let in during the last minute there is room at %v, want now, at 120", got)
	}
	f.let = historyOf(evenly(10, 100, 1))
	for at, want := range map[float64]float64{110: 160 + wayLeast, 160: 160 + wayLeast, 160 + wayLeast: 160 + wayLeast, 161: 161} {
		if got := f.room(at); !near(got, want) {
			t.Errorf("at %v there is room at %v, want %v", at, got, want)
		}
	}
}

// Who comes at the very moment at which a window has room again, here 1.04 s later, is not told
// to wait for a nanosecond more, whatever the seconds are rounded to. Nor is who was told so.
func TestTheMomentAWindowHasRoom(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 2))
	for range 1000 {
		f := New(begin, 0)
		f.mode, f.rate, f.windowLimit, f.refusalDev = window, 1000, windowLimit{n: 1, length: 1, proven: true}, wayMost
		at := begin.Add(time.Duration(r.Int64N(int64(time.Hour))))
		f.Sent(at, false)
		if room := at + 1040*ms; f.Next(room-2) == room-2 || f.Next(room) != room {
			t.Fatalf("sent at %v: 1.04 s later one waits for %v", at.Sub(begin), f.Next(room).Sub(room))
		}
		if told := f.Next(at + ms); f.Next(told) != told {
			t.Fatalf("sent at %v: told to come %v later, and then to wait for %v", at.Sub(begin), told.Sub(at), f.Next(told).Sub(told))
		}
	}
}

// Where a window has had no room for half a minute, one goes as a probe. If it is let in, the
// limit is another one. What goes because there is room is no probe, however long it is since.
func TestAProbeWhereAWindowHasNoRoom(t *testing.T) {
	for _, row := range []struct {
		name  string
		n     int // in 5 minutes
		after float64
		good  bool
		want  mode
	}{
		{"no room, let in", 2, 30, true, paced},
		{"no room, refused", 2, 30, false, window},
		{"no room, but it went before its time", 2, 29.5, true, window},
		{"room for one more", 3, 30, true, window},
		{"room again", 2, 300, true, window},
	} {
		f := New(begin, 0)
		f.mode, f.rate, f.windowLimit = window, 10, windowLimit{n: row.n, length: 300, proven: true}
		for _, at := range []float64{10, 11} {
			f.Sent(instant(at), false)
			f.Outcome(instant(at), instant(at), true)
		}
		if next, want := f.Next(instant(20)), instant(11+30); row.n == 2 && next != want {
			t.Errorf("%s: the next goes after %v, want after %v", row.name, next.Sub(begin), want.Sub(begin))
		}
		at := instant(11 + row.after)
		f.Sent(at, false)
		if f.Outcome(at, at, row.good); f.mode != row.want {
			t.Errorf("%s: mode %d, want %d", row.name, f.mode, row.want)
		}
	}
}

// The first time that a window is used up, one more goes after a twentieth of its length. If it
// is let in, there was an outage that looked like a window's; if not, nobody asks so soon again.
func TestAWindowThatWasAnOutage(t *testing.T) {
	for _, row := range []struct {
		name string
		good bool
		want mode
		next float64
	}{
		{"let in", true, paced, 0},
		{"refused", false, window, mostProbe},
	} {
		f := New(begin, 0)
		f.mode, f.rate, f.windowLimit = window, 10, windowLimit{n: 10, length: 60}
		at := instant(10)
		for range 10 {
			at = f.Next(at)
			f.Sent(at, false)
			f.Outcome(at+ms, at, true)
		}
		one := f.Next(at + ms)
		if got := one.Sub(at); got.Round(time.Millisecond) != 3*time.Second {
			t.Errorf("one more goes after %v, want 3s", got)
		}
		f.Sent(one, false)
		f.Outcome(one+ms, one, row.good)
		if got := f.Next(one + ms).Sub(one + ms).Seconds(); f.mode != row.want || math.Abs(got-row.next) > .1 {
			t.Errorf("%s: mode %d, the next goes after %v s, want %d and %v s", row.name, f.mode, got, row.want, row.next)
		}
	}
}
