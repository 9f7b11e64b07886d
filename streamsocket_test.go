package steadyhttp_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/steadyhttp/steadyhttp"
	"github.com/steadyhttp/steadyhttp/steadyhttptest"
)

// stepwise serves events one at a time, each once next lets it.
func stepwise(events []string, next <-chan struct{}) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for _, e := range events {
			io.WriteString(w, e)
			w.(http.Flusher).Flush()
			select {
			case <-next:
			case <-r.Context().Done():
				return
			}
		}
	}
}

// prompt is a client that hands a stream up soon, though its first event has no output:
// stepwise sends nothing more before that one is read.
func prompt(srv *steadyhttptest.Server, attemptTimeout time.Duration) *http.Client {
	client := steady(srv)
	client.Transport.(*steadyhttp.Transport).Retrier = &steadyhttp.Retrier{FirstOutput: 20 * time.Millisecond, AttemptTimeout: attemptTimeout}
	return client
}

var socketPaths = []struct {
	name, path string
	events     []string
}{
	{"OpenAI", "/v1/chat/completions", chatEvents},
	{"Anthropic", "/v1/messages", messageEvents},
	{"Gemini", "/v1beta/models/m:streamGenerateContent", geminiEvents},
	{"responses", "/v1/responses", responseEvents},
}

func TestStreamsOnRealSockets(t *testing.T) {
	for _, secure := range []bool{false, true} {
		for _, row := range socketPaths {
			t.Run(fmt.Sprintf("%s/HTTP2 %t", row.name, secure), func(t *testing.T) {
				next := make(chan struct{})
				srv := steadyhttptest.NewServer()
				if secure {
					srv.Close()
					srv = steadyhttptest.NewTLSServer()
				}
				defer srv.Close()
				srv.Script("*", steadyhttptest.Reply{Handler: stepwise(row.events, next)})
				resp, err := prompt(srv, 0).Do(post(t, srv.URL+row.path))
				if err != nil {
					t.Fatal(err)
				}
				defer resp.Body.Close()
				for i, e := range row.events { // each comes before the server goes on
					got := make([]byte, len(e))
					if _, err := io.ReadFull(resp.Body, got); string(got) != e || err != nil {
						t.Fatalf("event %d: got %q and %v, want %q", i, got, err, e)
					}
					next <- struct{}{}
				}
				if n, err := resp.Body.Read(make([]byte, 1)); n != 0 || err != io.EOF {
					t.Errorf("got %d and %v, want io.EOF", n, err)
				}
				if err := steadyhttp.Check(resp, nil); err != nil {
					t.Errorf("Check: got %v, want nil", err)
				}
			})
		}
	}
}

func TestRetryOfAFirstEventErrorOnRealSockets(t *testing.T) {
	for _, row := range []struct{ name, path, event string }{
		{"OpenAI", "/v1/chat/completions", `{"error":{"message":"Off","type":"server_error"}}`},
		{"Anthropic", "/v1/messages", `{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}`},
		{"Gemini", "/v1beta/models/m:streamGenerateContent", `{"error":{"code":503,"message":"Off","status":"UNAVAILABLE"}}`},
	} {
		t.Run(row.name, func(t *testing.T) {
			srv := steadyhttptest.NewServer()
			defer srv.Close()
			good := steadyhttptest.ChatStream("one", " two")
			srv.Script("*", steadyhttptest.Reply{Events: []steadyhttptest.Event{{Data: row.event}}}, good)
			client := steady(srv)
			client.Transport.(*steadyhttp.Transport).Retrier = &steadyhttp.Retrier{BackOff: noWait}
			resp, err := client.Do(post(t, srv.URL+row.path))
			if err != nil {
				t.Fatal(err)
			}
			want := ""
			for _, e := range good.Events {
				want += "data: " + e.Data + "\n\n"
			}
			if got := finish(t, resp); got != want {
				t.Errorf("got %q, want only the good stream %q", got, want)
			}
			if got := srv.Requests(); len(got) != 2 || string(got[1].Body) != "{}" {
				t.Errorf("got %d requests, want 2 with the same body", len(got))
			}
		})
	}
}

