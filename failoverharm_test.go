package steadyhttp_test

import (
	"net/http"
	"syscall"
	"testing"
	"testing/synctest"

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
