package steadyhttp_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyhttp/steadyhttp"
	"github.com/steadyhttp/steadyhttp/steadyhttptest"
)

// Each request, and each hop of a redirect, is made with the settings of its own host.
func TestByHost(t *testing.T) {
	named := func(name string) http.RoundTripper {
		return roundTripperFunc(func(req *http.Request) (*http.Response, error) {
			r := reply{status: 200, body: name}
			if to := req.URL.Query().Get("to"); to != "" {
				r = reply{status: 302, header: "Location: " + to}
			}
			return playing().response(req, r), nil
		})
	}
	client := &http.Client{Transport: &steadyhttp.Transport{
		Base: named("others"),
		ByHost: map[string]*steadyhttp.Transport{
			"api.openai.com":      {Base: named("OpenAI")},
			"*.internal":          {Base: named("internal")},
			"*.db.internal":       {Base: named("databases")},
			"billing.internal":    {Base: named("billing")},
			"localhost:8080":      {Base: named("local")},
			"API.GitHub.com.":     {Base: named("GitHub")},
			"[2001:db8::1]":       {Base: named("six")},
			"inherits.everything": {},
		},
	}}
	for url, want := range map[string]string{
		"https://api.openai.com/v1":                                   "OpenAI",
		"https://API.openai.com.:443/v1":                              "OpenAI",
		"https://api.github.com/":                                     "GitHub",
		"http://a.internal/":                                          "internal",
		"http://a.db.internal:5432/":                                  "databases",
		"http://billing.internal/":                                    "billing",
		"http://internal/":                                            "others",
		"http://localhost:8080/":                                      "local",
		"http://localhost:8081/":                                      "others",
		"http://[2001:db8:0::1]:9/":                                   "six",
		"http://inherits.everything/":                                 "others",
		"https://example.org/?to=https://api.openai.com/v1":           "OpenAI",
		"https://api.openai.com/?to=http://a.internal/":               "internal",
		"http://a.internal/?to=https://example.org/":                  "others",
		"https://api.openai.com/?to=https://api.openai.com/elsewhere": "OpenAI",
	} {
		resp, err := client.Get(url)
		if err != nil {
			t.Errorf("%s: %v", url, err)
			continue
		}
		if got := finish(t, resp); got != want {
			t.Errorf("%s: got %s, want %s", url, got, want)
		}
	}
}

// What a host's Transport leaves nil is the outer one's; what it sets is its own.
func TestByHostSharesWhatIsNotSet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		base := playing(reply{status: 503})
		rt := &steadyhttp.Transport{
			Base:    base,
			Logger:  withSlog(&log, slog.NewTextHandler),
			Retrier: &steadyhttp.Retrier{MaxAttempts: 3, BackOff: noWait},
			ByHost: map[string]*steadyhttp.Transport{
				"api.github.com": {},
				"*.internal":     {Retrier: &steadyhttp.Retrier{MaxAttempts: 1}},
				"quiet.internal": {Logger: &steadyhttp.Logger{}},
			},
		}
		for _, row := range []struct {
			url      string
			attempts int
			logs     bool
		}{
			{"https://example.org/", 3, true},
			{"https://api.github.com/", 3, true},
			{"https://a.internal/", 1, true},
			{"https://quiet.internal/", 3, false},
		} {
			before := base.count()
			log.Reset()
			resp, err := rt.RoundTrip(request(t, "GET", row.url, ""))
			if err != nil {
				t.Fatal(err)
			}
			finish(t, resp)
			if got := base.count() - before; got != row.attempts || (log.Len() > 0) != row.logs {
				t.Errorf("%s: got %d attempts and the log %q, want %d and an entry %t", row.url, got, &log, row.attempts, row.logs)
			}
		}
	})
}

