package steadyhttptest

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/steadyhttp/steadyhttp/limit"
)

// statePromises are about Snapshot, and about many calls at once.
var statePromises = []promise{{
	name:        "Snapshot shows limits, requests that wait, and those under way",
	explanation: "It is what the page of limits and the metrics are made of.",
	try: func(x *trial) {
		if all := x.l.Snapshot(); len(all) > 0 {
			x.errorf("before the first request: got %+v, want nothing", all)
		}
		a := asking(limit.Limits{RequestsPerMinute: 60, Burst: 10, MaxConcurrent: 3})
		first := x.acquireNow("one of three", a)
		for range 2 {
			x.acquireNow("another of three", a)
		}
		waiting := x.start(x.ctx, "a fourth that waits", a)
		x.spread()
		s := x.state(someKey)
		if s.Waiting != 1 || s.Concurrent != 3 || s.Gate != "" {
			x.errorf("got %d that wait, %d under way and the gate %q, want 1, 3 and none", s.Waiting, s.Concurrent, s.Gate)
		}
		if s.Oldest < spread/2 || s.Oldest > spread+lag || s.Why == "" {
			x.errorf("got one that has waited %v for %q, want %v and a reason", s.Oldest, s.Why, spread)
		}
		x.shows(s, limit.LimitState{Unit: "requests", Limit: 60, Window: time.Minute}, 0, 58) // three were taken, not much came back
		x.shows(s, limit.LimitState{Unit: "concurrency", Limit: 3}, 0, 0)
		x.l.Settle(first, good)
		x.l.Settle(waiting.goes(0, lostAfter), good)
		x.spread()
		if s := x.state(someKey); s.Waiting != 0 || s.Concurrent != 2 || s.Why != "" {
			x.errorf("at the end: got %d that wait for %q and %d under way, want 0 and 2", s.Waiting, s.Why, s.Concurrent)
		}
	},
}, {
	name:        "Snapshot shows limits that responses state",
	explanation: "Somebody who asks why requests wait sees a limit that nobody here has set.",
	try: func(x *trial) {
		x.meet(asking(limit.Limits{}))
		p := x.acquireNow("the request that is told", limit.Ask{Key: someKey})
		o := stating(100, time.Minute, time.Minute)
		o.Remaining = 80
		x.l.Observe(p, o)
		x.l.Settle(p, good)
		x.spread()
		x.passNow("the next request", limit.Ask{Key: someKey})
		x.shows(x.state(someKey), limit.LimitState{Unit: "requests", Limit: 100, Window: time.Minute, Learned: true}, 0, 100)
	},
}, {
	name:        "Snapshot shows what closed a gate",
	explanation: "It is the first thing to look at when nothing goes any more.",
	try: func(x *trial) {
		x.meet(asking(limit.Limits{}))
		told, why := x.acquireNow("the request that is told", limit.Ask{Key: someKey}), &busyError{"slow down"}
		x.l.Observe(told, limit.Observation{Key: someKey, Hold: askedPause, Err: why})
		x.l.Settle(told, limit.Outcome{})
		x.spread()
		u := x.start(x.ctx, "a request in the pause", limit.Ask{Key: someKey})
		x.spread()
		x.closed(limit.GateAsked, askedPause, why)
		x.l.Settle(u.goes(minWait, askedPause), good)
		x.spread()
		x.pass("a request after the pause", limit.Ask{Key: someKey})
		for _, s := range x.l.Snapshot() {
			if s.Gate != "" {
				x.errorf("after the pause: got the gate %q at %+v, want none", s.Gate, s.Key)
			}
		}
	},
}, {
	name:        "Snapshot shows what closed the gate of a host that fails",
	explanation: "It is the first thing to look at when nothing goes any more.",
	try: func(x *trial) {
		x.meet(asking(limit.Limits{}))
		down := &busyError{"down"}
		a := limit.Ask{Key: someKey, OutageWait: lostAfter}
		x.fail(a, down)
		probe, _ := x.probed([]*turn{x.start(x.ctx, "a request to a host that fails", a)})
		waiting := x.start(x.ctx, "another", a)
		x.spread()
		x.closed(limit.GateFailing, lostAfter, down)
		x.l.Settle(probe.permit, good)
		x.l.Settle(waiting.goes(0, recovery), good)
	},
}, {
	name:        "what Snapshot returns is the caller's",
	explanation: "Pages sort it and drop what they do not show.",
	try: func(x *trial) {
		a := asking(limit.Limits{RequestsPerMinute: 600})
		x.passNow("a request", a)
		for _, s := range x.l.Snapshot() {
			for i := range s.Limits {
				s.Limits[i] = limit.LimitState{Unit: "changed"}
			}
		}
		for _, s := range x.l.Snapshot() {
			for _, l := range s.Limits {
				if l.Unit == "changed" {
					x.errorf("got what the caller had written into an earlier one")
				}
			}
		}
		x.passNow("another request", a)
	},
}, {
	name:        "two hundred goroutines share it",
	explanation: "All methods are called at once. Some of the calls are canceled, and no place may be lost by that.",
	try:         crowd,
	alone:       true,
}}

