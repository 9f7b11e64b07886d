package steadyhttptest

import (
	"bytes"
	"io"
	"maps"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// stuckPatience is for wrappers that get stuck on purpose, so that there is nothing to be patient about.
const stuckPatience = 200 * time.Millisecond

// racing reports whether the race detector is on. It finds some of the broken wrappers itself, and fails the test for it.
var racing = sync.OnceValue(func() bool {
	info, ok := debug.ReadBuildInfo()
	return ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
})

func TestConformanceOfGoodWrappers(t *testing.T) {
	for name, wrap := range map[string]wrapFunc{
		"the bare base":            func(base http.RoundTripper) http.RoundTripper { return base },
		"adds a header to a clone": wrapper(addHeader),
		"retries":                  retrying(flaws{}),
		"retries what has a header added": func(base http.RoundTripper) http.RoundTripper {
			return retrying(flaws{})(wrapper(addHeader)(base))
		},
		"lets four calls through at once": slotted(4, false),
		"keeps a goroutine until it is closed": func(base http.RoundTripper) http.RoundTripper {
			t := &ticking{base, make(chan struct{})}
			go t.tick()
			return t
		},
	} {
		t.Run(name, func(t *testing.T) {
			if testing.Short() && name != "retries what has a header added" {
				t.Skip("-short: this one is run for all")
			}
			t.Parallel()
			TestRoundTripper(t, wrap)
		})
	}
}

// TestConformanceNotes: what is a wrapper's choice is told and fails nothing.
func TestConformanceNotes(t *testing.T) {
	for _, row := range []struct {
		rule string
		wrap wrapFunc
		want string
	}{
		{"request-trailer", wrapper(addHeader), "did not see the request's trailer"},
		{"wait-deadline", retrying(flaws{}), ""},
		{"wait-deadline", waitsWithAnswer, "the base had answered, RoundTrip returned the error context deadline exceeded"},
		{"wait-cancel-channel", waitsWithAnswer, "does not look at Request.Cancel"},
		{"answer-body-stalled", onAnswer(func(_ *http.Request, resp *http.Response) {
			if resp.StatusCode >= 400 {
				var first [10]byte
				n, err := io.ReadFull(resp.Body, first[:])
				after := resp.Body.(io.Reader)
				if err != nil {
					after = errorReader{err}
				}
				resp.Body = &otherBody{io.MultiReader(bytes.NewReader(first[:n]), after), resp.Body}
			}
		}), "returned only at the deadline"},
	} {
		problems, notes := named(t, row.rule).check(t, row.wrap, realPatience)
		if len(problems) > 0 {
			t.Errorf("%s: got problems, want none: %q", row.rule, problems)
		}
		if got := strings.Join(notes, "\n"); !strings.Contains(got, row.want) || row.want == "" && got != "" {
			t.Errorf("%s: got notes %q, want %q", row.rule, got, row.want)
		}
	}
}

// waitsWithAnswer retries once and prefers the context's error to the answer it had.
var waitsWithAnswer = wrapper(func(base http.RoundTripper, req *http.Request) (*http.Response, error) {
	resp, err := base.RoundTrip(req)
	if err != nil || resp.StatusCode < 429 || req.Body != nil {
		return resp, err
	}
	resp.Body.Close()
	select {
	case <-time.After(10 * time.Second):
		return base.RoundTrip(req)
	case <-req.Context().Done():
		return nil, req.Context().Err()
	}
})

type errorReader struct{ err error }

func (r errorReader) Read([]byte) (int, error) { return 0, r.err }

// TestConformanceCatches proves each rule by wrappers that break it.
func TestConformanceCatches(t *testing.T) {
	proved := map[string]bool{"request-trailer": true} // see TestConformanceNotes
	for _, row := range brokenWrappers {
		proved[row.by] = true
		t.Run(row.name, func(t *testing.T) {
			if row.by == "request-shared" && racing() {
				t.Skip("the race detector would catch it first")
			}
			t.Parallel()
			patience := realPatience
			if row.says == "stuck" {
				patience = stuckPatience
			}
			r := named(t, row.by)
			problems, _ := r.check(t, row.wrap, patience)
			text := r.failure(problems)
			if !strings.Contains(strings.Join(problems, "\n"), row.says) || text == "" {
				t.Errorf("%s: got %s\nwant something with %q", row.by, text, row.says)
			} else if !strings.HasSuffix(text, "The rule: "+r.explanation) {
				t.Errorf("%s: the text does not end with the rule: %s", row.by, text)
			}
			t.Log(text) // with -v, to see how failures read
		})
	}
	for _, r := range conformanceRules() {
		if !proved[r.name] {
			t.Errorf("%s: got no broken wrapper in the table, want one that proves it", r.name)
		}
	}
}

func TestConformanceRulesHaveNames(t *testing.T) {
	names := map[string]int{}
	for _, r := range conformanceRules() {
		names[r.name]++
		if r.explanation == "" || strings.ContainsAny(r.name, " /") {
			t.Errorf("rule %q: got an explanation of %d bytes, want some, and a name for -run", r.name, len(r.explanation))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if names[name] > 1 {
			t.Errorf("rule %q: got %d of them, want 1", name, names[name])
		}
	}
}

// named returns the rule of that name.
func named(t *testing.T, name string) rule {
	t.Helper()
	for _, r := range conformanceRules() {
		if r.name == name {
			return r
		}
	}
	t.Fatalf("got no rule %q", name)
	return rule{}
}
