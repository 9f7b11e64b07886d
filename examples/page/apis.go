package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/steadyhttp/steadyhttp"
	"github.com/steadyhttp/steadyhttp/limit"
	"github.com/steadyhttp/steadyhttp/steadyhttptest"
)

// apis stand in for hosts: a request to one of them goes to a server on loopback.
type apis map[string]*steadyhttptest.Server

func startAPIs() apis {
	a := apis{}
	for _, name := range []string{"api.openai.com", "openrouter.ai", "api.stripe.com", "search.internal:8080", "billing.internal", "api.github.com"} {
		a[name] = steadyhttptest.NewServer()
	}
	answer := steadyhttptest.Reply{Delay: 80 * time.Millisecond, Body: `{"ok": true}`, Header: http.Header{"Content-Type": {"application/json"}}}
	chat := steadyhttptest.ChatCompletion("It is a page.")
	chat.Delay = 300 * time.Millisecond
	overloaded := steadyhttptest.OpenAIError(http.StatusServiceUnavailable, "server_error", "", "The engine is currently overloaded, please try again later")

	a["api.openai.com"].Limit("*", steadyhttptest.Limit{Requests: 80, Tokens: 60_000, Window: 10 * time.Second})
	a["api.openai.com"].Script("*", now(70*time.Second, 12*time.Second, chat, overloaded))
	a["openrouter.ai"].Script("*", chat)
	a["search.internal:8080"].Limit("*", steadyhttptest.Limit{Requests: 10, Burst: 3, Window: time.Second, Silent: true})
	a["search.internal:8080"].Script("*", answer)
	a["api.github.com"].Script("*", answer)

	down := steadyhttptest.Reply{Status: http.StatusServiceUnavailable, Body: "upstream connect error or disconnect/reset before headers"}
	a["billing.internal"].Script("*", now(time.Minute, 25*time.Second, answer, down))
	start := time.Now()
	a["api.stripe.com"].Script("*", steadyhttptest.Reply{Handler: func(w http.ResponseWriter, _ *http.Request) {
		if since := time.Since(start) % (40 * time.Second); since > 22*time.Second {
			w.Header().Set("Retry-After", fmt.Sprint(int((40*time.Second-since)/time.Second)+1))
			w.Header().Set("Request-Id", fmt.Sprintf("req_%08x", rand.Uint32()))
			http.Error(w, `{"error": {"type": "invalid_request_error", "code": "rate_limit", "message": "Request rate limit exceeded."}}`, http.StatusTooManyRequests)
			return
		}
		fmt.Fprint(w, `{"ok": true}`)
	}})
	return a
}

// now is one reply, and at the end of each period another for so long.
func now(period, at time.Duration, one, other steadyhttptest.Reply) steadyhttptest.Reply {
	start := time.Now()
	return steadyhttptest.Reply{Delay: one.Delay, Handler: func(w http.ResponseWriter, _ *http.Request) {
		reply := one
		if time.Since(start)%period > period-at {
			reply = other
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("X-Request-Id", fmt.Sprintf("req_%08x", rand.Uint32()))
		w.WriteHeader(max(reply.Status, http.StatusOK))
		io.WriteString(w, reply.Body)
	}}
}

func (a apis) close() {
	for _, s := range a {
		s.Close()
	}
}

// RoundTrip implements http.RoundTripper.
func (a apis) RoundTrip(req *http.Request) (*http.Response, error) {
	server, known := a[req.URL.Host]
	if !known {
		return nil, fmt.Errorf("no API stands in for %s", req.URL.Host)
	}
	to, err := url.Parse(server.URL)
	if err != nil {
		return nil, err
	}
	there := req.Clone(req.Context())
	there.URL.Scheme, there.URL.Host = to.Scheme, to.Host
	return http.DefaultTransport.RoundTrip(there)
}

// keepBusy makes requests for ever.
func keepBusy(client *http.Client) {
	crowd := func(callers int, pause time.Duration, priority limit.Priority, method, url, body string) {
		for range callers {
			go func() {
				for {
					ask(client, priority, method, url, body)
					time.Sleep(time.Duration(rand.Int64N(int64(2*pause) + 1)))
				}
			}()
		}
	}
	const chat = `{"model": %q, "messages": [{"role": "user", "content": "What is it?"}], "max_tokens": 200}`
	crowd(9, time.Second, steadyhttp.Normal, "POST", "http://api.openai.com/v1/chat/completions", fmt.Sprintf(chat, "gpt-4o-mini"))
	crowd(6, time.Second, steadyhttp.Batch, "POST", "http://api.openai.com/v1/chat/completions", fmt.Sprintf(chat, "gpt-4o-mini"))
	crowd(1, time.Second, steadyhttp.Urgent, "POST", "http://api.openai.com/v1/chat/completions", fmt.Sprintf(chat, "gpt-4o"))
	crowd(12, 400*time.Millisecond, steadyhttp.Normal, "GET", "http://search.internal:8080/search?q=steady", "")
	crowd(10, time.Second, steadyhttp.Normal, "GET", "http://billing.internal/invoices/20418", "")
	crowd(6, time.Second, steadyhttp.Normal, "GET", "http://api.stripe.com/v1/charges/ch_1042", "")
	crowd(2, time.Second, steadyhttp.Urgent, "GET", "http://api.stripe.com/v1/charges/ch_1042", "")
	crowd(2, 3*time.Second, steadyhttp.Normal, "GET", "http://api.github.com/repos/golang/go/issues", "")
	select {}
}

func ask(client *http.Client, priority limit.Priority, method, url, body string) {
	ctx := steadyhttp.WithPriority(context.Background(), priority)
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		panic(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("Authorization", "Bearer demo-key-of-nobody")
	resp, err := client.Do(req)
	if err != nil {
		return // the page shows it
	}
	io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
}
