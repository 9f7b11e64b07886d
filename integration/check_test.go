package integration

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"

	"github.com/steadyhttp/steadyhttp"
	"github.com/steadyhttp/steadyhttp/steadyhttptest"
)

// once sends a request one time, so that what the SDK returns is about it.
func once(base http.RoundTripper) http.RoundTripper {
	return &steadyhttp.Transport{Base: base, Retrier: &steadyhttp.Retrier{MaxAttempts: 1}}
}

// fails asks s once over chain and returns the error, with the call's record.
func fails(t *testing.T, s sdk, chain func(http.RoundTripper) http.RoundTripper, r steadyhttptest.Reply) (ctx context.Context, err error) {
	t.Helper()
	bubble(t, s, chain, script(r), func(t *testing.T, c calls) {
		ctx = steadyhttp.WithCall(t.Context())
		_, err = c.ask(ctx)
	})
	if err == nil {
		t.Fatal("got no error")
	}
	return ctx, err
}

// replies are the failures that each SDK is shown.
func (s sdk) replies() map[string]steadyhttptest.Reply {
	return map[string]steadyhttptest.Reply{
		"refused":  s.refused.reply,
		"hopeless": s.hopeless.reply,
		"limited":  busy(s, "7"),
	}
}

// What an SDK's error does not keep, and no look into it can find. CheckContext
// does.
var dropped1 = map[string]string{}

// Check of an SDK's error over a plain client says what the response itself says.
func TestCheckOfErrorsOfSDKs(t *testing.T) {
	for _, s := range sdks {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			if open(t, s, http.DefaultTransport).ask == nil {
				t.Skip("it asks nothing")
			}
			for name, r := range s.replies() {
				t.Run(name, func(t *testing.T) {
					ctx, _ := fails(t, s, once, r)
					call, _ := steadyhttp.FromContext(ctx)
					want := call.Error
					if want == nil {
						t.Fatal("no verdict on the response itself")
					}
					_, plain := fails(t, s, bare, r)
					for how, err := range map[string]error{
						"as it is":      plain,
						"wrapped twice": fmt.Errorf("ask: %w", fmt.Errorf("model: %w", plain)),
						"joined":        errors.Join(errors.New("late"), (*http.MaxBytesError)(nil), plain),
					} {
						var got *steadyhttp.Error
						if !errors.As(steadyhttp.Check(nil, err), &got) {
							t.Fatalf("%s: no verdict on %v", how, err)
						}
						if got.Class != want.Class || got.Status != want.Status || got.Code != want.Code || got.RequestID != want.RequestID || got.RetryAfter != want.RetryAfter {
							t.Errorf("%s, a %T: got %v, status %d, code %q, request %q, wait %s; the response says %v, %d, %q, %q, %s", how, plain,
								got.Class, got.Status, got.Code, got.RequestID, got.RetryAfter, want.Class, want.Status, want.Code, want.RequestID, want.RetryAfter)
						}
						if !errors.Is(got, err) {
							t.Errorf("%s: the SDK's error is not wrapped", how)
						}
					}
				})
			}
		})
	}
}
