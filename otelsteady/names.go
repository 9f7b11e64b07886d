package otelsteady

import "go.opentelemetry.io/otel/attribute"

// scope names the tracer and the meter.
const scope = "github.com/steadyhttp/steadyhttp/otelsteady"

// Names of ours, for what the semantic conventions have none. The README lists
// them.
const (
	metricCallDuration = "steadyhttp.call.duration"
	metricCallAttempts = "steadyhttp.call.attempts"
	metricWaitDuration = "steadyhttp.wait.duration"

	metricWaiting   = "steadyhttp.throttler.waiting"
	metricActive    = "steadyhttp.throttler.active"
	metricLimitMax  = "steadyhttp.throttler.limit.max"
	metricLimitLeft = "steadyhttp.throttler.limit.left"
	metricRate      = "steadyhttp.throttler.rate"
	metricGateShut  = "steadyhttp.throttler.gate.shut"
	metricGateLeft  = "steadyhttp.throttler.gate.left"

	eventWait = "steadyhttp.wait"
)

// Attributes of call spans.
const (
	keyAttempts  = attribute.Key("steadyhttp.attempts")      // how often it was sent, or refused by a Throttler
	keyWaited    = attribute.Key("steadyhttp.waited")        // seconds, of all waits
	keyTarget    = attribute.Key("steadyhttp.target")        // of a Failover, that the call went to last
	keyUncertain = attribute.Key("steadyhttp.uncertain")     // attempts beside the last that may have been carried out
	keyPriority  = attribute.Key("steadyhttp.priority")      // in which class it waited in a Throttler: batch, urgent; absent for normal
	keyStopped   = attribute.Key("steadyhttp.retry_stopped") // why there was no further attempt
	keyProvider  = attribute.Key("steadyhttp.provider")      // who answered
	keyCode      = attribute.Key("steadyhttp.code")          // the provider's own name for the error
	keyRequestID = attribute.Key("steadyhttp.request_id")    // to quote to the provider's support
	keyFate      = attribute.Key("steadyhttp.fate")          // whether the server may have carried it out
	keyHint      = attribute.Key("steadyhttp.hint")          // what a developer should look at first

	// Of the conventions for generative AI, which left the module of the others.
	keyInputTokens  = attribute.Key("gen_ai.usage.input_tokens")
	keyOutputTokens = attribute.Key("gen_ai.usage.output_tokens")
	keyCachedTokens = attribute.Key("gen_ai.usage.cache_read.input_tokens") // a part of the input
	keyReasoning    = attribute.Key("gen_ai.usage.reasoning.output_tokens") // a part of the output
)

// Attributes of waits: of their events, and the reason of their metric too.
const (
	keyWaitReason   = attribute.Key("steadyhttp.wait.reason")
	keyWaitDuration = attribute.Key("steadyhttp.wait.duration") // seconds
	keyWaitAskedBy  = attribute.Key("steadyhttp.wait.asked_by") // the header or body field that asked
	keyWaitWhy      = attribute.Key("steadyhttp.wait.why")      // what a Throttler held it back for

	reasonBackoff   = "backoff"   // the policy's
	reasonAsked     = "asked"     // a server's
	reasonThrottled = "throttled" // in a Throttler

	whyBackoff = "backoff" // limit.Wait.Why of the policy's
)

// Attributes of the state of a Throttler.
const (
	keyThrottlerHost  = attribute.Key("steadyhttp.throttler.host")  // host and port, or what Throttler.Key returned
	keyThrottlerModel = attribute.Key("steadyhttp.throttler.model") // absent for all models of the host
	keyLimitUnit      = attribute.Key("steadyhttp.limit.unit")      // as in limit.LimitState
	keyLimitWindow    = attribute.Key("steadyhttp.limit.window")    // second, minute, hour, day; absent for concurrency
	keyGateReason     = attribute.Key("steadyhttp.gate.reason")     // asked, failing
)

// typePanic is the error.type of what a base that panicked was doing. All
// others are the names of steadyhttp's classes.
const typePanic = "panic"
