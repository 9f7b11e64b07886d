// Package steadyhttptest holds what a test of an HTTP client needs: an API server that fails as real ones do, and a
// proof that a wrapper keeps the contract of [http.RoundTripper].
//
// [Server] answers from a script, path by path: errors in the shape of OpenAI, Anthropic and Google, event streams,
// delays, connections that break before the answer or in the middle of it. It enforces rate limits with the headers and
// texts that OpenAI sends, and keeps a record of what it received:
//
//	api := steadyhttptest.NewServer()
//	defer api.Close()
//	api.Script("/v1/chat/completions",
//		steadyhttptest.Reply{Status: http.StatusServiceUnavailable},
//		steadyhttptest.ChatCompletion("hello"))
//	api.Limit("*", steadyhttptest.Limit{Requests: 500, Tokens: 30_000})
//
// It listens on loopback and asks for no testing.T, so that it serves a demonstration as well as a test.
//
// [Script] plays the same replies in memory, as the RoundTripper below the code under test: in a [testing/synctest] bubble
// its delays take no time.
//
// [Hostiles] are servers that break the protocol, and [Faults] is a RoundTripper that lets some requests fail.
//
// [TestRoundTripper] runs a wrapper through the cases that wrappers get wrong, and [TestLimiter] a limiter of requests
// through the promises of [limit.Limiter].
package steadyhttptest
