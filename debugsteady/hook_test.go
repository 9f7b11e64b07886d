package debugsteady

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyhttp/steadyhttp"
	"github.com/steadyhttp/steadyhttp/limit"
)

// A base answers by itself.
type base func(req *http.Request) (*http.Response, error)

func (b base) RoundTrip(req *http.Request) (*http.Response, error) { return b(req) }

func answer(req *http.Request, status int, body string, header ...string) *http.Response {
	resp := &http.Response{StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)), Request: req}
	for i := 0; i+1 < len(header); i += 2 {
		resp.Header.Set(header[i], header[i+1])
	}
	return resp
}

// get sends a request and reads the response.
func get(t *testing.T, rt http.RoundTripper, url string) {
	req, err := http.NewRequestWithContext(t.Context(), "GET", url, nil)
	if err != nil {
		t.Error(err)
		return
	}
	if resp, err := rt.RoundTrip(req); err == nil {
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
}

// TestLive sends requests through a Transport and reads what the page says of them.
func TestLive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n, told atomic.Int64
		rt := &steadyhttp.Transport{
			Base: base(func(req *http.Request) (*http.Response, error) {
				switch {
				case n.Add(1) == 2:
					return answer(req, 429, `{"error": {"message": "Slow down.", "code": "rate_limit_exceeded"}}`, "Retry-After", "1", "X-Request-Id", "req_7"), nil
				case strings.Contains(req.URL.Path, "gone"):
					return nil, errors.New("the network is gone")
				}
				return answer(req, 200, "ok"), nil
			}),
			Throttler: &steadyhttp.Throttler{RequestsPerMinute: 6},
		}
		rt.Trace = &steadyhttp.Trace{
			AttemptStart: func(context.Context, *http.Request) { told.Add(1) },
			AttemptDone:  func(context.Context, limit.Key, *http.Response, *steadyhttp.Error) { told.Add(1) },
			WaitStart:    func(context.Context, limit.Wait) { told.Add(1) },
			WaitDone:     func(context.Context, limit.Wait) { told.Add(1) },
			CallDone:     func(context.Context, steadyhttp.Call) { told.Add(1) },
		}
		h := Handler(rt)
		get(t, rt, "http://api.example.com/users/17")
		get(t, rt, "http://api.example.com/users/18")
		go get(t, rt, "http://api.example.com/users/19")
		time.Sleep(time.Second)
		s := h.(*handler).state()
		if s.Waiting != 1 {
			t.Errorf("got %d waiting, want the third", s.Waiting)
		}
		if len(s.Failures) != 1 {
			t.Fatalf("got the failures %+v, want one", s.Failures)
		}
		f := s.Failures[0]
		if f.Class != "rate_limit" || f.Fate != "refused" || f.Status != 429 || f.RequestID != "req_7" || f.Message != "Slow down." || !strings.HasSuffix(f.Key, "GET /users/{id}") || !strings.HasPrefix(f.Done, "repeated after 1") || !strings.HasSuffix(f.Done, "; then answered") {
			t.Errorf("got the failure %+v", f)
		}
		time.Sleep(time.Minute)
		get(t, rt, "http://api.example.com/gone")
		s = h.(*handler).state()
		if got := *s.Totals; got.Calls != 4 || got.FailedCalls != 1 || got.Attempts != got.Answered+got.Refused+got.Failed || got.Attempts < 5 || got.Answered != 3 || got.Refused != 1 || got.Failed < 1 || got.UnderWay != 0 || got.Between != 0 {
			t.Errorf("got the totals %+v", got)
		}
		if f := s.Failures[0]; !strings.HasPrefix(f.Done, "given up: ") {
			t.Errorf("got the last failure %+v", f)
		}
		if h := s.History; h.Waiting[buckets-1] != 0 {
			t.Errorf("%d are seen to wait after all is over", h.Waiting[buckets-1])
		}
		if told.Load() < 4*3 {
			t.Errorf("the Trace that was set before was told %d events", told.Load())
		}
	})
}

