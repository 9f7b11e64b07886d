package finder

import (
	"container/heap"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/steadyhttp/steadyhttp/internal/monotime"
)

// The simulation: servers with limits, callers, and what stands between them.
// Times are seconds of the wall clock.

// A limit is what the server enforces. It sees requests in the order in which
// they arrive.
type limit interface {
	admits(t float64) bool
	free(t float64) float64 // when the next would be let in, at t or later, for the ideal
	done()                  // one that was let in is answered
}

// A bucket holds size tokens and is filled at a rate, which may change once.
type bucket struct {
	rate, size, level, at float64

	changesAt, newRate float64 // 0 is never
}

func (b *bucket) fill(t float64) {
	if b.at == 0 {
		b.at, b.level = t, b.size
	}
	if b.changesAt > 0 && t >= b.changesAt {
		b.rate, b.changesAt = b.newRate, 0
	}
	b.level, b.at = min(b.size, b.level+b.rate*(t-b.at)), t
}

func (b *bucket) admits(t float64) bool {
	b.fill(t)
	if b.level+1e-9 < 1 {
		return false
	}
	b.level--
	return true
}

func (b *bucket) free(t float64) float64 { b.fill(t); return t + max(0, (1-b.level)/b.rate) }
func (b *bucket) done()                  {}

// A clockWindow lets n in from each whole multiple of its length on.
type clockWindow struct {
	n      int
	length float64
	used   int
	k      float64
}

func (w *clockWindow) roll(t float64) {
	if k := math.Floor(t/w.length + 1e-12); k != w.k {
		w.k, w.used = k, 0
	}
}

func (w *clockWindow) admits(t float64) bool {
	w.roll(t)
	if w.used >= w.n {
		return false
	}
	w.used++
	return true
}

func (w *clockWindow) free(t float64) float64 {
	w.roll(t)
	if w.used < w.n {
		return t
	}
	return (w.k+1)*w.length + 1e-9
}
func (w *clockWindow) done() {}

// A sliding window lets n in during any span of its length; with strict, what it
// refuses counts as well.
type sliding struct {
	n      int
	length float64
	strict bool
	at     []float64
}

func (w *sliding) admits(t float64) bool {
	for len(w.at) > 0 && t-w.at[0] >= w.length {
		w.at = w.at[1:]
	}
	good := len(w.at) < w.n
	if good || w.strict {
		w.at = append(w.at, t)
	}
	return good
}

func (w *sliding) free(t float64) float64 {
	if len(w.at) < w.n {
		return t
	}
	return max(t, w.at[len(w.at)-w.n]+w.length+1e-9)
}
func (w *sliding) done() {}

// A concurrency limit lets n be under way at once.
type concurrency struct{ n, used int }

func (w *concurrency) admits(float64) bool {
	if w.used >= w.n {
		return false
	}
	w.used++
	return true
}

func (w *concurrency) free(t float64) float64 {
	if w.used < w.n {
		return t
	}
	return math.Inf(1)
}
func (w *concurrency) done() { w.used-- }

// A chance refuses a share of requests, whatever their rate.
type chance struct {
	share float64
	rnd   *rand.Rand
	inner limit // nil is none
}

func (w *chance) admits(t float64) bool {
	return w.rnd.Float64() >= w.share && (w.inner == nil || w.inner.admits(t))
}

func (w *chance) free(t float64) float64 {
	if w.inner == nil {
		return t
	}
	return w.inner.free(t)
}

func (w *chance) done() {
	if w.inner != nil {
		w.inner.done()
	}
}

// A setting is a server and its load.
type setting struct {
	limit   func(*rand.Rand) limit
	callers int     // who call one after another
	perSec  float64 // calls a second, where callers is 0
	length  float64
	takes   float64 // an answer
	spread  float64 // sigma of its lognormal distribution
	refusal float64 // what a refusal takes; 0 is as an answer, 20 ms at the most
	start   float64 // by the clock
	burst   int     // so many calls at once each minute, in place of callers
	failing float64 // share of requests that fail for another reason
}

// Who decides when requests go.
type strategy int

const (
	found    strategy = iota // a Finder, from the first refusal on
	foundNow                 // a Finder from the first request on
	without                  // nobody
	ideal                    // who knows the limit
)

type event struct {
	at  float64
	seq int
	f   func()
}

type events []event

func (h events) Len() int { return len(h) }
func (h events) Less(i, j int) bool {
	return h[i].at < h[j].at || h[i].at == h[j].at && h[i].seq < h[j].seq
}
func (h events) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *events) Push(x any)   { *h = append(*h, x.(event)) }
func (h *events) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}

type call struct {
	tries  int
	waited float64 // between its attempts
	began  float64
	home   func()
}

// A run is one simulation.
type run struct {
	setting
	by    strategy
	t     float64
	seq   int
	h     events
	rnd   *rand.Rand
	lim   limit
	f     *Finder
	queue []*call
	wake  float64

	answered bool // the host has answered once
	starting int  // sent before it had
	counts   [2]struct {
		second float64
		n      int
	}

	served, refused, lost, sent int
	servedAt                    []float64
	waits                       []float64 // of calls, from begin to answer
	dropped                     int       // Finders
	why                         string
}

func (r *run) at(t float64, f func()) {
	r.seq++
	heap.Push(&r.h, event{max(t, r.t), r.seq, f})
}

// instant is t as the Finder sees it.
func instant(t float64) monotime.Instant { return monotime.Instant(math.Round(t*1e9)) + 1<<60 }

// unmeter takes back one that was refused.
func (r *run) unmeter() {
	last := 0
	if r.counts[1].second > r.counts[0].second {
		last = 1
	}
	if r.counts[last].n > 0 {
		r.counts[last].n--
	} else if r.counts[1-last].n > 0 {
		r.counts[1-last].n--
	}
}

