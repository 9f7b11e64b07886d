package integration

import (
	"context"
	"errors"
	"io"
	"net/http"

	"cloud.google.com/go/storage"
	"google.golang.org/api/googleapi"
	"google.golang.org/api/option"

	"github.com/steadyhttp/steadyhttp/steadyhttptest"
)

func newCloudStorage(client *http.Client) (*storage.Client, error) {
	return storage.NewClient(context.Background(), option.WithHTTPClient(client), option.WithoutAuthentication()) // the client has it
}

var cloudStorageSDK = sdk{
	name:   "Google Cloud Storage",
	module: "cloud.google.com/go/storage",
	recipe: "newCloudStorage",
	open: func(client *http.Client) (calls, error) {
		c, err := newCloudStorage(client)
		if err != nil {
			return calls{}, err
		}
		c.SetRetry(storage.WithMaxAttempts(4)) // without, it goes on until the context ends
		return cloudStorageCalls(c), nil
	},
	off: `c.SetRetry(storage.WithPolicy(storage.RetryNever))`,
	once: func(client *http.Client) (calls, error) {
		c, err := newCloudStorage(client)
		if err != nil {
			return calls{}, err
		}
		c.SetRetry(storage.WithPolicy(storage.RetryNever))
		return cloudStorageCalls(c), nil
	},
	typed: func(err error) (failure, bool) {
		var e *googleapi.Error
		if !errors.As(err, &e) {
			return failure{}, false
		}
		return failure{status: e.Code, message: e.Body, requestID: e.Header.Get("X-Guploader-Uploadid")}, true
	},
	success: reply(200, "Hello!"),
	text:    "Hello!",
	down:    steadyhttptest.GoogleError(503, "UNAVAILABLE", "The service is down.", 0),
	refused: failed{
		reply(403, "You have no access.", "X-Guploader-Uploadid", "up_403"),
		failure{status: 403, message: "You have no access.", requestID: "up_403"},
	},
	hopeless: failed{
		reply(403, "The billing account is disabled.", "X-Guploader-Uploadid", "up_403"),
		failure{status: 403, message: "The billing account is disabled.", requestID: "up_403"},
	},
	created: reply(200, `{"name":"notes.txt"}`),
	sent:    attempts + 3, // it goes on after our last attempt, says so in X-Goog-Api-Client, and gets one request for each of its own
	applied: 4,            // by its own retries, which take this POST to be idempotent: the same without us
}

func cloudStorageCalls(c *storage.Client) calls {
	object := c.Bucket("steady").Object("notes.txt")
	return calls{
		ask: func(ctx context.Context) (string, error) {
			r, err := object.NewReader(ctx)
			if err != nil {
				return "", err
			}
			defer r.Close()
			text, err := io.ReadAll(r)
			return string(text), err
		},
		upload: func(ctx context.Context, file io.Reader) error {
			w := object.NewWriter(ctx)
			if _, err := io.Copy(w, file); err != nil {
				return err
			}
			return w.Close()
		},
		write: func(ctx context.Context) error {
			return c.Bucket("steady").Create(ctx, "project", nil)
		},
	}
}
