package steadyhttptest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/steadyhttp/steadyhttp/limit"
)

// placePromises are about requests under way at once.
var placePromises = []promise{{
	name:        "no more than MaxConcurrent are under way, and Settle lets the next go",
	explanation: "A local model server serves so many at once, and what it cannot serve it drops.",
	try: func(x *trial) {
		a := asking(limit.Limits{MaxConcurrent: 2})
		first := x.acquireNow("the first of two", a)
		x.acquireNow("the second of two", a)
		third := x.start(x.ctx, "a third", a)
		third.waits(minWait)
		x.l.Settle(first, limit.Outcome{})
		third.goes(minWait, minWait)
	},
}, {
	name:        "requests that wait for a place go first come, first served",
	explanation: "Else one that is unlucky waits for as long as there are others.",
	try: func(x *trial) {
		a := asking(limit.Limits{MaxConcurrent: 1})
		x.inOrder(a, 5, x.acquireNow("the first request", a))
	},
}, {
	name:        "a permit that is settled again changes nothing",
	explanation: "A body is closed twice, a reader meets its end and is closed: to callers that is harmless.",
	try: func(x *trial) {
		a := costing(asking(limit.Limits{MaxConcurrent: 1, TokensPerMinute: perMinute}), 40, 0)
		first := x.acquireNow("the first request", a)
		x.l.Settle(first, limit.Outcome{})
		second := x.acquire("the second", a)
		for range 3 {
			x.l.Settle(first, limit.Outcome{Refund: true})
			x.l.Observe(first, limit.Observation{Key: someKey, Hold: time.Hour})
		}
		x.spread()
		third := x.start(x.ctx, "a third, while the second is under way", costing(a, 90, 0))
		third.waits(minWait)
		x.l.Settle(second, limit.Outcome{})
		third.goes(minWait, 2*time.Second) // a pause of an hour was none of the first's business any more
	},
}, {
	name:        "a permit that nobody gave changes nothing",
	explanation: "The zero Permit is what a caller holds whose Acquire failed.",
	try: func(x *trial) {
		a := asking(limit.Limits{MaxConcurrent: 1})
		a.Key.Model, a.LimitsKey.Model = "m", "m"
		x.acquireNow("the first request", a)
		for _, p := range []limit.Permit{{}, {Key: someKey, ID: 1 << 40}, {ID: math.MaxUint64}} {
			if x.l.Observe(p, limit.Observation{Key: someKey, Hold: time.Hour, Err: errors.New("nobody was told")}) {
				x.errorf("Observe of %+v: got held, want not", p)
			}
			x.l.Settle(p, limit.Outcome{Signal: limit.SignalGood, Refund: true})
		}
		x.spread()
		x.start(x.ctx, "a second, while the first is under way", a).waits(minWait)
		x.acquireNow("one without limits, which only a pause would hold", limit.Ask{Key: someKey})
	},
}, {
	name:        "of MaxQueue one more is refused",
	explanation: "Requests that wait hold memory. Beyond some number it is better to say no at once.",
	try: func(x *trial) {
		for i, limits := range []limit.Limits{{MaxConcurrent: 1}, {RequestsPerMinute: 30}} {
			a := asking(limits)
			a.MaxQueue, a.LimitsKey.Credential = 2, uint64(10+i)
			x.acquireNow("the first request", a)
			ctx, cancel := context.WithCancel(x.ctx)
			waiting := []*turn{x.start(ctx, "a second that waits", a), x.start(ctx, "a third that waits", a)}
			time.Sleep(apart)
			fourth := x.start(x.ctx, fmt.Sprintf("a fourth of %+v, while MaxQueue wait", limits), a)
			if fourth.refused(0, 0); errors.Is(fourth.err, context.DeadlineExceeded) {
				x.errorf("got the error %v, want one that does not blame a deadline", fourth.err)
			}
			cancel()
			for _, u := range waiting {
				u.end()
			}
			x.start(x.ctx, "one more, as nobody waits now", a).waits(minWait)
		}
	},
}}

var errCause = errors.New("the test's own cause")

// endPromises are about calls that end before their turn.
var endPromises = []promise{{
	name:        "a turn that cannot come before the deadline is refused at once",
	explanation: "A caller who cannot be served gets the time to do something else, and does not stand before others.",
	try: func(x *trial) {
		a := asking(limit.Limits{RequestsPerMinute: 60})
		x.passNow("the first request", a)
		for range 3 {
			u := x.start(x.within(2*lag), "one that has half a second and needs a whole", a)
			u.isLate(u.refused(0, 0))
			x.l.Settle(u.permit, limit.Outcome{Refund: true})
		}
		// Those took nothing.
		x.start(x.within(lostAfter), "one that has enough time", a).goes(0, 1100*time.Millisecond)
	},
}, {
	name:        "a deadline that passes ends the wait",
	explanation: "When a place will be free nobody knows, so that the call waits; but no longer than it may.",
	try: func(x *trial) {
		a := asking(limit.Limits{MaxConcurrent: 1})
		first := x.acquireNow("the first request", a)
		u := x.start(x.within(minWait), "one with a deadline", a)
		u.isLate(u.refused(0, minWait))
		if u.permit.Waited < minWait/2 || u.permit.Waited > u.took+lead {
			x.errorf("got a permit that waited %v, want about the %v until the error", u.permit.Waited, rounded(u.took))
		}
		x.l.Settle(first, good)
		x.spread()
		x.acquireNow("the next, as the place is free", a)
	},
}, {
	name:        "a canceled call returns context.Cause and has taken nothing",
	explanation: "Whoever canceled it knows why, and those behind it go as if it had not been there.",
	try: func(x *trial) {
		a := asking(limit.Limits{MaxConcurrent: 1, RequestsPerMinute: 60})
		first := x.acquireNow("the first request", a)
		ctx, cancel := context.WithCancelCause(x.ctx)
		var waiting []*turn
		for i := range 5 {
			waiting = append(waiting, x.start(ctx, fmt.Sprintf("call %d that is canceled", i+1), a))
		}
		time.Sleep(apart)
		behind := x.start(x.ctx, "one behind those", a)
		time.Sleep(minWait)
		cancel(errCause)
		for _, u := range waiting {
			if u.end(); !errors.Is(u.err, errCause) || errors.Is(u.err, limit.ErrThrottled) {
				x.errorf("%s: got the error %v, want context.Cause and not ErrThrottled", u.name, u.err)
			}
			if u.took > minWait+apart+lag {
				x.errorf("%s: it ended %v after it had begun, want at once when it was canceled after %v", u.name, rounded(u.took), minWait+apart)
			}
			if u.permit.ID != 0 || u.permit.Waited < minWait/2 {
				x.errorf("%s: got the permit %+v, want none, and that it waited %v", u.name, u.permit, rounded(u.took))
			}
		}
		x.l.Settle(first, good)
		x.l.Settle(behind.goes(minWait, 1100*time.Millisecond), good) // a second after the first
	},
}}
