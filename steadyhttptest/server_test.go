package steadyhttptest_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/steadyhttp/steadyhttp/steadyhttptest"
)

// eachProtocol runs f against a server of each kind.
func eachProtocol(t *testing.T, f func(t *testing.T, s *steadyhttptest.Server)) {
	t.Helper()
	overHTTP1(t, f)
	over(t, "HTTP/2.0", steadyhttptest.NewTLSServer, f)
}

// overHTTP1 is eachProtocol for what HTTP/2 has not.
func overHTTP1(t *testing.T, f func(t *testing.T, s *steadyhttptest.Server)) {
	t.Helper()
	over(t, "HTTP/1.1", steadyhttptest.NewServer, f)
}

func over(t *testing.T, protocol string, newServer func() *steadyhttptest.Server, f func(t *testing.T, s *steadyhttptest.Server)) {
	t.Helper()
	t.Run(protocol, func(t *testing.T) {
		t.Parallel()
		s := newServer()
		defer s.Close()
		f(t, s)
	})
}

// send returns the answer with its whole body. Its error is that of the call or else that of the body.
func send(s *steadyhttptest.Server, method, path, body string) (*http.Response, string, error) {
	req, err := http.NewRequest(method, s.URL+path, strings.NewReader(body))
	if err != nil {
		return nil, "", err
	}
	resp, err := s.Client().Do(req)
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	return resp, string(got), err
}

// until waits for something that happens at the other end of a connection, or in a goroutine that cannot be joined.
func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	deadline := time.After(10 * time.Second)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("got none of this within 10s: %s", what)
		}
	}
}

func TestServerScript(t *testing.T) {
	type step struct {
		script string // path to script before the request; "" is none
		bodies string // of the replies, one a letter
		path   string
		want   string
	}
	tests := []struct {
		name  string
		steps []step
	}{
		{"in order, and the last for ever", []step{
			{"/a", "xyz", "/a", "x"}, {"", "", "/a", "y"}, {"", "", "/a", "z"}, {"", "", "/a", "z"}, {"", "", "/a", "z"}}},
		{"a new script starts over", []step{
			{"/a", "xy", "/a", "x"}, {"/a", "xy", "/a", "x"}, {"/a", "pq", "/a", "p"}, {"", "", "/a", "q"}}},
		{"each path has its own", []step{
			{"/a", "xy", "/a", "x"}, {"/b", "pq", "/b", "p"}, {"", "", "/a", "y"}, {"", "", "/b", "q"}}},
		{"the star serves all others from one list", []step{
			{"*", "xyz", "/a", "x"}, {"/b", "p", "/b", "p"}, {"", "", "/c", "y"}, {"", "", "/a", "z"}}},
		{"an empty script takes it away", []step{
			{"*", "x", "/a", "x"}, {"/a", "p", "/a", "p"}, {"/a", "", "/a", "x"}}},
		{"a query is no part of the path", []step{{"/a", "x", "/a?b=c", "x"}}},
		{"an escaped path is scripted as it reads", []step{{"/a b", "x", "/a%20b", "x"}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := steadyhttptest.NewServer()
			defer s.Close()
			for i, step := range test.steps {
				if step.script != "" {
					var replies []steadyhttptest.Reply
					for _, letter := range step.bodies {
						replies = append(replies, steadyhttptest.Reply{Body: string(letter)})
					}
					s.Script(step.script, replies...)
				}
				resp, got, err := send(s, "POST", step.path, "{}")
				if err != nil || resp.StatusCode != 200 || got != step.want {
					t.Errorf("request %d, %s: got %q and error %v, want %q", i, step.path, got, err, step.want)
				}
			}
		})
	}
}

func TestServerWithoutScript(t *testing.T) {
	s := steadyhttptest.NewServer()
	defer s.Close()
	s.Script("/other", steadyhttptest.Reply{})
	resp, body, err := send(s, "GET", "/v1/models", "")
	if err != nil {
		t.Fatal(err)
	}
	var e struct {
		Error struct{ Message, Type string }
	}
	if err := json.Unmarshal([]byte(body), &e); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	if resp.StatusCode != 404 || e.Error.Type != "invalid_request_error" || !strings.Contains(e.Error.Message, "/v1/models") {
		t.Errorf("got %d, %s, want a 404 that names the path", resp.StatusCode, body)
	}
}

