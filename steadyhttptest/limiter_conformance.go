package steadyhttptest

import (
	"bytes"
	"context"
	"fmt"
	"runtime/debug"
	"runtime/pprof"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/steadyhttp/steadyhttp/limit"
)

const (
	// lag is how much later than promised something may happen. A Limiter may ask a server over a network, and the
	// machine may be busy. Whatever a case tells from "at once" takes at least minWait.
	lag     = 250 * time.Millisecond
	minWait = 400 * time.Millisecond

	// lead is how much sooner than promised something may happen: clocks of two machines do not tick alike.
	lead = 15 * time.Millisecond

	// spread is how long what was observed or settled may take until all requests are decided by it.
	spread = 100 * time.Millisecond

	// apart is the time between two calls whose order counts.
	apart = 30 * time.Millisecond

	// lostAfter is when a call that should have ended is taken for lost.
	lostAfter = 10 * time.Second

	// leftAfter is how long goroutines may outlive their Limiter.
	leftAfter = 2 * time.Second

	// A trial that fails is tried again, up to maxTrials times in all, if the machine woke a goroutine more than maxStall
	// late meanwhile: it is too busy for times to tell anything.
	maxStall  = lag / 8
	maxTrials = 3

	// trialsAtOnce keeps the whole under twenty seconds of real time without making the machine so busy that times no
	// longer tell anything.
	trialsAtOnce = 4
)

// TestLimiter checks that what newLimiter returns keeps the promises of [limit.Limiter]. It is meant for every Limiter,
// of this module or not.
//
//	func TestPromises(t *testing.T) {
//		steadyhttptest.TestLimiter(t, func() limit.Limiter { return new(mypackage.Limiter) })
//	}
//
// A failure names the case, what was seen in it, and why it matters. Run it with -race.
//
// # What it assumes
//
// newLimiter is called for each case, by t's goroutine, and must return a Limiter that has seen nothing yet and
// shares nothing with the others. After the case its Close method is called, with or without an error result, if it has
// one. Two seconds later none of its goroutines may be left.
//
// It works in real time, where it takes less than twenty seconds, and in a [testing/synctest] bubble, where it takes no
// time. It makes no subtests. Times have a tolerance of a quarter of a second, and a case that fails on a machine that
// stands still meanwhile is tried again.
//
// # What it does not check
//
// It does not say how a Limiter finds a limit that no server states, how many failures close a gate as long as sixty
// in a row do, and at which pace requests leave a gate that opens.
func TestLimiter(t *testing.T, newLimiter func() limit.Limiter) {
	t.Helper()
	for _, b := range checkLimiter(newLimiter, promises()) {
		t.Error(b.failure())
	}
}

// A promise is one that every Limiter makes, and how it is tried.
type promise struct {
	name        string // in plain words
	explanation string // why it matters
	try         func(*trial)
	alone       bool // it makes the machine too busy for the others' times to tell anything
}

// promises lists them from what nearly every request meets to what few do.
func promises() []promise {
	var all []promise
	for _, group := range [][]promise{permitPromises, ratePromises, tokenPromises, placePromises, endPromises, boundPromises, priorityPromises, waitingPromises, keyPromises, pausePromises, statedPromises, failingPromises, inferencePromises, statePromises} {
		all = append(all, group...)
	}
	return all
}

// A breach is a promise that was not kept.
type breach struct {
	promise
	problems []string
	stall    time.Duration // the longest for which the machine stood still meanwhile
}

func (b breach) failure() string {
	text := b.name + ":"
	for _, p := range b.problems {
		text += "\n  " + strings.ReplaceAll(p, "\n", "\n    ")
	}
	if b.stall > maxStall {
		text += fmt.Sprintf("\n  (the machine is too busy to be sure: it stood still for %v)", b.stall)
	}
	return text + "\nWhy it matters: " + b.explanation
}

