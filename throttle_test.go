package steadyhttp_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/steadyhttp/steadyhttp"
	"github.com/steadyhttp/steadyhttp/limit"
)

// The priority is that of the context, else what the Throttler's own function says, and
// it is told where a call has waited.
func TestThrottlerKnowsPriorities(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		base := playing(reply{status: 200})
		core, logs := observer.New(zap.DebugLevel)
		rt := &steadyhttp.Transport{
			Base:   base,
			Logger: &steadyhttp.Logger{Zap: zap.New(core), Attempts: true},
			Throttler: &steadyhttp.Throttler{RequestsPerSecond: 1, Priority: func(req *http.Request) limit.Priority {
				if req.URL.Path == "/batch" {
					return limit.Batch
				}
				return limit.Normal
			}},
		}
		var mu sync.Mutex
		var order []string
		var wg sync.WaitGroup
		call := func(path string, p limit.Priority) {
			wg.Go(func() {
				req := request(t, "GET", "https://api.example.com"+path, "")
				if p != limit.Normal {
					req = req.WithContext(steadyhttp.WithPriority(req.Context(), p))
				}
				req = req.WithContext(steadyhttp.WithCall(req.Context()))
				resp, err := rt.RoundTrip(req)
				if err != nil {
					t.Error(err)
					return
				}
				finish(t, resp)
				mu.Lock()
				defer mu.Unlock()
				call, _ := steadyhttp.FromContext(req.Context())
				order = append(order, path+" "+call.Priority.String())
			})
			synctest.Wait()
		}
		call("/first", limit.Normal)
		call("/batch", limit.Normal)
		call("/person", limit.Normal)
		call("/batch", limit.Urgent)
		if s := rt.Snapshot(); s[0].Waiting != 3 || s[0].Batch != 1 || s[0].Urgent != 1 {
			t.Errorf("got %+v, want three that wait, one of a batch and one urgent", s[0])
		}
		wg.Wait()
		if want := []string{"/first normal", "/batch urgent", "/person normal", "/batch batch"}; !slices.Equal(order, want) {
			t.Errorf("got %q, want %q", order, want)
		}
		var told []string
		for _, e := range logs.All() {
			if p, ok := e.ContextMap()["priority"]; ok {
				told = append(told, e.Message+" "+p.(string))
			}
		}
		slices.Sort(told)
		if want := []string{"call succeeded batch", "call succeeded urgent", "waiting batch", "waiting urgent"}; !slices.Equal(told, want) {
			t.Errorf("got the entries %q, want %q", told, want)
		}
	})
}

func TestThrottlerSpreadsRequests(t *testing.T) {
	const s = time.Second
	for _, row := range []struct {
		name      string
		throttler *steadyhttp.Throttler
		at        []time.Duration
	}{
		{"no limit", &steadyhttp.Throttler{}, []time.Duration{0, 0, 0, 0}},
		{"one a second", &steadyhttp.Throttler{RequestsPerMinute: 60}, []time.Duration{0, s, 2 * s, 3 * s}},
		{"a burst of one second's worth", &steadyhttp.Throttler{RequestsPerMinute: 120}, []time.Duration{0, 0, s / 2, s}},
		{"less than one a minute", &steadyhttp.Throttler{RequestsPerMinute: 0.5}, []time.Duration{0, 120 * s, 240 * s, 360 * s}},
		// Each body of 40 bytes counts as 10 tokens.
		{"tokens a minute", &steadyhttp.Throttler{TokensPerMinute: 20}, []time.Duration{0, 30 * s, 60 * s, 90 * s}},
		{"input tokens a minute", &steadyhttp.Throttler{InputTokensPerMinute: 20}, []time.Duration{0, 30 * s, 60 * s, 90 * s}},
		{"the stricter of two", &steadyhttp.Throttler{RequestsPerMinute: 60, TokensPerMinute: 300}, []time.Duration{0, 2 * s, 4 * s, 6 * s}},
		{"requests a second", &steadyhttp.Throttler{RequestsPerSecond: 2}, []time.Duration{0, 0, s, 3 * s / 2}},
		{"a larger burst", &steadyhttp.Throttler{RequestsPerMinute: 60, Burst: 3}, []time.Duration{0, 0, 0, s}},
		{"a day's when they are wanted", &steadyhttp.Throttler{RequestsPerDay: 3}, []time.Duration{0, 0, 0, 24 * 3600 * s}},
		{"one at a time", &steadyhttp.Throttler{MaxConcurrent: 1}, []time.Duration{0, 5 * s, 10 * s, 15 * s}},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				base := playing(reply{status: 200, after: 5 * s})
				rt := row.throttler
				rt.Base = base
				start := time.Now()
				var wg sync.WaitGroup
				for range row.at {
					wg.Go(func() {
						resp, err := rt.RoundTrip(request(t, "POST", chatURL, strings.Repeat("x", 40)))
						if err != nil {
							t.Error(err)
							return
						}
						finish(t, resp)
					})
					synctest.Wait() // one after another, so that first come is first served
				}
				wg.Wait()
				got := base.attempts(start)
				for i := range got {
					got[i] = got[i].Round(time.Microsecond) // buckets count in floating point
				}
				if !slices.Equal(got, row.at) {
					t.Errorf("got requests at %v, want %v", got, row.at)
				}
			})
		})
	}
}

