package steadyhttp_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyhttp/steadyhttp"
	"github.com/steadyhttp/steadyhttp/steadyhttptest"
)

// What will not heal is tried once, and its error comes up as it is.
func TestErrorsThatAreTriedOnce(t *testing.T) {
	untrusted := httptest.NewUnstartedServer(http.NotFoundHandler())
	untrusted.Config.ErrorLog = log.New(io.Discard, "", 0)
	untrusted.StartTLS()
	defer untrusted.Close()
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	noName := &http.Transport{DialContext: func(_ context.Context, network, addr string) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Net: network, Err: &net.DNSError{Err: "no such host", Name: addr, IsNotFound: true}}
	}}
	for _, row := range []struct {
		name string
		base *http.Transport
		url  string
	}{
		{"a URL without a host", &http.Transport{}, "http:///v1/chat/completions"},
		{"a scheme that nobody speaks", &http.Transport{}, "gopher://api.example/v1/chat/completions"},
		{"no scheme", &http.Transport{}, "//api.example/v1/chat/completions"},
		{"a name that does not exist", noName, "http://nowhere.invalid/v1/chat/completions"},
		{"a certificate that nobody trusts", &http.Transport{}, untrusted.URL + "/v1/chat/completions"},
		{"TLS to a server that does not speak it", &http.Transport{}, "https" + strings.TrimPrefix(plain.URL, "http") + "/v1/chat/completions"},
	} {
		for _, method := range []string{"GET", "POST"} {
			t.Run(row.name+", "+method, func(t *testing.T) {
				defer row.base.CloseIdleConnections()
				var n int
				var last error
				base := roundTripperFunc(func(req *http.Request) (*http.Response, error) {
					n++
					resp, err := row.base.RoundTrip(req)
					last = err
					return resp, err
				})
				body := ""
				if method == "POST" {
					body = `{"model":"gpt-4o"}`
				}
				ctx := steadyhttp.WithCall(t.Context())
				resp, err := (&steadyhttp.Transport{Base: base, Retrier: &steadyhttp.Retrier{BackOff: noWait}}).RoundTrip(request(t, method, row.url, body).WithContext(ctx))
				if resp != nil || err == nil || err != last {
					t.Errorf("got %v, %v; want the base's error, %v", resp, err, last)
				}
				if n != 1 {
					t.Errorf("got %d attempts at %v, want 1", n, err)
				}
				if call, _ := steadyhttp.FromContext(ctx); call.Stopped == "" {
					t.Error("the call does not say why it was not repeated")
				}
			})
		}
	}
}

func TestHostileLocation(t *testing.T) {
	for _, location := range []string{"http://[::1", "ht!tp://x", "//", "http:///nowhere", "gopher://x/", strings.Repeat("x", 100_000)} {
		base := playing(reply{status: 302, header: "Location: " + location})
		n := 0
		client := &http.Client{Transport: &steadyhttp.Transport{Base: roundTripperFunc(func(req *http.Request) (*http.Response, error) {
			n++
			if req.URL.Scheme != "https" || req.URL.Host == "" {
				return http.DefaultTransport.RoundTrip(req)
			}
			return base.RoundTrip(req)
		})}, CheckRedirect: func(_ *http.Request, via []*http.Request) error {
			if len(via) == 2 {
				return errors.New("twice is enough")
			}
			return nil
		}}
		resp, err := client.Do(request(t, "GET", "https://shop.example/", ""))
		if resp != nil {
			resp.Body.Close()
		}
		if err == nil || n > 2 {
			t.Errorf("%.30s: got %d requests and %v, want one for each hop and an error", location, n, err)
		}
		if open := base.leftOpen(); open != 0 {
			t.Errorf("%.30s: %d bodies left open", location, open)
		}
	}
}

