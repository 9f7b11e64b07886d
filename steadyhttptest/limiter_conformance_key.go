package steadyhttptest

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/steadyhttp/steadyhttp/limit"
)

// others are Keys that share nothing with someKey but what they must.
var others = []struct {
	name string
	key  limit.Key
}{
	{"another host", limit.Key{Host: "other.example.com", Credential: 7}},
	{"another credential", limit.Key{Host: someKey.Host, Credential: 8}},
	{"another model", limit.Key{Host: someKey.Host, Credential: 7, Model: "other"}},
	{"another path", limit.Key{Host: someKey.Host, Credential: 7, Bucket: "GET /other"}},
}

// keyPromises are about whom limits concern.
var keyPromises = []promise{{
	name:        "limits of one Key do not concern another",
	explanation: "One tenant, model or host that is busy must not hold back the rest.",
	try: func(x *trial) {
		busy := limit.Key{Host: someKey.Host, Credential: 7, Model: "busy", Bucket: "GET /busy"}
		a := limit.Ask{Key: busy, LimitsKey: busy, Limits: limit.Limits{MaxConcurrent: 1, RequestsPerMinute: 30}}
		x.acquireNow("the first request", a)
		waiting := x.start(x.ctx, "a second that waits", a)
		time.Sleep(apart)
		for _, o := range others {
			// It waits behind nobody, although others have waited longer.
			x.acquireNow("a request of "+o.name, limit.Ask{Key: o.key, LimitsKey: o.key, Limits: a.Limits})
		}
		waiting.waits(0)
	},
}, {
	name:        "requests of one LimitsKey share the limits",
	explanation: "A user who allows ten requests at once means all models and paths together, unless the Key says otherwise.",
	try: func(x *trial) {
		a := asking(limit.Limits{MaxConcurrent: 2})
		a.Key.Model, a.Key.Bucket = "m", "GET /a"
		first := x.acquireNow("the first of two", a)
		a.Key.Model, a.Key.Bucket = "n", "GET /b"
		x.acquireNow("the second of two, of another model and path", a)
		a.Key.Model, a.Key.Bucket = "o", "GET /c"
		third := x.start(x.ctx, "a third, of one more model and path", a)
		third.waits(minWait)
		x.l.Settle(first, good)
		third.goes(minWait, minWait)
	},
}}

// stating is an observation of a limit of n requests of which none are left.
func stating(n int64, window, reset time.Duration) limit.Observation {
	return limit.Observation{Key: someKey, Unit: "requests", Limit: n, Window: window, Reset: reset, MaxWait: time.Minute}
}

// statedPromises are about limits that responses state.
var statedPromises = []promise{{
	name:        "a stated limit of which nothing is left holds back until its reset",
	explanation: "The server has said that it will refuse. To ask all the same costs a request, and at some providers a penalty.",
	try: func(x *trial) {
		x.meet(asking(limit.Limits{}))
		p := x.acquireNow("the request that is told", limit.Ask{Key: someKey})
		x.l.Observe(p, stating(100, time.Minute, 600*time.Millisecond))
		x.l.Settle(p, good)
		x.spread()
		began := time.Now()
		var turns []*turn
		for i := range 5 {
			turns = append(turns, x.start(x.ctx, fmt.Sprintf("request %d that waits for the reset", i+1), limit.Ask{Key: someKey}))
		}
		x.acquireNow("a request that the limit does not concern", limit.Ask{Key: others[1].key})
		for _, u := range turns {
			x.l.Settle(u.goes(minWait, 1500*time.Millisecond), good) // then all of it is there again
		}
		if took := time.Since(began); took > 1500*time.Millisecond+lag {
			x.errorf("five requests took %v, want little more than until the reset", rounded(took))
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
			x.passNow(fmt.Sprintf("request %d of ten, of 900 that are left", i+1), costing(limit.Ask{Key: someKey}, 10, 10))
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
		x.passNow("the next request", limit.Ask{Key: someKey})
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
			{Hold: math.MinInt64},
		} {
			o.Key, o.MaxWait = someKey, 24*time.Hour
			if x.l.Observe(p, o) {
				x.errorf("Observe of %+v: got held, want not", o)
			}
		}
		x.l.Settle(p, good)
		x.spread()
		for range 3 {
			x.passNow("a request after those figures", limit.Ask{Key: someKey})
		}
	},
}}

// A busyError is what a server said.
type busyError struct{ text string }

func (e *busyError) Error() string { return e.text }

// carries requires that r says what holds the request back.
func (x *trial) carries(r *limit.Refusal, why *busyError) {
	var e *busyError
	if !errors.Is(r.Err, why) || !errors.As(r.Err, &e) || e != why {
		x.errorf("got a refusal with the error %v, want %v, which holds the request back", r.Err, why)
	}
}