func TestLimitsAreByHostAndCredential(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		base := playing(reply{status: 200})
		rt := &steadyhttp.Throttler{Base: base, RequestsPerMinute: 60}
		start := time.Now()
		for _, r := range []struct{ url, header, value string }{
			{"https://a.example/", "", ""},
			{"https://b.example/", "", ""},
			{"https://a.example/", "Authorization", "Bearer one"},
			{"https://a.example/", "Authorization", "Bearer two"},
			{"https://a.example/", "X-Api-Key", "three"},
			{"https://a.example/?key=four", "", ""},
			{"https://a.example/?a=b&key=five", "", ""},
		} {
			req := request(t, "GET", r.url, "")
			if r.header != "" {
				req.Header.Set(r.header, r.value)
			}
			resp, err := rt.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			finish(t, resp)
		}
		if took := time.Since(start); took != 0 {
			t.Errorf("seven hosts and credentials delayed each other by %s", took)
		}
	})
}

func TestThrottlerRefusesWhatCannotComeInTime(t *testing.T) {
	slow := &steadyhttp.Throttler{RequestsPerMinute: 1}
	for _, row := range []struct {
		name  string
		rt    *steadyhttp.Throttler
		body  string
		class steadyhttp.Class
		late  bool // Is context.DeadlineExceeded
		after time.Duration
	}{
		{"a permit after the deadline", slow, "x", steadyhttp.RateLimit, true, 0},
		{"tokens after the deadline", &steadyhttp.Throttler{TokensPerMinute: 10}, strings.Repeat("x", 40), steadyhttp.RateLimit, true, 0},
		{"a place that never comes free", &steadyhttp.Throttler{MaxConcurrent: 1}, "x", steadyhttp.RateLimit, true, time.Second},
		{"more tokens than a minute has", &steadyhttp.Throttler{TokensPerMinute: 30}, strings.Repeat("x", 400), steadyhttp.TooLarge, false, 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				base := playing(reply{status: 200, body: "held open"})
				rt := row.rt
				rt.Base = base
				if row.class != steadyhttp.TooLarge {
					if _, err := rt.RoundTrip(request(t, "POST", chatURL, row.body)); err != nil { // its body stays open
						t.Fatal(err)
					}
				}
				sentBefore := base.count()
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				body := &closeRecorder{Reader: strings.NewReader(row.body)}
				req := request(t, "POST", chatURL, row.body).WithContext(ctx)
				req.Body = body
				start := time.Now()
				resp, err := (&steadyhttp.Retrier{Base: rt}).RoundTrip(req)
				if resp != nil || !errors.Is(err, steadyhttp.ErrThrottled) {
					t.Fatalf("got %v, %v; want ErrThrottled", resp, err)
				}
				if e := asError(t, nil, err); e.Class != row.class || e.Timeout() != row.late {
					t.Errorf("got class %s, timeout %t; want %s, %t", e.Class, e.Timeout(), row.class, row.late)
				}
				if got := errors.Is(err, context.DeadlineExceeded); got != row.late {
					t.Errorf("is a passed deadline: got %t, want %t", got, row.late)
				}
				if took := time.Since(start); took != row.after {
					t.Errorf("got the refusal after %s, want %s", took, row.after)
				}
				if !body.closed {
					t.Error("the request body was left open")
				}
				if base.count() != sentBefore {
					t.Error("the request was sent all the same")
				}
			})
		})
	}
}

func TestThrottledCallIsCancelled(t *testing.T) {
	for _, rt := range []*steadyhttp.Throttler{{RequestsPerMinute: 1}, {MaxConcurrent: 1}} {
		synctest.Test(t, func(t *testing.T) {
			rt.Base = playing(reply{status: 200})
			first, err := rt.RoundTrip(chat(t))
			if err != nil {
				t.Fatal(err)
			}
			defer first.Body.Close()
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(time.Second, cancel)
			start := time.Now()
			_, err = rt.RoundTrip(chat(t).WithContext(ctx))
			if !errors.Is(err, context.Canceled) || errors.Is(err, steadyhttp.ErrThrottled) || time.Since(start) != time.Second {
				t.Errorf("got %v after %s, want context.Canceled after 1 s", err, time.Since(start))
			}
		})
	}
}

