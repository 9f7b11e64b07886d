package steadyhttp_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/steadyhttp/steadyhttp"
)

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
		{"Transport with settings for some hosts", &steadyhttp.Transport{Base: base, ByHost: map[string]*steadyhttp.Transport{"api.openai.com": {}, "*.internal": {}}}, 0},
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
