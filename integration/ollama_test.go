package integration

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"

	ollama "github.com/ollama/ollama/api"
)

func newOllama(client *http.Client) *ollama.Client {
	return ollama.NewClient(&url.URL{Scheme: "http", Host: "127.0.0.1:11434"}, client)
}

var ollamaSDK = sdk{
	name:   "ollama api",
	module: "github.com/ollama/ollama",
	recipe: "newOllama",
	open: func(client *http.Client) (calls, error) {
		c := newOllama(client)
		chat := func(ctx context.Context, stream bool, each func(string)) error {
			return c.Chat(ctx, &ollama.ChatRequest{
				Model:    "llama3.2",
				Messages: []ollama.Message{{Role: "user", Content: "Say hello."}},
				Stream:   &stream,
			}, func(answer ollama.ChatResponse) error {
				each(answer.Message.Content)
				return nil
			})
		}
		return calls{
			ask: func(ctx context.Context) (text string, err error) {
				err = chat(ctx, false, func(word string) { text += word })
				return text, err
			},
			stream: func(ctx context.Context, each func(string)) error { return chat(ctx, true, each) },
			upload: func(ctx context.Context, file io.Reader) error {
				return c.CreateBlob(ctx, "sha256:1234", file)
			},
			write: func(ctx context.Context) error {
				return c.Copy(ctx, &ollama.CopyRequest{Source: "llama3.2", Destination: "mine"})
			},
		}, nil
	},
	typed: func(err error) (failure, bool) {
		var e ollama.StatusError
		if !errors.As(err, &e) {
			return failure{}, false
		}
		return failure{status: e.StatusCode, message: e.ErrorMessage}, true
	},
	success:  reply(200, `{"model":"llama3.2","message":{"role":"assistant","content":"Hello!"},"done":true,"done_reason":"stop"}`),
	text:     "Hello!",
	down:     reply(503, `{"error":"server busy, please try again. maximum pending requests exceeded"}`),
	refused:  failed{reply(404, `{"error":"model 'llama3.2' not found"}`), failure{status: 404, message: "model 'llama3.2' not found"}},
	hopeless: failed{reply(402, `{"error":"payment required"}`), failure{status: 402, message: "payment required"}},
	stream: &stream{
		contentType: "application/x-ndjson",
		chunks: []string{
			`{"model":"llama3.2","message":{"role":"assistant","content":"Hello"},"done":false}` + "\n",
			`{"model":"llama3.2","message":{"role":"assistant","content":" you!"},"done":false}` + "\n",
			`{"model":"llama3.2","message":{"role":"assistant","content":""},"done":true,"done_reason":"stop"}` + "\n",
		},
		words: []string{"Hello", " you!"},
		blind: true, // its client drops what the reading of a stream ends with, a broken connection included
	},
	created: reply(201, ""),
}