func TestServerCopiesItsScript(t *testing.T) {
	s := steadyhttptest.NewServer()
	defer s.Close()
	values := []string{"as scripted"}
	reply := steadyhttptest.Reply{Header: http.Header{"x-mark": values}, Events: []steadyhttptest.Event{{Data: "as scripted"}}}
	s.Script("*", reply)
	values[0] = "changed"
	reply.Events[0].Data = "changed"
	resp, body, err := send(s, "GET", "/", "")
	if err != nil || resp.Header.Get("X-Mark") != "as scripted" || body != "data: as scripted\n\n" {
		t.Errorf("got header %q, body %q, error %v, want what was scripted", resp.Header.Get("X-Mark"), body, err)
	}
}

func TestServerRefusesAStatusThatCannotBeSent(t *testing.T) {
	s := steadyhttptest.NewServer()
	defer s.Close()
	for _, status := range []int{-1, 1, 99, 1000} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("Script with status %d: got no panic, want one", status)
				}
			}()
			s.Script("*", steadyhttptest.Reply{Status: status})
		}()
	}
}

func TestReplies(t *testing.T) {
	type reply = steadyhttptest.Reply
	type event = steadyhttptest.Event
	const stream = "text/event-stream"
	tests := []struct {
		name        string
		reply       reply
		method      string // "" is POST
		status      int
		contentType string
		body        string
	}{
		{"the zero value", reply{}, "", 200, "", ""},
		{"a status alone", reply{Status: 503}, "", 503, "", ""},
		{"a body of text", reply{Body: "hello"}, "", 200, "text/plain; charset=utf-8", "hello"},
		{"a body of JSON", reply{Status: 400, Body: `{"a":1}`}, "", 400, "application/json", `{"a":1}`},
		{"a body that only begins as JSON", reply{Body: `{"a":`}, "", 200, "text/plain; charset=utf-8", `{"a":`},
		{"a type of one's own", reply{Header: http.Header{"content-type": {"text/x"}}, Body: `{}`}, "", 200, "text/x", `{}`},
		{"a long body", reply{Body: strings.Repeat("ab", 50_000)}, "", 200, "text/plain; charset=utf-8", strings.Repeat("ab", 50_000)},
		{"no body with a 204", reply{Status: 204, Body: "x"}, "", 204, "", ""},
		{"no body for HEAD", reply{Body: "{}"}, "HEAD", 200, "application/json", ""},
		{"no stream for HEAD", reply{Events: []event{{Data: "x"}}}, "HEAD", 200, stream, ""},
		{"an event", reply{Body: "ignored", Events: []event{{Data: "x"}}}, "", 200, stream, "data: x\n\n"},
		{"a stream with a status and a type", reply{Status: 201, Header: http.Header{"Content-Type": {"text/x"}}, Events: []event{{Data: "x"}}},
			"", 201, "text/x", "data: x\n\n"},
		{"a named event", reply{Events: []event{{Name: "ping", Data: "{}"}}}, "", 200, stream, "event: ping\ndata: {}\n\n"},
		{"an event without data", reply{Events: []event{{}}}, "", 200, stream, "data: \n\n"},
		{"an event of several lines", reply{Events: []event{{Data: "a\nb\r\nc\rd\n"}}}, "", 200, stream,
			"data: a\ndata: b\ndata: c\ndata: d\ndata: \n\n"},
		{"a comment alone", reply{Events: []event{{Comment: "wait"}}}, "", 200, stream, ": wait\n\n"},
		{"a comment with an event", reply{Events: []event{{Comment: "a\nb", Name: "n"}}}, "", 200, stream, ": a\n: b\nevent: n\ndata: \n\n"},
		{"several events", reply{Events: []event{{Data: "a"}, {Delay: time.Millisecond, Data: "b"}}}, "", 200, stream, "data: a\n\ndata: b\n\n"},
		{"a delay", reply{Delay: time.Millisecond, Body: "late"}, "", 200, "text/plain; charset=utf-8", "late"},
		{"a handler", reply{Status: 500, Body: "ignored", Drop: true, Handler: func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/x")
			w.WriteHeader(418)
			io.Copy(w, r.Body)
		}}, "", 418, "text/x", "sent"},
		{"a handler that writes nothing", reply{Handler: func(http.ResponseWriter, *http.Request) {}}, "", 200, "", ""},
		{"a handler that only writes", reply{Handler: func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "x") }},
			"", 200, "text/plain; charset=utf-8", "x"},
		{"a handler that flushes", reply{Handler: func(w http.ResponseWriter, _ *http.Request) {
			if err := http.NewResponseController(w).SetWriteDeadline(time.Now().Add(time.Hour)); err != nil {
				panic(err)
			}
			w.(http.Flusher).Flush()
			io.WriteString(w, "x")
		}}, "", 200, "", "x"},
	}
	eachProtocol(t, func(t *testing.T, s *steadyhttptest.Server) {
		for i, test := range tests {
			method := test.method
			if method == "" {
				method = "POST"
			}
			s.Script("*", test.reply)
			resp, body, err := send(s, method, "/", "sent")
			if err != nil {
				t.Errorf("%s: %v", test.name, err)
				continue
			}
			if resp.StatusCode != test.status || body != test.body {
				t.Errorf("%s: got %d %q, want %d %q", test.name, resp.StatusCode, body, test.status, test.body)
			}
			// HTTP/2 guesses the type where HTTP/1.1 leaves it out, so a type that is not ours is not looked at.
			if got := resp.Header.Get("Content-Type"); got != test.contentType && test.contentType != "" {
				t.Errorf("%s: got Content-Type %q, want %q", test.name, got, test.contentType)
			}
			if got := s.Requests()[i].Status; got != test.status {
				t.Errorf("%s: got status %d on record, want %d", test.name, got, test.status)
			}
		}
	})
}

