package steadyhttp_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cenkalti/backoff/v4"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/steadyhttp/steadyhttp"
	"github.com/steadyhttp/steadyhttp/steadyhttptest"
)

// A maker wraps a base in one of the wrappers.
type maker struct {
	name string
	wrap func(base http.RoundTripper) http.RoundTripper
}

// makers returns the four, the Logger writing to logger.
func makers(logger *zap.Logger) []maker {
	return []maker{
		{"Logger", func(b http.RoundTripper) http.RoundTripper { return &steadyhttp.Logger{Base: b, Zap: logger} }},
		{"Retrier", func(b http.RoundTripper) http.RoundTripper { return &steadyhttp.Retrier{Base: b, BackOff: noWait} }},
		{"Throttler", func(b http.RoundTripper) http.RoundTripper {
			return &steadyhttp.Throttler{Base: b, RequestsPerMinute: 60_000, MaxConcurrent: 100}
		}},
		{"Classifier", func(b http.RoundTripper) http.RoundTripper { return &steadyhttp.Classifier{Base: b} }},
	}
}

func noWait() backoff.BackOff { return &backoff.ZeroBackOff{} }

// orders returns the 24 orders of the four, outermost first.
func orders(four []maker) [][]maker {
	if len(four) == 1 {
		return [][]maker{four}
	}
	var all [][]maker
	for i, first := range four {
		rest := append(append([]maker(nil), four[:i]...), four[i+1:]...)
		for _, tail := range orders(rest) {
			all = append(all, append([]maker{first}, tail...))
		}
	}
	return all
}

func nameOf(order []maker) string {
	var names []string
	for _, m := range order {
		names = append(names, m.name)
	}
	return strings.Join(names, ">")
}

// stack builds order over base. A stranger at place i stands outside of the
// i-th wrapper; len(order) is next to the base, -1 is nowhere.
func stack(order []maker, base http.RoundTripper, stranger func(http.RoundTripper) http.RoundTripper, place int) http.RoundTripper {
	rt := base
	for i := len(order); i >= 0; i-- {
		if i < len(order) {
			rt = order[i].wrap(rt)
		}
		if i == place {
			rt = stranger(rt)
		}
	}
	return rt
}

// cloning is the best-behaved kind of stranger: oauth2 and otelhttp clone the
// request to add a header and derive a context.
func cloning(base http.RoundTripper) http.RoundTripper { return cloner{base} }

type cloner struct{ base http.RoundTripper }

type strangerKey struct{}

func (c cloner) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(context.WithValue(req.Context(), strangerKey{}, true))
	if req.Header == nil {
		req.Header = http.Header{}
	}
	req.Header.Set("X-Stranger", "was here")
	return c.base.RoundTrip(req)
}

func (c cloner) CloseIdleConnections() { (&http.Client{Transport: c.base}).CloseIdleConnections() }

// asking makes a failing side request with our context first, as a token
// refresh through a client of ours would.
func asking(base http.RoundTripper) http.RoundTripper {
	return roundTripperFunc(func(req *http.Request) (*http.Response, error) {
		side, err := http.NewRequestWithContext(req.Context(), "GET", "https://auth.example/token", nil)
		if err != nil {
			return nil, err
		}
		sidetrip := &steadyhttp.Transport{Base: playing(reply{status: 404, body: `{"error":{"code":"side_request"}}`})}
		resp, err := sidetrip.RoundTrip(side)
		if err != nil {
			return nil, err
		}
		resp.Body.Close()
		return cloner{base}.RoundTrip(req)
	})
}

func TestConformance(t *testing.T) {
	for _, m := range makers(zap.NewNop()) {
		t.Run(m.name, func(t *testing.T) { steadyhttptest.TestRoundTripper(t, m.wrap) })
	}
	t.Run("Transport", func(t *testing.T) {
		steadyhttptest.TestRoundTripper(t, func(b http.RoundTripper) http.RoundTripper { return &steadyhttp.Transport{Base: b} })
	})
	debug, _ := observer.New(zapcore.DebugLevel)
	for _, order := range orders(makers(zap.New(debug))) {
		t.Run(nameOf(order), func(t *testing.T) {
			steadyhttptest.TestRoundTripper(t, func(b http.RoundTripper) http.RoundTripper { return stack(order, b, nil, -1) })
		})
		t.Run(nameOf(order)+" with a stranger", func(t *testing.T) {
			steadyhttptest.TestRoundTripper(t, func(b http.RoundTripper) http.RoundTripper { return stack(order, b, cloning, 2) })
		})
	}
}

