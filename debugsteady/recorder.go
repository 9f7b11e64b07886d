package debugsteady

import (
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/steadyhttp/steadyhttp"
	"github.com/steadyhttp/steadyhttp/internal/callkey"
	"github.com/steadyhttp/steadyhttp/limit"
)

const (
	// maxCallPlaces bounds the calls of which it is known where they are. Those that never
	// end would fill the memory; when there are so many, all are forgotten, which
	// miscounts some attempts.
	maxCallPlaces = 4096

	// maxTargets bounds the names that are counted. A Failover lists a handful.
	maxTargets = 64
)

// A recorder keeps what the page shows beside what a Snapshot knows: counts, the
// last five minutes of keys, and the latest failures. Its memory is bounded, and
// what an attempt costs does not depend on how many hosts there are.
type recorder struct {
	start time.Time

	mu        sync.Mutex // guards what follows
	totals    totals
	all       history // of all keys together
	histories histories
	failures  failures
	targets   map[string]targetCount // attempts by where a Failover sent them
	places    map[callkey.Call]place // of calls under way, where there is more to know of them
}

// A place is where a call is: at a target of a Failover, "" as it is; and at a host, ""
// if the key of its attempts says that.
type place struct{ target, host string }

// totals are counts since the recorder began.
type totals struct {
	Calls      int64 // that ended
	FailedCall int64 // of Calls, those that ended in a failure
	Attempts   int64 // of Calls, those at a Failover's targets too
	Retried    int64 // of Calls, those with more than one attempt
	Uncertain  int64 // attempts of Calls that the server may have carried out without an answer
	UnderWay   int64 // attempts that have begun and not ended
	Between    int64 // calls that wait before another attempt
	Answered   int64 // attempts by what they came to
	Refused    int64
	Failed     int64
	Unsent     int64         // of FailedCall, those that a Throttler refused to send
	Waited     time.Duration // of Calls, before and between attempts
	Throttled  time.Duration // of Waited, in a Throttler
	Input      int64         // tokens, as far as responses state them
	Output     int64
}

// A targetCount is what came of a target's attempts.
type targetCount struct{ attempts, failed int64 }

func newRecorder() *recorder { return &recorder{start: time.Now(), all: history{latest: -1}} }

// number returns the number of the bucket now.
func (r *recorder) number() int64 { return int64(time.Since(r.start) / bucketTime) }

// attemptStart counts an attempt to host that begins. The key that it ends with has no
// host if keyless is set.
func (r *recorder) attemptStart(call callkey.Call, host string, keyless bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := r.number()
	r.totals.UnderWay++
	r.all.at(n).Sent++
	r.histories.each(&limit.Key{Host: host}, n, func(h *history) { h.at(n).Sent++ })
	if keyless {
		at := r.places[call]
		at.host = strings.Clone(host)
		r.isAt(call, at)
	}
	r.failures.repeated(call, time.Now())
}

// attemptDone counts what an attempt came to; e is nil for a success.
func (r *recorder) attemptDone(call callkey.Call, key limit.Key, e *steadyhttp.Error) {
	r.mu.Lock()
	at := r.places[call]
	r.mu.Unlock()
	if key.Host == "" {
		key.Host = at.host
	}
	o := outcomeOf(e)
	var f *failure
	if e != nil {
		f = newFailure(&key, e)
		f.Target, f.call = line(at.target, maxName), call
	}
	r.mu.Lock()
	n := r.number()
	r.totals.ended(o)
	r.all.at(n).add(o)
	ofKey := false
	r.histories.each(&key, n, func(h *history) {
		h.at(n).add(o)
		if ofKey { // its host was told of it when it began, when nobody knew its key
			h.at(n).Sent++
		}
		ofKey = true
	})
	r.count(at.target, e != nil)
	if f != nil {
		r.failures.add(f)
	}
	r.mu.Unlock()
}

func (t *totals) ended(o outcome) {
	t.UnderWay--
	switch o {
	case answered:
		t.Answered++
	case refused:
		t.Refused++
	case failed:
		t.Failed++
	}
}

// count counts an attempt at a target. It requires r.mu held.
func (r *recorder) count(target string, failed bool) {
	c, ok := r.targets[target]
	if !ok {
		if len(r.targets) >= maxTargets {
			return
		}
		if r.targets == nil {
			r.targets = make(map[string]targetCount)
		}
		target = strings.Clone(target)
	}
	c.attempts++
	if failed {
		c.failed++
	}
	r.targets[target] = c
}

func outcomeOf(e *steadyhttp.Error) outcome {
	switch {
	case e == nil:
		return answered
	case e.Status == http.StatusTooManyRequests, e.Class == steadyhttp.RateLimit:
		return refused
	}
	return failed
}

// waits counts a request with key that begins to wait (by 1) or ends (by -1);
// between says that it is between two attempts.
func (r *recorder) waits(key limit.Key, between bool, by int32) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if between {
		r.totals.Between += int64(by)
	}
	n := r.number()
	r.all.wait(n, by)
	r.histories.each(&key, n, func(h *history) { h.wait(n, by) })
}

// target notes that a Failover sends a call to another place.
func (r *recorder) target(call callkey.Call, name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	at := r.places[call]
	at.target = name
	r.isAt(call, at)
	r.failures.movedTo(call, name)
}

// isAt notes where a call is. It requires r.mu held.
func (r *recorder) isAt(call callkey.Call, at place) {
	if call == nil {
		return
	}
	if len(r.places) >= maxCallPlaces {
		clear(r.places)
	}
	if r.places == nil {
		r.places = make(map[callkey.Call]place)
	}
	r.places[call] = at
}

// callDone counts a call that ended.
func (r *recorder) callDone(call callkey.Call, c *steadyhttp.Call) {
	unsent := c.Error != nil && errors.Is(c.Error, limit.ErrThrottled)
	var f *failure
	if unsent || c.Error != nil && c.Error.Fate == steadyhttp.FateApplied { // no attempt ended with it
		f = newFailure(&limit.Key{}, c.Error)
		f.Target, f.next, f.stopped = line(c.Target, maxName), nextNone, line(c.Stopped, maxWhy)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	t := &r.totals
	t.Calls++
	n := 0
	if call != nil {
		n = call.Sent()
	}
	t.Attempts += int64(n)
	t.Uncertain += int64(c.Uncertain)
	t.Waited += c.Waited
	t.Throttled += c.Throttled
	t.Input += c.InputTokens
	t.Output += c.OutputTokens
	if n > 1 {
		t.Retried++
	}
	if c.Error != nil {
		t.FailedCall++
	}
	if unsent {
		t.Unsent++
	}
	delete(r.places, call)
	r.failures.over(call, c)
	if f != nil {
		r.failures.add(f)
	}
}
