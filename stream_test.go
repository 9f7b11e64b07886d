package steadyhttp_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/steadyhttp/steadyhttp"
)

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
		{"after 64 KiB", at(20*ms, strings.Repeat("z", 64<<10)), strings.Repeat("z", 64<<10)},
		{"after two seconds", at(2300*ms, "data: late\n\n"), "data: late\n\n"},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				resp := classified(t, chat(t), sending(nil, append([]part{row.first}, pieces...)...))
				defer resp.Body.Close()
				buf := make([]byte, 64<<10)
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

func TestStreamsThatAreNobodysToInterpret(t *testing.T) {
	for _, row := range []struct {
		name, method, url, contentType string
		status                         int
	}{
		{"another path", "POST", "https://api.example/v1/orders", "text/event-stream", 200},
		{"a GET", "GET", chatURL, "text/event-stream", 200},
		{"another status", "POST", chatURL, "text/event-stream", 202},
		{"a part", "POST", chatURL, "text/event-stream", 206},
		{"a sound", "POST", chatURL, "audio/mpeg", 200},
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

// The record is for one call. A stream of an earlier one that is still being
// read must not write into it.
func TestStreamOfAnEarlierCallLeavesTheRecordAlone(t *testing.T) {
	for name, tail := range map[string]string{"an error event": chatError, "cut short": ""} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx := steadyhttp.WithCall(t.Context())
				usage := `data: {"choices":[],"usage":{"prompt_tokens":70,"completion_tokens":30,"total_tokens":100}}` + "\n\n"
				old := classified(t, chat(t).WithContext(ctx), sending(io.EOF, whole(usage, chatEvents[1], tail)...))
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
		rt := &steadyhttp.Classifier{Base: &steadyhttp.Classifier{Base: streaming(sending(io.EOF, whole(append(chatEvents[:2:2], chatError)...)...))}}
		resp, err := rt.RoundTrip(chat(t))
		if err != nil {
			t.Fatal(err)
		}
		got, err := readTo(resp.Body, 1<<10)
		if e := asError(t, resp, nil); got != join(chatEvents[:2]...)+chatError || !errors.Is(err, e) && err.Error() != e.Error() {
			t.Errorf("got %q and %v, want the whole stream and the verdict %v", got, err, e)
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

// Whatever a server sends, the reader gets the same bytes, and an error only
// at their end. How it was cut does not change what is found.
func FuzzStreamBody(f *testing.F) {
	for _, events := range [][]string{chatEvents, messageEvents, geminiEvents, responseEvents, chatEvents[:1], {messageEvents[0], messageError}, {geminiError}, {chatError}, {openRouterError}} {
		f.Add([]byte(join(events...)), []byte{1, 100, 3}, uint8(len(events)))
	}
	f.Add([]byte("data: x\r\n\r"), []byte{1}, uint8(0))
	f.Add([]byte("\xef\xbb\xbfdata: \x00\xff\n\n"), []byte{0, 200}, uint8(1))
	urls := []string{chatURL, messagesURL, geminiURL, responsesURL, gatewayURL}
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
