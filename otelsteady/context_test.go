package otelsteady_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyhttp/steadyhttp"
	"github.com/steadyhttp/steadyhttp/otelsteady"
)

// Each hop is a call to a RoundTripper. Their attempts are numbered through,
// whether the caller keeps a record of his own or not.
func TestRedirects(t *testing.T) {
	for name, with := range map[string]func(context.Context) context.Context{
		"without a record of the caller's": func(ctx context.Context) context.Context { return ctx },
		"with a record of the caller's":    steadyhttp.WithCall,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig()
				base := playing(
					reply{status: 503}, reply{status: 302, header: map[string]string{"Location": "/there"}},
					reply{status: 503}, reply{status: 200},
				)
				ctx := with(t.Context())
				resp, err := (&http.Client{Transport: r.around(base)}).Do(request(t, ctx, "GET", "https://api.example.com/here", ""))
				if err != nil {
					t.Fatal(err)
				}
				resp.Body.Close()
				calls, attempts := r.wantCounts(t, 2, 4)
				for i, want := range []string{"", "1", "2", "3"} {
					wantAttr(t, attempts[i], "http.request.resend_count", want)
				}
				for i, want := range []string{"unavailable", "", "unavailable", ""} {
					wantAttr(t, attempts[i], "error.type", want)
				}
				for i, status := range []string{"302", "200"} {
					wantAttr(t, calls[i], "http.response.status_code", status)
					wantAttr(t, calls[i], "steadyhttp.attempts", "2")
					wantAttr(t, calls[i], "steadyhttp.waited", "1")
					if n := len(calls[i].Events); n != 1 {
						t.Errorf("call %d: got %d events, want 1", i+1, n)
					}
				}
			})
		})
	}
}

// A caller who keeps a record finds it filled, as if we were not there.
func TestTheCallersRecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		rt := r.around(playing(reply{status: 503}, reply{err: errBroken}, reply{status: 200}))
		ctx := steadyhttp.WithCall(t.Context())
		do(t, rt, request(t, ctx, "POST", "https://api.example.com/", "x")) // a write: sent once
		c, ok := steadyhttp.FromContext(ctx)
		if !ok || c.Error == nil || c.Error.Class != steadyhttp.Unavailable {
			t.Errorf("after a failure: got %+v, %t, want the verdict", c, ok)
		}
		do(t, rt, request(t, ctx, "GET", "https://api.example.com/", ""))
		c, ok = steadyhttp.FromContext(ctx)
		if !ok || c.Error == nil || c.Error.Class != steadyhttp.Unknown {
			t.Errorf("after another: got %+v, %t, want the verdict on that", c, ok)
		}
		calls, _ := r.wantCounts(t, 2, 2)
		wantAttr(t, calls[1], "steadyhttp.attempts", "1")
	})
}

// A request that is made from the context of an answer is another call.
func TestAContextLeftOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		rt := r.around(playing(reply{status: 503}, reply{status: 200}))
		resp, err := rt.RoundTrip(chat(t, t.Context()))
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		do(t, rt, chat(t, resp.Request.Context()))
		resp.Body.Close()
		calls, attempts := r.wantCounts(t, 2, 3)
		wantAttr(t, calls[1], "steadyhttp.attempts", "1")
		wantAttr(t, calls[1], "steadyhttp.waited", "")
		wantAttr(t, attempts[2], "http.request.resend_count", "")
		if n := len(calls[1].Events); n != 0 {
			t.Errorf("got %d events, want none: those of the first call are its own", n)
		}
	})
}

// Several such requests at once are not taken for parts of each other, nor for
// those of a Retrier further out.
func TestAContextLeftOverForMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		resp, err := r.around(playing(reply{status: 200})).RoundTrip(chat(t, t.Context()))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		for range 2 {
			go func() {
				base := playing(reply{status: 503, after: time.Second}, reply{status: 200})
				if status, _, err := do(t, r.around(base), chat(t, resp.Request.Context())); status != 200 || err != nil {
					t.Errorf("got %d and %v, want 200 after a retry", status, err)
				}
			}()
		}
		time.Sleep(time.Minute)
		r.wantCounts(t, 2, 4)
	})
}

// A caller who opens a record in such a context finds it filled.
func TestARecordInAContextLeftOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		rt := r.around(playing(reply{status: 200}, reply{status: 404}))
		resp, err := rt.RoundTrip(chat(t, t.Context()))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		ctx := steadyhttp.WithCall(resp.Request.Context())
		do(t, rt, chat(t, ctx))
		if c, ok := steadyhttp.FromContext(ctx); !ok || c.Error == nil || c.Error.Class != steadyhttp.NotFound {
			t.Errorf("got %+v, %t, want the verdict", c, ok)
		}
	})
}

// Nor is a request that only passes Attempts one more of the call before.
func TestAContextLeftOverForAttempts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		resp, err := r.around(playing(reply{status: 200})).RoundTrip(chat(t, t.Context()))
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		do(t, r.attempts(playing(reply{status: 404})), chat(t, resp.Request.Context()))
		resp.Body.Close()
		calls, attempts := r.wantCounts(t, 1, 2)
		wantAttr(t, attempts[1], "http.request.resend_count", "")
		wantAttr(t, attempts[1], "error.type", "not_found")
		wantAttr(t, calls[0], "error.type", "")
	})
}

