package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/steadyhttp/steadyhttp"
)

func TestReadEntries(t *testing.T) {
	const call = `"http.request.method":"GET","http.response.status_code":429,"error.type":"rate_limit",`
	at := time.Date(2000, 1, 1, 0, 0, 1, 500e6, time.UTC)
	for _, row := range []struct {
		name string
		text string
		want entry // time, retryAfter, message, attempts, class
	}{
		{"seconds", `{"ts":946684801.5,` + call + `"retry_after":20}`, entry{time: at, retryAfter: 20 * time.Second}},
		{"nanoseconds", `{"ts":946684801500000000,` + call + `"retry_after":20000000000}`, entry{time: at, retryAfter: 20 * time.Second}},
		{"milliseconds and text", `{"ts":946684801500,` + call + `"retry_after":"1m20s"}`, entry{time: at, retryAfter: 80 * time.Second}},
		{"ISO 8601", `{"time":"2000-01-01T01:00:01.500+0100",` + call + `"message":"m"}`, entry{time: at, message: "m"}},
		{"RFC 3339", `{"T":"2000-01-01T00:00:01.5Z",` + call + `"message":"m"}`, entry{time: at, message: "m"}},
		{"console", "2000-01-01T00:00:01.500Z\tWARN\tapp\tcall refused\t{" + call + `"message":"{m}"}`, entry{time: at, message: "{m}"}},
		{"console without a date", "00:00:01.500\tWARN\tcall {odd} refused\t{" + call + `"message":"m"}`, entry{message: "m"}},
		{"several lines", "{\n" + call + "\n\"message\":\"m\"\n}\n", entry{message: "m"}},
		{"nonsense in numbers", `{"ts":-1,` + call + `"retry_after":-5,"attempts":1e300,"message":7}`, entry{}},
	} {
		t.Run(row.name, func(t *testing.T) {
			all := readEntries(row.text)
			if len(all) != 1 {
				t.Fatalf("got %d entries, want 1", len(all))
			}
			e := all[0]
			if !e.time.Equal(row.want.time) || e.retryAfter != row.want.retryAfter || e.message != row.want.message {
				t.Errorf("got %v, %v, %q, want %v, %v, %q", e.time, e.retryAfter, e.message, row.want.time, row.want.retryAfter, row.want.message)
			}
			if e.class != steadyhttp.RateLimit || e.attempts != 1 || e.status != 429 {
				t.Errorf("got %v, %d attempts, status %d, want rate_limit, 1, 429", e.class, e.attempts, e.status)
			}
		})
	}
}

func TestNoEntries(t *testing.T) {
	for _, text := range []string{
		"", "{}", "[]", "null", `{"level":"info","msg":"hello"}`, `{"http.request.method":"GET"}`, `{"http.request.method":7,"duration":1}`,
		`x {"http.request.method":"GET","duration":1} y`, `{"http.request.method":"GET","duration":1`,
	} {
		if all := readEntries(text); len(all) != 0 {
			t.Errorf("%q: got %d entries, want none", text, len(all))
		}
	}
}

func TestEntries(t *testing.T) {
	const (
		fine    = `{"http.request.method":"GET","url.full":"https://a.test/","http.response.status_code":200,"duration":0.1}`
		again   = `{"http.request.method":"GET","url.full":"https://a.test/","http.response.status_code":200,"duration":1,"attempts":2,"retried_classes":["timeout"]}`
		posted  = `{"http.request.method":"POST","url.full":"https://a.test/","http.response.status_code":500,"duration":1,"error.type":"server_error","message":"Oops."}`
		offline = `{"http.request.method":"GET","url.full":"https://a.test/","duration":1,"error.type":"connection","message":"EOF"}`
		hidden  = `{"http.request.method":"POST","url.full":"https://slack.com/api/x","http.response.status_code":200,"duration":1,"error.type":"rate_limit","code":"ratelimited"}`
		undated = `{"http.request.method":"GET","url.full":"https://a.test/","http.response.status_code":429,"duration":1,"error.type":"rate_limit","retry_after":20,"retry_after_source":"retry-after"}`
		newer   = `{"http.request.method":"GET","url.full":"https://a.test/","http.response.status_code":418,"duration":1,"error.type":"teapot"}`
		key     = `{"http.request.method":"GET","url.full":"https://a.test/?api_key=hunter2hunter2","duration":1,"error.type":"connection","message":"\u001b[2Jsk-proj-abcDEF123456789012345"}`
	)
	for _, row := range []struct {
		name    string
		lines   []string
		want    []string
		wantNot string
	}{
		{"all went well", []string{fine, fine}, []string{"Success          200 OK", "none of 2 calls failed"}, "Failure"},
		{"one recovered", []string{fine, again, fine}, []string{"Recovered", "1 failed attempt", "timeout (1 time): request timed out"}, "Failure"},
		{"one failed", []string{again, posted, fine}, []string{"server_error (500", "Oops.", "not automatically", "the only failure among 3 calls"}, "Recovered"},
		{"two failed", []string{posted, offline, again}, []string{"connection (no response)", "Error            EOF", "the last of 2 failures among 3 calls", "GET may be repeated"}, "Oops"},
		{"an error in a success", []string{hidden}, []string{"rate_limit (200 OK)", "ratelimited", "any method"}, "In the log"},
		{"no date", []string{undated}, []string{"20 seconds after the response (retry-after)\n"}, "not before"},
		{"a class of a later version", []string{newer}, []string{"unknown (418"}, "teapot\x00"},
		{"secrets", []string{key}, []string{"[redacted]"}, "hunter2"},
	} {
		t.Run(row.name, func(t *testing.T) {
			code, stdout, stderr := start(t, "noise\n"+strings.Join(row.lines, "\nnoise\n"), "explain")
			if code != exitOK || stderr != "" {
				t.Fatalf("got code %d and %q, want 0 and nothing", code, stderr)
			}
			for _, want := range row.want {
				if !strings.Contains(stdout, want) {
					t.Errorf("got\n%s\nwant %q in it", stdout, want)
				}
			}
			if strings.Contains(stdout, row.wantNot) {
				t.Errorf("got\n%s\nwant no %q in it", stdout, row.wantNot)
			}
			clean(t, stdout)
		})
	}
}

func TestClassNamed(t *testing.T) {
	var got []steadyhttp.Class
	for c := steadyhttp.None; c <= steadyhttp.Unknown; c++ {
		if classNamed(c.String()) != c {
			got = append(got, c)
		}
	}
	if !slices.Equal(got, nil) {
		t.Errorf("got other classes for the names of %v, want these", got)
	}
}

func FuzzReadEntries(f *testing.F) {
	f.Add(file(f, "calls.log"))
	f.Add(file(f, "recovered.log"))
	f.Add("x\t{" + `"http.request.method":"GET","error.type":"timeout","retry_after":1e18,"retry_after_source":"a","ts":9e18,"retried_classes":[1,"quota"]}`)
	f.Fuzz(explainFuzzed)
}
