package limiter

import (
	"context"
	"flag"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyhttp/steadyhttp/internal/monotime"
	"github.com/steadyhttp/steadyhttp/limit"
)

var long = flag.Bool("long", false, "try 10,000 random patterns in place of 200")

func patterns() int {
	if *long {
		return 10_000
	}
	if testing.Short() {
		return 50
	}
	return 200
}

// start is some instant.
const start = monotime.Instant(1 << 60)

// A went is what went out at an instant.
type went struct {
	at     monotime.Instant
	amount float64
}

// pass lets n go at t or as soon afterwards as w allows; timers are late by up to
// that.
func (w *told) pass(t monotime.Instant, n float64, late func() time.Duration) went {
	for {
		at := w.next(t, n, 0)
		if at > t {
			w.evenly(at, n)
		}
		if at <= t {
			w.take(t, n)
			return went{t, n}
		}
		t = at.Add(late())
	}
}

// most is the most that went out in any span of that length.
func most(all []went, length time.Duration) (sum float64) {
	var now float64
	first := 0
	for _, g := range all {
		for ; g.at.Sub(all[first].at) >= length; first++ {
			now -= all[first].amount
		}
		now += g.amount
		sum = max(sum, now)
	}
	return sum
}

// TestToldIsExact tries the promise that no span of a limit's length ever holds
// more than the limit, whatever comes when, however late timers are, and whatever
// is given back.
func TestToldIsExact(t *testing.T) {
	for seed := range uint64(patterns()) {
		r := rand.New(rand.NewPCG(seed, 17))
		length := []time.Duration{time.Second, time.Minute, 24 * time.Hour}[r.IntN(3)]
		limit := float64(1 + r.IntN([]int{3, 20, 200, 2000}[r.IntN(4)]))
		w := told{unit: tokens, max: limit, length: length, burst: 1 + float64(r.IntN(int(limit)))}
		largest := 1 + r.IntN(int(limit))
		late := func() time.Duration { return time.Duration(r.Int64N(3) * r.Int64N(int64(30*time.Millisecond))) }
		var all []went
		now := start
		gap := int64(length) / int64(1+r.IntN(2*int(limit)))
		for range 300 {
			if r.IntN(10) == 0 { // a crowd follows a quiet time
				now = now.Add(time.Duration(r.Int64N(int64(2 * length))))
			} else if r.IntN(2) == 0 {
				now = now.Add(time.Duration(r.Int64N(gap + 1)))
			}
			g := w.pass(now, float64(1+r.IntN(largest)), late)
			now = g.at
			if r.IntN(4) == 0 {
				used := float64(r.IntN(int(g.amount) + 1))
				w.correct(g.at, g.amount, used)
				g.amount = used
			}
			all = append(all, g)
		}
		if sum := most(all, length); sum > limit+1e-3 {
			t.Fatalf("seed %d: %v of at most %v went within %v", seed, sum, limit, length)
		}
	}
}

// TestToldIsUsed tries the promise that 0.99 of a limit is reached while requests
// queue.
func TestToldIsUsed(t *testing.T) {
	for _, row := range []struct {
		limits  limit.Limits
		largest int
	}{
		{limit.Limits{RequestsPerSecond: 10}, 1},
		{limit.Limits{RequestsPerSecond: 10, Burst: 1}, 1},
		{limit.Limits{RequestsPerSecond: 1000}, 1},
		{limit.Limits{RequestsPerSecond: 0.5}, 1},
		{limit.Limits{RequestsPerMinute: 0.5}, 1},
		{limit.Limits{RequestsPerMinute: 500}, 1},
		{limit.Limits{RequestsPerDay: 100_000}, 1},
		{limit.Limits{TokensPerMinute: 200_000}, 2000},
		{limit.Limits{InputTokensPerMinute: 10_000_000}, 100_000},
		{limit.Limits{OutputTokensPerMinute: 100}, 1000}, // most take more than a window has
	} {
		r := rand.New(rand.NewPCG(1, 17))
		w := toldBy(&row.limits)[0]
		late := func() time.Duration { return time.Duration(r.IntN(int(2 * time.Millisecond))) }
		var sum float64
		const windows = 60
		for now := start; now.Sub(start) < windows*w.length; {
			g := w.pass(now, float64(1+r.IntN(row.largest)), late)
			now = g.at
			sum += g.amount
		}
		if least, most := 0.99*windows*w.max, windows*w.max+w.burst+float64(row.largest); sum < least || sum > most {
			t.Errorf("%+v: got %.0f in %d windows while requests queued, want %.0f to %.0f", row.limits, sum, windows, least, most)
		}
	}
}

