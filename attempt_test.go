package steadyhttp_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/steadyhttp/steadyhttp"
	"github.com/steadyhttp/steadyhttp/steadyhttptest"
)

func TestAttemptTimeoutBoundsEachAttempt(t *testing.T) {
	const s = time.Second
	for _, row := range []struct {
		name     string
		method   string
		url      string
		replies  []reply
		deadline time.Duration
		attempts int
		took     time.Duration
		status   int // 0 is an error
	}{
		{"the second attempt is quick", "GET", "https://shop.example/", []reply{{after: time.Hour}, {status: 200}}, 0, 2, 2 * s, 200},
		{"all hang", "GET", "https://shop.example/", []reply{{after: time.Hour}}, 0, 4, 8 * s, 0},
		{"headers just in time", "GET", "https://shop.example/", []reply{{status: 200, after: 2*s - 1}}, 0, 1, 2*s - 1, 200},
		{"a POST that may have been carried out", "POST", "https://shop.example/orders", []reply{{after: time.Hour}}, 0, 1, 2 * s, 0},
		{"a chat completion", "POST", chatURL, []reply{{after: time.Hour}, {status: 200}}, 0, 2, 2 * s, 200},
		{"a failure in hand is no timeout", "GET", "https://shop.example/", []reply{{status: 404, after: s}}, 0, 1, s, 404},
		{"the caller's deadline comes first", "GET", "https://shop.example/", []reply{{after: time.Hour}}, s, 1, s, 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				base := playing(row.replies...)
				rt := &steadyhttp.Retrier{Base: base, BackOff: noWait, AttemptTimeout: 2 * s}
				ctx := steadyhttp.WithCall(t.Context())
				if row.deadline > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, row.deadline)
					defer cancel()
				}
				start := time.Now()
				resp, err := rt.RoundTrip(request(t, row.method, row.url, "").WithContext(ctx))
				if took := time.Since(start); took != row.took || base.count() != row.attempts {
					t.Errorf("got %d attempts in %s, want %d in %s", base.count(), took, row.attempts, row.took)
				}
				if row.status != 0 {
					if err != nil || resp.StatusCode != row.status {
						t.Fatalf("got %v, %v; want %d", resp, err, row.status)
					}
					finish(t, resp)
					return
				}
				var timeout interface{ Timeout() bool }
				if e := asError(t, resp, err); e.Class != steadyhttp.Timeout || !errors.As(err, &timeout) || !timeout.Timeout() {
					t.Errorf("got %v of class %s, want a timeout", err, e.Class)
				}
				if got := errors.Is(err, context.DeadlineExceeded); got != (row.deadline > 0) {
					t.Errorf("it is the caller's deadline: got %t, want %t", got, row.deadline > 0)
				}
				if row.deadline == 0 && !errors.Is(err, os.ErrDeadlineExceeded) {
					t.Errorf("got %v, want one that Is os.ErrDeadlineExceeded", err)
				}
			})
		})
	}
}

// A POST that was never sent when its time was up may be sent again.
func TestAttemptTimeoutBeforeAnythingWasSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		base := roundTripperFunc(func(req *http.Request) (*http.Response, error) {
			req.Body.Close()
			if n++; n == 1 {
				httptrace.ContextClientTrace(req.Context()).GetConn("shop.example:443") // and none comes
				<-req.Context().Done()
				return nil, context.Cause(req.Context())
			}
			return &http.Response{StatusCode: 200, Body: http.NoBody, Request: req}, nil
		})
		resp, err := (&steadyhttp.Retrier{Base: base, BackOff: noWait, AttemptTimeout: time.Second}).RoundTrip(request(t, "POST", "https://shop.example/orders", "x"))
		if err != nil || resp.StatusCode != 200 || n != 2 {
			t.Errorf("got %v, %v after %d attempts; want 200 after 2", resp, err, n)
		}
	})
}

// slowLines gives one line a second.
type slowLines struct {
	ctx   context.Context // of the attempt, as net/http's bodies heed it
	lines int
	done  bool
}

func (b *slowLines) Read(p []byte) (int, error) {
	if b.lines == 0 {
		return 0, io.EOF
	}
	timer := time.NewTimer(time.Second)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-b.ctx.Done():
		return 0, context.Cause(b.ctx)
	}
	b.lines--
	return copy(p, "data: line\n"), nil
}

func (b *slowLines) Close() error { b.done = true; return nil }

