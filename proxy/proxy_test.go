package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/steadyhttp/steadyhttp/steadyhttptest"
)

// What goes up: the path, the query and the headers, as the caller sent them but for
// what is the proxy's or the connection's.
func TestWhatGoesUp(t *testing.T) {
	t.Parallel()
	var got *http.Request
	api := upstreamServer(t, func(w http.ResponseWriter, r *http.Request) { got = r })
	config := fmt.Sprintf(`{"upstreams": [
		{"prefix": "/own", "to": "%[1]s/base", "header": {"Authorization": "Bearer ${KEY}", "X-Team": "blue", "User-Agent": ""}},
		{"to": "%[1]s"}]}`, api.URL)
	p := startWith(t, map[string]string{"KEY": "sk-of-the-config"}, "-config", configFile(t, config))
	client := newClient(t)
	ours := []string{
		"Authorization", "Bearer sk-of-the-caller", "X-Api-Key", "second", "Openai-Organization", "org-caller", "X-Request-Tag", "kept",
		"Connection", "X-Hop", "X-Hop", "1", "X-Forwarded-For", "10.1.2.3", "Forwarded", "for=10.1.2.3", "X-Real-Ip", "10.1.2.3",
		"X-Steadyhttp-Priority", "batch", "User-Agent", "test/1",
	}
	for _, row := range []struct {
		name, path, wantURI string
		want                map[string]string // "" is absent
	}{
		{"the caller's key goes along", "/v1/models?a=1&key=k&b=%20;c", "/v1/models?a=1&key=k&b=%20;c", map[string]string{
			"Authorization": "Bearer sk-of-the-caller", "X-Api-Key": "second", "Openai-Organization": "org-caller", "X-Request-Tag": "kept", "User-Agent": "test/1",
		}},
		{"the config's key goes in place of the caller's", "/own/v1/models?a=1&key=k", "/base/v1/models?a=1", map[string]string{
			"Authorization": "Bearer sk-of-the-config", "X-Api-Key": "", "Openai-Organization": "", "X-Request-Tag": "kept", "X-Team": "blue", "User-Agent": "",
		}},
		{"an escaped slash stays one", "/own/a%2Fb/c", "/base/a%2Fb/c", nil},
		{"a prefix ends at a slash", "/owner", "/owner", nil},
		{"the prefix alone", "/own", "/base/", nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			resp, _ := send(t, client, "GET", p.URL+row.path, "", ours...)
			if resp.StatusCode != 200 || got == nil {
				t.Fatalf("got status %d", resp.StatusCode)
			}
			if got.RequestURI != row.wantURI {
				t.Errorf("got URI %s, want %s", got.RequestURI, row.wantURI)
			}
			if want := strings.TrimPrefix(api.URL, "http://"); got.Host != want {
				t.Errorf("got host %s, want %s", got.Host, want)
			}
			for name, want := range row.want {
				if v := got.Header.Get(name); v != want {
					t.Errorf("%s: got %q, want %q", name, v, want)
				}
			}
			for _, name := range []string{"X-Hop", "Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-Ip", "X-Steadyhttp-Priority", "Via"} {
				if v := got.Header.Values(name); len(v) > 0 {
					t.Errorf("%s went up: %q", name, v)
				}
			}
			got = nil
		})
	}
}

// rawRequest writes a request as it stands, and returns the status of the answer.
func rawRequest(t *testing.T, address, text string) int {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	io.WriteString(conn, text)
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}

