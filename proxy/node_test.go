package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"

	"github.com/steadyhttp/steadyhttp"
	"github.com/steadyhttp/steadyhttp/steadyhttptest"
)

// node runs a script of nodetest and decodes what it prints.
func node(t *testing.T, into any, script string, args ...string) {
	t.Helper()
	if _, err := exec.LookPath("node"); err != nil {
		missing(t, "node is not on the PATH: ci/setup.sh installs it")
	}
	if _, err := os.Stat("nodetest/node_modules/openai"); err != nil {
		missing(t, "the SDK for Node is not installed: ci/setup.sh does it, and so does npm ci in proxy/nodetest")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "node", append([]string{script}, args...)...)
	cmd.Dir, cmd.Stderr = "nodetest", os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(out, into); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

// An asked is what became of the quickstart's questions.
type asked struct {
	name     string
	requests int // on the wire, by the API's count

	Seconds  float64
	Answered int
	Failed   map[string]int // by status and code
}

func (a *asked) failed() (n int) {
	for _, times := range a.Failed {
		n += times
	}
	return n
}

// OpenAI's SDK for Node, through the proxy, has as many of the quickstart's questions
// answered as the one for Go over a Transport, and those fail that nobody can cure. With -v
// it prints the table of docs/proxy.md.
func TestNodeSDK(t *testing.T) {
	quickstart := filepath.Join(t.TempDir(), "quickstart")
	if out, err := exec.Command("go", "build", "-o", quickstart, "github.com/steadyhttp/steadyhttp/examples/quickstart").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var rows []asked
	for _, row := range []struct {
		name string
		ask  func(a *asked, api string)
	}{
		{"Node's SDK alone, without its retries", func(a *asked, api string) { node(t, a, "ask.mjs", api+"/v1", api+"/questions", "0") }},
		{"Node's SDK alone", func(a *asked, api string) { node(t, a, "ask.mjs", api+"/v1", api+"/questions") }},
		{"Node's SDK through the proxy", func(a *asked, api string) {
			p := startProcess(t, "proxy", "-to", api, "-listen", "127.0.0.1:0")
			node(t, a, "ask.mjs", p.URL+"/v1", api+"/questions")
		}},
		{"Go's SDK over a Transport", func(a *asked, api string) { *a = askInGo(t, api) }},
	} {
		api, end := flakyAPI(t, quickstart)
		var a asked
		row.ask(&a, api)
		a.name, a.requests = row.name, end()
		rows = append(rows, a)
	}
	fmt.Println("\n| | answered | failed | requests | time |\n|---|---:|---|---:|---:|")
	for _, a := range rows {
		var failed []string
		for _, reason := range slices.Sorted(maps.Keys(a.Failed)) {
			failed = append(failed, fmt.Sprintf("%d × %s", a.Failed[reason], reason))
		}
		fmt.Printf("| %s | %d | %s | %d | %.1f s |\n", a.name, a.Answered, strings.Join(failed, ", "), a.requests, a.Seconds)
	}
	throughProxy, inGo := rows[2], rows[3]
	const calls, incurable = 200, 8
	for _, a := range []*asked{&throughProxy, &inGo} {
		if a.Answered != calls-incurable || a.failed() != incurable {
			t.Errorf("answered %d and failed %v, want %d and the %d that cannot be cured", a.Answered, a.Failed, calls-incurable, incurable)
		}
	}
	if !maps.Equal(throughProxy.Failed, inGo.Failed) {
		t.Errorf("the calls failed differently: %v through the proxy, %v in Go", throughProxy.Failed, inGo.Failed)
	}
}

// flakyAPI runs the quickstart's and returns its URL, and what ends it and returns how
// many requests it had.
func flakyAPI(t *testing.T, quickstart string) (url string, end func() int) {
	t.Helper()
	cmd := exec.Command(quickstart, "-serve")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	lines := bufio.NewScanner(out)
	if !lines.Scan() {
		t.Fatal("the quickstart did not say where its API is:", lines.Err())
	}
	url = lines.Text()
	return url, func() (requests int) {
		cmd.Process.Signal(os.Interrupt)
		for lines.Scan() {
			fmt.Sscanf(lines.Text(), "It had %d requests.", &requests)
		}
		return requests
	}
}

// askInGo asks all questions through Go's SDK over a Transport.
func askInGo(t *testing.T, api string) asked {
	t.Helper()
	var questions []struct {
		Key, Answer string
		Body        json.RawMessage
	}
	resp, err := http.Get(api + "/questions")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(&questions); err != nil {
		t.Fatal(err)
	}
	client := openai.NewClient(option.WithBaseURL(api+"/v1"), option.WithHTTPClient(&http.Client{Transport: &steadyhttp.Transport{}}))
	a := asked{Failed: make(map[string]int)}
	start := time.Now()
	var mu sync.Mutex
	var workers sync.WaitGroup
	next := make(chan int)
	for range 16 {
		workers.Go(func() {
			for i := range next {
				q := questions[i]
				completion, err := client.Chat.Completions.New(t.Context(), openai.ChatCompletionNewParams{},
					option.WithAPIKey(q.Key), option.WithRequestBody("application/json", []byte(q.Body)))
				mu.Lock()
				if failed, ok := errors.AsType[*openai.Error](err); ok {
					a.Failed[strings.TrimSpace(fmt.Sprint(failed.StatusCode, " ", failed.Code))]++
				} else if err != nil {
					a.Failed[err.Error()]++
				} else if completion.Choices[0].Message.Content == q.Answer {
					a.Answered++
				}
				mu.Unlock()
			}
		})
	}
	for i := range questions {
		next <- i
	}
	close(next)
	workers.Wait()
	a.Seconds = time.Since(start).Seconds()
	return a
}

// The SDK reads a stream through the proxy, and shows the proxy's own failures as it
// shows the API's.
func TestNodeStream(t *testing.T) {
	t.Parallel()
	api := steadyhttptest.NewServer()
	t.Cleanup(api.Close)
	fails := steadyhttptest.ChatStream("Hel", "lo")
	fails.Events = append(fails.Events[:2:2], steadyhttptest.Event{Data: `{"error":{"message":"too busy","type":"server_error","code":"busy"}}`})
	api.Script("/v1/chat/completions", steadyhttptest.ChatStream("Hel", "lo"), fails)
	p := start(t, "-config", configFile(t, fmt.Sprintf(`{"upstreams": [{"to": %q}, {"prefix": "/down", "to": "http://%s", "outageWait": "100ms", "maxAttempts": 1}]}`, api.URL, unusedAddress(t))))
	var got struct {
		Text, Name, Code, Type, Message string
		Status                          int
	}
	node(t, &got, "stream.mjs", p.URL+"/v1")
	if got.Text != "Hello" {
		t.Errorf("got %+v, want Hello", got)
	}
	got.Text = ""
	node(t, &got, "stream.mjs", p.URL+"/v1") // whose connection is closed behind the error, which must arrive all the same
	if got.Message != "too busy" || got.Code != "busy" {
		t.Errorf("got %+v, want the error in the stream", got)
	}
	node(t, &got, "stream.mjs", p.URL+"/down/v1")
	if got.Status != 502 || got.Code != "connection" || got.Type != failureType || !strings.Contains(got.Message, "connection refused") {
		t.Errorf("got %+v, want a failure of code connection", got)
	}
}
