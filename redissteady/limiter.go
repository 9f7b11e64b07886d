package redissteady

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/steadyhttp/steadyhttp/limit"
	"go.uber.org/zap"
)

const (
	// defaultTimeout is above what a healthy Redis in the same place ever takes,
	// a fork or a failover aside, and not yet felt by a call to an API.
	defaultTimeout = 250 * time.Millisecond

	defaultPrefix = "steadyhttp"
)

// ErrUnavailable is why a call fails while Redis is away and Strict is set.
var ErrUnavailable = errors.New("redissteady: Redis does not answer")

var errClosed = errors.New("redissteady: the Limiter is closed")

// A Limiter is a limit.Limiter that many processes share through Redis.
// Only Client must be set. It is safe for concurrent use; it must not be copied
// after first use, and its fields must not change once it is in use. Close ends
// what it runs in the background.
type Limiter struct {
	// Client talks to Redis. The Limiter does not close it.
	Client redis.UniversalClient

	// Prefix begins the names of all keys and channels. Limiters with different
	// ones share nothing. "" is "steadyhttp".
	Prefix string

	// Timeout is how long a call waits for an answer of Redis before it goes on
	// without. 0 is 250 ms.
	Timeout time.Duration

	// Share is the part of each limit that this process keeps to while Redis is
	// away, above 0 and at most 1. 0 is nine tenths of an equal part for each of
	// the processes that were seen at the host last, all of it if none were.
	Share float64

	// Strict fails calls with ErrUnavailable while Redis is away, in place of
	// going on with a Share.
	Strict bool

	// Zap or Slog is told when Redis goes away (Warn) and when it is back (Info): set
	// one of them. With neither, nothing is told.
	Zap  *zap.Logger
	Slog *slog.Logger

	start   sync.Once
	name    string                 // of this process
	process atomic.Pointer[string] // the same, and which absences of Redis it has been through: see rename
	ctx     context.Context        // ends with Close
	stop    context.CancelFunc
	running sync.WaitGroup
	sign    chan struct{} // has one if a sign of life is due

	mu      sync.Mutex // guards what follows
	invalid error      // why nothing can be asked
	lastID  uint64
	waiting map[string]*ticket   // all that ask or wait, by id
	permits map[uint64]*ticket   // all that were let go and not settled
	fronts  map[string]*ticket   // who asks again for all that stand at a gate, by its name
	queued  map[queuedKey]int    // how many of each class wait for the user's limits
	lines   map[string][]*ticket // those who stand and let others pass, in order
	known   map[string]*scope    // by name
	causes  map[string]cause     // what shut gates, by the scope's name
	delays  []delay
	away    *absence // nil while Redis answers
	refused refusals
	former  []formerName
	renamed int // how often this process was

	reports queue
}

// run makes sure that what runs in the background does.
func (l *Limiter) run() error {
	l.start.Do(func() {
		l.ctx, l.stop = context.WithCancel(context.Background())
		l.name = newProcess()
		l.process.Store(&l.name)
		l.waiting, l.permits, l.fronts, l.queued = map[string]*ticket{}, map[uint64]*ticket{}, map[string]*ticket{}, map[queuedKey]int{}
		l.lines = map[string][]*ticket{}
		l.known, l.causes = map[string]*scope{}, map[string]cause{}
		l.reports.more, l.sign = make(chan struct{}, 1), make(chan struct{}, 1)
		switch {
		case l.Client == nil:
			l.invalid = errors.New("redissteady: Limiter.Client is nil; set it to a Redis client")
		case !(l.Share >= 0 && l.Share <= 1):
			l.invalid = fmt.Errorf("redissteady: Limiter.Share is %v; set it above 0 and at most 1, or 0 for an equal part", l.Share)
		}
		if l.invalid == nil {
			l.invalid = l.log().Validate("redissteady", "Limiter")
		}
		if l.invalid != nil {
			return
		}
		l.running.Go(l.listen)
		l.running.Go(l.deliver)
		l.running.Go(l.live)
	})
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.invalid
}

