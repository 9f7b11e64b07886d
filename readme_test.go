package steadyhttp_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyhttp/steadyhttp"
	"github.com/steadyhttp/steadyhttp/limit"
	"github.com/steadyhttp/steadyhttp/steadyhttptest"
)

var refused = &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}

// The profiles of README.md do what it says of them.

func webHandler(r *http.Request) (*http.Client, context.Context, context.CancelFunc) {
	client := &http.Client{Transport: &steadyhttp.Transport{ // one for all requests
		Retrier:   &steadyhttp.Retrier{OutageWait: 2 * time.Second, MaxWait: 2 * time.Second},
		Throttler: &steadyhttp.Throttler{MaxQueue: 100},
	}}
	ctx, cancel := context.WithTimeout(r.Context(), 8*time.Second) // for each request r
	return client, ctx, cancel
}

func batchJob(ctx context.Context) (*http.Client, context.Context) {
	client := &http.Client{Transport: &steadyhttp.Transport{
		Retrier:   &steadyhttp.Retrier{OutageWait: 20 * time.Minute, MaxWait: 20 * time.Minute, MaxElapsed: time.Hour},
		Throttler: &steadyhttp.Throttler{RequestsPerMinute: 500, TokensPerMinute: 200_000, MaxConcurrent: 32},
	}}
	ctx = steadyhttp.WithPriority(ctx, steadyhttp.Batch) // for each request
	return client, ctx
}

func ownService() *http.Client {
	harmless := func(r *http.Request) bool {
		return r.Method != "POST" && r.Method != "PATCH" || strings.HasPrefix(r.URL.Path, "/search")
	}
	client := &http.Client{Transport: &steadyhttp.Transport{
		Retrier:   &steadyhttp.Retrier{AttemptTimeout: 2 * time.Second, Idempotent: harmless},
		Throttler: &steadyhttp.Throttler{MaxConcurrent: 64, Inference: limit.Off},
	}}
	return client
}

// What the profiles are is what README.md shows.
func TestReadmeShowsTheProfiles(t *testing.T) {
	indented := regexp.MustCompile(`(?m)^\t+`)
	code := indented.ReplaceAllString(read(t, "readme_test.go"), "")
	_, profiles, _ := strings.Cut(read(t, "README.md"), "## Three profiles")
	profiles, _, _ = strings.Cut(profiles, "\n## ")
	shown := regexp.MustCompile("(?s)```go\n(.*?)(?:defer cancel\\(\\)\n)?```").FindAllStringSubmatch(profiles, -1)
	if len(shown) != 3 {
		t.Errorf("got %d profiles, want 3", len(shown))
	}
	for _, profile := range shown {
		if !strings.Contains(code, indented.ReplaceAllString(profile[1], "")) {
			t.Errorf("no test has this profile:\n%s", profile[1])
		}
	}
}

func TestProfileOfAWebHandlerGivesUpEarly(t *testing.T) {
	for _, row := range []struct {
		name   string
		answer reply
	}{
		{"an outage", reply{status: 503}},
		{"a limit that asks for a minute", reply{status: 429, header: "Retry-After: 60"}},
		{"a host that cannot be reached", reply{err: refused}},
	} {
		synctest.Test(t, func(t *testing.T) {
			client, ctx, cancel := webHandler(httptest.NewRequest("GET", "/", nil))
			defer cancel()
			client.Transport.(*steadyhttp.Transport).Base = replying(func(*http.Request) reply { return row.answer })
			for n := range 3 { // the later ones find that the host fails
				start := time.Now()
				fetch(t, ctx, client)
				if took := time.Since(start); took > 2*time.Second {
					t.Errorf("%s, call %d: took %s, want at most 2s", row.name, n+1, took)
				}
			}
		})
	}
}

func TestProfileOfABatchJobOutlastsAnOutage(t *testing.T) {
	for _, row := range []struct {
		name   string
		answer reply
	}{
		{"an outage", reply{status: 503}},
		{"a limit that asks for ten minutes", reply{status: 429, header: "Retry-After: 600"}},
		{"a host that cannot be reached", reply{err: refused}},
	} {
		synctest.Test(t, func(t *testing.T) {
			client, ctx := batchJob(t.Context())
			begin := time.Now()
			client.Transport.(*steadyhttp.Transport).Base = replying(func(*http.Request) reply {
				if time.Since(begin) < 10*time.Minute {
					return row.answer
				}
				return reply{status: 200}
			})
			for n := range 3 {
				if resp := fetch(t, ctx, client); resp == nil || resp.StatusCode != 200 {
					t.Errorf("%s, call %d: got %v, want 200", row.name, n+1, resp)
				}
			}
		})
	}
}

func TestProfileOfAnOwnServiceRepeatsWhatIsHarmless(t *testing.T) {
	for _, row := range []struct {
		method, path string
		requests     int
	}{
		{"POST", "/search/users", 2},
		{"POST", "/orders", 1},
		{"PATCH", "/orders/1", 1},
		{"DELETE", "/orders/1", 2},
		{"HEAD", "/orders/1", 2},
	} {
		synctest.Test(t, func(t *testing.T) {
			client, requests := ownService(), 0
			client.Transport.(*steadyhttp.Transport).Base = roundTripperFunc(func(req *http.Request) (*http.Response, error) {
				if requests++; requests == 1 {
					<-req.Context().Done() // a server that hangs
					return nil, req.Context().Err()
				}
				return plainAnswer(200, "", ""), nil
			})
			start := time.Now()
			req, err := http.NewRequestWithContext(t.Context(), row.method, "https://service.example.internal"+row.path, nil)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := client.Do(req)
			if err == nil {
				resp.Body.Close()
			}
			if requests != row.requests || time.Since(start) > 3*time.Second {
				t.Errorf("%s %s: got %d requests in %s, want %d within 3s", row.method, row.path, requests, time.Since(start), row.requests)
			}
		})
	}
}

