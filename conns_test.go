package steadyhttp_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyhttp/steadyhttp"
)

// A proxy answers the first CONNECT with that status line, and does its work from
// then on.
func newProxy(t *testing.T, first string) (at *url.URL, asked *atomic.Int32) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	asked = new(atomic.Int32)
	serve := func(c net.Conn) {
		defer c.Close()
		in := bufio.NewReader(c)
		req, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		if asked.Add(1) == 1 {
			fmt.Fprintf(c, "HTTP/1.1 %s\r\nContent-Length: 0\r\n\r\n", first)
			return
		}
		up, err := net.Dial("tcp", req.Host)
		if err != nil {
			return
		}
		defer up.Close()
		io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n")
		go io.Copy(up, in)
		io.Copy(c, up)
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go serve(c)
		}
	}()
	return &url.URL{Scheme: "http", Host: l.Addr().String()}, asked
}

// A proxy that does not connect once, and one that never will.
func TestProxyRefusesToConnect(t *testing.T) {
	srv := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "ok") }))
	defer srv.Close()
	for _, row := range []struct {
		method, first string
		connects      int32
	}{
		{"GET", "503 Service Unavailable", 2},
		{"GET", "502 Bad Gateway", 2},
		{"GET", "502 Proxy Error", 2},
		{"GET", "500 Unable to connect", 2},
		{"GET", "429 Too Many Requests", 2},
		{"GET", "403 Forbidden", 1},
		{"GET", "407 Proxy Authentication Required", 1},
		{"POST", "504 Gateway Timeout", 2}, // it was never sent
		{"POST", "503 No capacity left", 2},
		{"POST", "403 Forbidden by rule 7", 1},
	} {
		for _, between := range []string{"nothing", "a stranger"} {
			if between == "a stranger" && row.first == "502 Proxy Error" || row.first == "500 Unable to connect" && between == "a stranger" {
				continue // a GET is not watched, and a stranger does not show that there is a proxy
			}
			t.Run(row.method+", "+row.first+", between us and the base "+between, func(t *testing.T) {
				via, connects := newProxy(t, row.first)
				base := &http.Transport{Proxy: http.ProxyURL(via), TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
				defer base.CloseIdleConnections()
				rt := &steadyhttp.Transport{Base: base, Retrier: &steadyhttp.Retrier{BackOff: noWait}}
				if between == "a stranger" {
					rt.Base = roundTripperFunc(base.RoundTrip)
				}
				var body io.Reader
				if row.method == "POST" {
					body = strings.NewReader("x")
				}
				ctx := steadyhttp.WithCall(t.Context())
				req, _ := http.NewRequestWithContext(ctx, row.method, srv.URL+"/orders", body)
				resp, err := (&http.Client{Transport: rt}).Do(req)
				if err == nil {
					finish(t, resp)
				}
				if n := connects.Load(); n != row.connects || (err == nil) != (row.connects == 2) {
					call, _ := steadyhttp.FromContext(ctx)
					t.Errorf("CONNECT was asked for %d times, error %v, stopped %q; want %d times", n, err, call.Stopped, row.connects)
				}
			})
		}
	}
}

// The words of a proxy that wants credentials are all that net/http keeps.
func TestProxyWantsCredentials(t *testing.T) {
	via, _ := newProxy(t, "407 Proxy Authentication Required")
	base := &http.Transport{Proxy: http.ProxyURL(via)}
	defer base.CloseIdleConnections()
	_, err := (&http.Client{Transport: base}).Get("https://api.example.com/") // never reached
	var e *steadyhttp.Error
	if !errors.As(steadyhttp.Check(nil, fmt.Errorf("ask: %w", err)), &e) || e.Class != steadyhttp.Authentication || !strings.Contains(e.Hint, "proxy") {
		t.Errorf("got %v, hint %q; want authentication, and that it is the proxy's", e, e.Hint)
	}
}

