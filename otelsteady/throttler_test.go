package otelsteady_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/steadyhttp/steadyhttp"
	"github.com/steadyhttp/steadyhttp/limit"
	"github.com/steadyhttp/steadyhttp/otelsteady"
)

func (r *rig) observe(t *testing.T, throttler *steadyhttp.Throttler, more ...attribute.KeyValue) {
	t.Helper()
	registration, err := otelsteady.ObserveThrottler(r.meters, throttler, more...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := registration.Unregister(); err != nil {
			t.Error(err)
		}
	})
}

// wantGauge compares all points of a gauge.
func (r *rig) wantGauge(t *testing.T, name string, want map[string]float64) {
	t.Helper()
	got := r.gauges(t, name)
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s: got %v, want %v", name, got, want)
	}
}

func TestLimitsAndTheLineInFrontOfThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		throttler := &steadyhttp.Throttler{RequestsPerMinute: 60, RequestsPerDay: 1000, TokensPerMinute: 6000, MaxConcurrent: 2}
		r.observe(t, throttler, attribute.String("throttler", "mine"))
		throttler.Base = playing(reply{status: 200, after: time.Minute})
		for range 5 {
			go do(t, throttler, chat(t, t.Context()))
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		const at, host = "steadyhttp.throttler.host=api.openai.com", ",throttler=mine"
		r.wantGauge(t, "steadyhttp.throttler.waiting", map[string]float64{at + host: 3})
		r.wantGauge(t, "steadyhttp.throttler.active", map[string]float64{at + host: 2})
		r.wantGauge(t, "steadyhttp.throttler.limit.max", map[string]float64{
			"steadyhttp.limit.unit=concurrency," + at + host:                             2,
			"steadyhttp.limit.unit=requests,steadyhttp.limit.window=day," + at + host:    1000,
			"steadyhttp.limit.unit=requests,steadyhttp.limit.window=minute," + at + host: 60,
			"steadyhttp.limit.unit=tokens,steadyhttp.limit.window=minute," + at + host:   6000,
		})
		left := r.gauges(t, "steadyhttp.throttler.limit.left")
		if got := left["steadyhttp.limit.unit=concurrency,"+at+host]; got != 0 {
			t.Errorf("permits left: got %v, want 0", got)
		}
		if got := left["steadyhttp.limit.unit=requests,steadyhttp.limit.window=day,"+at+host]; got < 998 || got >= 1000 {
			t.Errorf("requests left of the day: got %v, want 998 and what came back since", got)
		}
		if got := left["steadyhttp.limit.unit=tokens,steadyhttp.limit.window=minute,"+at+host]; got <= 0 || got > 6000 {
			t.Errorf("tokens left of the minute: got %v, want some", got)
		}
		r.wantGauge(t, "steadyhttp.throttler.gate.shut", map[string]float64{
			"steadyhttp.gate.reason=asked," + at + host: 0, "steadyhttp.gate.reason=failing," + at + host: 0,
		})
		time.Sleep(5 * time.Minute)
		r.wantGauge(t, "steadyhttp.throttler.waiting", map[string]float64{at + host: 0})
	})
}

func TestGates(t *testing.T) {
	const at = "steadyhttp.throttler.host=api.example.com"
	t.Run("a server asked for a pause", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			r := newRig()
			throttler := &steadyhttp.Throttler{Base: playing(reply{status: 429, header: map[string]string{"Retry-After": "30"}}, reply{status: 200})}
			r.observe(t, throttler)
			get := func() { do(t, throttler, request(t, t.Context(), "GET", "https://api.example.com/items", "")) }
			get()
			time.Sleep(10 * time.Second)
			r.wantGauge(t, "steadyhttp.throttler.gate.shut", map[string]float64{"steadyhttp.gate.reason=asked," + at: 1, "steadyhttp.gate.reason=failing," + at: 0})
			r.wantGauge(t, "steadyhttp.throttler.gate.left", map[string]float64{at: 20})
			get()
			r.wantGauge(t, "steadyhttp.throttler.gate.left", map[string]float64{at: 0})
		})
	})
	t.Run("a host that fails", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			r := newRig()
			throttler := &steadyhttp.Throttler{Base: playing(reply{status: 502})}
			r.observe(t, throttler)
			for range 6 {
				do(t, throttler, request(t, t.Context(), "GET", "https://api.example.com/items", ""))
			}
			r.wantGauge(t, "steadyhttp.throttler.gate.shut", map[string]float64{"steadyhttp.gate.reason=asked," + at: 0, "steadyhttp.gate.reason=failing," + at: 1})
		})
	})
}

