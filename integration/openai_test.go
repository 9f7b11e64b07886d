package integration

import (
	"context"
	"errors"
	"net/http"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"

	"github.com/steadyhttp/steadyhttp/steadyhttptest"
)

var openAI = sdk{
	name: "openai-go",
	path: "/v1/chat/completions",
	chat: func(ctx context.Context, client *http.Client, url string) (string, error) {
		c := openai.NewClient(option.WithHTTPClient(client), option.WithBaseURL(url+"/v1"), option.WithAPIKey("none"))
		answer, err := c.Chat.Completions.New(ctx, openai.ChatCompletionNewParams{
			Model:    "gpt-4o",
			Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage("Say hello.")},
		})
		if err != nil {
			return "", err
		}
		return answer.Choices[0].Message.Content, nil
	},
	status: func(err error) (int, string) {
		var e *openai.Error
		if !errors.As(err, &e) {
			return 0, ""
		}
		return e.StatusCode, e.Code
	},
	success:     steadyhttptest.ChatCompletion("Hello!"),
	unavailable: steadyhttptest.OpenAIError(503, "server_error", "", "The server is down."),
	outOfMoney:  steadyhttptest.OpenAIError(429, "insufficient_quota", "insufficient_quota", "You exceeded your current quota."),
	code:        "insufficient_quota",
}
