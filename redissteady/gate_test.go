package redissteady_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/steadyhttp/steadyhttp"
	"github.com/steadyhttp/steadyhttp/limit"
	"github.com/steadyhttp/steadyhttp/redissteady"
)

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// respond makes an answer; header is "Name: value" lines.
func respond(req *http.Request, status int, header string) *http.Response {
	resp := &http.Response{
		StatusCode: status, Status: fmt.Sprint(status, " ", http.StatusText(status)), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{}, Body: io.NopCloser(strings.NewReader("{}")), Request: req,
	}
	for line := range strings.Lines(header) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		resp.Header.Set(name, value)
	}
	return resp
}

// throttlers returns those of n processes that share what they learn of base.
func throttlers(t *testing.T, client func() *redis.Client, n int, base http.RoundTripper) []*steadyhttp.Throttler {
	all := make([]*steadyhttp.Throttler, n)
	for i := range all {
		l := &redissteady.Limiter{Client: client()}
		t.Cleanup(func() { l.Close() })
		all[i] = &steadyhttp.Throttler{Limiter: l, Salt: "test-salt", Base: base}
	}
	return all
}

// get sends a request and returns its status, 0 for an error.
func get(t *testing.T, rt http.RoundTripper) int {
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+host+"/items", nil)
	if err != nil {
		t.Error(err)
		return 0
	}
	req.Header.Set("Authorization", "Bearer test-key")
	resp, err := rt.RoundTrip(req)
	if err != nil {
		return 0
	}
	io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	return resp.StatusCode
}

// A pause that one process is told of holds for all, and one goes first after it.
func TestAPauseIsShared(t *testing.T) {
	t.Parallel()
	server := startRedis(t)
	const pause = time.Second
	var mu sync.Mutex
	var told time.Time
	var after []time.Duration
	all := throttlers(t, server.client, 3, roundTripper(func(req *http.Request) (*http.Response, error) {
		mu.Lock()
		defer mu.Unlock()
		if told.IsZero() {
			told = time.Now()
			return respond(req, http.StatusTooManyRequests, "Retry-After: 1"), nil
		}
		after = append(after, time.Since(told))
		return respond(req, http.StatusOK, ""), nil
	}))
	get(t, all[0])
	time.Sleep(50 * time.Millisecond)
	var wg sync.WaitGroup
	for i := range 12 {
		wg.Go(func() {
			if got := get(t, all[i%3]); got != http.StatusOK {
				t.Errorf("got status %d, want 200", got)
			}
		})
	}
	time.Sleep(100 * time.Millisecond)
	for i, rt := range all {
		var gate string
		for _, k := range rt.Snapshot() {
			gate += k.Gate
		}
		if gate != "asked" {
			t.Errorf("process %d sees the gates %q, want asked", i, gate)
		}
	}
	wg.Wait()
	t.Logf("requests after the pause was asked for: %v", after)
	if first := after[0]; first < pause-10*time.Millisecond || first > pause+200*time.Millisecond {
		t.Errorf("the first went after %s, want %s", first, pause)
	}
}

// While a host fails, all processes together send it a probe at a time; calls
// wait and are answered once it is back.
func TestAFailingHostIsShared(t *testing.T) {
	t.Parallel()
	server := startRedis(t)
	var down atomic.Bool
	var requests atomic.Int32
	down.Store(true)
	all := throttlers(t, server.client, 3, roundTripper(func(req *http.Request) (*http.Response, error) {
		requests.Add(1)
		if down.Load() {
			return respond(req, http.StatusServiceUnavailable, ""), nil
		}
		return respond(req, http.StatusOK, ""), nil
	}))
	for range 5 { // of a load that is no burst, so that five are enough
		get(t, all[0])
		time.Sleep(60 * time.Millisecond)
	}
	requests.Store(0)
	time.AfterFunc(2*time.Second, func() { down.Store(false) })
	start := time.Now()
	var wg sync.WaitGroup
	var good, failed atomic.Int32
	for i := range 24 {
		wg.Go(func() {
			if get(t, all[i%3]) == http.StatusOK {
				good.Add(1)
			} else {
				failed.Add(1)
			}
		})
	}
	time.Sleep(1900 * time.Millisecond)
	probes := requests.Load()
	wg.Wait()
	t.Logf("%d probes in 2 s for 24 calls, of which %d were answered well; all over after %s", probes, good.Load(), time.Since(start))
	if probes > 8 {
		t.Errorf("got %d probes in two seconds, want one at a time, 100 ms to a second apart", probes)
	}
	if failed.Load() != probes {
		t.Errorf("got %d failures, want only those of the %d probes", failed.Load(), probes)
	}
}

