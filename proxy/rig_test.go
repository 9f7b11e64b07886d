package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// roleVariable makes the test binary be another program.
const roleVariable = "STEADYHTTP_PROXY_TEST_ROLE"

func TestMain(m *testing.M) {
	switch os.Getenv(roleVariable) {
	case "proxy":
		main()
	case "bare":
		bare(os.Args[1])
	default:
		os.Exit(m.Run())
	}
}

// bare is the least that a reverse proxy can be, to compare with.
func bare(to string) {
	target, err := url.Parse(to)
	if err != nil {
		panic(err)
	}
	base := http.DefaultTransport.(*http.Transport).Clone()
	base.DisableCompression = true
	base.MaxIdleConns, base.MaxIdleConnsPerHost = 0, 1000
	p := &httputil.ReverseProxy{
		Rewrite:       func(pr *httputil.ProxyRequest) { pr.SetURL(target) },
		FlushInterval: -1,
		Transport:     base,
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Fprintf(os.Stderr, `{"msg":"listening","address":%q}`+"\n", l.Addr())
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	go http.Serve(l, p)
	<-ctx.Done()
}

// A running proxy is one that a test has started.
type running struct {
	t    testing.TB
	URL  string
	stop context.CancelFunc // as SIGTERM does
	code chan int           // of the end, once
	log  *logLines
	pid  int // of one that is a process
}

// logLines are the lines of JSON that a proxy has written.
type logLines struct {
	mu    sync.Mutex
	lines []string
	first chan string // the address, as soon as it is known
}

func newLogLines() *logLines { return &logLines{first: make(chan string, 2)} }

func (l *logLines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.Lines(string(p)) {
		l.lines = append(l.lines, line)
		var e struct{ Msg, Address string }
		if json.Unmarshal([]byte(line), &e) == nil && strings.HasPrefix(e.Msg, "listening") {
			l.first <- e.Address
		}
	}
	return len(p), nil
}

func (l *logLines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.lines, "")
}

// start runs a proxy in this process, and ends it with the test.
func start(t testing.TB, args ...string) *running {
	t.Helper()
	return startWith(t, nil, args...)
}

func startWith(t testing.TB, env map[string]string, args ...string) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{t: t, stop: cancel, code: make(chan int, 1), log: newLogLines()}
	getenv := func(name string) (string, bool) { v, ok := env[name]; return v, ok }
	if !strings.Contains(strings.Join(args, " "), "-listen") {
		args = append(args, "-listen", "127.0.0.1:0")
	}
	go func() { r.code <- run(ctx, args, getenv, io.Discard, r.log) }()
	select {
	case address := <-r.log.first:
		r.URL = "http://" + address
	case code := <-r.code:
		t.Fatalf("the proxy ended with %d:\n%s", code, r.log)
	}
	t.Cleanup(func() { r.end() })
	return r
}

// end ends the proxy, if it has not ended, and returns its code.
func (r *running) end() int {
	r.stop()
	code := <-r.code
	r.code <- code
	return code
}

// startProcess runs a role as a process of its own.
func startProcess(t testing.TB, role string, args ...string) *running {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe, args...)
	cmd.Env = append(os.Environ(), roleVariable+"="+role)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	r := &running{t: t, code: make(chan int, 1), log: newLogLines(), pid: cmd.Process.Pid}
	r.stop = sync.OnceFunc(func() { cmd.Process.Signal(syscall.SIGTERM) }) // a second one would end it the hard way
	go func() {
		for lines := bufio.NewScanner(stderr); lines.Scan(); {
			r.log.Write(append(lines.Bytes(), '\n'))
		}
		cmd.Wait()
		r.code <- cmd.ProcessState.ExitCode()
	}()
	select {
	case address := <-r.log.first:
		r.URL = "http://" + address
	case code := <-r.code:
		t.Fatalf("the process ended with %d:\n%s", code, r.log)
	}
	t.Cleanup(func() { r.end() })
	return r
}

// configFile writes a config and returns its path.
func configFile(t testing.TB, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "proxy.json")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// upstreamServer runs an API of the test's own, and ends it with the test.
func upstreamServer(t testing.TB, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

// newClient returns one with connections of its own.
func newClient(t testing.TB) *http.Client {
	base := http.DefaultTransport.(*http.Transport).Clone()
	base.MaxIdleConnsPerHost = 1000
	base.DisableCompression = true
	base.Proxy = nil
	t.Cleanup(base.CloseIdleConnections)
	return &http.Client{Transport: base, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// send sends a request with headers, given as names and values by turns, and returns
// the response with its body.
func send(t testing.TB, client *http.Client, method, url, body string, header ...string) (*http.Response, string) {
	t.Helper()
	var content io.Reader
	if body != "" {
		content = strings.NewReader(body)
	}
	req, err := http.NewRequest(method, url, content)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		if header[i] == "Host" {
			req.Host = header[i+1]
			continue
		}
		req.Header.Add(header[i], header[i+1])
	}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var b bytes.Buffer
	if _, err := b.ReadFrom(resp.Body); err != nil {
		t.Fatal(err)
	}
	return resp, b.String()
}

// missing skips a test for want of a program, but not where nothing may be left out.
func missing(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatal(what)
	}
	t.Skip(what)
}

// waitFor waits for something that another goroutine does.
func waitFor(t testing.TB, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited ten seconds for %s", what)
		}
	}
}

const chat = `{"model":"gpt-5","messages":[{"role":"user","content":"hello"}]}`
