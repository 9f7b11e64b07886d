package steadyhttp_test

import (
	"bytes"
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

// What leaves what, with three targets that differ in one thing each.
func TestWhatLeavesWhat(t *testing.T) {
	for _, test := range []struct {
		name   string
		answer func(asked) reply
		first  string // the target that has it
	}{
		{"rate limit of a known scope", limited("100"), "key"},
		{"rate limit, nothing named", always(429, "", ""), "key"},
		{"quota", always(429, "", openAIError("insufficient_quota", "insufficient_quota", "You exceeded your current quota")), "key"},
		{"payment", always(402, "", ""), "key"},
		{"bad key", always(401, "", openAIError("invalid_request_error", "invalid_api_key", "Incorrect API key provided")), "key"},
		{"permission", always(403, "", ""), "key"},
		{"503", always(503, "", ""), "model"},
		{"502", always(502, "", ""), "model"},
		{"504", always(504, "", ""), "model"},
		{"529", always(529, "", ""), "model"},
		{"408", always(408, "", ""), "model"},
		{"refused", fails(syscall.ECONNREFUSED), "host"},
		{"reset", fails(syscall.ECONNRESET), "host"},
		{"eof", fails(io.ErrUnexpectedEOF), "host"},
		{"model not found", always(404, "", openAIError("invalid_request_error", "model_not_found", "The model does not exist")), "model"},
		{"404", always(404, "", ""), ""},
		{"too large", always(413, "", ""), "host"},
		{"context", always(400, "", openAIError("invalid_request_error", "context_length_exceeded", "too long")), "host"},
		{"policy", always(400, "", openAIError("invalid_request_error", "content_policy_violation", "rejected")), ""},
		{"invalid", always(400, "", ""), ""},
		{"422", always(422, "", ""), ""},
		{"409", always(409, "", ""), ""},
		{"421", always(421, "", ""), "host"},
		{"425", always(425, "", ""), "model"},
		{"unknown error", fails(errors.New("odd")), "host"},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &fleet{rules: map[string]func(asked) reply{fallback: works, primary: func(a asked) reply {
					if a.key == "key-b" || a.model == "small" {
						return works(a)
					}
					return test.answer(a)
				}}}
				rt := &steadyhttp.Transport{Base: f, Retrier: &steadyhttp.Retrier{MaxAttempts: 1}, Failover: &steadyhttp.Failover{Targets: []steadyhttp.Target{
					{Name: "key", Header: http.Header{"Authorization": {"Bearer key-b"}}},
					{Name: "model", Model: "small"},
					{Name: "host", URL: "https://openrouter.ai/api/v1", Header: http.Header{"Authorization": {"Bearer key-c"}}, MaxInput: 1000},
				}}}
				d := ask(t, rt, nil)
				if d.answered() != (test.first != "") || d.call.Target != test.first {
					t.Errorf("answered %v by %q, want %q: %v %v", d.answered(), d.call.Target, test.first, d.err, d.call.Error)
				}
				if d.call.Attempts != len(f.asked) || len(d.call.RetriedClasses) != len(f.asked)-1 {
					t.Errorf("Attempts %d, RetriedClasses %v, requests %d", d.call.Attempts, d.call.RetriedClasses, len(f.asked))
				}
			})
		})
	}
}

// All out for good: no more requests than without, times the places, and as soon back.
func TestAllOut(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]func(asked) reply{
		"503": always(503, "", ""), "429": always(429, "", ""), "429 told": always(429, "Retry-After: 1", ""), "500": always(500, "", ""), "refused": fails(syscall.ECONNREFUSED),
		"401": always(401, "", ""), "529": always(529, "", ""), "503 told": always(503, "Retry-After: 3", ""),
	} {
		for _, forever := range []bool{true, false} {
			t.Run(fmt.Sprint(name, forever), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					var counts [2]int
					var oks [2]int
					var slowest [2]time.Duration
					for i := range 2 {
						back := time.Now().Add(12 * time.Second)
						rule := func(a asked) reply {
							if !forever && a.at.After(back) {
								return works(a)
							}
							return fault(a)
						}
						f := &fleet{rules: map[string]func(asked) reply{primary: rule, fallback: rule}}
						rt := &steadyhttp.Transport{Base: f}
						if i == 1 {
							rt.Failover = elsewhere()
						}
						var mu sync.Mutex
						var wg sync.WaitGroup
						for range 50 {
							wg.Go(func() {
								d := ask(t, rt, nil)
								mu.Lock()
								defer mu.Unlock()
								if d.answered() {
									oks[i]++
								}
								slowest[i] = max(slowest[i], d.took)
							})
							time.Sleep(100 * time.Millisecond)
						}
						wg.Wait()
						counts[i] = len(f.asked)
					}
					if counts[1] > 5*counts[0]/2+5 || oks[1] < oks[0] || slowest[1] > slowest[0]+6*time.Second { // the longest wait between two attempts
						t.Errorf("without and with: requests %v, answered %v, slowest %v", counts, oks, slowest)
					}
				})
			})
		}
	}
}