func TestReadyReplies(t *testing.T) {
	tests := []struct {
		name     string
		reply    steadyhttptest.Reply
		status   int
		idHeader string
		body     string // with ID where the request id is
	}{
		{"OpenAI error", steadyhttptest.OpenAIError(429, "insufficient_quota", "insufficient_quota", `Say "please".`), 429, "X-Request-Id",
			`{"error":{"message":"Say \"please\".","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}`},
		{"OpenAI error without a code", steadyhttptest.OpenAIError(500, "server_error", "", "Sorry."), 500, "X-Request-Id",
			`{"error":{"message":"Sorry.","type":"server_error","param":null,"code":null}}`},
		{"Anthropic error", steadyhttptest.AnthropicError(529, "overloaded_error", "Overloaded"), 529, "Request-Id",
			`{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"},"request_id":"ID"}`},
		{"Google error", steadyhttptest.GoogleError(503, "UNAVAILABLE", "Busy.", 0), 503, "",
			`{"error":{"code":503,"message":"Busy.","status":"UNAVAILABLE"}}`},
		{"Google error with a delay", steadyhttptest.GoogleError(429, "RESOURCE_EXHAUSTED", "Slow.", 33440*time.Millisecond), 429, "",
			`{"error":{"code":429,"message":"Slow.","status":"RESOURCE_EXHAUSTED","details":[` +
				`{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"33.44s"}]}}`},
		{"chat completion", steadyhttptest.ChatCompletion("good day"), 200, "X-Request-Id",
			`{"id":"chatcmpl-steady","object":"chat.completion","created":1700000000,"model":"gpt-4o-mini","choices":[{"index":0,` +
				`"message":{"role":"assistant","content":"good day","refusal":null},"logprobs":null,"finish_reason":"stop"}],` +
				`"usage":{"prompt_tokens":10,"completion_tokens":2,"total_tokens":12}}`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := steadyhttptest.NewServer()
			defer s.Close()
			s.Script("*", test.reply)
			seen := ""
			for range 2 {
				resp, body, err := send(s, "POST", "/", "{}")
				if err != nil {
					t.Fatal(err)
				}
				id := resp.Header.Get(test.idHeader)
				if test.idHeader != "" && (id == "" || id == seen) {
					t.Errorf("request id: got %q after %q, want a new one", id, seen)
				}
				seen = id
				if want := strings.ReplaceAll(test.body, "ID", id); resp.StatusCode != test.status || test.idHeader != "" && body != want {
					t.Errorf("got %d %s, want %d %s", resp.StatusCode, body, test.status, want)
				}
				if test.idHeader == "" && body != test.body {
					t.Errorf("got %s, want %s", body, test.body)
				}
				if !json.Valid([]byte(body)) || resp.Header.Get("Content-Type") != "application/json" {
					t.Errorf("got %s, %s, want JSON", resp.Header.Get("Content-Type"), body)
				}
			}
		})
	}
}

