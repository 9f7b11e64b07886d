package steadyhttp_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyhttp/steadyhttp"
	"github.com/steadyhttp/steadyhttp/steadyhttptest"
)

// The zero Transport is safe under every client: a test for each row of the
// README's table of clients.

func TestWebsocketUpgrade(t *testing.T) {
	srv := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		conn, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
		line, _ := rw.ReadString('\n')
		io.WriteString(conn, "echo "+line)
	})
	client := steady(srv)
	client.Transport.(*steadyhttp.Transport).Throttler = &steadyhttp.Throttler{MaxConcurrent: 1}
	for range 2 { // the first connection stays open, and its place is free all the same
		req := request(t, "GET", srv.URL+"/socket", "")
		req.Header.Set("Connection", "Upgrade")
		req.Header.Set("Upgrade", "websocket")
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		conn, ok := resp.Body.(io.ReadWriteCloser)
		if !ok || resp.StatusCode != http.StatusSwitchingProtocols {
			t.Fatalf("got status %d and body %T, want 101 and an io.ReadWriteCloser", resp.StatusCode, resp.Body)
		}
		io.WriteString(conn, "hello\n")
		if got, _ := bufio.NewReader(conn).ReadString('\n'); got != "echo hello\n" {
			t.Errorf("got %q, want the echo", got)
		}
	}
}

// trickle serves one line at a time, each only once next was told to go on:
// whoever holds lines back waits for ever.
func trickle(contentType string, next chan struct{}) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", contentType)
		for i := range 3 {
			fmt.Fprintf(w, "data: {\"error\":%d}\n", i)
			w.(http.Flusher).Flush()
			select {
			case <-next:
			case <-r.Context().Done():
				return
			}
		}
	}
}

func TestWatchesAndEventStreamsArriveLineByLine(t *testing.T) {
	for _, row := range []struct{ name, path, contentType string }{
		{"a Kubernetes watch", "/api/v1/pods", "application/json"},
		{"an event stream that is no inference", "/events", "text/event-stream"},
		{"a chat completion's stream", "/v1/chat/completions", "text/event-stream"},
	} {
		t.Run(row.name, func(t *testing.T) {
			next := make(chan struct{})
			srv := serve(t, trickle(row.contentType, next))
			resp, err := steady(srv).Do(request(t, "GET", srv.URL+row.path, ""))
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			lines := bufio.NewReader(resp.Body)
			for i := range 3 {
				if got, err := lines.ReadString('\n'); err != nil || got != fmt.Sprintf("data: {\"error\":%d}\n", i) {
					t.Fatalf("line %d: got %q, %v", i, got, err)
				}
				next <- struct{}{}
			}
		})
	}
}

func TestLongPollEndsByItsOwnDeadline(t *testing.T) {
	srv := serve(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	ctx, cancel := context.WithTimeout(steadyhttp.WithCall(t.Context()), 50*time.Millisecond)
	defer cancel()
	_, err := steady(srv).Do(request(t, "GET", srv.URL+"/poll", "").WithContext(ctx))
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want the caller's own deadline", err)
	}
	if call, _ := steadyhttp.FromContext(ctx); call.Attempts != 1 {
		t.Errorf("got %d attempts, want 1", call.Attempts)
	}
}

func TestDownloadsAndRanges(t *testing.T) {
	for _, status := range []int{200, 206, 304, 416} {
		synctest.Test(t, func(t *testing.T) {
			body := &onlyBody{strings.NewReader("part")}
			n := 0
			base := roundTripperFunc(func(*http.Request) (*http.Response, error) {
				n++
				return &http.Response{StatusCode: status, Body: body, ContentLength: 4, Header: http.Header{"Retry-After": {"1"}}}, nil
			})
			req := request(t, "GET", "https://files.example/big", "")
			req.Header.Set("Range", "bytes=0-3")
			resp, err := (&steadyhttp.Transport{Base: base}).RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			if n != 1 {
				t.Errorf("%d: got %d attempts, want 1", status, n)
			}
			if status < 400 && resp.Body != body {
				t.Errorf("%d: got the body wrapped in a %T", status, resp.Body)
			}
			if got := finish(t, resp); got != "part" {
				t.Errorf("%d: got %q", status, got)
			}
		})
	}
}

type onlyBody struct{ io.Reader }

func (*onlyBody) Close() error { return nil }

func TestGRPCWeb(t *testing.T) {
	const method = "/orders.Orders/Create"
	srv := steadyhttptest.NewTLSServer()
	defer srv.Close()
	ok := steadyhttptest.Reply{Handler: func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Trailer", "Grpc-Status")
		io.WriteString(w, "message")
		w.Header().Set("Grpc-Status", "0")
	}}
	for _, row := range []struct {
		name     string
		first    steadyhttptest.Reply
		attempts int
	}{
		{"at once", ok, 1},
		{"refused", steadyhttptest.Reply{Status: 429, Header: http.Header{"Retry-After": {"0"}}}, 2},
		{"in doubt", steadyhttptest.Reply{Status: 502}, 1},
	} {
		srv.Script(method, row.first, ok)
		before := len(srv.Requests())
		resp, err := steady(srv).Do(request(t, "POST", srv.URL+method, "frame"))
		if err != nil {
			t.Fatal(err)
		}
		finish(t, resp)
		if got := len(srv.Requests()) - before; got != row.attempts {
			t.Errorf("%s: got %d attempts, want %d", row.name, got, row.attempts)
		}
		if resp.StatusCode == 200 && resp.Trailer.Get("Grpc-Status") != "0" {
			t.Errorf("%s: got trailers %v, want Grpc-Status", row.name, resp.Trailer)
		}
	}
}

