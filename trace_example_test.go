package steadyhttp_test

import (
	"context"
	"expvar"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/steadyhttp/steadyhttp"
	"github.com/steadyhttp/steadyhttp/limit"
)

// A program on a terminal says why nothing happens.
func ExampleTrace() {
	ctx, cancel := context.WithCancel(context.Background()) // as signal.NotifyContext makes it
	defer cancel()
	client := &http.Client{Transport: &steadyhttp.Transport{
		Trace: &steadyhttp.Trace{
			WaitStart: func(_ context.Context, w limit.Wait) {
				if w.For > 0 {
					fmt.Printf("waiting %.0f s for %s\n", w.For.Seconds(), w.Why)
				} else {
					fmt.Printf("waiting for %s\n", w.Why)
				}
			},
		},
	}}
	steady := client.Transport.(*steadyhttp.Transport)
	steady.Base = answeringOK
	steady.Throttler = &steadyhttp.Throttler{OutputTokensPerMinute: 5_000}
	steady.Trace.WaitDone = func(ctx context.Context, w limit.Wait) {
		if ctx.Err() != nil {
			fmt.Println("given up")
		}
	}
	say := steady.Trace.WaitStart
	steady.Trace.WaitStart = func(ctx context.Context, w limit.Wait) {
		say(ctx, w)
		cancel() // here somebody loses patience and presses ^C
	}
	for range 2 {
		body := strings.NewReader(`{"model":"gpt-4o","max_tokens":1000,"messages":[{"role":"user","content":"Hello"}]}`)
		req, _ := http.NewRequestWithContext(ctx, "POST", "https://api.openai.com/v1/chat/completions", body)
		resp, err := client.Do(req)
		if err == nil {
			io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		}
	}
	// Output:
	// waiting 12 s for the limit of output tokens per minute
	// given up
}

// Counters and gauges of the standard library, which /debug/vars shows.
func ExampleTrace_expvar() {
	srv := httptest.NewServer(failingOnce())
	defer srv.Close()
	vars := expvar.NewMap("steadyhttp")
	client := &http.Client{Transport: &steadyhttp.Transport{
		Trace: &steadyhttp.Trace{
			AttemptStart: func(context.Context, *http.Request) { vars.Add("attempts", 1) },
			AttemptDone: func(_ context.Context, _ limit.Key, _ *http.Response, e *steadyhttp.Error) {
				if e != nil {
					vars.Add("failed attempts: "+e.Class.String(), 1)
				}
			},
			WaitStart: func(context.Context, limit.Wait) { vars.Add("waiting", 1) },
			WaitDone: func(_ context.Context, w limit.Wait) {
				vars.Add("waiting", -1)
				vars.AddFloat("seconds waited", w.For.Seconds())
			},
			CallDone: func(_ context.Context, c steadyhttp.Call) {
				vars.Add("calls", 1)
				if c.Error != nil {
					vars.Add("failed calls: "+c.Error.Class.String(), 1)
				}
				vars.Add("output tokens", c.OutputTokens)
			},
		},
	}}
	for range 2 {
		resp, err := client.Get(srv.URL)
		if err == nil {
			resp.Body.Close()
		}
	}
	for _, name := range []string{"calls", "attempts", "failed attempts: unavailable", "waiting"} {
		fmt.Println(name, vars.Get(name))
	}
	// Output:
	// calls 2
	// attempts 3
	// failed attempts: unavailable 1
	// waiting 0
}

// answeringOK is a base that answers at once.
var answeringOK = roundTripperFunc(func(req *http.Request) (*http.Response, error) {
	req.Body.Close()
	return &http.Response{StatusCode: 200, Header: http.Header{}, Body: http.NoBody, Request: req}, nil
})

// failingOnce answers the first request with a 503.
func failingOnce() http.HandlerFunc {
	n := 0
	return func(w http.ResponseWriter, _ *http.Request) {
		if n++; n == 1 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}
}
