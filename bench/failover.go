package bench

import (
	"bytes"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/circuitbreaker"
	"github.com/failsafe-go/failsafe-go/failsafehttp"
	"github.com/failsafe-go/failsafe-go/fallback"
	"github.com/steadyhttp/steadyhttp"
	"resty.dev/v3"
)

// The primary of scenarios with a fallback is the host of all others, with
// test-key. The fallback has an address and a key of its own.
const (
	fallbackHost = "fallback.example.com"
	fallbackURL  = "https://" + fallbackHost
	fallbackKey  = "other-key"
	primaryURL   = "https://api.example.com"
)

var bearer = http.Header{"Authorization": {"Bearer " + fallbackKey}}

// steadyTo returns ours with a Failover, and with limits if throttler is not nil.
func steadyTo(name string, kind Kind, how string, targets func() *steadyhttp.Failover, throttler func() *steadyhttp.Throttler) Contender {
	return Contender{Name: name, Kind: kind, Held: true, How: how, Wrap: func(base http.RoundTripper) Doer {
		rt := &steadyhttp.Transport{Base: base, Failover: targets()}
		if throttler != nil {
			rt.Throttler = throttler()
		}
		return rt.RoundTrip
	}}
}

func toFallback() *steadyhttp.Failover {
	return &steadyhttp.Failover{Targets: []steadyhttp.Target{{URL: fallbackURL, Header: bearer}}}
}

// toOtherKey has Hosts, since the host is one that nobody knows: without a URL the
// key would go to any.
func toOtherKey() *steadyhttp.Failover {
	return &steadyhttp.Failover{
		Hosts:   []string{"api.example.com"},
		Targets: []steadyhttp.Target{{Name: "other key", Header: bearer}},
	}
}

// isFailure is what failsafe-go's policies are told is a failure; by default only
// errors are.
func isFailure(resp *http.Response, err error) bool {
	return err != nil || resp != nil && (resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode >= 500)
}

// failsafeTo returns failsafe-go with a fallback that sends the request as change
// makes it, among policies of which the first is the outermost.
func failsafeTo(name, how string, change func(*http.Request), arrange func() func(second policy) []policy) Contender {
	return Contender{Name: name, Kind: Rival, Module: "github.com/failsafe-go/failsafe-go", How: how, Wrap: func(base http.RoundTripper) Doer {
		around := arrange()
		return func(req *http.Request) (*http.Response, error) {
			second := fallback.NewBuilderWithFunc(func(exec failsafe.Execution[*http.Response]) (*http.Response, error) {
				if last := exec.LastResult(); last != nil {
					last.Body.Close()
				}
				other := req.Clone(req.Context())
				if req.GetBody != nil {
					body, err := req.GetBody()
					if err != nil {
						return nil, err
					}
					other.Body = body
				}
				change(other)
				return base.RoundTrip(other)
			}).HandleIf(isFailure).Build()
			return failsafehttp.NewRoundTripper(base, around(second)...).RoundTrip(req)
		}
	}}
}

type policy = failsafe.Policy[*http.Response]

func goToFallback(req *http.Request) {
	req.URL.Host, req.Host = fallbackHost, fallbackHost
	takeOtherKey(req)
}

func takeOtherKey(req *http.Request) { req.Header.Set("Authorization", bearer.Get("Authorization")) }

// fallbackLast is asked when the retries are used up, as its documentation has it.
func fallbackLast() func(second policy) []policy {
	retries := failsafeRetries()
	return func(second policy) []policy { return []policy{second, retries} }
}

// fallbackFirst is asked at once, and repeated if it fails too.
func fallbackFirst() func(second policy) []policy {
	retries := failsafeRetries()
	return func(second policy) []policy { return []policy{retries, second} }
}

// fallbackWhenOpen is fallbackLast around a circuit breaker.
func fallbackWhenOpen() func(second policy) []policy {
	breaker := circuitbreaker.NewBuilder[*http.Response]().
		HandleIf(isFailure).
		WithFailureThresholdRatio(5, 10).
		WithDelay(time.Second).
		WithDelayFunc(failsafehttp.DelayFunc).
		Build()
	retries := failsafehttp.NewRetryPolicyBuilder().WithBackoff(firstWait, lastWait).WithMaxRetries(attempts - 1).
		AbortOnErrors(circuitbreaker.ErrOpen).Build()
	return func(second policy) []policy { return []policy{second, retries, breaker} }
}

// restyTo returns a client of resty with a balancer, over a base that sends each
// host its key: a balancer of addresses knows of none.
func restyTo(name, how string, balancer func() (resty.LoadBalancer, error)) Contender {
	return Contender{Name: name, Kind: Rival, Module: "resty.dev/v3", How: how, Wrap: func(base http.RoundTripper) Doer {
		lb, err := balancer()
		if err != nil {
			panic(err) // the scenario's own mistake
		}
		c := restyClient(keyOfHost{base}).SetLoadBalancer(lb)
		if w, ok := base.(*wire); ok {
			w.atEnd(func() { c.Close() }) // it has a goroutine
		}
		return restyDo(c)
	}}
}

// restyKeys returns a client of resty for one host, in which each attempt has the next key.
func restyKeys(name, how string) Contender {
	return Contender{Name: name, Kind: Rival, Module: "resty.dev/v3", How: how, Wrap: func(base http.RoundTripper) Doer {
		var n atomic.Uint64
		keys := []string{"test-key", fallbackKey}
		c := restyClient(base).SetBaseURL(primaryURL).AddRequestMiddleware(func(_ *resty.Client, r *resty.Request) error {
			r.SetHeader("Authorization", "Bearer "+keys[n.Add(1)%uint64(len(keys))])
			return nil
		})
		return restyDo(c)
	}}
}

func restyClient(base http.RoundTripper) *resty.Client {
	return resty.New().SetTransport(base).SetResponseDoNotParse(true).
		SetRetryCount(attempts-1).SetRetryAllowNonIdempotent(true).
		AddRetryConditions(resty.RetryConditionStatusTooManyRequests, resty.RetryConditionStatus5XX,
			func(_ *resty.Response, err error) bool { return err != nil })
}

func restyDo(c *resty.Client) Doer {
	return func(req *http.Request) (*http.Response, error) {
		r := c.R().SetContext(req.Context()).SetHeaderMultiValues(req.Header)
		if req.Body != nil {
			var body bytes.Buffer
			if _, err := body.ReadFrom(req.Body); err != nil {
				return nil, err
			}
			req.Body.Close()
			r.SetBody(body.Bytes())
		}
		resp, err := r.Execute(req.Method, req.URL.Path)
		if err != nil {
			return nil, err
		}
		return resp.RawResponse, nil
	}
}

// inTurns and byWeight are resty's balancers. By weight a host is left out after five
// calls that failed there, until a clock that ticks each recovery puts all back.
func inTurns() (resty.LoadBalancer, error) { return resty.NewRoundRobin(primaryURL, fallbackURL) }

func byWeight() (resty.LoadBalancer, error) {
	return resty.NewWeightedRoundRobin(10*time.Second,
		&resty.Host{BaseURL: primaryURL, Weight: 99}, &resty.Host{BaseURL: fallbackURL, Weight: 1})
}

// keyOfHost sends the fallback its own key.
type keyOfHost struct{ base http.RoundTripper }

func (k keyOfHost) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Host == fallbackHost {
		req = req.Clone(req.Context())
		takeOtherKey(req)
	}
	return k.base.RoundTrip(req)
}
