package main

import (
	"context"
	"net/http"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
)

// A drain knows which calls are under way, and how to end without losing one.
type drain struct {
	begun  atomic.Bool
	calls  atomic.Int64 // that are under way
	latest atomic.Int64 // when the latest call began, in nanoseconds of Unix time
}

func (d *drain) draining() bool { return d.begun.Load() }

// begin notes that a call is under way until the function that it returns is called.
func (d *drain) begin() (end func()) {
	d.calls.Add(1)
	d.latest.Store(time.Now().UnixNano())
	return func() { d.calls.Add(-1) }
}

// ServeHTTP answers /healthz: 200, and 503 from when the proxy is about to end, so that
// nobody sends it new calls.
func (d *drain) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	if d.draining() {
		w.WriteHeader(http.StatusServiceUnavailable)
		w.Write([]byte("draining\n"))
		return
	}
	w.Write([]byte("ok\n"))
}

// run ends the servers so that calls under way are answered, streams to their end.
//
//   - At once the health is 503, and each answer asks its caller to close the
//     connection: no request can come over one that the server is about to close.
//   - After delay no new connection is taken, and those that are idle are closed. As
//     long as calls still come, that waits, up to five delays: a call that comes at the
//     very moment in which its connection is closed is lost.
//   - After bound what is still under way is cut off.
//
// It returns how many calls were cut off.
func (d *drain) run(delay, bound time.Duration, log *zap.Logger, servers ...*http.Server) int64 {
	d.begun.Store(true)
	log.Info("draining", zap.Int64("calls", d.calls.Load()), zap.Duration("delay", delay), zap.Duration("bound", bound))
	d.outwait(delay)
	ctx, cancel := context.WithTimeout(context.Background(), bound)
	defer cancel()
	for _, s := range servers {
		s.Shutdown(ctx) // its error is that of ctx
	}
	// A Server forgets connections that were taken over for another protocol.
	for d.calls.Load() > 0 && ctx.Err() == nil {
		time.Sleep(pollEvery)
	}
	cut := d.calls.Load()
	for _, s := range servers {
		s.Close()
	}
	return cut
}

// outwait sleeps for delay, and on until for a quarter of it no call began.
func (d *drain) outwait(delay time.Duration) {
	end := time.Now().Add(5 * delay)
	for wait := delay; wait > 0 && time.Now().Before(end); {
		time.Sleep(wait)
		wait = delay/4 - time.Since(time.Unix(0, d.latest.Load()))
	}
}

const pollEvery = 50 * time.Millisecond
