package steadyhttptest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/steadyhttp/steadyhttp/limit"
)

// isBound requires that no deadline is blamed.
func (u *turn) isBound(r *limit.Refusal) {
	if errors.Is(u.err, context.DeadlineExceeded) || r.Late {
		u.x.errorf("%s: got the error %v, want one that does not blame a deadline", u.name, u.err)
	}
}

// bounded is a with that MaxWait.
func bounded(a limit.Ask, maxWait time.Duration) limit.Ask {
	a.MaxWait = maxWait
	return a
}

// peek requires that Peek says a wait between least and most for a; it takes no time itself.
func (x *trial) peek(name string, a limit.Ask, least, most time.Duration) {
	began := time.Now()
	wait := x.l.Peek(x.ctx, a)
	if took := time.Since(began); took > lag {
		x.errorf("Peek %s: it took %v, want no time", name, rounded(took))
	}
	if wait < least || wait > most {
		x.errorf("Peek %s: got %v, want between %v and %v", name, wait, least, most)
	}
}

// boundPromises are about requests that may go elsewhere: they wait for so long at the most, or look first.
var boundPromises = []promise{{
	name:        "a request with a negative MaxWait goes at once or is refused at once",
	explanation: "Its caller has another server that it asks then, which is of use now.",
	try: func(x *trial) {
		for i, limits := range []limit.Limits{{MaxConcurrent: 1}, {RequestsPerMinute: 60}, {}} {
			a := asking(limits)
			a.Key.Host = fmt.Sprintf("api%d.example.com", i)
			a.LimitsKey.Host = a.Key.Host
			p := x.acquireNow("the first request, which nothing is in the way of", bounded(a, -1))
			if i == 2 {
				x.l.Observe(p, limit.Observation{Key: a.Key, Signal: limit.SignalRefused, Hold: 2 * time.Second})
				x.spread()
			}
			for range 3 {
				u := x.start(x.ctx, fmt.Sprintf("one that does not wait, with %+v", limits), bounded(a, -1))
				u.isBound(u.refused(0, 0))
			}
		}
	},
}, {
	name:        "a request waits no longer than its MaxWait",
	explanation: "A conversation waits for its own server for a moment, but not for as long as a call may take.",
	try: func(x *trial) {
		place := asking(limit.Limits{MaxConcurrent: 1})
		first := x.acquireNow("the first request", place)
		u := x.start(x.ctx, "one that waits for a place", bounded(place, minWait))
		u.isBound(u.refused(minWait, minWait))
		rate := asking(limit.Limits{RequestsPerMinute: 60})
		rate.Key.Host, rate.LimitsKey.Host = "other.example.com", "other.example.com"
		x.passNow("the first request of one a second", rate)
		u = x.start(x.ctx, "one whose turn comes after half a second more than it waits", bounded(rate, minWait))
		u.isBound(u.refused(0, 0))
		x.start(x.ctx, "one that waits for long enough", bounded(rate, lostAfter)).goes(0, time.Second)
		second := x.start(x.ctx, "one that waits for a place long enough", bounded(place, lostAfter))
		second.waits(minWait)
		x.l.Settle(first, good)
		second.goes(minWait, minWait)
	},
}, {
	name:        "a request that was refused for its MaxWait has left nothing",
	explanation: "Those that look in at a server and go elsewhere must not stand in the way of those that stay.",
	try: func(x *trial) {
		a := asking(limit.Limits{MaxConcurrent: 1, RequestsPerMinute: 60})
		first := x.acquireNow("the first request", a)
		for i := range 10 {
			maxWait := time.Duration(-1)
			if i%2 == 1 {
				maxWait = apart
			}
			x.start(x.ctx, "one that does not wait for long", bounded(a, maxWait)).refused(0, apart)
		}
		if s := x.state(someKey); s.Waiting != 0 || s.Concurrent != 1 {
			x.errorf("got %d that wait and %d under way, want the first only", s.Waiting, s.Concurrent)
		}
		x.l.Settle(first, good)
		x.start(x.ctx, "the next", a).goes(0, 1100*time.Millisecond) // a second after the first
	},
}, {
	name:        "Peek says when a request could go, and takes nothing",
	explanation: "By that a caller chooses among servers, many times before it sends one request.",
	try: func(x *trial) {
		a := asking(limit.Limits{RequestsPerMinute: 60, Burst: 1})
		x.peek("at a host that nobody knows", a, 0, 0)
		x.meet(a)
		for range 20 {
			x.peek("where nothing is in the way", a, 0, 0)
		}
		x.passNow("the first request", a)
		x.peek("a second before the next", a, time.Second-lag, time.Second)
		var waiting []*turn
		for i := range 3 {
			waiting = append(waiting, x.start(x.ctx, fmt.Sprintf("call %d of three that wait", i+1), a))
			time.Sleep(apart)
		}
		x.peek("behind three that wait for their second", a, 4*time.Second-2*lag, 4*time.Second)
		for i, u := range waiting {
			x.l.Settle(u.goes(0, time.Duration(i+1)*time.Second), good)
		}
	},
}, {
	name:        "Peek knows of pauses and places, and of what is only observed",
	explanation: "A server that is busy or wants a pause is not the one to go to; one that is only observed is.",
	try: func(x *trial) {
		place := asking(limit.Limits{MaxConcurrent: 2})
		x.acquireNow("the first of two", place)
		x.peek("with a place left", place, 0, 0)
		second := x.acquireNow("the second of two", place)
		x.peek("without a place", place, 1, lostAfter)
		x.l.Settle(second, good)
		x.spread()
		x.peek("with a place again", place, 0, 0)

		paused := limit.Ask{Key: limit.Key{Host: "paused.example.com", Credential: 7}}
		x.l.Observe(x.acquireNow("one that is refused", paused), limit.Observation{Key: paused.Key, Signal: limit.SignalRefused, Hold: 3 * time.Second})
		x.spread()
		x.peek("in a pause", paused, 3*time.Second-2*lag, 3*time.Second)
		paused.Inference = limit.Observe
		x.peek("in a pause that is only observed", paused, 0, 0)
		paused.Inference = limit.Off
		x.peek("in a pause that is none of its business", paused, 0, 0)
	},
}}
