package steadyhttp_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/steadyhttp/steadyhttp"
	"github.com/steadyhttp/steadyhttp/limit"
)

// A sampleError is a failure as a provider or a proxy sends it, with the headers
// that come along.
type sampleError struct {
	name   string
	method string
	url    string
	sent   string // headers of the request
	status int
	header string
	body   string
}

const sentToOpenAI = "Authorization: Bearer sk-proj-4fT9xQ2mLk7vBn3RsW8yZc1DgH5jPa6Eu0iOtKqXwVbNmMr\nContent-Type: application/json\nAccept: application/json\nUser-Agent: example/1.0\nX-Stainless-Lang: go"

var sampleErrors = []sampleError{
	{"OpenAI's 429", "POST", "https://api.openai.com/v1/chat/completions", sentToOpenAI, 429,
		"Content-Type: application/json; charset=utf-8\nDate: Sat, 01 Nov 2025 10:00:00 GMT\nX-Request-Id: req_6f1d2a9c0b7e4853a1d2c3b4e5f60718\nOpenai-Organization: acme\nOpenai-Processing-Ms: 21\nX-Ratelimit-Limit-Requests: 500\nX-Ratelimit-Limit-Tokens: 30000\nX-Ratelimit-Remaining-Requests: 499\nX-Ratelimit-Remaining-Tokens: 532\nX-Ratelimit-Reset-Tokens: 1.262s\nCf-Ray: 8c1d2e3f4a5b6c7d-FRA",
		`{"error":{"message":"Rate limit reached for gpt-4o in organization org-kT2mQ8vL4xNp7RsW on tokens per min (TPM): Limit 30000, Used 29468, Requested 1163. Please try again in 1.262s. Visit https://platform.openai.com/account/rate-limits to learn more.","type":"tokens","param":null,"code":"rate_limit_exceeded"}}`},
	{"OpenAI's 400", "POST", "https://api.openai.com/v1/chat/completions", sentToOpenAI, 400,
		"Content-Type: application/json\nDate: Sat, 01 Nov 2025 10:00:00 GMT\nX-Request-Id: req_6f1d2a9c0b7e4853a1d2c3b4e5f60718\nOpenai-Version: 2020-10-01\nOpenai-Processing-Ms: 12\nX-Ratelimit-Limit-Requests: 500\nX-Ratelimit-Remaining-Requests: 499\nX-Ratelimit-Reset-Requests: 120ms\nServer: cloudflare\nCf-Ray: 8c1d2e3f4a5b6c7d-FRA",
		`{"error":{"message":"Invalid type for 'messages[2].content[0].image_url.url': expected a string, but got an object instead. (Did you mean to send the address of the image itself? See https://platform.openai.com/docs/guides/images for the forms that are accepted.)","type":"invalid_request_error","param":"messages[2].content[0].image_url.url","code":"invalid_type"}}`},
	{"Anthropic's 529", "POST", "https://api.anthropic.com/v1/messages", "X-Api-Key: sk-ant-api03-Qz8wLk3vXn5TmR7bYc2Hd9Jf4Gs6PaEu1iOtKqXwVbNmMr0\nAnthropic-Version: 2023-06-01\nContent-Type: application/json\nAccept: application/json\nUser-Agent: example/1.0", 529,
		"Content-Type: application/json\nDate: Sat, 01 Nov 2025 10:00:00 GMT\nRequest-Id: req_011CUfM2hV9kX4tQ8sLw3nBz\nX-Should-Retry: true\nRetry-After: 3\nServer: cloudflare\nVia: 1.1 google\nCf-Cache-Status: DYNAMIC\nX-Robots-Tag: none\nCf-Ray: 8c1d2e3f4a5b6c7d-FRA",
		`{"type":"error","error":{"type":"overloaded_error","message":"Overloaded. ` + strings.Repeat("We are working on it, and more room comes with every minute. ", 4) + `"},"request_id":"req_011CUfM2hV9kX4tQ8sLw3nBz"}`},
	{"Google's 429", "POST", "https://generativelanguage.googleapis.com/v1beta/models/gemini-2.5-flash:generateContent", "X-Goog-Api-Key: AIzaSyC4fT9xQ2mLk7vBn3RsW8yZc1DgH5jPa6Eu\nContent-Type: application/json\nAccept: */*\nUser-Agent: example/1.0\nX-Goog-Api-Client: gl-go/1.26", 429,
		"Content-Type: application/json; charset=UTF-8\nDate: Sat, 01 Nov 2025 10:00:00 GMT\nServer: scaffolding on HTTPServer2\nVary: Origin\nVary: X-Origin\nX-Frame-Options: SAMEORIGIN\nX-Xss-Protection: 0\nX-Content-Type-Options: nosniff\nServer-Timing: gfet4t7; dur=61\nAlt-Svc: h3=\":443\"; ma=2592000\nCache-Control: private",
		`{
  "error": {
    "code": 429,
    "message": "You exceeded your current quota, please check your plan and billing details.\n* Quota exceeded for metric: generativelanguage.googleapis.com/generate_content_free_tier_requests, limit: 10\nPlease retry in 33.4s.",
    "status": "RESOURCE_EXHAUSTED",
    "details": [
      {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{"quotaMetric": "generativelanguage.googleapis.com/generate_content_free_tier_requests", "quotaId": "GenerateRequestsPerMinutePerProjectPerModel-FreeTier", "quotaDimensions": {"location": "global", "model": "gemini-2.5-flash"}, "quotaValue": "10"}]},
      {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "33s"}
    ]
  }
}
`},
	{"Stripe's 402", "POST", "https://api.stripe.com/v1/charges", "Authorization: Basic c2tfdGVzdF80ZlQ5eFEybUxrN3ZCbjNSc1c4eVpjMTo=\nContent-Type: application/x-www-form-urlencoded\nIdempotency-Key: 6f1d2a9c-0b7e-4853-a1d2-c3b4e5f60718\nUser-Agent: example/1.0\nStripe-Version: 2024-06-20", 402,
		"Content-Type: application/json\nDate: Sat, 01 Nov 2025 10:00:00 GMT\nRequest-Id: req_Qz8wLk3vXn5TmR\nServer: nginx\nAccess-Control-Allow-Credentials: true\nAccess-Control-Allow-Methods: GET, HEAD, PUT, PATCH, POST, DELETE\nCache-Control: no-cache, no-store\nIdempotency-Key: 6f1d2a9c-0b7e-4853-a1d2-c3b4e5f60718\nStripe-Version: 2024-06-20\nStrict-Transport-Security: max-age=63072000",
		`{
  "error": {
    "charge": "ch_3MmlLrLkdIwHu7ix0snN0B15",
    "code": "card_declined",
    "decline_code": "insufficient_funds",
    "doc_url": "https://docs.stripe.com/error-codes/card-declined",
    "message": "Your card has insufficient funds.",
    "request_log_url": "https://dashboard.stripe.com/test/logs/req_Qz8wLk3vXn5TmR?t=1761991200",
    "type": "card_error"
  }
}
`},
	{"nginx's 502", "GET", "https://api.example.com/v2/orders/81723", "Authorization: Bearer 4fT9xQ2mLk7vBn3RsW8yZc1DgH5jPa6E\nAccept: application/json\nAccept-Language: en\nUser-Agent: example/1.0\nX-Request-Source: batch", 502,
		"Content-Type: text/html\nDate: Sat, 01 Nov 2025 10:00:00 GMT\nServer: nginx/1.25.3\nConnection: keep-alive\nVia: 1.1 varnish\nX-Cache: MISS\nX-Served-By: cache-fra-1\nX-Timer: S1761991200.1,VS0\nVary: Accept\nStrict-Transport-Security: max-age=300",
		"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n<hr><center>nginx/1.25.3</center>\r\n</body>\r\n</html>\r\n" + strings.Repeat("<!-- a padding to disable MSIE and Chrome friendly error page -->\r\n", 6)},
	{"an ingress's 503", "GET", "https://orders.internal.example.com/v2/orders?limit=50&cursor=c2Vjb25k", "X-Api-Key: 0b7e4853a1d2c3b4e5f607186f1d2a9c\nAccept: application/json\nCookie: theme=dark; session=4fT9xQ2mLk7vBn3RsW8yZc1D\nUser-Agent: example/1.0\nTraceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", 503,
		"Content-Type: text/plain\nDate: Sat, 01 Nov 2025 10:00:00 GMT\nServer: envoy\nContent-Length: 91\nX-Envoy-Upstream-Service-Time: 3\nX-Request-Id: 6f1d2a9c-0b7e-4853-a1d2-c3b4e5f60718\nVary: Accept\nVia: 1.1 a\nX-Frame-Options: DENY\nX-Content-Type-Options: nosniff",
		"upstream connect error or disconnect/reset before headers. reset reason: connection timeout"},
	{"an empty 401", "GET", "https://api.github.com/repos/acme/widgets/issues/4711/comments", "Authorization: token ghp_4fT9xQ2mLk7vBn3RsW8yZc1DgH5jPa6Eu0i\nAccept: application/vnd.github+json\nX-Github-Api-Version: 2022-11-28\nUser-Agent: example/1.0\nAccept-Language: en", 401,
		"Date: Sat, 01 Nov 2025 10:00:00 GMT\nContent-Length: 0\nServer: github.com\nX-Github-Request-Id: C0F2:1A2B3C:4D5E6F:7A8B9C:6906A1B2\nX-Ratelimit-Limit: 60\nX-Ratelimit-Remaining: 58\nX-Ratelimit-Reset: 1761994800\nX-Ratelimit-Resource: core\nX-Ratelimit-Used: 2\nVary: Accept-Encoding", ""},
}

