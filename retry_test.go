package steadyhttp_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyhttp/steadyhttp"
)

func TestServerSaysWhetherToRepeat(t *testing.T) {
	const broke = `{"error":{"code":"insufficient_quota"}}`
	for _, row := range []struct {
		name        string
		method, url string
		reply       reply
		attempts    int
	}{
		{"a 503 that is useless to repeat", "GET", chatURL, reply{status: 503, header: "X-Should-Retry: false"}, 1},
		{"a 429 that is useless to repeat", "GET", chatURL, reply{status: 429, header: "X-Should-Retry: false\nRetry-After: 1"}, 1},
		{"a 404 that passes", "GET", chatURL, reply{status: 404, header: "X-Should-Retry: true"}, 4},
		{"a 409 of OpenAI's that passes", "POST", chatURL, reply{status: 409, header: "X-Should-Retry: true"}, 4},
		{"a 409 of Stripe's that passes", "DELETE", "https://api.stripe.com/v1/customers/1", reply{status: 409, header: "Stripe-Should-Retry: true"}, 4},
		{"a 409 of Stripe's that does not", "DELETE", "https://api.stripe.com/v1/charges", reply{status: 409, header: "Stripe-Should-Retry: false"}, 1},
		{"a 500 of Stripe's of which nothing is said", "POST", "https://api.stripe.com/v1/charges", reply{status: 500}, 1},
		{"too many logins", "POST", "https://id.example/login", reply{status: 429, body: `{"message":"Too many login attempts"}`}, 1},
		{"too many one-time codes", "POST", "https://id.example/otp/verify", reply{status: 429, body: `{"error":"too_many_attempts"}`}, 1},
		{"logins, and when the next may be", "POST", "https://id.example/login", reply{status: 429, header: "Retry-After: 1", body: `{"message":"Too many login attempts"}`}, 4},
		{"a word that nobody knows", "GET", chatURL, reply{status: 503, header: "X-Should-Retry: maybe"}, 4},
		{"money does not come by itself, whatever the server says", "POST", chatURL, reply{status: 429, header: "X-Should-Retry: true", body: broke}, 1},
	} {
		synctest.Test(t, func(t *testing.T) {
			base := playing(row.reply)
			resp, err := (&steadyhttp.Retrier{Base: base, MaxAttempts: 4}).RoundTrip(request(t, row.method, row.url, ""))
			if err != nil {
				t.Fatal(err)
			}
			finish(t, resp)
			if got := base.count(); got != row.attempts {
				t.Errorf("%s: got %d attempts, want %d", row.name, got, row.attempts)
			}
		})
	}
}

