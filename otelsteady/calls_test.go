package otelsteady_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/steadyhttp/steadyhttp"
	"github.com/steadyhttp/steadyhttp/otelsteady"
)

const insufficientQuota = `{"error":{"message":"You exceeded your current quota.","type":"insufficient_quota","code":"insufficient_quota"}}`

// What the issue asks for, in one call: asked to wait by the server, then
// failed, then good.
func TestACallWithItsAttemptsAndWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, start := newRig(), time.Now()
		base := playing(
			reply{status: 429, after: 100 * time.Millisecond, header: map[string]string{"Retry-After": "2"}, body: `{"error":{"message":"Slow down.","type":"requests"}}`},
			reply{status: 503, after: 200 * time.Millisecond},
			reply{status: 200, after: 300 * time.Millisecond, during: 400 * time.Millisecond, header: map[string]string{"Content-Type": "text/event-stream"},
				body: "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":11}}\n\ndata: [DONE]\n\n"},
		)
		if status, _, err := do(t, r.around(base), chat(t, t.Context())); status != 200 || err != nil {
			t.Fatalf("got %d and %v, want 200", status, err)
		}
		calls, attempts := r.wantCounts(t, 1, 3)
		call := calls[0]
		if call.Name != "steadyhttp POST" || call.SpanKind != trace.SpanKindInternal || call.Status.Code != codes.Unset {
			t.Errorf("span of the call: got %q, kind %s, status %v, want \"steadyhttp POST\", internal, unset", call.Name, call.SpanKind, call.Status)
		}
		for key, want := range map[string]string{
			"http.request.method": "POST", "server.address": "api.openai.com", "server.port": "443", "url.full": chatURL,
			"http.response.status_code": "200", "error.type": "", "steadyhttp.attempts": "3", "steadyhttp.waited": "4",
			"gen_ai.usage.input_tokens": "7", "gen_ai.usage.output_tokens": "11",
		} {
			wantAttr(t, call, key, want)
		}
		wantEvents(t, call, start,
			"100ms steadyhttp.wait: asked, 3, by retry-after", // a server's figure and the policy's on top of it
			"3.3s steadyhttp.wait: backoff, 1, by ",
		)
		for i, want := range []struct {
			status, resent, class string
			from, to              time.Duration
		}{
			{"429", "", "rate_limit", 0, 100 * time.Millisecond},
			{"503", "1", "unavailable", 3100 * time.Millisecond, 3300 * time.Millisecond},
			{"200", "2", "", 4300 * time.Millisecond, 5 * time.Second},
		} {
			a := attempts[i]
			if a.Name != "POST" || a.SpanKind != trace.SpanKindClient || a.Parent.SpanID() != call.SpanContext.SpanID() {
				t.Errorf("span of attempt %d: got %q, kind %s, a child of the call's: %t; want \"POST\", client, true", i+1, a.Name, a.SpanKind, a.Parent.SpanID() == call.SpanContext.SpanID())
			}
			wantAttr(t, a, "http.response.status_code", want.status)
			wantAttr(t, a, "http.request.resend_count", want.resent)
			wantAttr(t, a, "error.type", want.class)
			wantAttr(t, a, "network.protocol.version", "2")
			if from, to := a.StartTime.Sub(start), a.EndTime.Sub(start); from != want.from || to != want.to {
				t.Errorf("span of attempt %d: got %s to %s, want %s to %s", i+1, from, to, want.from, want.to)
			}
			if failed := a.Status.Code == codes.Error; failed != (want.class != "") {
				t.Errorf("status of the span of attempt %d: got %v", i+1, a.Status)
			}
		}
		r.wantHistogram(t, "http.client.request.duration", map[string]sum{
			"error.type=rate_limit," + chatTarget + ",http.response.status_code=429,network.protocol.version=2," + chatHost:  {1, 0.1},
			"error.type=unavailable," + chatTarget + ",http.response.status_code=503,network.protocol.version=2," + chatHost: {1, 0.2},
			chatTarget + ",http.response.status_code=200,network.protocol.version=2," + chatHost:                             {1, 0.7},
		})
		r.wantHistogram(t, "steadyhttp.call.duration", map[string]sum{chatTarget + ",http.response.status_code=200," + chatHost: {1, 5}})
		r.wantHistogram(t, "steadyhttp.call.attempts", map[string]sum{chatTarget + ",http.response.status_code=200," + chatHost: {1, 3}})
		r.wantHistogram(t, "steadyhttp.wait.duration", map[string]sum{
			chatHost + ",steadyhttp.wait.reason=asked":   {1, 3},
			chatHost + ",steadyhttp.wait.reason=backoff": {1, 1},
		})
	})
}

