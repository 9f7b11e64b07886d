package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/steadyhttp/steadyhttp"
)

func TestLogLine(t *testing.T) {
	const call = `"http.request.method":"GET","url.full":"https://a.example/","duration":1.5`
	for _, row := range []struct {
		name, line string
		want       logKind
	}{
		{"a call", `{` + call + `}`, logEntry},
		{"behind a container's name", `app-1  | {` + call + `}`, logEntry},
		{"a field of another type", `{"code":7,` + call + `}`, logEntry},
		{"an attempt", `{"level":"debug","msg":"attempt failed","attempt":1,"error.type":"timeout"}`, logAttempt},
		{"a wait", `{"msg":"waiting","attempt":2,"wait":1,"reason":"backoff"}`, logAttempt},
		{"somebody's attempt", `{"msg":"login","attempt":2}`, logForeign},
		{"text", "listening on :8080", logForeign},
		{"another entry", `{"level":"info","msg":"started"}`, logForeign},
		{"another client's entry", `{"http.request.method":"GET","duration":1}`, logForeign},
		{"no duration", `{"http.request.method":"GET","url.full":"https://a.example/"}`, logForeign},
		{"cut in a value", `{` + call, logBroken},
		{"cut early", `{"level":"inf`, logBroken},
		{"two in one", `{` + call + `{` + call + `}`, logBroken},
	} {
		if _, got := new(logReader).line([]byte(row.line)); got != row.want {
			t.Errorf("%s: got kind %d, want %d", row.name, got, row.want)
		}
	}
}

func TestLogTime(t *testing.T) {
	const want = "2026-02-03T04:05:06.5Z"
	for _, raw := range []string{
		"1770091506.5", "1770091506500", "1770091506500000", "1770091506500000000", "1.7700915065e9",
		`"2026-02-03T04:05:06.5Z"`, `"2026-02-03T04:05:06.500+0000"`, `"2026-02-03T05:05:06.500+0100"`, `"2026-02-03T05:05:06.5+01:00"`,
	} {
		if got := logTime([]byte(raw)).UTC().Format(time.RFC3339Nano); got != want {
			t.Errorf("%s: got %s, want %s", raw, got, want)
		}
	}
	for _, raw := range []string{"", "0", "-1", "17", "1e300", "9e18", "null", "true", `"noon"`, `"`, "{}", `"9999-01-01T00:00:00Z"`} {
		if got := logTime([]byte(raw)); !got.IsZero() {
			t.Errorf("%s: got %s, want no time", raw, got)
		}
	}
	console := "2026-02-03T04:05:06.500Z\tINFO\tcall recovered\t" + `{"http.request.method":"GET","url.full":"u","duration":1}`
	if c, _ := new(logReader).line([]byte(console)); c.at.UTC().Format(time.RFC3339Nano) != want {
		t.Errorf("console form: got %s, want %s", c.at, want)
	}
}

// Whole numbers are seconds or nanoseconds: what is certain decides what is not.
func TestLogDurations(t *testing.T) {
	for _, row := range []struct {
		name, values string // of one entry after another
		want         string // of the last
	}{
		{"seconds", "1.5", "1.5s"},
		{"whole seconds", "2", "2s"},
		{"nanoseconds", "1500000000", "1.5s"},
		{"few nanoseconds after many", "1500000000 900", "900ns"},
		{"few seconds after a fraction", "1500000000 0.25 900", "15m0s"},
		{"text", `"1m2.5s"`, "1m2.5s"},
		{"microseconds as text", `"15µs"`, "15µs"},
		{"text says nothing of numbers", `"1m" 3`, "3s"},
		{"below 0", "-1", "0s"},
		{"below 0 as text", `"-1s"`, "0s"},
		{"longer than a year", "1e300", "0s"},
		{"longer than a year as text", `"99999h"`, "0s"},
		{"no duration", `"soon"`, "0s"},
		{"another type", "true", "0s"},
	} {
		var r logReader
		var got time.Duration
		for value := range strings.FieldsSeq(row.values) {
			c, _ := r.line([]byte(`{"http.request.method":"GET","url.full":"u","duration":` + value + `}`))
			got = c.duration
		}
		if got.String() != row.want {
			t.Errorf("%s: got %s, want %s", row.name, got, row.want)
		}
	}
}

