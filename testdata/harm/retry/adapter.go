// Package retry holds judges of how the project repeats calls, and of what it
// lets out of them. This file is all that knows the project's API.
package retry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v4"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.uber.org/zap"

	"github.com/steadyhttp/steadyhttp"
	"github.com/steadyhttp/steadyhttp/limit"
	"github.com/steadyhttp/steadyhttp/otelsteady"
)

// A Setup is what a judge wants set; the zero value is the recommended chain.
type Setup struct {
	Base http.RoundTripper

	MaxAttempts    int
	MaxElapsed     time.Duration
	AttemptTimeout time.Duration
	NoWait         bool // no waits between attempts where the server asks for none
	NoBudget       bool // no bound on the share of retries
	Prepare        func(*http.Request, int) error

	TokensPerMinute   float64
	RequestsPerSecond float64
	ByModel           bool
	NoGate            bool              // nobody waits because a host or route is failing
	Keys              func(text string) // is told each key that a shared limiter would be given

	RateLimitRule *Rule // answers that match are of class rate_limit

	Log         *zap.Logger
	LogAttempts bool
	LogBodies   int
}

// A Rule says which answers are failures.
type Rule struct {
	Host    string
	Status  int
	Message string
}

// Steady is the project's chain.
func Steady(s Setup) http.RoundTripper {
	t := &steadyhttp.Transport{
		Base:      s.Base,
		Retrier:   retrier(s),
		Throttler: &steadyhttp.Throttler{TokensPerMinute: s.TokensPerMinute, RequestsPerSecond: s.RequestsPerSecond, ByModel: s.ByModel},
	}
	if s.NoGate {
		t.Throttler.OutageWait = -1
	}
	if s.Keys != nil {
		t.Throttler.Limiter, t.Throttler.Salt = &keyReader{told: s.Keys}, "salt"
	}
	if s.RateLimitRule != nil {
		r := s.RateLimitRule
		t.Classifier = &steadyhttp.Classifier{Rules: []steadyhttp.Rule{{Host: r.Host, Status: r.Status, Message: r.Message, Class: steadyhttp.RateLimit}}}
	}
	if s.Log != nil {
		t.Logger = &steadyhttp.Logger{Zap: s.Log, Attempts: s.LogAttempts, Bodies: s.LogBodies}
	}
	return t
}

func retrier(s Setup) *steadyhttp.Retrier {
	r := &steadyhttp.Retrier{MaxAttempts: s.MaxAttempts, MaxElapsed: s.MaxElapsed, AttemptTimeout: s.AttemptTimeout, Prepare: s.Prepare}
	if s.NoWait {
		r.BackOff = func() backoff.BackOff { return &backoff.ZeroBackOff{} }
	}
	if s.NoBudget {
		r.Budget = &steadyhttp.Budget{MaxRatio: -1}
	}
	return r
}

// RetrierAround is a Retrier over between over a Classifier over s.Base.
func RetrierAround(s Setup, between func(http.RoundTripper) http.RoundTripper) http.RoundTripper {
	r := retrier(s)
	r.Base = between(&steadyhttp.Classifier{Base: s.Base})
	return r
}

// LoggerOver is a Logger alone.
func LoggerOver(base http.RoundTripper, log *zap.Logger) http.RoundTripper {
	return &steadyhttp.Logger{Base: base, Zap: log}
}

// RetrierOverThrottler is a chain whose retries are used up after n.
func RetrierOverThrottler(base http.RoundTripper, attempts int) http.RoundTripper {
	return &steadyhttp.Retrier{
		Base: &steadyhttp.Throttler{Base: base}, MaxAttempts: attempts,
		Budget:  &steadyhttp.Budget{MaxRatio: 1e-9, MaxPerSecond: 1e-9},
		BackOff: func() backoff.BackOff { return &backoff.ZeroBackOff{} },
	}
}

// A Verdict is what the project says about a call.
type Verdict struct {
	Failed            bool
	Class, Fate, Code string
	Status            int
	Text              string // the error's text
	All               string // all that it says in words, for a search
	Attempts          int    // of a record
	Tried             string // of a record: the classes before the last
	Stopped           string // of a record
}

func verdict(e *steadyhttp.Error) Verdict {
	if e == nil {
		return Verdict{}
	}
	return Verdict{
		Failed: true, Class: e.Class.String(), Fate: e.Fate.String(), Code: e.Code, Status: e.Status, Text: e.Error(),
		All: fmt.Sprint(e.Error(), " ", e.Code, " ", e.Param, " ", e.Message, " ", e.Hint, " ", e.RequestID, " ", e.ScopeName, " ", e.RateLimit, " ", e.UserMessage()),
	}
}

// Check is the verdict on what a client's Do returned.
func Check(resp *http.Response, err error) Verdict {
	got := steadyhttp.Check(resp, err)
	if got == nil {
		return Verdict{}
	}
	var e *steadyhttp.Error
	if !errors.As(got, &e) {
		return Verdict{Failed: true, Text: got.Error(), All: got.Error()}
	}
	return verdict(e)
}

// WithRecord is a context that keeps a record of the call made with it.
func WithRecord(ctx context.Context) context.Context { return steadyhttp.WithCall(ctx) }

// Record is what such a context has kept.
func Record(ctx context.Context) Verdict {
	c, _ := steadyhttp.FromContext(ctx)
	v := verdict(c.Error)
	v.Attempts, v.Tried, v.Stopped = c.Attempts, fmt.Sprint(c.RetriedClasses), c.Stopped
	return v
}

// Shown is all that a chain shows of its keys.
func Shown(rt http.RoundTripper) (texts []string) {
	for _, k := range rt.(*steadyhttp.Transport).Snapshot() {
		texts = append(texts, k.Key.Label(), fmt.Sprintf("%+v", k.Key))
	}
	return texts
}

// A keyReader is a shared limiter that lets everything pass.
type keyReader struct {
	mu   sync.Mutex
	told func(string)
}

func (k *keyReader) Acquire(_ context.Context, a limit.Ask) (limit.Permit, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.told(fmt.Sprintf("%+v %+v", a.Key, a.LimitsKey))
	return limit.Permit{Key: a.Key, Cost: a.Cost}, nil
}
func (k *keyReader) Settle(limit.Permit, limit.Outcome) {}
func (k *keyReader) Observe(p limit.Permit, n limit.Observation) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.told(fmt.Sprintf("%+v", n.Key))
	return false
}
func (k *keyReader) Snapshot() []limit.KeyState { return nil }

func (k *keyReader) Peek(context.Context, limit.Ask) time.Duration { return 0 }

// Traced puts spans around a chain's calls, AttemptTraced around its attempts.
func Traced(rt http.RoundTripper, tp *trace.TracerProvider, mp *metric.MeterProvider) http.RoundTripper {
	return &otelsteady.Calls{Base: rt, TracerProvider: tp, MeterProvider: mp}
}

func AttemptTraced(base http.RoundTripper, tp *trace.TracerProvider, mp *metric.MeterProvider) http.RoundTripper {
	return &otelsteady.Attempts{Base: base, TracerProvider: tp, MeterProvider: mp}
}

// Measured has mp show what a chain knows about its keys.
func Measured(rt http.RoundTripper, mp *metric.MeterProvider) error {
	_, err := otelsteady.ObserveThrottler(mp, rt.(*steadyhttp.Transport))
	return err
}
