package steadyhttp_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
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

// countingBody is a body that counts its closes.
type countingBody struct {
	io.Reader
	closes atomic.Int32
	closed chan struct{} // if not nil, closed by the first
}

func (b *countingBody) Close() error {
	if b.closes.Add(1) == 1 && b.closed != nil {
		close(b.closed)
	}
	return nil
}

// soon waits for what happens in a goroutine of net/http's own.
func soon(t testing.TB, what string, done <-chan struct{}) {
	t.Helper()
	timer := time.NewTimer(5 * time.Second)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
		t.Errorf("waited 5 s in vain: %s", what)
	}
}

func TestBodiesOnRealSockets(t *testing.T) {
	const small, large = 300 << 10, 5 << 18
	down := steadyhttptest.Reply{Status: 503}
	for _, row := range []struct {
		name     string
		size     int
		length   int64 // as the request states it; -1 is unknown
		getBody  bool
		replay   int64 // MaxBufferedBody
		early    bool  // the server answers before it has read the body
		attempts int
		stopped  string
	}{
		{name: "unknown length", size: small, length: -1, attempts: 3},
		{name: "unknown length, refused before it was read", size: small, length: -1, early: true, attempts: 3},
		{name: "known length", size: small, length: small, attempts: 3},
		{name: "from GetBody, however large", size: large, length: large, getBody: true, attempts: 3},
		{name: "unknown length, more than is kept", size: large, length: -1, attempts: 1, stopped: "the body has no GetBody and is larger than MaxBufferedBody"},
		{name: "known length, more than is kept", size: large, length: large, attempts: 1, stopped: "the body has no GetBody and is larger than MaxBufferedBody"},
		{name: "a larger MaxBufferedBody", size: large, length: -1, replay: 2 << 20, attempts: 3},
		{name: "a smaller MaxBufferedBody", size: small, length: -1, replay: 1 << 10, attempts: 1, stopped: "the body has no GetBody and is larger than MaxBufferedBody"},
		{name: "no MaxBufferedBody", size: large, length: -1, replay: -1, attempts: 3},
	} {
		for name, newServer := range map[string]func() *steadyhttptest.Server{"HTTP/1.1": steadyhttptest.NewServer, "HTTP/2": steadyhttptest.NewTLSServer} {
			t.Run(row.name+" over "+name, func(t *testing.T) {
				srv := newServer()
				defer srv.Close()
				first := down
				first.Early = row.early
				srv.Script("*", first, first, steadyhttptest.Reply{})
				payload := bytes.Repeat([]byte("0123456789abcdef"), row.size/16)
				body := &countingBody{Reader: bytes.NewReader(payload), closed: make(chan struct{})}
				req := request(t, "PUT", srv.URL+"/object", "")
				req.Body, req.ContentLength = body, row.length
				var got atomic.Int32
				if row.getBody {
					req.GetBody = func() (io.ReadCloser, error) {
						got.Add(1)
						return io.NopCloser(bytes.NewReader(payload)), nil
					}
				}
				ctx := steadyhttp.WithCall(t.Context())
				client := srv.Client()
				client.Transport = &steadyhttp.Retrier{Base: client.Transport, BackOff: noWait, MaxBufferedBody: row.replay}
				resp, err := client.Do(req.WithContext(ctx))
				if err != nil {
					t.Fatal(err)
				}
				finish(t, resp)
				requests := srv.Requests()
				if len(requests) != row.attempts {
					t.Fatalf("got %d attempts, want %d", len(requests), row.attempts)
				}
				last := requests[len(requests)-1]
				if !bytes.Equal(last.Body, payload) {
					t.Errorf("the last attempt sent %d bytes, want the same %d", last.Size, row.size)
				}
				if row.getBody && int(got.Load()) != row.attempts-1 {
					t.Errorf("GetBody was called %d times, want once for each further attempt", got.Load())
				}
				soon(t, "the body is closed", body.closed)
				if n := body.closes.Load(); n != 1 && !row.getBody {
					t.Errorf("the body was closed %d times, want once", n)
				}
				if call, _ := steadyhttp.FromContext(ctx); call.Stopped != row.stopped {
					t.Errorf("got stopped %q, want %q", call.Stopped, row.stopped)
				}
			})
		}
	}
}

