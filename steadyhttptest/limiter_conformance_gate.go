package steadyhttptest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/steadyhttp/steadyhttp/limit"
)

const (
	// askedPause is how long the server of a case asks to be left alone.
	askedPause = 800 * time.Millisecond

	// recovery is how long those who waited may take to leave a gate that has opened: there are few of them, and a
	// Limiter need not let them all go at once.
	recovery = 3 * time.Second
)

// pausePromises are about pauses that a server asks for.
var pausePromises = []promise{{
	name:        "a pause holds its Key and no other, and ends",
	explanation: "A server that is asked again while it wants to be left alone may lengthen the pause, or block the credential. Whom it does not concern must not wait with the rest.",
	try: func(x *trial) {
		x.meet(asking(limit.Limits{}))
		told := x.acquireNow("the request that is told", limit.Ask{Key: someKey})
		x.l.Observe(told, limit.Observation{Key: someKey, Hold: askedPause, Err: errors.New("slow down")})
		began := time.Now()
		x.l.Settle(told, limit.Outcome{})
		x.spread()
		var turns []*turn
		for i := range 4 {
			a := limit.Ask{Key: someKey}
			a.Key.Model = fmt.Sprint("m", i) // whatever else is known of it
			turns = append(turns, x.start(x.ctx, fmt.Sprintf("request %d that waits for the end of the pause", i+1), a))
		}
		for _, o := range others[:2] {
			x.acquireNow("a request of "+o.name, limit.Ask{Key: o.key})
		}
		time.Sleep(time.Until(began.Add(askedPause)) - 2*lead)
		for _, u := range turns {
			u.waits(0)
		}
		x.drain(turns, 2*lead+lag) // one goes at the end of the pause
	},
}, {
	name:        "a deadline within a pause is refused at once, with the reason",
	explanation: "The caller learns what the server said, not only that its own time would have passed.",
	try: func(x *trial) {
		x.meet(asking(limit.Limits{}))
		told, why := x.acquireNow("the request that is told", limit.Ask{Key: someKey}), &busyError{"slow down"}
		x.l.Observe(told, limit.Observation{Key: someKey, Hold: time.Minute, Err: why})
		x.l.Settle(told, limit.Outcome{})
		x.spread()
		u := x.start(x.within(2*lag), "a request with half a second, in a pause of a minute", limit.Ask{Key: someKey})
		r := u.refused(0, 0)
		u.isLate(r)
		x.carries(r, why)
	},
}, {
	name:        "of two pauses the one that ends last counts",
	explanation: "Answers overtake each other. One that asks for a second does not take back a minute.",
	try: func(x *trial) {
		x.meet(asking(limit.Limits{}))
		told, also := x.acquireNow("the request that is told", limit.Ask{Key: someKey}), x.acquireNow("another", limit.Ask{Key: someKey})
		x.l.Observe(told, limit.Observation{Key: someKey, Hold: askedPause})
		x.l.Observe(also, limit.Observation{Key: someKey, Hold: apart})
		began := time.Now()
		x.l.Settle(told, limit.Outcome{})
		x.l.Settle(also, limit.Outcome{})
		x.spread()
		u := x.start(x.ctx, "a request that waits for the end of both pauses", limit.Ask{Key: someKey})
		u.goes(askedPause-time.Since(began)-lead, askedPause)
	},
}, {
	name:        "Observe reports whether others are held back",
	explanation: "The log says of a refusal whether it is one request's own or everybody's. A Limiter that cannot know at once may say no at first.",
	try: func(x *trial) {
		x.meet(asking(limit.Limits{}))
		told, also := x.acquireNow("the request that is told", limit.Ask{Key: someKey}), x.acquireNow("another", limit.Ask{Key: someKey})
		why := errors.New("slow down")
		if x.l.Observe(also, limit.Observation{Key: someKey, Signal: limit.SignalGood}) {
			x.errorf("after an answer that was good: got held, want not")
		}
		x.l.Observe(told, limit.Observation{Key: someKey, Hold: askedPause, Err: why})
		x.spread()
		u := x.start(x.ctx, "a request in the pause", limit.Ask{Key: someKey})
		x.spread()
		if !x.l.Observe(also, limit.Observation{Key: someKey}) {
			x.errorf("while a request waits for the end of a pause: got not held, want held")
		}
		if x.l.Observe(also, limit.Observation{Key: others[0].key}) {
			x.errorf("of another host: got held, want not")
		}
		x.l.Settle(u.goes(minWait, askedPause), good)
		x.spread()
		x.pass("a request after the pause", limit.Ask{Key: someKey})
		if x.l.Observe(also, limit.Observation{Key: someKey}) {
			x.errorf("after the pause: got held, want not")
		}
	},
}}

// drain lets turns go as they come and has each answered well. The first must come within first.
func (x *trial) drain(turns []*turn, first time.Duration) {
	began, most := time.Now(), first
	for left := slices.Clone(turns); len(left) > 0; {
		u := x.next(left)
		if u.err != nil {
			x.errorf("%s: got the error %v, want a permit", u.name, u.err)
		}
		if took := u.ended().Sub(began); took > most {
			x.fatalf("%d of %d requests had not gone after %v", len(left), len(turns), most)
		}
		x.l.Settle(u.permit, good)
		left = slices.DeleteFunc(left, func(v *turn) bool { return v == u })
		most = recovery
	}
}

const (
	// maxFailures is after how many failures in a row a host is taken for failing by every Limiter.
	maxFailures = 60

	// probeApart is how far apart requests to a failing host are at the least, and maxProbe at the most.
	probeApart = 80 * time.Millisecond
	maxProbe   = time.Second
)