// What comes of error answers of each size: connections and goroutines.
func TestFailuresLeaveNothingBehind(t *testing.T) {
	for _, row := range []struct {
		name string
		size int
		most int // connections
	}{
		{"2 KB", 2 << 10, 1},
		{"60 KB", 60 << 10, 1},
		{"200 KB, which is more than is drained", 200 << 10, 41},
	} {
		t.Run(row.name, func(t *testing.T) {
			srv := steadyhttptest.NewServer()
			defer srv.Close()
			before := runtime.NumGoroutine()
			failure := steadyhttptest.Reply{Status: 503, Body: strings.Repeat("x", row.size)}
			client := srv.Client()
			client.Transport = &steadyhttp.Transport{Base: client.Transport, Retrier: &steadyhttp.Retrier{BackOff: noWait, Budget: &steadyhttp.Budget{MaxRatio: -1}}}
			ctx, cancel := context.WithCancel(t.Context()) // which outlives the calls
			defer cancel()
			for range 20 {
				srv.Script("*", failure, failure, steadyhttptest.Reply{Body: "fine"})
				resp, err := client.Do(request(t, "GET", srv.URL+"/", "").WithContext(ctx))
				if err != nil {
					t.Fatal(err)
				}
				if got := finish(t, resp); got != "fine" {
					t.Errorf("got %q", got)
				}
			}
			client.CloseIdleConnections()
			left := settled(before)
			t.Logf("60 requests over %d connections; %+d goroutines", srv.Connections(), left)
			if srv.Connections() > row.most {
				t.Errorf("got %d connections, want at most %d", srv.Connections(), row.most)
			}
			if left > 0 {
				t.Errorf("%d goroutines left behind", left)
			}
		})
	}
}

// What the peers get wrong, one row each, with the request and the answer
// compared to the last byte.
func TestWhatOthersGetWrong(t *testing.T) {
	const order = "https://shop.example/orders"
	busy := func(after string) reply {
		return reply{status: 429, header: "Retry-After: " + after, body: "slow down"}
	}
	for _, row := range []struct {
		name     string
		method   string
		replies  []reply
		deadline time.Duration
		attempts int
		took     time.Duration
		status   int
		body     string
	}{
		{"a POST without a key after 503", "POST", []reply{{status: 503, body: "down"}, {status: 503}, {status: 200}}, 0, 1, 0, 503, "down"},
		{"the last answer comes up whole", "PUT", []reply{{status: 503, body: "down"}}, 0, 4, 300 * time.Millisecond, 503, "down"},
		{"a wait past the deadline", "PUT", []reply{busy("30"), {status: 200}}, 400 * time.Millisecond, 1, 0, 429, "slow down"},
		{"half a second", "PUT", []reply{busy("0.5"), {status: 200}}, 0, 2, 600 * time.Millisecond, 200, ""},
		{"more than a century", "PUT", []reply{busy("99999999999"), {status: 200}}, 0, 1, 0, 429, "slow down"},
		{"a date in another year", "PUT", []reply{busy("Fri, 31 Dec 9999 23:59:59 GMT"), {status: 200}}, 0, 1, 0, 429, "slow down"},
		{"an overflow", "PUT", []reply{busy("9223372036854775807"), {status: 200}}, 0, 1, 0, 429, "slow down"},
		{"a larger overflow", "PUT", []reply{busy("18446744073709551617"), {status: 200}}, 0, 1, 0, 429, "slow down"},
		{"below zero", "PUT", []reply{busy("-1"), {status: 200}}, 0, 2, 100 * time.Millisecond, 200, ""},
		{"not a number", "PUT", []reply{busy("NaN"), {status: 200}}, 0, 2, 100 * time.Millisecond, 200, ""},
		{"without end", "PUT", []reply{busy("Inf"), {status: 200}}, 0, 2, 100 * time.Millisecond, 200, ""},
		{"an exponent", "PUT", []reply{busy("1e9"), {status: 200}}, 0, 2, 100 * time.Millisecond, 200, ""},
		{"a date that has passed", "PUT", []reply{busy("Thu, 01 Jan 1970 00:00:00 GMT"), {status: 200}}, 0, 2, 100 * time.Millisecond, 200, ""},
		{"a day", "PUT", []reply{busy("86400"), {status: 200}}, 0, 1, 0, 429, "slow down"},
	} {
		for _, getBody := range []bool{true, false} {
			t.Run(row.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					base := playing(row.replies...)
					rt := &steadyhttp.Retrier{Base: base, BackOff: every(100 * time.Millisecond)}
					req := request(t, row.method, order, "the same bytes")
					if !getBody {
						req.GetBody = nil
					}
					req.Body = &countingBody{Reader: req.Body}
					ctx, cancel := t.Context(), func() {}
					if row.deadline > 0 {
						ctx, cancel = context.WithTimeout(ctx, row.deadline)
					}
					defer cancel()
					req = req.WithContext(ctx)
					before, header := *req, req.Header.Clone()
					start := time.Now()
					resp, err := rt.RoundTrip(req)
					if err != nil {
						t.Fatal(err)
					}
					if took := time.Since(start); base.count() != row.attempts || took != row.took {
						t.Errorf("got %d attempts in %s, want %d in %s", base.count(), took, row.attempts, row.took)
					}
					if body := finish(t, resp); resp.StatusCode != row.status || body != row.body {
						t.Errorf("got %d %q, want %d %q", resp.StatusCode, body, row.status, row.body)
					}
					for i, s := range base.sent {
						if s.body != "the same bytes" {
							t.Errorf("attempt %d sent %q", i+1, s.body)
						}
					}
					if req.Body != before.Body || (req.GetBody == nil) != (before.GetBody == nil) || req.URL != before.URL ||
						req.ContentLength != before.ContentLength || req.Context() != before.Context() || !equalHeaders(req.Header, header) {
						t.Error("the caller's request was changed")
					}
					if n := before.Body.(*countingBody).closes.Load(); n != 1 {
						t.Errorf("the caller's body was closed %d times, want once", n)
					}
					if n := base.leftOpen(); n != 0 {
						t.Errorf("%d answers left open", n)
					}
				})
			})
		}
	}
}

