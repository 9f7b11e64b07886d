package integration

import (
	"context"
	"errors"
	"io"
	"net/http"

	"google.golang.org/genai"

	"github.com/steadyhttp/steadyhttp/steadyhttptest"
)

func newGenAI(client *http.Client) (*genai.Client, error) {
	return genai.NewClient(context.Background(), &genai.ClientConfig{HTTPClient: client, APIKey: "test-key", Backend: genai.BackendGeminiAPI})
}

var genAISDK = sdk{
	name:   "google.golang.org/genai",
	module: "google.golang.org/genai",
	recipe: "newGenAI",
	open: func(client *http.Client) (calls, error) {
		c, err := newGenAI(client)
		return calls{
			ask: func(ctx context.Context) (string, error) {
				answer, err := c.Models.GenerateContent(ctx, "gemini-2.5-flash", genai.Text("Say hello."), nil)
				if err != nil {
					return "", err
				}
				return answer.Text(), nil
			},
			stream: func(ctx context.Context, each func(string)) error {
				for answer, err := range c.Models.GenerateContentStream(ctx, "gemini-2.5-flash", genai.Text("Say hello."), nil) {
					if err != nil {
						return err
					}
					each(answer.Text())
				}
				return nil
			},
			upload: func(ctx context.Context, file io.Reader) error {
				_, err := c.Files.Upload(ctx, file, &genai.UploadFileConfig{MIMEType: "text/plain"})
				return err
			},
			write: func(ctx context.Context) error {
				_, err := c.Caches.Create(ctx, "gemini-2.5-flash", &genai.CreateCachedContentConfig{Contents: genai.Text("A long text.")})
				return err
			},
		}, err
	},
	typed: func(err error) (failure, bool) {
		var e genai.APIError
		if !errors.As(err, &e) {
			return failure{}, false
		}
		return failure{status: e.Code, code: e.Status, message: e.Message}, true
	},
	success: reply(200, `{"candidates":[{"content":{"parts":[{"text":"Hello!"}],"role":"model"},"finishReason":"STOP"}]}`),
	text:    "Hello!",
	down:    steadyhttptest.GoogleError(503, "UNAVAILABLE", "The service is down.", 0),
	refused: failed{
		steadyhttptest.GoogleError(404, "NOT_FOUND", "There is no such model.", 0),
		failure{status: 404, code: "NOT_FOUND", message: "There is no such model."},
	},
	hopeless: failed{
		steadyhttptest.GoogleError(429, "RESOURCE_EXHAUSTED", "Your prepayment credits are depleted. Please go to AI Studio to manage your project and billing.", 0),
		failure{status: 429, code: "RESOURCE_EXHAUSTED", message: "Your prepayment credits are depleted. Please go to AI Studio to manage your project and billing."},
	},
	stream: &stream{
		contentType: "text/event-stream",
		chunks: []string{
			`data: {"candidates":[{"content":{"parts":[{"text":"Hello"}],"role":"model"}}]}` + "\n\n",
			`data: {"candidates":[{"content":{"parts":[{"text":" you!"}],"role":"model"},"finishReason":"STOP"}]}` + "\n\n",
		},
		words: []string{"Hello", " you!"},
	},
	// An upload begins with a request for the address that the bytes go to.
	opening: map[string]steadyhttptest.Reply{
		"/upload/v1beta/files": reply(200, `{}`, "X-Goog-Upload-Url", "https://generativelanguage.googleapis.com/upload/1"),
	},
	created: reply(200, `{"file":{"name":"files/1"}}`, "X-Goog-Upload-Status", "final"),
}
