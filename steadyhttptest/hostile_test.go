package steadyhttptest

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func TestHostilesHaveNames(t *testing.T) {
	seen := make(map[string]bool)
	for _, h := range Hostiles() {
		switch {
		case h.Name == "" || seen[h.Name]:
			t.Errorf("a name twice, or none: %q", h.Name)
		case (h.harm == nil) == (h.harm2 == nil):
			t.Errorf("%s: does no harm, or two", h.Name)
		case h.harm2 != nil && !h.HTTP2:
			t.Errorf("%s: harm over HTTP/2 without HTTP/2", h.Name)
		}
		seen[h.Name] = true
	}
}

func hostileNamed(t *testing.T, name string) Hostile {
	for _, h := range Hostiles() {
		if h.Name == name {
			return h
		}
	}
	t.Fatalf("there is no server that %s", name)
	return Hostile{}
}

// get returns the body of what a plain client gets.
func get(t *testing.T, srv *HostileServer) (string, error) {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, "GET", srv.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := srv.Client().Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return string(b), err
}

func TestHostileServerDoesHarmAsOftenAsItIsTold(t *testing.T) {
	for _, name := range []string{"resets after the request", "sends GOAWAY with INTERNAL_ERROR after the request, and closes"} {
		for how, start := range map[string]func(Hostile, int) *HostileServer{"on a socket": Hostile.Start, "in memory": Hostile.StartInMemory} {
			t.Run(name+", "+how, func(t *testing.T) {
				srv := start(hostileNamed(t, name), 2)
				defer srv.Close()
				for range 2 {
					if body, err := get(t, srv); err == nil {
						t.Errorf("got %q, want an error", body)
					}
				}
				if body, err := get(t, srv); body != "fine" || err != nil {
					t.Errorf("got %q, %v; want fine", body, err)
				}
				if made, _ := srv.Connections(); made != 3 {
					t.Errorf("got %d connections, want 3", made)
				}
				if n := srv.Requests(); n != 3 {
					t.Errorf("got %d requests, want 3", n)
				}
				srv.Close()
				if _, open := srv.Connections(); open != 0 {
					t.Errorf("%d connections are open after Close", open)
				}
			})
		}
	}
}

func TestResetsAreResets(t *testing.T) {
	for how, start := range map[string]func(Hostile, int) *HostileServer{"on a socket": Hostile.Start, "in memory": Hostile.StartInMemory} {
		srv := start(hostileNamed(t, "resets after the request"), 1)
		if _, err := get(t, srv); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("%s: got %v, want %v", how, err, syscall.ECONNRESET)
		}
		srv.Close()
	}
}

func TestByteASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := hostileNamed(t, "sends the headers at a byte a second").StartInMemory(1)
		defer srv.Close()
		start := time.Now()
		if _, err := get(t, srv); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != 10*time.Second {
			t.Errorf("got %v after %s, want the deadline's end after 10 s", err, time.Since(start))
		}
	})
}

func TestConnectionInMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := connectionInMemory()
		large := strings.Repeat("x", maxUnread+1)
		a.SetWriteDeadline(time.Now().Add(time.Second))
		if n, err := a.Write([]byte(large)); n != maxUnread || !errors.Is(err, context.DeadlineExceeded) && !timedOut(err) {
			t.Errorf("Write of more than it holds: got %d, %v", n, err)
		}
		a.SetWriteDeadline(time.Time{})
		a.CloseWrite()
		if got, err := io.ReadAll(b); len(got) != maxUnread || err != nil {
			t.Errorf("Read to the end: got %d bytes, %v", len(got), err)
		}
		if _, err := b.Write([]byte("still open")); err != nil {
			t.Errorf("Write the other way: got %v", err)
		}
		b.SetReadDeadline(time.Now().Add(-time.Second))
		if _, err := b.Read(make([]byte, 1)); !timedOut(err) {
			t.Errorf("Read after its deadline: got %v", err)
		}
		b.reset()
		if n, err := a.Read(make([]byte, 10)); n != 0 || !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("Read after a reset: got %d, %v", n, err)
		}
		if _, err := b.Write([]byte("x")); err == nil {
			t.Error("Write after one's own reset: got no error")
		}
	})
}

func timedOut(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout()
}
