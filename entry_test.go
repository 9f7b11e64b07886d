package steadyhttp_test

import (
	"errors"
	"fmt"
	"io"
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
)

func TestStreamEntries(t *testing.T) {
	for _, row := range []struct {
		name   string
		end    error
		read   func(t *testing.T, resp *http.Response, entries func() int)
		level  zapcore.Level
		fields map[string]any
	}{
		{"at its end", io.EOF, func(t *testing.T, resp *http.Response, entries func() int) {
			io.Copy(io.Discard, resp.Body)
			if n := entries(); n != 1 {
				t.Errorf("got %d entries at the end, want 1", n)
			}
		}, zapcore.DebugLevel, map[string]any{"stream_ended": "complete", "http.response.body.size": int64(10), "time_to_first_byte": time.Second, "time_to_headers": time.Duration(0), "duration": 2 * time.Second, "error.type": nil}},
		{"at an early Close", nil, func(_ *testing.T, resp *http.Response, _ func() int) {
			resp.Body.Read(make([]byte, 3))
			time.Sleep(time.Second)
		}, zapcore.DebugLevel, map[string]any{"stream_ended": "closed early", "http.response.body.size": int64(3), "time_to_first_byte": time.Second, "duration": 2 * time.Second, "error.type": nil}},
		{"never read", nil, func(*testing.T, *http.Response, func() int) {},
			zapcore.DebugLevel, map[string]any{"stream_ended": "closed early", "http.response.body.size": int64(0), "time_to_first_byte": nil, "duration": time.Duration(0)}},
		{"at an error", io.ErrUnexpectedEOF, func(_ *testing.T, resp *http.Response, _ func() int) {
			io.Copy(io.Discard, resp.Body)
		}, zapcore.ErrorLevel, map[string]any{"stream_ended": "error", "error.type": "connection", "http.response.status_code": int64(200), "duration": 2 * time.Second}},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				logger, logs := observed()
				logger.Base = eventStream("", row.end, at(time.Second, ": one"), at(time.Second, ": two"))
				resp, err := logger.RoundTrip(request(t, "GET", "https://api.example/events", ""))
				if err != nil {
					t.Fatal(err)
				}
				if logs.Len() != 0 {
					t.Errorf("got %d entries at the headers, want none before the body's end", logs.Len())
				}
				row.read(t, resp, logs.Len)
				resp.Body.Close()
				resp.Body.Close()
				resp.Body.Read(make([]byte, 1))
				entry := only(t, logs)
				if got := logs.All()[0].Level; got != row.level {
					t.Errorf("got %s, want %s", got, row.level)
				}
				for name, want := range row.fields {
					if got := entry[name]; got != want {
						t.Errorf("%s: got %v, want %v", name, got, want)
					}
				}
			})
		})
	}
}

// patient is a body whose Close waits for the Read that it ends, as that of an
// HTTP/2 stream does.
type patient struct{ *pipeBody }

func (b patient) Close() error {
	err := b.pipeBody.Close()
	time.Sleep(time.Second)
	return err
}

// A reader that is closed from elsewhere, as by who gives up, wanted that: it
// is no failure of the stream's, whichever of the two returns first.
func TestStreamClosedWhileItIsRead(t *testing.T) {
	for _, row := range []struct {
		name string
		body func() io.ReadCloser
	}{
		{"Close returns first", func() io.ReadCloser { return sending(nil, at(time.Second, ": one")) }},
		{"Read returns first", func() io.ReadCloser { return patient{sending(nil, at(time.Second, ": one"))} }},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				logger, logs := observed()
				logger.Bodies = 100
				logger.Base = roundTripperFunc(func(req *http.Request) (*http.Response, error) {
					resp := playing().response(req, reply{status: 200, header: "Content-Type: text/event-stream"})
					resp.ContentLength, resp.Body = -1, row.body()
					return resp, nil
				})
				resp, err := logger.RoundTrip(request(t, "GET", "https://api.example/events", ""))
				if err != nil {
					t.Fatal(err)
				}
				var wg sync.WaitGroup
				wg.Go(func() { io.Copy(io.Discard, resp.Body) })
				for range 2 {
					wg.Go(func() { time.Sleep(2 * time.Second); resp.Body.Close() })
				}
				wg.Wait()
				if e := only(t, logs); e["stream_ended"] != "closed early" || logs.All()[0].Level != zapcore.DebugLevel {
					t.Errorf("got %q at level %s, want closed early at level debug", e["stream_ended"], logs.All()[0].Level)
				}
			})
		})
	}
}

