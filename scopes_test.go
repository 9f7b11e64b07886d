package steadyhttp_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyhttp/steadyhttp"
)

// Who waits after an answer that asks for it: those whom the limit concerns, as
// the API parts its limits, and nobody else.
func TestWhoWaits(t *testing.T) {
	type ask struct{ method, url, key, body string }
	const (
		slackPost   = "https://slack.com/api/chat.postMessage"
		slackList   = "https://slack.com/api/conversations.list"
		channelOne  = "https://discord.com/api/v10/channels/111111111111111111/messages"
		channelTwo  = "https://discord.com/api/v10/channels/222222222222222222/messages"
		githubRepo  = "https://api.github.com/repos/a/b"
		githubUser  = "https://api.github.com/users/a"
		githubFind  = "https://api.github.com/search/code?q=x"
		unknownOne  = "https://api.example.com/v1/one"
		unknownTwo  = "https://api.example.com/v1/two"
		geminiFlash = "https://generativelanguage.googleapis.com/v1beta/models/gemini-2.5-flash:generateContent"
		geminiPro   = "https://generativelanguage.googleapis.com/v1beta/models/gemini-2.5-pro:generateContent"
		vertexFlash = "https://us-central1-aiplatform.googleapis.com/v1/projects/p/locations/us-central1/publishers/google/models/gemini-2.5-flash:generateContent"
		vertexPro   = "https://us-central1-aiplatform.googleapis.com/v1/projects/p/locations/us-central1/publishers/google/models/gemini-2.5-pro:generateContent"
	)
	const (
		wait  = 20 * time.Second
		tries = time.Second // one goes to see whether the pause holds for others
	)
	tooMany := reply{status: 429, header: "Retry-After: 20"}
	inBucket := reply{status: 429, header: "Retry-After: 20\nX-Ratelimit-Bucket: abcd1234", body: `{"message":"You are being rate limited.","retry_after":20,"global":false}`}
	for _, row := range []struct {
		name   string
		told   ask
		answer reply
		then   ask
		waits  time.Duration
	}{
		{"Slack: the same method", ask{"POST", slackPost, "k", "{}"}, tooMany, ask{"POST", slackPost, "k", "{}"}, wait},
		{"Slack: another method", ask{"POST", slackPost, "k", "{}"}, tooMany, ask{"POST", slackList, "k", "{}"}, 0},
		{"Slack: another workspace", ask{"POST", slackPost, "k", "{}"}, tooMany, ask{"POST", slackPost, "other", "{}"}, 0},
		{"Discord: the same channel", ask{"POST", channelOne, "k", "{}"}, inBucket, ask{"POST", channelOne, "k", "{}"}, wait},
		{"Discord: another channel", ask{"POST", channelOne, "k", "{}"}, inBucket, ask{"POST", channelTwo, "k", "{}"}, 0},
		{"Discord: everywhere, where it says so", ask{"POST", channelOne, "k", "{}"},
			reply{status: 429, header: "Retry-After: 20\nX-Ratelimit-Global: true", body: `{"message":"You are being rate limited.","retry_after":20,"global":true}`},
			ask{"POST", channelTwo, "k", "{}"}, wait},
		{"GitHub: the same resource at another path", ask{"GET", githubRepo, "k", ""},
			reply{status: 403, header: "Retry-After: 20\nX-Ratelimit-Resource: core\nX-Ratelimit-Limit: 5000\nX-Ratelimit-Remaining: 0", body: `{"message":"API rate limit exceeded for user ID 1."}`},
			ask{"GET", githubUser, "k", ""}, wait},
		{"GitHub: another resource", ask{"GET", githubFind, "k", ""},
			reply{status: 403, header: "Retry-After: 20\nX-Ratelimit-Resource: code_search\nX-Ratelimit-Limit: 10\nX-Ratelimit-Remaining: 0", body: `{"message":"API rate limit exceeded for user ID 1."}`},
			ask{"GET", githubRepo, "k", ""}, 0},
		{"an unknown host: the same path", ask{"GET", unknownOne, "k", ""}, tooMany, ask{"GET", unknownOne, "k", ""}, tries},
		{"an unknown host: the same path with another id, which nobody was refused", ask{"GET", unknownOne + "/4711", "k", ""}, tooMany, ask{"GET", unknownOne + "/4712", "k", ""}, 0},
		{"an unknown host: another method", ask{"GET", unknownOne, "k", ""}, tooMany, ask{"PUT", unknownOne, "k", ""}, 0},
		{"an unknown host: another path", ask{"GET", unknownOne, "k", ""}, tooMany, ask{"GET", unknownTwo, "k", ""}, 0},
		{"Gemini: the same model", ask{"POST", geminiFlash, "k", "{}"}, tooMany, ask{"POST", geminiFlash, "k", "{}"}, tries},
		{"Gemini: another model", ask{"POST", geminiFlash, "k", "{}"}, tooMany, ask{"POST", geminiPro, "k", "{}"}, 0},
		{"Vertex AI: another model", ask{"POST", vertexFlash, "k", "{}"}, tooMany, ask{"POST", vertexPro, "k", "{}"}, 0},
		{"OpenAI: the same model", ask{"POST", chatURL, "k", `{"model":"a"}`}, tooMany, ask{"POST", chatURL, "k", `{"model":"a"}`}, tries},
		{"OpenAI: another model", ask{"POST", chatURL, "k", `{"model":"a"}`}, tooMany, ask{"POST", chatURL, "k", `{"model":"b"}`}, 0},
		{"OpenAI: another key", ask{"POST", chatURL, "k", `{"model":"a"}`}, tooMany, ask{"POST", chatURL, "other", `{"model":"a"}`}, 0},

		{"a wait of three years: nobody", ask{"GET", unknownOne, "k", ""}, reply{status: 429, header: "Retry-After: 99999999"}, ask{"GET", unknownOne, "k", ""}, 0},
		{"a day's limit that comes back in hours: nobody", ask{"POST", chatURL, "k", `{"model":"a"}`},
			reply{status: 429, header: "X-Ratelimit-Limit-Requests: 200\nX-Ratelimit-Remaining-Requests: 0\nX-Ratelimit-Reset-Requests: 7h12m0s",
				body: `{"error":{"message":"Rate limit reached for a on requests per day (RPD): Limit 200, Used 200, Requested 1. Please try again in 7h12m.","type":"requests","code":"rate_limit_exceeded"}}`},
			ask{"POST", chatURL, "k", `{"model":"a"}`}, 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				base := playing(row.answer, reply{status: 200})
				rt := &steadyhttp.Transport{Base: base, Retrier: &steadyhttp.Retrier{MaxAttempts: 1}}
				start := time.Now()
				for _, a := range []ask{row.told, row.then} {
					req := request(t, a.method, a.url, a.body)
					req.Header.Set("Authorization", "Bearer "+a.key)
					resp, err := rt.RoundTrip(req)
					if err != nil {
						t.Fatal(err)
					}
					finish(t, resp)
				}
				if got := base.attempts(start)[1].Round(time.Millisecond); got != row.waits {
					t.Errorf("the second request went out after %v, want %v", got, row.waits)
				}
			})
		})
	}
}

