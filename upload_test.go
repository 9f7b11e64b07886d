package steadyhttp_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyhttp/steadyhttp"
	"github.com/steadyhttp/steadyhttp/steadyhttptest"
)

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

// A producer may wait for as long as it likes. An attempt that is over does not wait
// for it: bare, net/http ends the read by closing the body, which we can't while
// another attempt may follow.
func TestUploadWhoseProducerWaits(t *testing.T) {
	for protocol, newServer := range map[string]func() *steadyhttptest.Server{"HTTP/1.1": steadyhttptest.NewServer, "HTTP/2": steadyhttptest.NewTLSServer} {
		for _, row := range []struct {
			name    string
			first   steadyhttptest.Reply
			retrier *steadyhttp.Retrier
			hangs   string // the protocol over which net/http itself does not return
		}{
			{"answered 503 with a text", steadyhttptest.Reply{Status: 503, Body: "busy", Early: true}, &steadyhttp.Retrier{}, ""},
			{"answered 429 without a text", steadyhttptest.Reply{Status: 429, Early: true}, &steadyhttp.Retrier{}, ""},
			{"reset", steadyhttptest.Reply{Drop: true, Early: true}, &steadyhttp.Retrier{}, "HTTP/1.1"},
			{"no answer", steadyhttptest.Reply{Early: true, Delay: time.Hour}, &steadyhttp.Retrier{AttemptTimeout: 50 * time.Millisecond}, ""},
		} {
			if row.hangs == protocol {
				continue
			}
			t.Run(protocol+", "+row.name, func(t *testing.T) {
				srv := newServer()
				defer srv.Close()
				second := make(chan struct{})
				srv.Script("*", row.first, steadyhttptest.Reply{Early: true, Handler: func(w http.ResponseWriter, r *http.Request) {
					close(second)
					io.Copy(w, r.Body)
				}})
				client := srv.Client()
				row.retrier.Base, row.retrier.BackOff = client.Transport, noWait
				client.Transport = row.retrier
				body, write := io.Pipe()
				go func() {
					io.WriteString(write, "one, ")
					<-second // until then it waits
					io.WriteString(write, "two")
					write.Close()
				}()
				req := request(t, "PUT", srv.URL+"/upload", "")
				req.Body, req.ContentLength = body, -1
				resp, err := client.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				if got := finish(t, resp); resp.StatusCode != 200 || got != "one, two" {
					t.Errorf("got %d %q, want 200 and all that was sent", resp.StatusCode, got)
				}
			})
		}
	}
}

// With a body that can't be sent again, or that is another reader each time, an
// attempt that takes too long is over all the same.
func TestAttemptTimeoutOfAnUploadWhoseProducerWaits(t *testing.T) {
	pipes := func() (io.ReadCloser, error) { r, _ := io.Pipe(); return r, nil }
	for _, row := range []struct {
		name     string
		retrier  *steadyhttp.Retrier
		getBody  func() (io.ReadCloser, error)
		attempts int
	}{
		{"longer than what is kept", &steadyhttp.Retrier{MaxBufferedBody: 1}, nil, 1},
		{"with GetBody", &steadyhttp.Retrier{MaxAttempts: 2}, pipes, 2},
	} {
		t.Run(row.name, func(t *testing.T) {
			srv := steadyhttptest.NewServer()
			defer srv.Close()
			srv.Script("*", steadyhttptest.Reply{Early: true, Delay: time.Hour})
			client := srv.Client()
			row.retrier.Base, row.retrier.BackOff, row.retrier.AttemptTimeout = client.Transport, noWait, 50*time.Millisecond
			client.Transport = row.retrier
			req := request(t, "PUT", srv.URL+"/upload", "")
			ctx := steadyhttp.WithCall(req.Context())
			req = req.WithContext(ctx)
			body, write := io.Pipe()
			go io.WriteString(write, "some bytes")
			req.Body, req.ContentLength, req.GetBody = body, 1<<10, row.getBody
			resp, err := client.Do(req)
			if e := new(steadyhttp.Error); !errors.As(steadyhttp.Check(resp, err), &e) || e.Class != steadyhttp.Timeout {
				t.Fatalf("got %v, want a timeout", err)
			}
			if call, _ := steadyhttp.FromContext(ctx); call.Attempts != row.attempts {
				t.Errorf("got %d attempts, want %d", call.Attempts, row.attempts)
			}
		})
	}
}

