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

	"go.opentelemetry.io/otel"
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
				body: "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":11,\"prompt_tokens_details\":{\"cached_tokens\":5},\"completion_tokens_details\":{\"reasoning_tokens\":9}}}\n\ndata: [DONE]\n\n"},
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
			"gen_ai.usage.cache_read.input_tokens": "5", "gen_ai.usage.reasoning.output_tokens": "9",
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
				do(t, r.calls(&steadyhttp.Transport{Trace: otelsteady.Trace(), Retrier: once, Base: r.attempts(playing(c.reply))}), chat(t, t.Context()))
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

// Without Calls, an attempt ends by itself. Without Attempts, a call has its waits and
// what it went through, and without a Trace its status alone.
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
		do(t, r.calls(&steadyhttp.Transport{Trace: otelsteady.Trace(), Retrier: everySecond(), Base: base}), chat(t, t.Context()))
		calls, _ := r.wantCounts(t, 1, 0)
		wantAttr(t, calls[0], "steadyhttp.attempts", "3")
		wantEvents(t, calls[0], start, "0s steadyhttp.wait: backoff, 1, by ", "1s steadyhttp.wait: backoff, 1, by ")
	})
	synctest.Test(t, func(t *testing.T) {
		r, start := newRig(), time.Now()
		base := playing(reply{status: 503}, reply{status: 429, body: insufficientQuota})
		do(t, r.calls(&steadyhttp.Transport{Retrier: everySecond(), Base: r.attempts(base)}), chat(t, t.Context()))
		calls, _ := r.wantCounts(t, 1, 2)
		wantAttr(t, calls[0], "error.type", "rate_limit") // as the status says
		wantAttr(t, calls[0], "steadyhttp.attempts", "2")
		wantEvents(t, calls[0], start)
	})
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		do(t, r.calls(playing(reply{status: 503})), chat(t, t.Context()))
		calls, _ := r.wantCounts(t, 1, 0)
		wantAttr(t, calls[0], "error.type", "unavailable")
		wantAttr(t, calls[0], "steadyhttp.attempts", "1")
	})
}

// Who forgets the Trace is told so, once for each Calls.
func TestATransportWithoutTraceIsTold(t *testing.T) {
	var told []error
	before := otel.GetErrorHandler()
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { told = append(told, err) }))
	defer otel.SetErrorHandler(before)
	for _, rt := range []http.RoundTripper{
		newRig().around(playing(reply{status: 200})),
		newRig().calls(playing(reply{status: 200})),
		newRig().calls(&steadyhttp.Transport{Base: playing(reply{status: 200})}),
	} {
		do(t, rt, chat(t, t.Context()))
		do(t, rt, chat(t, t.Context()))
	}
	if len(told) != 1 || !strings.Contains(told[0].Error(), "set Trace: otelsteady.Trace()") {
		t.Errorf("got %v, want one error that says what to set", told)
	}
}

// A client that never closes a body has its call ended with the context, and an answer's
// context that is used again ends nobody else's call.
func TestABodyThatNobodyCloses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		rt := r.around(playing(reply{status: 200, body: "x"}))
		ctx, cancel := context.WithCancel(t.Context())
		resp, err := rt.RoundTrip(chat(t, ctx))
		if err != nil {
			t.Fatal(err)
		}
		do(t, &steadyhttp.Transport{Base: playing(reply{status: 404}), Trace: otelsteady.Trace()}, chat(t, resp.Request.Context()))
		r.wantCounts(t, 0, 0)
		time.Sleep(time.Second)
		cancel()
		synctest.Wait()
		calls, _ := r.wantCounts(t, 1, 0)
		wantAttr(t, calls[0], "error.type", "")
		if took := calls[0].EndTime.Sub(calls[0].StartTime); took != time.Second {
			t.Errorf("the call took %s, want until its context ended", took)
		}
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

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
			causeless := roundTripper(func(req *http.Request) (*http.Response, error) {
				resp, err := base.RoundTrip(req)
				if err != nil {
					err = req.Context().Err() // unlike net/http, which gives the cause
				}
				return resp, err
			})
			do(t, r.calls(&steadyhttp.Transport{Trace: otelsteady.Trace(), Retrier: retrier, Base: r.attempts(causeless)}), chat(t, t.Context()))
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
		return r.calls(&steadyhttp.Transport{Trace: otelsteady.Trace(), Throttler: &steadyhttp.Throttler{RequestsPerSecond: 0.5, Burst: 1}, Base: r.attempts(base)})
	}
	t.Run("one that waits", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			r, start := newRig(), time.Now()
			rt := throttled(r, playing(reply{status: 200}))
			do(t, rt, chat(t, t.Context()))
			do(t, rt, chat(t, t.Context()))
			calls, _ := r.wantCounts(t, 2, 2)
			wantEvents(t, calls[1], start, "0s steadyhttp.wait: throttled, 2, by ")
			event := tracetest.SpanStub{Attributes: calls[1].Events[0].Attributes}
			wantAttr(t, event, "steadyhttp.wait.why", "the limit of requests")
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