// Fifty callers arrive within the second in which the server refuses all.
func TestCrowdInAClosedWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		var requests, rejected, good atomic.Int32
		base := roundTripperFunc(func(req *http.Request) (*http.Response, error) {
			requests.Add(1)
			io.Copy(io.Discard, req.Body)
			req.Body.Close()
			if time.Since(start) < time.Second {
				rejected.Add(1)
				return &http.Response{StatusCode: 429, Header: http.Header{"Retry-After": {"1"}}, Body: http.NoBody, Request: req}, nil
			}
			return &http.Response{StatusCode: 200, Header: http.Header{}, Body: http.NoBody, Request: req}, nil
		})
		rt := &steadyhttp.Transport{Base: base}
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				resp, err := rt.RoundTrip(chat(t))
				if err == nil && resp.StatusCode == 200 {
					good.Add(1)
				}
			})
			time.Sleep(20 * time.Millisecond)
		}
		wg.Wait()
		t.Logf("%d requests, %d rejected, %d calls good, after %s", requests.Load(), rejected.Load(), good.Load(), time.Since(start))
		if requests.Load() > 55 || good.Load() != 50 {
			t.Errorf("got %d requests for %d good calls, want at most 55 for 50", requests.Load(), good.Load())
		}
	})
}

// A server that refuses everything, at once and without a wait, is not helped by
// four requests a call either.
func TestRefusalsWithoutAWaitDoNotMultiply(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ name, retryAfter string }{
		{"no time to wait", ""},
		{"Retry-After: 0", "0"},
		{"a date that has passed", "Thu, 01 Jan 1970 00:00:00 GMT"},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var requests atomic.Int32
				base := roundTripperFunc(func(req *http.Request) (*http.Response, error) {
					requests.Add(1)
					return &http.Response{StatusCode: 429, Header: http.Header{"Retry-After": {row.retryAfter}}, Body: http.NoBody, Request: req}, nil
				})
				rt := &steadyhttp.Retrier{Base: base}
				var wg sync.WaitGroup
				const calls = 1000 // 200 a second
				for range calls {
					wg.Go(func() {
						resp, err := rt.RoundTrip(request(t, "GET", "https://shop.example/", ""))
						if err != nil {
							t.Error(err)
							return
						}
						resp.Body.Close()
					})
					time.Sleep(5 * time.Millisecond)
				}
				wg.Wait()
				perCall := float64(requests.Load()) / calls
				t.Logf("%.2f requests a call", perCall)
				if perCall > 1.2 {
					t.Errorf("got %.2f requests a call, want at most 1.2", perCall)
				}
			})
		})
	}
}

// An upgrade stays an upgrade, whatever timeouts are set.
func TestUpgradeUnderTimeouts(t *testing.T) {
	srv := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		conn, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\nContent-Type: text/event-stream\r\n\r\n")
		line, _ := rw.ReadString('\n')
		io.WriteString(conn, line)
	})
	client := srv.Client()
	client.Transport = &steadyhttp.Retrier{Base: client.Transport, AttemptTimeout: time.Minute, StallTimeout: time.Minute}
	req := request(t, "GET", srv.URL+"/socket", "")
	req.Header.Set("Connection", "Upgrade")
	req.Header.Set("Upgrade", "echo")
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	conn, ok := resp.Body.(io.ReadWriteCloser)
	if !ok {
		t.Fatalf("got a body of type %T, want an io.ReadWriteCloser", resp.Body)
	}
	io.WriteString(conn, "hello\n")
	if got, err := io.ReadAll(conn); !bytes.Equal(got, []byte("hello\n")) {
		t.Errorf("got %q, %v; want the echo", got, err)
	}
}
