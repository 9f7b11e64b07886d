package steadyhttp_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/steadyhttp/steadyhttp"
)

// withZap is a Logger that writes zap's JSON in the form that slog's has: what differs
// is what differs in its fields.
func withZap(out io.Writer) *steadyhttp.Logger {
	return &steadyhttp.Logger{Zap: zap.New(zapcore.NewCore(zapcore.NewJSONEncoder(zapcore.EncoderConfig{
		LevelKey: "level", MessageKey: "msg", LineEnding: "\n",
		EncodeLevel: zapcore.CapitalLevelEncoder, EncodeDuration: zapcore.NanosDurationEncoder,
	}), zapcore.AddSync(out), zapcore.DebugLevel))}
}

// withSlog is a Logger that writes what the handler makes of it, without the time.
func withSlog[H slog.Handler](out io.Writer, handler func(io.Writer, *slog.HandlerOptions) H) *steadyhttp.Logger {
	return &steadyhttp.Logger{Slog: slog.New(handler(out, &slog.HandlerOptions{
		Level: slog.LevelDebug,
		ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
			if len(groups) == 0 && a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		},
	}))}
}

// Each entry has the same level, text and fields with either logger.
func TestSlogSaysWhatZapSays(t *testing.T) {
	for i, s := range stories() {
		t.Run(s.name, func(t *testing.T) {
			var byZap, bySlog bytes.Buffer
			for out, logger := range map[*bytes.Buffer]*steadyhttp.Logger{&byZap: withZap(&byZap), &bySlog: withSlog(&bySlog, slog.NewJSONHandler)} {
				synctest.Test(t, func(t *testing.T) { stories()[i].happens(t, logger) })
				if out.Len() == 0 {
					t.Error("got no entry")
				}
			}
			if got, want := decoded(t, &bySlog), decoded(t, &byZap); !reflect.DeepEqual(got, want) {
				t.Errorf("slog: got\n%v\nwant what zap has\n%v", got, want)
			}
		})
	}
}

func decoded(t *testing.T, out *bytes.Buffer) (all []map[string]any) {
	t.Helper()
	for line := range strings.Lines(out.String()) {
		var m map[string]any
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		all = append(all, m)
	}
	return all
}

const loggersFile = "testdata/loggers.golden"