// shows requires that s has the limit, of which there is left between least and most.
func (x *trial) shows(s limit.KeyState, want limit.LimitState, least, most float64) {
	for _, l := range s.Limits {
		if left := l.Left; l.Unit == want.Unit && l.Learned == want.Learned {
			if l.Left = 0; l != want || left < least || left > most {
				x.errorf("got the limit %+v with %.1f left, want %+v with %.0f to %.0f left", l, left, want, least, most)
			}
			return
		}
	}
	x.errorf("got the limits %+v, want %+v among them", s.Limits, want)
}

// closed requires that Snapshot shows a gate that concerns someKey.
func (x *trial) closed(gate string, most time.Duration, why *busyError) {
	all := x.l.Snapshot()
	for _, s := range all {
		if s.Gate == gate && s.Key.Host == someKey.Host {
			if s.GateLeft < 0 || s.GateLeft > most {
				x.errorf("got %v left until the gate opens, want 0 to %v", s.GateLeft, most)
			}
			if s.Evidence == "" {
				x.errorf("got %+v, want the evidence in words", s)
			}
			if !errors.Is(s.GateError, why) {
				x.errorf("got a gate that was closed by %v, want %v", s.GateError, why)
			}
			return
		}
	}
	x.errorf("got %+v, want a gate that is closed: %s", all, gate)
}

const (
	crowdSize   = 200
	crowdPlaces = 20
	crowdEach   = 3 // calls of each goroutine
)

// crowd has many goroutines call all methods at once.
func crowd(x *trial) {
	a := costing(asking(limit.Limits{MaxConcurrent: crowdPlaces, TokensPerMinute: 1e9}), 10, 10)
	var underWay, peak, went atomic.Int32
	var wg sync.WaitGroup
	for i := range crowdSize {
		wg.Go(func() {
			defer x.recovered()
			a := a
			a.Key.Model = []string{"", "m", "n"}[i%3]
			for j := range crowdEach {
				ctx, cancel := context.WithCancel(x.ctx)
				if i%10 == 0 && j == 0 { // gives up as it comes, or before it has gone
					time.AfterFunc(time.Duration(i)*time.Millisecond/10, cancel)
				}
				p, err := x.l.Acquire(ctx, a)
				cancel()
				if err != nil {
					if !errors.Is(err, context.Canceled) {
						x.errorf("one of %d goroutines: got the error %v, want a permit", crowdSize, err)
					}
					continue
				}
				went.Add(1)
				n := underWay.Add(1)
				for old := peak.Load(); n > old && !peak.CompareAndSwap(old, n); old = peak.Load() {
				}
				time.Sleep(time.Millisecond)
				x.l.Observe(p, limit.Observation{Key: p.Key, Unit: "requests", Limit: 1e6, Remaining: 9e5, Window: time.Minute, Reset: time.Minute, MaxWait: time.Minute})
				if i%20 == 0 {
					x.l.Snapshot()
				}
				underWay.Add(-1)
				x.l.Settle(p, limit.Outcome{Signal: limit.SignalGood, UsageKnown: true, Used: limit.Cost{Requests: 1, Input: 5}})
			}
		})
	}
	over := make(chan struct{})
	go func() {
		wg.Wait()
		close(over)
	}()
	select {
	case <-over:
	case <-time.After(2 * lostAfter):
		x.fatalf("after %v %d of %d calls had gone", 2*lostAfter, went.Load(), crowdSize*crowdEach)
	}
	if n := peak.Load(); n > crowdPlaces {
		x.errorf("got %d under way at once, want at most %d", n, crowdPlaces)
	}
	x.spread()
	if s := x.state(someKey); s.Waiting != 0 || s.Concurrent != 0 {
		x.errorf("at the end: got %d that wait and %d under way, want none", s.Waiting, s.Concurrent)
	}
	for range crowdPlaces {
		x.acquireNow("a request that finds all places free again", a)
	}
}
