package limit_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/steadyhttp/steadyhttp"
	"github.com/steadyhttp/steadyhttp/limit"
	"github.com/steadyhttp/steadyhttp/steadyhttptest"
)

// respond sends a request through transport to a server that answers with reply.
func respond(transport *steadyhttp.Transport, reply steadyhttptest.Reply) (*http.Response, error) {
	api := steadyhttptest.NewServer()
	defer api.Close()
	api.Script("*", reply)
	req, _ := http.NewRequest("POST", api.URL+"/v1/chat/completions", strings.NewReader(`{"model":"small","max_tokens":100}`))
	req.Header.Set("Authorization", "Bearer secret")
	resp, err := (&http.Client{Transport: transport}).Do(req)
	if err == nil {
		resp.Body.Close()
	}
	return resp, err
}

var limited = steadyhttptest.Reply{Status: 429, Header: http.Header{
	"X-Ratelimit-Limit-Requests": {"500"}, "X-Ratelimit-Remaining-Requests": {"0"}, "X-Ratelimit-Reset-Requests": {"20s"}, "Retry-After": {"20"},
}}

// oneAtATime is a Limiter that has one request under way at once, to whatever host. It
// infers nothing.
type oneAtATime struct {
	place   sync.Mutex
	settled int
}

func (l *oneAtATime) Acquire(_ context.Context, a limit.Ask) (limit.Permit, error) {
	if !l.place.TryLock() { // a real one would wait for as long as the context and the Ask allow
		return limit.Permit{}, &limit.Refusal{Reason: "another request is under way"}
	}
	return limit.Permit{Key: a.Key, Cost: a.Cost, ID: 1}, nil
}

func (l *oneAtATime) Settle(limit.Permit, limit.Outcome) {
	l.settled++
	l.place.Unlock()
}

func (l *oneAtATime) Peek(context.Context, limit.Ask) time.Duration       { return 0 }
func (l *oneAtATime) Observe(limit.Permit, limit.Observation) (held bool) { return false }
func (l *oneAtATime) Snapshot() []limit.KeyState                          { return nil }

// A Limiter of your own, in place of the one in memory. steadyhttptest.TestLimiter
// would say what it lacks.
func ExampleLimiter() {
	limiter := &oneAtATime{}
	resp, err := respond(&steadyhttp.Transport{Throttler: &steadyhttp.Throttler{Limiter: limiter}}, steadyhttptest.ChatCompletion("Hello!"))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(resp.Status, "and settled", limiter.settled)
	// Output: 200 OK and settled 1
}

// A Refusal says why a request was not sent. The Throttler's error wraps it.
func ExampleRefusal() {
	limiter := &oneAtATime{}
	limiter.place.Lock()
	_, err := respond(&steadyhttp.Transport{Throttler: &steadyhttp.Throttler{Limiter: limiter}}, steadyhttptest.ChatCompletion("Hello!"))
	var refusal *limit.Refusal
	if errors.As(err, &refusal) {
		fmt.Println(refusal.Reason, errors.Is(err, limit.ErrThrottled))
	}
	// Output: another request is under way true
}

// Cost replaces the estimate of tokens, here by one of a tokenizer.
func ExampleCost() {
	tokens := func(*http.Request) int64 { return 12 } // stands for a tokenizer
	throttler := &steadyhttp.Throttler{TokensPerMinute: 100, Cost: func(req *http.Request) limit.Cost {
		return limit.Cost{Input: tokens(req), Output: 500}
	}}
	_, err := respond(&steadyhttp.Transport{Throttler: throttler}, steadyhttptest.ChatCompletion("Hello!"))
	var e *steadyhttp.Error
	errors.As(err, &e)
	fmt.Println(e.Class, "-", e.Message)
	// Output: too_large - not sent: the request needs about 512 tokens, more than the limit of 100 per minute
}

