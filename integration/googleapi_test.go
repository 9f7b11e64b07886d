package integration

import (
	"context"
	"errors"
	"io"
	"net/http"

	"google.golang.org/api/googleapi"
	"google.golang.org/api/option"
	"google.golang.org/api/storage/v1"

	"github.com/steadyhttp/steadyhttp/steadyhttptest"
)

func newGoogleAPI(client *http.Client) (*storage.Service, error) {
	return storage.NewService(context.Background(), option.WithHTTPClient(client))
}

var googleAPISDK = sdk{
	name:   "google.golang.org/api",
	module: "google.golang.org/api",
	recipe: "newGoogleAPI",
	open: func(client *http.Client) (calls, error) {
		c, err := newGoogleAPI(client)
		return calls{
			ask: func(ctx context.Context) (string, error) {
				bucket, err := c.Buckets.Get("steady").Context(ctx).Do()
				if err != nil {
					return "", err
				}
				return bucket.Name, nil
			},
			upload: func(ctx context.Context, file io.Reader) error {
				_, err := c.Objects.Insert("steady", &storage.Object{Name: "notes.txt"}).Media(file).Context(ctx).Do()
				return err
			},
			write: func(ctx context.Context) error {
				_, err := c.Buckets.Insert("project", &storage.Bucket{Name: "steady"}).Context(ctx).Do()
				return err
			},
		}, err
	},
	typed: func(err error) (failure, bool) {
		var e *googleapi.Error
		if !errors.As(err, &e) {
			return failure{}, false
		}
		code := ""
		if len(e.Errors) > 0 {
			code = e.Errors[0].Reason
		}
		return failure{e.Code, code, e.Message, e.Header.Get("X-Guploader-Uploadid")}, true
	},
	success: reply(200, `{"name":"steady"}`),
	text:    "steady",
	down:    steadyhttptest.GoogleError(503, "UNAVAILABLE", "The service is down.", 0),
	refused: failed{
		reply(404, `{"error":{"code":404,"message":"There is no such bucket.","errors":[{"reason":"notFound","message":"There is no such bucket."}]}}`, "X-Guploader-Uploadid", "up_404"),
		failure{404, "notFound", "There is no such bucket.", "up_404"},
	},
	hopeless: failed{ // under the status that it has for its rate limits too
		reply(403, `{"error":{"code":403,"message":"The billing account is disabled.","errors":[{"reason":"accountDisabled","message":"The billing account is disabled."}]}}`, "X-Guploader-Uploadid", "up_403"),
		failure{403, "accountDisabled", "The billing account is disabled.", "up_403"},
	},
	created: reply(200, `{"name":"notes.txt"}`),
}
