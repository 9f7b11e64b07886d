package debugsteady

import (
	"time"

	"github.com/steadyhttp/steadyhttp"
	"github.com/steadyhttp/steadyhttp/internal/callkey"
	"github.com/steadyhttp/steadyhttp/limit"
)

// These are the keys of a service that calls three APIs.
var (
	chat    = limit.Key{Host: "api.openai.com", Credential: 0x3f2a, Model: "gpt-4o"}
	billing = limit.Key{Host: "billing.internal", Route: "GET /invoices/{id}"}
	stripe  = limit.Key{Host: "api.stripe.com", Credential: 0x77b1, Route: "GET /v1/charges/{id}"}
	search  = limit.Key{Host: "search.internal:8080", Route: "GET /search"}
)

func host(k limit.Key) limit.Key { return limit.Key{Host: k.Host} }

// overloaded is what shut the gate of billing.
func overloaded() *steadyhttp.Error {
	return &steadyhttp.Error{
		Class: steadyhttp.Unavailable, Status: 503, Message: "upstream connect error or disconnect/reset before headers", RequestID: "req_0f31",
	}
}

// snapshot is what a Throttler may know of them.
func snapshot() []limit.KeyState {
	return []limit.KeyState{
		{Key: host(chat), Waiting: 14, Urgent: 2, Batch: 3, Oldest: 3200 * time.Millisecond, Why: "the limit of tokens per minute", Concurrent: 6},
		{
			Key: chat, Waiting: 14, Urgent: 2, Batch: 3, Oldest: 3200 * time.Millisecond, Why: "the limit of tokens per minute", Queued: 14, Concurrent: 6,
			Limits: []limit.LimitState{
				{Unit: "requests", Limit: 500, Window: time.Minute, Left: 212},
				{Unit: "concurrency", Limit: 32, Left: 26},
				{Unit: "tokens", Limit: 200_000, Window: time.Minute, Left: 1840.4, Learned: true},
				{Unit: "requests", Limit: 10_000, Left: 9_120, Learned: true},
			},
		},
		{
			Key: billing, Waiting: 5, Queued: 5, Oldest: 12 * time.Second, Why: "requests like it are failing", Concurrent: 1,
			Gate: limit.GateFailing, GateLeft: 450 * time.Millisecond, GateError: overloaded(), Evidence: "5 failures in a row 12s ago, and 14 probes since",
		},
		{Key: host(billing), Waiting: 5, Oldest: 12 * time.Second, Why: "requests like it are failing"},
		{
			Key: stripe, Gate: limit.GateAsked, GateLeft: 16 * time.Second, NextProbe: 400 * time.Millisecond,
			Evidence: "a response asked for a pause 600ms ago", WouldHold: 132,
		},
		{Key: host(stripe)},
		{
			Key: search, PerSecond: 10.94, Concurrent: 2,
			Evidence: "the rate that the server's refusals point to: 10.9 a second (31 of 614 requests were refused)",
		},
		{Key: limit.Key{Host: "auth.internal"}, PerSecond: 5.75, Reopening: true, Evidence: "a gate opened 303ms ago"},
		{Key: host(search)},
	}
}

// A caller makes the events of calls as a Trace has them.
type caller struct{ r *recorder }

// A fakeCall tells a call's events from those of others.
type fakeCall struct{ sent int }

func (c *fakeCall) Sent() int { return c.sent }

func newCall() *fakeCall { return new(fakeCall) }

// attempt is one attempt of a call, nil for one that is not known.
func (c *caller) attempt(of *fakeCall, key limit.Key, took time.Duration, e *steadyhttp.Error) {
	var call callkey.Call
	if of != nil {
		of.sent++
		call = of
	}
	c.r.attemptStart(call, key.Host, false)
	time.Sleep(took)
	c.r.attemptDone(call, key, e)
}

// call is a call that succeeds at once.
func (c *caller) call(key limit.Key) {
	call := newCall()
	c.attempt(call, key, 0, nil)
	c.r.callDone(call, &steadyhttp.Call{Attempts: 1, Tokens: limit.Tokens{InputTokens: 20, OutputTokens: 8}})
}

// live plays two minutes of a service, in the time of a bubble.
func (c *caller) live() {
	limited := &steadyhttp.Error{
		Class: steadyhttp.RateLimit, Fate: steadyhttp.FateRefused, Status: 429, Provider: "openai", Code: "rate_limit_exceeded",
		Message: "Rate limit reached for gpt-4o in organization org-demo on tokens per min (TPM)", RequestID: "req_7c55",
	}
	for second := range 120 {
		for range 3 + second%7 {
			c.call(chat)
			c.call(search)
		}
		if second%20 == 0 { // refused once, then answered
			call := newCall()
			c.attempt(call, chat, 0, limited)
			c.r.waits(host(chat), true, 1)
			time.Sleep(600 * time.Millisecond)
			c.r.waits(host(chat), true, -1)
			c.attempt(call, chat, 0, nil)
			c.r.callDone(call, &steadyhttp.Call{Attempts: 2, Waited: 600 * time.Millisecond})
		}
		if second > 100 { // an outage
			call := newCall()
			c.r.waits(billing, false, 1)
			c.attempt(call, billing, 0, overloaded())
			if second > 105 {
				c.r.target(call, "west")
				c.attempt(call, limit.Key{Host: "billing.west"}, 0, nil)
				c.r.callDone(call, &steadyhttp.Call{Attempts: 2, Target: "west"})
			} else {
				c.r.callDone(call, &steadyhttp.Call{Attempts: 1, Error: overloaded(), Stopped: "the deadline passed", Uncertain: 1})
			}
		}
		time.Sleep(time.Second)
	}
	under := newCall() // one that has failed and goes on
	c.attempt(under, billing, 0, overloaded())
}