// Whatever the order, with strangers at any place, under a client with and
// without a Timeout: the attempts are right, and the caller reads them.
func TestEveryOrderRecordsTheCall(t *testing.T) {
	replies := []struct {
		name     string
		replies  []reply
		attempts int
		class    steadyhttp.Class
		code     string
	}{
		{"503, 503, 429 for ever", []reply{{status: 503}, {status: 503}, {status: 429, body: `{"error":{"code":"rate_limit_exceeded"}}`}}, 4, steadyhttp.RateLimit, "rate_limit_exceeded"},
		{"503, 503, 200", []reply{{status: 503}, {status: 503}, {status: 200, body: "fine"}}, 3, steadyhttp.None, ""},
		{"200", []reply{{status: 200, body: "fine"}}, 1, steadyhttp.None, ""},
		{"404", []reply{{status: 404, body: `{"error":{"code":"model_not_found"}}`}}, 1, steadyhttp.NotFound, "model_not_found"},
		{"out of money under 429", []reply{{status: 429, body: `{"error":{"code":"insufficient_quota"}}`}}, 1, steadyhttp.Quota, "insufficient_quota"},
		{"connection lost for ever", []reply{{err: io.ErrUnexpectedEOF}}, 4, steadyhttp.Connection, ""},
	}
	strangers := map[string]func(http.RoundTripper) http.RoundTripper{"cloning": cloning, "asking": asking}
	for _, order := range orders(makers(zap.NewNop())) {
		for strangerName, stranger := range strangers {
			for place := -1; place <= len(order); place++ {
				for _, timeout := range []time.Duration{0, time.Hour} {
					for _, row := range replies {
						name := fmt.Sprintf("%s, %s stranger at %d, timeout %s, %s", nameOf(order), strangerName, place, timeout, row.name)
						synctest.Test(t, func(t *testing.T) {
							base := playing(row.replies...)
							client := &http.Client{Transport: stack(order, base, stranger, place), Timeout: timeout}
							ctx := steadyhttp.WithCall(t.Context())
							resp, err := client.Do(chat(t).WithContext(ctx))
							checked := steadyhttp.Check(resp, err)
							if resp != nil {
								finish(t, resp)
							}
							if got := base.count(); got != row.attempts {
								t.Errorf("%s: got %d requests on the wire, want %d", name, got, row.attempts)
							}
							call, ok := steadyhttp.FromContext(ctx)
							if !ok || call.Attempts != row.attempts {
								t.Errorf("%s: FromContext got %d attempts, %t; want %d", name, call.Attempts, ok, row.attempts)
							}
							var e *steadyhttp.Error
							if errors.As(checked, &e); e == nil {
								e = &steadyhttp.Error{}
							}
							if e.Class != row.class || e.Code != row.code {
								t.Errorf("%s: Check got %s %q, want %s %q", name, e.Class, e.Code, row.class, row.code)
							}
							if n := base.leftOpen(); n != 0 {
								t.Errorf("%s: %d bodies left open", name, n)
							}
						})
					}
				}
			}
		}
	}
}

func TestWithoutWithCallTheResponseCarriesTheCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := &http.Client{Transport: &steadyhttp.Transport{Base: playing(reply{status: 503}, reply{status: 200}, reply{status: 404})}}
		resp, err := client.Do(chat(t))
		if err != nil {
			t.Fatal(err)
		}
		finish(t, resp)
		call, ok := steadyhttp.FromContext(resp.Request.Context())
		if !ok || call.Attempts != 2 || call.Error != nil {
			t.Errorf("got %+v, %t; want 2 attempts and no error", call, ok)
		}

		// A later request with that context is a call of its own.
		next, _ := http.NewRequestWithContext(resp.Request.Context(), "GET", "https://api.openai.com/v1/models", nil)
		resp, err = client.Do(next)
		if err != nil {
			t.Fatal(err)
		}
		finish(t, resp)
		call, ok = steadyhttp.FromContext(resp.Request.Context())
		if !ok || call.Attempts != 1 || call.Error == nil || call.Error.Class != steadyhttp.NotFound {
			t.Errorf("the later call: got %+v, %t; want 1 attempt and not_found", call, ok)
		}
	})
}