// The base gets the caller's own body where nothing has to be kept of it and
// nobody has to watch whether it is whole, so that net/http sees what it is.
func TestBodiesThatStayUnwrapped(t *testing.T) {
	getBody := func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("payload")), nil }
	always := func(*http.Request) bool { return true }
	for _, row := range []struct {
		name      string
		length    int64
		getBody   func() (io.ReadCloser, error)
		retrier   *steadyhttp.Retrier
		unwrapped bool
	}{
		{"with GetBody", 7, getBody, &steadyhttp.Retrier{Idempotent: always}, true},
		{"with GetBody, and a timeout", 7, getBody, &steadyhttp.Retrier{Idempotent: always, AttemptTimeout: time.Hour}, true},
		{"with GetBody, and watched", 7, getBody, &steadyhttp.Retrier{}, false},
		{"longer than what is kept", 2 << 20, nil, &steadyhttp.Retrier{}, true},
		{"sent once", 7, nil, &steadyhttp.Retrier{MaxAttempts: 1}, true},
		{"kept", 7, nil, &steadyhttp.Retrier{}, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			body := &countingBody{Reader: strings.NewReader("payload")}
			req := request(t, "POST", "https://shop.example/orders", "")
			req.Body, req.ContentLength, req.GetBody = body, row.length, row.getBody
			before := *req
			row.retrier.Base = roundTripperFunc(func(sent *http.Request) (*http.Response, error) {
				if got := sent.Body == io.ReadCloser(body); got != row.unwrapped {
					t.Errorf("%s: unwrapped: got %t, want %t", row.name, got, row.unwrapped)
				}
				if sent.ContentLength != row.length {
					t.Errorf("%s: got length %d, want %d", row.name, sent.ContentLength, row.length)
				}
				sent.Body.Close()
				return &http.Response{StatusCode: 200, Body: http.NoBody}, nil
			})
			if _, err := row.retrier.RoundTrip(req); err != nil {
				t.Fatal(err)
			}
			if req.Body != before.Body || (req.GetBody == nil) != (before.GetBody == nil) || req.ContentLength != before.ContentLength {
				t.Errorf("%s: the caller's request was changed", row.name)
			}
			if n := body.closes.Load(); n != 1 {
				t.Errorf("%s: the body was closed %d times, want once", row.name, n)
			}
		})
	}
}

// Whatever becomes of a call, the caller's body is closed once.
func TestTheOriginalBodyIsClosedOnce(t *testing.T) {
	for _, row := range []struct {
		name    string
		replies []reply
		cancel  time.Duration // when the caller gives up
		before  bool          // the caller gave up before
	}{
		{"a success", []reply{{status: 200}}, 0, false},
		{"a success after failures", []reply{{status: 503}, {err: errReset}, {status: 200}}, 0, false},
		{"failures to the end", []reply{{status: 503}}, 0, false},
		{"errors to the end", []reply{{err: errReset}}, 0, false},
		{"a failure that does not pass", []reply{{status: 404}}, 0, false},
		{"given up in a wait", []reply{{status: 503}}, time.Second, false},
		{"given up in an attempt", []reply{{status: 503}, {after: time.Hour}}, time.Minute, false},
		{"given up before", []reply{{status: 503}}, 0, true},
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if row.cancel > 0 {
				time.AfterFunc(row.cancel, cancel)
			}
			if row.before {
				cancel()
			}
			body := &countingBody{Reader: strings.NewReader("payload")}
			req := chat(t)
			req.Body, req.GetBody, req.ContentLength = body, nil, -1
			resp, _ := (&steadyhttp.Retrier{Base: playing(row.replies...), BackOff: every(20 * time.Second)}).RoundTrip(req.WithContext(ctx))
			finish(t, resp)
			synctest.Wait()
			if n := body.closes.Load(); n != 1 {
				t.Errorf("%s: the body was closed %d times, want once", row.name, n)
			}
		})
	}
}

// A server may refuse an upload before anybody has written to it. net/http
// then hangs in its read of the body, and nobody waits for that.
func TestUploadThatIsRefusedBeforeItIsWritten(t *testing.T) {
	for name, newServer := range map[string]func() *steadyhttptest.Server{"HTTP/1.1": steadyhttptest.NewServer, "HTTP/2": steadyhttptest.NewTLSServer} {
		t.Run(name, func(t *testing.T) {
			srv := newServer()
			defer srv.Close()
			second := make(chan struct{})
			srv.Script("*", steadyhttptest.Reply{Status: 503, Early: true}, steadyhttptest.Reply{Early: true, Handler: func(w http.ResponseWriter, r *http.Request) {
				close(second)
				b, err := io.ReadAll(r.Body)
				if err != nil {
					t.Errorf("reading the upload: %v", err)
				}
				w.Write(b)
			}})
			client := srv.Client()
			client.Transport = &steadyhttp.Retrier{Base: client.Transport, BackOff: noWait}
			body, write := io.Pipe()
			go func() {
				<-second // nothing is there to be sent before
				for i := range 100 {
					fmt.Fprintf(write, "line %d\n", i)
				}
				write.Close()
			}()
			req := request(t, "PUT", srv.URL+"/upload", "")
			req.Body, req.ContentLength = body, -1
			resp, err := client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			if got := finish(t, resp); resp.StatusCode != 200 || strings.Count(got, "\n") != 100 || !strings.HasPrefix(got, "line 0\nline 1\n") {
				t.Errorf("got %d and %d lines, want 200 and all 100", resp.StatusCode, strings.Count(got, "\n"))
			}
			if _, err := write.Write([]byte("more")); err == nil {
				t.Error("the caller's body was left open")
			}
		})
	}
}

