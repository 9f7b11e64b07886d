package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/steadyhttp/steadyhttp/steadyhttptest"
)

// No key is in the log, in the metrics, on the page or in an answer of the proxy's.
func TestCanary(t *testing.T) {
	t.Parallel()
	const ofConfig, ofCaller, ofRedis = "sk-canary-of-the-config-0123456789abcdef", "sk-canary-of-the-caller-0123456789abcdef", "canary-of-redis"
	api := steadyhttptest.NewServer()
	t.Cleanup(api.Close)
	quotes := steadyhttptest.OpenAIError(401, "", "invalid_api_key", "Incorrect API key provided: "+ofConfig+", "+ofCaller)
	api.Script("*", quotes)
	config := fmt.Sprintf(`{"log": "debug", "redis": {"addr": %q, "password": "%s", "salt": "%s"}, "upstreams": [
		{"prefix": "/own", "to": %q, "header": {"Authorization": "Bearer ${KEY}", "X-Team-Secret": "${KEY}"}},
		{"prefix": "/down", "to": "http://%s", "maxAttempts": 2, "outageWait": "50ms"},
		{"to": %[4]q}]}`, unusedAddress(t), ofRedis, ofRedis, api.URL, unusedAddress(t))
	p := startWith(t, map[string]string{"KEY": ofConfig}, "-config", configFile(t, config))
	client := newClient(t)
	var shown strings.Builder
	for _, path := range []string{"/own/v1/chat/completions", "/down/x?key=" + ofCaller, "/v1/x?api_key=" + ofCaller, "/v1/../x"} {
		resp, body := send(t, client, "POST", p.URL+path, chat, "Authorization", "Bearer "+ofCaller, "X-Api-Key", ofCaller, "Content-Type", "application/json")
		if resp.Header.Get("X-Steadyhttp-Error") != "" {
			shown.WriteString(body)
		}
	}
	for _, path := range []string{"/metrics", "/debug/steadyhttp", "/debug/steadyhttp/own", "/debug/steadyhttp/down", "/debug/steadyhttp/-"} {
		resp, body := send(t, client, "GET", p.URL+path, "")
		if resp.StatusCode != 200 {
			t.Errorf("%s: got %d", path, resp.StatusCode)
		}
		shown.WriteString(body)
	}
	p.end()
	shown.WriteString(p.log.String())
	if strings.Count(shown.String(), `"msg":"call`) < 3 {
		t.Errorf("the log lacks calls:\n%s", p.log)
	}
	if at := strings.Index(shown.String(), "canary"); at >= 0 {
		t.Errorf("a secret is shown: …%s…", shown.String()[max(0, at-200):at+50])
	}
}

// What operators look at is with the rest, or at an address of its own.
func TestOperators(t *testing.T) {
	t.Parallel()
	api := upstreamServer(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "of the upstream") })
	together := start(t, "-config", configFile(t, fmt.Sprintf(`{"upstreams": [{"to": %q, "requestsPerMinute": 1200}]}`, api.URL)))
	apart := start(t, "-config", configFile(t, fmt.Sprintf(`{"admin": "127.0.0.1:0", "upstreams": [{"to": %q, "requestsPerMinute": 600}]}`, api.URL)))
	admin := "http://" + <-apart.log.first
	client := newClient(t)
	send(t, client, "GET", together.URL+"/x", "")
	send(t, client, "GET", apart.URL+"/x", "")
	for _, row := range []struct{ url, want string }{
		{together.URL + "/healthz", "ok\n"},
		{together.URL + "/metrics", "steadyhttp_call_duration_seconds_count"},
		{together.URL + "/metrics", "go_goroutines"},
		{together.URL + "/debug/steadyhttp?format=json", "1200"},
		{together.URL + "/metricsandmore", "of the upstream"},
		{apart.URL + "/healthz", "ok\n"},
		{apart.URL + "/metrics", "of the upstream"},
		{apart.URL + "/debug/steadyhttp", "of the upstream"},
		{admin + "/healthz", "ok\n"},
		{admin + "/metrics", `steadyhttp_proxy_upstream="/"`},
		{admin + "/debug/steadyhttp?format=json", "600"},
		{admin + "/x", "404"},
	} {
		if _, body := send(t, client, "GET", row.url, ""); !strings.Contains(body, row.want) {
			t.Errorf("%s: got %.300q, want %q in it", row.url, body, row.want)
		}
	}
}

// An address that is taken is a failure, not a mistake in the config; one that others
// reach is warned of.
func TestListening(t *testing.T) {
	t.Parallel()
	taken := start(t, "-to", "http://localhost:1")
	log := newLogLines()
	code := run(context.Background(), []string{"-to", "http://localhost:1", "-listen", strings.TrimPrefix(taken.URL, "http://")}, nil, io.Discard, log)
	if code != exitFailed || !strings.Contains(log.String(), "address already in use") {
		t.Errorf("ended with %d:\n%s", code, log)
	}
	public := start(t, "-to", "http://localhost:1", "-listen", "0.0.0.0:0", "-public")
	public.end()
	if !strings.Contains(public.log.String(), "other machines can reach this address") {
		t.Errorf("no warning:\n%s", public.log)
	}
}