// A day's limit is not waited for: whoever is told of it gets its answer at
// once, and so does everybody after.
func TestADaysLimitIsNotWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		base := playing(reply{status: 429, header: "Retry-After: 43200",
			body: `{"error":{"message":"Rate limit reached for gpt-4o on requests per day (RPD): Limit 200, Used 200.","code":"rate_limit_exceeded"}}`})
		client := &http.Client{Transport: &steadyhttp.Transport{Base: base}}
		start := time.Now()
		for range 5 {
			resp, err := client.Do(request(t, "POST", chatURL, `{"model":"gpt-4o"}`))
			if err != nil {
				t.Fatal(err)
			}
			if e := steadyhttp.Check(resp, nil); e == nil {
				t.Error("got no error")
			}
			finish(t, resp)
		}
		if waited := time.Since(start); waited != 0 || len(base.sent) != 5 {
			t.Errorf("got %d requests in %v, want one for each of 5 calls, at once", len(base.sent), waited)
		}
	})
}

// Requests are told apart by method and folded path, but what fails may be one shard,
// and what is refused one customer. A crowd that meets that does not keep those waiting
// for long whom it does not concern.
func TestCrowdAtOneShard(t *testing.T) {
	down, refused, wait := reply{status: 503}, reply{status: 429}, reply{status: 429, header: "Retry-After: 20"}
	for _, row := range []struct {
		what, where string
		answer      reply
		most        time.Duration
	}{
		{"is down", "the path", down, 1500 * time.Millisecond},
		{"is down", "the query", down, 1500 * time.Millisecond},
		{"is down", "a header", down, 1500 * time.Millisecond},
		{"is down", "the body of a write", down, 1500 * time.Millisecond},
		{"is refused", "the path", refused, 6 * time.Second},
		{"is refused", "a header", refused, 6 * time.Second},
		{"is refused", "the body of a write", refused, 6 * time.Second},
		{"is told to wait", "the path", wait, 7 * time.Second},
		{"is told to wait", "the query", wait, 7 * time.Second},
		{"is told to wait", "a header", wait, 7 * time.Second},
		{"is told to wait", "the body of a write", wait, 7 * time.Second},
	} {
		for _, crowd := range []int{20, 100} {
			t.Run(fmt.Sprintf("one that is named in %s %s, %d callers", row.where, row.what, crowd), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					client := &http.Client{Transport: &steadyhttp.Transport{Base: answersOne(row.answer)}}
					ctx, stop := context.WithCancel(t.Context())
					call := func(customer string) (int, error) {
						resp, err := client.Do(naming(t, row.where, customer).WithContext(ctx))
						if err != nil {
							return 0, err
						}
						resp.Body.Close()
						return resp.StatusCode, nil
					}
					var all sync.WaitGroup
					for range crowd {
						all.Go(func() {
							for ; ctx.Err() == nil; time.Sleep(500 * time.Millisecond) {
								call("17")
							}
						})
					}
					time.Sleep(5 * time.Second)
					for range 10 {
						began := time.Now()
						status, err := call("18")
						if took := time.Since(began); status != 200 || took > row.most {
							t.Errorf("got %d and %v after %v; want 200 within %v", status, err, took, row.most)
						}
						time.Sleep(3 * time.Second)
					}
					stop()
					all.Wait()
				})
			})
		}
	}
}

