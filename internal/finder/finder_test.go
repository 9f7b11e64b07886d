package finder

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/steadyhttp/steadyhttp/internal/monotime"
)

const (
	begin = monotime.Instant(1) << 60
	ms    = monotime.Instant(time.Millisecond)
)

func TestOneRefusalHoldsNobodyBack(t *testing.T) {
	f := New(begin, 100)
	f.Outcome(begin, begin-20*ms, false)
	for i := range monotime.Instant(2000) {
		at := begin + i*ms
		if f.Next(at) > at || f.Engaged() || f.Rate(at) != 0 {
			t.Fatalf("after %d ms a request is held back: %s", i, f.Why())
		}
		f.Sent(at, false)
		if i >= 50 {
			f.Outcome(at, at-50*ms, i%100 != 0)
		}
	}
}

// block gets a Finder to where everything is refused, and returns when.
func blocked(f *Finder) monotime.Instant {
	at := begin
	for !f.Engaged() {
		at += ms
		f.Next(at)
		f.Sent(at, false)
		f.Outcome(at+ms/2, at, false)
	}
	return at + ms
}

func TestOneProbeAtATime(t *testing.T) {
	f := New(begin, 100)
	at := blocked(f)
	if n := f.refused; n != 6 {
		t.Errorf("%d refusals in a row are a cluster, want 6", n)
	}
	probes, end := 0, at+3600*1000*ms
	for at < end {
		next := f.Next(at)
		if wait := next.Sub(at); wait > 31*time.Second {
			t.Fatalf("the next probe is in %v", wait)
		}
		at = max(at, next)
		f.Sent(at, false)
		if f.Next(at) <= at {
			t.Fatal("two probes at once")
		}
		at += ms / 2
		f.Outcome(at, at-ms/2, false)
		probes++
	}
	if probes > 150 {
		t.Errorf("%d probes in an hour", probes)
	}
	at = max(at, f.Next(at))
	f.Sent(at, false)
	f.Outcome(at+ms, at, true)
	if f.mode == shut {
		t.Error("a probe was let in, and nothing else is")
	}
}

func TestCanceledProbe(t *testing.T) {
	f := New(begin, 100)
	at := blocked(f)
	at = max(at, f.Next(at))
	f.Sent(at, false)
	f.Unsent(at)
	if next := f.Next(at + ms); next > at+ms {
		t.Errorf("after a probe that was canceled the next goes in %v, want at once", next.Sub(at+ms))
	}
}

func TestIdle(t *testing.T) {
	f := New(begin, 100)
	f.Outcome(begin, begin-20*ms, false)
	if f.Idle(begin + 59_000*ms) {
		t.Error("idle 59 s after a refusal")
	}
	if !f.Idle(begin + 61_000*ms) {
		t.Error("not idle 61 s after a refusal")
	}
	f = New(begin, 100)
	at := blocked(f)
	f.Next(at + 50_000*ms)
	at = max(at, f.Next(at))
	f.Sent(at, false)
	f.Outcome(at+ms, at, true)
	if !f.Idle(at + 130_000*ms) {
		t.Error("not idle two minutes after the last request")
	}
}

// A minute after a refusal, and after somebody was held back, it is of no use any more; who
// came and could go at once doesn't count. (refused and held are in seconds, 0 is never.)
func TestHowLongAFinderIsOfUse(t *testing.T) {
	for _, row := range []struct {
		name                string
		mode                mode
		refused, held, came float64
		until               float64 // it is of use
	}{
		{"refused", open, 100, 0, 0, 160},
		{"refused, and held back later", paced, 100, 130, 0, 190},
		{"held back, and refused later", paced, 130, 100, 0, 190},
		{"refused, and then nobody was held back", paced, 100, 0, 155, 160},
		{"held back, and then others were not", paced, 100, 130, 185, 190},
	} {
		f := New(begin, 0)
		f.rate = 1
		f.Outcome(instant(row.refused), begin-ms, false)
		f.mode = row.mode
		if row.held > 0 {
			f.next = row.held + 1
			f.Next(instant(row.held))
		}
		if row.came > 0 && f.Next(instant(row.came)) != instant(row.came) {
			t.Fatalf("%s: somebody is held back at %v", row.name, row.came)
		}
		if at := instant(row.until); f.Idle(at) || !f.Idle(at+1) {
			t.Errorf("%s: of no use at %v, %t, and a nanosecond later, %t; want false, true", row.name, row.until, f.Idle(at), f.Idle(at+1))
		}
	}
}

