package integration

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	openai "github.com/sashabaranov/go-openai"

	"github.com/steadyhttp/steadyhttp/steadyhttptest"
)

func newGoOpenAI(client *http.Client) *openai.Client {
	config := openai.DefaultConfig("test-key")
	config.HTTPClient = client
	return openai.NewClientWithConfig(config)
}

var goOpenAISDK = sdk{
	name:   "sashabaranov/go-openai",
	module: "github.com/sashabaranov/go-openai",
	recipe: "newGoOpenAI",
	open: func(client *http.Client) (calls, error) {
		c := newGoOpenAI(client)
		question := openai.ChatCompletionRequest{
			Model:    "gpt-4o",
			Messages: []openai.ChatCompletionMessage{{Role: "user", Content: "Say hello."}},
		}
		return calls{
			ask: func(ctx context.Context) (string, error) {
				answer, err := c.CreateChatCompletion(ctx, question)
				if err != nil {
					return "", err
				}
				return answer.Choices[0].Message.Content, nil
			},
			stream: func(ctx context.Context, each func(string)) error {
				events, err := c.CreateChatCompletionStream(ctx, question)
				if err != nil {
					return err
				}
				defer events.Close()
				for {
					chunk, err := events.Recv()
					if errors.Is(err, io.EOF) {
						return nil // as its README has it
					}
					if err != nil {
						return err
					}
					each(chunk.Choices[0].Delta.Content)
				}
			},
			upload: func(ctx context.Context, file io.Reader) error {
				data, err := io.ReadAll(file)
				if err != nil {
					return err
				}
				_, err = c.CreateFileBytes(ctx, openai.FileBytesRequest{Name: "notes.txt", Bytes: data, Purpose: "assistants"})
				return err
			},
			write: func(ctx context.Context) error {
				_, err := c.CreateVectorStore(ctx, openai.VectorStoreRequest{Name: "notes"})
				return err
			},
		}, nil
	},
	typed: func(err error) (failure, bool) {
		var e *openai.APIError
		if !errors.As(err, &e) {
			return failure{}, false
		}
		return failure{status: e.HTTPStatusCode, code: fmt.Sprint(e.Code), message: e.Message}, true
	},
	success:  steadyhttptest.ChatCompletion("Hello!"),
	text:     "Hello!",
	down:     openAIDown,
	refused:  failed{openAIRefused, failure{status: 404, code: "model_not_found", message: "There is no such model."}},
	hopeless: failed{openAIBroke, failure{status: 429, code: "insufficient_quota", message: "You exceeded your current quota."}},
	stream:   openAIStream,
	created:  reply(200, `{"id":"file_1","object":"file"}`),
}
