package steadyhttp_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cenkalti/backoff/v4"

	"github.com/steadyhttp/steadyhttp"
)

func TestRetrierWaitsExactly(t *testing.T) {
	const s = time.Second
	rateLimited := func(header string) reply { return reply{status: 429, header: header} }
	for _, row := range []struct {
		name    string
		retrier *steadyhttp.Retrier
		replies []reply
		at      []time.Duration // when each attempt is made
	}{
		{"a success at once", &steadyhttp.Retrier{}, []reply{{status: 200}}, []time.Duration{0}},
		{"the policy's waits", &steadyhttp.Retrier{BackOff: every(3 * s)}, []reply{{status: 503}, {status: 503}, {status: 200}}, []time.Duration{0, 3 * s, 6 * s}},
		{"four attempts by default", &steadyhttp.Retrier{BackOff: every(s)}, []reply{{status: 500}}, []time.Duration{0, s, 2 * s, 3 * s}},
		{"as many as set", &steadyhttp.Retrier{BackOff: every(s), MaxAttempts: 2}, []reply{{status: 500}}, []time.Duration{0, s}},
		{"one attempt", &steadyhttp.Retrier{MaxAttempts: 1}, []reply{{status: 500}}, []time.Duration{0}},
		{"no limit but the sum of waits", &steadyhttp.Retrier{BackOff: every(50 * s), MaxAttempts: -1}, []reply{{status: 500}}, []time.Duration{0, 50 * s, 100 * s}},
		{"a sum of waits that is set", &steadyhttp.Retrier{BackOff: every(s), MaxElapsed: 2 * s}, []reply{{status: 500}}, []time.Duration{0, s, 2 * s}},
		{"the policy stops", &steadyhttp.Retrier{BackOff: func() backoff.BackOff { return &backoff.StopBackOff{} }}, []reply{{status: 500}}, []time.Duration{0}},
		{"Retry-After, in seconds", &steadyhttp.Retrier{BackOff: noWait}, []reply{rateLimited("Retry-After: 7"), {status: 200}}, []time.Duration{0, 7 * s}},
		{"Retry-After, with a fraction", &steadyhttp.Retrier{BackOff: noWait}, []reply{rateLimited("Retry-After: 0.5"), {status: 200}}, []time.Duration{0, s / 2}},
		{"Retry-After, as a date by the server's clock", &steadyhttp.Retrier{BackOff: noWait}, []reply{rateLimited("Date: Mon, 23 Nov 2026 08:00:00 GMT\nRetry-After: Mon, 23 Nov 2026 08:00:09 GMT"), {status: 200}}, []time.Duration{0, 9 * s}},
		{"Retry-After-Ms before Retry-After", &steadyhttp.Retrier{BackOff: noWait}, []reply{rateLimited("Retry-After-Ms: 1262\nRetry-After: 2"), {status: 200}}, []time.Duration{0, 1262 * time.Millisecond}},
		{"google.rpc.RetryInfo in the body", &steadyhttp.Retrier{BackOff: noWait}, []reply{{status: 429, body: `{"error":{"code":429,"status":"RESOURCE_EXHAUSTED","details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"9.5s"}]}}`}, {status: 200}}, []time.Duration{0, 9500 * time.Millisecond}},
		{"the policy's wait is added to the server's figure, up to a second", &steadyhttp.Retrier{BackOff: every(5 * s)}, []reply{rateLimited("Retry-After: 7"), {status: 200}}, []time.Duration{0, 8 * s}},
		{"a figure beyond MaxWait is not waited for", &steadyhttp.Retrier{BackOff: noWait}, []reply{rateLimited("Retry-After: 61")}, []time.Duration{0}},
		{"a longer MaxWait", &steadyhttp.Retrier{BackOff: noWait, MaxWait: 2 * time.Minute}, []reply{rateLimited("Retry-After: 61"), {status: 200}}, []time.Duration{0, 61 * s}},
		{"no MaxWait", &steadyhttp.Retrier{BackOff: noWait, MaxWait: -1, MaxElapsed: -1}, []reply{rateLimited("Retry-After: 86400"), {status: 200}}, []time.Duration{0, 24 * time.Hour}},
		{"an absurd figure is not waited for", &steadyhttp.Retrier{BackOff: every(s)}, []reply{rateLimited("Retry-After: 99999999999"), {status: 200}}, []time.Duration{0}},
		{"an overflowing figure is not waited for", &steadyhttp.Retrier{BackOff: every(s)}, []reply{rateLimited("Retry-After: 9223372036854775807"), {status: 200}}, []time.Duration{0}},
		{"a negative figure is as if absent", &steadyhttp.Retrier{BackOff: every(s)}, []reply{rateLimited("Retry-After: -1"), {status: 200}}, []time.Duration{0, s}},
		{"a factory that gives nil is the default policy", &steadyhttp.Retrier{BackOff: func() backoff.BackOff { return nil }}, []reply{rateLimited("Retry-After: 0"), {status: 200}}, nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				base := playing(row.replies...)
				rt := row.retrier
				rt.Base = base
				start := time.Now()
				resp, err := rt.RoundTrip(chat(t))
				if err != nil {
					t.Fatal(err)
				}
				finish(t, resp)
				got := base.attempts(start)
				if row.at == nil {
					if len(got) != 2 || got[1] < 250*time.Millisecond || got[1] > 750*time.Millisecond {
						t.Errorf("got attempts at %v, want the second after 250 to 750 ms", got)
					}
					return
				}
				if !slices.Equal(got, row.at) {
					t.Errorf("got attempts at %v, want %v", got, row.at)
				}
				if n := base.leftOpen(); n != 0 {
					t.Errorf("%d bodies left open", n)
				}
			})
		})
	}
}