func TestRefused(t *testing.T) {
	t.Parallel()
	var reached atomic.Int64
	api := upstreamServer(t, func(http.ResponseWriter, *http.Request) { reached.Add(1) })
	config := fmt.Sprintf(`{"origins": ["http://app.localhost:3000"], "hosts": ["llm.test"], "upstreams": [{"prefix": "/api", "to": %q}]}`, api.URL)
	p := start(t, "-config", configFile(t, config))
	address := strings.TrimPrefix(p.URL, "http://")
	for _, row := range []struct {
		name, request string // "" ends with the usual headers
		want          int
	}{
		{"CONNECT", "CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n", 400},
		{"an absolute form", "GET http://example.com/api/x HTTP/1.1\r\nHost: example.com\r\n\r\n", 400},
		{"an absolute form of our own address", "GET http://localhost/healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", 400},
		{"another host's name", "GET /api/x HTTP/1.1\r\nHost: evil.test\r\n\r\n", 421},
		{"another host's name, for the metrics", "GET /metrics HTTP/1.1\r\nHost: evil.test\r\n\r\n", 421},
		{"localhost", "GET /api/x HTTP/1.1\r\nHost: localhost:8080\r\n\r\n", 200},
		{"a loopback address", "GET /api/x HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n", 200},
		{"a name of the config", "GET /api/x HTTP/1.1\r\nHost: LLM.test:80\r\n\r\n", 200},
		{"dots", "GET /api/../x HTTP/1.1\r\nHost: localhost\r\n\r\n", 400},
		{"dots, escaped", "GET /api/%2e%2e/x HTTP/1.1\r\nHost: localhost\r\n\r\n", 400},
		{"dots behind an escaped slash", "GET /api/a%2f..%2f..%2fx HTTP/1.1\r\nHost: localhost\r\n\r\n", 400},
		{"names with dots", "GET /api/.well-known/a..b/...x HTTP/1.1\r\nHost: localhost\r\n\r\n", 200},
		{"no path", "OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n", 200}, // net/http answers that itself
		{"no upstream", "GET /other HTTP/1.1\r\nHost: localhost\r\n\r\n", 404},
		{"a prefix in other letters", "GET /%61pi/x HTTP/1.1\r\nHost: localhost\r\n\r\n", 404},
		{"a page of another origin", "POST /api/x HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.test\r\nContent-Length: 0\r\n\r\n", 403},
		{"a browser's cross-site request", "POST /api/x HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Site: cross-site\r\nContent-Length: 0\r\n\r\n", 403},
		{"an upgrade from a page of another origin", "GET /api/x HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", 403},
		{"a page that the config trusts", "POST /api/x HTTP/1.1\r\nHost: localhost\r\nOrigin: http://app.localhost:3000\r\nContent-Length: 0\r\n\r\n", 200},
		{"a priority that there is not", "GET /api/x HTTP/1.1\r\nHost: localhost\r\nX-Steadyhttp-Priority: asap\r\n\r\n", 400},
		{"a priority", "GET /api/x HTTP/1.1\r\nHost: localhost\r\nX-Steadyhttp-Priority: Urgent\r\n\r\n", 200},
		{"a header of more than 128 KiB", "GET /api/x HTTP/1.1\r\nHost: localhost\r\nX-Long: " + strings.Repeat("a", 140<<10) + "\r\n\r\n", 431},
	} {
		t.Run(row.name, func(t *testing.T) {
			before := reached.Load()
			if got := rawRequest(t, address, row.request); got != row.want {
				t.Errorf("got %d, want %d", got, row.want)
			}
			if went := reached.Load() > before; went != (row.want == 200 && !strings.HasPrefix(row.request, "OPTIONS *")) {
				t.Errorf("reached the upstream: %v", went)
			}
		})
	}
}