// TestToldForgetsHugeFigures has a response state a usage that cannot be.
func TestToldForgetsHugeFigures(t *testing.T) {
	w := toldBy(&limit.Limits{TokensPerMinute: 6000})[0]
	onTime := func() time.Duration { return 0 }
	w.pass(start, 50, onTime)
	for _, used := range []float64{9e18, 1e300} {
		w.correct(start, 50, used)
	}
	if g := w.pass(start.Add(time.Second), 50, onTime); g.at.Sub(start) > 3*time.Minute {
		t.Errorf("the next goes %v after a request that used 9e18 tokens, want within some windows", g.at.Sub(start))
	}
}

// TestToldBy tries what limits a user's figures are.
func TestToldBy(t *testing.T) {
	const s, m = time.Second, time.Minute
	for _, row := range []struct {
		name   string
		limits limit.Limits
		want   []told
	}{
		{"none", limit.Limits{}, nil},
		{"what is none", limit.Limits{RequestsPerSecond: -1, RequestsPerMinute: -1, RequestsPerDay: -1, TokensPerMinute: -1, InputTokensPerMinute: -1, OutputTokensPerMinute: -1, MaxConcurrent: 5, Burst: 5}, nil},
		{"ten a second", limit.Limits{RequestsPerSecond: 10}, []told{{unit: requests, max: 10, length: s, burst: 10}}},
		{"a smaller burst", limit.Limits{RequestsPerSecond: 10, Burst: 3}, []told{{unit: requests, max: 10, length: s, burst: 3}}},
		{"a burst above the limit", limit.Limits{RequestsPerSecond: 10, Burst: 30}, []told{{unit: requests, max: 10, length: s, burst: 10}}},
		{"one a second", limit.Limits{RequestsPerSecond: 1}, []told{{unit: requests, max: 1, length: s, burst: 1}}},
		{"one in two seconds", limit.Limits{RequestsPerSecond: 0.5}, []told{{unit: requests, max: 1, length: 2 * s, burst: 1}}},
		{"one in four minutes", limit.Limits{RequestsPerMinute: 0.25}, []told{{unit: requests, max: 1, length: 4 * m, burst: 1}}},
		{"by the minute", limit.Limits{RequestsPerMinute: 300}, []told{{unit: requests, max: 300, length: m, burst: 5}}},
		{"few by the minute", limit.Limits{RequestsPerMinute: 30}, []told{{unit: requests, max: 30, length: m, burst: 1}}},
		{"by the day", limit.Limits{RequestsPerDay: 1000}, []told{{unit: requests, max: 1000, length: 24 * time.Hour, burst: 1000}}},
		{"tokens", limit.Limits{TokensPerMinute: 6000}, []told{{unit: tokens, max: 6000, length: m, burst: 97}}},
		{"tokens of a kind", limit.Limits{InputTokensPerMinute: 600, OutputTokensPerMinute: 60}, []told{{unit: inputTokens, max: 600, length: m, burst: 9.7}, {unit: outputTokens, max: 60, length: m, burst: 0.97}}},
	} {
		got := toldBy(&row.limits)
		same := slices.EqualFunc(got, row.want, func(a, b told) bool {
			return a.unit == b.unit && a.max == b.max && a.length == b.length && math.Abs(a.burst-b.burst) < 1e-9
		})
		if !same {
			t.Errorf("%s: got %+v, want %+v", row.name, got, row.want)
		}
		if rates(&row.limits) != (len(row.want) > 0) {
			t.Errorf("%s: it has rates: %t", row.name, rates(&row.limits))
		}
	}
}

// TestToldWindow tries when the next can go that wants n behind others, after some went.
func TestToldWindow(t *testing.T) {
	const s = time.Second
	type sent struct {
		at time.Duration
		n  float64
	}
	for _, row := range []struct {
		name     string
		sent     []sent
		at       time.Duration
		n, ahead float64
		want     time.Duration
		left     float64 // before it
	}{
		{"nothing has gone", nil, 0, 3, 0, 0, 3},
		{"one is left", []sent{{0, 2}}, s, 1, 0, s, 1},
		{"all has gone", []sent{{0, 3}}, s, 1, 0, 60 * s, 0},
		{"when the first leaves the window", []sent{{0, 1}, {10 * s, 1}, {20 * s, 1}}, 30 * s, 1, 0, 60 * s, 0},
		{"when the second does", []sent{{0, 1}, {10 * s, 1}, {20 * s, 1}}, 30 * s, 2, 0, 70 * s, 0},
		{"behind one", []sent{{0, 1}, {10 * s, 1}, {20 * s, 1}}, 30 * s, 1, 1, 70 * s, 0},
		{"behind one, with room for both", []sent{{0, 1}}, s, 1, 1, s, 2},
		{"behind two", []sent{{0, 1}}, s, 1, 2, 60 * s, 2},
		{"at the moment when the first leaves it", []sent{{0, 3}}, 60 * s, 3, 0, 60 * s, 3},
		{"more than there ever is", []sent{{0, 1}}, s, 99, 0, 60 * s, 2},
		{"nothing is wanted", []sent{{0, 3}}, s, 0, 0, s, 0},
	} {
		w := told{unit: requests, max: 3, length: time.Minute, burst: 3}
		for _, g := range row.sent {
			w.take(start.Add(g.at), g.n)
		}
		w.turn = 0 // the window alone
		at := start.Add(row.at)
		if got := w.left(at); math.Abs(got-row.left) > 1e-9 {
			t.Errorf("%s: got %v left, want %v", row.name, got, row.left)
		}
		if got := w.next(at, row.n, row.ahead).Sub(start); got != row.want {
			t.Errorf("%s: it goes at %v, want %v", row.name, got, row.want)
		}
	}
}

