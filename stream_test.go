package steadyhttp_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/steadyhttp/steadyhttp"
	"github.com/steadyhttp/steadyhttp/steadyhttptest"
)

const (
	messagesURL  = "https://api.anthropic.com/v1/messages"
	responsesURL = "https://api.openai.com/v1/responses"
	geminiURL    = "https://generativelanguage.googleapis.com/v1beta/models/gemini-2.0-flash:streamGenerateContent?alt=sse"
)

// Whole streams, one event an element.
var (
	chatEvents = []string{
		`data: {"id":"c1","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}` + "\n\n",
		`data: {"id":"c1","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"an error: 500"},"finish_reason":null}]}` + "\n\n",
		`data: {"id":"c1","object":"chat.completion.chunk","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}` + "\n\n",
		"data: [DONE]\n\n",
	}
	messageEvents = []string{
		"event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"content\":[],\"stop_reason\":null}}\n\n",
		"event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n",
		"event: ping\ndata: {\"type\":\"ping\"}\n\n",
		"event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"event: error\"}}\n\n",
		"event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n",
		"event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":3}}\n\n",
		"event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
	}
	geminiEvents = []string{
		`data: {"candidates":[{"content":{"parts":[{"text":"one"}],"role":"model"}}],"usageMetadata":{"promptTokenCount":3}}` + "\r\n\r\n",
		`data: {"candidates":[{"content":{"parts":[{"text":"two"}],"role":"model"},"finishReason":"STOP"}]}` + "\r\n\r\n",
	}
	responseEvents = []string{
		"event: response.created\ndata: {\"type\":\"response.created\",\"response\":{\"id\":\"resp_1\",\"status\":\"in_progress\",\"error\":null}}\n\n",
		"event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"delta\":\"one\"}\n\n",
		"event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{\"id\":\"resp_1\",\"status\":\"completed\",\"error\":null}}\n\n",
	}
)

// Error events of the providers.
const (
	messageError    = "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n"
	chatError       = `data: {"error":{"message":"The server had an error","type":"server_error","param":null,"code":null}}` + "\n\n"
	openRouterError = `data: {"id":"gen-1","object":"chat.completion.chunk","error":{"code":502,"message":"Provider disconnected"},"choices":[{"index":0,"delta":{"content":""},"finish_reason":"error"}]}` + "\n\n"
	geminiError     = `data: {"error":{"code":429,"message":"Out of requests.","status":"RESOURCE_EXHAUSTED"}}` + "\r\n\r\n"
	responseError   = "event: error\ndata: {\"type\":\"error\",\"code\":\"rate_limit_exceeded\",\"message\":\"Slow down\",\"param\":null}\n\n"
	responseFailed  = "event: response.failed\ndata: {\"type\":\"response.failed\",\"response\":{\"id\":\"resp_1\",\"status\":\"failed\",\"error\":{\"code\":\"server_error\",\"message\":\"Off\"}}}\n\n"
)

// A part is what a server sends at once, so long after the part before it was
// taken.
type part struct {
	after time.Duration
	text  string
}

func at(after time.Duration, text string) part { return part{after, text} }

// A pipeBody is a body of which a Read brings one part, or what is left of it.
type pipeBody struct {
	*io.PipeReader
	gone chan struct{} // closed by the first Close

	mu     sync.Mutex // guards closed
	closed int
}

func (b *pipeBody) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed++; b.closed == 1 {
		close(b.gone)
	}
	return b.PipeReader.Close()
}

// sending returns a body of parts that ends with end. With nil it stays open
// until it is closed. It is for bubbles.
func sending(end error, parts ...part) *pipeBody {
	r, w := io.Pipe()
	b := &pipeBody{PipeReader: r, gone: make(chan struct{})}
	go func() {
		for _, p := range parts {
			select {
			case <-time.After(p.after):
			case <-b.gone:
				return
			}
			if p.text == "" {
				continue
			}
			if _, err := io.WriteString(w, p.text); err != nil {
				return
			}
		}
		if end != nil {
			w.CloseWithError(end)
		}
	}()
	return b
}

// whole makes one part of each text.
func whole(texts ...string) []part {
	var all []part
	for _, s := range texts {
		all = append(all, part{text: s})
	}
	return all
}

// streaming is a base that answers once, with an event stream.
func streaming(body io.ReadCloser) http.RoundTripper {
	return roundTripperFunc(func(req *http.Request) (*http.Response, error) {
		if req.Body != nil {
			req.Body.Close()
		}
		return &http.Response{
			StatusCode: 200, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: req, ContentLength: -1,
			Header: http.Header{"Content-Type": {"text/event-stream; charset=utf-8"}}, Body: body,
		}, nil
	})
}

// post is an inference call. Those to Anthropic carry the version header.
func post(t testing.TB, url string) *http.Request {
	req := request(t, "POST", url, "{}")
	if strings.HasSuffix(url, "/messages") {
		req.Header.Set("Anthropic-Version", "2023-06-01")
	}
	return req
}

// classified sends req through a Classifier over a stream of body.
func classified(t *testing.T, req *http.Request, body io.ReadCloser) *http.Response {
	t.Helper()
	resp, err := (&steadyhttp.Classifier{Base: streaming(body)}).RoundTrip(req)
	if err != nil {
		t.Fatalf("RoundTrip: got error %v, want an answer", err)
	}
	return resp
}

// callOf is what the record says now.
func callOf(t *testing.T, ctx context.Context) steadyhttp.Call {
	t.Helper()
	call, ok := steadyhttp.FromContext(ctx)
	if !ok {
		t.Error("FromContext: got no record")
	}
	return call
}

// chunkings are the ways in which text may come.
func chunkings(text string) iter.Seq2[string, []part] {
	return func(yield func(string, []part) bool) {
		if !yield("in one piece", whole(text)) || !yield("byte by byte", whole(strings.Split(text, "")...)) {
			return
		}
		for i := 1; i < len(text); i++ {
			if !yield(fmt.Sprintf("cut at %d", i), whole(text[:i], text[i:])) {
				return
			}
		}
	}
}