// A listed question is answered after failures, and an SDK's own retries do not come
// on top of ours.
func TestFailures(t *testing.T) {
	t.Parallel()
	down := unusedAddress(t)
	api := steadyhttptest.NewServer()
	t.Cleanup(api.Close)
	again := steadyhttptest.OpenAIError(503, "", "", "busy")
	again.Header = http.Header{"Retry-After-Ms": {"1"}}
	broke := steadyhttptest.OpenAIError(429, "insufficient_quota", "insufficient_quota", "no money")
	api.Script("/recovers", again, again, steadyhttptest.ChatCompletion("hello"))
	api.Script("/stays", steadyhttptest.OpenAIError(500, "", "", "no"))
	api.Script("/broke", broke)
	api.Script("/drops", steadyhttptest.Reply{Drop: true})
	api.Script("/slow", steadyhttptest.Reply{Delay: time.Minute})
	config := fmt.Sprintf(`{"upstreams": [
		{"to": %q, "maxAttempts": 3, "attemptTimeout": "200ms"},
		{"prefix": "/down", "to": "http://%s", "maxAttempts": 2, "outageWait": "100ms"},
		{"prefix": "/small", "to": %[1]q, "tokensPerMinute": 10},
		{"prefix": "/unnamed", "to": "http://no-such-host.invalid", "maxAttempts": 2}]}`, api.URL, down)
	p := start(t, "-config", configFile(t, config))
	client := newClient(t)
	for _, row := range []struct {
		name, path, code string // code is "" for an answer of the upstream's
		status           int
		should           string // X-Should-Retry
	}{
		{"recovers", "/recovers", "", 200, ""},
		{"an error of the server that stays", "/stays", "", 500, "false"},
		{"no credit", "/broke", "", 429, "false"},
		{"lost connections", "/drops", "connection", 502, "false"},
		{"no answer in time", "/slow", "timeout", 504, "false"},
		{"nobody listens", "/down/x", "connection", 502, "false"},
		{"more tokens than a minute has", "/small/v1/chat/completions", "too_large", 413, "false"},
		{"a host that is not there", "/unnamed/x", "", 502, "false"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			resp, body := send(t, client, "POST", p.URL+row.path, chat, "Content-Type", "application/json", "X-Stainless-Retry-Count", "0", "Idempotency-Key", row.name)
			if resp.StatusCode != row.status || resp.Header.Get("X-Should-Retry") != row.should {
				t.Errorf("got %d and X-Should-Retry %q, want %d and %q: %s", resp.StatusCode, resp.Header.Get("X-Should-Retry"), row.status, row.should, body)
			}
			if row.code == "" {
				return
			}
			var f failure
			if err := json.Unmarshal([]byte(body), &f); err != nil || f.Type != "error" || f.Error.Type != failureType || f.Error.Code != row.code || f.Error.Message == "" {
				t.Errorf("got body %s, want a failure of code %s", body, row.code)
			}
			if got := resp.Header.Get("X-Steadyhttp-Error"); got != row.code {
				t.Errorf("got X-Steadyhttp-Error %q, want %q", got, row.code)
			}
		})
	}
}

func unusedAddress(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// A queue that has no place says so with a wait, and an SDK may come again.
func TestQueueFull(t *testing.T) {
	t.Parallel()
	arrived, release := make(chan bool, 1), make(chan bool)
	api := upstreamServer(t, func(http.ResponseWriter, *http.Request) { arrived <- true; <-release })
	p := start(t, "-config", configFile(t, fmt.Sprintf(`{"upstreams": [{"to": %q, "maxConcurrent": 1, "maxQueue": 1}]}`, api.URL)))
	client := newClient(t)
	for range 2 {
		go client.Get(p.URL + "/x")
	}
	<-arrived
	waitForGauge(t, client, p, "steadyhttp_throttler_waiting", 1)
	resp, body := send(t, client, "GET", p.URL+"/x", "")
	close(release)
	<-arrived
	if resp.StatusCode != 429 || resp.Header.Get("Retry-After") != "1" || resp.Header.Get("X-Should-Retry") != "" {
		t.Errorf("got %d, Retry-After %q, X-Should-Retry %q, want 429, 1 and none: %s", resp.StatusCode, resp.Header.Get("Retry-After"), resp.Header.Get("X-Should-Retry"), body)
	}
}

// When the caller goes away, the request to the upstream ends.
func TestCallerGone(t *testing.T) {
	t.Parallel()
	arrived, ended := make(chan bool, 1), make(chan bool, 1)
	api := upstreamServer(t, func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		if r.URL.Path == "/stream" {
			w.Header().Set("Content-Type", "text/event-stream")
			io.WriteString(w, "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n")
			w.(http.Flusher).Flush()
		}
		arrived <- true
		<-r.Context().Done()
		ended <- true
	})
	p := start(t, "-to", api.URL)
	client := newClient(t)
	for _, path := range []string{"/answer", "/stream"} {
		ctx, cancel := context.WithCancel(t.Context())
		req, err := http.NewRequestWithContext(ctx, "POST", p.URL+path, strings.NewReader(chat))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		go func() {
			<-arrived
			cancel()
		}()
		if resp, err := client.Do(req); err == nil {
			io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		}
		<-ended
	}
	waitFor(t, "two entries", func() bool { return strings.Count(p.log.String(), `"canceled"`) == 2 })
	if log := p.log.String(); strings.Contains(log, `"level":"error"`) || strings.Contains(log, `"level":"warn"`) {
		t.Errorf("a caller that went away was logged as a failure:\n%s", log)
	}
}