// Every answer is closed, also those that were not handed up.
func TestFailoverClosesAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{}
		n := 0
		kinds := []func(asked) reply{works, always(429, "", "x"), always(503, "", strings.Repeat("x", 100_000)), always(401, "", "x"), always(500, "", "y"), always(302, "Location: /", "z"), streams(": ping\n\n"), streams(sse), fails(syscall.ECONNRESET)}
		base := roundTripperFunc(func(req *http.Request) (*http.Response, error) {
			io.Copy(io.Discard, req.Body)
			req.Body.Close()
			n++
			r := kinds[(n*7919>>3)%len(kinds)](asked{})
			if r.err != nil {
				return nil, r.err
			}
			return s.response(req, r), nil
		})
		f := elsewhere()
		f.Targets = append(f.Targets, steadyhttp.Target{Model: "other"})
		rt := &steadyhttp.Transport{Base: base, Failover: f}
		for range 300 {
			ask(t, rt, nil)
		}
		if open := s.leftOpen(); open > 0 {
			t.Errorf("%d bodies were left open", open)
		}
	})
}

// A caller who gives up is obeyed at once, in each phase.
func TestFailoverCanceled(t *testing.T) {
	for at := 11 * time.Millisecond; at < 700*time.Millisecond; at += 30 * time.Millisecond {
		synctest.Test(t, func(t *testing.T) {
			slow := func(r func(asked) reply) func(asked) reply {
				return func(a asked) reply { x := r(a); x.after = 100 * time.Millisecond; return x }
			}
			f := &fleet{rules: map[string]func(asked) reply{primary: slow(always(500, "", "")), fallback: slow(always(503, "", ""))}}
			rt := &steadyhttp.Transport{Base: f, Failover: elsewhere()}
			d := ask(t, rt, func(req *http.Request) {
				ctx, cancel := context.WithCancel(req.Context())
				time.AfterFunc(at, cancel)
				*req = *req.WithContext(ctx)
			})
			if !errors.Is(d.err, context.Canceled) || d.took > at {
				t.Errorf("canceled after %v, it ended after %v with %v (%v)", at, d.took, d.err, d.call.Error)
			}
			sent := len(f.asked)
			time.Sleep(time.Minute)
			if len(f.asked) > sent {
				t.Error("went on after the end")
			}
			for _, s := range rt.Failover.Snapshot() {
				if s.Down {
					t.Error("down")
				}
			}
		})
	}
}

// Two in one chain, one shared, without a Throttler or a Classifier, with strangers.
func TestFailoverAnywhere(t *testing.T) {
	stranger := func(base http.RoundTripper) http.RoundTripper {
		return roundTripperFunc(func(req *http.Request) (*http.Response, error) {
			return base.RoundTrip(req.Clone(req.Context()))
		})
	}
	chains := map[string]func(http.RoundTripper) http.RoundTripper{
		"alone": func(b http.RoundTripper) http.RoundTripper { f := elsewhere(); f.Base = b; return f },
		"retrier": func(b http.RoundTripper) http.RoundTripper {
			f := elsewhere()
			f.Base = b
			return &steadyhttp.Retrier{Base: f}
		},
		"stranger": func(b http.RoundTripper) http.RoundTripper {
			f := elsewhere()
			f.Base = stranger(&steadyhttp.Throttler{Base: stranger(b)})
			return &steadyhttp.Retrier{Base: stranger(f)}
		},
		"classifier below": func(b http.RoundTripper) http.RoundTripper {
			f := elsewhere()
			f.Base = &steadyhttp.Classifier{Base: b}
			return f
		},
		"transport above": func(b http.RoundTripper) http.RoundTripper {
			f := elsewhere()
			f.Base = b
			return &steadyhttp.Transport{Base: f}
		},
		"two": func(b http.RoundTripper) http.RoundTripper {
			f, g := elsewhere(), elsewhere()
			g.Targets[0].URL, f.Base, g.Base = "https://api.groq.com/openai/v1", g, b
			return &steadyhttp.Retrier{Base: f}
		},
	}
	for name, chain := range chains {
		for fault, answer := range map[string]func(asked) reply{
			"503": always(503, "", ""), "500": always(500, "", ""), "429": limited("20"), "refused": fails(syscall.ECONNREFUSED), "bad key": always(401, "", ""), "529": always(529, "", ""), "429 bare": always(429, "", ""),
			"first event": streams("data: {\"error\":{\"message\":\"The server had an error\",\"type\":\"server_error\"}}\n\n"),
		} {
			t.Run(name+"/"+fault, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					f := &fleet{rules: map[string]func(asked) reply{primary: answer, fallback: works, "api.groq.com": works}}
					rt := chain(f)
					for i := range 10 {
						limit := 400 * time.Millisecond
						if d := ask(t, rt, nil); !d.answered() || d.took > limit || d.call.Target == "" {
							if fault == "first event" && name != "classifier below" {
								continue // nobody looks inside
							}
							t.Errorf("call %d: answered %v after %v by %q: %v %v", i, d.answered(), d.took, d.call.Target, d.err, d.call.Error)
						}
					}
				})
			})
		}
	}
}