// What is known of a host after an answer: its limits, and what holds requests back.
func ExampleKeyState() {
	transport := &steadyhttp.Transport{Retrier: &steadyhttp.Retrier{MaxAttempts: 1}}
	if _, err := respond(transport, limited); err != nil {
		fmt.Println(err)
		return
	}
	for _, k := range transport.Snapshot() {
		if k.Gate == limit.GateAsked {
			fmt.Printf("%s: a pause of 20 s at most: %t\n", k.Key.Route, k.GateLeft <= 20*time.Second)
		}
	}
	// Output: POST /v1/chat/completions: a pause of 20 s at most: true
}

// A LimitState is one limit of a KeyState.
func ExampleLimitState() {
	transport := &steadyhttp.Transport{Retrier: &steadyhttp.Retrier{MaxAttempts: 1}}
	if _, err := respond(transport, limited); err != nil {
		fmt.Println(err)
		return
	}
	for _, k := range transport.Snapshot() {
		for _, l := range k.Limits {
			fmt.Printf("%.0f of %.0f %s left, stated by the server: %t\n", l.Left, l.Limit, l.Unit, l.Learned)
		}
	}
	// Output: 0 of 500 requests left, stated by the server: true
}

// An Allowance is a limit as a response states it.
func ExampleAllowance() {
	resp, err := respond(&steadyhttp.Transport{Retrier: &steadyhttp.Retrier{MaxAttempts: 1}}, limited)
	var e *steadyhttp.Error
	if errors.As(steadyhttp.Check(resp, err), &e) {
		for _, a := range e.RateLimit {
			fmt.Println(a.Remaining, "of", a.Limit, a.Unit, "left, back in", a.Reset)
		}
	}
	// Output: 0 of 500 requests left, back in 20s
}

// Label names a group of requests for people. The credential is four digits.
func ExampleKey() {
	k := limit.Key{Host: "api.example.com", Model: "small", Route: "POST /v1/chat/completions"}
	fmt.Println(k.Label())
	// Output: api.example.com small POST /v1/chat/completions
}

// The requests that share a limit have all members of its Scope in common.
func ExampleScope() {
	s := limit.ScopeHost | limit.ScopeCredential | limit.ScopeModel
	fmt.Println(s)
	fmt.Println(s&limit.ScopePath != 0)
	// Output:
	// host, credential, model
	// false
}

// Throttler.Priority sorts requests for an SDK that takes no context.
func ExamplePriority() {
	throttler := &steadyhttp.Throttler{Priority: func(req *http.Request) limit.Priority {
		if strings.HasPrefix(req.URL.Path, "/v1/embeddings") {
			return limit.Batch
		}
		return limit.Normal
	}}
	req, _ := http.NewRequest("POST", "https://api.example.com/v1/embeddings", nil)
	fmt.Println(throttler.Priority(req))
	// Output: batch
}

// Observe holds nothing back, and shows what Act would have held back.
func ExampleInference() {
	api := steadyhttptest.NewServer()
	defer api.Close()
	api.Script("*", limited)
	transport := &steadyhttp.Transport{
		Retrier:   &steadyhttp.Retrier{MaxAttempts: 1},
		Throttler: &steadyhttp.Throttler{Inference: limit.Observe},
	}
	for range 2 { // with Act the second would wait for 20 s
		resp, err := (&http.Client{Transport: transport}).Get(api.URL)
		if err != nil {
			fmt.Println(err)
			return
		}
		resp.Body.Close()
	}
	for _, k := range transport.Snapshot() {
		if k.WouldHold > 0 {
			fmt.Println("would have waited:", k.WouldHold)
		}
	}
	// Output: would have waited: 1
}

// Limits are what a Throttler's fields say, as its Limiter gets them.
func ExampleLimits() {
	l := limit.Limits{RequestsPerMinute: 500, MaxConcurrent: 32}
	fmt.Println(l.Any(), l.Tokens())
	// Output: true false
}

// A Limiter learns from observations. This one is of a 429 that asks for a second, and
// holds back all requests with the same credential.
func ExampleObservation() {
	asked := limit.Key{Host: "api.example.com", Credential: 7, Route: "GET /things"}
	o := limit.Observation{
		Key:    limit.Key{Host: asked.Host, Credential: asked.Credential},
		Signal: limit.SignalRefused,
		Hold:   time.Second,
	}
	fmt.Println(o.Hold, o.Key.Route == "")
	// Output: 1s true
}
