package debugsteady_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/steadyhttp/steadyhttp"
	"github.com/steadyhttp/steadyhttp/debugsteady"
	"github.com/steadyhttp/steadyhttp/steadyhttptest"
)

// The page belongs on a listener that only operators reach, beside net/http/pprof.
func ExampleHandler() {
	api := steadyhttptest.NewServer()
	defer api.Close()
	api.Script("/users/17", steadyhttptest.OpenAIError(429, "requests", "rate_limit_exceeded", "Slow down."), steadyhttptest.Reply{Body: "ok"})

	transport := &steadyhttp.Transport{}
	page := debugsteady.Handler(transport) // before the first request
	client := &http.Client{Transport: transport}

	mux := http.NewServeMux()
	mux.Handle("/debug/steadyhttp", page)
	internal := httptest.NewServer(mux) // go http.ListenAndServe("127.0.0.1:6060", mux)
	defer internal.Close()

	resp, err := client.Get(api.URL + "/users/17")
	if err != nil {
		fmt.Println(err)
		return
	}
	resp.Body.Close()

	resp, err = http.Get(internal.URL + "/debug/steadyhttp")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	html, err := io.ReadAll(resp.Body)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, text := range []string{"GET /users/{id}", "rate_limit", "Slow down.", "; then answered"} {
		fmt.Println(strings.Contains(string(html), text), text)
	}
	// Output:
	// true GET /users/{id}
	// true rate_limit
	// true Slow down.
	// true ; then answered
}