func TestWithCallSpansRedirectsAndStartsAfresh(t *testing.T) {
	base := playing(
		reply{status: 302, header: "Location: /elsewhere"}, reply{status: 200},
		reply{status: 200},
	)
	client := &http.Client{Transport: &steadyhttp.Transport{Base: base}}
	ctx := steadyhttp.WithCall(t.Context())
	if _, ok := steadyhttp.FromContext(ctx); ok {
		t.Error("before the call: got a record, want none")
	}
	for i, want := range []int{2, 1} {
		resp, err := client.Do(request(t, "GET", "https://example.com/", "").WithContext(ctx))
		if err != nil {
			t.Fatal(err)
		}
		finish(t, resp)
		if call, _ := steadyhttp.FromContext(ctx); call.Attempts != want {
			t.Errorf("call %d: got %d attempts, want %d", i+1, call.Attempts, want)
		}
	}
}

// One row for each line of the order table in the package comment.
func TestOrderHasAMeaning(t *testing.T) {
	type result struct {
		logs  *observer.ObservedLogs
		base  *script
		start time.Time
	}
	run := func(t *testing.T, build func(base http.RoundTripper, logger *zap.Logger) http.RoundTripper, replies ...reply) result {
		core, logs := observer.New(zapcore.DebugLevel)
		r := result{logs, playing(replies...), time.Now()}
		rt := build(r.base, zap.New(core))
		for range 2 {
			resp, err := rt.RoundTrip(chat(t))
			if err != nil {
				t.Fatal(err)
			}
			finish(t, resp)
		}
		return r
	}
	type T = http.RoundTripper
	twice := []reply{{status: 503}, {status: 200}, {status: 200}}

	t.Run("Logger outside Retrier: one entry a call, with its attempts", func(t *testing.T) {
		r := run(t, func(b T, l *zap.Logger) T {
			return &steadyhttp.Logger{Zap: l, Base: &steadyhttp.Retrier{Base: b, BackOff: noWait}}
		}, twice...)
		if n := r.logs.Len(); n != 2 {
			t.Fatalf("got %d entries, want 2", n)
		}
		if got := r.logs.All()[0].ContextMap()["attempts"]; got != int64(2) {
			t.Errorf("got attempts %v, want 2", got)
		}
	})
	t.Run("Logger inside Retrier: one entry an attempt, with its number", func(t *testing.T) {
		r := run(t, func(b T, l *zap.Logger) T {
			return &steadyhttp.Retrier{BackOff: noWait, Base: &steadyhttp.Logger{Zap: l, Base: b}}
		}, twice...)
		if n := r.logs.Len(); n != 3 {
			t.Fatalf("got %d entries, want 3", n)
		}
		first, second := r.logs.All()[0].ContextMap(), r.logs.All()[1].ContextMap()
		if first["http.response.status_code"] != int64(503) || first["http.request.resend_count"] != nil {
			t.Errorf("first: got %v, want status 503 and no resend count", first)
		}
		if second["http.response.status_code"] != int64(200) || second["http.request.resend_count"] != int64(1) {
			t.Errorf("second: got %v, want status 200 and resend count 1", second)
		}
	})
	for _, row := range []struct {
		name  string
		build func(base T, _ *zap.Logger) T
		third time.Duration
	}{
		{"Throttler outside Retrier: one permit a call", func(b T, _ *zap.Logger) T {
			return &steadyhttp.Throttler{RequestsPerMinute: 60, Base: &steadyhttp.Retrier{Base: b, BackOff: noWait}}
		}, time.Second},
		{"Throttler inside Retrier: one permit an attempt", func(b T, _ *zap.Logger) T {
			return &steadyhttp.Retrier{BackOff: noWait, Base: &steadyhttp.Throttler{Base: b, RequestsPerMinute: 60}}
		}, 2 * time.Second},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := run(t, row.build, twice...)
				if got := r.base.attempts(r.start); len(got) != 3 || got[2] != row.third {
					t.Errorf("got requests at %v, want the third at %v", got, row.third)
				}
			})
		})
	}
	for _, row := range []struct {
		name  string
		build func(base T, _ *zap.Logger) T
	}{
		{"Classifier outside Retrier: the Retrier classifies for itself", func(b T, _ *zap.Logger) T {
			return &steadyhttp.Classifier{Base: &steadyhttp.Retrier{Base: b, BackOff: noWait}}
		}},
		{"Classifier inside Retrier: names each attempt", func(b T, _ *zap.Logger) T {
			return &steadyhttp.Retrier{BackOff: noWait, Base: &steadyhttp.Classifier{Base: b}}
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := run(t, row.build, reply{status: 429, body: `{"error":{"code":"insufficient_quota"}}`})
			if got := r.base.count(); got != 2 {
				t.Errorf("got %d requests for 2 calls without money, want 2", got)
			}
		})
	}
	for _, row := range []struct {
		name             string
		build            func(base T, _ *zap.Logger) T
		duration, waited any
	}{
		{"Logger outside Throttler: duration shows the wait apart", func(b T, l *zap.Logger) T {
			return &steadyhttp.Logger{Zap: l, Base: &steadyhttp.Throttler{Base: b, RequestsPerMinute: 60}}
		}, time.Second, time.Second},
		{"Logger inside Throttler: duration without the wait", func(b T, l *zap.Logger) T {
			return &steadyhttp.Throttler{RequestsPerMinute: 60, Base: &steadyhttp.Logger{Zap: l, Base: b}}
		}, time.Duration(0), time.Second},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := run(t, row.build, reply{status: 200})
				second := r.logs.All()[1].ContextMap()
				if second["duration"] != row.duration || second["waited_throttled"] != row.waited {
					t.Errorf("got duration %v and throttled %v, want %v and %v", second["duration"], second["waited_throttled"], row.duration, row.waited)
				}
			})
		})
	}
}

