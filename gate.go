package steadyhttp

import (
	"cmp"
	"math/rand/v2"
	"net/http"
	"time"

	"golang.org/x/time/rate"
)

const (
	// paceShare is how much of a stated rate is used after a pause: the server
	// counts by its own clock, and a request on the way for a moment longer than
	// the one behind it makes two of them arrive together.
	paceShare = 0.97

	// minPace is the slowest rate that is believed, one request in ten seconds:
	// at a slower one the answer to each request is the better guide.
	minPace = rate.Limit(0.1)
)

// A gate holds requests of one kind back after a server asked for it. Those
// who waited then leave at the pace of the limit that the server stated, if it
// stated one: all at once, they would be told to wait again.
type gate struct {
	until  time.Time     // nobody passes before
	pace   *rate.Limiter // nil if no limit was stated
	forget time.Time     // when the pace has done its work
}

// learn takes from an answer whether everybody has to wait.
func (t *Throttler) learn(req *http.Request, resp *http.Response) {
	if resp == nil {
		return
	}
	e := verdictOf(resp)
	if e == nil {
		if !failed(resp) {
			return
		}
		e = glance(resp, nil)
	}
	asked := e.RetryAfterSource != "" && (e.Class == RateLimit || e.Class == Overloaded)
	if asked && e.RetryAfter <= orMax(t.MaxWait, defaultMaxWait) {
		t.shut(gateKeyOf(req), e)
	}
}

// shut makes everybody under k wait as e asks for.
func (t *Throttler) shut(k gateKey, e *Error) {
	now := time.Now()
	if !e.NotBefore.After(now) {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	g := t.gates[k]
	if g == nil {
		if len(t.gates) >= maxKeys {
			t.forgetGates(now)
		}
		if len(t.gates) >= maxKeys {
			return // ten thousand waits at once: one more is not remembered
		}
		if t.gates == nil {
			t.gates = make(map[gateKey]*gate)
		}
		g = new(gate)
		t.gates[k] = g
		t.shutGates.Store(int64(len(t.gates)))
	}
	if e.NotBefore.After(g.until) {
		g.until, g.forget = e.NotBefore, e.NotBefore
	}
	if limit, window := statedPace(e); limit > 0 {
		if g.pace == nil {
			g.pace = rate.NewLimiter(limit, 1)
		}
		g.pace.SetLimit(limit)
		g.forget = g.until.Add(window)
	}
}

// statedPace returns the rate of requests that an answer states, 0 if none, and
// how long it is kept to: for as long as the limit counts, at most a minute.
func statedPace(e *Error) (rate.Limit, time.Duration) {
	var slowest rate.Limit
	var window time.Duration
	for _, a := range e.RateLimit {
		in := a.Window
		if a.Remaining == 0 {
			in = cmp.Or(in, e.Window) // of the limit that was hit, and so of this one
		}
		if a.Unit != "requests" || a.Limit <= 0 || in <= 0 {
			continue
		}
		limit := rate.Limit(paceShare * float64(a.Limit) / in.Seconds())
		if limit >= minPace && (slowest == 0 || limit < slowest) {
			slowest, window = limit, min(in, time.Minute)
		}
	}
	return slowest, window
}

// forgetGates drops the gates that hold nobody back. It requires t.mu held.
func (t *Throttler) forgetGates(now time.Time) {
	for k, g := range t.gates {
		if !g.until.After(now) && !g.forget.After(now) {
			delete(t.gates, k)
		}
	}
	t.shutGates.Store(int64(len(t.gates)))
}

// gate returns how long those under k still have to wait, and the pace at which
// they pass then, nil for any.
func (t *Throttler) gate(k gateKey) (left time.Duration, pace *rate.Limiter) {
	t.mu.Lock()
	defer t.mu.Unlock()
	g := t.gates[k]
	if g == nil {
		return 0, nil
	}
	now := time.Now()
	if !g.until.After(now) && !g.forget.After(now) {
		delete(t.gates, k)
		t.shutGates.Store(int64(len(t.gates)))
		return 0, nil
	}
	return g.until.Sub(now), g.pace
}

// atGate waits while a server has asked for it.
func (w *waiter) atGate() (pace *rate.Limiter, err error) {
	if w.t.shutGates.Load() == 0 {
		return nil, nil
	}
	key := gateKeyOf(w.req)
	for {
		left, pace := w.t.gate(key)
		if left <= 0 {
			return pace, nil
		}
		// Those who wait for the same moment do not leave at the same moment.
		left += rand.N(min(left/10, maxSpread) + 1)
		if err := w.wait(left, "the server asked for a pause"); err != nil {
			return nil, err
		}
	}
}

// throughGate waits likewise, and for its turn in the pace.
func (w *waiter) throughGate() error {
	pace, err := w.atGate()
	if err != nil || pace == nil {
		return err
	}
	return w.permit(pace, 1, "the pace of the server's limit")
}
