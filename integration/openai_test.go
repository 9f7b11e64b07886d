package integration

import (
	"context"
	"errors"
	"io"
	"net/http"

	openai "github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"

	"github.com/steadyhttp/steadyhttp/steadyhttptest"
)

func newOpenAI(client *http.Client) openai.Client {
	return openai.NewClient(option.WithHTTPClient(client), option.WithAPIKey("test-key"))
}

// What OpenAI says, to all SDKs that talk with it.
var (
	openAIDown    = steadyhttptest.OpenAIError(503, "server_error", "", "The server is down.")
	openAIRefused = with(steadyhttptest.OpenAIError(404, "invalid_request_error", "model_not_found", "There is no such model."), "X-Request-Id", "req_404")
	openAIBroke   = with(steadyhttptest.OpenAIError(429, "insufficient_quota", "insufficient_quota", "You exceeded your current quota."), "X-Request-Id", "req_429")
	openAIStream  = &stream{
		contentType: "text/event-stream",
		chunks: []string{
			`data: {"id":"1","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}` + "\n\n",
			`data: {"id":"1","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"Hello"}}]}` + "\n\n",
			`data: {"id":"1","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":" you!"}}]}` + "\n\n",
			`data: {"id":"1","object":"chat.completion.chunk","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}` + "\n\n",
			"data: [DONE]\n\n",
		},
		first: 1,
		words: []string{"Hello", " you!"},
	}
)

var openAISDK = sdk{
	name:   "openai-go",
	module: "github.com/openai/openai-go/v3",
	recipe: "newOpenAI",
	open:   func(client *http.Client) (calls, error) { return openAICalls(newOpenAI(client)), nil },
	off:    `option.WithMaxRetries(0)`,
	once: func(client *http.Client) (calls, error) {
		return openAICalls(openai.NewClient(option.WithHTTPClient(client), option.WithAPIKey("test-key"), option.WithMaxRetries(0))), nil
	},
	typed: func(err error) (failure, bool) {
		var e *openai.Error
		if !errors.As(err, &e) {
			return failure{}, false
		}
		return failure{e.StatusCode, e.Code, e.Message, e.Response.Header.Get("X-Request-Id")}, true
	},
	success:  steadyhttptest.ChatCompletion("Hello!"),
	text:     "Hello!",
	down:     openAIDown,
	refused:  failed{openAIRefused, failure{404, "model_not_found", "There is no such model.", "req_404"}},
	hopeless: failed{openAIBroke, failure{429, "insufficient_quota", "You exceeded your current quota.", "req_429"}},
	stream:   openAIStream,
	created:  reply(200, `{"id":"file_1","object":"file"}`),
	applied:  3, // by its own retries, which repeat whatever had no answer: the same without us
}

func openAICalls(c openai.Client) calls {
	question := openai.ChatCompletionNewParams{
		Model:    "gpt-4o",
		Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage("Say hello.")},
	}
	return calls{
		ask: func(ctx context.Context) (string, error) {
			answer, err := c.Chat.Completions.New(ctx, question)
			if err != nil {
				return "", err
			}
			return answer.Choices[0].Message.Content, nil
		},
		stream: func(ctx context.Context, each func(string)) error {
			events := c.Chat.Completions.NewStreaming(ctx, question)
			defer events.Close()
			for events.Next() {
				if choices := events.Current().Choices; len(choices) > 0 {
					each(choices[0].Delta.Content)
				}
			}
			return events.Err()
		},
		upload: func(ctx context.Context, file io.Reader) error {
			_, err := c.Files.New(ctx, openai.FileNewParams{File: file, Purpose: openai.FilePurposeUserData})
			return err
		},
		write: func(ctx context.Context) error {
			_, err := c.VectorStores.New(ctx, openai.VectorStoreNewParams{Name: openai.String("notes")})
			return err
		},
	}
}