func TestCloseIdleConnectionsReachesTheBase(t *testing.T) {
	for _, order := range orders(makers(zap.NewNop())) {
		var base idler
		client := &http.Client{Transport: stack(order, &base, cloning, 2)}
		client.CloseIdleConnections()
		if base != 1 {
			t.Errorf("%s: got %d calls, want 1", nameOf(order), base)
		}
	}
	var base idler
	(&http.Client{Transport: &steadyhttp.Transport{Base: &base}}).CloseIdleConnections()
	if base != 1 {
		t.Errorf("Transport: got %d calls, want 1", base)
	}
}

type idler int

func (i *idler) RoundTrip(*http.Request) (*http.Response, error) { return nil, errors.New("unused") }
func (i *idler) CloseIdleConnections()                           { *i++ }

func TestNonsenseInSettingsIsAClearError(t *testing.T) {
	self := &steadyhttp.Retrier{}
	self.Base = self
	outer := &steadyhttp.Logger{}
	outer.Base = &steadyhttp.Classifier{Base: &steadyhttp.Throttler{Base: outer}}
	whole := &steadyhttp.Transport{}
	whole.Base = whole
	inner := &steadyhttp.Transport{Throttler: &steadyhttp.Throttler{RequestsPerMinute: -1}}
	for _, row := range []struct {
		name string
		rt   http.RoundTripper
		want string
	}{
		{"a negative rate", &steadyhttp.Throttler{RequestsPerMinute: -5}, "Throttler.RequestsPerMinute is -5; set a positive number"},
		{"negative tokens", &steadyhttp.Throttler{TokensPerMinute: -5}, "Throttler.TokensPerMinute is -5"},
		{"a negative rate inside a Transport", inner, "Throttler.RequestsPerMinute is -1"},
		{"a Base that is itself", self, "leads back to the same RoundTripper"},
		{"a circle of three", outer, "leads back to the same RoundTripper"},
		{"a Transport over itself", whole, "leads back to the same RoundTripper"},
		{"a Base inside a Transport", &steadyhttp.Transport{Retrier: &steadyhttp.Retrier{Base: http.DefaultTransport}}, "Transport.Retrier.Base is set"},
	} {
		t.Run(row.name, func(t *testing.T) {
			for range 2 { // the second time too
				body := &closeRecorder{Reader: strings.NewReader("x")}
				req := request(t, "POST", "https://example.com/", "")
				req.Body = body
				resp, err := row.rt.RoundTrip(req)
				if resp != nil || err == nil || !strings.Contains(err.Error(), row.want) {
					t.Errorf("got %v, %v; want an error with %q", resp, err, row.want)
				}
				if !body.closed {
					t.Error("the request body was left open")
				}
			}
		})
	}
}

