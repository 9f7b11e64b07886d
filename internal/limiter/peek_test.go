package limiter

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyhttp/steadyhttp/limit"
)

// A world is a Memory to which anything happens.
type world struct {
	t     *testing.T
	m     Memory
	r     *rand.Rand
	under []limit.Permit
}

func (w *world) pick(n int) int { return w.r.IntN(n) }

// ask is any request.
func (w *world) ask() limit.Ask {
	a := limit.Ask{
		Key:        limit.Key{Host: testHost.Host, Route: []string{"GET /a", "GET /b", "POST /c"}[w.pick(3)], Credential: uint64(1 + w.pick(2))},
		Priority:   limit.Priority(w.pick(3) - 1),
		Repeat:     w.pick(5) == 0,
		Repeatable: w.pick(2) == 0,
		Inference:  []limit.Inference{limit.Act, limit.Act, limit.Act, limit.Observe, limit.Off}[w.pick(5)],
		OutageWait: []time.Duration{0, 0, 0, time.Second, -1}[w.pick(5)],
		Cost:       limit.Cost{Input: int64(w.pick(200)), Output: int64(w.pick(100))},
	}
	all := []limit.Limits{{}, {}, {RequestsPerSecond: 5}, {MaxConcurrent: 3}, {TokensPerMinute: 6000}, {RequestsPerMinute: 60, Burst: 4, MaxConcurrent: 5}}
	n := w.pick(len(all))
	a.Limits, a.LimitsKey = all[n], limit.Key{Host: testHost.Host, Credential: uint64(100 + n)}
	return a
}

// happen has something happen.
func (w *world) happen() {
	switch n := w.pick(10); {
	case n < 3:
		time.Sleep(time.Duration(w.pick(int(400 * time.Millisecond))))
	case n < 6:
		ctx, cancel := context.WithTimeout(w.t.Context(), time.Duration(1+w.pick(5))*time.Second)
		a := w.ask()
		got := make(chan limit.Permit, 1)
		go func() {
			defer cancel()
			if p, err := w.m.Acquire(ctx, a); err == nil {
				got <- p
			}
		}()
		synctest.Wait()
		select {
		case p := <-got:
			w.under = append(w.under, p)
		default:
			go func() {
				<-ctx.Done()
				select {
				case p := <-got:
					w.m.Settle(p, good)
				default:
				}
			}()
		}
	case len(w.under) > 0:
		i := w.pick(len(w.under))
		p := w.under[i]
		w.under = slices.Delete(w.under, i, i+1)
		o := limit.Observation{Key: p.Key, Signal: limit.Signal(w.pick(4)), Hold: []time.Duration{0, 0, 0, time.Second, 10 * time.Second}[w.pick(5)]}
		if w.pick(3) == 0 {
			o.Unit, o.Limit, o.Remaining, o.Window, o.Reset, o.MaxWait = "requests", 50, int64(w.pick(3)), time.Minute, 20*time.Second, time.Minute
		}
		w.m.Observe(p, o)
		w.m.Settle(p, limit.Outcome{})
	}
}

// What Peek says is what Acquire does, and neither Peek nor a request that does not
// wait leaves anything behind, whatever has happened before.
func TestPeekSaysWhatAcquireDoes(t *testing.T) {
	seen := map[string]int{}
	seeds := uint64(25)
	if *long {
		seeds = 2500
	}
	for seed := range seeds {
		synctest.Test(t, func(t *testing.T) {
			w := &world{t: t, r: rand.New(rand.NewPCG(seed, 1))}
			meet(t, &w.m)
			for step := range 150 {
				w.happen()
				synctest.Wait()
				a := w.ask()
				before := w.m.everything()
				a.MaxWait = -1
				wait := w.m.Peek(t.Context(), a)
				if after := w.m.everything(); !reflect.DeepEqual(before, after) {
					t.Fatalf("seed %d, step %d: Peek has changed %v to %v", seed, step, before, after)
				}
				p, err := w.m.Acquire(t.Context(), a)
				var r *limit.Refusal
				switch {
				case wait == 0 && err != nil, wait > 0 && err == nil, wait < 0:
					t.Fatalf("seed %d, step %d: Peek says %v, and Acquire %v of %+v", seed, step, wait, err, a)
				case err != nil && (!errors.As(err, &r) || r.Late || r.Reason == ""):
					t.Fatalf("seed %d, step %d: got %v, want a Refusal that is not late", seed, step, err)
				}
				if err == nil {
					w.under = append(w.under, p)
					seen["goes"]++
					continue
				}
				seen["refused"]++
				if after := w.m.everything(); !reflect.DeepEqual(before, after) {
					t.Fatalf("seed %d, step %d: the refusal (%v) has changed %v to %v", seed, step, err, before, after)
				}
			}
			for _, p := range w.under {
				w.m.Settle(p, limit.Outcome{})
			}
			time.Sleep(time.Hour)
			clean(t, &w.m)
		})
		if t.Failed() {
			return
		}
	}
	if seen["goes"] < 500 || seen["refused"] < 500 {
		t.Errorf("got %v, want many of both", seen)
	}
}

