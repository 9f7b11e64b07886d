package integration

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"github.com/steadyhttp/steadyhttp"
	"github.com/steadyhttp/steadyhttp/steadyhttptest"
)

// once sends a request one time, so that what the SDK returns is about it.
func once(base http.RoundTripper) http.RoundTripper {
	return &steadyhttp.Transport{Base: base, Retrier: &steadyhttp.Retrier{MaxAttempts: 1}}
}

// fails asks s once over chain and hands over the error with the context that has the
// call's record. That context has ended by then, as SDKs end theirs.
func fails(t *testing.T, s sdk, chain func(http.RoundTripper) http.RoundTripper, r steadyhttptest.Reply, check func(*testing.T, context.Context, error)) {
	t.Helper()
	bubble(t, s, chain, script(r), func(t *testing.T, c calls) {
		ctx, cancel := context.WithCancel(steadyhttp.WithCall(t.Context()))
		_, err := c.ask(ctx)
		if err == nil {
			t.Fatal("got no error")
		}
		cancel()
		check(t, ctx, err)
	})
}

// replies are the failures that each SDK is shown.
func (s sdk) replies() map[string]steadyhttptest.Reply {
	all := map[string]steadyhttptest.Reply{"refused": s.refused.reply, "hopeless": s.hopeless.reply}
	if s.name != discordSDK.name { // which repeats a 429 for ever
		all["limited"] = reply(http.StatusTooManyRequests, "{}", "Retry-After", "7")
	}
	return all
}

// eachFailure runs test with each failure of each SDK that asks something and takes a
// context, in parallel.
func eachFailure(t *testing.T, test func(t *testing.T, s sdk, name string, r steadyhttptest.Reply)) {
	for _, s := range sdks {
		if s.deaf || open(t, s, http.DefaultTransport).ask == nil {
			continue
		}
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			for name, r := range s.replies() {
				t.Run(name, func(t *testing.T) { test(t, s, name, r) })
			}
		})
	}
}

// lost are the fields that an SDK's error does not keep, so that no look into it
// can find them. CheckContext has them.
var lost = map[string]string{
	langChainSDK.name:  "status class code request wait", // a text
	slackSDK.name:      "status class code",              // no status, and of a 429 the wait alone
	goOpenAISDK.name:   "request wait",
	ollamaSDK.name:     "wait",
	genAISDK.name:      "wait",
	stripeSDK.name:     "wait",
	elasticSDK.name:    "wait",
	cohereSDK.name:     "wait",
	kubernetesSDK.name: "wait",
	vaultSDK.name:      "wait",
	minioSDK.name:      "wait",
	dockerSDK.name:     "status class code request wait", // a text, and a class of errors of its own
	connectSDK.name:    "status class code request wait", // a code of its own type, and made up where the server sent none

	minioSDK.name + "/hopeless": "class",        // AWS's codes, from a host that the error does not name
	stripeSDK.name + "/limited": "status class", // a text, for a body in which it finds no error
}

// Check of an SDK's error over a plain client says what the response itself says,
// however it is wrapped.
func TestCheckOfErrorsOfSDKs(t *testing.T) {
	eachFailure(t, func(t *testing.T, s sdk, name string, r steadyhttptest.Reply) {
		var want *steadyhttp.Error
		fails(t, s, once, r, func(t *testing.T, ctx context.Context, _ error) {
			call, _ := steadyhttp.FromContext(ctx)
			if want = call.Error; want == nil {
				t.Fatal("no verdict on the response itself")
			}
		})
		fails(t, s, bare, r, func(t *testing.T, _ context.Context, plain error) {
			for how, err := range map[string]error{
				"as it is":      plain,
				"wrapped twice": fmt.Errorf("ask: %w", fmt.Errorf("model: %w", plain)),
				"joined":        errors.Join(errors.New("late"), (*url.Error)(nil), plain),
			} {
				got, ok := steadyhttp.Check(nil, err).(*steadyhttp.Error)
				if !ok {
					t.Fatalf("%s: no verdict on %v", how, err)
				}
				for field, is := range saysLess(got, want) {
					if !is && !strings.Contains(lost[s.name]+lost[s.name+"/"+name], field) {
						t.Errorf("%s, a %T: got %v, want the %s of %v", how, plain, got, field, want)
					}
				}
				if !reflect.DeepEqual(got.Unwrap(), err) {
					t.Errorf("%s: the SDK's error is not wrapped", how)
				}
			}
		})
	})
}

// saysLess reports of each field whether got has it as want has.
func saysLess(got, want *steadyhttp.Error) map[string]bool {
	return map[string]bool{
		"class":   got.Class == want.Class,
		"status":  got.Status == want.Status,
		"code":    got.Code == want.Code || want.Code == "", // SDKs make one up where there is none
		"request": got.RequestID == want.RequestID,
		"wait":    got.RetryAfter == want.RetryAfter,
	}
}

// CheckContext has all that the response said, whatever the SDK's error keeps.
func TestCheckContextUnderSDKs(t *testing.T) {
	eachFailure(t, func(t *testing.T, s sdk, name string, r steadyhttptest.Reply) {
		fails(t, s, once, r, func(t *testing.T, ctx context.Context, err error) {
			call, _ := steadyhttp.FromContext(ctx)
			got, ok := steadyhttp.CheckContext(ctx, nil, err).(*steadyhttp.Error)
			if !ok || call.Error == nil {
				t.Fatalf("got no verdict on %v", err)
			}
			for field, is := range saysLess(got, call.Error) {
				if !is {
					t.Errorf("got %v, want the %s of %v", got, field, call.Error)
				}
			}
			if got.Err == nil {
				t.Errorf("got %v without the SDK's error in it", got)
			}
		})
	})
}