func TestReadyReplyKeepsItsOwnID(t *testing.T) {
	s := steadyhttptest.NewServer()
	defer s.Close()
	reply := steadyhttptest.AnthropicError(500, "api_error", "Sorry.")
	reply.Header["request-id"] = []string{"req_mine"}
	s.Script("*", reply)
	resp, body, err := send(s, "GET", "/", "")
	if err != nil || resp.Header.Get("Request-Id") != "req_mine" || !strings.Contains(body, `"request_id":"req_mine"`) {
		t.Errorf("got id %q, body %s, error %v, want req_mine in both", resp.Header.Get("Request-Id"), body, err)
	}
}

func TestChatStream(t *testing.T) {
	s := steadyhttptest.NewServer()
	defer s.Close()
	s.Script("*", steadyhttptest.ChatStream("good ", "day"))
	resp, body, err := send(s, "POST", "/", "{}")
	if err != nil {
		t.Fatal(err)
	}
	if resp.Header.Get("X-Request-Id") == "" {
		t.Error("got no x-request-id, want one")
	}
	var text, finish, last string
	for line := range strings.Lines(body) {
		data, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "data: ")
		if !ok {
			continue
		}
		last = data
		var chunk struct {
			Choices []struct {
				Delta  struct{ Content string }
				Finish string `json:"finish_reason"`
			}
		}
		if data != "[DONE]" {
			if err := json.Unmarshal([]byte(data), &chunk); err != nil || len(chunk.Choices) != 1 {
				t.Fatalf("%s: %v", data, err)
			}
			text += chunk.Choices[0].Delta.Content
			finish = chunk.Choices[0].Finish
		}
	}
	if text != "good day" || finish != "stop" || last != "[DONE]" {
		t.Errorf("got text %q, finish_reason %q, last event %q, want good day, stop, [DONE]", text, finish, last)
	}
}

func TestServerRecords(t *testing.T) {
	eachProtocol(t, func(t *testing.T, s *steadyhttptest.Server) {
		s.Script("/v1/x", steadyhttptest.Reply{Status: 201})
		before := time.Now()
		req, _ := http.NewRequest("PUT", s.URL+"/v1/x?a=b%20c", strings.NewReader("the body"))
		req.Header.Set("X-Mine", "1")
		resp, err := s.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if _, _, err := send(s, "GET", "/second", ""); err != nil {
			t.Fatal(err)
		}
		got := s.Requests()
		if len(got) != 2 {
			t.Fatalf("got %d requests, want 2", len(got))
		}
		r := got[0]
		line := fmt.Sprint(r.Method, " ", r.Path, " ", r.Query, " ", r.Header.Get("X-Mine"), " ", string(r.Body), " ", r.Size, " ", r.Status)
		if want := "PUT /v1/x a=b%20c 1 the body 8 201"; line != want {
			t.Errorf("got %s, want %s", line, want)
		}
		if r.At.Before(before) || r.At.After(got[1].At) {
			t.Errorf("At: got %v and %v, want both since %v and in order", r.At, got[1].At, before)
		}
		if got[1].Status != 404 || got[1].Path != "/second" {
			t.Errorf("the second: got %s %d, want /second 404", got[1].Path, got[1].Status)
		}

		got[0].Header.Set("X-Mine", "2")
		got[0].Body[0] = 'X'
		if again := s.Requests()[0]; again.Header.Get("X-Mine") != "1" || string(again.Body) != "the body" {
			t.Errorf("after a change to the copy: got %q, %q, want the record as it was", again.Header.Get("X-Mine"), again.Body)
		}
	})
}

func TestServerKeepsPartOfALargeBody(t *testing.T) {
	eachProtocol(t, func(t *testing.T, s *steadyhttptest.Server) {
		const kept = 8 << 20
		given := 0
		s.Script("*", steadyhttptest.Reply{Handler: func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			given = len(body)
		}})
		resp, err := s.Client().Post(s.URL, "text/plain", bytes.NewReader(make([]byte, kept+12345)))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		r := s.Requests()[0]
		if len(r.Body) != kept || r.Size != kept+12345 || given != kept {
			t.Errorf("got %d kept of %d, %d given to the handler, want %d of %d, %d", len(r.Body), r.Size, given, kept, kept+12345, kept)
		}
	})
}

