package steadyhttp_test

import (
	"context"
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

func TestStreamIsHandedUpWithItsFirstOutput(t *testing.T) {
	const event = "data: abcd\n\n"
	const hold = 2 * time.Second
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
		{"an event just in time", []part{at(1999*time.Millisecond, event)}, nil, 1999 * time.Millisecond},
		{"an event just too late", []part{at(2001*time.Millisecond, event)}, nil, hold},
		{"byte by byte, and its line is enough", bytewise, nil, 110 * time.Millisecond},
		{"two events in one read", whole(event + event), nil, 0},
		{"an event and a half", whole(event + event[:5]), nil, 0},
		{"half an event and then silence", whole(event[:5]), nil, hold},
		{"half a line of data", whole(event[:len(event)-2]), nil, hold},
		{"a text whose blank line does not come", whole(event[:len(event)-1]), nil, 0},
		{"a plain text", whole("Once"), nil, 0},
		{"a plain text that begins like a field", []part{at(0, "event"), at(time.Second, "ually,")}, nil, time.Second},
		{"JSON without blank lines, a role first", []part{at(0, line(chatEvents[0])), at(time.Second, line(chatEvents[1]))}, nil, time.Second},
		{"a token of a house's own beside done", []part{at(0, `data: {"token":"Once","done":false}`+"\n\n"), at(time.Second, chatEvents[1])}, nil, 0},
		{"a text in message beside stop", []part{at(0, `data: {"message":"Once","stop":false}`+"\n\n"), at(time.Second, chatEvents[1])}, nil, 0},
		{"Ollama's role", []part{at(0, `data: {"model":"m","created_at":"2026","message":{"role":"assistant","content":""},"done":false}`+"\n\n"), at(time.Second, chatEvents[1])}, nil, time.Second},
		{"a choice with messages", []part{at(0, `data: {"choices":[{"index":0,"messages":[{"delta":{"content":"Once"}}]}]}`+"\n\n"), at(time.Second, chatEvents[1])}, nil, 0},
		{"a choice that was filtered and says nothing", []part{at(0, `data: {"choices":[{"index":0,"delta":{"role":"assistant"},"content_filter_results":{"hate":{"filtered":false}}}]}`+"\n\n"), at(time.Second, chatEvents[1])}, nil, time.Second},
		{"an agent's step that failed", []part{at(0, `data: {"step":1,"tool":"search","error":"timeout"}`+"\n\n"), at(time.Second, chatEvents[1])}, nil, 0},
		{"half of JSON on several lines", whole("data: {\"choices\":[\n"), nil, hold},
		{"an output whose blank line comes with the next event", whole(strings.TrimSuffix(chatEvents[1], "\n")), nil, 0},
		{"newlines with carriage returns", whole("data: x\r\n\r\n"), nil, 0},
		{"carriage returns alone", whole("data: x\r\r"), nil, 0},
		{"the last newline is still to come", whole("data: x\r\n\r"), nil, 0},
		{"silence", nil, nil, hold},
		{"a comment and then silence", whole(": processing\n\n"), nil, hold},
		{"comments, then an event", []part{at(50*time.Millisecond, ": one\n\n"), at(50*time.Millisecond, ": two\n\n"), at(50*time.Millisecond, event)}, nil, 150 * time.Millisecond},
		{"comments for three seconds", []part{at(time.Second, ": one\n\n"), at(999*time.Millisecond, ": two\n\n"), at(time.Second, event)}, nil, hold},
		{"a name without data is no event", whole("event: nothing\n\n"), nil, hold},
		{"a role and nothing else", whole(chatEvents[0]), nil, hold},
		{"a role, then text", []part{at(0, chatEvents[0]), at(time.Second, chatEvents[1])}, nil, time.Second},
		{"the opening of a text", whole(messageEvents[0], messageEvents[1]), nil, hold},
		{"a stream that says nothing and ends", whole(chatEvents[0], chatEvents[2]), nil, 0},
		{"an event of 64 KiB", whole("data: " + strings.Repeat("x", 64<<10)), nil, 0},
		{"exactly 64 KiB of an event", whole(strings.Repeat(":", 64<<10)), nil, 0},
		{"a byte less than 64 KiB of an event", whole(strings.Repeat(":", 64<<10-1)), nil, hold},
		{"64 KiB in small pieces", whole(slices.Repeat([]string{strings.Repeat(":", 1000)}, 66)...), nil, 0},
		{"an end after half an event", []part{at(70*time.Millisecond, event[:5])}, io.EOF, 70 * time.Millisecond},
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

// line is an event without its blank line.
func line(event string) string { return strings.TrimSuffix(event, "\n") }

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
	t.Parallel()
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

func TestByteOrderMarkBeforeTheFirstEvent(t *testing.T) {
	resp := classified(t, chat(t), io.NopCloser(strings.NewReader("\ufeff"+chatError)))
	defer resp.Body.Close()
	if steadyhttp.Check(resp, nil) == nil {
		t.Error("got no error, want that of the first event: the standard drops the mark")
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

func TestSilenceUnderTwoClassifiersIsAwaitedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rt := &steadyhttp.Classifier{Base: &steadyhttp.Classifier{Base: streaming(sending(nil))}}
		start := time.Now()
		resp, err := rt.RoundTrip(chat(t))
		if err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took != 2*time.Second {
			t.Errorf("took %v, want 2s", took)
		}
		resp.Body.Close()
	})
}
