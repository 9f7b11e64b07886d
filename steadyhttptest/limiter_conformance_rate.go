package steadyhttptest

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/steadyhttp/steadyhttp/limit"
)

// permitPromises are about permits as such.
var permitPromises = []promise{{
	name:        "without limits requests go at once",
	explanation: "Most hosts hold nobody back. A call to one must not cost time.",
	try: func(x *trial) {
		p := x.acquireNow("the first request to a host", limit.Ask{Key: someKey})
		if p.Waited > lead || p.Why != "" {
			x.errorf("got a permit that waited %v for %q, want one that did not", p.Waited, p.Why)
		}
		x.l.Settle(p, good)
		x.spread()
		for i := range 50 { // all of them are under way at the end
			x.acquireNow(fmt.Sprintf("request %d, the others under way", i+1), limit.Ask{Key: someKey})
		}
	},
}, {
	name:        "a permit says what it is for",
	explanation: "Outcomes and observations name the request by its permit, long after the Ask is gone.",
	try: func(x *trial) {
		ids := map[uint64]bool{}
		for _, a := range []limit.Ask{
			{Key: someKey},
			costing(asking(limit.Limits{TokensPerMinute: 1e9, MaxConcurrent: 9}), 10, 20),
			{Key: limit.Key{Host: "other.example.com", Bucket: "GET /a b", Credential: math.MaxUint64, Model: "m:x {y}"}},
		} {
			p := x.acquireNow("a request", a)
			want := a.Cost
			want.Requests = 1 // 0 is 1
			if p.Key != a.Key || p.Cost != want || p.ID == 0 || ids[p.ID] {
				x.errorf("got the permit %+v, want the key %+v, the cost %+v and an ID of its own", p, a.Key, want)
			}
			ids[p.ID] = true
		}
	},
}, {
	name:        "a permit says how long it waited and for what",
	explanation: "It is in the log line of a slow call, where somebody looks for the reason.",
	try: func(x *trial) {
		a := asking(limit.Limits{MaxConcurrent: 1})
		first := x.acquireNow("the first request", a)
		second := x.start(x.ctx, "the second request", a)
		time.Sleep(minWait)
		x.l.Settle(first, good)
		if p := second.goes(minWait, minWait); p.Waited < minWait/2 || p.Waited > second.took+lead || p.Why == "" {
			x.errorf("got a permit that waited %v for %q, want about %v and a reason", p.Waited, p.Why, rounded(second.took))
		}
	},
}}

// ratePromises are about requests by the second, minute and day.
var ratePromises = []promise{{
	name:        "requests by the second are spread after a burst",
	explanation: "An API counts in shorter windows than it says. Requests that come in bunches are refused below the limit.",
	try: func(x *trial) {
		const perSecond, burst, n = 20, 5, 15
		a := asking(limit.Limits{RequestsPerSecond: perSecond, Burst: burst})
		var turns []*turn
		for i := range n {
			turns = append(turns, x.start(x.ctx, fmt.Sprintf("request %d of %d at once", i+1, n), a))
		}
		began := turns[0].began
		for _, u := range turns {
			x.l.Settle(u.goes(0, time.Second), good) // all of them are fewer than a second's
		}
		// The order in which they were started counts for nothing here: they arrive together.
		slices.SortFunc(turns, func(u, v *turn) int { return u.ended().Compare(v.ended()) })
		for i, u := range turns {
			soonest := time.Duration(max(i+1-burst, 0)) * time.Second / perSecond
			if after := u.ended().Sub(began); after < soonest-lead {
				x.errorf("request %d to go went after %v, want after %v at the soonest", i+1, rounded(after), soonest)
			}
		}
	},
}, {
	name:        "no span of a limit's length holds more than the limit",
	explanation: "A server that counts in windows of its own refuses what a limit lets through at the seam of two of ours.",
	try: func(x *trial) {
		const perSecond = 20
		a := asking(limit.Limits{RequestsPerSecond: perSecond})
		x.passNow("the first request", a)
		time.Sleep(900 * time.Millisecond)
		var turns []*turn
		for i := range 2 * perSecond {
			turns = append(turns, x.start(x.ctx, fmt.Sprintf("request %d of %d", i+1, 2*perSecond), a))
		}
		for _, u := range turns {
			x.l.Settle(u.goes(0, 2500*time.Millisecond), good)
		}
		slices.SortFunc(turns, func(u, v *turn) int { return u.ended().Compare(v.ended()) })
		for i, u := range turns[perSecond:] {
			if span := u.ended().Sub(turns[i].ended()); span < time.Second-2*lead {
				x.fatalf("%d requests went within %v at %d a second, want a second at the least", perSecond+1, rounded(span), perSecond)
			}
		}
	},
}, {
	name:        "without a Burst a second's worth goes at once",
	explanation: "It is the default: a limit by the minute must not let sixty requests meet in its first second.",
	try: func(x *trial) {
		a := asking(limit.Limits{RequestsPerMinute: 120})
		for range 2 {
			x.passNow("one of the first two requests at 120 a minute", a)
		}
		x.l.Settle(x.start(x.ctx, "the third request at 120 a minute", a).goes(minWait, time.Second), good)
	},
}, {
	name:        "the requests of a day may go when they are wanted",
	explanation: "Spread evenly, a thousand a day would be one in 86 seconds.",
	try: func(x *trial) {
		for i := range 20 {
			x.passNow(fmt.Sprintf("request %d of 1000 a day", i+1), asking(limit.Limits{RequestsPerDay: 1000}))
		}
	},
}, {
	name:        "requests that wait for a rate go first come, first served",
	explanation: "Else one that is unlucky waits for as long as there are others.",
	try: func(x *trial) {
		a := asking(limit.Limits{RequestsPerSecond: 10, Burst: 1})
		x.passNow("the first request", a)
		x.inOrder(a, 4, limit.Permit{})
	},
}, {
	name:        "a small request does not overtake a large one",
	explanation: "Where it may, a large request starves as long as there are small ones.",
	try: func(x *trial) {
		a := asking(limit.Limits{TokensPerMinute: perMinute})
		x.acquireNow("a request of nearly a second's tokens", costing(a, 95, 0))
		large := x.start(x.ctx, "a large request", costing(a, 90, 0))
		time.Sleep(apart)
		small := x.start(x.ctx, "a small request behind it", costing(a, 1, 0))
		small.goes(minWait, 2*time.Second)
		if time.Sleep(lead); !large.over() {
			x.errorf("the small request went before the large one that had come before it")
		}
		large.goes(minWait, 2*time.Second)
	},
}}