// naming returns a request of a customer that is named where it says.
func naming(t *testing.T, where, customer string) *http.Request {
	t.Helper()
	const rows = "https://rows.example/"
	switch where {
	case "the path":
		return request(t, "GET", rows+"customers/"+customer, "")
	case "the query":
		return request(t, "GET", rows+"rows?customer="+customer, "")
	case "a header":
		req := request(t, "GET", rows+"rows", "")
		req.Header.Set("X-Customer", customer)
		return req
	}
	return request(t, "POST", rows+"rpc", `{"method":"rows","customer":"`+customer+`"}`)
}

// answersOne gives bad to requests of customer 17, after 20 ms, and a 200 to all others.
func answersOne(bad reply) http.RoundTripper {
	s := &script{}
	return roundTripperFunc(func(req *http.Request) (*http.Response, error) {
		named := req.URL.String() + req.Header.Get("X-Customer")
		if req.Body != nil {
			body, _ := io.ReadAll(req.Body)
			req.Body.Close()
			named += string(body)
		}
		time.Sleep(20 * time.Millisecond)
		if strings.Contains(named, "17") {
			return s.reply(req, bad)
		}
		return s.reply(req, reply{status: 200})
	})
}

// One caller whose customer is refused again and again, with a short pause or a long one,
// does not hold back those of another, and what has no time to wait is not refused for it.
func TestPausesOfOneCustomer(t *testing.T) {
	t.Parallel()
	for _, where := range []string{"the path", "a header", "the body of a write"} {
		for _, status := range []int{429, 503} {
			for _, pause := range []string{"1", "2", "5", "30"} {
				for _, deadline := range []time.Duration{500 * time.Millisecond, 3 * time.Second, time.Hour} {
					t.Run(fmt.Sprintf("named in %s, %d, Retry-After: %s, deadline %v", where, status, pause, deadline), func(t *testing.T) {
						synctest.Test(t, func(t *testing.T) {
							base := answersOne(reply{status: status, header: "Retry-After: " + pause})
							calls, failed, waited := beside17(t, &http.Client{Transport: &steadyhttp.Transport{Base: base}}, where, deadline)
							if mean := waited / time.Duration(calls); failed > 0 || mean > 20*time.Millisecond {
								t.Errorf("of %d calls for the other customer %d failed, and they waited for %v on average", calls, failed, mean)
							}
						})
					})
				}
			}
		}
	}
}

// beside17 calls for customer 18, ten times a second for two minutes, while somebody calls
// for customer 17. It returns how many calls there were, how many failed, and how long they
// took beyond what the server takes.
func beside17(t *testing.T, client *http.Client, where string, deadline time.Duration) (calls, failed int, waited time.Duration) {
	call := func(customer string) bool {
		ctx, cancel := context.WithTimeout(t.Context(), deadline)
		defer cancel()
		resp, err := client.Do(naming(t, where, customer).WithContext(ctx))
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == 200
	}
	call("12")
	const lasts = 2 * time.Minute
	began := time.Now()
	done := make(chan bool)
	go func() {
		defer close(done)
		for ; time.Since(began) < lasts; time.Sleep(500 * time.Millisecond) {
			call("17")
		}
	}()
	for ; time.Since(began) < lasts; time.Sleep(100 * time.Millisecond) {
		at := time.Now()
		calls++
		if !call("18") {
			failed++
		}
		waited += time.Since(at) - 20*time.Millisecond
	}
	<-done
	return calls, failed, waited
}