func TestStreamIsHandedUpWithItsFirstEvent(t *testing.T) {
	const event = "data: abcd\n\n"
	var bytewise []part
	for _, c := range strings.Split(event, "") {
		bytewise = append(bytewise, at(10*time.Millisecond, c))
	}
	for _, row := range []struct {
		name  string
		parts []part
		end   error
		took  time.Duration
	}{
		{"an event at once", whole(event), nil, 0},
		{"an event after a while", []part{at(100*time.Millisecond, event)}, nil, 100 * time.Millisecond},
		{"an event just in time", []part{at(249*time.Millisecond, event)}, nil, 249 * time.Millisecond},
		{"an event just too late", []part{at(251*time.Millisecond, event)}, nil, 250 * time.Millisecond},
		{"byte by byte", bytewise, nil, 120 * time.Millisecond},
		{"two events in one read", whole(event + event), nil, 0},
		{"an event and a half", whole(event + event[:5]), nil, 0},
		{"half an event and then silence", whole(event[:5]), nil, 250 * time.Millisecond},
		{"all but the last byte", whole(event[:len(event)-1]), nil, 250 * time.Millisecond},
		{"newlines with carriage returns", whole("data: x\r\n\r\n"), nil, 0},
		{"carriage returns alone", whole("data: x\r\r"), nil, 0},
		{"the last newline is still to come", whole("data: x\r\n\r"), nil, 0},
		{"silence", nil, nil, 250 * time.Millisecond},
		{"a comment and then silence", whole(": processing\n\n"), nil, 250 * time.Millisecond},
		{"comments, then an event", []part{at(50*time.Millisecond, ": one\n\n"), at(50*time.Millisecond, ": two\n\n"), at(50*time.Millisecond, event)}, nil, 150 * time.Millisecond},
		{"a name without data is no event", whole("event: nothing\n\n"), nil, 250 * time.Millisecond},
		{"an event of 4 KiB", whole("data: " + strings.Repeat("x", 4<<10)), nil, 0},
		{"exactly 4 KiB of an event", whole(strings.Repeat("x", 4<<10)), nil, 0},
		{"a byte less than 4 KiB of an event", whole(strings.Repeat("x", 4<<10-1)), nil, 250 * time.Millisecond},
		{"4 KiB in small pieces", whole(slices.Repeat([]string{strings.Repeat("x", 100)}, 41)...), nil, 0},
		{"nothing at all", nil, io.EOF, 0},
		{"an end after half an event", []part{at(70*time.Millisecond, event[:5])}, io.EOF, 70 * time.Millisecond},
		{"an error after half an event", []part{at(70*time.Millisecond, event[:5])}, io.ErrClosedPipe, 70 * time.Millisecond},
	} {
		for _, rt := range []string{"a Classifier", "a Transport"} {
			t.Run(row.name+"/"+rt, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					body := sending(row.end, row.parts...)
					var w http.RoundTripper = &steadyhttp.Classifier{Base: streaming(body)}
					if rt == "a Transport" {
						w = &steadyhttp.Transport{Base: streaming(body)}
					}
					start := time.Now()
					resp, err := w.RoundTrip(chat(t))
					if err != nil {
						t.Fatal(err)
					}
					if took := time.Since(start); took != row.took {
						t.Errorf("RoundTrip took %v, want %v", took, row.took)
					}
					if err := steadyhttp.Check(resp, nil); err != nil {
						t.Errorf("Check: got %v, want nil", err)
					}
					want := ""
					for _, p := range row.parts {
						want += p.text
					}
					got := make([]byte, len(want))
					if n, err := io.ReadFull(resp.Body, got); string(got) != want || err != nil {
						t.Errorf("got %d bytes and %v, want all %d", n, err, len(want))
					}
					if row.end != nil {
						if n, err := resp.Body.Read(make([]byte, 9)); n != 0 || err != row.end {
							t.Errorf("at the end: got %d bytes and %v, want %v", n, err, row.end)
						}
					}
					resp.Body.Close()
					if body.closed != 1 {
						t.Errorf("the original was closed %d times, want 1", body.closed)
					}
				})
			})
		}
	}
}

// After the first event each Read brings what one Read of the base brought, at
// the moment when it came.
func TestNothingIsHeldBackOrRecutAfterTheFirstEvent(t *testing.T) {
	const ms = time.Millisecond
	pieces := []part{
		at(1000*ms, "data: {"), at(1*ms, "\"x\""), at(7*ms, ":1}"), at(2000*ms, "\n"), at(3*ms, "\n"), at(0, ": ping"),
		at(60*time.Second, "\n\ndata: a\n\ndata: b\n\nda"), at(5*ms, "ta: "+strings.Repeat("y", 5000)),
		at(ms, "\r"), at(ms, "\n\r\n"), at(ms, "\x00\xff\xfe"),
	}
	for _, row := range []struct {
		name  string
		first part
		seen  string // what RoundTrip has waited for
	}{
		{"after an event", at(20*ms, "data: first\n\n"), "data: first\n\n"},
		{"after 4 KiB", at(20*ms, strings.Repeat("z", 4<<10)), strings.Repeat("z", 4<<10)},
		{"after a quarter of a second", at(300*ms, "data: late\n\n"), "data: late\n\n"},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				resp := classified(t, chat(t), sending(nil, append([]part{row.first}, pieces...)...))
				defer resp.Body.Close()
				buf := make([]byte, 32<<10)
				n, err := io.ReadFull(resp.Body, buf[:len(row.seen)])
				if string(buf[:n]) != row.seen || err != nil || time.Since(start) != max(row.first.after, 20*ms) {
					t.Fatalf("first: got %d bytes and %v after %v, want %d after %v", n, err, time.Since(start), len(row.seen), row.first.after)
				}
				for i, p := range pieces {
					start := time.Now()
					n, err := resp.Body.Read(buf)
					if string(buf[:n]) != p.text || err != nil || time.Since(start) != p.after {
						t.Errorf("piece %d: got %.20q and %v after %v, want %.20q after %v", i, buf[:n], err, time.Since(start), p.text, p.after)
					}
				}
			})
		})
	}
}

// A Read that was under way when the quarter of a second was over brings what
// it brings, and no more.
func TestReadUnderWayIsNotLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		text := strings.Repeat("data: x\n\n", 2000)
		resp := classified(t, chat(t), sending(io.EOF, at(time.Second, text), at(time.Second, text)))
		if got := finish(t, resp); got != text+text {
			t.Errorf("got %d bytes, want all %d", len(got), 2*len(text))
		}
	})
}

var firstErrors = []struct {
	name, url, event string
	class            steadyhttp.Class
	provider         string
}{
	{"Anthropic", messagesURL, messageError, steadyhttp.Overloaded, "anthropic"},
	{"OpenAI", chatURL, chatError, steadyhttp.ServerError, "openai"},
	{"OpenRouter", "https://openrouter.ai/api/v1/chat/completions", openRouterError, steadyhttp.Unavailable, "openrouter"},
	{"Gemini", geminiURL, geminiError, steadyhttp.RateLimit, "google"},
	{"OpenAI's responses", responsesURL, responseError, steadyhttp.RateLimit, "openai"},
	{"OpenAI's failed response", responsesURL, responseFailed, steadyhttp.ServerError, "openai"},
}