type closeRecorder struct {
	io.Reader
	closed bool
}

func (c *closeRecorder) Close() error { c.closed = true; return nil }

func TestReplacingTheDefaultTransportByItselfIsAClearError(t *testing.T) {
	old := http.DefaultTransport
	defer func() { http.DefaultTransport = old }()
	http.DefaultTransport = &steadyhttp.Transport{}
	_, err := http.Get("http://127.0.0.1:1/")
	if err == nil || !strings.Contains(err.Error(), "must keep the old one in Base") {
		t.Errorf("got %v, want an error that says to keep the old one in Base", err)
	}
}

func TestNilSettingsAreQuiet(t *testing.T) {
	rt := &steadyhttp.Transport{Base: playing(reply{status: 200}), Logger: &steadyhttp.Logger{Zap: nil}}
	for name, req := range map[string]*http.Request{
		"nil URL":    {Method: "GET", Header: http.Header{}},
		"nil Header": {Method: "POST", URL: request(t, "GET", "https://example.com/", "").URL},
	} {
		if _, err := rt.RoundTrip(req); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Success is free (design: no allocation where the request is repeatable by itself and no limit is set).
func TestSuccessAllocatesNothing(t *testing.T) {
	resp := &http.Response{StatusCode: 200, Body: http.NoBody}
	base := roundTripperFunc(func(*http.Request) (*http.Response, error) { return resp, nil })
	warn, _ := observer.New(zapcore.WarnLevel)
	get, post := request(t, "GET", chatURL, ""), chat(t)
	for _, row := range []struct {
		name string
		rt   http.RoundTripper
		max  float64
	}{
		{"Classifier", &steadyhttp.Classifier{Base: base}, 0},
		{"Throttler", &steadyhttp.Throttler{Base: base}, 0},
		{"Retrier", &steadyhttp.Retrier{Base: base}, 0},
		{"silent Logger", &steadyhttp.Logger{Base: base}, 0},
		{"Transport", &steadyhttp.Transport{Base: base}, 0},
		{"Transport that logs warnings", &steadyhttp.Transport{Base: base, Logger: &steadyhttp.Logger{Zap: zap.New(warn)}}, 5},
	} {
		for _, req := range []*http.Request{get, post} {
			got := testing.AllocsPerRun(100, func() {
				if _, err := row.rt.RoundTrip(req); err != nil {
					t.Error(err)
				}
			})
			if got > row.max {
				t.Errorf("%s, %s: got %v allocations, want at most %v", row.name, req.Method, got, row.max)
			}
		}
	}
}

func BenchmarkSuccess(b *testing.B) {
	resp := &http.Response{StatusCode: 200, Body: http.NoBody}
	base := roundTripperFunc(func(*http.Request) (*http.Response, error) { return resp, nil })
	for _, row := range []struct {
		name string
		rt   http.RoundTripper
	}{
		{"bare", base},
		{"Transport", &steadyhttp.Transport{Base: base}},
	} {
		b.Run(row.name, func(b *testing.B) {
			req := chat(b)
			b.ReportAllocs()
			for b.Loop() {
				row.rt.RoundTrip(req)
			}
		})
	}
}

// A Transport shows what its Throttler knows, set or its own.
func TestTransportSnapshot(t *testing.T) {
	for _, throttler := range []*steadyhttp.Throttler{nil, {RequestsPerSecond: 5}} {
		rt := &steadyhttp.Transport{Base: playing(reply{status: 200}), Throttler: throttler}
		resp, err := rt.RoundTrip(chat(t))
		if err != nil {
			t.Fatal(err)
		}
		finish(t, resp)
		all := rt.Snapshot()
		if len(all) == 0 || all[0].Key.Host != "api.openai.com" {
			t.Errorf("got %+v, want what is known of api.openai.com", all)
		}
	}
}
