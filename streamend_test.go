package steadyhttp_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyhttp/steadyhttp"
)

func TestLaterErrorEventReachesTheReader(t *testing.T) {
	t.Parallel()
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
		{"two of them: the first counts", messagesURL, messageEvents[:4], messageError, "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"api_error\",\"message\":\"Off\"}}\n\n", steadyhttp.Overloaded},
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

// An error that stands beside something else, as that of an agent's tool, is the reader's to
// deal with if the stream goes on. If the stream ends with it, it has failed.
func TestErrorThatTheStreamSurvives(t *testing.T) {
	for _, row := range []struct {
		name   string
		events []string
		failed bool
	}{
		{"a tool's result", []string{`{"type":"text","text":"I look"}`, `{"type":"tool_result","error":"no such city"}`, `{"type":"text","text":"Sunny."}`}, false},
		{"a tool's error", []string{`{"type":"tool-error","toolCallId":"1","error":{"message":"no such city"}}`, `{"type":"finish"}`}, false},
		{"a step", []string{`{"step":1,"text":"I look"}`, `{"step":2,"tool":"search","error":"timeout"}`, `{"step":3,"text":"Sunny."}`}, false},
		{"a warning", []string{`{"text":"I look"}`, `{"warning":"slow","error":{"message":"cache miss"}}`, `{"text":"Sunny."}`}, false},
		{"a step, and nothing more", []string{`{"step":1,"text":"I look"}`, `{"step":2,"tool":"search","error":"timeout"}`}, true},
		{"a step, and [DONE]", []string{`{"step":1,"text":"I look"}`, `{"step":2,"tool":"search","error":"timeout"}`, `[DONE]`}, true},
		{"an error alone", []string{`{"text":"I look"}`, `{"error":"overloaded"}`, `{"text":"Sunny."}`}, true},
		{"an error with its code", []string{`{"text":"I look"}`, `{"id":"1","error":{"message":"overloaded"},"code":529,"type":"overloaded_error"}`, `{"type":"finish"}`}, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				resp := classified(t, post(t, chatURL), sending(io.EOF, whole("data: "+strings.Join(row.events, "\n\ndata: ")+"\n\n")...))
				_, err := io.ReadAll(resp.Body)
				var e *steadyhttp.Error
				if errors.As(err, &e) != row.failed || err != nil && e == nil {
					t.Errorf("reading ended with %v; want an *Error: %t", err, row.failed)
				}
			})
		})
	}
}

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
		{"Anthropic: pings alone", messagesURL, strings.Repeat(messageEvents[2], 3), true},
		{"Anthropic: a reason to stop and no message_stop", messagesURL, join(messageEvents[:6]...), false},
		{"Anthropic: neither", messagesURL, join(messageEvents[:5]...), true},
		{"Anthropic: the start alone", messagesURL, messageEvents[0], true},
		{"Anthropic: half of message_delta", messagesURL, join(messageEvents[:5]...) + messageEvents[5][:15], true},
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
		{"OpenAI: whole, without blank lines", chatURL, strings.ReplaceAll(join(chatEvents...), "\n\n", "\n"), false},
		{"OpenAI: neither, without blank lines", chatURL, strings.ReplaceAll(join(chatEvents[:2]...), "\n\n", "\n"), true},
		{"Anthropic: whole, without blank lines", messagesURL, strings.ReplaceAll(join(messageEvents...), "\n\n", "\n"), false},
		{"plain text", chatURL, "Once upon a time", false},
		{"plain text that shows an error", chatURL, ": ping\n\nYour log says:\nerror: {\"code\":500}\n\nThe API said:\n\n{\"error\":{\"message\":\"no\",\"code\":500}}\n\nAnd then:\nevent: error\ndata: {}\n\n{\"choi", false},
		{"a dialect that nobody knows", chatURL, "data: one\n\ndata: two\n\n", false},
		{"nothing at all", chatURL, "", true},
		{"comments alone", chatURL, ": a\n\n: b\n\n", true},
		{"the tokens used and [DONE]", chatURL, "data: {\"choices\":[],\"usage\":{\"total_tokens\":9}}\n\ndata: [DONE]\n\n", false},
		{"[DONE] alone", chatURL, "data: [DONE]\n\n", true},
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
		early := steadyhttp.Check(resp, nil) // of a stream that ends before its output
		if early != nil && !cut {
			t.Errorf("by %d: Check before reading: got %v, want nil", size, early)
		}
		got, err := readTo(resp.Body, 32<<10)
		if early != nil && err == io.EOF {
			err = early
		}
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
		if !errors.As(err, &e) || !errors.Is(err, io.ErrUnexpectedEOF) || (e.Fate == steadyhttp.FateApplied) != (early == nil) {
			t.Errorf("by %d: got %#v, want an *Error around io.ErrUnexpectedEOF", size, err)
		}
		if call.Error != e || steadyhttp.Check(resp, nil) != err {
			t.Errorf("by %d: got %v on record, want the reader's error", size, call.Error)
		}
	}
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

// However it is read.
func TestByteOrderMarkBeforeAStreamThatIsCutShort(t *testing.T) {
	for _, size := range []int{1, 2, 3, 4, 1 << 10} {
		resp := classified(t, chat(t), io.NopCloser(strings.NewReader("\ufeff"+chatEvents[1])))
		if got, err := readTo(resp.Body, size); got != "\ufeff"+chatEvents[1] || !errors.Is(err, io.ErrUnexpectedEOF) {
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
