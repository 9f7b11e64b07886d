// Package steadyhttp makes any http.Client survive the errors of real HTTP
// APIs, without a changed call site. It is four wrappers around an
// http.RoundTripper, each useful alone, in any order, with other people's
// wrappers between them:
//
//   - [Classifier] names what a failed answer is, whatever its status says;
//   - [Retrier] repeats what can succeed later, if doing so is safe;
//   - [Throttler] sends as fast as allowed and no faster, told or not, and
//     waits while a host fails;
//   - [Logger] writes one structured zap entry a call.
//
// [Transport] is the four of them in the recommended order. Its zero value
// works:
//
//	client := &http.Client{Transport: &steadyhttp.Transport{}}
//
// Nobody has to ask what went wrong, since answers and errors come back as
// they would without us. Who does asks [Check], or [FromContext] for what the
// call went through.
//
// # Order
//
// The wrappers share what they know of a call through the request's context,
// so that their order has a meaning and no order breaks anything:
//
//	                         X outside Y                     X inside Y
//	Logger / Retrier         one entry a call, with its      one entry an attempt, with its
//	                         attempts                        number
//	Throttler / Retrier      one permit a call               one permit an attempt
//	                                                         (recommended)
//	Classifier / Retrier     names the final outcome; the    names each attempt
//	                         Retrier classifies for itself   (recommended)
//	Logger / Throttler       duration shows the wait apart   duration without the wait
//
// Where there is no Classifier, the Retrier judges answers by the same rules,
// and the Throttler and the Logger go by status and headers.
//
// # Promises
//
// The wrappers keep net/http's RoundTripper contract to the letter: the request
// is not modified, its body is closed on every path, an answer is never
// replaced by an error, and streams, upgrades, trailers and httptrace work as
// if nobody stood between. A call that succeeds at once costs no allocation,
// unless its body had to be kept or its answer looked into.
// No wait outlasts the context's deadline. The package steadyhttptest holds the
// test of this contract, for any wrapper.
package steadyhttp
