package steadyhttp_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/steadyhttp/steadyhttp"
)

// Wrong settings are errors that say what to do, and nothing is sent.
func TestFailoverSettings(t *testing.T) {
	for _, test := range []struct {
		name     string
		failover *steadyhttp.Failover
		says     string
	}{
		{"nothing set", &steadyhttp.Failover{Targets: []steadyhttp.Target{{}}}, "set URL, Header, Model, Set or Prepare"},
		{"no scheme", &steadyhttp.Failover{Targets: []steadyhttp.Target{{URL: "llm.example.net/v1"}}}, "https://"},
		{"a host and port without a scheme", &steadyhttp.Failover{Targets: []steadyhttp.Target{{URL: "127.0.0.1:80/v1"}}}, "https://"},
		{"an endpoint in place of a base", &steadyhttp.Failover{Targets: []steadyhttp.Target{{URL: "https://llm.example.net/v1/chat/completions"}}}, "/chat/completions"},
		{"a password in the URL", &steadyhttp.Failover{Targets: []steadyhttp.Target{{URL: "https://user:correct-horse@llm.example.net/v1"}}}, "password"},
		{"a key that is missing", &steadyhttp.Failover{Targets: []steadyhttp.Target{{Header: http.Header{"Authorization": {"Bearer "}}}}}, "holds no key"},
		{"two names that are one", &steadyhttp.Failover{Targets: []steadyhttp.Target{{Name: "x", Model: "a"}, {Name: "x", Model: "b"}}}, "another target is named"},
		{"a negative MaxInput", &steadyhttp.Failover{Targets: []steadyhttp.Target{{Model: "m", MaxInput: -1}}}, "MaxInput is -1"},
		{"a URL as a host", &steadyhttp.Failover{Hosts: []string{"https://api.example.com"}, Targets: []steadyhttp.Target{{Model: "m"}}}, "without scheme"},
		{"a wildcard", &steadyhttp.Failover{Hosts: []string{"*.example.com"}, Targets: []steadyhttp.Target{{Model: "m"}}}, "wildcard"},
		{"another dialect", &steadyhttp.Failover{Targets: []steadyhttp.Target{{URL: "https://api.anthropic.com"}}}, "https://api.anthropic.com/v1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &fleet{rules: map[string]func(asked) reply{primary: works}}
				test.failover.Base = f
				_, err := test.failover.RoundTrip(chat(t))
				if err == nil || !strings.Contains(err.Error(), test.says) || strings.Contains(err.Error(), "correct-horse") || len(f.asked) > 0 {
					t.Errorf("got %v after %d requests, want an error that says %q", err, len(f.asked), test.says)
				}
			})
		})
	}
}

// A path of which nobody knows the API passes as if there were no Failover, unless its
// host is listed.
func TestFailoverLeavesUnknownAPIsAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fleet{rules: map[string]func(asked) reply{"llm.corp.example": always(503, "", ""), fallback: works}}
		rt := &steadyhttp.Transport{Base: f, Failover: elsewhere(), Retrier: &steadyhttp.Retrier{MaxAttempts: 1}}
		d := ask(t, rt, func(req *http.Request) { req.URL.Host, req.URL.Path = "llm.corp.example", "/chat" })
		if d.err != nil || d.resp.StatusCode != 503 || f.at(fallback) > 0 {
			t.Errorf("got %v, %v, and %d requests elsewhere", d.resp, d.err, f.at(fallback))
		}
	})
}

// A base that lacks its /v1 is said once, and the call's record has its failure.
func TestWrongBaseIsSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		logger, logs := observed()
		f := &fleet{rules: map[string]func(asked) reply{primary: always(503, "", ""), "llm.example.net": func(a asked) reply {
			if a.path == "/v1/chat/completions" {
				return works(a)
			}
			return always(404, "", `{"error":"no such path"}`)(a)
		}}}
		failover := elsewhere()
		failover.Targets[0].URL = "https://llm.example.net"
		failover.Targets[0].Name = "second"
		rt := &steadyhttp.Transport{Base: f, Failover: failover, Logger: logger, Retrier: &steadyhttp.Retrier{MaxAttempts: 1}}
		for range 3 {
			d := ask(t, rt, nil)
			if want := []steadyhttp.Class{steadyhttp.Unavailable, steadyhttp.NotFound}; d.call.Error == nil || d.call.Target != "" || d.call.Error.Class != steadyhttp.Unavailable || !slices.Equal(d.call.RetriedClasses, want) {
				t.Errorf("ended with %v, %v, %v of %q after %v", d.err, d.resp, d.call.Error, d.call.Target, d.call.RetriedClasses)
			}
		}
		if told := logs.FilterMessage("target left").All(); len(told) != 1 || told[0].ContextMap()["target"] != "second" || told[0].ContextMap()["error.type"] != "not_found" {
			t.Errorf("the log says %v", told)
		}
	})
}