func TestWithRetry(t *testing.T) {
	const s = time.Second
	const order = "https://shop.example/orders"
	busy := reply{status: 429, header: "Retry-After: 90"}
	for _, row := range []struct {
		name     string
		method   string
		url      string
		policy   steadyhttp.RetryPolicy
		retrier  *steadyhttp.Retrier
		replies  []reply
		attempts int
	}{
		{"the zero policy changes nothing", "GET", order, steadyhttp.RetryPolicy{}, &steadyhttp.Retrier{MaxAttempts: 2}, []reply{{status: 503}}, 2},
		{"out of retries", "GET", order, steadyhttp.RetryPolicy{MaxAttempts: 1}, &steadyhttp.Retrier{}, []reply{{status: 503}}, 1},
		{"into more", "GET", order, steadyhttp.RetryPolicy{MaxAttempts: 7}, &steadyhttp.Retrier{}, []reply{{status: 503}}, 7},
		{"into retries that the Retrier has not", "GET", order, steadyhttp.RetryPolicy{MaxAttempts: 3}, &steadyhttp.Retrier{MaxAttempts: 1}, []reply{{status: 503}}, 3},
		{"no limit of attempts, but of the budget", "GET", order, steadyhttp.RetryPolicy{MaxAttempts: -1, MaxElapsed: 5 * s}, &steadyhttp.Retrier{BackOff: every(s)}, []reply{{status: 503}}, 6},
		{"a longer wait", "GET", order, steadyhttp.RetryPolicy{MaxWait: 2 * time.Minute}, &steadyhttp.Retrier{BackOff: noWait}, []reply{busy, {status: 200}}, 2},
		{"a shorter wait", "GET", order, steadyhttp.RetryPolicy{MaxWait: s}, &steadyhttp.Retrier{MaxWait: -1}, []reply{busy, {status: 200}}, 1},
		{"a shorter sum of waits", "GET", order, steadyhttp.RetryPolicy{MaxElapsed: 2 * s}, &steadyhttp.Retrier{BackOff: every(s)}, []reply{{status: 503}}, 3},
		{"a POST that does no harm", "POST", order, steadyhttp.RetryPolicy{Idempotent: true}, &steadyhttp.Retrier{}, []reply{{status: 500}}, 4},
		{"a GET that does", "GET", order, steadyhttp.RetryPolicy{NotIdempotent: true}, &steadyhttp.Retrier{}, []reply{{status: 500}}, 1},
		{"a chat completion that must not be paid twice", "POST", chatURL, steadyhttp.RetryPolicy{NotIdempotent: true}, &steadyhttp.Retrier{}, []reply{{status: 500}}, 1},
		{"NotIdempotent wins", "POST", order, steadyhttp.RetryPolicy{Idempotent: true, NotIdempotent: true}, &steadyhttp.Retrier{Idempotent: func(*http.Request) bool { return true }}, []reply{{status: 500}}, 1},
		{"NotIdempotent, but refused", "GET", order, steadyhttp.RetryPolicy{NotIdempotent: true}, &steadyhttp.Retrier{}, []reply{{status: 429, header: "Retry-After: 1"}, {status: 200}}, 2},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				base := playing(row.replies...)
				row.retrier.Base = base
				req := request(t, row.method, row.url, "")
				resp, err := row.retrier.RoundTrip(req.WithContext(steadyhttp.WithRetry(req.Context(), row.policy)))
				if err != nil {
					t.Fatal(err)
				}
				finish(t, resp)
				if got := base.count(); got != row.attempts {
					t.Errorf("got %d attempts, want %d", got, row.attempts)
				}
				if n := base.leftOpen(); n != 0 {
					t.Errorf("%d bodies left open", n)
				}
			})
		})
	}
}

func TestIdempotencyKeyIsTheSameOnEveryAttempt(t *testing.T) {
	const order = "https://shop.example/orders"
	for _, row := range []struct {
		name     string
		method   string
		own      string // the header that the request has already
		header   http.Header
		key      string
		attempts int
		sent     string // the key on the wire
		asked    int
	}{
		{"a POST", "POST", "", http.Header{}, "key-", 4, "key-1", 1},
		{"a PATCH without headers", "PATCH", "", nil, "key-", 4, "key-1", 1},
		{"a GET needs none", "GET", "", http.Header{}, "key-", 4, "", 0},
		{"the caller's own wins", "POST", "Idempotency-Key", http.Header{}, "key-", 4, "mine", 0},
		{"the caller's own in the other spelling", "POST", "X-Idempotency-Key", http.Header{}, "key-", 4, "", 0},
		{"no key for this call", "POST", "", http.Header{}, "", 1, "", 1},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				base := playing(reply{err: errReset})
				asked := 0
				rt := &steadyhttp.Retrier{Base: base, MaxAttempts: 4, IdempotencyKey: func(*http.Request) string {
					asked++
					return strings.ReplaceAll(row.key, "-", "-"+string(rune('0'+asked)))
				}}
				req := request(t, row.method, order, "one order")
				req.Header = row.header
				if row.own != "" {
					req.Header.Set(row.own, "mine")
				}
				before := req.Header.Clone()
				if _, err := rt.RoundTrip(req); err != errReset {
					t.Errorf("got %v, want the base's error", err)
				}
				if asked != row.asked {
					t.Errorf("the key was asked for %d times, want %d", asked, row.asked)
				}
				if len(base.sent) != row.attempts {
					t.Errorf("got %d attempts, want %d", len(base.sent), row.attempts)
				}
				for i, s := range base.sent {
					if got := s.header.Get("Idempotency-Key"); got != row.sent || s.body != "one order" {
						t.Errorf("attempt %d: got key %q and body %q, want key %q", i+1, got, s.body, row.sent)
					}
				}
				if !equalHeaders(req.Header, before) {
					t.Errorf("the caller's headers: got %v, want %v", req.Header, before)
				}
			})
		})
	}
}