// wantEvents compares a span's events, each written in one line.
func wantEvents(t *testing.T, s tracetest.SpanStub, start time.Time, want ...string) {
	t.Helper()
	var got []string
	for _, e := range s.Events {
		at := tracetest.SpanStub{Attributes: e.Attributes}
		got = append(got, e.Time.Sub(start).Round(time.Millisecond).String()+" "+e.Name+": "+
			attr(at, "steadyhttp.wait.reason")+", "+attr(at, "steadyhttp.wait.duration")+", by "+attr(at, "steadyhttp.wait.asked_by"))
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("events: got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// The class of a span and of its metric is what the Classifier found in the
// body, not what the status suggests; and in any position.
func TestErrorTypeIsTheClass(t *testing.T) {
	for _, c := range []struct {
		name  string
		reply reply
		call  string // error.type of the call
		last  string // of its last attempt
	}{
		{"a status of 429 that means money", reply{status: 429, body: insufficientQuota}, "quota", "quota"},
		{"a status of 400", reply{status: 400, body: `{"error":{"message":"no","code":"context_length_exceeded"}}`}, "context_length", "context_length"},
		{"a success", reply{status: 200, body: `{}`}, "", ""},
		{"a reset", reply{err: &net.OpError{Op: "read", Err: syscall.ECONNRESET}}, "connection", "connection"},
		{"an error of no known kind", reply{err: errBroken}, "unknown", "unknown"},
		{"a stream that ends with an error", reply{
			status: 200, header: map[string]string{"Content-Type": "text/event-stream"},
			body: "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\ndata: {\"error\":{\"message\":\"The server is overloaded\",\"type\":\"overloaded_error\",\"code\":\"overloaded\"}}\n\n",
		}, "overloaded", "overloaded"},
		{"a stream that is cut", reply{
			status: 200, header: map[string]string{"Content-Type": "text/event-stream"},
			body: "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n", cut: io.ErrUnexpectedEOF,
		}, "connection", "connection"},
		{"a stream that ends too early", reply{
			status: 200, header: map[string]string{"Content-Type": "text/event-stream"},
			body: "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n",
		}, "connection", "connection"},
		{"a body that is cut", reply{status: 200, body: "{", cut: io.ErrUnexpectedEOF}, "connection", "connection"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig()
				once := &steadyhttp.Retrier{MaxAttempts: 1}
				do(t, r.calls(&steadyhttp.Transport{Retrier: once, Base: r.attempts(playing(c.reply))}), chat(t, t.Context()))
				calls, attempts := r.wantCounts(t, 1, 1)
				wantAttr(t, calls[0], "error.type", c.call)
				wantAttr(t, attempts[0], "error.type", c.last)
				if failed := calls[0].Status.Code == codes.Error; failed != (c.call != "") {
					t.Errorf("status of the call's span: got %v", calls[0].Status)
				}
			})
		})
	}
}

func TestTheCallSaysWhatToDo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		do(t, r.around(playing(reply{status: 429, header: map[string]string{"X-Request-Id": "req_7"}, body: insufficientQuota})), chat(t, t.Context()))
		calls, _ := r.wantCounts(t, 1, 1)
		for key, want := range map[string]string{
			"steadyhttp.provider": "openai", "steadyhttp.code": "insufficient_quota", "steadyhttp.request_id": "req_7",
			"steadyhttp.fate": "refused", "steadyhttp.attempts": "1", "steadyhttp.waited": "",
		} {
			wantAttr(t, calls[0], key, want)
		}
		if attr(calls[0], "steadyhttp.hint") == "" || attr(calls[0], "steadyhttp.retry_stopped") == "" {
			t.Errorf("got neither a hint nor why it was not repeated: %v", calls[0].Attributes)
		}
		if want := "You exceeded your current quota."; calls[0].Status.Description != want {
			t.Errorf("description: got %q, want %q", calls[0].Status.Description, want)
		}
	})
}

