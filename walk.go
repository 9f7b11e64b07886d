package steadyhttp

import (
	"errors"
	"math"
	"net/http"
	"time"

	"github.com/steadyhttp/steadyhttp/internal/credential"
	"github.com/steadyhttp/steadyhttp/internal/down"
	"github.com/steadyhttp/steadyhttp/internal/monotime"
)

// A walk is where one call may go by a Failover, and where it has been.
type walk struct {
	places []place
	at     int           // the place of the latest try
	number int           // of the Retrier's attempt that it is
	within time.Duration // how long the latest try may wait in a Throttler: 0 is as long as it takes, negative is not at all
	probe  bool          // it went to a place that is down, to see whether it is back

	bound    *place    // the only one where another try does no harm; nil if there is no such
	waited   bool      // where it was, since a server asked for that
	failures []failure // the latest of each place, in the order of the tries
	estimate int64     // of the input, in tokens; 0 if it was not asked for
	content  []byte    // of the body, once a target has changed it

	allOut monotime.Instant // when the call first had to go to what is down, before it had failed itself; 0 if never
}

// A place is where a call may go: the first as the request is, each other to a target.
type place struct {
	to   *target       // nil for the request as it is
	head *http.Request // the request for it, but for its body; nil if it does not fit
	at   down.Place

	// Of the latest attempt:
	busy    bool // a Throttler did not let the call go at once
	useless bool // a request for it could not be made
}

func (l *place) name() string {
	if l.to == nil {
		return ""
	}
	return l.to.name
}

// A failure is a try that failed.
type failure struct {
	place   int
	walk    int            // the number of the Retrier's attempt
	resp    *http.Response // off the wire, but readable; nil if there is none
	err     error
	verdict *Error
	held    bool // a Throttler holds the next request back until that can succeed
}

// spentTime is for how long a credential is left whose account is empty, or that is
// not accepted: a person has to act, who takes some minutes.
const spentTime = 5 * time.Minute

// maxPause bounds the pause for which one answer may keep others from a place. They
// have another, and what asked for an hour may have meant one call.
const maxPause = 5 * time.Minute

// errTarget marks the error of a target that answered nothing.
var errTarget = errors.New("steadyhttp: the target is not set up correctly")

// begin chooses where an attempt goes first. As long as nothing is known that speaks
// against it, the request goes as it is: should a Throttler not let it go at once, it
// is passed over then. Only a conversation asks before, since it would wait.
func (p *plan) begin() {
	f := p.via
	p.conversation = f.conversation(p.req, p)
	at, stays := 0, false
	if p.conversation != "" {
		at, stays = f.stays.At(p.conversation)
	}
	if at == 0 && f.down.Quiet() && p.FirstOutput <= 0 && (!stays || p.peek(p.req, "") == 0) {
		return
	}
	if p.walks() {
		p.chooseFirst()
	}
}

// walks makes sure that there is a walk. Where no target fits the call, there is none,
// and it goes as if there were no Failover.
func (p *plan) walks() bool {
	if p.walk == nil && p.via != nil {
		if p.walk = p.newWalk(); p.walk == nil {
			p.via = nil
		}
	}
	return p.walk != nil
}

func (p *plan) newWalk() *walk {
	fits := false
	w := &walk{places: make([]place, 1+len(p.via.targets)), number: 1}
	read := reading{late: p.sends > 0}
	own := read.model(p.req)
	if own == "" {
		own = routeOf(p.req)
	}
	w.places[0] = place{head: p.req, at: down.Place{Host: hostOf(p.req), Credential: credential.Hash(p.req, ""), Model: own, Route: routeOf(p.req)}}
	for i := range p.via.targets {
		t := p.via.targets[i]
		if !p.via.fits(t, p.req) {
			continue
		}
		fits = true
		head := t.change.Request(p.req.Context(), p.req)
		at := down.Place{Host: hostOf(head), Credential: credential.Hash(head, ""), Model: own, Route: routeOf(head)}
		if t.Prepare != nil {
			at.Credential += uint64(i + 1) // which it will set
		}
		if model, ok := t.Set["model"].(string); ok {
			at.Model = model
		}
		if t.Model != "" {
			at.Model = t.Model
		}
		w.places[i+1] = place{to: t, head: head, at: at}
	}
	if !fits {
		return nil
	}
	return w
}