// TestToldIsCorrected tries what is left, and when the next goes, once it is known what
// requests used that had reserved ten tokens each, at the start and ten seconds later.
func TestToldIsCorrected(t *testing.T) {
	const s = time.Second
	for _, row := range []struct {
		name string
		sent time.Duration
		used float64
		left float64
		turn time.Duration // of a steady flow of one a second
	}{
		{"as reserved", 0, 10, 40, 20 * s},
		{"less, by the first", 0, 4, 46, 14 * s},
		{"less, by the second", 10 * s, 4, 46, 14 * s},
		{"more, by the first", 0, 15, 35, 25 * s},
		{"nothing", 10 * s, 0, 50, 10 * s},
		{"less than nothing", 10 * s, -5, 50, 10 * s},
		{"more than a window", 10 * s, 1e9, -10, 70 * s},
		{"one that left the window", -s, 4, 40, 20 * s},
		{"one between the two", 5 * s, 4, 40, 20 * s},
	} {
		w := told{unit: tokens, max: 60, length: time.Minute, burst: 1}
		w.take(start, 10)
		w.take(start.Add(10*s), 10)
		w.correct(start.Add(s+row.sent)-monotime.Instant(s), 10, row.used)
		if got := w.left(start.Add(10 * s)); math.Abs(got-row.left) > 1e-6 {
			t.Errorf("%s: got %v left, want %v", row.name, got, row.left)
		}
		if got := w.turn.Sub(start); (got - row.turn).Abs() > time.Microsecond {
			t.Errorf("%s: the next of a steady flow goes after %v, want %v", row.name, got, row.turn)
		}
	}
}

// TestOnTime tries by how much a request may be late without the turns after it moving.
func TestOnTime(t *testing.T) {
	for late, want := range map[time.Duration]time.Duration{-time.Second: 0, 0: 0, Lateness: 0, Lateness + 1: Lateness + 1} {
		if got := onTime(start, start.Add(time.Second+late)-monotime.Instant(time.Second)).Sub(start); got != want {
			t.Errorf("late by %v: the turn moves by %v, want %v", late, got, want)
		}
	}
}

// TestToldTakesLittleMemory sends 20,000 requests in ten windows.
func TestToldTakesLittleMemory(t *testing.T) {
	w := toldBy(&limit.Limits{RequestsPerMinute: 2000})[0]
	now := start
	for range 20_000 {
		w.take(now, 1)
		now = now.Add(30 * time.Millisecond)
		w.expire(now)
	}
	if w.n > Parts+2 || len(w.log) > 4*Parts {
		t.Errorf("got %d parts of a window in a log of %d, want about %d", w.n, len(w.log), Parts)
	}
}

// A request that waits for room in a window and gives up, or is refused since it would
// be late, has taken nothing: who comes after it goes as if it had never come.
func TestWhoGivesUpMovesNobodysTurn(t *testing.T) {
	for _, row := range []struct {
		name     string
		patience time.Duration // of the large request that fails
	}{
		{"it is refused at once", time.Second},
		{"it gives up after a while", -time.Second},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var m Memory
				ask := func(tokens int64) limit.Ask {
					return limit.Ask{
						Key:       limit.Key{Host: "api.example.com"},
						LimitsKey: limit.Key{Host: "api.example.com"},
						Limits:    limit.Limits{TokensPerMinute: 6000},
						Cost:      limit.Cost{Requests: 1, Input: tokens},
					}
				}
				if _, err := m.Acquire(t.Context(), ask(3000)); err != nil {
					t.Fatal(err)
				}
				time.Sleep(40 * time.Second) // its tokens are due by then, and still count in the window
				ctx, cancel := context.WithCancel(t.Context())
				if row.patience > 0 {
					ctx, cancel = context.WithTimeout(t.Context(), row.patience)
				} else {
					time.AfterFunc(-row.patience, cancel)
				}
				defer cancel()
				if _, err := m.Acquire(ctx, ask(5000)); err == nil {
					t.Fatal("the window has room for 8000 of 6000 tokens")
				}
				p, err := m.Acquire(t.Context(), ask(50))
				if err != nil || p.Waited > 0 {
					t.Errorf("waited %v, %v; want that 50 tokens go at once", p.Waited, err)
				}
			})
		})
	}
}