func TestRetrierDefaultPolicy(t *testing.T) {
	for _, row := range []struct {
		name   string
		status int
		means  []time.Duration
	}{
		{"a server error", 500, []time.Duration{250 * time.Millisecond, 500 * time.Millisecond, time.Second}},
		{"what passes with time starts longer", 529, []time.Duration{500 * time.Millisecond, time.Second, 2 * time.Second, 4 * time.Second, 4 * time.Second}},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const calls = 400
				sums := make([]time.Duration, len(row.means))
				for range calls {
					base := playing(reply{status: row.status})
					start := time.Now()
					resp, err := (&steadyhttp.Retrier{Base: base, MaxAttempts: len(row.means) + 1}).RoundTrip(chat(t))
					if err != nil {
						t.Fatal(err)
					}
					finish(t, resp)
					at := base.attempts(start)
					for i, mean := range row.means {
						wait := at[i+1] - at[i]
						if wait < mean/2 || wait > 3*mean/2 {
							t.Fatalf("wait %d: got %s, want %s to %s", i+1, wait, mean/2, 3*mean/2)
						}
						sums[i] += wait
					}
				}
				for i, mean := range row.means {
					if got := sums[i] / calls; got < mean*85/100 || got > mean*115/100 {
						t.Errorf("wait %d: got a mean of %s, want about %s", i+1, got, mean)
					}
				}
			})
		})
	}
}

func TestTwentyCallersDoNotComeBackTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		seen := map[time.Duration]bool{}
		for range 20 {
			base := playing(reply{status: 429, header: "Retry-After: 3"}, reply{status: 200})
			start := time.Now()
			resp, err := (&steadyhttp.Retrier{Base: base}).RoundTrip(chat(t))
			if err != nil {
				t.Fatal(err)
			}
			finish(t, resp)
			at := base.attempts(start)[1]
			if at < 3*time.Second || at > 4*time.Second {
				t.Errorf("got the repeat at %s, want 3 s to 4 s", at)
			}
			seen[at.Truncate(time.Millisecond)] = true
		}
		if len(seen) < 15 {
			t.Errorf("20 callers came back in %d different milliseconds, want at least 15", len(seen))
		}
	})
}

func TestRetrierKeepsTheDeadline(t *testing.T) {
	for _, row := range []struct {
		name    string
		replies []reply
		status  int // 0 is an error
		at      time.Duration
	}{
		{"a wait that passes the deadline is not begun", []reply{{status: 429, header: "Retry-After: 30", body: "slow down"}}, 429, 0},
		{"the second wait passes it", []reply{{status: 503, body: "slow down"}}, 503, 600 * time.Millisecond},
		{"an attempt that hangs gives way to the answer before it", []reply{{status: 503, body: "slow down"}, {after: time.Hour}}, 503, time.Second},
		{"nothing was ever answered", []reply{{after: time.Hour}}, 0, time.Second},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				base := playing(row.replies...)
				start := time.Now()
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				rt := &steadyhttp.Retrier{Base: base, BackOff: every(600 * time.Millisecond)}
				resp, err := rt.RoundTrip(chat(t).WithContext(ctx))
				if took := time.Since(start); took != row.at {
					t.Errorf("got an outcome after %s, want %s", took, row.at)
				}
				if row.status == 0 {
					if !errors.Is(err, context.DeadlineExceeded) {
						t.Errorf("got %v, want the context's error", err)
					}
					return
				}
				if err != nil || resp.StatusCode != row.status {
					t.Fatalf("got %v, %v; want %d", resp, err, row.status)
				}
				if body := finish(t, resp); body != "slow down" {
					t.Errorf("got body %q, want the whole of it", body)
				}
				if e := asError(t, resp, nil); e.Status != row.status {
					t.Errorf("Check got status %d, want %d", e.Status, row.status)
				}
			})
		})
	}
}