// peek is how long a Throttler below would have req wait. model replaces the one
// that its body names.
func (p *plan) peek(req *http.Request, model string) time.Duration {
	if t, _ := throttlerBelow(p.next); t != nil {
		return t.peek(req, model)
	}
	return 0
}

// throttlerBelow returns the Throttler that next is, nil if it is none, and what is
// below that.
func throttlerBelow(next http.RoundTripper) (*Throttler, http.RoundTripper) {
	switch rt := next.(type) {
	case *link:
		if t, ok := rt.wrapper.(*Throttler); ok {
			return t, rt.next
		}
	case *Throttler:
		if rt.settings.check(rt) == nil { // else it says so itself
			return rt, rt.base()
		}
	}
	return nil, nil
}

// beginAgain is begin for a further attempt.
func (p *plan) beginAgain() {
	p.walk.number++
	for i := range p.walk.places {
		p.walk.places[i].useless = false
	}
	p.chooseFirst()
}

// chooseFirst chooses where an attempt goes first: where the call has not failed
// before, if it can. The call has to go somewhere, and so it may go where it has to
// wait, and in the end to what is down.
func (p *plan) chooseFirst() {
	w := p.walk
	for i := range w.places {
		w.places[i].busy = false
	}
	if p.choose(p.isNew, math.MaxInt64) || p.choose(p.hopeful, math.MaxInt64) {
		return
	}
	i := p.soonest(p.hopeful)
	if i < 0 {
		i = p.soonest(p.fitting)
	}
	w.goTo(max(i, 0), 0)
	if w.allOut == 0 {
		w.allOut = monotime.Now()
	}
}

// soonest returns which of the places that may be tried will be back first, -1 if there
// is none.
func (p *plan) soonest(may func(int) bool) int {
	best, least := -1, time.Duration(math.MaxInt64)
	for i := range p.walk.places {
		if !may(i) {
			continue
		}
		if _, left, _ := p.via.down.Until(p.walk.places[i].at); left < least {
			best, least = i, left
		}
	}
	return best
}

func (w *walk) goTo(i int, within time.Duration) {
	w.at, w.within, w.probe = i, within, false
}

// fitting reports whether the call can go to the i-th place.
func (p *plan) fitting(i int) bool {
	l := &p.walk.places[i]
	switch {
	case l.head == nil, l.useless, p.walk.bound != nil && l != p.walk.bound:
		return false
	case l.to == nil:
		return true
	case l.to.MaxInput > 0 && p.input() > l.to.MaxInput:
		return false
	}
	return !l.to.change.ChangesBody(p.req) || p.changeable()
}

// isNew reports whether the call can go to the i-th place, where it has not failed
// nor would for a reason that it met elsewhere.
func (p *plan) isNew(i int) bool {
	for _, f := range p.walk.failures {
		if f.place == i || !p.mayFollow(i, f) {
			return false
		}
	}
	return p.fitting(i)
}

// hopeful reports whether the call may succeed at the i-th place in another attempt: what
// it met there when it was there last passes.
func (p *plan) hopeful(i int) bool {
	for _, f := range p.walk.failures {
		if f.place == i && !f.verdict.Class.Retryable() {
			return false
		}
	}
	return p.fitting(i)
}

// choose chooses the first place in order that may be tried and where the call can go
// at once, else the one where it waits least, if that is at most that long. A
// conversation goes where it is, even if it has to wait for that.
func (p *plan) choose(may func(int) bool, most time.Duration) bool {
	w, f := p.walk, p.via
	stay, stays := 0, false
	if p.conversation != "" {
		stay, stays = f.stays.At(p.conversation)
	}
	if stays && stay < len(w.places) && may(stay) && !w.places[stay].busy {
		isDown, _, _ := f.down.Until(w.places[stay].at)
		if wait := p.wait(stay); !isDown && wait <= f.maxWait() {
			w.goTo(stay, f.maxWait())
			return true
		}
	}
	best, least := -1, time.Duration(math.MaxInt64)
	for i := range w.places {
		if !may(i) {
			continue
		}
		at, wait := w.places[i].at, p.wait(i)
		isDown, left, _ := f.down.Until(at)
		switch {
		case isDown:
			if left == 0 && wait == 0 && (!stays || stay == i) && p.harmlessAhead() && f.down.Probe(at) {
				w.goTo(i, -1)
				w.probe = true
				return true
			}
		case wait == 0 && !w.places[i].busy:
			w.goTo(i, -1)
			return true
		case wait < least:
			best, least = i, wait
		}
	}
	if best < 0 || least > most {
		return false
	}
	if most == math.MaxInt64 {
		most = 0 // as long as it takes
	}
	w.goTo(best, most)
	return true
}

