package integration

import (
	"context"
	"net/http"

	"github.com/tmc/langchaingo/llms"
	"github.com/tmc/langchaingo/llms/openai"

	"github.com/steadyhttp/steadyhttp/steadyhttptest"
)

func newLangChain(client *http.Client) (llms.Model, error) {
	return openai.New(openai.WithHTTPClient(client), openai.WithToken("test-key"), openai.WithModel("gpt-4o"))
}

var langChainSDK = sdk{
	name:   "langchaingo",
	module: "github.com/tmc/langchaingo",
	recipe: "newLangChain",
	open: func(client *http.Client) (calls, error) {
		c, err := newLangChain(client)
		return calls{
			ask: func(ctx context.Context) (string, error) {
				return llms.GenerateFromSinglePrompt(ctx, c, "Say hello.")
			},
			stream: func(ctx context.Context, each func(string)) error {
				_, err := llms.GenerateFromSinglePrompt(ctx, c, "Say hello.",
					llms.WithStreamingFunc(func(_ context.Context, chunk []byte) error {
						each(string(chunk))
						return nil
					}))
				return err
			},
		}, err
	},
	typed: func(err error) (failure, bool) { // its errors are texts
		return failure{message: err.Error()}, true
	},
	success:  steadyhttptest.ChatCompletion("Hello!"),
	text:     "Hello!",
	down:     openAIDown,
	refused:  failed{openAIRefused, failure{message: "API returned unexpected status code: 404: There is no such model."}},
	hopeless: failed{openAIBroke, failure{message: "API returned unexpected status code: 429: You exceeded your current quota."}},
	stream:   openAIStream,
}
