// Package steadyhttp makes any http.Client survive the errors of real HTTP APIs,
// without a change at its call sites. It has five wrappers around an
// http.RoundTripper:
//
//   - [Classifier] finds out what kind of failure a response is, whatever its
//     status says;
//   - [Retrier] repeats a request if it can succeed later and repeating it is
//     safe;
//   - [Failover] sends a call that failed to another host, credential or model, if
//     the reason lets it succeed there;
//   - [Throttler] keeps requests under the limits that you set, that servers
//     state and that servers enforce without stating them, and holds requests
//     back while a host fails;
//   - [Logger] writes one structured entry per call, with zap or slog.
//
// Each is useful alone. They work in any order, with wrappers from other
// packages between them. The caller gets a plain response, or the error of the
// base. Only a request that a wrapper did not send, or cut off, has an error of this
// package's own: ErrThrottled, the timeouts that you set, and settings that make no
// sense.
//
// # Start here
//
// [Transport] is the wrappers in the recommended order. Its zero value works:
//
//	client := &http.Client{Transport: &steadyhttp.Transport{}}
//
// What else everybody needs:
//
//   - [Check] says why a call failed, as an [*Error]. [CheckContext] does so for the
//     errors of an SDK.
//   - [FromContext] says what a call went through: its attempts, waits and tokens. With
//     [WithCall] it does so for calls that ended in an error, too.
//
// What you may want to set, the most frequent first:
//
//   - a deadline, in the context of each request;
//   - Logger, for a log;
//   - Throttler.RequestsPerMinute, TokensPerMinute and MaxConcurrent, if you know
//     the limits of an API;
//   - Retrier.OutageWait, for more or less patience with an outage, and
//     Retrier.Idempotent, for requests that may be repeated although they are POSTs;
//   - [WithRetry] and [WithPriority], for one call;
//   - Failover.Targets, if there is another host, key or model;
//   - Classifier.Rules, for an API with error codes of its own.
//
// # Terms
//
// A call is one request as the caller made it. An attempt is one request that is
// sent for a call: a call that is retried once has two attempts. The verdict on
// an attempt is that it succeeded, or an [Error]. The Error's [Class] says what
// failed, and its [Fate] whether the server may have carried the request out. A
// permit allows a Throttler to send one request. An outer wrapper is closer to the
// caller, an inner one closer to the network. The repository's docs/glossary.md has
// further terms.
//
// # Order
//
// The wrappers share a record of each call through the request's context. The
// order of two wrappers decides what each of them sees:
//
//	                         X is the outer one              X is the inner one
//	Logger / Retrier         one entry per call, with its    one entry per attempt, with its
//	                         attempts                        number
//	Throttler / Retrier      one permit per call             one permit per attempt
//	                                                         (recommended)
//	Classifier / Retrier     classifies the final outcome;   classifies each attempt
//	                         the Retrier classifies for      (recommended)
//	                         itself
//	Failover / Retrier       a target is left only when       all targets are tried before the
//	                         repeating it was in vain         Retrier waits (recommended)
//	Throttler / Failover     one permit per call, for the    one permit for each target that is
//	                         request as it is                tried (recommended)
//	Logger / Throttler       duration includes the wait,     duration without the wait
//	                         which is logged separately too
//
// X is the wrapper that is named first. Without a Classifier, the Retrier judges
// responses by the same rules, and the Throttler and the Logger go by status and
// headers.
//
// # Promises
//
// The wrappers keep the contract of http.RoundTripper. They do not modify the
// request, they close its body on every path, and they never return an error where
// the last attempt had a response. Streams, upgrades, trailers and httptrace work as without
// the wrappers; but a model's stream that ends before its end, or with an error in it,
// ends with an *Error in place of io.EOF. No wait outlasts the context's deadline. With the
// zero Transport a GET that succeeds at once allocates nothing; with limits of your own
// it allocates once, and requests with a body some ten times. Package steadyhttptest
// has a test of this contract for any RoundTripper.
package steadyhttp