func TestDropBeforeTheAnswer(t *testing.T) {
	eachProtocol(t, func(t *testing.T, s *steadyhttptest.Server) {
		s.Script("*", steadyhttptest.Reply{Drop: true}, steadyhttptest.Reply{Body: "back"})
		_, _, err := send(s, "POST", "/", "{}")
		if err == nil {
			t.Fatal("got an answer, want an error")
		}
		if strings.HasPrefix(s.URL, "http:") && !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("got error %v, want a reset", err)
		}
		if got := s.Requests()[0].Status; got != 0 {
			t.Errorf("got status %d on record, want 0", got)
		}
		if _, body, err := send(s, "POST", "/", "{}"); err != nil || body != "back" {
			t.Errorf("the next request: got %q, %v, want back", body, err)
		}
	})
}

func TestDropWithinTheBody(t *testing.T) {
	type reply = steadyhttptest.Reply
	tests := []struct {
		name  string
		reply reply
		want  string // what arrives before the cut
	}{
		{"a body", reply{Body: "half of", Drop: true}, "half of"},
		{"a body of the length it has", reply{Body: "half of", Header: http.Header{"Content-Length": {"7"}}, Drop: true}, "half of"},
		{"a body of a larger length", reply{Body: "half of", Header: http.Header{"Content-Length": {"70"}}, Drop: true}, "half of"},
		{"a header alone", reply{Status: 200, Drop: true}, ""},
		{"a stream", reply{Events: []steadyhttptest.Event{{Data: "a"}, {Data: "b"}}, Drop: true}, "data: a\n\ndata: b\n\n"},
		{"a length that is never reached", reply{Body: "half of", Header: http.Header{"Content-Length": {"70"}}}, "half of"},
	}
	eachProtocol(t, func(t *testing.T, s *steadyhttptest.Server) {
		for i, test := range tests {
			s.Script("*", test.reply)
			resp, body, err := send(s, "POST", "/", "{}")
			if resp == nil {
				t.Errorf("%s: got error %v, want an answer first", test.name, err)
				continue
			}
			if err == nil || resp.StatusCode != 200 || body != test.want {
				t.Errorf("%s: got %d %q and error %v, want 200 %q and an error", test.name, resp.StatusCode, body, err, test.want)
			}
			if got := s.Requests()[i].Status; got != 0 && test.reply.Drop {
				t.Errorf("%s: got status %d on record, want 0", test.name, got)
			}
		}
	})
}

func TestStreamIsFlushedEventByEvent(t *testing.T) {
	eachProtocol(t, func(t *testing.T, s *steadyhttptest.Server) {
		release := make(chan struct{})
		s.Script("/hour", steadyhttptest.Reply{Events: []steadyhttptest.Event{{Data: "first"}, {Data: "second", Delay: time.Hour}}})
		s.Script("/late", steadyhttptest.Reply{Events: []steadyhttptest.Event{{Data: "first", Delay: time.Hour}}})
		defer close(release)

		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		get := func(path string) *http.Response {
			req, _ := http.NewRequestWithContext(ctx, "GET", s.URL+path, nil)
			resp, err := s.Client().Do(req)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { resp.Body.Close() })
			return resp
		}
		get("/late") // returns although the first event is an hour away
		r := bufio.NewReader(get("/hour").Body)
		if line, err := r.ReadString('\n'); line != "data: first\n" || err != nil {
			t.Errorf("got %q, %v, want the first event an hour before the second", line, err)
		}
		if got := s.Requests()[1].Status; got != 200 {
			t.Errorf("got status %d on record of a running stream, want 200", got)
		}
	})
}

