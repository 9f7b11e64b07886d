package limit_test

import (
	"context"
	"errors"
	"testing"

	"github.com/steadyhttp/steadyhttp/limit"
)

// TestLimitsAreAny has one limit set at a time. Negative values and 0 are no limit.
func TestLimitsAreAny(t *testing.T) {
	for _, row := range []struct {
		name        string
		of          func(int) limit.Limits
		any, tokens bool // with a positive value
	}{
		{"requests per second", func(n int) limit.Limits { return limit.Limits{RequestsPerSecond: float64(n)} }, true, false},
		{"requests per minute", func(n int) limit.Limits { return limit.Limits{RequestsPerMinute: float64(n)} }, true, false},
		{"requests per day", func(n int) limit.Limits { return limit.Limits{RequestsPerDay: float64(n)} }, true, false},
		{"tokens", func(n int) limit.Limits { return limit.Limits{TokensPerMinute: float64(n)} }, true, true},
		{"input tokens", func(n int) limit.Limits { return limit.Limits{InputTokensPerMinute: float64(n)} }, true, true},
		{"output tokens", func(n int) limit.Limits { return limit.Limits{OutputTokensPerMinute: float64(n)} }, true, true},
		{"at once", func(n int) limit.Limits { return limit.Limits{MaxConcurrent: n} }, true, false},
		{"a burst alone", func(n int) limit.Limits { return limit.Limits{Burst: n} }, false, false},
	} {
		for _, n := range []int{-1, 0, 1} {
			l := row.of(n)
			if got, want := l.Any(), row.any && n > 0; got != want {
				t.Errorf("%s, %d: Any is %t", row.name, n, got)
			}
			if got, want := l.Tokens(), row.tokens && n > 0; got != want {
				t.Errorf("%s, %d: Tokens is %t", row.name, n, got)
			}
		}
	}
}

func TestPriorityNames(t *testing.T) {
	for p, want := range map[limit.Priority]string{
		-2: "batch", limit.Batch: "batch", limit.Normal: "normal", limit.Urgent: "urgent", 2: "urgent",
	} {
		if got := p.String(); got != want {
			t.Errorf("%d is %q, want %q", p, got, want)
		}
	}
}

func TestScopeNames(t *testing.T) {
	for s, want := range map[limit.Scope]string{
		0:               "",
		limit.ScopeHost: "host",
		limit.ScopeCredential | limit.ScopeBucket: "credential, bucket",
		1<<7 - 1:               "host, credential, model, method, path, resource, bucket",
		1<<7 | limit.ScopeHost: "host and 0x1", // a bit that has no name
	} {
		if got := s.String(); got != want {
			t.Errorf("%#x is %q, want %q", uint8(s), got, want)
		}
	}
}

func TestRefusalIs(t *testing.T) {
	for _, row := range []struct {
		late   bool
		target error
		want   bool
	}{
		{false, limit.ErrThrottled, true},
		{true, limit.ErrThrottled, true},
		{true, context.DeadlineExceeded, true},
		{false, context.DeadlineExceeded, false},
		{true, context.Canceled, false},
	} {
		r := &limit.Refusal{Reason: "the queue is full", Late: row.late, Err: context.Canceled}
		if got := errors.Is(r, row.target); got != row.want {
			t.Errorf("late %t: is %v: %t", row.late, row.target, got)
		}
	}
}

func TestLabels(t *testing.T) {
	for _, row := range []struct {
		key  limit.Key
		want string
	}{
		{limit.Key{Host: "api.example.com"}, "api.example.com"},
		{limit.Key{Host: "api.example.com", Credential: 1}, "api.example.com"}, // 1 is a request without one
		{limit.Key{Host: "api.example.com", Credential: 2}, "api.example.com key 0002"},
		{limit.Key{Host: "api.example.com", Credential: 0xabcdef12345678, Route: "GET /a"}, "api.example.com key 5678 GET /a"},
		{limit.Key{Host: "api.example.com", Model: "small", Bucket: "writes"}, "api.example.com small writes"},
	} {
		if got := row.key.Label(); got != row.want {
			t.Errorf("%+v is %q, want %q", row.key, got, row.want)
		}
	}
}
