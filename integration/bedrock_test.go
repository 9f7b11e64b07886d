package integration

import (
	"bytes"
	"context"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime/types"

	"github.com/aws/aws-sdk-go-v2/aws"
)

var bedrockSDK = sdk{
	name:   "AWS bedrockruntime",
	module: "github.com/aws/aws-sdk-go-v2/service/bedrockruntime",
	recipe: "newAWS",
	open: func(client *http.Client) (calls, error) {
		return bedrockCalls(bedrockruntime.NewFromConfig(newAWS(client))), nil
	},
	off: `config.RetryMaxAttempts = 1`,
	once: func(client *http.Client) (calls, error) {
		return bedrockCalls(bedrockruntime.NewFromConfig(awsOnce(client))), nil
	},
	typed:   awsError,
	success: reply(200, `{"output":{"message":{"role":"assistant","content":[{"text":"Hello!"}]}},"stopReason":"end_turn","usage":{"inputTokens":9,"outputTokens":2,"totalTokens":11}}`),
	text:    "Hello!",
	down:    reply(503, `{"message":"Bedrock is unable to process your request."}`, "X-Amzn-Errortype", "ServiceUnavailableException"),
	refused: failed{
		reply(400, `{"message":"The provided model identifier is invalid."}`, "X-Amzn-Errortype", "ValidationException", "X-Amzn-Requestid", "req-400"),
		failure{400, "ValidationException", "The provided model identifier is invalid.", "req-400"},
	},
	hopeless: failed{
		reply(400, `{"message":"Your request exceeds the service quota for your account."}`, "X-Amzn-Errortype", "ServiceQuotaExceededException", "X-Amzn-Requestid", "req-402"),
		failure{400, "ServiceQuotaExceededException", "Your request exceeds the service quota for your account.", "req-402"},
	},
	stream: &stream{
		contentType: "application/vnd.amazon.eventstream",
		chunks: []string{
			awsEvent("messageStart", `{"role":"assistant"}`),
			awsEvent("contentBlockDelta", `{"contentBlockIndex":0,"delta":{"text":"Hello"}}`),
			awsEvent("contentBlockDelta", `{"contentBlockIndex":0,"delta":{"text":" you!"}}`),
			awsEvent("contentBlockStop", `{"contentBlockIndex":0}`),
			awsEvent("messageStop", `{"stopReason":"end_turn"}`),
		},
		first: 1,
		words: []string{"Hello", " you!"},
	},
	sent: awsSent,
}

func bedrockCalls(c *bedrockruntime.Client) calls {
	model := aws.String("amazon.nova-lite-v1:0")
	messages := []types.Message{{
		Role:    types.ConversationRoleUser,
		Content: []types.ContentBlock{&types.ContentBlockMemberText{Value: "Say hello."}},
	}}
	return calls{
		ask: func(ctx context.Context) (string, error) {
			answer, err := c.Converse(ctx, &bedrockruntime.ConverseInput{ModelId: model, Messages: messages})
			if err != nil {
				return "", err
			}
			message := answer.Output.(*types.ConverseOutputMemberMessage).Value
			return message.Content[0].(*types.ContentBlockMemberText).Value, nil
		},
		stream: func(ctx context.Context, each func(string)) error {
			answer, err := c.ConverseStream(ctx, &bedrockruntime.ConverseStreamInput{ModelId: model, Messages: messages})
			if err != nil {
				return err
			}
			events := answer.GetStream()
			defer events.Close()
			for event := range events.Events() {
				if delta, ok := event.(*types.ConverseStreamOutputMemberContentBlockDelta); ok {
					each(delta.Value.Delta.(*types.ContentBlockDeltaMemberText).Value)
				}
			}
			return events.Err()
		},
	}
}

// awsEvent is one event in the binary form that AWS's streams have.
func awsEvent(name, payload string) string {
	var b bytes.Buffer
	event := eventstream.Message{
		Headers: eventstream.Headers{
			{Name: ":message-type", Value: eventstream.StringValue("event")},
			{Name: ":event-type", Value: eventstream.StringValue(name)},
			{Name: ":content-type", Value: eventstream.StringValue("application/json")},
		},
		Payload: []byte(payload),
	}
	if err := eventstream.NewEncoder().Encode(&b, event); err != nil {
		panic(err) // it is all ours
	}
	return b.String()
}
