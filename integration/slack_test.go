package integration

import (
	"context"
	"errors"
	"io"
	"net/http"

	"github.com/slack-go/slack"

	"github.com/steadyhttp/steadyhttp/steadyhttptest"
)

func newSlack(client *http.Client) *slack.Client {
	return slack.New("test-token", slack.OptionHTTPClient(client))
}

var slackSDK = sdk{
	name:   "slack-go",
	module: "github.com/slack-go/slack",
	recipe: "newSlack",
	open: func(client *http.Client) (calls, error) {
		c := newSlack(client)
		return calls{
			ask: func(ctx context.Context) (string, error) {
				who, err := c.AuthTestContext(ctx)
				if err != nil {
					return "", err
				}
				return who.Team, nil
			},
			upload: func(ctx context.Context, file io.Reader) error {
				_, err := c.UploadFileContext(ctx, slack.UploadFileParameters{Reader: file, Filename: "notes.txt", FileSize: 64 << 10})
				return err
			},
			write: func(ctx context.Context) error {
				_, _, err := c.PostMessageContext(ctx, "C1", slack.MsgOptionText("hello", false))
				return err
			},
		}, nil
	},
	typed: func(err error) (failure, bool) {
		if e := (slack.SlackErrorResponse{}); errors.As(err, &e) {
			return failure{status: 200, code: e.Err}, true
		}
		if e := (slack.StatusCodeError{}); errors.As(err, &e) {
			return failure{status: e.Code, message: e.Status}, true
		}
		return failure{}, false
	},
	success:  reply(200, `{"ok":true,"team":"steady"}`),
	text:     "steady",
	down:     reply(503, `{"ok":false,"error":"service_unavailable"}`),
	refused:  failed{reply(404, "not found"), failure{status: 404, message: "404 Not Found"}},
	hopeless: failed{reply(200, `{"ok":false,"error":"account_inactive"}`), failure{status: 200, code: "account_inactive"}},
	opening: map[string]steadyhttptest.Reply{
		"/api/files.getUploadURLExternal":   reply(200, `{"ok":true,"upload_url":"https://files.slack.com/upload/v1/1","file_id":"F1"}`),
		"/api/files.completeUploadExternal": reply(200, `{"ok":true,"files":[{"id":"F1"}]}`),
	},
	created: reply(200, `{"ok":true}`),
	sent:    1, // all that it asks is a POST, which a 503 that names no wait may have carried out
}