// A context is left over by a client that is not traced, too.
func TestAContextLeftOverByOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		resp, err := (&steadyhttp.Transport{Base: playing(reply{status: 404})}).RoundTrip(chat(t, t.Context()))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		do(t, r.around(playing(reply{status: 503}, reply{status: 503}, reply{status: 200})), chat(t, resp.Request.Context()))
		calls, _ := r.wantCounts(t, 1, 3)
		wantAttr(t, calls[0], "steadyhttp.attempts", "3")
		wantAttr(t, calls[0], "steadyhttp.waited", "2")
		wantAttr(t, calls[0], "error.type", "")
	})
}

// The caller's record may serve the next call before the body of this one ends.
func TestARecordThatMovedOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		rt := r.around(playing(reply{status: 200}, reply{status: 503}, reply{status: 200}))
		ctx := steadyhttp.WithCall(t.Context())
		resp, err := rt.RoundTrip(chat(t, ctx))
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		do(t, rt, chat(t, ctx))
		resp.Body.Close()
		calls, _ := r.wantCounts(t, 2, 3)
		for i, want := range []string{"1", "2"} {
			wantAttr(t, calls[i], "steadyhttp.attempts", want)
		}
		if n := len(calls[0].Events); n != 0 {
			t.Errorf("the first call: got %d events, want none", n)
		}
	})
}

// Calls does not hide from a Retrier that another one further out repeats.
func TestNestedCallsDoNotMultiplyAttempts(t *testing.T) {
	for _, status := range []int{500, 503} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig()
			base := playing(reply{status: status})
			do(t, r.around(r.around(base)), request(t, t.Context(), "GET", "https://api.example.com/", ""))
			if n := len(base.requests()); n != 4 {
				t.Errorf("a permanent %d: got %d requests, want 4", status, n)
			}
		})
	}
}

// A stranger's request on the side, as for a token, is told as an attempt and
// spoils nobody's verdict.
func TestRequestsOnTheSide(t *testing.T) {
	for _, c := range []struct {
		name       string
		side, main reply
		wantSide   string
		wantMain   string
	}{
		{"both refused alike", reply{status: 429}, reply{status: 429, body: insufficientQuota}, "rate_limit", "quota"},
		{"one not found", reply{status: 404}, reply{status: 200}, "not_found", ""},
		{"one not found, the other forbidden", reply{status: 404}, reply{status: 403}, "not_found", "permission"},
		{"one not found, no answer to the other", reply{status: 404}, reply{err: errBroken}, "not_found", "unknown"},
	} {
		for name, chain := range map[string]func(http.RoundTripper) http.RoundTripper{
			"in a Transport": func(base http.RoundTripper) http.RoundTripper {
				return &steadyhttp.Transport{Trace: otelsteady.Trace(), Retrier: &steadyhttp.Retrier{MaxAttempts: 1}, Base: base}
			},
			"in Calls alone": func(base http.RoundTripper) http.RoundTripper { return base },
		} {
			t.Run(c.name+" "+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					r := newRig()
					inner := r.attempts(playing(c.side, c.main))
					withToken := roundTripper(func(req *http.Request) (*http.Response, error) {
						side := &steadyhttp.Transport{Retrier: &steadyhttp.Retrier{MaxAttempts: 1}, Base: inner}
						do(t, side, request(t, req.Context(), "GET", "https://auth.example/token", ""))
						return inner.RoundTrip(req)
					})
					do(t, r.calls(chain(withToken)), chat(t, t.Context()))
					calls, attempts := r.wantCounts(t, 1, 2)
					got := map[string]string{}
					for _, a := range attempts {
						got[attr(a, "server.address")] = attr(a, "error.type")
					}
					want := c.wantMain
					if name == "in Calls alone" && want == "quota" {
						want = "rate_limit" // nobody looked into the body
					}
					if got["auth.example"] != c.wantSide || got["api.openai.com"] != want {
						t.Errorf("got %v, want %s and %s", got, c.wantSide, want)
					}
					wantAttr(t, calls[0], "error.type", want)
				})
			})
		}
	}
}

// A stranger may end an attempt long after the call.
func TestAnAttemptThatOutlivesItsCall(t *testing.T) {
	r := newRig()
	var inner *http.Response
	copying := roundTripper(func(req *http.Request) (*http.Response, error) {
		resp, err := r.attempts(playing(reply{status: 404, body: "x"})).RoundTrip(req)
		inner = resp
		copied := *resp
		copied.Body = io.NopCloser(strings.NewReader("y"))
		return &copied, err
	})
	do(t, r.calls(copying), chat(t, t.Context()))
	r.wantCounts(t, 1, 0)
	inner.Body.Close()
	_, attempts := r.wantCounts(t, 1, 1)
	wantAttr(t, attempts[0], "error.type", "not_found")
}