// inOrder starts n calls one after the other, settles before, and requires that they go in the order in which they came.
func (x *trial) inOrder(a limit.Ask, n int, before limit.Permit) {
	turns := make([]*turn, n)
	for i := range turns {
		turns[i] = x.start(x.ctx, fmt.Sprintf("call %d of %d", i+1, n), a)
		time.Sleep(apart)
	}
	x.l.Settle(before, good)
	for left := turns; len(left) > 0; {
		u := x.next(left)
		if u != left[0] {
			x.errorf("%s went before %s, which had come before it", u.name, left[0].name)
		}
		x.l.Settle(u.goes(0, lostAfter), good)
		left = slices.DeleteFunc(left, func(v *turn) bool { return v == u })
	}
}

// perMinute is a limit of tokens of which a hundred come back each second, and about so many may go at once.
const perMinute = 6000

// tokenPromises are about tokens.
var tokenPromises = []promise{{
	name:        "a request takes its tokens before it goes",
	explanation: "What it will use is known only afterwards, when too many would be under way already.",
	try: func(x *trial) {
		a := costing(asking(limit.Limits{TokensPerMinute: perMinute}), 30, 50)
		x.passNow("a request of 80 tokens", a) // neither what it used is known nor that it failed
		x.start(x.ctx, "another at once, at 100 tokens a second", a).goes(minWait, 1500*time.Millisecond)
	},
}, {
	name:        "input and output have limits of their own",
	explanation: "Anthropic and others count them apart, and long answers must not hold back short questions.",
	try: func(x *trial) {
		input := asking(limit.Limits{InputTokensPerMinute: perMinute})
		for range 3 {
			x.passNow("a request that takes output only, under a limit of input", costing(input, 0, 80))
		}
		x.passNow("a request that takes input", costing(input, 80, 0))
		x.start(x.ctx, "another that takes input", costing(input, 80, 0)).goes(minWait, 1500*time.Millisecond)
		output := asking(limit.Limits{OutputTokensPerMinute: perMinute})
		output.Key.Credential, output.LimitsKey.Credential = 8, 8
		x.passNow("a request that takes output", costing(output, 0, 80))
		x.start(x.ctx, "another that takes output", costing(output, 80, 80)).goes(minWait, 1500*time.Millisecond)
	},
}, {
	name:        "tokens that were not used come back",
	explanation: "Requests reserve what they may generate at most, many times what they do. Kept, it would leave most of a limit unused.",
	try: func(x *trial) {
		a := asking(limit.Limits{TokensPerMinute: perMinute})
		p := x.acquireNow("a request that reserves 90 tokens", costing(a, 10, 80))
		x.l.Settle(p, limit.Outcome{Signal: limit.SignalGood, UsageKnown: true, Used: limit.Cost{Requests: 1, Input: 10, Output: 5}})
		x.spread()
		x.passNow("another, as the first has used 15", costing(a, 10, 70))
	},
}, {
	name:        "tokens that were used beyond the reservation are charged",
	explanation: "Estimates of input are low at times. The server has counted what it saw.",
	try: func(x *trial) {
		a := asking(limit.Limits{TokensPerMinute: perMinute})
		p := x.acquireNow("a request that reserves 10 tokens", costing(a, 10, 0))
		x.l.Settle(p, limit.Outcome{Signal: limit.SignalGood, UsageKnown: true, Used: limit.Cost{Requests: 1, Input: 95}})
		x.spread()
		x.start(x.ctx, "one of 80, as the first has used 95", costing(a, 80, 0)).goes(minWait, 1500*time.Millisecond)
	},
}, {
	name:        "a refund gives all tokens back",
	explanation: "A request that failed took none, and repeating it must not have to wait for them.",
	try: func(x *trial) {
		a := costing(asking(limit.Limits{TokensPerMinute: perMinute}), 80, 0)
		x.l.Settle(x.acquireNow("a request of 80 tokens", a), limit.Outcome{Refund: true})
		x.spread()
		x.passNow("another, as the first failed", a)
	},
}, {
	name:        "a request of more than goes at once is not stuck",
	explanation: "A long prompt may take several seconds' worth of tokens. It goes, and those behind it wait the longer.",
	try: func(x *trial) {
		a := asking(limit.Limits{TokensPerMinute: perMinute})
		x.l.Settle(x.start(x.ctx, "a request of 300 tokens, at 100 a second", costing(a, 300, 0)).goes(0, 5*time.Second), good)
	},
}}
