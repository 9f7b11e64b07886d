package integration

import (
	"context"
	"errors"
	"net/http"

	sdkanthropic "github.com/anthropics/anthropic-sdk-go"
	"github.com/anthropics/anthropic-sdk-go/option"

	"github.com/steadyhttp/steadyhttp/steadyhttptest"
)

var anthropic = sdk{
	name: "anthropic-sdk-go",
	path: "/v1/messages",
	chat: func(ctx context.Context, client *http.Client, url string) (string, error) {
		c := sdkanthropic.NewClient(option.WithHTTPClient(client), option.WithBaseURL(url), option.WithAPIKey("none"))
		answer, err := c.Messages.New(ctx, sdkanthropic.MessageNewParams{
			Model:     "claude-sonnet-4-5",
			MaxTokens: 10,
			Messages:  []sdkanthropic.MessageParam{sdkanthropic.NewUserMessage(sdkanthropic.NewTextBlock("Say hello."))},
		})
		if err != nil {
			return "", err
		}
		return answer.Content[0].Text, nil
	},
	status: func(err error) (int, string) {
		var e *sdkanthropic.Error
		if !errors.As(err, &e) {
			return 0, ""
		}
		return e.StatusCode, "" // it has no code of its own
	},
	success: steadyhttptest.Reply{Body: `{"id":"msg_1","type":"message","role":"assistant","model":"claude-sonnet-4-5",` +
		`"content":[{"type":"text","text":"Hello!"}],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":9,"output_tokens":2}}`},
	unavailable: steadyhttptest.AnthropicError(503, "api_error", "The server is down."),
	outOfMoney:  steadyhttptest.AnthropicError(400, "invalid_request_error", "Your credit balance is too low to access the API."),
}