// Without Calls, an attempt ends by itself; without Attempts, a call tells its
// waits at its end.
func TestEachAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		base := playing(reply{status: 503}, reply{status: 429}, reply{status: 200})
		do(t, &steadyhttp.Transport{Retrier: everySecond(), Base: r.attempts(base)}, chat(t, t.Context()))
		_, attempts := r.wantCounts(t, 0, 3)
		for i, want := range [][2]string{{"unavailable", ""}, {"rate_limit", "1"}, {"", "2"}} {
			wantAttr(t, attempts[i], "error.type", want[0])
			wantAttr(t, attempts[i], "http.request.resend_count", want[1])
		}
	})
	synctest.Test(t, func(t *testing.T) {
		r, start := newRig(), time.Now()
		base := playing(reply{status: 503}, reply{status: 503}, reply{status: 200})
		do(t, r.calls(&steadyhttp.Transport{Retrier: everySecond(), Base: base}), chat(t, t.Context()))
		calls, _ := r.wantCounts(t, 1, 0)
		wantAttr(t, calls[0], "steadyhttp.attempts", "3")
		wantEvents(t, calls[0], start, "0s steadyhttp.wait: backoff, 2, by ")
	})
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		do(t, r.calls(playing(reply{status: 503})), chat(t, t.Context()))
		calls, _ := r.wantCounts(t, 1, 0)
		wantAttr(t, calls[0], "error.type", "unavailable")
		wantAttr(t, calls[0], "steadyhttp.attempts", "1")
	})
}