// rewinding is the one reader of a body, as Azure's SDKs have it: GetBody rewinds it, and
// Close does nothing. A Read takes a while.
type rewinding struct {
	file    *strings.Reader
	reading atomic.Int32
	shared  atomic.Bool // it was rewound, or read by two, while it was read
}

func (r *rewinding) Read(p []byte) (int, error) {
	if r.reading.Add(1) > 1 {
		r.shared.Store(true)
	}
	defer r.reading.Add(-1)
	time.Sleep(20 * time.Millisecond)
	return r.file.Read(p[:min(len(p), 10)])
}

func (r *rewinding) getBody() (io.ReadCloser, error) {
	if r.reading.Load() > 0 {
		r.shared.Store(true)
	}
	_, err := r.file.Seek(0, io.SeekStart)
	return r, err
}

func (r *rewinding) Close() error { return nil }

// Over HTTP/1.1 net/http goes on reading the body for a while after an early answer.
// The next attempt must neither share the reader with that nor lack what it takes.
func TestOneReaderUnderAnEarlyAnswer(t *testing.T) {
	content := strings.Repeat("0123456789", 20)
	for _, length := range []int64{int64(len(content)), -1} {
		synctest.Test(t, func(t *testing.T) {
			attempts := 0
			base := roundTripperFunc(func(req *http.Request) (*http.Response, error) {
				attempts++
				if attempts < 3 {
					go func() {
						io.Copy(io.Discard, req.Body)
						req.Body.Close()
					}()
					time.Sleep(50 * time.Millisecond)
					return &http.Response{StatusCode: 503, Body: http.NoBody, Request: req}, nil
				}
				defer req.Body.Close()
				if got, err := io.ReadAll(req.Body); string(got) != content || err != nil {
					t.Errorf("attempt %d sent %q, %v, want all of the body", attempts, got, err)
				}
				return &http.Response{StatusCode: 200, Body: http.NoBody, Request: req}, nil
			})
			body := &rewinding{file: strings.NewReader(content)}
			req := request(t, "PUT", "https://blobs.example.com/1", "")
			req.Body, req.GetBody, req.ContentLength = body, body.getBody, length
			resp, err := (&steadyhttp.Retrier{Base: base, BackOff: noWait}).RoundTrip(req)
			if err != nil || resp.StatusCode != 200 {
				t.Fatalf("got %v, %v, want 200", resp, err)
			}
			if body.shared.Load() {
				t.Error("the reader was rewound or read while somebody read it")
			}
		})
	}
}

// Who still reads the body after a second keeps it: the answer in hand is returned.
func TestBodyThatIsNotGivenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reading, released := make(chan struct{}), make(chan struct{})
		base := roundTripperFunc(func(req *http.Request) (*http.Response, error) {
			go io.Copy(io.Discard, req.Body)
			<-reading
			return &http.Response{StatusCode: 503, Body: io.NopCloser(strings.NewReader("busy")), Request: req}, nil
		})
		body := io.NopCloser(readerFunc(func([]byte) (int, error) {
			close(reading)
			<-released
			return 0, io.EOF
		}))
		req := request(t, "PUT", "https://blobs.example.com/1", "")
		req.Body, req.ContentLength = body, -1
		req.GetBody = func() (io.ReadCloser, error) {
			t.Error("GetBody was called while the body was read")
			return body, nil
		}
		ctx := steadyhttp.WithCall(t.Context())
		resp, err := (&steadyhttp.Retrier{Base: base, BackOff: noWait}).RoundTrip(req.WithContext(ctx))
		if err != nil {
			t.Fatal(err)
		}
		if got := finish(t, resp); resp.StatusCode != 503 || got != "busy" {
			t.Errorf("got %d %q, want the 503", resp.StatusCode, got)
		}
		if call, _ := steadyhttp.FromContext(ctx); !strings.Contains(call.Stopped, "still reading the request body") {
			t.Errorf("it stopped since %q", call.Stopped)
		}
		close(released)
	})
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
	if testing.Short() {
		t.Skip("-short: it sends 128 MiB")
	}
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
				if (err == nil) != (row.effects == 1) {
					t.Errorf("got %v", err)
				}
				finish(t, resp)
				if got := int(effects.Load()); got != row.effects {
					t.Errorf("got %d effects, want %d", got, row.effects)
				}
				if got := len(srv.Requests()); row.getBody && got != 1 {
					t.Errorf("got %d requests, want none that is cut off after its headers", got)
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
