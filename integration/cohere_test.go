package integration

import (
	"context"
	"errors"
	"io"
	"net/http"

	cohere "github.com/cohere-ai/cohere-go/v2"
	cohereclient "github.com/cohere-ai/cohere-go/v2/client"
	"github.com/cohere-ai/cohere-go/v2/core"
	"github.com/cohere-ai/cohere-go/v2/option"
)

func newCohere(client *http.Client) *cohereclient.Client {
	return cohereclient.NewClient(option.WithHTTPClient(client), option.WithToken("test-key"))
}

var cohereSDK = sdk{
	name:   "cohere-go",
	module: "github.com/cohere-ai/cohere-go/v2",
	recipe: "newCohere",
	open:   func(client *http.Client) (calls, error) { return cohereCalls(newCohere(client)), nil },
	off:    `option.WithMaxAttempts(1)`,
	once: func(client *http.Client) (calls, error) {
		return cohereCalls(cohereclient.NewClient(option.WithHTTPClient(client), option.WithToken("test-key"), option.WithMaxAttempts(1))), nil
	},
	typed: func(err error) (failure, bool) {
		var e *core.APIError
		if !errors.As(err, &e) {
			return failure{}, false
		}
		return failure{status: e.StatusCode, message: e.Error()}, true
	},
	success: reply(200, `{"id":"1","finish_reason":"COMPLETE","message":{"role":"assistant","content":[{"type":"text","text":"Hello!"}]}}`),
	text:    "Hello!",
	down:    reply(503, `{"message":"service unavailable"}`),
	refused: failed{
		reply(404, `{"id":"req_404","message":"model not found"}`),
		failure{status: 404, message: `404: {"id":"req_404","message":"model not found"}`},
	},
	hopeless: failed{
		reply(402, `{"message":"billing hard limit reached"}`),
		failure{status: 402, message: `402: {"message":"billing hard limit reached"}`},
	},
	stream: &stream{
		contentType: "text/event-stream",
		// Its reader takes the blank line after an event for another one if no more has come yet, with us and without.
		// So the blank lines come with the next event here.
		chunks: []string{
			"event: message-start\n" + `data: {"id":"1","type":"message-start","delta":{"message":{"role":"assistant"}}}` + "\n",
			"\nevent: content-delta\n" + `data: {"type":"content-delta","index":0,"delta":{"message":{"content":{"text":"Hello"}}}}` + "\n",
			"\nevent: content-delta\n" + `data: {"type":"content-delta","index":0,"delta":{"message":{"content":{"text":" you!"}}}}` + "\n",
			"\nevent: message-end\n" + `data: {"type":"message-end","delta":{"finish_reason":"COMPLETE"}}` + "\n",
			"\ndata: [DONE]\n\n",
		},
		first: 1,
		words: []string{"Hello", " you!"},
	},
	created: reply(200, `{"id":"1"}`),
	sent:    attempts + 1, // its second attempt comes with a body that is used up, which GetBody mends, and so with the 503
}

func cohereCalls(c *cohereclient.Client) calls {
	messages := cohere.ChatMessages{{
		Role: "user",
		User: &cohere.UserMessageV2{Content: &cohere.UserMessageV2Content{String: "Say hello."}},
	}}
	return calls{
		ask: func(ctx context.Context) (string, error) {
			answer, err := c.V2.Chat(ctx, &cohere.V2ChatRequest{Model: "command-a-03-2025", Messages: messages})
			if err != nil {
				return "", err
			}
			return answer.Message.Content[0].Text.Text, nil
		},
		stream: func(ctx context.Context, each func(string)) error {
			events, err := c.V2.ChatStream(ctx, &cohere.V2ChatStreamRequest{Model: "command-a-03-2025", Messages: messages})
			if err != nil {
				return err
			}
			defer events.Close()
			for {
				event, err := events.Recv()
				if errors.Is(err, io.EOF) {
					return nil // as its README has it
				}
				if err != nil {
					return err
				}
				if event.ContentDelta != nil {
					each(*event.ContentDelta.Delta.Message.Content.Text)
				}
			}
		},
		upload: func(ctx context.Context, file io.Reader) error {
			_, err := c.Datasets.Create(ctx, &cohere.DatasetsCreateRequest{Name: "notes", Type: "embed-input", Data: file})
			return err
		},
		write: func(ctx context.Context) error {
			_, err := c.EmbedJobs.Create(ctx, &cohere.CreateEmbedJobRequest{Model: "embed-v4.0", DatasetId: "1", InputType: "search_document"})
			return err
		},
	}
}
