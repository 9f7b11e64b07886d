package steadyhttptest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyhttp/steadyhttp"
	"github.com/steadyhttp/steadyhttp/steadyhttptest"
)

// The recipes of docs/testing.md. What stands there stands here word for word.

// complete is the code under test.
func complete(ctx context.Context, client *http.Client, prompt string) (string, error) {
	body := strings.NewReader(fmt.Sprintf(`{"model":"gpt-4o","messages":[{"role":"user","content":%q}]}`, prompt))
	req, err := http.NewRequestWithContext(ctx, "POST", "https://api.openai.com/v1/chat/completions", body)
	if err != nil {
		return "", err
	}
	resp, err := client.Do(req)
	if err == nil {
		defer resp.Body.Close() // after a failure too
	}
	if err := steadyhttp.Check(resp, err); err != nil {
		return "", err
	}
	answer, err := io.ReadAll(resp.Body)
	return string(answer), err
}

// The function that the recipes test is itself one to copy: a failure leaves no body
// open, which would hold a place of MaxConcurrent.
func TestCompleteClosesItsBodies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := &steadyhttptest.Script{T: t, Replies: []steadyhttptest.Reply{
			steadyhttptest.OpenAIError(404, "invalid_request_error", "model_not_found", "There is no such model."),
			steadyhttptest.ChatCompletion("hello"),
		}}
		client := &http.Client{Transport: &steadyhttp.Transport{Base: api, Throttler: &steadyhttp.Throttler{MaxConcurrent: 1}}}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, err := complete(ctx, client, "Say hello."); err == nil {
			t.Error("got no error from a 404")
		}
		start := time.Now()
		if _, err := complete(ctx, client, "Say hello."); err != nil || time.Since(start) > 0 {
			t.Errorf("after a failure: got %v after %v, want an answer at once", err, time.Since(start))
		}
	})
}

func TestComplete(t *testing.T) {
	overloaded := steadyhttptest.OpenAIError(503, "server_error", "", "The engine is overloaded.")
	slowDown := steadyhttptest.OpenAIError(429, "requests", "rate_limit_exceeded", "Slow down.")
	slowDown.Header.Set("Retry-After", "20")
	outOfMoney := steadyhttptest.OpenAIError(429, "insufficient_quota", "insufficient_quota", "You exceeded your quota.")
	late := steadyhttptest.ChatCompletion("hello")
	late.Delay = time.Hour

	for _, row := range []struct {
		name     string
		replies  []steadyhttptest.Reply
		attempts int
		class    steadyhttp.Class // of the error; None is a success
		least    time.Duration    // how long it takes at the least, and at the most
		most     time.Duration
	}{
		{"it answers", []steadyhttptest.Reply{steadyhttptest.ChatCompletion("hello")}, 1, steadyhttp.None, 0, 0},
		{"overloaded once", []steadyhttptest.Reply{overloaded, steadyhttptest.ChatCompletion("hello")}, 2, steadyhttp.None, 250 * time.Millisecond, time.Second},
		{"asked to wait", []steadyhttptest.Reply{slowDown, steadyhttptest.ChatCompletion("hello")}, 2, steadyhttp.None, 20 * time.Second, 25 * time.Second},
		{"no money", []steadyhttptest.Reply{outOfMoney}, 1, steadyhttp.Quota, 0, 0},
		{"the connection breaks", []steadyhttptest.Reply{{Drop: true}, steadyhttptest.ChatCompletion("hello")}, 2, steadyhttp.None, 250 * time.Millisecond, time.Second},
		{"too late", []steadyhttptest.Reply{late}, 1, steadyhttp.Timeout, time.Minute, time.Minute},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				api := &steadyhttptest.Script{Replies: row.replies, T: t}
				client := &http.Client{Transport: &steadyhttp.Transport{Base: api}}
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()

				start := time.Now()
				_, err := complete(ctx, client, "Say hello.")
				took := time.Since(start)

				class := steadyhttp.None
				if e := (*steadyhttp.Error)(nil); errors.As(err, &e) {
					class = e.Class
				}
				if class != row.class || (err == nil) != (row.class == steadyhttp.None) {
					t.Errorf("got %v, want class %s", err, row.class)
				}
				if got := len(api.Requests()); got != row.attempts {
					t.Errorf("got %d attempts, want %d", got, row.attempts)
				}
				if took < row.least || took > row.most {
					t.Errorf("it took %v, want %v to %v", took, row.least, row.most)
				}
			})
		})
	}
}

