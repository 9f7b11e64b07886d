package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cenkalti/backoff/v4"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/steadyhttp/steadyhttp"
)

// incident is half an hour, beginning with the year 2000, of a program that
// calls two APIs: the one is rate limited and then out of money, the other is
// down for some minutes. The real Transport and the real Logger write its log.
func incident(t testing.TB, setUp func(*zapcore.EncoderConfig)) []byte {
	t.Helper()
	config := zap.NewProductionEncoderConfig()
	if setUp != nil {
		setUp(&config)
	}
	var out bytes.Buffer
	happens(t, &steadyhttp.Logger{Zap: zap.New(zapcore.NewCore(zapcore.NewJSONEncoder(config), zapcore.AddSync(&out), zapcore.DebugLevel))})
	return out.Bytes()
}

// happens is the incident, told to logger.
func happens(t testing.TB, logger *steadyhttp.Logger) {
	logger.Attempts = true
	start := time.Now()
	ids := 0
	base := replying(func(req *http.Request) (*http.Response, error) {
		ids++
		minute := int(time.Since(start) / time.Minute)
		id := "req_" + string(rune('a'+ids/100)) + string(rune('0'+ids/10%10)) + string(rune('0'+ids%10))
		status, header, body := 200, http.Header{"X-Request-Id": {id}}, `{"id":"x","object":"chat.completion","choices":[{"message":{"content":"hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":120,"completion_tokens":30,"total_tokens":150}}`
		delay := time.Duration(300+137*(ids%9)) * time.Millisecond
		switch openai := req.URL.Host == "api.openai.com"; {
		case openai && minute >= 8 && minute < 14 && ids%3 > 0:
			status, body = 429, `{"error":{"message":"Rate limit reached for gpt-4o","type":"requests","code":"rate_limit_exceeded"}}`
			header.Set("Retry-After", "4")
		case openai && minute >= 20 && minute < 24:
			status, body = 429, `{"error":{"message":"You exceeded your current quota.","type":"insufficient_quota","code":"insufficient_quota"}}`
		case !openai && minute >= 16 && minute < 19:
			status, body = 529, `{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}`
		case !openai && minute == 27:
			delay = time.Minute
		}
		select {
		case <-time.After(delay):
		case <-req.Context().Done():
			return nil, req.Context().Err()
		}
		header.Set("Content-Type", "application/json")
		return &http.Response{Status: http.StatusText(status), StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
			Header: header, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)), Request: req}, nil
	})
	client := &http.Client{Transport: &steadyhttp.Transport{
		Base:   base,
		Logger: logger,
		Retrier: &steadyhttp.Retrier{MaxAttempts: 3, BackOff: func() backoff.BackOff {
			return backoff.NewConstantBackOff(2 * time.Second)
		}},
		// With no wait that all join there is no chance in how long each waits, and each run writes the same log.
		Throttler: &steadyhttp.Throttler{MaxSharedPause: time.Nanosecond, RequestsPerMinute: 15},
	}}
	for time.Since(start) < 30*time.Minute {
		for _, url := range []string{"https://api.openai.com/v1/chat/completions", "https://api.anthropic.com/v1/messages"} {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			if time.Since(start) > 29*time.Minute {
				time.AfterFunc(100*time.Millisecond, cancel)
			}
			req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(`{"model":"m"}`))
			if err != nil {
				t.Fatal(err)
			}
			if resp, err := client.Do(req); err == nil {
				io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
			}
			cancel()
		}
		time.Sleep(10 * time.Second)
	}
	synctest.Wait()
}

// inBubble returns the incident's log.
func inBubble(t *testing.T, setUp func(*zapcore.EncoderConfig)) (log []byte) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { log = incident(t, setUp) })
	return log
}