func TestEverybodyWaitsAfterA429(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		base := playing(reply{status: 429, header: "Retry-After: 10"}, reply{status: 200}, reply{status: 429, header: "Retry-After: 9"}, reply{status: 200})
		rt := &steadyhttp.Throttler{Base: base}
		start := time.Now()
		resp, err := rt.RoundTrip(chat(t))
		if err != nil {
			t.Fatal(err)
		}
		finish(t, resp)

		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				resp, err := rt.RoundTrip(chat(t))
				if err != nil {
					t.Error(err)
					return
				}
				finish(t, resp)
			})
		}
		others := request(t, "GET", "https://api.openai.com/v1/models", "")
		if resp, err := rt.RoundTrip(others); err != nil || time.Since(start) != 0 {
			t.Errorf("another path: got %v, %v after %s, want it sent at once", resp, err, time.Since(start))
		}
		wg.Wait()
		moments, early := map[time.Duration]bool{}, 0
		if at := base.attempts(start)[2]; at != time.Second {
			t.Errorf("got the one that tries at %s, want 1 s", at)
		}
		for _, at := range base.attempts(start)[3:] {
			if at < 10*time.Second || at > 14*time.Second {
				t.Errorf("got a request at %s, want 10 s to 14 s", at)
			}
			if at < 11*time.Second {
				early++
			}
			moments[at.Truncate(time.Millisecond)] = true
		}
		if len(moments) < 15 {
			t.Errorf("20 callers left in %d different milliseconds, want at least 15", len(moments))
		}
		if early > 7 { // five a second is the slowest pace, whatever the load before was
			t.Errorf("%d of 20 callers left in the first second after the pause, want at most 7", early)
		}
		// Later calls are not held up any more.
		time.Sleep(time.Second)
		start = time.Now()
		resp, err = rt.RoundTrip(chat(t))
		if err != nil || time.Since(start) != 0 {
			t.Errorf("after the pause: got %v after %s, want it sent at once", err, time.Since(start))
		}
		finish(t, resp)
	})
}

// All at once they would be told to wait again. Where all of a limit comes back in
// one step, they leave as after any pause: five a second first, then up to eleven.
func TestCrowdLeavesAtTheStatedPace(t *testing.T) {
	const s = time.Second
	for _, row := range []struct {
		name       string
		limit      string
		gap, later time.Duration // in the first second, and after it
		tries      int           // requests that go in the pause to see whether it holds for others
	}{
		{"a limit that comes back in one step", "Ratelimit: \"r\";r=0;t=10\nRatelimit-Policy: \"r\";q=120;w=60;qu=\"requests\"\nRetry-After: 10", s / 5, s / 11, 0},
		{"a limit whose window only the message names", "X-Ratelimit-Limit-Requests: 120\nX-Ratelimit-Remaining-Requests: 0\nRetry-After: 10", s / 2, s / 2, 1},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				refusal := reply{status: 429, header: row.limit, body: `{"error":{"message":"Rate limit reached on requests per min (RPM).","code":"rate_limit_exceeded"}}`}
				base := playing(append(slices.Repeat([]reply{refusal}, 1+row.tries), reply{status: 200})...)
				rt := &steadyhttp.Throttler{Base: &steadyhttp.Classifier{Base: base}}
				start := time.Now()
				resp, err := rt.RoundTrip(chat(t))
				if err != nil {
					t.Fatal(err)
				}
				finish(t, resp)
				var wg sync.WaitGroup
				for range 20 {
					wg.Go(func() {
						resp, err := rt.RoundTrip(chat(t))
						if err != nil {
							t.Error(err)
							return
						}
						finish(t, resp)
					})
				}
				wg.Wait()
				at := base.attempts(start)[1+row.tries:]
				if at[0] < 10*time.Second || at[0] > 11*time.Second {
					t.Errorf("got the first at %s, want 10 s to 11 s", at[0])
				}
				for i := 2; i < len(at); i++ { // the first is the probe
					want := row.gap
					if at[i] > at[0]+s {
						want = row.later
					}
					if gap := at[i] - at[i-1]; gap < want-25*time.Millisecond { // late ones catch up
						t.Errorf("got number %d only %s after the one before, want %s", i+1, gap, want)
					}
				}
				// Once the window is over, nobody is held up any more.
				time.Sleep(2 * time.Minute)
				start = time.Now()
				for range 3 {
					resp, err := rt.RoundTrip(chat(t))
					if err != nil {
						t.Fatal(err)
					}
					finish(t, resp)
				}
				if took := time.Since(start); took != 0 {
					t.Errorf("three calls, two minutes later, took %s", took)
				}
			})
		})
	}
}

