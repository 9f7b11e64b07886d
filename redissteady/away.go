package redissteady

import (
	"context"
	"fmt"
	"time"

	"github.com/steadyhttp/steadyhttp"
	"github.com/steadyhttp/steadyhttp/limit"
	"go.uber.org/zap"
)

// retryEvery is how often Redis is tried while it is away: it is back for
// everybody in a fraction of a second, and one call of a process in that time is
// no load.
const retryEvery = 200 * time.Millisecond

// equalPart of an equal part is what a process keeps to by default: those who do
// not know of each other meet more often, and at exactly the limit each time is
// one too many.
const equalPart = 0.9

// An absence is a time in which Redis does not answer.
type absence struct {
	since  time.Time
	cause  error
	limits *local
	end    context.CancelFunc
	shares map[string]float64 // by the names of hosts
	other  float64            // that of all other hosts
}

// absence returns the present one, nil while Redis answers.
func (l *Limiter) absence() *absence {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.away
}

// lose takes note that Redis does not answer. Everybody who waits for it turns
// to this process's own limits.
func (l *Limiter) lose(cause error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.away != nil || l.invalid != nil {
		return
	}
	gone := &absence{since: time.Now(), cause: cause, shares: map[string]float64{}, other: l.Share}
	if l.Share == 0 {
		gone.other = 1
		for _, s := range l.known {
			if s.processes > 0 { // of a host's own only
				gone.shares[hostName(l.prefix(), s.key.Host)] = equalPart / float64(s.processes)
			}
		}
	}
	var over context.Context
	over, gone.end = context.WithCancel(l.ctx)
	gone.limits = newLocal(over, gone.share, l.prefix(), l.known)
	l.away = gone
	l.reports.clear()
	for _, t := range l.waiting {
		t.granted, t.lined = false, false
		t.poke()
	}
	if l.Zap != nil {
		l.Zap.Warn("redissteady: Redis does not answer: this process goes on alone, with its share of the limits",
			zap.Error(cause), zap.Any("shares", gone.shares), zap.Float64("share", gone.other), zap.Bool("strict", l.Strict))
	}
	l.running.Go(func() { l.comeBack(gone) })
}

// comeBack tries Redis until it answers, and brings back what was known.
func (l *Limiter) comeBack(gone *absence) {
	tick := time.NewTicker(retryEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-l.ctx.Done():
			return
		}
		if l.ping() == nil && l.beat(true) == nil {
			break
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.away = nil
	gone.end()
	if l.Zap != nil {
		l.Zap.Info("redissteady: Redis is back", zap.Duration("away", time.Since(gone.since)))
	}
}

// ping tries Redis for as long as a call would. A client may take longer to give
// up, in which time a few of these add up.
func (l *Limiter) ping() error {
	done := make(chan error, 1)
	go func() { done <- l.Client.Ping(l.ctx).Err() }()
	select {
	case err := <-done:
		return err
	case <-time.After(l.timeout()):
		return errSlow
	}
}

// share is the part of a host's limits that this process keeps to.
func (g *absence) share(host string) float64 {
	if share, ok := g.shares[host]; ok {
		return share
	}
	return g.other
}

// state tells of the absence in a Snapshot.
func (g *absence) state(now time.Time) limit.KeyState {
	return limit.KeyState{
		Key:      limit.Key{Host: "redis"},
		Gate:     limit.GateFailing,
		GateLeft: retryEvery,
		GateError: &steadyhttp.Error{
			Class:   steadyhttp.Connection,
			Message: fmt.Sprintf("Redis has not answered for %s: each process keeps to its share of the limits", now.Sub(g.since).Round(time.Second)),
			Err:     g.cause,
		},
	}
}
