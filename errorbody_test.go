package steadyhttp_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/steadyhttp/steadyhttp"
)

func TestErrorBodyStaysWhole(t *testing.T) {
	const kept = 64 << 10
	for _, size := range []int{0, 1, 511, 512, 2 << 10, kept - 1, kept, kept + 1, 1 << 20} {
		body := strings.Repeat("0123456789abcdef", size/16+1)[:size]
		for _, j := range judges {
			t.Run(fmt.Sprintf("%d bytes/%s", size, j.name), func(t *testing.T) {
				resp, e := j.judge(t, chat(t), reply{status: 500, body: body})
				if again := asError(t, resp, nil); again.Message != e.Message || !bytes.Equal(again.Body, e.Body) {
					t.Error("a second Check says something else")
				}
				if got := finish(t, resp); got != body {
					t.Errorf("read %d bytes, want all %d as they were", len(got), len(body))
				}
				if len(e.Body) != min(size, kept) || !strings.HasPrefix(body, string(e.Body)) {
					t.Errorf("Error.Body: got %d bytes, want the first %d", len(e.Body), min(size, kept))
				}
			})
		}
	}
}

func TestCloseReachesTheOriginalBody(t *testing.T) {
	base := playing(reply{status: 500, body: "off"})
	resp, err := (&steadyhttp.Classifier{Base: base}).RoundTrip(chat(t))
	if err != nil {
		t.Fatal(err)
	}
	asError(t, resp, nil)
	if got := base.leftOpen(); got != 1 {
		t.Errorf("before Close: got %d bodies open, want 1: closing is the caller's", got)
	}
	resp.Body.Close()
	if got := base.leftOpen(); got != 0 {
		t.Errorf("after Close: got %d bodies open, want 0", got)
	}
}

func TestErrorOfTheBodyReachesTheReader(t *testing.T) {
	broken := errors.New("line cut")
	resp := plainAnswer(500, "", "")
	resp.Body = io.NopCloser(io.MultiReader(strings.NewReader("start"), iotest.ErrReader(broken)))
	e := asError(t, resp, nil)
	got, err := io.ReadAll(resp.Body)
	if string(got) != "start" || err != broken {
		t.Errorf("got %q and %v, want %q and %v", got, err, "start", broken)
	}
	if e.Message != "start" {
		t.Errorf("message: got %q, want what had come", e.Message)
	}
}

func TestSlowErrorBodyHoldsNobodyUp(t *testing.T) {
	for _, row := range []struct {
		name string
		body func() io.ReadCloser
		took time.Duration
		seen string // of the body, in Error.Body
	}{
		{"trickling", func() io.ReadCloser { return slow("trickle", 300*time.Millisecond) }, time.Second, "tri"},
		{"silent", func() io.ReadCloser { return slow("", time.Hour) }, time.Second, ""},
		{"endless", func() io.ReadCloser { return io.NopCloser(endless{}) }, 0, strings.Repeat("x", 64<<10)},
	} {
		for _, j := range []string{"Check", "Classifier"} {
			t.Run(row.name+"/"+j, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					body := row.body()
					defer body.Close()
					resp := &http.Response{StatusCode: 500, Body: body}
					start := time.Now()
					if j == "Classifier" {
						var err error
						resp, err = (&steadyhttp.Classifier{Base: roundTripperFunc(func(*http.Request) (*http.Response, error) { return resp, nil })}).RoundTrip(chat(t))
						if err != nil {
							t.Fatal(err)
						}
					}
					e := asError(t, resp, nil)
					if took := time.Since(start); took != row.took {
						t.Errorf("took %v, want %v", took, row.took)
					}
					if string(e.Body) != row.seen {
						t.Errorf("Error.Body: got %d bytes %.20q, want %d", len(e.Body), e.Body, len(row.seen))
					}
				})
			})
		}
	}
}

func TestTricklingErrorBodyIsReadToItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		body := slow("trickle", 300*time.Millisecond)
		resp := &http.Response{StatusCode: 500, Body: body}
		asError(t, resp, nil)
		got := make([]byte, len("trickle"))
		if _, err := io.ReadFull(resp.Body, got); err != nil || string(got) != "trickle" {
			t.Errorf("got %q and %v, want %q", got, err, "trickle")
		}
		resp.Body.Close()
		if n, err := resp.Body.Read(got); n != 0 || err != errClosed {
			t.Errorf("Read after Close: got %d bytes and %v, want the original's %v", n, err, errClosed)
		}
	})
}

// drip is an error body that has no end: some bytes, then silence till it is closed.
type drip struct {
	start  *strings.Reader
	closed chan struct{}
	once   sync.Once
}

func (d *drip) Read(p []byte) (int, error) {
	if n, _ := d.start.Read(p); n > 0 {
		return n, nil
	}
	<-d.closed
	return 0, http.ErrBodyReadAfterClose
}

func (d *drip) Close() error { d.once.Do(func() { close(d.closed) }); return nil }

func TestEndlessAnswersDoNotHoldUs(t *testing.T) {
	for _, row := range []struct {
		name string
		rt   func(base http.RoundTripper) http.RoundTripper
	}{
		{"a Retrier", func(b http.RoundTripper) http.RoundTripper { return &steadyhttp.Retrier{Base: b, BackOff: noWait} }},
		{"a Transport", func(b http.RoundTripper) http.RoundTripper {
			return &steadyhttp.Transport{Base: b, Retrier: &steadyhttp.Retrier{BackOff: noWait}}
		}},
		{"a Transport with timeouts", func(b http.RoundTripper) http.RoundTripper {
			return &steadyhttp.Transport{Base: b, Retrier: &steadyhttp.Retrier{BackOff: noWait, AttemptTimeout: time.Hour, StallTimeout: time.Hour}}
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var bodies []*drip
				base := roundTripperFunc(func(req *http.Request) (*http.Response, error) {
					bodies = append(bodies, &drip{start: strings.NewReader("down"), closed: make(chan struct{})})
					return &http.Response{StatusCode: 503, Header: http.Header{}, Body: bodies[len(bodies)-1], Request: req}, nil
				})
				start := time.Now()
				resp, err := row.rt(base).RoundTrip(request(t, "GET", "https://shop.example/", ""))
				if err != nil {
					t.Fatal(err)
				}
				if took := time.Since(start); len(bodies) != 4 || took != 4*time.Second {
					t.Errorf("got %d attempts in %s, want 4 with a second for each body", len(bodies), took)
				}
				b := make([]byte, 4)
				if _, err := io.ReadFull(resp.Body, b); string(b) != "down" {
					t.Errorf("got %q, %v; want the start of the last body", b, err)
				}
				resp.Body.Close()
				for i, b := range bodies {
					select {
					case <-b.closed:
					default:
						t.Errorf("body %d was left open", i+1)
					}
				}
			})
		})
	}
}
