package integration

import (
	"context"
	"errors"
	"io"
	"net/http"

	anthropic "github.com/anthropics/anthropic-sdk-go/v2"
	"github.com/anthropics/anthropic-sdk-go/v2/option"

	"github.com/steadyhttp/steadyhttp/steadyhttptest"
)

func newAnthropic(client *http.Client) anthropic.Client {
	return anthropic.NewClient(option.WithHTTPClient(client), option.WithAPIKey("test-key"))
}

var anthropicSDK = sdk{
	name:   "anthropic-sdk-go",
	module: "github.com/anthropics/anthropic-sdk-go/v2",
	recipe: "newAnthropic",
	open:   func(client *http.Client) (calls, error) { return anthropicCalls(newAnthropic(client)), nil },
	off:    `option.WithMaxRetries(0)`,
	once: func(client *http.Client) (calls, error) {
		return anthropicCalls(anthropic.NewClient(option.WithHTTPClient(client), option.WithAPIKey("test-key"), option.WithMaxRetries(0))), nil
	},
	typed: func(err error) (failure, bool) {
		var e *anthropic.Error
		if !errors.As(err, &e) {
			return failure{}, false
		}
		return failure{e.StatusCode, string(e.Type()), e.Message, e.RequestID}, true
	},
	deadline: true,
	success: reply(200, `{"id":"msg_1","type":"message","role":"assistant","model":"claude-sonnet-4-5",`+
		`"content":[{"type":"text","text":"Hello!"}],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":9,"output_tokens":2}}`),
	text: "Hello!",
	down: steadyhttptest.AnthropicError(503, "api_error", "The server is down."),
	refused: failed{
		with(steadyhttptest.AnthropicError(404, "not_found_error", "There is no such model."), "Request-Id", "req_404"),
		failure{404, "not_found_error", "There is no such model.", "req_404"},
	},
	hopeless: failed{
		with(steadyhttptest.AnthropicError(400, "invalid_request_error", "Your credit balance is too low to access the API."), "Request-Id", "req_400"),
		failure{400, "invalid_request_error", "Your credit balance is too low to access the API.", "req_400"},
	},
	stream: &stream{
		contentType: "text/event-stream",
		chunks: []string{
			"event: message_start\n" + `data: {"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","content":[],"usage":{"input_tokens":9,"output_tokens":1}}}` + "\n\n",
			"event: content_block_start\n" + `data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}` + "\n\n",
			"event: content_block_delta\n" + `data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hello"}}` + "\n\n",
			"event: content_block_delta\n" + `data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":" you!"}}` + "\n\n",
			"event: content_block_stop\n" + `data: {"type":"content_block_stop","index":0}` + "\n\n",
			"event: message_delta\n" + `data: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":2}}` + "\n\n",
			"event: message_stop\n" + `data: {"type":"message_stop"}` + "\n\n",
		},
		first: 2,
		words: []string{"Hello", " you!"},
	},
	created: reply(200, `{"id":"file_1","type":"file"}`),
}

func anthropicCalls(c anthropic.Client) calls {
	question := anthropic.MessageNewParams{
		Model:     "claude-sonnet-4-5",
		MaxTokens: 10,
		Messages:  []anthropic.MessageParam{anthropic.NewUserMessage(anthropic.NewTextBlock("Say hello."))},
	}
	return calls{
		ask: func(ctx context.Context) (string, error) {
			answer, err := c.Messages.New(ctx, question)
			if err != nil {
				return "", err
			}
			return answer.Content[0].Text, nil
		},
		stream: func(ctx context.Context, each func(string)) error {
			events := c.Messages.NewStreaming(ctx, question)
			defer events.Close()
			for events.Next() {
				each(events.Current().Delta.Text)
			}
			return events.Err()
		},
		upload: func(ctx context.Context, file io.Reader) error {
			_, err := c.Beta.Files.Upload(ctx, anthropic.BetaFileUploadParams{File: file})
			return err
		},
		write: func(ctx context.Context) error {
			_, err := c.Messages.Batches.New(ctx, anthropic.MessageBatchNewParams{})
			return err
		},
	}
}
