package steadyhttp_test

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyhttp/steadyhttp"
)

func TestBodies(t *testing.T) {
	const odd = "correct-horse-battery-7"
	for _, row := range []struct {
		name           string
		bodies         int
		request        string
		answer         string
		sent, received any // nil: must not be there
	}{
		{"not asked for", 0, "request", "answer", nil, nil},
		{"whole", 100, "request", "answer", "request", "answer"},
		{"as long as the bound", 7, "request", "answers", "request", "answers"},
		{"up to the bound, without the word that it cuts", 10, "the whole request", "an answer that is long", "the whole …", "an answer …"},
		{"no request body", 100, "", "answer", nil, "answer"},
		{"line breaks", 100, "a\nb", "\x1b[31mc\r\nd", "a b", "[31mc d"},
		{"keys", 100, `{"api_key":"4f9e2a7b1c8d3e6f5a0b2c4d"}`, "sk-proj-4fT9xQ2mN7bV1cZ8kL3j", `{"api_key":"[redacted]"}`, "[redacted]"},
		{"the request's own key", 100, "as " + odd, "hello " + odd, "as [redacted]", "hello [redacted]"},
	} {
		t.Run(row.name, func(t *testing.T) {
			logger, logs := observed()
			logger.Base, logger.Bodies = playing(reply{status: 200, body: row.answer}), row.bodies
			req := request(t, "POST", "https://api.example/", row.request)
			req.Header.Set("X-Api-Key", odd)
			resp, _ := logger.RoundTrip(req)
			if got := finish(t, resp); got != row.answer {
				t.Errorf("the reader got %q, want %q", got, row.answer)
			}
			entry := only(t, logs)
			if got := entry["request_body"]; got != row.sent {
				t.Errorf("request_body: got %v, want %v", got, row.sent)
			}
			if got := entry["response_body"]; got != row.received {
				t.Errorf("response_body: got %v, want %v", got, row.received)
			}
		})
	}
}

func TestBodiesCutNoSecretInTwo(t *testing.T) {
	for _, row := range []struct{ name, secret string }{
		{"the request's own key", "correct-horse-battery-staple-7"},
		{"an AWS key", "AKIA" + "4FT9XQ2MN7BV1CZ8"},
		{"a Google key", "AIza" + "SyA4fT9xQ2mN7bV1cZ8kL3jH6gF5dS0aP2o"},
	} {
		seen := 0
		for n := 10; n < 10+len(row.secret); n++ {
			logger, logs := observed()
			logger.Base, logger.Bodies = playing(reply{status: 200, body: "the key " + row.secret + " is good"}), n
			req := request(t, "POST", "https://api.example/", "the key "+row.secret+" is good")
			req.Header.Set("X-Api-Key", row.secret)
			resp, _ := logger.RoundTrip(req)
			finish(t, resp)
			entry := only(t, logs)
			for _, field := range []string{"request_body", "response_body"} {
				rest := strings.TrimPrefix(fmt.Sprint(entry[field]), "the key ")
				for seen < len(row.secret) && strings.HasPrefix(rest, row.secret[:seen+1]) {
					seen++
				}
			}
		}
		if seen > len(row.secret)/2 {
			t.Errorf("%s: got %d of its %d bytes, want no more than half", row.name, seen, len(row.secret))
		}
	}
}

func TestBodiesAreBoundedAt64KiB(t *testing.T) {
	logger, logs := observed()
	body := strings.Repeat("word ", 40_000)
	logger.Base, logger.Bodies = playing(reply{status: 200, body: body}), 1<<30
	resp, _ := logger.RoundTrip(request(t, "POST", "https://api.example/", body))
	if got := finish(t, resp); got != body {
		t.Errorf("the reader got %d bytes, want %d", len(got), len(body))
	}
	entry := only(t, logs)
	for _, field := range []string{"request_body", "response_body"} {
		if n := len(entry[field].(string)); n > 64<<10 || n < 60<<10 {
			t.Errorf("%s: got %d bytes, want 64 KiB at the most, and nearly as much", field, n)
		}
	}
}

// Of several attempts the last one's body is logged, once.
func TestBodiesOfARepeatedRequest(t *testing.T) {
	for _, row := range []struct {
		name string
		body io.Reader
	}{
		{"with GetBody", strings.NewReader("hello")},
		{"without", io.MultiReader(strings.NewReader("hello"))},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				logger, logs := observed()
				logger.Bodies = 100
				base := playing(reply{status: 503}, reply{status: 503}, reply{status: 200})
				rt := &steadyhttp.Transport{Base: base, Logger: logger, Retrier: &steadyhttp.Retrier{BackOff: noWait}}
				req, err := http.NewRequestWithContext(t.Context(), "POST", chatURL, row.body)
				if err != nil {
					t.Fatal(err)
				}
				resp, _ := rt.RoundTrip(req)
				finish(t, resp)
				if got := only(t, logs)["request_body"]; got != "hello" {
					t.Errorf("got %v, want the body once", got)
				}
				for i, s := range base.sent {
					if s.body != "hello" {
						t.Errorf("attempt %d: got %q, want the whole body", i+1, s.body)
					}
				}
			})
		})
	}
}

// Each part of a body is with its reader at the moment at which it was sent.
func TestBodiesAreNeverHeldBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		logger, logs := observed()
		logger.Bodies = 1 << 10
		start := time.Now()
		var arrived []time.Duration
		logger.Base = roundTripperFunc(func(req *http.Request) (*http.Response, error) {
			arrived = append(arrived, readAsItComes(t, req.Body, start)...)
			resp := playing().response(req, reply{status: 200})
			resp.ContentLength, resp.Body = -1, sending(io.EOF, at(time.Second, "three"), at(time.Second, "four"))
			return resp, nil
		})
		req, err := http.NewRequestWithContext(t.Context(), "POST", "https://api.example/", sending(io.EOF, at(time.Second, "one"), at(time.Second, "two")))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := logger.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		arrived = append(arrived, readAsItComes(t, resp.Body, start)...)
		resp.Body.Close()
		if want := []time.Duration{time.Second, 2 * time.Second, 3 * time.Second, 4 * time.Second}; !slices.Equal(arrived, want) {
			t.Errorf("got the parts after %v, want %v", arrived, want)
		}
		if e := only(t, logs); e["request_body"] != "onetwo" || e["response_body"] != "threefour" {
			t.Errorf("got %v and %v, want both bodies", e["request_body"], e["response_body"])
		}
	})
}

// readAsItComes returns when each Read brought something.
func readAsItComes(t *testing.T, r io.Reader, start time.Time) (all []time.Duration) {
	p := make([]byte, 100)
	for {
		n, err := r.Read(p)
		if n > 0 {
			all = append(all, time.Since(start))
		}
		if err == io.EOF {
			return all
		}
		if err != nil {
			t.Error(err)
			return all
		}
	}
}
