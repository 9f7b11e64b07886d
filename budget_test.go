package steadyhttp_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyhttp/steadyhttp"
)

const budgetUsedUp = "the retry budget for this host is used up"

// outage is a base whose host answers 503 from one moment to another. It
// counts requests and good calls by the second.
type outage struct {
	start, from, to time.Time

	mu       sync.Mutex // guards what follows
	requests map[int]int
	good     map[int]int
	calls    map[int]int
}

// newOutage returns a host that is about to be down, from before seconds on, for
// down seconds.
func newOutage(before, down time.Duration) *outage {
	now := time.Now()
	return &outage{
		start: now, from: now.Add(before), to: now.Add(before + down),
		requests: map[int]int{}, good: map[int]int{}, calls: map[int]int{},
	}
}

// bear makes n calls through rt, perSecond of them each second, and waits for
// all. patience is how long each may take, 0 any time.
func (o *outage) bear(t *testing.T, rt http.RoundTripper, method, url string, n, perSecond int, patience time.Duration) {
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			began := o.second()
			ctx, cancel := context.Background(), func() {}
			if patience > 0 {
				ctx, cancel = context.WithTimeout(ctx, patience)
			}
			defer cancel()
			resp, err := rt.RoundTrip(request(t, method, url, "").WithContext(ctx))
			if err != nil {
				t.Error(err)
				return
			}
			o.mu.Lock()
			defer o.mu.Unlock()
			o.calls[began]++
			if resp.StatusCode == 200 {
				o.good[began]++
			}
		})
		time.Sleep(time.Second / time.Duration(perSecond))
	}
	wg.Wait()
}

func (o *outage) second() int { return int(time.Since(o.start) / time.Second) }

func (o *outage) RoundTrip(req *http.Request) (*http.Response, error) {
	now := time.Now()
	o.mu.Lock()
	o.requests[o.second()]++
	o.mu.Unlock()
	status := 200
	if !now.Before(o.from) && now.Before(o.to) {
		status = 503
	}
	return &http.Response{StatusCode: status, Body: http.NoBody, Header: http.Header{}, Request: req}, nil
}

// A host is down for five seconds under 200 calls a second. The Retrier is
// alone: no Throttler holds anybody back.
func TestOutageIsNotMadeWorse(t *testing.T) {
	t.Parallel()
	const perSecond, before, down, after = 200, 10, 5, 5
	for _, row := range []struct{ name, method, url string }{
		{"reads", "GET", "https://api.example.com/items"},
		{"chat completions", "POST", chatURL},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := newOutage(before*time.Second, down*time.Second)
				o.bear(t, &steadyhttp.Retrier{Base: o}, row.method, row.url, perSecond*(before+down+after), perSecond, 0)
				var calls, requests, first int
				for s := before; s < before+down; s++ {
					calls += o.calls[s]
					requests += o.requests[s]
				}
				first = o.requests[before]
				back := before + down
				perCall := float64(requests) / float64(calls)
				load := float64(o.requests[back]) / perSecond
				t.Logf("during the outage: %.3f requests a call (%d for %d calls), %d in its first second; "+
					"the first second after it: %d requests (%.2f of the steady load), %d of %d calls good; the next: %d of %d",
					perCall, requests, calls, first, o.requests[back], load, o.good[back], o.calls[back], o.good[back+1], o.calls[back+1])
				if perCall > 1.2 {
					t.Errorf("got %.3f requests a call during the outage, want at most 1.2", perCall)
				}
				if load > 1.3 {
					t.Errorf("got %.2f of the steady load in the first second after it, want at most 1.3", load)
				}
				if s := back + 1; float64(o.good[s]) < 0.99*float64(o.calls[s]) {
					t.Errorf("a second after it %d of %d calls were good, want 99%%", o.good[s], o.calls[s])
				}
			})
		})
	}
}

func TestLonelyCallsGetTheirRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		base := playing(reply{status: 503})
		rt := &steadyhttp.Retrier{Base: base, BackOff: every(100 * time.Millisecond)}
		const calls = 20
		for range calls { // one every five seconds
			resp, err := rt.RoundTrip(request(t, "GET", "https://api.example.com/", "").WithContext(context.Background()))
			if err != nil {
				t.Fatal(err)
			}
			finish(t, resp)
			time.Sleep(5 * time.Second)
		}
		if got := base.count(); got != 4*calls {
			t.Errorf("got %d requests for %d calls, want 4 each", got, calls)
		}
	})
}

// burst makes n calls through rt, one after another in no time, and returns
// how often each was not repeated because of the budget.
func burst(t *testing.T, rt http.RoundTripper, url string, n int) (refused int) {
	t.Helper()
	for range n {
		ctx := steadyhttp.WithCall(context.Background())
		resp, err := rt.RoundTrip(request(t, "GET", url, "").WithContext(ctx))
		if err != nil {
			t.Fatal(err)
		}
		finish(t, resp)
		if call, _ := steadyhttp.FromContext(ctx); call.Stopped == budgetUsedUp {
			refused++
		}
	}
	return refused
}

func TestSizeOfTheBudget(t *testing.T) {
	const url = "https://api.example.com/"
	for _, row := range []struct {
		name    string
		budget  *steadyhttp.Budget
		reply   reply
		calls   int
		retries int
	}{
		// 3 a second over 5 seconds, and a tenth of the calls.
		{"by default", nil, reply{status: 503}, 100, 25},
		{"its zero value", &steadyhttp.Budget{}, reply{status: 503}, 100, 25},
		{"a larger ratio", &steadyhttp.Budget{MaxRatio: 0.5}, reply{status: 503}, 100, 65},
		{"more a second", &steadyhttp.Budget{MaxPerSecond: 10}, reply{status: 503}, 100, 60},
		{"hardly any a second", &steadyhttp.Budget{MaxPerSecond: 1e-9}, reply{status: 503}, 100, 10},
		{"no limit to the ratio", &steadyhttp.Budget{MaxRatio: -1}, reply{status: 503}, 100, 300},
		{"no limit a second", &steadyhttp.Budget{MaxPerSecond: -1}, reply{status: 503}, 100, 300},
		{"a 429 that waits its time is free", nil, reply{status: 429, header: "Retry-After: 1"}, 100, 300},
		{"a 429 that names no time is not", nil, reply{status: 429}, 100, 25},
		{"nor is a 503 that does", nil, reply{status: 503, header: "Retry-After: 0"}, 100, 25},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				base := playing(row.reply)
				rt := &steadyhttp.Retrier{Base: base, BackOff: noWait, Budget: row.budget}
				refused := burst(t, rt, url, row.calls)
				if got := base.count() - row.calls; got != row.retries {
					t.Errorf("got %d retries for %d calls, want %d", got, row.calls, row.retries)
				}
				if (refused > 0) != (row.retries < 3*row.calls) {
					t.Errorf("%d calls say that the budget is used up", refused)
				}
			})
		})
	}
}

func TestThrottledCallsLeaveTheBudgetAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		base := playing(reply{status: 429, header: "Retry-After: 1"})
		rt := &steadyhttp.Retrier{Base: base, BackOff: noWait}
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() { burst(t, rt, "https://api.example.com/", 1) })
		}
		wg.Wait() // 150 retries for nothing, in three seconds
		if got := base.count(); got != 200 {
			t.Errorf("got %d requests for 50 calls, want 4 each", got)
		}
		base.replies, base.sent = []reply{{status: 503}}, nil
		burst(t, rt, "https://api.example.com/", 50)
		if got := base.count() - 50; got != 25 {
			t.Errorf("got %d retries of a 503 after them, want all 25", got)
		}
	})
}