// Full duplex, on the second attempt: what the first has read is sent again,
// then the two sides talk line by line.
func TestFullDuplexAfterAFailure(t *testing.T) {
	srv := steadyhttptest.NewTLSServer()
	defer srv.Close()
	srv.Script("*",
		steadyhttptest.Reply{Early: true, Handler: func(w http.ResponseWriter, r *http.Request) {
			bufio.NewReader(r.Body).ReadString('\n') // it has taken one line
			w.WriteHeader(503)
		}},
		steadyhttptest.Reply{Early: true, Handler: func(w http.ResponseWriter, r *http.Request) {
			w.(http.Flusher).Flush()
			for lines := bufio.NewReader(r.Body); ; w.(http.Flusher).Flush() {
				line, err := lines.ReadString('\n')
				if err != nil {
					return
				}
				io.WriteString(w, "echo "+line)
			}
		}})
	client := srv.Client()
	client.Transport = &steadyhttp.Retrier{Base: client.Transport, BackOff: noWait, Idempotent: func(*http.Request) bool { return true }}
	body, write := io.Pipe()
	go io.WriteString(write, "line 0\n")
	req := request(t, "POST", srv.URL+"/duplex", "")
	req.Body, req.ContentLength = body, -1
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	echo := bufio.NewReader(resp.Body)
	for i := range 5 {
		if i > 0 {
			fmt.Fprintf(write, "line %d\n", i)
		}
		if got, err := echo.ReadString('\n'); got != fmt.Sprintf("echo line %d\n", i) {
			t.Fatalf("line %d: got %q, %v", i, got, err)
		}
	}
	write.Close()
	if _, err := echo.ReadString('\n'); err != io.EOF {
		t.Errorf("got %v at the end, want io.EOF", err)
	}
}

// heapBody is an upload that looks at the live heap while it is sent.
type heapBody struct {
	left, sent int
	most       uint64
}

func (b *heapBody) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, io.EOF
	}
	n := min(len(p), b.left)
	if b.sent>>22 != (b.sent+n)>>22 || b.sent < 2<<20 && b.sent>>18 != (b.sent+n)>>18 {
		b.most = max(b.most, liveHeap())
	}
	b.left, b.sent = b.left-n, b.sent+n
	return n, nil
}

func (b *heapBody) Close() error { return nil }

func liveHeap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func TestLargeUploadIsNotHeld(t *testing.T) {
	const size = 64 << 20
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n, err := io.Copy(io.Discard, r.Body); n != size || err != nil {
			t.Errorf("got %d bytes, %v; want %d", n, err, size)
		}
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	defer srv.Close()
	for _, row := range []struct {
		name   string
		length int64
	}{{"unknown length", -1}, {"known length", size}} {
		t.Run(row.name, func(t *testing.T) {
			body := &heapBody{left: size}
			req := request(t, "PUT", srv.URL+"/big", "")
			req.Body, req.ContentLength = body, row.length
			ctx := steadyhttp.WithCall(t.Context())
			before := liveHeap()
			client := srv.Client()
			client.Transport = &steadyhttp.Transport{Base: client.Transport}
			resp, err := client.Do(req.WithContext(ctx))
			if err != nil {
				t.Fatal(err)
			}
			finish(t, resp)
			grown := int64(body.most) - int64(before)
			t.Logf("the heap grew by at most %d KiB", grown>>10)
			if grown >= 2<<20 {
				t.Errorf("the heap grew by %d bytes, want less than 2 MiB", grown)
			}
			if call, _ := steadyhttp.FromContext(ctx); call.Attempts != 1 || !strings.Contains(call.Stopped, "MaxBufferedBody") {
				t.Errorf("got %d attempts, stopped %q; want one, because of MaxBufferedBody", call.Attempts, call.Stopped)
			}
		})
	}
}

