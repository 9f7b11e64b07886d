package steadyhttp_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/steadyhttp/steadyhttp"
)

// rewriting sends the request to another path, as a proxy for a gateway does.
func rewriting(base http.RoundTripper) http.RoundTripper {
	return roundTripperFunc(func(req *http.Request) (*http.Response, error) {
		req = req.Clone(req.Context())
		req.URL.Path = "/tenant" + req.URL.Path
		return base.RoundTrip(req)
	})
}

// askingTheSameHost fetches a token from the API itself first, through a client
// of ours and with our context.
func askingTheSameHost(base http.RoundTripper) http.RoundTripper {
	return roundTripperFunc(func(req *http.Request) (*http.Response, error) {
		side, err := http.NewRequestWithContext(req.Context(), "POST", "https://api.openai.com/oauth/token", nil)
		if err != nil {
			return nil, err
		}
		resp, err := (&steadyhttp.Transport{Base: playing(reply{status: 200})}).RoundTrip(side)
		if err != nil {
			return nil, err
		}
		resp.Body.Close()
		return base.RoundTrip(req)
	})
}

func TestTwoRetriersDoNotMultiply(t *testing.T) {
	type T = http.RoundTripper
	retrier := func(b T) T { return &steadyhttp.Retrier{Base: b, BackOff: noWait} }
	debug, _ := observer.New(zapcore.DebugLevel) // a silent Logger opens no record
	logger := func(b T) T { return &steadyhttp.Logger{Base: b, Zap: zap.New(debug)} }
	transport := func(b T) T {
		return &steadyhttp.Transport{Base: b, Retrier: &steadyhttp.Retrier{BackOff: noWait}}
	}
	classifier := func(b T) T { return &steadyhttp.Classifier{Base: b} }
	for _, row := range []struct {
		name            string
		chain           []func(T) T // outermost first
		answers, errors int         // requests on the wire
	}{
		{"one alone", []func(T) T{retrier}, 4, 4},
		{"one directly in the other", []func(T) T{retrier, retrier}, 4, 5},
		{"three in a row", []func(T) T{retrier, retrier, retrier}, 4, 6},
		{"a stranger between", []func(T) T{retrier, cloning, retrier}, 4, 5},
		{"a stranger that asks for a token between", []func(T) T{retrier, asking, retrier}, 4, 5},
		{"one alone, and a stranger that asks the same host for a token", []func(T) T{retrier, askingTheSameHost}, 4, 4},
		{"a Classifier between", []func(T) T{retrier, classifier, retrier}, 4, 5},
		{"a Logger between", []func(T) T{retrier, logger, retrier}, 4, 5},
		{"a Logger outside", []func(T) T{logger, retrier, retrier}, 4, 4},
		{"a Logger outside and a stranger between", []func(T) T{logger, retrier, cloning, retrier}, 4, 4},
		{"a Transport in a Transport", []func(T) T{transport, transport}, 4, 5},
		{"a stranger between that rewrites the path", []func(T) T{retrier, rewriting, retrier}, 4, 5},
		{"a Logger outside and a stranger that rewrites the path", []func(T) T{logger, retrier, rewriting, retrier}, 4, 4},
	} {
		for _, kind := range []struct {
			name string
			r    reply
			want int
		}{
			{"503", reply{status: 503, body: "down"}, row.answers},
			{"connection errors", reply{err: errReset}, row.errors},
		} {
			for _, kept := range []bool{false, true} {
				name := fmt.Sprintf("%s, %s, WithCall %t", row.name, kind.name, kept)
				t.Run(name, func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						base := playing(kind.r)
						var rt T = base
						for _, wrap := range slices.Backward(row.chain) {
							rt = wrap(rt)
						}
						req := chat(t)
						if kept {
							req = req.WithContext(steadyhttp.WithCall(t.Context()))
						}
						resp, err := (&http.Client{Transport: rt}).Do(req)
						if resp != nil {
							if body := finish(t, resp); body != kind.r.body {
								t.Errorf("got body %q, want %q", body, kind.r.body)
							}
						} else if !errors.Is(err, kind.r.err) {
							t.Errorf("got %v, want the base's error", err)
						}
						want := kind.want
						if kept {
							want = 4 // the record shows from the start who the owner is
						}
						if got := base.count(); got != want {
							t.Errorf("got %d requests on the wire, want %d", got, want)
						}
						if n := base.leftOpen(); n != 0 {
							t.Errorf("%d bodies left open", n)
						}
					})
				})
			}
		}
	}
}

// Some SDKs repeat a request whose body they have sent already. Bare it is cut off
// after its headers; GetBody has the body all the same.
func TestClientThatRepeatsWithABodyItHasUsedUp(t *testing.T) {
	for _, row := range []struct {
		name string
		max  int
		want []string // the bodies on the wire
	}{
		{"by default", 0, []string{"an order", "an order"}},
		{"over a Retrier that never repeats", 1, []string{"an order", ""}},
	} {
		t.Run(row.name, func(t *testing.T) {
			var got []string
			base := replying(func(req *http.Request) reply {
				body, _ := io.ReadAll(req.Body)
				got = append(got, string(body))
				return reply{status: 500}
			})
			req := request(t, "POST", "https://shop.example/orders", "an order")
			rt := &steadyhttp.Retrier{Base: base, MaxAttempts: row.max}
			for range 2 {
				resp, err := rt.RoundTrip(req)
				if err != nil {
					t.Fatal(err)
				}
				finish(t, resp)
			}
			if !slices.Equal(got, row.want) {
				t.Errorf("got the bodies %q, want %q", got, row.want)
			}
		})
	}
}