// A Failover's target and a Trace belong to the host that the request names.
func TestByHostGoesByTheRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		base, other := playing(reply{status: 402}, reply{status: 200}), playing(reply{status: 200})
		var outer, inner int
		rt := &steadyhttp.Transport{
			Base:     base,
			Failover: &steadyhttp.Failover{Targets: []steadyhttp.Target{{URL: "https://api.second.example"}}},
			Trace:    &steadyhttp.Trace{CallDone: func(context.Context, steadyhttp.Call) { outer++ }},
			ByHost: map[string]*steadyhttp.Transport{
				"api.second.example": {Base: other},
				"api.third.example":  {Base: other, Failover: &steadyhttp.Failover{}, Trace: &steadyhttp.Trace{CallDone: func(context.Context, steadyhttp.Call) { inner++ }}},
			},
		}
		send := func(url string) int {
			resp, err := rt.RoundTrip(request(t, "POST", url, `{"model":"gpt-4o"}`))
			if err != nil {
				t.Fatal(err)
			}
			finish(t, resp)
			return resp.StatusCode
		}
		if status := send(chatURL); status != 200 || base.count() != 2 || other.count() != 0 || outer != 1 {
			t.Errorf("got %d after %d requests below the Transport, %d below its other hosts and %d calls told, want 200, 2, 0 and 1", status, base.count(), other.count(), outer)
		}
		for url, told := range map[string]*int{"https://api.second.example/v1/chat/completions": &outer, "https://api.third.example/v1/chat/completions": &inner} {
			before, sent := *told, other.count()
			if send(url); *told != before+1 || other.count() != sent+1 {
				t.Errorf("%s: got %d calls told and %d requests, want one each", url, *told-before, other.count()-sent)
			}
		}
	})
}

// One Snapshot shows the limits of all hosts, and what two Throttlers share once.
func TestByHostHasOneSnapshot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shared := &steadyhttp.Throttler{RequestsPerMinute: 30}
		rt := &steadyhttp.Transport{
			Base:      playing(reply{status: 200}),
			Throttler: &steadyhttp.Throttler{RequestsPerMinute: 60},
			ByHost: map[string]*steadyhttp.Transport{
				"api.github.com": {Throttler: &steadyhttp.Throttler{RequestsPerMinute: 10}},
				"a.internal":     {Throttler: shared},
				"c.internal":     {Throttler: shared},
				"d.internal":     {},
			},
		}
		for _, host := range []string{"api.github.com", "a.internal", "c.internal", "d.internal", "example.org"} {
			resp, err := rt.RoundTrip(request(t, "GET", "https://"+host+"/", ""))
			if err != nil {
				t.Fatal(err)
			}
			finish(t, resp)
		}
		got := map[string][]float64{}
		for _, k := range rt.Snapshot() {
			for _, l := range k.Limits {
				if l.Unit == "requests" {
					got[k.Key.Host] = append(got[k.Key.Host], l.Limit)
				}
			}
		}
		want := map[string][]float64{"api.github.com": {10}, "a.internal": {30}, "c.internal": {30}, "d.internal": {60}, "example.org": {60}}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("got %v, want %v", got, want)
		}
	})
}

func TestByHostClosesIdleConnectionsOfAll(t *testing.T) {
	outer, inner := &idleCounter{}, &idleCounter{}
	client := &http.Client{Transport: &steadyhttp.Transport{Base: outer, ByHost: map[string]*steadyhttp.Transport{
		"api.github.com": {Base: inner}, "a.internal": {}, "b.internal": nil,
	}}}
	client.CloseIdleConnections()
	client.Transport.(*steadyhttp.Transport).Snapshot() // nothing was asked yet, and a mistake is for RoundTrip to tell
	if outer.closed != 1 || inner.closed != 1 {
		t.Errorf("got %d and %d calls, want one each", outer.closed, inner.closed)
	}
}

type idleCounter struct {
	http.RoundTripper
	closed int
}

func (c *idleCounter) CloseIdleConnections() { c.closed++ }

