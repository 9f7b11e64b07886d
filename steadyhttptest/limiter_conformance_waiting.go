package steadyhttptest

import (
	"context"
	"sync"
	"time"

	"github.com/steadyhttp/steadyhttp/limit"
)

// A toldWait keeps what Ask.Waiting is told of one request's wait.
type toldWait struct {
	mu   sync.Mutex
	told []limit.Wait
	when []time.Time
}

// of is a, whose wait w is told of.
func (w *toldWait) of(a limit.Ask) limit.Ask {
	a.Waiting = func(told limit.Wait) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.told, w.when = append(w.told, told), append(w.when, time.Now())
	}
	return a
}

// begun returns what was told by now, and when it was told first. It requires that this
// was once at the most, and about a.
func (w *toldWait) begun(u *turn, a limit.Ask) (told []limit.Wait, when time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case len(w.told) > 1:
		u.x.errorf("%s: Ask.Waiting was called %d times, want once", u.name, len(w.told))
	case len(w.told) == 0:
		return nil, time.Time{}
	}
	if first := w.told[0]; first.Key != a.Key || first.Priority != a.Priority || first.Why == "" || first.For < 0 {
		u.x.errorf("%s: Ask.Waiting was told %+v, want the request's Key and Priority, why it waits, and for how long if that is known", u.name, first)
	}
	return w.told, w.when[0]
}

// waitingPromises are about Ask.Waiting. A Limiter may leave it alone.
var waitingPromises = []promise{{
	name:        "a request that waits says so once, when its wait begins",
	explanation: "Who looks at what waits now counts those that begin and those that end.",
	try: func(x *trial) {
		a := of(limit.Urgent, asking(limit.Limits{RequestsPerSecond: 1, Burst: 1}))
		var none, some toldWait
		u := x.start(x.ctx, "a request that goes at once", none.of(a))
		x.l.Settle(u.goes(0, 0), good)
		if told, _ := none.begun(u, a); told != nil {
			x.errorf("%s: Ask.Waiting was told %+v, want nothing", u.name, told[0])
		}
		u = x.start(x.ctx, "a request that waits", some.of(a))
		u.waits(minWait)
		early, when := some.begun(u, a)
		p := u.goes(time.Second/2, time.Second)
		x.l.Settle(p, good)
		told, _ := some.begun(u, a)
		switch {
		case len(told) > len(early):
			x.errorf("%s: Ask.Waiting was called when the wait was nearly over", u.name)
		case len(told) == 0:
		case when.Sub(u.began) > lag:
			x.errorf("%s: Ask.Waiting was called %v after Acquire, want at once", u.name, rounded(when.Sub(u.began)))
		case told[0].For != 0 && (told[0].For-u.took).Abs() > lag:
			x.errorf("%s: Ask.Waiting was told of a wait of %v, and it took %v", u.name, rounded(told[0].For), rounded(u.took))
		}
	},
}, {
	name:        "a request that is refused at once does not wait",
	explanation: "A wait that never began would never end for who counts.",
	try: func(x *trial) {
		a := asking(limit.Limits{RequestsPerMinute: 1, Burst: 1})
		x.passNow("the first request", a)
		for name, refused := range map[string]struct {
			ctx context.Context
			ask limit.Ask
		}{
			"a request with a deadline":       {x.within(time.Second), a},
			"a request that is not to wait":   {x.ctx, bounded(a, -1)},
			"a request that waits for little": {x.ctx, bounded(a, time.Second)},
		} {
			var w toldWait
			u := x.start(refused.ctx, name, w.of(refused.ask))
			u.refused(0, 0)
			if told, _ := w.begun(u, a); told != nil {
				x.errorf("%s: Ask.Waiting was told %+v, want nothing", name, told[0])
			}
		}
	},
}, {
	name:        "what Ask.Waiting does may ask the Limiter, and may panic",
	explanation: "It is a user's function: under a lock it would stop everybody, and a panic must not take a place for ever.",
	try: func(x *trial) {
		a := asking(limit.Limits{MaxConcurrent: 1})
		first := x.acquireNow("the first request", a)
		asks := a
		asks.Waiting = func(limit.Wait) { x.l.Snapshot() }
		second := x.start(x.ctx, "a request whose Waiting takes a Snapshot", asks)
		second.waits(apart)
		panics := a
		panics.Waiting = func(limit.Wait) { panic("out of Waiting") }
		ended := make(chan struct{})
		x.calls.Go(func() {
			defer close(ended)
			defer func() { recover() }() // a Limiter that calls no Waiting waits until the end of the trial
			if p, err := x.l.Acquire(x.within(lostAfter/4), panics); err == nil {
				x.l.Settle(p, good)
			}
		})
		time.Sleep(apart)
		x.l.Settle(first, good)
		x.l.Settle(second.goes(0, lostAfter), good)
		<-ended
		x.l.Settle(x.start(x.ctx, "a request after one whose Waiting panicked", a).goes(0, 0), good)
	},
}}