// fail observes failures of a's host until it is taken for failing: until a request has to wait, which fails too.
func (x *trial) fail(a limit.Ask, why error) {
	for range maxFailures {
		p, err := x.l.Acquire(x.within(2*maxProbe), a)
		if err != nil && !errors.Is(err, limit.ErrThrottled) {
			x.fatalf("got the error %v, want one that is ErrThrottled", err)
		}
		waited := err != nil || p.Waited > probeApart/2
		x.l.Observe(p, limit.Observation{Key: limit.Key{Host: a.Key.Host}, Signal: limit.SignalFailing, Err: why})
		x.l.Settle(p, limit.Outcome{})
		if waited {
			x.spread()
			return
		}
	}
	x.fatalf("after %d failures in a row requests still go at once", maxFailures)
}

// probed waits until one of turns goes, and requires that no other follows before it is answered, for probeApart.
func (x *trial) probed(turns []*turn) (probe *turn, rest []*turn) {
	began := time.Now()
	probe = x.next(turns)
	if took := probe.ended().Sub(began); took > maxProbe+lag {
		x.fatalf("no request went within %v, want one to see whether the host works", maxProbe)
	}
	for _, u := range turns {
		if u != probe {
			rest = append(rest, u)
		}
	}
	if probe.err != nil {
		x.fatalf("%s: got the error %v, want a permit", probe.name, probe.err)
	}
	if !probe.permit.Probe {
		x.errorf("%s: got the permit %+v, want one that is a probe", probe.name, probe.permit)
	}
	time.Sleep(time.Until(probe.ended().Add(probeApart - lead)))
	for _, u := range rest {
		u.waits(0)
	}
	return probe, rest
}

// failingPromises are about hosts that fail.
var failingPromises = []promise{{
	name:        "while a host fails one request at a time goes, and a success lets the others go",
	explanation: "A host that is down is not helped by everybody knocking, and once it is up again nobody needs to wait.",
	try: func(x *trial) {
		a := limit.Ask{Key: someKey, OutageWait: lostAfter}
		x.meet(a)
		x.fail(a, errors.New("down"))
		var turns []*turn
		for i := range 12 { // so many that they would take longer than recovery if they went as probes
			turns = append(turns, x.start(x.ctx, fmt.Sprintf("request %d to a host that fails", i+1), a))
		}
		elsewhere := limit.Ask{Key: others[0].key}
		x.acquireNow("a request to another host", elsewhere)
		probe, rest := x.probed(turns)
		x.l.Observe(probe.permit, limit.Observation{Key: limit.Key{Host: someKey.Host}, Signal: limit.SignalFailing})
		x.l.Settle(probe.permit, limit.Outcome{})
		probe, rest = x.probed(rest)
		x.l.Settle(probe.permit, good)
		x.drain(rest, recovery)
		for range 3 {
			x.l.Settle(x.start(x.ctx, "a request after the host was back", a).goes(0, recovery), good)
		}
	},
}, {
	name:        "a probe without an outcome makes room for another",
	explanation: "Its caller gave up. Were it waited for, nobody would see that the host is back.",
	try: func(x *trial) {
		a := limit.Ask{Key: someKey, OutageWait: lostAfter}
		x.meet(a)
		x.fail(a, errors.New("down"))
		turns := []*turn{x.start(x.ctx, "a request to a host that fails", a), x.start(x.ctx, "another", a)}
		probe, rest := x.probed(turns)
		x.l.Settle(probe.permit, limit.Outcome{})
		probe, _ = x.probed(rest)
		x.l.Settle(probe.permit, good)
	},
}, {
	name:        "a call without a deadline waits for a failing host no longer than OutageWait",
	explanation: "It has nothing else that would end it, and whoever made it wants to know.",
	try: func(x *trial) {
		a, why := limit.Ask{Key: someKey, OutageWait: lostAfter}, &busyError{"down"}
		x.meet(a)
		x.fail(a, why)
		probe, _ := x.probed([]*turn{x.start(x.ctx, "the request that goes first", a)}) // and has no answer
		a.OutageWait = minWait
		u := x.start(x.ctx, "one with an OutageWait of 400ms", a)
		if u.end(); u.err == nil {
			u.goes(0, minWait) // a Limiter may have it try its luck
		} else if r := u.refused(minWait, minWait); !r.Late {
			x.carries(r, why)
		} else {
			x.errorf("got the error %v, want one that does not blame a deadline", u.err)
		}
		u = x.start(x.within(minWait), "one with a deadline in 400ms", a)
		if u.end(); u.err == nil {
			u.goes(0, minWait)
		} else {
			x.carries(u.refused(0, minWait), why)
		}
		x.l.Settle(probe.permit, good)
	},
}, {
	name:        "a call to a failing host that is canceled returns context.Cause",
	explanation: "It is what most callers do with a host that is down.",
	try: func(x *trial) {
		a := limit.Ask{Key: someKey, OutageWait: lostAfter}
		x.meet(a)
		x.fail(a, errors.New("down"))
		probe, _ := x.probed([]*turn{x.start(x.ctx, "the request that goes first", a)})
		ctx, cancel := context.WithCancelCause(x.ctx)
		u := x.start(ctx, "one that is canceled", a)
		time.Sleep(spread)
		cancel(errCause)
		if u.end(); !errors.Is(u.err, errCause) || u.took > spread+lag {
			x.errorf("got the error %v after %v, want context.Cause after %v", u.err, rounded(u.took), spread)
		}
		x.l.Settle(probe.permit, good)
	},
}}