func TestASpanLastsAsLongAsTheBody(t *testing.T) {
	stream := reply{status: 200, header: map[string]string{"Content-Type": "text/event-stream"}, body: "data: [DONE]\n\n", during: time.Hour}
	t.Run("read to its end", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			r := newRig()
			resp, err := r.around(playing(stream)).RoundTrip(chat(t, t.Context()))
			if err != nil {
				t.Fatal(err)
			}
			r.wantCounts(t, 0, 0)
			io.Copy(io.Discard, resp.Body)
			calls, attempts := r.wantCounts(t, 1, 1)
			resp.Body.Close()
			r.wantCounts(t, 1, 1)
			for _, s := range []tracetest.SpanStub{calls[0], attempts[0]} {
				if d := s.EndTime.Sub(s.StartTime); d != time.Hour {
					t.Errorf("span %q: got %s, want 1h", s.Name, d)
				}
			}
		})
	})
	t.Run("closed early", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			r := newRig()
			resp, err := r.around(playing(stream)).RoundTrip(chat(t, t.Context()))
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute)
			resp.Body.Close()
			calls, attempts := r.wantCounts(t, 1, 1)
			for _, s := range []tracetest.SpanStub{calls[0], attempts[0]} {
				if d := s.EndTime.Sub(s.StartTime); d != time.Minute || attr(s, "error.type") != "" {
					t.Errorf("span %q: got %s and error.type %q, want 1m0s and none", s.Name, d, attr(s, "error.type"))
				}
			}
		})
	})
	t.Run("closed while it is read", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			r := newRig()
			read, write := io.Pipe()
			defer write.Close()
			base := roundTripper(func(req *http.Request) (*http.Response, error) {
				return &http.Response{StatusCode: 200, Request: req, Header: http.Header{}, Body: slowToClose{read}}, nil
			})
			resp, err := r.around(base).RoundTrip(chat(t, t.Context()))
			if err != nil {
				t.Fatal(err)
			}
			go func() {
				if _, err := io.ReadAll(resp.Body); err == nil {
					t.Error("the Read should have failed")
				}
			}()
			synctest.Wait()
			resp.Body.Close()
			calls, attempts := r.wantCounts(t, 1, 1)
			wantAttr(t, calls[0], "error.type", "")
			wantAttr(t, attempts[0], "error.type", "")
		})
	})
	t.Run("closed once it has told of an error", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			r := newRig()
			read, write := io.Pipe()
			base := roundTripper(func(req *http.Request) (*http.Response, error) {
				return &http.Response{StatusCode: 200, Request: req, Header: http.Header{"Content-Type": {"text/event-stream"}}, Body: read}, nil
			})
			const good, bad = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n", "data: {\"error\":{\"message\":\"Overloaded\",\"code\":\"overloaded\"}}\n\n"
			go func() {
				io.WriteString(write, good)
				time.Sleep(time.Minute)
				io.WriteString(write, bad)
			}()
			resp, err := r.around(base).RoundTrip(chat(t, t.Context()))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(resp.Body, make([]byte, len(good+bad))); err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			calls, attempts := r.wantCounts(t, 1, 1)
			wantAttr(t, calls[0], "error.type", "overloaded")
			wantAttr(t, attempts[0], "error.type", "overloaded")
		})
	})
	t.Run("a failure whose body is cut", func(t *testing.T) {
		r := newRig()
		do(t, r.calls(r.attempts(playing(reply{status: 404, body: "x", cut: io.ErrUnexpectedEOF}))), chat(t, t.Context()))
		calls, attempts := r.wantCounts(t, 1, 1)
		wantAttr(t, calls[0], "error.type", "not_found")
		wantAttr(t, attempts[0], "error.type", "not_found")
	})
	t.Run("canceled", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			r := newRig()
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			if _, _, err := do(t, r.around(playing(stream)), chat(t, ctx)); !errors.Is(err, context.DeadlineExceeded) {
				t.Fatalf("got %v, want the deadline", err)
			}
			calls, attempts := r.wantCounts(t, 1, 1)
			for _, s := range []tracetest.SpanStub{calls[0], attempts[0]} {
				wantAttr(t, s, "error.type", "timeout")
			}
		})
	})
	t.Run("an upgrade ends with its headers", func(t *testing.T) {
		r := newRig()
		base := roundTripper(func(req *http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 101, Request: req, Body: upgraded{}}, nil
		})
		resp, err := r.around(base).RoundTrip(request(t, t.Context(), "GET", chatURL, ""))
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := resp.Body.(io.Writer); !ok {
			t.Error("the body is no io.Writer any more")
		}
		r.wantCounts(t, 1, 1)
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// slowToClose returns from Close when the Reads that it ended have returned.
type slowToClose struct{ io.ReadCloser }

func (b slowToClose) Close() error {
	defer time.Sleep(time.Second)
	return b.ReadCloser.Close()
}

type upgraded struct{ io.ReadWriter }

func (upgraded) Close() error { return nil }

func TestHowACallMayEnd(t *testing.T) {
	t.Run("canceled in an attempt", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			r := newRig()
			ctx, cancel := context.WithCancelCause(t.Context())
			time.AfterFunc(time.Second, func() { cancel(errors.New("the user left")) })
			do(t, r.around(playing(reply{status: 200, after: time.Hour})), chat(t, ctx))
			calls, attempts := r.wantCounts(t, 1, 1)
			wantAttr(t, calls[0], "error.type", "canceled")
			wantAttr(t, attempts[0], "error.type", "canceled")
			wantAttr(t, attempts[0], "http.response.status_code", "")
		})
	})
	t.Run("canceled while it waits", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			r, start := newRig(), time.Now()
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(500*time.Millisecond, cancel)
			do(t, r.around(playing(reply{status: 503})), chat(t, ctx))
			calls, attempts := r.wantCounts(t, 1, 1)
			wantAttr(t, calls[0], "error.type", "canceled")
			wantAttr(t, attempts[0], "error.type", "unavailable")
			wantEvents(t, calls[0], start, "0s steadyhttp.wait: backoff, 0.5, by ")
		})
	})
	t.Run("AttemptTimeout", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			r := newRig()
			retrier := everySecond()
			retrier.AttemptTimeout = 5 * time.Second
			base := playing(reply{status: 200, after: time.Hour}, reply{status: 200})
			do(t, r.calls(&steadyhttp.Transport{Retrier: retrier, Base: r.attempts(base)}), chat(t, t.Context()))
			calls, attempts := r.wantCounts(t, 1, 2)
			wantAttr(t, calls[0], "error.type", "")
			wantAttr(t, attempts[0], "error.type", "timeout")
			wantAttr(t, attempts[1], "error.type", "")
		})
	})
	t.Run("an answer from before, since time ran out", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			r := newRig()
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
			defer cancel()
			base := playing(reply{status: 429, body: `{"error":{"message":"slow","type":"tokens"}}`}, reply{status: 200, after: time.Hour})
			if status, _, err := do(t, r.around(base), chat(t, ctx)); status != 429 || err != nil {
				t.Fatalf("got %d and %v, want the answer in hand", status, err)
			}
			calls, attempts := r.wantCounts(t, 1, 2)
			wantAttr(t, calls[0], "error.type", "rate_limit")
			wantAttr(t, attempts[0], "error.type", "rate_limit")
			wantAttr(t, attempts[1], "error.type", "timeout")
		})
	})
	t.Run("a base that panics", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			r := newRig()
			rt := r.around(playing(reply{panics: true}))
			func() {
				defer func() {
					if recover() == nil {
						t.Error("the panic did not reach the caller")
					}
				}()
				rt.RoundTrip(chat(t, t.Context()))
			}()
			calls, attempts := r.wantCounts(t, 1, 1)
			wantAttr(t, calls[0], "error.type", "panic")
			wantAttr(t, attempts[0], "error.type", "panic")
		})
	})
	t.Run("a base that gives nothing", func(t *testing.T) {
		r := newRig()
		nothing := roundTripper(func(*http.Request) (*http.Response, error) { return nil, nil })
		if resp, err := r.around(nothing).RoundTrip(chat(t, t.Context())); resp != nil || err != nil {
			t.Errorf("got %v and %v, want what the base gave", resp, err)
		}
		calls, attempts := r.wantCounts(t, 1, 1)
		wantAttr(t, calls[0], "error.type", "unknown")
		wantAttr(t, attempts[0], "error.type", "unknown")
	})
}

