// Package throttle judges how the project holds calls back. This file is the
// only one that knows its API.
package throttle

import (
	"errors"
	"net/http"
	"time"

	"github.com/steadyhttp/steadyhttp"
)

// Set is what a case sets. The zero value is the defaults.
type Set struct {
	PerSecond, PerMinute, PerDay, TokensPerMinute float64

	Burst, MaxConcurrent int

	Gate     time.Duration
	Attempts int // 1 never repeats
}

// Steady is the recommended chain over base.
func Steady(base http.RoundTripper, s Set) http.RoundTripper {
	return &steadyhttp.Transport{
		Base:    base,
		Retrier: &steadyhttp.Retrier{MaxAttempts: s.Attempts},
		Throttler: &steadyhttp.Throttler{
			RequestsPerSecond: s.PerSecond, RequestsPerMinute: s.PerMinute, RequestsPerDay: s.PerDay, TokensPerMinute: s.TokensPerMinute,
			Burst: s.Burst, MaxConcurrent: s.MaxConcurrent, OutageWait: s.Gate,
		},
	}
}

// Bare is the same without what holds back: it only judges and repeats.
func Bare(base http.RoundTripper) http.RoundTripper {
	return &steadyhttp.Retrier{Base: &steadyhttp.Classifier{Base: base}}
}

// Alone is only what holds back, with places for so many.
func Alone(base http.RoundTripper, maxConcurrent int) http.RoundTripper {
	return &steadyhttp.Throttler{Base: base, MaxConcurrent: maxConcurrent}
}

// Throttled reports whether err says that a call was not sent at all.
func Throttled(err error) bool { return errors.Is(err, steadyhttp.ErrThrottled) }
