package steadyhttptest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/steadyhttp/steadyhttp/limit"
)

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
	name:        "a call waits for a failing host no longer than OutageWait",
	explanation: "Then a request that was never sent is sent, as it would be without a Limiter. Of a repeat the caller wants the response that is in hand.",
	try: func(x *trial) {
		a, why := limit.Ask{Key: someKey, OutageWait: lostAfter}, &busyError{"down"}
		x.meet(a)
		x.fail(a, why)
		probe, _ := x.probed([]*turn{x.start(x.ctx, "the request that goes first", a)}) // and has no answer
		a.OutageWait = minWait
		first := x.start(x.ctx, "one with an OutageWait of 400ms that was never sent", a)
		a.Repeat = true
		repeat := x.start(x.ctx, "a repeat with an OutageWait of 400ms", a)
		x.l.Settle(first.goes(minWait, minWait), limit.Outcome{})
		r := repeat.refused(minWait, minWait)
		if x.carries(r, why); r.Late {
			x.errorf("got the error %v, want one that does not blame a deadline", repeat.err)
		}
		a.Repeat, a.OutageWait = false, 0
		x.start(x.within(minWait), "one with a deadline in 400ms that was never sent", a).goes(0, minWait)
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
