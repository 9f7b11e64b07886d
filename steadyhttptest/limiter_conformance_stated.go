package steadyhttptest

import (
	"fmt"
	"math"
	"time"

	"github.com/steadyhttp/steadyhttp/limit"
)

// stating is an observation of a limit of n requests of which none are left.
func stating(n int64, window, reset time.Duration) limit.Observation {
	return limit.Observation{Key: someKey, Unit: "requests", Limit: n, Window: window, Reset: reset, MaxWait: time.Minute}
}

// spent has a response state that nothing is left of a limit of a hundred for so long.
func (x *trial) spent(reset time.Duration) {
	x.meet(asking(limit.Limits{}))
	p := x.acquireNow("the request that is told", limit.Ask{Key: someKey})
	x.l.Observe(p, stating(100, time.Minute, reset))
	x.l.Settle(p, good)
	x.spread()
}

// statedPromises are about limits that responses state.
var statedPromises = []promise{{
	name:        "a stated limit that a refusal has confirmed holds back until its reset",
	explanation: "The server refuses while nothing is left. To ask all the same costs a request, and at some providers a penalty.",
	try: func(x *trial) {
		x.spent(time.Minute)
		p := x.acquireNow("the request that tries it all the same", limit.Ask{Key: someKey})
		o := stating(100, time.Minute, time.Second)
		o.Signal = limit.SignalRefused
		x.l.Observe(p, o)
		x.l.Settle(p, limit.Outcome{})
		x.spread()
		began := time.Now()
		var turns []*turn
		for i := range 5 {
			turns = append(turns, x.start(x.ctx, fmt.Sprintf("request %d that waits for the reset", i+1), limit.Ask{Key: someKey}))
		}
		x.acquireNow("a request that the limit does not concern", limit.Ask{Key: others[1].key})
		for _, u := range turns {
			x.l.Settle(u.goes(2*minWait, 2*time.Second), good) // then all of it is there again
		}
		if took := time.Since(began); took > 2*time.Second+lag {
			x.errorf("five requests took %v, want little more than until the reset", rounded(took))
		}
	},
}, {
	name:        "one request tries a stated limit that nothing has confirmed",
	explanation: "Figures lie: a counter that is stuck, an answer from a cache. Who believes them unseen stops what works.",
	try: func(x *trial) {
		x.spent(time.Minute)
		first := x.acquireNow("the request that tries it", limit.Ask{Key: someKey})
		second := x.start(x.ctx, "another, while the first has no answer", limit.Ask{Key: someKey})
		second.waits(minWait)
		x.l.Settle(first, limit.Outcome{}) // and it never gets one
		x.l.Settle(second.goes(minWait, minWait), good)
	},
}, {
	name:        "a stated figure that a success has contradicted is not believed",
	explanation: "A server that goes on answering while it says that nothing is left is not held to what it says.",
	try: func(x *trial) {
		x.spent(time.Minute)
		first := x.acquireNow("the request that tries it", limit.Ask{Key: someKey})
		time.Sleep(apart)
		x.l.Observe(first, stating(100, time.Minute, time.Minute)) // it says so again
		x.l.Settle(first, good)
		x.spread()
		for i := range 5 { // all of them are under way at the end
			p := x.acquireNow(fmt.Sprintf("request %d after it was answered well", i+1), limit.Ask{Key: someKey})
			x.l.Observe(p, stating(100, time.Minute, time.Minute))
		}
	},
}, {
	name:        "a stated limit that comes back evenly is kept to as it comes back",
	explanation: "OpenAI's comes back so: who waits for the whole of it leaves most of it unused.",
	try: func(x *trial) {
		x.meet(asking(limit.Limits{}))
		p := x.acquireNow("the request that is told", limit.Ask{Key: someKey})
		o := stating(10, time.Second, time.Second)
		o.Refills = true
		x.l.Observe(p, o)
		x.l.Settle(p, good)
		x.spread()
		began := time.Now()
		for range 6 {
			x.pass("one of six requests at ten a second, one after the other", limit.Ask{Key: someKey})
		}
		if took := time.Since(began); took < minWait || took > 1500*time.Millisecond {
			x.errorf("six requests took %v, want about half a second", rounded(took))
		}
	},
}, {
	name:        "a stated limit of which much is left holds nobody back",
	explanation: "Most answers of most providers state such limits.",
	try: func(x *trial) {
		x.meet(asking(limit.Limits{}))
		p := x.acquireNow("the request that is told", limit.Ask{Key: someKey})
		o := stating(1000, time.Minute, time.Minute)
		o.Remaining = 900
		x.l.Observe(p, o)
		o.Unit, o.Limit, o.Remaining, o.Refills = "tokens", 100_000, 90_000, true
		x.l.Observe(p, o)
		x.l.Settle(p, good)
		x.spread()
		for i := range 10 {
			x.acquireNow(fmt.Sprintf("request %d of ten, of 900 that are left", i+1), costing(limit.Ask{Key: someKey}, 10, 10))
		}
	},
}, {
	name:        "a stated limit that comes back later than MaxWait is left to the server",
	explanation: "A call that stood for an hour before it was sent is worse than a refusal that says so.",
	try: func(x *trial) {
		x.meet(asking(limit.Limits{}))
		p := x.acquireNow("the request that is told", limit.Ask{Key: someKey})
		o := stating(100, 24*time.Hour, time.Hour)
		o.MaxWait = time.Second
		x.l.Observe(p, o)
		x.l.Settle(p, good)
		x.spread()
		for range 3 { // all of them are under way at the end
			x.acquireNow("the next request", limit.Ask{Key: someKey})
		}
	},
}, {
	name:        "figures that make no sense are ignored",
	explanation: "Whatever a server sends is hostile until it was parsed, and some of it afterwards.",
	try: func(x *trial) {
		x.meet(asking(limit.Limits{}))
		p := x.acquireNow("the request that is told", limit.Ask{Key: someKey})
		for _, o := range []limit.Observation{
			{Unit: "requests", Limit: -1, Remaining: -1, Reset: -1},
			{Unit: "requests", Limit: 0, Remaining: 0, Reset: time.Hour},
			{Unit: "requests", Limit: math.MinInt64, Remaining: math.MinInt64, Window: math.MinInt64, Reset: math.MinInt64},
			{Unit: "requests", Limit: math.MaxInt64, Remaining: 0, Window: math.MaxInt64, Reset: math.MaxInt64, Refills: true},
			{Unit: "bananas", Limit: 1, Remaining: 0, Window: time.Hour, Reset: time.Hour},
			{Unit: "requests", Limit: 100, Remaining: 0, Window: -time.Hour, Reset: -time.Hour},
			{Hold: math.MinInt64},
		} {
			o.Key, o.MaxWait = someKey, 24*time.Hour
			if x.l.Observe(p, o) {
				x.errorf("Observe of %+v: got held, want not", o)
			}
		}
		x.l.Settle(p, good)
		x.spread()
		for range 3 { // all of them are under way at the end
			x.acquireNow("a request after those figures", limit.Ask{Key: someKey})
		}
	},
}}
