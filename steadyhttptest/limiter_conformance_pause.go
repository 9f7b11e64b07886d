package steadyhttptest

import (
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
}, {
	name:        "a pause ends with a success of a later request",
	explanation: "Such a success shows that the limit is a rate and no pause. Who holds everybody back all the same loses what the server would serve.",
	try: func(x *trial) {
		x.meet(asking(limit.Limits{}))
		earlier := x.acquireNow("a request before the one that is told", limit.Ask{Key: someKey})
		time.Sleep(apart)
		told := x.acquireNow("the request that is told", limit.Ask{Key: someKey})
		time.Sleep(apart)
		later := x.acquireNow("a request after it", limit.Ask{Key: someKey})
		time.Sleep(apart)
		x.l.Observe(told, limit.Observation{Key: someKey, Signal: limit.SignalRefused, Hold: time.Minute})
		x.l.Settle(told, limit.Outcome{})
		x.spread()
		u := x.start(x.ctx, "a request in the pause", limit.Ask{Key: someKey})
		x.l.Settle(earlier, good)
		u.waits(minWait)
		x.l.Settle(later, good)
		u.goes(minWait, minWait)
	},
}, {
	name:        "a strict pause does not end early",
	explanation: "Some providers punish those who go on, and say so. There a success proves nothing.",
	try: func(x *trial) {
		x.meet(asking(limit.Limits{}))
		told := x.acquireNow("the request that is told", limit.Ask{Key: someKey})
		time.Sleep(apart)
		later := x.acquireNow("a request after it", limit.Ask{Key: someKey})
		time.Sleep(apart)
		x.l.Observe(told, limit.Observation{Key: someKey, Signal: limit.SignalRefused, Hold: askedPause, Strict: true})
		began := time.Now()
		x.l.Settle(told, limit.Outcome{})
		x.spread()
		u := x.start(x.ctx, "a request in the pause", limit.Ask{Key: someKey})
		x.l.Settle(later, good)
		x.l.Settle(u.goes(askedPause-u.began.Sub(began)-lead, askedPause), good)
	},
}, {
	name:        "a call waits for a limit's pause no longer than MaxPause",
	explanation: "Its caller would rather have the refusal in hand than an answer in an hour.",
	try: func(x *trial) {
		x.meet(asking(limit.Limits{}))
		told, why := x.acquireNow("the request that is told", limit.Ask{Key: someKey}), &busyError{"slow down"}
		x.l.Observe(told, limit.Observation{Key: someKey, Signal: limit.SignalRefused, Hold: time.Minute, Err: why})
		x.l.Settle(told, limit.Outcome{})
		x.spread()
		u := x.start(x.ctx, "a request with a MaxPause of 400ms", limit.Ask{Key: someKey, MaxPause: minWait})
		x.carries(u.refused(0, minWait), why)
	},
}, {
	name:        "those who waited at a gate leave at a pace",
	explanation: "A server that has just come back falls again if all who waited come in one instant.",
	try: func(x *trial) {
		x.pause(askedPause)
		const n = 12 // the host had two requests in the last second
		var turns []*turn
		for i := range n {
			turns = append(turns, x.start(x.ctx, fmt.Sprintf("request %d of %d in the pause", i+1, n), limit.Ask{Key: someKey}))
		}
		x.l.Settle(x.next(turns).permit, good)
		opened := time.Now()
		time.Sleep(lag)
		gone := 0
		for _, u := range turns {
			if u.over() {
				gone++
			}
		}
		if gone > n/2 {
			x.errorf("%d of %d that waited went within %v, want that they leave at a pace", gone, n, rounded(time.Since(opened)))
		}
		for _, u := range turns {
			x.l.Settle(u.goes(0, recovery), good)
		}
	},
}, {
	name:        "a permit says whether it waited at a gate",
	explanation: "What waited for a host that was down takes nothing from the budget of repeats. What waited for a limit does.",
	try: func(x *trial) {
		a := asking(limit.Limits{MaxConcurrent: 1})
		first := x.acquireNow("the first of one at a time", a)
		second := x.start(x.ctx, "a second that waits for its place", a)
		second.waits(minWait)
		x.l.Settle(first, good)
		p := second.goes(minWait, minWait)
		if p.Gated {
			x.errorf("got the permit %+v for one that waited for a place, want one that was not gated", p)
		}
		x.l.Observe(p, limit.Observation{Key: someKey, Hold: minWait})
		x.l.Settle(p, limit.Outcome{})
		x.spread()
		if p := x.start(x.ctx, "one that waits for the end of a pause", a).goes(minWait/2, minWait); !p.Gated {
			x.errorf("got the permit %+v for one that waited in a pause, want one that was gated", p)
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
