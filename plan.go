package steadyhttp

import (
	"cmp"
	"context"
	"math"
	"net/http"
	"time"

	"github.com/steadyhttp/steadyhttp/internal/monotime"
	"github.com/steadyhttp/steadyhttp/internal/replay"
)

// A plan is what is decided about one call before its first attempt. All of it
// depends on the settings and on the request as it was handed in, since a base may
// change the request: what was true of it when it went out is believed.
type plan struct {
	*Retrier
	next        http.RoundTripper
	req         *http.Request  // as handed in, but for an idempotency key
	source      *replay.Source // of its body, if that has no GetBody and is small enough to be buffered
	policy      RetryPolicy    // of this very call
	role        role
	repeatable  bool // doing it twice does no harm
	switchedOff bool // by its settings it never repeats
	maxAttempts int
	began       monotime.Instant // see givenup
}

// plan makes the plan of a call. c is its record, nil if it has none.
func (t *Retrier) plan(req *http.Request, next http.RoundTripper, c *call) plan {
	p := plan{Retrier: t, next: next, req: req, began: t.givenUp.Began()}
	if policy := policyOf(req); policy != nil {
		p.policy = *policy
	}
	if t.IdempotencyKey != nil {
		p.req = withKey(req, t.IdempotencyKey)
	}
	p.maxAttempts = cmp.Or(p.policy.MaxAttempts, t.MaxAttempts, defaultMaxAttempts)
	if p.maxAttempts < 0 {
		p.maxAttempts = math.MaxInt
	}
	if p.switchedOff = p.maxAttempts == 1; !p.switchedOff {
		p.role = c.claim(req)
	}
	if p.role == nested {
		p.maxAttempts = 1
	}
	if !p.policy.NotIdempotent {
		p.repeatable = p.policy.Idempotent || repeatable(p.req) || t.Idempotent != nil && t.Idempotent(req)
	}
	if max := orMax64(t.MaxBufferedBody, defaultMaxBufferedBody); p.maxAttempts > 1 && hasBody(req) && req.GetBody == nil && req.Context().Err() == nil && req.ContentLength <= max {
		p.source = sourceOf(req, max)
	}
	return p
}

func (p *plan) maxWait() time.Duration {
	return orMax(cmp.Or(p.policy.MaxWait, p.MaxWait), defaultMaxWait)
}

func (p *plan) maxElapsed() time.Duration {
	return orMax(cmp.Or(p.policy.MaxElapsed, p.MaxElapsed), defaultMaxElapsed)
}

// sourceOf takes over the body of req, and closes it at the latest when the
// context ends.
func sourceOf(req *http.Request, maxBytes int64) *replay.Source {
	s := replay.New(req.Body, int(min(maxBytes, math.MaxInt)))
	if ctx := req.Context(); ctx.Done() != nil {
		stop := context.AfterFunc(ctx, func() { s.Close() })
		s.AfterClose(func() { stop() })
	}
	return s
}

// withKey returns req, or a clone of it with an idempotency key.
func withKey(req *http.Request, key func(*http.Request) string) *http.Request {
	if idempotentMethod(req.Method) || hasKey(req) {
		return req
	}
	k := key(req)
	if k == "" {
		return req
	}
	clone := req.WithContext(req.Context())
	clone.Header = req.Header.Clone()
	if clone.Header == nil {
		clone.Header = make(http.Header)
	}
	clone.Header.Set(idempotencyHeaders[0], k)
	return clone
}

// replayable reports whether the body can still be had for another attempt.
func (p *plan) replayable() bool {
	if p.source != nil {
		return p.source.Replayable()
	}
	return !hasBody(p.req) || p.req.GetBody != nil
}

// wantsEvidence reports whether the decision to repeat the request may depend
// on what httptrace sees. Elsewhere it costs nothing.
func (p *plan) wantsEvidence() bool {
	return !p.repeatable && p.maxAttempts > 1 && p.replayable()
}

// lastAttempt says that no further attempt will read the body.
func (p *plan) lastAttempt() {
	if p.source != nil {
		p.source.Last()
	}
}

// retry goes on after a first attempt that failed.
func (p *plan) retry(a attempt, c *call, resp *http.Response, err error) (*http.Response, error) {
	late := c == nil
	if late {
		// Go on with the record that holds the verdict on the first attempt.
		if resp != nil {
			if f, inner := known(resp); f.verdict != nil {
				c = inner
			}
		}
		if c == nil {
			c = &call{used: true}
		}
		c.enter()
		defer c.leave()
		if c.claim(p.req) == owner {
			defer c.release()
		}
	}
	return (&retry{plan: *p, call: c, late: late, made: 1}).run(a, resp, err)
}