// Some pages are refused for good, with a 429 that says nothing else: a captcha, a locked
// object. They are asked for again, as often as calls are patient, but that is no limit:
// the others are answered as over the bare base.
func TestPagesRefusedForGood(t *testing.T) {
	t.Parallel()
	for _, share := range []int{100, 50, 20} {
		for _, perSecond := range []int{5, 20, 100} {
			for _, deadline := range []time.Duration{2 * time.Second, 30 * time.Second, time.Hour} {
				t.Run(fmt.Sprintf("one in %d, %d a second, deadline %v", share, perSecond, deadline), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						base := replying(func(req *http.Request) reply {
							time.Sleep(50 * time.Millisecond)
							if n, _ := strconv.Atoi(path.Base(req.URL.Path)); n*7919%share == 0 {
								return reply{status: 429, body: "<html>Are you a human?</html>"}
							}
							return reply{status: 200}
						})
						client := &http.Client{Transport: &steadyhttp.Transport{Base: base}}
						var failed, late atomic.Int32
						var calls sync.WaitGroup
						began := time.Now()
						for n := 1; time.Since(began) < time.Minute; n++ {
							calls.Go(func() {
								ctx, cancel := context.WithTimeout(t.Context(), deadline)
								defer cancel()
								at := time.Now()
								resp, err := client.Do(request(t, "GET", fmt.Sprint("https://shop.example/items/", n), "").WithContext(ctx))
								if err == nil {
									resp.Body.Close()
								}
								switch {
								case n*7919%share == 0:
								case err != nil || resp.StatusCode != 200:
									failed.Add(1)
								case time.Since(at) > 300*time.Millisecond:
									late.Add(1)
								}
							})
							time.Sleep(time.Duration(rand.ExpFloat64() * float64(time.Second) / float64(perSecond)))
						}
						calls.Wait()
						if all := int32(60 * perSecond); failed.Load() > all/100 || late.Load() > all/50 {
							t.Errorf("of about %d calls %d were not answered, and %d were late", all, failed.Load(), late.Load())
						}
					})
				})
			}
		}
	}
}

// One operation of an API behind one URL fails, and each request has an id, a time or a
// trace of its own. The other operations go on.
func TestOneOperationOfMany(t *testing.T) {
	t.Parallel()
	for _, bad := range []reply{{status: 429}, {status: 429, header: "Retry-After: 10"}, {status: 503}, {status: 503, header: "Retry-After: 10"}} {
		for _, deadline := range []time.Duration{2 * time.Second, 10 * time.Second, time.Hour} {
			t.Run(fmt.Sprintf("%d %s, deadline %v", bad.status, bad.header, deadline), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := &script{}
					base := roundTripperFunc(func(req *http.Request) (*http.Response, error) {
						body, _ := io.ReadAll(req.Body)
						req.Body.Close()
						time.Sleep(20 * time.Millisecond)
						if strings.Contains(string(body), "getLogs") {
							return s.reply(req, bad)
						}
						return s.reply(req, reply{status: 200})
					})
					client := &http.Client{Transport: &steadyhttp.Transport{Base: base}}
					var calls atomic.Int64
					call := func(method string) bool {
						ctx, cancel := context.WithTimeout(t.Context(), deadline)
						defer cancel()
						n := calls.Add(1)
						req := request(t, "POST", "https://node.example/", fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":%q,"params":["0x%x"]}`, n, method, n*7919)).WithContext(ctx)
						req.Header.Set("Traceparent", fmt.Sprintf("00-%032x-%016x-01", n, n))
						resp, err := client.Do(req)
						if err != nil {
							return false
						}
						resp.Body.Close()
						return resp.StatusCode == 200
					}
					began := time.Now()
					go func() {
						for ; time.Since(began) < time.Minute; time.Sleep(100 * time.Millisecond) {
							go call("getLogs")
						}
					}()
					failed, late := 0, 0
					for ; time.Since(began) < time.Minute; time.Sleep(500 * time.Millisecond) {
						at := time.Now()
						if !call("getBalance") {
							failed++
						}
						if time.Since(at) > 300*time.Millisecond {
							late++
						}
					}
					if failed > 2 || late > 5 {
						t.Errorf("of some 115 calls of another operation %d failed, and %d were late", failed, late)
					}
					synctest.Wait()
					time.Sleep(time.Hour)
				})
			})
		}
	}
}
