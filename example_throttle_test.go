package steadyhttp_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/steadyhttp/steadyhttp"
	"github.com/steadyhttp/steadyhttp/limit"
	"github.com/steadyhttp/steadyhttp/steadyhttptest"
)

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
			fmt.Println("not sent: no turn within five seconds")
			continue
		}
		fmt.Println(resp.Status)
		resp.Body.Close()
	}
	// Output:
	// 200 OK
	// not sent: no turn within five seconds
}

// Requests wait by priority, whatever the order in which they came.
func ExampleWithPriority() {
	url, stop := api(hello)
	defer stop()

	transport := &steadyhttp.Transport{Throttler: &steadyhttp.Throttler{RequestsPerSecond: 5, Burst: 1}}
	client := &http.Client{Transport: transport}
	done := make(chan limit.Priority)
	ask := func(p limit.Priority) {
		ctx := steadyhttp.WithPriority(context.Background(), p)
		req, _ := http.NewRequestWithContext(ctx, "GET", url, nil)
		if resp, err := client.Do(req); err == nil {
			resp.Body.Close()
		}
		done <- p
	}
	go ask(steadyhttp.Normal)
	<-done // the next may go a fifth of a second later
	for n, p := range []limit.Priority{steadyhttp.Batch, steadyhttp.Normal, steadyhttp.Urgent} {
		go ask(p)
		for waiting := 0; waiting <= n; time.Sleep(time.Millisecond) {
			for _, k := range transport.Snapshot() {
				waiting = max(waiting, k.Waiting)
			}
		}
	}
	fmt.Println(<-done, <-done, <-done)
	// Output: urgent normal batch
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
