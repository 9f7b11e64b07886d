package integration

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/steadyhttp/steadyhttp"
	"github.com/steadyhttp/steadyhttp/steadyhttptest"
)

// An sdk is one client library with its default settings, but for the
// http.Client and the address.
type sdk struct {
	name string
	path string // where it sends its chat request

	// chat asks one question and returns the answer's text.
	chat func(ctx context.Context, client *http.Client, url string) (string, error)

	// status takes apart the SDK's own, typed error; 0 is none.
	status func(error) (status int, code string)

	success                 steadyhttptest.Reply
	unavailable, outOfMoney steadyhttptest.Reply
	code                    string // of outOfMoney, as the SDK gives it
}

var sdks = []sdk{openAI, anthropic}

// steady is the client with only its Transport set; its waits are cut short.
func steady(srv *steadyhttptest.Server) *http.Client {
	client := srv.Client()
	client.Transport = &steadyhttp.Transport{Base: client.Transport}
	return client
}

func TestSDKs(t *testing.T) {
	for _, s := range sdks {
		for _, row := range []struct {
			name     string
			replies  []steadyhttptest.Reply
			requests int
			text     string
			status   int
			code     string
		}{
			{"success", []steadyhttptest.Reply{s.success}, 1, "Hello!", 0, ""},
			{"503, then success", []steadyhttptest.Reply{s.unavailable, s.success}, 2, "Hello!", 0, ""},
			{"503 for ever costs our attempts, not their multiple", []steadyhttptest.Reply{s.unavailable}, 4, "", 503, ""},
			{"out of money costs one request", []steadyhttptest.Reply{s.outOfMoney}, 1, "", s.outOfMoney.Status, s.code},
		} {
			t.Run(s.name+"/"+row.name, func(t *testing.T) {
				t.Parallel()
				srv := steadyhttptest.NewServer()
				defer srv.Close()
				srv.Script(s.path, row.replies...)
				ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
				defer cancel()
				text, err := s.chat(ctx, steady(srv), srv.URL)
				if text != row.text || (err == nil) != (row.status == 0) {
					t.Errorf("got %q, %v; want %q and status %d", text, err, row.text, row.status)
				}
				if err != nil {
					if status, code := s.status(err); status != row.status || code != row.code {
						t.Errorf("the SDK's own error: got %d %q, want %d %q", status, code, row.status, row.code)
					}
				}
				requests := srv.Requests()
				if len(requests) != row.requests {
					t.Errorf("got %d requests, want %d", len(requests), row.requests)
				}
				for _, r := range requests {
					if string(r.Body) != string(requests[0].Body) || len(r.Body) == 0 {
						t.Errorf("got body %q, want that of the first, %q", r.Body, requests[0].Body)
					}
				}
			})
		}
	}
}
