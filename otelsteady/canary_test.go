package otelsteady_test

import (
	"encoding/base64"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/steadyhttp/steadyhttp"
	"github.com/steadyhttp/steadyhttp/otelsteady"
)

var canarySpans = flag.Int("canary.spans", 0, "how many spans TestCanaries looks at; 0 is some thousands")

// hooks are addresses with a secret in the path.
var hooks = []string{
	"https://hooks.slack.com/services/T0123ABCD/B0123ABCD/%s", "https://discord.com/api/webhooks/1098765432109876543/%s", "https://api.telegram.org/bot123456789:AA%s/sendMessage",
	"https://mainnet.infura.io/v3/%s", "https://eth-mainnet.g.alchemy.com/v2/%s", "https://endpoint1.collection.us2.sumologic.com/receiver/v1/http/%s", "https://chat.internal.example/hooks/%s",
	"https://api.example.com/v1/ghp_%s/x", "https://api.example.com/v1/key/%s",
}

// A release is one call with secrets in it.
type release struct {
	*rand.Rand
	secrets []string
	known   []string // those that the request shows to be secrets, by their names or places
}

func (r *release) drawn() string {
	const alphabet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	b := make([]byte, 32)
	for i := range b {
		b[i] = alphabet[r.IntN(len(alphabet))]
	}
	b[3], b[20] = '7', '4'
	r.secrets = append(r.secrets, string(b))
	return string(b)
}

// key is a secret that the request shows to be one.
func (r *release) key() string {
	s := r.drawn()
	r.known = append(r.known, s)
	return s
}

func (r *release) request(t *testing.T) *http.Request {
	u, err := url.Parse(fmt.Sprintf(hooks[r.IntN(len(hooks))], r.key()))
	if err != nil {
		t.Fatal(err)
	}
	if r.IntN(3) == 0 {
		u.User = url.UserPassword(r.key(), r.key())
	}
	u.RawQuery = url.Values{"key": {r.key()}, "jwt": {r.key()}, "cursor": {r.drawn()}, "sk-" + r.drawn(): {r.drawn()}}.Encode() + "&" + r.key()
	req, err := http.NewRequestWithContext(t.Context(), []string{"POST", "GET", "PUT"}[r.IntN(3)], u.String(), strings.NewReader(`{"password":"`+r.key()+`"}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+r.key())
	req.Header.Set("Cookie", "session="+r.key())
	return req
}

// echo is one of the request's secrets as a server may say it back.
func (r *release) echo() string {
	s := r.known[r.IntN(len(r.known))]
	switch r.IntN(4) {
	case 0:
		return url.QueryEscape(s)
	case 1:
		return base64.StdEncoding.EncodeToString([]byte(s))
	case 2:
		return s[:20]
	}
	return s
}

func (r *release) answer(req *http.Request) (*http.Response, error) {
	if r.IntN(5) == 0 {
		return nil, &url.Error{Op: "Post", URL: req.URL.String(), Err: errors.New("refused " + r.echo())}
	}
	h := http.Header{"X-Request-Id": {r.echo()}, "Location": {"https://h.example/?key=" + r.drawn()}, "Set-Cookie": {"a=" + r.drawn()}}
	body := `{"error":{"message":"who is ` + r.echo() + `?","code":"` + r.echo() + `","type":"` + r.echo() + `"}}`
	if r.IntN(4) == 0 {
		body = "data: " + body + "\n\n"
		h.Set("Content-Type", "text/event-stream")
	}
	return &http.Response{
		StatusCode: []int{200, 302, 400, 401, 429, 500, 503}[r.IntN(7)], ProtoMajor: 1, ProtoMinor: 1, Header: h, Request: req,
		ContentLength: -1, Body: io.NopCloser(strings.NewReader(body)), Trailer: http.Header{"X-Sum": {r.drawn()}},
	}, nil
}

// No secret of a request or an answer stands in a span or in a metric. A longer look is
//
//	go test -v -run '^TestCanaries$' . -canary.spans 1000000 -timeout 2h
func TestCanaries(t *testing.T) {
	n := *canarySpans
	if n == 0 {
		n = 3000
	}
	synctest.Test(t, func(t *testing.T) {
		rig := newRig()
		failures := 0
		for seed, spans := uint64(0), 0; spans < n && failures < 5; seed++ {
			r := &release{Rand: rand.New(rand.NewPCG(seed, 1))}
			rt := rig.calls(&steadyhttp.Transport{Trace: otelsteady.Trace(), Retrier: &steadyhttp.Retrier{MaxAttempts: 2}, Base: rig.attempts(roundTripper(r.answer))})
			if resp, err := rt.RoundTrip(r.request(t)); err == nil {
				io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
			}
			var said strings.Builder
			for _, s := range rig.spans.GetSpans() {
				fmt.Fprintf(&said, "%s %v %v %v %v\n", s.Name, s.Status, s.Attributes, s.Events, s.Links)
				spans++
			}
			rig.spans.Reset()
			for _, secret := range r.secrets {
				for i := 0; i+10 <= len(secret); i++ {
					if at := strings.Index(said.String(), secret[i:i+10]); at >= 0 {
						failures++
						t.Errorf("seed %d: a span has a secret in …%s…", seed, said.String()[max(0, at-60):at+10])
						break
					}
				}
			}
		}
		for name, data := range rig.collect(t) {
			if strings.Contains(fmt.Sprintf("%+v", data), "services/") {
				t.Errorf("%s: got a path in %+v", name, data)
			}
		}
	})
}