// A certificate that the caller refuses is no proxy's refusal, although its error is
// a mere text too.
func TestCallersOwnCheckOfACertificate(t *testing.T) {
	srv := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "ok") }))
	defer srv.Close()
	via, connects := newProxy(t, "200 OK")
	connects.Store(1)
	checks := 0
	base := &http.Transport{Proxy: http.ProxyURL(via), TLSClientConfig: &tls.Config{
		InsecureSkipVerify: true,
		VerifyConnection:   func(tls.ConnectionState) error { checks++; return errors.New("this is not the key that we pinned") },
	}}
	defer base.CloseIdleConnections()
	_, err := (&steadyhttp.Transport{Base: base, Retrier: &steadyhttp.Retrier{BackOff: noWait}}).RoundTrip(request(t, "GET", srv.URL, ""))
	if e := asError(t, nil, err); e.Class == steadyhttp.Connection || checks > 2 {
		t.Errorf("got class %s after %d checks, want no connection error after 2 at most", e.Class, checks)
	}
}

// A POST for which no connection could be made was never sent.
func TestNeverSentWhateverTheHost(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "ok") }))
	defer srv.Close()
	refused := &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	for _, row := range []struct{ name, host, proxy string }{
		{"a name in another script", "bücher.example", ""},
		{"a name of two labels in other scripts", "例え.テスト", ""},
		{"upper case and a dot at the end", "API.example.", ""},
		{"an address of IPv6", "[2001:db8::1]", ""},
		{"a proxy that is down", "api.example", "http://proxy.example:3128"},
		{"a SOCKS proxy that is down", "api.example", "socks5://proxy.example:1080"},
		{"a proxy in another script", "api.example", "http://прокси.example:3128"},
	} {
		t.Run(row.name, func(t *testing.T) {
			dials := 0
			base := &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
				if dials++; dials == 1 || strings.HasPrefix(row.proxy, "socks") { // the server speaks no SOCKS
					return nil, refused
				}
				return (&net.Dialer{}).DialContext(ctx, network, srv.Listener.Addr().String())
			}}
			defer base.CloseIdleConnections()
			if row.proxy != "" {
				via, err := url.Parse(row.proxy)
				if err != nil {
					t.Fatal(err)
				}
				base.Proxy = http.ProxyURL(via)
			}
			resp, err := (&steadyhttp.Transport{Base: base, Retrier: &steadyhttp.Retrier{MaxAttempts: 4, BackOff: noWait}}).RoundTrip(request(t, "POST", "http://"+row.host+"/orders", "x"))
			if err == nil {
				finish(t, resp)
			}
			if dials < 2 {
				t.Errorf("got %v after %d dials, want that it is tried again", err, dials)
			}
		})
	}
}