// Close reports to Redis what is left to report, for as long as Timeout, and ends
// what runs in the background. Who waits for a permit gets an error.
func (l *Limiter) Close() error {
	if err := l.run(); err != nil {
		return nil
	}
	l.mu.Lock()
	l.invalid = errClosed
	for _, t := range l.waiting {
		t.poke()
	}
	l.mu.Unlock()
	l.flush()
	l.stop()
	l.running.Wait()
	return nil
}

// Acquire implements limit.Limiter.
func (l *Limiter) Acquire(ctx context.Context, a limit.Ask) (limit.Permit, error) {
	if err := l.run(); err != nil {
		return limit.Permit{}, err
	}
	a.Cost.Requests = max(a.Cost.Requests, 1)
	t := l.enter(a)
	err := l.obtainAndLeave(ctx, t)
	var r *limit.Refusal
	if errors.As(err, &r) {
		l.mu.Lock()
		r.Err = l.gateError(a.Key)
		l.mu.Unlock()
	}
	p := limit.Permit{Waited: t.waited, Why: t.why, Gated: t.gated, Spared: t.spared}
	if err == nil {
		p.Key, p.Cost, p.ID, p.Probe = a.Key, a.Cost, t.number, len(t.probes) > 0
	}
	return p, err
}

// obtainAndLeave is obtain, after which t is no longer among those who wait: also where
// Ask.Waiting panics.
func (l *Limiter) obtainAndLeave(ctx context.Context, t *ticket) (err error) {
	err = errPanic
	defer func() {
		if err == errPanic {
			l.giveBack(t)
		}
		l.leave(t, err == nil)
	}()
	err = l.obtain(ctx, t)
	return err
}

var errPanic = errors.New("redissteady: Ask.Waiting panicked")

// obtain asks for a permit, of Redis or of this process's own limits, until
// there is one or never will be.
func (l *Limiter) obtain(ctx context.Context, t *ticket) error {
	for {
		if err := l.ended(ctx, t); err != nil {
			return err
		}
		if gone := l.absence(); gone != nil {
			if l.Strict {
				return fmt.Errorf("%w: %w", ErrUnavailable, gone.cause)
			}
			l.forget(t)
			err := gone.limits.obtain(ctx, l, t)
			if err == errAgain {
				continue
			}
			return err
		}
		if l.stands(t) {
			if err := l.waitInLine(ctx, t); err != nil {
				return err
			}
			continue
		}
		answer, err := l.ask(ctx, t)
		if err != nil {
			continue // lose is why
		}
		switch wait := seconds(answer.Wait); answer.Verdict {
		case "go":
			if wait <= 0 || l.wait(ctx, t, wait) {
				return nil
			}
		case "park":
			if answer.Lined {
				wait = forever // a message will come
			}
			l.wait(ctx, t, wait)
		default:
			l.giveBack(t)
			if t.full {
				return t.tooMany()
			}
			if deadline, ok := ctx.Deadline(); t.ask.MaxWait != 0 && (!ok || time.Until(deadline) > t.boundLeft()) {
				return t.tooLong()
			}
			return tooLate(t.why, wait)
		}
	}
}

// ended reports why t need not be asked for any more. What it was promised is
// given back.
func (l *Limiter) ended(ctx context.Context, t *ticket) error {
	err := ctx.Err()
	l.mu.Lock()
	invalid := l.invalid
	l.mu.Unlock()
	switch {
	case err == nil && invalid == nil && t.ask.MaxWait > 0 && t.why != "" && t.boundLeft() == 0:
		err = t.tooLong()
	case err == nil && invalid == nil && !t.late && t.waitedEnough() && !t.ask.Repeat && !t.held.Limited:
		t.past, t.held = true, nil
		return nil
	case err == nil && invalid == nil && !t.late && !t.waitedEnough():
		return nil
	case err == nil && t.late:
		err = &limit.Refusal{Reason: t.why + ": a pause that the server asked for would exceed the deadline", Late: true}
	case err == context.DeadlineExceeded:
		err = &limit.Refusal{Reason: cmp.Or(t.why, "Redis has not answered") + ": no turn before the deadline", Late: true}
	case err != nil:
		err = context.Cause(ctx)
	case invalid != nil:
		err = invalid
	case t.held.Limited:
		err = &limit.Refusal{Reason: t.why + ": it lasts longer than the request may wait for limits"}
	default:
		err = &limit.Refusal{Reason: t.why + ": not back within OutageWait"}
	}
	l.giveBack(t)
	return err
}

