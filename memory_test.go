package steadyhttp_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyhttp/steadyhttp"
	"github.com/steadyhttp/steadyhttp/limit"
)

// state returns what rt knows of the key whose label is that.
func state(t *testing.T, rt *steadyhttp.Throttler, label string) limit.KeyState {
	t.Helper()
	var labels []string
	for _, k := range rt.Snapshot() {
		if k.Key.Label() == label {
			return k
		}
		labels = append(labels, k.Key.Label())
	}
	t.Fatalf("no key %q among %q", label, labels)
	return limit.KeyState{}
}

// A crowd does not overrun a limit that the first answer states.
func TestLimitsAreLearnedFromSuccesses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const perSecond, crowd = 10, 60
		level, at, refused := float64(perSecond), time.Now(), 0
		var mu sync.Mutex
		rt := &steadyhttp.Throttler{Base: replying(func(*http.Request) reply {
			mu.Lock()
			defer mu.Unlock()
			level, at = min(perSecond, level+time.Since(at).Seconds()*perSecond), time.Now()
			if level < 1-1e-9 {
				refused++
				return reply{status: 429, header: "Retry-After: 1"}
			}
			level--
			return reply{status: 200, after: 0, header: fmt.Sprintf("X-Ratelimit-Limit-Requests: 600\nX-Ratelimit-Remaining-Requests: %d\nX-Ratelimit-Reset-Requests: %s",
				int(level), time.Duration((perSecond-level)*float64(time.Second)/perSecond).Round(time.Millisecond))}
		})}
		start := time.Now()
		var wg sync.WaitGroup
		for range crowd {
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
		ideal := time.Duration(crowd-perSecond) * time.Second / perSecond
		if took := time.Since(start); took > ideal*105/100 {
			t.Errorf("took %s, want at most 1.05 times %s", took, ideal)
		}
		if refused > 0 {
			t.Errorf("got %d refusals, want none", refused)
		}
	})
}

func TestModelsAndKeysDoNotSlowEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rt := &steadyhttp.Throttler{Base: replying(func(req *http.Request) reply {
			if req.Header.Get("Authorization") == "Bearer slow" && strings.Contains(req.Header.Get("X-Model"), "busy") {
				return reply{status: 429, header: "Retry-After: 50", body: `{"error":{"message":"slow down","code":"rate_limit_exceeded"}}`}
			}
			return reply{status: 200}
		})}
		call := func(key, model string) time.Duration {
			req := request(t, "POST", chatURL, `{"messages":[],"model":"`+model+`"}`)
			req.Header.Set("Authorization", "Bearer "+key)
			req.Header.Set("X-Model", model)
			start := time.Now()
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			resp, err := rt.RoundTrip(req.WithContext(ctx))
			if err != nil {
				if !errors.Is(err, steadyhttp.ErrThrottled) {
					t.Error(err)
				}
				return -1
			}
			finish(t, resp)
			return time.Since(start)
		}
		call("slow", "busy")
		for _, row := range []struct {
			key, model string
			want       time.Duration
		}{{"slow", "busy", -1}, {"slow", "idle", 0}, {"fast", "busy", 0}, {"fast", "idle", 0}} {
			if got := call(row.key, row.model); got != row.want {
				t.Errorf("key %s, model %s: got %s, want %s (-1ns is a refusal)", row.key, row.model, got, row.want)
			}
		}
	})
}

func TestByModel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rt := &steadyhttp.Throttler{Base: playing(reply{status: 200}), RequestsPerMinute: 60, ByModel: true}
		start := time.Now()
		for _, body := range []string{`{"model":"a"}`, `{"model":"b"}`, `{"stream":true,"model":"c"}`, `{}`, `{"model":"a"}`} {
			resp, err := rt.RoundTrip(request(t, "POST", chatURL, body))
			if err != nil {
				t.Fatal(err)
			}
			finish(t, resp)
		}
		if took := time.Since(start); took != time.Second {
			t.Errorf("five calls to three models and one unknown took %s, want the second that one of them asks for", took)
		}
	})
}

func TestKeyReplacesTheRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rt := &steadyhttp.Throttler{Base: playing(reply{status: 200}), RequestsPerMinute: 60,
			Key: func(req *http.Request) string { return req.Header.Get("X-Tenant") }}
		start := time.Now()
		for _, r := range []struct{ url, tenant string }{{"https://a.example/", "one"}, {"https://a.example/", "two"}, {"https://b.example/", "one"}} {
			req := request(t, "GET", r.url, "")
			req.Header.Set("X-Tenant", r.tenant)
			resp, err := rt.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			finish(t, resp)
		}
		if took := time.Since(start); took != time.Second {
			t.Errorf("got %s, want a second for the tenant's second call", took)
		}
	})
}

func TestTokensAreSettledByUsage(t *testing.T) {
	const body = `{"model":"m","max_tokens":590}` // 30 bytes: 8 tokens, and 590
	usage := `{"usage":{"prompt_tokens":8,"completion_tokens":2}}`
	for _, row := range []struct {
		name  string
		reply reply
		cost  func(*http.Request) limit.Cost
		used  float64
	}{
		{"what was not used is given back", reply{status: 200, body: usage}, nil, 10},
		{"what is not told stays charged", reply{status: 200, body: `{}`}, nil, 598},
		{"more than was reserved is charged", reply{status: 200, body: usage}, func(*http.Request) limit.Cost { return limit.Cost{Input: 1} }, 10},
		{"a failure takes none", reply{status: 500, body: `{}`}, nil, 0},
		{"a stream tells at its end", reply{status: 200, header: "Content-Type: text/event-stream",
			body: "data: {\"choices\":[]}\n\ndata: " + usage + "\n\ndata: [DONE]\n\n"}, nil, 10},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				rt := &steadyhttp.Throttler{Base: playing(row.reply), TokensPerMinute: 6000, Cost: row.cost}
				resp, err := rt.RoundTrip(request(t, "POST", "https://api.example.com/v1/chat/completions", body))
				if err != nil {
					t.Fatal(err)
				}
				finish(t, resp)
				found := false
				for _, k := range rt.Snapshot() {
					for _, l := range k.Limits {
						if l.Unit != "tokens" {
							continue
						}
						found = true
						if got := l.Limit - l.Left; got != row.used {
							t.Errorf("got %v tokens used of the minute's %v, want %v", got, l.Limit, row.used)
						}
					}
				}
				if !found {
					t.Error("no limit of tokens is known")
				}
			})
		})
	}
}

func TestQueueIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rt := &steadyhttp.Throttler{Base: playing(reply{status: 200}), RequestsPerMinute: 60, MaxQueue: 3}
		var mu sync.Mutex
		var refused int
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() {
				resp, err := rt.RoundTrip(chat(t))
				if errors.Is(err, steadyhttp.ErrThrottled) && !errors.Is(err, context.DeadlineExceeded) {
					mu.Lock()
					refused++
					mu.Unlock()
					return
				}
				finish(t, resp)
			})
			synctest.Wait()
		}
		wg.Wait()
		if refused != 6 { // one went, three wait
			t.Errorf("got %d of 10 refused, want 6", refused)
		}
	})
}

// Who gives up leaves nothing behind, and nobody else waits longer for it.
func TestGivingUpInTheLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		base := playing(reply{status: 200})
		rt := &steadyhttp.Throttler{Base: base, RequestsPerMinute: 60}
		start := time.Now()
		var wg sync.WaitGroup
		for i := range 5 {
			ctx, cancel := context.WithCancel(t.Context())
			if i == 2 {
				time.AfterFunc(500*time.Millisecond, cancel)
			}
			wg.Go(func() {
				defer cancel()
				if resp, err := rt.RoundTrip(chat(t).WithContext(ctx)); err == nil {
					finish(t, resp)
				} else if !errors.Is(err, context.Canceled) {
					t.Error(err)
				}
			})
			synctest.Wait()
		}
		wg.Wait()
		if got, want := base.attempts(start), []time.Duration{0, time.Second, 2 * time.Second, 3 * time.Second}; !slices.Equal(got, want) {
			t.Errorf("got requests at %v, want %v", got, want)
		}
		for _, k := range rt.Snapshot() {
			if k.Waiting != 0 || k.Concurrent != 0 {
				t.Errorf("%s: %d wait and %d are under way, want none", k.Key.Label(), k.Waiting, k.Concurrent)
			}
		}
	})
}

