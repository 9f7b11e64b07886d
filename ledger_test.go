package steadyhttp_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/steadyhttp/steadyhttp"
	"github.com/steadyhttp/steadyhttp/steadyhttptest"
)

// A ledger is a server that carries out every order it reads, and then drops
// the connection before it answers: each time, or but for some answers.
type ledger struct {
	url     string
	answers func(n int, key string, seen bool) bool // whether the n-th request of a connection is answered

	mu       sync.Mutex // guards what follows
	requests int
	effects  map[string]int // by order
	keys     map[string]bool
}

func newLedger(t *testing.T, answers func(n int, key string, seen bool) bool) *ledger {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &ledger{url: "http://" + listener.Addr().String(), answers: answers, effects: map[string]int{}, keys: map[string]bool{}}
	var conns sync.WaitGroup
	t.Cleanup(func() {
		listener.Close()
		conns.Wait()
	})
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			conns.Go(func() { l.serve(c.(*net.TCPConn)) })
		}
	}()
	return l
}

func (l *ledger) serve(c *net.TCPConn) {
	defer c.Close()
	in := bufio.NewReader(c)
	for n := 1; ; n++ {
		req, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		order, err := io.ReadAll(req.Body)
		if err != nil {
			return
		}
		if !l.carryOut(n, string(order), req.Header.Get("Idempotency-Key")) {
			c.SetLinger(0) // a reset
			return
		}
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
	}
}

func (l *ledger) carryOut(n int, order, key string) (answer bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.requests++
	seen := key != "" && l.keys[key]
	if !seen {
		l.effects[order]++
		l.keys[key] = true
	}
	return l.answers(n, key, seen)
}

func TestAppliedAndThenDropped(t *testing.T) {
	var keys atomic.Int64
	withKey := func(*http.Request) string { return fmt.Sprint("key-", keys.Add(1)) }
	for _, row := range []struct {
		name    string
		calls   int
		answers func(n int, key string, seen bool) bool
		key     func(*http.Request) string
		getBody bool
		good    bool // whether every call succeeds in the end
	}{
		{"every answer is lost", howMany(30, 300, 10_000), func(int, string, bool) bool { return false }, nil, true, false},
		{"every answer is lost, without GetBody", howMany(30, 100, 1_000), func(int, string, bool) bool { return false }, nil, false, false},
		{"every second answer of a connection is lost", howMany(30, 150, 2_000), func(n int, _ string, _ bool) bool { return n%2 == 1 }, nil, true, false},
		{"with a key that the server honours", howMany(30, 100, 1_000), func(_ int, _ string, seen bool) bool { return seen }, withKey, true, true},
		{"with a key, without GetBody", howMany(20, 50, 500), func(_ int, _ string, seen bool) bool { return seen }, withKey, false, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			l := newLedger(t, row.answers)
			base := &http.Transport{MaxIdleConnsPerHost: 32}
			defer base.CloseIdleConnections()
			client := &http.Client{Transport: &steadyhttp.Transport{Base: base, Retrier: &steadyhttp.Retrier{
				BackOff: noWait, IdempotencyKey: row.key,
				Budget: &steadyhttp.Budget{MaxRatio: -1}, // it must not be what prevents the harm
			}, Throttler: &steadyhttp.Throttler{OutageWait: -1}}} // nor must the gate of a host that always fails
			var wg sync.WaitGroup
			var bad, next atomic.Int64
			for range 16 {
				wg.Go(func() {
					for {
						i := next.Add(1)
						if i > int64(row.calls) {
							return
						}
						req := request(t, "POST", l.url+"/orders", fmt.Sprint("order ", i))
						if !row.getBody {
							req.GetBody = nil
						}
						resp, err := client.Do(req)
						if err != nil {
							bad.Add(1)
							continue
						}
						resp.Body.Close()
					}
				})
			}
			wg.Wait()
			l.mu.Lock()
			defer l.mu.Unlock()
			duplicates := 0
			for _, n := range l.effects {
				if n > 1 {
					duplicates++
				}
			}
			t.Logf("%d calls, %d requests: %d carried out, %d of them more than once, %d calls failed", row.calls, l.requests, len(l.effects), duplicates, bad.Load())
			if duplicates != 0 || len(l.effects) != row.calls {
				t.Errorf("got %d orders of %d, %d of them more than once; want each once", len(l.effects), row.calls, duplicates)
			}
			if row.good && bad.Load() != 0 {
				t.Errorf("%d calls failed, want none", bad.Load())
			}
		})
	}
}

// A server that is slow to answer has carried it out all the same, and so has
// one whose answer breaks off.
func TestCarriedOutOnce(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name  string
		reply steadyhttptest.Reply
	}{
		{"it answers too late", steadyhttptest.Reply{Delay: time.Hour}},
		{"it drops the connection", steadyhttptest.Reply{Drop: true}},
		{"its answer breaks off", steadyhttptest.Reply{Body: "half", Drop: true}},
		{"its refusal breaks off", steadyhttptest.Reply{Status: 500, Body: "half", Drop: true}},
		{"it says 503 and no more", steadyhttptest.Reply{Status: 503}},
	} {
		for name, newServer := range map[string]func() *steadyhttptest.Server{"HTTP/1.1": steadyhttptest.NewServer, "HTTP/2": steadyhttptest.NewTLSServer} {
			t.Run(row.name+" over "+name, func(t *testing.T) {
				srv := newServer()
				defer srv.Close()
				srv.Script("*", row.reply)
				client := srv.Client()
				client.Transport = &steadyhttp.Transport{Base: client.Transport, Retrier: &steadyhttp.Retrier{BackOff: noWait, AttemptTimeout: 500 * time.Millisecond}}
				resp, err := client.Do(request(t, "POST", srv.URL+"/orders", "one order"))
				if err == nil {
					_, err = io.ReadAll(resp.Body)
					resp.Body.Close()
				}
				if err == nil && row.reply.Status != 503 {
					t.Error("got no error")
				}
				if got := len(srv.Requests()); got != 1 {
					t.Errorf("it was sent %d times, want once", got)
				}
			})
		}
	}
}