// Ten a minute are allowed: thirty calls at once are never refused, and take two minutes.
func TestCallsKeepToTheLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := &steadyhttptest.Script{
			Replies: []steadyhttptest.Reply{steadyhttptest.ChatCompletion("hello")},
			Repeat:  true,
			Limit:   steadyhttptest.Limit{Requests: 10},
		}
		client := &http.Client{Transport: &steadyhttp.Transport{
			Base:      api,
			Throttler: &steadyhttp.Throttler{RequestsPerMinute: 10},
		}}
		start, done := time.Now(), make(chan error)
		for range 30 {
			go func() {
				_, err := complete(t.Context(), client, "Say hello.")
				done <- err
			}()
		}
		for range 30 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		for _, req := range api.Requests() {
			if req.Status == http.StatusTooManyRequests {
				t.Error("a call was refused")
			}
		}
		if took := time.Since(start); took < 2*time.Minute || took > 3*time.Minute {
			t.Errorf("it took %v, want two minutes and a little", took)
		}
	})
}

// A stream that falls silent ends after StallTimeout, not after the hours for which the
// server would say nothing.
func TestStreamFallsSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stream := steadyhttptest.ChatStream("Hel", "lo")
		stream.Events[2].Delay = 3 * time.Hour // before "lo"
		api := &steadyhttptest.Script{Replies: []steadyhttptest.Reply{stream}}
		client := &http.Client{Transport: &steadyhttp.Transport{
			Base:    api,
			Retrier: &steadyhttp.Retrier{StallTimeout: 30 * time.Second},
		}}
		start := time.Now()
		answer, err := complete(t.Context(), client, "Say hello.")
		var e *steadyhttp.Error
		if !errors.As(err, &e) || e.Class != steadyhttp.Timeout || !strings.Contains(answer, "Hel") {
			t.Errorf("got %q, %v, want the first word and a timeout", answer, err)
		}
		if took := time.Since(start); took != 30*time.Second {
			t.Errorf("it took %v, want 30 s", took)
		}
	})
}

// One client, two APIs: each host has a list of its own.
func TestFallsBackToTheSecondProvider(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := &steadyhttptest.Script{T: t, For: map[string][]steadyhttptest.Reply{
			"api.openai.com":     {steadyhttptest.OpenAIError(401, "invalid_request_error", "invalid_api_key", "Incorrect API key.")},
			"api.second.example": {steadyhttptest.ChatCompletion("hello")},
		}}
		client := &http.Client{Transport: &steadyhttp.Transport{
			Base: api,
			Failover: &steadyhttp.Failover{Targets: []steadyhttp.Target{{
				Name: "second", URL: "https://api.second.example/v1", Model: "gpt-4o",
				Header: http.Header{"Authorization": {"Bearer second-key"}},
			}}},
		}}
		if _, err := complete(t.Context(), client, "Say hello."); err != nil {
			t.Fatal(err)
		}
		if last := api.Requests()[1]; last.Host != "api.second.example" || last.Header.Get("Authorization") != "Bearer second-key" {
			t.Errorf("the second request went to %s with the key %q", last.Host, last.Header.Get("Authorization"))
		}
	})
}

// A third of all requests meet a fault, in ten runs that a seed decides. What comes
// back is the answer or an error that says what failed.
func TestCompleteBearsFaults(t *testing.T) {
	for seed := range uint64(10) {
		synctest.Test(t, func(t *testing.T) {
			api := &steadyhttptest.Script{Replies: []steadyhttptest.Reply{steadyhttptest.ChatCompletion("hello")}, Repeat: true}
			faults := &steadyhttptest.Faults{
				Base: api, Seed: seed,
				RefuseRate: 0.1, ResetRate: 0.1, CutRate: 0.05, ReplyRate: 0.1,
				SlowRate: 0.2, Delay: 5 * time.Second,
			}
			client := &http.Client{Transport: &steadyhttp.Transport{Base: faults}}
			good := 0
			for range 50 {
				answer, err := complete(t.Context(), client, "Say hello.")
				switch {
				case err == nil && strings.Contains(answer, "hello"):
					good++
				case err == nil:
					t.Errorf("seed %d: got %q and no error", seed, answer)
				}
			}
			if good < 40 {
				t.Errorf("seed %d: got %d good answers of 50", seed, good)
			}
		})
	}
}
