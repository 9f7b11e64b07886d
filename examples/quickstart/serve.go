package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"github.com/steadyhttp/steadyhttp/steadyhttptest"
)

// questionsPath lists what to ask, for programs in any language.
const questionsPath = "/questions"

// A listed is a question as a program has to send it to get its number's trouble.
type listed struct {
	Key    string   `json:"key"`
	Body   question `json:"body"`
	Answer string   `json:"answer"`
}

// serve runs the flaky API until ctx ends, for other clients than ours: an SDK in
// another language, or a proxy.
func serve(ctx context.Context, s settings, stdout io.Writer) int {
	calls := plan(s.calls, s.seed)
	list := make([]listed, len(calls))
	for n, c := range calls {
		list[n] = listed{c.key, c.question(n), fmt.Sprint(n * n)}
	}
	body, err := json.Marshal(list)
	if err != nil {
		panic(err) // they are structs of strings
	}
	api := startAPI(calls)
	defer api.Close()
	api.Script(questionsPath, steadyhttptest.Reply{Header: http.Header{"Content-Type": {"application/json"}}, Body: string(body)})
	fmt.Fprintf(stdout, "%s\nThe flaky API answers there, for SDKs at %[1]s/v1. What to ask is at %[1]s%s. Ctrl-C ends it.\n", api.URL, questionsPath)
	<-ctx.Done()
	asked := 0
	for _, r := range api.Requests() {
		if r.Path == chatPath {
			asked++
		}
	}
	fmt.Fprintf(stdout, "It had %d requests.\n", asked)
	return exitOK
}