func TestIdempotentWidens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rt := &steadyhttp.Retrier{MaxAttempts: 4, Idempotent: func(req *http.Request) bool { return req.URL.Path == "/search" }}
		for url, want := range map[string]int{"https://shop.example/search": 4, "https://shop.example/orders": 1} {
			base := playing(reply{err: errReset})
			rt.Base = base
			if _, err := rt.RoundTrip(request(t, "POST", url, "x")); err != errReset {
				t.Errorf("%s: got %v, want the base's error", url, err)
			}
			if got := base.count(); got != want {
				t.Errorf("%s: got %d attempts, want %d", url, got, want)
			}
		}
	})
}

func TestPrepareRunsBeforeEachFurtherAttempt(t *testing.T) {
	expired := errors.New("no fresh token")
	for _, row := range []struct {
		name     string
		first    reply
		fail     int // the attempt at which Prepare fails
		attempts int
		status   int
		stopped  string
	}{
		{"it signs again", reply{status: 503}, 0, 4, 503, "4 attempts were made, as many as allowed"},
		{"it fails, and the answer in hand comes up", reply{status: 503, body: "down"}, 3, 2, 503, "the request could not be prepared again: no fresh token"},
		{"it fails, and the error before it comes up", reply{err: errReset}, 2, 1, 0, "the request could not be prepared again: no fresh token"},
	} {
		for _, getBody := range []bool{true, false} {
			t.Run(row.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					base := playing(row.first)
					var numbers []int
					rt := &steadyhttp.Retrier{Base: base, MaxAttempts: 4, Prepare: func(req *http.Request, attempt int) error {
						numbers = append(numbers, attempt)
						req.Header.Set("Authorization", "token "+string(rune('0'+attempt)))
						req.URL.RawQuery = "changed"
						if attempt == row.fail {
							return expired
						}
						return nil
					}}
					body := &countingBody{Reader: strings.NewReader("x")}
					req := chat(t)
					req.Header.Set("Authorization", "token 1")
					if !getBody {
						req.Body, req.GetBody = body, nil
					}
					ctx := steadyhttp.WithCall(t.Context())
					resp, err := rt.RoundTrip(req.WithContext(ctx))
					if row.status == 0 && !errors.Is(err, errReset) {
						t.Errorf("got %v, want the reset, which is why there was another attempt", err)
					}
					if row.status != 0 && (err != nil || resp.StatusCode != row.status) {
						t.Fatalf("got %v, %v; want %d", resp, err, row.status)
					}
					if got := finish(t, resp); got != row.first.body {
						t.Errorf("got body %q, want %q", got, row.first.body)
					}
					if got := base.count(); got != row.attempts {
						t.Errorf("got %d attempts, want %d", got, row.attempts)
					}
					for i, s := range base.sent {
						if got, want := s.header.Get("Authorization"), "token "+string(rune('1'+i)); got != want {
							t.Errorf("attempt %d: got %q, want %q", i+1, got, want)
						}
					}
					for i, n := range numbers {
						if n != i+2 {
							t.Errorf("Prepare was called for %v, want 2, 3, …", numbers)
							break
						}
					}
					if req.Header.Get("Authorization") != "token 1" || req.URL.RawQuery != "" {
						t.Error("Prepare's changes reached the caller's request")
					}
					if call, _ := steadyhttp.FromContext(ctx); call.Stopped != row.stopped || call.Attempts != row.attempts {
						t.Errorf("got %d attempts on record, stopped %q; want %d, %q", call.Attempts, call.Stopped, row.attempts, row.stopped)
					}
					if n := body.closes.Load(); !getBody && n != 1 {
						t.Errorf("the caller's body was closed %d times, want once", n)
					}
				})
			})
		}
	}
}

