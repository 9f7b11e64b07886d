package steadyhttptest

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestLimiterCatches proves each promise by Limiters that break it.
func TestLimiterCatches(t *testing.T) {
	proved := map[string]bool{}
	for _, row := range brokenLimiters {
		proved[row.by] = true
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := promised(t, row.by)
				var text string
				for _, b := range checkLimiter(row.make, []promise{p}) {
					text += b.failure()
				}
				if !strings.Contains(text, row.says) {
					t.Errorf("%s: got %q, want something with %q", row.by, text, row.says)
				} else if !strings.HasPrefix(text, row.by) || !strings.HasSuffix(text, p.explanation) {
					t.Errorf("%s: got %q, want the promise first and its reason last", row.by, text)
				}
				t.Log(text)                 // with -v, to see how failures read
				time.Sleep(2 * time.Minute) // until what was left behind has ended too
			})
		})
	}
	names := map[string]bool{}
	for _, p := range promises() {
		if !proved[p.name] {
			t.Errorf("%s: got no broken Limiter in the table, want one that proves it", p.name)
		}
		if names[p.name] || p.explanation == "" {
			t.Errorf("%s: got it twice or without an explanation", p.name)
		}
		names[p.name] = true
	}
}

// promised returns the promise of that name.
func promised(t *testing.T, name string) promise {
	t.Helper()
	for _, p := range promises() {
		if p.name == name {
			return p
		}
	}
	t.Fatalf("got no promise %q", name)
	return promise{}
}
