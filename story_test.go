package steadyhttp_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/steadyhttp/steadyhttp"
)

var update = flag.Bool("update", false, "write the golden files in testdata anew")

const storyFile = "testdata/story.golden"

// A story is one failure as it goes through a whole Transport, and what a
// reader who has nothing but its last entry must be able to tell.
type story struct {
	name  string
	base  http.RoundTripper // built anew for each run
	setup func(*steadyhttp.Transport)
	act   func(t *testing.T, rt http.RoundTripper) // nil is one chat completion, read to its end
	tells answers
}

// answers are the questions of three in the morning.
type answers struct {
	class    string // what it was; "" is none
	fault    string // who has to act: nobody, caller, them
	tried    int    // how often it was sent
	waited   time.Duration
	id       string // to quote; "" where nobody gave one
	duration time.Duration
}

// answersOf reads an entry as a person would: nothing that is not in it is used.
func answersOf(t *testing.T, line string) answers {
	t.Helper()
	level, rest, _ := strings.Cut(line, "\t")
	message, fields, _ := strings.Cut(rest, "\t")
	var e struct {
		Class    string `json:"error.type"`
		Attempts int    `json:"attempts"`
		Waited   string `json:"waited"`
		ID       string `json:"request_id"`
		Hint     string `json:"hint"`
		Fate     string `json:"fate"`
		Duration string `json:"duration"`
	}
	if err := json.Unmarshal([]byte(fields), &e); err != nil {
		t.Fatalf("%v in %s", err, line)
	}
	if e.Class != "" && (e.Hint == "" || e.Fate == "") {
		t.Errorf("got neither hint nor fate, or only one of them, want both in %s", line)
	}
	a := answers{class: e.Class, tried: max(e.Attempts, 1), id: e.ID}
	a.waited, _ = time.ParseDuration(e.Waited)
	a.duration, _ = time.ParseDuration(e.Duration)
	switch level + ": " + message {
	case "debug: call succeeded", "info: call recovered":
		a.fault = "nobody"
	case "warn: call refused", "warn: call canceled":
		a.fault = "caller"
	case "error: call failed":
		a.fault = "them"
	default:
		t.Errorf("got %s %q, want a level and a message that say whose fault it was", level, message)
	}
	return a
}

// storyEncoder is zap's for the console, without the time: the same run gives
// the same text.
func storyEncoder() zapcore.Encoder {
	return zapcore.NewConsoleEncoder(zapcore.EncoderConfig{
		LevelKey: "level", MessageKey: "message", LineEnding: "\n",
		EncodeLevel: zapcore.LowercaseLevelEncoder, EncodeDuration: zapcore.StringDurationEncoder,
	})
}

// fieldALine puts each field of an entry on a line of its own, so that a change of
// one is one line of a review.
func fieldALine(line string) string {
	head, fields, ok := cutLast(line, "\t")
	if !ok {
		return line
	}
	var b bytes.Buffer
	if err := json.Indent(&b, []byte(fields), "    ", "  "); err != nil {
		return line
	}
	return head + " " + b.String()
}

func cutLast(s, sep string) (before, after string, ok bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

// resetByPeer is a connection that broke after the request was sent.
func resetByPeer() error {
	return &net.OpError{Op: "read", Net: "tcp", Err: os.NewSyscallError("read", syscall.ECONNRESET)}
}

const (
	claudeURL = "https://api.anthropic.com/v1/messages"

	storyStart = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":25,\"output_tokens\":1}}}\n\n"
	storyPiece = "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"delta\":{\"type\":\"text_delta\",\"text\":\"Hello\"}}\n\n"
	storyUsage = "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":15}}\n\n"
	storyStop  = "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"
	storyFull  = "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n"
)

