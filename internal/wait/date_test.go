package wait_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/steadyhttp/steadyhttp/internal/wait"
)

// The quick way to read a date takes no text that net/http does not take. It leaves the
// day of the week alone.
func TestDatesAreReadAsNetHTTPDoes(t *testing.T) {
	now := time.Date(2023, 1, 1, 0, 0, 0, 0, time.UTC)
	const good = "Tue, 14 Nov 2023 22:13:20 GMT"
	texts := []string{
		good, "Tue, 14 anF 2023 22:13:20 GMT", "Sat, 00 Nov 2023 22:13:20 GMT", "Wed, 01 Nov 2023 22:13:20 GMT", "Tue, 28 Feb 2023 22:13:20 GMT",
		"Wed, 29 Feb 2023 22:13:20 GMT", "Thu, 29 Feb 2024 22:13:20 GMT", "Fri, 31 Mar 2023 22:13:20 GMT", "Sun, 31 Dec 2023 23:59:59 GMT",
		"Sun, 01 Jan 2023 00:00:00 GMT", "Tue, 14 Nov 2023 24:00:00 GMT", "Tue, 14 Nov 2023 22:60:00 GMT", "Tue, 14 Nov 2023 22:00:60 GMT",
		"Tue, 14 Nov 2023 22:13:20.5 GMT",
	}
	for i := 3; i < len(good); i++ {
		for _, c := range []byte("x 03569:,\xd2\xd5") {
			changed := []byte(good)
			changed[i] = c
			texts = append(texts, string(changed))
		}
	}
	for _, text := range texts {
		at, err := http.ParseTime(text)
		want := no
		if err == nil {
			want = min(max(at.Sub(now), 0), wait.Longest)
		}
		got, ok := wait.RetryAfter(text, now)
		if !ok {
			got = no
		}
		if got != want {
			t.Errorf("RetryAfter(%q): got %v, want %v", text, got, want)
		}
	}
}