// wait is how long the call would wait at the i-th place.
func (p *plan) wait(i int) time.Duration {
	l := &p.walk.places[i]
	return p.peek(l.head, l.at.Model)
}

// passOver notes that a Throttler did not let the call go where it was to go at once,
// or that it left the queue there, and reports whether there was another choice.
func (p *plan) passOver(left bool) bool {
	if p.walk != nil && p.walk.within == 0 && !left {
		return false
	}
	if !p.walks() {
		return true // it goes as it is, and waits as long as it takes
	}
	w := p.walk
	w.places[w.at].busy = !left // somebody came in between
	switch {
	case p.choose(p.isNew, math.MaxInt64), p.choose(p.mayTakeOver, math.MaxInt64):
	case left && p.choose(p.hopeful, math.MaxInt64): // where it has just failed, and which is back
	default:
		w.goTo(w.at, 0)
	}
	return true
}

// mayTakeOver reports whether the call may go to the i-th place rather than wait in a
// queue elsewhere.
func (p *plan) mayTakeOver(i int) bool { return p.isNext(i) && p.hopeful(i) }

// useless notes that the target of the attempt is none for this call: its Prepare failed, or the
// body cannot be changed as it wants. It reports whether the call begins elsewhere, as
// it may where it has not failed yet. c may be nil.
func (p *plan) useless(c *call, e *Error) bool {
	if to := p.current.to(); c != nil && to.useless.CompareAndSwap(false, true) {
		c.logOut(p.current.req, e, to.name, 0)
	}
	if len(p.walk.failures) > 0 {
		return false
	}
	p.walk.places[p.walk.at].useless = true
	p.chooseFirst()
	return true
}

// input is the estimate of the call's input in tokens.
func (p *plan) input() int64 {
	if p.walk.estimate == 0 {
		read := reading{late: p.sends > 0}
		p.walk.estimate = max(read.call(p.req).Input, 1)
	}
	return p.walk.estimate
}

// answered notes that the attempt was answered, and by whom. c may be nil.
func (p *plan) answered(c *call, resp *http.Response) {
	if p.via == nil {
		return
	}
	at, a := 0, &p.current
	if w := p.walk; w != nil {
		at = w.at
		p.via.down.Worked(w.places[at].at, a.by.began)
	}
	if p.conversation != "" {
		p.via.stays.Answered(p.conversation, at)
	}
	switch {
	case at == 0 && c != nil && p.walk != nil && len(p.walk.failures) > 0:
		c.setTarget("") // else there may be one of another Failover further in
		return
	case at == 0 || resp == nil:
		return
	case c == nil:
		if _, c = known(resp); c == nil {
			c = &call{used: true}
		}
	}
	c.setTarget(a.by.to.name)
	c.attach(resp, a.req)
}

// canFollow reports whether the call could go on to another place if it timed out
// where it is.
func (p *plan) canFollow() bool {
	now := failure{place: p.walk.at, verdict: &Error{Class: Timeout}}
	for i := range p.walk.places {
		if i != now.place && p.isNew(i) && p.mayFollow(i, now) {
			if isDown, _, _ := p.via.down.Until(p.walk.places[i].at); !isDown && p.wait(i) <= p.via.maxWait() {
				return true
			}
		}
	}
	return false
}

// leavesSilence reports whether a stream that has no output within FirstOutput is left
// for another place, rather than handed up as it is.
func (p *plan) leavesSilence() bool {
	return p.via != nil && p.FirstOutput > 0 && p.harmlessAhead() && p.canFollow()
}