// runLogs runs the command so long after the first moment of the year 2000.
func runLogs(t *testing.T, after time.Duration, stdin []byte, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	synctest.Test(t, func(*testing.T) {
		time.Sleep(after)
		code = logs(context.Background(), args, bytes.NewReader(stdin), &out, &errs) // a test's context ends outside the bubble
	})
	clean(t, out.String())
	clean(t, errs.String())
	return code, out.String(), errs.String()
}

// firstDifference shows the first line in which two texts differ.
func firstDifference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(g), len(w)) {
		if g[i] != w[i] {
			return fmt.Sprintf("line %d: got %q, want %q", i+1, g[i], w[i])
		}
	}
	return fmt.Sprintf("got %d lines, want %d", len(g), len(w))
}

func TestLogsGolden(t *testing.T) {
	info := func(log []byte) []byte { // as zap's production setup leaves it
		var kept []byte
		for line := range bytes.Lines(log) {
			if !bytes.Contains(line, []byte(`"level":"debug"`)) {
				kept = append(kept, line...)
			}
		}
		return kept
	}
	whole := func(log []byte) []byte { return log }
	for _, row := range []struct {
		golden string
		of     func([]byte) []byte
		args   []string
	}{
		{"incident", whole, nil},
		{"incident_json", whole, []string{"-json"}},
		{"ten_minutes", whole, []string{"-since", "00:10", "-until", "2000-01-01T00:20:00Z"}},
		{"production", info, nil},
		{"hostile", func([]byte) []byte { return []byte(hostileLog) }, nil},
		{"hostile_json", func([]byte) []byte { return []byte(hostileLog) }, []string{"-json"}},
	} {
		t.Run(row.golden, func(t *testing.T) {
			code, got, stderr := runLogs(t, time.Hour, row.of(inBubble(t, nil)), row.args...)
			if code != exitOK || stderr != "" {
				t.Fatalf("got code %d and %q, want 0 and nothing", code, stderr)
			}
			name := filepath.Join("logs", row.golden+".golden")
			if *update {
				if err := os.WriteFile(filepath.Join("testdata", name), []byte(got), 0o666); err != nil {
					t.Fatal(err)
				}
			}
			if want := file(t, name); got != want {
				t.Error(firstDifference(got, want))
			}
		})
	}
}

// hostileLog is what somebody would write who can write to the log.
const hostileLog = `{"ts":946684800,"http.request.method":"G\u001b[2JET","url.full":"https://a.example/\u202e\u0007?key=sk-proj-4f9Tx2Lq8Rz7Bn5Vw1Kd","server.address":"a\nb.example","error.type":"\u001b]0;x\u0007","code":"\u001b[31mred\r\n\tand more","provider":"p\u0000q","request_id":"\u009b2Jreq_1","duration":1e300,"attempts":9e18,"waited":-5,"gen_ai.usage.input_tokens":-1}
{"ts":946684801,"http.request.method":"GET","url.full":"https://a.example/x","server.address":"中文服务器.example","error.type":"rate_limit","code":"余额不足","duration":"99999h","attempts":"three","request_id":42}
{"ts":9e18,"http.request.method":"GET","url.full":"https://a.example/y","server.address":"a.example","duration":2,"http.response.status_code":1e9}
{"ts":946684802,"http.request.method":"GET","url.full":"https://a.example/cut
`