func TestOneOwnerOfRetries(t *testing.T) {
	stainless := func(n string) http.Header { return http.Header{"X-Stainless-Retry-Count": {n}} }
	never, thrice := steadyhttp.RetryPolicy{MaxAttempts: 1}, steadyhttp.RetryPolicy{MaxAttempts: 3}
	down := reply{status: 503, header: "X-Kept: yes"}
	for _, row := range []struct {
		name        string
		max         int
		policy      *steadyhttp.RetryPolicy
		header      http.Header
		reply       reply
		attempts    int
		shouldRetry string // on the answer that comes up
	}{
		{"a plain client", 0, nil, nil, down, 4, ""},
		{"an SDK's first request", 0, nil, stainless("0"), down, 4, "false"},
		{"an SDK's own retry", 0, nil, stainless("1"), down, 1, ""},
		{"an SDK's tenth retry", 0, nil, stainless("10"), down, 1, ""},
		{"an SDK, and a failure that does not pass", 0, nil, stainless("0"), reply{status: 404}, 1, "false"},
		{"an SDK, and money that is used up", 0, nil, stainless("0"), reply{status: 429, body: `{"error":{"message":"You exceeded your current quota","code":"insufficient_quota"}}`}, 1, "false"},
		{"an SDK, and a conflict, which may be over when it repeats", 0, nil, stainless("0"), reply{status: 409}, 1, ""},
		{"an SDK, and a wait that is too long for us", 0, nil, stainless("0"), reply{status: 503, header: "Retry-After: 3600"}, 1, ""},
		{"an SDK, and another connection that is needed", 0, nil, stainless("0"), reply{status: 421}, 1, ""},
		{"an SDK, and a success", 0, nil, stainless("0"), reply{status: 200}, 1, ""},
		{"an SDK over a Retrier that never repeats", 1, nil, stainless("0"), down, 1, ""},
		{"an SDK over one that repeats this call", 1, &thrice, stainless("0"), down, 3, "false"},
		{"an SDK over one that repeats others", 0, &never, stainless("0"), down, 1, ""},
		{"an SDK whose server wants a repeat", 0, nil, stainless("0"), reply{status: 503, header: "X-Should-Retry: true"}, 4, "false"},
		{"AWS, first attempt", 0, nil, http.Header{"Amz-Sdk-Request": {"attempt=1; max=3"}}, down, 4, ""},
		{"AWS, second attempt", 0, nil, http.Header{"Amz-Sdk-Request": {"attempt=2; max=3"}}, down, 1, ""},
		{"Google Cloud, first attempt", 0, nil, http.Header{"X-Goog-Api-Client": {"gl-go/1.26.8 gccl/1.50.0 gccl-invocation-id/4f gccl-attempt-count/1"}}, down, 4, ""},
		{"Google Cloud, second attempt", 0, nil, http.Header{"X-Goog-Api-Client": {"gl-go/1.26.8 gccl/1.50.0 gccl-invocation-id/4f gccl-attempt-count/2"}}, down, 1, ""},
		{"Microsoft Graph, second attempt", 0, nil, http.Header{"Retry-Attempt": {"1"}}, down, 1, ""},
		{"gRPC, second attempt", 0, nil, http.Header{"Grpc-Previous-Rpc-Attempts": {"1"}}, down, 1, ""},
		{"AWS, second attempt, in another order", 0, nil, http.Header{"Amz-Sdk-Request": {"ttl=20261123T080000Z; attempt=2;max=3"}}, down, 1, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				// What the base gave must keep its own header map.
				var given []http.Header
				inner := playing(row.reply)
				base := roundTripperFunc(func(req *http.Request) (*http.Response, error) {
					resp, err := inner.RoundTrip(req)
					given = append(given, resp.Header)
					return resp, err
				})
				req := chat(t)
				for name, values := range row.header {
					req.Header[name] = values
				}
				sent := req.Header.Clone()
				if row.policy != nil {
					req = req.WithContext(steadyhttp.WithRetry(req.Context(), *row.policy))
				}
				resp, err := (&steadyhttp.Retrier{Base: base, MaxAttempts: row.max, BackOff: noWait}).RoundTrip(req)
				if err != nil {
					t.Fatal(err)
				}
				finish(t, resp)
				if got := resp.Header.Get("X-Should-Retry"); got != row.shouldRetry {
					t.Errorf("X-Should-Retry: got %q, want %q", got, row.shouldRetry)
				}
				if resp.Header.Get("X-Kept") == "" && row.reply.status == down.status && row.reply.header == down.header {
					t.Error("the server's own headers are gone")
				}
				if got := inner.count(); got != row.attempts {
					t.Errorf("got %d attempts, want %d", got, row.attempts)
				}
				for _, h := range given {
					if h.Get("X-Should-Retry") == "false" {
						t.Error("the base's own header map was written to")
					}
				}
				if !equalHeaders(req.Header, sent) {
					t.Errorf("the request's headers: got %v, want %v", req.Header, sent)
				}
			})
		})
	}
}
