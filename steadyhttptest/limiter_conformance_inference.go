package steadyhttptest

import (
	"time"

	"github.com/steadyhttp/steadyhttp/limit"
)

// inferencePromises are about what is inferred and what the user set.
var inferencePromises = []promise{{
	name:        "Off holds back nothing but by the user's limits",
	explanation: "Who switches inference off wants exactly the limits that were set.",
	try: func(x *trial) {
		x.pause(time.Minute)
		a := asking(limit.Limits{MaxConcurrent: 1})
		a.Inference = limit.Off
		first := x.acquireNow("a request in a pause that is not looked at", a)
		second := x.start(x.ctx, "a second of one at a time", a)
		second.waits(minWait)
		x.l.Settle(first, limit.Outcome{})
		second.goes(minWait, minWait)
	},
}, {
	name:        "Observe shows what Act would have held, and holds nothing",
	explanation: "A careful team looks at what would happen before it lets it happen.",
	try: func(x *trial) {
		x.pause(time.Minute)
		const n = 3
		for range n {
			x.acquireNow("a request in a pause that is only observed", limit.Ask{Key: someKey, Inference: limit.Observe})
		}
		x.spread()
		var would int64
		for _, s := range x.l.Snapshot() {
			would += s.WouldHold
		}
		if would != n {
			x.errorf("got %d that Act would have held, want %d", would, n)
		}
		a := asking(limit.Limits{MaxConcurrent: 1})
		a.Inference, a.LimitsKey.Model, a.Key.Model = limit.Observe, "m", "m" // of which none is under way
		x.acquireNow("the first of one at a time", a)
		x.start(x.ctx, "a second of one at a time", a).waits(minWait)
	},
}}

// pause has a response to a request of someKey ask for a pause.
func (x *trial) pause(d time.Duration) {
	x.meet(asking(limit.Limits{}))
	told := x.acquireNow("the request that is told", limit.Ask{Key: someKey})
	x.l.Observe(told, limit.Observation{Key: someKey, Hold: d})
	x.l.Settle(told, limit.Outcome{})
	x.spread()
}
