package steadyhttptest

import (
	"errors"
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
	{"another bucket", limit.Key{Host: someKey.Host, Credential: 7, Bucket: "other"}},
	{"another route", limit.Key{Host: someKey.Host, Credential: 7, Route: "GET /other"}},
}

// keyPromises are about whom limits concern.
var keyPromises = []promise{{
	name:        "limits of one Key do not concern another",
	explanation: "One tenant, model or host that is busy must not hold back the rest.",
	try: func(x *trial) {
		busy := limit.Key{Host: someKey.Host, Credential: 7, Route: "GET /busy", Model: "busy", Bucket: "busy"}
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
}, {
	name:        "what is known of one route does not concern another",
	explanation: "One path that is out of order, or limited by itself, must not stop the others of its host.",
	try: func(x *trial) {
		x.meet(asking(limit.Limits{}))
		busy, other := someKey, someKey
		busy.Route, other.Route = "GET /busy/{id}", "GET /other"
		told := x.acquireNow("the request that is told", limit.Ask{Key: busy})
		x.l.Observe(told, limit.Observation{Key: busy, Hold: askedPause})
		x.l.Settle(told, limit.Outcome{})
		x.spread()
		busy.Model = "m"
		waiting := x.start(x.ctx, "a request of the same route and any model", limit.Ask{Key: busy})
		x.acquireNow("a request of another route", limit.Ask{Key: other})
		waiting.waits(minWait)
		x.l.Settle(waiting.goes(minWait, askedPause), good)
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