// Each event of a stream is passed on when it comes.
func TestStreamIsNotHeldBack(t *testing.T) {
	t.Parallel()
	next := make(chan bool)
	api := upstreamServer(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for range 3 {
			io.WriteString(w, "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n")
			w.(http.Flusher).Flush()
			<-next
		}
		io.WriteString(w, "data: [DONE]\n\n")
	})
	p := start(t, "-to", api.URL)
	resp, err := newClient(t).Post(p.URL+"/v1/chat/completions", "application/json", strings.NewReader(chat))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	for range 3 {
		if !lines.Scan() || !strings.HasPrefix(lines.Text(), "data: ") || !lines.Scan() {
			t.Fatal("the stream ended early:", lines.Err())
		}
		next <- true // had this event been held back, we would not be here
	}
	if !lines.Scan() || lines.Text() != "data: [DONE]" {
		t.Errorf("got %q at the end", lines.Text())
	}
}

// A stream that breaks off does not look like one that is complete.
func TestStreamBreaks(t *testing.T) {
	t.Parallel()
	api := upstreamServer(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		io.WriteString(w, "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n")
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	})
	p := start(t, "-to", api.URL)
	resp, err := newClient(t).Post(p.URL+"/v1/chat/completions", "application/json", strings.NewReader(chat))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if !errors.Is(err, io.ErrUnexpectedEOF) || !strings.Contains(string(body), `"a"`) {
		t.Errorf("got %q and error %v, want the event and an unexpected EOF", body, err)
	}
}

// Bodies: whether they can be sent again, and that they arrive whole.
func TestBodies(t *testing.T) {
	t.Parallel()
	const size = 64 << 20
	var seen atomic.Int64
	api := upstreamServer(t, func(w http.ResponseWriter, r *http.Request) {
		h := sha256.New()
		n, err := io.Copy(h, r.Body)
		if err != nil {
			return
		}
		if seen.Add(1) == 1 && r.Header.Get("X-Fail") != "" {
			w.Header().Set("Retry-After-Ms", "1")
			w.WriteHeader(503)
			return
		}
		fmt.Fprintf(w, "%d %x", n, h.Sum(nil))
	})
	p := start(t, "-to", api.URL)
	client := newClient(t)
	large := bytes.Repeat([]byte("0123456789abcdef"), size/16)
	for _, row := range []struct {
		name     string
		body     []byte
		chunked  bool
		fails    bool
		kind     string
		requests int64
	}{
		{"JSON with a length", []byte(chat), false, true, "application/json", 2},
		{"JSON without a length", []byte(chat), true, true, "application/json", 2},
		{"a form without a length", large[:512<<10], true, true, "multipart/form-data", 2},
		{"JSON of two mebibytes", large[:2<<20], false, false, "application/json", 1},
		{"a large upload", large, false, false, "application/octet-stream", 1},
		{"a large upload without a length", large, true, false, "application/octet-stream", 1},
	} {
		t.Run(row.name, func(t *testing.T) {
			seen.Store(0)
			var body io.Reader = bytes.NewReader(row.body)
			if row.chunked {
				body = io.MultiReader(body)
			}
			req, err := http.NewRequest("PUT", p.URL+"/x", body)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Content-Type", row.kind)
			if row.fails {
				req.Header.Set("X-Fail", "1")
			}
			resp, err := client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			got, _ := io.ReadAll(resp.Body)
			if want := fmt.Sprintf("%d %x", len(row.body), sha256.Sum256(row.body)); string(got) != want {
				t.Errorf("got %d %q, want %q", resp.StatusCode, got, want)
			}
			if n := seen.Load(); n != row.requests {
				t.Errorf("got %d requests, want %d", n, row.requests)
			}
		})
	}
}

