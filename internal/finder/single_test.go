package finder

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/steadyhttp/steadyhttp/internal/monotime"
)

// alone has one caller send as soon as it may, every step at the earliest, and returns
// the Finder, how many a second were let in and which share was refused during the
// second half of the time.
func alone(l limit, step monotime.Instant, seconds float64) (f *Finder, rate, refusedShare float64) {
	f = New(begin, 1/time.Duration(step).Seconds())
	good, bad := 0.0, 0.0
	for at, n := begin, monotime.Instant(0); ; n++ {
		at = max(at+step, f.Next(at+step))
		t := f.seconds(at)
		if t > seconds {
			return f, good / (seconds / 2), bad / (good + bad)
		}
		f.Sent(at, false)
		letIn := l.admits(1000 + t)
		f.Outcome(at+ms, at, letIn)
		switch {
		case t < seconds/2:
		case letIn:
			good++
		default:
			bad++
		}
	}
}

// What one caller alone finds of each kind of limit, and how well it keeps to it. The bars
// are one or two hundredths below what is reached.
func TestWhatOneCallerFinds(t *testing.T) {
	rnd := func() *rand.Rand { return rand.New(rand.NewPCG(1, 2)) }
	for _, row := range []struct {
		name    string
		limit   limit
		seconds float64

		least   float64 // let in a second
		refused float64 // at most
		mode    mode
		n       int     // of a window
		length  float64 // of it
		chance  float64 // that is found, within 0.03
	}{
		{"20 a second, a bucket of 1", &bucket{rate: 20, size: 1}, 60, 17, .035, paced, 0, 0, 0},
		{"20 a second, a bucket of 10", &bucket{rate: 20, size: 10}, 60, 19.9, .026, paced, 0, 0, 0},
		{"20 a second, a bucket of 100", &bucket{rate: 20, size: 100}, 60, 19.9, .013, paced, 0, 0, 0},
		{"20 a second, then 40", &bucket{rate: 20, size: 10, changesAt: 1030, newRate: 40}, 120, 39.5, .021, paced, 0, 0, 0},
		{"40 a second, then 20", &bucket{rate: 40, size: 10, changesAt: 1030, newRate: 20}, 120, 19.8, .023, paced, 0, 0, 0},
		{"20 in any second", &sliding{n: 20, length: 1}, 60, 19.9, .011, window, 20, 1, 0},
		{"100 in any 5 s", &sliding{n: 100, length: 5}, 60, 19.9, .011, window, 100, 5, 0},
		{"600 in any minute", &sliding{n: 600, length: 60}, 600, 9.9, .002, window, 600, 60, 0},
		{"100 by the clock of 5 s", &clockWindow{n: 100, length: 5}, 60, 19.9, .011, window, 100, 5, 0},
		{"600 by the clock of a minute", &clockWindow{n: 600, length: 60}, 600, 9.9, .002, window, 600, 60, 0},
		{"a tenth by chance", &chance{share: .1, rnd: rnd()}, 60, 178, .11, open, 0, 0, .1},
		{"a tenth by chance, and 20 a second", &chance{share: .1, rnd: rnd(), inner: &bucket{rate: 20, size: 10}}, 120, 19.2, .11, paced, 0, 0, .1},
		{"none", &bucket{rate: math.Inf(1), size: 1e9}, 60, 199, 0, open, 0, 0, 0},
	} {
		f, rate, refused := alone(row.limit, 5*ms, row.seconds)
		if rate < row.least || refused > row.refused {
			t.Errorf("%s: %.4g a second, %.4f refused, want %.4g and %.4f at most", row.name, rate, refused, row.least, row.refused)
		}
		if f.mode != row.mode || f.n != row.n || math.Abs(f.length-row.length) > .01 || math.Abs(f.chance-row.chance) > .03 {
			t.Errorf("%s: mode %d, %d in %.4g s, %.3f by chance; want mode %d, %d in %.4g s, %.3f", row.name, f.mode, f.n, f.length, f.chance, row.mode, row.n, row.length, row.chance)
		}
	}
}

// A changing window lets in other numbers from a time on.
type changingWindow struct {
	sliding
	changesAt float64
	newN      int
}

func (w *changingWindow) admits(t float64) bool {
	if t >= w.changesAt {
		w.n = w.newN
	}
	return w.sliding.admits(t)
}

// An opened window begins with the first request that it lets in.
type openedWindow struct {
	n       int
	length  float64
	used    int
	beginAt float64
}

