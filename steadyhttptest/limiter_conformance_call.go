package steadyhttptest

import (
	"context"
	"errors"
	"runtime"
	"time"

	"github.com/steadyhttp/steadyhttp/limit"
)

// someKey is what most cases' requests are known by.
var someKey = limit.Key{Host: "api.example.com", Credential: 7}

// asking returns what a request of someKey asks whose user has set limits for all of someKey.
func asking(limits limit.Limits) limit.Ask {
	return limit.Ask{Key: someKey, LimitsKey: someKey, Limits: limits}
}

// costing returns a with that cost in tokens.
func costing(a limit.Ask, input, output int64) limit.Ask {
	a.Cost.Input, a.Cost.Output = input, output
	return a
}

var good = limit.Outcome{Signal: limit.SignalGood}

// fatalf reports what makes the rest of the trial pointless, and ends it. Only the trial's first goroutine may call it.
func (x *trial) fatalf(format string, args ...any) {
	x.errorf(format, args...)
	runtime.Goexit()
}

// meet has a's host answer once, well. A Limiter may hold back a crowd that meets a host for the first time.
func (x *trial) meet(a limit.Ask) {
	a.Limits, a.LimitsKey, a.Cost = limit.Limits{}, limit.Key{}, limit.Cost{}
	x.l.Settle(x.acquire("the first request", a), good)
	x.spread()
}

// spread waits until everything is known that was observed and settled.
func (x *trial) spread() { time.Sleep(spread) }

// A turn is a call of Acquire.
type turn struct {
	x     *trial
	name  string
	began time.Time
	done  chan struct{} // closed once what follows stands

	permit limit.Permit
	err    error
	took   time.Duration
}

// start calls Acquire in a goroutine of its own.
func (x *trial) start(ctx context.Context, name string, a limit.Ask) *turn {
	u := &turn{x: x, name: name, began: time.Now(), done: make(chan struct{})}
	x.calls.Go(func() {
		defer close(u.done)
		defer x.recovered()
		u.err = errors.New("panic in Acquire")
		u.permit, u.err = x.l.Acquire(ctx, a)
		u.took = time.Since(u.began)
	})
	return u
}

// end waits for the end of Acquire.
func (u *turn) end() {
	timer := time.NewTimer(lostAfter)
	defer timer.Stop()
	select {
	case <-u.done:
	case <-timer.C:
		u.x.fatalf("%s: Acquire has not returned after %v", u.name, time.Since(u.began).Round(time.Millisecond))
	}
}

// over reports whether Acquire has returned.
func (u *turn) over() bool {
	select {
	case <-u.done:
		return true
	default:
		return false
	}
}

// next waits for the next of turns to end.
func (x *trial) next(turns []*turn) (first *turn) {
	for began := time.Now(); first == nil; time.Sleep(apart / 10) {
		for _, u := range turns {
			if u.over() && (first == nil || u.ended().Before(first.ended())) {
				first = u
			}
		}
		if took := time.Since(began); first == nil && took > lostAfter {
			x.fatalf("%s and %d others: Acquire has not returned after %v", turns[0].name, len(turns)-1, rounded(took))
		}
	}
	return first
}

// ended is when Acquire returned.
func (u *turn) ended() time.Time { return u.began.Add(u.took) }

// goes waits for the permit, which must come between least and most after the call, but for the tolerance.
func (u *turn) goes(least, most time.Duration) limit.Permit {
	u.end()
	switch {
	case u.err != nil:
		u.x.fatalf("%s: got the error %v after %v, want a permit", u.name, u.err, rounded(u.took))
	case u.took < least-lead:
		u.x.errorf("%s: got its permit after %v, want it after %v at the soonest", u.name, rounded(u.took), least)
	case u.took > most+lag:
		u.x.errorf("%s: got its permit after %v, want it after %v at the latest", u.name, rounded(u.took), most)
	}
	return u.permit
}

// waits requires that u still waits after a further d.
func (u *turn) waits(d time.Duration) {
	time.Sleep(d)
	if u.over() {
		u.x.errorf("%s: it ended after %v with the error %v, want that it still waits", u.name, rounded(u.took), u.err)
	}
}

// refused waits for the refusal, which must come between least and most after the call.
func (u *turn) refused(least, most time.Duration) *limit.Refusal {
	u.end()
	var r *limit.Refusal
	switch {
	case u.err == nil:
		u.x.fatalf("%s: got a permit after %v, want that it is refused", u.name, rounded(u.took))
	case !errors.Is(u.err, limit.ErrThrottled) || !errors.As(u.err, &r):
		u.x.fatalf("%s: got the error %v, want a *Refusal that is ErrThrottled", u.name, u.err)
	case r.Reason == "":
		u.x.errorf("%s: got a refusal without a reason", u.name)
	case u.took < least-lead || u.took > most+lag:
		u.x.errorf("%s: was refused after %v, want between %v and %v", u.name, rounded(u.took), least, most)
	}
	if u.permit.ID != 0 {
		u.x.errorf("%s: got the permit %+v beside the error, want one without an ID", u.name, u.permit)
	}
	return r
}

// isLate requires that the error says that the deadline was the reason.
func (u *turn) isLate(r *limit.Refusal) {
	if !errors.Is(u.err, context.DeadlineExceeded) || !r.Late {
		u.x.errorf("%s: got the error %v, want one that is context.DeadlineExceeded", u.name, u.err)
	}
}

// acquire waits for a permit, however long that takes.
func (x *trial) acquire(name string, a limit.Ask) limit.Permit {
	return x.start(x.ctx, name, a).goes(0, lostAfter)
}

// acquireNow waits for a permit that is to come at once.
func (x *trial) acquireNow(name string, a limit.Ask) limit.Permit {
	return x.start(x.ctx, name, a).goes(0, 0)
}

// pass lets a request go that is answered well.
func (x *trial) pass(name string, a limit.Ask) { x.l.Settle(x.acquire(name, a), good) }

// passNow is pass for one that is to go at once.
func (x *trial) passNow(name string, a limit.Ask) { x.l.Settle(x.acquireNow(name, a), good) }

// within returns a context with a deadline.
func (x *trial) within(d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(x.ctx, d)
	context.AfterFunc(x.ctx, cancel)
	return ctx
}

// state returns what Snapshot says of k.
func (x *trial) state(k limit.Key) (state limit.KeyState) {
	for _, s := range x.l.Snapshot() {
		if s.Key == k {
			return s
		}
	}
	return limit.KeyState{}
}

func rounded(d time.Duration) time.Duration { return d.Round(time.Millisecond) }
