package steadyhttp

import (
	"context"
	"io"
	"net/http"
	"sync"

	"github.com/steadyhttp/steadyhttp/limit"
)

// A settling is a permit on its way to its end.
type settling struct {
	t       *Throttler
	p       limit.Permit
	req     *http.Request
	outcome limit.Outcome
	put     bool // its end is that of the answer's body
}

// observe tells the Limiter what the response says, and keeps what is left of
// that for the permit's end.
func (s *settling) observe(req *http.Request, resp *http.Response, err error) {
	signal, held := s.t.observe(req, &s.p, resp, err)
	if held && s.t.Inference == limit.Act {
		recordFor(req, resp).setHeld(resp)
	}
	s.outcome = limit.Outcome{Signal: signal, Refund: resp == nil || failed(resp)}
}

func (s *settling) unlessLater() {
	if !s.put {
		s.settle()
	}
}

func (s *settling) settle() { s.t.limiter().Settle(s.p, s.outcome) }

// needsEnd reports whether it matters when the answer's body ends and what is in
// it.
func (s *settling) needsEnd() bool {
	return s.t.Limiter != nil || s.t.MaxConcurrent > 0 || s.t.limitsTokens()
}

// later settles s at the end of resp's body.
func (s *settling) later(resp *http.Response) {
	if s.outcome.Signal != limit.SignalNone {
		// The body may take its time; that the host works is known now.
		s.t.limiter().Observe(s.p, limit.Observation{Key: limit.Key{Host: s.p.Key.Host}, Signal: s.outcome.Signal})
		s.outcome.Signal = limit.SignalNone
	}
	b := &permitBody{ReadCloser: resp.Body, settling: *s}
	if s.t.limitsTokens() {
		b.usage = usageOf(resp)
	}
	if ctx := s.req.Context(); s.t.MaxConcurrent > 0 && ctx.Done() != nil {
		// Whoever does not close the body has gone all the same. This may run at once,
		// before b.leaves is set.
		b.leaves = context.AfterFunc(ctx, func() { b.once.Do(b.settling.settle) })
	}
	s.put = true
	resp.Body = b
}

// A permitBody settles its request's permit at its end.
type permitBody struct {
	io.ReadCloser
	settling
	leaves func() bool // stops what ends it with its context; nil if nothing does
	once   sync.Once

	mu    sync.Mutex // Close may come while a Read is under way
	usage *usage     // nil if nobody asks
	whole bool       // it was read to io.EOF
}

func (b *permitBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.mu.Lock()
	if b.usage != nil {
		b.usage.feed(p[:n])
	}
	b.whole = b.whole || err == io.EOF
	// Tokens come back as soon as the answer tells how many were used: some read no
	// further, and close late. A place among MaxConcurrent is taken until the end.
	told := b.usage != nil && b.usage.final && b.t.MaxConcurrent <= 0
	b.mu.Unlock()
	if err != nil || told {
		b.end()
	}
	return n, err
}

func (b *permitBody) Close() error {
	defer b.end()
	return b.ReadCloser.Close()
}

// end settles the permit, once.
func (b *permitBody) end() {
	b.once.Do(func() {
		b.mu.Lock()
		b.outcome.Used, b.outcome.UsageKnown = b.usage.used(b.req, !b.whole)
		b.mu.Unlock()
		if b.leaves != nil {
			b.leaves()
		}
		b.settling.settle()
	})
}

// acquire waits for a permit for req, or until ctx ends.
func (t *Throttler) acquire(ctx context.Context, req *http.Request, a *limit.Ask) (limit.Permit, error) {
	if t.Limiter == nil {
		body, _ := inMemory(req, false)
		return t.own.AcquireFor(ctx, a, req, body)
	}
	//lint:ignore SA1019 deprecated for callers, who may still set it
	if req.Cancel != nil {
		var stop context.CancelCauseFunc
		//lint:ignore SA1019 deprecated for callers, who may still set it
		ctx, stop = withCancel(ctx, req.Cancel)
		defer stop(nil)
	}
	return t.Limiter.Acquire(ctx, *a)
}

// withCancel is context.WithCancelCause for a context that ends when cancel, of
// its request, is closed as well.
func withCancel(ctx context.Context, cancel <-chan struct{}) (context.Context, context.CancelCauseFunc) {
	ctx, stop := context.WithCancelCause(ctx)
	go func() {
		select {
		case <-cancel:
			stop(whyCanceled(ctx))
		case <-ctx.Done():
		}
	}()
	return ctx, stop
}
