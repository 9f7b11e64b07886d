package steadyhttptest

import (
	"fmt"
	"slices"
	"time"

	"github.com/steadyhttp/steadyhttp/limit"
)

// of is a of that priority.
func of(p limit.Priority, a limit.Ask) limit.Ask {
	a.Priority = p
	return a
}

// startAll starts n calls, one after the other.
func (x *trial) startAll(n int, a limit.Ask) (turns []*turn) {
	for i := range n {
		turns = append(turns, x.start(x.ctx, fmt.Sprintf("%v request %d", a.Priority, i+1), a))
		time.Sleep(apart / 5)
	}
	time.Sleep(apart)
	return turns
}

// priorityPromises are about requests of several priorities.
var priorityPromises = []promise{{
	name:        "of those that wait the highest priority goes first",
	explanation: "Somebody looks at a screen, while a batch has all night.",
	try: func(x *trial) {
		a := asking(limit.Limits{MaxConcurrent: 1})
		p := x.acquireNow("the first request", a)
		var turns []*turn
		for _, priority := range []limit.Priority{limit.Batch, limit.Normal, limit.Urgent} {
			turns = append(turns, x.startAll(1, of(priority, a))...)
		}
		slices.Reverse(turns)
		for i, u := range turns {
			x.l.Settle(p, good)
			if got := x.next(turns[i:]); got != u {
				x.errorf("%s went before %s", got.name, u.name)
			}
			p = u.goes(0, lostAfter)
		}
	},
}, {
	name:        "at a rate a higher priority goes before those that wait already",
	explanation: "A batch of a thousand workers has whole minutes of a rate spoken for.",
	try: func(x *trial) {
		a := asking(limit.Limits{RequestsPerSecond: 2, Burst: 1})
		x.passNow("the first request", a)
		batch := x.startAll(5, of(limit.Batch, a))
		person := x.start(x.ctx, "a person, who comes after them", a)
		x.l.Settle(person.goes(0, time.Second), good)
		for i, u := range batch {
			x.l.Settle(u.goes(0, time.Duration(i+2)*time.Second/2), good)
		}
	},
}, {
	name:        "each priority that waits gets a twentieth of what passes",
	explanation: "However busy the day is, the batch is not to stand still.",
	try: func(x *trial) {
		a := asking(limit.Limits{MaxConcurrent: 1})
		p := x.acquireNow("the first request", a)
		batch := x.startAll(1, of(limit.Batch, a))[0]
		turns := append(x.startAll(25, a), batch)
		for n := 1; len(turns) > 0; n++ {
			x.l.Settle(p, good)
			u := x.next(turns)
			if u == batch && (n < 10 || n > 21) {
				x.errorf("the batch's went as number %d, want about the 20th", n)
			}
			p = u.goes(0, lostAfter)
			turns = slices.DeleteFunc(turns, func(other *turn) bool { return other == u })
		}
	},
}, {
	name:        "of several places a batch leaves one, where others come",
	explanation: "A batch of long requests would hold all places for a minute, and a person wait for it.",
	try: func(x *trial) {
		a := asking(limit.Limits{MaxConcurrent: 3})
		batch := of(limit.Batch, a)
		x.passNow("a person", a)
		x.spread()
		x.acquireNow("the batch's first", batch)
		second := x.acquireNow("the batch's second", batch)
		third := x.start(x.ctx, "the batch's third, as a person may come", batch)
		third.waits(minWait)
		person := x.acquireNow("a person, for whom it is left", a)
		x.l.Settle(person, good)
		third.waits(spread)
		x.l.Settle(second, good)
		third.goes(minWait, minWait+spread)

		one := asking(limit.Limits{MaxConcurrent: 1})
		one.Key.Host, one.LimitsKey.Host = "one.example.com", "one.example.com"
		x.passNow("a person at the only place", one)
		x.spread()
		x.passNow("a batch at the only place", of(limit.Batch, one))
	},
}, {
	name:        "MaxQueue is counted for each priority, and Snapshot tells them",
	explanation: "A batch that fills the queue must not keep a person out of it.",
	try: func(x *trial) {
		a := asking(limit.Limits{MaxConcurrent: 1})
		a.MaxQueue = 2
		x.acquireNow("the first request", a)
		for _, p := range []limit.Priority{limit.Batch, limit.Normal, limit.Urgent} {
			x.startAll(2, of(p, a))
			x.start(x.ctx, fmt.Sprintf("a third %v one", p), of(p, a)).refused(0, 0)
		}
		if s := x.state(someKey); s.Waiting != 6 || s.Batch != 2 || s.Urgent != 2 {
			x.errorf("got %d that wait, %d of a batch, %d urgent; want 6, 2 and 2", s.Waiting, s.Batch, s.Urgent)
		}
	},
}, {
	name:        "who of a lower priority was let in is not overtaken until it is late",
	explanation: "It was not refused when it came, so that its caller counts on it.",
	try: func(x *trial) {
		a := asking(limit.Limits{RequestsPerSecond: 10, Burst: 1})
		x.passNow("the first request", a)
		turns := x.startAll(10, a)
		late := x.start(x.within(minWait), "one that cannot make it behind what waits above it", of(limit.Batch, a))
		late.isLate(late.refused(0, 0))
		batch := x.start(x.within(1600*time.Millisecond), "one that can", of(limit.Batch, a))
		time.Sleep(apart)
		turns = append(turns, x.startAll(20, a)...) // they would take two seconds more
		batch.goes(0, 1600*time.Millisecond)
		for _, u := range turns {
			x.l.Settle(u.goes(0, lostAfter), good)
		}
	},
}, {
	name:        "probes are of the lowest priority that waits",
	explanation: "The first to see whether a server works again may well fail: that is no job for somebody who waits for an answer.",
	try: func(x *trial) {
		a := limit.Ask{Key: someKey, Repeatable: true, OutageWait: lostAfter}
		x.meet(a)
		x.fail(a, &busyError{})
		turns := []*turn{x.start(x.ctx, "a person, who came first", a)}
		time.Sleep(apart / 5) // the next probe is due soon
		turns = append(turns, x.start(x.ctx, "a batch", of(limit.Batch, a)))
		if probe, _ := x.probed(turns); probe != turns[1] {
			x.errorf("%s was the probe, want that of the batch", probe.name)
		}
	},
}, {
	name:        "Peek reckons with the priority",
	explanation: "Where a batch waits for minutes a person is let in at once.",
	try: func(x *trial) {
		a := asking(limit.Limits{RequestsPerSecond: 2, Burst: 1})
		x.passNow("the first request", a)
		batch := x.startAll(5, of(limit.Batch, a))
		x.peek("for a person", a, 1, time.Second)
		x.peek("for a batch", of(limit.Batch, a), 2*time.Second, 4*time.Second)
		for _, u := range batch {
			x.l.Settle(u.goes(0, lostAfter), good)
		}
	},
}}
