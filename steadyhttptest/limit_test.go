package steadyhttptest

import (
	"encoding/json"
	"io"
	"math"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// start is when the limiters of these tests get their first request. Their decisions are pure functions of the time that
// they are given, so that nothing has to be waited for.
var start = time.Date(2026, time.January, 2, 3, 4, 5, 0, time.UTC)

func TestLimitDecisions(t *testing.T) {
	type ask struct {
		at       time.Duration // since start
		cost     int
		refused  string // the bucket that refuses; "" is none
		wait     time.Duration
		tooLarge bool
		used     int // of the refusal
		left     int // of requests, or else of tokens, afterwards
	}
	const ms = time.Millisecond
	tests := []struct {
		name  string
		limit Limit
		asks  []ask
	}{
		{"a full bucket of requests, then one for each refill", Limit{Requests: 2, Window: 2 * time.Second}, []ask{
			{left: 1},
			{left: 0},
			{refused: "requests", wait: time.Second, used: 2},
			{at: 400 * ms, refused: "requests", wait: 600 * ms, used: 2},
			{at: 1000 * ms, left: 0},
			{at: 1001 * ms, refused: "requests", wait: 999 * ms, used: 2},
			{at: time.Hour, left: 1},
		}},
		{"the window is a minute unless it is set", Limit{Requests: 1}, []ask{
			{left: 0},
			{refused: "requests", wait: time.Minute, used: 1},
		}},
		{"a wait is rounded up to a millisecond, and is long enough", Limit{Requests: 3, Window: time.Second}, []ask{
			{left: 2}, {left: 1}, {left: 0},
			{refused: "requests", wait: 334 * ms, used: 3},
			{at: 334 * ms, left: 0},
		}},
		{"a burst holds fewer than the limit", Limit{Requests: 60, Burst: 2}, []ask{
			{left: 1}, {left: 0},
			{refused: "requests", wait: time.Second, used: 60},
			{at: time.Hour, left: 1},
		}},
		{"a burst holds more than the limit", Limit{Requests: 1, Burst: 3}, []ask{
			{left: 2}, {left: 1}, {left: 0},
			{refused: "requests", wait: time.Minute, used: 1},
		}},
		{"tokens, and the provider's arithmetic of the wait", Limit{Tokens: 30_000}, []ask{
			{cost: 29_468, left: 532},
			{cost: 1_163, refused: "tokens", wait: 1262 * ms, used: 29_468, left: 532},
			{cost: 532, left: 0},
		}},
		{"a request of no tokens passes an empty bucket", Limit{Tokens: 10}, []ask{
			{cost: 10, left: 0},
			{cost: 0, left: 0},
		}},
		{"more tokens than the limit never pass", Limit{Tokens: 30_000}, []ask{
			{cost: 50_000, refused: "tokens", tooLarge: true, left: 30_000},
			{at: time.Hour, cost: 30_001, refused: "tokens", tooLarge: true, left: 30_000},
			{at: time.Hour, cost: 30_000, left: 0},
		}},
		{"a refusal for tokens takes no request", Limit{Requests: 10, Tokens: 10}, []ask{
			{cost: 8, left: 9},
			{cost: 8, refused: "tokens", wait: 36 * time.Second, used: 8, left: 9},
		}},
		{"a refusal for requests takes no tokens", Limit{Requests: 1, Tokens: 60, Window: time.Minute}, []ask{
			{cost: 30, left: 0},
			{cost: 30, refused: "requests", wait: time.Minute, used: 1, left: 0},
			{at: time.Minute, cost: 60, left: 0},
		}},
		{"the longer wait is the one that is told", Limit{Requests: 60, Burst: 1, Tokens: 6_000}, []ask{
			{cost: 300, left: 0}, // the bucket of tokens has 100: two seconds of debt
			{cost: 100, refused: "tokens", wait: 3 * time.Second, used: 6_200, left: 0},
			{at: 3 * time.Second, cost: 10, left: 0},
			{at: 3 * time.Second, cost: 10, refused: "requests", wait: time.Second, used: 60, left: 0},
		}},
		{"a burst's bucket of tokens is no obstacle to a larger request", Limit{Requests: 10, Burst: 1, Tokens: 1_000}, []ask{
			{cost: 1_000, left: 0},
			{at: 53 * time.Second, cost: 1, refused: "tokens", wait: 1060 * ms, used: 1_017, left: 1},
			{at: time.Minute, cost: 1_000, left: 0},
		}},
		{"a cost beyond all limits", Limit{Tokens: 10}, []ask{
			{cost: math.MaxInt, refused: "tokens", tooLarge: true, left: 10},
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			l := newLimiter(test.limit)
			for i, ask := range test.asks {
				v := l.decide(start.Add(ask.at), ask.cost)
				if v.refused != (ask.refused != "") {
					t.Fatalf("request %d: got refused %t, want %q", i, v.refused, ask.refused)
				}
				if v.refused {
					if v.short.unit != ask.refused || v.tooLarge != ask.tooLarge {
						t.Errorf("request %d: got %s, too large %t, want %s, %t", i, v.short.unit, v.tooLarge, ask.refused, ask.tooLarge)
					}
					if !ask.tooLarge && (v.wait != ask.wait || v.used != ask.used) {
						t.Errorf("request %d: got wait %s, used %d, want %s, %d", i, v.wait, v.used, ask.wait, ask.used)
					}
				}
				b := l.requests
				if b == nil {
					b = l.tokens
				}
				if got := max(0, b.left(start.Add(ask.at))); got != ask.left {
					t.Errorf("request %d: got %d %s left, want %d", i, got, b.unit, ask.left)
				}
			}
		})
	}
}

func TestLimitHeaders(t *testing.T) {
	l := newLimiter(Limit{Requests: 500, Tokens: 30_000})
	want := []map[string]string{
		{"limit-requests": "500", "remaining-requests": "499", "reset-requests": "120ms",
			"limit-tokens": "30000", "remaining-tokens": "20000", "reset-tokens": "20s"},
		{"limit-requests": "500", "remaining-requests": "498", "reset-requests": "240ms",
			"limit-tokens": "30000", "remaining-tokens": "1", "reset-tokens": "59.998s"},
		{"limit-requests": "500", "remaining-requests": "498", "reset-requests": "240ms",
			"limit-tokens": "30000", "remaining-tokens": "1", "reset-tokens": "59.998s"}, // refused
	}
	for i, cost := range []int{10_000, 19_999, 2} {
		v := l.decide(start, cost)
		if len(v.header) != len(want[i]) {
			t.Errorf("request %d: got headers %v, want %v", i, v.header, want[i])
		}
		for name, value := range want[i] {
			if got := v.header.Get("x-ratelimit-" + name); got != value {
				t.Errorf("request %d, %s: got %q, want %q", i, name, got, value)
			}
		}
	}
}

func TestLimitCost(t *testing.T) {
	tests := []struct {
		name string
		body string
		want int
	}{
		{"no body", "", 0},
		{"text, rounded up", "12345", 2},
		{"max_tokens", `{"max_tokens":100}`, 5 + 100},
		{"max_completion_tokens", `{"max_completion_tokens":7}`, 7 + 7},
		{"max_output_tokens", `{"max_output_tokens":9}`, 6 + 9},
		{"the largest of several", `{"max_tokens":1,"max_output_tokens":9}`, 10 + 9},
		{"a bound of the wrong type", `{"max_tokens":"9"}`, 5},
		{"a bound of the wrong type beside a good one", `{"max_tokens":"9","max_output_tokens":3}`, 10 + 3},
		{"a negative bound", `{"max_tokens":-9}`, 5},
		{"a bound beyond all numbers", `{"max_tokens":1e999}`, 5},
		{"a bound beyond all models", `{"max_tokens":1e300}`, 5 + 1<<30},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := newLimiter(Limit{Tokens: 1}).cost(nil, []byte(test.body)); got != test.want {
				t.Errorf("cost of %s: got %d, want %d", test.body, got, test.want)
			}
		})
	}
	negative := newLimiter(Limit{Tokens: 1, Cost: func(*http.Request, []byte) int { return -5 }})
	if got := negative.cost(nil, nil); got != 0 {
		t.Errorf("a negative cost: got %d, want 0", got)
	}
}