func TestAttemptEntries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		logger, logs := observed()
		logger.Attempts = true
		rt := &steadyhttp.Transport{
			Base:    playing(reply{status: 429, header: "Retry-After: 7\nX-Request-Id: req_1"}, reply{status: 503, header: "X-Request-Id: req_2"}, reply{status: 200}),
			Logger:  logger,
			Retrier: &steadyhttp.Retrier{BackOff: every(500 * time.Millisecond)},
		}
		resp, _ := rt.RoundTrip(chat(t))
		finish(t, resp)
		if got, want := messagesOf(logs), []string{"attempt failed", "waiting", "attempt failed", "waiting", "call recovered"}; !slices.Equal(got, want) {
			t.Fatalf("got %q, want %q", got, want)
		}
		for i, want := range []map[string]any{
			{"attempt": int64(1), "error.type": "rate_limit", "request_id": "req_1", "retry_after": 7 * time.Second, "retry_after_source": "retry-after"},
			{"attempt": int64(2), "wait": 7500 * time.Millisecond, "reason": "asked by the server: retry-after"},
			{"attempt": int64(2), "error.type": "unavailable", "request_id": "req_2"},
			{"attempt": int64(3), "wait": 500 * time.Millisecond, "reason": "backoff"},
			{"attempts": int64(3), "waited": 8 * time.Second, "waited_server": 7500 * time.Millisecond},
		} {
			got := logs.All()[i].ContextMap()
			for name, want := range want {
				if got[name] != want {
					t.Errorf("entry %d: %s: got %v, want %v", i+1, name, got[name], want)
				}
			}
			if level := logs.All()[i].Level; i < 4 && level != zapcore.DebugLevel {
				t.Errorf("entry %d: got level %s, want debug", i+1, level)
			}
		}
	})
}

func TestRecoveredCallSaysWhoAskedForTheWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		logger, logs := observed()
		rt := &steadyhttp.Transport{Base: playing(reply{status: 429, header: "Retry-After: 7"}, reply{status: 200}), Logger: logger, Retrier: &steadyhttp.Retrier{BackOff: noWait}}
		resp, _ := rt.RoundTrip(chat(t))
		finish(t, resp)
		if e := only(t, logs); !strings.Contains(fmt.Sprint(e), "retry-after") {
			t.Errorf("got %v, want it to name the source of the wait", e)
		}
	})
}

func TestThrottledWaitHasAnEntry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		logger, logs := observed()
		logger.Attempts = true
		rt := &steadyhttp.Transport{Base: playing(reply{status: 200}), Logger: logger, Throttler: &steadyhttp.Throttler{RequestsPerMinute: 60}}
		for range 2 {
			resp, _ := rt.RoundTrip(chat(t))
			finish(t, resp)
		}
		if got := messagesOf(logs); !slices.Contains(got, "waiting") {
			t.Errorf("got %q, want an entry about the wait", got)
		}
	})
}

// Several calls may run at once.
func TestAttemptEntriesNameTheirCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		logger, logs := observed()
		logger.Attempts = true
		rt := &steadyhttp.Transport{Base: playing(reply{status: 503}, reply{status: 200}), Logger: logger, Retrier: &steadyhttp.Retrier{BackOff: noWait}}
		resp, _ := rt.RoundTrip(chat(t))
		finish(t, resp)
		if got := logs.All()[0].ContextMap()["url.full"]; got != chatURL {
			t.Errorf("got %v, want the call's URL", got)
		}
	})
}

func TestFieldsOfOnesOwn(t *testing.T) {
	for _, row := range []struct {
		name  string
		reply reply
		want  string
	}{
		{"an answer", reply{status: 404}, "POST 404"},
		{"an error", reply{err: errors.New("odd")}, "POST none"},
	} {
		logger, logs := observed()
		logger.Base = playing(row.reply)
		logger.Fields = func(req *http.Request, resp *http.Response) []zap.Field {
			if resp == nil {
				return []zap.Field{zap.String("mine", req.Method+" none")}
			}
			return []zap.Field{zap.String("mine", fmt.Sprint(req.Method, " ", resp.StatusCode))}
		}
		resp, _ := logger.RoundTrip(chat(t))
		finish(t, resp)
		if got := only(t, logs)["mine"]; got != row.want {
			t.Errorf("%s: got %v, want %q", row.name, got, row.want)
		}
	}
}

func TestFieldsAreNotAskedForWhenTheLevelIsOff(t *testing.T) {
	core, logs := observer.New(zapcore.WarnLevel)
	logger := &steadyhttp.Logger{Base: playing(reply{status: 200}), Zap: zap.New(core)}
	logger.Fields = func(*http.Request, *http.Response) []zap.Field {
		t.Error("Fields was called for an entry that is off")
		return nil
	}
	resp, _ := logger.RoundTrip(chat(t))
	finish(t, resp)
	if logs.Len() != 0 {
		t.Errorf("got %d entries, want none", logs.Len())
	}
}

