package finder

import (
	"fmt"
	"math"
	"strings"
	"testing"
)

// verdictsSay is whether that many of so many requests have a verdict, by what a Finder says.
func verdictsSay(f *Finder, refused, sent int) bool {
	return strings.HasSuffix(f.Why(), fmt.Sprintf("(%d of %d requests were refused)", refused, sent))
}

// A request without an outcome counts as let in once a refusal would have come: where refusals
// take no time, after the 5 ms that timers are late.
func TestWhenARequestCountsAsLetIn(t *testing.T) {
	f := New(begin, 0)
	f.Outcome(begin, begin, false)
	f.Sent(instant(.005), false)
	if f.Peek(instant(.01)); !verdictsSay(f, 1, 1) {
		t.Errorf("after 5 ms: %s", f.Why())
	}
	if f.Peek(instant(.01) + 1); !verdictsSay(f, 1, 2) {
		t.Errorf("a nanosecond later: %s", f.Why())
	}
}

// No more than 1024 wait for a verdict, however many had one before.
func TestHowManyWaitForAVerdict(t *testing.T) {
	for _, before := range []int{0, 600} {
		f, at := New(begin, 0), begin
		for range before {
			at += 1000
			f.Sent(at, false)
		}
		at += ms * 200
		f.Peek(at) // all of them count
		for range 1024 {
			at += 1000
			f.Sent(at, false)
		}
		if f.Peek(at); !verdictsSay(f, 0, before) {
			t.Errorf("after %d, 1024 wait: %s", before, f.Why())
		}
		at += 1000
		f.Sent(at, false)
		if f.Peek(at); !verdictsSay(f, 0, before+1) {
			t.Errorf("after %d, 1025 would wait: %s", before, f.Why())
		}
	}
}

// One at a time takes the memory of one, however many come.
func TestMemoryOfOneAtATime(t *testing.T) {
	f := New(begin, 0)
	for i := range 1000 {
		at := instant(float64(i))
		f.Sent(at, false)
		f.Outcome(at+ms, at, true)
	}
	if n := cap(f.asked); n != 1 {
		t.Errorf("memory of %d, want 1", n)
	}
}

// Of twelve that were sent at once six are refused, which is known first. In a row they would be
// a cluster; nobody knows which they were, so they are spread over the twelve.
func TestRefusalsOfTheSameMoment(t *testing.T) {
	f := New(begin, 100)
	at := instant(1)
	for range 12 {
		f.Sent(at, false)
	}
	for range 6 {
		f.Outcome(at+ms, at, false)
	}
	for range 6 {
		f.Outcome(at+2*ms, at, true)
	}
	if f.Engaged() || !verdictsSay(f, 6, 12) {
		t.Error(f.Why())
	}
}

// An epoch is judged when all of it have a verdict, and those of later need none.
func TestWhenAnEpochIsJudged(t *testing.T) {
	f := paceOf(50, 0, .01)
	sent := func(i int) float64 { return 1 + float64(i)/64 }
	for i := range 27 { // 25, the one that ends it, and one more
		f.Sent(instant(sent(i)), false)
		if i > 2 && i < 23 {
			f.Outcome(instant(sent(i)), instant(sent(i)), true)
		}
	}
	now := instant(sent(26))
	check := func(what string, want bool) {
		t.Helper()
		if got := strings.Contains(f.Why(), "on trial"); got != want {
			t.Errorf("%s: on trial %t, want %t", what, got, want)
		}
	}
	for i := range 3 {
		f.Outcome(now, instant(sent(i)), false)
		check(fmt.Sprintf("%d refused, two of it wait", i+1), false)
	}
	f.Outcome(now, instant(sent(23)), true)
	check("its last one waits", false)
	f.Outcome(now, instant(sent(24)), true)
	check("two of later wait", true)
	if want := trialAt * max(25, 22/(sent(25)-sent(0))); !near(f.rate, want) {
		t.Errorf("22 of 25 are let in: %v a second, want %v", f.rate, want)
	}
}

// What was canceled is no request, also if it went at the very moment at which the Finder was
// made. Who was told of a refusal at that moment may have sent it before that.
func TestTheMomentAFinderIsMade(t *testing.T) {
	f := New(begin, 0)
	f.Outcome(begin, begin, false)
	f.Sent(begin, false)
	f.Unsent(begin)
	if f.Peek(begin + 1000*ms); !verdictsSay(f, 1, 1) {
		t.Errorf("one was refused and one was canceled: %s", f.Why())
	}
	f.Unsent(begin - ms)
	if !verdictsSay(f, 1, 1) || f.let.all() != 0 || f.tried.all() != 0 {
		t.Errorf("one of before was canceled: %s", f.Why())
	}
}

// How long a verdict is waited for follows how long refusals take: their mean and four
// mean deviations.
func TestHowLongAVerdictIsWaitedFor(t *testing.T) {
	v := newVerdicts()
	for _, row := range []struct{ took, want float64 }{
		{0, .155}, // before the first: as over an ocean
		{.1, .305}, {.2, .3675}, {.1125, .305}, {60, maxLag},
	} {
		if row.took > 0 {
			v.timed(row.took)
		}
		if got := v.lag(); math.Abs(got-row.want) > 1e-9 {
			t.Errorf("after a refusal of %v s: waits %v s, want %v", row.took, got, row.want)
		}
	}
}
