// Package otelsteady shows what steadyhttp does in OpenTelemetry: a span for
// each call, one below it for each attempt, and metrics of both, of the waits
// between them and of the limits.
//
//	steady := &steadyhttp.Transport{Base: &otelsteady.Attempts{}, Trace: otelsteady.Trace()}
//	client := &http.Client{Transport: &otelsteady.Calls{Base: steady}}
//	registration, err := otelsteady.ObserveThrottler(nil, steady)
//
// There are two wrappers, since a call and an attempt are seen from two places:
// Calls stands outside of whatever repeats requests, Attempts beneath it, next
// to the wire. Each is useful alone; together they share what they know of a
// call through its context.
//
// Attempts keeps to OpenTelemetry's semantic conventions for HTTP clients,
// version 1.43.0, where they have a name for what is told. What they have none
// for is named steadyhttp.… and listed in the README.
package otelsteady