func TestFirstEventThatIsAnError(t *testing.T) {
	for _, row := range firstErrors {
		t.Run(row.name, func(t *testing.T) {
			for _, form := range []struct{ name, text string }{
				{"as sent", row.event},
				{"newlines with carriage returns", strings.ReplaceAll(strings.ReplaceAll(row.event, "\r", ""), "\n", "\r\n")},
				{"carriage returns alone", strings.ReplaceAll(strings.ReplaceAll(row.event, "\r", ""), "\n", "\r")},
				{"after a comment", ": processing\n\n" + row.event},
				{"with an id and a retry field", "id: 7\nretry: 10\n" + row.event},
			} {
				for how, parts := range chunkings(form.text) {
					synctest.Test(t, func(t *testing.T) {
						start := time.Now()
						body := sending(nil, parts...) // and the connection stays open
						resp := classified(t, post(t, row.url), body)
						if took := time.Since(start); took != 0 {
							t.Errorf("%s, %s: took %v, want no time", form.name, how, took)
						}
						e := asError(t, resp, nil)
						if e.Class != row.class || e.Status != 200 || e.Message == "" {
							t.Errorf("%s, %s: got %v, %d, %q; want %v, 200", form.name, how, e.Class, e.Status, e.Message, row.class)
						}
						if e.Fate == steadyhttp.FateApplied {
							t.Errorf("%s, %s: got the fate %v, but nobody has had a byte", form.name, how, e.Fate)
						}
						if got := callOf(t, resp.Request.Context()).Error; got != e {
							t.Errorf("%s, %s: FromContext: got %v, want Check's verdict", form.name, how, got)
						}
						got := make([]byte, len(form.text))
						if _, err := io.ReadFull(resp.Body, got); string(got) != form.text || err != nil {
							t.Errorf("%s, %s: got %q and %v, want the stream as it was", form.name, how, got, err)
						}
						resp.Body.Close()
						if body.closed != 1 {
							t.Errorf("%s, %s: closed %d times, want 1", form.name, how, body.closed)
						}
					})
				}
			}
		})
	}
}

// The host tells whose stream it is, before the shape does.
func TestProviderOfAnErrorEvent(t *testing.T) {
	for _, row := range firstErrors {
		for _, first := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s/first event %t", row.name, first), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					before := "data: {}\n\n"
					if first {
						before = ""
					}
					resp := classified(t, post(t, row.url), sending(io.EOF, whole(before, row.event)...))
					readTo(resp.Body, 1<<10)
					resp.Body.Close()
					if e := asError(t, resp, nil); e.Provider != row.provider {
						t.Errorf("got %q, want %q", e.Provider, row.provider)
					}
				})
			})
		}
	}
}

func TestErrorBehindTheFirstEventInTheSameReadIsNotDelivered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		resp := classified(t, post(t, messagesURL), sending(nil, whole("event: ping\ndata: {\"type\":\"ping\"}\n\n"+messageError)...))
		defer resp.Body.Close()
		if e := asError(t, resp, nil); e.Class != steadyhttp.Overloaded {
			t.Errorf("got %v, want overloaded", e.Class)
		}
	})
}

// What a stranger's plain client gets is judged by Check in the same way.
func TestCheckOfAPlainStream(t *testing.T) {
	for _, row := range firstErrors {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				resp, _ := streaming(sending(nil, whole(row.event)...)).RoundTrip(post(t, row.url))
				defer resp.Body.Close()
				if e := asError(t, resp, nil); e.Class != row.class {
					t.Errorf("got %v, want %v", e.Class, row.class)
				}
				got := make([]byte, len(row.event))
				if _, err := io.ReadFull(resp.Body, got); string(got) != row.event || err != nil {
					t.Errorf("got %q and %v, want the stream as it was", got, err)
				}
			})
		})
	}
}

func TestRetryOfAFirstEventError(t *testing.T) {
	good := map[string][]string{chatURL: chatEvents, messagesURL: messageEvents, geminiURL: geminiEvents, responsesURL: responseEvents}
	for _, row := range firstErrors {
		for _, open := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/connection stays open %t", row.name, open), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					events := good[row.url]
					if events == nil {
						events = chatEvents
					}
					var end error = io.EOF
					if open {
						end = nil
					}
					bad, fine := sending(end, whole(row.event)...), sending(io.EOF, whole(events...)...)
					n := 0
					base := roundTripperFunc(func(req *http.Request) (*http.Response, error) {
						n++
						if n == 1 {
							return streaming(bad).RoundTrip(req)
						}
						return streaming(fine).RoundTrip(req)
					})
					ctx := steadyhttp.WithCall(t.Context())
					resp, err := (&steadyhttp.Transport{Base: base, Retrier: &steadyhttp.Retrier{BackOff: noWait}}).RoundTrip(post(t, row.url).WithContext(ctx))
					if err != nil {
						t.Fatal(err)
					}
					if got := finish(t, resp); got != strings.Join(events, "") || n != 2 {
						t.Errorf("got %d requests and %q, want 2 and only the good stream", n, got)
					}
					call := callOf(t, ctx)
					if call.Attempts != 2 || call.Error != nil || len(call.RetriedClasses) != 1 || call.RetriedClasses[0] != row.class {
						t.Errorf("got %+v, want 2 attempts, the first of them %v", call, row.class)
					}
					if bad.closed != 1 || fine.closed != 1 {
						t.Errorf("bodies were closed %d and %d times, want once each", bad.closed, fine.closed)
					}
				})
			})
		}
	}
}

// What a server leaves open after its error must not delay the repeat.
func TestRepeatDoesNotWaitForTheRestOfAStream(t *testing.T) {
	for _, row := range []struct {
		name      string
		retrier   *steadyhttp.Retrier
		throttler *steadyhttp.Throttler
	}{
		{"nothing else", &steadyhttp.Retrier{BackOff: noWait}, nil},
		{"limited concurrency", &steadyhttp.Retrier{BackOff: noWait}, &steadyhttp.Throttler{MaxConcurrent: 1}},
		{"an AttemptTimeout", &steadyhttp.Retrier{BackOff: noWait, AttemptTimeout: time.Minute}, nil},
		{"a StallTimeout", &steadyhttp.Retrier{BackOff: noWait, StallTimeout: time.Minute}, nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				bodies := []io.ReadCloser{sending(nil, whole(chatError)...), sending(io.EOF, whole(chatEvents...)...)}
				n := 0
				rt := &steadyhttp.Transport{Retrier: row.retrier, Throttler: row.throttler}
				rt.Base = roundTripperFunc(func(req *http.Request) (*http.Response, error) {
					n++
					return streaming(bodies[n-1]).RoundTrip(req)
				})
				start := time.Now()
				resp, err := rt.RoundTrip(chat(t))
				if err != nil {
					t.Fatal(err)
				}
				if took := time.Since(start); took > 250*time.Millisecond || n != 2 {
					t.Errorf("got %d requests after %v, want 2 within a quarter of a second", n, took)
				}
				finish(t, resp)
			})
		})
	}
}

// The last real answer says more than our silence, as for other failures.
func TestFirstEventErrorIsKeptForTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		base := roundTripperFunc(func(req *http.Request) (*http.Response, error) {
			if n++; n == 1 {
				return streaming(sending(io.EOF, whole(chatError)...)).RoundTrip(req)
			}
			req.Body.Close()
			<-req.Context().Done()
			return nil, req.Context().Err()
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		resp, err := (&steadyhttp.Transport{Base: base, Retrier: &steadyhttp.Retrier{BackOff: noWait}}).RoundTrip(chat(t).WithContext(ctx))
		if err != nil {
			t.Fatalf("got %v, want the answer of the first attempt", err)
		}
		if got := finish(t, resp); got != chatError {
			t.Errorf("got %q, want %q", got, chatError)
		}
	})
}

