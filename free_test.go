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
		base      func(*http.Request) // what the base does to the request
	}{
		{"without settings", &steadyhttp.Throttler{}, func(*http.Request) {}},
		{"by model, without limits", &steadyhttp.Throttler{ByModel: true}, func(*http.Request) {}},
		{"under a base that changes the request's host", &steadyhttp.Throttler{}, func(req *http.Request) { req.URL.Host = "10.0.0.1:80" }},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := 0
				row.throttler.Base = replying(func(req *http.Request) reply {
					row.base(req)
					if n++; n <= 3 {
						return reply{status: 200}
					}
					return reply{status: 503}
				})
				start := time.Now()
				for range 63 {
					resp, err := row.throttler.RoundTrip(request(t, "GET", "https://api.example.com/v1/x", ""))
					if err != nil {
						t.Fatal(err)
					}
					finish(t, resp)
				}
				if took := time.Since(start); took < 30*time.Second {
					t.Errorf("60 calls to a host that fails went out within %v, want a probe a second soon", took)
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
			call(100)
			if learned() {
				t.Fatal("it learned a limit that nobody stated")
			}
			states = true
			if call(16); !learned() {
				t.Error("it has not learned the limit from sixteen answers that state it")
			}
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