func TestPausesThatNobodyJoins(t *testing.T) {
	for _, row := range []struct {
		name  string
		first reply
	}{
		{"longer than MaxWait", reply{status: 429, header: "Retry-After: 99999"}},
		{"out of money", reply{status: 429, header: "Retry-After: 10", body: `{"error":{"code":"insufficient_quota"}}`}},
		{"a wrong key", reply{status: 401, header: "Retry-After: 10"}},
		{"without a figure", reply{status: 429}},
		{"too many logins, of one account", reply{status: 429, header: "Retry-After: 30\nX-RateLimit-Limit: 5\nX-RateLimit-Remaining: 0", body: `{"message":"Too many login attempts"}`}},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				rt := &steadyhttp.Throttler{Base: &steadyhttp.Classifier{Base: playing(row.first, reply{status: 200})}}
				start := time.Now()
				for range 2 {
					resp, err := rt.RoundTrip(chat(t))
					if err != nil {
						t.Fatal(err)
					}
					finish(t, resp)
				}
				if took := time.Since(start); took != 0 {
					t.Errorf("the second call waited %s", took)
				}
			})
		})
	}
}

func TestPauseBeyondTheDeadlineIsRefusedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		base := playing(reply{status: 429, header: "Retry-After: 10", body: `{"error":{"message":"slow down, please"}}`})
		rt := &steadyhttp.Throttler{Base: &steadyhttp.Classifier{Base: base}}
		resp, err := rt.RoundTrip(chat(t))
		if err != nil {
			t.Fatal(err)
		}
		finish(t, resp)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		_, err = rt.RoundTrip(chat(t).WithContext(ctx))
		if !errors.Is(err, steadyhttp.ErrThrottled) || base.count() != 1 || time.Since(start) != 0 {
			t.Errorf("got %v and %d requests after %s, want ErrThrottled and 1, at once", err, base.count(), time.Since(start))
		}
		if e := asError(t, nil, err); e.Class != steadyhttp.RateLimit || !strings.Contains(e.Message, "slow down, please") || e.Fate != steadyhttp.FateNeverSent {
			t.Errorf("got %v, class %s, fate %s; want the verdict in force", err, e.Class, e.Fate)
		}
	})
}

func TestPlaceIsGivenBack(t *testing.T) {
	for _, row := range []struct {
		name string
		base func(*http.Request) (*http.Response, error)
		end  func(*http.Response)
	}{
		{"by Close", answer(200), func(r *http.Response) { r.Body.Close(); r.Body.Close() }},
		{"by reading to the end", answer(200), func(r *http.Response) { io.Copy(io.Discard, r.Body) }},
		{"by an error", func(*http.Request) (*http.Response, error) { return nil, io.ErrUnexpectedEOF }, func(*http.Response) {}},
		{"by an upgrade, at once", answer(101), func(*http.Response) {}},
		{"by an answer without a body", func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 204, Body: http.NoBody}, nil
		}, func(*http.Response) {}},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				rt := &steadyhttp.Throttler{Base: roundTripperFunc(row.base), MaxConcurrent: 1}
				for range 3 {
					ctx, cancel := context.WithTimeout(t.Context(), time.Second)
					defer cancel()
					resp, err := rt.RoundTrip(chat(t).WithContext(ctx))
					if errors.Is(err, steadyhttp.ErrThrottled) {
						t.Fatal("the place was not given back")
					}
					row.end(resp)
				}
			})
		})
	}
}

func answer(status int) func(*http.Request) (*http.Response, error) {
	return func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: status, Body: io.NopCloser(strings.NewReader("body"))}, nil
	}
}

// Processes that share a Limiter know a credential by the same number, which
// is none that somebody without the salt could find.
func TestSaltMakesCredentialsAlike(t *testing.T) {
	of := func(salt, credential string) uint64 {
		throttler := &steadyhttp.Throttler{Base: playing(reply{status: 200}), RequestsPerSecond: 100, Salt: salt}
		req, _ := http.NewRequest("GET", "https://api.example.com/", nil)
		req.Header.Set("Authorization", "Bearer "+credential)
		resp, err := throttler.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		for _, k := range throttler.Snapshot() {
			if k.Key.Credential != 0 {
				return k.Key.Credential
			}
		}
		t.Fatal("no key has a credential")
		return 0
	}
	// printf one | openssl dgst -sha256 -hmac pepper
	const want uint64 = 0xa61cbdc704dcc79a
	one := of("pepper", "one")
	if one != want {
		t.Errorf("got %x, want %x", one, want)
	}
	if other := of("pepper", "two"); other == one {
		t.Errorf("got %x for two credentials", one)
	}
	if other := of("salt", "one"); other == one {
		t.Errorf("got %x with two salts", one)
	}
	if own := of("", "one"); own == one {
		t.Errorf("got %x without a salt, as with one", one)
	}
}
