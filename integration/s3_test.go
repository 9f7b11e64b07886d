package integration

import (
	"context"
	"io"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/steadyhttp/steadyhttp/steadyhttptest"
)

var s3SDK = sdk{
	name:   "AWS s3",
	module: "github.com/aws/aws-sdk-go-v2/service/s3",
	recipe: "newAWS",
	open:   func(client *http.Client) (calls, error) { return s3Calls(s3.NewFromConfig(newAWS(client))), nil },
	off:    `config.RetryMaxAttempts = 1`,
	once: func(client *http.Client) (calls, error) {
		return s3Calls(s3.NewFromConfig(awsOnce(client))), nil
	},
	typed:   awsError,
	success: reply(200, "Hello!"),
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
	created: reply(200, ""),
	sent:    awsSent,
	applied: 3, // by its own retries, which ask for no method: the same without us
}

func s3Calls(c *s3.Client) calls {
	bucket, key := aws.String("steady"), aws.String("notes.txt")
	return calls{
		ask: func(ctx context.Context) (string, error) {
			object, err := c.GetObject(ctx, &s3.GetObjectInput{Bucket: bucket, Key: key})
			if err != nil {
				return "", err
			}
			defer object.Body.Close()
			text, err := io.ReadAll(object.Body)
			return string(text), err
		},
		upload: func(ctx context.Context, file io.Reader) error {
			_, err := c.PutObject(ctx, &s3.PutObjectInput{Bucket: bucket, Key: key, Body: file})
			return err
		},
		write: func(ctx context.Context) error {
			_, err := c.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: bucket, Key: key})
			return err
		},
	}
}

func s3Error(status int, code, message string) steadyhttptest.Reply {
	return reply(status, "<Error><Code>"+code+"</Code><Message>"+message+"</Message><RequestId>req-1</RequestId></Error>", "X-Amz-Request-Id", "req-1")
}