func TestFirstEventErrorsThatNoRepeatCures(t *testing.T) {
	for name, event := range map[string]string{
		"quota":  `data: {"error":{"message":"No money","type":"insufficient_quota","code":"insufficient_quota"}}` + "\n\n",
		"prompt": `data: {"error":{"message":"Too long","type":"invalid_request_error","code":"context_length_exceeded"}}` + "\n\n",
	} {
		synctest.Test(t, func(t *testing.T) {
			n := 0
			base := roundTripperFunc(func(req *http.Request) (*http.Response, error) {
				n++
				return streaming(sending(io.EOF, whole(event)...)).RoundTrip(req)
			})
			resp, err := (&steadyhttp.Transport{Base: base}).RoundTrip(chat(t))
			if err != nil {
				t.Fatal(err)
			}
			if got := finish(t, resp); got != event || n != 1 {
				t.Errorf("%s: got %d requests and %q, want 1 and the stream as it was", name, n, got)
			}
		})
	}
}

// readTo reads to the end, whatever it is.
func readTo(body io.Reader, size int) (string, error) {
	var all bytes.Buffer
	buf := make([]byte, size)
	for {
		n, err := body.Read(buf)
		all.Write(buf[:n])
		if err != nil {
			return all.String(), err
		}
	}
}

func TestLaterErrorEventReachesTheReader(t *testing.T) {
	for _, row := range []struct {
		name, url string
		before    []string
		event     string
		after     string
		class     steadyhttp.Class
	}{
		{"Anthropic", messagesURL, messageEvents[:4], messageError, "", steadyhttp.Overloaded},
		{"OpenAI", chatURL, chatEvents[:2], chatError, "", steadyhttp.ServerError},
		{"OpenAI, then its end", chatURL, chatEvents[:2], chatError, "data: [DONE]\n\n", steadyhttp.ServerError},
		{"OpenRouter", "https://openrouter.ai/api/v1/chat/completions", chatEvents[:2], openRouterError, "data: [DONE]\n\n", steadyhttp.Unavailable},
		{"Gemini", geminiURL, geminiEvents[:1], geminiError, "", steadyhttp.RateLimit},
		{"OpenAI's responses", responsesURL, responseEvents[:2], responseError, "", steadyhttp.RateLimit},
		{"OpenAI's failed response", responsesURL, responseEvents[:2], responseFailed, "", steadyhttp.ServerError},
		{"two of them: the first counts", messagesURL, messageEvents[:1], messageError, "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"api_error\",\"message\":\"Off\"}}\n\n", steadyhttp.Overloaded},
		{"after the finish reason", chatURL, chatEvents[:3], chatError, "", steadyhttp.ServerError},
	} {
		t.Run(row.name, func(t *testing.T) {
			for how, parts := range chunkings(row.event + row.after) {
				for _, size := range []int{1, 7, 4 << 10} {
					if size < 4<<10 && how != "in one piece" && how != "byte by byte" {
						continue
					}
					synctest.Test(t, func(t *testing.T) {
						ctx := steadyhttp.WithCall(t.Context())
						resp := classified(t, post(t, row.url).WithContext(ctx), sending(io.EOF, append(whole(row.before...), parts...)...))
						if err := steadyhttp.Check(resp, nil); err != nil {
							t.Errorf("%s: Check before reading: got %v, want nil", how, err)
						}
						if e := callOf(t, ctx).Error; e != nil {
							t.Errorf("%s: FromContext before reading: got %v, want no error", how, e)
						}
						want := strings.Join(row.before, "") + row.event + row.after
						got, err := readTo(resp.Body, size)
						if got != want {
							t.Errorf("%s: got %q, want %q", how, got, want)
						}
						var e *steadyhttp.Error
						if !errors.As(err, &e) || e.Class != row.class || e.Fate != steadyhttp.FateApplied {
							t.Fatalf("%s: reader got %#v, want an *Error of %v and the fate applied", how, err, row.class)
						}
						if n, again := resp.Body.Read(make([]byte, 1)); n != 0 || again != err {
							t.Errorf("%s: a further Read: got %d, %v; want the same error", how, n, again)
						}
						if call := callOf(t, ctx); call.Error != e {
							t.Errorf("%s: FromContext: got %v, want the reader's error", how, call.Error)
						}
						if checked := steadyhttp.Check(resp, nil); checked != err {
							t.Errorf("%s: Check after reading: got %v, want the reader's error", how, checked)
						}
						resp.Body.Close()
					})
				}
			}
		})
	}
}

func join(events ...string) string { return strings.Join(events, "") }