func TestRefusals(t *testing.T) {
	const model = `{"model":"gpt-4o"}`
	tests := []struct {
		name       string
		limit      Limit
		before     int // requests that are let in first
		body       string
		typ        string
		texts      []string
		noTexts    []string
		retryAfter string
		limits     bool // x-ratelimit headers
	}{
		{"requests of a day", Limit{Requests: 2, Window: 24 * time.Hour}, 2, model, "requests", []string{
			"Rate limit reached for gpt-4o in organization", "on requests per day (RPD): Limit 2, Used 2, Requested 1.",
			"Please try again in 1"}, nil, "43200", true},
		{"a window without a name, a body without a model", Limit{Requests: 1, Window: 3 * time.Hour}, 1, "", "requests", []string{
			"Rate limit reached for /v1/x in", "on requests per 3h0m0s: Limit 1, Used 1, Requested 1."}, nil, "10800", true},
		{"tokens", Limit{Tokens: 10, Window: time.Hour}, 2, model, "tokens", []string{
			"on tokens per hour (TPH): Limit 10, Used 10, Requested 5. Please try again in "}, nil, "1800", true},
		{"too large", Limit{Requests: 5, Tokens: 4}, 0, model, "tokens", []string{
			"Request too large for gpt-4o", "on tokens per min (TPM): Limit 4, Requested 5."}, []string{"try again"}, "", true},
		{"silent", Limit{Requests: 1, Silent: true}, 1, model, "requests", []string{"Rate limit reached"},
			[]string{"again", "min", "Limit 1"}, "", false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := NewServer()
			defer s.Close()
			s.Script("*", Reply{Body: "first"}, Reply{Body: "second"}, Reply{Body: "third"})
			s.Limit("*", test.limit)
			send := func() (*http.Response, string) {
				resp, err := s.Client().Post(s.URL+"/v1/x", "application/json", strings.NewReader(test.body))
				if err != nil {
					t.Fatal(err)
				}
				defer resp.Body.Close()
				body, err := io.ReadAll(resp.Body)
				if err != nil {
					t.Fatal(err)
				}
				if got := resp.Header.Get("X-Ratelimit-Limit-Requests") + resp.Header.Get("X-Ratelimit-Limit-Tokens"); (got != "") != test.limits {
					t.Errorf("limits told on a %d: got %q, want any: %t", resp.StatusCode, got, test.limits)
				}
				return resp, string(body)
			}
			for range test.before {
				if resp, _ := send(); resp.StatusCode != http.StatusOK {
					t.Fatalf("request within the limit: got status %d, want 200", resp.StatusCode)
				}
			}
			resp, body := send()
			if resp.StatusCode != http.StatusTooManyRequests {
				t.Fatalf("got status %d, want 429", resp.StatusCode)
			}
			var e struct {
				Error struct{ Message, Type, Code string }
			}
			if err := json.Unmarshal([]byte(body), &e); err != nil {
				t.Fatalf("%v in %s", err, body)
			}
			if e.Error.Type != test.typ || e.Error.Code != "rate_limit_exceeded" {
				t.Errorf("got type %q and code %q, want %q and rate_limit_exceeded", e.Error.Type, e.Error.Code, test.typ)
			}
			for _, text := range test.texts {
				if !strings.Contains(e.Error.Message, text) {
					t.Errorf("got message %q, want %q in it", e.Error.Message, text)
				}
			}
			for _, text := range test.noTexts {
				if strings.Contains(e.Error.Message, text) {
					t.Errorf("got message %q, want no %q in it", e.Error.Message, text)
				}
			}
			if got := resp.Header.Get("Retry-After"); got != test.retryAfter {
				t.Errorf("Retry-After: got %q, want %q", got, test.retryAfter)
			}
			if got := resp.Header.Get("Retry-After-Ms"); (got != "") != (test.retryAfter != "") {
				t.Errorf("retry-after-ms: got %q beside Retry-After %q", got, test.retryAfter)
			}
			if answered, refused := s.Limited(); answered != test.before || refused != 1 {
				t.Errorf("Limited: got %d, %d, want %d, 1", answered, refused, test.before)
			}
			if reqs := s.Requests(); len(reqs) != test.before+1 || reqs[test.before].Status != 429 || string(reqs[test.before].Body) != test.body {
				t.Errorf("Requests: got %+v, want the refused one last, with its body", reqs)
			}

			// The refused request must have left the script where it was.
			s.Limit("*", Limit{})
			if _, got := sendPlain(t, s); got != []string{"first", "second", "third"}[test.before] {
				t.Errorf("after %d requests and a refusal: got reply %q", test.before, got)
			}
		})
	}
}

