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
		t.Skip("no node on this machine: install Node.js 20 or later")
	}
	if _, err := os.Stat("nodetest/node_modules/openai"); err != nil {
		t.Skip("the Node SDK is not installed: run npm ci in proxy/nodetest")
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
// answered as the one for Go over a Transport; without, it has not.
func TestNodeSDK(t *testing.T) {
	quickstart := filepath.Join(t.TempDir(), "quickstart")
	if out, err := exec.Command("go", "build", "-o", quickstart, "github.com/steadyhttp/steadyhttp/examples/quickstart").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var alone, throughProxy asked
	api := flakyAPI(t, quickstart)
	node(t, &alone, "ask.mjs", api+"/v1", api+"/questions")

	api = flakyAPI(t, quickstart)
	p := startProcess(t, "proxy", "-to", api, "-listen", "127.0.0.1:0")
	node(t, &throughProxy, "ask.mjs", p.URL+"/v1", api+"/questions")

	inGo := askInGo(t, flakyAPI(t, quickstart))

	fmt.Println("\n| | Node's SDK alone | Node's SDK through the proxy | Go's SDK over a Transport |\n|---|---:|---:|---:|")
	fmt.Printf("| answered | %d | %d | %d |\n", alone.Answered, throughProxy.Answered, inGo.Answered)
	reasons := maps.Clone(alone.Failed)
	maps.Copy(reasons, throughProxy.Failed)
	maps.Copy(reasons, inGo.Failed)
	for _, reason := range slices.Sorted(maps.Keys(reasons)) {
		fmt.Printf("| failed: %s | %d | %d | %d |\n", reason, alone.Failed[reason], throughProxy.Failed[reason], inGo.Failed[reason])
	}
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

// flakyAPI runs the quickstart's and returns its URL.
func flakyAPI(t *testing.T, quickstart string) string {
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
	url, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(url)
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
	return a
}

// The SDK reads a stream through the proxy, and shows the proxy's own failures as it
// shows the API's.
func TestNodeStream(t *testing.T) {
	t.Parallel()
	api := steadyhttptest.NewServer()
	t.Cleanup(api.Close)
	api.Script("/v1/chat/completions", steadyhttptest.ChatStream("Hel", "lo"))
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
	node(t, &got, "stream.mjs", p.URL+"/down/v1")
	if got.Status != 502 || got.Code != "connection" || got.Type != failureType || !strings.Contains(got.Message, "connection refused") {
		t.Errorf("got %+v, want a failure of code connection", got)
	}
}