// What follows a lost answer may be the effect of the attempt whose answer it was.
func TestAttemptThatMayHaveDoneIt(t *testing.T) {
	lost, fine := reply{err: errReset}, reply{status: 200}
	for _, row := range []struct {
		name, method string
		replies      []reply
		attempts     int
		status       int
		mayBeDone    bool
	}{
		{"DELETE, and then it is not there", "DELETE", []reply{lost, {status: 404}}, 2, 404, true},
		{"DELETE of what was never there", "DELETE", []reply{{status: 404}}, 1, 404, false},
		{"DELETE that was refused first", "DELETE", []reply{{status: 429}, {status: 404}}, 2, 404, false},
		{"PUT, and then its condition does not hold", "PUT", []reply{lost, {status: 412}}, 2, 412, true},
		{"PUT, and then a conflict", "PUT", []reply{{status: 500}, {status: 409}}, 2, 409, true},
		{"PUT that finds nothing", "PUT", []reply{lost, {status: 404}}, 2, 404, false},
		{"PUT of a merge, and then it is not allowed", "PUT", []reply{{status: 502}, {status: 405, body: `{"message":"Pull Request is not mergeable"}`}}, 2, 405, true},
		{"PUT, and then it is there", "PUT", []reply{{status: 502}, {status: 400, body: `{"error":"index already exists"}`}}, 2, 400, true},
		{"PUT, and then another version is", "PUT", []reply{{status: 502}, {status: 422, body: `{"message":"sha does not match"}`}}, 2, 422, true},
		{"PUT of a part, and then it overlaps", "PUT", []reply{{status: 502}, {status: 416}}, 2, 416, true},
		{"PUT, and then it is gone", "PUT", []reply{{status: 502}, {status: 410}}, 2, 410, true},
		{"PUT that is wrong at once", "PUT", []reply{{status: 400}}, 1, 400, false},
		{"PUT that may not be made", "PUT", []reply{lost, {status: 403}}, 2, 403, false},
		{"POST with a key, and then it is a duplicate", "KEY", []reply{lost, {status: 422, body: `{"error":"duplicate_request"}`}}, 2, 422, true},
		{"a call to a model that is wrong", "MODEL", []reply{lost, {status: 400}}, 2, 400, false},
		{"the same with a key, as SDKs send it", "KEYEDMODEL", []reply{lost, {status: 400}}, 2, 400, false},
		{"GET", "GET", []reply{lost, {status: 412}}, 2, 412, false},
		{"GET that is wrong", "GET", []reply{lost, {status: 400}}, 2, 400, false},
		{"POST with a key, whose first still runs", "KEY", []reply{lost, {status: 409}, {status: 409}, fine}, 4, 200, false},
		{"POST with a key, and a conflict at once", "KEY", []reply{{status: 409}}, 1, 409, false},
		{"POST with a key, after a refusal", "KEY", []reply{{status: 429}, {status: 409}}, 2, 409, false},
		{"POST with a key, and the first's answer is a conflict", "KEY", []reply{lost, {status: 409, header: "Idempotent-Replayed: true"}}, 2, 409, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				base := playing(row.replies...)
				req := request(t, row.method, "https://api.example.com/things/1", "")
				switch row.method {
				case "KEY":
					req.Method = "POST"
					req.Header.Set("Idempotency-Key", "k")
				case "MODEL", "KEYEDMODEL":
					req = chat(t)
					if row.method == "KEYEDMODEL" {
						req.Header.Set("Idempotency-Key", "k")
					}
				}
				resp, err := (&steadyhttp.Transport{Base: base}).RoundTrip(req)
				if err != nil {
					t.Fatal(err)
				}
				finish(t, resp)
				if resp.StatusCode != row.status || base.count() != row.attempts {
					t.Fatalf("got %d after %d attempts, want %d after %d", resp.StatusCode, base.count(), row.status, row.attempts)
				}
				if row.status == 200 {
					return
				}
				e := asError(t, resp, nil)
				if e.MayBeDone != row.mayBeDone || strings.Contains(e.Error(), "may have done it") != row.mayBeDone || strings.Contains(e.Hint, "earlier attempt") != row.mayBeDone {
					t.Errorf("got MayBeDone %t, %q, hint %q; want %t", e.MayBeDone, e, e.Hint, row.mayBeDone)
				}
			})
		})
	}
}

// The wait for a first attempt that never ends has a bound.
func TestFirstThatRunsForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		base := playing(reply{err: errReset}, reply{status: 409})
		req := request(t, "POST", "https://api.example.com/things", "")
		req.Header.Set("Idempotency-Key", "k")
		start := time.Now()
		resp, err := (&steadyhttp.Transport{Base: base}).RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		finish(t, resp)
		if took := time.Since(start); resp.StatusCode != 409 || took > 12*time.Second || base.count() > 9 {
			t.Errorf("got %d after %v and %d requests, want 409 within 12 s and 9 requests", resp.StatusCode, took, base.count())
		}
	})
}

func TestWrappedRoundTripper(t *testing.T) {
	base := playing(reply{status: 200})
	for _, rt := range []http.RoundTripper{
		&steadyhttp.Transport{Base: base}, &steadyhttp.Logger{Base: base}, &steadyhttp.Retrier{Base: base},
		&steadyhttp.Throttler{Base: base}, &steadyhttp.Classifier{Base: base},
	} {
		if got := rt.(interface{ WrappedRoundTripper() http.RoundTripper }).WrappedRoundTripper(); got != base {
			t.Errorf("%T: got %v, want its Base", rt, got)
		}
	}
	if got := new(steadyhttp.Transport).WrappedRoundTripper(); got != http.DefaultTransport {
		t.Errorf("the zero Transport: got %v, want http.DefaultTransport", got)
	}
}

