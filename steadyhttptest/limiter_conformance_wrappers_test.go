package steadyhttptest

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	memory "github.com/steadyhttp/steadyhttp/internal/limiter"
	"github.com/steadyhttp/steadyhttp/limit"
)

// A brokenLimiter is the Limiter in memory with a fault. What is nil is as it should be.
type brokenLimiter struct {
	memory.Memory
	acquire  func(l *brokenLimiter, ctx context.Context, a limit.Ask) (limit.Permit, error)
	settle   func(l *brokenLimiter, p limit.Permit, o limit.Outcome)
	observe  func(l *brokenLimiter, p limit.Permit, o limit.Observation) bool
	snapshot func(l *brokenLimiter) []limit.KeyState
	peek     func(l *brokenLimiter, ctx context.Context, a limit.Ask) time.Duration

	calls atomic.Int64 // for faults that count
	last  atomic.Value // of faults that remember
}

func (l *brokenLimiter) Acquire(ctx context.Context, a limit.Ask) (limit.Permit, error) {
	if l.acquire != nil {
		return l.acquire(l, ctx, a)
	}
	return l.Memory.Acquire(ctx, a)
}

func (l *brokenLimiter) Settle(p limit.Permit, o limit.Outcome) {
	if l.settle != nil {
		l.settle(l, p, o)
		return
	}
	l.Memory.Settle(p, o)
}

func (l *brokenLimiter) Observe(p limit.Permit, o limit.Observation) bool {
	if l.observe != nil {
		return l.observe(l, p, o)
	}
	return l.Memory.Observe(p, o)
}

func (l *brokenLimiter) Peek(ctx context.Context, a limit.Ask) time.Duration {
	if l.peek != nil {
		return l.peek(l, ctx, a)
	}
	return l.Memory.Peek(ctx, a)
}

func (l *brokenLimiter) Snapshot() []limit.KeyState {
	if l.snapshot != nil {
		return l.snapshot(l)
	}
	return l.Memory.Snapshot()
}

// asks is a Limiter that changes what it is asked.
func asks(change func(*limit.Ask)) func() limit.Limiter {
	return func() limit.Limiter {
		return &brokenLimiter{acquire: func(l *brokenLimiter, ctx context.Context, a limit.Ask) (limit.Permit, error) {
			change(&a)
			return l.Memory.Acquire(ctx, a)
		}}
	}
}

// gives is a Limiter that changes what it returns.
func gives(change func(ctx context.Context, p *limit.Permit, err *error)) func() limit.Limiter {
	return func() limit.Limiter {
		return &brokenLimiter{acquire: func(l *brokenLimiter, ctx context.Context, a limit.Ask) (limit.Permit, error) {
			p, err := l.Memory.Acquire(ctx, a)
			change(ctx, &p, &err)
			return p, err
		}}
	}
}

// peeks is a Limiter that says other times.
func peeks(change func(l *brokenLimiter, a *limit.Ask, wait *time.Duration)) func() limit.Limiter {
	return func() limit.Limiter {
		return &brokenLimiter{peek: func(l *brokenLimiter, ctx context.Context, a limit.Ask) time.Duration {
			wait := l.Memory.Peek(ctx, a)
			change(l, &a, &wait)
			return wait
		}}
	}
}

// settles is a Limiter that changes what a permit's outcome is.
func settles(change func(p limit.Permit, o *limit.Outcome)) func() limit.Limiter {
	return func() limit.Limiter {
		return &brokenLimiter{settle: func(l *brokenLimiter, p limit.Permit, o limit.Outcome) {
			change(p, &o)
			l.Memory.Settle(p, o)
		}}
	}
}

// observes is a Limiter that changes what it is told.
func observes(change func(*limit.Observation)) func() limit.Limiter {
	return func() limit.Limiter {
		return &brokenLimiter{observe: func(l *brokenLimiter, p limit.Permit, o limit.Observation) bool {
			change(&o)
			return l.Memory.Observe(p, o)
		}}
	}
}

// shows is a Limiter that changes what it shows of each Key.
func shows(change func(*limit.KeyState)) func() limit.Limiter {
	return func() limit.Limiter {
		return &brokenLimiter{snapshot: func(l *brokenLimiter) []limit.KeyState {
			all := l.Memory.Snapshot()
			for i := range all {
				change(&all[i])
			}
			return all
		}}
	}
}

// lastComeFirst lets the first call go at once, and of five more the later before the earlier.
func lastComeFirst() limit.Limiter {
	return &brokenLimiter{acquire: func(l *brokenLimiter, ctx context.Context, a limit.Ask) (limit.Permit, error) {
		if n := l.calls.Add(1); n > 1 {
			time.Sleep(time.Duration(6-n) * 5 * apart)
		}
		return l.Memory.Acquire(ctx, a)
	}}
}

// withLast has every permit stand for the one that was given last.
func withLast() *brokenLimiter {
	return &brokenLimiter{acquire: func(l *brokenLimiter, ctx context.Context, a limit.Ask) (limit.Permit, error) {
		p, err := l.Memory.Acquire(ctx, a)
		if err == nil {
			l.last.Store(p)
		}
		return p, err
	}}
}

// sleeper is a Limiter that infers only how long everybody has to wait by the latest observation.
func sleeper(wait func(limit.Observation) time.Duration) func() limit.Limiter {
	return func() limit.Limiter {
		return &brokenLimiter{
			acquire: func(l *brokenLimiter, ctx context.Context, a limit.Ask) (limit.Permit, error) {
				if until, ok := l.last.Load().(time.Time); ok {
					time.Sleep(time.Until(until))
				}
				return l.Memory.Acquire(ctx, a)
			},
			observe: func(l *brokenLimiter, _ limit.Permit, o limit.Observation) bool {
				l.last.Store(time.Now().Add(wait(o)))
				return true
			},
		}
	}
}

// inWindows is a Limiter that counts anew in each second after the first request.
func inWindows() limit.Limiter {
	turn := make(chan bool, 1) // no mutex: a synctest bubble stands still while somebody waits for one
	var window time.Time
	n := 0
	return asks(func(a *limit.Ask) {
		turn <- true
		defer func() { <-turn }()
		if n == int(a.Limits.RequestsPerSecond) {
			time.Sleep(time.Until(window.Add(time.Second)))
		}
		if time.Since(window) >= time.Second {
			window, n = time.Now(), 0
		}
		n++
		a.Limits = limit.Limits{}
	})()
}

// onlyErr returns the context's error in place of its cause.
func onlyErr(ctx context.Context, _ *limit.Permit, err *error) {
	if *err != nil {
		*err = ctx.Err()
	}
}

// An unclosable limiter's Close fails.
type unclosable struct{ memory.Memory }

func (*unclosable) Close() error { return errors.New("stuck") }