func TestRetrierIsCancelledWhileItWaits(t *testing.T) {
	gaveUp := errors.New("the user closed the window")
	synctest.Test(t, func(t *testing.T) {
		base := playing(reply{status: 503})
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cancel(gaveUp) })
		start := time.Now()
		resp, err := (&steadyhttp.Retrier{Base: base, BackOff: every(time.Minute)}).RoundTrip(chat(t).WithContext(ctx))
		if resp != nil || err != gaveUp || time.Since(start) != time.Second {
			t.Errorf("got %v, %v after %s; want the cause after 1 s", resp, err, time.Since(start))
		}
	})
	synctest.Test(t, func(t *testing.T) {
		req := chat(t)
		cancel := make(chan struct{})
		//lint:ignore SA1019 http.Client still sets it
		req.Cancel = cancel
		time.AfterFunc(time.Second, func() { close(cancel) })
		_, err := (&steadyhttp.Retrier{Base: playing(reply{status: 503}), BackOff: every(time.Minute)}).RoundTrip(req)
		if !errors.Is(err, context.Canceled) {
			t.Errorf("Request.Cancel: got %v, want context.Canceled", err)
		}
	})
}

// What may be repeated: the class and the fate must both allow it.
func TestRetrierRepeatsOnlyWhatIsSafe(t *testing.T) {
	const order, auth = "https://shop.example/orders", "https://auth.example/oauth/token"
	dial := &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("refused")}
	reset := &net.OpError{Op: "read", Net: "tcp", Err: errors.New("reset")}
	for _, row := range []struct {
		name        string
		method, url string
		header      string
		first       reply
		repeated    bool
	}{
		{"GET, 500", "GET", order, "", reply{status: 500}, true},
		{"PUT, reset", "PUT", order, "", reply{err: reset}, true},
		{"DELETE, 504", "DELETE", order, "", reply{status: 504}, true},
		{"POST, refused by 429", "POST", order, "", reply{status: 429}, true},
		{"POST, 503 with Retry-After: a cache may say so after the work was done", "POST", order, "", reply{status: 503, header: "Retry-After: 1"}, false},
		{"GET, 503 with Retry-After", "GET", order, "", reply{status: 503, header: "Retry-After: 1"}, true},
		{"POST, a stranger's 529", "POST", order, "", reply{status: 529}, false},
		{"GET, 409 that says it may be repeated", "GET", order, "", reply{status: 409, header: "X-Should-Retry: true"}, true},
		{"PUT, 409 that says so", "PUT", order, "", reply{status: 409, header: "X-Should-Retry: true"}, false},
		{"POST to Stripe, 409 that says so", "POST", "https://api.stripe.com/v1/charges", "", reply{status: 409, header: "Stripe-Should-Retry: true"}, false},
		{"POST to Stripe with a key, 409 that says so", "POST", "https://api.stripe.com/v1/charges", "Idempotency-Key", reply{status: 409, header: "Stripe-Should-Retry: true"}, true},
		{"POST, 400 that says so", "POST", order, "", reply{status: 400, header: "X-Should-Retry: true"}, false},
		{"POST, words of an overload under 500", "POST", order, "", reply{status: 500, body: "order 17 saved; the mail server is overloaded"}, false},
		{"POST to GitHub, its secondary limit under 403", "POST", "https://api.github.com/repos/o/r/issues", "", reply{status: 403, body: `{"message":"You have exceeded a secondary rate limit."}`}, true},
		{"POST, refused by 421, whose connection cannot be chosen", "POST", order, "", reply{status: 421}, false},
		{"POST, refused by 425", "POST", order, "", reply{status: 425}, true},
		{"POST, a stranger's rate limit under 403", "POST", order, "", reply{status: 403, body: `{"error":{"code":"rate_limit_exceeded"}}`}, false},
		{"POST, 500: it may have been applied", "POST", order, "", reply{status: 500}, false},
		{"POST, 502", "POST", order, "", reply{status: 502}, false},
		{"POST, 503 without Retry-After", "POST", order, "", reply{status: 503}, false},
		{"POST, 504", "POST", order, "", reply{status: 504}, false},
		{"POST, 408", "POST", order, "", reply{status: 408}, false},
		{"POST, 524", "POST", order, "", reply{status: 524}, false},
		{"POST, reset", "POST", order, "", reply{err: reset}, false},
		{"POST, dial error: a stranger below may have retried", "POST", order, "", reply{err: dial}, false},
		{"POST with an idempotency key, 500", "POST", order, "Idempotency-Key", reply{status: 500}, true},
		{"POST with the other spelling, reset", "POST", order, "X-Idempotency-Key", reply{err: reset}, true},
		{"PATCH, 500", "PATCH", order, "", reply{status: 500}, false},
		{"token refresh, 500", "POST", auth, "", reply{status: 500}, false},
		{"chat completion, 500", "POST", chatURL, "", reply{status: 500}, true},
		{"Gemini, reset", "POST", "https://generativelanguage.googleapis.com/v1beta/models/gemini-2.0-flash:generateContent", "", reply{err: reset}, true},
		{"Anthropic, 500", "POST", "https://api.anthropic.com/v1/messages", "Anthropic-Version", reply{status: 500}, true},
		{"somebody's text message, 500", "POST", "https://sms.example/v1/messages", "", reply{status: 500}, false},
		{"GET, 404", "GET", order, "", reply{status: 404}, false},
		{"GET, 401", "GET", order, "", reply{status: 401}, false},
		{"GET, 416", "GET", order, "", reply{status: 416}, false},
		{"GET, 409", "GET", order, "", reply{status: 409}, false},
		{"GET, 501", "GET", order, "", reply{status: 501}, false},
		{"GET, 505", "GET", order, "", reply{status: 505}, false},
		{"GET, no such host", "GET", order, "", reply{err: &net.DNSError{Name: "shop.example", IsNotFound: true}}, false},
		{"GET, DNS in trouble", "GET", order, "", reply{err: &net.DNSError{Name: "shop.example", IsTemporary: true}}, true},
		{"GET, an error of a stranger", "GET", order, "", reply{err: errors.New("no credentials")}, false},
		{"chat completion, out of money under 429", "POST", chatURL, "", reply{status: 429, body: `{"error":{"code":"insufficient_quota"}}`}, false},
		{"chat completion, out of money under 403", "POST", chatURL, "", reply{status: 403, body: `{"error":{"code":"insufficient_quota"}}`}, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				base := playing(row.first, reply{status: 200})
				req := request(t, row.method, row.url, "")
				if row.method != "GET" {
					req = request(t, row.method, row.url, "the same bytes")
				}
				if row.header != "" {
					req.Header.Set(row.header, "a-value")
				}
				ctx := steadyhttp.WithCall(t.Context())
				resp, err := (&steadyhttp.Retrier{Base: base}).RoundTrip(req.WithContext(ctx))
				finish(t, resp)
				if got := base.count() == 2; got != row.repeated {
					t.Fatalf("repeated: got %t, want %t", got, row.repeated)
				}
				call, _ := steadyhttp.FromContext(ctx)
				if row.repeated {
					if call.Stopped != "" {
						t.Errorf("got stopped %q after a success", call.Stopped)
					}
					for i, s := range base.sent {
						if row.method != "GET" && s.body != "the same bytes" {
							t.Errorf("attempt %d: got body %q", i+1, s.body)
						}
					}
					return
				}
				if call.Stopped == "" {
					t.Error("the call does not say why it was not repeated")
				}
				if row.first.err != nil && err != row.first.err {
					t.Errorf("got error %v, want the base's own value", err)
				}
			})
		})
	}
}