func TestTruncatedStreams(t *testing.T) {
	long := strings.Repeat("x", 200<<10)
	top := strings.TrimSuffix(strings.Repeat(`{"token":"a","logprob":-1,"bytes":[97,98,99,100]},`, 20), ",")
	logprobs := strings.TrimSuffix(strings.Repeat(`{"token":"a","logprob":-1,"bytes":[97,98,99,100],"top_logprobs":[`+top+`]},`, 10), ",")
	for _, row := range []struct {
		name, url, stream string
		cut               bool
	}{
		{"OpenAI: whole", chatURL, join(chatEvents...), false},
		{"OpenAI: no [DONE] after the finish reason", chatURL, join(chatEvents[:3]...), false},
		{"OpenAI: usage after the finish reason, no [DONE]", chatURL, join(chatEvents[:3]...) + "data: {\"id\":\"c1\",\"choices\":[],\"usage\":{\"total_tokens\":3}}\n\n", false},
		{"OpenAI: [DONE] without a finish reason", chatURL, join(chatEvents[0], chatEvents[1], chatEvents[3]), false},
		{"OpenAI: [DONE] without a blank", chatURL, join(chatEvents[:2]...) + "data:[DONE]\n\n", false},
		{"OpenAI: neither", chatURL, join(chatEvents[:2]...), true},
		{"OpenAI: an empty finish reason is none", chatURL, `data: {"choices":[{"delta":{"content":"a"},"finish_reason":""}]}` + "\n\n", true},
		{"OpenAI: finished by a tool call", chatURL, `data: {"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\"error\":"}}]},"finish_reason":null}]}` + "\n\n" + `data: {"choices":[{"delta":{},"finish_reason":"tool_calls"}]}` + "\n\n", false},
		{"OpenAI: only the second choice has finished", chatURL, `data: {"choices":[{"index":0,"delta":{},"finish_reason":null},{"index":1,"delta":{},"finish_reason":"length"}]}` + "\n\n", false},
		{"OpenAI: old completions", "https://api.openai.com/v1/completions", `data: {"object":"text_completion","choices":[{"text":"a","finish_reason":"stop"}]}` + "\n\n", false},
		{"OpenAI: many probabilities before the finish reason", chatURL,
			`data: {"id":"c1","choices":[{"index":0,"delta":{"content":"a"},"logprobs":{"content":[` + logprobs + `]},"finish_reason":"stop"}]}` + "\n\n", false},
		{"OpenAI: half an event", chatURL, join(chatEvents[:2]...) + `data: {"choices":[{"delta":{"cont`, true},
		{"Azure: the filter's results come first", "https://mine.openai.azure.com/openai/deployments/g/chat/completions",
			`data: {"choices":[],"created":0,"id":"","model":"","object":"","prompt_filter_results":[{"prompt_index":0,"content_filter_results":{"hate":{"filtered":false,"severity":"safe"}}}]}` + "\n\n" + join(chatEvents...), false},
		{"Azure: the filter's own error is none of the stream's", "https://mine.openai.azure.com/openai/deployments/g/chat/completions",
			`data: {"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":null,"content_filter_results":{"error":{"code":"content_filter_error","message":"The contents are not filtered"}}}]}` + "\n\n" + join(chatEvents[2:]...), false},
		{"Azure: the filter's results and nothing else", "https://mine.openai.azure.com/openai/deployments/g/chat/completions",
			`data: {"choices":[],"prompt_filter_results":[]}` + "\n\n", true},
		{"Anthropic: whole", messagesURL, join(messageEvents...), false},
		{"Anthropic: a ping after the end", messagesURL, join(messageEvents...) + messageEvents[2], false},
		{"Anthropic: pings alone", messagesURL, strings.Repeat(messageEvents[2], 3), false},
		{"Anthropic: no message_stop", messagesURL, join(messageEvents[:6]...), true},
		{"Anthropic: the start alone", messagesURL, messageEvents[0], true},
		{"Anthropic: half of message_stop", messagesURL, join(messageEvents[:6]...) + messageEvents[6][:15], true},
		{"Gemini: whole", geminiURL, join(geminiEvents...), false},
		{"Gemini: no finish reason", geminiURL, geminiEvents[0], true},
		{"Gemini: usage after the finish reason", geminiURL, join(geminiEvents...) + "data: {\"usageMetadata\":{\"totalTokenCount\":9}}\r\n\r\n", false},
		{"responses: whole", responsesURL, join(responseEvents...), false},
		{"responses: not completed", responsesURL, join(responseEvents[:2]...), true},
		{"responses: incomplete is an end", responsesURL, join(responseEvents[:2]...) + "event: response.incomplete\ndata: {\"type\":\"response.incomplete\",\"response\":{\"status\":\"incomplete\"}}\n\n", false},
		{"responses: 200 KB in the last event", responsesURL, join(responseEvents[:2]...) +
			"event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{\"id\":\"r\",\"error\":null,\"output\":\"" + long + "\"}}\n\n", false},
		{"responses: 200 KB in the last event, without its name", responsesURL, join(responseEvents[:2]...) +
			"data: {\"type\":\"response.completed\",\"response\":{\"output\":\"" + long + "\"}}\n\n", false},
		{"responses: 200 KB in the first event", responsesURL,
			"event: response.created\ndata: {\"type\":\"response.created\",\"response\":{\"instructions\":\"" + long + "\"}}\n\n" + join(responseEvents[1:]...), false},
		{"responses: 200 KB in the first event, and no last one", responsesURL,
			"event: response.created\ndata: {\"type\":\"response.created\",\"response\":{\"instructions\":\"" + long + "\"}}\n\n" + responseEvents[1], true},
		{"Cohere: whole", "https://api.cohere.com/v2/chat", "event: message-start\ndata: {\"type\":\"message-start\"}\n\nevent: message-end\ndata: {\"type\":\"message-end\"}\n\n", false},
		{"Cohere: cut", "https://api.cohere.com/v2/chat", "event: message-start\ndata: {\"type\":\"message-start\"}\n\n", true},
		{"pictures, whose stream promises no end", "https://api.openai.com/v1/images/generations", "event: image_generation.partial_image\ndata: {\"type\":\"image_generation.partial_image\",\"b64_json\":\"QUJD\"}\n\n", false},
		{"a dialect that nobody knows", chatURL, "data: one\n\ndata: two\n\n", false},
		{"nothing at all", chatURL, "", false},
		{"comments alone", chatURL, ": a\n\n: b\n\n", false},
		{"an answer that talks about errors", chatURL, `data: {"choices":[{"delta":{"content":"{\"error\":{\"message\":\"no\",\"code\":500}}"},"finish_reason":"stop"}],"error":null}` + "\n\n", false},
	} {
		t.Run(row.name, func(t *testing.T) {
			truncated(t, row.url, row.stream, row.cut)
		})
	}
}

// truncated checks that reading stream ends with the alarm, or does not.
func truncated(t *testing.T, url, stream string, cut bool) {
	t.Helper()
	for _, size := range []int{1, 100, 1 << 20} {
		if size == 1 && len(stream) > 64<<10 {
			continue
		}
		ctx := steadyhttp.WithCall(t.Context())
		resp := classified(t, post(t, url).WithContext(ctx), io.NopCloser(&choppy{rest: []byte(stream), cuts: []int{size}}))
		if err := steadyhttp.Check(resp, nil); err != nil {
			t.Errorf("by %d: Check before reading: got %v, want nil", size, err)
		}
		got, err := readTo(resp.Body, 32<<10)
		if got != stream {
			t.Errorf("by %d: got %d bytes, want all %d as they were", size, len(got), len(stream))
		}
		call := callOf(t, ctx)
		if !cut {
			if err != io.EOF || call.Error != nil {
				t.Errorf("by %d: got %v, and %v on record; want io.EOF and no error", size, err, call.Error)
			}
			continue
		}
		var e *steadyhttp.Error
		if !errors.As(err, &e) || !errors.Is(err, io.ErrUnexpectedEOF) || e.Class != steadyhttp.Connection || e.Fate != steadyhttp.FateApplied {
			t.Errorf("by %d: got %#v, want an *Error around io.ErrUnexpectedEOF", size, err)
		}
		if call.Error != e || steadyhttp.Check(resp, nil) != err {
			t.Errorf("by %d: got %v on record, want the reader's error", size, call.Error)
		}
	}
}

// A choppy reader gives so many bytes at a time, cuts over and over.
type choppy struct {
	rest []byte
	cuts []int
	n    int
}

func (c *choppy) Read(p []byte) (int, error) {
	if len(c.rest) == 0 {
		return 0, io.EOF
	}
	size := 1
	if len(c.cuts) > 0 {
		size = max(1, c.cuts[c.n%len(c.cuts)])
	}
	c.n++
	n := copy(p, c.rest[:min(size, len(c.rest))])
	c.rest = c.rest[n:]
	return n, nil
}