// Some SDKs hand in the request of their own first attempt, its body read.
func TestBodyThatWasReadBefore(t *testing.T) {
	for _, row := range []struct {
		name    string
		path    string
		getBody bool
		effects int
	}{
		{"a chat completion", "/v1/chat/completions", true, 1},
		{"an order", "/orders", true, 1},
		{"no GetBody", "/orders", false, 0},
	} {
		for name, newServer := range map[string]func() *steadyhttptest.Server{"HTTP/1.1": steadyhttptest.NewServer, "HTTP/2": steadyhttptest.NewTLSServer} {
			t.Run(row.name+" over "+name, func(t *testing.T) {
				srv := newServer()
				defer srv.Close()
				var effects atomic.Int32
				srv.Script("*", steadyhttptest.Reply{Handler: func(_ http.ResponseWriter, r *http.Request) {
					if b, _ := io.ReadAll(r.Body); string(b) == "the same bytes" {
						effects.Add(1)
					}
				}})
				client := srv.Client()
				client.Transport = &steadyhttp.Transport{Base: client.Transport, Retrier: &steadyhttp.Retrier{BackOff: noWait}}
				req := request(t, "POST", srv.URL+row.path, "the same bytes")
				io.Copy(io.Discard, req.Body)
				if !row.getBody {
					req.GetBody = nil
				}
				resp, err := client.Do(req)
				want := row.effects
				if name == "HTTP/2" && row.path == "/orders" {
					// The server resets the stream, and httptrace sees no body break
					// off on our side: what became of the order is not known.
					want = 0
				}
				if (err == nil) != (want == 1) {
					t.Errorf("got %v", err)
				}
				finish(t, resp)
				if got := int(effects.Load()); got != want {
					t.Errorf("got %d effects, want %d", got, want)
				}
			})
		}
	}
}

// A body that breaks off in its middle is not one that was read before: the
// server may have acted on what it got, as those do that take a line at a time.
func TestBodyThatBreaksOffIsNotSentAgain(t *testing.T) {
	gone := errors.New("disk gone")
	var lines atomic.Int32
	got := make(chan struct{}, 10)
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) {
		for in := bufio.NewScanner(r.Body); in.Scan(); {
			lines.Add(1)
			got <- struct{}{}
		}
	})
	client := srv.Client()
	client.Transport = &steadyhttp.Retrier{Base: client.Transport, BackOff: noWait}
	body := func() (io.ReadCloser, error) {
		return io.NopCloser(io.MultiReader(strings.NewReader("one order\n"), readerFunc(func([]byte) (int, error) {
			<-got // the server has it
			return 0, gone
		}))), nil
	}
	req := request(t, "POST", srv.URL+"/orders/_bulk", "")
	req.GetBody, req.ContentLength = body, -1
	req.Body, _ = body()
	if _, err := client.Do(req); !errors.Is(err, gone) {
		t.Errorf("got %v, want the body's own error", err)
	}
	if n := lines.Load(); n != 1 {
		t.Errorf("the server acted %d times, want once", n)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// endsAtOnce is a context that ends right after it was first asked.
type endsAtOnce struct {
	context.Context
	asked atomic.Bool
}

func (c *endsAtOnce) Done() <-chan struct{} { done := make(chan struct{}); close(done); return done }

func (c *endsAtOnce) Err() error {
	if c.asked.Swap(true) {
		return context.Canceled
	}
	return nil
}

// The context may end at any moment, also while the call is being prepared.
func TestContextThatEndsWhileTheBodyIsTakenOver(t *testing.T) {
	for range 500 {
		body := &countingBody{Reader: strings.NewReader("payload"), closed: make(chan struct{})}
		req := chat(t)
		req.Body, req.GetBody, req.ContentLength = body, nil, -1
		resp, _ := (&steadyhttp.Retrier{Base: playing(reply{status: 200})}).RoundTrip(req.WithContext(&endsAtOnce{Context: t.Context()}))
		if resp != nil {
			resp.Body.Close()
		}
		soon(t, "the body is closed", body.closed)
		if n := body.closes.Load(); n != 1 {
			t.Fatalf("the body was closed %d times, want once", n)
		}
	}
}

func TestTrailersOfTheRequestAreSentOnEveryAttempt(t *testing.T) {
	srv := steadyhttptest.NewServer()
	defer srv.Close()
	var trailers []string
	note := func(status int) steadyhttptest.Reply {
		return steadyhttptest.Reply{Early: true, Handler: func(w http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body)
			trailers = append(trailers, r.Trailer.Get("X-Sum"))
			w.WriteHeader(status)
		}}
	}
	for _, prepare := range []func(*http.Request, int) error{nil, func(*http.Request, int) error { return nil }} {
		trailers = nil
		srv.Script("*", note(503), note(200))
		client := srv.Client()
		client.Transport = &steadyhttp.Retrier{Base: client.Transport, BackOff: noWait, Prepare: prepare}
		req := request(t, "PUT", srv.URL+"/object", "")
		req.Trailer = http.Header{"X-Sum": nil}
		req.ContentLength = -1
		req.Body = io.NopCloser(io.MultiReader(strings.NewReader("payload"), readerFunc(func([]byte) (int, error) {
			req.Trailer.Set("X-Sum", "42")
			return 0, io.EOF
		})))
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		finish(t, resp)
		if got := strings.Join(trailers, " "); got != "42 42" {
			t.Errorf("Prepare %t: got trailers %q, want the sum on both attempts", prepare != nil, got)
		}
	}
}

