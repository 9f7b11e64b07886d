package steadyhttp_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
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
	t.Parallel()
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

// A stream that thinks for long is not left for a target that cannot take it.
func TestSlowStreamIsNotLeftForWhatIsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slowly := roundTripperFunc(func(req *http.Request) (*http.Response, error) {
			io.Copy(io.Discard, req.Body)
			req.Body.Close()
			if req.URL.Host == fallback {
				return replying(func(*http.Request) reply {
					return always(401, "", openAIError("invalid_request_error", "invalid_api_key", "Incorrect API key provided"))(asked{})
				}).RoundTrip(req)
			}
			r, w := io.Pipe()
			go func() {
				select {
				case <-time.After(10 * time.Second):
					io.WriteString(w, sse)
					w.Close()
				case <-req.Context().Done():
					w.CloseWithError(req.Context().Err())
				}
			}()
			return &http.Response{StatusCode: 200, Header: headers("Content-Type: text/event-stream"), Body: r, ContentLength: -1, Request: req}, nil
		})
		rt := &steadyhttp.Transport{Base: slowly, Failover: elsewhere(), Retrier: &steadyhttp.Retrier{FirstOutput: 2 * time.Second}}
		for i := range 3 {
			if d := ask(t, rt, nil); !d.answered() || d.took > 15*time.Second {
				t.Errorf("call %d: answered %v after %v: %v, %v", i, d.answered(), d.took, d.err, d.call.Error)
			}
		}
	})
}

// What is wrong with one request is no evidence about a target.
func TestOddRequestTellsNothingOfTarget(t *testing.T) {
	for name, body := range map[string]string{"not JSON": "hello", "a list": "[1]", "cut": `{"model":"m","messages":[`, "empty": " "} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &fleet{rules: map[string]func(asked) reply{primary: always(503, "", ""), fallback: works}}
				o := elsewhere()
				o.Targets[0].Model = "other"
				rt := &steadyhttp.Transport{Base: f, Failover: o, Retrier: &steadyhttp.Retrier{MaxAttempts: 1}}
				for range 5 {
					d := ask(t, rt, func(req *http.Request) {
						req.Header.Set("Content-Type", "application/json")
						req.Body, req.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
						req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(body)), nil }
					})
					if d.err != nil || d.resp.StatusCode != 503 {
						t.Errorf("the odd request ended with %v, %v", d.resp, d.err)
					}
				}
				if d := ask(t, rt, nil); !d.answered() {
					t.Errorf("an ordinary one afterwards ended with %v of %q", d.call.Error, d.call.Target)
				}
			})
		})
	}
}

// A Prepare that fails once, since a token could not be had, does not shut its target
// for minutes.
func TestPrepareThatFailsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fleet{rules: map[string]func(asked) reply{primary: always(503, "", ""), fallback: works}}
		failed := false
		rt := &steadyhttp.Transport{Base: f, Failover: &steadyhttp.Failover{Targets: []steadyhttp.Target{{URL: "https://openrouter.ai/api/v1", Prepare: func(req *http.Request) error {
			if !failed {
				failed = true
				return errors.New("no token")
			}
			req.Header.Set("Authorization", "Bearer key-b")
			return nil
		}}}}}
		if d := ask(t, rt, nil); !d.answered() || d.took > 2*time.Second {
			t.Errorf("answered %v after %v: %v, %v", d.answered(), d.took, d.err, d.call.Error)
		}
		if d := ask(t, rt, nil); !d.answered() || d.took > time.Second {
			t.Errorf("the next: answered %v after %v: %v, %v", d.answered(), d.took, d.err, d.call.Error)
		}
	})
}

// rewindingBody gives req a body that nobody can look into, whose GetBody rewinds the one
// reader that there is, as Azure's SDKs do.
func rewindingBody(req *http.Request) {
	content, _ := io.ReadAll(req.Body)
	r := &opaqueSeeker{strings.NewReader(string(content))}
	req.Body = r
	req.GetBody = func() (io.ReadCloser, error) { _, err := r.Seek(0, io.SeekStart); return r, err }
}

type opaqueSeeker struct{ io.ReadSeeker }

func (opaqueSeeker) Close() error { return nil }

// passingBy gives req a body that can be read but once, and is no longer than is kept.
func passingBy(req *http.Request) {
	content, _ := io.ReadAll(req.Body)
	req.Body = io.NopCloser(io.MultiReader(strings.NewReader(string(content))))
	req.GetBody = nil
}

// The body may be handed in in any way: the primary is left, and found again.
func TestPrimaryComesBackWhateverTheBody(t *testing.T) {
	for form, change := range map[string]func(*http.Request){"rewinding": rewindingBody, "passing by": passingBy} {
		for _, model := range []string{"", "other"} {
			t.Run(fmt.Sprintf("%s/%q", form, model), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					back := time.Now().Add(20 * time.Second)
					f := &fleet{rules: map[string]func(asked) reply{fallback: works, primary: func(a asked) reply {
						if a.at.Before(back) {
							return always(503, "", "")(a)
						}
						return works(a)
					}}}
					o := elsewhere()
					o.Targets[0].Model = model
					rt := &steadyhttp.Transport{Base: f, Failover: o}
					late := 0
					for time.Until(back) > -10*time.Second {
						d := ask(t, rt, func(req *http.Request) {
							change(req)
						})
						if !d.answered() {
							t.Fatalf("lost: %v, %v", d.err, d.call.Error)
						}
						if time.Until(back) < -2*time.Second && d.call.Target != "" {
							late++
						}
						time.Sleep(100 * time.Millisecond)
					}
					if late > 0 {
						t.Errorf("%d calls went elsewhere two seconds after the return", late)
					}
					for _, a := range f.asked {
						if !strings.HasSuffix(a.body, "]}") {
							t.Errorf("%s got the body %q", a.host, a.body)
							break
						}
					}
				})
			})
		}
	}
}