func sendPlain(t *testing.T, s *Server) (*http.Response, string) {
	t.Helper()
	resp, err := s.Client().Get(s.URL + "/v1/x")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

func TestLimitOfItsOwnPathWins(t *testing.T) {
	s := NewServer()
	defer s.Close()
	s.Script("*", Reply{})
	s.Limit("*", Limit{Requests: 1, Window: 24 * time.Hour})
	s.Limit("/own", Limit{Requests: 2, Window: 24 * time.Hour})
	s.Limit("/free", Limit{})
	for i, step := range []struct {
		path string
		want int
	}{
		{"/a", 200}, {"/b", 429}, // one bucket for all that have no limit of their own
		{"/own", 200}, {"/own", 200}, {"/own", 429},
		{"/free", 200}, {"/free", 200},
	} {
		resp, err := s.Client().Get(s.URL + step.path)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != step.want {
			t.Errorf("request %d, %s: got %d, want %d", i, step.path, resp.StatusCode, step.want)
		}
	}
}

func TestLimitHoldsAgainstACrowd(t *testing.T) {
	s := NewServer()
	defer s.Close()
	const crowd, limit = 50, 20
	s.Script("*", Reply{})
	s.Limit("*", Limit{Requests: limit, Tokens: 1000, Window: 24 * time.Hour,
		Cost: func(*http.Request, []byte) int { return 1 }})
	client := s.Client()
	var wg sync.WaitGroup
	for range crowd {
		wg.Go(func() {
			resp, err := client.Post(s.URL, "text/plain", strings.NewReader("x"))
			if err != nil {
				t.Error(err)
				return
			}
			resp.Body.Close()
			s.Requests()
			s.Limited()
			s.Script("/other", Reply{})
		})
	}
	wg.Wait()
	if answered, refused := s.Limited(); answered != limit || refused != crowd-limit {
		t.Errorf("Limited: got %d, %d, want %d, %d", answered, refused, limit, crowd-limit)
	}
	if got := len(s.Requests()); got != crowd {
		t.Errorf("Requests: got %d, want %d", got, crowd)
	}
}
