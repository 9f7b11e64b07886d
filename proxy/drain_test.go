package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// After SIGTERM the health is 503 at once, a stream goes on to its end, and no new
// connection is taken once the delay is over.
func TestDrain(t *testing.T) {
	t.Parallel()
	next := make(chan bool)
	api := upstreamServer(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == "GET" {
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		for range 2 {
			io.WriteString(w, "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n")
			w.(http.Flusher).Flush()
			<-next
		}
		io.WriteString(w, "data: [DONE]\n\n")
	})
	p := start(t, "-config", configFile(t, fmt.Sprintf(`{"drainDelay": "500ms", "upstreams": [{"to": %q}]}`, api.URL)))
	client := newClient(t)
	if resp, body := send(t, client, "GET", p.URL+"/healthz", ""); resp.StatusCode != 200 || body != "ok\n" {
		t.Errorf("got health %d %q", resp.StatusCode, body)
	}
	resp, err := client.Post(p.URL+"/v1/chat/completions", "application/json", strings.NewReader(chat))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	p.stop()
	waitFor(t, "the health to be 503", func() bool {
		resp, _ := send(t, client, "GET", p.URL+"/healthz", "")
		return resp.StatusCode == 503
	})
	if resp, _ := send(t, client, "GET", p.URL+"/none", ""); resp.StatusCode != 200 || !resp.Close {
		t.Errorf("in the delay: got %d, close %v, want an answer after which the connection is closed", resp.StatusCode, resp.Close)
	}
	waitFor(t, "the address to be free", func() bool {
		conn, err := net.Dial("tcp", strings.TrimPrefix(p.URL, "http://"))
		if err == nil {
			conn.Close()
		}
		return err != nil
	})
	next <- true
	next <- true
	if body, err := io.ReadAll(resp.Body); err != nil || !strings.HasSuffix(string(body), "[DONE]\n\n") {
		t.Errorf("got %q and %v, want the whole stream", body, err)
	}
	if code := p.end(); code != exitOK || !strings.Contains(p.log.String(), `"drained"`) {
		t.Errorf("ended with %d:\n%s", code, p.log)
	}
}

// Calls that do not end are cut off at the bound, and told so.
func TestDrainIsBounded(t *testing.T) {
	t.Parallel()
	arrived := make(chan bool, 2)
	api := upstreamServer(t, func(w http.ResponseWriter, r *http.Request) {
		arrived <- true
		if r.Header.Get("Upgrade") != "" {
			conn, buffered, _ := http.NewResponseController(w).Hijack()
			io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
			buffered.ReadString('\n')
			conn.Close()
			return
		}
		<-r.Context().Done()
	})
	p := start(t, "-config", configFile(t, fmt.Sprintf(`{"drainDelay": "-1s", "drain": "200ms", "upstreams": [{"to": %q}]}`, api.URL)))
	failed := make(chan error, 1)
	go func() {
		_, err := newClient(t).Get(p.URL + "/x")
		failed <- err
	}()
	conn, err := net.Dial("tcp", strings.TrimPrefix(p.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	io.WriteString(conn, "GET /x HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
	if resp, err := http.ReadResponse(bufio.NewReader(conn), nil); err != nil || resp.StatusCode != 101 {
		t.Fatal(resp, err)
	}
	<-arrived
	<-arrived
	p.end()
	if err := <-failed; err == nil {
		t.Error("the call was answered, want it cut off")
	}
	if !strings.Contains(p.log.String(), `"cut":2`) {
		t.Errorf("the log does not say that two calls were cut:\n%s", p.log)
	}
}

// Under load, a proxy is replaced by another without losing a call. A call is lost if
// it fails in any way but that no connection could be made: only then the caller knows
// that nothing was sent, and goes to the other proxy, as a load balancer does.
func TestDrainLosesNothing(t *testing.T) {
	var served atomic.Int64
	api := upstreamServer(t, func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		time.Sleep(20 * time.Millisecond)
		served.Add(1)
		io.WriteString(w, `{"choices":[{"message":{"content":"hello"}}]}`)
	})
	old, young := startProcess(t, "proxy", "-to", api.URL, "-listen", "127.0.0.1:0"), startProcess(t, "proxy", "-to", api.URL, "-listen", "127.0.0.1:0")
	perSecond := 500
	if raceEnabled {
		perSecond = 100 // what two cores can do then
	}
	l := underLoad(t, old.URL, young.URL, perSecond, 4*time.Second, func() { old.stop() })
	if l.lost > 0 || l.sent < 3*perSecond {
		t.Errorf("lost %d of %d calls, want none of %d at least: %v", l.lost, l.sent, 3*perSecond, l.err)
	}
	if l.moved == 0 {
		t.Error("no call went to the second proxy")
	}
	if code := old.end(); code != exitOK {
		t.Errorf("the proxy ended with %d:\n%s", code, old.log)
	}
	t.Logf("%d calls sent, %d of them to the second proxy, %d lost", l.sent, l.moved, l.lost)
}

// A loaded is what became of the calls of a load.
type loaded struct {
	sent, moved, lost int
	err               error // why the first was lost
}

// underLoad sends so many calls a second, for so long, to the first address, and to the
// second once the first is not healthy any more or takes no connections. In the middle
// it calls change.
func underLoad(t *testing.T, first, second string, perSecond int, last time.Duration, change func()) loaded {
	client := newClient(t)
	var mu sync.Mutex
	var l loaded
	var ill atomic.Bool
	post := func(to string) error {
		resp, err := client.Post(to+"/v1/chat/completions", "application/json", strings.NewReader(chat))
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if _, err := io.Copy(io.Discard, resp.Body); err != nil {
			return err
		}
		if resp.StatusCode != 200 {
			return fmt.Errorf("status %d", resp.StatusCode)
		}
		return nil
	}
	ctx, cancel := context.WithTimeout(t.Context(), last)
	defer cancel()
	var calls sync.WaitGroup
	calls.Go(func() { // as a load balancer looks at the health
		for tick := time.NewTicker(200 * time.Millisecond); ctx.Err() == nil; <-tick.C {
			resp, err := client.Get(first + "/healthz")
			if err == nil {
				resp.Body.Close()
			}
			if err != nil || resp.StatusCode != 200 {
				ill.Store(true)
			}
		}
	})
	time.AfterFunc(last/2, change)
	start := time.Now()
	for sent := 0; ctx.Err() == nil; sent++ {
		time.Sleep(time.Until(start.Add(time.Second * time.Duration(sent) / time.Duration(perSecond)))) // not at all if we are late
		calls.Go(func() {
			to, moved := first, false
			if ill.Load() {
				to, moved = second, true
			}
			err := post(to)
			if refused(err) {
				moved, err = true, post(second)
			}
			mu.Lock()
			defer mu.Unlock()
			l.sent++
			if moved {
				l.moved++
			}
			if err != nil {
				l.lost++
				if l.err == nil {
					l.err = err
				}
			}
		})
	}
	calls.Wait()
	return l
}

// refused reports whether nothing was sent, since nobody listens any more.
func refused(err error) bool {
	u, ok := errors.AsType[*url.Error](err)
	if !ok {
		return false
	}
	dial, ok := errors.AsType[*net.OpError](u.Err)
	return ok && dial.Op == "dial" // refused, or reset before it was accepted
}