// checkLimiter tries promises, some of them at a time, and returns those that are not kept, in order.
func checkLimiter(newLimiter func() limit.Limiter, promises []promise) (breaches []breach) {
	found := make([]breach, len(promises))
	places := make(chan struct{}, trialsAtOnce)
	var wg sync.WaitGroup
	begin := func(i int) {
		places <- struct{}{}
		x := newTrial()
		x.labelled(func(context.Context) { x.l = newLimiter() })
		wg.Go(func() {
			defer func() { <-places }()
			found[i] = x.run(promises[i])
		})
	}
	for i, p := range promises {
		if p.alone {
			wg.Wait()
		}
		begin(i)
		if p.alone {
			wg.Wait()
		}
	}
	wg.Wait()
	for i := range promises {
		for n := 1; n < maxTrials && len(found[i].problems) > 0 && found[i].stall > maxStall; n++ {
			begin(i)
			wg.Wait()
		}
		if len(found[i].problems) > 0 {
			breaches = append(breaches, found[i])
		}
	}
	return breaches
}

// A trial tries one promise on one Limiter.
type trial struct {
	l     limit.Limiter
	ctx   context.Context // of calls that nobody cancels; it ends with the trial
	end   context.CancelFunc
	label string // of the trial's goroutines and of the Limiter's
	calls sync.WaitGroup

	mu       sync.Mutex // guards what follows
	problems []string
}

var trials atomic.Int64

func newTrial() *trial {
	x := &trial{label: fmt.Sprintf("trial %d", trials.Add(1))}
	x.ctx, x.end = context.WithCancel(context.Background())
	return x
}

// labelled runs f with a label that all goroutines inherit that f starts, and those that they start: so the ones that a
// Limiter leaves behind are told from all others.
func (x *trial) labelled(f func(context.Context)) {
	pprof.Do(x.ctx, pprof.Labels("steadyhttptest", x.label), f)
}

// run tries p and returns what is wrong.
func (x *trial) run(p promise) breach {
	stalls := watchStalls()
	over := make(chan struct{})
	go x.labelled(func(context.Context) {
		defer close(over)
		defer x.recovered()
		p.try(x)
	})
	<-over
	x.end()
	// A call that does not end with its context is reported by the goroutines that are left.
	ended := make(chan struct{})
	go func() {
		x.calls.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-time.After(leftAfter):
	}
	x.labelled(func(context.Context) {
		defer x.recovered()
		switch c := x.l.(type) {
		case interface{ Close() error }:
			if err := c.Close(); err != nil {
				x.errorf("Close: got the error %v, want none", err)
			}
		case interface{ Close() }:
			c.Close()
		}
	})
	if left := x.left(); left != "" {
		x.errorf("goroutines are left %v after the end:\n%s", leftAfter, left)
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	return breach{p, x.problems, stalls()}
}

// watchStalls begins to look at how late the machine wakes a goroutine. The function that it returns ends that and returns the
// longest delay. In a bubble there is none.
func watchStalls() func() time.Duration {
	const every = 10 * time.Millisecond
	end, longest := make(chan struct{}), make(chan time.Duration)
	go func() {
		var most time.Duration
		for {
			began := time.Now()
			select {
			case <-time.After(every):
				most = max(most, time.Since(began)-every)
			case <-end:
				longest <- most
				return
			}
		}
	}()
	return func() time.Duration {
		close(end)
		return <-longest
	}
}

// left returns the stacks of the trial's goroutines that do not end, "" for none.
func (x *trial) left() (stacks string) {
	for began := time.Now(); ; time.Sleep(leftAfter / 100) {
		var all bytes.Buffer
		if err := pprof.Lookup("goroutine").WriteTo(&all, 1); err != nil {
			return err.Error()
		}
		stacks = ""
		for stack := range strings.SplitSeq(all.String(), "\n\n") {
			if strings.Contains(stack, `"`+x.label+`"`) {
				stacks += stack + "\n"
			}
		}
		if stacks == "" || time.Since(began) > leftAfter {
			return stacks
		}
	}
}

func (x *trial) errorf(format string, args ...any) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if len(x.problems) < maxProblems {
		x.problems = append(x.problems, fmt.Sprintf(format, args...))
	}
}

// recovered reports a panic. It is deferred.
func (x *trial) recovered() {
	if v := recover(); v != nil {
		x.errorf("panic: %v\n%s", v, debug.Stack())
	}
}