// A POST that httptrace shows was never sent may be repeated; one whose
// headers were written may not.
func TestNeverSentIsProvenByHttptrace(t *testing.T) {
	for _, row := range []struct {
		name     string
		report   func(*httptrace.ClientTrace)
		repeated bool
	}{
		{"asked for a connection and got none", func(c *httptrace.ClientTrace) { c.GetConn("shop.example:443") }, true},
		{"wrote the headers", func(c *httptrace.ClientTrace) { c.GetConn("shop.example:443"); c.WroteHeaders() }, false},
		{"reported nothing", func(*httptrace.ClientTrace) {}, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var n, callers int
				base := roundTripperFunc(func(req *http.Request) (*http.Response, error) {
					io.Copy(io.Discard, req.Body)
					req.Body.Close()
					n++
					row.report(httptrace.ContextClientTrace(req.Context()))
					return nil, &net.OpError{Op: "dial", Err: errors.New("refused")}
				})
				ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GetConn: func(string) { callers++ }})
				req := request(t, "POST", "https://shop.example/orders", "x").WithContext(ctx)
				_, err := (&steadyhttp.Retrier{Base: base, MaxAttempts: 2}).RoundTrip(req)
				if err == nil {
					t.Fatal("got no error")
				}
				if got := n == 2; got != row.repeated {
					t.Errorf("repeated: got %t, want %t", got, row.repeated)
				}
				if row.repeated && callers != 2 {
					t.Errorf("the caller's own trace was called %d times, want 2", callers)
				}
			})
		})
	}
}

