package integration

import (
	"context"
	"errors"
	"io"
	"net/http"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

func newMinIO(client *http.Client) (*minio.Client, error) {
	return minio.New("s3.example", &minio.Options{
		Creds:     credentials.NewStaticV4("test-id", "test-secret", ""),
		Secure:    true,
		Region:    "us-east-1", // else it asks for each bucket's first
		Transport: client.Transport,
	})
}

var minioSDK = sdk{
	name:   "minio-go",
	module: "github.com/minio/minio-go/v7",
	recipe: "newMinIO",
	open: func(client *http.Client) (calls, error) {
		c, err := newMinIO(client)
		return minioCalls(c), err
	},
	off: `MaxRetries: 1`,
	once: func(client *http.Client) (calls, error) {
		c, err := minio.New("s3.example", &minio.Options{
			Creds: credentials.NewStaticV4("test-id", "test-secret", ""), Secure: true, Region: "us-east-1", Transport: client.Transport,
			MaxRetries: 1,
		})
		return minioCalls(c), err
	},
	typed: func(err error) (failure, bool) {
		var e minio.ErrorResponse
		if !errors.As(err, &e) {
			return failure{}, false
		}
		return failure{e.StatusCode, e.Code, e.Message, e.RequestID}, true
	},
	success: reply(200, "Hello!", "ETag", `"1"`, "Last-Modified", "Fri, 02 Jan 2026 03:04:05 GMT"),
	text:    "Hello!",
	down:    s3Error(503, "ServiceUnavailable", "The service is down."),
	refused: failed{
		s3Error(404, "NoSuchKey", "There is no such key."),
		failure{404, "NoSuchKey", "There is no such key.", "req-1"},
	},
	hopeless: failed{
		s3Error(403, "AccountProblem", "There is a problem with your account."),
		failure{403, "AccountProblem", "There is a problem with your account.", "req-1"},
	},
	created: reply(200, "", "ETag", `"1"`),
	hasty:   true,
	sent:    attempts + 9, // it goes on by itself after our last attempt, and gets one request for each of its own
	applied: 10,           // by its own retries, which ask for no method: the same without us
}

func minioCalls(c *minio.Client) calls {
	return calls{
		ask: func(ctx context.Context) (string, error) {
			object, err := c.GetObject(ctx, "steady", "notes.txt", minio.GetObjectOptions{})
			if err != nil {
				return "", err
			}
			defer object.Close()
			text, err := io.ReadAll(object)
			return string(text), err
		},
		upload: func(ctx context.Context, file io.Reader) error {
			_, err := c.PutObject(ctx, "steady", "notes.txt", file, 64<<10, minio.PutObjectOptions{})
			return err
		},
		write: func(ctx context.Context) error {
			_, err := minio.Core{Client: c}.NewMultipartUpload(ctx, "steady", "notes.txt", minio.PutObjectOptions{})
			return err
		},
	}
}