// The same log in every form that zap gives it says the same.
func TestLogsForms(t *testing.T) {
	_, want, _ := runLogs(t, 0, inBubble(t, nil))
	for _, row := range []struct {
		name  string
		setUp func(*zapcore.EncoderConfig)
	}{
		{"ISO 8601 and durations as text", func(c *zapcore.EncoderConfig) {
			c.EncodeTime, c.EncodeDuration = zapcore.ISO8601TimeEncoder, zapcore.StringDurationEncoder
		}},
		{"RFC 3339 with nanoseconds", func(c *zapcore.EncoderConfig) {
			c.EncodeTime, c.TimeKey = zapcore.RFC3339NanoTimeEncoder, "@timestamp"
		}},
		{"milliseconds", func(c *zapcore.EncoderConfig) { c.EncodeTime, c.TimeKey = zapcore.EpochMillisTimeEncoder, "time" }},
		{"nanoseconds", func(c *zapcore.EncoderConfig) {
			c.EncodeTime, c.EncodeDuration = zapcore.EpochNanosTimeEncoder, zapcore.NanosDurationEncoder
		}},
		{"the names of zap's development setup", func(c *zapcore.EncoderConfig) { *c = zap.NewDevelopmentEncoderConfig() }},
	} {
		t.Run(row.name, func(t *testing.T) {
			code, got, stderr := runLogs(t, 0, inBubble(t, row.setUp))
			if code != exitOK || got != want {
				t.Errorf("got code %d, %q; %s", code, stderr, firstDifference(got, want))
			}
		})
	}
}

// What slog's handlers write of the same calls says the same.
func TestLogsOfSlog(t *testing.T) {
	_, want, _ := runLogs(t, 0, inBubble(t, nil))
	for name, handler := range map[string]func(io.Writer, *slog.HandlerOptions) slog.Handler{
		"JSON": func(w io.Writer, o *slog.HandlerOptions) slog.Handler { return slog.NewJSONHandler(w, o) },
		"text": func(w io.Writer, o *slog.HandlerOptions) slog.Handler { return slog.NewTextHandler(w, o) },
	} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			synctest.Test(t, func(t *testing.T) {
				happens(t, &steadyhttp.Logger{Slog: slog.New(handler(&log, &slog.HandlerOptions{AddSource: true, Level: slog.LevelDebug}))})
			})
			code, got, stderr := runLogs(t, 0, log.Bytes())
			if code != exitOK || got != want {
				t.Errorf("got code %d, %q; %s", code, stderr, firstDifference(got, want))
			}
		})
	}
}

// slog writes nanoseconds, however few.
func TestLogLinesOfSlog(t *testing.T) {
	for _, row := range []struct {
		name, line string
		want       logCall
	}{
		{"JSON", `{"time":"2026-01-02T03:04:05.6Z","level":"DEBUG","msg":"call succeeded","http.request.method":"GET","url.full":"https://a.example/{x}","server.address":"a.example","duration":7000,"waited":20}`,
			logCall{at: time.Date(2026, 1, 2, 3, 4, 5, 6e8, time.UTC), method: "GET", url: "https://a.example/{x}", server: "a.example", attempts: 1, duration: 7 * time.Microsecond, waited: 20}},
		{"text behind Docker's name", `api_1  | time=2026-01-02T03:04:05.600Z level=INFO msg="call recovered" service="two words" http.request.method=GET url.full="https://a.example/{x}?y=\"z\"" server.address=a.example http.response.status_code=200 request_id=12345 code="" attempts=3 retried_classes="[overloaded rate_limit]" waited=1.5s duration=2m3s`,
			logCall{at: time.Date(2026, 1, 2, 3, 4, 5, 6e8, time.UTC), method: "GET", url: `https://a.example/{x}?y="z"`, server: "a.example", status: 200, requestID: "12345",
				attempts: 3, tried: []steadyhttp.Class{steadyhttp.Overloaded, steadyhttp.RateLimit}, waited: 1500 * time.Millisecond, duration: 2*time.Minute + 3*time.Second}},
	} {
		var r logReader
		if got, kind := r.line([]byte(row.line)); kind != logEntry || !reflect.DeepEqual(got, row.want) {
			t.Errorf("%s: got %d %+v, want %+v", row.name, kind, got, row.want)
		}
	}
	for line, want := range map[string]logKind{
		`time=2026-01-02T03:04:05.600Z level=DEBUG msg=waiting http.request.method=GET url.full=https://a.example/ attempt=2 wait=1s reason=backoff`: logAttempt,
		`time=2026-01-02T03:04:05.600Z level=INFO msg="somebody's http.request.method=GET"`:                                                          logForeign,
		`time=2026-01-02T03:04:05.600Z level=INFO msg="call recovered" http.request.method=GET url.full="https://a.example/cut`:                      logBroken,
		`time=2026-01-02T03:04:05.600Z level=INFO msg=else http.request.method=GET`:                                                                  logForeign,
	} {
		var r logReader
		if _, got := r.line([]byte(line)); got != want {
			t.Errorf("%s: got %d, want %d", line, got, want)
		}
	}
}