// ask has the script decide about t.
func (l *Limiter) ask(ctx context.Context, t *ticket) (answer, error) {
	q := t.admission(l, ctx)
	var a answer
	if err := l.call(admitScript, t.keys, q.header, q, &a); err != nil {
		return answer{}, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	t.promised, t.probes, t.why = a.Verdict == "go", a.Probes, cmp.Or(a.Why, t.why)
	t.lined = a.Lined && !t.granted
	t.held, t.gate = a.Gate, ""
	if t.near = a.Near; t.near {
		l.join(t)
	} else {
		l.step(t)
	}
	if a.Gate != nil {
		t.until = t.patience(ctx, a.Gate)
		if a.Verdict == "park" && !a.Lined {
			t.gate = t.keys[a.Gate.Key-1]
		}
	}
	if a.Verdict == "go" {
		t.at, t.decided, t.sent = a.At, a.Now, a.Sent
		t.delays = l.delayed(t)
		t.granted = t.leases() > 0
		t.touched = t.touched[:0]
		for _, s := range a.Scopes {
			t.touched = append(t.touched, s.Key)
		}
	}
	l.note(t, a)
	t.spared = cmp.Or(t.spared, a.Spared)
	return a, nil
}

// wait waits for d, or until t has to ask again: it returns false then.
func (l *Limiter) wait(ctx context.Context, t *ticket, d time.Duration) bool {
	began := time.Now()
	l.queue(t)
	l.tell(t, d)
	defer func() { t.waited += time.Since(began) }()
	if t.gate != "" {
		l.front(t)
		defer l.noFront(t)
	}
	for {
		by, again := l.moved(t, d-time.Since(began))
		if again {
			return false
		}
		d += by
		if deadline, ok := ctx.Deadline(); ok && by > 0 && began.Add(d).After(deadline) {
			t.late = true
			return false
		}
		left := min(d-time.Since(began), t.boundLeft())
		if t.held != nil {
			left = min(left, time.Until(t.until))
		}
		timer := time.NewTimer(left)
		select {
		case <-timer.C:
			if t.waitedEnough() || t.boundLeft() == 0 {
				return time.Since(began) >= d
			}
			if t.gate == "" || l.front(t) {
				return true
			}
			d = time.Since(began) + frontEvery
		case <-t.wake:
			timer.Stop()
		case <-ctx.Done():
			timer.Stop()
			return false
		}
	}
}

// frontEvery is how often those who stand at a gate see whether one still asks
// for them.
const frontEvery = time.Second

// front reports whether t is the one to ask again for all that stand at its gate.
// It may well be a probe, for which one of the lowest class is taken, and of those a
// request that may be repeated.
func (l *Limiter) front(t *ticket) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if f := l.fronts[t.gate]; f == nil || t.probesBefore(f) {
		l.fronts[t.gate] = t
	}
	return l.fronts[t.gate] == t
}

// noFront lets another be it.
func (l *Limiter) noFront(t *ticket) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fronts[t.gate] == t {
		delete(l.fronts, t.gate)
	}
}

// moved returns by how much t was put off that has left to wait, and whether it
// has to ask again.
func (l *Limiter) moved(t *ticket, left time.Duration) (by time.Duration, again bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	was := left
	for _, y := range t.delays {
		left = y.left(left)
	}
	if len(t.delays) > 0 {
		by = left - was
		t.delays = nil
		t.at += by.Seconds()
	}
	return by, t.again
}

const forever = time.Duration(1<<63 - 1)

// seconds rounds up, so that what is waited for is there.
func seconds(s float64) time.Duration {
	const most = float64(forever) / float64(time.Second)
	if s >= most {
		return forever
	}
	return time.Duration(s*float64(time.Second) + 0.999)
}
