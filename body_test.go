package steadyhttp_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
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
	"github.com/steadyhttp/steadyhttp/steadyhttptest"
)

func TestBodiesOnRealSockets(t *testing.T) {
	t.Parallel()
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
		{name: "unknown length, more than is kept", size: large, length: -1, attempts: 1, stopped: "the request body cannot be sent again: it has no GetBody and is larger than MaxBufferedBody"},
		{name: "known length, more than is kept", size: large, length: large, attempts: 1, stopped: "the request body cannot be sent again: it has no GetBody and is larger than MaxBufferedBody"},
		{name: "a larger MaxBufferedBody", size: large, length: -1, replay: 2 << 20, attempts: 3},
		{name: "a smaller MaxBufferedBody", size: small, length: -1, replay: 1 << 10, attempts: 1, stopped: "the request body cannot be sent again: it has no GetBody and is larger than MaxBufferedBody"},
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
		{"with GetBody, of one attempt", 7, getBody, &steadyhttp.Retrier{Idempotent: always, MaxAttempts: 1}, true},
		{"with GetBody, of one attempt, and a timeout", 7, getBody, &steadyhttp.Retrier{Idempotent: always, MaxAttempts: 1, AttemptTimeout: time.Hour}, true},
		{"with GetBody, of several", 7, getBody, &steadyhttp.Retrier{Idempotent: always}, false},
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

// writeCounter counts the writes to a connection.
type writeCounter struct {
	net.Conn
	writes *atomic.Int32
}

func (c writeCounter) Write(p []byte) (int, error) { c.writes.Add(1); return c.Conn.Write(p) }

// net/http writes a body that it sees to be in memory together with the headers.
// It goes out as it is, and can be sent again all the same.
func TestBodyInMemory(t *testing.T) {
	const content = `{"name":"a book"}`
	noGetBody := func(body io.Reader) func() *http.Request {
		return func() *http.Request {
			req := request(t, "PUT", "http://shop.example/orders/1", "")
			req.Body, req.ContentLength = io.NopCloser(body), int64(len(content))
			return req
		}
	}
	halfRead := strings.NewReader("read before" + content)
	io.CopyN(io.Discard, halfRead, int64(len("read before")))
	for _, row := range []struct {
		name string
		req  func() *http.Request
	}{
		{"a write, with GetBody", func() *http.Request { return request(t, "POST", "http://shop.example/orders", content) }},
		{"a bytes.Reader", noGetBody(bytes.NewReader([]byte(content)))},
		{"a strings.Reader", noGetBody(strings.NewReader(content))},
		{"a strings.Reader that was read in part", noGetBody(halfRead)},
		{"a bytes.Buffer", noGetBody(bytes.NewBufferString(content))},
	} {
		t.Run(row.name, func(t *testing.T) {
			srv := steadyhttptest.NewServer()
			defer srv.Close()
			var got []string
			echo := func(status int) steadyhttptest.Reply {
				return steadyhttptest.Reply{Handler: func(w http.ResponseWriter, r *http.Request) {
					b, _ := io.ReadAll(r.Body)
					got = append(got, string(b))
					w.WriteHeader(status)
				}}
			}
			srv.Script("*", echo(429), echo(200))
			var writes atomic.Int32
			base := &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
				conn, err := new(net.Dialer).DialContext(ctx, network, strings.TrimPrefix(srv.URL, "http://"))
				return writeCounter{conn, &writes}, err
			}}
			defer base.CloseIdleConnections()
			var first int32
			client := &http.Client{Transport: &steadyhttp.Retrier{BackOff: noWait, Base: roundTripperFunc(func(req *http.Request) (*http.Response, error) {
				resp, err := base.RoundTrip(req)
				if first == 0 {
					first = writes.Load()
				}
				return resp, err
			})}}
			resp, err := client.Do(row.req())
			if err != nil {
				t.Fatal(err)
			}
			finish(t, resp)
			if resp.StatusCode != 200 || !slices.Equal(got, []string{content, content}) {
				t.Errorf("got %d and the bodies %q, want 200 and the content twice", resp.StatusCode, got)
			}
			if first != 1 {
				t.Errorf("the request took %d writes, want 1 as without us", first)
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

// A base may need the body before it sends it: a signer, a transport that answers a
// challenge. It asks GetBody for a copy where there is one, else it buffers the body.
func TestBaseThatBuffersTheBody(t *testing.T) {
	inFull := func(body io.ReadCloser) string {
		defer body.Close()
		b, err := io.ReadAll(body)
		return fmt.Sprintf("%d bytes, %v", len(b), err)
	}
	bases := map[string]func(*http.Request) string{
		"a signer": func(req *http.Request) (sent string) {
			if req.GetBody == nil {
				return inFull(req.Body)
			}
			copied, err := req.GetBody()
			if err != nil {
				return err.Error()
			}
			inFull(copied)
			return inFull(req.Body)
		},
		"a logger of first bytes": func(req *http.Request) string {
			if req.GetBody != nil {
				copied, _ := req.GetBody()
				io.CopyN(io.Discard, copied, 2)
				copied.Close()
			}
			return inFull(req.Body)
		},
		"one that sends it again after a challenge": func(req *http.Request) string {
			if req.GetBody == nil {
				return inFull(req.Body)
			}
			inFull(req.Body)
			again, err := req.GetBody()
			if err != nil {
				return err.Error()
			}
			return inFull(again)
		},
	}
	for name, base := range bases {
		for _, size := range []int{7, 3 << 20} {
			for _, method := range []string{"POST", "PUT"} {
				synctest.Test(t, func(t *testing.T) {
					var sent []string
					rt := &steadyhttp.Transport{Base: roundTripperFunc(func(req *http.Request) (*http.Response, error) {
						sent = append(sent, base(req))
						status := 200
						if len(sent) == 1 && size == 7 {
							status = 429
						}
						return &http.Response{StatusCode: status, Body: http.NoBody, Request: req}, nil
					})}
					producer, w := io.Pipe()
					go func() { w.Write(make([]byte, size)); w.Close() }()
					req := request(t, method, "http://camera.example/pictures", "")
					req.Body, req.ContentLength = producer, -1
					resp, err := (&http.Client{Transport: rt}).Do(req)
					if err != nil {
						t.Fatalf("%s, %s of %d bytes: %v", name, method, size, err)
					}
					finish(t, resp)
					want := []string{fmt.Sprintf("%d bytes, <nil>", size)}
					if size == 7 {
						want = append(want, want[0])
					}
					if resp.StatusCode != 200 || !slices.Equal(sent, want) {
						t.Errorf("%s, %s: got %d after %q, want 200 after %q", name, method, resp.StatusCode, sent, want)
					}
				})
			}
		}
	}
}

// Everything at once: a server that fails in every way it can, callers that
// give up, bodies that come slowly. What it gets whole is right, each body is
// closed once, and nothing is left running.
func TestBodiesInAllKindsOfTrouble(t *testing.T) {
	const lines = 40
	calls := int64(howMany(40, 150, 150))
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