// A stream that lacks only its last newline is whole.
func TestLastEventWithoutItsBlankLine(t *testing.T) {
	for _, row := range []struct{ name, url, stream string }{
		{"OpenAI", chatURL, join(chatEvents[:2]...) + "data: [DONE]\n"},
		{"OpenAI, not even a newline", chatURL, join(chatEvents[:2]...) + "data: [DONE]"},
		{"Anthropic", messagesURL, join(messageEvents[:6]...) + strings.TrimSuffix(messageEvents[6], "\n")},
		{"Gemini", geminiURL, strings.TrimSuffix(join(geminiEvents...), "\r\n")},
	} {
		t.Run(row.name, func(t *testing.T) { truncated(t, row.url, row.stream, false) })
	}
}

func TestErrorEventWithoutItsBlankLine(t *testing.T) {
	resp := classified(t, chat(t), io.NopCloser(strings.NewReader(strings.TrimSuffix(chatError, "\n"))))
	defer resp.Body.Close()
	_, err := io.ReadAll(resp.Body)
	if steadyhttp.Check(resp, nil) == nil && err == nil {
		t.Error("got no error anywhere, want that of the only event")
	}
}

func TestByteOrderMarkBeforeTheFirstEvent(t *testing.T) {
	resp := classified(t, chat(t), io.NopCloser(strings.NewReader("\ufeff"+chatError)))
	defer resp.Body.Close()
	if steadyhttp.Check(resp, nil) == nil {
		t.Error("got no error, want that of the first event: the standard drops the mark")
	}
}

// However it is read.
func TestByteOrderMarkBeforeAStreamThatIsCutShort(t *testing.T) {
	for _, size := range []int{1, 2, 3, 4, 1 << 10} {
		resp := classified(t, chat(t), io.NopCloser(strings.NewReader("\ufeff"+chatEvents[0])))
		if got, err := readTo(resp.Body, size); got != "\ufeff"+chatEvents[0] || !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("by %d: got %d bytes and %v, want all and the alarm", size, len(got), err)
		}
	}
}

// What an event of a size that is not kept whole holds behind what is kept is
// unknown, so it cannot prove that a stream was cut.
func TestLongLastEventIsNoTruncation(t *testing.T) {
	long := strings.Repeat("QUJD", 5<<10)
	for _, row := range []struct{ name, url, stream string }{
		{"Gemini: a picture and the finish reason", geminiURL, geminiEvents[0] + `data: {"candidates":[{"content":{"parts":[{"inlineData":{"mimeType":"image/png","data":"` + long + `"}}],"role":"model"},"finishReason":"STOP"}]}` + "\r\n\r\n"},
		{"Gemini: and the usage after it", geminiURL, `data: {"candidates":[{"content":{"parts":[{"inlineData":{"mimeType":"image/png","data":"` + long + `"}}],"role":"model"},"finishReason":"STOP"}]}` + "\r\n\r\ndata: {\"usageMetadata\":{\"totalTokenCount\":9}}\r\n\r\n"},
		{"OpenAI: and the usage after it", chatURL, `data: {"choices":[{"index":0,"delta":{"content":"` + long + `"},"finish_reason":"stop"}]}` + "\n\n" + `data: {"choices":[],"usage":{"total_tokens":9}}` + "\n\n"},
		{"responses: and no blank line", responsesURL, responseEvents[0] + "event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{\"output\":\"" + long + "\"}}\n"},
		{"OpenAI: all the text and the finish reason", chatURL, `data: {"choices":[{"index":0,"delta":{"content":"` + long + `"},"finish_reason":"stop"}]}` + "\n\n"},
	} {
		t.Run(row.name, func(t *testing.T) { truncated(t, row.url, row.stream, false) })
	}
}

func TestStreamsThatAreNobodysToInterpret(t *testing.T) {
	for _, row := range []struct {
		name, method, url, contentType string
		status                         int
	}{
		{"another path", "POST", "https://api.example/v1/orders", "text/event-stream", 200},
		{"a GET", "GET", chatURL, "text/event-stream", 200},
		{"another status", "POST", chatURL, "text/event-stream", 202},
		{"a part", "POST", chatURL, "text/event-stream", 206},
		{"not an event stream", "POST", chatURL, "application/x-ndjson", 200},
		{"no content type", "POST", chatURL, "", 200},
		{"a message to a person", "POST", "https://chat.example/v1/messages", "text/event-stream", 200},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				body := sending(io.EOF, at(time.Hour, chatError), at(0, chatEvents[0]))
				base := roundTripperFunc(func(req *http.Request) (*http.Response, error) {
					return &http.Response{StatusCode: row.status, Header: http.Header{"Content-Type": {row.contentType}}, Body: body, ContentLength: -1, Request: req}, nil
				})
				start := time.Now()
				resp, err := (&steadyhttp.Transport{Base: base}).RoundTrip(request(t, row.method, row.url, ""))
				if err != nil || time.Since(start) != 0 {
					t.Errorf("got %v after %v, want no wait", err, time.Since(start))
				}
				if resp.Body != body {
					t.Errorf("got the body wrapped in a %T", resp.Body)
				}
				if got := finish(t, resp); got != chatError+chatEvents[0] {
					t.Errorf("got %q, want the stream as it was", got)
				}
			})
		})
	}
}

func TestContentTypesOfAStream(t *testing.T) {
	for _, ct := range []string{"text/event-stream", "text/event-stream;charset=UTF-8", "Text/Event-Stream", "text/event-stream; charset=utf-8;"} {
		base := roundTripperFunc(func(req *http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {ct}}, Body: io.NopCloser(strings.NewReader(chatError)), ContentLength: -1}, nil
		})
		resp, err := (&steadyhttp.Classifier{Base: base}).RoundTrip(chat(t))
		if e := asError(t, resp, err); e.Class != steadyhttp.ServerError {
			t.Errorf("%s: got %v, want server_error", ct, e.Class)
		}
	}
}

// A caller who asks for a compression himself gets his bytes, and no alarm.
func TestCompressedStream(t *testing.T) {
	for _, text := range []string{join(chatEvents...), chatEvents[0], chatError} {
		packed := gzipped(text)
		base := roundTripperFunc(func(req *http.Request) (*http.Response, error) {
			h := http.Header{"Content-Type": {"text/event-stream"}, "Content-Encoding": {"gzip"}}
			return &http.Response{StatusCode: 200, Header: h, Body: io.NopCloser(strings.NewReader(packed)), ContentLength: -1, Request: req}, nil
		})
		resp, err := (&steadyhttp.Classifier{Base: base}).RoundTrip(chat(t))
		if err != nil {
			t.Fatal(err)
		}
		if got := finish(t, resp); got != packed {
			t.Errorf("got %d bytes, want all %d as sent", len(got), len(packed))
		}
	}
}