func TestBudgetIsByHostAndForgets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		base := playing(reply{status: 503})
		rt := &steadyhttp.Retrier{Base: base, BackOff: noWait}
		retries := func(host string) int {
			before := base.count()
			burst(t, rt, "https://"+host+"/", 10)
			return base.count() - before - 10
		}
		if got := retries("a.example"); got != 16 { // 15, and a tenth of 10
			t.Errorf("the first host: got %d retries, want 16", got)
		}
		if got := retries("b.example"); got != 16 {
			t.Errorf("another host: got %d retries, want 16", got)
		}
		if got := retries("a.example"); got != 1 {
			t.Errorf("the first host again: got %d retries, want 1", got)
		}
		time.Sleep(5 * time.Second)
		if got := retries("a.example"); got != 16 {
			t.Errorf("five seconds later: got %d retries, want 16", got)
		}
	})
}

func TestBudgetIsSharedByRetriers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		base := playing(reply{status: 503})
		shared := &steadyhttp.Budget{}
		for range 4 {
			burst(t, &steadyhttp.Retrier{Base: base, BackOff: noWait, Budget: shared}, "https://api.example.com/", 25)
		}
		if got := base.count() - 100; got != 25 {
			t.Errorf("got %d retries for 100 calls of four Retriers, want 25", got)
		}
	})
}

func TestRefusalByTheBudgetIsSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		base := playing(reply{status: 503, body: "the real answer"})
		rt := &steadyhttp.Transport{Base: base, Retrier: &steadyhttp.Retrier{BackOff: noWait, Budget: &steadyhttp.Budget{MaxPerSecond: 1e-9}}}
		ctx := steadyhttp.WithCall(t.Context())
		resp, err := rt.RoundTrip(chat(t).WithContext(ctx))
		if err != nil {
			t.Fatal(err)
		}
		if body := finish(t, resp); resp.StatusCode != 503 || body != "the real answer" {
			t.Errorf("got %d %q, want the server's own answer", resp.StatusCode, body)
		}
		if call, _ := steadyhttp.FromContext(ctx); call.Stopped != budgetUsedUp || call.Attempts != 1 {
			t.Errorf("got %d attempts, stopped %q; want 1, %q", call.Attempts, call.Stopped, budgetUsedUp)
		}
	})
}

// Many callers, many hosts: the counts stay right, and the race detector quiet.
func TestBudgetUnderConcurrency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		base := playing(reply{status: 503})
		rt := &steadyhttp.Retrier{Base: base, BackOff: noWait}
		const hosts, each = 20, 50
		var wg sync.WaitGroup
		for i := range hosts * each {
			wg.Go(func() {
				resp, err := rt.RoundTrip(request(t, "GET", fmt.Sprintf("https://host%d.example/", i%hosts), "").WithContext(context.Background()))
				if err != nil {
					t.Error(err)
					return
				}
				resp.Body.Close()
			})
		}
		wg.Wait()
		if got, most := base.count()-hosts*each, hosts*(15+each/10); got != most {
			t.Errorf("got %d retries, want %d", got, most)
		}
	})
}

// A crawler meets more hosts than are remembered; lonely calls get theirs all
// the same.
func TestBudgetOfACrawler(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: so many hosts take a second, and fewer do not reach the bound")
	}
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const many, more = 10_500, 500
		var n int
		base := roundTripperFunc(func(req *http.Request) (*http.Response, error) {
			status := 200
			if n++; n > many {
				status = 503
			}
			return &http.Response{StatusCode: status, Body: http.NoBody, Header: http.Header{}, Request: req}, nil
		})
		rt := &steadyhttp.Retrier{Base: base, BackOff: noWait, MaxAttempts: 2}
		for i := range many + more {
			req := &http.Request{Method: "GET", URL: &url.URL{Scheme: "https", Host: fmt.Sprint("host", i)}, Header: http.Header{}}
			resp, err := rt.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
		}
		if got := n - many; got != 2*more {
			t.Errorf("got %d requests for the last %d hosts, want 2 each", got, more)
		}
	})
}