// fetch makes a request and reads its answer; nil stands for an error.
func fetch(t *testing.T, ctx context.Context, client *http.Client) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, "GET", "https://api.example.com/things", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil
	}
	io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	return resp
}

// The reverse proxy of docs/recipes.md.

func newReverseProxy(backend *url.URL) *httputil.ReverseProxy {
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(backend)
			// A caller's key promises that a POST may be sent twice. Only the backend can keep that promise.
			r.Out.Header.Del("Idempotency-Key") // leave these out if it does
			r.Out.Header.Del("X-Idempotency-Key")
		},
		Transport: &steadyhttp.Transport{
			Logger: &steadyhttp.Logger{Slog: slog.Default()},
			Retrier: &steadyhttp.Retrier{
				OutageWait: 5 * time.Second, // your callers' patience: their deadlines do not come along
				MaxWait:    5 * time.Second,
				Idempotent: func(r *http.Request) bool { // decides alone, whatever a request looks like
					return r.Method == http.MethodGet || r.Method == http.MethodHead
				},
			},
		},
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			var e *steadyhttp.Error
			errors.As(steadyhttp.Check(nil, err), &e)
			status := http.StatusBadGateway
			switch {
			case errors.Is(err, steadyhttp.ErrThrottled):
				status = http.StatusServiceUnavailable
			case e.Timeout():
				status = http.StatusGatewayTimeout
			}
			http.Error(w, e.UserMessage(), status)
		},
	}
}

func TestReverseProxyRepeatsWhatItsOwnerAllows(t *testing.T) {
	const model = `{"model":"m","messages":[{"role":"user","content":"hello"}]}`
	for _, row := range []struct {
		name, method, header, body string
		requests                   int
	}{
		{"a GET", "GET", "", "", 2},
		{"a POST", "POST", "", "{}", 1},
		{"a POST with a key", "POST", "Idempotency-Key", "{}", 1},
		{"a POST with a key under another name", "POST", "X-Idempotency-Key", "{}", 1},
		{"what looks like a call to a model", "POST", "", model, 1},
	} {
		synctest.Test(t, func(t *testing.T) {
			api := &steadyhttptest.Script{T: t, Replies: []steadyhttptest.Reply{{Status: 500}, {Status: 200, Body: "hello"}}}
			proxy := newReverseProxy(&url.URL{Scheme: "http", Host: "backend.internal"})
			steady := proxy.Transport.(*steadyhttp.Transport)
			steady.Base, steady.Logger = api, nil
			req := httptest.NewRequest(row.method, "/orders", strings.NewReader(row.body))
			req.Header.Set("Content-Type", "application/json")
			if row.header != "" {
				req.Header.Set(row.header, "key-1")
			}
			proxy.ServeHTTP(httptest.NewRecorder(), req)
			sent := api.Requests()
			if len(sent) != row.requests || sent[0].Host != "backend.internal" {
				t.Fatalf("%s: got %d requests to %s, want %d to the backend", row.name, len(sent), sent[0].Host, row.requests)
			}
			if row.header != "" && sent[0].Header.Get(row.header) != "" {
				t.Errorf("%s: the backend got the key", row.name)
			}
		})
	}
}

func TestReverseProxySaysWhatFailed(t *testing.T) {
	for _, row := range []struct {
		name   string
		err    error
		status int
	}{
		{"a request that was not sent", fmt.Errorf("full: %w", steadyhttp.ErrThrottled), http.StatusServiceUnavailable},
		{"a backend that is down", refused, http.StatusBadGateway},
		{"one that hangs", context.DeadlineExceeded, http.StatusGatewayTimeout},
	} {
		synctest.Test(t, func(t *testing.T) {
			proxy := newReverseProxy(&url.URL{Scheme: "http", Host: "backend.internal"})
			steady := proxy.Transport.(*steadyhttp.Transport)
			steady.Base, steady.Logger = replying(func(*http.Request) reply { return reply{err: row.err} }), nil
			got := httptest.NewRecorder()
			proxy.ServeHTTP(got, httptest.NewRequest("POST", "/orders", strings.NewReader("{}")))
			if text := got.Body.String(); got.Code != row.status || text == "" || strings.Contains(text, "refused") || strings.Contains(text, "internal") {
				t.Errorf("%s: got %d %q, want %d and a sentence for the caller", row.name, got.Code, text, row.status)
			}
		})
	}
}

// What the test has is what docs/recipes.md shows.
func TestRecipeOfAReverseProxy(t *testing.T) {
	code := read(t, "readme_test.go")
	_, code, _ = strings.Cut(code, "\nfunc newReverseProxy(")
	code, _, _ = strings.Cut(code, "\n}\n")
	if code == "" || !strings.Contains(read(t, "docs/recipes.md"), "func newReverseProxy("+code+"\n}\n") {
		t.Error("docs/recipes.md shows another function")
	}
}
