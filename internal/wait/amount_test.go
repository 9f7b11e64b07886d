package wait_test

import (
	"testing"
	"time"

	"github.com/steadyhttp/steadyhttp/internal/wait"
)

// Where figures begin, end and stop being times.
func TestAmounts(t *testing.T) {
	const day = 24 * time.Hour
	for _, tt := range []struct {
		message string
		want    time.Duration
	}{
		// A bare number ends its sentence, and is not a year.
		{"Too Many Requests: retry after 35.", 35 * time.Second},
		{"retry after 1.2.3", no},
		{"retry after 5-", no},
		{"again in 1989", 1989 * time.Second},
		{"again in 1990", no},
		{"again in 2099", no},
		{"again in 2100", 2100 * time.Second},
		// Parts get smaller.
		{"Please wait 5 seconds, 10 seconds at most", 5 * time.Second},
		{"Please wait 5 seconds, 2 minutes at most", 5 * time.Second},
		{"Try again in a minute.", time.Minute},
		{"Try again in a day.", day},
		{"Try again in a moment.", no},
		// More than the longest is none.
		{"again in 366 days", wait.Longest},
		{"again in 366 days 1 hour", no},
		{"again in 367 days", no},
		// Of a range the upper end counts.
		{"again in 2-2 minutes", 2 * time.Minute},
		{"again in 2 to 3 minutes", 3 * time.Minute},
		{"again in 3-2 minutes", no},
		// Thousands.
		{"Please wait 1,500", 1500 * time.Second},
		{"Please wait 123,456 ms", 123456 * time.Millisecond},
		{"Please wait 1,234,567 ms", 1234567 * time.Millisecond},
		{"Please wait 1,234.5 ms", 1234500 * time.Microsecond},
		// The face of a clock.
		{"Quota will be replenished in 14.07:13:56.", 14*day + 7*time.Hour + 13*time.Minute + 56*time.Second},
		{"Quota will be replenished in 366.00:00:00", wait.Longest},
		{"Quota will be replenished in 366.00:00:01", no},
		{"Quota will be replenished in 1.23:00:00", day + 23*time.Hour},
		{"Quota will be replenished in 1.24:00:00", no},
		{"Quota will be replenished in .07:13:56", no},
		{"Quota will be replenished in 100:00:00", 100 * time.Hour},
		{"Quota will be replenished in 1000:00:00", no},
		{"Quota will be replenished in 00:59:59", 59*time.Minute + 59*time.Second},
		{"Quota will be replenished in 00:60:00", no},
		{"Quota will be replenished in 00:00:60", no},
		{"Quota will be replenished in 00:00:05:01", no},
		// Words around it, in any case.
		{"Try again in approx. 5 minutes", 5 * time.Minute},
		{"Try again (approx) in 5 minutes", 5 * time.Minute},
		{"Please wait -", no},
		{"essayeZ dans 5 s", 5 * time.Second},
		{"ATTENDEZ 5 s", 5 * time.Second},
		{"zwait 5 seconds", no},
		// Chinese: a figure that belongs to a version or has a sign is none.
		{"v2.30秒后重试", no},
		{"请在-30秒后重试", no},
		{"30秒后重试", 30 * time.Second},
	} {
		got, ok := wait.Text(tt.message)
		if !ok {
			got = no
		}
		if got != tt.want {
			t.Errorf("Text(%q): got %v, want %v", tt.message, got, tt.want)
		}
	}
}
