package steadyhttp_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v4"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/steadyhttp/steadyhttp"
	"github.com/steadyhttp/steadyhttp/limit"
	"github.com/steadyhttp/steadyhttp/steadyhttptest"
)

// api starts a scripted chat API. The examples would call a real one.
func api(replies ...steadyhttptest.Reply) (url string, stop func()) {
	srv := steadyhttptest.NewServer()
	srv.Script("/v1/chat/completions", replies...)
	return srv.URL + "/v1/chat/completions", srv.Close
}

var (
	slowDown   = steadyhttptest.Reply{Status: 429, Header: http.Header{"Retry-After-Ms": {"20"}}}
	outOfMoney = steadyhttptest.OpenAIError(429, "insufficient_quota", "insufficient_quota", "You exceeded your current quota.")
	hello      = steadyhttptest.ChatCompletion("Hello!")
)

// One field of the client is set. Its call sites stay as they are.
func ExampleTransport() {
	url, stop := api(slowDown, hello)
	defer stop()

	client := &http.Client{Transport: &steadyhttp.Transport{}}

	resp, err := client.Post(url, "application/json", strings.NewReader(`{"model":"gpt-4o"}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	fmt.Println(resp.Status)
	// Output: 200 OK
}

// The same with settings. A field that is nil is that wrapper's default.
func ExampleTransport_settings() {
	client := &http.Client{Transport: &steadyhttp.Transport{
		Base:      http.DefaultTransport,
		Logger:    &steadyhttp.Logger{Zap: zap.NewNop()},
		Retrier:   &steadyhttp.Retrier{MaxAttempts: 6},
		Throttler: &steadyhttp.Throttler{RequestsPerMinute: 500, TokensPerMinute: 200_000, MaxConcurrent: 32},
	}}
	client.CloseIdleConnections()
	// Output:
}

// The chain by hand, from the network up: the last line is the wrapper that the
// client calls. Any order and any subset work, with other wrappers between them.
func ExampleRetrier() {
	url, stop := api(slowDown, slowDown, hello)
	defer stop()

	var rt http.RoundTripper = http.DefaultTransport
	rt = &steadyhttp.Classifier{Base: rt}
	rt = &steadyhttp.Throttler{Base: rt, RequestsPerMinute: 6000}
	rt = &steadyhttp.Retrier{Base: rt, BackOff: func() backoff.BackOff { return backoff.NewConstantBackOff(10 * time.Millisecond) }}
	rt = &steadyhttp.Logger{Base: rt, Zap: zap.NewNop()}
	client := &http.Client{Transport: rt}

	resp, err := client.Post(url, "application/json", strings.NewReader(`{"model":"gpt-4o"}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	call, _ := steadyhttp.FromContext(resp.Request.Context())
	fmt.Println(resp.Status, "after", call.Attempts, "attempts")
	// Output: 200 OK after 3 attempts
}

// A Classifier alone changes no response, and lets Check say more.
func ExampleClassifier() {
	url, stop := api(outOfMoney)
	defer stop()

	client := &http.Client{Transport: &steadyhttp.Classifier{}}
	resp, err := client.Get(url)
	if err := steadyhttp.Check(resp, err); err != nil {
		var e *steadyhttp.Error
		if errors.As(err, &e) && e.Class == steadyhttp.Quota {
			fmt.Println(e.Status, e.Class, e.Code)
		}
	}
	resp.Body.Close()
	// Output: 429 quota insufficient_quota
}

// A request whose turn cannot come before its deadline is not sent.
func ExampleThrottler() {
	url, stop := api(hello)
	defer stop()

	client := &http.Client{Transport: &steadyhttp.Throttler{RequestsPerMinute: 1}}
	for range 2 {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		req, _ := http.NewRequestWithContext(ctx, "GET", url, nil)
		resp, err := client.Do(req)
		if errors.Is(err, steadyhttp.ErrThrottled) {
			fmt.Println("not sent: no permit for a minute")
			continue
		}
		fmt.Println(resp.Status)
		resp.Body.Close()
	}
	// Output:
	// 200 OK
	// not sent: no permit for a minute
}

// What a Throttler knows: limits set and learned, waiting requests, closed gates.
func ExampleThrottler_Snapshot() {
	api := steadyhttptest.NewServer()
	defer api.Close()
	api.Script("*", steadyhttptest.ChatCompletion("hello"))
	api.Limit("*", steadyhttptest.Limit{Requests: 500})

	throttler := &steadyhttp.Throttler{RequestsPerSecond: 100} // Limiter is nil: in memory
	client := &http.Client{Transport: &steadyhttp.Transport{Throttler: throttler}}
	resp, err := client.Post(api.URL+"/v1/chat/completions", "application/json", strings.NewReader(`{"model":"gpt-4o"}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	resp.Body.Close()

	for _, key := range throttler.Snapshot() {
		for _, l := range key.Limits {
			// key.Key.Label() names the host, the model and, by four digits, the credential.
			fmt.Printf("%q: %.0f %s in %s, learned: %t\n", key.Key.Model, l.Limit, l.Unit, l.Window, l.Learned)
		}
	}
	// Unordered output:
	// "": 100 requests in 1s, learned: false
	// "gpt-4o": 500 requests in 1m0s, learned: true
}

// Why a call waits: the Key that holds it back says so.
func ExampleThrottler_Snapshot_why() {
	url, stop := api(steadyhttptest.Reply{Status: 429, Header: http.Header{"Retry-After": {"20"}}})
	defer stop()

	transport := &steadyhttp.Transport{Retrier: &steadyhttp.Retrier{MaxAttempts: 1}}
	client := &http.Client{Transport: transport}
	resp, err := client.Get(url) // is asked to come back in 20 s
	if err != nil {
		fmt.Println(err)
		return
	}
	resp.Body.Close()

	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { // another call waits for that too
		defer close(ended)
		req, _ := http.NewRequestWithContext(ctx, "GET", url, nil)
		if resp, err := client.Do(req); err == nil {
			resp.Body.Close()
		}
	}()
	for waiting := false; !waiting; time.Sleep(time.Millisecond) {
		for _, k := range transport.Snapshot() {
			if k.Why == "" || k.Gate == "" { // the whole host has the same Why
				continue
			}
			waiting = true
			fmt.Println(k.Waiting, "waits:", k.Why)
			fmt.Println(k.Gate, "-", k.GateError)
			fmt.Println("less than 20 s left:", k.GateLeft < 20*time.Second)
		}
	}
	cancel()
	<-ended
	// Output:
	// 1 waits: the server asked for a pause
	// asked - steadyhttp: rate_limit: 429 Too Many Requests (retry after 20s)
	// less than 20 s left: true
}

// With Observe nothing is held back because of what is inferred. Snapshot shows
// what would have been, and on what evidence.
func ExampleThrottler_inference() {
	url, stop := api(steadyhttptest.Reply{Status: 429, Header: http.Header{"Retry-After": {"20"}}}, hello)
	defer stop()

	transport := &steadyhttp.Transport{
		Retrier:   &steadyhttp.Retrier{MaxAttempts: 1},
		Throttler: &steadyhttp.Throttler{Inference: limit.Observe, RequestsPerMinute: 6000}, // which holds all the same
	}
	client := &http.Client{Transport: transport}
	for range 2 { // the second would have waited for 20 s
		resp, err := client.Get(url)
		if err != nil {
			fmt.Println(err)
			return
		}
		resp.Body.Close()
		fmt.Println(resp.Status)
	}
	for _, k := range transport.Snapshot() {
		if k.WouldHold > 0 {
			fmt.Println(k.WouldHold, "would have waited") // k.Evidence says why, as long as that holds
		}
	}
	// Output:
	// 429 Too Many Requests
	// 200 OK
	// 1 would have waited
}

// A Throttler that is disabled lets every request pass, whatever its limits.
func ExampleThrottler_disabled() {
	url, stop := api(hello)
	defer stop()

	client := &http.Client{Transport: &steadyhttp.Throttler{RequestsPerMinute: 1, Disabled: true}}
	for range 2 {
		resp, err := client.Get(url)
		if err != nil {
			fmt.Println(err)
			return
		}
		resp.Body.Close()
		fmt.Println(resp.Status)
	}
	// Output:
	// 200 OK
	// 200 OK
}

// One entry per call, at a level that follows from the outcome.
func ExampleLogger() {
	url, stop := api(slowDown, hello, outOfMoney)
	defer stop()

	logger := zap.NewExample(zap.WrapCore(func(zapcore.Core) zapcore.Core { return printCore{} }))
	client := &http.Client{Transport: &steadyhttp.Transport{Logger: &steadyhttp.Logger{Zap: logger}}}
	for range 2 {
		if resp, err := client.Get(url); err == nil {
			resp.Body.Close()
		}
	}
	// Output:
	// info: call recovered, attempts 2
	// warn: call refused, error.type quota, code insufficient_quota
}

// An entry's message is one of five constants, so that zap's sampler drops only
// entries of which there are many.
func ExampleLogger_sampling() {
	logger := zap.NewNop().WithOptions(zap.WrapCore(func(core zapcore.Core) zapcore.Core {
		return zapcore.NewSamplerWithOptions(core, time.Second, 100, 100) // of each level and message 100 a second, then every 100th
	}))
	client := &http.Client{Transport: &steadyhttp.Transport{Logger: &steadyhttp.Logger{Zap: logger}}}
	client.CloseIdleConnections()
	// Output:
}

// printCore prints what an example can promise: no durations, no ports.
type printCore struct{ zapcore.LevelEnabler }

func (printCore) Enabled(zapcore.Level) bool          { return true }
func (c printCore) With([]zapcore.Field) zapcore.Core { return c }
func (c printCore) Check(e zapcore.Entry, ce *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	return ce.AddCore(e, c)
}
func (printCore) Write(e zapcore.Entry, fields []zapcore.Field) error {
	fmt.Printf("%s: %s", e.Level, e.Message)
	all := zapcore.NewMapObjectEncoder()
	for _, f := range fields {
		f.AddTo(all)
	}
	for _, name := range []string{"attempts", "error.type", "code"} {
		if v, ok := all.Fields[name]; ok {
			fmt.Printf(", %s %v", name, v)
		}
	}
	fmt.Println()
	return nil
}
func (printCore) Sync() error { return nil }

// Check works on any response, whether or not it passed a wrapper.
func ExampleCheck() {
	url, stop := api(steadyhttptest.OpenAIError(400, "invalid_request_error", "", "max_tokens is too large: 9000."))
	defer stop()

	resp, err := http.Get(url)
	if err := steadyhttp.Check(resp, err); err != nil {
		var e *steadyhttp.Error
		errors.As(err, &e)
		fmt.Println(e.Message)
		fmt.Println(e.Hint)
		fmt.Println(e.UserMessage())
	}
	body, _ := io.ReadAll(resp.Body) // all of it is still there
	resp.Body.Close()
	fmt.Println(len(body) > 0)
	// Output:
	// max_tokens is too large: 9000.
	// The max_tokens parameter exceeds the limit, or is not one that the model takes.
	// The service did not understand the request. Please check your input and try again.
	// true
}

// With WithCall there is a record of a call that ended in an error.
func ExampleWithCall() {
	url, stop := api(steadyhttptest.Reply{Drop: true})
	defer stop()

	client := &http.Client{Transport: &steadyhttp.Transport{Retrier: &steadyhttp.Retrier{MaxAttempts: 2}}}
	ctx := steadyhttp.WithCall(context.Background())
	req, _ := http.NewRequestWithContext(ctx, "PUT", url, strings.NewReader("x"))
	_, err := client.Do(req)

	call, _ := steadyhttp.FromContext(ctx)
	fmt.Println(err != nil, call.Attempts, call.Error.Class, "-", call.Stopped)
	// Output: true 2 connection - 2 attempts were made, as many as allowed
}

// What a Class says about itself, for a page that explains errors.
func ExampleClass() {
	c := steadyhttp.RateLimit
	fmt.Println(c, c.Retryable())
	fmt.Println(c.Description())
	fmt.Println(c.Causes()[0])
	fmt.Println(c.Solutions()[0])
	// Output:
	// rate_limit true
	// request rate exceeds limits
	// exceeded the limit of requests per minute (RPM)
	// implement client-side throttling
}

// An Error has what the server said, whatever the shape of the body.
func ExampleError() {
	url, stop := api(steadyhttptest.Reply{
		Status: 429,
		Header: http.Header{"Retry-After": {"20"}, "X-Ratelimit-Limit": {"500"}, "X-Ratelimit-Remaining": {"0"}, "X-Request-Id": {"req_7"}},
		Body:   `{"error":{"message":"Too many requests.","code":"rate_limit_exceeded"}}`,
	})
	defer stop()

	resp, err := http.Get(url)
	e := steadyhttp.Check(resp, err).(*steadyhttp.Error)
	resp.Body.Close()
	fmt.Println(e)
	fmt.Println(e.UserMessage())
	for _, a := range e.RateLimit {
		fmt.Println("limit", a.Limit, "remaining", a.Remaining)
	}
	// Output:
	// steadyhttp: rate_limit: 429 Too Many Requests: Too many requests. (code rate_limit_exceeded, retry after 20s, request req_7)
	// The service is receiving too many requests right now. Please wait a moment and try again. It should work again in about 20 seconds.
	// limit 500 remaining 0
}

// A Rule adds an API that the Classifier does not know, here one that reports
// overload in its own words with status 400.
func ExampleRule() {
	url, stop := api(steadyhttptest.Reply{Status: 400, Body: `{"code":"E_BUSY","message":"all seats are taken"}`}, hello)
	defer stop()

	client := &http.Client{Transport: &steadyhttp.Transport{
		Classifier: &steadyhttp.Classifier{Rules: []steadyhttp.Rule{
			{Status: 400, Code: "E_BUSY", Class: steadyhttp.RateLimit, Hint: "Take fewer seats."},
		}},
	}}
	resp, err := client.Get(url)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	call, _ := steadyhttp.FromContext(resp.Request.Context())
	fmt.Println(resp.Status, "after", call.RetriedClasses)
	// Output: 200 OK after [rate_limit]
}

// One Budget for all Retriers limits what they add together to the load of a
// failing host.
func ExampleBudget() {
	budget := &steadyhttp.Budget{MaxRatio: 0.2, MaxPerSecond: 10}
	a := &http.Client{Transport: &steadyhttp.Transport{Retrier: &steadyhttp.Retrier{Budget: budget}}}
	b := &http.Client{Transport: &steadyhttp.Transport{Retrier: &steadyhttp.Retrier{Budget: budget, MaxAttempts: 6}}}
	a.CloseIdleConnections()
	b.CloseIdleConnections()
	// Output:
}

// Retries are turned off for one call, without a second client.
func ExampleWithRetry() {
	url, stop := api(slowDown, hello)
	defer stop()

	client := &http.Client{Transport: &steadyhttp.Transport{}}
	ctx := steadyhttp.WithRetry(context.Background(), steadyhttp.RetryPolicy{MaxAttempts: 1})
	req, _ := http.NewRequestWithContext(ctx, "GET", url, nil)
	resp, err := client.Do(req)
	if err != nil {
		fmt.Println(err)
		return
	}
	resp.Body.Close()
	fmt.Println(resp.Status)
	// Output: 429 Too Many Requests
}

// Decide overrides what the Retrier would do. Here a payment that may have been
// made is never repeated, and everything else stays as it is.
func ExampleDecision() {
	retrier := &steadyhttp.Retrier{
		Decide: func(req *http.Request, d steadyhttp.Decision) (again bool, wait time.Duration) {
			if strings.HasPrefix(req.URL.Path, "/payments") && d.Error.Fate != steadyhttp.FateNeverSent {
				return false, 0
			}
			return d.Again, d.Wait
		},
	}
	client := &http.Client{Transport: &steadyhttp.Transport{Retrier: retrier}}
	client.CloseIdleConnections()
	// Output:
}

// Fate says whether the request may have been carried out, and Scope which other
// requests the failure concerns.
func ExampleFate() {
	url, stop := api(steadyhttptest.Reply{Status: 429, Body: `{"message":"too many requests"}`})
	defer stop()

	resp, err := http.Get(url)
	e := steadyhttp.Check(resp, err).(*steadyhttp.Error)
	resp.Body.Close()
	fmt.Printf("%s, %s; concerns %s\n", e.Class, e.Fate, e.Scope)
	// Output: rate_limit, refused; concerns host, credential, method, path
}