// request is what gets the error.
func (e *sampleError) request(t testing.TB) *http.Request {
	body := ""
	if e.method == "POST" {
		body = `{"model":"m","messages":[{"role":"user","content":"hello"}]}`
	}
	req := request(t, e.method, e.url, body)
	for name, values := range headers(e.sent) {
		req.Header[name] = values
	}
	return req
}

// base answers with the error at the price of a body and a response.
func (e *sampleError) base() http.RoundTripper {
	h := headers(e.header)
	return roundTripperFunc(func(req *http.Request) (*http.Response, error) {
		return &http.Response{
			Status: http.StatusText(e.status), StatusCode: e.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
			Header: h, Body: io.NopCloser(strings.NewReader(e.body)), ContentLength: int64(len(e.body)), Request: req,
		}, nil
	})
}

// jsonLogger encodes its entries as a program's does, and drops them.
func jsonLogger() *zap.Logger {
	return zap.New(zapcore.NewCore(zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()), zapcore.AddSync(io.Discard), zapcore.DebugLevel))
}

// errorStacks are what an error goes through: a Classifier, with a Logger around
// it, and all of them, without the waits that a second attempt has.
var errorStacks = []struct {
	name string
	over func(base http.RoundTripper) http.RoundTripper
}{
	{"bare", func(base http.RoundTripper) http.RoundTripper { return base }},
	{"classify", func(base http.RoundTripper) http.RoundTripper { return &steadyhttp.Classifier{Base: base} }},
	{"classify and log", func(base http.RoundTripper) http.RoundTripper {
		return &steadyhttp.Logger{Base: &steadyhttp.Classifier{Base: base}, Zap: jsonLogger()}
	}},
	{"all, silent", func(base http.RoundTripper) http.RoundTripper {
		return &steadyhttp.Transport{Base: base, Retrier: &steadyhttp.Retrier{MaxAttempts: 1}, Throttler: &steadyhttp.Throttler{Inference: limit.Observe}}
	}},
	{"all", func(base http.RoundTripper) http.RoundTripper {
		return &steadyhttp.Transport{Base: base, Logger: &steadyhttp.Logger{Zap: jsonLogger()}, Retrier: &steadyhttp.Retrier{MaxAttempts: 1}, Throttler: &steadyhttp.Throttler{Inference: limit.Observe}}
	}},
}