func TestDecideHasTheLastWord(t *testing.T) {
	const s = time.Second
	yes := func(wait time.Duration) func(*http.Request, steadyhttp.Decision) (bool, time.Duration) {
		return func(*http.Request, steadyhttp.Decision) (bool, time.Duration) { return true, wait }
	}
	for _, row := range []struct {
		name     string
		method   string
		replies  []reply
		decide   func(*http.Request, steadyhttp.Decision) (bool, time.Duration)
		deadline time.Duration
		at       []time.Duration
		stopped  string
	}{
		{"it agrees", "GET", []reply{{status: 503}, {status: 200}}, func(_ *http.Request, d steadyhttp.Decision) (bool, time.Duration) { return d.Again, d.Wait }, 0, []time.Duration{0, s}, ""},
		{"it waits longer", "GET", []reply{{status: 503}, {status: 200}}, func(_ *http.Request, d steadyhttp.Decision) (bool, time.Duration) { return d.Again, 9 * d.Wait }, 0, []time.Duration{0, 9 * s}, ""},
		{"a negative wait is none", "GET", []reply{{status: 503}, {status: 200}}, yes(-s), 0, []time.Duration{0, 0}, ""},
		{"it forbids", "GET", []reply{{status: 503}}, func(*http.Request, steadyhttp.Decision) (bool, time.Duration) { return false, s }, 0, []time.Duration{0}, "Retrier.Decide ended the attempts"},
		{"it wants a 404 again, which comes late here", "GET", []reply{{status: 404}, {status: 200}}, yes(s), 0, []time.Duration{0, s}, ""},
		{"it wants a POST of unknown fate again", "POST", []reply{{status: 500}, {status: 200}}, yes(s), 0, []time.Duration{0, s}, ""},
		{"not past MaxAttempts", "GET", []reply{{status: 404}}, yes(s), 0, []time.Duration{0, s, 2 * s, 3 * s}, "4 attempts were made, as many as allowed"},
		{"not past the deadline", "GET", []reply{{status: 404}}, yes(5 * s), 4 * s, []time.Duration{0}, "a wait of 5s would exceed the deadline"},
		{"not past MaxElapsed", "GET", []reply{{status: 404}}, yes(90 * s), 0, []time.Duration{0, 90 * s}, "MaxElapsed would be over by the next attempt"},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				base := playing(row.replies...)
				ctx := steadyhttp.WithCall(t.Context())
				if row.deadline > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, row.deadline)
					defer cancel()
				}
				start := time.Now()
				rt := &steadyhttp.Retrier{Base: base, BackOff: every(s), Decide: row.decide}
				resp, err := rt.RoundTrip(request(t, row.method, "https://shop.example/orders", "").WithContext(ctx))
				if err != nil {
					t.Fatal(err)
				}
				finish(t, resp)
				if got := base.attempts(start); !slices.Equal(got, row.at) {
					t.Errorf("got attempts at %v, want %v", got, row.at)
				}
				if call, _ := steadyhttp.FromContext(ctx); call.Stopped != row.stopped {
					t.Errorf("got stopped %q, want %q", call.Stopped, row.stopped)
				}
			})
		})
	}
}

func TestDecideSeesVerdictFateAndWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen []steadyhttp.Decision
		base := playing(reply{status: 429, header: "Retry-After: 2"}, reply{status: 500}, reply{status: 200})
		rt := &steadyhttp.Retrier{Base: base, BackOff: every(time.Second), Decide: func(_ *http.Request, d steadyhttp.Decision) (bool, time.Duration) {
			seen = append(seen, d)
			return d.Again, d.Wait
		}}
		resp, err := rt.RoundTrip(request(t, "POST", "https://shop.example/orders", "x"))
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		if len(seen) != 2 {
			t.Fatalf("Decide was asked %d times, want 2", len(seen))
		}
		if d := seen[0]; d.Attempt != 1 || !d.Again || d.Wait != 3*time.Second || d.Why != "" || d.Error.Class != steadyhttp.RateLimit || d.Error.Fate != steadyhttp.FateRefused {
			t.Errorf("after the 429: got %+v, want a repeat of what was refused after 3 s", d)
		}
		if d := seen[1]; d.Attempt != 2 || d.Again || d.Why == "" || d.Error.Class != steadyhttp.ServerError || d.Error.Fate != steadyhttp.FateUnknown {
			t.Errorf("after the 500: got %+v, want no repeat of what may have been applied", d)
		}
	})
}

// Request.Cancel is deprecated, and http.Client still closes it at its Timeout.
func TestNothingIsSentAfterRequestCancel(t *testing.T) {
	errCancelled := errors.New("request canceled")
	for range 20 {
		synctest.Test(t, func(t *testing.T) {
			n := 0
			cancel := make(chan struct{})
			base := roundTripperFunc(func(req *http.Request) (*http.Response, error) {
				n++
				req.Body.Close()
				<-cancel
				return nil, errCancelled
			})
			req := chat(t)
			//lint:ignore SA1019 callers may still set it
			req.Cancel = cancel
			time.AfterFunc(time.Second, func() { close(cancel) })
			_, err := (&steadyhttp.Retrier{Base: base}).RoundTrip(req)
			if n != 1 || err != errCancelled {
				t.Errorf("got %d attempts and %v, want 1 and the base's error", n, err)
			}
		})
	}
}