// A body that nobody could look into before is still known to be harmless once a
// target has had it.
func TestSecondTargetAfterRewoundBody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fleet{rules: map[string]func(asked) reply{primary: limited("200"), fallback: always(503, "", ""), "api.groq.com": works}}
		o := elsewhere()
		o.Targets[0].Model = "other"
		o.Targets = append(o.Targets, steadyhttp.Target{URL: "https://api.groq.com/openai/v1", Model: "third", Header: http.Header{"Authorization": {"Bearer key-c"}}})
		rt := &steadyhttp.Transport{Base: f, Failover: o}
		for i := range 5 {
			if d := ask(t, rt, rewindingBody); !d.answered() || d.took > 100*time.Millisecond {
				t.Errorf("call %d: answered %v after %v: %v, %v", i, d.answered(), d.took, d.err, d.call.Error)
			}
		}
	})
}

// A work order that goes by is not what finds out whether the primary is back.
func TestProbeDoesNoWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fleet{rules: map[string]func(asked) reply{primary: always(503, "", ""), fallback: works}}
		rt := &steadyhttp.Transport{Base: f, Failover: elsewhere()}
		lost := 0
		for range 100 {
			d := ask(t, rt, func(req *http.Request) {
				body := `{"model":"m","background":true,"input":[{"role":"user","content":"hi"}]}`
				req.URL.Path = "/v1/responses"
				req.Body, req.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
				passingBy(req)
			})
			if !d.answered() {
				lost++
			}
			time.Sleep(100 * time.Millisecond)
		}
		if lost > 3 {
			t.Errorf("%d calls were lost, want the three at most that show that the primary is down", lost)
		}
	})
}

// A primary that fails now and then is not left by everybody, however slow it answers
// the rest.
func TestPrimaryThatFailsNowAndThen(t *testing.T) {
	t.Parallel()
	for _, share := range []int{20, 5} { // every 20th, every fifth
		t.Run(fmt.Sprint("one in ", share), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &fleet{rules: map[string]func(asked) reply{fallback: works, primary: func(a asked) reply {
					if int64(a.n)*2654435761>>7%int64(share) == 0 {
						return always(503, "", "")(a)
					}
					r := works(a)
					r.after = 5 * time.Second
					return r
				}}}
				rt := &steadyhttp.Transport{Base: f, Failover: elsewhere()}
				var wg sync.WaitGroup
				for range 2000 {
					wg.Go(func() {
						if d := ask(t, rt, nil); !d.answered() {
							t.Errorf("lost: %v, %v", d.err, d.call.Error)
						}
					})
					time.Sleep(50 * time.Millisecond)
				}
				wg.Wait()
				if n := f.at(fallback); n > 2000/share*3/2+20 {
					t.Errorf("%d of 2000 calls went elsewhere, although the primary fails one in %d", n, share)
				}
			})
		})
	}
}

// Callers who have no time tell nothing of the primary.
func TestImpatientCallers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fleet{rules: map[string]func(asked) reply{fallback: works, primary: func(a asked) reply { r := works(a); r.after = time.Second; return r }}}
		rt := &steadyhttp.Transport{Base: f, Failover: elsewhere()}
		for range 5 {
			ask(t, rt, func(req *http.Request) {
				ctx, cancel := context.WithTimeout(req.Context(), 100*time.Millisecond)
				t.Cleanup(cancel)
				*req = *req.WithContext(ctx)
			})
		}
		if d := ask(t, rt, nil); !d.answered() || d.call.Target != "" {
			t.Errorf("a patient call went to %q: %v", d.call.Target, d.call.Error)
		}
	})
}

// Who has little time left does not spend it on a pause while a target is free.
func TestShortDeadlineGoesOn(t *testing.T) {
	for name, fault := range map[string]func(asked) reply{"500": always(500, "", ""), "429": always(429, "Retry-After-Ms: 250", "")} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				slowly := func(r func(asked) reply) func(asked) reply {
					return func(a asked) reply { x := r(a); x.after = 100 * time.Millisecond; return x }
				}
				f := &fleet{rules: map[string]func(asked) reply{fallback: slowly(works), primary: slowly(fault)}}
				rt := &steadyhttp.Transport{Base: f, Failover: elsewhere()}
				d := ask(t, rt, func(req *http.Request) {
					ctx, cancel := context.WithTimeout(req.Context(), 400*time.Millisecond)
					t.Cleanup(cancel)
					*req = *req.WithContext(ctx)
				})
				if !d.answered() {
					t.Errorf("ended after %v with %v, %v", d.took, d.err, d.call.Error)
				}
			})
		})
	}
}