func TestCloseBeforeTheEndRaisesNoAlarm(t *testing.T) {
	for _, row := range []struct {
		name string
		read int
	}{{"nothing read", 0}, {"some bytes", 9}, {"the first event", len(chatEvents[0])}, {"two events", len(chatEvents[0] + chatEvents[1])}} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx := steadyhttp.WithCall(t.Context())
				body := sending(nil, whole(chatEvents[:2]...)...)
				resp := classified(t, chat(t).WithContext(ctx), body)
				io.ReadFull(resp.Body, make([]byte, row.read))
				if err := resp.Body.Close(); err != nil {
					t.Errorf("Close: got %v", err)
				}
				if _, err := readTo(resp.Body, 10); err != io.ErrClosedPipe {
					t.Errorf("Read after Close: got %v, want the original's own error", err)
				}
				if e := callOf(t, ctx).Error; e != nil || steadyhttp.Check(resp, nil) != nil {
					t.Errorf("got %v on record, want no error", e)
				}
				if body.closed != 1 {
					t.Errorf("closed %d times, want 1", body.closed)
				}
			})
		})
	}
}

// Close may come from another goroutine, while a Read waits.
func TestCloseEndsAReadUnderWay(t *testing.T) {
	for _, row := range []struct {
		name  string
		first []part
	}{{"after the first event", whole(chatEvents[0])}, {"in silence", nil}} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				resp := classified(t, chat(t), sending(nil, row.first...))
				time.AfterFunc(time.Minute, func() { resp.Body.Close() })
				start := time.Now()
				if _, err := readTo(resp.Body, 1<<10); err != io.ErrClosedPipe || time.Since(start) != time.Minute {
					t.Errorf("got %v after %v, want the original's error after a minute", err, time.Since(start))
				}
			})
		})
	}
}

func TestErrorsOfTheBaseComeUpUnchanged(t *testing.T) {
	broken := errors.New("line cut")
	for _, end := range []error{context.Canceled, context.DeadlineExceeded, io.ErrUnexpectedEOF, broken} {
		for _, row := range []struct {
			name   string
			stream []string
		}{{"at once", nil}, {"in the middle", chatEvents[:2]}, {"after the end", chatEvents}, {"after an error event", []string{chatEvents[0], chatError}}} {
			t.Run(fmt.Sprintf("%v/%s", end, row.name), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					resp := classified(t, chat(t), sending(end, whole(row.stream...)...))
					defer resp.Body.Close()
					if got, err := readTo(resp.Body, 1<<10); got != join(row.stream...) || err != end {
						t.Errorf("got %d bytes and %v, want %d and the base's own error", len(got), err, len(join(row.stream...)))
					}
				})
			})
		}
	}
}

func TestCancellationWhileTheFirstEventIsAwaited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		r, w := io.Pipe()
		context.AfterFunc(ctx, func() { w.CloseWithError(ctx.Err()) }) // as net/http does
		time.AfterFunc(100*time.Millisecond, cancel)
		start := time.Now()
		resp, err := (&steadyhttp.Transport{Base: streaming(r)}).RoundTrip(chat(t).WithContext(ctx))
		if took := time.Since(start); took != 100*time.Millisecond {
			t.Errorf("took %v, want 100ms", took)
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, err := readTo(resp.Body, 10); err != context.Canceled {
			t.Errorf("got %v, want the context's own error", err)
		}
		resp.Body.Close()
	})
}

// The record is for one call. A stream of an earlier one that is still being
// read must not write into it.
func TestStreamOfAnEarlierCallLeavesTheRecordAlone(t *testing.T) {
	for name, tail := range map[string]string{"an error event": chatError, "cut short": ""} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx := steadyhttp.WithCall(t.Context())
				usage := `data: {"choices":[],"usage":{"prompt_tokens":70,"completion_tokens":30,"total_tokens":100}}` + "\n\n"
				old := classified(t, chat(t).WithContext(ctx), sending(io.EOF, whole(chatEvents[0], usage, tail)...))
				next := &steadyhttp.Classifier{Base: playing(reply{status: 200, body: `{"choices":[]}`})}
				resp, err := next.RoundTrip(chat(t).WithContext(ctx))
				if err != nil {
					t.Fatal(err)
				}
				if _, err := readTo(old.Body, 1<<10); err == io.EOF {
					t.Error("the old stream: got io.EOF, want its error")
				}
				old.Body.Close()
				if call := callOf(t, ctx); call.Error != nil || call.InputTokens != 0 || call.OutputTokens != 0 {
					t.Errorf("FromContext after the second call, which succeeded: got %v, %d and %d tokens; want no error and no tokens", call.Error, call.InputTokens, call.OutputTokens)
				}
				if err := steadyhttp.Check(resp, nil); err != nil {
					t.Errorf("Check of the second answer: got %v, want nil", err)
				}
				finish(t, resp)
			})
		})
	}
}

// The record of a stream that failed must not follow a request that is made
// from the same context, or from that of its answer.
func TestVerdictOfAStreamDoesNotStick(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		resp := classified(t, chat(t), sending(io.EOF, whole(chatEvents[0], chatError)...))
		readTo(resp.Body, 1<<10)
		asError(t, resp, nil)
		rt := &steadyhttp.Transport{Base: streaming(sending(io.EOF, whole(chatEvents...)...))}
		again, err := rt.RoundTrip(chat(t).WithContext(resp.Request.Context()))
		if err != nil {
			t.Fatal(err)
		}
		if err := steadyhttp.Check(again, nil); err != nil {
			t.Errorf("got %v, want nil", err)
		}
		if got := finish(t, again); got != join(chatEvents...) {
			t.Errorf("got %q", got)
		}
		if call := callOf(t, again.Request.Context()); call.Error != nil || call.Attempts != 1 {
			t.Errorf("got %+v, want one attempt without an error", call)
		}
	})
}

// The entry of a stream is written at its end, and tells the same as the record.
func TestLoggerAndTheStreamThatFailed(t *testing.T) {
	for _, row := range []struct {
		name   string
		stream []string
		level  zapcore.Level
		text   string
	}{
		{"in the middle", []string{chatEvents[0], chatError}, zapcore.ErrorLevel, "call failed"},
		{"cut short", chatEvents[:2], zapcore.ErrorLevel, "call failed"},
		{"at its first event", []string{chatError}, zapcore.ErrorLevel, "call failed"},
		{"not at all", chatEvents, zapcore.DebugLevel, "call succeeded"},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				core, logs := observer.New(zapcore.DebugLevel)
				rt := &steadyhttp.Transport{
					Base:    streaming(sending(io.EOF, whole(row.stream...)...)),
					Logger:  &steadyhttp.Logger{Zap: zap.New(core)},
					Retrier: &steadyhttp.Retrier{MaxAttempts: 1},
				}
				resp, err := rt.RoundTrip(chat(t))
				if err != nil {
					t.Fatal(err)
				}
				if row.name != "at its first event" && logs.Len() != 0 {
					t.Errorf("before the end: got %v, want no entry", logs.All())
				}
				_, end := readTo(resp.Body, 1<<10)
				resp.Body.Close()
				entries := logs.All()
				if len(entries) != 1 || entries[0].Level != row.level || entries[0].Message != row.text {
					t.Errorf("got %v, want one entry, %v %q", entries, row.level, row.text)
				}
				if row.level == zapcore.DebugLevel {
					if end != io.EOF || steadyhttp.Check(resp, nil) != nil {
						t.Errorf("reader got %v and Check says %v, want no error", end, steadyhttp.Check(resp, nil))
					}
					return
				}
				e := callOf(t, resp.Request.Context()).Error
				if e == nil || steadyhttp.Check(resp, nil) != error(e) {
					t.Errorf("FromContext: got %v, want the verdict that Check gives", e)
				}
				if row.name != "at its first event" && end != error(e) {
					t.Errorf("reader got %v, want the verdict", end)
				}
				if got := entries[0].ContextMap()["error.type"]; got != e.Class.String() {
					t.Errorf("the entry says %v, want %v", got, e.Class)
				}
			})
		})
	}
}