// Each place gets the whole body, in whatever way it was handed in.
func TestFailoverBodies(t *testing.T) {
	content := `{"model":"m","messages":[{"role":"user","content":"` + strings.Repeat("hi ", 5000) + `"}]}`
	for name, set := range map[string]func(*http.Request){
		"rewinding": func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader(content)); rewindingBody(r) },
		"passing":   func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader(content)); passingBy(r) },
		"unknown length": func(r *http.Request) {
			r.Body = io.NopCloser(strings.NewReader(content))
			passingBy(r)
			r.ContentLength = -1
		},
		"buffer": func(r *http.Request) { r.Body = io.NopCloser(bytes.NewBufferString(content)); r.GetBody = nil },
		"pipe": func(r *http.Request) {
			p, w := io.Pipe()
			go func() { io.WriteString(w, content); w.Close() }()
			r.Body, r.GetBody, r.ContentLength = p, nil, -1
		},
	} {
		for _, model := range []string{"", "other"} {
			for _, max := range []int64{0, 1000, -1} {
				t.Run(fmt.Sprint(name, model, max), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						f := &fleet{rules: map[string]func(asked) reply{primary: always(503, "", ""), fallback: works}}
						o := elsewhere()
						o.Targets[0].Model = model
						rt := &steadyhttp.Transport{Base: f, Failover: o, Retrier: &steadyhttp.Retrier{MaxBufferedBody: max}}
						for i := range 6 {
							d := ask(t, rt, func(r *http.Request) { r.ContentLength = int64(len(content)); set(r) })
							want := max != 1000 || name == "rewinding" || name == "buffer"
							if !want && i >= 3 {
								continue // it may begin elsewhere
							}
							if d.answered() != want || d.took > time.Second {
								t.Errorf("call %d: answered %v after %v: %v %v %s", i, d.answered(), d.took, d.err, d.call.Error, d.call.Stopped)
							}
						}
						for _, a := range f.asked {
							want := content
							if a.host == fallback && model != "" {
								want = strings.Replace(content, `"m"`, `"other"`, 1)
							}
							if a.body != want {
								t.Fatalf("%s got %d bytes: %.50q", a.host, len(a.body), a.body)
							}
						}
					})
				})
			}
		}
	}
}

// Nobody waits for a producer who waits for the answer.
func TestFailoverPipeWhoseProducerWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		base := roundTripperFunc(func(req *http.Request) (*http.Response, error) {
			status := 503
			if req.URL.Host == fallback {
				status = 200
			}
			io.ReadAtLeast(req.Body, make([]byte, 20), 20)
			return replying(func(*http.Request) reply { return always(status, "", said)(asked{}) }).RoundTrip(req)
		})
		for _, model := range []string{"", "other"} {
			o := elsewhere()
			o.Targets[0].Model = model
			rt := &steadyhttp.Transport{Base: base, Failover: o}
			p, w := io.Pipe()
			go io.WriteString(w, `{"model":"m","messages":[{"role":"user","content":"`)
			start := time.Now()
			d := ask(t, rt, func(r *http.Request) { r.Body, r.GetBody, r.ContentLength = p, nil, -1 })
			if time.Since(start) > 31*time.Second {
				t.Errorf("%q: %v after %v: %v %v", model, d.answered(), d.took, d.err, d.call.Error)
			}
			w.Close()
		}
	})
}

// The earlier answer that is handed up is what Call and the log tell of.
func TestEarlierAnswerIsHandedUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, single := range []bool{true, false} {
			logger, logs := observed()
			f := &fleet{rules: map[string]func(asked) reply{primary: always(503, "X-Request-Id: first", "primary"), fallback: always(400, "X-Request-Id: second", "fallback")}}
			rt := &steadyhttp.Transport{Base: f, Failover: elsewhere(), Logger: logger}
			if single {
				rt.Retrier = &steadyhttp.Retrier{MaxAttempts: 1}
			}
			d := ask(t, rt, nil)
			if d.body != "primary" || d.call.Target != "" || d.call.Error == nil || d.call.Error.RequestID != "first" || d.call.Stopped == "" || d.call.Attempts != len(f.asked) && d.call.Attempts != len(f.asked)+1 { // the last may be refused by the Throttler
				t.Errorf("%q %v %+v", d.body, d.call.Error, d.call)
			}
			if n := f.at(primary); single && n != 1 {
				t.Errorf("%d to the primary", n)
			}
			if e := logs.FilterMessage("call failed").All(); len(e) != 1 || e[0].ContextMap()["request_id"] != "first" || e[0].ContextMap()["target"] != nil {
				t.Errorf("the log says %v", e)
			}
			if d.resp == nil {
				t.Fatal(d.err, d.took, d.call)
			}
			if d.resp.Request.URL.Host != primary {
				t.Errorf("the answer's request is %v", d.resp.Request.URL)
			}
		}
	})
}
