package redact_test

import (
	"testing"

	"github.com/steadyhttp/steadyhttp/internal/redact"
)

// Keys count from a stated length on, at the very beginning and the very end of a text.
func TestKeysAtTheirShortest(t *testing.T) {
	const mask = redact.Mask
	for _, row := range []struct{ text, want string }{
		{"sk-a1b2c3d4", mask},
		{"ghp_a1b2c3d4", mask},
		{"ghp_a1b2c3d", "ghp_a1b2c3d"},
		{"(ghp_a1b2c3d4)", "(" + mask + ")"},
		{"x.ghp_a1b2c3d4", "x." + mask},
		{"AKIA0123456789AB", mask},
		{"AKIA0123456789A", "AKIA0123456789A"},
		{"Cookie: a=b; c=d", "Cookie: " + mask},
		{"-----BEGIN PRIVATE KEY-----", "-----BEGIN PRIVATE KEY-----" + mask},
		{"PRIVATE KEY-----MIIabc", "PRIVATE KEY-----" + mask},
		{"see https://[::1]:80/x", "see https://[::1]:80/x"},
		{"%2Fhooks.slack.com%2Fservices%2FT01234567%2FB01234567%2F" + drawn, "%2Fhooks.slack.com%2Fservices%2F" + mask},
		{"hooks.slack.com%2Fservices%2FT01234567%2FB01234567%2F" + drawn, "hooks.slack.com%2Fservices%2F" + mask},
		{"/localhost/hooks/" + drawn, "/localhost/hooks/" + mask},
		{"localhost:9/hooks/" + drawn, "localhost:9/hooks/" + drawn},
		{"//localhost:9/hooks/" + drawn, "//localhost:9/hooks/" + mask},
		{"//localhost:0/hooks/" + drawn, "//localhost:0/hooks/" + mask},
	} {
		if got := redact.Line(row.text, 1024); got != row.want {
			t.Errorf("%s\n got %s\nwant %s", row.text, got, row.want)
		}
	}
}