// An outer Classifier has nothing to add to what an inner one looked at.
func TestTwoClassifiersOverAStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rt := &steadyhttp.Classifier{Base: &steadyhttp.Classifier{Base: streaming(sending(io.EOF, whole(append(chatEvents[:1:1], chatError)...)...))}}
		resp, err := rt.RoundTrip(chat(t))
		if err != nil {
			t.Fatal(err)
		}
		got, err := readTo(resp.Body, 1<<10)
		if e := asError(t, resp, nil); got != chatEvents[0]+chatError || !errors.Is(err, e) && err.Error() != e.Error() {
			t.Errorf("got %q and %v, want the whole stream and the verdict %v", got, err, e)
		}
		resp.Body.Close()
	})
}

func TestSilenceUnderTwoClassifiersIsAwaitedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rt := &steadyhttp.Classifier{Base: &steadyhttp.Classifier{Base: streaming(sending(nil))}}
		start := time.Now()
		resp, err := rt.RoundTrip(chat(t))
		if err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took != 250*time.Millisecond {
			t.Errorf("took %v, want 250ms", took)
		}
		resp.Body.Close()
	})
}

// A Retrier's word that an attempt was good does not stand for a Classifier's.
func TestClassifierOutsideARetrierLooksAtTheLastAttempt(t *testing.T) {
	for _, row := range []struct {
		name string
		good func() http.RoundTripper
	}{
		{"an error inside a success", func() http.RoundTripper { return playing(reply{status: 200, body: errorInside}) }},
		{"a stream that begins with an error", func() http.RoundTripper { return streaming(io.NopCloser(strings.NewReader(chatError))) }},
		{"a stream that is cut short", func() http.RoundTripper { return streaming(io.NopCloser(strings.NewReader(chatEvents[0]))) }},
	} {
		for _, first := range []int{0, 503} { // 0 is no failure before
			t.Run(fmt.Sprintf("%s/after %d", row.name, first), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					n, good := 0, row.good()
					base := roundTripperFunc(func(req *http.Request) (*http.Response, error) {
						if n++; n == 1 && first != 0 {
							return playing(reply{status: first}).RoundTrip(req)
						}
						return good.RoundTrip(req)
					})
					rt := &steadyhttp.Classifier{Base: &steadyhttp.Retrier{Base: base, BackOff: noWait}}
					resp, err := rt.RoundTrip(chat(t))
					if err != nil {
						t.Fatal(err)
					}
					readTo(resp.Body, 1<<10)
					if call, ok := steadyhttp.FromContext(resp.Request.Context()); !ok || call.Error == nil {
						t.Errorf("FromContext: got %+v, %t; want the error", call, ok)
					}
					if steadyhttp.Check(resp, nil) == nil {
						t.Error("Check: got nil, want the error")
					}
					resp.Body.Close()
				})
			})
		}
	}
}

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
				resp, err := steady(srv).Do(post(t, srv.URL+row.path))
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
		client := steady(srv)
		client.Transport.(*steadyhttp.Transport).Retrier = &steadyhttp.Retrier{AttemptTimeout: timeout}
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
	resp, err := steady(srv).Do(post(t, srv.URL+"/v1/chat/completions").WithContext(ctx))
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

func TestBrokenStreamIsOnRecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := steadyhttp.WithCall(t.Context())
		resp := classified(t, chat(t).WithContext(ctx), sending(io.ErrUnexpectedEOF, whole(chatEvents[:2]...)...))
		defer resp.Body.Close()
		if _, err := readTo(resp.Body, 1<<10); err != io.ErrUnexpectedEOF {
			t.Errorf("reader got %v, want the base's own error", err)
		}
		if e := callOf(t, ctx).Error; e == nil || e.Class != steadyhttp.Connection {
			t.Errorf("FromContext: got %v, want the error that cut the stream", e)
		}
	})
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

// Whatever a server sends, the reader gets the same bytes, and an error only
// at their end. How it was cut does not change what is found.
func FuzzStreamBody(f *testing.F) {
	for _, events := range [][]string{chatEvents, messageEvents, geminiEvents, responseEvents, chatEvents[:1], {messageEvents[0], messageError}, {geminiError}, {chatError}, {openRouterError}} {
		f.Add([]byte(join(events...)), []byte{1, 100, 3}, uint8(len(events)))
	}
	f.Add([]byte("data: x\r\n\r"), []byte{1}, uint8(0))
	f.Add([]byte("\xef\xbb\xbfdata: \x00\xff\n\n"), []byte{0, 200}, uint8(1))
	urls := []string{chatURL, messagesURL, geminiURL, responsesURL}
	f.Fuzz(func(t *testing.T, stream, cuts []byte, which uint8) {
		if len(stream) > 64<<10 {
			return
		}
		var sizes []int
		for _, c := range cuts {
			sizes = append(sizes, int(c))
		}
		var verdicts []string
		for _, how := range [][]int{sizes, {1 << 20}, {1}} {
			req := post(t, urls[int(which)%len(urls)])
			resp := classified(t, req, io.NopCloser(&choppy{rest: stream, cuts: how}))
			found := steadyhttp.Check(resp, nil)
			first := found != nil
			var got []byte
			buf := make([]byte, 1+int(which))
			var err error
			for err == nil {
				var n int
				n, err = resp.Body.Read(buf)
				got = append(got, buf[:n]...)
			}
			if !bytes.Equal(got, stream) {
				t.Fatalf("cut by %v: got %q, want %q", how, got, stream)
			}
			var e *steadyhttp.Error
			if err != io.EOF {
				if !errors.As(err, &e) || first {
					t.Fatalf("cut by %v: got %v at the end, after the verdict %v", how, err, found)
				}
				found = err
			}
			if checked := steadyhttp.Check(resp, nil); checked != found {
				t.Fatalf("cut by %v: Check says %v, want %v", how, checked, found)
			}
			verdict := ""
			if errors.As(found, &e) {
				checkText(t, e)
				verdict = e.Error()
			}
			verdicts = append(verdicts, verdict)
			resp.Body.Close()
		}
		if verdicts[0] != verdicts[1] || verdicts[0] != verdicts[2] {
			t.Errorf("got %q for three ways to cut it, want the same", verdicts)
		}
	})
}