func TestAttemptTimeoutNeverCutsABody(t *testing.T) {
	for _, status := range []int{200, 404} {
		synctest.Test(t, func(t *testing.T) {
			base := roundTripperFunc(func(req *http.Request) (*http.Response, error) {
				h := http.Header{"Content-Type": {"text/event-stream"}}
				return &http.Response{StatusCode: status, Header: h, Body: &slowLines{ctx: req.Context(), lines: 60}, Request: req}, nil
			})
			resp, err := (&steadyhttp.Transport{Base: base, Retrier: &steadyhttp.Retrier{AttemptTimeout: 2 * time.Second}}).RoundTrip(chat(t))
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Count(finish(t, resp), "\n"); got != 60 {
				t.Errorf("%d: got %d lines, want 60", status, got)
			}
		})
	}
}

// Each attempt's context lives as long as the body of its answer and no longer.
func TestContextsOfAttempts(t *testing.T) {
	type outcome struct {
		name string
		last reply
		use  func(t *testing.T, resp *http.Response)
		ends bool
	}
	read := func(t *testing.T, resp *http.Response) { io.Copy(io.Discard, resp.Body) }
	for _, row := range []outcome{
		{"nobody reads or closes", reply{status: 200, body: "x"}, func(*testing.T, *http.Response) {}, false},
		{"read in part", reply{status: 200, body: "xyz"}, func(_ *testing.T, resp *http.Response) { resp.Body.Read(make([]byte, 1)) }, false},
		{"read to its end", reply{status: 200, body: "x"}, read, true},
		{"closed unread", reply{status: 200, body: "x"}, func(_ *testing.T, resp *http.Response) { resp.Body.Close() }, true},
		{"a failure, closed", reply{status: 404, body: "x"}, func(_ *testing.T, resp *http.Response) { resp.Body.Close() }, true},
		{"an error", reply{err: errors.New("unknown")}, nil, true},
		{"an upgrade", reply{status: 101}, func(_ *testing.T, resp *http.Response) { resp.Body.Close() }, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				inner := playing(reply{status: 503, body: "discarded"}, reply{err: errReset}, row.last)
				var contexts []context.Context
				base := roundTripperFunc(func(req *http.Request) (*http.Response, error) {
					contexts = append(contexts, req.Context())
					return inner.RoundTrip(req)
				})
				resp, err := (&steadyhttp.Retrier{Base: base, BackOff: noWait, AttemptTimeout: time.Hour}).RoundTrip(chat(t).WithContext(ctx))
				if (err == nil) != (row.use != nil) {
					t.Fatalf("got %v", err)
				}
				if resp != nil {
					row.use(t, resp)
				}
				for i, c := range contexts {
					want := i < len(contexts)-1 || row.ends
					if got := c.Err() != nil; got != want {
						t.Errorf("attempt %d of %d: its context has ended: got %t, want %t", i+1, len(contexts), got, want)
					}
				}
				cancel()
				if last := contexts[len(contexts)-1]; last.Err() == nil {
					t.Error("the last attempt's context outlives the caller's")
				}
			})
		})
	}
}

// The caller may make the next request from the answer's: an attempt's end is none of
// that, while the caller's own is.
func TestNextRequestFromTheAnswersContext(t *testing.T) {
	type key struct{}
	ctx, cancel := context.WithCancel(context.WithValue(t.Context(), key{}, "the caller's"))
	base := playing(reply{status: 503, body: "x"}, reply{status: 200, body: "page 1"}, reply{status: 200, body: "page 2"}, reply{status: 204})
	rt := &steadyhttp.Transport{Base: base, Retrier: &steadyhttp.Retrier{BackOff: noWait, AttemptTimeout: time.Hour}}
	next := ctx
	for _, want := range []string{"page 1", "page 2", ""} {
		req := request(t, "GET", "https://api.example.com/things", "")
		resp, err := rt.RoundTrip(req.WithContext(next))
		if err != nil {
			t.Fatalf("%q: %v", want, err)
		}
		if got := finish(t, resp); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		if next = resp.Request.Context(); context.Cause(next) != nil || next.Value(key{}) == nil {
			t.Errorf("%q: the context of the answer's request ended with %v, and has %v", want, context.Cause(next), next.Value(key{}))
		}
	}
	if cancel(); next.Err() == nil {
		t.Error("the context of the answer's request outlives the caller's")
	}
}

// Answers without a body, and a base that gives nothing at all, leave no
// context behind.
func TestContextsOfAttemptsWithoutABody(t *testing.T) {
	for name, resp := range map[string]*http.Response{
		"NoBody":  {StatusCode: 204, Body: http.NoBody},
		"nil":     {StatusCode: 200},
		"nothing": nil,
	} {
		var ctx context.Context
		base := roundTripperFunc(func(req *http.Request) (*http.Response, error) {
			ctx = req.Context()
			return resp, nil
		})
		if _, err := (&steadyhttp.Retrier{Base: base, AttemptTimeout: time.Hour}).RoundTrip(chat(t)); err != nil {
			t.Fatal(err)
		}
		if ctx.Err() == nil {
			t.Errorf("%s: the attempt's context was left open", name)
		}
	}
}