// calling returns a function that makes one call and reads its answer.
func (e *sampleError) calling(t testing.TB, rt http.RoundTripper) func() {
	req := e.request(t)
	return func() {
		if req.GetBody != nil {
			req.Body, _ = req.GetBody()
		}
		resp, err := rt.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
}

func BenchmarkError(b *testing.B) {
	for _, e := range sampleErrors {
		for _, stack := range errorStacks {
			b.Run(e.name+"/"+stack.name, func(b *testing.B) {
				b.ReportAllocs()
				call := e.calling(b, stack.over(e.base()))
				for b.Loop() {
					call()
				}
			})
		}
	}
}

// headers takes lines such as "Server: nginx" apart.
func headers(lines string) http.Header {
	h := http.Header{}
	for line := range strings.Lines(lines) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		h.Add(name, value)
	}
	return h
}

// A typical error allocates no more than forty times, its entry in the log and all
// bookkeeping included.
func TestAllocationsOfAnError(t *testing.T) {
	if underRace() {
		t.Skip("the race detector makes pools forget on purpose")
	}
	for _, e := range sampleErrors {
		for _, stack := range errorStacks {
			got := testing.AllocsPerRun(100, e.calling(t, stack.over(e.base())))
			if got > 40 {
				t.Errorf("%s, %s: got %v allocations, want 40 at most", e.name, stack.name, got)
			}
			t.Logf("%s, %s: %v", e.name, stack.name, got)
		}
	}
}
