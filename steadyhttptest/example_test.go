package steadyhttptest_test

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/steadyhttp/steadyhttp"
	"github.com/steadyhttp/steadyhttp/steadyhttptest"
)

// A service that is down for one request, and what the server remembers of it.
func ExampleServer() {
	api := steadyhttptest.NewServer()
	defer api.Close()
	api.Script("/v1/chat/completions",
		steadyhttptest.OpenAIError(http.StatusServiceUnavailable, "server_error", "", "The engine is starting."),
		steadyhttptest.ChatCompletion("hello"))

	for range 2 {
		resp, err := api.Client().Post(api.URL+"/v1/chat/completions", "application/json", strings.NewReader(`{"model":"m"}`))
		if err != nil {
			fmt.Println(err)
			return
		}
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		fmt.Println(resp.StatusCode, resp.Header.Get("X-Request-Id"))
	}
	for _, req := range api.Requests() {
		fmt.Println(req.Method, req.Path, string(req.Body), req.Status)
	}
	// Output:
	// 503 req_000000000001
	// 200 req_000000000002
	// POST /v1/chat/completions {"model":"m"} 503
	// POST /v1/chat/completions {"model":"m"} 200
}

// The same in memory: a Script stands where the network would be. In a testing/synctest
// bubble, waits and delays would take no time; docs/testing.md has such tests.
func ExampleScript() {
	api := &steadyhttptest.Script{Replies: []steadyhttptest.Reply{
		{Status: http.StatusTooManyRequests, Header: http.Header{"Retry-After-Ms": {"20"}}},
		steadyhttptest.ChatCompletion("hello"),
	}}
	client := &http.Client{Transport: &steadyhttp.Transport{Base: api}}

	resp, err := client.Post("https://api.openai.com/v1/chat/completions", "application/json", strings.NewReader(`{"model":"gpt-4o"}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	resp.Body.Close()
	for _, req := range api.Requests() {
		fmt.Println(req.Method, req.Host, req.Path, string(req.Body), req.Status)
	}

	_, err = client.Get("https://api.openai.com/v1/models")
	fmt.Println(err)
	// Output:
	// POST api.openai.com /v1/chat/completions {"model":"gpt-4o"} 429
	// POST api.openai.com /v1/chat/completions {"model":"gpt-4o"} 200
	// Get "https://api.openai.com/v1/models": steadyhttptest: GET api.openai.com/v1/models is request 3 for a list of 2 replies (Script.Replies): the Script has no reply left for it; give it one more, or set Repeat
}

// Two requests a day: the third is refused, and told so as OpenAI would tell it.
func ExampleServer_Limit() {
	api := steadyhttptest.NewServer()
	defer api.Close()
	api.Script("*", steadyhttptest.ChatCompletion("hello"))
	api.Limit("*", steadyhttptest.Limit{Requests: 2, Window: 24 * time.Hour})

	for range 3 {
		resp, err := api.Client().Get(api.URL + "/v1/models")
		if err != nil {
			fmt.Println(err)
			return
		}
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		fmt.Println(resp.StatusCode, "left:", resp.Header.Get("X-Ratelimit-Remaining-Requests"))
		if after := resp.Header.Get("Retry-After"); after != "" {
			fmt.Println("again in", after, "seconds")
		}
	}
	fmt.Println(api.Limited())
	// Output:
	// 200 left: 1
	// 200 left: 0
	// 429 left: 0
	// again in 43200 seconds
	// 2 1
}

// A stream that breaks off: the reader learns of it by an error, not by a clean end.
func ExampleChatStream() {
	api := steadyhttptest.NewServer()
	defer api.Close()
	stream := steadyhttptest.ChatStream("Hel", "lo")
	stream.Events = stream.Events[:2] // the role and the first word
	stream.Drop = true
	api.Script("*", stream)

	resp, err := api.Client().Get(api.URL)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
			fmt.Println(strings.Contains(data, "Hel"))
		}
	}
	fmt.Println(lines.Err() != nil)
	// Output:
	// false
	// true
	// true
}

// A tenth of the requests fails, in a way that a seed decides: does the code under test bear it?
func ExampleFaults() {
	api := steadyhttptest.NewServer()
	defer api.Close()
	api.Script("*", steadyhttptest.ChatCompletion("hello"))

	faults := &steadyhttptest.Faults{
		Base:       api.Client().Transport,
		Seed:       1,
		RefuseRate: 0.02,
		ResetRate:  0.02,
		CutRate:    0.02,
		ReplyRate:  0.04,
		Replies: []steadyhttptest.Reply{
			{Status: http.StatusBadGateway},
			{Status: http.StatusTooManyRequests, Header: http.Header{"Retry-After": {"1"}}},
		},
	}
	client := &http.Client{Transport: faults}
	good := 0
	for range 1000 {
		resp, err := client.Get(api.URL)
		if err != nil {
			continue
		}
		_, err = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		if err == nil && resp.StatusCode == http.StatusOK {
			good++
		}
	}
	requests, failed := faults.Count()
	fmt.Println(requests, "requests,", failed, "faults,", good, "good answers")
	// Output:
	// 1000 requests, 96 faults, 904 good answers
}
