package integration

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	azstreaming "github.com/Azure/azure-sdk-for-go/sdk/azcore/streaming"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/appendblob"

	"github.com/steadyhttp/steadyhttp/steadyhttptest"
)

func newAzureBlob(client *http.Client) (*azblob.Client, error) {
	return azblob.NewClientWithNoCredential("https://steady.blob.core.windows.net/", &azblob.ClientOptions{
		ClientOptions: azcore.ClientOptions{Transport: client},
	})
}

var azureSDK = sdk{
	name:   "azcore azblob",
	module: "github.com/Azure/azure-sdk-for-go/sdk/storage/azblob",
	recipe: "newAzureBlob",
	open: func(client *http.Client) (calls, error) {
		c, err := newAzureBlob(client)
		if err != nil {
			return calls{}, err
		}
		return azureCalls(c, azcore.ClientOptions{Transport: client})
	},
	off: `policy.RetryOptions{MaxRetries: -1}`,
	once: func(client *http.Client) (calls, error) {
		options := azcore.ClientOptions{Transport: client, Retry: policy.RetryOptions{MaxRetries: -1}}
		c, err := azblob.NewClientWithNoCredential("https://steady.blob.core.windows.net/", &azblob.ClientOptions{ClientOptions: options})
		if err != nil {
			return calls{}, err
		}
		return azureCalls(c, options)
	},
	typed: func(err error) (failure, bool) {
		var e *azcore.ResponseError
		if !errors.As(err, &e) {
			return failure{}, false
		}
		return failure{status: e.StatusCode, code: e.ErrorCode, requestID: e.RawResponse.Header.Get("X-Ms-Request-Id")}, true
	},
	success: reply(200, "Hello!"),
	text:    "Hello!",
	down:    azureError(503, "ServerBusy", "The server is busy."),
	refused: failed{
		azureError(404, "BlobNotFound", "The specified blob does not exist."),
		failure{status: 404, code: "BlobNotFound", requestID: "req-1"},
	},
	hopeless: failed{
		azureError(403, "AccountIsDisabled", "The specified account is disabled."),
		failure{status: 403, code: "AccountIsDisabled", requestID: "req-1"},
	},
	created: reply(201, ""),
	hasty:   true,
	sent:    attempts + 3, // it goes on by itself after our last attempt, and gets one request for each of its own
	applied: 4,            // by its own retries, which ask for no method: the same without us
}

func azureCalls(c *azblob.Client, options azcore.ClientOptions) (calls, error) {
	log, err := appendblob.NewClientWithNoCredential(c.URL()+"notes/log.txt", &appendblob.ClientOptions{ClientOptions: options})
	return calls{
		ask: func(ctx context.Context) (string, error) {
			blob, err := c.DownloadStream(ctx, "notes", "notes.txt", nil)
			if err != nil {
				return "", err
			}
			defer blob.Body.Close()
			text, err := io.ReadAll(blob.Body)
			return string(text), err
		},
		upload: func(ctx context.Context, file io.Reader) error {
			_, err := c.UploadStream(ctx, "notes", "notes.txt", file, nil)
			return err
		},
		write: func(ctx context.Context) error {
			_, err := log.AppendBlock(ctx, azstreaming.NopCloser(strings.NewReader("a line\n")), nil)
			return err
		},
	}, err
}

func azureError(status int, code, message string) steadyhttptest.Reply {
	return reply(status, `<?xml version="1.0"?><Error><Code>`+code+`</Code><Message>`+message+`</Message></Error>`,
		"X-Ms-Error-Code", code, "X-Ms-Request-Id", "req-1", "Content-Type", "application/xml")
}