func TestThrottledCalls(t *testing.T) {
	throttled := func(r *rig, base http.RoundTripper) http.RoundTripper {
		return r.calls(&steadyhttp.Transport{Throttler: &steadyhttp.Throttler{RequestsPerSecond: 0.5, Burst: 1}, Base: r.attempts(base)})
	}
	t.Run("one that waits", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			r, start := newRig(), time.Now()
			rt := throttled(r, playing(reply{status: 200}))
			do(t, rt, chat(t, t.Context()))
			do(t, rt, chat(t, t.Context()))
			calls, _ := r.wantCounts(t, 2, 2)
			wantEvents(t, calls[1], start, "0s steadyhttp.wait: throttled, 2, by ")
			r.wantHistogram(t, "steadyhttp.wait.duration", map[string]sum{chatHost + ",steadyhttp.wait.reason=throttled": {1, 2}})
		})
	})
	t.Run("one that is refused", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			r := newRig()
			rt := throttled(r, playing(reply{status: 200}))
			do(t, rt, chat(t, t.Context()))
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if _, _, err := do(t, rt, chat(t, ctx)); !errors.Is(err, steadyhttp.ErrThrottled) {
				t.Fatalf("got %v, want ErrThrottled", err)
			}
			calls, _ := r.wantCounts(t, 2, 1)
			wantAttr(t, calls[1], "error.type", "rate_limit")
			wantAttr(t, calls[1], "steadyhttp.fate", "never sent")
			wantAttr(t, calls[1], "http.response.status_code", "")
		})
	})
}