// TestLoggersSideBySide shows what zap's and slog's own outputs look like.
func TestLoggersSideBySide(t *testing.T) {
	var got strings.Builder
	for _, scene := range []struct {
		name string
		base func() http.RoundTripper
	}{
		{"a success", func() http.RoundTripper {
			return playing(reply{status: 200, after: 1200 * time.Millisecond, header: "X-Request-Id: req_1", body: `{"ok":true}`})
		}},
		{"a rate limit, waited out", func() http.RoundTripper {
			return playing(reply{status: 429, header: "Retry-After: 7\nX-Request-Id: req_1", body: `{"error":{"message":"Slow down.","code":"rate_limit_exceeded"}}`}, reply{status: 200, header: "X-Request-Id: req_2"})
		}},
		{"out of money", func() http.RoundTripper {
			return playing(reply{status: 429, header: "X-Request-Id: req_1", body: `{"error":{"message":"You exceeded your current quota.","code":"insufficient_quota"}}`})
		}},
		{"no connection", func() http.RoundTripper { return playing(reply{err: resetByPeer()}) }},
	} {
		fmt.Fprintf(&got, "%s\n", scene.name)
		var byZap, json, text bytes.Buffer
		for _, l := range []*steadyhttp.Logger{withZap(&byZap), withSlog(&json, slog.NewJSONHandler), withSlog(&text, slog.NewTextHandler)} {
			synctest.Test(t, func(t *testing.T) {
				l.Attempts = true
				l.Fields = func(req *http.Request, _ *http.Response) []zap.Field {
					return []zap.Field{zap.String("tenant", "acme"), zap.Dict("job", zap.Int("id", 7), zap.Duration("age", time.Minute))}
				}
				rt := &steadyhttp.Transport{Base: scene.base(), Logger: l, Retrier: &steadyhttp.Retrier{MaxAttempts: 2, BackOff: every(time.Second)}}
				resp, _ := rt.RoundTrip(chat(t))
				finish(t, resp)
			})
		}
		for _, out := range []struct {
			name string
			*bytes.Buffer
		}{{"zap ", &byZap}, {"json", &json}, {"text", &text}} {
			for line := range strings.Lines(out.String()) {
				fmt.Fprintf(&got, "    %s %s", out.name, line)
			}
		}
	}
	if *update {
		if err := os.WriteFile(loggersFile, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(loggersFile)
	if err != nil || got.String() != string(want) {
		t.Errorf("%v; got\n%s\nwant what %s has; if the change is meant, write it anew with -update", err, got.String(), loggersFile)
	}
}

// A handling is a slog.Handler that asks f about each entry.
type handling struct {
	level slog.Level
	f     func(context.Context, slog.Record)
}

func (h handling) Enabled(_ context.Context, l slog.Level) bool { return l >= h.level }

func (h handling) Handle(ctx context.Context, r slog.Record) error { h.f(ctx, r); return nil }

func (h handling) WithAttrs([]slog.Attr) slog.Handler { return h }

func (h handling) WithGroup(string) slog.Handler { return h }

// Handlers find the trace of a call in the context that it was made with.
func TestSlogGetsTheContextOfTheCall(t *testing.T) {
	type traceKey struct{}
	for _, row := range []struct {
		name string
		base http.RoundTripper
		set  func(*testing.T, *steadyhttp.Transport)
		want []string
	}{
		{"a success", playing(reply{status: 200}), nil, []string{"call succeeded"}},
		{"attempts and waits", playing(reply{status: 503}, reply{status: 200}), nil, []string{"attempt failed", "waiting", "call recovered"}},
		{"the end of a stream", eventStream("", io.EOF, at(time.Second, "data: {\"choices\":[{\"delta\":{\"content\":\"hi\"}}]}\n\ndata: [DONE]\n\n")), nil, []string{"call succeeded"}},
		{"a wait in a Throttler", playing(reply{status: 200}), func(t *testing.T, rt *steadyhttp.Transport) {
			rt.Throttler = &steadyhttp.Throttler{RequestsPerMinute: 1}
			resp, err := (&steadyhttp.Transport{Base: playing(reply{status: 200}), Throttler: rt.Throttler}).RoundTrip(chat(t))
			if err != nil {
				t.Fatal(err)
			}
			finish(t, resp)
		}, []string{"waiting", "call succeeded"}},
		{"a Failover that has no target for the host", playing(reply{status: 400}), func(_ *testing.T, rt *steadyhttp.Transport) {
			rt.Failover = &steadyhttp.Failover{Targets: []steadyhttp.Target{{Model: "small"}}}
		}, []string{"no target is for this host", "call refused"}},
		{"an account that needs a person", inTurn(playing(reply{status: 402}), playing(reply{status: 200})), func(_ *testing.T, rt *steadyhttp.Transport) {
			rt.Failover = &steadyhttp.Failover{Targets: []steadyhttp.Target{{Name: "second", URL: "https://api.second.example"}}}
		}, []string{"target left", "attempt failed", "call recovered"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var got []string
				logger := slog.New(handling{slog.LevelDebug, func(ctx context.Context, r slog.Record) {
					got = append(got, r.Message)
					if ctx.Value(traceKey{}) != "trace 1" {
						t.Errorf("%s: got a context without the call's values", r.Message)
					}
					if r.Time.IsZero() || !strings.Contains(sourceOf(r), "steadyhttp.") {
						t.Errorf("%s: got the time %v and the source %q, want both, and a line of this package", r.Message, r.Time, sourceOf(r))
					}
				}})
				rt := &steadyhttp.Transport{
					Base:    row.base,
					Logger:  &steadyhttp.Logger{Slog: logger, Attempts: true},
					Retrier: &steadyhttp.Retrier{BackOff: every(time.Second)},
				}
				if row.set != nil {
					row.set(t, rt)
				}
				req := chat(t).WithContext(context.WithValue(t.Context(), traceKey{}, "trace 1"))
				if row.want[0] == "no target is for this host" {
					req.URL.Host = "llm.corp.example"
				}
				resp, err := rt.RoundTrip(req)
				if err != nil {
					t.Fatal(err)
				}
				finish(t, resp)
				if fmt.Sprint(got) != fmt.Sprint(row.want) {
					t.Errorf("got %q, want %q", got, row.want)
				}
			})
		})
	}
}

func sourceOf(r slog.Record) string {
	if s := r.Source(); s != nil {
		return s.Function
	}
	return ""
}

// slog's levels are those of the same name.
func TestSlogLevels(t *testing.T) {
	for _, row := range []struct {
		reply reply
		level func(steadyhttp.Call) zapcore.Level
		want  slog.Level
	}{
		{reply{status: 200}, nil, slog.LevelDebug},
		{reply{status: 402}, nil, slog.LevelWarn},
		{reply{status: 502}, nil, slog.LevelError},
		{reply{status: 502}, func(steadyhttp.Call) zapcore.Level { return zapcore.InfoLevel }, slog.LevelInfo},
	} {
		var got []slog.Level
		logger := slog.New(handling{slog.LevelDebug, func(_ context.Context, r slog.Record) { got = append(got, r.Level) }})
		resp, _ := (&steadyhttp.Logger{Base: playing(row.reply), Slog: logger, Level: row.level}).RoundTrip(chat(t))
		finish(t, resp)
		if len(got) != 1 || got[0] != row.want {
			t.Errorf("%d: got %v, want %v", row.reply.status, got, row.want)
		}
	}
}