// sendOne sends a request and reads what comes, to its end or its error.
func sendOne(t *testing.T, rt http.RoundTripper, req *http.Request) {
	t.Helper()
	resp, err := rt.RoundTrip(req)
	if err == nil {
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
}

// posting sends one request with a body.
func posting(url, body string) func(*testing.T, http.RoundTripper) {
	return func(t *testing.T, rt http.RoundTripper) { sendOne(t, rt, request(t, "POST", url, body)) }
}

// within sends one chat completion that has so long.
func within(d time.Duration) func(*testing.T, http.RoundTripper) {
	return func(t *testing.T, rt http.RoundTripper) {
		ctx, cancel := context.WithTimeout(t.Context(), d)
		defer cancel()
		sendOne(t, rt, chat(t).WithContext(ctx))
	}
}

// stories are built in the bubble that they run in.
func stories() []story {
	return []story{
		{
			name: "out of money",
			base: playing(reply{status: 429, after: 300 * time.Millisecond, header: "X-Request-Id: req_money",
				body: `{"error":{"message":"You exceeded your current quota, please check your plan and billing details.","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}`}),
			tells: answers{class: "quota", fault: "caller", tried: 1, id: "req_money", duration: 300 * time.Millisecond},
		},
		{
			name: "a rate limit, waited out",
			base: playing(
				reply{status: 429, header: "Request-Id: req_limit\nRetry-After: 7", body: `{"type":"error","error":{"type":"rate_limit_error","message":"Number of request tokens has exceeded your per-minute rate limit"}}`},
				reply{status: 200, after: 2 * time.Second, header: "Content-Type: application/json\nRequest-Id: req_passed", body: `{"type":"message","content":[{"type":"text","text":"Hello"}],"usage":{"input_tokens":25,"output_tokens":15}}`},
			),
			act:   posting(claudeURL, `{"model":"claude"}`),
			tells: answers{fault: "nobody", tried: 2, waited: 8 * time.Second, id: "req_passed", duration: 10 * time.Second},
		},
		{
			name:  "a limit for a day",
			base:  playing(reply{status: 429, header: "X-Request-Id: req_day", body: `{"error":{"message":"Rate limit reached for model ` + "`llama-3.3-70b`" + ` on requests per day (RPD): Limit 1000, Used 1000, Requested 1. Please try again in 7h12m0s.","type":"requests","code":"rate_limit_exceeded"}}`}),
			act:   posting("https://api.groq.com/openai/v1/chat/completions", `{"model":"llama-3.3-70b"}`),
			tells: answers{class: "rate_limit", fault: "caller", tried: 1, id: "req_day"},
		},
		{
			name: "a wrong key, which the server quotes",
			base: playing(reply{status: 401, header: "X-Request-Id: req_key", body: `{"error":{"message":"Incorrect API key provided: sk-proj-4fT9xQ2mN7bV1cZ8kL3j. You can find your API key at https://platform.openai.com/account/api-keys.","type":"invalid_request_error","param":null,"code":"invalid_api_key"}}`}),
			act: func(t *testing.T, rt http.RoundTripper) {
				req := chat(t)
				req.Header.Set("Authorization", "Bearer sk-proj-4fT9xQ2mN7bV1cZ8kL3j")
				sendOne(t, rt, req)
			},
			tells: answers{class: "authentication", fault: "caller", tried: 1, id: "req_key"},
		},
		{
			name:  "the connection is reset thrice",
			base:  playing(reply{err: resetByPeer(), after: time.Second}),
			setup: func(rt *steadyhttp.Transport) { rt.Retrier.MaxAttempts = 3 },
			tells: answers{class: "connection", fault: "them", tried: 3, waited: 2 * time.Second, duration: 5 * time.Second},
		},
		{
			name: "maintenance",
			base: playing(reply{status: 503, header: "X-Request-Id: req_works\nX-Maintenance-Until: 2026-01-02T06:00:00Z\nRetry-After: 7200\nContent-Type: text/html",
				body: "<html><head><title>Down for maintenance</title></head><body><h1>We'll be back\nsoon</h1></body></html>"}),
			tells: answers{class: "unavailable", fault: "them", tried: 1, id: "req_works"},
		},
		{
			name: "a stream that is overloaded at its first event, then not, with its attempts",
			base: inTurn(
				eventStream("Request-Id: req_full", io.EOF, at(0, storyFull)),
				eventStream("Request-Id: req_free", io.EOF, at(2*time.Second, storyStart), at(time.Second, storyPiece), at(time.Second, storyUsage+storyStop)),
			),
			setup: func(rt *steadyhttp.Transport) { rt.Logger.Attempts = true },
			act:   posting(claudeURL, `{"model":"claude","stream":true}`),
			tells: answers{fault: "nobody", tried: 2, waited: time.Second, id: "req_free", duration: 5 * time.Second},
		},
		{
			name:  "a stream that is cut in the middle",
			base:  eventStream("Request-Id: req_cut", resetByPeer(), at(time.Second, storyStart), at(time.Second, storyPiece), at(3*time.Second, "")),
			act:   posting(claudeURL, `{"model":"claude","stream":true}`),
			tells: answers{class: "connection", fault: "them", tried: 1, id: "req_cut", duration: 5 * time.Second},
		},
		{
			name:  "a stream that ends without its last event",
			base:  eventStream("Request-Id: req_short", io.EOF, at(time.Second, storyStart), at(time.Second, storyPiece)),
			act:   posting(claudeURL, `{"model":"claude","stream":true}`),
			tells: answers{class: "connection", fault: "them", tried: 1, id: "req_short", duration: 2 * time.Second},
		},
		{
			name: "a stream that its reader leaves",
			base: eventStream("Request-Id: req_left", nil, at(time.Second, storyStart), at(time.Second, storyPiece)),
			act: func(t *testing.T, rt http.RoundTripper) {
				resp, err := rt.RoundTrip(request(t, "POST", claudeURL, `{"model":"claude","stream":true}`))
				if err != nil {
					t.Fatal(err)
				}
				resp.Body.Read(make([]byte, len(storyStart)))
				time.Sleep(3 * time.Second)
				resp.Body.Close()
			},
			tells: answers{fault: "nobody", tried: 1, id: "req_left", duration: 5 * time.Second},
		},
		{
			name: "more tokens than the model takes",
			base: playing(reply{status: 400, header: "X-Request-Id: req_long",
				body: `{"error":{"message":"This model's maximum context length is 128000 tokens. However, your messages resulted in 130512 tokens.","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}}`}),
			tells: answers{class: "context_length", fault: "caller", tried: 1, id: "req_long"},
		},
		{
			name:  "an order in doubt, which is not repeated",
			base:  playing(reply{err: resetByPeer(), after: 4 * time.Second}),
			act:   posting("https://shop.example/v1/orders", `{"article":7}`),
			tells: answers{class: "connection", fault: "them", tried: 1, duration: 4 * time.Second},
		},
		{
			name:  "throttled on our side until the deadline",
			base:  playing(reply{status: 200}),
			setup: func(rt *steadyhttp.Transport) { rt.Throttler = &steadyhttp.Throttler{RequestsPerMinute: 1} },
			act: func(t *testing.T, rt http.RoundTripper) {
				sendOne(t, rt, chat(t))
				time.Sleep(15 * time.Second)
				within(20*time.Second)(t, rt)
			},
			tells: answers{class: "rate_limit", fault: "caller", tried: 1},
		},
		{
			name:  "throttled on our side, in time",
			base:  playing(reply{status: 200}),
			setup: func(rt *steadyhttp.Transport) { rt.Throttler = &steadyhttp.Throttler{RequestsPerMinute: 1} },
			act: func(t *testing.T, rt http.RoundTripper) {
				sendOne(t, rt, chat(t))
				time.Sleep(15 * time.Second)
				sendOne(t, rt, chat(t))
			},
			tells: answers{fault: "nobody", tried: 1, waited: 45 * time.Second, duration: 45 * time.Second},
		},
		{
			name: "cancelled by the caller, between two attempts",
			base: playing(reply{status: 500, header: "X-Request-Id: req_given_up"}),
			act: func(t *testing.T, rt http.RoundTripper) {
				ctx, cancel := context.WithCancel(t.Context())
				time.AfterFunc(1500*time.Millisecond, cancel)
				sendOne(t, rt, chat(t).WithContext(ctx))
			},
			tells: answers{class: "canceled", fault: "caller", tried: 2, waited: 1500 * time.Millisecond, duration: 1500 * time.Millisecond},
		},
		{
			name:  "an attempt that takes too long, then one in time",
			base:  playing(reply{status: 200, after: time.Minute}, reply{status: 200, header: "X-Request-Id: req_second", after: time.Second}),
			setup: func(rt *steadyhttp.Transport) { rt.Retrier.AttemptTimeout = 10 * time.Second },
			tells: answers{fault: "nobody", tried: 2, waited: time.Second, id: "req_second", duration: 12 * time.Second},
		},
		{
			name:  "the deadline passes while the server asks to wait",
			base:  playing(reply{status: 429, header: "X-Request-Id: req_late\nRetry-After: 30", after: time.Second}),
			act:   within(20 * time.Second),
			tells: answers{class: "rate_limit", fault: "caller", tried: 1, id: "req_late", duration: time.Second},
		},
		{
			name:  "a host name that does not exist",
			base:  playing(reply{err: &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: "api.opeani.com", IsNotFound: true}}}),
			act:   posting("https://api.opeani.com/v1/chat/completions", `{"model":"gpt-4o"}`),
			tells: answers{class: "not_found", fault: "caller", tried: 1},
		},
	}
}

