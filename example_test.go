package steadyhttp_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/steadyhttp/steadyhttp"
	"github.com/steadyhttp/steadyhttp/steadyhttptest"
)

// The examples in the order in which to read them: Transport, Check, CheckContext,
// FromContext and WithCall are what everybody needs. Error, Class and Fate say what
// Check returns. Then comes what one sets: Logger here, Retrier, RetryPolicy, Rule and
// their kin in example_retry_test.go, Throttler and priorities in
// example_throttle_test.go, Failover in failover_example_test.go.

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

// Start here: one field of the client is set. Its call sites stay as they are.
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

// One client for several APIs: each host has its own settings, and all others have those
// of the Transport itself.
func ExampleTransport_byHost() {
	rt := &steadyhttp.Transport{
		Logger: &steadyhttp.Logger{Slog: slog.New(slog.DiscardHandler)}, // of all hosts
		ByHost: map[string]*steadyhttp.Transport{
			"api.openai.com": {Throttler: &steadyhttp.Throttler{RequestsPerMinute: 500, TokensPerMinute: 200_000}},
			"api.github.com": {Throttler: &steadyhttp.Throttler{MaxConcurrent: 10}},
			"*.internal":     {Retrier: &steadyhttp.Retrier{MaxAttempts: 2, OutageWait: -1}},
		},
	}
	client := &http.Client{Transport: rt}
	client.CloseIdleConnections()

	for _, key := range rt.Snapshot() { // of all of them
		fmt.Println(key.Key.Host, key.Limits)
	}
	// Output:
}

// The same with settings. A field that is nil is that wrapper's default.
func ExampleTransport_settings() {
	client := &http.Client{Transport: &steadyhttp.Transport{
		Base:      http.DefaultTransport,
		Logger:    &steadyhttp.Logger{Zap: zap.NewNop()},
		Retrier:   &steadyhttp.Retrier{OutageWait: time.Minute},
		Throttler: &steadyhttp.Throttler{RequestsPerMinute: 500, TokensPerMinute: 200_000, MaxConcurrent: 32},
	}}
	client.CloseIdleConnections()
	// Output:
}

// Check works on any response, whether or not it passed a wrapper.
func ExampleCheck() {
	url, stop := api(steadyhttptest.OpenAIError(400, "invalid_request_error", "", "max_tokens is too large: 9000."))
	defer stop()

	resp, err := http.Get(url)
	if err == nil {
		defer resp.Body.Close() // after a failure too
	}
	if err := steadyhttp.Check(resp, err); err != nil {
		var e *steadyhttp.Error
		errors.As(err, &e)
		fmt.Println(e.Message)
		fmt.Println(e.Hint)
		fmt.Println(e.UserMessage())
	}
	body, _ := io.ReadAll(resp.Body) // all of it is still there
	fmt.Println(len(body) > 0)
	// Output:
	// max_tokens is too large: 9000.
	// The max_tokens parameter exceeds the limit, or is not one that the model takes.
	// The service did not understand the request. Please check your input and try again.
	// true
}

// What a call went through is on record in the context of its response's request.
func ExampleFromContext() {
	url, stop := api(slowDown, hello)
	defer stop()

	client := &http.Client{Transport: &steadyhttp.Transport{}}
	resp, err := client.Get(url)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	if call, ok := steadyhttp.FromContext(resp.Request.Context()); ok {
		fmt.Println(call.Attempts, "attempts, failed before:", call.RetriedClasses)
	}
	// Output: 2 attempts, failed before: [rate_limit]
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

// A Call has the tokens that were used, once the body has been read.
func ExampleCall() {
	url, stop := api(hello)
	defer stop()

	client := &http.Client{Transport: &steadyhttp.Transport{}}
	ctx := steadyhttp.WithCall(context.Background())
	req, _ := http.NewRequestWithContext(ctx, "POST", url, strings.NewReader(`{"model":"gpt-4o","messages":[{"role":"user","content":"Hi"}]}`))
	req.Header.Set("Content-Type", "application/json")
	resp, err := client.Do(req)
	if err != nil {
		fmt.Println(err)
		return
	}
	io.Copy(io.Discard, resp.Body)
	resp.Body.Close()

	call, _ := steadyhttp.FromContext(ctx)
	fmt.Println("tokens:", call.InputTokens > 0, call.OutputTokens > 0)
	fmt.Println("attempts:", call.Attempts, "waited:", call.Waited)
	// Output:
	// tokens: true true
	// attempts: 1 waited: 0s
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

// The same with slog. The handler gets the request's context as well, and so the trace
// that is in it.
func ExampleLogger_slog() {
	url, stop := api(slowDown, hello, outOfMoney)
	defer stop()

	logger := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr { // an example can promise no durations, no ports
			switch a.Key {
			case slog.LevelKey, slog.MessageKey, "attempts", "error.type", "code":
				return a
			}
			return slog.Attr{}
		},
	}))
	client := &http.Client{Transport: &steadyhttp.Transport{Logger: &steadyhttp.Logger{Slog: logger}}}
	for range 2 {
		if resp, err := client.Get(url); err == nil {
			resp.Body.Close()
		}
	}
	// Output:
	// level=INFO msg="call recovered" attempts=2
	// level=WARN msg="call refused" error.type=quota code=insufficient_quota
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

// DefaultLevel is what a Logger goes by unless Level is set. Here a success that took
// several attempts is logged as a warning too.
func ExampleDefaultLevel() {
	logger := &steadyhttp.Logger{Zap: zap.NewNop(), Level: func(c steadyhttp.Call) zapcore.Level {
		if c.Error == nil && c.Attempts > 1 {
			return zapcore.WarnLevel
		}
		return steadyhttp.DefaultLevel(c)
	}}
	fmt.Println(logger.Level(steadyhttp.Call{Attempts: 3}), logger.Level(steadyhttp.Call{Attempts: 1}))
	// Output: warn debug
}