// everything is what is known, in words: of each Key what Snapshot shows, and what it
// hangs on beside that.
func (m *Memory) everything() (all []string) {
	for _, s := range m.Snapshot() {
		s.Evidence = "" // what has happened is read when somebody asks
		all = append(all, fmt.Sprintf("%+v", s))
	}
	m.hosts.Range(func(_, v any) bool {
		h := v.(*host)
		h.mu.Lock()
		defer h.mu.Unlock()
		say := func(k *keyState) {
			text := fmt.Sprint(k.key, k.users, k.waiting, k.inUse, k.sent, k.line.cost(), k.due, k.contradicted, k.failedAt)
			for i := range k.told {
				text += fmt.Sprint(k.told[i].turn, k.told[i].sum)
			}
			if k.gate != nil {
				text += fmt.Sprintf("%+v", *k.gate)
			}
			if k.ramp != nil {
				text += fmt.Sprintf("%+v", *k.ramp)
			}
			all = append(all, text)
		}
		say(&h.keyState)
		for k := range h.keys.all {
			say(k)
		}
		return true
	})
	slices.Sort(all)
	return all
}

// A request that waits with a bound goes in time, or is refused: at once where its
// turn is known to come too late, else when the bound passes.
func TestMaxWait(t *testing.T) {
	perSecond := limit.Ask{Key: testHost, LimitsKey: testHost, Limits: limit.Limits{RequestsPerSecond: 1}}
	place := limit.Ask{Key: testHost, LimitsKey: testHost, Limits: limit.Limits{MaxConcurrent: 1}}
	for _, c := range []struct {
		name    string
		ask     limit.Ask
		maxWait time.Duration
		ahead   int           // that wait
		after   time.Duration // when it ends
		goes    bool
	}{
		{"a rate in time", perSecond, 1500 * time.Millisecond, 0, time.Second, true},
		{"a rate at the last moment", perSecond, time.Second, 0, time.Second, true},
		{"a rate too late", perSecond, 900 * time.Millisecond, 0, 0, false},
		{"a rate behind others", perSecond, 2500 * time.Millisecond, 2, 0, false},
		{"no wait for a rate", perSecond, -1, 0, 0, false},
		{"a place too late", place, 900 * time.Millisecond, 0, 900 * time.Millisecond, false},
		{"a place in time", place, 10 * time.Second, 0, 5 * time.Second, true},
		{"no wait for a place", place, -1, 0, 0, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			var m Memory
			meet(t, &m)
			first := now(t, &m, c.ask)
			time.AfterFunc(5*time.Second, func() { m.Settle(first, good) })
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			for range c.ahead {
				go m.Acquire(ctx, c.ask)
			}
			synctest.Wait()
			start := time.Now()
			c.ask.MaxWait = c.maxWait
			p, err := m.Acquire(t.Context(), c.ask)
			var r *limit.Refusal
			if took := time.Since(start); took != c.after || (err == nil) != c.goes {
				t.Errorf("%s: got %v after %v, want that it goes is %v after %v", c.name, err, took, c.goes, c.after)
			}
			if err != nil && (!errors.As(err, &r) || r.Late) {
				t.Errorf("%s: got %v, want a Refusal that is not late", c.name, err)
			}
			if err != nil && m.Snapshot()[0].Waiting != c.ahead {
				t.Errorf("%s: got %d who wait after it, want %d", c.name, m.Snapshot()[0].Waiting, c.ahead)
			}
			cancel()
			synctest.Wait()
			time.Sleep(6 * time.Second)
			m.Settle(p, good)
			clean(t, &m)
		})
	}
}

// Peek counts those who wait already, and reckons with the times for which places
// were taken.
func TestPeekEstimates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m Memory
		meet(t, &m)
		a := limit.Ask{Key: testHost, LimitsKey: testHost, Limits: limit.Limits{RequestsPerSecond: 10, Burst: 1}}
		m.Settle(now(t, &m, a), good)
		ctx, cancel := context.WithCancel(t.Context())
		for range 20 {
			go m.Acquire(ctx, a)
		}
		synctest.Wait()
		if got := m.Peek(t.Context(), a); got < 2*time.Second || got > 2200*time.Millisecond {
			t.Errorf("behind 20 at ten a second: got %v, want about 2.1s", got)
		}
		cancel()
	})
	synctest.Test(t, func(t *testing.T) {
		var m Memory
		meet(t, &m)
		a := limit.Ask{Key: testHost, LimitsKey: testHost, Limits: limit.Limits{MaxConcurrent: 2}}
		for range 40 {
			p := now(t, &m, a)
			time.Sleep(3 * time.Second)
			m.Settle(p, good)
		}
		now(t, &m, a)
		if got := m.Peek(t.Context(), a); got != 0 {
			t.Errorf("with a place left: got %v, want 0", got)
		}
		now(t, &m, a)
		if got := m.Peek(t.Context(), a); got < time.Second || got > 3*time.Second {
			t.Errorf("without a place: got %v, want half of the three seconds for which each of two is taken", got)
		}
	})
}

// Peek needs no memory, at a host that holds nobody back and at one that does.
func TestPeekAllocatesNothing(t *testing.T) {
	var m Memory
	meet(t, &m)
	plain := limit.Ask{Key: testHost}
	limited := limit.Ask{Key: testHost, LimitsKey: testHost, Limits: limit.Limits{RequestsPerMinute: 1, TokensPerMinute: 50}}
	for i, a := range []limit.Ask{plain, limited, limited, plain} {
		if n := testing.AllocsPerRun(100, func() { m.Peek(context.Background(), a) }); n > 0 {
			t.Errorf("got %v allocations, want none", n)
		}
		if i == 1 {
			m.Settle(now(t, &m, a), good)
		}
	}
	if m.Peek(context.Background(), limited) == 0 {
		t.Error("got 0 where the limit is used up")
	}
}