// A call stands at the gate of a failing scope no longer than OutageWait. Then it
// goes once, as without a gate; a repeat is refused, and a deadline leaves time for
// the response.
func TestPatience(t *testing.T) {
	t.Parallel()
	server := startRedis(t)
	l := limiterOn(t, server.client())
	ask := asking(limit.Limits{})
	ask.OutageWait = 300 * time.Millisecond
	for range 5 {
		p := acquire(t, l, ask)
		l.Observe(p, limit.Observation{Key: limit.Key{Host: host}, Signal: limit.SignalFailing, Hold: 5 * time.Second})
		l.Settle(p, limit.Outcome{})
	}
	time.Sleep(20 * time.Millisecond)
	start := time.Now()
	p, err := l.Acquire(t.Context(), ask)
	if took := time.Since(start); err != nil || !p.Gated || took < 290*time.Millisecond || took > 450*time.Millisecond {
		t.Errorf("got %+v and error %v after %s, want a permit after 300 ms", p, err, took)
	}
	repeat := ask
	repeat.Repeat = true
	start = time.Now()
	_, err = l.Acquire(t.Context(), repeat)
	if took := time.Since(start); !errors.Is(err, steadyhttp.ErrThrottled) || took < 290*time.Millisecond || took > 450*time.Millisecond {
		t.Errorf("got error %v after %s, want ErrThrottled after 300 ms", err, took)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	start = time.Now()
	if _, err := l.Acquire(ctx, ask); err != nil || time.Since(start) < 90*time.Millisecond {
		t.Errorf("got error %v after %s, want a permit after half of 200 ms", err, time.Since(start))
	}
}

// Tokens that were reserved and not used are given back, for all.
func TestTokensAreGivenBack(t *testing.T) {
	t.Parallel()
	server := startRedis(t)
	a, b := limiterOn(t, server.client()), limiterOn(t, server.client())
	ask := asking(limit.Limits{TokensPerMinute: 60_000})
	ask.Cost = limit.Cost{Requests: 1, Input: 100, Output: 800}
	p := acquire(t, a, ask) // of 970 that are there at once
	a.Settle(p, limit.Outcome{Signal: limit.SignalGood, UsageKnown: true, Used: limit.Cost{Requests: 1, Input: 100, Output: 20}})
	time.Sleep(20 * time.Millisecond)
	start := time.Now()
	acquire(t, b, ask)
	if took := time.Since(start); took > 100*time.Millisecond {
		t.Errorf("waited %s for tokens that were given back", took)
	}
	acquire(t, b, ask)
	if took := time.Since(start); took < 700*time.Millisecond {
		t.Errorf("the third was let go after %s, want about 0.9 s", took)
	}
}

// A limit that answers to one process state holds for another that never had an
// answer.
func TestLearnedLimitsAreShared(t *testing.T) {
	t.Parallel()
	server := startRedis(t)
	a, b := limiterOn(t, server.client()), limiterOn(t, server.client())
	ask := asking(limit.Limits{})
	p := acquire(t, a, ask)
	a.Observe(p, limit.Observation{Key: ask.Key, Unit: "requests", Limit: 10, Remaining: 0, Window: time.Second, Reset: time.Second, Refills: true, MaxWait: time.Minute})
	a.Settle(p, good)
	time.Sleep(20 * time.Millisecond)
	start := time.Now()
	for range 5 {
		b.Settle(acquire(t, b, ask), good)
	}
	if took := time.Since(start); took < 400*time.Millisecond || took > 700*time.Millisecond {
		t.Errorf("five requests at ten a second took %s, want about half a second", took)
	}
	// At the end of a window all comes back at one go.
	ask.Key.Credential = 78
	p = acquire(t, a, ask)
	a.Observe(p, limit.Observation{Key: ask.Key, Unit: "requests", Limit: 100, Remaining: 0, Window: time.Minute, Reset: 500 * time.Millisecond, MaxWait: time.Minute})
	a.Settle(p, good)
	time.Sleep(20 * time.Millisecond)
	start = time.Now()
	for range 50 {
		b.Settle(acquire(t, b, ask), good)
	}
	if took := time.Since(start); took < 400*time.Millisecond || took > 800*time.Millisecond {
		t.Errorf("fifty requests took %s, want the half second until the window ends", took)
	}
}

// A server refuses everything and never says for how long: who waits for it waits
// as for an outage.
func TestNothingIsLetIn(t *testing.T) {
	t.Parallel()
	const callers, patience = 20, 3 * time.Second
	l, _ := observed(t, startRedis(t))
	rt := &steadyhttp.Transport{
		Base: roundTripper(func(req *http.Request) (*http.Response, error) {
			return respond(req, http.StatusTooManyRequests, ""), nil
		}),
		Throttler: &steadyhttp.Throttler{Limiter: l, OutageWait: patience},
	}
	start := time.Now()
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			if got, took := get(t, rt), time.Since(start); got != http.StatusTooManyRequests || took > 2*patience {
				t.Errorf("got %d after %v, want the 429 after %v", got, took, patience)
			}
		})
	}
	wg.Wait()
}
