package limiter

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyhttp/steadyhttp/limit"
)

// TestRamp has a host be down for five seconds under a steady load, whose answers
// take 20 ms, and looks at what it gets once it is back.
func TestRamp(t *testing.T) {
	for _, row := range []struct {
		name      string
		perSecond int
		hold      time.Duration
		signal    limit.Signal
	}{
		{"silent", 200, 0, limit.SignalFailing},
		{"silent, a small load", 20, 0, limit.SignalFailing},
		{"asks for a second each time", 200, time.Second, limit.SignalFailing},
		{"asks for five seconds", 200, 5 * time.Second, limit.SignalFailing},
		{"a limit's pause", 200, 5 * time.Second, limit.SignalRefused},
	} {
		synctest.Test(t, func(t *testing.T) {
			var m Memory
			k := routed("GET /a")
			const before, outage, after = 5 * time.Second, 5 * time.Second, 20 * time.Second
			began := time.Now()
			var mu sync.Mutex // guards what follows
			var seconds [40]int
			var tenths [400]int
			first := -1 // the second of which is the first success after the outage
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
			defer cancel()
			answered, inOutage := 0, 0
			n := int((before+outage+after)/time.Second) * row.perSecond
			done := make(chan bool)
			for i := range n {
				go func() {
					defer func() { done <- true }()
					time.Sleep(time.Duration(i) * time.Second / time.Duration(row.perSecond))
					for repeat := false; ; repeat = true {
						p, err := m.Acquire(ctx, limit.Ask{Key: k, Repeat: repeat, Repeatable: true})
						if err != nil {
							return
						}
						at := time.Since(began)
						time.Sleep(20 * time.Millisecond)
						if at >= before && at < before+outage {
							mu.Lock()
							inOutage++
							mu.Unlock()
							m.Observe(p, limit.Observation{Key: k, Signal: row.signal, Hold: row.hold, Err: &testError{"down"}})
							m.Settle(p, limit.Outcome{})
							time.Sleep(500 * time.Millisecond)
							continue
						}
						mu.Lock()
						if at >= before+outage {
							if first < 0 {
								first = int(at / (100 * time.Millisecond))
							}
							tenths[int(at/(100*time.Millisecond))]++
							seconds[(int(at/(100*time.Millisecond))-first)/10]++
						}
						answered++
						mu.Unlock()
						m.Settle(p, good)
						return
					}
				}()
			}
			for range n {
				<-done
			}
			busiest := 0
			for _, n := range tenths {
				busiest = max(busiest, n)
			}
			load := float64(row.perSecond)
			t.Logf("%s: %d of %d answered, %d requests in the outage, back after %.1f s, then by the second %v, at most %d in a tenth", row.name, answered, n, inOutage, float64(first)/10-10, seconds[:8], busiest)
			if share := float64(answered) / float64(n); share < 0.99 {
				t.Errorf("%s: %.3f of the calls were answered, want 0.99", row.name, share)
			}
			if got := float64(seconds[0]) / load; got < 0.9 || got > 1.4 {
				t.Errorf("%s: got %.2f of the load before in the first second, want 0.9 to 1.4", row.name, got)
			}
			if got := 10 * float64(busiest) / load; got > 3 {
				t.Errorf("%s: got %.1f times the load before in the busiest tenth of a second, want 3 at most", row.name, got)
			}
			clean(t, &m)
		})
	}
}

// TestRampWithANewLoad has a host be down for two seconds under a small load, and
// ten times as many come soon after it is back: they do not wait for what the load
// was before.
func TestRampWithANewLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m Memory
		k := routed("GET /a")
		meet(t, &m)
		const outage, before, after = 2 * time.Second, 10, 100 // calls a second
		began := time.Now()
		call := func() (waited time.Duration) {
			p, err := m.Acquire(t.Context(), limit.Ask{Key: k, Repeatable: true, OutageWait: time.Minute})
			if err != nil {
				t.Error(err)
				return 0
			}
			down := time.Since(began) < outage
			time.Sleep(20 * time.Millisecond)
			if down {
				failed(&m, p, k, 0)
				return 0
			}
			m.Settle(p, good)
			return p.Waited
		}
		var wg sync.WaitGroup
		for range 4 * before {
			wg.Go(func() { call() })
			time.Sleep(time.Second / before)
		}
		late := make(chan time.Duration, 10*after)
		for range 10 * after {
			wg.Go(func() { late <- call() })
			time.Sleep(time.Second / after)
		}
		wg.Wait()
		close(late)
		n, longest := 0, time.Duration(0)
		for waited := range late {
			if longest = max(longest, waited); waited > 100*time.Millisecond {
				n++
			}
		}
		t.Logf("%d of %d waited for more than 100 ms, %v at the most", n, 10*after, longest)
		if n > 3*after || longest > 2*time.Second {
			t.Errorf("%d of %d waited for more than 100 ms, %v at the most, want at most %d and 2 s", n, 10*after, longest, 3*after)
		}
		clean(t, &m)
	})
}