func TestNeverSentOnARealSocket(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close() // nobody listens there now
	ctx := steadyhttp.WithCall(t.Context())
	client := &http.Client{Transport: &steadyhttp.Transport{Retrier: &steadyhttp.Retrier{BackOff: noWait}}}
	_, err = client.Do(request(t, "POST", "http://"+l.Addr().String()+"/orders", "x").WithContext(ctx))
	if e := asError(t, nil, err); e.Class != steadyhttp.Connection {
		t.Errorf("got class %s, want connection", e.Class)
	}
	if call, _ := steadyhttp.FromContext(ctx); call.Attempts != 4 {
		t.Errorf("got %d attempts at a POST that never left, want 4", call.Attempts)
	}
}

func TestBodiesAreSentAgain(t *testing.T) {
	for _, row := range []struct {
		name     string
		getBody  func() (io.ReadCloser, error)
		attempts int
		stopped  string
	}{
		{"from GetBody", func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("payload")), nil }, 4, "4 attempts were made, as many as allowed"},
		{"from what was kept, without GetBody", nil, 4, "4 attempts were made, as many as allowed"},
		{"not from a GetBody that fails", func() (io.ReadCloser, error) { return nil, fmt.Errorf("disk gone") }, 1, "the request could not be prepared again: disk gone"},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				base := playing(reply{status: 503, body: "later"})
				req := chat(t)
				req.Body, req.GetBody = io.NopCloser(strings.NewReader("payload")), row.getBody
				ctx := steadyhttp.WithCall(t.Context())
				resp, err := (&steadyhttp.Retrier{Base: base, MaxAttempts: 4}).RoundTrip(req.WithContext(ctx))
				if err != nil {
					t.Fatal(err)
				}
				if got := finish(t, resp); got != "later" {
					t.Errorf("got answer %q, want %q", got, "later")
				}
				for i, s := range base.sent {
					if s.body != "payload" {
						t.Errorf("attempt %d sent %q", i+1, s.body)
					}
				}
				call, _ := steadyhttp.FromContext(ctx)
				if base.count() != row.attempts || call.Stopped != row.stopped {
					t.Errorf("got %d attempts, stopped %q; want %d, %q", base.count(), call.Stopped, row.attempts, row.stopped)
				}
			})
		})
	}
}

func TestHugeErrorAnswers(t *testing.T) {
	huge := strings.Repeat("x", 1<<20)
	synctest.Test(t, func(t *testing.T) {
		base := playing(reply{status: 503, body: huge})
		resp, err := (&steadyhttp.Retrier{Base: base, MaxAttempts: 4}).RoundTrip(chat(t))
		if err != nil {
			t.Fatal(err)
		}
		if got := finish(t, resp); got != huge {
			t.Errorf("the last answer has %d bytes, want all %d", len(got), len(huge))
		}
		if base.count() != 4 || base.leftOpen() != 0 {
			t.Errorf("got %d attempts and %d bodies open, want 4 and 0", base.count(), base.leftOpen())
		}
	})
}

func TestBaseThatBreaksTheContract(t *testing.T) {
	for name, base := range map[string]roundTripperFunc{
		"neither": func(*http.Request) (*http.Response, error) { return nil, nil },
		"both": func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 500, Body: http.NoBody}, errors.New("both")
		},
	} {
		resp, err := (&steadyhttp.Transport{Base: base}).RoundTrip(chat(t))
		if resp != nil && err != nil {
			t.Errorf("%s: got both a response and an error", name)
		}
		if steadyhttp.Check(resp, err) == nil {
			t.Errorf("%s: Check takes it for a success", name)
		}
	}
}