// TestValues compares the page with the Snapshot that it shows.
func TestValues(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rt := &steadyhttp.Transport{
			Base: base(func(req *http.Request) (*http.Response, error) {
				time.Sleep(50 * time.Millisecond)
				return answer(req, 200, "ok", "X-RateLimit-Limit-Requests", "100", "X-RateLimit-Remaining-Requests", "40", "X-RateLimit-Reset-Requests", "30s"), nil
			}),
			Throttler: &steadyhttp.Throttler{RequestsPerSecond: 5, MaxConcurrent: 2},
		}
		h := Handler(rt)
		for i := range 20 {
			ctx := steadyhttp.WithPriority(t.Context(), limit.Priority(i%3-1))
			go func() {
				req, _ := http.NewRequestWithContext(ctx, "GET", fmt.Sprintf("http://api%d.example.com/", i%2), nil)
				if resp, err := rt.RoundTrip(req); err == nil {
					resp.Body.Close()
				}
			}()
		}
		time.Sleep(710 * time.Millisecond)
		s := h.(*handler).state()
		for _, want := range rt.Snapshot() {
			var got *keyState
			for i := range s.Keys {
				if s.Keys[i].Name == nameOfKey(want.Key, maxLabel) {
					got = &s.Keys[i]
				}
			}
			if got == nil {
				t.Errorf("%s is not shown", want.Key.Label())
				continue
			}
			w := got.Waiting
			if w.All != want.Waiting || w.Urgent != want.Urgent || w.Batch != want.Batch || w.Urgent+w.Normal+w.Batch != w.All || w.Why != want.Why || got.UnderWay != want.Concurrent || len(got.Limits) != len(want.Limits) {
				t.Errorf("%s: got %+v, want %+v", got.Name, got, want)
			}
			for i, l := range got.Limits {
				if l.Unit != want.Limits[i].Unit || float64(l.Limit) != want.Limits[i].Limit || (l.From == "stated") != want.Limits[i].Learned {
					t.Errorf("%s: got the limit %+v, want %+v", got.Name, l, want.Limits[i])
				}
			}
		}
		time.Sleep(time.Minute)
	})
}

// TestNoSecrets puts secrets wherever a request or a response has a place for one.
func TestNoSecrets(t *testing.T) {
	secrets := []string{
		"sk-proj-Hq3vT8mZx2LwN7cRkP5yJd9sBf4gAe6u", "Zt7Qm2Xv9KpLw4Rc", "ghp_x9Kq2Lm7Zt4Vb8Nc3Wr6Yd1Hs5Jf0GpTaEuX", "wJalrXUtnFEMIK7MDENGbPxRfiCYzEXAMPLE",
	}
	synctest.Test(t, func(t *testing.T) {
		n := 0
		rt := &steadyhttp.Transport{
			Base: base(func(req *http.Request) (*http.Response, error) {
				quoted := "You sent " + req.Header.Get("Authorization") + " and " + req.Header.Get("X-Api-Key") + " to " + req.URL.String() + ": " + secrets[2]
				switch n++; n % 4 {
				case 0:
					return nil, errors.New("dial: " + quoted)
				case 1:
					return answer(req, 401, quoted, "X-Request-Id", secrets[0], "Set-Cookie", secrets[1]), nil
				case 2:
					return answer(req, 429, fmt.Sprintf(`{"error": {"message": %q, "code": %q}}`, quoted, secrets[2]), "Retry-After", "1", "X-Request-Id", secrets[0], "X-RateLimit-Bucket", secrets[0]), nil
				}
				return answer(req, 503, quoted), nil
			}),
			Failover: &steadyhttp.Failover{
				Hosts:   []string{"api.example.com"},
				Targets: []steadyhttp.Target{{URL: "https://west.example.com", Header: http.Header{"Authorization": {"Bearer " + secrets[3]}}}},
			},
		}
		h := Handler(rt)
		for range 20 {
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
			req, _ := http.NewRequestWithContext(ctx, "GET", "http://user:"+secrets[3]+"@api.example.com/hooks/"+secrets[2]+"?api_key="+secrets[0]+"&token="+secrets[1], nil)
			req.Header.Set("Authorization", "Bearer "+secrets[0])
			req.Header.Set("X-Api-Key", secrets[1])
			if resp, err := rt.RoundTrip(req); err == nil {
				resp.Body.Close()
			}
			cancel()
		}
		for _, query := range []string{"", "?format=json"} {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest("GET", "/"+query, nil))
			if !strings.Contains(w.Body.String(), "rate_limit") {
				t.Errorf("%q: no failure is shown: %s", query, w.Body)
			}
			for _, s := range secrets {
				if i := strings.Index(w.Body.String(), s[:8]); i >= 0 {
					t.Errorf("%q: the page has %q: %.200s", query, s, w.Body.String()[max(0, i-100):])
				}
			}
		}
	})
}

// TestTooLate tries a Handler that comes after a Transport's first request.
func TestTooLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rt := &steadyhttp.Transport{Base: base(func(req *http.Request) (*http.Response, error) { return answer(req, 200, "ok"), nil })}
		get(t, rt, "http://api.example.com/")
		h := Handler(rt)
		get(t, rt, "http://api.example.com/")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
		if body := w.Body.String(); !strings.Contains(body, "api.example.com") || !strings.Contains(body, "No call was recorded") {
			t.Errorf("the page does not say that it came too late: %s", body)
		}
	})
}