// Calls without a deadline wait ten seconds at the gate of a route that fails. One
// at a time is a probe; those who never went out go then, as without a Throttler,
// and every call gets the host's own answer.
func TestCallWithoutADeadlineLosesPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		base := playing(reply{status: 503, body: `{"error":{"message":"down for now"}}`})
		rt := &steadyhttp.Throttler{Base: &steadyhttp.Classifier{Base: base}}
		for range 5 {
			resp, err := rt.RoundTrip(chat(t))
			if err != nil {
				t.Fatal(err)
			}
			finish(t, resp)
		}
		k := state(t, rt, "api.openai.com gpt-4o POST /v1/chat/completions")
		if k.Gate != limit.GateFailing || k.GateError == nil || !strings.Contains(k.GateError.Error(), "down for now") || k.Evidence == "" {
			t.Errorf("after five failures: got gate %q by %v, evidence %q; want it shut, and why", k.Gate, k.GateError, k.Evidence)
		}
		if k := state(t, rt, "api.openai.com"); k.Gate != "" {
			t.Errorf("the host's gate is %q by the failures of one route", k.Gate)
		}
		start := time.Now()
		var wg sync.WaitGroup
		for range 40 {
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
		if took := time.Since(start); took != 10*time.Second {
			t.Errorf("they waited %s, want 10 s", took)
		}
		probes := 0
		for _, at := range base.attempts(start)[5:] {
			if at < 10*time.Second {
				probes++
			}
		}
		if probes < 10 || probes > 14 || base.count() != 45 {
			t.Errorf("got %d probes and %d requests, want 10 to 14 probes and one request a call", probes, base.count())
		}
	})
}

// A repeat that has waited long enough at a gate is not sent: its call gets the
// answer that is in hand, within OutageWait and one attempt.
func TestRepeatAtAGateGetsTheAnswerInHand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		base := playing(reply{status: 503, body: `{"error":{"message":"down for now"}}`})
		rt := &steadyhttp.Transport{Base: base}
		start := time.Now()
		var wg sync.WaitGroup
		var late atomic.Int32
		for range 40 {
			wg.Go(func() {
				ctx := steadyhttp.WithCall(t.Context())
				resp, err := rt.RoundTrip(chat(t).WithContext(ctx))
				if err != nil {
					t.Error(err)
					return
				}
				e := asError(t, resp, nil)
				if got := finish(t, resp); e.Class != steadyhttp.Unavailable || !strings.Contains(got, "down for now") {
					t.Errorf("got class %s and body %q, want the answer in hand", e.Class, got)
				}
				if took := time.Since(start); took > 11*time.Second {
					t.Errorf("a call took %s, want 10 s and a bit", took)
				}
				if call, _ := steadyhttp.FromContext(ctx); strings.Contains(call.Stopped, "no further response came in time") {
					late.Add(1)
				}
			})
			time.Sleep(time.Millisecond)
		}
		wg.Wait()
		t.Logf("%d requests for 40 calls, %d of which gave up at the gate", base.count(), late.Load())
		if late.Load() == 0 {
			t.Error("no call gave up at the gate")
		}
		if base.count() > 60 {
			t.Errorf("got %d requests for 40 calls, want at most 60", base.count())
		}
	})
}

func TestGateThatStaysOpen(t *testing.T) {
	for _, row := range []struct {
		name  string
		rt    *steadyhttp.Throttler
		reply reply
	}{
		{"switched off", &steadyhttp.Throttler{OutageWait: -1}, reply{status: 503}},
		{"a gateway's timeout", &steadyhttp.Throttler{}, reply{status: 504}},
		{"the server's timeout", &steadyhttp.Throttler{}, reply{status: 408}},
		{"the caller's deadline", &steadyhttp.Throttler{}, reply{err: context.DeadlineExceeded}},
		{"the caller's change of mind", &steadyhttp.Throttler{}, reply{err: context.Canceled}},
		{"an empty account", &steadyhttp.Throttler{}, reply{status: 402}},
		{"a wrong key", &steadyhttp.Throttler{}, reply{status: 401}},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				rt := row.rt
				rt.Base = playing(row.reply)
				start := time.Now()
				for range 30 {
					if resp, err := rt.RoundTrip(chat(t)); err == nil {
						finish(t, resp)
					}
				}
				if took := time.Since(start); took != 0 {
					t.Errorf("30 calls took %s, want no wait", took)
				}
			})
		})
	}
}