func TestDelayEndsWhenTheClientGoesAway(t *testing.T) {
	for name, reply := range map[string]steadyhttptest.Reply{
		"before the header": {Delay: time.Hour},
		"before an event":   {Events: []steadyhttptest.Event{{Data: "a"}, {Delay: time.Hour}}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, newServer := range []func() *steadyhttptest.Server{steadyhttptest.NewServer, steadyhttptest.NewTLSServer} {
				s := newServer()
				defer s.Close()
				s.Script("*", reply)
				ctx, cancel := context.WithCancel(t.Context())
				done := make(chan error)
				go func() {
					req, _ := http.NewRequestWithContext(ctx, "POST", s.URL, strings.NewReader("{}"))
					resp, err := s.Client().Do(req)
					if err == nil {
						_, err = io.Copy(io.Discard, resp.Body)
						resp.Body.Close()
					}
					done <- err
				}()
				until(t, "a delay", func() bool { return delaying() == 1 })
				cancel()
				if err := <-done; !errors.Is(err, context.Canceled) {
					t.Errorf("got %v, want context.Canceled", err)
				}
				until(t, "the end of the delay", func() bool { return delaying() == 0 })
				until(t, "the end of the request on record", func() bool { return s.Requests()[0].Status == 0 })
			}
		})
	}
}

// delaying says how many goroutines are within a server's delay. Tests that use it do not run in parallel.
func delaying() int {
	buf := make([]byte, 1<<20)
	return strings.Count(string(buf[:runtime.Stack(buf, true)]), "steadyhttptest.pause(")
}

func TestCloseCutsWhatIsUnderWay(t *testing.T) {
	hijacked := make(chan struct{})
	tests := []struct {
		name  string
		reply steadyhttptest.Reply
		http1 bool // HTTP/2 has no such thing
	}{
		{"a delay", steadyhttptest.Reply{Delay: time.Hour}, false},
		{"a delay before the body was read", steadyhttptest.Reply{Delay: time.Hour, Early: true}, false},
		{"a stream", steadyhttptest.Reply{Events: []steadyhttptest.Event{{Delay: time.Hour}}}, false},
		{"a handler that waits for its context", steadyhttptest.Reply{Handler: func(_ http.ResponseWriter, r *http.Request) {
			<-r.Context().Done()
		}}, false},
		{"a handler that took the connection over", steadyhttptest.Reply{Handler: func(w http.ResponseWriter, _ *http.Request) {
			if _, _, err := w.(http.Hijacker).Hijack(); err == nil {
				hijacked <- struct{}{}
			}
		}}, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			run := eachProtocol
			if test.http1 {
				run = overHTTP1
			}
			run(t, func(t *testing.T, s *steadyhttptest.Server) {
				s.Script("*", test.reply)
				done := make(chan error)
				go func() {
					_, _, err := send(s, "POST", "/", "{}")
					done <- err
				}()
				if test.http1 {
					<-hijacked
				}
				until(t, "a request", func() bool { return len(s.Requests()) == 1 })
				begun := time.Now()
				s.Close()
				if took := time.Since(begun); took > 900*time.Millisecond {
					t.Errorf("Close took %s, want less than its grace of a second", took)
				}
				if err := <-done; err == nil {
					t.Error("got a whole answer, want an error")
				}
				if got := s.Requests()[0].Status; got != 0 {
					t.Errorf("got status %d on record, want 0", got)
				}
			})
		})
	}
}

func TestCloseDoesNotHang(t *testing.T) {
	t.Parallel()
	s := steadyhttptest.NewServer()
	release := make(chan struct{})
	defer close(release)
	entered := make(chan struct{})
	s.Script("*", steadyhttptest.Reply{Handler: func(http.ResponseWriter, *http.Request) {
		close(entered)
		<-release // heeds nothing
	}})
	done := make(chan error)
	go func() {
		_, _, err := send(s, "POST", "/", "{}")
		done <- err
	}()
	<-entered
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(s.Close)
	}
	wg.Wait()
	s.Close()
	if err := <-done; err == nil {
		t.Error("got an answer, want an error")
	}
	if _, _, err := send(s, "GET", "/", ""); err == nil {
		t.Error("after Close: got an answer, want an error")
	}
}