func TestOverLongLines(t *testing.T) {
	entry := `{"http.request.method":"GET","url.full":"u","duration":1}`
	long := `{"http.request.method":"GET","url.full":"` + strings.Repeat("u", 3*maxLogLine) + `","duration":1}`
	for _, row := range []struct {
		name, log        string
		entries, tooLong int64
	}{
		{"between others", entry + "\n" + long + "\n" + entry + "\n", 2, 1},
		{"first", long + "\n" + entry, 1, 1},
		{"last, without an end", entry + "\n" + long, 1, 1},
		{"as long as may be", `{"x":"` + strings.Repeat("u", maxLogLine-len(entry)-8) + `",` + entry[1:] + "\n", 1, 0},
	} {
		v := newReview(time.Time{}, time.Time{})
		if err := v.read(strings.NewReader(row.log)); err != nil {
			t.Fatal(err)
		}
		if v.lines.Entries != row.entries || v.lines.TooLong != row.tooLong {
			t.Errorf("%s: got %d entries and %d too long, want %d and %d", row.name, v.lines.Entries, v.lines.TooLong, row.entries, row.tooLong)
		}
	}
}

// However many servers, codes and ids there are, what is kept is bounded, and
// nothing is lost from the sums.
func TestReviewIsBounded(t *testing.T) {
	v := newReview(time.Time{}, time.Time{})
	const n = 5000
	for i := range n {
		v.line(logCall{
			at: time.Unix(1e9+int64(i)*1e5, 0), method: "GET", url: "u", server: fmt.Sprint("s", i), code: fmt.Sprint("c", i),
			class: steadyhttp.ServerError, requestID: fmt.Sprint("r", i), attempts: 2, duration: time.Duration(i) * time.Millisecond,
		}, logEntry)
	}
	if len(v.failures) > maxFailureKinds || len(v.servers) > maxServers || len(v.timeline.buckets) > maxBuckets {
		t.Errorf("got %d kinds, %d servers, %d buckets, want at most %d, %d, %d",
			len(v.failures), len(v.servers), len(v.timeline.buckets), maxFailureKinds, maxServers, maxBuckets)
	}
	r := v.report()
	sum := r.OtherFailures
	for _, f := range r.Failures {
		sum += f.Count
	}
	if sum != n || r.Attempts.Total != 2*n {
		t.Errorf("got %d failures and %d attempts, want %d and %d", sum, r.Attempts.Total, n, 2*n)
	}
	if !strings.Contains(r.text(), "and 4,980 of other kinds") {
		t.Errorf("got %s, want the other kinds counted", r.text())
	}
	var ids []string
	for _, q := range r.Quote[0].Requests {
		ids = append(ids, q.ID)
	}
	if want := "r4999 r4998 r4997"; strings.Join(ids, " ") != want {
		t.Errorf("got ids %q, want %s", ids, want)
	}
	if got := r.Slowest[0].Duration; time.Duration(got) != 4999*time.Millisecond || len(r.Slowest) != maxSlowest {
		t.Errorf("got %d slowest, the first %v, want %d and 4.999s", len(r.Slowest), time.Duration(got), maxSlowest)
	}
}

func TestTimeline(t *testing.T) {
	begin := time.Date(2026, 1, 31, 10, 0, 0, 0, time.UTC)
	for _, row := range []struct {
		name   string
		length time.Duration
		width  time.Duration
		n      int
	}{
		{"a moment", 0, time.Second, 1},
		{"a minute less a second", 59 * time.Second, time.Second, 60},
		{"a minute", time.Minute, 2 * time.Second, 31},
		{"half an hour", 30*time.Minute - time.Second, 30 * time.Second, 60},
		{"an hour", time.Hour - time.Second, time.Minute, 60},
		{"a day", 24*time.Hour - time.Second, 30 * time.Minute, 48},
		{"a week", 7*24*time.Hour - time.Second, 3 * time.Hour, 57},
		{"a year", 365 * 24 * time.Hour, 7 * 24 * time.Hour, 53},
		{"fifty years", 50 * 365 * 24 * time.Hour, 448 * 24 * time.Hour, 42},
	} {
		for _, order := range []string{"forwards", "backwards", "shuffled"} {
			var tl timeline
			const calls = 3000
			at := make([]time.Time, calls)
			for i := range at {
				at[i] = begin.Add(row.length / (calls - 1) * time.Duration(i))
			}
			at[calls-1] = begin.Add(row.length)
			switch order {
			case "backwards":
				for i := range calls / 2 {
					at[i], at[calls-1-i] = at[calls-1-i], at[i]
				}
			case "shuffled":
				rand.New(rand.NewPCG(1, 2)).Shuffle(calls, func(i, j int) { at[i], at[j] = at[j], at[i] })
			}
			for i, moment := range at {
				tl.add(moment, i%3 == 0)
			}
			start, width, all := tl.columns()
			var sum tally
			for _, b := range all {
				sum.calls += b.calls
				sum.failures += b.failures
			}
			if width != row.width || len(all) != row.n || sum != (tally{calls, calls / 3}) || start.After(begin) || begin.Sub(start) >= width {
				t.Errorf("%s %s: got %d columns of %v from %v with %v, want %d of %v from %v", row.name, order, len(all), width, start, sum, row.n, row.width, begin)
			}
		}
	}
}

