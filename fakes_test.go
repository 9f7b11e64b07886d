package steadyhttp_test

import (
	"errors"
	"flag"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/cenkalti/backoff/v4"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/steadyhttp/steadyhttp"
	"github.com/steadyhttp/steadyhttp/steadyhttptest"
)

// Long runs take minutes, under the race detector above all. CI makes them:
//
//	go test -race -timeout 20m . -long
var long = flag.Bool("long", false, "test every order of the wrappers, and with as many calls as ci/test.sh does")

// howMany is how much of a test runs: with -short, by default, and with -long.
func howMany(short, usual, all int) int {
	switch {
	case *long:
		return all
	case testing.Short():
		return short
	}
	return usual
}

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

// A stillBody tells whether anybody has read it.
type stillBody struct {
	io.Reader
	reads  int
	closed int
}

func (b *stillBody) Read(p []byte) (int, error) { b.reads++; return b.Reader.Read(p) }

func (b *stillBody) Close() error { b.closed++; return nil }

// answering is a base that answers with body and a stated length.
func answering(status int, header http.Header, body io.ReadCloser, length int64) http.RoundTripper {
	return roundTripperFunc(func(req *http.Request) (*http.Response, error) {
		if req.Body != nil {
			req.Body.Close()
		}
		return &http.Response{StatusCode: status, Header: header, Body: body, ContentLength: length, Request: req}, nil
	})
}

func noWait() backoff.BackOff { return &backoff.ZeroBackOff{} }

type closeRecorder struct {
	io.Reader
	closed bool
}

func (c *closeRecorder) Close() error { c.closed = true; return nil }

// every returns a policy that always waits d.
func every(d time.Duration) func() backoff.BackOff {
	return func() backoff.BackOff { return backoff.NewConstantBackOff(d) }
}

// replying is a base that asks f, which also makes the body.
func replying(f func(req *http.Request) reply) http.RoundTripper {
	s := &script{}
	return roundTripperFunc(func(req *http.Request) (*http.Response, error) {
		if req.Body != nil {
			req.Body.Close()
		}
		r := f(req)
		if r.after > 0 {
			time.Sleep(r.after)
		}
		if r.err != nil {
			return nil, r.err
		}
		return s.response(req, r), nil
	})
}

// plainAnswer is an answer that no wrapper of ours saw, as fakes make it:
// without a Request.
func plainAnswer(status int, header, body string) *http.Response {
	return playing().response(nil, reply{status: status, header: header, body: body})
}

// A slowBody gives one byte of its text every so often, and then nothing more
// until it is closed.
type slowBody struct {
	text   string
	every  time.Duration
	closed chan struct{}
	once   sync.Once
}

func slow(text string, every time.Duration) *slowBody {
	return &slowBody{text: text, every: every, closed: make(chan struct{})}
}

func (b *slowBody) Read(p []byte) (int, error) {
	wait := time.NewTimer(b.every)
	defer wait.Stop()
	next := wait.C
	if b.text == "" {
		next = nil
	}
	select {
	case <-next:
		p[0] = b.text[0]
		b.text = b.text[1:]
		return 1, nil
	case <-b.closed:
		return 0, errClosed
	}
}

func (b *slowBody) Close() error {
	b.once.Do(func() { close(b.closed) })
	return nil
}

var errClosed = errors.New("closed")

type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

// serve starts a server that answers every path with handler.
func serve(t *testing.T, handler http.HandlerFunc) *steadyhttptest.Server {
	t.Helper()
	srv := steadyhttptest.NewServer()
	t.Cleanup(srv.Close)
	srv.Script("*", steadyhttptest.Reply{Early: true, Handler: handler})
	return srv
}

// steady is a client with the zero Transport over srv's own.
func steady(srv *steadyhttptest.Server) *http.Client {
	client := srv.Client()
	client.Transport = &steadyhttp.Transport{Base: client.Transport}
	return client
}

var errReset = &net.OpError{Op: "read", Net: "tcp", Err: errors.New("reset by peer")}

func equalHeaders(a, b http.Header) bool {
	if len(a) != len(b) {
		return false
	}
	for name, values := range a {
		if !slices.Equal(values, b[name]) {
			return false
		}
	}
	return true
}

// settled returns how many more goroutines than before there are once those
// that are about to end have ended.
func settled(before int) int {
	for end := time.Now().Add(3 * time.Second); time.Now().Before(end); runtime.Gosched() {
		if runtime.NumGoroutine() <= before {
			return 0
		}
	}
	return runtime.NumGoroutine() - before
}

// quietLog keeps what net/http says about such servers out of the test's output.
func quietLog(t *testing.T) {
	log.SetOutput(io.Discard)
	t.Cleanup(func() { log.SetOutput(os.Stderr) })
}

func asErrorClass(err error) steadyhttp.Class {
	return steadyhttp.Check(nil, err).(*steadyhttp.Error).Class
}

// checkText checks what holds of every verdict, whatever the server sent.
func checkText(t testing.TB, e *steadyhttp.Error) {
	t.Helper()
	if e.Class == steadyhttp.None || e.Class > steadyhttp.Unknown {
		t.Errorf("class: got %d, want one of a failure", e.Class)
	}
	texts := []struct {
		name, value string
		max         int
	}{
		{"Error", e.Error(), 2 << 10}, {"UserMessage", e.UserMessage(), 1 << 10},
		{"Message", e.Message, 1 << 10}, {"Hint", e.Hint, 2 << 10},
		{"Provider", e.Provider, 128}, {"Code", e.Code, 128}, {"Param", e.Param, 128}, {"RequestID", e.RequestID, 128},
		{"ScopeName", e.ScopeName, 128}, {"RetryAfterSource", e.RetryAfterSource, 128},
	}
	for _, a := range e.RateLimit {
		texts = append(texts, struct {
			name, value string
			max         int
		}{"RateLimit", a.Name + a.Unit, 256})
	}
	for _, s := range texts {
		if len(s.value) > s.max {
			t.Errorf("%s: got %d bytes, want at most %d", s.name, len(s.value), s.max)
		}
		if !utf8.ValidString(s.value) || strings.ContainsFunc(s.value, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("%s: got %q, want one line of printable text", s.name, s.value)
		}
	}
	if len(e.Body) > 64<<10 {
		t.Errorf("Body: got %d bytes, want at most 64 KiB", len(e.Body))
	}
	if e.RetryAfter < 0 || e.Window < 0 || e.RetryAfterSource == "" && (e.RetryAfter != 0 || !e.NotBefore.IsZero()) {
		t.Errorf("got a wait of %v by %q, not before %v, window %v", e.RetryAfter, e.RetryAfterSource, e.NotBefore, e.Window)
	}
}

// underRace reports whether the race detector is on.
func underRace() bool {
	info, _ := debug.ReadBuildInfo()
	return info != nil && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}

// observed is a Logger whose entries can be read.
func observed() (*steadyhttp.Logger, *observer.ObservedLogs) {
	core, logs := observer.New(zapcore.DebugLevel)
	return &steadyhttp.Logger{Zap: zap.New(core)}, logs
}

// only returns the fields of the one entry that there is.
func only(t *testing.T, logs *observer.ObservedLogs) map[string]any {
	t.Helper()
	if n := logs.Len(); n != 1 {
		t.Fatalf("got %d entries, want 1", n)
	}
	return logs.All()[0].ContextMap()
}

func messagesOf(logs *observer.ObservedLogs) (all []string) {
	for _, e := range logs.All() {
		all = append(all, e.Message)
	}
	return all
}