// meter counts what is sent by the second, as a host's meter does.
func (r *run) meter() {
	s := math.Floor(r.t)
	c := &r.counts[int(s)%2]
	if c.second != s {
		c.second, c.n = s, 0
	}
	c.n++
}

func (r *run) load() (n float64) {
	for _, c := range r.counts {
		if c.second+1 >= math.Floor(r.t) {
			n = max(n, float64(c.n))
		}
	}
	return n
}

// next is when the next request may go.
func (r *run) next() float64 {
	switch r.by {
	case ideal:
		return r.lim.free(r.t)
	case without:
		return r.t
	}
	if !r.answered { // the limiter's start at a host that has not answered yet
		if free := 8 * math.Exp2((r.t-r.start)/.1); float64(r.starting) >= free {
			return r.start + .1*math.Log2(float64(r.starting+1)/8) + 1e-6
		}
	}
	if r.f == nil {
		return r.t
	}
	at := r.f.Next(instant(r.t))
	if at <= instant(r.t) {
		return r.t
	}
	return r.t + at.Sub(instant(r.t)).Seconds()
}

func (r *run) pump() {
	for len(r.queue) > 0 {
		if at := r.next(); at > r.t {
			if at < r.wake || r.wake <= r.t {
				r.wake = at
				if !math.IsInf(at, 1) {
					r.at(at, r.pump)
				}
			}
			return
		}
		c := r.queue[0]
		r.queue = r.queue[1:]
		r.send(c)
	}
}

func (r *run) counted() bool { return r.t < r.start+r.length }

// jitter is how much longer one request's way to the server is than another's.
const jitter = .0015

func (r *run) send(c *call) {
	sent := instant(r.t)
	if r.f != nil {
		r.f.Sent(sent, false)
	}
	r.meter()
	if !r.answered {
		r.starting++
	}
	way := jitter/3 + jitter*r.rnd.Float64()
	if r.by == ideal {
		way = 0
	}
	r.at(r.t+way, func() {
		good, failing := r.lim.admits(r.t), r.rnd.Float64() < r.failing
		takes := r.takes * math.Exp(r.spread*r.rnd.NormFloat64()-r.spread*r.spread/2)
		if !good {
			if takes = r.refusal; takes == 0 {
				takes = min(r.takes, .02)
			}
		}
		r.sent++
		switch {
		case !r.counted():
		case good:
			r.served++
			r.servedAt = append(r.servedAt, r.t)
		default:
			r.refused++
		}
		r.at(r.t+takes, func() {
			if good {
				r.lim.done()
			}
			r.outcome(c, sent, good, failing)
			r.pump()
		})
	})
}

func (r *run) outcome(c *call, sent monotime.Instant, good, failing bool) {
	r.answered = true
	now := instant(r.t)
	if r.by == found && r.f != nil && r.f.Idle(now) {
		r.f = nil
		r.dropped++
	}
	if r.by == found && r.f == nil && !good {
		r.f = New(now, r.load())
	}
	if r.f != nil {
		if failing {
			r.f.Unsent(sent)
		} else {
			r.f.Outcome(now, sent, good)
		}
	}
	if !good {
		r.unmeter()
	}
	if *show && r.f != nil {
		if why, _, _ := strings.Cut(r.f.Why(), " ("); why != r.why {
			r.why = why
			fmt.Printf("%8.3f %s\n", r.t-r.start, r.f.Why())
		}
	}
	if good {
		r.waits = append(r.waits, r.t-c.began)
		c.home()
		return
	}
	// The Retrier waits half to one and a half times 0.5 s, doubling to 4 s, for
	// half a minute altogether; a fifth of it where a Finder says when to go.
	wait := (.5 + r.rnd.Float64()) * min(4, .5*math.Exp2(float64(c.tries)))
	if r.f != nil && r.f.Engaged() {
		wait /= 5
	}
	c.tries++
	if c.waited += wait; c.waited > 30 {
		r.lost++
		c.home()
		return
	}
	r.at(r.t+wait, func() { r.submit(c) })
}

func (r *run) submit(c *call) {
	r.queue = append(r.queue, c)
	r.pump()
}

func (r *run) refusedShare() float64 {
	return float64(r.refused) / float64(max(1, r.served+r.refused))
}

func simulate(s setting, by strategy, seed uint64) *run {
	r := &run{setting: s, by: by, t: s.start, rnd: rand.New(rand.NewPCG(seed, 1)), lim: s.limit(rand.New(rand.NewPCG(seed, 3)))}
	if by == foundNow {
		r.f = New(instant(r.t), 0)
	}
	end := s.start + s.length
	for range s.callers {
		var again func()
		again = func() {
			if r.t < end {
				r.submit(&call{began: r.t, home: func() { r.at(r.t+.001, again) }})
			}
		}
		r.at(r.t, again)
	}
	if s.perSec > 0 {
		var arrive func()
		arrive = func() {
			if r.t < end {
				r.submit(&call{began: r.t, home: func() {}})
				r.at(r.t+1/s.perSec, arrive)
			}
		}
		arrive()
	}
	if s.burst > 0 {
		for at := s.start; at < end; at += 60 {
			r.at(at, func() {
				for range s.burst {
					r.submit(&call{began: r.t, home: func() {}})
				}
			})
		}
	}
	for len(r.h) > 0 && r.h[0].at <= end+60 {
		e := heap.Pop(&r.h).(event)
		r.t = e.at
		e.f()
	}
	return r
}

func quantile(x []float64, q float64) float64 {
	if len(x) == 0 {
		return 0
	}
	x = slices.Sorted(slices.Values(x))
	return x[min(len(x)-1, int(q*float64(len(x))))]
}