func (w *openedWindow) admits(t float64) bool {
	if t-w.beginAt >= w.length {
		w.beginAt, w.used = t, 0
	}
	w.used++
	return w.used <= w.n
}

func (w *openedWindow) free(t float64) float64 { return t }
func (w *openedWindow) done()                  {}

// several has one caller send as soon as it may, whatever is under way. Refusals come
// back sooner than answers, and unevenly.
func several(l limit, seconds float64) (f *Finder, rate, refusedShare float64) {
	type reply struct {
		at, sent monotime.Instant
		good     bool
	}
	rnd := rand.New(rand.NewPCG(3, 4))
	f = New(begin, 100)
	var replies []reply
	good, bad := 0.0, 0.0
	for at := begin; f.seconds(at) < seconds; {
		next := max(at+5*ms, f.Next(at+5*ms))
		slices.SortStableFunc(replies, func(a, b reply) int { return int(a.at - b.at) })
		if len(replies) > 0 && replies[0].at <= next {
			r := replies[0]
			replies = replies[1:]
			at = max(at, r.at-5*ms)
			f.Outcome(r.at, r.sent, r.good)
			continue
		}
		at = next
		f.Sent(at, false)
		t := f.seconds(at)
		letIn := l.admits(1000 + t)
		takes := 200 * ms
		if !letIn {
			takes = 20*ms + monotime.Instant(rnd.Int64N(int64(10*ms)))
		}
		replies = append(replies, reply{at + takes, at, letIn})
		switch {
		case t < seconds/2:
		case letIn:
			good++
		default:
			bad++
		}
	}
	return f, good / (seconds / 2), bad / (good + bad)
}

// Limits that change, that count refusals or begin with the first request, and some that
// are slow: for one caller alone, and with several requests under way.
func TestWhatIsFoundWithAnswersUnderWay(t *testing.T) {
	for _, row := range []struct {
		name    string
		limit   func() limit
		seconds float64

		least   float64 // let in a second
		refused float64 // at most
		mode    mode
		n       int     // of a window
		length  float64 // of it
		strict  bool
		falls   bool
	}{
		{"20 in any 2 s, refusals count", func() limit { return &sliding{n: 20, length: 2, strict: true} }, 120, 9.8, .011, window, 20, 2, true, false},
		{"20 in any 2 s, then 40", func() limit { return &changingWindow{sliding{n: 20, length: 2}, 1060, 40} }, 360, 19.6, .012, window, 40, 2, false, false},
		{"200 in any 10 s, then 190", func() limit { return &changingWindow{sliding{n: 200, length: 10}, 1100, 190} }, 300, 18.8, .006, window, 190, 10, false, true},
		{"70 in 7 s from the first on", func() limit { return &openedWindow{n: 70, length: 7} }, 140, 6.9, .013, window, 70, 7, false, false},
		{"200 in 20 s from the first on", func() limit { return &openedWindow{n: 200, length: 20} }, 240, 9.9, .006, window, 200, 20, false, false},
		{"100 in any 5 s", func() limit { return &sliding{n: 100, length: 5} }, 120, 19.8, .011, window, 100, 5, false, false},
		{"20 a second, a bucket of 10", func() limit { return &bucket{rate: 20, size: 10} }, 120, 19.8, .02, paced, 0, 0, false, false},
		{"2 a second, a bucket of 5", func() limit { return &bucket{rate: 2, size: 5} }, 240, 1.87, .044, paced, 0, 0, false, false},
	} {
		check := func(how string, f *Finder, rate, refused float64) {
			if rate < row.least || refused > row.refused {
				t.Errorf("%s, %s: %.4g a second, %.4f refused, want %.4g and %.4f at most", row.name, how, rate, refused, row.least, row.refused)
			}
			// Whether refusals count can't be told of a limit that has just fallen by little.
			// Seven seconds are no usual length, and may be taken for up to ten.
			lengthOK := math.Abs(f.length-row.length) <= .01 || row.length == 7 && f.length > 7 && f.length <= 10
			if f.mode != row.mode || f.n != row.n || !lengthOK || f.strict != row.strict && !row.falls {
				t.Errorf("%s, %s: mode %d, %d in %.4g s, refusals count %t; want mode %d, %d in %.4g s, %t", row.name, how, f.mode, f.n, f.length, f.strict, row.mode, row.n, row.length, row.strict)
			}
		}
		f, rate, refused := alone(row.limit(), 5*ms, row.seconds)
		check("alone", f, rate, refused)
		f, rate, refused = several(row.limit(), row.seconds)
		check("several under way", f, rate, refused)
	}
}
