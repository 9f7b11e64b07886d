package steadyhttp

import (
	"context"
	"net/http"
	"time"

	"github.com/steadyhttp/steadyhttp/internal/down"
	"github.com/steadyhttp/steadyhttp/internal/monotime"
	"github.com/steadyhttp/steadyhttp/limit"
)

// A visit is one attempt of a call that may go to several places.
type visit struct {
	to     *target          // nil where the request goes as it is
	own    *http.Request    // the caller's
	within time.Duration    // see walk
	began  monotime.Instant // when it was sent
	down   *down.Memory     // nil if the call has no walk
	at     down.Place

	// Where the request may have to wait for its turn:
	others []down.Place // where the call may go rather than wait for what is down
	again  []down.Place // likewise, once that comes back: the call has just failed there
	bears  func(left time.Duration, why error) bool
	outage time.Duration // how much longer the call waits for what is down; 0 is as one that comes anew
}

// asItIs is the visit of a call that goes as it is, and at once, while nothing is known
// of any place.
var asItIs = &visit{within: -1}

// visit is that of the next attempt, nil without a Failover.
func (p *plan) visit() *visit {
	switch {
	case p.via == nil:
		return nil
	case p.walk == nil && p.via.down.Quiet():
		return asItIs
	case p.walk == nil:
		return &visit{within: -1, began: monotime.Now()}
	}
	w := p.walk
	if w.at != p.told {
		p.tellTarget()
	}
	here := &w.places[w.at]
	v := &visit{to: here.to, own: p.req, within: w.within, down: &p.via.down, at: here.at}
	if w.within >= 0 {
		v.others, v.again = p.others()
		v.bears, v.outage = p.via.bears, p.outageLeft()
	}
	return v
}

// goes notes that the request is sent now, and not while it is queued. v may be nil.
func (v *visit) goes() {
	if v != nil && v.down != nil {
		v.began = monotime.Now()
		v.down.Sent(v.at)
	}
}

// others are the places where the call may go rather than wait where it is; again are
// those of them where it has failed in the walk that is under way.
func (p *plan) others() (others, again []down.Place) {
	for i := range p.walk.places {
		switch at := p.walk.places[i].at; {
		case i == p.walk.at:
		case p.mayTakeOver(i):
			others = append(others, at)
		case p.hopeful(i):
			again = append(again, at)
		}
	}
	return others, again
}

// outageLeft is how much longer a call that has not failed yet waits for what is down:
// it may come to several queues, each of which would begin to count. Later on the
// record of the call has it.
func (p *plan) outageLeft() time.Duration {
	w := p.walk
	if w.allOut == 0 || len(w.failures) > 0 || p.outageWait() < 0 {
		return 0
	}
	return max(p.outageWait()-monotime.Now().Sub(w.allOut), 1)
}

// bears reports whether a call that is queued for a place stays although that is down. A
// queue is for what a limit lets in later, and going by every short pause would only
// crowd the others' limits.
func (f *Failover) bears(left time.Duration, why error) bool {
	e, ok := why.(*Error)
	return ok && e.Class == RateLimit && left <= f.maxWait()
}

// errLeft is the cause of the end of a wait for a permit, when what the call waits for
// has gone down while another place is up.
var errLeft error = &limit.Refusal{Reason: "what the request was queued for went down"}

// acquire is t.acquire for a request that leaves the queue if a better place is known.
// A permit that came at the same moment is given back.
func (v *visit) acquire(t *Throttler, req *http.Request, a *limit.Ask) (limit.Permit, error) {
	if v.outage > 0 && a.OutageWait >= 0 && (a.OutageWait == 0 || v.outage < a.OutageWait) {
		a.OutageWait = v.outage
	}
	if len(v.others)+len(v.again) == 0 {
		return t.acquire(req.Context(), req, a)
	}
	ctx, leave := context.WithCancelCause(req.Context())
	defer leave(nil)
	stop := v.down.Watch(v.at, v.others, v.again, v.bears, func() { leave(errLeft) })
	defer stop()
	p, err := t.acquire(ctx, req, a)
	if context.Cause(ctx) != errLeft {
		return p, err
	}
	if err == nil {
		t.limiter().Settle(p, limit.Outcome{Refund: true})
	}
	return p, errLeft
}