// Credentials and paths are not told apart: of two keys the one that has less
// left is told, and those who wait are summed up.
func TestKeysAreSummedUp(t *testing.T) {
	r := newRig()
	r.observe(t, &steadyhttp.Throttler{Limiter: states{
		{Key: limit.Key{Host: "a", Credential: 7, Bucket: "GET /x"}, Waiting: 1, PerSecond: 3, Limits: []limit.LimitState{{Unit: "tokens", Window: time.Minute, Limit: 100, Left: 90}}},
		{Key: limit.Key{Host: "a", Credential: 8, Bucket: "GET /y"}, Waiting: 2, PerSecond: 2, Limits: []limit.LimitState{{Unit: "tokens", Window: time.Minute, Limit: 1000, Left: 100}}},
		{Key: limit.Key{Host: "a", Credential: 7, Model: "m"}, Waiting: 3},
		{Key: limit.Key{Host: "a", Model: "m"}, Waiting: 4}, // those three among them
	}})
	r.wantGauge(t, "steadyhttp.throttler.waiting", map[string]float64{
		"steadyhttp.throttler.host=a": 3, "steadyhttp.throttler.host=a,steadyhttp.throttler.model=m": 4,
	})
	r.wantGauge(t, "steadyhttp.throttler.rate", map[string]float64{"steadyhttp.throttler.host=a": 2})
	const tokens = "steadyhttp.limit.unit=tokens,steadyhttp.limit.window=minute,steadyhttp.throttler.host=a"
	r.wantGauge(t, "steadyhttp.throttler.limit.max", map[string]float64{tokens: 1000})
	r.wantGauge(t, "steadyhttp.throttler.limit.left", map[string]float64{tokens: 100})
}

func TestHostsAreBounded(t *testing.T) {
	r := newRig()
	var all states
	for i := range 1000 {
		all = append(all, limit.KeyState{Key: limit.Key{Host: fmt.Sprintf("host-%03d", 999-i)}, Waiting: 1})
	}
	r.observe(t, &steadyhttp.Throttler{Limiter: all})
	got := r.gauges(t, "steadyhttp.throttler.waiting")
	if len(got) != 101 || got["steadyhttp.throttler.host=_OTHER"] != 900 || got["steadyhttp.throttler.host=host-000"] != 1 {
		t.Errorf("got %d series, with %v for the others, want 101 with 900", len(got), got["steadyhttp.throttler.host=_OTHER"])
	}
}

func TestUnregister(t *testing.T) {
	r := newRig()
	registration, err := otelsteady.ObserveThrottler(r.meters, &steadyhttp.Throttler{Limiter: states{{Key: limit.Key{Host: "a"}}}})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(r.gauges(t, "steadyhttp.throttler.waiting")); n != 1 {
		t.Fatalf("got %d series, want 1", n)
	}
	if err := registration.Unregister(); err != nil {
		t.Fatal(err)
	}
	for name := range r.collect(t) {
		if strings.HasPrefix(name, "steadyhttp.throttler.") {
			t.Errorf("%s is still told", name)
		}
	}
}

// states is a Limiter that knows what it is given.
type states []limit.KeyState

func (s states) Acquire(context.Context, limit.Ask) (limit.Permit, error) {
	return limit.Permit{}, nil
}
func (s states) Peek(context.Context, limit.Ask) time.Duration { return 0 }
func (s states) Settle(limit.Permit, limit.Outcome)            {}
func (s states) Observe(limit.Permit, limit.Observation) bool  { return false }
func (s states) Snapshot() []limit.KeyState                    { return append([]limit.KeyState(nil), s...) }