// Each hop is a call to a RoundTripper. Their attempts are numbered through,
// whether the caller keeps a record of his own or not.
func TestRedirects(t *testing.T) {
	for name, with := range map[string]func(context.Context) context.Context{
		"without a record of the caller's": func(ctx context.Context) context.Context { return ctx },
		"with a record of the caller's":    steadyhttp.WithCall,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig()
				base := playing(
					reply{status: 503}, reply{status: 302, header: map[string]string{"Location": "/there"}},
					reply{status: 503}, reply{status: 200},
				)
				ctx := with(t.Context())
				resp, err := (&http.Client{Transport: r.around(base)}).Do(request(t, ctx, "GET", "https://api.example.com/here", ""))
				if err != nil {
					t.Fatal(err)
				}
				resp.Body.Close()
				calls, attempts := r.wantCounts(t, 2, 4)
				for i, want := range []string{"", "1", "2", "3"} {
					wantAttr(t, attempts[i], "http.request.resend_count", want)
				}
				for i, want := range []string{"unavailable", "", "unavailable", ""} {
					wantAttr(t, attempts[i], "error.type", want)
				}
				for i, status := range []string{"302", "200"} {
					wantAttr(t, calls[i], "http.response.status_code", status)
					wantAttr(t, calls[i], "steadyhttp.attempts", "2")
					wantAttr(t, calls[i], "steadyhttp.waited", "1")
					if n := len(calls[i].Events); n != 1 {
						t.Errorf("call %d: got %d events, want 1", i+1, n)
					}
				}
			})
		})
	}
}

// A caller who keeps a record finds it filled, as if we were not there.
func TestTheCallersRecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		rt := r.around(playing(reply{status: 503}, reply{err: errBroken}, reply{status: 200}))
		ctx := steadyhttp.WithCall(t.Context())
		do(t, rt, request(t, ctx, "POST", "https://api.example.com/", "x")) // a write: sent once
		c, ok := steadyhttp.FromContext(ctx)
		if !ok || c.Error == nil || c.Error.Class != steadyhttp.Unavailable {
			t.Errorf("after a failure: got %+v, %t, want the verdict", c, ok)
		}
		do(t, rt, request(t, ctx, "GET", "https://api.example.com/", ""))
		c, ok = steadyhttp.FromContext(ctx)
		if !ok || c.Error == nil || c.Error.Class != steadyhttp.Unknown {
			t.Errorf("after another: got %+v, %t, want the verdict on that", c, ok)
		}
		calls, _ := r.wantCounts(t, 2, 2)
		wantAttr(t, calls[1], "steadyhttp.attempts", "1")
	})
}

// A request that is made from the context of an answer is another call.
func TestAContextLeftOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		rt := r.around(playing(reply{status: 503}, reply{status: 200}))
		resp, err := rt.RoundTrip(chat(t, t.Context()))
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		do(t, rt, chat(t, resp.Request.Context()))
		resp.Body.Close()
		calls, attempts := r.wantCounts(t, 2, 3)
		wantAttr(t, calls[1], "steadyhttp.attempts", "1")
		wantAttr(t, calls[1], "steadyhttp.waited", "")
		wantAttr(t, attempts[2], "http.request.resend_count", "")
		if n := len(calls[1].Events); n != 0 {
			t.Errorf("got %d events, want none: those of the first call are its own", n)
		}
	})
}

// Several such requests at once are not taken for parts of each other, nor for
// those of a Retrier further out.
func TestAContextLeftOverForMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		resp, err := r.around(playing(reply{status: 200})).RoundTrip(chat(t, t.Context()))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		for range 2 {
			go func() {
				base := playing(reply{status: 503, after: time.Second}, reply{status: 200})
				if status, _, err := do(t, r.around(base), chat(t, resp.Request.Context())); status != 200 || err != nil {
					t.Errorf("got %d and %v, want 200 after a retry", status, err)
				}
			}()
		}
		time.Sleep(time.Minute)
		r.wantCounts(t, 2, 4)
	})
}

