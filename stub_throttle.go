package steadyhttp

import (
	"net/http"
	"time"
)

func (t *Throttler) peek(req *http.Request, model string) time.Duration { return 0 }
func (t *Throttler) roundTripWithin(req *http.Request, next http.RoundTripper, maxWait time.Duration) (*http.Response, error) {
	return t.roundTrip(req, next)
}