func TestTwoLoggersInOneAreAnError(t *testing.T) {
	both := &steadyhttp.Logger{Zap: zap.NewNop(), Slog: slog.New(slog.DiscardHandler)}
	alone := &steadyhttp.Logger{Base: playing(reply{status: 200}), Zap: both.Zap, Slog: both.Slog}
	for name, rt := range map[string]http.RoundTripper{
		"a Logger":       alone,
		"in a Transport": &steadyhttp.Transport{Base: playing(reply{status: 200}), Logger: both},
	} {
		resp, err := rt.RoundTrip(chat(t))
		if err == nil || !strings.Contains(err.Error(), "Logger.Zap and Logger.Slog are both set; set the one") {
			t.Errorf("%s: got %v, %v, want an error that says which to set", name, resp, err)
		}
	}
}

// An entry that is off costs what it costs with zap, and a handler that takes no errors
// costs nothing.
func TestSlogAllocatesNothingWhenItsLevelIsOff(t *testing.T) {
	if underRace() {
		return // the detector allocates too
	}
	base := roundTripperFunc(func(req *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 200, Body: http.NoBody, Request: req}, nil
	})
	req := request(t, "GET", "https://api.example/things/1", "")
	count := func(logger *steadyhttp.Logger) float64 {
		if logger != nil {
			logger.Attempts = true
		}
		rt := &steadyhttp.Transport{Base: base, Logger: logger}
		return testing.AllocsPerRun(200, func() {
			if _, err := rt.RoundTrip(req); err != nil {
				t.Error(err)
			}
		})
	}
	only := func(level slog.Level) *steadyhttp.Logger {
		return &steadyhttp.Logger{Slog: slog.New(handling{level, func(_ context.Context, r slog.Record) { t.Errorf("got an entry: %s", r.Message) }})}
	}
	bare, withZap := count(nil), count(&steadyhttp.Logger{Zap: zap.New(discarding{zapcore.WarnLevel})})
	if got := count(only(slog.LevelWarn)); got != withZap {
		t.Errorf("debug is off: got %v allocations, want the %v with zap", got, withZap)
	}
	if got := count(only(slog.LevelError + 1)); got != bare {
		t.Errorf("all is off: got %v allocations, want the %v without a Logger", got, bare)
	}
}

// Fields of one's own may be whatever slog takes, and a logger with attributes and
// groups keeps them.
func TestSlogFieldsOfOnesOwn(t *testing.T) {
	var out bytes.Buffer
	logger := withSlog(&out, slog.NewJSONHandler)
	logger.Slog = logger.Slog.With("service", "billing").WithGroup("call")
	logger.Base = playing(reply{err: errors.New("odd")})
	logger.Fields = func(*http.Request, *http.Response) []zap.Field {
		return []zap.Field{zap.Any("group", slog.GroupValue(slog.Int("a", 1))), zap.NamedError("cause", errors.New("why"))}
	}
	logger.RoundTrip(chat(t))
	var got struct {
		Service string
		Call    struct {
			Class string `json:"error.type"`
			Group struct{ A int }
			Cause string
		}
	}
	if err := json.Unmarshal(out.Bytes(), &got); err != nil || got.Service != "billing" || got.Call.Class != "unknown" || got.Call.Group.A != 1 || got.Call.Cause != "why" {
		t.Errorf("%v, got %s", err, out.String())
	}
}

// Entries of calls that run at once do not mix.
func TestSlogFromManyCalls(t *testing.T) {
	var mu sync.Mutex
	calls := map[string]int{}
	logger := slog.New(handling{slog.LevelDebug, func(_ context.Context, r slog.Record) {
		r.Attrs(func(a slog.Attr) bool {
			if a.Key == "url.full" {
				mu.Lock()
				defer mu.Unlock()
				calls[a.Value.String()]++
			}
			return true
		})
	}})
	rt := &steadyhttp.Transport{Base: playing(reply{status: 200}), Logger: &steadyhttp.Logger{Slog: logger}}
	var running sync.WaitGroup
	for i := range 50 {
		running.Go(func() {
			resp, err := rt.RoundTrip(request(t, "GET", fmt.Sprintf("https://api.example/%c", 'a'+i%26), ""))
			if err != nil {
				t.Error(err)
				return
			}
			finish(t, resp)
		})
	}
	running.Wait()
	total := 0
	for _, n := range calls {
		total += n
	}
	if len(calls) != 26 || total != 50 {
		t.Errorf("got %d entries about %d URLs, want 50 about 26", total, len(calls))
	}
}
