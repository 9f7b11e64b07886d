package redissteady

import (
	"context"
	"time"

	"github.com/steadyhttp/steadyhttp/internal/limiter"
	"github.com/steadyhttp/steadyhttp/limit"
)

// Peek implements limit.Limiter. It asks Redis once, or this process's share of the
// limits while Redis is away.
func (l *Limiter) Peek(ctx context.Context, a limit.Ask) time.Duration {
	if l.run() != nil {
		return 0
	}
	a.Cost.Requests = max(a.Cost.Requests, 1)
	t := &ticket{ask: a, cost: loadOf(a.Cost), came: time.Now(), limits: setLimits(a.Limits)}
	t.names(l.prefix())
	if gone := l.absence(); gone != nil {
		return gone.limits.memory.Peek(ctx, gone.limits.asks(t))
	}
	q := t.admission(l, ctx)
	q.Peek = true
	var answer answer
	if l.call(admitScript, t.keys, q.header, q, &answer) != nil {
		return 0
	}
	t.lineOf()
	wait := seconds(answer.Wait) + l.behind(t)
	if answer.Ahead > 0 {
		wait = max(wait, l.placeIn(t, answer.Ahead))
	}
	return wait
}

// placeIn is in how long so many places will be given back, as far as that can be
// known.
func (l *Limiter) placeIn(t *ticket, ahead float64) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	took := limiter.UnknownPlace
	if s := l.known[t.keys[t.limitsKey-1]]; s != nil && s.took > 0 {
		took = s.took
	}
	return seconds(took.Seconds() * ahead / float64(t.ask.Limits.MaxConcurrent))
}

// One part in placeShare of how long a request was under way goes into the smoothed time.
const placeShare = 8

// tookPlace takes in for how long t, which is over, had its place. It requires l.mu
// held.
func (l *Limiter) tookPlace(t *ticket) {
	s := l.known[t.keys[t.limitsKey-1]]
	if s == nil {
		return
	}
	took := time.Since(t.went)
	if s.took == 0 {
		s.took = took
	}
	s.took += (took - s.took) / placeShare
}
