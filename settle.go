package steadyhttp

import (
	"io"
	"net/http"
	"sync"
)

// A settling is a permit on its way to its end.
type settling struct {
	t       *Throttler
	p       Permit
	req     *http.Request
	outcome Outcome
	put     bool // its end is that of the answer's body
}

// hear hands on what an answer tells, and keeps what is left of that for the
// permit's end.
func (s *settling) hear(req *http.Request, resp *http.Response, err error) {
	left, gated := s.t.learn(req, &s.p, resp, err)
	if gated {
		recordFor(req, resp).setGated(resp)
	}
	s.outcome = Outcome{Answer: left, Refund: resp == nil || failed(resp)}
}

func (s *settling) unlessLater() {
	if !s.put {
		s.settle()
	}
}

func (s *settling) settle() {
	if s.t.Limiter == nil {
		s.t.own.settle(&s.p, &s.outcome)
	} else {
		s.t.Limiter.Settle(s.p, s.outcome)
	}
}

// needsEnd reports whether it matters when the answer's body ends and what is in
// it.
func (s *settling) needsEnd(a *Ask) bool {
	return s.t.Limiter != nil || a.Limits.MaxConcurrent > 0 || s.t.limitsTokens()
}

// later settles s at the end of resp's body.
func (s *settling) later(resp *http.Response) {
	if s.outcome.Answer != AnswerNone {
		// The body may take its time; that the host works is known now.
		s.t.limiter().Observe(s.p, News{Key: Key{Host: s.p.Key.Host}, Answer: s.outcome.Answer})
		s.outcome.Answer = AnswerNone
	}
	b := &permitBody{ReadCloser: resp.Body, settling: *s}
	if s.t.limitsTokens() {
		b.usage = usageOf(resp)
	}
	s.put = true
	resp.Body = b
}

// upUntilClosed reports whether a request is still under way once its answer's
// headers are there. An upgraded connection is not: it lives for hours, and its
// body must stay the io.Writer that it is.
func upUntilClosed(resp *http.Response) bool {
	return resp != nil && resp.Body != nil && resp.Body != http.NoBody && resp.StatusCode != http.StatusSwitchingProtocols
}

// A permitBody settles its request's permit at its end.
type permitBody struct {
	io.ReadCloser
	settling
	usage *usage // nil if nobody asks

	once sync.Once
}

func (b *permitBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if b.usage != nil {
		b.usage.feed(p[:n])
	}
	if err != nil {
		b.end(err == io.EOF)
	}
	return n, err
}

// Close may come while a Read is under way, which is then the one to know what
// was used; it does not any more.
func (b *permitBody) Close() error {
	defer b.end(false)
	return b.ReadCloser.Close()
}

func (b *permitBody) end(whole bool) {
	b.once.Do(func() {
		if whole {
			b.outcome.Used, b.outcome.Told = b.usage.used(b.req)
		}
		b.settling.settle()
	})
}
