package bench

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/PuerkitoBio/rehttp"
	"github.com/failsafe-go/failsafe-go/circuitbreaker"
	"github.com/failsafe-go/failsafe-go/failsafehttp"
	"github.com/failsafe-go/failsafe-go/retrypolicy"
	"github.com/gojek/heimdall/v7"
	"github.com/gojek/heimdall/v7/httpclient"
	"github.com/hashicorp/go-retryablehttp"
	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
)

// The waits of rivals that have none of their own. They are those that
// failsafe-go's page on HTTP shows and go-retryablehttp has for defaults.
const (
	firstWait = time.Second
	lastWait  = 30 * time.Second
)

// rivals are the others, each as its own documentation would have it, with the
// same number of attempts.
var rivals = []Contender{
	{
		Name: "go-retryablehttp", Kind: Rival, Module: "github.com/hashicorp/go-retryablehttp",
		How: "`StandardClient().Transport` of a `NewClient()` with `RetryMax` 3 and without its logger, " +
			"which would print to stderr; its own defaults else: 1 to 30 s, `Retry-After` obeyed.",
		Wrap: func(base http.RoundTripper) Doer {
			c := retryablehttp.NewClient()
			c.HTTPClient = &http.Client{Transport: base}
			c.RetryMax = attempts - 1
			c.Logger = nil
			return c.StandardClient().Transport.RoundTrip
		},
	},
	{
		Name: "failsafe-go", Kind: Rival, Module: "github.com/failsafe-go/failsafe-go",
		How: "`failsafehttp.NewRoundTripper` with the retry policy of its page on HTTP: " +
			"`NewRetryPolicyBuilder().WithBackoff(time.Second, 30*time.Second).WithMaxRetries(3)`; it obeys `Retry-After`.",
		Wrap: func(base http.RoundTripper) Doer {
			return failsafehttp.NewRoundTripper(base, failsafeRetries()).RoundTrip
		},
	},
	{
		Name: "failsafe-go, breaker", Kind: Rival, Module: "github.com/failsafe-go/failsafe-go",
		How: "The same around a circuit breaker as that page shows it, `NewRoundTripper(base, retryPolicy, circuitBreaker)` " +
			"with `WithDelayFunc(failsafehttp.DelayFunc)`; failures are 429, 5xx and errors, and 5 of 10 open it " +
			"(the library's default is 1 of 1, which would make it look worse). Its default delay is 1 min; 1 s here, for the same reason.",
		Wrap: func(base http.RoundTripper) Doer {
			breaker := circuitbreaker.NewBuilder[*http.Response]().
				HandleIf(func(resp *http.Response, err error) bool {
					return err != nil || resp != nil && (resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode >= 500)
				}).
				WithFailureThresholdRatio(5, 10).
				WithDelay(time.Second).
				WithDelayFunc(failsafehttp.DelayFunc).
				Build()
			return failsafehttp.NewRoundTripper(base, failsafeRetries(), breaker).RoundTrip
		},
	},
	{
		Name: "rehttp", Kind: Rival, Module: "github.com/PuerkitoBio/rehttp",
		How: "`NewTransport` with `RetryMaxRetries(3)`, for 429, 500, 502, 503, 504 and any error, since its user chooses, and " +
			"`ExpJitterDelay(1 s, 30 s)`. It does not know `Retry-After`.",
		Wrap: func(base http.RoundTripper) Doer {
			return rehttp.NewTransport(base,
				rehttp.RetryAll(rehttp.RetryMaxRetries(attempts-1), rehttp.RetryAny(
					rehttp.RetryStatuses(429, 500, 502, 503, 504),
					rehttp.RetryIsErr(func(err error) bool { return err != nil }))),
				rehttp.ExpJitterDelay(firstWait, lastWait)).RoundTrip
		},
	},
	{
		Name: "heimdall", Kind: Rival, Module: "github.com/gojek/heimdall/v7",
		How: "`httpclient.NewClient` with `WithRetryCount(3)` and `NewExponentialBackoff(1 s, 30 s, 2, 500 ms)`: its README's example " +
			"waits 2 to 9 ms, with which it would look worse. It repeats 5xx and errors, not 429, and sleeps whatever " +
			"the context says. v7 is the newest that `go get` finds.",
		Wrap: func(base http.RoundTripper) Doer {
			return httpclient.NewClient(
				httpclient.WithHTTPClient(Doer(base.RoundTrip)),
				httpclient.WithRetryCount(attempts-1),
				httpclient.WithRetrier(heimdall.NewRetrier(
					heimdall.NewExponentialBackoff(firstWait, lastWait, 2, 500*time.Millisecond))),
			).Do
		},
	},
	{
		Name: "openai-go", Kind: Rival, Module: "github.com/openai/openai-go/v3",
		How: "The SDK's own loop: `NewClient(option.WithMaxRetries(3))` over the base, called through `Execute` with a raw body; " +
			"its own defaults else. It encodes and checks requests besides, so its cost is not that of retries alone.",
		Wrap: func(base http.RoundTripper) Doer { return (&sdk{base: base}).do },
	},
}

func failsafeRetries() retrypolicy.RetryPolicy[*http.Response] {
	return failsafehttp.NewRetryPolicyBuilder().WithBackoff(firstWait, lastWait).WithMaxRetries(attempts - 1).Build()
}

// Do makes a Doer what heimdall takes for an HTTP client.
func (d Doer) Do(req *http.Request) (*http.Response, error) { return d(req) }

// sdk makes calls through the client of openai-go.
type sdk struct {
	base   http.RoundTripper
	once   sync.Once
	client openai.Client
}

// replayed is the largest body that an sdk gets in one piece, as the JSON of its
// own calls is; a larger one is an upload, which it gets as a reader.
const replayed = 1 << 20

func (s *sdk) do(req *http.Request) (*http.Response, error) {
	s.once.Do(func() {
		s.client = openai.NewClient(
			option.WithBaseURL(req.URL.Scheme+"://"+req.URL.Host),
			option.WithAPIKey("test-key"),
			option.WithHTTPClient(Doer(s.base.RoundTrip)),
			option.WithMaxRetries(attempts-1))
	})
	var params any
	switch {
	case req.Body == nil || req.Body == http.NoBody:
	case req.ContentLength > replayed:
		params = io.Reader(req.Body)
	default:
		var buf bytes.Buffer
		if _, err := buf.ReadFrom(req.Body); err != nil {
			return nil, err
		}
		req.Body.Close()
		params = buf.Bytes()
	}
	var resp *http.Response
	err := s.client.Execute(req.Context(), req.Method, strings.TrimPrefix(req.URL.Path, "/"), params, &resp)
	if failed, ok := errors.AsType[*openai.Error](err); ok {
		return failed.Response, nil
	}
	return resp, err
}
