package steadyhttp_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/steadyhttp/steadyhttp"
)

// The faults of a primary over real sockets, as a client with one fallback meets them.
func TestFaultsOverSockets(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: it waits in real time")
	}
	answer := func(status int, header, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			name, value, _ := strings.Cut(header, ": ")
			if name != "" {
				w.Header().Set(name, value)
			}
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			io.WriteString(w, body)
		}
	}
	stream := func(parts ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, req *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			for _, part := range parts {
				switch part {
				case "cut":
					panic(http.ErrAbortHandler)
				case "silence":
					<-req.Context().Done()
					return
				}
				io.WriteString(w, part)
				w.(http.Flusher).Flush()
			}
		}
	}
	hangs := func(_ http.ResponseWriter, req *http.Request) {
		io.Copy(io.Discard, req.Body) // else the server does not see that the client goes
		<-req.Context().Done()
	}
	resets := func(w http.ResponseWriter, _ *http.Request) {
		conn, _, _ := w.(http.Hijacker).Hijack()
		conn.(*net.TCPConn).SetLinger(0)
		conn.Close()
	}
	const first = 500 * time.Millisecond
	firstOutput := &steadyhttp.Retrier{FirstOutput: first}
	tests := []struct {
		name    string
		primary http.HandlerFunc // nil refuses connections
		stream  bool
		retrier *steadyhttp.Retrier
		answers bool
		within  time.Duration
	}{
		{name: "429 that asks for 20 s", primary: answer(429, "Retry-After: 20", ""), answers: true, within: first},
		{name: "429 without a time", primary: answer(429, "", `{"error":{"message":"slow down"}}`), answers: true, within: first},
		{name: "500", primary: answer(500, "", ""), answers: true, within: 2 * first},
		{name: "503", primary: answer(503, "", ""), answers: true, within: first},
		{name: "529", primary: answer(529, "", `{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}`), answers: true, within: first},
		{name: "refused", answers: true, within: first},
		{name: "reset", primary: resets, answers: true, within: first},
		{name: "a silent host, AttemptTimeout", primary: hangs, retrier: &steadyhttp.Retrier{AttemptTimeout: first}, answers: true, within: 3 * first},
		{name: "a silent host, a stream, FirstOutput", primary: hangs, stream: true, retrier: firstOutput, answers: true, within: 3 * first},
		{name: "a slow first byte, FirstOutput", primary: stream(": ping\n\n", "silence"), stream: true, retrier: firstOutput, answers: true, within: 3 * first},
		{name: "an error as the first event", primary: stream("data: {\"error\":{\"message\":\"overloaded\",\"type\":\"overloaded_error\"}}\n\n"), stream: true, answers: true, within: first},
		{name: "cut before output", primary: stream(": ping\n\n", "cut"), stream: true, answers: true, within: first},
		{name: "cut after output", primary: stream(sse[:strings.Index(sse, "\n\n")+2], "cut"), stream: true, within: first},
		{name: "a spent account", primary: answer(429, "", openAIError("insufficient_quota", "insufficient_quota", "You exceeded your current quota")), answers: true, within: first},
		{name: "a bad key", primary: answer(401, "", openAIError("invalid_request_error", "invalid_api_key", "Incorrect API key provided")), answers: true, within: first},
		{name: "a context that is too long", primary: answer(400, "", openAIError("invalid_request_error", "context_length_exceeded", "This model's maximum context length is 8192 tokens")), answers: true, within: first},
		{name: "a refusal by policy", primary: answer(400, "", openAIError("invalid_request_error", "content_policy_violation", "Your request was rejected by our safety system")), within: first},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var atFallback atomic.Int32
			fallback := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
				atFallback.Add(1)
				body, _ := io.ReadAll(req.Body)
				if req.URL.Path != "/api/v1/chat/completions" || req.Header.Get("Authorization") != "Bearer key-b" || req.Header.Get("X-Corp") != "" || !strings.Contains(string(body), `"model":"other"`) {
					t.Errorf("the fallback got %s %s %v %s", req.Method, req.URL, req.Header, body)
				}
				if strings.Contains(string(body), `"stream":true`) {
					stream(sse)(w, req)
					return
				}
				answer(200, "", said)(w, req)
			}))
			defer fallback.Close()
			primary := httptest.NewServer(test.primary)
			defer primary.Close()
			if test.primary == nil {
				primary.Close()
			}
			base := http.DefaultTransport.(*http.Transport).Clone()
			defer base.CloseIdleConnections()
			client := &http.Client{Timeout: 20 * time.Second, Transport: &steadyhttp.Transport{Base: base, Retrier: test.retrier, Failover: &steadyhttp.Failover{
				Targets: []steadyhttp.Target{{URL: fallback.URL + "/api/v1", Header: http.Header{"Authorization": {"Bearer key-b"}}, Model: "other", MaxInput: 100_000}},
			}}}
			req := request(t, "POST", primary.URL+"/v1/chat/completions", fmt.Sprintf(`{"model":"m","messages":[{"role":"user","content":"hi"}],"stream":%v}`, test.stream))
			req.Header.Set("Authorization", "Bearer key-a")
			req.Header.Set("X-Corp", "secret")
			ctx := steadyhttp.WithCall(context.Background())
			start := time.Now()
			resp, err := client.Do(req.WithContext(ctx))
			said := ""
			if err == nil {
				var body []byte
				body, err = io.ReadAll(resp.Body)
				resp.Body.Close()
				said = string(body)
			}
			call, _ := steadyhttp.FromContext(ctx)
			answered := err == nil && resp.StatusCode == 200 && strings.Contains(said, "hello")
			if took := time.Since(start); answered != test.answers || took > test.within+2*time.Second { // the machine may have much to do
				t.Errorf("answered %v (%v, %q, %v) after %v; want %v within %v", answered, err, said, call.Error, took, test.answers, test.within)
			}
			if test.answers != (atFallback.Load() == 1) || atFallback.Load() > 1 {
				t.Errorf("the fallback was asked %d times", atFallback.Load())
			}
		})
	}
}