// A caller who opens a record in such a context finds it filled.
func TestARecordInAContextLeftOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		rt := r.around(playing(reply{status: 200}, reply{status: 404}))
		resp, err := rt.RoundTrip(chat(t, t.Context()))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		ctx := steadyhttp.WithCall(resp.Request.Context())
		do(t, rt, chat(t, ctx))
		if c, ok := steadyhttp.FromContext(ctx); !ok || c.Error == nil || c.Error.Class != steadyhttp.NotFound {
			t.Errorf("got %+v, %t, want the verdict", c, ok)
		}
	})
}

// Nor is a request that only passes Attempts one more of the call before.
func TestAContextLeftOverForAttempts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		resp, err := r.around(playing(reply{status: 200})).RoundTrip(chat(t, t.Context()))
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		do(t, r.attempts(playing(reply{status: 404})), chat(t, resp.Request.Context()))
		resp.Body.Close()
		calls, attempts := r.wantCounts(t, 1, 2)
		wantAttr(t, attempts[1], "http.request.resend_count", "")
		wantAttr(t, attempts[1], "error.type", "not_found")
		wantAttr(t, calls[0], "error.type", "")
	})
}

// A context is left over by a client that is not traced, too.
func TestAContextLeftOverByOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		resp, err := (&steadyhttp.Transport{Base: playing(reply{status: 404})}).RoundTrip(chat(t, t.Context()))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		do(t, r.around(playing(reply{status: 503}, reply{status: 503}, reply{status: 200})), chat(t, resp.Request.Context()))
		calls, _ := r.wantCounts(t, 1, 3)
		wantAttr(t, calls[0], "steadyhttp.attempts", "3")
		wantAttr(t, calls[0], "steadyhttp.waited", "2")
		wantAttr(t, calls[0], "error.type", "")
	})
}

// The caller's record may serve the next call before the body of this one ends.
func TestARecordThatMovedOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		rt := r.around(playing(reply{status: 200}, reply{status: 503}, reply{status: 200}))
		ctx := steadyhttp.WithCall(t.Context())
		resp, err := rt.RoundTrip(chat(t, ctx))
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		do(t, rt, chat(t, ctx))
		resp.Body.Close()
		calls, _ := r.wantCounts(t, 2, 3)
		for i, want := range []string{"1", "2"} {
			wantAttr(t, calls[i], "steadyhttp.attempts", want)
		}
		if n := len(calls[0].Events); n != 0 {
			t.Errorf("the first call: got %d events, want none", n)
		}
	})
}

// Calls does not hide from a Retrier that another one further out repeats.
func TestNestedCallsDoNotMultiplyAttempts(t *testing.T) {
	for _, status := range []int{500, 503} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig()
			base := playing(reply{status: status})
			do(t, r.around(r.around(base)), request(t, t.Context(), "GET", "https://api.example.com/", ""))
			if n := len(base.requests()); n != 4 {
				t.Errorf("a permanent %d: got %d requests, want 4", status, n)
			}
		})
	}
}

// A stranger's request on the side, as for a token, is told as an attempt and
// spoils nobody's verdict.
func TestRequestsOnTheSide(t *testing.T) {
	for _, c := range []struct {
		name       string
		side, main reply
		wantSide   string
		wantMain   string
	}{
		{"both refused alike", reply{status: 429}, reply{status: 429, body: insufficientQuota}, "rate_limit", "quota"},
		{"one not found", reply{status: 404}, reply{status: 200}, "not_found", ""},
		{"one not found, the other forbidden", reply{status: 404}, reply{status: 403}, "not_found", "permission"},
		{"one not found, no answer to the other", reply{status: 404}, reply{err: errBroken}, "not_found", "unknown"},
	} {
		for name, chain := range map[string]func(http.RoundTripper) http.RoundTripper{
			"in a Transport": func(base http.RoundTripper) http.RoundTripper {
				return &steadyhttp.Transport{Retrier: &steadyhttp.Retrier{MaxAttempts: 1}, Base: base}
			},
			"in Calls alone": func(base http.RoundTripper) http.RoundTripper { return base },
		} {
			t.Run(c.name+" "+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					r := newRig()
					inner := r.attempts(playing(c.side, c.main))
					withToken := roundTripper(func(req *http.Request) (*http.Response, error) {
						side := &steadyhttp.Transport{Retrier: &steadyhttp.Retrier{MaxAttempts: 1}, Base: inner}
						do(t, side, request(t, req.Context(), "GET", "https://auth.example/token", ""))
						return inner.RoundTrip(req)
					})
					do(t, r.calls(chain(withToken)), chat(t, t.Context()))
					calls, attempts := r.wantCounts(t, 1, 2)
					got := map[string]string{}
					for _, a := range attempts {
						got[attr(a, "server.address")] = attr(a, "error.type")
					}
					want := c.wantMain
					if name == "in Calls alone" && want == "quota" {
						want = "rate_limit" // nobody looked into the body
					}
					if got["auth.example"] != c.wantSide || got["api.openai.com"] != want {
						t.Errorf("got %v, want %s and %s", got, c.wantSide, want)
					}
					wantAttr(t, calls[0], "error.type", want)
				})
			})
		}
	}
}

