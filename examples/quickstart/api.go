package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/steadyhttp/steadyhttp/steadyhttptest"
)

const (
	chatPath = "/v1/chat/completions"

	// The flaky API thinks for so long before it answers. With 16 at a time
	// that makes up to 160 requests a second, twice of what it allows.
	thinking   = 100 * time.Millisecond
	perSecond  = 80
	modelLimit = 16_384  // tokens that it gives at the most
	greedy     = 500_000 // tokens that a careless caller asks for

	paidKey  = "sk-demo-account-with-credit"
	brokeKey = "sk-demo-account-without-credit"
)

// A call is one question, and what stands between it and its answer.
type call struct {
	key       string
	maxTokens int

	trouble steadyhttptest.Reply // what its first attempts get
	times   int                  // how many attempts that is
}

// curable reports whether patience is all that the call needs.
func (c call) curable() bool { return c.key == paidKey && c.maxTokens <= modelLimit }

func (c call) question(n int) question {
	return question{
		Model:     "gpt-4o-mini",
		Messages:  []message{{Role: "user", Content: fmt.Sprintf("What is %d times %[1]d?", n)}},
		MaxTokens: c.maxTokens,
	}
}

// deckSize is how many calls a deck is for.
const deckSize = 50

// deck returns the calls of deckSize questions: two that nobody can cure, eight
// whose trouble passes after an attempt or two, and the rest, which meet no
// trouble but the rate limit. An API that failed every fourth call by its own
// fault would be down, and a Retrier's budget would keep the load off it.
func deck() []call {
	calls := []call{
		{key: brokeKey},
		{maxTokens: greedy},
		{trouble: failure(429, "rate_limit_exceeded", "Too many requests. Slow down.", "Retry-After-Ms", "120"), times: 1},
		{trouble: failure(429, "rate_limit_exceeded", "Too many requests. Slow down.", "Retry-After-Ms", "80"), times: 2},
		{trouble: failure(429, "rate_limit_exceeded", "Too many requests this second.", "Retry-After", "1"), times: 1},
		{trouble: failure(500, "", "The model stumbled over its own feet."), times: 1},
		{trouble: page(502, "Bad Gateway"), times: 1},
		{trouble: failure(503, "", "A new version is being rolled out."), times: 1},
		{trouble: failure(529, "", "All machines are busy."), times: 1},
		{trouble: steadyhttptest.Reply{Drop: true}, times: 1},
	}
	calls = append(calls, make([]call, deckSize-len(calls))...)
	for i := range calls {
		if calls[i].key == "" {
			calls[i].key = paidKey
		}
	}
	return calls
}

// plan deals so many calls, in an order that the seed decides: who asks twice
// with the same seed meets the same troubles.
func plan(calls int, seed uint64) []call {
	var all []call
	for len(all) < calls {
		all = append(all, deck()...)
	}
	all = all[:calls]
	rand.New(rand.NewPCG(seed, 0)).Shuffle(calls, func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all
}

// failure is an error as OpenAI's API writes it, with a header if one is named.
func failure(status int, code, text string, header ...string) steadyhttptest.Reply {
	reply := steadyhttptest.OpenAIError(status, "", code, text)
	for i := 0; i+1 < len(header); i += 2 {
		reply.Header.Set(header[i], header[i+1])
	}
	return reply
}

// page is what a gateway in front of an API says.
func page(status int, title string) steadyhttptest.Reply {
	return steadyhttptest.Reply{
		Status: status,
		Header: http.Header{"Content-Type": {"text/html"}},
		Body:   fmt.Sprintf("<html><head><title>%d %s</title></head></html>", status, title),
	}
}

// A flakyAPI answers chat completions on loopback. What a call meets there
// depends on the call and on how often it came, not on who sends it or when;
// the rate limit alone looks at the clock.
type flakyAPI struct {
	*steadyhttptest.Server
	calls []call
	came  []atomic.Int64 // how often, by number of the call
	said  atomic.Int64   // numbers the request ids
}

func startAPI(calls []call) *flakyAPI {
	a := &flakyAPI{
		Server: steadyhttptest.NewServer(),
		calls:  calls,
		came:   make([]atomic.Int64, len(calls)),
	}
	a.Script(chatPath, steadyhttptest.Reply{Delay: thinking, Handler: a.serve})
	a.Limit(chatPath, steadyhttptest.Limit{Requests: perSecond, Window: time.Second})
	return a
}

func (a *flakyAPI) serve(w http.ResponseWriter, r *http.Request) {
	reply := a.reply(r)
	if reply.Drop {
		panic(http.ErrAbortHandler) // net/http's way of hanging up
	}
	w.Header().Set("X-Request-Id", fmt.Sprintf("req_demo_%d", a.said.Add(1)))
	maps.Copy(w.Header(), reply.Header)
	w.WriteHeader(reply.Status)
	io.WriteString(w, reply.Body)
}

// reply decides by what the request says. It reads the question to the end,
// for a client that sends an empty body the second time must not get away with it.
func (a *flakyAPI) reply(r *http.Request) steadyhttptest.Reply {
	n, q, err := read(r.Body)
	switch {
	case err != nil || n < 0 || n >= len(a.calls):
		return failure(400, "", "The messages make no sense.")
	case r.Header.Get("Authorization") == "Bearer "+brokeKey:
		return failure(429, "insufficient_quota", "This account has used up its credit.")
	case q.MaxTokens > modelLimit:
		return failure(400, "", fmt.Sprintf("max_tokens is %d, but the model gives %d at the most.", q.MaxTokens, modelLimit))
	case a.came[n].Add(1) <= int64(a.calls[n].times):
		return a.calls[n].trouble
	}
	return steadyhttptest.ChatCompletion(strconv.Itoa(n * n))
}

// read returns the question and the number that it asks about.
func read(body io.Reader) (n int, q question, err error) {
	if err = json.NewDecoder(body).Decode(&q); err == nil && len(q.Messages) > 0 {
		_, err = fmt.Sscanf(q.Messages[0].Content, "What is %d times", &n)
	}
	return n, q, err
}