// An upload is passed on as it comes, and an early answer does not wait for its end.
func TestUploadIsStreamed(t *testing.T) {
	t.Parallel()
	first := make(chan string, 1)
	api := upstreamServer(t, func(w http.ResponseWriter, r *http.Request) {
		b := make([]byte, 5)
		io.ReadFull(r.Body, b)
		first <- string(b)
		io.Copy(io.Discard, r.Body)
	})
	p := start(t, "-to", api.URL)
	in, out := io.Pipe()
	go func() {
		io.WriteString(out, "hello")
		if got := <-first; got != "hello" { // or this would wait for ever
			t.Errorf("got %q", got)
		}
		out.Close()
	}()
	resp, err := newClient(t).Post(p.URL+"/x", "application/octet-stream", in)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
}

// What is compressed passes as it is; for JSON posts the upstream is asked for plain
// text, into which can be looked.
func TestCompression(t *testing.T) {
	t.Parallel()
	var asked string
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	io.WriteString(z, strings.Repeat("hello ", 100))
	z.Close()
	api := upstreamServer(t, func(w http.ResponseWriter, r *http.Request) {
		asked = r.Header.Get("Accept-Encoding")
		w.Header().Set("Content-Encoding", "gzip")
		w.Header().Set("Alt-Svc", `h3=":443"`)
		w.Write(zipped.Bytes())
	})
	p := start(t, "-to", api.URL)
	client := newClient(t)
	for _, row := range []struct{ method, kind, accepts, want string }{
		{"GET", "", "gzip, br", "gzip, br"},
		{"GET", "", "", ""},
		{"POST", "application/json", "gzip, br", "identity"},
		{"POST", "application/json", "", ""},
		{"POST", "text/plain", "gzip, br", "gzip, br"},
	} {
		header := []string{"Content-Type", row.kind}
		if row.accepts != "" {
			header = append(header, "Accept-Encoding", row.accepts)
		}
		resp, body := send(t, client, row.method, p.URL+"/x", map[string]string{"POST": chat}[row.method], header...)
		if asked != row.want {
			t.Errorf("%s %s that accepts %q: asked for %q, want %q", row.method, row.kind, row.accepts, asked, row.want)
		}
		if body != zipped.String() || resp.Header.Get("Content-Encoding") != "gzip" || resp.Header.Get("Alt-Svc") != "" {
			t.Errorf("%s %s: the answer did not pass as it was: %v", row.method, row.kind, resp.Header)
		}
	}
}

// Trailers, informational answers, redirects and statuses pass.
func TestAnswersPass(t *testing.T) {
	t.Parallel()
	api := upstreamServer(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/trailer":
			w.Header().Set("Trailer", "X-Sum")
			io.WriteString(w, "body")
			w.Header().Set("X-Sum", "4")
			w.Header().Set(http.TrailerPrefix+"X-Late", "5")
		case "/hints":
			w.Header().Set("Link", "</style.css>; rel=preload")
			w.WriteHeader(103)
			io.WriteString(w, "body")
		case "/redirect":
			http.Redirect(w, r, "/elsewhere", http.StatusFound)
		case "/teapot":
			w.WriteHeader(418)
		}
	})
	p := start(t, "-to", api.URL)
	client := newClient(t)
	resp, body := send(t, client, "GET", p.URL+"/trailer", "")
	if body != "body" || resp.Trailer.Get("X-Sum") != "4" || resp.Trailer.Get("X-Late") != "5" {
		t.Errorf("got body %q and trailers %v", body, resp.Trailer)
	}
	var hints int
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
		if code == 103 && h.Get("Link") != "" {
			hints++
		}
		return nil
	}})
	req, _ := http.NewRequestWithContext(ctx, "GET", p.URL+"/hints", nil)
	if resp, err := client.Do(req); err != nil || hints != 1 {
		t.Errorf("got %d early hints and error %v", hints, err)
	} else {
		resp.Body.Close()
	}
	if resp, _ := send(t, client, "GET", p.URL+"/redirect", ""); resp.StatusCode != 302 || resp.Header.Get("Location") != "/elsewhere" {
		t.Errorf("got %d to %q", resp.StatusCode, resp.Header.Get("Location"))
	}
	if resp, _ := send(t, client, "GET", p.URL+"/teapot", ""); resp.StatusCode != 418 {
		t.Errorf("got %d, want 418", resp.StatusCode)
	}
}