// A mistake in ByHost fails each request, to whichever host, and says what to do.
func TestByHostWithMistakes(t *testing.T) {
	good := &steadyhttp.Transport{}
	around := &steadyhttp.Transport{}
	around.ByHost = map[string]*steadyhttp.Transport{"a.internal": {Base: &steadyhttp.Logger{Base: around}}}
	twice := &steadyhttp.Transport{ByHost: map[string]*steadyhttp.Transport{"a.internal": {}}}
	twice.ByHost["a.internal"].Base = &steadyhttp.Transport{ByHost: map[string]*steadyhttp.Transport{"b.internal": {Base: twice}, "c.internal": {Base: twice}}}
	for name, row := range map[string]struct {
		rt   *steadyhttp.Transport
		want string
	}{
		"nil":                 {&steadyhttp.Transport{ByHost: map[string]*steadyhttp.Transport{"api.github.com": nil}}, `ByHost["api.github.com"] is nil; set it to a Transport`},
		"a URL":               {&steadyhttp.Transport{ByHost: map[string]*steadyhttp.Transport{"https://api.github.com": good}}, "without its scheme and path"},
		"all hosts":           {&steadyhttp.Transport{ByHost: map[string]*steadyhttp.Transport{"*": good}}, "those of the Transport itself"},
		"a pattern":           {&steadyhttp.Transport{ByHost: map[string]*steadyhttp.Transport{"api.*.com": good}}, "it is no host"},
		"the same twice":      {&steadyhttp.Transport{ByHost: map[string]*steadyhttp.Transport{"a.internal": good, "A.internal.": good}}, "means the same host"},
		"a tree":              {&steadyhttp.Transport{ByHost: map[string]*steadyhttp.Transport{"a.internal": {ByHost: map[string]*steadyhttp.Transport{"b.internal": good}}}}, "has a ByHost of its own"},
		"a negative limit":    {&steadyhttp.Transport{ByHost: map[string]*steadyhttp.Transport{"a.internal": {Throttler: &steadyhttp.Throttler{RequestsPerMinute: -1}}}}, `Throttler.RequestsPerMinute is -1; set a positive number`},
		"a wrapper's Base":    {&steadyhttp.Transport{ByHost: map[string]*steadyhttp.Transport{"a.internal": {Retrier: &steadyhttp.Retrier{Base: playing()}}}}, `(in Transport.ByHost["a.internal"])`},
		"the outer as a Base": {around, "leads back to the same RoundTripper"},
		"a ring of two":       {twice, "leads back to the same RoundTripper"},
	} {
		if row.rt.Base == nil {
			row.rt.Base = playing(reply{status: 200})
		}
		body := &closeRecorder{Reader: strings.NewReader("x")}
		req := request(t, "POST", "https://example.org/", "")
		req.Body = body
		if resp, err := row.rt.RoundTrip(req); resp != nil || err == nil || !strings.Contains(err.Error(), row.want) || !body.closed {
			t.Errorf("%s: got %v, %v and a body that is closed %t, want an error with %q", name, resp, err, body.closed, row.want)
		}
		row.rt.Snapshot()
	}
}

func TestByHostKeepsTheContract(t *testing.T) {
	t.Parallel()
	steadyhttptest.TestRoundTripper(t, func(base http.RoundTripper) http.RoundTripper {
		return &steadyhttp.Transport{Base: base, ByHost: map[string]*steadyhttp.Transport{
			"*.example.com": {Retrier: &steadyhttp.Retrier{BackOff: every(time.Second)}},
		}}
	})
}

func TestByHostFromManyGoroutines(t *testing.T) {
	base := roundTripperFunc(func(req *http.Request) (*http.Response, error) {
		return playing().response(req, reply{status: 200, body: "others"}), nil
	})
	internal := roundTripperFunc(func(req *http.Request) (*http.Response, error) {
		return playing().response(req, reply{status: 200, body: "internal"}), nil
	})
	rt := &steadyhttp.Transport{Base: base, ByHost: map[string]*steadyhttp.Transport{"*.internal": {Base: internal}}}
	var running sync.WaitGroup
	for i := range 100 {
		running.Go(func() {
			host, want := "example.org", "others"
			if i%2 > 0 {
				host, want = fmt.Sprintf("h%d.internal", i), "internal"
			}
			resp, err := rt.RoundTrip(request(t, "GET", "https://"+host+"/", ""))
			if err != nil {
				t.Error(err)
				return
			}
			if got, _ := io.ReadAll(resp.Body); string(got) != want {
				t.Errorf("%s: got %q, want %q", host, got, want)
			}
			resp.Body.Close()
			rt.Snapshot()
		})
	}
	running.Wait()
}
