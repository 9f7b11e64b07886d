package integration

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"golang.org/x/net/http2"
	"golang.org/x/oauth2"

	"github.com/steadyhttp/steadyhttp"
	"github.com/steadyhttp/steadyhttp/steadyhttptest"
)

// Other people's RoundTrippers: outside of our Transport they see one call,
// inside of it each attempt.

// newOAuth2Outside asks for a token once a call; the attempts share it.
func newOAuth2Outside(tokens oauth2.TokenSource, steady http.RoundTripper) *http.Client {
	return &http.Client{Transport: &oauth2.Transport{Source: tokens, Base: steady}}
}

// newOAuth2Inside asks for a token with each attempt, so that one that has
// expired while a call waited is a fresh one in the next.
func newOAuth2Inside(tokens oauth2.TokenSource, base http.RoundTripper) *http.Client {
	return &http.Client{Transport: &steadyhttp.Transport{Base: &oauth2.Transport{Source: tokens, Base: base}}}
}

// newOTelOutside makes a span a call: how long the caller waited.
func newOTelOutside(steady http.RoundTripper, options ...otelhttp.Option) *http.Client {
	return &http.Client{Transport: otelhttp.NewTransport(steady, options...)}
}

// newOTelInside makes a span an attempt: what the server was asked.
func newOTelInside(base http.RoundTripper, options ...otelhttp.Option) *http.Client {
	return &http.Client{Transport: &steadyhttp.Transport{Base: otelhttp.NewTransport(base, options...)}}
}

// newStrangersBetween has both between our wrappers, below the Retrier and
// above the rest.
func newStrangersBetween(tokens oauth2.TokenSource, base http.RoundTripper, options ...otelhttp.Option) *http.Client {
	var rt http.RoundTripper = &steadyhttp.Classifier{Base: base}
	rt = &steadyhttp.Throttler{Base: rt}
	rt = otelhttp.NewTransport(rt, options...)
	rt = &oauth2.Transport{Source: tokens, Base: rt}
	rt = &steadyhttp.Retrier{Base: rt}
	return &http.Client{Transport: &steadyhttp.Logger{Base: rt}}
}

// counted is a source of tokens that counts how often it was asked.
type counted struct{ asked atomic.Int32 }

func (c *counted) Token() (*oauth2.Token, error) {
	c.asked.Add(1)
	return &oauth2.Token{AccessToken: "test-token"}, nil
}

func TestStrangers(t *testing.T) {
	for _, row := range []struct {
		name          string
		client        func(tokens oauth2.TokenSource, base http.RoundTripper, spans otelhttp.Option) *http.Client
		tokens, spans int // of a call of three attempts
	}{
		{"oauth2 outside", func(tokens oauth2.TokenSource, base http.RoundTripper, _ otelhttp.Option) *http.Client {
			return newOAuth2Outside(tokens, &steadyhttp.Transport{Base: base})
		}, 1, 0},
		{"oauth2 inside", func(tokens oauth2.TokenSource, base http.RoundTripper, _ otelhttp.Option) *http.Client {
			return newOAuth2Inside(tokens, base)
		}, 3, 0},
		{"otelhttp outside", func(_ oauth2.TokenSource, base http.RoundTripper, spans otelhttp.Option) *http.Client {
			return newOTelOutside(&steadyhttp.Transport{Base: base}, spans)
		}, 0, 1},
		{"otelhttp inside", func(_ oauth2.TokenSource, base http.RoundTripper, spans otelhttp.Option) *http.Client {
			return newOTelInside(base, spans)
		}, 0, 3},
		{"both between our wrappers", func(tokens oauth2.TokenSource, base http.RoundTripper, spans otelhttp.Option) *http.Client {
			return newStrangersBetween(tokens, base, spans)
		}, 3, 3},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			srv := steadyhttptest.NewServer()
			defer srv.Close()
			srv.Script("*", reply(503, ""), reply(429, "", "Retry-After", "1"), reply(200, "Hello!"))
			var (
				tokens counted
				spans  tracetest.InMemoryExporter
			)
			tracing := otelhttp.WithTracerProvider(trace.NewTracerProvider(trace.WithSyncer(&spans)))
			synctest.Test(t, func(t *testing.T) {
				client := row.client(&tokens, wire(srv), tracing)
				ctx := steadyhttp.WithCall(t.Context())
				if text, err := put(ctx, client, "the same bytes"); text != "Hello!" || err != nil {
					t.Errorf("got %q, %v", text, err)
				}
				if c, _ := steadyhttp.FromContext(ctx); c.Attempts != 3 {
					t.Errorf("the call knows of %d attempts, want 3", c.Attempts)
				}
			})
			wantSameBytes(t, srv.Requests(), 3)
			if got := int(tokens.asked.Load()); got != row.tokens {
				t.Errorf("got %d tokens asked for, want %d", got, row.tokens)
			}
			if got := len(spans.GetSpans()); got != row.spans {
				t.Errorf("got %d spans, want %d", got, row.spans)
			}
		})
	}
}

// put sends body, in a method that may be repeated, and returns the answer's.
func put(ctx context.Context, client *http.Client, body string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, "https://api.example/thing", strings.NewReader(body))
	if err != nil {
		return "", err
	}
	resp, err := client.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return string(text), err
}

// golang.org/x/net/http2 says that a server has closed a connection after GOAWAY
// with a type of its own.
func TestGoAwayOfXNet(t *testing.T) {
	err := fmt.Errorf("reading: %w", http2.GoAwayError{LastStreamID: 1})
	var e *steadyhttp.Error
	if !errors.As(steadyhttp.Check(nil, err), &e) || e.Class != steadyhttp.Connection {
		t.Errorf("got %v, want a connection that failed", e)
	}
}
