package steadyhttp_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/steadyhttp/steadyhttp"
	"github.com/steadyhttp/steadyhttp/limit"
)

// A base that changes the very request that it is given breaks its contract. What
// was known of a request when it went out is believed all the same, and a body
// that was replaced is not sent again.
func TestBaseThatChangesTheRequest(t *testing.T) {
	for _, row := range []struct {
		name     string
		url      string
		key      string
		change   func(*http.Request) error
		attempts int
		status   int
	}{
		{"another URL, as a gateway's", "https://api.anthropic.com/v1/messages", "", func(req *http.Request) error {
			req.URL.Host, req.URL.Path = "gateway.example.com", "/llm"
			return nil
		}, 2, 200},
		{"no idempotency key", "https://api.example.com/orders", "4f1c", func(req *http.Request) error {
			req.Header.Del("Idempotency-Key")
			return nil
		}, 2, 200},
		{"a compressed body", chatURL, "", func(req *http.Request) error {
			var packed bytes.Buffer
			z := gzip.NewWriter(&packed)
			if _, err := io.Copy(z, req.Body); err != nil {
				return err
			}
			if err := z.Close(); err != nil {
				return err
			}
			req.Body, req.GetBody, req.ContentLength = io.NopCloser(&packed), nil, int64(packed.Len())
			return nil
		}, 1, 502},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				wire := playing(reply{status: 502}, reply{status: 200})
				rt := &steadyhttp.Transport{Base: roundTripperFunc(func(req *http.Request) (*http.Response, error) {
					if err := row.change(req); err != nil {
						return nil, err
					}
					return wire.RoundTrip(req)
				})}
				req := request(t, "POST", row.url, `{"model":"m"}`)
				req.Header.Set("Anthropic-Version", "2023-06-01")
				if row.key != "" {
					req.Header.Set("Idempotency-Key", row.key)
				}
				resp, err := rt.RoundTrip(req)
				if err != nil {
					t.Fatal(err)
				}
				finish(t, resp)
				if resp.StatusCode != row.status || len(wire.sent) != row.attempts {
					t.Errorf("got %d after %d attempts, want %d after %d", resp.StatusCode, len(wire.sent), row.status, row.attempts)
				}
			})
		})
	}
}

// denies is a Limiter that refuses everybody at once.
type denies struct{ limit.Limiter }

func (denies) Acquire(context.Context, limit.Ask) (limit.Permit, error) {
	return limit.Permit{}, steadyhttp.ErrThrottled
}

// A caller may use a request again once its call has failed. That is for the race
// detector to find wrong.
func TestRequestOfAFailedCallIsItsCallers(t *testing.T) {
	throttler := &steadyhttp.Throttler{Limiter: denies{}}
	req := request(t, "GET", "https://api.example.com/v1/x", "")
	for range 100 {
		//lint:ignore SA1019 deprecated for callers, who may still set it
		req.Cancel = make(chan struct{})
		if _, err := throttler.RoundTrip(req); err == nil || !strings.Contains(err.Error(), "not sent") {
			t.Fatalf("got %v, want that it was not sent", err)
		}
	}
}
