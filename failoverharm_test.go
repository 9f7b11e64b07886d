package steadyhttp_test

import (
	"errors"
	"fmt"
	"net/http"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyhttp/steadyhttp"
)

// Situations in which a Failover could do harm: what would have succeeded without it
// fails, or is done twice.

func limited(after string) func(asked) reply {
	return always(429, "Retry-After: "+after, openAIError("requests", "rate_limit_exceeded", "Rate limit reached"))
}

// knownDown has a few calls find the primary down.
func knownDown(t *testing.T, rt http.RoundTripper, change func(*http.Request)) {
	t.Helper()
	for range 4 {
		ask(t, rt, change)
	}
}

// An idempotency key protects a request only where it is known: at its origin, and for
// its credential.
func TestFailoverKeepsIdempotencyKeyAtHome(t *testing.T) {
	for _, target := range []steadyhttp.Target{
		{URL: "https://orders.eu.example"},
		{Name: "other key", Header: http.Header{"Authorization": {"Bearer key-b"}}},
	} {
		for _, fault := range []func(asked) reply{always(500, "", ""), always(503, "", ""), fails(syscall.ECONNRESET)} {
			synctest.Test(t, func(t *testing.T) {
				f := &fleet{rules: map[string]func(asked) reply{"orders.eu.example": works, "orders.example": func(a asked) reply {
					if a.key == "key-b" || a.n >= 2 {
						return works(a)
					}
					return fault(a)
				}}}
				rt := &steadyhttp.Transport{Base: f, Failover: &steadyhttp.Failover{Hosts: []string{"orders.example"}, Targets: []steadyhttp.Target{target}}}
				d := ask(t, rt, func(req *http.Request) {
					req.URL.Host, req.URL.Path = "orders.example", "/orders"
					req.Header.Set("Idempotency-Key", "k1")
				})
				for i, a := range f.asked {
					if i > 0 && (a.host != "orders.example" || a.key != "key-a") {
						t.Errorf("after an attempt of unknown fate the order was sent to %s with %s", a.host, a.key)
					}
				}
				if !d.answered() {
					t.Errorf("the order failed: %v, %v", d.err, d.call.Error)
				}
			})
		}
	}
}

// What a target that redirects has done by then is not known.
func TestFailoverAfterRedirectOfTarget(t *testing.T) {
	for status, goes := range map[int]bool{301: false, 302: false, 303: false, 307: true, 308: true} {
		synctest.Test(t, func(t *testing.T) {
			f := &fleet{rules: map[string]func(asked) reply{"orders.example": always(429, "", ""), "orders.eu.example": always(status, "Location: /orders/1", ""), "orders.us.example": works}}
			rt := &steadyhttp.Transport{Base: f, Failover: &steadyhttp.Failover{Hosts: []string{"orders.example"}, Targets: []steadyhttp.Target{{URL: "https://orders.eu.example"}, {URL: "https://orders.us.example"}}}}
			ask(t, rt, func(req *http.Request) { req.URL.Host, req.URL.Path = "orders.example", "/orders" })
			if went := f.at("orders.us.example") > 0; went != goes {
				t.Errorf("after a %d of a target the order was sent to the next: %v, want %v", status, went, goes)
			}
		})
	}
}

// A target that is set up badly does not end a call that waiting would save.
func TestMisconfiguredTargetEndsNothing(t *testing.T) {
	for name, target := range map[string]func(asked) reply{
		"invalid request":        always(400, "", openAIError("invalid_request_error", "", "unknown field")),
		"bad key":                always(401, "", openAIError("invalid_request_error", "invalid_api_key", "Incorrect API key provided")),
		"forbidden":              always(403, "", ""),
		"wrong path":             always(404, "Content-Type: text/plain", "404 page not found"),
		"unknown model":          always(404, "", openAIError("invalid_request_error", "model_not_found", "The model does not exist")),
		"method not allowed":     always(405, "", ""),
		"context is too short":   always(400, "", openAIError("invalid_request_error", "context_length_exceeded", "This model's maximum context length is 8192 tokens")),
		"body is too large":      always(413, "", ""),
		"unprocessable":          always(422, "", ""),
		"redirects":              always(302, "Location: /login", ""),
		"account is empty":       always(402, "", ""),
		"fails":                  always(500, "", ""),
		"not implemented":        always(501, "", ""),
		"certificate is unknown": fails(errors.New("tls: failed to verify certificate: x509: certificate signed by unknown authority")),
	} {
		for fault, primaryDown := range map[string]func(asked) reply{"503": always(503, "", ""), "refused": fails(syscall.ECONNREFUSED), "told 10 s": nil} {
			t.Run(name+"/"+fault, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					back := time.Now().Add(10 * time.Second)
					f := &fleet{rules: map[string]func(asked) reply{fallback: target, primary: func(a asked) reply {
						switch left := back.Sub(a.at); {
						case left <= 0:
							return works(a)
						case primaryDown == nil:
							return limited(fmt.Sprint(int(left.Seconds() + 0.99)))(a)
						}
						return primaryDown(a)
					}}}
					rt := &steadyhttp.Transport{Base: f, Failover: elsewhere()}
					var wg sync.WaitGroup
					for i := range 60 {
						wg.Go(func() {
							if d := ask(t, rt, nil); !d.answered() {
								t.Errorf("the %dth call was lost after %v: %v, %v (%q)", i, d.took, d.err, d.call.Error, d.call.Stopped)
							}
						})
						time.Sleep(100 * time.Millisecond)
					}
					wg.Wait()
				})
			})
		}
	}
}
