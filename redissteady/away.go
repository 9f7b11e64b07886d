package redissteady

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/steadyhttp/steadyhttp"
	"github.com/steadyhttp/steadyhttp/internal/logsink"
	"github.com/steadyhttp/steadyhttp/limit"
	"go.uber.org/zap"
)

const (
	// retryEvery is how often Redis is tried while it does not answer: it is back
	// for everybody in a fraction of a second, and one call of a process in that
	// time is no load.
	retryEvery = 200 * time.Millisecond

	// A Redis that answers and refuses, since it is full, or a replica, or the user
	// lacks a right, does so until somebody has seen to it. It is tried after
	// retryEvery, then after twice as long each time, up to maxRetry: that leaves
	// time to be back for everybody within two seconds.
	maxRetry = 1500 * time.Millisecond

	// flapTime is how long Redis must have answered for another refusal to be news.
	flapTime = time.Minute
)

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
	known  bool               // it was said already that Redis refuses
}

// absence returns the present one, nil while Redis answers.
func (l *Limiter) absence() *absence {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.away
}

// A refusals is what is known of those of Redis: it may be full now and not
// full then.
type refusals struct {
	every time.Duration // how long the next try is put off
	ended time.Time     // when it took what was written
}

// refusedBy reports whether err is what Redis answered, and not that it did not.
func refusedBy(err error) bool {
	var reply redis.Error
	return errors.As(err, &reply)
}

// lose takes note that Redis did not answer a question of this process, which had
// that name then, or refused it. Everybody who waits for Redis turns to this
// process's own limits.
func (l *Limiter) lose(cause error, process string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.away != nil || l.invalid != nil || process != *l.process.Load() {
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
	l.rename()
	l.reports.clear()
	for _, t := range l.waiting {
		t.granted, t.lined = false, false
		t.poke()
	}
	if refusedBy(cause) && time.Since(l.refused.ended) < flapTime {
		gone.known = true
	} else {
		l.refused = refusals{every: retryEvery}
		l.say(gone)
	}
	l.running.Go(func() { l.comeBack(gone) })
}

func (l *Limiter) log() logsink.Sink { return logsink.Sink{Zap: l.Zap, Slog: l.Slog} }

// say logs that Redis is away.
func (l *Limiter) say(gone *absence) {
	text := "redissteady: Redis does not answer: this process goes on alone, with its share of the limits"
	if refusedBy(gone.cause) {
		text = "redissteady: Redis refuses: this process goes on alone, with its share of the limits"
	}
	if entry, ok := l.log().Check(l.ctx, zap.WarnLevel, text); ok {
		entry.Write(zap.Error(gone.cause), zap.Any("shares", gone.shares), zap.Float64("share", gone.other), zap.Bool("strict", l.Strict))
	}
}

// comeBack tries Redis until it takes what is written, and brings back what was
// known.
func (l *Limiter) comeBack(gone *absence) {
	for last := gone.cause; ; {
		timer := time.NewTimer(l.pauseAfter(last))
		select {
		case <-timer.C:
		case <-l.ctx.Done():
			timer.Stop()
			return
		}
		beats, err := l.bringBack()
		if err == nil {
			l.back(gone, beats, refusedBy(last))
			return
		}
		last = err
		l.mu.Lock()
		l.rename() // that sign of life may have arrived
		l.mu.Unlock()
	}
}

// pauseAfter returns when to try Redis again after err.
func (l *Limiter) pauseAfter(err error) time.Duration {
	if !refusedBy(err) {
		return retryEvery
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	every := l.refused.every
	l.refused.every = min(2*every, maxRetry)
	return every
}

// bringBack gives a first sign of life, with what was known when Redis went away.
func (l *Limiter) bringBack() (beats map[string]*hostBeat, err error) {
	beats = l.beats(true)
	for _, b := range beats {
		var granted map[string]string // nobody stands in line
		if err := l.try(beatScript, b.keys, b.question, &granted); err != nil {
			return nil, err
		}
	}
	return beats, nil
}

// back takes note that Redis is back. Whoever has ended since those signs of life
// were written reported it to nobody.
func (l *Limiter) back(gone *absence, beats map[string]*hostBeat, refused bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.away = nil
	if refused {
		l.refused.ended = time.Now()
	}
	for _, b := range beats {
		l.releaseEnded(b)
	}
	gone.end()
	if gone.known {
		return
	}
	if entry, ok := l.log().Check(l.ctx, zap.InfoLevel, "redissteady: Redis is back"); ok {
		entry.Write(zap.Duration("away", time.Since(gone.since)))
	}
}

// rename gives this process another name. What it asked under the former one may
// still reach Redis, or have been answered to nobody: a place, or one in the line
// for a place, that is nobody's would be taken for as long as its lease. Redis
// gives no place to a process that has shown no sign of life, and the next ones of
// this process say which names were its own. It requires l.mu held.
func (l *Limiter) rename() {
	if len(l.former) >= maxFormer {
		l.former = l.former[1:]
	}
	l.former = append(l.former, formerName{*l.process.Load(), time.Now()})
	l.renamed++
	name := fmt.Sprintf("%s.%d", l.name, l.renamed)
	l.process.Store(&name)
}

// maxFormer is more than there can be in leaseTime.
const maxFormer = int(leaseTime / retryEvery)

// A formerName is one that this process had until Redis went away.
type formerName struct {
	name  string
	until time.Time
}

// formerNames returns those that may still be of something. It requires l.mu held.
func (l *Limiter) formerNames() (names []string) {
	l.former = slices.DeleteFunc(l.former, func(f formerName) bool { return time.Since(f.until) > leaseTime })
	for _, f := range l.former {
		names = append(names, f.name)
	}
	return names
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
	what := "answered"
	if refusedBy(g.cause) {
		what = "taken what is written"
	}
	return limit.KeyState{
		Key:      limit.Key{Host: "redis"},
		Gate:     limit.GateFailing,
		GateLeft: retryEvery,
		GateError: &steadyhttp.Error{
			Class:   steadyhttp.Connection,
			Message: fmt.Sprintf("Redis has not %s for %s: each process keeps to its share of the limits", what, now.Sub(g.since).Round(time.Second)),
			Err:     g.cause,
		},
	}
}