// An entry of slog's is explained like one of zap's.
func TestExplainReadsSlogEntries(t *testing.T) {
	for name, line := range map[string]string{
		"JSON": `{"time":"2026-01-02T03:04:05.6Z","level":"WARN","msg":"call refused","http.request.method":"GET","url.full":"https://a.example/x","http.response.status_code":429,"error.type":"rate_limit","retry_after":20000000,"duration":7000}`,
		"text": `time=2026-01-02T03:04:05.600Z level=WARN msg="call refused" http.request.method=GET url.full=https://a.example/x http.response.status_code=429 error.type=rate_limit retry_after=20ms duration=7µs`,
	} {
		all := readEntries(line)
		if len(all) != 1 {
			t.Errorf("%s: got %d entries, want 1", name, len(all))
			continue
		}
		if e := all[0]; e.class != steadyhttp.RateLimit || e.status != 429 || e.retryAfter != 20*time.Millisecond || e.duration != 7*time.Microsecond || e.time.Year() != 2026 {
			t.Errorf("%s: got %+v", name, e)
		}
	}
}

func TestLogsFiles(t *testing.T) {
	log := inBubble(t, nil)
	middle := bytes.Index(log[len(log)/2:], []byte("\n")) + len(log)/2 + 1
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	z.Write(log[:middle])
	z.Close()
	dir := t.TempDir()
	write := func(name string, data []byte) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, data, 0o666); err != nil {
			t.Fatal(err)
		}
		return name
	}
	older, newer := write("app.log.1.gz", packed.Bytes()), write("app.log", log[middle:])
	torn := write("torn.gz", packed.Bytes()[:packed.Len()/2])
	fake := write("fake.gz", []byte("\x1f\x8bno"))

	_, want, _ := runLogs(t, 0, log)
	for _, row := range []struct {
		name  string
		stdin []byte
		args  []string
	}{
		{"in order", nil, []string{older, newer}},
		{"the newer first", nil, []string{newer, older}},
		{"one from stdin", packed.Bytes(), []string{newer, "-"}},
	} {
		code, got, stderr := runLogs(t, 0, row.stdin, row.args...)
		if code != exitOK || got != want {
			t.Errorf("%s: got code %d, %q; %s", row.name, code, stderr, firstDifference(got, want))
		}
	}

	for _, row := range []struct {
		name string
		args []string
		code int
		want string // in the one line on stderr
	}{
		{"no such file", []string{"nosuch.log"}, exitUsage, `"nosuch.log" cannot be read: no such file`},
		{"a directory", []string{dir}, exitUsage, "it is a directory"},
		{"not compressed after all", []string{fake}, exitUsage, "cannot be read: "},
		{"an unknown flag", []string{"-colour"}, exitUsage, "-colour"},
		{"a bad time", []string{"-since", "noon"}, exitUsage, "want a time such as"},
		{"a duration below 0", []string{"-since", "-5m"}, exitUsage, "not negative"},
		{"a summary at no interval", []string{"-every", "-5s"}, exitUsage, "-every wants a duration above 0"},
		{"until before since", []string{"-since", "5m", "-until", "10m"}, exitUsage, "-until is before -since"},
		{"nothing", nil, exitNothing, "the input is empty"},
		{"nothing in that time", []string{"-since", "1999-01-01 00:00", "-until", "1999-01-01 12:00", newer}, exitNothing, "outside of that period"},
	} {
		code, stdout, stderr := runLogs(t, time.Hour, nil, row.args...)
		if code != row.code || stdout != "" || !strings.Contains(stderr, row.want) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%s: got code %d, %q and %q, want %d, nothing and one line with %q", row.name, code, stdout, stderr, row.code, row.want)
		}
	}

	// What cannot be read, or not to its end, keeps nothing else from being reviewed.
	for _, row := range []struct {
		name string
		args []string
		want string // in the one line on stderr, and in the review
	}{
		{"one is missing", []string{older, "nosuch.log", newer}, `"nosuch.log" cannot be read: no such file`},
		{"one is a directory", []string{dir, older, newer}, "it is a directory"},
		{"one is cut off", []string{torn, older, newer}, "end too early"},
	} {
		code, got, stderr := runLogs(t, 0, nil, row.args...)
		if code != exitUsage || !strings.Contains(stderr, row.want) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%s: got code %d and %q, want %d and one line with %q", row.name, code, stderr, exitUsage, row.want)
		}
		first, rest, _ := strings.Cut(got, "\n")
		if !strings.HasPrefix(first, "Not reviewed") || !strings.Contains(first, row.want) {
			t.Errorf("%s: got %q for the first line, want it to say what was not reviewed", row.name, first)
		}
		if row.args[0] != torn && rest != want {
			t.Errorf("%s: the rest of the review: %s", row.name, firstDifference(rest, want))
		}
		_, object, _ := runLogs(t, 0, nil, append(row.args, "-json")...)
		if !strings.Contains(object, `"unread": [`) {
			t.Errorf("%s: got %.300s, want a member unread", row.name, object)
		}
	}

	code, _, stderr := runLogs(t, 0, []byte("started\n{\"ts\":1}\n{\"level\":\"info\n"))
	if want := "2 lines of other programs, 1 broken"; code != exitNothing || !strings.Contains(stderr, want) {
		t.Errorf("a log of others: got code %d and %q, want %d and %q", code, stderr, exitNothing, want)
	}
	var usage bytes.Buffer
	if code := logs(t.Context(), []string{"-h"}, nil, &usage, io.Discard); code != exitOK || !strings.Contains(usage.String(), "-since") {
		t.Errorf("-h: got code %d and %q, want 0 and the usage", code, &usage)
	}
	if code := logs(t.Context(), nil, bytes.NewReader(log), broken{}, io.Discard); code != exitNothing {
		t.Errorf("without room for the output: got code %d, want %d", code, exitNothing)
	}
	if code := logs(t.Context(), nil, broken{}, io.Discard, io.Discard); code != exitUsage {
		t.Errorf("broken stdin: got code %d, want %d", code, exitUsage)
	}
}

func TestLogMoment(t *testing.T) {
	now := time.Date(2026, 3, 1, 0, 30, 0, 0, time.UTC)
	for _, row := range []struct {
		text, want string
	}{
		{"90m", "2026-02-28T23:00:00Z"},
		{"0s", "2026-03-01T00:30:00Z"},
		{"00:10", "2026-03-01T00:10:00Z"},
		{"00:30:00", "2026-03-01T00:30:00Z"},
		{"23:50", "2026-02-28T23:50:00Z"},
		{"2026-02-01T10:00:00+02:00", "2026-02-01T08:00:00Z"},
		{"2026-02-01T10:00:00.5Z", "2026-02-01T10:00:00.5Z"},
		{"2026-02-01 10:00", "2026-02-01T10:00:00Z"},
		{"2026-02-01 10:00:07", "2026-02-01T10:00:07Z"},
		{"24:00", ""}, {"-1m", ""}, {"", ""}, {"yesterday", ""}, {"2026-02-30 10:00", ""},
	} {
		at, err := logMoment(row.text, now)
		got := at.UTC().Format(time.RFC3339Nano)
		if err != nil {
			got = ""
		}
		if got != row.want {
			t.Errorf("%q: got %q, want %q", row.text, got, row.want)
		}
	}
}
