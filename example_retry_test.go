package steadyhttp_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v4"
	"go.uber.org/zap"

	"github.com/steadyhttp/steadyhttp"
	"github.com/steadyhttp/steadyhttp/steadyhttptest"
)

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

// A RetryPolicy says what a client cannot know: that this POST does no harm when it
// is done twice, and that its caller has little time.
func ExampleRetryPolicy() {
	url, stop := api(steadyhttptest.Reply{Status: 503}, hello)
	defer stop()

	client := &http.Client{Transport: &steadyhttp.Transport{}}
	ctx := steadyhttp.WithRetry(context.Background(), steadyhttp.RetryPolicy{Idempotent: true, OutageWait: 3 * time.Second})
	req, _ := http.NewRequestWithContext(ctx, "POST", url, strings.NewReader("a report"))
	resp, err := client.Do(req)
	if err != nil {
		fmt.Println(err)
		return
	}
	resp.Body.Close()
	fmt.Println(resp.Status)
	// Output: 200 OK
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

// A Classifier alone changes no response, and lets Check say more.
func ExampleClassifier() {
	url, stop := api(outOfMoney)
	defer stop()

	client := &http.Client{Transport: &steadyhttp.Classifier{}}
	resp, err := client.Get(url)
	if err == nil {
		defer resp.Body.Close()
	}
	if err := steadyhttp.Check(resp, err); err != nil {
		var e *steadyhttp.Error
		if errors.As(err, &e) && e.Class == steadyhttp.Quota {
			fmt.Println(e.Status, e.Class, e.Code)
		}
	}
	// Output: 429 quota insufficient_quota
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