func TestFullDuplexUpload(t *testing.T) {
	srv := steadyhttptest.NewTLSServer() // HTTP/2: net/http's client is full duplex there
	defer srv.Close()
	srv.Script("*", steadyhttptest.Reply{Early: true, Handler: func(w http.ResponseWriter, r *http.Request) {
		w.(http.Flusher).Flush()
		for lines := bufio.NewReader(r.Body); ; w.(http.Flusher).Flush() {
			line, err := lines.ReadString('\n')
			if err != nil {
				return
			}
			io.WriteString(w, "echo "+line)
		}
	}})
	body, write := io.Pipe()
	req := request(t, "POST", srv.URL+"/duplex", "")
	req.Body, req.ContentLength = body, -1
	resp, err := steady(srv).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	echo := bufio.NewReader(resp.Body)
	for i := range 3 {
		fmt.Fprintf(write, "line %d\n", i)
		if got, err := echo.ReadString('\n'); got != fmt.Sprintf("echo line %d\n", i) {
			t.Fatalf("got %q, %v", got, err)
		}
	}
	write.Close()
	if _, err := echo.ReadString('\n'); err != io.EOF {
		t.Errorf("got %v at the end, want io.EOF", err)
	}
}

func TestEarlyRefusalOfAnUpload(t *testing.T) {
	srv := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		// Else net/http's server reads on before it sends the answer.
		if err := http.NewResponseController(w).EnableFullDuplex(); err != nil {
			t.Error(err)
		}
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	body, write := io.Pipe() // nobody ever writes to it
	defer write.Close()
	req := request(t, "PUT", srv.URL+"/upload", "")
	req.Body, req.ContentLength = body, -1
	client := steady(srv)
	client.Transport.(*steadyhttp.Transport).Retrier = &steadyhttp.Retrier{BackOff: noWait}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("got %d, want the 503 while the upload is unread", resp.StatusCode)
	}
}

func TestHealthCheckGetsTheRealAnswer(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name  string
		first steadyhttptest.Reply
	}{
		{"down", steadyhttptest.Reply{Status: 503, Body: "starting"}},
		{"down for longer than the deadline", steadyhttptest.Reply{Status: 503, Body: "starting", Header: http.Header{"Retry-After": {"5"}}}},
	} {
		t.Run(row.name, func(t *testing.T) {
			srv := steadyhttptest.NewServer()
			defer srv.Close()
			// It answers once, and hangs from then on.
			srv.Script("/healthz", row.first, steadyhttptest.Reply{Delay: time.Minute})
			client := steady(srv)
			client.Transport.(*steadyhttp.Transport).Retrier = &steadyhttp.Retrier{BackOff: noWait}
			client.Timeout = 200 * time.Millisecond
			resp, err := client.Do(request(t, "GET", srv.URL+"/healthz", ""))
			if err != nil {
				t.Fatal(err)
			}
			if body := finish(t, resp); resp.StatusCode != 503 || body != "starting" {
				t.Errorf("got %d %q, want the 503 that the server sent", resp.StatusCode, body)
			}
		})
	}
}

func TestTokenRefreshIsNotRepeatedInDoubt(t *testing.T) {
	for _, row := range []struct {
		name     string
		first    steadyhttptest.Reply
		attempts int
	}{
		{"500: the refresh token may be spent", steadyhttptest.Reply{Status: 500}, 1},
		{"the connection dropped", steadyhttptest.Reply{Drop: true}, 1},
		{"refused", steadyhttptest.Reply{Status: 429, Header: http.Header{"Retry-After": {"0"}}}, 2},
	} {
		t.Run(row.name, func(t *testing.T) {
			srv := steadyhttptest.NewServer()
			defer srv.Close()
			srv.Script("/oauth/token", row.first, steadyhttptest.Reply{Body: `{"access_token":"x"}`})
			req := request(t, "POST", srv.URL+"/oauth/token", "grant_type=refresh_token")
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			client := steady(srv)
			client.Transport.(*steadyhttp.Transport).Retrier = &steadyhttp.Retrier{BackOff: noWait}
			resp, err := client.Do(req)
			if err == nil {
				finish(t, resp)
			}
			if got := len(srv.Requests()); got != row.attempts {
				t.Errorf("got %d attempts, want %d", got, row.attempts)
			}
		})
	}
}

func TestFailuresKeepTheConnection(t *testing.T) {
	srv := steadyhttptest.NewServer()
	defer srv.Close()
	failure := steadyhttptest.Reply{Status: 503, Body: strings.Repeat("x", 2<<10), Header: http.Header{"Retry-After": {"0"}}}
	srv.Script("*", failure, failure, steadyhttptest.Reply{})
	client := steady(srv)
	client.Transport.(*steadyhttp.Transport).Retrier = &steadyhttp.Retrier{BackOff: noWait}
	resp, err := client.Do(request(t, "GET", srv.URL+"/", ""))
	if err != nil {
		t.Fatal(err)
	}
	finish(t, resp)
	if resp.StatusCode != 200 || srv.Connections() != 1 {
		t.Errorf("got %d over %d connections, want 200 over 1", resp.StatusCode, srv.Connections())
	}
}