func TestBars(t *testing.T) {
	all := []tally{{0, 0}, {1, 0}, {2, 0}, {8, 0}, {7, 0}, {100, 0}, {50, 0}}
	if got, most := bars(all, func(b tally) int64 { return b.calls }); got != "·▁▁▁▁█▄" || most != 100 {
		t.Errorf("got %s and %d, want ·▁▁▁▁█▄ and 100", got, most)
	}
	if got, most := bars(all, func(b tally) int64 { return b.failures }); got != "·······" || most != 0 {
		t.Errorf("no failures: got %s and %d, want dots and 0", got, most)
	}
}

func TestDurationSketch(t *testing.T) {
	var s durationSketch
	if got := s.quantile(0.5); got != 0 {
		t.Errorf("of nothing: got %v, want 0", got)
	}
	for i := range 100_000 {
		s.add(time.Duration(i+1) * 100 * time.Microsecond)
	}
	for q, want := range map[float64]time.Duration{0.5: 5 * time.Second, 0.95: 9500 * time.Millisecond, 0.99: 9900 * time.Millisecond, 1: 10 * time.Second} {
		if got := s.quantile(q); float64((got - want).Abs()) > 0.03*float64(want) {
			t.Errorf("%g: got %v, want %v within 3%%", q, got, want)
		}
	}
	var ends durationSketch
	ends.add(0)
	ends.add(longest)
	if lo, hi := ends.quantile(0.5), ends.quantile(1); lo > 2*time.Microsecond || hi != longest {
		t.Errorf("of the ends: got %v and %v, want next to nothing and %v", lo, hi, longest)
	}
}

func FuzzLogs(f *testing.F) {
	f.Add([]byte(hostileLog))
	f.Add([]byte(`{"ts":1.7e9,"http.request.method":"GET","url.full":"u","duration":"1s","retried_classes":["timeout",7],"attempts":2,"waited":1e9,"waited_server":1}`))
	f.Add([]byte("\x1f\x8b\x08\x00"))
	f.Add([]byte("{\n\n{}}\n[\"http.request.method\"]{"))
	f.Add([]byte("\x1f\x8b\b\x00|\x97ֈ\xc8V\xd2\x00")) // breaks off, and has a line of something else
	f.Fuzz(func(t *testing.T, log []byte) {
		for _, args := range [][]string{nil, {"-json"}} {
			var out, errs bytes.Buffer
			code := logs(t.Context(), args, bytes.NewReader(log), &out, &errs)
			clean(t, out.String())
			clean(t, errs.String())
			switch {
			case code == exitOK && (out.Len() == 0 || errs.Len() > 0):
				t.Errorf("got code 0, %q and %q, want a review", &out, &errs)
			case code != exitOK && strings.Count(errs.String(), "\n") != 1 && !strings.Contains(errs.String(), "cannot be read"):
				t.Errorf("got code %d and %q, want one line, and one more for what broke off", code, &errs)
			case code == exitOK && args != nil && !json.Valid(out.Bytes()):
				t.Errorf("got %s, want JSON", &out)
			}
			for line := range strings.Lines(out.String()) {
				if args == nil && columns(line) > 2*maxShown {
					t.Errorf("got a line of %d columns: %q", columns(line), line)
				}
			}
		}
	})
}