func TestEarlyAnswersBeforeTheBody(t *testing.T) {
	eachProtocol(t, func(t *testing.T, s *steadyhttptest.Server) {
		s.Script("/plain", steadyhttptest.Reply{Status: 413, Body: "too much", Early: true})
		s.Script("/handler", steadyhttptest.Reply{Early: true, Handler: func(w http.ResponseWriter, r *http.Request) {
			first := make([]byte, 5)
			io.ReadFull(r.Body, first)
			w.WriteHeader(413)
			w.Write(first)
		}})
		s.Script("/drop", steadyhttptest.Reply{Early: true, Drop: true})
		for _, test := range []struct {
			path, body string
			kept       string
		}{
			{"/plain", "too much", ""},
			{"/handler", "begin", "begin"},
		} {
			body, upload := io.Pipe()
			go io.WriteString(upload, "beginning")
			resp, err := s.Client().Post(s.URL+test.path, "text/plain", body) // the upload never ends
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			if err != nil || resp.StatusCode != 413 || string(got) != test.body {
				t.Errorf("%s: got %d %q, %v, want 413 %q", test.path, resp.StatusCode, got, err, test.body)
			}
			reqs := s.Requests()
			if got := reqs[len(reqs)-1]; string(got.Body) != test.kept || got.Status != 413 {
				t.Errorf("%s: got %q, %d on record, want %q, 413", test.path, got.Body, got.Status, test.kept)
			}
			upload.Close()
		}
		// Over HTTP/1.1 net/http's Transport holds an error back while it is stuck in the body's Read, so this one never is.
		if resp, err := s.Client().Post(s.URL+"/drop", "text/plain", endless{}); err == nil {
			resp.Body.Close()
			t.Errorf("/drop: got %d, want an error", resp.StatusCode)
		}
	})
}

// endless is a body without an end.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func TestBodyThatBreaksOff(t *testing.T) {
	eachProtocol(t, func(t *testing.T, s *steadyhttptest.Server) {
		s.Script("*", steadyhttptest.Reply{})
		body, upload := io.Pipe()
		broken := errors.New("broken")
		go func() {
			io.WriteString(upload, "beginning")
			until(t, "the beginning", func() bool { r := s.Requests(); return len(r) == 1 && r[0].Size == 9 })
			upload.CloseWithError(broken)
		}()
		if _, err := s.Client().Post(s.URL, "text/plain", body); !errors.Is(err, broken) {
			t.Errorf("got %v, want the body's error", err)
		}
		if got := s.Requests()[0]; string(got.Body) != "beginning" || got.Status != 0 {
			t.Errorf("got %q, %d on record, want what came, and 0", got.Body, got.Status)
		}
	})
}

func TestConnections(t *testing.T) {
	eachProtocol(t, func(t *testing.T, s *steadyhttptest.Server) {
		if got := s.Connections(); got != 0 {
			t.Errorf("at first: got %d, want 0", got)
		}
		s.Script("*", steadyhttptest.Reply{Body: "x"})
		for range 3 {
			if _, _, err := send(s, "GET", "/", ""); err != nil {
				t.Fatal(err)
			}
		}
		if got := s.Connections(); got != 1 {
			t.Errorf("after three requests in a row: got %d, want 1", got)
		}
		other := s.Client().Transport.(*http.Transport).Clone()
		defer other.CloseIdleConnections()
		resp, err := (&http.Client{Transport: other}).Get(s.URL)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if got := s.Connections(); got != 2 {
			t.Errorf("with a second transport: got %d, want 2", got)
		}
	})
}

func TestClient(t *testing.T) {
	eachProtocol(t, func(t *testing.T, s *steadyhttptest.Server) {
		s.Client().Transport = nil // the caller's own client, nobody else's
		resp, _, err := send(s, "GET", "/", "")
		if err != nil {
			t.Fatal(err)
		}
		if want := t.Name()[strings.Index(t.Name(), "HTTP"):]; resp.Proto != want {
			t.Errorf("got %s, want %s", resp.Proto, want)
		}
		if strings.HasSuffix(s.URL, "/") {
			t.Errorf("URL: got %s, want no slash at its end", s.URL)
		}
	})
}

func TestTLSServerSpeaksHTTP1(t *testing.T) {
	s := steadyhttptest.NewTLSServer()
	defer s.Close()
	s.Script("*", steadyhttptest.Reply{Body: "x"}, steadyhttptest.Reply{Drop: true})
	trusted := s.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	tr := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trusted}}
	defer tr.CloseIdleConnections()
	client := &http.Client{Transport: tr}
	resp, err := client.Post(s.URL, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	if resp.ProtoMajor != 1 {
		t.Errorf("got %s, want HTTP/1.1", resp.Proto)
	}
	if _, err := client.Post(s.URL, "", strings.NewReader("x")); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("dropped: got %v, want a reset", err)
	}
}