// No call outlives MaxElapsed by more than an attempt, whatever servers say.
func TestMaxElapsedWhateverServersSay(t *testing.T) {
	for seed := range uint64(howMany(20, 200, 20000)) {
		synctest.Test(t, func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 1))
			var mu sync.Mutex // guards r
			pick := func(n int) int { mu.Lock(); defer mu.Unlock(); return r.IntN(n) }
			attempt := time.Duration(1+pick(20)) * time.Second
			elapsed := time.Duration(5+pick(120)) * time.Second
			statuses := []int{408, 409, 429, 429, 500, 502, 503, 503, 504, 529}
			base := roundTripperFunc(func(req *http.Request) (*http.Response, error) {
				if req.Body != nil {
					io.Copy(io.Discard, req.Body)
					req.Body.Close()
				}
				time.Sleep(time.Duration(pick(1000)) * time.Millisecond)
				switch pick(6) {
				case 0: // silence
					<-req.Context().Done()
					return nil, context.Cause(req.Context())
				case 1:
					return nil, errReset
				}
				says := reply{status: statuses[pick(len(statuses))]}
				switch pick(4) {
				case 0:
					says.header = fmt.Sprintf("Retry-After: %d", pick(90))
				case 1:
					says.header = "Retry-After: " + time.Now().Add(time.Duration(pick(90))*time.Second).UTC().Format(http.TimeFormat)
				case 2:
					says.body = fmt.Sprintf(`{"error":{"message":"Rate limit reached. Please try again in %ds."}}`, pick(70))
				}
				return playing().response(req, says), nil
			})
			rt := &steadyhttp.Transport{Base: base, Retrier: &steadyhttp.Retrier{
				MaxElapsed: elapsed, AttemptTimeout: attempt, OutageWait: time.Duration(pick(3)) * time.Hour, MaxAttempts: -pick(2),
			}}
			var wg sync.WaitGroup
			for range 1 + pick(5) {
				method, path := []string{"GET", "PUT", "POST"}[pick(3)], pick(3)
				wg.Go(func() {
					req := request(t, method, fmt.Sprintf("https://api.example.com/items/x%d", path), "x")
					start := time.Now()
					resp, err := rt.RoundTrip(req)
					took := time.Since(start)
					if err == nil {
						resp.Body.Close()
					}
					if took > elapsed+attempt+2*time.Second {
						t.Errorf("seed %d: a call took %v; MaxElapsed is %v and AttemptTimeout %v", seed, took, elapsed, attempt)
					}
				})
			}
			wg.Wait()
		})
	}
}

// brokenLater is a connection on which nothing can be written once broken is set.
type brokenLater struct {
	net.Conn
	broken *atomic.Bool
}

func (c brokenLater) Write(p []byte) (int, error) {
	if c.broken.Load() {
		return 0, syscall.EPIPE
	}
	return c.Conn.Write(p)
}

// net/http sends a request once more by itself if its idle connection proves dead before
// anything was written. It can do so with a body that has no GetBody too.
func TestIdleConnectionThatDiedBeforeAnUpload(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.Copy(w, r.Body) }))
	defer srv.Close()
	var broken []*atomic.Bool
	base := &http.Transport{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, addr)
		broken = append(broken, new(atomic.Bool))
		return brokenLater{conn, broken[len(broken)-1]}, err
	}}
	defer base.CloseIdleConnections()
	client := &http.Client{Transport: &steadyhttp.Transport{Base: base}}
	for range 2 {
		req := request(t, "POST", srv.URL+"/orders", "")
		req.Body, req.ContentLength = io.NopCloser(io.MultiReader(strings.NewReader("payload"))), -1
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		if got := finish(t, resp); got != "payload" {
			t.Errorf("the server got %q, want the whole body", got)
		}
		broken[0].Store(true)
	}
	if len(broken) != 2 {
		t.Errorf("got %d connections, want 2", len(broken))
	}
}