func TestCancellationInTheMiddleOnRealSockets(t *testing.T) {
	for _, timeout := range []time.Duration{0, time.Hour} { // with an AttemptTimeout the body has one wrapper more
		srv := steadyhttptest.NewServer()
		defer srv.Close()
		srv.Script("*", steadyhttptest.Reply{Handler: stepwise(chatEvents, make(chan struct{}))})
		client := prompt(srv, timeout)
		ctx, cancel := context.WithCancel(steadyhttp.WithCall(t.Context()))
		resp, err := client.Do(post(t, srv.URL+"/v1/chat/completions").WithContext(ctx))
		if err != nil {
			t.Fatal(err)
		}
		io.ReadFull(resp.Body, make([]byte, len(chatEvents[0])))
		cancel()
		if n, err := resp.Body.Read(make([]byte, 1)); n != 0 || err != context.Canceled {
			t.Errorf("AttemptTimeout %v: got %d and %v, want the context's own error", timeout, n, err)
		}
		resp.Body.Close()
		if call := callOf(t, ctx); call.Attempts != 1 || call.Error != nil && call.Error.Class != steadyhttp.Canceled {
			t.Errorf("AttemptTimeout %v: got %+v, want one attempt, and no error but the cancellation", timeout, call)
		}
	}
}

// A cause of its own tells nobody that the caller gave up; the record does.
func TestCancellationWithACauseIsOnRecord(t *testing.T) {
	cause := errors.New("enough")
	srv := steadyhttptest.NewServer()
	defer srv.Close()
	srv.Script("*", steadyhttptest.Reply{Handler: stepwise(chatEvents, make(chan struct{}))})
	ctx, cancel := context.WithCancelCause(steadyhttp.WithCall(t.Context()))
	resp, err := prompt(srv, 0).Do(post(t, srv.URL+"/v1/chat/completions").WithContext(ctx))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	io.ReadFull(resp.Body, make([]byte, len(chatEvents[0])))
	cancel(cause)
	if _, err := resp.Body.Read(make([]byte, 1)); err != cause && err != context.Canceled {
		t.Errorf("got %v, want the base's own error", err)
	}
	if e := callOf(t, ctx).Error; e == nil || e.Class != steadyhttp.Canceled {
		t.Errorf("FromContext: got %v, want that the caller gave up", e)
	}
}

func TestStreamDroppedInTheMiddleOnRealSockets(t *testing.T) {
	srv := steadyhttptest.NewServer()
	defer srv.Close()
	events := steadyhttptest.ChatStream("one").Events
	srv.Script("*", steadyhttptest.Reply{Events: events[:2], Drop: true})
	resp, err := steady(srv).Do(post(t, srv.URL+"/v1/chat/completions"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	got, err := readTo(resp.Body, 1<<10)
	if err == io.EOF || err == nil {
		t.Errorf("reader got %v, want the error of the connection", err)
	}
	if want := "data: " + events[0].Data + "\n\ndata: " + events[1].Data + "\n\n"; !strings.HasPrefix(want, got) {
		t.Errorf("got %q, want what was sent before", got)
	}
	if len(srv.Requests()) != 1 {
		t.Errorf("got %d requests, want 1: a part is with the reader", len(srv.Requests()))
	}
}

func TestManyStreamsAtOnce(t *testing.T) {
	srv := steadyhttptest.NewServer()
	defer srv.Close()
	good := steadyhttptest.ChatStream("one", "two", "three")
	srv.Script("/good/v1/chat/completions", good)
	srv.Script("/bad/v1/chat/completions", steadyhttptest.Reply{Events: append(good.Events[:2:2], steadyhttptest.Event{Data: `{"error":{"message":"Off","type":"server_error"}}`})})
	client := steady(srv)
	client.Transport.(*steadyhttp.Transport).Retrier = &steadyhttp.Retrier{MaxAttempts: 1}
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			path := []string{"/good", "/bad"}[i%2]
			resp, err := client.Do(post(t, srv.URL+path+"/v1/chat/completions"))
			if err != nil {
				t.Error(err)
				return
			}
			defer resp.Body.Close()
			early := steadyhttp.Check(resp, nil) // if all of it came in one read
			_, err = io.ReadAll(resp.Body)
			if bad := path == "/bad"; (err != nil) != (bad && early == nil) || bad != (steadyhttp.Check(resp, nil) != nil) {
				t.Errorf("%s: got %v from the reader and %v from Check, before it %v", path, err, steadyhttp.Check(resp, nil), early)
			}
		})
	}
	wg.Wait()
}