// Everything at once: a server that fails in every way it can, callers that
// give up, bodies that come slowly. What it gets whole is right, each body is
// closed once, and nothing is left running.
func TestBodiesInAllKindsOfTrouble(t *testing.T) {
	const calls, lines = 150, 40
	for name, newServer := range map[string]func() *steadyhttptest.Server{"HTTP/1.1": steadyhttptest.NewServer, "HTTP/2": steadyhttptest.NewTLSServer} {
		t.Run(name, func(t *testing.T) {
			goroutines := runtime.NumGoroutine()
			srv := newServer()
			var served, whole, good atomic.Int64
			srv.Script("*", steadyhttptest.Reply{Early: true, Handler: func(w http.ResponseWriter, r *http.Request) {
				switch served.Add(1) % 7 {
				case 1:
					w.WriteHeader(503) // it has read nothing
				case 2:
					bufio.NewReader(r.Body).ReadString('\n')
					w.WriteHeader(503)
				case 3:
					bufio.NewReader(r.Body).ReadString('\n')
					panic(http.ErrAbortHandler)
				case 4:
					<-r.Context().Done()
				default:
					b, err := io.ReadAll(r.Body)
					if err != nil {
						return
					}
					whole.Add(1)
					if want := strings.Repeat(r.Header.Get("X-Line")+"\n", lines); string(b) != want {
						t.Errorf("got a body of %d bytes, want %d of %q", len(b), len(want), r.Header.Get("X-Line"))
					}
					if len(b)%2 == 1 {
						w.WriteHeader(503)
					}
				}
			}})
			client := srv.Client()
			client.Transport = &steadyhttp.Transport{Base: client.Transport, Retrier: &steadyhttp.Retrier{
				BackOff: noWait, AttemptTimeout: 60 * time.Millisecond, Budget: &steadyhttp.Budget{MaxRatio: -1}, MaxAttempts: 6,
			}}
			var wg sync.WaitGroup
			var next atomic.Int64
			for range 16 {
				wg.Go(func() {
					for i := next.Add(1); i <= calls; i = next.Add(1) {
						ctx, cancel := context.WithCancel(t.Context())
						if i%5 == 0 {
							time.AfterFunc(time.Duration(i%13)*time.Millisecond, cancel)
						}
						line := fmt.Sprint("call ", i)
						r, w := io.Pipe()
						go func() {
							for range lines {
								if _, err := io.WriteString(w, line+"\n"); err != nil {
									return
								}
							}
							w.Close()
						}()
						body := &closingBody{countingBody{Reader: r, closed: make(chan struct{})}, r}
						req := request(t, "PUT", srv.URL+"/object", "")
						req.Body, req.ContentLength = body, -1
						req.Header.Set("X-Line", line)
						resp, err := client.Do(req.WithContext(ctx))
						if err == nil {
							if resp.StatusCode == 200 {
								good.Add(1)
							}
							io.Copy(io.Discard, resp.Body)
							resp.Body.Close()
						}
						soon(t, "the body is closed", body.closed)
						if n := body.closes.Load(); n != 1 {
							t.Errorf("%s: its body was closed %d times, want once", line, n)
						}
						cancel()
					}
				})
			}
			wg.Wait()
			client.CloseIdleConnections()
			srv.Close()
			left := settled(goroutines)
			t.Logf("%d calls, %d requests, %d of them read whole, %d calls good; %+d goroutines", calls, served.Load(), whole.Load(), good.Load(), left)
			if left > 0 {
				t.Errorf("%d goroutines left behind", left)
			}
		})
	}
}

// closingBody is a countingBody whose end frees the writer at the other side.
type closingBody struct {
	countingBody
	pipe *io.PipeReader
}

func (b *closingBody) Close() error { b.pipe.Close(); return b.countingBody.Close() }
