package integration

import (
	"context"
	"net"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	openai "github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/azure"
	"github.com/openai/openai-go/v3/option"

	"github.com/steadyhttp/steadyhttp"
	"github.com/steadyhttp/steadyhttp/steadyhttptest"
)

// twoWires is wire with two servers: the host second is the one, all others are the
// other, which refuses connections if it is nil.
func twoWires(first, second *steadyhttptest.Server, host string) *http.Transport {
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		srv := first
		if strings.HasPrefix(address, host+":") {
			srv = second
		}
		if srv == nil {
			return nil, &net.OpError{Op: "dial", Net: network, Err: syscall.ECONNREFUSED}
		}
		var d net.Dialer
		return d.DialContext(ctx, network, strings.TrimPrefix(srv.URL, "http://"))
	}
	return &http.Transport{DialContext: dial, DialTLSContext: dial, DisableKeepAlives: true}
}

// A failsOver is an SDK, as it is by default, and where else its calls can go.
type failsOver struct {
	name       string
	open       func(*http.Client) calls
	host       string // of the target
	target     steadyhttp.Target
	success    steadyhttptest.Reply
	text       string
	stream     *stream
	path       string // at the target
	key        string // the header with the credential
	invalidKey steadyhttptest.Reply
}

var invalidOpenAIKey = steadyhttptest.OpenAIError(401, "invalid_request_error", "invalid_api_key", "Incorrect API key provided.")

var failsOvers = []failsOver{
	{
		name: "openai-go",
		open: func(c *http.Client) calls { return openAICalls(newOpenAI(c)) },
		host: "llm.example.com",
		target: steadyhttp.Target{
			URL: "https://llm.example.com/api/v1", Model: "other",
			Header: http.Header{"Authorization": {"Bearer other-key"}},
		},
		success: openAISDK.success, text: openAISDK.text, stream: openAIStream,
		path: "/api/v1/chat/completions", key: "Authorization",
		invalidKey: invalidOpenAIKey,
	},
	{
		name: "openai-go's azure",
		open: func(c *http.Client) calls {
			return openAICalls(openai.NewClient(option.WithHTTPClient(c), azure.WithEndpoint("https://our-east.openai.azure.com", "2024-10-21"), azure.WithAPIKey("test-key")))
		},
		host: "our-west.openai.azure.com",
		target: steadyhttp.Target{
			URL: "https://our-west.openai.azure.com", Model: "other",
			Header: http.Header{"Api-Key": {"other-key"}},
		},
		success: openAISDK.success, text: openAISDK.text, stream: openAIStream,
		path: "/openai/deployments/other/chat/completions", key: "Api-Key",
		invalidKey: invalidOpenAIKey,
	},
	{
		name: "anthropic-sdk-go",
		open: func(c *http.Client) calls { return anthropicCalls(newAnthropic(c)) },
		host: "llm.example.com",
		target: steadyhttp.Target{
			URL: "https://llm.example.com", Model: "other",
			Header: http.Header{"X-Api-Key": {"other-key"}},
		},
		success: anthropicSDK.success, text: anthropicSDK.text, stream: anthropicSDK.stream,
		path: "/v1/messages", key: "X-Api-Key",
		invalidKey: steadyhttptest.AnthropicError(401, "authentication_error", "invalid x-api-key"),
	},
}

// What the first server does to a call comes to nothing: the SDK is answered by the
// target within a moment, though its own retries are on.
func TestSDKsFailOver(t *testing.T) {
	for _, s := range failsOvers {
		troubles := map[string]*steadyhttptest.Reply{
			"429 that asks for 20 s": new(reply(429, "{}", "Retry-After", "20", "Content-Type", "application/json")),
			"529":                    new(reply(529, "{}", "Content-Type", "application/json")),
			"an invalid key":         &s.invalidKey,
			"no connection":          nil,
		}
		for name, trouble := range troubles {
			t.Run(s.name+", "+name, func(t *testing.T) {
				s.test(t, trouble, s.success, func(t *testing.T, c calls) {
					if text, err := c.ask(t.Context()); text != s.text || err != nil {
						t.Errorf("got %q, %v; want %q", text, err, s.text)
					}
				})
			})
			t.Run(s.name+", a stream, "+name, func(t *testing.T) {
				events := reply(200, strings.Join(s.stream.chunks, ""), "Content-Type", s.stream.contentType)
				s.test(t, trouble, events, func(t *testing.T, c calls) {
					var words []string
					err := c.stream(t.Context(), func(word string) {
						if word != "" {
							words = append(words, word)
						}
					})
					if err != nil || !slices.Equal(words, s.stream.words) {
						t.Errorf("got %q, %v; want %q", words, err, s.stream.words)
					}
				})
			})
		}
	}
}

func (s failsOver) test(t *testing.T, trouble *steadyhttptest.Reply, success steadyhttptest.Reply, call func(*testing.T, calls)) {
	var first *steadyhttptest.Server
	if trouble != nil {
		first = steadyhttptest.NewServer()
		defer first.Close()
		first.Script("*", *trouble)
	}
	second := steadyhttptest.NewServer()
	defer second.Close()
	second.Script("*", success)
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		rt := &steadyhttp.Transport{Base: twoWires(first, second, s.host), Failover: &steadyhttp.Failover{Targets: []steadyhttp.Target{s.target}}}
		call(t, s.open(&http.Client{Transport: rt}))
		if took := time.Since(began); took > 50*time.Millisecond {
			t.Errorf("it took %v", took)
		}
	})
	if first != nil && len(first.Requests()) != 1 {
		t.Errorf("the first server got %d requests, want 1", len(first.Requests()))
	}
	requests := second.Requests()
	if len(requests) != 1 {
		t.Fatalf("the target got %d requests, want 1", len(requests))
	}
	r := requests[0]
	if r.Path != s.path || !strings.HasSuffix(r.Header.Get(s.key), "other-key") {
		t.Errorf("the target got %s with %q, want %s with its own key", r.Path, r.Header.Get(s.key), s.path)
	}
	for name, values := range r.Header {
		if strings.Contains(strings.Join(values, " "), "test-key") {
			t.Errorf("the target got the first server's key, in %s", name)
		}
	}
	if !strings.Contains(string(r.Body), `"other"`) && !strings.Contains(r.Path, "/other/") {
		t.Errorf("the target was asked for another model: %s %s", r.Path, r.Body)
	}
}
