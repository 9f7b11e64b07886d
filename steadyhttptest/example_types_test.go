package steadyhttptest_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/steadyhttp/steadyhttp/steadyhttptest"
)

// A Reply breaks off where a real connection would: after a part of the body.
func ExampleReply() {
	api := steadyhttptest.NewServer()
	defer api.Close()
	api.Script("/report", steadyhttptest.Reply{Body: "the first half", Drop: true})

	resp, err := http.Get(api.URL + "/report")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	_, err = io.ReadAll(resp.Body)
	fmt.Println(resp.StatusCode, err != nil)
	// Output: 200 true
}

// A stream of any kind is made of events.
func ExampleEvent() {
	api := steadyhttptest.NewServer()
	defer api.Close()
	api.Script("/events", steadyhttptest.Reply{Events: []steadyhttptest.Event{
		{Comment: "keep-alive"},
		{Name: "progress", Data: "50%", Delay: time.Millisecond},
	}})

	resp, err := http.Get(api.URL + "/events")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	fmt.Println(strings.TrimSpace(string(body)))
	// Output:
	// : keep-alive
	//
	// event: progress
	// data: 50%
}

// A Limit refuses what comes too fast, as OpenAI does.
func ExampleLimit() {
	api := steadyhttptest.NewServer()
	defer api.Close()
	api.Script("*", steadyhttptest.Reply{})
	api.Limit("*", steadyhttptest.Limit{Requests: 2, Window: time.Minute})

	for range 3 {
		resp, err := http.Get(api.URL)
		if err != nil {
			fmt.Println(err)
			return
		}
		resp.Body.Close()
		fmt.Println(resp.StatusCode, resp.Header.Get("X-Ratelimit-Remaining-Requests"))
	}
	// Output:
	// 200 1
	// 200 0
	// 429 0
}

// The server remembers each request as it came.
func ExampleRequest() {
	api := steadyhttptest.NewServer()
	defer api.Close()
	api.Script("*", steadyhttptest.Reply{Status: http.StatusCreated})

	resp, err := http.Post(api.URL+"/orders", "text/plain", strings.NewReader("three apples"))
	if err != nil {
		fmt.Println(err)
		return
	}
	resp.Body.Close()
	for _, r := range api.Requests() {
		fmt.Println(r.Method, r.Path, string(r.Body), r.Status)
	}
	// Output: POST /orders three apples 201
}

// A Hostile breaks the protocol for as many connections as Start is told, then answers
// well.
func ExampleHostile() {
	for _, h := range steadyhttptest.Hostiles() {
		if h.HTTP2 || h.Stalls || h.After > 0 {
			continue
		}
		srv := h.StartInMemory(1)
		resp, err := srv.Client().Get(srv.URL)
		if err == nil {
			resp.Body.Close()
		}
		srv.Close()
		fmt.Println("the first of them has a name:", h.Name != "")
		break
	}
	// Output: the first of them has a name: true
}

// A HostileServer tells how many connections a client left open.
func ExampleHostileServer() {
	srv := steadyhttptest.Hostiles()[0].Start(1)
	defer srv.Close()

	client := srv.Client()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	req, _ := http.NewRequestWithContext(ctx, "GET", srv.URL, nil)
	if resp, err := client.Do(req); err == nil {
		resp.Body.Close()
	}
	made, _ := srv.Connections()
	fmt.Println(made >= 1)
	// Output: true
}
