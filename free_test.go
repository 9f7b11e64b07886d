package steadyhttp_test

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyhttp/steadyhttp"
)

// A host that held nobody back is held back for what an answer tells, whatever
// settings there are that limit nothing.
func TestHostThatWasFree(t *testing.T) {
	for _, row := range []struct {
		name      string
		throttler *steadyhttp.Throttler
		good, bad int                 // how many calls go well at first, and how many then fail
		base      func(*http.Request) // what the base does to the request
	}{
		{"without settings", &steadyhttp.Throttler{}, 3, 60, func(*http.Request) {}},
		{"in a hurry, when it takes fifty failures", &steadyhttp.Throttler{}, 1000, 110, func(*http.Request) {}},
		{"by model, without limits", &steadyhttp.Throttler{ByModel: true}, 3, 60, func(*http.Request) {}},
		{"under a base that changes the request's host", &steadyhttp.Throttler{}, 3, 60, func(req *http.Request) { req.URL.Host = "10.0.0.1:80" }},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := 0
				row.throttler.Base = replying(func(req *http.Request) reply {
					row.base(req)
					if n++; n <= row.good {
						return reply{status: 200}
					}
					return reply{status: 503}
				})
				start := time.Now()
				for range row.good + row.bad {
					resp, err := row.throttler.RoundTrip(request(t, "GET", "https://api.example.com/v1/x", ""))
					if err != nil {
						t.Fatal(err)
					}
					finish(t, resp)
				}
				if took := time.Since(start); took < 30*time.Second {
					t.Errorf("%d calls to a host that fails went out within %v, want a probe a second soon", row.bad, took)
				}
			})
		})
	}
}

// A busy host that has stated no limit is believed once it does, though its
// answers are not all searched for one.
func TestBusyHostBeginsToStateALimit(t *testing.T) {
	for _, row := range []struct {
		name      string
		throttler *steadyhttp.Throttler
	}{
		{"without settings", &steadyhttp.Throttler{}},
		{"with a limit set", &steadyhttp.Throttler{RequestsPerSecond: 1e6}},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // all of one second
				states := false
				row.throttler.Base = replying(func(*http.Request) reply {
					if states {
						return reply{status: 200, header: "X-Ratelimit-Limit-Requests: 1000\nX-Ratelimit-Remaining-Requests: 900\nX-Ratelimit-Reset-Requests: 6s"}
					}
					return reply{status: 200}
				})
				call := func(n int) {
					for range n {
						resp, err := row.throttler.RoundTrip(request(t, "GET", "https://api.example.com/v1/x", ""))
						if err != nil {
							t.Fatal(err)
						}
						finish(t, resp)
					}
				}
				learned := func() bool {
					for _, k := range row.throttler.Snapshot() {
						for _, l := range k.Limits {
							if l.Learned {
								return true
							}
						}
					}
					return false
				}
				call(1000)
				if learned() {
					t.Fatal("it learned a limit that nobody stated")
				}
				states = true
				if call(16); !learned() {
					t.Error("it has not learned the limit from sixteen answers that state it")
				}
			})
		})
	}
}

// When a request of a host in a hurry went out is not known. What a failed
// answer to it says is left is not taken for more.
func TestLimitStatedByAFailureInAHurry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fails := false
		throttler := &steadyhttp.Throttler{Base: replying(func(*http.Request) reply {
			if fails {
				return reply{status: 404, header: "X-Ratelimit-Limit-Requests: 1000\nX-Ratelimit-Remaining-Requests: 100\nX-Ratelimit-Reset-Requests: 54s"}
			}
			return reply{status: 200}
		})}
		call := func() {
			resp, err := throttler.RoundTrip(request(t, "GET", "https://api.example.com/v1/x", ""))
			if err != nil {
				t.Fatal(err)
			}
			finish(t, resp)
		}
		for range 1000 {
			call()
		}
		time.Sleep(time.Minute)
		fails = true
		call()
		for _, k := range throttler.Snapshot() {
			for _, l := range k.Limits {
				if l.Learned && l.Left > 60 && l.Left <= 100 {
					return
				}
			}
		}
		t.Errorf("got %+v, want a limit of which at most 100 are left", throttler.Snapshot())
	})
}