// The timer may fire while the headers arrive: then either comes up whole.
func TestAttemptTimeoutAtTheVeryMoment(t *testing.T) {
	for range 50 {
		synctest.Test(t, func(t *testing.T) {
			var bodies []*countingBody
			base := roundTripperFunc(func(req *http.Request) (*http.Response, error) {
				time.Sleep(time.Second) // it does not heed its context
				bodies = append(bodies, &countingBody{Reader: strings.NewReader("whole")})
				return &http.Response{StatusCode: 200, Body: bodies[len(bodies)-1], Header: http.Header{}, Request: req}, nil
			})
			resp, err := (&steadyhttp.Retrier{Base: base, BackOff: noWait, AttemptTimeout: time.Second}).RoundTrip(chat(t))
			if err == nil {
				if got := finish(t, resp); got != "whole" {
					t.Errorf("got body %q", got)
				}
			} else if e := asError(t, nil, err); e.Class != steadyhttp.Timeout {
				t.Errorf("got %v, want a timeout", err)
			}
			for i, b := range bodies {
				if n := b.closes.Load(); n != 1 {
					t.Errorf("attempt %d: its body was closed %d times, want once", i+1, n)
				}
			}
		})
	}
}

// A wait for a permit is no attempt: the clock is for the server.
func TestAttemptTimeoutDoesNotCountTheThrottler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		base := playing(reply{status: 200})
		rt := &steadyhttp.Transport{
			Base:      base,
			Retrier:   &steadyhttp.Retrier{BackOff: noWait, AttemptTimeout: time.Second / 2},
			Throttler: &steadyhttp.Throttler{RequestsPerMinute: 60},
		}
		var wg sync.WaitGroup
		var mu sync.Mutex
		failed := 0
		for range 10 {
			wg.Go(func() {
				resp, err := rt.RoundTrip(chat(t))
				if err != nil {
					mu.Lock()
					defer mu.Unlock()
					failed++
					return
				}
				resp.Body.Close()
			})
		}
		wg.Wait()
		if failed != 0 {
			t.Errorf("%d of 10 calls timed out before they were sent, want none", failed)
		}
	})
}

// stream is the body of an event stream: what is written to it comes up piece
// by piece, and its answer.
func stream(contentType string) (*http.Response, *io.PipeWriter) {
	r, w := io.Pipe()
	return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {contentType}}, Body: r}, w
}

func TestStallTimeout(t *testing.T) {
	const s = time.Second
	type piece struct {
		after time.Duration
		text  string
	}
	const sse = "text/event-stream; charset=utf-8"
	for _, row := range []struct {
		name        string
		contentType string
		pieces      []piece // then silence for an hour, and the end
		reader      time.Duration
		stalls      time.Duration // when; 0 is never
	}{
		{"silence from the start", sse, nil, 0, 10 * s},
		{"data, then silence", sse, []piece{{3 * s, "data: a\n\n"}}, 0, 13 * s},
		{"data just in time", sse, []piece{{10*s - 1, "data: a\n\n"}, {10*s - 1, "data: b\n\n"}}, 0, 30*s - 2},
		{"comments are no data", sse, []piece{{3 * s, ": ping\n\n"}, {3 * s, ": ping\n\n"}, {3 * s, ": ping\n\n"}, {3 * s, ": ping\n\n"}}, 0, 10 * s},
		{"a comment in pieces", sse, []piece{{3 * s, ":"}, {3 * s, " data: x"}, {3 * s, "\n"}, {3 * s, "\n"}}, 0, 10 * s},
		{"blank lines are no data", sse, []piece{{4 * s, "\n"}, {4 * s, "\r\n"}, {4 * s, "\n"}}, 0, 10 * s},
		{"a comment and data in one piece", sse, []piece{{5 * s, ": ping\n\ndata: a\n\n"}}, 0, 15 * s},
		{"data after a comment", sse, []piece{{5 * s, ": ping\n\n"}, {3 * s, "data: a\n\n"}}, 0, 18 * s},
		{"a line in pieces", sse, []piece{{9 * s, "da"}, {9 * s, "ta: "}, {9 * s, "x"}}, 0, 37 * s},
		{"a colon within a line is no comment", sse, []piece{{9 * s, "data"}, {9 * s, ":"}, {9 * s, " x"}}, 0, 37 * s},
		{"a model's lines of JSON", "application/x-ndjson", []piece{{3 * s, `{"message":{"role":"assistant","content":"a"},"done":false}` + "\n"}}, 0, 13 * s},
		{"another kind of body", "application/json", []piece{{3 * s, "{"}}, 0, 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				resp, w := stream(row.contentType)
				defer time.Sleep(2 * time.Hour) // the server has its say to the end
				want := ""
				for _, p := range row.pieces {
					want += p.text
				}
				go func() {
					for _, p := range row.pieces {
						time.Sleep(p.after)
						if _, err := io.WriteString(w, p.text); err != nil {
							return
						}
					}
					time.Sleep(time.Hour)
					w.Close()
				}()
				start := time.Now()
				resp, err := (&steadyhttp.Retrier{Base: roundTripperFunc(func(*http.Request) (*http.Response, error) { return resp, nil }), StallTimeout: 10 * s}).RoundTrip(chat(t))
				if err != nil {
					t.Fatal(err)
				}
				defer resp.Body.Close()
				got, err := io.ReadAll(resp.Body)
				took := time.Since(start)
				if !strings.HasPrefix(want, string(got)) || row.stalls == 0 && string(got) != want {
					t.Errorf("got %q, want %q", got, want)
				}
				if row.stalls == 0 {
					if err != nil {
						t.Errorf("got %v, want none", err)
					}
					return
				}
				if took != row.stalls {
					t.Errorf("it ended after %s, want %s", took, row.stalls)
				}
				if e := asError(t, nil, err); e.Class != steadyhttp.Timeout || !e.Timeout() {
					t.Errorf("got %v, want a timeout", err)
				}
				if _, err := io.WriteString(w, "x"); err == nil {
					t.Error("the stream was left open")
				}
			})
		})
	}
}

func TestSlowReaderIsNoSlowServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		resp, w := stream("text/event-stream")
		go func() {
			for i := range 5 {
				fmt.Fprintf(w, "data: %d\n\n", i)
			}
			w.Close()
		}()
		resp, err := (&steadyhttp.Retrier{Base: roundTripperFunc(func(*http.Request) (*http.Response, error) { return resp, nil }), StallTimeout: time.Second}).RoundTrip(chat(t))
		if err != nil {
			t.Fatal(err)
		}
		for lines := bufio.NewReader(iotest.OneByteReader(resp.Body)); ; time.Sleep(time.Hour) {
			if _, err = lines.ReadString('\n'); err != nil {
				break
			}
		}
		if err != io.EOF {
			t.Errorf("got %v, want the end of the stream", err)
		}
		resp.Body.Close()
	})
}

// On real sockets the read under way ends, and nothing stays behind.
func TestStallOnRealSockets(t *testing.T) {
	t.Parallel()
	for name, newServer := range map[string]func() *steadyhttptest.Server{"HTTP/1.1": steadyhttptest.NewServer, "HTTP/2": steadyhttptest.NewTLSServer} {
		t.Run(name, func(t *testing.T) {
			srv := newServer()
			defer srv.Close()
			gone := make(chan struct{})
			srv.Script("*", steadyhttptest.Reply{Handler: func(w http.ResponseWriter, r *http.Request) {
				defer close(gone)
				w.Header().Set("Content-Type", "text/event-stream")
				for r.Context().Err() == nil {
					if _, err := io.WriteString(w, ": still here\n\n"); err != nil {
						return
					}
					w.(http.Flusher).Flush()
				}
			}})
			client := srv.Client()
			client.Transport = &steadyhttp.Transport{Base: client.Transport, Retrier: &steadyhttp.Retrier{
				StallTimeout: 100 * time.Millisecond, AttemptTimeout: 10 * time.Second,
			}}
			resp, err := client.Do(request(t, "GET", srv.URL+"/events", ""))
			if err != nil {
				t.Fatal(err)
			}
			_, err = io.Copy(io.Discard, resp.Body)
			if e := asError(t, nil, err); e.Class != steadyhttp.Timeout {
				t.Errorf("got %v, want a timeout", err)
			}
			soon(t, "the server sees that we went away", gone)
			resp.Body.Close()
		})
	}
}

// Negative durations are a mistake, and cheap to say so.
func TestNegativeTimeouts(t *testing.T) {
	for want, rt := range map[string]*steadyhttp.Retrier{
		"Retrier.AttemptTimeout is -1s": {AttemptTimeout: -time.Second},
		"Retrier.StallTimeout is -1s":   {StallTimeout: -time.Second},
	} {
		body := &countingBody{Reader: strings.NewReader("x")}
		req := chat(t)
		req.Body = body
		rt.Base = playing(reply{status: 200})
		if _, err := rt.RoundTrip(req); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
		if n := body.closes.Load(); n != 1 {
			t.Errorf("%s: the body was closed %d times, want once", want, n)
		}
	}
}