func TestRedirectIsNoRecovery(t *testing.T) {
	for _, row := range []struct {
		name string
		call bool
	}{{"without a record", false}, {"with one", true}} {
		logger, logs := observed()
		logger.Base = playing(reply{status: 302, header: "Location: /there?token=4f9e2a7b1c8d3e6f"}, reply{status: 200})
		req := request(t, "GET", "https://api.example/here", "")
		if row.call {
			req = req.WithContext(steadyhttp.WithCall(req.Context()))
		}
		resp, err := (&http.Client{Transport: logger}).Do(req)
		if err != nil {
			t.Fatal(err)
		}
		finish(t, resp)
		if got, want := messagesOf(logs), []string{"call succeeded", "call succeeded"}; !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", row.name, got, want)
		}
		if got := logs.All()[1].ContextMap()["url.full"]; got != "https://api.example/there" {
			t.Errorf("%s: got %v, want the second hop's URL without its query", row.name, got)
		}
	}
}

// The body of a call may still be read when its context serves another.
func TestEntryIsAboutItsOwnCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		logger, logs := observed()
		rt := &steadyhttp.Transport{
			Base:    inTurn(eventStream("", io.EOF, at(time.Second, ": one")), playing(reply{status: 503}), playing(reply{status: 200})),
			Logger:  logger,
			Retrier: &steadyhttp.Retrier{BackOff: every(time.Second)},
		}
		ctx := steadyhttp.WithCall(t.Context())
		stream, err := rt.RoundTrip(request(t, "GET", "https://api.example/events", "").WithContext(ctx))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := rt.RoundTrip(request(t, "GET", "https://api.example/other", "").WithContext(ctx))
		if err != nil {
			t.Fatal(err)
		}
		finish(t, resp)
		finish(t, stream)
		if got, want := messagesOf(logs), []string{"call recovered", "call succeeded"}; !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

// discarding is a core to which every level is on and that does nothing.
type discarding struct{ zapcore.LevelEnabler }

func (d discarding) With([]zapcore.Field) zapcore.Core { return d }

func (discarding) Write(zapcore.Entry, []zapcore.Field) error { return nil }

func (discarding) Sync() error { return nil }

func (d discarding) Check(e zapcore.Entry, ce *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if d.Enabled(e.Level) {
		return ce.AddCore(e, d)
	}
	return ce
}

// What an entry costs beside what the same fields cost zap itself.
func TestAllocationsOfAnEntry(t *testing.T) {
	if underRace() {
		return // the detector allocates too
	}
	answer := func(status int, header http.Header) http.RoundTripper {
		return roundTripperFunc(func(req *http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: status, Header: header, Body: http.NoBody, Request: req}, nil
		})
	}
	headers := http.Header{"X-Request-Id": {"req_1"}, "Content-Type": {"application/json"}}
	get, post := request(t, "GET", "https://api.example/things/1", ""), request(t, "POST", "https://api.example/things", "")
	for _, req := range []*http.Request{get, post} {
		req.Header.Set("Authorization", "Bearer correct-horse-battery")
		count := func(logger *steadyhttp.Logger) float64 {
			rt := &steadyhttp.Transport{Base: answer(200, headers), Logger: logger}
			return testing.AllocsPerRun(200, func() {
				if _, err := rt.RoundTrip(req); err != nil {
					t.Error(err)
				}
			})
		}
		bare := count(nil)
		off := count(&steadyhttp.Logger{Zap: zap.New(discarding{zapcore.WarnLevel})})
		on := count(&steadyhttp.Logger{Zap: zap.New(discarding{zapcore.DebugLevel})})

		logger, logs := observed()
		if _, err := (&steadyhttp.Transport{Base: answer(200, headers), Logger: logger}).RoundTrip(req); err != nil {
			t.Fatal(err)
		}
		fields, to := logs.All()[0].Context, zap.New(discarding{zapcore.DebugLevel})
		zaps := testing.AllocsPerRun(200, func() {
			if ce := to.Check(zapcore.DebugLevel, "call succeeded"); ce != nil {
				ce.Write(fields...)
			}
		})
		t.Logf("%s: %v without a Logger, %v with its level off, %v with an entry, of which zap %v", req.Method, bare, off, on, zaps)
		if got := off - bare; got > 3 {
			t.Errorf("%s, level off: got %v allocations, want at most 3", req.Method, got)
		}
		if got := on - bare - zaps; got > 8 {
			t.Errorf("%s, with an entry: got %v allocations beside zap's, want at most 8", req.Method, got)
		}
	}
}