// One refusal is no evidence of a limit, however busy the host was. Many in a row
// are, and the rate is then found from what went well before, however long ago it
// was busier than that.
func TestRateFoundAfterAHurry(t *testing.T) {
	t.Parallel()
	type spell struct {
		perSecond, seconds int
	}
	for _, row := range []struct {
		name   string
		spells []spell
		limit  float64 // requests a second, from then on
	}{
		{"at ease", []spell{{40, 5}}, 20},
		{"in a hurry", []spell{{1000, 5}}, 500},
		{"at ease, after a hurry", []spell{{1000, 3}, {40, 5}}, 20},
		{"at ease, after a hurry and a pause", []spell{{1000, 3}, {0, 600}, {40, 5}}, 20},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				status := 200
				throttler := &steadyhttp.Throttler{Base: replying(func(*http.Request) reply { return reply{status: status} })}
				call := func() (waited time.Duration) {
					start := time.Now()
					resp, err := throttler.RoundTrip(request(t, "GET", "https://api.example.com/v1/x", ""))
					if err != nil {
						t.Fatal(err)
					}
					finish(t, resp)
					return time.Since(start)
				}
				last := 0
				for _, s := range row.spells {
					if s.perSecond == 0 {
						time.Sleep(time.Duration(s.seconds) * time.Second)
					}
					for range s.perSecond * s.seconds {
						call()
						time.Sleep(time.Second / time.Duration(s.perSecond))
					}
					last = s.perSecond
				}
				status = 429
				call()
				status = 200
				for range 2 * last {
					if waited := call(); waited > 0 {
						t.Fatalf("a call waited %v after one refusal", waited)
					}
					time.Sleep(time.Second / time.Duration(last))
				}
				// From now on the server has a limit, and callers want more.
				level, at := 0.0, time.Now()
				served, refused := 0, 0
				throttler.Base = replying(func(*http.Request) reply {
					level, at = min(row.limit/10, level+time.Since(at).Seconds()*row.limit), time.Now()
					if level < 1 {
						refused++
						return reply{status: 429}
					}
					level--
					served++
					return reply{status: 200}
				})
				const length = 60
				for start := time.Now(); time.Since(start) < length*time.Second; time.Sleep(time.Second / time.Duration(last)) {
					call()
				}
				reached, share := float64(served)/(length*row.limit), float64(refused)/float64(served+refused)
				t.Logf("%.2f of the limit, %.1f%% refused", reached, 100*share)
				if reached < 0.9 || share > 0.1 {
					t.Errorf("%.2f of the limit of %v a second is reached, and %.1f%% are refused; want 0.9 at least and 10%% at most", reached, row.limit, 100*share)
				}
			})
		})
	}
}

// A base that changes the host of the very request breaks its contract, and no
// more than that.
func TestHostChangedInPlaceByManyAtOnce(t *testing.T) {
	var together sync.WaitGroup
	throttler := &steadyhttp.Throttler{Base: roundTripperFunc(func(req *http.Request) (*http.Response, error) {
		together.Done()
		together.Wait()
		req.URL.Host = "10.0.0.1:80"
		return &http.Response{StatusCode: 429, Header: http.Header{}, Body: http.NoBody, Request: req}, nil
	})}
	for range 20 {
		together.Add(8)
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				resp, err := throttler.RoundTrip(request(t, "GET", "https://svc.example.com/v1/x", ""))
				if err != nil {
					t.Error(err)
					return
				}
				resp.Body.Close()
			})
		}
		wg.Wait()
		throttler = &steadyhttp.Throttler{Base: throttler.Base}
	}
}

// A Throttler looks at a body that the Retrier keeps, and the server gets it
// whole, whoever wraps it in between.
func TestBodyThatIsLookedAtAndSent(t *testing.T) {
	const text = `{"model":"m","messages":[]}`
	type T = http.RoundTripper
	retrier := func(b T) T { return &steadyhttp.Retrier{Base: b} }
	throttler := func(b T) T { return &steadyhttp.Throttler{Base: b, TokensPerMinute: 1e6, ByModel: true} }
	wrapping := func(b T) T {
		return roundTripperFunc(func(req *http.Request) (*http.Response, error) {
			req = req.WithContext(req.Context())
			req.Body = struct{ io.ReadCloser }{req.Body}
			return b.RoundTrip(req)
		})
	}
	for _, row := range []struct {
		name  string
		url   string
		chain []func(T) T
	}{
		{"a chat completion", chatURL, []func(T) T{retrier, throttler}},
		{"an order", "https://api.example.com/orders", []func(T) T{retrier, throttler}},
		{"a chat completion, and a stranger that wraps the body", chatURL, []func(T) T{retrier, wrapping, throttler}},
		{"an order, and a stranger that wraps the body", "https://api.example.com/orders", []func(T) T{retrier, wrapping, throttler}},
	} {
		t.Run(row.name, func(t *testing.T) {
			base := playing(reply{status: 200})
			var rt T = base
			for i := len(row.chain) - 1; i >= 0; i-- {
				rt = row.chain[i](rt)
			}
			req := request(t, "POST", row.url, "")
			req.Body, req.ContentLength = io.NopCloser(strings.NewReader(text)), int64(len(text))
			resp, err := rt.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			finish(t, resp)
			if got := base.sent[0].body; got != text {
				t.Errorf("the server got %q, want %q", got, text)
			}
		})
	}
}