// TestNames tries that what a call did is shown under one name, whatever the
// Throttler calls hosts.
func TestNames(t *testing.T) {
	for _, row := range []struct {
		name      string
		throttler *steadyhttp.Throttler
		want      string
	}{
		{"the default", nil, "api.example.com:8080"},
		{"disabled", &steadyhttp.Throttler{Disabled: true}, "api.example.com:8080"},
		{"a Key", &steadyhttp.Throttler{Key: func(*http.Request) string { return "everything" }}, "everything"},
	} {
		synctest.Test(t, func(t *testing.T) {
			rt := &steadyhttp.Transport{
				Base:      base(func(req *http.Request) (*http.Response, error) { return nil, errors.New("the network is gone") }),
				Throttler: row.throttler,
			}
			h := Handler(rt)
			get(t, rt, "http://api.example.com:8080/users/17")
			s := h.(*handler).state()
			sent, failed := 0, 0
			for i := range s.Keys {
				k := &s.Keys[i]
				if !strings.HasPrefix(k.Name, row.want) {
					t.Errorf("%s: got the key %q, want %q", row.name, k.Name, row.want)
				}
				if k.Name == row.want {
					sent, failed = int(k.History.Sent[buckets-1]), int(k.History.Failed[buckets-1])
				}
			}
			if sent == 0 || sent != failed {
				t.Errorf("%s: got %d sent and %d failed, want as many of both", row.name, sent, failed)
			}
			for _, f := range s.Failures {
				if !strings.HasPrefix(f.Key, row.want) {
					t.Errorf("%s: got a failure of %q, want it of %q", row.name, f.Key, row.want)
				}
			}
		})
	}
}

// TestTargetOf tries that the attempts of a Failover's targets are theirs.
func TestTargetOf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rt := &steadyhttp.Transport{
			Base: base(func(req *http.Request) (*http.Response, error) {
				if req.URL.Host == "api.example.com" {
					return answer(req, 503, "down"), nil
				}
				return answer(req, 200, "ok"), nil
			}),
			Failover: &steadyhttp.Failover{Hosts: []string{"api.example.com"}, Targets: []steadyhttp.Target{{Name: "west", URL: "http://west.example.com"}}},
		}
		h := Handler(rt)
		for range 3 {
			get(t, rt, "http://api.example.com/users/17")
		}
		s := h.(*handler).state()
		want := []targetState{{"the request as it is", 3, 3}, {"west", 3, 0}}
		if fmt.Sprint(s.Failover.Targets) != fmt.Sprint(want) {
			t.Errorf("got the targets %v, want %v", s.Failover.Targets, want)
		}
		if s.Totals.Attempts != 6 || s.Totals.Amplification != 2 || s.Totals.RetriedCalls != 3 {
			t.Errorf("got the totals %+v, want two attempts a call", s.Totals)
		}
		if f := s.Failures[0]; f.Done != "went on to west; then answered" {
			t.Errorf("got the failure %+v", f)
		}
		if len(s.Failover.Places) != 1 || !s.Failover.Places[0].Down {
			t.Errorf("got the places %+v, want one that is passed over", s.Failover.Places)
		}
	})
}

// BenchmarkTransport measures a call without a Trace, with one that does nothing, and
// with a Handler.
func BenchmarkTransport(b *testing.B) {
	for _, row := range []struct {
		name string
		with func(*steadyhttp.Transport)
	}{
		{"bare", func(*steadyhttp.Transport) {}},
		{"Trace", func(rt *steadyhttp.Transport) {
			rt.Trace = &steadyhttp.Trace{
				AttemptStart: func(context.Context, *http.Request) {},
				AttemptDone:  func(context.Context, limit.Key, *http.Response, *steadyhttp.Error) {},
				CallDone:     func(context.Context, steadyhttp.Call) {},
			}
		}},
		{"Handler", func(rt *steadyhttp.Transport) { Handler(rt) }},
	} {
		b.Run(row.name, func(b *testing.B) {
			rt := &steadyhttp.Transport{Base: base(func(req *http.Request) (*http.Response, error) {
				return &http.Response{StatusCode: 200, Header: http.Header{}, Body: http.NoBody, Request: req}, nil
			})}
			row.with(rt)
			req, err := http.NewRequestWithContext(b.Context(), "GET", "http://api.example.com/users/17", nil)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				resp, err := rt.RoundTrip(req)
				if err != nil {
					b.Fatal(err)
				}
				resp.Body.Close()
			}
		})
	}
}