func TestStories(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got strings.Builder
		for _, s := range stories() {
			fmt.Fprintf(&got, "%s\n", s.name)
			for _, line := range s.told(t) {
				fmt.Fprintf(&got, "    %s\n", fieldALine(line))
			}
			got.WriteString("\n")
		}
		if *update {
			if err := os.WriteFile(storyFile, []byte(got.String()), 0o644); err != nil {
				t.Fatal(err)
			}
			return
		}
		compareStories(t, got.String())
	})
}

// told runs the story and returns its entries, after it has asked the last.
func (s story) told(t *testing.T) []string {
	var out bytes.Buffer
	s.happens(t, &steadyhttp.Logger{Zap: zap.New(zapcore.NewCore(storyEncoder(), zapcore.AddSync(&out), zapcore.DebugLevel))})
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	if tells := answersOf(t, lines[len(lines)-1]); tells != s.tells {
		t.Errorf("%s: the entry tells %+v, want %+v", s.name, tells, s.tells)
	}
	return lines
}

// happens runs the story.
func (s story) happens(t *testing.T, logger *steadyhttp.Logger) {
	rt := &steadyhttp.Transport{
		Base:    s.base,
		Logger:  logger,
		Retrier: &steadyhttp.Retrier{BackOff: every(time.Second)},
	}
	if s.setup != nil {
		s.setup(rt)
	}
	if s.act != nil {
		s.act(t, rt)
	} else {
		sendOne(t, rt, chat(t))
	}
}

// Its parameter is messages, and yet no message is malformed.
func TestHintOfATooLongPromptSpeaksOfItsLength(t *testing.T) {
	rt := &steadyhttp.Classifier{Base: playing(reply{status: 400, body: `{"error":{"message":"maximum context length is 128000 tokens","param":"messages","code":"context_length_exceeded"}}`})}
	resp, err := rt.RoundTrip(chat(t))
	if got, want := asError(t, resp, err).Hint, "Shorten the messages"; !strings.Contains(got, want) {
		t.Errorf("got %q, want %q…", got, want)
	}
}

func compareStories(t *testing.T, got string) {
	t.Helper()
	want, err := os.ReadFile(storyFile)
	if err != nil {
		t.Fatal(err)
	}
	told, written := strings.Split(got, "\n\n"), strings.Split(string(want), "\n\n")
	if len(told) != len(written) {
		t.Errorf("got %d stories, want the %d of %s; run with -update and review what changes", len(told)-1, len(written)-1, storyFile)
	}
	for i := range min(len(told), len(written)) {
		if told[i] != written[i] {
			t.Errorf("got\n%s\nwant\n%s\nas in %s; run with -update and review what changes", told[i], written[i], storyFile)
		}
	}
}
