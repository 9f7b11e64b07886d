package dialect

import (
	"strings"
	"testing"
)

// A code is found in whatever letters it is written, and a compound by its first or its
// last part.
func TestLookUp(t *testing.T) {
	known := map[string]Class{"ratelimit": RateLimit, "throttling": Overloaded, "gone": NotFound, strings.Repeat("a", maxKey): Quota}
	for _, row := range []struct {
		name, code string
		want       Class
	}{
		{"as it is", "ratelimit", RateLimit},
		{"in capitals", "RATE_LIMIT", RateLimit},
		{"with the last letter of the alphabet", "ratelimitZ", ""},
		{"with signs", "rate-limit", RateLimit},
		{"an error of it", "RateLimitError", RateLimit},
		{"an exception of it", "RateLimitException", RateLimit},
		{"a fault of it", "rate_limit_fault", RateLimit},
		{"the last part", "com.example/gone", NotFound},
		{"the last part of a URL", "https://example.com/errors#gone", NotFound},
		{"the last part behind a slash at the beginning", "/gone", NotFound},
		{"the last part of one letter less", "x.one", ""},
		{"the last part behind a sign at the beginning", ".gone", NotFound},
		{"the first part", "Throttling.RateQuota", Overloaded},
		{"nothing before the first sign", ".RateQuota", ""},
		{"neither", "com.example", ""},
		{"the longest", strings.Repeat("A", maxKey), Quota},
		{"as much of a longer one", strings.Repeat("A", maxKey+5), Quota},
		{"nothing", "", ""},
	} {
		if got := lookUp(known, row.code); got != row.want {
			t.Errorf("%s: %.40s: got %q, want %q", row.name, row.code, got, row.want)
		}
	}
	for code, want := range map[string]string{"abcError": "abc", "abError": "aberror", "Error": "error", "BUZZ": "buzz"} {
		if got := string(keyOf(nil, code)); got != want {
			t.Errorf("%s: got the key %q, want %q", code, got, want)
		}
	}
}

func TestDiscordsNumbers(t *testing.T) {
	for n, want := range map[int]bool{14: false, 15: true, 20: true, 21: false} {
		if got := isSnowflake(strings.Repeat("1", n)); got != want {
			t.Errorf("%d digits: got %t, want %t", n, got, want)
		}
	}
	if isSnowflake("12345678901234567a") {
		t.Error("a letter in it: got true")
	}
}