// A stranger may end an attempt long after the call.
func TestAnAttemptThatOutlivesItsCall(t *testing.T) {
	r := newRig()
	var inner *http.Response
	copying := roundTripper(func(req *http.Request) (*http.Response, error) {
		resp, err := r.attempts(playing(reply{status: 404, body: "x"})).RoundTrip(req)
		inner = resp
		copied := *resp
		copied.Body = io.NopCloser(strings.NewReader("y"))
		return &copied, err
	})
	do(t, r.calls(copying), chat(t, t.Context()))
	r.wantCounts(t, 1, 0)
	inner.Body.Close()
	_, attempts := r.wantCounts(t, 1, 1)
	wantAttr(t, attempts[0], "error.type", "not_found")
}

func TestALoopIsAnError(t *testing.T) {
	calls := &otelsteady.Calls{}
	calls.Base = &steadyhttp.Transport{Base: &otelsteady.Attempts{Base: calls}}
	for name, rt := range map[string]http.RoundTripper{"Calls": calls, "Attempts": &otelsteady.Attempts{Base: calls}} {
		body := &closing{Reader: strings.NewReader("x")}
		req := chat(t, t.Context())
		req.Body = body
		resp, err := rt.RoundTrip(req)
		if resp != nil || err == nil || !strings.Contains(err.Error(), "set Base") {
			t.Errorf("%s: got %v and %v, want an error that says what to do", name, resp, err)
		}
		if !body.closed {
			t.Errorf("%s: the request's body was not closed", name)
		}
	}
}

type closing struct {
	io.Reader
	closed bool
}

func (c *closing) Close() error {
	c.closed = true
	return nil
}

// Over a real connection, under http.Client with its Timeout.
func TestOverTheWire(t *testing.T) {
	var traceparents []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		traceparents = append(traceparents, req.Header.Get("Traceparent"))
		if len(traceparents) == 1 {
			w.Header().Set("Retry-After", "0")
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		io.WriteString(w, "hello")
	}))
	defer server.Close()
	r := newRig()
	base := server.Client().Transport
	client := &http.Client{Transport: r.around(base), Timeout: time.Minute}
	defer client.CloseIdleConnections()
	req := request(t, t.Context(), "GET", server.URL+"/path", "")
	req.Header.Set("X-Mine", "1")
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if string(body) != "hello" || err != nil {
		t.Fatalf("got %q and %v", body, err)
	}
	if len(req.Header) != 1 {
		t.Errorf("the caller's headers were changed: %v", req.Header)
	}
	_, attempts := r.wantCounts(t, 1, 2)
	for i, a := range attempts {
		want := "00-" + a.SpanContext.TraceID().String() + "-" + a.SpanContext.SpanID().String() + "-01"
		if traceparents[i] != want {
			t.Errorf("attempt %d: the server was told of the span %s, want %s", i+1, traceparents[i], want)
		}
		wantAttr(t, a, "network.protocol.version", "1.1")
	}
}

func TestMain(m *testing.M) {
	os.Unsetenv("OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS") // which would change what is expected
	os.Exit(m.Run())
}