// What a Finder says of itself, in each of its modes.
func TestWhatAFinderSays(t *testing.T) {
	for _, row := range []struct {
		mode   mode
		trial  bool
		chance float64
		want   string
	}{
		{open, false, 0, "the server's refusals point to no limit"},
		{open, false, .125, "the server's refusals point to no limit; 12% are refused at any rate"},
		{shut, false, 0, "the server lets nothing in; 3 probes were refused"},
		{paced, false, .05, "the rate that the server's refusals point to: 12.5 a second; 5% are refused at any rate"},
		{paced, true, 0, "the rate that the server's refusals point to: 12.5 a second, on trial"},
		{window, false, 0, "the limit that the server's refusals point to: 20 in any 5 s"},
	} {
		f := New(begin, 0)
		f.mode, f.rate, f.probes, f.trial.running, f.chance, f.windowLimit = row.mode, 12.5, 3, row.trial, row.chance, windowLimit{n: 20, length: 5}
		if want := row.want + " (0 of 0 requests were refused)"; f.Why() != want {
			t.Errorf("%q, want %q", f.Why(), want)
		}
	}
}

func TestWhy(t *testing.T) {
	s := rows()[0].s
	s.length = 30
	if got := simulate(s, found, 1).f.Why(); !strings.Contains(got, "the rate that the server's refusals point to: ") || !strings.Contains(got, "requests were refused)") {
		t.Error(got)
	}
	s.limit = slidingOf(20, 1)
	if got := simulate(s, found, 1).f.Why(); !strings.Contains(got, "in any 1 s") {
		t.Error(got)
	}
}

// Whatever a server answers and callers do, memory is bounded, Next is sane, and
// nobody waits for more than half a minute.
func TestHostile(t *testing.T) {
	for seed := range uint64(10) {
		r := rand.New(rand.NewPCG(seed, 5))
		f, at := New(begin, r.Float64()*1000), begin
		var out []monotime.Instant
		share, slow := r.Float64(), time.Duration(math.Pow(10, 6+4*r.Float64()))
		for range 20_000 {
			switch r.IntN(8) {
			case 0:
				share = r.Float64() * r.Float64()
			case 1, 2, 3:
				at = at.Add(time.Duration(r.ExpFloat64() * float64(slow) / 20))
				next := f.Next(at)
				if wait := next.Sub(at); wait > 0 {
					if wait > 31*time.Second || math.IsNaN(f.rate) || f.rate < 0 {
						t.Fatalf("seed %d: wait %v: %s", seed, wait, f.Why())
					}
					if r.IntN(4) > 0 {
						at = next
					}
				}
				for range 1 + r.IntN(3) {
					f.Sent(at, false)
					out = append(out, at)
				}
			case 4:
				if len(out) > 0 && r.IntN(10) == 0 {
					f.Unsent(out[0])
					out = out[1:]
				}
			default:
				if len(out) > 0 {
					i := r.IntN(min(len(out), 5))
					f.Outcome(at, out[i], r.Float64() >= share)
					out = append(out[:i], out[i+1:]...)
				}
			}
			if len(f.asked) > 2*maxAsked || len(f.let.moments) > maxHistory || len(f.asked)-f.head > maxAsked+1 {
				t.Fatalf("seed %d: %d wait for a verdict, %d moments", seed, len(f.asked), len(f.let.moments))
			}
			if f.Rate(at) < 0 || f.chance > mostChance || f.chance < 0 {
				t.Fatalf("seed %d: rate %v, chance %v", seed, f.Rate(at), f.chance)
			}
		}
	}
}

// Once its memory is used, a Finder allocates nothing.
func TestAllocations(t *testing.T) {
	f, at := New(begin, 100), begin
	step := func() {
		at += 5 * ms
		if next := f.Next(at); next > at {
			at = next
		}
		f.Sent(at, false)
		f.Outcome(at+ms, at, f.lastSent > 60 || int(f.lastSent*1000)%97 > 3)
	}
	for range 20_000 {
		step()
	}
	if n := testing.AllocsPerRun(5000, step); n > 0 {
		t.Errorf("%v allocations for each request", n)
	}
}

func BenchmarkRequest(b *testing.B) {
	f, at := New(begin, 100), begin
	for range b.N {
		at += 5 * ms
		f.Next(at)
		f.Sent(at, false)
		f.Outcome(at+ms, at, true)
	}
}