// A connection that is taken over for another protocol carries it both ways.
func TestUpgrade(t *testing.T) {
	t.Parallel()
	api := upstreamServer(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") != "echo" {
			w.WriteHeader(400)
			return
		}
		conn, buffered, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
		line, _ := buffered.ReadString('\n')
		io.WriteString(conn, "you said "+line)
	})
	p := start(t, "-to", api.URL)
	conn, err := net.Dial("tcp", strings.TrimPrefix(p.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	io.WriteString(conn, "GET /v1/realtime HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
	r := bufio.NewReader(conn)
	resp, err := http.ReadResponse(r, nil)
	if err != nil || resp.StatusCode != 101 {
		t.Fatal(resp, err)
	}
	io.WriteString(conn, "hello\n")
	if line, err := r.ReadString('\n'); line != "you said hello\n" {
		t.Errorf("got %q and %v", line, err)
	}
}

// Over HTTP/2, an upstream has many streams on one connection.
func TestHTTP2Upstream(t *testing.T) {
	t.Parallel()
	api := steadyhttptest.NewTLSServer()
	defer api.Close()
	api.Script("*", steadyhttptest.ChatCompletion("hello"))
	base := newBase()
	base.TLSClientConfig = api.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	if !base.ForceAttemptHTTP2 {
		t.Error("the base does not try HTTP/2")
	}
	u, err := url.Parse(api.URL)
	if err != nil {
		t.Fatal(err)
	}
	up := upstream{To: api.URL, url: u}
	resp, err := up.transport(base, nil, "", nil).RoundTrip(must(http.NewRequest("GET", api.URL+"/x", nil)))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.ProtoMajor != 2 {
		t.Errorf("got %s, want HTTP/2", resp.Proto)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// waitForGauge waits until one of the proxy's metrics of that name has a value.
func waitForGauge(t *testing.T, client *http.Client, p *running, name string, value int) {
	t.Helper()
	waitFor(t, fmt.Sprint(name, " to be ", value), func() bool {
		_, body := send(t, client, "GET", p.URL+"/metrics", "")
		return slices.ContainsFunc(strings.Split(body, "\n"), func(line string) bool {
			return strings.HasPrefix(line, name+"{") && strings.HasSuffix(line, fmt.Sprintf("} %d", value))
		})
	})
}

// Calls wait by the priority in their header.
func TestPriority(t *testing.T) {
	t.Parallel()
	release := make(chan bool)
	var order []string // one request is under way at a time
	api := upstreamServer(t, func(w http.ResponseWriter, r *http.Request) {
		order = append(order, r.URL.Path)
		<-release
	})
	p := start(t, "-config", configFile(t, fmt.Sprintf(`{"upstreams": [{"to": %q, "maxConcurrent": 1}]}`, api.URL)))
	client := newClient(t)
	done := make(chan bool)
	waiting := -1
	for _, class := range []string{"first", "batch", "normal", "urgent"} {
		header := []string{"Content-Type", "application/json", "Authorization", "Bearer k"}
		if class != "first" {
			header = append(header, priorityHeader, class)
		}
		go func() {
			send(t, client, "GET", p.URL+"/"+class, "", header...)
			done <- true
		}()
		if waiting++; waiting == 0 {
			waitForGauge(t, client, p, "steadyhttp_throttler_active", 1)
			continue
		}
		waitForGauge(t, client, p, "steadyhttp_throttler_waiting", waiting)
	}
	for range 4 {
		release <- true
		<-done
	}
	if got := strings.Join(order, " "); got != "/first /urgent /normal /batch" {
		t.Errorf("got %s", got)
	}
}