func TestHundredThousandKeys(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: so many keys take seconds, and fewer do not reach the bound")
	}
	for _, row := range []struct { // the second with -long
		name string
		req  func(i int) (url, key string)
		most int
	}{
		{"of one host", func(i int) (string, string) { return "https://api.example.com/", fmt.Sprint("key-", i) }, 10_001},
		{"hosts", func(i int) (string, string) { return fmt.Sprintf("https://host-%d.example/", i), "key" }, 80_000}, // a host and a key each
	}[:howMany(0, 1, 2)] {
		t.Run(row.name, func(t *testing.T) {
			rt := &steadyhttp.Throttler{Base: replying(func(*http.Request) reply { return reply{status: 200} }), RequestsPerMinute: 600, TokensPerMinute: 100_000}
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			for i := range 120_000 {
				url, key := row.req(i)
				req := request(t, "GET", url, "")
				req.Header.Set("Authorization", "Bearer "+key)
				resp, err := rt.RoundTrip(req)
				if err != nil {
					t.Fatal(err)
				}
				resp.Body.Close()
			}
			runtime.GC()
			runtime.ReadMemStats(&after)
			keys, mib := len(rt.Snapshot()), float64(after.HeapAlloc-before.HeapAlloc)/(1<<20)
			t.Logf("%d keys in %.1f MiB", keys, mib)
			if keys > row.most || keys < row.most*9/10 || mib > 60 {
				t.Errorf("got %d keys in %.1f MiB, want at most %d in 60 MiB", keys, mib, row.most)
			}
			runtime.KeepAlive(rt)
		})
	}
}

// A host with more credentials than are remembered still keeps those to their
// limits who come often.
func TestLimitsBeyondTheKeysThatAreKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rt := &steadyhttp.Throttler{Base: replying(func(*http.Request) reply { return reply{status: 200} }), RequestsPerMinute: 60}
		call := func(key string) {
			req := request(t, "GET", "https://api.example.com/", "")
			req.Header.Set("Authorization", "Bearer "+key)
			resp, err := rt.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
		}
		for i := range 11_000 {
			call(fmt.Sprint(i))
		}
		for _, later := range []time.Duration{0, time.Hour} {
			time.Sleep(later)
			start := time.Now()
			for range 10 {
				call("the last")
			}
			if took := time.Since(start); took < 9*time.Second {
				t.Errorf("%v later, 10 calls took %v at one a second", later, took)
			}
		}
	})
}

// Callers come, go and give up at random: nothing stays behind, and the race
// detector is quiet.
func TestCrowdThatGivesUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var n atomic.Int64
		rt := &steadyhttp.Throttler{MaxConcurrent: 4, Base: replying(func(*http.Request) reply {
			switch i := n.Add(1); {
			case i%7 == 0:
				return reply{status: 429, header: "Retry-After: 1"}
			case i%50 < 10:
				return reply{status: 503, after: 10 * time.Millisecond}
			}
			return reply{status: 200, after: 20 * time.Millisecond, header: "X-Ratelimit-Limit-Requests: 100\nX-Ratelimit-Remaining-Requests: 50\nX-Ratelimit-Reset-Requests: 500ms"}
		})}
		var wg sync.WaitGroup
		for i := range howMany(500, 2000, 2000) {
			wg.Go(func() {
				time.Sleep(time.Duration(i%97) * 7 * time.Millisecond)
				ctx, cancel := context.WithCancel(t.Context())
				if i%2 == 0 {
					ctx, cancel = context.WithTimeout(t.Context(), time.Duration(i%31)*20*time.Millisecond)
				} else if i%3 == 0 {
					time.AfterFunc(time.Duration(i%29)*20*time.Millisecond, cancel)
				}
				defer cancel()
				if resp, err := rt.RoundTrip(chat(t).WithContext(ctx)); err == nil {
					finish(t, resp)
				}
			})
		}
		wg.Wait()
		for _, k := range rt.Snapshot() {
			if k.Waiting != 0 || k.Concurrent != 0 {
				t.Errorf("%s: %d wait and %d are under way, want none", k.Key.Label(), k.Waiting, k.Concurrent)
			}
		}
	})
}
